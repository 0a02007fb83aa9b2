/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walking through a database at rest, see stored.h.
 *
 * A walk through a tdb file pushes: it calls back for each key. A format is
 * pulled from. So the walk runs in a thread of its own that waits when a few
 * hundred records lie ready; a million of them never are in memory. Rejected:
 * the store's own loading, which is memory for all; two passes, keys first,
 * which is memory for all names; a child process, which is a second program.
 *
 * A database with a journal is opened as a start opens it, through the real
 * disk, which writes nothing before a first commit, and there is none. Older
 * ones are read as they are: to open them for a server converts them.
 */
#include "migrate/own/stored.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/dbrec.h"
#include "common/place.h"
#include "common/tool.h"
#include "core/age.h"
#include "core/owner_move.h"
#include "store/disk.h"
#include "store/tdbfile.h"

#define READY 256		/* records that may wait */

struct stored {
	struct store_backend backend;
	struct tdbfile *file;		/* of an older database */
	uint32_t self;
	int64_t offset;			/* wall clock minus ageing clock */
	pthread_t thread;
	bool walking;			/* there is a thread */
	pthread_mutex_t lock;
	pthread_cond_t moved;
	/* under the lock */
	unsigned int first, count;
	struct nb_record ready[READY];
	bool ended;
	bool stop;
	int error;			/* of the walk */
	const char *broken;		/* what is wrong with a record */
};

/* ---- the thread that walks ---- */

/*
 * Who waits for records, or for room, goes on when half of them lie ready:
 * woken for each the two threads would take turns record by record.
 */
static void wake_half_way(struct stored *stored)
{
	if (stored->count == READY / 2) {
		(void)pthread_cond_signal(&stored->moved);
	}
}

static int hand_over(struct stored *stored, const struct nb_record *rec)
{
	bool stop = false;

	(void)pthread_mutex_lock(&stored->lock);
	while (stored->count == READY && !stored->stop) {
		(void)pthread_cond_wait(&stored->moved, &stored->lock);
	}
	stop = stored->stop;
	if (!stop) {
		stored->ready[(stored->first + stored->count++) % READY] =
			*rec;
		wake_half_way(stored);
	}
	(void)pthread_mutex_unlock(&stored->lock);
	return stop ? ECANCELED : 0;
}

static int take(void *arg, const uint8_t *key, size_t key_len,
		const uint8_t *value, size_t value_len)
{
	struct stored *stored = arg;
	struct nb_record rec;
	const char *broken = NULL;

	if (key_len == 0 || key[0] != DBREC_RECORD) {
		return 0;
	}
	broken = dbrec_decode(key, key_len, value, value_len, &rec);
	if (broken != NULL) {
		(void)pthread_mutex_lock(&stored->lock);
		stored->broken = broken;
		(void)pthread_mutex_unlock(&stored->lock);
		return EILSEQ;
	}
	return hand_over(stored, &rec);
}

static void *walk(void *arg)
{
	struct stored *stored = arg;
	int ret = stored->file != NULL ?
		tdbfile_walk(stored->file, take, stored) :
		stored->backend.load(stored->backend.priv, take, stored);

	(void)pthread_mutex_lock(&stored->lock);
	stored->error = ret;
	stored->ended = true;
	(void)pthread_cond_signal(&stored->moved);
	(void)pthread_mutex_unlock(&stored->lock);
	return NULL;
}

static int stored_destructor(struct stored *stored)
{
	if (stored->walking) {
		(void)pthread_mutex_lock(&stored->lock);
		stored->stop = true;
		(void)pthread_cond_signal(&stored->moved);
		(void)pthread_mutex_unlock(&stored->lock);
		(void)pthread_join(stored->thread, NULL);
	}
	if (stored->file != NULL) {
		tdbfile_close(stored->file);
	} else if (stored->backend.close != NULL) {
		stored->backend.close(stored->backend.priv);
	}
	(void)pthread_cond_destroy(&stored->moved);
	(void)pthread_mutex_destroy(&stored->lock);
	return 0;
}

/* ---- opening ---- */

/* A message of the store's room, which has no talloc. */
static int say(TALLOC_CTX *mem_ctx, char *said, int error, char **message)
{
	if (error != 0 && said != NULL) {
		*message = talloc_strdup(mem_ctx, said);
	}
	free(said);
	return error;
}

/*
 * *file stays open if the database is of an older format, which has no
 * journal; NULL: it is today's.
 */
static int open_older(TALLOC_CTX *mem_ctx, const char *path,
		      struct tdbfile **file, char **message)
{
	uint64_t format = TDBFILE_FORMAT;
	char *said = NULL;
	int ret = tdbfile_open_read(path, file, &said);

	if (ret == EUCLEAN) {		/* it is opened for writing below */
		free(said);
		return 0;
	}
	if (ret != 0) {
		return say(mem_ctx, said, ret, message);
	}
	(void)tdbfile_number(*file, "format", &format);
	if (format >= TDBFILE_FORMAT) {
		tdbfile_close(*file);
		*file = NULL;
	}
	return 0;
}

static int open_disk(TALLOC_CTX *mem_ctx, const char *state,
		     const char *database, struct stored *stored,
		     char **message)
{
	struct store_disk_config config = {
		.database = database,
		.journal = talloc_asprintf(stored, "%s/wins.journal", state),
		.reserve = talloc_asprintf(stored, "%s/wins.reserve", state),
		.durable = true,
	};

	char *said = NULL;
	int ret = config.journal == NULL || config.reserve == NULL ? ENOMEM :
		store_disk_open(stored, &config, &stored->backend, &said);

	if (ret != 0 && said != NULL) {
		*message = talloc_strdup(mem_ctx, said);
	}
	return ret;
}

struct number {
	uint8_t key[DBREC_KEY_MAX];
	size_t len;
	uint64_t value;
};

static void take_number(void *arg, const uint8_t *value, size_t value_len)
{
	struct number *number = arg;
	uint64_t read = 0;

	if (dbrec_decode_number(number->key, number->len, value, value_len,
				&read) == NULL) {
		number->value = read;
	}
}

/* A meta number of the store; 0: it was never said. */
static uint64_t meta(struct stored *stored, const char *name)
{
	struct number number = { .value = 0 };

	number.len = dbrec_key_meta(number.key, name);
	if (stored->file != NULL) {
		(void)tdbfile_fetch(stored->file, number.key, number.len,
				    take_number, &number);
	} else {
		(void)stored->backend.fetch(stored->backend.priv, number.key,
					    number.len, take_number, &number);
	}
	return number.value;
}

static void read_numbers(struct stored *stored)
{
	uint64_t alive = meta(stored, "alive");		/* serve/alive.c */
	uint64_t wall = meta(stored, "alive-wall");

	stored->self = (uint32_t)meta(stored, OWNER_ADDRESS);
	if (alive > 0 && alive <= AGE_MAX && wall > 0 && wall <= AGE_MAX) {
		stored->offset = (int64_t)wall - (int64_t)alive;
	}
}

static int open_files(TALLOC_CTX *mem_ctx, const struct tool_places *places,
		      struct stored *stored, char **message)
{
	struct place place;
	char *path = talloc_asprintf(stored, "%s/wins.tdb",
				     places->state_directory);
	int ret = path == NULL ? ENOMEM : 0;

	if (ret == 0 && access(path, F_OK) != 0) {
		ret = errno;
		*message = talloc_asprintf(mem_ctx, "%s: %s: no server is "
					   "running, and none was here", path,
					   strerror(ret));
		return ret;
	}
	switch (ret == 0 ? place_take(stored, places, &place) : TOOL_OK) {
	case TOOL_OK:
		break;
	case TOOL_REFUSED:			/* it has said why */
		*message = talloc_strdup(mem_ctx, "nothing was read");
		return EBUSY;
	default:
		*message = talloc_strdup(mem_ctx, "nothing was read");
		return EIO;
	}
	if (ret == 0) {
		ret = open_older(mem_ctx, path, &stored->file, message);
	}
	if (ret == 0 && stored->file == NULL) {
		ret = open_disk(mem_ctx, places->state_directory, path,
				stored, message);
	}
	return ret;
}

int stored_open(TALLOC_CTX *mem_ctx, const struct tool_places *places,
		struct stored **stored, char **message)
{
	struct stored *s = talloc_zero(mem_ctx, struct stored);
	int ret = 0;

	if (s == NULL) {
		return ENOMEM;
	}
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->moved, NULL);
	talloc_set_destructor(s, stored_destructor);
	ret = open_files(mem_ctx, places, s, message);
	if (ret == 0) {
		read_numbers(s);
		ret = pthread_create(&s->thread, NULL, walk, s);
		s->walking = ret == 0;
	}
	if (ret != 0) {
		talloc_free(s);
		return ret;
	}
	*stored = s;
	return 0;
}

/* ---- reading ---- */

static void outward(const struct stored *stored, struct nb_record *rec)
{
	rec->owner = rec->owner == NB_SELF ? stored->self : rec->owner;
	rec->expires = age_shift(rec->expires, stored->offset);
	for (unsigned int i = 0; i < rec->count; i++) {
		struct nb_member *member = &rec->member[i];

		member->owner = member->owner == NB_SELF ? stored->self :
							   member->owner;
		member->expires = age_shift(member->expires, stored->offset);
	}
}

int stored_next(struct stored *stored, struct nb_record *rec, char **message)
{
	int got = 0;

	(void)pthread_mutex_lock(&stored->lock);
	while (stored->count == 0 && !stored->ended) {
		(void)pthread_cond_wait(&stored->moved, &stored->lock);
	}
	if (stored->count > 0) {
		*rec = stored->ready[stored->first];
		stored->first = (stored->first + 1) % READY;
		stored->count--;
		wake_half_way(stored);
		got = 1;
	} else if (stored->error != 0) {
		*message = talloc_asprintf(stored, "the database is damaged "
					   "(%s): 'winsctl check database' "
					   "says more, 'winsrepair restore' "
					   "brings a backup back",
					   stored->broken != NULL ?
					   stored->broken :
					   strerror(stored->error));
		got = -1;
	}
	(void)pthread_mutex_unlock(&stored->lock);
	if (got > 0) {
		outward(stored, rec);
	}
	return got;
}
