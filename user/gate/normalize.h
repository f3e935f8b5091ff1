/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Names that stay the same when only the compiler's mood, the load address or an unrelated line
 * changed, so that what was merely rebuilt is recognised.
 *
 *     what                            from                              to
 *     clones (GCC, LLVM)              f.part.0.constprop.1.cold         f
 *     clones, demangled               f(int) [clone .isra.0]            f(int)
 *     statics, promoted or renamed    f.lto_priv.3, f.llvm.8123, f.17   f
 *     OpenMP regions                  f._omp_fn.3, f.omp_outlined.2     f._omp_fn, f.omp_outlined
 *     offsets and addresses           f+0x1f, 0x55d0c0de                f, [address]
 *     symbol versions                 f@@GLIBC_2.34                     f
 *     anonymous namespaces            _GLOBAL__N_1, {anonymous}         (anonymous namespace)
 *     lambdas and local types         {lambda(int)#2}, $_3, 'lambda1'   the number goes
 *     hashes as template arguments    F<15838203401ul>, F<0x9ae16a3b>   F<#>
 *     Rust, legacy hashes             f::h0123456789abcdef              f
 *     Rust, v0 disambiguators         core[5e1b2c3d4f5a6b7c]::f         core::f
 *     Rust, the same mangled          _RNvCs2vB8LiTW1wV_4core1f         _RNvC4core1f
 *     Rust, closures                  {{closure}}, {closure#1}          {closure}
 *     Go, closures                    main.f.func2.1                    main.f.func
 */
#pragma once

#include "base/buf.h"

/** Append the normalised form of a symbol's name, never empty unless the name is; 0 or -ENOMEM. */
int gate_normalize(const char *name, struct buf *to);
