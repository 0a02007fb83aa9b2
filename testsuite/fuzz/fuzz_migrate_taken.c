/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parser of --existing on any bytes. It ends, with a message of one line
 * that names the file or without an error; what it took is found again, and
 * adding a comment changes nothing of it.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "migrate/format/dns.h"

static const char domain[] = "corp.example";

/* The text stands alone in its memory, so that a byte too far is seen. */
static int load(TALLOC_CTX *ctx, const char *text, size_t len,
		struct dns_taken **taken)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, len, "r");
	char *message = NULL;
	int ret = 0;

	MUST(file != NULL);
	ret = dns_taken_read(ctx, file, "FILE", domain, "2.0.192.in-addr.arpa",
			     taken, &message);
	(void)fclose(file);
	if (ret != 0) {
		MUST(message != NULL);
		MUST(strncmp(message, "FILE:", 5) == 0);
		MUST(strchr(message, '\n') == NULL);
	}
	return ret;
}

static void demand_same(const struct dns_taken *a, const struct dns_taken *b)
{
	static const char *const labels[] = { "a", "one", "ns", "x", "host-1",
					      "localhost", "in", "4711" };

	MUST(dns_taken_count(a) == dns_taken_count(b));
	MUST(dns_taken_pointer(a, 0xc0000253) ==
	     dns_taken_pointer(b, 0xc0000253));
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		enum dns_taken_by by = dns_taken_look(a, labels[i],
						      0xc0000253);

		MUST(by <= DNS_OTHER_KIND);
		MUST(by == dns_taken_look(b, labels[i], 0xc0000253));
		MUST(by == DNS_FREE || dns_taken_count(a) > 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char comment[] = "; comment\n";
	TALLOC_CTX *ctx = talloc_new(NULL);
	struct dns_taken *taken = NULL, *again = NULL;
	char *text = malloc(size + sizeof(comment));

	MUST(ctx != NULL && text != NULL);
	memcpy(text, comment, sizeof(comment) - 1);
	memcpy(text + sizeof(comment) - 1, data, size);
	if (size > 0 && load(ctx, (const char *)data, size, &taken) == 0 &&
	    data[0] >= ' ' && data[0] <= '~' &&
	    (size < 3 || (data[1] != 0 && data[2] != 0))) {
		MUST(load(ctx, text, size + sizeof(comment) - 1, &again) == 0);
		demand_same(taken, again);
	}
	free(text);
	talloc_free(ctx);
	return 0;
}
