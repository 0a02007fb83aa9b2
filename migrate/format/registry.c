/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The WINS service's part of a Windows registry export -> our configuration
 * (microsoft-wins.md 3): HKLM\SYSTEM\CurrentControlSet\Services\WINS with its
 * keys Parameters and Partners. Whatever else the file holds is passed over.
 *
 * A value of theirs is set under its key by name, whatever the case. Those that
 * have no counterpart here come out as notes with a word on what to do, those
 * that nobody has heard of as notes, too.
 */
#include <errno.h>
#include <string.h>

#include "migrate/format/regfile.h"
#include "migrate/format/winconf.h"
#include "migrate/formats.h"

#define SERVICE "\\Services\\WINS"

struct registry {
	struct wintext source;
	struct regfile *file;
	struct winconf *conf;
	struct reg_value *value;
	bool read;		/* the file has ended */
	size_t prefix_len;	/* of the keys that are read, up to WINS */
	char prefix[REG_KEY_MAX];
	bool found, others;	/* the service; another control set's */
};

static int registry_probe(const struct format_head *head)
{
	char text[WINTEXT_HEAD];
	struct piece all = { text, wintext_head(head, text) };

	if (!piece_begins(all, "Windows Registry Editor") &&
	    !piece_begins(all, "REGEDIT4")) {
		return 0;
	}
	return piece_has(all, SERVICE) ? 95 : 70;
}

static int registry_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
			 bool writing, void **priv, char **message)
{
	struct registry *s = talloc_zero(mem_ctx, struct registry);
	int ret = 0;

	(void)writing;
	*priv = s;
	if (s == NULL) {
		return ENOMEM;
	}
	s->conf = winconf_create(s);
	s->value = talloc_zero(s, struct reg_value);
	if (s->conf == NULL || s->value == NULL) {
		return ENOMEM;
	}
	ret = wintext_open(s, end, TEXT_CHARACTERS, &s->source, message);
	return ret != 0 ? ret :
	       regfile_open(s, &s->source, &s->file, message);
}

/* ---- Parameters ---- */

/* A value as people may read it. */
static const char *shown(const struct reg_value *value,
			 char out[PIECE_SHOWN])
{
	switch (value->type) {
	case REG_DWORD:
		(void)snprintf(out, PIECE_SHOWN, "%u", value->number);
		return out;
	case REG_SZ:
	case REG_EXPAND_SZ:
	case REG_MULTI_SZ:
		return piece_show(piece_of(value->text), out);
	default:
		return "(binary)";
	}
}

static void note(struct registry *s, const struct reg_value *value,
		 const char *where, const char *hint)
{
	char name[PIECE_SHOWN], text[PIECE_SHOWN];

	winconf_note(s->conf, value->place, "%s%s = %s: %s", where,
		     piece_show(piece_of(value->name), name),
		     shown(value, text), hint);
}

#define NO_COUNTERPART "there is no such setting here"

static const struct {
	const char *name;
	enum winconf_setting setting;
} numbers[] = {
	{ "RefreshInterval", WINCONF_RENEW },
	{ "TombstoneInterval", WINCONF_EXTINCTION },
	{ "TombstoneTimeout", WINCONF_TIMEOUT },
	{ "VerifyInterval", WINCONF_VERIFY },
	{ "BurstHandling", WINCONF_BURST_ON },
	{ "BurstQueSize", WINCONF_BURST },
	{ "ChlMaxNoOfRetries", WINCONF_CHALLENGE_TRIES },
	{ "InitChlRetryInterval", WINCONF_CHALLENGE_WAIT },
	{ "MigrateOn", WINCONF_MIGRATE_ON },
	{ "RplOnlyWCnfPnrs", WINCONF_ONLY_PARTNERS },
	{ "PortNo", WINCONF_PORT },
	{ "Randomize1cList", WINCONF_RANDOMIZE_1C },
	{ "Prepend1BTo1CQueries", WINCONF_PREPEND_1B },
	{ "UseSelfFndPnrs", WINCONF_TAKE_FOUND },
};

static const struct {
	const char *name, *hint;
} hints[] = {
	{ "BackupDirPath", "backups go to the state directory; wins:backup "
	  "says how often" },
	{ "DoBackupOnTerm", "wins:backup says how often backups are made" },
	{ "DbFileNm", "the database is in the state directory" },
	{ "LogFilePath", "the journal is in the state directory" },
	{ "LoggingOn", "there is always a journal" },
	{ "LogDetailedEvents", "log level says how much is logged" },
	{ "DoStaticDataInit", "import the files of the key Datafiles once" },
	{ "InitTimePause", "wins:start wait lets an empty server wait for its "
	  "partners" },
	{ "McastIntvl", "announcements are 40 minutes apart" },
	{ "McastTtl", "the reach of announcements is fixed" },
	{ "NoOfWrkThds", "one thread serves, another writes" },
	{ "PriorityClassHigh", "the service manager sets priorities" },
	{ "VersCounterStartVal_LowWord", "versions begin where partners know "
	  "this server to be" },
	{ "VersCounterStartVal_HighWord", "versions begin where partners know "
	  "this server to be" },
};

static void take_parameter(struct registry *s, const struct reg_value *value)
{
	const char *hint = NO_COUNTERPART;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcasecmp(value->name, numbers[i].name) == 0) {
			if (value->type == REG_DWORD) {
				winconf_set(s->conf, numbers[i].setting,
					    value->number, numbers[i].name,
					    value->place);
				return;
			}
			hint = "a number was expected";
		}
	}
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (strcasecmp(value->name, hints[i].name) == 0) {
			hint = hints[i].hint;
		}
	}
	note(s, value, "", hint);
}

static void take_datafile(struct registry *s, const struct reg_value *value)
{
	char text[PIECE_SHOWN];

	note(s, value, "Datafiles\\", "a file of static records; import it");
	tally_remark(s->source.tally, "line %llu: the server took static "
		     "records from %s; import that file as well (-f lmhosts)",
		     (unsigned long long)value->place, shown(value, text));
}

static void take_check(struct registry *s, const struct reg_value *value)
{
	note(s, value, "ConsistencyCheck\\", "winsctl check database compares "
	     "with partners");
}

/* ---- Partners ---- */

static void take_owners(struct registry *s, const struct reg_value *value,
			bool accepted)
{
	struct piece rest = piece_of(value->text);

	while (rest.len > 0) {
		struct piece text = piece_trim(piece_until(rest, '\n', &rest));
		uint32_t owner = 0;

		if (piece_address(text, &owner)) {
			winconf_owner(s->conf, accepted, owner, value->place);
		} else if (text.len > 0) {
			note(s, value, "Partners\\", "one of its addresses is "
			     "none");
		}
	}
}

static void take_partners(struct registry *s, const struct reg_value *value)
{
	bool number = value->type == REG_DWORD;

	if (strcasecmp(value->name, "PersonaNonGrata") == 0) {
		take_owners(s, value, false);
	} else if (strcasecmp(value->name, "PersonaGrata") == 0) {
		take_owners(s, value, true);
	} else if (number && strcasestr(value->name, "Persona") != NULL) {
		/* the one number there: which of the two lists counts */
		winconf_set(s->conf, WINCONF_ACCEPT_MODE, value->number,
			    value->name, value->place);
	} else if (number && strcasecmp(value->name, "ReplicationType") == 0) {
		winconf_set(s->conf, WINCONF_DOMAINS_ONLY, value->number,
			    value->name, value->place);
	} else {
		note(s, value, "Partners\\", NO_COUNTERPART);
	}
}

static void take_pull(struct registry *s, const struct reg_value *value)
{
	const char *hint = NO_COUNTERPART;

	if (strcasecmp(value->name, "InitTimeReplication") == 0) {
		hint = "pulls always begin when the server starts";
	} else if (strcasecmp(value->name, "CommRetryCount") == 0) {
		hint = "wins:partner ADDR = retry=... is the time between "
		       "tries; they do not end";
	}
	note(s, value, "Pull\\", hint);
}

static void take_push(struct registry *s, const struct reg_value *value)
{
	note(s, value, "Push\\", NO_COUNTERPART);
}

static struct winconf_number number_of(const struct reg_value *value)
{
	return (struct winconf_number) { true, value->number };
}

/* "02:30:00" */
static bool take_time(const char *text, struct winconf_number *start)
{
	struct piece rest = piece_of(text);
	uint64_t seconds = 0;

	for (unsigned int i = 0; i < 3; i++) {
		struct piece part = piece_trim(piece_until(rest, ':', &rest));
		uint64_t number = 0;

		if ((part.len > 0 || i < 2) &&
		    !piece_decimal(part, i == 0 ? 23 : 59, &number)) {
			return false;
		}
		seconds = seconds * 60 + number;
	}
	*start = (struct winconf_number) { true, seconds };
	return rest.len == 0;
}

/* False: it is no setting of a partner. */
static bool take_partner_value(struct winconf_partner *p, bool is_pull,
			       const struct reg_value *value)
{
	const char *name = value->name;

	if (is_pull && strcasecmp(name, "SpTime") == 0) {
		return value->text[0] == '\0' ||
		       take_time(value->text, &p->start);
	}
	if (value->type != REG_DWORD) {
		/* what is left blank is not set */
		return value->text[0] == '\0' && value->type != REG_BINARY;
	}
	if (is_pull && strcasecmp(name, "TimeInterval") == 0) {
		p->interval = number_of(value);
	} else if (is_pull && strcasecmp(name, "MemberPrec") == 0) {
		p->high_precedence = number_of(value);
	} else if (is_pull && strcasecmp(name, "OnlyDynRecs") == 0) {
		p->dynamic_only = number_of(value);
	} else if (strcasecmp(name, "ReplicationType") == 0) {
		p->domains_only = number_of(value);
	} else if (!is_pull && strcasecmp(name, "UpdateCount") == 0) {
		p->count = number_of(value);
	} else if (strcasestr(name, "Persist") != NULL) {
		p->persistent = number_of(value);
	} else {
		return false;
	}
	return true;
}

/* A key below Pull or Push is a partner, whatever values it has. */
static void take_partner(struct registry *s, bool is_pull, const char *text,
			 const struct reg_value *value)
{
	const char *where = is_pull ? "Pull\\" : "Push\\";
	struct winconf_partner *p = NULL;
	char name[PIECE_SHOWN];
	uint32_t address = 0;

	if (!nb_addr_parse(text, &address)) {
		if (value->type == REG_NONE) {
			winconf_note(s->conf, value->place, "%s%s: the key is "
				     "no address", where,
				     piece_show(piece_of(text), name));
		}
		return;
	}
	p = winconf_partner(s->conf, address, value->place);
	if (p == NULL) {
		return;
	}
	p->pull |= is_pull;
	p->push |= !is_pull;
	if (value->type != REG_NONE &&
	    !take_partner_value(p, is_pull, value)) {
		note(s, value, where, NO_COUNTERPART);
	}
}

/* ---- keys ---- */

static const struct {
	const char *key;
	void (*take)(struct registry *s, const struct reg_value *value);
} keys[] = {
	{ "\\Parameters", take_parameter },
	{ "\\Parameters\\Datafiles", take_datafile },
	{ "\\Parameters\\ConsistencyCheck", take_check },
	{ "\\Partners", take_partners },
	{ "\\Partners\\Pull", take_pull },
	{ "\\Partners\\Push", take_push },
};

#define PULL "\\Partners\\Pull\\"
#define PUSH "\\Partners\\Push\\"

/*
 * The key behind ...\Services\WINS, NULL if it is not below that. A file may
 * have several control sets; the first one counts.
 */
static const char *below_service(struct registry *s, const char *key)
{
	const char *at = strcasestr(key, SERVICE);
	size_t len = at == NULL ? 0 : (size_t)(at - key) + strlen(SERVICE);

	if (at == NULL || (key[len] != '\0' && key[len] != '\\')) {
		return NULL;
	}
	if (!s->found) {
		memcpy(s->prefix, key, len);
		s->prefix_len = len;
		s->found = true;
	}
	if (len != s->prefix_len || strncasecmp(key, s->prefix, len) != 0) {
		s->others = true;
		return NULL;
	}
	return key + len;
}

static void take_value(struct registry *s, const struct reg_value *value)
{
	const char *key = below_service(s, value->key);

	if (key == NULL) {
		return;
	}
	if (strncasecmp(key, PULL, strlen(PULL)) == 0) {
		take_partner(s, true, key + strlen(PULL), value);
	} else if (strncasecmp(key, PUSH, strlen(PUSH)) == 0) {
		take_partner(s, false, key + strlen(PUSH), value);
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcasecmp(key, keys[i].key) == 0 &&
		    value->type != REG_NONE && value->name[0] != '\0') {
			keys[i].take(s, value);
		}
	}
}

/*
 * What is not there means something, too: a pull partner without an interval
 * is never pulled from (Q147356), a push partner without a count not told.
 */
static void end_file(struct registry *s)
{
	s->read = true;
	winconf_set(s->conf, WINCONF_PULL_INTERVAL, 0, "TimeInterval", 0);
	winconf_set(s->conf, WINCONF_PUSH_COUNT, 0, "UpdateCount", 0);
	if (s->others) {
		tally_remark(s->source.tally, "the file has several control "
			     "sets; only %.*s was read", (int)s->prefix_len,
			     s->prefix);
	}
}

/* May the line that is wrong concern us? Other services' do not. */
static bool is_ours(struct registry *s)
{
	const char *key = regfile_key(s->file);

	return key[0] == '\0' || below_service(s, key) != NULL;
}

/* With its key, so that it can be mended where it lies. */
static enum format_step refuse(struct registry *s, char *what)
{
	struct piece line = regfile_line(s->file);
	char *raw = talloc_asprintf(s, "[%s]\n%.*s", regfile_key(s->file),
				    (int)line.len, line.at);
	enum format_step step = FORMAT_SKIPPED;

	s->source.place = s->value->place;
	s->source.head = "Windows Registry Editor Version 5.00\n";
	step = wintext_refuse(&s->source,
			      raw != NULL ? piece_of(raw) : line,
			      "no registry value", what);
	talloc_free(raw);
	talloc_free(what);
	return step;
}

static enum format_step registry_next(void *priv, struct row *row,
				      char **message)
{
	struct registry *s = talloc_get_type_abort(priv, struct registry);
	bool ended = s->read;

	while (!ended) {
		char *what = NULL;
		int ret = regfile_next(s->file, s->value, &ended, &what);

		if (ret == 1) {
			take_value(s, s->value);
		} else if (ret == -1 && ended) {
			*message = what;
			return FORMAT_FAILED;
		} else if (ret == -1 && is_ours(s)) {
			return refuse(s, what);
		} else {
			talloc_free(what);
		}
	}
	if (!s->read) {
		end_file(s);
	}
	if (!s->found) {
		*message = talloc_strdup(s, "there is no key ..." SERVICE
			" in it; reg export HKLM\\SYSTEM\\CurrentControlSet"
			SERVICE " wins.reg makes one");
		return FORMAT_FAILED;
	}
	return winconf_next(s->conf, row) ? FORMAT_ROW : FORMAT_END;
}

const struct format_ops format_registry = {
	.name = "registry",
	.title = "registry export of the WINS service (its configuration)",
	.flags = FORMAT_READS,
	.carries = 0,
	.loss = "no records",
	.probe = registry_probe,
	.open = registry_open,
	.next = registry_next,
	.close = wintext_close,
};
