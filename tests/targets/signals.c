// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * signals [SECONDS [alt]]: a timer interrupts interrupted_work every 2 ms; its handler works for
 * 1 ms. With "alt" the handler has a stack of its own.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "target.h"

TARGET_ROW void handler_work(void)
{
	target_spin(1000000);
}

static void on_signal(int number)
{
	(void)number;
	handler_work();
	TARGET_NO_TAIL_CALL();
}

/* No call inside: the signal arrives at any instruction of this loop. */
TARGET_ROW void interrupted_work(void)
{
	target_work();
}

int main(int argc, char **argv)
{
	static char stack[65536];
	uint64_t deadline_ns = target_deadline_ns(target_arg(argc, argv, 1, 60));
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } };

	if (argc > 2 && strcmp(argv[2], "alt") == 0) {
		stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };

		if (sigaltstack(&alternate, NULL) != 0)
			return 1;
		action.sa_flags |= SA_ONSTACK;
	}
	if (sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &every, NULL) != 0)
		return 1;
	target_ready();
	while (!target_is_over(deadline_ns))
		interrupted_work();
	return 0;
}
