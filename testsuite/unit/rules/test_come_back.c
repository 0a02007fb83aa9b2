/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Burst handling as microsoft-wins.md 4 has it: the first 100 such answers
 * have a life of 5 minutes, each further 100 have 5 minutes more, up to 50,
 * then 5 again; refreshes, releases and queries are not treated like this.
 * And of registrations only those of a name that nobody has (design.md 4.2).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "rules/client.h"
#include "rules/come_back.h"

#define NOW	1000000
#define HOLDER	0x0a000001u
#define OTHER	0x0a000002u
#define SERVER	0x0a090909u

static void lives_as_specified(void **state)
{
	static const uint32_t minutes[] = { 5, 10, 15, 20, 25,
					    30, 35, 40, 45, 50 };
	uint64_t before = 0;

	(void)state;
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int step = 0; step < 10; step++) {
			for (unsigned int i = 0; i < 100; i++, before++) {
				assert_int_equal(rule_come_back_step(before),
						 step);
				assert_int_equal(rule_come_back_ttl(before),
						 60 * minutes[step]);
			}
		}
	}
	/* however long a burst is */
	for (uint64_t i = 0; i < 10000; i++) {
		uint32_t ttl = rule_come_back_ttl(UINT64_MAX - i);

		assert_true(ttl >= 300 && ttl <= 3000 && ttl % 300 == 0);
	}
}

/* Every form of a record that can stand, from its parts. */
struct form {
	uint8_t type, state, suffix;
	bool is_static, foreign, expired;
};

static struct nb_record record_of(const struct form *form)
{
	int64_t expires = form->is_static ? NB_NEVER :
			  NOW + (form->expired ? -1 : 1000);
	struct nb_record rec = {
		.name = nb_name_make("NAME", 4, form->suffix),
		.type = form->type,
		.state = form->state,
		.is_static = form->is_static,
		.owner = form->foreign ? SERVER : NB_SELF,
		.version = 1,
		.expires = expires,
		.count = form->type == NB_MHOMED ? 2 : 1,
		.member = {
			{ HOLDER, form->foreign ? SERVER : NB_SELF, expires },
			{ HOLDER + 1, form->foreign ? SERVER : NB_SELF,
			  expires },
		},
	};

	return rec;
}

static unsigned int put_off, decided;

static void meet(const struct nb_record *rec, struct nb_event *event,
		 const struct nb_policy *policy)
{
	struct nb_verdict verdict;
	bool claims = event->kind == NB_EV_REGISTER ||
		      event->kind == NB_EV_MREGISTER;
	bool active = rec != NULL &&
		      nb_record_at(rec, NOW).state == NB_ACTIVE;
	bool want = false;

	rule_client(rec, event, policy, NOW, &verdict);
	want = claims && !active && verdict.store == NB_STORE_PUT &&
	       verdict.reply.kind == NB_REPLY_REGISTER &&
	       verdict.reply.rcode == NB_RCODE_OK;
	assert_int_equal(rule_may_come_back(event, &verdict), want);
	decided++;
	put_off += want;
	if (!want) {
		return;
	}
	assert_false(verdict.challenge);
	rule_come_back(event, 250, &verdict);
	assert_int_equal(verdict.store, NB_STORE_NOTHING);
	assert_false(verdict.new_version);
	assert_int_equal(verdict.reply.kind, NB_REPLY_REGISTER);
	assert_int_equal(verdict.reply.rcode, NB_RCODE_OK);
	assert_int_equal(verdict.reply.ttl, 900);
}

/* Every kind of request, group or not, by the holder and by another. */
static void meet_all(const struct nb_record *rec, uint8_t suffix)
{
	struct nb_policy policy = nb_policy_default();
	struct nb_event event = {
		.name = nb_name_make("NAME", 4, suffix),
		.ttl = 300000,
	};

	for (int i = 0; i < 5 * 2 * 2 * 2; i++) {
		event.kind = (uint8_t)(NB_EV_REGISTER + i / 8);
		event.group = i % 2 == 1;
		event.addr = i / 2 % 2 == 1 ? OTHER : HOLDER;
		event.source = event.addr;
		policy.migrate_on = i / 4 % 2 == 1;
		meet(rec, &event, &policy);
	}
}

static void only_names_that_nobody_has(void **state)
{
	static const uint8_t suffixes[] = { 0x00, 0x20, 0x1b, 0x1c, 0x1d,
					    0x1e };

	(void)state;
	assert_int_equal(NB_EV_QUERY, NB_EV_REGISTER + 4);
	for (size_t s = 0; s < sizeof(suffixes); s++) {
		meet_all(NULL, suffixes[s]);
		for (unsigned int i = 0; i < 4 * 3 * 8; i++) {
			struct form form = {
				.type = (uint8_t)(i % 4),
				.state = (uint8_t)(i / 4 % 3),
				.suffix = suffixes[s],
				.is_static = i / 12 % 2,
				.foreign = i / 24 % 2,
				.expired = i / 48 % 2,
			};
			struct nb_record rec = record_of(&form);

			if (form.is_static && (form.state != NB_ACTIVE ||
					       form.expired)) {
				continue;	/* there is none such */
			}
			meet_all(&rec, suffixes[s]);
		}
	}
	print_message("%u decisions, %u may be put off\n", decided, put_off);
	assert_true(put_off > 100);
}

/* protocol.md 1.4: never promise a longer life than was asked for. */
static void no_longer_than_asked(void **state)
{
	static const uint32_t rows[][2] = {
		{ 0, 600 }, { 1, 1 }, { 599, 599 }, { 600, 600 },
		{ 601, 600 }, { UINT32_MAX, 600 },
	};
	struct nb_policy policy = nb_policy_default();
	struct nb_verdict verdict;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nb_event event = {
			.kind = NB_EV_REGISTER,
			.name = nb_name_make("NAME", 4, 0x20),
			.addr = HOLDER,
			.source = HOLDER,
			.ttl = rows[i][0],
		};

		rule_client(NULL, &event, &policy, NOW, &verdict);
		rule_come_back(&event, 100, &verdict);
		assert_int_equal(verdict.reply.ttl, rows[i][1]);
	}
}

/* A decision without a row, as serve_explain() makes for own names. */
static void without_a_row(void **state)
{
	struct nb_event event = { .kind = NB_EV_REGISTER };
	struct nb_verdict verdict = { .row = UINT16_MAX };

	(void)state;
	assert_false(rule_may_come_back(&event, &verdict));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives_as_specified),
		cmocka_unit_test(only_names_that_nobody_has),
		cmocka_unit_test(no_longer_than_asked),
		cmocka_unit_test(without_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
