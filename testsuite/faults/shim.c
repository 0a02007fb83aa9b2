/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The book of the shim: which descriptor is which file, which name is which
 * file, what was done, what shall fail.
 *
 * Files are known by their inode as long as a name or a descriptor holds them;
 * a number is never used again in one log, an inode number may be.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults/alloc.h"
#include "faults/shim_private.h"

#define FDS	1024
#define NAMES	64
#define FOLDER	UINT_MAX	/* instead of a file's number */

struct named {
	char *name;
	unsigned int file;
	ino_t inode;			/* of what was there at the start */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t folder_len;		/* 0: nothing is watched */
static struct named names[NAMES];
static unsigned int files;		/* numbers given */
static unsigned int file_of_fd[FDS];
static char *name_of_fd[FDS];		/* that it was opened by */
static struct shim_log *book;		/* NULL: nothing is written down */
static const char *lie;
static const char *slow;
static unsigned int slow_usec;
static struct shim_fault fault;
static unsigned int calls, failed;
static char failed_call[128];
static bool is_theirs;

void shim_lock(void)
{
	pthread_mutex_lock(&lock);
	alloc_pause();
}

void shim_unlock(void)
{
	alloc_resume();
	pthread_mutex_unlock(&lock);
}

static void must(bool truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "shim: %s\n", what);
		abort();
	}
}

void shim_refuse(const char *call, const char *name)
{
	fprintf(stderr, "shim: %s of %s goes round the shim\n", call, name);
	abort();
}

/* ---- names ---- */

const char *shim_name_of_path(const char *path)
{
	if (folder_len == 0 || path == NULL ||
	    strncmp(path, folder, folder_len) != 0) {
		return NULL;
	}
	path += folder_len;
	if (*path == '\0' || strcmp(path, "/") == 0) {
		return "/";
	}
	if (*path != '/') {
		return NULL;
	}
	must(strchr(path + 1, '/') == NULL, "the folder must be flat");
	return path + 1;
}

const char *shim_name_of_fd(int fd)
{
	if (fd < 0 || fd >= FDS || file_of_fd[fd] == 0) {
		return NULL;
	}
	return name_of_fd[fd];
}

static struct named *find_name(const char *name)
{
	for (unsigned int i = 0; i < NAMES; i++) {
		if (names[i].name != NULL && strcmp(names[i].name, name) == 0) {
			return &names[i];
		}
	}
	return NULL;
}

static void set_name(const char *name, unsigned int file)
{
	struct named *at = find_name(name);

	for (unsigned int i = 0; i < NAMES && at == NULL; i++) {
		at = names[i].name == NULL ? &names[i] : NULL;
	}
	must(at != NULL, "too many names");
	free(at->name);
	at->name = file != 0 ? strdup(name) : NULL;
	at->file = file;
}

/* ---- the log ---- */

static char *copy_text(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

static struct shim_event *add_event(enum shim_what what, unsigned int file,
				    const char *name, const char *to)
{
	static struct shim_event nowhere;
	struct shim_event *event = &nowhere;

	if (book == NULL) {
		return event;
	}
	if (book->count == book->max) {
		book->max = 2 * book->max + 256;
		book->event = realloc(book->event,
				      book->max * sizeof(*book->event));
		must(book->event != NULL, "no memory");
	}
	event = &book->event[book->count++];
	*event = (struct shim_event){
		.what = what,
		.file = file,
		.name = copy_text(name),
		.to = copy_text(to),
	};
	return event;
}

static void add_write(unsigned int file, const void *data, size_t len,
		      uint64_t offset)
{
	struct shim_event *event = NULL;

	if (book == NULL || len == 0) {
		return;
	}
	event = add_event(SHIM_WROTE, file, NULL, NULL);
	event->data = malloc(len);
	must(event->data != NULL, "no memory");
	memcpy(event->data, data, len);
	event->len = len;
	event->offset = offset;
}

void shim_note_opened(int fd, const char *name, bool truncated)
{
	struct named *named = find_name(name);
	unsigned int file = named != NULL ? named->file : 0;

	must(fd < FDS && file_of_fd[fd] == 0, "descriptors went astray");
	if (strcmp(name, "/") == 0) {
		file = FOLDER;
	} else if (file == 0) {
		file = ++files;
		set_name(name, file);
		add_event(SHIM_CREATED, file, name, NULL);
	} else if (truncated) {
		add_event(SHIM_SIZED, file, NULL, NULL)->offset = 0;
	}
	file_of_fd[fd] = file;
	name_of_fd[fd] = strdup(name);
}

void shim_note_closed(int fd)
{
	if (fd >= 0 && fd < FDS && file_of_fd[fd] != 0) {
		file_of_fd[fd] = 0;
		free(name_of_fd[fd]);
		name_of_fd[fd] = NULL;
	}
}

void shim_note_duplicate(int from, int fd)
{
	shim_note_closed(fd);
	if (shim_name_of_fd(from) != NULL) {
		must(fd < FDS, "descriptors went astray");
		file_of_fd[fd] = file_of_fd[from];
		name_of_fd[fd] = strdup(name_of_fd[from]);
	}
}

void shim_note_wrote(int fd, const void *data, size_t len, uint64_t offset)
{
	add_write(file_of_fd[fd], data, len, offset);
}

void shim_note_sized(int fd, uint64_t size)
{
	add_event(SHIM_SIZED, file_of_fd[fd], NULL, NULL)->offset = size;
}

void shim_note_synced(int fd, size_t since)
{
	bool is_folder = file_of_fd[fd] == FOLDER;

	if (lie != NULL && strstr(name_of_fd[fd], lie) != NULL) {
		return;
	}
	add_event(is_folder ? SHIM_FOLDER_SYNCED : SHIM_SYNCED,
		  is_folder ? 0 : file_of_fd[fd], NULL, NULL)->since = since;
}

void shim_note_renamed(const char *name, const char *to)
{
	struct named *from = find_name(name);
	unsigned int file = from != NULL ? from->file : 0;

	must(file != 0, "renamed what was never there");
	set_name(name, 0);
	set_name(to, file);
	add_event(SHIM_RENAMED, file, name, to);
}

void shim_note_linked(const char *name, const char *to)
{
	struct named *from = find_name(name);

	must(from != NULL, "linked what was never there");
	set_name(to, from->file);
	add_event(SHIM_LINKED, from->file, name, to);
}

void shim_note_unlinked(const char *name)
{
	set_name(name, 0);
	add_event(SHIM_UNLINKED, 0, name, NULL);
}

size_t shim_position(void)
{
	size_t position = 0;

	shim_lock();
	position = book != NULL ? book->count : 0;
	shim_unlock();
	return position;
}

/* ---- beginning and end ---- */

static void forget_all(void)
{
	for (unsigned int i = 0; i < NAMES; i++) {
		free(names[i].name);
		names[i] = (struct named){ .file = 0 };
	}
	for (int fd = 0; fd < FDS; fd++) {
		must(file_of_fd[fd] == 0, "a watched file is open");
	}
	files = 0;
}

static uint8_t *read_all(const char *name, size_t *len)
{
	char path[PATH_MAX + NAME_MAX + 2];
	uint8_t *data = NULL;
	struct stat st;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	folder_len = 0;		/* this is not for the book */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && fstat(fd, &st) == 0, "cannot read a file");
	*len = (size_t)st.st_size;
	data = malloc(*len + 1);
	must(data != NULL && read(fd, data, *len) == st.st_size,
	     "cannot read a file");
	close(fd);
	folder_len = strlen(folder);
	return data;
}

/* The name that comes first of those that this file has. */
static const struct named *first_of(unsigned int file)
{
	const struct named *named = names;

	while (named->file != file) {
		named++;
	}
	return named;
}

/* What is there already, as if it had just been made and synced. */
static void write_down_file(const struct named *named)
{
	const struct named *first = first_of(named->file);
	unsigned int file = named->file;
	size_t len = 0;
	uint8_t *data = NULL;

	if (first != named) {
		add_event(SHIM_LINKED, file, first->name, named->name);
		return;
	}
	data = read_all(named->name, &len);
	add_event(SHIM_CREATED, file, named->name, NULL);
	add_event(SHIM_SIZED, file, NULL, NULL)->offset = len;
	add_write(file, data, len, 0);
	add_event(SHIM_SYNCED, file, NULL, NULL)->since = book->count;
	free(data);
}

/* A name that was there before us: another one of its file may be known. */
static void find_file(const struct dirent *entry)
{
	unsigned int file = 0;

	for (unsigned int i = 0; i < NAMES; i++) {
		if (names[i].name != NULL && names[i].inode == entry->d_ino) {
			file = names[i].file;
		}
	}
	set_name(entry->d_name, file != 0 ? file : ++files);
	find_name(entry->d_name)->inode = entry->d_ino;
}

void shim_watch(const char *path)
{
	struct dirent *entry = NULL;
	DIR *dir = NULL;

	forget_all();
	folder_len = 0;
	if (path == NULL) {
		return;
	}
	must(book == NULL && strlen(path) < sizeof(folder), "not now");
	dir = opendir(path);
	must(dir != NULL, "no such folder");
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.') {
			find_file(entry);
		}
	}
	closedir(dir);
	strcpy(folder, path);
	folder_len = strlen(folder);
}

void shim_record(void)
{
	must(folder_len > 0 && book == NULL, "nothing to record");
	book = calloc(1, sizeof(*book));
	must(book != NULL, "no memory");
	for (unsigned int i = 0; i < NAMES; i++) {
		if (names[i].name != NULL) {
			write_down_file(&names[i]);
		}
	}
	add_event(SHIM_FOLDER_SYNCED, 0, NULL, NULL)->since = book->count;
	book->begin = book->count;
}

struct shim_log *shim_recorded(void)
{
	struct shim_log *log = NULL;

	shim_lock();
	log = book;
	book = NULL;
	shim_unlock();
	return log;
}

void shim_log_free(struct shim_log *log)
{
	for (size_t i = 0; log != NULL && i < log->count; i++) {
		free(log->event[i].data);
		free(log->event[i].name);
		free(log->event[i].to);
	}
	if (log != NULL) {
		free(log->event);
		free(log);
	}
}

void shim_lie(const char *name)
{
	lie = name;
}

void shim_slow(const char *name, unsigned int usec)
{
	slow = name;
	slow_usec = usec;
}

unsigned int shim_usec_of(const char *name)
{
	static uint32_t chance = 1;

	if (slow_usec == 0 || strstr(name, slow) == NULL) {
		return 0;
	}
	chance = chance * 1664525 + 1013904223;
	return (chance >> 8) % slow_usec;
}

unsigned int shim_open_files(void)
{
	unsigned int count = 0;

	shim_lock();
	for (int fd = 0; fd < FDS; fd++) {
		count += file_of_fd[fd] != 0;
	}
	shim_unlock();
	return count;
}

/* ---- faults ---- */

int shim_fault_of(enum shim_kind kind, const char *call, const char *name,
		  size_t *len)
{
	bool is_short = fault.error == SHIM_SHORT;

	if ((fault.kinds & kind) == 0 ||
	    (fault.name != NULL && strstr(name, fault.name) == NULL)) {
		return 0;
	}
	calls++;
	if (fault.nth == 0 || calls < fault.nth ||
	    (calls > fault.nth && !fault.for_good) ||
	    (is_short && (len == NULL || *len < 2))) {
		return 0;
	}
	if (failed++ == 0) {
		is_theirs = shim_is_uninterruptible();
		snprintf(failed_call, sizeof(failed_call), "%s %s", call, name);
	}
	if (is_short) {
		*len /= 2;
		return 0;
	}
	return fault.error;
}

void shim_fail(const struct shim_fault *wanted)
{
	shim_lock();
	fault = *wanted;
	calls = failed = 0;
	is_theirs = false;
	failed_call[0] = '\0';
	shim_unlock();
}

unsigned int shim_calls(void)
{
	return calls;
}

unsigned int shim_failed(void)
{
	return failed;
}

const char *shim_failed_call(void)
{
	return failed_call;
}

bool shim_failed_uninterruptible(void)
{
	return is_theirs;
}
