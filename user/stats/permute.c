// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "stats/permute.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"

/*
 * Values become integers, so that equal sums are equal whatever the order of adding. Values that
 * are no integers at this scale may each be off by a half: sums this close are taken for equal.
 */
#define SCALE_BITS 44

static void scale(const double *values, size_t count, int64_t *to)
{
	double mean = 0, most = 0;

	for (size_t i = 0; i < count; i++)
		mean += values[i] / (double)count;
	for (size_t i = 0; i < count; i++)
		most = fmax(most, fabs(values[i] - mean));
	for (size_t i = 0; i < count; i++)
		to[i] = most > 0 ? llround(ldexp((values[i] - mean) / most, SCALE_BITS)) : 0;
}

/* ---- Every split ---- */

enum { HALF_MAX = PERMUTE_EXACT_MAX / 2 };

/* The sums of all subsets, by size, each size in ascending order. */
struct subsets {
	int64_t *sums; /* those of size c are [start[c], start[c + 1]) */
	size_t start[HALF_MAX + 2];
};

/* Merge `old` and `old` with `v` added (from its smaller subsets) into `to`; returns the length. */
static size_t merge(const int64_t *a, size_t a_len, const int64_t *b, size_t b_len, int64_t v,
		    int64_t *to)
{
	size_t i = 0, j = 0;

	while (i < a_len || j < b_len) {
		if (j == b_len || (i < a_len && a[i] <= b[j] + v)) {
			to[i + j] = a[i];
			i++;
		} else {
			to[i + j] = b[j] + v;
			j++;
		}
	}
	return a_len + b_len;
}

/* `room` has twice as many places as there are subsets; the sums end up in one of its halves. */
static void subsets_list(struct subsets *s, const int64_t *values, size_t count, int64_t *room)
{
	int64_t *from = room, *to = room + ((size_t)1 << count);

	from[0] = 0;
	s->start[0] = 0;
	s->start[1] = 1;
	for (size_t n = 0; n < count; n++) {
		size_t start[HALF_MAX + 2] = { 0 }, len = 0;
		for (size_t c = 0; c <= n + 1; c++) {
			const int64_t *same = from + s->start[c];
			size_t same_len = c <= n ? s->start[c + 1] - s->start[c] : 0;
			const int64_t *smaller = c ? from + s->start[c - 1] : NULL;
			size_t smaller_len = c ? s->start[c] - s->start[c - 1] : 0;
			start[c] = len;
			len += merge(same, same_len, smaller, smaller_len, values[n], to + len);
		}
		start[n + 2] = len;
		for (size_t c = 0; c <= n + 2; c++)
			s->start[c] = start[c];
		int64_t *swap = from;
		from = to;
		to = swap;
	}
	s->sums = from;
}

/* How many pairs of an a and a b have a sum of at least `least`. */
static double pairs_above(const int64_t *a, size_t a_len, const int64_t *b, size_t b_len,
			  int64_t least)
{
	double pairs = 0;
	size_t j = b_len;

	for (size_t i = 0; i < a_len; i++) {
		while (j > 0 && a[i] + b[j - 1] >= least)
			j--;
		pairs += (double)(b_len - j);
	}
	return pairs;
}

static double splits_above(const struct subsets *a, size_t a_count, const struct subsets *b,
			   size_t b_count, size_t size, int64_t least)
{
	double above = 0;

	for (size_t c = size > b_count ? size - b_count : 0; c <= a_count && c <= size; c++)
		above += pairs_above(a->sums + a->start[c], a->start[c + 1] - a->start[c],
				     b->sums + b->start[size - c],
				     b->start[size - c + 1] - b->start[size - c], least);
	return above;
}

/* C(n, k), exact in a double as far as this file needs it. */
static double choose(size_t n, size_t k)
{
	double c = 1;

	for (size_t i = 1; i <= k; i++)
		c = c * (double)(n - k + i) / (double)i;
	return c;
}

static double exact_p(const int64_t *values, size_t count, size_t x_len, int64_t *room)
{
	size_t half = count / 2, rest = count - half;
	struct subsets a, b;
	int64_t observed = 0, slack = (int64_t)count;

	subsets_list(&a, values, half, room);
	subsets_list(&b, values + half, rest, room + ((size_t)2 << half));
	for (size_t i = 0; i < x_len; i++)
		observed += values[i];
	double all = choose(count, x_len);
	double above = splits_above(&a, half, &b, rest, x_len, observed - slack);
	double below = all - splits_above(&a, half, &b, rest, x_len, observed + slack + 1);
	return fmin(1, 2 * fmin(above, below) / all);
}

static int exact_tests(const int64_t *values, size_t tests, size_t x_len, size_t y_len, double *p)
{
	size_t count = x_len + y_len, half = count / 2;
	size_t room_len = ((size_t)2 << half) + ((size_t)2 << (count - half));
	_cleanup_free_ int64_t *room = calloc(room_len, sizeof(*room));

	if (!room)
		return -ENOMEM;
	for (size_t i = 0; i < tests; i++)
		p[i] = exact_p(values + i * count, count, x_len, room);
	return 0;
}

/* ---- Random splits ---- */

/* One test while splits are drawn. */
struct drawn {
	const int64_t *values;
	int64_t observed;
	size_t above, below, draws;
	size_t test; /* its number */
};

static bool drawn_add(struct drawn *d, const uint32_t *split, size_t len, int64_t slack)
{
	int64_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += d->values[split[i]];
	d->above += sum >= d->observed - slack;
	d->below += sum <= d->observed + slack;
	d->draws++;
	return d->above >= PERMUTE_HITS && d->below >= PERMUTE_HITS;
}

static double drawn_p(const struct drawn *d, size_t draws_max)
{
	double hits = (double)(d->above < d->below ? d->above : d->below);
	double draws = (double)d->draws;

	/* Besag and Clifford's p if drawing ended early. */
	if (d->draws < draws_max)
		return fmin(1, 2 * hits / draws);
	return fmin(1, 2 * (hits + 1) / (draws + 1));
}

/* Put a random `len` of `items` first. */
static void draw_split(struct prng *rng, uint32_t *items, size_t count, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t j = i + prng_below(rng, count - i);
		uint32_t item = items[i];
		items[i] = items[j];
		items[j] = item;
	}
}

/* Draw splits until each test's p is known, or is as small as `draws` splits can tell. */
static void draw(struct drawn *active, size_t left, uint32_t *items, size_t count, size_t len,
		 size_t draws, struct prng *rng, double *p)
{
	for (size_t i = 0; i < draws && left > 0; i++) {
		draw_split(rng, items, count, len);
		for (size_t t = 0; t < left;) {
			bool known = drawn_add(&active[t], items, len, (int64_t)count);
			if (known || i + 1 == draws)
				p[active[t].test] = drawn_p(&active[t], draws);
			if (known)
				active[t] = active[--left];
			else
				t++;
		}
	}
}

static int random_tests(const int64_t *values, size_t tests, size_t x_len, size_t y_len,
			double level, struct prng *rng, double *p)
{
	/* The smaller side's sum tells as much as the other's and is made faster. */
	size_t count = x_len + y_len, len = x_len < y_len ? x_len : y_len;
	size_t from = x_len < y_len ? 0 : x_len;
	_cleanup_free_ struct drawn *active = calloc(tests + 1, sizeof(*active));
	_cleanup_free_ uint32_t *items = calloc(count, sizeof(*items));

	if (!active || !items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		items[i] = (uint32_t)i;
	for (size_t t = 0; t < tests; t++) {
		active[t] = (struct drawn){ .values = values + t * count, .test = t };
		for (size_t i = 0; i < len; i++)
			active[t].observed += values[t * count + from + i];
	}
	double draws = fmin(fmax(ceil(6 / level), PERMUTE_DRAWS_MIN), PERMUTE_DRAWS_MAX);
	draw(active, tests, items, count, len, (size_t)draws, rng, p);
	return 0;
}

int permute_tests(const double *values, size_t tests, size_t x_len, size_t y_len, double level,
		  struct prng *rng, double *p, struct err *e)
{
	size_t count = x_len + y_len;
	_cleanup_free_ int64_t *scaled = calloc(tests * count + 1, sizeof(*scaled));

	if (x_len == 0 || y_len == 0)
		return err_plain(e, -EINVAL, "nothing to compare on one side");
	if (!scaled)
		return err_set(e, -ENOMEM, "cannot compare %zu runs", count);
	for (size_t i = 0; i < tests; i++)
		scale(values + i * count, count, scaled + i * count);
	int rc = count <= PERMUTE_EXACT_MAX
			 ? exact_tests(scaled, tests, x_len, y_len, p)
			 : random_tests(scaled, tests, x_len, y_len, level, rng, p);
	return rc < 0 ? err_set(e, rc, "cannot compare %zu runs", count) : 0;
}

double permute_smallest_p(size_t x_len, size_t y_len)
{
	if (x_len == 0 || y_len == 0)
		return 1;
	return fmin(1, 2 / choose(x_len + y_len, x_len < y_len ? x_len : y_len));
}

size_t permute_runs_needed(double p)
{
	size_t n = 1;

	while (permute_smallest_p(n, n) > p)
		n++;
	return n;
}
