/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Regular expressions, by PCRE2, in the dialect that it shares with RE2: unanchored, '$' only at
 * the end, UTF-8 (bytes that are none match nothing).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "profile/profile.h"

struct regex;

/**
 * Compile `pattern`; `what` names the option in errors: "parsing focus regexp: ...". An empty or
 * NULL pattern leaves *ret NULL. The caller frees it with regex_destroy(). -EINVAL: it is no
 * regular expression, or uses what RE2 does not have (look-around, back references).
 */
int regex_create(const char *pattern, const char *what, struct regex **ret, struct err *e);
void regex_destroy(struct regex *r);

static inline void cleanup_regex(struct regex **r)
{
	regex_destroy(*r);
}
#define _cleanup_regex_ __attribute__((cleanup(cleanup_regex)))

/** Nested repetitions cost no time without end: a text is then matched without backtracking. */
bool regex_matches(struct regex *r, const char *text, size_t len);

/** Whether a string of the profile matches; the answer is remembered. One profile a regex. */
bool regex_matches_string(struct regex *r, const struct profile *p, uint32_t string);

struct regex_span {
	size_t start, len; /* 0, 0 of a group that took no part */
};

/**
 * Match, and tell where the whole and its groups matched: at most `max` spans. Returns how many, 0
 * if there is no match.
 */
size_t regex_captures(struct regex *r, const char *text, size_t len, struct regex_span *spans,
		      size_t max);

/** The pattern it was made of. */
const char *regex_pattern(const struct regex *r);
