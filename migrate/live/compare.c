/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * compare OLD NEW: does the new server say what the old one says?
 *
 * A round: both sides are gathered, those that list first, for a server that
 * can only be asked is asked for the names of the other side or of --names.
 * Then all names are walked through, once to judge and once to print: what a
 * difference is depends on since when it is there, and a watch prints its
 * last round only.
 *
 * A watch ends when three rounds in a row were without a difference that
 * matters, or after --timeout. Differences that are merely young do not count
 * as equal: what is not pulled yet may never be.
 */
#include "migrate/live/compare.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "migrate/live/ask.h"
#include "migrate/live/gather.h"
#include "migrate/live/kept_out.h"

#define EQUAL_ROUNDS	3u
#define YEAR		(365u * 86400u)

static char *names_file, *rate, *pull_interval, *interval, *time_limit;
static int strict, watch;

const struct poptOption compare_options[] = {
	{ "format", 'f', POPT_ARG_STRING, &options.format, 0,
	  "Format of the sides that are files (found out)", "FORMAT" },
	OPTION_ROWS(source_option_rows),
	{ "names", '\0', POPT_ARG_STRING, &names_file, 0,
	  "Names to compare, one a line (all of the other side)", "FILE" },
	{ "rate", '\0', POPT_ARG_STRING, &rate, 0,
	  "Queries a second to each server (100)", "NUMBER" },
	{ "pull-interval", '\0', POPT_ARG_STRING, &pull_interval, 0,
	  "Of the replication between both (1800)", "SECONDS" },
	{ "strict", '\0', POPT_ARG_NONE, &strict, 0,
	  "Expected differences are problems, too", NULL },
	{ "watch", '\0', POPT_ARG_NONE, &watch, 0,
	  "Compare again, until three rounds in a row are equal", NULL },
	{ "interval", '\0', POPT_ARG_STRING, &interval, 0,
	  "Pause between rounds (60)", "SECONDS" },
	{ "timeout", '\0', POPT_ARG_STRING, &time_limit, 0,
	  "Watch no longer than this (0: for ever)", "SECONDS" },
	POPT_TABLEEND
};

struct compare {
	struct gather gather;
	struct gather_side side[2];	/* SIDES_OLD, SIDES_NEW */
	struct kept_out kept;
	struct compare_world world;
	unsigned int interval, time_limit;
	unsigned int round;
	bool print;			/* this walk prints */
	uint64_t names, real, expected, young;
};

/* ---- options ---- */

static bool number(const char *what, const char *text, uint64_t min,
		   uint64_t max, unsigned int otherwise, unsigned int *value)
{
	uint64_t read = otherwise;

	if (text != NULL && !tool_parse_number(what, text, min, max, &read)) {
		return false;
	}
	*value = (unsigned int)read;
	return true;
}

static bool read_options(struct compare *c)
{
	return format_options_read(&c->gather.format_options) &&
	       number("--rate", rate, 1, ASK_RATE_MAX, ASK_RATE,
		      &c->gather.rate) &&
	       number("--pull-interval", pull_interval, 0, YEAR, 1800,
		      &c->world.pull_interval) &&
	       number("--interval", interval, 0, YEAR, 60, &c->interval) &&
	       number("--timeout", time_limit, 0, YEAR, 0, &c->time_limit);
}

static bool is_asked(const struct gather_side *side)
{
	return side->live.scheme == LIVE_NBNS;
}

static bool check_sides(struct compare *c, const char *const *args)
{
	if (!gather_parse(args[0], &c->side[SIDES_OLD]) ||
	    !gather_parse(args[1], &c->side[SIDES_NEW])) {
		return false;
	}
	if (is_asked(&c->side[SIDES_OLD]) && is_asked(&c->side[SIDES_NEW]) &&
	    names_file == NULL) {
		tool_say("two servers that can only be asked: --names FILE "
			 "says for which names");
		return false;
	}
	if ((strcmp(args[0], "-") == 0) + (strcmp(args[1], "-") == 0) +
		    (names_file != NULL && strcmp(names_file, "-") == 0) > 1 ||
	    (watch && (strcmp(args[0], "-") == 0 ||
		       strcmp(args[1], "-") == 0))) {
		tool_say("standard input can be read only once");
		return false;
	}
	return true;
}

/* ---- a round ---- */

static int gather_side(struct compare *c, enum sides_which which)
{
	enum sides_which other = which == SIDES_OLD ? SIDES_NEW : SIDES_OLD;

	if (!is_asked(&c->side[which])) {
		return gather_list(&c->gather, &c->side[which], which);
	}
	return gather_ask(&c->gather, &c->side[which], which,
			  names_file != NULL ? SIDES_NAMES : other);
}

static int gather_both(struct compare *c)
{
	enum sides_which first = is_asked(&c->side[SIDES_OLD]) ? SIDES_NEW :
								 SIDES_OLD;
	int status = gather_side(c, first);

	return status != TOOL_OK ? status :
	       gather_side(c, first == SIDES_OLD ? SIDES_NEW : SIDES_OLD);
}

/* ---- judging ---- */

static bool is_wanted(const struct compare *c, const struct nb_name *name)
{
	struct compare_view view;

	return names_file == NULL ||
	       (sides_get(c->gather.sides, SIDES_NAMES, name, &view) == 0 &&
		view.kind != COMPARE_ABSENT);
}

static uint32_t first_1b(const struct compare *c, enum sides_which which,
			 const struct nb_name *name)
{
	struct nb_name pdc = *name;
	struct compare_view view;

	pdc.type = 0x1b;
	if (name->type != 0x1c ||
	    sides_get(c->gather.sides, which, &pdc, &view) != 0 ||
	    view.rec.count == 0) {
		return 0;
	}
	return view.rec.member[0].ip;
}

/* What is known of a side, for the other one's record. */
static void complete(const struct compare *c, enum sides_which which,
		     const struct compare_view *other,
		     struct compare_view *view)
{
	const struct live_address *live = &c->side[which].live;

	view->server = live->scheme != LIVE_NONE ? live->host : 0;
	view->hides_released = live->scheme == LIVE_WREPL;
	view->first_1b = first_1b(c, which, &view->rec.name);
	view->has_mark = other->kind == COMPARE_RECORD &&
			 sides_mark(c->gather.sides, which, other->rec.owner,
				    &view->mark);
}

/* Since when, in a round that judges; or as that round found it. */
static int since(struct compare *c, struct compare_row *row)
{
	struct sides *sides = c->gather.sides;
	const struct nb_name *name = &row->old->rec.name;

	return c->print ? sides_since(sides, name, &row->first_seen,
				      &row->rounds) :
			  sides_seen(sides, name, c->world.now, c->round,
				     &row->first_seen, &row->rounds);
}

static void count(struct compare *c, const struct compare_finding *finding)
{
	c->real += finding->class == COMPARE_REAL;
	c->expected += finding->class == COMPARE_EXPECTED;
	c->young += finding->young;
}

static int judge_difference(struct compare *c, struct compare_view *old,
			    struct compare_view *new)
{
	struct compare_row row = { .old = old, .new = new };
	struct compare_world world = c->world;
	int ret = since(c, &row);

	if (ret != 0) {
		return ret;
	}
	complete(c, SIDES_OLD, new, old);
	complete(c, SIDES_NEW, old, new);
	world.first_seen = row.first_seen;
	world.appeared = row.rounds < c->round;
	compare_classify(old, new, &world, &row.finding);
	if (c->print) {
		compare_print_row(&row);
	} else {
		count(c, &row.finding);
	}
	return 0;
}

static int judge(void *priv, const struct compare_view *old,
		 const struct compare_view *new)
{
	struct compare *c = priv;
	struct compare_finding finding;
	struct compare_view a, b;

	if (!is_wanted(c, &old->rec.name)) {
		return 0;
	}
	c->names++;
	compare_classify(old, new, &c->world, &finding);
	if (finding.class == COMPARE_EQUAL) {
		return 0;
	}
	a = *old;
	b = *new;
	return judge_difference(c, &a, &b);
}

static int walk(struct compare *c, bool print)
{
	int ret = 0;

	c->print = print;
	c->names = 0;
	ret = sides_each(c->gather.sides, judge, c);
	if (ret != 0) {
		tool_say("cannot compare: %s", ret == EIO ?
			 sides_error(c->gather.sides) : strerror(ret));
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

static int one_round(struct compare *c)
{
	int status = TOOL_OK;

	c->round++;
	c->world.now = (int64_t)time(NULL);
	c->real = c->expected = c->young = 0;
	status = gather_both(c);
	if (status == TOOL_OK) {
		status = walk(c, false);
	}
	return status;
}

/* ---- rounds ---- */

static bool is_problem(const struct compare *c)
{
	return c->real > 0 || (strict && c->expected > 0);
}

static void tell_round(const struct compare *c)
{
	char number[32] = "";

	if (watch) {
		(void)snprintf(number, sizeof(number), "round %u: ", c->round);
	}
	tool_say("%s%" PRIu64 " names, differences: %" PRIu64 " real, %" PRIu64
		 " expected", number, c->names, c->real, c->expected);
}

/* Until the next round; false: no time is left. */
static bool pause_until_next(const struct compare *c, time_t started)
{
	struct timespec left = { .tv_sec = (time_t)c->interval };

	if (c->time_limit > 0 && time(NULL) + (time_t)c->interval >=
				 started + (time_t)c->time_limit) {
		return false;
	}
	while (nanosleep(&left, &left) != 0 && errno == EINTR) {
	}
	return true;
}

static int rounds(struct compare *c)
{
	time_t started = time(NULL);
	unsigned int equal = 0;
	int status = one_round(c);

	while (status == TOOL_OK) {
		equal = is_problem(c) || c->young > 0 ? 0 : equal + 1;
		tell_round(c);
		if (!watch || equal == EQUAL_ROUNDS ||
		    !pause_until_next(c, started)) {
			break;
		}
		status = one_round(c);
	}
	return status;
}

static int report(struct compare *c)
{
	int status = TOOL_OK;

	if (c->real + c->expected > 0) {
		compare_print_head();
		status = walk(c, true);
	}
	return status != TOOL_OK ? status :
	       is_problem(c) ? TOOL_PROBLEMS : TOOL_OK;
}

int run_compare(struct tool_call *call)
{
	struct compare *c = talloc_zero(call->mem_ctx, struct compare);
	int status = TOOL_OK;

	if (c == NULL) {
		return TOOL_FAILED;
	}
	c->gather.mem_ctx = c;
	c->gather.format = options.format;
	if (!read_options(c) || !check_sides(c, call->args)) {
		return TOOL_USAGE;
	}
	if (sides_create(c, &c->gather.sides) != 0) {
		tool_say("cannot make a temporary database");
		return TOOL_FAILED;
	}
	status = kept_out_load(c, &c->kept);
	c->world.blocked = &c->kept.blocked;
	c->world.allowed = &c->kept.allowed;
	c->world.block_owner = c->kept.owner;
	c->world.block_owners = c->kept.owners;
	if (status == TOOL_OK && names_file != NULL) {
		status = gather_names(&c->gather, names_file);
	}
	status = status != TOOL_OK ? status : rounds(c);
	return status != TOOL_OK ? status : report(c);
}
