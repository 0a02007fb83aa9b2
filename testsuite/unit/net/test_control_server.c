/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket with real sockets in one process: who gets in, requests
 * in pieces and in heaps, readers that stall, clients that vanish anywhere.
 * What is counted at the end: clients, descriptors, memory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/control_server.h"
#include "net/control_socket.h"
#include "unit/control/fakes.h"

#define NOBODY 65534

struct bench {
	struct tevent_context *ev;
	struct store *store;
	struct serve *serve;
	struct control_context context;
	struct control_server *server;
	char dir[64];
	char path[80];
	unsigned int fds;
};

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL) {
		count++;
	}
	closedir(dir);
	return count;
}

static int create(struct bench *b, const char *read_group,
		  const char *admin_group)
{
	char *message = NULL;
	int ret = control_server_create(b, b->ev, &b->context, b->path,
					read_group, admin_group, &b->server,
					&message);

	assert_true((ret == 0) == (message == NULL));
	return ret;
}

static int setup(void **state)
{
	struct bench *b = talloc_zero(NULL, struct bench);

	b->ev = tevent_context_init(b);
	b->store = talloc_zero(b, struct store);
	b->serve = talloc_zero(b, struct serve);
	b->serve->store = b->store;
	b->context = (struct control_context) {
		.world = &fake_world,
		.store = b->store,
		.serve = b->serve,
		.self = 0xc0000201,
		.version = "0.1",
		.state = "running",
		.instance = 1,
		.backup_sight = fake_backup_sight,
	};
	snprintf(b->dir, sizeof(b->dir), "/tmp/winsd-test-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(chmod(b->dir, 0755), 0);
	snprintf(b->path, sizeof(b->path), "%s/sock", b->dir);
	b->fds = open_fds();
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	struct stat st;

	TALLOC_FREE(b->server);
	assert_int_equal(open_fds(), b->fds);
	assert_int_equal(lstat(b->path, &st), -1);
	assert_int_equal(rmdir(b->dir), 0);
	talloc_free(b);
	return 0;
}

static int attach(const struct bench *b)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd != -1);
	memcpy(sun.sun_path, b->path, strlen(b->path));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static size_t make_request(uint8_t *buf, size_t size, const char *verb)
{
	struct control_writer w;

	control_begin(&w, buf, size, CONTROL_REQUEST);
	control_put_text(&w, CONTROL_VERB, verb);
	return control_end(&w);
}

static void put_request(int fd, const char *verb)
{
	uint8_t buf[256];
	size_t len = make_request(buf, sizeof(buf), verb);

	assert_int_equal(send(fd, buf, len, MSG_NOSIGNAL), len);
}

static void timed_out(struct tevent_context *ev, struct tevent_timer *timer,
		      struct timeval now, void *arg)
{
	(void)ev;
	(void)timer;
	(void)now;
	*(bool *)arg = true;
}

/*
 * Turn the loop until there is something to read at fd, or its other end is
 * closed; fails after ten seconds.
 */
static void run_until_readable(struct bench *b, int fd)
{
	bool late = false;
	struct tevent_timer *timer = tevent_add_timer(
		b->ev, b, tevent_timeval_current_ofs(10, 0), timed_out, &late);
	char byte = 0;

	while (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	       errno == EAGAIN) {
		assert_false(late);
		assert_int_equal(tevent_loop_once(b->ev), 0);
	}
	talloc_free(timer);
}

static void run_until_clients(struct bench *b, unsigned int count)
{
	bool late = false;
	struct tevent_timer *timer = tevent_add_timer(
		b->ev, b, tevent_timeval_current_ofs(20, 0), timed_out, &late);

	while (control_server_clients(b->server) != count) {
		assert_false(late);
		assert_int_equal(tevent_loop_once(b->ev), 0);
	}
	talloc_free(timer);
}

static uint8_t in[CONTROL_FRAME_MAX];

/* Read one frame while the loop turns; false at the end of the stream. */
static bool get_reply(struct bench *b, int fd, struct control_reader *r)
{
	size_t got = 0;
	size_t want = CONTROL_HEAD;

	while (got < want) {
		ssize_t n = 0;

		run_until_readable(b, fd);
		n = recv(fd, in + got, want - got, MSG_DONTWAIT);
		if (n <= 0) {
			return false;
		}
		got += (size_t)n;
		if (got == CONTROL_HEAD) {
			want += control_body_len(in, CONTROL_REPLY_MAX);
			assert_true(want > CONTROL_HEAD);
		}
	}
	assert_int_equal(control_open(r, in + CONTROL_HEAD,
				      got - CONTROL_HEAD, CONTROL_REPLY),
			 CONTROL_GOOD);
	return true;
}

static enum control_status get_status(struct bench *b, int fd)
{
	struct control_reader r;

	if (!get_reply(b, fd, &r)) {
		return CONTROL_STATUSES;
	}
	return (enum control_status)control_number_or(&r, CONTROL_STATUS,
						      CONTROL_STATUSES);
}

static bool at_end(struct bench *b, int fd)
{
	char byte = 0;

	run_until_readable(b, fd);
	return recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

/* ---- the file ---- */

static void test_mode_of_the_file(void **state)
{
	struct bench *b = *state;
	struct stat st;
	mode_t before = umask(0);

	assert_int_equal(create(b, NULL, ""), 0);
	umask(before);
	assert_int_equal(lstat(b->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* There is no moment in which others could come in. */
static void test_mode_from_the_first_moment(void **state)
{
	struct bench *b = *state;
	char *message = NULL;
	struct stat st;
	mode_t before = umask(0);
	int fd = -1;

	assert_int_equal(control_socket_listen(b, b->path, &fd, &message), 0);
	umask(before);
	assert_int_equal(lstat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close(fd);
	assert_int_equal(unlink(b->path), 0);
}

static void test_stale_file_is_replaced(void **state)
{
	struct bench *b = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);
	int fd = -1;

	memcpy(sun.sun_path, b->path, strlen(b->path));
	assert_int_equal(bind(dead, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(dead);
	assert_int_equal(attach(b), -1);
	assert_int_equal(create(b, NULL, NULL), 0);
	fd = attach(b);
	assert_true(fd != -1);
	close(fd);
}

static void test_other_files_are_left_alone(void **state)
{
	struct bench *b = *state;
	int fd = open(b->path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	assert_int_equal(create(b, NULL, NULL), ENOTSOCK);
	assert_int_equal(unlink(b->path), 0);
	assert_int_equal(symlink("/tmp", b->path), 0);
	assert_int_equal(create(b, NULL, NULL), ENOTSOCK);
	assert_int_equal(unlink(b->path), 0);
}

static void test_bad_places_and_groups(void **state)
{
	struct bench *b = *state;
	char *message = NULL;
	char path[200];

	assert_int_equal(create(b, "no such group", NULL), ENOENT);
	assert_int_equal(create(b, NULL, "no such group"), ENOENT);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(control_server_create(b, b->ev, &b->context, path,
					       NULL, NULL, &b->server,
					       &message), ENAMETOOLONG);
	assert_non_null(strstr(message, path));
	assert_int_equal(control_server_create(b, b->ev, &b->context,
					       "/nonexistent/sock", NULL, NULL,
					       &b->server, &message), ENOENT);
}

/* ---- requests ---- */

static void test_request_in_pieces(void **state)
{
	struct bench *b = *state;
	uint8_t buf[256];
	size_t len = make_request(buf, sizeof(buf), "server status");
	int fd = -1;

	assert_int_equal(create(b, NULL, NULL), 0);
	fd = attach(b);
	run_until_clients(b, 1);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(send(fd, buf + i, 1, MSG_NOSIGNAL), 1);
		assert_int_equal(tevent_loop_once(b->ev), 0);
	}
	assert_int_equal(get_status(b, fd), CONTROL_OK);
	close(fd);
	run_until_clients(b, 0);
}

static void test_requests_in_a_row(void **state)
{
	struct bench *b = *state;
	int fd = -1;

	assert_int_equal(create(b, NULL, NULL), 0);
	fd = attach(b);
	for (unsigned int i = 0; i < 20; i++) {
		put_request(fd, i % 2 == 0 ? "server status" : "nonsense");
		assert_int_equal(get_status(b, fd), i % 2 == 0 ?
				 CONTROL_OK : CONTROL_UNKNOWN);
	}
	close(fd);
	run_until_clients(b, 0);
}

/* Who speaks while a command of his is under way is sent away. */
static void test_requests_out_of_turn(void **state)
{
	struct bench *b = *state;
	int fd = -1;

	assert_int_equal(create(b, NULL, NULL), 0);
	fd = attach(b);
	put_request(fd, "server scavenge");
	put_request(fd, "server status");
	assert_true(at_end(b, fd));
	assert_int_equal(control_server_clients(b->server), 0);
	close(fd);
	fake_scavenged(b->serve, 0);
	assert_int_equal(talloc_total_blocks(b->serve), 1);
}

static void test_bad_lengths_end_the_connection(void **state)
{
	static const uint8_t heads[][CONTROL_HEAD] = {
		{ 0, 0, 0, 0 }, { 0, 0, 0, 1 }, { 0, 1, 0, 1 },
		{ 255, 255, 255, 255 }, { 'G', 'E', 'T', ' ' },
	};
	struct bench *b = *state;

	assert_int_equal(create(b, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		int fd = attach(b);

		assert_int_equal(send(fd, heads[i], CONTROL_HEAD, 0),
				 CONTROL_HEAD);
		assert_int_equal(get_status(b, fd), CONTROL_BAD_REQUEST);
		assert_true(at_end(b, fd));
		close(fd);
	}
	assert_int_equal(control_server_clients(b->server), 0);
}

static void test_largest_request(void **state)
{
	struct bench *b = *state;
	static uint8_t buf[CONTROL_HEAD + CONTROL_REQUEST_MAX];
	size_t at = 0;
	int fd = -1;

	memset(buf, 0, sizeof(buf));
	buf[1] = 1;			/* 65536 */
	buf[CONTROL_HEAD] = CONTROL_RELEASE;
	buf[CONTROL_HEAD + 1] = CONTROL_REQUEST;
	assert_int_equal(create(b, NULL, NULL), 0);
	fd = attach(b);
	while (at < sizeof(buf)) {
		ssize_t n = send(fd, buf + at, sizeof(buf) - at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			at += (size_t)n;
		}
		assert_int_equal(tevent_loop_once(b->ev), 0);
	}
	assert_int_equal(get_status(b, fd), CONTROL_BAD_REQUEST);
	put_request(fd, "server status");
	assert_int_equal(get_status(b, fd), CONTROL_OK);
	close(fd);
	run_until_clients(b, 0);
}

/* ---- many and slow ones ---- */

static void fill_store(struct bench *b)
{
	for (unsigned int i = 0; i < FAKE_RECORDS; i++) {
		char text[16];

		snprintf(text, sizeof(text), "N%u", i);
		b->store->rec[i] = (struct nb_record) {
			.name = nb_name_make(text, strlen(text), 0x20),
			.version = i + 1,
			.count = 1,
		};
	}
	b->store->count = FAKE_RECORDS;
}

/* The descriptor that the server got for the client that came last. */
static int server_end(void)
{
	int next = dup(0);

	close(next);
	return next - 1;
}

/*
 * A reader asks for a list and does not read. The kernel would take the whole
 * reply, so its buffer is made small: now the server has to keep the rest. It
 * keeps that one reply and goes on with others; the reader finds it whole.
 */
static void test_reader_that_stalls(void **state)
{
	struct bench *b = *state;
	int small = 1024;
	int slow = -1;
	int quick = -1;
	size_t before = 0;

	fill_store(b);
	assert_int_equal(create(b, NULL, NULL), 0);
	quick = attach(b);
	run_until_clients(b, 1);
	slow = attach(b);
	run_until_clients(b, 2);
	assert_int_equal(setsockopt(server_end(), SOL_SOCKET, SO_SNDBUF,
				    &small, sizeof(small)), 0);
	before = talloc_total_size(b->server);
	put_request(slow, "record list");
	for (unsigned int i = 0; i < 500; i++) {
		size_t more = 0;

		put_request(quick, "server status");
		assert_int_equal(get_status(b, quick), CONTROL_OK);
		more = talloc_total_size(b->server) - before;
		assert_true(more <= CONTROL_FRAME_MAX);
		assert_true(i < 2 || more > CONTROL_FRAME_MAX / 2);
	}
	assert_int_equal(get_status(b, slow), CONTROL_OK);
	assert_int_equal(talloc_total_size(b->server), before);
	put_request(slow, "server status");
	assert_int_equal(get_status(b, slow), CONTROL_OK);
	close(slow);
	close(quick);
	run_until_clients(b, 0);
}

/* The same reader never reads, and goes: nothing is kept for it. */
static void test_stalled_reader_vanishes(void **state)
{
	struct bench *b = *state;
	int small = 1024;
	size_t before = 0;
	int fd = -1;

	fill_store(b);
	assert_int_equal(create(b, NULL, NULL), 0);
	before = talloc_total_size(b->server);
	fd = attach(b);
	run_until_clients(b, 1);
	assert_int_equal(setsockopt(server_end(), SOL_SOCKET, SO_SNDBUF,
				    &small, sizeof(small)), 0);
	put_request(fd, "record list");
	run_until_readable(b, fd);
	close(fd);
	run_until_clients(b, 0);
	assert_int_equal(talloc_total_size(b->server), before);
}

static void test_too_many_clients(void **state)
{
	struct bench *b = *state;
	int fds[CONTROL_CLIENTS_MAX + 1];

	assert_int_equal(create(b, NULL, NULL), 0);
	for (unsigned int i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
		fds[i] = attach(b);
		assert_true(fds[i] != -1);
		assert_int_equal(tevent_loop_once(b->ev), 0);
	}
	assert_int_equal(get_status(b, fds[CONTROL_CLIENTS_MAX]),
			 CONTROL_BUSY);
	assert_int_equal(control_server_clients(b->server),
			 CONTROL_CLIENTS_MAX);
	put_request(fds[0], "server status");
	assert_int_equal(get_status(b, fds[0]), CONTROL_OK);
	for (unsigned int i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
		close(fds[i]);
	}
	run_until_clients(b, 0);
}

static void test_idle_clients_are_closed(void **state)
{
	struct bench *b = *state;
	int fd = -1;

	assert_int_equal(create(b, NULL, NULL), 0);
	control_server_set_idle(b->server, 0);
	fd = attach(b);
	assert_true(at_end(b, fd));
	assert_int_equal(control_server_clients(b->server), 0);
	close(fd);
}

/* Half a request does not keep the door open either. */
static void test_slow_senders_are_closed(void **state)
{
	struct bench *b = *state;
	int fd = -1;

	assert_int_equal(create(b, NULL, NULL), 0);
	control_server_set_idle(b->server, 1);
	fd = attach(b);
	assert_int_equal(send(fd, "\0\0", 2, 0), 2);
	assert_true(at_end(b, fd));
	close(fd);
}

/*
 * Send so many bytes, let the server have some of the turns that they give
 * it (connection, head, body), and go away.
 */
static void vanish(struct bench *b, const uint8_t *buf, size_t len,
		   unsigned int random)
{
	unsigned int turns = 1 + random % (1u + (len > 0) +
					   (len > CONTROL_HEAD));
	int fd = attach(b);

	assert_true(fd != -1);
	if (len > 0) {
		assert_int_equal(send(fd, buf, len, MSG_NOSIGNAL), len);
	}
	while (turns > 0) {
		assert_int_equal(tevent_loop_once(b->ev), 0);
		turns--;
	}
	close(fd);
	while (control_server_clients(b->server) > 0) {
		if (b->serve->done != NULL) {
			fake_let_go(b->serve);
		} else {
			assert_int_equal(tevent_loop_once(b->ev), 0);
		}
	}
}

/* After any number of bytes of a request, a held commit among them. */
static void test_ten_thousand_vanish(void **state)
{
	struct bench *b = *state;
	struct nb_name name = nb_name_make("N0", 2, 0x20);
	struct control_writer w;
	uint8_t buf[256];
	size_t len = 0;
	size_t before = 0;
	unsigned int fds = 0;
	uint32_t random = 1;

	fill_store(b);
	b->serve->hold = true;
	control_begin(&w, buf, sizeof(buf), CONTROL_REQUEST);
	control_put_text(&w, CONTROL_VERB, "record touch");
	control_put_name(&w, CONTROL_NAME, &name);
	len = control_end(&w);
	assert_int_equal(create(b, NULL, NULL), 0);
	before = talloc_total_size(b);
	fds = open_fds();
	for (unsigned int i = 0; i < 10000; i++) {
		random = random * 1103515245 + 12345;
		vanish(b, buf, i % 3 == 0 ? len : (random >> 16) % len,
		       random >> 8);
	}
	assert_true(b->serve->commands > 2000);
	assert_int_equal(talloc_total_size(b), before);
	assert_int_equal(open_fds(), fds);
}

/* The server ends while a commit is held and clients are connected. */
static void test_server_ends_first(void **state)
{
	struct bench *b = *state;
	struct nb_name name = nb_name_make("N0", 2, 0x20);
	struct control_writer w;
	uint8_t buf[256];
	int fd = -1;

	fill_store(b);
	b->serve->hold = true;
	control_begin(&w, buf, sizeof(buf), CONTROL_REQUEST);
	control_put_text(&w, CONTROL_VERB, "record touch");
	control_put_name(&w, CONTROL_NAME, &name);
	assert_int_equal(create(b, NULL, NULL), 0);
	fd = attach(b);
	assert_true(send(fd, buf, control_end(&w), 0) > 0);
	while (b->serve->done == NULL) {
		assert_int_equal(tevent_loop_once(b->ev), 0);
	}
	TALLOC_FREE(b->server);
	fake_let_go(b->serve);
	assert_int_equal(talloc_total_blocks(b->serve), 1);
	assert_true(recv(fd, buf, 1, 0) <= 0);
	close(fd);
}

/* No descriptors left: the loop rests, and comes back when there are some. */
static void test_out_of_descriptors(void **state)
{
	struct bench *b = *state;
	struct rlimit old;
	struct rlimit tight;
	int fd = -1;
	int highest = -1;

	assert_int_equal(create(b, NULL, NULL), 0);
	fd = attach(b);
	highest = dup(0);
	close(highest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)highest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	assert_int_equal(tevent_loop_once(b->ev), 0);
	assert_int_equal(control_server_clients(b->server), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	/* the next event is the timer, not the same connection again */
	assert_int_equal(tevent_loop_once(b->ev), 0);
	assert_int_equal(control_server_clients(b->server), 0);
	run_until_clients(b, 1);
	put_request(fd, "server status");
	assert_int_equal(get_status(b, fd), CONTROL_OK);
	close(fd);
	run_until_clients(b, 0);
}

/* ---- peers ---- */

/* In a child that is nobody in the group: one request, status as exit code. */
static pid_t ask_as(struct bench *b, gid_t gid, const char *verb)
{
	pid_t pid = fork();
	uint8_t frame[CONTROL_FRAME_MAX];
	struct control_reader r;
	ssize_t n = 0;
	int fd = -1;

	if (pid != 0) {
		return pid;
	}
	if (setgroups(1, &gid) != 0 ||
	    setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) != 0) {
		_exit(99);
	}
	fd = attach(b);
	if (fd == -1) {
		_exit(98);
	}
	n = (ssize_t)make_request(frame, sizeof(frame), verb);
	(void)!send(fd, frame, (size_t)n, MSG_NOSIGNAL);
	n = recv(fd, frame, sizeof(frame), 0);
	if (n <= CONTROL_HEAD ||
	    control_open(&r, frame + CONTROL_HEAD, (size_t)n - CONTROL_HEAD,
			 CONTROL_REPLY) != CONTROL_GOOD) {
		_exit(97);
	}
	_exit((int)control_number_or(&r, CONTROL_STATUS, 96));
}

static int status_as(struct bench *b, gid_t gid, const char *verb)
{
	pid_t pid = ask_as(b, gid, verb);
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		bool late = false;
		void *tick = talloc_new(b);

		/* whatever comes first: the child's packet or a short while */
		assert_non_null(tevent_add_timer(
			b->ev, tick, tevent_timeval_current_ofs(0, 2000),
			timed_out, &late));
		assert_int_equal(tevent_loop_once(b->ev), 0);
		talloc_free(tick);
	}
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Groups that every system has. */
static const char *const group_name[] = { "daemon", "sys", "mail" };

static void test_peers(void **state)
{
	struct bench *b = *state;
	gid_t gid[3];

	if (geteuid() != 0) {
		skip();
	}
	for (unsigned int i = 0; i < 3; i++) {
		struct group *group = getgrnam(group_name[i]);

		assert_non_null(group);
		gid[i] = group->gr_gid;
	}
	assert_int_equal(create(b, group_name[0], group_name[1]), 0);
	assert_int_equal(status_as(b, gid[0], "server status"), CONTROL_OK);
	assert_int_equal(status_as(b, gid[0], "server scavenge"),
			 CONTROL_DENIED);
	assert_int_equal(status_as(b, gid[0], "record delete"),
			 CONTROL_DENIED);
	assert_int_equal(status_as(b, gid[1], "server status"), CONTROL_OK);
	/* allowed, and then refused because no name was given */
	assert_int_equal(status_as(b, gid[1], "record delete"),
			 CONTROL_BAD_REQUEST);
	/* neither group: the file keeps it out */
	assert_int_equal(status_as(b, gid[2], "server status"), 98);
	/* and should the file not, the server does */
	assert_int_equal(chmod(b->path, 0666), 0);
	assert_int_equal(status_as(b, gid[2], "server status"),
			 CONTROL_DENIED);
	/* before it has heard a word */
	assert_int_equal(status_as(b, gid[2], "nonsense"), CONTROL_DENIED);
	run_until_clients(b, 0);
}

static void test_groups_change(void **state)
{
	struct bench *b = *state;
	char *message = NULL;
	struct stat st;

	if (geteuid() != 0) {
		skip();
	}
	assert_int_equal(create(b, group_name[0], NULL), 0);
	assert_int_equal(lstat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, getgrnam(group_name[0])->gr_gid);
	assert_int_equal(control_server_set_groups(b->server, b, NULL,
						   group_name[2], &message),
			 0);
	assert_int_equal(lstat(b->path, &st), 0);
	assert_int_equal(st.st_gid, getgrnam(group_name[2])->gr_gid);
	assert_int_equal(status_as(b, st.st_gid, "record delete"),
			 CONTROL_BAD_REQUEST);
	assert_int_equal(control_server_set_groups(b->server, b, "no group",
						   NULL, &message), ENOENT);
	assert_non_null(strstr(message, "no group"));
	assert_int_equal(status_as(b, st.st_gid, "record delete"),
			 CONTROL_BAD_REQUEST);
	assert_int_equal(control_server_set_groups(b->server, b, NULL, NULL,
						   &message), 0);
	assert_int_equal(lstat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	run_until_clients(b, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mode_of_the_file),
		TEST(test_mode_from_the_first_moment),
		TEST(test_stale_file_is_replaced),
		TEST(test_other_files_are_left_alone),
		TEST(test_bad_places_and_groups),
		TEST(test_request_in_pieces),
		TEST(test_requests_in_a_row),
		TEST(test_requests_out_of_turn),
		TEST(test_bad_lengths_end_the_connection),
		TEST(test_largest_request),
		TEST(test_reader_that_stalls),
		TEST(test_stalled_reader_vanishes),
		TEST(test_too_many_clients),
		TEST(test_idle_clients_are_closed),
		TEST(test_slow_senders_are_closed),
		TEST(test_ten_thousand_vanish),
		TEST(test_server_ends_first),
		TEST(test_out_of_descriptors),
		TEST(test_peers),
		TEST(test_groups_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
