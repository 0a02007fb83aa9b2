/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record on disk: known sums, layouts typed by hand, round trips, and
 * damage. The byte strings were written down from the description at the head
 * of codec/dbrec.c; their sums come from a bit-by-bit CRC-32C in another
 * language, not from our encoder.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "codec/dbrec.h"

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % sides);
}

/* RFC 3720 B.4 has these sums of the iSCSI CRC, which is CRC-32C. */
static void test_crc(void **state)
{
	uint8_t buf[32];

	(void)state;
	assert_int_equal(dbrec_crc32c(0, "123456789", 9), 0xe3069283u);
	assert_int_equal(dbrec_crc32c(0, "", 0), 0);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(dbrec_crc32c(0, buf, 32), 0x8a9136aau);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(dbrec_crc32c(0, buf, 32), 0x62a8ab43u);
	for (int i = 0; i < 32; i++) {
		buf[i] = (uint8_t)i;
	}
	assert_int_equal(dbrec_crc32c(0, buf, 32), 0x46dd794eu);
	/* in two pieces */
	assert_int_equal(dbrec_crc32c(dbrec_crc32c(0, "1234", 4), "56789", 5),
			 0xe3069283u);
}

/* Any length from any address, in one piece and in two, bit by bit. */
static void test_crc_lengths(void **state)
{
	uint8_t buf[80];

	(void)state;
	for (size_t i = 0; i < sizeof(buf); i++) {
		buf[i] = (uint8_t)dice(256);
	}
	for (size_t from = 0; from < 9; from++) {
		uint32_t crc = 0xffffffffu;

		for (size_t to = from; to < sizeof(buf); to++) {
			size_t mid = from + dice((uint32_t)(to - from) + 1);
			uint32_t sum = dbrec_crc32c(0, buf + from, mid - from);

			assert_int_equal(dbrec_crc32c(sum, buf + mid,
						      to - mid), ~crc);
			assert_int_equal(dbrec_crc32c(0, buf + from,
						      to - from), ~crc);
			crc ^= buf[to];
			for (int i = 0; i < 8; i++) {
				crc = crc >> 1 ^
				      (crc & 1u ? 0x82f63b78u : 0);
			}
		}
	}
}

static void sample(struct nb_record *rec)
{
	static const struct nb_member members[] = {
		{ 0x0a000001, 0, 0x3132333435363738 },
		{ 0x0a000002, 0xc0000202, 5 },
	};

	memset(rec, 0, sizeof(*rec));	/* padding too: memory is compared */
	rec->name = nb_name_make("ALPHA", 5, 0x20);
	nb_name_set_scope(&rec->name, "corp.example", 12);
	rec->type = NB_MHOMED;
	rec->state = NB_ACTIVE;
	rec->node = NB_H_NODE;
	rec->owner = 0xc0000201;
	rec->version = 0x0102030405060708;
	rec->expires = 0x1112131415161718;
	rec->revision = 0x2122232425262728;
	rec->count = 2;
	memcpy(rec->member, members, sizeof(members));
}

static const uint8_t sample_key[] =
	"RALPHA\0\0\0\0\0\0\0\0\0\0\x20" "corp.example";
static const uint8_t sample_value[] =
	"\x01" "\xcc" "\x02" "\xc0\x00\x02\x01"
	"\x01\x02\x03\x04\x05\x06\x07\x08" "\x11\x12\x13\x14\x15\x16\x17\x18"
	"\x21\x22\x23\x24\x25\x26\x27\x28"
	"\x0a\x00\x00\x01" "\x00\x00\x00\x00" "\x31\x32\x33\x34\x35\x36\x37\x38"
	"\x0a\x00\x00\x02" "\xc0\x00\x02\x02" "\x00\x00\x00\x00\x00\x00\x00\x05"
	"\x66\xa7\x9a\x90";

static void test_layout_record(void **state)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	struct nb_record rec, back;
	size_t key_len = 0;

	(void)state;
	sample(&rec);
	key_len = dbrec_key_record(key, &rec.name);
	assert_int_equal(key_len, sizeof(sample_key) - 1);
	assert_memory_equal(key, sample_key, key_len);
	assert_int_equal(dbrec_encode(value, key, key_len, &rec),
			 sizeof(sample_value) - 1);
	assert_memory_equal(value, sample_value, sizeof(sample_value) - 1);
	assert_null(dbrec_decode(sample_key, sizeof(sample_key) - 1,
				 sample_value, sizeof(sample_value) - 1,
				 &back));
	assert_memory_equal(&rec, &back, sizeof(rec));
}

static const uint8_t deleted_key[] = "D\x00\x00\xff\xfe";
static const uint8_t deleted_value[] =
	"\x01" "\x00\x00\x00\x00\x00\x00\x02\x01"
	"\xff\xff\xff\xff\xff\xff\xff\xff"
	"WORKGROUP\0\0\0\0\0\0\x1c" "\x3f\x0d\x4f\x28";
static const uint8_t owner_key[] = "O\xc6\x33\x64\x07";
static const uint8_t owner_value[] =
	"\x01" "\x00\x00\x00\x01\x00\x00\x00\x00" "\xde\x1a\xd8\x96";
static const uint8_t meta_key[] = "Mversions-reserved";
static const uint8_t meta_value[] =
	"\x01" "\x00\x00\x00\x00\x00\x00\x10\x00" "\xbe\x7c\xc1\x0d";

static void test_layout_others(void **state)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	struct dbrec_deleted del = {
		.name = nb_name_make("WORKGROUP      ", 15, 0x1c),
		.revision = 513,
		.when = -1,
	};
	struct dbrec_deleted back;
	uint64_t number = 0;
	size_t len = dbrec_key_deleted(key, 65534);

	(void)state;
	assert_int_equal(len, 5);
	assert_memory_equal(key, deleted_key, 5);
	assert_int_equal(dbrec_encode_deleted(value, key, len, &del),
			 sizeof(deleted_value) - 1);
	assert_memory_equal(value, deleted_value, sizeof(deleted_value) - 1);
	assert_null(dbrec_decode_deleted(key, len, value,
					 sizeof(deleted_value) - 1, &back));
	assert_memory_equal(&back, &del, sizeof(del));

	len = dbrec_key_owner(key, 0xc6336407);
	assert_int_equal(len, 5);
	assert_memory_equal(key, owner_key, 5);
	assert_int_equal(dbrec_encode_number(value, key, len, 1ull << 32), 13);
	assert_memory_equal(value, owner_value, 13);
	assert_null(dbrec_decode_number(key, len, value, 13, &number));
	assert_int_equal(number, 1ull << 32);

	len = dbrec_key_meta(key, "versions-reserved");
	assert_int_equal(len, sizeof(meta_key) - 1);
	assert_memory_equal(key, meta_key, len);
	assert_int_equal(dbrec_encode_number(value, key, len, 4096), 13);
	assert_memory_equal(value, meta_value, 13);
}

static void random_name(struct nb_name *name)
{
	uint8_t bytes[NB_SCOPE_MAX];

	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(1 + dice(255));
	}
	*name = nb_name_make(bytes, dice(16), (uint8_t)dice(256));
	nb_name_set_scope(name, bytes + 7,
			  dice(3) == 0 ? dice(NB_SCOPE_MAX - 7 + 1) : 0);
}

/* A record that obeys the invariants, otherwise as odd as can be. */
static void random_record(struct nb_record *rec)
{
	memset(rec, 0, sizeof(*rec));
	random_name(&rec->name);
	rec->type = (uint8_t)dice(4);
	rec->state = (uint8_t)dice(3);
	rec->node = (uint8_t)dice(4);
	rec->is_static = dice(4) == 0;
	rec->owner = dice(2) == 0 ? NB_SELF : dice(UINT32_MAX);
	rec->version = (uint64_t)dice(UINT32_MAX) << dice(33);
	rec->expires = (int64_t)dice(UINT32_MAX) << dice(31);
	rec->revision = (uint64_t)dice(UINT32_MAX) << dice(33);
	rec->count = (uint8_t)dice(rec->type <= NB_GROUP ? 2 : 26);
	for (int i = 0; i < rec->count; i++) {
		rec->member[i].ip = dice(0x01000000) << 8 | (uint32_t)i;
		rec->member[i].owner = dice(2) == 0 ? 0 : dice(UINT32_MAX);
		rec->member[i].expires = (int64_t)dice(UINT32_MAX) - 1000;
	}
	nb_record_settle(rec);
	assert_null(nb_record_broken(rec));
}

static void test_round_trip(void **state)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	struct nb_record rec, back;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t key_len = 0, len = 0;

		random_record(&rec);
		key_len = dbrec_key_record(key, &rec.name);
		len = dbrec_encode(value, key, key_len, &rec);
		assert_true(key_len <= sizeof(key) && len <= sizeof(value));
		assert_null(dbrec_decode(key, key_len, value, len, &back));
		assert_memory_equal(&rec, &back, sizeof(rec));
	}
}

static void test_round_trip_deleted(void **state)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	struct dbrec_deleted del, back;

	(void)state;
	memset(&del, 0, sizeof(del));
	for (int i = 0; i < 5000; i++) {
		size_t key_len = dbrec_key_deleted(key, dice(65536)), len = 0;

		random_name(&del.name);
		del.revision = (uint64_t)dice(UINT32_MAX) << dice(33);
		del.when = (int64_t)dice(UINT32_MAX) - 5;
		len = dbrec_encode_deleted(value, key, key_len, &del);
		assert_null(dbrec_decode_deleted(key, key_len, value, len,
						 &back));
		assert_memory_equal(&del, &back, sizeof(del));
	}
}

static const char *decode_any(const uint8_t *key, size_t key_len,
			      const uint8_t *value, size_t len)
{
	struct nb_record rec;
	struct dbrec_deleted del;
	uint64_t number = 0;

	switch (key[0]) {
	case DBREC_RECORD:
		return dbrec_decode(key, key_len, value, len, &rec);
	case DBREC_DELETED:
		return dbrec_decode_deleted(key, key_len, value, len, &del);
	default:
		return dbrec_decode_number(key, key_len, value, len, &number);
	}
}

/* Every bit of key and value, every shorter value, one byte more. */
static void damage(const uint8_t *key_in, size_t key_len,
		   const uint8_t *value_in, size_t len)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX + 1];

	memcpy(key, key_in, key_len);
	memcpy(value, value_in, len);
	value[len] = 0;
	assert_null(decode_any(key, key_len, value, len));
	for (size_t bit = 0; bit < 8 * len; bit++) {
		value[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_non_null(decode_any(key, key_len, value, len));
		value[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * key_len; bit++) {
		key[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_non_null(decode_any(key, key_len, value, len));
		key[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++) {
		assert_non_null(decode_any(key, key_len, value, cut));
	}
	for (size_t cut = 1; cut < key_len; cut++) {
		assert_non_null(decode_any(key, cut, value, len));
	}
	assert_non_null(decode_any(key, key_len, value, len + 1));
}

static void test_damage(void **state)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];

	(void)state;
	damage(sample_key, sizeof(sample_key) - 1, sample_value,
	       sizeof(sample_value) - 1);
	damage(deleted_key, sizeof(deleted_key) - 1, deleted_value,
	       sizeof(deleted_value) - 1);
	damage(owner_key, sizeof(owner_key) - 1, owner_value, 13);
	damage(meta_key, sizeof(meta_key) - 1, meta_value, 13);
	for (int i = 0; i < 100; i++) {
		struct nb_record rec;
		size_t key_len = 0;

		random_record(&rec);
		key_len = dbrec_key_record(key, &rec.name);
		damage(key, key_len, value,
		       dbrec_encode(value, key, key_len, &rec));
	}
}

/* Write a fresh sum under a value that was changed on purpose. */
static void reseal(const uint8_t *key, size_t key_len, uint8_t *value,
		   size_t len)
{
	uint32_t crc = dbrec_crc32c(0, key, key_len);

	crc = dbrec_crc32c(crc, value, len - 4);
	for (int i = 0; i < 4; i++) {
		value[len - 4 + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
	}
}

struct lie {
	const char *what;
	size_t at;		/* offset in value */
	uint8_t byte;
	size_t len;		/* of the value; 0 = as it is */
};

/* The sum is right and the content still is not a record. */
static void test_sealed_lies(void **state)
{
	static const struct lie lies[] = {
		{ "format 0", 0, 0, 0 },
		{ "format 2", 0, 2, 0 },
		{ "unknown flag", 1, 0xcd, 0 },
		{ "state 3", 1, 0xfc, 0 },
		{ "unique with two", 1, 0x0c, 0 },
		{ "active static that expires", 1, 0xce, 0 },
		{ "one member too few", 2, 1, 0 },
		{ "one member too many", 2, 3, 0 },
		{ "26 members", 2, 26, 0 },
		{ "same address twice", 31 + 16 + 3, 1, 0 },
		{ "only a head and a sum", 2, 0, 31 },
		{ "format and sum", 0, 1, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint8_t value[DBREC_VALUE_MAX];
		struct nb_record rec;
		size_t len = lies[i].len > 0 ? lies[i].len :
					       sizeof(sample_value) - 1;

		memcpy(value, sample_value, sizeof(sample_value) - 1);
		value[lies[i].at] = lies[i].byte;
		reseal(sample_key, sizeof(sample_key) - 1, value, len);
		if (dbrec_decode(sample_key, sizeof(sample_key) - 1, value,
				 len, &rec) == NULL) {
			fail_msg("accepted: %s", lies[i].what);
		}
	}
}

/* Keys that are no name in normal form, under a right sum. */
static void test_sealed_keys(void **state)
{
	static const struct {
		const char *what;
		const char *key;
		size_t len;
	} keys[] = {
		{ "too short for a type", "RALPHA\0\0\0\0\0\0\0\0\0\0", 16 },
		{ "trailing blank", "RALPHA \0\0\0\0\0\0\0\0\0\x20", 17 },
		{ "byte behind a NUL", "RALPHA\0B\0\0\0\0\0\0\0\0\x20", 17 },
		{ "another kind", "OALPHA\0\0\0\0\0\0\0\0\0\0\x20", 17 },
		{ "kind alone", "R", 1 },
	};
	uint8_t value[DBREC_VALUE_MAX];
	uint8_t key[DBREC_KEY_MAX + 1];
	struct nb_record rec;

	(void)state;
	memcpy(value, sample_value, sizeof(sample_value) - 1);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		reseal((const uint8_t *)keys[i].key, keys[i].len, value,
		       sizeof(sample_value) - 1);
		if (dbrec_decode((const uint8_t *)keys[i].key, keys[i].len,
				 value, sizeof(sample_value) - 1,
				 &rec) == NULL) {
			fail_msg("accepted: %s", keys[i].what);
		}
	}
	/* a scope of 239 bytes */
	memset(key, 'x', sizeof(key));
	memcpy(key, sample_key, 17);
	reseal(key, sizeof(key), value, sizeof(sample_value) - 1);
	assert_non_null(dbrec_decode(key, sizeof(key), value,
				     sizeof(sample_value) - 1, &rec));
	reseal(key, sizeof(key) - 1, value, sizeof(sample_value) - 1);
	assert_null(dbrec_decode(key, sizeof(key) - 1, value,
				 sizeof(sample_value) - 1, &rec));
	assert_non_null(dbrec_decode(key, 0, value, 13, &rec));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_crc_lengths),
		cmocka_unit_test(test_layout_record),
		cmocka_unit_test(test_layout_others),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_round_trip_deleted),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_sealed_lies),
		cmocka_unit_test(test_sealed_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
