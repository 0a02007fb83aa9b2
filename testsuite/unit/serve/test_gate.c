/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gate (design.md 4.2 `wins:start wait`): while it is closed no version is
 * handed out, and queries and pulls work. And what repl lets ride on a turn:
 * marks, numbers, the counter, who waits and who watches.
 */

#include "scene.h"

#define DAY 86400
#define PC SIM_HOST(1)
#define THEIRS 0x0a094201u	/* 10.9.66.1 */

static int start_closed(void **state)
{
	scene_start(state);
	registered(1, "OLD<20>", PC);
	serve_close_gate(server->serve, true);
	return 0;
}

static uint64_t counter(void)
{
	return store_counter(server->store);
}

static void send_replica(const char *name, uint8_t state_, uint32_t addr,
			 struct sim_settled *settled)
{
	struct sim_replica replica = {
		.name = name,
		.state = state_,
		.count = 1,
		.addr = { addr },
	};

	sim_replica(server, &replica, settled);
}

/* ---- clients ---- */

static void claims_and_releases_are_silence(void **state)
{
	static const enum nbns_kind kind[] = {
		NBNS_REGISTER, NBNS_MREGISTER, NBNS_REFRESH, NBNS_RELEASE,
	};
	struct nb_record before;
	struct nb_record rec;
	uint64_t was = counter();

	(void)state;
	assert_true(sim_record(server, "OLD<20>", &before));
	for (uint16_t i = 0; i < 4; i++) {
		send_kind(kind[i], 10 + i, "OLD<20>", PC, false);
		send_kind(kind[i], 20 + i, "NEW<20>", PC, false);
		/* a refusal would need no version, and is none either */
		send_kind(kind[i], 30 + i, "WPAD<20>", PC, false);
	}
	sim_advance_seconds(&sim, 10);
	assert_int_equal(sim_replies(server), 0);
	assert_int_equal(sim_stat(server, "requests-gate-closed"), 12);
	assert_true(sim_record(server, "OLD<20>", &rec));
	assert_int_equal(rec.revision, before.revision);
	assert_false(sim_record(server, "NEW<20>", &rec));
	assert_int_equal(counter(), was);
	serve_close_gate(server->serve, false);
	registered(40, "NEW<20>", PC);
}

static void queries_are_answered(void **state)
{
	(void)state;
	send_kind(NBNS_QUERY, 2, "OLD<20>", PC, false);
	expect(2, NBNS_QUERY_REPLY, 0);
	send_kind(NBNS_QUERY, 3, "NONE<20>", PC, false);
	expect(3, NBNS_NEGATIVE_REPLY, NB_RCODE_NAM);
}

/* One that began before finds it closed at its end: silence. */
static void a_challenge_that_ends_behind_it(void **state)
{
	(void)state;
	registered(1, "PC<20>", PC);
	send_kind(NBNS_REGISTER, 2, "PC<20>", SIM_HOST(2), false);
	expect(2, NBNS_WACK, 0);
	serve_close_gate(server->serve, true);
	sim_advance_seconds(&sim, 3);
	expect_silence(2);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* ---- operators ---- */

static void refused_now(void *arg, int error, const struct nb_verdict *verdict)
{
	(void)verdict;
	*(int *)arg = error;
}

static int command(enum nb_event_kind kind, const char *name)
{
	struct nb_event event = { .kind = kind, .force = true };
	int error = -1;

	nb_name_parse(name, &event.name);
	serve_command(server->serve, &event, refused_now, &error);
	return error;
}

static void commands_that_need_a_version(void **state)
{
	uint64_t was = counter();
	struct nb_record rec;

	(void)state;
	assert_int_equal(command(NB_EV_TOUCH, "OLD<20>"), EAGAIN);
	assert_int_equal(command(NB_EV_TOMBSTONE, "OLD<20>"), EAGAIN);
	assert_int_equal(counter(), was);
	assert_true(sim_record(server, "OLD<20>", &rec));
	assert_int_equal(rec.state, NB_ACTIVE);
	/* these need none */
	assert_int_equal(command(NB_EV_ADMIN_RELEASE, "OLD<20>"), 0);
	assert_int_equal(command(NB_EV_DELETE, "OLD<20>"), 0);
	assert_int_equal(counter(), was);
}

/* ---- replicas ---- */

static void replicas_that_need_no_version(void **state)
{
	struct sim_settled settled;
	struct nb_record rec;

	(void)state;
	send_replica("THEIRS<20>", NB_ACTIVE, THEIRS, &settled);
	assert_int_equal(settled.error, 0);
	assert_true(sim_record(server, "THEIRS<20>", &rec));
	/* a challenge needs none to begin with, nor to end */
	sim_host(server, PC, SIM_DENIES);
	send_replica("OLD<20>", NB_ACTIVE, THEIRS, &settled);
	assert_true(settled.pending);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(settled.calls, 1);
	assert_int_equal(settled.error, 0);
	assert_true(sim_record(server, "OLD<20>", &rec));
	assert_int_equal(rec.owner, SIM_OTHER);
}

static void replicas_that_need_one(void **state)
{
	struct sim_settled settled;
	uint64_t was = counter();

	(void)state;
	/* 5.3b: a tombstone over ours: ours is told anew */
	send_replica("OLD<20>", NB_TOMBSTONE, THEIRS, &settled);
	assert_int_equal(settled.error, EAGAIN);
	assert_false(settled.pending || settled.changed);
	assert_int_equal(counter(), was);
	assert_int_equal(sim_stat(server, "replicas-failed"), 1);
	serve_close_gate(server->serve, false);
	send_replica("OLD<20>", NB_TOMBSTONE, THEIRS, &settled);
	assert_int_equal(settled.error, 0);
	assert_int_equal(counter(), was + 1);
}

/* A waiting one may come to need a version: 5.2 #2, over a static. */
static void a_replica_that_comes_to_need_one(void **state)
{
	struct nb_record rec = { .is_static = true, .count = 1 };
	struct sim_settled settled;

	(void)state;
	send_replica("OLD<20>", NB_ACTIVE, THEIRS, &settled);
	assert_true(settled.pending);
	assert_true(sim_record(server, "OLD<20>", &rec));
	rec.is_static = true;
	rec.member[0].expires = NB_NEVER;
	sim_put(server, &rec);
	sim_advance_seconds(&sim, 3);
	assert_int_equal(settled.calls, 1);
	assert_int_equal(settled.error, EAGAIN);
}

/* ---- ageing ---- */

static void finished(void *arg, const struct serve_scavenge_result *result)
{
	*(struct serve_scavenge_result *)arg = *result;
}

static void passes_wait(void **state)
{
	struct serve_scavenge_result result = { .error = -1 };
	struct nb_record rec;

	(void)state;
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &result);
	assert_int_equal(result.error, EAGAIN);
	serve_scavenge(server->serve, SERVE_SCAVENGE_FORCE, finished, &result);
	assert_int_equal(result.error, EAGAIN);
	serve_scavenge(server->serve, SERVE_SCAVENGE_DRY_RUN, finished,
		       &result);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(result.error, 0);
	/* its time comes and goes: not one record ages */
	sim_advance_seconds(&sim, 30 * DAY);
	assert_true(sim_record(server, "OLD<20>", &rec));
	assert_int_equal(rec.state, NB_ACTIVE);
	assert_int_equal(sim_stat(server, "scavenged"), 0);
	/* and soon after it opens, the pass that is due */
	serve_close_gate(server->serve, false);
	sim_advance_seconds(&sim, 301);
	assert_true(sim_record(server, "OLD<20>", &rec));
	assert_int_equal(rec.state, NB_RELEASED);
}

/* A pass that is under way when it closes stops, and is tried again. */
static void a_pass_under_way_stops(void **state)
{
	struct serve_scavenge_result result = { .error = -1 };
	struct nb_record rec = {
		.name = nb_name_make("GONE", 4, 0x20),
		.state = NB_RELEASED,
		.version = 1,
		.expires = sim.world.now(&sim) + 10,
		.count = 1,
		.member = { { PC, NB_SELF, sim.world.now(&sim) + 10 } },
	};

	(void)state;
	sim_put(server, &rec);
	sim_advance_seconds(&sim, 20);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, finished, &result);
	serve_close_gate(server->serve, true);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(result.error, EAGAIN);
	assert_true(sim_record(server, "GONE<20>", &rec));
	assert_int_equal(rec.state, NB_RELEASED);
	serve_close_gate(server->serve, false);
	sim_advance_seconds(&sim, 301);
	assert_true(sim_record(server, "GONE<20>", &rec));
	assert_int_equal(rec.state, NB_TOMBSTONE);
}

/* ---- tombstones that partners have not seen ---- */

static void tombstone_of_ours(const char *name, uint64_t version)
{
	struct nb_record rec = {
		.state = NB_TOMBSTONE,
		.version = version,
		.expires = sim.world.now(&sim) + 10,
		.count = 1,
		.member = { { PC, NB_SELF, sim.world.now(&sim) + 10 } },
	};

	nb_name_parse(name, &rec.name);
	sim_put(server, &rec);
}

static void unseen_tombstones_stay(void **state)
{
	struct serve_config config = sim_config();
	struct nb_record rec;

	(void)state;
	sim_advance_seconds(&sim, 4 * DAY);	/* up long enough */
	tombstone_of_ours("SEEN<20>", 10);
	tombstone_of_ours("UNSEEN<20>", 11);
	serve_set_passed(server->serve, 10);
	/* a reload does not forget it */
	serve_set_config(server->serve, &config);
	sim_advance_seconds(&sim, 60);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, NULL, NULL);
	sim_advance_seconds(&sim, 1);
	assert_false(sim_record(server, "SEEN<20>", &rec));
	assert_true(sim_record(server, "UNSEEN<20>", &rec));
	serve_set_passed(server->serve, UINT64_MAX);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, NULL, NULL);
	sim_advance_seconds(&sim, 1);
	assert_false(sim_record(server, "UNSEEN<20>", &rec));
}

/* ---- what rides on a turn ---- */

struct ends {
	unsigned int calls;
	int error;
};

static void ended(void *arg, int error)
{
	struct ends *ends = arg;

	ends->calls++;
	ends->error = error;
}

static void marks_ride_on_the_turn(void **state)
{
	struct ends ends = { 0 };
	uint64_t number = 0;

	(void)state;
	sim_disk_hold(server->disk, true);
	serve_turn_begin(server->serve);
	assert_int_equal(serve_set_mark(server->serve, SIM_OTHER, 77), 0);
	assert_int_equal(serve_set_mark(server->serve, NB_SELF, 77), EINVAL);
	assert_int_equal(serve_set_meta(server->serve, "repl-x", 5), 0);
	assert_int_equal(serve_raise_counter(server->serve, 5000), 0);
	assert_true(serve_when_durable(server->serve, ended, &ends));
	serve_turn_end(server->serve);
	assert_int_equal(ends.calls, 0);
	assert_int_equal(serve_pending(server->serve), 1);
	sim_disk_finish(server->disk, 0);
	sim_disk_hold(server->disk, false);
	assert_int_equal(ends.calls, 1);
	assert_int_equal(ends.error, 0);
	sim_server_crash(server, false);
	assert_int_equal(store_mark(server->store, SIM_OTHER), 77);
	assert_true(store_get_meta(server->store, "repl-x", &number));
	assert_int_equal(number, 5);
	registered(2, "PC<20>", PC);
	assert_true(store_counter(server->store) > 5000);
}

static void a_turn_that_is_undone_is_told(void **state)
{
	struct ends ends = { 0 };

	(void)state;
	sim_disk_fail(server->disk, 1, ENOMEM);
	serve_turn_begin(server->serve);
	assert_int_equal(serve_set_mark(server->serve, SIM_OTHER, 77), 0);
	assert_true(serve_when_durable(server->serve, ended, &ends));
	serve_turn_end(server->serve);
	assert_int_equal(ends.calls, 1);
	assert_int_equal(ends.error, ENOMEM);
	assert_int_equal(store_mark(server->store, SIM_OTHER), 0);
}

/* Without a change of its own it waits for the turns before. */
static void an_empty_turn_waits_too(void **state)
{
	struct ends ends = { 0 };

	(void)state;
	sim_disk_hold(server->disk, true);
	send_kind(NBNS_REGISTER, 2, "PC<20>", PC, false);
	serve_turn_begin(server->serve);
	assert_true(serve_when_durable(server->serve, ended, &ends));
	serve_turn_end(server->serve);
	assert_int_equal(ends.calls, 0);
	sim_disk_finish(server->disk, 0);
	sim_disk_hold(server->disk, false);
	assert_int_equal(ends.calls, 1);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	serve_turn_begin(server->serve);
	assert_true(serve_when_durable(server->serve, ended, &ends));
	serve_turn_end(server->serve);
	assert_int_equal(ends.calls, 2);
}

/* A burst is a crowd of clients, and not what repl waits for. */
static void waiting_is_no_burst(void **state)
{
	static struct ends ends[1000];

	(void)state;
	sim_disk_hold(server->disk, true);
	serve_turn_begin(server->serve);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_true(serve_when_durable(server->serve, ended,
					       &ends[i]));
	}
	assert_int_equal(serve_set_mark(server->serve, SIM_OTHER, 77), 0);
	serve_turn_end(server->serve);
	assert_int_equal(sim_stat(server, "pending-replies"), 0);
	send_kind(NBNS_REGISTER, 2, "PC<20>", PC, false);
	assert_int_equal(sim_stat(server, "come-back-answers"), 0);
	expect_silence(2);
	sim_disk_finish(server->disk, 0);
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, 0);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(ends[i].calls, 1);
	}
	assert_int_equal(serve_pending(server->serve), 0);
}

/* ---- who watches ---- */

static unsigned int seen;

static void watch(void *arg)
{
	assert_ptr_equal(arg, &seen);
	seen++;
	/* what it notes down is no change that it would hear of again */
	serve_turn_begin(server->serve);
	assert_int_equal(serve_set_meta(server->serve, "repl-x", seen), 0);
	serve_turn_end(server->serve);
}

static unsigned int seen_since(void)
{
	unsigned int now = seen;

	seen = 0;
	return now;
}

static void the_watcher_hears_of_changes(void **state)
{
	struct sim_settled settled;

	(void)state;
	seen = 0;
	serve_set_watch(server->serve, watch, &seen);
	registered(2, "PC<20>", PC);
	assert_int_equal(seen_since(), 1);
	send_kind(NBNS_QUERY, 3, "PC<20>", PC, false);
	send_kind(NBNS_REGISTER, 4, "WPAD<20>", PC, false);
	assert_int_equal(seen_since(), 0);
	send_replica("THEIRS<20>", NB_ACTIVE, THEIRS, &settled);
	assert_int_equal(seen_since(), 1);
	serve_turn_begin(server->serve);
	assert_int_equal(serve_set_mark(server->serve, SIM_OTHER, 1), 0);
	serve_turn_end(server->serve);
	assert_int_equal(seen_since(), 1);
	/* once for a turn */
	serve_turn_begin(server->serve);
	assert_int_equal(serve_set_mark(server->serve, SIM_OTHER, 2), 0);
	send_kind(NBNS_REGISTER, 5, "PC2<20>", PC, false);
	serve_turn_end(server->serve);
	assert_int_equal(seen_since(), 1);
	/* only of what is durable */
	sim_disk_fail(server->disk, 1, ENOMEM);
	send_kind(NBNS_REGISTER, 6, "PC3<20>", PC, false);
	assert_int_equal(seen_since(), 0);
	serve_set_watch(server->serve, NULL, NULL);
	registered(7, "PC4<20>", PC);
	assert_int_equal(seen_since(), 0);
}

/* issue replication 5, "address change": ours, active before and after. */
static void address_changes(void **state)
{
	struct sim_settled settled;

	(void)state;
	sim_host(server, PC, SIM_DENIES);
	registered(2, "PC<20>", PC);
	send_kind(NBNS_REFRESH, 3, "PC<20>", PC, false);
	assert_int_equal(serve_address_changes(server->serve), 0);
	/* to another host */
	send_kind(NBNS_REGISTER, 4, "PC<20>", SIM_HOST(2), false);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(serve_address_changes(server->serve), 1);
	/* a release and a registration by another is none */
	send_kind(NBNS_RELEASE, 5, "PC<20>", SIM_HOST(2), false);
	send_kind(NBNS_REGISTER, 6, "PC<20>", SIM_HOST(3), false);
	assert_int_equal(serve_address_changes(server->serve), 1);
	/* a new member is; so is one that goes */
	send_kind(NBNS_REGISTER, 7, "D<1c>", SIM_HOST(1), true);
	assert_int_equal(serve_address_changes(server->serve), 1);
	send_kind(NBNS_REGISTER, 8, "D<1c>", SIM_HOST(2), true);
	assert_int_equal(serve_address_changes(server->serve), 2);
	send_kind(NBNS_RELEASE, 9, "D<1c>", SIM_HOST(1), false);
	assert_int_equal(serve_address_changes(server->serve), 3);
	/* what others own is theirs to tell */
	send_replica("T<20>", NB_ACTIVE, THEIRS, &settled);
	send_replica("T<20>", NB_ACTIVE, THEIRS + 1, &settled);
	/* and what was undone has not been */
	sim_disk_fail(server->disk, 1, ENOMEM);
	send_kind(NBNS_REGISTER, 10, "D<1c>", SIM_HOST(4), true);
	assert_int_equal(serve_address_changes(server->serve), 3);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)
#define CLOSED(test) cmocka_unit_test_setup_teardown(test, start_closed, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLOSED(claims_and_releases_are_silence),
		CLOSED(queries_are_answered),
		SCENE(a_challenge_that_ends_behind_it),
		CLOSED(commands_that_need_a_version),
		CLOSED(replicas_that_need_no_version),
		CLOSED(replicas_that_need_one),
		CLOSED(a_replica_that_comes_to_need_one),
		CLOSED(passes_wait),
		SCENE(a_pass_under_way_stops),
		SCENE(unseen_tombstones_stay),
		SCENE(marks_ride_on_the_turn),
		SCENE(a_turn_that_is_undone_is_told),
		SCENE(an_empty_turn_waits_too),
		SCENE(waiting_is_no_burst),
		SCENE(the_watcher_hears_of_changes),
		SCENE(address_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
