/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of an ESE database: whether there is any use in reading on.
 */
#ifndef WINSMIGRATE_ESE_HEAD_H
#define WINSMIGRATE_ESE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESE_HEAD_BYTES 668u	/* what of it has a meaning */
#define ESE_HEAD_TEXT 500u

struct ese_head {
	uint32_t version, revision, page_size;
};

bool ese_head_is(const uint8_t *data, size_t len);	/* the signature */

/* A clean database of a kind that can be read; else *why says what to do. */
bool ese_head_check(const uint8_t *data, size_t len, uint64_t size,
		    struct ese_head *head, char why[ESE_HEAD_TEXT]);

/* Is the sum of the header, a page of zeros behind it included, right? */
bool ese_head_right(const struct ese_head *head, const uint8_t *page);

/*
 * Is the sum of this page right? number: 1 for the first behind the header and
 * its copy. A page of zeros was never used, and is right.
 */
bool ese_page_right(const struct ese_head *head, const uint8_t *page,
		    uint32_t number);

#endif
