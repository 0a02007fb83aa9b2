/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An entry of wins.ldb or wins_config.ldb becomes a row (protocol.md 7.5, 7.6).
 *
 * What the entry is called says nothing that its attributes do not say, so
 * its name (dn) is not looked at. Defaults of what is missing are those of the
 * AD server: it takes a record without a state for a released one. Where it
 * refuses a record and we need not (26 addresses, one that stands twice) the
 * row says what was changed.
 *
 * Its own records belong to 0.0.0.0 there, which means another server as soon
 * as the file is somewhere else. Nobody but the operator can say who that is.
 *
 * wins_config.ldb gives one row `wins:partner ADDRESS` for each partner and at
 * the end one with all of them. What it leaves out is told, for the defaults
 * of the two servers differ.
 */
#include <inttypes.h>
#include <ldb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/partner_option.h"
#include "migrate/format/ldbrec.h"

#define LAST_SECOND	253402300799	/* of the year 9999: never */
#define VALUE_MAX	128		/* of all but names */

static void silent(void *context, enum ldb_debug_level level, const char *fmt,
		   va_list ap)
{
	(void)context;
	(void)level;
	(void)fmt;
	(void)ap;
}

/*
 * libldb loads its modules with RTLD_DEEPBIND unless it is told not to, which
 * no sanitizer bears. Our symbols are hidden; there is nothing to keep apart.
 */
struct ldb_context *ldbrec_library(TALLOC_CTX *mem_ctx)
{
	struct ldb_context *ldb = NULL;

	(void)setenv("LDB_MODULES_DISABLE_DEEPBIND", "1", 0);
	ldb = ldb_init(mem_ctx, NULL);
	if (ldb != NULL) {
		(void)ldb_set_debug(ldb, silent, NULL);
	}
	return ldb;
}

/* ---- values ---- */

static bool bad(struct ldbrec_reader *reader, const char *attribute,
		const char *text)
{
	reader->reason = "an attribute is not understood";
	(void)snprintf(reader->detail, sizeof(reader->detail), "%s: %.100s",
		       attribute, text);
	for (char *p = reader->detail; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~') {
			*p = '?';
		}
	}
	return false;
}

/* Of one value as text; false: it has a NUL or is too long. */
static bool as_text(const struct ldb_val *value, char text[VALUE_MAX])
{
	if (value->length >= VALUE_MAX ||
	    memchr(value->data, '\0', value->length) != NULL) {
		return false;
	}
	memcpy(text, value->data, value->length);
	text[value->length] = '\0';
	return true;
}

/* The attribute's only value; absent: it is not there. False: told. */
static bool text_of(struct ldbrec_reader *reader,
		    const struct ldb_message *msg, const char *attribute,
		    char text[VALUE_MAX], bool *absent)
{
	const struct ldb_message_element *element =
		ldb_msg_find_element(msg, attribute);

	text[0] = '\0';
	*absent = element == NULL || element->num_values == 0;
	if (*absent) {
		return true;
	}
	if (element->num_values > 1) {
		return bad(reader, attribute, "it has several values");
	}
	if (!as_text(&element->values[0], text)) {
		return bad(reader, attribute, "it is too long");
	}
	return true;
}

/* Decimal, or hexadecimal behind 0x, and nothing else. */
static bool parse_number(const char *text, uint64_t max, uint64_t *number)
{
	unsigned int base = strncasecmp(text, "0x", 2) == 0 ? 16 : 10;
	uint64_t sum = 0;

	text += base == 16 ? 2 : 0;
	if (*text == '\0') {
		return false;
	}
	for (; *text != '\0'; text++) {
		const char *digits = "0123456789abcdef";
		const char *at = strchr(digits, *text | 0x20);
		uint64_t digit = at == NULL ? base : (uint64_t)(at - digits);

		if (digit >= base || sum > (UINT64_MAX - digit) / base) {
			return false;
		}
		sum = sum * base + digit;
	}
	*number = sum;
	return sum <= max;
}

static bool number_of(struct ldbrec_reader *reader,
		      const struct ldb_message *msg, const char *attribute,
		      uint64_t standard, uint64_t max, uint64_t *number)
{
	char text[VALUE_MAX];
	bool absent = false;

	*number = standard;
	if (!text_of(reader, msg, attribute, text, &absent)) {
		return false;
	}
	return absent || parse_number(text, max, number) ||
	       bad(reader, attribute, text);
}

static bool small_number_of(struct ldbrec_reader *reader,
			    const struct ldb_message *msg,
			    const char *attribute, uint8_t standard,
			    uint8_t max, uint8_t *number)
{
	uint64_t wide = 0;
	bool good = number_of(reader, msg, attribute, standard, max, &wide);

	*number = (uint8_t)wide;
	return good;
}

/* YYYYMMDDHHMMSS, perhaps a fraction, Z. */
static bool parse_time(const char *text, int64_t *when)
{
	int field[6] = { 0 };
	static const unsigned int digits[6] = { 4, 2, 2, 2, 2, 2 };
	struct tm tm = { .tm_isdst = 0 };

	for (unsigned int i = 0; i < 6; i++) {
		for (unsigned int d = 0; d < digits[i]; d++, text++) {
			if (*text < '0' || *text > '9') {
				return false;
			}
			field[i] = field[i] * 10 + (*text - '0');
		}
	}
	if (*text == '.') {
		text += 1 + strspn(text + 1, "0123456789");
	}
	tm.tm_year = field[0] - 1900;
	tm.tm_mon = field[1] - 1;
	tm.tm_mday = field[2];
	tm.tm_hour = field[3];
	tm.tm_min = field[4];
	tm.tm_sec = field[5];
	*when = timegm(&tm);
	if (*when == LAST_SECOND) {
		*when = NB_NEVER;
	}
	return strcmp(text, "Z") == 0 && tm.tm_mon == field[1] - 1 &&
	       tm.tm_mday == field[2] && tm.tm_hour == field[3] &&
	       tm.tm_min == field[4] && *when >= 0;
}

/* ---- a record ---- */

static bool read_name(struct ldbrec_reader *reader,
		      const struct ldb_message *msg, struct nb_name *name)
{
	const struct ldb_val *text = ldb_msg_find_ldb_val(msg, "name");
	const struct ldb_val *scope = ldb_msg_find_ldb_val(msg, "scope");
	uint64_t type = UINT64_MAX;
	size_t len = text == NULL ? 0 : text->length;

	if (!number_of(reader, msg, "type", UINT64_MAX, UINT32_MAX, &type)) {
		return false;
	}
	/* <80> may stand there as a signed char: 0xFFFFFF80 */
	if (type > UINT8_MAX && (type < 0xffffff80 || type > UINT32_MAX)) {
		return bad(reader, "type", "it is missing, or no byte");
	}
	while (len > 0 && text->data[len - 1] == ' ') {
		len--;
	}
	if (len > NB_NAME_MAX || (len > 0 &&
				  memchr(text->data, '\0', len) != NULL)) {
		return bad(reader, "name", "it is longer than 15 bytes, or has "
			   "a NUL");
	}
	*name = nb_name_make(len > 0 ? (const void *)text->data : "", len,
			     (uint8_t)type);
	return scope == NULL ||
	       nb_name_set_scope(name, scope->data, scope->length) ||
	       bad(reader, "scope", "it is longer than 238 bytes");
}

/* The owner that stands there; false: not an address. */
static bool read_owner(struct ldbrec_reader *reader, const char *attribute,
		       const char *text, bool *whose, uint32_t *owner)
{
	if (!nb_addr_parse(text, owner)) {
		return bad(reader, attribute, text);
	}
	if (*owner == 0) {
		*whose |= reader->owner_zero == 0;
		*owner = reader->owner_zero;
	}
	return true;
}

/* Behind the address: "winsOwner:ADDRESS;expireTime:TIME;" */
static bool read_words(struct ldbrec_reader *reader, char *words, bool *whose,
		       struct nb_member *member)
{
	char *save = NULL;

	for (char *word = strtok_r(words, ";", &save); word != NULL;
	     word = strtok_r(NULL, ";", &save)) {
		if (strncasecmp(word, "winsOwner:", 10) == 0) {
			if (!read_owner(reader, "address", word + 10, whose,
					&member->owner)) {
				return false;
			}
		} else if (strncasecmp(word, "expireTime:", 11) != 0 ||
			   !parse_time(word + 11, &member->expires)) {
			return bad(reader, "address", word);
		}
	}
	return true;
}

static bool read_member(struct ldbrec_reader *reader,
			const struct ldb_val *value, bool *whose,
			struct row *row)
{
	struct nb_record *rec = &row->rec;
	struct nb_member member = { .owner = rec->owner,
				    .expires = rec->expires };
	char text[VALUE_MAX];
	char *words = NULL;

	if (!as_text(value, text)) {
		return bad(reader, "address", "it is too long");
	}
	words = text + strcspn(text, ";");
	if (*words == ';') {
		*words++ = '\0';
	}
	if (!nb_addr_parse(text, &member.ip)) {
		return bad(reader, "address", text);
	}
	if (!read_words(reader, words, whose, &member)) {
		return false;
	}
	if (nb_record_find(rec, member.ip) >= 0) {
		row->changed = "an address stood twice";
	} else if (rec->count == NB_MEMBERS_MAX) {
		row->changed = "it had more than 25 addresses";
	} else {
		rec->member[rec->count++] = member;
	}
	return true;
}

static bool read_times(struct ldbrec_reader *reader,
		       const struct ldb_message *msg, struct row *row)
{
	char text[VALUE_MAX];
	bool absent = false;

	if (!text_of(reader, msg, "expireTime", text, &absent)) {
		return false;
	}
	if (!absent) {
		return parse_time(text, &row->rec.expires) ||
		       bad(reader, "expireTime", text);
	}
	if (row->rec.is_static) {
		row->rec.expires = NB_NEVER;
	} else {
		row->known &= ~(unsigned int)ROW_EXPIRES;
	}
	return true;
}

static bool read_fields(struct ldbrec_reader *reader,
			const struct ldb_message *msg, bool *whose,
			struct row *row)
{
	struct nb_record *rec = &row->rec;
	char owner[VALUE_MAX];
	uint8_t is_static = 0;
	bool absent = false;

	if (!read_name(reader, msg, &rec->name) ||
	    !small_number_of(reader, msg, "recordType", NB_UNIQUE, NB_MHOMED,
			     &rec->type) ||
	    !small_number_of(reader, msg, "recordState", NB_RELEASED,
			     NB_TOMBSTONE, &rec->state) ||
	    !small_number_of(reader, msg, "nodeType", NB_B_NODE, NB_H_NODE,
			     &rec->node) ||
	    !small_number_of(reader, msg, "isStatic", 0, 1, &is_static) ||
	    !number_of(reader, msg, "versionID", 0, UINT64_MAX,
		       &rec->version) ||
	    !text_of(reader, msg, "winsOwner", owner, &absent)) {
		return false;
	}
	rec->is_static = is_static != 0;
	return read_owner(reader, "winsOwner", absent ? "0.0.0.0" : owner,
			  whose, &rec->owner) &&
	       read_times(reader, msg, row);
}

static bool read_members(struct ldbrec_reader *reader,
			 const struct ldb_message *msg, bool *whose,
			 struct row *row)
{
	const struct ldb_message_element *address =
		ldb_msg_find_element(msg, "address");

	for (unsigned int i = 0;
	     address != NULL && i < address->num_values; i++) {
		if (!read_member(reader, &address->values[i], whose, row)) {
			return false;
		}
	}
	return true;
}

static void settle(struct row *row)
{
	struct nb_record before = row->rec;

	nb_record_settle(&row->rec);
	if (row->changed != NULL) {
		return;
	}
	if (row->rec.state != before.state) {
		row->changed = "active without an address, now released";
	} else if (row->rec.type != before.type) {
		row->changed = "unique with several addresses, now multihomed";
	}
}

static enum ldbrec_kind read_record(struct ldbrec_reader *reader,
				    const struct ldb_message *msg,
				    struct row *row)
{
	bool whose = false;

	row->kind = ROW_RECORD;
	row->known = ROW_ALL;
	if (!read_fields(reader, msg, &whose, row) ||
	    !read_members(reader, msg, &whose, row)) {
		return LDBREC_BAD;
	}
	if (whose) {
		return LDBREC_WHOSE;
	}
	settle(row);
	reader->reason = nb_record_broken(&row->rec);
	return reader->reason != NULL ? LDBREC_BAD : LDBREC_ROW;
}

/* ---- a partner ---- */

static bool can_be_told(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++) {
		if (name[i] < ' ' || name[i] > '~' || name[i] == ',' ||
		    name[i] == '"' || name[i] == '=') {
			return false;
		}
	}
	return len > 0 && len <= PARTNER_NAME_MAX;
}

/* `, our address=...` and `, name=...`, where they are said. */
static bool add_words(struct ldbrec_reader *reader,
		      const struct ldb_message *msg, const char *address)
{
	char text[VALUE_MAX];
	bool absent = false;
	uint32_t ours = 0;
	size_t len = strlen(reader->value);

	if (!text_of(reader, msg, "ourAddress", text, &absent)) {
		return false;
	}
	if (!absent && nb_addr_parse(text, &ours)) {
		(void)snprintf(reader->value + len,
			       sizeof(reader->value) - len,
			       ", our address=%s", text);
		len = strlen(reader->value);
	}
	if (!text_of(reader, msg, "name", text, &absent)) {
		return false;
	}
	if (can_be_told(text) && strcmp(text, address) != 0) {
		(void)snprintf(reader->value + len,
			       sizeof(reader->value) - len, ", name=%s",
			       text);
	}
	return true;
}

static bool read_intervals(struct ldbrec_reader *reader,
			   const struct ldb_message *msg)
{
	uint64_t pull = 0, retry = 0, push = 0;
	char interval[24] = "never";

	if (!number_of(reader, msg, "pullInterval", 1800, UINT32_MAX, &pull) ||
	    !number_of(reader, msg, "pullRetryInterval", 30, UINT32_MAX,
		       &retry) ||
	    !number_of(reader, msg, "pushChangeCount", 0, UINT32_MAX, &push)) {
		return false;
	}
	if (pull > 0) {
		(void)snprintf(interval, sizeof(interval), "%" PRIu64, pull);
	}
	(void)snprintf(reader->value, sizeof(reader->value), "pull interval=%s"
		       ", retry=%" PRIu64 ", push count=%" PRIu64, interval,
		       retry, push);
	return true;
}

static bool known_partner(const struct ldbrec_reader *reader, uint32_t address)
{
	for (unsigned int i = 0; i < reader->partners; i++) {
		if (reader->partner[i] == address) {
			return true;
		}
	}
	return false;
}

static enum ldbrec_kind not_ours(struct ldbrec_reader *reader, struct row *row,
				 const char *address, const char *why)
{
	(void)snprintf(reader->value, sizeof(reader->value), "partner %s %s",
		       address, why);
	row->option = NULL;
	return LDBREC_ROW;
}

static enum ldbrec_kind read_partner(struct ldbrec_reader *reader,
				     const struct ldb_message *msg,
				     struct row *row)
{
	struct partner_options options = partner_options_default();
	char address[VALUE_MAX], reason[PARTNER_REASON];
	bool absent = false;
	uint64_t type = 0;
	uint32_t ip = 0;

	row->kind = ROW_OPTION;
	row->option = reader->option;
	row->value = reader->value;
	row->remark = "wins_config.ldb";
	if (!text_of(reader, msg, "address", address, &absent) ||
	    !number_of(reader, msg, "type", 3, UINT32_MAX, &type) ||
	    !read_intervals(reader, msg) ||
	    !add_words(reader, msg, address)) {
		return LDBREC_BAD;
	}
	if (!nb_addr_parse(address, &ip) || !nb_addr_is_host(ip)) {
		(void)bad(reader, "address", address);
		return LDBREC_BAD;
	}
	if ((type & 3) == 0) {
		return not_ours(reader, row, address, "is switched off");
	}
	if (known_partner(reader, ip) ||
	    reader->partners == LDBREC_PARTNERS) {
		return not_ours(reader, row, address, "is one too many");
	}
	if (!partner_options_parse(reader->value, &options, reason)) {
		return not_ours(reader, row, address, reason);
	}
	(void)snprintf(reader->option, sizeof(reader->option),
		       "wins:partner %.15s", address);
	reader->type[reader->partners] = type & 3;
	reader->partner[reader->partners++] = ip;
	return LDBREC_ROW;
}

bool ldbrec_read_partners(struct ldbrec_reader *reader, struct row *row)
{
	static const char *const way[] = { "", "(pull)", "(push)", "" };
	size_t len = 0;

	*row = (struct row) { .kind = ROW_OPTION, .option = "wins:partners",
			      .value = reader->value,
			      .remark = "wins_config.ldb" };
	for (unsigned int i = 0; i < reader->partners; i++) {
		char text[NB_ADDR_TEXT];

		len += (size_t)snprintf(reader->value + len,
					sizeof(reader->value) - len, "%s%s%s",
					i > 0 ? " " : "",
					nb_addr_print(reader->partner[i], text),
					way[reader->type[i]]);
	}
	return reader->partners > 0;
}

/* ---- an entry ---- */

static bool is_a(const struct ldb_message *msg, const char *class_name)
{
	const struct ldb_message_element *classes =
		ldb_msg_find_element(msg, "objectClass");

	for (unsigned int i = 0;
	     classes != NULL && i < classes->num_values; i++) {
		char text[VALUE_MAX];

		if (as_text(&classes->values[i], text) &&
		    strcasecmp(text, class_name) == 0) {
			return true;
		}
	}
	return false;
}

/* CN=PARTNERS may be an entry of any class, or none at all. */
static bool is_folder_of_partners(struct ldb_dn *dn)
{
	const char *text = ldb_dn_get_linearized(dn);

	return text != NULL && strcasecmp(text, "CN=PARTNERS") == 0;
}

enum ldbrec_kind ldbrec_read(struct ldbrec_reader *reader,
			     const struct ldb_message *msg, struct row *row)
{
	uint64_t place = row->place;
	uint64_t counter = 0;

	*row = (struct row) { .place = place };
	reader->reason = NULL;
	reader->detail[0] = '\0';
	if (ldb_dn_is_special(msg->dn)) {
		return LDBREC_NOTHING;
	}
	if (is_a(msg, "winsRecord")) {
		return read_record(reader, msg, row);
	}
	if (is_a(msg, "wreplPartner")) {
		return read_partner(reader, msg, row);
	}
	if (is_a(msg, "winsMaxVersion")) {
		if (number_of(reader, msg, "maxVersion", 0, UINT64_MAX,
			      &counter)) {
			reader->counter = counter;
		}
		return LDBREC_NOTHING;
	}
	if (is_folder_of_partners(msg->dn)) {
		return LDBREC_NOTHING;
	}
	reader->reason = "not an entry of a WINS server";
	return LDBREC_BAD;
}
