/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What alloc_server.h promises. The simulator itself never fails: its timers,
 * its network and its disk are wrapped, each counts as one allocation, and what
 * it allocates inside is its own.
 *
 * The row is run twice without a failure first, and what was before, after and
 * after the second time is remembered as what is right.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/dbrec.h"
#include "faults/alloc.h"
#include "faults/alloc_server.h"
#include "store/internal.h"

#define SEEN_MAX	4096
#define GIVEN_MAX	16384
#define REPLIES_MAX	64

/* What the clients heard, as far as it matters. */
struct heard {
	unsigned int count;
	struct {
		uint16_t trn_id;
		uint8_t data[NBNS_MAX];
		size_t len;
	} reply[REPLIES_MAX];
};

struct seen {
	unsigned int count;
	struct nb_record *rec;
};

struct sim_world sim;
struct sim_server *server;
static const struct alloc_row *row;	/* that is tried */
static struct {
	struct seen before, after, again;
	struct heard first, second;
} good;

/* ---- the simulator does not fail ---- */

static struct nb_timer *(*real_timer_start)(void *priv, uint64_t usec,
					    void (*fn)(void *arg), void *arg);
static int (*real_send)(void *priv, uint32_t local, uint32_t to, uint16_t port,
			const uint8_t *data, size_t len);
static struct store_backend real_backend;

static struct nb_timer *timer_start(void *priv, uint64_t usec,
				    void (*fn)(void *arg), void *arg)
{
	struct nb_timer *timer = NULL;

	if (alloc_fails()) {
		return NULL;
	}
	alloc_pause();
	timer = real_timer_start(priv, usec, fn, arg);
	alloc_resume();
	return timer;
}

static int paused_send(void *priv, uint32_t local, uint32_t to, uint16_t port,
		       const uint8_t *data, size_t len)
{
	int err = 0;

	if (alloc_fails()) {
		return ENOMEM;		/* a socket needs some, too */
	}
	alloc_pause();
	err = real_send(priv, local, to, port, data, len);
	alloc_resume();
	return err;
}

/* ---- versions ---- */

static struct {
	struct nb_name name;
	uint64_t version;
} given[GIVEN_MAX];
static unsigned int givens;
static uint64_t highest;

/* One that is not new is one that this name has had. */
static void look_at_version(const struct nb_record *rec)
{
	if (rec->owner != NB_SELF) {
		return;
	}
	if (rec->version > highest) {
		assert_true(givens < GIVEN_MAX);
		highest = rec->version;
		given[givens].name = rec->name;
		given[givens++].version = rec->version;
		return;
	}
	for (unsigned int i = 0; i < givens; i++) {
		if (given[i].version == rec->version &&
		    nb_name_equal(&given[i].name, &rec->name)) {
			return;
		}
	}
	fail_msg("version %llu was given twice",
		 (unsigned long long)rec->version);
}

struct ending {
	void (*done)(void *arg, int error);
	void *arg;
};
static struct ending ending;

static void commit_ended(void *arg, int error)
{
	struct ending now = ending;

	(void)arg;
	alloc_resume();
	now.done(now.arg, error);
	alloc_pause();
}

/* A commit is one allocation, and what it needs at least is a batch. */
static void commit(void *priv, const struct store_batch *batch,
		   void (*done)(void *arg, int error), void *arg)
{
	const uint8_t *key = NULL, *value = NULL;
	size_t pos = 0, key_len = 0, len = 0;
	struct nb_record rec;

	if (alloc_fails()) {
		done(arg, ENOMEM);
		return;
	}
	alloc_pause();
	while (store_batch_next(batch, &pos, &key, &key_len, &value, &len)) {
		if (key[0] == DBREC_RECORD && value != NULL) {
			assert_null(dbrec_decode(key, key_len, value, len,
						 &rec));
			look_at_version(&rec);
		}
	}
	ending = (struct ending){ done, arg };
	real_backend.commit(priv, batch, commit_ended, NULL);
	alloc_resume();
}

void alloc_calm_disk(struct store_backend *backend)
{
	real_backend = *backend;
	backend->commit = commit;
	highest = 0;
	givens = 0;
}

void alloc_calm_server(struct sim_server *calm)
{
	alloc_calm_disk(&calm->store->backend);
}

void alloc_calm_world(struct sim_world *world)
{
	real_timer_start = world->world.timer_start;
	real_send = world->world.send;
	world->world.timer_start = timer_start;
	world->world.send = paused_send;
}

static void start(void)
{
	struct serve_config config = sim_config();

	config.own_names = 1;
	config.own_name[0].name = nb_name_make("WINS1", 5, 0x20);
	sim_world_init(&sim, 42);
	alloc_calm_world(&sim);
	server = sim_server_start(NULL, &sim, &config);
	alloc_calm_disk(&server->store->backend);
	sim_advance_seconds(&sim, 10);	/* the own name is ours */
}

/* ---- what stands ---- */

static bool see(void *arg, const struct nb_record *rec)
{
	struct seen *seen = arg;

	assert_true(seen->count < SEEN_MAX);
	seen->rec[seen->count++] = *rec;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return nb_name_compare(&((const struct nb_record *)a)->name,
			       &((const struct nb_record *)b)->name);
}

static void see_all(const struct store *store, struct seen *seen)
{
	uint64_t cursor = 0;

	if (seen->rec == NULL) {
		seen->rec = calloc(SEEN_MAX, sizeof(*seen->rec));
	}
	assert_non_null(seen->rec);
	seen->count = 0;
	while (store_walk_all(store, &cursor, 1000, see, seen)) {
	}
	qsort(seen->rec, seen->count, sizeof(*seen->rec), by_name);
}


/* Versions and revisions are what they are; times may be those of later. */
static bool same(const struct nb_record *a, const struct nb_record *b,
		 bool times)
{
	bool is_same = nb_name_equal(&a->name, &b->name) &&
		       a->type == b->type && a->state == b->state &&
		       a->node == b->node && a->is_static == b->is_static &&
		       a->owner == b->owner && a->count == b->count &&
		       (!times || a->expires == b->expires);

	for (unsigned int i = 0; is_same && i < a->count; i++) {
		const struct nb_member *m = &a->member[i];
		int at = nb_record_find(b, m->ip);

		is_same = at >= 0 && m->owner == b->member[at].owner &&
			  (!times || m->expires == b->member[at].expires);
	}
	return is_same;
}

static bool all_same(const struct seen *a, const struct seen *b, bool times)
{
	bool is_same = a->count == b->count;

	for (unsigned int i = 0; is_same && i < a->count; i++) {
		is_same = same(&a->rec[i], &b->rec[i], times);
	}
	return is_same;
}

static const struct nb_record *seen_find(const struct seen *seen,
					 const struct nb_name *name)
{
	for (unsigned int i = 0; i < seen->count; i++) {
		if (nb_name_equal(&seen->rec[i].name, name)) {
			return &seen->rec[i];
		}
	}
	return NULL;
}

/* Is what a says of this name what b says? That it is not there counts. */
static bool says_same(const struct seen *a, const struct seen *b,
		      const struct nb_name *name, bool times)
{
	const struct nb_record *in_a = seen_find(a, name);
	const struct nb_record *in_b = seen_find(b, name);

	return in_a == NULL || in_b == NULL ? in_a == in_b :
					      same(in_a, in_b, times);
}

/* Each of the names in list: in now as in a or as in b? */
static bool each_says(const struct seen *list, const struct seen *now,
		      const struct seen *a, const struct seen *b, bool times)
{
	for (unsigned int i = 0; i < list->count; i++) {
		const struct nb_name *name = &list->rec[i].name;

		if (!says_same(now, a, name, times) &&
		    !says_same(now, b, name, times)) {
			return false;
		}
	}
	return true;
}

static bool is_one_of(const struct seen *now, const struct seen *a,
		      const struct seen *b, bool in_parts, bool times)
{
	if (!in_parts) {
		return all_same(now, a, times) || all_same(now, b, times);
	}
	return each_says(now, now, a, b, times) &&
	       each_says(a, now, a, b, times) &&
	       each_says(b, now, a, b, times);
}

/* A store that starts from the disk finds what memory has. */
static void check_disk(const struct seen *now)
{
	struct sim_disk *disk = sim_disk_crash(NULL, server->disk, false);
	struct seen found = { .rec = NULL };
	struct sim_world world;
	struct store_backend backend;
	struct store *store = NULL;
	char *message = NULL;

	sim_world_init(&world, 1);
	sim_disk_backend(disk, &backend);
	assert_int_equal(store_create(disk, &world.world, &backend, &store,
				      &message), 0);
	see_all(store, &found);
	assert_true(all_same(now, &found, true));
	for (unsigned int i = 0; i < now->count; i++) {
		assert_int_equal(now->rec[i].version, found.rec[i].version);
	}
	free(found.rec);
	talloc_free(store);
	sim_world_end(&world);
	talloc_free(disk);
}

/* ---- what the clients hear ---- */

static struct heard noted;		/* by alloc_heard() */

#define NOTE_LEN	12

void alloc_heard(uint16_t trn_id, bool is_failure, uint64_t what)
{
	uint8_t *data = noted.reply[noted.count].data;

	alloc_pause();
	assert_true(noted.count < REPLIES_MAX);
	memset(data, 0, NOTE_LEN);
	data[3] = is_failure ? NB_RCODE_SRV : NB_RCODE_OK;
	memcpy(data + 4, &what, sizeof(what));
	noted.reply[noted.count].trn_id = trn_id;
	noted.reply[noted.count++].len = NOTE_LEN;
	alloc_resume();
}

static void hear(struct heard *heard)
{
	*heard = noted;
	noted.count = 0;
	for (const struct sim_reply *r = server->first; r != NULL;
	     r = r->next) {
		if (r->port == SIM_PORT) {
			continue;	/* to a broadcast: our own claims */
		}
		assert_true(heard->count < REPLIES_MAX);
		heard->reply[heard->count].trn_id = r->msg.trn_id;
		heard->reply[heard->count].len = r->len;
		memcpy(heard->reply[heard->count++].data, r->data, r->len);
	}
	sim_forget(server);
}

/* The time in a WACK says how many wait, and some of them may have got lost. */
static bool is_wack(const uint8_t *data)
{
	return (data[2] & 0x78) == 0x38;
}

static bool same_reply(const struct heard *a, unsigned int i,
		       const struct heard *b, unsigned int j)
{
	if (row->how & RACE || is_wack(a->reply[i].data)) {
		return memcmp(a->reply[i].data, b->reply[j].data, 4) == 0;
	}
	return a->reply[i].len == b->reply[j].len &&
	       memcmp(a->reply[i].data, b->reply[j].data,
		      a->reply[i].len) == 0;
}

static bool was_heard(const struct heard *in, const struct heard *from,
		      unsigned int at)
{
	for (unsigned int i = 0; i < in->count; i++) {
		if (same_reply(in, i, from, at)) {
			return true;
		}
	}
	return false;
}

static bool is_failure(const struct heard *heard, unsigned int at)
{
	return (heard->reply[at].data[3] & 0x0f) == NB_RCODE_SRV;
}

/* The last reply with this id, or -1. */
static int last_to(const struct heard *heard, uint16_t trn_id)
{
	for (unsigned int i = heard->count; i-- > 0;) {
		if (heard->reply[i].trn_id == trn_id) {
			return (int)i;
		}
	}
	return -1;
}

static void check_heard(const struct heard *now)
{
	for (unsigned int i = 0; i < now->count; i++) {
		if (!is_failure(now, i) && !was_heard(&good.first, now, i)) {
			alloc_tell();
			fail_msg("a client was told what is not so: id %u, "
				 "flags %02x%02x", now->reply[i].trn_id,
				 now->reply[i].data[2], now->reply[i].data[3]);
		}
	}
}

/* The second time everybody hears in the end what is right. */
static void check_heard_again(const struct heard *now)
{
	for (unsigned int i = 0; i < good.second.count; i++) {
		uint16_t trn_id = good.second.reply[i].trn_id;
		int at = last_to(now, trn_id);

		if (at < 0) {
			alloc_tell();
			fail_msg("id %u was not served", trn_id);
		}
		if (!was_heard(&good.first, now, (unsigned int)at) &&
		    !was_heard(&good.second, now, (unsigned int)at)) {
			alloc_tell();
			fail_msg("id %u was not served rightly: %02x%02x",
				 trn_id, now->reply[at].data[2],
				 now->reply[at].data[3]);
		}
	}
}

/* ---- words for the rows ---- */

void ask(enum nbns_kind kind, uint16_t trn_id, const char *name, uint32_t from,
	 uint32_t addr)
{
	struct sim_request request = {
		.kind = kind,
		.trn_id = trn_id,
		.name = name,
		.from = from,
		.addr = addr,
		.nb_flags = 0x6000,
	};

	sim_request(server, &request);
}

void ask_group(enum nbns_kind kind, uint16_t trn_id, const char *name,
	       uint32_t from)
{
	struct sim_request request = {
		.kind = kind,
		.trn_id = trn_id,
		.name = name,
		.from = from,
		.nb_flags = 0xe000,
	};

	sim_request(server, &request);
}

void let_go(int error)
{
	sim_disk_hold(server->disk, false);
	if (sim_disk_pending(server->disk)) {
		alloc_pause();
		sim_disk_finish(server->disk, error);
		alloc_resume();
	}
}

/* ---- one time ---- */

static void must(bool truth, const char *what)
{
	if (!truth) {
		alloc_tell();
		fail_msg("%s", what);
	}
}

/* What a server at rest waits for, and what it has on its mind. */
static unsigned int timers_at_rest(size_t *blocks)
{
	ask(NBNS_QUERY, 9999, "NOBODY<20>", SIM_HOST(99), 0);
	sim_advance_seconds(&sim, 130);
	sim_forget(server);
	must(serve_pending(server->serve) == 0, "something is still pending");
	*blocks = talloc_total_blocks(server->serve);
	return sim.timer_count;
}

static void operate_again(void)
{
	if (row->again != NULL) {
		row->again();
	} else {
		row->operate();
	}
}

static void learn(void)
{
	see_all(server->store, &good.before);
	row->operate();
	see_all(server->store, &good.after);
	hear(&good.first);
	operate_again();
	see_all(server->store, &good.again);
	hear(&good.second);
}

/* Who was told that it is done: so it is. */
static void check_promises(const struct heard *heard, const struct seen *now)
{
	for (unsigned int i = 0; i < heard->count; i++) {
		struct nbns_msg msg;

		if (heard->reply[i].len == NOTE_LEN) {
			must(is_failure(heard, i) ||
			     is_one_of(now, &good.after, &good.after,
				       row->how & PARTS, !(row->how & TIME)),
			     "what was said to be done is not");
			continue;
		}
		assert_int_equal(nbns_decode(heard->reply[i].data,
					     heard->reply[i].len, &msg),
				 NBNS_OK);
		must((msg.kind != NBNS_REGISTER_REPLY &&
		      msg.kind != NBNS_RELEASE_REPLY) ||
		     (msg.operation & NBNS_OP_RCODE) != NB_RCODE_OK ||
		     says_same(now, &good.after, &msg.name,
			       !(row->how & TIME)),
		     "what was acknowledged is not there");
	}
}

static void check_first(void)
{
	static struct seen now;
	static struct heard heard;
	bool times = !(row->how & TIME);

	see_all(server->store, &now);
	must(row->how & RACE || is_one_of(&now, &good.before, &good.after,
					  row->how & PARTS, times),
	     "it is neither as before nor as after");
	check_disk(&now);
	hear(&heard);
	check_heard(&heard);
	if (!(row->how & RACE)) {
		check_promises(&heard, &now);
	}
}

static void check_second(void)
{
	static struct seen now;
	static struct heard heard;
	bool times = !(row->how & TIME);

	see_all(server->store, &now);
	if (row->how & RACE) {
		must(each_says(&good.again, &now, &good.after, &good.again,
			       times), "the second time it went wrong");
	} else {
		must(is_one_of(&now, &good.after, &good.again,
			       row->how & PARTS, times),
		     "the second time it went wrong");
	}
	check_disk(&now);
	hear(&heard);
	check_heard_again(&heard);
}

static void fail_once(unsigned int n)
{
	alloc_begin(n);
	row->operate();
	(void)alloc_end();
	alloc_pause();
	check_first();
	alloc_resume();
	operate_again();
	alloc_pause();
	check_second();
	alloc_resume();
}

static void server_once(void *arg, unsigned int n)
{
	static unsigned int timers_good;
	static size_t blocks_good;
	unsigned int timers = 0;
	size_t blocks = 0;

	row = arg;
	start();
	if (row->prepare != NULL) {
		row->prepare();
	}
	sim_forget(server);
	if (n == 0) {
		learn();
	} else {
		fail_once(n);
	}
	timers = timers_at_rest(&blocks);
	if (n == 0) {
		timers_good = timers;
		blocks_good = blocks;
	}
	must(timers == timers_good, "a timer has got lost");
	must(blocks == blocks_good, "something is never freed");
	sim_server_stop(server);
	must(sim.timer_count == 0, "a timer outlived the server");
	sim_world_end(&sim);
}

static void run_row(void **state)
{
	alloc_each(((const struct alloc_row *)*state)->name, server_once,
		   *state);
}

int alloc_run_rows(const char *group, const struct alloc_row *rows,
		   size_t count)
{
	struct CMUnitTest tests[64];
	int failed = 0;

	if (!alloc_works() || count > 64) {
		fprintf(stderr, "not in this build\n");
		return 1;
	}
	memset(tests, 0, sizeof(tests));
	for (size_t i = 0; i < count; i++) {
		tests[i].name = rows[i].name;
		tests[i].test_func = run_row;
		tests[i].initial_state = (void *)(uintptr_t)&rows[i];
	}
	failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	printf("# %s: %u allocations failed in %zu scenarios\n", group,
	       alloc_total(), count);
	return failed;
}
