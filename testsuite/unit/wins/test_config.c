/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A configuration that is right: what it comes to. Defaults from design.md
 * 4.2, own names from protocol.md 1.6; the host over the file, the two hosts'
 * differences, what is printed reads back, what a reload may change.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/settings.h"
#include "fake_host.h"

struct fixture {
	TALLOC_CTX *mem_ctx;
	struct fake_host fake;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		return -1;
	}
	f->mem_ctx = talloc_new(NULL);
	fake_host_open(&f->fake, f->mem_ctx, "winsd");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_host_close(&f->fake);
	talloc_free(f->mem_ctx);
	free(f);
	return 0;
}

static struct wins_config *load(struct fixture *f, const char *text)
{
	struct wins_config *config = NULL;
	char *message = NULL;

	if (text != NULL) {
		fake_host_write(&f->fake, text, strlen(text));
	}
	if (wins_config_load(f->mem_ctx, &f->fake.host, &config,
			     &message) != 0) {
		fail_msg("%s", message);
	}
	assert_null(message);
	return config;
}

static void refused(struct fixture *f, const char *text, int want_error,
		    const char *want)
{
	struct wins_config *config = NULL;
	char *message = NULL;

	if (text != NULL) {
		fake_host_write(&f->fake, text, strlen(text));
	}
	assert_int_equal(wins_config_load(f->mem_ctx, &f->fake.host, &config,
					  &message), want_error);
	assert_null(config);
	assert_string_equal(message, want);
}

static void assert_owns(const struct wins_config *config, unsigned int index,
			const char *name, uint8_t type, bool group,
			bool permanent)
{
	struct nb_name want = nb_name_make(name, strlen(name), type);
	const struct serve_own_name *own = &config->serve.own_name[index];

	assert_true(index < config->serve.own_names);
	assert_true(nb_name_equal(&own->name, &want));
	assert_int_equal(own->group, group);
	assert_int_equal(own->permanent, permanent);
}

/* Without a file: design.md 4.2 and protocol.md 8. */
static void defaults(void **state)
{
	struct wins_config *c = load(*state, NULL);

	assert_int_equal(c->serve.policy.min_ttl, 21600);
	assert_int_equal(c->serve.policy.max_ttl, 518400);
	assert_int_equal(c->serve.policy.tombstone_interval, 518400);
	assert_int_equal(c->serve.policy.tombstone_timeout, 518400);
	assert_int_equal(c->serve.policy.verify_interval, 2073600);
	assert_int_equal(c->serve.self, 0);
	assert_int_equal(c->serve.challenge_msec, 1000);
	assert_int_equal(c->serve.challenge_tries, 3);
	assert_int_equal(c->serve.source_rate, 2000);
	assert_int_equal(c->serve.source_burst, 20000);
	assert_int_equal(c->serve.burst_threshold, 500);
	assert_int_equal(c->serve.scavenging_interval, 259200);
	assert_int_equal(c->serve.tombstone_extra, 259200);
	assert_int_equal(c->serve.own_ttl, 300000);
	assert_int_equal(c->serve.own_refresh, 7200);
	assert_int_equal(c->nbt_port, 137);
	assert_null(c->interfaces[0]);
	assert_string_equal(c->state_directory, "/var/lib/fake");
	assert_string_equal(c->database, "/var/lib/fake/wins.tdb");
	assert_string_equal(c->backup_directory, "/var/lib/fake/backup");
	assert_int_equal(c->backup_interval, 86400);
	assert_int_equal(c->backup_keep, 7);
	assert_string_equal(c->lock_directory, "/run/fake");
	assert_string_equal(c->lock_file, "/run/fake/winsd.lock");
	assert_string_equal(c->control_socket, "/run/fake/winsd.sock");
	assert_null(c->read_group);
	assert_null(c->admin_group);
	assert_true(c->durable);
	assert_false(c->observe);
	assert_int_equal(c->log_level, 1);
}

/* The rules have the same policy before anybody configures them. */
static void two_defaults_are_one(void **state)
{
	struct nb_policy a = nb_policy_default();
	struct nb_policy b = load(*state, NULL)->serve.policy;

	assert_int_equal(a.min_ttl, b.min_ttl);
	assert_int_equal(a.max_ttl, b.max_ttl);
	assert_int_equal(a.tombstone_interval, b.tombstone_interval);
	assert_int_equal(a.tombstone_timeout, b.tombstone_timeout);
	assert_int_equal(a.verify_interval, b.verify_interval);
	assert_int_equal(a.may_delete, b.may_delete);
	assert_int_equal(a.migrate_on, b.migrate_on);
	assert_int_equal(a.propagate_releases, b.propagate_releases);
	assert_int_equal(a.loopback_ok, b.loopback_ok);
	assert_int_equal(a.prepend_1b, b.prepend_1b);
	assert_int_equal(a.randomize_1c, b.randomize_1c);
	assert_int_equal(a.randomize_mask, b.randomize_mask);
	assert_int_equal(a.order_1c, b.order_1c);
	assert_int_equal(a.source_match, b.source_match);
	assert_memory_equal(&a.blocked, &b.blocked, sizeof(a.blocked));
	assert_memory_equal(&a.allowed, &b.allowed, sizeof(a.allowed));
}

static void everything_set(void **state)
{
	struct fixture *f = *state;
	struct wins_config *c = load(f,
		"[global]\n"
		"max wins ttl = 7200\nmin wins ttl = 3600\n"
		"wreplsrv:renew_interval = 1000\n"
		"wreplsrv:tombstone_interval = 5\n"
		"wreplsrv:tombstone_timeout = 6\n"
		"wreplsrv:tombstone_extra_timeout = 0\n"
		"wreplsrv:propagatenamereleases = yes\n"
		"winsdb:local_owner = 192.0.2.1\nwinsdb:nosync = yes\n"
		"nbtd:wins_prepend1Bto1Cqueries = no\n"
		"nbtd:wins_randomize1Clist = yes\n"
		"nbtd:wins_randomize1Clist_mask = 255.255.0.0\n"
		"nbtd:bcast_ttl = 8\nnbtd:max_refresh_time = 9\n"
		"wins:challenge = 500 5\nwins:migrate on = yes\n"
		"wins:source rate = 30 40\nwins:burst threshold = 0\n"
		"wins:blocked names = A B\nwins:allow names = B\n"
		"wins:1c order = windows\nwins:source must match = enforce\n"
		"wins:read group = staff\nwins:admin group = \"the admins\"\n"
		"state directory = \"/srv/a b\"\nlock dir = /srv/lock\n"
		"interfaces = eth0\nwins:interfaces = eth1 192.0.2.1/24\n"
		"nbt port = 1137\nlog level = 0 wins:5\n");
	const struct nb_policy *p = &c->serve.policy;

	assert_string_equal(f->fake.log, "");
	assert_int_equal(p->max_ttl, 7200);
	assert_int_equal(p->min_ttl, 3600);
	assert_int_equal(p->tombstone_interval, 5);
	assert_int_equal(p->tombstone_timeout, 6);
	assert_true(p->propagate_releases && p->migrate_on);
	assert_true(p->randomize_1c && !p->prepend_1b);
	assert_int_equal(p->randomize_mask, 0xffff0000);
	assert_int_equal(p->order_1c, NB_1C_WINDOWS);
	assert_int_equal(p->source_match, NB_SOURCE_ENFORCE);
	assert_int_equal(p->blocked.count, 2);
	assert_int_equal(p->allowed.count, 1);
	assert_int_equal(c->serve.scavenging_interval, 500);
	assert_int_equal(c->serve.tombstone_extra, 0);
	assert_int_equal(c->serve.self, 0xc0000201);
	assert_int_equal(c->serve.challenge_msec, 500);
	assert_int_equal(c->serve.challenge_tries, 5);
	assert_int_equal(c->serve.source_rate, 30);
	assert_int_equal(c->serve.source_burst, 40);
	assert_int_equal(c->serve.burst_threshold, 0);
	assert_int_equal(c->serve.own_ttl, 8);
	assert_int_equal(c->serve.own_refresh, 9);
	assert_false(c->durable);
	assert_string_equal(c->read_group, "staff");
	assert_string_equal(c->admin_group, "the admins");
	assert_string_equal(c->database, "/srv/a b/wins.tdb");
	assert_string_equal(c->control_socket, "/srv/lock/winsd.sock");
	assert_string_equal(c->interfaces[0], "eth1");
	assert_string_equal(c->interfaces[1], "192.0.2.1/24");
	assert_null(c->interfaces[2]);
	assert_int_equal(c->nbt_port, 1137);
	assert_int_equal(c->log_level, 5);
}

/* An smb.conf of an AD server as the suite's own manual would have it. */
static void a_suite_file_works_unchanged(void **state)
{
	struct fixture *f = *state;
	struct wins_config *c = load(f,
		"# Global parameters\n[global]\n"
		"\tnetbios name = DC1\n\trealm = EXAMPLE.COM\n"
		"\tserver role = active directory domain controller\n"
		"\tserver services = s3fs, rpc, nbt, wrepl, ldap\n"
		"\tworkgroup = EXAMPLE\n\twins support = yes\n"
		"\tdns forwarder = 192.0.2.53\n\tinterfaces = lo eth0 ::1\n"
		"\tbind interfaces only = Yes\n\tmax wins ttl = 518400\n"
		"\tidmap_ldb:use rfc2307 = yes\n\tlog level = 1 auth:3\n\n"
		"[sysvol]\n\tpath = /var/lib/samba/sysvol\n"
		"\tbrowseable = No\n\n[netlogon]\n\tpath = /var/lib\n"
		"\tcopy = sysvol\n");

	assert_string_equal(f->fake.log, "");
	assert_owns(c, 0, "DC1", 0x00, false, false);
	assert_string_equal(c->interfaces[0], "lo");
	assert_string_equal(c->interfaces[1], "eth0");
	assert_null(c->interfaces[2]);
}

/* protocol.md 1.6 */
static void own_names(void **state)
{
	struct wins_config *c = load(*state,
		"netbios name = wins1\nnetbios aliases = Old New wins1\n"
		"workgroup = Grp\n");

	assert_int_equal(c->serve.own_names, 11);
	assert_owns(c, 0, "WINS1", 0x00, false, false);
	assert_owns(c, 1, "WINS1", 0x03, false, false);
	assert_owns(c, 2, "WINS1", 0x20, false, false);
	assert_owns(c, 3, "OLD", 0x00, false, false);
	assert_owns(c, 4, "OLD", 0x20, false, false);
	assert_owns(c, 5, "NEW", 0x00, false, false);
	assert_owns(c, 6, "NEW", 0x20, false, false);
	assert_owns(c, 7, "GRP", 0x00, true, false);
	assert_owns(c, 8, "*", 0x00, true, true);
	assert_owns(c, 9, "__SAMBA__", 0x00, true, true);
	assert_owns(c, 10, "__SAMBA__", 0x20, true, true);
}

static void own_names_at_most_and_in_scope(void **state)
{
	struct wins_config *c = load(*state,
		"netbios name = N\nnetbios scope = corp.Example\n"
		"netbios aliases = A B C D E F G H I\n");
	const struct nb_name *name = &c->serve.own_name[24].name;

	assert_int_equal(c->serve.own_names, 25);
	assert_int_equal(name->scope_len, 12);
	assert_memory_equal(name->scope, "CORP.EXAMPLE", 12);
	c = load(*state, "wins:own names = no\n");
	assert_int_equal(c->serve.own_names, 0);
}

static void the_host_name_is_cut(void **state)
{
	struct wins_config *c = load(*state, "workgroup = A\n");
	const char *name = settings_text(c->settings, OPTION_NETBIOS_NAME);

	assert_in_range(strlen(name), 1, 15);
	assert_null(strchr(name, '.'));
	for (const char *p = name; *p != '\0'; p++) {
		assert_false(*p >= 'a' && *p <= 'z');
	}
	assert_owns(c, 0, name, 0x00, false, false);
}

static void interfaces_fall_back(void **state)
{
	struct fixture *f = *state;
	struct wins_config *c = NULL;

	f->fake.host.interfaces = "lo dummy0";
	c = load(f, "workgroup = A\n");
	assert_string_equal(c->interfaces[1], "dummy0");
	c = load(f, "interfaces = \"192.0.2.1;speed=1000\" fe80::1\n");
	assert_string_equal(c->interfaces[0], "192.0.2.1");
	assert_null(c->interfaces[1]);
	c = load(f, "interfaces = eth0\nwins:interfaces =\n");
	assert_string_equal(c->interfaces[0], "eth0");
	c = load(f, "interfaces =\n");
	assert_string_equal(c->interfaces[0], "lo");
	c = load(f, "interfaces = fe80::1\nwins:interfaces = eth2\n");
	assert_string_equal(c->interfaces[0], "eth2");
}

static void the_host_counts_over_the_file(void **state)
{
	struct fixture *f = *state;
	struct wins_config *c = NULL;

	f->fake.override[0][0] = "nbt port";
	f->fake.override[0][1] = "2137";
	f->fake.override[1][0] = "wins:durable";
	f->fake.override[1][1] = "no";
	c = load(f, "nbt port = 1137\nwins:durable = yes\n");
	assert_int_equal(c->nbt_port, 2137);
	assert_false(c->durable);
	c = load(f, NULL);
	assert_int_equal(c->nbt_port, 2137);
	f->fake.override[0][1] = "port";
	refused(f, NULL, EINVAL, "command line: nbt port = port: expected a "
		"whole number, 1 to 65535");
	f->fake.host.host_name = "samba";
	refused(f, NULL, EINVAL, "options of samba: nbt port = port: expected "
		"a whole number, 1 to 65535");
}

static void the_host_has_partners_too(void **state)
{
	struct fixture *f = *state;
	struct wins_config *c = NULL;

	f->fake.override[0][0] = "wins:partners";
	f->fake.override[0][1] = "192.0.2.1 192.0.2.2(pull)";
	f->fake.override[1][0] = "wins:partner 192.0.2.2";
	f->fake.override[1][1] = "retry=5";
	c = load(f, "wins:partner 192.0.2.2 = retry=6\n");
	assert_int_equal(c->settings->partners, 1);
	assert_string_equal(c->settings->partner[0].text, "retry=5");
}

/* What the suite's daemon is told about itself is not for us to refuse. */
static void two_hosts(void **state)
{
	struct fixture *f = *state;
	struct wins_config *c = NULL;
	char want[128];

	fake_host_write(&f->fake, "", 0);
	snprintf(want, sizeof(want), "%s:1: wins support = no: this "
		 "configuration wants no WINS server", f->fake.file);
	refused(f, "wins support = no\n", EINVAL, want);
	f->fake.host.host_name = "samba";
	c = load(f, "wins support = no\n");
	assert_int_equal(c->serve.own_names, 0);
	c = load(f, "wins support = no\nwins:own names = yes\n");
	assert_int_equal(c->serve.own_names, 7);
}

static void warnings_have_their_line(void **state)
{
	struct fixture *f = *state;
	char want[1024];

	load(f, "[global]\nwreplsrv:tombstoneinterval = 3\n"
	     "wins partners = x\nwins:plugins = hook\njunk\n[share]\n"
	     "nbtd:bcast_ttl = 3\n");
	snprintf(want, sizeof(want),
		 "1 %s:2: unknown option wreplsrv:tombstoneinterval (did you "
		 "mean wreplsrv:tombstone_interval?)\n"
		 "1 %s:3: option wins partners ignored (did you mean "
		 "wins:partners?)\n"
		 "1 %s:5: line without = ignored: junk\n"
		 "1 %s:7: nbtd:bcast_ttl ignored: it counts in [global] "
		 "only\n"
		 "1 %s:4: wins:plugins has no effect: plugins are not in this "
		 "version\n", f->fake.file, f->fake.file, f->fake.file,
		 f->fake.file, f->fake.file);
	assert_string_equal(f->fake.log, want);
}

static void files_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	char want[128];

	f->fake.host.config_file = "/nonexistent/winsd.conf";
	refused(f, NULL, ENOENT,
		"/nonexistent/winsd.conf: No such file or directory");
	f->fake.host.config_file = f->fake.directory;
	snprintf(want, sizeof(want), "%s: Is a directory", f->fake.directory);
	refused(f, NULL, EISDIR, want);
	fake_host_write(&f->fake, "", 0);
	assert_int_equal(truncate(f->fake.file, (4 << 20) + 1), 0);
	snprintf(want, sizeof(want), "%s: File too large", f->fake.file);
	refused(f, NULL, EFBIG, want);
}

static void no_directory_is_an_error(void **state)
{
	struct fixture *f = *state;

	f->fake.host.state_directory = NULL;
	refused(f, NULL, EINVAL, "set state directory: there is no default");
	load(f, "state directory = /srv\n");
	f->fake.host.state_directory = "relative";
	refused(f, "", EINVAL, "state directory = relative: expected a path "
		"that begins with / (default: set when the server was "
		"built); set state directory");
}

struct page {
	char text[16384];
};

static void append(void *arg, const char *line)
{
	struct page *page = arg;
	size_t len = strlen(page->text);

	snprintf(page->text + len, sizeof(page->text) - len, "%s\n", line);
}

static void what_is_printed_reads_back(void **state)
{
	static const char *const texts[] = {
		"",
		"netbios name = x\nmax wins ttl = 0x10000\nwins hook = \"a b\"",
		"netbios aliases = \"A B\", C\nwins:challenge = 500,5\n"
		"wins:partners = 192.0.2.1(pull)\\\n 192.0.2.2\n"
		"wins:partner 192.0.2.1 = name=one two, retry=5\n"
		"interfaces = \"eth0;speed=1\" ::1\nstate directory = /a\t b\n"
		"netbios scope = \"a.b\"\nlog level = 1 wins:3@/x\n",
	};
	struct page first, second;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		first.text[0] = second.text[0] = '\0';
		wins_config_print(load(*state, texts[i]), append, &first);
		wins_config_print(load(*state, first.text), append, &second);
		assert_string_equal(first.text, second.text);
	}
}

static bool has_line(const struct page *page, const char *lines)
{
	return strstr(page->text, lines) != NULL;
}

static void what_differs_from_windows_is_marked(void **state)
{
	struct page page = { .text = "" };

	wins_config_print(load(*state, "wreplsrv:tombstone_timeout = 86400\n"
			       "nbtd:wins_prepend1Bto1Cqueries = no\n"
			       "wins:plugins = hook\n"),
			  append, &page);
	assert_true(has_line(&page, "[global]\n"));
	assert_true(has_line(&page, "\t# Windows: 518400\n"
			     "\tmin wins ttl = 21600\n"
			     "\tmax wins ttl = 518400\n"));
	assert_true(has_line(&page, "\t# Windows: 518400\n"
			     "\twreplsrv:tombstone_timeout = 86400\n"));
	assert_true(has_line(&page, "\t# Windows: 500 3\n"
			     "\twins:challenge = 1000 3\n"));
	assert_true(has_line(&page, "\t# Windows: windows\n"
			     "\twins:1c order = recent\n"
			     "\tnbtd:wins_prepend1Bto1Cqueries = no\n"));
	assert_true(has_line(&page, "\t# plugins are not in this version\n"
			     "\twins:plugins = hook\n"));
	assert_true(has_line(&page, "\t# winsdb:local_owner: the first served "
			     "address\n"));
	assert_true(has_line(&page, "\tnetbios aliases =\n"));
	assert_true(has_line(&page, "\twins:usage = clients\n"));
	assert_true(has_line(&page, "\t# Windows: 0\n"
			     "\twins:start wait = 120\n"));
}

static void what_a_reload_may_change(void **state)
{
	static const struct {
		const char *line;
		const char *want;
	} rows[] = {
		{ "max wins ttl = 7200000", NULL },
		{ "netbios aliases = X", NULL },
		{ "wins:blocked names =", NULL },
		{ "log level = 3", NULL },
		{ "wins:interfaces = eth9", NULL },
		{ "wins:read group = staff", NULL },
		{ "nbt port = 0x89", NULL },
		{ "nbt port = 138", "nbt port" },
		{ "state directory = /b", "state directory" },
		{ "lock directory = /b", "lock directory" },
		{ "winsdb:local_owner = 192.0.2.1", "winsdb:local_owner" },
		{ "wins:durable = no", "wins:durable" },
	};
	struct wins_config *before = load(*state, "");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wins_config *after = load(*state, rows[i].line);
		const char *got = wins_config_needs_restart(before, after);

		if (rows[i].want == NULL) {
			assert_null(got);
		} else {
			assert_non_null(got);
			assert_string_equal(got, rows[i].want);
		}
	}
}

static void nothing_is_left_behind(void **state)
{
	struct fixture *f = *state;
	size_t before = talloc_total_blocks(f->mem_ctx);

	for (int i = 0; i < 100; i++) {
		struct wins_config *config = NULL;
		char *message = NULL;
		const char *text = i % 2 == 0 ? "workgroup = A\n" :
						"workgroup = A*\n";

		fake_host_write(&f->fake, text, strlen(text));
		wins_config_load(f->mem_ctx, &f->fake.host, &config, &message);
		talloc_free(config);
		talloc_free(message);
	}
	assert_int_equal(talloc_total_blocks(f->mem_ctx), before);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(defaults),
		TEST(two_defaults_are_one),
		TEST(everything_set),
		TEST(a_suite_file_works_unchanged),
		TEST(own_names),
		TEST(own_names_at_most_and_in_scope),
		TEST(the_host_name_is_cut),
		TEST(interfaces_fall_back),
		TEST(the_host_counts_over_the_file),
		TEST(the_host_has_partners_too),
		TEST(two_hosts),
		TEST(warnings_have_their_line),
		TEST(files_that_cannot_be_read),
		TEST(no_directory_is_an_error),
		TEST(what_is_printed_reads_back),
		TEST(what_differs_from_windows_is_marked),
		TEST(what_a_reload_may_change),
		TEST(nothing_is_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
