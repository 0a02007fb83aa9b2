/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When this server may not change anything by itself.
 *
 * The gate (design.md 4.2 `wins:start wait`): a server that lost its memory
 * does not know which version numbers it gave out. Until repl has heard the
 * highest from a partner, none is given out: a version that named another
 * record before would be passed over by all who have seen it. Claims and
 * releases are silence, for a client that hears nothing asks its next server;
 * a refusal would stop it. What comes from partners and needs no version of
 * ours goes on; so do queries.
 *
 * Trial membership (`wins:observe`) is silence as well, for good: whoever
 * looks on takes no registrations. In both, a request that would not change
 * anything is silence too: an answer would bind the client to us.
 */

#include "serve/serve_private.h"

bool gate_silences(struct serve *serve)
{
	if (serve->config.policy.observe) {
		serve_count(serve, STAT_OBSERVING);
		return true;
	}
	if (serve->gate_closed) {
		serve_count(serve, STAT_GATE_CLOSED);
		return true;
	}
	return false;
}

int gate_version(const struct serve *serve)
{
	if (serve->config.policy.observe) {
		return EPERM;
	}
	return serve->gate_closed ? EAGAIN : 0;
}

void serve_close_gate(struct serve *serve, bool closed)
{
	serve->gate_closed = closed;
}

void serve_set_passed(struct serve *serve, uint64_t version)
{
	serve->passed = version;
	scavenge_set_policy(serve);
}
