/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection of replication, see repl/link.h and tcp42.h.
 *
 *	NEW		accepted, nobody's yet
 *	CONNECTING	the call is under way
 *	OPEN		reading unless paused, writing if there is something
 *	OVER		it has ended, its owner will hear of it (down)
 *	CLOSED		its owner ended it, it hears nothing any more
 *	LINGERING	what was sent goes out, for TCP42_LINGER_USEC at most
 *
 * Events come from the loop only, one after the other: sending queues, and the
 * socket being writable sends; whatever ends a link inside a call is left to
 * its immediate event. So an owner may close a link, or another, anywhere, and
 * MS11-035 (a send that failed after the peer's reset, and what the caller
 * then did with it) has no place to happen. A link is freed in handlers of its
 * own only, and never in one that has called its owner.
 *
 * Reading takes what is there, at most LINK_READ_MAX at a wake-up, into one
 * buffer of the set, and shows it from there; only what its owner did not take
 * is kept with the link. So a length that a peer merely announced costs
 * nothing, and a link at rest has no buffer.
 *
 * The end of a link that was closed is in order: our bytes, our FIN, then the
 * peer's is waited for. A close(2) at once would have the kernel answer bytes
 * that nobody read with a reset, which may overtake our last message.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tcp42_private.h"

#define FLUSH_MAX	(256u << 10)	/* bytes sent at a wake-up */
#define CHUNK_MIN	4096u
#define KEEPALIVE_EACH	15		/* s between probes */
#define KEEPALIVE_TRIES	4

enum link_state {
	LINK_NEW,
	LINK_CONNECTING,
	LINK_OPEN,
	LINK_OVER,
	LINK_CLOSED,
	LINK_LINGERING,
};

/* Some of what is to be sent. */
struct chunk {
	TAILQ_ENTRY(chunk) list;
	size_t size;
	size_t len;
	size_t sent;
	uint8_t data[];
};

struct link {
	TAILQ_ENTRY(link) list;
	struct tcp42 *tcp;
	enum link_state state;
	bool incoming;
	bool paused;
	bool show_again;	/* resumed: what is kept is shown anew */
	bool spoke;		/* something was sent */
	int error;		/* for down() */
	int fd;
	uint32_t peer;
	uint32_t local;
	const struct link_events *events;
	void *arg;
	struct tevent_fd *fde;
	struct tevent_immediate *soon;
	struct nb_timer *timer;	/* stall, or linger */
	uint8_t *in;		/* what was not taken: in_len at in_at */
	size_t in_size;
	size_t in_at;
	size_t in_len;
	TAILQ_HEAD(chunk_list, chunk) out;
	size_t unsent;
	uint64_t gone;		/* bytes sent in all */
	uint64_t gone_before;	/* when the stall timer was started */
};

/* ---- small things ---- */

static void set_flags(struct link *link)
{
	uint16_t flags = 0;

	if (link->state == LINK_OPEN) {
		flags = (link->paused ? 0 : TEVENT_FD_READ) |
			(link->unsent > 0 ? TEVENT_FD_WRITE : 0);
	} else if (link->state == LINK_CONNECTING) {
		/* tevent tells failures to readers only */
		flags = TEVENT_FD_READ | TEVENT_FD_WRITE;
	} else if (link->state == LINK_LINGERING) {
		flags = TEVENT_FD_READ |
			(link->unsent > 0 ? TEVENT_FD_WRITE : 0);
	}
	tevent_fd_set_flags(link->fde, flags);
}

static void timer_end(struct link *link)
{
	const struct nb_world *world = link->tcp->world;

	world->timer_stop(world->priv, link->timer);
	link->timer = NULL;
}

static void soon_due(struct tevent_context *ev, struct tevent_immediate *im,
		     void *arg);

static void do_soon(struct link *link)
{
	tevent_schedule_immediate(link->soon, link->tcp->ev, soon_due, link);
}

/* The link has ended by itself; its owner hears of it from the loop. */
static void finish(struct link *link, int error)
{
	if (link->state != LINK_OPEN && link->state != LINK_CONNECTING) {
		return;
	}
	link->tcp->stats.broken += error != 0;
	link->state = LINK_OVER;
	link->error = error;
	timer_end(link);
	set_flags(link);
	do_soon(link);
}

static void learn_local(struct link *link)
{
	struct sockaddr_in sa = {0};
	socklen_t len = sizeof(sa);

	if (getsockname(link->fd, (struct sockaddr *)&sa, &len) == 0) {
		link->local = ntohl(sa.sin_addr.s_addr);
	}
}

/* ---- sending ---- */

/*
 * Send what is there, up to a bound. 0: the socket takes no more for now, or
 * nothing is left (unsent tells); or an errno.
 */
static int flush(struct link *link)
{
	size_t budget = FLUSH_MAX;
	struct chunk *chunk = NULL;

	while (budget > 0 && (chunk = TAILQ_FIRST(&link->out)) != NULL) {
		size_t left = chunk->len - chunk->sent;
		size_t want = left < budget ? left : budget;
		bool more = want < link->unsent;
		ssize_t n = send(link->fd, chunk->data + chunk->sent, want,
				 MSG_NOSIGNAL | MSG_DONTWAIT |
				 (more ? MSG_MORE : 0));

		if (n < 0) {
			return errno == EAGAIN || errno == EWOULDBLOCK ||
			       errno == EINTR || errno == ENOBUFS ? 0 : errno;
		}
		chunk->sent += (size_t)n;
		link->unsent -= (size_t)n;
		link->gone += (uint64_t)n;
		link->tcp->stats.sent += (uint64_t)n;
		budget -= (size_t)n;
		if (chunk->sent < chunk->len) {
			return 0;
		}
		TAILQ_REMOVE(&link->out, chunk, list);
		talloc_free(chunk);
	}
	return 0;
}

static void stall_due(void *arg);

/* Without memory for the timer the kernel's own patience has to do. */
static void stall_start(struct link *link)
{
	const struct nb_world *world = link->tcp->world;

	link->gone_before = link->gone;
	link->timer = world->timer_start(world->priv, TCP42_STALL_USEC,
					 stall_due, link);
}

static void stall_due(void *arg)
{
	struct link *link = talloc_get_type_abort(arg, struct link);
	char text[NB_ADDR_TEXT];

	link->timer = NULL;
	if (link->gone != link->gone_before) {
		stall_start(link);
		return;
	}
	link->tcp->stats.stalled++;
	nb_log(link->tcp->world, NB_LOG_WARNING, "replication: %s has read "
	       "nothing for %u s, with %zu bytes under way to it: hanging up",
	       nb_addr_print(link->peer, text), TCP42_STALL_USEC / 1000000,
	       link->unsent);
	finish(link, ETIMEDOUT);
}

static void write_ready(struct link *link)
{
	int error = flush(link);

	if (error != 0) {
		finish(link, error);
		return;
	}
	if (link->unsent > 0) {
		return;
	}
	timer_end(link);
	set_flags(link);
	link->events->drained(link->arg);
}

/* Room for len more bytes behind what waits; NULL: no memory. */
static struct chunk *chunk_for(struct link *link, size_t len)
{
	struct chunk *chunk = TAILQ_LAST(&link->out, chunk_list);
	size_t size = len > CHUNK_MIN ? len : CHUNK_MIN;

	if (chunk != NULL && chunk->size - chunk->len >= len) {
		return chunk;
	}
	chunk = talloc_size(link, sizeof(*chunk) + size);
	if (chunk == NULL) {
		return NULL;
	}
	*chunk = (struct chunk) { .size = size };
	TAILQ_INSERT_TAIL(&link->out, chunk, list);
	return chunk;
}

/* It asked for all this and reads none of it. */
static int too_slow(struct link *link)
{
	char text[NB_ADDR_TEXT];

	link->tcp->stats.stalled++;
	nb_log(link->tcp->world, NB_LOG_WARNING, "replication: %zu bytes wait "
	       "for %s, which does not read them: hanging up", link->unsent,
	       nb_addr_print(link->peer, text));
	finish(link, ENOBUFS);
	return ENOMEM;
}

int tcp42_link_send(struct link *link, const uint8_t *data, size_t len)
{
	struct chunk *chunk = NULL;

	if (link->state != LINK_OPEN && link->state != LINK_CONNECTING) {
		return 0;		/* it is over: down() is on its way */
	}
	if (len == 0) {
		return 0;
	}
	if (len > link->tcp->unsent_max - link->unsent) {
		return too_slow(link);
	}
	chunk = chunk_for(link, len);
	if (chunk == NULL) {
		return ENOMEM;
	}
	memcpy(chunk->data + chunk->len, data, len);
	chunk->len += len;
	link->unsent += len;
	link->spoke = true;
	if (link->state == LINK_OPEN && link->timer == NULL) {
		stall_start(link);
	}
	set_flags(link);
	return 0;
}

size_t tcp42_link_unsent(const struct link *link)
{
	return link->unsent;
}

/* ---- reading ---- */

/* Bytes behind those that are kept. */
static bool keep(struct link *link, const uint8_t *data, size_t len)
{
	size_t need = link->in_len + len;
	size_t size = link->in_size;
	uint8_t *grown = NULL;

	if (link->in_at > 0 && link->in_at + need > size) {
		memmove(link->in, link->in + link->in_at, link->in_len);
		link->in_at = 0;
	}
	while (size < need) {
		size = size == 0 ? 512 : 2 * size;
	}
	if (size > link->in_size) {
		grown = talloc_realloc(link, link->in, uint8_t, size);
		if (grown == NULL) {
			return false;
		}
		link->in = grown;
		link->in_size = size;
	}
	memcpy(link->in + link->in_at + link->in_len, data, len);
	link->in_len += len;
	return true;
}

static void forget(struct link *link, size_t len)
{
	link->in_at += len;
	link->in_len -= len;
	if (link->in_len == 0) {
		TALLOC_FREE(link->in);
		link->in_at = 0;
		link->in_size = 0;
	}
}

/* Show bytes to the owner. False: the link is not open any more. */
static bool show(struct link *link, const uint8_t *data, size_t len,
		 size_t *taken)
{
	*taken = link->events->data(link->arg, data, len);
	if (*taken > len) {
		*taken = len;
	}
	return link->state == LINK_OPEN;
}

static void show_kept(struct link *link)
{
	size_t taken = 0;

	if (!show(link, link->in + link->in_at, link->in_len, &taken)) {
		return;
	}
	forget(link, taken);
	if (link->in_len >= LINK_BUFFER_MAX && !link->paused) {
		finish(link, EMSGSIZE);
	}
}

static void took(struct link *link, const uint8_t *data, size_t len)
{
	size_t taken = 0;

	link->tcp->stats.received += len;
	if (link->in_len > 0) {
		if (!keep(link, data, len)) {
			finish(link, ENOMEM);
			return;
		}
		show_kept(link);
		return;
	}
	if (!show(link, data, len, &taken)) {
		return;
	}
	if (taken < len && !keep(link, data + taken, len - taken)) {
		finish(link, ENOMEM);
	}
}

static void read_ready(struct link *link)
{
	size_t room = LINK_BUFFER_MAX - link->in_len;
	ssize_t n = recv(link->fd, link->tcp->scratch,
			 room < LINK_READ_MAX ? room : LINK_READ_MAX,
			 MSG_DONTWAIT);

	if (n > 0) {
		took(link, link->tcp->scratch, (size_t)n);
	} else if (n == 0) {
		finish(link, 0);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		finish(link, errno);
	}
}

void tcp42_link_pause(struct link *link, bool pause)
{
	if (link->paused == pause) {
		return;
	}
	link->paused = pause;
	if (link->state != LINK_OPEN) {
		return;
	}
	set_flags(link);
	if (!pause && link->in_len > 0) {
		link->show_again = true;
		do_soon(link);
	}
}

/* ---- the beginning ---- */

static void connect_ready(struct link *link)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
		error = errno;
	}
	if (error != 0) {
		link->tcp->stats.connect_errors++;
		finish(link, error);
		return;
	}
	link->tcp->stats.connected++;
	link->state = LINK_OPEN;
	learn_local(link);
	if (link->unsent > 0) {
		stall_start(link);
	}
	set_flags(link);
	link->events->up(link->arg);
}

void tcp42_link_accept(struct link *link, const struct link_events *events,
		       void *arg)
{
	link->events = events;
	link->arg = arg;
	if (link->state == LINK_NEW) {
		link->state = LINK_OPEN;
		set_flags(link);
	}
}

uint32_t tcp42_link_local(const struct link *link)
{
	return link->local;
}

bool tcp42_link_taken(const struct link *link)
{
	return link->state != LINK_NEW;
}

/* ---- the end ---- */

static void linger_due(void *arg)
{
	struct link *link = talloc_get_type_abort(arg, struct link);

	link->timer = NULL;
	talloc_free(link);
}

/* Our bytes, our FIN, the peer's FIN. */
static void linger_ready(struct link *link, uint16_t flags)
{
	ssize_t n = -1;

	if ((flags & TEVENT_FD_WRITE) != 0) {
		if (flush(link) != 0) {
			talloc_free(link);
			return;
		}
		if (link->unsent == 0) {
			(void)shutdown(link->fd, SHUT_WR);
			set_flags(link);
		}
	}
	if ((flags & TEVENT_FD_READ) == 0) {
		return;
	}
	n = recv(link->fd, link->tcp->scratch, LINK_READ_MAX, MSG_DONTWAIT);
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK &&
		       errno != EINTR)) {
		talloc_free(link);
	}
}

static void linger_begin(struct link *link)
{
	const struct nb_world *world = link->tcp->world;

	if (!link->spoke || link->local == 0) {
		talloc_free(link);
		return;
	}
	if (link->unsent == 0) {
		(void)shutdown(link->fd, SHUT_WR);
	}
	link->timer = world->timer_start(world->priv, TCP42_LINGER_USEC,
					 linger_due, link);
	if (link->timer == NULL) {
		talloc_free(link);
		return;
	}
	link->state = LINK_LINGERING;
	TAILQ_REMOVE(&link->tcp->links, link, list);
	TAILQ_INSERT_TAIL(&link->tcp->lingering, link, list);
	set_flags(link);
}

void tcp42_link_close(struct link *link)
{
	bool standing = link->state == LINK_OPEN;

	link->events = NULL;
	link->state = LINK_CLOSED;
	timer_end(link);
	set_flags(link);
	if (!standing) {
		link->spoke = false;	/* nobody is there to read it */
	}
	do_soon(link);
}

static void soon_due(struct tevent_context *ev, struct tevent_immediate *im,
		     void *arg)
{
	struct link *link = talloc_get_type_abort(arg, struct link);

	(void)ev;
	(void)im;
	if (link->state == LINK_CLOSED) {
		linger_begin(link);
	} else if (link->state == LINK_OVER) {
		link->state = LINK_CLOSED;	/* a close() now is too late */
		link->events->down(link->arg, link->error);
		talloc_free(link);
	} else if (link->show_again && !link->paused) {
		link->show_again = false;
		if (link->in_len > 0) {
			show_kept(link);
		}
	}
}

static void link_ready(struct tevent_context *ev, struct tevent_fd *fde,
		       uint16_t flags, void *arg)
{
	struct link *link = talloc_get_type_abort(arg, struct link);

	(void)ev;
	(void)fde;
	if (link->state == LINK_CONNECTING) {
		connect_ready(link);
		return;
	}
	if (link->state == LINK_LINGERING) {
		linger_ready(link, flags);
		return;
	}
	if (link->state == LINK_OPEN && (flags & TEVENT_FD_WRITE) != 0) {
		write_ready(link);
	}
	if (link->state == LINK_OPEN && (flags & TEVENT_FD_READ) != 0 &&
	    !link->paused) {
		read_ready(link);
	}
}

void tcp42_link_end_local(struct tcp42 *tcp, uint32_t local)
{
	struct link *link = NULL;

	TAILQ_FOREACH(link, &tcp->links, list) {
		if (link->incoming && link->local == local) {
			finish(link, EADDRNOTAVAIL);
		}
	}
}

/* ---- making and freeing ---- */

/* What was sent just now has not met the socket yet: it gets one chance. */
static int link_destroy(struct link *link)
{
	struct link_list *list = link->state == LINK_LINGERING ?
				 &link->tcp->lingering : &link->tcp->links;

	timer_end(link);
	if (link->unsent > 0 && link->local != 0) {
		(void)flush(link);
	}
	TALLOC_FREE(link->fde);
	close(link->fd);
	TAILQ_REMOVE(list, link, list);
	link->tcp->stats.open--;
	return 0;
}

void tcp42_link_drop(struct link *link)
{
	talloc_free(link);
}

bool tcp42_link_room(struct tcp42 *tcp)
{
	if (tcp->stats.open < tcp->links_max) {
		return true;
	}
	if (TAILQ_EMPTY(&tcp->lingering)) {
		return false;
	}
	talloc_free(TAILQ_FIRST(&tcp->lingering));
	return true;
}

/* None of these is worth refusing a partner for. */
static void set_options(int fd)
{
	const struct {
		int level, name, value;
	} option[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, TCP42_KEEPALIVE },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EACH },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	};

	for (size_t i = 0; i < sizeof(option) / sizeof(option[0]); i++) {
		(void)setsockopt(fd, option[i].level, option[i].name,
				 &option[i].value, sizeof(option[i].value));
	}
}

struct link *tcp42_link_create(struct tcp42 *tcp, int fd, bool connecting,
			       uint32_t peer)
{
	struct link *link = talloc_zero(tcp, struct link);

	if (link != NULL) {
		link->soon = tevent_create_immediate(link);
		link->fde = tevent_add_fd(tcp->ev, link, fd, 0, link_ready,
					  link);
	}
	if (link == NULL || link->soon == NULL || link->fde == NULL) {
		talloc_free(link);
		close(fd);
		return NULL;
	}
	link->tcp = tcp;
	link->fd = fd;
	link->peer = peer;
	link->incoming = !connecting;
	link->state = connecting ? LINK_CONNECTING : LINK_NEW;
	TAILQ_INIT(&link->out);
	TAILQ_INSERT_TAIL(&tcp->links, link, list);
	tcp->stats.open++;
	talloc_set_destructor(link, link_destroy);
	set_options(fd);
	if (!connecting) {
		learn_local(link);
	}
	set_flags(link);
	return link;
}
