/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what a Windows server is told to what ours is told, see winconf.h. The
 * meaning of the registry's values is in microsoft-wins.md 2 and 3, that of
 * netsh's tags in 7.2 and formats.md 2.1; our side is core/options.c.
 *
 * Each value is held against the table of options before it goes out: one that
 * winsd would refuse comes as a note with the reason, so that the fragment as a
 * whole can be used.
 */
#include <stdarg.h>
#include <string.h>

#include "core/options.h"
#include "core/partner_option.h"
#include "migrate/format/winconf.h"

#define PARTNERS_MAX	1024
#define OWNERS_MAX	1024
#define NOTES_MAX	4096
#define DAY		86400u

struct line {
	const char *option;	/* NULL: a note */
	char *value;
	const char *remark;
	uint64_t place;
};

struct owners {
	unsigned int count;
	uint32_t address[OWNERS_MAX];
	uint64_t place;
};

struct winconf {
	struct {
		struct winconf_number number;
		char *name;
		uint64_t place;
	} setting[WINCONF_SETTINGS];
	unsigned int partners;
	struct winconf_partner partner[PARTNERS_MAX];
	struct owners accepted, blocked;
	unsigned int lines, room;
	struct line *line;
	unsigned int notes;	/* among the lines */
	bool complete;		/* the options are among them, too */
	unsigned int given;
};

struct winconf *winconf_create(TALLOC_CTX *mem_ctx)
{
	return talloc_zero(mem_ctx, struct winconf);
}

/* ---- what is told ---- */

void winconf_set(struct winconf *conf, enum winconf_setting setting,
		 uint64_t value, const char *name, uint64_t place)
{
	TALLOC_FREE(conf->setting[setting].name);
	conf->setting[setting].number = (struct winconf_number) { true, value };
	conf->setting[setting].name = talloc_strdup(conf, name);
	conf->setting[setting].place = place;
}

struct winconf_partner *winconf_partner(struct winconf *conf, uint32_t address,
					uint64_t place)
{
	char text[NB_ADDR_TEXT];
	unsigned int i = 0;

	while (i < conf->partners && conf->partner[i].address != address) {
		i++;
	}
	if (i == conf->partners &&
	    (i == PARTNERS_MAX || !nb_addr_is_host(address))) {
		winconf_note(conf, place, "partner %s: %s",
			     nb_addr_print(address, text), i == PARTNERS_MAX ?
			     "there are 1024 already" :
			     "no host can have this address");
		return NULL;
	}
	if (i == conf->partners) {
		conf->partner[conf->partners++] = (struct winconf_partner) {
			.address = address,
			.place = place,
		};
	}
	return &conf->partner[i];
}

void winconf_owner(struct winconf *conf, bool accepted, uint32_t address,
		   uint64_t place)
{
	struct owners *owners = accepted ? &conf->accepted : &conf->blocked;
	char text[NB_ADDR_TEXT];

	for (unsigned int i = 0; i < owners->count; i++) {
		if (owners->address[i] == address) {
			return;
		}
	}
	if (owners->count == OWNERS_MAX || !nb_addr_is_host(address)) {
		winconf_note(conf, place, "owner %s: %s",
			     nb_addr_print(address, text),
			     owners->count == OWNERS_MAX ?
			     "there are 1024 already" :
			     "no host can have this address");
		return;
	}
	owners->address[owners->count++] = address;
	owners->place = place;
}

/* ---- lines ---- */

/* value is taken over; NULL: out of memory, a line less. */
static void add_line(struct winconf *conf, const char *option, char *value,
		     const char *remark, uint64_t place)
{
	struct line *more = conf->line;

	if (conf->lines == conf->room) {
		unsigned int room = conf->room + 256;

		more = talloc_realloc(conf, conf->line, struct line, room);
		conf->room = more != NULL ? room : conf->room;
	}
	if (more == NULL || value == NULL) {
		return;
	}
	conf->line = more;
	conf->line[conf->lines++] = (struct line) {
		option, talloc_move(conf->line, &value), remark, place,
	};
}

void winconf_note(struct winconf *conf, uint64_t place, const char *format,
		  ...)
{
	char *text = NULL;
	va_list ap;

	if (conf->notes++ >= NOTES_MAX) {
		return;
	}
	va_start(ap, format);
	text = talloc_vasprintf(conf, format, ap);
	va_end(ap);
	add_line(conf, NULL, text, NULL, place);
}

/* A line of our configuration, or a note that says why it cannot be one. */
static void add_option(struct winconf *conf, const char *name, char *value,
		       const char *remark, uint64_t place)
{
	char reason[OPTION_REASON] = "";
	enum option_id id = OPTION_COUNT;

	if (value == NULL) {
		return;
	}
	if (option_find(name, &id) &&
	    !option_check(option_row(id), value, reason)) {
		winconf_note(conf, place, "%s", reason);
		talloc_free(value);
		return;
	}
	add_line(conf, name, value, remark, place);
}

/* ---- the options ---- */

static bool is_set(const struct winconf *conf, enum winconf_setting setting)
{
	return conf->setting[setting].number.set;
}

static uint64_t number(const struct winconf *conf,
		       enum winconf_setting setting, uint64_t otherwise)
{
	return is_set(conf, setting) ? conf->setting[setting].number.value :
				       otherwise;
}

static const struct {
	enum winconf_setting setting;
	bool yes_no;
	const char *option;
	const char *remark;
} plain[] = {
	{ WINCONF_RENEW, false, "wreplsrv:renew_interval", NULL },
	{ WINCONF_RENEW, false, "min wins ttl",
	  "Windows grants its renewal interval, whatever was asked for" },
	{ WINCONF_RENEW, false, "max wins ttl", NULL },
	{ WINCONF_EXTINCTION, false, "wreplsrv:tombstone_interval", NULL },
	{ WINCONF_TIMEOUT, false, "wreplsrv:tombstone_timeout", NULL },
	{ WINCONF_VERIFY, false, "wreplsrv:verify_interval", NULL },
	{ WINCONF_MIGRATE_ON, true, "wins:migrate on", NULL },
	{ WINCONF_ONLY_PARTNERS, true, "wins:only partners", NULL },
	{ WINCONF_PORT, false, "wins:replication port", NULL },
	{ WINCONF_RANDOMIZE_1C, true, "nbtd:wins_randomize1Clist", NULL },
	{ WINCONF_PREPEND_1B, true, "nbtd:wins_prepend1Bto1Cqueries", NULL },
};

static void plain_options(struct winconf *conf)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		uint64_t value = number(conf, plain[i].setting, 0);

		if (!is_set(conf, plain[i].setting)) {
			continue;
		}
		add_option(conf, plain[i].option, plain[i].yes_no ?
			   talloc_strdup(conf, value != 0 ? "yes" : "no") :
			   talloc_asprintf(conf, "%llu",
					   (unsigned long long)value),
			   plain[i].remark,
			   conf->setting[plain[i].setting].place);
	}
}

static void burst_option(struct winconf *conf)
{
	uint64_t on = number(conf, WINCONF_BURST_ON, 1);
	enum winconf_setting from = is_set(conf, WINCONF_BURST) ?
				    WINCONF_BURST : WINCONF_BURST_ON;

	if (!is_set(conf, from)) {
		return;
	}
	add_option(conf, "wins:burst threshold",
		   talloc_asprintf(conf, "%llu", on == 0 ? 0ull :
				   (unsigned long long)number(
					   conf, WINCONF_BURST, 500)),
		   NULL, conf->setting[from].place);
}

static void challenge_option(struct winconf *conf)
{
	enum winconf_setting from = is_set(conf, WINCONF_CHALLENGE_WAIT) ?
				    WINCONF_CHALLENGE_WAIT :
				    WINCONF_CHALLENGE_TRIES;

	if (!is_set(conf, from)) {
		return;
	}
	add_option(conf, "wins:challenge",
		   talloc_asprintf(conf, "%llu %llu",
				   (unsigned long long)number(
					   conf, WINCONF_CHALLENGE_WAIT, 500),
				   (unsigned long long)number(
					   conf, WINCONF_CHALLENGE_TRIES, 3)),
		   "Windows doubles the time after each try",
		   conf->setting[from].place);
}

static void discovery_option(struct winconf *conf)
{
	uint64_t place = conf->setting[WINCONF_TAKE_FOUND].place;

	if (!is_set(conf, WINCONF_TAKE_FOUND)) {
		return;
	}
	if (number(conf, WINCONF_TAKE_FOUND, 0) != 0) {
		add_option(conf, "wins:autodiscovery",
			   talloc_strdup(conf, "both"),
			   "servers that are found are logged, and partners "
			   "only when they are listed", place);
		return;
	}
	winconf_note(conf, place, "%s = 0: Windows announces itself all the "
		     "same; wins:autodiscovery = announce does so here",
		     conf->setting[WINCONF_TAKE_FOUND].name);
}

static char *list_owners(struct winconf *conf, const struct owners *owners)
{
	char *list = talloc_strdup(conf, "");
	char text[NB_ADDR_TEXT];

	for (unsigned int i = 0; i < owners->count && list != NULL; i++) {
		list = talloc_asprintf_append_buffer(
			list, "%s%s", i == 0 ? "" : " ",
			nb_addr_print(owners->address[i], text));
	}
	return list;
}

/* Windows has two lists, and a switch that says which of them counts. */
static void owner_options(struct winconf *conf)
{
	bool accept = number(conf, WINCONF_ACCEPT_MODE, 0) != 0;
	const struct owners *counts = accept ? &conf->accepted :
					       &conf->blocked;
	const struct owners *idle = accept ? &conf->blocked : &conf->accepted;

	if (counts->count > 0) {
		add_option(conf, accept ? "wins:accept owners" :
					  "wins:block owners",
			   list_owners(conf, counts), NULL, counts->place);
	}
	if (idle->count > 0) {
		char *list = list_owners(conf, idle);

		winconf_note(conf, idle->place, "%s = %s: by its mode this "
			     "list does not count", accept ?
			     "wins:block owners" : "wins:accept owners",
			     list != NULL ? list : "?");
		talloc_free(list);
	}
}

/* ---- partners ---- */

static void partners_option(struct winconf *conf)
{
	char *list = talloc_strdup(conf, "");
	char text[NB_ADDR_TEXT];
	bool any = false;

	for (unsigned int i = 0; i < conf->partners && list != NULL; i++) {
		const struct winconf_partner *p = &conf->partner[i];

		nb_addr_print(p->address, text);
		if (!p->pull && !p->push) {
			winconf_note(conf, p->place, "partner %s: settings "
				     "for it, but it is no partner", text);
			continue;
		}
		list = talloc_asprintf_append_buffer(
			list, "%s%s%s", any ? " " : "", text,
			!p->push ? "(pull)" : !p->pull ? "(push)" : "");
		any = true;
	}
	if (any) {
		add_option(conf, "wins:partners", list, NULL,
			   conf->partner[0].place);
	} else {
		talloc_free(list);
	}
}

static char *key(char *row, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Another "key=value" behind what is there. */
static char *key(char *row, const char *format, ...)
{
	va_list ap;

	if (row != NULL && row[0] != '\0') {
		row = talloc_strdup_append_buffer(row, ", ");
	}
	if (row == NULL) {
		return NULL;
	}
	va_start(ap, format);
	row = talloc_vasprintf_append_buffer(row, format, ap);
	va_end(ap);
	return row;
}

/* What the partner says, or what was said for all of them. */
static struct winconf_number either(const struct winconf *conf,
				    struct winconf_number own,
				    enum winconf_setting setting)
{
	return own.set ? own : conf->setting[setting].number;
}

static char *pull_keys(const struct winconf *conf,
		       const struct winconf_partner *p, char *row)
{
	struct winconf_number interval = either(conf, p->interval,
						WINCONF_PULL_INTERVAL);
	struct winconf_number start = either(conf, p->start,
					     WINCONF_PULL_START);

	if (!p->pull) {
		return row;
	}
	if (interval.set && interval.value == 0) {
		row = key(row, "pull interval=never");
	} else if (interval.set) {
		row = key(row, "pull interval=%llu",
			  (unsigned long long)interval.value);
	}
	if (start.set && start.value < DAY) {
		row = key(row, "start time=%02u:%02u",
			  (unsigned int)start.value / 3600,
			  (unsigned int)start.value / 60 % 60);
	}
	return row;
}

static void partner_option(struct winconf *conf,
			   const struct winconf_partner *p)
{
	struct winconf_number count = either(conf, p->count,
					     WINCONF_PUSH_COUNT);
	struct winconf_number domains = either(conf, p->domains_only,
					       WINCONF_DOMAINS_ONLY);
	char *row = pull_keys(conf, p, talloc_strdup(conf, ""));
	struct partner_options parsed = partner_options_default();
	char reason[PARTNER_REASON], address[NB_ADDR_TEXT];

	if (p->push && count.set) {
		row = key(row, "push count=%llu",
			  (unsigned long long)count.value);
	}
	if (p->persistent.set) {
		row = key(row, "persistent=%s", p->persistent.value != 0 ?
			  "yes" : "no");
	}
	if (p->dynamic_only.set && p->dynamic_only.value != 0) {
		row = key(row, "statics=no");
	}
	if (domains.set && domains.value != 0) {
		row = key(row, "domains only=yes");
	}
	if (p->high_precedence.set) {
		row = key(row, "precedence=%s", p->high_precedence.value != 0 ?
			  "high" : "low");
	}
	if (row == NULL || row[0] == '\0' || (!p->pull && !p->push)) {
		talloc_free(row);
		return;
	}
	nb_addr_print(p->address, address);
	if (!partner_options_parse(row, &parsed, reason)) {
		winconf_note(conf, p->place, "wins:partner %s = %s: %s",
			     address, row, reason);
		talloc_free(row);
		return;
	}
	add_line(conf, talloc_asprintf(conf, "%s %s", OPTION_PARTNER_NAME,
				       address), row, NULL, p->place);
}

/* ---- the rows ---- */

static void complete(struct winconf *conf)
{
	plain_options(conf);
	burst_option(conf);
	challenge_option(conf);
	discovery_option(conf);
	owner_options(conf);
	partners_option(conf);
	for (unsigned int i = 0; i < conf->partners; i++) {
		partner_option(conf, &conf->partner[i]);
	}
	if (conf->notes > NOTES_MAX) {
		add_line(conf, NULL,
			 talloc_asprintf(conf, "and %u more settings that "
					 "have no counterpart",
					 conf->notes - NOTES_MAX), NULL, 0);
	}
	conf->complete = true;
}

bool winconf_next(struct winconf *conf, struct row *row)
{
	const struct line *line = NULL;

	if (!conf->complete) {
		complete(conf);
	}
	if (conf->given == conf->lines) {
		return false;
	}
	line = &conf->line[conf->given++];
	*row = (struct row) {
		.kind = ROW_OPTION,
		.place = line->place,
		.option = line->option,
		.value = line->value,
		.remark = line->remark,
	};
	return true;
}
