/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress: the command. */
#ifndef WINSMIGRATE_LIVE_PROGRESS_H
#define WINSMIGRATE_LIVE_PROGRESS_H

#include "migrate/winsmigrate.h"

extern const struct poptOption progress_options[];
int run_progress(struct tool_call *call);

#endif
