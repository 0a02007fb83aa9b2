/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When the store is behind: new names are told to come back (design.md 4.2
 * `wins:burst threshold`, microsoft-wins.md 4; the lives are in
 * rules/come_back.h).
 *
 * Behind means: more replies than the threshold are held for turns that are
 * not durable. That is counted anyway, and it is what a client waits for;
 * rejected were the store's waiting turns (one may hold 1 or 256 clients) and
 * the age of the oldest (a disk that hangs is noticed late). Come-back answers
 * are not held themselves, so a burst costs neither memory nor the disk.
 *
 * What may not be put off goes on being held, and has an end as well: beyond
 * HELD_MAX replies everything is silence, which clients know how to retry.
 * The number is that of Windows (Q154410).
 *
 * The lives begin anew whenever the backlog is down to the threshold. That may
 * happen many times a second while a crowd comes in; the log tells the burst
 * as one: its begin, and its end when no answer was needed for a while.
 */

#include <inttypes.h>

#include "rules/come_back.h"
#include "serve/serve_private.h"

#define CALM_USEC	10000000u	/* without an answer: it is over */

static bool behind(const struct serve *serve)
{
	uint32_t threshold = serve->config.burst_threshold;

	return threshold > 0 && serve->held > threshold;
}

void burst_backlog_fell(struct serve *serve)
{
	if (!behind(serve)) {
		serve->burst.before = 0;
	}
}

/* ---- the log ---- */

static void look_for_calm(void *arg);

/* Without memory for a timer the next answer tries again. */
static void look_later(struct serve *serve)
{
	struct burst *burst = &serve->burst;

	burst->seen = burst->answers;
	burst->timer = serve->world->timer_start(
		serve->world->priv, CALM_USEC, look_for_calm, serve);
}

static void look_for_calm(void *arg)
{
	struct serve *serve = arg;
	struct burst *burst = &serve->burst;

	burst->timer = NULL;
	if (burst->answers != burst->seen) {
		look_later(serve);
		return;
	}
	nb_log(serve->world, NB_LOG_NOTICE,
	       "the burst is over: %" PRIu64 " new names were told to come "
	       "back", burst->answers);
	burst->answers = 0;
}

static void tell(struct serve *serve)
{
	struct burst *burst = &serve->burst;

	if (burst->answers == 0) {
		nb_log(serve->world, NB_LOG_NOTICE,
		       "a burst begins: more than %u events wait for the "
		       "disk, new names are told to come back",
		       serve->config.burst_threshold);
	}
	burst->answers++;
	if (burst->timer == NULL) {
		look_later(serve);
	}
}

/* ---- the answers ---- */

bool burst_answers(struct serve *serve, const struct nb_event *event,
		   const struct nb_origin *origin, struct nb_verdict *verdict)
{
	uint64_t before = serve->burst.before;

	if (!behind(serve) || !rule_may_come_back(event, verdict)) {
		return false;
	}
	serve->burst.before++;
	tell(serve);
	serve_count(serve, STAT_COME_BACK);
	serve->stat[STAT_COME_BACK_300 + rule_come_back_step(before)]++;
	rule_come_back(event, before, verdict);
	/* not serve_reply_now(): that counts what was stored */
	serve->ops.reply(serve->ops.priv, origin, &event->name,
			 &verdict->reply);
	return true;
}

bool burst_drowns(struct serve *serve)
{
	if (serve->held < HELD_MAX) {
		return false;
	}
	serve_count(serve, STAT_HELD_FULL);
	return true;
}

void burst_stop(struct serve *serve)
{
	serve->world->timer_stop(serve->world->priv, serve->burst.timer);
	serve->burst.timer = NULL;
}
