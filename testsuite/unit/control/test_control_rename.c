/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner rename, from the command to the first start under the new address.
 * From issue replication 6 and 9: a re-addressed server hands out no version
 * before a partner has told; then partners are to see its records as new ones,
 * above all that they have of that address; and what it was before is nobody's
 * any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/owner_move.h"
#include "real.h"

#define NEW 0x0a000002u
#define PARTNER 0x0a000077u

static enum control_status rename_to(uint32_t address, uint64_t flags)
{
	struct control_writer *w = request("owner rename");

	control_put_number(w, CONTROL_ADDRESS, address);
	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
	send_request();
	sim_advance(&sim, 0);
	assert_int_equal(replies, 1);
	return status_of();
}

static uint64_t number(const char *key)
{
	uint64_t value = 0;

	return store_get_meta(server->store, key, &value) ? value : 0;
}

static void fill(unsigned int count)
{
	for (unsigned int i = 1; i <= count; i++) {
		char name[32];
		struct sim_request r = {
			.kind = NBNS_REGISTER, .trn_id = (uint16_t)i,
			.name = name, .from = SIM_HOST(i), .nb_flags = 0x6000,
		};

		(void)snprintf(name, sizeof(name), "HOST%u<20>", i);
		sim_request(server, &r);
		(void)sim_take(server, (uint16_t)i);
	}
}

/* The next start, as plugins/wins would: by what the database says. */
static void start_as(uint32_t self)
{
	repl_config.self = self;
	server->config.self = self;
	real_restart();
}

static bool take_version(void *arg, const struct nb_record *rec)
{
	*(uint64_t *)arg = rec->version;
	return false;
}

static uint64_t lowest_of_ours(void)
{
	uint64_t version = 0;

	store_walk_version(server->store, NB_SELF, 0, UINT64_MAX, take_version,
			   &version);
	return version;
}

static void test_numbers(void **state)
{
	(void)state;
	fill(3);
	assert_int_equal(rename_to(NEW, CONTROL_DRY_RUN), CONTROL_OK);
	assert_int_equal(value_of("owner"), SIM_SELF);
	assert_int_equal(value_of("from_next_start"), NEW);
	assert_int_equal(value_of("records"), 3);
	assert_int_equal(number(OWNER_MOVED), 0);
	assert_int_equal(rename_to(NEW, 0), CONTROL_OK);
	assert_int_equal(value_of("records"), 3);
	assert_int_equal(number(OWNER_ADDRESS), NEW);
	assert_int_not_equal(number(OWNER_MOVED), 0);
	assert_int_not_equal(number("owner-was-10.0.0.1"), 0);
	assert_int_equal(rename_to(NEW, 0), CONTROL_UNCHANGED);
	/* nothing has changed yet for anybody */
	assert_int_equal(lowest_of_ours(), 1);
}

static void test_taken_back(void **state)
{
	(void)state;
	assert_int_equal(rename_to(SIM_SELF, 0), CONTROL_UNCHANGED);
	assert_int_equal(rename_to(NEW, 0), CONTROL_OK);
	assert_int_equal(rename_to(SIM_SELF, 0), CONTROL_OK);
	assert_int_equal(number(OWNER_ADDRESS), SIM_SELF);
	assert_int_equal(number(OWNER_MOVED), 0);
	assert_int_equal(number("owner-was-10.0.0.1"), 0);
	assert_int_equal(number("owner-was-10.0.0.2"), 0);
}

static void test_refused(void **state)
{
	struct repl_partner_config partner = { .address = PARTNER };

	(void)state;
	assert_int_equal(rename_to(0xe0000001u, 0), CONTROL_BAD_REQUEST);
	replica("SOME<20>", NEW, 9, false, NB_ACTIVE);
	assert_int_equal(rename_to(NEW, 0), CONTROL_REFUSED);
	assert_true(said("winsctl owner adopt 10.0.0.2"));
	repl_config.partners = 1;
	repl_config.partner = &partner;
	assert_int_equal(repl_set_config(repl, &repl_config), 0);
	assert_int_equal(rename_to(PARTNER, 0), CONTROL_REFUSED);
	assert_true(said("is a partner"));
	assert_int_equal(number(OWNER_MOVED), 0);
	repl_config.partner = NULL;
}

/* Nobody to ask: all records get new versions at once, slice by slice. */
static void test_first_start(void **state)
{
	uint64_t before = 0;
	struct nb_record rec;

	(void)state;
	fill(150);
	assert_int_equal(rename_to(NEW, 0), CONTROL_OK);
	start_as(NEW);
	before = store_counter(server->store);
	assert_true(before >= 150);
	sim_advance(&sim, 0);
	assert_true(lowest_of_ours() > before);
	assert_int_equal(number(OWNER_MOVED), 0);
	assert_int_equal(number(OWNER_TOUCH), 0);
	assert_true(fetch("HOST150<20>", &rec));
	assert_int_equal(rec.owner, NB_SELF);
	assert_int_equal(rec.state, NB_ACTIVE);
	assert_int_equal(rec.member[0].ip, SIM_HOST(150));
	/* once */
	before = lowest_of_ours();
	start_as(NEW);
	sim_advance(&sim, 0);
	assert_int_equal(lowest_of_ours(), before);
}

/* Cut short in the middle: the next start goes on. */
static void test_interrupted(void **state)
{
	uint64_t touch = 0;

	(void)state;
	fill(150);
	assert_int_equal(rename_to(NEW, 0), CONTROL_OK);
	start_as(NEW);
	/* what a first slice of 64 leaves behind */
	serve_turn_begin(server->serve);
	touch = store_counter(server->store);
	assert_int_equal(serve_set_meta(server->serve, OWNER_TOUCH, touch), 0);
	assert_int_equal(serve_set_meta(server->serve, OWNER_MOVED, 0), 0);
	serve_turn_end(server->serve);
	start_as(NEW);
	sim_advance(&sim, 0);
	assert_true(lowest_of_ours() > touch);
	assert_int_equal(number(OWNER_TOUCH), 0);
}

/* With partners: not before the gate opens, and above what they have. */
static void test_behind_the_gate(void **state)
{
	struct repl_partner_config partner = {
		.address = PARTNER, .pull = true,
		.options = { .pull_interval = 1800 },
	};
	uint64_t before = 0;

	(void)state;
	fill(3);
	assert_int_equal(rename_to(NEW, 0), CONTROL_OK);
	repl_config.partners = 1;
	repl_config.partner = &partner;
	start_as(NEW);
	assert_int_equal(repl_gate(repl), REPL_GATE_WAITING);
	assert_string_equal(repl_gate_reason(repl),
			    "under another owner address");
	sim_advance_seconds(&sim, 1);
	before = store_counter(server->store);
	assert_int_equal(lowest_of_ours(), 1);
	/* no partner has answered; an operator opens it: with a margin */
	assert_true(repl_start_anyway(repl));
	sim_advance(&sim, 0);
	assert_int_equal(repl_gate(repl), REPL_GATE_OPEN);
	assert_true(lowest_of_ours() > before);
	assert_true(lowest_of_ours() > 65536);
	assert_int_equal(number(OWNER_TOUCH), 0);
	repl_config.partners = 0;
	repl_config.partner = NULL;
}

/* A turn that fails is tried again; one that ends after repl tells nobody. */
static void test_disk_fails(void **state)
{
	(void)state;
	fill(100);
	assert_int_equal(rename_to(NEW, 0), CONTROL_OK);
	start_as(NEW);
	sim_disk_hold(server->disk, true);
	sim_advance(&sim, 0);
	assert_true(sim_disk_pending(server->disk));
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, ENOMEM);
	assert_true(lowest_of_ours() <= 100);
	assert_int_not_equal(number(OWNER_MOVED), 0);
	sim_advance(&sim, 4999999);
	assert_true(lowest_of_ours() <= 100);
	sim_disk_hold(server->disk, true);
	sim_advance(&sim, 1);
	assert_true(sim_disk_pending(server->disk));
	TALLOC_FREE(repl);
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, 0);
	sim_advance_seconds(&sim, 10);
	assert_int_not_equal(number(OWNER_TOUCH), 0);
	real_wire();
	sim_advance(&sim, 0);
	assert_true(lowest_of_ours() > 100);
	assert_int_equal(number(OWNER_TOUCH), 0);
}

/* A full disk takes nothing: tried again every five seconds, not at once. */
static void test_disk_full(void **state)
{
	(void)state;
	fill(100);
	assert_int_equal(rename_to(NEW, 0), CONTROL_OK);
	start_as(NEW);
	sim_disk_hold(server->disk, true);
	sim_advance(&sim, 0);		/* 64 are done */
	sim_disk_hold(server->disk, false);
	sim_disk_finish(server->disk, 0);
	sim_disk_break(server->disk, ENOSPC);
	sim_advance_seconds(&sim, 30);
	assert_int_equal(number(OWNER_MOVED), 0);
	assert_true(lowest_of_ours() <= 100);
	sim_disk_break(server->disk, 0);
	sim_advance_seconds(&sim, 11);
	assert_true(lowest_of_ours() > 100);
}

/* An observer gives no versions: it waits until it is none any more. */
static void test_observer_waits(void **state)
{
	(void)state;
	fill(3);
	assert_int_equal(rename_to(NEW, 0), CONTROL_OK);
	repl_config.observe = true;
	start_as(NEW);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(lowest_of_ours(), 1);
	repl_config.observe = false;
	assert_int_equal(repl_set_config(repl, &repl_config), 0);
	sim_advance(&sim, 0);
	assert_true(lowest_of_ours() > 3);
}

/* What was ours is refused as a blocked owner is, until it is let go. */
static void test_old_address_is_nobodys(void **state)
{
	struct repl_owner_sight sight;

	(void)state;
	fill(1);
	assert_int_equal(rename_to(NEW, 0), CONTROL_OK);
	start_as(NEW);
	sim_advance(&sim, 0);
	/* another server there has left a mark: so it has a place in the list */
	serve_turn_begin(server->serve);
	assert_int_equal(serve_set_mark(server->serve, SIM_SELF, 7), 0);
	serve_turn_end(server->serve);
	start_as(NEW);
	assert_true(repl_owner_sight(repl, SIM_SELF, &sight));
	assert_true(sight.blocked);
	assert_false(sight.ours);
	control_put_number(request("owner delete"), CONTROL_OWNER, SIM_SELF);
	send_request();
	sim_advance(&sim, 0);
	assert_int_equal(status_of(), CONTROL_OK);
	assert_int_equal(number("owner-was-10.0.0.1"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers),
		TEST(test_taken_back),
		TEST(test_refused),
		TEST(test_first_start),
		TEST(test_interrupted),
		TEST(test_behind_the_gate),
		TEST(test_disk_fails),
		TEST(test_disk_full),
		TEST(test_observer_waits),
		TEST(test_old_address_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
