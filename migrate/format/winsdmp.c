/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What WINSDMP of the resource kit prints (formats.md 4; Q142302, Q169216):
 *
 *   owner,"name, padded",byte16,length,type,state,verHi,verLo,static,time,
 *   count,address[,address...]
 *
 * one record a line, numbers in decimal. The name is whatever bytes it has,
 * quotes and commas among them, and nothing is escaped: so a line is read from
 * its end. Behind the last quote there are only numbers and addresses. A line
 * feed in a name is met by joining lines that are no record by themselves.
 *
 * Not in public documents, and therefore read with care: whether the list of
 * an internet group is of members or of pairs (owner, member). It is taken for
 * pairs when all that would be owners are known as such or one of them stands
 * twice, and such records are counted as changed. Whether time is UTC.
 */
#include <errno.h>
#include <string.h>

#include "migrate/format/wintext.h"
#include "migrate/formats.h"

#define OWNERS_MAX	256
#define LIST_MAX	(2 * NB_MEMBERS_MAX)
#define NAME_END	16	/* a name has 15 bytes, and its quote */
#define JOINED_MAX	4096	/* a line with 50 addresses has less */
#define NEVER		0x7fffffff
#define PAIRS "addresses read as pairs of owner and member"

struct winsdmp {
	struct wintext source;
	unsigned int owners;
	uint32_t owner[OWNERS_MAX];
	char *held;		/* a line that was read too early, or NULL */
	struct piece line;	/* of it */
	uint64_t held_place;
	size_t joined_len;
	char joined[JOINED_MAX];
};

/* The numbers behind the name, in their order. */
enum { BYTE16, LENGTH, TYPE, STATE, HIGH, LOW, STATIC, TIME, COUNT, NUMBERS };

struct entry {
	uint32_t owner;
	struct piece name;
	uint64_t number[NUMBERS];
	unsigned int listed;
	uint32_t list[LIST_MAX];
	bool more;		/* addresses than have room here */
};

static int winsdmp_probe(const struct format_head *head)
{
	char text[WINTEXT_HEAD];
	struct piece rest = { text, wintext_head(head, text) };
	uint32_t owner = 0;

	while (rest.len > 0) {
		struct piece line = piece_until(rest, '\n', &rest);
		struct piece behind = { NULL, 0 };

		if (piece_address(piece_until(line, ',', &behind), &owner) &&
		    piece_begins(behind, "\"")) {
			return 95;
		}
	}
	return 0;
}

static int winsdmp_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
			bool writing, void **priv, char **message)
{
	struct winsdmp *s = talloc_zero(mem_ctx, struct winsdmp);

	(void)writing;
	*priv = s;
	return s == NULL ? ENOMEM :
	       wintext_open(s, end, TEXT_BYTES, &s->source, message);
}

/* ---- a line ---- */

/* A number; what was printed as a signed 32-bit one is put right. */
static bool take_number(struct piece text, uint64_t *number)
{
	text = piece_trim(text);
	if (!piece_begins(text, "-")) {
		return piece_decimal(text, UINT32_MAX, number);
	}
	if (!piece_decimal(piece_skip(text, 1), 1u << 31, number)) {
		return false;
	}
	*number = (0u - *number) & UINT32_MAX;
	return true;
}

static const char *take_list(struct piece rest, struct entry *e)
{
	while (rest.len > 0) {
		struct piece text = piece_trim(piece_until(rest, ',', &rest));
		uint32_t ip = 0;

		if (text.len == 0 && rest.len == 0) {
			break;
		}
		if (!piece_address(text, &ip)) {
			return "an address is none";
		}
		if (e->listed == LIST_MAX) {
			e->more = true;
		} else {
			e->list[e->listed++] = ip;
		}
		e->number[COUNT]--;
	}
	return e->number[COUNT] == 0 ? NULL :
	       "the number of addresses is another than the line says";
}

/* Take the line apart. NULL, or why it is no record. */
static const char *take_apart(struct piece line, struct entry *e)
{
	struct piece rest = { NULL, 0 };
	struct piece owner = piece_until(line, ',', &rest);
	const char *end = NULL;

	*e = (struct entry) { .owner = 0 };
	if (!piece_address(piece_trim(owner), &e->owner) ||
	    !piece_begins(rest, "\"")) {
		return "not owner,\"name\",numbers";
	}
	rest = piece_skip(rest, 1);
	end = rest.len == 0 ? NULL : memrchr(rest.at, '"', rest.len);
	if (end == NULL) {
		return "the name has no end";
	}
	e->name = (struct piece) { rest.at, (size_t)(end - rest.at) };
	rest = piece_skip(rest, e->name.len + 1);
	if (!piece_begins(rest, ",")) {
		return "no numbers behind the name";
	}
	rest = piece_skip(rest, 1);
	for (unsigned int i = 0; i < NUMBERS; i++) {
		if (!take_number(piece_until(rest, ',', &rest),
				 &e->number[i])) {
			return "a number is none";
		}
	}
	return take_list(rest, e);
}

/* ---- from an entry to a record ---- */

/*
 * The length counts byte 16 and a NUL: 17 without a scope. A longer name has
 * its scope behind a dot, and may or may not have byte 16 before that.
 */
static const char *take_name(const struct entry *e, struct nb_record *rec)
{
	uint8_t suffix = (uint8_t)e->number[BYTE16];
	struct piece scope = piece_skip(e->name, NB_NAME_MAX);
	size_t len = e->name.len - scope.len;

	if (e->number[BYTE16] > 255) {
		return "byte 16 is above 255";
	}
	rec->name = nb_name_make(e->name.at, len, suffix);
	if (scope.len > 0 && (uint8_t)scope.at[0] == suffix &&
	    (scope.len == 1 || scope.at[1] == '.')) {
		scope = piece_skip(scope, 1);
	}
	if (scope.len == 0) {
		return NULL;
	}
	if (e->number[LENGTH] <= 17 || scope.at[0] != '.' ||
	    !nb_name_set_scope(&rec->name, scope.at + 1, scope.len - 1)) {
		return "the name is longer than 15 bytes";
	}
	return NULL;
}

static bool is_owner(const struct winsdmp *s, uint32_t ip)
{
	unsigned int i = 0;

	while (i < s->owners && s->owner[i] != ip) {
		i++;
	}
	return i < s->owners;
}

static void learn_owner(struct winsdmp *s, uint32_t ip)
{
	if (!is_owner(s, ip) && s->owners < OWNERS_MAX) {
		s->owner[s->owners++] = ip;
	}
}

static bool are_pairs(const struct winsdmp *s, const struct entry *e)
{
	bool known = true, twice = false;

	if (e->number[TYPE] != NB_SGROUP || e->listed == 0 ||
	    e->listed % 2 != 0) {
		return false;
	}
	for (unsigned int i = 0; i < e->listed; i += 2) {
		known &= is_owner(s, e->list[i]);
		for (unsigned int j = 0; j < i; j += 2) {
			twice |= e->list[i] == e->list[j];
		}
	}
	return known || twice;
}

static void take_members(const struct winsdmp *s, const struct entry *e,
			 struct row *row)
{
	unsigned int step = are_pairs(s, e) ? 2 : 1;

	row->changed = e->more ? WINTEXT_TOO_MANY : step == 2 ? PAIRS : NULL;
	row->known |= step == 2 ? ROW_MEMBER_OWNERS : 0;
	for (unsigned int i = 0; i < e->listed; i += step) {
		uint32_t ip = e->list[i + step - 1];
		uint32_t owner = step == 2 ? e->list[i] : row->rec.owner;

		wintext_member(row, ip, owner);
	}
}

static void take_time(const struct entry *e, struct row *row)
{
	uint64_t time = e->number[TIME];

	if (row->rec.is_static && row->rec.state == NB_ACTIVE) {
		row->known |= ROW_EXPIRES;
	} else if (time > 0 && time < NEVER) {
		row->known |= ROW_EXPIRES;
		row->rec.expires = (int64_t)time;
	}
}

static const char *take_record(struct winsdmp *s, const struct entry *e,
			       struct row *row)
{
	struct nb_record *rec = &row->rec;
	const char *wrong = take_name(e, rec);

	if (wrong != NULL) {
		return wrong;
	}
	if (e->number[TYPE] > NB_MHOMED || e->number[STATE] > NB_TOMBSTONE) {
		return "type or state is out of range";
	}
	rec->type = (uint8_t)e->number[TYPE];
	rec->state = (uint8_t)e->number[STATE];
	rec->node = NB_H_NODE;
	rec->is_static = e->number[STATIC] != 0;
	rec->version = e->number[HIGH] << 32 | e->number[LOW];
	rec->owner = e->owner != 0 ? e->owner : s->source.options->owner_zero;
	row->known = ROW_TYPE | ROW_STATE | ROW_STATIC | ROW_VERSION |
		     ROW_SCOPE | ROW_RAW_NAMES;
	if (rec->owner != 0) {
		row->known |= ROW_OWNER;
		learn_owner(s, rec->owner);
	}
	take_members(s, e, row);
	take_time(e, row);
	return wintext_settle(row);
}

/* ---- the reader ---- */

static int take_line(struct winsdmp *s, struct piece *line, char **message)
{
	if (s->held == NULL) {
		return wintext_line(&s->source, line, message);
	}
	*line = (struct piece) { s->held, s->line.len };
	s->source.place = s->held_place;
	s->held = NULL;		/* stays where it is until the next one */
	return 1;
}

/* Keep a line for the next round. */
static int hold(struct winsdmp *s, struct piece line)
{
	char *copy = talloc_memdup(s, line.at, line.len + 1);

	if (copy == NULL) {
		return -1;
	}
	talloc_free((void *)(uintptr_t)s->line.at);
	s->held = copy;
	s->held_place = text_number(s->source.text);
	s->line = (struct piece) { copy, line.len };
	return 0;
}

/* Does the line end within a name that may have more bytes? */
static bool is_open(struct piece line)
{
	struct piece rest = { NULL, 0 };
	uint32_t owner = 0;

	return piece_address(piece_until(line, ',', &rest), &owner) &&
	       piece_begins(rest, "\"") && rest.len <= NAME_END &&
	       memchr(rest.at + 1, '"', rest.len - 1) == NULL;
}

static void append(struct winsdmp *s, struct piece line)
{
	memcpy(s->joined + s->joined_len, line.at, line.len);
	s->joined_len += line.len;
}

/*
 * A name that has a line feed in it goes on in the next line. A line that was
 * cut off looks the same, which is why one that is a record by itself is held
 * back. 1: the entry is whole, 0: it is none, -1 after a message.
 */
static int join(struct winsdmp *s, struct piece *line, struct entry *e,
		char **message)
{
	s->joined_len = 0;
	append(s, *line);
	do {
		char *text = NULL;
		struct piece next = { NULL, 0 };
		int ret = text_line(s->source.text, &text, &next.len,
				    message);

		*line = (struct piece) { s->joined, s->joined_len };
		if (ret != 1) {
			return ret;
		}
		next.at = text;
		if (take_apart(next, e) == NULL ||
		    s->joined_len + 1 + next.len > JOINED_MAX) {
			return hold(s, next);
		}
		append(s, (struct piece) { "\n", 1 });
		append(s, next);
		*line = (struct piece) { s->joined, s->joined_len };
		if (take_apart(*line, e) == NULL) {
			return 1;
		}
	} while (is_open(*line));
	return 0;
}

static enum format_step winsdmp_next(void *priv, struct row *row,
				     char **message)
{
	struct winsdmp *s = talloc_get_type_abort(priv, struct winsdmp);
	struct piece line = { NULL, 0 };
	const char *wrong = NULL;
	struct entry e;
	int ret = take_line(s, &line, message);

	if (ret != 1) {
		return ret == 0 ? FORMAT_END : FORMAT_FAILED;
	}
	*row = (struct row) { .kind = ROW_RECORD, .place = s->source.place };
	wrong = take_apart(line, &e);
	if (wrong != NULL && is_open(line)) {
		ret = join(s, &line, &e, message);
		wrong = ret == 1 ? NULL : wrong;
	}
	if (ret == -1) {
		return FORMAT_FAILED;
	}
	if (wrong == NULL) {
		wrong = take_record(s, &e, row);
	}
	return wrong == NULL ? FORMAT_ROW :
	       wintext_refuse(&s->source, line, wrong, NULL);
}

const struct format_ops format_winsdmp = {
	.name = "winsdmp",
	.title = "what WINSDMP of the Windows resource kit prints",
	.flags = FORMAT_READS,
	.carries = ROW_ALL & ~(ROW_NODE | ROW_MEMBER_EXPIRES),
	.loss = "whether its times are UTC is not documented",
	.probe = winsdmp_probe,
	.open = winsdmp_open,
	.next = winsdmp_next,
	.close = wintext_close,
};
