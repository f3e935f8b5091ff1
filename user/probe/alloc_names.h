/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the names of functions tell of memory: C's, C++'s and the allocators' own. */
#pragma once

#include <stdbool.h>

#include "probe/alloc_probes.h"

#define ALLOC_PREFIXES_MAX 8

/**
 * An allocator's family of names: all begin with the same prefix. jemalloc can be built with any;
 * "" is that of libc and of what replaces it.
 */
struct alloc_prefixes {
	const char *items[ALLOC_PREFIXES_MAX]; /* not NUL-terminated: */
	size_t lens[ALLOC_PREFIXES_MAX];
	size_t len;
};

/** What a name promises. */
struct alloc_name {
	enum alloc_call call;
	size_t prefix;  /* index of its family; C++'s operators belong to the family "" */
	unsigned rank;  /* of several names of one address that of lowest rank is shown */
	bool throws;    /* an operator new: it may throw, or call a handler that does */
	bool aligned;   /* may return what lies inside of a larger block */
	bool alignment; /* argument 0, or 1 of posix_memalign, is an alignment */
	bool rounds;    /* may allocate more than it is asked for: pvalloc */
	bool cxx;       /* operator new or delete */
};

/** The families that are there in any case: "", "tc_" and "mi_". */
void alloc_prefixes_init(struct alloc_prefixes *p);

/** If this is jemalloc's "mallocx" behind any prefix, add that to the families. `name` must live as
 * long as *p. */
void alloc_prefixes_learn(struct alloc_prefixes *p, const char *name);

/** Which of the families is `prefix`; p->len if none. */
size_t alloc_prefixes_find(const struct alloc_prefixes *p, const char *prefix);

/** Is this the name of an allocation function? Symbol versions ("malloc@@V1") are overlooked. */
bool alloc_name_parse(const struct alloc_prefixes *p, const char *name, struct alloc_name *ret);

/** What other functions do to a path through the code that calls them. */
enum call_role {
	CALL_OTHER,
	CALL_HARMLESS, /* has no effect on memory that matters here */
	CALL_ENDS,     /* does not return */
	CALL_THROWS,   /* throws a C++ exception, or goes on throwing one */
};

enum call_role call_role_parse(const char *name);
