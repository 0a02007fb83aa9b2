/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * STATE/usage.tdb as a file: an image of what is to be in it, written whole,
 * and read again. Nothing here knows a server; everything may run in any
 * thread. No talloc.
 */
#ifndef WINS_USAGE_FILE_H
#define WINS_USAGE_FILE_H

#include "codec/usage.h"

/* More than what all tables can be: such a file is none of ours. */
#define USAGE_FILE_MAX	(32u << 20)

struct usage_image {
	struct usage_head head;		/* its sums are filled by writing */
	struct usage_bytes {
		uint8_t *data;		/* malloc'ed */
		size_t len, size;
	} part[USAGE_PARTS];
};

/* Append; 0 or ENOMEM. */
int usage_image_add(struct usage_image *image, enum usage_part part,
		    const uint8_t *data, size_t len);
void usage_image_empty(struct usage_image *image);	/* free all of it */

/*
 * Write PATH.new, sync it and give it the name: there is the old file or the
 * new one. 0 or an errno; ENOSPC also if it would take the last of the disk.
 */
int usage_file_write(const char *path, struct usage_image *image);

/*
 * Read into an empty image. 0; ENOENT; EILSEQ: it is damaged or not ours;
 * EPROTONOSUPPORT: of another format; or an errno.
 */
int usage_file_read(const char *path, struct usage_image *image);

#endif
