/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Release demands: protocol.md 5.5 for their order and times, issue
 * replication 3 for their rate, annex A for their bytes.
 */

#include "scene.h"

#define HOLDER SIM_HOST(1)
#define THEIRS 0x0a094201u	/* 10.9.66.1 */

/* A normal group of another server, without any of our hosts. */
static void group_comes(const char *name, struct sim_settled *settled)
{
	struct sim_replica replica = {
		.name = name,
		.type = NB_GROUP,
		.count = 1,
		.addr = { THEIRS },
	};

	sim_replica(server, &replica, settled);
	assert_int_equal(settled->error, 0);
	assert_true(settled->changed);
}

/* A name of ours with so many cards, SIM_HOST(first) and so on. */
static void cards(const char *name, unsigned int first, unsigned int count)
{
	struct nb_record rec = {
		.type = count > 1 ? NB_MHOMED : NB_UNIQUE,
		.version = first,
		.expires = sim.world.now(&sim) + 100000,
		.count = (uint8_t)count,
	};

	assert_true(nb_name_parse(name, &rec.name));
	for (unsigned int i = 0; i < count; i++) {
		rec.member[i] = (struct nb_member){ SIM_HOST(first + i),
						    NB_SELF, rec.expires };
	}
	sim_put(server, &rec);
}

static unsigned int demanded(uint32_t ip)
{
	for (unsigned int i = 0; i < server->hosts; i++) {
		if (server->host[i].ip == ip) {
			return server->host[i].demanded;
		}
	}
	return 0;
}

/* ---- one procedure ---- */

static void the_only_host_is_told_three_times(void **state)
{
	struct sim_settled settled;

	(void)state;
	sim_host(server, HOLDER, SIM_SILENT);
	cards("PC<20>", 1, 1);
	group_comes("PC<20>", &settled);
	assert_int_equal(demanded(HOLDER), 1);
	sim_advance(&sim, 999999);
	assert_int_equal(demanded(HOLDER), 1);
	sim_advance(&sim, 1);
	assert_int_equal(demanded(HOLDER), 2);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(demanded(HOLDER), 3);
	assert_int_equal(serve_pending(server->serve), 1);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(serve_pending(server->serve), 0);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(server->demands, 3);
	assert_int_equal(server->queries, 0);
}

/* Two seconds for each but the last, which has three tries of one. */
static void several_are_told_in_order(void **state)
{
	struct sim_settled settled;

	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		sim_host(server, SIM_HOST(i), SIM_SILENT);
	}
	cards("PC<20>", 1, 3);
	group_comes("PC<20>", &settled);
	sim_advance(&sim, 1999999);
	assert_int_equal(demanded(SIM_HOST(1)), 1);
	assert_int_equal(demanded(SIM_HOST(2)), 0);
	sim_advance(&sim, 1);
	assert_int_equal(demanded(SIM_HOST(2)), 1);
	sim_advance_seconds(&sim, 2);
	assert_int_equal(demanded(SIM_HOST(3)), 1);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(demanded(SIM_HOST(3)), 2);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(demanded(SIM_HOST(1)), 1);
	assert_int_equal(demanded(SIM_HOST(2)), 1);
	assert_int_equal(demanded(SIM_HOST(3)), 3);
	assert_int_equal(serve_pending(server->serve), 0);
}

static void any_answer_ends_it(void **state)
{
	static const enum sim_behaviour behaviour[] = {
		SIM_HOLDS, SIM_FAILS,
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sim_settled settled;

		sim_host(server, SIM_HOST(1), behaviour[i]);
		sim_host(server, SIM_HOST(2), behaviour[i]);
		cards("PC<20>", 1, 2);
		group_comes("PC<20>", &settled);
		sim_advance_seconds(&sim, 60);
		assert_int_equal(demanded(SIM_HOST(1)), 1);
		assert_int_equal(demanded(SIM_HOST(2)), 0);
	}
	assert_int_equal(sim_stat(server, "release-demands"), 2);
	assert_int_equal(sim_stat(server, "release-demands-sent"), 2);
	assert_int_equal(sim_stat(server, "release-demands-answered"), 2);
	assert_int_equal(sim_stat(server, "stray-answers"), 0);
}

/* The first is slow: its answer ends it while the second is being told. */
static void a_late_answer_ends_it_too(void **state)
{
	struct sim_settled settled;

	(void)state;
	sim_host(server, SIM_HOST(1), SIM_HOLDS)->late = true;
	sim_host(server, SIM_HOST(2), SIM_SILENT);
	cards("PC<20>", 1, 2);
	group_comes("PC<20>", &settled);
	sim_advance(&sim, 2500000);
	assert_int_equal(demanded(SIM_HOST(2)), 1);
	sim_hosts_answer(server);
	assert_int_equal(serve_pending(server->serve), 0);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(demanded(SIM_HOST(2)), 1);
}

static void the_same_demand_again_is_one(void **state)
{
	struct sim_replica late = {
		.name = "PC<20>",
		.count = 1,
		.addr = { SIM_HOST(2) },
	};
	struct sim_settled settled;
	struct sim_host *host = NULL;

	(void)state;
	/* 5.6 late release: the host has another address now, and is told */
	registered(1, "PC<20>", SIM_HOST(1));
	host = sim_host(server, SIM_HOST(1), SIM_ANSWERS);
	host->addr[0] = SIM_HOST(2);
	sim_host(server, SIM_HOST(2), SIM_SILENT);
	sim_replica(server, &late, &settled);
	sim_advance(&sim, 100000);
	assert_int_equal(demanded(SIM_HOST(2)), 1);
	sim_replica(server, &late, &settled);
	sim_advance(&sim, 100000);
	assert_int_equal(settled.calls, 1);
	assert_int_equal(sim_stat(server, "release-demands"), 1);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(server->demands, 3);
}

/* Only the host that was told, with the id and the name, from port 137. */
static void strangers_do_not_end_it(void **state)
{
	struct sim_settled settled;
	struct nb_name name;
	struct nb_name other;

	(void)state;
	sim_host(server, HOLDER, SIM_SILENT);
	cards("PC<20>", 1, 2);
	group_comes("PC<20>", &settled);
	nb_name_parse("PC<20>", &name);
	nb_name_parse("PC<00>", &other);
	serve_turn_begin(server->serve);
	for (uint32_t id = 0; id < 65536; id++) {
		serve_demand_answered(server->serve, SIM_HOST(66),
				      (uint16_t)id, &name);
		serve_demand_answered(server->serve, HOLDER, (uint16_t)id,
				      &other);
		/* its turn has not come */
		serve_demand_answered(server->serve, SIM_HOST(2),
				      (uint16_t)id, &name);
	}
	serve_turn_end(server->serve);
	assert_int_equal(serve_pending(server->serve), 1);
	assert_int_equal(sim_stat(server, "stray-answers"), 3 * 65536);
	serve_turn_begin(server->serve);
	for (uint32_t id = 0; id < 65536; id++) {
		serve_demand_answered(server->serve, HOLDER, (uint16_t)id,
				      &name);
	}
	serve_turn_end(server->serve);
	assert_int_equal(sim_stat(server, "release-demands-answered"), 1);
	assert_int_equal(sim_stat(server, "stray-answers"), 4 * 65536 - 1);
}

static uint8_t heard[NBNS_MAX];
static size_t heard_len;

static int hear(void *arg, uint32_t local, uint32_t to, uint16_t port,
		const uint8_t *data, size_t len)
{
	(void)arg;
	(void)local;
	assert_int_equal(to, 0x0a353915u);
	assert_int_equal(port, SIM_PORT);
	memcpy(heard, data, len);
	heard_len = len;
	return 0;
}

/* Annex A, "release demand, server:137 -> client:137", but for its id. */
static void the_bytes_of_annex_a(void **state)
{
	static const uint8_t want[] =
		"\x30\x00\x00\x01\x00\x00\x00\x00\x00\x01\x20"
		"FPFFEBFPEHEBFPFDEJFPFCCACACACAAA\x00"
		"\x00\x20\x00\x01\xc0\x0c\x00\x20\x00\x01"
		"\x00\x00\x00\x00\x00\x06\x00\x00\x0a\x35\x39\x15";
	struct sim_settled settled;

	(void)state;
	registered(1, "_UA_GA_SI_R<00>", 0x0a353915u);
	sim.deliver = hear;
	group_comes("_UA_GA_SI_R<00>", &settled);
	assert_int_equal(heard_len, 2 + sizeof(want) - 1);
	assert_memory_equal(heard + 2, want, sizeof(want) - 1);
}

/* ---- who is spared ---- */

/* It gave the name up and took it again before its turn came. */
static void a_holder_again_is_spared(void **state)
{
	struct sim_settled settled;
	struct sim_settled tombstone;
	struct sim_replica gone = {
		.name = "PC<20>",
		.type = NB_GROUP,
		.state = NB_TOMBSTONE,
		.count = 1,
		.addr = { THEIRS },
	};

	(void)state;
	sim_host(server, HOLDER, SIM_SILENT);
	cards("PC<20>", 1, 1);
	group_comes("PC<20>", &settled);
	assert_int_equal(demanded(HOLDER), 1);
	sim_replica(server, &gone, &tombstone);
	assert_true(tombstone.changed);
	send_kind(NBNS_REGISTER, 2, "PC<20>", HOLDER, true);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(demanded(HOLDER), 1);
	assert_int_equal(sim_stat(server, "release-demands-spared"), 1);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* One of several has it again; the others have not. */
static void the_others_are_told(void **state)
{
	struct sim_replica gone = {
		.name = "PC<20>",
		.type = NB_UNIQUE,
		.state = NB_TOMBSTONE,
		.count = 1,
		.addr = { THEIRS },
	};
	struct sim_settled settled;
	struct sim_settled tombstone;

	(void)state;
	cards("PC<20>", 1, 3);
	for (uint32_t i = 1; i <= 3; i++) {
		sim_host(server, SIM_HOST(i), SIM_SILENT);
	}
	group_comes("PC<20>", &settled);
	sim_replica(server, &gone, &tombstone);
	registered(2, "PC<20>", SIM_HOST(2));
	sim_advance_seconds(&sim, 60);
	assert_int_equal(demanded(SIM_HOST(1)), 1);
	assert_int_equal(demanded(SIM_HOST(2)), 0);
	assert_int_equal(demanded(SIM_HOST(3)), 3);
	assert_int_equal(sim_stat(server, "release-demands-spared"), 1);
}

/* wins:demand delay */
static void a_new_partner_may_not(void **state)
{
	struct sim_replica replica = {
		.name = "PC<20>",
		.type = NB_GROUP,
		.count = 1,
		.addr = { THEIRS },
		.no_demand = true,
	};
	struct sim_settled settled;

	(void)state;
	cards("PC<20>", 1, 1);
	sim_replica(server, &replica, &settled);
	assert_true(settled.changed);
	sim_advance_seconds(&sim, 10);
	assert_int_equal(server->demands, 0);
}

/* What a holder answers may be anything; we tell hosts, and not ourselves. */
static void no_host_is_not_told(void **state)
{
	static const uint32_t strange[] = {
		0, NB_BROADCAST, 0xe0000118u, 0x7f000001u, SIM_SELF,
	};
	struct sim_replica late = { .name = "PC<20>", .count = 1 };
	struct sim_host *host = NULL;
	struct sim_settled settled;

	(void)state;
	registered(1, "PC<20>", HOLDER);
	late.addr[0] = SIM_HOST(7);
	host = sim_host(server, HOLDER, SIM_ANSWERS);
	host->count = 6;
	memcpy(host->addr, strange, sizeof(strange));
	host->addr[5] = SIM_HOST(7);
	sim_host(server, SIM_HOST(7), SIM_HOLDS);
	sim_replica(server, &late, &settled);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(settled.calls, 1);
	assert_int_equal(server->demands, 1);
	assert_int_equal(demanded(SIM_HOST(7)), 1);
}

/* ---- how many ---- */

/* 300 names at once: ten first tries in every second of them, in order. */
static void ten_hosts_a_second(void **state)
{
	unsigned int told[300] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 300; i++) {
		struct sim_settled settled;
		char name[NB_NAME_TEXT];

		(void)snprintf(name, sizeof(name), "N%05u<20>", i);
		cards(name, 1 + i % 60, 1);
		sim_host(server, SIM_HOST(1 + i % 60), SIM_HOLDS);
		group_comes(name, &settled);
	}
	assert_int_equal(sim_stat(server, "pending-demands"), 300);
	for (unsigned int i = 0; i < 300; i++) {
		told[i] = server->demands;
		sim_advance(&sim, 100000);
		assert_true(server->demands - told[i < 9 ? 0 : i - 9] <= 10);
	}
	sim_advance_seconds(&sim, 1);
	assert_int_equal(server->demands, 300);
	assert_int_equal(serve_pending(server->serve), 0);
	/* in half a minute, neither sooner nor later */
	assert_int_equal(told[150], 151);
	assert_int_equal(told[299], 300);
}

/* More than 4096: the rest is dropped, with one line of log. */
static void the_queue_has_an_end(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 5000; i++) {
		struct sim_settled settled;
		char name[NB_NAME_TEXT];

		(void)snprintf(name, sizeof(name), "N%05u<20>", i);
		cards(name, 1, 1);
		group_comes(name, &settled);
	}
	assert_int_equal(sim_stat(server, "release-demands"), 4096);
	assert_int_equal(sim_stat(server, "release-demands-dropped"), 904);
	assert_non_null(strstr(sim.last_log, "4096 release demands"));
	sim_advance_seconds(&sim, 500);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* ---- what fails ---- */

static void not_before_it_is_durable(void **state)
{
	struct sim_settled settled;

	(void)state;
	sim_host(server, HOLDER, SIM_HOLDS);
	cards("PC<20>", 1, 1);
	sim_disk_hold(server->disk, true);
	group_comes("PC<20>", &settled);
	sim_advance_seconds(&sim, 5);
	assert_int_equal(server->demands, 0);
	sim_disk_finish(server->disk, 0);
	assert_int_equal(server->demands, 1);
	sim_disk_hold(server->disk, false);
	sim_advance_seconds(&sim, 1);
	/* and not at all if it never is */
	cards("PC2<20>", 1, 1);
	sim_disk_fail(server->disk, 1, ENOMEM);
	group_comes("PC2<20>", &settled);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(server->demands, 1);
	assert_int_equal(sim_stat(server, "release-demands-dropped"), 1);
	assert_int_equal(serve_pending(server->serve), 0);
}

static void no_timer_for_an_answer(void **state)
{
	struct sim_settled settled;

	(void)state;
	sim_host(server, HOLDER, SIM_SILENT);
	cards("PC<20>", 1, 1);
	sim.timers_fail = true;
	group_comes("PC<20>", &settled);
	sim.timers_fail = false;
	assert_int_equal(server->demands, 1);
	assert_int_equal(serve_pending(server->serve), 0);
	sim_advance_seconds(&sim, 10);
	assert_int_equal(server->demands, 1);
}

/* The queue stands still until the server's tick, a minute at most. */
static void no_timer_for_the_queue(void **state)
{
	struct sim_settled settled;

	(void)state;
	sim_host(server, SIM_HOST(1), SIM_HOLDS);
	sim_host(server, SIM_HOST(2), SIM_HOLDS);
	cards("PC1<20>", 1, 1);
	cards("PC2<20>", 2, 1);
	group_comes("PC1<20>", &settled);
	sim.timers_fail = true;
	group_comes("PC2<20>", &settled);
	sim.timers_fail = false;
	sim_advance_seconds(&sim, 130);
	assert_int_equal(demanded(SIM_HOST(2)), 1);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* Demands in every state, when somebody begins only to look on. */
static void an_observer_demands_nothing(void **state)
{
	struct serve_config config = sim_config();
	struct sim_settled settled;

	(void)state;
	config.policy.observe = true;
	cards("PC1<20>", 1, 1);
	cards("PC2<20>", 2, 1);
	cards("PC3<20>", 3, 1);
	group_comes("PC1<20>", &settled);	/* is told */
	group_comes("PC2<20>", &settled);	/* waits for its turn */
	sim_disk_hold(server->disk, true);
	group_comes("PC3<20>", &settled);	/* is not durable */
	assert_int_equal(server->demands, 1);
	assert_int_equal(serve_pending(server->serve), 4);
	serve_set_config(server->serve, &config);
	sim_disk_finish(server->disk, 0);
	sim_disk_hold(server->disk, false);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(server->demands, 1);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* Under ASan: nothing is left of those that wait. */
static void the_server_ends_first(void **state)
{
	struct sim_settled settled;

	(void)state;
	for (unsigned int i = 1; i < 10; i++) {
		char name[NB_NAME_TEXT];

		(void)snprintf(name, sizeof(name), "N%05u<20>", i);
		cards(name, i, 1);
		if (i == 8) {
			sim_disk_hold(server->disk, true);
		}
		group_comes(name, &settled);
	}
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(the_only_host_is_told_three_times),
		SCENE(several_are_told_in_order),
		SCENE(any_answer_ends_it),
		SCENE(a_late_answer_ends_it_too),
		SCENE(the_same_demand_again_is_one),
		SCENE(strangers_do_not_end_it),
		SCENE(the_bytes_of_annex_a),
		SCENE(a_holder_again_is_spared),
		SCENE(the_others_are_told),
		SCENE(a_new_partner_may_not),
		SCENE(no_host_is_not_told),
		SCENE(ten_hosts_a_second),
		SCENE(the_queue_has_an_end),
		SCENE(not_before_it_is_durable),
		SCENE(no_timer_for_an_answer),
		SCENE(no_timer_for_the_queue),
		SCENE(an_observer_demands_nothing),
		SCENE(the_server_ends_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
