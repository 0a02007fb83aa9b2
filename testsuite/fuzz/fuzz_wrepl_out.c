/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partners that are called, to be pulled from and to be told: they answer,
 * refuse, lie and vanish at each state. As fuzz_wrepl_in.c; here the server
 * calls, and what it asks for is answered with what the input has.
 */
#include "wrepl_world.h"

/* The links of the server's own calls, newest first. */
static struct link *some_link(struct input *in)
{
	unsigned int at = take_byte(in) % 4, count = 0;
	struct link *found = NULL;

	fake_sweep(&net);
	for (struct link *link = net.links; link; link = link->next) {
		if (!link->ended) {
			found = link;
			if (count++ == at) {
				break;
			}
		}
	}
	return found;
}

static void pick_up(struct input *in, struct link *link)
{
	uint8_t what = take_byte(in), frame[WREPL_SMALL_MAX];

	if (what % 8 == 0) {
		fake_down(link, 111);
		return;
	}
	fake_answer(link);
	look_at(link);
	if (what % 8 > 1) {
		size_t len = wrepl_encode_start(frame, WREPL_START_REPLY,
						link->peer, 9);

		if (what % 16 == 15) {
			frame[23] = 1;		/* as old as NT 4.0 */
		}
		fake_feed(link, frame, len);
	}
}

/* The right answer to what was asked, as far as the input has it. */
static void answer(struct input *in, struct link *link)
{
	static uint8_t frame[FRAME_ROOM];
	uint32_t command = 0;

	if (link->out_len >= 20 &&
	    be32_get(link->out + 12) == WREPL_REPLICATION) {
		command = be32_get(link->out + 16);
		look_at(link);
		feed(in, link, frame, command == WREPL_SEND_REQUEST ?
		     put_reply(in, frame, link->peer) :
		     put_table(in, frame, link->peer, WREPL_TABLE_REPLY));
		return;
	}
	step_frame(in, link);
}

static void step_wire(struct input *in, uint8_t what)
{
	struct link *link = some_link(in);

	if (link == NULL) {
		asked += repl_pull(repl, 0, nobody, &told);
	} else if (!link->up) {
		pick_up(in, link);
	} else if (what == 6) {
		step_link(in, link);
	} else if (what == 7) {
		step_bytes(in, link);
	} else if (what < 12) {
		step_frame(in, link);
	} else {
		answer(in, link);
	}
}

static void step(struct input *in)
{
	uint8_t what = take_byte(in) % 16;

	switch (what) {
	case 0:
	case 5:
		sim_advance(&sim, 0);
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
	default:
		step_wire(in, what);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t what = take_byte(&in);

	world_begin(what);
	for (unsigned int i = 0; in.left > 0; i++) {
		step(&in);
		if (i % 16 == 15) {
			check();
		}
	}
	world_end(what & 64);
	return 0;
}
