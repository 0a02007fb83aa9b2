/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scenes as tests; see stage.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/alloc.h"
#include "faults/stage.h"

#define SCENES_MAX	100

/* Shared with the process that plays. */
struct figures {
	char now[200];		/* what is being played */
	char bad[800];
	unsigned int calls;	/* the most */
	unsigned int plays;
	unsigned int failed;	/* plays in which a call did fail */
	unsigned int refused, full, readonly;
};

static char base[200];
static struct figures *figures;
static struct figures sum;

static unsigned int failed;
static char failed_call[130];

void stage_note_fault(unsigned int count, unsigned int calls, const char *call)
{
	failed = count;
	if (calls > figures->calls) {
		figures->calls = calls;
	}
	snprintf(failed_call, sizeof(failed_call), "%s", call);
}

unsigned int stage_calls(void)
{
	return figures->calls;
}

bool stage_skips(unsigned int nth)
{
	const char *wanted = getenv("NTH");

	/* the play without a fault is needed to know how many calls there are */
	return wanted != NULL && nth != 0 && nth != strtoul(wanted, NULL, 10);
}

const char *stage_play(const struct scene *scene,
		       const struct scene_fault *fault, unsigned int nth,
		       const char *error)
{
	struct scene_end end;
	const char *bad = NULL;
	size_t left = 0;

	snprintf(figures->now, sizeof(figures->now), "NTH=%u %s", nth, error);
	if (figures->plays == 0) {
		scene_play(scene, fault, &end);		/* libc warms up */
	}
	alloc_watch();
	bad = scene_play(scene, fault, &end);
	left = alloc_left();
	figures->plays++;
	figures->failed += failed > 0;
	figures->refused += end.refused;
	figures->full += end.full;
	figures->readonly += end.readonly;
	if (bad == NULL && left > 0) {
		bad = "memory leaked";
	}
	if (bad == NULL && nth == 0 && (end.refused || end.full ||
					end.readonly)) {
		bad = "it fails by itself";
	}
	if (bad != NULL) {
		snprintf(figures->bad, sizeof(figures->bad), "NTH=%u %s (%s): "
			 "%s", nth, error, failed_call, bad);
		return figures->bad;
	}
	return NULL;
}

static void add_up(const struct scene *scene)
{
	print_message("# %-36s %5u calls, %5u plays, %5u failures: %u refused "
		      "to open, %u full, %u read-only\n", scene->name,
		      figures->calls, figures->plays, figures->failed,
		      figures->refused, figures->full, figures->readonly);
	sum.plays += figures->plays;
	sum.failed += figures->failed;
	sum.refused += figures->refused;
	sum.full += figures->full;
	sum.readonly += figures->readonly;
}

void stage_run(const struct scene *scene,
	       const char *(*play_all)(const struct scene *scene))
{
	int status = 0;
	pid_t pid = 0;

	memset(figures, 0, sizeof(*figures));
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		exit(play_all(scene) != NULL);	/* and not _exit: leaks */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	add_up(scene);
	if (figures->bad[0] != '\0') {
		fail_msg("SCENE='%s' %s", scene->name, figures->bad);
	}
	if (status != 0) {
		fail_msg("SCENE='%s' ended with status %#x at %s", scene->name,
			 status, figures->now);
	}
	assert_true(figures->failed > 0);
}

static int setup(void **state)
{
	const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)state;
	figures = mmap(NULL, sizeof(*figures), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(base, sizeof(base), "%s/winsd-faults-XXXXXX", where);
	if (figures == MAP_FAILED || mkdtemp(base) == NULL) {
		return -1;
	}
	scene_prepare(base);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	print_message("# %u plays, %u failures: %u refused to open, %u full, "
		      "%u read-only\n", sum.plays, sum.failed, sum.refused,
		      sum.full, sum.readonly);
	scene_clean();
	return rmdir(base);
}

int stage_main(void (*test)(void **state))
{
	struct CMUnitTest tests[SCENES_MAX];
	const char *only = getenv("SCENE");
	size_t count = 0;

	for (unsigned int i = 0; i < scene_count && i < SCENES_MAX; i++) {
		if (only == NULL || strcmp(only, scenes[i].name) == 0) {
			tests[count++] = (struct CMUnitTest){
				.name = scenes[i].name,
				.test_func = test,
				.initial_state = (void *)&scenes[i],
			};
		}
	}
	return _cmocka_run_group_tests("scenes", tests, count, setup, teardown);
}
