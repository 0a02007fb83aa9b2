/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names on the wire. Expected letters are computed from RFC 1001 14.1 by hand
 * in this file; lengths and limits are those of protocol.md 1.2.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/nbname.h"
#include "sim/guard.h"

/* ---- names built byte by byte ---- */

struct wire {
	size_t len;
	uint8_t byte[2048];
};

/* Twelve bytes stand where a datagram has its header. */
static struct wire wire_new(void)
{
	struct wire w = { .len = 12 };

	memset(w.byte, 0xee, 12);
	return w;
}

static void wire_byte(struct wire *w, unsigned int byte)
{
	w->byte[w->len++] = (uint8_t)byte;
}

static void wire_text(struct wire *w, const char *text)
{
	wire_byte(w, (unsigned int)strlen(text));
	memcpy(w->byte + w->len, text, strlen(text));
	w->len += strlen(text);
}

static void wire_fill(struct wire *w, int byte, size_t len)
{
	wire_byte(w, (unsigned int)len);
	memset(w->byte + w->len, byte, len);
	w->len += len;
}

static void wire_pointer(struct wire *w, size_t to)
{
	wire_byte(w, 0xc0u | (unsigned int)(to >> 8));
	wire_byte(w, to & 0xffu);
}

/* The first label of sixteen bytes. */
static void wire_first(struct wire *w, const uint8_t byte[16])
{
	wire_byte(w, 32);
	for (int i = 0; i < 16; i++) {
		wire_byte(w, 'A' + byte[i] / 16u);
		wire_byte(w, 'A' + byte[i] % 16u);
	}
}

/* "FOO" and 12 blanks, type 0x20. */
static void wire_foo(struct wire *w)
{
	wire_text(w, "EGEPEPCACACACACACACACACACACACACA");
}

static bool decode(const struct wire *w, size_t *pos, struct nb_name *name)
{
	const uint8_t *at = guard_before_end(w->byte, w->len);

	memset(name, 0xdd, sizeof(*name));
	return nbname_decode(at, w->len, pos, name, NULL, NULL);
}

static bool decode_first(const struct wire *w, struct nb_name *name)
{
	size_t pos = 12;

	return decode(w, &pos, name);
}

static void assert_refused(const struct wire *w)
{
	struct nb_name name;
	size_t pos = 12;

	assert_false(decode(w, &pos, &name));
	assert_int_equal(pos, 12);
}

/* Nothing but zero where the name and the scope have ended. */
static void assert_canonical(const struct nb_name *name)
{
	for (unsigned int i = name->len; i < NB_NAME_MAX; i++) {
		assert_int_equal(name->byte[i], 0);
	}
	for (unsigned int i = name->scope_len; i < NB_SCOPE_MAX; i++) {
		assert_int_equal(name->scope[i], 0);
	}
}

/* ---- the first label ---- */

/* What sixteen bytes mean: cut at the first NUL, then blanks at the end. */
static unsigned int meant_len(const uint8_t byte[16])
{
	unsigned int len = 0;

	while (len < 15 && byte[len] != 0) {
		len++;
	}
	while (len > 0 && byte[len - 1] == ' ') {
		len--;
	}
	return len;
}

static void check_bytes(const uint8_t byte[16])
{
	struct wire w = wire_new();
	struct nb_name name;
	struct nb_name again;
	uint8_t label[16] = { 0 };
	uint8_t label_len = 0;
	uint8_t out[NBNAME_WIRE_MAX];
	size_t pos = 12;
	size_t len = 0;

	wire_first(&w, byte);
	wire_byte(&w, 0);
	assert_true(nbname_decode(w.byte, w.len, &pos, &name, label,
				  &label_len));
	assert_int_equal(pos, w.len);
	assert_int_equal(label_len, 16);
	assert_memory_equal(label, byte, 16);
	assert_int_equal(name.len, meant_len(byte));
	assert_memory_equal(name.byte, byte, name.len);
	assert_int_equal(name.type, byte[15]);
	assert_canonical(&name);

	/* echoed raw it is the same bytes, whatever they were */
	len = nbname_encode_raw(out, sizeof(out), label, label_len, &name);
	assert_int_equal(len, w.len - 12);
	assert_memory_equal(out, w.byte + 12, len);

	/* encoded as a name it is the same name */
	len = nbname_encode(out, sizeof(out), &name);
	assert_int_equal(len, 34);
	pos = 0;
	assert_true(nbname_decode(out, len, &pos, &again, NULL, NULL));
	assert_memory_equal(&name, &again, sizeof(name));
}

static void test_every_byte_in_every_place(void **state)
{
	(void)state;
	for (unsigned int place = 0; place < 16; place++) {
		for (unsigned int value = 0; value < 256; value++) {
			uint8_t byte[16] = "NAMEOFFIFTEENBY";

			byte[place] = (uint8_t)value;
			check_bytes(byte);
			memset(byte, ' ', 15);
			byte[place] = (uint8_t)value;
			check_bytes(byte);
			memset(byte, (int)value, 16);
			check_bytes(byte);
			memset(byte, 0, 16);
			byte[place] = (uint8_t)value;
			check_bytes(byte);
		}
	}
}

/* protocol.md 1.2: padded with blanks, the name "*" with NUL bytes. */
static void test_padding(void **state)
{
	struct nb_name name = nb_name_make("*", 1, 0x00);
	uint8_t out[NBNAME_WIRE_MAX];

	(void)state;
	assert_int_equal(nbname_encode(out, sizeof(out), &name), 34);
	assert_memory_equal(out, "\x20""CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 34);
	name = nb_name_make("*SMBSERVER", 10, 0x20);
	assert_int_equal(nbname_encode(out, sizeof(out), &name), 34);
	assert_memory_equal(out, "\x20""CKFDENECFDEFFCFGEFFCCACACACACACA", 34);
	name = nb_name_make("", 0, 0x1b);
	assert_int_equal(nbname_encode(out, sizeof(out), &name), 34);
	assert_memory_equal(out, "\x20""CACACACACACACACACACACACACACACABL", 34);
}

/* Every one of the 256 characters in every place of the label. */
static void test_only_letters(void **state)
{
	(void)state;
	for (unsigned int place = 0; place < 32; place++) {
		for (unsigned int c = 0; c < 256; c++) {
			struct wire w = wire_new();
			struct nb_name name;
			bool good = c >= 'A' && c <= 'P';

			wire_foo(&w);
			wire_byte(&w, 0);
			w.byte[13 + place] = (uint8_t)c;
			assert_int_equal(decode_first(&w, &name), good);
		}
	}
}

/* Even lengths up to 32 are names; less than sixteen bytes have type 0. */
static void test_first_label_length(void **state)
{
	(void)state;
	for (unsigned int len = 0; len < 256; len++) {
		struct wire w = wire_new();
		struct nb_name name;
		bool good = len > 0 && len <= 32 && len % 2 == 0;

		wire_fill(&w, 'E', len);	/* EE is 'D' */
		wire_byte(&w, 0);
		assert_int_equal(decode_first(&w, &name), good);
		if (good) {
			assert_int_equal(name.len, len == 32 ? 15 : len / 2);
			assert_int_equal(name.type, len == 32 ? 'D' : 0);
			assert_canonical(&name);
		}
	}
}

static void test_short_label_comes_back(void **state)
{
	struct nb_name name = nb_name_make("ignored", 7, 0x20);
	uint8_t out[NBNAME_WIRE_MAX];
	const uint8_t label[] = { 'F', 'O', 'O' };

	(void)state;
	assert_int_equal(nbname_encode_raw(out, sizeof(out), label, 3, &name),
			 8);
	assert_memory_equal(out, "\x06""EGEPEP", 8);
	assert_int_equal(nbname_encode_raw(out, sizeof(out), label, 0, &name),
			 0);
	assert_int_equal(nbname_encode_raw(out, sizeof(out), label, 17, &name),
			 0);
}

/* ---- scopes ---- */

/* A scope of labels of these lengths, as text and on the wire. */
static size_t scope_of(const unsigned int *label, char *text, struct wire *w)
{
	size_t len = 0;

	for (int i = 0; label[i] != 0; i++) {
		if (i > 0) {
			text[len++] = '.';
		}
		memset(text + len, 'a' + i, label[i]);
		len += label[i];
		wire_fill(w, 'a' + i, label[i]);
	}
	wire_byte(w, 0);
	return len;
}

static void check_scope(const unsigned int *label, size_t text_len,
			size_t wire_len, bool good)
{
	struct wire w = wire_new();
	struct nb_name name;
	struct nb_name expected = nb_name_make("FOO", 3, 0x20);
	uint8_t out[NBNAME_WIRE_MAX];
	char text[512];

	wire_foo(&w);
	assert_int_equal(scope_of(label, text, &w), text_len);
	assert_int_equal(w.len - 12, wire_len);
	assert_int_equal(decode_first(&w, &name), good);
	if (!good) {
		return;
	}
	assert_true(nb_name_set_scope(&expected, text, text_len));
	assert_memory_equal(&name, &expected, sizeof(name));
	assert_int_equal(nbname_encode(out, sizeof(out), &name), wire_len);
	assert_memory_equal(out, w.byte + 12, wire_len);
	for (size_t size = 0; size < wire_len; size++) {
		assert_int_equal(nbname_encode(out, size, &name), 0);
	}
}

/* nbt.wins registers 237 and 238 characters: 63.63.63.45 and one more. */
static void test_scope_lengths(void **state)
{
	static const unsigned int none[] = { 0 };
	static const unsigned int one[] = { 1, 0 };
	static const unsigned int three[] = { 3, 7, 3, 0 };
	static const unsigned int limit[] = { 63, 63, 63, 45, 0 };
	static const unsigned int over[] = { 63, 63, 63, 46, 0 };
	static const unsigned int too_long[] = { 63, 63, 63, 47, 0 };
	unsigned int many[128] = { 0 };

	(void)state;
	check_scope(none, 0, 34, true);
	check_scope(one, 1, 36, true);
	check_scope(three, 15, 50, true);
	check_scope(limit, 237, 272, true);
	check_scope(over, 238, 273, true);
	check_scope(too_long, 239, 274, false);
	for (unsigned int i = 0; i < 119; i++) {
		many[i] = 1;
	}
	check_scope(many, 237, 272, true);
	many[119] = 1;
	check_scope(many, 239, 274, false);
}

/* Lengths 1 to 63 are labels, 64 to 191 nothing, 192 and up pointers. */
static void test_scope_label_length(void **state)
{
	(void)state;
	for (unsigned int len = 0; len < 256; len++) {
		struct wire w = wire_new();
		struct nb_name name;

		wire_foo(&w);
		wire_fill(&w, 'x', len);
		if (len > 0) {
			wire_byte(&w, 0);
		}
		assert_int_equal(decode_first(&w, &name), len < 64);
		if (len < 64) {
			assert_int_equal(name.scope_len, len);
		}
	}
}

/* Any byte may stand in a scope but the two that a record cannot carry. */
static void test_scope_bytes(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 256; c++) {
		struct wire w = wire_new();
		struct nb_name name;
		uint8_t out[NBNAME_WIRE_MAX];

		wire_foo(&w);
		wire_byte(&w, 3);
		wire_byte(&w, 'a');
		wire_byte(&w, c);
		wire_byte(&w, 'b');
		wire_byte(&w, 0);
		assert_int_equal(decode_first(&w, &name), c != 0 && c != '.');
		if (c != 0 && c != '.') {
			assert_int_equal(name.scope[1], c);
			assert_int_equal(nbname_encode(out, 64, &name), 38);
			assert_memory_equal(out, w.byte + 12, 38);
		}
	}
}

/* Scopes that a name can hold and the wire cannot say. */
static void test_unsayable(void **state)
{
	static const char *const bad[] = { ".", "a.", ".a", "a..b", "..." };
	struct nb_name name = nb_name_make("FOO", 3, 0x20);
	uint8_t out[NBNAME_WIRE_MAX];
	char text[64];

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(nb_name_set_scope(&name, bad[i], strlen(bad[i])));
		assert_int_equal(nbname_encode(out, sizeof(out), &name), 0);
	}
	memset(text, 'a', sizeof(text));
	assert_true(nb_name_set_scope(&name, text, 64));
	assert_int_equal(nbname_encode(out, sizeof(out), &name), 0);
	assert_true(nb_name_set_scope(&name, text, 63));
	assert_int_equal(nbname_encode(out, sizeof(out), &name), 98);
}

/* ---- pointers ---- */

static void test_pointer_whole(void **state)
{
	struct wire w = wire_new();
	struct nb_name name;
	size_t pos = 0;

	(void)state;
	wire_foo(&w);
	wire_text(&w, "scope");
	wire_byte(&w, 0);
	pos = w.len;
	wire_pointer(&w, 12);
	wire_byte(&w, 0xff);	/* what follows is not read */
	assert_true(decode(&w, &pos, &name));
	assert_int_equal(pos, w.len - 1);
	assert_int_equal(name.len, 3);
	assert_int_equal(name.scope_len, 5);
	assert_memory_equal(name.scope, "scope", 5);
}

/* A pointer at a label boundary: the label here, the scope from there. */
static void test_pointer_scope(void **state)
{
	struct wire w = wire_new();
	struct nb_name name;
	size_t scope = 0;
	size_t pos = 0;

	(void)state;
	wire_foo(&w);
	scope = w.len;
	wire_text(&w, "one");
	wire_text(&w, "two");
	wire_byte(&w, 0);
	pos = w.len;
	wire_foo(&w);
	wire_text(&w, "zero");
	wire_pointer(&w, scope);
	assert_true(decode(&w, &pos, &name));
	assert_int_equal(pos, w.len);
	assert_int_equal(name.scope_len, 12);
	assert_memory_equal(name.scope, "zero.one.two", 12);

	/* to the root alone: no scope */
	pos = w.len;
	wire_foo(&w);
	wire_pointer(&w, scope + 8);
	assert_true(decode(&w, &pos, &name));
	assert_int_equal(name.scope_len, 0);
}

/* A chain of that many pointers, the first of them at *pos. */
static struct wire wire_chain(unsigned int pointers, size_t *pos)
{
	struct wire w = wire_new();
	size_t to = 12;

	wire_foo(&w);
	wire_byte(&w, 0);
	for (unsigned int i = 0; i < pointers; i++) {
		*pos = w.len;
		wire_pointer(&w, to);
		to = *pos;
	}
	return w;
}

static void test_pointers_at_most_five(void **state)
{
	(void)state;
	for (unsigned int pointers = 1; pointers < 9; pointers++) {
		size_t pos = 0;
		struct wire w = wire_chain(pointers, &pos);
		struct nb_name name;

		assert_int_equal(decode(&w, &pos, &name), pointers <= 5);
	}
}

/* From one place to each of the 16384 that a pointer can say. */
static void test_pointer_only_backwards(void **state)
{
	struct wire w = wire_new();
	size_t here = 0;

	(void)state;
	for (int i = 0; i < 4; i++) {
		wire_foo(&w);
		wire_byte(&w, 0);
	}
	here = 12 + 2 * 34;
	for (size_t to = 0; to < 16384; to++) {
		struct nb_name name;
		size_t pos = here;
		bool good = to == 12 || to == 12 + 34;

		w.byte[here] = (uint8_t)(0xc0 | to >> 8);
		w.byte[here + 1] = (uint8_t)to;
		assert_int_equal(decode(&w, &pos, &name), good);
	}
}

/* Itself, its own name's label, back and forth: refused, and at once. */
static void test_pointer_loops(void **state)
{
	struct wire w = wire_new();
	struct nb_name name;
	size_t pos = 0;

	(void)state;
	wire_pointer(&w, 12);
	assert_refused(&w);

	w = wire_new();
	wire_foo(&w);
	wire_pointer(&w, 12);
	assert_refused(&w);

	w = wire_new();
	wire_foo(&w);
	wire_text(&w, "a");
	wire_pointer(&w, 45);
	assert_refused(&w);

	/* first piece -> second piece -> into the first again */
	w = wire_new();
	wire_text(&w, "a");
	wire_pointer(&w, 16);
	pos = w.len;
	wire_foo(&w);
	wire_pointer(&w, 12);
	assert_false(decode(&w, &pos, &name));

	/* the first piece points forwards, if to before the name's start */
	w = wire_new();
	wire_text(&w, "a");
	wire_pointer(&w, 16);
	wire_byte(&w, 0);
	pos = w.len;
	wire_foo(&w);
	wire_pointer(&w, 12);
	assert_false(decode(&w, &pos, &name));
	w.byte[14] = 0;		/* the root instead: nothing was wrong but that */
	pos = 17;
	assert_true(decode(&w, &pos, &name));

	/* into the header, whatever it says */
	w = wire_new();
	memset(w.byte, 0, 12);
	wire_foo(&w);
	for (size_t to = 0; to < 12; to++) {
		w.len = 45;
		wire_pointer(&w, to);
		assert_refused(&w);
	}
}

/* A scope made long by pieces: the limit holds across pointers. */
static void test_pointer_bomb(void **state)
{
	struct wire w = wire_new();
	struct nb_name name;
	size_t to = 12;
	size_t pos = 0;

	(void)state;
	wire_fill(&w, 'x', 63);
	wire_byte(&w, 0);
	for (int i = 0; i < 3; i++) {
		pos = w.len;
		wire_fill(&w, 'y', 63);
		wire_pointer(&w, to);
		to = pos;
	}
	pos = w.len;
	wire_foo(&w);
	wire_pointer(&w, to);
	assert_false(decode(&w, &pos, &name));	/* 255 characters */

	pos = w.len;
	wire_foo(&w);
	wire_pointer(&w, 12 + 65);		/* 127 */
	assert_true(decode(&w, &pos, &name));
	assert_int_equal(name.scope_len, 127);
}

/* ---- truncation ---- */

static void test_truncation(void **state)
{
	struct wire w = wire_new();
	size_t first = 0;
	size_t len = 0;

	(void)state;
	wire_foo(&w);
	wire_text(&w, "some");
	wire_text(&w, "scope");
	wire_byte(&w, 0);
	first = w.len;
	wire_foo(&w);
	wire_pointer(&w, 45);
	len = w.len;
	for (w.len = 0; w.len < len; w.len++) {
		struct nb_name name;
		size_t pos = 12;

		assert_int_equal(decode(&w, &pos, &name), w.len >= first);
		pos = first;
		assert_false(decode(&w, &pos, &name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_in_every_place),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_only_letters),
		cmocka_unit_test(test_first_label_length),
		cmocka_unit_test(test_short_label_comes_back),
		cmocka_unit_test(test_scope_lengths),
		cmocka_unit_test(test_scope_label_length),
		cmocka_unit_test(test_scope_bytes),
		cmocka_unit_test(test_unsayable),
		cmocka_unit_test(test_pointer_whole),
		cmocka_unit_test(test_pointer_scope),
		cmocka_unit_test(test_pointers_at_most_five),
		cmocka_unit_test(test_pointer_only_backwards),
		cmocka_unit_test(test_pointer_loops),
		cmocka_unit_test(test_pointer_bomb),
		cmocka_unit_test(test_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
