/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The C library's ways to a file, in its own names. The executable's functions
 * stand before those of libraries, so libtdb calls these too; RTLD_NEXT has the
 * real ones. Each name has its twins: those with 64 at the end, and those that
 * _FORTIFY_SOURCE makes of a call whose buffer it can see.
 *
 * One call at a time is made and written down, but syncs: what others write
 * meanwhile is just what a sync does not promise.
 */
#undef _FORTIFY_SOURCE		/* its inline functions have these names too */

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "faults/alloc.h"
#include "faults/shim_private.h"

#define SHIM __attribute__((visibility("default")))
#define REAL(name) \
	__extension__ ({ \
		static __typeof__(&name) real_; \
		if (__atomic_load_n(&real_, __ATOMIC_RELAXED) == NULL) { \
			__atomic_store_n(&real_, \
					 (__typeof__(&name))dlsym(RTLD_NEXT, \
								  #name), \
					 __ATOMIC_RELAXED); \
		} \
		__atomic_load_n(&real_, __ATOMIC_RELAXED); \
	})

bool shim_is_uninterruptible(void)
{
	void *frame[8];
	int frames = backtrace(frame, 8);
	sigset_t blocked;
	Dl_info info;

	if (pthread_sigmask(SIG_BLOCK, NULL, &blocked) != 0 ||
	    !sigismember(&blocked, SIGTERM)) {
		return false;
	}
	for (int i = 0; i < frames; i++) {
		if (dladdr(frame[i], &info) != 0 &&
		    strstr(info.dli_fname, "libtdb") != NULL) {
			return true;
		}
	}
	return false;
}

/* Begin a call: the lock is taken. True if it fails; errno is set then. */
static bool fails(enum shim_kind kind, const char *call, const char *name,
		  size_t *len)
{
	int error = 0;

	shim_lock();
	error = shim_fault_of(kind, call, name, len);
	if (error != 0) {
		shim_unlock();
		errno = error;
	}
	return error != 0;
}

static void end_call(void)
{
	int saved = errno;

	shim_unlock();
	errno = saved;
}

/* ---- opening and closing ---- */

static int do_open(const char *path, int flags, mode_t mode)
{
	const char *name = shim_name_of_path(path);
	int fd = -1;

	if (name == NULL) {
		return REAL(open)(path, flags, mode);
	}
	if (flags & (O_DIRECT | (O_SYNC & ~O_DSYNC) | O_DSYNC) ||
	    (flags & O_TMPFILE) == O_TMPFILE) {
		shim_refuse("open with strange flags", name);
	}
	if (fails(SHIM_OPEN, "open", name, NULL)) {
		return -1;
	}
	fd = REAL(open)(path, flags, mode);
	if (fd >= 0) {
		shim_note_opened(fd, name, (flags & O_TRUNC) != 0);
	}
	end_call();
	return fd;
}

static int do_openat(int dir, const char *path, int flags, mode_t mode)
{
	if (shim_name_of_fd(dir) != NULL && *path != '/') {
		shim_refuse("openat", path);
	}
	return *path == '/' ? do_open(path, flags, mode) :
			      REAL(openat)(dir, path, flags, mode);
}

static mode_t mode_of(int flags, va_list args)
{
	bool has_mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;

	return has_mode ? (mode_t)va_arg(args, unsigned int) : 0;
}

#define OPEN(name) \
	SHIM int name(const char *path, int flags, ...) \
	{ \
		va_list args; \
		int fd = -1; \
		va_start(args, flags); \
		fd = do_open(path, flags, mode_of(flags, args)); \
		va_end(args); \
		return fd; \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
	SHIM int name(int dir, const char *path, int flags, ...) \
	{ \
		va_list args; \
		int fd = -1; \
		va_start(args, flags); \
		fd = do_openat(dir, path, flags, mode_of(flags, args)); \
		va_end(args); \
		return fd; \
	}
OPENAT(openat)
OPENAT(openat64)

#define OPEN_2(name) \
	SHIM int name(const char *path, int flags); \
	SHIM int name(const char *path, int flags) \
	{ \
		return do_open(path, flags, 0); \
	}
OPEN_2(__open_2)
OPEN_2(__open64_2)

SHIM int creat(const char *path, mode_t mode)
{
	return do_open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

SHIM int close(int fd)
{
	const char *name = shim_name_of_fd(fd);
	int error = 0, ret = 0;

	if (name == NULL) {
		return REAL(close)(fd);
	}
	shim_lock();
	error = shim_fault_of(SHIM_CLOSE, "close", name, NULL);
	shim_note_closed(fd);
	ret = REAL(close)(fd);
	end_call();
	if (error != 0) {
		errno = error;
		return -1;
	}
	return ret;
}

static int duplicated(int from, int fd)
{
	if (fd >= 0) {
		shim_note_duplicate(from, fd);
	}
	end_call();
	return fd;
}

SHIM int dup(int fd)
{
	shim_lock();
	return duplicated(fd, REAL(dup)(fd));
}

SHIM int dup2(int fd, int to)
{
	shim_lock();
	return duplicated(fd, REAL(dup2)(fd, to));
}

SHIM int dup3(int fd, int to, int flags)
{
	shim_lock();
	return duplicated(fd, REAL(dup3)(fd, to, flags));
}

/* ---- reading ---- */

static ssize_t do_read(int fd, void *buf, size_t len)
{
	const char *name = shim_name_of_fd(fd);
	ssize_t ret = -1;

	if (name == NULL) {
		return REAL(read)(fd, buf, len);
	}
	if (fails(SHIM_READ, "read", name, &len)) {
		return -1;
	}
	ret = REAL(read)(fd, buf, len);
	end_call();
	return ret;
}

static ssize_t do_pread(int fd, void *buf, size_t len, off_t offset)
{
	const char *name = shim_name_of_fd(fd);
	ssize_t ret = -1;

	if (name == NULL) {
		return REAL(pread)(fd, buf, len, offset);
	}
	if (fails(SHIM_READ, "pread", name, &len)) {
		return -1;
	}
	ret = REAL(pread)(fd, buf, len, offset);
	end_call();
	return ret;
}

SHIM ssize_t read(int fd, void *buf, size_t len)
{
	return do_read(fd, buf, len);
}

SHIM ssize_t __read_chk(int fd, void *buf, size_t len, size_t size);
SHIM ssize_t __read_chk(int fd, void *buf, size_t len, size_t size)
{
	return len > size ? (abort(), -1) : do_read(fd, buf, len);
}

#define PREAD(name) \
	SHIM ssize_t name(int fd, void *buf, size_t len, off_t offset) \
	{ \
		return do_pread(fd, buf, len, offset); \
	}
PREAD(pread)
PREAD(pread64)

#define PREAD_CHK(name) \
	SHIM ssize_t name(int fd, void *buf, size_t len, off_t offset, \
			  size_t size); \
	SHIM ssize_t name(int fd, void *buf, size_t len, off_t offset, \
			  size_t size) \
	{ \
		return len > size ? (abort(), -1) : \
				    do_pread(fd, buf, len, offset); \
	}
PREAD_CHK(__pread_chk)
PREAD_CHK(__pread64_chk)

/* ---- writing ---- */

static ssize_t do_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	const char *name = shim_name_of_fd(fd);
	ssize_t ret = -1;

	if (name == NULL) {
		return REAL(pwrite)(fd, buf, len, offset);
	}
	if (fails(SHIM_WRITE, "pwrite", name, &len)) {
		return -1;
	}
	ret = REAL(pwrite)(fd, buf, len, offset);
	if (ret > 0) {
		shim_note_wrote(fd, buf, (size_t)ret, (uint64_t)offset);
	}
	end_call();
	return ret;
}

#define PWRITE(name) \
	SHIM ssize_t name(int fd, const void *buf, size_t len, off_t offset) \
	{ \
		return do_pwrite(fd, buf, len, offset); \
	}
PWRITE(pwrite)
PWRITE(pwrite64)

SHIM ssize_t write(int fd, const void *buf, size_t len)
{
	const char *name = shim_name_of_fd(fd);
	off_t end = 0;
	ssize_t ret = -1;

	if (name == NULL) {
		return REAL(write)(fd, buf, len);
	}
	if (fails(SHIM_WRITE, "write", name, &len)) {
		return -1;
	}
	ret = REAL(write)(fd, buf, len);
	if (ret > 0) {
		end = lseek(fd, 0, SEEK_CUR);
		shim_note_wrote(fd, buf, (size_t)ret, (uint64_t)(end - ret));
	}
	end_call();
	return ret;
}

/* The pieces in one, so that they fail and tear as one. */
static ssize_t do_pwritev(int fd, const struct iovec *iov, int count,
			  off_t offset)
{
	size_t len = 0, at = 0;
	uint8_t *all = NULL;
	ssize_t ret = -1;

	for (int i = 0; i < count; i++) {
		len += iov[i].iov_len;
	}
	all = malloc(len + 1);
	if (all == NULL) {
		abort();
	}
	for (int i = 0; i < count; i++) {
		memcpy(all + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	ret = do_pwrite(fd, all, len, offset);
	free(all);
	return ret;
}

#define PWRITEV(name) \
	SHIM ssize_t name(int fd, const struct iovec *iov, int count, \
			  off_t offset) \
	{ \
		return shim_name_of_fd(fd) == NULL ? \
			       REAL(pwritev)(fd, iov, count, offset) : \
			       do_pwritev(fd, iov, count, offset); \
	}
PWRITEV(pwritev)
PWRITEV(pwritev64)

/* ---- lengths ---- */

static int do_ftruncate(int fd, off_t len)
{
	const char *name = shim_name_of_fd(fd);
	int ret = -1;

	if (name == NULL) {
		return REAL(ftruncate)(fd, len);
	}
	if (fails(SHIM_SIZE, "ftruncate", name, NULL)) {
		return -1;
	}
	ret = REAL(ftruncate)(fd, len);
	if (ret == 0) {
		shim_note_sized(fd, (uint64_t)len);
	}
	end_call();
	return ret;
}

SHIM int ftruncate(int fd, off_t len)
{
	return do_ftruncate(fd, len);
}

SHIM int ftruncate64(int fd, off_t len)
{
	return do_ftruncate(fd, len);
}

static void note_grown(int fd, off_t end)
{
	struct stat st;

	if (REAL(fstat)(fd, &st) == 0 && st.st_size == end) {
		shim_note_sized(fd, (uint64_t)end);
	}
}

static int do_posix_fallocate(int fd, off_t offset, off_t len)
{
	const char *name = shim_name_of_fd(fd);
	int saved = errno, err = 0;

	if (name == NULL) {
		return REAL(posix_fallocate)(fd, offset, len);
	}
	if (fails(SHIM_SIZE, "posix_fallocate", name, NULL)) {
		err = errno;
		errno = saved;		/* the error is what it returns */
		return err;
	}
	err = REAL(posix_fallocate)(fd, offset, len);
	if (err == 0) {
		note_grown(fd, offset + len);
	}
	end_call();
	return err;
}

SHIM int posix_fallocate(int fd, off_t offset, off_t len)
{
	return do_posix_fallocate(fd, offset, len);
}

SHIM int posix_fallocate64(int fd, off_t offset, off_t len)
{
	return do_posix_fallocate(fd, offset, len);
}

static int do_fallocate(int fd, int mode, off_t offset, off_t len)
{
	const char *name = shim_name_of_fd(fd);
	int ret = -1;

	if (name == NULL) {
		return REAL(fallocate)(fd, mode, offset, len);
	}
	if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0) {
		shim_refuse("fallocate with a strange mode", name);
	}
	if (fails(SHIM_SIZE, "fallocate", name, NULL)) {
		return -1;
	}
	ret = REAL(fallocate)(fd, mode, offset, len);
	if (ret == 0) {
		note_grown(fd, offset + len);
	}
	end_call();
	return ret;
}

SHIM int fallocate(int fd, int mode, off_t offset, off_t len)
{
	return do_fallocate(fd, mode, offset, len);
}

SHIM int fallocate64(int fd, int mode, off_t offset, off_t len)
{
	return do_fallocate(fd, mode, offset, len);
}

/* ---- syncing ---- */

static int sync_file(int fd, const char *call, int (*real)(int fd))
{
	const char *name = shim_name_of_fd(fd);
	unsigned int usec = 0;
	size_t since = 0;
	int ret = 0;

	if (name == NULL) {
		return real(fd);
	}
	if (fails(SHIM_SYNC, call, name, NULL)) {
		return -1;
	}
	usec = shim_usec_of(name);
	end_call();
	since = shim_position();
	ret = real(fd);
	if (usec > 0) {
		usleep(usec);
	}
	shim_lock();
	if (ret == 0) {
		shim_note_synced(fd, since);
	}
	end_call();
	return ret;
}

SHIM int fsync(int fd)
{
	return sync_file(fd, "fsync", REAL(fsync));
}

SHIM int fdatasync(int fd)
{
	return sync_file(fd, "fdatasync", REAL(fdatasync));
}

/* ---- names ---- */

SHIM int rename(const char *from, const char *to)
{
	const char *name = shim_name_of_path(from);
	int ret = -1;

	if (name == NULL && shim_name_of_path(to) == NULL) {
		return REAL(rename)(from, to);
	}
	if (name == NULL || shim_name_of_path(to) == NULL) {
		shim_refuse("rename", from);
	}
	if (fails(SHIM_NAME, "rename", name, NULL)) {
		return -1;
	}
	ret = REAL(rename)(from, to);
	if (ret == 0) {
		shim_note_renamed(name, shim_name_of_path(to));
	}
	end_call();
	return ret;
}

SHIM int renameat2(int from_dir, const char *from, int to_dir, const char *to,
		   unsigned int flags)
{
	const char *name = shim_name_of_path(from);
	int ret = -1;

	if (name == NULL) {
		return REAL(renameat2)(from_dir, from, to_dir, to, flags);
	}
	if (flags & ~1u || shim_name_of_path(to) == NULL) {
		shim_refuse("renameat2", from);	/* 1: do not replace */
	}
	if (fails(SHIM_NAME, "renameat2", name, NULL)) {
		return -1;
	}
	ret = REAL(renameat2)(from_dir, from, to_dir, to, flags);
	if (ret == 0) {
		shim_note_renamed(name, shim_name_of_path(to));
	}
	end_call();
	return ret;
}

SHIM int link(const char *from, const char *to)
{
	const char *name = shim_name_of_path(from);
	int ret = -1;

	if (name == NULL) {
		return REAL(link)(from, to);
	}
	if (fails(SHIM_NAME, "link", name, NULL)) {
		return -1;
	}
	ret = REAL(link)(from, to);
	if (ret == 0) {
		shim_note_linked(name, shim_name_of_path(to));
	}
	end_call();
	return ret;
}

static int take_away(const char *path, int (*real)(const char *path))
{
	const char *name = shim_name_of_path(path);
	int ret = -1;

	if (name == NULL) {
		return real(path);
	}
	if (fails(SHIM_NAME, "unlink", name, NULL)) {
		return -1;
	}
	ret = real(path);
	if (ret == 0) {
		shim_note_unlinked(name);
	}
	end_call();
	return ret;
}

SHIM int unlink(const char *path)
{
	return take_away(path, REAL(unlink));
}

SHIM int remove(const char *path)
{
	return take_away(path, REAL(remove));
}

/* ---- looking ---- */

#define STAT(name, type) \
	SHIM int name(const char *path, struct type *st) \
	{ \
		const char *inside = shim_name_of_path(path); \
		if (inside != NULL && fails(SHIM_STAT, #name, inside, NULL)) { \
			return -1; \
		} \
		if (inside != NULL) { \
			end_call(); \
		} \
		return REAL(name)(path, st); \
	}
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)

#define FSTAT(name, type) \
	SHIM int name(int fd, struct type *st) \
	{ \
		const char *inside = shim_name_of_fd(fd); \
		if (inside != NULL && fails(SHIM_STAT, #name, inside, NULL)) { \
			return -1; \
		} \
		if (inside != NULL) { \
			end_call(); \
		} \
		return REAL(name)(fd, st); \
	}
FSTAT(fstat, stat)
FSTAT(fstat64, stat64)

/* ---- what nobody may do to these files ---- */

#define MMAP(name) \
	SHIM void *name(void *addr, size_t len, int prot, int flags, int fd, \
			off_t offset) \
	{ \
		if (shim_name_of_fd(fd) != NULL) { \
			shim_refuse("mmap", shim_name_of_fd(fd)); \
		} \
		if (alloc_fails_map(flags)) { \
			errno = ENOMEM; \
			return MAP_FAILED; \
		} \
		return REAL(name)(addr, len, prot, flags, fd, offset); \
	}
MMAP(mmap)
MMAP(mmap64)

#define FORBID(ret, name, params, args, fd) \
	SHIM ret name params \
	{ \
		if (shim_name_of_fd(fd) != NULL) { \
			shim_refuse(#name, shim_name_of_fd(fd)); \
		} \
		return REAL(name) args; \
	}
FORBID(ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n),
       fd)
FORBID(ssize_t, pwritev2,
       (int fd, const struct iovec *iov, int n, off_t offset, int flags),
       (fd, iov, n, offset, flags), fd)
FORBID(ssize_t, copy_file_range,
       (int in, off_t *from, int out, off_t *to, size_t len,
	unsigned int flags), (in, from, out, to, len, flags), out)
FORBID(int, sync_file_range, (int fd, off_t from, off_t len,
			      unsigned int flags), (fd, from, len, flags), fd)

#define FORBID_PATH(ret, name, params, args, path) \
	SHIM ret name params \
	{ \
		if (shim_name_of_path(path) != NULL) { \
			shim_refuse(#name, path); \
		} \
		return REAL(name) args; \
	}
FORBID_PATH(int, truncate, (const char *path, off_t len), (path, len), path)
FORBID_PATH(int, renameat, (int a, const char *path, int b, const char *to),
	    (a, path, b, to), path)
FORBID_PATH(int, linkat, (int a, const char *path, int b, const char *to,
			  int flags), (a, path, b, to, flags), path)
FORBID_PATH(int, unlinkat, (int dir, const char *path, int flags),
	    (dir, path, flags), path)
FORBID_PATH(int, symlink, (const char *to, const char *path), (to, path), path)
