/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of the RCODEs. They are RFC 1002's (4.2.1.1, 4.2.6), because people
 * search for those. What a code means to a user depends on who is told: that
 * is in control/record_look.c and in tools/winsregister/report.c.
 */
#include "core/verdict.h"

const char *nb_rcode_name(uint8_t rcode)
{
	static const char *const names[] = {
		[NB_RCODE_OK] = "OK",
		[NB_RCODE_FMT] = "FMT_ERR",
		[NB_RCODE_SRV] = "SRV_ERR",
		[NB_RCODE_NAM] = "NAM_ERR",
		[NB_RCODE_IMP] = "IMP_ERR",
		[NB_RCODE_RFS] = "RFS_ERR",
		[NB_RCODE_ACT] = "ACT_ERR",
		[NB_RCODE_CFT] = "CFT_ERR",
	};

	return rcode < sizeof(names) / sizeof(names[0]) ? names[rcode] :
	       "unknown code";
}
