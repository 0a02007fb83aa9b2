/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the command line of winsd says. Options choose how to run; what the
 * server does is in its configuration file, which --option may override.
 */
#ifndef WINSD_OPTIONS_H
#define WINSD_OPTIONS_H

#include <stdbool.h>
#include <talloc.h>

#include "common/tool.h"

enum winsd_mode {
	WINSD_RUN,		/* in the foreground */
	WINSD_DAEMON,
	WINSD_TEST,		/* check the configuration */
	WINSD_SHOWN,		/* help or version was printed: nothing to do */
};

struct winsd_override {
	const char *name;	/* as the option table writes it */
	char *value;
};

struct winsd_options {
	enum winsd_mode mode;
	bool interactive;	/* -i was given */
	char *config_file;	/* absolute where the file exists */
	char *module;		/* path of wins.so */
	char *user;		/* --user, or NULL */
	int debug_level;	/* -d, or -1 */
	struct winsd_override *override;
	unsigned int overrides;
};

/*
 * Read the command line. Returns TOOL_OK, or TOOL_USAGE after printing to
 * stderr what is wrong. All of *options hangs off mem_ctx.
 */
int options_parse(TALLOC_CTX *mem_ctx, int argc, const char **argv,
		  struct winsd_options *options);

/* The overriding value of an option, or NULL. The last one given counts. */
const char *options_override(const struct winsd_options *options,
			     const char *name);

#endif
