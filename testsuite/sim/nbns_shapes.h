/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Datagrams by number, for whoever wants all of them: the codec's tests, the
 * door under virtual time, a sender on the wire. The n-th is always the same;
 * nothing is random.
 *
 * The matrix is every combination of
 *   16 opcodes
 *   x 9 flag sets: none, R, AA, TC, RD, RA, the reserved two, B, all
 *   x {0, 1, 2, 65535} in each of the four counts
 *   x 7 types: A, NS, NULL, NB, NBSTAT, 0 and 65535
 *   x 20 lengths: of the RDATA, said and given, and of the datagram
 * and each carries the records that its header counts, up to two (of 65535:
 * one), so that whatever is refused is refused for what it says.
 *
 * The paths are 2,000 datagrams, 20 operations x 10 forms of the name x 10
 * forms of the record, made to lead the parser through different code: traced
 * by edges (clang, trace-pc-guard, -O0) the codec takes 1,996 different ways.
 */
#ifndef WINSD_SIM_NBNS_SHAPES_H
#define WINSD_SIM_NBNS_SHAPES_H

#include <stddef.h>
#include <stdint.h>

#define NBNS_SHAPE_MAX		4096

#define NBNS_MATRIX_COUNT	(16u * 9u * 256u * 7u * 20u)
#define NBNS_PATH_COUNT		(20u * 10u * 10u)

/* The n-th datagram; returns its length. Its transaction id is n's low bits. */
size_t nbns_matrix_at(uint32_t n, uint8_t buf[NBNS_SHAPE_MAX]);
size_t nbns_path_at(uint32_t n, uint8_t buf[NBNS_SHAPE_MAX]);

#endif
