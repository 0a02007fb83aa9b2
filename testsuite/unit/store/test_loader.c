/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loading in a thread: what is found meanwhile is what is on the disk, what
 * stands afterwards is what store_create() makes of it; damage, errors, no
 * memory and an early end arrive as they should.
 *
 * The thread is stopped and let go by semaphores in a load() of the test, so
 * nothing here depends on who is faster. RECORDS=n makes the run without
 * stops longer; built with -fsanitize=thread it shows that nothing is shared.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec/dbrec.h"
#include "store_world.h"

/* ---- a load() that can be stopped ---- */

typedef int load_fn(void *arg, const uint8_t *key, size_t key_len,
		    const uint8_t *value, size_t value_len);

static struct {
	int (*load)(void *priv, load_fn *fn, void *arg);	/* the disk's */
	unsigned int stop_at;		/* keys; 0: never */
	sem_t reached;
	sem_t go;
	bool endless;
	sigset_t mask;			/* of the thread */
	/* of the call that runs */
	load_fn *fn;
	void *arg;
	unsigned int keys;
	int result;
} gate;

static int gate_fn(void *arg, const uint8_t *key, size_t key_len,
		   const uint8_t *value, size_t value_len)
{
	(void)arg;
	if (++gate.keys == gate.stop_at) {
		sem_post(&gate.reached);
		while (sem_wait(&gate.go) != 0) {
		}
	}
	return gate.fn(gate.arg, key, key_len, value, value_len);
}

static int gate_load(void *priv, load_fn *fn, void *arg)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, "endless");
	size_t len = dbrec_encode_number(value, key, key_len, 1);
	int err = 0;

	gate.fn = fn;
	gate.arg = arg;
	gate.keys = 0;
	pthread_sigmask(SIG_BLOCK, NULL, &gate.mask);
	err = gate.load(priv, gate_fn, NULL);
	if (gate.endless) {
		sem_post(&gate.reached);
	}
	while (gate.endless && err == 0) {
		err = fn(arg, key, key_len, value, len);
	}
	gate.result = err;
	return err;
}

static void gate_init(struct store_backend *backend, unsigned int stop_at)
{
	memset(&gate, 0, sizeof(gate));
	sem_init(&gate.reached, 0, 0);
	sem_init(&gate.go, 0, 0);
	gate.load = backend->load;
	gate.stop_at = stop_at;
	backend->load = gate_load;
}

/* ---- stores that load ---- */

static unsigned int errors;
static char last_line[1024];

static void count_log(void *priv, int level, const char *line)
{
	(void)priv;
	errors += level == NB_LOG_ERROR ? 1 : 0;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static struct nb_world logged;

struct news {
	unsigned int calls;
	int error;
	char message[512];
};

static void on_loaded(void *arg, int error, const char *message)
{
	struct news *news = arg;

	news->calls++;
	news->error = error;
	snprintf(news->message, sizeof(news->message), "%s",
		 message != NULL ? message : "none");
}

static struct store *open_on(const struct store_backend *backend,
			     struct news *news)
{
	struct store *store = NULL;
	char *message = NULL;

	memset(news, 0, sizeof(*news));
	logged = world;
	logged.log = count_log;
	errors = 0;
	assert_int_equal(store_open(NULL, &logged, backend, on_loaded, news,
				    &store, &message), 0);
	assert_null(message);
	return store;
}

/* The event is awaited, then taken. */
static void finish(struct store *store, const struct news *news)
{
	struct pollfd p = { .events = POLLIN };
	int fd[STORE_FDS];

	assert_int_equal(store_fds(store, fd), 1);
	p.fd = fd[0];
	while (poll(&p, 1, -1) != 1) {
	}
	assert_int_equal(news->calls, 0);
	store_ready(store);
	assert_int_equal(news->calls, 1);
}

/* Records of every kind, deletions, marks, numbers: n names from 0. */
static struct sim_disk *filled_disk(unsigned int n)
{
	static const uint32_t owners[] = { NB_SELF, 111, 222, 0xfffffffe };
	struct sim_disk *disk = sim_disk_create(NULL);
	struct store *store = store_on(disk);
	struct nb_name gone;

	for (unsigned int i = 0; i < n;) {
		store_begin(store);
		for (unsigned int k = 0; k < 500 && i < n; k++, i++) {
			struct nb_record rec = record_n(i, 1000 + i % 77);

			if (i % 5 == 0) {
				nb_name_set_scope(&rec.name, "scope", 5);
			}
			rec.type = (uint8_t)(i % 4);
			rec.state = (uint8_t)(i % 3);
			rec.is_static = i % 11 == 0;
			rec.count = (uint8_t)(i % 4 == 1 ? 1 : 1 + i % 5);
			for (unsigned int m = 0; m < rec.count; m++) {
				rec.member[m].ip = 0x0a000000 + 10 * i + m;
				rec.member[m].expires = rec.expires;
			}
			rec.owner = owners[i % 4];
			rec.version = i;
			assert_int_equal(store_put(store, &rec, i % 4 == 0),
					 0);
		}
		store_commit(store, done_ok, NULL);
	}
	store_begin(store);
	assert_int_equal(store_set_mark(store, 222, 99), 0);
	assert_int_equal(store_set_meta(store, "alive", 12), 0);
	gone = name_n(7);
	assert_int_equal(store_delete(store, &gone), 0);
	store_commit(store, done_ok, NULL);
	talloc_free(store);
	return disk;
}

static struct nb_name name_of(unsigned int i)
{
	struct nb_name name = name_n(i);

	if (i % 5 == 0) {
		nb_name_set_scope(&name, "scope", 5);
	}
	return name;
}

/* ---- the same as store_create() ---- */

struct listing {
	unsigned int n;
	struct nb_record *rec;
};

static bool list_one(void *arg, const struct nb_record *rec)
{
	struct listing *listing = arg;

	listing->rec[listing->n++] = *rec;
	return true;
}

static void expect_same_versions(struct store *a, struct store *b,
				 uint32_t owner)
{
	struct nb_record *rec = calloc(2000, sizeof(*rec));
	struct listing x = { .rec = rec }, y = { .rec = rec + 1000 };

	store_walk_version(a, owner, 0, UINT64_MAX, list_one, &x);
	store_walk_version(b, owner, 0, UINT64_MAX, list_one, &y);
	assert_true(x.n > 0);
	assert_int_equal(x.n, y.n);
	for (unsigned int i = 0; i < x.n; i++) {
		assert_true(same_record(&x.rec[i], &y.rec[i]));
	}
	free(rec);
}

static void expect_same(struct store *a, struct store *b)
{
	struct store_stats sa, sb;
	struct store_owner oa, ob;
	struct nb_record ra = record_n(5000, 9), rb = ra;
	uint64_t x = 0, y = 0;

	store_stats(a, &sa);
	store_stats(b, &sb);
	assert_memory_equal(&sa, &sb, offsetof(struct store_stats, waiting));
	assert_int_equal(sa.waiting, sb.waiting);
	for (unsigned int i = 0; store_owner_at(a, i, &oa); i++) {
		assert_true(store_owner_at(b, i, &ob));
		assert_int_equal(oa.owner, ob.owner);
		assert_int_equal(oa.mark, ob.mark);
		assert_int_equal(oa.highest, ob.highest);
		expect_same_versions(a, b, oa.owner);
	}
	assert_int_equal(store_counter(a), store_counter(b));
	assert_true(store_get_meta(a, "alive", &x));
	assert_true(store_get_meta(b, "alive", &y));
	assert_int_equal(x, y);
	put_one(a, &ra, true);
	put_one(b, &rb, true);
	assert_true(same_record(&ra, &rb));
}

static void test_same(void **state)
{
	struct sim_disk *disk = filled_disk(1000);
	struct sim_disk *copy = sim_disk_crash(NULL, disk, false);
	struct store_backend backend;
	struct store *created = store_on(copy), *store = NULL;
	struct news news;

	(void)state;
	sim_disk_backend(disk, &backend);
	store = open_on(&backend, &news);
	finish(store, &news);
	assert_int_equal(news.error, 0);
	assert_string_equal(news.message, "none");
	assert_false(store_loading(store));
	assert_int_equal(store_health(store), STORE_OK);
	store_ready(store);
	assert_int_equal(news.calls, 1);
	expect_same(store, created);
	talloc_free(store);
	talloc_free(created);
	talloc_free(disk);
	talloc_free(copy);
}

/* ---- meanwhile ---- */

/* What the disk holds, found through the store. */
static void expect_found(struct store *store, const struct sim_disk *disk,
			 unsigned int i)
{
	struct nb_name name = name_of(i);
	struct nb_record rec, is;
	uint8_t key[DBREC_KEY_MAX];
	size_t key_len = dbrec_key_record(key, &name), len = 0;
	const uint8_t *value = sim_disk_get(disk, key, key_len, &len);

	if (value == NULL) {
		assert_false(store_get(store, &name, &rec));
		return;
	}
	assert_null(dbrec_decode(key, key_len, value, len, &is));
	assert_true(store_get(store, &name, &rec));
	assert_true(same_record(&rec, &is));
}

static void test_meanwhile(void **state)
{
	struct sim_disk *disk = filled_disk(1000);
	struct store_backend backend;
	struct store *store = NULL;
	struct store_disk sight = { .file_size = 5 };
	struct nb_name name = name_n(1);
	struct news news;
	struct pollfd p = { .events = POLLIN };
	uint64_t number = 0;
	int fd[STORE_FDS];

	(void)state;
	sim_disk_show(disk, &sight);
	sim_disk_backend(disk, &backend);
	gate_init(&backend, 500);
	store = open_on(&backend, &news);
	sem_wait(&gate.reached);
	assert_true(store_loading(store));
	assert_int_equal(store_health(store), STORE_LOADING);
	assert_false(store_busy(store));
	assert_int_equal(store_pending_turn(store, &name), 0);
	store_disk_sight(store, &sight);
	assert_int_equal(sight.file_size, 5);
	for (unsigned int i = 0; i < 1010; i++) {
		expect_found(store, disk, i);
	}
	assert_true(store_get_meta(store, "alive", &number));
	assert_int_equal(number, 12);
	assert_false(store_get_meta(store, "absent", &number));
	assert_int_equal(store_fds(store, fd), 1);
	p.fd = fd[0];
	assert_int_equal(poll(&p, 1, 0), 0);
	store_ready(store);		/* nothing to do, no harm */
	assert_true(store_loading(store));
	assert_int_equal(errors, 0);
	sem_post(&gate.go);
	finish(store, &news);
	assert_int_equal(news.error, 0);
	for (unsigned int i = 0; i < 1010; i++) {
		expect_found(store, disk, i);
	}
	talloc_free(store);
	talloc_free(disk);

	/* no signal comes to that thread */
	for (int sig = 1; sig < 32; sig++) {
		assert_int_equal(sigismember(&gate.mask, sig),
				 sig != SIGKILL && sig != SIGSTOP);
	}
	pthread_sigmask(SIG_BLOCK, NULL, &gate.mask);
	assert_int_equal(sigismember(&gate.mask, SIGTERM), 0);
}

/* Queries while it runs, as many as there is time for. */
static void test_no_stops(void **state)
{
	const char *text = getenv("RECORDS");
	unsigned int n = text != NULL ? (unsigned int)atoi(text) : 20000;
	struct sim_disk *disk = filled_disk(n);
	struct store_backend backend;
	struct store *store = NULL;
	struct news news;
	struct pollfd p = { .events = POLLIN };
	unsigned int asked = 0;
	int fd[STORE_FDS];

	(void)state;
	sim_disk_backend(disk, &backend);
	store = open_on(&backend, &news);
	assert_int_equal(store_fds(store, fd), 1);
	p.fd = fd[0];
	while (poll(&p, 1, 0) == 0) {
		expect_found(store, disk, dice(n + 100));
		asked++;
	}
	finish(store, &news);
	assert_int_equal(news.error, 0);
	for (unsigned int i = 0; i < n; i++) {
		expect_found(store, disk, i);
	}
	print_message("%u records, %u queries while loading\n", n, asked);
	talloc_free(store);
	talloc_free(disk);
}

static void test_waited_for(void **state)
{
	struct sim_disk *disk = filled_disk(100);
	struct store_backend backend;
	struct store *store = NULL;
	struct news news;

	(void)state;
	sim_disk_backend(disk, &backend);
	store = open_on(&backend, &news);
	store_wait(store);
	assert_int_equal(news.calls, 1);
	assert_int_equal(news.error, 0);
	assert_false(store_loading(store));
	store_wait(store);
	assert_int_equal(news.calls, 1);
	talloc_free(store);
	talloc_free(disk);
}

/* The size of the file counts from the first put on. */
static void test_large_file(void **state)
{
	struct store_disk sight = { .file_size = 9, .file_limit = 9 };
	struct sim_disk *disk = filled_disk(10);
	struct nb_record rec = record_n(50, 1);
	struct store_backend backend;
	struct store *store = NULL;
	struct news news;

	(void)state;
	sim_disk_show(disk, &sight);
	sim_disk_backend(disk, &backend);
	store = open_on(&backend, &news);
	finish(store, &news);
	store_begin(store);
	assert_int_equal(store_put(store, &rec, true), EFBIG);
	store_commit(store, done_ok, NULL);
	talloc_free(store);
	talloc_free(disk);
}

/* ---- what goes wrong ---- */

static void flip(struct sim_disk *disk, const uint8_t *key, size_t key_len)
{
	size_t len = 0;
	const uint8_t *value = sim_disk_get(disk, key, key_len, &len);
	uint8_t copy[DBREC_VALUE_MAX];

	memcpy(copy, value, len);
	copy[len / 2] ^= 4;
	sim_disk_set(disk, key, key_len, copy, len);
}

static void test_damage(void **state)
{
	struct sim_disk *disk = filled_disk(1000);
	struct store_backend backend;
	struct store *store = NULL;
	struct news news;
	struct nb_name bad = name_n(8), good = name_n(9);
	struct nb_record rec;
	uint8_t key[DBREC_KEY_MAX];
	uint64_t number = 0;

	(void)state;
	flip(disk, key, dbrec_key_record(key, &bad));
	flip(disk, key, dbrec_key_meta(key, "alive"));
	sim_disk_backend(disk, &backend);
	gate_init(&backend, 1);
	store = open_on(&backend, &news);
	sem_wait(&gate.reached);
	assert_false(store_get(store, &bad, &rec));
	assert_int_equal(errors, 1);
	assert_non_null(strstr(last_line, "checksum"));
	assert_non_null(strstr(last_line, "winsrepair check simdisk"));
	assert_false(store_get(store, &bad, &rec));
	assert_false(store_get_meta(store, "alive", &number));
	assert_int_equal(errors, 1);
	assert_true(store_get(store, &good, &rec));
	sem_post(&gate.go);
	finish(store, &news);
	assert_int_equal(news.error, EILSEQ);
	assert_non_null(strstr(news.message, "simdisk: number alive: the "
				"checksum does not match; 'winsrepair check"));

	/* it stays as it is until it is freed */
	assert_true(store_loading(store));
	assert_int_equal(store_health(store), STORE_LOADING);
	assert_true(store_get(store, &good, &rec));
	store_ready(store);
	store_wait(store);
	assert_int_equal(news.calls, 1);
	talloc_free(store);
	talloc_free(disk);
}

static int fetch_eio(void *priv, const uint8_t *key, size_t key_len,
		     void (*fn)(void *arg, const uint8_t *value,
				size_t value_len),
		     void *arg)
{
	(void)priv;
	(void)key;
	(void)key_len;
	(void)fn;
	(void)arg;
	return EIO;
}

static int load_eio(void *priv, load_fn *fn, void *arg)
{
	(void)priv;
	(void)fn;
	(void)arg;
	return EIO;
}

static void test_unreadable(void **state)
{
	struct sim_disk *disk = filled_disk(10);
	struct nb_name name = name_n(1);
	struct store_backend backend;
	struct store *store = NULL;
	struct nb_record rec;
	struct news news;

	(void)state;
	sim_disk_backend(disk, &backend);
	backend.fetch = fetch_eio;
	backend.load = load_eio;
	store = open_on(&backend, &news);
	assert_false(store_get(store, &name, &rec));
	assert_false(store_get(store, &name, &rec));
	assert_int_equal(errors, 1);
	assert_non_null(strstr(last_line, "Input/output error"));
	finish(store, &news);
	assert_int_equal(news.error, EIO);
	assert_non_null(strstr(news.message, "simdisk cannot be read"));
	talloc_free(store);
	talloc_free(disk);
}

static bool closed;

static void note_close(void *priv)
{
	(void)priv;
	closed = true;
}

/* Freed before, while and after the thread runs. */
static void test_freed(void **state)
{
	struct sim_disk *disk = filled_disk(1000);
	struct store_backend backend;
	struct store *store = NULL;
	struct news news;
	struct pollfd p = { .events = POLLIN };
	int fd[STORE_FDS];

	(void)state;
	sim_disk_backend(disk, &backend);
	backend.close = note_close;
	gate_init(&backend, 0);
	for (int i = 0; i < 50; i++) {
		closed = false;
		store = open_on(&backend, &news);
		talloc_free(store);
		assert_int_equal(news.calls, 0);
		assert_true(closed);
	}
	gate.endless = true;		/* but for the word to stop */
	store = open_on(&backend, &news);
	sem_wait(&gate.reached);
	talloc_free(store);
	assert_int_equal(gate.result, ECANCELED);
	assert_int_equal(news.calls, 0);

	gate.endless = false;
	store = open_on(&backend, &news);
	store_fds(store, fd);
	p.fd = fd[0];
	while (poll(&p, 1, -1) != 1) {
	}
	talloc_free(store);
	assert_int_equal(news.calls, 0);
	talloc_free(disk);
}

/* ---- no thread ---- */

#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define WATCHED_THREADS		/* by way of a pthread_create() of its own */
#else

static bool no_thread;

__attribute__((visibility("default")))
int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
		   void *(*fn)(void *arg), void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
		    void *) = NULL;

	/* the object pointer is what POSIX has dlsym() give */
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return no_thread ? EAGAIN : real(thread, attr, fn, arg);
}

static void test_no_thread(void **state)
{
	struct sim_disk *disk = filled_disk(10);
	struct store_backend backend;
	struct store *store = (struct store *)disk;
	struct news news = { .calls = 0 };
	char *message = NULL;

	(void)state;
	sim_disk_backend(disk, &backend);
	backend.close = note_close;
	closed = false;
	no_thread = true;
	assert_int_equal(store_open(NULL, &world, &backend, on_loaded, &news,
				    &store, &message), EAGAIN);
	no_thread = false;
	assert_null(store);
	assert_non_null(message);
	assert_true(closed);
	assert_int_equal(news.calls, 0);
	talloc_free(message);
	talloc_free(disk);
}

#endif

/* ---- what may not be called ---- */

static struct store *forbidden;

static void call_begin(void)
{
	store_begin(forbidden);
}

static void call_mark(void)
{
	store_mark(forbidden, 111);
}

static void call_counter(void)
{
	store_counter(forbidden);
}

static void call_raise(void)
{
	store_raise_counter(forbidden, 0);
}

static void call_owner(void)
{
	struct store_owner owner;

	store_owner_at(forbidden, 0, &owner);
}

static void call_stats(void)
{
	struct store_stats stats;

	store_stats(forbidden, &stats);
}

static void call_version(void)
{
	store_walk_version(forbidden, 111, 0, 9, NULL, NULL);
}

static void call_due(void)
{
	struct store_due_pos pos = { .started = false };
	struct nb_name name;

	store_walk_due(forbidden, 0, &pos, &name, 1);
}

static void call_all(void)
{
	uint64_t cursor = 0;

	store_walk_all(forbidden, &cursor, 1, NULL, NULL);
}

static void call_backup(void)
{
	store_backup(forbidden, "x", NULL, NULL);
}

static void test_forbidden(void **state)
{
	static void (*const calls[])(void) = {
		call_begin, call_mark,	  call_counter, call_raise, call_owner,
		call_stats, call_version, call_due,	call_all, call_backup,
	};
	struct sim_disk *disk = filled_disk(10);
	struct store_backend backend;
	struct news news;

	(void)state;
	sim_disk_backend(disk, &backend);
	gate_init(&backend, 1);
	forbidden = open_on(&backend, &news);
	sem_wait(&gate.reached);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			signal(SIGABRT, SIG_DFL);
			fclose(stderr);
			calls[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
	}
	sem_post(&gate.go);
	finish(forbidden, &news);
	talloc_free(forbidden);
	talloc_free(disk);
}

/* ---- no memory ---- */

/*
 * The n-th allocation from now fails, in whichever thread. What the store
 * calls is found here first; the sanitizers have their own and keep them.
 */
#if !defined(__SANITIZE_ADDRESS__) && \
	!__has_feature(address_sanitizer) && !defined(WATCHED_THREADS)
#define FAILING_MALLOC

static atomic_uint countdown;
static atomic_int standing;		/* blocks */

static bool fails(void)
{
	unsigned int left = atomic_load(&countdown);

	while (left > 0 &&
	       !atomic_compare_exchange_weak(&countdown, &left, left - 1)) {
	}
	return left == 1;
}

static void *counted(void *block)
{
	atomic_fetch_add(&standing, block != NULL ? 1 : 0);
	return block;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *block);

/* for libc and talloc, too */
#define SEEN __attribute__((visibility("default")))
SEEN void *malloc(size_t size);
SEEN void *calloc(size_t n, size_t size);
SEEN void *realloc(void *old, size_t size);
SEEN void free(void *block);

void *malloc(size_t size)
{
	return fails() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *old, size_t size)
{
	void *block = fails() ? NULL : __libc_realloc(old, size);

	return old == NULL ? counted(block) : block;
}

void free(void *block)
{
	atomic_fetch_sub(&standing, block != NULL ? 1 : 0);
	__libc_free(block);
}

/* Open, wait and free while the n-th allocation fails. 0 or an error. */
static int round_without(const struct store_backend *backend, unsigned int n,
			 unsigned int *late)
{
	struct news news = { .calls = 0 };
	struct store *store = NULL;
	char *message = NULL;
	int err = 0;

	atomic_store(&countdown, n);
	err = store_open(NULL, &logged, backend, on_loaded, &news, &store,
			 &message);
	if (err == 0) {
		store_wait(store);
		assert_int_equal(news.calls, 1);
		err = news.error;
		*late += err != 0 ? 1 : 0;
	} else {
		assert_null(store);
	}
	talloc_free(message);
	talloc_free(store);
	return err;
}

static void test_no_memory(void **state)
{
	struct sim_disk *disk = filled_disk(50);
	struct store_backend backend;
	unsigned int n = 0, late = 0;
	int before = 0, err = 0, fd = dup(0), next = 0;

	(void)state;
	close(fd);
	sim_disk_backend(disk, &backend);
	logged = world;
	logged.log = count_log;
	/* once without a failure: a thread's own memory is kept by libc */
	assert_int_equal(round_without(&backend, 0, &late), 0);
	before = atomic_load(&standing);
	do {
		err = round_without(&backend, ++n, &late);
		assert_true(err == 0 || err == ENOMEM);
		assert_int_equal(atomic_load(&standing), before);
	} while (atomic_exchange(&countdown, 0) == 0);
	assert_int_equal(err, 0);
	next = dup(0);
	assert_int_equal(next, fd);
	close(next);
	print_message("%u allocations, %u failed in the thread\n", n - 1, late);
	assert_true(n > 9 && late >= 4);
	talloc_free(disk);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_meanwhile),
		cmocka_unit_test(test_no_stops),
		cmocka_unit_test(test_waited_for),
		cmocka_unit_test(test_large_file),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_freed),
#ifndef WATCHED_THREADS
		cmocka_unit_test(test_no_thread),
#endif
		cmocka_unit_test(test_forbidden),
#ifdef FAILING_MALLOC
		cmocka_unit_test(test_no_memory),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
