/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names and owners that our configuration keeps out. */
#ifndef WINSMIGRATE_LIVE_KEPT_OUT_H
#define WINSMIGRATE_LIVE_KEPT_OUT_H

#include "common/toolconfig.h"
#include "core/name.h"

struct kept_out {
	struct nb_name_list blocked;	/* wins:blocked names */
	struct nb_name_list allowed;	/* wins:allow names */
	unsigned int owners;
	uint32_t *owner;		/* wins:block owners */
	const struct settings *settings;
};

/* TOOL_OK, or a status after a message. */
int kept_out_load(TALLOC_CTX *mem_ctx, struct kept_out *kept);

/* Blocked, and not allowed all the same. */
bool kept_out_name(const struct kept_out *kept, const struct nb_name *name);

#endif
