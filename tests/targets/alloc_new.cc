// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * alloc_new [aborts]: operator new and delete in all their forms, by functions that are named after
 * them, and every way out of them: an exception of theirs, one of the new handler's, a jump out of
 * it. Half of what each got stays live. "aborts": without what throws, for an allocator that is
 * written in C and aborts there.
 *
 * Exceptions are allocated too: by __cxa_allocate_exception(), which a test leaves out.
 */
#include <csetjmp>
#include <cstdlib>
#include <new>
#include <vector>

#include "alloc.h"

namespace
{

constexpr size_t TIMES = 40;
volatile size_t huge = size_t(1) << 62; /* no allocator has this */
constexpr auto ALIGN = std::align_val_t(256);

void check(bool ok)
{
	if (!ok)
		abort();
}

} // namespace

#define ROW(body) ROW_OF(100 + i, body)
#define ROW_OF(bytes, body)                                                                        \
	struct alloc_row *row = alloc_row(__func__);                                               \
	for (size_t i = 0; i < TIMES; i++) {                                                       \
		size_t size = bytes;                                                               \
		body;                                                                              \
	}

/* Got; every other one is given back at once. Sizes are multiples of their alignment, because
 * libstdc++ rounds them up before it asks malloc's family. */
#define KEEP_HALF(get, give)         KEEP_HALF_OF(100 + i, get, give)
#define KEEP_HALF_ALIGNED(get, give) KEEP_HALF_OF(256 * (1 + i % 4), get, give)
#define KEEP_HALF_OF(bytes, get, give)                                                             \
	ROW_OF(bytes, {                                                                            \
		void *volatile p = get;                                                            \
		check(p);                                                                          \
		alloc_add(row, size);                                                              \
		if (i % 2 == 0) {                                                                  \
			give;                                                                      \
			alloc_remove(row, size);                                                   \
		}                                                                                  \
	})

/* ---- What returns -----------------------------------------------------------------------------
 */

TARGET_ROW static void new_plain()
{
	KEEP_HALF(operator new(size), operator delete(p));
}

TARGET_ROW static void new_array()
{
	KEEP_HALF(operator new[](size), operator delete[](p));
}

TARGET_ROW static void new_sized_delete()
{
	KEEP_HALF(operator new(size), operator delete(p, size));
}

TARGET_ROW static void new_array_sized_delete()
{
	KEEP_HALF(operator new[](size), operator delete[](p, size));
}

TARGET_ROW static void new_nothrow()
{
	KEEP_HALF(operator new(size, std::nothrow), operator delete(p, std::nothrow));
}

TARGET_ROW static void new_array_nothrow()
{
	KEEP_HALF(operator new[](size, std::nothrow), operator delete[](p, std::nothrow));
}

TARGET_ROW static void new_aligned()
{
	KEEP_HALF_ALIGNED(operator new(size, ALIGN), operator delete(p, ALIGN));
}

TARGET_ROW static void new_array_aligned()
{
	KEEP_HALF_ALIGNED(operator new[](size, ALIGN), operator delete[](p, size, ALIGN));
}

TARGET_ROW static void new_aligned_nothrow()
{
	KEEP_HALF_ALIGNED(operator new(size, ALIGN, std::nothrow), operator delete(p, ALIGN,
										   std::nothrow));
}

/* Vectors that grow: what is live in the end is the last block of each that stays. */
TARGET_ROW static void new_vector()
{
	struct alloc_row *row = alloc_row(__func__);

	for (size_t i = 0; i < TIMES; i++) {
		auto *v = new std::vector<int>;
		alloc_add(row, sizeof(*v));
		for (size_t length = 1; length <= 256; length *= 2) {
			v->reserve(length);
			alloc_add(row, length * sizeof(int));
			if (length > 1)
				alloc_remove(row, length / 2 * sizeof(int));
		}
		if (i % 2 == 0) {
			delete v;
			alloc_remove(row, sizeof(*v));
			alloc_remove(row, 256 * sizeof(int));
		}
	}
}

/* ---- What does not ----------------------------------------------------------------------------
 */

#define THROWS(get, exception)                                                                     \
	ROW({                                                                                      \
		bool caught = false;                                                               \
		try {                                                                              \
			void *volatile p = get;                                                    \
			(void)p;                                                                   \
		} catch (const exception &) {                                                      \
			caught = true;                                                             \
		}                                                                                  \
		check(caught &&size &&row);                                                        \
	})

TARGET_ROW static void new_throws()
{
	THROWS(operator new(huge), std::bad_alloc);
}

TARGET_ROW static void new_array_throws()
{
	THROWS(operator new[](huge), std::bad_alloc);
}

TARGET_ROW static void new_aligned_throws()
{
	THROWS(operator new(huge, ALIGN), std::bad_alloc);
}

TARGET_ROW static void new_array_aligned_throws()
{
	THROWS(operator new[](huge, ALIGN), std::bad_alloc);
}

TARGET_ROW static void new_nothrow_fails()
{
	ROW({
		check(!operator new(huge, std::nothrow) && !operator new[](huge, std::nothrow));
		check(!operator new(huge, ALIGN, std::nothrow) && size &&row);
	});
}

/* jemalloc catches it, and throws one of its own. */
struct own_exception : std::bad_alloc {
};

static void handler_throws()
{
	throw own_exception();
}

TARGET_ROW static void new_handler_throws()
{
	std::set_new_handler(handler_throws);
	THROWS(operator new(huge), std::bad_alloc);
	std::set_new_handler(nullptr);
}

static jmp_buf back;

static void handler_jumps()
{
	longjmp(back, 1);
}

TARGET_ROW static void new_handler_jumps()
{
	static volatile size_t jumped;

	std::set_new_handler(handler_jumps);
	ROW({
		if (setjmp(back) == 0) {
			void *volatile p = operator new(huge);
			check(!p && size && row);
		} else {
			jumped = jumped + 1;
		}
	});
	check(jumped == TIMES);
	std::set_new_handler(nullptr);
}

int main(int argc, char **)
{
	alloc_begin();
	new_plain();
	new_array();
	new_sized_delete();
	new_array_sized_delete();
	new_nothrow();
	new_array_nothrow();
	new_aligned();
	new_array_aligned();
	new_aligned_nothrow();
	new_vector();
	new_nothrow_fails();
	if (argc == 1) {
		new_throws();
		new_array_throws();
		new_aligned_throws();
		new_array_aligned_throws();
		new_handler_throws();
		new_handler_jumps();
	}
	/* Afterwards all is as before. */
	new_plain();
	alloc_end();
	return 0;
}
