/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What netsh prints of records: blocks of `show name` as formats.md 2.2 has
 * them, and the remembered shape of the columnar listings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "migrate/formats.h"
#include "unit/migrate/reading.h"

#define BLOCK \
	"***You have Read and Write access to the server 192.0.2.5***\r\n" \
	"\r\n" \
	"Name                  : PRINTSRV1      [20h]\r\n" \
	"NodeType              : 3\r\n" \
	"State                 : ACTIVE\r\n" \
	"Expiration Date       : 18. oktober 2026 08:03:06\r\n" \
	"Type of Rec           : UNIQUE\r\n" \
	"Version No            : 0 2f41\r\n" \
	"RecordType            : DYNAMIC\r\n" \
	"IP Address            : 192.0.2.83\r\n" \
	"Command completed successfully.\r\n"

static void test_the_documented_block(void **state)
{
	struct reading r = reading_of(&format_netsh, BLOCK);

	(void)state;
	assert_int_equal(r.count, 1);
	/* formats.md 9: no owner */
	assert_string_equal(reading_text(&r, 0), "PRINTSRV1<20> unique active "
			    "H version 2f41 192.0.2.83");
	assert_int_equal(r.rows[0].known & (ROW_OWNER | ROW_EXPIRES), 0);
	assert_int_equal(r.rows[0].known & (ROW_NODE | ROW_STATIC | ROW_STATE),
			 ROW_NODE | ROW_STATIC | ROW_STATE);
	assert_int_equal(r.rows[0].place, 3);
	assert_int_equal(reading_probe(&format_netsh, BLOCK, strlen(BLOCK),
				       "a.txt"), 95);
	talloc_free(r.mem_ctx);
}

static void test_several_blocks(void **state)
{
	struct reading r = reading_of(&format_netsh, BLOCK
		"Name\t: A:B            [1Ch]\n"
		"NodeType : 0\n"
		"Something new : in a later release\n"
		"State : TOMBSTONED\n"
		"Type of Rec : DOMAIN NAME\n"
		"Version No : 1 2\n"
		"RecordType : STATIC\n"
		"IP Address : 192.0.2.1\n"
		"IP Address : 192.0.2.2\n"
		"Name                  : XYZ            [1Eh]\n"
		"State                 : RELEASED\n"
		"Type of Rec           : NORMAL GROUP\n"
		"The name does not exist in the WINS database.\n");

	(void)state;
	assert_int_equal(r.count, 3);
	assert_string_equal(reading_text(&r, 1), "A:B<1c> sgroup tombstone B "
			    "static version 100000002 192.0.2.1 192.0.2.2");
	assert_string_equal(reading_text(&r, 2), "XYZ<1e> group released H");
	assert_int_equal(r.sums.skipped, 0);
	talloc_free(r.mem_ctx);
}

static void test_names(void **state)
{
	struct reading r = reading_of(&format_netsh,
		"Name                  :  LEADING       [20h]\n"
		"State : ACTIVE\nType of Rec : UNIQUE\nIP Address : "
		"192.0.2.1\n"
		"Name                  : A[20h]B\xff        [03h]\n"
		"State : ACTIVE\nType of Rec : UNIQUE\nIP Address : "
		"192.0.2.1\n");

	(void)state;
	assert_int_equal(r.count, 2);
	assert_int_equal(r.rows[0].rec.name.len, 8);
	assert_memory_equal(r.rows[0].rec.name.byte, " LEADING", 8);
	assert_int_equal(r.rows[1].rec.name.type, 0x03);
	assert_int_equal(r.rows[1].rec.name.len, 8);
	assert_memory_equal(r.rows[1].rec.name.byte, "A[20h]B\xff", 8);
	talloc_free(r.mem_ctx);
}

static void test_refused_blocks(void **state)
{
	struct reading r = reading_of(&format_netsh,
		/* German: the labels are not ours */
		"Name                  : PC             [20h]\n"
		"Knotentyp             : 3\n"
		"Status                : AKTIV\n" BLOCK
		"Name                  : PC\n"
		"Name                  : PC             [20h]\n"
		"NodeType              : 4\n"
		"Name                  : PC             [20h]\n"
		"State                 : AKTIV\n"
		"Name                  : PC             [20h]\n"
		"Type of Rec           : EINDEUTIG\n"
		"Name                  : PC             [20h]\n"
		"Version No            : 0 0 1\n"
		"Name                  : PC             [20h]\n"
		"RecordType            : DYNAMISCH\n"
		"Name                  : PC             [20h]\n"
		"IP Address            : 192.0.2.256\n");

	(void)state;
	assert_int_equal(r.count, 1);
	assert_int_equal(r.sums.skipped, 8);
	assert_int_equal(reading_reason(&r, "no State or Type of Rec: netsh "
					    "must speak English"), 1);
	assert_int_equal(reading_reason(&r, "Name does not end with a suffix "
					    "such as [20h]"), 1);
	assert_int_equal(reading_reason(&r, "IP Address is none"), 1);
	assert_int_equal(r.rows[0].place, 6);
	talloc_free(r.mem_ctx);
}

static void test_nothing_in_it(void **state)
{
	struct reading r = reading_bytes(&format_netsh, "Nom : x\n", 8, NULL);

	(void)state;
	assert_int_equal(r.end, FORMAT_FAILED);
	assert_non_null(strstr(r.message, "English"));
	talloc_free(r.mem_ctx);
	r = reading_of(&format_netsh,
		       "The name does not exist in the WINS database.\n");
	assert_int_equal(r.count, 0);
	talloc_free(r.mem_ctx);
}

/* ---- listings ---- */

#define ROW_A "PRINTSRV1      [20h]-D-A- 2f41-U- 192.0.2.83     " \
	      "-10/18/2026 8:03:06 AM\r\n"

static void test_listing(void **state)
{
	struct reading r = reading_of(&format_netsh_list,
		"***You have Read and Write access to the server x***\r\n"
		ROW_A
		"CORP           [1Ch]-S-A- 10-D- 192.0.2.1      -Infinite\r\n"
		"                                192.0.2.2\r\n"
		"A-B C[20h]-D-R- 1a-M- 192.0.2.3 -1.1.2026\r\n"
		"WORK           [00h]-D-T-2b-N-192.0.2.4-1.1.2026\r\n"
		"Total No. of records retrieved : 4\r\n");

	(void)state;
	assert_int_equal(r.count, 4);
	assert_string_equal(reading_text(&r, 0), "PRINTSRV1<20> unique active "
			    "H version 2f41 192.0.2.83");
	assert_string_equal(reading_text(&r, 1), "CORP<1c> sgroup active H "
			    "static version 10 192.0.2.1 192.0.2.2");
	assert_string_equal(reading_text(&r, 2), "A-B C<20> mhomed released H "
			    "version 1a 192.0.2.3");
	assert_string_equal(reading_text(&r, 3), "WORK<00> group tombstone H "
			    "version 2b 192.0.2.4");
	assert_int_equal(r.sums.skipped, 0);
	assert_int_equal(reading_probe(&format_netsh_list, ROW_A,
				       strlen(ROW_A), "x"), 70);
	assert_int_equal(reading_probe(&format_netsh_list, BLOCK,
				       strlen(BLOCK), "x"), 0);
	talloc_free(r.mem_ctx);
}

static void test_legend(void **state)
{
	struct reading r = reading_of(&format_netsh_list,
		"Legend: Y-DYNAMIC, F-STATIC; G=UNIQUE, W=NORMAL GROUP\n"
		"PC             [20h]-F-A- 1-G- 192.0.2.1 -x\n"
		"PC             [00h]-Y-A- 1-W- 192.0.2.1 -x\n");

	(void)state;
	assert_int_equal(r.count, 2);
	assert_string_equal(reading_text(&r, 0), "PC<20> unique active H "
			    "static version 1 192.0.2.1");
	assert_string_equal(reading_text(&r, 1), "PC<00> group active H "
			    "version 1 192.0.2.1");
	talloc_free(r.mem_ctx);
}

static void test_refused_lines(void **state)
{
	struct reading r = reading_of(&format_netsh_list, ROW_A
		"PC             [20h]-D-A- 192.0.2.1 -x\n"
		"                                192.0.2.66\n"
		"PC             [20h]-Q-A- 1-U- 192.0.2.1 -x\n"
		"PC             [20h]-D-A- 1-U- nowhere\n"
		"SIXTEEN-LETTERS![20h]-D-A- 1-U- 192.0.2.1\n");

	(void)state;
	assert_int_equal(r.count, 1);
	/* the address belongs to the refused record, not to the first */
	assert_int_equal(r.rows[0].rec.count, 1);
	assert_int_equal(r.sums.skipped, 4);
	assert_int_equal(reading_reason(&r, "there is no address"), 1);
	talloc_free(r.mem_ctx);
	r = reading_bytes(&format_netsh_list, "x\n", 2, NULL);
	assert_int_equal(r.end, FORMAT_FAILED);
	talloc_free(r.mem_ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_documented_block),
		cmocka_unit_test(test_several_blocks),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_refused_blocks),
		cmocka_unit_test(test_nothing_in_it),
		cmocka_unit_test(test_listing),
		cmocka_unit_test(test_legend),
		cmocka_unit_test(test_refused_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
