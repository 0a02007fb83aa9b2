/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The undo file of commands that concern all records of an owner, see undo.h:
 * a list in slices, as `record list` gives it, goes into common/undo_file.c.
 */
#include "winsctl/undo.h"

#include <inttypes.h>

#include "common/undo_file.h"

struct writing {
	struct undo *undo;
	struct undo_file *file;
};

static void put_filter(struct control_writer *request, const void *arg)
{
	const struct writing *w = arg;

	control_put_number(request, CONTROL_OWNER, w->undo->owner);
	if (w->undo->only_statics) {
		control_put_number(request, CONTROL_STATIC, 1);
	}
}

static void take_slice(void *arg, const struct control_reader *reply)
{
	struct writing *w = arg;
	struct control_field field = { .data = NULL };
	struct nb_record rec;

	while (control_next(reply, &field)) {
		if (field.tag != CONTROL_RECORD) {
			continue;
		}
		control_record(&field, &rec);
		if (w->undo->only_statics && rec.state == NB_TOMBSTONE) {
			continue;
		}
		undo_file_put(w->file, &rec, NULL);
		w->undo->count++;
		if (rec.version > w->undo->highest) {
			w->undo->highest = rec.version;
		}
	}
}

int undo_write(struct winsctl *ctl, struct undo *undo)
{
	struct writing w = { .undo = undo };
	int status = undo_file_begin(ctl->mem_ctx,
				     ctl->places.state_directory,
				     undo->command, undo->file, &w.file);

	undo->count = 0;
	undo->highest = 0;
	if (status != TOOL_OK) {
		return status;
	}
	status = ask_list(ctl, "record list", put_filter, take_slice, &w);
	if (status == TOOL_OK) {
		status = undo_file_end(w.file);
	} else {
		undo_file_drop(w.file);
	}
	if (status == TOOL_OK) {
		tool_say("the records as they were (%" PRIu64 "): %s",
			 undo->count, undo_file_path(w.file));
	}
	talloc_free(w.file);
	return status;
}
