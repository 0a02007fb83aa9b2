/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timers of the world, see timers.h.
 *
 * Why not tevent_add_timer: tevent measures its timers by gettimeofday(). A
 * wall clock set back by an hour stops all of them for an hour, one set
 * forward fires all at once, challenges and ageing together (KB969373 was a
 * server whose announcements did that). CLOCK_BOOTTIME knows no such step and
 * goes on while a machine sleeps, so what came due in the sleep fires when it
 * wakes.
 *
 * The timerfd always stands at the earliest due time; it is set only when
 * that changes. Ten thousand challenges may come due together, so a wake-up
 * runs timers for TURN_USEC and leaves the rest to the next: the loop gets to
 * its sockets in between.
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <bsd/sys/tree.h>

#include "timers.h"

#define TURN_USEC	2000

struct nb_timer {
	RB_ENTRY(nb_timer) entry;
	uint64_t due;		/* of timers_mono() */
	uint64_t serial;	/* equal due times fire in order of starting */
	void (*fn)(void *arg);
	void *arg;
};

RB_HEAD(timer_tree, nb_timer);

struct timers {
	struct timer_tree tree;
	uint64_t serial;
	unsigned int count;
	int fd;
	struct tevent_fd *fde;
	uint64_t armed;		/* due time the timerfd stands at; 0: off */
};

static int timer_compare(const struct nb_timer *a, const struct nb_timer *b)
{
	if (a->due != b->due) {
		return a->due < b->due ? -1 : 1;
	}
	if (a->serial != b->serial) {
		return a->serial < b->serial ? -1 : 1;
	}
	return 0;
}

RB_GENERATE_INTERNAL(timer_tree, nb_timer, entry, timer_compare,
		     static __attribute__((unused)))

uint64_t timers_mono(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Let the timerfd stand at the earliest timer. */
static void timers_arm(struct timers *timers)
{
	const struct nb_timer *first = RB_MIN(timer_tree, &timers->tree);
	uint64_t due = first == NULL ? 0 : first->due;
	struct itimerspec at = {
		.it_value.tv_sec = (time_t)(due / 1000000),
		.it_value.tv_nsec = (long)(due % 1000000) * 1000,
	};

	if (due != timers->armed &&
	    timerfd_settime(timers->fd, TFD_TIMER_ABSTIME, &at, NULL) == 0) {
		timers->armed = due;
	}
}

static void timers_drop(struct timers *timers, struct nb_timer *timer)
{
	RB_REMOVE(timer_tree, &timers->tree, timer);
	timers->count--;
}

static void timers_ready(struct tevent_context *ev, struct tevent_fd *fde,
			 uint16_t flags, void *arg)
{
	struct timers *timers = talloc_get_type_abort(arg, struct timers);
	uint64_t start = timers_mono();
	uint64_t now = start;
	uint64_t last = timers->serial;	/* what fn starts waits its turn */
	struct nb_timer *timer = NULL;
	uint64_t fired = 0;

	(void)ev;
	(void)fde;
	(void)flags;
	if (read(timers->fd, &fired, sizeof(fired)) == -1 && errno == EAGAIN) {
		return;
	}
	timers->armed = 0;
	while ((timer = RB_MIN(timer_tree, &timers->tree)) != NULL &&
	       timer->due <= start && timer->serial <= last &&
	       now - start < TURN_USEC) {
		void (*fn)(void *arg) = timer->fn;
		void *fn_arg = timer->arg;

		timers_drop(timers, timer);
		talloc_free(timer);
		fn(fn_arg);
		now = timers_mono();
	}
	timers_arm(timers);
}

struct nb_timer *timers_start(struct timers *timers, uint64_t usec,
			      void (*fn)(void *arg), void *arg)
{
	struct nb_timer *timer = talloc(timers, struct nb_timer);
	uint64_t now = timers_mono();

	if (timer == NULL) {
		return NULL;
	}
	*timer = (struct nb_timer) {
		.due = usec < INT64_MAX - now ? now + usec : INT64_MAX,
		.serial = ++timers->serial,
		.fn = fn,
		.arg = arg,
	};
	RB_INSERT(timer_tree, &timers->tree, timer);
	timers->count++;
	timers_arm(timers);
	return timer;
}

void timers_stop(struct timers *timers, struct nb_timer *timer)
{
	if (timer == NULL) {
		return;
	}
	timers_drop(timers, timer);
	talloc_free(timer);
	timers_arm(timers);
}

unsigned int timers_count(const struct timers *timers)
{
	return timers->count;
}

static int timers_destroy(struct timers *timers)
{
	TALLOC_FREE(timers->fde);
	if (timers->fd != -1) {
		close(timers->fd);
	}
	return 0;
}

int timers_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		  struct timers **timers)
{
	struct timers *t = talloc_zero(mem_ctx, struct timers);
	int ret;

	if (t == NULL) {
		return ENOMEM;
	}
	RB_INIT(&t->tree);
	t->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	ret = t->fd == -1 ? errno : 0;
	talloc_set_destructor(t, timers_destroy);
	if (ret == 0) {
		t->fde = tevent_add_fd(ev, t, t->fd, TEVENT_FD_READ,
				       timers_ready, t);
		ret = t->fde == NULL ? ENOMEM : 0;
	}
	if (ret != 0) {
		talloc_free(t);
		return ret;
	}
	*timers = t;
	return 0;
}
