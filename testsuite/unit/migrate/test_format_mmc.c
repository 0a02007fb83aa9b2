/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Export lists of the console: the columns of formats.md 3 with the row of
 * formats.md 9, in each of the four forms, and what can be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "migrate/formats.h"
#include "unit/migrate/reading.h"

#define TABS \
	"Record Name\tType\tIP Address\tState\tStatic\tOwner\tVersion\t" \
	"Expiration\r\n" \
	"PRINTSRV1\t[20h] File Server\t192.0.2.83\tActive\t\t192.0.2.5\t" \
	"2F41\t10/18/2026 8:03:06 AM\r\n" \
	"GATE\t[00h] WorkStation\t192.0.2.1\tReleased\tx\t192.0.2.6\t" \
	"1A2B3C4D5\tInfinite\r\n"
#define PRINTSRV1 "PRINTSRV1<20> unique active H owner 192.0.2.5 version " \
		  "2f41 192.0.2.83"
#define GATE "GATE<00> unique released H static owner 192.0.2.6 version " \
	     "1a2b3c4d5 192.0.2.1"

static void test_tabs(void **state)
{
	struct reading r = reading_of(&format_mmc, TABS);

	(void)state;
	assert_int_equal(r.count, 2);
	assert_string_equal(reading_text(&r, 0), PRINTSRV1);
	assert_string_equal(reading_text(&r, 1), GATE);
	/* dates follow the locale: not believed */
	assert_int_equal(r.rows[0].known & ROW_EXPIRES, 0);
	assert_int_equal(r.rows[0].rec.member[0].owner, 0xc0000205);
	assert_int_equal(r.rows[0].place, 2);
	talloc_free(r.mem_ctx);
}

static void test_utf16(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	size_t len = 0;
	char *wide = reading_wide(mem_ctx, TABS, &len);
	struct reading r = reading_bytes(&format_mmc, wide, len, NULL);

	(void)state;
	assert_int_equal(r.end, FORMAT_END);
	assert_int_equal(r.count, 2);
	assert_string_equal(reading_text(&r, 0), PRINTSRV1);
	assert_int_equal(reading_probe(&format_mmc, wide, len, "a.txt"), 95);
	talloc_free(r.mem_ctx);
	talloc_free(mem_ctx);
}

/* Nothing is quoted: the suffix tells where a name with commas ends. */
static void test_commas(void **state)
{
	struct reading r = reading_of(&format_mmc,
		"Record Name,Type,IP Address,State,Static,Owner,Version,"
		"Expiration\r\n"
		"A,B,[20h] File Server,192.0.2.83,Active,,192.0.2.5,2F41,"
		"Saturday, 18 October 2026 08:03:06\r\n"
		"CORP,[1Ch] Domain Controller,192.0.2.1,192.0.2.2,Active,x,"
		"192.0.2.5,10,Infinite\r\n"
		"\"Q\",[20h] File Server,192.0.2.84,Active,,192.0.2.5,1,x\r\n"
		"\"D, E\",[1Ch] x,\"192.0.2.1, 192.0.2.2\",Active,,"
		"192.0.2.5,2,\"x, y\"\r\n"
		"\"R,[20h] File Server,192.0.2.85,Active,,192.0.2.5,3,x\r\n");

	(void)state;
	assert_int_equal(r.count, 5);
	assert_string_equal(reading_text(&r, 3), "D, E<1c> sgroup active H "
			    "owner 192.0.2.5 version 2 192.0.2.1 192.0.2.2");
	assert_string_equal(reading_text(&r, 4), "\"R<20> unique active H "
			    "owner 192.0.2.5 version 3 192.0.2.85");
	assert_string_equal(reading_text(&r, 0), "A,B<20> unique active H "
			    "owner 192.0.2.5 version 2f41 192.0.2.83");
	assert_string_equal(reading_text(&r, 1), "CORP<1c> sgroup active H "
			    "static owner 192.0.2.5 version 10 192.0.2.1 "
			    "192.0.2.2");
	assert_string_equal(reading_text(&r, 2), "Q<20> unique active H owner "
			    "192.0.2.5 version 1 192.0.2.84");
	assert_int_equal(r.sums.skipped, 0);
	talloc_free(r.mem_ctx);
}

/* A view may have its columns in another order, and fewer of them. */
static void test_columns_in_any_order(void **state)
{
	struct reading r = reading_of(&format_mmc,
		"IP Address\tRecord Name\tType\n"
		"192.0.2.83\tPRINTSRV1\t[20h] File Server\n"
		"192.0.2.84\t\"Q\"\t[20h] File Server\n");

	(void)state;
	assert_int_equal(r.count, 2);
	assert_string_equal(reading_text(&r, 1),
			    "\"Q\"<20> unique active H 192.0.2.84");
	assert_string_equal(reading_text(&r, 0),
			    "PRINTSRV1<20> unique active H 192.0.2.83");
	assert_int_equal(r.rows[0].known & (ROW_STATE | ROW_STATIC |
					    ROW_OWNER | ROW_VERSION), 0);
	talloc_free(r.mem_ctx);
}

static void test_languages(void **state)
{
	static const char *const lists[] = {
		/* German, in CP1252 as the console saves it */
		"Datensatzname\tTyp\tIP-Adresse\tStatus\tStatisch\tBesitzer\t"
		"Version\tAblauf\n"
		"PC\t[20h] Dateiserver\t192.0.2.9\tAktiv\tx\t192.0.2.5\t7\t"
		"18.10.2026\n",
		"Nom de l'enregistrement\tType\tAdresse IP\t\xc9tat\tStatique"
		"\tPropri\xe9taire\tVersion\tExpiration\n"
		"PC\t[20h] Serveur\t192.0.2.9\tActif\tx\t192.0.2.5\t7\t-\n",
		"Recordnaam\tType\tIP-adres\tStatus\tStatisch\tEigenaar\t"
		"Versie\tVervaldatum\n"
		"PC\t[20h] Server\t192.0.2.9\tActief\tx\t192.0.2.5\t7\t-\n",
		"Nombre de registro\tTipo\tDirecci\xf3n IP\tEstado\tEst\xe1tico"
		"\tPropietario\tVersi\xf3n\tCaducidad\n"
		"PC\t[20h] Servidor\t192.0.2.9\tActivo\tx\t192.0.2.5\t7\t-\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct reading r = reading_of(&format_mmc, lists[i]);

		assert_int_equal(r.count, 1);
		assert_string_equal(reading_text(&r, 0),
				    "PC<20> unique active H static owner "
				    "192.0.2.5 version 7 192.0.2.9");
		talloc_free(r.mem_ctx);
	}
}

/* Titles that are not known are no reason to guess. */
static void test_refuses_titles(void **state)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	char *message = reading_refused(mem_ctx, &format_mmc,
		"\xe8\xa8\x98\xe9\x8c\xb2\tType\tIP Address\nA\t[20h]\t"
		"192.0.2.1\n");

	(void)state;
	assert_non_null(strstr(message, "line 1"));
	assert_non_null(strstr(message, "English"));
	message = reading_refused(mem_ctx, &format_mmc, "");
	assert_non_null(strstr(message, "Record Name"));
	talloc_free(mem_ctx);
}

static void test_types_by_label(void **state)
{
	struct reading r = reading_of(&format_mmc,
		"Record Name\tType\tIP Address\n"
		"CORP\t[00h] Workgroup\t192.0.2.1\n"
		"CORP\t[1Eh] Normal Group Name\t192.0.2.1\n"
		"PRN\t[20h] Internet Group\t192.0.2.1\n"
		"TWO\t[20h] File Server\t192.0.2.1, 192.0.2.2\n"
		"ONE\t[20h] Multihomed\t192.0.2.1\n"
		"CORP\t[1Bh] Domain Master Browser\t192.0.2.1\n"
		"WHAT\t[00h]\t192.0.2.1\n");
	static const uint8_t types[] = { NB_GROUP, NB_GROUP, NB_SGROUP,
					 NB_MHOMED, NB_MHOMED, NB_UNIQUE,
					 NB_UNIQUE };

	(void)state;
	assert_int_equal(r.count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(r.rows[i].rec.type, types[i]);
	}
	talloc_free(r.mem_ctx);
}

/* The wire has the OEM code page, a Unicode list does not. */
static void test_letters_beyond_ascii(void **state)
{
	struct reading r = reading_of(&format_mmc,
		"Record Name\tType\tIP Address\n"
		"M\xc3\x9cLLER\t[20h] File Server\t192.0.2.1\n"
		"M\xdcLLER\t[20h] File Server\t192.0.2.1\n"
		"\xe6\xbc\xa2\t[20h] File Server\t192.0.2.1\n");

	(void)state;
	assert_int_equal(r.count, 2);
	for (size_t i = 0; i < 2; i++) {	/* as UTF-8, as CP1252 */
		assert_int_equal(r.rows[i].rec.name.len, 6);
		assert_memory_equal(r.rows[i].rec.name.byte, "M\x9aLLER", 6);
		assert_string_equal(r.rows[i].changed,
				    "name brought back to code page 850");
	}
	assert_int_equal(r.sums.skipped, 1);
	talloc_free(r.mem_ctx);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *row, *reason;
	} cases[] = {
		{ "A\tFile Server\t192.0.2.1\tActive\t\t\t",
		  "Type does not begin with a suffix such as [20h]" },
		{ "A\t[20h]\t192.0.2\tActive\t\t\t", "IP Address is none" },
		{ "A\t[20h]\t192.0.2.1\tQuiet\t\t\t",
		  "State is no word that is known" },
		{ "A\t[20h]\t192.0.2.1\tActive\tno\t\t",
		  "Static is neither empty nor x" },
		{ "A\t[20h]\t192.0.2.1\tActive\t\t\tXY",
		  "Version is no hexadecimal number" },
		{ "SIXTEEN-LETTERS!\t[20h]\t192.0.2.1\tActive\t\t\t",
		  "Record Name has more than 15 bytes, or letters that are "
		  "not in code page 850" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		TALLOC_CTX *mem_ctx = talloc_new(NULL);
		char *text = talloc_asprintf(mem_ctx, "Record Name\tType\t"
			"IP Address\tState\tStatic\tOwner\tVersion\n%s\n",
			cases[i].row);
		struct reading r = reading_of(&format_mmc, text);

		assert_int_equal(r.count, 0);
		assert_int_equal(reading_reason(&r, cases[i].reason), 1);
		talloc_free(r.mem_ctx);
		talloc_free(mem_ctx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tabs),
		cmocka_unit_test(test_utf16),
		cmocka_unit_test(test_commas),
		cmocka_unit_test(test_columns_in_any_order),
		cmocka_unit_test(test_languages),
		cmocka_unit_test(test_refuses_titles),
		cmocka_unit_test(test_types_by_label),
		cmocka_unit_test(test_letters_beyond_ascii),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
