/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A wall clock that a test can set, for a process that is none the wiser:
 * preloaded, it adds the 8 bytes of the file WALLCLOCK (microseconds, of this
 * machine's byte order) to what the kernel says of CLOCK_REALTIME. The file is
 * mapped: a step is there the moment it is written. All other clocks and every
 * timer are the kernel's own.
 *
 * Rejected: libfaketime 0.9.10. It takes every absolute timerfd for one of the
 * wall clock and moves it, so that timers of CLOCK_BOOTTIME fire at once for
 * ever or not at all.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;

static __attribute__((constructor)) void map_offset(void)
{
	const char *path = getenv("WALLCLOCK");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *map = MAP_FAILED;

	if (fd >= 0) {
		map = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (map == MAP_FAILED) {
		abort();	/* a test of the real time shows nothing */
	}
	offset = map;
}

static int64_t wall_usec(void)
{
	struct timespec ts = { 0 };

	(void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 + *offset;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t usec = 0;

	if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE) {
		return (int)syscall(SYS_clock_gettime, id, ts);
	}
	usec = wall_usec();
	ts->tv_sec = usec / 1000000;
	ts->tv_nsec = usec % 1000000 * 1000;
	return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	int64_t usec = wall_usec();

	(void)zone;
	tv->tv_sec = usec / 1000000;
	tv->tv_usec = usec % 1000000;
	return 0;
}

time_t time(time_t *t)
{
	time_t now = wall_usec() / 1000000;

	if (t != NULL) {
		*t = now;
	}
	return now;
}
