/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking into databases, see content.h.
 *
 * A file alone gets a backend here that can only read. A database with its
 * journal is opened through the real disk, which starts no thread and writes
 * nothing before the first commit, and none is made.
 */
#include "winsrepair/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/tool.h"
#include "core/owner_move.h"
#include "store/disk.h"
#include "store/tdbfile.h"

#define NUMBER_RESERVED	"versions-reserved"	/* store/internal.h */
#define NUMBER_FORMAT	"format"
#define NUMBER_ALIVE	"alive-wall"		/* serve/alive.c */

/* ---- the world of a tool: no loop, no timers ---- */

static int64_t tool_wall(void *priv)
{
	(void)priv;
	return (int64_t)time(NULL);
}

static uint64_t tool_mono(void *priv)
{
	struct timespec ts = { .tv_sec = 0 };

	(void)priv;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void tool_random(void *priv, void *buf, size_t len)
{
	uint8_t *to = buf;

	(void)priv;
	while (len > 0) {
		ssize_t got = getrandom(to, len, 0);

		if (got < 0 && errno != EINTR) {
			abort();
		}
		to += got > 0 ? got : 0;
		len -= got > 0 ? (size_t)got : 0;
	}
}

static void tool_log(void *priv, int level, const char *line)
{
	(void)priv;
	tool_debug(level, "%s", line);
}

static struct nb_timer *no_timer(void *priv, uint64_t usec,
				 void (*fn)(void *arg), void *arg)
{
	(void)priv;
	(void)usec;
	(void)fn;
	(void)arg;
	return NULL;
}

static void stop_no_timer(void *priv, struct nb_timer *timer)
{
	(void)priv;
	(void)timer;
}

static const struct nb_world tool_world = {
	.now = tool_wall,
	.wall = tool_wall,
	.mono = tool_mono,
	.timer_start = no_timer,
	.timer_stop = stop_no_timer,
	.random = tool_random,
	.log_level = NB_LOG_PACKET,
	.log = tool_log,
};

/* ---- a file alone, as a backend ---- */

static int file_fetch(void *priv, const uint8_t *key, size_t key_len,
		      void (*fn)(void *arg, const uint8_t *value,
				 size_t value_len),
		      void *arg)
{
	return tdbfile_fetch(priv, key, key_len, fn, arg);
}

static int file_load(void *priv,
		     int (*fn)(void *arg, const uint8_t *key, size_t key_len,
			       const uint8_t *value, size_t value_len),
		     void *arg)
{
	return tdbfile_walk(priv, fn, arg);
}

static void file_commit(void *priv, const struct store_batch *batch,
			void (*done)(void *arg, int error), void *arg)
{
	(void)priv;
	(void)batch;
	done(arg, EROFS);
}

static void file_close(void *priv)
{
	tdbfile_close(priv);
}

static int number_or_0(struct tdbfile *file, const char *name,
		       uint64_t *number)
{
	int ret = tdbfile_number(file, name, number);

	if (ret == ENOENT) {
		*number = 0;
		ret = 0;
	}
	return ret;
}

/* ---- from a store to what is in it ---- */

static uint64_t meta_or_0(const struct store *store, const char *key)
{
	uint64_t number = 0;

	return store_get_meta(store, key, &number) ? number : 0;
}

static int gather(struct store *store, struct content *content)
{
	struct store_owner owner;
	uint64_t alive = meta_or_0(store, NUMBER_ALIVE);

	store_stats(store, &content->stats);
	content->reserved = store_counter(store);
	content->self = (uint32_t)meta_or_0(store, OWNER_ADDRESS);
	content->alive = alive <= INT64_MAX ? (int64_t)alive : 0;
	while (store_owner_at(store, content->owners, &owner)) {
		content->owner = talloc_realloc(content, content->owner,
						struct store_owner,
						content->owners + 1);
		if (content->owner == NULL) {
			return ENOMEM;
		}
		content->owner[content->owners++] = owner;
	}
	return 0;
}

/* Load all of it, look, and close it again. */
static int look(TALLOC_CTX *mem_ctx, const struct store_backend *backend,
		const char *path, struct content **content, char **message)
{
	struct content *c = talloc_zero(mem_ctx, struct content);
	struct store *store = NULL;
	int ret = c == NULL ? ENOMEM : 0;

	if (ret != 0) {
		backend->close(backend->priv);
		return ret;
	}
	c->path = talloc_strdup(c, path);
	ret = store_create(mem_ctx, &tool_world, backend, &store, message);
	if (ret == 0) {
		ret = gather(store, c);
		talloc_free(store);
	}
	if (ret != 0) {
		talloc_free(c);
		return ret;
	}
	*content = c;
	return 0;
}

/* ---- the interface ---- */

int content_files(TALLOC_CTX *mem_ctx, const struct tool_places *places,
		  struct content_files *files)
{
	const char *state = places->state_directory;

	files->database = talloc_asprintf(mem_ctx, "%s/wins.tdb", state);
	files->journal = talloc_asprintf(mem_ctx, "%s/wins.journal", state);
	files->reserve = talloc_asprintf(mem_ctx, "%s/wins.reserve", state);
	return files->database == NULL || files->journal == NULL ||
	       files->reserve == NULL ? ENOMEM : 0;
}

/* A message of the store's room, which has no talloc. */
static char *take_message(TALLOC_CTX *mem_ctx, char *said, int error)
{
	char *message = talloc_strdup(mem_ctx, said != NULL ? said :
				      strerror(error));

	free(said);
	return message;
}

int content_of_file(TALLOC_CTX *mem_ctx, const char *path,
		    struct content **content, char **message)
{
	uint64_t records = 0, reserved = 0, journal = 0;
	struct tdbfile *file = NULL;
	char *said = NULL;
	int ret = tdbfile_verify(path, &records, &reserved, &said);

	if (ret == 0) {
		ret = tdbfile_open_read(path, &file, &said);
	}
	if (ret == 0) {
		ret = number_or_0(file, TDBFILE_JOURNAL_ID, &journal);
	}
	if (ret != 0) {
		*message = take_message(mem_ctx, said, ret);
		tdbfile_close(file);
		return ret;
	}
	ret = look(mem_ctx, &(struct store_backend) {
		.priv = file,
		.name = path,
		.fetch = file_fetch,
		.load = file_load,
		.commit = file_commit,
		.close = file_close,
		.fd = -1,
	}, path, content, message);
	if (ret == 0) {
		(*content)->journal = journal;
	}
	return ret;
}

/* Older ones had no journal, and opening them for writing converts them. */
static bool is_today(const char *path)
{
	struct tdbfile *file = NULL;
	uint64_t format = TDBFILE_FORMAT;
	char *said = NULL;

	if (tdbfile_open_read(path, &file, &said) == 0) {
		(void)tdbfile_number(file, NUMBER_FORMAT, &format);
	}
	free(said);
	tdbfile_close(file);
	return format >= TDBFILE_FORMAT;
}

int content_of_database(TALLOC_CTX *mem_ctx,
			const struct content_files *files,
			struct content **content, char **message)
{
	struct store_disk_config config = {
		.database = files->database,
		.journal = files->journal,
		.reserve = files->reserve,
		.durable = true,
	};
	struct store_backend backend;
	int ret = 0;

	if (!is_today(files->database)) {
		return content_of_file(mem_ctx, files->database, content,
				       message);
	}
	ret = store_disk_open(mem_ctx, &config, &backend, message);
	return ret != 0 ? ret : look(mem_ctx, &backend, files->database,
				     content, message);
}

uint64_t content_reserved(const char *path)
{
	struct tdbfile *file = NULL;
	uint64_t reserved = 0;
	char *said = NULL;

	if (tdbfile_open_read(path, &file, &said) == 0 &&
	    tdbfile_number(file, NUMBER_RESERVED, &reserved) != 0) {
		reserved = 0;
	}
	free(said);
	tdbfile_close(file);
	return reserved;
}
