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
	f->has_glob = control_find(r, CONTROL_GLOB, &f->glob);
	f->has_scope = control_find(r, CONTROL_SCOPE, &f->scope);
	if (f->owner != ANY) {
		f->owner = call_owner_inward(call, (uint32_t)f->owner);
	}
}

/* Take a record into the slice; false when it is full. */
static bool take(void *arg, const struct nb_record *rec)
{
	struct filter *f = arg;

	if (f->call->reply.len >= CONTROL_FILL) {
		return false;
	}
	if (passes(f, rec)) {
		call_put_record(f->call, CONTROL_RECORD, rec);
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
	call_status(call, CONTROL_OK, NULL);
	if (store_walk_all(call->context->store, &cursor, CONTROL_VISIT_MAX,
			   take, &filter)) {
		call_more(call, cursor);
	}
	call_done(call);
}
