/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policy: what the owner of this server decided, as far as rules read it.
 * Built once from the configuration (plugins/wins) and swapped whole at a
 * reload. Times are seconds.
 */
#ifndef WINSD_CORE_POLICY_H
#define WINSD_CORE_POLICY_H

#include "core/name.h"

enum nb_source_match {		/* wins:source must match */
	NB_SOURCE_OFF,
	NB_SOURCE_LOG,
	NB_SOURCE_ENFORCE,
};

enum nb_1c_order {		/* wins:1c order */
	NB_1C_RECENT,
	NB_1C_WINDOWS,
};

struct nb_policy {
	uint32_t min_ttl;		/* min wins ttl */
	uint32_t max_ttl;		/* max wins ttl */
	uint32_t tombstone_interval;	/* released -> tombstone */
	uint32_t tombstone_timeout;	/* tombstone -> deleted */
	uint32_t verify_interval;	/* life of a replica */
	bool may_delete;		/* up long enough to delete tombstones */
	uint64_t tombstones_passed;	/* versions of ours up to here have
					   reached every push partner */
	bool observe;			/* wins:observe: no version, challenge,
					   release demand or tombstone */
	bool expiry_held;		/* no expiry on read, see serve/scavenge.c */
	bool migrate_on;		/* wins:migrate on */
	bool propagate_releases;	/* wreplsrv:propagate name releases */
	bool loopback_ok;		/* we serve 127/8: hosts may hold it */
	bool prepend_1b;		/* nbtd:wins_prepend1Bto1Cqueries */
	bool randomize_1c;		/* nbtd:wins_randomize1Clist */
	uint32_t randomize_mask;	/* nbtd:wins_randomize1Clist_mask */
	enum nb_1c_order order_1c;
	enum nb_source_match source_match;
	struct nb_name_list blocked;	/* wins:blocked names */
	struct nb_name_list allowed;	/* wins:allow names */
};

/* The defaults of design.md 4.2. */
struct nb_policy nb_policy_default(void);

bool nb_policy_blocks(const struct nb_policy *policy,
		      const struct nb_name *name);

#endif
