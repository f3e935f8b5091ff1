// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * gate_bench [ROUNDS [FILE]]: a benchmark that a gate compares with itself after a change. A round
 * is a fixed amount of work, of which parse, rank, render and check take 40, 20, 30 and 10 percent,
 * and 100 allocations. What it prints depends on ROUNDS alone. FILE: where the rounds are told.
 *
 * The changes, each by a macro:
 *
 *     RANK_PERCENT=110     rank takes a tenth longer
 *     ALLOCATIONS=103      line makes 3 more allocations a round; with NODES=93, parse_node does
 *     MOVED=10             render does so much of rank's work, in percent of it
 *     RENAMED              other names, other inlining, the same work
 */
#include <stdlib.h>
#include <string.h>

#include "target.h"

#ifndef ROUNDS
#define ROUNDS 300
#endif
#ifndef RANK_PERCENT
#define RANK_PERCENT 100
#endif
#ifndef ALLOCATIONS
#define ALLOCATIONS 100
#endif
#ifndef NODES
#define NODES 90
#endif
#ifndef MOVED
#define MOVED 0
#endif

#ifdef RENAMED
#define render  write_out
#define line    text_line
#define IN_LINE TARGET_INLINE
#else
#define IN_LINE TARGET_ROW
#endif

/* Work in the caller's own row, in percent of a round, which is 1.5 ms. */
#define WORK(percent)                                                                              \
	do {                                                                                       \
		volatile uint32_t x = 1;                                                           \
		for (int turn = 0; turn < (percent)*10000; turn++)                                 \
			x = x * 1664525u + 1013904223u;                                            \
	} while (0)

struct node {
	struct node *next;
	char text[40];
};

TARGET_ROW struct node *parse_node(struct node *next, int i)
{
	struct node *node = malloc(sizeof(*node));

	if (!node)
		abort();
	node->next = next;
	snprintf(node->text, sizeof(node->text), "node %d", i);
	return node;
}

TARGET_ROW struct node *parse(void)
{
	struct node *list = NULL;

	for (int i = 0; i < NODES; i++)
		list = parse_node(list, i);
	WORK(40);
	return list;
}

/* Inlined in one build and not in the other. */
IN_LINE int before(const struct node *a, const struct node *b)
{
	WORK(5);
	return strcmp(a->text, b->text);
}

TARGET_ROW int rank(const struct node *list)
{
	int order = before(list, list->next);

	WORK(15 + 20 * (RANK_PERCENT - 100) / 100 - 20 * MOVED / 100);
	return order;
}

TARGET_ROW char *line(int i)
{
	char *text = malloc(64);

	if (!text)
		abort();
	snprintf(text, 64, "line %d", i);
	return text;
}

TARGET_ROW size_t render(void)
{
	size_t written = 0;

	for (int i = 0; i < ALLOCATIONS - NODES; i++) {
		char *text = line(i);

		written += i < 10 ? strlen(text) : 0;
		free(text);
	}
	WORK(30 + 20 * MOVED / 100);
	return written;
}

TARGET_ROW uint32_t check(const char *text)
{
	uint32_t sum = 0;

	while (*text)
		sum = sum * 31 + (unsigned char)*text++;
	WORK(10);
	return sum;
}

int main(int argc, char **argv)
{
	long rounds = (long)target_arg(argc, argv, 1, ROUNDS);
	uint32_t sum = 0;

	for (long i = 0; i < rounds; i++) {
		struct node *list = parse();

		sum += (uint32_t)rank(list) + (uint32_t)render() + check(list->text);
		while (list) {
			struct node *next = list->next;

			free(list);
			list = next;
		}
	}
	printf("%ld rounds, sum %u\n", rounds, sum);
	if (argc > 2) {
		FILE *file = fopen(argv[2], "w");

		if (!file || fprintf(file, "%ld\n", rounds) < 0 || fclose(file) != 0)
			return 1;
	}
	return 0;
}
