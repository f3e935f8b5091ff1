/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** One DWARF unit. */
#pragma once

#include <elfutils/libdw.h>
#include <stdint.h>

/**
 * A bound for walks through the tree of a unit: an entry takes a byte or more, so a sound unit has
 * fewer entries than bytes, while the crossed sibling links of a damaged one make a walk endless.
 */
static inline uint64_t unit_entries_max(Dwarf_Die *unit)
{
	Dwarf_Off start = dwarf_dieoffset(unit) - dwarf_cuoffset(unit), next;
	size_t header_size;

	if (dwarf_nextcu(dwarf_cu_getdwarf(unit->cu), start, &next, &header_size, NULL, NULL,
			 NULL) != 0)
		return 0;
	return next - start;
}
