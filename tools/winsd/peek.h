/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The three values of the configuration that the host needs before the module
 * has read it: directories to make while it is root, and where its log goes.
 */
#ifndef WINSD_PEEK_H
#define WINSD_PEEK_H

#include "winsd/options.h"

#define PEEK_LOG_FILE	"log file"	/* of the host, so in no option table */

struct peek {
	const char *state_directory;	/* never NULL */
	const char *lock_directory;	/* never NULL */
	const char *log_file;		/* or NULL */
};

/*
 * --option, else the file, else what was built in. Whatever is wrong with the
 * file is passed over: the module says it better. All hangs off mem_ctx.
 */
void peek_config(TALLOC_CTX *mem_ctx, const struct winsd_options *options,
		 struct peek *peek);

#endif
