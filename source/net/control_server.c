/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clients of the control socket: read a frame, hand it to control, write the
 * reply, and only then read again.
 *
 * A client is in one of three states: reading (its request comes in), busy (a
 * command of it is under way), writing (its reply goes out). It holds at most
 * one request or one reply, and one that stalls hurts nobody. Each turn of
 * the loop does one read or one request of one client.
 *
 * In all states the socket is watched for reading, for tevent reports a peer
 * that hangs up to readers only. When busy or writing, whatever comes is the
 * end: the client has gone, or speaks before it is asked.
 *
 * A client is freed only by handlers that the loop calls for it, never under
 * the feet of control: a reply that cannot be sent stays queued, and the next
 * wake-up finds out why. Freeing a client forgets its command's answer.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/control_server.h"
#include "net/control_socket.h"

#define ACCEPT_MAX	16	/* in one wake-up */
#define PAUSE_SECONDS	1	/* when there are no descriptors left */

struct control_server {
	struct tevent_context *ev;
	const struct control_context *context;
	char *path;
	int fd;
	struct tevent_fd *fde;
	struct control_groups groups;
	unsigned int idle;		/* s */
	unsigned int clients;
	unsigned int readers;		/* of them without the admin right */
};

struct control_client {
	struct control_server *server;
	int fd;
	struct tevent_fd *fde;
	struct tevent_timer *timer;
	enum control_right right;
	size_t got;			/* of head and body */
	uint8_t head[CONTROL_HEAD];
	uint8_t *body;
	size_t body_len;
	bool busy;
	uint8_t *out;			/* what is left of the reply */
	size_t out_len;
	size_t out_pos;
};

unsigned int control_server_clients(const struct control_server *server)
{
	return server->clients;
}

void control_server_set_idle(struct control_server *server,
			     unsigned int seconds)
{
	server->idle = seconds;
}

/* ---- saying no ---- */

/* One frame to somebody who gets nothing else; whether it arrives or not. */
static void say(int fd, enum control_status status, const char *message)
{
	uint8_t frame[256];
	struct control_writer w;
	size_t len = 0;

	control_begin(&w, frame, sizeof(frame), CONTROL_REPLY);
	control_put_number(&w, CONTROL_STATUS, status);
	control_put_text(&w, CONTROL_MESSAGE, message);
	len = control_end(&w);
	(void)!send(fd, frame, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void drop(struct control_client *client, enum control_status status,
		 const char *message)
{
	say(client->fd, status, message);
	talloc_free(client);
}

/* ---- time ---- */

static void client_idle(struct tevent_context *ev, struct tevent_timer *timer,
			struct timeval now, void *arg)
{
	(void)ev;
	(void)timer;
	(void)now;
	talloc_free(talloc_get_type_abort(arg, struct control_client));
}

/* Wait for the client, but not for ever. False: out of memory. */
static bool start_timer(struct control_client *client)
{
	struct control_server *server = client->server;

	TALLOC_FREE(client->timer);
	client->timer = tevent_add_timer(
		server->ev, client,
		tevent_timeval_current_ofs(server->idle, 0), client_idle,
		client);
	return client->timer != NULL;
}

/* ---- writing ---- */

/* 0 when all is out, EAGAIN, or the error that ends this client. */
static int flush(struct control_client *client)
{
	while (client->out_pos < client->out_len) {
		ssize_t n = send(client->fd, client->out + client->out_pos,
				 client->out_len - client->out_pos,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n == -1 && errno != EINTR) {
			return errno == EWOULDBLOCK ? EAGAIN : errno;
		}
		client->out_pos += n > 0 ? (size_t)n : 0;
	}
	TALLOC_FREE(client->out);
	client->out_len = 0;
	client->out_pos = 0;
	return 0;
}

static void writable(struct control_client *client)
{
	int ret = flush(client);

	if (ret == EAGAIN) {
		return;
	}
	if (ret != 0 || !start_timer(client)) {
		talloc_free(client);
		return;
	}
	tevent_fd_set_flags(client->fde, TEVENT_FD_READ);
}

/*
 * The reply has come. The common case ends here: the socket takes it whole.
 * What it does not take, or an error, is left to the loop.
 */
static void reply(void *arg, const uint8_t *frame, size_t len)
{
	struct control_client *client = arg;
	ssize_t n = send(client->fd, frame, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	size_t sent = n > 0 ? (size_t)n : 0;

	if (sent < len) {
		client->out = talloc_memdup(client, frame + sent, len - sent);
		client->out_len = client->out == NULL ? 0 : len - sent;
		if (client->out == NULL) {
			/* half a reply: the client must not wait for more */
			(void)shutdown(client->fd, SHUT_RDWR);
		}
	}
	client->busy = false;
	(void)start_timer(client);
	if (client->out_len > 0) {
		tevent_fd_set_flags(client->fde,
				    TEVENT_FD_READ | TEVENT_FD_WRITE);
	}
}

/* ---- reading ---- */

static void run_request(struct control_client *client)
{
	uint8_t *body = talloc_move(client, &client->body);
	size_t len = client->body_len;

	client->got = 0;
	client->body_len = 0;
	client->busy = true;
	TALLOC_FREE(client->timer);
	if (control_call(client, client->server->context, client->right, body,
			 len, reply, client) != 0) {
		drop(client, CONTROL_FAILED, "out of memory");
		return;
	}
	talloc_free(body);
}

/* The head is complete: room for what it announces, or good-bye. */
static bool begin_body(struct control_client *client)
{
	client->body_len = control_body_len(client->head, CONTROL_REQUEST_MAX);
	if (client->body_len == 0) {
		drop(client, CONTROL_BAD_REQUEST,
		     "the request is too long, or is none");
		return false;
	}
	client->body = talloc_array(client, uint8_t, client->body_len);
	if (client->body == NULL) {
		drop(client, CONTROL_FAILED, "out of memory");
		return false;
	}
	return true;
}

static void readable(struct control_client *client)
{
	bool head = client->got < CONTROL_HEAD;
	uint8_t *to = head ? client->head + client->got :
			     client->body + client->got - CONTROL_HEAD;
	size_t want = head ? CONTROL_HEAD - client->got :
			     client->body_len + CONTROL_HEAD - client->got;
	ssize_t n = recv(client->fd, to, want, MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK ||
			errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		talloc_free(client);
		return;
	}
	client->got += (size_t)n;
	if (head && client->got == CONTROL_HEAD && !begin_body(client)) {
		return;
	}
	if (client->got > CONTROL_HEAD &&
	    client->got == CONTROL_HEAD + client->body_len) {
		run_request(client);
	}
}

static void client_event(struct tevent_context *ev, struct tevent_fd *fde,
			 uint16_t flags, void *arg)
{
	struct control_client *client =
		talloc_get_type_abort(arg, struct control_client);

	(void)ev;
	(void)fde;
	if ((flags & TEVENT_FD_READ) == 0) {
		writable(client);
	} else if (client->busy || client->out_len > 0) {
		talloc_free(client);
	} else {
		readable(client);
	}
}

/* ---- coming and going ---- */

static int client_destructor(struct control_client *client)
{
	client->server->clients--;
	client->server->readers -= client->right < CONTROL_ADMIN;
	return 0;
}

/* Why this peer is not let in; NULL: it is. */
static const char *turned_away(const struct control_server *server,
			       enum control_right right,
			       enum control_status *status)
{
	*status = CONTROL_DENIED;
	if (right == CONTROL_NOTHING) {
		return "your user may not use the control socket";
	}
	*status = CONTROL_BUSY;
	if (server->clients >= CONTROL_CLIENTS_MAX ||
	    (right < CONTROL_ADMIN &&
	     server->readers >= CONTROL_READERS_MAX)) {
		return "too many clients at the control socket";
	}
	return NULL;
}

static void add_client(struct control_server *server, int fd,
		       enum control_right right)
{
	struct control_client *client = talloc_zero(server,
						    struct control_client);

	if (client == NULL) {
		close(fd);
		return;
	}
	client->server = server;
	client->fd = fd;
	client->right = right;
	client->fde = tevent_add_fd(server->ev, client, fd, TEVENT_FD_READ,
				    client_event, client);
	if (client->fde == NULL) {
		close(fd);
		talloc_free(client);
		return;
	}
	tevent_fd_set_auto_close(client->fde);
	server->clients++;
	server->readers += right < CONTROL_ADMIN;
	talloc_set_destructor(client, client_destructor);
	if (!start_timer(client)) {
		talloc_free(client);
	}
}

static void admit(struct control_server *server, int fd)
{
	enum control_right right = control_socket_right(fd, &server->groups);
	enum control_status status = CONTROL_OK;
	const char *why = turned_away(server, right, &status);

	if (why != NULL) {
		say(fd, status, why);
		close(fd);
		return;
	}
	add_client(server, fd, right);
}

static void resume(struct tevent_context *ev, struct tevent_timer *timer,
		   struct timeval now, void *arg)
{
	struct control_server *server =
		talloc_get_type_abort(arg, struct control_server);

	(void)ev;
	(void)now;
	talloc_free(timer);
	tevent_fd_set_flags(server->fde, TEVENT_FD_READ);
}

/* No descriptors left: look again in a moment instead of spinning. */
static void pause_accept(struct control_server *server)
{
	if (tevent_add_timer(server->ev, server,
			     tevent_timeval_current_ofs(PAUSE_SECONDS, 0),
			     resume, server) != NULL) {
		tevent_fd_set_flags(server->fde, 0);
	}
}

static void accept_event(struct tevent_context *ev, struct tevent_fd *fde,
			 uint16_t flags, void *arg)
{
	struct control_server *server =
		talloc_get_type_abort(arg, struct control_server);

	(void)ev;
	(void)fde;
	(void)flags;
	for (unsigned int i = 0; i < ACCEPT_MAX; i++) {
		int fd = accept4(server->fd, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd != -1) {
			admit(server, fd);
		} else if (errno == EMFILE || errno == ENFILE ||
			   errno == ENOBUFS || errno == ENOMEM) {
			pause_accept(server);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static int server_destructor(struct control_server *server)
{
	(void)unlink(server->path);
	return 0;
}

static int start_listening(struct control_server *server, char **message)
{
	TALLOC_CTX *parent = talloc_parent(server);
	int ret = control_socket_listen(parent, server->path, &server->fd,
					message);

	if (ret != 0) {
		return ret;
	}
	talloc_set_destructor(server, server_destructor);
	server->fde = tevent_add_fd(server->ev, server, server->fd,
				    TEVENT_FD_READ, accept_event, server);
	if (server->fde == NULL) {
		close(server->fd);
		return ENOMEM;
	}
	tevent_fd_set_auto_close(server->fde);
	return control_socket_open_to(parent, server->path, &server->groups,
				      message);
}

int control_server_create(TALLOC_CTX *mem_ctx, struct tevent_context *ev,
			  const struct control_context *context,
			  const char *path, const char *read_group,
			  const char *admin_group,
			  struct control_server **out, char **message)
{
	struct control_server *server = talloc_zero(mem_ctx,
						    struct control_server);
	int ret = 0;

	*message = NULL;
	if (server == NULL) {
		return ENOMEM;
	}
	server->ev = ev;
	server->context = context;
	server->idle = CONTROL_IDLE_SECONDS;
	server->path = talloc_strdup(server, path);
	ret = server->path == NULL ? ENOMEM :
	      control_groups_find(mem_ctx, read_group, admin_group,
				  &server->groups, message);
	if (ret == 0) {
		ret = start_listening(server, message);
	}
	if (ret != 0) {
		talloc_free(server);
		return ret;
	}
	*out = server;
	return 0;
}

int control_server_set_groups(struct control_server *server,
			      TALLOC_CTX *mem_ctx, const char *read_group,
			      const char *admin_group, char **message)
{
	struct control_groups groups;
	char *ignored = NULL;
	int ret = control_groups_find(mem_ctx, read_group, admin_group,
				      &groups, message);

	if (ret != 0) {
		return ret;
	}
	ret = control_socket_open_to(mem_ctx, server->path, &groups, message);
	if (ret != 0) {
		(void)control_socket_open_to(mem_ctx, server->path,
					     &server->groups, &ignored);
		talloc_free(ignored);
		return ret;
	}
	server->groups = groups;
	return 0;
}
