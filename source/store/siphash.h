/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SipHash, the keyed hash of Aumasson and Bernstein (2012): whoever does not
 * know the key cannot choose names that fall into one bucket. c rounds per
 * word, d at the end; the table uses 1 and 3, which is what hash tables need;
 * the paper's test vectors are for 2 and 4.
 */
#ifndef WINSD_STORE_SIPHASH_H
#define WINSD_STORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint64_t key[2], const void *data, size_t len,
		 unsigned int c, unsigned int d);

#endif
