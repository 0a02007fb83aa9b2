/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pull: what a partner does that has nothing yet (protocol.md 4.3), against
 * the clock; the judgement comes after it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repload.h"

/* One owner's answer, kept as it came. */
struct answer_kept {
	struct wrepl_owner asked;
	uint8_t *frame;
	size_t len;
};

static struct wrepl_owner *table;
static uint32_t owners;
static struct answer_kept *kept;

static struct {
	double began, associated, told, ended;
	uint64_t bytes;
	bool broken;
} run;

static void get_table(struct conn *conn)
{
	uint8_t frame[WREPL_SMALL_MAX];
	struct wrepl_msg msg;
	size_t len = wrepl_encode_table_query(frame, conn->context);

	wire_send(conn, frame, len);
	len = wire_wait(conn);
	if (wrepl_decode(conn->in + WREPL_HEAD, len - WREPL_HEAD,
			 &msg) != WREPL_OK ||
	    msg.type != WREPL_REPLICATION ||
	    msg.command != WREPL_TABLE_REPLY) {
		errno = 0;
		give_up("no table; are we a partner of the server?");
	}
	owners = msg.owners;
	table = calloc(owners + 1, sizeof(table[0]));
	kept = calloc(owners + 1, sizeof(kept[0]));
	if (table == NULL || kept == NULL) {
		give_up("memory");
	}
	for (uint32_t i = 0; i < owners; i++) {
		wrepl_table_owner(&msg, i, &table[i]);
	}
	wire_take(conn, len);
}

static void get_records(struct conn *conn, const struct wrepl_owner *line,
			struct answer_kept *keep)
{
	uint8_t frame[WREPL_SMALL_MAX];

	keep->asked = *line;
	keep->asked.min = 1;
	wire_send(conn, frame, wrepl_encode_request(frame, conn->context,
						    &keep->asked));
	keep->len = wire_wait(conn);
	run.bytes += keep->len;
	if (conn->have != keep->len) {
		errno = 0;
		give_up("more than was asked for");
	}
	/* the buffer goes with the answer: nothing is copied */
	keep->frame = conn->in;
	conn->in = NULL;
	conn->have = conn->size = 0;
}

static void judge(struct answer_kept *keep, struct judged *judged)
{
	struct wrepl_msg msg;
	size_t used = 0;
	uint64_t body = 0;

	if (wrepl_open_reply(keep->frame, keep->len, &msg, &used,
			     &body) != WREPL_OK ||
	    used + body != keep->len || msg.context != CONTEXT ||
	    !set_judge(keep->asked.address, keep->asked.min, keep->asked.max,
		       msg.names, keep->frame + used, body, judged)) {
		run.broken = true;
	}
	free(keep->frame);
}

static void print(const struct judged *n)
{
	double seconds = run.ended - run.began;

	printf("{\"label\": \"%s\", \"op\": \"pull\", \"owners\": %u, "
	       "\"records\": %llu, \"right\": %llu, \"strange\": %llu, "
	       "\"bytes\": %llu, \"seconds\": %.6f, \"associate_ms\": %.3f, "
	       "\"table_ms\": %.3f, \"rate\": %.0f", opt.label, owners,
	       (unsigned long long)n->records, (unsigned long long)n->right,
	       (unsigned long long)n->strange, (unsigned long long)run.bytes,
	       seconds, (run.associated - run.began) * 1e3,
	       (run.told - run.associated) * 1e3, (double)n->right / seconds);
	for (unsigned int i = 0; i < W_KINDS; i++) {
		printf(", \"wrong_%s\": %llu", wrong_name[i],
		       (unsigned long long)n->wrong[i]);
	}
	printf(", \"wrong_frames\": %d}\n", run.broken);
}

int pull_run(void)
{
	struct judged judged = { 0 };
	struct conn conn;
	uint64_t wrong = 0;

	run.began = now_s();
	wire_call(&conn);
	wire_associate(&conn);
	run.associated = now_s();
	get_table(&conn);
	run.told = now_s();
	for (uint32_t i = 0; i < owners; i++) {
		if (table[i].max != 0) {
			get_records(&conn, &table[i], &kept[i]);
		}
	}
	run.ended = now_s();
	wire_stop(&conn);
	wire_close(&conn);
	for (uint32_t i = 0; i < owners; i++) {
		if (kept[i].frame != NULL) {
			judge(&kept[i], &judged);
		}
	}
	set_judge_missing(&judged);
	print(&judged);
	for (unsigned int i = 0; i < W_KINDS; i++) {
		wrong += judged.wrong[i];
	}
	free(table);
	free(kept);
	return run.broken || wrong != 0;
}
