/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of repl share: a server of the simulator with replication on
 * links in the test's hand, partners that behave, and words for frames.
 */
#ifndef WINSD_TEST_REPL_STAGE_H
#define WINSD_TEST_REPL_STAGE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repl/private.h"
#include "sim/fakelink.h"
#include "sim/fakepeer.h"
#include "sim/simserver.h"

#define P(n)		(0x0a000010u + (n))	/* 10.0.0.16 + n: partners */
#define STRANGER(n)	(0x0a200000u + (n))
#define OWNER(n)	(0x7f414100u + (n))	/* 127.65.65.n, as annex A */
#define OUR_CONTEXT	0xbeef0001u		/* a calling peer's */
#define PARTNERS	1100
#define PEERS		8
#define LINES		64

struct stage {
	struct sim_server *server;
	struct fake_end end;
	struct repl *repl;
	struct repl_config config;
	struct repl_partner_config partner[PARTNERS];
};

#ifndef STAGE_WORLD_IS_SHARED
static struct sim_world sim;
#endif
static struct fake_net net;
static struct stage st;
static struct fake_peer peer[PEERS];
static unsigned int peers;
static char line[LINES][400];		/* the latest of the log */
static unsigned int lines;
static bool sweeping;	/* links that ended are forgotten as time passes */

/* ---- the log ---- */

static void stage_log(void *priv, int level, const char *text)
{
	if (getenv("VERBOSE") != NULL) {
		fprintf(stderr, "# %d %s\n", level, text);
	}
	(void)priv;
	snprintf(line[lines++ % LINES], sizeof(line[0]), "%d %s", level, text);
}

/* How many of the latest lines have this in them? */
static inline unsigned int logged(const char *text)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < LINES && i < lines; i++) {
		count += strstr(line[i], text) != NULL;
	}
	return count;
}

/* ---- life ---- */

static inline void stage_world(void)
{
	sim_world_init(&sim, 1);
	sim.world.log = stage_log;
	fake_net_init(&net, &sim);
	memset(peer, 0, sizeof(peer));
	peers = 0;
	lines = 0;
	sweeping = false;
}

static inline struct repl_config stage_config(uint32_t self)
{
	return (struct repl_config){
		.self = self,
		.port = WREPL_PORT,
		.only_partners = true,
		.version_jump = 1000000,
		.start_wait = 0,
		.demand_delay = 86400,
		.periodic = 15,
	};
}

/* A partner both ways that is never pulled from by itself. */
static inline struct repl_partner_config *
stage_partner(struct stage *stage, uint32_t address)
{
	struct repl_partner_config *partner =
		&stage->partner[stage->config.partners++];

	*partner = (struct repl_partner_config){
		.address = address,
		.pull = true,
		.push = true,
		.options = partner_options_default(),
	};
	partner->options.pull_interval = 0;
	partner->options.push_count = 0;
	partner->options.retry = 30;
	stage->config.partner = stage->partner;
	return partner;
}

static inline void stage_repl(struct stage *stage)
{
	struct link_ops ops = fake_ops(&stage->end);

	assert_int_equal(0, repl_create(NULL, &sim.world, stage->server->store,
					stage->server->serve, &ops,
					&stage->config, &stage->repl));
}

static inline void stage_server(struct stage *stage)
{
	struct serve_config config = sim_config();

	config.self = stage->config.self;
	config.policy.observe = stage->config.observe;
	stage->server = sim_server_start(NULL, &sim, &config);
	fake_end_init(&stage->end, &net, &stage->repl, stage->config.self);
}

/* Everything with the configuration that stands in the stage. */
static inline void stage_start(void)
{
	stage_server(&st);
	stage_repl(&st);
	repl_loaded(st.repl);
	sim_advance(&sim, 0);
}

/* The server's config is the test's to fill before stage_start(). */
static inline int stage_setup(void **state)
{
	(void)state;
	stage_world();
	memset(&st, 0, sizeof(st));
	st.config = stage_config(SIM_SELF);
	return 0;
}

/* With one partner, P(1), both ways and never by itself. */
static inline int stage_setup_one(void **state)
{
	stage_setup(state);
	stage_partner(&st, P(1));
	stage_start();
	return 0;
}

static inline void stage_end(struct stage *stage)
{
	TALLOC_FREE(stage->repl);
	if (stage->server != NULL) {
		sim_server_stop(stage->server);
		stage->server = NULL;
	}
}

static inline int stage_teardown(void **state)
{
	(void)state;
	stage_end(&st);
	fake_net_end(&net);
	if (sim.timer_count != 0) {
		print_error("%u timers outlived the server\n",
			    sim.timer_count);
		return -1;
	}
	sim_world_end(&sim);
	return 0;
}

/* The power goes; what was durable is found again. */
static inline void stage_crash(struct stage *stage)
{
	TALLOC_FREE(stage->repl);
	fake_sweep(&net);
	sim_server_crash(stage->server, false);
	stage_repl(stage);
}

/* ---- time ---- */

static inline struct fake_peer *stage_peer(uint32_t address)
{
	struct fake_peer *made = &peer[peers++];

	made->net = &net;
	made->address = address;
	return made;
}

/* Until nobody has anything to do at this moment. */
static inline void settle(void)
{
	bool did = true;

	while (did) {
		did = false;
		sim_advance(&sim, 0);
		for (unsigned int i = 0; i < peers; i++) {
			did |= fake_peer_run(&peer[i]);
		}
	}
}

static inline void pass_usec(uint64_t usec)
{
	while (usec > 0) {
		uint64_t now = usec < 1000000u ? usec : 1000000u;

		settle();
		if (sweeping) {
			fake_sweep(&net);
		}
		sim_advance(&sim, now);
		usec -= now;
	}
	settle();
}

static inline void pass(int64_t seconds)
{
	pass_usec((uint64_t)seconds * 1000000u);
}

/* ---- bytes ---- */

/* "0029 7800": hexadecimal digits, spaces between. */
static inline size_t unhex(const char *text, uint8_t *out)
{
	size_t digits = 0;

	for (; *text != '\0'; text++) {
		const char *digit = strchr("0123456789abcdef", *text);

		if (*text == ' ') {
			continue;
		}
		assert_non_null(digit);
		if (digits % 2 == 0) {
			out[digits / 2] = 0;
		}
		out[digits / 2] = (uint8_t)(out[digits / 2] << 4 |
				(digit - "0123456789abcdef"));
		digits++;
	}
	assert_int_equal(digits % 2, 0);
	return digits / 2;
}

static inline void feed_hex(struct link *link, const char *text)
{
	uint8_t buf[1024];

	fake_feed(link, buf, unhex(text, buf));
}

/* The next frame that was sent is this one, to the byte. */
static inline void expect_hex(struct link *link, const char *text)
{
	uint8_t want[1024], *got = fake_memory(NULL, FAKE_FRAME);
	size_t len = unhex(text, want);
	size_t got_len = fake_take(link, got);

	if (got_len == 0) {
		fail_msg("nothing was sent, %s expected", text);
	}
	assert_int_equal(got_len, len);
	assert_memory_equal(got, want, len);
	free(got);
}

static inline void expect_nothing(struct link *link)
{
	if (link->out_len > 0) {
		fail_msg("%zu bytes were sent", link->out_len);
	}
}

/* Nothing was sent and the connection stands. */
static inline void expect_ignored(struct link *link)
{
	expect_nothing(link);
	assert_false(link->ended);
}

/* The next frame, decoded; what it points to stays until the next call. */
static inline struct wrepl_msg expect_frame(struct link *link,
					    uint32_t type, uint32_t command)
{
	static uint8_t frame[FAKE_FRAME];
	struct wrepl_msg msg;
	size_t len = fake_take(link, frame);

	if (len == 0) {
		fail_msg("nothing was sent, %s expected",
			 wrepl_message_name(type, command));
	}
	assert_int_equal(wrepl_decode(frame + WREPL_HEAD, len - WREPL_HEAD,
				      &msg), WREPL_OK);
	if (msg.type != type || msg.command != command) {
		fail_msg("%s was sent, %s expected",
			 wrepl_message_name(msg.type, msg.command),
			 wrepl_message_name(type, command));
	}
	assert_int_equal(msg.opcode, WREPL_OPCODE);
	return msg;
}

static inline void expect_stop(struct link *link, uint32_t reason)
{
	struct wrepl_msg msg = expect_frame(link, WREPL_STOP, 0);

	assert_int_equal(msg.reason, reason);
}

/* ---- a peer that calls ---- */

struct caller {
	struct link *link;
	uint32_t context;		/* the server's */
};

static inline void say_start(struct link *link, uint32_t context)
{
	uint8_t frame[WREPL_SMALL_MAX];

	fake_feed(link, frame,
		  wrepl_encode_start(frame, WREPL_START, context,
				     OUR_CONTEXT));
}

/* Call and exchange contexts. */
static inline struct caller call_us(uint32_t from)
{
	struct caller caller = { .link = fake_call(&st.end, from) };
	struct wrepl_msg msg;

	assert_non_null(caller.link);
	say_start(caller.link, 0);
	msg = expect_frame(caller.link, WREPL_START_REPLY, 0);
	assert_int_equal(msg.context, OUR_CONTEXT);
	caller.context = msg.sender;
	return caller;
}

static inline void say_query(const struct caller *caller)
{
	uint8_t frame[WREPL_SMALL_MAX];

	fake_feed(caller->link, frame,
		  wrepl_encode_table_query(frame, caller->context));
}

static inline void say_request(const struct caller *caller, uint32_t owner,
			       uint64_t min, uint64_t max)
{
	struct wrepl_owner request = { owner, max, min };
	uint8_t frame[WREPL_SMALL_MAX];

	fake_feed(caller->link, frame,
		  wrepl_encode_request(frame, caller->context, &request));
}

static inline void say_stop(const struct caller *caller, uint32_t reason)
{
	uint8_t frame[WREPL_SMALL_MAX];

	fake_feed(caller->link, frame,
		  wrepl_encode_stop(frame, caller->context, reason));
}

static inline void say_table(const struct caller *caller, uint32_t command,
			     const struct wrepl_owner *owner, uint32_t owners,
			     uint32_t initiator)
{
	uint8_t *frame = fake_memory(NULL, wrepl_table_size(owners));

	fake_feed(caller->link, frame,
		  wrepl_encode_table(frame, caller->context, command, owner,
				     owners, initiator));
	free(frame);
}

static inline void say_news(const struct caller *caller, uint32_t command,
			    uint32_t owner, uint64_t max)
{
	struct wrepl_owner one = { owner, max, 0 };

	say_table(caller, command, &one, 1, 0);
}

static inline void say_records(const struct caller *caller,
			       const struct nb_record *const *record,
			       uint32_t count, size_t piece)
{
	size_t len = 0;
	uint8_t *frame = fake_reply(record, count, caller->context, &len);

	fake_feed_pieces(caller->link, frame, len, piece);
	free(frame);
}

static inline void say_record(const struct caller *caller,
			      const struct nb_record *rec)
{
	say_records(caller, &rec, 1, LINK_READ_MAX);
}

static inline void expect_request(const struct caller *caller, uint32_t owner,
				  uint64_t min, uint64_t max)
{
	struct wrepl_msg msg = expect_frame(caller->link, WREPL_REPLICATION,
					    WREPL_SEND_REQUEST);

	assert_int_equal(msg.context, OUR_CONTEXT);
	assert_int_equal(msg.request.address, owner);
	assert_true(msg.request.min == min);
	assert_true(msg.request.max == max);
}

/* How many records the next SEND_REPLY has; the first of them. */
static inline uint32_t expect_reply(const struct caller *caller,
				    uint32_t owner, struct nb_record *rec)
{
	uint8_t *frame = fake_memory(NULL, FAKE_FRAME);
	struct wrepl_msg msg;
	size_t used = 0, len = fake_take(caller->link, frame);
	uint64_t body = 0;
	uint32_t names = 0;

	assert_true(len > 0);
	assert_int_equal(wrepl_open_reply(frame, len, &msg, &used, &body),
			 WREPL_OK);
	assert_int_equal(msg.context, OUR_CONTEXT);
	names = msg.names;
	if (names > 0 && rec != NULL) {
		size_t taken = 0;

		assert_int_equal(wrepl_decode_record(frame + used, len - used,
						     body, owner, rec, &taken),
				 WREPL_OK);
	}
	free(frame);
	return names;
}

/* What the map says of this owner; *count: of how many owners. */
static inline uint64_t ask_map(const struct caller *caller, uint32_t owner,
			       uint32_t *count)
{
	struct wrepl_msg msg;
	uint64_t max = 0;

	say_query(caller);
	msg = expect_frame(caller->link, WREPL_REPLICATION, WREPL_TABLE_REPLY);
	for (uint32_t i = 0; i < msg.owners; i++) {
		struct wrepl_owner one;

		wrepl_table_owner(&msg, i, &one);
		if (one.address == owner) {
			max = one.max;
		}
	}
	if (count != NULL) {
		*count = msg.owners;
	}
	return max;
}

/* ---- records ---- */

static inline struct nb_record replica(const char *name, uint8_t type,
				       uint32_t owner, uint64_t version,
				       uint32_t ip)
{
	struct nb_record rec = {
		.type = type,
		.node = NB_H_NODE,
		.owner = owner,
		.version = version,
		.count = 1,
		.member = { { .ip = ip, .owner = owner } },
	};

	assert_true(nb_name_parse(name, &rec.name));
	return rec;
}

/* Names N00000001<20> and so on, as one owner has them: malloc()ed. */
static inline struct nb_record *replicas(uint32_t owner, uint64_t from,
					 uint32_t count)
{
	struct nb_record *rec = calloc(count + 1, sizeof(*rec));

	for (uint32_t i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "N%08llu<20>",
			 (unsigned long long)((from + i) % 100000000));
		rec[i] = replica(name, NB_UNIQUE, owner, from + i,
				 SIM_HOST(i % 1000));
	}
	return rec;
}

static inline bool has(const char *name)
{
	struct nb_record rec;

	return sim_record(st.server, name, &rec);
}

/* A client registers a name; it is ours from then on. */
static inline void client_registers(struct stage *stage, const char *name,
				    uint32_t from)
{
	static uint16_t trn_id = 1;
	struct sim_request request = {
		.kind = NBNS_REGISTER,
		.trn_id = trn_id++,
		.name = name,
		.from = from,
		.nb_flags = 0x6000,
	};

	sim_request(stage->server, &request);
	sim_forget(stage->server);
}

/* ---- sight ---- */

static inline uint64_t stat_of(const struct stage *stage, const char *name)
{
	const char *text = NULL;
	uint64_t value = 0;

	for (unsigned int i = 0; repl_stat_at(stage->repl, i, &text, &value);
	     i++) {
		if (strcmp(text, name) == 0) {
			return value;
		}
	}
	fail_msg("no counter %s", name);
	return 0;
}

static inline struct repl_partner_sight partner_of(const struct stage *stage,
						   uint32_t address)
{
	struct repl_partner_sight sight;

	for (unsigned int i = 0; repl_partner_at(stage->repl, i, &sight); i++) {
		if (sight.address == address) {
			return sight;
		}
	}
	fail_msg("no such partner");
	return sight;
}

/* As partners are told it. */
static inline uint64_t mark_of(uint32_t owner)
{
	struct repl_owner_sight sight;

	return repl_owner_sight(st.repl, owner, &sight) ? sight.mark : 0;
}

#endif
