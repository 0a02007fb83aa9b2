/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Associations: one link, its contexts, and what a frame on it may do
 * (protocol.md 3.5, 3.6).
 *
 * A context is a random number of this one connection; it is compared, never
 * looked anything up with, and a frame that carries another one does nothing
 * (MS04-045). After START, 0 stands for "this connection", as some peers send
 * it.
 *
 * An association has one of three roles. As server it answers; with a pull it
 * asks; with a push it tells and then answers. UPDATE turns a server into a
 * pull: the peer has called and we ask.
 *
 * Everything has a deadline: to say START, to finish a frame that was begun,
 * to answer, to stay idle. Who is no partner has few links and short ones.
 *
 * A frame is handled when it is whole, but for SEND_REPLY: its records are
 * handed to the pull as they arrive, so that a reply may be longer than
 * memory (protocol.md 3.3; the suite sends 100,000 records in one frame).
 *
 * Lifetime: handlers may close the association they are called from; depth
 * keeps the struct until the outermost has returned.
 */

#include <inttypes.h>
#include <string.h>

#include "repl/private.h"

#define STRANGER_TOLD 3600	/* s between two lines about the same one */

/* ---- the end ---- */

static void assoc_unlink(struct assoc *a)
{
	struct repl *repl = a->repl;

	TAILQ_REMOVE(&repl->assocs, a, list);
	if (a->incoming && a->partner == NULL) {
		repl->strangers--;
	}
	repl_timer_stop(repl, &a->timer);
	answer_drop(a);
	if (a->partner != NULL && a->partner->idle == a) {
		a->partner->idle = NULL;
	}
	if (a->partner != NULL && a->partner->push_assoc == a) {
		a->partner->push_assoc = NULL;
	}
	if (a->partner != NULL) {
		pull_lent_gone(a->partner, a);
	}
	a->pull = NULL;
	a->push = NULL;
}

static void assoc_release(struct assoc *a)
{
	if (a->closed && a->depth == 0) {
		talloc_free(a);
	}
}

void assoc_close(struct assoc *a)
{
	if (a->closed) {
		return;
	}
	a->closed = true;
	if (a->link != NULL) {
		a->repl->ops.close(a->link);
		a->link = NULL;
	}
	assoc_unlink(a);
	assoc_release(a);
}

/* Whoever used it hears of it, and it is gone. */
static void assoc_dies(struct assoc *a, int error)
{
	struct pull *pull = a->pull;
	struct push *push = a->push;

	a->depth++;
	assoc_close(a);
	if (pull != NULL) {
		pull_lost(pull, error);
	}
	if (push != NULL) {
		push_lost(push, error);
	}
	a->depth--;
	assoc_release(a);
}

static void assoc_down(void *arg, int error)
{
	struct assoc *a = arg;

	a->link = NULL;
	assoc_dies(a, error != 0 ? error : ECONNRESET);
}

/* ---- deadlines ---- */

static void assoc_timeout(void *arg)
{
	struct assoc *a = arg;
	char text[NB_ADDR_TEXT];

	a->timer = NULL;
	repl_count(a->repl, STAT_TIMEOUTS);
	nb_log(a->repl->world, NB_LOG_INFO,
	       "replication: %s was waited for in vain (%s)",
	       nb_addr_print(a->peer, text), a->waiting);
	assoc_dies(a, ETIMEDOUT);
}

void assoc_wait(struct assoc *a, unsigned int seconds, const char *for_what)
{
	struct repl *repl = a->repl;

	if (a->closed) {
		return;
	}
	repl_timer_stop(repl, &a->timer);
	a->waiting = for_what;
	a->timer = repl_timer(repl, seconds * UINT64_C(1000000), assoc_timeout,
			      a);
	/* without memory for it the peer's silence has no end; keepalive has */
}

static void assoc_idle(struct assoc *a)
{
	a->frame_begun = false;
	assoc_wait(a, a->partner != NULL ? IDLE_SECONDS : STRANGER_SECONDS,
		   "the next request");
}

void assoc_pause(struct assoc *a, bool pause)
{
	if (a->closed || a->paused == pause) {
		return;
	}
	a->paused = pause;
	a->repl->ops.pause(a->link, pause);
	if (a->role != ROLE_PULL) {
		return;
	}
	/* as long as it lasts it is not the peer who is slow */
	if (pause) {
		repl_timer_stop(a->repl, &a->timer);
	} else {
		assoc_wait(a, REPLY_SECONDS, "more records");
	}
}

/* ---- sending ---- */

/* A frame that cannot be sent for want of memory: the peer waits, and its
 * deadline ends it. Who sends a part of one has to end it. */
int assoc_send(struct assoc *a, const uint8_t *frame, size_t len)
{
	if (a->closed || a->link == NULL) {
		return ENOTCONN;
	}
	return a->repl->ops.send(a->link, frame, len);
}

void assoc_stop(struct assoc *a, uint32_t reason)
{
	uint8_t frame[WREPL_SMALL_MAX];

	assoc_send(a, frame,
		   wrepl_encode_stop(frame, a->peer_context, reason));
	assoc_close(a);
}

/* The lines of the table that this peer is told; 0: the one owner's only. */
static uint32_t collect(struct assoc *a, struct wrepl_owner *line,
			uint32_t only)
{
	struct repl *repl = a->repl;
	struct owner *owner = NULL;
	uint32_t count = 0;

	RB_FOREACH(owner, owner_tree, &repl->owners) {
		uint64_t max = owner_told(repl, owner, a->peer);
		bool ours = owner->address == repl->config.self;

		if ((only != 0 && owner->address != only) ||
		    (!ours && (max == 0 || !owner_allowed(repl,
							  owner->address)))) {
			continue;
		}
		line[count++] = (struct wrepl_owner){ owner->address, max, 0 };
		if (ours && count > 1) {	/* ours stands first: 4.1 */
			struct wrepl_owner first = line[0];

			line[0] = line[count - 1];
			line[count - 1] = first;
		}
	}
	return count;
}

static uint32_t count_owners(struct repl *repl)
{
	struct owner *owner = NULL;
	uint32_t count = 0;

	RB_FOREACH(owner, owner_tree, &repl->owners) {
		count++;
	}
	return count;
}

void assoc_send_table(struct assoc *a, uint32_t command, uint32_t owner,
		      uint32_t initiator)
{
	uint32_t count = count_owners(a->repl);
	TALLOC_CTX *scratch = talloc_new(NULL);
	struct wrepl_owner *line = NULL;
	uint8_t *frame = NULL;

	if (scratch == NULL) {
		return;
	}
	line = talloc_array(scratch, struct wrepl_owner, count + 1);
	frame = talloc_array(scratch, uint8_t, wrepl_table_size(count + 1));
	if (line != NULL && frame != NULL) {
		count = collect(a, line, owner);
		assoc_send(a, frame,
			   wrepl_encode_table(frame, a->peer_context, command,
					      line, count, initiator));
	}
	talloc_free(scratch);
}

/* ---- as server ---- */

/* One line for each of the latest strangers, with what would let it in. */
static void tell_stranger(struct assoc *a)
{
	struct repl *repl = a->repl;
	int64_t now = repl_now(repl);
	char text[NB_ADDR_TEXT];
	struct stranger *oldest = &repl->stranger[0];

	for (unsigned int i = 0; i < STRANGERS_KNOWN; i++) {
		struct stranger *s = &repl->stranger[i];

		if (s->address == a->peer && now - s->told < STRANGER_TOLD) {
			return;
		}
		if (s->told < oldest->told || s->address == a->peer) {
			oldest = s;
		}
	}
	*oldest = (struct stranger){ .address = a->peer, .told = now };
	(void)nb_addr_print(a->peer, text);
	if (a->partner != NULL) {
		nb_log(repl->world, NB_LOG_NOTICE,
		       "replication refused to %s: `wins:partners` lets it do "
		       "one direction only, `%s` for both", text, text);
		return;
	}
	nb_log(repl->world, NB_LOG_NOTICE,
	       "replication refused to %s: it is no partner; adding %s to "
	       "`wins:partners` in the configuration makes it one",
	       text, text);
}

static void refuse(struct assoc *a)
{
	uint8_t frame[WREPL_SMALL_MAX];

	a->stopped = true;
	assoc_send(a, frame, wrepl_encode_stop(frame, a->peer_context,
					       WREPL_STOP_ERROR));
}

static void refuse_stranger(struct assoc *a)
{
	repl_count(a->repl, STAT_STRANGERS);
	tell_stranger(a);
	refuse(a);
}

/* May this peer ask for our table and records? */
static bool may_ask(const struct assoc *a)
{
	return a->partner != NULL ? a->partner->config.push
				  : !a->repl->config.only_partners;
}

static struct wrepl_owner *take_table(TALLOC_CTX *mem_ctx,
				      const struct wrepl_msg *msg)
{
	struct wrepl_owner *line = talloc_array(mem_ctx, struct wrepl_owner,
						msg->owners + 1);

	for (uint32_t i = 0; line != NULL && i < msg->owners; i++) {
		wrepl_table_owner(msg, i, &line[i]);
	}
	return line;
}

/* UPDATE: on this connection, if it is theirs to give; INFORM: on one of our
 * own (4.5). */
static void notified(struct assoc *a, const struct wrepl_msg *msg)
{
	struct pull_wish wish = {
		.wanted = true,
		.owners = msg->owners,
		.propagate = msg->command == WREPL_UPDATE2 ||
			     msg->command == WREPL_INFORM2,
		.initiator = msg->initiator != 0 ? msg->initiator : a->peer,
	};

	repl_count(a->repl, STAT_NOTIFIED);
	wish.table = take_table(a->repl, msg);
	if (wish.table == NULL) {
		refuse(a);
		return;
	}
	if ((msg->command == WREPL_UPDATE || msg->command == WREPL_UPDATE2) &&
	    a->incoming) {
		a->role = ROLE_PULL;
		wish.assoc = a;
		assoc_wait(a, IDLE_SECONDS, "our turn to ask");
	}
	pull_want(a->partner, &wish);
}

static void serve_replication(struct assoc *a, const struct wrepl_msg *msg)
{
	switch (msg->command) {
	case WREPL_TABLE_QUERY:
	case WREPL_SEND_REQUEST:
		if (!may_ask(a)) {
			refuse_stranger(a);
		} else if (msg->command == WREPL_TABLE_QUERY) {
			assoc_send_table(a, WREPL_TABLE_REPLY, 0,
					 a->repl->config.self);
		} else {
			answer_request(a, &msg->request);
		}
		break;
	case WREPL_UPDATE:
	case WREPL_UPDATE2:
	case WREPL_INFORM:
	case WREPL_INFORM2:
		if (a->partner == NULL || !a->partner->config.pull) {
			refuse_stranger(a);
		} else {
			notified(a, msg);
		}
		break;
	default:
		break;		/* replies nobody asked for: 3.5 */
	}
}

/* ---- contexts ---- */

static bool context_is_ours(struct assoc *a, uint32_t context)
{
	if (context == a->our_context || (context == 0 && a->started)) {
		return true;
	}
	repl_count(a->repl, STAT_WRONG_CONTEXT);
	return false;
}

static void take_start(struct assoc *a, const struct wrepl_msg *msg)
{
	uint8_t frame[WREPL_SMALL_MAX];

	if (msg->major != WREPL_MAJOR || (!a->incoming && !a->started) ||
	    (msg->context != 0 && msg->context != a->our_context)) {
		return;
	}
	a->started = true;
	a->stopped = false;
	a->bad_context = false;
	a->peer_context = msg->sender;
	a->peer_minor = msg->minor;
	assoc_send(a, frame, wrepl_encode_start(frame, WREPL_START_REPLY,
						a->peer_context,
						a->our_context));
	if (a->partner != NULL && a->incoming) {
		pull_alive(a->partner);
	}
}

static void take_start_reply(struct assoc *a, const struct wrepl_msg *msg)
{
	if (a->incoming || a->started || msg->major != WREPL_MAJOR ||
	    !(msg->context == a->our_context || msg->context == 0)) {
		return;
	}
	a->started = true;
	a->peer_context = msg->sender;
	a->peer_minor = msg->minor;
	if (a->pull != NULL) {
		pull_up(a->pull);
	} else if (a->push != NULL) {
		push_up(a->push);
	}
}

static void take_stop(struct assoc *a, const struct wrepl_msg *msg)
{
	struct pull *pull = a->pull;

	if (!context_is_ours(a, msg->context)) {
		return;
	}
	if (pull != NULL && msg->reason != WREPL_STOP_NORMAL) {
		pull_refused(pull, "it answered STOP: are we (under this "
			     "address) one of its partners?");
		assoc_close(a);
		return;
	}
	assoc_dies(a, ECONNRESET);
}

/* A peer that sets none of the opcode's bits: 3.5. */
static void take_without_bits(struct assoc *a, const struct wrepl_msg *msg)
{
	uint8_t frame[WREPL_SMALL_MAX];

	if (a->bad_context || msg->type == WREPL_START) {
		a->bad_context = true;
		assoc_send(a, frame, wrepl_encode_bad_context(frame));
		return;
	}
	if (msg->type == WREPL_STOP) {
		if (!a->stopped) {
			refuse(a);
		}
		assoc_dies(a, ECONNRESET);
	}
}

static void client_replication(struct assoc *a, const struct wrepl_msg *msg)
{
	if (msg->command == WREPL_TABLE_REPLY && a->pull != NULL &&
	    pull_expects_table(a->pull)) {
		pull_table(a->pull, msg);
	}
}

static void take_frame(struct assoc *a, const struct wrepl_msg *msg)
{
	if ((msg->opcode & WREPL_OPCODE) == 0) {
		take_without_bits(a, msg);
		return;
	}
	switch (msg->type) {
	case WREPL_START:
		take_start(a, msg);
		break;
	case WREPL_START_REPLY:
		take_start_reply(a, msg);
		break;
	case WREPL_STOP:
		take_stop(a, msg);
		break;
	default:
		if (!context_is_ours(a, msg->context) || a->push != NULL) {
			break;		/* not told yet what it is called for */
		}
		if (a->role == ROLE_PULL) {
			client_replication(a, msg);
		} else {
			serve_replication(a, msg);
		}
		break;
	}
}

/* ---- bytes ---- */

static size_t bad_frame(struct assoc *a, enum wrepl_error error)
{
	char text[NB_ADDR_TEXT];

	repl_count(a->repl, STAT_BAD_FRAMES);
	nb_log(a->repl->world, NB_LOG_INFO, "replication: a frame of %s is "
	       "refused: %s", nb_addr_print(a->peer, text),
	       wrepl_error_name(error));
	assoc_dies(a, EBADMSG);
	return 0;
}

static void stream_begins(struct assoc *a, const struct wrepl_msg *msg,
			  uint64_t body)
{
	a->streaming = true;
	a->names_left = msg->names;
	a->body_left = body;
	a->unwanted = a->role != ROLE_PULL || a->pull == NULL ||
		      !pull_expects_reply(a->pull) ||
		      (msg->opcode & WREPL_OPCODE) == 0 ||
		      !context_is_ours(a, msg->context);
	if (!a->unwanted) {
		pull_reply_begins(a->pull, msg->names);
	}
}

static void stream_ends(struct assoc *a)
{
	a->streaming = false;
	if (!a->unwanted && a->pull != NULL) {
		pull_reply_ends(a->pull);
	}
}

/* The pull may have gone while its reply was on its way. */
static size_t stream_bytes(struct assoc *a, const uint8_t *data, size_t len)
{
	size_t taken = 0;

	if (!a->unwanted && a->names_left > 0 && a->pull != NULL) {
		taken = pull_records(a->pull, a, data, len);
		if (!a->closed && a->names_left == 0 && a->body_left == 0) {
			stream_ends(a);
		}
		return taken;
	}
	if (len > a->body_left) {
		len = (size_t)a->body_left;
	}
	a->body_left -= len;
	if (a->body_left == 0) {
		stream_ends(a);
	}
	return len;
}

/* One frame, or the beginning of a long one: bytes taken, 0: more are needed
 * (or it is the end). */
static size_t one_frame(struct assoc *a, const uint8_t *data, size_t len)
{
	struct wrepl_msg msg;
	uint64_t body = 0;
	size_t used = 0;
	uint32_t size = 0;
	enum wrepl_error error = wrepl_open_reply(data, len, &msg, &used,
						  &body);

	if (error == WREPL_OK) {
		stream_begins(a, &msg, body);
		if (body == 0 && !a->closed) {
			stream_ends(a);
		}
		return used;
	}
	if (error == WREPL_MORE) {
		return 0;
	}
	size = wrepl_frame_size(data, len);
	if (error != WREPL_UNKNOWN || size > WREPL_FRAME_MAX) {
		return bad_frame(a, error != WREPL_UNKNOWN ? error :
							     WREPL_TOO_LONG);
	}
	if (len < WREPL_HEAD + size) {
		return 0;
	}
	error = wrepl_decode(data + WREPL_HEAD, size, &msg);
	if (error != WREPL_OK) {
		return bad_frame(a, error);
	}
	take_frame(a, &msg);
	return WREPL_HEAD + size;
}

/* What to wait for next, now that so much of a frame is left over. */
static void after_bytes(struct assoc *a, size_t left)
{
	if (a->role == ROLE_PULL) {
		if (a->streaming && !a->paused) {
			assoc_wait(a, REPLY_SECONDS, "more records");
		}
		return;
	}
	if (a->answer != NULL) {
		return;
	}
	if (left == 0) {
		if (a->started || a->frame_begun) {
			assoc_idle(a);
		}
	} else if (!a->frame_begun) {
		a->frame_begun = true;
		assoc_wait(a, FRAME_SECONDS, "the rest of a frame");
	}
}

static size_t assoc_data(void *arg, const uint8_t *data, size_t len)
{
	struct assoc *a = arg;
	size_t at = 0, taken = 1;

	a->depth++;
	while (!a->closed && !a->paused && at < len && taken > 0) {
		taken = a->streaming ?
				stream_bytes(a, data + at, len - at) :
				one_frame(a, data + at, len - at);
		at += taken;
		if (taken > 0 && !a->streaming) {
			a->frame_begun = false;
		}
	}
	if (!a->closed) {
		after_bytes(a, len - at);
	}
	a->depth--;
	assoc_release(a);
	return at;
}

static void assoc_drained(void *arg)
{
	struct assoc *a = arg;

	a->depth++;
	if (a->answer != NULL) {
		answer_drained(a);
	}
	a->depth--;
	assoc_release(a);
}

void assoc_answered(struct assoc *a)
{
	assoc_idle(a);
	assoc_pause(a, false);
}

/* ---- the beginning ---- */

static void assoc_up(void *arg)
{
	struct assoc *a = arg;
	uint8_t frame[WREPL_SMALL_MAX];

	assoc_wait(a, START_SECONDS, "the answer to START");
	assoc_send(a, frame, wrepl_encode_start(frame, WREPL_START, 0,
						a->our_context));
}

static const struct link_events assoc_events = {
	.up = assoc_up,
	.data = assoc_data,
	.drained = assoc_drained,
	.down = assoc_down,
};

static struct assoc *assoc_make(struct repl *repl, struct partner *partner,
				uint32_t peer)
{
	struct assoc *a = talloc_zero(repl, struct assoc);

	if (a == NULL) {
		return NULL;
	}
	a->repl = repl;
	a->partner = partner;
	a->peer = peer;
	while (a->our_context == 0 || a->our_context == WREPL_BAD_CONTEXT) {
		a->our_context = nb_random32(repl->world);
	}
	TAILQ_INSERT_TAIL(&repl->assocs, a, list);
	return a;
}

/* From the address that partners know us by, if this machine has it now. */
static int call_from(struct assoc *a, const struct partner *partner)
{
	struct repl *repl = a->repl;
	uint32_t from = partner->config.options.our_address;
	int ret = 0;

	ret = repl->ops.connect(repl->ops.priv,
				from != 0 ? from : repl->config.self, a->peer,
				repl->config.port, &assoc_events, a, &a->link);
	if (ret == EADDRNOTAVAIL && from == 0) {
		ret = repl->ops.connect(repl->ops.priv, 0, a->peer,
					repl->config.port, &assoc_events, a,
					&a->link);
	}
	return ret;
}

struct assoc *assoc_call(struct partner *partner, enum assoc_role role)
{
	struct assoc *a = assoc_make(partner->repl, partner,
				     partner->config.address);
	int ret = 0;

	if (a == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	a->role = role;
	ret = call_from(a, partner);
	if (ret != 0) {
		a->link = NULL;
		assoc_close(a);
		errno = ret;
		return NULL;
	}
	assoc_wait(a, CONNECT_SECONDS, "a connection");
	return a;
}

/* Those of this peer that called us; *oldest: one that only waits. */
static unsigned int links_of(struct repl *repl, uint32_t peer,
			     struct assoc **oldest)
{
	struct assoc *a = NULL;
	unsigned int count = 0;

	*oldest = NULL;
	TAILQ_FOREACH(a, &repl->assocs, list) {
		if (!a->incoming || a->peer != peer) {
			continue;
		}
		count++;
		if (*oldest == NULL && a->role == ROLE_SERVER &&
		    a->answer == NULL) {
			*oldest = a;
		}
	}
	return count;
}

/* A partner's dead links give way to its new one, a stranger's do not. */
static bool has_room(struct repl *repl, const struct partner *partner,
		     uint32_t from)
{
	struct assoc *oldest = NULL;
	unsigned int count = links_of(repl, from, &oldest);

	if (partner == NULL) {
		return count < LINKS_OF_STRANGER &&
		       repl->strangers < STRANGER_LINKS;
	}
	if (count >= LINKS_OF_PARTNER && oldest != NULL) {
		assoc_close(oldest);
		count--;
	}
	return count < LINKS_OF_PARTNER;
}

bool assoc_take(struct repl *repl, struct link *link, uint32_t from)
{
	struct partner *partner = partner_find(repl, from);
	struct assoc *a = NULL;

	if (!has_room(repl, partner, from)) {
		return false;
	}
	a = assoc_make(repl, partner, from);
	if (a == NULL) {
		return false;
	}
	a->incoming = true;
	a->role = ROLE_SERVER;
	a->link = link;
	repl->strangers += partner == NULL;
	repl->ops.accept(link, &assoc_events, a);
	assoc_wait(a, START_SECONDS, "START");
	return true;
}

/* A stranger that has become a partner calls again, and better. */
void assoc_strangers_now(struct repl *repl)
{
	struct assoc *a = NULL, *next = NULL;

	for (a = TAILQ_FIRST(&repl->assocs); a != NULL; a = next) {
		next = TAILQ_NEXT(a, list);
		if (a->incoming && a->partner != partner_find(repl, a->peer)) {
			assoc_close(a);
		}
	}
}
