/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listings of netsh show database of any bytes; see migrate_windows.h. */

#include "fuzz/migrate_windows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	windows_read(&format_netsh_list, data, size);
	return 0;
}
