/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the rooms; see hooks.h. */

#include "estate/hooks.h"

int __real_store_put(struct store *store, struct nb_record *rec,
		     bool new_version);
int __real_store_delete(struct store *store, const struct nb_name *name);
int __real_store_set_mark(struct store *store, uint32_t owner,
			  uint64_t version);
int __real_serve_replica(struct serve *serve, const struct nb_event *event,
			 void (*settled)(void *arg, int error), void *arg,
			 bool *pending, bool *changed);
void __real_rule_replica(const struct nb_record *existing,
			 const struct nb_event *event,
			 const struct nb_policy *policy, int64_t now,
			 struct nb_verdict *verdict);
size_t __real_wrepl_encode_table(uint8_t *buf, uint32_t context,
				 uint32_t command,
				 const struct wrepl_owner *owner,
				 uint32_t owners, uint32_t initiator);

static struct judge *holder;

void judge_hold(struct judge *judge)
{
	holder = judge;
}

int __wrap_store_put(struct store *store, struct nb_record *rec,
		     bool new_version)
{
	int ret = __real_store_put(store, rec, new_version);

	if (ret == 0 && holder != NULL) {
		judge_put(holder, store, rec, new_version);
	}
	return ret;
}

int __wrap_store_delete(struct store *store, const struct nb_name *name)
{
	int ret = __real_store_delete(store, name);

	if (ret == 0 && holder != NULL) {
		judge_delete(holder, store, name);
	}
	return ret;
}

int __wrap_store_set_mark(struct store *store, uint32_t owner,
			  uint64_t version)
{
	uint64_t before = store_mark(store, owner);
	int ret = __real_store_set_mark(store, owner, version);

	if (ret == 0 && holder != NULL) {
		judge_set_mark(holder, store, owner, before, version);
	}
	return ret;
}

int __wrap_serve_replica(struct serve *serve, const struct nb_event *event,
			 void (*settled)(void *arg, int error), void *arg,
			 bool *pending, bool *changed)
{
	if (holder != NULL) {
		judge_replica(holder, serve, event);
	}
	return __real_serve_replica(serve, event, settled, arg, pending,
				    changed);
}

void __wrap_rule_replica(const struct nb_record *existing,
			 const struct nb_event *event,
			 const struct nb_policy *policy, int64_t now,
			 struct nb_verdict *verdict)
{
	__real_rule_replica(existing, event, policy, now, verdict);
	if (holder != NULL) {
		judge_meets(holder, existing, event, verdict);
	}
}

size_t __wrap_wrepl_encode_table(uint8_t *buf, uint32_t context,
				 uint32_t command,
				 const struct wrepl_owner *owner,
				 uint32_t owners, uint32_t initiator)
{
	if (holder != NULL) {
		judge_told(holder, command, owner, owners);
	}
	return __real_wrepl_encode_table(buf, context, command, owner, owners,
					 initiator);
}
