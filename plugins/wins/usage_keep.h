/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What serve counts for `wins:usage` outlives a restart: read from
 * STATE/usage.tdb at the start, written there every five minutes and at a
 * clean end. No turn waits for it: the tables are copied in slices between
 * turns, the file is written in a thread.
 */
#ifndef WINS_USAGE_KEEP_H
#define WINS_USAGE_KEEP_H

#include <talloc.h>
#include <tevent.h>

#include "core/world.h"
#include "serve/serve.h"

#define USAGE_KEEP_SECONDS	300

struct usage_keep;

/*
 * Read what is there, and keep it from now on. A file that is damaged or of
 * another format is set aside as PATH.damaged, with a line in the log; nothing
 * but memory keeps a server from starting. serve outlives it; talloc_free()
 * writes what is not written yet.
 */
int usage_keep_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
		      const struct nb_world *world, struct serve *serve,
		      const char *path, struct usage_keep **keep);

/*
 * wins:usage may have changed: with off the file goes at once, and who was a
 * client goes from it without waiting for five minutes.
 */
void usage_keep_follow(struct usage_keep *keep);

#endif
