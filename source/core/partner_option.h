/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said about one replication partner: a word of `wins:partners` and
 * the value of `wins:partner ADDR` (design.md 4.2; what Windows calls them is
 * in microsoft-wins.md 3, what the suite does in protocol.md 4.6).
 *
 *   wins:partners = 192.0.2.1 192.0.2.2(pull)
 *   wins:partner 192.0.2.2 = pull interval=3600, start time=02:30
 */
#ifndef WINSD_CORE_PARTNER_OPTION_H
#define WINSD_CORE_PARTNER_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARTNER_ALSO_MAX	16
#define PARTNER_NAME_MAX	63

struct partner_options {
	uint32_t pull_interval;	/* s; 0: never on a schedule */
	int start_minute;	/* of the day, 0..1439; -1: no start time */
	uint32_t retry;		/* s to wait after a failed pull */
	uint32_t push_count;	/* changes before a push; 0: none */
	bool persistent;	/* keep the association open */
	bool statics;		/* replicate static records too */
	bool domains_only;	/* only <1b> and groups <1c> */
	bool high_precedence;	/* its group members displace others */
	unsigned int also_count;
	uint32_t also[PARTNER_ALSO_MAX];	/* its other addresses */
	uint32_t our_address;	/* call from here; 0: any */
	char name[PARTNER_NAME_MAX + 1];	/* for display; "" = none */
};

struct partner_options partner_options_default(void);

/*
 * Read the value of a row over what *options holds (the defaults). True, or
 * false and one line that says what is wrong.
 */
#define PARTNER_REASON	200
bool partner_options_parse(const char *value, struct partner_options *options,
			   char reason[PARTNER_REASON]);

/* Read ADDR, ADDR(pull) or ADDR(push); false: it is none of them. */
bool partner_word_parse(const char *word, uint32_t *address, bool *pull,
			bool *push);

/* The keys by index, NULL after the last; for the man page. */
struct partner_key {
	const char *key;
	const char *value;	/* what may stand there, as a default or shape */
	const char *doc;
};
const struct partner_key *partner_key(unsigned int index);

#endif
