/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database on disk: keys and values of wins.tdb as bytes.
 *
 * Explicit widths, big endian, a format byte first and a CRC-32C over key and
 * value last: a record that was torn, swapped with another's value or written
 * by another version is told apart. The first byte of a key is its kind.
 *
 *   'R' name          a record            struct nb_record
 *   'D' slot          the delete log      name and revision that was deleted
 *   'O' owner         an owner's mark     highest settled version
 *   'M' text          meta data           counters, times, the format
 */
#ifndef WINSD_CODEC_DBREC_H
#define WINSD_CODEC_DBREC_H

#include "core/record.h"

/* The first byte of every value. The file has a number of its own. */
#define DBREC_FORMAT	1

#define DBREC_KEY_MAX	(1 + NB_NAME_MAX + 1 + NB_SCOPE_MAX)
#define DBREC_VALUE_MAX	(64 + 16 * NB_MEMBERS_MAX)

enum dbrec_kind {
	DBREC_RECORD = 'R',
	DBREC_DELETED = 'D',
	DBREC_OWNER = 'O',
	DBREC_META = 'M',
};

/* All encoders return the length written; the buffers are large enough. */
size_t dbrec_key_record(uint8_t key[DBREC_KEY_MAX], const struct nb_name *name);
size_t dbrec_key_deleted(uint8_t key[DBREC_KEY_MAX], uint32_t slot);
size_t dbrec_key_owner(uint8_t key[DBREC_KEY_MAX], uint32_t owner);
size_t dbrec_key_meta(uint8_t key[DBREC_KEY_MAX], const char *text);

size_t dbrec_encode(uint8_t value[DBREC_VALUE_MAX], const uint8_t *key,
		    size_t key_len, const struct nb_record *rec);

/*
 * Decode; NULL if the record is whole, else what is wrong with it. The record
 * obeys every invariant of nb_record_broken() when NULL is returned.
 */
const char *dbrec_decode(const uint8_t *key, size_t key_len,
			 const uint8_t *value, size_t value_len,
			 struct nb_record *rec);

struct dbrec_deleted {
	struct nb_name name;
	uint64_t revision;	/* that the deletion took */
	int64_t when;		/* wall time */
};

size_t dbrec_encode_deleted(uint8_t value[DBREC_VALUE_MAX], const uint8_t *key,
			    size_t key_len, const struct dbrec_deleted *del);
const char *dbrec_decode_deleted(const uint8_t *key, size_t key_len,
				 const uint8_t *value, size_t value_len,
				 struct dbrec_deleted *del);

/* Owner marks and meta values are one checked 64-bit number each. */
size_t dbrec_encode_number(uint8_t value[DBREC_VALUE_MAX], const uint8_t *key,
			   size_t key_len, uint64_t number);
const char *dbrec_decode_number(const uint8_t *key, size_t key_len,
				const uint8_t *value, size_t value_len,
				uint64_t *number);

uint32_t dbrec_crc32c(uint32_t crc, const void *data, size_t len);

#endif
