/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * loop: what to ask next, what is under way, and what became of it.
 *
 * For each name we keep what the server should have. A query that overlaps a
 * change of its name may be answered either way; any other may not.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

#define SWEEP_NS	20000000u	/* how often silence is looked for */

/* A name as we believe the server to have it. */
struct name {
	uint32_t turn;		/* moves when a write starts and when it ends */
	bool there;
	bool writing;
	bool unsure;		/* a write was lost: it may have happened */
	bool comes_back;	/* it was told to */
	uint8_t moves;		/* to other addresses */
};

/* A name in the file of --state. */
#define STATE_THERE	1
#define STATE_UNSURE	2
struct kept {
	uint8_t state;
	uint8_t moves;
};

static struct name *names;
static uint8_t busy[IDS];
static struct request requests[IDS];
static uint16_t next_id;
static uint32_t under_way;
static uint64_t sequence;	/* index of the next sequential name */
static uint32_t coming_back;	/* names that were told to */
static bool coming_again;	/* not the first time through all names */
static volatile sig_atomic_t stopped;

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

/*
 * Of 100: 80 queries for the first half of the names, which are there, and 20
 * registrations of the others, which are new in their first round.
 */
static bool choose_arrive(struct request *req)
{
	uint32_t half = opt.names / 2;

	if (random_below(100) < 80) {
		req->op = QUERY;
		req->index = random_below(half);
		return true;
	}
	req->op = REGISTER;
	for (uint32_t i = 0; i < half; i++) {
		req->index = half + (uint32_t)(sequence++ % half);
		if (!names[req->index].writing) {
			return true;
		}
	}
	return false;
}

/* Half refreshes, a quarter each of registrations again and releases. */
static void choose_change(struct request *req)
{
	uint32_t dice = random_below(4);

	req->index = idle_name();
	if (!names[req->index].there || dice == 0) {
		req->op = REGISTER;
	} else {
		req->op = dice == 1 ? RELEASE : REFRESH;
	}
}

/* One after the other, each once; then those that were told to come back. */
static bool choose_next(struct request *req)
{
	while (sequence < opt.names) {
		struct name *name = &names[sequence];

		req->index = (uint32_t)sequence++;
		if (coming_again && !name->comes_back) {
			continue;
		}
		coming_back -= name->comes_back;
		name->comes_back = false;
		return true;
	}
	return false;
}

/* The next request of the measured operation; false: there is no more. */
static bool choose(struct request *req)
{
	req->op = (uint8_t)opt.op;
	switch (opt.op) {
	case CHECK:
		req->op = QUERY;
		return choose_next(req);
	case REGISTER:
	case RELEASE:
		return choose_next(req);
	case ARRIVE:
		return choose_arrive(req);
	case CHANGE:
		choose_change(req);
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
		name->moves += opt.state != NULL && req.op == REGISTER &&
			       !name->there;
	}
	req.turn = name->turn;
	req.moves = name->moves;
	req.began = due;
	req.deadline = now_ns() + opt.timeout_ns;
	req.tries = 1;
	requests[id] = req;
	counted.sent += !req.restores;
	wire_send(&requests[id], id);
}

static bool is_read(const struct request *req)
{
	return req->op == QUERY || req->op == MISS || req->op == ECHO;
}

static void finish(uint16_t id)
{
	struct request *req = &requests[id];
	struct name *name = &names[req->index];

	if (!is_read(req)) {
		name->writing = false;
		name->turn++;
	}
	busy[id] = 0;
	under_way--;
}

/* No answer: what it would have changed may be so or not. */
static void give_up(uint16_t id)
{
	const struct request *req = &requests[id];
	struct name *name = &names[req->index];

	name->unsure |= (req->op == REGISTER && !name->there) ||
			(req->op == RELEASE && name->there);
	finish(id);
}

/* A right answer: what we know of the name from now on. */
static void learn(const struct request *req, const uint8_t *p)
{
	struct name *name = &names[req->index];

	if (req->op == REGISTER || req->op == RELEASE) {
		name->there = req->op == REGISTER;
		name->unsure = false;
	} else if (opt.op == CHECK) {
		name->there = (p[3] & 15) == 0;
		name->unsure = false;
	}
}

/* A registration was told to come back: right if the name is new. */
static enum wrong come_back(const struct request *req)
{
	struct name *name = &names[req->index];

	if (req->op != REGISTER || name->there) {
		return W_TTL;
	}
	counted.come_backs++;
	name->comes_back = true;
	coming_back++;
	return W_KINDS;
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
	if (what == W_KINDS && (req->op == REGISTER || req->op == REFRESH) &&
	    packet_is_come_back(p, len)) {
		what = come_back(req);
		counted.wrong[what] += what != W_KINDS;
		finish(id);
		return;
	}
	if (what != W_KINDS) {
		counted.wrong[what]++;
	} else if (!req->restores) {
		counted.right++;
		counted.last_right = now;
		latency_note(now - req->began, is_read(req));
	}
	if (what == W_KINDS) {
		learn(req, p);
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
		latency_note(now - req->began, is_read(req));
		give_up((uint16_t)i);
	}
	wire_flush();
}

static void fill_window(bool (*next)(struct request *))
{
	uint32_t window = coming_again ? (opt.window + 15) / 16 : opt.window;

	while (under_way < window) {
		struct request req = {0};

		if (!next(&req)) {
			break;
		}
		begin(req, now_ns());
	}
	wire_flush();
}

/* The time is over or there is nothing left to ask. */
static bool is_over(uint64_t now, uint64_t end)
{
	bool once = opt.op == REGISTER || opt.op == RELEASE || opt.op == CHECK;

	if (!once || stopped) {
		return stopped || now >= end;
	}
	if (sequence < opt.names || under_way > 0) {
		return false;
	}
	sequence = 0;
	coming_again = true;
	return coming_back == 0;
}

static void run_closed(uint64_t start)
{
	uint64_t end = start + (uint64_t)(opt.seconds * (double)SECOND);

	for (;;) {
		uint64_t now = now_ns();

		if (is_over(now, end)) {
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
	while (under_way > 0 && !stopped) {
		wire_receive(20, take_reply);
		sweep(now_ns());
	}
	while (stopped && wire_receive(0, take_reply)) {
	}
	for (uint32_t i = 0; under_way > 0 && i < IDS; i++) {
		if (busy[i]) {
			give_up((uint16_t)i);
		}
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

static void stop(int signum)
{
	(void)signum;
	stopped = 1;
}

/* 0, also if there is no such file yet. */
static int state_read(void)
{
	FILE *f = opt.state != NULL ? fopen(opt.state, "rb") : NULL;
	struct kept kept = {0};
	uint32_t i = 0;

	if (f == NULL) {
		return opt.state == NULL || errno == ENOENT ? 0 : errno;
	}
	for (; i < opt.names && fread(&kept, sizeof(kept), 1, f) == 1; i++) {
		names[i].there = (kept.state & STATE_THERE) != 0;
		names[i].unsure = (kept.state & STATE_UNSURE) != 0;
		names[i].moves = kept.moves;
	}
	fclose(f);
	return i == opt.names ? 0 : EINVAL;
}

static int state_write(void)
{
	FILE *f = opt.state != NULL ? fopen(opt.state, "wb") : NULL;

	if (f == NULL) {
		return opt.state == NULL ? 0 : errno;
	}
	for (uint32_t i = 0; i < opt.names; i++) {
		struct kept kept = {
			.state = (names[i].there ? STATE_THERE : 0) |
				 (names[i].unsure ? STATE_UNSURE : 0),
			.moves = names[i].moves,
		};

		fwrite(&kept, sizeof(kept), 1, f);
	}
	return fclose(f) == 0 ? 0 : errno;
}

static bool starts_there(uint32_t index)
{
	switch (opt.op) {
	case REGISTER:
	case CHANGE:
	case CHECK:
		return false;
	case ARRIVE:
		return index < opt.names / 2;
	default:
		return true;
	}
}

int loop_start(void)
{
	struct sigaction sa = { .sa_handler = stop };

	names = calloc(opt.names, sizeof(*names));
	if (names == NULL) {
		return ENOMEM;
	}
	for (uint32_t i = 0; i < opt.names; i++) {
		names[i].there = starts_there(i);
	}
	next_id = (uint16_t)random_next();
	if (opt.state != NULL) {
		sigaction(SIGTERM, &sa, NULL);
	}
	return state_read();
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
}

int loop_end(void)
{
	int error = state_write();

	free(names);
	return error;
}
