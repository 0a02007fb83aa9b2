/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs of the control socket without a socket: what each answers, who
 * may call it, what a dry run says, and what is left when the client has gone
 * before the answer. Expected outcomes are those of design.md 4.3.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "bench.h"
#include "unit/same_record.h"

static struct nb_name named(const char *text)
{
	struct nb_name name;

	assert_true(nb_name_parse(text, &name));
	return name;
}

static enum control_status on_name(struct bench *b, const char *verb,
				   const char *text, uint64_t flags)
{
	struct control_writer *w = request(b, verb);
	struct nb_name name = named(text);

	control_put_name(w, CONTROL_NAME, &name);
	if (flags != 0) {
		control_put_number(w, CONTROL_FLAGS, flags);
	}
	return answer(b);
}

static struct nb_record make(const char *text, uint32_t ip, bool is_static)
{
	int64_t expires = is_static ? NB_NEVER : FAKE_NOW + 1000;
	struct nb_record rec = {
		.name = named(text),
		.node = NB_H_NODE,
		.is_static = is_static,
		.expires = expires,
		.count = 1,
		.member = { { ip, NB_SELF, expires } },
	};

	if (rec.name.type == 0x1c) {
		rec.type = NB_SGROUP;
	}
	return rec;
}

static void have(struct bench *b, const char *text, uint32_t ip,
		 bool is_static)
{
	struct nb_record rec = make(text, ip, is_static);

	fake_put(b->store, &rec);
}

static bool record_in(struct bench *b, enum control_tag tag,
		      struct nb_record *rec)
{
	struct control_field field;

	if (!control_find(&b->reply, tag, &field)) {
		return false;
	}
	control_record(&field, rec);
	return true;
}

static unsigned int count_records(struct bench *b)
{
	struct control_field field = { .data = NULL };
	unsigned int count = 0;

	while (control_next(&b->reply, &field)) {
		count += field.tag == CONTROL_RECORD;
	}
	return count;
}

/* ---- requests as such ---- */

static void test_form_of_requests(void **state)
{
	struct bench *b = *state;
	struct control_writer *w = NULL;
	struct nb_name name = named("A<20>");

	(void)request(b, "record frobnicate");
	assert_int_equal(answer(b), CONTROL_UNKNOWN);
	assert_true(message_has(b, "record frobnicate"));
	(void)request(b, "record show");	/* which one? */
	assert_int_equal(answer(b), CONTROL_BAD_REQUEST);
	w = request(b, "record show");
	control_put_name(w, CONTROL_NAME, &name);
	control_put_name(w, CONTROL_NAME, &name);
	assert_int_equal(answer(b), CONTROL_BAD_REQUEST);
	w = request(b, "record delete");	/* a filter must not be lost */
	control_put_name(w, CONTROL_NAME, &name);
	control_put_number(w, CONTROL_STATE, NB_RELEASED);
	assert_int_equal(answer(b), CONTROL_BAD_REQUEST);
	w = request(b, "server status");
	control_put_number(w, CONTROL_STATUS, 0);
	assert_int_equal(answer(b), CONTROL_BAD_REQUEST);
	control_begin(&b->request, b->out, sizeof(b->out), CONTROL_REQUEST);
	assert_int_equal(answer(b), CONTROL_BAD_REQUEST);
	(void)request(b, "server status");
	b->out[CONTROL_HEAD] = CONTROL_RELEASE + 1;
	assert_int_equal(answer(b), CONTROL_OTHER_RELEASE);
	(void)request(b, "server status");
	b->out[CONTROL_HEAD + 1] = CONTROL_REPLY;
	assert_int_equal(answer(b), CONTROL_BAD_REQUEST);
	assert_int_equal(b->serve->commands, 0);
}

/* design.md 4.3: what only looks, what changes. */
static void test_rights(void **state)
{
	static const char *const look[] = {
		"record list", "record show", "record explain",
		"partner list", "owner list", "server status", "server stats",
		"check database", "check versions", "check names",
		"client list", "client missing",
	};
	struct bench *b = *state;
	enum control_right right = CONTROL_NOTHING;
	const char *name = NULL;
	unsigned int readable = 0;

	for (unsigned int i = 0; control_verb_at(i, &name, &right); i++) {
		bool looks = false;

		for (size_t k = 0; k < sizeof(look) / sizeof(look[0]); k++) {
			looks |= strcmp(look[k], name) == 0;
		}
		readable += looks;
		for (int peer = CONTROL_NOTHING; peer <= CONTROL_ADMIN;
		     peer++) {
			bool may = peer == CONTROL_ADMIN ||
				   (peer == CONTROL_READ && looks);
			enum control_status got = CONTROL_OK;

			if (may && (strncmp(name, "server s", 8) == 0 ||
				    strncmp(name, "check ", 6) == 0 ||
				    strcmp(name, "server backup") == 0)) {
				continue;	/* would really do it */
			}
			(void)request(b, name);
			send_as(b, b, (enum control_right)peer);
			got = (enum control_status)control_number_or(
				&b->reply, CONTROL_STATUS, 999);
			assert_true((got == CONTROL_DENIED) == !may);
		}
	}
	assert_int_equal(readable, sizeof(look) / sizeof(look[0]));
}

/* ---- looking ---- */

static void test_show(void **state)
{
	struct bench *b = *state;
	struct nb_record rec;

	have(b, "FILES<20>", HOST, false);
	assert_int_equal(on_name(b, "record show", "FILES<20>", 0),
			 CONTROL_OK);
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_int_equal(rec.owner, SELF);
	assert_int_equal(rec.member[0].owner, SELF);
	assert_int_equal(rec.expires, FAKE_NOW + 1000);
	assert_int_equal(on_name(b, "record show", "FILES<00>", 0),
			 CONTROL_NOT_FOUND);
	assert_int_equal(on_name(b, "record show", "SERVER<20>", 0),
			 CONTROL_NOT_FOUND);
	assert_true(message_has(b, "this server itself"));
}

/* The wall clock was set: people see its times, never stays never. */
static void test_times_are_the_wall_clocks(void **state)
{
	struct bench *b = *state;
	struct nb_record rec;

	have(b, "FILES<20>", HOST, false);
	have(b, "FIXED<20>", HOST, true);
	fake_wall = FAKE_NOW + 3600;
	on_name(b, "record show", "FILES<20>", 0);
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_int_equal(rec.expires, FAKE_NOW + 1000 + 3600);
	assert_int_equal(rec.member[0].expires, FAKE_NOW + 1000 + 3600);
	on_name(b, "record show", "FIXED<20>", 0);
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_true(rec.expires == NB_NEVER);
	fake_wall = FAKE_NOW + 1;		/* rounding is no step */
	on_name(b, "record show", "FILES<20>", 0);
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_int_equal(rec.expires, FAKE_NOW + 1000);
}

static enum control_status explain(struct bench *b, const char *text,
				   uint32_t as, enum nb_type type)
{
	struct control_writer *w = request(b, "record explain");
	struct nb_name name = named(text);

	control_put_name(w, CONTROL_NAME, &name);
	control_put_number(w, CONTROL_ADDRESS, as);
	control_put_number(w, CONTROL_TYPE, type);
	return answer(b);
}

static bool answer_is(struct bench *b, const char *part)
{
	struct control_field field = { .data = NULL };
	char key[32] = "";
	char text[128];

	while (control_next(&b->reply, &field)) {
		if (field.tag == CONTROL_KEY) {
			control_text(&field, key, sizeof(key));
		}
		if (field.tag == CONTROL_TEXT && strcmp(key, "answer") == 0) {
			control_text(&field, text, sizeof(text));
			return strstr(text, part) != NULL;
		}
	}
	return false;
}

static bool rule_is(struct bench *b, const char *part)
{
	struct control_field field;
	char text[128];

	return control_find(&b->reply, CONTROL_RULE, &field) &&
	       strstr(control_text(&field, text, sizeof(text)), part) != NULL;
}

static void test_explain(void **state)
{
	struct bench *b = *state;
	struct nb_record rec;

	/* 2.3 #7: unknown, stored */
	assert_int_equal(explain(b, "FILES<20>", HOST, NB_UNIQUE), CONTROL_OK);
	assert_true(answer_is(b, "accepted") && rule_is(b, "2.3 #7"));
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_int_equal(rec.member[0].ip, HOST);
	assert_false(record_in(b, CONTROL_BEFORE, &rec));
	/* 2.3 #18: another host holds it */
	have(b, "FILES<20>", HOST, false);
	explain(b, "FILES<20>", HOST2, NB_UNIQUE);
	assert_true(answer_is(b, "asked first") && rule_is(b, "2.3 #18"));
	assert_true(record_in(b, CONTROL_BEFORE, &rec));
	assert_int_equal(rec.member[0].ip, HOST);
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_int_equal(rec.member[0].ip, HOST2);
	assert_int_equal(control_number_or(&b->reply, CONTROL_HOST, 0), HOST);
	/* 2.3 #11: static */
	have(b, "FIXED<20>", HOST, true);
	explain(b, "FIXED<20>", HOST2, NB_UNIQUE);
	assert_true(answer_is(b, "ACT_ERR") && rule_is(b, "2.3 #11"));
	assert_false(record_in(b, CONTROL_RECORD, &rec));
	/* 2.3 #2: G decides the class */
	explain(b, "DOM<1b>", HOST, NB_GROUP);
	assert_true(answer_is(b, "RFS_ERR") && rule_is(b, "2.3 #2"));
	/* 1.6: own names are defended */
	explain(b, "SERVER<20>", HOST, NB_UNIQUE);
	assert_true(answer_is(b, "this server itself"));
	assert_int_equal(b->serve->commands, 0);
}

/* ---- lists ---- */

static unsigned int list_all(struct bench *b, unsigned int *slices)
{
	unsigned int records = 0;
	uint64_t cursor = 0;

	*slices = 0;
	do {
		struct control_writer *w = request(b, "record list");

		if (cursor != 0) {
			control_put_number(w, CONTROL_CURSOR, cursor);
			control_put_number(w, CONTROL_INSTANCE, 77);
		}
		assert_int_equal(answer(b), CONTROL_OK);
		assert_true(b->store->visited <= CONTROL_VISIT_MAX);
		records += count_records(b);
		cursor = control_number_or(&b->reply, CONTROL_CURSOR, 0);
		(*slices)++;
	} while (cursor != 0);
	return records;
}

static void fill(struct bench *b, unsigned int count, unsigned int members)
{
	struct nb_record rec = make("A<20>", HOST, true);
	char text[16];

	rec.type = NB_MHOMED;
	rec.count = (uint8_t)members;
	for (unsigned int i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "N%u", i);
		rec.name = nb_name_make(text, strlen(text), 0x20);
		rec.version = i + 1;
		b->store->rec[i] = rec;
	}
	b->store->count = count;
}

static void test_list_in_slices(void **state)
{
	struct bench *b = *state;
	unsigned int slices = 0;

	assert_int_equal(list_all(b, &slices), 0);
	assert_int_equal(slices, 1);
	fill(b, FAKE_RECORDS, 1);
	assert_int_equal(list_all(b, &slices), FAKE_RECORDS);
	/* a record of one address is under 64 bytes: 64 KiB hold > 1000 */
	assert_true(slices > 5 && slices < FAKE_RECORDS / 1000);
	fill(b, 1000, NB_MEMBERS_MAX);
	assert_int_equal(list_all(b, &slices), 1000);
	assert_true(slices >= 400 * 1000 / CONTROL_FILL);
}

/* Nothing fits the filter: slices come back empty, none looks at too much. */
static void test_list_is_bounded_without_hits(void **state)
{
	struct bench *b = *state;
	struct control_writer *w = NULL;

	fill(b, FAKE_RECORDS, 1);
	w = request(b, "record list");
	control_put_bytes(w, CONTROL_GLOB, "NOBODY*", 7);
	assert_int_equal(answer(b), CONTROL_OK);
	assert_int_equal(count_records(b), 0);
	assert_int_equal(b->store->visited, CONTROL_VISIT_MAX);
	assert_int_equal(control_number_or(&b->reply, CONTROL_CURSOR, 0),
			 CONTROL_VISIT_MAX);
	assert_int_equal(control_number_or(&b->reply, CONTROL_INSTANCE, 0),
			 77);
}

static void test_cursor_of_another_life(void **state)
{
	struct bench *b = *state;
	struct control_writer *w = request(b, "record list");

	control_put_number(w, CONTROL_CURSOR, 5);
	control_put_number(w, CONTROL_INSTANCE, 76);
	assert_int_equal(answer(b), CONTROL_RESTARTED);
}

static void prepare_filters(struct bench *b)
{
	struct nb_record rec = make("ALPHA<20>", HOST, false);

	rec.version = 10;
	fake_put(b->store, &rec);
	rec = make("BETA<00>", HOST2, true);
	rec.version = 20;
	fake_put(b->store, &rec);
	rec = make("BETA<20>.lab", HOST2, false);
	rec.version = 30;
	rec.owner = OTHER;
	rec.state = NB_TOMBSTONE;
	fake_put(b->store, &rec);
	rec = make("GAMMA<1c>", HOST, false);
	rec.version = 40;
	rec.count = 2;
	rec.member[1] = (struct nb_member) { HOST2, OTHER, FAKE_NOW };
	fake_put(b->store, &rec);
}

/* Which of the four, as bits, pass one number filter. */
static unsigned int filtered(struct bench *b, enum control_tag tag,
			     uint64_t number)
{
	struct control_writer *w = request(b, "record list");
	struct control_field field = { .data = NULL };
	unsigned int seen = 0;

	control_put_number(w, tag, number);
	assert_int_equal(answer(b), CONTROL_OK);
	while (control_next(&b->reply, &field)) {
		struct nb_record rec;

		if (field.tag == CONTROL_RECORD) {
			control_record(&field, &rec);
			seen |= 1u << (rec.version / 10 - 1);
		}
	}
	return seen;
}

static unsigned int matching(struct bench *b, enum control_tag tag,
			     const char *bytes)
{
	struct control_writer *w = request(b, "record list");

	control_put_bytes(w, tag, bytes, strlen(bytes));
	assert_int_equal(answer(b), CONTROL_OK);
	return count_records(b);
}

static void test_filters(void **state)
{
	struct bench *b = *state;

	prepare_filters(b);
	assert_int_equal(filtered(b, CONTROL_SUFFIX, 0x20), 1 + 4);
	assert_int_equal(filtered(b, CONTROL_SUFFIX, 0x1c), 8);
	assert_int_equal(filtered(b, CONTROL_TYPE, NB_SGROUP), 8);
	assert_int_equal(filtered(b, CONTROL_STATE, NB_TOMBSTONE), 4);
	assert_int_equal(filtered(b, CONTROL_STATE, NB_ACTIVE), 1 + 2 + 8);
	assert_int_equal(filtered(b, CONTROL_STATIC, 1), 2);
	assert_int_equal(filtered(b, CONTROL_STATIC, 0), 1 + 4 + 8);
	assert_int_equal(filtered(b, CONTROL_OWNER, SELF), 1 + 2 + 8);
	assert_int_equal(filtered(b, CONTROL_OWNER, OTHER), 4);
	assert_int_equal(filtered(b, CONTROL_ADDRESS, HOST2), 2 + 4 + 8);
	assert_int_equal(filtered(b, CONTROL_VERSION_FROM, 30), 4 + 8);
	assert_int_equal(filtered(b, CONTROL_VERSION_TO, 20), 1 + 2);
	assert_int_equal(matching(b, CONTROL_GLOB, "BET?"), 2);
	assert_int_equal(matching(b, CONTROL_GLOB, "*A"), 4);
	assert_int_equal(matching(b, CONTROL_GLOB, "beta"), 0);
	assert_int_equal(matching(b, CONTROL_SCOPE, "lab"), 1);
	assert_int_equal(matching(b, CONTROL_SCOPE, ""), 3);
}

/* ---- changing ---- */

static enum control_status add(struct bench *b, const char *text, uint32_t ip,
			       uint32_t ttl, uint64_t flags)
{
	struct control_writer *w = request(b, "record add");
	struct nb_record rec = make(text, ip, ttl == 0);

	control_put_record(w, CONTROL_RECORD, &rec);
	if (ttl != 0) {
		control_put_number(w, CONTROL_TTL, ttl);
	}
	control_put_number(w, CONTROL_FLAGS, flags);
	return answer(b);
}

static void test_add(void **state)
{
	struct bench *b = *state;
	struct nb_record rec;

	assert_int_equal(add(b, "NEW<20>", HOST, 0, 0), CONTROL_OK);
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_false(record_in(b, CONTROL_BEFORE, &rec));
	assert_true(fake_find(b->store, &rec.name) != NULL);
	rec = *fake_find(b->store, &rec.name);
	assert_true(rec.is_static && rec.expires == NB_NEVER &&
		    rec.owner == NB_SELF && rec.member[0].ip == HOST);
	/* again: nothing to do, and no need to insist */
	assert_int_equal(add(b, "NEW<20>", HOST, 0, 0), CONTROL_UNCHANGED);
	/* another address: the static that stands is protected */
	assert_int_equal(add(b, "NEW<20>", HOST2, 0, 0), CONTROL_CONFLICT);
	assert_true(message_has(b, "static"));
	assert_int_equal(add(b, "NEW<20>", HOST2, 0, CONTROL_YES),
			 CONTROL_OK);
	assert_true(record_in(b, CONTROL_BEFORE, &rec));
	assert_int_equal(rec.member[0].ip, HOST);
	/* dynamic: lives as long as the policy grants */
	assert_int_equal(add(b, "DYN<20>", HOST, 7 * 3600, 0), CONTROL_OK);
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_int_equal(rec.expires, FAKE_NOW + 7 * 3600);
	assert_int_equal(rec.owner, SELF);
	/* a living record is not replaced by a slip of the hand */
	assert_int_equal(add(b, "DYN<20>", HOST2, 0, 0), CONTROL_CONFLICT);
	assert_int_equal(add(b, "SERVER<20>", HOST, 0, 0), CONTROL_REFUSED);
	assert_int_equal(add(b, "DOM<1d>", HOST, 0, CONTROL_YES),
			 CONTROL_REFUSED);
}

static void test_add_of_nonsense(void **state)
{
	struct bench *b = *state;
	struct control_writer *w = NULL;
	struct nb_record rec = make("NEW<20>", HOST, true);

	assert_int_equal(add(b, "NEW<20>", 0, 0, 0), CONTROL_BAD_REQUEST);
	assert_int_equal(add(b, "NEW<20>", 0xe0000001, 0, 0),
			 CONTROL_BAD_REQUEST);
	w = request(b, "record add");		/* static with a life */
	control_put_record(w, CONTROL_RECORD, &rec);
	control_put_number(w, CONTROL_TTL, 3600);
	assert_int_equal(answer(b), CONTROL_BAD_REQUEST);
	rec.count = 0;
	w = request(b, "record add");
	control_put_record(w, CONTROL_RECORD, &rec);
	assert_int_equal(answer(b), CONTROL_BAD_REQUEST);
	rec = make("NEW<20>", HOST, true);
	rec.type = NB_MHOMED;
	rec.count = 2;
	rec.member[1] = rec.member[0];		/* the same address twice */
	w = request(b, "record add");
	control_put_record(w, CONTROL_RECORD, &rec);
	assert_int_equal(answer(b), CONTROL_BAD_REQUEST);
	assert_int_equal(b->store->count, 0);
}

static void test_protection(void **state)
{
	static const char *const verbs[] = {
		"record delete", "record tombstone", "record release",
		"record touch",
	};
	static const char *const names[] = {
		"FIXED<20>", "DOM<1b>", "DOM<1c>", "DOM<1e>", "SERVER<20>",
	};
	struct bench *b = *state;

	have(b, "FIXED<20>", HOST, true);
	have(b, "DOM<1b>", HOST, false);
	have(b, "DOM<1c>", HOST, false);
	have(b, "DOM<1e>", HOST, false);
	have(b, "SERVER<20>", HOST, false);
	have(b, "PLAIN<20>", HOST, false);
	for (size_t v = 0; v < 4; v++) {
		for (size_t n = 0; n < 5; n++) {
			assert_int_equal(on_name(b, verbs[v], names[n], 0),
					 CONTROL_CONFLICT);
			assert_int_equal(on_name(b, verbs[v], names[n],
						 CONTROL_YES |
						 CONTROL_DRY_RUN),
					 CONTROL_OK);
		}
		assert_int_equal(on_name(b, verbs[v], "PLAIN<20>",
					 CONTROL_DRY_RUN), CONTROL_OK);
		assert_int_equal(on_name(b, verbs[v], "NOBODY<20>", 0),
				 CONTROL_NOT_FOUND);
	}
	assert_int_equal(b->serve->commands, 0);
}

static void test_changes(void **state)
{
	struct bench *b = *state;
	struct nb_record rec;

	have(b, "A<20>", HOST, false);
	assert_int_equal(on_name(b, "record touch", "A<20>", 0), CONTROL_OK);
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_int_equal(rec.version, 2);
	assert_true(record_in(b, CONTROL_BEFORE, &rec));
	assert_int_equal(rec.version, 1);
	assert_int_equal(on_name(b, "record release", "A<20>", 0),
			 CONTROL_OK);
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_int_equal(rec.state, NB_RELEASED);
	assert_int_equal(on_name(b, "record release", "A<20>", 0),
			 CONTROL_UNCHANGED);
	assert_int_equal(on_name(b, "record tombstone", "A<20>", 0),
			 CONTROL_OK);
	assert_true(record_in(b, CONTROL_RECORD, &rec));
	assert_int_equal(rec.state, NB_TOMBSTONE);
	assert_int_equal(on_name(b, "record delete", "A<20>", 0), CONTROL_OK);
	assert_false(record_in(b, CONTROL_RECORD, &rec));
	assert_true(record_in(b, CONTROL_BEFORE, &rec));
	assert_int_equal(b->store->count, 0);
}

/* A touch of somebody else's record: versions only for what we own. */
static void test_touch_of_a_replica(void **state)
{
	struct bench *b = *state;
	struct nb_record rec = make("REPL<20>", HOST, false);

	rec.owner = OTHER;
	fake_put(b->store, &rec);
	assert_int_equal(on_name(b, "record touch", "REPL<20>", CONTROL_YES),
			 CONTROL_REFUSED);
}

/* Field by field the same but for the version, which only a put can give. */
static void test_dry_run_equals_real_run(void **state)
{
	struct bench *b = *state;
	struct nb_record dry;
	struct nb_record real;
	uint8_t dry_frame[512];
	size_t dry_len = 0;

	have(b, "A<20>", HOST, false);
	on_name(b, "record release", "A<20>", CONTROL_DRY_RUN);
	assert_true(record_in(b, CONTROL_RECORD, &dry));
	dry_len = b->reply.len;
	assert_true(dry_len < sizeof(dry_frame));
	memcpy(dry_frame, b->reply.body, dry_len);
	assert_int_equal(b->serve->commands, 0);
	on_name(b, "record release", "A<20>", 0);
	assert_int_equal(b->serve->commands, 1);
	assert_true(record_in(b, CONTROL_RECORD, &real));
	dry.version = real.version;
	assert_same_record(&dry, &real);
	assert_int_equal(b->reply.len, dry_len);
}

static void test_commit_fails(void **state)
{
	struct bench *b = *state;

	have(b, "A<20>", HOST, false);
	b->serve->error = ENOSPC;
	assert_int_equal(on_name(b, "record release", "A<20>", 0),
			 CONTROL_FAILED);
	assert_true(message_has(b, "No space left"));
}

/* ---- the client goes before the answer comes ---- */

static void hold_release(struct bench *b, TALLOC_CTX *client)
{
	struct control_writer *w = request(b, "record release");
	struct nb_name name = named("A<20>");

	have(b, "A<20>", HOST, false);
	control_put_name(w, CONTROL_NAME, &name);
	b->serve->hold = true;
	send_as(b, client, CONTROL_ADMIN);
	assert_int_equal(b->replies, 0);
}

static void test_answer_comes_later(void **state)
{
	struct bench *b = *state;
	TALLOC_CTX *client = talloc_new(b);

	hold_release(b, client);
	memset(b->out, 0xff, sizeof(b->out));	/* the request is gone */
	fake_let_go(b->serve);
	assert_int_equal(b->replies, 1);
	assert_int_equal(talloc_total_blocks(client), 1);
	assert_int_equal(talloc_total_blocks(b->serve), 1);
}

static void test_client_vanishes(void **state)
{
	struct bench *b = *state;
	TALLOC_CTX *client = talloc_new(b);

	hold_release(b, client);
	talloc_free(client);
	fake_let_go(b->serve);
	assert_int_equal(b->replies, 0);
	assert_int_equal(b->store->rec[0].state, NB_RELEASED);
	assert_int_equal(talloc_total_blocks(b->serve), 1);
}

static void test_serve_ends_first(void **state)
{
	struct bench *b = *state;
	TALLOC_CTX *client = talloc_new(b);

	hold_release(b, client);
	TALLOC_FREE(b->serve);
	talloc_free(client);
	assert_int_equal(b->replies, 0);
}

static void free_client(void *arg, const uint8_t *frame, size_t len)
{
	TALLOC_CTX **client = arg;

	(void)frame;
	(void)len;
	TALLOC_FREE(*client);
}

static void test_client_is_freed_by_its_reply(void **state)
{
	struct bench *b = *state;
	TALLOC_CTX *client = talloc_new(b);
	size_t len = 0;

	(void)request(b, "server status");
	len = control_end(&b->request);
	assert_int_equal(control_call(client, &b->context, CONTROL_ADMIN,
				      b->out + CONTROL_HEAD,
				      len - CONTROL_HEAD, free_client,
				      &client), 0);
	assert_null(client);
}

static void test_ten_thousand_vanish(void **state)
{
	struct bench *b = *state;
	size_t before = 0;

	have(b, "A<20>", HOST, false);
	before = talloc_total_size(b);
	b->serve->hold = true;
	for (unsigned int i = 0; i < 10000; i++) {
		struct control_writer *w = request(b, "record touch");
		struct nb_name name = named("A<20>");
		TALLOC_CTX *client = talloc_new(b);

		control_put_name(w, CONTROL_NAME, &name);
		send_as(b, client, CONTROL_ADMIN);
		if (i % 2 == 0) {
			talloc_free(client);
			fake_let_go(b->serve);
		} else {
			fake_let_go(b->serve);
			talloc_free(client);
		}
	}
	assert_int_equal(b->replies, 5000);
	assert_int_equal(talloc_total_size(b), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_form_of_requests),
		TEST(test_rights),
		TEST(test_show),
		TEST(test_times_are_the_wall_clocks),
		TEST(test_explain),
		TEST(test_list_in_slices),
		TEST(test_list_is_bounded_without_hits),
		TEST(test_cursor_of_another_life),
		TEST(test_filters),
		TEST(test_add),
		TEST(test_add_of_nonsense),
		TEST(test_protection),
		TEST(test_changes),
		TEST(test_touch_of_a_replica),
		TEST(test_dry_run_equals_real_run),
		TEST(test_commit_fails),
		TEST(test_answer_comes_later),
		TEST(test_client_vanishes),
		TEST(test_serve_ends_first),
		TEST(test_client_is_freed_by_its_reply),
		TEST(test_ten_thousand_vanish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
