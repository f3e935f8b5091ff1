/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What holds of the probes in any file, however strange. */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/alloc_probes.h"
#include "probe/insn.h"
#include "probe/landings.h"

static inline void check_one(struct elf_file *f, const struct alloc_probe *p)
{
	const struct elf_segment *s = f->segments.items;
	uint8_t bytes[15];
	size_t len = 0;

	while (s < f->segments.items + f->segments.len &&
	       !(s->executable && p->place >= s->vaddr && p->place - s->vaddr < s->filesz))
		s++;
	if (s == f->segments.items + f->segments.len)
		abort();
	if (p->offset != p->place - s->vaddr + s->offset)
		abort();
	while (len < sizeof(bytes) && elf_file_read(f, p->place + len, bytes + len, 1) == 0)
		len++;
	if (probe_insn_emulated(bytes, len) != p->emulated || probe_insn_refused(bytes, len))
		abort();
	if (p->place - p->entry >= LANDINGS_REACH || (!p->emulated && p->place != p->entry))
		abort();
	if (!p->name || !*p->name || !p->why || !p->no_return != p->returns || p->end < p->entry)
		abort();
	if (p->exits && (p->returns || p->call != ALLOC_SIZE0))
		abort();
}

static inline void check_file(struct elf_file *f)
{
	struct alloc_probes probes = { 0 };
	int rc = alloc_probes_find(f, ALLOCATORS_ALL, &probes, NULL);

	if (rc != (probes.items.len ? 0 : -ENOENT) || (rc == 0 && !alloc_probes_any(f)))
		abort();
	for (size_t i = 0; i < probes.items.len; i++) {
		if (i > 0 && probes.items.items[i].entry <= probes.items.items[i - 1].entry)
			abort();
		check_one(f, &probes.items.items[i]);
	}
	for (size_t i = 0; i < probes.exits.len; i++) {
		const struct alloc_exit *exit = &probes.exits.items[i];
		uint8_t byte;

		if (i > 0 && exit->vaddr <= exit[-1].vaddr)
			abort();
		if (elf_file_read(f, exit->vaddr, &byte, 1) < 0 || !exit->offset || !exit->name)
			abort();
	}
	for (size_t i = 0; i < probes.skips.len; i++)
		if (!*probes.skips.items[i].name || !*probes.skips.items[i].why)
			abort();
	alloc_probes_deinit(&probes);
}
