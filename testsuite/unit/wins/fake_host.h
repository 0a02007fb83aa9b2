/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A host for the tests of the configuration: a file with the given text, a
 * list of overrides, and a log that is kept.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wins/config.h"

#define FAKE_FILE	"fake-host.conf"	/* in a directory of its own */

struct fake_host {
	struct wins_host host;
	char directory[32];
	char file[64];
	char log[8192];			/* lines, each with its newline */
	const char *override[8][2];	/* name, value; NULL at the end */
};

static inline const char *fake_get_option(void *priv, const char *name)
{
	struct fake_host *fake = priv;

	for (int i = 0; fake->override[i][0] != NULL; i++) {
		if (strcmp(fake->override[i][0], name) == 0) {
			return fake->override[i][1];
		}
	}
	return NULL;
}

static inline void fake_log(void *priv, int level, const char *line)
{
	struct fake_host *fake = priv;
	size_t len = strlen(fake->log);

	snprintf(fake->log + len, sizeof(fake->log) - len, "%d %s\n", level,
		 line);
}

/* Set up; text NULL: no file. */
static inline void fake_host_open(struct fake_host *fake, TALLOC_CTX *mem_ctx,
				  const char *host_name)
{
	memset(fake, 0, sizeof(*fake));
	strcpy(fake->directory, "/tmp/winsd-test-XXXXXX");
	if (mkdtemp(fake->directory) == NULL) {
		abort();
	}
	snprintf(fake->file, sizeof(fake->file), "%s/%s", fake->directory,
		 FAKE_FILE);
	fake->host = (struct wins_host){
		.abi = WINS_HOST_ABI,
		.size = sizeof(struct wins_host),
		.host_name = host_name,
		.mem_ctx = mem_ctx,
		.priv = fake,
		.get_option = fake_get_option,
		.state_directory = "/var/lib/fake",
		.lock_directory = "/run/fake",
		.log = fake_log,
	};
}

static inline void fake_host_write(struct fake_host *fake, const char *text,
				   size_t len)
{
	FILE *f = fopen(fake->file, "wb");

	if (f == NULL || fwrite(text, 1, len, f) != len || fclose(f) != 0) {
		abort();
	}
	fake->host.config_file = fake->file;
	fake->log[0] = '\0';
}

static inline void fake_host_close(struct fake_host *fake)
{
	unlink(fake->file);
	rmdir(fake->directory);
}

#endif
