/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mapping of tevent's request states to errno, see req.h. A request that
 * is asked before its end counts as failed with EINPROGRESS: a caller's
 * mistake shows as an error and does not hang.
 */
#include "client/req.h"

#include <errno.h>

bool req_failed(struct tevent_req *req, int *err)
{
	enum tevent_req_state state = TEVENT_REQ_INIT;
	uint64_t code = 0;

	if (!tevent_req_is_error(req, &state, &code)) {
		return false;
	}
	switch (state) {
	case TEVENT_REQ_TIMED_OUT:
		*err = ETIMEDOUT;
		break;
	case TEVENT_REQ_NO_MEMORY:
		*err = ENOMEM;
		break;
	case TEVENT_REQ_USER_ERROR:
		*err = (int)code;
		break;
	default:
		*err = EINPROGRESS;
		break;
	}
	return true;
}
