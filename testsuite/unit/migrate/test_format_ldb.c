/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins.ldb as a database (protocol.md 7.5): records of every kind there and
 * back, what stands in it by libldb's word, partners beside it, a database
 * that somebody writes to, and damaged ones. What the server itself makes of
 * it is testsuite/interop/test_migrate_samba.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ldb.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "migrate/format/ldbrec.h"
#include "migrate/formats.h"
#include "unit/migrate/through.h"
#include "unit/same_record.h"

#define SELF	0x0a353a0b		/* 10.53.58.11 */
#define NOW	1795000000

static const struct format_options options = {
	.now = NOW,
	.owner_zero = SELF,
};

struct stage {
	TALLOC_CTX *mem;
	char *folder;
	char *path;
	struct tally *tally;
	struct row *rows;
	size_t count;
	char *message;
};

static struct stage begin(void)
{
	struct stage s = { .mem = talloc_new(NULL) };

	s.folder = talloc_strdup(s.mem, "/tmp/test_ldb.XXXXXX");
	assert_non_null(mkdtemp(s.folder));
	s.path = talloc_asprintf(s.mem, "%s/wins.ldb", s.folder);
	s.tally = tally_create(s.mem, NULL);
	return s;
}

static void finish(struct stage *s)
{
	char *config = talloc_asprintf(s->mem, "%s/wins_config.ldb",
				       s->folder);

	(void)unlink(config);
	(void)unlink(s->path);
	assert_int_equal(rmdir(s->folder), 0);
	talloc_free(s->mem);
}

static void write_rows(struct stage *s, const struct row *rows, size_t count)
{
	int ret = through_write(s->mem, &format_ldb, s->path, &options,
				s->tally, rows, count, &s->message);

	if (ret != 0) {
		fail_msg("%d %s", ret, s->message);
	}
	TALLOC_FREE(s->tally);
	s->tally = tally_create(s->mem, NULL);
}

static enum format_step read_path(struct stage *s, const char *path)
{
	return through_read(s->mem, &format_ldb, path, &options, s->tally,
			    &s->rows, &s->count, &s->message);
}

static int open_fails(struct stage *s, const char *path)
{
	FILE *file = NULL;
	void *priv = NULL;

	s->message = NULL;
	return through_open(s->mem, &format_ldb, path, &options, s->tally,
			    false, &file, &priv, &s->message);
}

/* ---- records of every kind ---- */

static unsigned int seed;

static unsigned int draw(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

static int64_t draw_time(void)
{
	return draw(5) == 0 ? NB_NEVER : NOW + (int64_t)draw(3000000);
}

/* Bytes that the AD server can look up. */
static size_t draw_bytes(uint8_t *bytes, unsigned int max)
{
	size_t len = draw(max + 1);

	for (size_t i = 0; i < len; i++) {
		do {
			bytes[i] = (uint8_t)(1 + draw(255));
		} while (strchr(" \"+,;<=>\\", bytes[i]) != NULL);
	}
	return len;
}

static void draw_members(struct nb_record *rec, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct nb_member member = {
			.ip = 0xc0000200 + i,
			.owner = draw(2) == 0 ? rec->owner :
						0xc0000301 + draw(3),
			.expires = draw(2) == 0 ? rec->expires : draw_time(),
		};

		rec->member[rec->count++] = member;
	}
	nb_record_settle(rec);
}

static struct row draw_row(unsigned int number)
{
	static const uint64_t versions[] = {
		1, 4711, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX - 1,
	};
	struct row row = { .known = ROW_ALL };
	struct nb_record *rec = &row.rec;
	uint8_t bytes[NB_SCOPE_MAX] = "";
	size_t len = draw_bytes(bytes, 13);

	memmove(bytes + 2, bytes, len);
	bytes[0] = (uint8_t)('A' + number % 26);
	bytes[1] = (uint8_t)('A' + number / 26);
	rec->name = nb_name_make(bytes, len + 2, (uint8_t)draw(256));
	if (draw(3) == 0) {
		len = draw_bytes(bytes, NB_SCOPE_MAX);
		assert_true(nb_name_set_scope(&rec->name, bytes, len));
	}
	rec->type = (uint8_t)draw(4);
	rec->state = (uint8_t)draw(3);
	rec->node = (uint8_t)draw(4);
	rec->is_static = draw(4) == 0;
	rec->owner = draw(2) == 0 ? SELF : 0xc0000301 + draw(3);
	rec->version = versions[draw(5)] - draw(2);
	rec->version += rec->version == 0;
	rec->expires = draw_time();
	draw_members(rec, rec->type == NB_UNIQUE || rec->type == NB_GROUP ?
				  1 : draw(NB_MEMBERS_MAX + 1));
	return row;
}

static const struct row *find(const struct row *rows, size_t count,
			      const struct nb_name *name)
{
	for (size_t i = 0; i < count; i++) {
		if (nb_name_equal(&rows[i].rec.name, name)) {
			return &rows[i];
		}
	}
	fail_msg("a name is not there");
	return NULL;
}

static void there_and_back(struct stage *s, const struct format_ops *ops,
			   unsigned int count)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct row *rows = talloc_array(mem, struct row, count);
	struct tally *tally = tally_create(mem, NULL);

	for (unsigned int i = 0; i < count; i++) {
		rows[i] = draw_row(i);
		assert_null(nb_record_broken(&rows[i].rec));
	}
	assert_int_equal(through_write(mem, ops, s->path, &options, tally,
				       rows, count, &s->message), 0);
	assert_int_equal(through_read(mem, ops, s->path, &options, s->tally,
				      &s->rows, &s->count, &s->message),
			 FORMAT_END);
	assert_int_equal(s->count, count);
	for (unsigned int i = 0; i < count; i++) {
		const struct row *row = find(s->rows, s->count,
					     &rows[i].rec.name);

		assert_same_record(&row->rec, &rows[i].rec);
		assert_null(row->changed);
		assert_int_equal(row->known, ROW_ALL);
	}
	assert_int_equal(unlink(s->path), 0);
	talloc_free(mem);
}

static void test_every_kind(void **state)
{
	struct stage s = begin();

	(void)state;
	for (unsigned int number = 1; number <= 5; number++) {
		seed = number;
		there_and_back(&s, &format_ldb, 200);
	}
	finish(&s);
}

/* The same through LDIF, which is so much faster. */
static void test_every_kind_as_ldif(void **state)
{
	struct stage s = begin();

	(void)state;
	for (unsigned int number = 1; number <= 200; number++) {
		seed = 1000 + number;
		there_and_back(&s, &format_ldif, draw(30));
	}
	finish(&s);
}

/* ---- what stands there ---- */

static struct row sample(char letter)
{
	return (struct row) {
		.known = ROW_ALL,
		.rec = {
			.name = nb_name_make(&letter, 1, 0x20),
			.node = NB_H_NODE,
			.owner = SELF,
			.version = 4711,
			.expires = NOW + 1000,
			.count = 1,
			.member = { { 0xc0000207, SELF, NOW + 1000 } },
		},
	};
}

static const char *value_of(struct stage *s, const char *dn,
			    const char *attribute)
{
	static const char *no_modules[] = { "modules:", NULL };
	struct ldb_context *ldb = ldbrec_library(s->mem);
	struct ldb_result *found = NULL;
	char *url = talloc_asprintf(s->mem, "tdb://%s", s->path);
	const char *value = NULL;

	assert_int_equal(ldb_connect(ldb, url, LDB_FLG_RDONLY, no_modules), 0);
	assert_int_equal(ldb_search(ldb, s->mem, &found,
				    ldb_dn_new(s->mem, ldb, dn),
				    LDB_SCOPE_BASE, NULL, NULL), 0);
	assert_int_equal(found->count, 1);
	value = ldb_msg_find_attr_as_string(found->msgs[0], attribute, NULL);
	assert_non_null(value);
	value = talloc_strdup(s->mem, value);
	talloc_free(ldb);
	return value;
}

/* protocol.md 7.5, "Special records" and "Export". */
static void test_housekeeping(void **state)
{
	struct stage s = begin();
	struct row row = sample('A');

	(void)state;
	write_rows(&s, &row, 1);
	assert_string_equal(value_of(&s, "@MODULES", "@LIST"), "wins_ldb");
	assert_string_equal(value_of(&s, "CN=VERSION", "objectClass"),
			    "winsMaxVersion");
	assert_string_equal(value_of(&s, "CN=VERSION", "maxVersion"), "4711");
	assert_string_equal(value_of(&s, "name=A,type=0x20", "winsOwner"),
			    "0.0.0.0");
	assert_string_equal(value_of(&s, "name=A,type=0x20", "address"),
			    "192.0.2.7;winsOwner:0.0.0.0;"
			    "expireTime:20261118112320.0Z;");
	finish(&s);
}

/* Only counted: through_read() would keep, and move, all of them. */
static size_t count_rows(struct stage *s)
{
	struct format_end end = { .path = s->path, .options = &options,
				  .tally = s->tally };
	char *message = NULL;
	void *priv = NULL;
	size_t count = 0;
	struct row row;

	assert_int_equal(format_ldb.open(s->mem, &end, false, &priv,
					 &message), 0);
	while (format_ldb.next(priv, &row, &message) == FORMAT_ROW) {
		count++;
	}
	assert_int_equal(format_ldb.close(priv, &message), 0);
	return count;
}

/* More than fit into one transaction, and one of them twice. */
static void test_batches(void **state)
{
	enum { ROWS = 10500 };
	struct stage s = begin();
	struct row *rows = talloc_array(s.mem, struct row, ROWS);
	struct tally_sums sums;

	(void)state;
	for (unsigned int i = 0; i < ROWS; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "N%u", i % (ROWS - 1));
		rows[i] = sample('A');
		rows[i].rec.name = nb_name_make(name, strlen(name), 0x20);
	}
	assert_int_equal(through_write(s.mem, &format_ldb, s.path, &options,
				       s.tally, rows, ROWS, &s.message), 0);
	tally_sums(s.tally, &sums);
	assert_int_equal(sums.written, ROWS - 1);
	assert_int_equal(sums.skipped, 1);
	assert_int_equal(count_rows(&s), ROWS - 1);
	finish(&s);
}

/* ---- beside it ---- */

static void add_partner(struct stage *s)
{
	struct ldb_context *ldb = ldbrec_library(s->mem);
	char *url = talloc_asprintf(s->mem, "tdb://%s/wins_config.ldb",
				    s->folder);
	const char *text = "dn: CN=B,CN=PARTNERS\nobjectClass: wreplPartner\n"
			   "address: 192.0.2.9\ntype: 0x3\n\n";
	struct ldb_ldif *ldif = NULL;

	assert_int_equal(ldb_connect(ldb, url, 0, NULL), 0);
	ldif = ldb_ldif_read_string(ldb, &text);
	assert_non_null(ldif);
	assert_int_equal(ldb_add(ldb, ldif->msg), 0);
	talloc_free(ldb);
}

static void test_partners(void **state)
{
	struct stage s = begin();
	struct row row = sample('A');
	unsigned int options_seen = 0;

	(void)state;
	write_rows(&s, &row, 1);
	assert_int_equal(read_path(&s, s.folder), FORMAT_END);
	assert_int_equal(s.count, 1);
	assert_non_null(strstr(tally_line(s.tally, false, 0),
			       "wins_config.ldb"));
	add_partner(&s);
	assert_int_equal(read_path(&s, s.folder), FORMAT_END);
	assert_int_equal(s.count, 3);
	for (unsigned int i = 0; i < 3; i++) {
		options_seen += s.rows[i].kind == ROW_OPTION;
	}
	assert_int_equal(options_seen, 2);
	finish(&s);
}

static void test_not_there(void **state)
{
	struct stage s = begin();
	FILE *file = NULL;

	(void)state;
	assert_int_equal(open_fails(&s, s.path), ENOENT);
	assert_int_equal(open_fails(&s, s.folder), ENOENT);
	file = fopen(s.path, "w");
	(void)fputs("SQLite format 3", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(open_fails(&s, s.path), EINVAL);
	assert_non_null(strstr(s.message, "no TDB database"));
	finish(&s);
}

/* Somebody writes: a child with the lock of the whole file. */
static void test_locked(void **state)
{
	struct stage s = begin();
	struct row row = sample('A');
	int ready[2], done[2];
	char byte = 0;
	pid_t pid = -1;
	char *who = NULL;

	(void)state;
	write_rows(&s, &row, 1);
	assert_int_equal(pipe(ready) | pipe(done), 0);
	pid = fork();
	if (pid == 0) {
		struct flock lock = { .l_type = F_WRLCK };
		int fd = open(s.path, O_RDWR);

		(void)close(done[1]);
		_exit(fcntl(fd, F_SETLK, &lock) != 0 ||
		      write(ready[1], "x", 1) != 1 ||
		      read(done[0], &byte, 1) != 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(open_fails(&s, s.path), EBUSY);
	who = talloc_asprintf(s.mem, "process %d", (int)pid);
	assert_non_null(strstr(s.message, who));
	assert_int_equal(close(done[1]) | close(done[0]) | close(ready[0]) |
			 close(ready[1]), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(read_path(&s, s.path), FORMAT_END);
	finish(&s);
}

/* ---- damage ---- */

static uint8_t *load(struct stage *s, size_t *len)
{
	FILE *file = fopen(s->path, "r");
	struct stat st;
	uint8_t *image = NULL;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	*len = (size_t)st.st_size;
	image = talloc_size(s->mem, *len);
	assert_int_equal(fread(image, 1, *len, file), *len);
	assert_int_equal(fclose(file), 0);
	return image;
}

static void save(struct stage *s, const uint8_t *image, size_t len)
{
	FILE *file = fopen(s->path, "w");

	assert_int_equal(fwrite(image, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* It is read or refused in one line; nothing else comes of it. */
static void try_image(struct stage *s, const uint8_t *image, size_t len)
{
	TALLOC_CTX *mem = talloc_new(NULL);
	struct format_end end = { .path = s->path, .options = &options,
				  .tally = tally_create(mem, NULL) };
	enum format_step step = FORMAT_SKIPPED;
	char *message = NULL;
	void *priv = NULL;
	struct row row;

	save(s, image, len);
	if (format_ldb.open(mem, &end, false, &priv, &message) != 0) {
		assert_non_null(message);
		assert_null(strchr(message, '\n'));
	} else {
		while (step == FORMAT_ROW || step == FORMAT_SKIPPED) {
			step = format_ldb.next(priv, &row, &message);
		}
		assert_int_equal(format_ldb.close(priv, &message), 0);
	}
	talloc_free(mem);
}

static void test_damaged(void **state)
{
	struct stage s = begin();
	struct row rows[] = { sample('A'), sample('B'), sample('C') };
	uint8_t *image = NULL;
	size_t len = 0;

	(void)state;
	write_rows(&s, rows, 3);
	image = load(&s, &len);
	for (size_t cut = len - 1; cut > len / 8; cut -= len / 16) {
		try_image(&s, image, cut);
	}
	seed = 7;
	for (unsigned int tries = 0; tries < 40;) {
		size_t at = draw((unsigned int)len);
		uint8_t was = image[at];

		if (was != 0) {
			image[at] ^= (uint8_t)(1u << draw(8));
			try_image(&s, image, len);
			image[at] = was;
			tries++;
		}
	}
	finish(&s);
}

/* How many times it stands in the image; each one's first byte changed. */
static void spoil(struct stage *s, uint8_t *image, size_t len, const char *what,
		  size_t what_len, const char *want)
{
	uint8_t *at = image;
	unsigned int count = 0;

	while ((at = memmem(at, len - (size_t)(at - image), what,
			    what_len)) != NULL) {
		*at ^= 1;
		save(s, image, len);
		*at++ ^= 1;
		count++;
		assert_int_equal(open_fails(s, s->path), EINVAL);
		if (strstr(s->message, want) == NULL ||
		    strchr(s->message, '\n') != NULL) {
			fail_msg("%s", s->message);
		}
	}
	assert_true(count > 0);
}

/* Damage that libldb sees, and damage that it would not see. */
static void test_spoilt(void **state)
{
	struct stage s = begin();
	struct row row = sample('A');
	uint8_t *image = NULL;
	size_t len = 0;

	(void)state;
	write_rows(&s, &row, 1);
	image = load(&s, &len);
	/* the number that a packed entry begins with, protocol.md 7.5 */
	spoil(&s, image, len, "g\x19\x01\x26\x0b", 5, "libldb cannot read");
	/* the magic of a tdb record, before its key */
	spoil(&s, image, len, "\x99\x19\x01\x26" "DN=NAME=A", 13,
	      "is damaged");
	finish(&s);
}

static void test_probe(void **state)
{
	struct stage s = begin();
	struct row row = sample('A');
	struct format_head head = {
		.path = s.folder,
		.name = "",
		.is_folder = true,
	};

	(void)state;
	assert_int_equal(format_ldb.probe(&head), 0);
	write_rows(&s, &row, 1);
	assert_int_equal(format_ldb.probe(&head), 90);
	head.is_folder = false;
	head.path = s.path;
	head.name = "wins.ldb";
	head.data = load(&s, &head.len);
	assert_int_equal(format_ldb.probe(&head), 100);
	head.name = "copy.ldb";
	assert_int_equal(format_ldb.probe(&head), 80);
	head.name = "wins.tdb";
	assert_int_equal(format_ldb.probe(&head), 10);
	head.len = 4;
	assert_int_equal(format_ldb.probe(&head), 0);
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_every_kind_as_ldif),
		cmocka_unit_test(test_housekeeping),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_partners),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
