/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What reading and writing wins.dat have in common. */
#ifndef WINSMIGRATE_FORMAT_WINSDAT_H
#define WINSMIGRATE_FORMAT_WINSDAT_H

#include <iconv.h>

#include "migrate/format.h"

#define WINSDAT_HEAD	"VERSION 1 0\n"
#define WINSDAT_MARGIN	60	/* s: what has less life left nmbd drops */
#define WINSDAT_OEM	"CP850"	/* `dos charset` of the suite */

enum winsdat_flag {		/* the high byte of NB_FLAGS */
	WINSDAT_GROUP = 0x80,
	WINSDAT_ACTIVE = 0x04,
};
#define WINSDAT_NODE_SHIFT	5

struct winsdat_writer;

/* Names there are UTF-8, names of NetBIOS are bytes of the OEM charset. */
bool winsdat_convert(iconv_t convert, const char *from, size_t len, char *to,
		     size_t size, size_t *got);

int winsdat_writer_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
			struct winsdat_writer **writer);
int winsdat_writer_put(struct winsdat_writer *writer, const struct row *row);
int winsdat_writer_close(struct winsdat_writer *writer);

#endif
