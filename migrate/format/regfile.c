/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registry files, see regfile.h. Two kinds are known by their first line:
 * "Windows Registry Editor Version 5.00" is UTF-16, and so are the bytes of
 * its hex(2) and hex(7); "REGEDIT4" is in a code page, and so are those.
 *
 *   [HKEY_LOCAL_MACHINE\SYSTEM\...]
 *   "Name"=dword:0007e900
 *   "Name"="text with \\ and \""
 *   "Name"=hex(7):31,00,\
 *     00,00
 *
 * A key or value that a file deletes ([-KEY], "Name"=-) sets nothing.
 */
#include <errno.h>
#include <string.h>

#include "migrate/format/regfile.h"

struct regfile {
	struct wintext *source;
	bool wide;		/* hex() strings are UTF-16 */
	char key[REG_KEY_MAX];
	size_t len;
	char line[4 * REG_DATA_MAX];	/* joined */
};

int regfile_open(TALLOC_CTX *mem_ctx, struct wintext *source,
		 struct regfile **file, char **message)
{
	struct regfile *f = talloc_zero(mem_ctx, struct regfile);
	struct piece line = { NULL, 0 };
	int ret = 0;

	if (f == NULL) {
		return ENOMEM;
	}
	f->source = source;
	*file = f;
	ret = wintext_line(source, &line, message);
	if (ret == -1) {
		*message = talloc_strdup(mem_ctx, *message);
		return EINVAL;
	}
	line = piece_trim(line);
	f->wide = piece_begins(line, "Windows Registry Editor");
	if (!f->wide && !piece_is(line, "REGEDIT4")) {
		*message = talloc_strdup(mem_ctx, "line 1 is neither 'Windows "
			"Registry Editor Version 5.00' nor 'REGEDIT4'; export "
			"the key with: reg export HKLM\\SYSTEM\\"
			"CurrentControlSet\\Services\\WINS wins.reg");
		return EINVAL;
	}
	return 0;
}

static int wrong(struct regfile *f, const char *what, char **message)
{
	*message = talloc_strdup(f, what);
	return -1;
}

/* ---- lines ---- */

/*
 * The next line with those that it is joined to, without blanks around; a
 * too long one is left with -1 at its end.
 */
static int take_line(struct regfile *f, uint64_t *place, bool *ended,
		     char **message)
{
	struct piece line = { NULL, 0 };
	bool joins = false, fits = true;
	int ret = 0;

	f->len = 0;
	do {
		ret = wintext_line(f->source, &line, message);
		if (ret != 1) {
			*ended = true;
			return ret != 0 || !joins ? ret :
			       wrong(f, "the file ends within a value",
				     message);
		}
		*place = f->len == 0 && !joins ? f->source->place : *place;
		line = piece_trim(line);
		joins = line.at[line.len - 1] == '\\' && line.at[0] != ';' &&
			line.at[0] != '[';
		line.len -= joins;
		fits = fits && f->len + line.len < sizeof(f->line);
		if (fits) {
			memcpy(f->line + f->len, line.at, line.len);
			f->len += line.len;
		}
	} while (joins);
	return fits ? 1 : wrong(f, "a value is too long", message);
}

/* ---- values ---- */

/*
 * A quoted text with its escapes. Returns what is behind it; .at NULL: it has
 * no end or no room.
 */
static struct piece take_quoted(struct piece text, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 1; i < text.len && len + 1 < size; i++) {
		char c = text.at[i];

		if (c == '"') {
			out[len] = '\0';
			return piece_skip(text, i + 1);
		}
		if (c == '\\' && i + 1 < text.len) {
			c = text.at[++i];
		}
		if (c == '\0') {
			break;
		}
		out[len++] = c;
	}
	out[0] = '\0';
	return (struct piece) { NULL, 0 };
}

/* "31,00,32" to bytes; -1: that is something else, or too much. */
static int take_hex(struct piece text, uint8_t bytes[REG_DATA_MAX])
{
	int count = 0;

	while (text.len > 0) {
		struct piece byte = piece_trim(piece_until(text, ',', &text));
		uint64_t number = 0;

		if (byte.len == 0 && text.len == 0) {
			break;
		}
		if (byte.len > 2 || !piece_hex(byte, &number) ||
		    count == REG_DATA_MAX) {
			return -1;
		}
		bytes[count++] = (uint8_t)number;
	}
	return count;
}

/*
 * Bytes to text. Values that concern us are ASCII; any other character comes
 * out as '?', and so do control characters. Texts of a MULTI_SZ end in a line
 * feed.
 */
static void put_strings(const struct regfile *f, const uint8_t *bytes,
			int count, struct reg_value *value)
{
	size_t unit = f->wide ? 2 : 1, len = 0;
	bool multi = value->type == REG_MULTI_SZ;

	for (size_t i = 0; i + unit <= (size_t)count; i += unit) {
		unsigned int c = f->wide ?
				 bytes[i] | (unsigned int)bytes[i + 1] << 8 :
				 bytes[i];

		if (c == 0 && (!multi || len == 0 ||
			       value->text[len - 1] == '\n')) {
			break;
		}
		if (len + 1 < REG_DATA_MAX) {
			value->text[len++] = c == 0 ? '\n' :
					     c < 0x20 || c > 0x7e ? '?' :
					     (char)c;
		}
	}
	value->text[len] = '\0';
}

/* What is behind "hex" or "hex(N)". NULL, or what is wrong. */
static const char *take_bytes(const struct regfile *f, struct piece text,
			      struct reg_value *value)
{
	uint8_t bytes[REG_DATA_MAX];
	uint64_t type = REG_BINARY;
	int count = 0;

	if (piece_begins(text, "(")) {
		struct piece number = piece_until(piece_skip(text, 1), ')',
						  &text);

		if (!piece_hex(number, &type) || type > 255) {
			return "the number behind hex is none";
		}
	}
	count = piece_begins(text, ":") ? take_hex(piece_skip(text, 1),
						   bytes) : -1;
	if (count < 0) {
		return "the bytes behind hex are none, or more than 16384";
	}
	value->type = (unsigned int)type;
	if (type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ) {
		put_strings(f, bytes, count, value);
	} else if (type == REG_DWORD && count == 4) {
		value->number = bytes[0] | (uint32_t)bytes[1] << 8 |
				(uint32_t)bytes[2] << 16 |
				(uint32_t)bytes[3] << 24;
	}
	return NULL;
}

static const char *take_data(const struct regfile *f, struct piece data,
			     struct reg_value *value)
{
	uint64_t number = 0;

	if (piece_begins(data, "\"")) {
		value->type = REG_SZ;
		data = take_quoted(data, value->text, REG_DATA_MAX);
		return data.at == NULL ? "a text has no end" : NULL;
	}
	if (piece_begins(data, "dword:")) {
		value->type = REG_DWORD;
		if (!piece_hex(piece_trim(piece_skip(data, 6)), &number) ||
		    number > UINT32_MAX) {
			return "the number behind dword: is none";
		}
		value->number = (uint32_t)number;
		return NULL;
	}
	if (piece_begins(data, "hex")) {
		return take_bytes(f, piece_skip(data, 3), value);
	}
	return "a value is neither a text, dword: nor hex";
}

/* NULL, or what is wrong; *is_value: it sets something. */
static const char *take_value(struct regfile *f, struct piece line,
			      struct reg_value *value, bool *is_value)
{
	struct piece rest = piece_skip(line, 1);	/* behind @ */

	value->name[0] = value->text[0] = '\0';
	value->number = 0;
	value->key = f->key;
	if (line.at[0] == '"') {
		rest = take_quoted(line, value->name, sizeof(value->name));
	} else if (line.at[0] != '@') {
		return "neither a key, a value nor a comment";
	}
	if (rest.at == NULL || !piece_begins(piece_trim(rest), "=")) {
		return "the name of a value is not followed by =";
	}
	rest = piece_trim(piece_skip(piece_trim(rest), 1));
	*is_value = !piece_is(rest, "-");
	return *is_value ? take_data(f, rest, value) : NULL;
}

static const char *take_key(struct regfile *f, struct piece line,
			    struct reg_value *value)
{
	bool deletes = line.len > 1 && line.at[1] == '-';
	size_t len = line.len;

	f->key[0] = '\0';
	while (len > 0 && line.at[len - 1] != ']') {
		len--;
	}
	if (len < 2 || len - 2 >= sizeof(f->key)) {
		return "a key has no end, or is too long";
	}
	if (!deletes) {
		memcpy(f->key, line.at + 1, len - 2);
		f->key[len - 2] = '\0';
	}
	value->key = f->key;
	value->name[0] = value->text[0] = '\0';
	value->type = REG_NONE;
	return NULL;
}

int regfile_next(struct regfile *file, struct reg_value *value, bool *ended,
		 char **message)
{
	const char *what = NULL;
	bool found = false;

	*ended = false;
	while (!found) {
		struct piece line = { file->line, 0 };
		int ret = take_line(file, &value->place, ended, message);

		if (ret != 1) {
			return ret;
		}
		line.len = file->len;
		if (line.len == 0 || line.at[0] == ';') {
			continue;
		}
		found = line.at[0] == '[';
		what = found ? take_key(file, line, value) :
		       take_value(file, line, value, &found);
		if (what != NULL) {
			return wrong(file, what, message);
		}
	}
	return 1;
}

struct piece regfile_line(const struct regfile *file)
{
	return (struct piece) { file->line, file->len };
}

const char *regfile_key(const struct regfile *file)
{
	return file->key;
}
