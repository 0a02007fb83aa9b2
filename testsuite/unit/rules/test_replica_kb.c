/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What went wrong in the field, by the number of its article, played on the
 * rules alone: a few servers of one record each that pull from one another, in
 * a chain where nothing else is said, as protocol.md 4 has it (active and
 * buried records above the mark of each owner, and nothing twice).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/ruleserver.h"

#define SERVERS	5
#define OWNER(i) (0x0a090901u + (uint32_t)(i))
#define HOST(i) (0x0a000001u + (uint32_t)(i))
#define DAY	86400

static struct ruleserver at[SERVERS];
static uint64_t mark[SERVERS][SERVERS];	/* of the second at the first */
static bool linked[SERVERS][SERVERS];	/* the first pulls from the second */
static unsigned int servers;

/* A chain, unless it is said otherwise. */
static void start(unsigned int count)
{
	servers = count;
	memset(mark, 0, sizeof(mark));
	memset(linked, 0, sizeof(linked));
	for (unsigned int i = 0; i < count; i++) {
		ruleserver_init(&at[i], OWNER(i));
		if (i > 0) {
			linked[i - 1][i] = true;
			linked[i][i - 1] = true;
		}
		at[i].now = 100 * (int64_t)DAY;
	}
}

static void wait_for(int64_t seconds)
{
	for (unsigned int i = 0; i < servers; i++) {
		at[i].now += seconds;
	}
}

/* ---- clients and the clock ---- */

static void client(unsigned int server, uint8_t kind, const char *name,
		   uint8_t suffix, uint32_t ip)
{
	struct nb_event event = {
		.kind = kind,
		.group = suffix == 0x1c,
		.name = nb_name_make(name, strlen(name), suffix),
		.addr = ip,
		.source = ip,
		.ttl = 3 * DAY,
	};

	ruleserver_event(&at[server], &event);
}

static void join(unsigned int server, uint32_t ip)
{
	client(server, NB_EV_REGISTER, "DOMAIN", 0x1c, ip);
	assert_int_equal(at[server].verdict.reply.rcode, NB_RCODE_OK);
}

static void scavenge(unsigned int server)
{
	struct nb_event event = {
		.kind = NB_EV_DUE,
		.name = at[server].record.name,
	};

	if (at[server].exists && at[server].record.expires <= at[server].now) {
		ruleserver_event(&at[server], &event);
	}
}

/* ---- replication ---- */

/* Who pulls, from whom; true if something came. */
static bool pull(unsigned int to, unsigned int from)
{
	struct nb_record told;
	unsigned int owner = 0;

	if (!ruleserver_tell(&at[from], &told)) {
		return false;
	}
	owner = told.owner - OWNER(0);
	if (owner == to || told.version <= mark[to][owner]) {
		return false;
	}
	mark[to][owner] = told.version;
	ruleserver_replica(&at[to], NB_EV_REPLICA, &told, NULL);
	return true;
}

/* All pull from all they are linked to; true if anything came. */
static bool replicate_once(void)
{
	bool any = false;

	for (unsigned int to = 0; to < servers; to++) {
		for (unsigned int from = 0; from < servers; from++) {
			any |= linked[to][from] && pull(to, from);
		}
	}
	return any;
}

/* Until nothing comes any more; how many rounds that took. */
static unsigned int replicate(void)
{
	unsigned int rounds = 0;

	while (replicate_once()) {
		if (++rounds > 4 * SERVERS) {
			fail_msg("it goes round and round");
		}
	}
	return rounds;
}

static bool has(unsigned int server, uint32_t ip)
{
	struct nb_record told;

	return ruleserver_tell(&at[server], &told) &&
	       told.state == NB_ACTIVE && nb_record_find(&told, ip) >= 0;
}

static void all_have(unsigned int hosts)
{
	for (unsigned int i = 0; i < servers; i++) {
		for (unsigned int h = 0; h < hosts; h++) {
			if (!has(i, HOST(h))) {
				fail_msg("server %u lacks host %u", i, h);
			}
		}
		assert_int_equal(at[i].record.count, hosts);
	}
}

/* ---- the articles ---- */

/*
 * Q168076: in a chain, the union of two lists could not be told on, as its
 * version was another's. Who makes a superset takes it over, so it is told.
 */
static void q168076_chains(void **state)
{
	(void)state;
	for (unsigned int count = 2; count <= SERVERS; count++) {
		start(count);
		for (unsigned int i = 0; i < count; i++) {
			join(i, HOST(i));
		}
		assert_true(replicate() <= 2 * count);
		all_have(count);
		/* and one more, in the middle */
		join(count / 2, HOST(count));
		assert_true(replicate() <= 2 * count);
		all_have(count + 1);
	}
}

/* The same where the ends know only foreign lists: a hub without members. */
static void q168076_hub_without_members(void **state)
{
	(void)state;
	start(3);
	join(0, HOST(0));
	join(2, HOST(1));
	replicate();
	all_have(2);
}

/*
 * Q140978: a member was added and the version not raised, so partners never
 * heard of it; by a client, and by a merge of two foreign lists.
 */
static void q140978_versions(void **state)
{
	uint64_t before = 0;

	(void)state;
	start(3);
	join(0, HOST(0));
	before = at[0].record.version;
	join(0, HOST(1));
	assert_true(at[0].record.version > before);

	join(2, HOST(2));
	pull(1, 0);
	assert_int_equal(at[1].record.owner, OWNER(0));
	pull(1, 2);
	assert_int_equal(at[1].record.count, 3);
	assert_int_equal(at[1].record.owner, NB_SELF);
	assert_true(at[1].verdict.new_version);
	/* nothing new: nothing is told anew */
	before = at[1].counter;
	replicate();
	replicate_once();
	assert_true(at[1].counter <= before + 1);
	all_have(3);
}

/* A plain refresh is nobody's business (2.7, Q153938). */
static void q140978_refresh_is_silent(void **state)
{
	(void)state;
	start(3);
	join(0, HOST(0));
	join(2, HOST(1));
	replicate();
	wait_for(DAY);
	join(0, HOST(0));
	join(2, HOST(1));
	assert_int_equal(replicate(), 0);
}

static struct nb_record replica(unsigned int owner, uint8_t type,
				uint8_t state, uint8_t suffix)
{
	return (struct nb_record){
		.name = nb_name_make("DOMAIN", 6, suffix),
		.type = type,
		.state = state,
		.owner = OWNER(owner),
		.version = 5000,
	};
}

static void come(unsigned int server, struct nb_record *rec)
{
	rec->version++;
	ruleserver_replica(&at[server], NB_EV_REPLICA, rec, NULL);
}

/*
 * Q190506: an active internet group without living members, and a released
 * replica, stopped replication; a merge made times infinite. They are taken
 * and replaced, and what is merged lives for a verify interval.
 */
static void q190506_odd_states(void **state)
{
	struct nb_record odd = replica(1, NB_SGROUP, NB_ACTIVE, 0x1c);
	struct nb_record sane = replica(2, NB_SGROUP, NB_ACTIVE, 0x1c);
	struct nb_record more = replica(3, NB_SGROUP, NB_ACTIVE, 0x1c);
	int64_t now = 0;

	(void)state;
	start(1);
	now = at[0].now;
	come(0, &odd);
	assert_int_equal(at[0].record.state, NB_RELEASED);
	sane.count = 1;
	sane.member[0] = (struct nb_member){ HOST(0), OWNER(2), NB_NEVER };
	come(0, &sane);
	assert_true(has(0, HOST(0)));
	assert_int_equal(at[0].record.expires, now + 24 * DAY);

	odd.state = NB_RELEASED;
	start(1);
	come(0, &odd);
	come(0, &sane);
	assert_true(has(0, HOST(0)));

	wait_for(DAY);
	more.count = 1;
	more.member[0] = (struct nb_member){ HOST(1), OWNER(3), NB_NEVER };
	come(0, &more);
	assert_int_equal(at[0].record.count, 2);
	assert_int_equal(at[0].record.expires, now + 25 * DAY);
	for (int i = 0; i < 2; i++) {
		assert_true(at[0].record.member[i].expires <= now + 25 * DAY);
		assert_true(at[0].record.member[i].expires >= now + 24 * DAY);
	}
}

/*
 * Q216585: a list whose owner has no living member of its own expired there
 * and vanished everywhere, with the living members of others.
 */
static void q216585_members_of_others_live(void **state)
{
	(void)state;
	start(2);
	join(0, HOST(0));
	join(1, HOST(1));
	replicate();
	/* host 0 is gone; host 1 refreshes where it registered */
	for (int day = 0; day < 30; day++) {
		wait_for(DAY);
		join(1, HOST(1));
		for (unsigned int i = 0; i < servers; i++) {
			scavenge(i);
		}
		replicate();
		for (unsigned int i = 0; i < servers; i++) {
			assert_true(has(i, HOST(1)));
		}
	}
	for (unsigned int i = 0; i < servers; i++) {
		assert_false(has(i, HOST(0)));
	}
}

/* And when nobody is left, the end is told: who buries a list owns it. */
static void q216585_the_end_is_told(void **state)
{
	struct nb_record told;

	(void)state;
	start(3);
	join(0, HOST(0));
	replicate();
	assert_true(has(2, HOST(0)));
	for (int day = 0; day < 12; day++) {
		wait_for(DAY);
		scavenge(0);
	}
	assert_int_equal(at[0].record.state, NB_TOMBSTONE);
	replicate();
	assert_true(ruleserver_tell(&at[2], &told));
	assert_int_equal(told.state, NB_TOMBSTONE);
	assert_int_equal(told.owner, OWNER(0));
}

/*
 * Q140978 once more: at a server whose other members refresh, the list never
 * comes due; who has expired is told with the next refresh of another.
 */
static void q140978_who_expired_is_told(void **state)
{
	(void)state;
	start(2);
	join(0, HOST(0));
	join(0, HOST(1));
	replicate();
	all_have(2);
	for (int day = 0; day < 5; day++) {
		wait_for(DAY);
		join(0, HOST(1));
		replicate();
	}
	for (unsigned int i = 0; i < 2; i++) {
		assert_false(has(i, HOST(0)));
		assert_true(has(i, HOST(1)));
	}
}

/* A member of ours lives by what it says here, not by a partner's echo. */
static void an_echo_adds_no_life(void **state)
{
	int64_t until = 0;

	(void)state;
	start(2);
	join(0, HOST(0));
	join(1, HOST(1));
	replicate();
	until = at[0].now + 3 * DAY;
	wait_for(DAY);
	join(1, HOST(2));
	replicate();
	assert_int_equal(at[0].record.count, 3);
	for (int m = 0; m < 3; m++) {
		if (at[0].record.member[m].owner == NB_SELF) {
			assert_int_equal(at[0].record.member[m].expires, until);
		}
	}
	assert_int_equal(at[0].record.expires, until);
}

/* ---- any topology, any order ---- */

static uint64_t dice;

static unsigned int chance(unsigned int below)
{
	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned int)(dice >> 33) % below;
}

/* A random tree, or everybody with everybody; perhaps a ring. */
static void link_at_random(void)
{
	bool mesh = chance(4) == 0;

	start(2 + chance(SERVERS - 1));
	memset(linked, 0, sizeof(linked));
	for (unsigned int i = 1; i < servers; i++) {
		unsigned int to = chance(i);

		for (unsigned int k = 0; k < i; k++) {
			linked[i][k] = mesh || k == to;
			linked[k][i] = linked[i][k];
		}
	}
	if (chance(4) == 0) {
		linked[0][servers - 1] = true;
		linked[servers - 1][0] = true;
	}
}

struct host {
	unsigned int home;
	bool dead;
};

/* A day: hosts refresh or die, servers scavenge, pulls in any order. */
static void one_day(struct host *host, unsigned int hosts, bool deadly)
{
	wait_for(DAY);
	for (unsigned int h = 0; h < hosts; h++) {
		host[h].dead |= deadly && chance(40) == 0;
		if (!host[h].dead) {
			join(host[h].home, HOST(h));
		}
	}
	for (unsigned int i = 0; i < servers; i++) {
		scavenge(i);
	}
	for (unsigned int i = 0; i < 20; i++) {
		unsigned int to = chance(servers);
		unsigned int from = chance(servers);

		if (linked[to][from]) {
			pull(to, from);
		}
	}
	replicate();		/* fails if it goes round and round */
}

static void living_are_everywhere(const struct host *host, unsigned int hosts)
{
	for (unsigned int i = 0; i < servers; i++) {
		for (unsigned int h = 0; h < hosts; h++) {
			if (!host[h].dead && !has(i, HOST(h))) {
				fail_msg("server %u lacks host %u", i, h);
			}
		}
	}
}

/*
 * No living member is missing for longer than it takes to replicate, and
 * versions come to rest, whatever the links; while nobody dies all servers
 * hold the same members. (A dead one can outlive its own server's word in a
 * chain: the far end holds it at second hand, and 5.4 step 2 keeps what the
 * teller does not own.)
 */
static void any_topology_agrees(void **state)
{
	(void)state;
	for (dice = 1; dice < 400; dice++) {
		uint64_t seed = dice;
		struct host host[8] = { { 0 } };
		unsigned int hosts = 0;

		link_at_random();
		hosts = 2 + chance(7);
		for (unsigned int h = 0; h < hosts; h++) {
			host[h].home = chance(servers);
		}
		for (int day = 0; day < 10; day++) {
			one_day(host, hosts, false);
			all_have(hosts);
		}
		for (int day = 0; day < 40; day++) {
			one_day(host, hosts, true);
			living_are_everywhere(host, hosts);
		}
		dice = seed;
	}
}

/*
 * Q135277: a multihomed host with new addresses registers at another server;
 * the third server, which has the old replica, takes the newer one.
 */
static void q135277_newest_multihomed(void **state)
{
	struct nb_record old = replica(1, NB_MHOMED, NB_ACTIVE, 0x20);
	struct nb_record new = replica(2, NB_MHOMED, NB_ACTIVE, 0x20);

	(void)state;
	start(1);
	old.count = 2;
	old.member[0] = (struct nb_member){ HOST(0), OWNER(1), 0 };
	old.member[1] = (struct nb_member){ HOST(1), OWNER(1), 0 };
	new.count = 2;
	new.member[0] = (struct nb_member){ HOST(2), OWNER(2), 0 };
	new.member[1] = (struct nb_member){ HOST(3), OWNER(2), 0 };
	come(0, &old);
	come(0, &new);
	assert_int_equal(at[0].record.owner, OWNER(2));
	assert_true(has(0, HOST(2)) && has(0, HOST(3)));
	assert_false(has(0, HOST(0)) || has(0, HOST(1)));
	/* whoever owns it: and back again, of a lower version */
	new = old;
	new.version = 3;
	come(0, &new);
	assert_int_equal(at[0].record.owner, OWNER(1));
	assert_true(has(0, HOST(0)));
}

/* ---- statics ---- */

static void add_static(unsigned int server, uint8_t type, uint8_t suffix,
		       uint32_t ip)
{
	struct nb_record rec = replica(0, type, NB_ACTIVE, suffix);
	struct nb_event event = {
		.kind = NB_EV_ADD,
		.name = rec.name,
		.record = &rec,
	};

	rec.is_static = true;
	rec.count = 1;
	rec.member[0].ip = ip;
	ruleserver_event(&at[server], &event);
	assert_int_equal(at[server].verdict.store, NB_STORE_PUT);
}

/* Q219295, Q171794: a static 1C is never merged nor replaced by a dynamic. */
static void q219295_static_1c(void **state)
{
	(void)state;
	start(3);
	add_static(0, NB_SGROUP, 0x1c, HOST(0));
	join(2, HOST(1));
	at[0].policy.migrate_on = true;
	replicate();
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(at[i].record.is_static);
		assert_int_equal(at[i].record.count, 1);
		assert_true(has(i, HOST(0)));
	}
	/* nor for a moment: a merge would have taken a version */
	assert_int_equal(at[1].counter, 100);
}

/*
 * 5.2 #2 does not go round for ever: one version of the static for each that
 * a host could make elsewhere, and none where it cannot.
 */
static void a_static_is_not_told_without_end(void **state)
{
	uint64_t before = 0;

	(void)state;
	start(2);
	client(1, NB_EV_REGISTER, "DOMAIN", 0x00, HOST(1));
	add_static(0, NB_UNIQUE, 0x00, HOST(0));
	before = at[0].counter;
	replicate();
	assert_true(at[1].record.is_static);
	assert_true(at[0].counter <= before + 1);

	/* MigrateOn over there: the host comes in again, now and then */
	at[1].policy.migrate_on = true;
	for (unsigned int i = 0; i < 10; i++) {
		wait_for(DAY);
		before = at[0].counter;
		client(1, NB_EV_REGISTER, "DOMAIN", 0x00, HOST(1));
		if (at[1].verdict.challenge) {
			client(1, NB_EV_CHALLENGE_LOST, "DOMAIN", 0x00,
			       HOST(1));
		}
		assert_false(at[1].record.is_static);
		replicate();
		assert_true(at[1].record.is_static);
		assert_true(at[0].counter <= before + 1);
	}
}

/* ---- what must not come in, and who is not told ---- */

static void ms09_008_blocked_names(void **state)
{
	static const char *const names[] = { "WPAD", "wpad", "ISATAP" };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct nb_record rec = replica(1, NB_UNIQUE, NB_ACTIVE, 0x20);

		start(1);
		rec.name = nb_name_make(names[i], strlen(names[i]),
					(uint8_t)(0x20 * i));
		nb_name_set_scope(&rec.name, "x.y", 3);
		rec.count = 1;
		rec.member[0] = (struct nb_member){ HOST(0), OWNER(1), 0 };
		come(0, &rec);
		assert_false(at[0].exists);
		/* an administrator's word comes in, and its end */
		rec.is_static = true;
		come(0, &rec);
		assert_true(has(0, HOST(0)));
		rec.is_static = false;
		come(0, &rec);
		assert_true(at[0].record.is_static);
		rec.state = NB_TOMBSTONE;
		come(0, &rec);
		assert_false(has(0, HOST(0)));
	}
}

/* Q314696: no demand to a host for a group that it is in itself. */
static void q314696_no_demand_to_members(void **state)
{
	struct nb_record group = replica(1, NB_SGROUP, NB_ACTIVE, 0x20);

	(void)state;
	start(1);
	client(0, NB_EV_REGISTER, "DOMAIN", 0x20, HOST(0));
	at[0].record.type = NB_MHOMED;
	at[0].record.count = 2;
	at[0].record.member[1] = at[0].record.member[0];
	at[0].record.member[1].ip = HOST(1);
	group.count = 2;
	group.member[0] = (struct nb_member){ HOST(1), OWNER(1), 0 };
	group.member[1] = (struct nb_member){ HOST(2), OWNER(1), 0 };
	come(0, &group);
	assert_int_equal(at[0].record.type, NB_SGROUP);
	assert_int_equal(at[0].verdict.demands, 1);
	assert_int_equal(at[0].verdict.demand[0], HOST(0));
}

/* A holder answers what it likes; demands go to hosts, and once. */
static void a_liar_sends_no_demands(void **state)
{
	struct nb_record rec = replica(1, NB_UNIQUE, NB_ACTIVE, 0x20);
	struct nb_event held = {
		.answers = 6,
		.answer = { HOST(1), NB_BROADCAST, 0, 0xe0000118u, HOST(1),
			    HOST(2) },
	};

	(void)state;
	start(1);
	client(0, NB_EV_REGISTER, "DOMAIN", 0x20, HOST(0));
	rec.count = 1;
	rec.member[0] = (struct nb_member){ HOST(1), OWNER(1), 0 };
	come(0, &rec);
	assert_true(at[0].verdict.challenge);
	ruleserver_replica(&at[0], NB_EV_REPLICA_HELD, &rec, &held);
	assert_int_equal(at[0].verdict.store, NB_STORE_NOTHING);
	assert_int_equal(at[0].verdict.demands, 2);
	assert_int_equal(at[0].verdict.demand[0], HOST(1));
	assert_int_equal(at[0].verdict.demand[1], HOST(2));
}

/* A challenge that has lost its reason meanwhile is no challenge (5.6). */
static void expired_while_it_was_asked(void **state)
{
	struct nb_record rec = replica(1, NB_UNIQUE, NB_ACTIVE, 0x20);
	struct nb_event held = { .answers = 1, .answer = { HOST(0) } };

	(void)state;
	start(1);
	client(0, NB_EV_REGISTER, "DOMAIN", 0x20, HOST(0));
	rec.count = 1;
	rec.member[0] = (struct nb_member){ HOST(1), OWNER(1), 0 };
	wait_for(3 * DAY - 1);
	come(0, &rec);
	assert_true(at[0].verdict.challenge);
	wait_for(1);
	ruleserver_replica(&at[0], NB_EV_REPLICA_HELD, &rec, &held);
	assert_true(has(0, HOST(1)));
	assert_int_equal(at[0].record.owner, OWNER(1));
}

/* 2.1, 5.4: 25 and no more; precedence evicts, but never one of ours. */
static void a_full_group(void **state)
{
	struct nb_record theirs = replica(1, NB_SGROUP, NB_ACTIVE, 0x1c);
	struct nb_record more = replica(2, NB_SGROUP, NB_ACTIVE, 0x1c);
	struct nb_event high = { .high_precedence = true };

	(void)state;
	start(1);
	for (unsigned int i = 0; i < 20; i++) {
		join(0, HOST(i));
	}
	for (uint8_t i = 0; i < 5; i++) {
		theirs.member[i] = (struct nb_member){ HOST(100 + i),
						       OWNER(1), 0 };
	}
	theirs.count = 5;
	come(0, &theirs);
	assert_int_equal(at[0].record.count, 25);
	for (uint8_t i = 0; i < 7; i++) {
		more.member[i] = (struct nb_member){ HOST(200 + i), OWNER(2),
						     0 };
	}
	more.count = 7;
	wait_for(10);
	come(0, &more);
	assert_int_equal(at[0].record.count, 25);
	assert_false(has(0, HOST(200)));

	ruleserver_replica(&at[0], NB_EV_REPLICA, &more, &high);
	assert_int_equal(at[0].record.count, 25);
	for (unsigned int i = 0; i < 20; i++) {
		assert_true(has(0, HOST(i)));
	}
	for (unsigned int i = 0; i < 7; i++) {
		assert_int_equal(has(0, HOST(200 + i)), i < 5);
	}
}

/* Whatever a partner puts into a record, what is stored is sound. */
static void hostile_records(void **state)
{
	static const uint8_t counts[] = { 0, 1, 2, 25 };

	(void)state;
	for (unsigned int i = 0; i < 4 * 3 * 4 * 2 * 4; i++) {
		struct nb_record rec = replica(1, i % 4, i / 4 % 3, 0x1c);

		start(1);
		if (i / 96 % 2 != 0) {
			join(0, HOST(0));
		}
		rec.is_static = i / 192 % 2 != 0;
		rec.count = counts[i / 12 % 4];
		for (int m = 0; m < rec.count; m++) {
			/* each address twice, of two owners */
			rec.member[m].ip = HOST(m / 2);
			rec.member[m].owner = OWNER(m % 2);
		}
		come(0, &rec);	/* aborts on a broken record */
		come(0, &rec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(q168076_chains),
		cmocka_unit_test(q168076_hub_without_members),
		cmocka_unit_test(q140978_versions),
		cmocka_unit_test(q140978_refresh_is_silent),
		cmocka_unit_test(q190506_odd_states),
		cmocka_unit_test(q216585_members_of_others_live),
		cmocka_unit_test(q216585_the_end_is_told),
		cmocka_unit_test(q140978_who_expired_is_told),
		cmocka_unit_test(an_echo_adds_no_life),
		cmocka_unit_test(any_topology_agrees),
		cmocka_unit_test(q135277_newest_multihomed),
		cmocka_unit_test(q219295_static_1c),
		cmocka_unit_test(a_static_is_not_told_without_end),
		cmocka_unit_test(ms09_008_blocked_names),
		cmocka_unit_test(q314696_no_demand_to_members),
		cmocka_unit_test(a_liar_sends_no_demands),
		cmocka_unit_test(expired_while_it_was_asked),
		cmocka_unit_test(a_full_group),
		cmocka_unit_test(hostile_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
