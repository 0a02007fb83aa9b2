/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What our codec reads: hex of a frame on each line of stdin, one JSON object
 * on each line of stdout. Records are read as those of 192.0.2.1. For
 * frames_foreign.py.
 */

#include <stdlib.h>

#include "interop/wrepl_text.h"
#include "sim/golden.h"

#define THEIRS		0xc0000201u
#define LONGEST		65536

static void print_error(enum wrepl_error error)
{
	printf("{\"error\": \"%s\"}\n", wrepl_error_name(error));
}

static void dump_frame(const uint8_t *data, size_t len)
{
	struct wrepl_msg msg;
	struct wrepl_owner *owner = NULL;
	enum wrepl_error error = WREPL_SHORT;

	if (wrepl_frame_size(data, len) == len - WREPL_HEAD) {
		error = wrepl_decode(data + WREPL_HEAD, len - WREPL_HEAD,
				     &msg);
	}
	if (error != WREPL_OK) {
		print_error(error);
		return;
	}
	owner = calloc(msg.owners + 1u, sizeof(*owner));
	for (uint32_t i = 0; i < msg.owners; i++) {
		wrepl_table_owner(&msg, i, &owner[i]);
	}
	text_message(&msg);
	if (text_has_table(&msg)) {
		text_table(owner, msg.owners, msg.initiator);
	}
	printf("}\n");
	free(owner);
}

/* What is there up to the first error, which is told behind. */
static void dump_reply(const uint8_t *data, size_t len, uint64_t left,
		       const struct wrepl_msg *msg)
{
	enum wrepl_error error = WREPL_OK;

	text_message(msg);
	printf(", \"records\": [");
	for (uint32_t i = 0; i < msg->names && error == WREPL_OK; i++) {
		struct nb_record rec;
		size_t used = 0;

		error = wrepl_decode_record(data, len, left, THEIRS, &rec,
					    &used);
		if (error == WREPL_OK) {
			printf("%s", i > 0 ? ", " : "");
			text_record(&rec);
		}
		data += used;
		len -= used;
		left -= used;
	}
	printf("]");
	if (error != WREPL_OK) {
		printf(", \"error\": \"%s\"", wrepl_error_name(error));
	}
	printf("}\n");
}

int main(void)
{
	static char line[2 * LONGEST + 2];
	static uint8_t data[LONGEST];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		size_t len = golden_hex(line, data, sizeof(data)), used = 0;
		struct wrepl_msg msg;
		uint64_t body = 0;
		enum wrepl_error error = wrepl_open_reply(data, len, &msg,
							  &used, &body);

		if (error == WREPL_OK) {
			dump_reply(data + used, len - used, body, &msg);
		} else if (error == WREPL_UNKNOWN) {
			dump_frame(data, len);
		} else {
			print_error(error);
		}
	}
	return 0;
}
