/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * The namespaces, classes and functions around a C++ function, for those whose DWARF has no linkage
 * name that would tell: GCC gives none to functions that are private to a file, nor to lambdas.
 */
#pragma once

#include <elfutils/libdw.h>
#include <stddef.h>

struct qualifier {
	Dwarf_Die function;
	void *owner; /* the caller's */
	char *text;  /* out: as "(anonymous namespace)::Class::", the caller's to free; or NULL */
};

/**
 * Qualify many functions at once, those of other languages than C++ not at all; reorders `items`.
 * Each unit is walked once, no further into a subtree than the functions need. 0 or -ENOMEM.
 */
int qualifiers_find(struct qualifier *items, size_t n);
