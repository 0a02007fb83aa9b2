/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk of remains.h: for each file what is durable and the list of events
 * that are not, for the folder likewise. A moment of the log is reached by
 * going forward, so that a hundred images of one log cost one walk over it.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults/remains.h"

#define NAMES	64

struct content {
	uint8_t *data;
	size_t len;
	size_t max;
};

struct pending {
	size_t *event;		/* indices, in order */
	size_t count;
	size_t max;
};

struct disk_file {
	struct content durable;
	struct pending pending;
};

struct entry {
	const char *name;
	unsigned int file;
};

struct folder {
	struct entry entry[NAMES];
	unsigned int count;
};

struct remains {
	const struct shim_log *log;
	size_t at;
	struct disk_file *file;		/* by number */
	unsigned int files;
	struct folder durable;
	struct pending pending;		/* of names */
};

uint64_t dice_next(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t dice_below(struct dice *dice, uint32_t sides)
{
	return sides == 0 ? 0 : (uint32_t)(dice_next(dice) % sides);
}

const char *remains_mode_name(enum remains_mode mode)
{
	static const char *const names[REMAINS_MODES] = {
		"kept", "lost", "prefix", "some", "torn",
	};

	return names[mode];
}

enum remains_mode remains_draw_mode(struct dice *dice)
{
	static const enum remains_mode modes[] = {
		REMAINS_KEPT, REMAINS_LOST, REMAINS_PREFIX, REMAINS_SOME,
		REMAINS_SOME, REMAINS_TORN, REMAINS_TORN, REMAINS_TORN,
	};

	return modes[dice_below(dice, 8)];
}

static void must(bool truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "image: %s: %s\n", what, strerror(errno));
		abort();
	}
}

/* ---- content ---- */

static void resize(struct content *content, size_t len)
{
	if (len > content->max) {
		content->max = len + len / 2 + 4096;
		content->data = realloc(content->data, content->max);
		must(content->data != NULL, "realloc");
	}
	if (len > content->len) {
		memset(content->data + content->len, 0, len - content->len);
	}
	content->len = len;
}

static void put(struct content *content, uint64_t offset, const uint8_t *data,
		size_t len)
{
	if (offset + len > content->len) {
		resize(content, (size_t)offset + len);
	}
	if (len > 0) {
		memcpy(content->data + offset, data, len);
	}
}

static void apply(struct content *content, const struct shim_event *event)
{
	if (event->what == SHIM_WROTE) {
		put(content, event->offset, event->data, event->len);
	} else {
		resize(content, (size_t)event->offset);
	}
}

/* The parts between multiples of grain, each kept or not. */
static void apply_torn(struct content *content, const struct shim_event *event,
		       size_t grain, struct dice *dice)
{
	uint32_t sides = 2 + dice_below(dice, 3);
	size_t at = 0;

	while (at < event->len) {
		uint64_t offset = event->offset + at;
		size_t len = grain - (size_t)(offset % grain);

		len = len < event->len - at ? len : event->len - at;
		if (dice_below(dice, sides) != 0) {
			put(content, offset, event->data + at, len);
		}
		at += len;
	}
}

/* ---- lists of what is pending ---- */

static void add_pending(struct pending *pending, size_t event)
{
	if (pending->count == pending->max) {
		pending->max = 2 * pending->max + 16;
		pending->event = realloc(pending->event, pending->max *
					 sizeof(*pending->event));
		must(pending->event != NULL, "realloc");
	}
	pending->event[pending->count++] = event;
}

static void drop_first(struct pending *pending, size_t n)
{
	pending->count -= n;
	memmove(pending->event, pending->event + n,
		pending->count * sizeof(*pending->event));
}

/* ---- names ---- */

static struct entry *find(struct folder *folder, const char *name)
{
	for (unsigned int i = 0; i < folder->count; i++) {
		if (strcmp(folder->entry[i].name, name) == 0) {
			return &folder->entry[i];
		}
	}
	return NULL;
}

static void set(struct folder *folder, const char *name, unsigned int file)
{
	struct entry *entry = find(folder, name);

	if (file == 0 && entry != NULL) {
		*entry = folder->entry[--folder->count];
	} else if (file != 0 && entry != NULL) {
		entry->file = file;
	} else if (file != 0) {
		must(folder->count < NAMES, "names");
		folder->entry[folder->count++] = (struct entry){ name, file };
	}
}

/* The file that was renamed or linked, whatever its name is for now. */
static void apply_name(struct folder *folder, const struct shim_event *event)
{
	const struct entry *from = event->name == NULL ? NULL :
				   find(folder, event->name);

	switch (event->what) {
	case SHIM_CREATED:
		set(folder, event->name, event->file);
		break;
	case SHIM_UNLINKED:
		set(folder, event->name, 0);
		break;
	case SHIM_RENAMED:
		if (from != NULL && from->file == event->file) {
			set(folder, event->name, 0);
		}
		set(folder, event->to, event->file);
		break;
	case SHIM_LINKED:
		set(folder, event->to, event->file);
		break;
	default:
		break;
	}
}

/* ---- going forward ---- */

static unsigned int count_files(const struct shim_log *log)
{
	unsigned int files = 0;

	for (size_t i = 0; i < log->count; i++) {
		files = log->event[i].file > files ? log->event[i].file : files;
	}
	return files;
}

struct remains *remains_create(const struct shim_log *log)
{
	struct remains *image = calloc(1, sizeof(*image));

	must(image != NULL, "calloc");
	image->log = log;
	image->files = count_files(log);
	image->file = calloc(image->files + 1, sizeof(*image->file));
	must(image->file != NULL, "calloc");
	remains_advance(image, log->begin);
	return image;
}

void remains_free(struct remains *image)
{
	for (unsigned int i = 0; i <= image->files; i++) {
		free(image->file[i].durable.data);
		free(image->file[i].pending.event);
	}
	free(image->file);
	free(image->pending.event);
	free(image);
}

static void sync_file(struct remains *image, const struct shim_event *sync)
{
	struct disk_file *file = &image->file[sync->file];
	size_t n = 0;

	while (n < file->pending.count &&
	       file->pending.event[n] < sync->since) {
		apply(&file->durable,
		      &image->log->event[file->pending.event[n++]]);
	}
	drop_first(&file->pending, n);
}

static void sync_names(struct remains *image, const struct shim_event *sync)
{
	size_t n = 0;

	while (n < image->pending.count &&
	       image->pending.event[n] < sync->since) {
		apply_name(&image->durable,
			   &image->log->event[image->pending.event[n++]]);
	}
	drop_first(&image->pending, n);
}

void remains_advance(struct remains *image, size_t at)
{
	for (; image->at < at; image->at++) {
		const struct shim_event *event = &image->log->event[image->at];

		switch (event->what) {
		case SHIM_WROTE:
		case SHIM_SIZED:
			add_pending(&image->file[event->file].pending,
				    image->at);
			break;
		case SHIM_SYNCED:
			sync_file(image, event);
			break;
		case SHIM_FOLDER_SYNCED:
			sync_names(image, event);
			break;
		default:
			add_pending(&image->pending, image->at);
			break;
		}
	}
}

unsigned int remains_pending(const struct remains *image)
{
	size_t count = image->pending.count;

	for (unsigned int i = 1; i <= image->files; i++) {
		count += image->file[i].pending.count;
	}
	return (unsigned int)count;
}

/* ---- one outcome ---- */

struct fate {
	enum remains_mode mode;
	size_t end;		/* PREFIX: events from here on are lost */
	uint32_t sides;		/* SOME, TORN: one in so many is lost */
	size_t grain;		/* TORN: bytes */
};

static bool is_kept(const struct fate *fate, size_t event, struct dice *dice)
{
	switch (fate->mode) {
	case REMAINS_KEPT:
		return true;
	case REMAINS_LOST:
		return false;
	case REMAINS_PREFIX:
		return event < fate->end;
	default:
		return dice_below(dice, fate->sides) != 0;
	}
}

static void shuffle(size_t *list, size_t count, struct dice *dice)
{
	for (size_t i = count; i > 1; i--) {
		size_t other = dice_below(dice, (uint32_t)i);
		size_t event = list[i - 1];

		list[i - 1] = list[other];
		list[other] = event;
	}
}

static void tear(const struct remains *image, const struct pending *pending,
		 const struct fate *fate, struct dice *dice,
		 struct content *content)
{
	size_t *order = calloc(pending->count + 1, sizeof(*order));

	must(order != NULL, "calloc");
	memcpy(order, pending->event, pending->count * sizeof(*order));
	if (dice_below(dice, 2) == 0) {
		shuffle(order, pending->count, dice);
	}
	for (size_t i = 0; i < pending->count; i++) {
		const struct shim_event *event = &image->log->event[order[i]];

		if (!is_kept(fate, order[i], dice)) {
			continue;
		}
		if (event->what == SHIM_WROTE && dice_below(dice, 2) == 0) {
			apply_torn(content, event, fate->grain, dice);
		} else {
			apply(content, event);
		}
	}
	free(order);
}

static void content_of(const struct remains *image, unsigned int number,
		       const struct fate *fate, struct dice *dice,
		       struct content *content)
{
	const struct disk_file *file = &image->file[number];

	content->len = 0;
	put(content, 0, file->durable.data, file->durable.len);
	if (fate->mode == REMAINS_TORN) {
		tear(image, &file->pending, fate, dice, content);
		return;
	}
	for (size_t i = 0; i < file->pending.count; i++) {
		size_t event = file->pending.event[i];

		if (is_kept(fate, event, dice)) {
			apply(content, &image->log->event[event]);
		}
	}
}

static struct folder names_of(const struct remains *image,
			      const struct fate *fate, struct dice *dice)
{
	struct folder folder = image->durable;

	for (size_t i = 0; i < image->pending.count; i++) {
		size_t event = image->pending.event[i];

		if (is_kept(fate, event, dice)) {
			apply_name(&folder, &image->log->event[event]);
		}
	}
	return folder;
}

/* Pages of zeros stay holes: a tdb file has many, and memory is slow. */
static void write_file(const char *path, const struct content *content)
{
	static const uint8_t zeros[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t at = 0, len = 0;

	must(fd >= 0 && ftruncate(fd, (off_t)content->len) == 0, path);
	for (; at < content->len; at += len) {
		const uint8_t *data = content->data + at;

		len = content->len - at < sizeof(zeros) ? content->len - at :
							  sizeof(zeros);
		must(memcmp(data, zeros, len) == 0 ||
		     pwrite(fd, data, len, (off_t)at) == (ssize_t)len, path);
	}
	close(fd);
}

static struct fate draw_fate(const struct remains *image, enum remains_mode mode,
			     struct dice *dice)
{
	static const size_t grains[] = { 512, 4096 };
	struct fate fate = { .mode = mode };
	size_t first = image->at;

	for (unsigned int i = 1; i <= image->files; i++) {
		const struct pending *pending = &image->file[i].pending;

		if (pending->count > 0 && pending->event[0] < first) {
			first = pending->event[0];
		}
	}
	if (image->pending.count > 0 && image->pending.event[0] < first) {
		first = image->pending.event[0];
	}
	fate.end = first + dice_below(dice, (uint32_t)(image->at - first + 1));
	fate.sides = 2 + (dice_below(dice, 3) == 0 ? dice_below(dice, 12) : 0);
	fate.grain = grains[dice_below(dice, 2)];
	return fate;
}

void remains_write(const struct remains *image, enum remains_mode mode,
		 struct dice *dice, const char *path)
{
	struct fate fate = draw_fate(image, mode, dice);
	struct folder folder = names_of(image, &fate, dice);
	struct content content = { 0 };
	char first[PATH_MAX], name[PATH_MAX];

	for (unsigned int i = 0; i < folder.count; i++) {
		unsigned int before = 0;

		while (folder.entry[before].file != folder.entry[i].file) {
			before++;
		}
		snprintf(first, sizeof(first), "%s/%s", path,
			 folder.entry[before].name);
		snprintf(name, sizeof(name), "%s/%s", path,
			 folder.entry[i].name);
		if (before < i) {
			must(link(first, name) == 0, name);
			continue;
		}
		content_of(image, folder.entry[i].file, &fate, dice, &content);
		write_file(name, &content);
	}
	free(content.data);
}

/* ---- one log after another ---- */

/* What the other log's files are called in the first. */
static void find_numbers(const struct shim_log *first, size_t at,
			 const struct shim_log *then, unsigned int *number)
{
	struct folder folder = { .count = 0 };

	for (size_t i = 0; i < at; i++) {
		apply_name(&folder, &first->event[i]);
	}
	for (size_t i = 0; i < then->begin; i++) {
		const struct shim_event *event = &then->event[i];

		if (event->what == SHIM_CREATED) {
			number[event->file] = find(&folder, event->name)->file;
		}
	}
}

struct shim_log *remains_join(const struct shim_log *first, size_t at,
			      const struct shim_log *then)
{
	unsigned int files = count_files(first);
	struct shim_log *joined = calloc(1, sizeof(*joined));
	unsigned int *number = calloc(count_files(then) + 1, sizeof(*number));

	must(joined != NULL && number != NULL, "calloc");
	joined->begin = at;
	joined->max = at + then->count;
	joined->event = calloc(joined->max, sizeof(*joined->event));
	must(joined->event != NULL, "calloc");
	memcpy(joined->event, first->event, at * sizeof(*joined->event));
	joined->count = at;
	find_numbers(first, at, then, number);
	for (size_t i = then->begin; i < then->count; i++) {
		struct shim_event *event = &joined->event[joined->count++];

		*event = then->event[i];
		event->since += at - then->begin;	/* may wrap: unused */
		if (event->file > 0 && number[event->file] == 0) {
			number[event->file] = ++files;
		}
		event->file = number[event->file];
	}
	free(number);
	return joined;
}

void remains_unjoin(struct shim_log *joined)
{
	free(joined->event);
	free(joined);
}

/* ---- is the log complete? ---- */

static const char *compare_file(const char *path, const struct content *want)
{
	static char wrong[PATH_MAX + 80];
	uint8_t *data = malloc(want->len + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 && data != NULL ?
			      read(fd, data, want->len + 1) : -1;
	bool same = len == (ssize_t)want->len;

	if (same && want->len > 0) {
		same = memcmp(data, want->data, want->len) == 0;
	}
	if (fd >= 0) {
		close(fd);
	}
	free(data);
	snprintf(wrong, sizeof(wrong), "%s is not as the log says", path);
	return same ? NULL : wrong;
}

static unsigned int count_names(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry = NULL;
	unsigned int count = 0;

	must(dir != NULL, path);
	while ((entry = readdir(dir)) != NULL) {
		count += entry->d_name[0] != '.';
	}
	closedir(dir);
	return count;
}

const char *remains_compare(const struct shim_log *log, const char *path)
{
	struct fate fate = { .mode = REMAINS_KEPT };
	struct remains *image = remains_create(log);
	struct content content = { 0 };
	const char *wrong = NULL;
	struct folder folder;
	char name[PATH_MAX];

	remains_advance(image, log->count);
	folder = names_of(image, &fate, NULL);
	if (folder.count != count_names(path)) {
		wrong = "there are not as many names as the log says";
	}
	for (unsigned int i = 0; i < folder.count && wrong == NULL; i++) {
		snprintf(name, sizeof(name), "%s/%s", path,
			 folder.entry[i].name);
		content_of(image, folder.entry[i].file, &fate, NULL, &content);
		wrong = compare_file(name, &content);
	}
	free(content.data);
	remains_free(image);
	return wrong;
}

void remains_clean(const char *path)
{
	DIR *dir = NULL;
	struct dirent *entry = NULL;
	char name[PATH_MAX];

	if (mkdir(path, 0700) == 0) {
		return;
	}
	dir = opendir(path);
	must(dir != NULL, path);
	while ((entry = readdir(dir)) != NULL) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		must(entry->d_name[0] == '.' || unlink(name) == 0, name);
	}
	closedir(dir);
}
