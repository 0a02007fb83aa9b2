/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands of the control socket, without the socket.
 *
 * A request (codec/control.h) comes in as bytes, one reply frame goes out
 * through a function; who sits behind them is no business of this room. Each
 * verb is a row of one table: name, what the peer must be allowed to do, and
 * a handler (design.md 4.3, 4.4).
 *
 * Lists are cursors: a slice visits at most CONTROL_VISIT_MAX records, fills
 * at most 64 KiB and one record, and nothing is held until the client comes
 * back with the cursor.
 */
#ifndef WINSD_CONTROL_CONTROL_H
#define WINSD_CONTROL_CONTROL_H

#include <talloc.h>

#include "codec/control.h"
#include "repl/repl.h"
#include "serve/serve.h"

#define CONTROL_VISIT_MAX	4096	/* records looked at in one slice */

/* What a peer may do; each includes the ones before. */
enum control_right {
	CONTROL_NOTHING,
	CONTROL_READ,		/* see */
	CONTROL_ADMIN,		/* change */
};

/* What there is to tell of backups. */
struct control_backups {
	int64_t last;		/* wall clock of the last one; 0: none yet */
	int64_t next;		/* ageing clock; NB_NEVER: none is due */
	uint64_t made;		/* since the start */
	uint64_t failed;
	const char *complaint;	/* why the latest failed; NULL: it did not */
};

/*
 * What the commands need of the server, filled at wiring (plugins/wins) and
 * read anew by each command: the wiring may change it between two turns of
 * the loop, as after a reload. It outlives every call.
 */
struct control_context {
	const struct nb_world *world;
	struct store *store;
	struct serve *serve;
	struct repl *repl;	/* may be NULL */
	uint32_t self;		/* our owner address, shown for NB_SELF */
	const char *version;	/* of the program, for people */
	const char *state;	/* "running", "observing" ... */
	int64_t started;	/* ageing clock at the start */
	uint64_t instance;	/* random, drawn at the start: a cursor of an
				   earlier life of the server is refused */
	void *priv;		/* for the functions below */

	/*
	 * Read the configuration anew: 0, or an errno and a message on
	 * mem_ctx; then nothing has changed.
	 */
	int (*reload)(void *priv, TALLOC_CTX *mem_ctx, char **message);

	/*
	 * Make a backup now. done is called once, maybe before this returns:
	 * error 0 and the path of the copy, or an errno and one line; EBUSY
	 * if one is being made.
	 */
	void (*backup)(void *priv,
		       void (*done)(void *arg, int error, uint64_t records,
				    const char *text),
		       void *arg);
	void (*backup_sight)(void *priv, struct control_backups *sight);

	/*
	 * End the server. Called from a timer of the world, with nothing of
	 * control or net on the stack: it may free everything.
	 */
	void (*stop)(void *priv);

	/*
	 * Counters that control cannot reach itself (door, sockets), by index
	 * from 0; false after the last. NULL: none.
	 */
	bool (*stat_at)(void *priv, unsigned int index, const char **name,
			uint64_t *value);
};

/*
 * Begin to carry out the request in body (what stands behind the length of a
 * frame). reply() is called exactly once, before control_call() returns or
 * later, with a whole frame that is borrowed for the call. Freeing mem_ctx
 * before that forgets the answer: reply is then never called, while the
 * command itself is carried out all the same. mem_ctx may be freed inside
 * reply.
 *
 * Returns 0, or ENOMEM; then reply was not and will not be called.
 */
int control_call(TALLOC_CTX *mem_ctx, const struct control_context *context,
		 enum control_right right, const uint8_t *body, size_t len,
		 void (*reply)(void *arg, const uint8_t *frame, size_t len),
		 void *arg);

/* The table of verbs by index, for tests; false after the last. */
bool control_verb_at(unsigned int index, const char **name,
		     enum control_right *right);

#endif
