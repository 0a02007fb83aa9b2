/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands. One row says all that usage, help and dispatch need; what a
 * command does stands in its own file.
 */
#include "migrate/live/compare.h"
#include "migrate/live/preflight.h"
#include "migrate/live/progress.h"
#include "migrate/winsmigrate.h"

const struct command commands[] = {
	{ "compare", "OLD NEW",
	  "Show where two servers, databases or files differ",
	  "winsmigrate compare wrepl://192.0.2.1 wrepl://192.0.2.2\n"
	  "winsmigrate compare --watch wins.dat nbns://192.0.2.2\n",
	  compare_options, 2, 2, run_compare },
	{ "convert", "[-f FORMAT] SOURCE -t FORMAT [TARGET]",
	  "Write what one format says in another",
	  "winsmigrate convert wins.dat -t winsd wins.json\n"
	  "winsmigrate convert -f winsdmp - -t csv < DUMP.CSV\n"
	  "winsmigrate convert lmhosts -t hosts --dry-run\n",
	  convert_options, 1, 2, run_convert },
	{ "export", "-f FORMAT [TARGET]",
	  "Write what our own server has, running or stopped",
	  "winsmigrate export -f winsd names.json\n"
	  "winsmigrate export -f csv | head\n",
	  export_options, 0, 1, run_export },
	{ "formats", "", "List the formats that can be read and written",
	  NULL, NULL, 0, 0, run_formats },
	{ "import", "[-f FORMAT] SOURCE",
	  "Take the records of a source into this server, running or stopped",
	  "winsmigrate import wins.dat --adopt --dry-run\n"
	  "winsmigrate import old.jsonl\n"
	  "winsmigrate import lmhosts --adopt --replicate\n",
	  import_options, 1, 1, run_import },
	{ "preflight", "ADDRESS...",
	  "Look at an estate of servers before it is taken over",
	  "winsmigrate preflight 192.0.2.1 192.0.2.2\n"
	  "winsmigrate preflight --registry wins.reg 192.0.2.1\n",
	  preflight_options, 1, PREFLIGHT_SERVERS, run_preflight },
	{ "progress", "OLD NEW",
	  "Show which names have moved from one server to another",
	  "winsmigrate progress --state moved.sqlite wrepl://192.0.2.1 "
	  "wrepl://192.0.2.2\n",
	  progress_options, 2, 2, run_progress },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL },
};
