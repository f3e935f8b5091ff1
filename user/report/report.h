/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * A report: a profile, made ready as the options say, and what all formats share.
 *
 *     report_init() -> report_print_KIND() -> report_deinit()
 *
 * Formats, orders and roundings are those of google/pprof of 2026-09 (internal/report,
 * internal/graph, internal/driver), byte for byte. Not thread-safe.
 */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "profile/profile.h"
#include "profile/unit.h"
#include "report/options.h"

enum report_kind {
	REPORT_TEXT,
	REPORT_TREE,
	REPORT_PEEK,
	REPORT_TRACES,
	REPORT_RAW,
	REPORT_TAGS,
	REPORT_COMMENTS,
	REPORT_LIST,
	REPORT_DOT,
	REPORT_CALLGRIND,
	REPORT_PROTO,
	REPORT_TOPPROTO,
	REPORT_FLAME, /* also collapsed stacks and speedscope: whole stacks, nothing trimmed */
};

struct label_units;
struct regex;

struct report {
	struct profile *profile; /* the caller's; changed by filters and aggregation */
	struct report_options options;
	enum report_kind kind;
	size_t value_index; /* which value of a sample is reported */
	char *sample_type;  /* its type ("mean_" before it with -mean) and unit, owned */
	char *sample_unit;
	const char *output_unit;   /* options.unit until labels_select_unit() */
	int64_t total;             /* sum of the absolute values, before filters */
	struct label_units *units; /* of numeric labels, owned */
	struct regex *symbol;      /* what peek and list look for, owned */
	/* What filters have to tell: lines like "Focus expression matched no samples". */
	struct buf *notes;
};

/**
 * Choose the values, apply tag frames, filters and aggregation to `p`. Without options.sample_index
 * the value is the profile's default sample type, else the last. `notes` collects remarks for the
 * user, a line each; it may be NULL. On failure there is nothing to deinit; -EINVAL: an option is
 * wrong.
 */
int report_init(struct report *r, struct profile *p, const struct report_options *o,
		enum report_kind kind, struct buf *notes, struct err *e);
void report_deinit(struct report *r);

/** A sample's value, and what -mean divides it by, else 0. */
static inline int64_t report_value(const struct report *r, size_t sample)
{
	return profile_values(r->profile, sample)[r->value_index];
}

static inline int64_t report_divisor(const struct report *r, size_t sample)
{
	return r->options.mean ? profile_values(r->profile, sample)[0] : 0;
}

/** A value in the report's output unit, -divide_by applied. */
void report_format(const struct report *r, int64_t value, char text[UNIT_LABEL_MAX]);

/** |v|, where INT64_MIN stays what it is. */
static inline int64_t report_abs(int64_t v)
{
	return v < 0 ? (int64_t)(0 - (uint64_t)v) : v;
}

/** a + b, which wraps around. */
static inline int64_t report_add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

/** What -mean shows: v / divisor, or v without a divisor. INT64_MIN / -1 stays what it is. */
static inline int64_t report_mean(int64_t v, int64_t divisor)
{
	if (divisor == -1)
		return (int64_t)(0 - (uint64_t)v);
	return divisor ? v / divisor : v;
}

/** Print one report to `out`; 0 or a negative errno. Write errors are left in `out`. */
int report_print_text(struct report *r, FILE *out, struct err *e);
int report_print_tree(struct report *r, FILE *out, struct err *e);
int report_print_traces(struct report *r, FILE *out, struct err *e);
int report_print_raw(struct report *r, FILE *out, struct err *e);
int report_print_dot(struct report *r, FILE *out, struct err *e);
int report_print_callgrind(struct report *r, FILE *out, struct err *e);
int report_print_proto(struct report *r, FILE *out, struct err *e);
int report_print_topproto(struct report *r, FILE *out, struct err *e);
int report_print_collapsed(struct report *r, FILE *out, struct err *e);
int report_print_speedscope(struct report *r, FILE *out, struct err *e);
int report_print_tags(struct report *r, FILE *out, struct err *e);
int report_print_comments(struct report *r, FILE *out, struct err *e);

/** -ENOENT if no function matches; then nothing is printed (nor by tree, if it is a peek). */
int report_print_list(struct report *r, FILE *out, struct err *e);
