/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a netsh command, see netsh_words.h (formats.md 2.1). */
#include <string.h>

#include "migrate/format/netsh_words.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * The next word; blanks within quotes or braces belong to it. False: none is
 * left, or a quote or brace has no end, which *open tells.
 */
static bool next_word(struct piece *rest, struct piece *word, bool *open)
{
	char end = '\0';

	*rest = piece_trim(*rest);
	*word = (struct piece) { rest->at, 0 };
	while (word->len < rest->len &&
	       (end != '\0' || !is_blank(rest->at[word->len]))) {
		char c = rest->at[word->len++];

		if (end != '\0') {
			end = c == end ? '\0' : end;
		} else if (c == '"' || c == '{') {
			end = c == '"' ? '"' : '}';
		}
	}
	*open = end != '\0';
	*rest = piece_skip(*rest, word->len);
	return word->len > 0 && !*open;
}

static bool is_verb(struct piece word)
{
	static const char *const verbs[] = {
		"set", "add", "show", "delete", "init", "check", "reset",
		"dump",
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (piece_is(word, verbs[i])) {
			return true;
		}
	}
	return false;
}

static struct piece without_ends(struct piece value, char first, char last)
{
	if (value.len > 1 && value.at[0] == first &&
	    value.at[value.len - 1] == last) {
		value = (struct piece) { value.at + 1, value.len - 2 };
	}
	return value;
}

/* A line that is no command, before any of it is looked at as words. */
static bool is_nothing(struct piece line)
{
	return piece_begins(line, "#") || piece_begins(line, "rem ") ||
	       piece_is(line, "rem") || piece_begins(line, "::") ||
	       piece_begins(line, "@echo") || piece_begins(line, "***") ||
	       piece_begins(line, "Command completed") ||
	       piece_is(line, "pushd") || piece_begins(line, "pushd ") ||
	       piece_is(line, "popd") || piece_is(line, "end of script");
}

/*
 * Skip "netsh", "wins" and "server TARGET". 1: *word is behind them, 0: there
 * is no more, -1: a quote is open.
 */
static int skip_prefix(struct piece *rest, struct piece *word, bool *prefixed)
{
	static const char *const prefix[] = { "netsh", "netsh.exe", "wins",
					      "server" };
	bool open = false, again = true, target = false;

	*prefixed = false;
	while (again) {
		if (!next_word(rest, word, &open)) {
			return open ? -1 : 0;
		}
		again = target && !is_verb(*word);
		target = false;
		for (size_t i = 0; i < 4; i++) {
			if (!again && piece_is(*word, prefix[i])) {
				again = *prefixed = true;
				target = i == 3;
			}
		}
	}
	return 1;
}

static bool take_argument(struct piece word, struct netsh_words *words)
{
	struct piece value = { NULL, 0 };
	struct piece tag = piece_until(word, '=', &value);
	bool tagged = tag.len < word.len && tag.len > 0 &&
		      tag.at[0] != '"' && tag.at[0] != '{';

	if (words->args == NETSH_ARGS_MAX) {
		return false;
	}
	value = tagged ? value : word;
	words->arg[words->args].tag = tagged ? tag : (struct piece) { NULL, 0 };
	words->arg[words->args++].value =
		without_ends(without_ends(value, '"', '"'), '{', '}');
	return true;
}

enum netsh_line netsh_words_parse(struct piece line,
				  struct netsh_words *words)
{
	struct piece word = { NULL, 0 };
	bool open = false, prefixed = false;
	int ret = 0;

	*words = (struct netsh_words) { .args = 0 };
	line = piece_trim(line);
	if (is_nothing(line)) {
		return NETSH_NOTHING;
	}
	ret = skip_prefix(&line, &words->verb, &prefixed);
	if (ret == 0 && prefixed) {
		return NETSH_NOTHING;
	}
	if (ret != 1 || !is_verb(words->verb)) {
		return NETSH_WRONG;
	}
	(void)next_word(&line, &words->noun, &open);
	while (!open && next_word(&line, &word, &open)) {
		if (!take_argument(word, words)) {
			return NETSH_WRONG;
		}
	}
	return open ? NETSH_WRONG : NETSH_COMMAND;
}

struct piece netsh_words_value(const struct netsh_words *words,
			       const char *tag, unsigned int index)
{
	bool by_place = true;

	for (unsigned int i = 0; i < words->args; i++) {
		if (words->arg[i].tag.at == NULL) {
			continue;
		}
		by_place = false;
		if (piece_is(words->arg[i].tag, tag)) {
			return words->arg[i].value;
		}
	}
	return by_place && index < words->args ? words->arg[index].value :
						 (struct piece) { NULL, 0 };
}
