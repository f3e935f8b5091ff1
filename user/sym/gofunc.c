// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/gofunc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/go_functions.h"
#include "sym/spans.h"

struct gofunc {
	struct go_functions table;
	struct spans spans; /* id: number of the function */
};

int gofunc_create(struct elf_file *f, struct gofunc **ret, struct err *e)
{
	struct go_functions table;
	struct go_function function;
	int rc = 0;

	if (!go_functions_init(&table, f))
		return err_plain(e, -ENOENT, "'%s' has no table of Go's functions", f->name);
	struct gofunc *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(e, -ENOMEM, "cannot read the functions of '%s'", f->name);
	t->table = table;
	for (uint32_t i = 0; rc == 0 && i < table.len; i++) {
		if (!go_functions_get(&table, i, &function))
			continue;
		struct span span = { .start = function.start, .end = function.end, .id = i };
		rc = vec_push(&t->spans.items, span);
	}
	if (rc < 0) {
		gofunc_destroy(t);
		return err_set(e, rc, "cannot read the functions of '%s'", f->name);
	}
	spans_index(&t->spans);
	*ret = t;
	return 0;
}

void gofunc_destroy(struct gofunc *t)
{
	if (!t)
		return;
	spans_deinit(&t->spans);
	free(t);
}

bool gofunc_find(const struct gofunc *t, uint64_t addr, struct symtab_symbol *ret)
{
	const struct span *span = spans_find(&t->spans, addr);
	struct go_function function;

	if (!span || !go_functions_get(&t->table, span->id, &function))
		return false;
	*ret = (struct symtab_symbol){
		.start = function.start,
		.end = function.end,
		.name = function.name,
		.name_len = strlen(function.name),
	};
	return true;
}
