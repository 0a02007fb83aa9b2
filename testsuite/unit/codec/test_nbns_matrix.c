/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every datagram of testsuite/sim/nbns_shapes against the oracle: the codec
 * accepts exactly what protocol.md 1.6 and 1.4 accept, as the same kind, and
 * reads no byte outside (the datagram ends at a page without permissions).
 * The service's own regression for CVE-2026-3238 and its elder relatives:
 * every opcode with zero, one, two and 65535 of everything.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "codec/nbns.h"
#include "sim/guard.h"
#include "sim/nbns_oracle.h"
#include "sim/nbns_shapes.h"

/* Look at everything that the message says it has. */
static uint32_t touch(const struct nbns_msg *msg)
{
	uint32_t sum = msg->name.scope_len;
	struct nb_status_name entry;

	for (unsigned int i = 0; i < msg->rdlength; i++) {
		sum += msg->rdata[i];
	}
	for (unsigned int i = 0; i < msg->count; i++) {
		sum += msg->addrs[i];
	}
	for (unsigned int i = 0; nbns_status_entry(msg, i, &entry); i++) {
		sum += entry.nb_flags;
	}
	return sum;
}

static uint32_t sum_of_all;
static unsigned int kinds[NBNS_KINDS];
static unsigned int errors[NBNS_ERRORS];

static void check(const uint8_t *data, size_t len, uint32_t n)
{
	int expected = nbns_oracle(data, len);
	struct nbns_msg msg;
	enum nbns_error error = nbns_decode(data, len, &msg);

	if (error == NBNS_OK) {
		sum_of_all += touch(&msg);
	}
	if ((error == NBNS_OK) != (expected >= 0) ||
	    (error == NBNS_OK && msg.kind != expected)) {
		fail_msg("datagram %u, %zu bytes: oracle says %s, codec %s",
			 n, len, expected < 0 ? "refuse" :
			 nbns_kind_name((enum nbns_kind)expected),
			 error != NBNS_OK ? nbns_error_name(error) :
			 nbns_kind_name(msg.kind));
	}
	errors[error]++;
	if (error == NBNS_OK) {
		kinds[msg.kind]++;
	}
}

static void test_matrix(void **state)
{
	uint8_t buf[NBNS_SHAPE_MAX];

	(void)state;
	for (uint32_t n = 0; n < NBNS_MATRIX_COUNT; n++) {
		size_t len = nbns_matrix_at(n, buf);

		check(guard_before_end(buf, len), len, n);
	}
	for (int i = 0; i < NBNS_KINDS; i++) {
		printf("# %-16s %u\n", nbns_kind_name(i), kinds[i]);
		assert_true(kinds[i] > 0);
	}
	for (int i = 0; i < NBNS_ERRORS; i++) {
		printf("# %-16s %u\n", nbns_error_name(i), errors[i]);
	}
}

/*
 * Cut each shape at every byte. What is accepted whole must be refused cut
 * by even one byte: every byte of these datagrams is counted for.
 */
static void test_truncation(void **state)
{
	uint8_t buf[NBNS_SHAPE_MAX];

	(void)state;
	for (uint32_t n = 0; n < NBNS_PATH_COUNT; n++) {
		size_t len = nbns_path_at(n, buf);

		check(guard_before_end(buf, len), len, n);
		check(guard_after_start(buf, len), len, n);
		for (size_t cut = 0; cut < len; cut++) {
			const uint8_t *at = guard_before_end(buf, cut);
			struct nbns_msg msg;

			check(at, cut, n);
			assert_int_not_equal(nbns_decode(at, cut, &msg),
					     NBNS_OK);
		}
	}
}

/* Every byte of each shape turned into some others: no crash, same verdict. */
static void test_flips(void **state)
{
	static const uint8_t flip[] = { 0x01, 0x20, 0x3f, 0x80, 0xc0, 0xff };
	uint8_t buf[NBNS_SHAPE_MAX];

	(void)state;
	for (uint32_t n = 0; n < NBNS_PATH_COUNT; n += 3) {
		size_t len = nbns_path_at(n, buf);

		for (size_t i = 0; i < len; i++) {
			uint8_t before = buf[i];

			buf[i] ^= flip[(n + i) % sizeof(flip)];
			check(guard_before_end(buf, len), len, n);
			buf[i] = before;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_flips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
