/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * repload: measures replication from the partner's side (TCP 42), and believes
 * nothing it is told.
 *
 * Like load/ it makes names and addresses from an index, the same ones, so
 * that every record can be judged. A set (--set) is what an owner has: names
 * of consecutive indexes, of consecutive versions too if the first is told.
 *
 *	OWNER,PREFIX,NAMES[,FIRST INDEX[,FIRST VERSION[,SHIFT]]]
 *
 * An address belongs to index + SHIFT: with another shift and higher versions
 * the same names come again, at new addresses. An owner may have several sets,
 * of one prefix too.
 *
 * pull: a partner that pulls. It associates, asks for the table and for all
 * that its owners have. The clock stops with the last byte; then each record
 * is held against its set: all bytes, every name once, none missing, versions
 * ascending and within what was asked for. A record that belongs to no set is
 * "strange": the SMB suite's server has names of its own.
 *
 * serve: a partner that owns a set. It notifies the server, which comes and
 * asks. The clock stops when the last name resolves and, with UPDATE, the
 * server has said its STOP, by when it must have stored everything. Then the
 * last name and a random sample are asked for again over UDP.
 *
 * Messages are made and read by our codec; the records, which are what is
 * judged, by themselves: protocol.md 3.3, bytes against bytes. One line of
 * JSON comes out. Exit status 0: all is right.
 */
#ifndef WINSD_BENCH_REPLOAD_H
#define WINSD_BENCH_REPLOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/wrepl.h"

#define SETS_MAX	8u
#define RECORD_LEN	48u		/* unique, no scope */
#define CONTEXT		0x52454c4fu	/* what we hand out */

/* What is wrong with a record. */
enum wrong {
	W_FORM,		/* not as a unique, active, H node record is */
	W_NAME,		/* of the set's prefix, but of no index of it */
	W_ADDRESS,
	W_VERSION,	/* not ascending, not asked for, not the name's */
	W_TWICE,	/* the name was there already */
	W_MISSING,	/* and this one never came */
	W_KINDS
};
extern const char *const wrong_name[W_KINDS];

/* Addresses are numbers here, as in the codec. */
struct set {
	uint32_t owner;
	char prefix[7];
	uint32_t names;
	uint32_t first;
	uint64_t version;	/* of the first; 0: clients made them */
	uint32_t shift;
	uint8_t *seen;		/* a pull's */
};

struct options {
	uint32_t server, source;
	unsigned int sets;
	struct set set[SETS_MAX];
	const char *label;
	unsigned int timeout;	/* s, of any wait */
	uint32_t sample;
	uint64_t seed;
	uint32_t command;	/* serve: UPDATE2, INFORM2, ... */
	const char *notify;	/* its name */
};
extern struct options opt;

/* set.c: what a set's records look like, and whether one is right */

/* 16 bytes, the type the last. */
void set_name(const struct set *set, uint32_t at, uint8_t name[16]);
uint32_t set_address(const struct set *set, uint32_t at);
void set_record(const struct set *set, uint32_t at, uint8_t *out);

/* What was found in the answers of a pull. */
struct judged {
	uint64_t records, right, strange;
	uint64_t wrong[W_KINDS];
};

/*
 * All records of an answer about an owner, who was asked for versions up to
 * max from min on. False: the bytes do not add up.
 */
bool set_judge(uint32_t owner, uint64_t min, uint64_t max, uint32_t names,
	       const uint8_t *data, uint64_t len, struct judged *judged);
void set_judge_missing(struct judged *judged);

/* wire.c: connections, and the clock */

struct conn {
	int fd;			/* -1: none */
	uint32_t context;	/* the server's */
	uint8_t *in;
	size_t have, size;
	uint8_t *out;		/* head, then a slice of the records */
	size_t out_size;
	size_t out_len, out_at;
};

double now_s(void);
void give_up(const char *what) __attribute__((noreturn));
struct sockaddr_in wire_address(uint32_t address, uint16_t port);
int wire_listen(void);
void wire_adopt(struct conn *conn, int fd);
void wire_call(struct conn *conn);
void wire_close(struct conn *conn);
void wire_send(struct conn *conn, const uint8_t *data, size_t len);
/* Take what is there; false at the end of the stream. */
bool wire_fill(struct conn *conn);
/* Bytes of the first frame if it is whole, else 0. */
size_t wire_frame(const struct conn *conn);
size_t wire_wait(struct conn *conn);
void wire_take(struct conn *conn, size_t len);
void wire_associate(struct conn *conn);
void wire_stop(struct conn *conn);

/* ask.c: the name service, to see what has become of records */

enum answer { ANSWER_NONE, ANSWER_NO, ANSWER_RIGHT, ANSWER_WRONG };
int ask_open(void);
void ask_send(const struct set *set, uint32_t at);
/* What came to the latest question, if anything did. */
enum answer ask_receive(const struct set *set, uint32_t at);
enum answer ask_wait(const struct set *set, uint32_t at);

/* pull.c, serve.c: 0 if all was right, else 1 */
int pull_run(void);
int serve_run(void);

#endif
