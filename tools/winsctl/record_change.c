/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record add, delete, tombstone, release, touch.
 *
 * Each name is a command of its own: one that fails does not keep the others
 * from being done, and the exit code tells whether all, some or none were. A
 * dry run prints the same lines from the same reply; only the remark on
 * stderr says that nothing was done. Versions are not printed: a dry run
 * cannot know them.
 */
#include <string.h>

#include "common/json_out.h"
#include "core/addr.h"
#include "winsctl/winsctl.h"

#define MANY 20		/* names that may be changed without --yes */

static char *add_type;
static char *add_ttl;
static char *add_node;
static int add_static;
static int add_dynamic;

#define CHANGE_OPTIONS \
	{ "dry-run", 'n', POPT_ARG_NONE, &options.dry_run, 0, \
	  "Say what would be done, do nothing", NULL }, \
	{ "yes", 'y', POPT_ARG_NONE, &options.yes, 0, \
	  "Also what is protected, in use, or many", NULL }

const struct poptOption record_change_options[] = {
	CHANGE_OPTIONS,
	POPT_TABLEEND
};

const struct poptOption record_add_options[] = {
	{ "type", '\0', POPT_ARG_STRING, &add_type, 0,
	  "unique, group, sgroup or mhomed (by suffix and addresses)",
	  "TYPE" },
	{ "static", '\0', POPT_ARG_NONE, &add_static, 0,
	  "Never expires (default)", NULL },
	{ "dynamic", '\0', POPT_ARG_NONE, &add_dynamic, 0,
	  "Ages like a host's own registration; needs --ttl", NULL },
	{ "ttl", '\0', POPT_ARG_STRING, &add_ttl, 0,
	  "Time to live of a dynamic record", "SECONDS" },
	{ "node", '\0', POPT_ARG_STRING, &add_node, 0,
	  "Node type of the host: B, P, M or H (default)", "NODE" },
	CHANGE_OPTIONS,
	POPT_TABLEEND
};

/* ---- what was done ---- */

static bool record_of(const struct control_reader *reply, enum control_tag tag,
		      struct nb_record *rec)
{
	struct control_field field;

	if (!control_find(reply, tag, &field)) {
		return false;
	}
	control_record(&field, rec);
	return true;
}

static void print_json(const char *done, const struct nb_name *name,
		       const struct nb_record *rec)
{
	struct json_out j = { .file = stdout };

	json_begin(&j, '{');
	json_key(&j, "result");
	json_text(&j, done);
	json_key(&j, "name");
	json_bytes(&j, name->byte, name->len);
	json_key(&j, "suffix");
	json_count(&j, name->type);
	json_key(&j, "scope");
	json_bytes(&j, name->scope, name->scope_len);
	if (rec != NULL) {
		json_key(&j, "type");
		json_text(&j, nb_type_name(rec->type));
		json_key(&j, "state");
		json_text(&j, nb_state_name(rec->state));
		json_key(&j, "static");
		json_flag(&j, rec->is_static);
		json_key(&j, "addresses");
		json_begin(&j, '[');
		for (unsigned int i = 0; i < rec->count; i++) {
			json_address(&j, rec->member[i].ip);
		}
		json_end(&j, ']');
	}
	json_end(&j, '}');
	json_newline(&j);
}

static void print_line(const char *done, const struct nb_name *name,
		       const struct nb_record *rec)
{
	char text[NB_NAME_TEXT];
	char ip[NB_ADDR_TEXT];

	(void)printf("%-10s %-20s", done, nb_name_print(name, text));
	if (rec != NULL) {
		(void)printf(" %-6s %-9s %-7s", nb_type_name(rec->type),
			     nb_state_name(rec->state),
			     rec->is_static ? "static" : "dynamic");
	}
	for (unsigned int i = 0; rec != NULL && i < rec->count; i++) {
		(void)printf("%c%s", i == 0 ? ' ' : ',',
			     nb_addr_print(rec->member[i].ip, ip));
	}
	(void)fputc('\n', stdout);
}

/* Tell about one name; returns its exit code. */
static int tell(const struct nb_name *name, const char *done,
		const struct control_reader *reply)
{
	struct nb_record rec;
	int status = ask_status(reply);
	bool shown = record_of(reply, CONTROL_RECORD, &rec) ||
		     record_of(reply, CONTROL_BEFORE, &rec);

	if (status != TOOL_OK) {
		return status;
	}
	if (control_number_or(reply, CONTROL_STATUS, 0) ==
	    CONTROL_UNCHANGED) {
		done = "unchanged";
	}
	if (options.json) {
		print_json(done, name, shown ? &rec : NULL);
	} else {
		print_line(done, name, shown ? &rec : NULL);
	}
	return TOOL_OK;
}

static void put_flags(struct control_writer *w)
{
	uint64_t flags = (options.dry_run ? CONTROL_DRY_RUN : 0u) |
			 (options.yes ? CONTROL_YES : 0u);

	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
}

static void remark_dry_run(void)
{
	if (options.dry_run) {
		tool_say("dry run: nothing was changed");
	}
}

/* ---- by name ---- */

static int change_one(struct winsctl *ctl, const char *verb, const char *done,
		      const struct nb_name *name, uint32_t addr)
{
	struct control_reader reply;
	struct control_writer *w = ask_begin(ctl, verb);
	int status = TOOL_OK;

	control_put_name(w, CONTROL_NAME, name);
	if (addr != 0) {
		control_put_number(w, CONTROL_ADDRESS, addr);
	}
	put_flags(w);
	status = ask_send(ctl, false, &reply);
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	return tell(name, done, &reply);
}

/* All names are read before the first is changed. */
static struct nb_name *read_names(struct winsctl *ctl)
{
	struct nb_name *names = talloc_array(ctl->mem_ctx, struct nb_name,
					     ctl->count);

	for (unsigned int i = 0; names != NULL && i < ctl->count; i++) {
		if (!tool_parse_name(ctl->args[i], &names[i])) {
			return NULL;
		}
	}
	return names;
}

static int change_names(struct winsctl *ctl, const char *verb,
			const char *done)
{
	struct nb_name *names = read_names(ctl);
	unsigned int good = 0;
	int bad = TOOL_OK;

	if (names == NULL) {
		return TOOL_USAGE;
	}
	if (ctl->count > MANY && !options.yes && !options.dry_run) {
		tool_say("%u names are many: --yes changes them all the same",
			 ctl->count);
		return TOOL_REFUSED;
	}
	for (unsigned int i = 0; i < ctl->count; i++) {
		int status = change_one(ctl, verb, done, &names[i], 0);

		good += status == TOOL_OK;
		if (status == TOOL_UNREACHABLE) {
			return status;
		}
		if (bad == TOOL_OK || bad == status) {
			bad = status;
		} else if (status != TOOL_OK) {
			bad = TOOL_SOME;
		}
	}
	remark_dry_run();
	return bad != TOOL_OK && good > 0 ? TOOL_SOME : bad;
}

int record_delete(struct winsctl *ctl)
{
	return change_names(ctl, "record delete", "deleted");
}

int record_tombstone(struct winsctl *ctl)
{
	return change_names(ctl, "record tombstone", "tombstoned");
}

int record_touch(struct winsctl *ctl)
{
	return change_names(ctl, "record touch", "touched");
}

int record_release(struct winsctl *ctl)
{
	struct nb_name name;
	uint32_t addr = 0;
	int status = TOOL_OK;

	if (!tool_parse_name(ctl->args[0], &name) ||
	    (ctl->count > 1 && !tool_parse_address(ctl->args[1], &addr))) {
		return TOOL_USAGE;
	}
	if (ctl->count > 1 && addr == 0) {
		tool_say("0.0.0.0 is not the address of a host");
		return TOOL_USAGE;
	}
	status = change_one(ctl, "record release", "released", &name, addr);
	remark_dry_run();
	return status;
}

/* ---- add ---- */

static uint8_t type_by_form(const struct nb_name *name, unsigned int addresses)
{
	if (name->type == 0x1c) {
		return NB_SGROUP;
	}
	if (name->type == 0x1e) {
		return NB_GROUP;
	}
	return addresses > 1 ? NB_MHOMED : NB_UNIQUE;
}

static bool read_life(struct nb_record *rec, uint64_t *ttl)
{
	rec->is_static = !add_dynamic;
	rec->expires = rec->is_static ? NB_NEVER : 0;
	if (add_static && add_dynamic) {
		tool_say("--static and --dynamic exclude each other");
		return false;
	}
	if ((add_ttl != NULL) != (add_dynamic != 0)) {
		tool_say("--dynamic and --ttl SECONDS go together");
		return false;
	}
	*ttl = 0;
	if (add_ttl != NULL &&
	    !tool_parse_number("--ttl", add_ttl, 0, UINT32_MAX, ttl)) {
		return false;
	}
	if (add_ttl != NULL && *ttl == 0) {
		tool_say("--ttl 0: a record that lives must live a while");
		return false;
	}
	return true;
}

static bool read_addresses(const struct winsctl *ctl, struct nb_record *rec)
{
	for (unsigned int i = 1; i < ctl->count; i++) {
		struct nb_member member = { .expires = rec->expires };

		if (!tool_parse_address(ctl->args[i], &member.ip)) {
			return false;
		}
		if (nb_record_find(rec, member.ip) >= 0) {
			tool_say("%s stands twice", ctl->args[i]);
			return false;
		}
		rec->member[rec->count++] = member;
	}
	if ((rec->type == NB_UNIQUE || rec->type == NB_GROUP) &&
	    rec->count > 1) {
		tool_say("a %s name has one address; --type mhomed or sgroup "
			 "has more", nb_type_name(rec->type));
		return false;
	}
	return true;
}

static bool read_record(const struct winsctl *ctl, struct nb_record *rec,
			uint64_t *ttl)
{
	*rec = (struct nb_record) { .node = NB_H_NODE };
	if (!tool_parse_name(ctl->args[0], &rec->name)) {
		return false;
	}
	rec->type = type_by_form(&rec->name, ctl->count - 1);
	if (add_type != NULL && !nb_type_parse(add_type, &rec->type)) {
		tool_say("--type %s: unique, group, sgroup or mhomed",
			 add_type);
		return false;
	}
	if (add_node != NULL && !nb_node_parse(add_node, &rec->node)) {
		tool_say("--node %s: B, P, M or H", add_node);
		return false;
	}
	return read_life(rec, ttl) && read_addresses(ctl, rec);
}

int record_add(struct winsctl *ctl)
{
	struct control_reader reply;
	struct control_writer *w = NULL;
	struct nb_record rec;
	uint64_t ttl = 0;
	int status = TOOL_OK;

	if (!read_record(ctl, &rec, &ttl)) {
		return TOOL_USAGE;
	}
	w = ask_begin(ctl, "record add");
	control_put_record(w, CONTROL_RECORD, &rec);
	if (ttl != 0) {
		control_put_number(w, CONTROL_TTL, ttl);
	}
	put_flags(w);
	status = ask_send(ctl, false, &reply);
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	status = tell(&rec.name, record_of(&reply, CONTROL_BEFORE, &rec) ?
		      "replaced" : "added", &reply);
	remark_dry_run();
	return status;
}
