/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a side gets its views.
 *
 * A server that replicates is walked (walk.h) and not read through its format:
 * its map says up to which version it has each owner, which no row tells. That
 * it may withhold something is said, and compared is what came.
 *
 * Names that a source has twice - nmbd and lists of consoles do not, files
 * that people made may - are taken once, the last one.
 */
#include "migrate/live/gather.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/addr.h"
#include "migrate/live/ask.h"
#include "migrate/live/walk.h"
#include "migrate/progress.h"
#include "migrate/source.h"
#include "migrate/text.h"

#define WALK_SAYS (ROW_ALL & ~(unsigned int)(ROW_EXPIRES | ROW_MEMBER_EXPIRES))

bool gather_parse(const char *path, struct gather_side *side)
{
	*side = (struct gather_side) { .path = path };
	if (live_scheme(path) == LIVE_NONE || live_parse(path, &side->live)) {
		return true;
	}
	tool_say("%s: not SCHEME://ADDRESS[:PORT] with the address of a host",
		 path);
	return false;
}

static int failed(const struct gather *gather, int error)
{
	tool_say("the names cannot be kept: %s", error == EIO ?
		 sides_error(gather->sides) : strerror(error));
	return TOOL_FAILED;
}

/* ---- a server that replicates ---- */

static int tell_walk(const struct gather_side *side, const struct walk *walk)
{
	if (walk->stage == WALK_DONE) {
		return TOOL_OK;
	}
	tool_say("%s: %s%s", side->path, walk->complaint,
		 walk->stage == WALK_MAP ?
			 ": it may not list us as a replication partner" : "");
	return walk->stage == WALK_CALL ? TOOL_UNREACHABLE :
	       walk->stage == WALK_MAP ? TOOL_REFUSED : TOOL_FAILED;
}

static void warn_withheld(const struct gather_side *side,
			  const struct walk *walk)
{
	char ours[NB_ADDR_TEXT];

	if (walk->statics == 0 && walk->records > 0) {
		tool_say("%s gave no static record: it may not list us (our "
			 "address %s) as a replication partner", side->path,
			 nb_addr_print(walk->ours, ours));
	}
}

static int keep_marks(const struct gather *gather, enum sides_which which,
		      const struct walk *walk)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < walk->owners; i++) {
		ret = sides_set_mark(gather->sides, which,
				     walk->owner[i].address,
				     walk->owner[i].max);
	}
	return ret;
}

static int list_server(const struct gather *gather, struct gather_side *side,
		       enum sides_which which)
{
	struct walk *walk = walk_open(gather->mem_ctx, &side->live,
				      gather->format_options.our_address);
	struct compare_view view = { .kind = COMPARE_RECORD,
				     .known = WALK_SAYS };
	const char *changed = NULL;
	int status = TOOL_OK, ret = walk == NULL ? ENOMEM : 0;

	while (ret == 0 &&
	       walk_next(walk, &view.rec, &changed) == PULL_OK) {
		ret = sides_put(gather->sides, which, &view);
	}
	ret = ret != 0 ? ret : keep_marks(gather, which, walk);
	if (ret != 0) {
		talloc_free(walk);
		return failed(gather, ret);
	}
	side->statics = walk->statics;
	status = tell_walk(side, walk);
	if (status == TOOL_OK) {
		warn_withheld(side, walk);
	}
	talloc_free(walk);
	return status;
}

/* ---- files ---- */

static int take_row(const struct gather *gather, struct gather_side *side,
		    enum sides_which which, const struct row *row)
{
	struct compare_view view = {
		.kind = COMPARE_RECORD,
		.known = row->known,
		.rec = row->rec,
	};

	if (row->kind != ROW_RECORD) {
		return 0;
	}
	side->statics += row->rec.is_static;
	return sides_put(gather->sides, which, &view);
}

static int read_rows(const struct gather *gather, struct gather_side *side,
		     enum sides_which which, struct source *source,
		     struct tally *tally)
{
	enum format_step step = FORMAT_ROW;
	struct tally_sums sums;
	struct row row;
	int ret = 0;

	while (step == FORMAT_ROW || step == FORMAT_SKIPPED) {
		step = source_next(source, tally, &row);
		ret = step == FORMAT_ROW ?
		      take_row(gather, side, which, &row) : 0;
		if (ret != 0) {
			return failed(gather, ret);
		}
	}
	if (step == FORMAT_FAILED) {
		tool_say("%s: %s", side->path, source->message != NULL ?
			 source->message : "cannot be read");
		return TOOL_FAILED;
	}
	tally_sums(tally, &sums);
	if (sums.skipped > 0) {
		tool_say("%s: %" PRIu64 " entries cannot be read, and are "
			 "not compared", side->path, sums.skipped);
	}
	return TOOL_OK;
}

static int list_file(const struct gather *gather, struct gather_side *side,
		     enum sides_which which)
{
	struct tally *tally = tally_create(gather->mem_ctx, NULL);
	struct source *source = NULL;
	int status = tally == NULL ? failed(gather, ENOMEM) :
		     source_open(gather->mem_ctx, side->path, gather->format,
				 &gather->format_options, tally, &source);

	if (status == TOOL_OK) {
		status = read_rows(gather, side, which, source, tally);
		talloc_free(source);
	}
	talloc_free(tally);
	return status;
}

int gather_list(const struct gather *gather, struct gather_side *side,
		enum sides_which which)
{
	int ret = sides_begin(gather->sides, which);
	int status = TOOL_OK;

	side->statics = 0;
	if (ret != 0) {
		return failed(gather, ret);
	}
	status = side->live.scheme == LIVE_WREPL ?
		 list_server(gather, side, which) :
		 list_file(gather, side, which);
	ret = sides_end(gather->sides);
	return ret != 0 && status == TOOL_OK ? failed(gather, ret) : status;
}

/* ---- names ---- */

static int take_name(const struct gather *gather, const char *line)
{
	struct compare_view view = { .kind = COMPARE_NEGATIVE };

	view.rec.type = NB_SGROUP;
	view.rec.state = NB_RELEASED;
	return nb_name_parse(line, &view.rec.name) ?
	       sides_put(gather->sides, SIDES_NAMES, &view) : EINVAL;
}

static int read_names(const struct gather *gather, FILE *file,
		      const char *path)
{
	struct text *text = NULL;
	char *line = NULL, *message = NULL;
	size_t len = 0;
	int got = text_open(gather->mem_ctx, file, TEXT_BYTES, NULL, &text,
			    &message) == 0 ? 1 : -1;
	int ret = 0;

	while (got > 0 && ret == 0) {
		got = text_line(text, &line, &len, &message);
		if (got > 0 && len > 0 && line[0] != '#') {
			ret = take_name(gather, line);
		}
	}
	if (ret == EINVAL) {
		tool_say("%s:%" PRIu64 ": no name, it should be NAME<20>",
			 path, text_number(text));
	} else if (got < 0) {
		tool_say("%s: %s", path, message);
	} else if (ret != 0) {
		(void)failed(gather, ret);
	}
	talloc_free(text);
	return got == 0 && ret == 0 ? TOOL_OK : TOOL_FAILED;
}

int gather_names(const struct gather *gather, const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int status = TOOL_FAILED;

	if (file == NULL) {
		tool_say("%s: %s", path, strerror(errno));
		return TOOL_FAILED;
	}
	if (sides_begin(gather->sides, SIDES_NAMES) == 0) {
		status = read_names(gather, file, path);
		if (sides_end(gather->sides) != 0) {
			status = TOOL_FAILED;
		}
	}
	if (file != stdin) {
		(void)fclose(file);
	}
	return status;
}

/* ---- a server that is asked ---- */

struct asking {
	const struct gather *gather;
	const struct gather_side *side;
	enum sides_which which;
	int error;
	struct progress progress;
};

/* Questions take longer than bytes: a tenth of a thousand is worth a line. */
#define PROGRESS_WEIGHT 1000u

static bool next_name(void *priv, struct ask_item *item)
{
	struct asking *asking = priv;
	struct compare_view view;
	int ret = sides_next(asking->gather->sides, &view);

	*item = (struct ask_item) {
		.kind = NBNS_QUERY,
		.host = asking->side->live.host,
		.port = asking->side->live.port,
		.name = view.rec.name,
	};
	if (ret != 0 && ret != ENOENT) {
		asking->error = ret;
	}
	return ret == 0 && asking->error == 0;
}

/* An answer as a view: a record that has what answers have. */
static void view_of_answer(const struct ask_item *item,
			   const struct nbns_answer *answer,
			   struct compare_view *view)
{
	struct nb_record *rec = &view->rec;

	view->kind = COMPARE_ANSWER;
	rec->type = (answer->address[0].nb_flags & NB_FLAG_GROUP) == 0 ?
		    NB_MHOMED : item->name.type == 0x1c ||
		    answer->address[0].addr != NB_BROADCAST ? NB_SGROUP :
							      NB_GROUP;
	for (unsigned int i = 0; i < answer->count; i++) {
		if (nb_record_find(rec, answer->address[i].addr) < 0) {
			rec->member[rec->count++].ip =
				answer->address[i].addr;
		}
	}
	if (rec->type == NB_GROUP) {
		rec->count = 1;
	}
}

static void take_answer(void *priv, const struct ask_item *item, int error,
			const struct nbns_answer *answer)
{
	struct asking *asking = priv;
	struct compare_view view = { .kind = COMPARE_NEGATIVE };
	uint64_t done = 0;

	view.rec.name = item->name;
	view.rec.type = NB_SGROUP;
	if (error == 0 && answer->rcode == NB_RCODE_OK && answer->count > 0) {
		view_of_answer(item, answer, &view);
	} else {
		view.rec.state = NB_RELEASED;
		view.kind = error == 0 ? COMPARE_NEGATIVE : COMPARE_SILENT;
	}
	if (asking->error == 0) {
		asking->error = sides_put(asking->gather->sides,
					  asking->which, &view);
	}
	done = sides_number(asking->gather->sides, asking->which);
	progress_step(&asking->progress, done, done * PROGRESS_WEIGHT);
}

/* Does it answer at all? A million questions to nobody take long. */
static int knock(struct asker *asker, const struct gather_side *side)
{
	struct ask_item item = {
		.kind = NBNS_QUERY,
		.host = side->live.host,
		.port = side->live.port,
		.name = nb_name_make("WINSMIGRATE", 11, 0x20),
	};
	struct nbns_answer answer = { .count = 0 };
	int ret = asker_one(asker, &item, &answer);

	if (ret == 0) {
		return TOOL_OK;
	}
	tool_say("%s: %s", side->path, ret == ETIMEDOUT ? "nobody answers" :
		 strerror(ret));
	return TOOL_UNREACHABLE;
}

static int ask_all(struct asking *asking, struct asker *asker,
		   enum sides_which names)
{
	struct sides *sides = asking->gather->sides;
	int ret = sides_begin(sides, asking->which);

	progress_begin(&asking->progress,
		       sides_number(sides, names) * PROGRESS_WEIGHT);
	ret = ret != 0 ? ret : sides_first(sides, names);
	ret = ret != 0 ? ret : asker_run(asker, next_name, take_answer,
					 asking);
	progress_end(&asking->progress);
	ret = ret != 0 ? ret : asking->error;
	if (ret != 0) {
		(void)sides_end(sides);
		return failed(asking->gather, ret);
	}
	ret = sides_end(sides);
	return ret != 0 ? failed(asking->gather, ret) : TOOL_OK;
}

int gather_ask(const struct gather *gather, struct gather_side *side,
	       enum sides_which which, enum sides_which names)
{
	struct asking asking = {
		.gather = gather, .side = side, .which = which,
	};
	struct asker *asker = NULL;
	int ret = asker_create(gather->mem_ctx, gather->format_options.our_address, gather->rate,
			       &asker);
	int status = TOOL_FAILED;

	if (ret != 0) {
		tool_say("cannot open a socket: %s", strerror(ret));
		return TOOL_FAILED;
	}
	status = knock(asker, side);
	if (status == TOOL_OK) {
		status = ask_all(&asking, asker, names);
	}
	talloc_free(asker);
	return status;
}
