/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the options of replication come to: design.md 4.2 for names and
 * defaults, repl/repl.h for what they mean there.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fake_host.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

struct fixture {
	TALLOC_CTX *mem_ctx;
	struct fake_host fake;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		return -1;
	}
	f->mem_ctx = talloc_new(NULL);
	fake_host_open(&f->fake, f->mem_ctx, "winsd");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_host_close(&f->fake);
	talloc_free(f->mem_ctx);
	free(f);
	return 0;
}

static struct wins_config *load(struct fixture *f, const char *text)
{
	struct wins_config *config = NULL;
	char *message = NULL;

	fake_host_write(&f->fake, text, strlen(text));
	if (wins_config_load(f->mem_ctx, &f->fake.host, &config,
			     &message) != 0) {
		fail_msg("%s", message);
	}
	return config;
}

static void defaults(void **state)
{
	struct wins_config *c = load(*state, "");

	assert_int_equal(c->repl.self, 0);
	assert_int_equal(c->repl.port, 42);
	assert_true(c->repl.only_partners);
	assert_false(c->repl.observe);
	assert_false(c->serve.policy.observe);
	assert_int_equal(c->repl.version_jump, 1000000);
	assert_int_equal(c->repl.start_wait, 120);
	assert_int_equal(c->repl.demand_delay, 86400);
	assert_int_equal(c->repl.periodic, 15);
	assert_int_equal(c->repl.partners, 0);
	assert_int_equal(c->repl.accepts, 0);
	assert_int_equal(c->repl.blocks, 0);
}

static void everything_set(void **state)
{
	struct wins_config *c = load(*state,
		"winsdb:local_owner = 192.0.2.9\n"
		"wins:replication port = 4242\n"
		"wins:only partners = no\n"
		"wins:observe = yes\n"
		"wins:partners = 192.0.2.1\n"
		"wins:version jump = 4294967295\n"
		"wins:start wait = 0\n"
		"wins:demand delay = 0\n"
		"wreplsrv:periodic_interval = 1\n");

	assert_int_equal(c->repl.self, IP(192, 0, 2, 9));
	assert_int_equal(c->repl.port, 4242);
	assert_false(c->repl.only_partners);
	assert_true(c->repl.observe);
	assert_true(c->serve.policy.observe);
	assert_true(c->repl.version_jump == 4294967295u);
	assert_int_equal(c->repl.start_wait, 0);
	assert_int_equal(c->repl.demand_delay, 0);
	assert_int_equal(c->repl.periodic, 1);
}

static void partners(void **state)
{
	struct wins_config *c = load(*state,
		"wins:partner 192.0.2.3 = retry=7\n"	/* of no partner */
		"wins:partners = 192.0.2.2(push), 192.0.2.1 192.0.2.4(pull)\n"
		"wins:partner 192.0.2.4 = pull interval=never, push count=0, "
		"persistent=no, statics=no, domains only=yes, precedence=low, "
		"also=192.0.2.5 192.0.2.6, our address=192.0.2.9, name=HQ, "
		"retry=11\n"
		"wins:partner 192.0.2.2 = start time=23:59, pull interval=60\n");
	const struct repl_partner_config *p = c->repl.partner;

	assert_int_equal(c->repl.partners, 3);
	assert_int_equal(p[0].address, IP(192, 0, 2, 2));
	assert_false(p[0].pull);
	assert_true(p[0].push);
	assert_int_equal(p[0].options.start_minute, 23 * 60 + 59);
	assert_int_equal(p[0].options.pull_interval, 60);
	assert_int_equal(p[0].options.retry, 30);
	assert_int_equal(p[1].address, IP(192, 0, 2, 1));
	assert_true(p[1].pull && p[1].push);
	assert_int_equal(p[1].options.pull_interval, 1800);
	assert_int_equal(p[1].options.start_minute, -1);
	assert_int_equal(p[1].options.retry, 30);
	assert_int_equal(p[1].options.push_count, 20);
	assert_true(p[1].options.persistent && p[1].options.statics);
	assert_true(p[1].options.high_precedence);
	assert_false(p[1].options.domains_only);
	assert_int_equal(p[1].options.also_count, 0);
	assert_int_equal(p[1].options.our_address, 0);
	assert_string_equal(p[1].options.name, "");
	assert_int_equal(p[2].address, IP(192, 0, 2, 4));
	assert_true(p[2].pull);
	assert_false(p[2].push);
	assert_int_equal(p[2].options.pull_interval, 0);
	assert_int_equal(p[2].options.retry, 11);
	assert_int_equal(p[2].options.push_count, 0);
	assert_false(p[2].options.persistent || p[2].options.statics);
	assert_false(p[2].options.high_precedence);
	assert_true(p[2].options.domains_only);
	assert_int_equal(p[2].options.also_count, 2);
	assert_int_equal(p[2].options.also[1], IP(192, 0, 2, 6));
	assert_int_equal(p[2].options.our_address, IP(192, 0, 2, 9));
	assert_string_equal(p[2].options.name, "HQ");
}

/* Q281445: a list that nobody sorted was searched as if somebody had. */
static void owners_are_sorted(void **state)
{
	struct wins_config *c = load(*state,
		"wins:accept owners = 192.0.2.3 10.0.0.1 192.0.2.3 "
		"203.0.113.1, 10.0.0.1 128.0.0.1\n"
		"wins:block owners = 192.0.2.200, 9.9.9.9\n");
	static const uint32_t accept[] = {
		IP(10, 0, 0, 1), IP(128, 0, 0, 1), IP(192, 0, 2, 3),
		IP(203, 0, 113, 1),
	};
	static const uint32_t block[] = {
		IP(9, 9, 9, 9), IP(192, 0, 2, 200),
	};

	assert_int_equal(c->repl.accepts, 4);
	assert_memory_equal(c->repl.accept, accept, sizeof(accept));
	assert_int_equal(c->repl.blocks, 2);
	assert_memory_equal(c->repl.block, block, sizeof(block));
}

/* quality.md D14: 1,000 partners work. */
static void a_thousand_partners(void **state)
{
	char *text = talloc_strdup(NULL, "wins:partners =");
	struct wins_config *c = NULL;

	for (unsigned int i = 0; i < 1000; i++) {
		text = talloc_asprintf_append_buffer(text, " 10.0.%u.%u",
						     i / 250, i % 250 + 1);
	}
	text = talloc_strdup_append_buffer(text, "\n");
	for (unsigned int i = 0; i < 1000; i++) {
		text = talloc_asprintf_append_buffer(
			text, "wins:partner 10.0.%u.%u = retry=%u\n", i / 250,
			i % 250 + 1, i + 1);
	}
	c = load(*state, text);
	assert_int_equal(c->repl.partners, 1000);
	for (unsigned int i = 0; i < 1000; i++) {
		assert_int_equal(c->repl.partner[i].options.retry, i + 1);
	}
	talloc_free(text);
}

static void a_partner_that_is_us_has_its_line(void **state)
{
	struct fixture *f = *state;
	struct wins_config *config = NULL;
	const char *text = "[global]\ninterfaces = 192.0.2.9/24\n"
			   "wins:partners = 192.0.2.9\n";
	char *message = NULL;
	char want[200];

	fake_host_write(&f->fake, text, strlen(text));
	assert_int_equal(wins_config_load(f->mem_ctx, &f->fake.host, &config,
					  &message), EINVAL);
	snprintf(want, sizeof(want), "%s:3: wins:partners has 192.0.2.9, an "
		 "address of this server", f->fake.file);
	assert_string_equal(message, want);
}

static void a_reload_may_change(void **state)
{
	struct fixture *f = *state;
	struct wins_config *old = load(f, "");
	struct wins_config *new = load(f,
		"wins:partners = 192.0.2.1\nwins:observe = yes\n"
		"wins:accept owners = 192.0.2.1\nwins:start wait = 5\n"
		"wins:partner 192.0.2.1 = retry=5\n");

	assert_null(wins_config_needs_restart(old, new));
	new = load(f, "wins:replication port = 43\n");
	assert_string_equal(wins_config_needs_restart(old, new),
			    "wins:replication port");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults),
		TEST(everything_set),
		TEST(partners),
		TEST(owners_are_sorted),
		TEST(a_thousand_partners),
		TEST(a_partner_that_is_us_has_its_line),
		TEST(a_reload_may_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
