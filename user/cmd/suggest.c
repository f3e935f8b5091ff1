// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/suggest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 63

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t cost[WORD_MAX + 1][WORD_MAX + 1];

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= a_len; i++) {
		for (size_t j = 0; j <= b_len; j++) {
			if (i == 0 || j == 0) {
				cost[i][j] = i + j;
				continue;
			}
			cost[i][j] = min(cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
					 min(cost[i - 1][j], cost[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = min(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	}
	return cost[a_len][b_len];
}

const char *suggest_nearest(const char *word, const char *const *words, size_t count)
{
	const char *nearest = NULL;
	size_t len = strlen(word), limit = len < 3 ? 1 : len / 3;
	size_t best = limit + 1;

	for (size_t i = 0; len > 0 && i < count; i++) {
		size_t distance = suggest_distance(word, words[i]);

		if (distance > limit && strncmp(word, words[i], len) == 0)
			distance = limit;
		if (distance < best) {
			best = distance;
			nearest = words[i];
		}
	}
	return nearest;
}
