// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/regex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/cleanup.h"

/* Steps back that any sane pattern gets by with; the others are matched without backtracking. */
enum { MATCH_LIMIT = 10000 };

/* For the states that a match without backtracking is in at a time; more are an error of PCRE's. */
enum { WORKSPACE = 1 << 16 };

enum answer { UNKNOWN = 0, NO, YES };

struct regex {
	char *pattern;
	pcre2_code *code;
	pcre2_code *states; /* for match_states(), NULL until it is needed */
	pcre2_match_data *match;
	pcre2_match_context *context;
	vec_of(uint8_t) answers; /* enum answer, by string */
};

static int no_memory(const char *what, struct err *e)
{
	return err_set(e, -ENOMEM, "parsing %s regexp", what);
}

/* RE2 has no look-around, atomic groups, recursion, conditions or back references. */
static bool beyond_re2(const char *pattern)
{
	bool in_class = false;

	for (const char *c = pattern; *c; c++) {
		if (*c == '\\' && c[1]) {
			c++;
			if (!in_class && strchr("123456789gkKGRX", *c))
				return true;
			if (*c == 'Q')
				c = strstr(c, "\\E") ? strstr(c, "\\E") + 1 : c + strlen(c) - 1;
		} else if (in_class) {
			in_class = *c != ']';
		} else if (*c == '[') {
			in_class = true;
			/* A bracket that comes first is a member. */
			c += c[1] == '^';
			c += c[1] == ']';
		} else if (strncmp(c, "(?", 2) == 0) {
			bool name = c[2] == 'P' && c[3] == '<';
			bool plain_name = c[2] == '<' && c[3] != '=' && c[3] != '!';
			if (!name && !plain_name && c[2] && strchr("=!<>|(&RP+#0123456789C", c[2]))
				return true;
		} else if (strncmp(c, "(*", 2) == 0) {
			return true;
		}
	}
	return false;
}

int regex_create(const char *pattern, const char *what, struct regex **ret, struct err *e)
{
	*ret = NULL;
	if (!pattern || !pattern[0])
		return 0;
	if (beyond_re2(pattern))
		return err_plain(e, -EINVAL,
				 "parsing %s regexp: '%s' uses look-around, back references or "
				 "other things that RE2 does not have",
				 what, pattern);
	struct regex *r = calloc(1, sizeof(*r));
	if (!r)
		return no_memory(what, e);
	int code;
	size_t offset;
	r->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
				PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY |
					PCRE2_NEVER_BACKSLASH_C,
				&code, &offset, NULL);
	if (!r->code) {
		char text[128];
		pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
		regex_destroy(r);
		return err_plain(e, -EINVAL, "parsing %s regexp: '%s': %s at character %zu", what,
				 pattern, text, offset);
	}
	r->pattern = strdup(pattern);
	r->match = pcre2_match_data_create_from_pattern(r->code, NULL);
	r->context = pcre2_match_context_create(NULL);
	if (!r->pattern || !r->match || !r->context) {
		regex_destroy(r);
		return no_memory(what, e);
	}
	pcre2_set_match_limit(r->context, MATCH_LIMIT);
	/* Without a compiler for this machine, matching is only slower. */
	pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
	*ret = r;
	return 0;
}

void regex_destroy(struct regex *r)
{
	if (!r)
		return;
	free(r->pattern);
	pcre2_code_free(r->code);
	pcre2_code_free(r->states);
	pcre2_match_data_free(r->match);
	pcre2_match_context_free(r->context);
	vec_deinit(&r->answers);
	free(r);
}

static int match(struct regex *r, const char *text, size_t len)
{
	PCRE2_SPTR at = (PCRE2_SPTR)text;
	int rc = pcre2_match(r->code, at, len, 0, 0, r->match, r->context);

	/* The interpreter's stack is on the heap. */
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = pcre2_match(r->code, at, len, 0, PCRE2_NO_JIT, r->match, r->context);
	return rc;
}

/*
 * All ways at once: no captures. It refuses code that takes text that is no UTF-8, and such text,
 * which then does not match.
 */
static int match_states(struct regex *r, const char *text, size_t len)
{
	_cleanup_free_ int *workspace = malloc(WORKSPACE * sizeof(*workspace));
	size_t offset;
	int code;

	if (!r->states)
		r->states = pcre2_compile((PCRE2_SPTR)r->pattern, PCRE2_ZERO_TERMINATED,
					  PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &code, &offset, NULL);
	if (!r->states || !workspace)
		return PCRE2_ERROR_NOMEMORY;
	return pcre2_dfa_match(r->states, (PCRE2_SPTR)text, len, 0, 0, r->match, NULL, workspace,
			       WORKSPACE);
}

bool regex_matches(struct regex *r, const char *text, size_t len)
{
	int rc = match(r, text, len);

	if (rc == PCRE2_ERROR_MATCHLIMIT)
		rc = match_states(r, text, len);
	return rc >= 0;
}

size_t regex_captures(struct regex *r, const char *text, size_t len, struct regex_span *spans,
		      size_t max)
{
	int count = match(r, text, len);
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(r->match);

	for (int i = 0; i < count && (size_t)i < max; i++) {
		bool unset = ends[2 * i] == PCRE2_UNSET;
		spans[i].start = unset ? 0 : ends[2 * i];
		spans[i].len = unset ? 0 : ends[2 * i + 1] - ends[2 * i];
	}
	if (count < 0)
		return 0;
	return (size_t)count < max ? (size_t)count : max;
}

bool regex_matches_string(struct regex *r, const struct profile *p, uint32_t string)
{
	const char *text = profile_str(p, string);
	size_t len = profile_str_len(p, string);

	if (string >= r->answers.len) {
		if (vec_reserve(&r->answers, p->strings.len) < 0)
			return regex_matches(r, text, len);
		memset(r->answers.items + r->answers.len, UNKNOWN, p->strings.len - r->answers.len);
		r->answers.len = p->strings.len;
	}
	uint8_t *answer = &r->answers.items[string];
	if (*answer == UNKNOWN)
		*answer = regex_matches(r, text, len) ? YES : NO;
	return *answer == YES;
}

const char *regex_pattern(const struct regex *r)
{
	return r->pattern;
}
