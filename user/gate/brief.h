/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Function names as people read them in a table. Private to this room. */
#pragma once

#include "base/buf.h"

/**
 * Append a demangled name without template arguments, parameters, return type and ABI tags:
 *
 *     std::map<int, S>::find(int const&) const            std::map::find
 *     void walk<main::{lambda(int)}>(int)::{lambda(S)}    walk::{lambda}
 *     bool std::operator< <char>(S const&, S const&)      std::operator<
 *     <alloc::vec::Vec<T> as core::Clone>::clone          <alloc::vec::Vec as core::Clone>::clone
 *
 * Names of other languages stay: main.(*T).run, <module>. Never empty unless the name is; returns
 * to->error.
 */
int brief_name(struct buf *to, const char *name);
