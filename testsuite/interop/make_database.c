/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * make_database FILE COUNT: a wins.tdb with that many records, N0000000<20>
 * and so on, unique, active for years, each at an address of its own. Made by
 * the store itself, so that tests of scale need not register for a minute.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>

#include "sim/simworld.h"
#include "store/disk.h"
#include "store/store.h"

#define TURN 20000u

static void committed(void *arg, int error)
{
	if (error != 0) {
		fprintf(stderr, "commit: %s\n", strerror(error));
		exit(1);
	}
	*(unsigned int *)arg += 1;
}

static int put(struct store *store, unsigned int n, int64_t now)
{
	char text[NB_NAME_MAX + 1];
	struct nb_record rec = {
		.node = NB_H_NODE,
		.expires = now + 5 * 365 * 86400,
		.count = 1,
		.member = { { 0x0a800000u + n, NB_SELF,
			      now + 5 * 365 * 86400 } },
	};

	snprintf(text, sizeof(text), "N%07u", n);
	rec.name = nb_name_make(text, strlen(text), 0x20);
	return store_put(store, &rec, true);
}

int main(int argc, char **argv)
{
	struct sim_world sim;
	char journal[4096], reserve[4096];
	struct store_disk_config config = {
		.journal = journal,
		.reserve = reserve,
	};
	struct store_backend backend;
	struct store *store = NULL;
	char *message = NULL;
	unsigned int count = argc == 3 ? (unsigned int)atoi(argv[2]) : 0;
	unsigned int turns = 0;
	int stem = 0;

	if (count == 0) {
		fprintf(stderr, "usage: make_database FILE COUNT\n");
		return 2;
	}
	sim_world_init(&sim, 1);
	/* where a server looks for them: on a slow disk the journal stays */
	stem = (int)strlen(argv[1]) - (int)strlen(".tdb");
	stem = stem > 0 ? stem : 0;
	snprintf(journal, sizeof(journal), "%.*s.journal", stem, argv[1]);
	snprintf(reserve, sizeof(reserve), "%.*s.reserve", stem, argv[1]);
	config.database = argv[1];
	if (store_disk_open(NULL, &config, &backend, &message) != 0 ||
	    store_create(NULL, &sim.world, &backend, &store, &message) != 0) {
		fprintf(stderr, "%s\n", message);
		return 1;
	}
	for (unsigned int n = 0; n < count;) {
		store_begin(store);
		for (unsigned int end = n + TURN; n < end && n < count; n++) {
			if (put(store, n, sim.start) != 0) {
				fprintf(stderr, "put failed\n");
				return 1;
			}
		}
		store_commit(store, committed, &turns);
		store_wait(store);
	}
	talloc_free(store);
	talloc_free(backend.priv);
	unlink(reserve);
	printf("%u records in %u turns\n", count, turns);
	return 0;
}
