/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server that says anything: the input is what it sends, whatever it is
 * asked. The first byte says how its bytes come in pieces. A walk must come to
 * an end with it, every record must be one that a store may hold, and what is
 * counted must be what came.
 *
 * START_REPLY and the map lead into the rest of the session, so inputs that
 * begin otherwise are of little use; the corpus has some that do not.
 */
#include <stdbool.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "migrate/live/walk.h"

struct input {
	const uint8_t *data;
	size_t left;
	uint32_t dice;
	uint64_t sent;
};

static int take(void *priv, const uint8_t *data, size_t len)
{
	struct input *in = priv;
	struct wrepl_msg msg;

	MUST(len <= WREPL_SMALL_MAX && len > WREPL_HEAD);
	MUST(wrepl_frame_size(data, len) == len - WREPL_HEAD);
	MUST(wrepl_decode(data + WREPL_HEAD, len - WREPL_HEAD, &msg) ==
	     WREPL_OK);
	if (msg.type == WREPL_REPLICATION &&
	    msg.command == WREPL_SEND_REQUEST) {
		MUST(msg.request.min >= 1 &&
		     msg.request.min <= msg.request.max);
	}
	in->sent++;
	return 0;
}

static int give(void *priv, uint8_t *data, size_t size, size_t *got)
{
	struct input *in = priv;
	size_t len = 0;

	MUST(size > 0);
	in->dice = in->dice * 1103515245u + 12345u;
	len = 1 + (in->dice >> 16) % (1u + in->dice % 64u);
	len = len > in->left ? in->left : len;
	len = len > size ? size : len;
	memcpy(data, in->data, len);
	in->data += len;
	in->left -= len;
	*got = len;
	return 0;
}

static void check_owners(const struct walk *walk, uint64_t records,
			 uint64_t statics)
{
	MUST(walk->records == records && walk->statics == statics);
	for (uint32_t i = 0; i < walk->owners; i++) {
		const struct walk_owner *owner = &walk->owner[i];

		MUST(i == 0 || owner[-1].address < owner->address);
		MUST(owner->highest <= owner->max);
		MUST(owner->statics <= owner->records);
		records -= owner->records;
		statics -= owner->statics;
	}
	MUST(records == 0 && statics == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .data = data, .left = size };
	struct wire wire = { .priv = &in, .send = take, .receive = give };
	struct nb_record rec;
	const char *changed = NULL;
	uint64_t records = 0, statics = 0;
	struct walk *walk = NULL;

	if (size == 0 || size > 65536) {
		return 0;
	}
	in.dice = *in.data++;
	in.left--;
	walk = walk_begin(NULL, &wire, 1);
	MUST(walk != NULL);
	while (walk_next(walk, &rec, &changed) == PULL_OK) {
		MUST(nb_record_broken(&rec) == NULL);
		records++;
		statics += rec.is_static;
	}
	MUST(walk->stage == WALK_DONE || walk->result != PULL_OK);
	MUST(walk->stage == WALK_DONE || walk->complaint != NULL);
	check_owners(walk, records, statics);
	talloc_free(walk);
	return 0;
}
