/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A live server as a source: wrepl://ADDRESS[:PORT].
 *
 * Servers that do not list us as a partner still talk, and give less without
 * a word (microsoft-wins.md 5): they end the connection at the map request, or
 * leave out static records. So the walk is held against the map: each owner's
 * highest version must have come, and some static record; where not, that is
 * told as missing, which is exit code 4, with what it may mean. --dynamic-only
 * says that this is known and wanted; then it is a remark. A connection that
 * ends before all was asked for is missing with it, too.
 *
 * What came before stands, so none of this ends the reading with an error;
 * bytes that cannot be read do.
 */
#include "migrate/formats.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/addr.h"
#include "migrate/live/walk.h"

#define SHORT_TOLD	10u	/* owners that are named */
#define SAYS (ROW_TYPE | ROW_STATE | ROW_STATIC | ROW_NODE | ROW_OWNER | \
	      ROW_VERSION | ROW_SCOPE | ROW_MEMBER_OWNERS | ROW_RAW_NAMES)

struct wrepl {
	struct walk *walk;
	struct tally *tally;
	bool dynamic_only;
	uint64_t number;	/* of the record */
	bool told;
};

static int wrepl_probe(const struct format_head *head)
{
	return live_scheme(head->path) == LIVE_WREPL ? 100 : 0;
}

/* Not even the map, but by a server that is there and will not give it. */
static bool withheld(const struct walk *walk)
{
	return walk->stage >= WALK_MAP && (walk->result == PULL_CLOSED ||
					   walk->result == PULL_REFUSED);
}

static int wrepl_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		      bool writing, void **priv, char **message)
{
	struct live_address server = { .scheme = LIVE_NONE };
	struct wrepl *wrepl = NULL;

	(void)writing;
	if (!live_parse(end->path, &server) || server.scheme != LIVE_WREPL) {
		*message = talloc_asprintf(mem_ctx, "no server, it should be "
					   "wrepl://ADDRESS[:PORT]");
		return EINVAL;
	}
	wrepl = talloc_zero(mem_ctx, struct wrepl);
	if (wrepl == NULL) {
		return ENOMEM;
	}
	wrepl->tally = end->tally;
	wrepl->dynamic_only = end->options->dynamic_only;
	wrepl->walk = walk_open(wrepl, &server, end->options->our_address);
	if (wrepl->walk == NULL) {
		talloc_free(wrepl);
		return ENOMEM;
	}
	if (wrepl->walk->stage != WALK_RECORDS && !withheld(wrepl->walk)) {
		*message = talloc_asprintf(mem_ctx, "%s%s",
					   wrepl->walk->complaint,
					   wrepl->walk->stage == WALK_CALL ?
					   ", is it a WINS server that "
					   "replicates?" : "");
		talloc_free(wrepl);
		return EHOSTUNREACH;
	}
	*priv = wrepl;
	return 0;
}

/* ---- what did not come ---- */

static void tell_partnership(const struct wrepl *wrepl)
{
	char host[NB_ADDR_TEXT], ours[NB_ADDR_TEXT];

	tally_missing(wrepl->tally, "%s may not list us (our address %s) as a "
		      "replication partner: static records are then withheld",
		      nb_addr_print(wrepl->walk->host, host),
		      nb_addr_print(wrepl->walk->ours, ours));
}

static void tell_short(const struct wrepl *wrepl,
		       const struct walk_owner *owner)
{
	static const char text[] = "owner %s: versions up to %" PRIu64
		" of %" PRIu64 " came: what is above is withheld, or released "
		"or deleted there";
	char address[NB_ADDR_TEXT];

	(void)nb_addr_print(owner->address, address);
	if (wrepl->dynamic_only) {
		tally_remark(wrepl->tally, text, address, owner->highest,
			     owner->max);
	} else {
		tally_missing(wrepl->tally, text, address, owner->highest,
			      owner->max);
	}
}

static void tell_shorts(const struct wrepl *wrepl)
{
	const struct walk *walk = wrepl->walk;
	uint32_t told = 0, all = walk_short(walk);

	for (uint32_t i = 0; i < walk->owners && told < SHORT_TOLD; i++) {
		if (walk_owner_short(&walk->owner[i])) {
			tell_short(wrepl, &walk->owner[i]);
			told++;
		}
	}
	if (all > told) {
		tally_remark(wrepl->tally, "and %" PRIu32 " more owners of "
			     "which not all versions came", all - told);
	}
}

static void tell_end(const struct wrepl *wrepl)
{
	const struct walk *walk = wrepl->walk;

	if (walk->stage == WALK_DONE) {
		return;
	}
	tally_missing(wrepl->tally, "%s: %s", walk->stage == WALK_MAP ?
		      "at the map request" : "before all records had come",
		      walk->complaint);
}

static void tell_stray(const struct wrepl *wrepl)
{
	if (wrepl->walk->stray > 0) {
		tally_remark(wrepl->tally, "%" PRIu64 " records came with "
			     "versions that were not asked for",
			     wrepl->walk->stray);
	}
}

/* Once, when there is nothing more. */
static void tell(struct wrepl *wrepl)
{
	const struct walk *walk = wrepl->walk;

	if (wrepl->told) {
		return;
	}
	wrepl->told = true;
	tally_remark(wrepl->tally, "statics received: %" PRIu64,
		     walk->statics);
	tell_end(wrepl);
	tell_shorts(wrepl);
	tell_stray(wrepl);
	if (!wrepl->dynamic_only &&
	    (walk->statics == 0 || walk_short(walk) > 0 ||
	     walk->stage != WALK_DONE)) {
		tell_partnership(wrepl);
	}
}

/* ---- records ---- */

static enum format_step wrepl_next(void *priv, struct row *row,
				   char **message)
{
	struct wrepl *wrepl = talloc_get_type_abort(priv, struct wrepl);
	struct walk *walk = wrepl->walk;
	enum pull_result result = PULL_OK;

	*row = (struct row) { .kind = ROW_RECORD, .known = SAYS };
	result = walk_next(walk, &row->rec, &row->changed);
	if (result == PULL_OK) {
		row->place = ++wrepl->number;
		if (row->rec.owner == NB_SELF) {
			row->known &= ~(unsigned int)ROW_OWNER;
		}
		return FORMAT_ROW;
	}
	tell(wrepl);
	if (result != PULL_BROKEN && result != PULL_FAILED) {
		return FORMAT_END;
	}
	*message = talloc_asprintf(wrepl, "after %" PRIu64 " records: %s",
				   wrepl->number, walk->complaint);
	return FORMAT_FAILED;
}

static int wrepl_close(void *priv, char **message)
{
	(void)message;
	talloc_free(talloc_get_type_abort(priv, struct wrepl));
	return 0;
}

const struct format_ops format_wrepl = {
	.name = "wrepl",
	.title = "A live server, by replication: wrepl://ADDRESS[:PORT]",
	.flags = FORMAT_READS | FORMAT_PATH,
	.carries = SAYS,
	.loss = "released records, times of expiry and the configuration are "
		"not replicated",
	.probe = wrepl_probe,
	.open = wrepl_open,
	.next = wrepl_next,
	.close = wrepl_close,
};
