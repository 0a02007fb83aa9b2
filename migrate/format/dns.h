/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people leave WINS for: hosts files, zones, scripts for DNS servers.
 *
 * Which names go there is decided in one place, dns.c; a writer is a function
 * that prints the list of them. Everything in a list may be printed as it is:
 * letters of lower case, digits, hyphens and dots, and nothing else.
 */
#ifndef WINSMIGRATE_FORMAT_DNS_H
#define WINSMIGRATE_FORMAT_DNS_H

#include "migrate/format.h"

#define DNS_LABEL	(NB_NAME_MAX + 1)	/* a name and its NUL */
#define DNS_NAME	254			/* the longest, and its NUL */
#define DNS_LOSS	"all but hosts with one address: groups, domains, " \
			"users, services"
#define DNS_REVERSE	30			/* "255.255.255.255.in-addr.." */

/* ---- names (dns_name.c) ---- */

/* The name in lower case; false: DNS cannot carry it (RFC 1123 2.1). */
bool dns_label_make(const struct nb_name *name, char label[DNS_LABEL]);

/*
 * A domain or host name of letters, digits and hyphens in lower case without
 * the dot at its end; false: it is none, or longer than most bytes.
 */
bool dns_domain_parse(const char *text, size_t most, char domain[DNS_NAME]);

/* A zone of IPv4 addresses: x.y.z.in-addr.arpa. */
struct dns_reverse {
	char zone[DNS_REVERSE];
	uint32_t net;
	unsigned int octets;		/* of net that the zone's name says */
};

bool dns_reverse_parse(const char *text, struct dns_reverse *reverse);
bool dns_reverse_has(const struct dns_reverse *reverse, uint32_t ip);

/* The name of an address below the zone: "83" or "83.2". Returns text. */
char *dns_reverse_print(const struct dns_reverse *reverse, uint32_t ip,
			char text[NB_ADDR_TEXT]);

/* The address that d.c.b.a.in-addr.arpa stands for; false: for none. */
bool dns_reverse_address(const char *name, uint32_t *ip);

/* ---- names that are taken (dns_taken.c) ---- */

struct dns_taken;

enum dns_taken_by {
	DNS_FREE,
	DNS_SAME,		/* it has this address, and no other */
	DNS_OTHER_ADDRESS,
	DNS_OTHER_KIND,		/* an alias, or a zone of its own */
};

/*
 * Read a zone, as a file or as a transfer prints it, or a hosts file. domain,
 * and the zone of addresses: "" where none is given. 0 or an errno with
 * *message, on mem_ctx.
 */
int dns_taken_read(TALLOC_CTX *mem_ctx, FILE *file, const char *path,
		   const char *domain, const char *reverse,
		   struct dns_taken **taken, char **message);

/* How many lines there were about names that ours could clash with. */
size_t dns_taken_count(const struct dns_taken *taken);

enum dns_taken_by dns_taken_look(const struct dns_taken *taken,
				 const char *label, uint32_t ip);

/* Has the address a PTR record? */
bool dns_taken_pointer(const struct dns_taken *taken, uint32_t ip);

/* ---- the list (dns.c) ---- */

struct dns_entry {
	char name[DNS_LABEL];
	uint32_t ip;
	bool pointer;			/* a PTR record, too */
};

struct dns_list {
	char domain[DNS_NAME];		/* "": none */
	char server[DNS_NAME];		/* a name or an address; "": none */
	bool server_is_address;
	bool has_reverse;
	struct dns_reverse reverse;
	uint32_t ttl;
	uint32_t serial;		/* grows with time */
	const struct dns_entry *entry;	/* sorted by name */
	uint32_t count;
};

enum dns_flag {
	DNS_NEEDS_DOMAIN = 1,
	DNS_POINTERS = 2,		/* PTR records besides, by --reverse */
	DNS_REVERSE_ALONE = 4,		/* or nothing else */
	DNS_SERVER_NAME = 8,		/* --server must be a name */
};

struct dns_writer {
	unsigned int flags;		/* enum dns_flag, or-ed */
	/* Why this name cannot be written, a literal, or NULL. NULL: all can */
	const char *(*refuse)(const struct dns_list *list, const char *name);
	void (*print)(FILE *file, const struct dns_list *list);
};

/* open, put and close of all these formats. */
int dns_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
	     const struct dns_writer *writer, void **priv, char **message);
int dns_put(void *priv, const struct row *row, char **message);
int dns_close(void *priv, char **message);

#endif
