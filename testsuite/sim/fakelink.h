/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Links in a test's hand: repl/link.h without a network. What repl sends is
 * kept, bytes arrive when and in such pieces as the test says, connections
 * are answered, refused and broken by a call.
 *
 * The contract of link.h is kept to the letter and held against repl: no event
 * comes from inside a call or from inside another event, data() shows all that
 * came and was not taken, and whoever touches a link after its end stops the
 * program. Bytes are shown in memory of just that size, for sanitizers.
 *
 * What a call causes (an end, bytes after a pause, drained) comes by a timer
 * of the virtual world: sim_advance(sim, 0) lets it happen.
 */
#ifndef WINSD_SIM_FAKELINK_H
#define WINSD_SIM_FAKELINK_H

#include "codec/wrepl.h"
#include "repl/link.h"
#include "sim/simworld.h"

struct repl;
struct fake_net;

/* A server that links begin and end at. */
struct fake_end {
	struct fake_net *net;
	struct fake_end *next;
	struct repl **repl;		/* whom to tell of a call */
	uint32_t address;
};

struct link {
	struct link *next;
	struct fake_net *net;
	const struct link_events *events;
	void *arg;
	uint32_t ours, theirs;		/* ours: the server's */
	uint16_t port;
	bool incoming;			/* they called */
	bool up;
	bool closed;			/* by the server */
	bool ended;			/* closed, or down() was told */
	bool paused;
	bool inside;			/* an event is being told */
	bool resumed;			/* show what waits */
	bool owes_drained;
	uint8_t *in;			/* came and was not taken */
	size_t in_len;
	uint8_t *out;			/* sent and not looked at */
	size_t out_len;
	size_t sent;			/* all that was ever sent */
	size_t unsent;			/* stays in the link, see fake_stall() */
	bool stalled;
	struct link *wire;		/* the other end, at another server */
	uint32_t peer;			/* the context it knows them by */
};

struct fake_net {
	struct sim_world *sim;
	struct link *links;		/* newest first, also those that ended */
	struct fake_end *ends;
	struct nb_timer *pump;
	unsigned int calls;		/* connections that were tried */
	int refuse;			/* connect() returns that at once */
	bool (*fails)(void);		/* is memory out? NULL: never */
	/* An end has news: bytes were sent, or it was called or closed. */
	void (*watch)(void *arg, struct link *link);
	void *watch_arg;
};

/* Called with true before what is made of memory is the test's own, and with
 * false after it, for those who count; NULL: nobody does. */
extern void (*fake_quiet)(bool quiet);
void *fake_memory(void *old, size_t size);	/* never NULL */

void fake_net_init(struct fake_net *net, struct sim_world *sim);
void fake_net_end(struct fake_net *net);	/* forget all links */
/* Links that neither side has ended. */
unsigned int fake_open(const struct fake_net *net);
/* Forget those that have ended. */
void fake_sweep(struct fake_net *net);

void fake_end_init(struct fake_end *end, struct fake_net *net,
		   struct repl **repl, uint32_t address);
struct link_ops fake_ops(struct fake_end *end);

/* Somebody calls; NULL: it was not taken. */
struct link *fake_call(struct fake_end *end, uint32_t from);
/* The oldest outgoing call to that address that has no answer; or NULL. */
struct link *fake_called(struct fake_net *net, uint32_t to);
void fake_answer(struct link *link);
/* The end, or the refusal, as down() tells it. */
void fake_down(struct link *link, int error);
/* These bytes arrive, whole or in pieces of that size. */
void fake_feed(struct link *link, const void *data, size_t len);
void fake_feed_pieces(struct link *link, const void *data, size_t len,
		      size_t piece);
/* Nothing that is sent leaves any more; or it all does. */
void fake_stall(struct link *link, bool stall);
/* Of a stalled one what was sent so far leaves. */
void fake_drain(struct link *link);

/* Take the next whole frame that was sent: its length with its size field, 0
 * if there is none. frame has FAKE_FRAME bytes; a longer one stays there. */
#define FAKE_FRAME (1u << 16)
size_t fake_take(struct link *link, uint8_t *frame);

#endif
