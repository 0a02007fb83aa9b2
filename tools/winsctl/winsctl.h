/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsctl: a table of commands (OBJECT VERB) over one socket. A new verb is a
 * row in commands.c and a function beside its relatives; usage, --help, "did
 * you mean" and shell completion come from the row.
 */
#ifndef WINSCTL_WINSCTL_H
#define WINSCTL_WINSCTL_H

#include <talloc.h>

#include "common/control_client.h"
#include "common/tool.h"

struct winsctl {
	TALLOC_CTX *mem_ctx;
	const char *socket;
	struct control_client *client;	/* connects when first asked */
	const struct command *command;
	const char *const *args;	/* words behind the verb, NULL ends */
	unsigned int count;
};

struct command {
	const char *object;
	const char *verb;
	const char *args;		/* "NAME ADDRESS..." or "" */
	const char *summary;
	const char *examples;		/* lines, or NULL */
	const struct poptOption *options;	/* NULL: none of its own */
	unsigned int least;		/* number of words, and most */
	unsigned int most;
	int (*run)(struct winsctl *ctl);	/* returns enum tool_exit */
};

#define ANY_NUMBER 100000u

/* ---- commands.c ---- */

extern const struct command commands[];	/* object NULL: the end */

/* Options of several commands, and of the program itself. */
struct winsctl_options {
	int json;
	int dry_run;
	int yes;
};
extern struct winsctl_options options;

/* ---- help.c ---- */

void help_program(FILE *file);
void help_object(FILE *file, const char *object);
void help_command(FILE *file, const struct command *command,
		  poptContext popt);
const char *help_nearest_object(const char *text);
const char *help_nearest_verb(const char *object, const char *text);

/* ---- ask.c ---- */

struct control_writer *ask_begin(struct winsctl *ctl, const char *verb);

/*
 * Send what ask_begin() began. TOOL_OK when there is a reply, whatever it
 * says; else a message was printed and this is the exit code. EINTR is told
 * as -1 without a message. again: see control_client_call().
 */
int ask_send(struct winsctl *ctl, bool again, struct control_reader *reply);

/*
 * The exit code of a reply's status. All but success are told on stderr, with
 * what lifts them; a conflict is lifted by --yes, or by the option given.
 */
int ask_status(const struct control_reader *reply);
int ask_status_or(const struct control_reader *reply, const char *option);

/* One request without values of its own, and both of the above. */
int ask_simple(struct winsctl *ctl, const char *verb, bool again,
	       struct control_reader *reply);

/* ---- print.c ---- */

void print_list_head(void);
void print_list_record(const struct nb_record *rec);
void print_record(const struct nb_record *rec);
void print_pairs(const struct control_reader *reply);
void print_pairs_json(const struct control_reader *reply);
char *print_time(int64_t when, char *text, size_t size);	/* 32 do */

/* ---- record_list.c, record_look.c, record_change.c, server.c ---- */

extern const struct poptOption record_list_options[];
extern const struct poptOption record_explain_options[];
extern const struct poptOption record_add_options[];
extern const struct poptOption record_change_options[];
extern const struct poptOption server_scavenge_options[];
int record_list(struct winsctl *ctl);
int record_show(struct winsctl *ctl);
int record_explain(struct winsctl *ctl);
int record_add(struct winsctl *ctl);
int record_delete(struct winsctl *ctl);
int record_tombstone(struct winsctl *ctl);
int record_release(struct winsctl *ctl);
int record_touch(struct winsctl *ctl);
int server_status(struct winsctl *ctl);
int server_stats(struct winsctl *ctl);
int server_reload(struct winsctl *ctl);
int server_scavenge(struct winsctl *ctl);
int server_backup(struct winsctl *ctl);
int server_stop(struct winsctl *ctl);

#endif
