/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading testsuite/golden from a test program, wherever the build directory
 * is and from whatever directory the program is called.
 */
#ifndef WINSD_SIM_GOLDEN_H
#define WINSD_SIM_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Open testsuite/golden/NAME, or say why not and exit. */
FILE *golden_open(const char *name);

/*
 * Hex digits at the start of text, up to the first other character. Returns
 * the number of bytes; exits if there are too many or an odd number.
 */
size_t golden_hex(const char *text, uint8_t *buf, size_t size);

/*
 * Is the word in a list like "UA,G*,*T"? A star stands for any character, and
 * alone for any word.
 */
bool golden_list_has(const char *list, const char *word);

#endif
