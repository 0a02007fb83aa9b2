/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Links in a test's hand; see fakelink.h. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/repl.h"
#include "sim/fakelink.h"

#define INSIST(condition, text)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "link: %s\n", text);		\
			abort();					\
		}							\
	} while (0)

void (*fake_quiet)(bool quiet);

void *fake_memory(void *old, size_t size)
{
	void *memory = NULL;

	if (fake_quiet != NULL) {
		fake_quiet(true);
	}
	memory = realloc(old, size);
	if (fake_quiet != NULL) {
		fake_quiet(false);
	}
	INSIST(memory != NULL, "no memory for the test");
	return memory;
}

/* ---- events ---- */

static void pump(void *arg);

static void wake(struct fake_net *net)
{
	if (net->pump != NULL) {
		return;
	}
	if (fake_quiet != NULL) {
		fake_quiet(true);
	}
	net->pump = net->sim->world.timer_start(net->sim, 0, pump, net);
	if (fake_quiet != NULL) {
		fake_quiet(false);
	}
}

static void tell_watch(struct link *link)
{
	if (link->net->watch != NULL) {
		link->net->watch(link->net->watch_arg, link);
	}
}

static void show(struct link *link)
{
	size_t len = link->in_len, taken = 0;
	uint8_t *copy = NULL;

	if (link->ended || link->paused || !link->up || len == 0) {
		return;
	}
	if (len > LINK_BUFFER_MAX) {
		len = LINK_BUFFER_MAX;
	}
	INSIST(!link->inside, "data() inside an event");
	copy = fake_memory(NULL, len);
	memcpy(copy, link->in, len);
	link->inside = true;
	taken = link->events->data(link->arg, copy, len);
	link->inside = false;
	free(copy);
	if (link->closed) {
		return;
	}
	INSIST(taken <= len, "more was taken than there is");
	memmove(link->in, link->in + taken, link->in_len - taken);
	link->in_len -= taken;
	INSIST(link->paused || taken > 0 || len < LINK_BUFFER_MAX,
	       "a whole buffer and nothing is taken");
	if (len == LINK_BUFFER_MAX && link->in_len > 0) {
		link->resumed = true;
		wake(link->net);
	}
}

static void tell_drained(struct link *link)
{
	link->owes_drained = false;
	if (link->ended) {
		return;
	}
	INSIST(!link->inside, "drained() inside an event");
	link->inside = true;
	link->events->drained(link->arg);
	link->inside = false;
}

static void carry(struct link *link)
{
	struct link *wire = link->wire;
	uint8_t *out = link->out;
	size_t len = link->out_len;

	if (wire == NULL || len == 0) {
		return;
	}
	link->out = NULL;
	link->out_len = 0;
	if (!wire->ended) {
		fake_feed(wire, out, len);
	}
	free(out);
}

static void pump_link(struct link *link)
{
	struct link *wire = link->wire;

	if (wire != NULL && !link->up && !link->ended) {
		fake_answer(link);
	}
	carry(link);
	if (link->resumed) {
		link->resumed = false;
		show(link);
	}
	if (link->owes_drained && !link->stalled) {
		tell_drained(link);
	}
	if (link->closed && wire != NULL && !wire->ended) {
		fake_down(wire, 0);
	}
}

static bool has_news(const struct link *link)
{
	return (link->wire != NULL && !link->up && !link->ended) ||
	       (link->wire != NULL && link->out_len > 0) ||
	       (link->resumed && !link->ended) ||
	       (link->owes_drained && !link->stalled && !link->ended) ||
	       (link->closed && link->wire != NULL && !link->wire->ended);
}

static void pump(void *arg)
{
	struct fake_net *net = arg;
	struct link *link = NULL;

	net->pump = NULL;
	for (link = net->links; link != NULL; link = link->next) {
		if (has_news(link)) {
			pump_link(link);
			wake(net);
		}
	}
}

/* ---- what repl calls ---- */

static struct link *make(struct fake_net *net, uint32_t ours, uint32_t theirs)
{
	struct link *link = fake_memory(NULL, sizeof(*link));

	memset(link, 0, sizeof(*link));
	link->net = net;
	link->ours = ours;
	link->theirs = theirs;
	link->next = net->links;
	net->links = link;
	return link;
}

static struct fake_end *end_at(struct fake_net *net, uint32_t address)
{
	struct fake_end *end = net->ends;

	while (end != NULL && end->address != address) {
		end = end->next;
	}
	return end;
}

static void check_alive(const struct link *link)
{
	INSIST(!link->ended, "it is touched after its end");
}

static int fake_connect(void *priv, uint32_t from, uint32_t to, uint16_t port,
			const struct link_events *events, void *arg,
			struct link **out)
{
	struct fake_end *end = priv;
	struct fake_net *net = end->net;
	struct fake_end *other = end_at(net, to);
	struct link *link = NULL, *wire = NULL;

	net->calls++;
	if (net->fails != NULL && net->fails()) {
		return ENOMEM;
	}
	if (net->refuse != 0) {
		return net->refuse;
	}
	link = make(net, from != 0 ? from : end->address, to);
	link->port = port;
	link->events = events;
	link->arg = arg;
	*out = link;
	if (other != NULL) {
		wire = make(net, to, link->ours);
		wire->incoming = true;
		wire->up = true;
		wire->wire = link;
		link->wire = wire;
		if (!repl_accept(*other->repl, wire, link->ours)) {
			wire->closed = wire->ended = true;
		}
		wake(net);
	}
	tell_watch(link);
	return 0;
}

static void fake_accept(struct link *link, const struct link_events *events,
			void *arg)
{
	INSIST(link->events == NULL && link->incoming, "accepted twice");
	link->events = events;
	link->arg = arg;
}

static int fake_send(struct link *link, const uint8_t *data, size_t len)
{
	check_alive(link);
	INSIST(link->up, "it does not stand yet");
	if (link->net->fails != NULL && link->net->fails()) {
		return ENOMEM;
	}
	link->out = fake_memory(link->out, link->out_len + len + 1);
	memcpy(link->out + link->out_len, data, len);
	link->out_len += len;
	link->sent += len;
	if (link->stalled) {
		link->unsent += len;
	}
	link->owes_drained = true;
	wake(link->net);
	tell_watch(link);
	return 0;
}

static size_t fake_unsent(const struct link *link)
{
	check_alive(link);
	return link->unsent;
}

static void fake_pause(struct link *link, bool pause)
{
	check_alive(link);
	if (link->paused && !pause) {
		link->resumed = true;
		wake(link->net);
	}
	link->paused = pause;
}

static void fake_close(struct link *link)
{
	check_alive(link);
	link->closed = true;
	link->ended = true;
	if (link->wire != NULL) {
		wake(link->net);
	}
	tell_watch(link);
}

static uint32_t fake_local(const struct link *link)
{
	check_alive(link);
	return link->ours;
}

/* ---- the test's side ---- */

void fake_net_init(struct fake_net *net, struct sim_world *sim)
{
	*net = (struct fake_net){ .sim = sim };
}

static void drop(struct link *link)
{
	if (link->wire != NULL) {
		link->wire->wire = NULL;
	}
	free(link->in);
	free(link->out);
	free(link);
}

void fake_net_end(struct fake_net *net)
{
	while (net->links != NULL) {
		struct link *next = net->links->next;

		drop(net->links);
		net->links = next;
	}
	if (net->pump != NULL) {
		net->sim->world.timer_stop(net->sim, net->pump);
		net->pump = NULL;
	}
}

void fake_sweep(struct fake_net *net)
{
	struct link **at = &net->links;

	while (*at != NULL) {
		struct link *link = *at;

		if (link->ended && !link->inside && !has_news(link)) {
			*at = link->next;
			drop(link);
		} else {
			at = &link->next;
		}
	}
}

unsigned int fake_open(const struct fake_net *net)
{
	unsigned int count = 0;

	for (const struct link *link = net->links; link; link = link->next) {
		count += !link->ended;
	}
	return count;
}

void fake_end_init(struct fake_end *end, struct fake_net *net,
		   struct repl **repl, uint32_t address)
{
	*end = (struct fake_end){
		.net = net,
		.next = net->ends,
		.repl = repl,
		.address = address,
	};
	net->ends = end;
}

struct link_ops fake_ops(struct fake_end *end)
{
	return (struct link_ops){
		.priv = end,
		.connect = fake_connect,
		.accept = fake_accept,
		.send = fake_send,
		.unsent = fake_unsent,
		.pause = fake_pause,
		.close = fake_close,
		.local = fake_local,
	};
}

struct link *fake_call(struct fake_end *end, uint32_t from)
{
	struct link *link = make(end->net, end->address, from);

	link->incoming = true;
	link->up = true;
	if (!repl_accept(*end->repl, link, from)) {
		INSIST(link->events == NULL, "taken and refused");
		link->closed = link->ended = true;
		return NULL;
	}
	INSIST(link->events != NULL, "taken without accept()");
	return link;
}

struct link *fake_called(struct fake_net *net, uint32_t to)
{
	struct link *found = NULL;

	for (struct link *link = net->links; link; link = link->next) {
		if (!link->incoming && link->theirs == to && !link->up &&
		    !link->ended) {
			found = link;
		}
	}
	return found;
}

void fake_answer(struct link *link)
{
	INSIST(!link->incoming && !link->up, "nobody called");
	check_alive(link);
	link->up = true;
	link->inside = true;
	link->events->up(link->arg);
	link->inside = false;
}

void fake_down(struct link *link, int error)
{
	if (link->ended) {
		return;
	}
	INSIST(!link->inside, "down() inside an event");
	link->ended = true;
	link->events->down(link->arg, error);
}

void fake_feed(struct link *link, const void *data, size_t len)
{
	if (link->ended || len == 0) {
		return;
	}
	link->in = fake_memory(link->in, link->in_len + len);
	memcpy(link->in + link->in_len, data, len);
	link->in_len += len;
	link->resumed = false;
	show(link);
}

void fake_feed_pieces(struct link *link, const void *data, size_t len,
		      size_t piece)
{
	const uint8_t *at = data;

	while (len > 0) {
		size_t now = len < piece ? len : piece;

		fake_feed(link, at, now);
		at += now;
		len -= now;
	}
}

void fake_stall(struct link *link, bool stall)
{
	link->stalled = stall;
	if (!stall) {
		link->unsent = 0;
		wake(link->net);
	}
}

void fake_drain(struct link *link)
{
	link->unsent = 0;
	if (link->owes_drained) {
		tell_drained(link);
	}
}

size_t fake_take(struct link *link, uint8_t *frame)
{
	size_t len = 0;

	if (link->out_len < WREPL_HEAD) {
		return 0;
	}
	len = WREPL_HEAD + (size_t)wrepl_frame_size(link->out, link->out_len);
	if (len > link->out_len || len > FAKE_FRAME) {
		return 0;
	}
	memcpy(frame, link->out, len);
	memmove(link->out, link->out + len, link->out_len - len);
	link->out_len -= len;
	return len;
}
