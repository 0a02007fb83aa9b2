/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hundred broken configurations, each with the line and the words that an
 * operator must get (design.md 4.2: file, line and the nearest valid name).
 * Typed by hand; what is right in them comes before and after the fault, so
 * that the line has to be found.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fake_host.h"

struct broken {
	const char *text;
	unsigned int line;
	const char *reason;
};

#define G	"[global]\n"

static const struct broken syntax[] = {
	{ "[global\nworkgroup = A\n", 1, "section without a ]" },
	{ G "workgroup = A\n[share\n", 3, "section without a ]" },
	{ G "[]\n", 2, "section without a name" },
	{ G "# one\n\n[  ]\n", 4, "section without a name" },
	{ G "= 3\n", 2, "no name before the =" },
	{ G "workgroup = A\n   = 3\n", 3, "no name before the =" },
	{ G ";\\\n= 3\n", 3, "no name before the =" },
	{ "[glo\nbal]\n", 1, "section without a ]" },
	{ G "wins:durable\n", 2, "wins:durable: there is no = on this line" },
	{ G "workgroup = \\\n  A\nwins:durable yes\n", 4,
	  "wins:durable yes: there is no = on this line" },
};

static const struct broken unknown[] = {
	{ G "wins:durabel = yes\n", 2,
	  "unknown option wins:durabel (did you mean wins:durable?)" },
	{ G "wins:parnters = 192.0.2.1\n", 2,
	  "unknown option wins:parnters (did you mean wins:partners?)" },
	{ G "\nwins:interface = eth0\n", 3,
	  "unknown option wins:interface (did you mean wins:interfaces?)" },
	{ G "wins:blocked name = WPAD\n", 2,
	  "unknown option wins:blocked name (did you mean "
	  "wins:blocked names?)" },
	{ G "wins:migrateon = yes\nwins:migrate = yes\n", 3,
	  "unknown option wins:migrate (did you mean wins:migrate on?)" },
	{ G "wins:owner names = yes\n", 2,
	  "unknown option wins:owner names (did you mean wins:own names?)" },
	{ G "wins:challange = 1000 3\n", 2,
	  "unknown option wins:challange (did you mean wins:challenge?)" },
	{ G "wins:1c ordre = recent\n", 2,
	  "unknown option wins:1c ordre (did you mean wins:1c order?)" },
	{ G "wins:admin groups = x\n", 2,
	  "unknown option wins:admin groups (did you mean "
	  "wins:admin group?)" },
	{ G "wins:allowed names = x\n", 2,
	  "unknown option wins:allowed names (did you mean "
	  "wins:allow names?)" },
	{ G "WINS:Source Must Mach = log\n", 2,
	  "unknown option WINS:Source Must Mach (did you mean "
	  "wins:source must match?)" },
	{ G "wins:x = 1\n", 2, "unknown option wins:x" },
	{ G "wins:completely different = 1\n", 2,
	  "unknown option wins:completely different" },
	{ G "wins: = 1\n", 2, "unknown option wins:" },
	{ G "wins\\\n:durabel = no\nworkgroup = A\n", 2,
	  "unknown option wins:durabel (did you mean wins:durable?)" },
	{ G "[share]\npath = /tmp\nwins:durable = yes\n", 4,
	  "wins:durable: belongs into [global]" },
	{ G "[share]\n\twins:nonsense = yes\n", 3,
	  "wins:nonsense: belongs into [global]" },
};

#define ONE_FILE ": not supported: winsd reads one file and follows nothing " \
		 "in it"

static const struct broken elsewhere[] = {
	{ G "include = /etc/samba/more.conf\n", 2, "include" ONE_FILE },
	{ G "workgroup = A\n[x]\ninclude = a\n", 4, "include" ONE_FILE },
	{ G "Config File = /etc/other.conf\n", 2, "Config File" ONE_FILE },
	{ G "copy = template\n", 2, "copy" ONE_FILE },
	{ G "config backend = registry\n", 2, "config backend" ONE_FILE },
	{ G "include = registry\n", 2, "include" ONE_FILE },
};

#define INT_RANGE	"1 to 2147483647"

static const struct broken numbers[] = {
	{ G "max wins ttl = 6d\n", 2,
	  "max wins ttl = 6d: expected seconds without a unit (did you mean "
	  "518400?)" },
	{ G "max wins ttl = 144h\n", 2,
	  "max wins ttl = 144h: expected seconds without a unit (did you "
	  "mean 518400?)" },
	{ G "min wins ttl = 40m\n", 2,
	  "min wins ttl = 40m: expected seconds without a unit (did you "
	  "mean 2400?)" },
	{ G "max wins ttl = six\n", 2,
	  "max wins ttl = six: expected a whole number, " INT_RANGE },
	{ G "max wins ttl =\n", 2, "max wins ttl = : a value is missing" },
	{ G "max wins ttl = 0\n", 2,
	  "max wins ttl = 0: must be " INT_RANGE },
	{ G "max wins ttl = -1\n", 2,
	  "max wins ttl = -1: expected a whole number, " INT_RANGE },
	{ G "max wins ttl = 4294967296\n", 2,
	  "max wins ttl = 4294967296: must be " INT_RANGE },
	{ G "max wins ttl = 99999999999999999999\n", 2,
	  "max wins ttl = 99999999999999999999: expected a whole number, "
	  INT_RANGE },
	{ G "max wins ttl = 0518400\n", 2,
	  "max wins ttl = 0518400: a number must not begin with 0" },
	{ G "max wins ttl = 0x\n", 2,
	  "max wins ttl = 0x: expected a whole number, " INT_RANGE },
	{ G "max wins ttl = \"518400\"\n", 2,
	  "max wins ttl = \"518400\": expected a whole number, " INT_RANGE },
	{ G "max wins ttl = 518400 # six days\n", 2,
	  "max wins ttl = 518400 # six days: expected a whole number, "
	  INT_RANGE },
	{ G "max wins ttl = 1.5\n", 2,
	  "max wins ttl = 1.5: expected a whole number, " INT_RANGE },
	{ G "nbt port = 0\n", 2, "nbt port = 0: must be 1 to 65535" },
	{ G "nbt port = 65536\n", 2, "nbt port = 65536: must be 1 to 65535" },
	{ G "wins:replication port = 70000\n", 2,
	  "wins:replication port = 70000: must be 1 to 65535" },
	{ G "wreplsrv:renew_interval = 1\n", 2,
	  "wreplsrv:renew_interval = 1: must be 2 to 2147483647" },
	{ G "min wins ttl = 600\nmax wins ttl = 500\n", 3,
	  "min wins ttl (600) is above max wins ttl (500)" },
	{ G "max wins ttl = 500\n", 2,
	  "min wins ttl (21600) is above max wins ttl (500)" },
	{ G "workgroup = A\n\nmin wins ttl = 600000\n", 4,
	  "min wins ttl (600000) is above max wins ttl (518400)" },
	{ G "wins:challenge = 1000\n", 2,
	  "wins:challenge = 1000: expected two numbers (ms, tries), such as "
	  "1000 3" },
	{ G "wins:challenge = 1000 3 3\n", 2,
	  "wins:challenge = 1000 3 3: expected two numbers (ms, tries), such "
	  "as 1000 3" },
	{ G "wins:challenge = 1 3\n", 2,
	  "wins:challenge = 1 3: first number: must be 10 to 60000" },
	{ G "wins:challenge = 1000 0\n", 2,
	  "wins:challenge = 1000 0: second number: must be 1 to 10" },
	{ G "wins:challenge = 1s 3\n", 2,
	  "wins:challenge = 1s 3: first number: expected a whole number, 10 "
	  "to 60000" },
	{ G "wins:source rate = fast 3\n", 2,
	  "wins:source rate = fast 3: first number: expected a whole number, "
	  "0 to 10000000" },
	{ G "wins:source rate = 2000\n", 2,
	  "wins:source rate = 2000: expected two numbers (registrations/s, "
	  "burst), such as 2000 20000, or 0" },
	{ G "wins:backup = 86400 0\n", 2,
	  "wins:backup = 86400 0: second number: must be 1 to 1000" },
};

static const struct broken words[] = {
	{ G "wins:durable = maybe\n", 2,
	  "wins:durable = maybe: expected yes or no" },
	{ G "wins:durable = y\n", 2,
	  "wins:durable = y: expected yes or no" },
	{ G "wins:durable = \"yes\"\n", 2,
	  "wins:durable = \"yes\": expected yes or no" },
	{ G "wins:durable =\n", 2, "wins:durable = : a value is missing" },
	{ G "wins support = no\n", 2,
	  "wins support = no: this configuration wants no WINS server" },
	{ G "wins support = yes\nwinssupport = off\n", 3,
	  "wins support = no: this configuration wants no WINS server" },
	{ G "wins:durable = yes\nwinsdb:nosync = yes\n", 3,
	  "wins:durable and winsdb:nosync contradict each other" },
	{ G "wins:source must match = enforced\n", 2,
	  "wins:source must match = enforced: expected one of: off log "
	  "enforce (did you mean enforce?)" },
	{ G "wins:source must match = strict\n", 2,
	  "wins:source must match = strict: expected one of: off log "
	  "enforce" },
	{ G "wins:1c order = window\n", 2,
	  "wins:1c order = window: expected one of: recent windows (did you "
	  "mean windows?)" },
	{ G "wins:autodiscovery = yes\n", 2,
	  "wins:autodiscovery = yes: expected one of: off detect announce "
	  "both" },
	{ G "log level = high\n", 2,
	  "log level = high: expected a number, or words like wins:5 as "
	  "well" },
	{ G "log level =\n", 2, "log level = : a value is missing" },
	{ G "log level = ,\n", 2, "log level = ,: expected a number" },
	{ G "wins:read group = a\x7f\n", 2,
	  "wins:read group = a\\x7f: control character" },
	{ G "log level = 1 wins:\n", 2,
	  "log level = 1 wins:: expected a number, or words like wins:5 as "
	  "well" },
	{ G "workgroup = A\x01" "B\n", 2,
	  "workgroup = A\\x01B: control character" },
	{ G "wins hook = /bin/true\x1b[31m\n", 2,
	  "wins hook = /bin/true\\x1b[31m: control character" },
};

static const struct broken names[] = {
	{ G "netbios name = ABCDEFGHIJKLMNOP\n", 2,
	  "netbios name = ABCDEFGHIJKLMNOP: longer than 15 bytes" },
	{ G "netbios name =\n", 2, "netbios name = : a value is missing" },
	{ G "netbios name = A*B\n", 2,
	  "netbios name = A*B: a name may not contain *" },
	{ G "netbios name = %h\n", 2,
	  "netbios name = %h: substitutions such as %h are not known here" },
	{ G "netbios name = \"A\n", 2, "netbios name = \"A: stray quote" },
	{ G "netbios name = M\xc3\x9cLLER\n", 2,
	  "netbios name = M\\xc3\\x9cLLER: a name may not contain such "
	  "bytes" },
	{ G "netbios aliases = A B ABCDEFGHIJKLMNOP\n", 2,
	  "netbios aliases = A B ABCDEFGHIJKLMNOP: ABCDEFGHIJKLMNOP: longer "
	  "than 15 bytes" },
	{ G "netbios aliases = A B C D E F G H I J\n", 2,
	  "netbios aliases = A B C D E F G H I J: more than 9 words" },
	{ G "netbios aliases = \"A B\n", 2,
	  "netbios aliases = \"A B: a quote is not closed" },
	{ G "workgroup =\n", 2, "workgroup = : a value is missing" },
	{ G "netbios scope = a..b\n", 2,
	  "netbios scope = a..b: a label must be 1 to 63 bytes" },
	{ G "netbios scope = .a\n", 2,
	  "netbios scope = .a: a label must be 1 to 63 bytes" },
	{ G "netbios scope = a.\n", 2,
	  "netbios scope = a.: a scope may not end with a dot" },
	{ G "netbios scope = a b\n", 2,
	  "netbios scope = a b: labels are printable ASCII without blanks" },
	{ G "wins:blocked names = WPAD *PROXY\n", 2,
	  "wins:blocked names = WPAD *PROXY: *PROXY: a name may not contain "
	  "*" },
	{ G "wins:blocked names = \"WPAD \"\n", 2,
	  "wins:blocked names = \"WPAD \": WPAD : a name may not begin or end "
	  "with a blank" },
};

static const struct broken addresses[] = {
	{ G "wins:interfaces = 0.0.0.0\n", 2,
	  "wins:interfaces = 0.0.0.0: 0.0.0.0: 0.0.0.0 is never served: name "
	  "the interfaces or addresses" },
	{ G "interfaces = lo 0.0.0.0/0\n", 2,
	  "interfaces = lo 0.0.0.0/0: 0.0.0.0/0: 0.0.0.0 is never served: "
	  "name the interfaces or addresses" },
	{ G "wins:interfaces = 192.0.2.300\n", 2,
	  "wins:interfaces = 192.0.2.300: 192.0.2.300: expected an IPv4 "
	  "address" },
	{ G "wins:interfaces = 192.0.2.1/33\n", 2,
	  "wins:interfaces = 192.0.2.1/33: 192.0.2.1/33: expected 0 to 32 "
	  "bits or a mask behind the /" },
	{ G "wins:interfaces = 192.0.2.1/255.0.255.0\n", 2,
	  "wins:interfaces = 192.0.2.1/255.0.255.0: 192.0.2.1/255.0.255.0: "
	  "expected 0 to 32 bits or a mask behind the /" },
	{ G "wins:interfaces = 224.0.0.1\n", 2,
	  "wins:interfaces = 224.0.0.1: 224.0.0.1: no host can have this "
	  "address" },
	{ G "wins:interfaces = fe80::1\n", 2,
	  "wins:interfaces = fe80::1: fe80::1: WINS knows IPv4 only" },
	{ G "wins:interfaces = an-interface-name-too-long\n", 2,
	  "wins:interfaces = an-interface-name-too-long: "
	  "an-interface-name-too-long: neither an address nor the name of an "
	  "interface" },
	{ G "interfaces = ::1 fe80::1\n", 2,
	  "interfaces has nothing for IPv4, and WINS knows nothing else" },
	{ G "winsdb:local_owner = ten\n", 2,
	  "winsdb:local_owner = ten: expected an IPv4 address" },
	{ G "winsdb:local_owner = 255.255.255.255\n", 2,
	  "winsdb:local_owner = 255.255.255.255: no host can have this "
	  "address" },
	{ G "winsdb:local_owner =\n", 2,
	  "winsdb:local_owner = : a value is missing" },
	{ G "winsdb:local_owner = 010.0.0.1\n", 2,
	  "winsdb:local_owner = 010.0.0.1: expected an IPv4 address" },
	{ G "nbtd:wins_randomize1Clist_mask = 24\n", 2,
	  "nbtd:wins_randomize1Clist_mask = 24: expected a mask such as "
	  "255.255.255.0" },
	{ G "wins:block owners = 192.0.2.1 here\n", 2,
	  "wins:block owners = 192.0.2.1 here: here: expected an IPv4 "
	  "address" },
};

static const struct broken paths[] = {
	{ G "state directory = var/lib/winsd\n", 2,
	  "state directory = var/lib/winsd: expected a path that begins with "
	  "/" },
	{ G "lock dir = %p\n", 2,
	  "lock directory = %p: expected a path that begins with /" },
	{ G "lock directory = /run/%h\n", 2,
	  "lock directory = /run/%h: substitutions such as %h are not known "
	  "here" },
	{ G "state directory =\n", 2,
	  "state directory = : a value is missing" },
	{ G "state directory = /tmp\\", 2,
	  "state directory = /tmp\\: backslash at the end" },
	{ G "state directory = \"/tmp\\\"\n", 2,
	  "state directory = /tmp\\: backslash at the end" },
	{ G "lock directory = /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 2,
	  "lock directory is too long a path for the socket /aaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaa/winsd.sock" },
	{ G "wins:plugins = hook ../evil\n", 2,
	  "wins:plugins = hook ../evil: ../evil: expected names of letters, "
	  "digits, - and _" },
};

#define P	"wins:partner 192.0.2.1"

static const struct broken partners[] = {
	{ G "wins:partners = 192.0.2.1(pul)\n", 2,
	  "wins:partners = 192.0.2.1(pul): 192.0.2.1(pul): expected ADDR, "
	  "ADDR(pull) or ADDR(push)" },
	{ G "wins:partners = 192.0.2.1 (pull)\n", 2,
	  "wins:partners = 192.0.2.1 (pull): (pull): expected ADDR, "
	  "ADDR(pull) or ADDR(push)" },
	{ G "wins:partners = wins.example.org\n", 2,
	  "wins:partners = wins.example.org: wins.example.org: expected ADDR, "
	  "ADDR(pull) or ADDR(push)" },
	{ G "wins:partners = 192.0.2.1(pull) 192.0.2.2 192.0.2.1(push)\n", 2,
	  "wins:partners has 192.0.2.1 twice" },
	{ G "wins:partner = 192.0.2.1\n", 2,
	  "wins:partner: expected wins:partner ADDR = key=value, ... (did you "
	  "mean wins:partners?)" },
	{ G "wins:partner here = retry=30\n", 2,
	  "wins:partner here: expected wins:partner ADDR = key=value, ... "
	  "(did you mean wins:partners?)" },
	{ G P " = pull interval=0\n", 2,
	  P ": pull interval=0: 0 is not an interval (did you mean never?)" },
	{ G P " = retry=30, pull intervall=60\n", 2,
	  P ": unknown key \"pull intervall\" (did you mean pull "
	  "interval?)" },
	{ G P " = colour=blue\n", 2, P ": unknown key \"colour\"" },
	{ G P " = pull interval=1800 retry=30\n", 2,
	  P ": pull interval=1800 retry=30: expected seconds or never" },
	{ G P " = start time=24:00\n", 2,
	  P ": start time=24:00: expected a time of day, HH:MM" },
	{ G P " = start time=7:30\n", 2,
	  P ": start time=7:30: expected a time of day, HH:MM" },
	{ G P " = push count=-1\n", 2,
	  P ": push count=-1: expected a number of changes, 0 to 1000000" },
	{ G P " = persistent=maybe\n", 2,
	  P ": persistent=maybe: expected yes or no" },
	{ G P " = precedence=medium\n", 2,
	  P ": precedence=medium: expected low or high" },
	{ G P " = also=192.0.2.256\n", 2,
	  P ": also=192.0.2.256: expected addresses of hosts" },
	{ G P " = our address=eth0\n", 2,
	  P ": our address=eth0: expected the address of a host" },
	{ G P " = name=\n", 2,
	  P ": name=: expected a text of 1 to 63 bytes" },
	{ G P " = retry\n", 2,
	  P ": expected key=value, separated by commas" },
	{ G P " = retry=30,,statics=no\n", 2,
	  P ": expected key=value, separated by commas" },
	{ G P " = name=\x1b[31mred\n", 2, P ": control character" },
	{ G P " = precedence=\xff\n", 2,
	  P ": precedence=\\xff: expected low or high" },
	{ G P " = \xff=1\n", 2, P ": unknown key \"\\xff\"" },
	{ G P " = name=a\\", 2, P ": backslash at the end" },
	{ G P " = =30\n", 2, P ": no key before an =" },
};

static void check(const struct broken *rows, size_t count)
{
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct fake_host fake;
	char want[1024];

	fake_host_open(&fake, mem_ctx, "winsd");
	for (size_t i = 0; i < count; i++) {
		struct wins_config *config = NULL;
		char *message = NULL;

		fake_host_write(&fake, rows[i].text, strlen(rows[i].text));
		snprintf(want, sizeof(want), "%s:%u: %s", fake.file,
			 rows[i].line, rows[i].reason);
		if (wins_config_load(mem_ctx, &fake.host, &config,
				     &message) == 0) {
			fail_msg("accepted: %s", rows[i].text);
		}
		assert_null(config);
		assert_non_null(message);
		assert_string_equal(message, want);
		talloc_free(message);
	}
	fake_host_close(&fake);
	assert_int_equal(talloc_total_blocks(mem_ctx), 1);
	talloc_free(mem_ctx);
}

#define TABLE(rows)						\
static void rows##_are_refused(void **state)			\
{								\
	(void)state;						\
	check(rows, sizeof(rows) / sizeof(rows[0]));		\
}

TABLE(syntax)
TABLE(unknown)
TABLE(elsewhere)
TABLE(numbers)
TABLE(words)
TABLE(names)
TABLE(addresses)
TABLE(paths)
TABLE(partners)

#define COUNT(rows)	(sizeof(rows) / sizeof(rows[0]))

static void there_are_a_hundred(void **state)
{
	(void)state;
	assert_true(COUNT(syntax) + COUNT(unknown) + COUNT(elsewhere) +
		    COUNT(numbers) + COUNT(words) + COUNT(names) +
		    COUNT(addresses) + COUNT(paths) + COUNT(partners) >= 100);
}

/* A NUL cannot stand in the tables above. */
static void a_nul_is_refused_where_it_is(void **state)
{
	static const char text[] = G "workgroup = A\n\n# \0\n";
	TALLOC_CTX *mem_ctx = talloc_new(NULL);
	struct wins_config *config = NULL;
	struct fake_host fake;
	char *message = NULL;
	char want[128];

	(void)state;
	fake_host_open(&fake, mem_ctx, "winsd");
	fake_host_write(&fake, text, sizeof(text) - 1);
	assert_int_equal(wins_config_load(mem_ctx, &fake.host, &config,
					  &message), EINVAL);
	snprintf(want, sizeof(want), "%s:4: NUL byte: this is not a text file",
		 fake.file);
	assert_string_equal(message, want);
	fake_host_close(&fake);
	talloc_free(mem_ctx);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(syntax_are_refused),
		cmocka_unit_test(unknown_are_refused),
		cmocka_unit_test(elsewhere_are_refused),
		cmocka_unit_test(numbers_are_refused),
		cmocka_unit_test(words_are_refused),
		cmocka_unit_test(names_are_refused),
		cmocka_unit_test(addresses_are_refused),
		cmocka_unit_test(paths_are_refused),
		cmocka_unit_test(partners_are_refused),
		cmocka_unit_test(there_are_a_hundred),
		cmocka_unit_test(a_nul_is_refused_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
