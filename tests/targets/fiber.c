// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* fiber [SECONDS]: two fibers on stacks of their own hand the CPU to each other every 200 us. */
#include <ucontext.h>

#include "target.h"

#define FIBER_STACK 65536

static ucontext_t contexts[3]; /* main, two fibers */
static uint64_t deadline_ns;

TARGET_ROW void fiber_work(void)
{
	target_spin(200000);
}

static void fiber_run(int self)
{
	while (!target_is_over(deadline_ns)) {
		fiber_work();
		swapcontext(&contexts[self], &contexts[3 - self]);
	}
	setcontext(&contexts[0]);
}

int main(int argc, char **argv)
{
	static char stacks[2][FIBER_STACK];

	deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 60));
	target_ready();
	for (int i = 1; i <= 2; i++) {
		getcontext(&contexts[i]);
		contexts[i].uc_stack.ss_sp = stacks[i - 1];
		contexts[i].uc_stack.ss_size = FIBER_STACK;
		contexts[i].uc_link = &contexts[0];
		makecontext(&contexts[i], (void (*)(void))fiber_run, 1, i);
	}
	swapcontext(&contexts[0], &contexts[1]);
	return 0;
}
