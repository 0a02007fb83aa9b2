/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owners: the servers whose records exist in the estate, how far each is known
 * here, and when its versions are not to be believed.
 *
 * Marks are settled marks (design.md section 2). Inside a turn the store's
 * mark is already the new one; what partners are told is the mark of turns
 * that are durable. Of ourselves the store knows both.
 *
 * Quarantine (Q165463: one damaged record with an enormous version, and an
 * owner's new records were below the mark of its partners for ever). A map that
 * is more than wins:version jump beyond what we know of an owner is believed
 * up to there only; the range that is plausible is fetched, the mark goes
 * no further than what really came, and an operator decides about the rest.
 * The first contact with an owner is learned: healthy servers sit at
 * 0x1d88100000000 (Q183699).
 *
 * An address that was ours before `owner rename` is nobody's: what partners
 * still have of it are our own records of old, and taking them would let each
 * name meet itself as a stranger. Until an operator says `owner delete` of it,
 * because another server has the address now.
 */

#include <inttypes.h>
#include <stdio.h>

#include "core/owner_move.h"
#include "repl/private.h"

#define ACCEPTED	"owner-accepted"
#define REJECTED	"owner-rejected"

static int owner_compare(const struct owner *a, const struct owner *b)
{
	return a->address < b->address ? -1 : a->address > b->address;
}

RB_GENERATE(owner_tree, owner, node, owner_compare)

struct owner *owner_find(struct repl *repl, uint32_t address)
{
	struct owner key = { .address = address };

	return RB_FIND(owner_tree, &repl->owners, &key);
}

static char *kept_key(const char *what, uint32_t address,
		      char key[STORE_META_MAX])
{
	char text[NB_ADDR_TEXT];

	(void)snprintf(key, STORE_META_MAX, "%s-%s", what,
		       nb_addr_print(address, text));
	return key;
}

static uint64_t kept_number(const struct repl *repl, const char *what,
			    uint32_t address)
{
	char key[STORE_META_MAX];
	uint64_t number = 0;

	return store_get_meta(repl->store, kept_key(what, address, key),
			      &number) ? number : 0;
}

struct owner *owner_add(struct repl *repl, uint32_t address)
{
	struct owner *owner = owner_find(repl, address);

	if (owner != NULL) {
		return owner;
	}
	if (repl->owner_count >= OWNERS_MAX) {
		return NULL;
	}
	owner = talloc_zero(repl, struct owner);
	if (owner == NULL) {
		return NULL;
	}
	repl->owner_count++;
	owner->address = address;
	owner->accepted = kept_number(repl, ACCEPTED, address);
	owner->rejected = kept_number(repl, REJECTED, address);
	owner->was_ours = kept_number(repl, OWNER_WAS, address) != 0;
	RB_INSERT(owner_tree, &repl->owners, owner);
	return owner;
}

void owners_load(struct repl *repl)
{
	struct store_owner line;

	(void)owner_add(repl, repl->config.self);
	for (unsigned int i = 0; store_owner_at(repl->store, i, &line); i++) {
		struct owner *owner =
			owner_add(repl, repl_outward(repl, line.owner));

		if (owner != NULL && line.owner != NB_SELF) {
			owner->mark = line.mark;
			owner->seen = line.highest > line.mark ? line.highest :
								 line.mark;
		}
	}
}

static bool in_list(const uint32_t *list, unsigned int count, uint32_t address)
{
	for (unsigned int i = 0; i < count; i++) {
		if (list[i] == address) {
			return true;
		}
	}
	return false;
}

/* Of those that never got a place in the tree the store knows. */
static bool was_ours(const struct repl *repl, uint32_t address)
{
	struct owner_tree *owners = (struct owner_tree *)&repl->owners;
	struct owner key = { .address = address };
	const struct owner *owner = RB_FIND(owner_tree, owners, &key);

	return owner != NULL ? owner->was_ours :
			       kept_number(repl, OWNER_WAS, address) != 0;
}

bool owner_allowed(const struct repl *repl, uint32_t address)
{
	const struct repl_config *config = &repl->config;

	if (address == config->self) {
		return true;
	}
	return !was_ours(repl, address) &&
	       !in_list(config->block, config->blocks, address) &&
	       (config->accepts == 0 ||
		in_list(config->accept, config->accepts, address));
}

uint64_t owner_known(const struct repl *repl, uint32_t address)
{
	return store_mark(repl->store, repl_inward(repl, address));
}

/*
 * To the owner itself everything that was ever seen of it is told: it asks
 * because it has lost its memory, and must not use one of those again.
 *
 * Of ours nothing is told while the gate is closed (to 0: nobody is). Below a
 * mark that was raised by a restore lie versions that we have not back yet: a
 * partner that passes them now would never see those records again.
 */
uint64_t owner_told(struct repl *repl, const struct owner *owner, uint32_t to)
{
	if (owner->address == repl->config.self) {
		return to != 0 && repl->gate.state != REPL_GATE_OPEN ?
			       0 : store_mark(repl->store, NB_SELF);
	}
	if (repl->config.observe) {
		return 0;	/* whoever only looks on tells nothing on */
	}
	return owner->address == to && owner->seen > owner->mark ?
		       owner->seen : owner->mark;
}

/* ---- what to ask for ---- */

static void quarantine(struct repl *repl, struct partner *partner,
		       struct owner *owner, uint64_t max, uint64_t known)
{
	char a[NB_ADDR_TEXT], b[NB_ADDR_TEXT];

	partner->quarantined++;
	if (max <= owner->rejected || max <= owner->quarantine) {
		return;
	}
	repl_count(repl, STAT_QUARANTINED);
	owner->quarantine = max;
	nb_log(repl->world, NB_LOG_ERROR,
	       "%s tells versions of owner %s up to %" PRIu64 ", but %" PRIu64
	       " is the highest known: what lies beyond is in quarantine until "
	       "`winsctl owner accept` or `winsctl owner reject`",
	       nb_addr_print(partner->config.address, a),
	       nb_addr_print(owner->address, b), max, known);
}

bool owner_wants(struct repl *repl, struct partner *partner,
		 struct owner *owner, uint64_t max, uint64_t *from,
		 uint64_t *limit)
{
	uint64_t known = owner_known(repl, owner->address);
	uint64_t jump = repl->config.version_jump;

	if (max <= known) {
		return false;
	}
	*from = known + 1;
	*limit = max;
	if (known != 0 && max - known > jump && max > owner->accepted) {
		quarantine(repl, partner, owner, max, known);
		*limit = known + jump > owner->accepted ? known + jump :
							  owner->accepted;
	}
	return true;
}

/* ---- operators ---- */

/* What was rejected, and not accepted later: 0, nothing. */
static uint64_t rejected(const struct owner *owner)
{
	return owner->rejected > owner->accepted &&
	       owner->rejected > owner->mark ? owner->rejected : 0;
}

/* The decision, kept for later starts; what was asked is void. */
static int decide(struct repl *repl, struct owner *owner, const char *what,
		  uint64_t version)
{
	char key[STORE_META_MAX];
	int ret = 0;

	serve_turn_begin(repl->serve);
	ret = serve_set_meta(repl->serve, kept_key(what, owner->address, key),
			     version);
	serve_turn_end(repl->serve);
	if (ret == 0) {
		owner->quarantine = 0;
	}
	return ret;
}

int repl_owner_accept(struct repl *repl, uint32_t address)
{
	struct owner *owner = owner_find(repl, address);
	uint64_t was = 0;
	int ret = 0;

	if (owner != NULL) {	/* a rejection is not for ever */
		was = owner->quarantine != 0 ? owner->quarantine :
					       rejected(owner);
	}
	if (was == 0) {
		return ENOENT;
	}
	ret = decide(repl, owner, ACCEPTED, was);
	if (ret == 0) {
		owner->accepted = was;
		(void)repl_pull(repl, 0, NULL, NULL);
	}
	return ret;
}

int repl_owner_reject(struct repl *repl, uint32_t address)
{
	struct owner *owner = owner_find(repl, address);
	uint64_t was = owner != NULL ? owner->quarantine : 0;
	int ret = 0;

	if (was == 0) {
		return ENOENT;
	}
	ret = decide(repl, owner, REJECTED, was);
	if (ret == 0) {
		owner->rejected = was;
	}
	return ret;
}

int repl_owner_forget(struct repl *repl, uint32_t address)
{
	static const char *const kept[] = { ACCEPTED, REJECTED, OWNER_WAS };
	struct owner *owner = owner_find(repl, address);
	char key[STORE_META_MAX];
	int ret = 0;

	if (owner != NULL && owner->range != NULL) {
		return EBUSY;
	}
	ret = serve_set_mark(repl->serve, address, 0);
	for (size_t i = 0; ret == 0 && i < sizeof(kept) / sizeof(kept[0]);
	     i++) {
		if (kept_number(repl, kept[i], address) != 0) {
			ret = serve_set_meta(repl->serve,
					     kept_key(kept[i], address, key),
					     0);
		}
	}
	if (ret == 0 && owner != NULL) {
		RB_REMOVE(owner_tree, &repl->owners, owner);
		talloc_free(owner);
	}
	return ret;
}

/* ---- sight ---- */

/* Itself, if it is a partner of ours; else somebody who tells of it. */
static bool is_reachable(const struct repl *repl, uint32_t address)
{
	const struct partner *own = partner_find(repl, address);
	const struct partner *partner = NULL;
	bool known = false;

	if (own != NULL && own->config.pull) {
		return own->pull_ok != 0 && own->errors == 0;
	}
	TAILQ_FOREACH(partner, &repl->partners, list) {
		(void)partner_map_get(partner, address, &known);
		if (known && partner->pull_ok != 0 && partner->errors == 0) {
			return true;
		}
	}
	return address == repl->config.self;
}

void owner_sight(struct repl *repl, const struct owner *owner,
		 struct repl_owner_sight *sight)
{
	*sight = (struct repl_owner_sight){
		.owner = owner->address,
		.ours = owner->address == repl->config.self,
		.mark = owner->address == repl->config.self ?
				store_mark(repl->store, NB_SELF) : owner->mark,
		.map_max = owner->map_max != 0 ? owner->map_max : REPL_UNKNOWN,
		.last_new = owner->last_new,
		.reachable = is_reachable(repl, owner->address),
		.blocked = !owner_allowed(repl, owner->address),
		.quarantine = owner->quarantine != 0 ? owner->quarantine :
						       rejected(owner),
		.rejected = owner->quarantine == 0 && rejected(owner) != 0,
	};
}

bool repl_owner_sight(struct repl *repl, uint32_t address,
		      struct repl_owner_sight *sight)
{
	const struct owner *owner = owner_find(repl, address);

	if (owner == NULL) {
		return false;
	}
	owner_sight(repl, owner, sight);
	return true;
}

bool repl_owner_at(struct repl *repl, unsigned int index,
		   struct repl_owner_sight *sight)
{
	struct owner *owner = NULL;

	RB_FOREACH(owner, owner_tree, &repl->owners) {
		if (index-- == 0) {
			owner_sight(repl, owner, sight);
			return true;
		}
	}
	return false;
}
