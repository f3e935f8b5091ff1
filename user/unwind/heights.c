// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/heights.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "lib/regs_x86_64.h"
#include "unwind/leads.h"
#include "unwind/stack_insn.h"
#include "unwind/switches.h"

/* A C library has a tenth of that. */
#define CODE_MAX (4u << 20)

/* No frame is larger. */
#define HEIGHT_MAX (64 << 20)

/* Functions that are told by others' calls may end the program; so may those that call them, and so
 * on. */
#define ROUNDS_MAX 8

/* What tells of a beginning. Of those that are guessed nothing is known that is not confirmed. */
enum source {
	SOURCE_CERTAIN, /* a symbol, a call */
	SOURCE_CODE,    /* guessed: code makes this address, or a word of data is that of a push */
	SOURCE_DATA,    /* guessed: a word of data may be it, or be of a switch's table */
};

/* Where to begin, at which height. */
struct beginning {
	uint64_t vaddr;
	struct height height;
	enum source source;
};

struct following {
	struct heights *heights;
	struct elf_file *file;
	const struct cfi_table *table;
	vec_of(uint8_t) bytes;            /* as many as heights->items */
	struct code_image code;           /* of them */
	bool nameless;                    /* beginnings are leads, not symbols */
	vec_of(struct beginning) entries; /* of functions */
	vec_of(struct beginning) doubted; /* what may begin here if nothing else tells */
	vec_of(uint64_t) reached;         /* from the beginning under way: addresses, */
	vec_of(struct beginning) guesses; /* of the file as a whole */
	struct switch_tables tables;      /* that are named there */
	struct height jump;               /* of the switch whose cases are doubted, */
	uint64_t function, function_end;  /* and the function that they are in */
	vec_of(uint64_t) called;          /* from there */
	bool contradiction, confirmed;    /* by a return, or by what is known already */
	bool leaves;                      /* it may come back to its caller */
	enum source source;
	bool learned; /* of a function that never comes back */
};

/* ---- Where to begin ---------------------------------------------------------------------------
 */

static int is_bare_start_main(void *table, const char *name, uint64_t at)
{
	return strcmp(name, "__libc_start_main") == 0 && !cfi_table_find(table, at);
}

/* ---- Following --------------------------------------------------------------------------------
 */

static struct height *height_at(const struct following *w, uint64_t vaddr)
{
	uint64_t at = vaddr - w->heights->start;

	return at < w->heights->items.len ? &w->heights->items.items[at] : NULL;
}

/* How the program comes to an instruction. */
enum way { WAY_ON, WAY_BEHIND_CALL };

static bool heights_differ(const struct height *a, const struct height *b)
{
	return a->known == HEIGHT_BYTES && b->known == HEIGHT_BYTES && a->bytes != b->bytes;
}

/* From here on the height is this, if it is not known already. */
static int reach(struct following *w, uint64_t vaddr, const struct height *height, enum way way)
{
	struct height *at = height_at(w, vaddr);

	if (!at || cfi_table_find(w->table, vaddr)) {
		w->leaves = true;
		return 0;
	}
	if (at->entry && height->bytes != 0) {
		/* Where another function begins, the call does not return. */
		w->contradiction |= way != WAY_BEHIND_CALL;
		return 0;
	}
	if (at->known != HEIGHT_UNREACHED) {
		w->contradiction |= heights_differ(at, height) ||
				    (w->source != SOURCE_CERTAIN &&
				     (at->known == HEIGHT_INSIDE || at->bp_at != height->bp_at));
		w->confirmed |= at->known != HEIGHT_INSIDE && !at->fresh;
		w->leaves |= !at->fresh && !at->ends;
		return 0;
	}
	at->fresh = true;
	at->known = height->known;
	at->bytes = height->bytes;
	at->bp_at = height->bp_at;
	at->frame = height->frame;
	return vec_push(&w->reached, vaddr);
}

static int doubt(struct following *w, uint64_t vaddr, const struct height *height,
		 enum source source)
{
	struct beginning doubted = { vaddr, *height, source };
	struct height *at = height_at(w, vaddr);

	if (!at || at->doubted)
		return 0;
	at->doubted = true; /* once: what contradicts itself will do so again */
	return vec_push(&w->doubted, doubted);
}

/* The trampoline of signals is known as what it is by the walk. */
static bool is_signal_return(const struct following *w, uint64_t vaddr)
{
	uint64_t at = vaddr - w->heights->start, word = UNWIND_SIGRETURN_WORD;

	return at < w->code.len && w->code.len - at >= sizeof(word) &&
	       memcmp(w->bytes.items + at, &word, sizeof(word)) == 0;
}

static const struct height at_entry = { .known = HEIGHT_BYTES };

/* Does a function begin with the trap of a failed check? */
static bool is_trap(const struct following *w, uint64_t vaddr)
{
	uint64_t at = vaddr - w->heights->start;
	struct stack_insn in;

	return stack_insn_decode(w->bytes.items + at, w->code.len - at, &in) &&
	       in.next == NEXT_NOWHERE;
}

static bool is_named_end(const char *name)
{
	static const char *const names[] = { "abort",     "exit",          "_exit",
					     "_Exit",     "quick_exit",    "pthread_exit",
					     "longjmp",   "_longjmp",      "siglongjmp",
					     "thrd_exit", "__assert_fail", "__stack_chk_fail" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static int entry_add(void *following, const char *name, uint64_t vaddr)
{
	struct beginning beginning = { vaddr, at_entry, SOURCE_CERTAIN };
	struct following *w = following;
	struct height *at = height_at(w, vaddr);

	/* A part that the compiler has moved away is entered by jumps, at any height. */
	if (!at || is_signal_return(w, vaddr) || (name && strstr(name, ".cold")))
		return 0;
	at->ends |= is_trap(w, vaddr) || (name && is_named_end(name));
	if (at->entry)
		return 0;
	at->entry = true;
	return vec_push(&w->entries, beginning);
}

static void stack_apply(struct height *h, const struct stack_insn *in)
{
	int64_t bytes = h->bytes, frame = (int64_t)h->frame - 1;

	switch (in->stack) {
	case STACK_SAME:
		return;
	case STACK_MOVES:
		if (h->known != HEIGHT_BYTES)
			return;
		bytes -= in->value;
		break;
	case STACK_FROM_BP:
		bytes = frame - in->value;
		break;
	case STACK_LEAVE:
		bytes = frame - 8;
		break;
	case STACK_LOST:
		h->known = h->frame ? HEIGHT_FRAME : HEIGHT_UNREACHED;
		return;
	}
	/* Nobody takes his return address off the stack but to go on without it. */
	bool known = bytes >= 0 && bytes <= HEIGHT_MAX && (h->frame || in->stack == STACK_MOVES);
	h->known = known ? HEIGHT_BYTES : HEIGHT_UNREACHED;
	h->bytes = known ? (int32_t)bytes : 0;
}

static void frame_apply(struct height *h, const struct stack_insn *in)
{
	bool by_stack = h->known == HEIGHT_BYTES;

	switch (in->frame) {
	case FRAME_SAME:
		return;
	case FRAME_PUSHED:
		if (h->bp_at == 0 && by_stack && h->bytes <= UINT16_MAX)
			h->bp_at = (uint16_t)h->bytes;
		return;
	case FRAME_SET:
		h->frame = by_stack && h->bytes < UINT16_MAX ? (uint16_t)(h->bytes + 1) : 0;
		break;
	case FRAME_POPPED:
		h->bp_at = h->frame = 0;
		break;
	case FRAME_ZERO:
		if (h->bp_at == 0)
			h->known = HEIGHT_OUTERMOST;
		return;
	}
	if (!by_stack && !h->frame)
		h->known = HEIGHT_UNREACHED;
}

/* What is known behind an instruction. */
static struct height height_behind(const struct height *before, const struct stack_insn *in)
{
	struct height h = *before;

	if (h.known == HEIGHT_OUTERMOST)
		return h;
	stack_apply(&h, in);
	if (h.known != HEIGHT_UNREACHED)
		frame_apply(&h, in);
	return h;
}

/* Does another function lie behind a call, and perhaps padding? Then the call does not return.
 * Nearly nothing else begins with the push of a register that is its caller's. */
static bool is_function_behind(const struct following *w, uint64_t vaddr)
{
	const struct height *at = height_at(w, vaddr);
	uint8_t bytes;

	while (at && !at->entry && (bytes = padding_bytes(&w->code, vaddr)) > 0) {
		vaddr += bytes;
		at = height_at(w, vaddr);
	}
	return at && (at->entry || saves_register(&w->code, vaddr));
}

/* Where a call leads, and what lies behind it. */
static int follow_call(struct following *w, const struct stack_insn *in, uint64_t next,
		       const struct height *behind)
{
	uint64_t target = next + (uint64_t)(int64_t)in->target;
	const struct height *callee = in->direct ? height_at(w, target) : NULL;
	int rc = 0;

	if (callee && w->source != SOURCE_CERTAIN)
		rc = vec_push(&w->called, target);
	else if (callee)
		rc = entry_add(w, NULL, target);
	if (rc < 0 || (callee && callee->ends)) {
		w->confirmed |= w->source != SOURCE_DATA;
		return rc;
	}
	if (behind->known == HEIGHT_UNREACHED) {
		w->leaves = true;
		return 0;
	}
	if (w->nameless && behind->bytes != 0 && is_function_behind(w, next))
		return 0;
	return reach(w, next, behind, WAY_BEHIND_CALL);
}

/*
 * What is guessed is wrong if it takes more off the stack than was put there, takes rbp from
 * another place than it was put, returns without it, or makes it 0 where it was not saved.
 */
static bool is_no_function(const struct height *before, const struct height *behind,
			   const struct stack_insn *in)
{
	bool pops = before->known == HEIGHT_BYTES && in->stack == STACK_MOVES;

	return (pops && behind->known == HEIGHT_UNREACHED) ||
	       (pops && in->frame == FRAME_POPPED && before->bp_at != before->bytes) ||
	       (in->next == NEXT_RETURN && behind->bp_at != 0) ||
	       (before->known != HEIGHT_OUTERMOST && behind->known == HEIGHT_OUTERMOST);
}

static int case_doubt(void *following, uint64_t vaddr)
{
	struct following *w = following;
	bool own = vaddr >= w->function && vaddr < w->function_end;

	return own ? doubt(w, vaddr, &w->jump, SOURCE_DATA) : 0;
}

/* The function that an address is in, as far as it is known where others begin. */
static void function_find(struct following *w, uint64_t vaddr)
{
	const struct height *at;

	for (w->function = vaddr; (at = height_at(w, w->function - 1)); w->function--)
		if (at[1].entry)
			break;
	for (w->function_end = vaddr + 1; (at = height_at(w, w->function_end)); w->function_end++)
		if (at->entry)
			break;
}

/* The cases of a switch lie behind its jump, and where its table says. */
static int follow_switch(struct following *w, uint64_t vaddr, uint64_t next,
			 const struct height *behind)
{
	int rc = behind->bytes > 0 ? doubt(w, next, behind, SOURCE_DATA) : 0;

	w->jump = *behind;
	if (w->tables.items.len > 0)
		function_find(w, vaddr);
	return rc < 0 ? rc
		      : switch_tables_cases(&w->tables, w->file, &w->code, vaddr, case_doubt, w);
}

/* An instruction at the end of what is known: learn what follows it. */
static int follow(struct following *w, uint64_t vaddr)
{
	uint64_t at = vaddr - w->heights->start;
	struct height *heights = w->heights->items.items;
	struct stack_insn in;
	uint64_t address;
	int rc = 0;

	if (!stack_insn_decode(w->bytes.items + at, w->code.len - at, &in)) {
		w->leaves = true;
		return 0;
	}
	for (size_t i = 1; i < in.len; i++) {
		if (heights[at + i].known == HEIGHT_UNREACHED)
			heights[at + i].known = HEIGHT_INSIDE;
		else
			w->contradiction |= w->source != SOURCE_CERTAIN;
	}
	uint64_t next = vaddr + in.len, target = next + (uint64_t)(int64_t)in.target;
	struct height behind = height_behind(&heights[at], &in);

	w->contradiction |= in.next == NEXT_RETURN && heights_differ(&behind, &at_entry);
	w->contradiction |=
		w->source != SOURCE_CERTAIN && is_no_function(&heights[at], &behind, &in);
	w->confirmed |= in.next == NEXT_RETURN ||
			(in.next == NEXT_SWITCH && behind.bytes == 0 && w->source == SOURCE_CODE);
	w->leaves |= in.next == NEXT_RETURN || in.next == NEXT_SWITCH;
	if (in.next == NEXT_CALL)
		return follow_call(w, &in, next, &behind);
	if (lead_address(&w->code, vaddr, &in, &address) && !is_signal_return(w, address))
		rc = doubt(w, address, &at_entry, w->nameless ? SOURCE_CODE : SOURCE_CERTAIN);
	else
		rc = switch_tables_note(&w->tables, w->file, &w->code, vaddr, &in);
	if (behind.known == HEIGHT_UNREACHED)
		w->leaves = true;
	if (rc < 0 || behind.known == HEIGHT_UNREACHED)
		return rc;
	if (in.next == NEXT_BRANCH || in.next == NEXT_JUMP)
		rc = reach(w, target, &behind, WAY_ON);
	else if (in.next == NEXT_SWITCH)
		rc = follow_switch(w, vaddr, next, &behind);
	if (rc == 0 && (in.next == NEXT_FOLLOWS || in.next == NEXT_BRANCH))
		rc = reach(w, next, &behind, WAY_ON);
	return rc;
}

/* What was reached from a beginning is known now, or as unknown as before. */
static void settle(struct following *w, bool failed)
{
	vec_for_each(vaddr, &w->reached) {
		struct height *at = height_at(w, *vaddr);
		at->fresh = false;
		if (!failed)
			continue;
		at->known = HEIGHT_UNREACHED;
		for (uint64_t next = *vaddr + 1; (at = height_at(w, next)); next++) {
			if (at->known != HEIGHT_INSIDE)
				break;
			at->known = HEIGHT_UNREACHED;
		}
	}
}

/* All that is reached from here; nothing if it contradicts itself or what is known, or if neither
 * confirms that this is what it is thought to be. */
static int follow_from(struct following *w, const struct beginning *from)
{
	struct height *at = height_at(w, from->vaddr);
	size_t followed = 0;
	int rc = 0;

	w->reached.len = w->called.len = w->tables.items.len = 0;
	w->contradiction = w->confirmed = w->leaves = false;
	w->source = from->source;
	if (at->known == HEIGHT_UNREACHED)
		rc = reach(w, from->vaddr, &from->height, WAY_ON);
	while (rc == 0 && !w->contradiction && followed < w->reached.len)
		rc = follow(w, w->reached.items[followed++]);
	bool failed =
		w->contradiction ||
		(!w->confirmed && (from->source != SOURCE_CERTAIN || from->height.bytes != 0));
	settle(w, failed);
	/* What code calls is a function, even if it is yet to be learned that it ends. */
	if (failed && from->source == SOURCE_DATA)
		return rc;
	if (!failed && w->nameless && at->entry && !at->ends && followed > 0 && !w->leaves)
		at->ends = w->learned = true;
	for (size_t i = 0; i < w->called.len && rc == 0; i++)
		rc = entry_add(w, NULL, w->called.items[i]);
	return rc;
}

/* What is doubted last is nearest to what was reached. */
static int follow_all(struct following *w)
{
	int rc = 0;

	while (rc == 0 && (w->entries.len || w->doubted.len)) {
		struct beginning from = w->entries.len ? w->entries.items[--w->entries.len]
						       : w->doubted.items[--w->doubted.len];
		rc = follow_from(w, &from);
	}
	return rc;
}

/* Begin again where functions are known to begin, or guessed. */
static int begin_again(struct following *w)
{
	struct heights *h = w->heights;
	int rc = 0;

	w->learned = false;
	for (size_t i = 0; i < h->items.len && rc == 0; i++) {
		struct height *at = &h->items.items[i];
		struct beginning beginning = { h->start + i, at_entry, SOURCE_CERTAIN };
		at->known = HEIGHT_UNREACHED;
		at->doubted = false;
		if (at->entry)
			rc = vec_push(&w->entries, beginning);
	}
	for (size_t i = 0; i < w->guesses.len && rc == 0; i++)
		rc = doubt(w, w->guesses.items[i].vaddr, &at_entry, w->guesses.items[i].source);
	return rc;
}

static int lead_add(void *following, enum lead lead, uint64_t vaddr)
{
	struct following *w = following;
	bool data = lead == LEAD_DATA && !saves_register(&w->code, vaddr);
	struct beginning guess = { vaddr, at_entry, data ? SOURCE_DATA : SOURCE_CODE };

	return lead == LEAD_CALL ? entry_add(w, NULL, vaddr) : vec_push(&w->guesses, guess);
}

/* Without names, what does not return is learned from what was followed: then what seemed to
 * contradict it may not. */
static int follow_nameless(struct following *w, struct elf_file *f)
{
	int rc = entry_add(w, NULL, f->entry);

	if (rc == 0)
		rc = leads_each(f, w->table, &w->code, lead_add, w);
	for (int round = 0; rc == 0 && (round == 0 || w->learned) && round < ROUNDS_MAX; round++) {
		w->entries.len = 0;
		rc = begin_again(w);
		if (rc == 0)
			rc = follow_all(w);
	}
	return rc;
}

/* ---- What was found ---------------------------------------------------------------------------
 */

/* The code of the file, from its first byte to its last; false if there is none, or too much. */
static bool code_span(const struct elf_file *f, uint64_t *start, uint64_t *size)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < f->segments.len; i++) {
		const struct elf_segment *s = &f->segments.items[i];
		if (!s->executable || s->filesz > CODE_MAX)
			continue;
		low = s->vaddr < low ? s->vaddr : low;
		high = s->vaddr + s->filesz > high ? s->vaddr + s->filesz : high;
	}
	*start = low;
	*size = high - low;
	return high > low && *size <= CODE_MAX;
}

static int code_read(struct following *w, struct elf_file *f, uint64_t size)
{
	struct heights *h = w->heights;

	if (vec_reserve(&w->bytes, size) < 0 || vec_reserve(&h->items, size) < 0)
		return -ENOMEM;
	memset(h->items.items, 0, size * sizeof(h->items.items[0]));
	/* Zeros between segments are followed by nobody. */
	memset(w->bytes.items, 0, size);
	for (size_t i = 0; i < f->segments.len; i++) {
		const struct elf_segment *s = &f->segments.items[i];
		if (s->executable && s->vaddr >= h->start && s->vaddr - h->start <= size &&
		    s->filesz <= size - (s->vaddr - h->start))
			elf_file_read(f, s->vaddr, w->bytes.items + (s->vaddr - h->start),
				      s->filesz);
	}
	w->bytes.len = h->items.len = size;
	w->code = (struct code_image){ h->start, w->bytes.items, size, f->type == ET_EXEC };
	return 0;
}

/* An FDE for each run of bytes that were reached. */
static int fdes_append(const struct heights *h, struct cfi_table *t)
{
	size_t n = h->items.len;

	for (size_t i = 0, end; i < n; i = end + 1) {
		for (end = i; end < n && h->items.items[end].known != HEIGHT_UNREACHED;)
			end++;
		struct cfi_fde fde = { h->start + i, h->start + end, CFI_CIE_HEIGHTS, 0, 0 };
		if (end > i && vec_push(&t->fdes, fde) < 0)
			return -ENOMEM;
	}
	return cfi_table_sort(t);
}

int heights_add(struct heights *h, struct elf_file *f, struct cfi_table *t)
{
	struct following w = { .heights = h, .table = t, .file = f };
	uint64_t size;

	if (!code_span(f, &h->start, &size))
		return 0;
	w.nameless = !leads_symbols(f, is_bare_start_main, t);
	if (w.nameless && (f->entry - h->start >= size || !leads_needed(f, t)))
		return 0;
	int rc = code_read(&w, f, size);
	if (rc == 0)
		rc = leads_symbols(f, entry_add, &w);
	if (rc == 0)
		rc = w.nameless ? follow_nameless(&w, f) : follow_all(&w);
	if (rc == 0)
		rc = fdes_append(h, t);
	vec_deinit(&w.bytes);
	vec_deinit(&w.tables.items);
	vec_deinit(&w.entries);
	vec_deinit(&w.guesses);
	vec_deinit(&w.called);
	vec_deinit(&w.reached);
	vec_deinit(&w.doubted);
	return rc;
}

void heights_deinit(struct heights *h)
{
	vec_deinit(&h->items);
}

bool heights_rule(const struct heights *h, uint64_t vaddr, struct unwind_rule *to)
{
	const struct height *at = &h->items.items[vaddr - h->start];

	*to = (struct unwind_rule){ .cfa = UNWIND_CFA_SP, .ra_off = -8 };
	switch (at->known) {
	case HEIGHT_BYTES:
		to->cfa_off = at->bytes + 8;
		break;
	case HEIGHT_FRAME:
		to->cfa = UNWIND_CFA_BP;
		to->cfa_off = at->frame - 1 + 8;
		break;
	case HEIGHT_OUTERMOST:
		to->ra = UNWIND_RA_UNDEF;
		break;
	default:
		return false;
	}
	if (at->bp_at) {
		to->bp = UNWIND_BP_CFA;
		to->bp_off = -at->bp_at - 8;
	}
	return true;
}
