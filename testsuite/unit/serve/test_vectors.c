/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Annex A of protocol.md against a whole server: the requests that were
 * captured go in, byte for byte the captured replies come out. Requests that
 * the annex describes without showing them are made here from its words.
 */

#include "scene.h"
#include "sim/golden.h"

#define SERVER 0x0a35390bu	/* 10.53.57.11 */
#define CLIENT 0x0a353917u	/* 10.53.57.23 */
#define PDC 0x0a353963u		/* 10.53.57.99 */

static int start_as_specwins(void **state)
{
	const struct serve_iface iface = { SERVER, 0xffffff00u, 0 };
	struct serve_config config = sim_config();

	(void)state;
	config.own_name[0].name = nb_name_make("SPECWINS", 8, 0x20);
	config.own_names = 1;
	scene_start_with(&config);
	serve_set_ifaces(server->serve, &iface, 1);
	return 0;
}

static void arrives(uint32_t from, const uint8_t *data, size_t len)
{
	serve_turn_begin(server->serve);
	door_datagram(server->door, SERVER, from, 1000, data, len);
	serve_turn_end(server->serve);
}

struct words {
	enum nbns_kind kind;
	uint16_t trn_id;
	uint16_t operation;
	const char *name;
	uint32_t addr;
	uint16_t nb_flags;
};

static void say(const struct words *w)
{
	uint8_t buf[NBNS_MAX];
	struct nb_name name;

	assert_true(nb_name_parse(w->name, &name));
	arrives(CLIENT, buf,
		nbns_encode_request(buf, sizeof(buf), w->kind, w->trn_id,
				    w->operation, &name, 300000, w->nb_flags,
				    w->addr));
}

/* What the annex says was there before the replies without a request. */
static void prepare(void)
{
	static const struct words words[] = {
		{ NBNS_REGISTER, 1, 0x2900, "VECG<00>", CLIENT, 0xe000 },
		{ NBNS_REGISTER, 2, 0x2900, "VECD<1b>", PDC, 0x6000 },
		{ NBNS_REGISTER, 3, 0x2900, "VECD<1c>", CLIENT, 0xe000 },
		{ NBNS_QUERY, 0x100a, 0x0100, "VECG<00>", 0, 0 },
		{ NBNS_REGISTER, 0x100b, 0x2900, "VECG<00>", CLIENT, 0x6000 },
		{ NBNS_QUERY, 0x100f, 0x0100, "VECD<1c>", 0, 0 },
		{ NBNS_REGISTER, 0x1012, 0x2900, "VECE<1b>", CLIENT, 0xe000 },
		{ NBNS_QUERY, 0x101c, 0x0000, "SPECWINS<20>", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		say(&words[i]);
	}
}

static void expect_bytes(const char *title, const uint8_t *want, size_t len)
{
	uint16_t trn_id = (uint16_t)(want[0] << 8 | want[1]);
	const struct sim_reply *reply = sim_take(server, trn_id);

	if (reply == NULL) {
		/* the one that follows a WACK: the holder is silent */
		sim_advance_seconds(&sim, 3);
		reply = sim_take(server, trn_id);
	}
	if (reply == NULL || reply->len != len ||
	    memcmp(reply->data, want, len) != 0) {
		fail_msg("%s: not the captured reply", title);
	}
}

static void annex_a(void **state)
{
	FILE *file = golden_open("nbns_vectors.txt");
	char title[512] = "";
	char line[2048];
	uint8_t buf[1024];
	unsigned int replies = 0;

	(void)state;
	prepare();
	while (fgets(line, sizeof(line), file) != NULL) {
		size_t len = 0;

		if (line[0] == '=') {
			snprintf(title, sizeof(title), "%.500s", line + 2);
		} else if (line[0] == '>') {
			len = golden_hex(line + 2, buf, sizeof(buf));
			arrives(CLIENT, buf, len);
		} else if (line[0] == '<') {
			len = golden_hex(line + 2, buf, sizeof(buf));
			expect_bytes(title, buf, len);
			replies++;
		}
	}
	fclose(file);
	assert_int_equal(replies, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(annex_a, start_as_specwins,
						scene_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
