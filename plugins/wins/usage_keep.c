/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From serve's tables to the file and back, see usage_keep.h.
 *
 *	timer -> copy a slice -> copy a slice ... -> write (aside) -> timer
 *
 * A slice is a tenth of a millisecond or so. Slices are of different moments;
 * every entry is whole, and more was never promised. A crash loses five
 * minutes of counting: the next start sees that as a short gap.
 *
 * Where nothing happens the file is still written every half an hour, for its
 * time says until when somebody watched.
 *
 * Whatever fails is tried again five minutes later and told once, until it
 * works. An entry that cannot be spoils the file: who flips one bit may have
 * flipped others, and nobody's network stands or falls with this.
 */
#include "usage_keep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "usage_file.h"

#define PLACES	2048u		/* of one slice: 128 KiB */
#define DAMAGED	".damaged"
#define UNKNOWN	UINT64_MAX	/* no number of changes */

struct usage_keep {
	struct tevent_context *ev;
	const struct nb_world *world;
	struct serve *serve;
	char *path;
	struct nb_timer *timer;		/* until the next slice, or the next time */

	bool copying;
	unsigned int part;		/* being copied, from ... */
	uint64_t cursor;
	uint64_t changes;		/* when the copy was begun */
	uint64_t written;		/* changes of the file that is there */
	uint32_t saved;			/* and its time */
	enum usage_mode mode;		/* and what it was copied from */
	bool failed;			/* the last time, and it was told */

	struct aside *aside;		/* while it is there these two are the
					   thread's: */
	struct usage_image image;
	int error;
};

/* ---- copying ---- */

static bool add_client(void *arg, const struct usage_client *client)
{
	struct usage_keep *keep = arg;
	uint8_t bytes[USAGE_ENTRY_LEN];

	usage_client_encode(client, bytes);
	keep->error = usage_image_add(&keep->image, USAGE_PART_CLIENTS, bytes,
				      sizeof(bytes));
	return keep->error == 0;
}

static bool add_missing(void *arg, const struct usage_missing *missing)
{
	struct usage_keep *keep = arg;
	uint8_t bytes[USAGE_ENTRY_LEN];

	usage_missing_encode(missing, bytes);
	keep->error = usage_image_add(&keep->image, USAGE_PART_MISSING, bytes,
				      sizeof(bytes));
	return keep->error == 0;
}

static bool add_set(void *arg, uint32_t index, const struct usage_set *set)
{
	struct usage_keep *keep = arg;
	uint8_t bytes[USAGE_SET_MAX];
	size_t len = usage_set_encode(index, set, bytes);

	keep->error = usage_image_add(&keep->image, USAGE_PART_SETS, bytes,
				      len);
	return keep->error == 0;
}

static void copy_begin(struct usage_keep *keep, const struct usage *usage)
{
	usage_image_empty(&keep->image);
	usage_key(usage, keep->image.head.key);
	keep->image.head.since = usage_since(usage);
	keep->image.head.saved = usage_now(usage);
	keep->changes = usage_changes(usage);
	keep->mode = usage_mode(usage);
	keep->copying = true;
	keep->part = 0;
	keep->cursor = 0;
	keep->error = 0;
}

/* True: there is more, and nothing went wrong. */
static bool copy_slice(struct usage_keep *keep, const struct usage *usage)
{
	uint64_t *cursor = &keep->cursor;
	bool more = false;

	switch (keep->part) {
	case USAGE_PART_CLIENTS:
		more = usage_walk_clients(usage, cursor, PLACES, add_client,
					  keep);
		break;
	case USAGE_PART_MISSING:
		more = usage_walk_missing(usage, cursor, PLACES, add_missing,
					  keep);
		break;
	default:
		more = usage_walk_sets(usage, cursor, PLACES, add_set, keep);
		break;
	}
	if (!more) {
		keep->cursor = 0;
		keep->part++;
	}
	return keep->error == 0 && keep->part < USAGE_PARTS;
}

/* ---- the file ---- */

static void write_file(void *arg)
{
	struct usage_keep *keep = arg;

	keep->error = usage_file_write(keep->path, &keep->image);
}

static void remove_file(struct usage_keep *keep)
{
	if (unlink(keep->path) == 0) {
		nb_log(keep->world, NB_LOG_NOTICE, "%s is deleted: wins:usage "
		       "is off", keep->path);
	} else if (errno != ENOENT) {
		nb_log(keep->world, NB_LOG_WARNING, "%s stays: %s",
		       keep->path, strerror(errno));
	}
}

static void tell(struct usage_keep *keep)
{
	if (keep->error == 0) {
		keep->failed = false;
		keep->written = keep->changes;
		keep->saved = keep->image.head.saved;
		return;
	}
	if (!keep->failed) {
		nb_log(keep->world, NB_LOG_WARNING, "%s: who asks for what is "
		       "not written down: %s; the server tries again every %d "
		       "s", keep->path, strerror(keep->error),
		       USAGE_KEEP_SECONDS);
	}
	keep->failed = true;
}

/* ---- the calendar ---- */

static void due(void *arg);

static void arm(struct usage_keep *keep, uint64_t usec)
{
	keep->world->timer_stop(keep->world->priv, keep->timer);
	keep->timer = keep->world->timer_start(keep->world->priv, usec, due,
					       keep);
	if (keep->timer == NULL) {
		nb_log(keep->world, NB_LOG_ERROR, "who asks for what is "
		       "written down at the end only: out of memory");
	}
}

static void rest(struct usage_keep *keep)
{
	keep->copying = false;
	usage_image_empty(&keep->image);
	arm(keep, UINT64_C(1000000) * USAGE_KEEP_SECONDS);
}

static void written(void *arg)
{
	struct usage_keep *keep = talloc_get_type_abort(arg,
							struct usage_keep);
	struct usage *usage = serve_usage(keep->serve);

	keep->aside = NULL;
	tell(keep);
	rest(keep);
	if (usage == NULL) {
		remove_file(keep);	/* it was turned off meanwhile */
	} else if (usage_mode(usage) != keep->mode) {
		arm(keep, 0);
	}
}

/* From here until written() the error is the thread's. */
static void write_beside(struct usage_keep *keep)
{
	int ret = keep->error;

	if (ret == 0) {
		ret = aside_run(keep, keep->ev, write_file, written, keep,
				&keep->aside);
	}
	if (ret != 0) {
		keep->error = ret;
		tell(keep);
		rest(keep);
	}
}

static bool is_wanted(const struct usage_keep *keep, const struct usage *usage)
{
	return usage_changes(usage) != keep->written ||
	       usage_now(usage) - keep->saved >= USAGE_GAP / 2;
}

static void due(void *arg)
{
	struct usage_keep *keep = talloc_get_type_abort(arg,
							struct usage_keep);
	struct usage *usage = serve_usage(keep->serve);

	keep->timer = NULL;
	if (usage == NULL || (!keep->copying && !is_wanted(keep, usage))) {
		rest(keep);
		return;
	}
	if (!keep->copying) {
		copy_begin(keep, usage);
	}
	if (copy_slice(keep, usage)) {
		arm(keep, 0);
		return;
	}
	write_beside(keep);
}

void usage_keep_follow(struct usage_keep *keep)
{
	struct usage *usage = serve_usage(keep->serve);

	if (keep->aside != NULL) {
		return;			/* written() looks again */
	}
	if (usage == NULL) {
		remove_file(keep);
		keep->written = UNKNOWN;
		rest(keep);
	} else if (usage_mode(usage) != keep->mode) {
		keep->copying = false;
		arm(keep, 0);
	}
}

/* ---- at the start ---- */

static int take_entries(struct usage *usage, const struct usage_image *image)
{
	const struct usage_bytes *part = image->part;
	struct usage_client client;
	struct usage_missing missing;

	for (size_t at = 0; at + USAGE_ENTRY_LEN <= part[USAGE_PART_CLIENTS].len;
	     at += USAGE_ENTRY_LEN) {
		if (!usage_client_decode(part[USAGE_PART_CLIENTS].data + at,
					 &client)) {
			return EILSEQ;
		}
		usage_restore_client(usage, &client);
	}
	for (size_t at = 0; at + USAGE_ENTRY_LEN <= part[USAGE_PART_MISSING].len;
	     at += USAGE_ENTRY_LEN) {
		if (!usage_missing_decode(part[USAGE_PART_MISSING].data + at,
					  &missing)) {
			return EILSEQ;
		}
		usage_restore_missing(usage, &missing);
	}
	return 0;
}

static int take_sets(struct usage *usage, const struct usage_bytes *part)
{
	struct usage_set set;
	uint32_t index = 0;
	size_t at = 0;

	while (at < part->len) {
		size_t len = usage_set_decode(part->data + at, part->len - at,
					      &index, &set);

		if (len == 0 || !usage_restore_set(usage, index, &set)) {
			return EILSEQ;
		}
		at += len;
	}
	return 0;
}

static int take_all(struct usage *usage, const struct usage_image *image)
{
	int ret = 0;

	usage_restore(usage, image->head.key, image->head.since,
		      image->head.saved);
	ret = take_entries(usage, image);
	if (ret == 0) {
		ret = take_sets(usage, &image->part[USAGE_PART_SETS]);
	}
	if (ret != 0) {
		usage_clear(usage);
	}
	return ret;
}

static void set_aside(struct usage_keep *keep, int error)
{
	char *aside = talloc_asprintf(keep, "%s" DAMAGED, keep->path);
	bool done = aside != NULL && rename(keep->path, aside) == 0;

	nb_log(keep->world, NB_LOG_WARNING, "%s %s: who asked for what is "
	       "counted from now on%s%s", keep->path,
	       error == EPROTONOSUPPORT ? "is of another release" :
					  "is damaged",
	       done ? "; it is kept as " : "", done ? aside : "");
	talloc_free(aside);
}

static void recall(struct usage_keep *keep, struct usage *usage)
{
	int ret = usage_file_read(keep->path, &keep->image);

	if (ret == 0) {
		ret = take_all(usage, &keep->image);
	}
	usage_image_empty(&keep->image);
	if (ret == EILSEQ || ret == EPROTONOSUPPORT) {
		set_aside(keep, ret);
	} else if (ret != 0 && ret != ENOENT) {
		nb_log(keep->world, NB_LOG_WARNING, "%s cannot be read: %s; "
		       "who asked for what is counted from now on",
		       keep->path, strerror(ret));
	}
}

/* ---- life ---- */

static void write_last(struct usage_keep *keep)
{
	struct usage *usage = serve_usage(keep->serve);

	if (usage == NULL) {
		return;
	}
	copy_begin(keep, usage);
	while (copy_slice(keep, usage)) {
	}
	if (keep->error == 0) {
		write_file(keep);
	}
	tell(keep);
}

static int usage_keep_destroy(struct usage_keep *keep)
{
	TALLOC_FREE(keep->aside);
	keep->world->timer_stop(keep->world->priv, keep->timer);
	write_last(keep);
	usage_image_empty(&keep->image);
	return 0;
}

int usage_keep_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		      const struct nb_world *world, struct serve *serve,
		      const char *path, struct usage_keep **keep)
{
	struct usage_keep *k = talloc_zero(mem_ctx, struct usage_keep);
	struct usage *usage = serve_usage(serve);

	if (k == NULL) {
		return ENOMEM;
	}
	k->ev = ev;
	k->world = world;
	k->serve = serve;
	k->written = UNKNOWN;
	k->path = talloc_strdup(k, path);
	if (k->path == NULL) {
		talloc_free(k);
		return ENOMEM;
	}
	if (usage == NULL) {
		remove_file(k);
	} else {
		recall(k, usage);
		k->mode = usage_mode(usage);
	}
	talloc_set_destructor(k, usage_keep_destroy);
	rest(k);
	*keep = k;
	return 0;
}
