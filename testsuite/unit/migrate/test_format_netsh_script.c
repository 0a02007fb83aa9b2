/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * netsh scripts: the commands of formats.md 2.1 with their example values, the
 * add-name lines of 2.3, and a script that we wrote, read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "migrate/formats.h"
#include "unit/migrate/reading.h"

static const char dump[] =
	"# -----------------------------------------\r\n"
	"***You have Read and Write access to the server \\\\HUB***\r\n"
	"pushd wins\r\n"
	"server \\\\HUB\r\n"
	"netsh wins server \\\\HUB set backuppath dir=D:\\winsbk shutdown=1\r\n"
	"netsh wins server \\\\HUB set namerecord renew=345600 "
	"extinction=345601 extimeout=345602 verification=2073600\r\n"
	"set periodicdbchecking state=1 maxrec=30000 checkagainst=0 "
	"checkevery=24 start=7200\r\n"
	"set replicateflag state=1\r\n"
	"set migrateflag State=0\r\n"
	"set pullparam state=1 strtup=1 start=0 interval=1800 retry=3\r\n"
	"set pushparam state=1 strtup=0 addchange=0 update=0\r\n"
	"set pgmode mode=0\r\n"
	"set autopartnerconfig state=0 interval=0 ttl=2\r\n"
	"set burstparam state=1 value=300\r\n"
	"set logparam dbchange=1 event=0\r\n"
	"set startversion version={0,0}\r\n"
	"add partner server=192.0.2.2 type=0\r\n"
	"add partner server=192.0.2.2 type=1\r\n"
	"ADD PARTNER 192.0.2.3 0\r\n"
	"add partner Server=192.0.2.4 Type=1\r\n"
	"add partner server=192.0.2.6\r\n"
	"set pullpartnerconfig state=1 server=192.0.2.2 start=9000 "
	"interval=3600\r\n"
	"set pushpartnerconfig state=1 server=192.0.2.2 update=40\r\n"
	"set pullpersistentconnection state=0 server=192.0.2.3\r\n"
	"add pngserver server={192.0.2.66, 192.0.2.67}\r\n"
	"add pgserver server={192.0.2.5}\r\n"
	"set gadget state=1\r\n"
	"popd\r\n"
	"Command completed successfully.\r\n";

static void test_dump(void **state)
{
	static const char *const lines[] = {
		"wreplsrv:renew_interval = 345600",
		"min wins ttl = 345600",
		"max wins ttl = 345600",
		"wreplsrv:tombstone_interval = 345601",
		"wreplsrv:tombstone_timeout = 345602",
		"wreplsrv:verify_interval = 2073600",
		"wins:only partners = yes",
		"wins:migrate on = no",
		"wins:burst threshold = 300",
		"wins:block owners = 192.0.2.66 192.0.2.67",
		"wins:partners = 192.0.2.2 192.0.2.3(pull) 192.0.2.4(push) "
		"192.0.2.6",
		/* 9000 s after midnight */
		"wins:partner 192.0.2.2 = pull interval=3600, start time=02:30"
		", push count=40",
		"wins:partner 192.0.2.3 = pull interval=1800, persistent=no",
		"wins:partner 192.0.2.4 = push count=0",
		"wins:partner 192.0.2.6 = pull interval=1800, push count=0",
		"# set backuppath dir = D:\\winsbk: backups go to the state "
		"directory; wins:backup says how often",
		"# wins:accept owners = 192.0.2.5: by its mode this list does "
		"not count",
		"# set gadget state=1: there is no such command here",
	};
	struct reading r = reading_of(&format_netsh_dump, dump);

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (!reading_has(&r, lines[i])) {
			fail_msg("missing: %s", lines[i]);
		}
	}
	assert_int_equal(r.sums.skipped, 0);
	assert_int_equal(r.sums.read, 0);
	assert_int_equal(reading_probe(&format_netsh_dump, dump, strlen(dump),
				       "x"), 85);
	talloc_free(r.mem_ctx);
}

static void test_burst_off_and_accepted_owners(void **state)
{
	struct reading r = reading_of(&format_netsh_dump,
		"set burstparam state=0 value=500\n"
		"set pgmode 1\n"
		"add pgserver {192.0.2.5,192.0.2.6}\n"
		"set autopartnerconfig 1\n");

	(void)state;
	assert_true(reading_has(&r, "wins:burst threshold = 0"));
	assert_true(reading_has(&r, "wins:accept owners = 192.0.2.5 "
				    "192.0.2.6"));
	assert_true(reading_has(&r, "wins:autodiscovery = both"));
	talloc_free(r.mem_ctx);
}

static void test_values_that_do_not_fit(void **state)
{
	struct reading r = reading_of(&format_netsh_dump,
		"set namerecord renew=0 extinction=soon\n"
		"set burstparam state=1 value=99999999\n"
		"add partner server=224.0.0.1 type=2\n"
		"set pullpartnerconfig state=1 server=192.0.2.9 interval=60\n");

	(void)state;
	for (size_t i = 0; i < r.count; i++) {
		assert_null(r.rows[i].option);
	}
	assert_true(reading_has(&r, "# partner 224.0.0.1: no host can have "
				    "this address"));
	assert_true(reading_has(&r, "# partner 192.0.2.9: settings for it, "
				    "but it is no partner"));
	assert_true(reading_has(&r, "# set namerecord extinction = soon: a "
				    "number was expected"));
	talloc_free(r.mem_ctx);
}

static void test_add_name(void **state)
{
	struct reading r = reading_of(&format_netsh_dump,
		"netsh wins server 192.0.2.5 add name Name=PRINTER1 EndChar=20 "
		"RecType=0 Group=0 Node=1 IP={192.0.2.83}\n"
		"netsh wins server 192.0.2.5 add name Name=DOM EndChar=1C "
		"RecType=0 Group=4 IP={192.0.2.3,192.0.2.4}\n"
		"add name Name=\"MY PC\" IP={192.0.2.7}\n"
		"add name Name=GATE Scope=lab EndChar=00 RecType=1 Group=3 "
		"IP={192.0.2.8, 192.0.2.9}\n"
		"add name Name=PRN Group=2 IP={192.0.2.10}\n");
	static const char *const rows[] = {
		"PRINTER1<20> unique active P static 192.0.2.83",
		"DOM<1c> sgroup active H static 192.0.2.3 192.0.2.4",
		/* without EndChar a host has three names */
		"MY PC<00> unique active H static 192.0.2.7",
		"MY PC<03> unique active H static 192.0.2.7",
		"MY PC<20> unique active H static 192.0.2.7",
		"GATE<00>.lab mhomed active H 192.0.2.8 192.0.2.9",
		"PRN<20> sgroup active H static 192.0.2.10",
	};

	(void)state;
	assert_int_equal(r.count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_string_equal(reading_text(&r, i), rows[i]);
	}
	talloc_free(r.mem_ctx);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *line, *reason;
	} cases[] = {
		{ "Guten Tag", "no netsh command" },
		{ "set namerecord renew=\"1", "no netsh command" },
		{ "add partner server=hub type=0", "Server is no address" },
		{ "add partner server=192.0.2.1 type=3",
		  "Type is not 0, 1 or 2" },
		{ "add pgserver", "Server is missing" },
		{ "add pgserver {192.0.2.1,x}",
		  "Server is no list of addresses" },
		{ "add name EndChar=20 IP={192.0.2.1}", "Name is missing" },
		{ "add name Name=A", "IP is missing" },
		{ "add name Name=A IP={192.0.2.1,}{",
		  "no netsh command" },
		{ "add name Name=A EndChar=100 IP={192.0.2.1}",
		  "EndChar is no hexadecimal number up to FF" },
		{ "add name Name=A Group=1 IP={192.0.2.1}",
		  "EndChar is missing, which says what kind of group it is" },
		{ "add name Name=A Group=5 IP={192.0.2.1}",
		  "RecType, Group or Node is out of range" },
		{ "add name Name=SIXTEEN-LETTERS! IP={192.0.2.1}",
		  "Name has more than 15 bytes, or its scope too many" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		TALLOC_CTX *mem_ctx = talloc_new(NULL);
		struct reading r = reading_of(&format_netsh_dump,
			talloc_asprintf(mem_ctx, "set migrateflag 0\n%s\n",
					cases[i].line));

		if (reading_reason(&r, cases[i].reason) != 1) {
			fail_msg("%s: not refused so", cases[i].line);
		}
		talloc_free(r.mem_ctx);
		talloc_free(mem_ctx);
	}
}

/* ---- the writer ---- */

static struct row row_of(const char *name, uint8_t suffix, uint8_t type,
			 bool is_static, unsigned int count)
{
	struct row row = { .kind = ROW_RECORD, .known = ROW_ALL };

	row.rec.name = nb_name_make(name, strlen(name), suffix);
	row.rec.type = type;
	row.rec.node = NB_P_NODE;
	row.rec.is_static = is_static;
	for (unsigned int i = 0; i < count; i++) {
		row.rec.member[row.rec.count++].ip = 0xc000020a + i;
	}
	nb_record_settle(&row.rec);
	return row;
}

static void test_script(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct format_options options = { .server = "10.0.0.1" };
	struct tally *tally = tally_create(mem_ctx, NULL);
	char *path = through_file(mem_ctx, "", 0), *text = NULL;
	char *message = NULL;
	struct row rows[] = {
		row_of("PRINTER1", 0x20, NB_UNIQUE, true, 1),
		row_of("DOM", 0x1c, NB_SGROUP, true, 2),
		row_of("MY PC", 0x00, NB_MHOMED, false, 2),
		row_of("WORK", 0x1e, NB_GROUP, true, 1),
		row_of("PRN", 0x20, NB_SGROUP, true, 1),
		/* what the shell would run */
		row_of("A&CALC", 0x20, NB_UNIQUE, true, 1),
		row_of("%PATH%", 0x20, NB_UNIQUE, true, 1),
		row_of("A\"B", 0x20, NB_UNIQUE, true, 1),
		row_of("A\nB", 0x20, NB_UNIQUE, true, 1),
		row_of("GONE", 0x20, NB_UNIQUE, false, 0),
	};
	struct tally_sums sums;
	FILE *file = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(through_write(mem_ctx, &format_netsh_add, path,
				       &options, tally, rows, 10, &message),
			 0);
	file = fopen(path, "r");
	assert_non_null(file);
	text = talloc_zero_size(mem_ctx, 4096);
	len = fread(text, 1, 4095, file);
	fclose(file);
	unlink(path);
	assert_true(len > 0);
	text = strchr(text, '\n') + 1;		/* a remark of ours */
	/* formats.md 2.3, one a line */
	assert_string_equal(text,
		"netsh wins server 10.0.0.1 add name Name=PRINTER1 EndChar=20 "
		"RecType=0 Group=0 Node=1 IP={192.0.2.10}\r\n"
		"netsh wins server 10.0.0.1 add name Name=DOM EndChar=1C "
		"RecType=0 Group=4 Node=1 IP={192.0.2.10,192.0.2.11}\r\n"
		"netsh wins server 10.0.0.1 add name Name=\"MY PC\" EndChar=00 "
		"RecType=1 Group=3 Node=1 IP={192.0.2.10,192.0.2.11}\r\n"
		"netsh wins server 10.0.0.1 add name Name=WORK EndChar=1E "
		"RecType=0 Group=1 Node=1 IP={192.0.2.10}\r\n"
		"netsh wins server 10.0.0.1 add name Name=PRN EndChar=20 "
		"RecType=0 Group=2 Node=1 IP={192.0.2.10}\r\n");
	tally_sums(tally, &sums);
	assert_int_equal(sums.written, 5);
	assert_int_equal(sums.skipped, 5);
	talloc_free(mem_ctx);
}

static void test_there_and_back(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tally *tally = tally_create(mem_ctx, NULL);
	char *path = through_file(mem_ctx, "", 0), *message = NULL;
	struct row rows[] = {
		row_of("PRINTER1", 0x20, NB_UNIQUE, true, 1),
		row_of("DOM", 0x1c, NB_SGROUP, true, 25),
		row_of("MY PC", 0x00, NB_MHOMED, false, 2),
		row_of("WORK", 0x1e, NB_GROUP, true, 1),
		row_of("PRN", 0x20, NB_SGROUP, true, 3),
	};
	struct row *back = NULL;
	size_t count = 0;

	(void)state;
	assert_true(nb_name_set_scope(&rows[0].rec.name, "lab.example", 11));
	assert_int_equal(through_write(mem_ctx, &format_netsh_add, path,
				       &reading_options, tally, rows, 5,
				       &message), 0);
	assert_int_equal(through_read(mem_ctx, &format_netsh_dump, path,
				      &reading_options, tally, &back, &count,
				      &message), FORMAT_END);
	assert_int_equal(count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_memory_equal(&back[i].rec, &rows[i].rec,
				    sizeof(rows[i].rec));
	}
	unlink(path);
	talloc_free(mem_ctx);
}

/* --server goes into every line of a script that an administrator runs. */
static void test_server_is_checked(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tally *tally = tally_create(mem_ctx, NULL);
	struct format_options options = { .server = "a & del" };
	char *path = through_file(mem_ctx, "", 0), *message = NULL;
	FILE *file = NULL;
	void *priv = NULL;

	(void)state;
	assert_int_equal(through_open(mem_ctx, &format_netsh_add, path,
				      &options, tally, true, &file, &priv,
				      &message), EINVAL);
	assert_non_null(message);
	fclose(file);
	unlink(path);
	talloc_free(mem_ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_burst_off_and_accepted_owners),
		cmocka_unit_test(test_values_that_do_not_fit),
		cmocka_unit_test(test_add_name),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_script),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_server_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
