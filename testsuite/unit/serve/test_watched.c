/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which requests count for wins:usage, as bytes through the door; what a
 * reload changes; and that off counts nothing.
 */

#include "scene.h"

#define A SIM_HOST(1)
#define B SIM_HOST(2)

static int start_counting(void **state)
{
	struct serve_config config = sim_config();

	(void)state;
	config.usage = USAGE_OF_CLIENTS;
	config.own_name[0].name = nb_name_make("SIMWINS", 7, 0x20);
	config.own_names = 1;
	scene_start_with(&config);
	sim_advance_seconds(&sim, 100);
	sim_forget(server);
	return 0;
}

static void send(enum nbns_kind kind, const char *name, uint32_t from,
		 uint16_t operation)
{
	struct sim_request request = {
		.kind = kind,
		.trn_id = 1,
		.name = name,
		.from = from,
		.nb_flags = 0x6000,
		.operation = operation,
	};

	sim_request(server, &request);
	sim_forget(server);
}

/* Not recursive: no client of a WINS server asks like this. */
static void query_as_a_server(const char *text, uint32_t from)
{
	uint8_t data[100];
	struct nb_name name;
	size_t len = 0;

	assert_true(nb_name_parse(text, &name));
	len = nbns_encode_request(data, sizeof(data), NBNS_QUERY, 1, 0, &name,
				  0, 0, 0);
	assert_true(len > 0);
	sim_datagram(server, from, SIM_PORT, data, len);
	sim_forget(server);
}

static struct usage_client client;
static struct usage_missing missing;

static bool see_client(void *arg, const struct usage_client *c)
{
	unsigned int *count = arg;

	client = *c;
	(*count)++;
	return true;
}

static bool see_missing(void *arg, const struct usage_missing *m)
{
	unsigned int *count = arg;

	missing = *m;
	(*count)++;
	return true;
}

static unsigned int clients(void)
{
	unsigned int count = 0;
	uint64_t cursor = 0;

	assert_false(usage_walk_clients(serve_usage(server->serve), &cursor,
					USAGE_CLIENTS + 1, see_client,
					&count));
	return count;
}

static unsigned int missing_names(void)
{
	unsigned int count = 0;
	uint64_t cursor = 0;

	assert_false(usage_walk_missing(serve_usage(server->serve), &cursor,
					USAGE_MISSING + 1, see_missing,
					&count));
	return count;
}

static int64_t asked(const char *text)
{
	struct nb_name name;
	uint32_t watched = 0;

	assert_true(nb_name_parse(text, &name));
	return usage_name_asked(serve_usage(server->serve), &name, &watched);
}

static int64_t now(void)
{
	return sim.world.wall(sim.world.priv);
}

static void a_client_is_counted(void **state)
{
	int64_t first = now();

	(void)state;
	send(NBNS_REGISTER, "ALICE<20>", A, 0);
	send(NBNS_REFRESH, "ALICE<20>", A, 0);
	send(NBNS_REFRESH, "ALICE<20>", A, 0);
	sim_advance_seconds(&sim, 50);
	send(NBNS_QUERY, "ALICE<20>", A, 0);
	send(NBNS_QUERY, "NOBODY<00>", A, 0);
	send(NBNS_QUERY, "NOBODY<00>", A, 0);
	assert_int_equal(clients(), 1);
	assert_int_equal(client.ip, A);
	assert_int_equal(client.local, SIM_SELF);
	assert_int_equal(client.registered, 1);
	assert_int_equal(client.refreshed, 2);
	assert_int_equal(client.found, 1);
	assert_int_equal(client.negative, 2);
	assert_int_equal(client.plain, 2);
	assert_int_equal(usage_client_names(&client), 2);
	assert_int_equal(client.first, first);
	assert_int_equal(client.last, now());
	assert_int_equal(asked("ALICE<20>"), now());
	assert_int_equal(asked("NOBODY<00>"), 0);	/* it is not there */
	assert_int_equal(missing_names(), 1);
	assert_int_equal(missing.count, 2);
	assert_int_equal(missing.client, A);
}

/* A record that is there and is not answered was asked for all the same. */
static void a_released_name_is_asked_for(void **state)
{
	(void)state;
	send(NBNS_REGISTER, "ALICE<20>", A, 0);
	send(NBNS_RELEASE, "ALICE<20>", A, 0);
	sim_advance_seconds(&sim, 50);
	send(NBNS_QUERY, "ALICE<20>", B, 0);
	assert_int_equal(asked("ALICE<20>"), now());
	assert_int_equal(missing_names(), 1);
}

static void what_does_not_count(void **state)
{
	struct nb_record rec;

	(void)state;
	send(NBNS_QUERY, "SIMWINS<20>", A, 0);		/* our own name */
	send(NBNS_REGISTER, "SIMWINS<20>", A, 0);
	send(NBNS_REGISTER, "ALICE<20>", A, 0x2910);	/* broadcast */
	send(NBNS_QUERY, "ALICE<20>", A, 0x0110);
	query_as_a_server("ALICE<20>", A);
	send(NBNS_RELEASE, "ALICE<20>", A, 0);
	assert_false(sim_record(server, "ALICE<20>", &rec));
	assert_int_equal(clients(), 0);
	assert_int_equal(missing_names(), 0);
}

static void the_wall_clock_counts(void **state)
{
	(void)state;
	sim.wall_step += 86400;
	sim_advance_seconds(&sim, 61);		/* the next look at it */
	send(NBNS_QUERY, "NOBODY<20>", A, 0);
	assert_int_equal(clients(), 1);
	assert_int_equal(client.last, now());
}

static void a_reload_changes_it(void **state)
{
	(void)state;
	send(NBNS_QUERY, "NOBODY<20>", A, 0);
	assert_int_equal(clients(), 1);
	server->config.usage = USAGE_OF_NAMES;
	serve_set_config(server->serve, &server->config);
	assert_int_equal(clients(), 0);
	assert_int_equal(missing_names(), 1);
	server->config.usage = USAGE_OFF;
	serve_set_config(server->serve, &server->config);
	assert_null(serve_usage(server->serve));
	send(NBNS_REGISTER, "ALICE<20>", A, 0);
	send(NBNS_QUERY, "ALICE<20>", A, 0);
	server->config.usage = USAGE_OF_CLIENTS;
	serve_set_config(server->serve, &server->config);
	assert_int_equal(clients() + missing_names(), 0);	/* nothing was kept */
	assert_int_equal(usage_since(serve_usage(server->serve)), now());
	assert_int_equal(asked("ALICE<20>"), 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, start_counting, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client_is_counted),
		TEST(a_released_name_is_asked_for),
		TEST(what_does_not_count),
		TEST(the_wall_clock_counts),
		TEST(a_reload_changes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
