/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tdb file as bytes, in this machine's order, as libtdb of version 6 files
 * writes it: a header of 168 bytes, the head of the free list, the heads of the
 * chains, then records of 24 bytes and what they hold.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults/judge.h"

#define VERSION		(0x26011967u + 6)
#define HEADER		168u
#define RECORD		24u
#define USED		0x26011999u
#define FREE		0xd9fee666u
#define DEAD		0xfee1deadu
#define RECOVERY	0xf53bc0e7u	/* or 0: an area without a content */

struct area {
	uint32_t from;
	uint32_t to;
};

struct bytes {
	uint8_t *data;
	size_t len;
	struct area *area;
	size_t areas;
	char wrong[120];
};

static uint32_t word(const struct bytes *b, size_t at)
{
	uint32_t value = 0;

	memcpy(&value, b->data + at, sizeof(value));
	return value;
}

static bool bad(struct bytes *b, const char *what, uint32_t at)
{
	if (*b->wrong == '\0') {
		snprintf(b->wrong, sizeof(b->wrong), "%s at %u", what, at);
	}
	return false;
}

/* One record: is it in the file, is it of this kind? */
static bool take(struct bytes *b, uint32_t at, uint32_t magic)
{
	uint32_t len = 0, is = 0;

	if (at < HEADER || at > b->len - RECORD) {
		return bad(b, "a pointer that leads out of the file", at);
	}
	len = word(b, at + 4);
	is = word(b, at + 20);
	if (len > b->len - RECORD - at) {
		return bad(b, "a record longer than the file", at);
	}
	if (is != magic && !(magic == USED && is == DEAD) &&
	    !(magic == RECOVERY && is == 0)) {
		return bad(b, "a record of another kind", at);
	}
	if (magic == USED && (uint64_t)word(b, at + 8) + word(b, at + 12) >
				     len) {
		return bad(b, "a key and value longer than the record", at);
	}
	if (magic != RECOVERY && len >= 4 && word(b, at + RECORD + len - 4) !=
					 len + RECORD) {
		return bad(b, "an end that does not fit its record", at);
	}
	if (b->areas > b->len / RECORD) {
		return bad(b, "a chain without an end", at);
	}
	b->area[b->areas++] = (struct area){ at, at + RECORD + len };
	return true;
}

static bool take_chain(struct bytes *b, uint32_t head, uint32_t magic)
{
	uint32_t at = word(b, head);

	while (at != 0) {
		if (!take(b, at, magic)) {
			return false;
		}
		at = word(b, at);
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct area *one = a, *other = b;

	return (one->from > other->from) - (one->from < other->from);
}

static bool is_good(struct bytes *b)
{
	uint32_t chains = 0;

	if (b->len < HEADER || word(b, 32) != VERSION) {
		return bad(b, "no tdb header", 0);
	}
	chains = word(b, 36);
	if ((b->len - HEADER) / 4 < (uint64_t)chains + 1) {
		return bad(b, "more chains than the file can have", 36);
	}
	for (uint32_t i = 0; i <= chains; i++) {
		if (!take_chain(b, HEADER + 4 * i, i == 0 ? FREE : USED)) {
			return false;
		}
	}
	if (word(b, 44) != 0 && !take(b, word(b, 44), RECOVERY)) {
		return false;
	}
	qsort(b->area, b->areas, sizeof(*b->area), compare);
	for (size_t i = 0; i < b->areas; i++) {
		uint32_t before = i > 0 ? b->area[i - 1].to :
					  HEADER + 4 * (chains + 1);

		if (b->area[i].from < before) {
			return bad(b, "two records in one place",
				   b->area[i].from);
		}
	}
	return true;
}

const char *judge_tdb(const char *path)
{
	static char wrong[120];
	struct bytes b = { .wrong = "" };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = false;

	if (fd < 0 || fstat(fd, &st) != 0) {
		return "it cannot be read";
	}
	b.len = (size_t)st.st_size;
	b.data = malloc(b.len + 1);
	b.area = calloc(b.len / RECORD + 2, sizeof(*b.area));
	good = b.data != NULL && b.area != NULL &&
	       read(fd, b.data, b.len) == st.st_size && is_good(&b);
	memcpy(wrong, b.wrong, sizeof(wrong));
	close(fd);
	free(b.data);
	free(b.area);
	return good ? NULL : wrong;
}
