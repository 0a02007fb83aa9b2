/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsd: our own interchange format (design.md 4.3). A line
 * {"format":"winsd-1"}, then a record a line, the objects of `winsctl --json
 * record list`. Nothing of a record is lost in it.
 *
 * What a row does not know it does not say: the key is left out, so that
 * whoever reads the line knows as little as its writer did. Only its type is
 * always there. A key "skipped" (tally.h) is passed over, and so are the first
 * lines of further files that somebody appended.
 *
 * The first line is asked for: a later release may give the keys another
 * meaning, and a line of that taken for one of today's would be a wrong record
 * and no error.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "migrate/formats.h"
#include "migrate/row_json.h"
#include "migrate/text.h"

#define HEAD "{\"format\":\"winsd-1\"}\n"

struct winsd {
	struct tally *tally;
	FILE *file;
	struct text *text;	/* of reading */
};

/* ---- the first line ---- */

/* The word behind "format" if that is all the line says; "" if not. */
static void format_word(const char *line, size_t len, char word[32])
{
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *text = json_string_value(json_object_get(root, "format"));

	(void)snprintf(word, 32, "%s", text != NULL &&
		       json_object_size(root) == 1 ? text : "");
	json_decref(root);
}

static int probe(const struct format_head *head)
{
	static const char begins[] = "{\"format\":\"winsd-";

	return head->len >= sizeof(begins) - 1 &&
	       memcmp(head->data, begins, sizeof(begins) - 1) == 0 ? 100 : 0;
}

static int check_first(TALLOC_CTX *mem_ctx, struct winsd *winsd,
		       char **message)
{
	char *line = NULL;
	char word[32] = "";
	size_t len = 0;
	int got = text_line(winsd->text, &line, &len, message);

	if (got < 0) {
		*message = talloc_strdup(mem_ctx, *message);
		return EINVAL;
	}
	if (got > 0) {
		format_word(line, len, word);
	}
	if (strcmp(word, "winsd-1") == 0) {
		return 0;
	}
	*message = strncmp(word, "winsd-", 6) == 0 ?
		talloc_asprintf(mem_ctx, "line 1: this is of format %s, and "
				"this program knows winsd-1; take the "
				"winsmigrate that wrote it, or a newer one",
				word) :
		talloc_strdup(mem_ctx, "line 1: not {\"format\":\"winsd-1\"}, "
			      "which begins this format; put it before the "
			      "lines of `winsctl --json record list`");
	return EINVAL;
}

/* ---- the functions of the format ---- */

static int winsd_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		      bool writing, void **priv, char **message)
{
	struct winsd *winsd = talloc_zero(mem_ctx, struct winsd);
	int ret = winsd == NULL ? ENOMEM : 0;

	if (ret != 0) {
		return ret;
	}
	winsd->tally = end->tally;
	winsd->file = end->file;
	if (writing) {
		(void)fputs(HEAD, winsd->file);
	} else {
		ret = text_open(winsd, end->file, TEXT_BYTES, NULL,
				&winsd->text, message);
		if (ret == 0) {
			ret = check_first(mem_ctx, winsd, message);
		}
	}
	if (ret != 0) {
		talloc_free(winsd);
		return ret;
	}
	*priv = winsd;
	return 0;
}

static bool is_head(const char *line, size_t len)
{
	char word[32] = "";

	if (len < 100 && memmem(line, len, "\"format\"", 8) != NULL) {
		format_word(line, len, word);
	}
	return strcmp(word, "winsd-1") == 0;
}

static enum format_step take_line(struct winsd *winsd, struct row *row,
				  const char *line, size_t len)
{
	char reason[JSON_REASON] = "";
	unsigned int keys = 0;

	*row = (struct row) { .place = text_number(winsd->text) };
	if (!json_record_scan(line, len, &row->rec, &keys, &row->queried,
			      reason)) {
		tally_refused(winsd->tally, HEAD, line, len, row->place,
			      "not a record", reason);
		return FORMAT_SKIPPED;
	}
	row->known = row_json_known(keys) |
		     (row->queried != 0 ? ROW_QUERIED : 0u);
	if (row->rec.owner == 0) {	/* 0.0.0.0: nobody */
		row->known &= ~(unsigned int)ROW_OWNER;
	}
	return FORMAT_ROW;
}

static enum format_step winsd_next(void *priv, struct row *row,
				   char **message)
{
	struct winsd *winsd = talloc_get_type_abort(priv, struct winsd);
	char *line = NULL;
	size_t len = 0;
	int got = 0;

	do {
		got = text_line(winsd->text, &line, &len, message);
	} while (got > 0 && (len == 0 || is_head(line, len)));
	return got < 0 ? FORMAT_FAILED : got == 0 ? FORMAT_END :
	       take_line(winsd, row, line, len);
}

static int winsd_put(void *priv, const struct row *row, char **message)
{
	struct winsd *winsd = talloc_get_type_abort(priv, struct winsd);
	struct json_out j = { .file = winsd->file };

	(void)message;
	if (row->kind != ROW_RECORD) {
		tally_skipped(winsd->tally, row, "not a record");
		return 0;
	}
	json_begin(&j, '{');
	row_json_members(&j, row);
	json_end(&j, '}');
	json_newline(&j);
	if (ferror(winsd->file)) {
		return errno != 0 ? errno : EIO;
	}
	if (row_times_fit(row)) {
		tally_written(winsd->tally, row);
	} else {
		tally_changed(winsd->tally, row,
			      "time outside of the years 1970 to 9999");
	}
	return 0;
}

static int winsd_close(void *priv, char **message)
{
	struct winsd *winsd = talloc_get_type_abort(priv, struct winsd);
	bool writing = winsd->text == NULL;
	int ret = writing && fflush(winsd->file) != 0 ? errno : 0;

	(void)message;
	talloc_free(winsd);
	return ret;
}

const struct format_ops format_winsd = {
	.name = "winsd",
	.title = "records as lines of JSON, lossless, what all tools here speak",
	.flags = FORMAT_READS | FORMAT_WRITES,
	.carries = ROW_ALL | ROW_QUERIED,
	.probe = probe,
	.open = winsd_open,
	.next = winsd_next,
	.put = winsd_put,
	.close = winsd_close,
};
