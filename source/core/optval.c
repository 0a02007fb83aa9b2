/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading option values letter by letter.
 *
 * ASCII only: ctype.h follows the locale, and a configuration must mean the
 * same on every machine. Numbers are not read with strtoul: it takes signs,
 * leading blanks and octal, all of which hide a mistake here.
 */

#include <stdio.h>
#include <string.h>

#include "core/optval.h"

bool optval_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static const char *skip_blanks(const char *p)
{
	while (optval_is_blank(*p)) {
		p++;
	}
	return p;
}

const char *optval_after_prefix(const char *name, const char *prefix)
{
	name = skip_blanks(name);
	prefix = skip_blanks(prefix);
	while (*prefix != '\0') {
		if (fold(*name) != fold(*prefix)) {
			return NULL;
		}
		name = skip_blanks(name + 1);
		prefix = skip_blanks(prefix + 1);
	}
	return name;
}

bool optval_same_name(const char *a, const char *b)
{
	const char *rest = optval_after_prefix(a, b);

	return rest != NULL && *rest == '\0';
}

/* The first letters of a name without case and blanks; returns how many. */
static unsigned int fold_name(const char *name, char out[OPTVAL_NAME_MAX])
{
	unsigned int len = 0;

	for (; *name != '\0' && len < OPTVAL_NAME_MAX; name++) {
		if (!optval_is_blank(*name)) {
			out[len++] = fold(*name);
		}
	}
	return len;
}

static unsigned int smallest(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * Damerau's distance without touching a swapped pair again: three rows of the
 * usual matrix, the current one and the two above it.
 */
unsigned int optval_distance(const char *a, const char *b)
{
	char x[OPTVAL_NAME_MAX] = "", y[OPTVAL_NAME_MAX] = "";
	unsigned int rows[3][OPTVAL_NAME_MAX + 1] = { { 0 } };
	unsigned int x_len = fold_name(a, x), y_len = fold_name(b, y);

	for (unsigned int j = 0; j <= y_len; j++) {
		rows[0][j] = j;
	}
	for (unsigned int i = 1; i <= x_len; i++) {
		unsigned int *row = rows[i % 3];
		unsigned int *above = rows[(i + 2) % 3];
		unsigned int *second = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned int j = 1; j <= y_len; j++) {
			row[j] = smallest(above[j] + 1, row[j - 1] + 1,
					  above[j - 1] +
					  (x[i - 1] != y[j - 1]));
			if (i > 1 && j > 1 && x[i - 1] == y[j - 2] &&
			    x[i - 2] == y[j - 1] &&
			    second[j - 2] + 1 < row[j]) {
				row[j] = second[j - 2] + 1;
			}
		}
	}
	return rows[x_len % 3][y_len];
}

/* The same text but for ASCII case? Unlike names, blanks count. */
static bool same_text(const char *a, const char *b)
{
	while (*a != '\0' && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return fold(*a) == fold(*b);
}

bool optval_bool(const char *text, bool *value)
{
	static const char *const word[] = {
		"no", "yes", "false", "true", "0", "1", "off", "on",
	};

	for (unsigned int i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		if (same_text(text, word[i])) {
			*value = i % 2 == 1;
			return true;
		}
	}
	return false;
}

/* What a digit counts in this base, or the base itself: none. */
static unsigned int digit_value(char c, unsigned int base)
{
	unsigned int value = base;

	if (c >= '0' && c <= '9') {
		value = (unsigned int)(c - '0');
	} else if (fold(c) >= 'a' && fold(c) <= 'f') {
		value = (unsigned int)(fold(c) - 'a') + 10;
	}
	return value < base ? value : base;
}

bool optval_number(const char *text, uint64_t *value)
{
	unsigned int base = 10;
	uint64_t sum = 0;

	if (text[0] == '0' && fold(text[1]) == 'x') {
		base = 16;
		text += 2;
	} else if (text[0] == '0' && text[1] != '\0') {
		return false;
	}
	if (*text == '\0') {
		return false;
	}
	for (; *text != '\0'; text++) {
		unsigned int digit = digit_value(*text, base);

		if (digit == base || sum > ((uint64_t)INT64_MAX - digit) / base) {
			return false;
		}
		sum = sum * base + digit;
	}
	*value = sum;
	return true;
}

static bool separates(char c)
{
	return optval_is_blank(c) || c == ',' || c == ';' || c == '\n';
}

enum optval_next optval_next_word(const char **pos, char word[OPTVAL_WORD])
{
	const char *p = *pos;
	size_t len = 0;
	bool quoted = false, cut = false;

	while (separates(*p)) {
		p++;
	}
	word[0] = '\0';
	*pos = p;
	if (*p == '\0') {
		return OPTVAL_END;
	}
	for (; *p != '\0' && (quoted || !separates(*p)); p++) {
		if (*p == '"') {
			quoted = !quoted;
		} else if (len < OPTVAL_WORD - 1) {
			word[len++] = *p;
		} else {
			cut = true;
		}
	}
	word[len] = '\0';
	*pos = p;
	if (quoted) {
		return OPTVAL_WORD_OPEN;
	}
	return cut ? OPTVAL_WORD_LONG : OPTVAL_WORD_OK;
}

bool optval_same_words(const char *a, const char *b)
{
	char x[OPTVAL_WORD] = "", y[OPTVAL_WORD] = "";
	enum optval_next more = OPTVAL_WORD_OK;

	while (more != OPTVAL_END) {
		more = optval_next_word(&a, x);
		if (optval_next_word(&b, y) != more || !same_text(x, y)) {
			return false;
		}
	}
	return true;
}

const char *optval_show(const char *text, char out[OPTVAL_SHOWN])
{
	size_t len = 0;

	for (; *text != '\0' && len < OPTVAL_SHOWN - 12; text++) {
		if (*text >= ' ' && *text <= '~') {
			out[len++] = *text;
		} else {
			len += (size_t)snprintf(out + len, 5, "\\x%02x",
						(unsigned char)*text);
		}
	}
	snprintf(out + len, 4, "%s", *text == '\0' ? "" : "...");
	return out;
}

const char *optval_unclean(const char *value)
{
	size_t len = strlen(value);

	for (const char *p = value; *p != '\0'; p++) {
		unsigned char byte = (unsigned char)*p;

		if ((byte < ' ' && byte != '\t') || byte == 0x7f) {
			return "control character";
		}
	}
	return len > 0 && value[len - 1] == '\\' ? "backslash at the end" :
						    NULL;
}

int optval_which(const char *words, const char *word)
{
	char one[OPTVAL_WORD] = "";

	for (int i = 0; optval_next_word(&words, one) != OPTVAL_END; i++) {
		if (same_text(one, word)) {
			return i;
		}
	}
	return -1;
}
