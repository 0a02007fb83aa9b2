/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What preflight sees in the records of an estate.
 *
 * Each name is kept once, as the first server had it; another server that has
 * it as another type is a clash, whatever the rules of replication made of it
 * there. Domains are looked at when all has come: their <1b> and <1c> lie side
 * by side in the order of names.
 *
 * Limits: 25 addresses is all that a record can carry, so one that has them
 * all may have had more; scopes end at 237 bytes; and a name that begins with
 * the byte 1B without being a <1b> cannot be said in replication at all
 * (protocol.md 2.1, 3.4).
 */
#include "migrate/live/preflight.h"

#include <inttypes.h>
#include <stdarg.h>

#include "core/addr.h"

void preflight_note(struct preflight *p, struct preflight_found *found,
		    const char *format, ...)
{
	va_list args;

	found->count++;
	if (found->samples == PREFLIGHT_SAMPLES) {
		return;
	}
	va_start(args, format);
	found->sample[found->samples] =
		talloc_vasprintf(p->mem_ctx, format, args);
	va_end(args);
	if (found->sample[found->samples] != NULL) {
		found->samples++;
	}
}

/* ---- one record ---- */

static void note_name(struct preflight *p, struct preflight_found *found,
		      const struct nb_name *name, const char *why)
{
	char text[NB_NAME_TEXT];

	preflight_note(p, found, "%s%s", nb_name_print(name, text), why);
}

static void look_limits(struct preflight *p, const struct nb_record *rec)
{
	const struct nb_name *name = &rec->name;

	if (rec->count == NB_MEMBERS_MAX) {
		note_name(p, &p->limits, name, " (25 addresses)");
	} else if (name->scope_len >= NB_SCOPE_LIMIT) {
		note_name(p, &p->limits, name, " (scope)");
	} else if (name->len > 0 && name->byte[0] == 0x1b &&
		   name->type != 0x1b) {
		note_name(p, &p->limits, name, " (begins with 1B)");
	}
}

/* What a suffix says of the type (protocol.md 1.7). */
static void look_suffix(struct preflight *p, const struct nb_record *rec)
{
	bool is_group = rec->type == NB_GROUP || rec->type == NB_SGROUP;
	const char *wrong = NULL;

	switch (rec->name.type) {
	case 0x1b:
		wrong = is_group ? " is a group" : NULL;
		break;
	case 0x1c:
		wrong = rec->type != NB_SGROUP ? " is no domain group" : NULL;
		break;
	case 0x1e:
		wrong = !is_group ? " is no group" : NULL;
		break;
	default:
		break;
	}
	if (wrong != NULL) {
		note_name(p, &p->clashes, &rec->name, wrong);
	}
}

static void note_clash(struct preflight *p, const struct compare_view *first,
		       unsigned int which, const struct nb_record *rec)
{
	char name[NB_NAME_TEXT], here[NB_ADDR_TEXT], there[NB_ADDR_TEXT];

	preflight_note(p, &p->clashes, "%s (%s at %s, %s at %s)",
		       nb_name_print(&rec->name, name),
		       nb_type_name(first->rec.type),
		       nb_addr_print(p->server[first->known], there),
		       nb_type_name(rec->type),
		       nb_addr_print(p->server[which], here));
}

/* A host with one address more is the same kind of thing. */
static bool same_kind(uint8_t a, uint8_t b)
{
	return a == b || ((a == NB_UNIQUE || a == NB_MHOMED) &&
			  (b == NB_UNIQUE || b == NB_MHOMED));
}

int preflight_look(struct preflight *p, unsigned int which,
		   const struct nb_record *rec)
{
	struct compare_view first;
	int ret = 0;

	p->records++;
	if (rec->state != NB_ACTIVE) {
		return 0;
	}
	ret = sides_get(p->sides, SIDES_OLD, &rec->name, &first);
	if (ret != 0) {
		return ret;
	}
	if (first.kind == COMPARE_RECORD) {
		if (!same_kind(first.rec.type, rec->type)) {
			note_clash(p, &first, which, rec);
		}
		return 0;
	}
	look_limits(p, rec);
	look_suffix(p, rec);
	if (rec->is_static) {
		note_name(p, &p->statics, &rec->name, "");
	}
	if (kept_out_name(&p->kept, &rec->name)) {
		note_name(p, &p->blocked, &rec->name, "");
	}
	first = (struct compare_view) {
		.kind = COMPARE_RECORD,
		.known = which,
		.rec = *rec,
	};
	return sides_put(p->sides, SIDES_OLD, &first);
}

/* ---- domains ---- */

static int partner_of(struct preflight *p, const struct nb_record *rec,
		      uint8_t type, struct compare_view *view)
{
	struct nb_name name = rec->name;

	name.type = type;
	return sides_get(p->sides, SIDES_OLD, &name, view);
}

static int look_domain(void *priv, const struct compare_view *old,
		       const struct compare_view *new)
{
	struct preflight *p = priv;
	const struct nb_record *rec = &old->rec;
	struct compare_view other;
	int ret = 0;

	(void)new;
	if (rec->name.type != 0x1b && rec->name.type != 0x1c) {
		return 0;
	}
	ret = partner_of(p, rec, rec->name.type == 0x1b ? 0x1c : 0x1b,
			 &other);
	if (ret != 0) {
		return ret;
	}
	p->domains += rec->name.type == 0x1c ||
		      other.kind == COMPARE_ABSENT;
	if (other.kind == COMPARE_ABSENT) {
		note_name(p, rec->name.type == 0x1b ? &p->no_1c : &p->no_1b,
			  &rec->name, "");
	} else if (rec->name.type == 0x1b && rec->count > 0 &&
		   nb_record_find(&other.rec, rec->member[0].ip) < 0) {
		note_name(p, &p->apart, &rec->name, "");
	}
	return 0;
}

/* ---- lines ---- */

static char *samples_text(struct preflight *p,
			  const struct preflight_found *found)
{
	char *text = talloc_asprintf(p->mem_ctx, "%" PRIu64, found->count);

	for (unsigned int i = 0; text != NULL && i < found->samples; i++) {
		text = talloc_asprintf_append(text, "%s%s", i > 0 ? ", " :
					      ": ", found->sample[i]);
	}
	if (text != NULL && found->count > found->samples) {
		text = talloc_strdup_append(text, ", ...");
	}
	return text;
}

static void tell_found(struct preflight *p, const char *check,
		       const struct preflight_found *found,
		       enum preflight_result if_any)
{
	preflight_tell(p, 0, check, !p->any_map ? PREFLIGHT_SKIPPED :
		       found->count > 0 ? if_any : PREFLIGHT_OK, "%s",
		       !p->any_map ? "no records came" :
		       found->count > 0 ? samples_text(p, found) : "none");
}

int preflight_tell_records(struct preflight *p)
{
	int ret = sides_each(p->sides, look_domain, p);

	if (ret != 0) {
		return ret;
	}
	tell_found(p, "name limits", &p->limits, PREFLIGHT_PROBLEM);
	tell_found(p, "blocked names", &p->blocked, PREFLIGHT_PROBLEM);
	tell_found(p, "static names", &p->statics, PREFLIGHT_NOTE);
	tell_found(p, "type clashes", &p->clashes, PREFLIGHT_PROBLEM);
	tell_found(p, "1C without 1B", &p->no_1b, PREFLIGHT_PROBLEM);
	tell_found(p, "1B without 1C", &p->no_1c, PREFLIGHT_PROBLEM);
	tell_found(p, "1B not in 1C", &p->apart, PREFLIGHT_PROBLEM);
	if (p->any_map) {
		preflight_tell(p, 0, "domains", PREFLIGHT_NOTE, "%" PRIu64
			       " in %" PRIu64 " active names", p->domains,
			       sides_number(p->sides, SIDES_OLD));
	}
	return 0;
}
