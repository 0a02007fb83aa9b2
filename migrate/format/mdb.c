/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins.mdb: the database of a WINS server on Windows 2000 and later.
 *
 * This process opens the file and looks at its header; a child behind walls
 * reads the rest (ese/child.h), once for each pass of the guess which columns
 * are which (ese/guess.h), and a last time for the rows. The first next() does
 * the guessing: a database that is none of a WINS server, or one of a kind that
 * nobody has seen, ends there with a report to send in.
 *
 * Experimental: no sample of a real file is public. What is known of one is in
 * formats.md 1; the testsuite makes its own from that.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "migrate/ese/child.h"
#include "migrate/ese/report.h"
#include "migrate/formats.h"

#define MEGABYTE (UINT64_C(1) << 20)
#define HOUR 3600u	/* seconds */

struct mdb {
	int file;
	uint64_t size;
	struct tally *tally;
	struct ese_head head;
	struct ese_limits limits;
	struct ese_guess guess;
	struct ese_catalog catalog;	/* as the survey saw it */
	struct ese_child *child;	/* of the rows; NULL: before them */
	uint64_t row;
};

/* ---- opening ---- */

static int probe(const struct format_head *head)
{
	size_t len = strlen(head->name);

	if (ese_head_is(head->data, head->len)) {
		return 100;
	}
	/* what its header says is better than "no format knows it" */
	return !head->is_folder && len > 4 &&
	       strcmp(head->name + len - 4, ".mdb") == 0 ? 50 : 0;
}

static int mdb_destructor(struct mdb *mdb)
{
	(void)close(mdb->file);
	return 0;
}

static bool read_at(int file, uint8_t *data, size_t len, uint64_t at)
{
	return pread(file, data, len, (off_t)at) == (ssize_t)len;
}

/*
 * Sums of all pages. If most are wrong it is our reading of them that is, and
 * nothing is said.
 */
static void check_pages(struct mdb *mdb)
{
	uint8_t page[32768];
	uint32_t size = mdb->head.page_size;
	uint64_t pages = mdb->size / size - 2, wrong = 0, first = 0;

	for (uint64_t number = 1; number <= pages; number++) {
		if (read_at(mdb->file, page, size, (number + 1) * size) &&
		    !ese_page_right(&mdb->head, page, (uint32_t)number)) {
			first = wrong == 0 ? number : first;
			wrong++;
		}
	}
	if (wrong > 0 && wrong <= pages / 2) {
		tally_missing(mdb->tally, "%llu of %llu pages are damaged, "
			      "the first at offset %llu: what they held is "
			      "lost or wrong; copy the file again with the "
			      "service stopped", (unsigned long long)wrong,
			      (unsigned long long)pages,
			      (unsigned long long)((first + 1) * size));
	}
	if (!read_at(mdb->file, page, size, 0) ||
	    !ese_head_right(&mdb->head, page)) {
		tally_missing(mdb->tally, "the header is damaged");
	}
	if (mdb->size % size != 0) {
		tally_missing(mdb->tally, "the file ends within a page: it "
			      "was cut off");
	}
}

static int open_file(TALLOC_CTX *mem_ctx, const struct format_end *end,
		     struct mdb *mdb, char **message)
{
	uint8_t head[ESE_HEAD_BYTES] = { 0 };
	char why[ESE_HEAD_TEXT] = "";
	struct stat st = { .st_size = 0 };
	unsigned int seconds = 0;
	ssize_t got = 0;

	if (fstat(mdb->file, &st) != 0 || !S_ISREG(st.st_mode)) {
		*message = talloc_strdup(mem_ctx, "it must be a file, whose "
					 "parts can be read in any order");
		return EINVAL;
	}
	mdb->size = (uint64_t)st.st_size;
	got = pread(mdb->file, head, sizeof(head), 0);
	if (got < 0) {
		return errno;
	}
	if (!ese_head_check(head, (size_t)got, mdb->size, &mdb->head, why)) {
		*message = talloc_strdup(mem_ctx, why);
		return EINVAL;
	}
	/* if it waits for ten times the CPU that it may have, it hangs */
	seconds = mdb->size < HOUR / 4 * MEGABYTE ?
			  (unsigned int)(60 + 4 * mdb->size / MEGABYTE) : HOUR;
	mdb->limits = (struct ese_limits){
		.seconds = seconds,
		.patience = (int)seconds * 10 * 1000,
		.memory = (size_t)(256 * MEGABYTE + 4 * mdb->size),
	};
	ese_guess_begin(&mdb->guess, end->options->owner_zero);
	check_pages(mdb);
	return 0;
}

static int mdb_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		    bool writing, void **priv, char **message)
{
	struct mdb *mdb = NULL;
	int ret = 0;
	int file = open(end->path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
				   O_NONBLOCK);

	(void)writing;
	if (file < 0) {
		ret = errno;
		*message = talloc_strdup(mem_ctx, strerror(ret));
		return ret;
	}
	mdb = talloc_zero(mem_ctx, struct mdb);
	if (mdb == NULL) {
		(void)close(file);
		return ENOMEM;
	}
	mdb->file = file;
	mdb->tally = end->tally;
	talloc_set_destructor(mdb, mdb_destructor);
	ret = open_file(mem_ctx, end, mdb, message);
	if (ret != 0) {
		talloc_free(mdb);
		return ret;
	}
	*priv = mdb;
	return 0;
}

/* ---- the guess ---- */

/*
 * Each pass is another process that has read the same file; that it saw the
 * same tables is not taken for granted.
 */
static bool is_same(struct mdb *mdb, const struct ese_child *child,
		    char **message)
{
	if (ese_catalog_same(&mdb->catalog, ese_child_catalog(child)) &&
	    (mdb->child != child ||
	     ese_child_table(child) == mdb->guess.plan.names)) {
		return true;
	}
	*message = talloc_strdup(mdb, "it has changed while it was read: copy "
				 "it, and read the copy");
	return false;
}

static bool feed(struct mdb *mdb, struct ese_child *child, char **message)
{
	bool survey = mdb->guess.pass == ESE_SURVEY;
	const struct ese_catalog *catalog =
		survey ? ese_child_catalog(child) : &mdb->catalog;
	bool checked = survey;

	for (;;) {
		const struct ese_frame *frame = NULL;
		enum ese_next next = ese_child_next(child, &frame, message);

		if (next == ESE_NEXT_FAILED) {
			*message = talloc_steal(mdb, *message);
			return false;
		}
		if (!checked && !is_same(mdb, child, message)) {
			return false;
		}
		checked = true;
		if (next == ESE_NEXT_END) {
			break;
		}
		ese_guess_row(&mdb->guess, catalog, ese_child_table(child),
			      frame);
	}
	if (survey) {
		mdb->catalog = *ese_child_catalog(child);
	}
	return true;
}

static bool run_pass(struct mdb *mdb, char **message)
{
	struct ese_child *child = NULL;
	bool good = false;

	if (ese_child_start(mdb, mdb->file, ese_guess_wants(&mdb->guess),
			    &mdb->limits, &child, message) != 0) {
		return false;
	}
	good = feed(mdb, child, message);
	talloc_free(child);
	if (!good) {
		return false;
	}
	ese_guess_end_pass(&mdb->guess, &mdb->catalog);
	if (mdb->guess.pass == ESE_UNKNOWN) {
		*message = ese_report_unknown(mdb, &mdb->guess, &mdb->catalog,
					      &mdb->head);
		return false;
	}
	return true;
}

static void tell_plan(struct mdb *mdb)
{
	char *text = ese_report_plan(mdb, &mdb->guess.plan, &mdb->catalog);

	tally_remark(mdb->tally, "%s", text);
	talloc_free(text);
}

static bool owner_zero_is_told(struct mdb *mdb, char **message)
{
	const struct ese_guess *guess = &mdb->guess;
	const struct ese_owner *zero = ese_find_owner(guess, 0);
	char text[NB_ADDR_TEXT];

	if (guess->unsure) {
		tally_remark(mdb->tally, "no name has the address %s: is "
			     "--owner-zero right?",
			     nb_addr_print(guess->owner_zero, text));
	}
	if (guess->owner_zero != 0 || guess->own_rows == 0) {
		return true;
	}
	*message = talloc_asprintf(mdb, "%llu records belong to the server "
				   "itself, which the file calls 0: say its "
				   "address with --owner-zero ADDRESS",
				   (unsigned long long)guess->own_rows);
	if (zero != NULL && zero->raw != 0) {
		uint32_t addr = ese_turn(zero->raw, guess->plan.owner_order);

		*message = talloc_asprintf_append_buffer(
			*message, " (the file names %s, which is right unless "
			"it was copied between servers)",
			nb_addr_print(addr, text));
	}
	return false;
}

static bool begin_rows(struct mdb *mdb, char **message)
{
	while (mdb->guess.pass != ESE_KNOWN) {
		if (!run_pass(mdb, message)) {
			return false;
		}
	}
	tell_plan(mdb);
	return owner_zero_is_told(mdb, message) &&
	       ese_child_start(mdb, mdb->file, mdb->guess.plan.names,
			       &mdb->limits, &mdb->child, message) == 0;
}

/* ---- rows ---- */

static enum format_step refuse(struct mdb *mdb, const struct ese_table *table,
			       const struct ese_frame *frame,
			       const char *reason, const char *detail)
{
	char *raw = ese_report_row(mdb, table, frame);

	tally_refused(mdb->tally, NULL, raw, raw != NULL ? strlen(raw) : 0,
		      mdb->row, reason, detail);
	talloc_free(raw);
	return FORMAT_SKIPPED;
}

static enum format_step take(struct mdb *mdb, const struct ese_frame *frame,
			     struct row *row)
{
	const struct ese_table *table =
		&mdb->catalog.table[mdb->guess.plan.names];
	const char *why = NULL;

	mdb->row++;
	if (frame->kind == ESE_BAD_ROW) {
		tally_refused(mdb->tally, NULL, NULL, 0, mdb->row,
			      "the database is damaged there, or has a kind "
			      "of value that libesedb cannot read",
			      frame->text);
		return FORMAT_SKIPPED;
	}
	*row = (struct row){ .kind = ROW_RECORD, .place = mdb->row };
	if (!ese_record_read(&mdb->guess, table, frame, &row->rec, &why)) {
		return refuse(mdb, table, frame, why, NULL);
	}
	row->known = ese_plan_says(&mdb->guess.plan);
	return FORMAT_ROW;
}

static enum format_step mdb_next(void *priv, struct row *row, char **message)
{
	struct mdb *mdb = talloc_get_type_abort(priv, struct mdb);
	const struct ese_frame *frame = NULL;

	if (mdb->child == NULL && !begin_rows(mdb, message)) {
		return FORMAT_FAILED;
	}
	switch (ese_child_next(mdb->child, &frame, message)) {
	case ESE_NEXT_END:
		return FORMAT_END;
	case ESE_NEXT_FAILED:
		return FORMAT_FAILED;
	case ESE_NEXT_ROW:
		break;
	}
	if ((mdb->row == 0 || ese_child_table(mdb->child) !=
			      mdb->guess.plan.names) &&
	    !is_same(mdb, mdb->child, message)) {
		return FORMAT_FAILED;
	}
	return take(mdb, frame, row);
}

static int mdb_close(void *priv, char **message)
{
	(void)message;
	talloc_free(talloc_get_type_abort(priv, struct mdb));
	return 0;
}

const struct format_ops format_mdb = {
	.name = "wins.mdb",
	.title = "the database of a WINS server on Windows 2000 and later",
	.flags = FORMAT_READS | FORMAT_EXPERIMENTAL | FORMAT_PATH,
	.carries = ROW_ALL & ~(unsigned int)ROW_QUERIED,
	.loss = "configuration, which is in the registry",
	.probe = probe,
	.open = mdb_open,
	.next = mdb_next,
	.close = mdb_close,
};
