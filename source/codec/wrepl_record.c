/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One record of a SEND_REPLY: protocol.md 3.3 (the record) and 3.4 (its name).
 *
 *   length, name, padding | flags | group | version | address(es) | ffffffff
 *
 * Everything is a multiple of four bytes long, for the padding behind a name
 * is 1 to 4 bytes and not 0 to 3. All is big endian but for the group word
 * and the number of addresses.
 *
 * A record comes in pieces, from a peer that may lie about each length. Two
 * limits are kept apart: what has come (len) and what the frame still has
 * (left). A field beyond the second is an error at once, however little has
 * come; only a field between the two is waited for. The checks go in two
 * steps, up to the one address or the number of them, and to the end; nothing
 * is read before its step.
 *
 * What comes is made such a record as the store may hold, but for what
 * nb_record_settle() does: no address twice, no address of nobody, no member
 * that belongs to "us" because its owner is 0. Rejected: to refuse such
 * records, for one odd record would stop all replication (Q190506).
 */

#include <string.h>

#include "codec/be.h"
#include "codec/wrepl.h"

#define NAME_LEN_MAX	255u
#define NAME_SIMPLE	17u	/* fifteen bytes, type, zero: no scope */
#define TYPE_AT		15u	/* where the type stands */
#define DOMAIN_MASTER	0x1bu	/* the type that changes its place */
#define FIXED_LEN	24u	/* flags, group, version, address, ffffffff */
#define MEMBER_LEN	8u
#define END_MARK	0xffffffffu

#define FLAG_TYPE	0x03u
#define FLAG_LIST	0x02u	/* the bit of a type that has many addresses */
#define FLAG_STATE	0x0cu
#define FLAG_NODE	0x60u
#define FLAG_STATIC	0x80u

_Static_assert(4 + NAME_LEN_MAX + 1 + FIXED_LEN +
	       MEMBER_LEN * WREPL_ADDRESSES_MAX == WREPL_RECORD_MAX,
	       "the longest record is as long as is said");
_Static_assert(NAME_SIMPLE + NB_SCOPE_MAX == NAME_LEN_MAX,
	       "the longest scope makes the longest name");

static uint32_t le32_get(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[1] << 8 | p[0];
}

static uint8_t *le32_put(uint8_t *p, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++) {
		*p++ = (uint8_t)(value >> 8 * i);
	}
	return p;
}

static size_t padding(size_t name_len)
{
	return 4 - name_len % 4;
}

static void swap_type(uint8_t *raw)
{
	uint8_t byte = raw[0];

	raw[0] = raw[TYPE_AT];
	raw[TYPE_AT] = byte;
}

/*
 * The last byte should be zero and is not looked at. A scope ends at a NUL
 * like a name: peers hold it as text, and would know another name than we.
 */
static void read_scope(const uint8_t *at, size_t len, struct nb_name *name)
{
	const uint8_t *nul = memchr(at, '\0', len);

	if (nul != NULL) {
		len = (size_t)(nul - at);
	}
	if (len > NB_SCOPE_LIMIT) {
		len = NB_SCOPE_LIMIT;
	}
	nb_name_set_scope(name, at, len);
}

static void read_name(const uint8_t *at, size_t len, struct nb_name *name)
{
	uint8_t raw[TYPE_AT + 1] = { 0 };

	memcpy(raw, at, len < sizeof(raw) ? len : sizeof(raw));
	if (len >= sizeof(raw) && raw[0] == DOMAIN_MASTER) {
		swap_type(raw);
	}
	if (len < NAME_SIMPLE) {
		nb_name_init(name, raw, NB_NAME_MAX, 0x00);
		return;
	}
	nb_name_init(name, raw, NB_NAME_MAX, raw[TYPE_AT]);
	read_scope(at + TYPE_AT + 1, len - NAME_SIMPLE, name);
}

static void read_flags(uint32_t flags, struct nb_record *rec)
{
	rec->type = flags & FLAG_TYPE;
	rec->state = (uint8_t)((flags & FLAG_STATE) >> 2);
	rec->node = (uint8_t)((flags & FLAG_NODE) >> 5);
	rec->is_static = (flags & FLAG_STATIC) != 0;
}

/* In the order of the wire; as many as a record holds. */
static void read_member(uint32_t ip, uint32_t owner, struct nb_record *rec)
{
	struct nb_member *member = &rec->member[rec->count];

	if (rec->count < NB_MEMBERS_MAX && nb_record_find(rec, ip) < 0) {
		member->ip = ip;
		member->owner = owner;
		rec->count++;
	}
}

/*
 * An active normal group has an address, though nobody asks which, or it
 * would read as released: there alone 0.0.0.0 is kept.
 */
static void read_single(const uint8_t *at, struct nb_record *rec)
{
	uint32_t ip = be32_get(at);

	if (ip != 0 || (rec->type == NB_GROUP && rec->state == NB_ACTIVE)) {
		read_member(ip, rec->owner, rec);
	}
}

static void read_list(const uint8_t *at, uint32_t count, struct nb_record *rec)
{
	for (uint32_t i = 0; i < count; i++, at += MEMBER_LEN) {
		uint32_t owner = be32_get(at);
		uint32_t ip = be32_get(at + 4);

		if (ip != 0) {
			read_member(ip, owner != NB_SELF ? owner : rec->owner,
				    rec);
		}
	}
}

/* Is so much of the record there, is it still to come, or never? */
static enum wrepl_error have(size_t need, size_t len, uint64_t left)
{
	if (left < need) {
		return WREPL_SHORT;
	}
	return len < need ? WREPL_MORE : WREPL_OK;
}

/* Where the parts of a record lie; good once the lengths are checked. */
struct layout {
	size_t name_len;
	const uint8_t *flags;	/* group at + 4, version + 8, address + 16 */
	uint32_t addresses;	/* in the list; 0 in the single form */
	size_t total;
};

static enum wrepl_error measure(const uint8_t *data, size_t len, uint64_t left,
				struct layout *lay)
{
	enum wrepl_error error = have(4, len, left);
	uint32_t flags = 0;

	if (error != WREPL_OK) {
		return error;
	}
	lay->name_len = be32_get(data);
	if (lay->name_len == 0 || lay->name_len > NAME_LEN_MAX) {
		return WREPL_BAD_NAME;
	}
	lay->total = 4 + lay->name_len + padding(lay->name_len) + FIXED_LEN;
	error = have(lay->total, len, left);
	if (error != WREPL_OK) {
		return error;
	}
	lay->flags = data + lay->total - FIXED_LEN;
	flags = be32_get(lay->flags);
	if ((flags & FLAG_STATE) >> 2 > NB_TOMBSTONE) {
		return WREPL_BAD_RECORD;
	}
	if ((flags & FLAG_LIST) == 0) {
		return WREPL_OK;
	}
	lay->addresses = le32_get(lay->flags + 16);
	if (lay->addresses > WREPL_ADDRESSES_MAX) {
		return WREPL_BAD_RECORD;
	}
	lay->total += lay->addresses * (size_t)MEMBER_LEN;
	error = have(lay->total, len, left);
	return error == WREPL_SHORT ? WREPL_COUNT : error;
}

enum wrepl_error wrepl_decode_record(const uint8_t *data, size_t len,
				     uint64_t left, uint32_t owner,
				     struct nb_record *rec, size_t *used)
{
	struct layout lay = { 0 };
	enum wrepl_error error = measure(data, len, left, &lay);

	memset(rec, 0, sizeof(*rec));
	*used = 0;
	if (error != WREPL_OK) {
		return error;
	}
	read_name(data + 4, lay.name_len, &rec->name);
	read_flags(be32_get(lay.flags), rec);
	rec->owner = owner;
	rec->version = be64_get(lay.flags + 8);
	if ((rec->type & FLAG_LIST) == 0) {
		read_single(lay.flags + 16, rec);
	} else {
		read_list(lay.flags + 20, lay.addresses, rec);
	}
	*used = lay.total;
	return WREPL_OK;
}

/* Length, name, padding. Returns where it ends, NULL: cannot be said. */
static uint8_t *write_name(uint8_t *buf, const struct nb_name *name)
{
	size_t len = NAME_SIMPLE + (size_t)name->scope_len;
	uint8_t *raw = be32_put(buf, (uint32_t)len);

	if (name->scope_len > NB_SCOPE_MAX) {
		return NULL;
	}
	memset(raw, ' ', TYPE_AT);
	memcpy(raw, name->byte, name->len);
	raw[TYPE_AT] = name->type;
	if (name->type == DOMAIN_MASTER) {
		swap_type(raw);
	} else if (raw[0] == DOMAIN_MASTER) {
		return NULL;
	}
	memcpy(raw + TYPE_AT + 1, name->scope, name->scope_len);
	raw += len - 1;
	memset(raw, 0, 1 + padding(len));
	return raw + 1 + padding(len);
}

static uint32_t flags_of(const struct nb_record *rec)
{
	return (rec->type & 3u) | (rec->state & 3u) << 2 |
	       (rec->node & 3u) << 5 | (rec->is_static ? FLAG_STATIC : 0);
}

static uint8_t *write_list(uint8_t *p, const struct nb_record *rec,
			   uint32_t self)
{
	p = le32_put(p, rec->count);
	for (unsigned int i = 0; i < rec->count; i++) {
		uint32_t owner = rec->member[i].owner;

		p = be32_put(p, owner != NB_SELF ? owner : self);
		p = be32_put(p, rec->member[i].ip);
	}
	return p;
}

size_t wrepl_encode_record(uint8_t *buf, const struct nb_record *rec,
			   uint32_t self)
{
	uint8_t *p = write_name(buf, &rec->name);
	bool group = rec->type == NB_GROUP || rec->type == NB_SGROUP;

	if (p == NULL) {
		return 0;
	}
	p = be32_put(p, flags_of(rec));
	p = le32_put(p, group ? 1 : 0);
	p = be64_put(p, rec->version);
	if ((rec->type & FLAG_LIST) != 0) {
		p = write_list(p, rec, self);
	} else {
		p = be32_put(p, rec->count > 0 ? rec->member[0].ip : 0);
	}
	return (size_t)(be32_put(p, END_MARK) - buf);
}
