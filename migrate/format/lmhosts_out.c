/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing LMHOSTS so that it reads back as the same records (formats.md 6):
 *
 *   192.0.2.10  FILESRV                       three names of one host
 *   192.0.2.11  "SQL            \0x20"        one name alone
 *   192.0.2.20  DC1  #PRE #DOM:CORP           and a member of CORP<1c>
 *   192.0.2.30  GATE  #MH                     a line for each address
 *   192.0.2.40  "PRINTERS       \0x20"  #SG
 *
 * A bare name would stand for three, so it is written only where all three are
 * there and alike. A domain's member stands behind the host that has its
 * address, as clients want it; where no host does, the group is spelled out.
 * For that all records are gathered first, as little of each as is needed.
 */
#include "migrate/format/lmhosts_out.h"

#include <bsd/sys/tree.h>
#include <errno.h>
#include <string.h>

struct kept {
	RB_ENTRY(kept) entry;
	struct {
		uint8_t byte[NB_NAME_MAX];
		uint8_t len;
		uint8_t suffix;
	} name;
	uint8_t type;
	uint8_t count;
	bool written;
	const struct kept *domain;	/* to name behind it */
	uint32_t spelled;		/* members without a host, bit by bit */
	uint32_t ip[];
};

static int compare(const struct kept *a, const struct kept *b)
{
	return memcmp(&a->name, &b->name, sizeof(a->name));
}

RB_HEAD(kept_tree, kept);
/* RB_GENERATE_STATIC needs a BSD's own headers */
RB_GENERATE_INTERNAL(kept_tree, kept, entry, compare,
		     __attribute__((unused)) static)

struct place {
	uint32_t ip;
	struct kept *host;
};

struct lmhosts_out {
	FILE *file;
	struct tally *tally;
	struct kept_tree tree;
	size_t hosts;			/* unique names of hosts */
};

struct lmhosts_out *lmhosts_out_create(TALLOC_CTX *mem_ctx,
				       const struct format_end *end)
{
	struct lmhosts_out *out = talloc_zero(mem_ctx, struct lmhosts_out);

	if (out != NULL) {
		out->file = end->file;
		out->tally = end->tally;
		RB_INIT(&out->tree);
	}
	return out;
}

/* ---- gathering ---- */

/* NULL, or why the row cannot be written. */
static const char *unfit(const struct row *row)
{
	const struct nb_record *rec = &row->rec;

	if (row->kind != ROW_RECORD) {
		return "not a record";
	}
	if (rec->state != NB_ACTIVE) {
		return "only active records can be written";
	}
	if (rec->type == NB_GROUP) {
		return "a normal group cannot be written";
	}
	if (rec->name.scope_len > 0) {
		return "scope cannot be written";
	}
	if (memchr(rec->name.byte, '"', rec->name.len) != NULL ||
	    memchr(rec->name.byte, '\n', rec->name.len) != NULL) {
		return "a quote or line feed in a name cannot be written";
	}
	for (unsigned int i = 0; i < rec->count; i++) {
		if (!nb_addr_is_host(rec->member[i].ip)) {
			return "an address is not of a host";
		}
	}
	return NULL;
}

static bool is_host(const struct kept *k)
{
	return k->type == NB_UNIQUE &&
	       (k->name.suffix == 0x20 || k->name.suffix == 0x00);
}

static struct kept *keep(struct lmhosts_out *out, const struct nb_record *rec)
{
	size_t size = sizeof(struct kept) + rec->count * sizeof(uint32_t);
	struct kept *k = talloc_zero_size(out, size);

	if (k == NULL) {
		return NULL;
	}
	memcpy(k->name.byte, rec->name.byte, rec->name.len);
	k->name.len = rec->name.len;
	k->name.suffix = rec->name.type;
	k->type = rec->type;
	k->count = rec->count;
	for (unsigned int i = 0; i < rec->count; i++) {
		k->ip[i] = rec->member[i].ip;
	}
	return k;
}

/* Reading takes the type of a unique name from its suffix. */
static bool reads_otherwise(const struct nb_record *rec)
{
	static const char browsers[] = "\x01\x02__MSBROWSE__\x02";

	return rec->type == NB_UNIQUE &&
	       (rec->name.type == 0x1c || rec->name.type == 0x1e ||
		(rec->name.type == 0x01 &&
		 rec->name.len == sizeof(browsers) - 1 &&
		 memcmp(rec->name.byte, browsers, rec->name.len) == 0));
}

int lmhosts_out_put(struct lmhosts_out *out, const struct row *row,
		    char **message)
{
	const char *reason = unfit(row);
	struct kept *k = NULL;

	(void)message;
	if (reason != NULL) {
		tally_skipped(out->tally, row, reason);
		return 0;
	}
	k = keep(out, &row->rec);
	if (k == NULL) {
		return ENOMEM;
	}
	if (RB_INSERT(kept_tree, &out->tree, k) != NULL) {
		talloc_free(k);
		tally_skipped(out->tally, row, "the name came twice");
		return 0;
	}
	out->hosts += is_host(k);
	if (reads_otherwise(&row->rec)) {
		tally_changed(out->tally, row, "its suffix makes it a group");
	} else {
		tally_written(out->tally, row);
	}
	return 0;
}

/* ---- members of domains ---- */

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->ip != y->ip) {
		return x->ip < y->ip ? -1 : 1;
	}
	/* <20> before <00> */
	return (int)y->host->name.suffix - (int)x->host->name.suffix;
}

/* The host with this address to name the domain behind; NULL: none is free. */
static struct kept *host_at(const struct place *places, size_t count,
			    uint32_t ip)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (places[middle].ip < ip) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	while (low < count && places[low].ip == ip &&
	       places[low].host->domain != NULL) {
		low++;
	}
	return low < count && places[low].ip == ip ? places[low].host : NULL;
}

/* May it stand without quotes, and come back as it is? */
static bool is_bare(const struct kept *k)
{
	for (unsigned int i = 0; i < k->name.len; i++) {
		uint8_t byte = k->name.byte[i];

		if (byte <= ' ' || byte > '~' || byte == '#' ||
		    (byte >= 'a' && byte <= 'z')) {
			return false;
		}
	}
	return k->name.len > 0;
}

static void settle_domain(struct kept *group, const struct place *places,
			  size_t count)
{
	for (unsigned int i = 0; i < group->count; i++) {
		struct kept *host = is_bare(group) ?
				    host_at(places, count, group->ip[i]) :
				    NULL;

		if (host == NULL) {
			group->spelled |= 1u << i;
		} else {
			host->domain = group;
		}
	}
}

static int settle_domains(struct lmhosts_out *out)
{
	struct place *places = talloc_array(out, struct place,
					    out->hosts + 1);
	struct kept *k = NULL;
	size_t count = 0;

	if (places == NULL) {
		return ENOMEM;
	}
	RB_FOREACH(k, kept_tree, &out->tree) {
		if (is_host(k)) {
			places[count++] = (struct place) { k->ip[0], k };
		}
	}
	qsort(places, count, sizeof(places[0]), compare_places);
	RB_FOREACH(k, kept_tree, &out->tree) {
		if (k->type == NB_SGROUP && k->name.suffix == 0x1c) {
			settle_domain(k, places, count);
		}
	}
	talloc_free(places);
	return 0;
}

/* ---- lines ---- */

static void print_name(FILE *file, const struct kept *k, bool bare,
		       bool tagged)
{
	if (bare) {
		(void)fprintf(file, "%-*.*s", tagged ? 22 : 0, k->name.len,
			      (const char *)k->name.byte);
		return;
	}
	(void)fputc('"', file);
	(void)fwrite(k->name.byte, 1, k->name.len, file);
	(void)fprintf(file, "%*s\\0x%02x\"", NB_NAME_MAX - k->name.len, "",
		      k->name.suffix);
}

static void print_line(FILE *file, const struct kept *k, unsigned int index,
		       bool bare, const struct kept *domain)
{
	char ip[NB_ADDR_TEXT];

	(void)fprintf(file, "%-15s ", nb_addr_print(k->ip[index], ip));
	print_name(file, k, bare, k->type == NB_MHOMED || domain != NULL);
	if (k->type == NB_MHOMED) {
		(void)fputs(" #MH", file);
	} else if (k->type == NB_SGROUP && k->name.suffix != 0x1c) {
		(void)fputs(" #SG", file);
	}
	if (domain != NULL) {
		(void)fprintf(file, " #PRE #DOM:%.*s", domain->name.len,
			      (const char *)domain->name.byte);
	}
	(void)fputc('\n', file);
}

static struct kept *other(struct lmhosts_out *out, const struct kept *k,
			  uint8_t suffix)
{
	struct kept key = { .name = k->name };

	key.name.suffix = suffix;
	return RB_FIND(kept_tree, &out->tree, &key);
}

static bool alike(const struct kept *a, const struct kept *b)
{
	return b != NULL && !b->written && a->type == b->type &&
	       a->count == b->count &&
	       memcmp(a->ip, b->ip, a->count * sizeof(a->ip[0])) == 0;
}

/* A host's <00>: one line for it and for its <03> and <20>, if it may be. */
static bool take_others(struct lmhosts_out *out, struct kept *k,
			const struct kept **domain)
{
	struct kept *third = other(out, k, 0x03), *last = other(out, k, 0x20);

	if (k->name.suffix != 0x00 || k->type == NB_SGROUP || !is_bare(k) ||
	    !alike(k, third) || !alike(k, last) ||
	    (k->domain != NULL && last->domain != NULL)) {
		return false;
	}
	*domain = last->domain != NULL ? last->domain : k->domain;
	third->written = last->written = true;
	return true;
}

static void print_kept(struct lmhosts_out *out, struct kept *k)
{
	bool is_domain = k->type == NB_SGROUP && k->name.suffix == 0x1c;
	const struct kept *domain = k->domain;
	bool bare = take_others(out, k, &domain);

	for (unsigned int i = 0; i < k->count; i++) {
		if (!is_domain || (k->spelled & 1u << i) != 0) {
			print_line(out->file, k, i, bare, domain);
		}
	}
	k->written = true;
}

int lmhosts_out_end(struct lmhosts_out *out, char **message)
{
	struct kept *k = NULL;
	int ret = settle_domains(out);

	(void)message;
	if (ret != 0) {
		return ret;
	}
	(void)fputs("# LMHOSTS, written by winsmigrate. Put it into "
		    "%SystemRoot%\\system32\\drivers\\etc of a\n"
		    "# client, or import it into a WINS server.\n",
		    out->file);
	RB_FOREACH(k, kept_tree, &out->tree) {
		if (!k->written) {
			print_kept(out, k);
		}
	}
	if (fflush(out->file) != 0 || ferror(out->file)) {
		return errno != 0 ? errno : EIO;
	}
	return 0;
}
