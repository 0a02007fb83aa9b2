/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each writer of names for DNS writes, typed from hosts(5), dnsmasq(8),
 * RFC 1035 5.1, nsupdate(1) and the help of dnscmd and of the cmdlets. The
 * same five hosts everywhere: two with one address, one far away, one whose
 * name is a number, one that somebody has.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "migrate/format/dns.h"
#include "migrate/formats.h"

struct row_in {
	const char *name;
	uint8_t suffix;
	uint32_t ip;
};

static const struct row_in database[] = {
	{ "PRINTSRV1", 0x20, 0xc0000253 },	/* 192.0.2.83 */
	{ "PRINTSRV1", 0x00, 0xc0000253 },
	{ "ALSO", 0x00, 0xc0000253 },
	{ "FAR-AWAY", 0x20, 0xc6336407 },	/* 198.51.100.7 */
	{ "4711", 0x20, 0xc0000205 },		/* 192.0.2.5 */
	{ "TAKEN", 0x20, 0xc0000206 },
};
#define ROWS (sizeof(database) / sizeof(database[0]))

static char existing[] = "/tmp/winsd-existing-XXXXXX";

#define TAKEN "taken IN A 203.0.113.9\n"

static void set_existing(const char *text)
{
	FILE *file = fopen(existing, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct format_options options(void)
{
	set_existing(TAKEN);
	return (struct format_options) {
		.now = 1767225600, .all = true, .domain = "corp.example",
		.ttl = 300, .existing = existing,
	};
}

/* Writes the database; sums of what became of it. The text is on ctx. */
static char *write_all(TALLOC_CTX *ctx, const struct format_ops *ops,
		       const struct format_options *how,
		       struct tally_sums *sums)
{
	char *text = NULL, *message = NULL, *copy = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	struct format_end end = {
		.path = "-", .file = file, .options = how,
		.tally = tally_create(ctx, NULL),
	};
	void *priv = NULL;

	assert_int_equal(ops->open(ctx, &end, true, &priv, &message), 0);
	for (size_t i = 0; i < ROWS; i++) {
		const struct row_in *in = &database[i];
		struct row row = {
			.rec = {
				.name = nb_name_make(in->name,
						     strlen(in->name),
						     in->suffix),
				.count = 1, .member = { { .ip = in->ip } },
			},
		};

		tally_read(end.tally, &row);
		assert_int_equal(ops->put(priv, &row, &message), 0);
	}
	assert_int_equal(ops->close(priv, &message), 0);
	tally_sums(end.tally, sums);
	(void)fclose(file);
	copy = talloc_strndup(ctx, text, len);
	free(text);
	return copy;
}

static void writes(const struct format_ops *ops,
		   const struct format_options *how, const char *expected,
		   uint64_t written, uint64_t changed)
{
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct tally_sums sums;

	assert_string_equal(write_all(ctx, ops, how, &sums), expected);
	assert_int_equal(sums.read, ROWS);
	assert_int_equal(sums.written, written);
	assert_int_equal(sums.changed, changed);
	assert_int_equal(sums.skipped, ROWS - written - changed);
	talloc_free(ctx);
}

/* ---- hosts(5): address, full name, aliases ---- */

static void hosts(void **state)
{
	struct format_options how = options();

	(void)state;
	writes(&format_hosts, &how,
	       "# 4 names of a WINS database\n"
	       "192.0.2.5\t4711.corp.example 4711\n"
	       "192.0.2.83\talso.corp.example also\n"
	       "198.51.100.7\tfar-away.corp.example far-away\n"
	       "192.0.2.83\tprintsrv1.corp.example printsrv1\n", 4, 1);
	how.domain = NULL;
	writes(&format_hosts, &how,
	       "# 4 names of a WINS database\n"
	       "192.0.2.5\t4711\n"
	       "192.0.2.83\talso\n"
	       "198.51.100.7\tfar-away\n"
	       "192.0.2.83\tprintsrv1\n", 4, 1);
}

/* What DNS says already, with this address, is neither written nor skipped. */
static void hosts_that_are_there(void **state)
{
	struct format_options how = options();
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct tally_sums sums;

	(void)state;
	set_existing("printsrv1 A 192.0.2.83\n4711 A 192.0.2.6\n"
		     "also CNAME elsewhere.example.\n");
	assert_string_equal(write_all(ctx, &format_hosts, &how, &sums),
			    "# 2 names of a WINS database\n"
			    "198.51.100.7\tfar-away.corp.example far-away\n"
			    "192.0.2.6\ttaken.corp.example taken\n");
	assert_int_equal(sums.written, 2);
	assert_int_equal(sums.unchanged, 2);
	assert_int_equal(sums.skipped, 2);
	talloc_free(ctx);
}

/* ---- dnsmasq(8): host-record=NAME[,NAME...],ADDRESS[,TTL] ---- */

static void dnsmasq(void **state)
{
	struct format_options how = options();

	(void)state;
	how.ttl = 60;
	writes(&format_dnsmasq, &how,
	       "# 4 names of a WINS database\n"
	       "host-record=4711.corp.example,192.0.2.5,60\n"
	       "host-record=also.corp.example,also,192.0.2.83,60\n"
	       "host-record=far-away.corp.example,far-away,198.51.100.7,60\n"
	       "host-record=printsrv1.corp.example,printsrv1,192.0.2.83,60\n",
	       4, 1);
	how.domain = NULL;
	writes(&format_dnsmasq, &how,
	       "# 3 names of a WINS database\n"
	       "host-record=also,192.0.2.83,60\n"
	       "host-record=far-away,198.51.100.7,60\n"
	       "host-record=printsrv1,192.0.2.83,60\n", 3, 1);
}

/* ---- RFC 1035 5.1 and 3.3.13 ---- */

static void bind(void **state)
{
	struct format_options how = options();

	(void)state;
	writes(&format_bind, &how,
	       "; 4 names of a WINS database\n"
	       "$ORIGIN corp.example.\n"
	       "$TTL 300\n"
	       "@\tIN\tSOA\tlocalhost. hostmaster.corp.example. 1767225600 "
	       "3600 600 1209600 300\n"
	       "@\tIN\tNS\tlocalhost.\n"
	       "4711\tIN\tA\t192.0.2.5\n"
	       "also\tIN\tA\t192.0.2.83\n"
	       "far-away\tIN\tA\t198.51.100.7\n"
	       "printsrv1\tIN\tA\t192.0.2.83\n", 4, 1);
}

static void bind_reverse(void **state)
{
	struct format_options how = options();

	(void)state;
	how.reverse = "2.0.192.in-addr.arpa";
	how.server = "NS1.corp.example.";
	how.ttl = 86400;
	writes(&format_bind, &how,
	       "; 2 names of a WINS database\n"
	       "$ORIGIN 2.0.192.in-addr.arpa.\n"
	       "$TTL 86400\n"
	       "@\tIN\tSOA\tns1.corp.example. hostmaster.corp.example. "
	       "1767225600 3600 600 1209600 86400\n"
	       "@\tIN\tNS\tns1.corp.example.\n"
	       "5\tIN\tPTR\t4711.corp.example.\n"
	       "83\tIN\tPTR\talso.corp.example.\n", 2, 0);
	/* a name that is there already may still lack its PTR record */
	set_existing("also IN A 192.0.2.83\n"
		     "5.2.0.192.in-addr.arpa. IN PTR elsewhere.example.\n");
	writes(&format_bind, &how,
	       "; 2 names of a WINS database\n"
	       "$ORIGIN 2.0.192.in-addr.arpa.\n"
	       "$TTL 86400\n"
	       "@\tIN\tSOA\tns1.corp.example. hostmaster.corp.example. "
	       "1767225600 3600 600 1209600 86400\n"
	       "@\tIN\tNS\tns1.corp.example.\n"
	       "83\tIN\tPTR\talso.corp.example.\n"
	       "6\tIN\tPTR\ttaken.corp.example.\n", 2, 0);
	set_existing(TAKEN);
	/* octets stand in reverse, as many as the zone does not say */
	how.reverse = "192.in-addr.arpa";
	how.server = NULL;
	writes(&format_bind, &how,
	       "; 2 names of a WINS database\n"
	       "$ORIGIN 192.in-addr.arpa.\n"
	       "$TTL 86400\n"
	       "@\tIN\tSOA\tlocalhost. hostmaster.corp.example. "
	       "1767225600 3600 600 1209600 86400\n"
	       "@\tIN\tNS\tlocalhost.\n"
	       "5.2.0\tIN\tPTR\t4711.corp.example.\n"
	       "83.2.0\tIN\tPTR\talso.corp.example.\n", 2, 0);
}

/* ---- nsupdate(1) ---- */

#define UPDATE(name, ttl, ip) \
	"prereq nxrrset " name ".corp.example. IN A\n" \
	"prereq nxrrset " name ".corp.example. IN CNAME\n" \
	"update add " name ".corp.example. " ttl " IN A " ip "\n" \
	"send\n"

static void nsupdate(void **state)
{
	struct format_options how = options();

	(void)state;
	writes(&format_nsupdate, &how,
	       "; 4 names of a WINS database\n"
	       "zone corp.example.\n"
	       UPDATE("4711", "300", "192.0.2.5")
	       UPDATE("also", "300", "192.0.2.83")
	       UPDATE("far-away", "300", "198.51.100.7")
	       UPDATE("printsrv1", "300", "192.0.2.83"), 4, 1);
}

static void nsupdate_with_pointers(void **state)
{
	struct format_options how = options();

	(void)state;
	how.reverse = "2.0.192.in-addr.arpa";
	how.server = "192.0.2.53";
	how.ttl = 60;
	writes(&format_nsupdate, &how,
	       "; 4 names of a WINS database\n"
	       "server 192.0.2.53\n"
	       "zone corp.example.\n"
	       UPDATE("4711", "60", "192.0.2.5")
	       UPDATE("also", "60", "192.0.2.83")
	       UPDATE("far-away", "60", "198.51.100.7")
	       UPDATE("printsrv1", "60", "192.0.2.83")
	       "zone 2.0.192.in-addr.arpa.\n"
	       "prereq nxrrset 5.2.0.192.in-addr.arpa. IN PTR\n"
	       "update add 5.2.0.192.in-addr.arpa. 60 IN PTR "
	       "4711.corp.example.\n"
	       "send\n"
	       "prereq nxrrset 83.2.0.192.in-addr.arpa. IN PTR\n"
	       "update add 83.2.0.192.in-addr.arpa. 60 IN PTR "
	       "also.corp.example.\n"
	       "send\n",
	       /* changed: PRINTSRV1<00>, and two names without PTR */
	       2, 3);
}

/* ---- dnscmd SERVER /RecordAdd ZONE NODE [TTL] TYPE DATA ---- */

static void dnscmd(void **state)
{
	struct format_options how = options();

	(void)state;
	how.reverse = "2.0.192.in-addr.arpa";
	writes(&format_dnscmd, &how,
	       "@echo off\r\n"
	       "rem 4 names of a WINS database.\r\n"
	       "rem dnscmd does not look whether a name is taken: make this "
	       "with --existing.\r\n"
	       "rem ---- A records ----\r\n"
	       "dnscmd . /RecordAdd corp.example 4711 300 A 192.0.2.5\r\n"
	       "dnscmd . /RecordAdd corp.example also 300 A 192.0.2.83\r\n"
	       "dnscmd . /RecordAdd corp.example far-away 300 A "
	       "198.51.100.7\r\n"
	       "dnscmd . /RecordAdd corp.example printsrv1 300 A "
	       "192.0.2.83\r\n"
	       "rem ---- PTR records ----\r\n"
	       "dnscmd . /RecordAdd 2.0.192.in-addr.arpa 5 300 PTR "
	       "4711.corp.example.\r\n"
	       "dnscmd . /RecordAdd 2.0.192.in-addr.arpa 83 300 PTR "
	       "also.corp.example.\r\n"
	       "rem ---- GlobalNames; once before, on each server:\r\n"
	       "rem dnscmd /Config /EnableGlobalNamesSupport 1\r\n"
	       "rem dnscmd /ZoneAdd GlobalNames /DsPrimary /DP /Forest\r\n"
	       "dnscmd . /RecordAdd GlobalNames 4711 300 CNAME "
	       "4711.corp.example.\r\n"
	       "dnscmd . /RecordAdd GlobalNames also 300 CNAME "
	       "also.corp.example.\r\n"
	       "dnscmd . /RecordAdd GlobalNames far-away 300 CNAME "
	       "far-away.corp.example.\r\n"
	       "dnscmd . /RecordAdd GlobalNames printsrv1 300 CNAME "
	       "printsrv1.corp.example.\r\n", 2, 3);
}

/* ---- Add-DnsServerResourceRecordA, -CName, -Ptr ---- */

#define POWERSHELL \
	"$ttl = New-TimeSpan -Seconds 300\r\n" \
	"function Test-Free([string]$Zone, [string]$Name) {\r\n" \
	"\t$there = Get-DnsServerResourceRecord @server -ZoneName $Zone " \
	"-Name $Name -Node -ErrorAction SilentlyContinue\r\n" \
	"\tif ($there) { Write-Warning \"$Name is in $Zone already\" }\r\n" \
	"\t-not $there\r\n" \
	"}\r\n" \
	"# ---- A records ----\r\n"
#define ADD(kind, zone, name, data) \
	"if (Test-Free '" zone "' '" name "') { " \
	"Add-DnsServerResourceRecord" kind " @server -ZoneName '" zone \
	"' -Name '" name "' -TimeToLive $ttl " data " }\r\n"
#define ADDRESSES \
	ADD("A", "corp.example", "4711", "-IPv4Address '192.0.2.5'") \
	ADD("A", "corp.example", "also", "-IPv4Address '192.0.2.83'") \
	ADD("A", "corp.example", "far-away", "-IPv4Address '198.51.100.7'") \
	ADD("A", "corp.example", "printsrv1", "-IPv4Address '192.0.2.83'")
#define ALIAS(name) \
	ADD("CName", "GlobalNames", name, \
	    "-HostNameAlias '" name ".corp.example.'")
#define ALIASES \
	"# ---- GlobalNames; once before, on each server:\r\n" \
	"# Set-DnsServerGlobalNameZone -Enable $true\r\n" \
	"# Add-DnsServerPrimaryZone -Name GlobalNames " \
	"-ReplicationScope Forest\r\n" \
	ALIAS("4711") ALIAS("also") ALIAS("far-away") ALIAS("printsrv1")

static void powershell(void **state)
{
	struct format_options how = options();

	(void)state;
	writes(&format_powershell, &how,
	       "# 4 names of a WINS database\r\n$server = @{}\r\n"
	       POWERSHELL ADDRESSES ALIASES, 4, 1);
	how.server = "dc1.corp.example";
	how.reverse = "2.0.192.in-addr.arpa";
	writes(&format_powershell, &how,
	       "# 4 names of a WINS database\r\n"
	       "$server = @{ ComputerName = 'dc1.corp.example' }\r\n"
	       POWERSHELL ADDRESSES
	       "# ---- PTR records ----\r\n"
	       ADD("Ptr", "2.0.192.in-addr.arpa", "5",
		   "-PtrDomainName '4711.corp.example.'")
	       ADD("Ptr", "2.0.192.in-addr.arpa", "83",
		   "-PtrDomainName 'also.corp.example.'")
	       ALIASES, 2, 3);
}

/* ---- a disk that is full ---- */

static void what_cannot_be_written_is_said(void **state)
{
	struct format_options how = options();
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct format_end end = {
		.path = "/dev/full", .file = fopen("/dev/full", "w"),
		.options = &how, .tally = tally_create(ctx, NULL),
	};
	char *message = NULL;
	void *priv = NULL;

	(void)state;
	assert_non_null(end.file);
	assert_int_equal(format_hosts.open(ctx, &end, true, &priv, &message),
			 0);
	assert_int_not_equal(format_hosts.close(priv, &message), 0);
	assert_non_null(strstr(message, "No space left"));
	(void)fclose(end.file);
	talloc_free(ctx);
}

static void no_such_file_of_existing_names(void **state)
{
	struct format_options how = options();
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct format_end end = { .path = "-", .file = stdout,
				  .options = &how };
	char *message = NULL;
	void *priv = NULL;

	(void)state;
	how.existing = "/nonexistent/zone";
	assert_int_not_equal(format_hosts.open(ctx, &end, true, &priv,
					       &message), 0);
	assert_non_null(strstr(message, "/nonexistent/zone: No such"));
	talloc_free(ctx);
}

static int make_existing(void **state)
{
	int fd = mkstemp(existing);

	(void)state;
	return fd == -1 ? -1 : close(fd);
}

static int remove_existing(void **state)
{
	(void)state;
	return remove(existing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(hosts_that_are_there),
		cmocka_unit_test(dnsmasq),
		cmocka_unit_test(bind),
		cmocka_unit_test(bind_reverse),
		cmocka_unit_test(nsupdate),
		cmocka_unit_test(nsupdate_with_pointers),
		cmocka_unit_test(dnscmd),
		cmocka_unit_test(powershell),
		cmocka_unit_test(what_cannot_be_written_is_said),
		cmocka_unit_test(no_such_file_of_existing_names),
	};

	return cmocka_run_group_tests(tests, make_existing, remove_existing);
}
