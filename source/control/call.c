/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all commands share: beginning and ending a reply, waiting for
 * something that outlives the client, and the two translations at the border.
 *
 * Times: records live on the ageing clock, people on the wall clock. They are
 * the same until somebody sets the wall clock or the server was off for long;
 * then the difference is added.
 *
 * Owners: records of ours carry NB_SELF, the wire our real address.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/call.h"
#include "core/age.h"

static void put_status(struct call *call, enum control_status status,
		       const char *format, va_list ap)
{
	char message[1024];

	control_begin(&call->reply, call->frame, sizeof(call->frame),
		      CONTROL_REPLY);
	control_put_number(&call->reply, CONTROL_STATUS, status);
	if (format != NULL) {
		(void)vsnprintf(message, sizeof(message), format, ap);
		control_put_text(&call->reply, CONTROL_MESSAGE, message);
	}
}

void call_status(struct call *call, enum control_status status,
		 const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	put_status(call, status, format, ap);
	va_end(ap);
}

void call_done(struct call *call)
{
	size_t len = control_end(&call->reply);

	if (len == 0) {
		call_status(call, CONTROL_FAILED, "the reply is too long");
		len = control_end(&call->reply);
	}
	/* whoever gets the reply may free what we hang off */
	(void)talloc_steal(NULL, call);
	call->send(call->arg, call->frame, len);
	talloc_free(call);
}

void call_refuse(struct call *call, enum control_status status,
		 const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	put_status(call, status, format, ap);
	va_end(ap);
	call_done(call);
}

/* ---- waiting ---- */

static int pending_destructor(struct pending *pending)
{
	if (pending->call != NULL) {
		pending->call->pending = NULL;
	}
	return 0;
}

static int call_destructor(struct call *call)
{
	if (call->pending != NULL) {
		call->pending->call = NULL;
	}
	return 0;
}

struct pending *call_wait(struct call *call)
{
	struct pending *pending = talloc_zero(call->context->serve,
					      struct pending);

	if (pending == NULL) {
		return NULL;
	}
	pending->call = call;
	call->pending = pending;
	talloc_set_destructor(pending, pending_destructor);
	talloc_set_destructor(call, call_destructor);
	return pending;
}

static void durable(void *arg, int error)
{
	struct pending *pending = arg;
	struct call *call = pending->call;

	talloc_free(pending);
	if (call == NULL) {
		return;
	}
	if (error != 0) {
		call_refuse(call, CONTROL_FAILED, "it was not written down: %s",
			    strerror(error));
		return;
	}
	call_done(call);
}

void call_done_durable(struct call *call)
{
	struct serve *serve = call->context->serve;
	struct pending *pending = call_wait(call);
	bool waits = false;

	if (pending != NULL) {
		serve_turn_begin(serve);
		waits = serve_when_durable(serve, durable, pending);
		serve_turn_end(serve);
	}
	if (!waits) {
		talloc_free(pending);
		call_refuse(call, CONTROL_FAILED, "out of memory");
	}
}

/* ---- values ---- */

void call_put_count(struct call *call, const char *key, uint64_t number)
{
	control_put_text(&call->reply, CONTROL_KEY, key);
	control_put_number(&call->reply, CONTROL_NUMBER, number);
}

void call_put_text(struct call *call, const char *key, const char *text)
{
	control_put_text(&call->reply, CONTROL_KEY, key);
	control_put_text(&call->reply, CONTROL_TEXT, text);
}

void call_put_host(struct call *call, const char *key, uint32_t addr)
{
	control_put_text(&call->reply, CONTROL_KEY, key);
	control_put_number(&call->reply, CONTROL_HOST, addr);
}

void call_put_truth(struct call *call, const char *key, bool truth)
{
	control_put_text(&call->reply, CONTROL_KEY, key);
	control_put_number(&call->reply, CONTROL_TRUTH, truth);
}

void call_put_nothing(struct call *call, const char *key)
{
	control_put_text(&call->reply, CONTROL_KEY, key);
}

void call_put_known(struct call *call, const char *key, uint64_t number)
{
	if (number == REPL_UNKNOWN) {
		call_put_nothing(call, key);
	} else {
		call_put_count(call, key, number);
	}
}

void call_put_seen(struct call *call, const char *key, int64_t when)
{
	if (when == 0) {
		call_put_nothing(call, key);
	} else {
		call_put_wall(call, key, when);
	}
}

/* ---- lists ---- */

bool call_resume(struct call *call, uint64_t *cursor)
{
	const struct control_reader *r = &call->request;
	uint64_t own = call->context->instance;

	*cursor = control_number_or(r, CONTROL_CURSOR, 0);
	if (control_number_or(r, CONTROL_INSTANCE, own) != own) {
		call_refuse(call, CONTROL_RESTARTED,
			    "the server was restarted: begin the list anew");
		return false;
	}
	return true;
}

bool call_row_fits(const struct call *call)
{
	return call->reply.len + CALL_ROW_MAX <= CONTROL_FILL;
}

void call_more(struct call *call, uint64_t cursor)
{
	control_put_number(&call->reply, CONTROL_CURSOR, cursor);
	control_put_number(&call->reply, CONTROL_INSTANCE,
			   call->context->instance);
}

/* ---- the border ---- */

static int64_t wall_offset(const struct call *call)
{
	return serve_wall_offset(call->context->serve);
}

void call_put_wall(struct call *call, const char *key, int64_t when)
{
	control_put_text(&call->reply, CONTROL_KEY, key);
	control_put_number(&call->reply, CONTROL_TIME, (uint64_t)when);
}

void call_put_time(struct call *call, const char *key, int64_t when)
{
	call_put_wall(call, key, age_shift(when, wall_offset(call)));
}

/* Replace one owner by another and move all times. */
static void translate(struct nb_record *rec, uint32_t from, uint32_t to,
		      int64_t offset)
{
	rec->owner = rec->owner == from ? to : rec->owner;
	rec->expires = age_shift(rec->expires, offset);
	for (unsigned int i = 0; i < rec->count; i++) {
		struct nb_member *member = &rec->member[i];

		member->owner = member->owner == from ? to : member->owner;
		member->expires = age_shift(member->expires, offset);
	}
}

void call_put_record(struct call *call, enum control_tag tag,
		     const struct nb_record *rec)
{
	struct nb_record outward = *rec;

	translate(&outward, NB_SELF, call->context->self, wall_offset(call));
	control_put_record(&call->reply, tag, &outward);
}

void call_get_record(const struct call *call,
		     const struct control_field *field, struct nb_record *rec)
{
	control_record(field, rec);
	translate(rec, call->context->self, NB_SELF, -wall_offset(call));
}

uint32_t call_owner_inward(const struct call *call, uint32_t owner)
{
	return owner == call->context->self ? NB_SELF : owner;
}

bool call_has_flag(const struct call *call, enum control_flag flag)
{
	return (control_number_or(&call->request, CONTROL_FLAGS, 0) &
		(uint64_t)flag) != 0;
}

bool call_owner_line(const struct call *call, uint32_t owner,
		     struct store_owner *line)
{
	for (unsigned int i = 0;
	     store_owner_at(call->context->store, i, line); i++) {
		if (line->owner == owner) {
			return true;
		}
	}
	*line = (struct store_owner) { .owner = owner };
	return false;
}

bool call_is_own_name(const struct call *call, const struct nb_name *name)
{
	struct nb_status_name own;

	for (unsigned int i = 0;
	     serve_own_name_at(call->context->serve, i, &own); i++) {
		if (nb_name_equal(&own.name, name)) {
			return true;
		}
	}
	return false;
}
