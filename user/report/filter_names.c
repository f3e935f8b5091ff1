// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Samples and frames by the names of functions, files and binaries. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "profile/edit.h"
#include "report/filter.h"
#include "report/regex.h"

void filter_note_unmatched(struct report *r, const char *option, const char *pattern, bool matched)
{
	if (pattern && pattern[0] && !matched && r->notes)
		buf_printf(r->notes, "%s expression matched no samples\n", option);
}

static bool line_matches(const struct profile *p, const struct profile_line *line, struct regex *re)
{
	const struct profile_function *f = &p->functions.items[line->function];

	return regex_matches_string(re, p, f->name) || regex_matches_string(re, p, f->filename);
}

static bool mapping_matches(const struct profile *p, const struct profile_location *l,
			    struct regex *re)
{
	return l->mapping != PROFILE_NONE &&
	       regex_matches_string(re, p, p->mappings.items[l->mapping].filename);
}

static bool location_matches(const struct profile *p, const struct profile_location *l,
			     struct regex *re)
{
	for (size_t i = 0; i < l->line_count; i++) {
		if (line_matches(p, &profile_lines(p, l)[i], re))
			return true;
	}
	return mapping_matches(p, l, re);
}

/* Keep the lines that match, or those that do not. */
static void keep_lines(struct profile *p, struct profile_location *l, struct regex *re,
		       bool matching)
{
	struct profile_line *lines = p->lines.items + l->line_start;
	uint32_t kept = 0;

	if (mapping_matches(p, l, re)) {
		if (!matching)
			l->line_count = 0;
		return;
	}
	for (uint32_t i = 0; i < l->line_count; i++) {
		if (line_matches(p, &lines[i], re) == matching)
			lines[kept++] = lines[i];
	}
	l->line_count = kept;
}

enum { FOCUSED = 1, IGNORED = 2, HIDDEN = 4 };

struct name_filter {
	struct regex *focus, *ignore, *hide, *show;
	bool focus_matched, ignore_matched, hide_matched, show_matched;
	uint8_t *marks; /* by location */
	bool any_hidden;
};

static void mark_location(struct name_filter *f, struct profile *p, size_t i)
{
	struct profile_location *l = &p->locations.items[i];

	if (f->ignore && location_matches(p, l, f->ignore)) {
		f->ignore_matched = true;
		f->marks[i] |= IGNORED;
	} else if (!f->focus || location_matches(p, l, f->focus)) {
		f->focus_matched = true;
		f->marks[i] |= FOCUSED;
	}
	if (f->hide && location_matches(p, l, f->hide)) {
		f->hide_matched = true;
		keep_lines(p, l, f->hide, false);
		if (l->line_count == 0)
			f->marks[i] |= HIDDEN;
	}
	if (f->show) {
		/* What has no lines may still be shown by its binary, but is then hidden. */
		keep_lines(p, l, f->show, true);
		if (l->line_count == 0)
			f->marks[i] |= HIDDEN;
		else
			f->show_matched = true;
	}
	f->any_hidden |= (f->marks[i] & HIDDEN) != 0;
}

static size_t filter_sample(void *context, size_t sample, uint32_t *stack, size_t depth)
{
	const struct name_filter *f = context;
	bool focused = false;
	size_t kept = 0;

	(void)sample;
	for (size_t i = 0; i < depth; i++) {
		if (f->marks[stack[i]] & IGNORED)
			return EDIT_DROP;
		focused |= f->marks[stack[i]] & FOCUSED;
	}
	if (!focused)
		return EDIT_DROP;
	if (!f->any_hidden)
		return depth;
	for (size_t i = 0; i < depth; i++) {
		if (!(f->marks[stack[i]] & HIDDEN))
			stack[kept++] = stack[i];
	}
	return kept ? kept : EDIT_DROP;
}

static int filter_by_name(struct report *r, struct err *e)
{
	const struct report_options *o = &r->options;
	_cleanup_regex_ struct regex *focus = NULL, *ignore = NULL, *hide = NULL, *show = NULL;
	int rc = regex_create(o->focus, "focus", &focus, e);
	if (rc == 0)
		rc = regex_create(o->ignore, "ignore", &ignore, e);
	if (rc == 0)
		rc = regex_create(o->hide, "hide", &hide, e);
	if (rc == 0)
		rc = regex_create(o->show, "show", &show, e);
	if (rc < 0 || (!focus && !ignore && !hide && !show))
		return rc;
	struct profile *p = r->profile;
	_cleanup_free_ uint8_t *marks = calloc(p->locations.len + 1, 1);
	if (!marks)
		return err_set(e, -ENOMEM, "cannot filter the samples");
	struct name_filter f = { focus, ignore, hide, show, .marks = marks };
	for (size_t i = 0; i < p->locations.len; i++)
		mark_location(&f, p, i);
	profile_edit_samples(p, filter_sample, &f);
	filter_note_unmatched(r, "Focus", o->focus, f.focus_matched);
	filter_note_unmatched(r, "Ignore", o->ignore, f.ignore_matched);
	filter_note_unmatched(r, "Hide", o->hide, f.hide_matched);
	filter_note_unmatched(r, "Show", o->show, f.show_matched);
	return 0;
}

/* Cut a stack above the matching location nearest to the root. */
static size_t show_from_sample(void *context, size_t sample, uint32_t *stack, size_t depth)
{
	const bool *matches = context;

	(void)sample;
	for (size_t i = depth; i-- > 0;) {
		if (matches[stack[i]])
			return i + 1;
	}
	return EDIT_DROP;
}

/* The lines above the outermost match go; if the binary matches, all stay. */
static bool cut_lines(const struct profile *p, struct profile_location *l, struct regex *re)
{
	if (mapping_matches(p, l, re))
		return true;
	for (uint32_t i = l->line_count; i-- > 0;) {
		if (line_matches(p, &profile_lines(p, l)[i], re)) {
			l->line_count = i + 1;
			return true;
		}
	}
	return false;
}

static int filter_show_from(struct report *r, struct err *e)
{
	struct profile *p = r->profile;
	_cleanup_regex_ struct regex *re = NULL;
	int rc = regex_create(r->options.show_from, "show_from", &re, e);
	if (rc < 0 || !re)
		return rc;
	_cleanup_free_ bool *matches = calloc(p->locations.len + 1, sizeof(*matches));
	if (!matches)
		return err_set(e, -ENOMEM, "cannot filter the samples");
	bool matched = false;
	for (size_t i = 0; i < p->locations.len; i++) {
		matches[i] = cut_lines(p, &p->locations.items[i], re);
		matched |= matches[i];
	}
	profile_edit_samples(p, show_from_sample, matches);
	filter_note_unmatched(r, "ShowFrom", r->options.show_from, matched);
	return 0;
}

int filter_names_apply(struct report *r, struct err *e)
{
	int rc = filter_by_name(r, e);

	return rc < 0 ? rc : filter_show_from(r, e);
}
