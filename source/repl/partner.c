/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partners: who they are, what they know, how often they failed.
 *
 * A partner is its address, or one of the others that its row names (also=,
 * Q139380: a multihomed partner calls from another card). What it said of
 * owners is kept as a sorted list; only numbers of versions it has are ever
 * believed, never that it has them for us.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/private.h"

static bool is_address_of(const struct repl_partner_config *config,
			  uint32_t address)
{
	for (unsigned int i = 0; i < config->options.also_count; i++) {
		if (config->options.also[i] == address) {
			return true;
		}
	}
	return config->address == address;
}

struct partner *partner_find(const struct repl *repl, uint32_t address)
{
	struct partner *partner = NULL;

	TAILQ_FOREACH(partner, &repl->partners, list) {
		if (is_address_of(&partner->config, address)) {
			return partner;
		}
	}
	return NULL;
}

const char *partner_text(const struct partner *partner, char *text)
{
	char address[NB_ADDR_TEXT];

	(void)nb_addr_print(partner->config.address, address);
	if (partner->config.options.name[0] == '\0') {
		(void)snprintf(text, PARTNER_TEXT, "%s", address);
	} else {
		(void)snprintf(text, PARTNER_TEXT, "%s (%s)", address,
			       partner->config.options.name);
	}
	return text;
}

/* ---- configuration ---- */

static uint64_t joined_kept(const struct partner *partner)
{
	char key[STORE_META_MAX], text[NB_ADDR_TEXT];
	uint64_t when = 0;

	(void)snprintf(key, sizeof(key), "partner-joined-%s",
		       nb_addr_print(partner->config.address, text));
	return store_get_meta(partner->repl->store, key, &when) ? when : 0;
}

static struct partner *partner_make(struct repl *repl,
				    const struct repl_partner_config *config)
{
	struct partner *partner = talloc_zero(repl, struct partner);

	if (partner != NULL) {
		partner->repl = repl;
		partner->config = *config;
		partner->planned = NB_NEVER;
	}
	return partner;
}

void waiters_tell(struct waiter **waiters, uint32_t partner, int error,
		  uint64_t records, const char *message)
{
	struct waiter *waiter = *waiters;

	*waiters = NULL;
	while (waiter != NULL) {
		struct waiter *next = waiter->next;

		if (waiter->done != NULL) {
			waiter->done(waiter->arg, partner, error, records,
				     message);
		}
		talloc_free(waiter);
		waiter = next;
	}
}

static void forget_in(struct waiter *waiter, const void *arg)
{
	for (; waiter != NULL; waiter = waiter->next) {
		if (waiter->arg == arg) {
			waiter->done = NULL;
		}
	}
}

void partner_free(struct partner *partner)
{
	struct repl *repl = partner->repl;
	struct assoc *a = NULL, *next = NULL;

	TAILQ_REMOVE(&repl->partners, partner, list);
	repl->partner_count--;
	survey_failed(repl, partner, ECANCELED);
	repl_timer_stop(repl, &partner->timer);
	repl_timer_stop(repl, &partner->push_timer);
	if (partner->pull != NULL) {
		pull_free(partner->pull);
	}
	if (partner->push != NULL) {
		push_free(partner->push);
	}
	for (a = TAILQ_FIRST(&repl->assocs); a != NULL; a = next) {
		next = TAILQ_NEXT(a, list);
		if (a->partner == partner) {
			assoc_close(a);
		}
	}
	pull_wish_clear(&partner->wish, ECANCELED, "no partner any more",
			partner);
	pull_wish_clear(&partner->lent, ECANCELED, "no partner any more",
			partner);
	waiters_tell(&partner->push_wish.waiters, partner->config.address,
		     ECANCELED, 0, "no partner any more");
	talloc_free(partner);
}

/* Addresses and lists into memory of ours. */
static int copy_config(struct repl *repl, const struct repl_config *config,
		       TALLOC_CTX **arrays, struct repl_config *copy)
{
	uint32_t *accept = NULL, *block = NULL;

	*arrays = talloc_new(repl);
	if (*arrays == NULL) {
		return ENOMEM;
	}
	accept = talloc_array(*arrays, uint32_t, config->accepts + 1);
	block = talloc_array(*arrays, uint32_t, config->blocks + 1);
	if (accept == NULL || block == NULL) {
		TALLOC_FREE(*arrays);
		return ENOMEM;
	}
	if (config->accepts > 0) {
		memcpy(accept, config->accept,
		       config->accepts * sizeof(*accept));
	}
	if (config->blocks > 0) {
		memcpy(block, config->block, config->blocks * sizeof(*block));
	}
	*copy = *config;
	copy->accept = accept;
	copy->block = block;
	copy->partner = NULL;
	copy->partners = 0;
	return 0;
}

static struct partner *find_same(const struct repl *repl, uint32_t address)
{
	struct partner *partner = NULL;

	TAILQ_FOREACH(partner, &repl->partners, list) {
		if (partner->config.address == address) {
			return partner;
		}
	}
	return NULL;
}

/* The new ones are made first: a reload without memory changes nothing. */
static int make_new(struct repl *repl, const struct repl_config *config,
		    struct partner_list *fresh)
{
	TAILQ_INIT(fresh);
	for (unsigned int i = 0; i < config->partners; i++) {
		struct partner *partner = NULL;

		if (find_same(repl, config->partner[i].address) != NULL) {
			continue;
		}
		partner = partner_make(repl, &config->partner[i]);
		if (partner == NULL) {
			while ((partner = TAILQ_FIRST(fresh)) != NULL) {
				TAILQ_REMOVE(fresh, partner, list);
				talloc_free(partner);
			}
			return ENOMEM;
		}
		TAILQ_INSERT_TAIL(fresh, partner, list);
	}
	return 0;
}

static void drop_old(struct repl *repl)
{
	struct partner *partner = NULL, *next = NULL;

	for (partner = TAILQ_FIRST(&repl->partners); partner != NULL;
	     partner = next) {
		next = TAILQ_NEXT(partner, list);
		if (!partner->kept) {
			partner_free(partner);
		} else {
			partner->kept = false;
		}
	}
}

int partners_set(struct repl *repl, const struct repl_config *config)
{
	struct repl_config copy;
	struct partner_list fresh;
	struct partner *partner = NULL;
	TALLOC_CTX *arrays = NULL;
	int ret = copy_config(repl, config, &arrays, &copy);

	if (ret == 0) {
		ret = make_new(repl, config, &fresh);
	}
	if (ret != 0) {
		talloc_free(arrays);
		return ret;
	}
	for (unsigned int i = 0; i < config->partners; i++) {
		partner = find_same(repl, config->partner[i].address);
		if (partner != NULL) {
			partner->kept = true;
			partner->config = config->partner[i];
		}
	}
	drop_old(repl);
	while ((partner = TAILQ_FIRST(&fresh)) != NULL) {
		TAILQ_REMOVE(&fresh, partner, list);
		TAILQ_INSERT_TAIL(&repl->partners, partner, list);
		repl->partner_count++;
	}
	talloc_free(repl->arrays);
	repl->arrays = arrays;
	repl->config = copy;
	return 0;
}

void repl_forget(struct repl *repl, void *arg)
{
	struct partner *partner = NULL;

	TAILQ_FOREACH(partner, &repl->partners, list) {
		forget_in(partner->wish.waiters, arg);
		forget_in(partner->push_wish.waiters, arg);
		pull_forget(partner->pull, arg);
		push_forget(partner->push, arg);
	}
	survey_forget(repl, arg);
}

/* ---- what it knows ---- */

static unsigned int map_at(const struct partner_map *map, uint32_t owner)
{
	unsigned int low = 0, high = map->count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (map->line[middle].owner < owner) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

uint64_t partner_map_get(const struct partner *partner, uint32_t owner,
			 bool *known)
{
	const struct partner_map *map = &partner->map;
	unsigned int at = map_at(map, owner);

	*known = at < map->count && map->line[at].owner == owner;
	return *known ? map->line[at].version : 0;
}

static int compare_lines(const void *a, const void *b)
{
	const struct map_line *one = a, *two = b;

	if (one->owner != two->owner) {
		return one->owner < two->owner ? -1 : 1;
	}
	return one->version < two->version ? -1 : one->version > two->version;
}

/* Put the next line at the end, or over the end if it is the same owner's. */
static void append(struct partner_map *map, struct map_line line)
{
	if (map->count > 0 && map->line[map->count - 1].owner == line.owner) {
		map->count--;
	}
	map->line[map->count++] = line;
}

/*
 * A partner may tell of 43,000 owners in any order it likes, so the lines are
 * sorted and then merged; put in one by one they cost a second.
 */
static void map_merge(struct partner *partner, struct map_line *fresh,
		      unsigned int count)
{
	struct partner_map *map = &partner->map, merged = { .count = 0 };
	unsigned int i = 0, j = 0;

	merged.line = talloc_array(partner, struct map_line,
				   map->count + count + 1);
	if (merged.line == NULL) {
		return;		/* the next map tells it again */
	}
	qsort(fresh, count, sizeof(*fresh), compare_lines);
	while (i < map->count || j < count) {
		bool old = j == count || (i < map->count &&
			   map->line[i].owner <= fresh[j].owner);

		append(&merged, old ? map->line[i++] : fresh[j++]);
	}
	talloc_free(map->line);
	*map = merged;
}

/* False: it is nobody, or one too many. */
static bool note_line(struct repl *repl, const struct wrepl_owner *line)
{
	struct owner *owner = NULL;

	if (nb_addr_is_host(line->address)) {
		owner = owner_add(repl, line->address);
	}
	if (owner == NULL) {
		return false;
	}
	if (owner->map_max < line->max) {
		owner->map_max = line->max;
	}
	return true;
}

void partner_map_merge(struct partner *partner, const struct wrepl_owner *line,
		       uint32_t count)
{
	struct repl *repl = partner->repl;
	struct map_line *fresh = talloc_array(partner, struct map_line,
					      count + 1);
	unsigned int hosts = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (!note_line(repl, &line[i])) {
			continue;
		}
		if (line[i].address == repl->config.self) {
			partner_knows_ours(partner, line[i].max);
		}
		if (fresh != NULL) {
			fresh[hosts++] = (struct map_line){
				line[i].address, line[i].max };
		}
	}
	if (fresh != NULL) {
		map_merge(partner, fresh, hosts);
		talloc_free(fresh);
	}
}

void partner_knows_ours(struct partner *partner, uint64_t version)
{
	if (!partner->there_known || partner->there < version) {
		partner->there = version;
	}
	partner->there_known = true;
}

/* An own tombstone stays until every partner that pulls from us has it. */
void partners_passed(struct repl *repl)
{
	struct partner *partner = NULL;
	uint64_t passed = UINT64_MAX;

	TAILQ_FOREACH(partner, &repl->partners, list) {
		uint64_t there = partner->there_known ? partner->there : 0;

		if (partner->config.push && there < passed) {
			passed = there;
		}
	}
	serve_set_passed(repl->serve, passed);
}

/* ---- joining ---- */

bool partner_demand_ok(const struct partner *partner)
{
	const struct repl *repl = partner->repl;
	int64_t age = 0;

	if (repl->config.observe) {
		return false;
	}
	if (repl->config.demand_delay == 0) {
		return true;
	}
	age = repl_now(repl) - partner->joined;
	return partner->joined != 0 && age >= repl->config.demand_delay;
}

/* As an earlier life of the server wrote it down. */
void partner_recall(struct partner *partner)
{
	if (partner->joined == 0) {
		partner->joined = (int64_t)joined_kept(partner);
	}
}

void partner_joins(struct partner *partner)
{
	struct repl *repl = partner->repl;
	char key[STORE_META_MAX], text[NB_ADDR_TEXT];

	if (partner->joined != 0) {
		return;
	}
	partner->joined = repl_now(repl);
	(void)snprintf(key, sizeof(key), "partner-joined-%s",
		       nb_addr_print(partner->config.address, text));
	serve_turn_begin(repl->serve);
	/* lost: it joins again, and its demands wait for longer */
	(void)serve_set_meta(repl->serve, key, (uint64_t)partner->joined);
	serve_turn_end(repl->serve);
}

/* ---- failing ---- */

static uint64_t seconds_up(const struct repl *repl)
{
	return repl_mono(repl) / 1000000u + 1;	/* 0 is "never" */
}

/* The hours that have passed since are empty. */
static void turn_hours(struct partner *partner, uint64_t hour)
{
	uint64_t passed = hour - partner->failed_hour_at;

	for (uint64_t i = 0; i < passed && i < FAILURE_HOURS; i++) {
		partner->failed_hour[(hour - i) % FAILURE_HOURS] = 0;
	}
	partner->failed_hour_at = hour;
}

void partner_failed(struct partner *partner, const char *format, ...)
{
	struct repl *repl = partner->repl;
	uint64_t now = seconds_up(repl);
	bool first = partner->errors == 0;
	char name[PARTNER_TEXT];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(partner->failure, sizeof(partner->failure), format,
			ap);
	va_end(ap);
	partner->failed = repl_wall(repl);
	partner->failed_at[partner->failed_next] = now;
	partner->failed_next = (partner->failed_next + 1) % FAILURE_TIMES;
	turn_hours(partner, now / 3600);
	partner->failed_hour[now / 3600 % FAILURE_HOURS]++;
	nb_log(repl->world, first ? NB_LOG_WARNING : NB_LOG_INFO,
	       "replication with %s failed: %s", partner_text(partner, name),
	       partner->failure);
}

unsigned int partner_failures(const struct partner *partner, uint64_t seconds)
{
	uint64_t now = seconds_up(partner->repl);
	unsigned int count = 0;

	if (seconds > 3600) {
		uint64_t passed = now / 3600 - partner->failed_hour_at;

		for (uint64_t i = passed; i < FAILURE_HOURS; i++) {
			uint64_t hour = partner->failed_hour_at +
					FAILURE_HOURS - (i - passed);

			count += partner->failed_hour[hour % FAILURE_HOURS];
		}
		return count;
	}
	for (unsigned int i = 0; i < FAILURE_TIMES; i++) {
		uint64_t at = partner->failed_at[i];

		count += at != 0 && now - at < seconds;
	}
	return count;
}
