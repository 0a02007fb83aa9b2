/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Entries of STATE/usage.tdb as bytes: see usage.h for the form.
 *
 * The file is a convenience that may be thrown away, so there is one answer to
 * an entry that cannot be: the whole file is not believed. Times are not
 * judged here, for the clock may have been wrong when they were written.
 */
#include "codec/usage.h"

#include <string.h>

#include "codec/be.h"

void usage_head_encode(const struct usage_head *head,
		       uint8_t out[USAGE_HEAD_LEN])
{
	out = be32_put(out, head->format);
	out = be64_put(out, head->key[0]);
	out = be64_put(out, head->key[1]);
	out = be32_put(out, head->since);
	out = be32_put(out, head->saved);
	for (unsigned int i = 0; i < USAGE_PARTS; i++) {
		out = be64_put(out, head->sum[i]);
	}
}

bool usage_head_decode(const uint8_t *data, size_t len,
		       struct usage_head *head)
{
	*head = (struct usage_head) { .format = 0 };
	if (len < 4) {
		return false;
	}
	head->format = be32_get(data);
	if (head->format != USAGE_FORMAT) {
		return true;
	}
	if (len != USAGE_HEAD_LEN) {
		return false;
	}
	head->key[0] = be64_get(data + 4);
	head->key[1] = be64_get(data + 12);
	head->since = be32_get(data + 20);
	head->saved = be32_get(data + 24);
	for (unsigned int i = 0; i < USAGE_PARTS; i++) {
		head->sum[i] = be64_get(data + 28 + 8 * (size_t)i);
	}
	return true;
}

void usage_client_encode(const struct usage_client *client,
			 uint8_t out[USAGE_ENTRY_LEN])
{
	out = be32_put(out, client->ip);
	out = be32_put(out, client->local);
	out = be32_put(out, client->first);
	out = be32_put(out, client->last);
	out = be32_put(out, client->registered);
	out = be32_put(out, client->refreshed);
	out = be32_put(out, client->found);
	out = be32_put(out, client->negative);
	out = be32_put(out, client->plain);
	memcpy(out, client->sketch, USAGE_SKETCH);
}

bool usage_client_decode(const uint8_t data[USAGE_ENTRY_LEN],
			 struct usage_client *client)
{
	*client = (struct usage_client) {
		.ip = be32_get(data),
		.local = be32_get(data + 4),
		.first = be32_get(data + 8),
		.last = be32_get(data + 12),
		.registered = be32_get(data + 16),
		.refreshed = be32_get(data + 20),
		.found = be32_get(data + 24),
		.negative = be32_get(data + 28),
		.plain = be32_get(data + 32),
	};
	memcpy(client->sketch, data + 36, USAGE_SKETCH);
	return client->last != 0;
}

void usage_missing_encode(const struct usage_missing *missing,
			  uint8_t out[USAGE_ENTRY_LEN])
{
	out = be32_put(out, missing->first);
	out = be32_put(out, missing->last);
	out = be32_put(out, missing->count);
	out = be32_put(out, missing->client);
	*out++ = missing->len;
	*out++ = missing->type;
	*out++ = missing->scope_len;
	memcpy(out, missing->byte, NB_NAME_MAX);
	memcpy(out + NB_NAME_MAX, missing->scope, USAGE_SCOPE);
}

bool usage_missing_decode(const uint8_t data[USAGE_ENTRY_LEN],
			  struct usage_missing *missing)
{
	const uint8_t *byte = data + 19;
	struct nb_name name;

	*missing = (struct usage_missing) {
		.first = be32_get(data),
		.last = be32_get(data + 4),
		.count = be32_get(data + 8),
		.client = be32_get(data + 12),
	};
	if (missing->last == 0 || data[16] > NB_NAME_MAX ||
	    data[18] > USAGE_SCOPE) {
		return false;
	}
	name = nb_name_make(byte, data[16], data[17]);
	(void)nb_name_set_scope(&name, byte + NB_NAME_MAX, data[18]);
	return name.len == data[16] && usage_missing_set(missing, &name);
}

size_t usage_set_encode(uint32_t index, const struct usage_set *set,
			uint8_t out[USAGE_SET_MAX])
{
	uint8_t *p = be32_put(be32_put(out, index), set->forgotten) + 1;

	for (unsigned int i = 0; i < USAGE_MARKS; i++) {
		const struct usage_mark *mark = &set->mark[i];

		if (mark->last != 0) {
			p = be32_put(p, mark->high);
			p = be32_put(p, mark->low);
			p = be32_put(p, mark->last);
		}
	}
	out[8] = (uint8_t)((p - out - 9) / 12);
	return (size_t)(p - out);
}

size_t usage_set_decode(const uint8_t *data, size_t len, uint32_t *index,
			struct usage_set *set)
{
	const uint8_t *p = data + 9;

	*set = (struct usage_set) { .forgotten = 0 };
	if (len < 9 || data[8] > USAGE_MARKS || len < 9 + 12u * data[8]) {
		return 0;
	}
	*index = be32_get(data);
	set->forgotten = be32_get(data + 4);
	for (unsigned int i = 0; i < data[8]; i++, p += 12) {
		set->mark[i].high = be32_get(p);
		set->mark[i].low = be32_get(p + 4);
		set->mark[i].last = be32_get(p + 8);
		if (set->mark[i].last == 0) {
			return 0;
		}
	}
	return 9 + 12u * data[8];
}
