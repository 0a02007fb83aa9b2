/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loading beside the loop: a thread makes the image (load.c), the loop answers
 * queries meanwhile by asking the backend for single values.
 *
 * The thread has an image of its own and shares nothing with the loop but the
 * backend, whose load() and fetch() may run at the same time, and one flag
 * that tells it to stop. When it ends it writes to an eventfd; the loop joins
 * it and takes the image by copying a struct. So there is no lock and no
 * half-filled index that anybody could see.
 *
 * Rejected: to load in slices on the loop (every slice is a pause for queries,
 * and a start takes as long as the slices are polite); to let queries look
 * into the table while it grows (a lock, or an order of stores, in the path of
 * every query for ever, for the sake of a second after the start).
 *
 * A value that is damaged is not found here and logged once; the loader meets
 * it too, and what it says ends the server.
 */

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store/internal.h"

struct loader {
	/* the thread's, until it is joined */
	const struct store_backend *backend;
	struct image image;
	int err;
	char *message;		/* malloc'ed */

	atomic_bool stop;
	int fd;
	pthread_t thread;

	/* the loop's */
	bool is_over;		/* joined; it failed, or there were no loader */
	bool told;		/* that a value is damaged */
	void (*loaded)(void *arg, int error, const char *message);
	void *arg;
};

/* ---- the thread ---- */

static void *load(void *arg)
{
	struct loader *loader = arg;

	loader->err = image_load(&loader->image, loader->backend,
				 &loader->stop, &loader->message);
	eventfd_write(loader->fd, 1);
	return NULL;
}

/* Signals are the loop's: with all of them blocked none comes here. */
static int start_thread(struct loader *loader)
{
	sigset_t all, before;
	int err = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&loader->thread, NULL, load, loader);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* ---- beginning and end ---- */

static void loader_free(struct loader *loader)
{
	if (loader->fd >= 0) {
		close(loader->fd);
	}
	free(loader->message);
	free(loader);
}

int loader_start(struct store *store,
		 void (*loaded)(void *arg, int error, const char *message),
		 void *arg)
{
	struct loader *loader = calloc(1, sizeof(*loader));
	int err = 0;

	if (loader == NULL) {
		return ENOMEM;
	}
	assert(store->backend.fetch != NULL);
	loader->backend = &store->backend;
	loader->loaded = loaded;
	loader->arg = arg;
	atomic_init(&loader->stop, false);
	loader->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loader->fd < 0) {
		err = errno;
		loader_free(loader);
		return err;
	}
	err = store_image(store, &loader->image);
	if (err != 0) {
		loader_free(loader);
		return err;
	}
	err = start_thread(loader);
	if (err != 0) {
		image_free(&loader->image);
		loader_free(loader);
		return err;
	}
	store->loader = loader;
	return 0;
}

void loader_end(struct store *store)
{
	struct loader *loader = store->loader;

	if (loader == NULL) {
		return;
	}
	store->loader = NULL;
	if (!loader->is_over) {
		atomic_store(&loader->stop, true);
		pthread_join(loader->thread, NULL);
		image_free(&loader->image);
	}
	loader_free(loader);
}

/* The thread is at its end, or will be. */
static void finish(struct store *store)
{
	struct loader *loader = store->loader;
	void (*loaded)(void *arg, int error, const char *message) =
		loader->loaded;
	void *arg = loader->arg;

	pthread_join(loader->thread, NULL);
	loader->is_over = true;
	if (loader->err != 0) {
		image_free(&loader->image);
		loaded(arg, loader->err, loader->message != NULL ?
						 loader->message :
						 strerror(loader->err));
		return;
	}
	store_take(store, &loader->image);
	store->loader = NULL;
	loader_free(loader);
	loaded(arg, 0, NULL);
}

int loader_fd(const struct store *store)
{
	return store->loader->fd;
}

void loader_ready(struct store *store)
{
	eventfd_t count = 0;

	if (!store->loader->is_over &&
	    eventfd_read(store->loader->fd, &count) == 0) {
		finish(store);
	}
}

void loader_wait(struct store *store)
{
	if (!store->loader->is_over) {
		finish(store);
	}
}

/* ---- single values meanwhile ---- */

struct seek {
	const uint8_t *key;
	size_t key_len;
	const char *wrong;	/* with what was found */
	struct nb_record *rec;
	uint64_t *number;
};

static void found_record(void *arg, const uint8_t *value, size_t value_len)
{
	struct seek *seek = arg;

	seek->wrong = dbrec_decode(seek->key, seek->key_len, value, value_len,
				   seek->rec);
}

static void found_number(void *arg, const uint8_t *value, size_t value_len)
{
	struct seek *seek = arg;

	seek->wrong = dbrec_decode_number(seek->key, seek->key_len, value,
					  value_len, seek->number);
}

static bool fetch(const struct store *store, struct seek *seek,
		  void (*fn)(void *arg, const uint8_t *value,
			     size_t value_len))
{
	const struct store_backend *backend = &store->backend;
	int err = backend->fetch(backend->priv, seek->key, seek->key_len, fn,
				 seek);

	if (err == 0 && seek->wrong == NULL) {
		return true;
	}
	if (err != ENOENT && !store->loader->told) {
		store->loader->told = true;
		nb_log(store->world, NB_LOG_ERROR,
		       "%s: a value cannot be read: %s; 'winsrepair check %s' "
		       "tells more", store_file(backend),
		       err != 0 ? strerror(err) : seek->wrong,
		       store_file(backend));
	}
	return false;
}

bool loader_get(const struct store *store, const struct nb_name *name,
		struct nb_record *rec)
{
	uint8_t key[DBREC_KEY_MAX];
	struct seek seek = {
		.key = key,
		.key_len = dbrec_key_record(key, name),
		.rec = rec,
	};

	return fetch(store, &seek, found_record);
}

bool loader_get_meta(const struct store *store, const char *name,
		     uint64_t *number)
{
	uint8_t key[DBREC_KEY_MAX];
	struct seek seek = {
		.key = key,
		.key_len = dbrec_key_meta(key, name),
		.number = number,
	};

	return fetch(store, &seek, found_number);
}
