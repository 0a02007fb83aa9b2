/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main: the options. repload.h tells what this is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repload.h"

struct options opt = {
	.label = "", .timeout = 60, .sample = 1000, .seed = 1,
	.command = WREPL_UPDATE2, .notify = "update2",
};

static void usage(void)
{
	fprintf(stderr,
		"usage: repload pull|serve --server ADDR --source ADDR --set "
		"SET ...\n"
		"  SET    OWNER,PREFIX,NAMES[,FIRST INDEX[,FIRST VERSION"
		"[,SHIFT]]]\n"
		"         serve: one, with its versions; pull: what must be "
		"there\n"
		"  --notify update|update2|inform|inform2    serve (update2)\n"
		"  --sample N       names asked for at the end (1000)\n"
		"  --timeout S      of any wait (60)\n"
		"  --label TEXT     goes into the JSON line\n"
		"  --seed N\n");
	exit(2);
}

static uint32_t parse_address(const char *text)
{
	struct in_addr address = {0};

	if (inet_pton(AF_INET, text, &address) != 1) {
		errno = EINVAL;
		give_up(text);
	}
	return ntohl(address.s_addr);
}

static void add_set(const char *text)
{
	struct set *set = &opt.set[opt.sets];
	char owner[16];
	unsigned long long version = 0;

	if (opt.sets == SETS_MAX ||
	    sscanf(text, "%15[0-9.],%6[A-Za-z0-9],%u,%u,%llu,%u", owner,
		   set->prefix, &set->names, &set->first, &version,
		   &set->shift) < 3 ||
	    set->names == 0 || set->names > 8000000) {
		usage();
	}
	set->owner = parse_address(owner);
	set->version = version;
	set->seen = calloc(set->names, 1);
	if (set->seen == NULL) {
		give_up("memory");
	}
	opt.sets++;
}

static void set_notify(const char *text)
{
	static const struct {
		const char *name;
		uint32_t command;
	} kind[] = {
		{ "update", WREPL_UPDATE }, { "update2", WREPL_UPDATE2 },
		{ "inform", WREPL_INFORM }, { "inform2", WREPL_INFORM2 },
	};

	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		if (strcmp(text, kind[i].name) == 0) {
			opt.command = kind[i].command;
			opt.notify = kind[i].name;
			return;
		}
	}
	usage();
}

static void set_option(int c)
{
	switch (c) {
	case 's': opt.server = parse_address(optarg); break;
	case 'o': opt.source = parse_address(optarg); break;
	case 'e': add_set(optarg); break;
	case 'n': set_notify(optarg); break;
	case 'a': opt.sample = (uint32_t)atol(optarg); break;
	case 't': opt.timeout = (unsigned int)atol(optarg); break;
	case 'L': opt.label = optarg; break;
	case 'S': opt.seed = (uint64_t)atoll(optarg); break;
	default: usage();
	}
}

int main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "server", 1, NULL, 's' }, { "source", 1, NULL, 'o' },
		{ "set", 1, NULL, 'e' }, { "notify", 1, NULL, 'n' },
		{ "sample", 1, NULL, 'a' }, { "timeout", 1, NULL, 't' },
		{ "label", 1, NULL, 'L' }, { "seed", 1, NULL, 'S' },
		{ NULL, 0, NULL, 0 },
	};
	bool pull = argc > 1 && strcmp(argv[1], "pull") == 0;
	int c = 0, status = 0;

	if (argc < 2 || (!pull && strcmp(argv[1], "serve") != 0)) {
		usage();
	}
	optind = 2;
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		set_option(c);
	}
	if (optind != argc || opt.server == 0 || opt.source == 0 ||
	    (!pull && (opt.sets != 1 || opt.set[0].version == 0))) {
		usage();
	}
	status = pull ? pull_run() : serve_run();
	for (unsigned int i = 0; i < opt.sets; i++) {
		free(opt.set[i].seen);
	}
	return status;
}
