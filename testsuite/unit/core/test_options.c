/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The option table as a whole: every row complete and consistent, every
 * option of design.md 4.2 and protocol.md 8 in it with the default that stands
 * there (typed here, not taken from the table), and the checks of each type.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/options.h"
#include "core/optval.h"

#define COMPUTED	NULL

/* design.md 4.2 where it has the option, else protocol.md 8. */
static const struct {
	const char *name;
	const char *standard;
	const char *windows;	/* microsoft-wins.md 2, 3; NULL: nothing */
	const char *source;
} contract[] = {
	{ "netbios name", COMPUTED, NULL, "design 4.2" },
	{ "netbios aliases", "", NULL, "design 4.2" },
	{ "workgroup", "WORKGROUP", NULL, "protocol 8" },
	{ "netbios scope", "", NULL, "protocol 8" },
	{ "interfaces", COMPUTED, NULL, "protocol 8: all" },
	{ "bind interfaces only", "yes", NULL, "design 4.2: never 0.0.0.0" },
	{ "nbt port", "137", "137", "protocol 8" },
	{ "state directory", COMPUTED, NULL, "protocol 8: build" },
	{ "lock directory", COMPUTED, NULL, "protocol 8: build" },
	{ "log level", "1", NULL, "ours" },
	{ "max wins ttl", "518400", "518400", "design 4.2: renew 6 d" },
	{ "min wins ttl", "21600", "518400", "protocol 8" },
	{ "wins support", "yes", NULL, "design 4.2" },
	{ "wins hook", "", NULL, "protocol 8" },
	{ "dns proxy", "no", "no", "design 4.2: only with its plugin" },
	{ "winsdb:local_owner", COMPUTED, NULL, "protocol 8" },
	{ "winsdb:nosync", "no", NULL, "protocol 8" },
	{ "nbtd:wins_prepend1Bto1Cqueries", "yes", "no", "protocol 8" },
	{ "nbtd:wins_randomize1Clist", "no", "no", "protocol 8" },
	{ "nbtd:wins_randomize1Clist_mask", "255.255.255.0", NULL,
	  "protocol 8" },
	{ "nbtd:bcast_ttl", "300000", NULL, "protocol 8" },
	{ "nbtd:max_refresh_time", "7200", NULL, "protocol 8" },
	{ "nbtd:wins_retry", "300", NULL, "protocol 8" },
	{ "wreplsrv:renew_interval", "518400", "518400", "protocol 8" },
	{ "wreplsrv:tombstone_interval", "518400", "518400",
	  "design 4.2: extinction 6 d" },
	{ "wreplsrv:tombstone_timeout", "518400", "518400",
	  "design 4.2: tombstone 6 d" },
	{ "wreplsrv:tombstone_extra_timeout", "259200", "259200",
	  "protocol 8; Windows 3 days" },
	{ "wreplsrv:verify_interval", "2073600", "2073600",
	  "design 4.2: verify 24 d" },
	{ "wreplsrv:scavenging_interval", COMPUTED, "259200",
	  "protocol 8; Windows half the renewal interval" },
	{ "wreplsrv:periodic_interval", "15", NULL, "protocol 8" },
	{ "wreplsrv:propagate name releases", "no", "no", "protocol 8" },
	{ "wins:interfaces", COMPUTED, NULL, "design 4.2" },
	{ "wins:partners", "", NULL, "design 4.2" },
	{ "wins:replication port", "42", "42", "design 4.2" },
	{ "wins:only partners", "yes", "yes", "design 4.2" },
	{ "wins:observe", "no", NULL, "design 4.2" },
	{ "wins:accept owners", "", NULL, "design 4.2" },
	{ "wins:block owners", "", NULL, "design 4.2" },
	{ "wins:version jump", "1000000", NULL, "design 4.2" },
	{ "wins:start wait", "120", "0", "design 4.2; InitTimePause 0" },
	{ "wins:demand delay", "86400", NULL, "design 4.2" },
	{ "wins:migrate on", "no", "no", "design 4.2; MigrateOn 0" },
	{ "wins:blocked names", "WPAD ISATAP", "WPAD ISATAP", "design 4.2" },
	{ "wins:allow names", "", NULL, "design 4.2, blocked names" },
	{ "wins:durable", "yes", NULL, "design 4.2" },
	{ "wins:burst threshold", "500", "500",
	  "design 4.2; BurstQueSize 500" },
	{ "wins:source rate", "2000 20000", NULL, "design 4.2" },
	{ "wins:challenge", "1000 3", "500 3",
	  "design 4.2; InitChlRetryInterval 500, ChlMaxNoOfRetries 3" },
	{ "wins:1c order", "recent", "windows", "design 4.2" },
	{ "wins:own names", COMPUTED, NULL, "design 4.2; no in the suite" },
	{ "wins:source must match", "log", "off", "design 4.2" },
	{ "wins:autodiscovery", "off", "announce",
	  "design 4.2; Windows announces whatever UseSelfFndPnrs says" },
	{ "wins:backup", "86400 7", NULL, "design 4.2" },
	{ "wins:usage", "clients", NULL, "design 4.2" },
	{ "wins:read group", "", NULL, "design 4.2" },
	{ "wins:admin group", "", NULL, "design 4.2" },
	{ "wins:plugins", "", NULL, "design 4.2" },
	{ "wins:plugin failure", "stop", NULL, "design 4.2: run or stop" },
};

#define CONTRACT	(sizeof(contract) / sizeof(contract[0]))

static void assert_text(const char *got, const char *want)
{
	if (want == NULL) {
		assert_null(got);
	} else {
		assert_non_null(got);
		assert_string_equal(got, want);
	}
}

static void the_contract_is_kept(void **state)
{
	(void)state;
	assert_int_equal(CONTRACT, OPTION_COUNT);
	for (size_t i = 0; i < CONTRACT; i++) {
		enum option_id id = OPTION_COUNT;

		print_message("# %s: %s\n", contract[i].name,
			      contract[i].source);
		assert_true(option_find(contract[i].name, &id));
		assert_string_equal(option_row(id)->name, contract[i].name);
		assert_text(option_row(id)->standard, contract[i].standard);
		assert_text(option_row(id)->windows, contract[i].windows);
	}
}

static bool valid(const struct option *row, const char *text)
{
	char value[64], reason[OPTION_REASON] = "";

	snprintf(value, sizeof(value), "%s", text);
	return option_check(row, value, reason);
}

static void rows_are_complete(void **state)
{
	(void)state;
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option *row = option_row(id);

		assert_non_null(row->name);
		assert_non_null(row->room);
		assert_non_null(row->summary);
		assert_non_null(row->doc);
		assert_true(strlen(row->summary) <= 60);
		assert_true(strlen(row->doc) > 20);
		assert_true(row->doc[strlen(row->doc) - 1] == '.');
		assert_true((row->standard == NULL) !=
			    (row->computed == NULL));
		if (row->standard != NULL) {
			assert_true(valid(row, row->standard));
		}
		if (row->windows != NULL) {
			assert_true(valid(row, row->windows));
		}
		if (row->later != NULL) {
			assert_non_null(row->standard);
		}
		assert_true((row->type == OPTION_WORD) ==
			    (row->words != NULL));
		if (row->type == OPTION_PAIR || row->type == OPTION_NUMBER) {
			assert_true(row->max > row->min);
		}
	}
}

static void names_are_unique(void **state)
{
	(void)state;
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option *row = option_row(id);
		enum option_id found = OPTION_COUNT;

		assert_true(option_find(row->name, &found));
		assert_int_equal(found, id);
		if (row->alias != NULL) {
			assert_true(option_find(row->alias, &found));
			assert_int_equal(found, id);
		}
	}
}

/* The man page has one chapter for each group, in the order of the table. */
static void groups_are_in_order(void **state)
{
	enum option_group last = 0;

	(void)state;
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		assert_true(option_row(id)->group >= last);
		assert_true(option_row(id)->group <= last + 1);
		last = option_row(id)->group;
		assert_non_null(option_group_name(last));
	}
	assert_int_equal(last, OPTION_GROUPS - 1);
}

static void found_in_any_spelling(void **state)
{
	static const struct {
		const char *name;
		enum option_id want;
	} rows[] = {
		{ "MAX WINS TTL", OPTION_MAX_WINS_TTL },
		{ "maxwinsttl", OPTION_MAX_WINS_TTL },
		{ "wreplsrv:propagatenamereleases",
		  OPTION_PROPAGATE_RELEASES },
		{ "WINS : Own  Names", OPTION_OWN_NAMES },
		{ "lock dir", OPTION_LOCK_DIRECTORY },
		{ "debug level", OPTION_LOG_LEVEL },
		{ "nbtd:WINS_randomize1clist", OPTION_RANDOMIZE_1C },
	};
	static const char *const none[] = {
		"", "wins", "wins:", "max_wins_ttl", "wins:partner 192.0.2.1",
		"winsdb:dbnosync", "nbtd:wins_wins_randomize1Clist",
		"wreplsrv:tombstoneinterval",
	};
	enum option_id id = OPTION_COUNT;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(option_find(rows[i].name, &id));
		assert_int_equal(id, rows[i].want);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_false(option_find(none[i], &id));
	}
}

static void nearest_names(void **state)
{
	static const struct {
		const char *name, *prefix, *want;
		unsigned int apart;
	} rows[] = {
		{ "winsdb:dbnosync", "winsdb:", "winsdb:nosync", 2 },
		{ "nbtd:wins_wins_randomize1Clist", "nbtd:",
		  "nbtd:wins_randomize1Clist", 5 },
		{ "wreplsrv:tombstoneinterval", "wreplsrv:",
		  "wreplsrv:tombstone_interval", 1 },
		{ "wins:parnters", "wins:", "wins:partners", 1 },
		{ "wins:partnerADR", "wins:", "wins:partner ADDR", 1 },
		{ "wins partners", NULL, "wins:partners", 1 },
		{ "max wins tll", NULL, "max wins ttl", 1 },
		{ "wins:zzzzzz", "wins:", NULL, 0 },
		{ "", NULL, NULL, 0 },
	};
	unsigned int apart = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_text(option_nearest(rows[i].name, rows[i].prefix,
					   &apart), rows[i].want);
		if (rows[i].want != NULL) {
			assert_int_equal(apart, rows[i].apart);
		}
	}
}

/* Limits of every type from both sides; test_config_broken has the words. */
static void values_at_the_limits(void **state)
{
	static const struct {
		enum option_id id;
		const char *text;
		bool want;
	} rows[] = {
		{ OPTION_NBT_PORT, "0", false },
		{ OPTION_NBT_PORT, "1", true },
		{ OPTION_NBT_PORT, "65535", true },
		{ OPTION_NBT_PORT, "0x89", true },
		{ OPTION_NBT_PORT, "65536", false },
		{ OPTION_MAX_WINS_TTL, "2147483647", true },
		{ OPTION_MAX_WINS_TTL, "2147483648", false },
		{ OPTION_VERSION_JUMP, "4294967295", true },
		{ OPTION_VERSION_JUMP, "4294967296", false },
		{ OPTION_START_WAIT, "0", true },
		{ OPTION_TOMBSTONE_EXTRA_TIMEOUT, "0", true },
		{ OPTION_TOMBSTONE_TIMEOUT, "0", false },
		{ OPTION_CHALLENGE, "10 1", true },
		{ OPTION_CHALLENGE, "60000, 10", true },
		{ OPTION_CHALLENGE, "9 1", false },
		{ OPTION_CHALLENGE, "60001 1", false },
		{ OPTION_CHALLENGE, "10 11", false },
		{ OPTION_CHALLENGE, "0", false },
		{ OPTION_SOURCE_RATE, "0", true },
		{ OPTION_SOURCE_RATE, " 0x0 ,", true },
		{ OPTION_SOURCE_RATE, "0 20000", true },
		{ OPTION_SOURCE_RATE, "1 1", true },
		{ OPTION_SOURCE_RATE, "10000000 100000000", true },
		{ OPTION_SOURCE_RATE, "10000001 1", false },
		{ OPTION_SOURCE_RATE, "1 100000001", false },
		{ OPTION_SOURCE_RATE, "1 0", false },
		{ OPTION_SOURCE_RATE, "1", false },
		{ OPTION_SOURCE_RATE, "0 1 2", false },
		{ OPTION_SOURCE_RATE, "00", false },
		{ OPTION_SOURCE_RATE, "off", false },
		{ OPTION_NETBIOS_NAME, "ABCDEFGHIJKLMNO", true },
		{ OPTION_NETBIOS_NAME, "ABCDEFGHIJKLMNOP", false },
		{ OPTION_NETBIOS_NAME, "\"A B\"", true },
		{ OPTION_NETBIOS_NAME, "\" A\"", false },
		{ OPTION_NETBIOS_NAME, "a.b-c_d$", true },
		{ OPTION_NETBIOS_ALIASES, "A B C D E F G H I", true },
		{ OPTION_NETBIOS_ALIASES, "", true },
		{ OPTION_NETBIOS_SCOPE, "", true },
		{ OPTION_NETBIOS_SCOPE, "a.b", true },
		{ OPTION_INTERFACES, "", true },
		{ OPTION_INTERFACES, "eth* ::1 \"eth0;speed=10\"", true },
		{ OPTION_INTERFACES, "a.very.long.host.name.example", true },
		{ OPTION_WINS_INTERFACES, "eth0:1 192.0.2.1/24", true },
		{ OPTION_WINS_INTERFACES, "192.0.2.1/0 192.0.2.1/32", true },
		{ OPTION_WINS_INTERFACES, "192.0.2.1/255.255.255.0", true },
		{ OPTION_WINS_INTERFACES, "192.0.2.1/0.0.0.0", true },
		{ OPTION_WINS_INTERFACES, "192.0.2.1/255.255.255.255", true },
		{ OPTION_WINS_INTERFACES, "192.0.2.1/0x18", false },
		{ OPTION_WINS_INTERFACES, "192.0.2.1/", false },
		{ OPTION_WINS_INTERFACES, "192.0.2.1/24/24", false },
		{ OPTION_WINS_INTERFACES, "abcdefghijklmno", true },
		{ OPTION_WINS_INTERFACES, "abcdefghijklmnop", false },
		{ OPTION_WINS_INTERFACES, "127.0.0.1", true },
		{ OPTION_LOCAL_OWNER, "\"192.0.2.1\"", true },
		{ OPTION_LOCAL_OWNER, "0.0.0.0", false },
		{ OPTION_LOCAL_OWNER, "223.255.255.255", true },
		{ OPTION_LOCAL_OWNER, "224.0.0.0", false },
		{ OPTION_RANDOMIZE_1C_MASK, "0.0.0.0", true },
		{ OPTION_LOG_LEVEL, "3 passdb:5 auth:10@/var/log/a", true },
		{ OPTION_LOG_LEVEL, "wins:5", true },
		{ OPTION_LOG_LEVEL, ":5", false },
		{ OPTION_LOG_LEVEL, "5x", false },
		{ OPTION_STATE_DIRECTORY, "\"/a b\"", true },
		{ OPTION_PARTNERS, "192.0.2.1 192.0.2.2(pull)", true },
		{ OPTION_PARTNERS, "192.0.2.2()", false },
		{ OPTION_PARTNERS, "192.0.2.2(push)x", false },
		{ OPTION_PARTNERS, "0.0.0.0", false },
		{ OPTION_READ_GROUP, "domain users", true },
		{ OPTION_READ_GROUP, "", true },
		{ OPTION_WINS_HOOK, "a \"b\" c", false },
		{ OPTION_PLUGINS, "hook dns-proxy a_1", true },
		{ OPTION_PLUGINS, "hook.so", false },
		{ OPTION_1C_ORDER, "Recent", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("# %s = %s\n", option_row(rows[i].id)->name,
			      rows[i].text);
		assert_int_equal(valid(option_row(rows[i].id), rows[i].text),
				 rows[i].want);
	}
}

static void scopes_have_limits(void **state)
{
	const struct option *row = option_row(OPTION_NETBIOS_SCOPE);
	char scope[300], reason[OPTION_REASON] = "";

	(void)state;
	memset(scope, 'a', sizeof(scope));
	scope[63] = scope[127] = scope[191] = '.';
	scope[237] = '\0';
	assert_true(option_check(row, scope, reason));
	scope[237] = 'a';
	scope[238] = '\0';
	assert_false(option_check(row, scope, reason));
	scope[63] = 'a';
	scope[100] = '\0';
	assert_false(option_check(row, scope, reason));
}

/* A reason holds whatever value comes, and nothing a terminal would obey. */
static void reasons_are_harmless(void **state)
{
	char value[5000], reason[OPTION_REASON] = "";

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		for (enum option_id id = 0; id < OPTION_COUNT; id++) {
			memset(value, byte, sizeof(value));
			value[sizeof(value) - 1] = '\0';
			reason[0] = '\0';
			option_check(option_row(id), value, reason);
			assert_true(strlen(reason) < OPTION_REASON);
			for (const char *p = reason; *p != '\0'; p++) {
				assert_in_range(*p, ' ', '~');
			}
		}
	}
}

static void values_compare_by_meaning(void **state)
{
	static const struct {
		enum option_id id;
		const char *a, *b;
		bool want;
	} rows[] = {
		{ OPTION_DURABLE, "yes", "TRUE", true },
		{ OPTION_DURABLE, "yes", "0", false },
		{ OPTION_NBT_PORT, "137", "0x89", true },
		{ OPTION_NBT_PORT, "137", "138", false },
		{ OPTION_CHALLENGE, "1000 3", "1000,0x3", true },
		{ OPTION_CHALLENGE, "1000 3", "1000 4", false },
		{ OPTION_CHALLENGE, "1000 3", "1001 3", false },
		{ OPTION_SOURCE_RATE, "0", "0x0", true },
		{ OPTION_SOURCE_RATE, "0", "0 20000", true },
		{ OPTION_SOURCE_RATE, "0 1", "0 2", true },
		{ OPTION_SOURCE_RATE, "0", "2000 20000", false },
		{ OPTION_SOURCE_RATE, "2000 20000", "0", false },
		{ OPTION_BLOCKED_NAMES, "WPAD ISATAP", "wpad, isatap", true },
		{ OPTION_BLOCKED_NAMES, "WPAD ISATAP", "WPAD", false },
		{ OPTION_STATE_DIRECTORY, "/a", "/A", false },
		{ OPTION_STATE_DIRECTORY, "/a", "/a", true },
		{ OPTION_NETBIOS_NAME, "abc", "ABC", true },
		{ OPTION_1C_ORDER, "recent", "Recent", true },
		{ OPTION_WINS_HOOK, "", "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(option_same_value(option_row(rows[i].id),
						   rows[i].a, rows[i].b),
				 rows[i].want);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_contract_is_kept),
		cmocka_unit_test(rows_are_complete),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(groups_are_in_order),
		cmocka_unit_test(found_in_any_spelling),
		cmocka_unit_test(nearest_names),
		cmocka_unit_test(values_at_the_limits),
		cmocka_unit_test(scopes_have_limits),
		cmocka_unit_test(reasons_are_harmless),
		cmocka_unit_test(values_compare_by_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
