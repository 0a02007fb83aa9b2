/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server as a node: its own names (protocol.md 1.5 and 1.6).
 *
 * On each interface a name is claimed by three broadcasts a second apart and
 * a demand; unheard for another second, it is active. A host that refuses
 * makes it a conflict there, said in the log; the WINS service goes on. An
 * interface without a broadcast address has nobody to ask: active at once.
 * Active names are announced again from time to time, as B nodes do, defended
 * against registrations, and told to whoever asks for the node status.
 *
 * A name's state is kept by interface index, and interfaces are numbered anew
 * when the set changes: then all of them are claimed again. That is four
 * seconds of silence for our own names, none for the service.
 */

#include <string.h>

#include "serve/serve_private.h"

#define CLAIM_BROADCASTS	3
#define CLAIM_STEP_USEC		1000000u
#define OWN_FLAGS		(2u << NB_FLAG_NODE_SHIFT)	/* M node */

int own_find(const struct serve *serve, const struct nb_name *name)
{
	for (unsigned int i = 0; i < serve->owns; i++) {
		const struct nb_name *own = &serve->own[i].name.name;

		if (own->type == name->type && own->len == name->len &&
		    memcmp(own->byte, name->byte, own->len) == 0) {
			return (int)i;
		}
	}
	return -1;
}

static int iface_index(const struct serve *serve, uint32_t ip)
{
	for (unsigned int i = 0; i < serve->ifaces; i++) {
		if (serve->iface[i].ip == ip) {
			return (int)i;
		}
	}
	return -1;
}

bool own_active(const struct serve *serve, unsigned int own, uint32_t local)
{
	int iface = iface_index(serve, local);

	return serve->own[own].name.permanent ||
	       (iface >= 0 && serve->own[own].state[iface] == OWN_ACTIVE);
}

static bool active_anywhere(const struct serve *serve, unsigned int own)
{
	for (unsigned int i = 0; i < serve->ifaces; i++) {
		if (own_active(serve, own, serve->iface[i].ip)) {
			return true;
		}
	}
	return false;
}

static uint16_t own_flags(const struct own_name *own, bool active)
{
	return (uint16_t)(OWN_FLAGS | (own->name.group ? NB_FLAG_GROUP : 0) |
			  (own->name.permanent ? NB_FLAG_PRM : 0) |
			  (active ? NB_FLAG_ACT : 0));
}

bool own_defends(const struct serve *serve, const struct nb_event *event,
		 const struct nb_origin *origin)
{
	int own = -1;

	if ((event->kind != NB_EV_REGISTER && event->kind != NB_EV_REFRESH) ||
	    event->name.type == 0x1c ||
	    serve_is_own_address(serve, origin->source)) {
		return false;
	}
	own = own_find(serve, &event->name);
	return own >= 0 && !serve->own[own].name.group &&
	       own_active(serve, (unsigned int)own, origin->local);
}

/*
 * The address asked first, then the others; 127/8 only to those on it. The
 * flags say ACT, as annex A of protocol.md has it on the wire.
 */
void own_answer(struct serve *serve, unsigned int own,
		const struct nb_origin *origin, const struct nb_name *name)
{
	struct nb_reply reply = {
		.kind = NB_REPLY_ADDRESSES,
		.ttl = serve->config.own_ttl,
		.nb_flags = own_flags(&serve->own[own], true),
		.count = 1,
		.addr = { origin->local },
	};

	for (unsigned int i = 0;
	     i < serve->ifaces && reply.count < NB_MEMBERS_MAX; i++) {
		uint32_t ip = serve->iface[i].ip;

		if (ip != origin->local &&
		    (!nb_addr_is_loopback(ip) ||
		     nb_addr_is_loopback(origin->local))) {
			reply.addr[reply.count++] = ip;
		}
	}
	serve_reply_now(serve, origin, name, &reply);
}

static bool is_star(const struct nb_name *name)
{
	return name->len == 1 && name->byte[0] == '*';
}

void serve_status(struct serve *serve, const struct nb_name *name,
		  const struct nb_origin *origin)
{
	struct nb_status_name names[NB_STATUS_MAX];
	struct nb_reply reply = { .kind = NB_REPLY_STATUS, .names = names };
	int asked = own_find(serve, name);

	serve_count(serve, STAT_STATUS);
	if (asked < 0 ||
	    !own_active(serve, (unsigned int)asked, origin->local)) {
		return;
	}
	for (unsigned int i = 0; i < serve->owns; i++) {
		const struct own_name *own = &serve->own[i];

		if (own_active(serve, i, origin->local) &&
		    !is_star(&own->name.name)) {
			names[reply.count].name = own->name.name;
			names[reply.count].nb_flags = own_flags(own, true);
			reply.count++;
		}
	}
	serve_reply_now(serve, origin, name, &reply);
}

bool serve_own_name_at(const struct serve *serve, unsigned int index,
		       struct nb_status_name *name)
{
	if (index >= serve->owns) {
		return false;
	}
	name->name = serve->own[index].name.name;
	name->nb_flags =
		own_flags(&serve->own[index], active_anywhere(serve, index));
	return true;
}

bool serve_address_at(const struct serve *serve, unsigned int index,
		      uint32_t *address)
{
	if (index >= serve->ifaces) {
		return false;
	}
	*address = serve->iface[index].ip;
	return true;
}

/* ---- claiming ---- */

static void send_claim(struct serve *serve, unsigned int own, int iface,
		       bool demand)
{
	const struct own_name *name = &serve->own[own];
	const struct serve_iface *at = &serve->iface[iface];

	serve->ops.claim(serve->ops.priv, at->ip, at->broadcast,
			 name->trn_id[iface], &name->name.name,
			 own_flags(name, false), serve->config.own_ttl,
			 demand);
}

static void finish_claim(struct serve *serve, int iface)
{
	for (unsigned int i = 0; i < serve->owns; i++) {
		if (serve->own[i].state[iface] == OWN_CLAIMING) {
			serve->own[i].state[iface] = OWN_ACTIVE;
		}
	}
}

static void claim_step(void *arg)
{
	struct own_claim *claim = arg;
	struct serve *serve = claim->serve;
	int iface = iface_index(serve, claim->ip);

	claim->timer = NULL;
	if (claim->step > CLAIM_BROADCASTS ||
	    serve->iface[iface].broadcast == 0) {
		finish_claim(serve, iface);
		return;
	}
	for (unsigned int i = 0; i < serve->owns; i++) {
		if (serve->own[i].state[iface] == OWN_CLAIMING) {
			send_claim(serve, i, iface,
				   claim->step == CLAIM_BROADCASTS);
		}
	}
	claim->step++;
	claim->timer = serve->world->timer_start(
		serve->world->priv, CLAIM_STEP_USEC, claim_step, claim);
}

static void claim_start(struct serve *serve, unsigned int iface)
{
	struct own_claim *claim = talloc_zero(serve, struct own_claim);

	if (claim == NULL) {
		return;
	}
	claim->serve = serve;
	claim->ip = serve->iface[iface].ip;
	serve->claim[iface] = claim;
	claim_step(claim);
}

static void own_refresh(void *arg);

static void own_refresh_later(struct serve *serve)
{
	uint64_t seconds = serve->config.own_ttl / 2;

	if (seconds > serve->config.own_refresh) {
		seconds = serve->config.own_refresh;
	}
	if (seconds < 60) {
		seconds = 60;
	}
	serve->own_refresh =
		serve->world->timer_start(serve->world->priv,
					  seconds * 1000000u, own_refresh,
					  serve);
}

static void own_refresh(void *arg)
{
	struct serve *serve = arg;

	for (unsigned int i = 0; i < serve->owns; i++) {
		for (unsigned int k = 0; k < serve->ifaces; k++) {
			if (serve->own[i].state[k] == OWN_ACTIVE &&
			    !serve->own[i].name.permanent &&
			    serve->iface[k].broadcast != 0) {
				send_claim(serve, i, (int)k, false);
			}
		}
	}
	own_refresh_later(serve);
}

void own_ifaces_changed(struct serve *serve)
{
	for (unsigned int i = 0; i < serve->owns; i++) {
		for (unsigned int k = 0; k < serve->ifaces; k++) {
			serve->own[i].state[k] = serve->own[i].name.permanent
							 ? OWN_ACTIVE
							 : OWN_CLAIMING;
			serve->own[i].trn_id[k] =
				(uint16_t)nb_random32(serve->world);
		}
	}
	for (unsigned int k = 0; serve->owns > 0 && k < serve->ifaces; k++) {
		claim_start(serve, k);
	}
	if (serve->owns > 0 && serve->ifaces > 0) {
		own_refresh_later(serve);
	}
}

void own_stop(struct serve *serve)
{
	for (unsigned int k = 0; k < SERVE_IFACES_MAX; k++) {
		if (serve->claim[k] != NULL) {
			serve->world->timer_stop(serve->world->priv,
						 serve->claim[k]->timer);
			TALLOC_FREE(serve->claim[k]);
		}
	}
	serve->world->timer_stop(serve->world->priv, serve->own_refresh);
	serve->own_refresh = NULL;
}

static bool is_claiming(const struct serve *serve, unsigned int iface)
{
	for (unsigned int i = 0; i < serve->owns; i++) {
		if (serve->own[i].state[iface] == OWN_CLAIMING) {
			return true;
		}
	}
	return false;
}

void own_revive(struct serve *serve)
{
	for (unsigned int k = 0; k < serve->ifaces; k++) {
		if (!is_claiming(serve, k)) {
			continue;
		}
		if (serve->claim[k] == NULL) {
			claim_start(serve, k);
		} else if (serve->claim[k]->timer == NULL) {
			claim_step(serve->claim[k]);
		}
	}
	if (serve->owns > 0 && serve->ifaces > 0 &&
	    serve->own_refresh == NULL) {
		own_refresh_later(serve);
	}
}

static bool same_names(const struct serve *serve)
{
	if (serve->owns != serve->config.own_names) {
		return false;
	}
	for (unsigned int i = 0; i < serve->owns; i++) {
		const struct serve_own_name *a = &serve->own[i].name;
		const struct serve_own_name *b = &serve->config.own_name[i];

		if (!nb_name_equal(&a->name, &b->name) ||
		    a->group != b->group || a->permanent != b->permanent) {
			return false;
		}
	}
	return true;
}

/* Take over the configured names; those that stay the same keep their state. */
void own_configure(struct serve *serve)
{
	if (same_names(serve)) {
		return;
	}
	own_stop(serve);
	serve->owns = serve->config.own_names;
	for (unsigned int i = 0; i < serve->owns; i++) {
		serve->own[i].name = serve->config.own_name[i];
	}
	own_ifaces_changed(serve);
}

void serve_claim_refused(struct serve *serve, uint32_t from, uint16_t trn_id,
			 const struct nb_name *name)
{
	int own = own_find(serve, name);
	char text[NB_NAME_TEXT];
	char addr[NB_ADDR_TEXT];

	if (own < 0 || serve->own[own].name.group ||
	    serve_is_own_address(serve, from)) {
		return;
	}
	for (unsigned int k = 0; k < serve->ifaces; k++) {
		if (serve->own[own].trn_id[k] != trn_id ||
		    serve->own[own].state[k] == OWN_CONFLICT) {
			continue;
		}
		serve->own[own].state[k] = OWN_CONFLICT;
		nb_log(serve->world, NB_LOG_WARNING,
		       "%s refuses our own name %s: another host has it",
		       nb_addr_print(from, addr), nb_name_print(name, text));
	}
}
