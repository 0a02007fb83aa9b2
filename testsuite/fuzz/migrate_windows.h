/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes through a reader of what Windows leaves, for its fuzz target:
 * migrate_there.h looks at the rows; settings that come of them are written as
 * a fragment, in which winsd finds nothing wrong.
 */
#ifndef WINSD_FUZZ_MIGRATE_WINDOWS_H
#define WINSD_FUZZ_MIGRATE_WINDOWS_H

#include "codec/smbconf.h"
#include "core/settings.h"
#include "fuzz/migrate_there.h"
#include "migrate/formats.h"

static const struct format_options windows_options = {
	.now = 1795000000,
	.owner_zero = 0xc0000205,
};

static inline void windows_read(const struct format_ops *ops,
				const uint8_t *data, size_t size)
{
	struct there there = { .ops = ops, .options = windows_options };
	TALLOC_CTX *mem = talloc_new(NULL);

	if (size > 0) {
		there_read(&there, mem, data, size);
	}
	talloc_free(mem);
}

static inline bool windows_put(void *arg, const struct smbconf_line *line)
{
	char note[SETTINGS_NOTE] = "";

	MUST(settings_put(arg, smbconf_is_global(line->section), line->name,
			  line->value, line->number, note) !=
	     SETTINGS_ERROR);
	return true;
}

/* Read configuration; the fragment that is written of it, back into winsd. */
static inline void windows_config(const struct format_ops *ops,
				  const uint8_t *data, size_t size)
{
	struct there there = { .ops = ops, .options = windows_options };
	struct smbconf_error error = { .line = 0 };
	TALLOC_CTX *mem = talloc_new(NULL);
	struct settings *settings = talloc_zero(mem, struct settings);
	struct format_end end = { .options = &windows_options };
	char *text = NULL, *message = NULL;
	void *priv = NULL;
	size_t len = 0;

	MUST(settings != NULL);
	if (size > 0) {
		there_read(&there, mem, data, size);
	}
	end.file = open_memstream(&text, &len);
	end.tally = tally_create(mem, NULL);
	MUST(format_config.open(mem, &end, true, &priv, &message) == 0);
	for (size_t i = 0; size > 0 && i < there.count; i++) {
		MUST(format_config.put(priv, &there.rows[i], &message) == 0);
	}
	MUST(format_config.close(priv, &message) == 0);
	MUST(fclose(end.file) == 0);
	MUST(smbconf_parse(text, len, windows_put, settings, &error));
	free(text);
	talloc_free(mem);
}

#endif
