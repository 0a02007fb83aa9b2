/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings shown and compared: `winsd -t`, and what a reload may change.
 *
 * What is printed is a configuration file itself: read back it gives the same
 * settings. A mark is a comment on the line above, as smb.conf has no other.
 * An option that does nothing in this version is shown only where it is set:
 * its default would look as if it were in force.
 */

#include <string.h>

#include "config.h"
#include "core/addr.h"
#include "core/settings.h"

struct printer {
	void (*print)(void *arg, const char *line);
	void *arg;
};

static void print_line(const struct printer *p, const char *name,
		       const char *text)
{
	char *line = talloc_asprintf(NULL, "\t%s =%s%s", name,
				     text[0] == '\0' ? "" : " ", text);

	p->print(p->arg, line != NULL ? line : "out of memory");
	talloc_free(line);
}

static void print_option(const struct printer *p,
			 const struct settings *settings, enum option_id id)
{
	const struct option *row = option_row(id);
	const char *text = settings_text(settings, id);
	char mark[160] = "";

	if (row->later != NULL && !settings_is_set(settings, id)) {
		return;
	}
	if (row->later != NULL) {
		snprintf(mark, sizeof(mark), "\t# %s", row->later);
		p->print(p->arg, mark);
	}
	if (!settings_as_windows(settings, id)) {
		snprintf(mark, sizeof(mark), "\t# Windows: %s", row->windows);
		p->print(p->arg, mark);
	}
	if (text != NULL) {
		print_line(p, row->name, text);
		return;
	}
	snprintf(mark, sizeof(mark), "\t# %s: %s", row->name, row->computed);
	p->print(p->arg, mark);
}

void wins_config_print(const struct wins_config *config,
		       void (*print)(void *arg, const char *line), void *arg)
{
	const struct settings *settings = config->settings;
	struct printer p = { .print = print, .arg = arg };
	char name[sizeof(OPTION_PARTNER_NAME) + NB_ADDR_TEXT] = "";
	char address[NB_ADDR_TEXT] = "";

	print(arg, "# Effective settings. \"# Windows:\" is above each that "
	      "a Windows server has differently.");
	print(arg, "[global]");
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		print_option(&p, settings, id);
	}
	for (unsigned int i = 0; i < settings->partners; i++) {
		snprintf(name, sizeof(name), OPTION_PARTNER_NAME " %s",
			 nb_addr_print(settings->partner[i].address, address));
		print_line(&p, name, settings->partner[i].text);
	}
}

const char *wins_config_needs_restart(const struct wins_config *old,
				      const struct wins_config *new)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (!option_row(id)->reload &&
		    !settings_same(old->settings, new->settings, id)) {
			return option_row(id)->name;
		}
	}
	return NULL;
}
