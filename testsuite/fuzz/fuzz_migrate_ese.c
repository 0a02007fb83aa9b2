/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: what the child that reads ESE may say, and the guess behind it.
 * The input is an address for --owner-zero and a stream of frames, which each
 * pass of the guess is told again, as it is with a file.
 *
 * What must hold: values lie within their frame; whatever the guess believes,
 * each row is a record that could be stored or a reason; reports end.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "migrate/ese/report.h"

static struct ese_guess guess;
static struct ese_catalog catalog, first;
static struct ese_frame frame;

static const struct ese_head head = { .version = 0x620, .revision = 9,
				      .page_size = 4096 };

static void look_at_values(const uint8_t *data, size_t size)
{
	for (unsigned int i = 0; i < frame.count; i++) {
		const struct ese_value *value = &frame.value[i];

		if (value->data != NULL) {
			MUST(!value->cut && value->data >= data);
			MUST(value->len <= (size_t)(data + size - value->data));
		}
	}
}

/* Each row that may come, in order. False: it is no stream. */
static bool each_row(const uint8_t *data, size_t size,
		     void (*take)(uint32_t table))
{
	struct ese_stream stream = { .catalog = &catalog };
	int got = 0;

	memset(&catalog, 0, sizeof(catalog));
	do {
		size_t used = 0;

		got = ese_frame_parse(data, size, &frame, &used);
		if (got < 0 || (got > 0 && !ese_stream_take(&stream, &frame))) {
			return false;
		}
		MUST(used <= size && (got == 0 || used > 4));
		if (got > 0) {
			look_at_values(data, size);
		}
		if (got > 0 && (frame.kind == ESE_ROW ||
				frame.kind == ESE_BAD_ROW)) {
			take(stream.table);
		}
		data += used;
		size -= used;
	} while (got > 0 && !stream.ended);
	return true;
}

static void feed(uint32_t table)
{
	ese_guess_row(&guess, guess.pass == ESE_SURVEY ? &catalog : &first,
		      table, &frame);
}

static void read_record(uint32_t table)
{
	struct nb_record rec;
	const char *why = NULL;

	if (frame.kind != ESE_ROW || table != guess.plan.names) {
		return;
	}
	if (ese_record_read(&guess, &first.table[table], &frame, &rec, &why)) {
		MUST(nb_record_broken(&rec) == NULL);
	} else {
		MUST(why != NULL);
	}
	talloc_free(ese_report_row(NULL, &first.table[table], &frame));
}

static void report(void)
{
	char *text = guess.pass == ESE_KNOWN ?
			     ese_report_plan(NULL, &guess.plan, &first) :
			     ese_report_unknown(NULL, &guess, &first, &head);

	MUST(text != NULL && strlen(text) > 10);
	talloc_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t zero = 0;

	if (size < sizeof(zero)) {
		return 0;
	}
	memcpy(&zero, data, sizeof(zero));
	data += sizeof(zero);
	size -= sizeof(zero);
	ese_guess_begin(&guess, __builtin_bswap32(zero));
	while (guess.pass < ESE_KNOWN) {
		if (!each_row(data, size, feed)) {
			return 0;
		}
		if (guess.pass == ESE_SURVEY) {
			first = catalog;
		}
		MUST(ese_catalog_same(&first, &catalog));
		ese_guess_end_pass(&guess, &first);
	}
	report();
	if (guess.pass == ESE_KNOWN) {
		(void)each_row(data, size, read_record);
	}
	return 0;
}
