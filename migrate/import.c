/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * import: a source into this server, whatever it is doing.
 *
 *	source --rows--> spool --> running: batches    --> report
 *	                           stopped: a new file
 *
 * All rows are read before the first is imported. A source that breaks off
 * has then changed nothing; rows can be put into the order that keeps their
 * versions (import_spool.c); and a running server can be asked beforehand what
 * would become of each, for the undo file and for what partners will be told
 * (import_live.c). It costs a file as large as the records, in TMPDIR.
 *
 * What becomes of a row is decided in one place for both ways, by the rules
 * of conflict (rules/import.c), and the report names the rule. What is decided
 * here is whose a row is:
 *
 *	its owner is this server	kept with its version if it can be
 *	its owner is another one	kept as that one's, as a replica would be
 *	it has none			ours with --adopt, else skipped
 *
 * and --owners adopt takes the owner from every row, for a database that shall
 * go on as this server's. No marks of owners are set: what a file said is no
 * reason not to ask the owner's partners.
 *
 * Records of ours reach every partner that pulls from here. If there is one,
 * a run that would make such records needs --replicate, and says before how
 * many they are: nobody takes them back from a hundred servers.
 *
 * A second run changes nothing, so an import that was interrupted is given
 * again. Its rows are counted apart.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/optval.h"
#include "core/partner_option.h"
#include "migrate/import.h"
#include "migrate/pump.h"
#include "migrate/target.h"
#include "migrate/winsmigrate.h"

#define SKIPPED_FILES 1000
#define VERSION_JUMP 1000000u

static char *owners = NULL;
static char *undo = NULL;
static int adopt = 0;
static int replicate = 0;

const struct poptOption import_options[] = {
	{ "format", 'f', POPT_ARG_STRING, &options.format, 0,
	  "Format of the source; else it is found out", "FORMAT" },
	{ "owners", '\0', POPT_ARG_STRING, &owners, 0,
	  "keep (usual): records stay their owners'; adopt: all become this "
	  "server's", "HOW" },
	{ "adopt", '\0', POPT_ARG_NONE, &adopt, 0,
	  "Records without an owner become this server's", NULL },
	{ "replicate", '\0', POPT_ARG_NONE, &replicate, 0,
	  "Partners may be told of what becomes this server's", NULL },
	{ "undo", '\0', POPT_ARG_STRING, &undo, 0,
	  "Where the undo file goes; a new file", "FILE" },
	TOOL_SOCKET_OPTIONS,
	OPTION_ROWS(change_option_rows),
	OPTION_ROWS(source_option_rows),
	POPT_TABLEEND
};

/* ---- this server ---- */

static void fill_names(const struct settings *settings, enum option_id id,
		       struct nb_name_list *list)
{
	const char *text = settings_text(settings, id);
	char word[OPTVAL_WORD] = "";

	while (optval_next_word(&text, word) != OPTVAL_END) {
		(void)nb_name_list_add(list, word, strlen(word));
	}
}

/* What a stopped server would decide by; a running one has its own. */
static void fill_policy(struct import *import)
{
	const struct settings *s = import->settings;
	struct nb_policy *policy = &import->policy;

	*policy = nb_policy_default();
	policy->max_ttl = settings_number(s, OPTION_MAX_WINS_TTL);
	policy->tombstone_interval =
		settings_number(s, OPTION_TOMBSTONE_INTERVAL);
	policy->tombstone_timeout =
		settings_number(s, OPTION_TOMBSTONE_TIMEOUT);
	policy->verify_interval = settings_number(s, OPTION_VERIFY_INTERVAL);
	policy->propagate_releases =
		settings_bool(s, OPTION_PROPAGATE_RELEASES);
	policy->blocked.count = 0;
	policy->allowed.count = 0;
	fill_names(s, OPTION_BLOCKED_NAMES, &policy->blocked);
	fill_names(s, OPTION_ALLOW_NAMES, &policy->allowed);
}

/* The first word, if it says an address: "192.0.2.10/24". */
static uint32_t first_address(const char *text)
{
	char word[OPTVAL_WORD] = "";
	uint32_t address = 0;

	if (text == NULL || optval_next_word(&text, word) == OPTVAL_END) {
		return 0;
	}
	word[strcspn(word, "/")] = '\0';
	return nb_addr_parse(word, &address) ? address : 0;
}

/* Who it will be; the database knows better if it has been started once. */
static void fill_self(struct import *import)
{
	const struct settings *s = import->settings;

	import->self = settings_is_set(s, OPTION_LOCAL_OWNER) ?
			       settings_address(s, OPTION_LOCAL_OWNER) : 0;
	if (import->self == 0) {
		import->self = first_address(
			settings_text(s, OPTION_WINS_INTERFACES));
	}
	if (import->self == 0) {
		import->self = first_address(
			settings_text(s, OPTION_INTERFACES));
	}
}

static void fill_partners(struct import *import)
{
	const char *text = settings_text(import->settings, OPTION_PARTNERS);
	char word[OPTVAL_WORD] = "";
	uint32_t address = 0;
	bool pull = false, push = false;

	while (text != NULL && optval_next_word(&text, word) != OPTVAL_END) {
		if (partner_word_parse(word, &address, &pull, &push)) {
			import->push_partners += push;
		}
	}
}

static int configure(struct import *import)
{
	static const enum option_id needed[] = {
		OPTION_MAX_WINS_TTL, OPTION_TOMBSTONE_INTERVAL,
		OPTION_TOMBSTONE_TIMEOUT, OPTION_VERIFY_INTERVAL,
		OPTION_PROPAGATE_RELEASES, OPTION_BLOCKED_NAMES,
		OPTION_ALLOW_NAMES, OPTION_LOCAL_OWNER, OPTION_PARTNERS,
		OPTION_NETBIOS_NAME, OPTION_COUNT,
	};
	struct tool_config config;
	int ret = tool_config_load(import->mem_ctx, needed, &config);

	if (ret == 0) {
		ret = tool_places_load(import->mem_ctx, &import->places);
	}
	if (ret != 0) {
		return ret == EINVAL ? TOOL_USAGE : TOOL_FAILED;
	}
	import->settings = config.settings;
	fill_policy(import);
	ret = import_live_find(import);
	if (ret != TOOL_UNREACHABLE) {
		return ret;
	}
	fill_partners(import);
	fill_self(import);
	return import_files_find(import);
}

/* ---- rows in ---- */

struct reading {
	struct import *import;
	bool adopt_all;
	uint64_t released;
	uint64_t options;
};

/* What the source did not say is nothing, not the year 1970. */
static void settle_row(struct row *row)
{
	struct nb_record *rec = &row->rec;
	bool for_ever = rec->is_static && rec->state == NB_ACTIVE;

	if ((row->known & ROW_OWNER) == 0) {
		rec->owner = 0;
	}
	if (for_ever || (row->known & ROW_EXPIRES) == 0 ||
	    rec->expires == 0) {
		rec->expires = NB_NEVER;
	}
	for (int i = 0; i < rec->count; i++) {
		struct nb_member *member = &rec->member[i];

		if (for_ever || member->expires == 0) {
			member->expires = rec->expires;
		}
		if (rec->owner == 0 || member->owner == 0) {
			member->owner = rec->owner;
		}
	}
}

static enum spool_class class_of(const struct import *import,
				 const struct row *row)
{
	if (row->rec.owner == 0) {
		return SPOOL_NOBODYS;
	}
	return row->rec.owner == import->self ? SPOOL_OURS : SPOOL_OTHERS;
}

static int take_row(void *priv, const struct row *from, char **message)
{
	struct reading *r = priv;
	struct row row = *from;

	(void)message;
	if (row.kind != ROW_RECORD) {
		r->options++;
		return 0;
	}
	if (r->adopt_all) {
		row.known &= ~(unsigned int)ROW_OWNER;
	}
	settle_row(&row);
	if (row.rec.owner == 0 && !r->import->adopt) {
		tally_skipped(r->import->tally, from,
			      "no owner: --adopt makes it this server's");
		return 0;
	}
	r->released += row.rec.state == NB_RELEASED;
	return spool_put(r->import->spool, class_of(r->import, &row), &row);
}

static void warn_age(const struct import *import, const char *path,
		     int64_t now)
{
	struct stat st;
	int64_t age = 0;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
		return;
	}
	age = now - (int64_t)st.st_mtime;
	if (age > (int64_t)import->policy.max_ttl) {
		tally_remark(import->tally, "%s was written %" PRIi64 " days "
			     "ago, more than one renewal interval: hosts "
			     "that live have moved on, and of the others "
			     "nobody has heard since", path, age / 86400);
	}
}

static int read_source(struct import *import, const char *path,
		       struct source **source)
{
	struct reading reading = {
		.import = import,
		.adopt_all = owners != NULL && strcmp(owners, "adopt") == 0,
	};
	struct pump pump = {
		.tally = import->tally,
		.put = take_row,
		.priv = &reading,
		.where = "the rows that were read",
	};
	struct format_options format_options;
	int status = TOOL_OK;

	if (!format_options_read(&format_options)) {
		return TOOL_USAGE;
	}
	status = source_open(import->mem_ctx, path, options.format,
			     &format_options, import->tally, &pump.source);
	if (status == TOOL_OK) {
		status = pump_run(&pump);
	}
	if (status != TOOL_OK) {
		return status;
	}
	if (reading.released > 0) {
		tally_remark(import->tally, "%" PRIu64 " of the records are "
			     "released: they answer nobody and are not "
			     "replicated", reading.released);
	}
	if (reading.options > 0) {
		tally_remark(import->tally, "%" PRIu64 " lines of "
			     "configuration are not imported: winsmigrate "
			     "convert writes them down", reading.options);
	}
	warn_age(import, path, format_options.now);
	*source = pump.source;
	return TOOL_OK;
}

/* ---- what comes of it ---- */

/* The tally keeps the pointer, and knows equal texts by themselves. */
static const char *lasting(struct import *import, const char *rule)
{
	const char *reason = NULL;
	uint64_t count = 0;
	bool is_skip = false;

	for (unsigned int i = 0; tally_reason(import->tally, i, &is_skip,
					      &reason, &count); i++) {
		if (strcmp(reason, rule) == 0) {
			return reason;
		}
	}
	reason = talloc_strdup(import->tally, rule);
	return reason != NULL ? reason : "out of memory";
}

void import_count(struct import *import, const struct row *row,
		  uint64_t result)
{
	bool ours = (result & CONTROL_IMPORT_OURS) != 0;
	bool numbered = (result & CONTROL_IMPORT_NUMBERED) != 0;

	import->ours += ours;
	import->numbered += numbered;
	if (ours && !numbered && row->rec.version > import->highest) {
		import->highest = row->rec.version;
	}
}

void import_account(struct import *import, const struct row *row,
		    uint64_t result, const char *rule)
{
	import_count(import, row, result);
	switch (result & CONTROL_IMPORT_OUTCOME) {
	case NB_DONE:
		import->stored++;
		if ((result & CONTROL_IMPORT_NUMBERED) != 0) {
			tally_changed(import->tally, row,
				      "a new version number of this server");
		} else {
			tally_written(import->tally, row);
		}
		break;
	case NB_UNCHANGED:
		tally_unchanged(import->tally, row);
		break;
	case NB_CONFLICT:
		import->protected_ones++;
		/* fall through */
	default:
		tally_skipped(import->tally, row, lasting(import, rule));
		break;
	}
}

/* What a partner takes for an accident (wins:version jump, as it is usual). */
static void tell_jump(const struct import *import)
{
	if (import->handed_out == 0 || import->highest <= import->handed_out ||
	    import->highest - import->handed_out <= VERSION_JUMP) {
		return;
	}
	tool_say("their versions reach %" PRIu64 ", far above the %" PRIu64
		 " that partners know: they keep them in quarantine until "
		 "somebody says 'winsctl owner accept' there", import->highest,
		 import->handed_out);
}

int import_may_replicate(const struct import *import)
{
	if (import->ours == 0 || import->push_partners == 0) {
		return TOOL_OK;
	}
	tool_say("%" PRIu64 " records become this server's, %" PRIu64 " of "
		 "them with new version numbers: they replicate to %u "
		 "partner%s", import->ours, import->numbered,
		 import->push_partners, import->push_partners == 1 ? "" : "s");
	tell_jump(import);
	if (import->replicate || options.dry_run) {
		return TOOL_OK;
	}
	tool_say("nothing was changed: --replicate does it");
	return TOOL_REFUSED;
}

static void remark_result(const struct import *import)
{
	if (import->protected_ones > 0) {
		tally_remark(import->tally, "%" PRIu64 " would change "
			     "protected names: --yes imports those, too",
			     import->protected_ones);
	}
	if (import->undo_path != NULL && import->stored > 0) {
		tally_remark(import->tally, "the way back: winsrepair undo %s",
			     import->undo_path);
	}
	if (import->kept != NULL) {
		tally_remark(import->tally, "the database as it was: %s",
			     import->kept);
	}
}

static int report(struct import *import, const struct source *source)
{
	struct tally_way way = {
		.source = source->ops->name,
		.target = import->client != NULL ? "the running server" :
						   "the stopped server",
		.verb = "imported",
		.source_says = source->ops->carries,
		.source_loss = source->ops->loss,
		.json = options.json != 0,
		.dry_run = options.dry_run != 0,
	};
	char *message = NULL;
	int ret = 0;

	remark_result(import);
	ret = tally_close(import->tally, &message);
	if (ret != 0) {
		tool_say("%s", message != NULL ? message : strerror(ret));
	}
	if (!tally_report(import->tally, &way, stderr) || ret != 0) {
		return TOOL_FAILED;
	}
	return tally_status(import->tally);
}

/* ---- the command ---- */

/*
 * Beside the source, under a name that nobody has: an import is given again
 * and again, and --yes would mean more than this file.
 */
static const char *skipped_path(struct import *import, const char *source)
{
	const char *beside = strcmp(source, "-") == 0 ||
			     strchr(source, ':') != NULL ? "winsmigrate" :
							   source;
	char *path = talloc_asprintf(import->mem_ctx, "%s.skipped", beside);

	for (unsigned int i = 2; path != NULL && i < SKIPPED_FILES &&
	     access(path, F_OK) == 0; i++) {
		path = talloc_asprintf(import->mem_ctx, "%s.skipped-%u",
				       beside, i);
	}
	return path;
}

static int make_tally(struct import *import, const char *source)
{
	const char *path = NULL;
	int status = TOOL_OK;

	if (options.skipped != NULL && !options.dry_run) {
		path = options.skipped;
		status = target_free(path, options.yes != 0);
	} else if (!options.dry_run) {
		path = skipped_path(import, source);
	}
	if (status != TOOL_OK) {
		return status;
	}
	import->tally = tally_create(import->mem_ctx, path);
	if (import->tally == NULL ||
	    spool_create(import->mem_ctx, &import->spool) != 0) {
		tool_say("no room for the rows: %s", strerror(errno));
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

static int import_all(struct import *import, const char *path)
{
	struct source *source = NULL;
	int status = make_tally(import, path);

	if (status == TOOL_OK) {
		status = configure(import);
	}
	if (status == TOOL_OK) {
		status = read_source(import, path, &source);
	}
	if (status == TOOL_OK) {
		status = import->client != NULL ? import_live(import) :
						  import_files(import);
	}
	return status == TOOL_OK ? report(import, source) : status;
}

int run_import(struct tool_call *call)
{
	struct import import = {
		.mem_ctx = talloc_new(NULL),
		.undo = undo,
		.replicate = replicate != 0,
	};
	int status = TOOL_USAGE;

	if (owners != NULL && strcmp(owners, "keep") != 0 &&
	    strcmp(owners, "adopt") != 0) {
		tool_say("--owners %s: it is keep or adopt", owners);
	} else {
		import.adopt = adopt != 0 || (owners != NULL &&
					      strcmp(owners, "adopt") == 0);
		pump_catch_interrupt();
		status = import_all(&import, call->args[0]);
	}
	talloc_free(import.mem_ctx);
	if (status != TOOL_OK && status != TOOL_SOME) {
		pump_raise_interrupt();
	}
	return status;
}
