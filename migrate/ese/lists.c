/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the addresses of a name are stored, and the checks that the whole guess
 * has to stand (formats.md 1).
 *
 * A list is words of 32 bits: addresses, alone or with an owner id, a time
 * stamp, or both beside each, in one order for each type of record. A layout
 * is believed if all rows of its type but a few read well by it: hosts'
 * addresses where addresses are, ids that exist, times near the record's own.
 * Those that ask for more are tried first.
 *
 * Which way round an address stands no single word tells: 10.1.2.3 and 3.2.1.10
 * are both addresses. The server's own names have the address that
 * --owner-zero tells; else private networks are what estates have.
 */
#include "migrate/ese/guess.h"

#include <string.h>

#define DAY 86400u
#define NEAR (400u * DAY)

/* the strictest first */
static const char *const layouts[ESE_LAYOUTS] = {
	"OAT", "OTA", "AOT", "TOA", "AT", "TA", "OA", "AO", "A",
};

const char *ese_layout_words(unsigned int layout)
{
	return layout < ESE_LAYOUTS ? layouts[layout] : "";
}

unsigned int ese_class(unsigned int type)
{
	return type == NB_SGROUP ? 1 : type == NB_MHOMED ? 2 : 0;
}

static uint32_t word_at(const struct ese_value *value, size_t index)
{
	const uint8_t *at = value->data + 4 * index;

	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

/* Either way round: which one it is comes later. */
static bool is_address(uint32_t raw, bool group)
{
	uint32_t big = ese_turn(raw, ESE_BIG);
	uint32_t little = ese_turn(raw, ESE_LITTLE);

	if (raw == NB_BROADCAST) {
		return group;
	}
	/* small numbers are ids, not hosts of the first network */
	return (big & 0xffffffu) != 0 && (little & 0xffffffu) != 0 &&
	       (nb_addr_is_host(big) || nb_addr_is_host(little));
}

static bool is_near(uint32_t word, uint64_t time)
{
	if (word == 0 || word == ESE_NEVER) {
		return true;
	}
	if (time == ESE_NEVER || time == 0) {
		return word >= ESE_OLDEST && word < ESE_NEVER;
	}
	return word + (uint64_t)NEAR >= time && word <= time + NEAR;
}

static bool reads_well(const struct ese_guess *guess,
		       const struct ese_value *value,
		       const struct ese_facts *facts, const char *words)
{
	size_t stride = strlen(words);
	size_t count = value->data == NULL ? 0 : value->len / 4;

	if (count % stride != 0 || value->len % 4 != 0 ||
	    (count == 0 && facts->state == NB_ACTIVE)) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t word = word_at(value, i);

		switch (words[i % stride]) {
		case 'A':
			if (!is_address(word, facts->type == NB_GROUP)) {
				return false;
			}
			break;
		case 'O':
			if (ese_find_owner(guess, word) == NULL) {
				return false;
			}
			break;
		default:
			if (!is_near(word, facts->time)) {
				return false;
			}
			break;
		}
	}
	return true;
}

static bool is_private(uint32_t addr)
{
	return addr >> 24 == 10 || addr >> 20 == 0xac1 || addr >> 16 == 0xc0a8;
}

static bool is_owner(const struct ese_guess *guess, uint32_t addr,
		     enum ese_order order)
{
	for (uint32_t i = 0; i < guess->owners; i++) {
		if (ese_turn(guess->owner[i].raw, order) == addr) {
			return true;
		}
	}
	return false;
}

/* The first address of a name with one holder, both ways round. */
static void note_order(struct ese_guess *guess, const struct ese_value *value,
		       unsigned int layout)
{
	size_t at = (size_t)(strchr(layouts[layout], 'A') - layouts[layout]);
	struct ese_list_sight *list = &guess->list;

	if (value->data == NULL || value->len < 4 * (at + 1)) {
		return;
	}
	for (unsigned int order = 0; order < 2; order++) {
		uint32_t addr = ese_turn(word_at(value, at), order);

		list->own[layout][order] += addr == guess->owner_zero ? 1 : 0;
		list->private[layout][order] += is_private(addr) ? 1 : 0;
		for (unsigned int other = 0; other < 2; other++) {
			list->owners[layout][order][other] +=
				is_owner(guess, addr, other) ? 1 : 0;
		}
	}
}

void ese_list_row(struct ese_guess *guess, const struct ese_table *table,
		  const struct ese_frame *frame)
{
	const struct ese_value *value = &frame->value[guess->plan.list];
	struct ese_list_sight *list = &guess->list;
	const struct ese_owner *owner = NULL;
	struct ese_facts facts;
	const char *why = NULL;
	unsigned int class = 0;

	if (!ese_facts_read(&guess->plan, table, frame, &facts, &why)) {
		return;
	}
	class = ese_class(facts.type);
	/* one that could not be read says nothing, and is skipped later */
	list->rows[class] += value->cut ? 0 : 1;
	for (unsigned int i = 0; i < ESE_LAYOUTS && !value->cut; i++) {
		if (!reads_well(guess, value, &facts, layouts[i])) {
			list->bad[class][i]++;
		} else if (facts.type == NB_UNIQUE) {
			note_order(guess, value, i);
		}
	}
	owner = ese_find_owner(guess, facts.owner);
	guess->own_rows += facts.owner == 0 ? 1 : 0;
	list->above += owner != NULL && owner->highest != 0 &&
		       facts.version > owner->highest ? 1 : 0;
	list->statics += facts.is_static && facts.state == NB_ACTIVE &&
			 facts.time != ESE_NEVER ? 1 : 0;
}

/* ---- the end ---- */

static bool choose_layouts(struct ese_guess *guess)
{
	const struct ese_list_sight *list = &guess->list;

	for (unsigned int class = 0; class < ESE_CLASSES; class++) {
		unsigned int i = 0;

		while (i < ESE_LAYOUTS &&
		       !ese_few(list->bad[class][i], list->rows[class])) {
			i++;
		}
		if (i == ESE_LAYOUTS) {
			return ese_problem(guess, "the lists of addresses are "
					   "of no layout that is known");
		}
		/* none of this type: the plainest, which is never used */
		guess->plan.layout[class] = list->rows[class] > 0 ?
						    i : ESE_LAYOUTS - 1;
	}
	return true;
}

/* Clearly more of the one than of the other: 1, -1; else 0. */
static int clearly(uint64_t big, uint64_t little)
{
	if (big > 4 * little) {
		return 1;
	}
	return little > 4 * big ? -1 : 0;
}

static bool choose_order(struct ese_guess *guess)
{
	const struct ese_list_sight *list = &guess->list;
	unsigned int layout = guess->plan.layout[0];
	int is = guess->owner_zero == 0 ? 0 :
		 clearly(list->own[layout][ESE_BIG],
			 list->own[layout][ESE_LITTLE]);

	guess->unsure = guess->owner_zero != 0 &&
			list->own[layout][ESE_BIG] == 0 &&
			list->own[layout][ESE_LITTLE] == 0;
	if (is == 0) {
		is = clearly(list->private[layout][ESE_BIG],
			     list->private[layout][ESE_LITTLE]);
	}
	if (is == 0) {
		return ese_problem(guess, "whether addresses stand in network "
				   "order cannot be told, neither by the "
				   "address of --owner-zero nor by private "
				   "networks");
	}
	guess->plan.order = is > 0 ? ESE_BIG : ESE_LITTLE;
	return true;
}

/*
 * The table of owners has an order of its own. What tells it, the surest
 * first: the address of id 0, owners' addresses among the names, private
 * networks; else it is the same.
 */
static void choose_owner_order(struct ese_guess *guess)
{
	const uint64_t *hits = guess->list.owners[guess->plan.layout[0]]
						 [guess->plan.order];
	const struct ese_owner *zero = ese_find_owner(guess, 0);
	uint64_t private[2] = { 0, 0 };
	int is = 0;

	for (unsigned int order = 0; order < 2; order++) {
		for (uint32_t i = 0; i < guess->owners; i++) {
			uint32_t raw = guess->owner[i].raw;

			private[order] += is_private(ese_turn(raw, order)) ?
						  1 : 0;
		}
	}
	if (zero != NULL && guess->owner_zero != 0) {
		is = (ese_turn(zero->raw, ESE_BIG) == guess->owner_zero) -
		     (ese_turn(zero->raw, ESE_LITTLE) == guess->owner_zero);
	}
	is = is != 0 ? is : clearly(hits[ESE_BIG], hits[ESE_LITTLE]);
	is = is != 0 ? is : clearly(private[ESE_BIG], private[ESE_LITTLE]);
	guess->plan.owner_order = is > 0 ? ESE_BIG :
				  is < 0 ? ESE_LITTLE : guess->plan.order;
}

bool ese_list_end(struct ese_guess *guess)
{
	if (!ese_few(guess->list.above, guess->rows)) {
		return ese_problem(guess, "versions are above what the table "
				   "of owners says is the highest");
	}
	if (!ese_few(guess->list.statics, guess->rows)) {
		return ese_problem(guess, "static records have a time stamp "
				   "that passes");
	}
	if (!choose_layouts(guess) || !choose_order(guess)) {
		return false;
	}
	choose_owner_order(guess);
	return true;
}
