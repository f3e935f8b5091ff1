// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Leaving out what lies beneath a function. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/edit.h"
#include "report/filter.h"
#include "report/regex.h"

/* A name without its parameters: cut at the first '(' that is no part of the name itself. */
static size_t name_length(const char *name, size_t len)
{
	static const char *const reserved[] = { "(anonymous namespace)", "operator()" };

	for (size_t i = 0; i < len;) {
		size_t skip = 0;
		for (size_t k = 0; k < ARRAY_SIZE(reserved) && !skip; k++) {
			size_t n = strlen(reserved[k]);
			if (len - i >= n && memcmp(name + i, reserved[k], n) == 0)
				skip = n;
		}
		if (!skip && name[i] == '(')
			return i;
		i += skip ? skip : 1;
	}
	return len;
}

static bool name_matches(struct regex *re, const char *name, size_t len)
{
	if (len > 0 && name[0] == '.') {
		name++;
		len--;
	}
	return regex_matches(re, name, name_length(name, len));
}

enum { PRUNE = 1, PRUNE_BENEATH = 2 };

struct pruning {
	uint8_t *marks; /* by location */
};

/* Remembered by string: a function has many locations. */
enum answer { UNKNOWN = 0, NO, YES };

static bool is_pruned(const struct profile *p, uint32_t name, struct regex *drop,
		      struct regex *keep, uint8_t *answers)
{
	if (answers[name] == UNKNOWN) {
		const char *text = profile_str(p, name);
		size_t len = profile_str_len(p, name);
		bool pruned = len > 0 && name_matches(drop, text, len) &&
			      !(keep && name_matches(keep, text, len));
		answers[name] = pruned ? YES : NO;
	}
	return answers[name] == YES;
}

/* The outermost matching line of a location goes, with all that it called. */
static uint8_t prune_location(struct profile *p, struct profile_location *l, struct regex *drop,
			      struct regex *keep, uint8_t *answers)
{
	for (uint32_t i = l->line_count; i-- > 0;) {
		const struct profile_line *line = &profile_lines(p, l)[i];
		if (!is_pruned(p, p->functions.items[line->function].name, drop, keep, answers))
			continue;
		if (i == l->line_count - 1)
			return PRUNE | PRUNE_BENEATH;
		l->line_start += i + 1;
		l->line_count -= i + 1;
		return PRUNE_BENEATH;
	}
	return 0;
}

/* From the root, but not before the first frame that stays: not all of a stack may go. */
static size_t prune_sample(void *context, size_t sample, uint32_t *stack, size_t depth)
{
	const struct pruning *pr = context;
	bool found_user = false;

	(void)sample;
	for (size_t i = depth; i-- > 0;) {
		uint8_t mark = pr->marks[stack[i]];
		if (!mark) {
			found_user = true;
			continue;
		}
		if (!found_user)
			continue;
		size_t gone = mark & PRUNE ? i + 1 : i;
		memmove(stack, stack + gone, (depth - gone) * sizeof(*stack));
		return depth - gone;
	}
	return depth;
}

/* The profile's own expressions match a whole name. */
static int create_anchored(const struct profile *p, uint32_t pattern, const char *what,
			   struct regex **ret, struct err *e)
{
	_cleanup_free_ char *anchored = NULL;

	*ret = NULL;
	if (!profile_str_len(p, pattern))
		return 0;
	if (asprintf(&anchored, "^(%s)$", profile_str(p, pattern)) < 0) {
		anchored = NULL;
		return err_set(e, -ENOMEM, "cannot filter the frames");
	}
	return regex_create(anchored, what, ret, e);
}

int filter_uninteresting(struct profile *p, struct err *e)
{
	_cleanup_regex_ struct regex *drop = NULL, *keep = NULL;
	struct err ignored;

	/* Expressions that are wrong are the profile's fault, not the user's: nothing is dropped.
	 */
	if (create_anchored(p, p->drop_frames, "drop_frames", &drop, &ignored) < 0 || !drop ||
	    create_anchored(p, p->keep_frames, "keep_frames", &keep, &ignored) < 0)
		return 0;
	_cleanup_free_ uint8_t *marks = calloc(p->locations.len + 1, 1);
	_cleanup_free_ uint8_t *answers = calloc(p->strings.len + 1, 1);
	if (!marks || !answers)
		return err_set(e, -ENOMEM, "cannot filter the frames");
	for (size_t i = 0; i < p->locations.len; i++)
		marks[i] = prune_location(p, &p->locations.items[i], drop, keep, answers);
	struct pruning pr = { marks };
	profile_edit_samples(p, prune_sample, &pr);
	return 0;
}

static size_t prune_from_sample(void *context, size_t sample, uint32_t *stack, size_t depth)
{
	const struct pruning *pr = context;

	(void)sample;
	for (size_t i = 0; i < depth; i++) {
		if (pr->marks[stack[i]]) {
			memmove(stack, stack + i, (depth - i) * sizeof(*stack));
			return depth - i;
		}
	}
	return depth;
}

int filter_prune_from(struct report *r, struct err *e)
{
	struct profile *p = r->profile;
	_cleanup_regex_ struct regex *re = NULL;
	int rc = regex_create(r->options.prune_from, "prune_from", &re, e);
	if (rc < 0 || !re)
		return rc;
	_cleanup_free_ uint8_t *marks = calloc(p->locations.len + 1, 1);
	_cleanup_free_ uint8_t *answers = calloc(p->strings.len + 1, 1);
	if (!marks || !answers)
		return err_set(e, -ENOMEM, "cannot filter the frames");
	for (size_t i = 0; i < p->locations.len; i++) {
		struct profile_location *l = &p->locations.items[i];
		for (uint32_t k = 0; k < l->line_count && !marks[i]; k++) {
			const struct profile_line *line = &profile_lines(p, l)[k];
			uint32_t name = p->functions.items[line->function].name;
			if (!is_pruned(p, name, re, NULL, answers))
				continue;
			marks[i] = PRUNE_BENEATH;
			l->line_start += k;
			l->line_count -= k;
			break;
		}
	}
	struct pruning pr = { marks };
	profile_edit_samples(p, prune_from_sample, &pr);
	return 0;
}
