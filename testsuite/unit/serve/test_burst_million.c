/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A million hosts register at once and the disk stands still, then writes
 * slowly, then as it should (issue 3, "Done when"). All on the real door,
 * serve, rules and store, in virtual time, on a disk that keeps nothing.
 *
 * The hosts are as real ones: no answer is a retry after two seconds; a life
 * of some seconds is a refresh, or a registration of every second one, after
 * half of it. Beside them stand hosts whose names are known, who refresh.
 *
 * Held at every answer: a short life is given only while more than 500 wait
 * for the disk, never to a refresh, never for a known name, and it is the
 * life that the specification has for its number. Held at the end: these
 * answers are counted, and every host has its name, stored with its address.
 */
#include <inttypes.h>

#include "scene.h"

#define HOSTS		1000000u
#define KNOWN		5000u		/* of them, from before */
#define THRESHOLD	500
#define TURN		256		/* datagrams, as udp137.c has them */
#define ARRIVE		60u		/* s in which all come */
#define STILL		100u		/* s; until then the disk stands */
#define SLOW		1600u		/* s; until then it is slow */
#define SHORT		3000u		/* s; the longest such life */
#define WHEEL		2048u		/* s; longer than half of it */
#define ADDRESS(i)	(0x0b000000u + (i))

struct host {
	uint32_t next;		/* in the same second of the wheel; 0: none */
	uint16_t due;		/* when it sends again */
	uint8_t put_off;	/* how often it was told to come back */
	bool done;
	bool last_refresh;	/* what it sent was one */
};

static struct host *hosts;		/* from 1 */
static uint32_t wheel[WHEEL];
static uint32_t now, done;

/* ---- the disk ---- */

static struct {
	bool held;
	void (*done)(void *arg, int error);
	void *arg;
} disk;

static int disk_load(void *priv,
		     int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			       const uint8_t *value, size_t value_len),
		     void *arg)
{
	(void)priv;
	(void)fn;
	(void)arg;
	return 0;
}

static void disk_commit(void *priv, const struct store_batch *batch,
			void (*fn)(void *arg, int error), void *arg)
{
	(void)priv;
	(void)batch;
	if (!disk.held) {
		fn(arg, 0);
		return;
	}
	disk.done = fn;
	disk.arg = arg;
}

/* ---- the server ---- */

static struct store *store;
static struct door *door;
static struct serve *serve;

static void start(void)
{
	static const struct store_backend backend = {
		.name = "a disk that keeps nothing",
		.load = disk_load,
		.commit = disk_commit,
		.fd = -1,
	};
	static const struct serve_iface iface = { .ip = SIM_SELF,
						  .mask = 0xff000000u };
	struct serve_config config = sim_config();
	char *message = NULL;

	assert_int_equal(config.burst_threshold, THRESHOLD);
	assert_int_equal(store_create(NULL, &sim.world, &backend, &store,
				      &message), 0);
	assert_int_equal(door_create(NULL, &sim.world, store, &config,
				     SIM_PORT, &door), 0);
	serve = door_serve(door);
	serve_loaded(serve);
	serve_set_ifaces(serve, &iface, 1);
}

static uint64_t stat(const char *name)
{
	const char *text = NULL;
	uint64_t value = 0;

	for (unsigned int i = 0; serve_stat_at(serve, i, &text, &value);
	     i++) {
		if (strcmp(text, name) == 0) {
			return value;
		}
	}
	fail_msg("no counter %s", name);
	return 0;
}

/* ---- what should be ---- */

static uint64_t backlog;	/* before the datagram on its way */
static uint64_t step;		/* short lives since the backlog was small */
static uint64_t put_off, by_ttl[SHORT / 300 + 1];
static uint32_t asking;		/* whose datagram is on its way; 0: none */

/* microsoft-wins.md 4 */
static uint32_t expected_ttl(void)
{
	uint32_t minutes = 5;

	for (uint64_t i = 100; i <= step; i += 100) {
		minutes = minutes == 50 ? 5 : minutes + 5;
	}
	return minutes * 60;
}

static void look_at_backlog(void)
{
	backlog = serve_pending(serve);		/* nobody is challenged */
	if (backlog <= THRESHOLD) {
		step = 0;
	}
}

/* ---- the hosts ---- */

static void send_at(uint32_t number, uint32_t when)
{
	struct host *host = &hosts[number];

	host->due = (uint16_t)when;
	host->next = wheel[when % WHEEL];
	wheel[when % WHEEL] = number;
}

static void told_to_come_back(uint32_t number, uint32_t ttl)
{
	struct host *host = &hosts[number];

	assert_int_equal(number, asking);
	assert_true(number > KNOWN && !host->last_refresh);
	assert_true(backlog > THRESHOLD);
	assert_int_equal(ttl, expected_ttl());
	step++;
	put_off++;
	by_ttl[ttl / 300]++;
	host->put_off++;
	host->due = (uint16_t)(now + ttl / 2);
}

static int reply(void *arg, uint32_t local, uint32_t to, uint16_t port,
		 const uint8_t *data, size_t len)
{
	uint32_t number = to - ADDRESS(0);
	struct nbns_msg msg;

	(void)arg;
	(void)local;
	(void)port;
	assert_int_equal(nbns_decode(data, len, &msg), NBNS_OK);
	assert_int_equal(msg.kind, NBNS_REGISTER_REPLY);
	assert_int_equal(msg.operation & NBNS_OP_RCODE, NB_RCODE_OK);
	if (msg.ttl <= SHORT) {
		told_to_come_back(number, msg.ttl);
		return 0;
	}
	if (!hosts[number].done) {
		hosts[number].done = true;
		done++;
	}
	return 0;
}

static struct nb_name name_of(uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "M%07u", number);
	return nb_name_make(text, strlen(text), 0x20);
}

static void ask(uint32_t number)
{
	struct host *host = &hosts[number];
	struct nb_name name = name_of(number);
	uint8_t buf[NBNS_MAX];
	size_t len = 0;

	host->last_refresh = number <= KNOWN ? number % 3 != 0
					     : host->put_off > 0 && number % 2;
	len = nbns_encode_request(
		buf, sizeof(buf),
		host->last_refresh ? NBNS_REFRESH : NBNS_REGISTER,
		(uint16_t)number, host->last_refresh ? 0x4000 : 0x2900, &name,
		300000, 0x6000, ADDRESS(number));
	look_at_backlog();
	asking = number;
	door_datagram(door, SIM_SELF, ADDRESS(number), SIM_PORT, buf, len);
	asking = 0;
}

static void disk_finishes(void)
{
	void (*fn)(void *arg, int error) = disk.done;

	if (fn != NULL) {
		disk.done = NULL;
		fn(disk.arg, 0);
		look_at_backlog();
	}
}

/*
 * One second: who is due sends, in turns as the socket gives them. A slow
 * disk ends one commit in the time of eight turns, and one more by the end of
 * the second.
 */
static void second(void)
{
	uint32_t number = wheel[now % WHEEL];
	unsigned int sent = 0;

	wheel[now % WHEEL] = 0;
	serve_turn_begin(serve);
	while (number != 0) {
		uint32_t next = hosts[number].next;

		if (!hosts[number].done) {
			hosts[number].due = (uint16_t)(now + 2);
			ask(number);
			send_at(number, hosts[number].due);
			sent++;
		}
		if (sent > 0 && sent % TURN == 0) {
			serve_turn_end(serve);
			if (now >= STILL && sent % (8 * TURN) == 0) {
				disk_finishes();
			}
			serve_turn_begin(serve);
		}
		number = next;
	}
	serve_turn_end(serve);
	if (now >= STILL) {
		disk_finishes();
	}
	sim_advance_seconds(&sim, 1);
	now++;
}

static void everybody_comes(void)
{
	for (uint32_t i = 1; i <= HOSTS; i++) {
		send_at(i, now + i % ARRIVE);
	}
}

static void known_names_first(void)
{
	disk.held = false;
	for (uint32_t i = 1; i <= KNOWN; i++) {
		struct nb_name name = name_of(i);
		uint8_t buf[NBNS_MAX];
		size_t len = nbns_encode_request(buf, sizeof(buf),
						 NBNS_REGISTER, 1, 0x2900,
						 &name, 300000, 0x6000,
						 ADDRESS(i));

		serve_turn_begin(serve);
		door_datagram(door, SIM_SELF, ADDRESS(i), SIM_PORT, buf, len);
		serve_turn_end(serve);
		hosts[i].done = false;
	}
	assert_int_equal(done, KNOWN);
	done = 0;
	disk.held = true;
}

static void every_name_is_stored(void)
{
	struct store_stats stats;
	struct nb_record rec;

	store_stats(store, &stats);
	assert_int_equal(stats.records, HOSTS);
	for (uint32_t i = 1; i <= HOSTS; i++) {
		struct nb_name name = name_of(i);

		if (!store_get(store, &name, &rec) || rec.state != NB_ACTIVE ||
		    rec.count != 1 || rec.member[0].ip != ADDRESS(i)) {
			fail_msg("host %u has lost its name", i);
		}
	}
}

static void every_answer_is_counted(void)
{
	char name[24];

	assert_int_equal(stat("come-back-answers"), put_off);
	for (uint32_t ttl = 300; ttl <= SHORT; ttl += 300) {
		snprintf(name, sizeof(name), "come-back-%u", ttl);
		assert_int_equal(stat(name), by_ttl[ttl / 300]);
		assert_true(by_ttl[ttl / 300] > HOSTS / 20);
	}
}

static void a_million_hosts(void **state)
{
	(void)state;
	sim_world_init(&sim, 1);
	sim.world.log_level = NB_LOG_NOTICE;
	sim.deliver = reply;
	hosts = calloc(HOSTS + 1, sizeof(*hosts));
	assert_non_null(hosts);
	start();
	known_names_first();
	everybody_comes();
	while (now < STILL) {
		second();
	}
	/* the disk has stood still: nobody was lied to, few wait */
	assert_int_equal(done, 0);
	assert_true(put_off > HOSTS - KNOWN - 1000);
	while (done < HOSTS && now < 20000) {
		disk.held = now < SLOW;
		if (!disk.held) {
			disk_finishes();
		}
		second();
	}
	print_message("%" PRIu64 " told to come back, the last name after "
		      "%u s; %" PRIu64 " dropped\n", put_off, now,
		      stat("dropped-store-behind"));
	assert_int_equal(done, HOSTS);
	every_name_is_stored();
	every_answer_is_counted();
	assert_int_equal(stat("source-rate-dropped"), 0);
	talloc_free(door);
	talloc_free(store);
	free(hosts);
	assert_int_equal(sim.timer_count, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
