/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record as one line of JSON, both ways: the objects of `record list
 * --json` and of our interchange format (design.md 4.3).
 */
#ifndef WINSD_TOOLS_JSON_RECORD_H
#define WINSD_TOOLS_JSON_RECORD_H

#include "common/json_out.h"
#include "core/record.h"

/* What is known of a record; the others' keys are left out. */
enum json_record_key {
	JSON_STATE = 1 << 0,
	JSON_NODE = 1 << 1,
	JSON_STATIC = 1 << 2,
	JSON_OWNER = 1 << 3,
	JSON_VERSION = 1 << 4,
	JSON_EXPIRES = 1 << 5,
	JSON_SCOPE = 1 << 6,
	JSON_MEMBER_OWNER = 1 << 7,
	JSON_MEMBER_EXPIRES = 1 << 8,
	JSON_RECORD_ALL = (1 << 9) - 1,
};

/* The members of the object, without its brackets: all, or some. */
void json_record_members(struct json_out *j, const struct nb_record *rec);
void json_record_some(struct json_out *j, const struct nb_record *rec,
		      unsigned int keys);

/* One line. */
void json_record_print(FILE *file, const struct nb_record *rec);

/*
 * The same with "queried", the time at which its name was last asked for: null
 * if it was not since the server counts, no such key if nobody knows.
 */
#define JSON_QUERIED_UNKNOWN	INT64_C(0)
#define JSON_QUERIED_NEVER	INT64_C(-1)
void json_record_queried(struct json_out *j, int64_t queried);
void json_record_print_queried(FILE *file, const struct nb_record *rec,
			       int64_t queried);

#define JSON_REASON 200

/*
 * Read one line. False and a reason, with the key and a hint, if it is not a
 * record that could be stored. `name`, `suffix`, `type` and `addresses` must
 * be there; otherwise state is active, node H, scope empty, static false,
 * owner 0 (nobody), version 0, expires as null. The addresses' owner and
 * expires are the record's where they are not given.
 */
bool json_record_read(const char *line, size_t len, struct nb_record *rec,
		      char reason[JSON_REASON]);
bool json_record_read_queried(const char *line, size_t len,
			      struct nb_record *rec, int64_t *queried,
			      char reason[JSON_REASON]);

/*
 * The same, of what is known of a record: *keys says which keys were there (of
 * addresses: in all of them), and expires of what can expire is 0 without. A
 * key "skipped", with a text, is passed over.
 */
bool json_record_scan(const char *line, size_t len, struct nb_record *rec,
		      unsigned int *keys, int64_t *queried,
		      char reason[JSON_REASON]);

#endif
