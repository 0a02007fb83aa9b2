/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SipHash-c-d, written from the paper's description (section 2): four words
 * of state, ARX rounds, little endian input, the length in the last byte.
 */

#include <endian.h>
#include <string.h>

#include "store/siphash.h"

struct sip {
	uint64_t v0;
	uint64_t v1;
	uint64_t v2;
	uint64_t v3;
};

static inline uint64_t rotl(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void rounds(struct sip *s, unsigned int count)
{
	while (count-- > 0) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 = rotl(s->v0, 32);
		s->v2 += s->v1;
		s->v0 += s->v3;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v2 = rotl(s->v2, 32);
	}
}

static inline uint64_t word(const uint8_t *in)
{
	uint64_t value = 0;

	memcpy(&value, in, sizeof(value));
	return le64toh(value);
}

static inline uint64_t last_bytes(const uint8_t *in, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		value |= (uint64_t)in[i] << (8 * i);
	}
	return value;
}

static inline void take(struct sip *s, uint64_t m, unsigned int c)
{
	s->v3 ^= m;
	rounds(s, c);
	s->v0 ^= m;
}

uint64_t siphash(const uint64_t key[2], const void *data, size_t len,
		 unsigned int c, unsigned int d)
{
	struct sip s = {
		.v0 = key[0] ^ 0x736f6d6570736575u,
		.v1 = key[1] ^ 0x646f72616e646f6du,
		.v2 = key[0] ^ 0x6c7967656e657261u,
		.v3 = key[1] ^ 0x7465646279746573u,
	};
	const uint8_t *in = data;
	size_t left = len;

	for (; left >= 8; left -= 8, in += 8) {
		take(&s, word(in), c);
	}
	take(&s, last_bytes(in, left) | (uint64_t)(len & 0xff) << 56, c);
	s.v2 ^= 0xff;
	rounds(&s, d);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
