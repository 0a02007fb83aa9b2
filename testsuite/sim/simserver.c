/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole server in the virtual world; see simserver.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/simserver.h"

struct serve_config sim_config(void)
{
	struct serve_config config = {
		.policy = nb_policy_default(),
		.self = SIM_SELF,
		.challenge_msec = 1000,
		.challenge_tries = 3,
		.source_rate = 2000,
		.source_burst = 20000,
		.burst_threshold = 500,
		.scavenging_interval = 3 * 86400,
		.tombstone_extra = 3 * 86400,
		.own_ttl = 300000,
		.own_refresh = 7200,
	};

	return config;
}

/* ---- the network ---- */

static void keep_reply(struct sim_server *server, uint32_t local, uint32_t to,
		       uint16_t port, const uint8_t *data, size_t len)
{
	struct sim_reply *reply = NULL;

	server->sent++;
	if (server->discard) {
		return;
	}
	reply = talloc_zero(server, struct sim_reply);
	reply->local = local;
	reply->to = to;
	reply->port = port;
	reply->len = len;
	memcpy(reply->data, data, len);
	if (nbns_decode(reply->data, len, &reply->msg) != NBNS_OK) {
		fprintf(stderr, "the server sent what it cannot read\n");
		abort();
	}
	if (server->last != NULL) {
		server->last->next = reply;
	} else {
		server->first = reply;
	}
	server->last = reply;
}

static void host_reply(struct sim_server *server, struct sim_host *host,
		       const struct nbns_msg *query)
{
	struct nb_origin origin = {
		.trn_id = query->trn_id,
		.operation = query->operation,
		.label_len = query->label_len,
	};
	struct nb_reply answer = { .kind = NB_REPLY_NEGATIVE };
	struct sim_reply *reply = talloc_zero(server, struct sim_reply);

	memcpy(origin.label, query->label, sizeof(origin.label));
	if (query->kind == NBNS_RELEASE) {
		answer.kind = NB_REPLY_RELEASE;
		origin.rdata_len = 6;
	} else if (host->behaviour == SIM_HOLDS ||
		   host->behaviour == SIM_ANSWERS) {
		answer.kind = NB_REPLY_ADDRESSES;
		answer.nb_flags = 0x6000;
		answer.count = (uint8_t)host->count;
		memcpy(answer.addr, host->addr, sizeof(answer.addr));
	}
	reply->to = host->ip;
	reply->len = nbns_encode_reply(reply->data, sizeof(reply->data),
				       &origin, &query->name, &answer);
	if (host->behaviour == SIM_FAILS) {
		reply->data[3] = (reply->data[3] & 0xf0) | NB_RCODE_SRV;
	}
	reply->next = server->kept;
	server->kept = reply;
}

static void answers_arrive(void *arg)
{
	sim_hosts_answer(arg);
}

/* Typed from protocol.md 2.5 step 3 and 5.5, and exact to the bit. */
static void count_question(struct sim_server *server,
			   const struct nbns_msg *msg, uint32_t to)
{
	bool right = msg->operation == 0x0100;

	if (msg->kind == NBNS_QUERY) {
		server->queries++;
	} else {
		server->demands++;
		right = msg->operation == 0x3000 && msg->ttl == 0 &&
			msg->nb_flags == 0 && msg->addr == to &&
			msg->rdlength == 6;
	}
	if (!right) {
		fprintf(stderr, "the server asks a host in the wrong way\n");
		abort();
	}
}

static int network(void *arg, uint32_t local, uint32_t to, uint16_t port,
		   const uint8_t *data, size_t len)
{
	struct sim_server *server = arg;
	struct nbns_msg msg;

	if (port != SIM_PORT) {
		keep_reply(server, local, to, port, data, len);
		return 0;
	}
	if (nbns_decode(data, len, &msg) != NBNS_OK) {
		abort();
	}
	if (msg.operation & NBNS_OP_RESPONSE ||
	    (msg.kind != NBNS_QUERY && msg.kind != NBNS_RELEASE)) {
		keep_reply(server, local, to, port, data, len);
		return 0;
	}
	server->sent++;
	count_question(server, &msg, to);
	for (unsigned int i = 0; i < server->hosts; i++) {
		struct sim_host *host = &server->host[i];

		if (host->ip != to) {
			continue;
		}
		host->local = local;
		if (msg.kind == NBNS_RELEASE) {
			host->demanded++;
			host->last_demand = server->sim->usec;
		} else {
			host->asked++;
		}
		if (host->behaviour == SIM_SILENT) {
			continue;
		}
		host_reply(server, host, &msg);
		if (!host->late) {
			/* a millisecond on the wire */
			server->sim->world.timer_start(server->sim, 1000,
						       answers_arrive, server);
		}
	}
	return 0;
}

void sim_hosts_answer(struct sim_server *server)
{
	while (server->kept != NULL) {
		struct sim_reply *reply = server->kept;

		server->kept = reply->next;
		sim_datagram(server, reply->to, SIM_PORT, reply->data,
			     reply->len);
		talloc_free(reply);
	}
}

struct sim_host *sim_host(struct sim_server *server, uint32_t ip,
			  enum sim_behaviour behaviour)
{
	struct sim_host *host = &server->host[0];

	while (host < &server->host[server->hosts] && host->ip != ip) {
		host++;
	}
	if (host == &server->host[server->hosts]) {
		server->hosts++;
	}
	*host = (struct sim_host){
		.ip = ip,
		.behaviour = behaviour,
		.count = 1,
		.addr = { ip },
	};
	return host;
}

/* ---- life ---- */

static void start(struct sim_server *server)
{
	static const struct serve_iface iface = {
		.ip = SIM_SELF,
		.mask = 0xffff0000u,
		.broadcast = 0x0a00ffffu,
	};
	char *message = NULL;

	server->ctx = talloc_new(server);
	sim_disk_backend(server->disk, &server->backend);
	if (store_create(server->ctx, &server->sim->world, &server->backend,
			 &server->store, &message) != 0) {
		fprintf(stderr, "no store: %s\n", message);
		abort();
	}
	sim_world_set_age(server->sim,
			  serve_age_start(&server->sim->world, server->store,
					  server->config.policy.max_ttl));
	if (door_create(server->ctx, &server->sim->world, server->store,
			&server->config, SIM_PORT, &server->door) != 0) {
		fprintf(stderr, "cannot start\n");
		abort();
	}
	server->serve = door_serve(server->door);
	if (!server->loading) {
		serve_loaded(server->serve);
	}
	serve_set_ifaces(server->serve, &iface, 1);
}

struct sim_server *sim_server_start(TALLOC_CTX *mem_ctx, struct sim_world *sim,
				    const struct serve_config *config)
{
	struct sim_server *server = talloc_zero(mem_ctx, struct sim_server);

	server->sim = sim;
	server->config = *config;
	server->disk = sim_disk_create(server);
	sim->deliver = network;
	sim->deliver_arg = server;
	start(server);
	return server;
}

static void halt(struct sim_server *server)
{
	TALLOC_FREE(server->door);
	TALLOC_FREE(server->store);
	TALLOC_FREE(server->ctx);
}

void sim_server_stop(struct sim_server *server)
{
	halt(server);
	talloc_free(server);
}

void sim_server_off(struct sim_server *server)
{
	serve_leave(server->serve);
	halt(server);
}

void sim_server_on(struct sim_server *server)
{
	start(server);
}

void sim_server_crash(struct sim_server *server, bool keep_flight)
{
	struct sim_disk *disk =
		sim_disk_crash(server, server->disk, keep_flight);

	halt(server);
	talloc_free(server->disk);
	server->disk = disk;
	start(server);
}

/* ---- requests and replies ---- */

void sim_datagram(struct sim_server *server, uint32_t from, uint16_t port,
		  const uint8_t *data, size_t len)
{
	serve_turn_begin(server->serve);
	door_datagram(server->door, SIM_SELF, from, port, data, len);
	serve_turn_end(server->serve);
}

static uint16_t usual_operation(enum nbns_kind kind)
{
	static const uint16_t operation[NBNS_KINDS] = {
		[NBNS_QUERY] = 0x0100,	  [NBNS_STATUS] = 0x0000,
		[NBNS_REGISTER] = 0x2900, [NBNS_MREGISTER] = 0x7900,
		[NBNS_REFRESH] = 0x4000,  [NBNS_RELEASE] = 0x3000,
	};

	return operation[kind];
}

void sim_request(struct sim_server *server, const struct sim_request *r)
{
	uint8_t buf[NBNS_MAX];
	struct nb_name name;
	size_t len = 0;

	if (!nb_name_parse(r->name, &name)) {
		abort();
	}
	len = nbns_encode_request(
		buf, sizeof(buf), r->kind, r->trn_id,
		r->operation ? r->operation : usual_operation(r->kind), &name,
		r->kind == NBNS_RELEASE ? 0 : (r->ttl ? r->ttl : 300000),
		r->nb_flags, r->addr ? r->addr : r->from);
	sim_datagram(server, r->from, (uint16_t)(1000 + r->trn_id % 1000), buf,
		     len);
}

/* ---- replicas ---- */

static void settled_durable(void *arg, int error)
{
	struct sim_settled *settled = arg;

	*(error == 0 ? &settled->durable : &settled->undone) += 1;
}

/* Within a turn, so what is asked for here becomes durable by itself. */
static void replica_settled(void *arg, int error)
{
	struct sim_settled *settled = arg;

	settled->calls++;
	settled->error = error;
	if (!serve_when_durable(settled->server->serve, settled_durable,
				settled)) {
		abort();
	}
}

void sim_replica(struct sim_server *server, const struct sim_replica *replica,
		 struct sim_settled *settled)
{
	static uint64_t last;
	uint32_t owner = replica->owner ? replica->owner : SIM_OTHER;
	struct nb_record rec = {
		.type = replica->type,
		.state = replica->state,
		.is_static = replica->is_static,
		.owner = owner,
		.version = replica->version ? replica->version : ++last,
		.count = (uint8_t)replica->count,
	};
	struct nb_event event = {
		.kind = NB_EV_REPLICA,
		.record = &rec,
		.no_demand = replica->no_demand,
	};

	if (!nb_name_parse(replica->name, &rec.name)) {
		abort();
	}
	event.name = rec.name;
	for (unsigned int i = 0; i < replica->count; i++) {
		rec.member[i].ip = replica->addr[i];
		rec.member[i].owner = replica->of[i] ? replica->of[i] : owner;
	}
	*settled = (struct sim_settled){
		.server = server,
		.version = rec.version,
	};
	serve_turn_begin(server->serve);
	settled->error = serve_replica(server->serve, &event, replica_settled,
				       settled, &settled->pending,
				       &settled->changed);
	/* it was borrowed for the call */
	memset(&rec, 0xee, sizeof(rec));
	serve_turn_end(server->serve);
}

const struct sim_reply *sim_take(struct sim_server *server, uint16_t trn_id)
{
	static struct sim_reply taken;
	struct sim_reply **at = &server->first;
	struct sim_reply *before = NULL;

	while (*at != NULL && (*at)->msg.trn_id != trn_id) {
		before = *at;
		at = &(*at)->next;
	}
	if (*at == NULL) {
		return NULL;
	}
	taken = **at;
	if (server->last == *at) {
		server->last = before;
	}
	talloc_free(*at);
	*at = taken.next;
	/* pointers into the datagram follow it */
	nbns_decode(taken.data, taken.len, &taken.msg);
	return &taken;
}

unsigned int sim_replies(const struct sim_server *server)
{
	unsigned int count = 0;

	for (const struct sim_reply *r = server->first; r != NULL;
	     r = r->next) {
		count++;
	}
	return count;
}

void sim_forget(struct sim_server *server)
{
	while (server->first != NULL) {
		struct sim_reply *next = server->first->next;

		talloc_free(server->first);
		server->first = next;
	}
	server->last = NULL;
}

uint64_t sim_stat(const struct sim_server *server, const char *name)
{
	const char *text = NULL;
	uint64_t value = 0;

	for (unsigned int i = 0; serve_stat_at(server->serve, i, &text, &value);
	     i++) {
		if (strcmp(text, name) == 0) {
			return value;
		}
	}
	fprintf(stderr, "no counter %s\n", name);
	abort();
}

bool sim_record(const struct sim_server *server, const char *text,
		struct nb_record *rec)
{
	struct nb_name name;

	return nb_name_parse(text, &name) &&
	       store_get(server->store, &name, rec);
}

static void put_done(void *arg, int error)
{
	(void)arg;
	if (error != 0) {
		abort();
	}
}

void sim_put(struct sim_server *server, const struct nb_record *rec)
{
	struct nb_record copy = *rec;

	store_begin(server->store);
	if (store_put(server->store, &copy, false) != 0) {
		abort();
	}
	store_commit(server->store, put_done, NULL);
}
