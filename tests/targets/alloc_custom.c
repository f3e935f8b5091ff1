// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * alloc_custom [alt]: a program with an allocator of its own, which does what no sane one does:
 * jumps out of malloc when memory is short, and is interrupted in the middle by signals whose
 * handler allocates. It never reuses memory, so that nothing in it can be damaged. With "alt" it is
 * only interrupted, and the handler has a stack of its own, at higher addresses.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

#include "alloc.h"

#define TIMES 40

static _Alignas(16) char memory[4 << 20];
static size_t used;
static jmp_buf short_of_memory;
static volatile int interrupts; /* one call in how many raises a signal */

/* The sizes lie before the memory. */
TARGET_ROW void *malloc(size_t size)
{
	static unsigned calls;
	size_t need = ((size + 15) & ~(size_t)15) + 16;

	if (need < size || need > sizeof(memory))
		longjmp(short_of_memory, 1);
	if (interrupts && ++calls % (unsigned)interrupts == 0)
		raise(SIGUSR1);
	size_t at = __atomic_fetch_add(&used, need, __ATOMIC_RELAXED);
	if (at + need > sizeof(memory))
		return NULL;
	*(size_t *)(memory + at) = size;
	return memory + at + 16;
}

__attribute__((noipa)) TARGET_ROW void free(void *p)
{
	if (p)
		((size_t *)p)[-2] = 0;
}

TARGET_ROW void *calloc(size_t n, size_t size)
{
	return malloc(n * size); /* memory is never reused, so it is 0 */
}

TARGET_ROW void *realloc(void *p, size_t size)
{
	void *got = malloc(size);

	if (got && p) {
		size_t old = ((size_t *)p)[-2];
		memcpy(got, p, old < size ? old : size);
		free(p);
	}
	return got;
}

/* ---- What it is used for ----------------------------------------------------------------------
 */

TARGET_ROW void custom_plain(void)
{
	struct alloc_row *row = alloc_row(__func__);

	for (size_t i = 0; i < TIMES; i++) {
		void *p = i % 3 == 0   ? malloc(100)
			  : i % 3 == 1 ? calloc(10, 10)
				       : realloc(NULL, 100);
		alloc_add(row, 100);
		if (i % 2 == 0) {
			free(p);
			alloc_remove(row, 100);
		}
	}
}

TARGET_ROW void custom_jumps(void)
{
	static volatile int jumped;
	struct alloc_row *volatile row = alloc_row(__func__);

	for (volatile size_t i = 0; i < TIMES; i++) {
		if (setjmp(short_of_memory) == 0) {
			void *volatile p = malloc((size_t)1 << 40);
			(void)p;
		} else {
			jumped++;
		}
		/* The same depth of the stack, with a call that returns. */
		if (malloc(200))
			alloc_add(row, 200);
	}
	if (jumped != TIMES)
		abort();
}

TARGET_ROW void handler_allocates(int number)
{
	struct alloc_row *row = alloc_row(__func__);
	int every = interrupts;

	(void)number;
	interrupts = 0;
	if (malloc(300))
		alloc_add(row, 300);
	void *volatile p = malloc(400);
	alloc_add(row, 400);
	free(p);
	alloc_remove(row, 400);
	interrupts = every;
}

TARGET_ROW void custom_interrupted(int flags)
{
	struct sigaction action = { .sa_handler = handler_allocates, .sa_flags = flags };
	struct alloc_row *row = alloc_row(__func__);

	sigaction(SIGUSR1, &action, NULL);
	interrupts = 3;
	for (size_t i = 0; i < TIMES; i++)
		if (malloc(500))
			alloc_add(row, 500);
	interrupts = 0;
}

#define HANDLER_STACK 65536

static void *interrupted_thread(void *stack)
{
	stack_t alternate = { .ss_sp = stack, .ss_size = HANDLER_STACK };

	if (sigaltstack(&alternate, NULL) != 0)
		abort();
	custom_interrupted(SA_ONSTACK);
	TARGET_NO_TAIL_CALL();
	return NULL;
}

/* A thread's stack is below the main thread's. */
static void interrupted_above(void)
{
	char stack[HANDLER_STACK];
	pthread_t thread;

	if (pthread_create(&thread, NULL, interrupted_thread, stack) != 0)
		abort();
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	alloc_row("handler_allocates");
	alloc_begin();
	if (argc > 1 && strcmp(argv[1], "alt") == 0) {
		interrupted_above();
	} else {
		custom_plain();
		custom_jumps();
		custom_interrupted(0);
		custom_plain();
	}
	alloc_end();
	return 0;
}
