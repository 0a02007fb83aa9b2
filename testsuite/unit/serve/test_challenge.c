/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Challenges, protocol.md 2.5 and design.md "Challenges", in virtual time.
 */

#include "scene.h"

#define HOLDER SIM_HOST(1)
#define NEW SIM_HOST(2)

/* Three queries a second apart, one id, from our port; then the newcomer. */
static void a_silent_holder_loses_after_three_tries(void **state)
{
	const struct sim_reply *wack = NULL;
	struct sim_host *host = NULL;
	struct nb_record rec;

	(void)state;
	registered(1, "PC<20>", HOLDER);
	host = sim_host(server, HOLDER, SIM_SILENT);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	wack = expect(2, NBNS_WACK, 0);
	assert_int_equal(wack->msg.ttl, 9);
	assert_int_equal(wack->msg.wait_op, 0x2900);
	assert_int_equal(host->asked, 1);
	sim_advance(&sim, 999999);
	assert_int_equal(host->asked, 1);
	sim_advance(&sim, 1);
	assert_int_equal(host->asked, 2);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(host->asked, 3);
	sim_advance(&sim, 999999);
	expect_silence(2);
	sim_advance(&sim, 1);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	assert_int_equal(host->asked, 3);
	assert_true(sim_record(server, "PC<20>", &rec));
	assert_int_equal(rec.count, 1);
	assert_int_equal(rec.member[0].ip, NEW);
	assert_int_equal(serve_pending(server->serve), 0);
}

static void a_holder_that_answers_keeps_the_name(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim_host(server, HOLDER, SIM_HOLDS);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	sim_advance(&sim, 2000);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
}

static void a_denial_gives_the_name_away(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim_host(server, HOLDER, SIM_DENIES);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	sim_advance(&sim, 2000);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
}

static void the_same_request_again_is_silent(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect_silence(2);
	assert_int_equal(sim_stat(server, "repeated-while-waiting"), 1);
	sim_advance_seconds(&sim, 3);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	expect_silence(2);
	/* when the wait is over, it is a request like any other */
	registered(2, "PC<20>", NEW);
}

static void the_same_host_joins(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim_host(server, HOLDER, SIM_HOLDS)->late = true;
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	send_kind(NBNS_REGISTER, 3, "PC<20>", NEW, false);
	assert_int_equal(expect(3, NBNS_WACK, 0)->msg.ttl, 9);
	assert_int_equal(sim_stat(server, "challenges"), 1);
	sim_hosts_answer(server);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	expect(3, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	assert_int_equal(sim_stat(server, "challenges"), 1);
}

/* Ids are free for an attacker: what they make us keep has a bound. */
static void a_flood_of_ids_does_not_pile_up(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	for (uint16_t i = 2; i < 1002; i++) {
		send_kind(NBNS_REGISTER, i, "PC<20>", NEW, false);
	}
	assert_int_equal(sim_stat(server, "wacks"), 8);
	assert_int_equal(sim_stat(server, "challenges-dropped"), 992);
	sim_advance_seconds(&sim, 3);
	for (uint16_t i = 2; i < 10; i++) {
		expect(i, NBNS_WACK, 0);
		expect(i, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	}
	assert_int_equal(sim_replies(server), 0);
}

static void a_line_of_four_waits_behind(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	for (uint16_t i = 2; i < 8; i++) {
		send_kind(NBNS_REGISTER, i, "PC<20>", SIM_HOST(i), false);
	}
	assert_int_equal(expect(2, NBNS_WACK, 0)->msg.ttl, 9);
	assert_int_equal(expect(3, NBNS_WACK, 0)->msg.ttl, 13);
	assert_int_equal(expect(4, NBNS_WACK, 0)->msg.ttl, 17);
	expect(5, NBNS_WACK, 0);
	expect(6, NBNS_WACK, 0);
	expect_silence(7);
	assert_int_equal(sim_stat(server, "challenges-dropped"), 1);
	/* 2 gets it; the others challenge 2 in their turn, without another
	 * WACK; 2 answers, so they are refused */
	sim_host(server, SIM_HOST(2), SIM_HOLDS);
	sim_advance_seconds(&sim, 3);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	sim_advance_seconds(&sim, 1);
	for (uint16_t i = 3; i < 7; i++) {
		expect(i, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	}
	assert_int_equal(sim_replies(server), 0);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* The holder's refresh is decided at once; who waits starts afresh. */
static void a_refresh_by_the_holder_voids(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	sim_advance_seconds(&sim, 2);
	send_kind(NBNS_REFRESH, 3, "PC<20>", HOLDER, false);
	expect(3, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	assert_int_equal(sim_stat(server, "challenges-void"), 1);
	expect_silence(2);
	sim_advance(&sim, 2999999);
	expect_silence(2);
	sim_advance(&sim, 1);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
}

static void endless_refreshes_end_in_a_refusal(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	for (uint16_t i = 0; i < 4; i++) {
		expect_silence(2);
		sim_advance_seconds(&sim, 1);
		send_kind(NBNS_REFRESH, 3, "PC<20>", HOLDER, false);
		expect(3, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	}
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	assert_int_equal(serve_pending(server->serve), 0);
}

static void a_release_by_the_holder_clears_the_way(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	send_kind(NBNS_RELEASE, 3, "PC<20>", HOLDER, false);
	expect(3, NBNS_RELEASE_REPLY, NB_RCODE_OK);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	assert_int_equal(serve_pending(server->serve), 0);
}

static void a_release_by_another_changes_nothing(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	send_kind(NBNS_RELEASE, 3, "PC<20>", SIM_HOST(9), false);
	expect(3, NBNS_RELEASE_REPLY, NB_RCODE_OK);
	expect_silence(2);
	assert_int_equal(sim_stat(server, "challenges-void"), 0);
	sim_advance_seconds(&sim, 3);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
}

static void forced(void *arg, int error, const struct nb_verdict *verdict)
{
	(void)arg;
	assert_int_equal(error, 0);
	assert_int_equal(verdict->outcome, NB_DONE);
}

static void an_operator_voids_too(void **state)
{
	struct nb_event event = { .kind = NB_EV_DELETE };

	(void)state;
	registered(1, "PC<20>", HOLDER);
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	expect(2, NBNS_WACK, 0);
	nb_name_parse("PC<20>", &event.name);
	serve_command(server->serve, &event, forced, NULL);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
}

/* ---- several addresses ---- */

static void three_cards(struct nb_record *rec)
{
	*rec = (struct nb_record){
		.name = nb_name_make("M", 1, 0x20),
		.type = NB_MHOMED,
		.version = 5,
		.expires = sim.world.now(&sim) + 1000,
		.count = 3,
	};
	for (uint32_t i = 0; i < 3; i++) {
		rec->member[i] = (struct nb_member){ SIM_HOST(11 + i), NB_SELF,
						     rec->expires };
	}
	sim_put(server, rec);
}

static void addresses_are_asked_in_order(void **state)
{
	struct sim_host *first = NULL;
	struct sim_host *second = NULL;
	struct sim_host *third = NULL;
	struct nb_record rec;

	(void)state;
	three_cards(&rec);
	first = sim_host(server, SIM_HOST(11), SIM_SILENT);
	second = sim_host(server, SIM_HOST(12), SIM_HOLDS);
	third = sim_host(server, SIM_HOST(13), SIM_HOLDS);
	send_kind(NBNS_REGISTER, 2, "M<20>", NEW, false);
	assert_int_equal(expect(2, NBNS_WACK, 0)->msg.ttl, 17);
	sim_advance(&sim, 2999999);
	assert_int_equal(first->asked, 3);
	assert_int_equal(second->asked, 0);
	sim_advance(&sim, 2001);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_ACT);
	assert_int_equal(second->asked, 1);
	assert_int_equal(third->asked, 0);
}

/* 2.5: what the answer names stays, what it does not goes, the new comes. */
static void one_host_with_another_card_merges(void **state)
{
	struct sim_host *host = NULL;
	struct nb_record before;
	struct nb_record rec;

	(void)state;
	three_cards(&before);
	host = sim_host(server, SIM_HOST(11), SIM_ANSWERS);
	host->count = 3;
	host->addr[1] = SIM_HOST(12);
	host->addr[2] = SIM_HOST(14);
	send_kind(NBNS_MREGISTER, 2, "M<20>", SIM_HOST(14), false);
	expect(2, NBNS_WACK, 0);
	sim_advance(&sim, 2000);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_OK);
	assert_true(sim_record(server, "M<20>", &rec));
	assert_int_equal(rec.type, NB_MHOMED);
	assert_int_equal(rec.count, 3);
	assert_true(nb_record_find(&rec, SIM_HOST(11)) >= 0);
	assert_true(nb_record_find(&rec, SIM_HOST(12)) >= 0);
	assert_true(nb_record_find(&rec, SIM_HOST(14)) >= 0);
	assert_true(rec.version > before.version);
}

/* ---- whom to believe ---- */

static void answer_bytes(uint16_t trn_id, const char *text, uint8_t *buf,
			 size_t *len)
{
	struct nb_name name;
	struct nb_origin origin = { .trn_id = trn_id, .label_len = 16 };
	struct nb_reply reply = {
		.kind = NB_REPLY_ADDRESSES,
		.count = 1,
		.addr = { HOLDER },
	};

	nb_name_parse(text, &name);
	memset(origin.label, ' ', 15);
	memcpy(origin.label, name.byte, name.len);
	origin.label[15] = name.type;
	*len = nbns_encode_reply(buf, NBNS_MAX, &origin, &name, &reply);
}

static uint16_t challenge_id;

static int catch_id(void *arg, uint32_t local, uint32_t to, uint16_t port,
		    const uint8_t *data, size_t len)
{
	struct nbns_msg msg;

	(void)arg;
	if (port == SIM_PORT && nbns_decode(data, len, &msg) == NBNS_OK) {
		assert_int_equal(local, SIM_SELF);
		assert_int_equal(to, HOLDER);
		assert_int_equal(msg.operation, 0x0100);
		challenge_id = msg.trn_id;
	}
	return 0;
}

static void only_the_asked_host_is_believed(void **state)
{
	uint8_t buf[NBNS_MAX];
	size_t len = 0;

	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim.deliver = catch_id;
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	/* right id and name, wrong address */
	for (uint32_t id = 0; id < 65536; id++) {
		answer_bytes((uint16_t)id, "PC<20>", buf, &len);
		sim_datagram(server, SIM_HOST(66), SIM_PORT, buf, len);
	}
	/* right address, wrong port; wrong name; wrong id */
	answer_bytes(challenge_id, "PC<20>", buf, &len);
	sim_datagram(server, HOLDER, 1025, buf, len);
	answer_bytes(challenge_id, "PC<00>", buf, &len);
	sim_datagram(server, HOLDER, SIM_PORT, buf, len);
	answer_bytes(challenge_id + 1, "PC<20>", buf, &len);
	sim_datagram(server, HOLDER, SIM_PORT, buf, len);
	assert_int_equal(sim_stat(server, "challenges-held"), 0);
	assert_int_equal(sim_stat(server, "stray-answers"), 65538);
	/* all of it right; and never twice */
	answer_bytes(challenge_id, "PC<20>", buf, &len);
	sim_datagram(server, HOLDER, SIM_PORT, buf, len);
	assert_int_equal(sim_stat(server, "challenges-held"), 1);
	sim_datagram(server, HOLDER, SIM_PORT, buf, len);
	assert_int_equal(sim_stat(server, "challenges-held"), 1);
	assert_int_equal(serve_pending(server->serve), 0);
}

/* 2.5, the self-answer trap: our own challenge, delivered to ourselves. */
static void our_own_challenge_is_not_answered(void **state)
{
	uint8_t buf[NBNS_MAX];
	struct nb_name name;
	size_t len = 0;

	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim.deliver = catch_id;
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	nb_name_parse("PC<20>", &name);
	len = nbns_encode_request(buf, sizeof(buf), NBNS_QUERY, challenge_id,
				  0x0100, &name, 0, 0, 0);
	sim_datagram(server, SIM_SELF, SIM_PORT, buf, len);
	assert_int_equal(sim_stat(server, "self-queries"), 1);
	assert_int_equal(sim_stat(server, "queries-found"), 0);
}

static void without_a_timer_the_server_has_failed(void **state)
{
	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim.timers_fail = true;
	send_kind(NBNS_REGISTER, 2, "PC<20>", NEW, false);
	sim.timers_fail = false;
	expect(2, NBNS_WACK, 0);
	expect(2, NBNS_REGISTER_REPLY, NB_RCODE_SRV);
	assert_int_equal(serve_pending(server->serve), 0);
}

static void ids_differ_from_challenge_to_challenge(void **state)
{
	uint16_t ids[16];
	unsigned int same = 0;

	(void)state;
	registered(1, "PC<20>", HOLDER);
	sim.deliver = catch_id;
	for (unsigned int i = 0; i < 16; i++) {
		uint8_t buf[NBNS_MAX];
		size_t len = 0;

		send_kind(NBNS_REGISTER, (uint16_t)(10 + i), "PC<20>", NEW,
			  false);
		ids[i] = challenge_id;
		answer_bytes(challenge_id, "PC<20>", buf, &len);
		sim_datagram(server, HOLDER, SIM_PORT, buf, len);
	}
	for (unsigned int i = 1; i < 16; i++) {
		same += ids[i] == ids[i - 1] || ids[i] == ids[i - 1] + 1;
	}
	assert_true(same < 2);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(a_silent_holder_loses_after_three_tries),
		SCENE(a_holder_that_answers_keeps_the_name),
		SCENE(a_denial_gives_the_name_away),
		SCENE(the_same_request_again_is_silent),
		SCENE(the_same_host_joins),
		SCENE(a_flood_of_ids_does_not_pile_up),
		SCENE(a_line_of_four_waits_behind),
		SCENE(a_refresh_by_the_holder_voids),
		SCENE(endless_refreshes_end_in_a_refusal),
		SCENE(a_release_by_the_holder_clears_the_way),
		SCENE(a_release_by_another_changes_nothing),
		SCENE(an_operator_voids_too),
		SCENE(addresses_are_asked_in_order),
		SCENE(one_host_with_another_card_merges),
		SCENE(only_the_asked_host_is_believed),
		SCENE(our_own_challenge_is_not_answered),
		SCENE(without_a_timer_the_server_has_failed),
		SCENE(ids_differ_from_challenge_to_challenge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
