/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * May an option have this value? One function for each type of the table,
 * each of which says what it would have accepted.
 *
 * Stricter than the suite where it guesses: a number with a tail, a leading
 * zero, a path that is not absolute, a value with control characters. What an
 * existing smb.conf may rightly say in the suite's own options (IPv6 in
 * `interfaces`, foreign debug classes) passes.
 */

#include <stdio.h>
#include <string.h>

#include "core/addr.h"
#include "core/name.h"
#include "core/options.h"
#include "core/optval.h"
#include "core/partner_option.h"

#define WHY		240	/* what is wrong, without name and value */
#define TEXT_MAX	1023
#define PORT_NAME_MAX	15	/* of a network interface */

static bool check_bool(const struct option *o, const char *value,
		       char why[WHY])
{
	bool ignored = false;

	(void)o;
	if (optval_bool(value, &ignored)) {
		return true;
	}
	snprintf(why, WHY, "expected yes or no");
	return false;
}

/* Seconds with the letter of a unit behind: what was meant? 0: not that. */
static uint64_t seconds_meant(const char *value)
{
	static const char unit[] = "smhdw";
	static const uint32_t factor[] = { 1, 60, 3600, 86400, 604800 };
	char digits[16] = "";
	size_t len = strspn(value, "0123456789");
	const char *letter = value[len] == '\0' ? NULL :
			     strchr(unit, value[len]);
	uint64_t number = 0;

	if (letter == NULL || value[len + 1] != '\0' || len > 6) {
		return 0;
	}
	memcpy(digits, value, len);
	return optval_number(digits, &number) ? number * factor[letter - unit] :
						0;
}

static bool number_in(const char *value, uint32_t min, uint32_t max,
		      char why[WHY])
{
	uint64_t number = 0;
	uint64_t meant = seconds_meant(value);

	if (optval_number(value, &number)) {
		snprintf(why, WHY, "must be %u to %u", min, max);
		return number >= min && number <= max;
	}
	if (value[0] == '0' && strspn(value, "0123456789") == strlen(value)) {
		snprintf(why, WHY, "a number must not begin with 0");
	} else if (meant >= min && meant <= max && meant > 0) {
		snprintf(why, WHY, "expected seconds without a unit "
			 "(did you mean %llu?)", (unsigned long long)meant);
	} else {
		snprintf(why, WHY, "expected a whole number, %u to %u", min,
			 max);
	}
	return false;
}

static bool check_number(const struct option *o, const char *value,
			 char why[WHY])
{
	return number_in(value, o->min, o->max, why);
}

/* Where 0 means off, nobody has to make up a number to go with it. */
static bool lone_zero(const char *value)
{
	char first[OPTVAL_WORD] = "", second[OPTVAL_WORD] = "";
	uint64_t number = 1;

	return optval_next_word(&value, first) == OPTVAL_WORD_OK &&
	       optval_next_word(&value, second) == OPTVAL_END &&
	       optval_number(first, &number) && number == 0;
}

static bool check_pair(const struct option *o, const char *value,
		       char why[WHY])
{
	char first[OPTVAL_WORD] = "", second[OPTVAL_WORD] = "";
	char rest[OPTVAL_WORD] = "", part[WHY] = "";

	if (o->min == 0 && lone_zero(value)) {
		return true;
	}
	if (optval_next_word(&value, first) != OPTVAL_WORD_OK ||
	    optval_next_word(&value, second) != OPTVAL_WORD_OK ||
	    optval_next_word(&value, rest) != OPTVAL_END) {
		snprintf(why, WHY, "expected two numbers (%s), such as %s%s",
			 o->unit, o->standard, o->min == 0 ? ", or 0" : "");
		return false;
	}
	if (!number_in(first, o->min, o->max, part)) {
		snprintf(why, WHY, "first number: %.200s", part);
		return false;
	}
	if (!number_in(second, o->min2, o->max2, part)) {
		snprintf(why, WHY, "second number: %.200s", part);
		return false;
	}
	return true;
}

static bool check_word(const struct option *o, const char *value,
		       char why[WHY])
{
	const char *words = o->words;
	char word[OPTVAL_WORD] = "", near[OPTVAL_WORD] = "";
	unsigned int best = 3;

	if (optval_which(words, value) >= 0) {
		return true;
	}
	while (optval_next_word(&words, word) != OPTVAL_END) {
		if (optval_distance(value, word) < best) {
			best = optval_distance(value, word);
			memcpy(near, word, sizeof(near));
		}
	}
	if (near[0] != '\0') {
		snprintf(why, WHY, "expected one of: %s (did you mean %.20s?)",
			 o->words, near);
	} else {
		snprintf(why, WHY, "expected one of: %s", o->words);
	}
	return false;
}

/* N, or CLASS:N; the suite also has CLASS:N@FILE. */
static bool level_word(const char *word)
{
	const char *colon = strchr(word, ':');
	const char *digits = colon != NULL ? colon + 1 : word;
	size_t len = strspn(digits, "0123456789");

	return colon != word && len > 0 && len < 6 &&
	       (digits[len] == '\0' || (colon != NULL && digits[len] == '@'));
}

static bool check_level(const struct option *o, const char *value,
			char why[WHY])
{
	char word[OPTVAL_WORD] = "";
	unsigned int words = 0;

	(void)o;
	for (; optval_next_word(&value, word) != OPTVAL_END; words++) {
		if (!level_word(word)) {
			snprintf(why, WHY, "expected a number, or words like "
				 "wins:5 as well");
			return false;
		}
	}
	snprintf(why, WHY, "expected a number");
	return words > 0;
}

static bool netbios_word(const char *word, char why[WHY])
{
	static const char forbidden[] = "\"/\\[]:|<>+=;,?*%";

	if (word[0] == '\0') {
		snprintf(why, WHY, "expected a name");
		return false;
	}
	if (strlen(word) > NB_NAME_MAX) {
		snprintf(why, WHY, "longer than 15 bytes");
		return false;
	}
	if (word[0] == ' ' || word[strlen(word) - 1] == ' ') {
		snprintf(why, WHY, "a name may not begin or end with a blank");
		return false;
	}
	for (const char *p = word; *p != '\0'; p++) {
		if (*p == '%') {
			snprintf(why, WHY, "substitutions such as %%h are not "
				 "known here");
			return false;
		}
		if (*p < ' ' || *p > '~' || strchr(forbidden, *p) != NULL) {
			snprintf(why, WHY, "a name may not contain %s",
				 *p < ' ' || *p > '~' ? "such bytes" :
				 (const char[]){ *p, '\0' });
			return false;
		}
	}
	return true;
}

static bool check_netbios(const struct option *o, const char *value,
			  char why[WHY])
{
	(void)o;
	return netbios_word(value, why);
}

static bool check_scope(const struct option *o, const char *value,
			char why[WHY])
{
	(void)o;
	if (strlen(value) > NB_SCOPE_LIMIT) {
		snprintf(why, WHY, "longer than 237 bytes");
		return false;
	}
	while (*value != '\0') {
		size_t len = strcspn(value, ".");

		if (len == 0 || len > 63) {
			snprintf(why, WHY, "a label must be 1 to 63 bytes");
			return false;
		}
		for (size_t i = 0; i < len; i++) {
			if (value[i] <= ' ' || value[i] > '~') {
				snprintf(why, WHY, "labels are printable "
					 "ASCII without blanks");
				return false;
			}
		}
		value += len;
		if (*value == '.' && *++value == '\0') {
			snprintf(why, WHY, "a scope may not end with a dot");
			return false;
		}
	}
	return true;
}

static bool host_word(const char *word, char why[WHY])
{
	uint32_t address = 0;

	if (!nb_addr_parse(word, &address)) {
		snprintf(why, WHY, "expected an IPv4 address");
		return false;
	}
	snprintf(why, WHY, "no host can have this address");
	return nb_addr_is_host(address);
}

static bool check_address(const struct option *o, const char *value,
			  char why[WHY])
{
	(void)o;
	return host_word(value, why);
}

static bool check_mask(const struct option *o, const char *value,
		       char why[WHY])
{
	uint32_t mask = 0;

	(void)o;
	snprintf(why, WHY, "expected a mask such as 255.255.255.0");
	return nb_addr_parse(value, &mask);
}

static bool interface_address(const char *word, char why[WHY])
{
	char text[NB_ADDR_TEXT] = "";
	size_t len = strcspn(word, "/");
	uint32_t mask = 0;

	if (len < sizeof(text)) {
		memcpy(text, word, len);
	}
	if (strcmp(text, "0.0.0.0") == 0) {
		snprintf(why, WHY, "0.0.0.0 is never served: name the "
			 "interfaces or addresses");
		return false;
	}
	if (!host_word(text, why)) {
		return false;
	}
	snprintf(why, WHY, "expected 0 to 32 bits or a mask behind the /");
	return word[len] == '\0' || nb_mask_parse(word + len + 1, &mask);
}

/* Our own option takes only what can work, the suite's takes what it takes. */
static bool interface_word(const struct option *o, char *word, char why[WHY])
{
	bool strict = optval_after_prefix(o->name, "wins:") != NULL;
	const char *colon = strchr(word, ':');

	word[strcspn(word, ";")] = '\0';
	if (word[0] != '\0' && strspn(word, "0123456789./") == strlen(word)) {
		return interface_address(word, why);
	}
	if (!strict) {
		return true;
	}
	if (colon != NULL && strchr(colon + 1, ':') != NULL) {
		snprintf(why, WHY, "WINS knows IPv4 only");
		return false;
	}
	snprintf(why, WHY, "neither an address nor the name of an interface");
	return word[0] != '\0' && strlen(word) <= PORT_NAME_MAX &&
	       strchr(word, '/') == NULL;
}

static bool text_word(const char *word, char why[WHY])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_";

	snprintf(why, WHY, "expected names of letters, digits, - and _");
	return word[0] != '\0' && strspn(word, allowed) == strlen(word);
}

static bool partner_word(const char *word, char why[WHY])
{
	uint32_t address = 0;
	bool pull = false, push = false;

	snprintf(why, WHY, "expected ADDR, ADDR(pull) or ADDR(push)");
	return partner_word_parse(word, &address, &pull, &push);
}

static bool one_word(const struct option *o, char *word, char why[WHY])
{
	switch (o->type) {
	case OPTION_NETBIOS_LIST:
		return netbios_word(word, why);
	case OPTION_ADDRESS_LIST:
		return host_word(word, why);
	case OPTION_INTERFACE_LIST:
		return interface_word(o, word, why);
	case OPTION_PARTNER_LIST:
		return partner_word(word, why);
	default:
		return text_word(word, why);
	}
}

static bool check_list(const struct option *o, const char *value,
		       char why[WHY])
{
	char word[OPTVAL_WORD] = "", part[WHY] = "", shown[OPTVAL_SHOWN] = "";
	enum optval_next next = OPTVAL_WORD_OK;
	unsigned int words = 0;

	while ((next = optval_next_word(&value, word)) != OPTVAL_END) {
		if (next == OPTVAL_WORD_OPEN) {
			snprintf(why, WHY, "a quote is not closed");
			return false;
		}
		if (next == OPTVAL_WORD_LONG || ++words > o->max) {
			snprintf(why, WHY, next == OPTVAL_WORD_LONG ?
				 "a word is too long" : "more than %u words",
				 o->max);
			return false;
		}
		if (!one_word(o, word, part)) {
			snprintf(why, WHY, "%s: %.160s", optval_show(word, shown),
				 part);
			return false;
		}
	}
	return true;
}

static bool check_text(const struct option *o, const char *value,
		       char why[WHY])
{
	(void)o;
	snprintf(why, WHY, "longer than 1023 bytes");
	return strlen(value) <= TEXT_MAX;
}

static bool check_path(const struct option *o, const char *value,
		       char why[WHY])
{
	if (value[0] != '/') {
		snprintf(why, WHY, "expected a path that begins with /");
		return false;
	}
	if (strchr(value, '%') != NULL) {
		snprintf(why, WHY, "substitutions such as %%h are not known "
			 "here");
		return false;
	}
	return check_text(o, value, why);
}

static bool (*const checker[])(const struct option *o, const char *value,
			       char why[WHY]) = {
	[OPTION_BOOL] = check_bool,
	[OPTION_NUMBER] = check_number,
	[OPTION_PAIR] = check_pair,
	[OPTION_WORD] = check_word,
	[OPTION_LEVEL] = check_level,
	[OPTION_NETBIOS] = check_netbios,
	[OPTION_NETBIOS_LIST] = check_list,
	[OPTION_SCOPE] = check_scope,
	[OPTION_ADDRESS] = check_address,
	[OPTION_ADDRESS_LIST] = check_list,
	[OPTION_MASK] = check_mask,
	[OPTION_INTERFACE_LIST] = check_list,
	[OPTION_PARTNER_LIST] = check_list,
	[OPTION_PATH] = check_path,
	[OPTION_TEXT] = check_text,
	[OPTION_TEXT_LIST] = check_list,
};

static bool is_text(enum option_type type)
{
	return type == OPTION_NETBIOS || type == OPTION_SCOPE ||
	       type == OPTION_ADDRESS || type == OPTION_MASK ||
	       type == OPTION_PATH || type == OPTION_TEXT;
}

static bool is_list(enum option_type type)
{
	return type == OPTION_NETBIOS_LIST || type == OPTION_ADDRESS_LIST ||
	       type == OPTION_INTERFACE_LIST ||
	       type == OPTION_PARTNER_LIST || type == OPTION_TEXT_LIST;
}

/* A pair of quotes around the whole text goes; no other may be there. */
static bool unquote(char *value, char why[WHY])
{
	size_t len = strlen(value);

	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		memmove(value, value + 1, len - 2);
		value[len - 2] = '\0';
	}
	snprintf(why, WHY, "stray quote");
	return strchr(value, '"') == NULL;
}

static bool check_value(const struct option *option, char *value,
			char why[WHY])
{
	const char *unclean = NULL;

	if (is_text(option->type) && !unquote(value, why)) {
		return false;
	}
	/* only now: a quote may have hidden a backslash at the end */
	unclean = optval_unclean(value);
	if (unclean != NULL) {
		snprintf(why, WHY, "%s", unclean);
		return false;
	}
	if (value[0] == '\0' && !is_list(option->type) &&
	    (option->standard == NULL || option->standard[0] != '\0')) {
		snprintf(why, WHY, "a value is missing");
		return false;
	}
	return checker[option->type](option, value, why);
}

bool option_check(const struct option *option, char *value,
		  char reason[OPTION_REASON])
{
	char why[WHY] = "", shown[OPTVAL_SHOWN] = "";

	if (check_value(option, value, why)) {
		return true;
	}
	snprintf(reason, OPTION_REASON, "%s = %s: %s", option->name,
		 optval_show(value, shown), why);
	return false;
}

static bool same_number(const char *a, const char *b)
{
	uint64_t x = 0, y = 1;

	return optval_number(a, &x) && optval_number(b, &y) && x == y;
}

/*
 * The words of a pair are numbers, and 0x10 is 16. With a first number of 0
 * (off) the second means nothing.
 */
static bool same_pair(const char *a, const char *b)
{
	char x[OPTVAL_WORD] = "", y[OPTVAL_WORD] = "";
	uint64_t off = 1;

	for (int i = 0; i < 2 && off != 0; i++) {
		optval_next_word(&a, x);
		optval_next_word(&b, y);
		if (!same_number(x, y)) {
			return false;
		}
		optval_number(x, &off);
	}
	return true;
}

bool option_same_value(const struct option *option, const char *a,
		       const char *b)
{
	bool x = false, y = true;

	switch (option->type) {
	case OPTION_BOOL:
		return optval_bool(a, &x) && optval_bool(b, &y) && x == y;
	case OPTION_NUMBER:
		return same_number(a, b);
	case OPTION_PAIR:
		return same_pair(a, b);
	case OPTION_PATH:
	case OPTION_TEXT:
		return strcmp(a, b) == 0;
	default:
		return optval_same_words(a, b);
	}
}
