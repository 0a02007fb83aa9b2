/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames between the child that has the library and the parent that does not
 * trust it. Pure: bytes to values and back.
 *
 * The one rule of the parser: a length is compared with what is there before
 * anything is looked at, and nothing is allocated. Names and messages become
 * printable ASCII here, so that nobody behind needs to think of it again.
 */
#include "migrate/ese/wire.h"

#include <string.h>

#define NO_VALUE 0xffffffffu
#define CUT 0x80000000u

const char *ese_type_name(unsigned int type)
{
	static const char *const names[] = {
		[1] = "bit", [2] = "u8", [3] = "i16", [4] = "i32",
		[5] = "currency", [6] = "float", [7] = "double",
		[8] = "time", [9] = "binary", [10] = "text",
		[11] = "long binary", [12] = "long text", [14] = "u32",
		[15] = "i64", [16] = "guid", [17] = "u16",
	};
	bool known = type < sizeof(names) / sizeof(names[0]) &&
		     names[type] != NULL;

	return known ? names[type] : "unknown type";
}

/* ---- parsing ---- */

static uint32_t number_at(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static void text_from(char *text, size_t max, const uint8_t *data, size_t len)
{
	len = len < max ? len : max - 1;
	for (size_t i = 0; i < len; i++) {
		bool prints = data[i] >= ' ' && data[i] <= '~';

		text[i] = prints ? (char)data[i] : '?';
	}
	text[len] = '\0';
}

static bool parse_column(const uint8_t *data, size_t len,
			 struct ese_column *column)
{
	if (len < 8) {
		return false;
	}
	column->id = number_at(data);
	column->type = number_at(data + 4);
	text_from(column->name, sizeof(column->name), data + 8, len - 8);
	return true;
}

static bool parse_row(const uint8_t *data, size_t len, struct ese_frame *frame)
{
	while (len > 0) {
		struct ese_value *value = &frame->value[frame->count];
		uint32_t size = 0;

		if (len < 4 || frame->count == ESE_COLUMNS) {
			return false;
		}
		size = number_at(data);
		*value = (struct ese_value){ .data = NULL };
		data += 4;
		len -= 4;
		frame->count++;
		if (size == NO_VALUE) {
			continue;
		}
		value->cut = (size & CUT) != 0;
		value->len = size & ~CUT;
		if (value->cut) {
			continue;
		}
		if (value->len > ESE_VALUE_MAX || value->len > len) {
			return false;
		}
		value->data = data;
		data += value->len;
		len -= value->len;
	}
	return true;
}

static bool parse_payload(const uint8_t *data, size_t len,
			  struct ese_frame *frame)
{
	switch (frame->kind) {
	case ESE_TABLE:
		text_from(frame->text, ESE_NAME, data, len);
		return true;
	case ESE_BAD_ROW:
	case ESE_FAILED:
		text_from(frame->text, sizeof(frame->text), data, len);
		return true;
	case ESE_COLUMN:
		return parse_column(data, len, &frame->column);
	case ESE_OPEN:
		frame->number = len == 4 ? number_at(data) : 0;
		return len == 4;
	case ESE_ROW:
		return parse_row(data, len, frame);
	case ESE_DONE:
		return len == 0;
	}
	return false;
}

int ese_frame_parse(const uint8_t *data, size_t len, struct ese_frame *frame,
		    size_t *used)
{
	size_t size = 0;

	if (len < 4) {
		return 0;
	}
	size = number_at(data);
	if (size < 1 || size > ESE_FRAME_MAX - 4) {
		return -1;
	}
	if (len - 4 < size) {
		return 0;
	}
	frame->kind = data[4];
	frame->count = 0;
	if (!parse_payload(data + 5, size - 1, frame)) {
		return -1;
	}
	*used = 4 + size;
	return 1;
}

/* ---- catalogs ---- */

static bool same_table(const struct ese_table *a, const struct ese_table *b)
{
	if (a->count != b->count || strcmp(a->name, b->name) != 0) {
		return false;
	}
	for (uint32_t i = 0; i < a->count; i++) {
		if (a->column[i].id != b->column[i].id ||
		    a->column[i].type != b->column[i].type ||
		    strcmp(a->column[i].name, b->column[i].name) != 0) {
			return false;
		}
	}
	return true;
}

bool ese_catalog_same(const struct ese_catalog *a, const struct ese_catalog *b)
{
	if (a->count != b->count) {
		return false;
	}
	for (uint32_t i = 0; i < a->count; i++) {
		if (!same_table(&a->table[i], &b->table[i])) {
			return false;
		}
	}
	return true;
}

/* ---- the order of frames ---- */

static bool take_table(struct ese_stream *stream, const struct ese_frame *frame)
{
	struct ese_catalog *catalog = stream->catalog;
	struct ese_table *table = NULL;

	if (stream->rows || catalog->count == ESE_TABLES) {
		return false;
	}
	table = &catalog->table[catalog->count++];
	memcpy(table->name, frame->text, sizeof(table->name));
	table->name[sizeof(table->name) - 1] = '\0';
	table->count = 0;
	return true;
}

static bool take_column(struct ese_stream *stream,
			const struct ese_frame *frame)
{
	struct ese_catalog *catalog = stream->catalog;
	struct ese_table *table = NULL;

	if (stream->rows || catalog->count == 0) {
		return false;
	}
	table = &catalog->table[catalog->count - 1];
	if (table->count == ESE_COLUMNS) {
		return false;
	}
	table->column[table->count++] = frame->column;
	return true;
}

bool ese_stream_take(struct ese_stream *stream, const struct ese_frame *frame)
{
	const struct ese_catalog *catalog = stream->catalog;

	if (stream->ended) {
		return false;
	}
	switch (frame->kind) {
	case ESE_TABLE:
		return take_table(stream, frame);
	case ESE_COLUMN:
		return take_column(stream, frame);
	case ESE_OPEN:
		/* each at most once, in order: so a stream ends */
		if (frame->number >= catalog->count ||
		    (stream->rows && frame->number <= stream->table)) {
			return false;
		}
		stream->rows = true;
		stream->table = frame->number;
		return true;
	case ESE_ROW:
		return stream->rows &&
		       frame->count == catalog->table[stream->table].count;
	case ESE_BAD_ROW:
		return stream->rows;
	case ESE_FAILED:
	case ESE_DONE:
		stream->ended = true;
		return true;
	}
	return false;
}

/* ---- writing, by the child ---- */

void ese_frame_begin(struct ese_writer *writer, enum ese_kind kind)
{
	writer->data[4] = (uint8_t)kind;
	writer->len = 5;
}

static void number_to(uint8_t *at, uint32_t number)
{
	for (unsigned int i = 0; i < 4; i++) {
		at[i] = (uint8_t)(number >> (8 * i));
	}
}

void ese_frame_bytes(struct ese_writer *writer, const void *data, size_t len)
{
	if (len <= sizeof(writer->data) - writer->len) {
		memcpy(writer->data + writer->len, data, len);
		writer->len += len;
	}
}

void ese_frame_number(struct ese_writer *writer, uint32_t number)
{
	uint8_t bytes[4];

	number_to(bytes, number);
	ese_frame_bytes(writer, bytes, sizeof(bytes));
}

void ese_frame_value(struct ese_writer *writer, const void *data, size_t len)
{
	if (data == NULL || len > ESE_VALUE_MAX) {
		uint32_t told = len < CUT - 1 ? (uint32_t)len : CUT - 2;

		ese_frame_number(writer, len == 0 ? NO_VALUE : CUT | told);
		return;
	}
	ese_frame_number(writer, (uint32_t)len);
	ese_frame_bytes(writer, data, len);
}

void ese_frame_end(struct ese_writer *writer)
{
	number_to(writer->data, (uint32_t)(writer->len - 4));
}
