/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner adopt, owner delete: many records of another server with one command.
 *
 * The server is asked twice. First for a dry run: what would be done, and
 * whether it would refuse. If that is many, --yes is needed; if it is more
 * than --limit, it is not begun, for half of an owner is a state that nobody
 * wants. Then the records are written down for an undo, and the real run gets
 * the highest version among them as its bound: it changes nothing that is not
 * in the file.
 *
 * Ctrl-C ends this tool, and the server ends with the slice under way.
 */
#include "core/addr.h"
#include "winsctl/undo.h"
#include "winsctl/winsctl.h"

#define MANY		20
#define LIMIT		10000

static int only_statics;
static int all;
static int tombstone;
static int even_active;
static char *limit_text;
static char *undo_file;

#define MANY_OPTIONS \
	{ "limit", '\0', POPT_ARG_STRING, &limit_text, 0, \
	  "Do nothing if it is more than N records (10000)", "N" }, \
	{ "undo", '\0', POPT_ARG_STRING, &undo_file, 0, \
	  "Write the records as they are to this new file", "FILE" }, \
	{ "dry-run", 'n', POPT_ARG_NONE, &options.dry_run, 0, \
	  "Say what would be done, do nothing", NULL }, \
	{ "yes", 'y', POPT_ARG_NONE, &options.yes, 0, \
	  "Also if it is many records", NULL }

const struct poptOption owner_adopt_options[] = {
	{ "statics", '\0', POPT_ARG_NONE, &only_statics, 0,
	  "Only static records (default)", NULL },
	{ "all", '\0', POPT_ARG_NONE, &all, 0,
	  "All records; hosts refresh dynamic ones by themselves", NULL },
	MANY_OPTIONS,
	POPT_TABLEEND
};

const struct poptOption owner_delete_options[] = {
	{ "tombstone", '\0', POPT_ARG_NONE, &tombstone, 0,
	  "Leave tombstones of this server, which replicate", NULL },
	{ "even-active", '\0', POPT_ARG_NONE, &even_active, 0,
	  "Although active or static records are left", NULL },
	MANY_OPTIONS,
	POPT_TABLEEND
};

struct change {
	const char *verb;		/* "owner adopt" */
	const char *done;		/* the key of the number */
	const char *lifts;		/* the option that lifts a conflict */
	uint64_t flags;
	uint64_t limit;
	struct undo undo;
};

static int ask(struct winsctl *ctl, const struct change *change, uint64_t flags,
	       uint64_t to, struct control_reader *reply)
{
	struct control_writer *w = ask_begin(ctl, change->verb);
	int status = TOOL_OK;

	control_put_number(w, CONTROL_OWNER, change->undo.owner);
	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
	if (to != 0) {
		control_put_number(w, CONTROL_VERSION_TO, to);
	}
	status = ask_send(ctl, false, reply);
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	return ask_status_or(reply, change->lifts);
}

static void show(const struct control_reader *reply)
{
	if (options.json) {
		print_pairs_json(reply);
	} else {
		print_pairs(reply);
	}
}

static uint64_t number_of(const struct control_reader *reply, const char *key)
{
	struct control_field at = { .data = NULL };
	struct row row = { .first = "owner" };

	return row_next(reply, &at, &row) ? row_number(&row, key, 0) : 0;
}

/* Is it too many to be done just so? TOOL_OK, or an exit code. */
static int judge(const struct change *change, uint64_t count)
{
	if (count > change->limit) {
		tool_say("%llu records are more than %llu, and nothing was "
			 "done: --limit %llu does it all the same",
			 (unsigned long long)count,
			 (unsigned long long)change->limit,
			 (unsigned long long)count);
		return TOOL_REFUSED;
	}
	if (count > MANY && !options.yes) {
		tool_say("%llu records are many, and nothing was done: --yes "
			 "changes them all the same",
			 (unsigned long long)count);
		return TOOL_REFUSED;
	}
	return TOOL_OK;
}

static int real_run(struct winsctl *ctl, struct change *change, uint64_t count,
		    struct control_reader *reply)
{
	int status = judge(change, count);

	if (status == TOOL_OK && count > 0) {
		status = undo_write(ctl, &change->undo);
	}
	if (status != TOOL_OK) {
		return status;
	}
	return ask(ctl, change, change->flags, change->undo.highest, reply);
}

static int run(struct winsctl *ctl, struct change *change)
{
	struct control_reader reply;
	int status = TOOL_OK;

	change->limit = LIMIT;
	change->undo.file = undo_file;
	if (!tool_parse_host(ctl->args[0], &change->undo.owner) ||
	    (limit_text != NULL &&
	     !tool_parse_number("--limit", limit_text, 0, UINT64_MAX,
				&change->limit))) {
		return TOOL_USAGE;
	}
	status = ask(ctl, change, change->flags | CONTROL_DRY_RUN, 0, &reply);
	if (status == TOOL_OK && !options.dry_run) {
		status = real_run(ctl, change, number_of(&reply, change->done),
				  &reply);
	}
	if (status == TOOL_OK) {
		show(&reply);
	}
	if (options.dry_run) {
		tool_say("dry run: nothing was changed");
	}
	return status;
}

int owner_adopt(struct winsctl *ctl)
{
	struct change change = {
		.verb = "owner adopt",
		.done = "adopted",
		.lifts = "--yes",
		.flags = all ? CONTROL_ALL : 0,
		.undo = { .command = "owner-adopt", .only_statics = !all },
	};

	if (all && only_statics) {
		tool_say("--statics and --all exclude each other");
		return TOOL_USAGE;
	}
	return run(ctl, &change);
}

int owner_delete(struct winsctl *ctl)
{
	struct change change = {
		.verb = "owner delete",
		.done = tombstone ? "tombstoned" : "deleted",
		.lifts = "--even-active",
		.flags = (tombstone ? CONTROL_BURY : 0u) |
			 (even_active ? CONTROL_YES : 0u),
		.undo = { .command = "owner-delete" },
	};
	int status = run(ctl, &change);

	if (status == TOOL_OK && tombstone) {
		tool_say("a partner keeps what it has of %s that is active or "
			 "static: `winsctl owner delete %s --even-active` "
			 "there", ctl->args[0], ctl->args[0]);
	} else if (status == TOOL_OK) {
		tool_say("a partner that still knows %s brings its records "
			 "back; `wins:block owners = %s` prevents that",
			 ctl->args[0], ctl->args[0]);
	}
	return status;
}
