/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The namespaces and classes around functions, for those whose DWARF has no linkage name that would
 * tell: GCC gives none to C++ functions that are private to a file.
 */
#pragma once

#include <elfutils/libdw.h>

#include "base/map.h"
#include "base/vec.h"

struct qualifiers {
	struct map functions; /* address of a function's DIE -> its qualifier, const char * */
	struct map units;     /* Dwarf_CU * that are in `functions` */
	vec_of(char *) texts;
};

void qualifiers_init(struct qualifiers *q);
void qualifiers_deinit(struct qualifiers *q);

/**
 * What to put before a function's name, as "(anonymous namespace)::Class::", or "". The first call
 * for a unit walks its types and namespaces. The text lives as long as `q`. NULL if out of memory.
 */
const char *qualifiers_find(struct qualifiers *q, Dwarf_Die *function);
