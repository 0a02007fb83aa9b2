/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * formats: what the table of formats has, and what each of them loses.
 */
#include "common/json_out.h"
#include "migrate/winsmigrate.h"

static const char *ways(unsigned int flags)
{
	switch (flags & (FORMAT_READS | FORMAT_WRITES)) {
	case FORMAT_READS:
		return "r-";
	case FORMAT_WRITES:
		return "-w";
	default:
		return "rw";
	}
}

static void print_json(const struct format_ops *format)
{
	struct json_out j = { .file = stdout };

	json_begin(&j, '{');
	json_key(&j, "format");
	json_text(&j, format->name);
	json_key(&j, "reads");
	json_flag(&j, (format->flags & FORMAT_READS) != 0);
	json_key(&j, "writes");
	json_flag(&j, (format->flags & FORMAT_WRITES) != 0);
	json_key(&j, "experimental");
	json_flag(&j, (format->flags & FORMAT_EXPERIMENTAL) != 0);
	json_key(&j, "title");
	json_text(&j, format->title);
	json_end(&j, '}');
	json_newline(&j);
}

int run_formats(struct tool_call *call)
{
	(void)call;
	for (unsigned int i = 0; formats[i] != NULL; i++) {
		const struct format_ops *format = formats[i];

		if (options.json) {
			print_json(format);
			continue;
		}
		(void)printf("%-10s %s  %s%s\n", format->name,
			     ways(format->flags), format->title,
			     (format->flags & FORMAT_EXPERIMENTAL) != 0 ?
				     " (experimental)" : "");
	}
	return TOOL_OK;
}
