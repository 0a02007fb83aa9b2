/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The option table itself, and finding a row by name.
 *
 * Facts: names, defaults and ranges from design.md 4.2 and protocol.md 8; the
 * Windows column from the registry values of microsoft-wins.md 2, 3 and 4.
 * An option whose feature is not built yet has its row and is checked, but
 * `later` says so in the log when somebody sets it: it must not look as if it
 * worked. A default that depends on the machine or on another option has no
 * text here; plugins/wins fills it in and `computed` tells people from what.
 *
 * Documentation is plain text: build-support/manconf makes the man page of it.
 */

#include <stddef.h>

#include "core/name.h"
#include "core/options.h"
#include "core/optval.h"

#define SECONDS_MAX	2147483647u	/* the suite keeps them in an int */
#define ALIASES_MAX	9		/* 7 + 2 * 9 names fit a node status */
#define LIST_MAX	4096
#define INTERFACES_MAX	256		/* what net/ifaces.h takes */

#define NO_PLUGINS	"plugins are not in this version"

static const struct option table[OPTION_COUNT] = {
[OPTION_NETBIOS_NAME] = {
	.name = "netbios name", .type = OPTION_NETBIOS,
	.group = OPTION_GROUP_NAMES, .room = "serve", .reload = true,
	.computed = "the host's name up to its first dot",
	.summary = "the server's own NetBIOS name",
	.doc = "The name that the server itself has on the network, at most 15 "
	"bytes, used in upper case with the suffixes <00>, <03> and <20>.",
},
[OPTION_NETBIOS_ALIASES] = {
	.name = "netbios aliases", .type = OPTION_NETBIOS_LIST,
	.max = ALIASES_MAX, .standard = "",
	.group = OPTION_GROUP_NAMES, .room = "serve", .reload = true,
	.summary = "more names of the server",
	.doc = "Further own names, each used with the suffixes <00> and <20>. "
	"At most nine, so that a node status reply has room for all of them.",
},
[OPTION_WORKGROUP] = {
	.name = "workgroup", .type = OPTION_NETBIOS, .standard = "WORKGROUP",
	.group = OPTION_GROUP_NAMES, .room = "serve", .reload = true,
	.summary = "the group name that the server joins",
	.doc = "The server claims this name as a group with the suffix <00>.",
},
[OPTION_NETBIOS_SCOPE] = {
	.name = "netbios scope", .type = OPTION_SCOPE, .standard = "",
	.group = OPTION_GROUP_NAMES, .room = "serve", .reload = true,
	.summary = "scope of the server's own names",
	.doc = "Labels joined with dots, at most 237 bytes in all and 63 in a "
	"label. Names of clients are kept in whatever scope they come with.",
},
[OPTION_OWN_NAMES] = {
	.name = "wins:own names", .type = OPTION_BOOL,
	.computed = "yes in winsd, no in the suite's daemon",
	.group = OPTION_GROUP_NAMES, .room = "serve", .reload = true,
	.summary = "claim and defend the server's own names",
	.doc = "With no, the server claims no name, answers no node status and "
	"defends nothing: for a machine whose names another service holds, "
	"such as the suite's nbt service.",
},
[OPTION_BCAST_TTL] = {
	.name = "nbtd:bcast_ttl", .type = OPTION_NUMBER,
	.min = 1, .max = SECONDS_MAX, .unit = "s", .standard = "300000",
	.group = OPTION_GROUP_NAMES, .room = "serve", .reload = true,
	.summary = "time to live of the server's own names",
	.doc = "The time that the server tells with its own names when it "
	"claims them and when it is asked for them.",
},
[OPTION_MAX_REFRESH_TIME] = {
	.name = "nbtd:max_refresh_time", .type = OPTION_NUMBER,
	.min = 1, .max = SECONDS_MAX, .unit = "s", .standard = "7200",
	.group = OPTION_GROUP_NAMES, .room = "serve", .reload = true,
	.summary = "longest time between claims of an own name",
	.doc = "Own names are broadcast again after this time or half of "
	"nbtd:bcast_ttl, whichever is less.",
},
[OPTION_WINS_RETRY] = {
	.name = "nbtd:wins_retry", .type = OPTION_NUMBER,
	.min = 1, .max = SECONDS_MAX, .unit = "s", .standard = "300",
	.group = OPTION_GROUP_NAMES, .room = "none", .reload = true,
	.later = "the server registers its own names with no other server",
	.summary = "read and not used",
	.doc = "In the suite: how often to try again to register own names "
	"with another WINS server. This server does not do that.",
},
[OPTION_INTERFACES] = {
	.name = "interfaces", .type = OPTION_INTERFACE_LIST,
	.max = INTERFACES_MAX,
	.computed = "every IPv4 interface that is up",
	.group = OPTION_GROUP_NETWORK, .room = "net", .reload = true,
	.summary = "addresses to serve, for the whole suite",
	.doc = "Interface names, patterns such as eth*, addresses, and "
	"addresses with their mask such as 192.0.2.1/24. IPv6 addresses and "
	"what follows a semicolon in a quoted word are the suite's business "
	"and left out.",
},
[OPTION_BIND_INTERFACES_ONLY] = {
	.name = "bind interfaces only", .type = OPTION_BOOL, .standard = "yes",
	.group = OPTION_GROUP_NETWORK, .room = "net", .reload = true,
	.later = "the server only ever binds the addresses that it serves",
	.summary = "read and always taken as yes",
	.doc = "The server never binds 0.0.0.0, because answers must leave "
	"from the address that was asked.",
},
[OPTION_WINS_INTERFACES] = {
	.name = "wins:interfaces", .type = OPTION_INTERFACE_LIST,
	.max = INTERFACES_MAX, .computed = "interfaces",
	.group = OPTION_GROUP_NETWORK, .room = "net", .reload = true,
	.summary = "addresses to serve",
	.doc = "As interfaces, for this server alone, IPv4 only. 0.0.0.0 is an "
	"error, and so is a list that matches no address of the machine.",
},
[OPTION_NBT_PORT] = {
	.name = "nbt port", .type = OPTION_NUMBER, .min = 1, .max = 65535,
	.standard = "137", .windows = "137",
	.group = OPTION_GROUP_NETWORK, .room = "net", .reload = false,
	.summary = "UDP port of the name service",
	.doc = "Clients know only 137; another port is for tests. Challenges "
	"of holders go to the same port.",
},
[OPTION_STATE_DIRECTORY] = {
	.name = "state directory", .type = OPTION_PATH,
	.computed = "set when the server was built",
	.group = OPTION_GROUP_FILES, .room = "store", .reload = false,
	.summary = "directory of the database",
	.doc = "Holds wins.tdb and what belongs to it. It must exist and be "
	"writable for the user that the server runs as.",
},
[OPTION_LOCK_DIRECTORY] = {
	.name = "lock directory", .alias = "lock dir", .type = OPTION_PATH,
	.computed = "set when the server was built",
	.group = OPTION_GROUP_FILES, .room = "control", .reload = false,
	.summary = "directory of the lock and the control socket",
	.doc = "Holds winsd.lock and winsd.sock. The path must be short enough "
	"for the name of a socket, 107 bytes with winsd.sock.",
},
[OPTION_LOG_LEVEL] = {
	.name = "log level", .alias = "debuglevel", .type = OPTION_LEVEL,
	.standard = "1",
	.group = OPTION_GROUP_FILES, .room = "module", .reload = true,
	.summary = "how much is logged",
	.doc = "0 errors, 1 what an operator wants to know, 3 each conflict, 5 "
	"each decision with its rule, 10 everything. A word wins:N counts for "
	"this server alone and goes before the plain number.",
},
[OPTION_DURABLE] = {
	.name = "wins:durable", .type = OPTION_BOOL, .standard = "yes",
	.group = OPTION_GROUP_FILES, .room = "store", .reload = false,
	.summary = "an acknowledgement means: on disk",
	.doc = "With no, the operating system writes when it likes: faster on "
	"slow disks, and a crash of the machine may forget the last seconds.",
},
[OPTION_NOSYNC] = {
	.name = "winsdb:nosync", .type = OPTION_BOOL, .standard = "no",
	.group = OPTION_GROUP_FILES, .room = "store", .reload = false,
	.summary = "the suite's word for wins:durable = no",
	.doc = "yes does what wins:durable = no does. Both options set against "
	"each other are an error.",
},
[OPTION_BACKUP] = {
	.name = "wins:backup", .type = OPTION_PAIR, .min = 0,
	.max = SECONDS_MAX, .min2 = 1, .max2 = 1000, .unit = "s, copies",
	.standard = "86400 7",
	.group = OPTION_GROUP_FILES, .room = "store", .reload = true,
	.summary = "interval of backups and copies kept",
	.doc = "This often a consistent copy of the database is written into "
	"the directory backup below the state directory, opened again and "
	"verified; then the oldest go until so many are left. Copies that "
	"winsctl server backup made count like all others. A plain 0 makes "
	"none by itself and deletes none. One is brought back by winsrepair restore.",
},
[OPTION_READ_GROUP] = {
	.name = "wins:read group", .type = OPTION_TEXT, .standard = "",
	.group = OPTION_GROUP_FILES, .room = "control", .reload = true,
	.summary = "unix group that may ask the control socket",
	.doc = "Members may use the commands that only show something. Without "
	"it only root and the server's own user may.",
},
[OPTION_ADMIN_GROUP] = {
	.name = "wins:admin group", .type = OPTION_TEXT, .standard = "",
	.group = OPTION_GROUP_FILES, .room = "control", .reload = true,
	.summary = "unix group that may use every control command",
	.doc = "Members may also change records and stop the server.",
},
[OPTION_WINS_SUPPORT] = {
	.name = "wins support", .type = OPTION_BOOL, .standard = "yes",
	.group = OPTION_GROUP_LIFE, .room = "module", .reload = false,
	.summary = "be a WINS server",
	.doc = "winsd does not start with a file that says no. Inside the "
	"suite the option belongs to the suite's own server, and no is right.",
},
[OPTION_MIN_WINS_TTL] = {
	.name = "min wins ttl", .type = OPTION_NUMBER, .min = 1,
	.max = SECONDS_MAX, .unit = "s", .standard = "21600",
	.windows = "518400",
	.group = OPTION_GROUP_LIFE, .room = "rules", .reload = true,
	.summary = "shortest life of a registration",
	.doc = "A client that asks for less gets this. Windows grants its "
	"renewal interval whatever was asked for: set both limits to 518400 "
	"for the same.",
},
[OPTION_MAX_WINS_TTL] = {
	.name = "max wins ttl", .type = OPTION_NUMBER, .min = 1,
	.max = SECONDS_MAX, .unit = "s", .standard = "518400",
	.windows = "518400",
	.group = OPTION_GROUP_LIFE, .room = "rules", .reload = true,
	.summary = "longest life of a registration",
	.doc = "A client that asks for more gets this.",
},
[OPTION_RENEW_INTERVAL] = {
	.name = "wreplsrv:renew_interval", .type = OPTION_NUMBER, .min = 2,
	.max = SECONDS_MAX, .unit = "s", .standard = "518400",
	.windows = "518400",
	.group = OPTION_GROUP_LIFE, .room = "serve", .reload = true,
	.summary = "renewal interval as ageing sees it",
	.doc = "Half of it is the default of wreplsrv:scavenging_interval. "
	"What clients are granted is max wins ttl.",
},
[OPTION_TOMBSTONE_INTERVAL] = {
	.name = "wreplsrv:tombstone_interval", .type = OPTION_NUMBER,
	.min = 1, .max = SECONDS_MAX, .unit = "s", .standard = "518400",
	.windows = "518400",
	.group = OPTION_GROUP_LIFE, .room = "rules", .reload = true,
	.summary = "extinction interval: released to tombstone",
	.doc = "How long a released name is kept before it becomes a "
	"tombstone that tells partners of its end.",
},
[OPTION_TOMBSTONE_TIMEOUT] = {
	.name = "wreplsrv:tombstone_timeout", .type = OPTION_NUMBER,
	.min = 1, .max = SECONDS_MAX, .unit = "s", .standard = "518400",
	.windows = "518400",
	.group = OPTION_GROUP_LIFE, .room = "rules", .reload = true,
	.summary = "extinction timeout: tombstone to nothing",
	.doc = "How long a tombstone is kept before it is deleted. The suite's "
	"default is 86400; a partner that is away for longer than this "
	"brings dead names back.",
},
[OPTION_TOMBSTONE_EXTRA_TIMEOUT] = {
	.name = "wreplsrv:tombstone_extra_timeout", .type = OPTION_NUMBER,
	.min = 0, .max = SECONDS_MAX, .unit = "s", .standard = "259200",
	.windows = "259200",
	.group = OPTION_GROUP_LIFE, .room = "serve", .reload = true,
	.summary = "time up before tombstones are deleted",
	.doc = "After a start no tombstone is deleted for this long, so that "
	"partners can fetch those that fell due while the server was down.",
},
[OPTION_VERIFY_INTERVAL] = {
	.name = "wreplsrv:verify_interval", .type = OPTION_NUMBER, .min = 1,
	.max = SECONDS_MAX, .unit = "s", .standard = "2073600",
	.windows = "2073600",
	.group = OPTION_GROUP_LIFE, .room = "rules", .reload = true,
	.summary = "life of a replica before its owner is asked",
	.doc = "A record of another server that was not heard of for this "
	"long is verified with that server: it is deleted if its owner says "
	"that it has it no more, and kept while the owner cannot be asked.",
},
[OPTION_SCAVENGING_INTERVAL] = {
	.name = "wreplsrv:scavenging_interval", .type = OPTION_NUMBER,
	.min = 1, .max = SECONDS_MAX, .unit = "s",
	.computed = "half of wreplsrv:renew_interval", .windows = "259200",
	.group = OPTION_GROUP_LIFE, .room = "serve", .reload = true,
	.summary = "time between two passes of ageing",
	.doc = "Each pass moves what is due: active to released, released to "
	"tombstone, tombstone to nothing. The schedule survives a restart.",
},
[OPTION_CHALLENGE] = {
	.name = "wins:challenge", .type = OPTION_PAIR, .min = 10,
	.max = 60000, .min2 = 1, .max2 = 10, .unit = "ms, tries",
	.standard = "1000 3", .windows = "500 3",
	.group = OPTION_GROUP_ANSWERS, .room = "serve", .reload = true,
	.summary = "how the old holder of a name is asked",
	.doc = "Time between tries and number of tries, for each address. "
	"Windows begins at 500 ms and doubles. Slow links want more: a holder "
	"whose answer is late loses its name.",
},
[OPTION_MIGRATE_ON] = {
	.name = "wins:migrate on", .type = OPTION_BOOL, .standard = "no",
	.windows = "no",
	.group = OPTION_GROUP_ANSWERS, .room = "rules", .reload = true,
	.summary = "static names may become dynamic",
	.doc = "A registration may take over a static unique or multihomed "
	"name, never one with the suffix <1c>.",
},
[OPTION_BLOCKED_NAMES] = {
	.name = "wins:blocked names", .type = OPTION_NETBIOS_LIST,
	.max = NB_NAME_LIST_MAX, .standard = "WPAD ISATAP",
	.windows = "WPAD ISATAP",
	.group = OPTION_GROUP_ANSWERS, .room = "rules", .reload = true,
	.summary = "names that nobody may register",
	.doc = "Compared without regard to case, with any suffix and scope. A "
	"registration is refused and a query gets a negative answer. An empty "
	"value blocks nothing.",
},
[OPTION_ALLOW_NAMES] = {
	.name = "wins:allow names", .type = OPTION_NETBIOS_LIST,
	.max = NB_NAME_LIST_MAX, .standard = "",
	.group = OPTION_GROUP_ANSWERS, .room = "rules", .reload = true,
	.summary = "exceptions from wins:blocked names",
	.doc = "Blocked names that are answered after all, such as a WPAD that "
	"an operator added as a static record.",
},
[OPTION_SOURCE_MUST_MATCH] = {
	.name = "wins:source must match", .type = OPTION_WORD,
	.words = "off log enforce", .standard = "log", .windows = "off",
	.group = OPTION_GROUP_ANSWERS, .room = "rules", .reload = true,
	.summary = "a registered address is the sender's",
	.doc = "What to do when a host registers an address that it does not "
	"send from: nothing, a line in the log, or a refusal. Behind address "
	"translation enforce shuts everybody out.",
},
[OPTION_SOURCE_RATE] = {
	.name = "wins:source rate", .type = OPTION_PAIR, .min = 0,
	.max = 10000000, .min2 = 1, .max2 = 100000000,
	.unit = "registrations/s, burst", .standard = "2000 20000",
	.group = OPTION_GROUP_ANSWERS, .room = "serve", .reload = true,
	.summary = "registrations that one address may send",
	.doc = "Registrations, refreshes and releases per second and at once "
	"from one source address; more are dropped and counted, and the log "
	"names the address. Queries are not limited. 0 turns this off.",
},
[OPTION_BURST_THRESHOLD] = {
	.name = "wins:burst threshold", .type = OPTION_NUMBER, .min = 0,
	.max = 1000000, .unit = "events", .standard = "500",
	.windows = "500",
	.group = OPTION_GROUP_ANSWERS, .room = "serve", .reload = true,
	.summary = "undecided events before burst handling begins",
	.doc = "While more events than this wait for the disk, the "
	"registration of a new name gets a positive answer at once, with a "
	"time to live of 300 to 3000 s, and is not stored: the client comes "
	"back in half that time. Until then nobody can resolve the name. "
	"Refreshes, releases and names that are known wait for the disk. 0 "
	"turns this off.",
},
[OPTION_1C_ORDER] = {
	.name = "wins:1c order", .type = OPTION_WORD, .words = "recent windows",
	.standard = "recent", .windows = "windows",
	.group = OPTION_GROUP_ANSWERS, .room = "rules", .reload = true,
	.summary = "order of the members of a <1c> group",
	.doc = "recent: most lately registered first. windows: the server's "
	"own members by registration time, then those of other servers.",
},
[OPTION_PREPEND_1B] = {
	.name = "nbtd:wins_prepend1Bto1Cqueries", .type = OPTION_BOOL,
	.standard = "yes", .windows = "no",
	.group = OPTION_GROUP_ANSWERS, .room = "rules", .reload = true,
	.summary = "a domain's master browser comes first",
	.doc = "The answer for a <1c> name begins with the address of the "
	"<1b> name of the same domain.",
},
[OPTION_RANDOMIZE_1C] = {
	.name = "nbtd:wins_randomize1Clist", .type = OPTION_BOOL,
	.standard = "no", .windows = "no",
	.group = OPTION_GROUP_ANSWERS, .room = "rules", .reload = true,
	.summary = "draw the first member of a <1c> answer",
	.doc = "Spreads clients over the domain controllers: one of the "
	"members in the client's own network is drawn, else one of all.",
},
[OPTION_RANDOMIZE_1C_MASK] = {
	.name = "nbtd:wins_randomize1Clist_mask", .type = OPTION_MASK,
	.standard = "255.255.255.0",
	.group = OPTION_GROUP_ANSWERS, .room = "rules", .reload = true,
	.summary = "what nbtd:wins_randomize1Clist takes for a network",
	.doc = "Two addresses that are equal under this mask are neighbours.",
},
[OPTION_USAGE] = {
	.name = "wins:usage", .type = OPTION_WORD,
	.words = "off names clients", .standard = "clients",
	.group = OPTION_GROUP_ANSWERS, .room = "serve", .reload = true,
	.summary = "remember who asks for what",
	.doc = "names: when each name was asked for last, and which names were "
	"asked for and not found. clients: also which clients ask, register "
	"and refresh, at which address of this server. winsctl client list, "
	"winsctl client missing and winsctl record list --unused-since show "
	"it. It is remembered for 90 days, in at most 9 MiB of memory: 65536 "
	"clients (one that asks two addresses of this server counts twice), "
	"327680 names of the database and 8192 names not found; those seen "
	"least recently go first. Every 5 minutes and at a clean end it is "
	"written to usage.tdb below the state directory, at most 10 MiB, which "
	"takes as much memory again for that moment. off: nothing is counted, "
	"and usage.tdb is deleted.",
},
[OPTION_LOCAL_OWNER] = {
	.name = "winsdb:local_owner", .type = OPTION_ADDRESS,
	.computed = "the first served address",
	.group = OPTION_GROUP_REPLICATION, .room = "serve", .reload = false,
	.summary = "the server's owner address",
	.doc = "The address under which partners know this server's records. "
	"It is written into the database at the first start; another one "
	"later is an error: winsctl owner rename moves it.",
},
[OPTION_PARTNERS] = {
	.name = "wins:partners", .type = OPTION_PARTNER_LIST,
	.max = 1024, .standard = "",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = true,
	.summary = "replication partners",
	.doc = "Addresses of other WINS servers. ADDR(pull) only fetches from "
	"it, ADDR(push) only lets it fetch and tells it of changes, a plain "
	"ADDR does both. The other side must list this server's owner address "
	"in its turn. A partner is known by its address and by nothing else: "
	"whoever can send from it may read all records and add some, so let a "
	"firewall close the port to everybody but the partners. A caller that "
	"is refused is logged, with the line that would let it in. What else "
	"can be set for a partner is below.",
},
[OPTION_REPLICATION_PORT] = {
	.name = "wins:replication port", .type = OPTION_NUMBER, .min = 1,
	.max = 65535, .standard = "42", .windows = "42",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = false,
	.summary = "TCP port of replication",
	.doc = "The server listens on each address that it serves, and calls "
	"partners at the same port. When the port is taken or not permitted "
	"the server does not start; without wins:partners that is only a "
	"warning.",
},
[OPTION_ONLY_PARTNERS] = {
	.name = "wins:only partners", .type = OPTION_BOOL, .standard = "yes",
	.windows = "yes",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = true,
	.summary = "serve replication to listed partners only",
	.doc = "With no, anybody who can connect may fetch the records. To "
	"add some, or to have this server fetch, one must be a partner "
	"whatever is set here.",
},
[OPTION_OBSERVE] = {
	.name = "wins:observe", .type = OPTION_BOOL, .standard = "no",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = true,
	.summary = "trial membership: only watch",
	.doc = "For a trial beside the servers that serve now: this one "
	"pulls, answers queries from what it has, and does nothing else. It "
	"tells partners nothing, challenges nobody, sends no release demands, "
	"makes no tombstones and hands out no version; registrations, "
	"refreshes and releases get no answer. winsctl server status says "
	"observing.",
},
[OPTION_ACCEPT_OWNERS] = {
	.name = "wins:accept owners", .type = OPTION_ADDRESS_LIST,
	.max = LIST_MAX, .standard = "",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = true,
	.summary = "take records of these owners only",
	.doc = "Empty: of all. It is the owner of a record that counts, not "
	"the partner that brings it, so name the partners themselves too. "
	"Members of groups that belong to other owners are left out, and a "
	"group that is empty then is skipped.",
},
[OPTION_BLOCK_OWNERS] = {
	.name = "wins:block owners", .type = OPTION_ADDRESS_LIST,
	.max = LIST_MAX, .standard = "",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = true,
	.summary = "take no records of these owners",
	.doc = "Their members are removed from groups too; a group that is "
	"empty then is skipped. An owner that is in wins:accept owners as well "
	"is blocked. Records that are here already stay: winsctl owner delete "
	"removes them.",
},
[OPTION_VERSION_JUMP] = {
	.name = "wins:version jump", .type = OPTION_NUMBER, .min = 1,
	.max = 4294967295u, .unit = "versions", .standard = "1000000",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = true,
	.summary = "how far an owner's versions may jump",
	.doc = "Versions further than this beyond the last known one of their "
	"owner wait in quarantine until an operator decides with winsctl owner "
	"accept or winsctl owner reject: one wrong record with a huge version "
	"would else hide all later ones for years. An owner that is heard of "
	"for the first time is learned, wherever it stands.",
},
[OPTION_START_WAIT] = {
	.name = "wins:start wait", .type = OPTION_NUMBER, .min = 0,
	.max = SECONDS_MAX, .unit = "s", .standard = "120", .windows = "0",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = true,
	.summary = "an empty server waits for what partners know of it",
	.doc = "An empty, restored or re-addressed server with pull partners "
	"hands out no version before one of them has told the highest that it "
	"knows: versions that are used twice are never fetched. Meanwhile "
	"queries are answered and registrations get no answer. After this time "
	"without a reachable partner it stays so and raises an alarm, until "
	"one is reached or an operator says winsctl server start-anyway. "
	"Partners with pull interval=never are not asked. 0 does not wait.",
},
[OPTION_DEMAND_DELAY] = {
	.name = "wins:demand delay", .type = OPTION_NUMBER, .min = 0,
	.max = SECONDS_MAX, .unit = "s", .standard = "86400",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = true,
	.summary = "when a new partner may cause release demands",
	.doc = "For this long after a partner joined, its records take no "
	"name away from this server's clients: what a new partner brings may "
	"be old. 0: at once.",
},
[OPTION_AUTODISCOVERY] = {
	.name = "wins:autodiscovery", .type = OPTION_WORD,
	.words = "off detect announce both", .standard = "off",
	.windows = "announce",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = true,
	.summary = "multicast to find other WINS servers",
	.doc = "WINS servers can announce themselves to the multicast address "
	"224.0.1.24, at the port of replication. detect logs each that does, "
	"once a day, and when it goes down; announce makes this server known "
	"when it starts, every 40 minutes, and when it ends; both does both. "
	"Nobody becomes a partner here by it, but Windows servers may be set "
	"to take any that announces itself for one. A server with wins:observe "
	"announces nothing.",
},
[OPTION_PROPAGATE_RELEASES] = {
	.name = "wreplsrv:propagate name releases", .type = OPTION_BOOL,
	.standard = "no", .windows = "no",
	.group = OPTION_GROUP_REPLICATION, .room = "rules", .reload = true,
	.summary = "a released member gets a new version at once",
	.doc = "Partners then learn of the release of a group member without "
	"waiting for its extinction.",
},
[OPTION_PERIODIC_INTERVAL] = {
	.name = "wreplsrv:periodic_interval", .type = OPTION_NUMBER,
	.min = 1, .max = SECONDS_MAX, .unit = "s", .standard = "15",
	.group = OPTION_GROUP_REPLICATION, .room = "repl", .reload = true,
	.summary = "how often replication looks for work",
	.doc = "The longest time before a pull that is due, a push that has "
	"enough changes, or a new setting of the partners is seen.",
},
[OPTION_PLUGINS] = {
	.name = "wins:plugins", .type = OPTION_TEXT_LIST, .max = 64,
	.standard = "", .later = NO_PLUGINS,
	.group = OPTION_GROUP_EXTENSIONS, .room = "module", .reload = false,
	.summary = "extensions to load",
	.doc = "Names of modules in the directory plugins beside wins.so.",
},
[OPTION_PLUGIN_FAILURE] = {
	.name = "wins:plugin failure", .type = OPTION_WORD,
	.words = "run stop", .standard = "stop", .later = NO_PLUGINS,
	.group = OPTION_GROUP_EXTENSIONS, .room = "module", .reload = true,
	.summary = "what to do when an extension cannot be loaded",
	.doc = "run: say so and go on without it; stop: do not start.",
},
[OPTION_WINS_HOOK] = {
	.name = "wins hook", .type = OPTION_TEXT, .standard = "",
	.later = NO_PLUGINS,
	.group = OPTION_GROUP_EXTENSIONS, .room = "plugins/hook",
	.reload = true,
	.summary = "program to run when a name changes",
	.doc = "The suite's option; it works where the plugin hook is loaded. "
	"No shell ever runs.",
},
[OPTION_DNS_PROXY] = {
	.name = "dns proxy", .type = OPTION_BOOL, .standard = "no",
	.windows = "no", .later = NO_PLUGINS,
	.group = OPTION_GROUP_EXTENSIONS, .room = "plugins/dnsproxy",
	.reload = true,
	.summary = "ask the DNS for names that WINS does not know",
	.doc = "The suite's option, yes by default there; here it works where "
	"the plugin dnsproxy is loaded.",
},
};

static const char *const group_name[OPTION_GROUPS] = {
	[OPTION_GROUP_NAMES] = "Names of the server",
	[OPTION_GROUP_NETWORK] = "The network",
	[OPTION_GROUP_FILES] = "Files, log and control",
	[OPTION_GROUP_LIFE] = "The life of a name",
	[OPTION_GROUP_ANSWERS] = "Registrations and answers",
	[OPTION_GROUP_REPLICATION] = "Replication",
	[OPTION_GROUP_EXTENSIONS] = "Extensions",
};

const struct option *option_row(enum option_id id)
{
	return &table[id];
}

const char *option_group_name(enum option_group group)
{
	return group_name[group];
}

bool option_find(const char *name, enum option_id *id)
{
	for (enum option_id i = 0; i < OPTION_COUNT; i++) {
		if (optval_same_name(name, table[i].name) ||
		    (table[i].alias != NULL &&
		     optval_same_name(name, table[i].alias))) {
			*id = i;
			return true;
		}
	}
	return false;
}

static size_t letters(const char *name)
{
	size_t count = 0;

	for (; *name != '\0'; name++) {
		count += !optval_is_blank(*name);
	}
	return count;
}

const char *option_nearest(const char *name, const char *prefix,
			   unsigned int *distance)
{
	size_t len = letters(name);
	unsigned int best = (unsigned int)(len / 3) + 2;
	const char *nearest = NULL;

	for (enum option_id i = 0; i <= OPTION_COUNT; i++) {
		const char *candidate = i < OPTION_COUNT ? table[i].name :
					OPTION_PARTNER_NAME " ADDR";
		size_t other = letters(candidate);
		unsigned int apart = 0;

		if ((prefix != NULL &&
		     optval_after_prefix(candidate, prefix) == NULL) ||
		    (len > other ? len - other : other - len) >= best) {
			continue;
		}
		apart = optval_distance(name, candidate);
		if (apart < best) {
			best = apart;
			nearest = candidate;
		}
	}
	*distance = best;
	return nearest;
}
