/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * loop: what to ask next, what is under way, and what became of it.
 *
 * For each name we keep what the server should have. A query that overlaps a
 * change of its name may be answered either way; any other may not.
 */
#include <errno.h>
#include <stdlib.h>

#include "load.h"

#define SWEEP_NS	20000000u	/* how often silence is looked for */

/* A name as we believe the server to have it. */
struct name {
	uint32_t turn;		/* moves when a write starts and when it ends */
	bool there;
	bool writing;
	bool unsure;		/* a write was lost: it may have happened */
};

static struct name *names;
static uint8_t busy[IDS];
static struct request requests[IDS];
static uint16_t next_id;
static uint32_t under_way;
static uint64_t sequence;	/* index of the next sequential name */

/* A name nobody is writing to right now. */
static uint32_t idle_name(void)
{
	for (;;) {
		uint32_t index = random_below(opt.names);

		if (!names[index].writing) {
			return index;
		}
	}
}

/*
 * Of 100: 76 queries, 4 for names that are not there, 15 refreshes, 4
 * registrations as at a start of a host, 1 release.
 */
static void choose_mixed(struct request *req)
{
	uint32_t dice = random_below(100);

	if (dice < 80) {
		req->op = dice < 76 ? QUERY : MISS;
		req->index = random_below(opt.names);
		return;
	}
	req->index = idle_name();
	if (!names[req->index].there || (dice >= 95 && dice < 99)) {
		req->op = REGISTER;
	} else {
		req->op = dice < 95 ? REFRESH : RELEASE;
	}
}

/* The next request of the measured operation; false: there is no more. */
static bool choose(struct request *req)
{
	req->op = (uint8_t)opt.op;
	switch (opt.op) {
	case REGISTER:
	case RELEASE:
		if (sequence == opt.names) {
			return false;
		}
		req->index = (uint32_t)sequence++;
		return true;
	case REFRESH:
		req->index = idle_name();
		return true;
	case MIXED:
		choose_mixed(req);
		return true;
	case CHURN:
		req->index = idle_name();
		req->op = names[req->index].there ? RELEASE : REGISTER;
		return true;
	default:
		req->index = random_below(opt.names);
		return true;
	}
}

/* After the measured time: put back what is missing; false: all is there. */
static bool choose_restore(struct request *req)
{
	req->restores = true;
	while (sequence < opt.names) {
		struct name *name = &names[sequence];

		if (name->writing) {
			return false;	/* come again */
		}
		if (!name->there) {
			req->op = REGISTER;
			req->index = (uint32_t)sequence++;
			return true;
		}
		sequence++;
	}
	return false;
}

static void begin(struct request req, uint64_t due)
{
	struct name *name = &names[req.index];
	uint16_t id = 0;

	while (busy[next_id]) {
		next_id++;
	}
	id = next_id++;
	busy[id] = 1;
	under_way++;
	req.expect = YES;
	if (req.op == MISS) {
		req.expect = NO;
	} else if (req.op == QUERY) {
		req.expect = name->writing || name->unsure ? EITHER :
			     name->there ? YES : NO;
	} else if (req.op != ECHO) {
		name->writing = true;
		name->turn++;
	}
	req.turn = name->turn;
	req.began = due;
	req.deadline = now_ns() + opt.timeout_ns;
	req.tries = 1;
	requests[id] = req;
	counted.sent += !req.restores;
	wire_send(&requests[id], id);
}
static void finish(uint16_t id)
{
	struct request *req = &requests[id];
	struct name *name = &names[req->index];

	if (req->op == REGISTER || req->op == REFRESH || req->op == RELEASE) {
		name->writing = false;
		name->turn++;
	}
	busy[id] = 0;
	under_way--;
}
static void take_reply(const uint8_t *p, size_t len,
		       const struct sockaddr_in *from, uint64_t now)
{
	uint16_t id = len >= 12 ? (uint16_t)packet_id(p) : 0;
	struct request *req = &requests[id];
	enum wrong what = W_KINDS;

	if (len < 12 || !busy[id] ||
	    from->sin_addr.s_addr != opt.server.sin_addr.s_addr ||
	    from->sin_port != opt.server.sin_port ||
	    (req->op != ECHO && (p[2] & 0x80) == 0)) {
		counted.strays++;
		return;
	}
	if (req->op != ECHO && packet_is_wack(p)) {
		counted.wacks++;
		req->deadline = now + 10 * SECOND;
		return;
	}
	if (req->op == QUERY && req->turn != names[req->index].turn) {
		req->expect = EITHER;
	}
	what = packet_judge(req, id, p, len);
	if (what != W_KINDS) {
		counted.wrong[what]++;
	} else if (!req->restores) {
		counted.right++;
		counted.last_right = now;
		latency_note(now - req->began);
	}
	if (what == W_KINDS && (req->op == RELEASE || req->op == REGISTER)) {
		names[req->index].there = req->op == REGISTER;
		names[req->index].unsure = false;
	}
	finish(id);
}
/* Those that have waited long enough: again, or lost. */
static void sweep(uint64_t now)
{
	static uint64_t next;

	if (now < next) {
		return;
	}
	next = now + SWEEP_NS;
	for (uint32_t i = 0; under_way > 0 && i < IDS; i++) {
		struct request *req = &requests[i];

		if (!busy[i] || req->deadline > now) {
			continue;
		}
		if (opt.rate == 0 && req->tries < opt.tries) {
			req->tries++;
			req->deadline = now + opt.timeout_ns;
			counted.again++;
			wire_send(req, (uint16_t)i);
			continue;
		}
		counted.lost++;
		latency_note(now - req->began);
		names[req->index].unsure |= names[req->index].writing;
		finish((uint16_t)i);
	}
	wire_flush();
}

static void fill_window(bool (*next)(struct request *))
{
	while (under_way < opt.window) {
		struct request req = {0};

		if (!next(&req)) {
			break;
		}
		begin(req, now_ns());
	}
	wire_flush();
}

/* Runs until the time is over or there is nothing left to ask. */
static void run_closed(uint64_t start)
{
	uint64_t end = start + (uint64_t)(opt.seconds * (double)SECOND);
	bool once = opt.op == REGISTER || opt.op == RELEASE;

	for (;;) {
		uint64_t now = now_ns();

		if (once ? sequence == opt.names : now >= end) {
			break;
		}
		fill_window(choose);
		wire_receive(20, take_reply);
		sweep(now);
	}
}

static void run_open(uint64_t start)
{
	uint64_t total = (uint64_t)(opt.rate * opt.seconds), n = 0;

	while (n < total) {
		uint64_t now = now_ns();

		for (; n < total; n++) {
			uint64_t due = start + (uint64_t)((double)n * 1e9 /
							  opt.rate);
			struct request req = {0};

			if (due > now) {
				break;
			}
			if (under_way >= opt.window || !choose(&req)) {
				counted.unsent++;
				continue;
			}
			begin(req, due);
		}
		wire_flush();
		wire_receive(0, take_reply);
		sweep(now);
	}
}

static void drain(void)
{
	while (under_way > 0) {
		wire_receive(20, take_reply);
		sweep(now_ns());
	}
}

static void restore(void)
{
	sequence = 0;
	while (sequence < opt.names || under_way > 0) {
		fill_window(choose_restore);
		wire_receive(20, take_reply);
		sweep(now_ns());
	}
}

int loop_start(void)
{
	names = calloc(opt.names, sizeof(*names));
	if (names == NULL) {
		return ENOMEM;
	}
	for (uint32_t i = 0; i < opt.names; i++) {
		names[i].there = opt.op != REGISTER;
	}
	next_id = (uint16_t)random_next();
	return 0;
}

void loop_run(void)
{
	if (opt.rate > 0) {
		run_open(now_ns());
	} else {
		run_closed(now_ns());
	}
	drain();
}

void loop_restore(void)
{
	if (opt.op == MIXED || opt.op == CHURN) {
		restore();
	}
	free(names);
}
