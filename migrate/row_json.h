/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A row as the members of an object of the interchange format. */
#ifndef WINSMIGRATE_ROW_JSON_H
#define WINSMIGRATE_ROW_JSON_H

#include "common/json_record.h"
#include "migrate/row.h"

/* Without the brackets; what the row does not know it does not say. */
void row_json_members(struct json_out *j, const struct row *row);

/* enum row_field, of enum json_record_key. */
unsigned int row_json_known(unsigned int keys);

#endif
