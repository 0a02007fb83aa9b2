/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One partner's options: a table of keys, each with the function that reads
 * its value into struct partner_options.
 *
 * The values are short, so each is copied out of the row before it is read:
 * the row itself stays as the operator wrote it.
 */

#include <stdio.h>
#include <string.h>

#include "core/addr.h"
#include "core/optval.h"
#include "core/partner_option.h"

#define SECONDS_MAX	2147483647u

typedef const char *partner_read(const char *text, struct partner_options *o);

/* Each returns NULL or what was expected. */

static const char *read_number(const char *text, uint32_t min, uint32_t max,
			       uint32_t *number, const char *expected)
{
	uint64_t value = 0;

	if (!optval_number(text, &value) || value < min || value > max) {
		return expected;
	}
	*number = (uint32_t)value;
	return NULL;
}

static const char *read_pull(const char *text, struct partner_options *o)
{
	if (strcmp(text, "never") == 0) {
		o->pull_interval = 0;
		return NULL;
	}
	if (strcmp(text, "0") == 0) {
		return "0 is not an interval (did you mean never?)";
	}
	return read_number(text, 1, SECONDS_MAX, &o->pull_interval,
			   "expected seconds or never");
}

static bool two_digits(const char *text, int limit, int *value)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' ||
	    text[1] > '9') {
		return false;
	}
	*value = (text[0] - '0') * 10 + text[1] - '0';
	return *value < limit;
}

static const char *read_start(const char *text, struct partner_options *o)
{
	int hour = 0, minute = 0;

	if (strlen(text) != 5 || text[2] != ':' ||
	    !two_digits(text, 24, &hour) || !two_digits(text + 3, 60, &minute)) {
		return "expected a time of day, HH:MM";
	}
	o->start_minute = hour * 60 + minute;
	return NULL;
}

static const char *read_retry(const char *text, struct partner_options *o)
{
	return read_number(text, 1, SECONDS_MAX, &o->retry,
			   "expected seconds, 1 or more");
}

static const char *read_push(const char *text, struct partner_options *o)
{
	return read_number(text, 0, 1000000, &o->push_count,
			   "expected a number of changes, 0 to 1000000");
}

static const char *read_bool(const char *text, bool *value)
{
	return optval_bool(text, value) ? NULL : "expected yes or no";
}

static const char *read_persistent(const char *text, struct partner_options *o)
{
	return read_bool(text, &o->persistent);
}

static const char *read_statics(const char *text, struct partner_options *o)
{
	return read_bool(text, &o->statics);
}

static const char *read_domains(const char *text, struct partner_options *o)
{
	return read_bool(text, &o->domains_only);
}

static const char *read_precedence(const char *text, struct partner_options *o)
{
	int which = optval_which("low high", text);

	o->high_precedence = which == 1;
	return which < 0 ? "expected low or high" : NULL;
}

static bool host_address(const char *text, uint32_t *address)
{
	return nb_addr_parse(text, address) && nb_addr_is_host(*address);
}

static const char *read_also(const char *text, struct partner_options *o)
{
	char word[OPTVAL_WORD] = "";

	o->also_count = 0;
	while (optval_next_word(&text, word) != OPTVAL_END) {
		if (o->also_count == PARTNER_ALSO_MAX) {
			return "more than 16 addresses";
		}
		if (!host_address(word, &o->also[o->also_count++])) {
			return "expected addresses of hosts";
		}
	}
	return o->also_count == 0 ? "expected addresses of hosts" : NULL;
}

static const char *read_our(const char *text, struct partner_options *o)
{
	return host_address(text, &o->our_address) ?
	       NULL : "expected the address of a host";
}

static const char *read_name(const char *text, struct partner_options *o)
{
	if (text[0] == '\0' || strlen(text) > PARTNER_NAME_MAX) {
		return "expected a text of 1 to 63 bytes";
	}
	memcpy(o->name, text, strlen(text) + 1);
	return NULL;
}

static const struct {
	struct partner_key key;
	partner_read *read;
} keys[] = {
	{ { "pull interval", "1800",
	    "Seconds between two pulls, or never: then only when the partner "
	    "tells of changes or an operator asks. 0 is an error." },
	  read_pull },
	{ { "start time", "HH:MM",
	    "Time of day of the first pull, by the local clock; the others "
	    "follow at the interval." },
	  read_start },
	{ { "retry", "30",
	    "Seconds to wait after a pull that failed; longer after more, up "
	    "to the interval." },
	  read_retry },
	{ { "push count", "20",
	    "Changes after which the partner is told that there are some. 0: "
	    "never." },
	  read_push },
	{ { "persistent", "yes",
	    "Keep the connection open between pulls and pushes." },
	  read_persistent },
	{ { "statics", "yes", "Take the partner's static records too." },
	  read_statics },
	{ { "domains only", "no",
	    "Take only domain names: <1b> and the groups <1c>." },
	  read_domains },
	{ { "precedence", "high",
	    "high or low: whose members stay when a group is full." },
	  read_precedence },
	{ { "also", "ADDR ADDR",
	    "Further addresses that the same partner calls from." },
	  read_also },
	{ { "our address", "ADDR", "Call the partner from this address." },
	  read_our },
	{ { "name", "TEXT", "What people call it." }, read_name },
};

#define KEYS	(sizeof(keys) / sizeof(keys[0]))

const struct partner_key *partner_key(unsigned int index)
{
	return index < KEYS ? &keys[index].key : NULL;
}

struct partner_options partner_options_default(void)
{
	return (struct partner_options){
		.pull_interval = 1800,
		.start_minute = -1,
		.retry = 30,
		.push_count = 20,
		.persistent = true,
		.statics = true,
		.high_precedence = true,
	};
}

/* Copy without the blanks around; false if it does not fit. */
static bool copy_trimmed(const char *from, const char *to, char *out,
			 size_t size)
{
	while (from < to && optval_is_blank(*from)) {
		from++;
	}
	while (to > from && optval_is_blank(to[-1])) {
		to--;
	}
	if ((size_t)(to - from) >= size) {
		return false;
	}
	memcpy(out, from, (size_t)(to - from));
	out[to - from] = '\0';
	return true;
}

static const char *nearest_key(const char *text)
{
	unsigned int best = 4;
	const char *nearest = NULL;

	for (unsigned int i = 0; i < KEYS; i++) {
		unsigned int apart = optval_distance(text, keys[i].key.key);

		if (apart < best) {
			best = apart;
			nearest = keys[i].key.key;
		}
	}
	return nearest;
}

static bool refuse_key(const char *key, char reason[PARTNER_REASON])
{
	const char *nearest = nearest_key(key);
	char shown[OPTVAL_SHOWN] = "";

	optval_show(key, shown);
	if (nearest != NULL) {
		snprintf(reason, PARTNER_REASON,
			 "unknown key \"%s\" (did you mean %s?)", shown,
			 nearest);
	} else {
		snprintf(reason, PARTNER_REASON, "unknown key \"%s\"",
			 shown);
	}
	return false;
}

static bool read_pair(const char *key, const char *text,
		      struct partner_options *options,
		      char reason[PARTNER_REASON])
{
	const char *wrong = NULL;
	char shown[OPTVAL_SHOWN] = "";
	unsigned int i = 0;

	while (i < KEYS && !optval_same_name(key, keys[i].key.key)) {
		i++;
	}
	if (i == KEYS) {
		return refuse_key(key, reason);
	}
	wrong = keys[i].read(text, options);
	if (wrong != NULL) {
		snprintf(reason, PARTNER_REASON, "%s=%s: %s", keys[i].key.key,
			 optval_show(text, shown), wrong);
	}
	return wrong == NULL;
}

/* One key=value between commas. */
static bool read_item(const char *from, const char *to,
		      struct partner_options *options,
		      char reason[PARTNER_REASON])
{
	char key[32] = "", text[OPTVAL_WORD] = "";
	const char *equals = memchr(from, '=', (size_t)(to - from));

	if (equals == NULL) {
		snprintf(reason, PARTNER_REASON, "expected key=value, "
			 "separated by commas");
		return false;
	}
	if (!copy_trimmed(from, equals, key, sizeof(key)) || key[0] == '\0') {
		snprintf(reason, PARTNER_REASON, "no key before an =");
		return false;
	}
	if (!copy_trimmed(equals + 1, to, text, 128)) {
		snprintf(reason, PARTNER_REASON, "a value is too long");
		return false;
	}
	return read_pair(key, text, options, reason);
}

bool partner_options_parse(const char *value, struct partner_options *options,
			   char reason[PARTNER_REASON])
{
	while (*value != '\0') {
		size_t len = strcspn(value, ",");

		if (!read_item(value, value + len, options, reason)) {
			return false;
		}
		value += len + (value[len] == ',');
	}
	return true;
}

bool partner_word_parse(const char *word, uint32_t *address, bool *pull,
			bool *push)
{
	char text[NB_ADDR_TEXT] = "";
	size_t len = strcspn(word, "(");

	if (len >= sizeof(text)) {
		return false;
	}
	memcpy(text, word, len);
	*pull = strcmp(word + len, "(push)") != 0;
	*push = strcmp(word + len, "(pull)") != 0;
	if (*pull && *push && word[len] != '\0') {
		return false;
	}
	return host_address(text, address);
}
