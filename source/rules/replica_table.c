/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The replica table: protocol.md section 5, the conflict matrix. First match
 * wins; read it from the top as one would read the specification, whose
 * paragraph stands at the end of each row. Where 5.3 has a grid and formulas,
 * the formulas are here: the grid follows from them.
 *
 * The end of a challenge has rows only where a challenge could begin. What is
 * no reason for one any more, because R1 has expired meanwhile, is decided by
 * the other rows as if R2 had just come.
 *
 * Three decisions of ours:
 *
 * A static record of ours is told anew when somebody replicates a dynamic one
 * of its name (5.2 #2; Windows is silent there, and the partner keeps what is
 * wrong). That cannot go round for ever. Whoever hears of the new version
 * replaces what is dynamic with it (#4, #5) or keeps another static (#3), and
 * neither takes a version; the host cannot register over a static. So each
 * version of ours answers one version that a host or an operator made
 * elsewhere, and it comes once, as nobody replicates a version twice. Where
 * MigrateOn, or a partner that refuses statics, lets the host stay, it is the
 * host's new registrations that set the pace; its refreshes there take no
 * versions. Rejected: to compare times of versions, which would be a clock.
 *
 * A name that is blocked (wins:blocked names) is refused as long as it is
 * active and dynamic. A static one an administrator has wanted somewhere. The
 * tombstone and the release come in: they answer nothing, and without them a
 * static that was deleted at its owner would stand here for ever.
 *
 * What comes back to its owner (replica.h) is weighed by version alone, since
 * no version names two records. Against an active record of another owner it
 * has no say: somebody was told that the name lives there.
 */

#include "rules/replica_table.h"

#define BIT(x) (1u << (x))
#define ALL 0xffffffffu

#define CAME BIT(RE_CAME)
#define LOST BIT(RE_LOST)
#define HELD BIT(RE_HELD)

#define BLOCKED BIT(RC_BLOCKED)

#define NEW BIT(RO_NEW)
#define OURS BIT(RO_OURS)
#define SAME BIT(RO_SAME)
#define OTHER BIT(RO_OTHER)
#define BACK_NEW BIT(RO_BACK_NEW)
#define BACK_OURS BIT(RO_BACK_OURS)
#define BACK_OTHER BIT(RO_BACK_OTHER)

#define UA BIT(RR_UA)
#define GA BIT(RR_GA)
#define GT BIT(RR_GT)
#define SA BIT(RR_SA)
#define MA BIT(RR_MA)
#define U_GONE (BIT(RR_UR) | BIT(RR_UT))
#define G_GONE (BIT(RR_GR) | BIT(RR_GT))
#define S_GONE (BIT(RR_SR) | BIT(RR_ST))
#define M_GONE (BIT(RR_MR) | BIT(RR_MT))
#define G_ANY (GA | G_GONE)
#define S_ANY (SA | S_GONE)
#define M_ANY (MA | M_GONE)
#define ACTIVE (UA | GA | SA | MA)

#define DYN 1u
#define FIX 2u

#define OLDER BIT(RL_OLDER)
#define INSIDE BIT(RL_INSIDE)
#define STRANGER BIT(RL_STRANGER)
#define PART BIT(RL_PART)
#define ALL_OF_THEM BIT(RL_ALL)
#define IDENTICAL BIT(RL_IDENTICAL)
#define EMPTY_THEIRS BIT(RL_EMPTY_THEIRS)
#define EMPTY BIT(RL_EMPTY)
#define SUPERSET BIT(RL_SUPERSET)
#define SAME_ADDR BIT(RL_SAME_ADDRESSES)

#define FULL BIT(RM_FULL)
#define ACTING (BIT(RM_FULL) | BIT(RM_NO_DEMAND))
#define OBSERVE BIT(RM_OBSERVE)

const struct replica_row replica_table[] = {
	{ ALL, BLOCKED, ALL, ALL, ALL, ALL, ALL, ALL, ALL, RA_KEEP,
	  "quality C.2 MS09-008: blocked names" },

	/* ---- ours comes back ---- */
	{ ALL, ALL, BACK_NEW, ALL, ALL, ALL, ALL, ALL, ALL, RA_RESTORE,
	  "issue replication 6: lost here" },
	{ ALL, ALL, BACK_OURS, ALL, ALL, ALL, ALL, OLDER, ALL, RA_RESTORE,
	  "issue replication 6: older here" },
	{ ALL, ALL, BACK_OURS, ALL, ALL, ALL, ALL, ALL, ALL, RA_KEEP,
	  "issue replication 6: not older here" },
	{ ALL, ALL, BACK_OTHER, ACTIVE, ALL, ALL, ALL, ALL, ALL, RA_KEEP,
	  "issue replication 6: another's, active" },
	{ ALL, ALL, BACK_OTHER, ALL, ALL, ALL, ALL, ALL, ALL, RA_RESTORE,
	  "issue replication 6: another's, gone" },

	/* ---- 5.2, in its order ---- */
	{ ALL, ALL, NEW, ALL, ALL, ALL, ALL, ALL, ALL, RA_REPLACE,
	  "protocol 5.2 #1" },
	{ ALL, ALL, OURS, ALL, FIX, ALL, DYN, ALL, ACTING, RA_PROPAGATE,
	  "protocol 5.2 #2" },
	{ ALL, ALL, OURS | OTHER, ALL, FIX, ALL, ALL, ALL, ALL, RA_KEEP,
	  "protocol 5.2 #3; Q219295, Q171794 for 1C" },
	{ ALL, ALL, OURS | OTHER, ALL, DYN, ALL, FIX, ALL, ALL, RA_REPLACE,
	  "protocol 5.2 #4" },
	{ ALL, ALL, SAME, ALL, ALL, ALL, ALL, ALL, ALL, RA_REPLACE,
	  "protocol 5.2 #5" },

	/* ---- 5.3a: two foreign owners ---- */
	{ ALL, ALL, OTHER, U_GONE | M_GONE, ALL, ALL, ALL, ALL, ALL,
	  RA_REPLACE, "protocol 5.3a U, M not active" },
	{ ALL, ALL, OTHER, UA | MA, ALL, UA | GA | MA, ALL, ALL, ALL,
	  RA_REPLACE, "protocol 5.3a U, M active; Q135277" },
	{ ALL, ALL, OTHER, UA | MA, ALL, ALL, ALL, ALL, ALL, RA_KEEP,
	  "protocol 5.3a U, M otherwise" },
	{ ALL, ALL, OTHER, G_GONE, ALL, G_ANY, ALL, ALL, ALL, RA_REPLACE,
	  "protocol 5.3a G not active, group" },
	{ ALL, ALL, OTHER, GT, ALL, S_ANY | M_ANY, ALL, ALL, ALL, RA_REPLACE,
	  "protocol 5.3a G tombstone, not unique" },
	{ ALL, ALL, OTHER, G_ANY, ALL, ALL, ALL, ALL, ALL, RA_KEEP,
	  "protocol 5.3a G otherwise" },
	{ ALL, ALL, OTHER, S_GONE, ALL, ALL, ALL, ALL, ALL, RA_REPLACE,
	  "protocol 5.3a S not active" },
	{ ALL, ALL, OTHER, SA, ALL, S_GONE, ALL, ALL, ALL, RA_REPLACE,
	  "protocol 5.3a SA, S not active" },

	/* ---- 5.4: two active special groups of foreign owners ---- */
	{ ALL, ALL, OTHER, SA, ALL, SA, ALL, EMPTY, ALL, RA_KEEP,
	  "protocol 5.4 empty, no members of its owner" },
	{ ALL, ALL, OTHER, SA, ALL, SA, ALL, SUPERSET, ALL, RA_KEEP,
	  "protocol 5.4 superset with owners" },
	{ ALL, ALL, OTHER, SA, ALL, SA, ALL, SAME_ADDR, ALL, RA_REPLACE,
	  "protocol 5.4 same without owners" },
	{ ALL, ALL, OTHER, SA, ALL, SA, ALL, EMPTY_THEIRS, ACTING, RA_MERGE,
	  "protocol 5.4 empty, members of its owner" },
	{ ALL, ALL, OTHER, SA, ALL, SA, ALL, ALL, ACTING, RA_MERGE,
	  "protocol 5.4 else" },
	{ ALL, ALL, OTHER, SA, ALL, SA, ALL, ALL, OBSERVE, RA_MERGE_THEIRS,
	  "design 4.2 wins:observe: a merge is never ours" },
	{ ALL, ALL, OTHER, SA, ALL, ALL, ALL, ALL, ALL, RA_KEEP,
	  "protocol 5.3a SA, not S" },

	/* ---- 5.3b: ours ---- */
	{ ALL, ALL, OURS, U_GONE | S_GONE | M_GONE, ALL, ALL, ALL, ALL, ALL,
	  RA_REPLACE, "protocol 5.3b U, S, M not active" },
	{ ALL, ALL, OURS, G_ANY, ALL, GA, ALL, ALL, ALL, RA_REPLACE,
	  "protocol 5.3b G, active group" },
	{ ALL, ALL, OURS, G_GONE, ALL, G_GONE, ALL, ALL, ALL, RA_REPLACE,
	  "protocol 5.3b G not active, group" },
	{ ALL, ALL, OURS, UA | MA, ALL, UA | MA, ALL, INSIDE, ALL, RA_REPLACE,
	  "protocol 5.3b U, M: addresses contained" },
	{ ALL, ALL, OURS, UA | MA, ALL, UA | MA, ALL, ALL, OBSERVE, RA_KEEP,
	  "design 4.2 wins:observe: no challenge" },
	{ CAME, ALL, OURS, UA | MA, ALL, UA | MA, ALL, ALL, ALL, RA_CHALLENGE,
	  "protocol 5.3b U, M: others" },
	{ ALL, ALL, OURS, UA | MA, ALL, GA | SA, ALL, ALL, FULL, RA_DEMAND,
	  "protocol 5.3b U, M: active group, 5.5" },
	{ ALL, ALL, OURS, UA | MA, ALL, GA | SA, ALL, ALL, ALL, RA_REPLACE,
	  "design 4.2 wins:demand delay, wins:observe" },
	{ ALL, ALL, OURS, SA, ALL, SA, ALL, IDENTICAL, ALL, RA_KEEP,
	  "protocol 5.3b S: identical" },
	{ ALL, ALL, OURS, SA, ALL, SA, ALL, ALL, ACTING, RA_MERGE,
	  "protocol 5.3b S: 5.4" },
	{ ALL, ALL, OURS, SA, ALL, SA, ALL, ALL, OBSERVE, RA_MERGE_THEIRS,
	  "design 4.2 wins:observe: a merge is never ours" },

	/* ---- 5.6: the end of a challenge ---- */
	{ LOST, ALL, OURS, UA | MA, ALL, UA | MA, ALL, ALL, ALL, RA_REPLACE,
	  "protocol 5.6 silent or denied" },
	{ HELD, ALL, OURS, UA | MA, ALL, UA | MA, ALL, STRANGER, ALL, RA_KEEP,
	  "protocol 5.6 another host" },
	{ HELD, ALL, OURS, UA | MA, ALL, UA | MA, ALL, PART, FULL,
	  RA_LATE_RELEASE, "protocol 5.6 late release" },
	{ HELD, ALL, OURS, UA | MA, ALL, UA | MA, ALL, PART, ALL, RA_KEEP,
	  "design 4.2 wins:demand delay" },
	{ HELD, ALL, OURS, UA | MA, ALL, UA | MA, ALL, ALL_OF_THEM, ALL,
	  RA_MHOMED_MERGE, "protocol 5.6 one host" },

	/* ---- 5.3b: everything else, so no row comes after these ---- */
	{ ALL, ALL, OURS, ALL, ALL, ALL, ALL, ALL, ACTING, RA_PROPAGATE,
	  "protocol 5.3b otherwise" },
	{ ALL, ALL, OURS, ALL, ALL, ALL, ALL, ALL, OBSERVE, RA_KEEP,
	  "design 4.2 wins:observe: no version" },
};

const unsigned int replica_table_rows =
	sizeof(replica_table) / sizeof(replica_table[0]);

static bool covers(const struct replica_row *row,
		   const struct replica_cell *cell)
{
	return (row->events & BIT(cell->event)) &&
	       (row->classes & BIT(cell->class)) &&
	       (row->owners & BIT(cell->owners)) &&
	       (row->records & BIT(cell->record)) &&
	       (row->fixed & BIT(cell->fixed)) &&
	       (row->incoming & BIT(cell->incoming)) &&
	       (row->incoming_fixed & BIT(cell->incoming_fixed)) &&
	       (row->relation & BIT(cell->relation)) &&
	       (row->modes & BIT(cell->mode));
}

int replica_table_find(const struct replica_row *table, unsigned int rows,
		       const struct replica_cell *cell)
{
	for (unsigned int i = 0; i < rows; i++) {
		if (covers(&table[i], cell)) {
			return (int)i;
		}
	}
	return -1;
}

const char *replica_action_name(enum replica_action action)
{
	static const char *const names[RA_COUNT] = {
		[RA_KEEP] = "keep",
		[RA_REPLACE] = "replace",
		[RA_RESTORE] = "restore",
		[RA_PROPAGATE] = "propagate",
		[RA_DEMAND] = "replace-and-demand",
		[RA_CHALLENGE] = "challenge",
		[RA_LATE_RELEASE] = "late-release",
		[RA_MHOMED_MERGE] = "mhomed-merge",
		[RA_MERGE] = "merge",
		[RA_MERGE_THEIRS] = "merge-as-theirs",
	};

	return action < RA_COUNT ? names[action] : "?";
}
