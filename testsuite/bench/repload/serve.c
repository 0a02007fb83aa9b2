/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * serve: a partner that has something new (protocol.md 4.2, 4.5 and 4.3 from
 * the other side).
 *
 *	associate, notify -> it asks, here (UPDATE) or on a connection of its
 *	own (INFORM) -> the records -> it says STOP (UPDATE), the last resolves
 *
 * The records are made before the clock starts; an answer is a slice of them.
 * The last name is asked for about every millisecond.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "repload.h"

#define CONNS		8u
#define ASK_EACH	0.0005	/* s after an answer */
#define ASK_AGAIN	0.1	/* s after none */

static struct conn conns[CONNS];
static const struct set *set;
static uint8_t *records;
static int listener = -1, names = -1;

static struct {
	double began, asked, sent, seen, stopped;
	uint64_t served, requests, wrong_requests, wrong_frames;
	uint64_t right, wrong;	/* of the sample */
} run;

static bool by_update(void)
{
	return opt.command == WREPL_UPDATE || opt.command == WREPL_UPDATE2;
}

static uint64_t highest(void)
{
	return set->version + set->names - 1;
}

static void make_records(void)
{
	records = malloc((size_t)set->names * RECORD_LEN);
	if (records == NULL) {
		give_up("memory");
	}
	for (uint32_t i = 0; i < set->names; i++) {
		set_record(set, i, records + (size_t)i * RECORD_LEN);
	}
}

/* ---- talking ---- */

static void send_table(struct conn *conn, uint32_t command)
{
	struct wrepl_owner line = { set->owner, highest(), set->version };
	uint8_t frame[2 * WREPL_SMALL_MAX];

	wire_send(conn, frame, wrepl_encode_table(frame, conn->context,
						  command, &line, 1,
						  opt.source));
}

/* As much as the socket takes; the rest when it takes more. */
static void push_out(struct conn *conn)
{
	ssize_t n = send(conn->fd, conn->out + conn->out_at,
			 conn->out_len - conn->out_at,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		give_up("send records");
	}
	conn->out_at += n > 0 ? (size_t)n : 0;
	if (conn->out_at == conn->out_len) {
		conn->out_at = conn->out_len = 0;
		run.sent = now_s();
	}
}

/* Where in the set the range begins, and how many of it there are. */
static uint32_t slice(const struct wrepl_owner *request, uint32_t *count)
{
	uint64_t max = request->max == 0 ? UINT64_MAX : request->max;
	uint64_t min = request->min;

	*count = 0;
	min = min < set->version ? set->version : min;
	max = max > highest() ? highest() : max;
	if (request->address != set->owner || min > max) {
		return 0;
	}
	*count = (uint32_t)(max - min + 1);
	return (uint32_t)(min - set->version);
}

static void answer(struct conn *conn, const struct wrepl_owner *request)
{
	uint32_t count = 0;
	uint32_t from = slice(request, &count);
	size_t bytes = (size_t)count * RECORD_LEN;
	size_t head = 0;

	run.requests++;
	run.wrong_requests += count == 0;
	run.served += count;
	run.asked = run.asked == 0 ? now_s() : run.asked;
	if (conn->out_size < bytes + WREPL_SMALL_MAX) {
		free(conn->out);
		conn->out_size = bytes + WREPL_SMALL_MAX;
		conn->out = malloc(conn->out_size);
		if (conn->out == NULL) {
			give_up("memory");
		}
	}
	head = wrepl_encode_reply_head(conn->out, conn->context, count, bytes);
	memcpy(conn->out + head, records + (size_t)from * RECORD_LEN, bytes);
	conn->out_len = head + bytes;
	conn->out_at = 0;
	push_out(conn);
}

/* A message of the server's; false: the connection is over. */
static bool take_message(struct conn *conn, const struct wrepl_msg *msg)
{
	uint8_t frame[WREPL_SMALL_MAX];

	if (msg->type == WREPL_START) {
		conn->context = msg->sender;
		wire_send(conn, frame,
			  wrepl_encode_start(frame, WREPL_START_REPLY,
					     conn->context, CONTEXT));
		return true;
	}
	run.wrong_frames += msg->context != CONTEXT;
	if (msg->type == WREPL_STOP) {
		run.wrong_frames += msg->reason != WREPL_STOP_NORMAL;
		return false;
	}
	if (msg->command == WREPL_TABLE_QUERY) {
		send_table(conn, WREPL_TABLE_REPLY);
	} else if (msg->command == WREPL_SEND_REQUEST) {
		answer(conn, &msg->request);
	}
	/* nothing to say to what it tells of itself */
	return true;
}

static void end_conn(struct conn *conn)
{
	if (conn == &conns[0]) {
		run.stopped = now_s();
	}
	wire_close(conn);
}

static void take_frames(struct conn *conn)
{
	bool open = wire_fill(conn);
	size_t len = 0;

	while (open && (len = wire_frame(conn)) > 0) {
		struct wrepl_msg msg;

		if (wrepl_decode(conn->in + WREPL_HEAD, len - WREPL_HEAD,
				 &msg) != WREPL_OK) {
			run.wrong_frames++;
			open = false;
		} else {
			open = take_message(conn, &msg);
		}
		wire_take(conn, len);
	}
	if (!open) {
		end_conn(conn);
	}
}

/* ---- the loop ---- */

static void take_conn(void)
{
	int fd = accept(listener, NULL, NULL);

	for (unsigned int i = 1; i < CONNS && fd >= 0; i++) {
		if (conns[i].fd < 0) {
			wire_adopt(&conns[i], fd);
			return;
		}
	}
	close(fd);
}

static short events_of(const struct conn *conn)
{
	return conn->out_len > 0 ? POLLOUT : POLLIN;
}

static void look_around(void)
{
	struct pollfd pfd[CONNS + 2];

	for (unsigned int i = 0; i < CONNS; i++) {
		pfd[i] = (struct pollfd){ conns[i].fd, events_of(&conns[i]),
					  0 };
	}
	pfd[CONNS] = (struct pollfd){ listener, POLLIN, 0 };
	pfd[CONNS + 1] = (struct pollfd){ names, POLLIN, 0 };
	poll(pfd, CONNS + 2, 1);
	for (unsigned int i = 0; i < CONNS; i++) {
		if (pfd[i].revents != 0 && conns[i].out_len > 0) {
			push_out(&conns[i]);
		} else if (pfd[i].revents != 0) {
			take_frames(&conns[i]);
		}
	}
	if (pfd[CONNS].revents != 0) {
		take_conn();
	}
}

static bool is_over(void)
{
	return run.seen != 0 && (!by_update() || run.stopped != 0);
}

/*
 * The last name, asked for again and again until it is there: a while after
 * the answer before, so that a busy server is not asked faster than it speaks.
 */
static void look_for_last(void)
{
	static bool waiting;
	static double next;
	uint32_t last = set->names - 1;
	enum answer said = ask_receive(set, last);

	if (run.seen != 0) {
		return;
	}
	if (said == ANSWER_RIGHT) {
		run.seen = now_s();
		return;
	}
	if (waiting && said != ANSWER_NONE) {
		waiting = false;
		next = now_s() + ASK_EACH;
	}
	if (now_s() >= next) {
		ask_send(set, last);
		waiting = true;
		next = now_s() + ASK_AGAIN;
	}
}

static void replicate(void)
{
	run.began = now_s();
	wire_call(&conns[0]);
	wire_associate(&conns[0]);
	send_table(&conns[0], opt.command);
	while (!is_over() && now_s() < run.began + opt.timeout) {
		look_around();
		look_for_last();
	}
}

/* ---- afterwards ---- */

/* xorshift64*, the same for a seed */
static uint32_t random_below(uint32_t limit)
{
	static uint64_t state;

	if (state == 0) {
		state = opt.seed * 0x9e3779b97f4a7c15ull | 1;
	}
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(((state * 0x2545f4914f6cdd1dull >> 32) * limit) >>
			  32);
}

static void ask_again(void)
{
	for (uint32_t i = 0; i < opt.sample; i++) {
		uint32_t at = i == 0 ? set->names - 1 :
			      random_below(set->names);

		if (ask_wait(set, at) == ANSWER_RIGHT) {
			run.right++;
		} else {
			run.wrong++;
		}
	}
}

static double since(double when)
{
	return when != 0 ? when - run.began : -1;
}

static void print(bool done)
{
	double seconds = run.seen > run.stopped ? since(run.seen) :
						  since(run.stopped);

	printf("{\"label\": \"%s\", \"op\": \"take\", \"notify\": \"%s\", "
	       "\"records\": %u, \"done\": %s, \"seconds\": %.6f, "
	       "\"rate\": %.0f, \"asked_s\": %.6f, \"sent_s\": %.6f, "
	       "\"last_there_s\": %.6f, \"stop_s\": %.6f, \"requests\": %llu, "
	       "\"served\": %llu, \"sample_right\": %llu, "
	       "\"wrong_sample\": %llu, \"wrong_requests\": %llu, "
	       "\"wrong_served\": %d, \"wrong_frames\": %llu}\n",
	       opt.label, opt.notify, set->names, done ? "true" : "false",
	       seconds, done ? set->names / seconds : 0, since(run.asked),
	       since(run.sent), since(run.seen), since(run.stopped),
	       (unsigned long long)run.requests,
	       (unsigned long long)run.served, (unsigned long long)run.right,
	       (unsigned long long)run.wrong,
	       (unsigned long long)run.wrong_requests,
	       run.served != set->names,
	       (unsigned long long)run.wrong_frames);
}

int serve_run(void)
{
	bool done = false;

	set = &opt.set[0];
	make_records();
	for (unsigned int i = 0; i < CONNS; i++) {
		conns[i].fd = -1;
	}
	listener = wire_listen();
	names = ask_open();
	replicate();
	done = is_over();
	if (done) {
		ask_again();
	}
	print(done);
	for (unsigned int i = 0; i < CONNS; i++) {
		if (conns[i].fd >= 0) {
			wire_close(&conns[i]);
		}
	}
	free(records);
	return !done || run.wrong != 0 || run.wrong_requests != 0 ||
	       run.wrong_frames != 0 || run.served != set->names;
}
