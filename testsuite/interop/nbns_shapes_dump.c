/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nbns_shapes_dump COUNT: that many datagrams of the opcode matrix, evenly
 * spread, as lines "good HEX" or "bad HEX" by the judgement of the oracle, for
 * tests that send them over a real wire.
 */

#include <stdio.h>
#include <stdlib.h>

#include "sim/nbns_oracle.h"
#include "sim/nbns_shapes.h"

int main(int argc, char **argv)
{
	static uint8_t buf[NBNS_SHAPE_MAX];
	uint32_t count = argc == 2 ? (uint32_t)atoi(argv[1]) : 0;

	if (count == 0 || count > NBNS_MATRIX_COUNT) {
		fprintf(stderr, "usage: nbns_shapes_dump COUNT\n");
		return 2;
	}
	for (uint32_t i = 0; i < count; i++) {
		/* a stride without common factors with the matrix */
		uint32_t n = (uint32_t)((uint64_t)i * 1000003u %
					NBNS_MATRIX_COUNT);
		size_t len = nbns_matrix_at(n, buf);

		printf("%s ", nbns_oracle(buf, len) < 0 ? "bad" : "good");
		for (size_t k = 0; k < len; k++) {
			printf("%02x", buf[k]);
		}
		putchar('\n');
	}
	return 0;
}
