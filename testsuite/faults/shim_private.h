/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What shim_libc.c, the calls, asks of shim.c, the book. */
#ifndef WINSD_FAULTS_SHIM_PRIVATE_H
#define WINSD_FAULTS_SHIM_PRIVATE_H

#include "faults/shim.h"

/* Is it in the watched folder? Its name there, "/" for the folder, or NULL. */
const char *shim_name_of_path(const char *path);
const char *shim_name_of_fd(int fd);

/*
 * Shall this call fail? 0, or the errno; *len (may be NULL) may get shorter.
 * The lock is held; name is not NULL.
 */
int shim_fault_of(enum shim_kind kind, const char *call, const char *name,
		  size_t *len);

/* How long a sync of it shall take. The lock is held. */
unsigned int shim_usec_of(const char *name);

/* Is libtdb making this call, in a thread that takes no signals? */
bool shim_is_uninterruptible(void);

/* One call at a time, from its beginning to its line in the book. */
void shim_lock(void);
void shim_unlock(void);

/* What happened. The lock is held. */
void shim_note_opened(int fd, const char *name, bool truncated);
void shim_note_duplicate(int from, int fd);
void shim_note_closed(int fd);
void shim_note_wrote(int fd, const void *data, size_t len, uint64_t offset);
void shim_note_sized(int fd, uint64_t size);
void shim_note_synced(int fd, size_t since);
void shim_note_renamed(const char *name, const char *to);
void shim_note_linked(const char *name, const char *to);
void shim_note_unlinked(const char *name);

/* A way round us. */
void shim_refuse(const char *call, const char *name)
	__attribute__((noreturn));

#endif
