/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scenes, and how one is played; see scene.h. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tdb.h>
#include <unistd.h>

#include "codec/dbrec.h"
#include "faults/judge.h"
#include "faults/scene.h"
#include "faults/shim.h"

const struct scene scenes[] = {
	{ "first start", SCENE_EMPTY, "ao" },
	{ "first start, first name", SCENE_EMPTY, "aorc" },
	{ "start", SCENE_CLEAN, "ao" },
	{ "start and stop", SCENE_CLEAN, "aoc" },
	{ "start twice", SCENE_CLEAN, "aococ" },
	{ "start after a crash", SCENE_LEFT, "ao" },
	{ "start after a crash, stop", SCENE_LEFT, "aorc" },
	{ "start after a crash, abruptly ended", SCENE_LEFT, "aorx" },
	{ "conversion", SCENE_OLD, "ao" },
	{ "conversion, first name", SCENE_OLD, "aorc" },
	{ "register", SCENE_CLEAN, "oar" },
	{ "register again", SCENE_CLEAN, "orar" },
	{ "register after a crash", SCENE_LEFT, "oar" },
	{ "refresh", SCENE_CLEAN, "oraf" },
	{ "release", SCENE_CLEAN, "orae" },
	{ "delete", SCENE_CLEAN, "orad" },
	{ "replica", SCENE_CLEAN, "orap" },
	{ "number", SCENE_CLEAN, "oran" },
	{ "register, refresh, release, delete", SCENE_CLEAN, "oarfed" },
	{ "a turn of many changes", SCENE_CLEAN, "orat200" },
	{ "turn upon turn", SCENE_CLEAN, "oraq20w" },
	{ "turns, one of them large", SCENE_CLEAN, "oraq5t300q5w" },
	{ "the ring turns", SCENE_CLEAN, "oq12waq9wq9w" },
	{ "the ring turns twice", SCENE_LEFT, "oaq30wq30w" },
	{ "the ring grows", SCENE_CLEAN, "orat500" },
	{ "the ring grows to its end", SCENE_CLEAN, "orat500t900" },
	{ "nearly as large as any ring", SCENE_CLEAN, "orat1500r" },
	{ "carried into a file that grows", SCENE_EMPTY, "orat300t300c" },
	{ "stop", SCENE_CLEAN, "orac" },
	{ "stop with much to carry", SCENE_CLEAN, "oq5wt100ac" },
	{ "stop after a crash, nothing done", SCENE_LEFT, "oac" },
	{ "stop while turns are under way", SCENE_CLEAN, "oraq9x" },
	{ "stop and start", SCENE_CLEAN, "oracor" },
	{ "backup", SCENE_CLEAN, "orab" },
	{ "backup before anything else", SCENE_CLEAN, "oab" },
	{ "backup after a crash", SCENE_LEFT, "oab" },
	{ "backups one after the other", SCENE_CLEAN, "orabrb" },
	{ "backup between turns", SCENE_CLEAN, "orat9bt9b" },
	{ "some seconds later", SCENE_CLEAN, "orarhrhr" },
	{ "all of a day", SCENE_CLEAN, "aot30fedbt30hcob" },
};
const unsigned int scene_count = sizeof(scenes) / sizeof(scenes[0]);

static char start_folder[SCENE_STARTS][250], stage[250];
static struct history *start_history[SCENE_STARTS];
static struct shim_log *start_log[SCENE_STARTS];
static size_t start_at[SCENE_STARTS];
static char wrong[700];

static const char *say(const char *when, const char *what)
{
	char text[600];

	snprintf(text, sizeof(text), "%s", what);
	snprintf(wrong, sizeof(wrong), "%s: %s", when, text);
	return wrong;
}

/* ---- what scenes start from ---- */

/* Nothing happens by itself: a scene is the same each time. */
static void begin(struct life *life, const char *folder,
		  struct history *history)
{
	life_init(life, folder, history, 5);
	life->config.carry_msec = 3600 * 1000;
	life->config.carry_changes = 100;
}

/* A file that the first winsd could have written. */
static void make_old(const char *database)
{
	static const char *const numbers[] = {
		"journal-id", "journal-next-sequence", "journal-next-block",
	};
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	struct tdb_context *tdb = tdb_open(database, 0, TDB_NOLOCK | TDB_NOMMAP,
					   O_RDWR, 0);
	TDB_DATA k = { .dptr = key }, v = { .dptr = value };

	if (tdb == NULL) {
		abort();
	}
	for (unsigned int i = 0; i < 3; i++) {
		k.dsize = dbrec_key_meta(key, numbers[i]);
		tdb_delete(tdb, k);
	}
	k.dsize = dbrec_key_meta(key, "format");
	v.dsize = dbrec_encode_number(value, key, k.dsize, 1);
	if (tdb_store(tdb, k, v, TDB_REPLACE) != 0) {
		abort();
	}
	tdb_close(tdb);
}

static void make_start(enum scene_start start, const char *base)
{
	char *folder = start_folder[start];
	struct history *history = history_create();
	struct life life;

	snprintf(folder, sizeof(start_folder[0]), "%s/start-%d", base,
		 (int)start);
	remains_clean(folder);
	shim_watch(folder);
	shim_record();
	begin(&life, folder, history);
	if (start != SCENE_EMPTY) {
		if (life_open(&life) != 0) {
			abort();
		}
		for (unsigned int i = 0; i < 6; i++) {
			life_turn(&life, 10);
			life_wait(&life);
		}
		start_at[start] = shim_position();
		life_close(&life, false);
	}
	if (start == SCENE_OLD) {
		make_old(life.database);
	}
	if (start != SCENE_LEFT) {
		start_at[start] = shim_position();
	}
	start_log[start] = shim_recorded();
	shim_watch(NULL);
	history_settle(history, start_at[start], UINT_MAX, 0);
	start_history[start] = history;
}

void scene_prepare(const char *base)
{
	for (int start = 0; start < SCENE_STARTS; start++) {
		make_start((enum scene_start)start, base);
	}
	snprintf(stage, sizeof(stage), "%s/stage", base);
}

void scene_clean(void)
{
	for (int start = 0; start < SCENE_STARTS; start++) {
		remains_clean(start_folder[start]);
		rmdir(start_folder[start]);
		shim_log_free(start_log[start]);
		history_free(start_history[start]);
	}
	remains_clean(stage);
	rmdir(stage);
}

static void set_stage(enum scene_start start)
{
	struct remains *remains = remains_create(start_log[start]);
	struct dice dice = { 1 };

	remains_clean(stage);
	remains_advance(remains, start_at[start]);
	remains_write(remains, REMAINS_KEPT, &dice, stage);
	remains_free(remains);
}

/* ---- playing ---- */

static const enum life_change change_of[128] = {
	['r'] = LIFE_REGISTER, ['f'] = LIFE_REFRESH, ['e'] = LIFE_RELEASE,
	['d'] = LIFE_DELETE,   ['p'] = LIFE_REPLICA, ['n'] = LIFE_NUMBER,
};

static void step(struct life *life, char what, unsigned int number)
{
	char path[300];

	switch (what) {
	case 'c':
		life_close(life, false);
		break;
	case 'x':
		life_close(life, true);
		break;
	case 't':
		life_turn(life, number);
		life_wait(life);
		break;
	case 'q':
		while (number-- > 0) {
			life_turn(life, 5);
		}
		break;
	case 'w':
		life_wait(life);
		break;
	case 'b':
		life_backup(life, path);
		life_wait(life);
		break;
	case 'h':
		sim_advance_seconds(&life->sim, STORE_PROBE_SECONDS);
		life_wait(life);
		break;
	default:
		life_one(life, change_of[(int)what]);
		life_wait(life);
	}
}

/* 0, or what opening said. */
static int act(struct life *life, const struct scene *scene,
	       const struct scene_fault *fault)
{
	const char *at = scene->steps;
	int err = 0;

	while (*at != '\0') {
		char what = *at++;
		unsigned int number = (unsigned int)strtoul(at, (char **)&at,
							    10);

		if (what == 'a') {
			fault->arm(fault->arg);
		} else if (what == 'o') {
			err = life_open(life);
		} else {
			step(life, what, number);
		}
		if (err != 0) {
			return err;
		}
	}
	return 0;
}

/* ---- what came of it ---- */

/* It is full until the next probe, and then it is not. */
static const char *recovers(struct life *life, struct scene_end *end)
{
	struct nb_record rec;

	end->full = true;
	if (life_register(life, 0, &rec) != ENOSPC) {
		return "a full store took a name";
	}
	sim_advance_seconds(&life->sim, STORE_PROBE_SECONDS);
	life_wait(life);
	return store_health(life->store) == STORE_OK ? NULL :
						       "it stayed full";
}

/* The store is open, and nothing fails any more. */
static const char *goes_on(struct life *life, struct scene_end *end)
{
	const char *bad = NULL;
	struct nb_record rec;
	unsigned int ignored = 0;

	life_wait(life);
	bad = history_judge(life->history, HISTORY_OPEN - 1, life->store,
			    &ignored);
	if (bad == NULL && store_health(life->store) == STORE_FULL) {
		bad = recovers(life, end);
	}
	if (bad != NULL) {
		return bad;
	}
	life->failure = 0;
	if (store_health(life->store) == STORE_READONLY) {
		end->readonly = true;
		return life_register(life, 0, &rec) == EROFS ? NULL :
		       "a store that is read-only took a name";
	}
	if (life_register(life, 0, &rec) != 0) {
		return "the next name was refused";
	}
	life_wait(life);
	/* what failed behind its back it hears of by the next commit */
	if (life->failure != 0 && store_health(life->store) == STORE_FULL) {
		return recovers(life, end);
	}
	if (life->failure != 0 && store_health(life->store) == STORE_READONLY) {
		end->readonly = true;
		return NULL;
	}
	return life->failure == 0 ? NULL : strerror(life->failure);
}

/* Only what belongs there is there. */
static const char *left_over(void)
{
	static const char *const known[] = {
		"wins.tdb", "wins.reserve", "wins.tdb.format1", "backup-",
	};
	DIR *dir = opendir(stage);
	struct dirent *entry = NULL;
	const char *bad = NULL;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		bool is_known = entry->d_name[0] == '.' ||
				(strncmp(entry->d_name, known[3], 7) == 0 &&
				 strstr(entry->d_name, ".part") == NULL);

		for (unsigned int i = 0; i < 3; i++) {
			is_known = is_known ||
				   strcmp(entry->d_name, known[i]) == 0;
		}
		if (!is_known) {
			bad = say("left over", entry->d_name);
		}
	}
	closedir(dir);
	return bad;
}

/* The next start, and the end of all. */
static const char *start_again(struct life *life)
{
	const char *bad = NULL;

	if (life_open(life) != 0) {
		return say("the next start", life->trouble);
	}
	life_one(life, LIFE_REGISTER);
	life->failure = 0;
	life_wait(life);
	if (life->failure != 0) {
		bad = say("after the next start", strerror(life->failure));
	}
	life_close(life, false);
	if (bad == NULL) {
		bad = judge_tdb(life->database);
	}
	if (bad == NULL) {
		bad = judge_backups(stage, life->history, HISTORY_OPEN - 1);
	}
	return bad != NULL ? bad : left_over();
}

static const char *seen(const struct life *life, int err)
{
	if (err != 0) {
		return say("it is seen: does not open", life->trouble);
	}
	if (life->failure != 0 || life->refused != 0) {
		return say("it is seen", strerror(life->failure != 0 ?
						  life->failure :
						  life->refusal));
	}
	return NULL;
}

static const char *play(struct life *life, const struct scene *scene,
			const struct scene_fault *fault, struct scene_end *end)
{
	const char *bad = NULL;
	int err = act(life, scene, fault);

	if (fault->disarm(fault->arg)) {
		bad = seen(life, err);
	}
	end->refused = err != 0;
	if (bad == NULL && err != 0 && *life->trouble == '\0') {
		bad = "it does not open, and does not say why";
	}
	if (bad == NULL && life->store != NULL) {
		bad = goes_on(life, end);
	}
	if (life->store != NULL) {
		life_close(life, false);
	}
	if (bad == NULL && shim_open_files() != 0) {
		bad = "a file is still open";
	}
	return bad != NULL ? bad : start_again(life);
}

const char *scene_play(const struct scene *scene,
		       const struct scene_fault *fault, struct scene_end *end)
{
	struct history *history = history_copy(start_history[scene->start]);
	const char *bad = NULL;
	struct life life;

	memset(end, 0, sizeof(*end));
	set_stage(scene->start);
	shim_watch(stage);
	begin(&life, stage, history);
	bad = play(&life, scene, fault, end);
	if (shim_open_files() == 0) {
		shim_watch(NULL);
	}
	history_free(history);
	return bad;
}
