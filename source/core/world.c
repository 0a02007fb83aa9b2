/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two conveniences on top of struct nb_world that every caller wants. */

#include <stdarg.h>
#include <stdio.h>

#include "core/world.h"

void nb_log(const struct nb_world *world, int level, const char *format, ...)
{
	char line[1024];
	va_list args;

	if (level > world->log_level) {
		return;
	}
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	world->log(world->priv, level, line);
}

uint32_t nb_random32(const struct nb_world *world)
{
	uint32_t number = 0;

	world->random(world->priv, &number, sizeof(number));
	return number;
}
