/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A live server as people write it: wrepl://ADDRESS[:PORT], nbns://... */
#ifndef WINSMIGRATE_LIVE_ADDRESS_H
#define WINSMIGRATE_LIVE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

enum live_scheme {
	LIVE_NONE,		/* a file, or what else it may be */
	LIVE_WREPL,		/* TCP 42: it is pulled from */
	LIVE_NBNS,		/* UDP 137: it is asked, name by name */
};

struct live_address {
	enum live_scheme scheme;
	uint32_t host;
	uint16_t port;
};

/* Does the text begin with a scheme of ours? Nothing else is looked at. */
enum live_scheme live_scheme(const char *text);

/* False: it does, but what follows is no address and port. */
bool live_parse(const char *text, struct live_address *address);

#endif
