/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From ip:port to a process, as ss(8) does it: /proc/PID/net/udp tells the
 * socket's inode and user, and one of /proc/PID/fd/ is a link to that inode.
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

/* One line of /proc/net/udp; false for the heading. */
static bool parse_line(const char *line, uint32_t *ip, uint16_t *port,
		       uid_t *uid, uint64_t *inode)
{
	unsigned int hex_ip = 0;
	unsigned int hex_port = 0;
	unsigned int user = 0;

	if (sscanf(line, " %*u: %8x:%4x %*x:%*x %*x %*x:%*x %*x:%*x %*x %u "
		   "%*u %" SCNu64, &hex_ip, &hex_port, &user, inode) != 4) {
		return false;
	}
	*ip = ntohl(hex_ip);	/* printed as the word lies in memory */
	*port = (uint16_t)hex_port;
	*uid = user;
	return true;
}

/* In this process's network. An exact match beats a socket on 0.0.0.0. */
static bool find_inode(pid_t pid, uint32_t want_ip, uint16_t want_port,
		       uid_t *uid, uint64_t *inode)
{
	char path[PATH_MAX_HERE];
	FILE *f = NULL;
	char line[512];
	bool found = false;
	bool exact = false;

	snprintf(path, sizeof(path), "/proc/%d/net/udp", (int)pid);
	f = fopen(path, "re");
	while (f != NULL && !exact && fgets(line, sizeof(line), f) != NULL) {
		uint32_t ip = 0;
		uint16_t port = 0;
		uid_t user = 0;
		uint64_t node = 0;

		if (!parse_line(line, &ip, &port, &user, &node) ||
		    port != want_port || (ip != want_ip && ip != 0)) {
			continue;
		}
		exact = ip == want_ip;
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
static bool shares_network(pid_t pid, uint32_t ip, uint16_t port,
			   uint64_t inode)
{
	uint64_t seen = 0;
	uid_t uid = 0;

	return find_inode(pid, ip, port, &uid, &seen) && seen == inode;
}

/* A process of that user with one of the usual names, not ourselves. */
static pid_t guess_process(uint32_t ip, uint16_t port, uint64_t inode,
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
		    shares_network(candidate, ip, port, inode)) {
			pid = candidate;
		}
	}
	if (dir != NULL) {
		closedir(dir);
	}
	return pid;
}

bool holder_find(uint32_t ip, uint16_t port, struct holder *holder)
{
	uint64_t inode = 0;

	*holder = (struct holder) {0};
	if (!find_inode(getpid(), ip, port, &holder->uid, &inode)) {
		return false;
	}
	holder->pid = find_process(inode);
	if (holder->pid != 0) {
		holder->sure = true;
		read_command(holder->pid, holder->command,
			     sizeof(holder->command));
		return true;
	}
	holder->pid = guess_process(ip, port, inode, holder);
	return true;
}

static const char *hint_for(const char *command)
{
	if (strcmp(command, "nmbd") == 0) {
		return "stop it (systemctl stop nmbd) or serve other "
		       "addresses (wins:interfaces)";
	}
	if (strcmp(command, "samba") == 0) {
		return "take nbt out of its `server services` or serve other "
		       "addresses (wins:interfaces)";
	}
	if (strcmp(command, "winsd") == 0) {
		return "another winsd serves this address: stop it or serve "
		       "other addresses (wins:interfaces)";
	}
	return "stop it or serve other addresses (wins:interfaces)";
}

char *holder_message(TALLOC_CTX *mem_ctx, uint32_t ip, uint16_t port)
{
	struct holder holder;
	char text[NB_ADDR_TEXT];

	nb_addr_print(ip, text);
	if (!holder_find(ip, port, &holder)) {
		return talloc_asprintf(mem_ctx, "%s:%u is in use: look with "
				       "`ss -ulnp`, stop what has it (nmbd? "
				       "samba?) or serve other addresses "
				       "(wins:interfaces)", text, port);
	}
	if (holder.pid == 0) {
		return talloc_asprintf(mem_ctx, "%s:%u is in use by a process "
				       "of user %u: as root, `ss -ulnp` names "
				       "it (nmbd? samba?); stop it or serve "
				       "other addresses (wins:interfaces)",
				       text, port, (unsigned int)holder.uid);
	}
	return talloc_asprintf(mem_ctx, "%s:%u is in use%s by %s (process "
			       "%d): %s", text, port,
			       holder.sure ? "" : ", it seems", holder.command,
			       (int)holder.pid, hint_for(holder.command));
}
