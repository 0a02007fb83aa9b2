/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes of TCP 42 put together by hand, word after word as protocol.md 3.3
 * lists them, for tests of what no encoder of ours would write.
 */
#ifndef WINSD_TEST_WREPL_FORGE_H
#define WINSD_TEST_WREPL_FORGE_H

#include <stdint.h>
#include <string.h>

#include "codec/wrepl.h"

struct forged {
	size_t len;
	uint8_t byte[8192];
};

static inline void forge_bytes(struct forged *f, const void *bytes, size_t len)
{
	memcpy(f->byte + f->len, bytes, len);
	f->len += len;
}

static inline void forge_fill(struct forged *f, uint8_t byte, size_t len)
{
	memset(f->byte + f->len, byte, len);
	f->len += len;
}

/* Big endian. */
static inline void forge32(struct forged *f, uint32_t word)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		f->byte[f->len++] = (uint8_t)(word >> shift);
	}
}

/* Little endian. */
static inline void forge32le(struct forged *f, uint32_t word)
{
	for (int shift = 0; shift <= 24; shift += 8) {
		f->byte[f->len++] = (uint8_t)(word >> shift);
	}
}

/* Length, name, padding to the next multiple of four or four bytes more. */
static inline void forge_name(struct forged *f, const void *raw, size_t len)
{
	forge32(f, (uint32_t)len);
	forge_bytes(f, raw, len);
	forge_fill(f, 0, len % 4 == 0 ? 4 : 4 - len % 4);
}

/* Flags, group and version, with which every record goes on. */
static inline void forge_middle(struct forged *f, uint32_t flags)
{
	forge32(f, flags);
	forge32le(f, (flags & 3) == 1 || (flags & 3) == 2);
	forge32(f, 0x01020304);
	forge32(f, 0x05060708);
}

#define FORGED_IP	0x0a000001u	/* 10.0.0.1 */
#define FORGED_MEMBER	0x0a000100u	/* 10.0.1.0 and on: members of lists */
#define FORGED_OWNER	0xc0000202u	/* 192.0.2.2: theirs */

/* A whole record with one address. */
static inline void forge_single(struct forged *f, const void *raw, size_t len,
				uint32_t flags)
{
	forge_name(f, raw, len);
	forge_middle(f, flags);
	forge32(f, FORGED_IP);
	forge32(f, 0xffffffff);
}

/* A whole record with a list that says count and holds that many or fewer. */
static inline void forge_list(struct forged *f, uint32_t flags, uint32_t count,
			      uint32_t held)
{
	forge_name(f, "LIST           \x1c", 17);
	forge_middle(f, flags);
	forge32le(f, count);
	for (uint32_t i = 0; i < held; i++) {
		forge32(f, FORGED_OWNER);
		forge32(f, FORGED_MEMBER + i);
	}
	forge32(f, 0xffffffff);
}

/* The header of a frame's body and a REPLICATION's command, without a size. */
static inline void forge_command(struct forged *f, uint32_t command)
{
	forge32(f, 0x7800);
	forge32(f, 0xcafe0001);
	forge32(f, 3);
	forge32(f, command);
}

static inline void forge_owner(struct forged *f, uint32_t address)
{
	forge32(f, address);
	forge32(f, 0x01020304);
	forge32(f, 0x05060708);
	forge32(f, 0);
	forge32(f, 1);
	forge32(f, 1);
}

static inline enum wrepl_error forged_record(const struct forged *f,
					     struct nb_record *rec,
					     size_t *used)
{
	return wrepl_decode_record(f->byte, f->len, f->len, 0xc0000201, rec,
				   used);
}

#endif
