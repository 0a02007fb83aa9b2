/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libesedb, called by the child behind its walls: the catalog and the rows as
 * frames.
 *
 * The library reads through a handle of libbfio, which may be a set of
 * functions: ours read by pread(2) from the one descriptor there is, so that
 * nothing is opened and even the file's header is parsed behind the walls. The
 * names of libbfio are found at run time in the library that libesedb has
 * brought along: the distribution's libesedb.h wants a header that its package
 * does not require, and two functions are all that is needed.
 *
 * Tables of the engine (MSys...) are left out. A value is told as its bytes;
 * one that the library cannot give, or that is compressed, or several in one,
 * is told as too long, and no guess will believe in its column.
 */
#include <dlfcn.h>
#include <errno.h>
#include <libesedb/features.h>
#undef LIBESEDB_HAVE_BFIO
#include <libesedb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "migrate/ese/child.h"

/* As in libesedb.h and libbfio.h, where those are complete. */
extern int libesedb_file_open_file_io_handle(libesedb_file_t *file,
					     intptr_t *handle, int flags,
					     libesedb_error_t **error);
typedef int bfio_initialize(
	intptr_t **handle, intptr_t *io,
	int (*free_io)(intptr_t **io, libesedb_error_t **error),
	int (*clone)(intptr_t **to, intptr_t *from, libesedb_error_t **error),
	int (*open)(intptr_t *io, int flags, libesedb_error_t **error),
	int (*close)(intptr_t *io, libesedb_error_t **error),
	ssize_t (*read)(intptr_t *io, uint8_t *data, size_t len,
			libesedb_error_t **error),
	ssize_t (*write)(intptr_t *io, const uint8_t *data, size_t len,
			 libesedb_error_t **error),
	off64_t (*seek)(intptr_t *io, off64_t offset, int whence,
			libesedb_error_t **error),
	int (*exists)(intptr_t *io, libesedb_error_t **error),
	int (*is_open)(intptr_t *io, libesedb_error_t **error),
	int (*get_size)(intptr_t *io, uint64_t *size, libesedb_error_t **error),
	uint8_t flags, libesedb_error_t **error);
typedef int bfio_open(intptr_t *handle, int flags, libesedb_error_t **error);

#define READ_ONLY 1

/* ---- the one descriptor, as libbfio wants to see it ---- */

struct source {
	int file;
	bool open;
	off64_t at;
	uint64_t size;
};

static struct source source;
static bfio_initialize *initialize_handle;
static bfio_open *open_handle;

static int io_free(intptr_t **io, libesedb_error_t **error)
{
	(void)error;
	*io = NULL;
	return 1;
}

static int io_clone(intptr_t **to, intptr_t *from, libesedb_error_t **error)
{
	(void)error;
	*to = from;
	return 1;
}

static int io_open(intptr_t *io, int flags, libesedb_error_t **error)
{
	(void)io;
	(void)error;
	source.open = true;
	return flags == READ_ONLY ? 1 : -1;
}

static int io_close(intptr_t *io, libesedb_error_t **error)
{
	(void)io;
	(void)error;
	source.open = false;
	return 0;
}

static ssize_t io_read(intptr_t *io, uint8_t *data, size_t len,
		       libesedb_error_t **error)
{
	ssize_t got = pread(source.file, data, len, source.at);

	(void)io;
	(void)error;
	if (got > 0) {
		source.at += got;
	}
	return got;
}

static ssize_t io_write(intptr_t *io, const uint8_t *data, size_t len,
			libesedb_error_t **error)
{
	(void)io;
	(void)data;
	(void)len;
	(void)error;
	return -1;
}

static off64_t io_seek(intptr_t *io, off64_t offset, int whence,
		       libesedb_error_t **error)
{
	off64_t from = whence == SEEK_CUR ? source.at :
		       whence == SEEK_END ? (off64_t)source.size : 0;

	(void)io;
	(void)error;
	if (__builtin_add_overflow(from, offset, &offset) || offset < 0) {
		return -1;
	}
	source.at = offset;
	return offset;
}

static int io_exists(intptr_t *io, libesedb_error_t **error)
{
	(void)io;
	(void)error;
	return 1;
}

static int io_is_open(intptr_t *io, libesedb_error_t **error)
{
	(void)io;
	(void)error;
	return source.open ? 1 : 0;
}

static int io_size(intptr_t *io, uint64_t *size, libesedb_error_t **error)
{
	(void)io;
	(void)error;
	*size = source.size;
	return 1;
}

/* ---- frames out ---- */

static struct ese_writer writer;
static int out;

/* Frames wait here for company: a write for each would cost two switches. */
static uint8_t waiting[65536];
static size_t waiting_len;

/* A parent that is gone, or does not want more, ends us here. */
static void write_all(const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t sent = write(out, data, len);

		if (sent <= 0 && errno != EINTR) {
			_exit(1);
		}
		data += sent > 0 ? sent : 0;
		len -= sent > 0 ? (size_t)sent : 0;
	}
}

static void flush_frames(void)
{
	write_all(waiting, waiting_len);
	waiting_len = 0;
}

static void send_frame(void)
{
	ese_frame_end(&writer);
	if (writer.len > sizeof(waiting) - waiting_len) {
		flush_frames();
	}
	if (writer.len > sizeof(waiting)) {
		write_all(writer.data, writer.len);
		return;
	}
	memcpy(waiting + waiting_len, writer.data, writer.len);
	waiting_len += writer.len;
}

static void send_text(enum ese_kind kind, const char *text)
{
	ese_frame_begin(&writer, kind);
	ese_frame_bytes(&writer, text, strlen(text));
	send_frame();
}

/* The innermost of the library's words: the last line of its list. */
static void send_error(enum ese_kind kind, const char *what,
		       libesedb_error_t **error)
{
	char said[300] = "";
	char text[ESE_TEXT];

	if (*error != NULL) {
		(void)libesedb_error_sprint(*error, said, sizeof(said));
		libesedb_error_free(error);
	}
	(void)snprintf(text, sizeof(text), "%s%s%s", what,
		       said[0] != '\0' ? ": " : "", said);
	send_text(kind, text);
}

void ese_library_refuse(const char *why)
{
	send_text(ESE_FAILED, why);
	flush_frames();
}

/* ---- the catalog ---- */

static bool is_engine(const char *name)
{
	return strncmp(name, "MSys", 4) == 0;
}

static bool column_out(libesedb_table_t *table, int index,
		       libesedb_error_t **error)
{
	libesedb_column_t *column = NULL;
	uint32_t id = 0, type = 0;
	uint8_t name[256] = { 0 };
	bool ok = libesedb_table_get_column(table, index, &column, 0,
					    error) == 1 &&
		  libesedb_column_get_identifier(column, &id, error) == 1 &&
		  libesedb_column_get_type(column, &type, error) == 1 &&
		  libesedb_column_get_utf8_name(column, name, sizeof(name),
						error) == 1;

	if (!ok) {
		return false;
	}
	ese_frame_begin(&writer, ESE_COLUMN);
	ese_frame_number(&writer, id);
	ese_frame_number(&writer, type);
	ese_frame_bytes(&writer, name, strnlen((char *)name, sizeof(name)));
	send_frame();
	(void)libesedb_column_free(&column, NULL);
	return true;
}

static bool table_name(libesedb_table_t *table, char name[256],
		       libesedb_error_t **error)
{
	memset(name, 0, 256);
	return libesedb_table_get_utf8_name(table, (uint8_t *)name, 255,
					    error) == 1;
}

/* More than the parent takes: nobody's WINS database. The last frame. */
__attribute__((noreturn)) static void too_much(void)
{
	char text[ESE_TEXT];

	(void)snprintf(text, sizeof(text), "more than %u tables or more than "
		       "%u columns in one: this is no database of a WINS "
		       "server", ESE_TABLES, ESE_COLUMNS);
	ese_library_refuse(text);
	_exit(0);
}

/* -1: failed, 0: of the engine, 1: told. */
static int table_out(libesedb_table_t *table, uint32_t told,
		     libesedb_error_t **error)
{
	char name[256];
	int columns = 0;

	if (!table_name(table, name, error)) {
		return -1;
	}
	if (is_engine(name)) {
		return 0;
	}
	if (libesedb_table_get_number_of_columns(table, &columns, 0,
						 error) != 1) {
		return -1;
	}
	if (columns > (int)ESE_COLUMNS || told == ESE_TABLES) {
		too_much();
	}
	send_text(ESE_TABLE, name);
	for (int i = 0; i < columns; i++) {
		if (!column_out(table, i, error)) {
			return -1;
		}
	}
	return 1;
}

/* ---- rows ---- */

static void value_out(const uint8_t *data, size_t len)
{
	ese_frame_value(&writer, len > ESE_VALUE_MAX ? NULL : data, len);
}

/* A value that is there and cannot be had: of a length nobody believes. */
static void value_unreadable(void)
{
	ese_frame_value(&writer, NULL, ESE_VALUE_MAX + 1);
}

static bool long_value(libesedb_record_t *record, int index, uint8_t *data,
		       size64_t *len)
{
	libesedb_long_value_t *value = NULL;
	bool ok = libesedb_record_get_long_value(record, index, &value,
						 NULL) == 1 &&
		  libesedb_long_value_get_data_size(value, len, NULL) == 1 &&
		  (*len == 0 || *len > ESE_VALUE_MAX ||
		   libesedb_long_value_get_data(value, data, (size_t)*len,
						NULL) == 1);

	if (value != NULL) {
		(void)libesedb_long_value_free(&value, NULL);
	}
	return ok;
}

static bool plain_value(libesedb_record_t *record, int index, uint8_t *data,
			size64_t *len)
{
	size_t size = 0;
	bool ok = libesedb_record_get_value_data_size(record, index, &size,
						      NULL) == 1 &&
		  (size == 0 || size > ESE_VALUE_MAX ||
		   libesedb_record_get_value_data(record, index, data, size,
						  NULL) == 1);

	*len = size;
	return ok;
}

static bool any_value(libesedb_record_t *record, int index, uint8_t *data,
		      size64_t *len)
{
	const uint8_t strange = LIBESEDB_VALUE_FLAG_COMPRESSED |
				LIBESEDB_VALUE_FLAG_MULTI_VALUE;
	uint8_t flags = 0;
	int is_long = libesedb_record_is_long_value(record, index, NULL);

	if (is_long < 0 ||
	    libesedb_record_get_value_data_flags(record, index, &flags,
						 NULL) != 1 ||
	    (flags & strange) != 0) {
		return false;
	}
	return is_long == 1 ? long_value(record, index, data, len) :
			      plain_value(record, index, data, len);
}

static void record_out(libesedb_record_t *record, int columns)
{
	libesedb_error_t *error = NULL;
	uint8_t data[ESE_VALUE_MAX];
	int count = 0;

	if (libesedb_record_get_number_of_values(record, &count,
						 &error) != 1 ||
	    count != columns) {
		send_error(ESE_BAD_ROW, "not a value for each column", &error);
		return;
	}
	ese_frame_begin(&writer, ESE_ROW);
	for (int i = 0; i < count; i++) {
		size64_t len = 0;

		if (any_value(record, i, data, &len)) {
			value_out(data, (size_t)len);
		} else {
			value_unreadable();
		}
	}
	send_frame();
}

static bool rows_out(libesedb_table_t *table, uint32_t number,
		     libesedb_error_t **error)
{
	int rows = 0, columns = 0;

	if (libesedb_table_get_number_of_columns(table, &columns, 0,
						 error) != 1 ||
	    libesedb_table_get_number_of_records(table, &rows, error) != 1) {
		return false;
	}
	ese_frame_begin(&writer, ESE_OPEN);
	ese_frame_number(&writer, number);
	send_frame();
	/* so that, if we die of a row, it is known of which table */
	flush_frames();
	for (int i = 0; i < rows; i++) {
		libesedb_record_t *record = NULL;

		if (libesedb_table_get_record(table, i, &record, error) != 1) {
			send_error(ESE_BAD_ROW, "it cannot be read", error);
			continue;
		}
		record_out(record, columns);
		(void)libesedb_record_free(&record, NULL);
	}
	return true;
}

/* ---- the whole ---- */

bool ese_library_ready(int file, uint64_t size, int pipe)
{
	/* what dlsym() gives is a function here, whatever C says of it */
	void *initialize = dlsym(RTLD_DEFAULT, "libbfio_handle_initialize");
	void *opening = dlsym(RTLD_DEFAULT, "libbfio_handle_open");

	source = (struct source){ .file = file, .size = size };
	out = pipe;
	memcpy(&initialize_handle, &initialize, sizeof(initialize));
	memcpy(&open_handle, &opening, sizeof(opening));
	return initialize_handle != NULL && open_handle != NULL;
}

static libesedb_file_t *open_file(libesedb_error_t **error)
{
	libesedb_file_t *file = NULL;
	intptr_t *handle = NULL;
	bool ok = initialize_handle(&handle, (intptr_t *)&source, io_free,
				    io_clone, io_open, io_close, io_read,
				    io_write, io_seek, io_exists, io_is_open,
				    io_size, 0, error) == 1 &&
		  open_handle(handle, READ_ONLY, error) == 1 &&
		  libesedb_file_initialize(&file, error) == 1 &&
		  libesedb_file_open_file_io_handle(file, handle, READ_ONLY,
						    error) == 1;

	return ok ? file : NULL;
}

/* Each table of ours: told, or its rows if it is wanted. */
static bool each_table(libesedb_file_t *file, bool rows, uint32_t wanted,
		       libesedb_error_t **error)
{
	uint32_t number = 0;
	int tables = 0;

	if (libesedb_file_get_number_of_tables(file, &tables, error) != 1) {
		return false;
	}
	for (int i = 0; i < tables; i++) {
		libesedb_table_t *table = NULL;
		char name[256];
		int told = 1;

		if (libesedb_file_get_table(file, i, &table, error) != 1 ||
		    !table_name(table, name, error)) {
			return false;
		}
		if (!rows) {
			told = table_out(table, number, error);
		} else if (is_engine(name)) {
			told = 0;
		} else if ((wanted == number || wanted == ESE_ALL_TABLES) &&
			   !rows_out(table, number, error)) {
			told = -1;
		}
		(void)libesedb_table_free(&table, NULL);
		if (told < 0) {
			return false;
		}
		number += (uint32_t)told;
	}
	return true;
}

void ese_library_read(uint32_t table)
{
	libesedb_error_t *error = NULL;
	libesedb_file_t *database = open_file(&error);

	if (database == NULL) {
		send_error(ESE_FAILED, "it cannot be opened", &error);
	} else if (!each_table(database, false, 0, &error)) {
		send_error(ESE_FAILED, "its catalog cannot be read", &error);
	} else if (!each_table(database, true, table, &error)) {
		send_error(ESE_FAILED, "a table cannot be read", &error);
	} else {
		ese_frame_begin(&writer, ESE_DONE);
		send_frame();
	}
	flush_frames();
}
