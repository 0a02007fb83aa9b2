/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be true of an estate.
 *
 * *Never*, looked at while it runs, where the code of the rooms meets: the
 * linker puts hooks.c between serve and the store, repl and serve, and so on.
 *
 *	a version is handed out twice, or names two records
 *	a version of an owner that the owner never made
 *	a replica is applied at or below its owner's recorded mark
 *	a mark goes back, or is told before it is durable, or while the gate
 *	is closed
 *	a version is made while the gate is closed
 *	a static record that was acknowledged is lost at its owner
 *	a union of internet groups is stored and nobody owns it
 *
 * *Quiet*, looked at in the end: quiet.c.
 *
 * The first thing that is wrong is kept; the rest follows from it, mostly.
 */
#ifndef WINSD_ESTATE_JUDGE_H
#define WINSD_ESTATE_JUDGE_H

#include "estate/estate.h"

#define JUDGE_NAMES	64u
#define JUDGE_TEXT	1200u

/* A version that was made: which record of which owner. */
struct judge_version {
	uint32_t owner;
	uint64_t version;
	unsigned int name;
	unsigned int order;		/* of all that were made */
	uint64_t usec;
	bool released;			/* its owner had it so for a while */
	bool of_others;			/* an internet group, no member ours */
	uint8_t count;			/* its members, as they were then */
	uint32_t ip[NB_MEMBERS_MAX];
};

/* A replica met a record, or nothing. */
struct judge_meeting {
	unsigned int name;
	unsigned int node;
	unsigned int order;		/* versions that were made by then */
	uint64_t usec;
	uint32_t in_owner, old_owner;	/* old_owner 0: nothing stood there */
	uint64_t in_version, old_version;
	bool stored;			/* it, or what became of it, as its
					   owner's */
	bool altered;			/* not with the members it came with */
	bool asks;			/* our holder is challenged */
	bool anew;			/* what stands gets a new version */
	const char *ref;		/* who decided */
};

struct judge_static {
	unsigned int node, name;
	uint32_t addr;
	bool given_up;			/* deleted, or its server lost its
					   memory */
};

/* Of one estate. */
struct judge {
	struct estate *estate;
	char wrong[JUDGE_TEXT];		/* "": nothing */
	struct nb_name name[JUDGE_NAMES];
	unsigned int names;
	struct judge_version *version;	/* in the order of their making */
	unsigned int versions;
	struct judge_meeting *meeting;
	unsigned int meetings;
	struct judge_static *fixed;
	unsigned int fixeds;
	uint64_t told[PLAN_NODES];	/* our mark, as partners heard it */
	unsigned int pushes;		/* UPDATE and INFORM sent, by all */
	struct judge_deeds {		/* of each server */
		unsigned int pushes, versions, challenges, demands;
		unsigned int meetings;
	} deeds[PLAN_NODES];
	bool forgotten;			/* a version was used again, and
					   nobody could have said so */
	uint64_t settled;		/* usec: versions of later need not
					   be everywhere at the end */
};

struct judge *judge_create(struct estate *estate);
/* Its hooks are the hooks of the estate that runs now; NULL: of none. */
void judge_hold(struct judge *judge);
void judge_wrong(struct judge *judge, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

unsigned int judge_name(struct judge *judge, const struct nb_name *name);
const struct judge_version *judge_find(const struct judge *judge,
				       uint32_t owner, uint64_t version);

/* ---- told by node.c and run.c ---- */

void judge_started(struct estate_node *node);
void judge_stopping(struct estate_node *node);
void judge_lost_memory(struct estate_node *node);
void judge_static_stands(struct estate_node *node, const struct nb_name *name,
			 uint32_t addr);
void judge_static_goes(struct estate_node *node, const struct nb_name *name);

/* ---- quiet.c ---- */

#define QUIET_LIMITS 16u

/* How all servers stand to the names. */
struct quiet {
	unsigned int alone;		/* names with one live holder */
	unsigned int fixed;		/* static names */
	unsigned int fixed_twice;	/* at two servers */
	unsigned int fixed_once;	/* deleted, or its server lost its
					   memory, and some still have it */
	unsigned int contested;		/* two live hosts claim one */
	unsigned int contested_apart;	/* and servers differ in it */
	unsigned int shared;		/* groups with several live members */
	unsigned int shared_apart;
	unsigned int limits;		/* apart, as the matrix has it */
	unsigned int limits_felt;	/* and a query gets other addresses */
	const char *limit[QUIET_LIMITS];	/* by which rows */
	unsigned int limit_count[QUIET_LIMITS];
};

void judge_quiet(struct judge *judge, struct quiet *quiet);
void quiet_count_limit(struct quiet *quiet, const char *reason);
/* Print every name at every server, for people. */
void judge_show(const struct judge *judge, FILE *out);

#endif
