/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Facts of the kernel and words of the administrator, see ifaces.h.
 *
 * The mask decides the broadcast address. A mask that is written in the word
 * wins over the interface's, as in the suite; the interface's own broadcast
 * address is taken only when the masks agree. Networks of one or two
 * addresses (/32, /31: RFC 3021) have none.
 *
 * Rejected: resolving host names in words (the suite does; a server that
 * hangs in DNS at start, and again at every change of an address, helps
 * nobody) and asking netlink for the addresses ourselves (getifaddrs does).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "net/ifaces.h"

#define WORD_MAX	64	/* longer than any name or ADDR/MASK */

struct match {
	const struct iface_fact *fact;
	unsigned int facts;
	struct serve_iface *iface;
	unsigned int max;
	unsigned int count;
	bool overflow;
	bool hit;		/* the word at hand stands for something */
};

/* ---- facts ---- */

static uint32_t sockaddr_ip(const struct sockaddr *sa)
{
	struct sockaddr_in in;

	if (sa == NULL || sa->sa_family != AF_INET) {
		return 0;
	}
	memcpy(&in, sa, sizeof(in));
	return ntohl(in.sin_addr.s_addr);
}

static struct iface_fact fact_make(const struct ifaddrs *ifa)
{
	struct iface_fact fact = {
		.ip = sockaddr_ip(ifa->ifa_addr),
		.mask = sockaddr_ip(ifa->ifa_netmask),
		.up = (ifa->ifa_flags & IFF_UP) != 0,
		.loopback = (ifa->ifa_flags & IFF_LOOPBACK) != 0,
		.broadcasts = (ifa->ifa_flags & IFF_BROADCAST) != 0,
	};

	snprintf(fact.name, sizeof(fact.name), "%s", ifa->ifa_name);
	if (fact.broadcasts) {
		fact.broadcast = sockaddr_ip(ifa->ifa_broadaddr);
	}
	return fact;
}

int ifaces_list(struct iface_fact *fact, unsigned int max,
		unsigned int *count)
{
	struct ifaddrs *list = NULL;
	const struct ifaddrs *ifa = NULL;

	*count = 0;
	if (getifaddrs(&list) != 0) {
		return errno;
	}
	for (ifa = list; ifa != NULL && *count < max; ifa = ifa->ifa_next) {
		if (sockaddr_ip(ifa->ifa_addr) != 0) {
			fact[(*count)++] = fact_make(ifa);
		}
	}
	freeifaddrs(list);
	return 0;
}

/* ---- one address ---- */

static uint32_t broadcast_of(const struct iface_fact *fact, uint32_t ip,
			     uint32_t mask)
{
	if (!fact->broadcasts && !fact->loopback) {
		return 0;
	}
	if (~mask <= 1) {
		return 0;
	}
	if (mask == fact->mask && fact->broadcast != 0) {
		return fact->broadcast;
	}
	return ip | ~mask;
}

static void match_add(struct match *m, const struct iface_fact *fact,
		      uint32_t ip, uint32_t mask)
{
	unsigned int i;

	m->hit = true;
	for (i = 0; i < m->count; i++) {
		if (m->iface[i].ip == ip) {
			return;
		}
	}
	if (m->count == m->max) {
		m->overflow = true;
		return;
	}
	m->iface[m->count++] = (struct serve_iface) {
		.ip = ip,
		.mask = mask,
		.broadcast = broadcast_of(fact, ip, mask),
	};
}

/* ---- words ---- */

static void match_address(struct match *m, uint32_t ip, uint32_t mask)
{
	const struct iface_fact *fact = NULL;
	bool whole = nb_addr_is_network(ip, mask);
	unsigned int i;

	for (i = 0; i < m->facts; i++) {
		fact = &m->fact[i];
		if (!fact->up) {
			continue;
		}
		if (whole && ((fact->ip ^ ip) & mask) == 0) {
			match_add(m, fact, fact->ip, mask);
		} else if (fact->ip == ip ||
			   (!whole && fact->loopback &&
			    nb_addr_is_loopback(ip))) {
			match_add(m, fact, ip, mask ? mask : fact->mask);
		}
	}
}

/* eth0 also means its labels eth0:1, eth0:2 ... */
static bool name_matches(const char *word, const char *name)
{
	char base[IFNAMSIZ];

	if (fnmatch(word, name, 0) == 0) {
		return true;
	}
	snprintf(base, sizeof(base), "%s", name);
	base[strcspn(base, ":")] = '\0';
	return fnmatch(word, base, 0) == 0;
}

static void match_name(struct match *m, const char *word)
{
	const struct iface_fact *fact = NULL;
	unsigned int i;

	for (i = 0; i < m->facts; i++) {
		fact = &m->fact[i];
		if (fact->up && name_matches(word, fact->name)) {
			match_add(m, fact, fact->ip, fact->mask);
		}
	}
}

static bool word_is_ipv6(const char *word)
{
	const char *colon = strchr(word, ':');

	return colon != NULL && strchr(colon + 1, ':') != NULL;
}

static void match_word(struct match *m, const char *text)
{
	char word[WORD_MAX];
	uint32_t ip = 0;
	uint32_t mask = 0;
	size_t len = strcspn(text, ";");

	m->hit = false;
	if (len >= sizeof(word)) {
		return;
	}
	memcpy(word, text, len);
	word[len] = '\0';
	if (len == 0 || word_is_ipv6(word)) {
		m->hit = true;
	} else if (nb_addr_parse_masked(word, &ip, &mask)) {
		match_address(m, ip, mask);
	} else {
		match_name(m, word);
	}
}

static void match_everything(struct match *m)
{
	const struct iface_fact *fact = NULL;
	unsigned int i;

	for (i = 0; i < m->facts; i++) {
		fact = &m->fact[i];
		if (fact->up && !fact->loopback) {
			match_add(m, fact, fact->ip, fact->mask);
		}
	}
}

int ifaces_match(const char *const *words, const struct iface_fact *fact,
		 unsigned int facts, struct serve_iface *iface,
		 unsigned int max, unsigned int *count,
		 bool idle[IFACES_WORDS_MAX])
{
	struct match m = {
		.fact = fact,
		.facts = facts,
		.iface = iface,
		.max = max,
	};
	unsigned int i;

	if (words == NULL || words[0] == NULL) {
		match_everything(&m);
	}
	for (i = 0; words != NULL && words[i] != NULL; i++) {
		match_word(&m, words[i]);
		if (idle != NULL && i < IFACES_WORDS_MAX) {
			idle[i] = !m.hit;
		}
	}
	*count = m.count;
	return m.overflow ? E2BIG : 0;
}
