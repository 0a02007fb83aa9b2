/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * undo in the database of a stopped server, under its lock: the same rules,
 * the same store, a turn for some hundred records.
 *
 * What the rules need of the configuration are the times that records live,
 * and those of a new installation do: what is put back has its own.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/offline.h"
#include "core/age.h"
#include "core/owner_move.h"
#include "rules/client.h"
#include "rules/import.h"
#include "store/store.h"
#include "winsrepair/undo.h"

#define TURN 500		/* changes */

struct files {
	struct store *store;
	struct nb_policy policy;
	uint32_t self;
	int64_t now;		/* ageing clock */
	int64_t offset;		/* wall clock minus it */
	unsigned int changes;	/* of the open turn */
};

static struct nb_record moved(const struct nb_record *rec, uint32_t from,
			      uint32_t to, int64_t offset)
{
	struct nb_record other = *rec;

	other.owner = other.owner == from ? to : other.owner;
	other.expires = age_shift(other.expires, offset);
	for (int i = 0; i < other.count; i++) {
		struct nb_member *member = &other.member[i];

		member->owner = member->owner == from ? to : member->owner;
		member->expires = age_shift(member->expires, offset);
	}
	return other;
}

static enum undo_result files_look(void *priv, const struct nb_name *name,
				   struct nb_record *rec)
{
	struct files *f = priv;
	struct nb_record stored;

	if (!store_get(f->store, name, &stored)) {
		return UNDO_UNCHANGED;
	}
	*rec = moved(&stored, NB_SELF, f->self, f->offset);
	return UNDO_DONE;
}

static enum undo_result failed(int error)
{
	tool_say("the database: %s", store_error_text(error));
	return UNDO_FAILED;
}

static enum undo_result files_end(void *priv)
{
	struct files *f = priv;
	int ret = f->changes > 0 ? offline_commit(f->store) : 0;

	f->changes = 0;
	return ret == 0 ? UNDO_DONE : failed(ret);
}

static enum undo_result carry_out(struct files *f, const struct nb_name *name,
				  struct nb_verdict *verdict)
{
	char text[NB_NAME_TEXT];
	int ret = 0;

	if (verdict->outcome == NB_UNCHANGED ||
	    verdict->outcome == NB_NOT_FOUND) {
		return UNDO_UNCHANGED;
	}
	if (verdict->outcome != NB_DONE) {
		tool_say("%s: %s", nb_name_print(name, text), verdict->ref);
		return UNDO_REFUSED;
	}
	if (options.dry_run || verdict->store == NB_STORE_NOTHING) {
		return UNDO_DONE;
	}
	if (f->changes == 0) {
		store_begin(f->store);
	}
	f->changes++;
	ret = verdict->store == NB_STORE_DELETE ?
		      store_delete(f->store, name) :
		      store_put(f->store, &verdict->record,
				verdict->new_version);
	if (ret != 0) {
		return failed(ret);
	}
	return f->changes < TURN ? UNDO_DONE : files_end(f);
}

static enum undo_result files_put(void *priv, const struct nb_record *rec)
{
	struct files *f = priv;
	struct nb_record in = moved(rec, f->self, NB_SELF, -f->offset);
	struct nb_event event = {
		.kind = NB_EV_IMPORT,
		.name = in.name,
		.record = &in,
		.undo = true,
		.force = options.yes != 0,
		.handed_out = store_counter(f->store),
	};
	struct nb_record existing;
	struct nb_verdict verdict;
	bool stands = store_get(f->store, &in.name, &existing);

	rule_import(stands ? &existing : NULL, &event, &f->policy, f->now,
		    &verdict);
	return carry_out(f, &in.name, &verdict);
}

static enum undo_result files_remove(void *priv, const struct nb_name *name,
				     bool bury)
{
	struct files *f = priv;
	struct nb_event event = {
		.kind = bury ? NB_EV_TOMBSTONE : NB_EV_DELETE,
		.name = *name,
		.force = true,
	};
	struct nb_record existing;
	struct nb_verdict verdict;
	bool stands = store_get(f->store, name, &existing);

	rule_client(stands ? &existing : NULL, &event, &f->policy, f->now,
		    &verdict);
	return carry_out(f, name, &verdict);
}

/* As a start would have it (serve/alive.c). */
static void find_time(struct files *f)
{
	int64_t wall = (int64_t)time(NULL);
	struct age_saved saved = { .there = false };
	struct age_start start;

	saved.there = store_get_meta(f->store, "alive", &saved.alive) &&
		      store_get_meta(f->store, "alive-wall", &saved.wall);
	start = age_begin(&saved, wall, age_cap(f->policy.max_ttl));
	f->now = start.now;
	f->offset = wall - start.now;
}

int undo_files(struct winsrepair *repair, struct undo_way *way)
{
	struct files *f = talloc_zero(repair->mem_ctx, struct files);
	uint64_t self = 0;
	int status = f == NULL ? TOOL_FAILED :
				 offline_open(repair->mem_ctx, &repair->places,
					      &f->store);

	if (status != TOOL_OK) {
		return status;
	}
	f->policy = nb_policy_default();
	find_time(f);
	if (store_get_meta(f->store, OWNER_ADDRESS, &self)) {
		f->self = (uint32_t)self;
	}
	*way = (struct undo_way) {
		.priv = f,
		.self = f->self,
		.look = files_look,
		.put = files_put,
		.remove = files_remove,
		.end = files_end,
	};
	return TOOL_OK;
}
