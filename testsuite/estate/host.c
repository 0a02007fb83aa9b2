/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A host of an estate, as the name service meets it (protocol.md 1.4, 2.3 to
 * 2.6 and 5.5; microsoft-wins.md 2).
 *
 * It registers at home, asks again when nobody answers, then asks its other
 * server, waits as a WACK says, refreshes at half its time, answers challenges
 * with all of its addresses, gives a name up when it is told to and comes back
 * for it a little later. A name that somebody else has it wants again half an
 * hour later, as after a reboot, but not any more when all is to be quiet.
 */

#include <stdlib.h>
#include <string.h>

#include "codec/nbns.h"
#include "estate/estate.h"

#define RETRY_USEC	1500000u
#define TRIES		3u
#define FLAGS_HNODE	0x6000u
#define REBOOT		1800u		/* s until a refused name is wanted */

static void ask(struct estate_host *host);

const char *host_state_name(enum host_state state)
{
	static const char *const names[] = {
		"dead", "asking", "holds", "refused", "leaving",
	};

	return names[state];
}

bool host_lives(const struct estate_host *host)
{
	return host->state == HOST_HOLDS;
}

/* ---- its time ---- */

static uint32_t draw(struct estate_host *host, uint32_t below)
{
	return sim_draw_below(&host->clock.chance, below);
}

static void later(struct estate_host *host, uint64_t usec,
		  void (*fn)(void *arg))
{
	const struct nb_world *world = &host->clock.world;

	world->timer_stop(world->priv, host->timer);
	host->timer = world->timer_start(world->priv, usec, fn, host);
}

static void no_timer(struct estate_host *host)
{
	const struct nb_world *world = &host->clock.world;

	world->timer_stop(world->priv, host->timer);
	host->timer = NULL;
}

/* ---- what it asks for ---- */

static bool is_group(const struct estate_host *host)
{
	return host->kind == PLAN_GROUP || host->kind == PLAN_DOMAIN;
}

static void send_request(struct estate_host *host, enum nbns_kind kind,
			 uint32_t from, uint16_t trn_id)
{
	static const uint16_t operation[NBNS_KINDS] = {
		[NBNS_REGISTER] = 0x2900, [NBNS_MREGISTER] = 0x7900,
		[NBNS_REFRESH] = 0x4000, [NBNS_RELEASE] = 0x3000,
	};
	uint8_t buf[NBNS_MAX];
	uint16_t flags = is_group(host) ? FLAGS_HNODE | NB_FLAG_GROUP :
					  FLAGS_HNODE;
	size_t len = nbns_encode_request(
		buf, sizeof(buf), kind, trn_id, operation[kind], &host->name,
		kind == NBNS_RELEASE ? 0 : host->ttl, flags, from);

	sim_net_send(host->estate->net, from, NBNS_PORT,
		     ESTATE_NODE(host->server), NBNS_PORT, buf, len);
}

static void silence(void *arg);

static void send_again(struct estate_host *host)
{
	enum nbns_kind kind = host->state == HOST_LEAVING ? NBNS_RELEASE :
			      host->refreshing ? NBNS_REFRESH :
			      host->kind == PLAN_MHOMED ? NBNS_MREGISTER :
							  NBNS_REGISTER;

	send_request(host, kind, host->addr[host->turn], host->trn_id);
	later(host, RETRY_USEC, silence);
}

static void ask(struct estate_host *host)
{
	host->trn_id = (uint16_t)(1 + draw(host, 65535));
	host->tries = 0;
	send_again(host);
}

static void begin(struct estate_host *host)
{
	host->turn = 0;
	ask(host);
}

static void begin_again(void *arg)
{
	struct estate_host *host = arg;

	host->timer = NULL;
	if (host->state == HOST_REFUSED) {
		host->state = HOST_ASKING;
	}
	if (host->server != host->home) {
		host->server = host->home;
	}
	begin(host);
}

static void dead(struct estate_host *host)
{
	no_timer(host);
	host->state = HOST_DEAD;
	host->trn_id = 0;
	host->granted = 0;
}

/* Nobody answered: again, or the other server, or a while later. */
static void silence(void *arg)
{
	struct estate_host *host = arg;

	host->timer = NULL;
	if (++host->tries < TRIES) {
		send_again(host);
	} else if (host->state == HOST_LEAVING) {
		dead(host);
	} else if (host->server == host->home && host->away != host->home) {
		host->server = host->away;
		ask(host);
	} else {
		host->trn_id = 0;
		later(host, (30 + draw(host, 90)) * ESTATE_SECOND,
		      begin_again);
	}
}

/* ---- what it is told ---- */

static void time_to_refresh(void *arg)
{
	struct estate_host *host = arg;

	host->timer = NULL;
	host->refreshing = true;
	if (host->estate->quiet || draw(host, 2) == 0) {
		host->server = host->home;
	}
	begin(host);
}

static void has_it(struct estate_host *host)
{
	uint64_t half = host->ttl * ESTATE_SECOND / 2;

	host->state = HOST_HOLDS;
	host->refreshing = false;
	host->trn_id = 0;
	later(host, half - draw(host, (uint32_t)(half / 10)),
	      time_to_refresh);
}

static void is_refused(struct estate_host *host)
{
	host->trn_id = 0;
	host->refusals++;
	if (host->refreshing) {
		/* it was mine: once more, as if I had just come */
		host->refreshing = false;
		host->state = HOST_ASKING;
		host->granted = 0;
		later(host, 30 * ESTATE_SECOND, begin_again);
		return;
	}
	no_timer(host);
	host->state = HOST_REFUSED;
	host->granted = 0;
	if (!host->estate->quiet) {
		later(host, (REBOOT / 2 + draw(host, REBOOT)) * ESTATE_SECOND,
		      begin_again);
	}
}

static void answered(struct estate_host *host, const struct nbns_msg *msg)
{
	bool is_yes = (msg->operation & NBNS_OP_RCODE) == 0;

	if (host->trn_id == 0 || msg->trn_id != host->trn_id) {
		return;
	}
	if (msg->kind == NBNS_WACK) {
		later(host, (uint64_t)msg->ttl * ESTATE_SECOND, silence);
		return;
	}
	if (host->state != HOST_LEAVING && !is_yes) {
		is_refused(host);
		return;
	}
	/* from the first address on it defends the name */
	host->granted = sim_time_usec(host->estate->time);
	if (++host->turn < host->addrs) {
		ask(host);
	} else if (host->state == HOST_LEAVING) {
		dead(host);
	} else {
		has_it(host);
	}
}

/* ---- what it is asked ---- */

static bool claims(const struct estate_host *host, const struct nb_name *name)
{
	return host->state != HOST_DEAD && host->granted != 0 &&
	       memcmp(name, &host->name, sizeof(*name)) == 0;
}

static void reply_to(struct estate_host *host, uint32_t local, uint32_t to,
		     const struct nbns_msg *msg, const struct nb_reply *reply)
{
	struct nb_origin origin = {
		.trn_id = msg->trn_id,
		.operation = msg->operation,
		.label_len = msg->label_len,
	};
	uint8_t buf[NBNS_MAX];
	size_t len = 0;

	memcpy(origin.label, msg->label, sizeof(origin.label));
	if (msg->rdata != NULL && msg->rdlength <= sizeof(origin.rdata)) {
		origin.rdata_len = (uint8_t)msg->rdlength;
		memcpy(origin.rdata, msg->rdata, msg->rdlength);
	}
	len = nbns_encode_reply(buf, sizeof(buf), &origin, &msg->name, reply);
	sim_net_send(host->estate->net, local, NBNS_PORT, to, NBNS_PORT, buf,
		     len);
}

static void is_challenged(struct estate_host *host, uint32_t local,
			  uint32_t from, const struct nbns_msg *msg)
{
	struct nb_reply reply = { .kind = NB_REPLY_NEGATIVE };

	if (claims(host, &msg->name)) {
		reply.kind = NB_REPLY_ADDRESSES;
		reply.nb_flags = is_group(host) ?
				 FLAGS_HNODE | NB_FLAG_GROUP : FLAGS_HNODE;
		reply.count = (uint8_t)host->addrs;
		memcpy(reply.addr, host->addr,
		       host->addrs * sizeof(host->addr[0]));
	}
	reply_to(host, local, from, msg, &reply);
}

static void is_told_to_release(struct estate_host *host, uint32_t local,
			       uint32_t from, const struct nbns_msg *msg)
{
	struct nb_reply reply = { .kind = NB_REPLY_RELEASE };

	reply_to(host, local, from, msg, &reply);
	if (!claims(host, &msg->name) || host->state == HOST_LEAVING) {
		return;
	}
	host->demands++;
	host->state = HOST_ASKING;
	host->refreshing = false;
	host->granted = 0;
	host->trn_id = 0;
	later(host, (5 + draw(host, 55)) * ESTATE_SECOND, begin_again);
}

static bool has_address(const struct estate_host *host, uint32_t ip)
{
	return host->addr[0] == ip || (host->addrs > 1 && host->addr[1] == ip);
}

static void on_datagram(void *arg, uint32_t local, uint32_t from,
			uint16_t port, uint16_t to_port, const uint8_t *data,
			size_t len)
{
	struct estate_host *host = arg;
	struct nbns_msg msg;

	(void)port;
	(void)to_port;
	if (host->state == HOST_DEAD || !has_address(host, local)) {
		return;
	}
	if (nbns_decode(data, len, &msg) != NBNS_OK) {
		abort();
	}
	if (msg.operation & NBNS_OP_RESPONSE) {
		if (from == ESTATE_NODE(host->server)) {
			answered(host, &msg);
		}
	} else if (msg.kind == NBNS_QUERY) {
		is_challenged(host, local, from, &msg);
	} else if (msg.kind == NBNS_RELEASE) {
		is_told_to_release(host, local, from, &msg);
	}
}

/* ---- what happens to it ---- */

void host_up(struct estate_host *host)
{
	if (host->state != HOST_DEAD) {
		return;
	}
	host->state = HOST_ASKING;
	host->refreshing = false;
	host->granted = 0;
	host->server = host->home;
	begin(host);
}

void host_down(struct estate_host *host)
{
	dead(host);
}

void host_off(struct estate_host *host)
{
	if (host->state != HOST_HOLDS) {
		dead(host);
		return;
	}
	host->state = HOST_LEAVING;
	begin(host);
}

/* Register anew where it is at home now. */
static void register_anew(struct estate_host *host)
{
	if (host->state == HOST_DEAD || host->state == HOST_LEAVING) {
		return;
	}
	host->state = HOST_ASKING;
	host->refreshing = false;
	host->server = host->home;
	begin(host);
}

void host_go_to(struct estate_host *host, unsigned int node)
{
	host->home = node;
	register_anew(host);
}

void host_move(struct estate_host *host)
{
	unsigned int home = host->home;

	host->home = host->away;
	host->away = home;
	register_anew(host);
}

static void next_addresses(struct estate_host *host)
{
	host->addrs = host->kind == PLAN_MHOMED ? 2 : 1;
	for (unsigned int i = 0; i < host->addrs; i++) {
		host->addr[i] = ESTATE_HOST(host->index, host->addrs_used);
		host->addrs_used = (host->addrs_used + 1) % ESTATE_HOST_ADDRS;
	}
}

void host_readdress(struct estate_host *host)
{
	next_addresses(host);
	register_anew(host);
}

void host_refresh(struct estate_host *host)
{
	if (host->state == HOST_HOLDS) {
		host->refreshing = true;
		host->server = host->home;
		begin(host);
	}
}

void host_drop_second(struct estate_host *host)
{
	if (host->state == HOST_HOLDS && host->addrs == 2) {
		send_request(host, NBNS_RELEASE, host->addr[1],
			     (uint16_t)(1 + draw(host, 65535)));
		host->addrs = 1;
	}
}

void host_is_quiet(struct estate_host *host)
{
	if (host->state == HOST_REFUSED) {
		no_timer(host);
	}
}

static const struct sim_port_events on_the_net = {
	.datagram = on_datagram,
};

void host_add(struct estate *estate, unsigned int index)
{
	struct estate_host *host = &estate->host[index];
	const struct plan_host *plan = &estate->plan->host[index];
	char text[NB_NAME_TEXT];

	host->estate = estate;
	host->index = index;
	host->kind = plan->kind;
	host->home = plan->home;
	host->away = plan->away;
	host->server = plan->home;
	host->ttl = estate->plan->ttl;
	snprintf(text, sizeof(text), "HOST%u<%s>", plan->name,
		 plan->kind == PLAN_DOMAIN ? "1C" : "20");
	if (!nb_name_parse(text, &host->name)) {
		abort();
	}
	sim_clock_init(&host->clock, estate->time,
		       sim_seed_of(estate->plan->seed, 2000 + index));
	host->port = sim_net_join(estate->net, ESTATE_HOST(index, 0),
				  &on_the_net, host);
	for (unsigned int i = 1; i < ESTATE_HOST_ADDRS; i++) {
		sim_port_also(host->port, ESTATE_HOST(index, i));
	}
	next_addresses(host);
}
