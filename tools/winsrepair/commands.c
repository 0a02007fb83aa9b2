/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands. One row says all that usage, help and dispatch need; what a
 * command does stands in its own file.
 */
#include "winsrepair/winsrepair.h"

struct winsrepair_options options;

const struct poptOption change_options[] = {
	{ "dry-run", 'n', POPT_ARG_NONE, &options.dry_run, 0,
	  "Only say what would be done", NULL },
	{ "yes", 'y', POPT_ARG_NONE, &options.yes, 0,
	  "Do it although something about it is unusual", NULL },
	POPT_TABLEEND
};

const struct command commands[] = {
	{ "restore", "FILE",
	  "Put a backup in the place of the database; the server is stopped",
	  "winsrepair restore /var/lib/winsd/backup/wins-20261119-031500.tdb "
	  "--dry-run\n"
	  "winsrepair restore /var/lib/winsd/backup/wins-20261119-031500.tdb\n",
	  change_options, 1, 1, restore },
	{ "undo", "FILE",
	  "Put back what a command changed, by the undo file that it wrote",
	  "winsrepair undo /var/lib/winsd/undo/20261119-031500-import.jsonl "
	  "--dry-run\n",
	  undo_options, 1, 1, undo },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL },
};
