/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The records of a server of ours that does not run, one by one from its
 * files, under its lock.
 */
#ifndef WINSMIGRATE_OWN_STORED_H
#define WINSMIGRATE_OWN_STORED_H

#include <talloc.h>

#include "common/toolconfig.h"
#include "core/record.h"

struct stored;

/* 0 or an errno, and *message on mem_ctx; EBUSY: somebody has the lock. */
int stored_open(TALLOC_CTX *mem_ctx, const struct tool_places *places,
		struct stored **stored, char **message);

/*
 * The next record, with owners as addresses (0: the server never had one) and
 * times of the wall clock: 1, 0 at the end, -1 and *message.
 */
int stored_next(struct stored *stored, struct nb_record *rec, char **message);

#endif
