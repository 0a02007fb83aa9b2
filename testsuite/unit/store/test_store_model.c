/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store against a naive model: an array of records, copied whole at the
 * end of each turn. Random puts, deletes, marks, numbers, commits that
 * succeed, fail or hang, crashes that lose or keep what was in flight. After
 * every step all readers must say what the model says.
 *
 * Over all runs and crashes: a durable version or one below a mark that was
 * ever told is never handed out again; marks never go back; whatever lies at
 * or below the mark is durable; revisions only rise.
 *
 * SEED=n repeats a run, STEPS=n makes it longer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_world.h"

#define NAMES	48u
#define OWNERS	4u
#define METAS	3u
#define TURNS	12u

static const uint32_t owners[OWNERS] = { NB_SELF, 111, 222, 333 };
static const char *const metas[METAS] = { "alpha", "beta", "gamma" };

/* Everything the store knows, as it stands at one moment. */
struct shape {
	bool there[NAMES];
	struct nb_record rec[NAMES];
	uint64_t turn[NAMES];		/* that changed it last */
	uint64_t mark[OWNERS];
	bool has_meta[METAS];
	uint64_t meta[METAS];
	uint64_t max_revision;		/* of the changes in it */
};

struct ended {
	struct shape after;
	uint64_t number;
	unsigned int changes;
	uint64_t counter;
};

struct model {
	struct sim_disk *disk;
	struct store *store;
	bool open;
	bool doomed;
	struct shape now;
	struct shape durable;
	struct ended current;		/* the open turn, after unused */
	struct ended ended[TURNS];	/* waiting and in flight */
	unsigned int count;
	unsigned int flight;		/* the first so many are in flight */
	uint64_t number;		/* of turns, begun so far */
	uint64_t durable_number;
	uint64_t mark_told;		/* highest ever, over crashes */
	uint64_t version_told;		/* highest ever durable */
	uint64_t last_version;		/* of this run */
	uint64_t last_revision;
	/* callbacks */
	uint64_t expect[4 * TURNS];
	int expect_error[4 * TURNS];
	unsigned int expected;
	unsigned int called;
	/* how much of what happened */
	unsigned int crashes, failures, commits, puts, deletes, merged;
};

static struct model m;

static void on_done(void *arg, int error)
{
	uint64_t number = (uint64_t)(uintptr_t)arg;

	assert_true(m.called < m.expected);
	assert_int_equal(m.expect[m.called], number);
	assert_int_equal(m.expect_error[m.called], error);
	m.called++;
}

static void expect_done(uint64_t number, int error)
{
	if (m.called == m.expected) {
		m.called = m.expected = 0;
	}
	assert_true(m.expected < 4 * TURNS);
	m.expect[m.expected] = number;
	m.expect_error[m.expected++] = error;
}

/* ---- the model's idea of the pipeline ---- */

static void model_launch(void)
{
	unsigned int changes = 0;

	m.flight = m.count;
	for (unsigned int i = 0; i < m.count; i++) {
		changes += m.ended[i].changes;
	}
	if (m.count > 0 && changes == 0) {
		/* nothing to write: durable as soon as it is tried */
		for (unsigned int i = 0; i < m.count; i++) {
			expect_done(m.ended[i].number, 0);
		}
		m.durable_number = m.ended[m.count - 1].number;
		m.durable = m.ended[m.count - 1].after;
		m.count = m.flight = 0;
	}
	m.merged += m.flight > 1 ? 1 : 0;
}

static void model_durable(void)
{
	const struct ended *last = &m.ended[m.flight - 1];

	m.durable = last->after;
	m.durable_number = last->number;
	for (unsigned int i = 0; i < m.flight; i++) {
		expect_done(m.ended[i].number, 0);
	}
	m.count -= m.flight;
	memmove(m.ended, m.ended + m.flight, m.count * sizeof(m.ended[0]));
	model_launch();
}

static void model_failed(int error)
{
	for (unsigned int i = 0; i < m.count; i++) {
		expect_done(m.ended[i].number, error);
	}
	m.count = m.flight = 0;
	m.now = m.durable;
	m.doomed = m.open;
	m.failures++;
}

/* ---- what may happen ---- */

static void step_begin(void)
{
	if (m.open) {
		return;
	}
	store_begin(m.store);
	m.open = true;
	m.doomed = false;
	m.current.changes = 0;
	m.current.number = ++m.number;
	assert_int_equal(store_current_turn(m.store), m.number);
}

static struct nb_record random_record(unsigned int n)
{
	struct nb_record rec = record_n(n, (int64_t)dice(30));

	if (n % 5 == 0) {
		nb_name_set_scope(&rec.name, "scope.example", 1 + n % 13);
	}
	rec.type = (uint8_t)dice(4);
	rec.state = (uint8_t)dice(3);
	rec.is_static = dice(4) == 0;
	rec.owner = owners[dice(OWNERS)];
	rec.version = 1 + dice(40);
	rec.count = (uint8_t)dice(rec.type == NB_GROUP ? 2 : 4);
	for (unsigned int i = 0; i < rec.count; i++) {
		rec.member[i].ip = 0x0a000000 + 100 * n + i;
		rec.member[i].owner = owners[dice(OWNERS)];
		rec.member[i].expires = (int64_t)dice(30);
	}
	return rec;
}

static void step_put(void)
{
	unsigned int n = dice(NAMES);
	struct nb_record rec = random_record(n), given;
	bool new_version = dice(2) == 0;

	if (!m.open) {
		return;
	}
	if (!new_version && rec.owner == NB_SELF) {
		/* a refresh: what stands, if it is ours, with other times */
		if (!m.now.there[n] || m.now.rec[n].owner != NB_SELF) {
			return;
		}
		rec.version = m.now.rec[n].version;
	}
	given = rec;
	assert_int_equal(store_put(m.store, &rec, new_version), 0);
	if (new_version) {
		assert_true(rec.version > m.last_version);
		assert_true(rec.version > m.version_told);
		assert_true(rec.version > m.mark_told);
		assert_int_equal(rec.version, store_counter(m.store));
		m.last_version = rec.version;
		given.owner = NB_SELF;
		given.version = rec.version;
	}
	assert_true(rec.revision > m.last_revision);
	m.last_revision = given.revision = rec.revision;
	nb_record_settle(&given);
	assert_true(same_record(&rec, &given));
	m.now.there[n] = true;
	m.now.rec[n] = given;
	m.now.turn[n] = m.number;
	m.now.max_revision = rec.revision;
	m.current.changes++;
	m.puts++;
}

static void step_delete(void)
{
	unsigned int n = dice(NAMES);
	struct nb_name name = random_record(n).name;

	if (!m.open) {
		return;
	}
	assert_int_equal(store_delete(m.store, &name),
			 m.now.there[n] ? 0 : ENOENT);
	if (!m.now.there[n]) {
		return;
	}
	m.now.there[n] = false;
	m.now.turn[n] = m.number;
	m.now.max_revision = ++m.last_revision;
	m.current.changes++;
	m.deletes++;
}

static void step_number(void)
{
	uint64_t value = dice(4) == 0 ? 0 : dice(1000);
	unsigned int which = dice(OWNERS - 1) + 1;

	if (!m.open) {
		return;
	}
	if (dice(2) == 0) {
		assert_int_equal(store_set_mark(m.store, owners[which], value),
				 0);
		m.now.mark[which] = value;
	} else {
		which = dice(METAS);
		assert_int_equal(store_set_meta(m.store, metas[which], value),
				 0);
		m.now.meta[which] = value;
		m.now.has_meta[which] = true;
	}
	m.current.changes++;
}

static void step_raise(void)
{
	uint64_t to = store_counter(m.store) + dice(5000);

	if (!m.open) {
		return;
	}
	assert_int_equal(store_raise_counter(m.store, to), 0);
	/* a change perhaps, perhaps not: make it one for certain */
	assert_int_equal(store_set_meta(m.store, metas[0], to), 0);
	m.now.meta[0] = to;
	m.now.has_meta[0] = true;
	m.last_version = to;
	m.current.changes++;
}

static void step_commit(void)
{
	struct ended *last = &m.ended[m.count];

	if (!m.open || m.count == TURNS - 1) {
		return;
	}
	m.open = false;
	m.commits++;
	if (m.doomed) {
		expect_done(m.current.number, ENOMEM);
		m.now = m.durable;
		m.doomed = false;
	} else {
		*last = m.current;
		last->after = m.now;
		last->counter = store_counter(m.store);
		m.count++;
		if (m.flight == 0) {
			model_launch();
		}
	}
	store_commit(m.store, on_done, (void *)(uintptr_t)m.current.number);
}

static void step_finish(void)
{
	if (!sim_disk_pending(m.disk)) {
		assert_int_equal(m.flight, 0);
		return;
	}
	assert_true(m.flight > 0);
	if (dice(6) == 0) {
		model_failed(ENOMEM);
		sim_disk_finish(m.disk, ENOMEM);
	} else {
		model_durable();
		sim_disk_finish(m.disk, 0);
	}
}

static void note_durable_versions(void)
{
	for (unsigned int n = 0; n < NAMES; n++) {
		const struct nb_record *rec = &m.durable.rec[n];

		if (m.durable.there[n] && rec->owner == NB_SELF &&
		    rec->version > m.version_told) {
			m.version_told = rec->version;
		}
	}
}

static void step_crash(void)
{
	bool keep = dice(2) == 0;
	struct sim_disk *after = NULL;

	if (dice(20) != 0) {
		return;
	}
	if (keep && m.flight > 0) {
		m.durable = m.ended[m.flight - 1].after;
	}
	after = sim_disk_crash(NULL, m.disk, keep);
	talloc_free(m.store);
	talloc_free(m.disk);
	m.disk = after;
	m.store = store_on(after);
	sim_disk_hold(after, true);
	m.open = m.doomed = false;
	m.count = m.flight = 0;
	m.number = m.durable_number = 0;
	m.now = m.durable;
	memset(m.now.turn, 0, sizeof(m.now.turn));
	memset(m.durable.turn, 0, sizeof(m.durable.turn));
	m.last_version = store_counter(m.store);
	m.last_revision = m.durable.max_revision;
	m.called = m.expected = 0;
	m.crashes++;
	note_durable_versions();
	assert_true(m.last_version >= m.version_told);
	assert_true(store_mark(m.store, NB_SELF) >= m.mark_told);
}

/* ---- what must be true after each ---- */

static void check_names(void)
{
	for (unsigned int n = 0; n < NAMES; n++) {
		struct nb_name name = random_record(n).name;
		struct nb_record rec;
		uint64_t turn = m.now.turn[n] > m.durable_number ?
					m.now.turn[n] : 0;

		assert_true(store_get(m.store, &name, &rec) ==
			    m.now.there[n]);
		if (m.now.there[n]) {
			assert_true(same_record(&rec, &m.now.rec[n]));
		}
		assert_int_equal(store_pending_turn(m.store, &name), turn);
	}
}

struct walk {
	unsigned int count;
	const struct nb_record *before;
	struct nb_record last;
	uint64_t from, to;
	uint32_t owner;
	bool seen[NAMES];
	bool by_version;
};

static unsigned int index_of(const struct nb_name *name)
{
	unsigned int n = 0;

	while (n < NAMES && !(m.now.there[n] &&
			      nb_name_equal(&m.now.rec[n].name, name))) {
		n++;
	}
	assert_true(n < NAMES);
	return n;
}

static bool walk_one(void *arg, const struct nb_record *rec)
{
	struct walk *walk = arg;
	unsigned int n = index_of(&rec->name);

	assert_true(same_record(rec, &m.now.rec[n]));
	assert_false(walk->seen[n]);
	walk->seen[n] = true;
	if (walk->by_version) {
		assert_int_equal(rec->owner, walk->owner);
		assert_true(rec->version >= walk->from);
		assert_true(rec->version <= walk->to);
		assert_true(walk->count == 0 ||
			    rec->version >= walk->last.version);
	}
	walk->last = *rec;
	walk->count++;
	return true;
}

static void check_walks(void)
{
	struct walk all = { .count = 0 };
	struct walk some = {
		.by_version = true,
		.owner = owners[dice(OWNERS)],
		.from = dice(20),
		.to = dice(2) == 0 ? UINT64_MAX : dice(40),
	};
	unsigned int there = 0, match = 0;
	uint64_t cursor = 0;

	while (store_walk_all(m.store, &cursor, 1 + dice(200), walk_one,
			      &all)) {
	}
	store_walk_version(m.store, some.owner, some.from, some.to, walk_one,
			   &some);
	for (unsigned int n = 0; n < NAMES; n++) {
		const struct nb_record *rec = &m.now.rec[n];

		if (!m.now.there[n]) {
			continue;
		}
		there++;
		match += rec->owner == some.owner &&
			 rec->version >= some.from && rec->version <= some.to;
	}
	assert_int_equal(all.count, there);
	assert_int_equal(some.count, match);
}

static void check_due(void)
{
	struct store_due_pos pos = { .started = false };
	int64_t until = (int64_t)dice(32) - 1, last = INT64_MIN;
	struct nb_name names[5];
	unsigned int seen = 0, want = 0, got = 0;

	while ((got = store_walk_due(m.store, until, &pos, names,
				     1 + dice(5))) > 0) {
		for (unsigned int i = 0; i < got; i++) {
			unsigned int n = index_of(&names[i]);

			assert_true(m.now.rec[n].expires >= last);
			last = m.now.rec[n].expires;
			seen++;
		}
	}
	for (unsigned int n = 0; n < NAMES; n++) {
		want += m.now.there[n] && m.now.rec[n].expires <= until;
	}
	assert_true(last <= until);
	assert_int_equal(seen, want);
}

static void check_numbers(void)
{
	for (unsigned int i = 1; i < OWNERS; i++) {
		assert_int_equal(store_mark(m.store, owners[i]),
				 m.now.mark[i]);
	}
	for (unsigned int i = 0; i < METAS; i++) {
		uint64_t number = 0;

		assert_true(store_get_meta(m.store, metas[i], &number) ==
			    m.now.has_meta[i]);
		assert_true(!m.now.has_meta[i] || number == m.now.meta[i]);
	}
}

static void check_owners(void)
{
	struct store_owner got, want;
	unsigned int index = 0;

	for (unsigned int i = 0; i < OWNERS; i++) {
		unsigned int records = 0;

		memset(&want, 0, sizeof(want));
		want.mark = store_mark(m.store, owners[i]);
		for (unsigned int n = 0; n < NAMES; n++) {
			const struct nb_record *rec = &m.now.rec[n];

			if (!m.now.there[n] || rec->owner != owners[i]) {
				continue;
			}
			records++;
			want.records[rec->state]++;
			want.statics += rec->is_static;
			if (rec->version > want.highest) {
				want.highest = rec->version;
			}
		}
		if (records == 0 && want.mark == 0) {
			continue;
		}
		assert_true(store_owner_at(m.store, index++, &got));
		assert_int_equal(got.owner, owners[i]);
		assert_int_equal(got.mark, want.mark);
		assert_int_equal(got.highest, want.highest);
		assert_int_equal(got.statics, want.statics);
		assert_memory_equal(got.records, want.records,
				    sizeof(want.records));
	}
	assert_false(store_owner_at(m.store, index, &got));
}

static void check_stats(void)
{
	struct store_stats got;
	uint64_t by_state[3] = { 0 }, by_type[4] = { 0 }, statics = 0;
	uint64_t records = 0;

	for (unsigned int n = 0; n < NAMES; n++) {
		const struct nb_record *rec = &m.now.rec[n];

		if (m.now.there[n]) {
			records++;
			by_state[rec->state]++;
			by_type[rec->type]++;
			statics += rec->is_static;
		}
	}
	store_stats(m.store, &got);
	assert_int_equal(got.records, records);
	assert_int_equal(got.statics, statics);
	assert_memory_equal(got.by_state, by_state, sizeof(by_state));
	assert_memory_equal(got.by_type, by_type, sizeof(by_type));
	assert_int_equal(got.waiting, m.count);
	assert_int_equal(store_busy(m.store), m.count > 0);
	assert_int_equal(store_durable_turn(m.store), m.durable_number);
}

/* Our mark: never back, and all that lies below it is on the disk. */
static void check_mark(void)
{
	uint64_t mark = store_mark(m.store, NB_SELF);

	assert_true(mark >= m.mark_told);
	m.mark_told = mark;
	assert_true(mark <= store_counter(m.store));
	for (unsigned int n = 0; n < NAMES; n++) {
		const struct nb_record *rec = &m.now.rec[n];

		if (!m.now.there[n] || rec->owner != NB_SELF ||
		    rec->version > mark) {
			continue;
		}
		assert_true(m.durable.there[n]);
		assert_int_equal(m.durable.rec[n].owner, NB_SELF);
		assert_int_equal(m.durable.rec[n].version, rec->version);
	}
}

static void check_all(void)
{
	assert_int_equal(m.called, m.expected);
	note_durable_versions();
	check_names();
	check_walks();
	check_due();
	check_numbers();
	check_owners();
	check_stats();
	check_mark();
}

static void step(void)
{
	static void (*const steps[])(void) = {
		step_begin, step_put, step_put, step_put, step_put, step_delete,
		step_number, step_commit, step_finish, step_crash, step_begin,
		step_raise,
	};

	steps[dice(sizeof(steps) / sizeof(steps[0]))]();
}

static void test_model(void **state)
{
	const char *text = getenv("STEPS");
	unsigned int steps = text != NULL ? (unsigned int)atol(text) : 25000;

	(void)state;
	dice_seed("model");
	memset(&m, 0, sizeof(m));
	m.disk = sim_disk_create(NULL);
	m.store = store_on(m.disk);
	sim_disk_hold(m.disk, true);
	for (unsigned int i = 0; i < steps; i++) {
		step();
		check_all();
	}
	print_message("%u puts, %u deletes, %u commits, %u merged, "
		      "%u failures, %u crashes\n", m.puts, m.deletes,
		      m.commits, m.merged, m.failures, m.crashes);
	assert_true(m.crashes > 20 && m.failures > 20 && m.merged > 20);
	talloc_free(m.store);
	talloc_free(m.disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
