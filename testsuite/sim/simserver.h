/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole server in the virtual world: the real door, serve, rules and store
 * on a disk in memory, with virtual hosts that answer challenges.
 *
 * A test sends requests as bytes, lets time pass, and takes the replies as
 * decoded messages. Nothing between the bytes is replaced.
 */
#ifndef WINSD_SIM_SIMSERVER_H
#define WINSD_SIM_SIMSERVER_H

#include <talloc.h>

#include "net/door.h"
#include "sim/simdisk.h"
#include "sim/simworld.h"

#define SIM_SELF	0x0a000001u	/* 10.0.0.1, the server */
#define SIM_OTHER	0x0a090909u	/* 10.9.9.9, another WINS server */
#define SIM_HOST(n)	(0x0a000100u + (n))	/* 10.0.1.n */
#define SIM_PORT	137

enum sim_behaviour {
	SIM_SILENT,		/* also every host that nobody described */
	SIM_HOLDS,		/* answers with its own address */
	SIM_ANSWERS,		/* answers with the addresses given */
	SIM_DENIES,		/* answers negatively */
	SIM_FAILS,		/* answers with a server failure */
};

struct sim_host {
	uint32_t ip;
	enum sim_behaviour behaviour;
	unsigned int count;
	uint32_t addr[NB_MEMBERS_MAX];
	unsigned int asked;	/* queries that reached it */
	unsigned int demanded;	/* release demands; all but the silent answer */
	uint64_t last_demand;	/* sim->usec */
	uint32_t local;		/* address of ours that it was asked from */
	bool late;		/* answers are kept for sim_hosts_answer() */
};

struct sim_reply {
	struct sim_reply *next;
	uint32_t local, to;
	uint16_t port;
	size_t len;
	uint8_t data[NBNS_MAX];
	struct nbns_msg msg;	/* decoded from data */
};

#define SIM_HOSTS 64

struct sim_server {
	struct sim_world *sim;
	TALLOC_CTX *ctx;		/* all of the server */
	struct sim_disk *disk;
	struct store_backend backend;
	struct store *store;
	struct door *door;
	struct serve *serve;
	struct serve_config config;
	struct sim_host host[SIM_HOSTS];
	unsigned int hosts;
	struct sim_reply *first, *last;	/* to clients, oldest first */
	struct sim_reply *kept;		/* late answers of hosts */
	unsigned int sent;		/* datagrams that left */
	unsigned int queries, demands;	/* of them, to hosts, known or not */
	bool discard;			/* count replies, keep none */
	bool loading;			/* the next start leaves it to the
					   test to call serve_loaded() */
};

struct serve_config sim_config(void);
struct sim_server *sim_server_start(TALLOC_CTX *mem_ctx, struct sim_world *sim,
				    const struct serve_config *config);
void sim_server_stop(struct sim_server *server);
/*
 * A clean end, and a start from the same disk. Between them time may pass
 * (sim->usec) and the wall clock may do what it likes; nothing else may be
 * called.
 */
void sim_server_off(struct sim_server *server);
void sim_server_on(struct sim_server *server);
/* Lose what was not durable and start again from the disk. */
void sim_server_crash(struct sim_server *server, bool keep_flight);

struct sim_host *sim_host(struct sim_server *server, uint32_t ip,
			  enum sim_behaviour behaviour);
/* Let the late hosts' answers arrive. */
void sim_hosts_answer(struct sim_server *server);

/* One datagram in a turn of its own. */
void sim_datagram(struct sim_server *server, uint32_t from, uint16_t port,
		  const uint8_t *data, size_t len);

/* A request from a host's address and port 1000 + trn_id % 1000. */
struct sim_request {
	enum nbns_kind kind;
	uint16_t trn_id;
	const char *name;	/* "NAME<20>" */
	uint32_t from;
	uint32_t addr;		/* 0: from */
	uint32_t ttl;		/* 0: 300000 */
	uint16_t nb_flags;	/* as they are; H node: 0x6000 */
	uint16_t operation;	/* 0: what the kind usually has */
};
void sim_request(struct sim_server *server, const struct sim_request *request);

/* A record of another server: what serve_replica() is told. */
struct sim_replica {
	const char *name;
	uint8_t type, state;
	bool is_static;
	uint32_t owner;		/* 0: SIM_OTHER */
	uint64_t version;	/* 0: one more than the last of any */
	unsigned int count;
	uint32_t addr[NB_MEMBERS_MAX];	/* owned by the record's owner ... */
	uint32_t of[NB_MEMBERS_MAX];	/* ... or by this one, if not 0 */
	bool no_demand;
};

/* What became of it. */
struct sim_settled {
	struct sim_server *server;
	int error;		/* of serve_replica(), then of settled() */
	bool pending;		/* of serve_replica(); stays */
	bool changed;
	uint64_t version;	/* as it was sent */
	unsigned int calls;	/* of settled() */
	unsigned int durable;	/* turns of settled() that are durable ... */
	unsigned int undone;	/* ... or were undone */
};

/* In a turn of its own; *settled stays until the end of it. */
void sim_replica(struct sim_server *server, const struct sim_replica *replica,
		 struct sim_settled *settled);

/* The oldest reply with this id is taken out; NULL if there is none. It stays
 * valid until the next call. */
const struct sim_reply *sim_take(struct sim_server *server, uint16_t trn_id);
unsigned int sim_replies(const struct sim_server *server);
void sim_forget(struct sim_server *server);

uint64_t sim_stat(const struct sim_server *server, const char *name);
bool sim_record(const struct sim_server *server, const char *name,
		struct nb_record *rec);
/* Put a record behind the rules' back, durably. */
void sim_put(struct sim_server *server, const struct nb_record *rec);

#endif
