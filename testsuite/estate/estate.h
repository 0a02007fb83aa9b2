/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An estate: servers and hosts in one process, in virtual time.
 *
 * Each server is the real door, serve, rules, store and repl on a disk in
 * memory whose commits take a while; each host is a machine that registers,
 * refreshes, is challenged and moves as real ones do (host.c). What happens
 * to them is a plan's (run.h), what is right about it judge.h's.
 */
#ifndef WINSD_ESTATE_ESTATE_H
#define WINSD_ESTATE_ESTATE_H

#include "estate/plan.h"
#include "net/door.h"
#include "repl/repl.h"
#include "sim/simdisk.h"
#include "sim/simnet.h"

#define ESTATE_NODE(i)		(0x0a000001u + (i))	/* 10.0.0.1 ... */
#define ESTATE_HOST(i, n)	(0x0a010000u + 256u * (i) + 1u + (n))
#define ESTATE_HOST_ADDRS	16u	/* that a host can have one day */
#define ESTATE_SECOND		UINT64_C(1000000)

struct judge;

enum estate_power {
	ESTATE_OFF,			/* crashed, or stopped */
	ESTATE_ON,
};

struct estate_node {
	struct estate *estate;
	unsigned int index;
	uint32_t ip;
	enum estate_power power;
	struct sim_clock clock;
	struct sim_port *port;
	TALLOC_CTX *ctx;		/* of the program that runs */
	struct sim_disk *disk;
	struct sim_disk *image;		/* a backup; NULL: none */
	struct store_backend real;	/* of the disk */
	struct store_backend backend;	/* what the store gets: slower */
	struct nb_timer *commit;
	uint64_t luck;			/* how long commits take */
	struct store *store;
	struct door *door;
	struct serve *serve;
	struct repl *repl;
	struct serve_config serve_config;
	struct repl_config repl_config;
	struct repl_partner_config partner[PLAN_NODES];
	unsigned int starts;
	uint64_t crashed;		/* usec, lately */
	unsigned int requests;		/* datagrams sent that are no reply */
	uint64_t image_usec;		/* when it was taken */
	struct {			/* what happened between is forgotten */
		uint64_t from, to;	/* usec */
	} lost[PLAN_STEPS];
	unsigned int losses;
};

enum host_state {
	HOST_DEAD,
	HOST_ASKING,			/* for the name, for the first time */
	HOST_HOLDS,
	HOST_REFUSED,			/* somebody else has it */
	HOST_LEAVING,			/* releases, then dead */
};

struct estate_host {
	struct estate *estate;
	unsigned int index;
	uint8_t kind;			/* enum plan_kind */
	struct nb_name name;
	struct sim_clock clock;
	struct sim_port *port;
	unsigned int home, away;	/* servers */
	unsigned int server;		/* asked now */
	enum host_state state;
	uint32_t addr[2];
	unsigned int addrs;		/* that it has now */
	unsigned int addrs_used;	/* ever: the next is this */
	unsigned int turn;		/* which of them is being registered */
	uint16_t trn_id;		/* of the request under way; 0: none */
	unsigned int tries;
	bool refreshing;
	unsigned int releases;		/* left, see HOST_LEAVING */
	struct nb_timer *timer;
	unsigned int demands;		/* release demands that it obeyed */
	unsigned int refusals;
	uint64_t granted;		/* usec of the latest yes */
	uint32_t ttl;
};

struct estate {
	const struct plan *plan;
	struct sim_time *time;
	struct sim_net *net;
	unsigned int nodes, hosts;
	struct estate_node node[PLAN_NODES];	/* ctx NULL: not there */
	struct estate_host host[PLAN_HOSTS];
	struct judge *judge;
	struct estate_node *acting;	/* that a step is done to; or NULL */
	bool quiet;
	bool verbose;
};

/* Time stands at 0; all servers run, no host does. */
struct estate *estate_create(TALLOC_CTX *mem_ctx, const struct plan *plan,
			     bool verbose);
void estate_free(struct estate *estate);

bool estate_has_node(const struct estate *estate, unsigned int index);
bool estate_has_host(const struct estate *estate, unsigned int index);

/* ---- node.c: all but the first want it off; they do nothing otherwise ---- */

void node_crash(struct estate_node *node, bool keep_flight);	/* or stop */
void node_stop(struct estate_node *node);
void node_start(struct estate_node *node);
void node_wipe(struct estate_node *node);
void node_take_image(struct estate_node *node);	/* runs or not */
void node_restore(struct estate_node *node);
bool node_forgot(const struct estate_node *node, uint64_t usec);
void node_add(struct estate *estate, unsigned int index);
/* A number on its disk: an owner's mark, or a meta value. 0: none. */
uint64_t node_disk_mark(const struct estate_node *node, uint32_t owner);

/* ---- host.c ---- */

void host_add(struct estate *estate, unsigned int index);
void host_up(struct estate_host *host);
void host_down(struct estate_host *host);
void host_off(struct estate_host *host);
void host_go_to(struct estate_host *host, unsigned int node);
void host_move(struct estate_host *host);
void host_readdress(struct estate_host *host);
void host_refresh(struct estate_host *host);
void host_drop_second(struct estate_host *host);
void host_is_quiet(struct estate_host *host);	/* no new names any more */
bool host_lives(const struct estate_host *host);	/* and has its name */
const char *host_state_name(enum host_state state);

#endif
