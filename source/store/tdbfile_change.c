/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transactions on wins.tdb, and what it means when one fails.
 *
 * Before it is prepared nothing of a transaction is in the file, and it is
 * cancelled: this is where a full disk shows. tdb tells it badly (it asks
 * posix_fallocate(), which sets no errno, and then speaks of "Input/output
 * error"), so we listen to what it logs.
 *
 * When it is prepared, the recovery area in the file holds what was there
 * before. From then on the first complaint of tdb seals the file: its
 * descriptor is replaced by one that can only read. tdb would otherwise try to
 * put the old state back and then, whether it could or not, strike out the
 * recovery area: a disk that fails two writes and then works again would leave
 * half a transaction for ever. Sealed, the area stays, and the next open puts
 * the old state back: at once after a want of space, else when somebody starts
 * the server again. It is also why closing is harmless whatever has happened.
 *
 * A failed sync is never followed by another write: what the kernel still
 * holds and what it has dropped nobody can say. Even one that reports a want
 * of space (thin volumes do) is not ENOSPC to the caller.
 *
 * tdb may also repack the file after a commit that is already durable, and
 * fail in that; the sequence number in the header tells.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/tdbfile_private.h"

/* ---- what tdb says ---- */

void tdbfile_listen(struct tdbfile *file)
{
	file->complaint[0] = '\0';
	file->cause = 0;
	file->no_room = false;
	file->sync_failed = false;
	errno = 0;
}

/*
 * The first complaint has the cause, the others follow from it. The words are
 * those of libtdb's sources; the tests fail the calls behind each of them.
 */
void tdbfile_note(struct tdb_context *tdb, enum tdb_debug_level level,
		  const char *format, ...)
{
	struct tdbfile *file = tdb_get_logging_private(tdb);
	int saved = errno;
	va_list args;

	if (level > TDB_DEBUG_ERROR ||
	    strstr(format, "trying once more") != NULL) {
		return;		/* should that fail, it says so */
	}
	if (*file->complaint == '\0') {
		va_start(args, format);
		vsnprintf(file->complaint, sizeof(file->complaint), format,
			  args);
		va_end(args);
		file->complaint[strcspn(file->complaint, "\r\n")] = '\0';
		file->cause = saved;
		file->no_room = strstr(format, "expan") != NULL ||
				strstr(format, "recovery area") != NULL ||
				strstr(format, "overflow") != NULL;
	}
	if (file->pending == 0 && strstr(format, "transaction_write") != NULL) {
		file->pending = saved != 0 ? saved : EIO;
	}
	/* a recovery area that a cancel did not strike out is as bad */
	if (strstr(format, "sync") != NULL ||
	    (!file->committing && strstr(format, "remove recovery") != NULL)) {
		file->sync_failed = true;
	}
	if (file->committing) {
		tdbfile_seal(file, tdb);
	}
	errno = saved;
}

void tdbfile_seal(struct tdbfile *file, struct tdb_context *tdb)
{
	if (!file->sealed) {
		file->sealed = true;
		dup3(file->reader, tdb_fd(tdb), O_CLOEXEC);
	}
}

int tdbfile_failure(struct tdbfile *file, int saved)
{
	int err = file->cause != 0 ? file->cause : saved;

	if (file->sync_failed) {
		return EIO;
	}
	if (err == ENOSPC || err == EDQUOT || err == EFBIG ||
	    (err == 0 && file->no_room)) {
		return ENOSPC;
	}
	if (err == ENOMEM || tdb_error(file->tdb) == TDB_ERR_OOM) {
		return ENOMEM;
	}
	if (tdb_error(file->tdb) == TDB_ERR_CORRUPT) {
		return EILSEQ;
	}
	return err != 0 ? err : EIO;
}

static bool is_harmless(int err)
{
	return err == ENOSPC || err == ENOMEM || err == EINVAL;
}

/* An error before the point of no return. */
static int give_up(struct tdbfile *file, int err)
{
	if (!is_harmless(err)) {
		file->broken = err;
		tdbfile_seal(file, file->tdb);
	}
	tdbfile_cancel(file);
	return err;
}

/* ---- the transaction ---- */

/*
 * A file that was growing when the machine stopped may end inside a page. tdb
 * works in pages, and would refuse for ever what touches this one.
 */
static int fill_page(struct tdbfile *file)
{
	uint64_t page = (uint64_t)getpagesize();
	int err = tdbfile_measure(file), ret = 0;

	if (err != 0 || file->size % page == 0) {
		return err;
	}
	do {
		ret = ftruncate(tdb_fd(file->tdb),
				(off_t)((file->size / page + 1) * page));
	} while (ret != 0 && errno == EINTR);
	return ret == 0 ? 0 : errno;
}

int tdbfile_begin(struct tdbfile *file)
{
	int err = 0;

	if (file->broken != 0 || file->tdb == NULL) {
		return file->broken != 0 ? file->broken : EBADF;
	}
	err = fill_page(file);
	if (err != 0) {
		return give_up(file, err);
	}
	file->before = tdb_get_seqnum(file->tdb);
	file->pending = 0;
	tdbfile_listen(file);
	if (tdb_transaction_start(file->tdb) != 0) {
		return give_up(file, tdbfile_failure(file, errno));
	}
	return 0;
}

/*
 * A call that succeeds may have failed: where tdb cannot read a key to compare
 * it, it takes it for another one, and what it looks for for not there. Then a
 * deletion does nothing, and a record may stand twice. But it complains.
 */
static int outcome(struct tdbfile *file, bool good)
{
	return good && *file->complaint == '\0' ? 0 :
						  tdbfile_failure(file, errno);
}

int tdbfile_delete(struct tdbfile *file, TDB_DATA key)
{
	int ret = 0;

	tdbfile_forget_code(file->tdb);
	tdbfile_listen(file);
	ret = tdb_delete(file->tdb, key);
	return outcome(file, ret == 0 ||
				     tdb_error(file->tdb) == TDB_ERR_NOEXIST);
}

static int store_one(struct tdbfile *file, const uint8_t *key, size_t key_len,
		     const uint8_t *value, size_t value_len)
{
	TDB_DATA k = { .dptr = (uint8_t *)key, .dsize = key_len };
	TDB_DATA v = { .dptr = (uint8_t *)value, .dsize = value_len };
	int err = 0;

	if (value == NULL) {
		err = tdbfile_delete(file, k);
	} else {
		tdbfile_listen(file);
		err = outcome(file, tdb_store(file->tdb, k, v,
					      TDB_REPLACE) == 0);
	}
	return err == 0 ? 0 : give_up(file, err);
}

int tdbfile_changes(struct tdbfile *file, const struct store_batch *batch)
{
	const uint8_t *key = NULL, *value = NULL;
	size_t pos = 0, key_len = 0, value_len = 0;
	int err = 0;

	while (err == 0 && store_batch_next(batch, &pos, &key, &key_len,
					    &value, &value_len)) {
		err = store_one(file, key, key_len, value, value_len);
	}
	if (err == 0 && pos != batch->len) {
		return give_up(file, EINVAL);
	}
	return err;
}

int tdbfile_set_number(struct tdbfile *file, const char *name,
		       uint64_t number)
{
	uint8_t key[DBREC_KEY_MAX], value[DBREC_VALUE_MAX];
	size_t key_len = dbrec_key_meta(key, name);
	size_t len = dbrec_encode_number(value, key, key_len, number);

	return store_one(file, key, key_len, value, len);
}

/*
 * The file was sealed while it was committed: maybe before all was written,
 * maybe when only the recovery area was left to strike out (tdb calls that a
 * success, but the next open would take everything back), maybe later.
 */
static int commit_failed(struct tdbfile *file)
{
	int err = tdbfile_failure(file, 0);

	if (!is_harmless(err)) {
		file->broken = err;
		return err;
	}
	/* the new handle puts back what the recovery area holds, if it does */
	if (tdbfile_attach(file, file->path, O_RDWR) != 0) {
		file->broken = EIO;
		return EIO;
	}
	return tdb_get_seqnum(file->tdb) != file->before ? 0 : err;
}

int tdbfile_end(struct tdbfile *file)
{
	tdbfile_listen(file);
	if (tdb_transaction_prepare_commit(file->tdb) != 0) {
		if (strstr(file->complaint, "error pending") != NULL) {
			/* tdb_store() said yes, but could not count it in the
			   header. Only a want of memory is not logged */
			file->cause = file->pending != 0 ? file->pending :
							   ENOMEM;
		}
		return give_up(file, tdbfile_failure(file, errno));
	}
	tdbfile_list_lock();
	file->committing = true;
	tdbfile_listen(file);
	if (tdb_transaction_commit(file->tdb) != 0) {
		tdbfile_seal(file, file->tdb);
	}
	file->committing = false;
	tdbfile_list_unlock();
	if (file->sealed) {
		return commit_failed(file);
	}
	tdbfile_measure(file);
	return 0;
}

void tdbfile_cancel(struct tdbfile *file)
{
	if (file->tdb != NULL && tdb_transaction_active(file->tdb)) {
		tdb_transaction_cancel(file->tdb);
	}
}
