/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The alarm about domains: the log tells when a 1B stops being active or a 1C
 * loses members, whatever the cause.
 *
 * They are what logons depend on, and what a wrong replica, a dead domain
 * controller or a mistaken operator takes away without anybody noticing
 * (microsoft-wins.md 10: 1C lists that disappear, Q216585). A member that
 * gives way to another has left as well. One line an hour for each name: a
 * controller that comes and goes would fill the log. Who has been told of is
 * kept in a small table; with more than DOMAINS_TOLD at once the oldest is
 * forgotten, which costs a line too many and no alarm.
 */

#include <stdio.h>

#include "serve/serve_private.h"

#define SILENCE_USEC	3600000000u
#define SHOWN		8u	/* addresses in a line; the rest is a number */
#define LIST_TEXT	(SHOWN * NB_ADDR_TEXT + 32)

/* Of a record that does not resolve there are none. */
static unsigned int members(const struct nb_record *rec)
{
	return rec == NULL || rec->state != NB_ACTIVE ? 0 : rec->count;
}

static bool has_lost(const struct nb_record *old, const struct nb_record *now)
{
	if (members(now) == 0) {
		return members(old) > 0;
	}
	if (old->name.type == 0x1b) {
		return false;		/* it moved to another host */
	}
	for (unsigned int i = 0; i < members(old); i++) {
		if (nb_record_find(now, old->member[i].ip) < 0) {
			return true;
		}
	}
	return false;
}

/* May the log tell of this name again? Then not for the next hour. */
static bool may_tell(struct serve *serve, const struct nb_name *name)
{
	struct domains *domains = &serve->domains;
	uint64_t now = serve->world->mono(serve->world->priv);
	unsigned int at = 0;

	for (unsigned int i = 0; i < DOMAINS_TOLD; i++) {
		if (nb_name_equal(&domains->told[i].name, name)) {
			at = i;
			break;
		}
		if (domains->told[i].until < domains->told[at].until) {
			at = i;
		}
	}
	if (nb_name_equal(&domains->told[at].name, name) &&
	    now < domains->told[at].until) {
		return false;
	}
	domains->told[at].name = *name;
	domains->told[at].until = now + SILENCE_USEC;
	return true;
}

static const char *list(const struct nb_record *rec, char text[LIST_TEXT])
{
	unsigned int count = members(rec);
	size_t len = 0;

	if (count == 0) {
		return "nothing";
	}
	for (unsigned int i = 0; i < count && i < SHOWN; i++) {
		char addr[NB_ADDR_TEXT];

		len += (size_t)snprintf(text + len, LIST_TEXT - len, "%s%s",
					i == 0 ? "" : " ",
					nb_addr_print(rec->member[i].ip, addr));
	}
	if (count > SHOWN) {
		(void)snprintf(text + len, LIST_TEXT - len, " and %u more",
			       count - SHOWN);
	}
	return text;
}

void domain_look(struct serve *serve, const struct nb_record *old,
		 const struct nb_record *now)
{
	char name[NB_NAME_TEXT];
	char before[LIST_TEXT];
	char after[LIST_TEXT];

	if ((old->name.type != 0x1b && old->name.type != 0x1c) ||
	    !has_lost(old, now)) {
		return;
	}
	serve_count(serve, STAT_DOMAIN_SHRUNK);
	if (!may_tell(serve, &old->name)) {
		return;
	}
	nb_log(serve->world, NB_LOG_WARNING,
	       "a domain has shrunk: %s was %s (%u), now it is %s (%u)",
	       nb_name_print(&old->name, name), list(old, before),
	       members(old), list(now, after), members(now));
}
