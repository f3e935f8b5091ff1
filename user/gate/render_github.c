// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Workflow commands: docs.github.com, "Workflow commands for GitHub Actions". */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "gate/escape.h"
#include "gate/render.h"
#include "gate/words.h"

enum level { LEVEL_NONE, LEVEL_ERROR, LEVEL_WARNING, LEVEL_NOTICE };

#define LEVEL_MAX 10 /* annotations of a level in a step; GitHub drops the rest */

struct printer {
	struct buf *to;
	const char *root;
	bool (*has)(const char *root, const char *name);
	size_t counts[LEVEL_NOTICE + 1];
};

static enum level outcome_level(enum gate_outcome o)
{
	static const enum level levels[] = {
		[GATE_PASS] = LEVEL_NONE,        [GATE_IMPROVED] = LEVEL_NOTICE,
		[GATE_MOVED] = LEVEL_NOTICE,     [GATE_INCONCLUSIVE] = LEVEL_WARNING,
		[GATE_REGRESSION] = LEVEL_ERROR,
	};
	return levels[o];
}

static enum level row_level(const struct gate_metric *m, const struct gate_row *r)
{
	static const enum level levels[] = {
		[GATE_SAME] = LEVEL_NONE,       [GATE_REGRESSED] = LEVEL_ERROR,
		[GATE_BETTER] = LEVEL_NOTICE,   [GATE_ROW_MOVED] = LEVEL_NONE,
		[GATE_CALLEES] = LEVEL_NONE,    [GATE_SUSPECT] = LEVEL_ERROR,
		[GATE_WARNING] = LEVEL_WARNING, [GATE_IGNORED] = LEVEL_NONE,
	};
	enum level level = levels[r->state];

	/* Nothing is sure of a metric without a verdict. */
	return m->outcome == GATE_INCONCLUSIVE && level == LEVEL_ERROR ? LEVEL_WARNING : level;
}

/* The name of a file below the root; NULL: GitHub would not know it. */
static const char *relative_path(const char *root, const char *file)
{
	if (*file && *file != '/')
		return strncmp(file, "./", 2) == 0 ? file + 2 : file;
	if (!*file || !root || *root != '/')
		return NULL;
	size_t len = strlen(root);
	while (len > 0 && root[len - 1] == '/')
		len--;
	return strncmp(file, root, len) == 0 && file[len] == '/' ? file + len + 1 : NULL;
}

/* The name of a row's file in the root; NULL: it is not there. */
static const char *row_path(const struct printer *p, const struct gate_row *row)
{
	const char *path = relative_path(p->root, row->file);

	return path && p->has && !(p->root && p->has(p->root, path)) ? NULL : path;
}

/* `::error file=src/a.c,line=3,title=cprofbpf gate%3A cpu::text` */
static void print_command(struct printer *p, enum level level, const struct gate_metric *m,
			  const struct gate_row *row, const struct buf *text)
{
	static const char *const names[] = { "", "error", "warning", "notice" };
	const char *path = row ? row_path(p, row) : NULL;

	if (text->error)
		p->to->error = text->error;
	if (level == LEVEL_NONE || p->counts[level]++ >= LEVEL_MAX)
		return;
	buf_printf(p->to, "::%s ", names[level]);
	if (path) {
		buf_printf(p->to, "file=");
		escape_add(p->to, ESCAPE_PROPERTY, path, 0);
		buf_printf(p->to, ",");
	}
	if (path && row->line > 0)
		buf_printf(p->to, "line=%" PRId64 ",", row->line);
	buf_printf(p->to, "title=cprofbpf gate%%3A ");
	escape_add(p->to, ESCAPE_PROPERTY, m->name, 0);
	buf_printf(p->to, "::");
	escape_add(p->to, ESCAPE_COMMAND, text->len ? text->data : "", 0);
	buf_printf(p->to, "\n");
}

static void print_metric(struct printer *p, const struct gate_metric *m)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };

	buf_printf(&text, "%s: ", gate_outcome_name(m->outcome));
	words_total(&text, m);
	vec_for_each(reason, &m->reasons)
		if (reason_tells(m, reason))
			buf_printf(&text, "; %s", reason->text);
	print_command(p, outcome_level(m->outcome), m, NULL, &text);
}

static void print_rows(struct printer *p, const struct gate_metric *m)
{
	vec_for_each(row, &m->rows) {
		_cleanup_(buf_deinit) struct buf text = { 0 };
		if (!row->culprit && !row_path(p, row))
			continue;
		words_row(&text, row, m->unit);
		print_command(p, row_level(m, row), m, row, &text);
	}
}

int gate_render_github(const struct gate_verdict *v, const char *root,
		       bool (*has)(const char *root, const char *name), struct buf *to)
{
	struct printer p = { .to = to, .root = root, .has = has };

	vec_for_each(m, &v->metrics)
		print_metric(&p, m);
	vec_for_each(m, &v->metrics)
		print_rows(&p, m);
	return to->error;
}
