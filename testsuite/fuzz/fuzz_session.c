/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session under virtual time: a living server gets datagrams, time passes,
 * the disk fails or is lost, operators interfere. Input is a list of steps,
 * each a byte and what it needs.
 *
 * Held now and then: every stored record obeys the invariants. Held at the
 * end, when the disk works again and time has passed: nothing is pending, no
 * timer is left but those of a server at rest, talloc is back where it was.
 */

#include <stdlib.h>
#include <string.h>

#include "sim/simserver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t left;
};

static uint8_t take_byte(struct input *in)
{
	if (in->left == 0) {
		return 0;
	}
	in->left--;
	return *in->data++;
}

static struct sim_world sim;
static struct sim_server *server;

static bool check_record(void *arg, const struct nb_record *rec)
{
	(void)arg;
	if (nb_record_broken(rec) != NULL || rec->revision == 0) {
		abort();
	}
	return true;
}

static void check_records(void)
{
	uint64_t cursor = 0;

	while (store_walk_all(server->store, &cursor, 100, check_record,
			      NULL)) {
	}
}

/* Bytes as they are: whatever comes from the network. */
static void step_datagram(struct input *in)
{
	uint8_t buf[300];
	size_t len = take_byte(in);
	uint32_t from = SIM_HOST(take_byte(in) % 8);
	uint16_t port = take_byte(in) % 2 ? SIM_PORT : 1000;

	for (size_t i = 0; i < len; i++) {
		buf[i] = take_byte(in);
	}
	sim_datagram(server, from, port, buf, len);
}

static const char *some_name(uint8_t byte)
{
	static const char *const names[] = { "PC<20>",	"PC<00>",   "DOM<1c>",
					     "DOM<1b>", "GRP<1e>",  "MB<1d>",
					     "WPAD<20>", "SIM<20>" };

	return names[byte % 8];
}

/* A request that makes sense, so that the deeper rules are reached. */
static void step_request(struct input *in)
{
	static const enum nbns_kind kinds[] = { NBNS_REGISTER, NBNS_MREGISTER,
						NBNS_REFRESH, NBNS_RELEASE,
						NBNS_QUERY, NBNS_STATUS };
	uint8_t what = take_byte(in);
	struct sim_request request = {
		.kind = kinds[what % 6],
		.trn_id = take_byte(in),
		.name = some_name(take_byte(in)),
		.from = SIM_HOST(take_byte(in) % 32),
		.nb_flags = (uint16_t)(take_byte(in) << 8),
		.ttl = (uint32_t)take_byte(in) << (what % 24),
	};

	if (what & 0x40) {
		request.addr = SIM_HOST(take_byte(in) % 32);
	}
	sim_request(server, &request);
}

static void step_host(struct input *in)
{
	struct sim_host *host = sim_host(server, SIM_HOST(take_byte(in) % 32),
					 (enum sim_behaviour)(take_byte(in) % 4));

	if (host->behaviour == SIM_ANSWERS) {
		host->count = take_byte(in) % 26;
		for (unsigned int i = 0; i < host->count; i++) {
			host->addr[i] = SIM_HOST(i);
		}
	}
}

static void step_disk(struct input *in)
{
	uint8_t what = take_byte(in);

	if (sim_disk_pending(server->disk)) {
		sim_disk_finish(server->disk, what % 4 == 0 ? 5 : 0);
	} else if (what % 8 == 7) {
		sim_disk_fail(server->disk, 1 + what % 3, 28);
	} else {
		sim_disk_hold(server->disk, what % 2);
	}
}

static void step_time(struct input *in)
{
	uint8_t what = take_byte(in);

	if (what < 200) {
		sim_advance(&sim, (uint64_t)what * 20000u);
	} else {
		sim_advance_seconds(&sim, (int64_t)(what - 199) * 7200);
	}
}

static void command_done(void *arg, int error, const struct nb_verdict *verdict)
{
	(void)arg;
	(void)error;
	(void)verdict;
}

static void step_command(struct input *in)
{
	struct nb_record want = { .is_static = true };
	struct nb_event event = { .record = &want };

	event.kind = (uint8_t)(NB_EV_ADD + take_byte(in) % 5);
	nb_name_parse(some_name(take_byte(in)), &event.name);
	event.force = take_byte(in) % 2;
	want.name = event.name;
	want.type = take_byte(in) % 4;
	want.count = want.type == NB_UNIQUE || want.type == NB_GROUP
			     ? 1
			     : 1 + take_byte(in) % NB_MEMBERS_MAX;
	for (unsigned int i = 0; i < want.count; i++) {
		want.member[i].ip = SIM_HOST(i);
	}
	event.addr = take_byte(in) % 2 ? SIM_HOST(0) : 0;
	if (event.kind != NB_EV_ADD) {
		event.record = NULL;
	}
	serve_command(server->serve, &event, command_done, NULL);
}

static void step(struct input *in)
{
	switch (take_byte(in) % 8) {
	case 0:
		step_datagram(in);
		break;
	case 1:
		step_host(in);
		break;
	case 2:
		step_disk(in);
		break;
	case 3:
		step_time(in);
		break;
	case 4:
		step_command(in);
		break;
	case 5:
		sim_hosts_answer(server);
		break;
	default:
		step_request(in);
	}
}

static void come_to_rest(void)
{
	sim_disk_hold(server->disk, false);
	while (sim_disk_pending(server->disk)) {
		sim_disk_finish(server->disk, 0);
	}
	sim_hosts_answer(server);
	sim_advance_seconds(&sim, 1000);
	if (serve_pending(server->serve) != 0 || store_busy(server->store) ||
	    sim.timer_count > 4) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct serve_config config = sim_config();

	config.own_name[0].name = nb_name_make("SIM", 3, 0x20);
	config.own_names = 1;
	config.policy.migrate_on = size % 2;
	config.policy.propagate_releases = size % 3 == 0;
	config.policy.randomize_1c = size % 5 == 0;
	sim_world_init(&sim, 1);
	server = sim_server_start(NULL, &sim, &config);
	for (unsigned int i = 0; in.left > 0; i++) {
		step(&in);
		if (i % 16 == 15) {
			check_records();
		}
	}
	check_records();
	come_to_rest();
	sim_server_stop(server);
	if (sim.timer_count != 0) {
		abort();
	}
	sim_world_end(&sim);
	return 0;
}
