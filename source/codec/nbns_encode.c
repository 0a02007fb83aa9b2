/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values to datagrams of UDP 137, by the tables of protocol.md 1.4 and 1.5.
 *
 * Replies carry one answer and nothing else. Refresh and multihomed requests
 * are answered with opcode 5; the first label and the RDATA come back as the
 * client sent them, whatever padding or flags it chose. Who may be answered
 * what, and for how long, was decided before: no rule lives here.
 */

#include <string.h>

#include "codec/be.h"
#include "codec/nbname.h"
#include "codec/nbns.h"

#define CLASS_IN	1
#define ENTRY_LEN	6
#define STATUS_LEN	18
#define STATISTICS_LEN	46

/* Where writing stands; full once something did not fit or cannot be said. */
struct writer {
	uint8_t *buf;
	size_t size;
	size_t pos;
	bool full;
};

/* Room for len bytes, or NULL. */
static uint8_t *claim(struct writer *w, size_t len)
{
	uint8_t *p = w->buf + w->pos;

	if (w->full || w->size - w->pos < len) {
		w->full = true;
		return NULL;
	}
	w->pos += len;
	return p;
}

static void write_header(struct writer *w, uint16_t trn_id,
			 uint16_t operation, uint16_t questions,
			 uint16_t answers, uint16_t additional)
{
	uint8_t *p = claim(w, 12);

	if (p == NULL) {
		return;
	}
	p = be16_put(p, trn_id);
	p = be16_put(p, operation);
	p = be16_put(p, questions);
	p = be16_put(p, answers);
	p = be16_put(p, 0);
	be16_put(p, additional);
}

/* The name: its first label raw if the client's is known. */
static void write_name(struct writer *w, const struct nb_name *name,
		       const uint8_t *label, uint8_t label_len)
{
	size_t len = 0;

	if (w->full) {
		return;
	}
	if (label_len > 0) {
		len = nbname_encode_raw(w->buf + w->pos, w->size - w->pos,
					label, label_len, name);
	} else {
		len = nbname_encode(w->buf + w->pos, w->size - w->pos, name);
	}
	w->pos += len;
	w->full = len == 0;
}

static void write_question_tail(struct writer *w, uint16_t type)
{
	uint8_t *p = claim(w, 4);

	if (p != NULL) {
		p = be16_put(p, type);
		be16_put(p, CLASS_IN);
	}
}

/* Type to RDLENGTH, which is patched when the RDATA is written. */
static void write_record_tail(struct writer *w, uint16_t type, uint32_t ttl)
{
	uint8_t *p = claim(w, 10);

	if (p != NULL) {
		p = be16_put(p, type);
		p = be16_put(p, CLASS_IN);
		p = be32_put(p, ttl);
		be16_put(p, 0);
	}
}

static void patch_rdlength(struct writer *w, size_t start)
{
	if (!w->full) {
		be16_put(w->buf + start - 2, (uint16_t)(w->pos - start));
	}
}

static void write_entry(struct writer *w, uint16_t nb_flags, uint32_t addr)
{
	uint8_t *p = claim(w, ENTRY_LEN);

	if (p != NULL) {
		p = be16_put(p, nb_flags);
		be32_put(p, addr);
	}
}

static size_t written(const struct writer *w)
{
	return w->full ? 0 : w->pos;
}

size_t nbns_encode_request(uint8_t *buf, size_t size, enum nbns_kind kind,
			   uint16_t trn_id, uint16_t operation,
			   const struct nb_name *name, uint32_t ttl,
			   uint16_t nb_flags, uint32_t addr)
{
	struct writer w = { .buf = buf, .size = size };
	bool asks = kind == NBNS_QUERY || kind == NBNS_STATUS;
	size_t start = 0;
	uint8_t *p = NULL;

	write_header(&w, trn_id, operation, 1, 0, asks ? 0 : 1);
	write_name(&w, name, NULL, 0);
	write_question_tail(&w, kind == NBNS_STATUS ? NBNS_TYPE_NBSTAT :
						      NBNS_TYPE_NB);
	if (asks) {
		return written(&w);
	}
	p = claim(&w, 2);
	if (p != NULL) {
		be16_put(p, 0xc00c);	/* the name, behind the header */
	}
	write_record_tail(&w, NBNS_TYPE_NB, ttl);
	start = w.pos;
	write_entry(&w, nb_flags, addr);
	patch_rdlength(&w, start);
	return written(&w);
}

static void rdata_echo(struct writer *w, const struct nb_origin *origin,
		       const struct nb_reply *reply)
{
	size_t len = origin->rdata_len;
	uint8_t *p = NULL;

	(void)reply;
	if (len > sizeof(origin->rdata)) {
		len = sizeof(origin->rdata);
	}
	p = claim(w, len);
	if (p != NULL) {
		memcpy(p, origin->rdata, len);
	}
}

static void rdata_operation(struct writer *w, const struct nb_origin *origin,
			    const struct nb_reply *reply)
{
	uint8_t *p = claim(w, 2);

	(void)reply;
	if (p != NULL) {
		be16_put(p, origin->operation);
	}
}

static void rdata_addresses(struct writer *w, const struct nb_origin *origin,
			    const struct nb_reply *reply)
{
	(void)origin;
	for (unsigned int i = 0; i < reply->count && i < NB_MEMBERS_MAX; i++) {
		write_entry(w, reply->nb_flags, reply->addr[i]);
	}
}

static void write_status(struct writer *w, const struct nb_status_name *own)
{
	uint8_t *p = claim(w, STATUS_LEN);

	if (p == NULL) {
		return;
	}
	memset(p, ' ', NB_NAME_MAX);
	memcpy(p, own->name.byte, own->name.len);
	p[NB_NAME_MAX] = own->name.type;
	be16_put(p + NB_NAME_MAX + 1, own->nb_flags);
}

static void rdata_status(struct writer *w, const struct nb_origin *origin,
			 const struct nb_reply *reply)
{
	uint8_t count = reply->count < NB_STATUS_MAX ? reply->count :
						       NB_STATUS_MAX;
	uint8_t *p = claim(w, 1);

	(void)origin;
	if (p != NULL) {
		*p = count;
	}
	for (unsigned int i = 0; i < count; i++) {
		write_status(w, &reply->names[i]);
	}
	p = claim(w, STATISTICS_LEN);
	if (p != NULL) {
		memset(p, 0, STATISTICS_LEN);
	}
}

static void rdata_none(struct writer *w, const struct nb_origin *origin,
		       const struct nb_reply *reply)
{
	(void)w;
	(void)origin;
	(void)reply;
}

enum ttl_from {
	TTL_ZERO,
	TTL_ASKED,		/* as the request had it */
	TTL_DECIDED,		/* as the verdict has it */
	TTL_IF_GRANTED,		/* decided, but as asked in a refusal */
};

/* The table of replies in protocol.md 1.4. */
static const struct reply_row {
	uint16_t operation;
	uint16_t rcode;		/* which bits of it the verdict sets */
	uint16_t type;
	enum ttl_from ttl;
	void (*rdata)(struct writer *w, const struct nb_origin *origin,
		      const struct nb_reply *reply);
} replies[] = {
	[NB_REPLY_REGISTER] = { 0xad80, NBNS_OP_RCODE, NBNS_TYPE_NB,
				TTL_IF_GRANTED, rdata_echo },
	[NB_REPLY_RELEASE] = { 0xb400, NBNS_OP_RCODE, NBNS_TYPE_NB,
			       TTL_ASKED, rdata_echo },
	[NB_REPLY_WACK] = { 0xbc00, 0, NBNS_TYPE_NB,
			    TTL_DECIDED, rdata_operation },
	[NB_REPLY_ADDRESSES] = { 0x8580, 0, NBNS_TYPE_NB,
				 TTL_DECIDED, rdata_addresses },
	[NB_REPLY_NEGATIVE] = { 0x8403, 0, NBNS_TYPE_NULL,
				TTL_ZERO, rdata_none },
	[NB_REPLY_STATUS] = { 0x8400, 0, NBNS_TYPE_NBSTAT,
			      TTL_ZERO, rdata_status },
};

static uint32_t reply_ttl(const struct reply_row *row,
			  const struct nb_origin *origin,
			  const struct nb_reply *reply)
{
	bool granted = reply->rcode == NB_RCODE_OK;

	switch (row->ttl) {
	case TTL_ASKED:
		return origin->ttl;
	case TTL_DECIDED:
		return reply->ttl;
	case TTL_IF_GRANTED:
		return granted ? reply->ttl : origin->ttl;
	default:
		return 0;
	}
}

size_t nbns_encode_reply(uint8_t *buf, size_t size,
			 const struct nb_origin *origin,
			 const struct nb_name *name,
			 const struct nb_reply *reply)
{
	struct writer w = { .buf = buf, .size = size };
	const struct reply_row *row = NULL;
	size_t start = 0;

	if (reply->kind == NB_REPLY_NONE || reply->kind > NB_REPLY_STATUS) {
		return 0;
	}
	row = &replies[reply->kind];
	write_header(&w, origin->trn_id,
		     row->operation | (reply->rcode & row->rcode), 0, 1, 0);
	write_name(&w, name, origin->label, origin->label_len);
	write_record_tail(&w, row->type, reply_ttl(row, origin, reply));
	start = w.pos;
	row->rdata(&w, origin, reply);
	patch_rdlength(&w, start);
	return written(&w);
}
