/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What serve counts, by name, for `server stats` and the tests. */

#include "rules/client_table.h"
#include "serve/serve_private.h"

static const char *const stat_names[STAT_COUNT] = {
	[STAT_REGISTRATIONS] = "registrations",
	[STAT_REFRESHES] = "refreshes",
	[STAT_RELEASES] = "releases",
	[STAT_QUERIES] = "queries",
	[STAT_STATUS] = "node-status",
	[STAT_POSITIVE] = "replies-positive",
	[STAT_REFUSED] = "replies-refused",
	[STAT_FAILED] = "replies-server-failure",
	[STAT_ANSWERED] = "queries-found",
	[STAT_NEGATIVE] = "queries-negative",
	[STAT_WACKS] = "wacks",
	[STAT_REPEATED] = "repeated-while-waiting",
	[STAT_IGNORED_BROADCAST] = "ignored-broadcast",
	[STAT_SOURCE_LIMITED] = "source-rate-dropped",
	[STAT_DEFENDED] = "own-names-defended",
	[STAT_SOURCE_MISMATCH] = "source-mismatch",
	[STAT_CHALLENGES] = "challenges",
	[STAT_CHALLENGES_HELD] = "challenges-held",
	[STAT_CHALLENGES_LOST] = "challenges-lost",
	[STAT_CHALLENGES_VOID] = "challenges-void",
	[STAT_CHALLENGES_DROPPED] = "challenges-dropped",
	[STAT_CHALLENGES_OF_SOURCE] = "challenges-source-limit",
	[STAT_STRAY_ANSWERS] = "stray-answers",
	[STAT_SELF_QUERIES] = "self-queries",
	[STAT_TURNS] = "turns",
	[STAT_TURNS_FAILED] = "turns-failed",
	[STAT_REPLIES_DROPPED] = "replies-dropped",
	[STAT_LOADING] = "requests-while-loading",
	[STAT_HELD_FULL] = "dropped-store-behind",
	[STAT_COME_BACK] = "come-back-answers",
	[STAT_COME_BACK_300 + 0] = "come-back-300",
	[STAT_COME_BACK_300 + 1] = "come-back-600",
	[STAT_COME_BACK_300 + 2] = "come-back-900",
	[STAT_COME_BACK_300 + 3] = "come-back-1200",
	[STAT_COME_BACK_300 + 4] = "come-back-1500",
	[STAT_COME_BACK_300 + 5] = "come-back-1800",
	[STAT_COME_BACK_300 + 6] = "come-back-2100",
	[STAT_COME_BACK_300 + 7] = "come-back-2400",
	[STAT_COME_BACK_300 + 8] = "come-back-2700",
	[STAT_COME_BACK_3000] = "come-back-3000",
	[STAT_SCAVENGED] = "scavenged",
	[STAT_SCAVENGING_STOPPED] = "scavenging-stopped",
	[STAT_CLOCK_STEPS] = "clock-steps",
	[STAT_GATE_CLOSED] = "requests-gate-closed",
	[STAT_OBSERVING] = "requests-observing",
	[STAT_REPLICAS] = "replicas",
	[STAT_REPLICAS_STORED] = "replicas-stored",
	[STAT_REPLICAS_VERSIONED] = "replicas-versioned",
	[STAT_REPLICAS_REFUSED] = "replicas-refused",
	[STAT_REPLICAS_ASKED] = "replicas-challenged",
	[STAT_REPLICAS_FAILED] = "replicas-failed",
	[STAT_DEMANDS] = "release-demands",
	[STAT_DEMANDS_SENT] = "release-demands-sent",
	[STAT_DEMANDS_ANSWERED] = "release-demands-answered",
	[STAT_DEMANDS_SPARED] = "release-demands-spared",
	[STAT_DEMANDS_DROPPED] = "release-demands-dropped",
	[STAT_VERIFY_ASKED] = "verify-asked",
	[STAT_VERIFY_HELD] = "verify-held",
	[STAT_VERIFY_LOST] = "verify-lost",
	[STAT_VERIFY_SILENT] = "verify-silent",
	[STAT_VERIFY_VOID] = "verify-void",
	[STAT_DOMAIN_SHRUNK] = "domain-shrunk",
};

/* Gauges stand behind the counters. */
static bool gauge_at(const struct serve *serve, unsigned int index,
		     const char **name, uint64_t *value)
{
	switch (index) {
	case 0:
		*name = "pending-challenges";
		*value = serve->challenges;
		return true;
	case 1:
		*name = "pending-replies";
		*value = serve->held;
		return true;
	case 2:
		*name = "pending-replicas";
		*value = serve->replicas;
		return true;
	case 3:
		*name = "pending-demands";
		*value = serve->demands.count;
		return true;
	case 4:
		*name = "pending-verifications";
		*value = serve->verify.asking;
		return true;
	}
	return false;
}

bool serve_stat_at(const struct serve *serve, unsigned int index,
		   const char **name, uint64_t *value)
{
	if (index >= STAT_COUNT) {
		return gauge_at(serve, index - STAT_COUNT, name, value);
	}
	*name = stat_names[index];
	*value = serve->stat[index];
	return true;
}

unsigned int serve_pending(const struct serve *serve)
{
	return serve->challenges + serve->held + serve->waits +
	       serve->demands.count + serve->verify.asking;
}

uint64_t serve_row_hits(const struct serve *serve, unsigned int row)
{
	return row < client_table_rows ? serve->row_hits[row] : 0;
}
