/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wins.ldb, the database of the SMB suite's AD server, by way of libldb
 * (protocol.md 7.5), and the partners in wins_config.ldb (7.6).
 *
 * Reading: a child searches the databases and prints LDIF into a temporary
 * file, which the parent reads as it reads any LDIF. So what comes of a file
 * that is damaged, or made to harm, is the end of a child; hostile bytes meet
 * one reader, not two; no more than one record is in memory; and the server,
 * should it run, waits for the search alone, not for what becomes of its
 * records here. That costs the room of an export. To search in this process
 * was tried: libldb hands out entries at its own speed, and they fill memory.
 *
 * The databases are opened for reading and without the modules that they
 * name. Whoever writes to one right now holds a lock; some seconds are waited
 * for that.
 *
 * Writing makes a new database, with transactions but without syncing: nobody
 * sees it before it is in its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <ldb.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <tdb.h>
#include <time.h>
#include <unistd.h>

#include "migrate/format/ldbrec.h"
#include "migrate/format/ldif.h"
#include "migrate/formats.h"
#include "migrate/import_spool.h"

#define LOCK_TRIES	40		/* of 50 ms */
#define LOCK_PATIENCE	30		/* s, once the search has begun to wait */
#define CPU_MAX		1800		/* s: a damaged file may go in circles */
#define CHAINS		131071
#define BATCH		10000		/* entries in a transaction */

static const char magic[] = "TDB file\n";
static const char *no_modules[] = { "modules:", NULL };

struct ldb {
	FILE *file;			/* reading: the LDIF */
	void *ldif;
	struct ldb_context *ldb;	/* writing */
	struct ldbrec_writer *writer;
	unsigned int batch;
	char *message;
};

/* ---- the child: from a database to LDIF ---- */

struct search {
	struct ldb_context *ldb;
	FILE *to;
	bool failed;
};

/*
 * The server makes the name of an entry without escaping anything. One with a
 * line end in it would end its line; it says nothing that is not said again.
 */
static void mend_dn(struct search *search, struct ldb_message *msg)
{
	const char *text = ldb_dn_get_linearized(msg->dn);

	if (text == NULL || strpbrk(text, "\r\n") != NULL) {
		msg->dn = ldb_dn_new(msg, search->ldb, "CN=UNPRINTABLE");
	}
}

static int print_entry(struct ldb_request *request, struct ldb_reply *reply)
{
	struct search *search = request->context;
	struct ldb_ldif ldif = { .changetype = LDB_CHANGETYPE_NONE };

	(void)alarm(0);
	if (reply == NULL) {
		return ldb_request_done(request, LDB_ERR_OPERATIONS_ERROR);
	}
	if (reply->error != LDB_SUCCESS) {
		return ldb_request_done(request, reply->error);
	}
	if (reply->type == LDB_REPLY_ENTRY) {
		mend_dn(search, reply->message);
		ldif.msg = reply->message;
		if (ldb_ldif_write_file(search->ldb, search->to, &ldif) < 0) {
			search->failed = true;
		}
	}
	if (reply->type == LDB_REPLY_DONE) {
		return ldb_request_done(request, search->failed ?
					LDB_ERR_OTHER : LDB_SUCCESS);
	}
	talloc_free(reply);
	return search->failed ? LDB_ERR_OTHER : LDB_SUCCESS;
}

static int search_database(struct ldb_context *ldb, FILE *to)
{
	struct search search = { .ldb = ldb, .to = to };
	struct ldb_request *request = NULL;
	int ret = ldb_build_search_req(&request, ldb, ldb, NULL,
				       LDB_SCOPE_SUBTREE,
				       "(|(objectClass=winsRecord)"
				       "(objectClass=wreplPartner)"
				       "(objectClass=winsMaxVersion))", NULL,
				       NULL, &search, print_entry, NULL);

	if (ret == LDB_SUCCESS) {
		ret = ldb_request(ldb, request);
	}
	if (ret == LDB_SUCCESS) {
		ret = ldb_wait(request->handle, LDB_WAIT_ALL);
	}
	return ret;
}

/* The lock is there: no more patience is needed. */
static int got_lock(TDB_DATA key, TDB_DATA data, void *nothing)
{
	(void)key;
	(void)data;
	(void)nothing;
	(void)alarm(0);
	return 0;
}

/*
 * A chain that ends too early is a search that finds less and says nothing, so
 * each byte of the file must be accounted for before.
 */
static bool is_sound(const char *path)
{
	struct tdb_context *tdb = tdb_open(path, 0, 0, O_RDONLY, 0);
	bool sound = tdb != NULL &&
		     tdb_check(tdb, got_lock, NULL) == 0;

	if (tdb != NULL) {
		(void)tdb_close(tdb);
	}
	return sound;
}

static int print_database(const char *path, FILE *to, FILE *messages)
{
	struct ldb_context *ldb = ldbrec_library(NULL);
	char *url = talloc_asprintf(ldb, "tdb://%s", path);
	int ret = LDB_ERR_OPERATIONS_ERROR;

	(void)alarm(LOCK_PATIENCE);
	if (!is_sound(path)) {
		(void)fprintf(messages, "%s is damaged", path);
		return 1;
	}
	if (ldb != NULL && url != NULL) {
		(void)alarm(LOCK_PATIENCE);
		ret = ldb_connect(ldb, url, LDB_FLG_RDONLY |
				  LDB_FLG_DONT_CREATE_DB, no_modules);
	}
	if (ret == LDB_SUCCESS) {
		ret = search_database(ldb, to);
	}
	(void)alarm(0);
	if (ret != LDB_SUCCESS) {
		const char *why = ldb_errstring(ldb);

		(void)fprintf(messages, "libldb cannot read %s: %s", path,
			      why != NULL ? why : ldb_strerror(ret));
		return 1;
	}
	return 0;
}

static void child(const char *const *paths, FILE *to, FILE *messages)
{
	const struct rlimit none = { 0, 0 };
	const struct rlimit cpu = { CPU_MAX, CPU_MAX };
	int status = 0;

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)signal(SIGALRM, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	for (unsigned int i = 0; paths[i] != NULL && status == 0; i++) {
		status = print_database(paths[i], to, messages);
	}
	if (status == 0 && fflush(to) != 0) {
		(void)fprintf(messages, "the temporary file: %s",
			      strerror(errno));
		status = 1;
	}
	(void)fflush(messages);
	_exit(status);
}

/* ---- the parent ---- */

static void one_line(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && strchr(" \r\n", text[len - 1]) != NULL) {
		text[--len] = '\0';
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~') {
			text[i] = ' ';
		}
	}
}

/* What the child said last, or what its end says. 0: it did all. */
static int judge(TALLOC_CTX *mem_ctx, int status, FILE *messages,
		 char **message)
{
	char text[400];
	size_t len = 0;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		return 0;
	}
	rewind(messages);
	len = fread(text, 1, sizeof(text) - 1, messages);
	text[len] = '\0';
	one_line(text);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
		*message = talloc_asprintf(mem_ctx, "it is locked by a program "
					   "that writes to it, for over %d s; "
					   "stop that one, or try again",
					   LOCK_PATIENCE);
		return EBUSY;
	}
	if (WIFSIGNALED(status)) {
		*message = talloc_asprintf(mem_ctx, "it is damaged: libldb did "
					   "not survive it (%s); 'tdbbackup -v "
					   "FILE' checks and restores it",
					   strsignal(WTERMSIG(status)));
		return EINVAL;
	}
	*message = talloc_asprintf(mem_ctx, "%s; 'tdbbackup -v FILE' checks "
				   "and restores a database", text);
	return EINVAL;
}

static int wait_child(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) == -1) {
		if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

/* Let a child print the databases into file. */
static int print_databases(TALLOC_CTX *mem_ctx, const char *const *paths,
			   FILE *file, char **message)
{
	FILE *messages = tmpfile();
	pid_t pid = -1;
	int status = 0;
	int ret = 0;

	if (messages == NULL) {
		return errno;
	}
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		child(paths, file, messages);
	}
	ret = pid == -1 ? errno : wait_child(pid, &status);
	if (ret == 0) {
		ret = judge(mem_ctx, status, messages, message);
	}
	(void)fclose(messages);
	return ret;
}

/* Is somebody writing? *pid: who. */
static bool is_locked(int fd, pid_t *pid)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) {
		return false;
	}
	*pid = lock.l_pid;
	return true;
}

static int wait_for_lock(TALLOC_CTX *mem_ctx, int fd, char **message)
{
	const struct timespec moment = { .tv_nsec = 50000000 };
	pid_t pid = 0;

	for (unsigned int i = 0; is_locked(fd, &pid); i++) {
		if (i == LOCK_TRIES) {
			*message = talloc_asprintf(mem_ctx, "it is locked by "
				"process %d, which writes to it; stop that "
				"one, or try again", (int)pid);
			return EBUSY;
		}
		(void)nanosleep(&moment, NULL);
	}
	return 0;
}

/* Is this a database that we may read, and can now? */
static int look(TALLOC_CTX *mem_ctx, const char *path, char **message)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[sizeof(magic) - 1] = "";
	int ret = 0;

	if (fd == -1) {
		return errno;
	}
	if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head, magic, sizeof(head)) != 0) {
		*message = talloc_strdup(mem_ctx, "no TDB database; the AD "
					 "server's is wins.ldb in its state "
					 "directory, and what ldbsearch prints "
					 "of it is the format ldif");
		ret = EINVAL;
	} else {
		ret = wait_for_lock(mem_ctx, fd, message);
	}
	close(fd);
	return ret;
}

/* ---- which files ---- */

static const char *in_folder(TALLOC_CTX *mem_ctx, const char *folder,
			     const char *name, int mode)
{
	char *path = talloc_asprintf(mem_ctx, "%s/%s", folder, name);

	return path != NULL && access(path, mode) == 0 ? path : NULL;
}

static const char *find_config(TALLOC_CTX *mem_ctx, const char *folder)
{
	static const char *const places[] = {
		"wins_config.ldb", "private/wins_config.ldb",
		"../private/wins_config.ldb",
	};
	const char *path = NULL;

	for (unsigned int i = 0; path == NULL && i < 3; i++) {
		path = in_folder(mem_ctx, folder, places[i], R_OK);
	}
	return path;
}

static const char *folder_of(TALLOC_CTX *mem_ctx, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? "." :
	       slash == path ? "/" :
	       talloc_strndup(mem_ctx, path, (size_t)(slash - path));
}

/*
 * The databases that the path means: itself or the wins.ldb in it, and beside
 * a wins.ldb the wins_config.ldb where the suite puts it.
 */
static int find_databases(TALLOC_CTX *mem_ctx, const struct format_end *end,
			  const char *paths[3])
{
	const char *folder = NULL;
	struct stat st;

	if (stat(end->path, &st) != 0) {
		return errno;
	}
	folder = S_ISDIR(st.st_mode) ? end->path :
				       folder_of(mem_ctx, end->path);
	paths[0] = S_ISDIR(st.st_mode) ?
		in_folder(mem_ctx, folder, "wins.ldb", F_OK) : end->path;
	if (folder == NULL || paths[0] == NULL) {
		return ENOENT;
	}
	if (strstr(end->path, "wins_config.ldb") != NULL) {
		return 0;
	}
	paths[1] = find_config(mem_ctx, folder);
	if (paths[1] == NULL) {
		tally_remark(end->tally, "no wins_config.ldb beside it nor in "
			     "'private' that may be read: what partners the "
			     "server had is not known");
	}
	return 0;
}

static int read_databases(struct ldb *ldb, const struct format_end *end,
			  TALLOC_CTX *mem_ctx, char **message)
{
	struct format_end ldif = *end;
	const char *paths[3] = { NULL };
	int ret = find_databases(ldb, end, paths);

	for (unsigned int i = 0; ret == 0 && paths[i] != NULL; i++) {
		ret = look(mem_ctx, paths[i], message);
	}
	if (ret == 0 && (ldb->file = spool_nameless()) == NULL) {
		ret = errno;
	}
	if (ret == 0) {
		ret = print_databases(mem_ctx, paths, ldb->file, message);
	}
	if (ret != 0) {
		return ret;
	}
	rewind(ldb->file);
	ldif.file = ldb->file;
	return ldif_reader_open(mem_ctx, &ldif, true, &ldb->ldif, message);
}

/* ---- writing ---- */

static int store_failed(struct ldb *ldb, int ret)
{
	if (ret == LDB_ERR_ENTRY_ALREADY_EXISTS) {
		return EEXIST;
	}
	TALLOC_FREE(ldb->message);
	ldb->message = talloc_asprintf(ldb, "libldb: %s",
				       ldb_errstring(ldb->ldb));
	return EIO;
}

static int commit(struct ldb *ldb)
{
	int ret = ldb_transaction_commit(ldb->ldb);

	ldb->batch = 0;
	return ret == LDB_SUCCESS ? 0 : store_failed(ldb, ret);
}

static int store_entry(void *arg, const struct ldb_message *msg)
{
	struct ldb *ldb = talloc_get_type_abort(arg, struct ldb);
	int ret = LDB_SUCCESS;

	if (ldb->batch == 0) {
		ret = ldb_transaction_start(ldb->ldb);
		if (ret != LDB_SUCCESS) {
			return store_failed(ldb, ret);
		}
	}
	ldb->batch++;
	ret = ldb_add(ldb->ldb, msg);
	if (ret != LDB_SUCCESS) {
		return store_failed(ldb, ret);
	}
	return ldb->batch == BATCH ? commit(ldb) : 0;
}

/*
 * libldb would give it 10000 chains: with a million records each is walked
 * for minutes, which was tried. It takes a file that has more as it is.
 */
static int make_file(const char *path)
{
	struct tdb_context *tdb = tdb_open(path, CHAINS, TDB_NOSYNC,
					   O_RDWR | O_CREAT, 0600);

	if (tdb == NULL) {
		return errno;
	}
	return tdb_close(tdb) != 0 ? errno : 0;
}

static int make_database(struct ldb *ldb, const struct format_end *end)
{
	char *url = talloc_asprintf(ldb, "tdb://%s", end->path);
	int ret = make_file(end->path);

	if (ret != 0) {
		return ret;
	}
	ldb->ldb = ldbrec_library(ldb);
	if (url == NULL || ldb->ldb == NULL) {
		return ENOMEM;
	}
	ret = ldb_connect(ldb->ldb, url, LDB_FLG_NOSYNC, no_modules);
	if (ret != LDB_SUCCESS) {
		return store_failed(ldb, ret);
	}
	return ldbrec_writer_open(ldb, ldb->ldb, end, store_entry, ldb,
				  &ldb->writer);
}

/* ---- the interface ---- */

static bool is_ldb_name(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".ldb") == 0;
}

static int wins_probe(const struct format_head *head)
{
	char path[4096];

	if (head->is_folder) {
		(void)snprintf(path, sizeof(path), "%s/wins.ldb", head->path);
		return access(path, F_OK) == 0 ? 90 : 0;
	}
	if (head->len < sizeof(magic) - 1 ||
	    memcmp(head->data, magic, sizeof(magic) - 1) != 0) {
		return 0;
	}
	return strcmp(head->name, "wins.ldb") == 0 ||
	       strcmp(head->name, "wins_config.ldb") == 0 ? 100 :
	       is_ldb_name(head->name) ? 80 : 10;
}

static int wins_destructor(struct ldb *ldb)
{
	if (ldb->file != NULL) {
		(void)fclose(ldb->file);
		ldb->file = NULL;
	}
	return 0;
}

static int wins_open(TALLOC_CTX *mem_ctx, const struct format_end *end,
		    bool writing, void **priv, char **message)
{
	struct ldb *ldb = talloc_zero(mem_ctx, struct ldb);
	int ret = 0;

	if (ldb == NULL) {
		return ENOMEM;
	}
	talloc_set_destructor(ldb, wins_destructor);
	ret = writing ? make_database(ldb, end) :
			read_databases(ldb, end, mem_ctx, message);
	if (ret != 0) {
		if (ldb->message != NULL) {
			*message = talloc_move(mem_ctx, &ldb->message);
		}
		talloc_free(ldb);
		return ret;
	}
	*priv = ldb;
	return 0;
}

static enum format_step wins_next(void *priv, struct row *row, char **message)
{
	struct ldb *ldb = talloc_get_type_abort(priv, struct ldb);

	return ldif_reader_next(ldb->ldif, row, message);
}

static int wins_put(void *priv, const struct row *row, char **message)
{
	struct ldb *ldb = talloc_get_type_abort(priv, struct ldb);
	int ret = ldbrec_writer_put(ldb->writer, row);

	*message = ret != 0 ? ldb->message : NULL;
	return ret;
}

static int wins_close(void *priv, char **message)
{
	struct ldb *ldb = talloc_get_type_abort(priv, struct ldb);
	TALLOC_CTX *parent = talloc_parent(ldb);
	int ret = 0;

	if (ldb->writer != NULL) {
		ret = ldbrec_writer_close(ldb->writer);
		if (ret == 0 && ldb->batch > 0) {
			ret = commit(ldb);
		}
	}
	if (ret != 0 && ldb->message != NULL) {
		*message = talloc_move(parent, &ldb->message);
	}
	talloc_free(ldb->ldif);
	talloc_free(ldb);
	return ret;
}

const struct format_ops format_ldb = {
	.name = "wins.ldb",
	.title = "database of the SMB suite's AD server, or the folder with it",
	.flags = FORMAT_READS | FORMAT_WRITES | FORMAT_PATH,
	.carries = ROW_ALL,
	.loss = "names that the AD server cannot look up",
	.probe = wins_probe,
	.open = wins_open,
	.next = wins_next,
	.put = wins_put,
	.close = wins_close,
};
