/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A probe: is there a living server at an address? Asked before `owner adopt`
 * takes what it owns: two servers that give versions to the same records
 * would displace each other's for ever.
 *
 * It is called on its replication port and greeted as a partner would greet
 * (START, protocol.md 3.5). Whoever says a word, or takes the call and hangs
 * up on a stranger as many servers do, lives. Nobody who takes the call, or
 * nobody who says anything within 3 s, is no server any more: a port that is
 * open and silent is what a machine of another purpose looks like, and one
 * whose service hangs does not register anybody either.
 *
 * Rejected: a query to port 137, which every host answers.
 */

#include <stdio.h>
#include <string.h>

#include "repl/private.h"

#define PROBE_USEC	3000000u

struct probe {
	struct repl *repl;
	struct link *link;		/* NULL: none any more */
	bool up;
	bool answers;
	char what[96];
	struct nb_timer *timer;		/* to the end, or to the telling */
	void (*done)(void *arg, bool answers, const char *what);
	void *arg;
};

static int probe_destroy(struct probe *probe)
{
	repl_timer_stop(probe->repl, &probe->timer);
	if (probe->link != NULL) {
		probe->repl->ops.close(probe->link);
	}
	return 0;
}

static void tell(void *arg)
{
	struct probe *probe = arg;

	probe->timer = NULL;
	probe->done(probe->arg, probe->answers, probe->what);
	talloc_free(probe);
}

/* Known: told from the loop, with nothing of a link on the stack. */
static void probe_end(struct probe *probe, bool answers, const char *what)
{
	struct repl *repl = probe->repl;

	if (probe->link != NULL) {
		repl->ops.close(probe->link);
		probe->link = NULL;
	}
	probe->answers = answers;
	(void)snprintf(probe->what, sizeof(probe->what), "%s", what);
	repl_timer_stop(repl, &probe->timer);
	probe->timer = repl_timer(repl, 0, tell, probe);
	if (probe->timer == NULL) {
		tell(probe);
	}
}

static void probe_up(void *arg)
{
	struct probe *probe = arg;
	uint8_t frame[WREPL_SMALL_MAX];
	size_t len = wrepl_encode_start(frame, WREPL_START, 0,
					nb_random32(probe->repl->world));

	probe->up = true;
	/* unsent it is silence, which the timer sees */
	(void)probe->repl->ops.send(probe->link, frame, len);
}

static size_t probe_data(void *arg, const uint8_t *data, size_t len)
{
	(void)data;
	probe_end(arg, true, "it answers");
	return len;
}

static void probe_drained(void *arg)
{
	(void)arg;
}

static void probe_down(void *arg, int error)
{
	struct probe *probe = arg;

	probe->link = NULL;
	if (probe->up) {
		probe_end(probe, true, "it takes calls and hangs up");
	} else {
		probe_end(probe, false, strerror(error));
	}
}

static void probe_late(void *arg)
{
	struct probe *probe = arg;

	probe->timer = NULL;
	probe_end(probe, false, probe->up ? "it takes calls and says nothing" :
					    "nobody takes the call");
}

static const struct link_events probe_events = {
	.up = probe_up,
	.data = probe_data,
	.drained = probe_drained,
	.down = probe_down,
};

int repl_probe(struct repl *repl, uint32_t address,
	       void (*done)(void *arg, bool answers, const char *what),
	       void *arg)
{
	struct probe *probe = talloc_zero(repl, struct probe);
	int ret = 0;

	if (probe == NULL) {
		return ENOMEM;
	}
	probe->repl = repl;
	probe->done = done;
	probe->arg = arg;
	probe->timer = repl_timer(repl, PROBE_USEC, probe_late, probe);
	if (probe->timer == NULL) {
		talloc_free(probe);
		return ENOMEM;
	}
	talloc_set_destructor(probe, probe_destroy);
	if (serve_is_own_address(repl->serve, address)) {
		/* taken over: whoever answers there is this server */
		probe_end(probe, false, "it is an address of this server");
		return 0;
	}
	ret = repl->ops.connect(repl->ops.priv, 0, address, repl->config.port,
				&probe_events, probe, &probe->link);
	if (ret == 0) {
		return 0;
	}
	probe->link = NULL;
	if (ret == ENOMEM || ret == EMFILE || ret == ENFILE) {
		talloc_free(probe);	/* that is us, and says nothing of it */
		return ret;
	}
	probe_end(probe, false, strerror(ret));
	return 0;
}
