/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The socket of a name service client: what goes out, what comes in, and to
 * which request a datagram belongs. Start reading at nbns_client_readable().
 *
 * A datagram is decoded once. A response goes to the ticket that it answers,
 * found by its id among those in flight and then compared with everything
 * that was asked; a request goes to the responder. Nothing that arrives can
 * run a caller's code before the loop comes round again, so that a callback
 * may free the client while datagrams are still queued.
 *
 * Rejected: one socket for each request, which would make spoofing harder by
 * a random port, but challenges come to the port that registered; connected
 * sockets, because one client asks several servers; IP_RECVERR, because a
 * forged ICMP would then end a request that a spoofed reply cannot.
 */
#include "client/nbns_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENT_BUCKETS	256
#define CLIENT_MAX	0x8000	/* half of all ids: a free one is found soon */
#define CLIENT_DRAIN	64	/* datagrams for each wake-up */
#define CLIENT_RCVBUF	(1 << 20)

struct nbns_client {
	int fd;
	uint32_t local;
	uint16_t port;
	bool broadcast;
	struct tevent_fd *fde;
	nbns_responder_fn responder;
	void *responder_priv;
	nbns_observer_fn observer;
	void *observer_priv;
	unsigned int pending;
	struct nbns_ticket *bucket[CLIENT_BUCKETS];
	struct nbns_client_stats stats;
	uint8_t buf[65536];
};

static int nbns_client_destroy(struct nbns_client *client);
static int nbns_client_open(struct nbns_client *client);
static void nbns_client_readable(struct tevent_context *ev,
				 struct tevent_fd *fde, uint16_t flags,
				 void *private_data);
static void nbns_client_datagram(struct nbns_client *client, size_t len,
				 uint32_t from, uint16_t port);
static struct nbns_ticket *nbns_client_match(struct nbns_client *client,
					     const struct nbns_msg *msg,
					     uint32_t from, uint16_t port);
static void nbns_client_respond(struct nbns_client *client,
				const struct nbns_msg *msg,
				uint32_t from, uint16_t port);
static int nbns_client_write(struct nbns_client *client, uint32_t to,
			     uint16_t port, const uint8_t *data, size_t len);

static struct sockaddr_in client_sockaddr(uint32_t addr, uint16_t port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(addr),
	};

	return sin;
}

int nbns_client_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		       uint32_t local, uint16_t port,
		       struct nbns_client **_client)
{
	struct nbns_client *client = talloc_zero(mem_ctx, struct nbns_client);
	int ret = 0;

	if (client == NULL) {
		return ENOMEM;
	}
	client->fd = -1;
	client->local = local;
	client->port = port;
	talloc_set_destructor(client, nbns_client_destroy);

	ret = nbns_client_open(client);
	if (ret != 0) {
		talloc_free(client);
		return ret;
	}
	client->fde = tevent_add_fd(ev, client, client->fd, TEVENT_FD_READ,
				    nbns_client_readable, client);
	if (client->fde == NULL) {
		talloc_free(client);
		return ENOMEM;
	}
	*_client = client;
	return 0;
}

static int nbns_client_destroy(struct nbns_client *client)
{
	unsigned int i = 0;

	TALLOC_FREE(client->fde);
	if (client->fd != -1) {
		close(client->fd);
	}
	for (i = 0; i < CLIENT_BUCKETS; i++) {
		while (client->bucket[i] != NULL) {
			struct nbns_ticket *ticket = client->bucket[i];

			nbns_ticket_close(ticket);
			ticket->client = NULL;
			ticket->client_gone(ticket);
		}
	}
	return 0;
}

static int nbns_client_open(struct nbns_client *client)
{
	struct sockaddr_in sin = client_sockaddr(client->local, client->port);
	socklen_t len = sizeof(sin);
	int size = CLIENT_RCVBUF;

	client->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			    0);
	if (client->fd == -1) {
		return errno;
	}
	if (bind(client->fd, (struct sockaddr *)&sin, sizeof(sin)) != 0) {
		return errno;
	}
	if (getsockname(client->fd, (struct sockaddr *)&sin, &len) != 0) {
		return errno;
	}
	client->port = ntohs(sin.sin_port);
	/* a wish: the kernel caps it */
	(void)setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &size,
			 sizeof(size));
	return 0;
}

uint16_t nbns_client_port(const struct nbns_client *client)
{
	return client->port;
}

unsigned int nbns_client_pending(const struct nbns_client *client)
{
	return client->pending;
}

const struct nbns_client_stats *
nbns_client_stats(const struct nbns_client *client)
{
	return &client->stats;
}

void nbns_client_set_responder(struct nbns_client *client,
			       nbns_responder_fn responder, void *priv)
{
	client->responder = responder;
	client->responder_priv = priv;
}

void nbns_client_set_observer(struct nbns_client *client,
			      nbns_observer_fn observer, void *priv)
{
	client->observer = observer;
	client->observer_priv = priv;
}

static void nbns_client_show(const struct nbns_client *client,
			     enum nbns_seen seen, uint32_t peer,
			     uint16_t port, const uint8_t *data, size_t len)
{
	if (client->observer != NULL) {
		client->observer(client->observer_priv, seen, peer, port,
				 data, len);
	}
}

/* ---- what comes in */

static void nbns_client_readable(struct tevent_context *ev,
				 struct tevent_fd *fde, uint16_t flags,
				 void *private_data)
{
	struct nbns_client *client =
		talloc_get_type_abort(private_data, struct nbns_client);
	unsigned int i = 0;

	(void)ev;
	(void)fde;
	(void)flags;
	for (i = 0; i < CLIENT_DRAIN; i++) {
		struct sockaddr_in sin = { .sin_family = AF_UNSPEC };
		socklen_t sin_len = sizeof(sin);
		ssize_t len = recvfrom(client->fd, client->buf,
				       sizeof(client->buf), 0,
				       (struct sockaddr *)&sin, &sin_len);

		if (len < 0 && errno == EINTR) {
			continue;
		}
		if (len < 0) {
			return;
		}
		nbns_client_datagram(client, (size_t)len,
				     ntohl(sin.sin_addr.s_addr),
				     ntohs(sin.sin_port));
	}
}

static void nbns_client_datagram(struct nbns_client *client, size_t len,
				 uint32_t from, uint16_t port)
{
	struct nbns_ticket *ticket = NULL;
	struct nbns_msg msg = { .kind = NBNS_KINDS };

	if (nbns_decode(client->buf, len, &msg) != NBNS_OK) {
		nbns_client_show(client, NBNS_IGNORED, from, port, client->buf,
				 len);
		client->stats.malformed++;
		return;
	}
	if (!(msg.operation & NBNS_OP_RESPONSE)) {
		nbns_client_show(client, NBNS_RECEIVED, from, port,
				 client->buf, len);
		nbns_client_respond(client, &msg, from, port);
		return;
	}
	ticket = nbns_client_match(client, &msg, from, port);
	nbns_client_show(client, ticket == NULL ? NBNS_IGNORED : NBNS_RECEIVED,
			 from, port, client->buf, len);
	if (ticket == NULL) {
		client->stats.strays++;
		return;
	}
	if (msg.kind == NBNS_WACK) {
		client->stats.wacks++;
	} else {
		client->stats.answers++;
	}
	ticket->arrived(ticket, &msg, from);
}

/* Does a reply of this kind answer a request of that kind? */
static bool client_kind_answers(enum nbns_kind asked, enum nbns_kind reply)
{
	switch (asked) {
	case NBNS_QUERY:
		return reply == NBNS_QUERY_REPLY ||
		       reply == NBNS_NEGATIVE_REPLY;
	case NBNS_STATUS:
		return reply == NBNS_STATUS_REPLY ||
		       reply == NBNS_NEGATIVE_REPLY;
	case NBNS_REGISTER:
	case NBNS_MREGISTER:
	case NBNS_REFRESH:
		return reply == NBNS_REGISTER_REPLY || reply == NBNS_WACK;
	case NBNS_RELEASE:
		return reply == NBNS_RELEASE_REPLY || reply == NBNS_WACK;
	default:
		return false;
	}
}

/* Is the datagram what this request waits for? */
static bool client_is_answer(const struct nbns_ask *ask,
			     const struct nbns_msg *msg, uint32_t from,
			     uint16_t port)
{
	if (port != ask->port) {
		return false;
	}
	if (from != ask->server && !(ask->op_flags & NBNS_OP_BROADCAST)) {
		return false;
	}
	return client_kind_answers(ask->kind, msg->kind) &&
	       nb_name_equal(&ask->name, &msg->name);
}

static struct nbns_ticket *nbns_client_find(struct nbns_client *client,
					    uint16_t trn_id)
{
	struct nbns_ticket *ticket = NULL;

	ticket = client->bucket[trn_id % CLIENT_BUCKETS];
	while (ticket != NULL && ticket->trn_id != trn_id) {
		ticket = ticket->next;
	}
	return ticket;
}

static struct nbns_ticket *nbns_client_match(struct nbns_client *client,
					     const struct nbns_msg *msg,
					     uint32_t from, uint16_t port)
{
	struct nbns_ticket *ticket = nbns_client_find(client, msg->trn_id);

	if (ticket == NULL || !client_is_answer(ticket->ask, msg, from, port)) {
		return NULL;
	}
	return ticket;
}

static void nbns_client_respond(struct nbns_client *client,
				const struct nbns_msg *msg,
				uint32_t from, uint16_t port)
{
	struct nb_reply reply = { .kind = NB_REPLY_NONE };
	struct nb_origin origin = {
		.source = from,
		.port = port,
		.local = client->local,
		.trn_id = msg->trn_id,
		.operation = msg->operation,
		.ttl = msg->ttl,
		.label_len = msg->label_len,
	};
	uint8_t buf[NBNS_MAX];
	size_t len = 0;

	client->stats.asked++;
	if (client->responder == NULL ||
	    !client->responder(client->responder_priv, msg, from, port,
			       &reply)) {
		return;
	}
	memcpy(origin.label, msg->label, sizeof(origin.label));
	if (msg->rdata != NULL) {
		size_t room = sizeof(origin.rdata);

		origin.rdata_len = (uint8_t)(msg->rdlength < room ?
					     msg->rdlength : room);
		memcpy(origin.rdata, msg->rdata, origin.rdata_len);
	}
	len = nbns_encode_reply(buf, sizeof(buf), &origin, &msg->name, &reply);
	if (len > 0 &&
	    nbns_client_write(client, from, port, buf, len) == 0) {
		client->stats.answered++;
	}
}

/* ---- what goes out */

static int nbns_client_write(struct nbns_client *client, uint32_t to,
			     uint16_t port, const uint8_t *data, size_t len)
{
	struct sockaddr_in sin = client_sockaddr(to, port);
	ssize_t sent = 0;

	do {
		sent = sendto(client->fd, data, len, 0,
			      (struct sockaddr *)&sin, sizeof(sin));
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN && errno != ENOBUFS) {
		return errno;
	}
	nbns_client_show(client, NBNS_SENT, to, port, data, len);
	return 0;
}

int nbns_ticket_transmit(struct nbns_ticket *ticket, const uint8_t *data,
			 size_t len)
{
	struct nbns_client *client = ticket->client;
	int yes = 1;

	if ((ticket->ask->op_flags & NBNS_OP_BROADCAST) && !client->broadcast) {
		if (setsockopt(client->fd, SOL_SOCKET, SO_BROADCAST, &yes,
			       sizeof(yes)) != 0) {
			return errno;
		}
		client->broadcast = true;
	}
	client->stats.sent++;
	return nbns_client_write(client, ticket->ask->server,
				 ticket->ask->port, data, len);
}

/* ---- the table of what is in flight */

int nbns_ticket_open(struct nbns_client *client, struct nbns_ticket *ticket)
{
	struct nbns_ticket **head = NULL;
	uint16_t id = 0;

	if (client->pending >= CLIENT_MAX) {
		return EBUSY;
	}
	do {
		/* two bytes are never cut short */
		if (getrandom(&id, sizeof(id), 0) < 0) {
			return errno;
		}
	} while (nbns_client_find(client, id) != NULL);

	head = &client->bucket[id % CLIENT_BUCKETS];
	ticket->client = client;
	ticket->trn_id = id;
	ticket->next = *head;
	ticket->prev = head;
	if (ticket->next != NULL) {
		ticket->next->prev = &ticket->next;
	}
	*head = ticket;
	client->pending++;
	return 0;
}

void nbns_ticket_close(struct nbns_ticket *ticket)
{
	if (ticket->prev == NULL) {
		return;
	}
	*ticket->prev = ticket->next;
	if (ticket->next != NULL) {
		ticket->next->prev = ticket->prev;
	}
	ticket->next = NULL;
	ticket->prev = NULL;
	ticket->client->pending--;
}
