/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the 64 bytes of a client say: how many names, and is it a DNS server.
 * Expected numbers are those that went in; how far an estimate may be off is
 * the standard error of HyperLogLog, 1.04 / sqrt(56) = 13.9 %.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/usage.h"

/* splitmix64: numbers as a keyed hash gives them */
static uint64_t mixed(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static struct usage_client asked(uint64_t seed, uint32_t names)
{
	struct usage_client client = { .ip = 1 };

	for (uint32_t i = 0; i < names; i++) {
		usage_client_asks(&client, mixed(seed << 32 | i));
	}
	return client;
}

#define TRIALS 200

/* Mean error, in percent, and the share that is off by more than 42 %. */
static void estimate(uint32_t names, double *mean, unsigned int *far)
{
	double sum = 0;

	*far = 0;
	for (uint64_t trial = 0; trial < TRIALS; trial++) {
		struct usage_client client = asked(trial * 77 + names, names);
		double off = (double)usage_client_names(&client) / names - 1;

		sum += off;
		*far += off > 0.42 || off < -0.42;	/* three times 14 */
	}
	*mean = 100 * sum / TRIALS;
}

static void few_are_counted_exactly(void **state)
{
	struct usage_client client = { .ip = 1 };

	(void)state;
	assert_int_equal(usage_client_names(&client), 0);
	for (unsigned int i = 0; i < 10; i++) {
		usage_client_asks(&client, 12345);	/* the same again */
	}
	assert_int_equal(usage_client_names(&client), 1);
	usage_client_asks(&client, UINT64_MAX);
	assert_int_equal(usage_client_names(&client), 2);
}

static void many_are_estimated(void **state)
{
	static const uint32_t names[] = { 10, 30, 100, 140, 300, 2000, 50000 };
	double mean = 0;
	unsigned int far = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		estimate(names[i], &mean, &far);
		print_message("# %u names: mean %+.1f %%, far %u\n", names[i], mean, far);
		/* the mean of 200 is within 1 %; leave room for the bias */
		assert_true(mean > -5 && mean < 5);
		assert_true(far <= TRIALS / 50);	/* its tail is longer */
	}
}

static void a_full_sketch_ends(void **state)
{
	struct usage_client client = { .ip = 1 };

	(void)state;
	memset(client.sketch, 0xff, sizeof(client.sketch));
	assert_true(usage_client_names(&client) > 1000000);
}

/* ---- DNS ---- */

static struct usage_client queries(uint32_t names, uint32_t found,
				   uint32_t negative, uint32_t plain)
{
	struct usage_client client = { .ip = 1 };

	for (uint32_t i = 0; usage_client_names(&client) < names; i++) {
		usage_client_asks(&client, mixed(i));
	}
	client.found = found;
	client.negative = negative;
	client.plain = plain;
	return client;
}

static void what_a_dns_server_is(void **state)
{
	struct usage_client client = queries(32, 50, 50, 90);

	(void)state;
	assert_true(usage_client_is_dns(&client));
	client.registered = 6;
	client.refreshed = 4;		/* its machine is a client, too */
	assert_true(usage_client_is_dns(&client));
	client.refreshed = 5;
	assert_false(usage_client_is_dns(&client));
	client = queries(32, 50, 50, 89);	/* asks for <20> as well */
	assert_false(usage_client_is_dns(&client));
	client = queries(25, 1000, 0, 1000);	/* the same few names */
	assert_false(usage_client_is_dns(&client));
	client = (struct usage_client) { .registered = 1 };
	assert_false(usage_client_is_dns(&client));
	client = queries(40, UINT32_MAX, UINT32_MAX, UINT32_MAX);
	assert_false(usage_client_is_dns(&client));	/* no overflow */
}

/* ---- names ---- */

static void names_that_are_missing(void **state)
{
	struct usage_missing missing = { .count = 7 };
	struct nb_name name = nb_name_make("FILES", 5, 0x20);
	struct nb_name other = name, back;
	uint8_t scope[USAGE_SCOPE + 1];

	(void)state;
	memset(scope, 's', sizeof(scope));
	assert_true(nb_name_set_scope(&name, scope, USAGE_SCOPE));
	assert_true(usage_missing_set(&missing, &name));
	assert_int_equal(missing.count, 7);
	assert_true(usage_missing_is(&missing, &name));
	usage_missing_name(&missing, &back);
	assert_true(nb_name_equal(&back, &name));
	assert_false(usage_missing_is(&missing, &other));
	other = name;
	other.type = 0x00;
	assert_false(usage_missing_is(&missing, &other));
	other = nb_name_make("FILEZ", 5, 0x20);
	assert_true(nb_name_set_scope(&other, scope, USAGE_SCOPE));
	assert_false(usage_missing_is(&missing, &other));
	assert_true(nb_name_set_scope(&name, scope, USAGE_SCOPE + 1));
	assert_false(usage_missing_set(&missing, &name));
}

static void counts_stop(void **state)
{
	uint32_t count = UINT32_MAX - 1;

	(void)state;
	usage_count(&count);
	usage_count(&count);
	assert_int_equal(count, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_are_counted_exactly),
		cmocka_unit_test(many_are_estimated),
		cmocka_unit_test(a_full_sketch_ends),
		cmocka_unit_test(what_a_dns_server_is),
		cmocka_unit_test(names_that_are_missing),
		cmocka_unit_test(counts_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
