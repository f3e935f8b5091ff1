// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "gate/normalize.h"

static const struct {
	const char *name, *normal;
} names[] = {
	/* Names that stay. */
	{ "", "" },
	{ "main", "main" },
	{ "[vdso]", "[vdso]" },
	{ "memcpy@plt", "memcpy@plt" },
	{ "ns::S<int, 4>::operator[](unsigned long)", "ns::S<int, 4>::operator[](unsigned long)" },
	{ "demo::Writer::document[abi:cxx11](int)", "demo::Writer::document[abi:cxx11](int)" },
	{ "std::array<int, 65536ul>::at", "std::array<int, 65536ul>::at" },
	{ "sha256_block", "sha256_block" },
	{ "operator new(unsigned long)", "operator new(unsigned long)" },
	{ "a::cold", "a::cold" },
	{ "cold", "cold" },
	{ ".cold", ".cold" },
	{ "main.functor", "main.functor" },
	{ "main.func1x", "main.func1x" },
	{ "::h0123456789abcde", "::h0123456789abcde" },
	{ "main.(*T).clone", "main.(*T).clone" },
	{ "main.part", "main.part" },
	{ ".5", ".5" },
	{ "_RNvC4core1f", "_RNvC4core1f" },
	{ "_Resize", "_Resize" },
	{ "f(char [16])", "f(char [16])" },
	/* Clones. */
	{ "f.part.0", "f" },
	{ "f.part.0.constprop.1.cold", "f" },
	{ "f.isra.12", "f" },
	{ "f.cold", "f" },
	{ "f.cold.3", "f" },
	{ "f.lto_priv.7.lto_priv.0", "f" },
	{ "f.llvm.8123456789", "f" },
	{ "f.__uniq.1234567890.llvm.5", "f" },
	{ "f(int) [clone .isra.0]", "f(int)" },
	{ "f(int) [clone .constprop.0] [clone .cold]", "f(int)" },
	{ "f(int) (.cold)", "f(int)" },
	{ "f(int) (.llvm.123)", "f(int)" },
	{ "_ZN1a1bEv.part.0", "_ZN1a1bEv" },
	{ "f.v2", "f.v2" },
	{ "f.argprom.argelim", "f" },
	{ "f.specialized.2", "f" },
	{ "compare.2345", "compare" },
	{ "f._omp_fn.3", "f._omp_fn" },
	{ "f.omp_outlined", "f.omp_outlined" },
	{ "f.omp_outlined.2", "f.omp_outlined" },
	{ ".omp_outlined..17", ".omp_outlined" },
	/* Versions, offsets, addresses. */
	{ "pthread_create@@GLIBC_2.34", "pthread_create" },
	{ "memcpy@GLIBC_2.2.5", "memcpy" },
	{ "f+0x1f", "f" },
	{ "0x55d0c0de", "[address]" },
	{ "[unknown] 0x7f00deadbeef", "[unknown] [address]" },
	{ "f0x1234567", "f0x1234567" },
	/* Anonymous namespaces. */
	{ "_GLOBAL__N_1::f()", "(anonymous namespace)::f()" },
	{ "a::_GLOBAL__N__5f2ec1a2_7_file.cc_0a1b::f()", "a::(anonymous namespace)::f()" },
	{ "{anonymous}::f", "(anonymous namespace)::f" },
	{ "`anonymous namespace'::f", "(anonymous namespace)::f" },
	{ "(anonymous namespace)::f", "(anonymous namespace)::f" },
	/* Lambdas and local types. */
	{ "f()::{lambda(int)#2}::operator()(int) const",
	  "f()::{lambda(int)}::operator()(int) const" },
	{ "f()::$_3::operator()() const", "f()::$_::operator()() const" },
	{ "f()::'lambda1'(int)::operator()(int) const",
	  "f()::'lambda'(int)::operator()(int) const" },
	{ "f()::'lambda'(int)", "f()::'lambda'(int)" },
	{ "f()::{unnamed type#1}::g", "f()::{unnamed type}::g" },
	/* Hashes among template arguments. */
	{ "F<15838203401ul>::g", "F<#>::g" },
	{ "F<int, (unsigned long)15838203401>::g", "F<int, (unsigned long)#>::g" },
	{ "F<0x9ae16a3b2f>::g", "F<#>::g" },
	/* Rust. */
	{ "core::fmt::write::h0123456789abcdef", "core::fmt::write" },
	{ "_ZN4core3fmt5write17h0123456789abcdefE", "_ZN4core3fmt5writeE" },
	{ "core[5e1b2c3d4f5a6b7c]::fmt::write", "core::fmt::write" },
	{ "<std[8f2b5f1c1a2b3c4d]::io::Stdout as core[1234567890abcdef]::fmt::Write>::write_str",
	  "<std::io::Stdout as core::fmt::Write>::write_str" },
	{ "app::main::{{closure}}::h0123456789abcdef", "app::main::{closure}" },
	{ "app::main::{closure#1}", "app::main::{closure}" },
	{ "_RNvCs2vB8LiTW1wV_4core1f", "_RNvC4core1f" },
	{ "_RINvNtCs1a_4core3fmt5writeNtCsZ9_3app1TECs1a_4core.llvm.12",
	  "_RINvNtC4core3fmt5writeNtC3app1TEC4core" },
	/* Go. */
	{ "main.main.func1", "main.main.func" },
	{ "main.f.func2.1", "main.f.func" },
	{ "main.(*T).run.func3.gowrap1", "main.(*T).run.func.gowrap" },
	{ "main.glob..func12", "main.glob..func" },
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(buf_deinit) struct buf once = { 0 }, twice = { 0 };
		assert_int_equal(gate_normalize(names[i].name, &once), 0);
		assert_string_equal(once.data ? once.data : "", names[i].normal);
		/* What is normal stays so. */
		assert_int_equal(gate_normalize(names[i].normal, &twice), 0);
		assert_string_equal(twice.data ? twice.data : "", names[i].normal);
	}
}

static void test_appends(void **state)
{
	(void)state;
	_cleanup_(buf_deinit) struct buf b = { 0 };
	assert_int_equal(gate_normalize("f.cold", &b), 0);
	assert_int_equal(gate_normalize("g.isra.0", &b), 0);
	assert_string_equal(b.data, "fg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_appends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
