/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tick every ten milliseconds brings the questions that are due; those that
 * nobody answered yet are bounded, so a dead server slows the rest down and
 * does not pile them up. What is due while all places are taken is not made up
 * for later: a rate is a promise to the other side.
 */
#include "migrate/live/ask.h"

#include <errno.h>
#include <string.h>

#define TICK_USEC	10000u
#define TICKS		100u		/* a second */
#define IN_FLIGHT	2000u

struct asker {
	struct tevent_context *ev;
	struct nbns_client *client;
	unsigned int rate;
	unsigned int credit;		/* questions due, times TICKS */
	unsigned int open;
	bool dry;			/* next() has no more */
	int error;
	bool (*next)(void *priv, struct ask_item *item);
	void (*done)(void *priv, const struct ask_item *item, int error,
		     const struct nbns_answer *answer);
	void *priv;
};

struct question {
	struct asker *asker;
	struct ask_item item;
};

static void question_done(struct tevent_req *req);
static void tick(struct tevent_context *ev, struct tevent_timer *timer,
		 struct timeval now, void *private_data);

/* The client before its loop: questions in flight end with it. */
static int asker_destroy(struct asker *asker)
{
	TALLOC_FREE(asker->client);
	TALLOC_FREE(asker->ev);
	return 0;
}

int asker_create(TALLOC_CTX *mem_ctx, uint32_t ours, unsigned int rate,
		 struct asker **asker)
{
	struct asker *a = talloc_zero(mem_ctx, struct asker);
	int ret = ENOMEM;

	if (a == NULL) {
		return ENOMEM;
	}
	a->rate = rate;
	talloc_set_destructor(a, asker_destroy);
	a->ev = tevent_context_init(a);
	if (a->ev != NULL) {
		ret = nbns_client_create(a, a->ev, ours, 0, &a->client);
	}
	if (ret != 0) {
		talloc_free(a);
		return ret;
	}
	*asker = a;
	return 0;
}

/* All names of a host, in the scope of the one that is looked for. */
static struct nb_name any_name(const struct nb_name *name)
{
	struct nb_name any = nb_name_make("*", 1, 0);

	(void)nb_name_set_scope(&any, name->scope, name->scope_len);
	return any;
}

static int ask(struct asker *asker, const struct ask_item *item)
{
	struct question *question = talloc(asker->client, struct question);
	struct nbns_ask words = {
		.kind = item->kind,
		.server = item->host,
		.port = item->port,
		.op_flags = item->kind == NBNS_QUERY ? NBNS_OP_RD : 0,
		.name = item->kind == NBNS_STATUS ? any_name(&item->name) :
						    item->name,
		.patience = nbns_patience_default(),
	};
	struct tevent_req *req = NULL;

	if (question == NULL) {
		return ENOMEM;
	}
	question->asker = asker;
	question->item = *item;
	req = nbns_ask_send(question, asker->ev, asker->client, &words);
	if (req == NULL) {
		talloc_free(question);
		return ENOMEM;
	}
	asker->open++;
	tevent_req_set_callback(req, question_done, question);
	return 0;
}

static void question_done(struct tevent_req *req)
{
	struct question *question = tevent_req_callback_data(
		req, struct question);
	struct asker *asker = question->asker;
	struct nbns_answer answer = { .count = 0 };
	int ret = nbns_ask_recv(req, question, &answer);

	TALLOC_FREE(req);
	asker->open--;
	asker->done(asker->priv, &question->item, ret, &answer);
	talloc_free(question);
}

static bool next_tick(struct asker *asker)
{
	return tevent_add_timer(asker->ev, asker->client,
				tevent_timeval_current_ofs(0, TICK_USEC),
				tick, asker) != NULL;
}

/* As many as are due. */
static void tick(struct tevent_context *ev, struct tevent_timer *timer,
		 struct timeval now, void *private_data)
{
	struct asker *asker = talloc_get_type_abort(private_data,
						    struct asker);
	struct ask_item item;

	(void)ev;
	(void)now;
	TALLOC_FREE(timer);
	asker->credit += asker->rate;
	while (asker->credit >= TICKS && asker->open < IN_FLIGHT &&
	       asker->error == 0 && !asker->dry) {
		asker->credit -= TICKS;
		if (!asker->next(asker->priv, &item)) {
			asker->dry = true;
			return;
		}
		asker->error = ask(asker, &item);
	}
	asker->credit %= TICKS;
	if (asker->error == 0 && !next_tick(asker)) {
		asker->error = ENOMEM;
	}
}

int asker_run(struct asker *asker,
	      bool (*next)(void *priv, struct ask_item *item),
	      void (*done)(void *priv, const struct ask_item *item, int error,
			   const struct nbns_answer *answer),
	      void *priv)
{
	asker->next = next;
	asker->done = done;
	asker->priv = priv;
	asker->dry = false;
	asker->error = next_tick(asker) ? 0 : ENOMEM;
	while (asker->error == 0 && (!asker->dry || asker->open > 0)) {
		if (tevent_loop_once(asker->ev) != 0) {
			asker->error = errno != 0 ? errno : EIO;
		}
	}
	return asker->error;
}

/* ---- one ---- */

struct single {
	const struct ask_item *item;
	bool asked;
	int error;
	struct nbns_answer *answer;
};

static bool single_next(void *priv, struct ask_item *item)
{
	struct single *single = priv;

	if (single->asked) {
		return false;
	}
	single->asked = true;
	*item = *single->item;
	return true;
}

static void single_done(void *priv, const struct ask_item *item, int error,
			const struct nbns_answer *answer)
{
	struct single *single = priv;

	(void)item;
	single->error = error;
	*single->answer = *answer;
	single->answer->names = NULL;
	single->answer->names_count = 0;
}

int asker_one(struct asker *asker, const struct ask_item *item,
	      struct nbns_answer *answer)
{
	struct single single = { .item = item, .answer = answer };
	int ret = asker_run(asker, single_next, single_done, &single);

	return ret != 0 ? ret : single.error;
}

bool ask_status_has(const struct nbns_answer *answer,
		    const struct nb_name *name)
{
	for (unsigned int i = 0; i < answer->names_count; i++) {
		const struct nb_name *has = &answer->names[i].name;

		if (has->len == name->len && has->type == name->type &&
		    memcmp(has->byte, name->byte, has->len) == 0) {
			return true;
		}
	}
	return false;
}
