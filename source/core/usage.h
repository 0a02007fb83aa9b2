/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who still asks, as values: a client, the last time a name was asked for, a
 * name that was asked for and is not there. serve/usage.h keeps them in tables
 * of places of 64 bytes, codec/usage.h knows them as bytes of a file.
 *
 * Times are seconds since the epoch of the wall clock; 0 is "never" and an
 * empty place. Counts stop at their end.
 */
#ifndef WINSD_CORE_USAGE_H
#define WINSD_CORE_USAGE_H

#include "core/name.h"

#define USAGE_SKETCH	28	/* bytes: 56 registers of 4 bits */

/* One client, at one address of ours: it may ask two, and that matters. */
struct usage_client {
	uint32_t ip;
	uint32_t local;		/* address of ours that it asks */
	uint32_t first, last;
	uint32_t registered;	/* requests: registrations ... */
	uint32_t refreshed;	/* ... and refreshes */
	uint32_t found;		/* queries with addresses for an answer */
	uint32_t negative;	/* and those without */
	uint32_t plain;		/* of the two, for names with the suffix <00> */
	uint8_t sketch[USAGE_SKETCH];	/* of the names it asked for */
};

/* Names that are asked for, by their keyed hash, and when they were last. */
#define USAGE_MARKS	5
struct usage_set {
	uint32_t forgotten;	/* what had to go was not asked after this */
	struct usage_mark {
		uint32_t high, low;	/* the hash */
		uint32_t last;
	} mark[USAGE_MARKS];
};

#define USAGE_SCOPE	30	/* bytes of the longest scope that is kept */

/* A name that was asked for and not found. */
struct usage_missing {
	uint32_t first, last;
	uint32_t count;
	uint32_t client;	/* who asked last; 0: not remembered */
	uint8_t len;
	uint8_t type;
	uint8_t scope_len;
	uint8_t byte[NB_NAME_MAX];
	uint8_t scope[USAGE_SCOPE];
};

/* The client asked for the name with this hash. */
void usage_client_asks(struct usage_client *client, uint64_t hash);

/*
 * How many different names it asked for: exact for the first few, then within
 * a third or so (the standard error is 14 %).
 */
uint32_t usage_client_names(const struct usage_client *client);

/* Does it ask as a DNS server that looks names up in WINS? See usage.c. */
bool usage_client_is_dns(const struct usage_client *client);

/* False if its scope is too long to be kept. */
bool usage_missing_set(struct usage_missing *missing,
		       const struct nb_name *name);
bool usage_missing_is(const struct usage_missing *missing,
		      const struct nb_name *name);
void usage_missing_name(const struct usage_missing *missing,
			struct nb_name *name);

/* One more, unless that were 0 again. */
static inline void usage_count(uint32_t *count)
{
	*count += *count < UINT32_MAX;
}

#endif
