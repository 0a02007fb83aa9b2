/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands. One row says all that usage, help and dispatch need; what a
 * command does stands in its own file.
 */
#include "migrate/winsmigrate.h"

struct winsmigrate_options options;

const struct command commands[] = {
	{ "formats", "", "List the formats that can be read and written",
	  NULL, NULL, 0, 0, run_formats },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL },
};
