/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A difference on a line: name, class, reason, old, new, owner, versions,
 * first seen, rounds. What a side says is short: a state and addresses, for
 * whoever reads these lines knows the name and looks for what is not the same.
 */
#include <inttypes.h>
#include <string.h>

#include "common/json_out.h"
#include "common/rfc3339.h"
#include "core/addr.h"
#include "migrate/live/compare.h"

#define LINE \
	"%-20s %-8s %-31s %-24s %-24s %-15s %-13s %-20s %s\n"
#define SIDE_TEXT (NB_MEMBERS_MAX * NB_ADDR_TEXT + 64)

void compare_print_head(void)
{
	if (!options.json) {
		(void)printf(LINE, "NAME", "CLASS", "REASON", "OLD", "NEW",
			     "OWNER", "VERSIONS", "FIRST SEEN", "ROUNDS");
	}
}

static const char *kind_word(const struct compare_view *view)
{
	switch (view->kind) {
	case COMPARE_ABSENT:
		return "-";
	case COMPARE_NEGATIVE:
		return "not found";
	case COMPARE_SILENT:
		return "no answer";
	case COMPARE_ANSWER:
		return view->rec.type == NB_GROUP ? "group" : "";
	default:
		return NULL;
	}
}

/* "static mhomed 10.0.0.1,10.0.0.2", "released 10.0.0.1", "not found" */
static const char *side_text(const struct compare_view *view,
			     char text[SIDE_TEXT])
{
	const struct nb_record *rec = &view->rec;
	const char *word = kind_word(view);
	char ip[NB_ADDR_TEXT];
	size_t len = 0;

	if (word != NULL) {
		len = (size_t)snprintf(text, SIDE_TEXT, "%s", word);
	} else {
		len = (size_t)snprintf(text, SIDE_TEXT, "%s%s%s",
			rec->state != NB_ACTIVE ?
				nb_state_name(rec->state) : "",
			rec->state == NB_ACTIVE && rec->is_static ?
				"static " : "",
			rec->state == NB_ACTIVE ? nb_type_name(rec->type) :
						  "");
	}
	if (view->kind != COMPARE_RECORD && view->kind != COMPARE_ANSWER) {
		return text;
	}
	for (unsigned int i = 0; i < rec->count; i++) {
		len += (size_t)snprintf(text + len, SIDE_TEXT - len, "%s%s",
					i > 0 ? "," : len > 0 ? " " : "",
					nb_addr_print(rec->member[i].ip, ip));
	}
	return text;
}

static bool is_record(const struct compare_view *view)
{
	return view->kind == COMPARE_RECORD;
}

/* The owner as the new side has it, else the old one; 0: nobody knows. */
static uint32_t owner_of(const struct compare_row *row)
{
	if (is_record(row->new) && row->new->rec.owner != 0) {
		return row->new->rec.owner;
	}
	return is_record(row->old) ? row->old->rec.owner : 0;
}

static void version_text(const struct compare_view *view, char text[24])
{
	if (is_record(view) && (view->known & ROW_VERSION) != 0) {
		(void)snprintf(text, 24, "%" PRIu64, view->rec.version);
	} else {
		(void)snprintf(text, 24, "-");
	}
}

static void print_people(const struct compare_row *row)
{
	char name[NB_NAME_TEXT], old[SIDE_TEXT], new[SIDE_TEXT];
	char owner[NB_ADDR_TEXT], old_version[24], new_version[24];
	char versions[50], seen[RFC3339_TEXT], rounds[16];
	uint32_t address = owner_of(row);

	version_text(row->old, old_version);
	version_text(row->new, new_version);
	(void)snprintf(versions, sizeof(versions), "%s/%s", old_version,
		       new_version);
	(void)snprintf(rounds, sizeof(rounds), "%u", row->rounds);
	(void)printf(LINE, nb_name_print(&row->old->rec.name, name),
		     compare_class_name(row->finding.class),
		     row->finding.reason, side_text(row->old, old),
		     side_text(row->new, new),
		     address != 0 ? nb_addr_print(address, owner) : "-",
		     versions, rfc3339_print(row->first_seen, seen), rounds);
}

/* ---- JSON ---- */

static void json_version(struct json_out *j, const struct compare_view *view)
{
	if (is_record(view) && (view->known & ROW_VERSION) != 0) {
		json_count(j, view->rec.version);
	} else {
		json_nothing(j);
	}
}

static const char *said(const struct compare_view *view)
{
	static const char *const words[] = {
		[COMPARE_ABSENT] = "absent",
		[COMPARE_RECORD] = "record",
		[COMPARE_ANSWER] = "answer",
		[COMPARE_NEGATIVE] = "not found",
		[COMPARE_SILENT] = "no answer",
	};

	return words[view->kind];
}

static void json_side(struct json_out *j, const char *key,
		      const struct compare_view *view)
{
	const struct nb_record *rec = &view->rec;

	json_key(j, key);
	json_begin(j, '{');
	json_key(j, "said");
	json_text(j, said(view));
	if (is_record(view)) {
		json_key(j, "type");
		json_text(j, nb_type_name(rec->type));
		json_key(j, "state");
		json_text(j, nb_state_name(rec->state));
		json_key(j, "static");
		json_flag(j, rec->is_static);
	} else if (view->kind == COMPARE_ANSWER) {
		json_key(j, "group");
		json_flag(j, rec->type == NB_GROUP ||
			     rec->type == NB_SGROUP);
	}
	json_key(j, "addresses");
	json_begin(j, '[');
	for (unsigned int i = 0; i < rec->count; i++) {
		json_address(j, rec->member[i].ip);
	}
	json_end(j, ']');
	json_end(j, '}');
}

static void print_json(const struct compare_row *row)
{
	const struct nb_name *name = &row->old->rec.name;
	struct json_out j = { .file = stdout };
	uint32_t owner = owner_of(row);

	json_begin(&j, '{');
	json_key(&j, "name");
	json_bytes(&j, name->byte, name->len);
	json_key(&j, "suffix");
	json_count(&j, name->type);
	json_key(&j, "scope");
	json_bytes(&j, name->scope, name->scope_len);
	json_key(&j, "class");
	json_text(&j, compare_class_name(row->finding.class));
	json_key(&j, "reason");
	json_text(&j, row->finding.reason);
	json_side(&j, "old", row->old);
	json_side(&j, "new", row->new);
	json_key(&j, "owner");
	if (owner != 0) {
		json_address(&j, owner);
	} else {
		json_nothing(&j);
	}
	json_key(&j, "old_version");
	json_version(&j, row->old);
	json_key(&j, "new_version");
	json_version(&j, row->new);
	json_key(&j, "first_seen");
	json_time(&j, row->first_seen);
	json_key(&j, "rounds");
	json_count(&j, row->rounds);
	json_end(&j, '}');
	json_newline(&j);
}

void compare_print_row(const struct compare_row *row)
{
	if (options.json) {
		print_json(row);
	} else {
		print_people(row);
	}
}
