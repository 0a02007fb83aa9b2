/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a server begins while memory runs out once: the name service's sockets,
 * the control socket with a client at it, the timers of the loop, and what is
 * made of them. Whatever
 * could not be made is made by the next attempt; who was there is served, or
 * sent away and served when he comes again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "faults/alloc.h"
#include "faults/alloc_server.h"
#include "net/control_server.h"
#include "net/udp137.h"
#include "store/internal.h"
#include "unit/client/fake_server.h"
#include "wins/timers.h"

#define HERE 0x7f00000bu	/* 127.0.0.11 */

static void must(bool truth, const char *what)
{
	if (!truth) {
		alloc_tell();
		fail_msg("%s", what);
	}
}

static bool late;

static void too_late(struct tevent_context *ev, struct tevent_timer *timer,
		     struct timeval now, void *private_data)
{
	(void)ev;
	(void)timer;
	(void)now;
	(void)private_data;
	late = true;
}

/* A loop that ends after a minute, whatever does not come. */
static struct tevent_context *new_loop(void)
{
	struct tevent_context *ev = tevent_context_init(NULL);

	assert_non_null(ev);
	assert_non_null(tevent_add_timer(ev, ev,
					 tevent_timeval_current_ofs(60, 0),
					 too_late, NULL));
	late = false;
	return ev;
}

/* ---- the name service's sockets ---- */

static unsigned int heard;

static void turn(void *priv)
{
	(void)priv;
}

static void datagram(void *priv, uint32_t local, uint32_t from, uint16_t port,
		     const uint8_t *data, size_t len)
{
	(void)priv;
	(void)local;
	(void)from;
	(void)port;
	(void)data;
	heard += len == 5;
}

static const struct udp137_sink sink = {
	.turn_begin = turn, .datagram = datagram, .turn_end = turn,
};

static int serve_udp(struct tevent_context *ev, uint16_t port,
		     struct udp137 **udp)
{
	static const struct serve_iface iface = { HERE, 0xff000000u, 0 };
	char *message = NULL;
	int err = udp137_create(ev, ev, &sim.world, &sink, port, udp);

	if (err == 0) {
		err = udp137_serve(*udp, &iface, 1, ev, &message);
	}
	return err;
}

static void hear_one(struct tevent_context *ev, int fd, uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(HERE),
	};

	heard = 0;
	(void)!sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to));
	while (heard == 0 && !late) {
		(void)tevent_loop_once(ev);
	}
}

static void udp_once(void *arg, unsigned int n)
{
	struct tevent_context *ev = new_loop();
	struct udp137 *udp = NULL;
	uint16_t port = 0, other = 0;
	int fd = fake_socket(0x7f000001, &other);
	int err = 0;

	(void)arg;
	close(fake_socket(HERE, &port));
	sim_world_init(&sim, 1);
	alloc_begin(n);
	err = serve_udp(ev, port, &udp);
	if (err == 0) {
		hear_one(ev, fd, port);
	}
	must(alloc_end() || err == 0, "another error");
	must(!late, "a datagram was not heard");
	TALLOC_FREE(udp);
	assert_int_equal(serve_udp(ev, port, &udp), 0);
	hear_one(ev, fd, port);
	must(!late, "the next was not heard");
	close(fd);
	talloc_free(ev);
	sim_world_end(&sim);
}

/* ---- the control socket ---- */

static struct control_context context;
static char path[] = "/tmp/winsd-alloc-XXXXXX/sock";

static int attach(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(sun.sun_path, path, sizeof(path));
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What is heard: a status, or CONTROL_STATUSES if the line is cut. */
static uint64_t request_status(struct tevent_context *ev)
{
	static uint8_t buf[CONTROL_FRAME_MAX];
	struct control_writer w;
	struct control_reader r;
	int fd = attach();
	ssize_t len = 0;

	if (fd < 0) {
		return CONTROL_STATUSES;
	}
	control_begin(&w, buf, sizeof(buf), CONTROL_REQUEST);
	control_put_text(&w, CONTROL_VERB, "record list");
	(void)!send(fd, buf, control_end(&w), MSG_NOSIGNAL);
	do {
		(void)tevent_loop_once(ev);
		len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	} while (len < 0 && errno == EAGAIN && !late);
	close(fd);
	if (len <= CONTROL_HEAD ||
	    control_open(&r, buf + CONTROL_HEAD, (size_t)len - CONTROL_HEAD,
			 CONTROL_REPLY) != CONTROL_GOOD) {
		return CONTROL_STATUSES;
	}
	return control_number_or(&r, CONTROL_STATUS, CONTROL_STATUSES);
}

static int listen_at(struct tevent_context *ev,
		     struct control_server **listening)
{
	char *message = NULL;

	return control_server_create(ev, ev, &context, path, NULL, NULL,
				     listening, &message);
}

static void control_once(void *arg, unsigned int n)
{
	struct tevent_context *ev = new_loop();
	struct serve_config config = sim_config();
	struct control_server *listening = NULL;
	uint64_t status = CONTROL_OK;
	bool hit = false;
	int err = 0;

	(void)arg;
	sim_world_init(&sim, 1);
	server = sim_server_start(NULL, &sim, &config);
	context = (struct control_context){
		.world = &sim.world,
		.store = server->store,
		.serve = server->serve,
		.self = SIM_SELF,
	};
	alloc_begin(n);
	err = listen_at(ev, &listening);
	if (err == 0) {
		status = request_status(ev);
	}
	hit = alloc_end();
	must(!late, "nobody answered");
	must(err == 0 || hit, "another error");
	must(status == CONTROL_OK ||
	     (hit && (status == CONTROL_FAILED || status == CONTROL_STATUSES)),
	     "another answer");
	if (listening == NULL) {
		assert_int_equal(listen_at(ev, &listening), 0);
	}
	must(request_status(ev) == CONTROL_OK, "the next is not served");
	while (control_server_clients(listening) > 0 && !late) {
		(void)tevent_loop_once(ev);
	}
	must(!late, "a client stays");
	talloc_free(ev);
	sim_server_stop(server);
	sim_world_end(&sim);
}

/* ---- the beginning of a server ---- */

static int begin(void)
{
	static const struct serve_iface iface = {
		SIM_SELF, 0xffff0000u, 0x0a00ffffu,
	};
	int err = door_create(server->ctx, &sim.world, server->store,
			      &server->config, SIM_PORT, &server->door);

	if (err != 0) {
		server->door = NULL;
		return err;
	}
	server->serve = door_serve(server->door);
	serve_loaded(server->serve);
	serve_set_ifaces(server->serve, &iface, 1);
	sim_advance_seconds(&sim, 10);
	return 0;
}

static void begin_once(void *arg, unsigned int n)
{
	struct serve_config config = sim_config();
	int err = 0;

	(void)arg;
	config.own_names = 1;
	config.own_name[0].name = nb_name_make("WINS1", 5, 0x20);
	sim_world_init(&sim, 1);
	alloc_calm_world(&sim);
	server = sim_server_start(NULL, &sim, &config);
	alloc_calm_disk(&server->store->backend);
	TALLOC_FREE(server->door);
	alloc_begin(n);
	err = begin();
	must(alloc_end() || err == 0, "another error");
	if (err != 0) {
		assert_int_equal(begin(), 0);
	}
	sim_forget(server);
	ask(NBNS_REGISTER, 1, "NAME<20>", SIM_HOST(1), 0);
	must(sim_take(server, 1) != NULL, "nobody is served");
	sim_advance_seconds(&sim, 130);
	ask(NBNS_STATUS, 2, "WINS1<20>", SIM_HOST(1), 0);
	must(sim_take(server, 2) != NULL, "our own name is not ours");
	sim_server_stop(server);
	must(sim.timer_count == 0, "a timer is left");
	sim_world_end(&sim);
}

/* ---- the timers of the loop ---- */

static void ring(void *arg)
{
	(*(unsigned int *)arg)++;
}

static unsigned int start_some(struct timers *timers, unsigned int *rung)
{
	unsigned int started = 0;

	for (unsigned int i = 0; i < 100; i++) {
		started += timers_start(timers, 1000 + i % 7, ring, rung) !=
			   NULL;
	}
	return started;
}

static int run_timers(struct tevent_context *ev, struct timers **timers,
		      unsigned int *started, unsigned int *rung)
{
	int err = timers_create(ev, ev, timers);

	*started = *rung = 0;
	if (err != 0) {
		return err;
	}
	*started = start_some(*timers, rung);
	while (*rung < *started && !late) {
		(void)tevent_loop_once(ev);
	}
	return 0;
}

static void timers_once(void *arg, unsigned int n)
{
	struct tevent_context *ev = new_loop();
	struct timers *timers = NULL;
	unsigned int started = 0, rung = 0;
	int err = 0;

	(void)arg;
	alloc_begin(n);
	err = run_timers(ev, &timers, &started, &rung);
	must(alloc_end() || (err == 0 && started == 100), "another error");
	must(!late && started >= (err == 0 ? 99 : 0), "too few");
	TALLOC_FREE(timers);
	assert_int_equal(run_timers(ev, &timers, &started, &rung), 0);
	must(started == 100 && rung == 100, "the next");
	talloc_free(ev);
}

/* ---- the list ---- */

static void udp(void **state)
{
	(void)state;
	alloc_each("name service sockets", udp_once, NULL);
}

static void control(void **state)
{
	(void)state;
	alloc_each("control socket", control_once, NULL);
}

static void start(void **state)
{
	(void)state;
	alloc_each("the beginning of a server", begin_once, NULL);
}

static void timers(void **state)
{
	(void)state;
	alloc_each("timers", timers_once, NULL);
}

static int setup(void **state)
{
	char *slash = strrchr(path, '/');

	(void)state;
	*slash = '\0';
	if (mkdtemp(path) == NULL) {
		return -1;
	}
	*slash = '/';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	*strrchr(path, '/') = '\0';
	return rmdir(path);
}

#define ROW(name, fn) { name, fn, NULL, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("name service sockets", udp),
		ROW("control socket", control),
		ROW("timers of the loop", timers),
		ROW("the beginning of a server", start),
	};
	int failed = 0;

	if (!alloc_works()) {
		fprintf(stderr, "not in this build\n");
		return 1;
	}
	failed = cmocka_run_group_tests(tests, setup, teardown);
	printf("# %u allocations failed\n", alloc_total());
	return failed;
}
