/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The short way to read a line, held against the long one (jansson and the
 * table of keys): what it takes means the same to both, and a letter more,
 * less or another is the long way's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json_line.c"

/* The long way alone: what is first asked here knows no line. */
static bool no_line_read(const char *line, size_t len, struct nb_record *rec,
			 unsigned int *keys, int64_t *queried)
{
	(void)queried;
	(void)line;
	(void)len;
	(void)rec;
	(void)keys;
	return false;
}
#define json_line_read no_line_read
#include "common/json_record.c"
#undef json_line_read
#include "unit/same_record.h"

static uint64_t seed;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % sides;
}

static int64_t some_time(void)
{
	return dice(8) == 0 ? NB_NEVER : (int64_t)dice(UINT32_MAX);
}

/* Mostly letters; now and then a byte that needs an escape. */
static void fill_name(struct nb_record *rec)
{
	char text[NB_NAME_MAX];
	size_t len = dice(NB_NAME_MAX + 1);

	for (size_t i = 0; i < len; i++) {
		text[i] = (char)(dice(60) == 0 ? dice(256) : 'A' + dice(26));
	}
	rec->name = nb_name_make(text, len, (uint8_t)dice(256));
	if (dice(3) == 0) {
		assert_true(nb_name_set_scope(&rec->name, "lab.example",
					      dice(12)));
	}
}

static struct nb_record some_record(void)
{
	struct nb_record rec = {
		.type = (uint8_t)dice(4),
		.state = (uint8_t)dice(3),
		.node = (uint8_t)dice(4),
		.is_static = dice(4) == 0,
		.owner = dice(UINT32_MAX),
		.version = dice(6) == 0 ? UINT64_MAX - dice(9) : dice(100000),
		.expires = some_time(),
	};

	fill_name(&rec);
	rec.count = (uint8_t)(rec.type < NB_SGROUP ? 1 : dice(26));
	for (int i = 0; i < rec.count; i++) {
		rec.member[i] = (struct nb_member) {
			.ip = 0x0a000000u + 256u * (uint32_t)i + dice(256),
			.owner = dice(2) == 0 ? rec.owner : dice(UINT32_MAX),
			.expires = some_time(),
		};
	}
	nb_record_settle(&rec);
	return rec;
}

static char *line_of(const struct nb_record *rec, unsigned int keys,
		     size_t *len)
{
	char *text = NULL;
	struct json_out j = { .file = open_memstream(&text, len) };

	json_begin(&j, '{');
	json_record_some(&j, rec, keys);
	json_record_queried(&j, dice(2) == 0 ? JSON_QUERIED_UNKNOWN :
			    dice(4) == 0 ? JSON_QUERIED_NEVER :
					   1 + (int64_t)dice(UINT32_MAX));
	json_end(&j, '}');
	assert_int_equal(fclose(j.file), 0);
	return text;
}

/* True if the short way took it; then the long one agrees. */
static bool agree(const char *line, size_t len)
{
	struct nb_record quick, slow;
	unsigned int quick_keys = 0, slow_keys = 0;
	int64_t quick_queried = 1, slow_queried = 2;
	char reason[JSON_REASON] = "";

	if (!json_line_read(line, len, &quick, &quick_keys,
			    &quick_queried)) {
		return false;
	}
	if (!json_record_scan(line, len, &slow, &slow_keys, &slow_queried,
			      reason)) {
		fail_msg("%.*s: %s", (int)len, line, reason);
	}
	assert_int_equal(quick_keys, slow_keys);
	assert_true(quick_queried == slow_queried);
	assert_same_record(&quick, &slow);
	return true;
}

static void test_lines(void **state)
{
	unsigned int taken = 0;

	(void)state;
	seed = 1;
	for (unsigned int i = 0; i < 20000; i++) {
		struct nb_record rec = some_record();
		unsigned int keys = dice(2) == 0 ? (unsigned int)
				    JSON_RECORD_ALL : dice(JSON_RECORD_ALL + 1);
		size_t len = 0;
		char *line = line_of(&rec, keys, &len);

		taken += agree(line, len);
		free(line);
	}
	/* of what people have, nearly all; of this, which is wild, half */
	assert_true(taken > 8000);
}

/* Each letter once another one, once too much, once away. */
static void test_other_letters(void **state)
{
	static const char odd[] = "\"\\{}[],:0 9a\t-.";
	struct nb_record rec;
	size_t len = 0;
	char *line = NULL, other[1024];

	(void)state;
	seed = 5;
	do {
		free(line);
		rec = some_record();
		line = line_of(&rec, JSON_RECORD_ALL, &len);
	} while (rec.count != 2 || !agree(line, len));
	for (size_t i = 0; i < len; i++) {
		for (size_t k = 0; k < sizeof(odd) - 1; k++) {
			memcpy(other, line, len);
			other[i] = odd[k];
			(void)agree(other, len);
			memcpy(other + i + 1, line + i, len - i);
			(void)agree(other, len + 1);
		}
		memmove(other, line, i);
		memcpy(other + i, line + i + 1, len - i - 1);
		(void)agree(other, len - 1);
		assert_false(agree(line, i));
	}
	free(line);
}

static void test_the_usual_line(void **state)
{
	static const char line[] =
		"{\"name\":\"FILES\",\"suffix\":32,\"scope\":\"\","
		"\"type\":\"unique\",\"state\":\"active\",\"node\":\"H\","
		"\"static\":false,\"owner\":\"192.0.2.1\",\"version\":4711,"
		"\"expires\":\"2026-08-01T12:00:00Z\",\"addresses\":["
		"{\"ip\":\"192.0.2.10\",\"owner\":\"192.0.2.1\","
		"\"expires\":\"2026-08-01T12:00:00Z\"}]}";

	(void)state;
	assert_true(agree(line, sizeof(line) - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_usual_line),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_other_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
