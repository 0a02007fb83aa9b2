/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The real world of plugins/wins/world.c: clocks, timers, chance. Short real
 * timers on a real loop; the bounds are what core/world.h promises, with room
 * for a slow machine only where that cannot hide a fault.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "wins/world.h"

#define MSEC	1000

static char last_line[200];
static int last_level;
static int level_of_host = -1;

static void host_log(void *priv, int level, const char *line)
{
	(void)priv;
	last_level = level;
	strncpy(last_line, line, sizeof(last_line) - 1);
}

static int host_log_level(void *priv)
{
	(void)priv;
	return level_of_host;
}

struct fixture {
	struct wins_host host;
	struct world *world;
	const struct nb_world *ops;
	unsigned int fired;
	int order[16];
	struct nb_timer *victim;
	uint64_t fired_at;
};

static int setup(void **state)
{
	struct fixture *f = talloc_zero(NULL, struct fixture);

	f->host.mem_ctx = f;
	f->host.ev = tevent_context_init(f);
	f->host.log = host_log;
	f->host.log_level = host_log_level;
	level_of_host = -1;
	assert_int_equal(world_create(f, &f->host, 3, &f->world), 0);
	f->ops = &f->world->ops;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	talloc_free(*state);
	return 0;
}

static struct nb_timer *start(struct fixture *f, uint64_t usec,
			      void (*fn)(void *arg), void *arg)
{
	return f->ops->timer_start(f->ops->priv, usec, fn, arg);
}

static void run_until(struct fixture *f, unsigned int fired)
{
	while (f->fired < fired) {
		assert_int_equal(tevent_loop_once(f->host.ev), 0);
	}
}

/* An argument that remembers its place. */
struct shot {
	struct fixture *f;
	int mark;
};

static void shoot(void *arg)
{
	struct shot *shot = arg;

	shot->f->order[shot->f->fired++] = shot->mark;
	shot->f->fired_at = shot->f->ops->mono(shot->f->ops->priv);
}

static void test_timers_fire_in_order(void **state)
{
	struct fixture *f = *state;
	struct shot shot[] = { {f, 0}, {f, 1}, {f, 2}, {f, 3} };

	assert_non_null(start(f, 20 * MSEC, shoot, &shot[3]));
	assert_non_null(start(f, 5 * MSEC, shoot, &shot[1]));
	assert_non_null(start(f, 0, shoot, &shot[0]));
	assert_non_null(start(f, 10 * MSEC, shoot, &shot[2]));
	assert_int_equal(timers_count(f->world->timers), 4);
	run_until(f, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(f->order[i], i);
	}
	assert_int_equal(timers_count(f->world->timers), 0);
}

static void test_timer_is_not_early(void **state)
{
	struct fixture *f = *state;
	struct shot shot = { f, 0 };
	uint64_t begin = f->ops->mono(f->ops->priv);

	start(f, 30 * MSEC, shoot, &shot);
	run_until(f, 1);
	assert_true(f->fired_at >= begin + 30 * MSEC);
}

static void test_stopped_timer_is_silent(void **state)
{
	struct fixture *f = *state;
	struct shot shot[] = { {f, 0}, {f, 1} };
	struct nb_timer *first = start(f, 1 * MSEC, shoot, &shot[0]);

	start(f, 10 * MSEC, shoot, &shot[1]);
	f->ops->timer_stop(f->ops->priv, first);
	f->ops->timer_stop(f->ops->priv, NULL);
	run_until(f, 1);
	assert_int_equal(f->order[0], 1);
}

/* A timer stops another that is due in the same wake-up. */
static void stop_victim(void *arg)
{
	struct fixture *f = arg;

	f->fired++;
	f->ops->timer_stop(f->ops->priv, f->victim);
}

static void test_stop_from_a_timer(void **state)
{
	struct fixture *f = *state;
	struct shot shot[] = { {f, 7}, {f, 8} };

	start(f, 0, stop_victim, f);
	f->victim = start(f, 0, shoot, &shot[0]);
	start(f, 5 * MSEC, shoot, &shot[1]);
	run_until(f, 2);
	assert_int_equal(f->order[1], 8);
}

/* A timer that starts itself anew with no delay must not keep the loop. */
static void again(void *arg)
{
	struct fixture *f = arg;

	f->fired++;
	start(f, 0, again, f);
}

static void test_timers_leave_the_loop(void **state)
{
	struct fixture *f = *state;

	start(f, 0, again, f);
	assert_int_equal(tevent_loop_once(f->host.ev), 0);
	assert_int_equal(f->fired, 1);
	assert_int_equal(tevent_loop_once(f->host.ev), 0);
	assert_int_equal(f->fired, 2);
}

/* 5 ms of work are due: one wake-up does about 2 ms of it. */
static void work(void *arg)
{
	struct fixture *f = arg;
	uint64_t end = timers_mono() + 1 * MSEC;

	f->fired++;
	while (timers_mono() < end) {
	}
}

static void test_a_crowd_is_cut_in_slices(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++) {
		start(f, 0, work, f);
	}
	assert_int_equal(tevent_loop_once(f->host.ev), 0);
	assert_in_range(f->fired, 1, 3);
	run_until(f, 5);
}

static void test_many_timers_leave_nothing(void **state)
{
	struct fixture *f = *state;
	size_t blocks = talloc_total_blocks(f);

	for (int i = 0; i < 10000; i++) {
		struct nb_timer *timer = start(f, 1000000, shoot, NULL);

		assert_non_null(timer);
		f->ops->timer_stop(f->ops->priv, timer);
	}
	assert_int_equal(timers_count(f->world->timers), 0);
	assert_int_equal(talloc_total_blocks(f), blocks);
}

static void test_timer_far_away(void **state)
{
	struct fixture *f = *state;
	struct shot shot = { f, 1 };
	struct nb_timer *far = start(f, UINT64_MAX, shoot, &shot);

	assert_non_null(far);
	start(f, 1 * MSEC, shoot, &shot);
	run_until(f, 1);
	assert_int_equal(timers_count(f->world->timers), 1);
	f->ops->timer_stop(f->ops->priv, far);
}

static void test_clocks(void **state)
{
	struct fixture *f = *state;
	int64_t wall = f->ops->wall(f->ops->priv);
	int64_t now = f->ops->now(f->ops->priv);

	assert_in_range(wall, time(NULL) - 1, time(NULL) + 1);
	assert_in_range(now, wall - 1, wall + 1);
}

/* Microseconds of the wall clock's present second. */
static long part_of_second(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_nsec / 1000;
}

/* Somewhere in the middle of a second, without a pause. */
static void set_age(struct fixture *f, int64_t start)
{
	long before = 0;

	do {
		do {
			before = part_of_second();
		} while (before < 400 * MSEC || before > 600 * MSEC);
		world_set_age(f->world, start);
	} while (part_of_second() > before + 5 * MSEC);
}

/* Looked at in the middle of a second, and in one go. */
static int64_t wall_minus_now(struct fixture *f)
{
	for (;;) {
		uint64_t begun = f->ops->mono(f->ops->priv);
		long before = part_of_second();
		int64_t wall = f->ops->wall(f->ops->priv);
		int64_t now = f->ops->now(f->ops->priv);
		long after = part_of_second();

		if (before >= 20 * MSEC && before <= after &&
		    after <= 980 * MSEC &&
		    f->ops->mono(f->ops->priv) - begun < 500000) {
			return wall - now;
		}
	}
}

/*
 * It goes on where it stopped, and its seconds turn with those of the wall
 * clock, so that their difference is one number whenever it is taken.
 */
static void test_ageing_goes_on(void **state)
{
	static const int64_t start[] = { 1000, 0, INT64_C(1) << 33,
					 INT64_C(4294967290) };
	struct fixture *f = *state;

	for (size_t i = 0; i < 4; i++) {
		int64_t offset = 0;
		int64_t end = 0;

		set_age(f, start[i]);
		assert_in_range(f->ops->now(f->ops->priv), start[i],
				start[i] + 1);
		offset = wall_minus_now(f);
		end = f->ops->wall(f->ops->priv) + 2;
		while (f->ops->wall(f->ops->priv) < end) {
			assert_int_equal(wall_minus_now(f), offset);
		}
	}
}

/* The ageing clock is the wall clock of the start, moved by boot time only. */
static void test_wall_steps_do_not_age(void **state)
{
	struct fixture *f = *state;
	int64_t now = f->ops->now(f->ops->priv);

	f->world->age_offset += 5 * INT64_C(1000000);
	assert_in_range(f->ops->now(f->ops->priv), now + 5, now + 6);
	assert_in_range(f->ops->wall(f->ops->priv), now - 1, now + 2);
}

static void test_random_is_not_repeated(void **state)
{
	struct fixture *f = *state;
	static uint32_t drawn[20000];
	uint8_t odd[1000] = {0};
	unsigned int zeros = 0;
	unsigned int same = 0;

	for (size_t i = 0; i < 20000; i++) {
		f->ops->random(f->ops->priv, &drawn[i], sizeof(drawn[i]));
	}
	for (size_t i = 64; i < 20000; i++) {
		same += drawn[i] == drawn[i - 64];	/* a buffer later */
	}
	assert_in_range(same, 0, 2);
	f->ops->random(f->ops->priv, odd, sizeof(odd));
	for (size_t i = 0; i < sizeof(odd); i++) {
		zeros += odd[i] == 0;
	}
	assert_in_range(zeros, 0, 40);			/* 4 expected */
}

static void test_log_level(void **state)
{
	struct fixture *f = *state;

	nb_log(f->ops, NB_LOG_INFO, "told %d", 1);
	assert_string_equal(last_line, "told 1");
	assert_int_equal(last_level, NB_LOG_INFO);
	nb_log(f->ops, NB_LOG_DEBUG, "not told");
	assert_string_equal(last_line, "told 1");
	world_set_log_level(f->world, 5);
	nb_log(f->ops, NB_LOG_DEBUG, "told %d", 2);
	assert_string_equal(last_line, "told 2");
	level_of_host = 0;	/* -d goes before the file */
	world_set_log_level(f->world, 10);
	nb_log(f->ops, NB_LOG_WARNING, "not told");
	assert_string_equal(last_line, "told 2");
}

static void test_send_without_sockets(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->ops->send(f->ops->priv, 0x7f000001, 0x7f000001,
				      137, (const uint8_t *)"x", 1), ENOTCONN);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_timers_fire_in_order),
		TEST(test_timer_is_not_early),
		TEST(test_stopped_timer_is_silent),
		TEST(test_stop_from_a_timer),
		TEST(test_timers_leave_the_loop),
		TEST(test_a_crowd_is_cut_in_slices),
		TEST(test_many_timers_leave_nothing),
		TEST(test_timer_far_away),
		TEST(test_clocks),
		TEST(test_wall_steps_do_not_age),
		TEST(test_ageing_goes_on),
		TEST(test_random_is_not_repeated),
		TEST(test_log_level),
		TEST(test_send_without_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
