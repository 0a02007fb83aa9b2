/* SPDX-License-Identifier: GPL-3.0-or-later */
/* winsd of any bytes; see migrate_there.h. */

#include "fuzz/migrate_there.h"
#include "migrate/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct format_options options = { .now = 1795000000 };

	there_and_back(&format_winsd, options, data, size);
	return 0;
}
