/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread and an eventfd, see aside.h.
 *
 * Joining before done() makes all that work() wrote visible to the loop, with
 * no lock. The thread takes no signals: they belong to the host's loop. A pool
 * of waiting threads was left out, as nobody here has work for one.
 */
#include "aside.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct aside {
	int fd;
	bool running;
	pthread_t thread;
	struct tevent_fd *fde;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void *aside_thread(void *arg)
{
	const struct aside *aside = arg;

	aside->work(aside->arg);
	while (eventfd_write(aside->fd, 1) != 0 && errno == EINTR) {
	}
	return NULL;
}

static int aside_destroy(struct aside *aside)
{
	if (aside->running) {
		pthread_join(aside->thread, NULL);
	}
	TALLOC_FREE(aside->fde);
	if (aside->fd != -1) {
		close(aside->fd);
	}
	return 0;
}

static void aside_ready(struct tevent_context *ev, struct tevent_fd *fde,
			uint16_t flags, void *priv)
{
	struct aside *aside = talloc_get_type_abort(priv, struct aside);
	void (*done)(void *arg) = aside->done;
	void *arg = aside->arg;

	(void)ev;
	(void)fde;
	(void)flags;
	talloc_free(aside);
	done(arg);
}

static int start_thread(struct aside *aside)
{
	sigset_t all, before;
	int ret = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&aside->thread, NULL, aside_thread, aside);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	aside->running = ret == 0;
	return ret;
}

int aside_run(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
	      void (*work)(void *arg), void (*done)(void *arg), void *arg,
	      struct aside **aside)
{
	struct aside *a = talloc_zero(mem_ctx, struct aside);
	int ret = 0;

	if (a == NULL) {
		return ENOMEM;
	}
	a->work = work;
	a->done = done;
	a->arg = arg;
	a->fd = eventfd(0, EFD_CLOEXEC);
	ret = a->fd == -1 ? errno : 0;
	talloc_set_destructor(a, aside_destroy);
	if (ret == 0) {
		a->fde = tevent_add_fd(ev, a, a->fd, TEVENT_FD_READ,
				       aside_ready, a);
		ret = a->fde == NULL ? ENOMEM : 0;
	}
	if (ret == 0) {
		ret = start_thread(a);
	}
	if (ret != 0) {
		talloc_free(a);
		return ret;
	}
	*aside = a;
	return 0;
}
