/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In which order an internet group is told (protocol.md 2.9, "1c extras").
 *
 * Clients try the first domain controllers of the list, so its order is load
 * balancing and locality at once. `recent` is the order the members stand in,
 * newest registration first. `windows` (Q167365) puts our own members before
 * those of other servers. Then the holder of the domain's 1B name (the PDC)
 * goes first where policy wants it, and the draw of Randomize1cList last.
 */

#include "rules/client.h"

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t keep = *a;

	*a = *b;
	*b = keep;
}

static void members_in_order(const struct nb_record *view, bool ours_first,
			     struct nb_reply *reply)
{
	reply->count = 0;
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < view->count; i++) {
			bool ours = view->member[i].owner == NB_SELF;

			if (ours_first ? ours == (pass == 0) : pass == 0) {
				reply->addr[reply->count++] =
					view->member[i].ip;
			}
		}
	}
}

/* Put ip first; if it stood in the list already it stands there once. */
static void prepend(struct nb_reply *reply, uint32_t ip)
{
	unsigned int at = 0;

	while (at < reply->count && reply->addr[at] != ip) {
		at++;
	}
	if (at == reply->count) {
		if (reply->count < NB_MEMBERS_MAX) {
			reply->count++;
		} else {
			at--;
		}
	}
	for (; at > 0; at--) {
		reply->addr[at] = reply->addr[at - 1];
	}
	reply->addr[0] = ip;
}

static unsigned int equal_bits(uint32_t a, uint32_t b)
{
	uint32_t differ = a ^ b;
	unsigned int bits = 0;

	while (bits < 32 && !(differ >> (31 - bits) & 1u)) {
		bits++;
	}
	return bits;
}

/* Stable: nearest to the client first. */
static void sort_by_nearness(struct nb_reply *reply, uint32_t client)
{
	for (int i = 1; i < reply->count; i++) {
		for (int k = i;
		     k > 0 && equal_bits(reply->addr[k], client) >
				      equal_bits(reply->addr[k - 1], client);
		     k--) {
			swap(&reply->addr[k], &reply->addr[k - 1]);
		}
	}
}

/*
 * The draw of 2.9: an index by chance; as long as it is not in the client's
 * subnet, a smaller one by the same number; at 0 without a hit the first
 * index drawn wins.
 */
static void randomize(struct nb_reply *reply, uint32_t client, uint32_t mask,
		      uint32_t number)
{
	uint32_t first = 0;
	uint32_t at = 0;

	if (reply->count <= 1) {
		return;
	}
	sort_by_nearness(reply, client);
	first = number % reply->count;
	at = first;
	while (at != 0 && ((reply->addr[at] ^ client) & mask) != 0) {
		at = number % at;
	}
	if (((reply->addr[at] ^ client) & mask) != 0) {
		at = first;
	}
	swap(&reply->addr[0], &reply->addr[at]);
}

/* The record as it reads now, as for every other event (rules/client.c). */
static struct nb_record read_record(const struct nb_record *rec,
				    const struct nb_policy *policy, int64_t now)
{
	return policy->expiry_held ? *rec : nb_record_at(rec, now);
}

void rule_1c_answer(const struct nb_record *group,
		    const struct nb_record *primary,
		    const struct nb_policy *policy, int64_t now,
		    uint32_t client, uint32_t random, struct nb_reply *reply)
{
	struct nb_record view = read_record(group, policy, now);
	bool windows = policy->order_1c == NB_1C_WINDOWS;

	members_in_order(&view, windows, reply);
	if (primary != NULL) {
		struct nb_record holder = read_record(primary, policy, now);

		if (holder.state == NB_ACTIVE && holder.count > 0 &&
		    (policy->prepend_1b ||
		     (windows &&
		      nb_record_find(&view, holder.member[0].ip) >= 0))) {
			prepend(reply, holder.member[0].ip);
		}
	}
	if (policy->randomize_1c) {
		randomize(reply, client, policy->randomize_mask, random);
	}
}
