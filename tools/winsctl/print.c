/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records and times for people: aligned columns, names always NAME<20>, and
 * nothing that a terminal could take for an order (names are printed with
 * their odd bytes as \xHH). Columns have fixed widths: a list is printed while
 * it comes, nobody knows its longest name before its end.
 */
#include <inttypes.h>

#include "common/rfc3339.h"
#include "core/addr.h"
#include "winsctl/winsctl.h"

#define ROW "%-20s %-6s %-9s %-7s %-15s %12s  %-20s  %s"

char *print_time(int64_t when, char *text, size_t size)
{
	char stamp[RFC3339_TEXT];

	(void)snprintf(text, size, "%s", when == NB_NEVER ? "never" :
		       rfc3339_print(when, stamp));
	return text;
}

char *print_span(uint64_t seconds, char text[PRINT_SPAN])
{
	static const struct {
		uint64_t limit, unit;
		char letter;
	} scale[] = {
		{ 100, 1, 's' }, { 6000, 60, 'm' }, { 172800, 3600, 'h' },
		{ UINT64_MAX, 86400, 'd' },
	};
	unsigned int i = 0;

	while (seconds >= scale[i].limit && i < 3) {
		i++;
	}
	(void)snprintf(text, PRINT_SPAN, "%" PRIu64 "%c",
		       seconds / scale[i].unit, scale[i].letter);
	return text;
}

#define ASKED "%-20s  "

void print_list_head(bool with_asked)
{
	(void)printf(ROW, "NAME", "TYPE", "STATE", "KIND", "OWNER", "VERSION",
		     "EXPIRES", "");
	if (with_asked) {
		(void)printf(ASKED, "ASKED");
	}
	(void)puts("ADDRESSES");
}

void print_list_record(const struct nb_record *rec, const char *asked)
{
	char name[NB_NAME_TEXT];
	char owner[NB_ADDR_TEXT];
	char version[24];
	char expires[32];
	char ip[NB_ADDR_TEXT];

	(void)snprintf(version, sizeof(version), "%" PRIu64, rec->version);
	(void)printf(ROW, nb_name_print(&rec->name, name),
		     nb_type_name(rec->type), nb_state_name(rec->state),
		     rec->is_static ? "static" : "dynamic",
		     nb_addr_print(rec->owner, owner), version,
		     print_time(rec->expires, expires, sizeof(expires)), "");
	if (asked != NULL) {
		(void)printf(ASKED, asked);
	}
	(void)fputs(rec->count == 0 ? "-" :
		    nb_addr_print(rec->member[0].ip, ip), stdout);
	for (unsigned int i = 1; i < rec->count; i++) {
		(void)printf(",%s", nb_addr_print(rec->member[i].ip, ip));
	}
	(void)fputc('\n', stdout);
}

void print_record(const struct nb_record *rec)
{
	char name[NB_NAME_TEXT];
	char addr[NB_ADDR_TEXT];
	char owner[NB_ADDR_TEXT];
	char when[32];

	(void)printf("%-10s %s\n", "name", nb_name_print(&rec->name, name));
	(void)printf("%-10s %s\n", "type", nb_type_name(rec->type));
	(void)printf("%-10s %s\n", "state", nb_state_name(rec->state));
	(void)printf("%-10s %s\n", "kind",
		     rec->is_static ? "static" : "dynamic");
	(void)printf("%-10s %s\n", "node", nb_node_name(rec->node));
	(void)printf("%-10s %s\n", "owner", nb_addr_print(rec->owner, addr));
	(void)snprintf(when, sizeof(when), "%" PRIu64, rec->version);
	(void)printf("%-10s %s\n", "version",
		     rec->version != 0 ? when : "the next one");
	(void)printf("%-10s %s\n", "expires",
		     print_time(rec->expires, when, sizeof(when)));
	for (unsigned int i = 0; i < rec->count; i++) {
		const struct nb_member *m = &rec->member[i];

		(void)printf("%-10s %-15s  owner %-15s  expires %s\n",
			     "address", nb_addr_print(m->ip, addr),
			     nb_addr_print(m->owner, owner),
			     print_time(m->expires, when, sizeof(when)));
	}
}
