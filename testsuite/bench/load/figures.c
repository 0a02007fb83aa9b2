/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * figures: clocks, a seeded random sequence, a histogram of latencies, CPU
 * times, and the one line of JSON that comes out at the end.
 *
 * Latencies are kept in steps of 1.6 % of their value: percentiles of any
 * number of requests cost the same memory.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define STEPS	64		/* an octave */

const char *const op_name[OPS] = {
	"register", "refresh", "release", "query", "miss", "echo", "mixed",
	"churn", "arrive", "change", "check",
};

static const char *const wrong_name[W_KINDS] = {
	"format", "rcode", "name", "address", "ttl",
};

struct histogram {
	uint64_t bucket[64 * STEPS];
	uint64_t count;
	uint64_t highest;
};

/* Of all requests, and of those that only read. */
static struct histogram latency, reading;

static struct {
	uint64_t start;
	uint64_t server_cpu;
	double own_cpu;
	double seconds;
} run;

static uint64_t random_state;

uint64_t now_ns(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}
/* So that a run can be had again; 0 is as good as any. */
void random_seed(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15ull | 1;
}

/* xorshift64*, good enough to spread requests, the same for a seed */
uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

uint32_t random_below(uint32_t limit)
{
	return (uint32_t)(((random_next() >> 32) * limit) >> 32);
}

static unsigned int bucket_of(uint64_t v)
{
	unsigned int octave = 63 - (unsigned int)__builtin_clzll(v | 64);

	return (octave - 6) * STEPS + (unsigned int)(v >> (octave - 6));
}

static void note(struct histogram *h, uint64_t ns)
{
	h->bucket[bucket_of(ns)]++;
	h->count++;
	if (ns > h->highest) {
		h->highest = ns;
	}
}

void latency_note(uint64_t ns, bool reads)
{
	note(&latency, ns);
	if (reads) {
		note(&reading, ns);
	}
}

static double percentile_us(const struct histogram *h, double percent)
{
	uint64_t rank = (uint64_t)((double)h->count * percent / 100.0);
	uint64_t seen = 0;
	unsigned int octave = 0;

	for (unsigned int i = 0; i < 64 * STEPS; i++) {
		seen += h->bucket[i];
		if (seen > rank) {
			octave = i < 128 ? 0 : i / 64 - 1;
			return (double)((uint64_t)(i - octave * 64) << octave) / 1e3;
		}
	}
	return (double)h->highest / 1e3;
}

/* CPU time of all threads of the server so far, in ns; 0 if nobody tells. */
static uint64_t server_cpu(void)
{
	char path[64];
	unsigned long long user = 0, kernel = 0;
	FILE *f = NULL;

	if (opt.pid == 0) {
		return 0;
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", opt.pid);
	f = fopen(path, "r");
	if (f == NULL) {
		return 0;
	}
	if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
		   "%*u %llu %llu", &user, &kernel) != 2) {
		user = kernel = 0;
	}
	fclose(f);
	return (user + kernel) * SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
}
static double cpu_self(void)
{
	struct rusage ru = {0};

	getrusage(RUSAGE_SELF, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

void figures_start(void)
{
	run.server_cpu = server_cpu();
	run.own_cpu = cpu_self();
	run.start = now_ns();
}

void figures_stop(void)
{
	/* Waiting for what never came is no part of the rate. */
	uint64_t end = counted.right > 0 ? counted.last_right : now_ns();

	run.seconds = (double)(end - run.start) / 1e9;
	run.own_cpu = cpu_self() - run.own_cpu;
	run.server_cpu = server_cpu() - run.server_cpu;
}

void figures_print(void)
{
	const struct counters *n = &counted;

	printf("{\"label\": \"%s\", \"op\": \"%s\", \"names\": %u, "
	       "\"window\": %u, \"offered\": %.0f, \"seconds\": %.3f, "
	       "\"sent\": %llu, \"right\": %llu, \"rate\": %.0f, "
	       "\"lost\": %llu, \"again\": %llu, \"unsent\": %llu, "
	       "\"wack\": %llu, \"stray\": %llu, \"come_back\": %llu",
	       opt.label, op_name[opt.op], opt.names,
	       opt.rate > 0 ? 0 : opt.window, opt.rate, run.seconds,
	       (unsigned long long)n->sent, (unsigned long long)n->right,
	       (double)n->right / run.seconds, (unsigned long long)n->lost,
	       (unsigned long long)n->again, (unsigned long long)n->unsent,
	       (unsigned long long)n->wacks, (unsigned long long)n->strays,
	       (unsigned long long)n->come_backs);
	for (unsigned int i = 0; i < W_KINDS; i++) {
		printf(", \"wrong_%s\": %llu", wrong_name[i],
		       (unsigned long long)n->wrong[i]);
	}
	printf(", \"p50_us\": %.0f, \"p99_us\": %.0f, \"p999_us\": %.0f, "
	       "\"max_us\": %.0f, \"query_p50_us\": %.0f, "
	       "\"query_p99_us\": %.0f, \"server_cpu_us\": %.2f, "
	       "\"server_cpu\": %.2f, \"own_cpu\": %.2f}\n",
	       percentile_us(&latency, 50), percentile_us(&latency, 99),
	       percentile_us(&latency, 99.9), (double)latency.highest / 1e3,
	       percentile_us(&reading, 50), percentile_us(&reading, 99),
	       n->sent ? (double)run.server_cpu / 1e3 / (double)n->sent : 0.0,
	       (double)run.server_cpu / 1e9 / run.seconds,
	       run.own_cpu / run.seconds);
}
