/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * convert: a source of one format, a target of another, and a report. export:
 * the same, from our own server (own/server.c).
 *
 * The target is in its place before the report says so, and only a run that
 * reached the end of its source puts it there: rows behind a broken place of
 * a file would be missing, and nobody reads the report of a nightly job.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "migrate/pump.h"
#include "migrate/target.h"
#include "migrate/winsmigrate.h"

const struct poptOption convert_options[] = {
	{ "format", 'f', POPT_ARG_STRING, &options.format, 0,
	  "Format of the source; else it is found out", "FORMAT" },
	{ "to", 't', POPT_ARG_STRING, &options.target, 0,
	  "Format of the target", "FORMAT" },
	OPTION_ROWS(change_option_rows),
	OPTION_ROWS(source_option_rows),
	OPTION_ROWS(target_option_rows),
	POPT_TABLEEND
};

const struct poptOption export_options[] = {
	{ "format", 'f', POPT_ARG_STRING, &options.format, 0,
	  "Format of the target", "FORMAT" },
	OPTION_ROWS(change_option_rows),
	OPTION_ROWS(target_option_rows),
	POPT_TABLEEND
};

struct carry {
	const char *from, *from_format;
	const char *to;
	const struct format_ops *to_ops;
};

/* Where skipped rows go; NULL: nowhere. */
static const char *skipped_path(TALLOC_CTX *mem_ctx, const struct carry *carry)
{
	const char *beside = carry->to;

	if (options.skipped != NULL || options.dry_run) {
		return options.dry_run ? NULL : options.skipped;
	}
	if (beside == NULL || strcmp(beside, "-") == 0) {
		beside = carry->from;
	}
	if (strcmp(beside, "-") == 0 || strchr(beside, ':') != NULL) {
		return "winsmigrate.skipped";
	}
	return talloc_asprintf(mem_ctx, "%s.skipped", beside);
}

static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/*
 * Where skipped rows go must be free, and never be the source, which would be
 * gone before anything has come of it: `convert x.skipped -t winsd x --yes`.
 */
static int check_skipped(TALLOC_CTX *mem_ctx, const struct carry *carry,
			 const char *path)
{
	char *raw = talloc_asprintf(mem_ctx, "%s.raw", path);
	int status = TOOL_OK;

	if (raw == NULL) {
		return TOOL_FAILED;
	}
	if (same_file(carry->from, path) || same_file(carry->from, raw)) {
		tool_say("%s: rows that are skipped would replace it: "
			 "--skipped FILE says where else they go",
			 carry->from);
		return TOOL_REFUSED;
	}
	status = target_free(path, options.yes != 0);
	return status != TOOL_OK ? status :
				   target_free(raw, options.yes != 0);
}

static int make_tally(TALLOC_CTX *mem_ctx, const struct carry *carry,
		      struct tally **tally)
{
	const char *path = skipped_path(mem_ctx, carry);
	int status = path == NULL ? TOOL_OK :
				    check_skipped(mem_ctx, carry, path);

	if (status != TOOL_OK) {
		return status;
	}
	*tally = tally_create(mem_ctx, path);
	if (*tally == NULL) {
		tool_say("out of memory");
	}
	return *tally == NULL ? TOOL_FAILED : TOOL_OK;
}

static int report(const struct source *source, const struct carry *carry,
		  struct tally *tally)
{
	struct tally_way way = {
		.source = source->ops->name,
		.target = carry->to_ops->name,
		.verb = "written",
		.source_says = source->ops->carries,
		.target_carries = carry->to_ops->carries,
		.source_loss = source->ops->loss,
		.target_loss = carry->to_ops->loss,
		.json = options.json != 0,
		.dry_run = options.dry_run != 0,
	};
	char *message = NULL;
	int ret = tally_close(tally, &message);

	if (ret != 0) {
		tool_say("%s", message != NULL ? message : strerror(ret));
	}
	if (!tally_report(tally, &way, stderr) || ret != 0) {
		return TOOL_FAILED;
	}
	return tally_status(tally);
}

static int carry_rows(TALLOC_CTX *mem_ctx, const struct carry *carry,
		      const struct format_options *format_options)
{
	struct pump pump = { .where = carry->to };
	struct target *target = NULL;
	int status = make_tally(mem_ctx, carry, &pump.tally);

	if (status == TOOL_OK) {
		status = source_open(mem_ctx, carry->from, carry->from_format,
				     format_options, pump.tally, &pump.source);
	}
	if (status == TOOL_OK) {
		status = target_open(mem_ctx, carry->to, carry->to_ops,
				     format_options, pump.tally,
				     options.yes != 0, options.dry_run != 0,
				     &target);
	}
	if (status != TOOL_OK) {
		return status;
	}
	pump.put = carry->to_ops->put;
	pump.priv = target->priv;
	pump.where = carry->to != NULL ? carry->to : "output";
	status = pump_run(&pump);
	if (status == TOOL_OK) {
		status = target_finish(target);
	}
	return status == TOOL_OK ? report(pump.source, carry, pump.tally) :
				   status;
}

/* Everything opened is closed, and nothing half done stays, before a signal. */
static int carry_all(const struct carry *carry)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct format_options format_options;
	int status = TOOL_USAGE;

	if (format_options_read(&format_options)) {
		pump_catch_interrupt();
		status = carry_rows(mem_ctx, carry, &format_options);
	}
	talloc_free(mem_ctx);
	if (status != TOOL_OK && status != TOOL_SOME) {
		(void)fflush(stdout);
		pump_raise_interrupt();
	}
	return status;
}

int run_convert(struct tool_call *call)
{
	struct carry carry = {
		.from = call->args[0],
		.from_format = options.format,
		.to = call->count > 1 ? call->args[1] : NULL,
	};
	int status = TOOL_USAGE;

	if (options.target == NULL) {
		tool_say("-t says into which format ('winsmigrate formats' "
			 "lists them)");
		return TOOL_USAGE;
	}
	status = format_choose(options.target, FORMAT_WRITES, &carry.to_ops);
	return status != TOOL_OK ? status : carry_all(&carry);
}

int run_export(struct tool_call *call)
{
	struct carry carry = {
		.from = "winsd:",
		.from_format = "server",
		.to = call->count > 0 ? call->args[0] : NULL,
	};
	int status = TOOL_USAGE;

	if (options.format == NULL) {
		tool_say("-f says in which format ('winsmigrate formats' "
			 "lists them)");
		return TOOL_USAGE;
	}
	status = format_choose(options.format, FORMAT_WRITES, &carry.to_ops);
	return status != TOOL_OK ? status : carry_all(&carry);
}
