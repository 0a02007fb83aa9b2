/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main: the options, and the order of things. load.h tells what this is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

struct options opt = {
	.names = 1000, .seconds = 1, .window = 32, .tries = 3, .ttl = 300000,
	.echo_len = QUERY_LEN, .timeout_ns = 2 * SECOND, .seed = 1,
	.prefix = "LD", .label = "",
};
struct counters counted;

static void fail(const char *what, int error)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(error));
	exit(2);
}

static void set_server(const char *text)
{
	char address[32];
	const char *colon = strchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);

	snprintf(address, sizeof(address), "%.*s", (int)len, text);
	opt.server.sin_family = AF_INET;
	opt.server.sin_port = htons((uint16_t)(colon ? atoi(colon + 1) : 137));
	if (inet_pton(AF_INET, address, &opt.server.sin_addr) != 1) {
		fail(text, EINVAL);
	}
}

static void usage(void)
{
	fprintf(stderr,
		"usage: load --server ADDR[:PORT] --op register|refresh|release|"
		"query|miss|echo|mixed|churn|\n"
		"            arrive|change|check\n"
		"  --names N        how many names there are (1000)\n"
		"  --prefix TEXT    what they begin with, up to 6 bytes (LD)\n"
		"  --seconds S      how long; register and release go through "
		"all names once\n"
		"  --window W       closed loop, requests under way (32)\n"
		"  --rate R         open loop, requests a second\n"
		"  --timeout MS --tries N --ttl S --echo-size BYTES --seed N\n"
		"  --own-address    each request from the address of its name\n"
		"  --pid PID        whose CPU time to tell\n"
		"  --label TEXT     goes into the JSON line\n"
		"  --state FILE     what is known of the names, read and "
		"written\n");
	exit(2);
}

static enum op parse_op(const char *text)
{
	for (unsigned int i = 0; i < OPS; i++) {
		if (strcmp(text, op_name[i]) == 0) {
			return (enum op)i;
		}
	}
	usage();
	return ECHO;
}

static void set_option(int c)
{
	switch (c) {
	case 's': set_server(optarg); break;
	case 'o': opt.op = parse_op(optarg); break;
	case 'n': opt.names = (uint32_t)atol(optarg); break;
	case 'p': opt.prefix = optarg; break;
	case 't': opt.seconds = atof(optarg); break;
	case 'w': opt.window = (uint32_t)atol(optarg); break;
	case 'r': opt.rate = atof(optarg); break;
	case 'T': opt.timeout_ns = (uint64_t)atol(optarg) * 1000000u; break;
	case 'N': opt.tries = (uint32_t)atol(optarg); break;
	case 'l': opt.ttl = (uint32_t)atol(optarg); break;
	case 'e': opt.echo_len = (uint32_t)atol(optarg); break;
	case 'S': opt.seed = (uint64_t)atoll(optarg); break;
	case 'a': opt.own_address = true; break;
	case 'P': opt.pid = atoi(optarg); break;
	case 'L': opt.label = optarg; break;
	case 'f': opt.state = optarg; break;
	default: usage();
	}
}

/* So that a name without a write under way is found at once. */
static uint32_t min_names(void)
{
	bool writes = opt.op == REFRESH || opt.op == MIXED ||
		      opt.op == CHURN || opt.op == ARRIVE || opt.op == CHANGE;

	return writes ? 2 * opt.window : 1;
}

static void parse(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "server", 1, NULL, 's' }, { "op", 1, NULL, 'o' },
		{ "names", 1, NULL, 'n' }, { "prefix", 1, NULL, 'p' },
		{ "seconds", 1, NULL, 't' }, { "window", 1, NULL, 'w' },
		{ "rate", 1, NULL, 'r' }, { "timeout", 1, NULL, 'T' },
		{ "tries", 1, NULL, 'N' }, { "ttl", 1, NULL, 'l' },
		{ "echo-size", 1, NULL, 'e' }, { "seed", 1, NULL, 'S' },
		{ "own-address", 0, NULL, 'a' }, { "pid", 1, NULL, 'P' },
		{ "label", 1, NULL, 'L' }, { "state", 1, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int c = 0;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		set_option(c);
	}
	if (optind != argc || opt.server.sin_port == 0 || opt.names == 0 ||
	    opt.names > 8000000 || opt.window == 0 || opt.window > IDS / 2 ||
	    opt.names < min_names() || opt.echo_len < QUERY_LEN ||
	    opt.echo_len > PACKET_MAX || opt.seconds <= 0 || opt.rate < 0) {
		usage();
	}
	opt.window = opt.rate > 0 ? IDS / 4 : opt.window;
}
int main(int argc, char **argv)
{
	int error = 0;

	parse(argc, argv);
	random_seed(opt.seed);
	error = loop_start();
	if (error == 0) {
		error = wire_open();
	}
	if (error != 0) {
		fail("start", error);
	}
	figures_start();
	loop_run();
	figures_stop();
	loop_restore();
	error = loop_end();
	if (error != 0) {
		fail(opt.state, error);
	}
	figures_print();
	return counted.right > 0 ? 0 : 1;
}
