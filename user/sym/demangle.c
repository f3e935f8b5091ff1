// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/demangle.h"

#include <libiberty/demangle.h>
#undef ARRAY_SIZE /* libiberty.h's, in favour of ours */
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define DEMANGLE_MAX (64u << 10)

struct output {
	struct buf text;
	jmp_buf stop;
};

/*
 * A hostile name of a hundred bytes can mean terabytes of text, and libiberty's printers take no
 * for no answer. Its callback interface holds all state on the stack, so that a jump past it leaks
 * nothing.
 */
static void output_add(const char *bytes, size_t len, void *opaque)
{
	struct output *out = opaque;

	if (out->text.len + len > DEMANGLE_MAX || buf_add(&out->text, bytes, len) < 0)
		longjmp(out->stop, 1);
}

static bool demangle_to(struct output *out, const char *mangled)
{
	if (setjmp(out->stop))
		return false;
	/* Legacy Rust looks like C++, with a hash at its end, so it is tried first. */
	if (rust_demangle_callback(mangled, DMGL_PARAMS | DMGL_ANSI, output_add, out))
		return true;
	out->text.len = 0;
	return strncmp(mangled, "_Z", 2) == 0 &&
	       cplus_demangle_v3_callback(mangled, DMGL_PARAMS | DMGL_ANSI, output_add, out);
}

char *demangle(const char *mangled, size_t len)
{
	struct output out = { 0 };

	if (len < 3 || len > DEMANGLE_MAX || mangled[0] != '_' ||
	    (mangled[1] != 'Z' && mangled[1] != 'R'))
		return NULL;
	_cleanup_free_ char *name = strndup(mangled, len);
	if (!name)
		return NULL;
	/* LLVM makes private symbols unique by ".llvm.NUMBER": no part of the name. */
	char *unique = strstr(name, ".llvm.");
	if (unique)
		*unique = '\0';
	if (demangle_to(&out, name) && out.text.len)
		return out.text.data;
	buf_deinit(&out.text);
	return NULL;
}
