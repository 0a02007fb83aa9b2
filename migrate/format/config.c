/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration that came along with a source, as a fragment of smb.conf
 * for winsd. A value that winsd would refuse, and what it has no option for,
 * stands there as a comment: `winsd -t` takes what this writes. Records are
 * not its business.
 */
#include <errno.h>
#include <string.h>

#include "core/optval.h"
#include "core/options.h"
#include "core/partner_option.h"
#include "migrate/formats.h"

struct config {
	FILE *file;
	struct tally *tally;
	unsigned int written;
};

static int config_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		       bool writing, void **priv, char **message)
{
	struct config *s = talloc_zero(mem_ctx, struct config);

	(void)writing;
	(void)message;
	*priv = s;
	if (s == NULL) {
		return ENOMEM;
	}
	s->file = end->file;
	s->tally = end->tally;
	(void)fputs("# What winsmigrate found of another server's "
		    "configuration. What is this\n# server's own is not in "
		    "it: netbios name, interfaces, wins support = yes.\n"
		    "[global]\n", s->file);
	return 0;
}

/* A comment of one line, whatever the text has in it. */
static void comment(FILE *file, const char *text)
{
	(void)fputs("\t# ", file);
	for (; *text != '\0'; text++) {
		char c = *text;

		(void)fputc((unsigned char)c < 0x20 || c == 0x7f ? '?' : c,
			    file);
	}
	(void)fputc('\n', file);
}

/* "wins:partner 192.0.2.1": its address, or false. */
static bool is_partner(const char *option, uint32_t *address)
{
	const char *rest = optval_after_prefix(option, OPTION_PARTNER_NAME);

	while (rest != NULL && optval_is_blank(*rest)) {
		rest++;
	}
	return rest != NULL && nb_addr_parse(rest, address) &&
	       nb_addr_is_host(*address);
}

/* NULL, or why winsd would not take it. value may change as it would there. */
static const char *refused(const char *option, char *value,
			   char reason[OPTION_REASON])
{
	struct partner_options partner = partner_options_default();
	enum option_id id = OPTION_COUNT;
	uint32_t address = 0;

	if (optval_unclean(value) != NULL) {
		return optval_unclean(value);
	}
	if (is_partner(option, &address)) {
		return partner_options_parse(value, &partner, reason) ? NULL :
		       reason;
	}
	if (!option_find(option, &id)) {
		return "there is no such option";
	}
	return option_check(option_row(id), value, reason) ? NULL : reason;
}

static int put_option(struct config *s, const struct row *row)
{
	char reason[OPTION_REASON] = "";
	const char *value = row->value != NULL ? row->value : "";
	const char *wrong = NULL;
	char *copy = talloc_strdup(s, value);

	if (copy == NULL) {
		return ENOMEM;
	}
	if (row->remark != NULL) {
		comment(s->file, row->remark);
	}
	wrong = row->option == NULL ? "" : refused(row->option, copy, reason);
	if (wrong == NULL) {
		(void)fprintf(s->file, "\t%s = %s\n", row->option, value);
		s->written++;
	} else if (row->option == NULL) {
		comment(s->file, copy);
	} else {
		char *line = talloc_asprintf(copy, "%s = %s (%s)", row->option,
					     value, wrong);

		comment(s->file, line != NULL ? line : row->option);
	}
	talloc_free(copy);
	return ferror(s->file) ? (errno != 0 ? errno : EIO) : 0;
}

static int config_put(void *priv, const struct row *row, char **message)
{
	struct config *s = talloc_get_type_abort(priv, struct config);
	int ret = 0;

	(void)message;
	if (row->kind != ROW_OPTION) {
		tally_skipped(s->tally, row, "not a setting");
		return 0;
	}
	ret = put_option(s, row);
	if (ret == 0) {
		tally_written(s->tally, row);
	}
	return ret;
}

static int config_close(void *priv, char **message)
{
	struct config *s = talloc_get_type_abort(priv, struct config);

	(void)message;
	if (s->written == 0) {
		comment(s->file, "no settings came with the source");
	}
	return fflush(s->file) != 0 || ferror(s->file) ?
	       (errno != 0 ? errno : EIO) : 0;
}

const struct format_ops format_config = {
	.name = "config",
	.title = "settings that came along, as a fragment of winsd.conf",
	.flags = FORMAT_WRITES,
	.carries = 0,
	.loss = "no records",
	.open = config_open,
	.put = config_put,
	.close = config_close,
};
