/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A text, read by a format: its rows, and what the tally heard. For tests;
 * through.h has to be included before.
 */
#ifndef WINSD_TEST_READING_H
#define WINSD_TEST_READING_H

#include "unit/migrate/through.h"

struct reading {
	TALLOC_CTX *mem_ctx;
	struct tally *tally;
	struct row *rows;
	size_t count;
	enum format_step end;
	char *message;
	struct tally_sums sums;
};

static const struct format_options reading_options = { .now = 1767225600 };

static inline struct reading reading_bytes(const struct format_ops *ops,
					   const void *bytes, size_t len,
					   const struct format_options *options)
{
	struct reading r = { .mem_ctx = talloc_new(NULL) };
	char *path = through_file(r.mem_ctx, bytes, len);

	r.tally = tally_create(r.mem_ctx, NULL);
	r.end = through_read(r.mem_ctx, ops, path,
			     options != NULL ? options : &reading_options,
			     r.tally, &r.rows, &r.count, &r.message);
	tally_sums(r.tally, &r.sums);
	assert_int_equal(unlink(path), 0);
	return r;
}

/* To the end, or the test fails. */
static inline struct reading reading_of(const struct format_ops *ops,
					const char *text)
{
	struct reading r = reading_bytes(ops, text, strlen(text), NULL);

	if (r.end != FORMAT_END) {
		fail_msg("%s", r.message);
	}
	return r;
}

/* open() says no: its message, on mem_ctx. */
static inline char *reading_refused(TALLOC_CTX *mem_ctx,
				    const struct format_ops *ops,
				    const char *text)
{
	char *path = through_file(mem_ctx, text, strlen(text));
	struct tally *tally = tally_create(mem_ctx, NULL);
	FILE *file = NULL;
	void *priv = NULL;
	char *message = NULL;

	assert_int_equal(through_open(mem_ctx, ops, path, &reading_options,
				      tally, false, &file, &priv, &message),
			 EINVAL);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(unlink(path), 0);
	assert_non_null(message);
	return message;
}

/* The text as UTF-16 with its mark; *len bytes on mem_ctx. */
static inline char *reading_wide(TALLOC_CTX *mem_ctx, const char *text,
				 size_t *len)
{
	char *wide = talloc_zero_size(mem_ctx, 2 * strlen(text) + 2);

	memcpy(wide, "\xff\xfe", 2);
	*len = 2;
	for (; *text != '\0'; text++, *len += 2) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0xc2 && c < 0xe0) {
			unsigned int wide_c = (c & 0x1fu) << 6 |
				((unsigned char)*++text & 0x3fu);

			wide[*len] = (char)(wide_c & 0xff);
			wide[*len + 1] = (char)(wide_c >> 8);
		} else {
			wide[*len] = (char)c;
		}
	}
	return wide;
}

/* Is there a reason with so many rows? -1: no such reason. */
static inline int64_t reading_reason(const struct reading *r,
				     const char *reason)
{
	const char *text = NULL;
	uint64_t count = 0;
	bool is_skip = false;

	for (unsigned int i = 0; tally_reason(r->tally, i, &is_skip, &text,
					      &count); i++) {
		if (strcmp(text, reason) == 0) {
			return (int64_t)count;
		}
	}
	return -1;
}

/* "NAME<20> unique active H static owner 192.0.2.5 version 1f6 ip ip" */
static inline char *reading_text(const struct reading *r, size_t index)
{
	const struct row *row = &r->rows[index];
	const struct nb_record *rec = &row->rec;
	char name[NB_NAME_TEXT], ip[NB_ADDR_TEXT];
	char *text = NULL;

	assert_true(index < r->count);
	assert_int_equal(row->kind, ROW_RECORD);
	text = talloc_asprintf(r->mem_ctx, "%s %s %s %s%s",
			       nb_name_print(&rec->name, name),
			       nb_type_name(rec->type),
			       nb_state_name(rec->state),
			       nb_node_name(rec->node),
			       rec->is_static ? " static" : "");
	if ((row->known & ROW_OWNER) != 0) {
		text = talloc_asprintf_append(text, " owner %s",
					      nb_addr_print(rec->owner, ip));
	}
	if ((row->known & ROW_VERSION) != 0) {
		text = talloc_asprintf_append(text, " version %llx",
				(unsigned long long)rec->version);
	}
	for (unsigned int i = 0; i < rec->count; i++) {
		text = talloc_asprintf_append(text, " %s",
				nb_addr_print(rec->member[i].ip, ip));
	}
	return text;
}

/* "wins:partners = 192.0.2.1", or "# note" */
static inline char *reading_option(const struct reading *r, size_t index)
{
	const struct row *row = &r->rows[index];

	assert_true(index < r->count);
	assert_int_equal(row->kind, ROW_OPTION);
	return row->option == NULL ?
		talloc_asprintf(r->mem_ctx, "# %s", row->value) :
		talloc_asprintf(r->mem_ctx, "%s = %s", row->option,
				row->value);
}

/* Is this line among the options? */
static inline bool reading_has(const struct reading *r, const char *line)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->rows[i].kind == ROW_OPTION &&
		    strcmp(reading_option(r, i), line) == 0) {
			return true;
		}
	}
	return false;
}

static inline int reading_probe(const struct format_ops *ops,
				const void *bytes, size_t len,
				const char *name)
{
	struct format_head head = {
		.path = name,
		.name = name,
		.data = bytes,
		.len = len < FORMAT_HEAD ? len : FORMAT_HEAD,
	};

	return ops->probe(&head);
}

#endif
