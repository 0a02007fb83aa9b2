/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a map to records.
 *
 * An owner is asked for in ranges of versions, so that no server has to build
 * one reply of a million records. Versions may be anywhere in 64 bits: a range
 * in which nothing was doubles the next, so the whole of them is 48 empty
 * ranges away. Behind a range with records the next one begins above the
 * highest of them and not at its end: a server that caps its replies is asked
 * for the rest.
 *
 * The map's maximum is the server's word for what it has. When the last range
 * has come and the highest version is below it, something is withheld, or the
 * record of that version is released or deleted, which is never sent either
 * (protocol.md 4.2): on the wire they look the same, and both are told.
 */
#include "migrate/live/walk.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define WIDTH_FIRST	65536u

static enum pull_result walk_over(struct walk *walk, enum pull_result result,
				  const char *complaint)
{
	walk->result = result;
	walk->complaint = complaint;
	return result;
}

static enum pull_result pull_over(struct walk *walk, enum pull_result result)
{
	return walk_over(walk, result, result == PULL_OK ? NULL :
			 pull_complaint(walk->pull));
}

static enum pull_result take_map(struct walk *walk)
{
	struct wrepl_owner *map = NULL;
	enum pull_result result = pull_map(walk->pull, &map, &walk->owners);

	if (result != PULL_OK) {
		walk->owners = 0;
		return pull_over(walk, result);
	}
	walk->owner = talloc_zero_array(walk, struct walk_owner,
					walk->owners + 1);
	if (walk->owner == NULL) {
		walk->owners = 0;
		return walk_over(walk, PULL_FAILED, "out of memory");
	}
	for (uint32_t i = 0; i < walk->owners; i++) {
		walk->owner[i].address = map[i].address;
		walk->owner[i].max = map[i].max;
	}
	return PULL_OK;
}

static void begin(struct walk *walk, const struct wire *wire, uint32_t context)
{
	walk->pull = pull_create(walk, wire, context);
	if (walk->pull == NULL) {
		(void)walk_over(walk, PULL_FAILED, "out of memory");
		return;
	}
	walk->stage = WALK_START;
	if (pull_over(walk, pull_start(walk->pull)) != PULL_OK) {
		return;
	}
	walk->minor = pull_minor(walk->pull);
	walk->stage = WALK_MAP;
	if (take_map(walk) == PULL_OK) {
		walk->stage = WALK_RECORDS;
	}
}

struct walk *walk_begin(TALLOC_CTX *mem_ctx, const struct wire *wire,
			uint32_t context)
{
	struct walk *walk = talloc_zero(mem_ctx, struct walk);

	if (walk != NULL) {
		begin(walk, wire, context);
	}
	return walk;
}

/* 0x0000000a is what servers call a context that is none (3.5). */
static uint32_t random_context(void)
{
	uint32_t context = 0;

	if (getrandom(&context, sizeof(context), 0) !=
	    (ssize_t)sizeof(context)) {
		context = 0;
	}
	return context == 0 || context == WREPL_BAD_CONTEXT ? 1 : context;
}

struct walk *walk_open(TALLOC_CTX *mem_ctx, const struct live_address *server,
		       uint32_t ours)
{
	struct walk *walk = talloc_zero(mem_ctx, struct walk);
	struct wire wire;
	int ret = 0;

	if (walk == NULL) {
		return NULL;
	}
	walk->host = server->host;
	walk->ours = ours;
	ret = wire_call(walk, server->host, server->port, &walk->ours, &wire);
	if (ret != 0) {
		(void)walk_over(walk, PULL_FAILED, ret == ETIMEDOUT ?
				"nobody answers" : strerror(ret));
		return walk;
	}
	begin(walk, &wire, random_context());
	return walk;
}

/* ---- records ---- */

static void next_owner(struct walk *walk)
{
	walk->owner[walk->at].done = true;
	walk->at++;
	walk->range.min = 0;
}

/* After a range: the next begins here. False: the owner is through. */
static bool move_on(struct walk *walk)
{
	uint64_t last = walk->seen != 0 ? walk->seen : walk->range.max;

	if (last >= walk->owner[walk->at].max) {
		return false;
	}
	walk->width = walk->seen != 0 ? WIDTH_FIRST :
		      walk->width <= UINT64_MAX / 2 ? walk->width * 2 :
						      UINT64_MAX;
	walk->range.min = last + 1;
	return true;
}

/* Ask for the next range there is; PULL_ENDED: all owners are through. */
static enum pull_result ask(struct walk *walk)
{
	const struct walk_owner *owner = NULL;

	while (walk->at < walk->owners && walk->owner[walk->at].max == 0) {
		next_owner(walk);
	}
	if (walk->at == walk->owners) {
		pull_stop(walk->pull);
		walk->stage = WALK_DONE;
		return PULL_ENDED;
	}
	owner = &walk->owner[walk->at];
	if (walk->range.min == 0) {
		walk->range.min = 1;
		walk->width = WIDTH_FIRST;
	}
	walk->range.address = owner->address;
	walk->range.max = owner->max - walk->range.min < walk->width ?
			  owner->max : walk->range.min + (walk->width - 1);
	walk->seen = 0;
	walk->asked = true;
	return pull_ask(walk->pull, &walk->range);
}

static void count(struct walk *walk, const struct nb_record *rec)
{
	struct walk_owner *owner = &walk->owner[walk->at];

	owner->records++;
	walk->records++;
	if (rec->is_static) {
		owner->statics++;
		walk->statics++;
	}
	if (rec->version < walk->range.min || rec->version > walk->range.max) {
		walk->stray++;
		return;
	}
	if (rec->version > walk->seen) {
		walk->seen = rec->version;
	}
	if (rec->version > owner->highest) {
		owner->highest = rec->version;
	}
}

static const char *settle(struct nb_record *rec)
{
	uint8_t state = rec->state, type = rec->type;

	nb_record_settle(rec);
	if (rec->state != state) {
		return "active without an address, now released";
	}
	return rec->type != type ? "unique with several addresses, now "
		"multihomed" : NULL;
}

enum pull_result walk_next(struct walk *walk, struct nb_record *rec,
			   const char **changed)
{
	enum pull_result result = PULL_OK;

	if (walk->stage != WALK_RECORDS || walk->result != PULL_OK) {
		return walk->stage == WALK_DONE ? PULL_ENDED : walk->result;
	}
	while (true) {
		if (!walk->asked) {
			result = ask(walk);
			if (result != PULL_OK) {
				break;
			}
		}
		result = pull_record(walk->pull, rec);
		if (result != PULL_ENDED) {
			break;
		}
		walk->asked = false;
		if (!move_on(walk)) {
			next_owner(walk);
		}
	}
	if (result == PULL_OK) {
		count(walk, rec);
		*changed = settle(rec);
		return PULL_OK;
	}
	return result == PULL_ENDED ? PULL_ENDED : pull_over(walk, result);
}

bool walk_owner_short(const struct walk_owner *owner)
{
	return owner->highest < owner->max;
}

uint32_t walk_short(const struct walk *walk)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < walk->owners; i++) {
		number += walk_owner_short(&walk->owner[i]) ? 1 : 0;
	}
	return number;
}
