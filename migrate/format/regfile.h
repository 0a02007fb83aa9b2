/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The syntax of an exported registry file: keys in brackets, values in lines
 * that a backslash joins.
 */
#ifndef WINSMIGRATE_FORMAT_REGFILE_H
#define WINSMIGRATE_FORMAT_REGFILE_H

#include "migrate/format/wintext.h"

#define REG_NAME_MAX	256	/* 255 characters, by Windows' own limit */
#define REG_DATA_MAX	16384	/* of a value, in bytes; more is refused */
#define REG_KEY_MAX	1024

enum reg_type {
	REG_NONE = 0,		/* here: no value, a key begins */
	REG_SZ = 1,
	REG_EXPAND_SZ = 2,
	REG_BINARY = 3,
	REG_DWORD = 4,
	REG_MULTI_SZ = 7,
};

struct reg_value {
	const char *key;	/* "HKEY_LOCAL_MACHINE\SYSTEM\..."; "": of one
				   that the file deletes */
	char name[REG_NAME_MAX];	/* "" is the key's own value */
	unsigned int type;	/* enum reg_type, or another number */
	uint32_t number;	/* of REG_DWORD */
	char text[REG_DATA_MAX];	/* of the strings; MULTI_SZ with a line
					   feed behind each. Else "" */
	uint64_t place;
};

struct regfile;

/* Reads its first line; EINVAL: it is no such file. */
int regfile_open(TALLOC_CTX *mem_ctx, struct wintext *source,
		 struct regfile **file, char **message);

/*
 * The next value. 1: there is one; 0: the end; -1: *message says what is wrong
 * with a line, and more can be asked for unless *ended.
 */
int regfile_next(struct regfile *file, struct reg_value *value, bool *ended,
		 char **message);

/* The line that regfile_next() spoke of, as it was joined. */
struct piece regfile_line(const struct regfile *file);

/* The key that it stands below. */
const char *regfile_key(const struct regfile *file);

#endif
