/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the child of the ESE reader gives up before it looks at the file.
 *
 * It keeps two descriptors, the file and the pipe; its limits allow no other
 * descriptor, no file to grow, no core, so much memory and so many seconds;
 * no_new_privs; and a filter that ends it at any system call but those for
 * reading the one, writing the other, memory, locks and its own end. Nothing
 * is asked of the kernel that an unprivileged user could not ask.
 *
 * Rejected: a program of our own to exec (one more file to install, to find and
 * to trust, for the same walls), and namespaces (not everywhere to be had, and
 * nothing is left that they could hide).
 */
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "migrate/ese/child.h"

static bool limit(int what, rlim_t most)
{
	const struct rlimit both = { .rlim_cur = most, .rlim_max = most };

	return setrlimit((__rlimit_resource_t)what, &both) == 0;
}

/* Address space that the parent had when it forked: bytes, or 0. */
static rlim_t inherited(void)
{
	unsigned long pages = 0;
	char text[40] = "";
	int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (file >= 0) {
		if (read(file, text, sizeof(text) - 1) > 0) {
			pages = strtoul(text, NULL, 10);
		}
		(void)close(file);
	}
	return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static bool set_limits(const struct ese_limits *limits, int highest)
{
	rlim_t memory = inherited() + limits->memory;

	return limit(RLIMIT_CPU, limits->seconds) && limit(RLIMIT_CORE, 0) &&
	       limit(RLIMIT_FSIZE, 0) &&
	       limit(RLIMIT_NOFILE, (rlim_t)highest + 1) &&
	       (ESE_WATCHED || limit(RLIMIT_AS, memory));
}

/* Calls that are harmless whatever their arguments. */
static const int allowed[] = {
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(futex), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
#if ESE_WATCHED
	SCMP_SYS(mprotect), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(sched_yield), SCMP_SYS(sigaltstack),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
	SCMP_SYS(clock_gettime), SCMP_SYS(nanosleep),
#endif
};

/* With one argument that must be so, where mask has bits. */
static int allow(scmp_filter_ctx filter, int call, unsigned int argument,
		 uint64_t mask, uint64_t value)
{
	const struct scmp_arg_cmp is = {
		.arg = argument,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = mask,
		.datum_b = value,
	};

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &is);
}

static int add_rules(scmp_filter_ctx filter, int file, int out)
{
	const uint64_t descriptor = 0xffffffffu;
	int ret = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		ret |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	}
	ret |= allow(filter, SCMP_SYS(pread64), 0, descriptor, (uint64_t)file);
	ret |= allow(filter, SCMP_SYS(write), 0, descriptor, (uint64_t)out);
	ret |= allow(filter, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
	if (ESE_WATCHED) {
		ret |= allow(filter, SCMP_SYS(write), 0, descriptor, 2);
	}
	return ret;
}

bool ese_sandbox_enter(const struct ese_limits *limits, int file, int pipe,
		       const char **why)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (filter == NULL || add_rules(filter, file, pipe) != 0) {
		*why = "no filter of system calls could be made";
		return false;
	}
	if (!set_limits(limits, file > pipe ? file : pipe) ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
		*why = "its limits could not be set";
		return false;
	}
	/* sets no_new_privs, too */
	if (seccomp_load(filter) != 0) {
		*why = "this kernel takes no filter of system calls (seccomp)";
		return false;
	}
	return true;
}
