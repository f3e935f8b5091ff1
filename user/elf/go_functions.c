// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "elf/go_functions.h"

#include <string.h>

#include "base/cleanup.h"

#define MAGIC_1_18    0xfffffff0
#define MAGIC_1_20    0xfffffff1
#define FUNCTAB_ENTRY 8   /* {u32 offset of the code, u32 offset of its _func} */
#define MODULE_TEXT   176 /* offset in moduledata of the address of the code */

/* In _func. Go 1.20 put a line number before the flags. */
#define FUNC_NAME       4
#define FUNC_HEIGHTS    16
#define FUNC_FLAGS_1_18 37
#define FUNC_FLAGS_1_20 41

#define FLAG_WRITES_SP  (1 << 1)

/* The pcHeader's words behind magic, padding, and sizes. */
struct go_header {
	uint64_t functions, files, text, names, units, file_names, values, table;
};

/* From Go 1.26 on the header does not have the address, but the module data have a section. */
static uint64_t text_address(struct elf_file *f, uint64_t in_header)
{
	struct elf_range module, text;
	uint64_t address = 0;

	if (in_header)
		return in_header;
	if (elf_file_section(f, ".go.module", &module, NULL) == 0) {
		struct cursor c = cursor_init(module.data, module.size);
		if (cursor_skip(&c, MODULE_TEXT) && cursor_u64(&c, &address) && address)
			return address;
	}
	return elf_file_section(f, ".text", &text, NULL) == 0 ? text.vaddr : 0;
}

/* The table from an offset on. */
static bool table_at(const struct go_functions *g, uint64_t base, uint64_t offset,
		     struct cursor *to)
{
	*to = cursor_init(g->table.data, g->table.size);
	return cursor_skip(to, base) && cursor_skip(to, offset);
}

/*
 * Of the functions that change the stack, mcall and morestack never return to where they were
 * called from: Go's own profiles have them as roots, too.
 */
static enum go_kind kind_of(const char *name, uint8_t flags)
{
	static const char *const roots[] = { "goexit", "mstart", "rt0_go", "mcall", "morestack" };

	if (strncmp(name, "runtime.", 8) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
			if (strcmp(name + 8, roots[i]) == 0)
				return GO_ROOT;
	return flags & FLAG_WRITES_SP ? GO_SWITCH : GO_BY_HEIGHT;
}

bool go_functions_get(const struct go_functions *g, uint32_t i, struct go_function *to)
{
	uint32_t start, at, end, name, heights;
	struct cursor c;
	uint8_t flags;

	if (!table_at(g, g->functions, (uint64_t)i * FUNCTAB_ENTRY, &c) ||
	    !cursor_u32(&c, &start) || !cursor_u32(&c, &at) || !cursor_u32(&c, &end) ||
	    end <= start)
		return false;
	if (!table_at(g, g->functions, (uint64_t)at + FUNC_NAME, &c) || !cursor_u32(&c, &name) ||
	    !table_at(g, g->functions, (uint64_t)at + FUNC_HEIGHTS, &c) ||
	    !cursor_u32(&c, &heights) || !table_at(g, g->functions, (uint64_t)at + g->flags, &c) ||
	    !cursor_u8(&c, &flags))
		return false;
	if (!table_at(g, g->names, name, &c) || !cursor_cstr(&c, &to->name) ||
	    !table_at(g, g->heights, heights, &to->heights))
		return false;
	to->start = g->text + start;
	to->end = g->text + end;
	to->kind = kind_of(to->name, flags);
	return true;
}

/* goexit begins with a nop, which its return address is behind, and a call. */
static bool is_goexit(struct elf_file *f, uint64_t vaddr)
{
	uint8_t code[2];

	return elf_file_read(f, vaddr, code, sizeof(code)) == 0 && code[0] == 0x90 &&
	       code[1] == 0xe8;
}

/* Whether the table and the code are of one mind about where functions are. */
static bool addresses_agree(const struct go_functions *g, struct elf_file *f)
{
	struct go_function function;

	for (uint32_t i = 0; i < g->len; i++)
		if (go_functions_get(g, i, &function) &&
		    strcmp(function.name, "runtime.goexit") == 0)
			return is_goexit(f, function.start);
	return false;
}

bool go_functions_init(struct go_functions *g, struct elf_file *f)
{
	struct go_header header;
	uint32_t magic;
	uint8_t sizes[4]; /* padding, padding, smallest instruction, pointer */

	if (elf_file_section(f, ".gopclntab", &g->table, NULL) < 0 &&
	    elf_file_section(f, ".data.rel.ro.gopclntab", &g->table, NULL) < 0)
		return false;
	struct cursor c = cursor_init(g->table.data, g->table.size);
	if (!cursor_u32(&c, &magic) || (magic != MAGIC_1_18 && magic != MAGIC_1_20) ||
	    !cursor_read(&c, sizes, sizeof(sizes)) || sizes[2] != 1 ||
	    sizes[3] != sizeof(uint64_t) || !cursor_read(&c, &header, sizeof(header)) ||
	    header.functions > g->table.size / FUNCTAB_ENTRY)
		return false;
	g->text = text_address(f, header.text);
	g->len = (uint32_t)header.functions;
	g->names = header.names;
	g->functions = header.table;
	g->heights = header.values;
	g->flags = magic == MAGIC_1_18 ? FUNC_FLAGS_1_18 : FUNC_FLAGS_1_20;
	return g->text != 0 && addresses_agree(g, f);
}
