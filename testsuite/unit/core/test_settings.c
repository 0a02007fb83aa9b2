/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Putting parameters, whose mistake is what, and reading values back; then
 * one partner's options. The wording of errors is in test_config_broken.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/partner_option.h"
#include "core/settings.h"

static struct settings settings;
static char text[64][64];	/* what the settings point into */
static unsigned int texts;
static char note[SETTINGS_NOTE];

static int reset(void **state)
{
	(void)state;
	settings = (struct settings){ .partners = 0 };
	texts = 0;
	return 0;
}

static enum settings_result put_in(bool global, const char *name,
				   const char *value)
{
	char *copy = text[texts++];

	assert_in_range(texts, 1, 64);
	note[0] = '\0';
	if (value != NULL) {
		snprintf(copy, sizeof(text[0]), "%s", value);
	}
	return settings_put(&settings, global, name,
			    value != NULL ? copy : NULL, texts, note);
}

static enum settings_result put(const char *name, const char *value)
{
	return put_in(true, name, value);
}

static void whose_mistake_is_what(void **state)
{
	static const struct {
		bool global;
		const char *name, *value;
		enum settings_result want;
	} rows[] = {
		{ true, "workgroup", "A", SETTINGS_OK },
		{ true, "security", "user", SETTINGS_OK },
		{ true, "wins server", "192.0.2.1", SETTINGS_OK },
		{ true, "wins proxy", "yes", SETTINGS_OK },
		{ true, "max ttl", "1", SETTINGS_OK },
		{ true, "idmap config * : backend", "tdb", SETTINGS_OK },
		{ true, "wins:durable", "no", SETTINGS_OK },
		{ true, "wins:nothing", "no", SETTINGS_ERROR },
		{ true, "wreplsrv:nothing", "no", SETTINGS_WARN },
		{ true, "winsdb:dbnosync", "no", SETTINGS_WARN },
		{ true, "nbtd:nothing", "no", SETTINGS_WARN },
		{ true, "wins durable", "no", SETTINGS_WARN },
		{ true, "wrepl:tombstone_timeout", "5", SETTINGS_OK },
		{ true, "max wins tl", "5", SETTINGS_WARN },
		{ true, "junk", NULL, SETTINGS_WARN },
		{ true, "wins:junk", NULL, SETTINGS_ERROR },
		{ true, "include", "x", SETTINGS_ERROR },
		{ true, "copy", "x", SETTINGS_ERROR },
		{ true, "config backend", "File", SETTINGS_OK },
		{ false, "copy", "x", SETTINGS_OK },
		{ false, "include", "x", SETTINGS_ERROR },
		{ false, "path", "/tmp", SETTINGS_OK },
		{ false, "workgroup", "ABCDEFGHIJKLMNOPQ", SETTINGS_OK },
		{ false, "wins:durable", "no", SETTINGS_ERROR },
		{ false, "wreplsrv:renew_interval", "5", SETTINGS_WARN },
		{ false, "junk", NULL, SETTINGS_WARN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(put_in(rows[i].global, rows[i].name,
					rows[i].value), rows[i].want);
		assert_int_equal(rows[i].want == SETTINGS_OK,
				 note[0] == '\0');
	}
	assert_false(settings_is_set(&settings, OPTION_RENEW_INTERVAL));
	assert_string_equal(settings_text(&settings, OPTION_WORKGROUP), "A");
}

static void the_last_good_value_counts(void **state)
{
	(void)state;
	assert_int_equal(put("max wins ttl", "5000"), SETTINGS_OK);
	assert_int_equal(put("maxwinsttl", "6000"), SETTINGS_OK);
	assert_int_equal(put("max wins ttl", "6d"), SETTINGS_ERROR);
	assert_int_equal(settings_number(&settings, OPTION_MAX_WINS_TTL),
			 6000);
	assert_int_equal(settings.value[OPTION_MAX_WINS_TTL].line, 2);
}

static void values_by_type(void **state)
{
	uint32_t first = 0, second = 0;

	(void)state;
	assert_true(settings_bool(&settings, OPTION_DURABLE));
	assert_false(settings_bool(&settings, OPTION_OWN_NAMES));
	assert_int_equal(settings_number(&settings, OPTION_NBT_PORT), 137);
	assert_int_equal(settings_number(&settings,
					 OPTION_SCAVENGING_INTERVAL), 0);
	settings_pair(&settings, OPTION_CHALLENGE, &first, &second);
	assert_int_equal(first, 1000);
	assert_int_equal(second, 3);
	assert_int_equal(settings_word(&settings, OPTION_USAGE), 2);
	assert_int_equal(settings_address(&settings, OPTION_LOCAL_OWNER), 0);
	assert_int_equal(settings_address(&settings,
					  OPTION_RANDOMIZE_1C_MASK),
			 0xffffff00);
	assert_null(settings_text(&settings, OPTION_NETBIOS_NAME));

	put("wins:durable", "Off");
	put("nbt port", "0x10");
	put("wins:challenge", "500, 5");
	put("wins:source rate", "0");
	put("wins:usage", "NAMES");
	put("winsdb:local_owner", "192.0.2.1");
	put("netbios name", "\"a b\"");
	assert_false(settings_bool(&settings, OPTION_DURABLE));
	assert_int_equal(settings_number(&settings, OPTION_NBT_PORT), 16);
	settings_pair(&settings, OPTION_CHALLENGE, &first, &second);
	assert_int_equal(first, 500);
	assert_int_equal(second, 5);
	settings_pair(&settings, OPTION_SOURCE_RATE, &first, &second);
	assert_int_equal(first, 0);
	assert_int_equal(second, 0);
	assert_int_equal(settings_word(&settings, OPTION_USAGE), 1);
	assert_int_equal(settings_address(&settings, OPTION_LOCAL_OWNER),
			 0xc0000201);
	assert_string_equal(settings_text(&settings, OPTION_NETBIOS_NAME),
			    "a b");
}

static void log_levels(void **state)
{
	static const struct {
		const char *text;
		int wins, other;
	} rows[] = {
		{ "0", 0, 0 },
		{ "3", 3, 3 },
		{ "1 wins:5", 5, 1 },
		{ "wins:5 1", 5, 1 },
		{ "wins:5", 5, 0 },
		{ "2 passdb:10 winbind:3", 2, 2 },
		{ "all:4 WINS:2", 2, 4 },
		{ "1 wins:7@/var/log/wins", 7, 1 },
		{ "99", 10, 10 },
		{ "10 wins:0", 0, 10 },
	};

	(void)state;
	assert_int_equal(settings_level(&settings, "wins"), 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(put("log level", rows[i].text), SETTINGS_OK);
		assert_int_equal(settings_level(&settings, "wins"),
				 rows[i].wins);
		assert_int_equal(settings_level(&settings, "x"),
				 rows[i].other);
	}
}

/* Every finding as "RESULT LINE NOTE|". */
static const char *review(void)
{
	static char all[4096];
	unsigned int step = 0, line = 0;
	enum settings_result result = SETTINGS_OK;

	all[0] = '\0';
	while ((result = settings_review(&settings, &step, &line, note)) !=
	       SETTINGS_OK) {
		size_t len = strlen(all);

		snprintf(all + len, sizeof(all) - len, "%s %u %s|",
			 result == SETTINGS_WARN ? "warn" : "error", line,
			 note);
	}
	return all;
}

static void what_does_nothing_is_said(void **state)
{
	(void)state;
	assert_string_equal(review(), "");
	put("dns proxy", "no");
	put("wins:observe", "no");
	put("wins hook", "");
	put("bind interfaces only", "True");
	put("wins:only partners", "yes");
	assert_string_equal(review(), "");
	put("dns proxy", "yes");
	put("wins hook", "run-me");
	put("bind interfaces only", "no");
	assert_string_equal(review(),
		"warn 8 bind interfaces only has no effect: the server only "
		"ever binds the addresses that it serves|"
		"warn 7 wins hook has no effect: plugins are not in this "
		"version|"
		"warn 6 dns proxy has no effect: plugins are not in this "
		"version|");
}

static void contradictions(void **state)
{
	(void)state;
	put("min wins ttl", "600");
	put("max wins ttl", "600");
	assert_string_equal(review(), "");
	put("min wins ttl", "601");
	put("wins:durable", "yes");
	put("winsdb:nosync", "yes");
	assert_string_equal(review(),
		"error 3 min wins ttl (601) is above max wins ttl (600)|"
		"error 5 wins:durable and winsdb:nosync contradict each "
		"other|");
	put("wins:durable", "no");
	put("min wins ttl", "1");
	assert_string_equal(review(), "");
	put("winsdb:nosync", "no");
	assert_string_equal(review(),
		"error 8 wins:durable and winsdb:nosync contradict each "
		"other|");
}

static void partners_have_rows(void **state)
{
	(void)state;
	assert_int_equal(put("wins:partner 192.0.2.1", "retry=1"),
			 SETTINGS_OK);
	assert_int_equal(put("WINS:Partner192.0.2.2", "retry=2"),
			 SETTINGS_OK);
	assert_int_equal(put("wins : partner\t192.0.2.1", "retry=3"),
			 SETTINGS_OK);
	assert_int_equal(settings.partners, 2);
	assert_int_equal(settings.partner[0].address, 0xc0000201);
	assert_string_equal(settings.partner[0].text, "retry=3");
	assert_int_equal(settings.partner[0].line, 3);
	assert_string_equal(settings.partner[1].text, "retry=2");
	put("wins:partners", "192.0.2.2(push)");
	assert_string_equal(review(),
		"warn 3 wins:partner 192.0.2.1 has no effect: the address is "
		"not in wins:partners|");
}

/* A partner is its address: no two may have one, nor may we. */
static void partners_are_somebody_else(void **state)
{
	(void)state;
	put("wins:partners", "192.0.2.1 192.0.2.2");
	put("wins:partner 192.0.2.1", "also=192.0.2.5 192.0.2.6");
	put("interfaces", "eth0 192.0.2.9/24");
	assert_string_equal(review(), "");
	put("wins:partner 192.0.2.1", "also=192.0.2.5 192.0.2.2");
	assert_string_equal(review(), "error 4 wins:partner 192.0.2.1: "
			    "also=192.0.2.2 is a partner in wins:partners "
			    "itself|");
	put("wins:partner 192.0.2.1", "also=192.0.2.9");
	assert_string_equal(review(), "error 5 wins:partner 192.0.2.1: "
			    "also=192.0.2.9 is an address of this server|");
	put("wins:partner 192.0.2.1", "retry=1");
	put("wins:partners", "192.0.2.1 192.0.2.9(pull)");
	assert_string_equal(review(), "error 7 wins:partners has 192.0.2.9, an "
			    "address of this server|");
	put("wins:interfaces", "192.0.2.10");	/* goes before interfaces */
	assert_string_equal(review(), "");
	put("winsdb:local_owner", "192.0.2.1");
	assert_string_equal(review(), "error 7 wins:partners has 192.0.2.1, an "
			    "address of this server|");
}

static void replication_that_is_not_what_it_seems(void **state)
{
	(void)state;
	put("wins:partners", "192.0.2.1 192.0.2.2(push) 192.0.2.3(pull)");
	put("wins:partner 192.0.2.1", "pull interval=60, start time=02:30");
	put("wins:partner 192.0.2.2", "push count=5");
	put("wins:observe", "yes");
	put("wins:accept owners", "192.0.2.3 192.0.2.1 192.0.2.7");
	put("wins:block owners", "192.0.2.8");
	assert_string_equal(review(), "");
	put("wins:partner 192.0.2.1", "pull interval=never, start time=02:30");
	put("wins:partner 192.0.2.2", "start time=02:30");
	put("wins:accept owners", "192.0.2.2 192.0.2.1 192.0.2.7");
	put("wins:block owners", "192.0.2.8 192.0.2.7");
	assert_string_equal(review(),
		"warn 7 wins:partner 192.0.2.1: start time has no effect with "
		"pull interval=never|"
		"warn 8 wins:partner 192.0.2.2: start time has no effect: "
		"wins:partners has it as (push)|"
		"warn 9 wins:accept owners has not the partner 192.0.2.3: its "
		"own records are not taken|"
		"warn 10 192.0.2.7 is in wins:accept owners and in wins:block "
		"owners: it is blocked|");
	put("wins:partner 192.0.2.1", "");
	put("wins:partner 192.0.2.2", "");
	put("wins:accept owners", "");
	put("wins:partners", "192.0.2.2(push)");
	assert_string_equal(review(),
		"warn 11 wins:partner 192.0.2.1 has no effect: the address is "
		"not in wins:partners|"
		"warn 4 wins:observe: there is nobody to pull from in "
		"wins:partners, so this server does nothing|");
}

static void partners_are_bounded(void **state)
{
	static char value[] = "retry=30";
	char name[64];

	(void)state;
	for (unsigned int i = 0; i < SETTINGS_PARTNERS_MAX + 1; i++) {
		snprintf(name, sizeof(name), "wins:partner 10.0.%u.%u",
			 i / 250, i % 250 + 1);
		assert_int_equal(settings_put(&settings, true, name, value, 1,
					      note),
				 i < SETTINGS_PARTNERS_MAX ? SETTINGS_OK :
							     SETTINGS_ERROR);
	}
	assert_string_equal(note, "wins:partner 10.0.4.25: more than 1024 "
			    "partners");
	assert_int_equal(settings_put(&settings, true, "wins:partner 10.0.0.1",
				      value, 2, note), SETTINGS_OK);
}

static void one_partner_is_read(void **state)
{
	struct partner_options o = partner_options_default();
	char reason[PARTNER_REASON] = "";

	(void)state;
	assert_int_equal(o.pull_interval, 1800);
	assert_int_equal(o.start_minute, -1);
	assert_int_equal(o.retry, 30);
	assert_int_equal(o.push_count, 20);
	assert_true(o.persistent && o.statics && !o.domains_only);
	assert_true(partner_options_parse("", &o, reason));
	assert_true(partner_options_parse(
		"pull interval=3600, START TIME = 23:59 ,retry=5,pushcount=0, "
		"persistent=no, statics=off,domains only=yes, precedence=low, "
		"also=192.0.2.2 192.0.2.3, our address=192.0.2.9, "
		"name=head office", &o, reason));
	assert_int_equal(o.pull_interval, 3600);
	assert_int_equal(o.start_minute, 23 * 60 + 59);
	assert_int_equal(o.retry, 5);
	assert_int_equal(o.push_count, 0);
	assert_false(o.persistent || o.statics || o.high_precedence);
	assert_true(o.domains_only);
	assert_int_equal(o.also_count, 2);
	assert_int_equal(o.also[1], 0xc0000203);
	assert_int_equal(o.our_address, 0xc0000209);
	assert_string_equal(o.name, "head office");
	assert_true(partner_options_parse("pull interval=never,", &o, reason));
	assert_int_equal(o.pull_interval, 0);
}

static void every_key_is_read(void **state)
{
	static const char *const keys[] = {
		"pull interval", "start time", "retry", "push count",
		"persistent", "statics", "domains only", "precedence", "also",
		"our address", "name",		/* design.md 4.2 */
	};
	unsigned int i = 0;

	(void)state;
	for (; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_non_null(partner_key(i));
		assert_string_equal(partner_key(i)->key, keys[i]);
		assert_non_null(partner_key(i)->doc);
	}
	assert_null(partner_key(i));
}

static void settings_compare(void **state)
{
	struct settings *other = calloc(1, sizeof(*other));

	(void)state;
	assert_non_null(other);
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		assert_true(settings_same(&settings, other, id));
	}
	put("nbt port", "0x89");
	assert_true(settings_same(&settings, other, OPTION_NBT_PORT));
	put("nbt port", "138");
	assert_false(settings_same(&settings, other, OPTION_NBT_PORT));
	put("winsdb:local_owner", "192.0.2.1");
	assert_false(settings_same(&settings, other, OPTION_LOCAL_OWNER));
	assert_false(settings_same(other, &settings, OPTION_LOCAL_OWNER));
	free(other);
}

static void like_windows_or_not(void **state)
{
	(void)state;
	assert_true(settings_as_windows(&settings, OPTION_MAX_WINS_TTL));
	assert_false(settings_as_windows(&settings, OPTION_MIN_WINS_TTL));
	assert_false(settings_as_windows(&settings, OPTION_CHALLENGE));
	assert_true(settings_as_windows(&settings, OPTION_USAGE));
	put("wins:challenge", "500 3");
	put("min wins ttl", "518400");
	put("wreplsrv:tombstone_timeout", "86400");
	assert_true(settings_as_windows(&settings, OPTION_CHALLENGE));
	assert_true(settings_as_windows(&settings, OPTION_MIN_WINS_TTL));
	assert_false(settings_as_windows(&settings,
					 OPTION_TOMBSTONE_TIMEOUT));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(whose_mistake_is_what, reset),
		cmocka_unit_test_setup(the_last_good_value_counts, reset),
		cmocka_unit_test_setup(values_by_type, reset),
		cmocka_unit_test_setup(log_levels, reset),
		cmocka_unit_test_setup(what_does_nothing_is_said, reset),
		cmocka_unit_test_setup(contradictions, reset),
		cmocka_unit_test_setup(partners_have_rows, reset),
		cmocka_unit_test_setup(partners_are_somebody_else, reset),
		cmocka_unit_test_setup(replication_that_is_not_what_it_seems,
				       reset),
		cmocka_unit_test_setup(partners_are_bounded, reset),
		cmocka_unit_test_setup(one_partner_is_read, reset),
		cmocka_unit_test_setup(every_key_is_read, reset),
		cmocka_unit_test_setup(settings_compare, reset),
		cmocka_unit_test_setup(like_windows_or_not, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
