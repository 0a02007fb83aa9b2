/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registry exports of the WINS service, typed from the values of
 * microsoft-wins.md 3, and the fragment of winsd.conf that comes of them: each
 * option in it is held against what winsd itself takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec/smbconf.h"
#include "core/settings.h"
#include "migrate/formats.h"
#include "unit/migrate/reading.h"

#define HEAD "Windows Registry Editor Version 5.00\r\n\r\n"
#define WINS "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\WINS"

static const char export[] = HEAD
	WINS "]\r\n"
	"\"Type\"=dword:00000010\r\n"
	"\"ImagePath\"=hex(2):25,00,53,00,00,00\r\n"
	"\r\n"
	WINS "\\Parameters]\r\n"
	"\"RefreshInterval\"=dword:00054600\r\n"		/* 345600 */
	"\"TombstoneInterval\"=dword:00054601\r\n"
	"\"TombstoneTimeout\"=dword:00054602\r\n"
	"\"VerifyInterval\"=dword:001fa400\r\n"			/* 2073600 */
	"\"BurstHandling\"=dword:00000001\r\n"
	"\"BurstQueSize\"=dword:0000012c\r\n"
	"\"InitChlRetryInterval\"=dword:000001f4\r\n"
	"\"MigrateOn\"=dword:00000001\r\n"
	"\"RplOnlyWCnfPnrs\"=dword:00000001\r\n"
	"\"UseSelfFndPnrs\"=dword:00000000\r\n"
	"\"PortNo\"=dword:000005e8\r\n"				/* 1512 */
	"\"randomize1cLIST\"=dword:00000001\r\n"
	"\"Prepend1BTo1CQueries\"=dword:00000000\r\n"
	"\"BackupDirPath\"=\"D:\\\\wins \\\"bak\\\"\"\r\n"
	"\"DbFileNm\"=hex(2):25,00,53,00,79,00,73,00,74,00,65,00,6d,00,52,00,\\\r\n"
	"  6f,00,6f,00,74,00,25,00,00,00\r\n"
	"\"Gadget\"=dword:00000007\r\n"
	"\r\n"
	WINS "\\Parameters\\Datafiles]\r\n"
	"\"DF1\"=\"C:\\\\lmhosts\"\r\n"
	"\r\n"
	WINS "\\Partners]\r\n"
	"\"PersonaNonGrata\"=hex(7):31,00,39,00,32,00,2e,00,30,00,2e,00,32,00,\\\r\n"
	"  2e,00,36,00,36,00,00,00,31,00,39,00,32,00,2e,00,30,00,2e,00,32,00,\\\r\n"
	"  2e,00,36,00,37,00,00,00,00,00\r\n"
	"\r\n"
	WINS "\\Partners\\Pull]\r\n"
	"\"InitTimeReplication\"=dword:00000001\r\n"
	"\"CommRetryCount\"=dword:00000003\r\n"
	"\r\n"
	WINS "\\Partners\\Pull\\192.0.2.2]\r\n"
	"\"SpTime\"=\"02:30:00\"\r\n"
	"\"TimeInterval\"=dword:00000e10\r\n"			/* 3600 */
	"\"MemberPrec\"=dword:00000000\r\n"
	"\"OnlyDynRecs\"=dword:00000001\r\n"
	WINS "\\Partners\\Pull\\192.0.2.3]\r\n"
	"\"TimeInterval\"=dword:00000000\r\n"
	WINS "\\Partners\\Push]\r\n"
	WINS "\\Partners\\Push\\192.0.2.2]\r\n"
	"\"UpdateCount\"=dword:00000028\r\n"
	"\"PersistentRplOn\"=dword:00000001\r\n"
	WINS "\\Partners\\Push\\192.0.2.4]\r\n"
	"\r\n"
	"[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\WINSrvEx]"
	"\r\n"
	"\"MigrateOn\"=dword:00000000\r\n";

static const char *const expected[] = {
	"wreplsrv:renew_interval = 345600",
	"min wins ttl = 345600",
	"max wins ttl = 345600",
	"wreplsrv:tombstone_interval = 345601",
	"wreplsrv:tombstone_timeout = 345602",
	"wreplsrv:verify_interval = 2073600",
	"wins:burst threshold = 300",
	"wins:challenge = 500 3",
	"wins:migrate on = yes",
	"wins:only partners = yes",
	"wins:replication port = 1512",
	"nbtd:wins_randomize1Clist = yes",
	"nbtd:wins_prepend1Bto1Cqueries = no",
	"wins:block owners = 192.0.2.66 192.0.2.67",
	"wins:partners = 192.0.2.2 192.0.2.3(pull) 192.0.2.4(push)",
	"wins:partner 192.0.2.2 = pull interval=3600, start time=02:30, push "
	"count=40, persistent=yes, statics=no, precedence=low",
	"wins:partner 192.0.2.3 = pull interval=never",
	"wins:partner 192.0.2.4 = push count=0",
	"# BackupDirPath = D:\\wins \"bak\": backups go to the state "
	"directory; wins:backup says how often",
	"# DbFileNm = %SystemRoot%: the database is in the state directory",
	"# Gadget = 7: there is no such setting here",
	"# Datafiles\\DF1 = C:\\lmhosts: a file of static records; import it",
};
#define EXPECTED (sizeof(expected) / sizeof(expected[0]))

static void check(const struct reading *r)
{
	for (size_t i = 0; i < EXPECTED; i++) {
		if (!reading_has(r, expected[i])) {
			fail_msg("missing: %s", expected[i]);
		}
	}
	assert_int_equal(r->sums.read, 0);
	assert_int_equal(r->sums.options, r->count);
}

static void test_utf16(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	size_t len = 0;
	char *wide = reading_wide(mem_ctx, export, &len);
	struct reading r = reading_bytes(&format_registry, wide, len, NULL);

	(void)state;
	assert_int_equal(r.end, FORMAT_END);
	check(&r);
	assert_int_equal(reading_probe(&format_registry, wide, len, "w.reg"),
			 95);
	talloc_free(r.mem_ctx);
	talloc_free(mem_ctx);
}

/* Nobody may find a setting in it that the file does not have. */
static void test_nothing_else(void **state)
{
	struct reading r = reading_of(&format_registry, export);
	size_t options = 0;

	(void)state;
	check(&r);
	for (size_t i = 0; i < r.count; i++) {
		options += r.rows[i].option != NULL;
	}
	assert_int_equal(options, 18);	/* lines of expected without # */
	talloc_free(r.mem_ctx);
}

/* Windows NT and 98: a code page, and so are the bytes of hex(7). */
static void test_regedit4(void **state)
{
	struct reading r = reading_of(&format_registry,
		"REGEDIT4\n\n"
		"[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Services\\WINS"
		"\\Partners]\n"
		"\"PersonaNonGrata\"=hex(7):31,39,32,2e,30,2e,32,2e,36,36,00,"
		"\\\n 31,39,32,2e,30,2e,32,2e,36,37,00,00\n");

	(void)state;
	assert_int_equal(r.count, 1);
	assert_string_equal(reading_option(&r, 0),
			    "wins:block owners = 192.0.2.66 192.0.2.67");
	talloc_free(r.mem_ctx);
}

static void test_accept_list(void **state)
{
	struct reading r = reading_of(&format_registry, HEAD
		WINS "\\Partners]\n"
		"\"PersonaMode\"=dword:1\n"
		"\"PersonaGrata\"=\"192.0.2.5\"\n"
		"\"ReplicationType\"=dword:1\n"
		WINS "\\Partners\\Pull\\192.0.2.5]\n");

	(void)state;
	assert_true(reading_has(&r, "wins:accept owners = 192.0.2.5"));
	assert_true(reading_has(&r, "wins:partner 192.0.2.5 = pull "
				    "interval=never, domains only=yes"));
	talloc_free(r.mem_ctx);
}

/* What a file deletes sets nothing; the first control set counts. */
static void test_deletions_and_control_sets(void **state)
{
	struct reading r = reading_of(&format_registry, HEAD
		WINS "\\Parameters]\n"
		"\"MigrateOn\"=-\n"
		"@=\"default\"\n"
		"; a comment\n"
		"\"PortNo\"=dword:0000002a\n"
		"[-HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services"
		"\\WINS\\Parameters]\n"
		"\"PortNo\"=dword:0000002b\n"
		"[HKEY_LOCAL_MACHINE\\SYSTEM\\CONTROLSETNUMBER2\\Services\\WINS"
		"\\Parameters]\n"
		"\"PortNo\"=dword:0000002c\n");

	(void)state;
	assert_int_equal(r.count, 1);
	assert_string_equal(reading_option(&r, 0),
			    "wins:replication port = 42");
	talloc_free(r.mem_ctx);
}

static void test_wrong_lines(void **state)
{
	struct reading r = reading_of(&format_registry, HEAD
		WINS "\\Parameters]\n"
		"PortNo=dword:0000002a\n"
		"\"PortNo\"dword:0000002a\n"
		"\"PortNo\"=dword:xyz\n"
		"\"PortNo\"=dword:100000000\n"
		"\"PortNo\"=word:1\n"
		"\"BackupDirPath\"=\"no end\n"
		"\"X\"=hex(zz):00\n"
		"\"X\"=hex:1,2,100\n"
		"[no end\n");

	(void)state;
	assert_int_equal(r.count, 0);
	assert_int_equal(r.sums.skipped, 9);
	talloc_free(r.mem_ctx);
}

/* Other services have values longer than any of ours, and stranger ones. */
static void test_other_services(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	char *text = talloc_strdup(mem_ctx, HEAD
		"[HKEY_LOCAL_MACHINE\\SYSTEM\\Other]\n\"Long\"=hex:\\\n");
	struct reading r;

	(void)state;
	for (unsigned int i = 0; i < 5000; i++) {
		text = talloc_strdup_append_buffer(text,
			"  00,01,02,03,04,05,06,07,08,09,0a,\\\n");
	}
	text = talloc_strdup_append_buffer(text, "  ff\n\"What\"=what:1\n"
		WINS "\\Parameters]\n\"PortNo\"=dword:0000002b\n");
	r = reading_of(&format_registry, text);
	assert_int_equal(r.count, 1);
	assert_string_equal(reading_option(&r, 0),
			    "wins:replication port = 43");
	assert_int_equal(r.sums.skipped, 0);
	talloc_free(r.mem_ctx);
	talloc_free(mem_ctx);
}

static void test_not_ours(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	char *message = reading_refused(mem_ctx, &format_registry,
					"[HKEY_LOCAL_MACHINE]\n");
	struct reading r = reading_bytes(&format_registry, HEAD,
					 strlen(HEAD), NULL);

	(void)state;
	assert_non_null(strstr(message, "reg export"));
	assert_int_equal(r.end, FORMAT_FAILED);
	assert_non_null(strstr(r.message, "reg export"));
	talloc_free(r.mem_ctx);
	r = reading_bytes(&format_registry, HEAD WINS "rvEx]\n",
			  strlen(HEAD WINS) + 6, NULL);
	assert_int_equal(r.end, FORMAT_FAILED);
	talloc_free(r.mem_ctx);
	r = reading_bytes(&format_registry, HEAD "\"A\"=hex:00,\\",
			  strlen(HEAD) + 12, NULL);
	assert_int_equal(r.end, FORMAT_FAILED);
	assert_non_null(strstr(r.message, "ends within"));
	talloc_free(r.mem_ctx);
	talloc_free(mem_ctx);
}

/* ---- the fragment ---- */

static struct settings settings;

static bool put(void *arg, const struct smbconf_line *line)
{
	char note[SETTINGS_NOTE] = "";

	if (settings_put(arg, smbconf_is_global(line->section), line->name,
			 line->value, line->number, note) != SETTINGS_OK) {
		fail_msg("line %u: %s", line->number, note);
	}
	return true;
}

/* Write the rows as a fragment; its text on mem_ctx. */
static char *fragment(TALLOC_CTX *mem_ctx, const struct row *rows,
		      size_t count, struct tally *tally)
{
	char *path = through_file(mem_ctx, "", 0), *message = NULL;
	char *text = talloc_zero_size(mem_ctx, 65536);
	FILE *file = NULL;

	assert_int_equal(through_write(mem_ctx, &format_config, path,
				       &reading_options, tally, rows, count,
				       &message), 0);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	unlink(path);
	return text;
}

static void read_settings(char *text)
{
	struct smbconf_error error = { .line = 0 };
	unsigned int step = 0, line = 0;
	char note[SETTINGS_NOTE] = "";

	memset(&settings, 0, sizeof(settings));
	assert_true(smbconf_parse(text, strlen(text), put, &settings,
				  &error));
	assert_int_equal(settings_review(&settings, &step, &line, note),
			 SETTINGS_OK);
}

static void test_fragment(void **state)
{
	struct reading r = reading_of(&format_registry, export);
	struct tally *tally = tally_create(r.mem_ctx, NULL);
	char *text = fragment(r.mem_ctx, r.rows, r.count, tally);

	(void)state;
	assert_non_null(strstr(text, "\n[global]\n"));
	assert_non_null(strstr(text, "\twins:challenge = 500 3\n"));
	assert_non_null(strstr(text, "\t# Gadget = 7: there is no such "
				     "setting here\n"));
	assert_non_null(strstr(text, "\t# Windows doubles the time after "
				     "each try\n"));
	read_settings(text);
	assert_int_equal(settings_number(&settings,
					 OPTION_REPLICATION_PORT), 1512);
	assert_true(settings_bool(&settings, OPTION_MIGRATE_ON));
	assert_int_equal(settings.partners, 3);
	talloc_free(r.mem_ctx);
}

static void test_fragment_refuses(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tally *tally = tally_create(mem_ctx, NULL);
	struct row rows[] = {
		{ .kind = ROW_OPTION, .option = "wins:migrate on",
		  .value = "perhaps" },
		{ .kind = ROW_OPTION, .option = "wins:gadget", .value = "1" },
		{ .kind = ROW_OPTION, .option = "wins:partner 192.0.2.1",
		  .value = "pull interval=0" },
		{ .kind = ROW_OPTION, .option = "wins:read group",
		  .value = "a\nwins:admin group = b" },
		{ .kind = ROW_OPTION, .value = "a note\n[global]" },
		{ .kind = ROW_OPTION, .option = "wins:partner 192.0.2.3",
		  .value = "name=a\nwins:migrate on = yes" },
		{ .kind = ROW_OPTION, .option = "workgroup", .value = "CORP",
		  .remark = "from line 1\nof it" },
		{ .kind = ROW_RECORD, .rec = { .state = NB_TOMBSTONE } },
	};
	struct tally_sums sums;
	char *text = fragment(mem_ctx, rows, 8, tally);

	(void)state;
	assert_non_null(strstr(text, "\t# wins:migrate on = perhaps ("));
	assert_non_null(strstr(text, "\t# wins:gadget = 1 (there is no such "
				     "option)\n"));
	assert_non_null(strstr(text, "\t# wins:partner 192.0.2.1 = pull "
				     "interval=0 ("));
	assert_non_null(strstr(text, "\t# a note?[global]\n"));
	assert_non_null(strstr(text, "\t# from line 1?of it\n"
				     "\tworkgroup = CORP\n"));
	read_settings(text);
	assert_false(settings_is_set(&settings, OPTION_MIGRATE_ON));
	assert_false(settings_is_set(&settings, OPTION_ADMIN_GROUP));
	assert_true(settings_is_set(&settings, OPTION_WORKGROUP));
	tally_sums(tally, &sums);
	assert_int_equal(sums.skipped, 1);
	assert_int_equal(sums.written, 0);
	assert_int_equal(sums.options, 7);
	talloc_free(mem_ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf16),
		cmocka_unit_test(test_nothing_else),
		cmocka_unit_test(test_regedit4),
		cmocka_unit_test(test_accept_list),
		cmocka_unit_test(test_deletions_and_control_sets),
		cmocka_unit_test(test_wrong_lines),
		cmocka_unit_test(test_other_services),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_fragment),
		cmocka_unit_test(test_fragment_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
