/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * preflight ADDRESS...: can this estate be taken over, and what will be in the
 * way? Read-only: queries, and pulls as a partner makes them.
 *
 * One line for each check. Those of a server come first, with its address;
 * those of all records together follow. What could not be looked at, because
 * a server did not answer, is said to be skipped: a check that did not run has
 * found nothing and proved nothing.
 */
#include "migrate/live/preflight.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "common/json_out.h"
#include "core/addr.h"
#include "migrate/live/ask.h"

#define VERSION_HIGH	(UINT64_C(1) << 48)

static char *registry, *rate;

const struct poptOption preflight_options[] = {
	OPTION_ROWS(source_option_rows),
	{ "registry", '\0', POPT_ARG_STRING, &registry, 0,
	  "Registry export of a Windows server, to compare our timers with",
	  "FILE" },
	{ "rate", '\0', POPT_ARG_STRING, &rate, 0,
	  "Queries a second (100)", "NUMBER" },
	POPT_TABLEEND
};

/* ---- a line ---- */

static const char *const result_words[] = {
	[PREFLIGHT_OK] = "ok",
	[PREFLIGHT_NOTE] = "note",
	[PREFLIGHT_SKIPPED] = "skipped",
	[PREFLIGHT_PROBLEM] = "problem",
};

static void tell_json(uint32_t host, const char *check,
		      enum preflight_result result, const char *detail)
{
	struct json_out j = { .file = stdout };

	json_begin(&j, '{');
	json_key(&j, "server");
	if (host != 0) {
		json_address(&j, host);
	} else {
		json_nothing(&j);
	}
	json_key(&j, "check");
	json_text(&j, check);
	json_key(&j, "result");
	json_text(&j, result_words[result]);
	json_key(&j, "detail");
	json_text(&j, detail);
	json_end(&j, '}');
	json_newline(&j);
}

void preflight_tell(struct preflight *p, uint32_t host, const char *check,
		    enum preflight_result result, const char *format, ...)
{
	char address[NB_ADDR_TEXT];
	char *detail = NULL;
	va_list args;

	va_start(args, format);
	detail = talloc_vasprintf(p->mem_ctx, format, args);
	va_end(args);
	p->problems += result == PREFLIGHT_PROBLEM;
	if (options.json) {
		tell_json(host, check, result, detail != NULL ? detail : "");
	} else {
		(void)printf("%-8s %-15s %-14s %s\n", result_words[result],
			     host != 0 ? nb_addr_print(host, address) : "all",
			     check, detail != NULL ? detail : "");
	}
	talloc_free(detail);
}

static void skip(struct preflight *p, uint32_t host, const char *check,
		 const char *why)
{
	preflight_tell(p, host, check, PREFLIGHT_SKIPPED, "%s", why);
}

/* ---- UDP 137 ---- */

static void check_udp(struct preflight *p, struct asker *asker, uint32_t host)
{
	struct ask_item item = {
		.kind = NBNS_QUERY,
		.host = host,
		.port = NBNS_PORT,
		.name = nb_name_make("WINSMIGRATE", 11, 0x20),
	};
	struct nbns_answer answer = { .count = 0 };
	int ret = asker_one(asker, &item, &answer);

	if (ret == 0) {
		preflight_tell(p, host, "UDP 137", PREFLIGHT_OK,
			       "it answers queries");
		return;
	}
	preflight_tell(p, host, "UDP 137", PREFLIGHT_PROBLEM, "%s",
		       ret == ETIMEDOUT ? "no answer: is it a WINS server, and "
		       "does a firewall let us through?" : strerror(ret));
}

/* ---- TCP 42 ---- */

/* Two servers have much the same records of an owner: the one with more. */
static void merge_owner(struct walk_owner *into, const struct walk_owner *from)
{
	into->max = from->max > into->max ? from->max : into->max;
	into->records = from->records > into->records ? from->records :
							into->records;
}

static int keep_owner(struct preflight *p, const struct walk_owner *owner)
{
	for (uint32_t i = 0; i < p->owners; i++) {
		if (p->owner[i].address == owner->address) {
			merge_owner(&p->owner[i], owner);
			return 0;
		}
	}
	if (p->owners == p->room) {
		struct walk_owner *more = talloc_realloc(
			p->mem_ctx, p->owner, struct walk_owner,
			p->room * 2 + 64);

		if (more == NULL) {
			return ENOMEM;
		}
		p->owner = more;
		p->room = p->room * 2 + 64;
	}
	p->owner[p->owners++] = *owner;
	return 0;
}

static int read_records(struct preflight *p, unsigned int which,
			struct walk *walk)
{
	struct nb_record rec;
	const char *changed = NULL;
	int ret = 0;

	while (ret == 0 && walk_next(walk, &rec, &changed) == PULL_OK) {
		ret = preflight_look(p, which, &rec);
	}
	for (uint32_t i = 0; ret == 0 && i < walk->owners; i++) {
		ret = keep_owner(p, &walk->owner[i]);
	}
	return ret;
}

static void tell_statics(struct preflight *p, const struct walk *walk)
{
	char ours[NB_ADDR_TEXT];

	if (walk->statics > 0) {
		preflight_tell(p, walk->host, "statics", PREFLIGHT_OK,
			       "%" PRIu64 " static records are visible",
			       walk->statics);
		return;
	}
	preflight_tell(p, walk->host, "statics",
		       p->format_options.dynamic_only ? PREFLIGHT_NOTE :
							PREFLIGHT_PROBLEM,
		       "no static record came: it may not list us (our "
		       "address %s) as a replication partner, or it has none",
		       nb_addr_print(walk->ours, ours));
}

static void tell_owners(struct preflight *p, const struct walk *walk)
{
	uint32_t number = walk_short(walk);

	if (number == 0) {
		preflight_tell(p, walk->host, "versions", PREFLIGHT_OK,
			       "%" PRIu64 " records of %" PRIu32 " owners, "
			       "up to the highest version of each",
			       walk->records, walk->owners);
		return;
	}
	preflight_tell(p, walk->host, "versions", PREFLIGHT_NOTE,
		       "%" PRIu64 " records; of %" PRIu32 " of %" PRIu32
		       " owners the highest version did not come: released, "
		       "deleted or withheld", walk->records, number,
		       walk->owners);
}

static void tell_records_end(struct preflight *p, const struct walk *walk)
{
	if (walk->stage == WALK_DONE) {
		tell_statics(p, walk);
		tell_owners(p, walk);
		return;
	}
	preflight_tell(p, walk->host, "records", PREFLIGHT_PROBLEM, "%s after "
		       "%" PRIu64 " records", walk->complaint, walk->records);
}

static int check_partner(struct preflight *p, unsigned int which,
			 struct walk *walk)
{
	char ours[NB_ADDR_TEXT];
	int ret = 0;

	preflight_tell(p, walk->host, "TCP 42", PREFLIGHT_OK,
		       "it talks replication%s", walk->minor == 1 ?
		       ", as NT 4.0 or older" : "");
	(void)nb_addr_print(walk->ours, ours);
	if (walk->stage == WALK_MAP) {
		preflight_tell(p, walk->host, "partner", PREFLIGHT_PROBLEM,
			       "%s: enter our address %s as a replication "
			       "partner there", walk->complaint, ours);
		skip(p, walk->host, "statics", "we are no partner");
		return 0;
	}
	preflight_tell(p, walk->host, "partner", PREFLIGHT_OK,
		       "it gives its map to %s", ours);
	p->any_map = true;
	ret = read_records(p, which, walk);
	tell_records_end(p, walk);
	return ret;
}

static int check_tcp(struct preflight *p, unsigned int which)
{
	struct live_address server = {
		.scheme = LIVE_WREPL,
		.host = p->server[which],
		.port = WREPL_PORT,
	};
	struct walk *walk = walk_open(p->mem_ctx, &server,
				      p->format_options.our_address);
	int ret = 0;

	if (walk == NULL) {
		return ENOMEM;
	}
	if (walk->stage >= WALK_MAP) {
		ret = check_partner(p, which, walk);
	} else {
		preflight_tell(p, server.host, "TCP 42", PREFLIGHT_PROBLEM,
			       "%s", walk->complaint);
		skip(p, server.host, "partner", "it does not replicate");
		skip(p, server.host, "statics", "it does not replicate");
	}
	talloc_free(walk);
	return ret;
}

/* ---- owners ---- */

struct owner_walk {
	struct preflight *p;
	uint32_t at;
	struct preflight_found dead, unknown;
};

static bool is_given(const struct preflight *p, uint32_t address)
{
	for (unsigned int i = 0; i < p->servers; i++) {
		if (p->server[i] == address) {
			return true;
		}
	}
	return address == p->format_options.our_address;
}

static bool next_owner(void *priv, struct ask_item *item)
{
	struct owner_walk *w = priv;

	while (w->at < w->p->owners &&
	       (is_given(w->p, w->p->owner[w->at].address) ||
		!nb_addr_is_host(w->p->owner[w->at].address))) {
		w->at++;
	}
	if (w->at == w->p->owners) {
		return false;
	}
	*item = (struct ask_item) {
		.kind = NBNS_QUERY,
		.host = w->p->owner[w->at++].address,
		.port = NBNS_PORT,
		.name = nb_name_make("WINSMIGRATE", 11, 0x20),
	};
	return true;
}

static uint64_t records_of(const struct preflight *p, uint32_t address)
{
	for (uint32_t i = 0; i < p->owners; i++) {
		if (p->owner[i].address == address) {
			return p->owner[i].records;
		}
	}
	return 0;
}

static void owner_answered(void *priv, const struct ask_item *item, int error,
			   const struct nbns_answer *answer)
{
	struct owner_walk *w = priv;
	char address[NB_ADDR_TEXT];

	(void)answer;
	preflight_note(w->p, error == 0 ? &w->unknown : &w->dead,
		       "%s (%" PRIu64 " records)",
		       nb_addr_print(item->host, address),
		       records_of(w->p, item->host));
}

static char *listed(struct preflight *p, const struct preflight_found *found)
{
	char *text = talloc_strdup(p->mem_ctx, "");

	for (unsigned int i = 0; text != NULL && i < found->samples; i++) {
		text = talloc_asprintf_append(text, "%s%s", i > 0 ? ", " : "",
					      found->sample[i]);
	}
	if (text != NULL && found->count > found->samples) {
		text = talloc_asprintf_append(text, " and %" PRIu64 " more",
					      found->count - found->samples);
	}
	return text;
}

static int check_owners(struct preflight *p, struct asker *asker)
{
	struct owner_walk w = { .p = p };
	int ret = 0;

	if (!p->any_map) {
		skip(p, 0, "dead owners", "no map came");
		skip(p, 0, "unknown owners", "no map came");
		return 0;
	}
	ret = asker_run(asker, next_owner, owner_answered, &w);
	if (ret != 0) {
		return ret;
	}
	preflight_tell(p, 0, "dead owners", w.dead.count > 0 ?
		       PREFLIGHT_PROBLEM : PREFLIGHT_OK, "%s%s",
		       w.dead.count > 0 ? "no answer from " : "none",
		       listed(p, &w.dead));
	preflight_tell(p, 0, "unknown owners", w.unknown.count > 0 ?
		       PREFLIGHT_PROBLEM : PREFLIGHT_OK, "%s%s",
		       w.unknown.count > 0 ? "alive, but not among the "
		       "addresses given: " : "none", listed(p, &w.unknown));
	return 0;
}

static void check_versions(struct preflight *p)
{
	char address[NB_ADDR_TEXT];

	for (uint32_t i = 0; i < p->owners; i++) {
		if (p->owner[i].max > VERSION_HIGH) {
			preflight_note(p, &p->high, "%s (%" PRIu64 ")",
				       nb_addr_print(p->owner[i].address,
						     address),
				       p->owner[i].max);
		}
	}
	preflight_tell(p, 0, "high versions", p->high.count > 0 ?
		       PREFLIGHT_PROBLEM : p->any_map ? PREFLIGHT_OK :
							PREFLIGHT_SKIPPED,
		       "%s%s", p->high.count > 0 ? "above 2^48: " :
		       p->any_map ? "none above 2^48" : "no map came",
		       listed(p, &p->high));
}

/* ---- the command ---- */

static int servers_of_words(struct preflight *p, struct tool_call *call)
{
	p->servers = call->count;
	p->server = talloc_array(p->mem_ctx, uint32_t, p->servers);
	for (unsigned int i = 0; i < p->servers; i++) {
		if (p->server == NULL ||
		    !tool_parse_host(call->args[i], &p->server[i])) {
			return TOOL_USAGE;
		}
	}
	return TOOL_OK;
}

static int prepare(struct preflight *p, struct tool_call *call)
{
	uint64_t number = ASK_RATE;
	int status = servers_of_words(p, call);

	if (status != TOOL_OK || !format_options_read(&p->format_options) ||
	    (rate != NULL &&
	     !tool_parse_number("--rate", rate, 1, ASK_RATE_MAX, &number))) {
		return TOOL_USAGE;
	}
	p->rate = (unsigned int)number;
	status = kept_out_load(p->mem_ctx, &p->kept);
	if (status == TOOL_OK && sides_create(p->mem_ctx, &p->sides) != 0) {
		tool_say("cannot make a temporary database");
		status = TOOL_FAILED;
	}
	return status;
}

static int check_all(struct preflight *p, struct asker *asker)
{
	int ret = sides_begin(p->sides, SIDES_OLD);

	for (unsigned int i = 0; ret == 0 && i < p->servers; i++) {
		check_udp(p, asker, p->server[i]);
		ret = check_tcp(p, i);
	}
	ret = ret != 0 ? ret : sides_end(p->sides);
	ret = ret != 0 ? ret : check_owners(p, asker);
	if (ret == 0) {
		check_versions(p);
		ret = preflight_tell_records(p);
	}
	return ret;
}

int run_preflight(struct tool_call *call)
{
	struct preflight *p = talloc_zero(call->mem_ctx, struct preflight);
	struct asker *asker = NULL;
	int status = TOOL_FAILED, ret = 0;

	if (p == NULL) {
		return TOOL_FAILED;
	}
	p->mem_ctx = p;
	status = prepare(p, call);
	if (status != TOOL_OK) {
		return status;
	}
	ret = asker_create(p, p->format_options.our_address, p->rate, &asker);
	ret = ret != 0 ? ret : check_all(p, asker);
	if (ret != 0) {
		tool_say("the checks could not be finished: %s",
			 strerror(ret));
		return TOOL_FAILED;
	}
	status = preflight_timers(p, registry);
	return status != TOOL_OK ? status :
	       p->problems > 0 ? TOOL_PROBLEMS : TOOL_OK;
}
