/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A damaged wins.ldb: the input says where a sound one of three records is cut
 * and which of its bytes become others (two bytes, then three for each, which
 * count those that are not 0: most of such a file is). It is read, or refused
 * with a message; what libldb makes of it is its child's end.
 */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "migrate/formats.h"

static const struct format_options options = {
	.now = 1795000000,
	.owner_zero = 0x0a353a0b,
};

static char path[] = "/tmp/fuzz_ldb.XXXXXX";
static uint8_t image[1 << 22];
static size_t image_len;
static uint32_t filled[1 << 16];	/* where bytes are not 0 */
static size_t filled_len;

static void write_three(TALLOC_CTX *mem, const char *to)
{
	struct format_end end = { .path = to, .options = &options,
				  .tally = tally_create(mem, NULL) };
	char *message = NULL;
	void *priv = NULL;

	MUST(format_ldb.open(mem, &end, true, &priv, &message) == 0);
	for (unsigned int i = 0; i < 3; i++) {
		struct row row = { .known = ROW_ALL };
		char name = (char)('A' + i);

		row.rec.name = nb_name_make(&name, 1, 0x20);
		row.rec.owner = i == 0 ? options.owner_zero : 0xc0000201;
		row.rec.version = i + 1;
		row.rec.count = 1;
		row.rec.member[0].ip = 0xc0000207;
		MUST(format_ldb.put(priv, &row, &message) == 0);
	}
	MUST(format_ldb.close(priv, &message) == 0);
}

static void make_image(TALLOC_CTX *mem)
{
	int fd = mkstemp(path);

	MUST(fd != -1);
	write_three(mem, path);
	image_len = (size_t)pread(fd, image, sizeof(image), 0);
	MUST(image_len > 4096 && image_len < sizeof(image));
	MUST(close(fd) == 0 && unlink(path) == 0);
	for (size_t i = 0; i < image_len && filled_len < 1 << 16; i++) {
		if (image[i] != 0) {
			filled[filled_len++] = (uint32_t)i;
		}
	}
}

static void save(const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t cut = size < 2 ? 0 : (size_t)(data[0] << 8 | data[1]) * 64;
	size_t len = cut == 0 || cut > image_len ? image_len : cut;

	MUST(fd != -1);
	MUST(write(fd, image, len) == (ssize_t)len);
	for (size_t at = 2; at + 3 <= size; at += 3) {
		size_t which = (size_t)(data[at] << 8 | data[at + 1]);

		MUST(pwrite(fd, &data[at + 2], 1,
			    (off_t)filled[which % filled_len]) == 1);
	}
	MUST(close(fd) == 0);
}

static void read_all(TALLOC_CTX *mem)
{
	struct format_end end = { .path = path, .options = &options,
				  .tally = tally_create(mem, NULL) };
	enum format_step step = FORMAT_SKIPPED;
	char *message = NULL;
	void *priv = NULL;
	struct row row;

	if (format_ldb.open(mem, &end, false, &priv, &message) != 0) {
		MUST(message != NULL && strchr(message, '\n') == NULL);
		return;
	}
	while (step == FORMAT_ROW || step == FORMAT_SKIPPED) {
		step = format_ldb.next(priv, &row, &message);
		MUST(step != FORMAT_ROW || row.kind == ROW_OPTION ||
		     nb_record_broken(&row.rec) == NULL);
	}
	MUST(format_ldb.close(priv, &message) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);

	if (image_len == 0) {
		make_image(mem);
	}
	save(data, size);
	read_all(mem);
	MUST(unlink(path) == 0);
	talloc_free(mem);
	return 0;
}
