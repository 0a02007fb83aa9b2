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
#include "common/toolconfig.h"

struct winsctl {
	TALLOC_CTX *mem_ctx;
	struct tool_places places;
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

/*
 * A list in slices: put() (or NULL) adds to each request what narrows the
 * list, slice() gets each reply. TOOL_OK, or an exit code after a message.
 */
int ask_list(struct winsctl *ctl, const char *verb,
	     void (*put)(struct control_writer *w, const void *arg),
	     void (*slice)(void *arg, const struct control_reader *reply),
	     void *arg);

/* One request without values of its own, and both of the above. */
int ask_simple(struct winsctl *ctl, const char *verb, bool again,
	       struct control_reader *reply);

/* ---- print.c ---- */

void print_list_head(bool with_asked);
/* asked: when its name was asked for; NULL: there is no such column */
void print_list_record(const struct nb_record *rec, const char *asked);
void print_record(const struct nb_record *rec);
char *print_time(int64_t when, char *text, size_t size);	/* 32 do */

/* Some seconds in at most four letters, "45s", "12m", "7h" or "300d". */
#define PRINT_SPAN 24
char *print_span(uint64_t seconds, char text[PRINT_SPAN]);

/* ---- pairs.c ---- */

#define PAIR_KEY 64		/* bytes of a key */

void print_pairs(const struct control_reader *reply);
void print_pairs_json(const struct control_reader *reply);
char *pair_text(const struct control_field *field, char *text, size_t size);

/* A reply that is a list of objects: each begins with the key first. */
#define ROW_MAX 48

struct row {
	const char *first;		/* filled by the caller */
	unsigned int count;
	struct row_value {
		char key[PAIR_KEY];
		struct control_field field;
	} value[ROW_MAX];
};

/* The next object; begin with a zeroed field. False after the last. */
bool row_next(const struct control_reader *reply, struct control_field *at,
	      struct row *row);

/* What stands behind a key; NULL, otherwise, "unknown": nothing. */
const struct control_field *row_value(const struct row *row, const char *key);
uint64_t row_number(const struct row *row, const char *key,
		    uint64_t otherwise);
char *row_text(const struct row *row, const char *key, char *text,
	       size_t size);

/* All of it, for people: a line for each key; what "unknown" is called. */
struct row_word {
	const char *key;		/* NULL: the end */
	const char *word;
};
void row_print(const struct row *row, const struct row_word *words);
void row_print_json(const struct row *row);

/* ---- record_*.c, client.c, partner.c, owner_look.c, server.c ---- */

extern const struct poptOption record_list_options[];
extern const struct poptOption record_explain_options[];
extern const struct poptOption record_add_options[];
extern const struct poptOption record_change_options[];
extern const struct poptOption partner_list_options[];
extern const struct poptOption partner_push_options[];
extern const struct poptOption dry_run_options[];
extern const struct poptOption server_scavenge_options[];
extern const struct poptOption owner_adopt_options[];
extern const struct poptOption owner_delete_options[];
extern const struct poptOption owner_rename_options[];
extern const struct poptOption check_names_options[];
extern const struct poptOption client_list_options[];
int record_list(struct winsctl *ctl);
int record_show(struct winsctl *ctl);
int record_explain(struct winsctl *ctl);
int record_add(struct winsctl *ctl);
int record_delete(struct winsctl *ctl);
int record_tombstone(struct winsctl *ctl);
int record_release(struct winsctl *ctl);
int record_touch(struct winsctl *ctl);
int partner_list(struct winsctl *ctl);
int partner_pull(struct winsctl *ctl);
int partner_push(struct winsctl *ctl);
int owner_list(struct winsctl *ctl);
int owner_accept(struct winsctl *ctl);
int owner_reject(struct winsctl *ctl);
int owner_adopt(struct winsctl *ctl);
int owner_delete(struct winsctl *ctl);
int owner_rename(struct winsctl *ctl);
int client_list(struct winsctl *ctl);
int client_missing(struct winsctl *ctl);
int check_database(struct winsctl *ctl);
int check_versions(struct winsctl *ctl);
int check_names(struct winsctl *ctl);
int server_status(struct winsctl *ctl);
int server_stats(struct winsctl *ctl);
int server_reload(struct winsctl *ctl);
int server_scavenge(struct winsctl *ctl);
int server_backup(struct winsctl *ctl);
int server_start_anyway(struct winsctl *ctl);
int server_stop(struct winsctl *ctl);

#endif
