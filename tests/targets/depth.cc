// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * depth FRAMES [SECONDS]: C++ recursion through virtual calls, templates and lambdas until the
 * stack is FRAMES deep (from _start), then work in the leaf. Built without frame pointers and
 * stripped.
 */
#include <functional>
#include <memory>

#include "target.h"

namespace
{

struct Walker {
	virtual ~Walker() = default;
	virtual unsigned step(unsigned left) = 0;
	std::unique_ptr<Walker> *next = nullptr;
};

TARGET_ROW unsigned leaf(unsigned seed)
{
	target_work();
	return seed + 1;
}

unsigned descend(Walker &walker, unsigned left)
{
	return left == 0 ? leaf(left) : (*walker.next)->step(left - 1);
}

/* Frames of different sizes, with values that live across the call in callee-saved registers. */
template <size_t SIZE> struct Sized final : Walker {
	TARGET_ROW unsigned step(unsigned left) override
	{
		volatile unsigned room[SIZE];

		room[left % SIZE] = left;
		unsigned deeper = descend(*this, left);
		return deeper + room[left % SIZE] + left;
	}
};

/* An exception handler's landing pad: the call's unwind information carries an LSDA. */
struct Guarded final : Walker {
	TARGET_ROW unsigned step(unsigned left) override
	{
		std::unique_ptr<unsigned> kept(new unsigned(left));

		return descend(*this, left) + *kept;
	}
};

} // namespace

int main(int argc, char **argv)
{
	/* _start, __libc_start_main, __libc_start_call_main, main and leaf are frames too. */
	unsigned frames = (unsigned)target_arg(argc, argv, 1, 60);
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 2, 60));
	std::unique_ptr<Walker> ring[4] = {
		std::make_unique<Sized<3>>(),
		std::make_unique<Guarded>(),
		std::make_unique<Sized<40>>(),
		std::make_unique<Sized<9>>(),
	};
	volatile unsigned sum = 0;

	for (size_t i = 0; i < 4; i++)
		ring[i]->next = &ring[(i + 1) % 4];
	target_ready();
	while (!target_is_over(deadline_ns))
		for (int i = 0; i < 50; i++)
			sum = sum + descend(*ring[3], frames > 5 ? frames - 5 : 0);
	return 0;
}
