/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * load: drives a NetBIOS name server and believes nothing it says.
 *
 * Every name is made from an index and belongs to the address that is made
 * from the same index, so each reply can be judged: sender, transaction id,
 * opcode, rcode, name, type, address. Only right answers count for the rate;
 * wrong ones are counted by what was wrong, lost ones apart.
 *
 * Closed loop (--window W): W requests are always under way; a silent one is
 * sent again after --timeout and lost after --tries. Open loop (--rate R):
 * one request each 1/R s whatever happens, latency counted from the moment it
 * was due, so a server that stalls cannot hide it; nothing is sent again, and
 * what is due while 16384 wait for an answer is not sent at all ("unsent").
 *
 * With --own-address each request leaves from the address of its name: a
 * server may acknowledge a release from a stranger and ignore it. The
 * addresses are 10.128.0.0/9; the network must route them here and know them
 * as local (see network.py, own()).
 *
 * One invocation is one operation. It assumes that all names 0..N-1 are there
 * (or, for register, not) and leaves them there (after release, not): mixed
 * and churn register again what they released, outside of the measured time.
 * One line of JSON comes out.
 *
 * A busy server may tell a new name to come back: a positive answer whose TTL
 * is 300, 600 ... 3000 s, with nothing stored. These are counted apart, and
 * register comes back for them when it is through with the others, in a
 * window of a sixteenth; for a name that is there such a TTL is wrong.
 *
 * With --state FILE what we believe outlives us, and the server: change writes
 * to all names until it is stopped (SIGTERM; replies that have arrived count),
 * check asks for each. A change that was under way may have happened or not,
 * and check finds out. A released name comes again at another address.
 */
#ifndef WINSD_BENCH_LOAD_H
#define WINSD_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX	600
#define REQUEST_LEN	68		/* a registration with a pointer */
#define QUERY_LEN	50
#define SECOND		1000000000ull

/* Transaction ids are indexes of what is under way. */
#define IDS		65536u

enum op {
	REGISTER, REFRESH, RELEASE, QUERY, MISS, ECHO, MIXED, CHURN, ARRIVE,
	CHANGE, CHECK, OPS
};

/* What is right to answer. */
enum expect { YES, NO, EITHER };

enum wrong { W_FORMAT, W_RCODE, W_NAME, W_ADDRESS, W_TTL, W_KINDS };

struct options {
	struct sockaddr_in server;
	enum op op;
	uint32_t names;
	double seconds, rate;
	uint32_t window, tries, ttl, echo_len;
	uint64_t timeout_ns, seed;
	bool own_address;
	const char *prefix, *label, *state;
	int pid;
};

struct request {
	uint64_t began;		/* first sent, or due */
	uint64_t deadline;
	uint32_t index;
	uint32_t turn;		/* of the name, when sent */
	uint8_t op;
	uint8_t expect;
	uint8_t tries;
	uint8_t moves;		/* of the name: which address it has */
	bool restores;		/* after the measured time */
};

/* What was counted while it ran. */
struct counters {
	uint64_t sent, right, lost, again, unsent, wacks, strays, come_backs;
	uint64_t wrong[W_KINDS];
	uint64_t last_right;	/* when */
};

extern const char *const op_name[OPS];
extern struct options opt;
extern struct counters counted;

/* packet.c: what a request looks like and which answer to it is right */

uint32_t packet_address(const struct request *req);
size_t packet_make(uint8_t *p, const struct request *req, uint16_t id);
unsigned int packet_id(const uint8_t *p);
bool packet_is_wack(const uint8_t *p);
bool packet_is_come_back(const uint8_t *p, size_t len);
/* W_KINDS: nothing is wrong. p has 12 bytes or more. */
enum wrong packet_judge(const struct request *req, uint16_t id,
			const uint8_t *p, size_t len);

/* figures.c: times, randomness, latencies, and the line that comes out */

uint64_t now_ns(void);
void random_seed(uint64_t seed);
uint64_t random_next(void);
uint32_t random_below(uint32_t limit);
void latency_note(uint64_t ns, bool reads);
void figures_start(void);
void figures_stop(void);
void figures_print(void);

/* wire.c: one socket, many source addresses, datagrams by the batch */

int wire_open(void);
void wire_send(const struct request *req, uint16_t id);
void wire_flush(void);
bool wire_receive(int wait_ms, void (*take)(const uint8_t *p, size_t len,
					    const struct sockaddr_in *from,
					    uint64_t now));

/* loop.c: what to ask next, what is under way, and what became of it */

int loop_start(void);
void loop_run(void);
void loop_restore(void);
int loop_end(void);

#endif
