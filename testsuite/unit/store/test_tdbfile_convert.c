/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of older formats become files of today's.
 *
 * testsuite/golden/format1.tdb.gz was written by the last winsd that knew only
 * format 1, through its store; what the program that asked for it put in is
 * typed below.
 */
#include "tdbfile_world.h"

#include <sys/wait.h>

#include "sim/golden.h"

static char kept[96];

static int names(void **state)
{
	int ret = setup(state);

	snprintf(kept, sizeof(kept), "%s.format1", path);
	return ret;
}

static void remove_all(void)
{
	char name[112];

	unlink(path);
	unlink(copy);
	unlink(temp);
	unlink(kept);
	for (int n = 1; n <= 9; n++) {
		snprintf(name, sizeof(name), "%s.%d", kept, n);
		unlink(name);
	}
}

static int leave(void **state)
{
	remove_all();
	return teardown(state);
}

static void unpack(const char *to)
{
	FILE *golden = golden_open("format1.tdb.gz");
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600), status = 1;
	pid_t child = fork();

	if (child == 0) {
		dup2(fileno(golden), 0);
		dup2(out, 1);
		execlp("zcat", "zcat", NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	fclose(golden);
	close(out);
}

/* ---- what is in the golden file ---- */

#define LATER	1800000000

static const struct {
	const char *name;
	const char *scope;
	struct nb_record rec;
} golden[] = {
	{ "ALPHA", "", { .name.type = 0x20, .type = NB_UNIQUE, .count = 1,
		.version = 1, .revision = 1, .expires = LATER,
		.member = { { 0x0a000001, NB_SELF, LATER } } } },
	{ "ALPHA", "", { .name.type = 0x00, .type = NB_MHOMED, .count = 2,
		.version = 2, .revision = 2, .expires = LATER,
		.member = { { 0x0a000001, NB_SELF, LATER },
			    { 0x0a000101, NB_SELF, LATER } } } },
	{ "DOMAIN", "", { .name.type = 0x1c, .type = NB_SGROUP, .count = 2,
		.version = 4, .revision = 4, .expires = LATER,
		.member = { { 0x0a000001, NB_SELF, LATER },
			    { 0x0a000202, 0x0a000202, LATER + 100 } } } },
	{ "DOMAIN", "", { .name.type = 0x1e, .type = NB_GROUP, .count = 1,
		.version = 5, .revision = 5, .expires = LATER,
		.member = { { 0xffffffff, NB_SELF, LATER } } } },
	{ "PRINTER", "", { .name.type = 0x20, .type = NB_UNIQUE, .count = 1,
		.version = 6, .revision = 6, .expires = NB_NEVER,
		.is_static = true,
		.member = { { 0x0a000007, NB_SELF, NB_NEVER } } } },
	{ "OLD", "", { .name.type = 0x03, .type = NB_UNIQUE, .count = 1,
		.state = NB_TOMBSTONE, .owner = 0x0a000202, .version = 4711,
		.revision = 7, .expires = LATER,
		.member = { { 0x0a000203, 0x0a000202, LATER } } } },
	{ "SCOPED", "site.example", { .name.type = 0x20, .type = NB_UNIQUE,
		.state = NB_RELEASED, .count = 1, .version = 7, .revision = 8,
		.expires = LATER,
		.member = { { 0x0a000008, NB_SELF, LATER } } } },
};

#define GOLDEN	(sizeof(golden) / sizeof(golden[0]))

static void on_mark(void *arg, const uint8_t *value, size_t value_len)
{
	uint8_t key[DBREC_KEY_MAX];
	size_t key_len = dbrec_key_owner(key, 0x0a000202);

	assert_null(dbrec_decode_number(key, key_len, value, value_len, arg));
}

static void on_deleted(void *arg, const uint8_t *value, size_t value_len)
{
	uint8_t key[DBREC_KEY_MAX];
	size_t key_len = dbrec_key_deleted(key, 0);

	assert_null(dbrec_decode_deleted(key, key_len, value, value_len, arg));
}

static void assert_golden(const char *name)
{
	struct tdbfile *file = open_good(name);
	struct nb_name gone = nb_name_make((const uint8_t *)"GONE", 4, 0x20);
	struct dbrec_deleted del;
	uint8_t key[DBREC_KEY_MAX];
	uint64_t number = 0;

	assert_int_equal(count_records(file), GOLDEN);
	for (size_t i = 0; i < GOLDEN; i++) {
		struct nb_record want = golden[i].rec;
		struct fetched got = { .key = key };

		want.name = nb_name_make((const uint8_t *)golden[i].name,
					 strlen(golden[i].name),
					 want.name.type);
		nb_name_set_scope(&want.name, (const uint8_t *)golden[i].scope,
				  strlen(golden[i].scope));
		want.node = NB_H_NODE;
		got.key_len = dbrec_key_record(key, &want.name);
		assert_int_equal(tdbfile_fetch(file, key, got.key_len,
					       on_value, &got), 0);
		assert_null(got.wrong);
		assert_true(same_record(&got.rec, &want));
	}
	assert_int_equal(tdbfile_fetch(file, key,
				       dbrec_key_owner(key, 0x0a000202),
				       on_mark, &number), 0);
	assert_int_equal(number, 4711);
	assert_int_equal(tdbfile_fetch(file, key, dbrec_key_deleted(key, 0),
				       on_deleted, &del), 0);
	assert_true(nb_name_equal(&del.name, &gone));
	assert_int_equal(tdbfile_number(file, "alive", &number), 0);
	assert_int_equal(number, 1700000000);
	assert_int_equal(tdbfile_number(file, "records", &number), 0);
	assert_int_equal(number, GOLDEN);
	assert_int_equal(tdbfile_number(file, "format", &number), 0);
	assert_int_equal(number, TDBFILE_FORMAT);
	tdbfile_close(file);
}

static void same_bytes(const char *one, const char *other)
{
	size_t one_len = 0, other_len = 0;
	uint8_t *a = read_file(one, &one_len);
	uint8_t *b = read_file(other, &other_len);

	assert_int_equal(one_len, other_len);
	assert_memory_equal(a, b, one_len);
	free(a);
	free(b);
}

/* ---- conversion ---- */

static void test_convert(void **state)
{
	struct stat st;

	(void)state;
	remove_all();
	unpack(path);
	copy_file(path, copy);
	write_file(temp, "what a crash left", 17);
	assert_golden(path);
	same_bytes(kept, copy);
	assert_int_equal(access(temp, F_OK), -1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_golden(path);		/* now as it is */
	same_bytes(kept, copy);
}

/* Reading alone changes nothing. */
static void test_read_older(void **state)
{
	uint64_t records = 0, reserved = 0, number = 0;
	struct tdbfile *file = NULL;
	char *message = NULL;

	(void)state;
	remove_all();
	unpack(path);
	copy_file(path, copy);
	assert_int_equal(tdbfile_verify(path, &records, &reserved, &message),
			 0);
	assert_int_equal(records, GOLDEN);
	assert_true(reserved >= 7);
	assert_int_equal(tdbfile_open_read(path, &file, &message), 0);
	assert_int_equal(tdbfile_number(file, "format", &number), 0);
	assert_int_equal(number, 1);
	tdbfile_close(file);
	same_bytes(path, copy);
	assert_int_equal(access(kept, F_OK), -1);
}

/* Another file that already has the old one's name stays what it is. */
static void test_name_taken(void **state)
{
	char name[112];
	struct tdbfile *file = NULL;
	char *message = NULL;

	(void)state;
	remove_all();
	unpack(path);
	copy_file(path, copy);
	write_file(kept, "mine", 4);
	assert_golden(path);
	snprintf(name, sizeof(name), "%s.1", kept);
	same_bytes(name, copy);
	assert_int_equal(unlink(kept), 0);

	/* the same file under both names: what a crash may leave */
	copy_file(copy, path);
	assert_int_equal(link(path, kept), 0);
	assert_golden(path);
	same_bytes(kept, copy);
	snprintf(name, sizeof(name), "%s.2", kept);
	assert_int_equal(access(name, F_OK), -1);

	/* all names taken */
	copy_file(copy, path);
	for (int n = 0; n <= 9; n++) {
		snprintf(name, sizeof(name), "%s.%d", kept, n);
		write_file(n == 0 ? kept : name, "mine", 4);
	}
	assert_int_equal(open_any(path, true, &file, &message), EEXIST);
	assert_non_null(strstr(message, "format1"));
	free(message);
	same_bytes(path, copy);
	assert_int_equal(access(temp, F_OK), -1);
}

/* The file a symbolic link points to is converted where it is. */
static void test_link(void **state)
{
	char name[96];
	struct stat st;

	(void)state;
	remove_all();
	unpack(copy);
	assert_int_equal(symlink("copy.tdb", path), 0);
	assert_golden(path);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	snprintf(name, sizeof(name), "%s.format1", copy);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(access(kept, F_OK), -1);
}

/* A damaged one is not made one that only looks whole. */
static void test_convert_damaged(void **state)
{
	size_t len = 0;
	uint8_t *bytes = NULL;
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, "records");

	(void)state;
	remove_all();
	unpack(path);
	set_raw(path, "records", value,
		dbrec_encode_number(value, key, key_len, GOLDEN + 1));
	refused(path, EILSEQ, "7 were found, not 8", "winsrepair salvage");
	unpack(path);
	bytes = read_file(path, &len);
	poke(path, record_of("PRINTER", 0x20, bytes, len) + TDB_RECORD + 40,
	     (const uint8_t *)"?", 1);
	free(bytes);
	refused(path, EILSEQ, "PRINTER<20>: the checksum", "winsrepair check");
	assert_int_equal(access(kept, F_OK), -1);
	assert_int_equal(access(temp, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convert),
		cmocka_unit_test(test_read_older),
		cmocka_unit_test(test_name_taken),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_convert_damaged),
	};

	return cmocka_run_group_tests(tests, names, leave);
}
