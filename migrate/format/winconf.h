/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration of a Windows server on its way to ours.
 *
 * A registry export and a netsh script say the same things in other words and
 * in any order; what belongs together (a partner, the burst threshold) is
 * spread over them. So the reader tells all it finds, and only then rows of
 * our options come out. What has no counterpart becomes a row without an
 * option: nothing is dropped in silence.
 */
#ifndef WINSMIGRATE_FORMAT_WINCONF_H
#define WINSMIGRATE_FORMAT_WINCONF_H

#include "migrate/row.h"

#include <talloc.h>

enum winconf_setting {
	WINCONF_RENEW,			/* s */
	WINCONF_EXTINCTION,
	WINCONF_TIMEOUT,
	WINCONF_VERIFY,
	WINCONF_BURST_ON,
	WINCONF_BURST,
	WINCONF_CHALLENGE_TRIES,
	WINCONF_CHALLENGE_WAIT,		/* ms */
	WINCONF_MIGRATE_ON,
	WINCONF_ONLY_PARTNERS,
	WINCONF_PORT,
	WINCONF_RANDOMIZE_1C,
	WINCONF_PREPEND_1B,
	WINCONF_TAKE_FOUND,		/* partners by autodiscovery */
	WINCONF_ACCEPT_MODE,		/* the list of accepted owners counts */
	WINCONF_PULL_INTERVAL,		/* of partners that do not say it */
	WINCONF_PULL_START,		/* s after midnight */
	WINCONF_PUSH_COUNT,
	WINCONF_DOMAINS_ONLY,
	WINCONF_SETTINGS,
};

struct winconf_number {
	bool set;
	uint64_t value;
};

struct winconf_partner {
	uint32_t address;
	uint64_t place;
	bool pull, push;
	struct winconf_number interval;		/* s; 0: never */
	struct winconf_number start;		/* s after midnight */
	struct winconf_number count;
	struct winconf_number persistent;
	struct winconf_number dynamic_only;
	struct winconf_number high_precedence;
	struct winconf_number domains_only;
};

struct winconf;

struct winconf *winconf_create(TALLOC_CTX *mem_ctx);

/* name: what the source calls it, copied. */
void winconf_set(struct winconf *conf, enum winconf_setting setting,
		 uint64_t value, const char *name, uint64_t place);

/*
 * The partner with this address, made if it is new. Valid until the next one
 * is asked for. NULL: no host has such an address, or there are 1024 already;
 * that is noted.
 */
struct winconf_partner *winconf_partner(struct winconf *conf, uint32_t address,
					uint64_t place);

/* An owner of the list of accepted or of blocked ones. */
void winconf_owner(struct winconf *conf, bool accepted, uint32_t address,
		   uint64_t place);

/* What has no counterpart, in one line. */
void winconf_note(struct winconf *conf, uint64_t place, const char *format,
		  ...) __attribute__((format(printf, 3, 4)));

/* After all is told: the rows one by one; false after the last. */
bool winconf_next(struct winconf *conf, struct row *row);

#endif
