/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An asynchronous NetBIOS name service client (protocol.md 1.4, 2.5).
 *
 * A struct nbns_client is one UDP socket; any number of requests may be in
 * flight on it, each a tevent_req. A request ends in one of two ways that are
 * never mixed: an errno (nobody answered, the network is down), or an answer,
 * which may be a refusal (rcode).
 *
 * What is believed: a datagram from the address and port that were asked,
 * with the id of a request in flight, the name that was asked echoed byte for
 * byte, of a kind that answers this request. Everything else is counted and
 * dropped: ids are random, so guessing one is all that is left to a stranger
 * (MS16-077).
 *
 * A client bound to the name service's own port can also be asked: requests
 * that come in (a challenge, a release demand) go to the responder.
 *
 * Not here: which server to ask next when one is silent, and what a refusal
 * means to a user. That is tools/winsregister.
 */
#ifndef WINSD_CLIENT_NBNS_H
#define WINSD_CLIENT_NBNS_H

#include <talloc.h>
#include <tevent.h>

#include "codec/nbns.h"

struct nbns_client;

/*
 * Open a socket on address local (0: any) and port (0: the kernel's choice).
 * No address reuse: a port in use is EADDRINUSE, never shared. Replies of the
 * responder leave from local, so a host with several cards opens one client
 * for each of them.
 *
 * The client must be freed before ev. Requests in flight then end with
 * ECANCELED.
 */
int nbns_client_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		       uint32_t local, uint16_t port,
		       struct nbns_client **client);

uint16_t nbns_client_port(const struct nbns_client *client);

/* Requests in flight. */
unsigned int nbns_client_pending(const struct nbns_client *client);

struct nbns_client_stats {
	uint64_t sent;		/* datagrams of requests, retries included */
	uint64_t answers;	/* final replies that were believed */
	uint64_t wacks;		/* WACKs that were believed */
	uint64_t asked;		/* requests that came in */
	uint64_t answered;	/* of these, answered by the responder */
	uint64_t malformed;	/* not a name service datagram */
	uint64_t strays;	/* well-formed, but not what was asked for */
};

const struct nbns_client_stats *
nbns_client_stats(const struct nbns_client *client);

/*
 * Asked when a request comes in: fill reply and return true to answer, or
 * return false to stay silent. reply->names must live until the return to the
 * event loop. The client must not be freed from here.
 */
typedef bool (*nbns_responder_fn)(void *priv, const struct nbns_msg *msg,
				  uint32_t from, uint16_t port,
				  struct nb_reply *reply);

/* NULL: silence, as at the start. */
void nbns_client_set_responder(struct nbns_client *client,
			       nbns_responder_fn responder, void *priv);

/*
 * Shown each datagram as it passes, for who looks for a fault. Must change
 * nothing; data is valid until the return.
 */
enum nbns_seen {
	NBNS_SENT,
	NBNS_RECEIVED,		/* an answer that is believed, or a request */
	NBNS_IGNORED,		/* malformed, or not what was asked for */
};
typedef void (*nbns_observer_fn)(void *priv, enum nbns_seen seen,
				 uint32_t peer, uint16_t port,
				 const uint8_t *data, size_t len);

/* NULL: nobody looks, as at the start. */
void nbns_client_set_observer(struct nbns_client *client,
			      nbns_observer_fn observer, void *priv);

/*
 * How long to wait. A WACK stretches the wait to its TTL, held between the
 * two bounds; all WACKs of one request together never past wack_max_msec.
 */
struct nbns_patience {
	unsigned int tries;	/* datagrams sent, >= 1 */
	uint32_t try_msec;	/* wait after each, >= 1 */
	uint32_t wack_min_msec;
	uint32_t wack_max_msec;
};

/* 3 tries of 1500 ms (MS-NBTE), WACK 9 to 105 s (protocol.md 2.5). */
struct nbns_patience nbns_patience_default(void);

struct nbns_ask {
	enum nbns_kind kind;	/* NBNS_QUERY .. NBNS_RELEASE */
	uint32_t server;
	uint16_t port;
	/*
	 * NBNS_OP_RD: what a WINS server wants in a query, and Windows sets
	 * in a registration. NBNS_OP_BROADCAST: server is a broadcast
	 * address, and an answer may come from anybody (the port still
	 * counts). Other bits are an error.
	 */
	uint16_t op_flags;
	struct nb_name name;
	uint32_t addr;		/* registered address; not in queries */
	uint32_t ttl;		/* seconds wanted; releases send 0 */
	uint16_t nb_flags;	/* NB_FLAG_GROUP and the node type */
	struct nbns_patience patience;
};

struct nbns_address {
	uint32_t addr;
	uint16_t nb_flags;
};

struct nbns_answer {
	enum nbns_kind kind;	/* of the final reply */
	uint8_t rcode;		/* enum nb_rcode; 0 is yes */
	uint32_t from;		/* who answered */
	uint32_t ttl;		/* as the server says, seconds */
	unsigned int count;	/* addresses: of a query, or the echoed one */
	struct nbns_address address[NB_MEMBERS_MAX];
	unsigned int names_count;	/* node status only */
	struct nb_status_name *names;	/* on the mem_ctx of _recv, or NULL */
	uint8_t unit_id[6];	/* node status: hardware address, or zero */
	unsigned int tries;	/* datagrams it took */
	unsigned int wacks;	/* WACKs before the answer */
};

/*
 * Ask. The request belongs to mem_ctx; freeing it at any time is all that
 * cancelling needs. The answer is delivered from the event loop, never from
 * inside this call.
 *
 * Errors: ETIMEDOUT nobody answered in time; ENETUNREACH, EHOSTUNREACH, EPERM
 * and others of sendto(2); EINVAL the question makes no sense or the name
 * cannot be said on the wire; EBUSY too many in flight; ECANCELED the client
 * was freed; ENOMEM.
 */
struct tevent_req *nbns_ask_send(TALLOC_CTX *mem_ctx,
				 struct tevent_context *ev,
				 struct nbns_client *client,
				 const struct nbns_ask *ask);

/* 0 and the answer, or an errno and *answer as it was. */
int nbns_ask_recv(struct tevent_req *req, TALLOC_CTX *mem_ctx,
		  struct nbns_answer *answer);

#endif
