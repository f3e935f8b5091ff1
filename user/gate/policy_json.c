// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Policy files. Jansson parses them; where a thing stands in the text is looked up for errors. */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "gate/policy.h"
#include "gate/policy_impl.h"

/* ---- Where a thing stands ---- */

enum {
	PATH_MAX_DEPTH = 3, /* metrics, NAME, floor */
	JSON_DEPTH = 2048,  /* what jansson takes (JSON_PARSER_MAX_DEPTH) */
};

/* A key of an object, or an index of an array (key NULL). */
struct step {
	const char *key;
	size_t index;
};

struct file {
	const char *name, *text;
	size_t len;
	struct step path[PATH_MAX_DEPTH]; /* to the thing that is looked at */
	size_t depth;
};

/* The end of a valid JSON string that starts at `at`. */
static size_t string_end(const char *text, size_t at)
{
	for (at++; text[at] != '"'; at++)
		at += text[at] == '\\';
	return at + 1;
}

static bool string_equals(const char *text, size_t start, size_t end, const char *key)
{
	json_t *s = json_loadb(text + start, end - start, JSON_DECODE_ANY, NULL);
	bool equal = s && strcmp(json_string_value(s), key) == 0;

	json_decref(s);
	return equal;
}

/* A walk through text that is known to be valid. */
struct walk {
	const struct file *f;
	size_t line, depth, matched; /* how many steps of the path lead to where we are */
	size_t index[JSON_DEPTH + 1];
	bool array[JSON_DEPTH + 1];
	bool want_key;
};

/* Whether the thing that begins here is the next step of the path. */
static bool is_step(const struct walk *w, size_t start, size_t end)
{
	if (w->depth == 0 || w->depth > w->f->depth || w->matched != w->depth - 1)
		return false;
	const struct step *s = &w->f->path[w->depth - 1];
	if (!s->key)
		return w->array[w->depth] && w->index[w->depth] == s->index;
	return !w->array[w->depth] && w->want_key && string_equals(w->f->text, start, end, s->key);
}

static void enter(struct walk *w, bool array)
{
	w->depth++;
	w->index[w->depth] = 0;
	w->array[w->depth] = array;
	w->want_key = !array;
}

static void leave(struct walk *w)
{
	w->depth--;
	if (w->matched > w->depth)
		w->matched = w->depth;
}

static size_t line_of(const struct file *f)
{
	struct walk w = { .f = f, .line = 1 };

	for (size_t at = 0; at < f->len;) {
		char c = f->text[at];
		size_t end = c == '"' ? string_end(f->text, at) : at + 1;
		if (!isspace((unsigned char)c) && !strchr(":,]}", c) && is_step(&w, at, end) &&
		    ++w.matched == f->depth)
			return w.line;
		if (c == '{' || c == '[')
			enter(&w, c == '[');
		else if (c == '}' || c == ']')
			leave(&w);
		else if (c == ':')
			w.want_key = false;
		else if (c == ',') {
			w.index[w.depth]++;
			w.want_key = !w.array[w.depth];
			if (w.matched >= w.depth)
				w.matched = w.depth - 1;
		}
		w.line += c == '\n';
		at = end;
	}
	return w.line;
}

/* ---- What it says ---- */

static int at_line(const struct file *f, struct err *e)
{
	return err_prefix(e, "%s:%zu", f->name, line_of(f));
}

static void step_to(struct file *f, size_t depth, const char *key, size_t index)
{
	f->path[depth - 1] = (struct step){ key, index };
	f->depth = depth;
}

/* Values come as text, so that files and options are understood by one parser. */
static int store(struct file *f, const struct policy_key *key, void *base, json_t *value,
		 struct err *e)
{
	static const char *const kinds[] = {
		[POLICY_NUMBER] = "a number",
		[POLICY_INTEGER] = "a whole number",
		[POLICY_PERCENT] = "a percentage as a string, such as \"5%\"",
		[POLICY_BOOL] = "true or false",
	};
	bool fits = key->kind == POLICY_PERCENT ? json_is_string(value)
		    : key->kind == POLICY_BOOL  ? json_is_boolean(value)
						: json_is_number(value);
	if (!fits) {
		err_plain(e, -EINVAL, "%s must be %s", key->name, kinds[key->kind]);
		return at_line(f, e);
	}
	_cleanup_free_ char *dumped = NULL;
	const char *text = json_string_value(value);
	if (!text)
		text = dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	if (!text)
		return err_set(e, -ENOMEM, "cannot read '%s'", f->name);
	return policy_key_store(key, base, text, e) < 0 ? at_line(f, e) : 0;
}

static int expect(struct file *f, const char *what, bool is, const char *kind, struct err *e)
{
	if (is)
		return 0;
	err_plain(e, -EINVAL, "%s must be %s", what, kind);
	return at_line(f, e);
}

/* An object of floors; `total` tells whether there is one of the total among them. */
static int load_floors(struct file *f, json_t *object, bool total, struct gate_floors *floors,
		       struct err *e)
{
	const char *name;
	json_t *value;
	size_t depth = f->depth;
	int rc = 0;

	json_object_foreach(object, name, value)
	{
		const struct policy_key *key = policy_floor_find(name);
		step_to(f, depth + 1, name, 0);
		if (!key || (!total && strcmp(name, "total_floor") == 0)) {
			err_plain(e, -EINVAL,
				  "unknown key '%s': floors are %srelative_floor and "
				  "absolute_floor",
				  name, total ? "total_floor, " : "");
			return at_line(f, e);
		}
		rc = store(f, key, floors, value, e);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int load_metrics(struct gate_policy *p, struct file *f, json_t *object, struct err *e)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		step_to(f, 2, name, 0);
		int rc = expect(f, name, json_is_object(value), "an object of floors", e);
		if (rc < 0)
			return rc;
		struct gate_metric_policy *m = policy_metric(p, name);
		if (!m)
			return err_set(e, -ENOMEM, "cannot read '%s'", f->name);
		m->judged = true;
		rc = load_floors(f, value, true, &m->floors, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int load_functions(struct gate_policy *p, struct file *f, json_t *object, struct err *e)
{
	const char *pattern;
	json_t *value;
	size_t at = 0;

	json_object_foreach(object, pattern, value)
	{
		struct gate_floors floors = { NAN, NAN, NAN };
		int rc;
		step_to(f, 2, pattern, 0);
		if (json_is_object(value)) {
			rc = load_floors(f, value, false, &floors, e);
			step_to(f, 2, pattern, 0);
		} else {
			floors.absolute = 0;
			rc = store(f, policy_floor_find("relative_floor"), &floors, value, e);
		}
		if (rc == 0 && policy_function_add(p, at++, pattern, floors, e) < 0)
			rc = at_line(f, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int load_ignore(struct gate_policy *p, struct file *f, json_t *array, struct err *e)
{
	size_t i;
	json_t *value;

	json_array_foreach(array, i, value)
	{
		step_to(f, 2, NULL, i);
		int rc = expect(f, "a pattern", json_is_string(value), "a string", e);
		if (rc == 0 && policy_ignore_add(p, json_string_value(value), e) < 0)
			rc = at_line(f, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int load_member(struct gate_policy *p, struct file *f, const char *name, json_t *value,
		       struct err *e)
{
	const struct policy_key *key = policy_key_find(name);
	int rc;

	step_to(f, 1, name, 0);
	if (key)
		return store(f, key, p, value, e);
	if (strcmp(name, "metrics") == 0) {
		rc = expect(f, name, json_is_object(value), "an object", e);
		return rc < 0 ? rc : load_metrics(p, f, value, e);
	}
	if (strcmp(name, "functions") == 0) {
		rc = expect(f, name, json_is_object(value), "an object", e);
		return rc < 0 ? rc : load_functions(p, f, value, e);
	}
	if (strcmp(name, "ignore") == 0) {
		rc = expect(f, name, json_is_array(value), "an array of patterns", e);
		return rc < 0 ? rc : load_ignore(p, f, value, e);
	}
	err_plain(e, -EINVAL, "unknown key '%s'", name);
	return at_line(f, e);
}

int gate_policy_parse(struct gate_policy *p, const char *text, size_t len, const char *name,
		      struct err *e)
{
	struct file f = { .name = name, .text = text, .len = len };
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	const char *key;
	json_t *value;
	int rc = 0;

	if (!root)
		return err_plain(e, -EINVAL, "%s:%d: %s", name, error.line, error.text);
	if (!json_is_object(root))
		rc = err_plain(e, -EINVAL, "%s:1: a policy is an object: {...}", name);
	json_object_foreach(root, key, value)
	{
		if (rc == 0)
			rc = load_member(p, &f, key, value, e);
	}
	json_decref(root);
	return rc;
}

int gate_policy_load(struct gate_policy *p, const char *path, struct err *e)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	int rc = file_read_all(path, &text, e);

	return rc < 0 ? rc : gate_policy_parse(p, text.data ? text.data : "", text.len, path, e);
}
