/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A replication partner that behaves; see fakepeer.h. */

#include <errno.h>
#include <stdlib.h>

#include "sim/fakepeer.h"

uint8_t *fake_reply(const struct nb_record *const *record, uint32_t count,
		    uint32_t context, size_t *len)
{
	uint8_t *frame = fake_memory(NULL, WREPL_REPLY_HEAD +
				     (size_t)count * WREPL_RECORD_MAX + 1);
	size_t at = WREPL_REPLY_HEAD;

	for (uint32_t i = 0; i < count; i++) {
		at += wrepl_encode_record(frame + at, record[i], 0);
	}
	wrepl_encode_reply_head(frame, context, count, at - WREPL_REPLY_HEAD);
	*len = at;
	return frame;
}

void fake_peer_knows(struct fake_peer *peer, uint32_t owner, uint64_t max)
{
	unsigned int i = 0;

	while (i < peer->owners && peer->map[i].address != owner) {
		i++;
	}
	if (i == FAKE_OWNERS) {
		abort();
	}
	if (i == peer->owners) {
		peer->owners++;
	}
	peer->map[i] = (struct wrepl_owner){ owner, max, 0 };
}

static void feed(struct fake_peer *peer, struct link *link,
		 const uint8_t *frame, size_t len)
{
	fake_feed_pieces(link, frame, len,
			 peer->piece != 0 ? peer->piece : LINK_READ_MAX);
}

static void send_table(struct fake_peer *peer, struct link *link,
		       uint32_t context)
{
	uint8_t frame[1024];
	size_t len = 0;

	peer->queries++;
	if (peer->mood == FAKE_STRANGER) {
		len = wrepl_encode_stop(frame, context, WREPL_STOP_ERROR);
	} else {
		len = wrepl_encode_table(frame, context, WREPL_TABLE_REPLY,
					 peer->map, peer->owners,
					 peer->address);
	}
	feed(peer, link, frame, len);
}

static void send_records(struct fake_peer *peer, struct link *link,
			 uint32_t context, const struct wrepl_owner *request)
{
	const struct nb_record **record = fake_memory(
		NULL, (peer->records + 1) * sizeof(struct nb_record *));
	uint8_t *frame = NULL;
	uint32_t count = 0;
	size_t len = 0;

	peer->requests++;
	peer->request = *request;
	for (unsigned int i = 0; i < peer->records; i++) {
		const struct nb_record *rec = &peer->record[i];

		if (rec->owner == request->address &&
		    rec->version >= request->min &&
		    rec->version <= request->max &&
		    rec->state != NB_RELEASED) {
			record[count++] = rec;
		}
	}
	frame = fake_reply(record, count, context, &len);
	feed(peer, link, frame, len);
	free(frame);
	free(record);
}

static void note_table(struct fake_peer *peer, struct link *link,
		       const struct wrepl_msg *msg)
{
	if (msg->command == WREPL_INFORM || msg->command == WREPL_INFORM2) {
		peer->informs++;
	} else {
		peer->updates++;
	}
	peer->link = link;
	peer->command = msg->command;
	peer->initiator = msg->initiator;
	peer->lines = 0;
	for (uint32_t i = 0; i < msg->owners && i < FAKE_OWNERS; i++) {
		wrepl_table_owner(msg, i, &peer->line[peer->lines++]);
	}
}

static void replication(struct fake_peer *peer, struct link *link,
			uint32_t context, const struct wrepl_msg *msg)
{
	switch (msg->command) {
	case WREPL_TABLE_QUERY:
		send_table(peer, link, context);
		break;
	case WREPL_SEND_REQUEST:
		if (peer->mood == FAKE_BREAKS) {
			peer->requests++;
			fake_down(link, 0);
			break;
		}
		send_records(peer, link, context, &msg->request);
		break;
	case WREPL_UPDATE:
	case WREPL_UPDATE2:
	case WREPL_INFORM:
	case WREPL_INFORM2:
		note_table(peer, link, msg);
		break;
	default:
		break;
	}
}

/* START is answered with the context that it brought. */
static void start_reply(struct fake_peer *peer, struct link *link,
			const struct wrepl_msg *msg)
{
	uint8_t frame[WREPL_SMALL_MAX];
	size_t len = wrepl_encode_start(frame, WREPL_START_REPLY, msg->sender,
					FAKE_CONTEXT);

	if (peer->minor != 0) {
		frame[22] = (uint8_t)(peer->minor >> 8);
		frame[23] = (uint8_t)peer->minor;
	}
	link->peer = msg->sender;
	feed(peer, link, frame, len);
}

static bool run_frame(struct fake_peer *peer, struct link *link)
{
	uint8_t frame[FAKE_FRAME];
	struct wrepl_msg msg;
	size_t len = fake_take(link, frame);

	if (len == 0 ||
	    wrepl_decode(frame + WREPL_HEAD, len - WREPL_HEAD, &msg) !=
		    WREPL_OK) {
		return false;
	}
	if (msg.type == WREPL_START) {
		start_reply(peer, link, &msg);
	} else if (msg.type == WREPL_STOP) {
		peer->stops++;
		fake_down(link, 0);
	} else if (msg.type == WREPL_REPLICATION && peer->mood != FAKE_DEAF) {
		replication(peer, link, link->peer, &msg);
	}
	return true;
}

static bool run_call(struct fake_peer *peer, struct link *link)
{
	if (peer->mood == FAKE_SILENT) {
		return false;
	}
	if (peer->mood == FAKE_AWAY) {
		fake_down(link, ECONNREFUSED);
		return true;
	}
	peer->calls++;
	fake_answer(link);
	return true;
}

static bool run_link(struct fake_peer *peer, struct link *link)
{
	if (link->incoming || link->theirs != peer->address) {
		return false;
	}
	if (!link->up && !link->ended) {
		return run_call(peer, link);
	}
	return link->up && run_frame(peer, link);
}

bool fake_peer_run(struct fake_peer *peer)
{
	bool did = false;

	for (struct link *link = peer->net->links; link; link = link->next) {
		while (run_link(peer, link)) {
			did = true;
		}
	}
	return did;
}
