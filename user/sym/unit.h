/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** One DWARF unit. */
#pragma once

#include <elfutils/libdw.h>
#include <stdbool.h>
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

/** Whether a range is code in the file. Linkers move what they drop to 0, where no file has code.
 */
static inline bool unit_range_is_linked(Dwarf_Addr start, Dwarf_Addr end)
{
	return start != 0 && start < end;
}
