/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client table. First match wins; read it from the top as one would read
 * the specification, whose paragraph stands at the end of each row.
 *
 * Three blocks differ from the reference implementation on purpose:
 * - An internet group of ours whose own members have all expired keeps the
 *   members of other owners (6, and Q216585: 1C lists disappeared); the
 *   reference releases the whole group and forgets living domain controllers.
 * - A refresh that finds other members of ours expired takes a version
 *   (Q140978: each change of the members); the reference drops them without
 *   a word, and at its partners they live on.
 * - A group registration never alters a static unique or multihomed record,
 *   MigrateOn or not: MigrateOn is for hosts that moved, not for a name that
 *   changes its meaning.
 *
 * A situation that no row covers is a bug, but for those that cannot come
 * about: the end of a challenge that finds a group (groups are not challenged,
 * and a record that changed meanwhile voids the challenge), and the clock
 * striking for a static record or for none. The tests walk every cell.
 */

#include "rules/client_table.h"

#define BIT(x) (1u << (x))
#define ALL 0xffffffffu

/* events */
#define CLAIM (BIT(NB_EV_REGISTER) | BIT(NB_EV_MREGISTER) | BIT(NB_EV_REFRESH))
#define LOST BIT(NB_EV_CHALLENGE_LOST)
#define HELD BIT(NB_EV_CHALLENGE_HELD)
#define RELEASE BIT(NB_EV_RELEASE)
#define QUERY BIT(NB_EV_QUERY)
#define DUE BIT(NB_EV_DUE)
#define ADD BIT(NB_EV_ADD)
#define DELETE BIT(NB_EV_DELETE)
#define TOMBSTONE BIT(NB_EV_TOMBSTONE)
#define ADMREL BIT(NB_EV_ADMIN_RELEASE)
#define TOUCH BIT(NB_EV_TOUCH)
#define ADOPT BIT(NB_EV_ADOPT)
#define VERIFY_LOST BIT(NB_EV_VERIFY_LOST)
#define VERIFY_HELD BIT(NB_EV_VERIFY_HELD)
#define VERIFY (VERIFY_LOST | VERIFY_HELD)
#define REGISTRATION (CLAIM | LOST | HELD)

/* classes */
#define U BIT(CLASS_UNIQUE)
#define M BIT(CLASS_MHOMED)
#define G BIT(CLASS_GROUP)
#define S BIT(CLASS_SGROUP)
#define BLOCKED BIT(CLASS_BLOCKED)
#define C_1D BIT(CLASS_1D)
#define C_1B BIT(CLASS_1B_GROUP)
#define C_1C BIT(CLASS_1C_UNIQUE)
#define C_1E BIT(CLASS_1E_UNIQUE)
#define SCOPE BIT(CLASS_SCOPE)
#define BADADDR BIT(CLASS_BAD_ADDRESS)
#define SPOOFED BIT(CLASS_SPOOFED)
#define GUARDED BIT(CLASS_PROTECTED)
#define OBSERVED BIT(CLASS_OBSERVED)

/* records */
#define NONE BIT(REC_NONE)
#define UA BIT(REC_UA)
#define GA BIT(REC_GA)
#define SA BIT(REC_SA)
#define MA BIT(REC_MA)
#define ACTIVE (UA | GA | SA | MA)
#define RELEASED (BIT(REC_UR) | BIT(REC_GR) | BIT(REC_SR) | BIT(REC_MR))
#define TOMB (BIT(REC_UT) | BIT(REC_GT) | BIT(REC_ST) | BIT(REC_MT))
#define GONE (RELEASED | TOMB)
#define U_ANY (UA | BIT(REC_UR) | BIT(REC_UT))
#define G_ANY (GA | BIT(REC_GR) | BIT(REC_GT))
#define S_ANY (SA | BIT(REC_SR) | BIT(REC_ST))
#define M_ANY (MA | BIT(REC_MR) | BIT(REC_MT))
#define ANY (ACTIVE | GONE)

#define DYN 1u
#define FIX 2u
#define OURS 1u
#define REPL 2u
#define STRANGER BIT(REL_STRANGER)
#define LISTED BIT(REL_LISTED)
#define ONLY BIT(REL_ONLY)
#define SURVIVOR BIT(REL_SURVIVOR)
#define MEMBER (LISTED | ONLY | SURVIVOR)
#define OFF 1u
#define ON 2u

const struct client_row client_table[] = {
	/* ---- query: 2.9; first, as there are a hundred to a claim ---- */
	{ QUERY, BLOCKED, ALL, ALL, ALL, ALL, ALL, ACT_ANSWER_NEGATIVE,
	  "design 4.2 wins:blocked names" },
	{ QUERY, C_1D, ALL, ALL, ALL, ALL, ALL, ACT_ANSWER_NEGATIVE,
	  "protocol 2.9 #1" },
	{ QUERY, ALL, NONE, ALL, ALL, ALL, ALL, ACT_ANSWER_NEGATIVE,
	  "protocol 2.9 #2" },
	{ QUERY, ALL, G_ANY, ALL, ALL, ALL, ALL, ACT_ANSWER_GROUP,
	  "protocol 2.9 #4" },
	{ QUERY, ALL, GONE, ALL, ALL, ALL, ALL, ACT_ANSWER_NEGATIVE,
	  "protocol 2.9 #5" },
	{ QUERY, ALL, ACTIVE, ALL, ALL, ALL, ALL, ACT_ANSWER_ADDRESSES,
	  "protocol 2.9 #6" },

	/* ---- registration, multihomed registration, refresh ---- */
	{ REGISTRATION, BLOCKED, ALL, ALL, ALL, ALL, ALL, ACT_REFUSE_RFS,
	  "design 4.2 wins:blocked names" },
	{ REGISTRATION, C_1D, ALL, ALL, ALL, ALL, ALL, ACT_ACCEPT,
	  "protocol 2.3 #1" },
	{ REGISTRATION, C_1B, ALL, ALL, ALL, ALL, ALL, ACT_REFUSE_RFS,
	  "protocol 2.3 #2" },
	{ REGISTRATION, C_1C, ALL, ALL, ALL, ALL, ALL, ACT_REFUSE_RFS,
	  "protocol 2.3 #3" },
	{ REGISTRATION, C_1E, ALL, ALL, ALL, ALL, ALL, ACT_REFUSE_RFS,
	  "protocol 2.3 #4" },
	{ REGISTRATION, SCOPE, ALL, ALL, ALL, ALL, ALL, ACT_REFUSE_SRV,
	  "protocol 2.3 #5" },
	{ REGISTRATION, BADADDR, ALL, ALL, ALL, ALL, ALL, ACT_REFUSE_RFS,
	  "quality C.5 #4" },
	{ REGISTRATION, SPOOFED, ALL, ALL, ALL, ALL, ALL, ACT_REFUSE_RFS,
	  "design 4.2 wins:source must match" },
	{ REGISTRATION, ALL, NONE, ALL, ALL, ALL, ALL, ACT_STORE_NEW,
	  "protocol 2.3 #7" },

	{ REGISTRATION, ALL, G_ANY | S_ANY, FIX, ALL, ALL, ALL, ACT_ACCEPT,
	  "protocol 2.3 #10" },
	{ REGISTRATION, G | S, U_ANY | M_ANY, FIX, ALL, ALL, ALL,
	  ACT_REFUSE_ACT, "protocol 2.3 #11, also with MigrateOn" },
	{ REGISTRATION, ALL, U_ANY | M_ANY, FIX, ALL, ALL, OFF, ACT_REFUSE_ACT,
	  "protocol 2.3 #11" },
	{ CLAIM, U | M, UA | MA, FIX, ALL, MEMBER, ON, ACT_TAKE_OVER,
	  "microsoft-wins 2 MigrateOn=1, same IP" },

	{ REGISTRATION, U | M | S, G_ANY, ALL, ALL, ALL, ALL, ACT_REFUSE_ACT,
	  "protocol 2.3 #12" },
	{ CLAIM, G, GA, DYN, OURS, ALL, ALL, ACT_REFRESH, "protocol 2.3 #13" },
	{ CLAIM, G, GA, DYN, REPL, ALL, ALL, ACT_TAKE_OVER,
	  "protocol 2.3 #13, 2.7" },
	{ CLAIM, ALL, GONE, ALL, ALL, ALL, ALL, ACT_STORE_NEW,
	  "protocol 2.3 #14, #15" },
	{ CLAIM, G, UA | MA, DYN, ALL, ALL, ALL, ACT_CHALLENGE,
	  "protocol 2.3 #16" },
	{ CLAIM, ALL, UA | MA, DYN, OURS, MEMBER, ALL, ACT_REFRESH,
	  "protocol 2.3 #17" },
	{ CLAIM, ALL, UA | MA, DYN, REPL, MEMBER, ALL, ACT_TAKE_OVER,
	  "protocol 2.3 #17, 2.7" },
	{ CLAIM, ALL, UA | MA, ALL, ALL, STRANGER, ALL, ACT_CHALLENGE,
	  "protocol 2.3 #18" },
	{ CLAIM, U | M | G, SA, ALL, ALL, ALL, ALL, ACT_REFUSE_ACT,
	  "protocol 2.3 #19" },
	{ CLAIM, S, SA, ALL, OURS, LISTED | ONLY, ALL, ACT_REFRESH,
	  "protocol 2.3 #20" },
	{ CLAIM, S, SA, ALL, OURS, SURVIVOR, ALL, ACT_TAKE_OVER,
	  "issue Q140978: partners learn who has expired" },
	{ CLAIM, S, SA, ALL, REPL, MEMBER, ALL, ACT_TAKE_OVER,
	  "protocol 2.3 #20, 2.7" },
	{ CLAIM, S, SA, ALL, ALL, STRANGER, ALL, ACT_TAKE_OVER,
	  "protocol 2.3 #21" },

	/* ---- a challenge has ended: 2.5 step 4 ---- */
	{ LOST, ALL, U_ANY | M_ANY, ALL, ALL, ALL, ALL, ACT_STORE_NEW,
	  "protocol 2.5 lost" },
	{ HELD, G | S, U_ANY | M_ANY, ALL, ALL, ALL, ALL, ACT_REFUSE_ACT,
	  "protocol 2.5 held, group" },
	{ HELD, ALL, U_ANY | M_ANY, ALL, ALL, STRANGER, ALL, ACT_REFUSE_ACT,
	  "protocol 2.5 held, other host" },
	{ HELD, ALL, U_ANY | M_ANY, ALL, ALL, MEMBER, ALL, ACT_MERGE,
	  "protocol 2.5 held, same host" },

	/* ---- release: 2.6 ---- */
	{ RELEASE, C_1D, ALL, ALL, ALL, ALL, ALL, ACT_RELEASE_IGNORE,
	  "protocol 2.6 #1" },
	{ RELEASE, SCOPE, ALL, ALL, ALL, ALL, ALL, ACT_RELEASE_IGNORE,
	  "protocol 2.6 #2" },
	{ RELEASE, ALL, NONE, ALL, ALL, ALL, ALL, ACT_RELEASE_IGNORE,
	  "protocol 2.6 #3" },
	{ RELEASE, ALL, U_ANY | M_ANY, FIX, ALL, ALL, ALL, ACT_RELEASE_IGNORE,
	  "protocol 2.6 #4" },
	{ RELEASE, ALL, G_ANY | S_ANY, FIX, ALL, ALL, ALL, ACT_RELEASE_REFUSE,
	  "protocol 2.6 #5" },
	{ RELEASE, ALL, GONE, ALL, ALL, ALL, ALL, ACT_RELEASE_IGNORE,
	  "protocol 2.6 #6" },
	{ RELEASE, ALL, ACTIVE, ALL, ALL, STRANGER, ALL, ACT_RELEASE_IGNORE,
	  "protocol 2.6 #7" },
	{ RELEASE, ALL, SA | MA, ALL, OURS, LISTED, OFF, ACT_RELEASE_MEMBER,
	  "protocol 2.6 #9 partial" },
	{ RELEASE, ALL, SA | MA, ALL, ALL, LISTED, ALL, ACT_RELEASE_MEMBER_NEW,
	  "protocol 2.6 #9 partial, replica or propagated" },
	{ RELEASE, ALL, ACTIVE, ALL, OURS, ALL, ALL, ACT_RELEASE_ALL,
	  "protocol 2.6 #8, #9 last" },
	{ RELEASE, ALL, ACTIVE, ALL, REPL, ALL, ALL, ACT_RELEASE_REPLICA,
	  "protocol 2.6 #8, #9 last, replica" },

	/* ---- its time has come: section 6 ---- */
	{ DUE, OBSERVED, ANY, ALL, OURS, ALL, ALL, ACT_NOTHING,
	  "design 4.2 wins:observe: ours are left alone" },
	{ DUE, ALL, ACTIVE, DYN, REPL, ALL, ALL, ACT_NOTHING,
	  "protocol 6 pass 3: replication verifies" },
	{ DUE, ALL, SA, DYN, OURS, LISTED, ALL, ACT_DUE_PRUNE_NEW,
	  "protocol 6 pass 1 members of others, Q216585" },
	{ DUE, ALL, UA | GA | MA, DYN, OURS, LISTED, ALL, ACT_DUE_PRUNE,
	  "protocol 2.1 expiry on read, written" },
	{ DUE, ALL, SA, DYN, OURS, ALL, ON, ACT_DUE_TOMBSTONE_LONG,
	  "protocol 6 pass 1 propagate" },
	{ DUE, ALL, ACTIVE, DYN, OURS, ALL, ALL, ACT_DUE_RELEASE,
	  "protocol 6 pass 1 active" },
	{ DUE, ALL, RELEASED, ALL, OURS, ALL, ALL, ACT_TOMBSTONE,
	  "protocol 6 pass 1 released" },
	{ DUE, ALL, RELEASED, ALL, REPL, ALL, ALL, ACT_DUE_TOMBSTONE_REPLICA,
	  "protocol 6 pass 2 released" },
	{ DUE, ALL, TOMB, ALL, ALL, ALL, ON, ACT_DELETE,
	  "protocol 6 pass 1, 2 tombstone" },
	{ DUE, ALL, TOMB, ALL, ALL, ALL, OFF, ACT_NOTHING,
	  "protocol 2.8 minimum uptime; issue replication 7" },

	/* ---- the owner of a replica was asked: section 6 pass 3 ---- */
	{ VERIFY, ALL, ALL, FIX, ALL, ALL, ALL, ACT_NOTHING,
	  "issue Q164631: statics are never verified away" },
	{ VERIFY, ALL, NONE | GONE, ALL, ALL, ALL, ALL, ACT_NOTHING,
	  "protocol 6 pass 3: active ones only" },
	{ VERIFY, ALL, ACTIVE, ALL, OURS, ALL, ALL, ACT_NOTHING,
	  "protocol 6 pass 3: foreign ones only" },
	{ VERIFY_LOST, ALL, ACTIVE, ALL, REPL, ALL, ALL, ACT_DELETE,
	  "protocol 6 pass 3 negative" },
	{ VERIFY_HELD, ALL, ACTIVE, ALL, REPL, LISTED, ALL, ACT_VERIFIED,
	  "protocol 6 pass 3 same" },
	{ VERIFY_HELD, ALL, ACTIVE, ALL, REPL, ONLY, ALL, ACT_NOTHING,
	  "protocol 6 pass 3 other error" },
	{ VERIFY_HELD, OBSERVED, ACTIVE, ALL, REPL, ALL, ALL, ACT_NOTHING,
	  "design 4.2 wins:observe: no tombstone" },
	{ VERIFY_HELD, ALL, ACTIVE, ALL, REPL, ALL, ALL, ACT_TOMBSTONE,
	  "protocol 6 pass 3 unknown address" },

	/* ---- operators: design 4.3 ---- */
	{ ADD, BLOCKED | C_1D | C_1B | C_1C | C_1E | SCOPE | BADADDR, ALL, ALL,
	  ALL, ALL, ALL, ACT_OP_REFUSE, "protocol 2.3 #1 to #5, for statics" },
	{ ADD, ALL, NONE | GONE, ALL, ALL, ALL, ALL, ACT_OP_STORE,
	  "design 4.3 add" },
	{ ADD, ALL, ACTIVE, ALL, ALL, ONLY, ALL, ACT_NOTHING,
	  "design 4.3 add: stands so already" },
	{ ADD, ALL, ACTIVE, FIX, OURS, ALL, ALL, ACT_OP_STORE,
	  "microsoft-wins 2: change of a static" },
	{ ADD, ALL, ACTIVE, ALL, ALL, ALL, ON, ACT_OP_STORE,
	  "design 4.3 add --yes" },
	{ ADD, ALL, ACTIVE, ALL, ALL, ALL, OFF, ACT_OP_CONFLICT,
	  "design 4.3 add: a living record" },
	{ DELETE | TOMBSTONE | ADMREL | TOUCH | ADOPT, ALL, NONE, ALL, ALL, ALL,
	  ALL, ACT_OP_NOT_FOUND, "design 4.3" },
	{ ADOPT, ALL, ANY, ALL, OURS, ALL, ALL, ACT_NOTHING,
	  "issue replication 9 adopt: ours already" },
	{ ADOPT, ALL, ANY, ALL, REPL, ALL, ALL, ACT_OP_ADOPT,
	  "issue replication 9 adopt" },
	{ TOUCH, ALL, ANY, ALL, OURS, ALL, ALL, ACT_OP_TOUCH,
	  "issue Q188598: versions without a release" },
	{ TOUCH, ALL, ANY, ALL, REPL, ALL, ALL, ACT_OP_REFUSE,
	  "design 2: versions only for what we own" },
	{ DELETE | TOMBSTONE | ADMREL, GUARDED, ANY, ALL, ALL, ALL, OFF,
	  ACT_OP_CONFLICT, "design 4.3: protected without --yes" },
	{ DELETE, ALL, ANY, ALL, ALL, ALL, ALL, ACT_DELETE,
	  "microsoft-wins 2: delete on this server" },
	{ TOMBSTONE, ALL, TOMB, ALL, OURS, ALL, ALL, ACT_NOTHING,
	  "microsoft-wins 2: tombstoned already" },
	{ TOMBSTONE, ALL, ANY, ALL, ALL, ALL, ALL, ACT_TOMBSTONE,
	  "microsoft-wins 2: manual tombstoning" },
	{ ADMREL, ALL, GONE, ALL, ALL, ALL, ALL, ACT_NOTHING,
	  "design 4.3 release" },
	{ ADMREL, ALL, ACTIVE, ALL, ALL, STRANGER, ALL, ACT_OP_NOT_FOUND,
	  "design 4.3 release ADDRESS" },
	{ ADMREL, ALL, SA | MA, ALL, OURS, LISTED, ALL, ACT_RELEASE_MEMBER,
	  "protocol 2.6 #9 by an operator" },
	{ ADMREL, ALL, SA | MA, ALL, REPL, LISTED, ALL, ACT_RELEASE_MEMBER_NEW,
	  "protocol 2.6 #9 by an operator, replica" },
	{ ADMREL, ALL, ACTIVE, ALL, OURS, ALL, ALL, ACT_RELEASE_ALL,
	  "protocol 2.6 #8 by an operator" },
	{ ADMREL, ALL, ACTIVE, ALL, REPL, ALL, ALL, ACT_RELEASE_REPLICA,
	  "protocol 2.6 #8 by an operator, replica" },
};

const unsigned int client_table_rows =
	sizeof(client_table) / sizeof(client_table[0]);

static bool covers(const struct client_row *row, const struct client_cell *cell)
{
	return (row->events & BIT(cell->event)) &&
	       (row->classes & BIT(cell->class)) &&
	       (row->records & BIT(cell->record)) &&
	       (row->fixed & BIT(cell->fixed)) &&
	       (row->foreign & BIT(cell->foreign)) &&
	       (row->relation & BIT(cell->relation)) &&
	       (row->sw & BIT(cell->sw));
}

int client_table_find(const struct client_row *table, unsigned int rows,
		      const struct client_cell *cell)
{
	for (unsigned int i = 0; i < rows; i++) {
		if (covers(&table[i], cell)) {
			return (int)i;
		}
	}
	return -1;
}

const char *client_action_name(enum client_action action)
{
	static const char *const names[ACT_COUNT] = {
		[ACT_ACCEPT] = "accept",
		[ACT_REFUSE_RFS] = "refuse-rfs",
		[ACT_REFUSE_ACT] = "refuse-act",
		[ACT_REFUSE_SRV] = "refuse-srv",
		[ACT_STORE_NEW] = "store-new",
		[ACT_REFRESH] = "refresh",
		[ACT_TAKE_OVER] = "take-over",
		[ACT_MERGE] = "merge",
		[ACT_CHALLENGE] = "challenge",
		[ACT_RELEASE_IGNORE] = "release-ignore",
		[ACT_RELEASE_REFUSE] = "release-refuse",
		[ACT_RELEASE_ALL] = "release-all",
		[ACT_RELEASE_REPLICA] = "release-replica",
		[ACT_RELEASE_MEMBER] = "release-member",
		[ACT_RELEASE_MEMBER_NEW] = "release-member-new",
		[ACT_ANSWER_NEGATIVE] = "answer-negative",
		[ACT_ANSWER_GROUP] = "answer-group",
		[ACT_ANSWER_ADDRESSES] = "answer-addresses",
		[ACT_NOTHING] = "nothing",
		[ACT_DUE_RELEASE] = "due-release",
		[ACT_DUE_PRUNE] = "due-prune",
		[ACT_DUE_PRUNE_NEW] = "due-prune-new",
		[ACT_DUE_TOMBSTONE_LONG] = "due-tombstone-long",
		[ACT_DUE_TOMBSTONE_REPLICA] = "due-tombstone-replica",
		[ACT_VERIFIED] = "verified",
		[ACT_OP_STORE] = "store",
		[ACT_OP_ADOPT] = "adopt",
		[ACT_DELETE] = "delete",
		[ACT_TOMBSTONE] = "tombstone",
		[ACT_OP_TOUCH] = "touch",
		[ACT_OP_NOT_FOUND] = "not-found",
		[ACT_OP_CONFLICT] = "conflict",
		[ACT_OP_REFUSE] = "refuse",
	};

	return action < ACT_COUNT ? names[action] : "?";
}
