/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a store on a real disk: opened, given random turns, closed, with
 * everything that it takes and promises written into a history. All sizes are
 * so small that in a few hundred turns the ring of the journal wraps and
 * grows, batches are carried, and the file expands.
 */
#ifndef WINSD_FAULTS_LIFE_H
#define WINSD_FAULTS_LIFE_H

#include "faults/history.h"
#include "faults/remains.h"
#include "sim/simworld.h"
#include "store/disk.h"

struct life {
	char folder[256];
	char database[300], journal[300], reserve[300];
	struct store_disk_config config;
	struct sim_world sim;
	struct dice dice;
	struct history *history;
	TALLOC_CTX *ctx;
	struct store_backend backend;
	struct store *store;		/* NULL: it is not open */
	struct life_turn *pending;	/* done() has not been called for */
	unsigned int refused;		/* changes, since the start */
	int refusal;			/* the last of them */
	int failure;			/* the last error that done() had */
	char trouble[400];		/* what open said */
	bool found_journal;		/* open: it had batches to read */
	uint64_t journal_largest;	/* bytes, that was seen */
};

/* Into the folder, nothing is opened yet. The history is the caller's. */
void life_init(struct life *life, const char *folder, struct history *history,
	       uint64_t seed);

/* Nothing is synced. */
void life_not_durable(struct life *life);

/*
 * Open, at once or with the loader's thread, without a look at what is in it:
 * 0 or errno and life->trouble.
 */
int life_start(struct life *life);

/*
 * 0, or an errno and one line in life->trouble: EILSEQ as well if it opens but
 * is not what the history, at its present end, allows.
 */
int life_open(struct life *life);

/* Finish what is under way, unless `abrupt`; then close. */
void life_close(struct life *life, bool abrupt);

/* One turn with so many random changes; it is not waited for. */
void life_turn(struct life *life, unsigned int changes);

/* One turn with one change of this kind, on a name that suits. */
enum life_change {
	LIFE_REGISTER,
	LIFE_REFRESH,
	LIFE_RELEASE,
	LIFE_DELETE,
	LIFE_REPLICA,
	LIFE_NUMBER,
};
void life_one(struct life *life, enum life_change change);

/* One turn that registers one name: 0 or the errno that it was refused by. */
int life_register(struct life *life, unsigned int n, struct nb_record *rec);

/* Take what is ready; wait for all that is under way. */
void life_poll(struct life *life);
void life_wait(struct life *life);

/* Begin a backup; its file's name is in path. */
void life_backup(struct life *life, char path[300]);
void life_backup_path(const char *folder, unsigned int backup, char path[300]);

/* A random hour of all that can happen, opening and closing included. */
void life_run(struct life *life, unsigned int turns);

#endif
