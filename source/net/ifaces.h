/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which addresses of this machine do we serve?
 *
 * The facts (what the kernel says) and the words (what the administrator
 * says: smb.conf's `interfaces`) meet in ifaces_match(), which opens nothing
 * and can be tested with made-up facts. ifaces_list() gets the facts.
 *
 * A word is one of
 *   eth0, eth*		every address of these interfaces
 *   ADDR		that address, with the mask of its interface
 *   ADDR/BITS, ADDR/MASK	that address with this mask; or, if ADDR is the
 *			network's own or its broadcast address, every address
 *			of ours in that network
 * What follows a ';' in a word (the suite's ";speed=...") is ignored, and so
 * are IPv6 addresses: NetBIOS over TCP/IP knows only IPv4.
 *
 * Loopback: any address of 127.0.0.0/8 is local although `lo` lists only
 * 127.0.0.1, so a word 127.0.0.11 is served as soon as `lo` is up
 * (protocol.md 9.1 needs that). Without any word loopback is left out: who
 * says nothing wants his network served, and a server on 127/8 accepts
 * registrations of such addresses.
 */
#ifndef WINSD_NET_IFACES_H
#define WINSD_NET_IFACES_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "serve/serve.h"

#define IFACES_FACTS_MAX	1024
#define IFACES_WORDS_MAX	256

/* One IPv4 address of an interface. Addresses in host byte order. */
struct iface_fact {
	char name[IFNAMSIZ];	/* label, maybe "eth0:1" */
	uint32_t ip;
	uint32_t mask;
	uint32_t broadcast;	/* 0: the interface has none */
	bool up;
	bool loopback;
	bool broadcasts;	/* not point-to-point and the like */
};

/*
 * What the kernel has now, at most max entries. 0 or an errno of
 * getifaddrs(3).
 */
int ifaces_list(struct iface_fact *fact, unsigned int max,
		unsigned int *count);

/*
 * The addresses to serve: in the order of the words, then of the facts, no
 * address twice. words ends with NULL; NULL or empty: every address that is
 * up, without loopback. idle, if not NULL, gets for each word whether it
 * stands for nothing at present (an IPv6 word never does).
 *
 * Returns 0, or E2BIG when more than max (at least 1) addresses match; the
 * first max are given.
 */
int ifaces_match(const char *const *words, const struct iface_fact *fact,
		 unsigned int facts, struct serve_iface *iface,
		 unsigned int max, unsigned int *count,
		 bool idle[IFACES_WORDS_MAX]);

#endif
