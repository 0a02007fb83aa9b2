/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sd_notify(3) without its library: datagrams of NAME=VALUE lines to the unix
 * socket that NOTIFY_SOCKET names; a leading '@' stands for the abstract
 * namespace. A word that cannot be sent is lost, and the server goes on.
 *
 * The watchdog beats by a timerfd, twice in its time as the protocol asks,
 * and not by a tevent timer: those follow the wall clock, and setting that
 * back would get the server killed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "winsd/notify.h"

#define WORD_MAX_HERE	512

struct notify {
	int fd;			/* -1: nobody listens */
	int timer;		/* -1: no watchdog */
	struct tevent_fd *fde;
	struct sockaddr_un sa;
	socklen_t sa_len;
};

static void notify_send(struct notify *notify, const char *text)
{
	if (notify->fd != -1) {
		sendto(notify->fd, text, strlen(text),
		       MSG_NOSIGNAL | MSG_DONTWAIT,
		       (struct sockaddr *)&notify->sa, notify->sa_len);
	}
}

/* A status is one line: what follows would be read as another word. */
static void notify_word(struct notify *notify, const char *word,
			const char *status)
{
	char text[WORD_MAX_HERE];
	int len = (int)strcspn(status, "\n");

	snprintf(text, sizeof(text), "%sSTATUS=%.*s", word, len, status);
	notify_send(notify, text);
}

void notify_ready(struct notify *notify, const char *status)
{
	notify_word(notify, "READY=1\n", status);
}

void notify_status(struct notify *notify, const char *status)
{
	notify_word(notify, "", status);
}

void notify_stopping(struct notify *notify, const char *status)
{
	notify_word(notify, "STOPPING=1\n", status);
}

void notify_reloading(struct notify *notify)
{
	struct timespec now = {0};
	char text[WORD_MAX_HERE];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		 (uint64_t)now.tv_sec * 1000000 +
		 (uint64_t)now.tv_nsec / 1000);
	notify_send(notify, text);
}

static void watchdog_beat(struct tevent_context *ev, struct tevent_fd *fde,
			  uint16_t flags, void *arg)
{
	struct notify *notify = talloc_get_type_abort(arg, struct notify);
	uint64_t beats = 0;

	(void)ev;
	(void)fde;
	(void)flags;
	if (read(notify->timer, &beats, sizeof(beats)) > 0) {
		notify_send(notify, "WATCHDOG=1");
	}
}

/* Microseconds of the watchdog if it is ours, else 0. */
static uint64_t watchdog_usec(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (usec == NULL ||
	    (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())) {
		return 0;
	}
	return strtoull(usec, NULL, 10);
}

static bool watchdog_start(struct notify *notify, struct tevent_context *ev,
			   uint64_t usec)
{
	uint64_t half = usec / 2;
	struct timespec span = {
		.tv_sec = (time_t)(half / 1000000),
		.tv_nsec = (long)(half % 1000000) * 1000,
	};
	struct itimerspec every = { .it_interval = span, .it_value = span };

	if (half == 0) {
		return true;
	}
	notify->timer = timerfd_create(CLOCK_MONOTONIC,
				       TFD_NONBLOCK | TFD_CLOEXEC);
	if (notify->timer == -1 ||
	    timerfd_settime(notify->timer, 0, &every, NULL) != 0) {
		return false;
	}
	notify->fde = tevent_add_fd(ev, notify, notify->timer, TEVENT_FD_READ,
				    watchdog_beat, notify);
	return notify->fde != NULL;
}

static void socket_find(struct notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path == NULL ? 0 : strlen(path);

	if (len < 2 || len >= sizeof(notify->sa.sun_path) ||
	    (path[0] != '/' && path[0] != '@')) {
		return;
	}
	notify->sa.sun_family = AF_UNIX;
	memcpy(notify->sa.sun_path, path, len);
	notify->sa_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				     len);
	if (path[0] == '@') {
		notify->sa.sun_path[0] = '\0';
	}
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int notify_destroy(struct notify *notify)
{
	TALLOC_FREE(notify->fde);
	if (notify->timer != -1) {
		close(notify->timer);
	}
	if (notify->fd != -1) {
		close(notify->fd);
	}
	return 0;
}

struct notify *notify_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev)
{
	struct notify *notify = talloc_zero(mem_ctx, struct notify);
	bool ok = false;

	if (notify == NULL) {
		return NULL;
	}
	notify->fd = -1;
	notify->timer = -1;
	talloc_set_destructor(notify, notify_destroy);
	socket_find(notify);
	ok = notify->fd == -1 || watchdog_start(notify, ev, watchdog_usec());
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (!ok) {
		TALLOC_FREE(notify);
	}
	return notify;
}
