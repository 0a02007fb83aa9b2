/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our timers beside those of the server that goes, from an export of its
 * registry. Clients and partners have lived by them: a shorter renewal makes
 * the same hosts ask more often, a shorter extinction forgets what a partner
 * that is away has not heard of yet.
 */
#include <inttypes.h>
#include <string.h>

#include "core/optval.h"
#include "migrate/live/preflight.h"
#include "migrate/source.h"

static const enum option_id timers[] = {
	OPTION_RENEW_INTERVAL, OPTION_MAX_WINS_TTL, OPTION_TOMBSTONE_INTERVAL,
	OPTION_TOMBSTONE_TIMEOUT, OPTION_VERIFY_INTERVAL,
};

static bool is_timer(const char *name, enum option_id *id)
{
	if (name == NULL || !option_find(name, id)) {
		return false;
	}
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		if (timers[i] == *id) {
			return true;
		}
	}
	return false;
}

static unsigned int look_row(struct preflight *p, const struct row *row,
			     struct preflight_found *differ)
{
	enum option_id id = OPTION_COUNT;
	uint64_t theirs = 0;
	uint32_t ours = 0;

	if (row->kind != ROW_OPTION || !is_timer(row->option, &id) ||
	    !optval_number(row->value, &theirs)) {
		return 0;
	}
	ours = settings_number(p->kept.settings, id);
	if (ours != theirs) {
		preflight_note(p, differ, "%s %" PRIu64 " s there, %" PRIu32
			       " s here", option_row(id)->name, theirs, ours);
	}
	return 1;
}

static void tell(struct preflight *p, unsigned int timers_there,
		 const struct preflight_found *differ)
{
	char *text = talloc_strdup(p->mem_ctx, "");

	for (unsigned int i = 0; text != NULL && i < differ->samples; i++) {
		text = talloc_asprintf_append(text, "%s%s", i > 0 ? "; " : "",
					      differ->sample[i]);
	}
	preflight_tell(p, 0, "timers", differ->count > 0 ? PREFLIGHT_PROBLEM :
		       timers_there > 0 ? PREFLIGHT_OK : PREFLIGHT_NOTE, "%s",
		       differ->count > 0 && text != NULL ? text :
		       timers_there > 0 ? "as there" :
					  "the export names none");
}

int preflight_timers(struct preflight *p, const char *registry)
{
	struct tally *tally = tally_create(p->mem_ctx, NULL);
	struct preflight_found differ = { .count = 0 };
	struct source *source = NULL;
	unsigned int timers_there = 0;
	enum format_step step = FORMAT_ROW;
	struct row row;
	int status = TOOL_OK;

	if (registry == NULL) {
		preflight_tell(p, 0, "timers", PREFLIGHT_SKIPPED, "--registry "
			       "FILE compares them with a server's");
		return TOOL_OK;
	}
	status = tally == NULL ? TOOL_FAILED :
		 source_open(p->mem_ctx, registry, NULL, &p->format_options,
			     tally, &source);
	if (status != TOOL_OK) {
		return status;
	}
	while (step == FORMAT_ROW || step == FORMAT_SKIPPED) {
		step = source_next(source, tally, &row);
		timers_there += step == FORMAT_ROW ?
				look_row(p, &row, &differ) : 0;
	}
	if (step == FORMAT_FAILED) {
		tool_say("%s: %s", registry, source->message != NULL ?
			 source->message : "cannot be read");
		return TOOL_FAILED;
	}
	tell(p, timers_there, &differ);
	return TOOL_OK;
}
