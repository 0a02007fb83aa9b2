/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A second opinion on what may come in on UDP 137, for tests: typed from
 * protocol.md 1.1, 1.2, 1.4 and 1.6 as plain ifs, without a look at the
 * codec's table and without sharing a line with it.
 */
#ifndef WINSD_SIM_NBNS_ORACLE_H
#define WINSD_SIM_NBNS_ORACLE_H

#include <stddef.h>
#include <stdint.h>

/* The enum nbns_kind of the datagram; -1 = it must be refused. */
int nbns_oracle(const uint8_t *data, size_t len);

#endif
