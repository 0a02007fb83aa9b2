/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The option table: every option there is, in one const array.
 *
 * From it come what a value may be (core/settings.c), what `winsd -t` prints,
 * the options of winsd.conf(5) (build-support/manconf) and what a reload may
 * change. An option is added by one name in enum option_id and one row in
 * core/options.c. design.md 4.2 is the contract, protocol.md 8 has the
 * suite's parameters, microsoft-wins.md 2 and 3 what Windows does.
 */
#ifndef WINSD_CORE_OPTIONS_H
#define WINSD_CORE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum option_id {
	/* names of the server */
	OPTION_NETBIOS_NAME,
	OPTION_NETBIOS_ALIASES,
	OPTION_WORKGROUP,
	OPTION_NETBIOS_SCOPE,
	OPTION_OWN_NAMES,
	OPTION_BCAST_TTL,
	OPTION_MAX_REFRESH_TIME,
	OPTION_WINS_RETRY,
	/* the network */
	OPTION_INTERFACES,
	OPTION_BIND_INTERFACES_ONLY,
	OPTION_WINS_INTERFACES,
	OPTION_NBT_PORT,
	/* files, log, control */
	OPTION_STATE_DIRECTORY,
	OPTION_LOCK_DIRECTORY,
	OPTION_LOG_LEVEL,
	OPTION_DURABLE,
	OPTION_NOSYNC,
	OPTION_BACKUP,
	OPTION_READ_GROUP,
	OPTION_ADMIN_GROUP,
	/* the life of a name */
	OPTION_WINS_SUPPORT,
	OPTION_MIN_WINS_TTL,
	OPTION_MAX_WINS_TTL,
	OPTION_RENEW_INTERVAL,
	OPTION_TOMBSTONE_INTERVAL,
	OPTION_TOMBSTONE_TIMEOUT,
	OPTION_TOMBSTONE_EXTRA_TIMEOUT,
	OPTION_VERIFY_INTERVAL,
	OPTION_SCAVENGING_INTERVAL,
	/* registrations and answers */
	OPTION_CHALLENGE,
	OPTION_MIGRATE_ON,
	OPTION_BLOCKED_NAMES,
	OPTION_ALLOW_NAMES,
	OPTION_SOURCE_MUST_MATCH,
	OPTION_SOURCE_RATE,
	OPTION_BURST_THRESHOLD,
	OPTION_1C_ORDER,
	OPTION_PREPEND_1B,
	OPTION_RANDOMIZE_1C,
	OPTION_RANDOMIZE_1C_MASK,
	OPTION_USAGE,
	/* replication */
	OPTION_LOCAL_OWNER,
	OPTION_PARTNERS,
	OPTION_REPLICATION_PORT,
	OPTION_ONLY_PARTNERS,
	OPTION_OBSERVE,
	OPTION_ACCEPT_OWNERS,
	OPTION_BLOCK_OWNERS,
	OPTION_VERSION_JUMP,
	OPTION_START_WAIT,
	OPTION_DEMAND_DELAY,
	OPTION_AUTODISCOVERY,
	OPTION_PROPAGATE_RELEASES,
	OPTION_PERIODIC_INTERVAL,
	/* extensions */
	OPTION_PLUGINS,
	OPTION_PLUGIN_FAILURE,
	OPTION_WINS_HOOK,
	OPTION_DNS_PROXY,
	OPTION_COUNT,
	/* `wins:partner ADDR` is no row: see core/partner_option.h */
};

enum option_type {
	OPTION_BOOL,
	OPTION_NUMBER,		/* min..max, in unit */
	OPTION_PAIR,		/* two of them: min..max unit, min2..max2; where
				   min is 0, a lone 0 will do */
	OPTION_WORD,		/* one of words */
	OPTION_LEVEL,		/* log level: N class:N ... */
	OPTION_NETBIOS,		/* up to 15 bytes of printable ASCII */
	OPTION_NETBIOS_LIST,
	OPTION_SCOPE,
	OPTION_ADDRESS,		/* of a host */
	OPTION_ADDRESS_LIST,
	OPTION_MASK,		/* any dotted quad */
	OPTION_INTERFACE_LIST,	/* names, patterns, ADDR, ADDR/MASK */
	OPTION_PARTNER_LIST,	/* ADDR, ADDR(pull), ADDR(push) */
	OPTION_PATH,		/* absolute */
	OPTION_TEXT,
	OPTION_TEXT_LIST,	/* words of letters, digits, - and _ */
};

/* Chapters of the man page. */
enum option_group {
	OPTION_GROUP_NAMES,
	OPTION_GROUP_NETWORK,
	OPTION_GROUP_FILES,
	OPTION_GROUP_LIFE,
	OPTION_GROUP_ANSWERS,
	OPTION_GROUP_REPLICATION,
	OPTION_GROUP_EXTENSIONS,
	OPTION_GROUPS,
};

struct option {
	const char *name;	/* as people write it */
	const char *alias;	/* the suite's other name for it, or NULL */
	enum option_type type;
	enum option_group group;
	uint32_t min, max;	/* of a number; of a list: most words */
	uint32_t min2, max2;	/* of a pair's second number */
	const char *unit;	/* "s", "ms, tries", ... or NULL */
	const char *words;	/* of OPTION_WORD */
	const char *standard;	/* our default; "" = none; NULL: computed */
	const char *computed;	/* what a NULL default is taken from */
	const char *windows;	/* what Windows has; NULL: no such thing */
	const char *room;	/* who uses it */
	bool reload;		/* a reload may change it */
	const char *later;	/* why it does nothing yet; NULL: it works */
	const char *summary;	/* one line for lists */
	const char *doc;	/* the paragraph of the man page */
};

/* The row; id below OPTION_COUNT. */
const struct option *option_row(enum option_id id);

/* "A name", "The network" ...: the chapter's title. */
const char *option_group_name(enum option_group group);

/* Which option is this, by name or alias? False: none. */
bool option_find(const char *name, enum option_id *id);

/*
 * The name nearest to one that is none, for "did you mean": at most about a
 * third of its letters apart. NULL: nothing is near. prefix: only options
 * that begin like this ("wins:"), or NULL.
 */
const char *option_nearest(const char *name, const char *prefix,
			   unsigned int *distance);

/* Why an option does nothing yet, and what makes it a partner's row. */
#define OPTION_PARTNER_NAME	"wins:partner"

/*
 * May the option have this value? True, or false and one line that says what
 * is wrong. value may be changed: quotes around a single text go.
 */
#define OPTION_REASON	400
bool option_check(const struct option *option, char *value,
		  char reason[OPTION_REASON]);

/* Do both texts, valid for the option, mean the same? */
bool option_same_value(const struct option *option, const char *a,
		       const char *b);

#endif
