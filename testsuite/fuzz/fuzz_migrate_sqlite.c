/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An SQLite database of any bytes: rows that could be stored, or an end with a
 * message. It lies in memory, under a name that libsqlite3 can open.
 */

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/migrate_there.h"
#include "migrate/formats.h"

static void read_all(TALLOC_CTX *mem, const char *path)
{
	const struct format_options options = { .now = 1795000000 };
	struct there there = { .ops = &format_sqlite };
	struct format_end end = { .path = path, .options = &options };
	enum format_step step = FORMAT_SKIPPED;
	char *message = NULL;
	void *priv = NULL;
	struct row row;

	end.tally = tally_create(mem, NULL);
	if (format_sqlite.open(mem, &end, false, &priv, &message) != 0) {
		there_text(message);
		return;
	}
	while (step == FORMAT_ROW || step == FORMAT_SKIPPED) {
		step = format_sqlite.next(priv, &row, &message);
		if (step == FORMAT_ROW) {
			there_row(&there, &row);
		}
	}
	if (step == FORMAT_FAILED) {
		there_text(message);
	}
	MUST(format_sqlite.close(priv, &message) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[64];

	MUST(fd != -1);
	MUST(write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_all(mem, path);
	MUST(close(fd) == 0);
	talloc_free(mem);
	return 0;
}
