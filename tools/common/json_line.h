/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines that json_record_print() and json_record_some() write, read by
 * their letters.
 */
#ifndef WINSD_TOOLS_JSON_LINE_H
#define WINSD_TOOLS_JSON_LINE_H

#include "core/record.h"

/*
 * True: it is such a line, and json_record_scan() would say the same of it.
 * False: it may be a good line in other words, or a bad one; nothing is known.
 */
bool json_line_read(const char *line, size_t len, struct nb_record *rec,
		    unsigned int *keys, int64_t *queried);

#endif
