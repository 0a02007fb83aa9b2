/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names on the wire: first-level encoding (RFC 1001 14.1), scope labels and
 * compression pointers (RFC 1002 4.1), as protocol.md 1.2 narrows them.
 */
#ifndef WINSD_CODEC_NBNAME_H
#define WINSD_CODEC_NBNAME_H

#include "core/name.h"

/* 1 + 32, the scope with a length for each label, the root: 34 + 239 */
#define NBNAME_WIRE_MAX	(34 + 1 + NB_SCOPE_MAX)

/*
 * Decode the name at *pos of the datagram and set *pos behind it. Pointers
 * must point to before the piece of the name that they stand in, and not into
 * the header of 12 bytes; at most 5 are followed. label receives the raw
 * bytes of the first label (both may be NULL). False: *pos stands, name and
 * label are undefined.
 *
 * Refused, beyond what protocol.md 1.2 says: a scope label that contains a
 * dot or a NUL, because a replica could not carry it and two wire names would
 * be one record; and the root alone, which has no NetBIOS name in it.
 */
bool nbname_decode(const uint8_t *data, size_t len, size_t *pos,
		   struct nb_name *name, uint8_t label[16], uint8_t *label_len);

/*
 * Encode at buf; returns the length or 0 if the scope has an empty label or
 * one over 63 bytes, or size is too small. "*" is padded with NUL bytes, all
 * other names with spaces.
 */
size_t nbname_encode(uint8_t *buf, size_t size, const struct nb_name *name);

/* The same with the first label given raw, 1 to 16 bytes, as an echo needs
 * it. */
size_t nbname_encode_raw(uint8_t *buf, size_t size, const uint8_t *label,
			 uint8_t label_len, const struct nb_name *scope_of);

#endif
