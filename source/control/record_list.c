/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record list: one slice of all records that pass the filters.
 *
 * The filters are judged here and not at the tool, so that looking for one
 * record among a million does not carry a million over the socket. A slice
 * ends when it is full or has looked at enough, whichever comes first: an
 * empty slice with a cursor is a normal answer, and the clients of UDP 137
 * get their turn between two of them (design.md 4.3).
 *
 * Where `wins:usage` counts, each record comes with the time at which its name
 * was last asked for, if it is known, and two filters go by that. Unused since
 * some time is said of a name only if somebody watched all the while; of the
 * others the reply tells how many there were.
 *
 * Records are shown as they are stored: one whose time has come but that the
 * scavenger has not reached is still active here, with a time in the past.
 */
#include <string.h>

#include "control/call.h"

struct filter {
	struct call *call;
	struct control_field glob;
	struct control_field scope;
	bool has_glob;
	bool has_scope;
	uint64_t suffix;	/* ANY: not asked for */
	uint64_t type;
	uint64_t state;
	uint64_t is_static;
	uint64_t owner;
	uint64_t address;
	uint64_t version_from;
	uint64_t version_to;
	const struct usage *usage;	/* NULL: nobody counts */
	uint64_t queried_since;	/* ANY: not asked for */
	uint64_t unused_since;
	uint64_t unknown;	/* records left out: were they asked for? */
};

#define ANY UINT64_MAX

static bool wanted(uint64_t filter, uint64_t value)
{
	return filter == ANY || filter == value;
}

static bool scope_is(const struct control_field *scope,
		     const struct nb_name *name)
{
	return scope->len == name->scope_len &&
	       memcmp(scope->data, name->scope, scope->len) == 0;
}

static bool passes(const struct filter *f, const struct nb_record *rec)
{
	return wanted(f->suffix, rec->name.type) &&
	       wanted(f->type, rec->type) &&
	       wanted(f->state, rec->state) &&
	       wanted(f->is_static, rec->is_static) &&
	       wanted(f->owner, rec->owner) &&
	       rec->version >= f->version_from &&
	       rec->version <= f->version_to &&
	       (f->address == ANY ||
		nb_record_find(rec, (uint32_t)f->address) >= 0) &&
	       (!f->has_scope || scope_is(&f->scope, &rec->name)) &&
	       (!f->has_glob ||
		control_glob_match(f->glob.data, f->glob.len, rec->name.byte,
				   rec->name.len));
}

static void read_filter(struct filter *f, struct call *call)
{
	const struct control_reader *r = &call->request;

	*f = (struct filter) {
		.call = call,
		.suffix = control_number_or(r, CONTROL_SUFFIX, ANY),
		.type = control_number_or(r, CONTROL_TYPE, ANY),
		.state = control_number_or(r, CONTROL_STATE, ANY),
		.is_static = control_number_or(r, CONTROL_STATIC, ANY),
		.owner = control_number_or(r, CONTROL_OWNER, ANY),
		.address = control_number_or(r, CONTROL_ADDRESS, ANY),
		.version_from = control_number_or(r, CONTROL_VERSION_FROM, 0),
		.version_to = control_number_or(r, CONTROL_VERSION_TO,
						UINT64_MAX),
	};
	f->usage = serve_usage(call->context->serve);
	f->queried_since = control_number_or(r, CONTROL_QUERIED_SINCE, ANY);
	f->unused_since = control_number_or(r, CONTROL_UNUSED_SINCE, ANY);
	f->has_glob = control_find(r, CONTROL_GLOB, &f->glob);
	f->has_scope = control_find(r, CONTROL_SCOPE, &f->scope);
	if (f->owner != ANY) {
		f->owner = call_owner_inward(call, (uint32_t)f->owner);
	}
}

/* ---- by use ---- */

static bool passes_use(struct filter *f, uint32_t asked, uint32_t watched)
{
	if (f->queried_since != ANY &&
	    (asked == 0 || asked < (int64_t)f->queried_since)) {
		return false;
	}
	if (f->unused_since == ANY) {
		return true;
	}
	if (asked == 0 && watched > (int64_t)f->unused_since) {
		f->unknown++;
		return false;
	}
	return asked < (int64_t)f->unused_since;
}

/* May the filters by use be judged at all? False: the call is over. */
static bool can_judge(const struct filter *f)
{
	struct call *call = f->call;

	if (f->queried_since == ANY && f->unused_since == ANY) {
		return true;
	}
	if (client_usage(call) == NULL) {
		return false;
	}
	if (f->unused_since == ANY ||
	    usage_since(f->usage) <= (int64_t)f->unused_since) {
		return true;
	}
	call_status(call, CONTROL_REFUSED, "nobody knows what was not asked "
		    "for since then: it is not counted for so long");
	control_put_number(&call->reply, CONTROL_COUNTED,
			   usage_since(f->usage));
	call_done(call);
	return false;
}

/* ---- a slice ---- */

/* Take a record into the slice; false when it is full. */
static bool take(void *arg, const struct nb_record *rec)
{
	struct filter *f = arg;
	uint32_t asked = 0, watched = 0;

	if (f->call->reply.len >= CONTROL_FILL) {
		return false;
	}
	if (!passes(f, rec)) {
		return true;
	}
	if (f->usage != NULL) {
		asked = usage_name_asked(f->usage, &rec->name, &watched);
	}
	if (!passes_use(f, asked, watched)) {
		return true;
	}
	call_put_record(f->call, CONTROL_RECORD, rec);
	if (f->usage != NULL &&
	    (asked != 0 || watched <= usage_since(f->usage))) {
		control_put_number(&f->call->reply, CONTROL_QUERIED, asked);
	}
	return true;
}

void record_list(struct call *call)
{
	struct filter filter;
	uint64_t cursor = 0;

	if (!call_resume(call, &cursor)) {
		return;
	}
	read_filter(&filter, call);
	if (!can_judge(&filter)) {
		return;
	}
	call_status(call, CONTROL_OK, NULL);
	if (filter.usage != NULL) {
		control_put_number(&call->reply, CONTROL_COUNTED,
				   usage_since(filter.usage));
	}
	if (store_walk_all(call->context->store, &cursor, CONTROL_VISIT_MAX,
			   take, &filter)) {
		call_more(call, cursor);
	}
	if (filter.unknown > 0) {
		call_put_count(call, "unknown", filter.unknown);
	}
	call_done(call);
}
