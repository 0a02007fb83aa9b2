/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words against facts: which addresses are served. The expectations are the
 * contract in net/ifaces.h and, for what words mean, smb.conf(5) on
 * `interfaces`; the loopback cases are the recipe of protocol.md 9.1.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/ifaces.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* A router with an alias, a tunnel, a link that is down and a /31. */
static const struct iface_fact machine[] = {
	{ "lo", IP(127, 0, 0, 1), 0xff000000, 0, true, true, false },
	{ "eth0", IP(192, 0, 2, 10), 0xffffff00, IP(192, 0, 2, 255),
	  true, false, true },
	{ "eth0:1", IP(192, 0, 2, 11), 0xffffff00, IP(192, 0, 2, 255),
	  true, false, true },
	{ "eth1", IP(10, 1, 2, 3), 0xffff0000, IP(10, 1, 255, 255),
	  true, false, true },
	{ "eth2", IP(198, 51, 100, 7), 0xffffff00, IP(198, 51, 100, 255),
	  false, false, true },
	{ "tun0", IP(10, 9, 0, 1), 0xffffff00, 0, true, false, false },
	{ "vlan5", IP(203, 0, 113, 0), 0xfffffffe, 0, true, false, true },
};
#define FACTS (sizeof(machine) / sizeof(machine[0]))

/*
 * The result as text: "ip/mask broadcast" per address, then "idle N" per
 * word that stands for nothing.
 */
static const char *match(const char *const *words)
{
	static char text[2048];
	struct serve_iface iface[SERVE_IFACES_MAX];
	bool idle[IFACES_WORDS_MAX] = {false};
	unsigned int count = 0;
	size_t n = 0;

	assert_int_equal(ifaces_match(words, machine, FACTS, iface,
				      SERVE_IFACES_MAX, &count, idle), 0);
	text[0] = '\0';
	for (unsigned int i = 0; i < count; i++) {
		char ip[NB_ADDR_TEXT], mask[NB_ADDR_TEXT], bc[NB_ADDR_TEXT];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s/%s %s\n",
				      nb_addr_print(iface[i].ip, ip),
				      nb_addr_print(iface[i].mask, mask),
				      iface[i].broadcast == 0 ? "-" :
				      nb_addr_print(iface[i].broadcast, bc));
	}
	for (unsigned int i = 0; words != NULL && words[i] != NULL; i++) {
		if (idle[i]) {
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "idle %s\n", words[i]);
		}
	}
	return text;
}

#define EXPECT(expected, ...) do {					\
	const char *const words[] = { __VA_ARGS__ };			\
	assert_string_equal(match(words), expected);			\
} while (0)

static const char everything[] =
	"192.0.2.10/255.255.255.0 192.0.2.255\n"
	"192.0.2.11/255.255.255.0 192.0.2.255\n"
	"10.1.2.3/255.255.0.0 10.1.255.255\n"
	"10.9.0.1/255.255.255.0 -\n"
	"203.0.113.0/255.255.255.254 -\n";

static void test_no_words(void **state)
{
	(void)state;
	EXPECT(everything, NULL);
	assert_string_equal(match(NULL), everything);
}

static void test_names(void **state)
{
	(void)state;
	EXPECT("10.1.2.3/255.255.0.0 10.1.255.255\n", "eth1", NULL);
	EXPECT("192.0.2.10/255.255.255.0 192.0.2.255\n"
	       "192.0.2.11/255.255.255.0 192.0.2.255\n", "eth0", NULL);
	EXPECT("192.0.2.11/255.255.255.0 192.0.2.255\n", "eth0:1", NULL);
	EXPECT("127.0.0.1/255.0.0.0 127.255.255.255\n", "lo", NULL);
	EXPECT("10.1.2.3/255.255.0.0 10.1.255.255\n",
	       "eth1;speed=1000,capability=RSS", NULL);
}

static void test_patterns(void **state)
{
	(void)state;
	EXPECT("192.0.2.10/255.255.255.0 192.0.2.255\n"
	       "192.0.2.11/255.255.255.0 192.0.2.255\n"
	       "10.1.2.3/255.255.0.0 10.1.255.255\n", "eth*", NULL);
	EXPECT("10.1.2.3/255.255.0.0 10.1.255.255\n", "eth[1-9]", NULL);
	EXPECT("idle en*\n", "en*", NULL);
}

static void test_order_is_the_words(void **state)
{
	(void)state;
	EXPECT("10.9.0.1/255.255.255.0 -\n"
	       "10.1.2.3/255.255.0.0 10.1.255.255\n"
	       "192.0.2.10/255.255.255.0 192.0.2.255\n"
	       "192.0.2.11/255.255.255.0 192.0.2.255\n",
	       "tun0", "eth1", "eth*", NULL);
}

static void test_addresses(void **state)
{
	(void)state;
	/* the interface's mask, and a mask of one's own */
	EXPECT("192.0.2.11/255.255.255.0 192.0.2.255\n", "192.0.2.11", NULL);
	EXPECT("10.1.2.3/255.255.255.0 10.1.2.255\n", "10.1.2.3/24", NULL);
	EXPECT("10.1.2.3/255.255.255.0 10.1.2.255\n",
	       "10.1.2.3/255.255.255.0", NULL);
	EXPECT("10.1.2.3/255.255.255.255 -\n", "10.1.2.3/32", NULL);
	EXPECT("idle 10.1.2.4\n", "10.1.2.4", NULL);
	EXPECT("idle 10.1.2.4/16\n", "10.1.2.4/16", NULL);
}

static void test_networks(void **state)
{
	(void)state;
	EXPECT("192.0.2.10/255.255.255.0 192.0.2.255\n"
	       "192.0.2.11/255.255.255.0 192.0.2.255\n", "192.0.2.0/24", NULL);
	EXPECT("10.1.2.3/255.255.0.0 10.1.255.255\n",
	       "10.1.255.255/255.255.0.0", NULL);
	EXPECT("10.1.2.3/255.0.0.0 10.255.255.255\n"
	       "10.9.0.1/255.0.0.0 -\n", "10.0.0.0/8", NULL);
	EXPECT("idle 172.16.0.0/12\n", "172.16.0.0/12", NULL);
}

static void test_loopback(void **state)
{
	const struct iface_fact down = {
		"lo", IP(127, 0, 0, 1), 0xff000000, 0, false, true, false,
	};
	const char *const word[] = { "127.0.0.11/8", NULL };
	struct serve_iface iface[1];
	unsigned int count = 9;

	(void)state;
	EXPECT("127.0.0.11/255.0.0.0 127.255.255.255\n", "127.0.0.11/8", NULL);
	EXPECT("127.0.0.11/255.0.0.0 127.255.255.255\n", "127.0.0.11", NULL);
	EXPECT("127.0.0.11/255.255.255.0 127.0.0.255\n", "127.0.0.11/24",
	       NULL);
	EXPECT("127.0.0.1/255.0.0.0 127.255.255.255\n"
	       "127.0.0.11/255.0.0.0 127.255.255.255\n",
	       "127.0.0.1", "127.0.0.11/8", NULL);
	assert_int_equal(ifaces_match(word, &down, 1, iface, 1, &count, NULL),
			 0);
	assert_int_equal(count, 0);
}

static void test_not_ours(void **state)
{
	(void)state;
	EXPECT("10.1.2.3/255.255.0.0 10.1.255.255\n", "::1", "fe80::1/64", "",
	       "eth1", NULL);
	EXPECT("idle eth2\nidle 198.51.100.7/24\n", "eth2", "198.51.100.7/24",
	       NULL);
}

static void test_bad_words_stand_for_nothing(void **state)
{
	static const char long_word[] = "x0123456789012345678901234567890123"
		"456789012345678901234567890123456789";

	(void)state;
	EXPECT("idle 10.1.2.3/33\nidle 10.1.2.3/\nidle 10.1.2.3/-1\n"
	       "idle 10.1.2.3/255.0.255.0\nidle 0.0.0.0/0\n",
	       "10.1.2.3/33", "10.1.2.3/", "10.1.2.3/-1",
	       "10.1.2.3/255.0.255.0", "0.0.0.0/0", NULL);
	EXPECT("idle x0123456789012345678901234567890123"
	       "456789012345678901234567890123456789\n", long_word, NULL);
}

static void test_too_many(void **state)
{
	const char *const two[] = { "eth0", "eth1", NULL };
	struct serve_iface iface[2];
	unsigned int count = 0;

	(void)state;
	assert_int_equal(ifaces_match(two, machine, FACTS, iface, 2, &count,
				      NULL), E2BIG);
	assert_int_equal(count, 2);
	assert_int_equal(iface[1].ip, IP(192, 0, 2, 11));
}

/* The kernel's own facts, of any machine that runs this. */
static void test_list(void **state)
{
	struct iface_fact fact[IFACES_FACTS_MAX];
	unsigned int count = 0;

	(void)state;
	assert_int_equal(ifaces_list(fact, IFACES_FACTS_MAX, &count), 0);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_not_equal(fact[i].ip, 0);
		assert_int_not_equal(fact[i].name[0], '\0');
		if (strcmp(fact[i].name, "lo") == 0) {
			assert_true(fact[i].loopback);
			assert_true(nb_addr_is_loopback(fact[i].ip));
			assert_int_equal(fact[i].mask, 0xff000000);
		}
	}
	assert_int_equal(ifaces_list(fact, 0, &count), 0);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_words),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_order_is_the_words),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_bad_words_stand_for_nothing),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
