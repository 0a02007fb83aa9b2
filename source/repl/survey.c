/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A survey: what each partner knows of each owner, for `check versions`
 * (Windows' version ID consistency check). Each is simply pulled from, and
 * its map is told to whoever asks.
 */

#include "repl/private.h"

struct survey {
	TAILQ_ENTRY(survey) list;
	void (*entry)(void *arg, const struct repl_map_entry *entry);
	void (*done)(void *arg);
	void *arg;
	unsigned int waits;		/* for so many partners */
	unsigned int count;
	uint32_t partner[];		/* their addresses; 0: has answered */
};

static bool takes_part(struct survey *survey, uint32_t address)
{
	for (unsigned int i = 0; i < survey->count; i++) {
		if (survey->partner[i] == address) {
			survey->partner[i] = 0;
			survey->waits--;
			return true;
		}
	}
	return false;
}

static void look(struct repl *repl, struct survey *survey)
{
	if (survey->waits > 0) {
		return;
	}
	TAILQ_REMOVE(&repl->surveys, survey, list);
	survey->done(survey->arg);
	talloc_free(survey);
}

static void tell(struct survey *survey, uint32_t server,
		 const struct wrepl_owner *line, uint32_t count)
{
	struct repl_map_entry nobody = { .server = server };

	if (count == 0) {
		survey->entry(survey->arg, &nobody);
	}
	for (uint32_t i = 0; i < count; i++) {
		struct repl_map_entry entry = {
			.server = server,
			.owner = line[i].address,
			.max = line[i].max,
		};

		survey->entry(survey->arg, &entry);
	}
}

void survey_map(struct repl *repl, const struct partner *partner,
		const struct wrepl_owner *line, uint32_t count)
{
	struct survey *survey = NULL, *next = NULL;

	for (survey = TAILQ_FIRST(&repl->surveys); survey != NULL;
	     survey = next) {
		next = TAILQ_NEXT(survey, list);
		if (takes_part(survey, partner->config.address)) {
			tell(survey, partner->config.address, line, count);
			look(repl, survey);
		}
	}
}

void survey_failed(struct repl *repl, const struct partner *partner, int error)
{
	struct survey *survey = NULL, *next = NULL;
	struct repl_map_entry entry = {
		.server = partner->config.address,
		.error = error,
	};

	for (survey = TAILQ_FIRST(&repl->surveys); survey != NULL;
	     survey = next) {
		next = TAILQ_NEXT(survey, list);
		if (takes_part(survey, partner->config.address)) {
			survey->entry(survey->arg, &entry);
			look(repl, survey);
		}
	}
}

void survey_forget(struct repl *repl, const void *arg)
{
	struct survey *survey = NULL, *next = NULL;

	for (survey = TAILQ_FIRST(&repl->surveys); survey != NULL;
	     survey = next) {
		next = TAILQ_NEXT(survey, list);
		if (survey->arg == arg) {
			TAILQ_REMOVE(&repl->surveys, survey, list);
			talloc_free(survey);
		}
	}
}

static void tell_ours(struct repl *repl, const struct survey *survey)
{
	struct owner *owner = NULL;

	RB_FOREACH(owner, owner_tree, &repl->owners) {
		struct repl_map_entry entry = {
			.server = repl->config.self,
			.owner = owner->address,
			.max = owner_told(repl, owner, 0),
		};

		survey->entry(survey->arg, &entry);
	}
}

int repl_survey(struct repl *repl,
		void (*entry)(void *arg, const struct repl_map_entry *entry),
		void (*done)(void *arg), void *arg)
{
	struct survey *survey = NULL;
	struct partner *partner = NULL, *next = NULL;

	survey = talloc_zero_size(repl, sizeof(*survey) +
				  repl->partner_count * sizeof(uint32_t));
	if (survey == NULL) {
		return ENOMEM;
	}
	survey->entry = entry;
	survey->done = done;
	survey->arg = arg;
	TAILQ_FOREACH(partner, &repl->partners, list) {
		if (partner->config.pull) {
			survey->partner[survey->count++] =
				partner->config.address;
		}
	}
	survey->waits = survey->count + 1;	/* until all are asked */
	TAILQ_INSERT_TAIL(&repl->surveys, survey, list);
	tell_ours(repl, survey);
	for (partner = TAILQ_FIRST(&repl->partners); partner != NULL;
	     partner = next) {
		struct pull_wish wish = { .wanted = true };

		next = TAILQ_NEXT(partner, list);
		if (partner->config.pull) {
			pull_want(partner, &wish);
		}
	}
	survey->waits--;
	look(repl, survey);
	return 0;
}
