/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From settings to what the server runs on: struct serve_config with its
 * policy, the own names of protocol.md 1.6, paths, interfaces. Replication is
 * in config_repl.c.
 *
 * The values are checked already; what can still fail is memory, what the
 * machine says of itself (its name, its directories), and a list of
 * interfaces in which nothing is left for IPv4.
 */

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "config_private.h"
#include "core/optval.h"

/* A computed default that must be valid as if somebody had typed it. */
static int complete(TALLOC_CTX *mem_ctx, struct settings *settings,
		    enum option_id id, const char *text, char **message)
{
	const struct option *row = option_row(id);
	char reason[OPTION_REASON] = "";
	char *copy = NULL;

	if (settings_is_set(settings, id) || text == NULL) {
		return 0;
	}
	copy = talloc_strdup(settings, text);
	if (copy == NULL) {
		return ENOMEM;
	}
	if (!option_check(row, copy, reason)) {
		*message = talloc_asprintf(mem_ctx, "%s (default: %s); set %s",
					   reason, row->computed, row->name);
		return EINVAL;
	}
	settings->value[id].text = copy;
	return 0;
}

static void upper_case(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text >= 'a' && *text <= 'z') {
			*text = (char)(*text - 'a' + 'A');
		}
	}
}

/* The host's name as a NetBIOS name: first label, at most 15 bytes. */
static void short_host_name(char name[NB_NAME_MAX + 1])
{
	char full[256] = "";
	size_t len = 0;

	if (gethostname(full, sizeof(full) - 1) != 0) {
		full[0] = '\0';
	}
	len = strcspn(full, ".");
	if (len > NB_NAME_MAX) {
		len = NB_NAME_MAX;
	}
	memcpy(name, full, len);
	name[len] = '\0';
	upper_case(name);
}

/* An option that is set to nothing counts as not set. */
static void forget_empty(struct settings *settings, enum option_id id)
{
	const char *text = settings->value[id].text;

	if (text != NULL && text[0] == '\0') {
		settings->value[id].text = NULL;
	}
}

int wins_config_complete(TALLOC_CTX *mem_ctx, const struct wins_host *host,
			 struct settings *settings, char **message)
{
	bool standalone = strcmp(host->host_name, "winsd") == 0;
	char name[NB_NAME_MAX + 1] = "", half[16] = "";
	uint32_t renew = settings_number(settings, OPTION_RENEW_INTERVAL);
	const struct {
		enum option_id id;
		const char *text;
	} computed[] = {
		{ OPTION_NETBIOS_NAME, name },
		{ OPTION_OWN_NAMES, standalone ? "yes" : "no" },
		{ OPTION_INTERFACES, host->interfaces },
		{ OPTION_STATE_DIRECTORY, host->state_directory },
		{ OPTION_LOCK_DIRECTORY, host->lock_directory },
		{ OPTION_SCAVENGING_INTERVAL, half },
	};

	short_host_name(name);
	snprintf(half, sizeof(half), "%u", renew / 2);
	forget_empty(settings, OPTION_INTERFACES);
	forget_empty(settings, OPTION_WINS_INTERFACES);
	for (unsigned int i = 0; i < sizeof(computed) / sizeof(computed[0]);
	     i++) {
		int error = complete(mem_ctx, settings, computed[i].id,
				     computed[i].text, message);

		if (error != 0) {
			return error;
		}
	}
	return 0;
}

static void fill_names(const struct settings *settings, enum option_id id,
		       struct nb_name_list *list)
{
	const char *text = settings_text(settings, id);
	char word[OPTVAL_WORD] = "";

	*list = (struct nb_name_list){ .count = 0 };
	while (optval_next_word(&text, word) != OPTVAL_END) {
		nb_name_list_add(list, word, strlen(word));
	}
}

static void fill_policy(const struct settings *s, struct nb_policy *policy)
{
	*policy = nb_policy_default();
	policy->min_ttl = settings_number(s, OPTION_MIN_WINS_TTL);
	policy->max_ttl = settings_number(s, OPTION_MAX_WINS_TTL);
	policy->tombstone_interval =
		settings_number(s, OPTION_TOMBSTONE_INTERVAL);
	policy->tombstone_timeout =
		settings_number(s, OPTION_TOMBSTONE_TIMEOUT);
	policy->verify_interval = settings_number(s, OPTION_VERIFY_INTERVAL);
	policy->observe = settings_bool(s, OPTION_OBSERVE);
	policy->migrate_on = settings_bool(s, OPTION_MIGRATE_ON);
	policy->propagate_releases =
		settings_bool(s, OPTION_PROPAGATE_RELEASES);
	policy->prepend_1b = settings_bool(s, OPTION_PREPEND_1B);
	policy->randomize_1c = settings_bool(s, OPTION_RANDOMIZE_1C);
	policy->randomize_mask = settings_address(s, OPTION_RANDOMIZE_1C_MASK);
	policy->order_1c = settings_word(s, OPTION_1C_ORDER) == 1 ?
			   NB_1C_WINDOWS : NB_1C_RECENT;
	switch (settings_word(s, OPTION_SOURCE_MUST_MATCH)) {
	case 0:
		policy->source_match = NB_SOURCE_OFF;
		break;
	case 2:
		policy->source_match = NB_SOURCE_ENFORCE;
		break;
	default:
		policy->source_match = NB_SOURCE_LOG;
	}
	fill_names(s, OPTION_BLOCKED_NAMES, &policy->blocked);
	fill_names(s, OPTION_ALLOW_NAMES, &policy->allowed);
}

/* Add an own name in the server's scope, once. The table has room for all
 * that the checks let through. */
static void add_own_name(const struct settings *s, struct serve_config *serve,
			 const char *text, uint8_t type, bool group,
			 bool permanent)
{
	char upper[OPTVAL_WORD] = "", scope[NB_SCOPE_LIMIT + 1] = "";
	struct serve_own_name own = { .group = group, .permanent = permanent };

	snprintf(upper, sizeof(upper), "%s", text);
	upper_case(upper);
	snprintf(scope, sizeof(scope), "%s",
		 settings_text(s, OPTION_NETBIOS_SCOPE));
	upper_case(scope);
	own.name = nb_name_make(upper, strlen(upper), type);
	nb_name_set_scope(&own.name, scope, strlen(scope));
	for (unsigned int i = 0; i < serve->own_names; i++) {
		if (nb_name_equal(&serve->own_name[i].name, &own.name)) {
			return;
		}
	}
	if (serve->own_names < SERVE_OWN_NAMES_MAX) {
		serve->own_name[serve->own_names++] = own;
	}
}

/* protocol.md 1.6 */
static void fill_own_names(const struct settings *s,
			   struct serve_config *serve)
{
	const char *name = settings_text(s, OPTION_NETBIOS_NAME);
	const char *aliases = settings_text(s, OPTION_NETBIOS_ALIASES);
	char word[OPTVAL_WORD] = "";

	if (!settings_bool(s, OPTION_OWN_NAMES)) {
		return;
	}
	add_own_name(s, serve, name, 0x00, false, false);
	add_own_name(s, serve, name, 0x03, false, false);
	add_own_name(s, serve, name, 0x20, false, false);
	while (optval_next_word(&aliases, word) != OPTVAL_END) {
		add_own_name(s, serve, word, 0x00, false, false);
		add_own_name(s, serve, word, 0x20, false, false);
	}
	add_own_name(s, serve, settings_text(s, OPTION_WORKGROUP), 0x00, true,
		     false);
	add_own_name(s, serve, "*", 0x00, true, true);
	add_own_name(s, serve, "__SAMBA__", 0x00, true, true);
	add_own_name(s, serve, "__SAMBA__", 0x20, true, true);
}

static void fill_serve(const struct settings *s, struct serve_config *serve)
{
	fill_policy(s, &serve->policy);
	serve->self = settings_address(s, OPTION_LOCAL_OWNER);
	settings_pair(s, OPTION_CHALLENGE, &serve->challenge_msec,
		      &serve->challenge_tries);
	settings_pair(s, OPTION_SOURCE_RATE, &serve->source_rate,
		      &serve->source_burst);
	serve->burst_threshold = settings_number(s, OPTION_BURST_THRESHOLD);
	serve->scavenging_interval =
		settings_number(s, OPTION_SCAVENGING_INTERVAL);
	serve->tombstone_extra =
		settings_number(s, OPTION_TOMBSTONE_EXTRA_TIMEOUT);
	serve->own_ttl = settings_number(s, OPTION_BCAST_TTL);
	serve->own_refresh = settings_number(s, OPTION_MAX_REFRESH_TIME);
	serve->usage = (enum usage_mode)settings_word(s, OPTION_USAGE);
	fill_own_names(s, serve);
}

/* An IPv6 address has two colons; the alias of an interface, eth0:1, one. */
static bool is_ipv6(const char *word)
{
	const char *colon = strchr(word, ':');

	return colon != NULL && strchr(colon + 1, ':') != NULL;
}

static int fill_interfaces(struct wins_config *config, enum option_id *about,
			   char **message)
{
	const struct settings *s = config->settings;
	enum option_id id = settings_is_set(s, OPTION_WINS_INTERFACES) ?
			    OPTION_WINS_INTERFACES : OPTION_INTERFACES;
	const char *text = settings_text(s, id);
	const char **words = talloc_zero_array(config, const char *, 1);
	char word[OPTVAL_WORD] = "";
	unsigned int count = 0;

	while (words != NULL && text != NULL &&
	       optval_next_word(&text, word) != OPTVAL_END) {
		word[strcspn(word, ";")] = '\0';
		if (word[0] == '\0' || is_ipv6(word)) {
			continue;
		}
		words = talloc_realloc(config, words, const char *, count + 2);
		if (words == NULL) {
			break;
		}
		words[count] = talloc_strdup(words, word);
		if (words[count++] == NULL) {
			return ENOMEM;
		}
		words[count] = NULL;
	}
	if (words == NULL) {
		return ENOMEM;
	}
	config->interfaces = words;
	if (settings_is_set(s, id) && count == 0) {
		*about = id;
		*message = talloc_asprintf(talloc_parent(config), "%s has "
					   "nothing for IPv4, and WINS knows "
					   "nothing else",
					   option_row(id)->name);
		return EINVAL;
	}
	return 0;
}

static char *join_path(TALLOC_CTX *mem_ctx, const char *directory,
		       const char *file)
{
	return talloc_asprintf(mem_ctx, "%s/%s", directory, file);
}

static int fill_paths(struct wins_config *config, enum option_id *about,
		      char **message)
{
	const struct settings *s = config->settings;
	const char *state = settings_text(s, OPTION_STATE_DIRECTORY);
	const char *lock = settings_text(s, OPTION_LOCK_DIRECTORY);

	*about = state == NULL ? OPTION_STATE_DIRECTORY :
				 OPTION_LOCK_DIRECTORY;
	if (state == NULL || lock == NULL) {
		*message = talloc_asprintf(talloc_parent(config), "set %s: "
					   "there is no default",
					   option_row(*about)->name);
		return EINVAL;
	}
	config->state_directory = state;
	config->lock_directory = lock;
	config->database = join_path(config, state, "wins.tdb");
	config->journal = join_path(config, state, "wins.journal");
	config->reserve = join_path(config, state, "wins.reserve");
	config->backup_directory = join_path(config, state, "backup");
	config->usage_file = join_path(config, state, "usage.tdb");
	config->lock_file = join_path(config, lock, "winsd.lock");
	config->control_socket = join_path(config, lock, "winsd.sock");
	if (config->database == NULL || config->journal == NULL ||
	    config->reserve == NULL || config->backup_directory == NULL ||
	    config->usage_file == NULL || config->lock_file == NULL || config->control_socket == NULL) {
		return ENOMEM;
	}
	if (strlen(config->control_socket) >=
	    sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		*message = talloc_asprintf(talloc_parent(config), "lock "
					   "directory is too long a path for "
					   "the socket %s",
					   config->control_socket);
		return ENAMETOOLONG;
	}
	return 0;
}

static const char *group_or_null(const struct settings *s, enum option_id id)
{
	const char *text = settings_text(s, id);

	return text[0] == '\0' ? NULL : text;
}

int wins_config_fill(struct wins_config *config, enum option_id *about,
		     char **message)
{
	const struct settings *s = config->settings;
	int error = 0;

	fill_serve(s, &config->serve);
	config->nbt_port = (uint16_t)settings_number(s, OPTION_NBT_PORT);
	config->read_group = group_or_null(s, OPTION_READ_GROUP);
	config->admin_group = group_or_null(s, OPTION_ADMIN_GROUP);
	config->durable = settings_bool(s, OPTION_DURABLE) &&
			  !settings_bool(s, OPTION_NOSYNC);
	settings_pair(s, OPTION_BACKUP, &config->backup_interval,
		      &config->backup_keep);
	config->observe = settings_bool(s, OPTION_OBSERVE);
	config->log_level = settings_level(s, "wins");
	error = wins_config_fill_repl(config);
	if (error == 0) {
		error = fill_paths(config, about, message);
	}
	return error != 0 ? error : fill_interfaces(config, about, message);
}
