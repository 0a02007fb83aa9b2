/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of the commands share: a server of fakes, one request at a
 * time, and looking into its reply. Include it last, after cmocka.
 */
#ifndef WINSD_TEST_CONTROL_BENCH_H
#define WINSD_TEST_CONTROL_BENCH_H

#include <errno.h>

#include "fakes.h"

#define SELF 0xc0000201u	/* 192.0.2.1 */
#define OTHER 0xc0000202u
#define HOST 0xc000020au	/* 192.0.2.10 */
#define HOST2 0xc000020bu

struct bench {
	struct store *store;
	struct serve *serve;
	struct control_context context;
	struct control_writer request;
	uint8_t out[CONTROL_FRAME_MAX];
	uint8_t in[CONTROL_FRAME_MAX];
	struct control_reader reply;
	unsigned int replies;
	bool reload_fails;
	bool stopped;
	void (*backed_up)(void *arg, int error, uint64_t records,
			  const char *text);
	void *backup_arg;
};

static inline int reload(void *priv, TALLOC_CTX *mem_ctx, char **message)
{
	struct bench *b = priv;

	*message = talloc_strdup(mem_ctx, "winsd.conf:3: no such option");
	return b->reload_fails ? EINVAL : 0;
}

static inline void stop(void *priv)
{
	((struct bench *)priv)->stopped = true;
}

static inline void backup(void *priv,
			  void (*done)(void *arg, int error, uint64_t records,
				       const char *text),
			  void *arg)
{
	struct bench *b = priv;

	b->backed_up = done;
	b->backup_arg = arg;
}

static inline bool stat_at(void *priv, unsigned int index, const char **name,
			   uint64_t *value)
{
	(void)priv;
	*name = "datagrams";
	*value = 12;
	return index == 0;
}

static inline int setup(void **state)
{
	struct bench *b = talloc_zero(NULL, struct bench);

	b->store = talloc_zero(b, struct store);
	b->serve = talloc_zero(b, struct serve);
	b->serve->store = b->store;
	b->context = (struct control_context) {
		.world = &fake_world,
		.store = b->store,
		.serve = b->serve,
		.self = SELF,
		.version = "0.1",
		.state = "running",
		.started = FAKE_NOW - 90,
		.instance = 77,
		.priv = b,
		.reload = reload,
		.stop = stop,
		.stat_at = stat_at,
		.backup = backup,
		.backup_sight = fake_backup_sight,
	};
	fake_wall = FAKE_NOW;
	fake_health = STORE_OK;
	fake_backups = (struct control_backups) { .next = NB_NEVER };
	*state = b;
	return 0;
}

static inline int teardown(void **state)
{
	talloc_free(*state);
	return 0;
}

static inline void take_reply(void *arg, const uint8_t *frame, size_t len)
{
	struct bench *b = arg;

	assert_true(len > CONTROL_HEAD && len <= CONTROL_FRAME_MAX);
	memcpy(b->in, frame, len);
	assert_int_equal(control_body_len(frame, CONTROL_REPLY_MAX),
			 len - CONTROL_HEAD);
	assert_int_equal(control_open(&b->reply, b->in + CONTROL_HEAD,
				      len - CONTROL_HEAD, CONTROL_REPLY),
			 CONTROL_GOOD);
	b->replies++;
}

static inline struct control_writer *request(struct bench *b, const char *verb)
{
	control_begin(&b->request, b->out, sizeof(b->out), CONTROL_REQUEST);
	control_put_text(&b->request, CONTROL_VERB, verb);
	return &b->request;
}

static inline void send_as(struct bench *b, TALLOC_CTX *client,
			   enum control_right right)
{
	size_t len = control_end(&b->request);

	assert_true(len > 0);
	assert_int_equal(control_call(client, &b->context, right,
				      b->out + CONTROL_HEAD,
				      len - CONTROL_HEAD, take_reply, b), 0);
}

/* Send what request() began; the status of its reply. */
static inline enum control_status answer(struct bench *b)
{
	unsigned int before = b->replies;
	TALLOC_CTX *client = talloc_new(b);

	send_as(b, client, CONTROL_ADMIN);
	assert_int_equal(b->replies, before + 1);
	talloc_free(client);
	return (enum control_status)control_number_or(&b->reply,
						      CONTROL_STATUS, 999);
}

static inline bool message_has(struct bench *b, const char *part)
{
	struct control_field field;
	char text[256];

	return control_find(&b->reply, CONTROL_MESSAGE, &field) &&
	       strstr(control_text(&field, text, sizeof(text)), part) != NULL;
}

static inline uint64_t value_of(struct bench *b, const char *key)
{
	struct control_field field = { .data = NULL };
	char text[64] = "";

	while (control_next(&b->reply, &field)) {
		if (field.tag == CONTROL_KEY) {
			control_text(&field, text, sizeof(text));
		} else if (strcmp(text, key) == 0) {
			return control_number(&field);
		}
	}
	fail_msg("no value %s", key);
	return 0;
}

static inline const char *text_of(struct bench *b, const char *key)
{
	static char value[256];
	struct control_field field = { .data = NULL };
	char text[64] = "";

	while (control_next(&b->reply, &field)) {
		if (field.tag == CONTROL_KEY) {
			control_text(&field, text, sizeof(text));
		} else if (strcmp(text, key) == 0) {
			return control_text(&field, value, sizeof(value));
		}
	}
	return NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
