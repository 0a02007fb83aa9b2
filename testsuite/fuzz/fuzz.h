/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every fuzz target has: the entry point's prototype, and a check that
 * also stops where assert() is compiled out.
 */
#ifndef WINSD_FUZZ_FUZZ_H
#define WINSD_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)							\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: not true: %s\n",	\
				__FILE__, __LINE__, #condition);	\
			abort();					\
		}							\
	} while (0)

#endif
