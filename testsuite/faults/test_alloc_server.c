/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clients, time and configuration meet a server whose memory runs out once:
 * datagrams in, replies out, nothing between them replaced (alloc_server.h
 * says what is looked at).
 */
#include <errno.h>
#include <stdio.h>

#include "faults/alloc_server.h"

#define A SIM_HOST(1)
#define B SIM_HOST(2)
#define C SIM_HOST(3)

/* ---- names that are new ---- */

static void new_unique(void)
{
	ask(NBNS_REGISTER, 1, "NEW<20>", A, 0);
}

static void new_group(void)
{
	ask_group(NBNS_REGISTER, 1, "GROUP<00>", A);
}

static void new_internet_group(void)
{
	ask_group(NBNS_REGISTER, 1, "DOMAIN<1c>", A);
}

static void new_multihomed(void)
{
	ask(NBNS_MREGISTER, 1, "MULTI<20>", A, 0);
}

static void refresh_unknown(void)
{
	ask(NBNS_REFRESH, 1, "NEW<20>", A, 0);
}

static void three_in_a_turn(void)
{
	serve_turn_begin(server->serve);
	ask(NBNS_REGISTER, 1, "ONE<20>", A, 0);
	ask(NBNS_REGISTER, 2, "TWO<20>", B, 0);
	ask(NBNS_RELEASE, 3, "KNOWN<20>", A, 0);
	serve_turn_end(server->serve);
}

/* ---- names that are known ---- */

static void have_known(void)
{
	ask(NBNS_REGISTER, 100, "KNOWN<20>", A, 0);
	sim_advance_seconds(&sim, 1000);
}

static void have_groups(void)
{
	ask_group(NBNS_REGISTER, 100, "GROUP<00>", A);
	ask_group(NBNS_REGISTER, 101, "DOMAIN<1c>", A);
	ask(NBNS_REGISTER, 102, "DOMAIN<1b>", B, 0);
	sim_advance_seconds(&sim, 1000);
}

static void have_multihomed(void)
{
	struct sim_host *host = sim_host(server, A, SIM_ANSWERS);

	host->count = 2;
	host->addr[0] = A;
	host->addr[1] = B;
	ask(NBNS_MREGISTER, 100, "MULTI<20>", A, 0);
	ask(NBNS_MREGISTER, 101, "MULTI<20>", A, B);
	sim_advance_seconds(&sim, 1000);
}

static void register_known(void)
{
	ask(NBNS_REGISTER, 1, "KNOWN<20>", A, 0);
}

static void refresh_known(void)
{
	ask(NBNS_REFRESH, 1, "KNOWN<20>", A, 0);
}

static void release_known(void)
{
	ask(NBNS_RELEASE, 1, "KNOWN<20>", A, 0);
}

static void have_released(void)
{
	have_known();
	release_known();
	sim_advance_seconds(&sim, 10);
}

static void register_by_another(void)
{
	ask(NBNS_REGISTER, 1, "KNOWN<20>", B, 0);
}

static void join_group(void)
{
	ask_group(NBNS_REGISTER, 1, "GROUP<00>", B);
}

static void join_internet_group(void)
{
	ask_group(NBNS_REGISTER, 1, "DOMAIN<1c>", B);
}

static void have_one_card(void)
{
	struct sim_host *host = sim_host(server, A, SIM_ANSWERS);

	host->count = 2;
	host->addr[0] = A;
	host->addr[1] = B;
	ask(NBNS_MREGISTER, 100, "MULTI<20>", A, 0);
}

static void second_card(void)
{
	ask(NBNS_MREGISTER, 1, "MULTI<20>", A, B);
	sim_advance_seconds(&sim, 20);
}

static void refresh_card(void)
{
	ask(NBNS_REFRESH, 1, "MULTI<20>", A, B);
}

static void release_card(void)
{
	ask(NBNS_RELEASE, 1, "MULTI<20>", A, B);
}

static void release_unknown(void)
{
	ask(NBNS_RELEASE, 1, "NOBODY<20>", A, 0);
}

/* ---- challenges ---- */

static void have_silent(void)
{
	have_known();
	sim_host(server, A, SIM_SILENT);
}

static void have_holding(void)
{
	have_known();
	sim_host(server, A, SIM_HOLDS);
}

static void have_denying(void)
{
	have_known();
	sim_host(server, A, SIM_DENIES);
}

static void claim(void)
{
	ask(NBNS_REGISTER, 1, "KNOWN<20>", B, 0);
	sim_advance_seconds(&sim, 20);
}

static void refresh_elsewhere(void)
{
	ask(NBNS_REFRESH, 1, "KNOWN<20>", B, 0);
	sim_advance_seconds(&sim, 20);
}

static void claim_twice(void)
{
	ask(NBNS_REGISTER, 1, "KNOWN<20>", B, 0);
	ask(NBNS_REGISTER, 1, "KNOWN<20>", B, 0);
	ask(NBNS_REGISTER, 2, "KNOWN<20>", B, 0);
	sim_advance_seconds(&sim, 20);
}

static void claim_in_line(void)
{
	ask(NBNS_REGISTER, 1, "KNOWN<20>", B, 0);
	ask(NBNS_REGISTER, 2, "KNOWN<20>", C, 0);
	sim_advance_seconds(&sim, 20);
}

static void claim_and_release(void)
{
	ask(NBNS_REGISTER, 1, "KNOWN<20>", B, 0);
	sim_advance_seconds(&sim, 1);
	ask(NBNS_RELEASE, 2, "KNOWN<20>", A, 0);
	sim_advance_seconds(&sim, 20);
}

/* ---- questions ---- */

static void query_hit(void)
{
	ask(NBNS_QUERY, 1, "KNOWN<20>", C, 0);
}

static void query_miss(void)
{
	ask(NBNS_QUERY, 1, "NOBODY<20>", C, 0);
}

static void query_group(void)
{
	ask(NBNS_QUERY, 1, "GROUP<00>", C, 0);
}

static void query_internet_group(void)
{
	ask(NBNS_QUERY, 1, "DOMAIN<1c>", C, 0);
}

static void query_multihomed(void)
{
	ask(NBNS_QUERY, 1, "MULTI<20>", C, 0);
}

static void query_own(void)
{
	ask(NBNS_QUERY, 1, "WINS1<20>", C, 0);
}

static void node_status(void)
{
	ask(NBNS_STATUS, 1, "WINS1<20>", C, 0);
}

/* ---- what is not taken ---- */

static void claim_own(void)
{
	ask(NBNS_REGISTER, 1, "WINS1<20>", B, 0);
}

static void register_blocked(void)
{
	ask(NBNS_REGISTER, 1, "WPAD<20>", A, 0);
}

static void limit_source(void)
{
	server->config.source_rate = 1;
	server->config.source_burst = 2;
	serve_set_config(server->serve, &server->config);
}

static void ask_too_much(void)
{
	ask(NBNS_REGISTER, 1, "ONE<20>", A, 0);
	ask(NBNS_REGISTER, 2, "TWO<20>", A, 0);
	ask(NBNS_REGISTER, 3, "THREE<20>", A, 0);
	sim_advance_seconds(&sim, 20);
}

/* ---- the disk is behind ---- */

static void set_burst(void)
{
	server->config.burst_threshold = 2;
	serve_set_config(server->serve, &server->config);
}

static void burst(void)
{
	sim_disk_hold(server->disk, true);
	ask(NBNS_REGISTER, 1, "ONE<20>", A, 0);
	ask(NBNS_REGISTER, 2, "TWO<20>", A, 0);
	ask(NBNS_REGISTER, 3, "THREE<20>", A, 0);
	ask(NBNS_REGISTER, 4, "FOUR<20>", A, 0);
	let_go(0);
	sim_advance_seconds(&sim, 20);
}

static void turns_joined(void)
{
	sim_disk_hold(server->disk, true);
	ask(NBNS_REGISTER, 1, "ONE<20>", A, 0);
	ask(NBNS_REGISTER, 2, "TWO<20>", B, 0);
	ask(NBNS_RELEASE, 3, "KNOWN<20>", A, 0);
	ask(NBNS_REGISTER, 4, "ONE<20>", A, 0);
	let_go(0);
}

/* The first commit fails as it is, and the rest with it. */
static void undone(void)
{
	sim_disk_hold(server->disk, true);
	ask(NBNS_REGISTER, 1, "ONE<20>", A, 0);
	ask(NBNS_RELEASE, 2, "KNOWN<20>", A, 0);
	ask(NBNS_REGISTER, 3, "TWO<20>", B, 0);
	let_go(ENOMEM);
}

/* ---- time ---- */

/* Whatever has lost its timer has been seen to by then. */
static void two_minutes(void)
{
	sim_advance_seconds(&sim, 120);
}

static void have_due(void)
{
	char name[24];

	for (unsigned int i = 0; i < 90; i++) {
		snprintf(name, sizeof(name), "OLD-%u<20>", i);
		ask(NBNS_REGISTER, (uint16_t)(100 + i), name, A, 0);
	}
	sim_forget(server);
	sim_advance_seconds(&sim, 2 * 86400);
	ask(NBNS_REGISTER, 1, "YOUNG<20>", B, 0);
	/* their time comes while nobody looks */
	server->config.scavenging_interval = 30 * 86400;
	serve_set_config(server->serve, &server->config);
	sim_advance_seconds(&sim, 5 * 86400);
}

static void have_many_due(void)
{
	char name[24];

	for (unsigned int i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "OLD-%u<20>", i);
		ask(NBNS_REGISTER, (uint16_t)(100 + i), name, A, 0);
	}
	sim_forget(server);
	sim_advance_seconds(&sim, 7 * 86400);
}

static void scavenge(void)
{
	serve_scavenge(server->serve, SERVE_SCAVENGE_NOW, NULL, NULL);
	two_minutes();
}

static void scavenge_force(void)
{
	serve_scavenge(server->serve, SERVE_SCAVENGE_FORCE, NULL, NULL);
	two_minutes();
}

static void scavenge_dry(void)
{
	serve_scavenge(server->serve, SERVE_SCAVENGE_DRY_RUN, NULL, NULL);
	two_minutes();
}

static void sleep_an_hour(void)
{
	sim.usec += UINT64_C(3600000000);
	sim_advance_seconds(&sim, 120);
}

/* ---- configuration ---- */

static void reload(void)
{
	server->config.own_names = 3 - server->config.own_names;
	server->config.own_name[1] = server->config.own_name[0];
	server->config.own_name[1].name.type = 0x00;
	server->config.scavenging_interval += 60;
	serve_set_config(server->serve, &server->config);
	sim_advance_seconds(&sim, 10);
}

static void other_ifaces(void)
{
	static const struct serve_iface iface[2] = {
		{ SIM_SELF, 0xffff0000u, 0x0a00ffffu },
		{ 0xc0000201u, 0xffffff00u, 0xc00002ffu },
	};

	serve_set_ifaces(server->serve, iface, 2);
	sim_advance_seconds(&sim, 10);
}

/* By now our own names are ours, whatever has failed. */
static void ask_later(void)
{
	two_minutes();
	node_status();
}

static void two_hours(void)
{
	sim_advance_seconds(&sim, 7300);
}

static const struct alloc_row rows[] = {
	{ "register a unique name", NULL, new_unique, 0, NULL },
	{ "register a group", NULL, new_group, 0, NULL },
	{ "register an internet group", NULL, new_internet_group, 0, NULL },
	{ "register a multihomed name", NULL, new_multihomed, 0, NULL },
	{ "refresh what is not known", NULL, refresh_unknown, 0, NULL },
	{ "three requests in a turn", have_known, three_in_a_turn,
	  PARTS, NULL },
	{ "register a known name", have_known, register_known, 0, NULL },
	{ "refresh", have_known, refresh_known, 0, NULL },
	{ "release", have_known, release_known, 0, NULL },
	{ "release what is not known", NULL, release_unknown, 0, NULL },
	{ "take a name that was released", have_released, register_by_another,
	  0, NULL },
	{ "join a group", have_groups, join_group, 0, NULL },
	{ "join an internet group", have_groups, join_internet_group, 0, NULL },
	{ "a second card", have_one_card, second_card, TIME, NULL },
	{ "refresh of one card", have_multihomed, refresh_card, 0, NULL },
	{ "release of one card", have_multihomed, release_card, 0, NULL },
	{ "challenge without an answer", have_silent, claim, TIME, NULL },
	{ "challenge, the holder is there", have_holding, claim, TIME, NULL },
	{ "challenge, the holder denies", have_denying, claim, TIME, NULL },
	{ "refresh of another address", have_silent, refresh_elsewhere,
	  TIME, NULL },
	{ "requests that join a challenge", have_silent, claim_twice,
	  TIME, NULL },
	{ "a line behind a challenge", have_holding, claim_in_line,
	  TIME, NULL },
	{ "challenge, the holder releases", have_silent, claim_and_release,
	  RACE | TIME, NULL },
	{ "query", have_known, query_hit, 0, NULL },
	{ "query, unknown", NULL, query_miss, 0, NULL },
	{ "query of a group", have_groups, query_group, 0, NULL },
	{ "query of an internet group", have_groups, query_internet_group,
	  0, NULL },
	{ "query of a multihomed name", have_multihomed, query_multihomed,
	  0, NULL },
	{ "query of our own name", NULL, query_own, 0, NULL },
	{ "node status", NULL, node_status, 0, NULL },
	{ "our own name is claimed", NULL, claim_own, 0, NULL },
	{ "a blocked name", NULL, register_blocked, 0, NULL },
	{ "more than a source may ask", limit_source, ask_too_much,
	  PARTS | TIME, NULL },
	{ "come-back answers", set_burst, burst, RACE | TIME, NULL },
	{ "turns that are joined", have_known, turns_joined, PARTS, NULL },
	{ "turns that are undone", have_known, undone, PARTS, NULL },
	{ "scavenging", have_due, scavenge, PARTS | TIME, NULL },
	{ "scavenging that is stopped", have_many_due, scavenge,
	  PARTS | TIME, NULL },
	{ "scavenging, forced", have_many_due, scavenge_force,
	  PARTS | TIME, NULL },
	{ "scavenging, a dry run", have_many_due, scavenge_dry,
	  PARTS | TIME, NULL },
	{ "being alive", have_known, two_minutes, TIME, NULL },
	{ "the machine slept", have_many_due, sleep_an_hour,
	  PARTS | TIME, NULL },
	{ "reload", NULL, reload, TIME, ask_later },
	{ "the interfaces changed", NULL, other_ifaces, TIME,
	  ask_later },
	{ "our names are announced again", NULL, two_hours, TIME, ask_later },
};

int main(void)
{
	return alloc_run_rows("alloc_server", rows,
			      sizeof(rows) / sizeof(rows[0]));
}
