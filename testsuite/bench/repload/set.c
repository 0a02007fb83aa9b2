/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * set: what the records of a set look like (protocol.md 3.3 and 3.4), and
 * whether what came is one of them.
 *
 *	17, name and zero, 3 of padding | flags | group | version | address | -1
 *
 * Everything of such a record follows from its index, but for the version
 * where clients registered the name. So it is compared with what it must be.
 */
#include <stdio.h>
#include <string.h>

#include "codec/be.h"
#include "repload.h"

#define NAME_AT		4u
#define FLAGS_AT	24u
#define VERSION_AT	32u
#define ADDRESS_AT	40u
#define END_AT		44u
#define UNIQUE_ACTIVE_H	0x60u
#define FLAG_LIST	0x02u
#define FLAG_ANY	0x10u	/* means nothing */

const char *const wrong_name[W_KINDS] = {
	"form", "name", "address", "version", "twice", "missing",
};

void set_name(const struct set *set, uint32_t at, uint8_t name[16])
{
	char text[17];
	int len = snprintf(text, sizeof(text), "%.6sN%08X", set->prefix,
			   set->first + at);

	memset(name, ' ', 16);
	memcpy(name, text, (size_t)len);
	name[15] = 0x20;
}

/* As load/ has it: 254 hosts a network, in 10.128.0.0/9. */
uint32_t set_address(const struct set *set, uint32_t at)
{
	uint32_t index = set->first + at + set->shift;
	uint32_t n = index / 254;

	return 0x0a800000u | (n & 0x7fffu) << 8 | (index % 254 + 1);
}

static uint64_t set_version(const struct set *set, uint32_t at)
{
	return set->version + at;
}

void set_record(const struct set *set, uint32_t at, uint8_t *out)
{
	memset(out, 0, RECORD_LEN);
	be32_put(out, 17);
	set_name(set, at, out + NAME_AT);
	be32_put(out + FLAGS_AT, UNIQUE_ACTIVE_H);
	be64_put(out + VERSION_AT, set_version(set, at));
	be32_put(out + ADDRESS_AT, set_address(set, at));
	be32_put(out + END_AT, 0xffffffffu);
}

/* ---- judging ---- */

/*
 * The record in front, of any type and name: where its flags stand, and its
 * length. 0: it is not whole.
 */
static uint64_t measure(const uint8_t *data, uint64_t len,
			const uint8_t **flags)
{
	uint64_t name = len < 4 ? 0 : be32_get(data);
	uint64_t total = 4 + name + (4 - name % 4) + 24;
	const uint8_t *count = NULL;

	if (name == 0 || name > 255 || total > len) {
		return 0;
	}
	*flags = data + total - 24;
	if ((be32_get(*flags) & FLAG_LIST) != 0) {
		count = *flags + 16;	/* little endian */
		total += 8 * ((uint64_t)count[0] | (uint64_t)count[1] << 8 |
			      (uint64_t)count[2] << 16 |
			      (uint64_t)count[3] << 24);
	}
	return total > len ? 0 : total;
}

static int digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Does the name begin as the set's do? Then its place; UINT32_MAX: none. */
static bool find(const struct set *set, const uint8_t *name, uint32_t *at)
{
	size_t prefix = strlen(set->prefix);
	uint32_t index = 0;

	if (memcmp(name, set->prefix, prefix) != 0 || name[prefix] != 'N') {
		return false;
	}
	*at = UINT32_MAX;
	for (size_t i = 1; i <= 8; i++) {
		int d = digit(name[prefix + i]);

		if (d < 0) {
			return true;
		}
		index = index << 4 | (uint32_t)d;
	}
	if (index >= set->first && index - set->first < set->names) {
		*at = index - set->first;
	}
	return true;
}

/* The set that the name is of; at: UINT32_MAX if it only begins like one. */
static struct set *set_of(uint32_t owner, const uint8_t *name, uint32_t *at)
{
	struct set *like = NULL;

	for (unsigned int i = 0; i < opt.sets; i++) {
		if (opt.set[i].owner == owner && find(&opt.set[i], name, at)) {
			like = &opt.set[i];
			if (*at != UINT32_MAX) {
				break;
			}
		}
	}
	return like;
}

/* W_KINDS: nothing is wrong. */
static enum wrong compare(struct set *set, uint32_t at, const uint8_t *rec)
{
	uint8_t want[RECORD_LEN];
	uint64_t version = be64_get(rec + VERSION_AT);

	set_record(set, at, want);
	want[FLAGS_AT + 3] |= rec[FLAGS_AT + 3] & FLAG_ANY;
	if (set->version != 0 && version != set_version(set, at)) {
		return W_VERSION;
	}
	if (memcmp(rec + ADDRESS_AT, want + ADDRESS_AT, 4) != 0) {
		return W_ADDRESS;
	}
	if (memcmp(rec, want, VERSION_AT) != 0 ||
	    memcmp(rec + END_AT, want + END_AT, 4) != 0) {
		return W_FORM;
	}
	if (set->seen[at] != 0) {
		return W_TWICE;
	}
	set->seen[at] = 1;
	return W_KINDS;
}

static void judge_one(uint32_t owner, bool version_ok, const uint8_t *rec,
		      uint64_t len, struct judged *judged)
{
	uint32_t at = 0;
	enum wrong wrong = W_KINDS;
	struct set *set = be32_get(rec) < 17 ? NULL :
			  set_of(owner, rec + NAME_AT, &at);

	judged->records++;
	if (!version_ok) {
		wrong = W_VERSION;
	} else if (set == NULL) {
		judged->strange++;
		return;
	} else if (len != RECORD_LEN) {
		wrong = W_FORM;
	} else if (at == UINT32_MAX) {
		wrong = W_NAME;
	} else {
		wrong = compare(set, at, rec);
	}
	if (wrong == W_KINDS) {
		judged->right++;
	} else {
		judged->wrong[wrong]++;
	}
}

bool set_judge(uint32_t owner, uint64_t min, uint64_t max, uint32_t names,
	       const uint8_t *data, uint64_t len, struct judged *judged)
{
	for (uint32_t i = 0; i < names; i++) {
		const uint8_t *flags = NULL;
		uint64_t size = measure(data, len, &flags);
		uint64_t version = 0;

		if (size == 0) {
			return false;
		}
		version = be64_get(flags + 8);
		judge_one(owner, version >= min && version <= max, data, size,
			  judged);
		min = version + 1;
		data += size;
		len -= size;
	}
	return len == 0;
}

void set_judge_missing(struct judged *judged)
{
	for (unsigned int i = 0; i < opt.sets; i++) {
		for (uint32_t at = 0; at < opt.set[i].names; at++) {
			judged->wrong[W_MISSING] += opt.set[i].seen[at] == 0;
		}
	}
}
