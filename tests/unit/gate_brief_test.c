// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "gate/brief.h"

static const struct {
	const char *name, *brief;
} names[] = {
	/* Names that stay. */
	{ "", "" },
	{ "main", "main" },
	{ "main.(*T).run", "main.(*T).run" },
	{ "<module>", "<module>" },
	{ "[libc.so.6]", "[libc.so.6]" },
	{ "[unknown] [address]", "[unknown] [address]" },
	{ "py::f:/x y.py", "py::f:/x y.py" },
	{ "core::FnOnce::call_once{{vtable.shim}}", "core::FnOnce::call_once{{vtable.shim}}" },
	{ "<&mut I as Iterator>::next", "<&mut I as Iterator>::next" },
	{ "f(int", "f(int" },
	{ "(anonymous namespace)::f", "(anonymous namespace)::f" },
	/* Parameters, template arguments, qualifiers, tags. */
	{ "f(int (*)(char))", "f" },
	{ "std::map<int, S>::find(int const&) const", "std::map::find" },
	{ "a::(anonymous namespace)::P::parse(int)", "a::(anonymous namespace)::P::parse" },
	{ "demo::Writer::document[abi:cxx11](int)", "demo::Writer::document" },
	{ "F<void (int), main::{lambda(int)}>::_M_invoke(A const&, int&&)", "F::_M_invoke" },
	{ "f()::{lambda(int)}::operator()(int) const", "f::{lambda}::operator()" },
	{ "hashbrown::map::HashMap<K,V,S,A>::insert", "hashbrown::map::HashMap::insert" },
	{ "<alloc::vec::Vec<T> as core::Clone>::clone", "<alloc::vec::Vec as core::Clone>::clone" },
	/* Return types. */
	{ "void walk<main::{lambda(int)}>(int)", "walk" },
	{ "decltype(auto) std::__do_visit<int>(A)", "std::__do_visit" },
	{ "S<char, A<char> > std::operator+<char>(S const&, char)", "std::operator+" },
	/* Operators. */
	{ "bool std::operator< <char, A>(S const&, S const&)", "std::operator<" },
	{ "std::ostream& operator<< <char>(std::ostream&)", "operator<<" },
	{ "T* A<int>::operator-><x>() const", "A::operator->" },
	{ "A::operator std::string() const", "A::operator std::string" },
	{ "A::operator unsigned long() const", "A::operator unsigned long" },
	{ "operator new(unsigned long)", "operator new" },
	{ "A::operator delete[](void*)", "A::operator delete[]" },
	{ "A::operator<=>(A const&) const", "A::operator<=>" },
	{ "my_operator(int)", "my_operator" },
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(buf_deinit) struct buf b = { 0 };
		assert_int_equal(brief_name(&b, names[i].name), 0);
		assert_string_equal(b.data ? b.data : "", names[i].brief);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
