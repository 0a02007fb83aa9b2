/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names and deletion of backups, see backup_files.h.
 *
 * The order is the names', not the files' times: a copy that was moved back
 * here keeps its age. A wall clock that was wrong once gives one name that is
 * out of order; at worst that copy stays longer or goes earlier than it
 * should, and the one just made is never judged by its name.
 *
 * A backup must not be what fills the server's disk, so room is looked for
 * first. That is no promise, only fairness: somebody else may take it.
 */
#include "backup_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define DIGITS		"0123456789"
#define FORM		"wins-dddddddd-dddddd"	/* d: a digit */
#define FORM_LEN	20
#define END		".tdb"
#define UNFINISHED	".part"		/* behind it, while tdbfile_copy() works */
#define SERIALS		1000		/* of one second */
#define SPARE_BYTES	(8u << 20)	/* left free for the server itself */
#define YEAR_9999	INT64_C(253402300799)

char *backup_name(int64_t wall, unsigned int serial, char name[BACKUP_NAME])
{
	time_t when = wall < 0 ? 0 : wall > YEAR_9999 ? YEAR_9999 : wall;
	struct tm tm = { .tm_year = 0 };
	size_t len = 0;

	(void)gmtime_r(&when, &tm);
	len = strftime(name, BACKUP_NAME, "wins-%Y%m%d-%H%M%S", &tm);
	if (serial > 0) {
		len += (size_t)snprintf(name + len, BACKUP_NAME - len, "-%u",
					serial % SERIALS);
	}
	(void)snprintf(name + len, BACKUP_NAME - len, END);
	return name;
}

/* The serial number of a name, 0 if it has none, -1 if it is no such name. */
static int serial_of(const char *name)
{
	size_t digits = 0;
	int serial = 0;

	for (size_t i = 0; i < FORM_LEN; i++) {
		if (FORM[i] == 'd' ? name[i] < '0' || name[i] > '9' :
				     name[i] != FORM[i]) {
			return -1;
		}
	}
	name += FORM_LEN;
	if (*name == '-') {
		digits = strspn(++name, DIGITS);
		if (digits < 1 || digits > 3 || *name == '0') {
			return -1;
		}
		serial = atoi(name);
		name += digits;
	}
	return strcmp(name, END) == 0 ? serial : -1;
}

bool backup_is_name(const char *name)
{
	return serial_of(name) >= 0;
}

int backup_compare(const char *a, const char *b)
{
	int order = strncmp(a, b, FORM_LEN);

	return order != 0 ? order : serial_of(a) - serial_of(b);
}

/* ---- the folder ---- */

static int open_folder(const char *folder, int *fd)
{
	*fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd == -1 ? errno : 0;
}

/* Call fn for each file; the first errno, of reading or of fn. */
static int each_file(int fd, int (*fn)(void *arg, int fd, const char *name),
		     void *arg)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy == -1 ? NULL : fdopendir(copy);
	const struct dirent *entry = NULL;
	int first = dir == NULL ? errno : 0;

	if (dir == NULL) {
		if (copy != -1) {
			close(copy);
		}
		return first;
	}
	do {
		int ret = 0;

		errno = 0;
		entry = readdir(dir);
		ret = entry == NULL ? errno : fn(arg, fd, entry->d_name);
		first = first != 0 ? first : ret;
	} while (entry != NULL);
	closedir(dir);
	return first;
}

static bool is_file(int fd, const char *name)
{
	struct stat st;

	return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}

static int remove_file(int fd, const char *name)
{
	return unlinkat(fd, name, 0) == 0 || errno == ENOENT ? 0 : errno;
}

/* ---- before a copy ---- */

static int remove_unfinished(void *arg, int fd, const char *name)
{
	size_t len = strlen(name), end = strlen(UNFINISHED);
	char whole[BACKUP_NAME] = "";

	(void)arg;
	if (len <= end || len - end >= sizeof(whole) ||
	    strcmp(name + len - end, UNFINISHED) != 0) {
		return 0;
	}
	memcpy(whole, name, len - end);
	if (backup_is_name(whole) && is_file(fd, name)) {
		(void)remove_file(fd, name);	/* the next one tries again */
	}
	return 0;
}

static int find_room(int fd, uint64_t bytes)
{
	struct statvfs vfs;

	if (fstatvfs(fd, &vfs) != 0) {
		return errno;
	}
	return vfs.f_frsize * (uint64_t)vfs.f_bavail < bytes + SPARE_BYTES ?
	       ENOSPC : 0;
}

static int find_name(int fd, int64_t wall, char name[BACKUP_NAME])
{
	struct stat st;

	for (unsigned int serial = 0; serial < SERIALS; serial++) {
		backup_name(wall, serial, name);
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			return errno == ENOENT ? 0 : errno;
		}
	}
	return EEXIST;
}

int backup_prepare(const char *folder, int64_t wall, uint64_t bytes,
		   char name[BACKUP_NAME])
{
	int fd = -1;
	int ret = 0;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		return errno;
	}
	ret = open_folder(folder, &fd);
	if (ret != 0) {
		return ret;
	}
	ret = each_file(fd, remove_unfinished, NULL);
	if (ret == 0) {
		ret = find_room(fd, bytes);
	}
	if (ret == 0) {
		ret = find_name(fd, wall, name);
	}
	close(fd);
	return ret;
}

/* ---- after a copy ---- */

struct copies {
	const char *fresh;		/* not one of them */
	char (*name)[BACKUP_NAME];
	size_t count;
	size_t max;
};

static int note_copy(void *arg, int fd, const char *name)
{
	struct copies *copies = arg;
	char (*more)[BACKUP_NAME] = NULL;

	if (!backup_is_name(name) || strcmp(name, copies->fresh) == 0 ||
	    !is_file(fd, name)) {
		return 0;
	}
	if (copies->count == copies->max) {
		copies->max = 2 * copies->max + 16;
		more = realloc(copies->name, copies->max * sizeof(*more));
		if (more == NULL) {
			return ENOMEM;
		}
		copies->name = more;
	}
	(void)snprintf(copies->name[copies->count++], BACKUP_NAME, "%s", name);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return backup_compare(a, b);
}

static int delete_oldest(int fd, struct copies *copies, unsigned int keep)
{
	int first = 0;

	if (copies->count == 0) {
		return 0;
	}
	qsort(copies->name, copies->count, BACKUP_NAME, compare_names);
	for (size_t i = 0; i + keep <= copies->count; i++) {
		int ret = remove_file(fd, copies->name[i]);

		first = first != 0 ? first : ret;
	}
	return first;
}

int backup_prune(const char *folder, unsigned int keep, const char *fresh)
{
	struct copies copies = { .fresh = fresh };
	int fd = -1;
	int ret = open_folder(folder, &fd);

	if (ret != 0) {
		return ret;
	}
	/* of a list that is not whole nobody knows which ones are the oldest */
	ret = each_file(fd, note_copy, &copies);
	if (ret == 0) {
		ret = delete_oldest(fd, &copies, keep);
	}
	free(copies.name);
	close(fd);
	return ret;
}
