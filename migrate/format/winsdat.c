/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins.dat, where nmbd keeps its records between two lives (protocol.md 7.2):
 *
 *	VERSION 1 0
 *	"FILES#20" 1796280614 192.0.2.10 192.0.2.11 64R
 *
 * Read is what nmbd itself would take: not its own names (S) and not what has
 * less than a minute to live. Behind a version that it does not know it takes
 * nothing, so we end there rather than guess.
 *
 * Whether a group is one of domain controllers, or another internet group, is
 * not written. It is one with the suffix 1C or several addresses, unless all
 * that it has is the broadcast address, which nmbd writes as 0.0.0.0. Others
 * are normal groups.
 *
 * Names are in UTF-8, made of bytes in the OEM charset of the clients by
 * `dos charset`, which is CP850 unless somebody changed it; so that is how
 * they become bytes again. The oldest address stands first, ours is the
 * newest. Released names stand there as if they were active.
 */
#include "migrate/format/winsdat.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "migrate/formats.h"
#include "migrate/text.h"

#define BLANK	" \t"
#define LINE_MAX_JOINED	(4u * 1024)

struct winsdat {
	struct tally *tally;
	int64_t now;
	char *message;
	struct winsdat_writer *writer;	/* NULL: reading */
	struct text *text;
	iconv_t to_oem;
	size_t len;
	char line[LINE_MAX_JOINED + 1];	/* as it stood there */
	char words[LINE_MAX_JOINED + 1];	/* taken apart */
};

bool winsdat_convert(iconv_t convert, const char *from, size_t len, char *to,
		     size_t size, size_t *got)
{
	char *in = (char *)(uintptr_t)from;
	char *out = to;
	size_t left = size;

	(void)iconv(convert, NULL, NULL, NULL, NULL);
	if (iconv(convert, &in, &len, &out, &left) == (size_t)-1) {
		return false;
	}
	*got = size - left;
	return true;
}

/* ---- an entry ---- */

struct entry {
	const char *reason;	/* why it is refused: a literal; NULL */
	const char *detail;
};

static bool refuse(struct entry *entry, const char *reason,
		   const char *detail)
{
	entry->reason = reason;
	entry->detail = detail;
	return false;
}

static bool malformed(struct entry *entry, const char *detail)
{
	return refuse(entry, "not an entry of wins.dat", detail);
}

/* The next word, its end cut off; NULL: no more. Quotes protect blanks. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, BLANK);
	const char *stops = BLANK;

	if (*word == '\0') {
		return NULL;
	}
	if (*word == '"') {
		word++;
		stops = "\"";
	}
	*at = word + strcspn(word, stops);
	if (**at != '\0') {
		*(*at)++ = '\0';
	}
	return word;
}

static bool parse_hex(const char *text, size_t len, unsigned int *number)
{
	static const char digits[] = "0123456789abcdef";

	*number = 0;
	for (size_t i = 0; i < len; i++) {
		const char *at = strchr(digits, text[i] | 0x20);

		if (at == NULL || text[i] == '\0') {
			return false;
		}
		*number = *number << 4 | (unsigned int)(at - digits);
	}
	return len > 0;
}

static bool is_ascii(const char *text)
{
	while (*text != '\0' && (unsigned char)*text < 0x80) {
		text++;
	}
	return *text == '\0';
}

/* NAME#20, split at the first #. */
static bool read_name(struct winsdat *winsdat, struct entry *entry, char *word,
		      struct row *row)
{
	char *suffix = word == NULL ? NULL : strchr(word, '#');
	char bytes[NB_NAME_MAX + 1];
	const char *name = word;
	unsigned int type = 0;
	size_t len = 0;

	if (suffix == NULL || strlen(suffix) > 3 ||
	    !parse_hex(suffix + 1, strlen(suffix + 1), &type)) {
		return malformed(entry, "no \"NAME#20\" at its beginning");
	}
	*suffix = '\0';
	len = strlen(word);
	if (!is_ascii(word)) {
		if (winsdat_convert(winsdat->to_oem, word, len, bytes,
				    sizeof(bytes), &len)) {
			name = bytes;
		} else {
			row->changed = "the name is not UTF-8, or not of the "
				       "charset CP850: its bytes are kept";
		}
	}
	if (len > NB_NAME_MAX) {
		return refuse(entry, "the name is longer than 15 bytes",
			      "NetBIOS has no longer ones");
	}
	row->rec.name = nb_name_make(name, len, (uint8_t)type);
	return true;
}

static bool read_time(struct winsdat *winsdat, struct entry *entry,
		      const char *word, struct row *row)
{
	size_t len = word == NULL ? 0 : strspn(word, "0123456789");
	int64_t when = 0;

	if (len == 0 || len > 18 || word[len] != '\0') {
		return malformed(entry, "no time behind the name");
	}
	for (; *word != '\0'; word++) {
		when = when * 10 + (*word - '0');
	}
	row->rec.is_static = when == 0;
	row->rec.expires = when == 0 ? NB_NEVER : when;
	if (when != 0 && when - WINSDAT_MARGIN <= winsdat->now) {
		return refuse(entry, "expired", NULL);
	}
	return true;
}

/* Of a group: the broadcast address, as nmbd has it. */
static bool is_no_address(uint32_t ip)
{
	return ip == 0 || ip == NB_BROADCAST;
}

/* Older ones stand before newer ones there, and behind them here. */
static void add_address(struct row *row, uint32_t ip)
{
	struct nb_record *rec = &row->rec;
	int same = nb_record_find(rec, ip);

	if (same >= 0) {
		nb_record_remove(rec, (unsigned int)same);
		row->changed = "an address stood twice";
	} else if (rec->count == NB_MEMBERS_MAX) {
		nb_record_remove(rec, NB_MEMBERS_MAX - 1);
		row->changed = "it had more than 25 addresses";
	}
	memmove(&rec->member[1], &rec->member[0],
		rec->count * sizeof(rec->member[0]));
	rec->member[0] = (struct nb_member) { .ip = ip,
					      .expires = rec->expires };
	rec->count++;
}

/* The addresses; *flags is the word behind them. */
static bool read_addresses(struct entry *entry, char **at, struct row *row,
			   bool *nameless, const char **flags)
{
	char *word = NULL;

	while ((word = next_word(at)) != NULL && strchr(word, '.') != NULL) {
		uint32_t ip = 0;

		if (!nb_addr_parse(word, &ip)) {
			return malformed(entry, "something that is no address");
		}
		if (is_no_address(ip)) {
			*nameless = true;
		} else if (!nb_addr_is_host(ip)) {
			return refuse(entry, "an address that no host has",
				      NULL);
		} else {
			add_address(row, ip);
		}
	}
	*flags = word;
	return true;
}

static bool read_flags(struct entry *entry, const char *word,
		       unsigned int *flags)
{
	size_t len = word == NULL ? 0 : strspn(word, "0123456789abcdefABCDEF");

	if (len == 0 || len > 4 || !parse_hex(word, len, flags)) {
		return malformed(entry, "no flags at its end");
	}
	if (strcmp(word + len, "S") == 0) {
		return refuse(entry, "a name of nmbd itself", NULL);
	}
	return word[len] == '\0' || strcmp(word + len, "R") == 0 ||
	       malformed(entry, "neither R nor S at its end");
}

static bool set_type(struct entry *entry, struct row *row, unsigned int flags,
		     bool nameless)
{
	struct nb_record *rec = &row->rec;

	rec->node = (uint8_t)(flags >> WINSDAT_NODE_SHIFT & 3);
	if ((flags & WINSDAT_GROUP) == 0) {
		rec->type = rec->count > 1 ? NB_MHOMED : NB_UNIQUE;
		if (nameless) {
			return refuse(entry, "an address that no host has",
				      NULL);
		}
	} else if (rec->count > 1 ||
		   (rec->count == 1 && rec->name.type == 0x1c)) {
		rec->type = NB_SGROUP;
	} else {
		rec->type = NB_GROUP;
		if (nameless && rec->count == 0) {
			add_address(row, NB_BROADCAST);
		}
	}
	return rec->count > 0 || malformed(entry, "no address");
}

static bool read_entry(struct winsdat *winsdat, struct entry *entry,
		       struct row *row)
{
	char *at = winsdat->words;
	const char *last = NULL;
	unsigned int flags = 0;
	bool nameless = false;
	char *name = next_word(&at);
	char *when = next_word(&at);

	return read_name(winsdat, entry, name, row) &&
	       read_time(winsdat, entry, when, row) &&
	       read_addresses(entry, &at, row, &nameless, &last) &&
	       read_flags(entry, last, &flags) &&
	       set_type(entry, row, flags, nameless);
}

/* ---- lines ---- */

static enum format_step fail(struct winsdat *winsdat, char **message,
			     const char *text)
{
	TALLOC_FREE(winsdat->message);
	winsdat->message = talloc_strdup(winsdat, text);
	*message = winsdat->message;
	return FORMAT_FAILED;
}

static enum format_step bad_version(struct winsdat *winsdat, char **message)
{
	TALLOC_FREE(winsdat->message);
	winsdat->message = talloc_asprintf(winsdat, "line %" PRIu64 ": nmbd "
		"takes nothing that stands behind '%.40s'; change it to "
		"'VERSION 1 0' if the entries are to be taken",
		text_number(winsdat->text), winsdat->words);
	*message = winsdat->message;
	return FORMAT_FAILED;
}

/*
 * A line, and those that it is joined with by \ at its end, trimmed. 1: there
 * is one, 0: the end, -1: it cannot be read.
 */
static int next_line(struct winsdat *winsdat, uint64_t *place, bool *too_long,
		     char **message)
{
	bool more = true;
	char *line = NULL;
	size_t len = 0;
	int got = 0;

	winsdat->len = 0;
	*too_long = false;
	*place = text_number(winsdat->text) + 1;
	while (more && (got = text_line(winsdat->text, &line, &len,
					message)) == 1) {
		more = len > 0 && line[len - 1] == '\\';
		len -= more;
		if (winsdat->len + len > LINE_MAX_JOINED) {
			*too_long = true;
			len = 0;
		}
		memcpy(winsdat->line + winsdat->len, line, len);
		winsdat->len += len;
	}
	winsdat->line[winsdat->len] = '\0';
	memcpy(winsdat->words, winsdat->line, winsdat->len + 1);
	return got == 0 && winsdat->len > 0 ? 1 : got;
}

static bool is_version(const char *line)
{
	return strncmp(line, "VERSION", 7) == 0 &&
	       strspn(line + 7, BLANK) > 0;
}

/* "VERSION 1 <hash>" */
static bool good_version(const char *line)
{
	const char *at = line + 7 + strspn(line + 7, BLANK);

	return *at == '1' && strspn(at + 1, BLANK) > 0;
}

static enum format_step take_line(struct winsdat *winsdat, struct row *row,
				  uint64_t place, bool too_long)
{
	struct entry entry = { .reason = NULL };
	char name[NB_NAME_TEXT];

	*row = (struct row) {
		.place = place,
		.known = ROW_TYPE | ROW_STATIC | ROW_NODE | ROW_EXPIRES |
			 ROW_RAW_NAMES,
	};
	if (too_long || strlen(winsdat->line) != winsdat->len) {
		(void)malformed(&entry, too_long ? "the line is too long" :
						   "a NUL");
	} else if (read_entry(winsdat, &entry, row)) {
		return FORMAT_ROW;
	}
	if (entry.detail == NULL) {
		entry.detail = nb_name_print(&row->rec.name, name);
	}
	tally_refused(winsdat->tally, WINSDAT_HEAD, winsdat->line,
		      winsdat->len, place, entry.reason, entry.detail);
	return FORMAT_SKIPPED;
}

static const char *trimmed(const struct winsdat *winsdat)
{
	return winsdat->line + strspn(winsdat->line, BLANK);
}

/* Is it a line of nothing, or one for people? */
static bool is_nothing(const struct winsdat *winsdat)
{
	const char *text = trimmed(winsdat);

	return text == winsdat->line + winsdat->len || *text == '#';
}

static enum format_step winsdat_next(void *priv, struct row *row,
				     char **message)
{
	struct winsdat *winsdat = talloc_get_type_abort(priv, struct winsdat);
	bool too_long = false;
	uint64_t place = 0;
	char *why = NULL;
	int got = 0;

	while ((got = next_line(winsdat, &place, &too_long, &why)) == 1) {
		if (!too_long && is_version(trimmed(winsdat))) {
			if (!good_version(trimmed(winsdat))) {
				return bad_version(winsdat, message);
			}
		} else if (too_long || !is_nothing(winsdat)) {
			return take_line(winsdat, row, place, too_long);
		}
	}
	return got == -1 ? fail(winsdat, message, why) : FORMAT_END;
}

/* ---- the interface ---- */

static int winsdat_probe(const struct format_head *head)
{
	static const char begins[] = "VERSION 1 ";
	const uint8_t *line = NULL;

	if (head->len >= sizeof(begins) - 1 &&
	    memcmp(head->data, begins, sizeof(begins) - 1) == 0) {
		return 95;
	}
	/* without that line it begins with an entry: "NAME#20" TIME */
	if (head->len == 0 || head->data[0] != '"') {
		return 0;
	}
	line = memchr(head->data + 1, '"', head->len - 1);
	if (line == NULL || line - head->data < 4 ||
	    memchr(head->data, '#', (size_t)(line - head->data)) == NULL ||
	    line + 2 >= head->data + head->len || line[1] != ' ') {
		return 0;
	}
	return line[2] >= '0' && line[2] <= '9' ? 70 : 0;
}

static int winsdat_destructor(struct winsdat *winsdat)
{
	if (winsdat->to_oem != (iconv_t)-1) {
		(void)iconv_close(winsdat->to_oem);
		winsdat->to_oem = (iconv_t)-1;
	}
	return 0;
}

static int begin(struct winsdat *winsdat, const struct format_end *end,
		 bool writing, char **message)
{
	if (writing) {
		return winsdat_writer_open(winsdat, end, &winsdat->writer);
	}
	winsdat->to_oem = iconv_open(WINSDAT_OEM, "UTF-8");
	if (winsdat->to_oem == (iconv_t)-1) {
		return errno;
	}
	return text_open(winsdat, end->file, TEXT_BYTES, NULL, &winsdat->text,
			 message);
}

static int winsdat_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
			bool writing, void **priv, char **message)
{
	struct winsdat *winsdat = talloc_zero(mem_ctx, struct winsdat);
	int ret = 0;

	if (winsdat == NULL) {
		return ENOMEM;
	}
	winsdat->tally = end->tally;
	winsdat->now = end->options->now;
	winsdat->to_oem = (iconv_t)-1;
	talloc_set_destructor(winsdat, winsdat_destructor);
	ret = begin(winsdat, end, writing, message);
	if (ret != 0) {
		if (*message != NULL) {
			*message = talloc_strdup(mem_ctx, *message);
		}
		talloc_free(winsdat);
		return ret;
	}
	*priv = winsdat;
	return 0;
}

static int winsdat_put(void *priv, const struct row *row, char **message)
{
	struct winsdat *winsdat = talloc_get_type_abort(priv, struct winsdat);

	(void)message;
	return winsdat_writer_put(winsdat->writer, row);
}

static int winsdat_close(void *priv, char **message)
{
	struct winsdat *winsdat = talloc_get_type_abort(priv, struct winsdat);
	int ret = winsdat->writer == NULL ? 0 :
		  winsdat_writer_close(winsdat->writer);

	(void)message;
	talloc_free(winsdat);
	return ret;
}

const struct format_ops format_winsdat = {
	.name = "wins.dat",
	.title = "records of the SMB suite's nmbd",
	.flags = FORMAT_READS | FORMAT_WRITES,
	.carries = ROW_TYPE | ROW_STATIC | ROW_NODE | ROW_EXPIRES |
		   ROW_RAW_NAMES,
	.loss = "released names and tombstones; of groups other than <1C>, "
		"of which kind they are",
	.probe = winsdat_probe,
	.open = winsdat_open,
	.next = winsdat_next,
	.put = winsdat_put,
	.close = winsdat_close,
};
