/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The power goes, at any moment: of many recorded lives of a store, thousands
 * of disks as they may be found afterwards (remains.h), each opened and judged
 * (judge.h). Some recoveries are recorded too, and crash in turn.
 *
 * Workers are processes, each with lives of its own. What an image was found
 * guilty of is printed, and the image is kept. The threads of a store run as
 * they like, so a seed gives the same turns and the same dice but not quite the
 * same log; the kept image is the evidence.
 *
 * The campaign must be able to fail: it does so when nothing is synced, and
 * when the syncs of the journal, of the file or of the folder are lies.
 *
 * SEED, IMAGES and JOBS in the environment change what is done.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faults/judge.h"
#include "faults/shim.h"

#define IMAGES_USUAL	5000u
#define IMAGES_LIFE	250u		/* of each recorded life */
#define TURNS		200u		/* in it */
#define WORKERS		32u

/* What all workers together have reached; in shared memory. */
struct tally {
	unsigned int lives;
	unsigned int events;
	unsigned int images;
	unsigned int by_mode[REMAINS_MODES];
	unsigned int recoveries;	/* recorded, */
	unsigned int again;		/* images of them */
	unsigned int backups;		/* images with them looked at */
	unsigned int journals;		/* images with one to read */
	unsigned int grown;		/* lives in which the ring grew */
	unsigned int pending;		/* most changes that could be lost */
	unsigned int bad;
	char first[700];
};

struct campaign {
	uint64_t seed;
	unsigned int images;
	bool durable;
	const char *lie;
	bool is_expected;		/* that images are bad */
	struct tally *tally;		/* one for each worker */
};

static char base[200];			/* folder of all folders */

static unsigned int number_of(const char *name, unsigned int usual)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned int)strtoul(text, NULL, 0) : usual;
}

/* ---- one worker ---- */

struct worker {
	const struct campaign *campaign;
	struct tally *tally;
	struct dice dice;
	char live[250], found[250], again[250];
};

static void clean_all(const struct worker *w)
{
	const char *folders[] = { w->live, w->found, w->again };

	for (unsigned int i = 0; i < 3; i++) {
		remains_clean(folders[i]);
		rmdir(folders[i]);
	}
}

/* Write the image once more, where it stays. */
static void convict(struct worker *w, const struct remains *image,
		    enum remains_mode mode, struct dice dice, size_t at,
		    const char *what)
{
	char kept[300];

	if (getenv("VERBOSE") != NULL) {
		fprintf(stderr, "# before event %zu, %s: %s\n", at,
			remains_mode_name(mode), what);
	}
	if (w->tally->bad++ > 0 || w->campaign->is_expected) {
		return;
	}
	snprintf(kept, sizeof(kept), "%s/bad-%d", base, (int)getpid());
	remains_clean(kept);
	remains_write(image, mode, &dice, kept);
	snprintf(w->tally->first, sizeof(w->tally->first),
		 "%s (before event %zu, %s, in %s)", what, at,
		 remains_mode_name(mode), kept);
}

/* An image that is to be judged. */
struct finding {
	const struct shim_log *log;	/* it is of */
	size_t at;
	enum remains_mode mode;
};

/*
 * The recovery of an image was recorded: crash in it. What was found is what
 * the disk has; but if only the process had been killed, what it had not
 * synced still only seems to be there.
 */
static void crash_again(struct worker *w, const struct finding *found,
			const struct shim_log *log,
			const struct history *history)
{
	struct shim_log *joined = found->mode != REMAINS_KEPT ? NULL :
				  remains_join(found->log, found->at, log);
	struct remains *image = remains_create(joined != NULL ? joined : log);
	size_t offset = joined != NULL ? found->at - log->begin : 0;
	size_t at = log->begin;

	w->tally->recoveries++;
	for (unsigned int left = 6; left > 0; left--) {
		enum remains_mode mode = remains_draw_mode(&w->dice);
		struct dice dice;
		const char *bad = NULL;

		at += dice_below(&w->dice, (uint32_t)(log->count - at) / left +
					   2);
		at = at < log->count ? at : log->count;
		remains_advance(image, at + offset);
		remains_clean(w->again);
		dice = w->dice;
		remains_write(image, mode, &w->dice, w->again);
		bad = judge_image(w->again, history, at, dice_next(&w->dice),
				  NULL);
		w->tally->again++;
		if (bad != NULL) {
			convict(w, image, mode, dice, at, bad);
		}
	}
	remains_free(image);
	if (joined != NULL) {
		remains_unjoin(joined);
	}
}

static const char *look_at(struct worker *w, const struct finding *found,
			   const struct history *history)
{
	bool is_recorded = found->mode == REMAINS_KEPT ||
			   dice_below(&w->dice, 16) == 0;
	struct history *after = NULL;
	struct shim_log *log = NULL;
	const char *bad = NULL;

	if (dice_below(&w->dice, 8) == 0) {
		w->tally->backups++;
		bad = judge_backups(w->found, history, found->at);
	}
	if (bad != NULL) {
		return bad;
	}
	if (is_recorded) {
		shim_watch(w->found);
		shim_record();
	}
	bad = judge_image(w->found, history, found->at, dice_next(&w->dice),
			  &after);
	log = shim_recorded();
	shim_watch(NULL);
	if (log != NULL && bad == NULL) {
		crash_again(w, found, log, after);
	}
	shim_log_free(log);
	history_free(after);
	return bad;
}

static void take_images(struct worker *w, const struct shim_log *log,
			const struct history *history, unsigned int images)
{
	struct remains *image = remains_create(log);
	struct finding found = { log, log->begin, REMAINS_KEPT };

	for (unsigned int left = images; left > 0; left--) {
		uint32_t range = 2 * (uint32_t)((log->count - found.at) / left);
		unsigned int pending = 0;
		struct dice dice;
		const char *bad = NULL;

		found.mode = remains_draw_mode(&w->dice);
		found.at += dice_below(&w->dice, range + 2);
		found.at = found.at < log->count ? found.at : log->count;
		remains_advance(image, found.at);
		pending = remains_pending(image);
		if (pending > w->tally->pending) {
			w->tally->pending = pending;
		}
		remains_clean(w->found);
		dice = w->dice;
		remains_write(image, found.mode, &w->dice, w->found);
		bad = look_at(w, &found, history);
		w->tally->images++;
		w->tally->by_mode[found.mode]++;
		if (bad != NULL) {
			convict(w, image, found.mode, dice, found.at, bad);
		}
		if (bad != NULL && w->campaign->is_expected) {
			break;
		}
	}
	remains_free(image);
}

/* A life is lived and recorded, then judged at many of its moments. */
static void live_and_crash(struct worker *w, unsigned int images)
{
	static const char *const slow[] = { "wins.tdb", "wins", "none" };
	struct history *history = history_create();
	struct shim_log *log = NULL;
	const char *bad = NULL;
	struct life life;

	remains_clean(w->live);
	shim_watch(w->live);
	shim_record();
	shim_lie(w->campaign->lie);
	life_init(&life, w->live, history, dice_next(&w->dice));
	if (!w->campaign->durable) {
		life_not_durable(&life);
	}
	shim_slow(slow[dice_below(&w->dice, 3)], 1500);
	life_run(&life, TURNS);
	shim_slow(NULL, 0);
	shim_lie(NULL);
	log = shim_recorded();
	shim_watch(NULL);
	w->tally->lives++;
	w->tally->grown += life.journal_largest > life.config.journal_size;
	w->tally->events += (unsigned int)log->count;
	bad = remains_compare(log, w->live);
	if (bad != NULL) {
		fprintf(stderr, "the shim has gaps: %s\n", bad);
		abort();
	}
	take_images(w, log, history, images);
	shim_log_free(log);
	history_free(history);
}

static void work(const struct campaign *campaign, unsigned int number,
		 unsigned int images)
{
	struct worker w = {
		.campaign = campaign,
		.tally = &campaign->tally[number],
		.dice = { campaign->seed + 0x10001u * number },
	};

	snprintf(w.live, sizeof(w.live), "%s/%u.live", base, number);
	snprintf(w.found, sizeof(w.found), "%s/%u.found", base, number);
	snprintf(w.again, sizeof(w.again), "%s/%u.again", base, number);
	/* memory that was had once is kept */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	while (images > 0) {
		unsigned int now = images < IMAGES_LIFE ? images : IMAGES_LIFE;

		live_and_crash(&w, now);
		images -= now;
		if (w.tally->bad > 0) {
			break;
		}
	}
	w.tally->journals = judge_journals;
	clean_all(&w);
}

/* ---- all workers ---- */

static void add_up(struct tally *sum, const struct tally *one)
{
	sum->lives += one->lives;
	sum->events += one->events;
	sum->images += one->images;
	sum->recoveries += one->recoveries;
	sum->again += one->again;
	sum->backups += one->backups;
	sum->journals += one->journals;
	sum->grown += one->grown;
	sum->pending = one->pending > sum->pending ? one->pending :
						     sum->pending;
	for (unsigned int i = 0; i < REMAINS_MODES; i++) {
		sum->by_mode[i] += one->by_mode[i];
	}
	if (sum->bad == 0 && one->bad > 0) {
		memcpy(sum->first, one->first, sizeof(sum->first));
	}
	sum->bad += one->bad;
}

static void run_workers(struct campaign *campaign, unsigned int workers)
{
	pid_t pid[WORKERS];
	int status = 0;

	for (unsigned int i = 0; i < workers; i++) {
		fflush(NULL);
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0) {
			work(campaign, i, campaign->images / workers +
					  (i < campaign->images % workers));
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < workers; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		if (status != 0) {
			fail_msg("worker %u ended with status %#x; SEED=%llu",
				 i, status, (unsigned long long)campaign->seed);
		}
	}
}

static void print_tally(const struct tally *sum, double seconds)
{
	print_message("# %u images of %u lives (%u events) in %.1f s: %.0f/s\n",
		      sum->images + sum->again, sum->lives, sum->events,
		      seconds, (sum->images + sum->again) / seconds);
	print_message("# up to %u changes at risk; %u with a journal to read, "
		      "%u with backups; the ring grew in %u lives\n",
		      sum->pending, sum->journals, sum->backups, sum->grown);
	for (unsigned int i = 0; i < REMAINS_MODES; i++) {
		print_message("# %8s: %u\n", remains_mode_name(i),
			      sum->by_mode[i]);
	}
	print_message("# %u recoveries crashed too: %u images\n",
		      sum->recoveries, sum->again);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct tally run(struct campaign campaign)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int workers = number_of("JOBS", cpus > 1 ? (unsigned int)cpus :
							    1);
	size_t size = WORKERS * sizeof(struct tally);
	struct tally sum = { 0 };
	double begin = now();

	workers = workers < WORKERS ? workers : WORKERS;
	campaign.seed = number_of("SEED", (unsigned int)time(NULL) ^
					  (unsigned int)getpid() << 16);
	campaign.tally = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(campaign.tally, MAP_FAILED);
	print_message("# SEED=%llu IMAGES=%u JOBS=%u\n",
		      (unsigned long long)campaign.seed, campaign.images,
		      workers);
	run_workers(&campaign, workers);
	for (unsigned int i = 0; i < workers; i++) {
		add_up(&sum, &campaign.tally[i]);
	}
	munmap(campaign.tally, size);
	print_tally(&sum, now() - begin);
	return sum;
}

static void test_crash_images(void **state)
{
	unsigned int images = number_of("IMAGES", IMAGES_USUAL);
	struct tally sum;

	(void)state;
	sum = run((struct campaign){ .images = images, .durable = true });
	if (sum.bad > 0) {
		fail_msg("%u bad images, the first: %s", sum.bad, sum.first);
	}
	assert_int_equal(sum.images, images);
	assert_true(sum.again > 0 && sum.backups > 0);
	assert_true(sum.journals > images / 10 && sum.grown > 0);
}

static void must_be_noticed(struct campaign campaign)
{
	struct tally sum;

	campaign.images = 500;
	campaign.is_expected = true;
	sum = run(campaign);
	print_message("# %u bad images, as it must be\n", sum.bad);
	assert_true(sum.bad > 0);
}

static void test_fails_without_syncing(void **state)
{
	(void)state;
	must_be_noticed((struct campaign){ .durable = false });
}

static void test_fails_if_all_syncs_lie(void **state)
{
	(void)state;
	must_be_noticed((struct campaign){ .durable = true, .lie = "" });
}

static void test_fails_if_syncs_of_the_journal_lie(void **state)
{
	(void)state;
	must_be_noticed((struct campaign){ .durable = true,
					   .lie = "journal" });
}

static void test_fails_if_syncs_of_the_file_lie(void **state)
{
	(void)state;
	must_be_noticed((struct campaign){ .durable = true, .lie = "tdb" });
}

static void test_fails_if_syncs_of_the_folder_lie(void **state)
{
	(void)state;
	must_be_noticed((struct campaign){ .durable = true, .lie = "/" });
}

static int setup(void **state)
{
	const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)state;
	snprintf(base, sizeof(base), "%s/winsd-crash-XXXXXX", where);
	return mkdtemp(base) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	rmdir(base);		/* stays if a bad image is in it */
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crash_images),
		cmocka_unit_test(test_fails_without_syncing),
		cmocka_unit_test(test_fails_if_all_syncs_lie),
		cmocka_unit_test(test_fails_if_syncs_of_the_journal_lie),
		cmocka_unit_test(test_fails_if_syncs_of_the_file_lie),
		cmocka_unit_test(test_fails_if_syncs_of_the_folder_lie),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
