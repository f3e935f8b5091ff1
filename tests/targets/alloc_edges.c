// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * alloc_edges fork|brief|exec|killed|threads|signals|deep|jumps|huge|dlopen FILE: where accounts of
 * memory go wrong.
 *
 * "fork" waits for a byte in each new process, and says "forked PID" before;
 * "killed" executes too, while threads are in the middle of calls; "dlopen" uses the malloc of a
 * file that it loads once running, says "loaded" when it has, and waits too.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "alloc.h"

#define TIMES 40

static void *kept[TIMES];

/* Allocate TIMES times, keep all. */
#define ALLOCATE(get, size)                                                                        \
	do {                                                                                       \
		struct alloc_row *row = alloc_row(__func__);                                       \
		for (int i = 0; i < TIMES; i++) {                                                  \
			kept[i] = get;                                                             \
			alloc_add(row, size);                                                      \
		}                                                                                  \
	} while (0)

static void free_half(struct alloc_row *row, size_t size)
{
	for (int i = 0; i < TIMES; i += 2) {
		free(kept[i]);
		alloc_remove(row, size);
	}
}

/* ---- fork --------------------------------------------------------------------------------------
 */

TARGET_ROW void fork_parent(void)
{
	ALLOCATE(malloc(100), 100);
}

/* Its copies of what the parent has are none of the parent's. */
TARGET_ROW void fork_child(void)
{
	for (int i = 0; i < TIMES; i++)
		free(kept[i]);
	ALLOCATE(malloc(200), 200);
	free_half(alloc_row(__func__), 200);
}

TARGET_ROW void fork_grandchild(void)
{
	for (int i = 1; i < TIMES; i += 2)
		free(kept[i]);
	ALLOCATE(malloc(300), 300);
}

static void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0 || status != 0)
		abort();
}

/* A new process, which tells its own account, says so and waits: it takes a moment to be followed.
 */
static void forked(void)
{
	alloc_rows_len = 0;
	alloc_say("forked %d\n", (int)getpid());
	alloc_wait();
}

static int edge_fork(void)
{
	fork_parent();
	pid_t child = fork();
	if (child == 0) {
		forked();
		fork_child();
		pid_t grandchild = fork();
		if (grandchild == 0) {
			forked();
			fork_grandchild();
		} else {
			wait_for(grandchild);
		}
		alloc_rows_say();
		_exit(0);
	}
	wait_for(child);
	free_half(alloc_row("fork_parent"), 100);
	alloc_end();
	return 0;
}

/* Children that are gone before anyone has looked at them. */
TARGET_ROW void brief_child(void)
{
	ALLOCATE(malloc(100), 100);
}

static int edge_brief(void)
{
	for (int i = 0; i < TIMES; i++) {
		pid_t child = fork();
		if (child == 0) {
			brief_child();
			_exit(0);
		}
		wait_for(child);
	}
	alloc_end();
	return 0;
}

/* ---- exec --------------------------------------------------------------------------------------
 */

/* What it got is gone with the program that it was. */
TARGET_ROW void exec_before(void)
{
	struct alloc_row *row = alloc_row(__func__);

	ALLOCATE(malloc(100), 100);
	for (int i = 0; i < TIMES; i++)
		alloc_remove(row, 100);
}

TARGET_ROW void exec_after(void)
{
	ALLOCATE(malloc(200), 200);
	free_half(alloc_row(__func__), 200);
}

static int edge_exec(void)
{
	exec_before();
	alloc_rows_say();
	execl("/proc/self/exe", "alloc_edges", "after", NULL);
	return 1;
}

static int edge_after(void)
{
	exec_after();
	alloc_end();
	return 0;
}

TARGET_ROW void *killed_thread(void *unused)
{
	for (size_t i = 0;; i++) {
		void *volatile p = malloc(64 + i % 1000);
		free(p);
	}
	return unused;
}

static int edge_killed(void)
{
	pthread_t thread;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&thread, NULL, killed_thread, NULL) != 0)
			abort();
	usleep(300000);
	execl("/proc/self/exe", "alloc_edges", "after", NULL);
	return 1;
}

/* ---- threads ------------------------------------------------------------------------------------
 */

TARGET_ROW void *thread_allocates(void *slot)
{
	void **memory = slot;

	*memory = malloc(100);
	alloc_add(alloc_row(__func__), 100);
	return NULL;
}

/* A thread for each allocation: what ended threads got is freed by another. */
static int edge_threads(void)
{
	struct alloc_row *row = alloc_row("thread_allocates");
	pthread_t threads[TIMES];

	for (int i = 0; i < TIMES; i++)
		if (pthread_create(&threads[i], NULL, thread_allocates, &kept[i]) != 0)
			abort();
	for (int i = 0; i < TIMES; i++)
		pthread_join(threads[i], NULL);
	free_half(row, 100);
	alloc_end();
	return 0;
}

/* ---- signals ------------------------------------------------------------------------------------
 */

static volatile int handled;

TARGET_ROW void handler_allocates(int number)
{
	struct alloc_row *row = alloc_row(__func__);
	void *volatile p = malloc(100);

	(void)number;
	alloc_add(row, 100);
	if (handled % 2 == 0) {
		free(p);
		alloc_remove(row, 100);
	}
	handled++;
}

/* The loop that is interrupted allocates nothing: malloc may not be called within malloc. */
static int edge_signals(void)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };

	alloc_row("handler_allocates");
	signal(SIGPROF, handler_allocates);
	setitimer(ITIMER_PROF, &often, NULL);
	while (handled < TIMES)
		target_work();
	setitimer(ITIMER_PROF, &never, NULL);
	alloc_end();
	return 0;
}

/* ---- deep stacks
 * --------------------------------------------------------------------------------- */

/* More frames than a profile keeps. */
TARGET_ROW void deep_allocates(int depth)
{
	if (depth > 0) {
		deep_allocates(depth - 1);
		TARGET_NO_TAIL_CALL();
		return;
	}
	ALLOCATE(malloc(100), 100);
	free_half(alloc_row(__func__), 100);
}

static int edge_deep(void)
{
	deep_allocates(3000);
	alloc_end();
	return 0;
}

/* ---- jumps
 * --------------------------------------------------------------------------------- */

/* mimalloc's rounds the size and jumps to another function, which jumps on. */
TARGET_ROW void jumps_allocate(void)
{
	struct alloc_row *row = alloc_row(__func__);

	for (int i = 0; i < 100000; i++) {
		void *volatile p = pvalloc(500);
		alloc_add(row, 500);
		free(p);
		alloc_remove(row, 500);
	}
}

static int edge_jumps(void)
{
	jumps_allocate();
	alloc_end();
	return 0;
}

/* ---- huge sizes
 * --------------------------------------------------------------------------------- */

/* Now and then more than there is. */
TARGET_ROW void huge_allocate(void)
{
	struct alloc_row *row = alloc_row(__func__);
	volatile size_t huge = (size_t)3 << 62;

	for (int i = 0; i < 100000; i++) {
		if (i % 100 == 0 && malloc(huge))
			abort();
		void *volatile p = malloc(500);
		alloc_add(row, 500);
		free(p);
		alloc_remove(row, 500);
	}
}

static int edge_huge(void)
{
	huge_allocate();
	alloc_end();
	return 0;
}

/* ---- dlopen
 * -------------------------------------------------------------------------------------- */

static void *(*loaded_malloc)(size_t);
static void (*loaded_free)(void *);

TARGET_ROW void dlopen_allocates(void)
{
	struct alloc_row *row = alloc_row(__func__);

	ALLOCATE(loaded_malloc(100), 100);
	for (int i = 0; i < TIMES; i += 2) {
		loaded_free(kept[i]);
		alloc_remove(row, 100);
	}
}

static int edge_dlopen(const char *file)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	loaded_malloc = (void *(*)(size_t))dlsym(library, "malloc");
	loaded_free = (void (*)(void *))dlsym(library, "free");
	alloc_say("loaded\n");
	alloc_wait();
	dlopen_allocates();
	alloc_end();
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} edges[] = {
		{ "fork", edge_fork },       { "brief", edge_brief },   { "exec", edge_exec },
		{ "after", edge_after },     { "killed", edge_killed }, { "threads", edge_threads },
		{ "signals", edge_signals }, { "deep", edge_deep },     { "jumps", edge_jumps },
		{ "huge", edge_huge },
	};
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "after") != 0)
		alloc_begin();
	if (argc == 3 && strcmp(name, "dlopen") == 0)
		return edge_dlopen(argv[2]);
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		if (strcmp(edges[i].name, name) == 0)
			return edges[i].run();
	return 2;
}
