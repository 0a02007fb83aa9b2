/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Associations that come in, of partners and strangers: frames and bytes in
 * pieces on several links, time, disks, clients and operators in between.
 * Input is a byte that says how the server is set up, then a list of steps,
 * each a byte and what it needs.
 */
#include "wrepl_world.h"

#define LINKS 6

static struct link *held[LINKS];

/* Links that ended are forgotten, and by us as well. */
static void sweep(void)
{
	for (unsigned int i = 0; i < LINKS; i++) {
		if (held[i] != NULL && held[i]->ended) {
			held[i] = NULL;
		}
	}
	fake_sweep(&net);
}

static void step_call(struct input *in)
{
	static const uint32_t from[] = { PEER(0), PEER(1), PEER(2), STRANGER };
	unsigned int slot = 0;

	sweep();
	while (slot < LINKS && held[slot] != NULL) {
		slot++;
	}
	if (slot < LINKS) {
		held[slot] = fake_call(&end, from[take_byte(in) % 4]);
	}
	if (slot < LINKS && held[slot] != NULL) {
		uint8_t frame[WREPL_SMALL_MAX];

		if (take_byte(in) % 8 != 0) {
			fake_feed(held[slot], frame,
				  wrepl_encode_start(frame, WREPL_START, 0,
						     9));
		}
	}
}

static struct link *some_link(struct input *in)
{
	unsigned int at = take_byte(in) % LINKS;

	sweep();
	for (unsigned int i = 0; i < LINKS; i++) {
		struct link *link = held[(at + i) % LINKS];

		if (link != NULL) {
			return link;
		}
	}
	return NULL;
}

static void step(struct input *in)
{
	uint8_t what = take_byte(in) % 16;
	struct link *link = NULL;

	if (what >= 6) {
		link = some_link(in);
		if (link == NULL) {
			what = 0;
		}
	}
	switch (what) {
	case 0:
		step_call(in);
		break;
	case 1:
		step_time(in);
		break;
	case 2:
		step_disk(in);
		break;
	case 3:
		step_client(in);
		break;
	case 4:
		step_operator(in);
		break;
	case 5:
		sim_advance(&sim, 0);
		break;
	case 6:
		step_link(in, link);
		break;
	case 7:
		step_bytes(in, link);
		break;
	default:
		step_frame(in, link);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t what = take_byte(&in);

	world_begin(what);
	memset(held, 0, sizeof(held));
	for (unsigned int i = 0; in.left > 0; i++) {
		step(&in);
		if (i % 16 == 15) {
			check();
		}
	}
	world_end(what & 64);
	return 0;
}
