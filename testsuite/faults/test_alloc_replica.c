/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replicas, release demands and verification meet a server whose memory runs
 * out once (alloc_server.h says what is looked at). repl hears of each replica
 * when what came of it is durable, or that it has to ask again.
 */
#include <errno.h>

#include "faults/alloc_server.h"

#define A SIM_HOST(1)
#define B SIM_HOST(2)
#define THEIRS 0x0a094201u	/* 10.9.66.1 */

/* ---- words ---- */

static uint16_t ids[16] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
};

static void durable(void *arg, int error)
{
	alloc_heard(*(uint16_t *)arg, error != 0, 0);
}

/* Within a turn. */
static void settled(void *arg, int error)
{
	if (error != 0 || !serve_when_durable(server->serve, durable, arg)) {
		alloc_heard(*(uint16_t *)arg, true, 0);
	}
}

static void tell(uint16_t id, const char *name, uint8_t type, uint8_t state,
		 uint32_t addr)
{
	static uint64_t version;
	struct nb_record rec = {
		.type = type,
		.state = state,
		.owner = SIM_OTHER,
		.version = ++version,
		.count = 1,
		.member = { { addr, SIM_OTHER, 0 } },
	};
	struct nb_event event = { .kind = NB_EV_REPLICA, .record = &rec };
	bool pending = false;
	bool changed = false;
	int ret = 0;

	(void)nb_name_parse(name, &rec.name);
	event.name = rec.name;
	serve_turn_begin(server->serve);
	ret = serve_replica(server->serve, &event, settled, &ids[id], &pending,
			    &changed);
	if (!pending) {
		settled(&ids[id], ret);
	}
	serve_turn_end(server->serve);
}

static void host_says(uint32_t ip, enum sim_behaviour behaviour)
{
	sim_host(server, ip, behaviour);
}

static void have_ours(void)
{
	ask(NBNS_REGISTER, 100, "PC<20>", A, 0);
	sim_advance_seconds(&sim, 100);
}

static void have_holding(void)
{
	have_ours();
	host_says(A, SIM_HOLDS);
}

static void have_denying(void)
{
	have_ours();
	host_says(A, SIM_DENIES);
}

static void have_two_cards(void)
{
	struct sim_host *host = sim_host(server, A, SIM_ANSWERS);

	have_ours();
	host->count = 2;
	host->addr[1] = THEIRS;
}

/* The host has other addresses by now: a late release. */
static void have_moved(void)
{
	struct sim_host *host = sim_host(server, A, SIM_ANSWERS);

	have_ours();
	host->addr[0] = B;
	host_says(B, SIM_HOLDS);
}

/* ---- replicas ---- */

static void new_name(void)
{
	tell(1, "NEW<20>", NB_UNIQUE, NB_ACTIVE, THEIRS);
}

static void have_theirs(void)
{
	struct nb_record rec = {
		.name = nb_name_make("NEW", 3, 0x20),
		.owner = SIM_OTHER,
		.version = 1,
		.expires = sim.world.now(&sim) + 100000,
		.count = 1,
		.member = { { A, SIM_OTHER, sim.world.now(&sim) + 100000 } },
	};

	sim_put(server, &rec);
}

static void replace(void)
{
	tell(1, "NEW<20>", NB_UNIQUE, NB_TOMBSTONE, THEIRS);
}

static void told_anew(void)
{
	tell(1, "PC<20>", NB_UNIQUE, NB_TOMBSTONE, THEIRS);
}

static void conflict(void)
{
	tell(1, "PC<20>", NB_UNIQUE, NB_ACTIVE, THEIRS);
	sim_advance_seconds(&sim, 10);
}

static void conflict_moved(void)
{
	tell(1, "PC<20>", NB_UNIQUE, NB_ACTIVE, B);
	sim_advance_seconds(&sim, 10);
}

static void two_conflicts(void)
{
	tell(1, "PC<20>", NB_UNIQUE, NB_ACTIVE, THEIRS);
	tell(2, "PC<20>", NB_MHOMED, NB_ACTIVE, THEIRS);
	sim_advance_seconds(&sim, 10);
}

static void behind_a_client(void)
{
	ask(NBNS_REGISTER, 11, "PC<20>", B, 0);
	tell(1, "PC<20>", NB_UNIQUE, NB_ACTIVE, THEIRS);
	sim_advance_seconds(&sim, 15);
}

static void before_a_client(void)
{
	tell(1, "PC<20>", NB_UNIQUE, NB_ACTIVE, THEIRS);
	ask(NBNS_REGISTER, 11, "PC<20>", B, 0);
	sim_advance_seconds(&sim, 15);
}

static void conflict_and_release(void)
{
	tell(1, "PC<20>", NB_UNIQUE, NB_ACTIVE, THEIRS);
	ask(NBNS_RELEASE, 11, "PC<20>", A, 0);
	sim_advance_seconds(&sim, 10);
}

/* A group takes the name, and its host is told; it may be forgotten. */
static void group_comes(void)
{
	tell(1, "PC<20>", NB_GROUP, NB_ACTIVE, THEIRS);
	sim_advance_seconds(&sim, 10);
}

static void have_domain(void)
{
	ask_group(NBNS_REGISTER, 100, "DOMAIN<1c>", A);
	ask_group(NBNS_REGISTER, 101, "DOMAIN<1c>", B);
	sim_advance_seconds(&sim, 100);
}

static void domain_merges(void)
{
	tell(1, "DOMAIN<1c>", NB_SGROUP, NB_ACTIVE, THEIRS);
}

static void domain_shrinks(void)
{
	ask(NBNS_RELEASE, 11, "DOMAIN<1c>", A, 0);
}

/* ---- what rides on a turn ---- */

static void numbers(void)
{
	bool waits = false;
	int ret = 0;

	serve_turn_begin(server->serve);
	ret |= serve_set_mark(server->serve, SIM_OTHER, 5);
	ret |= serve_set_meta(server->serve, "repl-test", 5);
	ret |= serve_raise_counter(server->serve, 5000);
	waits = serve_when_durable(server->serve, durable, &ids[1]);
	serve_turn_end(server->serve);
	if (!waits) {
		alloc_heard(1, true, 0);
	} else if (ret != 0) {
		alloc_heard(2, true, 0);
	}
}

/* ---- verification ---- */

static void have_due(void)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct nb_record rec = {
			.name = nb_name_make("VERIFY0", 7, (uint8_t)i),
			.owner = SIM_OTHER,
			.version = i + 1,
			.expires = sim.world.now(&sim) + 10,
			.count = 1,
			.member = { { A, SIM_OTHER,
				      sim.world.now(&sim) + 10 } },
		};

		sim_put(server, &rec);
	}
	sim_advance_seconds(&sim, 20);
}

static void have_due_denied(void)
{
	have_due();
	host_says(SIM_OTHER, SIM_DENIES);
}

static void have_due_verified(void)
{
	have_due();
	host_says(SIM_OTHER, SIM_ANSWERS);
	sim_host(server, SIM_OTHER, SIM_ANSWERS)->addr[0] = A;
}

static void have_due_elsewhere(void)
{
	have_due();
	host_says(SIM_OTHER, SIM_HOLDS);
}

static void verify(void)
{
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, NULL, NULL);
	sim_advance_seconds(&sim, 130);
}

static void verify_again(void)
{
	/* a pass that could not go on is tried again by itself */
	sim_advance_seconds(&sim, 400);
	verify();
}

/* ---- all of it, when somebody begins only to look on ---- */

static void look_on(void)
{
	struct serve_config config = server->config;

	tell(1, "PC<20>", NB_UNIQUE, NB_ACTIVE, THEIRS);
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, NULL, NULL);
	sim_advance(&sim, 100000);
	config.policy.observe = true;
	serve_set_config(server->serve, &config);
	sim_advance_seconds(&sim, 10);
	config.policy.observe = false;
	serve_set_config(server->serve, &config);
}

static void have_all(void)
{
	have_ours();
	have_due();
}

static const struct alloc_row rows[] = {
	{ "a replica of a new name", NULL, new_name, TIME, NULL },
	{ "a replica of its owner's", have_theirs, replace, TIME, NULL },
	{ "ours is told anew", have_ours, told_anew, 0, NULL },
	{ "a silent holder", have_ours, conflict, TIME, NULL },
	{ "a holder that is there", have_holding, conflict, TIME, NULL },
	{ "a holder that denies", have_denying, conflict, TIME, NULL },
	{ "a holder with both addresses", have_two_cards, conflict,
	  TIME, NULL },
	{ "a late release", have_moved, conflict_moved, TIME, NULL },
	{ "two replicas at one holder", have_ours, two_conflicts,
	  RACE | PARTS | TIME, NULL },
	{ "a replica behind a client", have_holding, behind_a_client,
	  RACE | TIME, NULL },
	{ "a client behind a replica", have_holding, before_a_client,
	  RACE | TIME, NULL },
	{ "the holder releases", have_holding, conflict_and_release,
	  RACE | PARTS | TIME, NULL },
	{ "a group takes a name", have_ours, group_comes, TIME, NULL },
	{ "internet groups merge", have_domain, domain_merges, TIME, NULL },
	{ "a domain shrinks", have_domain, domain_shrinks, TIME, NULL },
	{ "marks and numbers", NULL, numbers, 0, NULL },
	{ "verification, denied", have_due_denied, verify,
	  PARTS | TIME, verify_again },
	{ "verification, confirmed", have_due_verified, verify,
	  PARTS | TIME, verify_again },
	{ "verification, elsewhere", have_due_elsewhere, verify,
	  PARTS | TIME, verify_again },
	{ "verification, silence", have_due, verify, PARTS | TIME,
	  verify_again },
	{ "only looking on", have_all, look_on, RACE | PARTS | TIME, NULL },
};

int main(void)
{
	return alloc_run_rows("alloc_replica", rows,
			      sizeof(rows) / sizeof(rows[0]));
}
