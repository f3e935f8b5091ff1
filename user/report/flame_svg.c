// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One SVG file that is drawn as it is, and comes to life where there is a browser: flame.js and
 * flame.css are in it.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/flame.h"
#include "report/flame_tree.h"
#include "report/path.h"
#include "report/utf8.h"

extern const char report_flame_js[], report_flame_js_end[];
extern const char report_flame_css[], report_flame_css_end[];

enum {
	WIDTH = 1200,
	ROW = 17,
	TOP = 64,      /* title, details, search */
	BOTTOM = 24,   /* notes */
	LABEL_MIN = 3, /* characters; a shorter label says nothing */
	FRAMES_MAX = 7000,
};

/* Of 12 pixel monospace fonts, some of which are 7.22 wide; flame.js has it too. */
static const double char_width = 7.25;

struct drawing {
	const struct report *r;
	struct graph *g;
	const struct flame_tree *t;
	const struct flame_options *o;
	FILE *out;
};

/* Text in XML: markup escaped, what XML 1.0 cannot hold replaced. At most `max` characters. */
static void put_xml(const char *text, size_t max, FILE *out)
{
	for (; *text && max > 0; max--) {
		unsigned char c = (unsigned char)*text;
		if (c == '&' || c == '<' || c == '>' || c == '"') {
			fprintf(out, "&#%u;", c);
			text++;
		} else if (c < 0x20 || c == 0x7f) {
			putc(' ', out);
			text++;
		} else if (strncmp(text, "\xef\xbf\xbe", 3) == 0 ||
			   strncmp(text, "\xef\xbf\xbf", 3) == 0) {
			fputs("\xef\xbf\xbd", out);
			text += 3;
		} else {
			utf8_put(&text, out);
		}
	}
}

static const char *frame_name(const struct drawing *d, const struct flame_frame *f)
{
	return f->node == GRAPH_NONE ? "all" : graph_name(d->g, f->node);
}

/* The package or namespace, or all of the name: what gets a colour of its own. */
static size_t package_length(const char *name)
{
	size_t end = strcspn(name, "(<[ "), len = 0;

	for (size_t i = 0; i < end; i++) {
		if (name[i] == '/' || name[i] == '.' || (name[i] == ':' && name[i + 1] == ':'))
			len = i;
	}
	return len ? len : end;
}

/* Kinds of profiles have colours of their own; packages differ a little within them. */
static void put_color(const struct drawing *d, const struct flame_frame *f)
{
	const char *name = frame_name(d, f);
	uint64_t hash = hash_bytes(name, package_length(name));
	unsigned hue = (unsigned)(hash % 1000), light = 62 + (unsigned)(hash / 1000 % 16);
	const char *type = d->r->sample_type, *unit = d->r->sample_unit;

	if (f->node == GRAPH_NONE) {
		fputs("#ddd", d->out);
	} else if (d->t->difference) {
		double sum = fabs((double)f->value) + fabs((double)f->base);
		double change = sum ? ((double)f->value - (double)f->base) / sum : 0;
		fprintf(d->out, "hsl(%d,%d%%,%d%%)", change < 0 ? 215 : 5, (int)(fabs(change) * 90),
			88 - (int)(fabs(change) * 30));
	} else if (strcmp(unit, "bytes") == 0 || strstr(type, "alloc") || strstr(type, "inuse")) {
		fprintf(d->out, "hsl(%u,55%%,%u%%)", 90 + hue * 60 / 1000, light);
	} else if (strstr(type, "contentions") || strstr(type, "delay") || strstr(type, "lock")) {
		fprintf(d->out, "hsl(%u,65%%,%u%%)", 195 + hue * 45 / 1000, light + 4);
	} else {
		fprintf(d->out, "hsl(%u,85%%,%u%%)", hue * 55 / 1000, light);
	}
}

static void put_title(const struct drawing *d, const struct flame_frame *f)
{
	char value[UNIT_LABEL_MAX], share[UNIT_LABEL_MAX];

	fputs("<title>", d->out);
	put_xml(frame_name(d, f), SIZE_MAX, d->out);
	report_format(d->r, f->value, value);
	unit_percentage(share, f->value, d->r->total);
	putc('\n', d->out);
	put_xml(value, SIZE_MAX, d->out);
	fprintf(d->out, ", %s", share + strspn(share, " "));
	if (d->t->difference) {
		report_format(d->r, f->base, value);
		fputs(", base ", d->out);
		put_xml(value, SIZE_MAX, d->out);
	}
	if (f->inlined)
		fputs(", inlined", d->out);
	if (f->folded)
		fprintf(d->out, ", %u narrow frames not shown", f->folded);
	fputs("</title>", d->out);
}

static double to_pixels(const struct drawing *d, uint64_t v)
{
	return (double)v * WIDTH / (double)d->t->frames.items[0].width;
}

static void put_frame(const struct drawing *d, const struct flame_frame *f)
{
	double x = to_pixels(d, f->start), width = to_pixels(d, f->width);
	uint32_t row = d->o->inverted ? d->t->depth - f->depth : f->depth;
	unsigned y = TOP + row * ROW;
	size_t fits = width > 4 ? (size_t)((width - 4) / char_width) : 0;
	const char *name = frame_name(d, f);

	fprintf(d->out, "<g class=\"f%s\" data-d=\"%u\" data-p=\"%d\">", f->inlined ? " i" : "",
		f->depth, f->parent == GRAPH_NONE ? -1 : (int)f->parent);
	put_title(d, f);
	fprintf(d->out, "<rect x=\"%.2f\" y=\"%u\" width=\"%.3f\" height=\"%d\" fill=\"", x, y,
		width, ROW - 1);
	put_color(d, f);
	fputs("\"/>", d->out);
	if (fits >= LABEL_MIN) {
		bool cut = utf8_count(name, strlen(name)) > fits;
		fprintf(d->out, "<text x=\"%.2f\" y=\"%u\">", x + 3, y + 12);
		put_xml(name, cut ? fits - 1 : fits, d->out);
		fputs(cut ? "…</text>" : "</text>", d->out);
	}
	fputs("</g>\n", d->out);
}

static void put_heading(const struct drawing *d, unsigned height)
{
	const struct profile *p = d->r->profile;
	const char *file = p->mappings.len ? profile_str(p, p->mappings.items[0].filename) : "";
	_cleanup_free_ char *base = path_base(file[0] ? file : "profile");
	char total[UNIT_LABEL_MAX];

	fprintf(d->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" "
		"viewBox=\"0 0 %d %u\" data-width=\"%d\"%s>\n<style>",
		WIDTH, height, WIDTH, height, WIDTH, d->o->inverted ? " data-inverted=\"\"" : "");
	fwrite(report_flame_css, 1, (size_t)(report_flame_css_end - report_flame_css), d->out);
	fputs("</style>\n<text class=\"title\" x=\"6\" y=\"22\">", d->out);
	if (d->o->title) {
		put_xml(d->o->title, 120, d->out);
	} else {
		report_format(d->r, d->r->total, total);
		put_xml(base ? base : "profile", 100, d->out);
		fputs(": ", d->out);
		put_xml(d->r->sample_type, 40, d->out);
		fputs(", ", d->out);
		put_xml(total, 40, d->out);
	}
	fputs("</text>\n<text id=\"details\" x=\"6\" y=\"52\"> </text>\n", d->out);
	fputs("<text id=\"back\" class=\"button off\" x=\"730\" y=\"22\">back</text>\n"
	      "<text id=\"reset\" class=\"button off\" x=\"770\" y=\"22\">reset</text>\n"
	      "<text id=\"matched\" class=\"note\" x=\"980\" y=\"52\"> </text>\n"
	      "<foreignObject x=\"980\" y=\"8\" width=\"212\" height=\"26\">"
	      "<input xmlns=\"http://www.w3.org/1999/xhtml\" id=\"search\" "
	      "placeholder=\"search (regular expression)\"/></foreignObject>\n",
	      d->out);
}

static void put_notes(const struct drawing *d, unsigned height)
{
	fprintf(d->out, "<text class=\"note\" x=\"6\" y=\"%u\">", height - 8);
	if (d->t->folded)
		fprintf(d->out, "%zu frames narrower than a pixel are not shown. ", d->t->folded);
	if (d->t->difference)
		fputs("Widths: profile and base together; red grew, blue shrank. ", d->out);
	fputs("Click zooms; / searches; Esc resets; arrows, Enter, Backspace.</text>\n", d->out);
}

int flame_print_svg(struct report *r, const struct flame_options *o, FILE *out, struct err *e)
{
	_cleanup_(graph_deinit) struct graph g = { 0 };
	_cleanup_(flame_tree_deinit) struct flame_tree t = { 0 };
	int rc = graph_init(&g, r, e);
	if (rc == 0)
		rc = flame_tree_init(&t, r, &g, WIDTH, FRAMES_MAX, e);
	if (rc < 0)
		return rc;
	struct drawing d = { r, &g, &t, o, out };
	unsigned height = TOP + (t.depth + 1) * ROW + BOTTOM;
	put_heading(&d, height);
	/* Without weight there is nothing to draw but the root. */
	if (t.frames.items[0].width == 0)
		t.frames.items[0].width = 1;
	vec_for_each(f, &t.frames)
		put_frame(&d, f);
	put_notes(&d, height);
	fputs("<script><![CDATA[\n", out);
	fwrite(report_flame_js, 1, (size_t)(report_flame_js_end - report_flame_js), out);
	fputs("]]></script>\n</svg>\n", out);
	return 0;
}
