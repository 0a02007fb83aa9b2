/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check names: do all servers give the same answer to a client?
 *
 * The tool asks them itself, by UDP as clients do: what a server has in its
 * database is one thing, what it answers another. Whom to ask says --server,
 * else the running server: the addresses that it serves, and its partners.
 *
 * Answers are the same if all say no, or if the kind (group or not) and the
 * set of addresses agree; their order is each server's own. All servers are
 * asked side by side, names as many at a time as keep the questions below a
 * thousand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/nbns.h"
#include "common/json_out.h"
#include "common/toolconfig.h"
#include "core/addr.h"
#include "winsctl/winsctl.h"

#define QUESTIONS 1000u

static char *server_list;

const struct poptOption check_names_options[] = {
	{ "server", '\0', POPT_ARG_STRING, &server_list, 0,
	  "Whom to ask (the server's own addresses, and its partners)",
	  "ADDRESS,..." },
	POPT_TABLEEND
};

struct question {
	struct check *check;
	uint32_t server;
	bool is_over;
	int error;
	bool found;
	bool group;
	unsigned int count;
	uint32_t address[NB_MEMBERS_MAX];	/* sorted */
};

struct check {
	struct winsctl *ctl;
	struct tevent_context *ev;
	struct nbns_client *client;
	uint16_t port;
	unsigned int servers, size;
	uint32_t *server;
	unsigned int open;			/* questions */
	bool differs, silence, any_answer;
};

/* ---- whom to ask ---- */

static bool add_server(struct check *check, uint32_t address)
{
	for (unsigned int i = 0; i < check->servers; i++) {
		if (check->server[i] == address) {
			return true;
		}
	}
	if (check->servers == check->size) {
		uint32_t *more = talloc_realloc(check->ctl->mem_ctx,
						check->server, uint32_t,
						check->size * 2 + 16);

		if (more == NULL) {
			return false;
		}
		check->server = more;
		check->size = check->size * 2 + 16;
	}
	check->server[check->servers++] = address;
	return true;
}

static int servers_of_list(struct check *check)
{
	char *rest = NULL;

	for (char *word = strtok_r(server_list, ", ", &rest); word != NULL;
	     word = strtok_r(NULL, ", ", &rest)) {
		uint32_t address = 0;

		if (!tool_parse_host(word, &address)) {
			return TOOL_USAGE;
		}
		if (!add_server(check, address)) {
			return TOOL_FAILED;
		}
	}
	return TOOL_OK;
}

static int servers_of_server(struct check *check)
{
	struct control_reader reply;
	struct control_field field = { .data = NULL };
	int status = ask_simple(check->ctl, "check names", true, &reply);

	while (status == TOOL_OK && control_next(&reply, &field)) {
		if (field.tag == CONTROL_HOST &&
		    !add_server(check, (uint32_t)control_number(&field))) {
			status = TOOL_FAILED;
		}
	}
	return status;
}

/* ---- asking ---- */

static int compare_addresses(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static void answered(struct tevent_req *req)
{
	struct question *q = tevent_req_callback_data_void(req);
	struct nbns_answer answer = { .count = 0 };

	q->error = nbns_ask_recv(req, q->check->ev, &answer);
	q->is_over = true;
	q->check->open--;
	talloc_free(req);
	if (q->error != 0) {
		return;
	}
	q->found = answer.rcode == NB_RCODE_OK && answer.count > 0;
	if (!q->found) {
		return;
	}
	q->group = (answer.address[0].nb_flags & NB_FLAG_GROUP) != 0;
	q->count = answer.count;
	for (unsigned int i = 0; i < answer.count; i++) {
		q->address[i] = answer.address[i].addr;
	}
	qsort(q->address, q->count, sizeof(q->address[0]), compare_addresses);
}

static int ask(struct check *check, struct question *q,
	       const struct nb_name *name)
{
	struct nbns_ask question = {
		.kind = NBNS_QUERY,
		.server = q->server,
		.port = check->port,
		.op_flags = NBNS_OP_RD,
		.name = *name,
		.patience = nbns_patience_default(),
	};
	struct tevent_req *req = nbns_ask_send(check->ev, check->ev,
					       check->client, &question);

	if (req == NULL) {
		return ENOMEM;
	}
	check->open++;
	tevent_req_set_callback(req, answered, q);
	return 0;
}

/* All servers about all of these names: the questions, name by name. */
static struct question *ask_names(struct check *check,
				  const struct nb_name *names,
				  unsigned int count)
{
	struct question *all = talloc_zero_array(check->ctl->mem_ctx,
						 struct question,
						 count * check->servers);

	for (unsigned int i = 0; all != NULL && i < count * check->servers;
	     i++) {
		all[i].check = check;
		all[i].server = check->server[i % check->servers];
		if (ask(check, &all[i], &names[i / check->servers]) != 0) {
			return NULL;
		}
	}
	while (all != NULL && check->open > 0) {
		if (tevent_loop_once(check->ev) != 0) {
			return NULL;
		}
	}
	return all;
}

/* ---- comparing and telling ---- */

static bool same(const struct question *a, const struct question *b)
{
	return a->found == b->found &&
	       (!a->found || (a->group == b->group && a->count == b->count &&
			      memcmp(a->address, b->address,
				     a->count * sizeof(a->address[0])) == 0));
}

static void tell_answer(const struct question *q)
{
	char text[NB_ADDR_TEXT];

	if (q->error != 0) {
		(void)printf("no answer (%s)", strerror(q->error));
		return;
	}
	if (!q->found) {
		(void)fputs("not found", stdout);
		return;
	}
	(void)fputs(q->group ? "group " : "", stdout);
	for (unsigned int i = 0; i < q->count; i++) {
		(void)printf("%s%s", i == 0 ? "" : ",",
			     nb_addr_print(q->address[i], text));
	}
}

static void tell_people(const struct nb_name *name, const struct question *q,
			unsigned int servers, unsigned int answers, bool differs)
{
	const struct question *one = q;
	char text[NB_NAME_TEXT], server[NB_ADDR_TEXT];

	(void)printf("%-20s ", nb_name_print(name, text));
	if (!differs && answers == servers) {
		(void)printf("all %u agree: ", servers);
		tell_answer(one);
		(void)fputc('\n', stdout);
		return;
	}
	(void)puts(differs ? "DIFFERS" : answers > 0 ? "agree, but not all "
		   "answer" : "nobody answers");
	for (unsigned int i = 0; i < servers; i++) {
		(void)printf("    %-15s  ",
			     nb_addr_print(q[i].server, server));
		tell_answer(&q[i]);
		(void)fputc('\n', stdout);
	}
}

static void json_answer(struct json_out *j, const struct question *q)
{
	json_begin(j, '{');
	json_key(j, "server");
	json_address(j, q->server);
	json_key(j, "failure");
	if (q->error != 0) {
		json_text(j, strerror(q->error));
	} else {
		json_nothing(j);
		json_key(j, "found");
		json_flag(j, q->found);
		json_key(j, "group");
		json_flag(j, q->group);
		json_key(j, "addresses");
		json_begin(j, '[');
		for (unsigned int i = 0; i < q->count; i++) {
			json_address(j, q->address[i]);
		}
		json_end(j, ']');
	}
	json_end(j, '}');
}

static void tell_machines(const struct nb_name *name, const struct question *q,
			  unsigned int servers, bool differs)
{
	struct json_out j = { .file = stdout };

	json_begin(&j, '{');
	json_key(&j, "name");
	json_bytes(&j, name->byte, name->len);
	json_key(&j, "suffix");
	json_count(&j, name->type);
	json_key(&j, "scope");
	json_bytes(&j, name->scope, name->scope_len);
	json_key(&j, "differs");
	json_flag(&j, differs);
	json_key(&j, "answers");
	json_begin(&j, '[');
	for (unsigned int i = 0; i < servers; i++) {
		json_answer(&j, &q[i]);
	}
	json_end(&j, ']');
	json_end(&j, '}');
	json_newline(&j);
}

static void compare(struct check *check, const struct nb_name *name,
		    const struct question *q)
{
	const struct question *first = NULL;
	unsigned int answers = 0;
	bool differs = false;

	for (unsigned int i = 0; i < check->servers; i++) {
		if (q[i].error != 0) {
			check->silence = true;
			continue;
		}
		answers++;
		check->any_answer = true;
		first = first == NULL ? &q[i] : first;
		differs |= !same(first, &q[i]);
	}
	check->differs |= differs;
	if (options.json) {
		tell_machines(name, q, check->servers, differs);
	} else {
		tell_people(name, q, check->servers, answers, differs);
	}
}

/* ---- the command ---- */

static struct nb_name *read_names(struct winsctl *ctl)
{
	struct nb_name *names = talloc_array(ctl->mem_ctx, struct nb_name,
					     ctl->count);

	for (unsigned int i = 0; names != NULL && i < ctl->count; i++) {
		if (!tool_parse_name(ctl->args[i], &names[i])) {
			return NULL;
		}
	}
	return names;
}

static int prepare(struct check *check)
{
	static const enum option_id needed[] = { OPTION_NBT_PORT,
						 OPTION_COUNT };
	struct winsctl *ctl = check->ctl;
	struct tool_config config;
	int status = server_list != NULL ? servers_of_list(check) :
					   servers_of_server(check);

	if (status != TOOL_OK) {
		return status;
	}
	if (check->servers == 0) {
		tool_say("there is no server to ask: --server names them");
		return TOOL_USAGE;
	}
	if (tool_config_load(ctl->mem_ctx, needed, &config) != 0) {
		return TOOL_USAGE;
	}
	check->port = (uint16_t)settings_number(config.settings,
						OPTION_NBT_PORT);
	check->ev = tevent_context_init(ctl->mem_ctx);
	if (check->ev == NULL ||
	    nbns_client_create(check->ev, check->ev, 0, 0,
			       &check->client) != 0) {
		tool_say("cannot open a socket: %s", strerror(errno));
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

static int run(struct check *check, const struct nb_name *names)
{
	unsigned int step = QUESTIONS / check->servers;
	unsigned int count = check->ctl->count;

	step = step == 0 ? 1 : step;
	for (unsigned int i = 0; i < count; i += step) {
		unsigned int some = count - i < step ? count - i : step;
		struct question *q = ask_names(check, names + i, some);

		if (q == NULL) {
			tool_say("out of memory");
			return TOOL_FAILED;
		}
		for (unsigned int k = 0; k < some; k++) {
			compare(check, &names[i + k],
				&q[(size_t)k * check->servers]);
		}
		talloc_free(q);
	}
	if (check->differs) {
		return TOOL_PROBLEMS;
	}
	if (!check->any_answer) {
		tool_say("no server answers");
		return TOOL_UNREACHABLE;
	}
	return check->silence ? TOOL_SOME : TOOL_OK;
}

int check_names(struct winsctl *ctl)
{
	struct check check = { .ctl = ctl };
	struct nb_name *names = read_names(ctl);
	int status = names == NULL ? TOOL_USAGE : prepare(&check);

	if (status == TOOL_OK) {
		status = run(&check, names);
	}
	TALLOC_FREE(check.ev);
	return status;
}
