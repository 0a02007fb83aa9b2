/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One record of a SEND_REPLY: names, flags and addresses as protocol.md 3.3
 * and 3.4 have them, what is mended, and that what is written reads back.
 * What 3.4 leaves open (NULs, names of sixteen bytes) was asked of ndrdump.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/codec/wrepl_forge.h"
#include "unit/same_record.h"

#define OWNER	0xc0000201u	/* 192.0.2.1: of the record, see forged_record() */
#define SELF	0xc0000263u	/* 192.0.2.99 */

static uint64_t seed = 0x853c49e6748fea9bu;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % sides);
}

static void sample(struct nb_record *rec, const char *name, uint8_t type)
{
	memset(rec, 0, sizeof(*rec));
	rec->name = nb_name_make(name, strlen(name), type);
	rec->node = NB_H_NODE;
	rec->owner = OWNER;
	rec->version = 0x0102030405060708;
	rec->count = 1;
	rec->member[0].ip = FORGED_IP;
	rec->member[0].owner = OWNER;
}

/* The table of 3.4: scope length, name_len, bytes behind the length. */
static const struct {
	size_t scope, name_len, occupied;
} lengths[] = {
	{ 0, 17, 20 }, { 1, 18, 20 }, { 2, 19, 20 }, { 3, 20, 24 },
	{ 4, 21, 24 }, { 5, 22, 24 }, { 6, 23, 24 }, { 7, 24, 28 },
	{ 15, 32, 36 }, { 237, 254, 256 }, { 238, 255, 256 },
};

static void test_length_table(void **state)
{
	uint8_t out[WREPL_RECORD_MAX], scope[NB_SCOPE_MAX];
	struct nb_record rec;

	(void)state;
	memset(scope, 's', sizeof(scope));
	sample(&rec, "NAME", 0x20);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = 0;

		nb_name_set_scope(&rec.name, scope, lengths[i].scope);
		len = wrepl_encode_record(out, &rec, SELF);
		assert_int_equal(out[0] << 24 | out[1] << 16 | out[2] << 8 |
				 out[3], lengths[i].name_len);
		assert_int_equal(len, 4 + lengths[i].occupied + 24);
	}
}

/* Every scope length: the very bytes, and back; 238 comes back as 237. */
static void test_all_scopes(void **state)
{
	uint8_t raw[255] = "NAME           \x20", out[WREPL_RECORD_MAX];
	struct nb_record rec, back;

	(void)state;
	for (size_t len = 0; len <= NB_SCOPE_MAX; len++) {
		struct forged f = { 0 };
		size_t used = 0;

		for (size_t i = 0; i < len; i++) {
			raw[16 + i] = (uint8_t)('a' + i % 26);
		}
		raw[16 + len] = 0;
		forge_single(&f, raw, 17 + len, 0x60);
		sample(&rec, "NAME", 0x20);
		nb_name_set_scope(&rec.name, raw + 16, len);
		memset(out, 0xa5, sizeof(out));
		assert_int_equal(wrepl_encode_record(out, &rec, SELF), f.len);
		assert_memory_equal(out, f.byte, f.len);

		assert_int_equal(forged_record(&f, &back, &used), WREPL_OK);
		assert_int_equal(used, f.len);
		nb_name_set_scope(&rec.name, raw + 16, len < 237 ? len : 237);
		assert_same_record(&back, &rec);
	}
}

/* Raw names, and what ndrdump makes of each. */
static const struct {
	size_t len;
	const char *raw;
	const char *name;
	uint8_t type;
	const char *scope;
} names[] = {
	{ 17, "A              \x20", "A", 0x20, "" },
	{ 17, "A              \x20X", "A", 0x20, "" },
	{ 20, "A              \x20" "a\0b", "A", 0x20, "a" },
	{ 19, "A              \x20" "abX", "A", 0x20, "ab" },
	{ 18, "A              \x20" "\0", "A", 0x20, "" },
	{ 17, "A\0BBBBBBBBBBBBB\x20", "A", 0x20, "" },
	{ 17, "               \x00", "", 0x00, "" },
	{ 17, "*              \x00", "*", 0x00, "" },
	{ 17, "FIFTEEN-LETTERS\x03", "FIFTEEN-LETTERS", 0x03, "" },
	{ 17, "\x80\xc0\xff            \xfe", "\x80\xc0\xff", 0xfe, "" },
	{ 5, "ABC  ", "ABC", 0x00, "" },
	{ 1, "A", "A", 0x00, "" },
	{ 1, "", "", 0x00, "" },
	{ 15, "\x1b" "BCDEFGHIJKLMNO", "\x1b" "BCDEFGHIJKLMNO", 0x00, "" },
	{ 16, "ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNO", 0x00, "" },
	{ 16, "\x1b" "BCDEFGHIJKLMNOP", "PBCDEFGHIJKLMNO", 0x00, "" },
	{ 17, "\x1b" "ECD           V", "VECD", 0x1b, "" },
	{ 17, "\x1b" "OMAIN         D", "DOMAIN", 0x1b, "" },
	{ 17, "\x1b" "OMAIN         \x1b", "\x1b" "OMAIN", 0x1b, "" },
	{ 17, "\x1b" "A             \x00", "", 0x1b, "" },
	{ 17, "\x1b" "A             \x20", " A", 0x1b, "" },
	{ 21, "\x1b" "ECD           Va.b\0", "VECD", 0x1b, "a.b" },
};

static void test_names(void **state)
{
	struct nb_record rec;
	size_t used = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct nb_name name = nb_name_make(names[i].name,
						   strlen(names[i].name),
						   names[i].type);
		struct forged f = { 0 };

		nb_name_set_scope(&name, names[i].scope,
				  strlen(names[i].scope));
		forge_single(&f, names[i].raw, names[i].len, 0x60);
		assert_int_equal(forged_record(&f, &rec, &used), WREPL_OK);
		if (memcmp(&rec.name, &name, sizeof(name)) != 0) {
			fail_msg("name %zu is read otherwise", i);
		}
	}
}

/* 1B changes places both ways, with a scope too, whatever the first byte. */
static void test_swap(void **state)
{
	static const uint8_t raw[21] = "\x1b" "BC            \x00" "s.x";
	struct nb_record rec, back;
	uint8_t out[WREPL_RECORD_MAX];

	(void)state;
	for (unsigned int first = 1; first < 256; first++) {
		size_t len = 0, used = 0;

		sample(&rec, "ABC", 0x1b);
		rec.name.byte[0] = (uint8_t)first;
		nb_name_set_scope(&rec.name, "s.x", 3);
		len = wrepl_encode_record(out, &rec, SELF);
		assert_memory_equal(out + 4, raw, 15);
		assert_int_equal(out[4 + 15], first);
		assert_memory_equal(out + 4 + 16, raw + 16, 4);
		assert_int_equal(wrepl_decode_record(out, len, len, OWNER,
						     &back, &used), WREPL_OK);
		assert_same_record(&back, &rec);
	}
}

/* What would read back as a domain's master is not written. */
static void test_cannot_be_said(void **state)
{
	uint8_t out[WREPL_RECORD_MAX];
	struct nb_record rec;

	(void)state;
	for (unsigned int type = 0; type < 256; type++) {
		sample(&rec, "\x1bOMAIN", (uint8_t)type);
		assert_int_equal(wrepl_encode_record(out, &rec, SELF) == 0,
				 type != 0x1b);
	}
	sample(&rec, "A", 0x20);
	rec.name.scope_len = 239;
	assert_int_equal(wrepl_encode_record(out, &rec, SELF), 0);
}

/* The examples of 3.3. */
static const struct {
	uint32_t flags;
	uint8_t type, state, node;
	bool is_static;
} examples[] = {
	{ 0x60, NB_UNIQUE, NB_ACTIVE, NB_H_NODE, false },
	{ 0x62, NB_SGROUP, NB_ACTIVE, NB_H_NODE, false },
	{ 0x63, NB_MHOMED, NB_ACTIVE, NB_H_NODE, false },
	{ 0x01, NB_GROUP, NB_ACTIVE, NB_B_NODE, false },
	{ 0x08, NB_UNIQUE, NB_TOMBSTONE, NB_B_NODE, false },
	{ 0x0a, NB_SGROUP, NB_TOMBSTONE, NB_B_NODE, false },
	{ 0x07, NB_MHOMED, NB_RELEASED, NB_B_NODE, false },
	{ 0x80, NB_UNIQUE, NB_ACTIVE, NB_B_NODE, true },
	{ 0x20, NB_UNIQUE, NB_ACTIVE, NB_P_NODE, false },
	{ 0x40, NB_UNIQUE, NB_ACTIVE, NB_M_NODE, false },
};

static void forge_flags(struct forged *f, uint32_t flags)
{
	f->len = 0;
	if ((flags & 2) != 0) {
		forge_list(f, flags, 1, 1);
	} else {
		forge_single(f, "FLAGS          \x20", 17, flags);
	}
}

static void test_flag_examples(void **state)
{
	struct forged f = { 0 };
	struct nb_record rec;
	size_t used = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		forge_flags(&f, examples[i].flags);
		assert_int_equal(forged_record(&f, &rec, &used), WREPL_OK);
		assert_int_equal(rec.type, examples[i].type);
		assert_int_equal(rec.state, examples[i].state);
		assert_int_equal(rec.node, examples[i].node);
		assert_int_equal(rec.is_static, examples[i].is_static);
		assert_int_equal(rec.count, 1);
		assert_true(rec.version == 0x0102030405060708);
	}
}

/*
 * Every flag word of one byte, alone and with all the high bits: written
 * again it is the same but for those and for 0x10. State 3 is none. The group
 * word is 1 for both groups, and nobody reads it.
 */
static void test_all_flags(void **state)
{
	uint8_t out[WREPL_RECORD_MAX];

	(void)state;
	for (uint32_t flags = 0; flags < 512; flags++) {
		uint32_t word = flags < 256 ? flags : ~(flags & 0xffu) ^ 0xffu;
		struct forged f = { 0 }, plain = { 0 };
		struct nb_record rec;
		size_t used = 0;

		forge_flags(&f, word);
		f.byte[28] ^= (uint8_t)dice(256);
		if ((word & 0x0c) == 0x0c) {
			assert_int_equal(forged_record(&f, &rec, &used),
					 WREPL_BAD_RECORD);
			continue;
		}
		assert_int_equal(forged_record(&f, &rec, &used), WREPL_OK);
		forge_flags(&plain, word & 0xef);
		assert_int_equal(wrepl_encode_record(out, &rec, SELF),
				 plain.len);
		assert_memory_equal(out, plain.byte, plain.len);
	}
}

/* How many are said, kept, and whether that is a record at all. */
static void test_member_counts(void **state)
{
	struct forged f = { 0 };
	struct nb_record rec;

	(void)state;
	for (uint32_t count = 0; count <= 300; count++) {
		unsigned int kept = count < 25 ? count : 25;
		size_t used = 0;

		f.len = 0;
		forge_list(&f, 0x62, count, count);
		if (count > 255) {
			assert_int_equal(forged_record(&f, &rec, &used),
					 WREPL_BAD_RECORD);
			continue;
		}
		assert_int_equal(forged_record(&f, &rec, &used), WREPL_OK);
		assert_int_equal(used, f.len);
		assert_int_equal(rec.count, kept);
		for (unsigned int i = 0; i < kept; i++) {
			assert_int_equal(rec.member[i].ip, FORGED_MEMBER + i);
			assert_int_equal(rec.member[i].owner, FORGED_OWNER);
			assert_int_equal(rec.member[i].expires, 0);
		}
	}
}

static void forge_pairs(struct forged *f, const uint32_t (*pair)[2],
			uint32_t count)
{
	f->len = 0;
	forge_list(f, 0x63, count, 0);
	f->len -= 4;
	for (uint32_t i = 0; i < count; i++) {
		forge32(f, pair[i][0]);
		forge32(f, pair[i][1]);
	}
	forge32(f, 0xffffffff);
}

/* Twice the same, nobody, and an owner that would mean us. */
static void test_members_mended(void **state)
{
	static const uint32_t pairs[][2] = {
		{ 5, 0x0a000001 }, { 6, 0x0a000002 }, { 0, 0x0a000003 },
		{ 7, 0x0a000001 }, { 8, 0 }, { 9, 0x0a000004 },
	};
	static const uint32_t expected[][2] = {
		{ 5, 0x0a000001 }, { 6, 0x0a000002 }, { OWNER, 0x0a000003 },
		{ 9, 0x0a000004 },
	};
	struct forged f = { 0 };
	struct nb_record rec;
	size_t used = 0;

	(void)state;
	forge_pairs(&f, pairs, 6);
	assert_int_equal(forged_record(&f, &rec, &used), WREPL_OK);
	assert_int_equal(used, f.len);
	assert_int_equal(rec.count, 4);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(rec.member[i].owner, expected[i][0]);
		assert_int_equal(rec.member[i].ip, expected[i][1]);
	}
	assert_null(nb_record_broken(&rec));
}

/* 0.0.0.0 in the single form: no member, but an active group needs one. */
static void test_single_nobody(void **state)
{
	static const struct {
		uint8_t flags, count;
	} row[] = {
		{ 0x60, 0 }, { 0x68, 0 }, { 0x04, 0 }, { 0x80, 0 },
		{ 0x61, 1 }, { 0x81, 1 }, { 0x69, 0 }, { 0x05, 0 },
	};
	uint8_t out[WREPL_RECORD_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct forged f = { 0 };
		struct nb_record rec;
		size_t used = 0;

		forge_single(&f, "NOBODY         \x20", 17, row[i].flags);
		memset(f.byte + f.len - 8, 0, 4);
		assert_int_equal(forged_record(&f, &rec, &used), WREPL_OK);
		assert_int_equal(rec.count, row[i].count);
		assert_int_equal(wrepl_encode_record(out, &rec, SELF), f.len);
		assert_memory_equal(out, f.byte, f.len);
	}
}

static void random_name(struct nb_name *name)
{
	uint8_t bytes[NB_SCOPE_MAX];

	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(1 + dice(255));
	}
	*name = nb_name_make(bytes, dice(16),
			     dice(4) == 0 ? 0x1b : (uint8_t)dice(256));
	if (name->byte[0] == 0x1b && name->type != 0x1b) {
		name->byte[0] = 'A';
	}
	nb_name_set_scope(name, bytes, dice(3) == 0 ? dice(238) : 0);
}

static void random_record(struct nb_record *rec)
{
	memset(rec, 0, sizeof(*rec));
	random_name(&rec->name);
	rec->type = (uint8_t)dice(4);
	rec->state = (uint8_t)dice(3);
	rec->node = (uint8_t)dice(4);
	rec->is_static = dice(4) == 0;
	rec->owner = 1 + dice(UINT32_MAX);
	rec->version = (uint64_t)dice(UINT32_MAX) << dice(33);
	rec->count = (uint8_t)dice(rec->type <= NB_GROUP ? 2 : 26);
	if (rec->type == NB_GROUP && rec->state == NB_ACTIVE) {
		rec->count = 1;		/* 0 reads back as 0.0.0.0 */
	}
	for (unsigned int i = 0; i < rec->count; i++) {
		rec->member[i].ip = (1 + dice(0x00ffffff)) << 8 | i;
		rec->member[i].owner = rec->type <= NB_GROUP ?
				       rec->owner : 1 + dice(UINT32_MAX);
	}
}

/* All that the protocol has words for; the times are not among it. */
static void test_round_trip(void **state)
{
	struct nb_record rec, back;
	uint8_t out[WREPL_RECORD_MAX];

	(void)state;
	for (int i = 0; i < 50000; i++) {
		size_t len = 0, used = 0;

		random_record(&rec);
		rec.expires = dice(UINT32_MAX);
		rec.revision = dice(UINT32_MAX);
		len = wrepl_encode_record(out, &rec, SELF);
		assert_in_range(len, 44, sizeof(out));
		assert_int_equal(len % 4, 0);
		assert_int_equal(wrepl_decode_record(out, len, len, rec.owner,
						     &back, &used), WREPL_OK);
		assert_int_equal(used, len);
		rec.expires = 0;
		rec.revision = 0;
		assert_same_record(&back, &rec);
	}
}

/* Ours are written with our address, which the reader then sees. */
static void test_self_in_lists(void **state)
{
	struct nb_record rec, back;
	uint8_t out[WREPL_RECORD_MAX];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		size_t len = 0, used = 0;

		random_record(&rec);
		for (unsigned int m = 0; m < rec.count; m++) {
			rec.member[m].owner = dice(2) == 0 ? NB_SELF : OWNER;
		}
		len = wrepl_encode_record(out, &rec, SELF);
		assert_int_equal(wrepl_decode_record(out, len, len, SELF,
						     &back, &used), WREPL_OK);
		for (unsigned int m = 0; m < rec.count; m++) {
			assert_int_equal(back.member[m].owner,
					 rec.type > NB_GROUP &&
					 rec.member[m].owner == OWNER ?
					 OWNER : SELF);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length_table),
		cmocka_unit_test(test_all_scopes),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_cannot_be_said),
		cmocka_unit_test(test_flag_examples),
		cmocka_unit_test(test_all_flags),
		cmocka_unit_test(test_member_counts),
		cmocka_unit_test(test_members_mended),
		cmocka_unit_test(test_single_nobody),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_self_in_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
