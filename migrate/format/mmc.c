/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "Export List" of the WINS console (formats.md 3, microsoft-wins.md 7.1): a
 * line of column titles, then a record a line, separated by tabs or commas,
 * in Unicode or in the code page of the console's host.
 *
 * The columns are those that the view showed, in its order, so they are found
 * by their titles. The titles are known in five languages as far as their
 * plain words go; where a needed one is not found the file is refused, for a
 * guess would put addresses where owners belong. The same holds for the words
 * of the State column: a row with an unknown one is refused, not taken for
 * active. Nothing is quoted, so a name may have commas in it: the [20h] of the
 * Type column tells where it ends. Dates follow the host's locale and are not
 * read. A type by its suffix is all that there is, unless the text behind it
 * speaks of a group.
 */
#include <errno.h>
#include <string.h>

#include "migrate/format/wintext.h"
#include "migrate/formats.h"

#define FIELDS_MAX 32

enum column { NAME, TYPE, ADDRESS, STATE, STATIC, OWNER, VERSION, COLUMNS };

struct mmc {
	struct wintext source;
	char delimiter;
	unsigned int titles;		/* columns of the file */
	int at[COLUMNS];		/* where it stands; -1: nowhere */
	uint64_t groups;		/* that may be incomplete */
	uint64_t unknown;		/* <00> that may be groups */
};

static const struct {
	const char *title;
	enum column column;
} titles[] = {
	{ "record name", NAME },
	{ "datensatzname", NAME },
	{ "eintragsname", NAME },
	{ "nom d'enregistrement", NAME },
	{ "nom de l'enregistrement", NAME },
	{ "recordnaam", NAME },
	{ "nombre de registro", NAME },
	{ "nombre del registro", NAME },
	{ "type", TYPE },
	{ "typ", TYPE },
	{ "tipo", TYPE },
	{ "ip address", ADDRESS },
	{ "ip-adresse", ADDRESS },
	{ "adresse ip", ADDRESS },
	{ "ip-adres", ADDRESS },
	{ "direcci\xc3\xb3n ip", ADDRESS },
	{ "state", STATE },
	{ "status", STATE },
	{ "\xc3\xa9tat", STATE },
	{ "\xc3\x89tat", STATE },
	{ "etat", STATE },
	{ "estado", STATE },
	{ "static", STATIC },
	{ "statisch", STATIC },
	{ "statique", STATIC },
	{ "est\xc3\xa1tico", STATIC },
	{ "owner", OWNER },
	{ "besitzer", OWNER },
	{ "propri\xc3\xa9taire", OWNER },
	{ "eigenaar", OWNER },
	{ "propietario", OWNER },
	{ "version", VERSION },
	{ "versie", VERSION },
	{ "versi\xc3\xb3n", VERSION },
};

/* ---- fields of a line ---- */

struct fields {
	unsigned int count;
	struct piece field[FIELDS_MAX];
};

/* Only in a file with commas: with tabs nothing is quoted. */
static struct piece unquoted(struct piece field, char delimiter)
{
	if (delimiter != '\t' && field.len > 1 && field.at[0] == '"' &&
	    field.at[field.len - 1] == '"') {
		field = (struct piece) { field.at + 1, field.len - 2 };
	}
	return field;
}

/*
 * The length of the next field: to the delimiter, or, where it is in quotes,
 * behind those. A name may begin with one that has no end.
 */
static size_t field_len(struct piece line, char delimiter)
{
	struct piece rest = { NULL, 0 };
	size_t len = piece_until(line, delimiter, &rest).len;

	if (delimiter == '\t' || line.len == 0 || line.at[0] != '"') {
		return len;
	}
	for (size_t i = 1; i < line.len; i++) {
		if (line.at[i] == '"' && (i + 1 == line.len ||
					  line.at[i + 1] == delimiter)) {
			return i + 1;
		}
	}
	return len;
}

/* Split; what is more than there is room for stays with the last one. */
static void split(struct piece line, char delimiter, struct fields *fields)
{
	fields->count = 0;
	for (bool more = true; more && fields->count < FIELDS_MAX;) {
		struct piece field = line;

		if (fields->count < FIELDS_MAX - 1) {
			field.len = field_len(line, delimiter);
		}
		more = field.len < line.len;
		fields->field[fields->count++] = field;
		line = piece_skip(line, field.len + 1);
	}
}

/* Fields first to last become one again, with what stood between them. */
static void join(struct fields *fields, unsigned int first, unsigned int last)
{
	const char *end = fields->field[last].at + fields->field[last].len;

	fields->field[first].len = (size_t)(end - fields->field[first].at);
	memmove(&fields->field[first + 1], &fields->field[last + 1],
		(fields->count - last - 1) * sizeof(fields->field[0]));
	fields->count -= last - first;
}

/* ---- the titles ---- */

static int title_column(struct piece title, char delimiter)
{
	title = unquoted(piece_trim(title), delimiter);
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		if (piece_is(title, titles[i].title)) {
			return (int)titles[i].column;
		}
	}
	return -1;
}

/* The delimiter that makes most columns of a line of titles. */
static char best_delimiter(struct piece line)
{
	static const char delimiters[] = "\t,;";
	struct fields fields;
	unsigned int most = 0;
	char best = '\t';

	for (const char *p = delimiters; *p != '\0'; p++) {
		split(line, *p, &fields);
		if (fields.count > most) {
			most = fields.count;
			best = *p;
		}
	}
	return best;
}

/* How many of the columns that we know are there? Where: at[]. */
static unsigned int find_columns(struct piece line, char delimiter,
				 int at[COLUMNS], unsigned int *count)
{
	struct fields fields;
	unsigned int found = 0;

	for (unsigned int i = 0; i < COLUMNS; i++) {
		at[i] = -1;
	}
	split(line, delimiter, &fields);
	*count = fields.count;
	for (unsigned int i = 0; i < fields.count; i++) {
		int column = title_column(fields.field[i], delimiter);

		if (column >= 0 && at[column] < 0) {
			at[column] = (int)i;
			found++;
		}
	}
	return found;
}

static bool has_needed(const int at[COLUMNS])
{
	return at[NAME] >= 0 && at[TYPE] >= 0 && at[ADDRESS] >= 0;
}

static int mmc_probe(const struct format_head *head)
{
	char text[WINTEXT_HEAD];
	struct piece line = { text, wintext_head(head, text) };
	unsigned int count = 0, found = 0;
	int at[COLUMNS];

	line = piece_until(line, '\n', &line);
	line = piece_until(line, '\r', &(struct piece) { NULL, 0 });
	found = find_columns(line, best_delimiter(line), at, &count);
	return has_needed(at) ? 95 : found > 2 ? 60 : 0;
}

static int read_titles(struct mmc *s, TALLOC_CTX *mem_ctx, char **message)
{
	struct piece line = { NULL, 0 };
	int ret = wintext_line(&s->source, &line, message);

	if (ret < 0) {
		*message = talloc_strdup(mem_ctx, *message);
		return EINVAL;
	}
	s->delimiter = best_delimiter(line);
	(void)find_columns(line, s->delimiter, s->at, &s->titles);
	if (has_needed(s->at)) {
		s->source.head = talloc_asprintf(s, "%.*s\n", (int)line.len,
						 line.at);
		return s->source.head == NULL ? ENOMEM : 0;
	}
	*message = talloc_asprintf(mem_ctx, "line %llu: the columns Record "
		"Name, Type and IP Address are not among its titles; show "
		"them in the console before Export List, and use it in "
		"English if its language is not known here",
		(unsigned long long)s->source.place);
	return EINVAL;
}

static int mmc_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		    bool writing, void **priv, char **message)
{
	struct mmc *s = talloc_zero(mem_ctx, struct mmc);
	int ret = s == NULL ? ENOMEM :
		  wintext_open(s, end, TEXT_CHARACTERS, &s->source, message);

	(void)writing;
	*priv = s;
	return ret != 0 ? ret : read_titles(s, mem_ctx, message);
}

/* ---- a row ---- */

static struct piece field_of(const struct mmc *s, const struct fields *fields,
			     enum column column)
{
	int at = s->at[column];

	return at < 0 || (unsigned int)at >= fields->count ?
		       (struct piece) { "", 0 } :
		       piece_trim(unquoted(fields->field[at],
					   s->delimiter));
}

/* As long as there is a field too many, an address belongs to the last one. */
static void mend_addresses(const struct mmc *s, struct fields *fields)
{
	unsigned int at = (unsigned int)s->at[ADDRESS];
	uint32_t ip = 0;

	while (fields->count > s->titles && at + 1 < fields->count &&
	       piece_address(piece_trim(fields->field[at + 1]), &ip)) {
		join(fields, at, at + 1);
	}
}

/* Put a name with delimiters in it together again. */
static void mend_name(const struct mmc *s, struct fields *fields)
{
	unsigned int type = (unsigned int)s->at[TYPE];
	struct piece name = { NULL, 0 }, behind = { NULL, 0 };
	uint8_t suffix = 0;
	unsigned int i = type;

	while (i < fields->count &&
	       !wintext_suffix(fields->field[i], &name, &suffix, &behind)) {
		i++;
	}
	if (i < fields->count && i > type && s->at[NAME] < s->at[TYPE]) {
		unsigned int first = (unsigned int)s->at[NAME];

		join(fields, first, first + i - type);
	}
}

static bool says_group(struct piece label)
{
	return piece_has(label, "group") || piece_has(label, "grupp") ||
	       piece_has(label, "groep") || piece_has(label, "grupo");
}

/* By the label behind the suffix where it helps, else by the suffix. */
static void take_type(struct mmc *s, struct piece label, struct row *row)
{
	struct nb_record *rec = &row->rec;

	rec->type = wintext_type(&rec->name, rec->count);
	if (piece_has(label, "multihomed")) {
		rec->type = NB_MHOMED;
		row->known |= ROW_TYPE;
	} else if (piece_has(label, "internet group")) {
		rec->type = NB_SGROUP;
		row->known |= ROW_TYPE;
	} else if (says_group(label) && rec->type != NB_SGROUP) {
		rec->type = rec->count > 1 ? NB_SGROUP : NB_GROUP;
		row->known |= ROW_TYPE;
	} else if (rec->name.type == 0x00 && label.len == 0) {
		s->unknown++;
	}
	s->groups += rec->type == NB_SGROUP || rec->type == NB_MHOMED;
}

/* One address or several, with commas or blanks between them. */
static const char *take_addresses(struct piece text, struct row *row)
{
	while (text.len > 0) {
		size_t len = 0;
		uint32_t ip = 0;

		while (len < text.len &&
		       memchr(", ;\"", text.at[len], 4) == NULL) {
			len++;
		}
		if (len > 0 &&
		    !piece_address((struct piece) { text.at, len }, &ip)) {
			return "IP Address is none";
		}
		if (len > 0) {
			wintext_member(row, ip, 0);
		}
		text = piece_skip(text, len + 1);
	}
	return NULL;
}

static bool take_state(struct piece word, uint8_t *state)
{
	static const char *const active[] = { "aktiv", "actif", "actief",
					      "activo" };

	for (size_t i = 0; i < sizeof(active) / sizeof(active[0]); i++) {
		if (piece_is(word, active[i])) {
			*state = NB_ACTIVE;
			return true;
		}
	}
	return wintext_state(word, state);
}

static void take_owner(struct mmc *s, struct piece text, struct row *row)
{
	uint32_t owner = 0;

	if (text.len > 0 && !piece_address(text, &owner)) {
		row->changed = "owner is no address, left out";
	}
	if (text.len > 0 && owner == 0) {
		owner = s->source.options->owner_zero;
	}
	row->rec.owner = owner;
	row->known |= owner != 0 ? ROW_OWNER : 0;
	for (unsigned int i = 0; i < row->rec.count; i++) {
		row->rec.member[i].owner = owner;
	}
}

static const char *take_rest(struct mmc *s, const struct fields *fields,
			     struct row *row)
{
	struct piece state = field_of(s, fields, STATE);
	struct piece mark = field_of(s, fields, STATIC);
	struct piece version = field_of(s, fields, VERSION);

	if (s->at[STATE] >= 0) {
		row->known |= ROW_STATE;
		if (!take_state(state, &row->rec.state)) {
			return "State is no word that is known";
		}
	}
	if (s->at[STATIC] >= 0) {
		row->known |= ROW_STATIC;
		row->rec.is_static = mark.len > 0;
	}
	if (mark.len > 0 && !piece_is(mark, "x")) {
		return "Static is neither empty nor x";
	}
	if (version.len > 0) {
		row->known |= ROW_VERSION;
		if (!wintext_version(version, &row->rec.version)) {
			return "Version is no hexadecimal number";
		}
	}
	return NULL;
}

static const char *take_record(struct mmc *s, struct fields *fields,
			       struct row *row)
{
	struct piece name = { NULL, 0 }, none = { NULL, 0 };
	struct piece label = { NULL, 0 };
	const char *wrong = NULL;
	uint8_t suffix = 0;

	mend_name(s, fields);
	mend_addresses(s, fields);
	name = unquoted(fields->field[s->at[NAME]], s->delimiter);
	if (!wintext_suffix(field_of(s, fields, TYPE), &none, &suffix,
			    &label)) {
		return "Type does not begin with a suffix such as [20h]";
	}
	if (!wintext_name(name, suffix, &row->rec.name, &row->changed)) {
		return "Record Name has more than 15 bytes, or letters that "
		       "are not in code page 850";
	}
	row->rec.node = NB_H_NODE;
	wrong = take_addresses(field_of(s, fields, ADDRESS), row);
	if (wrong == NULL) {
		wrong = take_rest(s, fields, row);
	}
	if (wrong != NULL) {
		return wrong;
	}
	take_type(s, piece_trim(label), row);
	take_owner(s, field_of(s, fields, OWNER), row);
	return wintext_settle(row);
}

static void remark(struct mmc *s)
{
	if (s->groups > 0) {
		tally_remark(s->source.tally, "%llu groups and multihomed "
			     "names may lack members: the console does not "
			     "show all addresses in every release; compare "
			     "them with a pull (wrepl://ADDRESS)",
			     (unsigned long long)s->groups);
	}
	if (s->unknown > 0) {
		tally_remark(s->source.tally, "%llu names <00> came in as "
			     "hosts: the list does not say which of them are "
			     "groups", (unsigned long long)s->unknown);
	}
	s->groups = s->unknown = 0;
}

static enum format_step mmc_next(void *priv, struct row *row, char **message)
{
	struct mmc *s = talloc_get_type_abort(priv, struct mmc);
	struct piece line = { NULL, 0 };
	const char *wrong = NULL;
	struct fields fields;
	int ret = wintext_line(&s->source, &line, message);

	if (ret != 1) {
		remark(s);
		return ret == 0 ? FORMAT_END : FORMAT_FAILED;
	}
	*row = (struct row) { .kind = ROW_RECORD, .place = s->source.place };
	split(line, s->delimiter, &fields);
	wrong = (unsigned int)s->at[NAME] >= fields.count ?
		"there is no Record Name" : take_record(s, &fields, row);
	return wrong == NULL ? FORMAT_ROW :
	       wintext_refuse(&s->source, line, wrong, NULL);
}

const struct format_ops format_mmc = {
	.name = "mmc",
	.title = "Export List of the WINS console, with tabs or commas",
	.flags = FORMAT_READS,
	.carries = ROW_TYPE | ROW_STATE | ROW_STATIC | ROW_OWNER | ROW_VERSION,
	.loss = "types only by suffix, times not at all (they follow the "
		"console's locale), all addresses of a group in some releases "
		"only",
	.probe = mmc_probe,
	.open = mmc_open,
	.next = mmc_next,
	.close = wintext_close,
};
