/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ageing clock in virtual time (design.md section 2 "Ageing"): whatever
 * the wall clock does, while the server runs or while it is off, names are
 * answered as before, versions go on, timers fire as ever, and hosts that are
 * dead age in their time all the same.
 *
 * Clients ask for 300000 s, as Windows does, and refresh after half of it. Runs
 * are compared with one in which the clock does nothing.
 */

#include "scene.h"

#define HOUR	INT64_C(3600)
#define DAY	INT64_C(86400)
#define LIFE	INT64_C(300000)
#define HOSTS	300u
#define DEAD	50u		/* the first of them never come back */
#define Y2038	INT64_C(2147483648)
#define Y2106	INT64_C(4294967296)

static const char *name_of(unsigned int host)
{
	static char text[20];

	(void)snprintf(text, sizeof(text), "H%03u<20>", host);
	return text;
}

static void say(enum nbns_kind kind, unsigned int host)
{
	struct sim_request request = {
		.kind = kind,
		.trn_id = (uint16_t)(host + 1),
		.name = name_of(host),
		.from = 0x0a000200u + host,
		.ttl = (uint32_t)LIFE,
		.nb_flags = 0x6000,
	};

	sim_request(server, &request);
	expect((uint16_t)(host + 1), NBNS_REGISTER_REPLY, NB_RCODE_OK);
}

static void all_say(enum nbns_kind kind, unsigned int from)
{
	for (unsigned int i = from; i < HOSTS; i++) {
		say(kind, i);
	}
}

static unsigned int answered(unsigned int from, unsigned int to)
{
	unsigned int count = 0;

	for (unsigned int i = from; i < to; i++) {
		const struct sim_reply *reply = NULL;

		send_kind(NBNS_QUERY, 999, name_of(i), SIM_HOST(9), false);
		reply = sim_take(server, 999);
		assert_non_null(reply);
		count += reply->msg.kind == NBNS_QUERY_REPLY;
	}
	return count;
}

static int64_t now(void)
{
	return sim.world.now(&sim);
}

/* ---- steps while it runs ---- */

struct run {
	int64_t step;			/* of the wall clock */
	unsigned int answered;
	uint64_t scavenged;
	uint64_t fired;			/* timers */
	unsigned int timers;		/* that are set */
	unsigned int commits;
	uint64_t counter;		/* version handed out last */
	uint64_t settled;
	int64_t expires;		/* of a name registered after it */
	uint64_t told;
	int64_t offset;
};

static struct run life_with_step(int64_t start, int64_t step)
{
	struct serve_config config = sim_config();
	struct run run = { .step = step };
	struct nb_record rec;

	sim_world_init(&sim, 1);
	sim.start = start;
	server = sim_server_start(NULL, &sim, &config);
	all_say(NBNS_REGISTER, 1);
	sim_advance_seconds(&sim, HOUR);
	sim.wall_step = step;
	sim_advance_seconds(&sim, 120);
	say(NBNS_REGISTER, 0);
	assert_true(sim_record(server, name_of(0), &rec));
	run.expires = rec.expires - sim.start;
	sim_advance_seconds(&sim, 2 * DAY);
	run.answered = answered(0, HOSTS);
	run.scavenged = sim_stat(server, "scavenged");
	run.fired = sim.fired;
	run.timers = sim.timer_count;
	run.commits = sim_disk_commits(server->disk);
	run.counter = store_counter(server->store);
	run.settled = store_mark(server->store, NB_SELF);
	run.told = sim_stat(server, "clock-steps");
	run.offset = serve_wall_offset(server->serve);
	assert_int_equal(scene_stop(NULL), 0);
	return run;
}

static void same_but_for_the_clock(const struct run *still,
				   const struct run *run)
{
	assert_int_equal(run->answered, HOSTS);
	assert_int_equal(run->scavenged, still->scavenged);
	assert_int_equal(run->fired, still->fired);
	assert_int_equal(run->timers, still->timers);
	assert_int_equal(run->commits, still->commits);
	assert_int_equal(run->counter, still->counter);
	assert_int_equal(run->settled, still->settled);
	assert_int_equal(run->expires, still->expires);
}

static const int64_t steps[] = {
	1, -1, 2, -2, 3, -3, HOUR, -HOUR, 30 * DAY, -30 * DAY, 1000 * DAY,
	-1700000000, Y2038, Y2106,
};

static void steps_of_the_wall_clock(void **state)
{
	static const int64_t starts[] = { 1700000000, Y2038 - HOUR - 60,
					  Y2106 - HOUR - 60, 0 };

	(void)state;
	for (unsigned int s = 0; s < 4; s++) {
		struct run still = life_with_step(starts[s], 0);

		assert_int_equal(still.answered, HOSTS);
		assert_int_equal(still.scavenged, 0);
		assert_int_equal(still.told, 0);
		assert_int_equal(still.expires, HOUR + 120 + LIFE);
		assert_int_equal(still.settled, HOSTS);
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			struct run run = life_with_step(starts[s], steps[i]);
			bool rounding = llabs(steps[i]) <= 2;

			same_but_for_the_clock(&still, &run);
			assert_int_equal(run.told, rounding ? 0 : 1);
			assert_int_equal(run.offset, rounding ? 0 : steps[i]);
		}
	}
}

/* One line, that says how far and which way. */
static void a_step_is_told_once(void **state)
{
	(void)state;
	sim.wall_step = -HOUR;
	sim_advance_seconds(&sim, 61);
	assert_non_null(strstr(sim.last_log, "set back by 3600 s"));
	sim.last_log[0] = '\0';
	sim_advance_seconds(&sim, DAY);
	assert_int_equal(sim.last_log[0], '\0');
	sim.wall_step += 10;
	assert_int_equal(serve_wall_offset(server->serve), -HOUR + 10);
	assert_non_null(strstr(sim.last_log, "set ahead by 10 s"));
	sim.wall_step += 2;
	assert_int_equal(serve_wall_offset(server->serve), -HOUR + 10);
	sim.wall_step += 1;
	assert_int_equal(serve_wall_offset(server->serve), -HOUR + 13);
	assert_int_equal(sim_stat(server, "clock-steps"), 3);
}

/* ---- off ---- */

static void off(int64_t seconds, int64_t wall_step, bool crash)
{
	int64_t before = now();

	if (crash) {
		/* as found by the next start: nothing is told the store */
		sim.usec += (uint64_t)seconds * 1000000u;
		sim.wall_step = wall_step;
		sim_server_crash(server, false);
	} else {
		sim_server_off(server);
		sim.usec += (uint64_t)seconds * 1000000u;
		sim.wall_step = wall_step;
		sim_server_on(server);
	}
	/* the line goes on: never back, and at most the cap ahead */
	assert_true(now() >= before - (crash ? 60 : 0));
	assert_true(now() <= before + LIFE / 4);
}

struct outage {
	int64_t seconds;	/* that really pass */
	int64_t wall_step;	/* by which the wall clock is wrong afterwards */
};

static const struct outage outages[] = {
	{ 0, 0 },
	{ 5, 0 },
	{ HOUR, 0 },
	{ 10 * DAY, 0 },
	{ 3 * 365 * DAY, 0 },
	{ HOUR, -30 * DAY },
	{ HOUR, 30 * DAY },
	{ 10 * DAY, -10 * DAY - 1 },
	{ HOUR, -1700000000 - 3 * DAY },	/* RTC lost: about 1970 */
	{ 20 * 365 * DAY, 0 },			/* beyond 2038 */
	{ 100 * 365 * DAY, 0 },			/* beyond 2106 */
};

/*
 * The worst moment: every client was about to refresh. They come back as they
 * try again, within an eighth of their life.
 */
static void off_and_on(const struct outage *outage, bool crash)
{
	struct nb_record rec;
	uint64_t version = 0;

	all_say(NBNS_REGISTER, 0);
	sim_advance_seconds(&sim, LIFE / 2 - 1);
	version = store_counter(server->store);
	off(outage->seconds, outage->wall_step, crash);
	assert_int_equal(answered(0, HOSTS), HOSTS);
	sim.fired = 0;
	sim_advance_seconds(&sim, LIFE / 8);
	/* a tick a minute, little besides: own names are none here */
	assert_in_range(sim.fired, LIFE / 8 / 60, LIFE / 8 / 60 + 10);
	assert_int_equal(answered(0, HOSTS), HOSTS);
	all_say(NBNS_REFRESH, DEAD);
	assert_int_equal(sim_stat(server, "scavenged"), 0);
	assert_int_equal(sim_stat(server, "scavenging-stopped"), 0);
	/* a refresh raises no version; a new name gets a higher one */
	assert_true(sim_record(server, name_of(HOSTS - 1), &rec));
	assert_int_equal(rec.version, HOSTS);
	registered(7, "NEW<20>", SIM_HOST(7));
	assert_true(sim_record(server, "NEW<20>", &rec));
	assert_true(rec.version > version);
	assert_int_equal(store_mark(server->store, NB_SELF), rec.version);
}

/* Those that did not come back are dead in time: life, then a pass. */
static void dead_ones_age(void)
{
	struct nb_record rec;

	for (int i = 0; i < 4; i++) {
		sim_advance_seconds(&sim, LIFE / 2);
		all_say(NBNS_REFRESH, DEAD);
	}
	assert_int_equal(answered(0, DEAD), 0);
	assert_int_equal(answered(DEAD, HOSTS), HOSTS - DEAD);
	assert_true(sim_record(server, name_of(0), &rec));
	assert_int_equal(rec.state, NB_RELEASED);
	assert_true(sim_stat(server, "scavenged") >= DEAD);
}

static void however_long_it_was_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(outages) / sizeof(outages[0]); i++) {
		for (int crash = 0; crash < 2; crash++) {
			scene_stop(NULL);
			scene_start(NULL);
			off_and_on(&outages[i], crash);
			dead_ones_age();
		}
	}
}

/* A short time off is time like any other. */
static void short_nights_count(void **state)
{
	int64_t before = 0;

	(void)state;
	sim_advance_seconds(&sim, 10);
	before = now();
	for (int night = 0; night < 10; night++) {
		off(8 * HOUR, 0, night % 2 == 1);
		assert_int_equal(serve_wall_offset(server->serve), 0);
		sim_advance_seconds(&sim, 16 * HOUR);
	}
	assert_int_equal(now(), before + 10 * DAY);
}

/* What people see is the wall clock's, though the line is another. */
static void times_are_shown_by_the_wall_clock(void **state)
{
	(void)state;
	sim_advance_seconds(&sim, 100);
	off(10 * DAY, 0, false);
	assert_int_equal(serve_wall_offset(server->serve),
			 10 * DAY - LIFE / 4);
	assert_int_equal(sim_stat(server, "clock-steps"), 0);
	sim_advance_seconds(&sim, HOUR);
	off(HOUR, -30 * DAY, false);
	/* the wall clock went back by 30 days, the line stood still */
	assert_int_equal(serve_wall_offset(server->serve),
			 10 * DAY - LIFE / 4 - 30 * DAY + HOUR);
}

/* Killed in its first minute: what was registered is alive ten days later. */
static void killed_at_once(void **state)
{
	(void)state;
	all_say(NBNS_REGISTER, 0);
	off(10 * DAY, 0, true);
	assert_int_equal(answered(0, HOSTS), HOSTS);
	sim_advance_seconds(&sim, HOUR);
	assert_int_equal(answered(0, HOSTS), HOSTS);
}

static void the_start_says_what_it_found(void **state)
{
	(void)state;
	sim_advance_seconds(&sim, 100);
	sim.last_log[0] = '\0';
	off(HOUR, 0, false);
	assert_int_equal(sim.last_log[0], '\0');
	off(10 * DAY, 0, false);
	assert_non_null(strstr(sim.last_log, "last alive 864000 s ago"));
	assert_non_null(strstr(sim.last_log, "age by 75000 s"));
	off(HOUR, -2 * HOUR, false);
	assert_non_null(strstr(sim.last_log, "3600 s behind"));
}

/* Numbers that cannot be: said, and the wall clock instead. */
static void nonsense_on_the_disk(void **state)
{
	(void)state;
	store_begin(server->store);
	assert_int_equal(store_set_meta(server->store, "alive", UINT64_MAX),
			 0);
	assert_int_equal(store_set_meta(server->store, "alive-wall", 5), 0);
	store_commit(server->store, NULL, NULL);
	sim.wall_step = 1000;
	sim_server_crash(server, false);
	assert_int_equal(now(), sim.world.wall(&sim));
	assert_non_null(strstr(sim.last_log, "not to be read"));
}

/* ---- sleep ---- */

/* The machine slept: CLOCK_BOOTTIME, and with it all records, have leapt. */
static void a_sleeping_machine(void **state)
{
	(void)state;
	all_say(NBNS_REGISTER, 0);
	/* the next pass is far off */
	sim_advance_seconds(&sim, 3 * DAY + HOUR);
	sim.usec += (uint64_t)DAY * 1000000u;
	sim.fired = 0;
	sim_advance(&sim, 10000);
	/* the tick, the schedule, a count: each timer once */
	assert_in_range(sim.fired, 1, 5);
	assert_int_equal(answered(0, HOSTS), HOSTS);
	assert_int_equal(sim_stat(server, "scavenging-stopped"), 1);
	sim_advance_seconds(&sim, 60);
	all_say(NBNS_REFRESH, DEAD);
	/* the guard falls by itself: 50 of 300 are no accident */
	sim_advance_seconds(&sim, 3 * DAY);
	all_say(NBNS_REFRESH, DEAD);
	sim_advance_seconds(&sim, DAY);
	assert_int_equal(answered(DEAD, HOSTS), HOSTS - DEAD);
	assert_int_equal(answered(0, DEAD), 0);
	assert_int_equal(sim_stat(server, "scavenged"), DEAD);
}

static void a_short_nap(void **state)
{
	(void)state;
	all_say(NBNS_REGISTER, 0);
	sim_advance_seconds(&sim, HOUR);
	sim.usec += (uint64_t)HOUR * 1000000u;
	sim_advance_seconds(&sim, 60);
	assert_non_null(strstr(sim.last_log, "slept"));
	assert_int_equal(answered(0, HOSTS), HOSTS);
	assert_int_equal(sim_stat(server, "scavenging-stopped"), 0);
}

/* ---- writing it down ---- */

static void a_turn_a_minute(void **state)
{
	unsigned int commits = 0;
	uint64_t alive = 0;
	uint64_t wall = 0;

	(void)state;
	/* the start, with the time of the next pass */
	commits = sim_disk_commits(server->disk);
	assert_int_equal(commits, 1);
	assert_true(store_get_meta(server->store, "alive", &alive));
	assert_int_equal(alive, now());
	sim_advance_seconds(&sim, 60);
	assert_true(store_get_meta(server->store, "alive", &alive));
	assert_int_equal(alive, now());
	sim.wall_step = 500;
	sim_advance_seconds(&sim, 60);
	assert_true(store_get_meta(server->store, "alive", &alive));
	assert_true(store_get_meta(server->store, "alive-wall", &wall));
	assert_int_equal(alive, now());
	assert_int_equal(wall, now() + 500);
	assert_int_equal(sim_disk_commits(server->disk), commits + 2);
}

/* A disk that is full or broken is left alone. */
static void not_on_a_sick_disk(void **state)
{
	unsigned int commits = 0;
	uint64_t turns = 0;

	(void)state;
	sim_disk_break(server->disk, EIO);
	sim_advance_seconds(&sim, 60);
	assert_int_equal(store_health(server->store), STORE_READONLY);
	commits = sim_disk_commits(server->disk);
	turns = sim_stat(server, "turns");
	sim_advance_seconds(&sim, DAY);
	assert_int_equal(sim_disk_commits(server->disk), commits);
	assert_int_equal(sim_stat(server, "turns"), turns);
	assert_int_equal(sim_stat(server, "turns-failed"), 1);
}

/* Without memory for a timer, the next tick winds the others up again. */
static void memory_runs_out(void **state)
{
	(void)state;
	all_say(NBNS_REGISTER, 0);
	sim_advance_seconds(&sim, 2 * LIFE);
	sim.timers_fail = true;
	serve_scavenge(server->serve, SERVE_SCAVENGE_FORCE, NULL, NULL);
	sim.timers_fail = false;
	sim_advance_seconds(&sim, 59);
	assert_true(serve_scavenge_running(server->serve));
	sim_advance_seconds(&sim, 61);
	assert_false(serve_scavenge_running(server->serve));
	assert_int_equal(sim_stat(server, "scavenged"), HOSTS);
}

/* And without memory for the next tick whoever asks something does. */
static void the_next_tick_has_no_memory(void **state)
{
	uint64_t alive = 0;

	(void)state;
	sim.timers_fail = true;
	sim_advance_seconds(&sim, 60);
	sim.timers_fail = false;
	sim_advance_seconds(&sim, 3600);
	send_kind(NBNS_QUERY, 1, "NOBODY<20>", SIM_HOST(1), false);
	sim_advance_seconds(&sim, 60);
	assert_true(store_get_meta(server->store, "alive", &alive));
	assert_int_equal(alive, now());
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_of_the_wall_clock),
		SCENE(a_step_is_told_once),
		SCENE(however_long_it_was_off),
		SCENE(short_nights_count),
		SCENE(times_are_shown_by_the_wall_clock),
		SCENE(killed_at_once),
		SCENE(the_start_says_what_it_found),
		SCENE(nonsense_on_the_disk),
		SCENE(a_sleeping_machine),
		SCENE(a_short_nap),
		SCENE(a_turn_a_minute),
		SCENE(not_on_a_sick_disk),
		SCENE(memory_runs_out),
		SCENE(the_next_tick_has_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
