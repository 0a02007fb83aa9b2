/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is around the server while memory runs out once: its configuration,
 * which is read whole or not at all, and the name service client, whose
 * requests end with an error or the right answer, and end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/nbns.h"
#include "core/settings.h"
#include "faults/alloc.h"
#include "unit/client/fake_server.h"
#include "unit/wins/fake_host.h"

static void must(bool truth, const char *what)
{
	if (!truth) {
		alloc_tell();
		fail_msg("%s", what);
	}
}

/* ---- the configuration ---- */

static const char good_text[] =
	"[global]\n"
	"	netbios name = WINS1\n"
	"	netbios aliases = ONE TWO\n"
	"	workgroup = GROUP\n"
	"	interfaces = 192.0.2.10/24 192.0.3.10/24\n"
	"	wins support = yes\n"
	"	max wins ttl = 500000\n"
	"	wins:blocked names = WPAD ISATAP EVIL\n"
	"	wins:backup = 3600 3\n"
	"	wins:burst threshold = 100\n"
	"	wins:partners = 192.0.2.1 192.0.2.2(pull)\n"
	"	wins:partner 192.0.2.2 = retry=5, name=two\n"
	"	wins:accept owners = 192.0.2.2 192.0.2.1\n"
	"	wins:block owners = 192.0.2.3\n";

static const char bad_text[] =
	"[global]\n"
	"	netbios name = WINS1\n"
	"	wins:backup = often\n";

static struct fake_host fake;

static int load(TALLOC_CTX *mem_ctx, struct wins_config **config)
{
	char *message = NULL;

	*config = NULL;
	return wins_config_load(mem_ctx, &fake.host, config, &message);
}

static void config_once(void *arg, unsigned int n)
{
	const char *text = arg;
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct wins_config *config = NULL;
	bool hit = false;
	int want = 0, err = 0;

	fake_host_open(&fake, mem_ctx, "winsd");
	fake_host_write(&fake, text, strlen(text));
	want = load(mem_ctx, &config);
	talloc_free(config);
	alloc_begin(n);
	err = load(mem_ctx, &config);
	hit = alloc_end();
	must(err == want || (hit && err != 0), "another end");
	must((err == 0) == (config != NULL), "half a configuration");
	must(config == NULL || (config->serve.own_names > 0 &&
				config->backup_keep == 7) ||
	     config->backup_keep == 3, "another value");
	assert_int_equal(load(mem_ctx, &config), want);
	fake_host_close(&fake);
	talloc_free(mem_ctx);
}

/* ---- the client ---- */

struct question {
	enum nbns_kind kind;
	bool wack;			/* comes before the answer */
	bool silent;			/* nobody is there */
};

static const struct fake_step says_yes[] = {
	{ 0, FAKE_OK, 0, 0 }, { 0, FAKE_END, 0, 0 },
};
static const struct fake_step says_wait[] = {
	{ 0, FAKE_WACK, 1, 0 }, { 0, FAKE_OK, 0, 0 }, { 0, FAKE_END, 0, 0 },
};

static bool late;

static void too_late(struct tevent_context *ev, struct tevent_timer *timer,
		     struct timeval now, void *private_data)
{
	(void)ev;
	(void)timer;
	(void)now;
	(void)private_data;
	late = true;
}

static int ask_once(struct tevent_context *ev, struct nbns_client *client,
		    const struct nbns_ask *ask, struct nbns_answer *answer)
{
	struct tevent_req *req = nbns_ask_send(client, ev, client, ask);
	int err = ENOMEM;

	if (req == NULL) {
		return ENOMEM;
	}
	while (tevent_req_is_in_progress(req) && !late) {
		(void)tevent_loop_once(ev);
	}
	err = nbns_ask_recv(req, client, answer);
	talloc_free(req);
	return err;
}

/* A client of its own, and one question. */
static int ask_afresh(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		      const struct nbns_ask *ask, struct nbns_answer *answer)
{
	struct nbns_client *client = NULL;
	int err = nbns_client_create(mem_ctx, ev, 0x7f000001, 0, &client);

	if (err != 0) {
		return err;
	}
	err = ask_once(ev, client, ask, answer);
	talloc_free(client);
	return err;
}

static void client_once(void *arg, unsigned int n)
{
	const struct question *q = arg;
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tevent_context *ev = tevent_context_init(mem_ctx);
	struct fake_server *server = fake_start(mem_ctx, ev, 0x7f000001);
	struct nbns_answer answer = { .count = 0 };
	struct nbns_ask ask = {
		.kind = q->kind,
		.server = 0x7f000001,
		.port = server->port,
		.name = nb_name_make("NAME", 4, 0x20),
		.addr = FAKE_ADDR,
		.ttl = 1000,
		.patience = { 2, 20, 1000, 2000 },
	};
	int want = q->silent ? ETIMEDOUT : 0;
	bool hit = false;
	int err = 0;

	late = false;
	server->script = q->silent ? NULL : q->wack ? says_wait : says_yes;
	assert_non_null(tevent_add_timer(ev, mem_ctx,
					 tevent_timeval_current_ofs(60, 0),
					 too_late, NULL));
	alloc_begin(n);
	err = ask_afresh(mem_ctx, ev, &ask, &answer);
	hit = alloc_end();
	must(!late, "it never ended");
	must(err == want || (hit && err != 0), "another end");
	must(err != 0 || answer.rcode == 0, "another answer");
	assert_int_equal(ask_afresh(mem_ctx, ev, &ask, &answer), want);
	talloc_free(mem_ctx);
}

/* ---- the list ---- */

static void config(void **state)
{
	alloc_each("configuration", config_once, *state);
}

static void client(void **state)
{
	alloc_each("client", client_once, *state);
}

static struct question questions[] = {
	{ NBNS_QUERY, false, false },	{ NBNS_STATUS, false, false },
	{ NBNS_REGISTER, true, false }, { NBNS_RELEASE, false, false },
	{ NBNS_QUERY, false, true },
};

#define ROW(name, fn, arg) { name, fn, NULL, NULL, (void *)(uintptr_t)(arg) }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("a configuration", config, good_text),
		ROW("a configuration that is wrong", config, bad_text),
		ROW("a client's query", client, &questions[0]),
		ROW("a client's node status", client, &questions[1]),
		ROW("a client that has to wait", client, &questions[2]),
		ROW("a client's release", client, &questions[3]),
		ROW("a client that nobody hears", client, &questions[4]),
	};
	int failed = 0;

	if (!alloc_works()) {
		fprintf(stderr, "not in this build\n");
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	printf("# %u allocations failed\n", alloc_total());
	return failed;
}
