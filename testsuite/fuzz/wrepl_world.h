/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What both targets for associations have: a server of the simulator with
 * replication on links in the target's hand, and the steps that do not come
 * from the wire. Held now and then and at the end: every stored record obeys
 * the invariants, no mark is told beyond what was ever told to us, links keep
 * their contract (fakelink.h), and when all peers have gone and time has passed
 * nothing is left of them.
 */
#ifndef WINSD_FUZZ_WREPL_WORLD_H
#define WINSD_FUZZ_WREPL_WORLD_H

#include <string.h>

#include "codec/be.h"
#include "fuzz.h"
#include "repl/repl.h"
#include "sim/fakelink.h"
#include "sim/simserver.h"

#define PEER(n)		(0x0a000010u + (n))
#define STRANGER	0x0a200001u
#define OUT_MAX		(1u << 20)

struct input {
	const uint8_t *data;
	size_t left;
};

static struct sim_world sim;
static struct sim_server *server;
static struct fake_net net;
static struct fake_end end;
static struct repl *repl;
static struct repl_config config;
static struct repl_partner_config partner[3];

static uint8_t take_byte(struct input *in)
{
	if (in->left == 0) {
		return 0;
	}
	in->left--;
	return *in->data++;
}

static uint32_t take_word(struct input *in)
{
	uint32_t word = take_byte(in);

	/* small numbers, mostly; sometimes any */
	return word < 250 ? word % 16 :
	       word << 24 | (uint32_t)take_byte(in) << 8 | take_byte(in);
}

static uint64_t take_version(struct input *in)
{
	uint32_t word = take_word(in);

	return word < 16 ? word : (uint64_t)word << 32 | word;
}

static uint32_t take_owner(struct input *in)
{
	static const uint32_t owners[] = {
		0x0a050001u, 0x0a050002u, 0x0a050003u, PEER(0), SIM_SELF,
		0, 0xffffffffu, 0x7f414101u,
	};

	return owners[take_byte(in) % 8];
}

/* ---- records ---- */

static struct nb_name take_name(struct input *in)
{
	static const char *const names[] = { "PC<20>",	"PC<00>",   "DOM<1c>",
					     "DOM<1b>", "GRP<1e>",  "OLD<20>",
					     "NEW<20>", "SIM<20>" };
	struct nb_name name;

	MUST(nb_name_parse(names[take_byte(in) % 8], &name));
	return name;
}

static struct nb_record take_record(struct input *in)
{
	uint8_t what = take_byte(in);
	struct nb_record rec = {
		.name = take_name(in),
		.type = what & 3,
		.state = (what >> 2) % 3,
		.node = what >> 6,
		.is_static = (what & 32) != 0,
		.version = take_version(in),
		.count = 1,
	};

	if (rec.type == NB_SGROUP || rec.type == NB_MHOMED) {
		rec.count = take_byte(in) % 4;
	}
	for (unsigned int i = 0; i < rec.count; i++) {
		rec.member[i].ip = SIM_HOST(take_byte(in) % 8);
		rec.member[i].owner = take_owner(in);
	}
	return rec;
}

/* ---- frames ---- */

static size_t put_table(struct input *in, uint8_t *frame, uint32_t context,
			uint32_t command)
{
	struct wrepl_owner owner[8];
	uint32_t count = take_byte(in) % 8;

	for (uint32_t i = 0; i < count; i++) {
		owner[i] = (struct wrepl_owner){ take_owner(in),
						 take_version(in), 0 };
	}
	return wrepl_encode_table(frame, context, command, owner, count,
				  take_owner(in));
}

static size_t put_reply(struct input *in, uint8_t *frame, uint32_t context)
{
	uint32_t count = take_byte(in) % 6;
	size_t at = WREPL_REPLY_HEAD;

	for (uint32_t i = 0; i < count; i++) {
		struct nb_record rec = take_record(in);

		at += wrepl_encode_record(frame + at, &rec, 0);
	}
	wrepl_encode_reply_head(frame, context, count, at - WREPL_REPLY_HEAD);
	return at;
}

#define FRAME_ROOM (WREPL_REPLY_HEAD + 8 * WREPL_RECORD_MAX)

/* A frame that makes sense; the context may be wrong. */
static size_t put_frame(struct input *in, uint8_t *frame, uint32_t context)
{
	static const uint32_t commands[] = { WREPL_TABLE_REPLY, WREPL_UPDATE,
					     WREPL_UPDATE2, WREPL_INFORM,
					     WREPL_INFORM2 };
	struct wrepl_owner request;
	uint8_t what = take_byte(in);

	if (what >= 240) {
		context ^= take_byte(in);
	}
	switch (what % 12) {
	case 0:
		return wrepl_encode_start(frame, WREPL_START, 0,
					  take_word(in));
	case 1:
		return wrepl_encode_start(frame, WREPL_START_REPLY, context,
					  take_word(in));
	case 2:
		return wrepl_encode_stop(frame, context, take_byte(in) % 8);
	case 3:
		return wrepl_encode_table_query(frame, context);
	case 4:
	case 5:
		request = (struct wrepl_owner){ take_owner(in),
						take_version(in),
						take_version(in) };
		return wrepl_encode_request(frame, context, &request);
	case 6:
	case 7:
	case 8:
		return put_reply(in, frame, context);
	default:
		return put_table(in, frame, context,
				 commands[take_byte(in) % 5]);
	}
}

/* The context that the server gave itself on this link; 0: not seen yet. */
static void look_at(struct link *link)
{
	size_t at = 0;

	while (link->out_len - at >= 20) {
		size_t len = WREPL_HEAD + (size_t)wrepl_frame_size(
						  link->out + at,
						  link->out_len - at);
		uint32_t type = be32_get(link->out + at + 12);

		if (len > link->out_len - at) {
			break;
		}
		if (type == WREPL_START || type == WREPL_START_REPLY) {
			link->peer = be32_get(link->out + at + 16);
		}
		at += len;
	}
	if (at > 0) {
		memmove(link->out, link->out + at, link->out_len - at);
		link->out_len -= at;
	}
	MUST(link->out_len < OUT_MAX);
}

static void feed(struct input *in, struct link *link, const uint8_t *frame,
		 size_t len)
{
	uint8_t cut = take_byte(in);

	look_at(link);
	if (cut < 128) {
		fake_feed(link, frame, len);
	} else {
		fake_feed_pieces(link, frame, len, 1 + cut % 50);
	}
}

static void step_frame(struct input *in, struct link *link)
{
	static uint8_t frame[FRAME_ROOM];
	size_t len = 0;

	look_at(link);
	len = put_frame(in, frame, link->peer);
	if (take_byte(in) == 0 && len > 0) {
		/* one byte of it is another, or its end is missing */
		frame[take_byte(in) % len] ^= (uint8_t)(1 + take_byte(in));
		len -= take_byte(in) % len;
	}
	feed(in, link, frame, len);
}

static void step_bytes(struct input *in, struct link *link)
{
	uint8_t buf[256];
	size_t len = take_byte(in);

	for (size_t i = 0; i < len; i++) {
		buf[i] = take_byte(in);
	}
	feed(in, link, buf, len);
}

/* ---- what happens here ---- */

static bool check_record(void *arg, const struct nb_record *rec)
{
	(void)arg;
	MUST(nb_record_broken(rec) == NULL);
	return true;
}

static void check(void)
{
	uint64_t cursor = 0;
	struct repl_owner_sight owner;

	while (store_walk_all(server->store, &cursor, 100, check_record,
			      NULL)) {
	}
	for (unsigned int i = 0; repl_owner_at(repl, i, &owner); i++) {
		/* nobody is told more than we know */
		MUST(owner.ours ||
		     owner.mark <= store_mark(server->store, owner.owner));
		MUST(owner.owner != 0 && owner.owner != 0xffffffffu);
	}
}

static void step_time(struct input *in)
{
	uint8_t what = take_byte(in);

	sim_advance(&sim, what < 200 ? (uint64_t)what * 10000u :
				       (uint64_t)(what - 199) * 7000000u);
}

static void step_disk(struct input *in)
{
	uint8_t what = take_byte(in);

	if (sim_disk_pending(server->disk)) {
		sim_disk_finish(server->disk, what % 4 == 0 ? 12 : 0);
	} else if (what % 8 == 7) {
		sim_disk_fail(server->disk, 1 + what % 3, 28);
	} else {
		sim_disk_hold(server->disk, what % 2);
	}
}

static void step_client(struct input *in)
{
	struct sim_request request = {
		.kind = NBNS_REGISTER,
		.trn_id = take_byte(in),
		.from = SIM_HOST(take_byte(in) % 8),
		.nb_flags = 0x6000,
	};
	char text[NB_NAME_TEXT];
	struct nb_name name = take_name(in);

	request.name = nb_name_print(&name, text);
	sim_request(server, &request);
	sim_forget(server);
	if (take_byte(in) % 2) {
		sim_host(server, SIM_HOST(take_byte(in) % 8),
			 (enum sim_behaviour)(take_byte(in) % 4));
	}
}

static void nobody(void *arg, uint32_t who, int error, uint64_t records,
		   const char *message)
{
	unsigned int *calls = arg;

	(void)who;
	(void)error;
	(void)records;
	(void)message;
	(*calls)++;
}

static void no_entry(void *arg, const struct repl_map_entry *entry)
{
	(void)arg;
	(void)entry;
}

static void no_done(void *arg)
{
	unsigned int *calls = arg;

	(*calls)++;
}

static unsigned int asked, told;

static void step_operator(struct input *in)
{
	uint8_t what = take_byte(in);
	struct repl_partner_sight sight;

	switch (what % 8) {
	case 0:
		asked += repl_pull(repl, what & 8 ? PEER(0) : 0, nobody,
				   &told);
		break;
	case 1:
		asked += repl_push(repl, 0, what & 8, nobody, &told);
		break;
	case 2:
		asked += repl_survey(repl, no_entry, no_done, &told) == 0;
		break;
	case 3:
		(void)repl_start_anyway(repl);
		break;
	case 4:
		(void)repl_owner_accept(repl, take_owner(in));
		break;
	case 5:
		(void)repl_owner_reject(repl, take_owner(in));
		break;
	case 6:
		config.partners = what >> 6;
		partner[0].pull = what & 8;
		partner[1].push = what & 16;
		partner[0].options.persistent = what & 32;
		config.only_partners = take_byte(in) % 2;
		MUST(repl_set_config(repl, &config) == 0);
		break;
	default:
		for (unsigned int i = 0; repl_partner_at(repl, i, &sight);
		     i++) {
			MUST(sight.state != NULL);
		}
		break;
	}
}

static void step_link(struct input *in, struct link *link)
{
	switch (take_byte(in) % 4) {
	case 0:
		fake_down(link, take_byte(in) % 2 ? 104 : 0);
		break;
	case 1:
		fake_stall(link, true);
		break;
	default:
		fake_stall(link, false);
		break;
	}
}

/* ---- the beginning and the end ---- */

static void world_begin(uint8_t what)
{
	struct serve_config serving = sim_config();
	struct link_ops ops;

	sim_world_init(&sim, 1);
	fake_net_init(&net, &sim);
	asked = told = 0;
	config = (struct repl_config){
		.self = SIM_SELF,
		.port = WREPL_PORT,
		.only_partners = what & 1,
		.version_jump = 1000,
		.start_wait = what & 2 ? 120 : 0,
		.periodic = 15,
		.partners = 2,
		.partner = partner,
	};
	for (unsigned int i = 0; i < 3; i++) {
		partner[i] = (struct repl_partner_config){
			.address = PEER(i),
			.pull = i < 2,
			.push = i != 1,
			.options = partner_options_default(),
		};
		partner[i].options.pull_interval = what & 4 ? 600 : 0;
		partner[i].options.push_count = what & 8 ? 1 : 0;
		partner[i].options.persistent = what & 16;
		partner[i].options.statics = what & 32;
	}
	server = sim_server_start(NULL, &sim, &serving);
	server->discard = true;
	fake_end_init(&end, &net, &repl, SIM_SELF);
	ops = fake_ops(&end);
	MUST(repl_create(NULL, &sim.world, server->store, server->serve, &ops,
			 &config, &repl) == 0);
	repl_loaded(repl);
	sim_advance(&sim, 0);
}

static uint64_t stat_of(const char *name)
{
	const char *text = NULL;
	uint64_t value = 0;

	for (unsigned int i = 0; repl_stat_at(repl, i, &text, &value); i++) {
		if (strcmp(text, name) == 0) {
			return value;
		}
	}
	abort();
}

static void world_end(bool early)
{
	sim_disk_hold(server->disk, false);
	while (sim_disk_pending(server->disk)) {
		sim_disk_finish(server->disk, 0);
	}
	if (!early) {
		/* nobody is there any more, nor is anybody called */
		config.partners = 0;
		MUST(repl_set_config(repl, &config) == 0);
		for (struct link *link = net.links; link; link = link->next) {
			fake_down(link, 0);
		}
		sim_advance_seconds(&sim, 600);
		check();
		MUST(fake_open(&net) == 0);
		MUST(stat_of("replication-pulls-running") == 0);
		MUST(stat_of("replication-answer-bytes") == 0);
		MUST(stat_of("replica-challenges-pending") == 0);
		MUST(asked == told);
	}
	talloc_free(repl);
	/* challenges end, datagrams of hosts arrive */
	sim_advance_seconds(&sim, 300);
	sim_server_stop(server);
	fake_net_end(&net);
	MUST(sim.timer_count == 0);
	sim_world_end(&sim);
}

#endif
