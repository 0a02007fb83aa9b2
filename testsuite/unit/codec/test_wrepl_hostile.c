/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lengths and counts that lie, frames cut off at every byte, and noise
 * (quality.md C.2: MS04-045, MS08-034, MS09-039). Everything is read at the
 * end of a page behind which there is none, so that one byte too far crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/guard.h"
#include "unit/codec/wrepl_forge.h"

#define OWNER	0xc0000201u

static uint64_t seed = 0xda3e39cb94b95bdbu;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % sides);
}

static enum wrepl_error decode(const struct forged *f, size_t len,
			       struct wrepl_msg *msg)
{
	return wrepl_decode(guard_before_end(f->byte, len), len, msg);
}

static enum wrepl_error record(const struct forged *f, size_t len,
			       uint64_t left)
{
	struct nb_record rec;
	size_t used = 0;
	enum wrepl_error error = wrepl_decode_record(
		guard_before_end(f->byte, len), len, left, OWNER, &rec, &used);

	assert_true(error == WREPL_OK ? used > 0 && used <= len : used == 0);
	return error;
}

static void test_name_lengths(void **state)
{
	static const struct {
		uint32_t len;
		enum wrepl_error error;
	} row[] = {
		{ 0, WREPL_BAD_NAME }, { 1, WREPL_OK }, { 16, WREPL_OK },
		{ 17, WREPL_OK }, { 255, WREPL_OK }, { 256, WREPL_BAD_NAME },
		{ 1u << 31, WREPL_BAD_NAME }, { UINT32_MAX, WREPL_BAD_NAME },
		{ UINT32_MAX - 3, WREPL_BAD_NAME },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct forged f = { 0 };

		forge_fill(&f, 'n', 400);
		f.len = 0;
		forge32(&f, row[i].len);
		f.len += row[i].error == WREPL_OK ? row[i].len + 4 -
						    row[i].len % 4 : 0;
		forge_middle(&f, 0x60);
		forge32(&f, FORGED_IP);
		forge32(&f, 0xffffffff);
		assert_int_equal(record(&f, f.len, f.len), row[i].error);
		/* the length alone: wrong at once, or something is missing */
		assert_int_equal(record(&f, 4, 4), row[i].error == WREPL_OK ?
				 WREPL_SHORT : row[i].error);
		assert_int_equal(record(&f, 4, UINT64_MAX),
				 row[i].error == WREPL_OK ?
				 WREPL_MORE : row[i].error);
	}
}

/* times 24 is 0, 24, ... in 32 bits for some of these */
static const uint32_t counts[] = {
	0, 1, 2, 3, 0x10000, 0x0aaaaaab, 0x10000000, 0x10000001, 0x15555556,
	0x20000000, 0x40000000, 0x7fffffff, 0x80000000, 0xaaaaaaab, UINT32_MAX,
};

#define COUNTS (sizeof(counts) / sizeof(counts[0]))

/* A table that says count and holds this many owners and bytes behind. */
static void check_owners(uint32_t command, uint32_t count, uint32_t held,
			 uint32_t behind)
{
	struct forged f = { 0 };
	struct wrepl_msg msg;
	enum wrepl_error error = WREPL_OK;
	uint64_t bytes = held * 24u + behind;

	forge_command(&f, command);
	forge32(&f, count);
	for (uint32_t i = 0; i < held; i++) {
		forge_owner(&f, i);
	}
	forge_fill(&f, 0x11, behind);
	error = decode(&f, f.len, &msg);
	if (count * (uint64_t)24 > bytes) {
		assert_int_equal(error, WREPL_COUNT);
		assert_int_equal(msg.owners, 0);
	} else if (count * 24u + 4 <= bytes) {
		assert_int_equal(error, WREPL_OK);
		assert_int_equal(msg.owners, count);
		assert_int_equal(msg.initiator, count == held ?
				 0x11111111 : count);
	} else if (count * 24u == bytes) {
		assert_int_equal(error, WREPL_OK);
		assert_int_equal(msg.initiator, 0);
	} else {
		assert_int_equal(error, WREPL_SHORT);
	}
}

static void test_owner_counts(void **state)
{
	static const uint32_t commands[] = {
		WREPL_TABLE_REPLY, WREPL_UPDATE, WREPL_UPDATE2, WREPL_INFORM,
		WREPL_INFORM2,
	};

	(void)state;
	for (size_t c = 0; c < 5; c++) {
		for (size_t i = 0; i < COUNTS; i++) {
			for (uint32_t behind = 0; behind < 9; behind++) {
				check_owners(commands[c], counts[i], 0, behind);
				check_owners(commands[c], counts[i], 1, behind);
				check_owners(commands[c], counts[i], 2, behind);
			}
		}
	}
}

/* A SEND_REPLY that says so many names in a frame of so many bytes. */
static void check_names(uint32_t count, uint32_t size)
{
	struct forged f = { 0 };
	struct wrepl_msg msg;
	size_t used = 0;
	uint64_t body = 0;
	enum wrepl_error error = WREPL_OK;

	forge32(&f, size);
	forge_command(&f, WREPL_SEND_REPLY);
	forge32(&f, count);
	error = wrepl_open_reply(guard_before_end(f.byte, f.len), f.len, &msg,
				 &used, &body);
	if (size < 16) {
		assert_int_equal(error, WREPL_UNKNOWN);
	} else if (size < 20) {
		assert_int_equal(error, WREPL_SHORT);
	} else if (count * (uint64_t)32 > size - 20) {
		assert_int_equal(error, WREPL_COUNT);
	} else {
		assert_int_equal(error, WREPL_OK);
		assert_int_equal(msg.names, count);
		assert_int_equal(used, 24);
		assert_true(body == size - 20);
	}
}

/* 32 is the shortest record: a name of one byte, one address or none. */
static void test_name_counts(void **state)
{
	static const uint32_t sizes[] = {
		0, 1, 12, 15, 16, 19, 20, 21, 51, 52, 53, 83, 84, 1u << 20,
		20 + (32u << 16), 19 + (32u << 16), 1u << 31, UINT32_MAX,
	};

	(void)state;
	for (size_t i = 0; i < COUNTS; i++) {
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			check_names(counts[i], sizes[s]);
		}
	}
}

static void test_address_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTS; i++) {
		struct forged f = { 0 };
		enum wrepl_error error = counts[i] > 255 ? WREPL_BAD_RECORD :
					 counts[i] > 1 ? WREPL_COUNT : WREPL_OK;

		forge_list(&f, 0x62, counts[i], 1);
		assert_int_equal(record(&f, f.len, f.len), error);
		/* there is more, in other frames: it is not ours */
		f.len += 1000;
		assert_int_equal(record(&f, f.len, f.len - 1000), error);
	}
	for (uint32_t count = 2; count <= 255; count++) {
		struct forged f = { 0 };

		forge_list(&f, 0x63, count, count - 1);
		assert_int_equal(record(&f, f.len, f.len), WREPL_COUNT);
		assert_int_equal(record(&f, f.len, f.len + 7), WREPL_COUNT);
		assert_int_equal(record(&f, f.len, f.len + 8), WREPL_MORE);
	}
}

/* Frames of every kind, from the size on, and the bytes each cannot lack. */
static size_t forge_kind(struct forged *f, int kind)
{
	static const uint32_t commands[] = {
		WREPL_TABLE_QUERY, WREPL_SEND_REQUEST, WREPL_TABLE_REPLY,
		WREPL_UPDATE, WREPL_UPDATE2, WREPL_INFORM, WREPL_INFORM2,
	};
	struct wrepl_owner owner[3] = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } };

	switch (kind) {
	case 0:
		f->len = wrepl_encode_start(f->byte, WREPL_START, 0, 7);
		return 20;
	case 1:
		f->len = wrepl_encode_start(f->byte, WREPL_START_REPLY, 7, 8);
		return 20;
	case 2:
		f->len = wrepl_encode_stop(f->byte, 7, WREPL_STOP_ERROR);
		forge_fill(f, 0xee, 24);
		return 16;
	case 3:
		f->len = wrepl_encode_bad_context(f->byte);
		return 20;
	case 4:
		f->len = wrepl_encode_table_query(f->byte, 7);
		return 16;
	case 5:
		f->len = wrepl_encode_request(f->byte, 7, owner);
		return 40;
	default:
		f->len = wrepl_encode_table(f->byte, 7, commands[kind - 4],
					    owner, 3, 1);
		return 20 + 72;
	}
}

#define KINDS 11

/* Cut anywhere, with the size as it was and with a size that agrees. */
static void test_cut_frames(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct forged f = { 0 }, body = { 0 };
		size_t needed = forge_kind(&f, kind);

		forge_bytes(&body, f.byte + WREPL_HEAD, f.len - WREPL_HEAD);
		for (size_t cut = 0; cut <= body.len; cut++) {
			struct wrepl_msg msg;
			enum wrepl_error error = decode(&body, cut, &msg);
			bool half = kind > 5 && cut > needed &&
				    cut < needed + 4;

			if (cut >= needed && !half) {
				assert_int_equal(error, WREPL_OK);
			} else if (kind > 5 && cut >= 20 && !half) {
				assert_int_equal(error, WREPL_COUNT);
			} else {
				assert_int_equal(error, WREPL_SHORT);
			}
		}
	}
}

/* No frame but a SEND_REPLY is opened, however much of it there is. */
static void test_cut_open(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct forged f = { 0 };

		forge_kind(&f, kind);
		for (size_t cut = 0; cut <= f.len; cut++) {
			size_t tell = kind < 4 ? 16 : 20, used = 1;
			uint64_t body = 1;
			struct wrepl_msg msg;

			assert_int_equal(wrepl_open_reply(
				guard_before_end(f.byte, cut), cut, &msg,
				&used, &body), cut < tell ? WREPL_MORE :
							    WREPL_UNKNOWN);
			assert_int_equal(used, 0);
			assert_int_equal(body, 0);
		}
	}
}

/* A reply: nothing but MORE until the number of names is there. */
static void test_cut_reply(void **state)
{
	struct forged f = { 0 };

	(void)state;
	forge32(&f, 20 + 3 * 48 + 9);	/* and padding */
	forge_command(&f, WREPL_SEND_REPLY);
	forge32(&f, 3);
	for (size_t cut = 0; cut <= f.len; cut++) {
		struct wrepl_msg msg;
		size_t used = 0;
		uint64_t body = 0;

		assert_int_equal(wrepl_open_reply(
			guard_before_end(f.byte, cut), cut, &msg, &used,
			&body), cut < 24 ? WREPL_MORE : WREPL_OK);
	}
}

/* Frames of a size that nobody sends, known before their bytes are there. */
static void test_too_long(void **state)
{
	static uint8_t zero[WREPL_FRAME_MAX + 1];
	struct forged f = { 0 };
	struct wrepl_msg msg;
	size_t used = 0;
	uint64_t body = 0;

	(void)state;
	assert_int_equal(wrepl_decode(zero, WREPL_FRAME_MAX, &msg), WREPL_OK);
	assert_int_equal(wrepl_decode(zero, WREPL_FRAME_MAX + 1, &msg),
			 WREPL_TOO_LONG);
	for (uint32_t command = 0; command < 12; command++) {
		enum wrepl_error error = command == WREPL_SEND_REPLY ?
					 WREPL_OK : WREPL_TOO_LONG;

		f.len = 0;
		forge32(&f, WREPL_FRAME_MAX + 1);
		forge_command(&f, command);
		forge32(&f, 1);
		assert_int_equal(wrepl_open_reply(f.byte, f.len, &msg, &used,
						  &body), error);
		f.byte[3] = 0;	/* WREPL_FRAME_MAX itself */
		error = command == WREPL_SEND_REPLY ? WREPL_OK : WREPL_UNKNOWN;
		assert_int_equal(wrepl_open_reply(f.byte, f.len, &msg, &used,
						  &body), error);
	}
}

/* No such message: types and commands around those that there are. */
static void test_unknown(void **state)
{
	struct wrepl_msg msg;

	(void)state;
	for (uint32_t command = 0; command < 20; command++) {
		bool known = command < 10 && command != 6 && command != 7 &&
			     command != WREPL_SEND_REPLY;
		struct forged f = { 0 };

		forge_command(&f, command);
		forge_fill(&f, 0, 60);
		assert_int_equal(decode(&f, f.len, &msg), known ?
				 WREPL_OK : WREPL_UNKNOWN);
		f.byte[12] = 0x80;
		assert_int_equal(decode(&f, f.len, &msg), WREPL_UNKNOWN);
	}
	for (uint32_t type = 4; type != 0; type = type < 1u << 31 ?
						  type * 2 : 0) {
		struct forged f = { 0 };

		forge32(&f, 0x7800);
		forge32(&f, 0);
		forge32(&f, type);
		forge_fill(&f, 0, 60);
		assert_int_equal(decode(&f, f.len, &msg), WREPL_UNKNOWN);
		assert_int_equal(decode(&f, 12, &msg), WREPL_UNKNOWN);
	}
}

/* What follows the known fields means nothing. */
static void test_padding(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct forged f = { 0 }, body = { 0 };
		struct wrepl_msg plain, padded;
		size_t len = 0;

		forge_kind(&f, kind);
		len = f.len - WREPL_HEAD;
		forge_bytes(&body, f.byte + WREPL_HEAD, len);
		forge_fill(&body, 0xdd, 500);
		assert_int_equal(wrepl_decode(body.byte, len, &plain),
				 WREPL_OK);
		assert_int_equal(wrepl_decode(body.byte, body.len, &padded),
				 WREPL_OK);
		assert_memory_equal(&plain, &padded, sizeof(plain));
	}
}

/* START of another major version is told, not refused. */
static void test_versions(void **state)
{
	struct forged f = { 0 };
	struct wrepl_msg msg;

	(void)state;
	forge_fill(&f, 0, 12);
	forge32(&f, 0xfeedbeef);
	forge32(&f, 0x00070001);
	assert_int_equal(decode(&f, f.len, &msg), WREPL_OK);
	assert_int_equal(msg.sender, 0xfeedbeefu);
	assert_int_equal(msg.major, 7);
	assert_int_equal(msg.minor, 1);
}

/* Cut where it stands: what is missing comes, or it never does. */
static void check_cuts(const struct forged *f, bool list, size_t fixed)
{
	for (size_t cut = 0; cut < f->len; cut++) {
		assert_int_equal(record(f, cut, f->len), WREPL_MORE);
		assert_int_equal(record(f, cut, f->len + 5), WREPL_MORE);
		assert_int_equal(record(f, cut, cut),
				 list && cut >= fixed ? WREPL_COUNT :
							WREPL_SHORT);
		/* the rest is there, but it is another frame's */
		assert_int_equal(record(f, f->len, cut),
				 list && cut >= fixed ? WREPL_COUNT :
							WREPL_SHORT);
	}
	assert_int_equal(record(f, f->len, f->len), WREPL_OK);
	assert_int_equal(record(f, f->len, UINT64_MAX), WREPL_OK);
}

static void test_cut_records(void **state)
{
	uint8_t raw[255];

	(void)state;
	memset(raw, 'x', sizeof(raw));
	for (size_t len = 1; len <= 255; len++) {
		struct forged f = { 0 };

		forge_single(&f, raw, len, 0x60);
		check_cuts(&f, false, 0);
	}
	for (uint32_t count = 0; count <= 30; count++) {
		struct forged f = { 0 };

		forge_list(&f, 0x62, count, count);
		check_cuts(&f, true, 4 + 20 + 24);
	}
}

/* Whatever came out of noise may be stored, sent, and reads back the same. */
static void check_decoded(const struct nb_record *rec)
{
	uint8_t out[WREPL_RECORD_MAX];
	struct nb_record again = *rec, settled = *rec;
	size_t used = 0, len = wrepl_encode_record(out, rec, OWNER);

	nb_record_settle(&settled);
	assert_null(nb_record_broken(&settled));
	if (len == 0) {
		assert_int_equal(rec->name.byte[0], 0x1b);
		return;
	}
	assert_int_equal(wrepl_decode_record(out, len, len, rec->owner,
					     &again, &used), WREPL_OK);
	assert_int_equal(used, len);
	assert_memory_equal(&again, rec, sizeof(again));
}

/* Records with a few bytes changed, and nothing but noise. */
static void test_noise_in_records(void **state)
{
	unsigned int good = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		struct forged f = { .len = 0 };
		struct nb_record rec;
		size_t used = 0, len = 0;

		if (dice(2) == 0) {
			forge_list(&f, 0x62, dice(40), 12);
		} else {
			forge_single(&f, "\x1bOISE          \x20XYZ", 20, 0x60);
		}
		for (uint32_t n = dice(6); n > 0; n--) {
			f.byte[dice((uint32_t)f.len)] = (uint8_t)dice(256);
		}
		for (size_t at = 0; i % 8 == 0 && at < f.len; at++) {
			f.byte[at] = (uint8_t)dice(at < 3 ? 1 : 256);
		}
		len = dice(2) == 0 ? f.len : dice((uint32_t)f.len + 1);
		if (wrepl_decode_record(guard_before_end(f.byte, len), len,
					dice(2) == 0 ? len : dice(500), OWNER,
					&rec, &used) == WREPL_OK) {
			check_decoded(&rec);
			good++;
		}
	}
	assert_true(good > 10000);
}

static void test_noise_in_frames(void **state)
{
	unsigned int good = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		struct forged f = { .len = 0 };
		struct wrepl_owner owner;
		struct wrepl_msg msg;
		size_t used = 0, len = 0;
		uint64_t body = 0;

		forge_kind(&f, (int)dice(KINDS));
		for (uint32_t n = dice(6); n > 0; n--) {
			f.byte[dice((uint32_t)f.len)] = (uint8_t)dice(256);
		}
		len = dice(2) == 0 ? f.len : dice((uint32_t)f.len + 1);
		wrepl_open_reply(guard_before_end(f.byte, len), len, &msg,
				 &used, &body);
		assert_true(used <= len);
		len = len < 4 ? 0 : len - 4;
		memmove(f.byte, f.byte + 4, len);
		if (decode(&f, len, &msg) == WREPL_OK) {
			for (uint32_t at = 0; at < msg.owners; at++) {
				wrepl_table_owner(&msg, at, &owner);
			}
			good++;
		}
	}
	assert_true(good > 10000);
}

/* Lengths that a frame cannot have are not written. */
static void test_reply_too_long(void **state)
{
	uint8_t out[WREPL_REPLY_HEAD];

	(void)state;
	assert_int_equal(wrepl_encode_reply_head(out, 1, 1, UINT32_MAX - 20),
			 24);
	assert_memory_equal(out, "\xff\xff\xff\xff", 4);
	assert_int_equal(wrepl_encode_reply_head(out, 1, 1, UINT32_MAX - 19),
			 0);
	assert_int_equal(wrepl_encode_reply_head(out, 1, 1, UINT64_MAX), 0);
	assert_int_equal(wrepl_encode_reply_head(out, 1, 1, UINT64_MAX - 19),
			 0);
}

static void test_names_of_things(void **state)
{
	(void)state;
	assert_string_equal(wrepl_message_name(0, 0), "start");
	assert_string_equal(wrepl_message_name(1, 3), "start reply");
	assert_string_equal(wrepl_message_name(2, 0), "stop");
	assert_string_equal(wrepl_message_name(3, 0), "table query");
	assert_string_equal(wrepl_message_name(3, 3), "send reply");
	assert_string_equal(wrepl_message_name(3, 9), "inform2");
	assert_string_equal(wrepl_message_name(3, 6), "?");
	assert_string_equal(wrepl_message_name(3, 10), "?");
	assert_string_equal(wrepl_message_name(4, 0), "?");
	assert_string_equal(wrepl_message_name(UINT32_MAX, 0), "?");
	for (int error = 0; error < WREPL_ERRORS; error++) {
		assert_string_not_equal(wrepl_error_name(error), "?");
	}
	assert_string_equal(wrepl_error_name(WREPL_ERRORS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_lengths),
		cmocka_unit_test(test_owner_counts),
		cmocka_unit_test(test_name_counts),
		cmocka_unit_test(test_address_counts),
		cmocka_unit_test(test_cut_frames),
		cmocka_unit_test(test_cut_open),
		cmocka_unit_test(test_cut_reply),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_cut_records),
		cmocka_unit_test(test_noise_in_records),
		cmocka_unit_test(test_noise_in_frames),
		cmocka_unit_test(test_reply_too_long),
		cmocka_unit_test(test_names_of_things),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
