/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A row of the table of names as a record, by a plan that has been believed.
 *
 * Owner ids become addresses; id 0 is the server that wrote the file, and only
 * whoever made the copy knows its address (Q219315, Q140971). The time stamp is
 * when the record changes its state next, as everywhere in WINS. What a row has
 * that no record of ours can be is a reason to skip it, never a guess.
 */
#include <string.h>

#include "migrate/ese/guess.h"
#include "migrate/row.h"

/* ---- all but the addresses ---- */

static bool number_of(const struct ese_table *table,
		      const struct ese_frame *frame, int column,
		      uint64_t *number)
{
	return column != ESE_NONE &&
	       ese_number(&table->column[column], &frame->value[column],
			  number);
}

static bool read_packed(const struct ese_plan *plan,
			const struct ese_table *table,
			const struct ese_frame *frame, struct ese_facts *facts)
{
	uint64_t flags = 0;

	if (!number_of(table, frame, plan->role[ESE_FLAGS], &flags) ||
	    flags > 0xff) {
		return false;
	}
	facts->is_static = (flags & 0x80) != 0;
	facts->node = flags >> 5 & 3;
	facts->state = flags >> 2 & 3;
	facts->type = flags & 3;
	return true;
}

static bool read_apart(const struct ese_plan *plan,
		       const struct ese_table *table,
		       const struct ese_frame *frame, struct ese_facts *facts)
{
	uint64_t type = 0, is_static = 0, state = NB_ACTIVE, node = NB_H_NODE;

	if (!number_of(table, frame, plan->role[ESE_TYPE], &type) ||
	    !number_of(table, frame, plan->role[ESE_STATIC], &is_static)) {
		return false;
	}
	(void)number_of(table, frame, plan->role[ESE_STATE], &state);
	(void)number_of(table, frame, plan->role[ESE_NODE], &node);
	if (type > NB_MHOMED || state > 3 || node > NB_H_NODE) {
		return false;
	}
	facts->type = (uint8_t)type;
	facts->is_static = is_static != 0;
	facts->state = (uint8_t)state;
	facts->node = (uint8_t)node;
	return true;
}

bool ese_facts_read(const struct ese_plan *plan, const struct ese_table *table,
		    const struct ese_frame *frame, struct ese_facts *facts,
		    const char **why)
{
	bool packed = plan->role[ESE_FLAGS] != ESE_NONE;
	bool roles = packed || plan->role[ESE_TYPE] != ESE_NONE;

	memset(facts, 0, sizeof(*facts));
	if (!ese_name(&frame->value[plan->name], &facts->name)) {
		*why = "not a NetBIOS name";
		return false;
	}
	if (!number_of(table, frame, plan->version, &facts->version) ||
	    !number_of(table, frame, plan->time, &facts->time) ||
	    (roles && !number_of(table, frame, plan->role[ESE_OWNER],
				 &facts->owner))) {
		*why = "no owner, version or time stamp";
		return false;
	}
	if (roles && !(packed ? read_packed : read_apart)(plan, table, frame,
							  facts)) {
		*why = "a type, state or node that does not exist";
		return false;
	}
	return true;
}

/* ---- addresses ---- */

static bool owner_address(const struct ese_guess *guess, uint64_t id,
			  uint32_t *addr)
{
	const struct ese_owner *owner = ese_find_owner(guess, id);

	if (id == 0) {
		*addr = guess->owner_zero;
		return *addr != 0;
	}
	*addr = owner == NULL ? 0 :
		ese_turn(owner->raw, guess->plan.owner_order);
	return nb_addr_is_host(*addr);
}

static int64_t expiry(uint64_t time)
{
	return time >= ESE_NEVER ? NB_NEVER : (int64_t)time;
}

static bool read_member(const struct ese_guess *guess, const uint8_t *data,
			const char *words, struct nb_member *member,
			const char **why)
{
	for (; *words != '\0'; words++, data += 4) {
		uint32_t raw = (uint32_t)data[0] | (uint32_t)data[1] << 8 |
			       (uint32_t)data[2] << 16 |
			       (uint32_t)data[3] << 24;

		if (*words == 'A') {
			member->ip = ese_turn(raw, guess->plan.order);
		} else if (*words == 'T' && raw != 0) {
			member->expires = expiry(raw);
		} else if (*words == 'O' &&
			   !owner_address(guess, raw, &member->owner)) {
			*why = "an address of an owner that is not listed";
			return false;
		}
	}
	if (member->ip != NB_BROADCAST && !nb_addr_is_host(member->ip)) {
		*why = "an address that no host can have";
		return false;
	}
	return true;
}

static bool read_members(const struct ese_guess *guess,
			 const struct ese_value *value, struct nb_record *rec,
			 const char **why)
{
	const char *words = ese_layout_words(
		guess->plan.layout[ese_class(rec->type)]);
	size_t entry = 4 * strlen(words);

	if (value->cut) {
		*why = "its addresses cannot be read";
		return false;
	}
	if (value->len % entry != 0 || value->len / entry > NB_MEMBERS_MAX) {
		*why = "not a list of up to 25 addresses";
		return false;
	}
	for (size_t at = 0; at < value->len; at += entry) {
		struct nb_member member = { .owner = rec->owner,
					    .expires = rec->expires };

		if (!read_member(guess, value->data + at, words, &member,
				 why)) {
			return false;
		}
		(void)nb_record_insert(rec, member, false);
	}
	return true;
}

/* ---- the record ---- */

unsigned int ese_plan_says(const struct ese_plan *plan)
{
	bool packed = plan->role[ESE_FLAGS] != ESE_NONE;
	unsigned int says = ROW_TYPE | ROW_STATIC | ROW_OWNER | ROW_VERSION |
			    ROW_EXPIRES | ROW_SCOPE | ROW_RAW_NAMES;

	if (packed || plan->role[ESE_STATE] != ESE_NONE) {
		says |= ROW_STATE;
	}
	if (packed || plan->role[ESE_NODE] != ESE_NONE) {
		says |= ROW_NODE;
	}
	for (unsigned int class = 0; class < ESE_CLASSES; class++) {
		const char *words = ese_layout_words(plan->layout[class]);

		says |= strchr(words, 'O') != NULL ? ROW_MEMBER_OWNERS : 0;
		says |= strchr(words, 'T') != NULL ? ROW_MEMBER_EXPIRES : 0;
	}
	return says;
}

bool ese_record_read(const struct ese_guess *guess,
		     const struct ese_table *table,
		     const struct ese_frame *frame, struct nb_record *rec,
		     const char **why)
{
	struct ese_facts facts;

	if (!ese_facts_read(&guess->plan, table, frame, &facts, why)) {
		return false;
	}
	if (facts.state > NB_TOMBSTONE) {
		*why = "deleted, and waiting for the server to clear it away";
		return false;
	}
	memset(rec, 0, sizeof(*rec));
	rec->name = facts.name;
	rec->type = facts.type;
	rec->state = facts.state;
	rec->node = facts.node;
	rec->is_static = facts.is_static;
	rec->version = facts.version;
	rec->expires = expiry(facts.time);
	if (!owner_address(guess, facts.owner, &rec->owner)) {
		*why = "an owner that is not listed";
		return false;
	}
	if (!read_members(guess, &frame->value[guess->plan.list], rec, why)) {
		return false;
	}
	nb_record_settle(rec);
	*why = nb_record_broken(rec);
	return *why == NULL;
}
