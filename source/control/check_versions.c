/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check versions: what each server knows of each owner, held against what the
 * owner says itself (Windows' version ID consistency check).
 *
 * repl asks all pull partners for their maps. The word of an owner is the line
 * that it has of itself, the diagonal of the matrix. Of an owner that cannot
 * be asked the highest that anybody tells stands in for it. A server that tells
 * less lags behind, which may be a matter of minutes. One that tells more is
 * an alarm: the owner has lost its memory, or two servers have one address.
 *
 * Servers are not asked at one and the same moment: whoever pulls from an
 * owner after the owner was asked may tell more, and be right. So if there is
 * such a line, everybody is asked once more, and what was told in the first
 * round is held against the diagonal of the second: versions only grow.
 *
 * The reply has the owners with their own words, and of the matrix what
 * differs: in an estate at rest that is nothing, however large it is. What
 * does not fit is counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/call.h"

#define LINES_MAX	4000000u	/* 2000 servers by 2000 owners */
#define ROUNDS		2u

struct line {
	uint32_t server;
	uint32_t owner;
	uint64_t max;
};

struct server {
	uint32_t address;
	int error;
};

struct round {
	struct line *line;		/* sorted by owner, then by server */
	size_t count, size;
	struct server *server;
	size_t servers, servers_size;
};

struct survey {
	struct pending *pending;
	const struct control_context *context;
	struct round round[ROUNDS];
	unsigned int at;
	int error;
};

/* ---- gathering ---- */

static bool grow(TALLOC_CTX *mem_ctx, void **array, size_t item, size_t count,
		 size_t *size)
{
	void *larger = NULL;

	if (count < *size) {
		return true;
	}
	larger = talloc_realloc_size(mem_ctx, *array,
				     (*size * 2 + 64) * item);
	if (larger == NULL) {
		return false;
	}
	*array = larger;
	*size = *size * 2 + 64;
	return true;
}

static bool add_server(struct survey *survey, uint32_t address, int error)
{
	struct round *r = &survey->round[survey->at];
	void *array = r->server;

	if (r->servers > 0 && r->server[r->servers - 1].address == address) {
		return true;
	}
	if (!grow(survey, &array, sizeof(r->server[0]), r->servers,
		  &r->servers_size)) {
		return false;
	}
	r->server = array;
	r->server[r->servers++] = (struct server) { address, error };
	return true;
}

static bool add_line(struct survey *survey, const struct repl_map_entry *entry)
{
	struct round *r = &survey->round[survey->at];
	void *array = r->line;

	if (r->count == LINES_MAX ||
	    !grow(survey, &array, sizeof(r->line[0]), r->count, &r->size)) {
		return false;
	}
	r->line = array;
	r->line[r->count++] = (struct line) { entry->server, entry->owner,
					      entry->max };
	return true;
}

static void told(void *arg, const struct repl_map_entry *entry)
{
	struct survey *survey = arg;

	if (survey->error != 0) {
		return;
	}
	if (!add_server(survey, entry->server, entry->error) ||
	    (entry->error == 0 && entry->owner != 0 &&
	     !add_line(survey, entry))) {
		survey->error = ENOMEM;
	}
}

static int by_owner(const void *left, const void *right)
{
	const struct line *a = left, *b = right;

	if (a->owner != b->owner) {
		return a->owner < b->owner ? -1 : 1;
	}
	return a->server < b->server ? -1 : a->server > b->server;
}

/* ---- judging ---- */

static const struct line *line_of(const struct round *r, uint32_t owner,
				  uint32_t server)
{
	struct line key = { .server = server, .owner = owner };

	return r->count == 0 ? NULL : bsearch(&key, r->line, r->count,
					      sizeof(key), by_owner);
}

/* The owner's own word; false: it was not heard. */
static bool own_word(const struct round *r, uint32_t owner, uint64_t *max)
{
	const struct line *line = line_of(r, owner, owner);

	if (line != NULL) {
		*max = line->max;
	}
	return line != NULL;
}

static bool is_above(const struct round *words, const struct line *line)
{
	uint64_t max = 0;

	return own_word(words, line->owner, &max) && line->max > max;
}

static bool any_above(const struct round *r)
{
	for (size_t i = 0; i < r->count; i++) {
		if (is_above(r, &r->line[i])) {
			return true;
		}
	}
	return false;
}

/* What the lines of one owner are held against. */
static uint64_t reference(const struct round *r, size_t from, size_t to,
			  bool *own)
{
	uint64_t max = 0;

	*own = own_word(r, r->line[from].owner, &max);
	for (size_t i = from; !*own && i < to; i++) {
		max = r->line[i].max > max ? r->line[i].max : max;
	}
	return max;
}

/* ---- the reply ---- */

struct sums {
	uint64_t behind, above, left_out;
};

static bool is_full(const struct call *call)
{
	return call->reply.len >= CONTROL_FILL;
}

/* A server that tells something else; known false: nothing at all. */
static void put_difference(struct call *call, struct sums *sums, bool above,
			   uint32_t owner, uint32_t server, bool known,
			   uint64_t max)
{
	sums->above += above;
	sums->behind += !above;
	if (is_full(call)) {
		sums->left_out++;
		return;
	}
	call_put_text(call, "difference", above ? "above" : "behind");
	call_put_host(call, "of", owner);
	call_put_host(call, "at", server);
	if (known) {
		call_put_count(call, "tells", max);
	}
}

static void put_owner(struct survey *survey, struct sums *sums, size_t from,
		      size_t to)
{
	struct call *call = survey->pending->call;
	const struct round *r = &survey->round[0];
	const struct round *words = &survey->round[survey->at];
	uint32_t owner = r->line[from].owner;
	bool own = false;
	uint64_t max = reference(r, from, to, &own);

	if (!is_full(call)) {
		call_put_host(call, "owner", owner);
		call_put_count(call, own ? "own_word" : "highest", max);
	}
	for (size_t i = 0; i < r->servers; i++) {
		uint32_t server = r->server[i].address;
		const struct line *line = line_of(r, owner, server);

		if (r->server[i].error != 0 || (line == NULL && max == 0)) {
			continue;	/* nothing is told of nothing */
		}
		if (line == NULL ? max > 0 : line->max < max) {
			put_difference(call, sums, false, owner, server,
				       line != NULL, line != NULL ? line->max :
								    0);
		} else if (own && line != NULL && is_above(words, line)) {
			put_difference(call, sums, true, owner, server, true,
				       line->max);
		}
	}
}

static void put_servers(struct call *call, const struct round *r)
{
	for (size_t i = 0; i < r->servers && !is_full(call); i++) {
		call_put_host(call, "server", r->server[i].address);
		if (r->server[i].error != 0) {
			call_put_text(call, "unreachable",
				      strerror(r->server[i].error));
		}
	}
}

static void reply(struct survey *survey)
{
	struct call *call = survey->pending->call;
	const struct round *r = &survey->round[0];
	struct sums sums = { .behind = 0 };
	size_t end = 0;

	call_status(call, CONTROL_OK, NULL);
	put_servers(call, r);
	for (size_t i = 0; i < r->count; i = end) {
		end = i;
		while (end < r->count && r->line[end].owner ==
					 r->line[i].owner) {
			end++;
		}
		put_owner(survey, &sums, i, end);
	}
	call_put_count(call, "servers", r->servers);
	call_put_count(call, "lines_behind", sums.behind);
	call_put_count(call, "lines_above", sums.above);
	call_put_count(call, "lines_left_out", sums.left_out);
	talloc_free(survey->pending);	/* and survey with it */
	call_done(call);
}

/* ---- the order of things ---- */

static void ask(struct survey *survey);

static void asked(void *arg)
{
	struct survey *survey = arg;
	struct round *r = &survey->round[survey->at];
	struct call *call = survey->pending->call;
	int error = survey->error;

	if (call == NULL) {
		talloc_free(survey->pending);
		return;
	}
	if (error != 0) {
		talloc_free(survey->pending);
		call_refuse(call, CONTROL_FAILED, "%s", strerror(error));
		return;
	}
	if (r->count > 0) {
		qsort(r->line, r->count, sizeof(r->line[0]), by_owner);
	}
	if (survey->at == 0 && any_above(r)) {
		survey->at++;
		ask(survey);
		return;
	}
	reply(survey);
}

static void ask(struct survey *survey)
{
	int ret = repl_survey(survey->context->repl, told, asked, survey);

	if (ret != 0) {
		survey->error = ret;
		asked(survey);
	}
}

void check_versions(struct call *call)
{
	struct pending *pending = NULL;
	struct survey *survey = NULL;

	if (call->context->repl == NULL) {
		call_refuse(call, CONTROL_REFUSED,
			    "this server does not replicate");
		return;
	}
	pending = call_wait(call);
	if (pending != NULL) {
		survey = talloc_zero(pending, struct survey);
	}
	if (survey == NULL) {
		talloc_free(pending);
		call_refuse(call, CONTROL_FAILED, "out of memory");
		return;
	}
	survey->pending = pending;
	survey->context = call->context;
	ask(survey);
}
