// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * alloc_server cache|conns|churn|plugin [SECONDS]: a server that answers 2,000 made-up requests a
 * second, with one of four faults: a cache that slowly grows, idle connections that keep large
 * buffers, a parser that copies everything it sees, a plugin that forgets memory.
 */
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>

#include "alloc.h"

#define FIELDS   12
#define SESSIONS 4096
#define CONNS    65536

enum fault { CACHE, CONNS_HOG, CHURN, PLUGIN, FAULTS };

/* ---- What every request does --------------------------------------------------------------------
 */

struct request {
	char *text;
	char *fields[FIELDS];
};

static char *sessions[SESSIONS];
static char *table;

TARGET_ROW void table_load(void)
{
	table = malloc(16 << 20);
	memset(table, 1, 16 << 20);
}

TARGET_ROW void request_read(struct request *r, uint64_t number)
{
	r->text = malloc(4096);
	snprintf(r->text, 4096, "GET /item/%llu HTTP/1.1", (unsigned long long)number);
}

TARGET_ROW void request_parse(struct request *r)
{
	for (int i = 0; i < FIELDS; i++)
		r->fields[i] = strdup(r->text);
}

/* Replaces an old one: what is live stays as much. */
TARGET_ROW void session_touch(uint64_t number)
{
	char **session = &sessions[number * 2654435761u % SESSIONS];

	free(*session);
	*session = malloc(512);
}

TARGET_ROW void reply_render(const struct request *r)
{
	char *reply = malloc(16384);

	snprintf(reply, 16384, "200 OK %s", r->fields[0]);
	free(reply);
}

TARGET_ROW void request_end(struct request *r)
{
	for (int i = 0; i < FIELDS; i++)
		free(r->fields[i]);
	free(r->text);
}

/* ---- The faults ---------------------------------------------------------------------------------
 */

struct entry {
	struct entry *next;
	char value[4000];
};

static struct entry *cache;

/* No entry is ever dropped. */
TARGET_ROW void cache_store(void)
{
	struct entry *entry = malloc(sizeof(*entry));

	entry->next = cache;
	cache = entry;
}

static char *conns[CONNS];
static unsigned conns_len;

/* Grows as if for a large message, and never shrinks. */
TARGET_ROW void conn_buffer_grow(char **buffer)
{
	for (size_t size = 1024; size <= 65536; size *= 4)
		*buffer = realloc(*buffer, size);
}

TARGET_ROW void conn_accept(void)
{
	if (conns_len < CONNS)
		conn_buffer_grow(&conns[conns_len++]);
	TARGET_NO_TAIL_CALL();
}

/* Copies each field for each other one. */
TARGET_ROW void fields_compare(const struct request *r)
{
	for (int i = 0; i < FIELDS * FIELDS; i++) {
		char *volatile copy = malloc(1024);
		copy[0] = r->fields[i / FIELDS][0];
		free(copy);
	}
}

static void (*filter_apply)(void);

/* Found beside the program, once it has been running for a while. */
TARGET_ROW void plugin_load(void)
{
	char path[PATH_MAX] = { 0 }, file[PATH_MAX + 64];

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		abort();
	snprintf(file, sizeof(file), "%s/plugin-leak.so", dirname(path));
	void *plugin = dlopen(file, RTLD_NOW);
	if (!plugin)
		abort();
	filter_apply = (void (*)(void))dlsym(plugin, "filter_apply");
}

static void fault_show(enum fault fault, const struct request *r, uint64_t number)
{
	if (fault == CACHE && number % 16 == 0)
		cache_store();
	else if (fault == CONNS_HOG && number % 8 == 0)
		conn_accept();
	else if (fault == CHURN)
		fields_compare(r);
	else if (fault == PLUGIN && !filter_apply && number > 4000)
		plugin_load();
	else if (fault == PLUGIN && filter_apply)
		filter_apply();
}

TARGET_ROW void serve(enum fault fault, uint64_t number)
{
	struct request r;

	request_read(&r, number);
	request_parse(&r);
	session_touch(number);
	fault_show(fault, &r, number);
	reply_render(&r);
	request_end(&r);
}

int main(int argc, char **argv)
{
	static const char *const names[FAULTS] = { "cache", "conns", "churn", "plugin" };
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 2, 60));
	int fault = 0;

	while (fault < FAULTS && (argc < 2 || strcmp(argv[1], names[fault]) != 0))
		fault++;
	if (fault == FAULTS)
		return 2;
	table_load();
	target_ready();
	for (uint64_t number = 0; !target_is_over(deadline_ns); number++) {
		serve((enum fault)fault, number);
		if (number % 16 == 0)
			usleep(8000);
	}
	return 0;
}
