/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a store was asked to do and what it promised: turns with their changes,
 * when each was begun and when it was said to be durable, what was told as the
 * settled mark. "When" is a position in the log of the shim.
 *
 * After a crash at some position the store must be exactly what one prefix of
 * the turns makes: at least all that were acknowledged before, none that began
 * later, no half of any. Turns that failed for want of space or memory were
 * never there; after any other error nobody knows, and both is right.
 */
#ifndef WINSD_FAULTS_HISTORY_H
#define WINSD_FAULTS_HISTORY_H

#include "store/store.h"

#define HISTORY_NAMES	48u
#define HISTORY_OWNERS	3u	/* foreign ones */
#define HISTORY_METAS	3u
#define HISTORY_OPEN	SIZE_MAX	/* a position that never comes */

struct history;

struct history *history_create(void);
/* It goes on by itself; the original stays as it is and must outlive it. */
struct history *history_copy(const struct history *history);
void history_free(struct history *history);

/* What names, owners and numbers there are. */
struct nb_name history_name(unsigned int n);
uint32_t history_owner(unsigned int n);
const char *history_meta(unsigned int n);

/* ---- written by whoever drives the store ---- */

/* A turn begins; its number, for history_ended(). */
unsigned int history_begin(struct history *history, size_t at);

/* Changes of the turn begun most lately, as the store took them. */
void history_put(struct history *history, unsigned int n,
		 const struct nb_record *rec);
void history_delete(struct history *history, unsigned int n);
void history_mark(struct history *history, unsigned int owner, uint64_t mark);
void history_number(struct history *history, unsigned int meta,
		    uint64_t number);

/* done() was called. */
void history_ended(struct history *history, unsigned int turn, int error,
		   size_t at);

/* Our settled mark was told. */
void history_told(struct history *history, uint64_t mark, size_t at);

/* A backup begins; its number. It was, perhaps, finished. */
unsigned int history_backup_begin(struct history *history, size_t at);
void history_backup_ended(struct history *history, unsigned int backup,
			  int error, size_t at);

/* ---- asked by whoever judges ---- */

/* How many turns were acknowledged before this position? */
unsigned int history_acknowledged(const struct history *history, size_t at);

/*
 * Is the store what it may be after a crash at this position? NULL and the
 * number of the first turn that is not in it, or what is wrong, in one line.
 */
const char *history_judge(const struct history *history, size_t at,
			  const struct store *store, unsigned int *end);

/*
 * The same for a backup that was opened: it must be whole and not older than
 * its beginning. And: must it be there?
 */
const char *history_judge_backup(const struct history *history, size_t at,
				 unsigned int backup,
				 const struct store *store);
unsigned int history_backups(const struct history *history);
bool history_has_backup(const struct history *history, size_t at,
			unsigned int backup);

/* May a new record have this version and revision after such a crash? */
const char *history_judge_new(const struct history *history, size_t at,
			      const struct nb_record *rec);

/*
 * It was closed and opened again at this position, without a crash: turns that
 * nobody heard of again are decided now.
 */
void history_decide(struct history *history, size_t at, unsigned int end);

/*
 * A crash at this position is survived: what is not before this turn was never
 * there. The rest is older than any position and stays; but turns that had not
 * been acknowledged could be lost once more until `now`, when somebody may
 * have seen them.
 */
void history_settle(struct history *history, size_t at, unsigned int end,
		    size_t now);

#endif
