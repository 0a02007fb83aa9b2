/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scenes from the life of a store in which one thing goes wrong, once, at
 * every place where it can. A scene is a row: how the folder looks before, and
 * what is done. Whatever failed, afterwards the store goes on as backend.h and
 * store.h say it does (nothing happened, full until there is space, read-only
 * until the next start), the next start finds all that was acknowledged, and
 * nothing is left over: no memory, no descriptor, no file.
 */
#ifndef WINSD_FAULTS_SCENE_H
#define WINSD_FAULTS_SCENE_H

#include <stdbool.h>
#include <stdint.h>

enum scene_start {
	SCENE_EMPTY,		/* no database */
	SCENE_CLEAN,		/* one, cleanly stopped */
	SCENE_LEFT,		/* with a journal that a crash left */
	SCENE_OLD,		/* of format 1 */
	SCENE_STARTS,
};

/*
 * Steps: "o" open, "c" close, "x" close without waiting, "a" from here on it
 * may fail; "r" register, "f" refresh, "e" release, "d" delete, "p" a replica,
 * "n" a number, each in a turn of its own that is waited for; "t9" a turn of 9
 * changes, waited for, "q9" 9 turns that are not, "w" wait; "b" a backup;
 * "h" the seconds to the next probe pass.
 */
struct scene {
	const char *name;
	enum scene_start start;
	const char *steps;
};

extern const struct scene scenes[];
extern const unsigned int scene_count;

struct scene_fault {
	void (*arm)(void *arg);
	bool (*disarm)(void *arg);	/* true: nobody may have noticed */
	void *arg;
};

/* What came of it, for the figures. */
struct scene_end {
	bool refused;		/* it did not open */
	bool full;		/* it was full, and recovered */
	bool readonly;
};

/* Make what scenes start from, in a folder for all files; take it away. */
void scene_prepare(const char *base);
void scene_clean(void);

/* NULL or what is wrong. */
const char *scene_play(const struct scene *scene,
		       const struct scene_fault *fault, struct scene_end *end);

#endif
