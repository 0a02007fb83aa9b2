/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * netsh scripts of any bytes; see migrate_windows.h. Besides, the records of
 * one are written as a script of our own, which gives as many again.
 */

#include "fuzz/migrate_windows.h"

static void there_again(const uint8_t *data, size_t size)
{
	struct there there = { .ops = &format_netsh_dump,
			       .options = windows_options };
	TALLOC_CTX *mem = talloc_new(NULL);
	uint64_t written = 0;
	char *text = NULL;
	size_t len = 0;

	there_read(&there, mem, data, size);
	there.ops = &format_netsh_add;
	written = there_write(&there, mem, &text, &len);
	there.ops = &format_netsh_dump;
	if (written > 0) {
		there_read(&there, mem, text, len);
		MUST(there.count == written);
	}
	free(text);
	talloc_free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	windows_config(&format_netsh_dump, data, size);
	if (size > 0) {
		there_again(data, size);
	}
	return 0;
}
