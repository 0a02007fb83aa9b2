/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first start under another owner address (`owner rename`): all records
 * of ours get new versions.
 *
 * To partners it is another owner's record that comes with the same name, and
 * what they have of the old address is displaced by it as the conflict rules
 * say (protocol.md 5.2). They only look at versions above what they have of
 * the new address, though, which may be of a server that had it before. So the
 * gate comes first and says where our versions go on; then every record that
 * is ours is touched. Rejected: to touch them under the old address, when the
 * command is given. Nobody knows then what partners have of the new one.
 *
 * "owner-touch" is the highest version that was there when the gate opened:
 * whatever is above is new. It stays until nothing is below any more, so a
 * start goes on where the last one was cut short, and slices of 64 leave the
 * clients their turns.
 *
 * The same is done with what came back to a server that had lost its memory,
 * when its gate opens and when a partner answers that could not before. Others
 * may have passed these versions without having the records: they asked while
 * one was released here, or not back yet, and would never ask again.
 */

#include <inttypes.h>

#include "core/owner_move.h"
#include "repl/private.h"

#define SLICE		64u
#define RETRY_USEC	5000000u

struct slice {
	unsigned int count;
	struct nb_name name[SLICE];
};

static uint64_t number_of(const struct repl *repl, const char *key)
{
	uint64_t number = 0;

	return store_get_meta(repl->store, key, &number) ? number : 0;
}

int move_note(struct repl *repl, bool all)
{
	int ret = 0;

	if (number_of(repl, OWNER_MOVED) == 0 && !all) {
		return 0;
	}
	ret = serve_set_meta(repl->serve, OWNER_TOUCH,
			     store_counter(repl->store));
	if (ret == 0) {
		ret = serve_set_meta(repl->serve, OWNER_MOVED, 0);
	}
	return ret;
}

static void go_on(struct repl *repl, uint64_t usec);

static bool take(void *arg, const struct nb_record *rec)
{
	struct slice *slice = arg;

	slice->name[slice->count++] = rec->name;
	return slice->count < SLICE;
}

/*
 * Who waits for turns; repl may be gone before they are durable. It stays as
 * long as serve, which calls.
 */
struct mover {
	struct repl *repl;
};

static struct mover *mover(struct repl *repl)
{
	if (repl->move.mover == NULL) {
		repl->move.mover = talloc_zero(repl->serve, struct mover);
	}
	if (repl->move.mover != NULL) {
		repl->move.mover->repl = repl;
	}
	return repl->move.mover;
}

static void touched(void *arg, int error, const struct nb_verdict *verdict)
{
	struct mover *self = arg;

	(void)verdict;
	if (error != 0 && self->repl != NULL) {
		self->repl->move.error = error;
	}
}

static void durable(void *arg, int error)
{
	struct mover *self = arg;
	struct repl *repl = self->repl;

	if (repl != NULL) {
		go_on(repl, error != 0 || repl->move.error != 0 ? RETRY_USEC :
								  0);
	}
}

/* Nothing old is left. */
static int finish(struct repl *repl)
{
	char text[NB_ADDR_TEXT];
	int ret = serve_set_meta(repl->serve, OWNER_TOUCH, 0);

	if (ret == 0) {
		repl->move.running = false;
		nb_log(repl->world, NB_LOG_NOTICE,
		       "%" PRIu64 " records have new versions, as those of %s",
		       repl->move.count,
		       nb_addr_print(repl->config.self, text));
	}
	return ret;
}

static int touch(struct repl *repl, const struct slice *slice)
{
	struct mover *self = mover(repl);

	if (self == NULL) {
		return ENOMEM;
	}
	for (unsigned int i = 0; i < slice->count; i++) {
		struct nb_event event = {
			.kind = NB_EV_TOUCH,
			.name = slice->name[i],
			.force = true,
		};

		serve_command(repl->serve, &event, touched, self);
	}
	repl->move.count += slice->count;
	return serve_when_durable(repl->serve, durable, self) ? 0 : ENOMEM;
}

static void run(void *arg)
{
	struct repl *repl = arg;
	struct slice slice = { .count = 0 };
	int ret = 0;

	repl->move.timer = NULL;
	repl->move.error = 0;
	if (repl->config.observe) {
		repl->move.running = false;
		return;
	}
	serve_turn_begin(repl->serve);
	ret = move_note(repl, false);	/* if there was no gate to pass */
	repl->move.last = number_of(repl, OWNER_TOUCH);
	store_walk_version(repl->store, NB_SELF, 0, repl->move.last, take,
			   &slice);
	if (ret == 0) {
		ret = slice.count > 0 ? touch(repl, &slice) : finish(repl);
	}
	serve_turn_end(repl->serve);
	if (ret != 0) {
		go_on(repl, RETRY_USEC);
	}
}

static void go_on(struct repl *repl, uint64_t usec)
{
	repl->move.timer = repl_timer(repl, usec, run, repl);
	/* without memory: at the next reload or start */
	repl->move.running = repl->move.timer != NULL;
}

void move_look(struct repl *repl)
{
	if (repl->move.running || repl->config.observe ||
	    repl->gate.state != REPL_GATE_OPEN ||
	    (number_of(repl, OWNER_MOVED) == 0 &&
	     number_of(repl, OWNER_TOUCH) == 0)) {
		return;
	}
	repl->move.count = 0;
	go_on(repl, 0);
}

int move_again(struct repl *repl, uint64_t last)
{
	int ret = 0;

	if (last > number_of(repl, OWNER_TOUCH)) {
		serve_turn_begin(repl->serve);
		ret = serve_set_meta(repl->serve, OWNER_TOUCH, last);
		serve_turn_end(repl->serve);
	}
	if (ret == 0) {
		move_look(repl);
	}
	return ret;
}

void move_stop(struct repl *repl)
{
	repl_timer_stop(repl, &repl->move.timer);
	if (repl->move.mover != NULL) {
		repl->move.mover->repl = NULL;
	}
}
