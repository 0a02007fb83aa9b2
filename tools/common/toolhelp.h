/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pieces of help that tools with a table of commands print alike.
 */
#ifndef WINSD_TOOLS_TOOLHELP_H
#define WINSD_TOOLS_TOOLHELP_H

#include <popt.h>
#include <stdio.h>

/* Two columns: what is typed, what it does. */
void tool_help_row(FILE *file, const char *typed, const char *does);

/* The rows of an option table; tables that it includes are left out. */
void tool_help_options(FILE *file, const struct poptOption *options);

/* A title, and the lines of a text, indented. NULL: nothing. */
void tool_help_examples(FILE *file, const char *lines);

#endif
