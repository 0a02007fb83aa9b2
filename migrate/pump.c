/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop, see pump.h. It knows no format and decides nothing: what a row
 * becomes is the taker's word to the tally.
 *
 * Ctrl-C is looked at between two rows, so what is out are whole rows; then
 * the program ends by the signal, for a shell loop around it must end as well.
 */
#include "migrate/pump.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "common/tool.h"
#include "migrate/progress.h"

#define LOOK_ROWS 50		/* a position in a file is a system call */

static volatile sig_atomic_t interrupted;

/* What ends a program politely: a .part must not stay behind. */
static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

static void on_interrupt(int signum)
{
	interrupted = signum;
}

void pump_catch_interrupt(void)
{
	struct sigaction action = {
		.sa_handler = on_interrupt,
		.sa_flags = SA_RESTART | (int)SA_RESETHAND,
	};

	for (unsigned int i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)sigaction(ends[i], &action, NULL);
	}
}

void pump_hold_interrupt(sigset_t *before)
{
	sigset_t held;

	(void)sigemptyset(&held);
	for (unsigned int i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)sigaddset(&held, ends[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &held, before);
}

bool pump_interrupted(void)
{
	return interrupted != 0;
}

void pump_raise_interrupt(void)
{
	if (interrupted != 0) {
		(void)signal(interrupted, SIG_DFL);
		(void)raise(interrupted);
	}
}

static int source_failed(const struct pump *pump)
{
	const struct source *source = pump->source;

	tool_say("%s: %s", source->shown, source->message != NULL ?
		 source->message : "cannot be read to its end");
	return TOOL_FAILED;
}

static int put_failed(const struct pump *pump, int error, const char *message)
{
	tool_say("%s: %s", pump->where,
		 message != NULL ? message : strerror(error));
	return error == EPERM ? TOOL_REFUSED : TOOL_FAILED;
}

static int run(const struct pump *pump, struct progress *progress,
	       uint64_t *rows)
{
	enum format_step step = FORMAT_ROW;
	struct row row;

	while (!pump_interrupted()) {
		char *message = NULL;
		int ret = 0;

		row = (struct row) { .kind = ROW_RECORD };
		step = source_next(pump->source, pump->tally, &row);
		if (step == FORMAT_END) {
			return TOOL_OK;
		}
		if (step == FORMAT_FAILED) {
			break;
		}
		if (step == FORMAT_ROW) {
			ret = pump->put(pump->priv, &row, &message);
		}
		if (ret != 0) {
			progress_end(progress);
			return put_failed(pump, ret, message);
		}
		if (++*rows % LOOK_ROWS == 0) {
			progress_step(progress, *rows,
				      source_position(pump->source));
		}
	}
	progress_end(progress);
	if (pump_interrupted()) {
		tool_say("interrupted after %" PRIu64 " rows", *rows);
		return TOOL_FAILED;
	}
	return source_failed(pump);
}

int pump_run(const struct pump *pump)
{
	struct progress progress;
	uint64_t rows = 0;
	int status = TOOL_OK;

	progress_begin(&progress, pump->source->size);
	status = run(pump, &progress, &rows);
	progress_end(&progress);
	return status;
}
