/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --existing: which names are taken, as a zone's file (RFC 1035 5.1), a zone
 * transfer as dig prints it, and a hosts file (hosts(5)) say it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "migrate/format/dns.h"

#define A83	0xc0000253u		/* 192.0.2.83 */
#define A84	0xc0000254u

static struct dns_taken *taken;
static char *message;
static TALLOC_CTX *ctx;

static const char *reverse = "";

static int read_text(const char *domain, const char *text, size_t len)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, len, "r");
	int ret = 0;

	assert_non_null(file);
	TALLOC_FREE(ctx);
	ctx = talloc_new(NULL);
	message = NULL;
	taken = NULL;
	ret = dns_taken_read(ctx, file, "FILE", domain, reverse, &taken,
			     &message);
	(void)fclose(file);
	return ret;
}

static void load(const char *domain, const char *text)
{
	int ret = read_text(domain, text, strlen(text));

	if (ret != 0) {
		fail_msg("%s", message);
	}
}

static void by(const char *label, uint32_t ip, enum dns_taken_by expected)
{
	assert_int_equal(dns_taken_look(taken, label, ip), expected);
}

/* ---- a zone ---- */

static void records_of_a_zone(void **state)
{
	(void)state;
	load("corp.example",
	     "; a comment\n"
	     "$TTL 1h\n"
	     "@ IN SOA ns hostmaster ( 1 3600\n"
	     "\t600 ; in brackets\n"
	     "\t1209600 300 )\n"
	     "\tIN NS ns\n"
	     "plain A 192.0.2.83\n"
	     "CLASS IN A 192.0.2.83\n"
	     "ttl 300 A 192.0.2.83\n"
	     "both 300 IN A 192.0.2.83\n"
	     "turned IN 1h30m a 192.0.2.83\n"
	     "full.corp.example. in A 192.0.2.83\n"
	     "aged [AGE:3586924] 1200 A 192.0.2.83\n"
	     "broken ( IN\n"
	     "  A\n"
	     "  192.0.2.83 )\n"
	     "windows IN A 192.0.2.83\r\n");
	by("plain", A83, DNS_SAME);
	by("plain", A84, DNS_OTHER_ADDRESS);
	by("class", A83, DNS_SAME);
	by("ttl", A83, DNS_SAME);
	by("both", A83, DNS_SAME);
	by("turned", A83, DNS_SAME);
	by("full", A83, DNS_SAME);
	by("aged", A83, DNS_SAME);
	by("broken", A83, DNS_SAME);
	by("windows", A83, DNS_SAME);
	by("ns", A83, DNS_FREE);
	by("corp", A83, DNS_FREE);
	by("pla", A83, DNS_FREE);
	by("plain2", A83, DNS_FREE);
	assert_int_equal(dns_taken_count(taken), 9);
}

static void the_owner_left_out(void **state)
{
	(void)state;
	load("corp.example",
	     "first IN A 192.0.2.83\n"
	     "      IN A 192.0.2.84\n"
	     "\n"
	     "\t; nothing\n"
	     "second TXT \"(not a bracket; no comment)\"\n"
	     "\t300 A 192.0.2.83\n"
	     "\tA 192.0.2.83\n");
	by("first", A83, DNS_OTHER_ADDRESS);
	by("first", A84, DNS_OTHER_ADDRESS);
	by("second", A83, DNS_SAME);
	by("second", A84, DNS_OTHER_ADDRESS);
}

static void what_stands_beside_an_address(void **state)
{
	(void)state;
	load("corp.example",
	     "alias CNAME elsewhere.example.\n"
	     "zone NS ns.example.\n"
	     "zone A 192.0.2.83\n"
	     "tree DNAME example.\n"
	     "mail MX 10 mx.example.\n"
	     "six AAAA 2001:db8::1\n"
	     "text TXT a#b ; c\n"
	     "other TYPE65281 \\# 4 00000001\n"
	     "wins WINS LOCAL ( 192.0.2.1 )\n");
	by("alias", A83, DNS_OTHER_KIND);
	by("zone", A83, DNS_OTHER_KIND);
	by("tree", A83, DNS_OTHER_KIND);
	by("mail", A83, DNS_FREE);
	by("six", A83, DNS_FREE);
	by("text", A83, DNS_FREE);
	by("other", A83, DNS_FREE);
	by("wins", A83, DNS_FREE);
}

/* As a server writes a zone that it changes itself. */
static void origins(void **state)
{
	(void)state;
	load("corp.example",
	     "$ORIGIN .\n"
	     "$TTL 300\n"
	     "corp.example IN SOA ns.example. h.example. 1 2 3 4 5\n"
	     "             NS ns.example.\n"
	     "$ORIGIN corp.example.\n"
	     "one A 192.0.2.83\n"
	     "$ORIGIN _msdcs.corp.example.\n"
	     "two A 192.0.2.83\n"
	     "$ORIGIN sub.corp.example.\n"
	     "three A 192.0.2.83\n"
	     "$ORIGIN example.\n"
	     "four.corp A 192.0.2.83\n"
	     "five A 192.0.2.83\n"
	     "$ORIGIN corp\n"
	     "six A 192.0.2.83\n"
	     "@ A 192.0.2.83\n");
	by("one", A83, DNS_SAME);
	by("two", A83, DNS_FREE);
	by("three", A83, DNS_FREE);
	by("four", A83, DNS_SAME);
	by("five", A83, DNS_FREE);
	by("six", A83, DNS_SAME);
	by("corp", A83, DNS_FREE);
	assert_int_equal(dns_taken_count(taken), 3);
}

static void a_transfer(void **state)
{
	(void)state;
	load("corp.example",
	     "\n; <<>> DiG 9.18 <<>> axfr corp.example\n"
	     ";; global options: +cmd\n"
	     "corp.example.\t\t300\tIN\tSOA\tlocalhost. h. 1 2 3 4 5\n"
	     "corp.example.\t\t300\tIN\tNS\tlocalhost.\n"
	     "one.corp.example.\t300\tIN\tA\t192.0.2.83\n"
	     "TWO.CORP.example.\t300\tIN\tA\t192.0.2.84\n"
	     "one.other.example.\t300\tIN\tA\t192.0.2.84\n"
	     "corp.example.\t\t300\tIN\tSOA\tlocalhost. h. 1 2 3 4 5\n"
	     ";; Query time: 0 msec\n");
	by("one", A83, DNS_SAME);
	by("two", A84, DNS_SAME);
	by("corp", A84, DNS_FREE);
}

static void global_names(void **state)
{
	(void)state;
	load("corp.example",
	     "ours.GlobalNames. 300 IN CNAME ours.corp.example.\n"
	     "theirs.GlobalNames. 300 IN CNAME theirs.other.example.\n"
	     "longer.GlobalNames. 300 IN CNAME long.corp.example.\n"
	     "long.GlobalNames. 300 IN CNAME longer.corp.example.\n");
	by("ours", A83, DNS_FREE);
	by("theirs", A83, DNS_OTHER_KIND);
	by("longer", A83, DNS_OTHER_KIND);
	by("long", A83, DNS_OTHER_KIND);
}

/* The zone's own addresses are no host's of its name. */
static void a_zone_of_one_label(void **state)
{
	(void)state;
	load("lab",
	     "@ SOA ns h 1 2 3 4 5\n"
	     "@ NS ns\n"
	     "@ A 192.0.2.84\n"
	     "one A 192.0.2.83\n"
	     "lab A 192.0.2.83\n");
	by("one", A83, DNS_SAME);
	by("lab", A83, DNS_SAME);
	assert_int_equal(dns_taken_count(taken), 2);
}

/* ---- hosts ---- */

static void a_hosts_file(void **state)
{
	static const char text[] =
		"# comment\n"
		"127.0.0.1 localhost\n"
		"::1 localhost ip6-localhost\n"
		"fe80::1%eth0 six\n"
		"192.0.2.83\tone.corp.example one alias# comment\n"
		"  192.0.2.84 two.other.example two # three\n"
		"192.0.2.84 txt mx\n"
		"192.0.2.84 in a\n"
		"192.0.2.84 four_ four";

	(void)state;
	load("corp.example", text);
	by("one", A83, DNS_SAME);
	by("alias", A83, DNS_SAME);
	by("comment", A83, DNS_FREE);
	by("two", A84, DNS_SAME);
	by("three", A84, DNS_FREE);
	by("txt", A84, DNS_SAME);
	by("mx", A84, DNS_SAME);
	by("a", A84, DNS_SAME);
	by("four", A84, DNS_SAME);
	by("six", A84, DNS_FREE);
	/* without a domain only short names count */
	load("", text);
	by("one", A83, DNS_SAME);
	by("two", A84, DNS_SAME);
	assert_int_equal(dns_taken_count(taken), 9);
}

static void reverse_zones_are_no_hosts_files(void **state)
{
	(void)state;
	load("corp.example",
	     "83.2.0.192 IN PTR one.corp.example.\n"
	     "83.2.0.192 PTR two\n"
	     "83.2.0.192 300 IN PTR three\n"
	     "83.2.0.192.in-addr.arpa. 300 IN PTR four\n"
	     "83 IN PTR five\n");
	/* the names of three are no addresses, for nobody said whose */
	assert_int_equal(dns_taken_count(taken), 1);
	assert_true(dns_taken_pointer(taken, A83));
	assert_false(dns_taken_pointer(taken, A84));
}

static void a_zone_of_addresses(void **state)
{
	(void)state;
	reverse = "2.0.192.in-addr.arpa";
	load("corp.example",
	     "@ SOA ns h 1 2 3 4 5\n"
	     "83 PTR one.corp.example.\n"
	     "   PTR two.corp.example.\n"
	     "$ORIGIN 192.in-addr.arpa.\n"
	     "84.2.0 PTR three.corp.example.\n"
	     "87 PTR four\n"
	     "0111.111.111.111.in-addr.arpa. PTR long\n"
	     "x.84.2.0 PTR five\n"
	     "1.84.2.0 PTR six\n"
	     "_x PTR seven\n"
	     "85.2.0.192.in-addr.arpa. A 192.0.2.86\n"
	     "86.2.0 CNAME 86.0-127.2.0.192.in-addr.arpa.\n");
	reverse = "";
	assert_int_equal(dns_taken_count(taken), 3);
	assert_true(dns_taken_pointer(taken, A83));
	assert_true(dns_taken_pointer(taken, A84));
	assert_false(dns_taken_pointer(taken, A84 + 1));
	assert_false(dns_taken_pointer(taken, A84 + 2));
	assert_false(dns_taken_pointer(taken, A84 + 3));
}

/* PowerShell's > writes this. */
static void utf16(void **state)
{
	static const char text[] = "one A 192.0.2.83\r\n";
	char wide[2 * sizeof(text)] = "\xff\xfe";

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		wide[2 + 2 * i] = text[i];
		wide[3 + 2 * i] = '\0';
	}
	assert_int_equal(read_text("corp.example", wide, sizeof(wide)), 0);
	by("one", A83, DNS_SAME);
}

/* ---- what is refused ---- */

static void what_nobody_understands(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "one A 192.0.2.83\nhello world\n", "FILE:2: neither" },
		{ "one\n", "FILE:1: neither" },
		{ "one IN A\n", "FILE:1: neither" },
		{ "one IN IN IN IN A 192.0.2.83\n", "FILE:1: neither" },
		{ "\tone two\n", "FILE:1: neither" },
		{ "\tA\n", "FILE:1: neither" },
		{ "A 192.0.2.83\n", "FILE:1: neither" },
		{ "one A 192.0.2\n", "FILE:1: no IPv4" },
		{ "one A 192.0.2.256\n", "FILE:1: no IPv4" },
		{ "one A 2001:db8::1\n", "FILE:1: no IPv4" },
		{ "one.elsewhere. A x\n", "FILE:1: no IPv4" },
		{ "$INCLUDE other\n", "FILE:1: only $ORIGIN and $TTL" },
		{ "$GENERATE 1-9 a$ A 192.0.2.$\n",
		  "FILE:1: only $ORIGIN and $TTL" },
		{ "$ORIGIN\n", "FILE:1: only $ORIGIN and $TTL" },
		{ "one A 192.0.2.83 )\n", "FILE:1: a bracket closes" },
		{ "one (\nA 192.0.2.83\n", "FILE:2: a bracket is never" },
		{ "{\"format\":\"winsd-1\"}\n", "FILE:1: neither" },
		{ "VERSION 1 0\n", "FILE:1: neither" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_text("corp.example", cases[i].text,
					   strlen(cases[i].text)), EINVAL);
		assert_non_null(message);
		if (strncmp(message, cases[i].said, strlen(cases[i].said))) {
			fail_msg("%s", message);
		}
	}
	assert_int_equal(read_text("x", "one A 192.0.2.1\0\n", 17), EINVAL);
	assert_non_null(strstr(message, "FILE:1: a NUL"));
}

static void very_long_lines(void **state)
{
	static char text[40000];
	size_t len = 0;

	(void)state;
	/* many names of one host: one of those left out could be the clash */
	len = (size_t)sprintf(text, "192.0.2.83");
	for (unsigned int i = 0; i < 300; i++) {
		len += (size_t)sprintf(text + len, " host%u", i);
	}
	assert_int_equal(read_text("x", text, len), EINVAL);
	assert_non_null(strstr(message, "FILE:1: too many names"));
	/* of a record only its head matters */
	len = (size_t)sprintf(text, "one TXT (\n");
	for (unsigned int i = 0; i < 3000; i++) {
		len += (size_t)sprintf(text + len, "\"text\"\n");
	}
	len += (size_t)sprintf(text + len, ")\ntwo A 192.0.2.83\n");
	assert_int_equal(read_text("x", text, len), 0);
	by("two", A83, DNS_SAME);
}

static int stop(void **state)
{
	(void)state;
	TALLOC_FREE(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_a_zone),
		cmocka_unit_test(the_owner_left_out),
		cmocka_unit_test(what_stands_beside_an_address),
		cmocka_unit_test(origins),
		cmocka_unit_test(a_transfer),
		cmocka_unit_test(global_names),
		cmocka_unit_test(a_zone_of_one_label),
		cmocka_unit_test(a_hosts_file),
		cmocka_unit_test(reverse_zones_are_no_hosts_files),
		cmocka_unit_test(a_zone_of_addresses),
		cmocka_unit_test(utf16),
		cmocka_unit_test(what_nobody_understands),
		cmocka_unit_test(very_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, stop);
}
