/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replicas against active records of ours, on the whole server with hosts that
 * answer: protocol.md 5.7, "owned, part 2", case by case, and what leaves the
 * server meanwhile.
 */

#include "scene.h"

/* The words of 5.7. */
#define BEST SIM_HOST(1)
#define BEST2 SIM_HOST(2)
#define BEST3 SIM_HOST(3)
#define A(n) (0x0a094100u + (n))	/* 10.9.65.n */
#define B(n) (0x0a094200u + (n))	/* 10.9.66.n */

enum kind {		/* how the host registers */
	U, G, S, M,
	MHOMED,		/* both addresses, confirmed by the host itself */
	S2,		/* two members of a special group */
};

enum defence {
	UNASKED,	/* "U" and "R": no query may reach the host */
	POSITIVE,	/* "P": its registered addresses */
	P_BEST, P_BEST2, P_ALL,
	OTHERS,		/* "O": A_3, A_4 */
	NEGATIVE,	/* "N" */
};

enum result {
	NOT,		/* "n": ours stands as it was */
	ANEW,		/* "n": ours stands with a new version, PROPAGATE */
	YES,		/* "Y": the replica stands */
	MERGED,		/* MHOMED MERGE: the replica's, with our addresses */
	OURS,		/* SG-MERGE, owner C */
};

struct owned {
	const char *name;
	enum kind registered;
	uint8_t type, state;
	unsigned int count;
	uint32_t addr[3];
	enum defence defence;
	enum result result;
	unsigned int demands;		/* hosts that are told to release */
};

#define ONE(a) 1, { a }
#define B34 2, { B(3), B(4) }
#define BOTH 2, { BEST, BEST2 }
#define EVERY 3, { BEST, BEST2, BEST3 }
#define A_ NB_ACTIVE
#define T_ NB_TOMBSTONE

/*
 * 5.3b says where a record is only kept and where it is told anew. Demands: a
 * host that is in the group itself is told nothing (Q314696); the test of
 * 5.7 bears that.
 */
static const struct owned cases[] = {
	{ "_UA_UA_SI_U", U, NB_UNIQUE, A_, ONE(BEST), UNASKED, YES, 0 },
	{ "_UA_UA_DI_P", U, NB_UNIQUE, A_, ONE(B(1)), POSITIVE, NOT, 0 },
	{ "_UA_UA_DI_O", U, NB_UNIQUE, A_, ONE(B(1)), OTHERS, NOT, 0 },
	{ "_UA_UA_DI_N", U, NB_UNIQUE, A_, ONE(B(1)), NEGATIVE, YES, 0 },
	{ "_UA_UT_SI_U", U, NB_UNIQUE, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_UA_UT_DI_U", U, NB_UNIQUE, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_UA_GA_SI_R", U, NB_GROUP, A_, ONE(BEST), UNASKED, YES, 0 },
	{ "_UA_GA_DI_R", U, NB_GROUP, A_, ONE(B(1)), UNASKED, YES, 1 },
	{ "_UA_GT_SI_U", U, NB_GROUP, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_UA_GT_DI_U", U, NB_GROUP, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_UA_SA_SI_R", U, NB_SGROUP, A_, ONE(BEST), UNASKED, YES, 0 },
	{ "_UA_SA_DI_R", U, NB_SGROUP, A_, ONE(B(1)), UNASKED, YES, 1 },
	{ "_UA_ST_SI_U", U, NB_SGROUP, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_UA_ST_DI_U", U, NB_SGROUP, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_UA_MA_SI_U", U, NB_MHOMED, A_, ONE(BEST), UNASKED, YES, 0 },
	{ "_UA_MA_SP_U", U, NB_MHOMED, A_, EVERY, UNASKED, YES, 0 },
	{ "_UA_MA_DI_P", U, NB_MHOMED, A_, B34, POSITIVE, NOT, 0 },
	{ "_UA_MA_DI_O", U, NB_MHOMED, A_, B34, OTHERS, NOT, 0 },
	{ "_UA_MA_DI_N", U, NB_MHOMED, A_, B34, NEGATIVE, YES, 0 },
	{ "_UA_MT_SI_U", U, NB_MHOMED, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_UA_MT_DI_U", U, NB_MHOMED, T_, B34, UNASKED, ANEW, 0 },
	{ "_GA_UA_SI_U", G, NB_UNIQUE, A_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_GA_UA_DI_U", G, NB_UNIQUE, A_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_GA_UT_SI_U", G, NB_UNIQUE, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_GA_UT_DI_U", G, NB_UNIQUE, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_GA_GA_SI_U", G, NB_GROUP, A_, ONE(BEST), UNASKED, YES, 0 },
	{ "_GA_GA_DI_U", G, NB_GROUP, A_, ONE(B(1)), UNASKED, YES, 0 },
	{ "_GA_GT_SI_U", G, NB_GROUP, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_GA_GT_DI_U", G, NB_GROUP, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_GA_SA_SI_U", G, NB_SGROUP, A_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_GA_SA_DI_U", G, NB_SGROUP, A_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_GA_ST_SI_U", G, NB_SGROUP, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_GA_ST_DI_U", G, NB_SGROUP, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_GA_MA_SI_U", G, NB_MHOMED, A_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_GA_MA_DI_U", G, NB_MHOMED, A_, B34, UNASKED, ANEW, 0 },
	{ "_GA_MT_SI_U", G, NB_MHOMED, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_GA_MT_DI_U", G, NB_MHOMED, T_, B34, UNASKED, ANEW, 0 },
	{ "_SA_UA_SI_U", S, NB_UNIQUE, A_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_SA_UA_DI_U", S, NB_UNIQUE, A_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_SA_UT_SI_U", S, NB_UNIQUE, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_SA_UT_DI_U", S, NB_UNIQUE, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_SA_GA_SI_U", S, NB_GROUP, A_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_SA_GA_DI_U", S, NB_GROUP, A_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_SA_GT_SI_U", S, NB_GROUP, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_SA_GT_DI_U", S, NB_GROUP, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_SA_MA_SI_U", S, NB_MHOMED, A_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_SA_MA_DI_U", S, NB_MHOMED, A_, B34, UNASKED, ANEW, 0 },
	{ "_SA_MT_SI_U", S, NB_MHOMED, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_SA_MT_DI_U", S, NB_MHOMED, T_, B34, UNASKED, ANEW, 0 },
	{ "_MA_UA_SI_U", M, NB_UNIQUE, A_, ONE(BEST), UNASKED, YES, 0 },
	{ "_MA_UA_DI_P", M, NB_UNIQUE, A_, ONE(B(1)), POSITIVE, NOT, 0 },
	{ "_MA_UA_DI_O", M, NB_UNIQUE, A_, ONE(B(1)), OTHERS, NOT, 0 },
	{ "_MA_UA_DI_N", M, NB_UNIQUE, A_, ONE(B(1)), NEGATIVE, YES, 0 },
	{ "_MA_UT_SI_U", M, NB_UNIQUE, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_MA_UT_DI_U", M, NB_UNIQUE, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_MA_GA_SI_R", M, NB_GROUP, A_, ONE(BEST), UNASKED, YES, 0 },
	{ "_MA_GA_DI_R", M, NB_GROUP, A_, ONE(B(1)), UNASKED, YES, 1 },
	{ "_MA_GT_SI_U", M, NB_GROUP, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_MA_GT_DI_U", M, NB_GROUP, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_MA_SA_SI_R", M, NB_SGROUP, A_, ONE(BEST), UNASKED, YES, 0 },
	{ "_MA_SA_DI_R", M, NB_SGROUP, A_, ONE(B(1)), UNASKED, YES, 1 },
	{ "_MA_ST_SI_U", M, NB_SGROUP, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_MA_ST_DI_U", M, NB_SGROUP, T_, ONE(B(1)), UNASKED, ANEW, 0 },
	{ "_MA_MA_SI_U", M, NB_MHOMED, A_, ONE(BEST), UNASKED, YES, 0 },
	{ "_MA_MA_SP_U", M, NB_MHOMED, A_, EVERY, UNASKED, YES, 0 },
	{ "_MA_MA_DI_P", M, NB_MHOMED, A_, B34, POSITIVE, NOT, 0 },
	{ "_MA_MA_DI_O", M, NB_MHOMED, A_, B34, OTHERS, NOT, 0 },
	{ "_MA_MA_DI_N", M, NB_MHOMED, A_, B34, NEGATIVE, YES, 0 },
	{ "_MA_MT_SI_U", M, NB_MHOMED, T_, ONE(BEST), UNASKED, ANEW, 0 },
	{ "_MA_MT_DI_U", M, NB_MHOMED, T_, B34, UNASKED, ANEW, 0 },
	{ "_MA_MA_SP2_U", MHOMED, NB_MHOMED, A_, EVERY, UNASKED, YES, 0 },
	{ "_MA_MA_SM_U", MHOMED, NB_MHOMED, A_, BOTH, UNASKED, YES, 0 },
	{ "_MA_MA_SB_P", MHOMED, NB_MHOMED, A_, ONE(BEST), POSITIVE, MERGED,
	  0 },
	{ "_MA_MA_SB_A", MHOMED, NB_MHOMED, A_, ONE(BEST), P_ALL, MERGED, 0 },
	{ "_MA_MA_SB_PRA", MHOMED, NB_MHOMED, A_, ONE(BEST), P_BEST, NOT, 1 },
	{ "_MA_MA_SB_O", MHOMED, NB_MHOMED, A_, ONE(BEST), OTHERS, NOT, 0 },
	{ "_MA_MA_SB_N", MHOMED, NB_MHOMED, A_, ONE(BEST), NEGATIVE, YES, 0 },
	{ "_MA_UA_SB_P", MHOMED, NB_UNIQUE, A_, ONE(BEST), POSITIVE, MERGED,
	  0 },
	{ "_UA_UA_DI_PRA", U, NB_UNIQUE, A_, ONE(BEST2), P_BEST2, NOT, 1 },
	{ "_UA_UA_DI_A", U, NB_UNIQUE, A_, ONE(BEST2), P_ALL, MERGED, 0 },
	{ "_UA_MA_DI_A", U, NB_MHOMED, A_, ONE(BEST2), P_ALL, MERGED, 0 },
	{ "_SA_SA_DI_U", S2, NB_SGROUP, A_, B34, UNASKED, OURS, 0 },
	{ "_SA_SA_SI_U", S2, NB_SGROUP, A_, BOTH, UNASKED, OURS, 0 },
	{ "_SA_SA_SP_U", S2, NB_SGROUP, A_, EVERY, UNASKED, OURS, 0 },
	{ "_SA_SA_SB_U", S2, NB_SGROUP, A_, ONE(BEST), UNASKED, OURS, 0 },
	{ "_SA_ST_DI_U", S2, NB_SGROUP, T_, B34, UNASKED, ANEW, 0 },
	{ "_SA_ST_SI_U", S2, NB_SGROUP, T_, BOTH, UNASKED, ANEW, 0 },
	{ "_SA_ST_SP_U", S2, NB_SGROUP, T_, EVERY, UNASKED, ANEW, 0 },
	{ "_SA_ST_SB_U", S2, NB_SGROUP, T_, ONE(BEST), UNASKED, ANEW, 0 },
};

static const char *name_of(const struct owned *c)
{
	static char text[NB_NAME_TEXT];
	bool sgroup = c->registered == S || c->registered == S2;

	(void)snprintf(text, sizeof(text), "%s<%s>", c->name,
		       sgroup ? "1c" : "00");
	return text;
}

/* All cards of the one client say the same. */
static void client_says(enum sim_behaviour behaviour, unsigned int count,
			uint32_t first, uint32_t second, uint32_t third)
{
	const uint32_t cards[] = { BEST, BEST2, BEST3 };

	for (unsigned int i = 0; i < 3; i++) {
		struct sim_host *host = sim_host(server, cards[i], behaviour);

		host->count = count;
		host->addr[0] = first;
		host->addr[1] = second;
		host->addr[2] = third;
	}
}

static void client_defends(const struct owned *c)
{
	switch (c->defence) {
	case UNASKED:
	case POSITIVE:
		client_says(SIM_ANSWERS, c->registered == MHOMED ? 2 : 1, BEST,
			    BEST2, 0);
		break;
	case P_BEST:
		client_says(SIM_ANSWERS, 1, BEST, 0, 0);
		break;
	case P_BEST2:
		client_says(SIM_ANSWERS, 1, BEST2, 0, 0);
		break;
	case P_ALL:
		client_says(SIM_ANSWERS, 3, BEST, BEST2, BEST3);
		break;
	case OTHERS:
		client_says(SIM_ANSWERS, 2, A(3), A(4), 0);
		break;
	case NEGATIVE:
		client_says(SIM_DENIES, 0, 0, 0, 0);
		break;
	}
}

static void client_registers(const struct owned *c)
{
	enum kind how = c->registered;
	bool group = how == G || how == S || how == S2;
	enum nbns_kind kind = how == M || how == MHOMED ? NBNS_MREGISTER :
							  NBNS_REGISTER;

	send_kind(kind, 1, name_of(c), BEST, group);
	if (how == MHOMED || how == S2) {
		client_says(SIM_ANSWERS, 2, BEST, BEST2, 0);
		send_kind(kind, 2, name_of(c), BEST2, group);
		sim_advance_seconds(&sim, 1);
	}
	sim_forget(server);
	server->queries = 0;
}

static unsigned int hosts_told(void)
{
	unsigned int told = 0;

	for (unsigned int i = 0; i < server->hosts; i++) {
		told += server->host[i].demanded;
	}
	return told;
}

static void expect_ours_as_it_was(const struct owned *c,
				  const struct nb_record *before,
				  const struct nb_record *now)
{
	assert_int_equal(now->owner, NB_SELF);
	assert_int_equal(now->type, before->type);
	assert_int_equal(now->state, NB_ACTIVE);
	assert_int_equal(now->count, before->count);
	for (int i = 0; i < now->count; i++) {
		assert_int_equal(now->member[i].ip, before->member[i].ip);
		assert_int_equal(now->member[i].expires,
				 before->member[i].expires);
	}
	if (c->result == NOT) {
		assert_int_equal(now->version, before->version);
	} else {
		assert_true(now->version > before->version);
	}
}

static void expect_members_of_replica(const struct owned *c,
				      const struct nb_record *now)
{
	for (unsigned int i = 0; i < c->count; i++) {
		int at = nb_record_find(now, c->addr[i]);

		assert_true(at >= 0);
		assert_int_equal(now->member[at].owner, SIM_OTHER);
	}
}

/* R2's addresses are B's, the others are ours still. */
static void expect_union(const struct owned *c, const struct nb_record *before,
			 const struct nb_record *now)
{
	unsigned int more = 0;

	expect_members_of_replica(c, now);
	for (int i = 0; i < before->count; i++) {
		int at = nb_record_find(now, before->member[i].ip);
		bool theirs = false;

		assert_true(at >= 0);
		for (unsigned int k = 0; k < c->count; k++) {
			theirs |= c->addr[k] == before->member[i].ip;
		}
		more += !theirs;
		assert_int_equal(now->member[at].owner,
				 theirs ? SIM_OTHER : NB_SELF);
	}
	assert_int_equal(now->count, c->count + more);
}

static void expect_result(const struct owned *c,
			  const struct nb_record *before, uint64_t version)
{
	struct nb_record now;

	assert_true(sim_record(server, name_of(c), &now));
	switch (c->result) {
	case NOT:
	case ANEW:
		expect_ours_as_it_was(c, before, &now);
		return;
	case YES:
		assert_int_equal(now.type, c->count > 1 ? NB_MHOMED : c->type);
		assert_int_equal(now.count, c->count);
		expect_members_of_replica(c, &now);
		break;
	case MERGED:
		assert_int_equal(now.type, NB_MHOMED);
		expect_union(c, before, &now);
		break;
	case OURS:
		assert_int_equal(now.type, NB_SGROUP);
		assert_int_equal(now.owner, NB_SELF);
		assert_true(now.version > before->version);
		expect_union(c, before, &now);
		return;
	}
	assert_int_equal(now.owner, SIM_OTHER);
	assert_int_equal(now.version, version);
	assert_int_equal(now.state, NB_ACTIVE);
}

/* "After it B:UT is sent and must be applied." */
static void clean_up(const struct owned *c)
{
	struct sim_replica tombstone = {
		.name = name_of(c),
		.type = NB_UNIQUE,
		.state = NB_TOMBSTONE,
		.count = 1,
		.addr = { B(1) },
	};
	struct sim_settled settled;
	struct nb_record now;

	sim_replica(server, &tombstone, &settled);
	assert_int_equal(settled.error, 0);
	assert_false(settled.pending);
	assert_true(settled.changed);
	assert_true(sim_record(server, name_of(c), &now));
	assert_int_equal(now.state, NB_TOMBSTONE);
	assert_int_equal(now.version, settled.version);
}

static void one_case(const struct owned *c)
{
	struct sim_replica replica = {
		.name = name_of(c),
		.type = c->type,
		.state = c->state,
		.count = c->count,
	};
	bool asked = c->defence != UNASKED;
	struct sim_settled settled;
	struct nb_record before;

	client_registers(c);
	assert_true(sim_record(server, name_of(c), &before));
	client_defends(c);
	memcpy(replica.addr, c->addr, sizeof(c->addr));
	sim_replica(server, &replica, &settled);
	assert_int_equal(settled.error, 0);
	assert_int_equal(settled.pending, asked);
	assert_int_equal(serve_replicas_pending(server->serve), asked);
	if (asked) {
		/* nothing is changed until the answer is there */
		struct nb_record now;

		assert_int_equal(settled.calls, 0);
		assert_true(sim_record(server, name_of(c), &now));
		expect_ours_as_it_was(&(struct owned){ .result = NOT },
				      &before, &now);
	} else {
		assert_int_equal(settled.changed, c->result != NOT);
	}
	sim_advance_seconds(&sim, 1);
	assert_int_equal(settled.calls, asked);
	assert_int_equal(settled.durable, asked);
	assert_int_equal(settled.error, 0);
	expect_result(c, &before, settled.version);
	/* one query at most, and it was answered; the same of demands */
	sim_advance_seconds(&sim, 10);
	assert_int_equal(server->queries, asked);
	assert_int_equal(server->demands, c->demands);
	assert_int_equal(hosts_told(), c->demands);
	assert_int_equal(sim_stat(server, "release-demands-answered"),
			 c->demands);
	assert_int_equal(serve_pending(server->serve), 0);
	/* clients hear nothing of it */
	assert_int_equal(sim_replies(server), 0);
	if (c->result == YES || c->result == MERGED) {
		clean_up(c);
	}
}

static void owned_active(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scene_stop(NULL);
		scene_start(NULL);
		one_case(&cases[i]);
	}
}

/* ---- the numbers ---- */

static void send_replica(const char *name, uint8_t type, uint8_t state_,
			 uint32_t addr, struct sim_settled *settled)
{
	struct sim_replica replica = {
		.name = name,
		.type = type,
		.state = state_,
		.count = 1,
		.addr = { addr },
	};

	sim_replica(server, &replica, settled);
}

static void everything_is_counted(void **state)
{
	struct sim_settled settled;

	(void)state;
	registered(1, "PC<20>", BEST);
	sim_host(server, BEST, SIM_HOLDS);
	send_replica("NEW<20>", NB_UNIQUE, NB_ACTIVE, B(1), &settled);
	send_replica("PC<20>", NB_UNIQUE, NB_TOMBSTONE, B(1), &settled);
	send_replica("PC<20>", NB_UNIQUE, NB_ACTIVE, B(1), &settled);
	sim_advance_seconds(&sim, 1);
	assert_int_equal(sim_stat(server, "replicas"), 3);
	assert_int_equal(sim_stat(server, "replicas-stored"), 1);
	assert_int_equal(sim_stat(server, "replicas-versioned"), 1);
	assert_int_equal(sim_stat(server, "replicas-challenged"), 1);
	assert_int_equal(sim_stat(server, "replicas-refused"), 1);
	assert_int_equal(sim_stat(server, "replicas-failed"), 0);
	assert_int_equal(sim_stat(server, "challenges"), 1);
	assert_int_equal(sim_stat(server, "challenges-held"), 1);
}

/* ---- the log ---- */

static char decided[1024];

static void catch_decision(void *priv, int level, const char *line)
{
	(void)priv;
	if (level == NB_LOG_DEBUG && strncmp(line, "replica ", 8) == 0) {
		(void)snprintf(decided, sizeof(decided), "%s", line);
	}
}

/* Who said it, which version, and the paragraph that decided. */
static void one_line_for_each_decision(void **state)
{
	struct sim_replica replica = {
		.name = "LOG<20>",
		.version = 4711,
		.count = 1,
		.addr = { B(1) },
	};
	struct sim_settled settled;

	(void)state;
	sim.world.log = catch_decision;
	sim_replica(server, &replica, &settled);
	assert_non_null(strstr(decided, "LOG<20>"));
	assert_non_null(strstr(decided, "10.9.9.9"));
	assert_non_null(strstr(decided, "4711"));
	assert_non_null(strstr(decided, "put"));
	assert_non_null(strstr(decided, "[protocol 5.2 #1]"));
}

/* ---- what cannot be carried out ---- */

static void nothing_while_loading(void **state)
{
	struct sim_settled settled;

	(void)state;
	server->loading = true;
	sim_server_off(server);
	sim_server_on(server);
	send_replica("NEW<20>", NB_UNIQUE, NB_ACTIVE, B(1), &settled);
	assert_int_equal(settled.error, EAGAIN);
	assert_false(settled.pending || settled.changed);
	serve_loaded(server->serve);
	send_replica("NEW<20>", NB_UNIQUE, NB_ACTIVE, B(1), &settled);
	assert_int_equal(settled.error, 0);
}

static void explaining_does_nothing(void **state)
{
	struct nb_record rec = {
		.name = nb_name_make("PC", 2, 0x20),
		.owner = SIM_OTHER,
		.version = 5,
		.count = 1,
		.member = { { B(1), SIM_OTHER, 0 } },
	};
	struct nb_event event = {
		.kind = NB_EV_REPLICA,
		.name = rec.name,
		.record = &rec,
	};
	struct nb_verdict verdict;

	(void)state;
	registered(1, "PC<20>", BEST);
	serve_explain(server->serve, &event, &verdict);
	assert_true(verdict.challenge);
	assert_int_equal(serve_pending(server->serve), 0);
	assert_int_equal(sim_stat(server, "replicas"), 0);
}

static void adopted(void *arg, int error, const struct nb_verdict *verdict)
{
	assert_int_equal(error, 0);
	*(int *)arg = verdict->outcome;
}

/* A retired server's record becomes ours, with a version of ours. */
static void an_operator_adopts(void **state)
{
	struct nb_event event = { .kind = NB_EV_ADOPT };
	struct sim_settled settled;
	struct nb_record rec;
	int outcome = -1;

	(void)state;
	send_replica("OLD<20>", NB_UNIQUE, NB_ACTIVE, B(1), &settled);
	nb_name_parse("OLD<20>", &event.name);
	serve_command(server->serve, &event, adopted, &outcome);
	assert_int_equal(outcome, NB_DONE);
	assert_true(sim_record(server, "OLD<20>", &rec));
	assert_int_equal(rec.owner, NB_SELF);
	assert_int_equal(rec.version, store_mark(server->store, NB_SELF));
	nb_name_parse("NONE<20>", &event.name);
	serve_command(server->serve, &event, adopted, &outcome);
	assert_int_equal(outcome, NB_NOT_FOUND);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_start, scene_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(owned_active),
		SCENE(everything_is_counted),
		SCENE(one_line_for_each_decision),
		SCENE(nothing_while_loading),
		SCENE(explaining_does_nothing),
		SCENE(an_operator_adopts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
