/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may happen while a replica waits for the answer of our holder: design
 * .md "Challenges" (the revision), quality.md C.2, and everything that fails.
 */

#include "scene.h"

#define HOLDER SIM_HOST(1)
#define NEW SIM_HOST(2)
#define THEIRS 0x0a094201u	/* 10.9.66.1 */
#define ROUNDS 3		/* fresh starts before a refusal */

static void send_replica(const char *name, uint32_t addr,
			 struct sim_settled *settled)
{
	struct sim_replica replica = {
		.name = name,
		.count = 1,
		.addr = { addr },
	};

	sim_replica(server, &replica, settled);
}

/* A replica of THEIRS that waits, for a name of HOLDER. */
static void one_waits(struct sim_settled *settled)
{
	registered(1, "PC<20>", HOLDER);
	send_replica("PC<20>", THEIRS, settled);
	assert_int_equal(settled->error, 0);
	assert_true(settled->pending);
}

static void expect_ours(const char *name, uint32_t addr)
{
	struct nb_record rec;

	assert_true(sim_record(server, name, &rec));
	assert_int_equal(rec.owner, NB_SELF);
	assert_int_equal(rec.state, NB_ACTIVE);
	assert_int_equal(rec.member[0].ip, addr);
}

static void expect_theirs(const char *name, uint64_t version)
{
	struct nb_record rec;

	assert_true(sim_record(server, name, &rec));
	assert_int_equal(rec.owner, SIM_OTHER);
	assert_int_equal(rec.version, version);
}

static void expect_settled(const struct sim_settled *settled, int error)
{
	assert_int_equal(settled->calls, 1);
	assert_int_equal(settled->error, error);
	assert_int_equal(serve_replicas_pending(server->serve), 0);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* ---- the holder says nothing, or something else ---- */

static void a_silent_holder_loses_after_three_seconds(void **state)
{
	struct sim_host *host = NULL;
	struct sim_settled settled;

	(void)state;
	host = sim_host(server, HOLDER, SIM_SILENT);
	one_waits(&settled);
	sim_advance(&sim, 2999999);
	assert_int_equal(settled.calls, 0);
	assert_int_equal(host->asked, 3);
	sim_advance(&sim, 1);
	expect_settled(&settled, 0);
	assert_int_equal(settled.durable, 1);
	expect_theirs("PC<20>", settled.version);
}

/* 1.4: a negative reply of type NULL may have no code at all. */
static void a_denial_without_a_code(void **state)
{
	struct sim_settled settled;

	(void)state;
	sim_host(server, HOLDER, SIM_DENIES)->late = true;
	one_waits(&settled);
	server->kept->data[3] &= 0xf0;
	sim_hosts_answer(server);
	expect_settled(&settled, 0);
	expect_theirs("PC<20>", settled.version);
}

/* 5.6: "other error: as positive with no addresses", not as a denial. */
static void a_holder_that_fails_keeps_the_name(void **state)
{
	struct sim_settled settled;

	(void)state;
	sim_host(server, HOLDER, SIM_FAILS);
	one_waits(&settled);
	sim_advance_seconds(&sim, 1);
	expect_settled(&settled, 0);
	expect_ours("PC<20>", HOLDER);
}

/* ... but of a client's challenge that is a loss, 2.5 step 4. */
static void to_a_client_a_failure_is_a_loss(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim_host(server, HOLDER, SIM_FAILS);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	sim_advance_seconds(&sim, 1);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
}

/* ---- the record changes meanwhile ---- */

static void a_refresh_voids_and_it_is_asked_again(void **state)
{
	struct sim_settled settled;

	(void)state;
	one_waits(&settled);
	sim_advance_seconds(&sim, 2);
	send_kind(NBNS_REFRESH, 3, "PC<20>", HOLDER, false);
	expect(3, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	assert_int_equal(sim_stat(server, "challenges-void"), 1);
	sim_advance(&sim, 2999999);
	assert_int_equal(settled.calls, 0);
	sim_advance(&sim, 1);
	expect_settled(&settled, 0);
	expect_theirs("PC<20>", settled.version);
}

static void one_that_starts_afresh_too_often_is_refused(void **state)
{
	struct sim_settled settled;

	(void)state;
	one_waits(&settled);
	for (unsigned int i = 0; i <= ROUNDS; i++) {
		assert_int_equal(settled.calls, 0);
		sim_advance_seconds(&sim, 1);
		send_kind(NBNS_REFRESH, 3, "PC<20>", HOLDER, false);
		expect(3, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	}
	expect_settled(&settled, 0);
	expect_ours("PC<20>", HOLDER);
	assert_int_equal(sim_stat(server, "replicas-refused"), 1);
}

static void a_release_clears_the_way(void **state)
{
	struct sim_settled settled;

	(void)state;
	one_waits(&settled);
	send_kind(NBNS_RELEASE, 3, "PC<20>", HOLDER, false);
	expect(3, NBNS_RELEASE_REPLY, NB_RCODE_OK);
	expect_settled(&settled, 0);
	expect_theirs("PC<20>", settled.version);
}

static void deleted(void *arg, int error, const struct nb_verdict *verdict)
{
	(void)arg;
	assert_int_equal(error, 0);
	assert_int_equal(verdict->outcome, NB_DONE);
}

static void a_deletion_clears_the_way(void **state)
{
	struct nb_event event = { .kind = NB_EV_DELETE };
	struct sim_settled settled;

	(void)state;
	one_waits(&settled);
	nb_name_parse("PC<20>", &event.name);
	serve_command(server->serve, &event, deleted, NULL);
	expect_settled(&settled, 0);
	expect_theirs("PC<20>", settled.version);
}

/* 5.2 #2: over a static of ours it has no chance any more. */
static void a_static_that_is_added_stays(void **state)
{
	struct nb_record rec = {
		.name = nb_name_make("PC", 2, 0x20),
		.is_static = true,
		.count = 1,
		.member = { { .ip = HOLDER } },
	};
	struct nb_event event = {
		.kind = NB_EV_ADD,
		.force = true,
		.name = rec.name,
		.record = &rec,
	};
	struct sim_settled settled;

	(void)state;
	one_waits(&settled);
	serve_command(server->serve, &event, deleted, NULL);
	expect_settled(&settled, 0);
	expect_ours("PC<20>", HOLDER);
	assert_int_equal(sim_stat(server, "replicas-versioned"), 1);
}

/* A second replica that needs no question is decided at once: 5.2 #4. */
static void a_static_replica_overtakes(void **state)
{
	struct sim_replica fixed = {
		.name = "PC<20>",
		.is_static = true,
		.count = 1,
		.addr = { THEIRS },
	};
	struct sim_settled settled;
	struct sim_settled second;

	(void)state;
	one_waits(&settled);
	sim_replica(server, &fixed, &second);
	assert_false(second.pending);
	assert_true(second.changed);
	/* the first meets the record of its own owner: 5.2 #5 */
	expect_settled(&settled, 0);
	expect_theirs("PC<20>", settled.version);
}

/* ---- several who wait ---- */

static void replicas_share_one_question(void **state)
{
	struct sim_settled first;
	struct sim_settled second;
	struct sim_host *host = NULL;

	(void)state;
	host = sim_host(server, HOLDER, SIM_HOLDS);
	host->late = true;
	one_waits(&first);
	send_replica("PC<20>", THEIRS + 1, &second);
	assert_true(second.pending);
	assert_int_equal(serve_replicas_pending(server->serve), 2);
	sim_hosts_answer(server);
	assert_int_equal(first.calls, 1);
	expect_settled(&second, 0);
	assert_int_equal(host->asked, 1);
	expect_ours("PC<20>", HOLDER);
}

/* The first takes the name, the second meets it as its owner's: 5.2 #5. */
static void the_second_meets_what_the_first_made(void **state)
{
	struct sim_settled first;
	struct sim_settled second;

	(void)state;
	one_waits(&first);
	send_replica("PC<20>", THEIRS + 1, &second);
	sim_advance_seconds(&sim, 3);
	assert_int_equal(first.calls, 1);
	expect_settled(&second, 0);
	expect_theirs("PC<20>", second.version);
}

/* The client gets the name; then it is asked because of the replica. */
static void a_replica_lines_up_behind_a_client(void **state)
{
	struct sim_settled settled;

	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim_host(server, HOLDER, SIM_DENIES)->late = true;
	sim_host(server, NEW, SIM_HOLDS)->late = true;
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	send_replica("PC<20>", THEIRS, &settled);
	assert_true(settled.pending);
	assert_int_equal(sim_stat(server, "challenges"), 1);
	sim_hosts_answer(server);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	assert_int_equal(sim_stat(server, "challenges"), 2);
	assert_int_equal(sim_stat(server, "challenges-held"), 1);
	expect_settled(&settled, 0);
	expect_ours("PC<20>", NEW);
	assert_int_equal(sim_stat(server, "wacks"), 1);
}

/* One WACK, for both questions; the second goes to the replica's holder. */
static void a_client_lines_up_behind_a_replica(void **state)
{
	struct sim_settled settled;

	(void)state;
	one_waits(&settled);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	assert_int_equal(expect(2, NBNS_WACK, 0)->msg.ttl, 13);
	sim_host(server, THEIRS, SIM_HOLDS);
	sim_advance_seconds(&sim, 3);
	assert_int_equal(settled.calls, 1);
	expect_theirs("PC<20>", settled.version);
	sim_advance_seconds(&sim, 1);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	expect_settled(&settled, 0);
	assert_int_equal(sim_replies(server), 0);
}

/* Neither the line of 4 nor the joined 8 are for replicas. */
static void many_wait_for_one_name(void **state)
{
	static struct sim_settled settled[300];

	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim_host(server, HOLDER, SIM_HOLDS)->late = true;
	for (unsigned int i = 0; i < 300; i++) {
		send_replica("PC<20>", THEIRS, &settled[i]);
		assert_true(settled[i].pending);
	}
	assert_int_equal(serve_replicas_pending(server->serve), 300);
	assert_int_equal(sim_stat(server, "pending-replicas"), 300);
	assert_int_equal(sim_stat(server, "challenges"), 1);
	sim_hosts_answer(server);
	for (unsigned int i = 0; i < 300; i++) {
		assert_int_equal(settled[i].calls, 1);
		assert_int_equal(settled[i].durable, 1);
	}
	expect_settled(&settled[0], 0);
}

static struct nb_record numbered(unsigned int number, uint32_t addr)
{
	struct nb_record rec = { .count = 1 };
	char text[NB_NAME_MAX + 1];
	int len = snprintf(text, sizeof(text), "N%05u", number);

	rec.name = nb_name_make(text, (size_t)len, 0x20);
	rec.version = number + 1;
	rec.expires = sim.world.now(&sim) + 100000;
	rec.member[0] = (struct nb_member){ addr, NB_SELF, rec.expires };
	return rec;
}

/* More than a pull may have pending, and more than one address could cause. */
static void many_wait_for_many_names(void **state)
{
	static struct sim_settled settled[400];

	(void)state;
	for (unsigned int i = 0; i < 400; i++) {
		struct nb_record rec = numbered(i, HOLDER);
		char text[NB_NAME_TEXT];

		sim_put(server, &rec);
		send_replica(nb_name_print(&rec.name, text), THEIRS,
			     &settled[i]);
		assert_true(settled[i].pending);
	}
	assert_int_equal(sim_stat(server, "pending-challenges"), 400);
	sim_advance_seconds(&sim, 3);
	for (unsigned int i = 0; i < 400; i++) {
		assert_int_equal(settled[i].calls, 1);
		assert_int_equal(settled[i].durable, 1);
		assert_int_equal(settled[i].error, 0);
	}
	expect_settled(&settled[0], 0);
	assert_int_equal(sim_stat(server, "challenges-source-limit"), 0);
}

/* All names that can be under challenge are: the partner is asked again. */
static void no_challenge_can_be_had(void **state)
{
	static struct sim_settled settled[16385];

	(void)state;
	for (unsigned int i = 0; i < 16385; i++) {
		struct nb_record rec = numbered(i, HOLDER);
		char text[NB_NAME_TEXT];

		sim_put(server, &rec);
		send_replica(nb_name_print(&rec.name, text), THEIRS,
			     &settled[i]);
	}
	assert_true(settled[16383].pending);
	assert_false(settled[16384].pending);
	assert_int_equal(settled[16384].error, EAGAIN);
	assert_int_equal(sim_stat(server, "replicas-failed"), 1);
	sim_advance_seconds(&sim, 3);
	assert_int_equal(settled[16384].calls, 0);
	expect_settled(&settled[16383], 0);
}

/* ---- nobody wants to know any more ---- */

static void forgotten_but_not_dropped(void **state)
{
	struct sim_settled settled;

	(void)state;
	one_waits(&settled);
	serve_replica_forget(server->serve, &settled);
	assert_int_equal(serve_replicas_pending(server->serve), 1);
	sim_advance_seconds(&sim, 3);
	assert_int_equal(settled.calls, 0);
	assert_int_equal(serve_replicas_pending(server->serve), 0);
	expect_theirs("PC<20>", settled.version);
}

static unsigned int told;

/* The first that hears of it closes the association of the others. */
static void hang_up(void *arg, int error)
{
	(void)error;
	told++;
	for (int i = 0; i < 3; i++) {
		serve_replica_forget(server->serve, (char *)arg + i);
		serve_replica_forget(server->serve, (char *)arg - i);
	}
}

static void forgotten_by_one_of_them(void **state)
{
	struct nb_record rec = numbered(1, THEIRS);
	struct nb_event event = {
		.kind = NB_EV_REPLICA,
		.name = nb_name_make("PC", 2, 0x20),
		.record = &rec,
	};
	char arg[3];
	bool pending = false;
	bool changed = false;

	(void)state;
	rec.name = event.name;
	rec.owner = SIM_OTHER;
	registered(1, "PC<20>", HOLDER);
	sim_host(server, HOLDER, SIM_HOLDS)->late = true;
	serve_turn_begin(server->serve);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(serve_replica(server->serve, &event, hang_up,
					       &arg[i], &pending, &changed),
				 0);
		assert_true(pending);
	}
	serve_turn_end(server->serve);
	told = 0;
	sim_hosts_answer(server);
	assert_int_equal(told, 1);
	assert_int_equal(serve_replicas_pending(server->serve), 0);
}

/* The end of the server finds some that wait: under ASan nothing is left. */
static void the_server_ends_first(void **state)
{
	static struct sim_settled settled;	/* nobody writes there */

	(void)state;
	one_waits(&settled);
}

/* ---- what fails ---- */

/* The turn that holds the outcome is undone; the partner is asked again. */
static void the_disk_fails_at_the_outcome(void **state)
{
	struct sim_settled settled;

	(void)state;
	one_waits(&settled);
	sim_disk_fail(server->disk, 1, ENOMEM);
	sim_advance_seconds(&sim, 3);
	assert_int_equal(settled.calls, 1);
	assert_int_equal(settled.durable, 0);
	assert_int_equal(settled.undone, 1);
	expect_ours("PC<20>", HOLDER);
	send_replica("PC<20>", THEIRS, &settled);
	assert_true(settled.pending);
	sim_advance_seconds(&sim, 3);
	expect_settled(&settled, 0);
	assert_int_equal(settled.durable, 1);
	expect_theirs("PC<20>", settled.version);
}

/* What it was about is undone while it waits: it meets what is left. */
static void the_record_is_undone_meanwhile(void **state)
{
	struct sim_settled settled;

	(void)state;
	sim_disk_hold(server->disk, true);
	send_kind(NBNS_REGISTER, 1, "PC<20>", HOLDER, false);
	send_replica("PC<20>", THEIRS, &settled);
	assert_true(settled.pending);
	sim_disk_finish(server->disk, ENOMEM);
	sim_disk_hold(server->disk, false);
	sim_advance_seconds(&sim, 3);
	expect_settled(&settled, 0);
	assert_int_equal(settled.durable, 1);
	expect_theirs("PC<20>", settled.version);
	expect_silence(1);
}

/*
 * NEW is asked about a record that is then undone: what it says is nothing
 * that HOLDER could lose the name by.
 */
static void the_holder_before_comes_back(void **state)
{
	struct sim_settled settled;

	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim_host(server, HOLDER, SIM_HOLDS)->late = true;
	sim_host(server, NEW, SIM_DENIES)->late = true;
	sim_disk_hold(server->disk, true);
	send_kind(NBNS_RELEASE, 2, "PC<20>", HOLDER, false);
	send_kind(NBNS_REGISTER, 3, "PC<20>", NEW, false);
	send_replica("PC<20>", THEIRS, &settled);
	assert_true(settled.pending);
	sim_disk_finish(server->disk, ENOMEM);
	sim_disk_hold(server->disk, false);
	sim_hosts_answer(server);
	assert_int_equal(sim_stat(server, "challenges-lost"), 1);
	assert_int_equal(sim_stat(server, "challenges-held"), 1);
	expect_settled(&settled, 0);
	expect_ours("PC<20>", HOLDER);
}

static void a_full_disk_at_the_outcome(void **state)
{
	struct sim_settled settled;

	(void)state;
	one_waits(&settled);
	sim_disk_break(server->disk, ENOSPC);
	send_kind(NBNS_REGISTER, 2, "ELSE<20>", NEW, false);
	sim_advance_seconds(&sim, 3);
	expect_settled(&settled, ENOSPC);
	expect_ours("PC<20>", HOLDER);
	/* and nobody is asked when nothing can come of it */
	send_replica("PC<20>", THEIRS, &settled);
	assert_int_equal(settled.error, ENOSPC);
	assert_false(settled.pending);
	assert_int_equal(sim_stat(server, "challenges"), 1);
	assert_int_equal(sim_stat(server, "replicas-failed"), 2);
	sim_disk_break(server->disk, 0);
	sim_advance_seconds(&sim, STORE_PROBE_SECONDS);
	send_replica("PC<20>", THEIRS, &settled);
	assert_true(settled.pending);
	sim_advance_seconds(&sim, 3);
	expect_settled(&settled, 0);
}

static void no_timer_to_begin_with(void **state)
{
	struct sim_settled settled;

	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim.timers_fail = true;
	send_replica("PC<20>", THEIRS, &settled);
	sim.timers_fail = false;
	assert_int_equal(settled.error, ENOMEM);
	assert_false(settled.pending);
	assert_int_equal(settled.calls, 0);
	assert_int_equal(serve_pending(server->serve), 0);
	assert_int_equal(serve_replicas_pending(server->serve), 0);
}

static void no_timer_for_the_second_try(void **state)
{
	struct sim_settled settled;

	(void)state;
	one_waits(&settled);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	sim.timers_fail = true;
	sim_advance_seconds(&sim, 1);
	sim.timers_fail = false;
	expect_settled(&settled, ENOMEM);
	assert_int_equal(settled.durable, 1);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_SRV);
	expect_ours("PC<20>", HOLDER);
}

/* ---- from which address ---- */

static void asked_from_the_nearest_address(void **state)
{
	static const struct serve_iface iface[] = {
		{ 0x0a050001u, 0xffff0000u, 0 },	/* 10.5.0.1 */
		{ 0xc0000201u, 0xffffff00u, 0 },	/* 192.0.2.1 */
		{ SIM_SELF, 0xffffff00u, 0 },		/* 10.0.0.1/24 */
	};
	static const struct {
		uint32_t holder, local;
	} want[] = {
		{ 0x0a050777u, 0x0a050001u },	/* its own network */
		{ 0xc0000277u, 0xc0000201u },
		{ 0xc6336401u, SIM_SELF },	/* behind a router */
	};

	(void)state;
	serve_set_ifaces(server->serve, iface, 3);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct nb_record rec = numbered((unsigned int)i,
						want[i].holder);
		struct sim_host *host =
			sim_host(server, want[i].holder, SIM_HOLDS);
		struct sim_settled settled;
		char text[NB_NAME_TEXT];

		sim_put(server, &rec);
		send_replica(nb_name_print(&rec.name, text), THEIRS,
			     &settled);
		sim_advance_seconds(&sim, 1);
		assert_int_equal(settled.calls, 1);
		assert_int_equal(host->local, want[i].local);
	}
}

/* Of two in the same network the one that names us. */
static void asked_from_our_own_address(void **state)
{
	static const struct serve_iface iface[] = {
		{ 0x0a000009u, 0xffff0000u, 0 },	/* 10.0.0.9 */
		{ SIM_SELF, 0xffff0000u, 0 },
		{ 0x0a00000au, 0xffff0000u, 0 },	/* 10.0.0.10 */
	};
	struct sim_host *host = sim_host(server, HOLDER, SIM_HOLDS);
	struct sim_settled settled;

	(void)state;
	serve_set_ifaces(server->serve, iface, 3);
	one_waits(&settled);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(host->local, SIM_SELF);
}

/* The one that names us is gone: the first of those that are left. */
static void asked_from_any_address(void **state)
{
	static const struct serve_iface iface[] = {
		{ 0x0a050001u, 0xffff0000u, 0 },	/* 10.5.0.1 */
		{ 0xc0000201u, 0xffffff00u, 0 },	/* 192.0.2.1 */
	};
	struct sim_host *host = sim_host(server, HOLDER, SIM_HOLDS);
	struct sim_settled settled;

	(void)state;
	registered(1, "PC<20>", HOLDER);
	serve_set_ifaces(server->serve, iface, 2);
	send_replica("PC<20>", THEIRS, &settled);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(settled.calls, 1);
	assert_int_equal(host->local, 0x0a050001u);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(a_silent_holder_loses_after_three_seconds),
		SCENE(a_denial_without_a_code),
		SCENE(a_holder_that_fails_keeps_the_name),
		SCENE(to_a_client_a_failure_is_a_loss),
		SCENE(a_refresh_voids_and_it_is_asked_again),
		SCENE(one_that_starts_afresh_too_often_is_refused),
		SCENE(a_release_clears_the_way),
		SCENE(a_deletion_clears_the_way),
		SCENE(a_static_that_is_added_stays),
		SCENE(a_static_replica_overtakes),
		SCENE(replicas_share_one_question),
		SCENE(the_second_meets_what_the_first_made),
		SCENE(a_replica_lines_up_behind_a_client),
		SCENE(a_client_lines_up_behind_a_replica),
		SCENE(many_wait_for_one_name),
		SCENE(many_wait_for_many_names),
		SCENE(no_challenge_can_be_had),
		SCENE(forgotten_but_not_dropped),
		SCENE(forgotten_by_one_of_them),
		SCENE(the_server_ends_first),
		SCENE(the_disk_fails_at_the_outcome),
		SCENE(the_record_is_undone_meanwhile),
		SCENE(the_holder_before_comes_back),
		SCENE(a_full_disk_at_the_outcome),
		SCENE(no_timer_to_begin_with),
		SCENE(no_timer_for_the_second_try),
		SCENE(asked_from_the_nearest_address),
		SCENE(asked_from_our_own_address),
		SCENE(asked_from_any_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
