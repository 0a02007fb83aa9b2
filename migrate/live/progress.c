/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * progress OLD NEW: which active names have moved from the old server to the
 * new one, day by day, and which have not.
 *
 * Both sides are gathered and walked through once; what is left goes into the
 * third list. Then the hosts of that list are asked for their names (node
 * status), a bounded number a second: one that is alive and has the name will
 * move when it renews, so look at its DHCP options; one that is silent may be
 * a machine that is off, or has been for years.
 *
 * The days are kept in --state FILE, for no server remembers when a name
 * changed hands. Without it there is one day, today.
 */
#include "migrate/live/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/json_out.h"
#include "core/addr.h"
#include "migrate/live/ask.h"
#include "migrate/live/gather.h"
#include "migrate/live/progress_class.h"
#include "migrate/live/progress_state.h"

static char *old_owner, *new_owner, *state_file, *rate;
static int no_hosts;

const struct poptOption progress_options[] = {
	{ "format", 'f', POPT_ARG_STRING, &options.format, 0,
	  "Format of the sides that are files (found out)", "FORMAT" },
	OPTION_ROWS(source_option_rows),
	{ "old-owner", '\0', POPT_ARG_STRING, &old_owner, 0,
	  "The old server, if OLD is a file", "ADDRESS" },
	{ "new-owner", '\0', POPT_ARG_STRING, &new_owner, 0,
	  "The new server, if NEW is a file", "ADDRESS" },
	{ "state", '\0', POPT_ARG_STRING, &state_file, 0,
	  "Remember from day to day when names moved", "FILE" },
	{ "no-hosts", '\0', POPT_ARG_NONE, &no_hosts, 0,
	  "Do not ask hosts whether they are alive", NULL },
	{ "rate", '\0', POPT_ARG_STRING, &rate, 0,
	  "Hosts that are asked in a second (100)", "NUMBER" },
	POPT_TABLEEND
};

struct progress {
	struct gather gather;
	struct gather_side side[2];
	uint32_t owner[2];
	struct progress_file *file;
	int64_t now;
	int error;
	uint64_t count[PROGRESS_STATES];
};

/* ---- who, and by what ---- */

static bool read_owner(const struct gather_side *side, const char *what,
		       const char *text, uint32_t *owner)
{
	if (side->live.scheme == LIVE_NBNS) {
		tool_say("%s: it cannot list what it has; progress wants "
			 "wrepl:// or a file", side->path);
		return false;
	}
	if (text != NULL) {
		return tool_parse_host(text, owner);
	}
	*owner = side->live.host;
	if (side->live.scheme == LIVE_NONE) {
		tool_say("%s is no live server: %s ADDRESS says whose it is",
			 side->path, what);
	}
	return side->live.scheme != LIVE_NONE;
}

static bool read_words(struct progress *p, const char *const *args)
{
	uint64_t number = ASK_RATE;

	if (!format_options_read(&p->gather.format_options) ||
	    (rate != NULL &&
	     !tool_parse_number("--rate", rate, 1, ASK_RATE_MAX, &number))) {
		return false;
	}
	p->gather.rate = (unsigned int)number;
	return gather_parse(args[0], &p->side[SIDES_OLD]) &&
	       gather_parse(args[1], &p->side[SIDES_NEW]) &&
	       read_owner(&p->side[SIDES_OLD], "--old-owner", old_owner,
			  &p->owner[SIDES_OLD]) &&
	       read_owner(&p->side[SIDES_NEW], "--new-owner", new_owner,
			  &p->owner[SIDES_NEW]);
}

/* ---- where each name is ---- */

static int keep(struct progress *p, const struct compare_view *view,
		enum progress_state state)
{
	struct compare_view kept = *view;

	p->count[state]++;
	kept.known = state;
	return state >= PROGRESS_STATIC ?
	       sides_put(p->gather.sides, SIDES_NAMES, &kept) : 0;
}

/*
 * What a file does not say of owners: nmbd's names are all its own, and a list
 * without the owners of addresses means the record's.
 */
static struct compare_view owned(const struct compare_view *view,
				 uint32_t owner)
{
	struct compare_view whole = *view;
	struct nb_record *rec = &whole.rec;

	if (whole.kind != COMPARE_RECORD) {
		return whole;
	}
	if ((whole.known & ROW_OWNER) == 0) {
		rec->owner = owner;
	}
	for (unsigned int i = 0; i < rec->count; i++) {
		if ((whole.known & ROW_MEMBER_OWNERS) == 0) {
			rec->member[i].owner = rec->owner;
		}
	}
	return whole;
}

static int look(void *priv, const struct compare_view *old,
		const struct compare_view *new)
{
	struct progress *p = priv;
	struct compare_view a = owned(old, p->owner[SIDES_OLD]);
	struct compare_view b = owned(new, p->owner[SIDES_NEW]);
	const struct compare_view *view = NULL;
	enum progress_state state = PROGRESS_GONE;
	int ret = 0;

	a.hides_released = p->side[SIDES_OLD].live.scheme == LIVE_WREPL;
	a.has_mark = sides_mark(p->gather.sides, SIDES_OLD, b.rec.owner,
				&a.mark);
	state = progress_classify(&a, &b, p->owner[SIDES_OLD],
				  p->owner[SIDES_NEW]);
	view = b.kind == COMPARE_RECORD && b.rec.state == NB_ACTIVE ? &b : &a;
	if (state >= PROGRESS_MOVED) {
		ret = progress_note(p->file, &view->rec.name, state, p->now);
	}
	return ret != 0 ? ret : keep(p, view, state);
}

/* ---- who is alive ---- */

static bool next_host(void *priv, struct ask_item *item)
{
	struct progress *p = priv;
	struct compare_view view;
	int ret = sides_next(p->gather.sides, &view);

	while (ret == 0 && (view.known != PROGRESS_LEFT ||
			    view.rec.count == 0)) {
		ret = sides_put(p->gather.sides, SIDES_OLD, &view);
		ret = ret != 0 ? ret : sides_next(p->gather.sides, &view);
	}
	if (ret != 0) {
		p->error = ret == ENOENT ? p->error : ret;
		return false;
	}
	*item = (struct ask_item) {
		.kind = NBNS_STATUS,
		.host = view.rec.member[0].ip,
		.port = NBNS_PORT,
		.name = view.rec.name,
	};
	return true;
}

static void host_answered(void *priv, const struct ask_item *item, int error,
			  const struct nbns_answer *answer)
{
	struct progress *p = priv;
	struct compare_view view;
	int ret = sides_get(p->gather.sides, SIDES_NAMES, &item->name, &view);

	if (ret == 0) {
		view.known = error != 0 ? PROGRESS_SILENT :
			     ask_status_has(answer, &item->name) ?
				     PROGRESS_ALIVE : PROGRESS_STALE;
		p->count[PROGRESS_LEFT]--;
		p->count[view.known]++;
		ret = sides_put(p->gather.sides, SIDES_OLD, &view);
	}
	p->error = p->error != 0 ? p->error : ret;
}

/* From SIDES_NAMES to SIDES_OLD, which nobody needs any more. */
static int ask_hosts(struct progress *p)
{
	struct sides *sides = p->gather.sides;
	struct asker *asker = NULL;
	int ret = sides_begin(sides, SIDES_OLD);

	ret = ret != 0 ? ret : sides_first(sides, SIDES_NAMES);
	ret = ret != 0 ? ret :
	      asker_create(p, p->gather.format_options.our_address,
			   p->gather.rate, &asker);
	ret = ret != 0 ? ret :
	      asker_run(asker, next_host, host_answered, p);
	talloc_free(asker);
	ret = ret != 0 ? ret : p->error;
	return ret != 0 ? ret : sides_end(sides);
}

/* ---- the report ---- */

static void print_day(void *priv, const char *day, uint64_t moved,
		      uint64_t all)
{
	struct json_out j = { .file = stdout };

	(void)priv;
	if (!options.json) {
		(void)printf("%s  %8" PRIu64 " moved, %8" PRIu64 " in all\n",
			     day, moved, all);
		return;
	}
	json_begin(&j, '{');
	json_key(&j, "day");
	json_text(&j, day);
	json_key(&j, "moved");
	json_count(&j, moved);
	json_key(&j, "all");
	json_count(&j, all);
	json_end(&j, '}');
	json_newline(&j);
}

static void print_left_json(const struct compare_view *view)
{
	const struct nb_record *rec = &view->rec;
	struct json_out j = { .file = stdout };

	json_begin(&j, '{');
	json_key(&j, "name");
	json_bytes(&j, rec->name.byte, rec->name.len);
	json_key(&j, "suffix");
	json_count(&j, rec->name.type);
	json_key(&j, "scope");
	json_bytes(&j, rec->name.scope, rec->name.scope_len);
	json_key(&j, "state");
	json_text(&j, progress_state_name(view->known));
	json_key(&j, "owner");
	json_address(&j, rec->owner);
	json_key(&j, "addresses");
	json_begin(&j, '[');
	for (unsigned int i = 0; i < rec->count; i++) {
		json_address(&j, rec->member[i].ip);
	}
	json_end(&j, ']');
	json_end(&j, '}');
	json_newline(&j);
}

static void print_left(const struct compare_view *view)
{
	const struct nb_record *rec = &view->rec;
	char name[NB_NAME_TEXT], owner[NB_ADDR_TEXT], ip[NB_ADDR_TEXT];

	if (options.json) {
		print_left_json(view);
		return;
	}
	(void)printf("%-20s %-7s %-15s %s\n", nb_name_print(&rec->name, name),
		     progress_state_name(view->known),
		     nb_addr_print(rec->owner, owner), rec->count > 0 ?
		     nb_addr_print(rec->member[0].ip, ip) : "-");
}

static int print_all(struct progress *p)
{
	enum sides_which list = no_hosts ? SIDES_NAMES : SIDES_OLD;
	struct compare_view view;
	int ret = progress_days(p->file, print_day, NULL);

	ret = ret != 0 ? ret : sides_first(p->gather.sides, list);
	while (ret == 0) {
		ret = sides_next(p->gather.sides, &view);
		if (ret == 0) {
			print_left(&view);
		}
	}
	return ret == ENOENT ? 0 : ret;
}

static uint64_t not_moved(const struct progress *p)
{
	uint64_t sum = 0;

	for (unsigned int i = PROGRESS_STATIC; i < PROGRESS_STATES; i++) {
		sum += p->count[i];
	}
	return sum;
}

static void say_sums(const struct progress *p)
{
	char text[160] = "";
	size_t len = 0;

	for (unsigned int i = PROGRESS_STATIC; i < PROGRESS_STATES; i++) {
		if (p->count[i] > 0) {
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"%s%" PRIu64 " %s",
						len > 0 ? ", " : ": ",
						p->count[i],
						progress_state_name(i));
		}
	}
	tool_say("%" PRIu64 " names have moved, %" PRIu64 " have not%s; %"
		 PRIu64 " are of other owners", p->count[PROGRESS_MOVED],
		 not_moved(p), text, p->count[PROGRESS_ELSEWHERE]);
}

/* ---- the command ---- */

static int prepare(struct progress *p)
{
	char *message = NULL;
	int status = TOOL_OK;

	if (sides_create(p, &p->gather.sides) != 0) {
		tool_say("cannot make a temporary database");
		return TOOL_FAILED;
	}
	if (progress_open(p, state_file, &p->file, &message) != 0) {
		tool_say("%s: %s", state_file != NULL ? state_file :
			 "temporary database", message != NULL ? message :
			 "out of memory");
		return TOOL_FAILED;
	}
	status = gather_list(&p->gather, &p->side[SIDES_OLD], SIDES_OLD);
	return status != TOOL_OK ? status :
	       gather_list(&p->gather, &p->side[SIDES_NEW], SIDES_NEW);
}

static int look_and_tell(struct progress *p)
{
	int ret = sides_each(p->gather.sides, look, p);

	if (ret == 0 && !no_hosts) {
		ret = ask_hosts(p);
	}
	ret = ret != 0 ? ret : print_all(p);
	return ret != 0 ? ret : progress_save(p->file);
}

int run_progress(struct tool_call *call)
{
	struct progress *p = talloc_zero(call->mem_ctx, struct progress);
	int status = TOOL_OK, ret = 0;

	if (p == NULL) {
		return TOOL_FAILED;
	}
	p->gather.mem_ctx = p;
	p->gather.format = options.format;
	p->now = (int64_t)time(NULL);
	if (!read_words(p, call->args)) {
		return TOOL_USAGE;
	}
	status = prepare(p);
	if (status != TOOL_OK) {
		return status;
	}
	ret = look_and_tell(p);
	if (ret != 0) {
		tool_say("cannot tell the progress: %s", ret == EIO ?
			 "a database cannot be written" : strerror(ret));
		return TOOL_FAILED;
	}
	say_sums(p);
	return not_moved(p) > 0 ? TOOL_PROBLEMS : TOOL_OK;
}
