/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check versions: the matrix of owners and servers, each owner's own word
 * beside what others have of it.
 *
 * The server tells its owners and what differs; here the matrix is put
 * together again. For people it is drawn if it is narrow enough for a
 * terminal, with a mark at each number that is not the owner's; what is wider
 * is shown by its differences. For machines there is an object for each
 * server, and one for each owner with what all of them have.
 *
 * Lagging behind is what servers do between two pulls and no problem; more
 * than the owner tells is one.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/json_out.h"
#include "core/addr.h"
#include "winsctl/winsctl.h"

#define COLUMNS_MAX	4	/* servers that are drawn side by side */
#define MARK_BEHIND	'-'
#define MARK_ABOVE	'!'

struct server {
	uint32_t address;
	bool reachable;
	char why[64];
};

struct owner {
	uint32_t address;
	bool own_word;
	uint64_t max;
};

struct difference {
	uint32_t owner, server;
	bool above;
	bool known;
	uint64_t tells;
};

struct matrix {
	unsigned int servers, owners, differences;
	struct server *server;
	struct owner *owner;
	struct difference *difference;	/* in the order of owners */
	uint64_t above, left_out;
};

/* ---- from the reply ---- */

static unsigned int count_rows(const struct control_reader *reply,
			       const char *first)
{
	struct control_field at = { .data = NULL };
	struct row row = { .first = first };
	unsigned int count = 0;

	while (row_next(reply, &at, &row)) {
		count++;
	}
	return count;
}

static void read_servers(const struct control_reader *reply, struct matrix *m)
{
	struct control_field at = { .data = NULL };
	struct row row = { .first = "server" };

	while (row_next(reply, &at, &row)) {
		struct server *server = &m->server[m->servers++];
		/* the last one has the owners behind it */
		bool silent = row.count > 1 && strcmp(row.value[1].key,
						      "unreachable") == 0;

		server->address = (uint32_t)row_number(&row, "server", 0);
		server->reachable = !silent;
		if (silent) {
			row_text(&row, "unreachable", server->why,
				 sizeof(server->why));
		}
	}
}

static void read_owners(const struct control_reader *reply, struct matrix *m)
{
	struct control_field at = { .data = NULL };
	struct row row = { .first = "owner" };

	while (row_next(reply, &at, &row)) {
		struct owner *owner = &m->owner[m->owners++];

		owner->address = (uint32_t)row_number(&row, "owner", 0);
		owner->own_word = row.count > 1 &&
				  strcmp(row.value[1].key, "own_word") == 0;
		owner->max = row_number(&row, owner->own_word ? "own_word" :
					"highest", 0);
	}
}

static void read_differences(const struct control_reader *reply,
			     struct matrix *m)
{
	struct control_field at = { .data = NULL };
	struct row row = { .first = "difference" };

	while (row_next(reply, &at, &row)) {
		struct difference *d = &m->difference[m->differences++];
		char kind[16];

		row_text(&row, "difference", kind, sizeof(kind));
		d->above = strcmp(kind, "above") == 0;
		d->owner = (uint32_t)row_number(&row, "of", 0);
		d->server = (uint32_t)row_number(&row, "at", 0);
		d->known = row.count > 3 &&
			   strcmp(row.value[3].key, "tells") == 0;
		d->tells = d->known ? row_number(&row, "tells", 0) : 0;
	}
}

static bool read_matrix(TALLOC_CTX *mem_ctx, const struct control_reader *reply,
			struct matrix *m)
{
	struct control_field at = { .data = NULL };
	struct row sums = { .first = "servers" };

	*m = (struct matrix) { .servers = 0 };
	m->server = talloc_zero_array(mem_ctx, struct server,
				      count_rows(reply, "server") + 1);
	m->owner = talloc_zero_array(mem_ctx, struct owner,
				     count_rows(reply, "owner") + 1);
	m->difference = talloc_zero_array(mem_ctx, struct difference,
					  count_rows(reply, "difference") + 1);
	if (m->server == NULL || m->owner == NULL || m->difference == NULL) {
		return false;
	}
	read_servers(reply, m);
	read_owners(reply, m);
	read_differences(reply, m);
	if (row_next(reply, &at, &sums)) {
		m->above = row_number(&sums, "lines_above", 0);
		m->left_out = row_number(&sums, "lines_left_out", 0);
	}
	return true;
}

/* What a server has of an owner, if that differs; *from: where to look. */
static const struct difference *find(const struct matrix *m, unsigned int *from,
				     uint32_t owner, uint32_t server)
{
	for (unsigned int i = *from; i < m->differences; i++) {
		const struct difference *d = &m->difference[i];

		if (d->owner != owner) {
			break;
		}
		if (d->server == server) {
			return d;
		}
	}
	return NULL;
}

static void skip_owner(const struct matrix *m, unsigned int *from,
		       uint32_t owner)
{
	while (*from < m->differences && m->difference[*from].owner == owner) {
		(*from)++;
	}
}

/* ---- for people ---- */

static void print_cell(const struct owner *owner, const struct server *server,
		       const struct difference *d)
{
	char text[32];

	if (!server->reachable) {
		(void)snprintf(text, sizeof(text), "?");
	} else if (d == NULL) {
		(void)snprintf(text, sizeof(text), "%" PRIu64, owner->max);
	} else if (!d->known) {
		(void)snprintf(text, sizeof(text), "nothing %c", MARK_BEHIND);
	} else {
		(void)snprintf(text, sizeof(text), "%" PRIu64 " %c", d->tells,
			       d->above ? MARK_ABOVE : MARK_BEHIND);
	}
	(void)printf("  %-20s", text);
}

static void print_matrix(const struct matrix *m)
{
	char text[NB_ADDR_TEXT], word[32];
	unsigned int from = 0;

	(void)printf("%-15s  %-20s", "OWNER", "OWN WORD");
	for (unsigned int i = 0; i < m->servers; i++) {
		(void)printf("  %-20s",
			     nb_addr_print(m->server[i].address, text));
	}
	(void)fputc('\n', stdout);
	for (unsigned int i = 0; i < m->owners; i++) {
		const struct owner *owner = &m->owner[i];

		(void)snprintf(word, sizeof(word), "%" PRIu64, owner->max);
		(void)printf("%-15s  %-20s",
			     nb_addr_print(owner->address, text),
			     owner->own_word ? word : "not heard");
		for (unsigned int k = 0; k < m->servers; k++) {
			print_cell(owner, &m->server[k],
				   find(m, &from, owner->address,
					m->server[k].address));
		}
		(void)fputc('\n', stdout);
		skip_owner(m, &from, owner->address);
	}
}

static void print_differences(const struct matrix *m)
{
	char owner[NB_ADDR_TEXT], server[NB_ADDR_TEXT];

	(void)printf("%u servers, %u owners, %u differences\n", m->servers,
		     m->owners, m->differences);
	for (unsigned int i = 0; i < m->differences; i++) {
		const struct difference *d = &m->difference[i];

		(void)printf("%-15s  at %-15s  %20" PRIu64 "  %s\n",
			     nb_addr_print(d->owner, owner),
			     nb_addr_print(d->server, server), d->tells,
			     d->above ? "more than the owner tells" :
			     d->known ? "less" : "nothing");
	}
}

/* ---- for machines ---- */

static void json_servers(const struct matrix *m)
{
	for (unsigned int i = 0; i < m->servers; i++) {
		const struct server *server = &m->server[i];
		struct json_out j = { .file = stdout };

		json_begin(&j, '{');
		json_key(&j, "server");
		json_address(&j, server->address);
		json_key(&j, "reachable");
		json_flag(&j, server->reachable);
		json_key(&j, "failure");
		if (server->reachable) {
			json_nothing(&j);
		} else {
			json_text(&j, server->why);
		}
		json_end(&j, '}');
		json_newline(&j);
	}
}

static void json_cell(struct json_out *j, const struct owner *owner,
		      const struct server *server, const struct difference *d)
{
	json_begin(j, '{');
	json_key(j, "server");
	json_address(j, server->address);
	json_key(j, "max");
	if (!server->reachable || (d != NULL && !d->known)) {
		json_nothing(j);
	} else {
		json_count(j, d != NULL ? d->tells : owner->max);
	}
	json_key(j, "differs");
	if (d == NULL) {
		json_nothing(j);
	} else {
		json_text(j, d->above ? "above" : "behind");
	}
	json_end(j, '}');
}

static void json_owners(const struct matrix *m)
{
	unsigned int from = 0;

	for (unsigned int i = 0; i < m->owners; i++) {
		const struct owner *owner = &m->owner[i];
		struct json_out j = { .file = stdout };

		json_begin(&j, '{');
		json_key(&j, "owner");
		json_address(&j, owner->address);
		json_key(&j, "own_word");
		if (owner->own_word) {
			json_count(&j, owner->max);
		} else {
			json_nothing(&j);
		}
		json_key(&j, "servers");
		json_begin(&j, '[');
		for (unsigned int k = 0; k < m->servers; k++) {
			json_cell(&j, owner, &m->server[k],
				  find(m, &from, owner->address,
				       m->server[k].address));
		}
		json_end(&j, ']');
		json_end(&j, '}');
		json_newline(&j);
		skip_owner(m, &from, owner->address);
	}
}

/* ---- what it comes to ---- */

static int judge(const struct matrix *m)
{
	char owner[NB_ADDR_TEXT], server[NB_ADDR_TEXT];
	unsigned int silent = 0;

	for (unsigned int i = 0; i < m->servers; i++) {
		if (!m->server[i].reachable) {
			silent++;
			tool_say("%s does not answer: %s",
				 nb_addr_print(m->server[i].address, server),
				 m->server[i].why);
		}
	}
	for (unsigned int i = 0; i < m->differences; i++) {
		const struct difference *d = &m->difference[i];

		if (d->above) {
			tool_say("%s has versions of %s up to %" PRIu64 ", "
				 "more than that tells itself: it has lost "
				 "its memory, or two servers are one owner",
				 nb_addr_print(d->server, server),
				 nb_addr_print(d->owner, owner), d->tells);
		}
	}
	if (m->left_out > 0) {
		tool_say("%" PRIu64 " more differences are not shown",
			 m->left_out);
	}
	if (m->above > 0) {
		return TOOL_PROBLEMS;
	}
	/* the first is the server that was asked */
	if (silent > 0 && silent + 1 >= m->servers) {
		return TOOL_UNREACHABLE;
	}
	return silent > 0 || m->left_out > 0 ? TOOL_SOME : TOOL_OK;
}

int check_versions(struct winsctl *ctl)
{
	struct control_reader reply;
	struct matrix m;
	int status = ask_simple(ctl, "check versions", true, &reply);

	if (status != TOOL_OK) {
		return status;
	}
	if (!read_matrix(ctl->mem_ctx, &reply, &m)) {
		tool_say("out of memory");
		return TOOL_FAILED;
	}
	if (options.json) {
		json_servers(&m);
		json_owners(&m);
	} else if (m.servers <= COLUMNS_MAX) {
		print_matrix(&m);
	} else {
		print_differences(&m);
	}
	return judge(&m);
}
