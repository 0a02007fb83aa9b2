/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The values that a configuration gives to the options of core/options.h.
 *
 * Filled parameter by parameter with settings_put(), which knows what is
 * ours, what is the suite's and what is a slip of the pen; then looked over
 * once with settings_review(). Nothing is copied: texts belong to the caller
 * and must outlive the settings. What was not set has its default.
 *
 * A struct settings begins as all zero. It is large (26 KB): no stack.
 */
#ifndef WINSD_CORE_SETTINGS_H
#define WINSD_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/options.h"

#define SETTINGS_PARTNERS_MAX	1024

struct setting {
	const char *text;	/* NULL: not set */
	unsigned int line;	/* of the file; 0: it does not come from one */
};

struct settings_partner {
	uint32_t address;
	const char *text;	/* as core/partner_option.h reads it */
	unsigned int line;
};

struct settings {
	struct setting value[OPTION_COUNT];
	unsigned int partners;
	struct settings_partner partner[SETTINGS_PARTNERS_MAX];
};

enum settings_result {
	SETTINGS_OK,
	SETTINGS_WARN,		/* goes on; note says what has no effect */
	SETTINGS_ERROR,		/* note says what is wrong */
};

#define SETTINGS_NOTE	(OPTION_REASON + 80)

/*
 * One parameter. global: it stands in [global]. value NULL: there was no =.
 * Options of the suite that mean nothing to a WINS server are passed over.
 * value is kept, and quotes around it may go.
 */
enum settings_result settings_put(struct settings *settings, bool global,
				  const char *name, char *value,
				  unsigned int line, char note[SETTINGS_NOTE]);

/*
 * What is wrong with the settings as a whole, one finding for each call,
 * beginning with *step = 0; SETTINGS_OK: nothing more. *line: where, 0 if
 * that is no line.
 */
enum settings_result settings_review(const struct settings *settings,
				     unsigned int *step, unsigned int *line,
				     char note[SETTINGS_NOTE]);

bool settings_is_set(const struct settings *settings, enum option_id id);

/* Text as set, or the default; NULL if it is computed and was not filled. */
const char *settings_text(const struct settings *settings, enum option_id id);

/*
 * By type; the option must be of it and the value checked. One that is
 * computed and was not filled is false, 0 or -1; so is the second number of a
 * pair that is a lone 0.
 */
bool settings_bool(const struct settings *settings, enum option_id id);
uint32_t settings_number(const struct settings *settings, enum option_id id);
void settings_pair(const struct settings *settings, enum option_id id,
		   uint32_t *first, uint32_t *second);
int settings_word(const struct settings *settings, enum option_id id);
uint32_t settings_address(const struct settings *settings, enum option_id id);

/* The log level for `class` (as wins:5), else for all; not above 10. */
int settings_level(const struct settings *settings, const char *class_name);

/* Does the option mean the same in both? */
bool settings_same(const struct settings *a, const struct settings *b,
		   enum option_id id);

/* Is it what Windows has, or has Windows no such thing? */
bool settings_as_windows(const struct settings *settings, enum option_id id);

#endif
