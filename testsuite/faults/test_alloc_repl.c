/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replication while memory runs out once, at each allocation of some scenes in
 * turn, a timer, a send, a connection and a commit being one each: nothing
 * crashes or leaks, no mark runs ahead, and the same thing done once more is
 * done.
 */
#include "faults/alloc_server.h"

#define STAGE_WORLD_IS_SHARED
#include "unit/repl/stage.h"

#include "faults/alloc.h"
#include "codec/be.h"

#define A OWNER(1)

struct row {
	const char *name;
	void (*prepare)(void);		/* fills st.config, and starts it all */
	void (*operate)(void);		/* with memory that runs out; then
					   with enough */
	void (*check)(void);		/* of the second time */
};

static struct nb_record *many;		/* of A, 1 to MANY */
#define MANY 1500u

static void must(bool truth, const char *what)
{
	if (!truth) {
		alloc_tell();
		fail_msg("%s", what);
	}
}

static void quiet(bool on)
{
	if (on) {
		alloc_pause();
	} else {
		alloc_resume();
	}
}

static void begin_world(void)
{
	void *state = NULL;

	stage_setup(&state);
	alloc_calm_world(&sim);
	net.fails = alloc_fails;
	fake_quiet = quiet;
}

static void begin_server(void)
{
	stage_server(&st);
	alloc_calm_server(st.server);
}

static void begin_all(void)
{
	begin_server();
	stage_repl(&st);
	repl_loaded(st.repl);
	settle();
}

static void one_partner(void)
{
	stage_partner(&st, P(0));
	stage_peer(P(0));
	begin_all();
}

/* Nobody may be told a version of A that is not here. */
static bool see_version(void *arg, const struct nb_record *rec)
{
	uint64_t *next = arg;

	must(rec->version == *next, "a version is missing below the mark");
	(*next)++;
	return true;
}

static void marks_are_true(void)
{
	uint64_t next = 1, mark = mark_of(A);

	must(mark <= MANY, "a mark that nobody told");
	store_walk_version(st.server->store, A, 1, mark, see_version, &next);
	must(next == mark + 1, "versions are missing below the mark");
}

static void at_rest(void)
{
	pass(200);
	must(stat_of(&st, "replication-pulls-running") == 0, "a pull hangs");
	must(stat_of(&st, "replication-answer-bytes") == 0, "bytes hang");
	must(stat_of(&st, "replica-challenges-pending") == 0,
	     "a challenge hangs");
}

static void run_row(void *arg, unsigned int n)
{
	const struct row *row = arg;
	void *state = NULL;

	begin_world();
	row->prepare();
	alloc_begin(n);
	row->operate();
	(void)alloc_end();
	if (st.repl != NULL) {
		at_rest();
		marks_are_true();
	}
	row->operate();
	at_rest();
	marks_are_true();
	row->check();
	must(stage_teardown(&state) == 0, "a timer is left");
	fake_quiet = NULL;
}

/* ---- to come up ---- */

static void only_server(void)
{
	stage_partner(&st, P(0))->options.pull_interval = 1800;
	st.partner[0].options.push_count = 20;
	stage_partner(&st, P(1));
	stage_peer(P(0));
	stage_peer(P(1));
	fake_peer_knows(&peer[0], A, 20);
	fake_peer_knows(&peer[0], SIM_SELF, 5000);
	peer[0].record = many;
	peer[0].records = 20;
	st.config.start_wait = 120;
	begin_server();
}

static void come_up(void)
{
	struct link_ops ops = fake_ops(&st.end);
	int ret = 0;

	if (st.repl == NULL) {
		ret = repl_create(NULL, &sim.world, st.server->store,
				  st.server->serve, &ops, &st.config,
				  &st.repl);
		if (ret != 0) {
			must(ret == ENOMEM, "another error");
			st.repl = NULL;
			return;
		}
		repl_loaded(st.repl);
	}
	pass(130);
}

static void is_up(void)
{
	/* the next planned pull at the latest */
	pass(1900);
	must(repl_gate(st.repl) == REPL_GATE_OPEN, "the gate stays closed");
	must(mark_of(A) == 20, "nothing was pulled");
	client_registers(&st, "FRESH<20>", SIM_HOST(1));
	must(has("FRESH<20>"), "no registration is taken");
	{
		struct nb_record rec;

		sim_record(st.server, "FRESH<20>", &rec);
		must(rec.version > 5000, "a version is given twice");
	}
}

/* ---- they ask ---- */

static void have_many(void)
{
	stage_partner(&st, P(0));
	begin_all();
	serve_turn_begin(st.server->serve);
	for (unsigned int i = 0; i < MANY; i++) {
		struct nb_record rec = many[i];

		store_begin(st.server->store);
		assert_int_equal(0, store_put(st.server->store, &rec, false));
		assert_int_equal(0, store_set_mark(st.server->store, A,
						   i + 1));
		store_commit(st.server->store, NULL, NULL);
	}
	serve_turn_end(st.server->serve);
	TALLOC_FREE(st.repl);
	stage_repl(&st);
	repl_loaded(st.repl);
	settle();
}

static uint32_t heard;			/* records of the answer */

static void they_ask(void)
{
	struct caller c = { .link = fake_call(&st.end, P(0)) };
	uint8_t frame[WREPL_SMALL_MAX];
	struct wrepl_owner one = { A, 0, 1 };

	heard = 0;
	if (c.link == NULL) {
		return;
	}
	say_start(c.link, 0);
	say_query(&c);
	fake_feed(c.link, frame, wrepl_encode_request(frame, 0, &one));
	settle();
	alloc_pause();
	while (c.link->out_len > 0) {
		size_t len = WREPL_HEAD + (size_t)wrepl_frame_size(
			c.link->out, c.link->out_len);

		if (c.link->out_len < len) {
			break;
		}
		if (be32_get(c.link->out + 12) == WREPL_REPLICATION &&
		    be32_get(c.link->out + 16) == WREPL_SEND_REPLY) {
			heard = be32_get(c.link->out + 20);
		}
		memmove(c.link->out, c.link->out + len,
			c.link->out_len - len);
		c.link->out_len -= len;
	}
	must(c.link->out_len == 0 || c.link->closed, "half a frame is left");
	alloc_resume();
	fake_down(c.link, 0);
	settle();
}

static void was_answered(void)
{
	must(heard == MANY, "not all records were told");
}

/* ---- we pull ---- */

static void partner_with_many(void)
{
	one_partner();
	fake_peer_knows(&peer[0], A, 60);
	fake_peer_knows(&peer[0], OWNER(2), 3);
	peer[0].record = many;
	peer[0].records = 60;
	peer[0].piece = 700;
	/* some that are challenged */
	client_registers(&st, "N00000007<20>", SIM_HOST(500));
	client_registers(&st, "N00000030<20>", SIM_HOST(501));
}

static unsigned int told_calls;

static void told(void *arg, uint32_t partner, int error, uint64_t records,
		 const char *message)
{
	(void)arg;
	(void)partner;
	(void)error;
	(void)records;
	(void)message;
	told_calls++;
}

static void we_pull(void)
{
	unsigned int count = 0;

	told_calls = 0;
	count = repl_pull(st.repl, 0, told, NULL);
	pass(10);
	count += repl_pull(st.repl, P(0), told, NULL);
	pass(150);
	must(told_calls == count, "somebody is not told");
}

static void was_pulled(void)
{
	must(mark_of(A) == 60 && mark_of(OWNER(2)) == 3, "marks");
	must(has("N00000060<20>"), "records");
	must(partner_of(&st, P(0)).pull_ok != 0, "not well");
}

/* Once more, on the connection that stayed. */
static void partner_again(void)
{
	partner_with_many();
	we_pull();
	fake_peer_knows(&peer[0], OWNER(3), 5);
}

static void was_pulled_again(void)
{
	must(mark_of(OWNER(3)) == 5, "marks");
}

/* ---- they tell ---- */

static void they_tell(void)
{
	for (uint32_t i = 0; i < 6; i++) {
		struct caller c = { .link = fake_call(&st.end, P(0)) };

		if (c.link == NULL) {
			continue;
		}
		say_start(c.link, 0);
		say_news(&c, i % 2 == 0 ? WREPL_INFORM2 : WREPL_UPDATE2,
			 OWNER(1 + i % 3), i < 2 ? 60 : 9);
		if (i % 2 == 0) {
			fake_down(c.link, 0);
		}
	}
	settle();
	for (struct link *link = net.links; link; link = link->next) {
		if (link->incoming) {
			fake_down(link, 0);
		}
	}
	pass(10);
}

static void was_told(void)
{
	we_pull();
	must(mark_of(A) == 60, "marks");
}

/* A gift that is used: all goes over it. */
static void they_give(void)
{
	struct caller c = { .link = fake_call(&st.end, P(0)) };
	uint8_t *frame = NULL;
	size_t len = 0;

	if (c.link == NULL) {
		return;
	}
	say_start(c.link, 0);
	say_news(&c, WREPL_UPDATE2, A, 3);
	settle();
	if (c.link->ended || mark_of(A) == 3) {
		fake_down(c.link, 0);
		return;
	}
	frame = fake_reply((const struct nb_record *[]){ &many[0], &many[1],
							 &many[2] }, 3, 0,
			   &len);
	fake_feed_pieces(c.link, frame, len, 50);
	free(frame);
	pass(10);
	fake_down(c.link, 0);
	settle();
}

static void two_partners(void)
{
	stage_partner(&st, P(0));
	stage_partner(&st, P(1));
	stage_peer(P(1));
	begin_all();
}

static void was_given(void)
{
	must(mark_of(A) == 3 && has("N00000003<20>"), "nothing came of it");
}

/* ---- we tell ---- */

static void pushed_to(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		stage_partner(&st, P(i))->options.push_count = 1;
		stage_peer(P(i));
	}
	st.partner[1].options.persistent = false;
	begin_all();
}

static void we_tell(void)
{
	static unsigned int number;
	unsigned int count = 0;
	char name[32];

	told_calls = 0;
	snprintf(name, sizeof(name), "PC%u<20>", number++ % 1000);
	client_registers(&st, name, SIM_HOST(1));
	pass(3);
	count = repl_push(st.repl, 0, true, told, NULL);
	pass(60);
	must(told_calls == count, "somebody is not told");
}

static void they_know(void)
{
	must(peer[0].informs > 0 && peer[1].updates > 0, "nobody was told");
	must(peer[0].line[0].max == store_mark(st.server->store, NB_SELF),
	     "not the latest");
}

/* ---- operators ---- */

static void survey_entry(void *arg, const struct repl_map_entry *entry)
{
	(void)arg;
	(void)entry;
}

static unsigned int surveys;

static void survey_done(void *arg)
{
	(void)arg;
	surveys++;
}

static void survey(void)
{
	int ret = 0;

	surveys = 0;
	ret = repl_survey(st.repl, survey_entry, survey_done, NULL);
	pass(200);
	must(ret == ENOMEM || surveys == 1, "a survey does not end");
}

static void was_surveyed(void)
{
	must(surveys == 1, "no survey");
}

static void reload(void)
{
	struct repl_config config = st.config;
	static const uint32_t list[] = { OWNER(8), OWNER(9) };
	int ret = 0;

	config.block = list;
	config.blocks = 2;
	config.partners = st.repl->partner_count == 1 ? 3 : 1;
	stage_partner(&st, P(1))->options.pull_interval = 600;
	stage_partner(&st, P(2));
	peers = 1;
	stage_peer(P(1));
	config.partner = st.partner;
	ret = repl_set_config(st.repl, &config);
	must(ret == 0 || (ret == ENOMEM && st.repl->config.blocks == 0 &&
			  st.repl->partner_count == 1),
	     "half a configuration");
	if (ret == ENOMEM) {
		return;
	}
	pass(5);
}

static void was_reloaded(void)
{
	must(st.repl->config.blocks == 2, "the old configuration");
}

static void in_quarantine(void)
{
	one_partner();
	fake_peer_knows(&peer[0], OWNER(2), 3);
	(void)repl_pull(st.repl, 0, NULL, NULL);
	settle();
	fake_peer_knows(&peer[0], OWNER(2), 3000000);
	(void)repl_pull(st.repl, 0, NULL, NULL);
	settle();
}

static void accept(void)
{
	int ret = repl_owner_accept(st.repl, OWNER(2));

	must(ret == 0 || ret == ENOMEM || ret == ENOENT, "another error");
	pass(150);
}

static void was_accepted(void)
{
	we_pull();
	must(mark_of(OWNER(2)) == 3000000, "not accepted");
}

static void gate_is_closed(void)
{
	stage_partner(&st, P(0))->options.pull_interval = 1800;
	stage_peer(P(0))->mood = FAKE_AWAY;
	st.config.start_wait = 120;
	begin_all();
}

static void start_anyway(void)
{
	(void)repl_start_anyway(st.repl);
	pass(20);
}

static void was_started(void)
{
	must(repl_gate(st.repl) == REPL_GATE_OPEN, "it stays closed");
}

static struct row rows[] = {
	{ "coming up", only_server, come_up, is_up },
	{ "they ask", have_many, they_ask, was_answered },
	{ "we pull", partner_with_many, we_pull, was_pulled },
	{ "we pull again", partner_again, we_pull, was_pulled_again },
	{ "they tell", partner_with_many, they_tell, was_told },
	{ "they give", two_partners, they_give, was_given },
	{ "we tell", pushed_to, we_tell, they_know },
	{ "a survey", partner_with_many, survey, was_surveyed },
	{ "a reload", one_partner, reload, was_reloaded },
	{ "an owner is accepted", in_quarantine, accept, was_accepted },
	{ "start anyway", gate_is_closed, start_anyway, was_started },
};

static void row_test(void **state)
{
	struct row *row = *state;

	alloc_each(row->name, run_row, row);
}

int main(void)
{
#define ROWS (sizeof(rows) / sizeof(rows[0]))
	struct CMUnitTest tests[ROWS];
	int failed = 0;

	if (!alloc_works()) {
		fprintf(stderr, "not in this build\n");
		return 1;
	}
	many = replicas(A, 1, MANY);
	for (size_t i = 0; i < ROWS; i++) {
		tests[i] = (struct CMUnitTest){
			rows[i].name, row_test, NULL, NULL, &rows[i] };
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(many);
	printf("# %u allocations failed\n", alloc_total());
	return failed;
}
