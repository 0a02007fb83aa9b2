/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One command under way: private to this room.
 *
 * A handler fills the reply and ends it with call_done(), at once or later.
 * Its request is only readable until the handler returns. What goes on after
 * that (a commit, a scavenging pass) holds a struct pending and not the call:
 * the client may be gone by then.
 */
#ifndef WINSD_CONTROL_CALL_H
#define WINSD_CONTROL_CALL_H

#include "control/control.h"

struct call {
	const struct control_context *context;
	struct control_reader request;	/* until the handler returns */
	struct control_writer reply;
	void (*send)(void *arg, const uint8_t *frame, size_t len);
	void *arg;
	struct pending *pending;
	uint8_t frame[CONTROL_FRAME_MAX];
};

/* ---- call.c ---- */

/* Begin the reply, afresh if it was begun: status, and a message or NULL. */
void call_status(struct call *call, enum control_status status,
		 const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Send the reply; call is gone afterwards, and maybe its client. */
void call_done(struct call *call);

/* Both: a reply that is nothing but its status. */
void call_refuse(struct call *call, enum control_status status,
		 const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The same when all that was changed until now is durable: the reply as it was
 * filled, or a failure.
 */
void call_done_durable(struct call *call);

/*
 * The thread from something that goes on to the call that waits for it. It
 * hangs off serve, so it is there as long as serve can call back; call is
 * NULL once nobody waits any more. Free it when the call back has come.
 */
struct pending {
	struct call *call;
};

struct pending *call_wait(struct call *call);

/* Values for people, each under its key; a time is the ageing clock's. */
void call_put_count(struct call *call, const char *key, uint64_t number);
void call_put_text(struct call *call, const char *key, const char *text);
void call_put_host(struct call *call, const char *key, uint32_t addr);
void call_put_time(struct call *call, const char *key, int64_t when);
void call_put_wall(struct call *call, const char *key, int64_t when);
void call_put_truth(struct call *call, const char *key, bool truth);
void call_put_nothing(struct call *call, const char *key);
/* The same, or nothing if that is REPL_UNKNOWN, or a time of 0. */
void call_put_known(struct call *call, const char *key, uint64_t number);
void call_put_seen(struct call *call, const char *key, int64_t when);

/*
 * Lists in slices. Where does this one begin? False: the cursor is of another
 * life of the server, and the call is over. The next one begins at cursor.
 */
#define CALL_ROW_MAX 2048	/* bytes of one object of a list */
bool call_resume(struct call *call, uint64_t *cursor);
bool call_row_fits(const struct call *call);
void call_more(struct call *call, uint64_t cursor);

/*
 * From our records to what the wire carries and back: owners are real
 * addresses there, times those of the wall clock.
 */
void call_put_record(struct call *call, enum control_tag tag,
		     const struct nb_record *rec);
void call_get_record(const struct call *call,
		     const struct control_field *field, struct nb_record *rec);
uint32_t call_owner_inward(const struct call *call, uint32_t owner);

/* Is this one of the names that the server itself holds? */
bool call_is_own_name(const struct call *call, const struct nb_name *name);

bool call_has_flag(const struct call *call, enum control_flag flag);

/* What the store counts of an owner, as it calls it; false: nothing. */
bool call_owner_line(const struct call *call, uint32_t owner,
		     struct store_owner *line);

/* ---- record_list.c, record_look.c, record_change.c, record_import.c ---- */

void record_list(struct call *call);
void record_show(struct call *call);
void record_explain(struct call *call);
void record_add(struct call *call);
void record_delete(struct call *call);
void record_tombstone(struct call *call);
void record_release(struct call *call);
void record_touch(struct call *call);
void record_import(struct call *call);

/* ---- partner.c, owner_look.c ---- */

void partner_list(struct call *call);
void partner_pull(struct call *call);
void partner_push(struct call *call);
void owner_list(struct call *call);
void owner_accept(struct call *call);
void owner_reject(struct call *call);

/* ---- gate.c ---- */

/*
 * Why this server gives out no version number now, and what lifts it, in the
 * buffer; NULL: it does.
 */
#define GATE_TEXT 256
const char *gate_objection(const struct call *call, char text[GATE_TEXT]);
const char *gate_state(const struct call *call);	/* NULL: it is open */
void gate_put_status(struct call *call);
void server_start_anyway(struct call *call);

/* ---- client.c ---- */

void client_list(struct call *call);
void client_missing(struct call *call);

/* Who asks for what; NULL: nobody counts, and the call is over. */
struct usage *client_usage(struct call *call);

/* ---- owner_change.c, owner_rename.c ---- */

void owner_adopt(struct call *call);
void owner_delete(struct call *call);
void owner_rename(struct call *call);

/* ---- check_database.c, check_versions.c, check_names.c ---- */

void check_database(struct call *call);
void check_versions(struct call *call);
void check_names(struct call *call);

/* ---- server.c ---- */

void server_status(struct call *call);
void server_stats(struct call *call);
void server_reload(struct call *call);
void server_scavenge(struct call *call);
void server_backup(struct call *call);
void server_stop(struct call *call);

#endif
