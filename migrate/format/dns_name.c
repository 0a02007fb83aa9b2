/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that DNS can carry.
 *
 * A label is letters, digits and hyphens, none of them at an end, 1 to 63
 * bytes (RFC 952, RFC 1123 2.1). DNS itself would take any byte; resolvers,
 * zone files and the shells that read our scripts do not, so nothing else
 * leaves this file. NetBIOS names with an underscore are common and are none.
 *
 * Reverse zones are cut at octets; those of RFC 2317 have names by agreement,
 * which nobody can guess.
 */
#include <stdlib.h>
#include <string.h>

#include "migrate/format/dns.h"

#define LABEL_MAX	63
#define ARPA		"in-addr.arpa"

/* The byte in lower case; 0: it may not stand in a name. */
static char lower(char byte)
{
	if (byte >= 'A' && byte <= 'Z') {
		return (char)(byte - 'A' + 'a');
	}
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
	       byte == '-' ? byte : '\0';
}

/* Copies len bytes in lower case; false: it is no label. */
static bool copy_label(const char *text, size_t len, char *out)
{
	if (len == 0 || len > LABEL_MAX || text[0] == '-' ||
	    text[len - 1] == '-') {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		out[i] = lower(text[i]);
		if (out[i] == '\0') {
			return false;
		}
	}
	return true;
}

bool dns_label_make(const struct nb_name *name, char label[DNS_LABEL])
{
	memset(label, 0, DNS_LABEL);
	return copy_label((const char *)name->byte, name->len, label);
}

bool dns_domain_parse(const char *text, size_t most, char domain[DNS_NAME])
{
	size_t len = strlen(text), from = 0;

	if (len > 0 && text[len - 1] == '.') {
		len--;
	}
	if (len > most || len >= DNS_NAME) {
		return false;
	}
	memset(domain, 0, DNS_NAME);
	while (from <= len) {
		const char *dot = memchr(text + from, '.', len - from);
		size_t end = dot != NULL ? (size_t)(dot - text) : len;

		if (!copy_label(text + from, end - from, domain + from)) {
			return false;
		}
		if (end < len) {
			domain[end] = '.';
		}
		from = end + 1;
	}
	return true;
}

/* ---- reverse zones ---- */

bool dns_reverse_parse(const char *text, struct dns_reverse *reverse)
{
	char name[DNS_NAME], quad[NB_ADDR_TEXT + 8];
	const char *arpa = NULL;
	uint32_t ip = 0;

	memset(reverse, 0, sizeof(*reverse));
	if (!dns_domain_parse(text, DNS_REVERSE - 1, name)) {
		return false;
	}
	arpa = strstr(name, ARPA);
	if (arpa == NULL || arpa == name || strcmp(arpa, ARPA) != 0 ||
	    arpa[-1] != '.') {
		return false;
	}
	for (const char *p = name; p < arpa; p++) {
		reverse->octets += *p == '.';
	}
	if (reverse->octets > 3 || arpa - name > NB_ADDR_TEXT) {
		return false;
	}
	/* the octets that are not said stand behind those that are */
	memcpy(quad, name, (size_t)(arpa - name));
	quad[arpa - name] = '\0';
	for (unsigned int i = reverse->octets; i < 4; i++) {
		(void)strcat(quad, i == 3 ? "0" : "0.");
	}
	if (!nb_addr_parse(quad, &ip)) {
		return false;
	}
	for (unsigned int i = 0; i < reverse->octets; i++) {
		reverse->net |= (ip >> (24 - 8 * i) & 0xff)
				<< (32 - 8 * reverse->octets + 8 * i);
	}
	memcpy(reverse->zone, name, strlen(name) + 1);
	return true;
}

bool dns_reverse_has(const struct dns_reverse *reverse, uint32_t ip)
{
	return (ip ^ reverse->net) >> (32 - 8 * reverse->octets) == 0;
}

char *dns_reverse_print(const struct dns_reverse *reverse, uint32_t ip,
			char text[NB_ADDR_TEXT])
{
	size_t len = 0;

	for (unsigned int i = 0; i < 4 - reverse->octets; i++) {
		len += (size_t)snprintf(text + len, NB_ADDR_TEXT - len,
					"%s%u", i == 0 ? "" : ".",
					(unsigned int)(ip >> 8 * i & 0xff));
	}
	return text;
}

bool dns_reverse_address(const char *name, uint32_t *ip)
{
	size_t len = strlen(name), behind = strlen("." ARPA);
	char quad[NB_ADDR_TEXT];
	uint32_t turned = 0;

	if (len <= behind || len - behind >= sizeof(quad) ||
	    strcmp(name + len - behind, "." ARPA) != 0) {
		return false;
	}
	memcpy(quad, name, len - behind);
	quad[len - behind] = '\0';
	if (!nb_addr_parse(quad, &turned)) {
		return false;
	}
	*ip = turned << 24 | (turned & 0xff00) << 8 |
	      (turned >> 8 & 0xff00) | turned >> 24;
	return true;
}
