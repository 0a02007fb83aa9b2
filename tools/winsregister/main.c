/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsregister: say to a WINS server what a Windows host would say to it, and
 * tell what it answers (design.md 4.3). Read task.h first, then attempt.h.
 *
 * A run is a list of requests, one after the other: for each name and each of
 * its addresses one, as multihomed hosts do, and after a registration a query
 * that shows what others now see. Where the first request found an answer the
 * rest stay: all names of a host belong on one server (Q153073).
 *
 * Not here yet: renewing as a service, -RR, many hosts. They are further
 * lists of the same requests.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "winsregister/report.h"

struct run {
	struct tevent_context *ev;
	const struct task *task;
	struct links *links;
	unsigned int server;	/* the one that answers */
	bool gone;		/* none does */
	bool deaf_said;
	unsigned int good, bad;	/* names */
	int status;		/* of the bad ones; TOOL_SOME if they differ */
};

static int run_target(struct run *run, const struct target *target);
static int run_changes(struct run *run, const struct target *target,
		       enum nbns_kind kind);
static int run_ask(struct run *run, const struct target *target,
		   enum nbns_kind kind, uint32_t addr);

static int run_all(struct run *run)
{
	const struct task *t = run->task;
	unsigned int i = 0;

	for (i = 0; i < t->targets && !run->gone; i++) {
		int status = run_target(run, &t->target[i]);

		if (status == TOOL_OK) {
			run->good++;
			continue;
		}
		if (run->bad++ == 0) {
			run->status = status;
		} else if (run->status != status) {
			run->status = TOOL_SOME;
		}
	}
	if (run->gone && i < t->targets) {
		tool_say("the other %u names were not tried",
			 t->targets - i);
	}
	if (run->bad == 0) {
		return TOOL_OK;
	}
	return run->good > 0 ? TOOL_SOME : run->status;
}

/* The worst of a name's answers counts: the first that is not good. */
static int run_target(struct run *run, const struct target *target)
{
	int status = TOOL_OK, query = TOOL_OK;

	switch (run->task->action) {
	case ACTION_QUERY:
		return run_ask(run, target, NBNS_QUERY, 0);
	case ACTION_STATUS:
		return run_ask(run, target, NBNS_STATUS, 0);
	case ACTION_RELEASE:
		return run_changes(run, target, NBNS_RELEASE);
	case ACTION_REFRESH:
		return run_changes(run, target, NBNS_REFRESH);
	case ACTION_REGISTER:
		break;
	}
	status = run_changes(run, target, run->task->multihomed ?
			     NBNS_MREGISTER : NBNS_REGISTER);
	if (run->gone) {
		return status;
	}
	query = run_ask(run, target, NBNS_QUERY, 0);
	if (status == TOOL_OK && query == TOOL_NOT_FOUND &&
	    target->name.type == 0x1d) {
		tool_say("names of type 1D are never stored, so this is "
			 "as it must be");
		return TOOL_OK;
	}
	return status != TOOL_OK ? status : query;
}

/*
 * One request for each address; with none given, for the one that routes.
 * nmbd forgets a multihomed name at its first release: that it does not know
 * the name when the second comes is what was wanted.
 */
static int run_changes(struct run *run, const struct target *target,
		       enum nbns_kind kind)
{
	const struct task *t = run->task;
	unsigned int i = 0;
	int status = TOOL_OK;
	bool done = false;

	if (t->addresses == 0) {
		return run_ask(run, target, kind, 0);
	}
	for (i = 0; i < t->addresses && !run->gone; i++) {
		int one = run_ask(run, target, kind, t->address[i]);

		if (one == TOOL_OK) {
			done = true;
		} else if (status == TOOL_OK) {
			status = one;
		}
	}
	if (kind == NBNS_RELEASE && done && status == TOOL_NOT_FOUND) {
		return TOOL_OK;
	}
	return status;
}

static bool kind_registers(enum nbns_kind kind)
{
	return kind == NBNS_REGISTER || kind == NBNS_MREGISTER ||
	       kind == NBNS_REFRESH;
}

/*
 * What this host answers when the name is challenged: all addresses that it
 * registers, from before the request on, because a second address makes the
 * server ask at the first. Where the server refused, the name is not ours.
 */
static void run_hold(struct run *run, const struct nbns_ask *ask,
		     const struct attempt_result *result)
{
	const struct task *t = run->task;
	const uint32_t *addr = t->address;
	unsigned int count = t->addresses;
	int ret = 0;

	if (result != NULL && result->answer.rcode != 0) {
		links_drop(run->links, &ask->name);
		return;
	}
	if (count == 0 && result != NULL) {
		addr = &result->addr;
		count = 1;
	}
	if (count > 0) {
		ret = links_hold(run->links, &ask->name, ask->nb_flags, addr,
				 count);
	}
	if (ret != 0) {
		tool_say("%s", strerror(ret));
	}
}

/* A server that challenges asks us as well; say when it cannot be heard. */
static void run_note_deaf(struct run *run, const struct attempt_result *result)
{
	const struct link_info *link = result->link;
	char text[NB_ADDR_TEXT];

	if (link == NULL || link->deaf == 0 || run->deaf_said ||
	    (result->answer.wacks == 0 && run->task->addresses < 2)) {
		return;
	}
	nb_addr_print(result->addr, text);
	tool_say("port %u of %s is not to be had (%s): a server that asks "
		 "there whether the name is still held gets no answer from "
		 "this program",
		 run->task->server[run->server].port, text,
		 strerror(link->deaf));
	run->deaf_said = true;
}

static void run_note_foreign(const struct attempt_result *result,
			     enum nbns_kind kind)
{
	char text[NB_ADDR_TEXT];

	if (result->link == NULL || !result->link->foreign) {
		return;
	}
	nb_addr_print(result->addr, text);
	tool_say("%s is no address of this host%s", text,
		 kind == NBNS_RELEASE ? ": WINS takes a release for the "
		 "address that it comes from, so this one may have done "
		 "nothing" : "");
}

static int run_ask(struct run *run, const struct target *target,
		   enum nbns_kind kind, uint32_t addr)
{
	const struct task *t = run->task;
	struct attempt_result result = { .server = run->server };
	struct report report = {
		.task = t, .target = target, .kind = kind,
		.result = &result,
	};
	struct nbns_ask ask = {
		.kind = kind,
		.name = target->name,
		.addr = addr,
		.ttl = t->ttl,
		.nb_flags = t->node_flags |
			    (target->group ? NB_FLAG_GROUP : 0),
		.op_flags = kind == NBNS_QUERY || kind == NBNS_REGISTER ||
			    kind == NBNS_MREGISTER ? NBNS_OP_RD : 0,
	};
	TALLOC_CTX *scratch = talloc_new(NULL);
	struct tevent_req *req = NULL;
	int status = TOOL_OK;

	if (addr == 0 && t->addresses == 1) {
		ask.addr = t->address[0];	/* where the question leaves */
	}
	if (kind_registers(kind)) {
		run_hold(run, &ask, NULL);
	}
	req = attempt_send(scratch, run->ev, t, run->links, run->server, &ask);
	if (req == NULL || !tevent_req_poll(req, run->ev)) {
		report.err = ENOMEM;
	} else {
		report.err = attempt_recv(req, scratch, &result);
	}
	status = report_tell(&report);
	run->gone = report.err == 0 && result.server == t->servers;
	if (report.err == 0 && !run->gone) {
		run->server = result.server;
		run_note_foreign(&result, kind);
		run_note_deaf(run, &result);
		if (kind_registers(kind)) {
			run_hold(run, &ask, &result);
		}
	}
	talloc_free(scratch);
	return status;
}

/* Windows asks for upper-case names, and WINS does not fold them. */
static void note_lower_case(const struct task *t)
{
	char text[NB_NAME_TEXT];
	unsigned int i = 0, k = 0;

	for (i = 0; i < t->targets; i++) {
		const struct nb_name *name = &t->target[i].name;

		for (k = 0; k < name->len; k++) {
			if (name->byte[k] >= 'a' && name->byte[k] <= 'z') {
				tool_say("%s has lower-case letters; "
					 "Windows hosts ask for names in "
					 "upper case and will not find it",
					 nb_name_print(name, text));
				break;
			}
		}
	}
}

int main(int argc, const char **argv)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct task task;
	struct run run = { .task = &task };
	int status = TOOL_FAILED;

	tool_set_name("winsregister");
	if (!task_read(mem_ctx, argc, argv, &task, &status)) {
		talloc_free(mem_ctx);
		return tool_finish(status);
	}
	run.ev = tevent_context_init(mem_ctx);
	if (run.ev != NULL) {
		run.links = links_create(run.ev, run.ev,
					 task.action == ACTION_REGISTER ||
					 task.action == ACTION_REFRESH);
	}
	if (run.links == NULL) {
		tool_say("out of memory");
		talloc_free(mem_ctx);
		return TOOL_FAILED;
	}
	if (task.action == ACTION_REGISTER) {
		note_lower_case(&task);
	}
	status = run_all(&run);
	TALLOC_FREE(run.links);
	talloc_free(mem_ctx);
	return tool_finish(status);
}
