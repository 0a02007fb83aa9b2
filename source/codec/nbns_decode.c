/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Datagrams of UDP 137 to values: walk the sections that the header counts,
 * collect the numbers, ask the table, fill the message.
 *
 * Nothing is judged here but structure (bytes, names); what may come in is
 * nbns_table.c's business. Only the first question or the first record of one
 * section is ever read; whatever else is counted is skipped without following
 * a pointer, so a datagram costs time in proportion to its length and no name
 * in it can be read more than twice.
 */

#include <string.h>

#include "codec/be.h"
#include "codec/nbname.h"
#include "codec/nbns_table.h"

#define HEADER_LEN	12
#define QUESTION_TAIL	4	/* type, class */
#define RECORD_TAIL	10	/* type, class, TTL, RDLENGTH */
#define ENTRY_LEN	6	/* NB_FLAGS, address */
#define STATUS_LEN	18	/* name, type, NB_FLAGS */
#define LABEL_MAX	63
#define NAME_POINTER	0xc0u
#define TO_QUESTION	0xc00cu	/* pointer to the first name */

struct reader {
	const uint8_t *data;
	size_t len;
	size_t pos;
	struct nbns_facts facts;
};

static size_t left(const struct reader *r)
{
	return r->len - r->pos;
}

static enum nbns_error skip_name(struct reader *r)
{
	while (left(r) > 0) {
		uint8_t count = r->data[r->pos];
		size_t step = 1 + (size_t)count;

		if (count > LABEL_MAX) {
			if ((count & NAME_POINTER) != NAME_POINTER) {
				return NBNS_BAD_NAME;
			}
			step = 2;
		}
		if (left(r) < step) {
			return NBNS_SHORT;
		}
		r->pos += step;
		if (step == 1 || count > LABEL_MAX) {
			return NBNS_OK;
		}
	}
	return NBNS_SHORT;
}

static enum nbns_error read_name(struct reader *r, struct nbns_msg *msg)
{
	if (nbname_decode(r->data, r->len, &r->pos, &msg->name, msg->label,
			  &msg->label_len)) {
		return NBNS_OK;
	}
	/* Tell a name that ends too early from one that is wrong. */
	if (skip_name(r) == NBNS_SHORT) {
		return NBNS_SHORT;
	}
	return NBNS_BAD_NAME;
}

/* The name of an additional record: the question's once more, or refused. */
static enum nbns_error read_name_again(struct reader *r,
				       const struct nbns_msg *msg)
{
	if (left(r) >= 2 && be16_get(r->data + r->pos) == TO_QUESTION) {
		r->pos += 2;
	} else {
		struct nbns_msg other;
		enum nbns_error error = read_name(r, &other);

		if (error != NBNS_OK) {
			return error;
		}
		if (!nb_name_equal(&other.name, &msg->name)) {
			return NBNS_BAD_NAME;
		}
	}
	return NBNS_OK;
}

static enum nbns_error read_question(struct reader *r, struct nbns_msg *msg,
				     bool wanted)
{
	enum nbns_error error = wanted ? read_name(r, msg) : skip_name(r);

	if (error != NBNS_OK) {
		return error;
	}
	if (left(r) < QUESTION_TAIL) {
		return NBNS_SHORT;
	}
	if (wanted) {
		r->facts.question_type = be16_get(r->data + r->pos);
		r->facts.question_class = be16_get(r->data + r->pos + 2);
	}
	r->pos += QUESTION_TAIL;
	return NBNS_OK;
}

/* Everything of a record behind its name. */
static enum nbns_error read_record_tail(struct reader *r,
					struct nbns_msg *msg, bool wanted)
{
	const uint8_t *tail = r->data + r->pos;
	size_t rdlength = 0;

	if (left(r) < RECORD_TAIL) {
		return NBNS_SHORT;
	}
	rdlength = be16_get(tail + 8);
	r->pos += RECORD_TAIL;
	if (left(r) < rdlength) {
		return NBNS_SHORT;
	}
	r->pos += rdlength;
	if (wanted) {
		r->facts.type = be16_get(tail);
		r->facts.class = be16_get(tail + 2);
		r->facts.rdlength = (uint16_t)rdlength;
		msg->ttl = be32_get(tail + 4);
		msg->rdlength = (uint16_t)rdlength;
		msg->rdata = tail + RECORD_TAIL;
	}
	return NBNS_OK;
}

static enum nbns_error read_record(struct reader *r, struct nbns_msg *msg,
				   enum nbns_section section, bool wanted)
{
	enum nbns_error error = NBNS_OK;

	if (!wanted) {
		error = skip_name(r);
	} else if (section == NBNS_ADDITIONAL) {
		error = read_name_again(r, msg);
	} else {
		error = read_name(r, msg);
	}
	return error != NBNS_OK ? error : read_record_tail(r, msg, wanted);
}

/* Walk all sections; keep the first question and the first record wanted. */
static enum nbns_error read_sections(struct reader *r, struct nbns_msg *msg,
				     const struct nbns_row *row)
{
	for (int section = 0; section < NBNS_SECTIONS; section++) {
		for (unsigned int i = 0; i < r->facts.count[section]; i++) {
			enum nbns_error error = NBNS_OK;

			if (section == NBNS_QUESTION) {
				error = read_question(r, msg, i == 0 &&
						      row->question != 0);
			} else {
				error = read_record(r, msg, section, i == 0 &&
						    section == row->first);
			}
			if (error != NBNS_OK) {
				return error;
			}
		}
	}
	return NBNS_OK;
}

/* What the kind defines, now that the table has accepted. */
static void fill(struct nbns_msg *msg, const struct nbns_facts *facts,
		 enum nbns_kind kind)
{
	msg->kind = kind;
	if (facts->type == NBNS_TYPE_NB && msg->rdlength >= ENTRY_LEN) {
		msg->nb_flags = be16_get(msg->rdata);
		msg->addr = be32_get(msg->rdata + 2);
	}
	if (kind == NBNS_WACK) {
		msg->wait_op = be16_get(msg->rdata);
	}
	if (kind != NBNS_QUERY_REPLY) {
		return;
	}
	while (msg->count < NB_MEMBERS_MAX &&
	       (msg->count + 1) * ENTRY_LEN <= msg->rdlength) {
		msg->addrs[msg->count] = be32_get(msg->rdata + 2 +
						  msg->count * ENTRY_LEN);
		msg->count++;
	}
}

static void read_header(struct reader *r, struct nbns_msg *msg)
{
	msg->trn_id = be16_get(r->data);
	msg->operation = be16_get(r->data + 2);
	r->facts.operation = msg->operation;
	for (int i = 0; i < NBNS_SECTIONS; i++) {
		r->facts.count[i] = be16_get(r->data + 4 + 2 * i);
	}
	r->pos = HEADER_LEN;

	msg->ttl = 0;
	msg->rdlength = 0;
	msg->rdata = NULL;
	msg->nb_flags = 0;
	msg->addr = 0;
	msg->count = 0;
	msg->wait_op = 0;
}

enum nbns_error nbns_decode(const uint8_t *data, size_t len,
			    struct nbns_msg *msg)
{
	struct reader r = { .data = data, .len = len };
	const struct nbns_row *row = NULL;
	enum nbns_error error = NBNS_OK;

	if (len < HEADER_LEN) {
		msg->trn_id = len < 2 ? 0 : be16_get(data);
		return NBNS_SHORT;
	}
	read_header(&r, msg);
	row = nbns_row_counts(&r.facts, &error);
	if (row == NULL) {
		return error;
	}
	error = read_sections(&r, msg, row);
	if (error != NBNS_OK) {
		return error;
	}
	row = nbns_row_match(row, &r.facts, &error);
	if (row == NULL) {
		return error;
	}
	fill(msg, &r.facts, row->kind);
	return NBNS_OK;
}

bool nbns_status_entry(const struct nbns_msg *msg, unsigned int index,
		       struct nb_status_name *entry)
{
	const uint8_t *at = NULL;

	if (msg->kind != NBNS_STATUS_REPLY || index >= msg->rdata[0] ||
	    1 + (index + 1) * STATUS_LEN > msg->rdlength) {
		return false;
	}
	at = msg->rdata + 1 + index * STATUS_LEN;
	entry->name = nb_name_make(at, NB_NAME_MAX, at[NB_NAME_MAX]);
	entry->nb_flags = be16_get(at + NB_NAME_MAX + 1);
	return true;
}
