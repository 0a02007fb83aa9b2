/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsd: our own host for the server module wins.so.
 *
 * The order of a start: command line; background (-D) before anything is
 * open; log; directories while we may make them; privileges dropped; module
 * loaded and started as the user that it will run as; last privileges gone;
 * service manager and waiting parent told. What the server does is all in the
 * module; what is here, any host must do in its own way.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "winsd/daemon.h"
#include "winsd/host.h"
#include "winsd/log.h"
#include "winsd/options.h"
#include "winsd/peek.h"
#include "winsd/privilege.h"

#include <config.h>

/*
 * Somebody may start us with 0, 1 or 2 closed: no socket shall get them. Or
 * with more than these open: no child of ours shall have them.
 */
static void settle_fds(void)
{
	int fd;

	syscall(SYS_close_range, STDERR_FILENO + 1, ~0u,
		CLOSE_RANGE_CLOEXEC);

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO) {
		close(fd);
	}
}

static int fail(int error, const char *message)
{
	log_line(NB_LOG_ERROR, message != NULL ? message : strerror(error));
	return TOOL_FAILED;
}

static int open_log(const struct winsd_options *options,
		    const struct peek *peek)
{
	const char *file = peek->log_file;
	int ret = 0;

	if (options->mode == WINSD_DAEMON) {
		log_echo(true);
		log_to_syslog();
		ret = file == NULL ? 0 : log_to_file(file);
	}
	if (ret != 0) {
		log_printf(NB_LOG_ERROR, "log file %s: %s", file,
			   strerror(ret));
	}
	return ret;
}

static void make_directories(const struct peek *peek,
			     const struct privilege *privilege)
{
	/* what cannot be made the module reports, with the path in use */
	privilege_directory(privilege, peek->state_directory, 0750);
	privilege_directory(privilege, peek->lock_directory, 0755);
}

static int become_user(TALLOC_CTX *mem_ctx,
		       const struct winsd_options *options,
		       const struct peek *peek, char **message)
{
	struct privilege privilege;
	int ret;

	ret = privilege_find(mem_ctx, options->user, &privilege, message);
	if (ret != 0) {
		return ret;
	}
	if (geteuid() == 0) {
		make_directories(peek, &privilege);
	}
	return privilege_drop(mem_ctx, &privilege, message);
}

/* The server serves: whoever started a daemon may go on. */
static void leave_terminal(void)
{
	log_echo(false);
	daemon_ready();
}

static void stay(void)
{
}

static int serve(TALLOC_CTX *mem_ctx, const struct winsd_options *options)
{
	struct host *host = NULL;
	struct peek peek;
	char *message = NULL;
	int ret;

	peek_config(mem_ctx, options, &peek);
	if (open_log(options, &peek) != 0) {
		return TOOL_FAILED;
	}
	/* the module lies where root put it, maybe out of the user's reach */
	ret = host_create(mem_ctx, options, &host, &message);
	if (ret == 0) {
		ret = become_user(mem_ctx, options, &peek, &message);
	}
	if (ret == 0) {
		ret = host_start(host, mem_ctx, &message);
	}
	if (ret == 0) {
		ret = privilege_seal();
	}
	if (ret != 0) {
		return fail(ret, message);
	}
	return host_run(host, options->mode == WINSD_DAEMON ? leave_terminal :
							      stay);
}

static int check(TALLOC_CTX *mem_ctx, const struct winsd_options *options)
{
	struct host *host = NULL;
	char *message = NULL;
	int ret;

	ret = host_create(mem_ctx, options, &host, &message);
	if (ret == 0) {
		ret = host_check(host, mem_ctx, &message);
	}
	if (ret != 0) {
		fprintf(stderr, "winsd: %s\n",
			message != NULL ? message : strerror(ret));
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

static int act(TALLOC_CTX *mem_ctx, const struct winsd_options *options)
{
	int ret;

	switch (options->mode) {
	case WINSD_SHOWN:
		return TOOL_OK;
	case WINSD_TEST:
		return check(mem_ctx, options);
	case WINSD_DAEMON:
		ret = daemon_fork();
		if (ret != 0) {
			return fail(ret, NULL);
		}
		break;
	case WINSD_RUN:
		break;
	}
	return serve(mem_ctx, options);
}

int main(int argc, const char **argv)
{
	struct winsd_options options;
	TALLOC_CTX *mem_ctx = NULL;
	int code;

	settle_fds();
	mem_ctx = talloc_named_const(NULL, 0, "winsd");
	if (mem_ctx == NULL) {
		return TOOL_FAILED;
	}
	code = options_parse(mem_ctx, argc, argv, &options);
	if (code == TOOL_OK) {
		code = act(mem_ctx, &options);
	}
	log_close();
	talloc_free(mem_ctx);
	return code;
}
