// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/kallsyms.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/vec.h"
#include "sym/alias.h"

struct symbol {
	uint64_t start;
	uint32_t name, module; /* offsets in the text */
	bool global;
};

struct kallsyms {
	struct buf text; /* the file, cut into strings */
	vec_of(struct symbol) symbols;
};

/* The next word of a line that ends in NUL, or "" at its end. */
static char *word_next(char **pos)
{
	char *start = *pos + strspn(*pos, " \t");
	char *end = start + strcspn(start, " \t");

	*pos = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

/* 1: a function; 0: something else; -EPROTO. */
static int line_parse(struct kallsyms *k, char *line, struct symbol *s)
{
	char *end;
	char *addr = word_next(&line), *type = word_next(&line), *name = word_next(&line);
	char *module = word_next(&line);

	s->start = strtoull(addr, &end, 16);
	if (end == addr || *end || strlen(type) != 1 || !*name)
		return -EPROTO;
	if (!strchr("tTwW", type[0]))
		return 0;
	if (module[0] == '[') {
		module++;
		module[strcspn(module, "]")] = '\0';
	}
	s->name = (uint32_t)(name - k->text.data);
	s->module = (uint32_t)(module - k->text.data);
	s->global = isupper((unsigned char)type[0]);
	return 1;
}

static int symbol_compare(const void *pa, const void *pb, void *text)
{
	const struct symbol *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->global != b->global)
		return a->global ? -1 : 1;
	return alias_compare((char *)text + a->name, (char *)text + b->name);
}

static int kallsyms_parse(struct kallsyms *k, const char *path, struct err *e)
{
	bool visible = false;

	if (k->text.len > UINT32_MAX)
		return err_set(e, -EFBIG, "cannot read '%s'", path);
	for (char *line = k->text.data, *next; line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		struct symbol s;
		int rc = line_parse(k, line, &s);
		if (rc < 0)
			return err_plain(e, rc, "'%s' is no list of kernel symbols", path);
		visible |= rc && s.start;
		if (rc && vec_push(&k->symbols, s) < 0)
			return err_set(e, -ENOMEM, "cannot read '%s'", path);
	}
	if (!visible)
		return err_plain(e, -EPERM,
				 "the kernel hides its symbols: give CAP_SYSLOG, or set "
				 "kernel.kptr_restrict to 0");
	return 0;
}

static void symbols_sort(struct kallsyms *k)
{
	struct symbol *symbols = k->symbols.items;
	size_t kept = 0;

	qsort_r(symbols, k->symbols.len, sizeof(symbols[0]), symbol_compare, k->text.data);
	for (size_t i = 0; i < k->symbols.len; i++) {
		if (kept == 0 || symbols[i].start != symbols[kept - 1].start)
			symbols[kept++] = symbols[i];
	}
	k->symbols.len = kept;
}

int kallsyms_load(const char *path, struct kallsyms **ret, struct err *e)
{
	struct kallsyms *k = calloc(1, sizeof(*k));

	if (!k)
		return err_set(e, -ENOMEM, "cannot read '%s'", path);
	int rc = file_read_all(path, &k->text, e);
	if (rc == 0)
		rc = kallsyms_parse(k, path, e);
	if (rc < 0) {
		kallsyms_destroy(k);
		return rc;
	}
	symbols_sort(k);
	*ret = k;
	return 0;
}

void kallsyms_destroy(struct kallsyms *k)
{
	if (!k)
		return;
	vec_deinit(&k->symbols);
	buf_deinit(&k->text);
	free(k);
}

bool kallsyms_find(const struct kallsyms *k, uint64_t addr, struct kallsyms_symbol *ret)
{
	size_t low = 0, high = k->symbols.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (k->symbols.items[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	const struct symbol *s = &k->symbols.items[low - 1];
	*ret = (struct kallsyms_symbol){
		.start = s->start,
		.name = k->text.data + s->name,
		.module = k->text.data + s->module,
	};
	return true;
}
