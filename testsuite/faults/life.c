/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens to a store; see life.h. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/alloc.h"
#include "faults/life.h"
#include "faults/shim.h"

struct life_turn {
	struct life_turn *next;
	struct life *life;
	unsigned int turn;
};

static void must(bool truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "life: %s\n", what);
		abort();
	}
}

/* Not the store's: it must not fail. */
static void *own_memory(size_t size)
{
	void *memory = NULL;

	alloc_pause();
	memory = calloc(1, size);
	alloc_resume();
	return memory;
}

static uint32_t roll(struct life *life, uint32_t sides)
{
	return dice_below(&life->dice, sides);
}

/* ---- beginning and end ---- */

void life_init(struct life *life, const char *folder, struct history *history,
	       uint64_t seed)
{
	static const unsigned int msec[] = { 1, 3, 20 };
	static const unsigned int changes[] = { 4, 40, 1000 };

	memset(life, 0, sizeof(*life));
	life->dice.state = seed;
	life->history = history;
	snprintf(life->folder, sizeof(life->folder), "%s", folder);
	snprintf(life->database, sizeof(life->database), "%s/wins.tdb", folder);
	snprintf(life->journal, sizeof(life->journal), "%s/wins.journal",
		 folder);
	snprintf(life->reserve, sizeof(life->reserve), "%s/wins.reserve",
		 folder);
	life->config = (struct store_disk_config){
		.database = life->database,
		.journal = life->journal,
		.reserve = life->reserve,
		.durable = true,
		.chains = 127,
		.journal_size = 64 * 1024,
		.journal_max = 256 * 1024,
		.reserve_size = 16 * 1024,
		.carry_msec = msec[roll(life, 3)],
		.carry_changes = changes[roll(life, 3)],
	};
	sim_world_init(&life->sim, seed);
}

void life_not_durable(struct life *life)
{
	life->config.durable = false;
}

static void loaded(void *arg, int error, const char *message)
{
	struct life *life = arg;

	life->failure = error;
	if (error != 0) {
		snprintf(life->trouble, sizeof(life->trouble), "%s", message);
	}
}

/* As the server does it, with a loop: 0 or errno. */
static int open_in_a_loop(struct life *life, char **message)
{
	int fd[STORE_FDS];
	int err = store_open(life->ctx, &life->sim.world, &life->backend,
			     loaded, life, &life->store, message);

	while (err == 0 && store_loading(life->store)) {
		struct pollfd pfd = { .events = POLLIN };

		must(store_fds(life->store, fd) == 1, "nothing to wait for");
		pfd.fd = fd[0];
		must(poll(&pfd, 1, -1) == 1, "poll");
		store_ready(life->store);
		err = life->failure;
	}
	if (err != 0 && life->store != NULL) {
		*message = talloc_strdup(life->ctx, life->trouble);
		TALLOC_FREE(life->store);
	}
	life->failure = 0;
	return err;
}

static void look(struct life *life)
{
	struct store_disk disk;

	store_disk_sight(life->store, &disk);
	life->found_journal = disk.journal_used > 0;
	if (disk.journal_size > life->journal_largest) {
		life->journal_largest = disk.journal_size;
	}
}

int life_start(struct life *life)
{
	char *message = NULL;
	int err = 0;

	life->ctx = talloc_new(NULL);
	err = store_disk_open(life->ctx, &life->config, &life->backend,
			      &message);
	if (err == 0 && roll(life, 2) == 0) {
		err = open_in_a_loop(life, &message);
	} else if (err == 0) {
		err = store_create(life->ctx, &life->sim.world, &life->backend,
				   &life->store, &message);
	}
	if (err != 0) {
		snprintf(life->trouble, sizeof(life->trouble), "%s",
			 message != NULL ? message : strerror(err));
		TALLOC_FREE(life->ctx);
		return err;
	}
	look(life);
	return 0;
}

int life_open(struct life *life)
{
	size_t at = shim_position();
	const char *wrong = NULL;
	unsigned int end = 0;
	int err = life_start(life);

	if (err != 0) {
		return err;
	}
	wrong = history_judge(life->history, at, life->store, &end);
	if (wrong != NULL) {
		snprintf(life->trouble, sizeof(life->trouble), "%s", wrong);
		life_close(life, true);
		return EILSEQ;
	}
	history_decide(life->history, shim_position(), end);
	return 0;
}

void life_close(struct life *life, bool abrupt)
{
	if (!abrupt) {
		life_wait(life);
	}
	talloc_free(life->store);
	life->store = NULL;
	TALLOC_FREE(life->ctx);
	while (life->pending != NULL) {
		struct life_turn *turn = life->pending;

		life->pending = turn->next;
		free(turn);
	}
	sim_world_end(&life->sim);
}

void life_poll(struct life *life)
{
	store_ready(life->store);
}

void life_wait(struct life *life)
{
	store_wait(life->store);
}

/* ---- turns ---- */

static void turn_done(void *arg, int error)
{
	struct life_turn *turn = arg;
	struct life *life = turn->life;
	struct life_turn **at = &life->pending;
	size_t position = shim_position();

	history_ended(life->history, turn->turn, error, position);
	history_told(life->history, store_mark(life->store, NB_SELF), position);
	if (error != 0) {
		life->failure = error;
	}
	while (*at != turn) {
		at = &(*at)->next;
	}
	*at = turn->next;
	free(turn);
}

static struct life_turn *begin_turn(struct life *life)
{
	struct life_turn *turn = own_memory(sizeof(*turn));

	must(turn != NULL, "no memory");
	turn->life = life;
	turn->next = life->pending;
	life->pending = turn;
	turn->turn = history_begin(life->history, shim_position());
	store_begin(life->store);
	return turn;
}

static bool taken(struct life *life, int err)
{
	if (err != 0) {
		life->refused++;
		life->refusal = err;
	}
	return err == 0;
}

static int put(struct life *life, unsigned int n, struct nb_record *rec,
	       bool new_version)
{
	int err = store_put(life->store, rec, new_version);

	if (taken(life, err)) {
		history_put(life->history, n, rec);
	}
	return err;
}

static struct nb_record random_record(struct life *life, unsigned int n)
{
	struct nb_record rec = {
		.name = history_name(n),
		.type = (uint8_t)roll(life, 4),
		.node = NB_H_NODE,
		.expires = 1700000000 + roll(life, 1000000),
	};

	rec.count = (uint8_t)(1 + (rec.type == NB_UNIQUE ? 0 :
				   rec.type == NB_GROUP ? 0 : roll(life, 4)));
	for (unsigned int i = 0; i < rec.count; i++) {
		rec.member[i].ip = 0x0a000000 + 100 * n + i;
		rec.member[i].expires = rec.expires;
	}
	return rec;
}

static bool get_ours(struct life *life, unsigned int n, struct nb_record *rec)
{
	struct nb_name name = history_name(n);

	return store_get(life->store, &name, rec) && rec->owner == NB_SELF;
}

static void change_delete(struct life *life, const struct nb_name *name,
			  unsigned int n)
{
	if (taken(life, store_delete(life->store, name))) {
		history_delete(life->history, n);
	}
}

static void change_number(struct life *life)
{
	unsigned int i = roll(life, 3);
	uint64_t number = roll(life, 10000);

	if (roll(life, 2) == 0) {
		if (taken(life, store_set_mark(life->store, history_owner(i),
					       number))) {
			history_mark(life->history, i, number);
		}
	} else if (taken(life, store_set_meta(life->store, history_meta(i),
					      number))) {
		history_number(life->history, i, number);
	}
}

/* False if this name is not one for such a change. */
static bool change(struct life *life, enum life_change kind, unsigned int n)
{
	struct nb_record rec;

	if (kind == LIFE_REFRESH || kind == LIFE_RELEASE ||
	    kind == LIFE_DELETE) {
		if (!get_ours(life, n, &rec)) {
			return false;
		}
	} else {
		rec = random_record(life, n);
	}
	switch (kind) {
	case LIFE_REGISTER:
		put(life, n, &rec, true);
		break;
	case LIFE_REFRESH:
		rec.expires += 1000;
		put(life, n, &rec, false);
		break;
	case LIFE_RELEASE:
		rec.state = NB_RELEASED;
		put(life, n, &rec, true);
		break;
	case LIFE_DELETE:
		change_delete(life, &rec.name, n);
		break;
	case LIFE_REPLICA:
		rec.owner = history_owner(roll(life, HISTORY_OWNERS));
		rec.version = 1 + roll(life, 100000);
		put(life, n, &rec, false);
		break;
	case LIFE_NUMBER:
		change_number(life);
		break;
	}
	return true;
}

void life_one(struct life *life, enum life_change kind)
{
	struct life_turn *turn = begin_turn(life);
	unsigned int first = roll(life, HISTORY_NAMES), i = 0;

	while (i < HISTORY_NAMES &&
	       !change(life, kind, (first + i) % HISTORY_NAMES)) {
		i++;
	}
	store_commit(life->store, turn_done, turn);
}

static void random_change(struct life *life)
{
	static const enum life_change kinds[] = {
		LIFE_REGISTER, LIFE_REGISTER, LIFE_REGISTER, LIFE_REGISTER,
		LIFE_REFRESH, LIFE_REFRESH, LIFE_RELEASE, LIFE_DELETE,
		LIFE_REPLICA, LIFE_NUMBER,
	};

	change(life, kinds[roll(life, 10)], roll(life, HISTORY_NAMES));
}

void life_turn(struct life *life, unsigned int changes)
{
	struct life_turn *turn = begin_turn(life);

	while (changes-- > 0) {
		random_change(life);
	}
	store_commit(life->store, turn_done, turn);
}

int life_register(struct life *life, unsigned int n, struct nb_record *rec)
{
	struct life_turn *turn = begin_turn(life);
	int err = 0;

	*rec = random_record(life, n);
	err = put(life, n, rec, true);
	store_commit(life->store, turn_done, turn);
	return err;
}

/* ---- backups ---- */

struct life_copy {
	struct life *life;
	unsigned int backup;
};

static void backup_done(void *arg, int error, uint64_t records,
			const char *message)
{
	struct life_copy *copy = arg;

	(void)records;
	(void)message;
	history_backup_ended(copy->life->history, copy->backup, error,
			     shim_position());
	free(copy);
}

void life_backup_path(const char *folder, unsigned int backup, char path[300])
{
	snprintf(path, 300, "%s/backup-%u.tdb", folder, backup);
}

void life_backup(struct life *life, char path[300])
{
	struct life_copy *copy = own_memory(sizeof(*copy));

	must(copy != NULL, "no memory");
	copy->life = life;
	copy->backup = history_backup_begin(life->history, shim_position());
	life_backup_path(life->folder, copy->backup, path);
	store_backup(life->store, path, backup_done, copy);
}

/* ---- all of it ---- */

static void one_step(struct life *life)
{
	char path[300];

	switch (roll(life, 60)) {
	case 0:
		life_close(life, false);
		must(life_open(life) == 0, life->trouble);
		break;
	case 1:
		life_close(life, true);
		must(life_open(life) == 0, life->trouble);
		break;
	case 2:
		life_wait(life);
		life_backup(life, path);
		life_turn(life, 1 + roll(life, 8));
		life_wait(life);
		break;
	case 3:
		life_turn(life, 300 + roll(life, 500));
		break;
	default:
		life_turn(life, 1 + roll(life, roll(life, 2) == 0 ? 60 : 8));
	}
	look(life);
	if (roll(life, 3) == 0) {
		life_wait(life);
	} else {
		life_poll(life);
	}
}

void life_run(struct life *life, unsigned int turns)
{
	must(life_open(life) == 0, life->trouble);
	while (turns-- > 0) {
		one_step(life);
	}
	life_close(life, roll(life, 2) == 0);
}
