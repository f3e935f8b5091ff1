/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Mangled names of C++ (Itanium ABI) and Rust (legacy and v0) in the form of the source. */
#pragma once

#include <stddef.h>

/**
 * Demangle the first `len` bytes of `mangled`; the caller frees the result.
 *
 * NULL: not mangled, not understood, longer than 64 KiB in either form, or out of memory; then the
 * name stands for itself. Parameters and template arguments are kept, Rust's hash is not. What a
 * compiler appended to a C++ name follows as in c++filt, "f(int) [clone .constprop.0]".
 */
char *demangle(const char *mangled, size_t len);
