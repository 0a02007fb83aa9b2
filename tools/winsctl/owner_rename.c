/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * owner rename: this server's own records under another address of ours.
 *
 * The command is given in two situations. Before the address changes, to the
 * running server. Or afterwards, when the server does not start any more
 * because the address that its database names is not the one it has: then
 * nobody listens, and the few numbers that say so (core/owner_move.h) are
 * written into the database here, under the server's lock (design.md 4.3).
 * Either way the next start does the rest.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/offline.h"
#include "core/addr.h"
#include "core/owner_move.h"
#include "winsctl/winsctl.h"

#define MANY 20

const struct poptOption owner_rename_options[] = {
	{ "dry-run", 'n', POPT_ARG_NONE, &options.dry_run, 0,
	  "Say what would be done, do nothing", NULL },
	{ "yes", 'y', POPT_ARG_NONE, &options.yes, 0,
	  "Also if it is many records", NULL },
	POPT_TABLEEND
};

/* What both ways say: who it was, who it will be, how many records. */
struct rename {
	uint32_t from, to;
	uint64_t records;
};

static int judge(const struct rename *r)
{
	if (r->records <= MANY || options.yes || options.dry_run) {
		return TOOL_OK;
	}
	tool_say("%" PRIu64 " records get new versions then, and nothing was "
		 "done: --yes does it all the same", r->records);
	return TOOL_REFUSED;
}

static void remark(const struct rename *r)
{
	char from[NB_ADDR_TEXT], to[NB_ADDR_TEXT];

	if (options.dry_run) {
		tool_say("dry run: nothing was changed");
		return;
	}
	nb_addr_print(r->from, from);
	nb_addr_print(r->to, to);
	tool_say("at the next start this server is %s to its partners: let "
		 "it have that address (interfaces, winsdb:local_owner), name "
		 "it %s in the partners' wins:partners, and start it anew", to,
		 to);
	if (r->from != r->to) {
		tool_say("`winsctl owner rename %s` before that takes it back",
			 from);
	}
}

/* ---- a running server ---- */

static int ask_rename(struct winsctl *ctl, uint32_t to, bool dry,
		      struct control_reader *reply)
{
	struct control_writer *w = ask_begin(ctl, "owner rename");
	int status = TOOL_OK;

	control_put_number(w, CONTROL_ADDRESS, to);
	if (dry) {
		control_put_number(w, CONTROL_FLAGS, CONTROL_DRY_RUN);
	}
	status = ask_send(ctl, false, reply);
	if (status != TOOL_OK) {
		return status == -1 ? TOOL_FAILED : status;
	}
	return ask_status(reply);
}

static bool stands_so(const struct control_reader *reply)
{
	return control_number_or(reply, CONTROL_STATUS, CONTROL_OK) ==
	       CONTROL_UNCHANGED;
}

static int rename_online(struct winsctl *ctl, uint32_t to)
{
	struct control_reader reply;
	struct control_field at = { .data = NULL };
	struct row row = { .first = "owner" };
	struct rename r = { .to = to };
	int status = ask_rename(ctl, to, true, &reply);

	if (status == TOOL_OK && stands_so(&reply)) {
		tool_say("that is the owner address already");
		return TOOL_OK;
	}
	if (status == TOOL_OK && row_next(&reply, &at, &row)) {
		r.from = (uint32_t)row_number(&row, "owner", 0);
		r.records = row_number(&row, "records", 0);
		status = judge(&r);
	}
	if (status == TOOL_OK && !options.dry_run) {
		status = ask_rename(ctl, to, false, &reply);
	}
	if (status != TOOL_OK) {
		return status;
	}
	if (options.json) {
		print_pairs_json(&reply);
	} else {
		print_pairs(&reply);
	}
	remark(&r);
	return TOOL_OK;
}

/* ---- a stopped one ---- */

static void show(const struct rename *r)
{
	uint8_t frame[512];
	struct control_writer w;
	struct control_reader reply;

	/* the words of the server, by its own way of saying them */
	control_begin(&w, frame, sizeof(frame), CONTROL_REPLY);
	control_put_number(&w, CONTROL_STATUS, CONTROL_OK);
	control_put_text(&w, CONTROL_KEY, "owner");
	control_put_number(&w, CONTROL_HOST, r->from);
	control_put_text(&w, CONTROL_KEY, "from_next_start");
	control_put_number(&w, CONTROL_HOST, r->to);
	control_put_text(&w, CONTROL_KEY, "records");
	control_put_number(&w, CONTROL_NUMBER, r->records);
	if (control_open(&reply, frame + CONTROL_HEAD,
			 control_end(&w) - CONTROL_HEAD, CONTROL_REPLY) !=
	    CONTROL_GOOD) {
		return;
	}
	if (options.json) {
		print_pairs_json(&reply);
	} else {
		print_pairs(&reply);
	}
}

static uint64_t records_of(const struct store *store, uint32_t owner,
			   bool *is_known)
{
	struct store_owner line;

	*is_known = false;
	for (unsigned int i = 0; store_owner_at(store, i, &line); i++) {
		if (line.owner == owner) {
			*is_known = true;
			return line.records[0] + line.records[1] +
			       line.records[2];
		}
	}
	return 0;
}

static int check_offline(const struct store *store, struct rename *r)
{
	char from[NB_ADDR_TEXT], to[NB_ADDR_TEXT];
	uint64_t stored = 0, theirs = 0;
	bool known = false;

	nb_addr_print(r->to, to);
	if (!store_get_meta(store, OWNER_ADDRESS, &stored)) {
		tool_say("no server was ever started on this database: it "
			 "takes the address that it has then");
		return TOOL_NOT_FOUND;
	}
	r->from = (uint32_t)stored;
	theirs = records_of(store, r->to, &known);
	if (known) {
		tool_say("%s is another server's here, with %" PRIu64
			 " records: start this one with `winsdb:local_owner = "
			 "%s` and adopt or delete that owner first", to,
			 theirs, nb_addr_print(r->from, from));
		return TOOL_REFUSED;
	}
	r->records = records_of(store, NB_SELF, &known);
	return TOOL_OK;
}

static int write_numbers(struct store *store, const struct rename *r)
{
	struct owner_number number[OWNER_MOVE_NUMBERS];
	int ret = 0;

	owner_move(r->from, r->to, (uint64_t)time(NULL), number);
	store_begin(store);
	for (unsigned int i = 0; ret == 0 && i < OWNER_MOVE_NUMBERS; i++) {
		ret = store_set_meta(store, number[i].key, number[i].number);
	}
	if (ret == 0) {
		ret = offline_commit(store);
	} else {
		store_commit(store, NULL, NULL);
	}
	if (ret != 0) {
		tool_say("the owner address could not be written: %s",
			 strerror(ret));
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

static int rename_offline(struct winsctl *ctl, uint32_t to)
{
	struct rename r = { .to = to };
	struct store *store = NULL;
	int status = offline_open(ctl->mem_ctx, &ctl->places, &store);

	if (status == TOOL_OK) {
		status = check_offline(store, &r);
	}
	if (status == TOOL_OK && r.from == r.to) {
		talloc_free(store);
		tool_say("that is the owner address already");
		return TOOL_OK;
	}
	if (status == TOOL_OK) {
		status = judge(&r);
	}
	if (status == TOOL_OK && !options.dry_run) {
		status = write_numbers(store, &r);
	}
	talloc_free(store);
	if (status == TOOL_OK) {
		show(&r);
		remark(&r);
	}
	return status;
}

int owner_rename(struct winsctl *ctl)
{
	struct control_reader reply;
	uint32_t to = 0;
	int ret = 0;

	if (!tool_parse_host(ctl->args[0], &to)) {
		return TOOL_USAGE;
	}
	/* is there a server? */
	(void)ask_begin(ctl, "server status");
	ret = control_client_call(ctl->client, true, &reply);
	if ((ret == ENOENT || ret == ECONNREFUSED) &&
	    tool_options.socket == NULL) {
		return rename_offline(ctl, to);
	}
	return rename_online(ctl, to);
}
