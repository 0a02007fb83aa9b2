/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands. One row says all that usage, help, completion and dispatch
 * need; what a command does stands in the file of its object.
 */
#include "winsctl/winsctl.h"

struct winsctl_options options;

const struct poptOption dry_run_options[] = {
	{ "dry-run", 'n', POPT_ARG_NONE, &options.dry_run, 0,
	  "Only say what would be done", NULL },
	POPT_TABLEEND
};

const struct command commands[] = {
	{ "record", "list", "[PATTERN]",
	  "List records, all or those that fit",
	  "winsctl record list\n"
	  "winsctl record list 'FILE*<20>' --state active\n"
	  "winsctl --json record list --owner 192.0.2.1 --versions 100-200\n",
	  record_list_options, 0, 1, record_list },
	{ "record", "show", "NAME...",
	  "Show all that is known of names",
	  "winsctl record show 'FILES<20>'\n"
	  "winsctl --json record show 'CORP<1c>' 'CORP<1b>.lab'\n",
	  NULL, 1, ANY_NUMBER, record_show },
	{ "record", "add", "NAME ADDRESS...",
	  "Add a record, static unless --dynamic",
	  "winsctl record add 'PRINTER<20>' 192.0.2.40\n"
	  "winsctl record add 'CORP<1c>' 192.0.2.2 192.0.2.3 --dry-run\n"
	  "winsctl record add 'LAPTOP<00>' 192.0.2.77 --dynamic --ttl 86400\n",
	  record_add_options, 2, 26, record_add },
	{ "record", "delete", "NAME...",
	  "Forget names on this server; partners keep theirs",
	  "winsctl record delete 'OLDPC<00>' 'OLDPC<20>'\n"
	  "winsctl record delete 'PRINTER<20>' --yes\n",
	  record_change_options, 1, ANY_NUMBER, record_delete },
	{ "record", "tombstone", "NAME...",
	  "Delete names everywhere: partners learn of it",
	  "winsctl record tombstone 'OLDPC<00>' 'OLDPC<20>' --dry-run\n",
	  record_change_options, 1, ANY_NUMBER, record_tombstone },
	{ "record", "release", "NAME [ADDRESS]",
	  "Release a name, or one of its addresses",
	  "winsctl record release 'OLDPC<20>'\n"
	  "winsctl record release 'SERVER<20>' 192.0.2.9\n",
	  record_change_options, 1, 2, record_release },
	{ "record", "touch", "NAME...",
	  "Give names a new version, so that partners pull them again",
	  "winsctl record touch 'FILES<20>'\n",
	  record_change_options, 1, ANY_NUMBER, record_touch },
	{ "record", "explain", "NAME --as ADDRESS",
	  "Say what a registration would get, without doing it",
	  "winsctl record explain 'FILES<20>' --as 192.0.2.10\n"
	  "winsctl record explain 'CORP<1c>' --as 192.0.2.2 --type group\n",
	  record_explain_options, 1, 1, record_explain },
	{ "partner", "list", "[ADDRESS]",
	  "How replication with each partner is doing",
	  "winsctl partner list\n"
	  "winsctl partner list 192.0.2.2\n"
	  "winsctl --json partner list | jq 'select(.failures_24h > 0)'\n",
	  partner_list_options, 0, 1, partner_list },
	{ "partner", "pull", "[ADDRESS]",
	  "Pull from a partner, or from all, and wait for the end",
	  "winsctl partner pull\n"
	  "winsctl partner pull 192.0.2.2\n",
	  NULL, 0, 1, partner_pull },
	{ "partner", "push", "[ADDRESS]",
	  "Tell a partner, or all, that there is something new",
	  "winsctl partner push 192.0.2.2 --propagate\n",
	  partner_push_options, 0, 1, partner_push },
	{ "owner", "list", "",
	  "Servers whose records are known, and how far",
	  "winsctl owner list\n"
	  "winsctl --json owner list | jq 'select(.quarantine)'\n",
	  NULL, 0, 0, owner_list },
	{ "owner", "accept", "ADDRESS",
	  "Believe the versions of an owner in quarantine",
	  "winsctl owner accept 192.0.2.7 --dry-run\n",
	  dry_run_options, 1, 1, owner_accept },
	{ "owner", "reject", "ADDRESS",
	  "Never take the versions of an owner in quarantine",
	  "winsctl owner reject 192.0.2.7\n",
	  dry_run_options, 1, 1, owner_reject },
	{ "owner", "adopt", "OLD",
	  "Become the owner of what a retired server owned",
	  "winsctl owner adopt 192.0.2.7 --dry-run\n"
	  "winsctl owner adopt 192.0.2.7 --all --yes\n",
	  owner_adopt_options, 1, 1, owner_adopt },
	{ "owner", "delete", "OLD",
	  "Forget all that is known of another server",
	  "winsctl owner delete 192.0.2.7 --dry-run\n"
	  "winsctl owner delete 192.0.2.7 --even-active --tombstone --yes\n",
	  owner_delete_options, 1, 1, owner_delete },
	{ "owner", "rename", "NEW",
	  "Move this server to another owner address",
	  "winsctl owner rename 192.0.2.9 --dry-run\n"
	  "winsctl owner rename 192.0.2.9 --yes\n",
	  owner_rename_options, 1, 1, owner_rename },
	{ "client", "list", "",
	  "Who asks this server, and how much",
	  "winsctl client list\n"
	  "winsctl client list --dns\n"
	  "winsctl --json client list | jq 'select(.registered == 0)'\n",
	  client_list_options, 0, 0, client_list },
	{ "client", "missing", "",
	  "Names that were asked for and not found",
	  "winsctl client missing\n"
	  "winsctl --json client missing | jq 'select(.asked > 100)'\n",
	  NULL, 0, 0, client_missing },
	{ "check", "database", "",
	  "Does all that is in memory hold together?", NULL, NULL, 0, 0,
	  check_database },
	{ "check", "versions", "",
	  "What each server knows of each owner, and what differs",
	  "winsctl check versions\n"
	  "winsctl --json check versions | jq 'select(.owner)'\n",
	  NULL, 0, 0, check_versions },
	{ "check", "names", "NAME...",
	  "Do all servers answer the same?",
	  "winsctl check names 'FILES<20>' 'CORP<1b>' 'CORP<1c>'\n"
	  "winsctl check names 'FILES<20>' --server 192.0.2.1,192.0.2.2\n",
	  check_names_options, 1, ANY_NUMBER, check_names },
	{ "server", "status", "", "How the server is doing", NULL, NULL, 0, 0,
	  server_status },
	{ "server", "stats", "", "All counters", NULL, NULL, 0, 0,
	  server_stats },
	{ "server", "reload", "", "Read the configuration anew", NULL, NULL,
	  0, 0, server_reload },
	{ "server", "scavenge", "", "Age records now, and wait for the end",
	  "winsctl server scavenge --dry-run\n"
	  "winsctl server scavenge --force\n",
	  server_scavenge_options, 0, 0, server_scavenge },
	{ "server", "backup", "", "Copy the database now, and verify the copy",
	  "winsctl server backup\n"
	  "winsctl --json server backup | jq -r .path\n",
	  NULL, 0, 0, server_backup },
	{ "server", "start-anyway", "",
	  "Take registrations without a partner's word", NULL,
	  dry_run_options, 0, 0, server_start_anyway },
	{ "server", "stop", "", "End the server, and wait for it", NULL, NULL,
	  0, 0, server_stop },
	{ NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL },
};
