/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy a server has before anybody configures it: design.md 4.2, which
 * follows Windows for the ageing times.
 */

#include "core/policy.h"

#define DAY 86400u

struct nb_policy nb_policy_default(void)
{
	struct nb_policy policy = {
		.min_ttl = 6 * 3600,
		.max_ttl = 6 * DAY,
		.tombstone_interval = 6 * DAY,
		.tombstone_timeout = 6 * DAY,
		.verify_interval = 24 * DAY,
		.tombstones_passed = UINT64_MAX,
		.prepend_1b = true,
		.randomize_mask = 0xffffff00u,
		.order_1c = NB_1C_RECENT,
		.source_match = NB_SOURCE_LOG,
	};

	nb_name_list_add(&policy.blocked, "WPAD", 4);
	nb_name_list_add(&policy.blocked, "ISATAP", 6);
	return policy;
}

bool nb_policy_blocks(const struct nb_policy *policy,
		      const struct nb_name *name)
{
	return nb_name_listed(&policy->blocked, name) &&
	       !nb_name_listed(&policy->allowed, name);
}
