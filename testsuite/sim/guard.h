/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that ends, or begins, where a datagram does: a read of one byte too
 * far hits a page without permissions and stops the test, in every build and
 * without an allocation for each of five million datagrams.
 */
#ifndef WINSD_SIM_GUARD_H
#define WINSD_SIM_GUARD_H

#include <stddef.h>
#include <stdint.h>

#define GUARD_MAX 65536	/* longest datagram */

/* Both abort if the pages cannot be had. The copy is valid until the next. */
const uint8_t *guard_before_end(const uint8_t *data, size_t len);
const uint8_t *guard_after_start(const uint8_t *data, size_t len);

#endif
