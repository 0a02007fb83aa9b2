/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every disk call fails once: each scene of scene.h is played for each call on
 * its files, with ENOSPC, EIO, EINTR and a short count; the first two also for
 * good from there on. EINTR and short counts may not be noticed at all: our
 * calls go on, and libtdb, which does not, makes its own where no signal comes.
 *
 * Each scene is a process, so that one that dies is only one failure, and that
 * a leak checker looks at each. SCENE in the environment picks one by its
 * name, NTH one call of it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults/scene.h"
#include "faults/shim.h"
#include "faults/stage.h"

static const struct error {
	const char *name;
	int error;
	unsigned int kinds;
	bool for_good;
} errors[] = {
	{ "ENOSPC", ENOSPC, SHIM_ALL, false },
	{ "EIO", EIO, SHIM_ALL, false },
	{ "EINTR", EINTR, SHIM_READ | SHIM_WRITE | SHIM_SIZE | SHIM_SYNC,
	  false },
	{ "short", SHIM_SHORT, SHIM_READ | SHIM_WRITE, false },
	{ "ENOSPC for good", ENOSPC, SHIM_WRITE | SHIM_SIZE, true },
	{ "EIO for good", EIO, SHIM_OPEN | SHIM_READ | SHIM_WRITE | SHIM_SYNC,
	  true },
};
#define ERRORS	(sizeof(errors) / sizeof(errors[0]))

static void arm(void *arg)
{
	shim_fail(arg);
}

/* What does no harm to a call must not be noticed. */
static bool disarm(void *arg)
{
	static const struct shim_fault none = { .kinds = 0 };
	const struct shim_fault *fault = arg;
	bool unseen = (fault->error == EINTR || fault->error == SHIM_SHORT) &&
		      !shim_failed_uninterruptible();

	stage_note_fault(shim_failed(), shim_calls(), shim_failed_call());
	shim_fail(&none);
	return unseen;
}

static const char *play(const struct scene *scene, unsigned int nth,
			const struct error *error)
{
	struct shim_fault fault = {
		.kinds = error->kinds,
		.nth = nth,
		.for_good = error->for_good,
		.error = error->error,
	};
	struct scene_fault way = { arm, disarm, &fault };

	return stage_play(scene, &way, nth, error->name);
}

static const char *play_all(const struct scene *scene)
{
	const char *bad = NULL;

	for (unsigned int e = 0; e < ERRORS && bad == NULL; e++) {
		unsigned int nth = 0;

		/* once to see that all is well, then until none is left */
		do {
			bad = stage_skips(nth) ? NULL :
						 play(scene, nth, &errors[e]);
			nth++;
		} while (bad == NULL && nth <= stage_calls());
	}
	return bad;
}

static void test_scene(void **state)
{
	stage_run(*state, play_all);
}

int main(void)
{
	return stage_main(test_scene);
}
