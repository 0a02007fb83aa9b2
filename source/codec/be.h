/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Big-endian numbers in byte strings, as both protocols and our records on
 * disk have them. No bounds are checked here: whoever calls has done it, and
 * says so by the length test right above the call.
 */
#ifndef WINSD_CODEC_BE_H
#define WINSD_CODEC_BE_H

#include <stdint.h>

static inline uint16_t be16_get(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32_get(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t be64_get(const uint8_t *p)
{
	return (uint64_t)be32_get(p) << 32 | be32_get(p + 4);
}

static inline uint8_t *be16_put(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
	return p + 2;
}

static inline uint8_t *be32_put(uint8_t *p, uint32_t value)
{
	p = be16_put(p, (uint16_t)(value >> 16));
	return be16_put(p, (uint16_t)value);
}

static inline uint8_t *be64_put(uint8_t *p, uint64_t value)
{
	p = be32_put(p, (uint32_t)(value >> 32));
	return be32_put(p, (uint32_t)value);
}

#endif
