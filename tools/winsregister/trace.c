/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A datagram in one line, see trace.h. The words are those of a decoder, not
 * of a report: id and operation as they are on the wire (protocol.md 1.1), so
 * that the line is found again in a capture.
 */
#include "winsregister/trace.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/tool.h"
#include "core/addr.h"

struct line {
	char text[1024];
	size_t len;
};

static void add(struct line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What does not fit is left out. */
static void add(struct line *line, const char *format, ...)
{
	size_t room = sizeof(line->text) - line->len;
	va_list ap;
	int n = 0;

	va_start(ap, format);
	n = vsnprintf(line->text + line->len, room, format, ap);
	va_end(ap);
	if (n > 0) {
		line->len += (size_t)n < room ? (size_t)n : room - 1;
	}
}

static void add_message(struct line *line, const struct nbns_msg *msg)
{
	char name[NB_NAME_TEXT], addr[NB_ADDR_TEXT];

	add(line, "%s %s, id %04x, operation %04x",
	    nbns_kind_name(msg->kind), nb_name_print(&msg->name, name),
	    msg->trn_id, msg->operation);
	if (msg->operation & NBNS_OP_RCODE) {
		add(line, ", %s", nb_rcode_name(msg->operation &
						NBNS_OP_RCODE));
	}
	if (msg->kind != NBNS_QUERY && msg->kind != NBNS_STATUS) {
		add(line, ", TTL %u", msg->ttl);
	}
	if (msg->kind == NBNS_QUERY_REPLY) {
		for (unsigned int i = 0; i < msg->count; i++) {
			add(line, "%s%s", i == 0 ? ", " : " ",
			    nb_addr_print(msg->addrs[i], addr));
		}
	} else if (msg->addr != 0) {
		add(line, ", %s", nb_addr_print(msg->addr, addr));
	}
}

void trace_datagram(void *priv, enum nbns_seen seen, uint32_t peer,
		    uint16_t port, const uint8_t *data, size_t len)
{
	static const char *const words[] = {
		[NBNS_SENT] = "sent to",
		[NBNS_RECEIVED] = "received from",
		[NBNS_IGNORED] = "ignored from",
	};
	struct nbns_msg msg = { .kind = NBNS_KINDS };
	enum nbns_error error = nbns_decode(data, len, &msg);
	struct line line = { .len = 0 };
	char addr[NB_ADDR_TEXT];

	(void)priv;
	if (error == NBNS_OK) {
		add_message(&line, &msg);
	} else {
		add(&line, "not a name service datagram (%s)",
		    nbns_error_name(error));
	}
	tool_debug(1, "%s %s:%u, %zu bytes: %s", words[seen],
		   nb_addr_print(peer, addr), port, len, line.text);
}
