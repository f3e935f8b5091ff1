// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/tables.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "unwind/base_calls.h"
#include "unwind/cfi.h"
#include "unwind/cfi_program.h"
#include "unwind/go_heights.h"
#include "unwind/heights.h"
#include "unwind/pages.h"
#include "unwind/quirks.h"
#include "unwind/rule.h"
#include "unwind/rule_table.h"

#define MAPPED_PAGE 4096ULL /* granularity of mappings */

/* The rules of the usual rows by what tells them apart, packed: saves classifying nearly all of
 * them. */
#define USUAL_BITS 10

struct usual_row {
	uint64_t key; /* never 0 */
	uint16_t rule;
};

struct unwind_tables {
	struct unwind_memory memory;
	struct rule_table rules;
	struct row_store store;
	uint32_t pages_used;
	struct unwind_page bare; /* shared by all pages without CFI */
	uint64_t rows;
	struct usual_row usual[1 << USUAL_BITS];
};

/* A file under way. */
struct compile {
	struct unwind_tables *t;
	struct cfi_table cfi;
	struct go_functions go; /* for FDEs of CFI_CIE_GO */
	struct heights heights; /* for FDEs of CFI_CIE_HEIGHTS */
	struct base_calls base_calls;
	struct cfi_start *starts; /* by CIE */
	uint64_t low, high; /* addresses of code: FDEs elsewhere are leftovers of the linker */
	uint64_t dir_low, dir_high;
	struct page_writer writer;
};

/* How the FDEs of a CIE begin. */
struct cfi_start {
	bool ok;
	struct cfi_row row;
};

int unwind_tables_create(const struct unwind_memory *memory, struct unwind_tables **ret,
			 struct err *e)
{
	struct unwind_tables *t = calloc(1, sizeof(*t));

	if (!t || rule_table_init(&t->rules, memory->rules) < 0) {
		free(t);
		return err_set(e, -ENOMEM, "cannot make the unwind tables");
	}
	t->memory = *memory;
	t->store.segment = memory->segment;
	t->store.ctx = memory->ctx;
	*ret = t;
	return 0;
}

void unwind_tables_destroy(struct unwind_tables *t)
{
	if (!t)
		return;
	rule_table_deinit(&t->rules);
	free(t);
}

static bool fits24(int64_t n)
{
	return n >= -(1 << 23) && n < 1 << 23;
}

/*
 * A usual row is CFA = register + offset, rbp unchanged or saved at CFA + offset, the return
 * address at CFA - 8. Its key holds the two offsets and the register; 0: not usual.
 */
static uint64_t usual_key(const struct cfi_row *row)
{
	const struct cfi_rule *cfa = &row->columns[CFI_CFA], *bp = &row->columns[CFI_BP];
	const struct cfi_rule *ra = &row->columns[CFI_RA];
	uint64_t bp_off = bp->how == CFI_OFFSET ? (uint64_t)bp->offset : 0;

	if (cfa->how != CFI_REGISTER || ra->how != CFI_OFFSET || ra->offset != -8 ||
	    (bp->how != CFI_UNSET && bp->how != CFI_OFFSET) ||
	    row->columns[CFI_SP].how != CFI_UNSET || !fits24(cfa->offset) ||
	    !fits24((int64_t)bp_off))
		return 0;
	return 1 | (uint64_t)(bp->how == CFI_OFFSET) << 1 | (uint64_t)cfa->reg << 8 |
	       ((uint64_t)cfa->offset & 0xffffff) << 16 | (bp_off & 0xffffff) << 40;
}

/* The index of the rule of a row; negative errno. */
static int row_rule_find(struct unwind_tables *t, const struct cfi_row *row, bool signal)
{
	const struct cfi_rule *cfa = &row->columns[CFI_CFA];
	struct unwind_rule rule;

	switch (rule_classify(row, signal, &rule)) {
	case RULE_NONE:
		return UNWIND_RULE_NONE;
	case RULE_SIGNAL:
		return UNWIND_RULE_SIGNAL;
	case RULE_EXPR:
		rule.cfa_off = rule_table_intern_expr(&t->rules, cfa->expr, cfa->expr_len);
		if (rule.cfa_off < 0)
			return rule.cfa_off;
		break;
	case RULE_OTHER:
		rule.cfa_off = RULE_TABLE_EXPR_NONE;
		break;
	case RULE_PLAIN:
		break;
	}
	return rule_table_intern(&t->rules, &rule);
}

static int row_rule(struct unwind_tables *t, const struct cfi_row *row, bool signal)
{
	uint64_t key = signal ? 0 : usual_key(row);
	struct usual_row *usual = &t->usual[key * 0x9e3779b97f4a7c15ULL >> (64 - USUAL_BITS)];

	if (key && usual->key == key)
		return usual->rule;
	int rule = row_rule_find(t, row, signal);
	if (key && rule >= 0)
		*usual = (struct usual_row){ key, (uint16_t)rule };
	return rule;
}

/*
 * The rule of Go code that has taken so much stack. The first word taken is for the caller's frame
 * pointer. Code that changes stacks is left by the frame pointer: its own where it has a frame,
 * which it must have set up, else its caller's.
 */
static int go_rule(struct unwind_tables *t, enum go_kind kind, bool framed, int64_t height)
{
	struct unwind_rule rule = { .ra_off = -8 };
	bool by_bp = kind == GO_SWITCH && (height > 0 || !framed);

	if (kind == GO_ROOT)
		return UNWIND_RULE_ROOT;
	if (height < 0 || height > INT32_MAX - 8)
		return UNWIND_RULE_NONE;
	rule.cfa = by_bp ? UNWIND_CFA_BP_SWITCH : UNWIND_CFA_SP;
	rule.cfa_off = by_bp ? 16 : (int32_t)height + 8;
	if (by_bp || height > 0) {
		rule.bp = UNWIND_BP_CFA;
		rule.bp_off = -16;
	}
	return rule_table_intern(&t->rules, &rule);
}

static int go_compile(struct compile *c, const struct cfi_fde *fde, uint64_t end)
{
	struct go_function function;

	if (!go_functions_get(&c->go, fde->program, &function))
		return page_writer_put(&c->writer, fde->start, UNWIND_RULE_NONE);
	bool framed = go_function_has_frame(&function);
	struct go_height h = go_height_init(&function);
	while (go_height_next(&h) && h.start < end) {
		int rule = go_rule(c->t, function.kind, framed, h.bytes);
		int rc = rule < 0 ? rule : page_writer_put(&c->writer, h.start, (uint16_t)rule);
		if (rc < 0)
			return rc;
	}
	return h.end < end ? page_writer_put(&c->writer, h.end, UNWIND_RULE_NONE) : 0;
}

static int heights_compile(struct compile *c, const struct cfi_fde *fde, uint64_t end)
{
	struct unwind_rule rule, last = { 0 };
	int rc = 0;

	for (uint64_t at = fde->start; at < end && rc >= 0; at++) {
		if (!heights_rule(&c->heights, at, &rule) ||
		    memcmp(&rule, &last, sizeof(rule)) == 0)
			continue;
		last = rule;
		rc = rule_table_intern(&c->t->rules, &rule);
		if (rc >= 0)
			rc = page_writer_put(&c->writer, at, (uint16_t)rc);
	}
	return rc;
}

/* The calls of a row whose CFA hangs on rbx, from `start` to `end`; elsewhere `rule` is in force.
 */
static int base_calls_compile(struct compile *c, const struct cfi_row *row, int rule,
			      uint64_t start, uint64_t end)
{
	int64_t add = row->columns[CFI_CFA].offset;
	const struct base_call *call;
	int rc = 0;

	for (; rc == 0 && (call = base_calls_next(&c->base_calls, start, end));
	     start = call->vaddr + 1) {
		struct unwind_rule by_callee = c->t->memory.rules[rule];
		by_callee.cfa = UNWIND_CFA_SP_MEM;
		by_callee.reg = 0;
		by_callee.cfa_off = call->saved;
		by_callee.cfa_add = (int16_t)add;
		if (add != by_callee.cfa_add || by_callee.ra != UNWIND_RA_CFA)
			continue;
		rc = rule_table_intern(&c->t->rules, &by_callee);
		if (rc >= 0)
			rc = page_writer_put(&c->writer, call->vaddr, (uint16_t)rc);
		if (rc == 0 && call->vaddr + 1 < end)
			rc = page_writer_put(&c->writer, call->vaddr + 1, (uint16_t)rule);
	}
	return rc;
}

static int row_compile(struct compile *c, const struct cfi_program *p, uint64_t end)
{
	const struct cfi_rule *cfa = &p->row.columns[CFI_CFA];
	int rule = row_rule(c->t, &p->row, p->cie->signal);
	int rc = rule < 0 ? rule : page_writer_put(&c->writer, p->start, (uint16_t)rule);

	if (rc < 0 || cfa->how != CFI_REGISTER || cfa->reg != UNWIND_REG_BX)
		return rc;
	return base_calls_compile(c, &p->row, rule, p->start, end);
}

/* While rbx is not saved, the caller would be left by what lies where it will be. */
static int base_unsaved_compile(struct compile *c, uint64_t start)
{
	static const struct unwind_rule unknown = { .cfa = UNWIND_CFA_EXPR,
						    .cfa_off = RULE_TABLE_EXPR_NONE };
	int rule = rule_table_intern(&c->t->rules, &unknown);

	return rule < 0 ? rule : page_writer_put(&c->writer, start, (uint16_t)rule);
}

/* The rows of one FDE, cut off at `end`. */
static int fde_compile(struct compile *c, const struct cfi_fde *fde, uint64_t end)
{
	struct cfi_program p;

	if (fde->cie == CFI_CIE_ROOT)
		return page_writer_put(&c->writer, fde->start, UNWIND_RULE_ROOT);
	if (fde->cie == CFI_CIE_CLONE)
		return page_writer_put(&c->writer, fde->start, UNWIND_RULE_CLONE);
	if (fde->cie == CFI_CIE_GO)
		return go_compile(c, fde, end);
	if (fde->cie == CFI_CIE_HEIGHTS)
		return heights_compile(c, fde, end);
	if (!c->starts[fde->cie].ok)
		return page_writer_put(&c->writer, fde->start, UNWIND_RULE_NONE);
	bool callee = base_calls_callee(&c->base_calls, fde->start);
	cfi_program_init(&p, &c->cfi, fde, &c->starts[fde->cie].row);
	while (cfi_program_next(&p) && p.start < end) {
		int rc = callee && p.row.columns[CFI_BX].how == CFI_UNSET
				 ? base_unsaved_compile(c, p.start)
				 : row_compile(c, &p, p.end < end ? p.end : end);
		if (rc < 0)
			return rc;
	}
	return p.failed && p.start < end ? page_writer_put(&c->writer, p.start, UNWIND_RULE_NONE)
					 : 0;
}

/* FDEs may overlap in damaged files: the one that starts last is in force, as for a binary search.
 */
static int fdes_compile(struct compile *c)
{
	size_t n = c->cfi.fdes.len;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct cfi_fde *fde = &c->cfi.fdes.items[i];
		uint64_t next = i + 1 < n ? fde[1].start : c->high;
		uint64_t end = fde->end;

		if (next > c->high)
			next = c->high;
		if (end > next)
			end = next;
		if (fde->start < c->low || fde->start >= end)
			continue;
		rc = fde_compile(c, fde, end);
		if (rc == 0 && end < next)
			rc = page_writer_put(&c->writer, end, UNWIND_RULE_NONE);
	}
	return rc == 0 ? page_writer_finish(&c->writer, c->dir_high - 1) : rc;
}

/* The addresses of code, and those that any mapping of the file can show. */
static void spans_find(struct compile *c, const struct elf_file *f)
{
	c->low = c->dir_low = UINT64_MAX;
	for (size_t i = 0; i < f->segments.len; i++) {
		const struct elf_segment *s = &f->segments.items[i];
		uint64_t low = s->vaddr & ~(MAPPED_PAGE - 1);
		uint64_t high = (s->vaddr + s->filesz + MAPPED_PAGE - 1) & ~(MAPPED_PAGE - 1);

		if (s->filesz == 0 || high <= low)
			continue;
		if (low < c->dir_low)
			c->dir_low = low;
		if (high > c->dir_high)
			c->dir_high = high;
		if (s->executable && low < c->low)
			c->low = low;
		if (s->executable && high > c->high)
			c->high = high;
	}
}

static int starts_find(struct compile *c)
{
	c->starts = calloc(c->cfi.cies.len + 1, sizeof(*c->starts));
	if (!c->starts)
		return -ENOMEM;
	for (size_t i = 0; i < c->cfi.cies.len; i++)
		c->starts[i].ok =
			cfi_program_cie(&c->cfi.section, &c->cfi.cies.items[i], &c->starts[i].row);
	return 0;
}

/* Let the walk see the file: entries whose rows are in place. */
static void pages_publish(struct unwind_tables *t, const struct page_writer *w)
{
	for (size_t i = 0; i < w->pages.len; i++)
		__atomic_store(&t->memory.pages[t->pages_used + i], &w->pages.items[i],
			       __ATOMIC_RELEASE);
	t->pages_used += (uint32_t)w->pages.len;
	t->rows += w->rows_total;
	t->bare = w->bare;
}

static int file_compile(struct compile *c, uint32_t *dir)
{
	struct unwind_tables *t = c->t;
	uint64_t first = c->dir_low >> UNWIND_PAGE_SHIFT;
	uint64_t last = (c->dir_high - 1) >> UNWIND_PAGE_SHIFT;
	uint32_t used = t->store.used;

	if (t->pages_used - (uint32_t)first == UNWIND_DIR_NONE)
		t->pages_used++;
	if (t->pages_used >= t->memory.pages_len ||
	    last - first >= t->memory.pages_len - t->pages_used)
		return -ENOSPC;
	int rc = starts_find(c);
	if (rc < 0)
		return rc;
	page_writer_init(&c->writer, &t->store, c->dir_low);
	c->writer.bare = t->bare;
	rc = fdes_compile(c);
	if (rc < 0) {
		t->store.used = used;
		return rc;
	}
	*dir = t->pages_used - (uint32_t)first;
	pages_publish(t, &c->writer);
	return 0;
}

static void compile_deinit(struct compile *c)
{
	page_writer_deinit(&c->writer);
	free(c->starts);
	base_calls_deinit(&c->base_calls);
	heights_deinit(&c->heights);
	cfi_table_deinit(&c->cfi);
}

int unwind_tables_add(struct unwind_tables *t, struct elf_file *f, uint32_t *dir, struct err *e)
{
	_cleanup_(compile_deinit) struct compile c = { .t = t };
	struct elf_range section = { 0 };

	int rc = elf_file_eh_frame(f, &section, e);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	spans_find(&c, f);
	rc = cfi_table_init(&c.cfi, section);
	if (rc == 0 && go_functions_init(&c.go, f))
		rc = go_functions_add(&c.go, f, &c.cfi);
	if (rc == 0)
		rc = quirks_add(&c.cfi, f);
	if (rc == 0)
		rc = heights_add(&c.heights, f, &c.cfi);
	if (rc == 0)
		rc = base_calls_find(&c.base_calls, f, &c.cfi);
	if (rc == 0 && (c.cfi.fdes.len == 0 || c.low >= c.high))
		*dir = UNWIND_DIR_NONE;
	else if (rc == 0)
		rc = file_compile(&c, dir);
	if (rc == -ENOSPC)
		return err_plain(e, rc, "no room in the unwind tables for '%s'", f->name);
	return rc < 0 ? err_set(e, rc, "cannot compile the unwind tables of '%s'", f->name) : 0;
}

uint32_t unwind_tables_rule(const struct unwind_tables *t, uint32_t dir, uint64_t vaddr,
			    struct unwind_rule *to)
{
	uint32_t entry = dir + (uint32_t)(vaddr >> UNWIND_PAGE_SHIFT);
	uint32_t index = UNWIND_RULE_NONE;

	if (dir != UNWIND_DIR_NONE && entry < t->pages_used)
		index = row_store_find(&t->store, t->memory.pages[entry], vaddr);
	*to = t->rules.rules[index];
	return index;
}

bool unwind_tables_expr(const struct unwind_tables *t, const struct unwind_rule *rule,
			struct cursor *to)
{
	return rule->cfa == UNWIND_CFA_EXPR && rule_table_expr(&t->rules, rule->cfa_off, to);
}

void unwind_tables_stats(const struct unwind_tables *t, struct unwind_tables_stats *ret)
{
	*ret = (struct unwind_tables_stats){
		.rows = t->rows,
		.pages = t->pages_used,
		.rules = t->rules.len,
		.row_bytes = (uint64_t)t->store.used * sizeof(struct unwind_row),
	};
}
