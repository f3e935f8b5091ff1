// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/go_functions.h"

#define MAGIC_1_18    0xfffffff0
#define MAGIC_1_20    0xfffffff1
#define FUNCTAB_ENTRY 8   /* {u32 offset of the code, u32 offset of its _func} */
#define FUNC_NAME     4   /* offset in _func of the name's offset */
#define MODULE_TEXT   176 /* offset in moduledata of the address of the code */

/* The pcHeader's words behind magic, padding, and sizes. */
struct go_header {
	uint64_t functions, files, text, names, units, file_names, pcs, table;
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
	    !cursor_read(&c, sizes, sizeof(sizes)) || sizes[3] != sizeof(uint64_t) ||
	    !cursor_read(&c, &header, sizeof(header)) || header.functions > UINT32_MAX)
		return false;
	g->text = text_address(f, header.text);
	g->len = (uint32_t)header.functions;
	g->names = header.names;
	g->functions = header.table;
	return g->text != 0;
}

bool go_functions_get(const struct go_functions *g, uint32_t i, struct go_function *to)
{
	struct cursor table = cursor_init(g->table.data, g->table.size), entry, function, names;
	uint32_t start, at, end, name;

	if (!cursor_skip(&table, g->functions))
		return false;
	entry = function = table;
	names = cursor_init(g->table.data, g->table.size);
	if (!cursor_skip(&entry, (uint64_t)i * FUNCTAB_ENTRY) || !cursor_u32(&entry, &start) ||
	    !cursor_u32(&entry, &at) || !cursor_u32(&entry, &end) || end <= start ||
	    !cursor_skip(&function, (uint64_t)at + FUNC_NAME) || !cursor_u32(&function, &name) ||
	    !cursor_skip(&names, g->names) || !cursor_skip(&names, name) ||
	    !cursor_cstr(&names, &to->name))
		return false;
	to->start = g->text + start;
	to->end = g->text + end;
	return true;
}
