/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LMHOSTS by the grammar of formats.md 6: entries, tags, includes in a folder
 * of their own, and what we write, read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <ftw.h>
#include <sys/stat.h>

#include "migrate/formats.h"
#include "unit/migrate/reading.h"

static void test_entries(void **state)
{
	struct reading r = reading_of(&format_lmhosts,
		"# a comment\r\n"
		"192.0.2.10   filesrv\r\n"
		"\r\n"
		"192.0.2.11\tGATE\t#PRE\t# our gate\r\n"
		"192.0.2.12   \"appname        \\0x14\"   #PRE #a comment\r\n"
		"192.0.2.13   suite#1B\n");
	static const char *const rows[] = {
		/* a bare name has no case, and is three static names */
		"FILESRV<00> unique active H static 192.0.2.10",
		"FILESRV<03> unique active H static 192.0.2.10",
		"FILESRV<20> unique active H static 192.0.2.10",
		"GATE<00> unique active H static 192.0.2.11",
		"GATE<03> unique active H static 192.0.2.11",
		"GATE<20> unique active H static 192.0.2.11",
		"appname<14> unique active H static 192.0.2.12",
		"SUITE<1b> unique active H static 192.0.2.13",
	};

	(void)state;
	assert_int_equal(r.count, 8);
	for (size_t i = 0; i < 8; i++) {
		assert_string_equal(reading_text(&r, i), rows[i]);
	}
	assert_int_equal(r.rows[3].place, 4);
	assert_true(r.rows[0].rec.expires == NB_NEVER);
	assert_int_equal(r.sums.skipped, 0);
	talloc_free(r.mem_ctx);
}

static void test_tags(void **state)
{
	struct reading r = reading_of(&format_lmhosts,
		"192.0.2.20 \"DC1            \\0x20\" #PRE #DOM:corp\n"
		"192.0.2.30 \"HOME           \\0x20\" #MH\n"
		"192.0.2.40 printers #SG #NOFNR\n"
		"192.0.2.21 \"DC2            \\0x20\" #PRE #DOM:CORP #bdc\n"
		"192.0.2.31 \"HOME           \\0x20\" #MH\n"
		"192.0.2.41 PRINTERS #SG\n"
		"192.0.2.22 \"CORP           \\0x1c\"\n"
		"192.0.2.22 \"CORP           \\0x1b\" #PRE\n"
		"192.0.2.60 \"A\" #DOM:\"my domain\"\n");
	static const char *const rows[] = {
		"DC1<20> unique active H static 192.0.2.20",
		"DC2<20> unique active H static 192.0.2.21",
		"CORP<1b> unique active H static 192.0.2.22",
		"A<00> unique active H static 192.0.2.60",
		"A<03> unique active H static 192.0.2.60",
		"A<20> unique active H static 192.0.2.60",
		/* gathered from several lines, in the order of names */
		("CORP<1c> sgroup active H static 192.0.2.20 192.0.2.21 "
		 "192.0.2.22"),
		"HOME<20> mhomed active H static 192.0.2.30 192.0.2.31",
		"PRINTERS<20> sgroup active H static 192.0.2.40 192.0.2.41",
		"MY DOMAIN<1c> sgroup active H static 192.0.2.60",
	};

	(void)state;
	assert_int_equal(r.count, 10);
	for (size_t i = 0; i < 10; i++) {
		bool found = false;

		for (size_t j = 0; j < 10; j++) {
			found |= strcmp(reading_text(&r, j), rows[i]) == 0;
		}
		if (!found) {
			fail_msg("missing: %s", rows[i]);
		}
	}
	talloc_free(r.mem_ctx);
}

/* #MH without a suffix: one record of each of the three names (Q249866). */
static void test_multihomed_host(void **state)
{
	struct reading r = reading_of(&format_lmhosts,
		"192.0.2.1 TWO #MH\n192.0.2.2 two #MH\n");

	(void)state;
	assert_int_equal(r.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(r.rows[i].rec.type, NB_MHOMED);
		assert_int_equal(r.rows[i].rec.count, 2);
	}
	talloc_free(r.mem_ctx);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *line, *reason;
	} cases[] = {
		{ "300.1.1.1 A", "does not begin with the address of a host" },
		{ "224.0.0.1 A", "does not begin with the address of a host" },
		{ "A 192.0.2.1", "does not begin with the address of a host" },
		{ "192.0.2.1", "there is no name behind the address" },
		{ "192.0.2.1 #PRE", "there is no name behind the address" },
		{ "192.0.2.1 SIXTEEN-LETTERS!",
		  "a name has more than 15 characters" },
		{ "192.0.2.1 \"no end", "a name has no closing quote" },
		{ "192.0.2.1 \"far too long a name here\"",
		  "a name in quotes is 15 characters and \\0xHH" },
		{ "192.0.2.1 A#PRE",
		  "a # within a name is neither its end nor a suffix" },
		{ "192.0.2.1 A B", "what stands behind the name is no tag" },
		{ "192.0.2.1 A #MH #SG", "a name cannot be #MH and #SG" },
		{ "192.0.2.1 A #DOM:SIXTEEN-LETTERS!",
		  "#DOM: wants a name of up to 15 characters" },
		{ "192.0.2.1 A #DOM:",
		  "#DOM: wants a name of up to 15 characters" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reading r = reading_of(&format_lmhosts, cases[i].line);

		assert_int_equal(r.count, 0);
		if (reading_reason(&r, cases[i].reason) != 1) {
			fail_msg("%s: not refused so", cases[i].line);
		}
		talloc_free(r.mem_ctx);
	}
}

/* ---- includes ---- */

static char folder[64];

static void put_file(const char *name, const char *text)
{
	char path[256];
	FILE *file = NULL;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void put_folder(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/lmhosts.XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int visit(const char *path, const struct stat *st, int kind,
		 struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static int drop_folder(void **state)
{
	(void)state;
	return nftw(folder, visit, 8, FTW_DEPTH | FTW_PHYS);
}

static struct reading read_main(void)
{
	struct reading r = { .mem_ctx = talloc_new(NULL) };
	char *path = talloc_asprintf(r.mem_ctx, "%s/lmhosts", folder);

	r.tally = tally_create(r.mem_ctx, NULL);
	r.end = through_read(r.mem_ctx, &format_lmhosts, path,
			     &reading_options, r.tally, &r.rows, &r.count,
			     &r.message);
	tally_sums(r.tally, &r.sums);
	assert_int_equal(r.end, FORMAT_END);
	return r;
}

#define LINE(address, name) address " \"" name "\\0x20\"\n"

static void test_includes(void **state)
{
	struct reading r;

	(void)state;
	put_folder("SRV");
	put_folder("SRV/public");
	put_file("lmhosts", LINE("192.0.2.1", "ONE            ")
		 "#INCLUDE sub\r\n"
		 "#INCLUDE \\\\SRV\\public\\lmhosts\r\n"
		 "#INCLUDE \"C:\\etc\\copied\"\n"
		 LINE("192.0.2.5", "FIVE           "));
	put_file("sub", LINE("192.0.2.2", "TWO            "));
	put_file("SRV/public/lmhosts", LINE("192.0.2.3", "THREE          "));
	put_file("copied", LINE("192.0.2.4", "FOUR           "));
	r = read_main();
	assert_int_equal(r.count, 5);
	for (unsigned int i = 0; i < 5; i++) {	/* in the order of the text */
		assert_int_equal(r.rows[i].rec.member[0].ip, 0xc0000201 + i);
	}
	assert_int_equal(r.sums.missing, 0);
	talloc_free(r.mem_ctx);
}

static void test_missing_includes(void **state)
{
	struct reading r;

	(void)state;
	/* lmhosts below another machine's share is not this lmhosts */
	put_file("lmhosts", "#INCLUDE \\\\SRV\\public\\lmhosts\n"
		 "#INCLUDE not-there\n"
		 "#INCLUDE ..\\..\\etc\\hosts\n"
		 "#INCLUDE /etc/hosts\n"
		 "#INCLUDE\n"
		 LINE("192.0.2.1", "ONE            "));
	r = read_main();
	assert_int_equal(r.count, 1);
	assert_int_equal(r.sums.missing, 5);
	talloc_free(r.mem_ctx);
}

static void test_circles(void **state)
{
	struct reading r;

	(void)state;
	put_file("lmhosts", LINE("192.0.2.1", "ONE            ")
		 "#INCLUDE sub\n#INCLUDE lmhosts\n");
	put_file("sub", LINE("192.0.2.2", "TWO            ")
		 "#INCLUDE lmhosts\n#INCLUDE sub\n");
	r = read_main();
	assert_int_equal(r.count, 2);
	assert_int_equal(r.sums.missing, 0);
	talloc_free(r.mem_ctx);
}

/* Each file twice the next one: 2^20 of them, were there no end to it. */
static void test_multiplying_includes(void **state)
{
	struct reading r;

	(void)state;
	put_file("lmhosts", "#INCLUDE f0\n");
	for (unsigned int i = 0; i < 20; i++) {
		char name[16], text[64];

		snprintf(name, sizeof(name), "f%u", i);
		snprintf(text, sizeof(text), "#INCLUDE f%u\n#INCLUDE f%u\n",
			 i + 1, i + 1);
		put_file(name, text);
	}
	put_file("f20", LINE("192.0.2.1", "ONE            "));
	r = read_main();
	assert_true(r.sums.missing > 0);
	talloc_free(r.mem_ctx);
}

static void test_alternates(void **state)
{
	struct reading r;

	(void)state;
	put_file("lmhosts", "#BEGIN_ALTERNATE\n"
		 "#INCLUDE \\\\A\\public\\hosts-a\n"
		 "#INCLUDE \\\\B\\public\\hosts-b\n"
		 "#INCLUDE \\\\C\\public\\hosts-c\n"
		 "#END_ALTERNATE\n"
		 "#BEGIN_ALTERNATE\n"
		 "#INCLUDE \\\\A\\public\\none\n"
		 "#INCLUDE \\\\B\\public\\none\n"
		 "#END_ALTERNATE\n"
		 "#BEGIN_ALTERNATE\n"
		 "#INCLUDE none\n");
	put_file("hosts-b", LINE("192.0.2.2", "B              "));
	put_file("hosts-c", LINE("192.0.2.3", "C              "));
	r = read_main();
	/* the first that is there; none of the second and third block */
	assert_int_equal(r.count, 1);
	assert_int_equal(r.rows[0].rec.member[0].ip, 0xc0000202);
	assert_int_equal(r.sums.missing, 2);
	talloc_free(r.mem_ctx);
}

static void test_includes_of_a_stream(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tally *tally = tally_create(mem_ctx, NULL);
	char text[] = "#INCLUDE sub\n192.0.2.1 A\n";
	struct format_end end = {
		.path = "-",
		.file = fmemopen(text, strlen(text), "r"),
		.options = &reading_options,
		.tally = tally,
	};
	struct tally_sums sums;
	char *message = NULL;
	void *priv = NULL;
	struct row row;

	(void)state;
	assert_int_equal(format_lmhosts.open(mem_ctx, &end, false, &priv,
					     &message), 0);
	assert_int_equal(format_lmhosts.next(priv, &row, &message),
			 FORMAT_ROW);
	tally_sums(tally, &sums);
	assert_int_equal(sums.missing, 1);
	fclose(end.file);
	talloc_free(mem_ctx);
}

/* ---- the writer ---- */

static struct row row_of(const char *name, size_t len, uint8_t suffix,
			 uint8_t type, uint32_t ip, unsigned int count)
{
	struct row row = {
		.kind = ROW_RECORD,
		.known = ROW_TYPE | ROW_STATIC,
	};

	row.rec.name = nb_name_make(name, len, suffix);
	row.rec.type = type;
	row.rec.node = NB_H_NODE;
	row.rec.is_static = true;
	for (unsigned int i = 0; i < count; i++) {
		row.rec.member[row.rec.count++].ip = ip + i;
	}
	nb_record_settle(&row.rec);
	return row;
}

static char *written(TALLOC_CTX *mem_ctx, const struct row *rows,
		     size_t count, struct tally *tally)
{
	char *path = talloc_asprintf(mem_ctx, "%s/lmhosts", folder);
	char *text = talloc_zero_size(mem_ctx, 1 << 20), *message = NULL;
	FILE *file = NULL;
	char *at = text;

	assert_int_equal(through_write(mem_ctx, &format_lmhosts, path,
				       &reading_options, tally, rows, count,
				       &message), 0);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	while (*at == '#') {
		at = strchr(at, '\n') + 1;
	}
	return at;
}

static void test_text(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tally *tally = tally_create(mem_ctx, NULL);
	struct row rows[] = {
		row_of("FILESRV", 7, 0x00, NB_UNIQUE, 0xc000020a, 1),
		row_of("FILESRV", 7, 0x20, NB_UNIQUE, 0xc000020a, 1),
		row_of("FILESRV", 7, 0x03, NB_UNIQUE, 0xc000020a, 1),
		row_of("SQL", 3, 0x20, NB_UNIQUE, 0xc000020b, 1),
		row_of("CORP", 4, 0x1c, NB_SGROUP, 0xc000020a, 2),
		row_of("CORP2", 5, 0x1c, NB_SGROUP, 0xc0000263, 1),
		row_of("GATE", 4, 0x20, NB_MHOMED, 0xc0000230, 2),
		row_of("PRN", 3, 0x20, NB_SGROUP, 0xc0000240, 1),
	};

	(void)state;
	/* formats.md 6 */
	assert_string_equal(written(mem_ctx, rows, 8, tally),
		"192.0.2.99      \"CORP2          \\0x1c\"\n"
		"192.0.2.10      FILESRV                #PRE #DOM:CORP\n"
		"192.0.2.48      \"GATE           \\0x20\" #MH\n"
		"192.0.2.49      \"GATE           \\0x20\" #MH\n"
		"192.0.2.64      \"PRN            \\0x20\" #SG\n"
		"192.0.2.11      \"SQL            \\0x20\" #PRE #DOM:CORP\n");
	talloc_free(mem_ctx);
}

static void test_what_cannot_be_written(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tally *tally = tally_create(mem_ctx, NULL);
	struct row rows[] = {
		row_of("A", 1, 0x1e, NB_GROUP, 0xc0000201, 1),
		row_of("A", 1, 0x20, NB_UNIQUE, 0xc0000201, 0),
		row_of("A\"B", 3, 0x20, NB_UNIQUE, 0xc0000201, 1),
		row_of("A\nB", 3, 0x20, NB_UNIQUE, 0xc0000201, 1),
		row_of("A", 1, 0x20, NB_UNIQUE, 0xe0000001, 1),
		row_of("S", 1, 0x20, NB_UNIQUE, 0xc0000201, 1),
		row_of("U", 1, 0x1c, NB_UNIQUE, 0xc0000201, 1),
		row_of("U", 1, 0x1c, NB_UNIQUE, 0xc0000201, 1),
	};
	struct tally_sums sums;

	(void)state;
	assert_true(nb_name_set_scope(&rows[5].rec.name, "lab", 3));
	(void)written(mem_ctx, rows, 8, tally);
	tally_sums(tally, &sums);
	assert_int_equal(sums.skipped, 7);
	assert_int_equal(sums.changed, 1);
	assert_int_equal(sums.written, 0);
	talloc_free(mem_ctx);
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return nb_name_compare(&x->rec.name, &y->rec.name);
}

/* Names with each byte, each suffix, members up to 25: back as they were. */
static void test_there_and_back(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tally *tally = tally_create(mem_ctx, NULL);
	struct row *rows = talloc_array(mem_ctx, struct row, 2048);
	/* all but the first would come back otherwise, were they one line */
	struct row trios[] = {
		row_of("TRIO", 4, 0x00, NB_UNIQUE, 0x0a020000, 1),
		row_of("TRIO", 4, 0x03, NB_UNIQUE, 0x0a020000, 1),
		row_of("TRIO", 4, 0x20, NB_UNIQUE, 0x0a020000, 1),
		row_of("PAIR", 4, 0x00, NB_UNIQUE, 0x0a020000, 1),
		row_of("PAIR", 4, 0x20, NB_UNIQUE, 0x0a020000, 1),
		row_of("ODD", 3, 0x00, NB_UNIQUE, 0x0a020000, 1),
		row_of("ODD", 3, 0x03, NB_UNIQUE, 0x0a020000, 1),
		row_of("ODD", 3, 0x20, NB_UNIQUE, 0x0a020001, 1),
		row_of("CARDS", 5, 0x00, NB_MHOMED, 0x0a020000, 2),
		row_of("CARDS", 5, 0x03, NB_MHOMED, 0x0a020000, 3),
		row_of("CARDS", 5, 0x20, NB_MHOMED, 0x0a020000, 2),
		row_of("#SG", 3, 0x00, NB_UNIQUE, 0x0a020000, 1),
		row_of("#SG", 3, 0x03, NB_UNIQUE, 0x0a020000, 1),
		row_of("#SG", 3, 0x20, NB_UNIQUE, 0x0a020000, 1),
		row_of("low", 3, 0x00, NB_UNIQUE, 0x0a020000, 1),
		row_of("low", 3, 0x03, NB_UNIQUE, 0x0a020000, 1),
		row_of("low", 3, 0x20, NB_UNIQUE, 0x0a020000, 1),
	};
	struct tally_sums sums;
	struct reading r;
	size_t count = 0;

	(void)state;
	for (unsigned int b = 1; b < 256; b++) {
		char name[] = { 'N', (char)b, 'x', '\0' };

		if (b != '"' && b != '\n') {
			rows[count++] = row_of(name, 3, 0x20, NB_UNIQUE,
					       0x0a000000 + b, 1);
		}
		if (b != 0x1c && b != 0x1e) {
			rows[count++] = row_of("HOST", 4, (uint8_t)b,
					       b % 2 == 0 ? NB_MHOMED :
					       NB_UNIQUE, 0x0a010000, b % 2 == 0
					       ? 1 + b % 25 : 1);
		}
	}
	for (unsigned int i = 1; i <= 25; i++) {
		char name[16];

		snprintf(name, sizeof(name), "DOM%u", i);
		rows[count++] = row_of(name, strlen(name), 0x1c, NB_SGROUP,
				       0x0a000001 + 7 * i, i);
		rows[count++] = row_of(name, strlen(name), 0x20, NB_SGROUP,
				       0x0a000001, i);
		snprintf(name, sizeof(name), "Dom%u\\0x41", i);
		rows[count++] = row_of(name, strlen(name), 0x1c, NB_SGROUP,
				       0x0a000001, i);
	}
	for (unsigned int i = 0; i < sizeof(trios) / sizeof(trios[0]); i++) {
		rows[count++] = trios[i];
	}
	(void)written(mem_ctx, rows, count, tally);
	tally_sums(tally, &sums);
	assert_int_equal(sums.written, count);
	r = read_main();
	assert_int_equal(r.sums.skipped, 0);
	assert_int_equal(r.count, count);
	qsort(rows, count, sizeof(rows[0]), compare_rows);
	qsort(r.rows, count, sizeof(rows[0]), compare_rows);
	for (size_t i = 0; i < count; i++) {
		assert_memory_equal(&r.rows[i].rec.name, &rows[i].rec.name,
				    sizeof(rows[i].rec.name));
		assert_int_equal(r.rows[i].rec.type, rows[i].rec.type);
		assert_int_equal(r.rows[i].rec.count, rows[i].rec.count);
		for (unsigned int j = 0; j < rows[i].rec.count; j++) {
			/* members of a domain come in the order of lines */
			assert_true(nb_record_find(&r.rows[i].rec,
				rows[i].rec.member[j].ip) >= 0);
		}
	}
	talloc_free(r.mem_ctx);
	talloc_free(mem_ctx);
}

static void test_probe(void **state)
{
	static const char plain[] = "192.0.2.1 a.example a\n192.0.2.2 B\n";
	static const char sure[] = "192.0.2.2 B #PRE\n";

	(void)state;
	assert_int_equal(reading_probe(&format_lmhosts, plain, strlen(plain),
				       "hosts"), 30);
	assert_int_equal(reading_probe(&format_lmhosts, plain, strlen(plain),
				       "lmhosts.sam"), 80);
	assert_int_equal(reading_probe(&format_lmhosts, sure, strlen(sure),
				       "x"), 80);
	assert_int_equal(reading_probe(&format_lmhosts, "hello\n", 6, "x"), 0);
}

#define IN_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_multihomed_host),
		cmocka_unit_test(test_refusals),
		IN_FOLDER(test_includes),
		IN_FOLDER(test_missing_includes),
		IN_FOLDER(test_circles),
		IN_FOLDER(test_multiplying_includes),
		IN_FOLDER(test_alternates),
		cmocka_unit_test(test_includes_of_a_stream),
		IN_FOLDER(test_text),
		IN_FOLDER(test_what_cannot_be_written),
		IN_FOLDER(test_there_and_back),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
