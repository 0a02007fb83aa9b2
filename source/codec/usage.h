/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who still asks (core/usage.h) as bytes of STATE/usage.tdb. Big endian; an
 * entry is checked when it is read: a file may be damaged.
 *
 *	head	u32 format, 16 bytes of key, u32 since, u32 saved, u64 sum of all
 *		clients, of all missing names and of all sets, as they stand
 *		in the file
 *	client	ip, local, first, last, registered, refreshed, found, negative,
 *		plain: u32 each; the sketch
 *	missing	first, last, count, client: u32 each; len, type, scope_len;
 *		15 bytes of name, 30 of scope
 *	set	u32 index, u32 forgotten, u8 n, n times u32 high, low, last
 */
#ifndef WINSD_CODEC_USAGE_H
#define WINSD_CODEC_USAGE_H

#include <stddef.h>

#include "core/usage.h"

#define USAGE_FORMAT		1
#define USAGE_HEAD_LEN		(28 + 8 * USAGE_PARTS)
#define USAGE_ENTRY_LEN		64	/* of a client, of a missing name */
#define USAGE_SET_MAX		(9 + 12 * USAGE_MARKS)

enum usage_part {
	USAGE_PART_CLIENTS,
	USAGE_PART_MISSING,
	USAGE_PART_SETS,
	USAGE_PARTS
};

struct usage_head {
	uint32_t format;
	uint64_t key[2];
	uint32_t since;		/* counted without a gap */
	uint32_t saved;		/* when this was written */
	uint64_t sum[USAGE_PARTS];	/* SipHash by the key */
};

void usage_head_encode(const struct usage_head *head,
		       uint8_t out[USAGE_HEAD_LEN]);
/* True also for a format that is not ours; then only that is filled. */
bool usage_head_decode(const uint8_t *data, size_t len,
		       struct usage_head *head);

void usage_client_encode(const struct usage_client *client,
			 uint8_t out[USAGE_ENTRY_LEN]);
bool usage_client_decode(const uint8_t data[USAGE_ENTRY_LEN],
			 struct usage_client *client);

void usage_missing_encode(const struct usage_missing *missing,
			  uint8_t out[USAGE_ENTRY_LEN]);
bool usage_missing_decode(const uint8_t data[USAGE_ENTRY_LEN],
			  struct usage_missing *missing);

/* Returns the length. */
size_t usage_set_encode(uint32_t index, const struct usage_set *set,
			uint8_t out[USAGE_SET_MAX]);
/* How many of len bytes it took; 0: there is no such thing. */
size_t usage_set_decode(const uint8_t *data, size_t len, uint32_t *index,
			struct usage_set *set);

#endif
