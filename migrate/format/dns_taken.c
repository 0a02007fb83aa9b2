/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that are taken: what --existing FILE says.
 *
 * One parser for three kinds of text that may even be mixed, for a person
 * pastes what is at hand: a zone's file (RFC 1035 5.1: $ORIGIN, names below
 * it, the owner left out, brackets over several lines, comments), what dig
 * prints of a zone transfer (the same, with full names), and a hosts file. A
 * line is a record if type and class stand where they must, else it is one of
 * a hosts file if it begins with an address, else the whole file is refused:
 * a line that nobody understood could be the one that clashes.
 *
 * Only names that could be a NetBIOS name are kept, in the zone itself, in
 * GlobalNames, or alone; of records A, and what cannot stand beside it (CNAME,
 * DNAME, and NS, which is the begin of a zone that is not ours); and addresses
 * that have a PTR record. $INCLUDE and $GENERATE are refused: a zone transfer
 * has what they make.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/format/dns.h"
#include "migrate/text.h"

#define WORDS		256u		/* of a record or line, together */
#define WORD_BYTES	8192u
#define FIRST		256u
#define GLOBAL		"globalnames"

struct entry {
	char label[DNS_LABEL];
	bool is_address;
	uint32_t ip;
};

struct dns_taken {
	struct entry *entry;
	size_t count, room;
	uint32_t *pointer;		/* addresses with a PTR record */
	size_t pointers, pointer_room;
};

/* The words of a record; those that are too many are left out. */
struct words {
	unsigned int count;
	size_t used;
	bool cut;
	bool owner_left_out;		/* it began with a blank */
	unsigned int depth;		/* brackets that are open */
	char *word[WORDS];
	char bytes[WORD_BYTES];
};

struct reader {
	struct dns_taken *taken;
	const char *domain, *reverse;
	bool has_origin;		/* the file said one */
	char origin[DNS_NAME];		/* "", ".": names stand alone; "-":
					   none of ours can be below it */
	char owner[DNS_NAME];		/* of the record before; "": none that
					   concerns us */
	struct words words;
};

/* ---- the names ---- */

static int add(struct dns_taken *taken, const char *label, bool is_address,
	       uint32_t ip)
{
	if (taken->count == taken->room) {
		size_t room = taken->room == 0 ? FIRST : taken->room * 2;
		struct entry *more = talloc_realloc_size(
			taken, taken->entry, room * sizeof(*more));

		if (more == NULL) {
			return ENOMEM;
		}
		taken->entry = more;
		taken->room = room;
	}
	taken->entry[taken->count] = (struct entry) {
		.is_address = is_address, .ip = ip,
	};
	memcpy(taken->entry[taken->count].label, label, DNS_LABEL);
	taken->count++;
	return 0;
}

static int add_pointer(struct dns_taken *taken, uint32_t ip)
{
	if (taken->pointers == taken->pointer_room) {
		size_t room = taken->pointer_room == 0 ?
				      FIRST : taken->pointer_room * 2;
		uint32_t *more = talloc_realloc_size(
			taken, taken->pointer, room * sizeof(*more));

		if (more == NULL) {
			return ENOMEM;
		}
		taken->pointer = more;
		taken->pointer_room = room;
	}
	taken->pointer[taken->pointers++] = ip;
	return 0;
}

/*
 * The label of a full name that one of ours could be; false: none. global:
 * it stands in GlobalNames.
 */
static bool our_label(const struct reader *r, const char *name,
		      char label[DNS_LABEL], bool *global)
{
	const char *dot = strchr(name, '.');
	size_t len = dot != NULL ? (size_t)(dot - name) : strlen(name);

	if (len == 0 || len > NB_NAME_MAX ||
	    (dot == NULL && strcmp(name, r->domain) == 0)) {
		return false;
	}
	*global = dot != NULL && strcmp(dot + 1, GLOBAL) == 0 &&
		  strcmp(r->domain, GLOBAL) != 0;
	if (dot != NULL && strcmp(dot + 1, r->domain) != 0 && !*global) {
		return false;
	}
	memset(label, 0, DNS_LABEL);
	memcpy(label, name, len);
	return true;
}

/* A name of a file as a full one; "" if it is none of ours in any case. */
static void full_name(const char *word, const char *origin,
		      char name[DNS_NAME])
{
	char text[2 * DNS_NAME];
	size_t len = strlen(word);

	name[0] = '\0';
	if (len >= DNS_NAME) {
		return;
	}
	if (strcmp(word, "@") == 0) {
		(void)snprintf(text, sizeof(text), "%s", origin);
	} else if (word[len - 1] == '.' || origin[0] == '\0' ||
		   strcmp(origin, ".") == 0) {
		(void)snprintf(text, sizeof(text), "%s", word);
	} else {
		(void)snprintf(text, sizeof(text), "%s.%s", word, origin);
	}
	if (!dns_domain_parse(text, DNS_NAME - 1, name)) {
		name[0] = '\0';
	}
}

/* ---- words ---- */

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

static void add_word(struct words *words, const char *from, size_t len)
{
	if (words->count == WORDS || len >= WORD_BYTES - words->used) {
		words->cut = true;
		return;
	}
	memcpy(words->bytes + words->used, from, len);
	words->bytes[words->used + len] = '\0';
	words->word[words->count++] = words->bytes + words->used;
	words->used += len + 1;
}

/* How long the word is that begins here; what is in quotes belongs to it. */
static size_t word_len(const char *line)
{
	bool quoted = false;
	size_t len = 0;

	for (; line[len] != '\0'; len++) {
		if (line[len] == '\\' && line[len + 1] != '\0') {
			len++;
		} else if (line[len] == '"') {
			quoted = !quoted;
		} else if (!quoted && (is_blank(line[len]) ||
				       strchr(";()", line[len]) != NULL)) {
			break;
		}
	}
	return len;
}

/* NULL, or what is wrong. */
static const char *split(struct words *words, const char *line)
{
	if (words->depth == 0) {
		words->count = 0;
		words->used = 0;
		words->cut = false;
		words->owner_left_out = is_blank(line[0]);
	}
	for (;;) {
		size_t len = 0;

		while (is_blank(*line)) {
			line++;
		}
		if (*line == '\0' || *line == ';' || *line == '#') {
			return NULL;
		}
		if (*line == '(') {
			words->depth++;
			line++;
		} else if (*line == ')') {
			if (words->depth == 0) {
				return "a bracket closes that none opened";
			}
			words->depth--;
			line++;
		} else {
			len = word_len(line);
			add_word(words, line, len);
			line += len;
		}
	}
}

/* ---- records ---- */

static bool same(const char *word, const char *upper)
{
	for (; *upper != '\0'; word++, upper++) {
		char byte = *word >= 'a' && *word <= 'z' ?
				    (char)(*word - 'a' + 'A') : *word;

		if (byte != *upper) {
			return false;
		}
	}
	return *word == '\0';
}

static bool listed(const char *word, const char *const *list)
{
	while (*list != NULL && !same(word, *list)) {
		list++;
	}
	return *list != NULL;
}

static bool is_class(const char *word)
{
	static const char *const classes[] = { "IN", "CH", "HS", "CS", NULL };

	return listed(word, classes);
}

/* Types as RFCs and servers name them, TYPE123 of RFC 3597 too. */
static bool is_type(const char *word)
{
	static const char *const types[] = {
		"A", "AAAA", "CNAME", "NS", "SOA", "PTR", "MX", "TXT", "SRV",
		"DNAME", "HINFO", "RP", "AFSDB", "LOC", "NAPTR", "SPF", "CAA",
		"SSHFP", "TLSA", "SMIMEA", "URI", "DS", "CDS", "DNSKEY", "KEY",
		"CDNSKEY", "RRSIG", "SIG", "NSEC", "NSEC3", "NSEC3PARAM",
		"DHCID", "IPSECKEY", "CERT", "OPENPGPKEY", "CSYNC", "ZONEMD",
		"SVCB", "HTTPS", "EUI48", "EUI64", "APL", "KX", "ISDN", "X25",
		"WKS", "MB", "MG", "MR", "MINFO", "RT", "NSAP", "PX", "GPOS",
		"ATMA", "WINS", "WINSR", "WINS-R", NULL
	};
	char head[5] = "";

	(void)snprintf(head, sizeof(head), "%s", word);
	return listed(word, types) ||
	       (same(head, "TYPE") && word[4] != '\0' &&
		strspn(word + 4, "0123456789") == strlen(word + 4));
}

/* "3600", "1h30m", and what Windows adds about ageing: "[AGE:3586924]". */
static bool is_ttl(const char *word)
{
	size_t len = strlen(word);

	if (len > 2 && word[0] == '[' && word[len - 1] == ']') {
		return true;
	}
	return word[0] >= '0' && word[0] <= '9' &&
	       strspn(word, "0123456789smhdwSMHDW") == len;
}

/* Where the type stands; 0: this is no record. from: behind the owner. */
static unsigned int find_type(const struct words *words, unsigned int from)
{
	for (unsigned int i = from; i + 1 < words->count && i < from + 4; i++) {
		if (is_type(words->word[i])) {
			return i;
		}
		if (!is_ttl(words->word[i]) && !is_class(words->word[i])) {
			return 0;
		}
	}
	return 0;
}

/* An alias in GlobalNames that points to the very name is no clash. */
static bool is_our_alias(const struct reader *r, const char *label,
			 const char *type, const char *target)
{
	char name[DNS_NAME];
	size_t len = strlen(label);

	full_name(target, r->origin, name);
	return same(type, "CNAME") && strncmp(name, label, len) == 0 &&
	       name[len] == '.' && strcmp(name + len + 1, r->domain) == 0;
}

static int take_record(struct reader *r, unsigned int type, const char **wrong)
{
	const char *word = r->words.word[type];
	const char *data = r->words.word[type + 1];
	char label[DNS_LABEL];
	bool global = false;
	uint32_t ip = 0;

	if (same(word, "A") && !nb_addr_parse(data, &ip)) {
		*wrong = "no IPv4 address behind A";
		return EINVAL;
	}
	if (same(word, "PTR")) {
		return dns_reverse_address(r->owner, &ip) ?
			       add_pointer(r->taken, ip) : 0;
	}
	if (!our_label(r, r->owner, label, &global)) {
		return 0;
	}
	if (same(word, "A")) {
		return add(r->taken, label, true, ip);
	}
	if (same(word, "NS") || same(word, "DNAME") || same(word, "CNAME")) {
		return global && is_our_alias(r, label, word, data) ? 0 :
			add(r->taken, label, false, 0);
	}
	return 0;
}

/* ---- hosts ---- */

static int take_host(struct reader *r, uint32_t ip, const char **wrong)
{
	char name[DNS_NAME], label[DNS_LABEL];
	bool global = false;
	int ret = 0;

	if (r->words.cut) {
		*wrong = "too many names in a line";
		return EINVAL;
	}
	for (unsigned int i = 1; ret == 0 && i < r->words.count; i++) {
		char *comment = strchr(r->words.word[i], '#');

		if (comment != NULL) {
			*comment = '\0';
		}
		if (dns_domain_parse(r->words.word[i], DNS_NAME - 1, name) &&
		    our_label(r, name, label, &global)) {
			ret = add(r->taken, label, true, ip);
		}
		if (comment != NULL) {
			break;
		}
	}
	return ret;
}

/* ---- lines ---- */

static int take_directive(struct reader *r, const char **wrong)
{
	const struct words *words = &r->words;
	char origin[DNS_NAME];

	if (same(words->word[0], "$TTL")) {
		return 0;
	}
	if (same(words->word[0], "$ORIGIN") && words->count == 2) {
		const char *word = words->word[1];

		full_name(word, r->origin, origin);
		if (origin[0] == '\0') {
			origin[0] = strcmp(word, ".") == 0 ? '.' : '-';
			origin[1] = '\0';
		}
		memcpy(r->origin, origin, sizeof(origin));
		r->has_origin = true;
		return 0;
	}
	*wrong = "only $ORIGIN and $TTL are understood; give the output of a "
		 "zone transfer";
	return EINVAL;
}

/* "fe80::1%eth0": an address of a hosts file that is none of ours. */
static bool is_ipv6(const char *word)
{
	size_t len = strcspn(word, "%");

	return memchr(word, ':', len) != NULL &&
	       strspn(word, "0123456789abcdefABCDEF:.") == len;
}

/* A number in the name's place: whose line is it? */
static bool is_host_line(const struct words *words, unsigned int type,
			 uint32_t *ip)
{
	if (!nb_addr_parse(words->word[0], ip)) {
		return false;
	}
	/* "192.0.2.1 txt mx" names two hosts, "1.2.0.192 IN PTR x." none */
	return type == 0 || (!is_class(words->word[type - 1]) &&
			     !same(words->word[type], "PTR"));
}

/* A file of addresses need not say whose: then it is the one asked for. */
static void take_owner(struct reader *r, const char *word, const char *type)
{
	bool is_reverse = !r->has_origin && r->reverse[0] != '\0' &&
			  same(type, "PTR");

	full_name(word, is_reverse ? r->reverse : r->origin, r->owner);
}

static int take(struct reader *r, const char **wrong)
{
	struct words *words = &r->words;
	unsigned int type = 0;
	uint32_t ip = 0;

	if (words->depth > 0 || words->count == 0) {
		return 0;
	}
	if (words->word[0][0] == '$') {
		return take_directive(r, wrong);
	}
	type = words->owner_left_out ? 0 : find_type(words, 1);
	if (is_host_line(words, type, &ip)) {
		return take_host(r, ip, wrong);
	}
	if (type == 0 && is_ipv6(words->word[0])) {
		return 0;
	}
	if (words->owner_left_out) {
		type = find_type(words, 0);
		if (type == 0 && !is_type(words->word[0])) {
			*wrong = "neither a record nor a line of a hosts file";
			return EINVAL;
		}
	} else {
		take_owner(r, words->word[0], words->word[type]);
	}
	if (type + 1 >= words->count ||
	    (type == 0 && !words->owner_left_out)) {
		*wrong = "neither a record nor a line of a hosts file";
		return EINVAL;
	}
	return take_record(r, type, wrong);
}

/* ---- the file ---- */

static int by_label(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return memcmp(x->label, y->label, DNS_LABEL);
}

static int by_ip(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void sort(struct dns_taken *taken)
{
	if (taken->count > 0) {
		qsort(taken->entry, taken->count, sizeof(struct entry),
		      by_label);
	}
	if (taken->pointers > 0) {
		qsort(taken->pointer, taken->pointers, sizeof(uint32_t),
		      by_ip);
	}
}

static int read_lines(struct reader *r, struct text *text, const char *path,
		      TALLOC_CTX *mem_ctx, char **message)
{
	const char *wrong = NULL;
	char *line = NULL, *why = NULL;
	size_t len = 0;
	int got = 0, ret = 0;

	while (ret == 0 && (got = text_line(text, &line, &len, &why)) == 1) {
		if (memchr(line, '\0', len) != NULL) {
			wrong = "a NUL: this is no text";
			ret = EINVAL;
			break;
		}
		wrong = split(&r->words, line);
		ret = wrong != NULL ? EINVAL : take(r, &wrong);
	}
	if (got == 0 && ret == 0 && r->words.depth > 0) {
		wrong = "a bracket is never closed";
		ret = EINVAL;
	}
	if (got < 0) {
		*message = talloc_asprintf(mem_ctx, "%s: %s", path, why);
		return EINVAL;
	}
	if (wrong != NULL) {
		*message = talloc_asprintf(mem_ctx, "%s:%" PRIu64 ": %s",
					   path, text_number(text), wrong);
	}
	return ret;
}

int dns_taken_read(TALLOC_CTX *mem_ctx, FILE *file, const char *path,
		   const char *domain, const char *reverse,
		   struct dns_taken **taken, char **message)
{
	struct reader *r = talloc_zero(mem_ctx, struct reader);
	struct text *text = NULL;
	char *why = NULL;
	int ret = ENOMEM;

	if (r == NULL) {
		return ENOMEM;
	}
	r->domain = domain;
	r->reverse = reverse;
	(void)snprintf(r->origin, sizeof(r->origin), "%s", domain);
	r->taken = talloc_zero(r, struct dns_taken);
	if (r->taken != NULL) {
		ret = text_open(r, file, TEXT_BYTES, NULL, &text, &why);
	}
	if (why != NULL) {
		*message = talloc_asprintf(mem_ctx, "%s: %s", path, why);
	}
	if (ret == 0) {
		ret = read_lines(r, text, path, mem_ctx, message);
	}
	if (ret == 0) {
		sort(r->taken);
		*taken = talloc_steal(mem_ctx, r->taken);
	}
	talloc_free(r);
	return ret;
}

size_t dns_taken_count(const struct dns_taken *taken)
{
	return taken->count + taken->pointers;
}

bool dns_taken_pointer(const struct dns_taken *taken, uint32_t ip)
{
	return taken->pointers > 0 &&
	       bsearch(&ip, taken->pointer, taken->pointers, sizeof(ip),
		       by_ip) != NULL;
}

enum dns_taken_by dns_taken_look(const struct dns_taken *taken,
				 const char *label, uint32_t ip)
{
	enum dns_taken_by by = DNS_FREE;
	size_t from = 0, to = taken->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (strcmp(taken->entry[middle].label, label) < 0) {
			from = middle + 1;
		} else {
			to = middle;
		}
	}
	for (; from < taken->count &&
	       strcmp(taken->entry[from].label, label) == 0; from++) {
		const struct entry *entry = &taken->entry[from];

		if (!entry->is_address) {
			return DNS_OTHER_KIND;
		}
		if (entry->ip != ip) {
			by = DNS_OTHER_ADDRESS;
		} else if (by == DNS_FREE) {
			by = DNS_SAME;
		}
	}
	return by;
}
