/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the child that reads an ESE database says to its parent: frames of a
 * 32-bit length (of what follows, little endian), a byte that names the kind,
 * and the payload of that kind. First all tables with their columns, then the
 * rows of those that were asked for, then one frame that ends it.
 *
 * The child has parsed a hostile file with a library of 100,000 lines; to the
 * parent every byte of it is as hostile as the file.
 */
#ifndef WINSMIGRATE_ESE_WIRE_H
#define WINSMIGRATE_ESE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A WINS database has two tables of its own, and few columns in each. */
#define ESE_TABLES	32u
#define ESE_COLUMNS	48u
#define ESE_NAME	65u	/* of a table or column, with a NUL */
#define ESE_TEXT	400u	/* what went wrong, with a NUL */
#define ESE_VALUE_MAX	2048u	/* longer ones are told by length alone */
#define ESE_FRAME_MAX	(4u + ESE_COLUMNS * (4u + ESE_VALUE_MAX) + 64u)

/* Types of columns, as the catalog has them. */
enum ese_type {
	ESE_BIT = 1,
	ESE_U8 = 2,
	ESE_I16 = 3,
	ESE_I32 = 4,
	ESE_CURRENCY = 5,
	ESE_BINARY = 9,
	ESE_STRING = 10,
	ESE_LONG_BINARY = 11,
	ESE_LONG_STRING = 12,
	ESE_U32 = 14,
	ESE_I64 = 15,
	ESE_U16 = 17,
};

const char *ese_type_name(unsigned int type);

struct ese_column {
	char name[ESE_NAME];	/* printable ASCII */
	uint32_t id;
	uint32_t type;		/* enum ese_type, or another number */
};

struct ese_table {
	char name[ESE_NAME];
	uint32_t count;
	struct ese_column column[ESE_COLUMNS];
};

struct ese_catalog {
	uint32_t count;
	struct ese_table table[ESE_TABLES];
};

struct ese_value {
	const uint8_t *data;
	uint32_t len;
	bool cut;		/* len bytes, but too many to send */
};

enum ese_kind {
	ESE_TABLE = 't',	/* name */
	ESE_COLUMN = 'c',	/* id, type, name; of the table before it */
	ESE_OPEN = 'o',		/* number: rows of this table follow */
	ESE_ROW = 'r',		/* a value for each column */
	ESE_BAD_ROW = 'b',	/* text: it could not be read */
	ESE_FAILED = 'f',	/* text; the last frame */
	ESE_DONE = 'd',		/* the last frame */
};

struct ese_frame {
	enum ese_kind kind;
	uint32_t number;	/* ESE_OPEN: of the table in the catalog */
	char text[ESE_TEXT];	/* a name, or what went wrong */
	struct ese_column column;
	unsigned int count;
	struct ese_value value[ESE_COLUMNS];	/* no value: data is NULL */
};

/*
 * Take one frame off the front. 1: *frame and *used, whose values point into
 * data; 0: it is not complete yet; -1: this is no frame.
 */
int ese_frame_parse(const uint8_t *data, size_t len, struct ese_frame *frame,
		    size_t *used);

/* How a stream of frames may go on; begin with zeros. */
struct ese_stream {
	struct ese_catalog *catalog;	/* filled by what comes */
	bool rows;			/* tables are behind us */
	uint32_t table;			/* whose rows come */
	bool ended;
};

/* Do two catalogs have the same tables and columns? */
bool ese_catalog_same(const struct ese_catalog *a, const struct ese_catalog *b);

/* May this frame come now? Takes tables and columns into the catalog. */
bool ese_stream_take(struct ese_stream *stream, const struct ese_frame *frame);

/* The other side: a frame in a buffer of ESE_FRAME_MAX. */
struct ese_writer {
	uint8_t data[ESE_FRAME_MAX];
	size_t len;
};

void ese_frame_begin(struct ese_writer *writer, enum ese_kind kind);
void ese_frame_number(struct ese_writer *writer, uint32_t number);
void ese_frame_bytes(struct ese_writer *writer, const void *data, size_t len);

/* A value: NULL for none; NULL and a length for one that is too long. */
void ese_frame_value(struct ese_writer *writer, const void *data, size_t len);
void ese_frame_end(struct ese_writer *writer);

#endif
