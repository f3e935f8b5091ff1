// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/switches.h"

#include <string.h>

/* Compilers put the address of a table, the load and the jump close together, if they do not take
 * the first of them out of a loop. */
#define NEAR_BYTES 48

/* What is noted of a function that names more is not taken for tables. */
#define TABLES_MAX 64

#define CASES_MAX  1024

int switch_tables_note(struct switch_tables *s, const struct elf_file *f,
		       const struct code_image *code, uint64_t vaddr, const struct stack_insn *in)
{
	struct switch_table table = { .vaddr = vaddr, .distances = in->addresses };

	if (s->items.len == TABLES_MAX || !insn_address(code, vaddr, in, &table.data))
		return 0;
	vec_for_each(segment, &f->segments)
		if (!segment->executable && table.data - segment->vaddr < segment->filesz)
			return vec_push(&s->items, table);
	return 0;
}

/* Where entry i leads; false at the table's end. */
static bool entry_read(const struct switch_table *t, struct elf_file *f,
		       const struct code_image *code, uint64_t i, uint64_t *to)
{
	int32_t distance;

	if (t->distances) {
		if (elf_file_read(f, t->data + i * sizeof(distance), &distance, sizeof(distance)) <
		    0)
			return false;
		*to = t->data + (uint64_t)(int64_t)distance;
	} else if (elf_file_read(f, t->data + i * sizeof(*to), to, sizeof(*to)) < 0) {
		return false;
	}
	return *to - code->start < code->len;
}

int switch_tables_cases(const struct switch_tables *s, struct elf_file *f,
			const struct code_image *code, uint64_t jump,
			int (*each)(void *ctx, uint64_t vaddr), void *ctx)
{
	bool is_near = false;
	uint64_t to;
	int rc = 0;

	vec_for_each(t, &s->items)
		is_near |= jump - t->vaddr <= NEAR_BYTES;
	vec_for_each(t, &s->items) {
		if (is_near && jump - t->vaddr > NEAR_BYTES)
			continue;
		for (uint64_t i = 0; rc == 0 && i < CASES_MAX && entry_read(t, f, code, i, &to);
		     i++)
			rc = each(ctx, to);
	}
	return rc;
}
