/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames out, frames in, over a blocking socket.
 *
 * A server that does not want us says why and closes; sending may then fail
 * with EPIPE while the reason is still there to be read, so reading is tried
 * even after a failed send.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/control_client.h"

struct control_client {
	char *path;
	int fd;
	struct control_writer request;
	uint8_t out[CONTROL_HEAD + CONTROL_REQUEST_MAX];
	uint8_t in[CONTROL_FRAME_MAX];
};

static int attach(struct control_client *client)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (strlen(client->path) >= sizeof(sun.sun_path)) {
		return ENAMETOOLONG;
	}
	memcpy(sun.sun_path, client->path, strlen(client->path));
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd == -1) {
		return errno;
	}
	while (connect(client->fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		int error = errno;

		if (error != EINTR) {
			close(client->fd);
			client->fd = -1;
			return error;
		}
	}
	return 0;
}

static void detach(struct control_client *client)
{
	if (client->fd != -1) {
		close(client->fd);
		client->fd = -1;
	}
}

static int client_destructor(struct control_client *client)
{
	detach(client);
	return 0;
}

struct control_client *control_client_create(TALLOC_CTX *mem_ctx,
					     const char *path)
{
	struct control_client *client = talloc(mem_ctx, struct control_client);

	if (client == NULL) {
		return NULL;
	}
	client->fd = -1;
	talloc_set_destructor(client, client_destructor);
	client->path = talloc_strdup(client, path);
	if (client->path == NULL) {
		TALLOC_FREE(client);
	}
	return client;
}

struct control_writer *control_client_request(struct control_client *client,
					      const char *verb)
{
	control_begin(&client->request, client->out, sizeof(client->out),
		      CONTROL_REQUEST);
	control_put_text(&client->request, CONTROL_VERB, verb);
	return &client->request;
}

static int send_all(struct control_client *client, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = send(client->fd, client->out + at, len - at,
				 MSG_NOSIGNAL);

		if (n == -1 && errno != EINTR) {
			return errno;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* recv() is restarted after a signal, poll() never is. */
static int wait_readable(struct control_client *client, int msec)
{
	struct pollfd pfd = { .fd = client->fd, .events = POLLIN };
	int n = poll(&pfd, 1, msec);

	if (n == -1) {
		return errno;
	}
	return n == 0 ? ETIMEDOUT : 0;
}

static int recv_all(struct control_client *client, uint8_t *to, size_t len)
{
	while (len > 0) {
		int ret = wait_readable(client, -1);
		ssize_t n = ret == 0 ? recv(client->fd, to, len, 0) : -1;

		if (ret != 0) {
			return ret;
		}
		if (n == 0) {
			return ECONNRESET;
		}
		if (n == -1 && errno != EINTR) {
			return errno;
		}
		to += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int recv_reply(struct control_client *client,
		      struct control_reader *reply)
{
	enum control_error error = CONTROL_GOOD;
	size_t len = 0;
	int ret = recv_all(client, client->in, CONTROL_HEAD);

	if (ret != 0) {
		return ret;
	}
	len = control_body_len(client->in, CONTROL_REPLY_MAX);
	if (len == 0) {
		return EPROTO;
	}
	ret = recv_all(client, client->in + CONTROL_HEAD, len);
	if (ret != 0) {
		return ret;
	}
	error = control_open(reply, client->in + CONTROL_HEAD, len,
			     CONTROL_REPLY);
	if (error == CONTROL_RELEASE_OTHER) {
		return EPROTONOSUPPORT;
	}
	return error == CONTROL_GOOD ? 0 : EPROTO;
}

static int exchange(struct control_client *client, size_t len,
		    struct control_reader *reply)
{
	int ret = client->fd == -1 ? attach(client) : 0;

	if (ret == 0) {
		ret = send_all(client, len);
	} else {
		return ret;
	}
	if (ret == 0 || ret == EPIPE || ret == ECONNRESET) {
		ret = recv_reply(client, reply);
	}
	if (ret != 0) {
		detach(client);
	}
	return ret;
}

int control_client_call(struct control_client *client, bool again,
			struct control_reader *reply)
{
	size_t len = control_end(&client->request);
	bool fresh = client->fd == -1;
	int ret = len == 0 ? EMSGSIZE : exchange(client, len, reply);

	if (ret == ECONNRESET && again && !fresh) {
		ret = exchange(client, len, reply);
	}
	return ret;
}

int control_client_wait_end(struct control_client *client, int seconds)
{
	uint8_t byte = 0;
	int ret = wait_readable(client, 1000 * seconds);

	if (ret != 0) {
		return ret;
	}
	return recv(client->fd, &byte, 1, 0) <= 0 ? 0 : EPROTO;
}
