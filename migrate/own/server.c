/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * winsd: as a source: the records of the server of ours that the configuration
 * file names. Running, it is asked through its control socket, slice after
 * slice, and serves its clients meanwhile; a record that is there throughout
 * comes. Stopped, its files are read (stored.c), which do not say when a name
 * was last asked for.
 *
 * `export` is `convert` from here. As a format it can stand wherever a source
 * can: `convert winsd: -t hosts`, `compare winsd: wrepl://...`.
 */
#include <errno.h>
#include <string.h>

#include "common/control_client.h"
#include "migrate/formats.h"
#include "migrate/own/stored.h"

struct own {
	struct tool_places places;
	struct tally *tally;
	struct control_client *client;	/* NULL: it does not run */
	struct control_reader reply;
	struct control_field field;	/* where we are in the reply */
	bool last;			/* no slice comes behind this one */
	struct stored *stored;
};

static int probe(const struct format_head *head)
{
	return strcmp(head->path, "winsd:") == 0 ? 100 : 0;
}

/* ---- a running server ---- */

static char *refusal(TALLOC_CTX *mem_ctx, const struct control_reader *reply,
		     uint64_t status)
{
	struct control_field field;
	char text[1024] = "";

	if (control_find(reply, CONTROL_MESSAGE, &field)) {
		control_text(&field, text, sizeof(text));
	}
	return talloc_asprintf(mem_ctx, "the server says: %s%s",
			       text[0] != '\0' ? text :
			       control_status_name((enum control_status)status),
			       status == CONTROL_DENIED ? ": ask as root, or "
			       "as a member of the group that 'wins:read "
			       "group' names" : "");
}

/* Ask for the slice behind the reply's cursor; cursor 0: the first one. */
static int ask_slice(struct own *own, uint64_t cursor, uint64_t instance,
		     char **message)
{
	struct control_writer *w = control_client_request(own->client,
							  "record list");
	uint64_t status = CONTROL_OK;
	int ret = 0;

	if (cursor != 0) {
		control_put_number(w, CONTROL_CURSOR, cursor);
		control_put_number(w, CONTROL_INSTANCE, instance);
	}
	ret = control_client_call(own->client, true, &own->reply);
	if (ret != 0) {
		return ret;
	}
	own->field = (struct control_field) { .data = NULL };
	status = control_number_or(&own->reply, CONTROL_STATUS,
				   CONTROL_FAILED);
	if (status != CONTROL_OK) {
		*message = refusal(own, &own->reply, status);
		return status == CONTROL_DENIED ? EPERM : EIO;
	}
	own->last = control_number_or(&own->reply, CONTROL_CURSOR, 0) == 0;
	return 0;
}

/* When it was asked for stands behind a record, if the server knows. */
static void take_queried(const struct own *own, struct row *row)
{
	struct control_field next = own->field;
	uint64_t when = 0;

	if (!control_next(&own->reply, &next) ||
	    next.tag != CONTROL_QUERIED) {
		return;
	}
	when = control_number(&next);
	row->queried = when == 0 ? -1 : (int64_t)when;
	row->known |= ROW_QUERIED;
}

/* The next record of the reply; false: it has no more. */
static bool next_in_reply(struct own *own, struct row *row)
{
	while (control_next(&own->reply, &own->field)) {
		if (own->field.tag == CONTROL_RECORD) {
			control_record(&own->field, &row->rec);
			take_queried(own, row);
			return true;
		}
	}
	return false;
}

static int next_asked(struct own *own, struct row *row, char **message)
{
	while (!next_in_reply(own, row)) {
		int ret = 0;

		if (own->last) {
			return 0;
		}
		ret = ask_slice(own, control_number_or(&own->reply,
						       CONTROL_CURSOR, 0),
				control_number_or(&own->reply,
						  CONTROL_INSTANCE, 0),
				message);
		if (ret == 0) {
			continue;
		}
		if (*message == NULL) {
			*message = talloc_asprintf(own, "the server at %s: %s",
						   own->places.control_socket,
						   strerror(ret));
		}
		return -1;
	}
	return 1;
}

/* ---- the functions of the format ---- */

/* 0: it answers; ENOENT: it does not run; else it should have. */
static int try_server(struct own *own, TALLOC_CTX *mem_ctx, char **message)
{
	char *said = NULL;
	int ret = 0;

	own->client = control_client_create(own, own->places.control_socket);
	if (own->client == NULL) {
		return ENOMEM;
	}
	ret = ask_slice(own, 0, 0, &said);
	if (ret == ENOENT || ret == ECONNREFUSED) {
		TALLOC_FREE(own->client);
		return ENOENT;
	}
	if (ret != 0) {
		*message = said != NULL ? talloc_strdup(mem_ctx, said) :
			talloc_asprintf(mem_ctx, "the server at %s: %s",
					own->places.control_socket,
					strerror(ret));
	}
	return ret;
}

static int own_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		    bool writing, void **priv, char **message)
{
	struct own *own = talloc_zero(mem_ctx, struct own);
	int ret = own == NULL ? ENOMEM : 0;

	(void)writing;
	if (ret != 0) {
		return ret;
	}
	own->tally = end->tally;
	ret = tool_places_load(own, &own->places);
	if (ret == 0) {
		ret = try_server(own, mem_ctx, message);
		if (ret == ENOENT) {
			ret = stored_open(own, &own->places, &own->stored,
					  message);
			if (*message != NULL) {
				*message = talloc_strdup(mem_ctx, *message);
			}
		}
	}
	if (ret != 0) {
		talloc_free(own);
		return ret;
	}
	*priv = own;
	return 0;
}

static enum format_step own_next(void *priv, struct row *row, char **message)
{
	struct own *own = talloc_get_type_abort(priv, struct own);
	int got = 0;

	*row = (struct row) { .known = ROW_ALL };
	got = own->stored != NULL ?
		stored_next(own->stored, &row->rec, message) :
		next_asked(own, row, message);
	if (got > 0 && row->rec.owner == 0) {	/* never had an address */
		row->known &= ~(unsigned int)ROW_OWNER;
	}
	return got < 0 ? FORMAT_FAILED : got == 0 ? FORMAT_END : FORMAT_ROW;
}

static int own_close(void *priv, char **message)
{
	(void)message;
	talloc_free(talloc_get_type_abort(priv, struct own));
	return 0;
}

const struct format_ops format_server = {
	.name = "server",
	.title = "our own server, running or stopped: winsd: as SOURCE",
	.flags = FORMAT_READS | FORMAT_PATH,
	.carries = ROW_ALL | ROW_QUERIED,
	.probe = probe,
	.open = own_open,
	.next = own_next,
	.close = own_close,
};
