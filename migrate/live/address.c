/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses of live servers. Dotted quads only: a tool that people run to see
 * whether names resolve should not need them to.
 */
#include "migrate/live/address.h"

#include <stdlib.h>
#include <string.h>

#include "codec/nbns.h"
#include "codec/wrepl.h"
#include "core/addr.h"

static const struct {
	enum live_scheme scheme;
	const char *text;
	uint16_t port;
} schemes[] = {
	{ LIVE_WREPL, "wrepl://", WREPL_PORT },
	{ LIVE_NBNS, "nbns://", NBNS_PORT },
};

#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

/* Index, or SCHEMES. */
static unsigned int scheme_of(const char *text)
{
	unsigned int i = 0;

	while (i < SCHEMES && strncmp(text, schemes[i].text,
				      strlen(schemes[i].text)) != 0) {
		i++;
	}
	return i;
}

enum live_scheme live_scheme(const char *text)
{
	unsigned int i = scheme_of(text);

	return i < SCHEMES ? schemes[i].scheme : LIVE_NONE;
}

static bool parse_port(const char *text, uint16_t *port)
{
	char *end = NULL;
	unsigned long number = 0;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 5) {
		return false;
	}
	number = strtoul(text, &end, 10);
	if (*end != '\0' || number == 0 || number > UINT16_MAX) {
		return false;
	}
	*port = (uint16_t)number;
	return true;
}

bool live_parse(const char *text, struct live_address *address)
{
	unsigned int i = scheme_of(text);
	char host[NB_ADDR_TEXT];
	const char *rest = NULL;
	size_t len = 0;

	if (i == SCHEMES) {
		return false;
	}
	address->scheme = schemes[i].scheme;
	address->port = schemes[i].port;
	rest = text + strlen(schemes[i].text);
	len = strcspn(rest, ":/");
	if (len >= sizeof(host)) {
		return false;
	}
	memcpy(host, rest, len);
	host[len] = '\0';
	rest += len;
	if (*rest == ':' && !parse_port(rest + 1, &address->port)) {
		return false;
	}
	if (*rest == '/' && rest[1] != '\0') {
		return false;
	}
	return nb_addr_parse(host, &address->host) &&
	       nb_addr_is_host(address->host);
}
