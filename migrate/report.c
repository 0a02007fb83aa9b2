/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report of a tally: what came, what became of it and why, and what the
 * way from this source to this target could not carry.
 *
 * What is lost is counted by rows that really had something to lose
 * (row_says()): "no room for scopes" frightens nobody who has none. The same
 * numbers go out as text or as one JSON object; a dry run prints them too.
 */
#include "migrate/tally.h"

#include <inttypes.h>

#include "common/json_out.h"

#define EACH_FIELD(field) \
	(unsigned int field = 1; field < ROW_ALL; field <<= 1)

static bool adds_up(const struct tally_sums *sums)
{
	return sums->read == sums->written + sums->changed + sums->skipped +
			     sums->unchanged;
}

/* ---- for people ---- */

static void text_reasons(const struct tally *tally, bool skips, FILE *file)
{
	const char *reason = NULL;
	uint64_t count = 0;
	bool is_skip = false;

	for (unsigned int i = 0; tally_reason(tally, i, &is_skip, &reason,
					      &count); i++) {
		const char *sample = NULL;

		if (is_skip != skips) {
			continue;
		}
		(void)fprintf(file, "%12" PRIu64 "  %s", count, reason);
		for (unsigned int k = 0; tally_sample(tally, i, k, &sample);
		     k++) {
			(void)fprintf(file, "%s %s", k > 0 ? "," : ":",
				      sample);
		}
		(void)fputs(count > 3 ? ", ...\n" : "\n", file);
	}
}

static void text_unsaid(const struct tally_way *way, FILE *file)
{
	bool first = true;

	if (way->source_says == 0) {
		return;
	}
	for EACH_FIELD(field) {
		if ((way->source_says & field) != 0) {
			continue;
		}
		if (first) {
			(void)fprintf(file, "  %s does not say: ",
				      way->source);
		}
		(void)fprintf(file, "%s%s", first ? "" : ", ",
			      row_field_name(field));
		first = false;
	}
	(void)fputs(first ? "" : "\n", file);
}

static void text_lost(const struct tally *tally, const struct tally_way *way,
		      FILE *file)
{
	for EACH_FIELD(field) {
		uint64_t count = tally_says(tally, field);

		if (way->target_carries != 0 && count > 0 &&
		    (way->target_carries & field) == 0) {
			(void)fprintf(file, "  %s has no room for: %s (%" PRIu64
				      " rows)\n", way->target,
				      row_field_name(field), count);
		}
	}
	if (way->source_loss != NULL) {
		(void)fprintf(file, "  %s: %s\n", way->source,
			      way->source_loss);
	}
	if (way->target_loss != NULL) {
		(void)fprintf(file, "  %s: %s\n", way->target,
			      way->target_loss);
	}
}

static void text_configuration(const struct tally *tally,
			       const struct tally_way *way,
			       const struct tally_sums *sums, FILE *file)
{
	uint64_t written = tally_options_written(tally);

	if (sums->options == 0) {
		return;
	}
	(void)fprintf(file, "  configuration: %" PRIu64 " lines, %" PRIu64
		      " %s%s\n", sums->options, written, way->verb,
		      written > 0 ? "" : " (convert -t config writes them)");
}

static void text_lines(const struct tally *tally, bool missing,
		       const char *head, FILE *file)
{
	for (unsigned int i = 0; tally_line(tally, missing, i) != NULL; i++) {
		(void)fprintf(file, "  %s%s\n", head,
			      tally_line(tally, missing, i));
	}
}

static void text_files(const struct tally *tally, FILE *file)
{
	if (tally_file(tally, false) != NULL) {
		(void)fprintf(file, "  skipped rows are in %s: mend what is "
			      "wrong and read it again\n",
			      tally_file(tally, false));
	}
	if (tally_file(tally, true) != NULL) {
		(void)fprintf(file, "  entries that could not be read are in "
			      "%s\n", tally_file(tally, true));
	}
}

static void report_text(const struct tally *tally,
			const struct tally_way *way,
			const struct tally_sums *sums, FILE *file)
{
	(void)fprintf(file, "%s -> %s%s\n", way->source, way->target,
		      way->dry_run ? " (dry run: nothing is changed)" : "");
	(void)fprintf(file, "  %-9s %" PRIu64 " (%" PRIu64 " static)\n",
		      "read", sums->read, sums->statics);
	(void)fprintf(file, "  %-9s %" PRIu64 "\n", way->verb, sums->written);
	(void)fprintf(file, "  %-9s %" PRIu64 "\n", "changed", sums->changed);
	text_reasons(tally, false, file);
	if (sums->unchanged > 0) {
		(void)fprintf(file, "  %-9s %" PRIu64 " (stood so already)\n",
			      "unchanged", sums->unchanged);
	}
	(void)fprintf(file, "  %-9s %" PRIu64 "\n", "skipped", sums->skipped);
	text_reasons(tally, true, file);
	text_configuration(tally, way, sums, file);
	text_unsaid(way, file);
	text_lost(tally, way, file);
	text_lines(tally, true, "missing: ", file);
	text_lines(tally, false, "", file);
	text_files(tally, file);
}

/* ---- for machines ---- */

static void json_reasons(struct json_out *j, const struct tally *tally)
{
	const char *reason = NULL;
	uint64_t count = 0;
	bool is_skip = false;

	json_key(j, "reasons");
	json_begin(j, '[');
	for (unsigned int i = 0; tally_reason(tally, i, &is_skip, &reason,
					      &count); i++) {
		const char *sample = NULL;

		json_begin(j, '{');
		json_key(j, is_skip ? "skipped" : "changed");
		json_count(j, count);
		json_key(j, "reason");
		json_text(j, reason);
		json_key(j, "for_example");
		json_begin(j, '[');
		for (unsigned int k = 0; tally_sample(tally, i, k, &sample);
		     k++) {
			json_text(j, sample);
		}
		json_end(j, ']');
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void json_fields(struct json_out *j, const struct tally *tally,
			const struct tally_way *way)
{
	json_key(j, "not_said");
	json_begin(j, '[');
	for EACH_FIELD(field) {
		if (way->source_says != 0 &&
		    (way->source_says & field) == 0) {
			json_text(j, row_field_name(field));
		}
	}
	json_end(j, ']');
	json_key(j, "lost");
	json_begin(j, '{');
	for EACH_FIELD(field) {
		uint64_t count = tally_says(tally, field);

		if (way->target_carries != 0 && count > 0 &&
		    (way->target_carries & field) == 0) {
			json_key(j, row_field_name(field));
			json_count(j, count);
		}
	}
	json_end(j, '}');
}

static void json_lines(struct json_out *j, const struct tally *tally,
		       bool missing)
{
	json_key(j, missing ? "missing" : "remarks");
	json_begin(j, '[');
	for (unsigned int i = 0; tally_line(tally, missing, i) != NULL; i++) {
		json_text(j, tally_line(tally, missing, i));
	}
	json_end(j, ']');
}

static void json_text_or_null(struct json_out *j, const char *key,
			      const char *text)
{
	json_key(j, key);
	if (text == NULL) {
		json_nothing(j);
	} else {
		json_text(j, text);
	}
}

static void json_number(struct json_out *j, const char *key, uint64_t number)
{
	json_key(j, key);
	json_count(j, number);
}

static void report_json(const struct tally *tally,
			const struct tally_way *way,
			const struct tally_sums *sums, FILE *file)
{
	struct json_out j = { .file = file };

	json_begin(&j, '{');
	json_text_or_null(&j, "source", way->source);
	json_text_or_null(&j, "target", way->target);
	json_key(&j, "dry_run");
	json_flag(&j, way->dry_run);
	json_number(&j, "read", sums->read);
	json_number(&j, "static", sums->statics);
	json_number(&j, way->verb, sums->written);
	json_number(&j, "changed", sums->changed);
	json_number(&j, "unchanged", sums->unchanged);
	json_number(&j, "skipped", sums->skipped);
	json_number(&j, "configuration", sums->options);
	json_number(&j, "configuration_written",
		    tally_options_written(tally));
	json_reasons(&j, tally);
	json_fields(&j, tally, way);
	json_text_or_null(&j, "source_loss", way->source_loss);
	json_text_or_null(&j, "target_loss", way->target_loss);
	json_lines(&j, tally, true);
	json_lines(&j, tally, false);
	json_text_or_null(&j, "skipped_file", tally_file(tally, false));
	json_text_or_null(&j, "raw_file", tally_file(tally, true));
	json_end(&j, '}');
	json_newline(&j);
}

bool tally_report(const struct tally *tally, const struct tally_way *way,
		  FILE *file)
{
	struct tally_sums sums;

	tally_sums(tally, &sums);
	if (way->json) {
		report_json(tally, way, &sums, file);
	} else {
		report_text(tally, way, &sums, file);
	}
	if (!adds_up(&sums)) {
		(void)fprintf(file, "%s%" PRIu64 " rows were read and %" PRIu64
			      " are accounted for%s\n",
			      way->json ? "{\"error\":\"a bug: " :
					  "  a bug: ", sums.read,
			      sums.written + sums.changed + sums.skipped +
				      sums.unchanged,
			      way->json ? "\"}" : "");
	}
	return adds_up(&sums);
}
