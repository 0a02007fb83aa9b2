/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The golden files are looked for below the current directory and above the
 * program's own, BUILD/test/PROGRAM, as BUILD lies in the source tree; with a
 * build directory elsewhere, call the tests from the top of the source.
 */

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/golden.h"

/* The folder of this program's build directory, with a slash, or "". */
static void program_top(char top[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", top, PATH_MAX - 1);

	top[len > 0 ? len : 0] = '\0';
	for (int up = 0; up < 3; up++) {
		char *slash = strrchr(top, '/');

		if (slash == NULL) {
			top[0] = '\0';
			return;
		}
		*slash = '\0';
	}
	strcat(top, "/");
}

FILE *golden_open(const char *name)
{
	char top[PATH_MAX + 1] = "";
	char path[PATH_MAX + 256];
	FILE *f = NULL;

	for (int i = 0; i < 2 && f == NULL; i++) {
		snprintf(path, sizeof(path), "%stestsuite/golden/%s", top,
			 name);
		f = fopen(path, "r");
		program_top(top);
	}
	if (f == NULL) {
		perror(path);
		exit(2);
	}
	return f;
}

static int nibble(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

size_t golden_hex(const char *text, uint8_t *buf, size_t size)
{
	size_t len = 0;

	while (nibble(text[2 * len]) >= 0) {
		if (nibble(text[2 * len + 1]) < 0 || len == size) {
			fprintf(stderr, "bad hex: %s\n", text);
			exit(2);
		}
		buf[len] = (uint8_t)(nibble(text[2 * len]) << 4 |
				     nibble(text[2 * len + 1]));
		len++;
	}
	return len;
}

static bool word_matches(const char *pattern, size_t len, const char *word)
{
	if (len != strlen(word)) {
		return len == 1 && pattern[0] == '*';
	}
	for (size_t i = 0; i < len; i++) {
		if (pattern[i] != '*' && pattern[i] != word[i]) {
			return false;
		}
	}
	return true;
}

bool golden_list_has(const char *list, const char *word)
{
	while (*list != '\0') {
		size_t len = strcspn(list, ",");

		if (word_matches(list, len, word)) {
			return true;
		}
		list += len + (list[len] == ',');
	}
	return false;
}
