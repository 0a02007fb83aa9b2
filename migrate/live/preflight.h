/* SPDX-License-Identifier: GPL-3.0-or-later */
/* preflight: what its files share. */
#ifndef WINSMIGRATE_LIVE_PREFLIGHT_H
#define WINSMIGRATE_LIVE_PREFLIGHT_H

#include "migrate/live/gather.h"
#include "migrate/live/kept_out.h"
#include "migrate/live/walk.h"
#include "migrate/winsmigrate.h"

#define PREFLIGHT_SERVERS 1000u

enum preflight_result {
	PREFLIGHT_OK,
	PREFLIGHT_NOTE,		/* to be known; nothing to do about it */
	PREFLIGHT_SKIPPED,	/* could not be looked at */
	PREFLIGHT_PROBLEM,
};

/* What a check found: how many, and the first few by name. */
#define PREFLIGHT_SAMPLES 5
struct preflight_found {
	uint64_t count;
	unsigned int samples;
	char *sample[PREFLIGHT_SAMPLES];
};

struct preflight {
	TALLOC_CTX *mem_ctx;
	struct format_options format_options;
	unsigned int rate;
	unsigned int servers;
	uint32_t *server;
	struct kept_out kept;
	struct sides *sides;	/* SIDES_OLD: all names, of the first who has
				   them; known: which server that is */
	uint64_t problems;
	bool any_map;
	/* owners that maps name, each once */
	uint32_t owners, room;
	struct walk_owner *owner;
	/* found in the records */
	struct preflight_found limits, blocked, statics, clashes, high;
	struct preflight_found no_1b, no_1c, apart;
	uint64_t domains, records;
};

/* ---- preflight.c ---- */

/* host: 0, or of which server. One line. */
void preflight_tell(struct preflight *p, uint32_t host, const char *check,
		    enum preflight_result result, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* ---- preflight_look.c: records ---- */

void preflight_note(struct preflight *p, struct preflight_found *found,
		    const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A record that server number which gave: 0 or an errno. */
int preflight_look(struct preflight *p, unsigned int which,
		   const struct nb_record *rec);

/* When all have come: the domains, then the lines. 0 or an errno. */
int preflight_tell_records(struct preflight *p);

/* ---- preflight_timers.c ---- */

int preflight_timers(struct preflight *p, const char *registry);

extern const struct poptOption preflight_options[];
int run_preflight(struct tool_call *call);

#endif
