// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Samples and labels by labels. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/edit.h"
#include "report/filter.h"
#include "report/regex.h"

/* A number with a unit of letters; false, and nothing moved, if there is none. */
static bool scan_number(const char **text, int64_t *value, char unit[64])
{
	const char *at = *text;
	char *end;

	if (!isdigit((unsigned char)at[*at == '+' || *at == '-']))
		return false;
	errno = 0;
	*value = strtoll(at, &end, 10);
	if (errno)
		return false;
	size_t len = 0;
	while (isalpha((unsigned char)end[len]))
		len++;
	if (len >= 64)
		return false;
	memcpy(unit, end, len);
	unit[len] = '\0';
	*text = end + len;
	return true;
}

bool tag_range_parse(const char *text, struct tag_range *r)
{
	int64_t value;
	char unit[64];
	const char *scaled;
	bool from_start = *text == ':';

	text += from_start;
	if (!scan_number(&text, &value, unit))
		return false;
	*r = (struct tag_range){ .low = -INFINITY, .high = INFINITY };
	double first = unit_scale(value, unit, unit, &scaled);
	strncpy(r->unit, scaled, sizeof(r->unit) - 1);
	if (from_start) {
		r->high = first;
		return *text == '\0';
	}
	r->low = first;
	if (*text == '\0') {
		r->high = first;
		return true;
	}
	if (*text++ != ':')
		return false;
	if (*text == '\0')
		return true;
	if (!scan_number(&text, &value, unit) || *text)
		return false;
	r->high = unit_scale(value, unit, r->unit, &scaled);
	return strcmp(scaled, r->unit) == 0;
}

bool tag_range_has(const struct tag_range *r, int64_t value, const char *unit)
{
	const char *scaled;
	double v = unit_scale(value, unit, r->unit, &scaled);

	return strcmp(scaled, r->unit) == 0 && v >= r->low && v <= r->high;
}

/* "32kb", "key=:64kb", "regexp,regexp", "key=regexp,regexp". */
struct tag_filter {
	char *key; /* NULL: any */
	bool is_range;
	struct tag_range range;
	vec_of(struct regex *) all; /* each of them must match */
	bool matched;
};

static void tag_filter_deinit(struct tag_filter *f)
{
	free(f->key);
	vec_for_each(re, &f->all)
		regex_destroy(*re);
	vec_deinit(&f->all);
}

static int tag_filter_init(struct tag_filter *f, const char *text, const char *name,
			   struct report *r, struct err *e)
{
	const char *equals = strchr(text, '=');

	if (equals && equals > text) {
		f->key = strndup(text, (size_t)(equals - text));
		if (!f->key)
			return err_set(e, -ENOMEM, "cannot filter the labels");
	}
	text = equals ? equals + 1 : text;
	if (tag_range_parse(text, &f->range)) {
		f->is_range = true;
		if (r->notes)
			buf_printf(r->notes, "%s:Interpreted '%s' as range, not regexp\n", name,
				   text);
		return 0;
	}
	for (;;) {
		size_t len = strcspn(text, ",");
		/* An empty pattern matches everything, where there is anything to match. */
		_cleanup_free_ char *pattern = len ? strndup(text, len) : strdup("(?:)");
		struct regex *re = NULL;
		int rc = pattern ? regex_create(pattern, name, &re, e)
				 : err_set(e, -ENOMEM, "cannot filter the labels");
		if (rc == 0 && vec_push(&f->all, re) < 0) {
			regex_destroy(re);
			rc = err_set(e, -ENOMEM, "cannot filter the labels");
		}
		if (rc < 0 || !text[len])
			return rc;
		text += len + 1;
	}
}

static bool range_matches(const struct tag_filter *f, const struct report *r, size_t sample)
{
	const struct profile *p = r->profile;
	size_t count;
	const struct profile_label *labels = profile_labels(p, sample, &count);

	for (size_t i = 0; i < count; i++) {
		if (labels[i].str || (f->key && strcmp(f->key, profile_str(p, labels[i].key)) != 0))
			continue;
		const char *unit = label_units_find(r->units, p, labels[i].key);
		if (tag_range_has(&f->range, labels[i].num, unit))
			return true;
	}
	return false;
}

/* Without a key the expression is matched against "key:value". */
static bool label_matches(const struct tag_filter *f, struct regex *re, const struct profile *p,
			  const struct profile_label *l)
{
	if (f->key)
		return strcmp(f->key, profile_str(p, l->key)) == 0 &&
		       regex_matches_string(re, p, l->str);
	_cleanup_free_ char *text = NULL;
	int len = asprintf(&text, "%s:%s", profile_str(p, l->key), profile_str(p, l->str));
	if (len < 0) {
		text = NULL;
		return false;
	}
	return regex_matches(re, text, (size_t)len);
}

static bool regexes_match(const struct tag_filter *f, const struct profile *p, size_t sample)
{
	size_t count, matched = 0;
	const struct profile_label *labels = profile_labels(p, sample, &count);

	for (size_t k = 0; k < f->all.len; k++) {
		bool found = false;
		for (size_t i = 0; i < count && !found; i++)
			found = labels[i].str && label_matches(f, f->all.items[k], p, &labels[i]);
		matched += found;
	}
	/* With a key one match is enough. */
	return f->key ? matched > 0 : matched == f->all.len;
}

static bool tag_filter_matches(struct tag_filter *f, const struct report *r, size_t sample)
{
	bool matches =
		f->is_range ? range_matches(f, r, sample) : regexes_match(f, r->profile, sample);

	f->matched |= matches;
	return matches;
}

struct tag_filters {
	const struct report *report;
	struct tag_filter *focus, *ignore; /* NULL: none */
};

static size_t filter_sample(void *context, size_t sample, uint32_t *stack, size_t depth)
{
	const struct tag_filters *f = context;
	bool focused = !f->focus || tag_filter_matches(f->focus, f->report, sample);
	bool ignored = f->ignore && tag_filter_matches(f->ignore, f->report, sample);

	(void)stack;
	return focused && !ignored ? depth : EDIT_DROP;
}

static bool given(const char *text)
{
	return text && text[0];
}

static int filter_by_tags(struct report *r, struct err *e)
{
	const char *focus_text = r->options.tag_focus, *ignore_text = r->options.tag_ignore;
	_cleanup_(tag_filter_deinit) struct tag_filter focus = { 0 };
	_cleanup_(tag_filter_deinit) struct tag_filter ignore = { 0 };
	int rc = 0;

	if (given(focus_text))
		rc = tag_filter_init(&focus, focus_text, "tagfocus", r, e);
	if (rc == 0 && given(ignore_text))
		rc = tag_filter_init(&ignore, ignore_text, "tagignore", r, e);
	if (rc < 0 || (!given(focus_text) && !given(ignore_text)))
		return rc;
	struct tag_filters f = { r, given(focus_text) ? &focus : NULL,
				 given(ignore_text) ? &ignore : NULL };
	profile_edit_samples(r->profile, filter_sample, &f);
	filter_note_unmatched(r, "TagFocus", focus_text, focus.matched);
	filter_note_unmatched(r, "TagIgnore", ignore_text, ignore.matched);
	return 0;
}

struct label_filter {
	struct profile *p;
	struct regex *show, *hide;
	bool show_matched, hide_matched;
};

static bool keep_label(void *context, const struct profile_label *label)
{
	struct label_filter *f = context;
	bool shown = !f->show || regex_matches_string(f->show, f->p, label->key);
	bool hidden = f->hide && regex_matches_string(f->hide, f->p, label->key);

	f->show_matched |= shown;
	f->hide_matched |= hidden;
	return shown && !hidden;
}

int filter_tags(struct report *r, struct err *e)
{
	const struct report_options *o = &r->options;
	_cleanup_regex_ struct regex *show = NULL, *hide = NULL;
	int rc = filter_by_tags(r, e);
	if (rc == 0)
		rc = regex_create(o->tag_show, "tagshow", &show, e);
	if (rc == 0)
		rc = regex_create(o->tag_hide, "taghide", &hide, e);
	if (rc < 0 || (!show && !hide))
		return rc;
	struct label_filter f = { r->profile, show, hide, false, false };
	profile_edit_labels(r->profile, keep_label, &f);
	filter_note_unmatched(r, "TagShow", o->tag_show, f.show_matched);
	filter_note_unmatched(r, "TagHide", o->tag_hide, f.hide_matched);
	return 0;
}
