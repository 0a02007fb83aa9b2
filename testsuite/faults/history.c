/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory of history.h. States are not stored: the state after some turn is
 * made by going through all changes up to it, which for some thousand changes
 * takes microseconds, and cannot be wrong in a clever way.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/alloc.h"
#include "faults/history.h"

enum kind {
	PUT,
	DELETE,
	MARK,
	NUMBER,
};

struct change {
	enum kind kind;
	unsigned int n;
	uint64_t number;
	struct nb_record rec;
};

struct promise {
	size_t begun;
	size_t ended;			/* HISTORY_OPEN: not yet */
	int error;
	unsigned int first;		/* of its changes */
};

struct told {
	uint64_t mark;
	size_t at;
};

struct history {
	const struct history *base;	/* the first changes are in it */
	unsigned int base_changes;
	struct change *change;		/* the others */
	unsigned int changes, changes_max;	/* all; room for the others */
	struct promise *turn;
	unsigned int turns, turns_max;
	struct told *told;
	unsigned int tolds, tolds_max;
	struct promise *backup;		/* first: turns it must have */
	unsigned int backups, backups_max;
};

/* All that the store should hold. */
struct state {
	const struct nb_record *rec[HISTORY_NAMES];	/* NULL: not there */
	uint64_t mark[HISTORY_OWNERS];
	uint64_t number[HISTORY_METAS];
	bool has_number[HISTORY_METAS];
};

static char wrong[400];

static void *grow(void *list, unsigned int count, unsigned int *max,
		  size_t size)
{
	if (count < *max) {
		return list;
	}
	*max = 2 * *max + 64;
	alloc_pause();
	list = realloc(list, *max * size);
	alloc_resume();
	if (list == NULL) {
		abort();
	}
	return list;
}

struct history *history_create(void)
{
	struct history *history = calloc(1, sizeof(*history));

	if (history == NULL) {
		abort();
	}
	return history;
}

static void *copy_list(const void *list, unsigned int max, size_t size)
{
	void *copy = malloc(max * size + 1);

	if (copy == NULL) {
		abort();
	}
	if (max > 0) {
		memcpy(copy, list, max * size);
	}
	return copy;
}

struct history *history_copy(const struct history *history)
{
	struct history *copy = history_create();

	*copy = *history;
	copy->base = history;
	copy->base_changes = history->changes;
	copy->change = NULL;
	copy->changes_max = 0;
	copy->turn = copy_list(history->turn, history->turns_max,
			       sizeof(*history->turn));
	copy->told = copy_list(history->told, history->tolds_max,
			       sizeof(*history->told));
	copy->backup = copy_list(history->backup, history->backups_max,
				 sizeof(*history->backup));
	return copy;
}

void history_free(struct history *history)
{
	free(history->change);
	free(history->turn);
	free(history->told);
	free(history->backup);
	free(history);
}

struct nb_name history_name(unsigned int n)
{
	char text[24];
	struct nb_name name;

	snprintf(text, sizeof(text), "NAME-%u", n);
	name = nb_name_make(text, strlen(text), 0x20);
	if (n % 7 == 0) {
		nb_name_set_scope(&name, "scope.example", 13);
	}
	return name;
}

uint32_t history_owner(unsigned int n)
{
	return 0x0a640001 + n;
}

const char *history_meta(unsigned int n)
{
	static const char *const names[HISTORY_METAS] = {
		"alpha", "beta", "gamma",
	};

	return names[n];
}

static const struct change *change_at(const struct history *history,
				      unsigned int i)
{
	while (i < history->base_changes) {
		history = history->base;
	}
	return &history->change[i - history->base_changes];
}

/* ---- writing ---- */

unsigned int history_begin(struct history *history, size_t at)
{
	history->turn = grow(history->turn, history->turns,
			     &history->turns_max, sizeof(*history->turn));
	history->turn[history->turns] = (struct promise){
		.begun = at,
		.ended = HISTORY_OPEN,
		.first = history->changes,
	};
	return history->turns++;
}

static struct change *add(struct history *history, enum kind kind,
			  unsigned int n)
{
	struct change *change = NULL;
	unsigned int at = history->changes++ - history->base_changes;

	history->change = grow(history->change, at, &history->changes_max,
			       sizeof(*history->change));
	change = &history->change[at];
	*change = (struct change){ .kind = kind, .n = n };
	return change;
}

void history_put(struct history *history, unsigned int n,
		 const struct nb_record *rec)
{
	add(history, PUT, n)->rec = *rec;
}

void history_delete(struct history *history, unsigned int n)
{
	add(history, DELETE, n);
}

void history_mark(struct history *history, unsigned int owner, uint64_t mark)
{
	add(history, MARK, owner)->number = mark;
}

void history_number(struct history *history, unsigned int meta,
		    uint64_t number)
{
	add(history, NUMBER, meta)->number = number;
}

void history_ended(struct history *history, unsigned int turn, int error,
		   size_t at)
{
	history->turn[turn].ended = at;
	history->turn[turn].error = error;
}

/* A turn that changes nothing is durable whatever became of those before. */
static bool is_empty(const struct history *history, unsigned int i)
{
	unsigned int end = i + 1 < history->turns ?
				   history->turn[i + 1].first :
				   history->changes;

	return history->turn[i].first == end;
}

/* The turn after the last that is acknowledged by now. */
static unsigned int acknowledged(const struct history *history)
{
	unsigned int end = history->turns;

	while (end > 0 && (is_empty(history, end - 1) ||
			   history->turn[end - 1].ended == HISTORY_OPEN ||
			   history->turn[end - 1].error != 0)) {
		end--;
	}
	return end;
}

void history_told(struct history *history, uint64_t mark, size_t at)
{
	history->told = grow(history->told, history->tolds,
			     &history->tolds_max, sizeof(*history->told));
	history->told[history->tolds++] = (struct told){ mark, at };
}

unsigned int history_backup_begin(struct history *history, size_t at)
{
	history->backup = grow(history->backup, history->backups,
			       &history->backups_max,
			       sizeof(*history->backup));
	history->backup[history->backups] = (struct promise){
		.begun = at,
		.ended = HISTORY_OPEN,
		.first = acknowledged(history),
	};
	return history->backups++;
}

void history_backup_ended(struct history *history, unsigned int backup,
			  int error, size_t at)
{
	history->backup[backup].ended = at;
	history->backup[backup].error = error;
}

/* ---- states ---- */

enum fate {
	THERE,			/* acknowledged */
	GONE,			/* it failed, or had not begun */
	EITHER,
};

static enum fate fate_of(const struct promise *turn, size_t at)
{
	if (turn->begun > at) {
		return GONE;
	}
	if (turn->ended > at) {
		return EITHER;
	}
	if (turn->error == ENOSPC || turn->error == ENOMEM) {
		return GONE;
	}
	return turn->error == 0 ? THERE : EITHER;
}

static void apply(struct state *state, const struct change *change)
{
	switch (change->kind) {
	case PUT:
		state->rec[change->n] = &change->rec;
		break;
	case DELETE:
		state->rec[change->n] = NULL;
		break;
	case MARK:
		state->mark[change->n] = change->number;
		break;
	case NUMBER:
		state->number[change->n] = change->number;
		state->has_number[change->n] = true;
		break;
	}
}

/* After all turns before end that did not fail for certain. */
static void state_at(const struct history *history, size_t at,
		     unsigned int end, struct state *state)
{
	memset(state, 0, sizeof(*state));
	for (unsigned int i = 0; i < end; i++) {
		const struct promise *turn = &history->turn[i];
		unsigned int last = i + 1 < history->turns ?
					    turn[1].first : history->changes;

		for (unsigned int c = turn->first;
		     fate_of(turn, at) != GONE && c < last; c++) {
			apply(state, change_at(history, c));
		}
	}
}

/* ---- judging ---- */

static bool same_record(const struct nb_record *a, const struct nb_record *b)
{
	bool same = nb_name_equal(&a->name, &b->name) && a->type == b->type &&
		    a->state == b->state && a->node == b->node &&
		    a->is_static == b->is_static && a->owner == b->owner &&
		    a->version == b->version && a->expires == b->expires &&
		    a->revision == b->revision && a->count == b->count;

	for (int i = 0; same && i < a->count; i++) {
		same = a->member[i].ip == b->member[i].ip &&
		       a->member[i].owner == b->member[i].owner &&
		       a->member[i].expires == b->member[i].expires;
	}
	return same;
}

static const char *differs(const struct state *state, const struct store *store)
{
	unsigned int records = 0;
	struct store_stats stats;
	struct nb_record rec;
	uint64_t number = 0;

	for (unsigned int n = 0; n < HISTORY_NAMES; n++) {
		struct nb_name name = history_name(n);
		const struct nb_record *want = state->rec[n];
		bool found = store_get(store, &name, &rec);

		records += want != NULL;
		if (found != (want != NULL)) {
			snprintf(wrong, sizeof(wrong), "name %u is %s", n,
				 found ? "back" : "lost");
			return wrong;
		}
		if (found && !same_record(&rec, want)) {
			snprintf(wrong, sizeof(wrong), "name %u has version "
				 "%llu, not %llu", n,
				 (unsigned long long)rec.version,
				 (unsigned long long)want->version);
			return wrong;
		}
	}
	store_stats(store, &stats);
	if (stats.records != records) {
		snprintf(wrong, sizeof(wrong), "there are %llu records, not %u",
			 (unsigned long long)stats.records, records);
		return wrong;
	}
	for (unsigned int i = 0; i < HISTORY_OWNERS; i++) {
		if (store_mark(store, history_owner(i)) != state->mark[i]) {
			return "an owner's mark is another one";
		}
	}
	for (unsigned int i = 0; i < HISTORY_METAS; i++) {
		bool found = store_get_meta(store, history_meta(i), &number);

		if (found != state->has_number[i] ||
		    (found && number != state->number[i])) {
			return "a number is another one";
		}
	}
	return NULL;
}

unsigned int history_acknowledged(const struct history *history, size_t at)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < history->turns; i++) {
		count += fate_of(&history->turn[i], at) == THERE;
	}
	return count;
}

/* The end of the shortest and of the longest prefix that is right. */
static void prefixes(const struct history *history, size_t at,
		     unsigned int *shortest, unsigned int *longest)
{
	*shortest = *longest = 0;
	for (unsigned int i = 0; i < history->turns; i++) {
		enum fate fate = fate_of(&history->turn[i], at);

		if (is_empty(history, i)) {
			continue;
		}
		*shortest = fate == THERE ? i + 1 : *shortest;
		*longest = fate != GONE ? i + 1 : *longest;
	}
}

static uint64_t highest_told(const struct history *history, size_t at)
{
	uint64_t mark = 0;

	for (unsigned int i = 0; i < history->tolds; i++) {
		const struct told *told = &history->told[i];

		if (told->at <= at && told->mark > mark) {
			mark = told->mark;
		}
	}
	return mark;
}

/* Some prefix from shortest to longest must be it; *end: which. */
static const char *find_prefix(const struct history *history, size_t at,
			       unsigned int shortest, unsigned int longest,
			       const struct store *store, unsigned int *end)
{
	const char *first = NULL;
	struct state state;

	for (unsigned int i = shortest; i <= longest; i++) {
		state_at(history, at, i, &state);
		if (differs(&state, store) == NULL) {
			*end = i;
			return NULL;
		}
	}
	state_at(history, at, shortest, &state);
	first = differs(&state, store);
	if (first == wrong) {
		snprintf(wrong + strlen(wrong), sizeof(wrong) - strlen(wrong),
			 " (turns %u to %u of %u)", shortest, longest,
			 history->turns);
	}
	return first;
}

const char *history_judge(const struct history *history, size_t at,
			  const struct store *store, unsigned int *end)
{
	unsigned int shortest = 0, longest = 0;
	uint64_t told = highest_told(history, at);

	*end = 0;
	prefixes(history, at, &shortest, &longest);
	if (store_mark(store, NB_SELF) < told) {
		snprintf(wrong, sizeof(wrong), "the settled mark went back "
			 "from %llu to %llu", (unsigned long long)told,
			 (unsigned long long)store_mark(store, NB_SELF));
		return wrong;
	}
	return find_prefix(history, at, shortest, longest, store, end);
}

unsigned int history_backups(const struct history *history)
{
	return history->backups;
}

bool history_has_backup(const struct history *history, size_t at,
			unsigned int backup)
{
	return history->backup[backup].ended <= at &&
	       history->backup[backup].error == 0;
}

const char *history_judge_backup(const struct history *history, size_t at,
				 unsigned int backup,
				 const struct store *store)
{
	unsigned int shortest = 0, longest = 0, end = 0;

	prefixes(history, at, &shortest, &longest);
	return find_prefix(history, at, history->backup[backup].first, longest,
			   store, &end);
}

const char *history_judge_new(const struct history *history, size_t at,
			      const struct nb_record *rec)
{
	uint64_t version = highest_told(history, at), revision = 0;

	for (unsigned int i = 0; i < history->turns; i++) {
		const struct promise *turn = &history->turn[i];
		unsigned int last = i + 1 < history->turns ?
					    turn[1].first : history->changes;

		for (unsigned int c = turn->first;
		     fate_of(turn, at) == THERE && c < last; c++) {
			const struct change *change = change_at(history, c);

			if (change->kind != PUT) {
				continue;
			}
			if (change->rec.owner == NB_SELF &&
			    change->rec.version > version) {
				version = change->rec.version;
			}
			if (change->rec.revision > revision) {
				revision = change->rec.revision;
			}
		}
	}
	if (rec->version <= version || rec->revision <= revision) {
		snprintf(wrong, sizeof(wrong), "version %llu after %llu, "
			 "revision %llu after %llu",
			 (unsigned long long)rec->version,
			 (unsigned long long)version,
			 (unsigned long long)rec->revision,
			 (unsigned long long)revision);
		return wrong;
	}
	return NULL;
}

void history_decide(struct history *history, size_t at, unsigned int end)
{
	for (unsigned int i = 0; i < history->turns; i++) {
		struct promise *turn = &history->turn[i];

		if (fate_of(turn, at) == EITHER) {
			turn->error = i < end ? 0 : ENOSPC;
			turn->ended = at;
		}
	}
}

void history_settle(struct history *history, size_t at, unsigned int end,
		    size_t now)
{
	for (unsigned int i = 0; i < history->turns; i++) {
		struct promise *turn = &history->turn[i];
		enum fate fate = fate_of(turn, at);

		turn->begun = turn->ended = 0;
		if (fate == EITHER && i < end) {
			fate = THERE;
			turn->ended = now;
		}
		turn->error = fate == THERE ? 0 : ENOSPC;
	}
	for (unsigned int i = 0; i < history->backups; i++) {
		struct promise *backup = &history->backup[i];

		backup->error = history_has_backup(history, at, i) ? 0 : EIO;
		backup->begun = backup->ended = 0;
	}
	for (unsigned int i = 0; i < history->tolds; i++) {
		struct told *told = &history->told[i];

		/* what was told later was never told */
		told->mark = told->at <= at ? told->mark : 0;
		told->at = 0;
	}
}
