/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two databases in two columns, see report.h. What one of them does not have
 * is a dash, or null.
 */
#include "winsrepair/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/json_out.h"
#include "common/rfc3339.h"
#include "core/addr.h"
#include "winsrepair/winsrepair.h"

#define CELL 32

/* ---- for people ---- */

static void row(const char *title, const char *one, const char *other)
{
	(void)printf("%-24s %22s %22s\n", title, one, other);
}

static const char *count_cell(bool has, uint64_t count, char cell[CELL])
{
	if (!has) {
		return "-";
	}
	(void)snprintf(cell, CELL, "%" PRIu64, count);
	return cell;
}

static void count_row(const char *title, uint64_t one, bool has,
		      uint64_t other)
{
	char a[CELL], b[CELL];

	row(title, count_cell(true, one, a), count_cell(has, other, b));
}

static const char *host_cell(uint32_t address, char cell[CELL])
{
	return address == 0 ? "-" : nb_addr_print(address, cell);
}

static const char *time_cell(int64_t when, char cell[CELL])
{
	return when == 0 ? "-" : rfc3339_print(when, cell);
}

static const struct store_owner *find_owner(const struct content *content,
					    uint32_t owner)
{
	for (unsigned int i = 0; i < content->owners; i++) {
		if (content->owner[i].owner == owner) {
			return &content->owner[i];
		}
	}
	return NULL;
}

static uint64_t records_of(const struct content *content, uint32_t address)
{
	const struct store_owner *owner = find_owner(content, address);

	return owner == NULL ? 0 : owner->records[0] + owner->records[1] +
				   owner->records[2];
}

static uint64_t highest_of(const struct content *content)
{
	const struct store_owner *self = find_owner(content, NB_SELF);

	return self == NULL ? 0 : self->highest;
}

static void owner_row(const struct content *a, const struct content *b,
		      uint32_t owner)
{
	char title[40] = "of this server";
	char text[NB_ADDR_TEXT];

	if (owner != NB_SELF) {
		(void)snprintf(title, sizeof(title), "of %s",
			       nb_addr_print(owner, text));
	}
	count_row(title, records_of(a, owner), true, records_of(b, owner));
}

static void owner_rows(const struct content *a, const struct content *b)
{
	for (unsigned int i = 0; i < a->owners; i++) {
		owner_row(a, b, a->owner[i].owner);
	}
	for (unsigned int i = 0; i < b->owners; i++) {
		if (find_owner(a, b->owner[i].owner) == NULL) {
			owner_row(a, b, b->owner[i].owner);
		}
	}
}

static void print_both(const struct content *a, const struct content *present)
{
	static const char *const state[] = { "active", "released",
					     "tombstones" };
	static const struct content none = { .owners = 0 };
	const struct content *b = present != NULL ? present : &none;
	bool has = present != NULL;
	char one[CELL], other[CELL];

	(void)printf("backup   %s\npresent  %s\n\n", a->path,
		     has ? b->path : "-");
	row("", "backup", "present");
	count_row("records", a->stats.records, has, b->stats.records);
	for (unsigned int i = 0; i < 3; i++) {
		count_row(state[i], a->stats.by_state[i], has,
			  b->stats.by_state[i]);
	}
	count_row("statics", a->stats.statics, has, b->stats.statics);
	owner_rows(a, b);
	row("owner address", host_cell(a->self, one),
	    host_cell(b->self, other));
	count_row("highest version", highest_of(a), has, highest_of(b));
	count_row("versions reserved", a->reserved, has, b->reserved);
	row("server last seen alive", time_cell(a->alive, one),
	    time_cell(b->alive, other));
}

static void print_steps(const struct steps *steps)
{
	for (unsigned int i = 0; i < steps->count; i++) {
		const struct step *step = &steps->step[i];

		if (step->kind == STEP_SYNC) {
			continue;	/* of no interest to people */
		}
		(void)printf("%-8s %s\n", step_kind_name(step->kind),
			     step->from);
		if (step->to != NULL) {
			(void)printf("      as %s\n", step->to);
		}
	}
}

/* ---- for machines ---- */

static void count_json(struct json_out *j, const char *key, uint64_t count)
{
	json_key(j, key);
	json_count(j, count);
}

static void owners_json(struct json_out *j, const struct content *content)
{
	json_key(j, "owners");
	json_begin(j, '[');
	for (unsigned int i = 0; i < content->owners; i++) {
		const struct store_owner *owner = &content->owner[i];

		json_begin(j, '{');
		json_key(j, "owner");
		json_address(j, owner->owner != NB_SELF ? owner->owner :
							  content->self);
		count_json(j, "active", owner->records[NB_ACTIVE]);
		count_json(j, "released", owner->records[NB_RELEASED]);
		count_json(j, "tombstones", owner->records[NB_TOMBSTONE]);
		count_json(j, "highest_version", owner->highest);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void content_json(struct json_out *j, const char *key,
			 const struct content *content)
{
	json_key(j, key);
	if (content == NULL) {
		json_nothing(j);
		return;
	}
	json_begin(j, '{');
	json_key(j, "path");
	json_text(j, content->path);
	count_json(j, "records", content->stats.records);
	count_json(j, "statics", content->stats.statics);
	json_key(j, "owner");
	if (content->self == 0) {
		json_nothing(j);
	} else {
		json_address(j, content->self);
	}
	count_json(j, "versions_reserved", content->reserved);
	json_key(j, "alive");
	json_time(j, content->alive == 0 ? NB_NEVER : content->alive);
	owners_json(j, content);
	json_end(j, '}');
}

static void step_json(struct json_out *j, const char *what, const char *from,
		      const char *to)
{
	json_begin(j, '{');
	json_key(j, "do");
	json_text(j, what);
	json_key(j, "from");
	json_text(j, from);
	if (to != NULL) {
		json_key(j, "to");
		json_text(j, to);
	}
	json_end(j, '}');
}

static void steps_json(struct json_out *j, const struct steps *steps)
{
	for (unsigned int i = 0; i < steps->count; i++) {
		const struct step *step = &steps->step[i];

		step_json(j, step_kind_name(step->kind), step->from, step->to);
	}
}

/* ---- the interface ---- */

void report_restore(const struct content *backup, const struct content *present,
		    const char *fresh, uint64_t reserved,
		    const struct steps *steps)
{
	struct json_out j = { .file = stdout };

	if (!options.json) {
		print_both(backup, present);
		(void)printf("\ncopy     %s\n      as %s\n", backup->path,
			     fresh);
		(void)printf("versions go on after %" PRIu64 "\n", reserved);
		print_steps(steps);
		return;
	}
	json_begin(&j, '{');
	content_json(&j, "backup", backup);
	content_json(&j, "present", present);
	count_json(&j, "versions_after", reserved);
	json_key(&j, "steps");
	json_begin(&j, '[');
	step_json(&j, "copy", backup->path, fresh);
	steps_json(&j, steps);
	json_end(&j, ']');
	json_end(&j, '}');
	json_newline(&j);
}
