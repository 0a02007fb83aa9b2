/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tally: each row once, reasons told apart, what a way loses counted by
 * the rows that had it, and the two files of what was skipped: new ones of
 * mode 0600, never what a link points to, that say when they cannot be written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "migrate/tally.h"

static struct row row_of(const char *name)
{
	struct row row = {
		.kind = ROW_RECORD,
		.known = ROW_ALL,
		.rec = {
			.name = nb_name_make(name, strlen(name), 0x20),
			.node = NB_H_NODE,
			.owner = 0xc0000201,
			.version = 7,
			.expires = 1785585600,	/* 2026-08-01T12:00:00Z */
			.count = 1,
			.member = {
				{ 0xc000020a, 0xc0000201, 1785585600 },
			},
		},
	};

	return row;
}

/* All of a file; free() it. */
static char *content(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 10000);

	assert_non_null(file);
	assert_true(fread(text, 1, 9999, file) < 9999);
	assert_int_equal(fclose(file), 0);
	return text;
}

static char folder[] = "/tmp/test_tally.XXXXXX";

static char *file_of(TALLOC_CTX *mem_ctx, const char *name)
{
	return talloc_asprintf(mem_ctx, "%s/%s", folder, name);
}

static void test_sums(void **state)
{
	struct tally *tally = tally_create(NULL, NULL);
	struct row row = row_of("A");
	struct row option = { .kind = ROW_OPTION };
	struct tally_sums sums;
	const char *reason = NULL;
	bool is_skip = true;
	uint64_t count = 0;

	(void)state;
	for (unsigned int i = 0; i < 7; i++) {
		row.rec.is_static = i < 2;
		tally_read(tally, &row);
	}
	assert_int_equal(tally_status(tally), 0);
	tally_written(tally, &row);
	tally_changed(tally, &row, "same");
	row.changed = "cut";
	tally_written(tally, &row);
	tally_skipped(tally, &row, "same");
	for (unsigned int i = 0; i < 3; i++) {
		tally_skipped(tally, &row, "other");
	}
	tally_refused(tally, NULL, "x", 1, 9, "garbage", NULL);
	tally_read(tally, &option);
	tally_read(tally, &option);
	tally_written(tally, &option);
	tally_skipped(tally, &option, "configuration");
	tally_sums(tally, &sums);
	assert_int_equal(sums.read, 8);
	assert_int_equal(sums.written, 1);
	assert_int_equal(sums.changed, 2);
	assert_int_equal(sums.skipped, 5);
	assert_int_equal(sums.options, 2);
	assert_int_equal(sums.statics, 2);
	assert_int_equal(tally_options_written(tally), 1);
	assert_true(tally_reason(tally, 0, &is_skip, &reason, &count));
	assert_true(!is_skip && count == 1);
	assert_string_equal(reason, "same");
	assert_true(tally_reason(tally, 3, &is_skip, &reason, &count));
	assert_true(is_skip && count == 3);
	assert_string_equal(reason, "other");
	assert_true(tally_reason(tally, 4, &is_skip, &reason, &count));
	assert_false(tally_reason(tally, 5, &is_skip, &reason, &count));
	assert_int_equal(tally_status(tally), 4);
	talloc_free(tally);
}

static void test_missing(void **state)
{
	struct tally *tally = tally_create(NULL, NULL);

	(void)state;
	tally_remark(tally, "no %s", "harm");
	assert_int_equal(tally_status(tally), 0);
	tally_missing(tally, "%d statics", 3);
	assert_int_equal(tally_status(tally), 4);
	assert_string_equal(tally_line(tally, true, 0), "3 statics");
	assert_null(tally_line(tally, true, 1));
	assert_string_equal(tally_line(tally, false, 0), "no harm");
	talloc_free(tally);
}

static void test_what_is_lost(void **state)
{
	struct tally *tally = tally_create(NULL, NULL);
	struct row row = row_of("A");

	(void)state;
	tally_written(tally, &row);
	row.rec.name = nb_name_make("\xe4", 1, 0);
	assert_true(nb_name_set_scope(&row.rec.name, "x", 1));
	row.rec.member[0].owner = 1;
	tally_changed(tally, &row, "z");
	row.known = 0;
	tally_written(tally, &row);
	assert_int_equal(tally_says(tally, ROW_OWNER), 2);
	assert_int_equal(tally_says(tally, ROW_EXPIRES), 2);
	assert_int_equal(tally_says(tally, ROW_SCOPE), 1);
	assert_int_equal(tally_says(tally, ROW_RAW_NAMES), 1);
	assert_int_equal(tally_says(tally, ROW_MEMBER_OWNERS), 1);
	assert_int_equal(tally_says(tally, ROW_MEMBER_EXPIRES), 0);
	assert_int_equal(tally_says(tally, ROW_STATIC), 0);
	assert_int_equal(tally_says(tally, ROW_STATE), 0);
	talloc_free(tally);
}

/* design.md 4.3, with the key "skipped" behind. */
static const char kept[] =
	"{\"format\":\"winsd-1\"}\n"
	"{\"name\":\"A\",\"suffix\":32,\"scope\":\"\",\"type\":\"unique\","
	"\"state\":\"active\",\"node\":\"H\",\"static\":false,"
	"\"owner\":\"192.0.2.1\",\"version\":7,"
	"\"expires\":\"2026-08-01T12:00:00Z\",\"addresses\":["
	"{\"ip\":\"192.0.2.10\",\"owner\":\"192.0.2.1\","
	"\"expires\":\"2026-08-01T12:00:00Z\"}],"
	"\"skipped\":\"no \\\"room\\\"\"}\n";

static void test_files(void **state)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	char *path = file_of(mem, "s");
	char *raw = file_of(mem, "s.raw");
	char *old = file_of(mem, "old");
	struct tally *tally = tally_create(mem, path);
	struct row row = row_of("A");
	char *message = NULL;
	char *text = NULL;
	struct stat st;

	(void)state;
	/* a link that waits for whoever writes there */
	assert_int_equal(fclose(fopen(old, "w")), 0);
	assert_int_equal(symlink(old, path), 0);
	tally_written(tally, &row);
	assert_int_equal(lstat(raw, &st), -1);
	assert_null(tally_file(tally, false));
	tally_skipped(tally, &row, "no \"room\"");
	tally_refused(tally, "HEAD\n", "one", 3, 2, "bad", "why");
	tally_refused(tally, "HEAD\n", "two\n", 4, 3, "bad", NULL);
	assert_int_equal(tally_close(tally, &message), 0);
	assert_string_equal(tally_file(tally, false), path);
	assert_string_equal(tally_file(tally, true), raw);
	text = content(path);
	assert_string_equal(text, kept);
	free(text);
	text = content(raw);
	assert_string_equal(text, "HEAD\none\ntwo\n");
	free(text);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(lstat(old, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(unlink(path) | unlink(raw) | unlink(old), 0);
	talloc_free(mem);
}

/* What nobody said is no default in what is kept. */
static void test_kept_as_little_as_known(void **state)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	char *path = file_of(mem, "s");
	struct tally *tally = tally_create(mem, path);
	struct row row = row_of("A");
	char *message = NULL;
	char *text = NULL;

	(void)state;
	row.known = ROW_TYPE | ROW_STATIC;
	tally_skipped(tally, &row, "no owner");
	assert_int_equal(tally_close(tally, &message), 0);
	text = content(path);
	assert_string_equal(text, "{\"format\":\"winsd-1\"}\n"
			    "{\"name\":\"A\",\"suffix\":32,"
			    "\"type\":\"unique\",\"static\":false,"
			    "\"addresses\":[{\"ip\":\"192.0.2.10\"}],"
			    "\"skipped\":\"no owner\"}\n");
	free(text);
	assert_int_equal(unlink(path), 0);
	talloc_free(mem);
}

static void test_no_file(void **state)
{
	struct tally *tally = tally_create(NULL, "/nowhere/s");
	struct row row = row_of("A");
	struct tally_sums sums;
	char *message = NULL;

	(void)state;
	tally_read(tally, &row);
	tally_skipped(tally, &row, "why");
	tally_sums(tally, &sums);
	assert_int_equal(sums.skipped, 1);
	assert_int_not_equal(tally_close(tally, &message), 0);
	assert_non_null(strstr(message, "/nowhere/s: No such"));
	talloc_free(tally);
}

static void test_full_disk(void **state)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct tally *tally = tally_create(mem, file_of(mem, "s"));
	struct row row = row_of("A");
	char *message = NULL;
	FILE *file = NULL;

	(void)state;
	tally_skipped(tally, &row, "why");
	/* its descriptor is the newest: let it be a full disk */
	file = fopen("/dev/full", "w");
	assert_int_equal(dup2(fileno(file), fileno(file) - 1),
			 fileno(file) - 1);
	assert_int_not_equal(tally_close(tally, &message), 0);
	assert_non_null(strstr(message, "No space"));
	(void)fclose(file);
	assert_int_equal(unlink(file_of(mem, "s")), 0);
	talloc_free(mem);
}

/* ---- the report ---- */

static char *report(const struct tally *tally, struct tally_way *way,
		    bool *good)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	way->source = "old";
	way->target = "new";
	way->verb = "written";
	*good = tally_report(tally, way, file);
	assert_int_equal(fclose(file), 0);
	return text;
}

static struct tally *told(void)
{
	struct tally *tally = tally_create(NULL, NULL);
	struct row row = row_of("A");

	for (unsigned int i = 0; i < 3; i++) {
		tally_read(tally, &row);
	}
	tally_written(tally, &row);
	row.place = 12;
	tally_changed(tally, &row, "shorter");
	tally_skipped(tally, &row, "too long");
	tally_missing(tally, "statics");
	return tally;
}

static void test_report(void **state)
{
	struct tally_way way = {
		.source_says = ROW_ALL & ~(unsigned int)ROW_SCOPE,
		.target_carries = ROW_ALL & ~(unsigned int)ROW_VERSION,
		.target_loss = "colours",
		.dry_run = true,
	};
	struct tally *tally = told();
	bool good = false;
	char *text = report(tally, &way, &good);

	(void)state;
	assert_true(good);
	assert_string_equal(text,
		"old -> new (dry run: nothing is changed)\n"
		"  read      3 (0 static)\n"
		"  written   1\n"
		"  changed   1\n"
		"           1  shorter: A<20> (at 12)\n"
		"  skipped   1\n"
		"           1  too long: A<20> (at 12)\n"
		"  old does not say: scope\n"
		"  new has no room for: version (2 rows)\n"
		"  new: colours\n"
		"  missing: statics\n");
	free(text);
	talloc_free(tally);
}

static void test_report_json(void **state)
{
	struct tally_way way = {
		.source_says = ROW_ALL & ~(unsigned int)ROW_SCOPE,
		.target_carries = ROW_ALL & ~(unsigned int)ROW_VERSION,
		.json = true,
	};
	struct tally *tally = told();
	bool good = false;
	char *text = report(tally, &way, &good);

	(void)state;
	assert_true(good);
	assert_string_equal(text,
		"{\"source\":\"old\",\"target\":\"new\",\"dry_run\":false,"
		"\"read\":3,\"static\":0,\"written\":1,\"changed\":1,"
		"\"unchanged\":0,\"skipped\":1,\"configuration\":0,"
		"\"configuration_written\":0,\"reasons\":["
		"{\"changed\":1,\"reason\":\"shorter\","
		"\"for_example\":[\"A<20> (at 12)\"]},"
		"{\"skipped\":1,\"reason\":\"too long\","
		"\"for_example\":[\"A<20> (at 12)\"]}],"
		"\"not_said\":[\"scope\"],\"lost\":{\"version\":2},"
		"\"source_loss\":null,\"target_loss\":null,"
		"\"missing\":[\"statics\"],\"remarks\":[],"
		"\"skipped_file\":null,\"raw_file\":null}\n");
	free(text);
	talloc_free(tally);
}

/* Configuration that nobody took is not lost: there is a way for it. */
static void test_report_configuration(void **state)
{
	struct tally_way way = { .json = false };
	struct row option = { .kind = ROW_OPTION };
	struct tally *tally = tally_create(NULL, NULL);
	bool good = false;
	char *text = NULL;

	(void)state;
	tally_read(tally, &option);
	tally_skipped(tally, &option, "not a record");
	text = report(tally, &way, &good);
	assert_true(good);
	assert_non_null(strstr(text, "  configuration: 1 lines, 0 written "
			       "(convert -t config writes them)\n"));
	assert_int_equal(tally_status(tally), 0);
	free(text);
	tally_written(tally, &option);
	text = report(tally, &way, &good);
	assert_null(strstr(text, "-t config"));
	free(text);
	talloc_free(tally);
}

static void test_lost_row_is_said(void **state)
{
	struct tally_way way = { .json = false };
	struct tally *tally = told();
	struct row row = row_of("B");
	bool good = true;
	char *text = NULL;

	(void)state;
	tally_read(tally, &row);
	text = report(tally, &way, &good);
	assert_false(good);
	assert_non_null(strstr(text, "a bug: 4 rows were read and 3 are "
			       "accounted for"));
	free(text);
	talloc_free(tally);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_what_is_lost),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_kept_as_little_as_known),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_report_json),
		cmocka_unit_test(test_report_configuration),
		cmocka_unit_test(test_lost_row_is_said),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
