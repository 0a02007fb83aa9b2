/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The name codec: the first byte of the input says where in the rest a name
 * is looked for. What decodes is canonical, can be said again, and says the
 * same; what does not decode leaves the position alone.
 */

#include <stdbool.h>
#include <string.h>

#include "codec/nbname.h"
#include "fuzz/fuzz.h"

static void check_canonical(const struct nb_name *name)
{
	struct nb_name again = nb_name_make(name->byte, name->len, name->type);

	MUST(name->len <= NB_NAME_MAX && name->scope_len <= NB_SCOPE_MAX);
	MUST(nb_name_set_scope(&again, name->scope, name->scope_len));
	MUST(memcmp(name, &again, sizeof(again)) == 0);
}

/* Encoded by value: always possible, and the same name. */
static void check_encode(const struct nb_name *name)
{
	uint8_t wire[NBNAME_WIRE_MAX];
	struct nb_name again;
	size_t len = nbname_encode(wire, sizeof(wire), name);
	size_t pos = 0;

	MUST(len == 34 + (name->scope_len > 0 ? name->scope_len + 1u : 0));
	MUST(nbname_encode(wire, len - 1, name) == 0);
	MUST(nbname_encode(wire, len, name) == len);
	MUST(nbname_decode(wire, len, &pos, &again, NULL, NULL));
	MUST(pos == len);
	MUST(memcmp(name, &again, sizeof(again)) == 0);
	pos = 0;
	MUST(!nbname_decode(wire, len - 1, &pos, &again, NULL, NULL));
}

/* Echoed raw: the same label byte for byte, and the same name. */
static void check_echo(const struct nb_name *name, const uint8_t *label,
		       uint8_t label_len)
{
	uint8_t wire[NBNAME_WIRE_MAX];
	struct nb_name again;
	uint8_t label_again[16];
	uint8_t len_again = 0;
	size_t len = nbname_encode_raw(wire, sizeof(wire), label, label_len,
				       name);
	size_t pos = 0;

	MUST(len > 0);
	MUST(nbname_decode(wire, len, &pos, &again, label_again, &len_again));
	MUST(pos == len && len_again == label_len);
	MUST(memcmp(label, label_again, label_len) == 0);
	MUST(memcmp(name, &again, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nb_name name;
	uint8_t label[16];
	uint8_t label_len = 0;
	size_t start = 0;
	size_t pos = 0;

	if (size < 1 || data[0] > size - 1) {
		return 0;
	}
	start = data[0];
	pos = start;
	if (!nbname_decode(data + 1, size - 1, &pos, &name, label,
			   &label_len)) {
		MUST(pos == start);
		return 0;
	}
	MUST(pos > start && pos <= size - 1);
	MUST(label_len >= 1 && label_len <= 16);
	check_canonical(&name);
	check_encode(&name);
	check_echo(&name, label, label_len);
	return 0;
}
