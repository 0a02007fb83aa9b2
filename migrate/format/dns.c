/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which names of a WINS database DNS gets.
 *
 * A host has a name with the suffix 20 (its server service), one with 00 (its
 * workstation) or both; in DNS they are one. So rows are kept until the end,
 * then sorted and decided name by name: all entries of a name must say the
 * same one address, somebody must have asked for it lately, and nothing else
 * may have the name already. Every other row is told as skipped with what is
 * in its way, or as unchanged if DNS says the same already; a second entry of a
 * name that is written is a changed one.
 * Groups, domains, users and services have no place in DNS: none is derived.
 *
 * Who could register a name with the old server should not get one in DNS
 * that others act upon without asking: WPAD, ISATAP and LOCALHOST stay out.
 *
 * Rejected: taking the newest of several addresses. It is the wrong one where
 * it matters, on hosts with two networks; a person should look at those.
 * Rejected: writing row by row. The same name would stand there twice.
 */
#include "migrate/format/dns.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST		1024u		/* rows that there is room for at first */
static const char there[] = "there already";	/* which is no skip */

#define DOMAIN_MAX	(DNS_NAME - 1 - DNS_LABEL)

/* A row that may become a name, without the room that few need. */
struct kept {
	char label[DNS_LABEL];		/* sorted by it */
	uint8_t byte[NB_NAME_MAX];	/* as it was */
	uint8_t len, suffix;
	uint8_t type, node, count;
	bool is_static;
	unsigned int known;
	uint32_t owner;
	uint64_t version, place;
	int64_t expires, queried;
	const char *changed;
	struct nb_member member;
	struct nb_member *more;		/* all of them, if there are several */
};

struct dns {
	const struct dns_writer *writer;
	const struct format_options *options;
	struct tally *tally;
	FILE *file;
	struct dns_taken *taken;	/* NULL: no --existing */
	struct dns_list list;
	struct kept *kept;
	size_t count, room;
	struct dns_entry *entry;
	const struct kept **written;	/* the first row of each entry */
	bool any, says;			/* rows; any with ROW_QUERIED */
};

/* ---- open ---- */

static int read_taken(TALLOC_CTX *mem_ctx, struct dns *dns, char **message)
{
	const char *path = dns->options->existing;
	FILE *file = fopen(path, "re");
	int ret = 0;

	if (file == NULL) {
		ret = errno;
		*message = talloc_asprintf(mem_ctx, "%s: %s", path,
					   strerror(ret));
		return ret;
	}
	ret = dns_taken_read(dns, file, path, dns->list.domain,
			     dns->list.reverse.zone, &dns->taken, message);
	(void)fclose(file);
	if (ret != 0 && *message != NULL) {
		*message = talloc_steal(mem_ctx, *message);
	}
	if (ret == 0 && dns_taken_count(dns->taken) == 0) {
		tally_remark(dns->tally, "%s names nothing that a name could "
			     "clash with: is it the right zone, did its "
			     "transfer work?", path);
	}
	return ret;
}

/* What the words of the command line come to; a reason why not, or NULL. */
static const char *take_options(struct dns *dns)
{
	const struct format_options *options = dns->options;
	const unsigned int flags = dns->writer->flags;
	struct dns_list *list = &dns->list;
	uint32_t ip = 0;

	if (options->domain != NULL &&
	    !dns_domain_parse(options->domain, DOMAIN_MAX, list->domain)) {
		return "--domain is no name of a domain: labels of letters, "
		       "digits and hyphens, with dots between";
	}
	if (list->domain[0] == '\0' && (flags & DNS_NEEDS_DOMAIN) != 0) {
		return "needs --domain DOMAIN, the zone of the names";
	}
	list->has_reverse = options->reverse != NULL;
	if (list->has_reverse &&
	    (flags & (DNS_POINTERS | DNS_REVERSE_ALONE)) == 0) {
		return "makes no PTR records, leave out --reverse";
	}
	if (list->has_reverse &&
	    !dns_reverse_parse(options->reverse, &list->reverse)) {
		return "--reverse is no reverse zone, for example "
		       "2.0.192.in-addr.arpa";
	}
	if (options->server != NULL &&
	    !dns_domain_parse(options->server, DNS_NAME - 1, list->server)) {
		return "--server is neither an address nor a host's name";
	}
	list->server_is_address = nb_addr_parse(list->server, &ip);
	if (list->server_is_address && (flags & DNS_SERVER_NAME) != 0) {
		return "--server must be the name of the zone's server";
	}
	list->ttl = options->ttl;
	list->serial = (uint32_t)options->now;
	return list->ttl > INT32_MAX ? "--ttl is above 2147483647" : NULL;
}

int dns_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
	     const struct dns_writer *writer, void **priv, char **message)
{
	struct dns *dns = talloc_zero(mem_ctx, struct dns);
	const char *why = NULL;
	int ret = 0;

	if (dns == NULL) {
		return ENOMEM;
	}
	dns->writer = writer;
	dns->options = end->options;
	dns->tally = end->tally;
	dns->file = end->file;
	why = take_options(dns);
	if (why != NULL) {
		*message = talloc_strdup(mem_ctx, why);
		ret = EINVAL;
	} else if (end->options->existing != NULL) {
		ret = read_taken(mem_ctx, dns, message);
	}
	if (ret != 0) {
		talloc_free(dns);
		return ret;
	}
	*priv = dns;
	return 0;
}

/* ---- what a row says by itself ---- */

static const char *not_by_kind(const struct nb_record *rec)
{
	switch (rec->name.type) {
	case 0x00:
	case 0x20:
		return rec->type == NB_GROUP || rec->type == NB_SGROUP ?
			       "a group is no host" : NULL;
	case 0x03:
		return "suffix 03: a user or the messenger service";
	case 0x1b:
	case 0x1c:
	case 0x1d:
	case 0x1e:
		return "suffixes 1B to 1E: a domain or its browsers";
	default:
		return "neither suffix 00 nor 20";
	}
}

/* Nobody's record is the source's own, which ends at its time (2.1). */
static const char *not_by_state(const struct row *row, int64_t now)
{
	const struct nb_record *rec = &row->rec;

	if (rec->state != NB_ACTIVE) {
		return rec->state == NB_RELEASED ? "released" : "tombstone";
	}
	return !rec->is_static && (row->known & ROW_OWNER) == 0 &&
	       (row->known & ROW_EXPIRES) != 0 && rec->expires <= now ?
		       "expired" : NULL;
}

static const char *not_by_name(const struct nb_record *rec,
			       char label[DNS_LABEL])
{
	static const char *const others[] = { "wpad", "isatap", "localhost" };

	if (rec->name.scope_len > 0) {
		return "scope cannot be written";
	}
	if (!dns_label_make(&rec->name, label)) {
		return "not a DNS name";
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strcmp(label, others[i]) == 0) {
			return "WPAD, ISATAP and LOCALHOST are nobody's";
		}
	}
	return NULL;
}

static const char *not_by_address(const struct nb_record *rec)
{
	for (unsigned int i = 0; i < rec->count; i++) {
		if (!nb_addr_is_host(rec->member[i].ip) ||
		    nb_addr_is_loopback(rec->member[i].ip)) {
			return "not the address of a host";
		}
	}
	return rec->count == 0 ? "no address" : NULL;
}

static const char *not_alone(const struct dns *dns, const struct row *row,
			     char label[DNS_LABEL])
{
	const char *why = not_by_kind(&row->rec);

	if (why == NULL) {
		why = not_by_state(row, dns->options->now);
	}
	if (why == NULL) {
		why = not_by_name(&row->rec, label);
	}
	return why != NULL ? why : not_by_address(&row->rec);
}

/* ---- keeping ---- */

static int make_room(struct dns *dns)
{
	size_t room = dns->room == 0 ? FIRST : dns->room * 2;
	struct kept *more = NULL;

	if (dns->count < dns->room) {
		return 0;
	}
	more = talloc_realloc_size(dns, dns->kept, room * sizeof(*more));
	if (more == NULL) {
		return ENOMEM;
	}
	dns->kept = more;
	dns->room = room;
	return 0;
}

static int keep(struct dns *dns, const struct row *row,
		const char label[DNS_LABEL])
{
	const struct nb_record *rec = &row->rec;
	struct kept kept = {
		.len = rec->name.len, .suffix = rec->name.type,
		.type = rec->type, .node = rec->node, .count = rec->count,
		.is_static = rec->is_static, .known = row->known,
		.owner = rec->owner, .version = rec->version,
		.place = row->place, .expires = rec->expires,
		.queried = (row->known & ROW_QUERIED) != 0 ? row->queried : 0,
		.changed = row->changed,
		.member = rec->member[0],
	};

	memcpy(kept.label, label, DNS_LABEL);
	memcpy(kept.byte, rec->name.byte, NB_NAME_MAX);
	if (make_room(dns) != 0) {
		return ENOMEM;
	}
	if (kept.count > 1) {
		kept.more = talloc_memdup(dns, rec->member, rec->count *
					  sizeof(rec->member[0]));
		if (kept.more == NULL) {
			return ENOMEM;
		}
	}
	dns->kept[dns->count++] = kept;
	return 0;
}

static struct row row_of(const struct kept *kept)
{
	struct row row = {
		.kind = ROW_RECORD, .known = kept->known,
		.queried = kept->queried, .place = kept->place,
		.changed = kept->changed,
		.rec = {
			.name = nb_name_make(kept->byte, kept->len,
					     kept->suffix),
			.type = kept->type, .state = NB_ACTIVE,
			.node = kept->node, .is_static = kept->is_static,
			.owner = kept->owner, .version = kept->version,
			.expires = kept->expires, .count = kept->count,
		},
	};

	memcpy(row.rec.member, kept->more != NULL ? kept->more : &kept->member,
	       kept->count * sizeof(kept->member));
	return row;
}

int dns_put(void *priv, const struct row *row, char **message)
{
	struct dns *dns = talloc_get_type_abort(priv, struct dns);
	char label[DNS_LABEL];
	const char *why = NULL;

	(void)message;
	if (row->kind == ROW_OPTION) {
		return 0;
	}
	dns->any = true;
	dns->says |= (row->known & ROW_QUERIED) != 0;
	why = not_alone(dns, row, label);
	if (why != NULL) {
		tally_skipped(dns->tally, row, why);
		return 0;
	}
	return keep(dns, row, label);
}

/* ---- what the rows of one name say together ---- */

static int by_label(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	int order = strcmp(x->label, y->label);

	if (order == 0) {
		/* the entry that stands for a name: the server's, 20 */
		order = (y->suffix == 0x20) - (x->suffix == 0x20);
	}
	return order != 0 ? order : (x->place > y->place) -
				    (x->place < y->place);
}

static bool has(const struct kept *kept, uint32_t ip)
{
	const struct nb_member *member = kept->more != NULL ? kept->more :
							      &kept->member;

	for (unsigned int i = 0; i < kept->count; i++) {
		if (member[i].ip == ip) {
			return true;
		}
	}
	return false;
}

static bool agree(const struct kept *a, const struct kept *b)
{
	bool same = a->count == b->count;

	for (unsigned int i = 0; same && i < a->count; i++) {
		same = has(b, a->more != NULL ? a->more[i].ip : a->member.ip);
	}
	return same;
}

static const char *not_asked(const struct dns *dns, const struct kept *kept,
			     size_t count)
{
	int64_t last = -1;

	if (dns->options->all) {
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		last = kept[i].queried > last ? kept[i].queried : last;
	}
	if (last <= 0) {
		return last < 0 ? "never asked for" :
				  "not known when it was asked for";
	}
	return last < dns->options->queried_since ? "not asked for lately" :
						    NULL;
}

/* Is nothing but PTR records written? */
static bool is_alone(const struct dns *dns)
{
	return dns->list.has_reverse &&
	       (dns->writer->flags & DNS_REVERSE_ALONE) != 0;
}

static const char *not_free(const struct dns *dns, const struct kept *kept)
{
	const char *why = dns->writer->refuse == NULL ? NULL :
		dns->writer->refuse(&dns->list, kept->label);

	if (why != NULL || dns->taken == NULL) {
		return why;
	}
	switch (dns_taken_look(dns->taken, kept->label, kept->member.ip)) {
	case DNS_SAME:
		/* of PTR records this says nothing */
		return is_alone(dns) ? NULL : there;
	case DNS_OTHER_ADDRESS:
		return "taken, by another address";
	case DNS_OTHER_KIND:
		return "taken, by an alias or a zone";
	case DNS_FREE:
		break;
	}
	return NULL;
}

static const char *not_together(const struct dns *dns,
				const struct kept *kept, size_t count)
{
	const char *why = not_asked(dns, kept, count);

	if (why != NULL) {
		return why;
	}
	for (size_t i = 1; i < count; i++) {
		if (!agree(kept, &kept[i])) {
			return "its entries have different addresses";
		}
	}
	if (kept->count > 1) {
		return "several addresses";
	}
	return not_free(dns, kept);
}

/* ---- close ---- */

static void decide(struct dns *dns, const struct kept *kept, size_t count)
{
	const char *why = not_together(dns, kept, count);
	struct dns_entry *entry = &dns->entry[dns->list.count];

	if (why == NULL) {
		memcpy(entry->name, kept->label, DNS_LABEL);
		entry->ip = kept->member.ip;
		dns->written[dns->list.count++] = kept;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct row row = row_of(&kept[i]);

		if (why == there) {
			tally_unchanged(dns->tally, &row);
		} else {
			tally_skipped(dns->tally, &row, why);
		}
	}
}

static int by_address(const void *a, const void *b)
{
	const struct dns_entry *const *x = a, *const *y = b;

	if ((*x)->ip != (*y)->ip) {
		return (*x)->ip < (*y)->ip ? -1 : 1;
	}
	return strcmp((*x)->name, (*y)->name);
}

static bool has_pointer(const struct dns *dns, uint32_t ip)
{
	return dns->taken != NULL && dns_taken_pointer(dns->taken, ip);
}

/* An address in the zone points to one name, the first of the alphabet. */
static int find_pointers(struct dns *dns)
{
	struct dns_entry **order = NULL;

	if (!dns->list.has_reverse || dns->list.count == 0) {
		return 0;
	}
	order = talloc_array(dns, struct dns_entry *, dns->list.count);
	if (order == NULL) {
		return ENOMEM;
	}
	for (uint32_t i = 0; i < dns->list.count; i++) {
		order[i] = &dns->entry[i];
	}
	qsort(order, dns->list.count, sizeof(order[0]), by_address);
	for (uint32_t i = 0; i < dns->list.count; i++) {
		order[i]->pointer =
			dns_reverse_has(&dns->list.reverse, order[i]->ip) &&
			!has_pointer(dns, order[i]->ip) &&
			(i == 0 || order[i - 1]->ip != order[i]->ip);
	}
	talloc_free(order);
	return 0;
}

/* What is wrong with an entry that has a reverse zone but no PTR record. */
static const char *without(const struct dns *dns,
			   const struct dns_entry *entry)
{
	if (!dns->list.has_reverse || entry->pointer) {
		return NULL;
	}
	if (!dns_reverse_has(&dns->list.reverse, entry->ip)) {
		return "without PTR, not in the reverse zone";
	}
	return has_pointer(dns, entry->ip) ?
		       "without PTR, the address has one already" :
		       "without PTR, another name has it";
}

/* All rows of a name that is in the list, the one that stands for it first. */
static void tell(const struct dns *dns, const struct kept *kept,
		 const struct dns_entry *entry)
{
	const struct kept *end = dns->kept + dns->count;
	const char *why = without(dns, entry);
	const struct kept *first = kept;

	for (; kept < end && strcmp(kept->label, entry->name) == 0; kept++) {
		struct row row = row_of(kept);

		if (why != NULL && is_alone(dns)) {
			tally_skipped(dns->tally, &row, why);
		} else if (kept != first) {
			tally_changed(dns->tally, &row,
				      "one name with its other entry");
		} else if (why != NULL) {
			tally_changed(dns->tally, &row, why);
		} else {
			tally_written(dns->tally, &row);
		}
	}
}

static int decide_all(struct dns *dns)
{
	size_t from = 0;

	if (dns->count == 0) {
		return 0;
	}
	qsort(dns->kept, dns->count, sizeof(dns->kept[0]), by_label);
	dns->entry = talloc_zero_array(dns, struct dns_entry, dns->count);
	dns->written = talloc_zero_array(dns, const struct kept *,
					 dns->count);
	if (dns->entry == NULL || dns->written == NULL) {
		return ENOMEM;
	}
	while (from < dns->count) {
		size_t to = from + 1;

		while (to < dns->count && strcmp(dns->kept[from].label,
						 dns->kept[to].label) == 0) {
			to++;
		}
		decide(dns, &dns->kept[from], to - from);
		from = to;
	}
	dns->list.entry = dns->entry;
	return find_pointers(dns);
}

int dns_close(void *priv, char **message)
{
	struct dns *dns = talloc_get_type_abort(priv, struct dns);
	int ret = 0;

	if (dns->any && !dns->says && !dns->options->all) {
		*message = talloc_strdup(dns, "this source does not say which "
					 "names were asked for lately; --all "
					 "takes all that are active");
		return EPERM;
	}
	ret = decide_all(dns);
	if (ret != 0) {
		return ret;
	}
	for (uint32_t i = 0; i < dns->list.count; i++) {
		tell(dns, dns->written[i], &dns->entry[i]);
	}
	errno = 0;
	dns->writer->print(dns->file, &dns->list);
	if (fflush(dns->file) != 0 || ferror(dns->file)) {
		ret = errno != 0 ? errno : EIO;
		*message = talloc_asprintf(dns, "cannot write: %s",
					   strerror(ret));
	}
	return ret;
}
