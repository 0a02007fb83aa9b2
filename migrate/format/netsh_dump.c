/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A netsh script: what `netsh wins server dump` prints, and what people write
 * to set a server up (formats.md 2.1, 2.3; microsoft-wins.md 7.2). Its
 * settings become our configuration, its `add name` lines records.
 *
 * The order of a real dump is not public, so nothing depends on it: records
 * come out as they are read, the configuration when all is known. A command
 * is a row of a table with its tags and what each of them sets; whatever sets
 * nothing here is noted.
 */
#include <errno.h>
#include <string.h>

#include "migrate/format/netsh_words.h"
#include "migrate/format/winconf.h"
#include "migrate/formats.h"

#define TAGS_MAX 8
#define QUEUE_MAX 3

struct netsh_dump {
	struct wintext source;
	struct winconf *conf;
	unsigned int commands;
	unsigned int queued, given;
	struct row queue[QUEUE_MAX];	/* one line may be three records */
};

struct command {
	const char *verb, *noun;
	struct {
		const char *tag;
		int setting;		/* enum winconf_setting, or -1 */
	} tag[TAGS_MAX];
	const char *hint;		/* for what sets nothing here */
	/* instead of the settings; NULL, or what is wrong */
	const char *(*take)(struct netsh_dump *s, const struct command *c,
			    const struct netsh_words *words);
};

static int netsh_dump_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
			   bool writing, void **priv, char **message)
{
	struct netsh_dump *s = talloc_zero(mem_ctx, struct netsh_dump);

	(void)writing;
	*priv = s;
	if (s == NULL) {
		return ENOMEM;
	}
	s->conf = winconf_create(s);
	return s->conf == NULL ? ENOMEM :
	       wintext_open(s, end, TEXT_BYTES, &s->source, message);
}

/* ---- settings ---- */

static void note(struct netsh_dump *s, const struct command *c,
		 const char *tag, struct piece value, const char *hint)
{
	char text[PIECE_SHOWN];

	winconf_note(s->conf, s->source.place, "%s %s %s = %s: %s", c->verb,
		     c->noun, tag, piece_show(value, text), hint);
}

/* A tag as a number. False, with a note, if it is given and is none. */
static bool number_of(struct netsh_dump *s, const struct command *c,
		      const struct netsh_words *words, unsigned int index,
		      struct winconf_number *number)
{
	struct piece value = netsh_words_value(words, c->tag[index].tag,
					       index);

	*number = (struct winconf_number) { false, 0 };
	if (value.at == NULL || value.len == 0) {
		return true;
	}
	if (!piece_decimal(value, UINT32_MAX, &number->value)) {
		note(s, c, c->tag[index].tag, value, "a number was expected");
		return false;
	}
	number->set = true;
	return true;
}

static void take_settings(struct netsh_dump *s, const struct command *c,
			  const struct netsh_words *words)
{
	for (unsigned int i = 0; i < TAGS_MAX && c->tag[i].tag != NULL; i++) {
		struct piece value = netsh_words_value(words, c->tag[i].tag,
						       i);
		struct winconf_number number;

		if (value.at == NULL) {
			continue;
		}
		if (c->tag[i].setting < 0) {
			note(s, c, c->tag[i].tag, value, c->hint);
		} else if (number_of(s, c, words, i, &number) && number.set &&
			   /* a start time of 0 is none */
			   (c->tag[i].setting != WINCONF_PULL_START ||
			    number.value != 0)) {
			winconf_set(s->conf,
				    (enum winconf_setting)c->tag[i].setting,
				    number.value, c->noun, s->source.place);
		}
	}
}

/* ---- partners ---- */

/* The tag `server` of a command: one address. */
static const char *server_of(const struct command *c,
			     const struct netsh_words *words, uint32_t *server)
{
	unsigned int i = 0;

	while (strcmp(c->tag[i].tag, "server") != 0) {
		i++;
	}
	return piece_address(netsh_words_value(words, "server", i), server) ?
	       NULL : "Server is no address";
}

static const char *add_partner(struct netsh_dump *s, const struct command *c,
			       const struct netsh_words *words)
{
	struct winconf_number type;
	struct winconf_partner *p = NULL;
	uint32_t server = 0;
	const char *wrong = server_of(c, words, &server);

	if (wrong != NULL || !number_of(s, c, words, 1, &type) ||
	    type.value > 2) {
		return wrong != NULL ? wrong : "Type is not 0, 1 or 2";
	}
	p = winconf_partner(s->conf, server, s->source.place);
	if (p != NULL) {
		p->pull |= type.set && type.value != 1;
		p->push |= !type.set || type.value != 0;
		p->pull |= !type.set;
	}
	return NULL;
}

/* set pullpartnerconfig, pushpartnerconfig and the persistent connections. */
static const char *set_partner(struct netsh_dump *s, const struct command *c,
			       const struct netsh_words *words)
{
	struct winconf_number state, number[2];
	struct winconf_partner *p = NULL;
	uint32_t server = 0;
	const char *wrong = server_of(c, words, &server);

	p = wrong != NULL ? NULL :
	    winconf_partner(s->conf, server, s->source.place);
	if (p == NULL || !number_of(s, c, words, 0, &state) ||
	    !number_of(s, c, words, 2, &number[0]) ||
	    (c->tag[3].tag != NULL &&
	     !number_of(s, c, words, 3, &number[1]))) {
		return wrong;
	}
	if (strstr(c->noun, "persistent") != NULL) {
		p->persistent = state.set ? state : p->persistent;
	}
	if (strncmp(c->noun, "push", 4) == 0) {
		p->count = number[0].set ? number[0] : p->count;
		return NULL;
	}
	p->start = number[0].set && number[0].value != 0 ? number[0] :
							   p->start;
	p->interval = number[1].set ? number[1] : p->interval;
	return NULL;
}

static const char *add_owners(struct netsh_dump *s, const struct command *c,
			      const struct netsh_words *words)
{
	struct piece rest = netsh_words_value(words, "server", 0);

	if (rest.at == NULL) {
		return "Server is missing";
	}
	while (rest.len > 0) {
		struct piece text = piece_trim(piece_until(rest, ',', &rest));
		uint32_t owner = 0;

		if (!piece_address(text, &owner)) {
			return "Server is no list of addresses";
		}
		winconf_owner(s->conf, strcmp(c->noun, "pgserver") == 0, owner,
			      s->source.place);
	}
	return NULL;
}

/* ---- add name ---- */

enum { NAME, SCOPE, END_CHAR, REC_TYPE, GROUP, NODE, IP };

static const char *take_addresses(struct piece rest, struct row *row)
{
	if (rest.at == NULL || rest.len == 0) {
		return "IP is missing";
	}
	while (rest.len > 0) {
		struct piece text = piece_trim(piece_until(rest, ',', &rest));
		uint32_t ip = 0;

		if (!piece_address(text, &ip)) {
			return "IP is no list of addresses";
		}
		wintext_member(row, ip, 0);
	}
	return NULL;
}

/* The suffixes that a line means: a host without one has three. */
static const char *take_suffixes(const struct netsh_words *words,
				 uint8_t type, bool domain, uint8_t suffix[3],
				 unsigned int *count)
{
	struct piece text = netsh_words_value(words, "endchar", END_CHAR);
	uint64_t number = domain ? 0x1c : 0x20;

	*count = 1;
	if (text.at != NULL && text.len > 0) {
		text.len -= text.at[text.len - 1] == 'h';
		if (!piece_hex(text, &number) || number > 255) {
			return "EndChar is no hexadecimal number up to FF";
		}
	} else if (type == NB_GROUP) {
		return "EndChar is missing, which says what kind of group "
		       "it is";
	} else if (type != NB_SGROUP) {
		memcpy(suffix, "\x00\x03\x20", 3);
		*count = 3;
		return NULL;
	}
	suffix[0] = (uint8_t)number;
	return NULL;
}

static const char *take_kind(struct netsh_dump *s, const struct command *c,
			     const struct netsh_words *words, struct row *row,
			     bool *domain)
{
	static const uint8_t types[] = { NB_UNIQUE, NB_GROUP, NB_SGROUP,
					 NB_MHOMED, NB_SGROUP };
	struct winconf_number rec_type, group, node;

	if (!number_of(s, c, words, REC_TYPE, &rec_type) ||
	    !number_of(s, c, words, GROUP, &group) ||
	    !number_of(s, c, words, NODE, &node) || rec_type.value > 1 ||
	    group.value > 4 || node.value > NB_H_NODE) {
		return "RecType, Group or Node is out of range";
	}
	row->rec.is_static = rec_type.value == 0;
	row->rec.type = types[group.value];
	row->rec.node = node.set ? (uint8_t)node.value : NB_H_NODE;
	row->known = ROW_STATIC | ROW_TYPE | (node.set ? ROW_NODE : 0);
	*domain = group.value == 4;
	return NULL;
}

static const char *queue_rows(struct netsh_dump *s, struct row *row,
			      struct piece name, struct piece scope,
			      const uint8_t suffix[3], unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const char *wrong = NULL;

		if (!wintext_name(name, suffix[i], &row->rec.name,
				  &row->changed) ||
		    (scope.len > 0 && !nb_name_set_scope(&row->rec.name,
							 scope.at,
							 scope.len))) {
			return "Name has more than 15 bytes, or its scope too "
			       "many";
		}
		wrong = wintext_settle(row);
		if (wrong != NULL) {
			return wrong;
		}
		s->queue[i] = *row;
	}
	s->queued = count;
	s->given = 0;
	return NULL;
}

static const char *add_name(struct netsh_dump *s, const struct command *c,
			    const struct netsh_words *words)
{
	struct row row = { .kind = ROW_RECORD, .place = s->source.place };
	struct piece name = netsh_words_value(words, "name", NAME);
	struct piece scope = netsh_words_value(words, "scope", SCOPE);
	bool domain = false;
	uint8_t suffix[3] = { 0 };
	unsigned int count = 0;
	const char *wrong = take_kind(s, c, words, &row, &domain);

	if (wrong == NULL && name.at == NULL) {
		wrong = "Name is missing";
	}
	if (wrong == NULL) {
		wrong = take_suffixes(words, row.rec.type, domain, suffix,
				      &count);
	}
	if (wrong == NULL) {
		wrong = take_addresses(netsh_words_value(words, "ip", IP),
				       &row);
	}
	row.known |= scope.len > 0 ? ROW_SCOPE : 0;
	return wrong != NULL ? wrong :
	       queue_rows(s, &row, name, scope, suffix, count);
}

/* ---- the table ---- */

static const struct command commands[] = {
	{ "set", "namerecord",
	  { { "renew", WINCONF_RENEW }, { "extinction", WINCONF_EXTINCTION },
	    { "extimeout", WINCONF_TIMEOUT },
	    { "verification", WINCONF_VERIFY } }, NULL, NULL },
	{ "set", "migrateflag", { { "state", WINCONF_MIGRATE_ON } }, NULL,
	  NULL },
	{ "set", "replicateflag", { { "state", WINCONF_ONLY_PARTNERS } },
	  NULL, NULL },
	{ "set", "burstparam",
	  { { "state", WINCONF_BURST_ON }, { "value", WINCONF_BURST } }, NULL,
	  NULL },
	{ "set", "autopartnerconfig",
	  { { "state", WINCONF_TAKE_FOUND }, { "interval", -1 },
	    { "ttl", -1 } },
	  "announcements are 40 minutes apart, and their reach is fixed",
	  NULL },
	{ "set", "pgmode", { { "mode", WINCONF_ACCEPT_MODE } }, NULL, NULL },
	{ "set", "pullparam",
	  { { "state", -1 }, { "strtup", -1 }, { "start", WINCONF_PULL_START },
	    { "interval", WINCONF_PULL_INTERVAL }, { "retry", -1 } },
	  "wins:partner ADDR has a time between tries, and pulls begin at the "
	  "start", NULL },
	{ "set", "pushparam",
	  { { "state", -1 }, { "strtup", -1 }, { "addchange", -1 },
	    { "update", WINCONF_PUSH_COUNT } },
	  "there is no such setting here", NULL },
	{ "set", "backuppath", { { "dir", -1 }, { "shutdown", -1 } },
	  "backups go to the state directory; wins:backup says how often",
	  NULL },
	{ "set", "periodicdbchecking",
	  { { "state", -1 }, { "maxrec", -1 }, { "checkagainst", -1 },
	    { "checkevery", -1 }, { "start", -1 } },
	  "winsctl check database compares with partners", NULL },
	{ "set", "logparam", { { "dbchange", -1 }, { "event", -1 } },
	  "log level says how much is logged", NULL },
	{ "set", "startversion", { { "version", -1 } },
	  "versions begin where partners know this server to be", NULL },
	{ "add", "partner", { { "server", -1 }, { "type", -1 } }, NULL,
	  add_partner },
	{ "set", "pullpartnerconfig",
	  { { "state", -1 }, { "server", -1 }, { "start", -1 },
	    { "interval", -1 } }, NULL, set_partner },
	{ "set", "pullpersistentconnection",
	  { { "state", -1 }, { "server", -1 }, { "start", -1 },
	    { "interval", -1 } }, NULL, set_partner },
	{ "set", "pushpartnerconfig",
	  { { "state", -1 }, { "server", -1 }, { "update", -1 } }, NULL,
	  set_partner },
	{ "set", "pushpersistentconnection",
	  { { "state", -1 }, { "server", -1 }, { "update", -1 } }, NULL,
	  set_partner },
	{ "add", "pgserver", { { "server", -1 } }, NULL, add_owners },
	{ "add", "pngserver", { { "server", -1 } }, NULL, add_owners },
	{ "add", "name",
	  { { "name", -1 }, { "scope", -1 }, { "endchar", -1 },
	    { "rectype", -1 }, { "group", -1 }, { "node", -1 },
	    { "ip", -1 } }, NULL, add_name },
};

static const struct command *find_command(const struct netsh_words *words)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (piece_is(words->verb, commands[i].verb) &&
		    piece_is(words->noun, commands[i].noun)) {
			return &commands[i];
		}
	}
	return NULL;
}

static int netsh_dump_probe(const struct format_head *head)
{
	char text[WINTEXT_HEAD];
	struct piece all = { text, wintext_head(head, text) };
	unsigned int known = 0;

	while (all.len > 0) {
		struct piece line = piece_until(all, '\n', &all);
		struct netsh_words words;

		line = piece_until(line, '\r', &(struct piece) { NULL, 0 });
		known += netsh_words_parse(line, &words) == NETSH_COMMAND &&
			 find_command(&words) != NULL;
	}
	return known > 0 ? 85 : 0;
}

/* NULL, or why the line is refused. */
static const char *take_command(struct netsh_dump *s, struct piece line,
				const struct netsh_words *words)
{
	const struct command *c = find_command(words);
	char text[PIECE_SHOWN];

	s->commands++;
	if (c == NULL) {
		winconf_note(s->conf, s->source.place, "%s: there is no such "
			     "command here",
			     piece_show(piece_trim(line), text));
	} else if (c->take != NULL) {
		return c->take(s, c, words);
	} else {
		take_settings(s, c, words);
	}
	return NULL;
}

static enum format_step netsh_dump_next(void *priv, struct row *row,
					char **message)
{
	struct netsh_dump *s = talloc_get_type_abort(priv, struct netsh_dump);
	struct piece line = { NULL, 0 };
	int ret = 0;

	while (s->given == s->queued &&
	       (ret = wintext_line(&s->source, &line, message)) == 1) {
		struct netsh_words words;
		enum netsh_line is = netsh_words_parse(line, &words);
		const char *wrong = is == NETSH_WRONG ?
				    "no netsh command" :
				    is == NETSH_NOTHING ? NULL :
				    take_command(s, line, &words);

		if (wrong != NULL) {
			return wintext_refuse(&s->source, line, wrong, NULL);
		}
	}
	if (s->given < s->queued) {
		*row = s->queue[s->given++];
		return FORMAT_ROW;
	}
	if (ret < 0) {
		return FORMAT_FAILED;
	}
	if (s->commands == 0) {
		*message = talloc_strdup(s, "there is no netsh command in it; "
			"netsh wins server \\\\NAME dump prints some");
		return FORMAT_FAILED;
	}
	return winconf_next(s->conf, row) ? FORMAT_ROW : FORMAT_END;
}

const struct format_ops format_netsh_dump = {
	.name = "netsh-dump",
	.title = "netsh script: configuration, and records of add name",
	.flags = FORMAT_READS,
	.carries = ROW_TYPE | ROW_STATIC | ROW_NODE | ROW_SCOPE,
	.loss = NULL,
	.probe = netsh_dump_probe,
	.open = netsh_dump_open,
	.next = netsh_dump_next,
	.close = wintext_close,
};
