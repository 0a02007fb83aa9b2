/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The oracle works on a list of everything that the header counts: first the
 * whole datagram is cut into questions and records, then the sentences of the
 * specification are asked about them one by one. Slow and simple on purpose.
 * What the specification leaves open is typed from the head of codec/nbns.h.
 */

#include <stdbool.h>
#include <string.h>

#include "codec/nbns.h"
#include "sim/nbns_oracle.h"

#define REFUSED (-1)
#define NOWHERE ((size_t)-1)

struct bytes {
	const uint8_t *at;
	size_t len;
};

/* A question or record: where its name starts and what follows it. */
struct item {
	size_t name;
	unsigned int type;
	unsigned int class;
	unsigned int rdlength;
};

struct whole {
	unsigned int count[4];
	struct item first[4];	/* the first of each section */
};

static unsigned int word(const struct bytes *b, size_t at)
{
	return b->at[at] * 256u + b->at[at + 1];
}

/* Where the name at this place ends, or NOWHERE. */
static size_t behind_name(const struct bytes *b, size_t at)
{
	for (;;) {
		if (at >= b->len) {
			return NOWHERE;
		}
		if (b->at[at] >= 192) {
			return at + 2 <= b->len ? at + 2 : NOWHERE;
		}
		if (b->at[at] >= 64) {
			return NOWHERE;
		}
		if (b->at[at] == 0) {
			return at + 1;
		}
		at += 1u + b->at[at];
	}
}

static size_t behind_item(const struct bytes *b, size_t at, bool record,
			  struct item *item)
{
	size_t tail = record ? 10 : 4;

	item->name = at;
	at = behind_name(b, at);
	if (at == NOWHERE || b->len < at + tail) {
		return NOWHERE;
	}
	item->type = word(b, at);
	item->class = word(b, at + 2);
	item->rdlength = record ? word(b, at + 8) : 0;
	at += tail + item->rdlength;
	return at <= b->len ? at : NOWHERE;
}

static bool cut_up(const struct bytes *b, struct whole *w)
{
	size_t at = 12;

	for (int s = 0; s < 4; s++) {
		w->count[s] = word(b, 4 + 2 * (size_t)s);
	}
	for (int s = 0; s < 4; s++) {
		for (unsigned int i = 0; i < w->count[s]; i++) {
			struct item item;

			at = behind_item(b, at, s > 0, &item);
			if (at == NOWHERE) {
				return false;
			}
			if (i == 0) {
				w->first[s] = item;
			}
		}
	}
	return true;
}

/* A name spelled out: all its labels, each with its length before it. */
struct spelled {
	size_t len;
	uint8_t text[512];
};

/*
 * 1.2: every pointer leads towards the front (before the piece that it ends,
 * behind the header), five of them at most.
 */
static bool spell(const struct bytes *b, size_t at, unsigned int pointers,
		  struct spelled *s)
{
	size_t start = at;

	while (at < b->len && b->at[at] > 0 && b->at[at] < 64) {
		size_t step = 1u + b->at[at];

		if (at + step > b->len || s->len + step > sizeof(s->text)) {
			return false;
		}
		memcpy(s->text + s->len, b->at + at, step);
		s->len += step;
		at += step;
	}
	if (at >= b->len || (b->at[at] >= 64 && b->at[at] < 192)) {
		return false;
	}
	if (b->at[at] == 0) {
		return true;
	}
	if (at + 2 > b->len || pointers == 5) {
		return false;
	}
	at = word(b, at) - 0xc000u;
	return at >= 12 && at < start && spell(b, at, pointers + 1, s);
}

/* The sixteen bytes and the scope that stand for a name. */
struct meaning {
	uint8_t byte[16];
	size_t scope_len;
	uint8_t scope[512];
};

/* 1.2: A..P, an even number, 32 at most; cut at NUL; blanks at the end. */
static bool mean_label(const uint8_t *text, size_t len, struct meaning *m)
{
	size_t end = 0;

	memset(m->byte, ' ', 15);
	m->byte[15] = 0;
	if (len > 32 || len % 2 == 1) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] < 'A' || text[i] > 'P') {
			return false;
		}
	}
	for (size_t i = 0; i < len / 2; i++) {
		unsigned int byte = (text[2 * i] - 65u) * 16u +
				    (text[2 * i + 1] - 65u);

		if (i == 15) {
			m->byte[15] = (uint8_t)byte;
		} else if (end == i && byte != 0) {
			m->byte[end++] = (uint8_t)byte;
		}
	}
	return true;
}

/* 1.2: labels joined with dots, up to 238; nbname.h: no dot, no NUL in it. */
static bool mean_scope(const struct spelled *s, size_t at, struct meaning *m)
{
	m->scope_len = 0;
	while (at < s->len) {
		size_t count = s->text[at];

		if (m->scope_len > 0) {
			m->scope[m->scope_len++] = '.';
		}
		for (size_t i = 1; i <= count; i++) {
			uint8_t c = s->text[at + i];

			if (c == '.' || c == '\0') {
				return false;
			}
			m->scope[m->scope_len++] = c;
		}
		at += 1 + count;
	}
	return m->scope_len <= 238;
}

static bool mean(const struct bytes *b, const struct item *item,
		 struct meaning *m)
{
	struct spelled s;

	s.len = 0;
	return spell(b, item->name, 0, &s) && s.len > 0 &&
	       mean_label(s.text + 1, s.text[0], m) &&
	       mean_scope(&s, 1u + s.text[0], m);
}

static bool same_name(const struct bytes *b, const struct item *x,
		      const struct item *y)
{
	struct meaning mx;
	struct meaning my;

	return mean(b, x, &mx) && mean(b, y, &my) &&
	       memcmp(mx.byte, my.byte, 16) == 0 &&
	       mx.scope_len == my.scope_len &&
	       memcmp(mx.scope, my.scope, mx.scope_len) == 0;
}

/* 1.6 query routing; 1.4: a node status asks for NBSTAT. */
static int judge_query(const struct whole *w)
{
	if (w->count[0] != 1) {
		return REFUSED;
	}
	if (w->first[0].type == 33) {
		return NBNS_STATUS;
	}
	return w->first[0].type == 32 ? NBNS_QUERY : REFUSED;
}

/* 1.6 validation, 1.1 opcodes. */
static int judge_request(const struct bytes *b, const struct whole *w,
			 unsigned int opcode)
{
	const struct item *question = &w->first[0];
	const struct item *additional = &w->first[3];
	struct meaning m;

	if (w->count[0] == 0 || question->class != 1 || !mean(b, question, &m)) {
		return REFUSED;
	}
	if (opcode == 0) {
		return judge_query(w);
	}
	if (question->type != 32 || w->count[3] == 0 ||
	    additional->type != 32 || additional->class != 1 ||
	    !same_name(b, question, additional)) {
		return REFUSED;
	}
	if (opcode == 5 || opcode == 8 || opcode == 9) {
		if (w->count[0] != 1 || w->count[3] != 1 ||
		    additional->rdlength != 6) {
			return REFUSED;
		}
		return opcode == 5 ? NBNS_REGISTER : NBNS_REFRESH;
	}
	if (opcode == 15) {
		return additional->rdlength >= 6 ? NBNS_MREGISTER : REFUSED;
	}
	return opcode == 6 ? NBNS_RELEASE : REFUSED;
}

static int judge_query_reply(const struct item *answer, bool error)
{
	if (error || answer->type == 10) {
		return NBNS_NEGATIVE_REPLY;
	}
	if (answer->type == 33 && answer->rdlength >= 1) {
		return NBNS_STATUS_REPLY;
	}
	return answer->type == 32 && answer->rdlength >= 6 ?
	       NBNS_QUERY_REPLY : REFUSED;
}

/* 1.4: what a client looks at; 10.2: both types of a WACK. */
static int judge_response(const struct bytes *b, const struct whole *w,
			  unsigned int opcode, unsigned int rcode)
{
	const struct item *answer = &w->first[1];
	bool nb = answer->type == 32;
	struct meaning m;

	if (w->count[1] != 1 || answer->class != 1 || !mean(b, answer, &m)) {
		return REFUSED;
	}
	switch (opcode) {
	case 0:
		return judge_query_reply(answer, rcode != 0);
	case 5:
	case 8:
	case 9:
	case 15:
		return rcode != 0 || (nb && answer->rdlength >= 6) ?
		       NBNS_REGISTER_REPLY : REFUSED;
	case 6:
		return rcode != 0 || nb ? NBNS_RELEASE_REPLY : REFUSED;
	case 7:
		return (nb || answer->type == 10) && answer->rdlength >= 2 ?
		       NBNS_WACK : REFUSED;
	default:
		return REFUSED;
	}
}

int nbns_oracle(const uint8_t *data, size_t len)
{
	struct bytes b = { .at = data, .len = len };
	struct whole w;
	unsigned int opcode = 0;

	memset(&w, 0, sizeof(w));
	if (len < 12 || !cut_up(&b, &w)) {
		return REFUSED;
	}
	opcode = data[2] / 8u % 16u;
	if (data[2] >= 128) {
		return judge_response(&b, &w, opcode, data[3] % 16u);
	}
	return judge_request(&b, &w, opcode);
}
