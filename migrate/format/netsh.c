/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks that `netsh wins server show name` prints, one for each name that
 * was asked for (formats.md 2.2, microsoft-wins.md 7.2):
 *
 *   Name                  : PRINTSRV1      [20h]
 *   State                 : ACTIVE
 *   Version No            : 0 2f41
 *   IP Address            : 192.0.2.83
 *
 * A block goes from its Name to the next one. Labels are matched to their
 * letter and the ones that are not known passed over, as the tool got new
 * ones over the years; a block that lacks State or Type of Rec is refused, as
 * it is then in another language. The date is in the locale of the host and
 * not read. Names are bytes of the console's code page.
 */
#include <errno.h>
#include <string.h>

#include "migrate/format/wintext.h"
#include "migrate/formats.h"

#define RAW_MAX 4096

struct netsh {
	struct wintext source;
	bool in_block;
	const char *wrong;		/* with the block */
	bool has_type, has_state;
	struct row row;
	size_t raw_len;
	char raw[RAW_MAX];		/* the block's lines, for a refusal */
	uint64_t blocks;
	uint64_t absent;		/* names that were asked for in vain */
};

static int netsh_probe(const struct format_head *head)
{
	char text[WINTEXT_HEAD];
	struct piece all = { text, wintext_head(head, text) };
	struct piece name = { NULL, 0 }, behind = { NULL, 0 };
	uint8_t suffix = 0;
	unsigned int labels = 0;

	while (all.len > 0) {
		struct piece line = piece_until(all, '\n', &all);
		struct piece value = { NULL, 0 };
		struct piece label = piece_trim(piece_until(line, ':', &value));

		labels += piece_is(label, "Type of Rec") ||
			  piece_is(label, "Version No") ||
			  piece_is(label, "NodeType");
		labels += piece_is(label, "Name") &&
			  wintext_suffix(value, &name, &suffix, &behind);
	}
	return labels > 2 ? 95 : labels > 1 ? 60 : 0;
}

static int netsh_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		      bool writing, void **priv, char **message)
{
	struct netsh *s = talloc_zero(mem_ctx, struct netsh);

	(void)writing;
	*priv = s;
	return s == NULL ? ENOMEM :
	       wintext_open(s, end, TEXT_BYTES, &s->source, message);
}

/* ---- the lines of a block; each returns NULL or what is wrong ---- */

/* The name stands behind one blank, and may begin with one itself. */
static const char *take_name(struct netsh *s, struct piece value)
{
	struct piece behind = { NULL, 0 };
	uint8_t suffix = 0;

	if (piece_begins(value, " ")) {
		value = piece_skip(value, 1);
	}
	while (piece_begins(value, "\t")) {
		value = piece_skip(value, 1);
	}
	if (!wintext_suffix(value, &value, &suffix, &behind) ||
	    piece_trim(behind).len > 0) {
		return "Name does not end with a suffix such as [20h]";
	}
	while (value.len > NB_NAME_MAX && value.at[value.len - 1] == ' ') {
		value.len--;
	}
	while (value.len > NB_NAME_MAX && value.at[0] == ' ') {
		value = piece_skip(value, 1);
	}
	return wintext_name(value, suffix, &s->row.rec.name,
			    &s->row.changed) ? NULL :
	       "Name has more than 15 bytes, or letters that are not in code "
	       "page 850";
}

static const char *take_node(struct netsh *s, struct piece value)
{
	uint64_t node = 0;

	if (!piece_decimal(value, NB_H_NODE, &node)) {
		return "NodeType is not 0 to 3";
	}
	s->row.rec.node = (uint8_t)node;
	s->row.known |= ROW_NODE;
	return NULL;
}

static const char *take_state(struct netsh *s, struct piece value)
{
	s->has_state = true;
	s->row.known |= ROW_STATE;
	return wintext_state(value, &s->row.rec.state) ? NULL :
	       "State is not ACTIVE, RELEASED or TOMBSTONE";
}

static const char *take_type(struct netsh *s, struct piece value)
{
	static const struct {
		const char *word;
		uint8_t type;
	} words[] = {
		{ "unique", NB_UNIQUE },
		{ "group", NB_GROUP },
		{ "normal group", NB_GROUP },
		{ "internet group", NB_SGROUP },
		{ "special group", NB_SGROUP },
		{ "domain name", NB_SGROUP },
		{ "multihomed", NB_MHOMED },
	};

	s->has_type = true;
	s->row.known |= ROW_TYPE;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (piece_is(value, words[i].word)) {
			s->row.rec.type = words[i].type;
			return NULL;
		}
	}
	return "Type of Rec is no word that is known";
}

static const char *take_version(struct netsh *s, struct piece value)
{
	s->row.known |= ROW_VERSION;
	return wintext_version(value, &s->row.rec.version) ? NULL :
	       "Version No is not two hexadecimal numbers";
}

static const char *take_static(struct netsh *s, struct piece value)
{
	s->row.known |= ROW_STATIC;
	s->row.rec.is_static = piece_is(value, "static");
	return s->row.rec.is_static || piece_is(value, "dynamic") ? NULL :
	       "RecordType is neither STATIC nor DYNAMIC";
}

static const char *take_address(struct netsh *s, struct piece value)
{
	uint32_t ip = 0;

	if (!piece_address(value, &ip)) {
		return "IP Address is none";
	}
	wintext_member(&s->row, ip, 0);
	return NULL;
}

static const struct {
	const char *label;
	const char *(*take)(struct netsh *s, struct piece value);
} labels[] = {
	{ "NodeType", take_node },
	{ "Node Type", take_node },
	{ "State", take_state },
	{ "Type of Rec", take_type },
	{ "Version No", take_version },
	{ "RecordType", take_static },
	{ "Record Type", take_static },
	{ "IP Address", take_address },
};

/* ---- blocks ---- */

static void keep_raw(struct netsh *s, struct piece line)
{
	if (s->raw_len + line.len + 1 <= RAW_MAX) {
		memcpy(s->raw + s->raw_len, line.at, line.len);
		s->raw_len += line.len;
		s->raw[s->raw_len++] = '\n';
	}
}

static void begin_block(struct netsh *s, struct piece value)
{
	s->row = (struct row) { .kind = ROW_RECORD, .place = s->source.place };
	s->row.rec.node = NB_H_NODE;
	s->in_block = true;
	s->blocks++;
	s->has_type = s->has_state = false;
	s->raw_len = 0;
	s->wrong = take_name(s, value);
}

/* What stands between the blocks, or in one under a label we do not know. */
static void take_line(struct netsh *s, struct piece line)
{
	struct piece value = { NULL, 0 };
	struct piece label = piece_trim(piece_until(line, ':', &value));
	const char *wrong = NULL;

	if (piece_has(line, "does not exist in the WINS database")) {
		s->absent++;
	}
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (s->in_block && piece_is(label, labels[i].label)) {
			wrong = labels[i].take(s, piece_trim(value));
		}
	}
	if (s->wrong == NULL) {
		s->wrong = wrong;
	}
}

static enum format_step end_block(struct netsh *s, struct row *row)
{
	struct piece raw = { s->raw, s->raw_len };

	s->in_block = false;
	if (s->wrong == NULL && (!s->has_state || !s->has_type)) {
		s->wrong = "no State or Type of Rec: netsh must speak English";
	}
	if (s->wrong == NULL) {
		s->wrong = wintext_settle(&s->row);
	}
	if (s->wrong != NULL) {
		s->source.place = s->row.place;
		return wintext_refuse(&s->source, raw, s->wrong, NULL);
	}
	*row = s->row;
	return FORMAT_ROW;
}

static enum format_step end_all(struct netsh *s, char **message)
{
	if (s->blocks == 0 && s->absent == 0) {
		*message = talloc_strdup(s, "no line 'Name : NAME [20h]' was "
			"found; let netsh speak English (chcp 437, an English "
			"user), or pull from the server: wrepl://ADDRESS");
		return FORMAT_FAILED;
	}
	if (s->absent > 0) {
		tally_remark(s->source.tally, "%llu names were asked for that "
			     "the server did not have",
			     (unsigned long long)s->absent);
	}
	return FORMAT_END;
}

static enum format_step netsh_next(void *priv, struct row *row,
				   char **message)
{
	struct netsh *s = talloc_get_type_abort(priv, struct netsh);
	struct piece line = { NULL, 0 };
	int ret = 0;

	while ((ret = wintext_line(&s->source, &line, message)) == 1) {
		struct piece value = { NULL, 0 };
		struct piece label = piece_until(line, ':', &value);
		bool begins = piece_is(piece_trim(label), "Name");
		enum format_step step = FORMAT_END;

		if (begins && s->in_block) {
			uint64_t place = s->source.place;

			step = end_block(s, row);
			s->source.place = place;
		}
		if (begins) {
			begin_block(s, value);
		} else {
			take_line(s, line);
		}
		keep_raw(s, line);
		if (step != FORMAT_END) {
			return step;
		}
	}
	if (ret < 0) {
		return FORMAT_FAILED;
	}
	return s->in_block ? end_block(s, row) : end_all(s, message);
}

const struct format_ops format_netsh = {
	.name = "netsh",
	.title = "what netsh wins server show name prints",
	.flags = FORMAT_READS,
	.carries = ROW_TYPE | ROW_STATE | ROW_STATIC | ROW_NODE |
		   ROW_VERSION | ROW_RAW_NAMES,
	.loss = "the owner is not printed; times follow the locale and are "
		"not read",
	.probe = netsh_probe,
	.open = netsh_open,
	.next = netsh_next,
	.close = wintext_close,
};
