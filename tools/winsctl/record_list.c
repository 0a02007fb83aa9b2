/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record list: slice after slice, printed as it comes. The next slice is asked
 * for when this one is printed, so a pager that is not scrolled stops the
 * server's work, and nothing is held on either side.
 *
 * Ctrl-C ends the list behind a whole record; the signal then does what it
 * always does, so that a shell loop ends as well.
 */
#include <signal.h>
#include <string.h>

#include "common/json_record.h"
#include "common/rfc3339.h"
#include "winsctl/winsctl.h"

static char *list_scope;
static char *list_type;
static char *list_state;
static char *list_owner;
static char *list_address;
static char *list_version;
static int list_static;
static int list_dynamic;
static int list_count;
static char *list_queried;
static char *list_unused;

const struct poptOption record_list_options[] = {
	{ "type", '\0', POPT_ARG_STRING, &list_type, 0,
	  "Only unique, group, sgroup or mhomed", "TYPE" },
	{ "state", '\0', POPT_ARG_STRING, &list_state, 0,
	  "Only active, released or tombstone", "STATE" },
	{ "owner", '\0', POPT_ARG_STRING, &list_owner, 0,
	  "Only records of this server", "ADDRESS" },
	{ "address", '\0', POPT_ARG_STRING, &list_address, 0,
	  "Only records with this address", "ADDRESS" },
	{ "scope", '\0', POPT_ARG_STRING, &list_scope, 0,
	  "Only this scope ('' for none)", "SCOPE" },
	{ "versions", '\0', POPT_ARG_STRING, &list_version, 0,
	  "Only these versions: 7, 7-20, 7- or -20", "RANGE" },
	{ "static", '\0', POPT_ARG_NONE, &list_static, 0,
	  "Only static records", NULL },
	{ "dynamic", '\0', POPT_ARG_NONE, &list_dynamic, 0,
	  "Only dynamic records", NULL },
	{ "queried-since", '\0', POPT_ARG_STRING, &list_queried, 0,
	  "Only names asked for since then", "DATE" },
	{ "unused-since", '\0', POPT_ARG_STRING, &list_unused, 0,
	  "Only names not asked for since then", "DATE" },
	{ "count", '\0', POPT_ARG_NONE, &list_count, 0,
	  "Print only how many there are", NULL },
	POPT_TABLEEND
};

struct filter {
	bool has_glob, has_suffix, has_scope;
	bool has_type, has_state, has_owner, has_address;
	uint8_t glob[CONTROL_GLOB_MAX];
	size_t glob_len;
	struct nb_name name;		/* its type and scope */
	uint8_t type;
	uint8_t state;
	uint32_t owner;
	uint32_t address;
	uint64_t from, to;
	bool by_use;			/* one of these two, or both */
	int64_t queried, unused;
};

/* ---- reading the filters ---- */

static bool put_glob(struct filter *f, uint8_t byte, bool literal)
{
	if (literal && (byte == '*' || byte == '?' || byte == '\\')) {
		if (f->glob_len == sizeof(f->glob)) {
			return false;
		}
		f->glob[f->glob_len++] = '\\';
	}
	if (f->glob_len == sizeof(f->glob)) {
		return false;
	}
	f->glob[f->glob_len++] = byte;
	return true;
}

/*
 * The bytes of one \xHH as nb_name_parse() reads them; that also checks the
 * digits. Text is at the backslash.
 */
static bool hex_byte(const char *text, uint8_t *byte)
{
	char form[] = "\\x__<00>";
	struct nb_name name;

	if (strnlen(text, 4) < 4) {
		return false;
	}
	memcpy(form, text, 4);
	if (!nb_name_parse(form, &name)) {
		return false;
	}
	*byte = name.len == 1 ? name.byte[0] : memcmp(text, "\\x20", 4) == 0 ?
		' ' : 0;
	return true;
}

/* The pattern up to its type; returns where that begins, NULL if wrong. */
static const char *read_glob(struct filter *f, const char *text)
{
	while (*text != '\0' && *text != '<' && *text != '#') {
		uint8_t byte = (uint8_t)*text;
		bool literal = byte == '\\';

		if (literal && !hex_byte(text, &byte)) {
			return NULL;
		}
		if (!put_glob(f, byte, literal)) {
			return NULL;
		}
		text += literal ? 4 : 1;
	}
	return text;
}

/* GLOB, GLOB<20> or GLOB<20>.scope */
static bool read_pattern(struct filter *f, const char *text)
{
	const char *rest = read_glob(f, text);

	f->has_glob = true;
	if (rest != NULL && *rest == '\0') {
		return true;
	}
	f->has_suffix = true;
	/* behind the name all is as in a name without bytes */
	if (rest == NULL || !nb_name_parse(rest, &f->name)) {
		tool_say("'%s' is not a pattern like 'FILE*', 'FILE*<20>' or "
			 "'FILE*<20>.scope'", text);
		return false;
	}
	f->has_scope = f->name.scope_len > 0;
	return true;
}

static bool read_words(struct filter *f)
{
	if (list_type != NULL && !nb_type_parse(list_type, &f->type)) {
		tool_say("--type %s: unique, group, sgroup or mhomed",
			 list_type);
		return false;
	}
	if (list_state != NULL && !nb_state_parse(list_state, &f->state)) {
		tool_say("--state %s: active, released or tombstone",
			 list_state);
		return false;
	}
	f->has_type = list_type != NULL;
	f->has_state = list_state != NULL;
	f->has_owner = list_owner != NULL;
	f->has_address = list_address != NULL;
	return (list_owner == NULL ||
		tool_parse_address(list_owner, &f->owner)) &&
	       (list_address == NULL ||
		tool_parse_address(list_address, &f->address));
}

/* "7", "7-20", "7-", "-20" */
static bool read_versions(TALLOC_CTX *mem_ctx, struct filter *f)
{
	char *from = NULL;
	char *to = NULL;

	f->to = UINT64_MAX;
	if (list_version == NULL) {
		return true;
	}
	from = talloc_strdup(mem_ctx, list_version);
	to = from == NULL ? NULL : strchr(from, '-');
	if (to != NULL) {
		*to++ = '\0';
	}
	if (from == NULL || (from[0] != '\0' &&
	    !tool_parse_number("--versions", from, 0, UINT64_MAX, &f->from))) {
		return false;
	}
	if (to == NULL) {
		f->to = f->from;
		return true;
	}
	return *to == '\0' ||
	       tool_parse_number("--versions", to, 0, UINT64_MAX, &f->to);
}

static bool read_scope(struct filter *f)
{
	char text[4 * NB_SCOPE_MAX + 6];

	if (list_scope == NULL) {
		return true;
	}
	f->has_scope = true;
	if (list_scope[0] == '\0') {
		return nb_name_set_scope(&f->name, NULL, 0);
	}
	if (strlen(list_scope) < sizeof(text) - 5) {
		uint8_t suffix = f->name.type;

		(void)snprintf(text, sizeof(text), "<00>.%s", list_scope);
		if (nb_name_parse(text, &f->name)) {
			f->name.type = suffix;
			return true;
		}
	}
	tool_say("--scope '%s' is not a scope", list_scope);
	return false;
}

static bool read_filter(struct winsctl *ctl, struct filter *f)
{
	*f = (struct filter) { .from = 0 };
	if (list_static && list_dynamic) {
		tool_say("--static and --dynamic exclude each other");
		return false;
	}
	f->by_use = list_queried != NULL || list_unused != NULL;
	if ((list_queried != NULL &&
	     !tool_parse_date("--queried-since", list_queried, &f->queried)) ||
	    (list_unused != NULL &&
	     !tool_parse_date("--unused-since", list_unused, &f->unused))) {
		return false;
	}
	return (ctl->count == 0 || read_pattern(f, ctl->args[0])) &&
	       read_scope(f) && read_words(f) &&
	       read_versions(ctl->mem_ctx, f);
}

static void put_number_if(struct control_writer *w, bool has,
			  enum control_tag tag, uint64_t number)
{
	if (has) {
		control_put_number(w, tag, number);
	}
}

static void put_filter(struct control_writer *w, const struct filter *f)
{
	if (f->has_glob) {
		control_put_bytes(w, CONTROL_GLOB, f->glob, f->glob_len);
	}
	if (f->has_scope) {
		control_put_bytes(w, CONTROL_SCOPE, f->name.scope,
				  f->name.scope_len);
	}
	put_number_if(w, f->has_suffix, CONTROL_SUFFIX, f->name.type);
	put_number_if(w, f->has_type, CONTROL_TYPE, f->type);
	put_number_if(w, f->has_state, CONTROL_STATE, f->state);
	put_number_if(w, f->has_owner, CONTROL_OWNER, f->owner);
	put_number_if(w, f->has_address, CONTROL_ADDRESS, f->address);
	put_number_if(w, list_static || list_dynamic, CONTROL_STATIC,
		      list_static);
	put_number_if(w, f->from > 0, CONTROL_VERSION_FROM, f->from);
	put_number_if(w, f->to < UINT64_MAX, CONTROL_VERSION_TO, f->to);
	put_number_if(w, list_queried != NULL, CONTROL_QUERIED_SINCE,
		      (uint64_t)f->queried);
	put_number_if(w, list_unused != NULL, CONTROL_UNUSED_SINCE,
		      (uint64_t)f->unused);
}

/* ---- the list ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signum)
{
	interrupted = signum;
}

static void catch_interrupt(void)
{
	struct sigaction action = {
		.sa_handler = on_interrupt,
		/* what is being printed is printed; a second one kills */
		.sa_flags = SA_RESTART | (int)SA_RESETHAND,
	};

	(void)sigaction(SIGINT, &action, NULL);
}

struct list {
	struct filter filter;
	uint64_t count;
	uint64_t counted;		/* since when names are watched; 0 */
	uint64_t unknown;		/* left out for that */
};

/* When the name of the record in this field was last asked for. */
static int64_t queried_at(const struct control_reader *reply,
			  const struct control_field *record)
{
	struct control_field next = *record;
	uint64_t when = 0;

	if (!control_next(reply, &next) || next.tag != CONTROL_QUERIED) {
		return JSON_QUERIED_UNKNOWN;
	}
	when = control_number(&next);
	return when == 0 ? JSON_QUERIED_NEVER : (int64_t)when;
}

static const char *print_asked(int64_t queried, char text[RFC3339_TEXT])
{
	switch (queried) {
	case JSON_QUERIED_UNKNOWN:
		return "unknown";
	case JSON_QUERIED_NEVER:
		return "-";
	}
	return rfc3339_print(queried, text);
}

static void print_one(const struct list *list,
		      const struct control_reader *reply,
		      const struct control_field *field)
{
	int64_t queried = queried_at(reply, field);
	struct nb_record rec;
	char text[RFC3339_TEXT];

	control_record(field, &rec);
	if (options.json) {
		json_record_print_queried(stdout, &rec, queried);
	} else {
		print_list_record(&rec, list->filter.by_use ?
				  print_asked(queried, text) : NULL);
	}
}

/* Print what one slice has; false at an interruption. */
static bool print_slice(const struct control_reader *reply, struct list *list)
{
	struct control_field field = { .data = NULL };

	list->counted = control_number_or(reply, CONTROL_COUNTED, 0);
	list->unknown += control_number_or(reply, CONTROL_NUMBER, 0);
	while (control_next(reply, &field)) {
		if (interrupted) {
			return false;
		}
		if (field.tag != CONTROL_RECORD) {
			continue;
		}
		list->count++;
		if (!list_count) {
			print_one(list, reply, &field);
		}
	}
	return true;
}

/* What a list by use is worth. */
static void tell_use(const struct list *list)
{
	char text[RFC3339_TEXT];

	if (!list->filter.by_use) {
		return;
	}
	tool_say("counted since %s", rfc3339_print((int64_t)list->counted,
						   text));
	if (list->unknown > 0) {
		tool_say("%llu records are left out: nobody knows any more "
			 "whether they were asked for since then",
			 (unsigned long long)list->unknown);
	}
}

/* Refused because it is not counted for so long? Say since when it is. */
static void tell_refusal(const struct control_reader *reply)
{
	uint64_t counted = control_number_or(reply, CONTROL_COUNTED, 0);
	char text[RFC3339_TEXT];

	if (counted != 0) {
		tool_say("counted since %s: --unused-since takes no earlier "
			 "date", rfc3339_print((int64_t)counted, text));
	}
}

static int ask_slice(struct winsctl *ctl, const struct filter *filter,
		     uint64_t cursor, uint64_t instance,
		     struct control_reader *reply)
{
	struct control_writer *w = ask_begin(ctl, "record list");
	int status = TOOL_OK;

	put_filter(w, filter);
	if (cursor != 0) {
		control_put_number(w, CONTROL_CURSOR, cursor);
		control_put_number(w, CONTROL_INSTANCE, instance);
	}
	status = ask_send(ctl, true, reply);
	if (status != TOOL_OK) {
		return status;
	}
	status = ask_status(reply);
	if (status != TOOL_OK) {
		tell_refusal(reply);
	}
	return status;
}

static int finish(const struct list *list)
{
	uint64_t count = list->count;

	if (interrupted) {
		(void)fflush(stdout);
		tool_say("interrupted after %llu records",
			 (unsigned long long)count);
		(void)signal(SIGINT, SIG_DFL);
		(void)raise(SIGINT);
	}
	if (list_count && options.json) {
		(void)printf("{\"count\":%llu}\n", (unsigned long long)count);
	} else if (list_count) {
		(void)printf("%llu\n", (unsigned long long)count);
	}
	tell_use(list);
	return TOOL_OK;
}

int record_list(struct winsctl *ctl)
{
	struct control_reader reply;
	struct list list = { .count = 0 };
	uint64_t instance = 0;
	uint64_t cursor = 0;

	if (!read_filter(ctl, &list.filter)) {
		return TOOL_USAGE;
	}
	catch_interrupt();
	if (!options.json && !list_count) {
		print_list_head(list.filter.by_use);
	}
	do {
		int status = ask_slice(ctl, &list.filter, cursor, instance,
				       &reply);

		if (status > TOOL_OK) {
			return status;
		}
		if (status < 0 || !print_slice(&reply, &list)) {
			break;
		}
		cursor = control_number_or(&reply, CONTROL_CURSOR, 0);
		instance = control_number_or(&reply, CONTROL_INSTANCE, 0);
	} while (cursor != 0 && !interrupted && !ferror(stdout));
	return finish(&list);
}
