/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A store without a server, see offline.h.
 *
 * Root takes the lock, which may mean to make its directory, and then becomes
 * the user that owns the files: a journal that root made would keep the server
 * from starting.
 */
#include "common/offline.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/place.h"
#include "common/tool.h"
#include "store/disk.h"

/* ---- a world without a loop ---- */

static int64_t world_wall(void *priv)
{
	(void)priv;
	return (int64_t)time(NULL);
}

static uint64_t world_mono(void *priv)
{
	struct timespec now = { .tv_sec = 0 };

	(void)priv;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* Nobody is here to let time pass. */
static struct nb_timer *world_timer_start(void *priv, uint64_t usec,
					  void (*fn)(void *arg), void *arg)
{
	(void)priv;
	(void)usec;
	(void)fn;
	(void)arg;
	return NULL;
}

static void world_timer_stop(void *priv, struct nb_timer *timer)
{
	(void)priv;
	(void)timer;
}

static void world_random(void *priv, void *buf, size_t len)
{
	(void)priv;
	if (getrandom(buf, len, 0) != (ssize_t)len) {
		memset(buf, 0, len);	/* the hash of a table that lives for
					   a second */
	}
}

static void world_log(void *priv, int level, const char *line)
{
	(void)priv;
	(void)level;
	tool_say("%s", line);
}

static const struct nb_world world = {
	.now = world_wall,
	.wall = world_wall,
	.mono = world_mono,
	.timer_start = world_timer_start,
	.timer_stop = world_timer_stop,
	.random = world_random,
	.log_level = NB_LOG_WARNING,
	.log = world_log,
};

/* ---- the store ---- */

static int become_owner(const struct place *place)
{
	if (geteuid() != 0 || place->uid == 0) {
		return TOOL_OK;
	}
	if (setgroups(0, NULL) != 0 ||
	    setresgid(place->gid, place->gid, place->gid) != 0 ||
	    setresuid(place->uid, place->uid, place->uid) != 0) {
		tool_say("cannot become the owner of the server's files: %s",
			 strerror(errno));
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

static char *path_in(TALLOC_CTX *mem_ctx, const struct tool_places *places,
		     const char *name)
{
	return talloc_asprintf(mem_ctx, "%s/%s", places->state_directory,
			       name);
}

static int open_store(TALLOC_CTX *mem_ctx, const struct tool_places *places,
		      struct store **store)
{
	struct store_disk_config disk = {
		.database = path_in(mem_ctx, places, "wins.tdb"),
		.journal = path_in(mem_ctx, places, "wins.journal"),
		.reserve = path_in(mem_ctx, places, "wins.reserve"),
		.durable = true,
	};
	struct store_backend backend;
	char *message = NULL;
	int ret = 0;

	if (disk.database == NULL || disk.journal == NULL ||
	    disk.reserve == NULL) {
		tool_say("out of memory");
		return TOOL_FAILED;
	}
	if (access(disk.database, F_OK) != 0) {
		tool_say("%s: %s: no server is running, and none was here",
			 disk.database, strerror(errno));
		return TOOL_NOT_FOUND;
	}
	ret = store_disk_open(mem_ctx, &disk, &backend, &message);
	if (ret == 0) {
		ret = store_create(mem_ctx, &world, &backend, store,
				   &message);
	}
	if (ret != 0) {
		tool_say("%s", message != NULL ? message : strerror(ret));
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

int offline_open(TALLOC_CTX *mem_ctx, const struct tool_places *places,
		 struct store **store)
{
	struct place place;
	int status = place_take(mem_ctx, places, &place);

	if (status == TOOL_OK) {
		status = become_owner(&place);
	}
	return status == TOOL_OK ? open_store(mem_ctx, places, store) : status;
}

static void committed(void *arg, int error)
{
	*(int *)arg = error;
}

int offline_commit(struct store *store)
{
	int ret = EIO;

	store_commit(store, committed, &ret);
	store_wait(store);
	return ret;
}
