/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a control message. A body that is accepted is read in all its
 * fields and written again: the bytes must be the same, for there is one way
 * to say anything.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t frame[2 * CONTROL_FRAME_MAX];

static void copy_field(struct control_writer *w,
		       const struct control_field *field)
{
	static char text[UINT16_MAX + 1];
	struct nb_record rec;
	struct nb_name name;

	switch (field->tag) {
	case CONTROL_RECORD:
	case CONTROL_BEFORE:
		control_record(field, &rec);
		control_put_record(w, field->tag, &rec);
		break;
	case CONTROL_NAME:
		control_name(field, &name);
		control_put_name(w, field->tag, &name);
		break;
	case CONTROL_GLOB:
		(void)control_glob_match(field->data, field->len,
					 (const uint8_t *)"AAAABAAAABAAAAB",
					 15);
		control_put_bytes(w, field->tag, field->data, field->len);
		break;
	case CONTROL_SCOPE:
		control_put_bytes(w, field->tag, field->data, field->len);
		break;
	case CONTROL_VERB:
	case CONTROL_MESSAGE:
	case CONTROL_KEY:
	case CONTROL_TEXT:
	case CONTROL_RULE:
		control_put_text(w, field->tag,
				 control_text(field, text, sizeof(text)));
		break;
	default:
		control_put_number(w, field->tag, control_number(field));
		break;
	}
}

static void try_kind(const uint8_t *data, size_t size, enum control_kind kind)
{
	struct control_field field = { .data = NULL };
	struct control_reader r;
	struct control_writer w;

	if (size > CONTROL_REPLY_MAX ||
	    control_open(&r, data, size, kind) != CONTROL_GOOD) {
		return;
	}
	control_begin(&w, frame, sizeof(frame), kind);
	while (control_next(&r, &field)) {
		copy_field(&w, &field);
	}
	if (control_end(&w) != CONTROL_HEAD + size ||
	    memcmp(frame + CONTROL_HEAD, data, size) != 0) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= CONTROL_HEAD) {
		(void)control_body_len(data, CONTROL_REQUEST_MAX);
	}
	try_kind(data, size, CONTROL_REQUEST);
	try_kind(data, size, CONTROL_REPLY);
	return 0;
}
