// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "session/incomplete.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const reasons[UNWIND_END_COUNT] = {
	[UNWIND_END_COMPLETE] = "complete",
	[UNWIND_END_TRUNCATED] = "deeper than the limit",
	[UNWIND_END_NO_PROCESS] = "mappings of the process not known",
	[UNWIND_END_NO_MAPPING] = "address in no mapping",
	[UNWIND_END_NO_CFI] = "no unwind information, no frame pointer",
	[UNWIND_END_BAD_READ] = "stack not readable",
	[UNWIND_END_ZERO_RA] = "return address of zero",
	[UNWIND_END_STUCK] = "stack does not grow",
	[UNWIND_END_NO_REGISTER] = "register not known",
	[UNWIND_END_EXPRESSION] = "unwind expression not understood",
	[UNWIND_END_SHORT_COPY] = "copy of the stack too short",
	[UNWIND_END_32BIT] = "32-bit code",
	[UNWIND_END_NO_REGS] = "user registers not readable",
};

const char *incomplete_reason(uint16_t end)
{
	return end < UNWIND_END_COUNT ? reasons[end] : "unknown";
}

void incomplete_deinit(struct incomplete *list)
{
	vec_deinit(&list->rows);
}

/* The file in which the walk ended. */
static const char *last_mapping(const struct stacks *stacks, const struct sample_stack *stack,
				const struct code_files *files)
{
	if (stack->len == stack->kernel_len)
		return "[no user frame]";
	uint64_t frame = stacks->frames.items[stack->start + stack->len - 1];
	const struct code_file *file =
		code_files_at(files, (uint32_t)(frame >> UNWIND_FRAME_OFFSET_BITS));
	return file ? file->path : "[anonymous]";
}

static int row_compare(const void *a, const void *b)
{
	const struct session_incomplete *x = a, *y = b;

	if (x->samples != y->samples)
		return x->samples < y->samples ? 1 : -1;
	int by_reason = strcmp(x->reason, y->reason);
	return by_reason ? by_reason : strcmp(x->mapping, y->mapping);
}

static void row_add(struct incomplete *list, const char *reason, const char *mapping, uint64_t n)
{
	vec_for_each(row, &list->rows) {
		if (row->reason == reason && strcmp(row->mapping, mapping) == 0) {
			row->samples += n;
			return;
		}
	}
	vec_push(&list->rows, (struct session_incomplete){ reason, mapping, n });
}

void incomplete_add(struct incomplete *list, const struct sample_key *key,
		    const struct stacks *stacks, const struct code_files *files, uint64_t n)
{
	row_add(list, incomplete_reason(key->end),
		last_mapping(stacks, stacks_find(stacks, key->stack), files), n);
}

void incomplete_sort(struct incomplete *list)
{
	if (list->rows.len)
		qsort(list->rows.items, list->rows.len, sizeof(*list->rows.items), row_compare);
}
