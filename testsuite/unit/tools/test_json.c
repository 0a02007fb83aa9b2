/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records as JSON (design.md 4.3): the exact text for known records, every
 * byte value there and back, and lines that are refused with a reason. The
 * writer is ours and the reader stands on jansson: neither can hide the
 * other's mistake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json_record.h"
#include "common/rfc3339.h"
#include "common/tool.h"
#include "unit/same_record.h"

/* Printed form of a record, without its newline; free() it. */
static char *printed(const struct nb_record *rec)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	json_record_print(file, rec);
	assert_int_equal(fclose(file), 0);
	assert_true(len > 0 && text[len - 1] == '\n');
	text[len - 1] = '\0';
	return text;
}

static struct nb_record sample(void)
{
	struct nb_record rec = {
		.name = nb_name_make("FILES", 5, 0x20),
		.type = NB_MHOMED,
		.state = NB_ACTIVE,
		.node = NB_M_NODE,
		.owner = 0xc0000201,
		.version = 4711,
		.expires = 1785585600,	/* 2026-08-01T12:00:00Z */
		.count = 2,
		.member = {
			{ 0xc000020a, 0xc0000201, 1785585600 },
			{ 0xc000020b, 0xc0000202, 0 },
		},
	};

	assert_true(nb_name_set_scope(&rec.name, "lab.example", 11));
	return rec;
}

static void test_text_of_a_record(void **state)
{
	struct nb_record rec = sample();
	char *text = printed(&rec);

	(void)state;
	assert_string_equal(text,
		"{\"name\":\"FILES\",\"suffix\":32,\"scope\":\"lab.example\","
		"\"type\":\"mhomed\",\"state\":\"active\",\"node\":\"M\","
		"\"static\":false,\"owner\":\"192.0.2.1\",\"version\":4711,"
		"\"expires\":\"2026-08-01T12:00:00Z\",\"addresses\":["
		"{\"ip\":\"192.0.2.10\",\"owner\":\"192.0.2.1\","
		"\"expires\":\"2026-08-01T12:00:00Z\"},"
		"{\"ip\":\"192.0.2.11\",\"owner\":\"192.0.2.2\","
		"\"expires\":\"1970-01-01T00:00:00Z\"}]}");
	free(text);
	rec = (struct nb_record) {
		.name = nb_name_make("", 0, 0xff),
		.type = NB_GROUP,
		.state = NB_TOMBSTONE,
		.is_static = true,
		.version = UINT64_MAX,
		.expires = NB_NEVER,
	};
	text = printed(&rec);
	assert_string_equal(text,
		"{\"name\":\"\",\"suffix\":255,\"scope\":\"\",\"type\":"
		"\"group\",\"state\":\"tombstone\",\"node\":\"B\",\"static\":"
		"true,\"owner\":\"0.0.0.0\",\"version\":18446744073709551615,"
		"\"expires\":null,\"addresses\":[]}");
	free(text);
}

static char *string_of(const void *bytes, size_t len)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	struct json_out j = { .file = file };

	json_bytes(&j, bytes, len);
	assert_int_equal(fclose(file), 0);
	return text;
}

#define STRING(bytes, expected) \
	do { \
		char *text = string_of(bytes, sizeof(bytes) - 1); \
		assert_string_equal(text, expected); \
		free(text); \
	} while (0)

/* The rule of design.md 4.3, by cases. */
static void test_bytes_as_text(void **state)
{
	(void)state;
	STRING("PLAIN", "\"PLAIN\"");
	STRING("\"\\", "\"\\\"\\\\\"");
	STRING("\0\x1f\x7f", "\"\\u0000\\u001f\\u007f\"");
	STRING("\x80\xff", "\"\\u0080\\u00ff\"");
	/* a-umlaut in UTF-8 is U+00E4: not above U+00FF, so two bytes */
	STRING("\xc3\xa4", "\"\\u00c3\\u00a4\"");
	/* U+0100, U+20AC, U+1F600: characters */
	STRING("\xc4\x80", "\"\xc4\x80\"");
	STRING("\xe2\x82\xac", "\"\xe2\x82\xac\"");
	STRING("\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"");
	/* overlong, surrogate, above U+10FFFF, cut, stray */
	STRING("\xc1\xbf", "\"\\u00c1\\u00bf\"");
	STRING("\xe0\x80\x80", "\"\\u00e0\\u0080\\u0080\"");
	STRING("\xe0\x9f\xbf", "\"\\u00e0\\u009f\\u00bf\"");
	STRING("\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\"");
	STRING("\xf4\x90\x80\x80", "\"\\u00f4\\u0090\\u0080\\u0080\"");
	STRING("\xf0\x8f\xbf\xbf", "\"\\u00f0\\u008f\\u00bf\\u00bf\"");
	STRING("\xe2\x82", "\"\\u00e2\\u0082\"");
	STRING("\xe2\x82" "A", "\"\\u00e2\\u0082A\"");
	STRING("\x80\xc4\x80", "\"\\u0080\xc4\x80\"");
}

static void there_and_back(const struct nb_record *rec)
{
	char *text = printed(rec);
	char reason[JSON_REASON] = "";
	struct nb_record back;

	if (!json_record_read(text, strlen(text), &back, reason)) {
		fail_msg("%s: %s", text, reason);
	}
	assert_same_record(&back, rec);
	free(text);
}

static void test_every_byte_there_and_back(void **state)
{
	struct nb_record rec = sample();

	(void)state;
	for (unsigned int first = 0; first < 256; first++) {
		for (unsigned int second = 0; second < 256; second++) {
			uint8_t text[4] = { 'A', (uint8_t)first,
					    (uint8_t)second, 'Z' };

			rec.name = nb_name_make(text, 4, (uint8_t)first);
			assert_true(nb_name_set_scope(&rec.name, text, 4));
			there_and_back(&rec);
		}
	}
}

static void test_wide_characters_there_and_back(void **state)
{
	static const char *const texts[] = {
		"\xc4\x80", "\xe2\x82\xac\xe2\x82", "\xf0\x9f\x98\x80",
		"\xef\xbf\xbf", "\xc3\xa4\xc4\x80\xff", "\xf4\x8f\xbf\xbf",
	};
	struct nb_record rec = sample();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		rec.name = nb_name_make(texts[i], strlen(texts[i]), 0);
		there_and_back(&rec);
	}
}

static void test_defaults(void **state)
{
	static const char line[] =
		"{\"name\":\"A\",\"suffix\":0,\"type\":\"unique\","
		"\"owner\":\"192.0.2.9\",\"addresses\":[{\"ip\":"
		"\"192.0.2.10\"}]}";
	char reason[JSON_REASON] = "";
	struct nb_record rec;

	(void)state;
	assert_true(json_record_read(line, strlen(line), &rec, reason));
	assert_int_equal(rec.state, NB_ACTIVE);
	assert_int_equal(rec.node, NB_H_NODE);
	assert_false(rec.is_static);
	assert_int_equal(rec.version, 0);
	assert_true(rec.expires == NB_NEVER);
	assert_int_equal(rec.member[0].owner, 0xc0000209);
	assert_true(rec.member[0].expires == NB_NEVER);
}

#define REST "\"suffix\":0,\"type\":\"unique\",\"addresses\":" \
	"[{\"ip\":\"192.0.2.10\"}]}"

static void test_refusals(void **state)
{
	static const struct {
		const char *line;
		const char *reason;
	} cases[] = {
		{ "", "column" },
		{ "{", "column" },
		{ "[]", "not an object" },
		{ "{\"name\":\"A\",\"name\":\"B\"," REST, "duplicate" },
		{ "{" REST, "\"name\": is missing" },
		{ "{\"name\":1," REST, "\"name\"" },
		{ "{\"name\":\"ABCDEFGHIJKLMNOP\"," REST, "15 bytes" },
		{ "{\"name\":\"A \"," REST, "blanks" },
		{ "{\"name\":\"A\\u0000B\"," REST, "NUL" },
		{ "{\"naem\":\"A\"," REST, "did you mean \"name\"" },
		{ "{\"name\":\"A\",\"expire\":null," REST,
		  "did you mean \"expires\"" },
		{ "{\"name\":\"A\",\"suffix\":256,\"type\":\"unique\","
		  "\"addresses\":[]}", "0 to 255" },
		{ "{\"name\":\"A\",\"suffix\":\"20\",\"type\":\"unique\","
		  "\"addresses\":[]}", "0 to 255" },
		{ "{\"name\":\"A\",\"suffix\":0,\"type\":\"single\","
		  "\"addresses\":[]}", "\"type\"" },
		{ "{\"name\":\"A\",\"state\":\"dead\"," REST, "\"state\"" },
		{ "{\"name\":\"A\",\"node\":\"X\"," REST, "\"node\"" },
		{ "{\"name\":\"A\",\"static\":1," REST, "\"static\"" },
		{ "{\"name\":\"A\",\"owner\":\"here\"," REST, "\"owner\"" },
		{ "{\"name\":\"A\",\"version\":-1," REST, "\"version\"" },
		{ "{\"name\":\"A\",\"version\":18446744073709551616," REST,
		  "2^64 - 1" },
		{ "{\"name\":\"A\",\"version\":\"12\\u0000\"," REST,
		  "2^64 - 1" },
		{ "{\"name\":\"A\",\"version\":\"-1\"," REST, "2^64 - 1" },
		{ "{\"name\":\"A\",\"version\":9223372036854775808.0," REST,
		  "2^64 - 1" },
		{ "{\"name\":\"A\",\"queried\":\"May\"," REST, "queried" },
		{ "{\"name\":\"A\",\"skipped\":\"why\"," REST,
		  "\"skipped\"" },
		{ "{\"name\":\"A\",\"expires\":\"tomorrow\"," REST,
		  "2026-08-01" },
		{ "{\"name\":\"A\",\"suffix\":0,\"type\":\"unique\","
		  "\"addresses\":[]}", "active without a member" },
		{ "{\"name\":\"A\",\"suffix\":0,\"type\":\"unique\","
		  "\"addresses\":[{\"ip\":\"192.0.2.1\"},"
		  "{\"ip\":\"192.0.2.2\"}]}", "several" },
		{ "{\"name\":\"A\",\"suffix\":0,\"type\":\"mhomed\","
		  "\"addresses\":[{\"ip\":\"192.0.2.1\"},"
		  "{\"ip\":\"192.0.2.1\"}]}", "twice" },
		{ "{\"name\":\"A\",\"suffix\":0,\"type\":\"unique\","
		  "\"addresses\":[\"192.0.2.1\"]}", "not an object" },
		{ "{\"name\":\"A\",\"suffix\":0,\"type\":\"unique\","
		  "\"addresses\":[{\"ipp\":\"192.0.2.1\"}]}",
		  "did you mean \"ip\"" },
		{ "{\"name\":\"A\",\"static\":true,\"expires\":"
		  "\"2026-08-01T12:00:00Z\"," REST, "static" },
	};
	char reason[JSON_REASON] = "";
	struct nb_record rec;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(json_record_read(cases[i].line,
					      strlen(cases[i].line), &rec,
					      reason));
		if (strstr(reason, cases[i].reason) == NULL) {
			fail_msg("%s: '%s' has no '%s'", cases[i].line,
				 reason, cases[i].reason);
		}
	}
}

/* Versions have all of 64 bits; names may look like long numbers. */
static void test_long_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t version;
	} cases[] = {
		{ "9223372036854775807", INT64_MAX },
		{ " 9223372036854775808", INT64_MAX + UINT64_C(1) },
		{ "18446744073709551615", UINT64_MAX },
		{ "\"18446744073709551615\"", UINT64_MAX },
		{ "\"7\"", 7 },
	};
	char reason[JSON_REASON] = "";
	struct nb_record rec = sample();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[400];

		(void)snprintf(line, sizeof(line), "{\"name\":\"A,\\\",1\","
			       "\"scope\":\"a,99999999999999999999\\\\\","
			       "\"version\":%s,%s", cases[i].text, REST);
		if (!json_record_read(line, strlen(line), &rec, reason)) {
			fail_msg("%s: %s", line, reason);
		}
		assert_true(rec.version == cases[i].version);
		assert_memory_equal(rec.name.byte, "A,\",1", 6);
		assert_memory_equal(rec.name.scope,
				    "a,99999999999999999999\\", 24);
	}
	rec = sample();
	rec.version = UINT64_MAX;
	there_and_back(&rec);
}

/* What is known of a record is all that is said, and comes back so. */
static void test_some_keys(void **state)
{
	struct nb_record rec = sample();
	struct nb_record back;
	char reason[JSON_REASON] = "";
	unsigned int said = 0;
	int64_t queried = 7;

	(void)state;
	for (unsigned int keys = 0; keys <= JSON_RECORD_ALL; keys++) {
		char *text = NULL;
		size_t len = 0;
		FILE *file = open_memstream(&text, &len);
		struct json_out j = { .file = file };

		json_begin(&j, '{');
		json_record_some(&j, &rec, keys);
		json_record_queried(&j, keys % 2 == 0 ? 1785585600 :
				    keys % 3 == 0 ? JSON_QUERIED_NEVER :
						    JSON_QUERIED_UNKNOWN);
		json_key(&j, "skipped");
		json_text(&j, "it was");
		json_end(&j, '}');
		assert_int_equal(fclose(file), 0);
		assert_true(json_record_scan(text, len, &back, &said,
					     &queried, reason));
		assert_int_equal(said, keys);
		assert_int_equal(queried, keys % 2 == 0 ? 1785585600 :
				 keys % 3 == 0 ? -1 : 0);
		assert_int_equal(back.expires, (keys & JSON_EXPIRES) != 0 ?
				 rec.expires : 0);
		assert_int_equal(back.member[1].owner,
				 (keys & JSON_MEMBER_OWNER) != 0 ?
				 rec.member[1].owner : back.owner);
		free(text);
	}
}

static void test_static_never_expires(void **state)
{
	static const char line[] = "{\"name\":\"A\",\"static\":true," REST;
	struct nb_record rec;
	char reason[JSON_REASON] = "";
	unsigned int said = 0;
	int64_t queried = 7;

	(void)state;
	assert_true(json_record_scan(line, strlen(line), &rec, &said, &queried,
				     reason));
	assert_int_equal(queried, 0);
	assert_int_equal(said, JSON_STATIC);
	assert_true(rec.expires == NB_NEVER);
	assert_true(rec.member[0].expires == NB_NEVER);
}

static void test_too_many_addresses(void **state)
{
	char line[4096] = "{\"name\":\"A\",\"suffix\":28,\"type\":\"sgroup\","
			  "\"addresses\":[";
	char reason[JSON_REASON] = "";
	struct nb_record rec;

	(void)state;
	for (unsigned int i = 0; i < 26; i++) {
		size_t at = strlen(line);

		(void)snprintf(line + at, sizeof(line) - at,
			       "%s{\"ip\":\"192.0.2.%u\"}", i > 0 ? "," : "",
			       i + 1);
	}
	strcat(line, "]}");
	assert_false(json_record_read(line, strlen(line), &rec, reason));
	assert_non_null(strstr(reason, "25"));
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t when;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", true, 0 },
		{ "2026-08-01T12:00:00Z", true, 1785585600 },
		{ "2026-08-01T14:00:00+02:00", true, 1785585600 },
		{ "2026-08-01t06:30:00.75-05:30", true, 1785585600 },
		{ "2024-02-29T00:00:00Z", true, 1709164800 },
		{ "9999-12-31T23:59:59Z", true, 253402300799 },
		{ "2023-02-29T00:00:00Z", false, 0 },
		{ "2026-13-01T00:00:00Z", false, 0 },
		{ "2026-00-01T00:00:00Z", false, 0 },
		{ "2026-08-01T24:00:00Z", false, 0 },
		{ "2026-08-01T12:60:00Z", false, 0 },
		{ "2026-08-01T12:00:60Z", false, 0 },
		{ "2026-08-01T12:00:00", false, 0 },
		{ "2026-08-01T12:00:00.Z", false, 0 },
		{ "2026-08-01T12:00:00+0200", false, 0 },
		{ "2026-08-01T12:00:00Z ", false, 0 },
		{ "2026-8-1T12:00:00Z", false, 0 },
		{ "1969-12-31T23:59:59Z", false, 0 },
		{ "", false, 0 },
	};
	char text[RFC3339_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t when = 0;

		assert_int_equal(rfc3339_parse(cases[i].text, &when),
				 cases[i].good);
		assert_int_equal(when, cases[i].when);
	}
	assert_string_equal(rfc3339_print(1785585600, text),
			    "2026-08-01T12:00:00Z");
	assert_string_equal(rfc3339_print(INT64_MIN, text),
			    "1970-01-01T00:00:00Z");
	assert_string_equal(rfc3339_print(INT64_MAX, text),
			    "9999-12-31T23:59:59Z");
}

static void test_nearest_word(void **state)
{
	static const char *const words[] = { "record", "server", "owner",
					     NULL };

	(void)state;
	assert_string_equal(tool_nearest("rekord", words), "record");
	assert_string_equal(tool_nearest("servr", words), "server");
	assert_string_equal(tool_nearest("owners", words), "owner");
	assert_string_equal(tool_nearest("RECORD", words), "record");
	assert_null(tool_nearest("partner", words));
	assert_null(tool_nearest("", words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_of_a_record),
		cmocka_unit_test(test_bytes_as_text),
		cmocka_unit_test(test_every_byte_there_and_back),
		cmocka_unit_test(test_wide_characters_there_and_back),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_long_numbers),
		cmocka_unit_test(test_some_keys),
		cmocka_unit_test(test_static_never_expires),
		cmocka_unit_test(test_too_many_addresses),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_nearest_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
