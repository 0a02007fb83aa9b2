/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections as replication sees them: net/tcp42.c fills struct link_ops with
 * sockets, testsuite/sim with virtual ones that can be cut and delayed.
 *
 * A link is a stream of bytes to one peer. Whoever makes it owns its buffers;
 * repl owns the decision when it ends. After down() or close() the link must
 * not be touched. No event is called from inside connect(), accept(), send(),
 * pause() or close(), nor inside another event of the same link.
 */
#ifndef WINSD_REPL_LINK_H
#define WINSD_REPL_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;			/* defined by whoever fills link_ops */

/* As much stands in a link's receive buffer at most. */
#define LINK_BUFFER_MAX		((1u << 20) + 4096u)
/* As much is read at once: what one turn of replication is made of. */
#define LINK_READ_MAX		32768u

struct link_events {
	/* An outgoing connection stands. */
	void (*up)(void *arg);

	/*
	 * Bytes are there, len of them: all that came and was not taken yet.
	 * Returns how many are taken from the front; the rest is shown again
	 * when more has come, or when the link is resumed after a pause. May
	 * pause or close the link (the return value then means nothing).
	 */
	size_t (*data)(void *arg, const uint8_t *data, size_t len);

	/* All that was sent has left. Not called before something was sent. */
	void (*drained)(void *arg);

	/* The end, by the peer (0) or an errno (also a failed connect). */
	void (*down)(void *arg, int error);
};

struct link_ops {
	void *priv;

	/*
	 * Call a peer from this address (0: any). 0 and a link, then up() or
	 * down() later; or an errno.
	 */
	int (*connect)(void *priv, uint32_t from, uint32_t to, uint16_t port,
		       const struct link_events *events, void *arg,
		       struct link **link);

	/* An incoming link (repl_accept) gets its events from now on. */
	void (*accept)(struct link *link, const struct link_events *events,
		       void *arg);

	/* Send; the bytes are copied. 0 or ENOMEM. Order is kept. */
	int (*send)(struct link *link, const uint8_t *data, size_t len);
	size_t (*unsent)(const struct link *link);

	/* Stop and resume reading; data() is not called while paused. */
	void (*pause)(struct link *link, bool pause);

	/*
	 * End it. What was sent still goes out, for a few seconds at most;
	 * no event comes any more.
	 */
	void (*close)(struct link *link);

	/* The address of ours that it uses, as far as known; else 0. */
	uint32_t (*local)(const struct link *link);
};

#endif
