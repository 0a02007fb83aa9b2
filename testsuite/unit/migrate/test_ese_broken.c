/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A damaged wins.mdb ends in the rows that it had, or in others and a report
 * that says so, or in a message, whatever the library behind the walls makes
 * of it: 64 KiB of a made database, cut at each length, and with bits flipped.
 *
 * A sample here, for each image is read by up to five processes; with STEP=1
 * FLIPS=10000 in the environment, as in `./waf torture`, it is all of them.
 * SEED draws other flips. What was reached is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "migrate/formats.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SHARE 16	/* a fork is so much dearer */
#else
#define SHARE 1
#endif

#define IMAGE 65536u
#define TOLD 6144u	/* below, the header is not followed by a page */
#define HEADERS 8192u
#define ZERO 0xc0a80405u	/* 192.168.4.5, the maker's own server */

#define ROWS 40u

static uint8_t image[IMAGE];
static uint8_t broken[IMAGE];
static int file;
static unsigned int ended, failed, refused, all_right, noticed, died;
static struct nb_record right[ROWS];	/* of the image as it was made */

/* ---- the image ---- */

static int make_image(void **state)
{
	const char *top = getenv("WINSD_TOP");
	char folder[] = "/tmp/ese.XXXXXX";
	char command[4096];
	FILE *f = NULL;
	size_t got = 0;

	(void)state;
	if (mkdtemp(folder) == NULL) {
		return -1;
	}
	(void)snprintf(command, sizeof(command), "/usr/bin/python3 "
		       "%s/testsuite/ese/wins.py %s", top != NULL ? top : ".",
		       folder);
	if (system(command) != 0) {
		return -1;
	}
	(void)snprintf(command, sizeof(command), "%s/small.mdb", folder);
	f = fopen(command, "r");
	got = f != NULL ? fread(image, 1, sizeof(image), f) : 0;
	if (f != NULL) {
		(void)fclose(f);
	}
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	file = memfd_create("wins.mdb", MFD_CLOEXEC);
	return system(command) == 0 && got == sizeof(image) && file >= 0 ? 0 :
									   -1;
}

/* ---- reading one ---- */

static void good_message(const char *message)
{
	assert_non_null(message);
	assert_true(strlen(message) > 10);
}

/* Rows as they should be, or the report says that something is missing. */
static void is_honest(const struct tally *tally, const struct nb_record *recs,
		      unsigned int rows)
{
	struct tally_sums sums;

	tally_sums(tally, &sums);
	if (rows == ROWS && memcmp(recs, right, sizeof(right)) == 0) {
		all_right++;
		return;
	}
	noticed++;
	assert_true(sums.skipped + sums.missing > 0);
	assert_int_equal(tally_status(tally), 4);
}

/* Read it, and count how that ended. */
static unsigned int read_image(size_t len, struct nb_record recs[ROWS])
{
	struct format_options options = { .now = 1767225600,
					  .owner_zero = ZERO };
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tally *tally = tally_create(mem_ctx, NULL);
	char path[32];
	struct format_end end = { .path = path, .options = &options,
				  .tally = tally };
	enum format_step step = FORMAT_SKIPPED;
	struct row row;
	char *message = NULL;
	void *priv = NULL;
	unsigned int rows = 0;

	assert_int_equal(ftruncate(file, (off_t)len), 0);
	assert_int_equal(pwrite(file, broken, len, 0), (ssize_t)len);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (format_mdb.open(mem_ctx, &end, false, &priv, &message) != 0) {
		good_message(message);
		refused++;
		talloc_free(mem_ctx);
		return 0;
	}
	memset(recs, 0, ROWS * sizeof(recs[0]));
	while (step == FORMAT_ROW || step == FORMAT_SKIPPED) {
		step = format_mdb.next(priv, &row, &message);
		if (step == FORMAT_ROW) {
			assert_null(nb_record_broken(&row.rec));
			tally_read(tally, &row);
			recs[rows % ROWS] = row.rec;
			rows++;
		}
	}
	if (step == FORMAT_FAILED) {
		good_message(message);
		failed++;
		died += strstr(message, "died of signal") != NULL ? 1 : 0;
	} else {
		ended++;
	}
	assert_int_equal(format_mdb.close(priv, &message), 0);
	/* no child is left behind */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	if (step == FORMAT_END && right[0].count > 0) {
		is_honest(tally, recs, rows);
	}
	talloc_free(mem_ctx);
	return rows;
}

static void begin(void)
{
	memcpy(broken, image, sizeof(broken));
	ended = failed = refused = all_right = noticed = died = 0;
}

static void tell(const char *what)
{
	print_message("# %s: %u refused, %u failed (the library died in %u), "
		      "%u ended: %u with all rows right, %u noticed\n", what,
		      refused, failed, died, ended, all_right, noticed);
}

/* ---- tests ---- */

static void whole(void **state)
{
	(void)state;
	begin();
	assert_int_equal(read_image(IMAGE, right), ROWS);
	assert_int_equal(ended, 1);
}

static unsigned int from_environment(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

static void cut(void **state)
{
	struct nb_record recs[ROWS];
	unsigned int step = from_environment("STEP", 32 * SHARE);

	(void)state;
	begin();
	for (size_t len = 0; len < HEADERS; len += len < TOLD ? 1 : step) {
		(void)read_image(len, recs);
	}
	for (size_t len = HEADERS; len < IMAGE;
	     len += step == 1 ? 1 : 512 * SHARE) {
		(void)read_image(len, recs);
	}
	tell("cut");
	assert_true(refused > 0 && failed > 0);
}

static void flips(void **state)
{
	unsigned int count = from_environment("FLIPS", 160 / SHARE);
	uint64_t seed = from_environment("SEED", 1);
	struct nb_record recs[ROWS];

	(void)state;
	begin();
	for (unsigned int i = 0; i < count; i++) {
		size_t bit = 0;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		bit = (size_t)(seed >> 40) % (8 * IMAGE);
		broken[bit / 8] ^= (uint8_t)(1u << bit % 8);
		(void)read_image(IMAGE, recs);
		broken[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	tell("flipped");
	assert_int_equal(refused + failed + ended, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(cut),
		cmocka_unit_test(flips),
	};

	return cmocka_run_group_tests(tests, make_image, NULL);
}
