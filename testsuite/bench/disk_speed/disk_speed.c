/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the disk costs: disk_speed DIR [SECONDS [NAMES]]
 *
 * Batches of 1, 16, 128 and 1000 records are made durable one after the other
 * for that many seconds (3): new names, then random ones among those that are
 * there (NAMES, 100000). Once through disk.h, journal first, and once as one
 * synced transaction of wins.tdb each, which is what the journal has to beat.
 *
 * carried/s is how fast everything came to wins.tdb, the end included in
 * which the rest is carried: what can be kept up for ever.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/batch.h"
#include "store/disk.h"
#include "store/tdbfile.h"

static const uint32_t sizes[] = { 1, 16, 128, 1000 };

static char database[512], journal[512], reserve[512];
static double seconds = 3;
static uint32_t names = 100000;
static uint32_t next_new;

struct subject {
	const char *name;
	void (*open)(struct subject *subject);
	void (*commit)(struct subject *subject, const struct store_batch *b);
	void (*close)(struct subject *subject);
	struct store_backend backend;
	struct tdbfile *file;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void check(int err, const char *message)
{
	if (err != 0) {
		fprintf(stderr, "%s: %s\n", strerror(err),
			message != NULL ? message : "");
		exit(1);
	}
}

/* ---- journal first ---- */

static void done(void *arg, int error)
{
	(void)arg;
	check(error, "commit");
}

static void disk_open(struct subject *subject)
{
	struct store_disk_config config = {
		.database = database,
		.journal = journal,
		.reserve = reserve,
		.durable = true,
	};
	char *message = NULL;

	check(store_disk_open(NULL, &config, &subject->backend, &message),
	      message);
}

static void disk_commit(struct subject *subject, const struct store_batch *b)
{
	subject->backend.commit(subject->backend.priv, b, done, NULL);
	subject->backend.wait(subject->backend.priv);
}

static void disk_close(struct subject *subject)
{
	subject->backend.close(subject->backend.priv);
}

/* ---- the plain transaction ---- */

static void file_open(struct subject *subject)
{
	struct tdbfile_config config = { .path = database, .durable = true };
	char *message = NULL;

	check(tdbfile_open(&config, &subject->file, &message), message);
}

static void file_commit(struct subject *subject, const struct store_batch *b)
{
	check(tdbfile_begin(subject->file), "begin");
	check(tdbfile_changes(subject->file, b), "changes");
	check(tdbfile_end(subject->file), "end");
}

static void file_close(struct subject *subject)
{
	tdbfile_close(subject->file);
}

/* ---- what is made durable ---- */

static void add_record(struct store_batch *batch, uint32_t i, uint32_t change)
{
	struct nb_record rec = {
		.node = NB_H_NODE,
		.expires = 1700000000 + change,
		.version = i + 1,
		.count = 1,
		.member = { { 0x0a000000 + i, NB_SELF, 1700000000 + change } },
	};
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = 0;
	char text[32];

	/* one to one on 32 bits, so that names do not come in order */
	snprintf(text, sizeof(text), "HOST-%08X", i * 2654435761u);
	rec.name = nb_name_make(text, strlen(text), 0x20);
	key_len = dbrec_key_record(key, &rec.name);
	if (!batch_reserve(batch, BATCH_CHANGE_MAX)) {
		check(ENOMEM, "batch");
	}
	batch_add(batch, key, key_len, value,
		  dbrec_encode(value, key, key_len, &rec));
}

static void fill(struct store_batch *batch, uint32_t size, bool fresh)
{
	static uint32_t change;

	batch->len = 0;
	batch->changes = 0;
	for (uint32_t i = 0; i < size; i++) {
		change++;
		add_record(batch, fresh ? next_new++ :
			   (uint32_t)random() % names, change);
	}
}

static void prepare(struct subject *subject)
{
	struct store_batch batch = { .data = NULL };

	unlink(database);
	unlink(journal);
	unlink(reserve);
	subject->open(subject);
	for (next_new = 0; next_new < names;) {
		fill(&batch, 1000, true);
		subject->commit(subject, &batch);
	}
	subject->close(subject);
	batch_free(&batch);
}

static void measure(struct subject *subject, uint32_t size, bool fresh)
{
	struct store_batch batch = { .data = NULL };
	double start = 0, end = 0, worst = 0, busy = 0;
	uint64_t commits = 0;

	subject->open(subject);
	start = end = now();
	while (end < start + seconds) {
		double begin = 0;

		fill(&batch, size, fresh);
		begin = now();
		subject->commit(subject, &batch);
		end = now();
		commits++;
		busy += end - begin;
		worst = end - begin > worst ? end - begin : worst;
	}
	subject->close(subject);
	printf("%-12s %-8s %6u %10.0f %10.0f %9.0f %9.0f %10.0f\n",
	       subject->name, fresh ? "new" : "known", size,
	       (double)commits / busy, (double)commits * size / busy,
	       busy * 1e6 / (double)commits, worst * 1e6,
	       (double)commits * size / (now() - start));
	fflush(stdout);
	batch_free(&batch);
}

int main(int argc, char **argv)
{
	struct subject subjects[] = {
		{ .name = "journal", .open = disk_open, .commit = disk_commit,
		  .close = disk_close },
		{ .name = "transaction", .open = file_open,
		  .commit = file_commit, .close = file_close },
	};

	if (argc < 2) {
		fprintf(stderr, "usage: disk_speed DIR [SECONDS [NAMES]]\n");
		return 2;
	}
	snprintf(database, sizeof(database), "%s/speed.tdb", argv[1]);
	snprintf(journal, sizeof(journal), "%s/speed.journal", argv[1]);
	snprintf(reserve, sizeof(reserve), "%s/speed.reserve", argv[1]);
	seconds = argc > 2 ? atof(argv[2]) : seconds;
	names = argc > 3 ? (uint32_t)atol(argv[3]) : names;
	printf("%-12s %-8s %6s %10s %10s %9s %9s %10s\n", "how", "names",
	       "batch", "commits/s", "changes/s", "mean us", "max us",
	       "carried/s");
	for (unsigned int i = 0; i < 2; i++) {
		prepare(&subjects[i]);
		for (unsigned int k = 0; k < 8; k++) {
			measure(&subjects[i], sizes[k % 4], k < 4);
		}
	}
	unlink(database);
	unlink(reserve);
	return 0;
}
