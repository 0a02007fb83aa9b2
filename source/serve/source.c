/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one source address may ask of us: registrations, refreshes and releases
 * by the second (`wins:source rate`), and challenges that run at one time.
 * Queries cost us less than their answer costs the asker and have no limit.
 *
 * A token bucket for each address, kept as its debt: what was taken and is not
 * yet paid back by time, so that an entry of zeros is a full bucket. There are
 * 4096 entries and never more, in sets of four; a keyed hash says which set.
 * A newcomer takes the entry with the least debt of its set, and takes over
 * what debt there is. That is the argument against spoofed addresses:
 *
 * - A host whose bucket is full loses nothing when its entry goes. At the
 *   default rate a request is paid back in half a millisecond, so the entries
 *   of hosts that behave are free again at once.
 * - A host at its limit has the most debt of its set and is the last to go.
 *   To drive it out somebody has to bring three other entries to the same
 *   debt, 20000 requests each, in a set that he cannot know: in all sets.
 * - It would gain him nothing. Debt stays with the entry, so four entries let
 *   four buckets through, whoever draws on them. Forgetting makes no tokens.
 * - What it costs others: who is new in a set where all four are at their
 *   limit starts with the least empty of the buckets, not with a full one.
 *
 * Entries with challenges under way stay. Where all four of a set have some, a
 * newcomer takes tokens from the one with the least debt, and its challenges
 * count with the one that has fewest. So every challenge is counted where it
 * was begun, and ends there. Spoofing the address of a host still spends that
 * host's tokens; the protocol knows no sender.
 *
 * A list by last use was rejected: whoever sends most would hold the table.
 */

#include "serve/serve_private.h"
#include "store/siphash.h"

#define SETS		1024u
#define WAYS		4u
#define WHOLE		1000000u	/* one request, in parts */
#define SILENCE_USEC	60000000u	/* between two lines about an entry */

struct source {
	uint32_t ip;
	uint32_t challenges;	/* under way: the entry stays */
	uint64_t debt;		/* in parts; paid back with rate parts/us */
	uint64_t when;		/* mono, that the debt is of */
	uint64_t quiet_until;	/* mono */
};

struct source_table {
	uint64_t key[2];
	struct source entry[SETS][WAYS];
};

struct source_table *source_table_create(TALLOC_CTX *mem_ctx,
					 const struct nb_world *world)
{
	struct source_table *table = talloc_zero(mem_ctx, struct source_table);

	if (table != NULL) {
		world->random(world->priv, table->key, sizeof(table->key));
	}
	return table;
}

static void pay_back(const struct serve *serve, struct source *source,
		     uint64_t now)
{
	uint64_t rate = serve->config.source_rate;
	uint64_t elapsed = now - source->when;

	source->when = now;
	if (rate == 0 || elapsed > source->debt / rate) {
		source->debt = 0;
	} else {
		source->debt -= elapsed * rate;
	}
}

enum want {
	WANT_TOKEN,
	WANT_CHALLENGE,
};

/* Is it the better one to give away or, where all are in use, to share? */
static bool goes_before(const struct source *source,
			const struct source *other, enum want want)
{
	if ((source->challenges > 0) != (other->challenges > 0)) {
		return source->challenges == 0;
	}
	if (want == WANT_CHALLENGE && source->challenges != other->challenges) {
		return source->challenges < other->challenges;
	}
	return source->debt < other->debt;
}

/* The entry of this address, paid up; maybe one it has to share. */
static struct source *find(struct serve *serve, uint32_t ip, uint64_t now,
			   enum want want)
{
	struct source_table *table = serve->sources;
	uint64_t hash = siphash(table->key, &ip, sizeof(ip), 1, 3);
	struct source *set = table->entry[hash % SETS];
	struct source *best = &set[0];

	for (unsigned int i = 0; i < WAYS; i++) {
		pay_back(serve, &set[i], now);
		if (set[i].ip == ip) {
			return &set[i];
		}
		if (goes_before(&set[i], best, want)) {
			best = &set[i];
		}
	}
	if (best->challenges > 0) {
		return best;
	}
	best->ip = ip;
	if (best->debt == 0) {
		best->quiet_until = 0;
	}
	return best;
}

static void tell(struct serve *serve, struct source *source, uint64_t now)
{
	char text[NB_ADDR_TEXT];

	if (now < source->quiet_until) {
		return;
	}
	source->quiet_until = now + SILENCE_USEC;
	nb_log(serve->world, NB_LOG_WARNING,
	       "%s registers more than wins:source rate allows: the excess is "
	       "dropped", nb_addr_print(source->ip, text));
}

bool source_admits(struct serve *serve, uint32_t ip)
{
	uint64_t limit = (uint64_t)serve->config.source_burst * WHOLE;
	uint64_t now = serve->world->mono(serve->world->priv);
	struct source *source = NULL;

	if (serve->config.source_rate == 0) {
		return true;
	}
	source = find(serve, ip, now, WANT_TOKEN);
	if (source->debt + WHOLE > limit) {
		serve_count(serve, STAT_SOURCE_LIMITED);
		tell(serve, source, now);
		return false;
	}
	source->debt += WHOLE;
	return true;
}

struct source *source_challenge_begins(struct serve *serve, uint32_t ip)
{
	uint64_t now = serve->world->mono(serve->world->priv);
	struct source *source = find(serve, ip, now, WANT_CHALLENGE);

	if (source->challenges == CHALLENGES_OF_SOURCE) {
		return NULL;
	}
	source->challenges++;
	return source;
}

void source_challenge_ends(struct source *source)
{
	source->challenges--;
}
