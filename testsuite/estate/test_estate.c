/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole estates, thousands of them, each drawn from a seed (draw.c), lived
 * (run.c) and judged (judge.c, quiet.c). One that fails is cut down, printed
 * and kept as a trace that can be run again.
 *
 *	SEED=7		the first seed
 *	SEEDS=10000	how many
 *	JOBS=2		in so many processes
 *	TRACE=file	only this one: what it is, and what is wrong with it
 *	SHOWN=3		failures that each process cuts down and prints
 *	VERBOSE=1	with TRACE: all that the servers say
 *	LIMIT=words	find a plan with a limit of the matrix by a paragraph
 *			that has these words, and cut it down
 *
 * The traces of testsuite/scenario/matrix-limits are those in which the pinned
 * matrix itself does not let servers agree; each says by which paragraph.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "estate/hooks.h"
#include "estate/run.h"

#define SEEDS_USUAL	10000u
#define WORKERS		32u

struct tally {
	unsigned int seeds, failed;
	uint64_t seconds, timers, bytes;
	uint64_t versions, meetings;
	unsigned int largest;
	struct quiet quiet;
	char limit[QUIET_LIMITS][80];
	char first[200];
};

static uint64_t number_of(const char *name, uint64_t usual)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 0) : usual;
}

/* ---- one estate ---- */

static bool plan_fails(void *arg, const struct plan *plan)
{
	struct run *run = arg;

	run_plan(plan, false, run);
	return run->failed;
}

/* Is one of its limits the one that LIMIT names? */
static bool plan_is_limited(void *arg, const struct plan *plan)
{
	struct run *run = arg;

	run_plan(plan, false, run);
	for (unsigned int i = 0; i < QUIET_LIMITS; i++) {
		if (!run->failed && run->quiet.limit[i] != NULL &&
		    strstr(run->quiet.limit[i], getenv("LIMIT")) != NULL) {
			return true;
		}
	}
	return false;
}

static void keep_trace(const struct plan *plan, const struct run *run,
		       uint64_t seed)
{
	char path[300];
	FILE *out = NULL;

	snprintf(path, sizeof(path), "%s/estate-%" PRIu64 ".trace",
		 getenv("WINSD_BUILD") != NULL ? getenv("WINSD_BUILD") : ".",
		 seed);
	out = fopen(path, "w");
	if (out != NULL) {
		plan_print(plan, out);
		fclose(out);
	}
	printf("# seed %" PRIu64 ", cut down (%s):\n", seed,
	       out != NULL ? path : "not kept");
	fflush(stdout);
	plan_print(plan, stdout);
	printf("# %s\n", run->wrong);
	fflush(stdout);
}

/* Cut the plan down to what still does the same, and keep it. */
static void cut_down(const struct plan *plan)
{
	struct plan smaller = *plan;
	struct run run;

	plan_shrink(&smaller, plan_fails, &run);
	run_plan(&smaller, false, &run);
	keep_trace(&smaller, &run, plan->seed);
}

static void convict(struct tally *tally, const struct plan *plan,
		    const struct run *run)
{

	if (tally->failed++ == 0) {
		snprintf(tally->first, sizeof(tally->first),
			 "SEED=%" PRIu64 " %.150s", plan->seed, run->wrong);
	}
	if (tally->failed > number_of("SHOWN", 3)) {
		return;
	}
	cut_down(plan);
}

/* ---- the sum ---- */

static void add_limits(struct tally *tally, const struct quiet *quiet)
{
	for (unsigned int i = 0; i < QUIET_LIMITS; i++) {
		unsigned int at = 0;

		if (quiet->limit[i] == NULL) {
			continue;
		}
		while (at < QUIET_LIMITS - 1 && tally->limit[at][0] != '\0' &&
		       strcmp(tally->limit[at], quiet->limit[i]) != 0) {
			at++;
		}
		snprintf(tally->limit[at], sizeof(tally->limit[at]), "%s",
			 quiet->limit[i]);
		tally->quiet.limit_count[at] += quiet->limit_count[i];
	}
}

static void add_run(struct tally *tally, const struct plan *plan,
		    const struct run *run)
{
	struct quiet *sum = &tally->quiet;

	tally->seeds++;
	tally->seconds += run->seconds;
	tally->timers += run->timers;
	tally->bytes += run->bytes;
	tally->versions += run->versions;
	tally->meetings += run->meetings;
	tally->largest = plan->nodes > tally->largest ? plan->nodes :
							tally->largest;
	sum->alone += run->quiet.alone;
	sum->fixed += run->quiet.fixed;
	sum->fixed_twice += run->quiet.fixed_twice;
	sum->fixed_once += run->quiet.fixed_once;
	sum->contested += run->quiet.contested;
	sum->contested_apart += run->quiet.contested_apart;
	sum->shared += run->quiet.shared;
	sum->shared_apart += run->quiet.shared_apart;
	sum->limits += run->quiet.limits;
	sum->limits_felt += run->quiet.limits_felt;
	add_limits(tally, &run->quiet);
}

static void add_tally(struct tally *sum, const struct tally *more)
{
	unsigned int failed = sum->failed + more->failed;
	struct quiet quiet = more->quiet;
	struct plan plan = { .nodes = more->largest };
	struct run run = {
		.seconds = more->seconds, .timers = more->timers,
		.bytes = more->bytes,
	};

	for (unsigned int i = 0; i < QUIET_LIMITS; i++) {
		quiet.limit[i] = more->limit[i][0] != '\0' ? more->limit[i] :
							     NULL;
	}
	run.quiet = quiet;
	add_run(sum, &plan, &run);
	sum->versions += more->versions;
	sum->meetings += more->meetings;
	sum->seeds += more->seeds - 1;
	if (sum->first[0] == '\0') {
		memcpy(sum->first, more->first, sizeof(sum->first));
	}
	sum->failed = failed;
}

static void print_tally(const struct tally *t)
{
	const struct quiet *q = &t->quiet;

	printf("# %u estates of 2 to %u servers, %.1f years, %" PRIu64
	       " timers, %" PRIu64 " versions, %" PRIu64 " replicas, %" PRIu64
	       " MB\n", t->seeds, t->largest,
	       (double)t->seconds / (365.25 * 86400), t->timers, t->versions,
	       t->meetings, t->bytes >> 20);
	printf("# names: %u with one live holder, %u static (%u at two "
	       "servers), %u that were, %u claimed by several (servers differ in %u), %u "
	       "groups of several (differ in %u)\n", q->alone, q->fixed,
	       q->fixed_twice, q->fixed_once, q->contested,
	       q->contested_apart, q->shared, q->shared_apart);
	printf("# limits of the pinned matrix: %u names, %u of them with other "
	       "answers\n", q->limits, q->limits_felt);
	for (unsigned int i = 0; i < QUIET_LIMITS; i++) {
		if (t->limit[i][0] != '\0') {
			printf("#   %6u by %s\n", q->limit_count[i],
			       t->limit[i]);
		}
	}
	fflush(stdout);
}

/* ---- the campaign ---- */

static void work(struct tally *tally, uint64_t seed, uint64_t seeds,
		 unsigned int step)
{
	for (uint64_t i = 0; i < seeds; i += step) {
		struct plan plan;
		struct run run;

		plan_draw(&plan, seed + i);
		run_plan(&plan, false, &run);
		add_run(tally, &plan, &run);
		if (run.failed) {
			convict(tally, &plan, &run);
		}
	}
}

static void run_workers(struct tally *tally, uint64_t seed, uint64_t seeds,
			unsigned int workers)
{
	pid_t pid[WORKERS];
	int status = 0;

	for (unsigned int i = 0; i < workers; i++) {
		fflush(NULL);
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0) {
			work(&tally[i], seed + i, seeds - i, workers);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < workers; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		if (status != 0) {
			fail_msg("worker %u died with status %#x after seed %"
				 PRIu64, i, status, seed + i +
				 (uint64_t)tally[i].seeds * workers);
		}
	}
}

static void estates_become_quiet(void **state)
{
	uint64_t seed = number_of("SEED", 1);
	uint64_t seeds = number_of("SEEDS", SEEDS_USUAL);
	unsigned int workers = (unsigned int)number_of(
		"JOBS", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	struct tally *tally = NULL, sum = { .failed = 0 };

	(void)state;
	workers = workers > WORKERS ? WORKERS : workers;
	workers = workers > seeds ? (unsigned int)seeds : workers;
	tally = mmap(NULL, WORKERS * sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(tally != MAP_FAILED);
	run_workers(tally, seed, seeds, workers);
	for (unsigned int i = 0; i < workers; i++) {
		add_tally(&sum, &tally[i]);
	}
	munmap(tally, WORKERS * sizeof(*tally));
	print_tally(&sum);
	if (sum.failed != 0) {
		fail_msg("%u estates failed, one of them: %s", sum.failed,
			 sum.first);
	}
}

/* ---- traces ---- */

static void read_plan(const char *path, struct plan *plan)
{
	char error[PLAN_LINE];
	FILE *in = fopen(path, "r");

	if (in == NULL) {
		fail_msg("cannot read %s", path);
	}
	if (!plan_read(plan, in, error)) {
		fail_msg("%s: %s", path, error);
	}
	fclose(in);
}

static void plans_can_be_read_back(void **state)
{
	char first[20000], again[20000], error[PLAN_LINE];

	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct plan plan;
		FILE *file = fmemopen(first, sizeof(first), "w+");

		plan_draw(&plan, seed);
		plan_print(&plan, file);
		rewind(file);
		assert_true(plan_read(&plan, file, error));
		fclose(file);
		file = fmemopen(again, sizeof(again), "w");
		plan_print(&plan, file);
		fclose(file);
		assert_string_equal(first, again);
	}
}

static const char *top(void)
{
	return getenv("WINSD_TOP") != NULL ? getenv("WINSD_TOP") : ".";
}

/* Each file of a folder; how many there were. */
static size_t each_trace(const char *folder,
			 void (*fn)(const char *path, struct plan *plan))
{
	char pattern[300];
	glob_t found;
	size_t count = 0;

	snprintf(pattern, sizeof(pattern), "%s/testsuite/%s/*.trace", top(),
		 folder);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (; count < found.gl_pathc; count++) {
		struct plan plan;

		read_plan(found.gl_pathv[count], &plan);
		fn(found.gl_pathv[count], &plan);
	}
	globfree(&found);
	return count;
}

/* ---- the limits, one of each kind ---- */

#define LUCKS	20u	/* which of two records comes first is a matter of it */

static void read_limit(const char *path, char limit[80])
{
	FILE *in = fopen(path, "r");

	if (fscanf(in, "# limit: %79[^\n]", limit) != 1) {
		fail_msg("%s: does not say which limit", path);
	}
	fclose(in);
}

static void is_limited(const char *path, struct plan *plan)
{
	char limit[80];
	unsigned int shown = 0;

	read_limit(path, limit);
	for (unsigned int i = 0; i < LUCKS; i++, plan->seed++) {
		struct run run;

		run_plan(plan, false, &run);
		if (run.failed) {
			fail_msg("%s: %s", path, run.wrong);
		}
		for (unsigned int n = 0; n < QUIET_LIMITS; n++) {
			shown += run.quiet.limit[n] != NULL &&
				 strcmp(run.quiet.limit[n], limit) == 0;
		}
	}
	if (shown == 0) {
		fail_msg("%s: servers do agree", path);
	}
}

static void limits_are_what_they_say(void **state)
{
	(void)state;
	assert_true(each_trace("scenario/matrix-limits", is_limited) >= 10);
}

/* ---- what was wrong once ---- */

static void is_well(const char *path, struct plan *plan)
{
	struct run run;

	run_plan(plan, false, &run);
	if (run.failed) {
		fail_msg("%s: %s", path, run.wrong);
	}
}

static void what_was_mended_stays_so(void **state)
{
	(void)state;
	assert_true(each_trace("estate/traces", is_well) >= 4);
}

/* ---- faults ---- */

#define FAULT_SEEDS	3000u	/* one of so many finds each of them */

static struct run fault_run;
static char fault_found_by[300];

static void look_for_fault(const char *path, struct plan *plan)
{
	if (fault_run.failed) {
		return;
	}
	run_plan(plan, false, &fault_run);
	snprintf(fault_found_by, sizeof(fault_found_by), "%s",
		 strrchr(path, '/') + 1);
}

/* The judge finds what is wrong: each mistake, within few estates. */
static void faults_are_found(void **state)
{
	(void)state;
	for (enum hooks_fault fault = FAULT_NONE + 1; fault < FAULT_COUNT;
	     fault++) {
		fault_run.failed = false;
		hooks_plant(fault);
		each_trace("estate/traces", look_for_fault);
		for (uint64_t seed = 1; !fault_run.failed &&
		     seed <= FAULT_SEEDS; seed++) {
			struct plan plan;

			plan_draw(&plan, seed);
			run_plan(&plan, false, &fault_run);
			snprintf(fault_found_by, sizeof(fault_found_by),
				 "seed %" PRIu64, seed);
		}
		hooks_plant(FAULT_NONE);
		if (!fault_run.failed) {
			fail_msg("not found: %s", hooks_fault_name(fault));
		}
		printf("# %s: %s, %.*s\n", hooks_fault_name(fault),
		       fault_found_by, (int)strcspn(fault_run.wrong, "\n"),
		       fault_run.wrong);
	}
}

static void one_trace(void **state)
{
	struct plan plan;
	struct run run;
	struct tally tally = { .failed = 0 };

	(void)state;
	read_plan(getenv("TRACE"), &plan);
	run_plan(&plan, getenv("VERBOSE") != NULL, &run);
	add_run(&tally, &plan, &run);
	print_tally(&tally);
	if (run.failed) {
		fail_msg("%s", run.wrong);
	}
}

/* How much there is to read. */
static unsigned int size_of(const struct plan *plan)
{
	char text[20000];
	FILE *file = fmemopen(text, sizeof(text), "w");
	unsigned int lines = 0;

	plan_print(plan, file);
	fclose(file);
	for (const char *c = text; *c != '\0'; c++) {
		lines += *c == '\n';
	}
	return lines;
}

/* The shortest of the first few that have it. */
static void one_limit(void **state)
{
	uint64_t seed = number_of("SEED", 1);
	uint64_t end = seed + number_of("SEEDS", SEEDS_USUAL);
	uint64_t found = 0;
	struct plan plan, best = { .nodes = 0 };
	struct run run;

	(void)state;
	for (; seed < end && found < number_of("SHOWN", 3); seed++) {
		plan_draw(&plan, seed);
		if (!plan_is_limited(&run, &plan)) {
			continue;
		}
		found++;
		plan_shrink(&plan, plan_is_limited, &run);
		if (best.nodes == 0 || size_of(&plan) < size_of(&best)) {
			best = plan;
		}
	}
	if (found == 0) {
		fail_msg("no estate has it");
	}
	run_plan(&best, false, &run);
	keep_trace(&best, &run, best.seed);
}

int main(void)
{
	const struct CMUnitTest trace[] = {
		cmocka_unit_test(one_trace),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_can_be_read_back),
		cmocka_unit_test(limits_are_what_they_say),
		cmocka_unit_test(what_was_mended_stays_so),
		cmocka_unit_test(faults_are_found),
		cmocka_unit_test(estates_become_quiet),
	};

	const struct CMUnitTest limit[] = {
		cmocka_unit_test(one_limit),
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getenv("TRACE") != NULL) {
		return cmocka_run_group_tests(trace, NULL, NULL);
	}
	if (getenv("LIMIT") != NULL) {
		return cmocka_run_group_tests(limit, NULL, NULL);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
