// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/go_heights.h"

#include <errno.h>

struct go_height go_height_init(const struct go_function *function)
{
	return (struct go_height){ .code = function->heights, .end = function->start, .bytes = -1 };
}

/* Pairs of numbers: by how much the value changes (signed as zigzag; 0 ends all but the first), for
 * how many bytes. */
bool go_height_next(struct go_height *h)
{
	uint64_t change, bytes;

	if (!cursor_uleb(&h->code, &change) || (change == 0 && h->begun) ||
	    !cursor_uleb(&h->code, &bytes) || bytes == 0 || bytes > UINT32_MAX)
		return false;
	h->begun = true;
	h->bytes = (int64_t)((uint64_t)h->bytes + ((change >> 1) ^ -(change & 1)));
	h->start = h->end;
	h->end += bytes;
	return true;
}

bool go_function_has_frame(const struct go_function *function)
{
	struct go_height h = go_height_init(function);

	while (go_height_next(&h) && h.start < function->end)
		if (h.bytes > 0)
			return true;
	return false;
}

int go_functions_add(const struct go_functions *g, struct elf_file *f, struct cfi_table *t)
{
	struct go_function function;

	for (uint32_t i = 0; i < g->len; i++) {
		if (!go_functions_get(g, i, &function))
			continue;
		struct cfi_fde fde = { function.start, function.end, CFI_CIE_GO, i, 0 };
		if (f->entry >= function.start && f->entry < function.end)
			fde.cie = CFI_CIE_ROOT;
		if (vec_push(&t->fdes, fde) < 0)
			return -ENOMEM;
	}
	return cfi_table_sort(t);
}
