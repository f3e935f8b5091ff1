// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/gate_outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/stdout_terminal.h"
#include "gate/render.h"

static const char *output_path(const struct gate_options *o, int output)
{
	const char *const paths[GATE_OUTPUTS] = {
		[GATE_OUTPUT_JSON] = o->json,
		[GATE_OUTPUT_JUNIT] = o->junit,
		[GATE_OUTPUT_MARKDOWN] = o->markdown,
		[GATE_OUTPUT_SVG] = o->svg,
	};

	return paths[output];
}

static bool is_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

int gate_outputs_open(struct gate_outputs *outputs, const struct gate_options *o, struct err *e)
{
	*outputs = (struct gate_outputs){ .o = o };
	for (int i = 0; i < GATE_OUTPUTS; i++) {
		const char *path = output_path(o, i);

		if (!path || is_stdout(path))
			continue;
		int rc = output_open(path, &outputs->files[i], e);
		if (rc < 0)
			return rc;
		outputs->open[i] = true;
	}
	return 0;
}

void gate_outputs_close(struct gate_outputs *outputs)
{
	for (int i = 0; i < GATE_OUTPUTS; i++)
		if (outputs->open[i])
			output_close(&outputs->files[i]);
}

/* The metric that a picture is of: the first of those with the worst outcome. */
static const char *metric_worst(const struct gate_verdict *v)
{
	vec_for_each(metric, &v->metrics)
		if (metric->outcome == v->outcome)
			return metric->name;
	return v->metrics.len ? v->metrics.items[0].name : "cpu";
}

static int render(int output, const struct gate_verdict *v, const struct gate_merge *merge,
		  struct buf *to, struct err *e)
{
	int rc;

	switch (output) {
	case GATE_OUTPUT_JSON:
		rc = gate_render_json(v, to);
		break;
	case GATE_OUTPUT_JUNIT:
		rc = gate_render_junit(v, to);
		break;
	case GATE_OUTPUT_MARKDOWN:
		rc = gate_render_markdown(v, to);
		break;
	default:
		return gate_merge_draw(merge, metric_worst(v), to, e);
	}
	return rc < 0 ? err_set(e, rc, "cannot tell the verdict") : 0;
}

/* Standard output is checked when it is flushed. */
static int output_write(struct gate_outputs *outputs, int output, const struct gate_verdict *v,
			const struct gate_merge *merge, struct err *e)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	bool to_stdout = is_stdout(output_path(outputs->o, output));

	if (!outputs->open[output] && !to_stdout)
		return 0;
	int rc = render(output, v, merge, &text, e);
	if (rc < 0)
		return rc;
	if (!to_stdout)
		return output_commit(&outputs->files[output], text.data, text.len, e);
	fwrite(text.data, 1, text.len, stdout);
	return 0;
}

static int print_table(const struct gate_options *o, const struct gate_verdict *v, struct err *e)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	struct gate_table_options options = { .all = o->all };

	if (isatty(STDOUT_FILENO)) {
		struct terminal t = stdout_terminal();
		options.colour = t.colors;
		options.width = (int)t.columns;
	}
	if (gate_render_table(v, &options, &text) < 0)
		return err_set(e, -ENOMEM, "cannot tell the verdict");
	fwrite(text.data, 1, text.len, stdout);
	return 0;
}

static bool has_file(const char *root, const char *name)
{
	_cleanup_close_ int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dir >= 0 && faccessat(dir, name, F_OK, 0) == 0;
}

/* Annotations name files below the checkout. */
static int print_github(const struct gate_verdict *v, struct err *e)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };
	const char *root = getenv("GITHUB_WORKSPACE");
	char here[PATH_MAX];

	if (!root || !*root)
		root = getcwd(here, sizeof(here));
	if (gate_render_github(v, root, has_file, &text) < 0)
		return err_set(e, -ENOMEM, "cannot tell the verdict");
	fwrite(text.data, 1, text.len, stdout);
	return 0;
}

int gate_outputs_write(struct gate_outputs *outputs, const struct gate_verdict *v,
		       const struct gate_merge *merge, struct err *e)
{
	const struct gate_options *o = outputs->o;
	int rc = 0;

	if (!o->quiet && !is_stdout(o->json) && !is_stdout(o->junit) && !is_stdout(o->markdown))
		rc = print_table(o, v, e);
	if (rc == 0 && o->github)
		rc = print_github(v, e);
	for (int i = 0; rc == 0 && i < GATE_OUTPUTS; i++)
		rc = output_write(outputs, i, v, merge, e);
	return rc;
}
