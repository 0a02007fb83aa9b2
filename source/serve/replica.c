/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replicas: what partners tell meets our records (protocol.md section 5).
 *
 *     event -> rule_replica -> store, challenge, release demands
 *
 * The same door as everybody's: the same turn, the same challenges (a replica
 * waits in one line with clients, challenge.c), and what stands is read afresh
 * when an answer comes. Differences: there is nobody to answer but repl, which
 * counts what is settled; and an errno is not an end. repl keeps its mark
 * below a replica that could not be carried out, and the partner is asked for
 * it again.
 */

#include "serve/serve_private.h"

static int failed(struct serve *serve, int error)
{
	serve_count(serve, STAT_REPLICAS_FAILED);
	return error;
}

static void count_verdict(struct serve *serve,
			  const struct nb_verdict *verdict)
{
	if (verdict->store == NB_STORE_NOTHING) {
		serve_count(serve, STAT_REPLICAS_REFUSED);
	} else if (verdict->new_version) {
		serve_count(serve, STAT_REPLICAS_VERSIONED);
	} else {
		serve_count(serve, STAT_REPLICAS_STORED);
	}
}

int replica_apply(struct serve *serve, const struct nb_event *event,
		  const struct nb_record *old, struct nb_verdict *verdict,
		  bool *changed)
{
	int ret = serve_store(serve, event, old, verdict);
	uint64_t revision = old == NULL ? 0 : old->revision;

	if (ret != 0) {
		return failed(serve, ret);
	}
	count_verdict(serve, verdict);
	*changed = verdict->store != NB_STORE_NOTHING;
	if (verdict->store == NB_STORE_PUT) {
		revision = verdict->record.revision;
	}
	demand_hosts(serve, &event->name, revision, verdict);
	if (*changed) {
		challenge_void(serve, &event->name);
	}
	return 0;
}

void replica_refused(struct serve *serve, const struct nb_event *event)
{
	char name[NB_NAME_TEXT];

	serve_count(serve, STAT_REPLICAS_REFUSED);
	nb_log(serve->world, NB_LOG_INFO,
	       "%s: a replica is refused, because our record kept changing "
	       "while its holder was asked",
	       nb_name_print(&event->name, name));
}

int serve_replica(struct serve *serve, const struct nb_event *event,
		  void (*settled)(void *arg, int error), void *arg,
		  bool *pending, bool *changed)
{
	struct nb_record existing;
	struct nb_verdict verdict;
	bool found = false;
	int ret = 0;

	*pending = false;
	*changed = false;
	if (!serve->loaded) {
		return failed(serve, EAGAIN);
	}
	serve_count(serve, STAT_REPLICAS);
	found = serve_decide(serve, event, &existing, &verdict);
	if (!verdict.challenge) {
		return replica_apply(serve, event, found ? &existing : NULL,
				     &verdict, changed);
	}
	ret = challenge_replica(serve, event, &verdict, settled, arg);
	if (ret != 0) {
		return failed(serve, ret);
	}
	serve_count(serve, STAT_REPLICAS_ASKED);
	*pending = true;
	return 0;
}

unsigned int serve_replicas_pending(const struct serve *serve)
{
	return serve->replicas;
}
