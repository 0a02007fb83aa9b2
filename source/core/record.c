/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record's own laws: the order of its members, what expires when it is
 * read, and the invariants that hold for whatever is stored (protocol.md 2.1).
 * What an event does to a record is not here but in rules.
 */

#include <string.h>

#include "core/event.h"
#include "core/record.h"

static const char *const type_names[] = { "unique", "group", "sgroup",
					  "mhomed" };
static const char *const state_names[] = { "active", "released", "tombstone" };
static const char *const node_names[] = { "B", "P", "M", "H" };

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_of(const char *const *names, size_t count,
			   unsigned int value)
{
	return value < count ? names[value] : "?";
}

static bool value_of(const char *const *names, size_t count, const char *text,
		     uint8_t *value)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], text) == 0) {
			*value = (uint8_t)i;
			return true;
		}
	}
	return false;
}

const char *nb_type_name(enum nb_type type)
{
	return name_of(type_names, LENGTH(type_names), type);
}

const char *nb_state_name(enum nb_state state)
{
	return name_of(state_names, LENGTH(state_names), state);
}

const char *nb_node_name(enum nb_node node)
{
	return name_of(node_names, LENGTH(node_names), node);
}

bool nb_type_parse(const char *text, uint8_t *type)
{
	return value_of(type_names, LENGTH(type_names), text, type);
}

bool nb_state_parse(const char *text, uint8_t *state)
{
	return value_of(state_names, LENGTH(state_names), text, state);
}

bool nb_node_parse(const char *text, uint8_t *node)
{
	return value_of(node_names, LENGTH(node_names), text, node);
}

const char *nb_event_name(enum nb_event_kind kind)
{
	static const char *const names[] = {
		[NB_EV_REGISTER] = "register",
		[NB_EV_MREGISTER] = "multihomed register",
		[NB_EV_REFRESH] = "refresh",
		[NB_EV_RELEASE] = "release",
		[NB_EV_QUERY] = "query",
		[NB_EV_CHALLENGE_LOST] = "challenge lost",
		[NB_EV_CHALLENGE_HELD] = "challenge held",
		[NB_EV_DUE] = "due",
		[NB_EV_ADD] = "add",
		[NB_EV_DELETE] = "delete",
		[NB_EV_TOMBSTONE] = "tombstone",
		[NB_EV_ADMIN_RELEASE] = "admin release",
		[NB_EV_TOUCH] = "touch",
		[NB_EV_ADOPT] = "adopt",
		[NB_EV_REPLICA] = "replica",
		[NB_EV_REPLICA_LOST] = "replica lost",
		[NB_EV_REPLICA_HELD] = "replica held",
		[NB_EV_VERIFY_LOST] = "verify lost",
		[NB_EV_VERIFY_HELD] = "verify held",
		[NB_EV_IMPORT] = "import",
	};

	return name_of(names, LENGTH(names), kind);
}

int nb_record_find(const struct nb_record *rec, uint32_t ip)
{
	for (int i = 0; i < rec->count; i++) {
		if (rec->member[i].ip == ip) {
			return i;
		}
	}
	return -1;
}

void nb_record_remove(struct nb_record *rec, unsigned int index)
{
	rec->count--;
	memmove(&rec->member[index], &rec->member[index + 1],
		(rec->count - index) * sizeof(rec->member[0]));
	memset(&rec->member[rec->count], 0, sizeof(rec->member[0]));
}

/* Does a stand before b? Newest first; at equal times ours before foreign. */
static bool goes_before(const struct nb_member *a, const struct nb_member *b)
{
	if (a->expires != b->expires) {
		return a->expires > b->expires;
	}
	return a->owner == NB_SELF && b->owner != NB_SELF;
}

/*
 * Whom to evict from a full record: the oldest foreign member, or the oldest
 * of all. Newest stand first, so the oldest is found from the end.
 */
static unsigned int oldest_member(const struct nb_record *rec)
{
	for (unsigned int i = rec->count; i > 0; i--) {
		if (rec->member[i - 1].owner != NB_SELF) {
			return i - 1;
		}
	}
	return rec->count - 1u;
}

bool nb_record_insert(struct nb_record *rec, struct nb_member member,
		      bool evict)
{
	int same = nb_record_find(rec, member.ip);
	unsigned int at = 0;

	if (same >= 0) {
		nb_record_remove(rec, (unsigned int)same);
	} else if (rec->count == NB_MEMBERS_MAX) {
		if (!evict) {
			return false;
		}
		nb_record_remove(rec, oldest_member(rec));
	}
	/* among equals the newcomer stands first: it was heard last */
	while (at < rec->count && goes_before(&rec->member[at], &member)) {
		at++;
	}
	memmove(&rec->member[at + 1], &rec->member[at],
		(rec->count - at) * sizeof(rec->member[0]));
	rec->member[at] = member;
	rec->count++;
	return true;
}

static const char *members_broken(const struct nb_record *rec)
{
	for (int i = 0; i < rec->count; i++) {
		if (nb_record_find(rec, rec->member[i].ip) != i) {
			return "an address stands twice";
		}
		if (rec->is_static && rec->state == NB_ACTIVE &&
		    rec->member[i].expires != NB_NEVER) {
			return "a member of a static record expires";
		}
	}
	return NULL;
}

const char *nb_record_broken(const struct nb_record *rec)
{
	if (rec->name.len > NB_NAME_MAX || rec->name.scope_len > NB_SCOPE_MAX) {
		return "name or scope is too long";
	}
	if (rec->type > NB_MHOMED || rec->state > NB_TOMBSTONE ||
	    rec->node > NB_H_NODE) {
		return "type, state or node is out of range";
	}
	if (rec->count > NB_MEMBERS_MAX) {
		return "more than 25 members";
	}
	if (rec->state == NB_ACTIVE && rec->count == 0) {
		return "active without a member";
	}
	if (rec->type == NB_UNIQUE && rec->count > 1) {
		return "unique with several members";
	}
	if (rec->type == NB_GROUP && rec->count > 1) {
		return "a normal group with several members";
	}
	if (rec->is_static && rec->state == NB_ACTIVE &&
	    rec->expires != NB_NEVER) {
		return "an active static record expires";
	}
	return members_broken(rec);
}

void nb_record_settle(struct nb_record *rec)
{
	if (rec->state == NB_ACTIVE && rec->count == 0) {
		rec->state = NB_RELEASED;
	}
	if (rec->type == NB_UNIQUE && rec->count > 1) {
		rec->type = NB_MHOMED;
	}
	if (!rec->is_static || rec->state != NB_ACTIVE) {
		return;
	}
	rec->expires = NB_NEVER;
	for (int i = 0; i < rec->count; i++) {
		rec->member[i].expires = NB_NEVER;
	}
}

static bool member_aged(const struct nb_member *member, int64_t now)
{
	return member->owner == NB_SELF && member->expires <= now;
}

bool nb_record_aged(const struct nb_record *rec, int64_t now)
{
	bool aged = rec->count == 0;

	for (int i = 0; i < rec->count; i++) {
		aged |= member_aged(&rec->member[i], now);
	}
	return aged && !rec->is_static && rec->state == NB_ACTIVE;
}

struct nb_record nb_record_at(const struct nb_record *rec, int64_t now)
{
	struct nb_record view = *rec;

	if (!nb_record_aged(rec, now)) {
		return view;
	}
	for (unsigned int i = view.count; i > 0; i--) {
		if (member_aged(&view.member[i - 1], now)) {
			nb_record_remove(&view, i - 1);
		}
	}
	if (view.count == 0) {
		/* whoever asks what it was still sees the addresses */
		view = *rec;
		view.state = NB_RELEASED;
	}
	return view;
}

bool nb_record_within(const struct nb_record *rec, const uint32_t *list,
		      unsigned int count)
{
	for (int i = 0; i < rec->count; i++) {
		unsigned int at = 0;

		while (at < count && list[at] != rec->member[i].ip) {
			at++;
		}
		if (at == count) {
			return false;
		}
	}
	return true;
}
