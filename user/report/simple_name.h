/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The short names that pprof makes of mangled ones. */
#pragma once

/**
 * Demangle a C++ or Rust name without its parameters, those of enclosing functions, and template
 * arguments: "ns::Queue::push". Pure; the caller frees the result. NULL: not mangled, not
 * understood, longer than 64 KiB in either form, or out of memory.
 */
char *simple_name(const char *mangled);
