/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows on the disk, see import_spool.h.
 *
 * Why the order. A version of ours in the source is kept if none as high has
 * been handed out. If the rows came as the source has them, the first would
 * raise the number and the lower ones behind it could not keep theirs; sorted
 * they all can, and two rows of one version are told apart without remembering
 * any. What takes fresh numbers comes last, for the same reason.
 *
 * Of a row of ours 16 bytes stay in memory, of all others nothing. A record is
 * kept in the bytes of the control socket: sixty, not the seven hundred of
 * struct nb_record.
 */
#include "migrate/import_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/control.h"

#define FRAME	(CONTROL_HEAD + 2 + 3 + CONTROL_RECORD_MAX)

struct head {
	const char *changed;
	uint64_t place;
	int64_t queried;
	unsigned int known;
	uint32_t len;		/* of the body that follows */
};

struct key {
	uint64_t version;
	uint64_t at;
};

struct spool {
	FILE *file[SPOOL_CLASSES];
	uint64_t count[SPOOL_CLASSES];
	uint64_t end;		/* of the rows of ours */
	struct key *key;
	enum spool_class class;	/* being read */
	uint64_t next;		/* of ours */
};

static int spool_destructor(struct spool *spool)
{
	for (int i = 0; i < SPOOL_CLASSES; i++) {
		if (spool->file[i] != NULL) {
			(void)fclose(spool->file[i]);
		}
	}
	free(spool->key);
	return 0;
}

FILE *spool_nameless(void)
{
	const char *folder = getenv("TMPDIR");
	int fd = open(folder != NULL ? folder : "/var/tmp",
		      O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	FILE *file = fd == -1 ? NULL : fdopen(fd, "w+");

	if (file == NULL && fd != -1) {
		close(fd);
	}
	return file != NULL ? file : tmpfile();
}

int spool_create(TALLOC_CTX *mem_ctx, struct spool **spool)
{
	struct spool *fresh = talloc_zero(mem_ctx, struct spool);

	if (fresh == NULL) {
		return ENOMEM;
	}
	talloc_set_destructor(fresh, spool_destructor);
	for (int i = 0; i < SPOOL_CLASSES; i++) {
		fresh->file[i] = spool_nameless();
		if (fresh->file[i] == NULL) {
			int error = errno;

			talloc_free(fresh);
			return error;
		}
	}
	*spool = fresh;
	return 0;
}

/* ---- writing ---- */

/* Keys are the one thing that grows; in steps, as malloc may move them. */
static int add_key(struct spool *spool, uint64_t version, size_t len)
{
	uint64_t count = spool->count[SPOOL_OURS];

	if ((count & (count + 1)) == 0 || spool->key == NULL) {
		struct key *more = realloc(spool->key, (2 * count + 2) *
					   sizeof(*more));

		if (more == NULL) {
			return ENOMEM;
		}
		spool->key = more;
	}
	spool->key[count] = (struct key) { version, spool->end };
	spool->end += len;
	return 0;
}

int spool_put(struct spool *spool, enum spool_class class,
	      const struct row *row)
{
	struct head head = {
		.changed = row->changed,
		.place = row->place,
		.queried = row->queried,
		.known = row->known,
	};
	uint8_t frame[FRAME];
	struct control_writer w;
	FILE *file = spool->file[class];
	int ret = 0;

	control_begin(&w, frame, sizeof(frame), CONTROL_REQUEST);
	control_put_record(&w, CONTROL_RECORD, &row->rec);
	head.len = (uint32_t)control_end(&w) - CONTROL_HEAD;
	if (class == SPOOL_OURS) {
		ret = add_key(spool, row->rec.version,
			      sizeof(head) + head.len);
	}
	if (ret == 0 &&
	    (fwrite(&head, sizeof(head), 1, file) != 1 ||
	     fwrite(frame + CONTROL_HEAD, head.len, 1, file) != 1)) {
		ret = errno != 0 ? errno : EIO;
	}
	spool->count[class] += ret == 0;
	return ret;
}

/* ---- reading ---- */

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->version != y->version) {
		return x->version < y->version ? -1 : 1;
	}
	return x->at < y->at ? -1 : x->at > y->at;
}

int spool_rewind(struct spool *spool)
{
	for (int i = 0; i < SPOOL_CLASSES; i++) {
		if (fflush(spool->file[i]) != 0) {
			return errno;
		}
		rewind(spool->file[i]);
	}
	if (spool->key != NULL) {
		qsort(spool->key, spool->count[SPOOL_OURS],
		      sizeof(*spool->key), compare_keys);
	}
	spool->class = SPOOL_OTHERS;
	spool->next = 0;
	return 0;
}

static int unpack(const struct head *head, const uint8_t *body,
		  struct row *row)
{
	struct control_reader r;
	struct control_field field;

	if (control_open(&r, body, head->len, CONTROL_REQUEST) !=
		    CONTROL_GOOD ||
	    !control_find(&r, CONTROL_RECORD, &field)) {
		return EILSEQ;
	}
	*row = (struct row) {
		.kind = ROW_RECORD,
		.known = head->known,
		.place = head->place,
		.queried = head->queried,
		.changed = head->changed,
	};
	control_record(&field, &row->rec);
	return 0;
}

/* 0, ENODATA at the end, or an errno. */
static int next_in_order(FILE *file, struct row *row)
{
	uint8_t body[FRAME];
	struct head head;

	if (fread(&head, sizeof(head), 1, file) != 1) {
		return ferror(file) ? EIO : ENODATA;
	}
	if (head.len > sizeof(body) ||
	    fread(body, head.len, 1, file) != 1) {
		return EIO;
	}
	return unpack(&head, body, row);
}

static int next_of_ours(struct spool *spool, struct row *row)
{
	int fd = fileno(spool->file[SPOOL_OURS]);
	union {
		struct head head;
		uint8_t bytes[sizeof(struct head) + FRAME];
	} at;
	ssize_t got = 0;

	if (spool->next == spool->count[SPOOL_OURS]) {
		return ENODATA;
	}
	got = pread(fd, at.bytes, sizeof(at.bytes),
		    (off_t)spool->key[spool->next++].at);
	if (got < (ssize_t)sizeof(at.head) ||
	    (size_t)got - sizeof(at.head) < at.head.len) {
		return got < 0 ? errno : EIO;
	}
	return unpack(&at.head, at.bytes + sizeof(at.head), row);
}

bool spool_next(struct spool *spool, struct row *row, int *error)
{
	*error = 0;
	while (spool->class < SPOOL_CLASSES) {
		int ret = spool->class == SPOOL_OURS ?
				  next_of_ours(spool, row) :
				  next_in_order(spool->file[spool->class],
						row);

		if (ret == 0) {
			return true;
		}
		if (ret != ENODATA) {
			*error = ret;
			return false;
		}
		spool->class++;
	}
	return false;
}

uint64_t spool_count(const struct spool *spool, enum spool_class class)
{
	return spool->count[class];
}
