/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The judge; see judge.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults/judge.h"
#include "faults/shim.h"

unsigned int judge_journals;

static char wrong[600];

static const char *say(const char *when, const char *what)
{
	char text[500];

	snprintf(text, sizeof(text), "%s", what);	/* may be wrong itself */
	snprintf(wrong, sizeof(wrong), "%s: %s", when, text);
	return wrong;
}

/* A new name, and a few turns more: life goes on. */
static const char *go_on(struct life *life)
{
	struct nb_record rec;
	const char *bad = NULL;
	unsigned int n = dice_below(&life->dice, HISTORY_NAMES);
	size_t at = shim_position();
	struct history *before = history_copy(life->history);
	int err = life_register(life, n, &rec);

	bad = err != 0 ? strerror(err) : history_judge_new(before, at, &rec);
	history_free(before);
	if (bad != NULL) {
		return say("a new record", bad);
	}
	life_turn(life, 1 + dice_below(&life->dice, 30));
	life_wait(life);
	if (life->failure != 0 || life->refused != 0) {
		return say("new turns", strerror(life->failure != 0 ?
						 life->failure :
						 life->refusal));
	}
	return NULL;
}

static const char *second_time(struct life *life)
{
	const char *bad = NULL;

	life_close(life, false);
	if (access(life->journal, F_OK) == 0) {
		return say("clean stop", "the journal is still there");
	}
	if (life_open(life) != 0) {
		return say("opened again", life->trouble);
	}
	life_close(life, false);
	bad = judge_tdb(life->database);
	return bad != NULL ? say("wins.tdb", bad) : NULL;
}

const char *judge_image(const char *folder, const struct history *history,
			size_t at, uint64_t seed, struct history **after)
{
	struct history *mine = history_copy(history);
	struct life life;
	const char *bad = NULL;
	unsigned int end = 0;

	life_init(&life, folder, mine, seed);
	if (life_start(&life) != 0) {
		bad = say("does not open", life.trouble);
	} else {
		judge_journals += life.found_journal;
		bad = history_judge(mine, at, life.store, &end);
	}
	if (bad == NULL) {
		history_settle(mine, at, end, shim_position());
		history_told(mine, store_mark(life.store, NB_SELF),
			     shim_position());
		bad = go_on(&life);
	}
	if (bad == NULL) {
		bad = second_time(&life);
	}
	if (life.store != NULL) {
		life_close(&life, true);
	}
	if (after != NULL) {
		*after = mine;
	} else {
		history_free(mine);
	}
	return bad;
}

static const char *judge_backup(const char *folder, const char *path,
				const struct history *history, size_t at,
				unsigned int n)
{
	struct history *none = history_create();
	struct life life;
	const char *bad = judge_tdb(path);

	life_init(&life, folder, none, 1);
	snprintf(life.database, sizeof(life.database), "%s", path);
	snprintf(life.journal, sizeof(life.journal), "%s/none", folder);
	snprintf(life.reserve, sizeof(life.reserve), "%s/none", folder);
	if (bad == NULL && life_start(&life) != 0) {
		bad = life.trouble;
	}
	if (bad == NULL) {
		bad = history_judge_backup(history, at, n, life.store);
	}
	if (bad != NULL) {
		bad = say("backup", bad);
	}
	if (life.store != NULL) {
		life_close(&life, true);
	}
	history_free(none);
	return bad;
}

const char *judge_backups(const char *folder, const struct history *history,
			  size_t at)
{
	const char *bad = NULL;
	char path[300];

	for (unsigned int n = 0; n < history_backups(history); n++) {
		life_backup_path(folder, n, path);
		if (access(path, F_OK) == 0) {
			bad = judge_backup(folder, path, history, at, n);
		} else if (history_has_backup(history, at, n)) {
			bad = say("backup", "it was finished and is not there");
		}
		if (bad != NULL) {
			return bad;
		}
	}
	return NULL;
}
