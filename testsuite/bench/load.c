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
 * One invocation is one operation. It assumes that all names 0..N-1 (from
 * --first on) are there (or, for register, not) and leaves them there (after
 * release, not): mixed and churn register again what they released, outside
 * of the measured time. One line of JSON comes out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH		64
#define IDS		65536u
#define PACKET_MAX	600
#define NAME_LEN	34
#define REQUEST_LEN	68		/* a registration with a pointer */
#define QUERY_LEN	50
#define SWEEP_NS	20000000u	/* how often silence is looked for */
#define SECOND		1000000000ull

enum op { REGISTER, REFRESH, RELEASE, QUERY, MISS, ECHO, MIXED, CHURN };
static const char *const op_name[] = {
	"register", "refresh", "release", "query", "miss", "echo", "mixed",
	"churn",
};
#define OPS (sizeof(op_name) / sizeof(op_name[0]))

/* What is right to answer. */
enum expect { YES, NO, EITHER };

enum wrong { W_FORMAT, W_RCODE, W_NAME, W_ADDRESS, W_KINDS };
static const char *const wrong_name[] = {
	"format", "rcode", "name", "address",
};

struct options {
	struct sockaddr_in server;
	enum op op;
	uint32_t names, first;
	double seconds, rate;
	uint32_t window, tries, ttl, echo_len;
	uint64_t timeout_ns, seed;
	bool own_address;
	const char *prefix, *label;
	int pid;
};

/* A name as we believe the server to have it. */
struct name {
	uint32_t turn;		/* moves when a write starts and when it ends */
	bool there;
	bool writing;
	bool unsure;		/* a write was lost: it may have happened */
};

struct request {
	uint64_t began;		/* first sent, or due */
	uint64_t deadline;
	uint32_t index;
	uint32_t turn;		/* of the name, when sent */
	uint8_t op;
	uint8_t expect;
	uint8_t tries;
	bool restores;		/* after the measured time */
};

struct histogram {
	uint64_t bucket[64 * 64];
	uint64_t count;
	uint64_t highest;
};

static struct options opt = {
	.names = 1000, .seconds = 1, .window = 32, .tries = 3, .ttl = 300000,
	.echo_len = QUERY_LEN, .timeout_ns = 2 * SECOND, .seed = 1,
	.prefix = "LD", .label = "",
};
static int sock = -1;
static struct name *names;
static uint8_t busy[IDS];
static struct request requests[IDS];
static uint16_t next_id;
static uint32_t under_way;
static uint64_t sequence;	/* index of the next sequential name */
static uint64_t random_state;

static uint64_t last_right;	/* when */
static uint64_t sent, right, lost, again, unsent, wacks, strays;
static uint64_t wrong[W_KINDS];
static struct histogram latency;

/* ---- numbers ---- */

static void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

/* xorshift64*, good enough to spread requests, the same for a seed */
static uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

static uint32_t random_below(uint32_t limit)
{
	return (uint32_t)(((random_next() >> 32) * limit) >> 32);
}

/* 64 steps an octave: within 1.6 % of the value */
static unsigned int bucket_of(uint64_t v)
{
	unsigned int octave = 63 - (unsigned int)__builtin_clzll(v | 64);

	return (octave - 6) * 64 + (unsigned int)(v >> (octave - 6));
}

static void note(uint64_t ns)
{
	latency.bucket[bucket_of(ns)]++;
	latency.count++;
	if (ns > latency.highest) {
		latency.highest = ns;
	}
}

static double percentile_us(double percent)
{
	uint64_t rank = (uint64_t)((double)latency.count * percent / 100.0);
	uint64_t seen = 0;
	unsigned int octave = 0;

	for (unsigned int i = 0; i < 64 * 64; i++) {
		seen += latency.bucket[i];
		if (seen > rank) {
			octave = i < 128 ? 0 : i / 64 - 1;
			return (double)((uint64_t)(i - octave * 64) << octave) / 1e3;
		}
	}
	return (double)latency.highest / 1e3;
}

/* CPU time of all threads of the server so far, in ns; 0 if nobody tells. */
static uint64_t server_cpu(void)
{
	char path[64];
	unsigned long long user = 0, kernel = 0;
	FILE *f = NULL;

	if (opt.pid == 0) {
		return 0;
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", opt.pid);
	f = fopen(path, "r");
	if (f == NULL) {
		return 0;
	}
	if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
		   "%*u %llu %llu", &user, &kernel) != 2) {
		user = kernel = 0;
	}
	fclose(f);
	return (user + kernel) * SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* ---- names and packets ---- */

static uint32_t address_of(uint32_t index)
{
	uint32_t n = index / 254;

	return htonl(0x0a800000u | ((n >> 8 & 0x7f) << 16) | ((n & 0xff) << 8) |
		     (index % 254 + 1));
}

static void put_name(uint8_t *out, uint32_t index, bool missing)
{
	char text[17];
	int len = snprintf(text, sizeof(text), "%.6s%c%08X", opt.prefix,
			   missing ? 'X' : 'N', index);

	*out++ = 32;
	for (int i = 0; i < 16; i++) {
		uint8_t c = i == 15 ? 0x20 : i < len ? (uint8_t)text[i] : ' ';

		*out++ = (uint8_t)('A' + (c >> 4));
		*out++ = (uint8_t)('A' + (c & 15));
	}
	*out = 0;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)(p[0] << 8 | p[1]);
}

static size_t put_request(uint8_t *p, const struct request *req, uint16_t id)
{
	static const uint8_t opcode[] = {
		[REGISTER] = 5, [REFRESH] = 8, [RELEASE] = 6,
	};
	bool reads = req->op == QUERY || req->op == MISS || req->op == ECHO;
	uint32_t address = address_of(req->index);
	size_t len = QUERY_LEN;

	memset(p, 0, PACKET_MAX);
	put16(p, id);
	put16(p + 2, reads ? 0x0100 : (uint32_t)opcode[req->op] << 11);
	put16(p + 4, 1);
	put_name(p + 12, req->index, req->op == MISS);
	put16(p + 46, 0x20);
	put16(p + 48, 1);
	if (req->op == ECHO) {
		return opt.echo_len;
	}
	if (!reads) {
		uint32_t ttl = req->op == RELEASE ? 0 : opt.ttl;

		put16(p + 10, 1);
		put16(p + 50, 0xc00c);
		put16(p + 52, 0x20);
		put16(p + 54, 1);
		put16(p + 56, ttl >> 16);
		put16(p + 58, ttl & 0xffff);
		put16(p + 60, 6);
		put16(p + 62, 0x6000);
		memcpy(p + 64, &address, 4);
		len = REQUEST_LEN;
	}
	return len;
}

/* ---- sending ---- */

struct batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	uint8_t data[BATCH][PACKET_MAX];
	struct sockaddr_in peer[BATCH];
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control[BATCH];
	unsigned int count;
};

static struct batch out, in;

static void flush(void)
{
	unsigned int done = 0;

	while (done < out.count) {
		int n = sendmmsg(sock, out.msg + done, out.count - done, 0);

		if (n > 0) {
			done += (unsigned int)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			struct pollfd pfd = { .fd = sock, .events = POLLOUT };

			poll(&pfd, 1, 1);
		} else if (errno != ECONNREFUSED && errno != EINTR) {
			fail("send");
		}
	}
	out.count = 0;
}

static void send_from(struct msghdr *hdr, char *room, uint32_t source)
{
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = source };
	struct cmsghdr *cmsg = NULL;

	hdr->msg_control = room;
	hdr->msg_controllen = CMSG_SPACE(sizeof(info));
	cmsg = CMSG_FIRSTHDR(hdr);
	cmsg->cmsg_level = IPPROTO_IP;
	cmsg->cmsg_type = IP_PKTINFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
}

static void send_request(uint16_t id)
{
	unsigned int i = out.count++;
	struct msghdr *hdr = &out.msg[i].msg_hdr;

	out.iov[i].iov_base = out.data[i];
	out.iov[i].iov_len = put_request(out.data[i], &requests[id], id);
	*hdr = (struct msghdr){
		.msg_name = &opt.server, .msg_namelen = sizeof(opt.server),
		.msg_iov = &out.iov[i], .msg_iovlen = 1,
	};
	if (opt.own_address) {
		send_from(hdr, out.control[i].room,
			  address_of(requests[id].index));
	}
	if (out.count == BATCH) {
		flush();
	}
}

/* ---- what to ask next ---- */

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

/* 80 queries, 15 refreshes, 4 registrations or releases, 1 miss. */
static void choose_mixed(struct request *req)
{
	uint32_t dice = random_below(100);

	if (dice < 80) {
		req->op = QUERY;
		req->index = random_below(opt.names);
		return;
	}
	if (dice == 80) {
		req->op = MISS;
		req->index = random_below(opt.names);
		return;
	}
	req->index = idle_name();
	if (!names[req->index].there) {
		req->op = REGISTER;
	} else {
		req->op = dice < 98 ? REFRESH : RELEASE;
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
	sent += !req.restores;
	send_request(id);
}

/* ---- judging ---- */

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

/* Which thing is wrong with the reply, or W_KINDS: it is right. */
static enum wrong judge(const struct request *req, const uint8_t *p, size_t len)
{
	unsigned int opcode = get16(p + 2) >> 11 & 15, rcode = p[3] & 15;
	bool reads = req->op == QUERY || req->op == MISS;
	uint32_t address = address_of(req->index);
	uint8_t name[NAME_LEN];
	size_t tail = 12 + NAME_LEN;

	if (len < tail + 10 || get16(p + 6) != 1 || get16(p + 4) != 0 ||
	    (reads ? opcode != 0 :
	     req->op == RELEASE ? opcode != 6 : opcode != 5 && opcode != 8)) {
		return W_FORMAT;
	}
	put_name(name, req->index, req->op == MISS);
	if (memcmp(p + 12, name, NAME_LEN) != 0) {
		return W_NAME;
	}
	if (req->expect == NO || (req->expect == EITHER && rcode != 0)) {
		return rcode == 3 ? W_KINDS : W_RCODE;
	}
	if (rcode != 0) {
		return W_RCODE;
	}
	if (len != tail + 16 || get16(p + tail) != 0x20 ||
	    get16(p + tail + 8) != 6) {
		return W_FORMAT;
	}
	return memcmp(p + tail + 12, &address, 4) == 0 ? W_KINDS : W_ADDRESS;
}

static enum wrong judge_echo(const struct request *req, uint16_t id,
			     const uint8_t *p, size_t len)
{
	uint8_t asked[PACKET_MAX];

	return put_request(asked, req, id) == len && memcmp(asked, p, len) == 0 ?
	       W_KINDS : W_FORMAT;
}

static void take_reply(const uint8_t *p, size_t len,
		       const struct sockaddr_in *from, uint64_t now)
{
	uint16_t id = len >= 12 ? (uint16_t)get16(p) : 0;
	struct request *req = &requests[id];
	enum wrong what = W_KINDS;

	if (len < 12 || !busy[id] ||
	    from->sin_addr.s_addr != opt.server.sin_addr.s_addr ||
	    from->sin_port != opt.server.sin_port ||
	    (req->op != ECHO && (p[2] & 0x80) == 0)) {
		strays++;
		return;
	}
	if (req->op != ECHO && (get16(p + 2) >> 11 & 15) == 7) {
		wacks++;
		req->deadline = now + 10 * SECOND;
		return;
	}
	if (req->op == QUERY && req->turn != names[req->index].turn) {
		req->expect = EITHER;
	}
	what = req->op == ECHO ? judge_echo(req, id, p, len) :
	       judge(req, p, len);
	if (what != W_KINDS) {
		wrong[what]++;
	} else if (!req->restores) {
		right++;
		last_right = now;
		note(now - req->began);
	}
	if (what == W_KINDS && (req->op == RELEASE || req->op == REGISTER)) {
		names[req->index].there = req->op == REGISTER;
		names[req->index].unsure = false;
	}
	finish(id);
}

static bool receive(int wait_ms)
{
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	uint64_t now = 0;
	int n = 0;

	for (unsigned int i = 0; i < BATCH; i++) {
		in.iov[i] = (struct iovec){ in.data[i], PACKET_MAX };
		in.msg[i].msg_hdr = (struct msghdr){
			.msg_name = &in.peer[i],
			.msg_namelen = sizeof(in.peer[i]),
			.msg_iov = &in.iov[i], .msg_iovlen = 1,
		};
	}
	n = recvmmsg(sock, in.msg, BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0 && wait_ms > 0) {
		poll(&pfd, 1, wait_ms);
		n = recvmmsg(sock, in.msg, BATCH, MSG_DONTWAIT, NULL);
	}
	now = now_ns();
	for (int i = 0; i < n; i++) {
		take_reply(in.data[i], in.msg[i].msg_len, &in.peer[i], now);
	}
	return n > 0;
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
			again++;
			send_request((uint16_t)i);
			continue;
		}
		lost++;
		note(now - req->began);
		names[req->index].unsure |= names[req->index].writing;
		finish((uint16_t)i);
	}
	flush();
}

/* ---- the loops ---- */

static void fill_window(bool (*next)(struct request *))
{
	while (under_way < opt.window) {
		struct request req = {0};

		if (!next(&req)) {
			break;
		}
		begin(req, now_ns());
	}
	flush();
}

/* Runs until the time is over or there is nothing left to ask. */
static void run_closed(uint64_t start)
{
	uint64_t end = start + (uint64_t)(opt.seconds * (double)SECOND);
	bool counted = opt.op == REGISTER || opt.op == RELEASE;

	for (;;) {
		uint64_t now = now_ns();

		if (counted ? sequence == opt.names : now >= end) {
			break;
		}
		fill_window(choose);
		receive(20);
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
				unsent++;
				continue;
			}
			begin(req, due);
		}
		flush();
		receive(0);
		sweep(now);
	}
}

static void drain(void)
{
	while (under_way > 0) {
		receive(20);
		sweep(now_ns());
	}
}

static void restore(void)
{
	sequence = 0;
	while (sequence < opt.names || under_way > 0) {
		fill_window(choose_restore);
		receive(20);
		sweep(now_ns());
	}
}

static double cpu_self(void)
{
	struct rusage ru = {0};

	getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static void report(double elapsed, double own_cpu, uint64_t their_cpu)
{
	printf("{\"label\": \"%s\", \"op\": \"%s\", \"names\": %u, "
	       "\"window\": %u, \"offered\": %.0f, \"seconds\": %.3f, "
	       "\"sent\": %llu, \"right\": %llu, \"rate\": %.0f, "
	       "\"lost\": %llu, \"again\": %llu, \"unsent\": %llu, "
	       "\"wack\": %llu, \"stray\": %llu",
	       opt.label, op_name[opt.op], opt.names,
	       opt.rate > 0 ? 0 : opt.window, opt.rate, elapsed,
	       (unsigned long long)sent, (unsigned long long)right,
	       (double)right / elapsed, (unsigned long long)lost,
	       (unsigned long long)again, (unsigned long long)unsent,
	       (unsigned long long)wacks, (unsigned long long)strays);
	for (unsigned int i = 0; i < W_KINDS; i++) {
		printf(", \"wrong_%s\": %llu", wrong_name[i],
		       (unsigned long long)wrong[i]);
	}
	printf(", \"p50_us\": %.0f, \"p99_us\": %.0f, \"p999_us\": %.0f, "
	       "\"max_us\": %.0f, \"server_cpu_us\": %.2f, "
	       "\"server_cpu\": %.2f, \"own_cpu\": %.2f}\n",
	       percentile_us(50), percentile_us(99), percentile_us(99.9),
	       (double)latency.highest / 1e3,
	       sent ? (double)their_cpu / 1e3 / (double)sent : 0.0,
	       (double)their_cpu / 1e9 / elapsed, own_cpu / elapsed);
}

/* ---- start ---- */

static void open_socket(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int size = 8 << 20;

	sock = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sock < 0) {
		fail("socket");
	}
	if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size))) {
		setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
	if (bind(sock, (struct sockaddr *)&any, sizeof(any)) != 0) {
		fail("bind");
	}
}

static void set_server(const char *text)
{
	char address[32];
	const char *colon = strchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);

	snprintf(address, sizeof(address), "%.*s", (int)len, text);
	opt.server.sin_family = AF_INET;
	opt.server.sin_port = htons((uint16_t)(colon ? atoi(colon + 1) : 137));
	if (inet_pton(AF_INET, address, &opt.server.sin_addr) != 1) {
		errno = EINVAL;
		fail(text);
	}
}

static void usage(void)
{
	fprintf(stderr,
		"usage: load --server ADDR[:PORT] --op register|refresh|release|"
		"query|miss|echo|mixed|churn\n"
		"  --names N        how many names there are (1000)\n"
		"  --prefix TEXT    what they begin with, up to 6 bytes (LD)\n"
		"  --seconds S      how long; register and release go through "
		"all names once\n"
		"  --window W       closed loop, requests under way (32)\n"
		"  --rate R         open loop, requests a second\n"
		"  --timeout MS --tries N --ttl S --echo-size BYTES --seed N\n"
		"  --own-address    each request from the address of its name\n"
		"  --pid PID        whose CPU time to tell\n"
		"  --label TEXT     goes into the JSON line\n");
	exit(2);
}

static enum op parse_op(const char *text)
{
	for (unsigned int i = 0; i < OPS; i++) {
		if (strcmp(text, op_name[i]) == 0) {
			return (enum op)i;
		}
	}
	usage();
	return ECHO;
}

static void set_option(int c)
{
	switch (c) {
	case 's': set_server(optarg); break;
	case 'o': opt.op = parse_op(optarg); break;
	case 'n': opt.names = (uint32_t)atol(optarg); break;
	case 'p': opt.prefix = optarg; break;
	case 't': opt.seconds = atof(optarg); break;
	case 'w': opt.window = (uint32_t)atol(optarg); break;
	case 'r': opt.rate = atof(optarg); break;
	case 'T': opt.timeout_ns = (uint64_t)atol(optarg) * 1000000u; break;
	case 'N': opt.tries = (uint32_t)atol(optarg); break;
	case 'l': opt.ttl = (uint32_t)atol(optarg); break;
	case 'e': opt.echo_len = (uint32_t)atol(optarg); break;
	case 'S': opt.seed = (uint64_t)atoll(optarg); break;
	case 'a': opt.own_address = true; break;
	case 'P': opt.pid = atoi(optarg); break;
	case 'L': opt.label = optarg; break;
	default: usage();
	}
}

/* So that a name without a write under way is found at once. */
static uint32_t min_names(void)
{
	bool writes = opt.op == REFRESH || opt.op == MIXED || opt.op == CHURN;

	return writes ? 2 * opt.window : 1;
}

static void parse(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "server", 1, NULL, 's' }, { "op", 1, NULL, 'o' },
		{ "names", 1, NULL, 'n' }, { "prefix", 1, NULL, 'p' },
		{ "seconds", 1, NULL, 't' }, { "window", 1, NULL, 'w' },
		{ "rate", 1, NULL, 'r' }, { "timeout", 1, NULL, 'T' },
		{ "tries", 1, NULL, 'N' }, { "ttl", 1, NULL, 'l' },
		{ "echo-size", 1, NULL, 'e' }, { "seed", 1, NULL, 'S' },
		{ "own-address", 0, NULL, 'a' }, { "pid", 1, NULL, 'P' },
		{ "label", 1, NULL, 'L' }, { NULL, 0, NULL, 0 },
	};
	int c = 0;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		set_option(c);
	}
	if (optind != argc || opt.server.sin_port == 0 || opt.names == 0 ||
	    opt.names > 8000000 || opt.window == 0 || opt.window > IDS / 2 ||
	    opt.names < min_names() || opt.echo_len < QUERY_LEN ||
	    opt.echo_len > PACKET_MAX || opt.seconds <= 0 || opt.rate < 0) {
		usage();
	}
	random_state = opt.seed * 0x9e3779b97f4a7c15ull | 1;
	next_id = (uint16_t)random_next();
	opt.window = opt.rate > 0 ? IDS / 4 : opt.window;
}

int main(int argc, char **argv)
{
	uint64_t start = 0, cpu = 0;
	double own = 0, elapsed = 0;

	parse(argc, argv);
	names = calloc(opt.names, sizeof(*names));
	if (names == NULL) {
		fail("names");
	}
	for (uint32_t i = 0; i < opt.names; i++) {
		names[i].there = opt.op != REGISTER;
	}
	open_socket();
	cpu = server_cpu();
	own = cpu_self();
	start = now_ns();
	if (opt.rate > 0) {
		run_open(start);
	} else {
		run_closed(start);
	}
	drain();
	/* Waiting for what never came is no part of the rate. */
	elapsed = (double)((right ? last_right : now_ns()) - start) / 1e9;
	own = cpu_self() - own;
	cpu = server_cpu() - cpu;
	if (opt.op == MIXED || opt.op == CHURN) {
		restore();
	}
	report(elapsed, own, cpu);
	free(names);
	return right > 0 ? 0 : 1;
}
