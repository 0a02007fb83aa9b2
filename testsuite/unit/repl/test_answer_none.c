/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions whose answer is 0 names (protocol.md 4.2): of an owner that is not
 * in our table, or above what we have of it, from any partner and, where
 * wins:only partners is no, from anybody.
 */

#include "stage.h"

static void ask_in_vain(const struct caller *c, uint32_t owner)
{
	static const uint64_t number[] = {
		0, 1, 2, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX,
	};
	struct nb_record rec;

	for (unsigned int min = 0; min < 6; min++) {
		for (unsigned int max = 0; max < 6; max++) {
			say_request(c, owner, number[min], number[max]);
			assert_int_equal(expect_reply(c, owner, &rec), 0);
		}
	}
	expect_ignored(c->link);
}

static void of_nobody(void **state)
{
	struct caller c = call_us(P(1));

	(void)state;
	ask_in_vain(&c, OWNER(1));
	ask_in_vain(&c, 0);
	ask_in_vain(&c, UINT32_MAX);
	ask_in_vain(&c, P(1));
}

static void of_us_when_we_have_none(void **state)
{
	struct caller c = call_us(P(1));

	(void)state;
	ask_in_vain(&c, SIM_SELF);
}

static void by_a_stranger(void **state)
{
	struct caller c;

	stage_setup(state);
	st.config.only_partners = false;
	stage_start();
	c = call_us(STRANGER(1));
	ask_in_vain(&c, OWNER(1));
	ask_in_vain(&c, SIM_SELF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(of_nobody, stage_setup_one,
						stage_teardown),
		cmocka_unit_test_setup_teardown(of_us_when_we_have_none,
						stage_setup_one,
						stage_teardown),
		cmocka_unit_test_teardown(by_a_stranger, stage_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
