/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A record as one line of JSON, both ways: the objects of `record list
 * --json` and of our interchange format (design.md 4.3).
 */
#ifndef WINSD_TOOLS_JSON_RECORD_H
#define WINSD_TOOLS_JSON_RECORD_H

#include "common/json_out.h"
#include "core/record.h"

/* The members of the object, without its brackets. */
void json_record_members(struct json_out *j, const struct nb_record *rec);

/* One line. */
void json_record_print(FILE *file, const struct nb_record *rec);

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

#endif
