/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IPv4 addresses are plain uint32_t in host byte order everywhere above the
 * codec: 192.0.2.1 is 0xc0000201. Only codec and net turn them round.
 */
#ifndef WINSD_CORE_ADDR_H
#define WINSD_CORE_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#define NB_ADDR_TEXT	16		/* "255.255.255.255" and its NUL */
#define NB_BROADCAST	0xffffffffu	/* what a normal group answers */

/* Print as dotted quad; returns text. */
char *nb_addr_print(uint32_t addr, char text[NB_ADDR_TEXT]);

/* Read a dotted quad of four decimal numbers and nothing else. */
bool nb_addr_parse(const char *text, uint32_t *addr);

/* Read what may stand behind ADDR/: 0 to 32 bits, or a mask without holes. */
bool nb_mask_parse(const char *text, uint32_t *mask);

/*
 * Read ADDR, ADDR/BITS or ADDR/MASK, as smb.conf names interfaces. *mask is 0
 * where none is given.
 */
bool nb_addr_parse_masked(const char *text, uint32_t *addr, uint32_t *mask);

/*
 * Is this the address of a whole network or its broadcast address, and no
 * host's? Without a mask, and in networks of one or two, nothing is.
 */
bool nb_addr_is_network(uint32_t addr, uint32_t mask);

bool nb_addr_is_loopback(uint32_t addr);	/* 127.0.0.0/8 */

/*
 * May a host hold this address? Not 0.0.0.0/8, not multicast, reserved or
 * the limited broadcast (224.0.0.0 and above).
 */
bool nb_addr_is_host(uint32_t addr);

#endif
