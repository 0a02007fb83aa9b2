/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks for what, written down by a server whose memory runs out once: it
 * is in the file all the same, for what failed is tried again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "faults/alloc.h"
#include "faults/alloc_server.h"
#include "wins/usage_file.h"
#include "wins/usage_keep.h"

static void must(bool truth, const char *what)
{
	if (!truth) {
		alloc_tell();
		fail_msg("%s", what);
	}
}

static void usage_query(void)
{
	struct sim_request request = {
		.kind = NBNS_QUERY,
		.trn_id = 1,
		.name = "NOBODY<20>",
		.from = SIM_HOST(1),
	};

	alloc_pause();
	sim_request(server, &request);
	sim_forget(server);
	alloc_resume();
}

/* Written twice on the way and at the end: one of these works. */
static int usage_life(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		      const char *path)
{
	struct usage_keep *keep = NULL;
	int err = usage_keep_create(mem_ctx, ev, &sim.world,
				    server->serve, path, &keep);

	for (unsigned int i = 0; i < 2 && err == 0; i++) {
		usage_query();
		sim_advance_seconds(&sim, USAGE_KEEP_SECONDS);
		(void)tevent_loop_wait(ev);
	}
	talloc_free(keep);
	return err;
}

static void usage_once(void *arg, unsigned int n)
{
	struct serve_config config = sim_config();
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct tevent_context *ev = tevent_context_init(mem_ctx);
	struct usage_image image = { .head.format = 0 };
	/* syncing is not what is looked at, and there are a thousand */
	char top[40] = "/dev/shm/winsd-test-XXXXXX";
	char path[64];
	bool hit = false;
	int err = 0;

	(void)arg;
	config.usage = USAGE_OF_CLIENTS;
	sim_world_init(&sim, 1);
	alloc_calm_world(&sim);
	server = sim_server_start(mem_ctx, &sim, &config);
	alloc_calm_server(server);
	if (mkdtemp(top) == NULL) {
		strcpy(top, "/tmp/winsd-test-XXXXXX");
		assert_non_null(mkdtemp(top));
	}
	(void)snprintf(path, sizeof(path), "%s/usage.tdb", top);
	alloc_begin(n);
	err = usage_life(mem_ctx, ev, path);
	hit = alloc_end();
	must(err == 0 || (hit && err == ENOMEM), "another end");
	must(usage_life(mem_ctx, ev, path) == 0, "nor the next time");
	must(usage_file_read(path, &image) == 0, "not written");
	must(image.part[USAGE_PART_CLIENTS].len == USAGE_ENTRY_LEN,
	     "not what was counted");
	usage_image_empty(&image);
	sim_server_stop(server);
	sim_world_end(&sim);
	talloc_free(mem_ctx);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(top), 0);
}

static void usage(void **state)
{
	alloc_each("usage", usage_once, *state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage),
	};

	if (!alloc_works()) {
		fprintf(stderr, "not in this build\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
