/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From ip:port to a process, as ss(8) does it: /proc/PID/net/udp (or tcp, where
 * only listening sockets count) tells the socket's inode and user, and one of /proc/PID/fd/ is a link to that inode.
 * A server that dropped its privileges may not look into processes that have
 * more; then one of that user whose name is known to take this port is the
 * likely holder, and said to be no more than that.
 *
 * Only run when a bind failed, so its cost (a readlink for every descriptor of
 * the machine) does not matter. Everything read is other people's text: the
 * command name is cut and made printable.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/holder.h"

#define PATH_MAX_HERE	64
#define LINK_MAX_HERE	64

#define STATE_LISTEN	0x0au	/* of a TCP socket */

/* What differs between the two protocols. */
static const struct {
	const char *file;		/* below /proc/PID/net */
	const char *tool;		/* what a person looks with */
	const char *guess;		/* who may have it */
	const char *samba;		/* its service */
} protocols[] = {
	[HOLDER_UDP] = { "udp", "ss -ulnp", "nmbd? samba?", "nbt" },
	[HOLDER_TCP] = { "tcp", "ss -ltnp", "samba?", "wrepl" },
};

/* The socket that is looked for, or one that was found. */
struct place {
	enum holder_protocol protocol;
	uint32_t ip;
	uint16_t port;
};

/* One line of /proc/net/udp or tcp; false for the heading. */
static bool parse_line(const char *line, uint32_t *ip, uint16_t *port,
		       unsigned int *state, uid_t *uid, uint64_t *inode)
{
	unsigned int hex_ip = 0;
	unsigned int hex_port = 0;
	unsigned int user = 0;

	if (sscanf(line, " %*u: %8x:%4x %*x:%*x %x %*x:%*x %*x:%*x %*x %u "
		   "%*u %" SCNu64, &hex_ip, &hex_port, state, &user,
		   inode) != 5) {
		return false;
	}
	*ip = ntohl(hex_ip);	/* printed as the word lies in memory */
	*port = (uint16_t)hex_port;
	*uid = user;
	return true;
}

/* In this process's network. An exact match beats a socket on 0.0.0.0. */
static bool find_inode(pid_t pid, const struct place *want, uid_t *uid,
		       uint64_t *inode)
{
	char path[PATH_MAX_HERE];
	FILE *f = NULL;
	char line[512];
	bool found = false;
	bool exact = false;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid,
		 protocols[want->protocol].file);
	f = fopen(path, "re");
	while (f != NULL && !exact && fgets(line, sizeof(line), f) != NULL) {
		uint32_t ip = 0;
		uint16_t port = 0;
		unsigned int state = 0;
		uid_t user = 0;
		uint64_t node = 0;

		if (!parse_line(line, &ip, &port, &state, &user, &node) ||
		    port != want->port || (ip != want->ip && ip != 0) ||
		    (want->protocol == HOLDER_TCP && state != STATE_LISTEN)) {
			continue;
		}
		exact = ip == want->ip;
		found = true;
		*uid = user;
		*inode = node;
	}
	if (f != NULL) {
		fclose(f);
	}
	return found;
}

static bool process_has(pid_t pid, const char *want)
{
	char path[PATH_MAX_HERE];
	char link[LINK_MAX_HERE];
	struct dirent *entry = NULL;
	bool found = false;
	DIR *dir = NULL;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, link,
					 sizeof(link) - 1);

		if (len > 0) {
			link[len] = '\0';
			found = strcmp(link, want) == 0;
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return found;
}

static pid_t find_process(uint64_t inode)
{
	char want[LINK_MAX_HERE];
	struct dirent *entry = NULL;
	DIR *dir = opendir("/proc");
	pid_t pid = 0;

	snprintf(want, sizeof(want), "socket:[%" PRIu64 "]", inode);
	while (dir != NULL && pid == 0 && (entry = readdir(dir)) != NULL) {
		pid_t candidate = (pid_t)strtol(entry->d_name, NULL, 10);

		if (candidate > 0 && process_has(candidate, want)) {
			pid = candidate;
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return pid;
}

static const char *const usual[] = { "nmbd", "samba", "winsd" };

static bool is_usual(const char *command)
{
	size_t i;

	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (strcmp(command, usual[i]) == 0) {
			return true;
		}
	}
	return false;
}

static void read_command(pid_t pid, char *command, size_t size)
{
	char path[PATH_MAX_HERE];
	FILE *f = NULL;
	size_t i;

	command[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f == NULL) {
		return;
	}
	if (fgets(command, (int)size, f) == NULL) {
		command[0] = '\0';
	}
	fclose(f);
	command[strcspn(command, "\n")] = '\0';
	for (i = 0; command[i] != '\0'; i++) {
		if (!isprint((unsigned char)command[i])) {
			command[i] = '?';
		}
	}
}

/*
 * Does the process live in the network that has this socket? Machines with
 * containers have many an nmbd.
 */
static bool shares_network(pid_t pid, const struct place *place,
			   uint64_t inode)
{
	uint64_t seen = 0;
	uid_t uid = 0;

	return find_inode(pid, place, &uid, &seen) && seen == inode;
}

/* A process of that user with one of the usual names, not ourselves. */
static pid_t guess_process(const struct place *place, uint64_t inode,
			   struct holder *holder)
{
	struct dirent *entry = NULL;
	DIR *dir = opendir("/proc");
	pid_t pid = 0;

	while (dir != NULL && pid == 0 && (entry = readdir(dir)) != NULL) {
		pid_t candidate = (pid_t)strtol(entry->d_name, NULL, 10);
		struct stat st;

		if (candidate <= 0 || candidate == getpid() ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) != 0 ||
		    st.st_uid != holder->uid) {
			continue;
		}
		read_command(candidate, holder->command,
			     sizeof(holder->command));
		if (is_usual(holder->command) &&
		    shares_network(candidate, place, inode)) {
			pid = candidate;
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return pid;
}

bool holder_find(enum holder_protocol protocol, uint32_t ip, uint16_t port,
		 struct holder *holder)
{
	const struct place place = { protocol, ip, port };
	uint64_t inode = 0;

	*holder = (struct holder) {0};
	if (!find_inode(getpid(), &place, &holder->uid, &inode)) {
		return false;
	}
	holder->pid = find_process(inode);
	if (holder->pid != 0) {
		holder->sure = true;
		read_command(holder->pid, holder->command,
			     sizeof(holder->command));
		return true;
	}
	holder->pid = guess_process(&place, inode, holder);
	return true;
}

/* What helps, on mem_ctx. */
static char *hint_for(TALLOC_CTX *mem_ctx, enum holder_protocol protocol,
		      const char *command)
{
	if (strcmp(command, "nmbd") == 0) {
		return talloc_strdup(mem_ctx, "stop it (systemctl stop nmbd) "
				     "or serve other addresses "
				     "(wins:interfaces)");
	}
	if (strcmp(command, "samba") == 0) {
		return talloc_asprintf(mem_ctx, "take %s out of its `server "
				       "services` or serve other addresses "
				       "(wins:interfaces)",
				       protocols[protocol].samba);
	}
	if (strcmp(command, "winsd") == 0) {
		return talloc_strdup(mem_ctx, "another winsd serves this "
				     "address: stop it or serve other "
				     "addresses (wins:interfaces)");
	}
	return talloc_strdup(mem_ctx, "stop it or serve other addresses "
			     "(wins:interfaces)");
}

/* "ADDR:PORT", with the protocol where that is not the usual one. */
static char *place_of(TALLOC_CTX *mem_ctx, enum holder_protocol protocol,
		      uint32_t ip, uint16_t port)
{
	char text[NB_ADDR_TEXT];

	return talloc_asprintf(mem_ctx, "%s:%u%s", nb_addr_print(ip, text),
			       port, protocol == HOLDER_TCP ? " (TCP)" : "");
}

char *holder_message(TALLOC_CTX *mem_ctx, enum holder_protocol protocol,
		     uint32_t ip, uint16_t port)
{
	TALLOC_CTX *scratch = talloc_new(mem_ctx);
	const char *place = place_of(scratch, protocol, ip, port);
	struct holder holder;
	char *text = NULL;

	if (place == NULL) {
		talloc_free(scratch);
		return NULL;
	}
	if (!holder_find(protocol, ip, port, &holder)) {
		text = talloc_asprintf(mem_ctx, "%s is in use: look with `%s`, "
				       "stop what has it (%s) or serve other "
				       "addresses (wins:interfaces)", place,
				       protocols[protocol].tool,
				       protocols[protocol].guess);
	} else if (holder.pid == 0) {
		text = talloc_asprintf(mem_ctx, "%s is in use by a process of "
				       "user %u: as root, `%s` names it (%s); "
				       "stop it or serve other addresses "
				       "(wins:interfaces)", place,
				       (unsigned int)holder.uid,
				       protocols[protocol].tool,
				       protocols[protocol].guess);
	} else {
		text = talloc_asprintf(mem_ctx, "%s is in use%s by %s (process "
				       "%d): %s", place,
				       holder.sure ? "" : ", it seems",
				       holder.command, (int)holder.pid,
				       hint_for(scratch, protocol,
						holder.command));
	}
	talloc_free(scratch);
	return text;
}
