// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/base_calls.h"

#include <dwarf.h>
#include <errno.h>

#include "abi/unwind.h"
#include "unwind/cfi_program.h"
#include "unwind/stack_insn.h"

/* The dynamic linker's section has a tenth of that, and no larger file has such functions. */
#define SECTION_MAX (256u << 10)

/* lazy binding: a row of it is shorter */
#define ROW_MAX 4096

/* The dynamic linker has some twenty such rows and ten calls; a damaged file ends here. */
#define LOOKED_AT_MAX 256

static bool program_begin(struct cfi_program *p, const struct cfi_table *t,
			  const struct cfi_fde *fde)
{
	struct cfi_row initial;

	if (fde->cie >= CFI_CIE_FIRST ||
	    !cfi_program_cie(&t->section, &t->cies.items[fde->cie], &initial))
		return false;
	cfi_program_init(p, t, fde, &initial);
	return true;
}

/* May the CFA hang on rbx? Nearly all programs can be left unrun. */
static bool may_use_base(const struct cfi_table *t, const struct cfi_fde *fde)
{
	const uint8_t *code = t->section.data + fde->program;

	for (uint32_t i = 0; i + 1 < fde->program_len; i++)
		if ((code[i] == DW_CFA_def_cfa_register || code[i] == DW_CFA_def_cfa) &&
		    code[i + 1] == UNWIND_REG_BX)
			return true;
	return false;
}

/* Where the function that begins at an address saves rbx, from its CFA on; false if nowhere, or in
 * more places than one. */
static bool saved_find(const struct cfi_table *t, uint64_t vaddr, int32_t *to)
{
	const struct cfi_fde *fde = cfi_table_find(t, vaddr);
	struct cfi_program p;
	bool found = false;

	if (!fde || fde->start != vaddr || !program_begin(&p, t, fde))
		return false;
	while (cfi_program_next(&p)) {
		const struct cfi_rule *bx = &p.row.columns[CFI_BX];
		if (bx->how == CFI_UNSET)
			continue;
		if (bx->how != CFI_OFFSET || bx->offset >= 0 || bx->offset < INT32_MIN ||
		    (found && bx->offset != *to))
			return false;
		found = true;
		*to = (int32_t)bx->offset;
	}
	return found && !p.failed;
}

/* The calls of a row. *left counts what may still be looked at. */
static int row_calls(struct base_calls *b, struct elf_file *f, const struct cfi_table *t,
		     uint64_t start, uint64_t end, int *left)
{
	uint8_t code[ROW_MAX];
	struct stack_insn in;
	int rc = 0;

	if (end - start > sizeof(code) || elf_file_read(f, start, code, end - start) < 0)
		return 0;
	--*left;
	for (uint64_t at = 0;
	     rc == 0 && *left > 0 && stack_insn_decode(code + at, end - start - at, &in);) {
		at += in.len;
		struct base_call call = { start + at - 1, 0,
					  start + at + (uint64_t)(int64_t)in.target };
		if (in.next != NEXT_CALL || !in.direct)
			continue;
		--*left;
		if (saved_find(t, call.callee, &call.saved))
			rc = vec_push(&b->items, call);
	}
	return rc;
}

int base_calls_find(struct base_calls *b, struct elf_file *f, const struct cfi_table *t)
{
	struct cfi_program p;
	int rc = 0, left = LOOKED_AT_MAX;

	if (t->section.size > SECTION_MAX)
		return 0;
	for (size_t i = 0; i < t->fdes.len && rc == 0; i++) {
		const struct cfi_fde *fde = &t->fdes.items[i];
		if (fde->cie >= CFI_CIE_FIRST || !may_use_base(t, fde) ||
		    !program_begin(&p, t, fde))
			continue;
		while (rc == 0 && left > 0 && cfi_program_next(&p)) {
			const struct cfi_rule *cfa = &p.row.columns[CFI_CFA];
			if (cfa->how == CFI_REGISTER && cfa->reg == UNWIND_REG_BX)
				rc = row_calls(b, f, t, p.start, p.end, &left);
		}
	}
	return rc;
}

void base_calls_deinit(struct base_calls *b)
{
	vec_deinit(&b->items);
}

bool base_calls_callee(const struct base_calls *b, uint64_t vaddr)
{
	vec_for_each(call, &b->items)
		if (call->callee == vaddr)
			return true;
	return false;
}

const struct base_call *base_calls_next(const struct base_calls *b, uint64_t start, uint64_t end)
{
	const struct base_call *next = NULL;

	vec_for_each(call, &b->items)
		if (call->vaddr >= start && call->vaddr < end &&
		    (!next || call->vaddr < next->vaddr))
			next = call;
	return next;
}
