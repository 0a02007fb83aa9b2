/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which names of a WINS database DNS gets, and that each row is told once.
 * The rules are the issue's: active unique and multihomed hosts, suffix 20 or
 * 00, asked for lately, of one address, clashing with nothing; RFC 1123 2.1
 * says what a name is.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <cmocka.h>

#include "migrate/format/dns.h"
#include "migrate/formats.h"

#define NOW	1800000000
#define IP	0xc0000253u		/* 192.0.2.83 */

struct run {
	TALLOC_CTX *ctx;
	struct format_options options;
	const struct format_ops *ops;
	struct tally *tally;
	struct tally_sums sums;
	char *text;			/* what was written */
	size_t len;
	FILE *file;
	void *priv;
	char *message;
};

static struct run *run_begin(const struct format_ops *ops)
{
	struct run *run = calloc(1, sizeof(*run));

	assert_non_null(run);
	run->ctx = talloc_new(NULL);
	run->ops = ops;
	run->options.now = NOW;
	run->options.all = true;
	run->tally = tally_create(run->ctx, NULL);
	run->file = open_memstream(&run->text, &run->len);
	assert_non_null(run->file);
	return run;
}

static int run_open(struct run *run)
{
	struct format_end end = {
		.path = "-", .file = run->file, .options = &run->options,
		.tally = run->tally,
	};

	return run->ops->open(run->ctx, &end, true, &run->priv,
			      &run->message);
}

static void put(struct run *run, const struct row *row)
{
	if (run->priv == NULL) {
		assert_int_equal(run_open(run), 0);
	}
	tally_read(run->tally, row);
	assert_int_equal(run->ops->put(run->priv, row, &run->message), 0);
}

static void run_close(struct run *run)
{
	if (run->priv == NULL) {
		assert_int_equal(run_open(run), 0);
	}
	assert_int_equal(run->ops->close(run->priv, &run->message), 0);
	tally_sums(run->tally, &run->sums);
	assert_int_equal(run->sums.read, run->sums.written +
			 run->sums.changed + run->sums.unchanged +
			 run->sums.skipped);
}

static void run_free(struct run *run)
{
	(void)fclose(run->file);
	free(run->text);
	talloc_free(run->ctx);
	free(run);
}

static struct row host(const char *name, uint8_t suffix, uint32_t ip)
{
	struct row row = {
		.kind = ROW_RECORD,
		.known = ROW_ALL & ~(unsigned int)ROW_QUERIED,
		.rec = {
			.name = nb_name_make(name, strlen(name), suffix),
			.node = NB_H_NODE, .owner = 0x0a000001, .version = 7,
			.expires = NOW + 1000, .count = 1,
			.member = { { ip, 0x0a000001, NOW + 1000 } },
		},
	};

	return row;
}

/* How often a reason was given, of either kind. */
static uint64_t given(const struct run *run, const char *wanted)
{
	const char *reason = NULL;
	uint64_t count = 0;
	bool is_skip = false;

	for (unsigned int i = 0; tally_reason(run->tally, i, &is_skip, &reason,
					      &count); i++) {
		if (strcmp(reason, wanted) == 0) {
			return count;
		}
	}
	return 0;
}

/* A database of one row: skipped for this reason, or written if NULL. */
static void alone(struct row row, const char *reason)
{
	struct run *run = run_begin(&format_hosts);

	put(run, &row);
	run_close(run);
	if (reason == NULL) {
		assert_int_equal(run->sums.written, 1);
		assert_non_null(strstr(run->text, "192.0.2.83\tprintsrv1\n"));
	} else {
		assert_int_equal(run->sums.skipped, 1);
		assert_int_equal(given(run, reason), 1);
		assert_null(strstr(run->text, "192.0.2"));
	}
	run_free(run);
}

static void hosts_of_either_suffix(void **state)
{
	struct row row = host("PRINTSRV1", 0x20, IP);

	(void)state;
	alone(row, NULL);
	alone(host("PRINTSRV1", 0x00, IP), NULL);
	row.rec.type = NB_MHOMED;
	alone(row, NULL);
	row.rec.is_static = true;
	row.rec.expires = row.rec.member[0].expires = NB_NEVER;
	alone(row, NULL);
}

static void what_is_no_host(void **state)
{
	static const uint8_t domain[] = { 0x1b, 0x1c, 0x1d, 0x1e };
	struct row row = host("PRINTSRV1", 0x00, IP);

	(void)state;
	row.rec.type = NB_GROUP;
	alone(row, "a group is no host");
	row.rec.type = NB_SGROUP;
	alone(row, "a group is no host");
	alone(host("PRINTSRV1", 0x03, IP),
	      "suffix 03: a user or the messenger service");
	for (size_t i = 0; i < sizeof(domain); i++) {
		alone(host("PRINTSRV1", domain[i], IP),
		      "suffixes 1B to 1E: a domain or its browsers");
	}
	alone(host("PRINTSRV1", 0x21, IP), "neither suffix 00 nor 20");
}

static void what_is_not_active(void **state)
{
	struct row row = host("PRINTSRV1", 0x20, IP);

	(void)state;
	row.rec.state = NB_RELEASED;
	alone(row, "released");
	row.rec.state = NB_TOMBSTONE;
	alone(row, "tombstone");
	row.rec.state = NB_ACTIVE;
	/* of another owner: only he knows (protocol.md 2.1) */
	row.rec.expires = NOW;
	alone(row, NULL);
	row.known &= ~(unsigned int)ROW_OWNER;
	row.rec.owner = 0;
	alone(row, "expired");
	row.rec.expires = NOW + 1;
	alone(row, NULL);
	row.rec.expires = 0;
	row.known &= ~(unsigned int)ROW_EXPIRES;
	alone(row, NULL);
}

static void what_dns_cannot_carry(void **state)
{
	static const char *const names[] = {
		"", "-A", "A-", "A_B", "A B", "A.B", "\xc4", "A\x01", "$", "*",
		"A'B", "A;B", "A\"", "A`B", "A%B", "@", "A\nB", "A(",
	};
	struct row row = host("PRINTSRV1", 0x20, IP);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		alone(host(names[i], 0x20, IP), "not a DNS name");
	}
	(void)nb_name_set_scope(&row.rec.name, "corp", 4);
	alone(row, "scope cannot be written");
	alone(host("PRINTSRV1", 0x20, 0x7f000001),
	      "not the address of a host");
	alone(host("PRINTSRV1", 0x20, 0), "not the address of a host");
	alone(host("PRINTSRV1", 0x20, NB_BROADCAST),
	      "not the address of a host");
	alone(host("wPad", 0x20, IP),
	      "WPAD, ISATAP and LOCALHOST are nobody's");
	alone(host("ISATAP", 0x00, IP),
	      "WPAD, ISATAP and LOCALHOST are nobody's");
	alone(host("LOCALHOST", 0x20, IP),
	      "WPAD, ISATAP and LOCALHOST are nobody's");
}

static void longest_and_shortest_names(void **state)
{
	struct run *run = run_begin(&format_hosts);
	struct row a = host("9", 0x20, IP);
	struct row b = host("ABCDEFGHIJKLM-9", 0x20, IP + 1);

	(void)state;
	put(run, &b);
	put(run, &a);
	run_close(run);
	assert_string_equal(run->text, "# 2 names of a WINS database\n"
			    "192.0.2.83\t9\n192.0.2.84\tabcdefghijklm-9\n");
	run_free(run);
}

static void both_suffixes_are_one_name(void **state)
{
	struct run *run = run_begin(&format_hosts);
	struct row a = host("PRINTSRV1", 0x00, IP);
	struct row b = host("PRINTSRV1", 0x20, IP);
	struct row c = host("PrintSrv1", 0x00, IP);
	const char *sample = NULL;

	(void)state;
	put(run, &a);
	put(run, &b);
	put(run, &c);
	run_close(run);
	assert_string_equal(run->text, "# 1 names of a WINS database\n"
			    "192.0.2.83\tprintsrv1\n");
	assert_int_equal(run->sums.written, 1);
	assert_int_equal(run->sums.changed, 2);
	assert_int_equal(given(run, "one name with its other entry"), 2);
	/* the server's entry stands for the name, the others are told */
	assert_true(tally_sample(run->tally, 0, 0, &sample));
	assert_string_equal(sample, "PRINTSRV1<00>");
	assert_true(tally_sample(run->tally, 0, 1, &sample));
	assert_string_equal(sample, "PrintSrv1<00>");
	run_free(run);
}

static void suffixes_that_disagree(void **state)
{
	struct run *run = run_begin(&format_hosts);
	struct row a = host("PRINTSRV1", 0x00, IP);
	struct row b = host("PRINTSRV1", 0x20, IP + 1);
	struct row c = host("PRINTSRV2", 0x20, IP + 1);

	(void)state;
	put(run, &a);
	put(run, &b);
	put(run, &c);
	run_close(run);
	assert_int_equal(given(run, "its entries have different addresses"),
			 2);
	assert_int_equal(run->sums.written, 1);
	assert_null(strstr(run->text, "printsrv1"));
	run_free(run);
}

/* A released entry of the same name has no say. */
static void only_active_entries_disagree(void **state)
{
	struct run *run = run_begin(&format_hosts);
	struct row a = host("PRINTSRV1", 0x00, IP + 1);
	struct row b = host("PRINTSRV1", 0x20, IP);

	(void)state;
	a.rec.state = NB_RELEASED;
	put(run, &a);
	put(run, &b);
	run_close(run);
	assert_int_equal(run->sums.written, 1);
	assert_int_equal(given(run, "released"), 1);
	run_free(run);
}

static void several_addresses(void **state)
{
	struct run *run = run_begin(&format_hosts);
	struct row a = host("PRINTSRV1", 0x20, IP);
	struct row b = host("PRINTSRV1", 0x00, IP + 1);
	struct row c = host("PRINTSRV2", 0x20, IP);

	(void)state;
	/* the order of the addresses does not matter, their number does */
	a.rec.type = b.rec.type = c.rec.type = NB_MHOMED;
	a.rec.member[a.rec.count++].ip = IP + 1;
	b.rec.member[b.rec.count++].ip = IP;
	c.rec.count = NB_MEMBERS_MAX;
	for (unsigned int i = 0; i < NB_MEMBERS_MAX; i++) {
		c.rec.member[i].ip = IP + i;
	}
	put(run, &a);
	put(run, &b);
	put(run, &c);
	run_close(run);
	assert_int_equal(given(run, "several addresses"), 3);
	assert_int_equal(run->sums.skipped, 3);
	run_free(run);
}

/* A row that was kept comes out as it went in: it can be mended. */
static void what_is_skipped_is_whole(void **state)
{
	static const char line[] =
		"{\"name\":\"PrintSrv1\",\"suffix\":32,\"scope\":\"\","
		"\"type\":\"mhomed\",\"state\":\"active\",\"node\":\"M\","
		"\"static\":false,\"owner\":\"10.0.0.1\",\"version\":7,"
		"\"expires\":\"2027-01-15T08:16:40Z\",\"addresses\":["
		"{\"ip\":\"192.0.2.83\",\"owner\":\"10.0.0.1\","
		"\"expires\":\"2027-01-15T08:16:40Z\"},"
		"{\"ip\":\"192.0.2.84\",\"owner\":\"10.0.0.2\","
		"\"expires\":\"2027-01-15T08:00:00Z\"}],"
		"\"queried\":\"2027-01-15T08:00:00Z\","
		"\"skipped\":\"several addresses\"}\n";
	char path[] = "/tmp/winsd-skipped-XXXXXX", text[1000] = "";
	int fd = mkstemp(path);
	struct run *run = run_begin(&format_hosts);
	struct row row = host("PrintSrv1", 0x20, IP);
	FILE *file = NULL;

	(void)state;
	assert_int_not_equal(fd, -1);
	(void)close(fd);
	run->tally = tally_create(run->ctx, path);
	row.known |= ROW_QUERIED;
	row.queried = NOW;
	row.rec.type = NB_MHOMED;
	row.rec.node = NB_M_NODE;
	row.rec.member[row.rec.count++] = (struct nb_member) {
		IP + 1, 0x0a000002, NOW,
	};
	put(run, &row);
	run_close(run);
	assert_int_equal(tally_close(run->tally, &run->message), 0);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	(void)fclose(file);
	(void)remove(path);
	assert_non_null(strchr(text, '\n'));
	assert_string_equal(strchr(text, '\n') + 1, line);
	run_free(run);
}

/* ---- who was asked for ---- */

static void asked(struct run *run, const char *name, uint8_t suffix,
		  int64_t when)
{
	struct row row = host(name, suffix, IP);

	row.known |= ROW_QUERIED;
	row.queried = when;
	put(run, &row);
}

static void names_that_were_asked_for(void **state)
{
	struct run *run = run_begin(&format_hosts);

	(void)state;
	run->options.all = false;
	run->options.queried_since = NOW - 100;
	asked(run, "NEVER", 0x20, -1);
	asked(run, "LONG-AGO", 0x20, NOW - 101);
	asked(run, "LATELY", 0x20, NOW - 100);
	/* one of the two is enough */
	asked(run, "BOTH", 0x00, -1);
	asked(run, "BOTH", 0x20, NOW);
	run_close(run);
	assert_string_equal(run->text, "# 2 names of a WINS database\n"
			    "192.0.2.83\tboth\n192.0.2.83\tlately\n");
	assert_int_equal(given(run, "never asked for"), 1);
	assert_int_equal(given(run, "not asked for lately"), 1);
	assert_int_equal(run->sums.changed, 1);
	run_free(run);
}

/* Without a moment: whoever was asked for as far as the server remembers. */
static void names_that_were_ever_asked_for(void **state)
{
	struct run *run = run_begin(&format_hosts);

	(void)state;
	run->options.all = false;
	asked(run, "NEVER", 0x20, -1);
	asked(run, "UNKNOWN", 0x20, 0);
	asked(run, "ONCE", 0x20, 1);
	run_close(run);
	assert_int_equal(run->sums.written, 1);
	assert_int_equal(given(run, "never asked for"), 1);
	assert_int_equal(given(run, "not known when it was asked for"), 1);
	assert_non_null(strstr(run->text, "once\n"));
	run_free(run);
}

static void a_source_that_does_not_say(void **state)
{
	struct run *run = run_begin(&format_hosts);
	struct row row = host("PRINTSRV1", 0x20, IP);

	(void)state;
	run->options.all = false;
	run->options.queried_since = NOW - 100;
	put(run, &row);
	row.rec.name.type = 0x1b;
	put(run, &row);
	assert_int_equal(run->ops->close(run->priv, &run->message), EPERM);
	assert_non_null(strstr(run->message, "--all"));
	/* and nothing of it is left in the file */
	assert_int_equal(fflush(run->file), 0);
	assert_int_equal(run->len, 0);
	run_free(run);
}

/* A server that counts, and does not know it of a name that is new to it. */
static void a_name_of_which_nobody_knows(void **state)
{
	struct run *run = run_begin(&format_hosts);
	struct row row = host("PRINTSRV1", 0x20, IP);

	(void)state;
	run->options.all = false;
	asked(run, "LATELY", 0x20, NOW);
	put(run, &row);
	row.queried = NOW;		/* what is not known counts nothing */
	row.rec.name.type = 0x00;
	put(run, &row);
	run_close(run);
	assert_int_equal(run->sums.written, 1);
	assert_int_equal(given(run, "not known when it was asked for"), 2);
	run_free(run);
}

static void configuration_is_nobody_s_name(void **state)
{
	struct run *run = run_begin(&format_hosts);
	struct row row = { .kind = ROW_OPTION, .option = "wins:partners",
			   .value = "192.0.2.1" };

	(void)state;
	run->options.all = false;
	put(run, &row);
	run_close(run);
	assert_int_equal(run->sums.read, 0);
	assert_string_equal(run->text, "# 0 names of a WINS database\n");
	run_free(run);
}

/* ---- what the command line may say ---- */

struct words {
	const struct format_ops *ops;
	const char *domain, *reverse, *server;
	const char *wrong;		/* a word of the message; NULL: fine */
};

static void options_are_looked_at(void **state)
{
	static const struct words cases[] = {
		{ &format_hosts, NULL, NULL, NULL, NULL },
		{ &format_hosts, "corp.example.", NULL, NULL, NULL },
		{ &format_hosts, "corp..example", NULL, NULL, "--domain" },
		{ &format_hosts, "corp example", NULL, NULL, "--domain" },
		{ &format_hosts, "'; rm", NULL, NULL, "--domain" },
		{ &format_hosts, ".", NULL, NULL, "--domain" },
		{ &format_hosts, "x", "2.0.192.in-addr.arpa", NULL,
		  "--reverse" },
		{ &format_dnsmasq, "x", "2.0.192.in-addr.arpa", NULL,
		  "--reverse" },
		{ &format_bind, NULL, NULL, NULL, "--domain" },
		{ &format_bind, "x", NULL, "ns.x.", NULL },
		{ &format_bind, "x", NULL, "192.0.2.1", "--server" },
		{ &format_bind, "x", "2.0.192.in-addr.arpa.", NULL, NULL },
		{ &format_bind, "x", "192.in-addr.arpa", NULL, NULL },
		{ &format_bind, "x", "in-addr.arpa", NULL, "--reverse" },
		{ &format_bind, "x", "1.2.0.192.in-addr.arpa", NULL,
		  "--reverse" },
		{ &format_bind, "x", "0-63.2.0.192.in-addr.arpa", NULL,
		  "--reverse" },
		{ &format_bind, "x", "256.in-addr.arpa", NULL, "--reverse" },
		{ &format_bind, "x", "2.0.192.in-addr.arpa.x", NULL,
		  "--reverse" },
		{ &format_nsupdate, NULL, NULL, NULL, "--domain" },
		{ &format_nsupdate, "x", NULL, "192.0.2.1", NULL },
		{ &format_nsupdate, "x", NULL, "ns\nquit", "--server" },
		{ &format_powershell, NULL, NULL, NULL, "--domain" },
		{ &format_powershell, "x", NULL, "dc1' }", "--server" },
		{ &format_dnscmd, NULL, NULL, NULL, "--domain" },
		{ &format_dnscmd, "x", NULL, "a&b", "--server" },
		{ &format_dnscmd, "x", NULL, "%PATH%", "--server" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run *run = run_begin(cases[i].ops);

		run->options.domain = cases[i].domain;
		run->options.reverse = cases[i].reverse;
		run->options.server = cases[i].server;
		if (cases[i].wrong == NULL) {
			run_close(run);
		} else {
			assert_int_equal(run_open(run), EINVAL);
			assert_non_null(strstr(run->message, cases[i].wrong));
		}
		run_free(run);
	}
}

/* A name and its domain have 253 bytes between them (RFC 1035 3.1). */
static void the_longest_domain(void **state)
{
	char domain[260] = "";

	(void)state;
	for (unsigned int len = 230; len < 250; len++) {
		struct run *run = run_begin(&format_hosts);

		for (unsigned int i = 0; i < len; i++) {
			domain[i] = i % 50 == 49 ? '.' : 'a';
		}
		domain[len] = '\0';
		run->options.domain = domain;
		assert_int_equal(run_open(run), len <= 237 ? 0 : EINVAL);
		run_free(run);
	}
}

/* ---- any database ---- */

static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static struct row any_row(void)
{
	static const uint8_t suffixes[] = { 0, 0, 0x20, 0x20, 0x20, 3, 0x1b,
					    0x1c, 0x1d, 0x1e, 0x21, 0xff };
	struct row row = host("", suffixes[any(sizeof(suffixes))],
			      0xc0000200u + any(4));
	char name[NB_NAME_MAX];
	size_t len = 1 + any(any(3) == 0 ? 15 : 2);

	for (size_t i = 0; i < len; i++) {
		name[i] = (char)(any(20) == 0 ? any(256) : 'A' + any(3));
	}
	row.rec.name = nb_name_make(name, len, row.rec.name.type);
	row.rec.type = (uint8_t)(any(3) == 0 ? any(4) : 0);
	row.rec.state = (uint8_t)(any(4) == 0 ? any(3) : 0);
	row.rec.is_static = any(8) == 0;
	row.known |= any(100) == 0 ? 0 : ROW_QUERIED;
	row.queried = (int64_t)any(4) * 50 - 1;
	row.place = any(3);
	if (any(30) == 0) {
		(void)nb_name_set_scope(&row.rec.name, "x", 1);
	}
	while (row.rec.type != NB_UNIQUE && any(3) > 0 && row.rec.count < 25) {
		row.rec.member[row.rec.count].ip = 0xc0000210u + row.rec.count;
		row.rec.count++;
	}
	if (row.rec.type == NB_UNIQUE && row.rec.state != NB_ACTIVE &&
	    any(2) == 0) {
		row.rec.count = 0;
	}
	nb_record_settle(&row.rec);
	return row;
}

/* Said apart from dns.c: could this row, alone, give its name an address? */
static bool is_candidate(const struct row *row)
{
	const struct nb_record *rec = &row->rec;
	bool good = rec->name.len > 0 && rec->name.scope_len == 0 &&
		    (rec->name.type == 0 || rec->name.type == 0x20) &&
		    (rec->type == NB_UNIQUE || rec->type == NB_MHOMED) &&
		    rec->state == NB_ACTIVE && rec->count > 0;

	for (unsigned int i = 0; good && i < rec->name.len; i++) {
		uint8_t byte = rec->name.byte[i];
		bool edge = i == 0 || i + 1 == rec->name.len;

		good = (byte >= '0' && byte <= '9') ||
		       (byte >= 'A' && byte <= 'Z') ||
		       (byte >= 'a' && byte <= 'z') || (byte == '-' && !edge);
	}
	return good;
}

static bool same_host(const struct nb_record *a, const struct nb_record *b)
{
	return strncasecmp((const char *)a->name.byte,
			   (const char *)b->name.byte, NB_NAME_MAX) == 0;
}

/* Is it the one address of its name, by all rows? Also: the first of them. */
static bool is_written(const struct row *rows, unsigned int count,
		       unsigned int which)
{
	const struct row *row = &rows[which];

	if (!is_candidate(row) || row->rec.count != 1) {
		return false;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (is_candidate(&rows[i]) &&
		    same_host(&rows[i].rec, &row->rec) &&
		    (i < which || rows[i].rec.count != 1 ||
		     rows[i].rec.member[0].ip != row->rec.member[0].ip)) {
			return false;
		}
	}
	return true;
}

static unsigned int lines_of(const char *text, const char *part)
{
	unsigned int count = 0;

	for (; (text = strstr(text, part)) != NULL; text += strlen(part)) {
		count++;
	}
	return count;
}

static void demand_lines(const struct run *run, const struct row *rows,
			 unsigned int count)
{
	unsigned int names = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct nb_record *rec = &rows[i].rec;
		char line[64], ip[NB_ADDR_TEXT];

		if (!is_written(rows, count, i)) {
			continue;
		}
		names++;
		(void)snprintf(line, sizeof(line), "\n%s\t%.*s\n",
			       nb_addr_print(rec->member[0].ip, ip),
			       rec->name.len, (const char *)rec->name.byte);
		for (char *p = line; *p != '\0'; p++) {
			*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
		}
		assert_int_equal(lines_of(run->text, line), 1);
	}
	assert_int_equal(run->sums.written, names);
	assert_int_equal(lines_of(run->text, "\n"), names + 1);
}

static void any_database_is_conserved(void **state)
{
	static struct row rows[300];

	(void)state;
	for (seed = 1; seed < 400;) {
		uint32_t first = seed;
		unsigned int count = any(300);
		struct run *run = run_begin(&format_hosts);

		for (unsigned int i = 0; i < count; i++) {
			rows[i] = any_row();
			put(run, &rows[i]);
		}
		run_close(run);
		demand_lines(run, rows, count);
		run_free(run);
		seed = first + 1;
	}
}

/* Every writer under every mixture of options: the sums, in run_close(). */
static void any_writer_conserves(void **state)
{
	static const struct format_ops *const writers[] = {
		&format_hosts, &format_dnsmasq, &format_bind,
		&format_nsupdate, &format_powershell, &format_dnscmd,
	};

	(void)state;
	for (seed = 1; seed < 400;) {
		uint32_t first = seed;
		const struct format_ops *ops = writers[any(6)];
		struct run *run = run_begin(ops);
		bool plain = ops == &format_hosts || ops == &format_dnsmasq;

		run->options.domain = "corp.example";
		run->options.reverse = plain || any(2) ? NULL :
				       "2.0.192.in-addr.arpa";
		run->options.all = any(2) == 0;
		run->options.queried_since = any(2) ? 0 : 60;
		for (unsigned int count = any(100); count > 0; count--) {
			struct row row = any_row();

			row.known |= ROW_QUERIED;
			put(run, &row);
		}
		run_close(run);
		run_free(run);
		seed = first + 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_of_either_suffix),
		cmocka_unit_test(what_is_no_host),
		cmocka_unit_test(what_is_not_active),
		cmocka_unit_test(what_dns_cannot_carry),
		cmocka_unit_test(longest_and_shortest_names),
		cmocka_unit_test(both_suffixes_are_one_name),
		cmocka_unit_test(suffixes_that_disagree),
		cmocka_unit_test(only_active_entries_disagree),
		cmocka_unit_test(several_addresses),
		cmocka_unit_test(what_is_skipped_is_whole),
		cmocka_unit_test(names_that_were_asked_for),
		cmocka_unit_test(names_that_were_ever_asked_for),
		cmocka_unit_test(a_source_that_does_not_say),
		cmocka_unit_test(a_name_of_which_nobody_knows),
		cmocka_unit_test(configuration_is_nobody_s_name),
		cmocka_unit_test(options_are_looked_at),
		cmocka_unit_test(the_longest_domain),
		cmocka_unit_test(any_database_is_conserved),
		cmocka_unit_test(any_writer_conserves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
