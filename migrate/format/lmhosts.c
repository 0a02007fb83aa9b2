/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LMHOSTS, as a WINS server imports it (formats.md 6): a bare name is a host,
 * three static unique names <00>, <03> and <20>; a quoted one is the name that
 * it spells. #DOM: makes the address a member of the domain's group <1c>, #SG
 * of an internet group <20>; lines with #MH and the same name are one
 * multihomed record.
 *
 * What is gathered from several lines is kept until the end, the rest goes
 * out at once. Reading is here, writing in lmhosts_out.c.
 */
#include <bsd/sys/tree.h>
#include <errno.h>
#include <string.h>

#include "migrate/format/lmhosts_files.h"
#include "migrate/format/lmhosts_out.h"
#include "migrate/formats.h"

#define GATHERED_MAX 1000000u
#define ROWS_MAX 3

struct gathered {
	RB_ENTRY(gathered) entry;
	struct {
		uint8_t len;
		uint8_t byte[NB_NAME_MAX];
		uint8_t suffix;
	} name;
	uint8_t type;
	uint8_t count;
	const char *changed;
	uint64_t place;
	uint32_t member[NB_MEMBERS_MAX];
};

static int compare(const struct gathered *a, const struct gathered *b)
{
	int order = memcmp(&a->name, &b->name, sizeof(a->name));

	return order != 0 ? order : (int)a->type - (int)b->type;
}

RB_HEAD(gathered_tree, gathered);
/* RB_GENERATE_STATIC needs a BSD's own headers */
RB_GENERATE_INTERNAL(gathered_tree, gathered, entry, compare,
		     __attribute__((unused)) static)

struct lmhosts {
	struct tally *tally;
	struct lmhosts_files *files;
	struct lmhosts_out *out;	/* NULL when reading */
	struct gathered_tree tree;
	unsigned int count;
	struct gathered *next;		/* to be given, after the lines */
	bool ended;
	unsigned int queued, given;
	struct row queue[ROWS_MAX];	/* of one line */
	uint64_t small;			/* tags that are none by their case */
	uint64_t first_small;
};

static bool is_entry(struct piece text, struct lmhosts_line *line)
{
	text = piece_until(text, '\r', &(struct piece) { NULL, 0 });
	return lmhosts_line_parse(text, line) == LMHOSTS_ENTRY;
}

static int lmhosts_probe(const struct format_head *head)
{
	char text[WINTEXT_HEAD];
	struct piece all = { text, wintext_head(head, text) };
	unsigned int entries = 0, sure = 0;

	while (all.len > 0) {
		struct piece raw = piece_until(all, '\n', &all);
		struct lmhosts_line line;

		if (is_entry(raw, &line)) {
			entries++;
			sure += line.has_suffix || line.has_domain ||
				line.multihomed || line.special ||
				piece_has(raw, "#PRE");
		}
		sure += line.path.len > 0;
	}
	return sure > 0 ? 80 : entries == 0 ? 0 :
	       strncmp(head->name, "lmhosts", 7) == 0 ? 80 : 30;
}

static int lmhosts_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
			bool writing, void **priv, char **message)
{
	struct lmhosts *s = talloc_zero(mem_ctx, struct lmhosts);

	*priv = s;
	if (s == NULL) {
		return ENOMEM;
	}
	s->tally = end->tally;
	if (writing) {
		s->out = lmhosts_out_create(s, end);
		return s->out == NULL ? ENOMEM : 0;
	}
	RB_INIT(&s->tree);
	return lmhosts_files_open(s, end, &s->files, message);
}

/* ---- what several lines say together ---- */

static struct gathered *gathered_of(struct lmhosts *s,
				    const struct nb_name *name, uint8_t type)
{
	struct gathered key = { .type = type }, *g = NULL;

	key.name.len = name->len;
	memcpy(key.name.byte, name->byte, NB_NAME_MAX);
	key.name.suffix = name->type;
	g = RB_FIND(gathered_tree, &s->tree, &key);
	if (g != NULL || s->count == GATHERED_MAX) {
		return g;
	}
	g = talloc_memdup(s, &key, sizeof(key));
	if (g != NULL) {
		const char *file = NULL;

		g->place = lmhosts_files_place(s->files, &file);
		s->count++;
		(void)RB_INSERT(gathered_tree, &s->tree, g);
	}
	return g;
}

/* False: there is no room for it. */
static bool gather(struct lmhosts *s, const struct nb_name *name,
		   uint8_t type, const struct lmhosts_line *line)
{
	struct gathered *g = gathered_of(s, name, type);

	if (g == NULL) {
		return false;
	}
	g->changed = line->changed != NULL ? line->changed : g->changed;
	for (unsigned int i = 0; i < g->count; i++) {
		if (g->member[i] == line->ip) {
			return true;
		}
	}
	if (g->count == NB_MEMBERS_MAX) {
		g->changed = WINTEXT_TOO_MANY;
	} else {
		g->member[g->count++] = line->ip;
	}
	return true;
}

static void give_gathered(const struct gathered *g, struct row *row)
{
	*row = (struct row) {
		.kind = ROW_RECORD,
		.known = ROW_TYPE | ROW_STATIC,
		.place = g->place,
		.changed = g->changed,
	};
	row->rec.name = nb_name_make(g->name.byte, g->name.len,
				     g->name.suffix);
	row->rec.type = g->type;
	row->rec.node = NB_H_NODE;
	row->rec.is_static = true;
	for (unsigned int i = 0; i < g->count; i++) {
		wintext_member(row, g->member[i], 0);
	}
	(void)wintext_settle(row);
}

/* ---- a line ---- */

static void queue_unique(struct lmhosts *s, const struct lmhosts_line *line,
			 const struct nb_name *name)
{
	const char *file = NULL;
	struct row *row = &s->queue[s->queued++];

	*row = (struct row) {
		.kind = ROW_RECORD,
		.known = ROW_TYPE | ROW_STATIC,
		.place = lmhosts_files_place(s->files, &file),
		.changed = line->changed,
	};
	row->rec.name = *name;
	row->rec.type = wintext_type(name, 1);
	row->rec.node = NB_H_NODE;
	row->rec.is_static = true;
	wintext_member(row, line->ip, 0);
	(void)wintext_settle(row);
}

/* The name with one suffix, by the line's tags. */
static bool take_name(struct lmhosts *s, const struct lmhosts_line *line,
		      const struct nb_name *name)
{
	if (line->multihomed) {
		return gather(s, name, NB_MHOMED, line);
	}
	if (line->special || name->type == 0x1c) {
		return gather(s, name, NB_SGROUP, line);
	}
	queue_unique(s, line, name);
	return true;
}

static bool take_entry(struct lmhosts *s, const struct lmhosts_line *line)
{
	static const uint8_t host[] = { 0x00, 0x03, 0x20 };
	struct nb_name name = line->name;
	bool fits = true;

	s->queued = s->given = 0;
	if (line->has_domain) {
		fits = gather(s, &line->domain, NB_SGROUP, line);
	}
	if (line->has_suffix || line->special) {
		name.type = line->has_suffix ? name.type : 0x20;
		return fits && take_name(s, line, &name);
	}
	for (unsigned int i = 0; i < sizeof(host); i++) {
		name.type = host[i];
		fits = fits && take_name(s, line, &name);
	}
	return fits;
}

static void note_small(struct lmhosts *s)
{
	const char *file = NULL;

	if (s->small++ == 0) {
		s->first_small = lmhosts_files_place(s->files, &file);
	}
}

/* ---- the reader ---- */

static void end_lines(struct lmhosts *s)
{
	s->ended = true;
	s->next = RB_MIN(gathered_tree, &s->tree);
	if (s->small > 0) {
		tally_remark(s->tally, "%llu tags in small letters are "
			     "comments, as they are to Windows; the first is "
			     "in line %llu", (unsigned long long)s->small,
			     (unsigned long long)s->first_small);
	}
}

/* Lines, until one of them gives rows. 1, 0: no more, -1, or -2: refused. */
static int read_lines(struct lmhosts *s, char **message)
{
	while (s->given == s->queued) {
		struct lmhosts_line line;
		struct piece raw = { NULL, 0 };
		const char *file = NULL;
		int ret = lmhosts_files_next(s->files, &line, &raw, message);

		if (ret != 1) {
			return ret;
		}
		if (line.small_letters) {
			note_small(s);
		}
		if (line.wrong != NULL) {
			uint64_t place = lmhosts_files_place(s->files, &file);

			tally_refused(s->tally, NULL, raw.at, raw.len, place,
				      line.wrong, file);
			return -2;
		}
		if (!take_entry(s, &line)) {
			*message = talloc_asprintf(s, "more than %u groups and "
				"multihomed names", GATHERED_MAX);
			return -1;
		}
	}
	return 1;
}

static enum format_step lmhosts_next(void *priv, struct row *row,
				     char **message)
{
	struct lmhosts *s = talloc_get_type_abort(priv, struct lmhosts);
	int ret = s->ended ? 0 : read_lines(s, message);

	if (ret < 0) {
		return ret == -2 ? FORMAT_SKIPPED : FORMAT_FAILED;
	}
	if (ret == 1) {
		*row = s->queue[s->given++];
		return FORMAT_ROW;
	}
	if (!s->ended) {
		end_lines(s);
	}
	if (s->next == NULL) {
		return FORMAT_END;
	}
	give_gathered(s->next, row);
	s->next = RB_NEXT(gathered_tree, &s->tree, s->next);
	return FORMAT_ROW;
}

static int lmhosts_put(void *priv, const struct row *row, char **message)
{
	struct lmhosts *s = talloc_get_type_abort(priv, struct lmhosts);

	return lmhosts_out_put(s->out, row, message);
}

static int lmhosts_close(void *priv, char **message)
{
	struct lmhosts *s = talloc_get_type_abort(priv, struct lmhosts);

	return s->out == NULL ? 0 : lmhosts_out_end(s->out, message);
}

const struct format_ops format_lmhosts = {
	.name = "lmhosts",
	.title = "LMHOSTS, with its directives",
	.flags = FORMAT_READS | FORMAT_WRITES,
	.carries = ROW_TYPE | ROW_STATIC | ROW_RAW_NAMES,
	.loss = "no normal groups; all its records are static",
	.probe = lmhosts_probe,
	.open = lmhosts_open,
	.next = lmhosts_next,
	.put = lmhosts_put,
	.close = lmhosts_close,
};
