/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Names that stay the same when only the compiler's mood, the load address or an unrelated line
 * changed, so that what was merely rebuilt is recognised.
 *
 *     what                                     from                              to
 *     clones (GCC, LLVM), also demangled       f.part.0.constprop.1.cold         f
 *                                              f(int) [clone .isra.0]            f(int)
 *     promoted statics                         f.lto_priv.3, f.llvm.8123, f.__uniq.77  f
 *     offsets and addresses                    f+0x1f, 0x55d0c0de                f, [address]
 *     symbol versions                          f@@GLIBC_2.34                     f
 *     anonymous namespaces                     _GLOBAL__N__5f2_a.cc, {anonymous} (anonymous
 * namespace) numbered lambdas and local types         {lambda(int)#2}, $_3, 'lambda1'   number
 * dropped hashes among template arguments          F<15838203401ul>, F<0x9ae16a3b2f> F<#> Rust:
 * legacy hash, v0 disambiguators     f::h0123456789abcdef, core[5e1b..]::f   f, core::f Rust:
 * closures                           {{closure}}, {closure#1}          {closure} Go: closures
 * main.f.func2.1                    main.f.func
 */
#pragma once

#include "base/buf.h"

/** Append the normalised form of a symbol's name, never empty unless the name is; 0 or -ENOMEM. */
int gate_normalize(const char *name, struct buf *to);
