/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A main() for fuzz targets in builds without libFuzzer: runs the target on
 * each file named, folders walked, and on the empty input. So the corpus is a
 * test of every build, under every sanitizer.
 *
 * Each input is copied into memory of exactly its size, where a sanitizer
 * sees the byte behind it.
 */

#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

static unsigned int files;

static int run_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size > 0 ? size : 1);
	FILE *f = fopen(path, "rb");
	int ret = -1;

	if (f != NULL && data != NULL && fread(data, 1, size, f) == size) {
		LLVMFuzzerTestOneInput(data, size);
		files++;
		ret = 0;
	} else {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	}
	if (f != NULL) {
		fclose(f);
	}
	free(data);
	return ret;
}

static int visit(const char *path, const struct stat *st, int kind,
		 struct FTW *where)
{
	(void)where;
	if (kind == FTW_NS || kind == FTW_DNR) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return -1;
	}
	return kind == FTW_F ? run_file(path, (size_t)st->st_size) : 0;
}

int main(int argc, char **argv)
{
	static const uint8_t nothing[1];

	LLVMFuzzerTestOneInput(nothing, 0);
	for (int i = 1; i < argc; i++) {
		if (nftw(argv[i], visit, 16, FTW_PHYS) != 0) {
			return 1;
		}
	}
	printf("%u files\n", files);
	return argc > 1 && files == 0 ? 1 : 0;
}
