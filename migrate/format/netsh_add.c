/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A script of `add name` commands, for a Windows server that goes on serving
 * (formats.md 2.3):
 *
 *   netsh wins server 192.0.2.5 add name Name=PRINTER1 EndChar=20 RecType=0
 *         Group=0 Node=3 IP={192.0.2.83}
 *
 * A record is a line. The script is run by a command shell with the rights of
 * an administrator, and a name may be anything that a host once sent: so only
 * names whose letters mean nothing to that shell are written, the others are
 * skipped. EndChar always stands there, for without it a host is three names.
 */
#include <errno.h>
#include <string.h>

#include "migrate/format/wintext.h"
#include "migrate/formats.h"

struct netsh_add {
	FILE *file;
	struct tally *tally;
	const char *server;		/* NULL: the one it runs on */
};

/* Letters, digits and what means nothing to cmd.exe and netsh. */
static bool is_harmless(const uint8_t *bytes, size_t len, bool blanks)
{
	static const char more[] = "-_.$@~";

	for (size_t i = 0; i < len; i++) {
		char c = (char)bytes[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    !(c >= '0' && c <= '9') && !(c == ' ' && blanks) &&
		    (c == '\0' || strchr(more, c) == NULL)) {
			return false;
		}
	}
	return true;
}

static int netsh_add_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
			  bool writing, void **priv, char **message)
{
	const char *server = end->options->server;
	struct netsh_add *s = NULL;

	(void)writing;
	if (server != NULL && strncmp(server, "\\\\", 2) == 0) {
		server += 2;
	}
	if (server != NULL &&
	    (server[0] == '\0' ||
	     !is_harmless((const uint8_t *)server, strlen(server), false))) {
		*message = talloc_strdup(mem_ctx, "--server wants a name or "
					 "an address, for a script");
		return EINVAL;
	}
	s = talloc_zero(mem_ctx, struct netsh_add);
	if (s == NULL) {
		return ENOMEM;
	}
	s->file = end->file;
	s->tally = end->tally;
	s->server = server == NULL ? NULL :
		    nb_addr_parse(server, &(uint32_t) { 0 }) ?
		    talloc_strdup(s, server) :
		    talloc_asprintf(s, "\\\\%s", server);
	*priv = s;
	(void)fputs("rem Static and dynamic names for a WINS server, written "
		    "by winsmigrate.\r\n", s->file);
	return 0;
}

static const char *unfit(const struct row *row)
{
	const struct nb_record *rec = &row->rec;

	if (row->kind != ROW_RECORD) {
		return "not a record";
	}
	if (rec->state != NB_ACTIVE) {
		return "only active records can be written";
	}
	if (rec->name.len == 0 ||
	    !is_harmless(rec->name.byte, rec->name.len, true) ||
	    !is_harmless(rec->name.scope, rec->name.scope_len, false)) {
		return "a letter of the name could be a command to the shell";
	}
	return NULL;
}

static unsigned int group_of(const struct nb_record *rec)
{
	switch (rec->type) {
	case NB_GROUP:
		return 1;
	case NB_SGROUP:
		return rec->name.type == 0x1c ? 4 : 2;
	case NB_MHOMED:
		return 3;
	default:
		return 0;
	}
}

static void print(const struct netsh_add *s, const struct nb_record *rec)
{
	bool quoted = memchr(rec->name.byte, ' ', rec->name.len) != NULL;
	char ip[NB_ADDR_TEXT];

	(void)fprintf(s->file, "netsh wins server %s%sadd name Name=%s%.*s%s",
		      s->server != NULL ? s->server : "",
		      s->server != NULL ? " " : "", quoted ? "\"" : "",
		      rec->name.len, (const char *)rec->name.byte,
		      quoted ? "\"" : "");
	if (rec->name.scope_len > 0) {
		(void)fprintf(s->file, " Scope=%.*s", rec->name.scope_len,
			      (const char *)rec->name.scope);
	}
	(void)fprintf(s->file, " EndChar=%02X RecType=%u Group=%u Node=%u IP={",
		      rec->name.type, rec->is_static ? 0u : 1u, group_of(rec),
		      rec->node == NB_M_NODE ? NB_H_NODE : rec->node);
	for (unsigned int i = 0; i < rec->count; i++) {
		(void)fprintf(s->file, "%s%s", i == 0 ? "" : ",",
			      nb_addr_print(rec->member[i].ip, ip));
	}
	(void)fputs("}\r\n", s->file);
}

static int netsh_add_put(void *priv, const struct row *row, char **message)
{
	struct netsh_add *s = talloc_get_type_abort(priv, struct netsh_add);
	const char *reason = unfit(row);

	(void)message;
	if (reason != NULL) {
		tally_skipped(s->tally, row, reason);
		return 0;
	}
	print(s, &row->rec);
	if (ferror(s->file)) {
		return errno != 0 ? errno : EIO;
	}
	if (row->rec.node == NB_M_NODE) {
		tally_changed(s->tally, row, "node M cannot be written, H");
	} else {
		tally_written(s->tally, row);
	}
	return 0;
}

static int netsh_add_close(void *priv, char **message)
{
	struct netsh_add *s = talloc_get_type_abort(priv, struct netsh_add);

	(void)message;
	return fflush(s->file) != 0 || ferror(s->file) ?
	       (errno != 0 ? errno : EIO) : 0;
}

const struct format_ops format_netsh_add = {
	.name = "netsh-add",
	.title = "script of netsh wins server add name",
	.flags = FORMAT_WRITES,
	.carries = ROW_TYPE | ROW_STATIC | ROW_NODE | ROW_SCOPE,
	.loss = "only active records with plain names; they become the "
		"server's own",
	.open = netsh_add_open,
	.put = netsh_add_put,
	.close = netsh_add_close,
};
