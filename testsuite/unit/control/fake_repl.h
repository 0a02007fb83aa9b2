/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replication as the commands see it: sights that the test fills in, and
 * pulls and pushes that end when the test says so. For fakes.h.
 */
#ifndef WINSD_TEST_FAKE_REPL_H
#define WINSD_TEST_FAKE_REPL_H

#include <errno.h>

#include "repl/repl.h"

#define FAKE_PARTNERS 1000
#define FAKE_OWNERS 3000

struct repl {
	bool observing;
	enum repl_gate gate;
	const char *reason;
	unsigned int partners;
	struct repl_partner_sight partner[FAKE_PARTNERS];
	unsigned int looked;		/* at so many partners */
	unsigned int owners;		/* in the order of their addresses */
	struct repl_owner_sight owner[FAKE_OWNERS];
	int decision;			/* what accept and reject return */
	uint32_t accepted, rejected;
	/* the latest pull or push */
	bool pushed, propagate;
	uint32_t only;
	unsigned int early;		/* so many fail while it is asked for */
	repl_done *done;
	void *arg;
	uint32_t forgotten;		/* owner */
	/* the latest probe, and survey */
	void (*probed)(void *arg, bool answers, const char *what);
	void *probe_arg;
	uint32_t probe_address;
	void (*entry)(void *arg, const struct repl_map_entry *entry);
	void (*surveyed)(void *arg);
	void *survey_arg;
	unsigned int surveys;
};

void repl_summary(struct repl *repl, struct repl_summary *summary)
{
	*summary = (struct repl_summary){
		.observing = repl->observing,
		.partners = repl->partners,
		.failing = 3,
		.quarantined = 2,
	};
}

enum repl_gate repl_gate(const struct repl *repl)
{
	return repl->gate;
}

const char *repl_gate_name(enum repl_gate gate)
{
	static const char *const names[] = { "fake open", "fake waiting",
					     "fake closed" };

	return names[gate];
}

const char *repl_gate_reason(const struct repl *repl)
{
	return repl->reason;
}

bool repl_start_anyway(struct repl *repl)
{
	bool was = repl->gate != REPL_GATE_OPEN;

	repl->gate = REPL_GATE_OPEN;
	return was;
}

bool repl_partner_at(struct repl *repl, unsigned int index,
		     struct repl_partner_sight *sight)
{
	if (index >= repl->partners) {
		return false;
	}
	repl->looked++;
	*sight = repl->partner[index];
	return true;
}

bool repl_owner_at(struct repl *repl, unsigned int index,
		   struct repl_owner_sight *sight)
{
	if (index >= repl->owners) {
		return false;
	}
	*sight = repl->owner[index];
	return true;
}

bool repl_owner_sight(struct repl *repl, uint32_t owner,
		      struct repl_owner_sight *sight)
{
	for (unsigned int i = 0; i < repl->owners; i++) {
		if (repl->owner[i].owner == owner) {
			*sight = repl->owner[i];
			return true;
		}
	}
	return false;
}

int repl_owner_accept(struct repl *repl, uint32_t owner)
{
	repl->accepted = owner;
	return repl->decision;
}

int repl_owner_reject(struct repl *repl, uint32_t owner)
{
	repl->rejected = owner;
	return repl->decision;
}

bool repl_stat_at(const struct repl *repl, unsigned int index,
		  const char **name, uint64_t *value)
{
	*name = "pulls";
	*value = repl->partners;
	return index == 0;
}

/* As repl does it: some may have failed before this returns. */
static inline unsigned int fake_cycle(struct repl *repl, uint32_t only,
				      repl_done *done, void *arg)
{
	unsigned int count = 0;

	repl->only = only;
	repl->done = done;
	repl->arg = arg;
	for (unsigned int i = 0; i < repl->partners; i++) {
		const struct repl_partner_sight *p = &repl->partner[i];

		if ((only == 0 || only == p->address) &&
		    (repl->pushed ? p->push : p->pull)) {
			count++;
			if (count <= repl->early) {
				done(arg, p->address, ECONNREFUSED, 0,
				     "no route");
			}
		}
	}
	return count;
}

unsigned int repl_pull(struct repl *repl, uint32_t partner, repl_done *done,
		       void *arg)
{
	repl->pushed = false;
	return fake_cycle(repl, partner, done, arg);
}

unsigned int repl_push(struct repl *repl, uint32_t partner, bool propagate,
		       repl_done *done, void *arg)
{
	repl->pushed = true;
	repl->propagate = propagate;
	return fake_cycle(repl, partner, done, arg);
}

int repl_owner_forget(struct repl *repl, uint32_t owner)
{
	repl->forgotten = owner;
	return 0;
}

int repl_probe(struct repl *repl, uint32_t address,
	       void (*done)(void *arg, bool answers, const char *what),
	       void *arg)
{
	repl->probed = done;
	repl->probe_arg = arg;
	repl->probe_address = address;
	return 0;
}

int repl_survey(struct repl *repl,
		void (*entry)(void *arg, const struct repl_map_entry *entry),
		void (*done)(void *arg), void *arg)
{
	repl->entry = entry;
	repl->surveyed = done;
	repl->survey_arg = arg;
	repl->surveys++;
	return 0;
}

#endif
