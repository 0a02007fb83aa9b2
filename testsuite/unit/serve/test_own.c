/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server as a node: protocol.md 1.5 and 1.6, every line of the routing
 * table of 1.6 included.
 */

#include "scene.h"

#define HOST SIM_HOST(1)
#define ALIAS_NET 0xc0000200u

static void name_own(struct serve_config *config, const char *text, bool group,
		     bool permanent)
{
	struct serve_own_name *own = &config->own_name[config->own_names++];

	assert_true(nb_name_parse(text, &own->name));
	own->group = group;
	own->permanent = permanent;
}

static int start_with_names(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	name_own(&config, "SIMWINS<00>", false, false);
	name_own(&config, "SIMWINS<20>", false, false);
	name_own(&config, "SIMGROUP<00>", true, false);
	name_own(&config, "*<00>", true, true);
	return scene_start_with(&config);
}

static void active(void)
{
	sim_advance_seconds(&sim, 5);
	sim_forget(server);
}

static void ask(uint16_t trn_id, const char *name, uint16_t operation)
{
	struct sim_request request = {
		.kind = NBNS_QUERY,
		.trn_id = trn_id,
		.name = name,
		.from = HOST,
		.operation = operation,
	};

	sim_request(server, &request);
}

/* Operation 0 cannot be said to sim_request: a query without RD and B. */
static void ask_plain(uint16_t trn_id, const char *text, enum nbns_kind kind)
{
	uint8_t buf[NBNS_MAX];
	struct nb_name name;
	size_t len = 0;

	assert_true(nb_name_parse(text, &name));
	len = nbns_encode_request(buf, sizeof(buf), kind, trn_id, 0, &name, 0,
				  0, 0);
	sim_datagram(server, HOST, 1000, buf, len);
}

struct seen {
	unsigned int claims, demands, others;
	uint32_t to;
	uint16_t nb_flags;
	uint32_t ttl;
};

static struct seen seen;

static int see_claims(void *arg, uint32_t local, uint32_t to, uint16_t port,
		      const uint8_t *data, size_t len)
{
	struct nbns_msg msg;

	(void)arg;
	assert_int_equal(local, SIM_SELF);
	assert_int_equal(port, SIM_PORT);
	assert_int_equal(nbns_decode(data, len, &msg), NBNS_OK);
	seen.to = to;
	seen.nb_flags = msg.nb_flags;
	seen.ttl = msg.ttl;
	if (msg.kind != NBNS_REGISTER || msg.addr != SIM_SELF) {
		seen.others++;
	} else if (msg.operation == 0x2910) {
		seen.claims++;
	} else if (msg.operation == 0x2810) {
		seen.demands++;
	}
	return 0;
}

/* Three claims a second apart, a demand, another second, active. */
static void claimed_in_four_seconds(void **state)
{
	struct serve_config config = sim_config();
	struct serve_iface iface = { SIM_SELF, 0xffff0000u, 0x0a00ffffu };

	(void)state;
	name_own(&config, "SIMWINS<20>", false, false);
	sim.deliver = see_claims;
	memset(&seen, 0, sizeof(seen));
	serve_set_config(server->serve, &config);
	serve_set_ifaces(server->serve, &iface, 1);
	memset(&seen, 0, sizeof(seen));
	serve_set_ifaces(server->serve, &iface, 1);
	assert_int_equal(seen.claims, 1);
	assert_int_equal(seen.to, 0x0a00ffffu);
	assert_int_equal(seen.nb_flags, 0x4000);
	assert_int_equal(seen.ttl, 300000);
	sim_advance(&sim, 2999999);
	assert_int_equal(seen.claims, 3);
	assert_int_equal(seen.demands, 0);
	sim_advance(&sim, 1);
	assert_int_equal(seen.demands, 1);
	sim_advance(&sim, 999999);
	assert_int_equal(seen.claims + seen.demands + seen.others, 4);
	sim_advance(&sim, 1);
	/* and from now on it is told again every max_refresh_time */
	sim.deliver = see_claims;
	memset(&seen, 0, sizeof(seen));
	sim_advance_seconds(&sim, 7200);
	assert_int_equal(seen.claims, 1);
}

static void not_active_before_the_end(void **state)
{
	(void)state;
	sim_forget(server);
	ask(1, "SIMWINS<20>", 0x0110);
	expect_silence(1);
	ask_plain(2, "SIMWINS<20>", NBNS_STATUS);
	expect_silence(2);
	active();
	ask(3, "SIMWINS<20>", 0x0110);
	expect(3, NBNS_QUERY_REPLY, 0);
}

/* The six lines of the routing table. */
static void queries_are_routed(void **state)
{
	const struct sim_reply *reply = NULL;

	(void)state;
	active();
	/* not ours: B silence, RD the database, neither: negative */
	ask(1, "OTHER<20>", 0x0110);
	expect_silence(1);
	registered(2, "OTHER<20>", HOST);
	ask(3, "OTHER<20>", 0x0100);
	expect(3, NBNS_QUERY_REPLY, 0);
	ask_plain(4, "OTHER<20>", NBNS_QUERY);
	expect(4, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
	/* an own group, RD and no B: the database */
	ask(5, "SIMGROUP<00>", 0x0100);
	expect(5, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
	ask_plain(6, "SIMGROUP<00>", NBNS_QUERY);
	expect(6, NBNS_QUERY_REPLY, 0);
	/* ours in any other way: our addresses, flags and TTL */
	ask(7, "SIMWINS<20>", 0x0100);
	reply = expect(7, NBNS_QUERY_REPLY, 0);
	assert_int_equal(reply->msg.operation, 0x8580);
	assert_int_equal(reply->msg.ttl, 300000);
	assert_int_equal(reply->msg.nb_flags, 0x4400);
	assert_int_equal(reply->msg.count, 1);
	assert_int_equal(reply->msg.addrs[0], SIM_SELF);
	ask(8, "SIMWINS<20>", 0x0110);
	expect(8, NBNS_QUERY_REPLY, 0);
}

static void scope_and_case(void **state)
{
	(void)state;
	active();
	/* own names: the scope is ignored, case is not */
	ask(1, "SIMWINS<20>.some.scope", 0x0100);
	expect(1, NBNS_QUERY_REPLY, 0);
	ask(2, "simwins<20>", 0x0100);
	expect(2, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
}

static void status_lists_what_is_active(void **state)
{
	const struct sim_reply *reply = NULL;
	struct nb_status_name entry;

	(void)state;
	active();
	ask_plain(1, "*<00>", NBNS_STATUS);
	reply = expect(1, NBNS_STATUS_REPLY, 0);
	/* 1.5: RDLENGTH = 47 + 18 n, `*` is not listed */
	assert_int_equal(reply->msg.rdlength, 47 + 18 * 3);
	assert_true(nbns_status_entry(&reply->msg, 0, &entry));
	assert_memory_equal(entry.name.byte, "SIMWINS", 7);
	assert_int_equal(entry.nb_flags, 0x4400);
	assert_true(nbns_status_entry(&reply->msg, 2, &entry));
	assert_int_equal(entry.nb_flags, 0xc400);
	assert_false(nbns_status_entry(&reply->msg, 3, &entry));
	/* statistics: 46 bytes, all zero */
	for (unsigned int i = 1 + 18 * 3; i < reply->msg.rdlength; i++) {
		assert_int_equal(reply->msg.rdata[i], 0);
	}
	ask_plain(2, "OTHER<20>", NBNS_STATUS);
	expect_silence(2);
}

static void claim(enum nbns_kind kind, uint16_t trn_id, const char *name,
		  uint16_t operation, uint32_t from)
{
	struct sim_request request = {
		.kind = kind,
		.trn_id = trn_id,
		.name = name,
		.from = from,
		.nb_flags = 0x0400,
		.ttl = 1234,
		.operation = operation,
	};

	sim_request(server, &request);
}

/* nbt.register: also with the B flag, by unicast; not opcode 15, not 6. */
static void own_names_are_defended(void **state)
{
	const struct sim_reply *reply = NULL;

	(void)state;
	active();
	claim(NBNS_REGISTER, 1, "SIMWINS<20>", 0x2810, HOST);
	reply = expect(1, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	assert_int_equal(reply->msg.ttl, 1234);
	claim(NBNS_REGISTER, 2, "SIMWINS<20>", 0x2910, HOST);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	claim(NBNS_REFRESH, 3, "SIMWINS<20>", 0x4000, HOST);
	expect(3, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	/* group names are not, nor is what we say ourselves */
	claim(NBNS_REGISTER, 4, "SIMGROUP<00>", 0x2810, HOST);
	expect_silence(4);
	claim(NBNS_REGISTER, 5, "SIMWINS<20>", 0x2810, SIM_SELF);
	expect_silence(5);
	assert_int_equal(sim_stat(server, "own-names-defended"), 3);
	registered(6, "SIMWINS<03>", HOST);
}

static void defence_waits_for_no_disk(void **state)
{
	(void)state;
	active();
	sim_disk_hold(server->disk, true);
	send_kind(NBNS_REGISTER, 1, "OTHER<20>", HOST, false);
	expect_silence(1);
	claim(NBNS_REGISTER, 2, "SIMWINS<20>", 0x2900, HOST);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	ask_plain(3, "*<00>", NBNS_STATUS);
	expect(3, NBNS_STATUS_REPLY, 0);
	sim_disk_finish(server->disk, 0);
	expect(1, NBNS_REGISTER_REPLY, NB_RCODE_OK);
}

static uint16_t claim_id;

static int catch_claim(void *arg, uint32_t local, uint32_t to, uint16_t port,
		       const uint8_t *data, size_t len)
{
	struct nbns_msg msg;

	(void)arg;
	(void)local;
	(void)to;
	(void)port;
	assert_int_equal(nbns_decode(data, len, &msg), NBNS_OK);
	if (msg.name.type == 0x20) {
		claim_id = msg.trn_id;
	}
	return 0;
}

static void refuse_claim(uint16_t trn_id, uint32_t from)
{
	uint8_t buf[NBNS_MAX];
	struct nb_name name = nb_name_make("SIMWINS", 7, 0x20);
	struct nb_origin origin = { .trn_id = trn_id, .label_len = 16 };
	struct nb_reply reply = {
		.kind = NB_REPLY_REGISTER,
		.rcode = NB_RCODE_ACT,
	};
	size_t len = 0;

	memcpy(origin.label, "SIMWINS        \x20", 16);
	origin.rdata_len = 6;
	len = nbns_encode_reply(buf, sizeof(buf), &origin, &name, &reply);
	sim_datagram(server, from, SIM_PORT, buf, len);
}

static void a_refused_claim_is_a_conflict(void **state)
{
	const struct serve_iface iface = { SIM_SELF, 0xffff0000u, 0x0a00ffffu };
	int (*deliver)(void *, uint32_t, uint32_t, uint16_t, const uint8_t *,
		       size_t) = sim.deliver;

	(void)state;
	sim.deliver = catch_claim;
	serve_set_ifaces(server->serve, &iface, 1);
	sim.deliver = deliver;
	refuse_claim(claim_id + 1, HOST);
	refuse_claim(claim_id, SIM_SELF);
	active();
	ask(1, "SIMWINS<20>", 0x0110);
	expect(1, NBNS_QUERY_REPLY, 0);
	/* the answer of a host that holds the name */
	refuse_claim(claim_id, HOST);
	ask(2, "SIMWINS<20>", 0x0110);
	expect_silence(2);
	/* the other names and the service go on */
	ask(3, "SIMWINS<00>", 0x0110);
	expect(3, NBNS_QUERY_REPLY, 0);
	registered(4, "PC<20>", HOST);
	assert_non_null(strstr(sim.last_log, "SIMWINS<20>"));
}

/* The address asked first; loopback ones only to who asks there. */
static void addresses_begin_with_the_one_asked(void **state)
{
	const struct serve_iface ifaces[] = {
		{ 0x7f000001u, 0xff000000u, 0 },
		{ ALIAS_NET + 1, 0xffffff00u, 0 },
		{ SIM_SELF, 0xffff0000u, 0 },
	};
	const struct sim_reply *reply = NULL;

	(void)state;
	/* without a broadcast address there is nobody to ask: active at once */
	serve_set_ifaces(server->serve, ifaces, 3);
	ask(1, "SIMWINS<20>", 0x0100);
	reply = expect(1, NBNS_QUERY_REPLY, 0);
	assert_int_equal(reply->msg.count, 2);
	assert_int_equal(reply->msg.addrs[0], SIM_SELF);
	assert_int_equal(reply->msg.addrs[1], ALIAS_NET + 1);
}

static void broadcast_is_no_wins_business(void **state)
{
	struct nb_record rec;

	(void)state;
	active();
	claim(NBNS_REGISTER, 1, "PC<20>", 0x2910, HOST);
	expect_silence(1);
	assert_false(sim_record(server, "PC<20>", &rec));
	registered(2, "PC<20>", HOST);
	claim(NBNS_RELEASE, 3, "PC<20>", 0x3010, HOST);
	expect_silence(3);
	assert_true(sim_record(server, "PC<20>", &rec));
	assert_int_equal(rec.state, NB_ACTIVE);
}

static void operators_keep_off_own_names(void **state)
{
	struct nb_event event = { .kind = NB_EV_REGISTER, .addr = HOST };
	struct nb_verdict verdict;

	(void)state;
	assert_true(nb_name_parse("SIMWINS<20>", &event.name));
	serve_explain(server->serve, &event, &verdict);
	assert_int_equal(verdict.outcome, NB_REFUSED);
	assert_int_equal(verdict.reply.rcode, NB_RCODE_ACT);
	/* 1.6 does not defend against opcode 15, and explain says so */
	event.kind = NB_EV_MREGISTER;
	serve_explain(server->serve, &event, &verdict);
	assert_int_equal(verdict.reply.rcode, NB_RCODE_OK);
}

/* No memory for the step after a broadcast: the next tick goes on. */
static void a_claim_without_a_timer(void **state)
{
	(void)state;
	sim_advance_seconds(&sim, 1);
	sim.timers_fail = true;
	sim_advance_seconds(&sim, 1);
	sim.timers_fail = false;
	sim_advance_seconds(&sim, 65);
	sim_forget(server);
	ask(1, "SIMWINS<20>", 0x0110);
	expect(1, NBNS_QUERY_REPLY, NB_RCODE_OK);
}

#define SCENE(test) \
	cmocka_unit_test_setup_teardown(test, start_with_names, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(claimed_in_four_seconds),
		SCENE(not_active_before_the_end),
		SCENE(queries_are_routed),
		SCENE(scope_and_case),
		SCENE(status_lists_what_is_active),
		SCENE(own_names_are_defended),
		SCENE(defence_waits_for_no_disk),
		SCENE(a_refused_claim_is_a_conflict),
		SCENE(a_claim_without_a_timer),
		SCENE(addresses_begin_with_the_one_asked),
		SCENE(broadcast_is_no_wins_business),
		SCENE(operators_keep_off_own_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
