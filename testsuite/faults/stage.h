/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the campaigns over all scenes share: a cmocka test for each scene, a
 * process for each test, figures at its end.
 */
#ifndef WINSD_FAULTS_STAGE_H
#define WINSD_FAULTS_STAGE_H

#include "faults/scene.h"

/* One cmocka test for each scene: its state is the scene. */
int stage_main(void (*test)(void **state));

/* In the test: play_all in a process of its own, and judge it. */
void stage_run(const struct scene *scene,
	       const char *(*play_all)(const struct scene *scene));

/* In that process: play it once, remember what came of it. */
const char *stage_play(const struct scene *scene,
		       const struct scene_fault *fault, unsigned int nth,
		       const char *error);

/* From disarm(): what failed, of how many calls. */
void stage_note_fault(unsigned int failed, unsigned int calls,
		      const char *call);

unsigned int stage_calls(void);		/* most that were seen so far */
bool stage_skips(unsigned int nth);	/* another one was asked for */

#endif
