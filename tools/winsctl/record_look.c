/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record show and explain: one name, nothing changed.
 */
#include <string.h>

#include "common/json_record.h"
#include "core/addr.h"
#include "winsctl/winsctl.h"

/* ---- show ---- */

static int show_one(struct winsctl *ctl, const char *text, bool first)
{
	struct control_reader reply;
	struct control_field field;
	struct nb_name name;
	struct nb_record rec;
	int status = TOOL_USAGE;

	if (!tool_parse_name(text, &name)) {
		return TOOL_USAGE;
	}
	control_put_name(ask_begin(ctl, "record show"), CONTROL_NAME, &name);
	status = ask_send(ctl, true, &reply);
	if (status == TOOL_OK) {
		status = ask_status(&reply);
	}
	if (status != TOOL_OK || !control_find(&reply, CONTROL_RECORD, &field)) {
		return status == -1 ? TOOL_FAILED : status;
	}
	control_record(&field, &rec);
	if (options.json) {
		json_record_print(stdout, &rec);
	} else {
		(void)fputs(first ? "" : "\n", stdout);
		print_record(&rec);
	}
	return TOOL_OK;
}

int record_show(struct winsctl *ctl)
{
	unsigned int good = 0;
	int bad = TOOL_OK;

	for (unsigned int i = 0; i < ctl->count; i++) {
		int status = show_one(ctl, ctl->args[i], good == 0);

		good += status == TOOL_OK;
		if (status == TOOL_USAGE || status == TOOL_UNREACHABLE) {
			return status;
		}
		bad = status != TOOL_OK ? status : bad;
	}
	return bad != TOOL_OK && good > 0 ? TOOL_SOME : bad;
}

/* ---- explain ---- */

static char *explain_as;
static char *explain_type;
static char *explain_ttl;

const struct poptOption record_explain_options[] = {
	{ "as", '\0', POPT_ARG_STRING, &explain_as, 0,
	  "Address of the host that would register", "ADDRESS" },
	{ "type", '\0', POPT_ARG_STRING, &explain_type, 0,
	  "What would be registered: unique (default), group or mhomed",
	  "TYPE" },
	{ "ttl", '\0', POPT_ARG_STRING, &explain_ttl, 0,
	  "Time to live it would ask for", "SECONDS" },
	POPT_TABLEEND
};

struct question {
	struct nb_name name;
	uint32_t addr;
	uint8_t type;
	uint64_t ttl;
};

static bool read_question(const struct winsctl *ctl, struct question *q)
{
	*q = (struct question) { .type = NB_UNIQUE };
	if (explain_as == NULL) {
		tool_say("record explain needs --as ADDRESS, the host that "
			 "would register");
		return false;
	}
	if (explain_type != NULL &&
	    (!nb_type_parse(explain_type, &q->type) || q->type == NB_SGROUP)) {
		tool_say("--type %s: unique, group or mhomed (a group <1c> "
			 "is an internet group by itself)", explain_type);
		return false;
	}
	return tool_parse_name(ctl->args[0], &q->name) &&
	       tool_parse_address(explain_as, &q->addr) &&
	       (explain_ttl == NULL ||
		tool_parse_number("--ttl", explain_ttl, 0, UINT32_MAX,
				  &q->ttl));
}

static void print_stored(const struct control_reader *reply,
			 enum control_tag tag, const char *title)
{
	struct control_field field;
	struct nb_record rec;

	if (control_find(reply, tag, &field)) {
		control_record(&field, &rec);
		(void)printf("\n%s:\n", title);
		print_record(&rec);
	}
}

static void print_answer(const struct question *q,
			 const struct control_reader *reply)
{
	struct control_field field;
	char name[NB_NAME_TEXT];
	char addr[NB_ADDR_TEXT];
	char rule[256] = "";

	(void)printf("%-24s %s as %s from %s\n", "registration",
		     nb_name_print(&q->name, name), nb_type_name(q->type),
		     nb_addr_print(q->addr, addr));
	if (control_find(reply, CONTROL_RULE, &field)) {
		(void)printf("%-24s %s\n", "rule",
			     control_text(&field, rule, sizeof(rule)));
	}
	print_pairs(reply);
	print_stored(reply, CONTROL_BEFORE, "stands now");
	print_stored(reply, CONTROL_RECORD,
		     control_number_or(reply, CONTROL_HOST, 0) != 0 ?
		     "would stand if no holder answers" : "would stand");
}

static void record_member(struct json_out *j, const char *key,
			  const struct control_field *field)
{
	struct nb_record rec;

	control_record(field, &rec);
	json_key(j, key);
	json_begin(j, '{');
	json_record_members(j, &rec);
	json_end(j, '}');
}

/* What is said as yes or no is a truth value for machines. */
static void put_text(struct json_out *j, const char *key,
		     const struct control_field *field)
{
	json_key(j, key);
	if (strcmp(key, "challenge") == 0) {
		json_flag(j, field->len == 3);
	} else {
		json_bytes(j, field->data, field->len);
	}
}

static void print_answer_json(const struct control_reader *reply)
{
	struct json_out j = { .file = stdout };
	struct control_field field = { .data = NULL };
	char key[64] = "";

	json_begin(&j, '{');
	while (control_next(reply, &field)) {
		switch (field.tag) {
		case CONTROL_KEY:
			control_text(&field, key, sizeof(key));
			break;
		case CONTROL_RULE:
			json_key(&j, "rule");
			json_bytes(&j, field.data, field.len);
			break;
		case CONTROL_TEXT:
			put_text(&j, key, &field);
			break;
		case CONTROL_NUMBER:
			json_key(&j, key);
			json_count(&j, control_number(&field));
			break;
		case CONTROL_BEFORE:
			record_member(&j, "before", &field);
			break;
		case CONTROL_RECORD:
			record_member(&j, "after", &field);
			break;
		default:
			break;
		}
	}
	json_key(&j, "asked");
	json_begin(&j, '[');
	field.data = NULL;
	while (control_next(reply, &field)) {
		if (field.tag == CONTROL_HOST) {
			json_address(&j, (uint32_t)control_number(&field));
		}
	}
	json_end(&j, ']');
	json_end(&j, '}');
	json_newline(&j);
}

int record_explain(struct winsctl *ctl)
{
	struct control_reader reply;
	struct control_writer *w = NULL;
	struct question q;
	int status = TOOL_OK;

	if (!read_question(ctl, &q)) {
		return TOOL_USAGE;
	}
	w = ask_begin(ctl, "record explain");
	control_put_name(w, CONTROL_NAME, &q.name);
	control_put_number(w, CONTROL_ADDRESS, q.addr);
	control_put_number(w, CONTROL_TYPE, q.type);
	if (q.ttl != 0) {
		control_put_number(w, CONTROL_TTL, q.ttl);
	}
	status = ask_send(ctl, true, &reply);
	if (status == TOOL_OK) {
		status = ask_status(&reply);
	}
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	if (options.json) {
		print_answer_json(&reply);
	} else {
		print_answer(&q, &reply);
	}
	return TOOL_OK;
}
