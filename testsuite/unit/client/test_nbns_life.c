/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of requests of the name service client: tries, WACK (protocol.md
 * 2.5), cancelling in every state, and no memory, descriptor or pending entry
 * left behind after ten thousand of all fates.
 */
#include <dirent.h>
#include <time.h>

#include "unit/client/fixture.h"

/* ---- tries and WACK */

static void test_tries(void **state)
{
	static const struct fake_step script[] = {
		{ 3, FAKE_OK, 0, 0 }, { 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_REFRESH);
	struct nbns_answer answer;

	f->fake->script = script;
	ask.patience.try_msec = 15;
	ask.patience.tries = 2;
	assert_int_equal(ask_run(f, &ask, &answer), ETIMEDOUT);
	while (f->fake->requests < 2) {
		tevent_loop_once(f->ev);
	}
	assert_int_equal(nbns_client_stats(f->client)->sent, 2);

	f->fake->requests = 0;
	ask.patience.tries = 50;	/* a busy machine may take more */
	assert_int_equal(ask_run(f, &ask, &answer), 0);
	assert_true(answer.tries >= 3);
	check_truth(NBNS_REFRESH, &answer);
}

/* All tries are the same datagram, other requests have other ids. */
static void test_same_id(void **state)
{
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_QUERY);
	uint8_t first[2] = { 0, 0 };
	unsigned int equal = 0, following = 0, i = 0;

	ask.patience.try_msec = 5;
	ask.patience.tries = 3;
	for (i = 0; i < 64; i++) {
		struct nbns_answer answer;
		unsigned int id = 0, before = first[0] << 8 | first[1];

		f->fake->requests = 0;
		if (i > 0) {
			ask.patience.tries = 1;
		}
		assert_int_equal(ask_run(f, &ask, &answer), ETIMEDOUT);
		while (f->fake->requests < ask.patience.tries) {
			uint8_t packet[2];

			memcpy(packet, f->fake->packet, 2);
			tevent_loop_once(f->ev);
			if (f->fake->requests > 1) {
				assert_memory_equal(packet, f->fake->packet,
						    2);
			}
		}
		memcpy(first, f->fake->packet, 2);
		id = first[0] << 8 | first[1];
		equal += (id == before);
		following += (id == before + 1);
	}
	/* 64 draws of 65536: once is 0.1 %, three times does not happen */
	assert_true(equal < 3);
	assert_true(following < 3);
}

static uint64_t msec_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A WACK stretches the wait to its TTL: here 9 s, of which 500 ms are used. */
static void test_wack(void **state)
{
	static const struct fake_step scripts[][3] = {
		{ { 1, FAKE_WACK, 9, 0 }, { 1, FAKE_OK, 0, 500 } },
		{ { 1, FAKE_WACK_NULL, 60, 0 }, { 1, FAKE_OK, 0, 500 } },
		{ { 1, FAKE_WACK, 9, 0 }, { 1, FAKE_OK, 6, 500 } },
	};
	struct fixture *f = *state;
	size_t i = 0;

	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct nbns_ask ask = ask_of(f, NBNS_MREGISTER);
		struct nbns_answer answer;

		ask.patience.try_msec = 250;
		f->fake->requests = 0;
		f->fake->script = scripts[i];
		assert_int_equal(ask_run(f, &ask, &answer), 0);
		assert_int_equal(answer.wacks, 1);
		assert_int_equal(answer.tries, 1);
		assert_int_equal(f->fake->requests, 1);
		assert_int_equal(answer.rcode, scripts[i][1].arg);
		assert_int_equal(answer.kind, NBNS_REGISTER_REPLY);
	}
}

/* A second WACK extends: without it the wait would end at 300 ms. */
static void test_wack_twice(void **state)
{
	static const struct fake_step script[] = {
		{ 1, FAKE_WACK, 0, 0 }, { 1, FAKE_WACK, 9, 100 },
		{ 1, FAKE_OK, 0, 600 }, { 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_REGISTER);
	struct nbns_answer answer;

	f->fake->script = script;
	ask.patience.tries = 1;
	ask.patience.wack_min_msec = 300;
	assert_int_equal(ask_run(f, &ask, &answer), 0);
	assert_int_equal(answer.wacks, 2);
	check_truth(NBNS_REGISTER, &answer);
}

/*
 * The cap counts from the first WACK, however many follow and long they ask:
 * the answer at 600 ms comes too late, though the last WACK is of 300 ms.
 */
static void test_wack_cap(void **state)
{
	static const struct fake_step script[] = {
		{ 1, FAKE_WACK, 9, 0 }, { 1, FAKE_WACK, UINT32_MAX, 100 },
		{ 1, FAKE_WACK, 105, 200 }, { 1, FAKE_WACK, 9, 300 },
		{ 1, FAKE_OK, 0, 600 }, { 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_REGISTER);
	struct nbns_answer answer;
	uint64_t start = msec_now();

	f->fake->script = script;
	ask.patience.tries = 1;
	ask.patience.wack_min_msec = 10;
	ask.patience.wack_max_msec = 400;
	assert_int_equal(ask_run(f, &ask, &answer), ETIMEDOUT);
	assert_in_range(msec_now() - start, 395, LONG / 2);
}

/* 2^29 s are 125 * 2^32 ms: a long wait, not none. */
static void test_wack_huge(void **state)
{
	static const struct fake_step script[] = {
		{ 1, FAKE_WACK, 1u << 29, 0 }, { 1, FAKE_OK, 0, 200 },
		{ 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_REGISTER);
	struct nbns_answer answer;

	f->fake->script = script;
	ask.patience.tries = 1;
	ask.patience.wack_min_msec = 10;
	assert_int_equal(ask_run(f, &ask, &answer), 0);
	check_truth(NBNS_REGISTER, &answer);
}

/* TTL 0 waits the lower bound, no less. */
static void test_wack_floor(void **state)
{
	static const struct fake_step script[] = {
		{ 1, FAKE_WACK, 0, 0 }, { 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_RELEASE);
	struct nbns_answer answer;
	uint64_t start = msec_now();

	f->fake->script = script;
	ask.patience.tries = 1;
	ask.patience.wack_min_msec = 200;
	assert_int_equal(ask_run(f, &ask, &answer), ETIMEDOUT);
	assert_in_range(msec_now() - start, 195, LONG / 2);
}

/* The final reply was lost: when the WACK's time is over we ask again. */
static void test_wack_reply_lost(void **state)
{
	static const struct fake_step script[] = {
		{ 1, FAKE_WACK, 0, 0 }, { 2, FAKE_OK, 0, 0 },
		{ 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_REGISTER);
	struct nbns_answer answer;

	f->fake->script = script;
	ask.patience.wack_min_msec = 20;
	assert_int_equal(ask_run(f, &ask, &answer), 0);
	assert_int_equal(answer.tries, 2);
	check_truth(NBNS_REGISTER, &answer);
}

/* A request that is done and not yet freed sends nothing any more. */
static void test_done_is_quiet(void **state)
{
	static const struct fake_step script[] = {
		{ 1, FAKE_OK, 0, 0 }, { 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	struct nbns_ask ask = ask_of(f, NBNS_REGISTER);
	struct nbns_answer answer;
	struct tevent_req *req = NULL;
	uint64_t sent = 0;

	f->fake->script = script;
	ask.patience.try_msec = 250;
	req = nbns_ask_send(f, f->ev, f->client, &ask);
	assert_true(tevent_req_poll(req, f->ev));
	sent = nbns_client_stats(f->client)->sent;
	/* longer than its time was */
	assert_int_equal(ask_run(f, &ask, &answer), ETIMEDOUT);
	assert_int_equal(nbns_client_stats(f->client)->sent, sent + 3);
	assert_int_equal(nbns_ask_recv(req, f, &answer), 0);
	talloc_free(req);
}

/* ---- cancelling */

static void test_cancel(void **state)
{
	static const struct fake_step wack[] = {
		{ 1, FAKE_WACK, 9, 0 }, { 2, FAKE_OK, 0, 0 },
		{ 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	const struct nbns_client_stats *stats = nbns_client_stats(f->client);
	struct nbns_ask ask = ask_of(f, NBNS_REGISTER);
	struct tevent_req *req = NULL;
	size_t blocks = talloc_total_blocks(f);

	/* just sent */
	f->fake->script = wack;
	talloc_free(nbns_ask_send(f, f->ev, f->client, &ask));
	assert_int_equal(nbns_client_pending(f->client), 0);
	while (stats->strays < 1) {	/* its WACK finds nobody */
		tevent_loop_once(f->ev);
	}
	/* under a WACK */
	f->fake->requests = 0;
	req = nbns_ask_send(f, f->ev, f->client, &ask);
	while (stats->wacks < 1) {
		tevent_loop_once(f->ev);
	}
	talloc_free(req);
	assert_int_equal(nbns_client_pending(f->client), 0);
	/* answered, but the answer is not yet delivered */
	req = nbns_ask_send(f, f->ev, f->client, &ask);
	while (stats->answers < 1) {
		tevent_loop_once(f->ev);
	}
	assert_false(tevent_req_is_in_progress(req));
	talloc_free(req);
	/* failed in _send, the error not yet delivered */
	ask.patience.tries = 0;
	talloc_free(nbns_ask_send(f, f->ev, f->client, &ask));
	/* after a retry */
	ask = ask_of(f, NBNS_REGISTER);
	ask.patience.try_msec = 10;
	f->fake->script = NULL;
	f->fake->requests = 0;
	req = nbns_ask_send(f, f->ev, f->client, &ask);
	while (f->fake->requests < 2) {
		tevent_loop_once(f->ev);
	}
	talloc_free(req);
	assert_int_equal(nbns_client_pending(f->client), 0);
	assert_int_equal(talloc_total_blocks(f), blocks);
}

static void kill_client(struct tevent_req *req)
{
	struct fixture *f = tevent_req_callback_data(req, struct fixture);
	struct nbns_answer answer;

	if (f->client != NULL) {
		assert_int_equal(nbns_ask_recv(req, f, &answer), 0);
		TALLOC_FREE(f->client);
	} else {
		assert_int_equal(nbns_ask_recv(req, f, &answer), ECANCELED);
	}
	f->fake->requests++;
	talloc_free(req);
}

/* The first answer's callback frees the client under all other requests. */
static void test_client_gone(void **state)
{
	static const struct fake_step script[] = {
		{ 1, FAKE_OK, 0, 0 }, { 1, FAKE_OK, 0, 0 },
		{ 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	unsigned int i = 0;

	f->fake->script = script;
	for (i = 0; i < 20; i++) {
		struct nbns_ask ask = ask_of(f, kinds[i % KINDS]);
		struct tevent_req *req = NULL;

		req = nbns_ask_send(f, f->ev, f->client, &ask);
		tevent_req_set_callback(req, kill_client, f);
	}
	/* the fake counts requests, the callback ends */
	while (f->fake->requests < 40) {
		tevent_loop_once(f->ev);
	}
	assert_null(f->client);
}

/* ---- nothing is left behind */

struct crowd {
	struct fixture *f;
	unsigned int ended, negative, timeout;
};

static void crowd_ended(struct tevent_req *req)
{
	struct crowd *crowd = tevent_req_callback_data_void(req);
	struct nbns_answer answer = { .rcode = 0 };
	int ret = nbns_ask_recv(req, crowd->f, &answer);

	crowd->ended++;
	if (ret != 0) {
		assert_int_equal(ret, ETIMEDOUT);
		crowd->timeout++;
	} else if (answer.rcode != 0) {
		crowd->negative++;
	}
	talloc_free(answer.names);
	talloc_free(req);
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL) {
		count++;
	}
	closedir(dir);
	return count;
}

/* One of a hundred kinds of fate for each request. */
static void crowd_step(struct crowd *crowd, unsigned int i, unsigned int *sent_)
{
	struct fixture *f = crowd->f;
	struct nbns_ask ask = ask_of(f, kinds[i % KINDS]);
	struct tevent_req *req = NULL;

	if (i % 50 == 7) {	/* nobody is there */
		ask.port = (uint16_t)(f->fake->port ^ 1);
		ask.patience.tries = 2;
		ask.patience.try_msec = 1;
	}
	req = nbns_ask_send(f, f->ev, f->client, &ask);
	assert_non_null(req);
	if (i % 10 == 3) {	/* cancelled at once */
		talloc_free(req);
		return;
	}
	tevent_req_set_callback(req, crowd_ended, crowd);
	(*sent_)++;
}

static void test_ten_thousand(void **state)
{
	/* what the n-th request of a round hears */
	static const struct fake_step script[] = {
		{ 11, FAKE_WRONG_ID, 0, 0 }, { 12, FAKE_WRONG_NAME, 0, 0 },
		{ 13, FAKE_WACK, 9, 0 }, { 14, FAKE_TRUNCATED, 0, 0 },
		{ 15, FAKE_OK, 0, 0 }, { 16, FAKE_OK, 6, 0 },
		{ 17, FAKE_OK, 3, 0 },
		{ 0, FAKE_OK, 0, 0 }, { 0, FAKE_END, 0, 0 },
	};
	struct fixture *f = *state;
	struct crowd crowd = { .f = f };
	size_t bytes = talloc_total_size(f), blocks = talloc_total_blocks(f);
	unsigned int fds = count_fds(), sent_count = 0, i = 0;

	f->fake->script = script;
	for (i = 0; i < 10000; i++) {
		crowd_step(&crowd, i, &sent_count);
		if (i % 100 != 99) {
			continue;
		}
		f->fake->requests = 0;
		while (nbns_client_pending(f->client) > 0 ||
		       crowd.ended < sent_count) {
			tevent_loop_once(f->ev);
		}
	}
	assert_int_equal(crowd.ended, sent_count);
	assert_true(crowd.negative >= 100);
	assert_true(crowd.timeout >= 100);
	assert_int_equal(nbns_client_pending(f->client), 0);
	assert_int_equal(talloc_total_blocks(f), blocks);
	assert_int_equal(talloc_total_size(f), bytes);
	assert_int_equal(count_fds(), fds);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		T(tries), T(same_id), T(wack), T(wack_twice), T(wack_cap),
		T(wack_floor), T(wack_reply_lost), T(wack_huge),
		T(done_is_quiet), T(cancel), T(client_gone), T(ten_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
