// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* For kcachegrind: go tool pprof -callgrind. The format is that of valgrind's manual. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/build.h"
#include "report/graph.h"
#include "report/labels.h"

struct callgrind {
	struct report *r;
	struct graph *g;
	struct map objfiles, files, names; /* string -> uint32_t number */
	char **node_names;                 /* by node */
	FILE *out;
};

/* A name is written out once: "(3) name", then "(3)". */
static void put_name(struct callgrind *c, const char *what, struct map *known, const char *name)
{
	struct profile *p = c->g->profile;
	uint32_t string = profile_intern_cstr(p, name);
	bool added;

	fprintf(c->out, "%s=", what);
	if (name[0]) {
		uint32_t *number = map_put(known, &string, &added);
		if (!number) {
			p->build_error = -ENOMEM;
			return;
		}
		if (added)
			*number = (uint32_t)known->len;
		fprintf(c->out, added ? "(%u) %s" : "(%u)", *number, name);
	}
	putc('\n', c->out);
}

/* Relative to the node before where that is shorter. */
static void put_address(struct callgrind *c, const struct graph_info *previous, uint64_t address)
{
	char absolute[32], relative[32];

	snprintf(absolute, sizeof(absolute), "0x%" PRIx64, address);
	if (previous && previous->address == address) {
		putc('*', c->out);
		return;
	}
	if (previous) {
		snprintf(relative, sizeof(relative), "%+" PRId64,
			 (int64_t)(address - previous->address));
		if (strlen(relative) < strlen(absolute)) {
			fputs(relative, c->out);
			return;
		}
	}
	fputs(absolute, c->out);
}

static int64_t scaled(const struct callgrind *c, int64_t v)
{
	const char *unit;

	return unit_truncate(unit_scale(v, c->r->sample_unit, c->r->output_unit, &unit));
}

static void put_calls(struct callgrind *c, const struct graph_node *n,
		      const struct graph_info *previous)
{
	const struct profile *p = c->g->profile;

	graph_sort_edges(c->g, n->out, n->out_len);
	for (size_t i = 0; i < n->out_len; i++) {
		const struct graph_edge *e = &c->g->edges.items[n->out[i]];
		const struct graph_info *callee = &c->g->nodes.items[e->dest].info;
		if (e->removed)
			continue;
		put_name(c, "cfl", &c->files, profile_str(p, callee->file));
		put_name(c, "cfn", &c->names, c->node_names[e->dest] ? c->node_names[e->dest] : "");
		fputs("calls=0 ", c->out);
		put_address(c, previous, callee->address);
		fprintf(c->out, " %" PRId64 "\n* * %" PRId64 "\n", callee->line,
			scaled(c, e->weight));
	}
}

static void put_nodes(struct callgrind *c)
{
	const struct profile *p = c->g->profile;
	const struct graph_info *previous = NULL;

	for (size_t i = 0; i < c->g->order_len; i++) {
		const struct graph_node *n = &c->g->nodes.items[c->g->order[i]];
		if (!previous || n->info.objfile != previous->objfile ||
		    n->info.file != previous->file || n->info.name != previous->name) {
			putc('\n', c->out);
			put_name(c, "ob", &c->objfiles, profile_str(p, n->info.objfile));
			put_name(c, "fl", &c->files, profile_str(p, n->info.file));
			put_name(c, "fn", &c->names, profile_str(p, n->info.name));
		}
		put_address(c, previous, n->info.address);
		fprintf(c->out, " %" PRId64 " %" PRId64 "\n", n->info.line,
			scaled(c, graph_flat(n)));
		put_calls(c, n, previous);
		previous = &n->info;
	}
}

/* Callgrind takes functions of one name and file for one; those that are several get a number. */
struct name_key {
	uint32_t name, file;
};

struct variant_key {
	uint32_t name, file;
	uint32_t objfile, parent; /* parent: in a call tree */
	int64_t start_line, column;
};

static struct variant_key variant_of(const struct graph *g, uint32_t node)
{
	const struct graph_info *info = &g->nodes.items[node].info;
	bool whole = info->address == 0 && info->line == 0;

	return (struct variant_key){
		.name = info->name,
		.file = info->file,
		.objfile = info->objfile,
		.parent = g->parents ? g->parents[node] : 0,
		.start_line = info->start_line,
		/* What has no place stands for itself, also if it has a column. */
		.column = whole ? info->column : 0,
	};
}

static int number_names(struct callgrind *c, struct map *counts, struct map *variants)
{
	const struct graph *g = c->g;

	for (size_t i = 0; i < g->order_len; i++) {
		struct variant_key key = variant_of(g, g->order[i]);
		struct name_key name = { key.name, key.file };
		bool added;
		uint32_t *number = map_put(variants, &key, &added);
		uint32_t *count = map_put(counts, &name, NULL);
		if (!number || !count)
			return -ENOMEM;
		if (added)
			*number = ++*count;
	}
	for (size_t i = 0; i < g->order_len; i++) {
		struct variant_key key = variant_of(g, g->order[i]);
		struct name_key name = { key.name, key.file };
		uint32_t number = *(uint32_t *)map_find(variants, &key);
		uint32_t count = *(uint32_t *)map_find(counts, &name);
		const char *text = profile_str(g->profile, key.name);
		char **to = &c->node_names[g->order[i]];
		int rc = count > 1 ? asprintf(to, "%s [%u/%u]", text, number, count)
				   : asprintf(to, "%s", text);
		if (rc < 0) {
			*to = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

static int print_all(struct callgrind *c)
{
	struct map counts, variants;

	map_init(&counts, sizeof(struct name_key), sizeof(uint32_t));
	map_init(&variants, sizeof(struct variant_key), sizeof(uint32_t));
	int rc = number_names(c, &counts, &variants);
	map_deinit(&counts);
	map_deinit(&variants);
	if (rc < 0)
		return rc;
	fprintf(c->out, "positions: instr line\nevents: %s(%s)\n", c->r->sample_type,
		c->r->output_unit);
	put_nodes(c);
	return profile_build_error(c->g->profile);
}

int report_print_callgrind(struct report *r, FILE *out, struct err *e)
{
	_cleanup_(graph_deinit) struct graph g = { 0 };
	struct graph_trimmed trimmed;
	int rc = graph_init_trimmed(&g, r, true, &trimmed, e);
	if (rc < 0)
		return rc;
	labels_select_unit(r, &g);
	struct callgrind c = { .r = r, .g = &g, .out = out };
	map_init(&c.objfiles, sizeof(uint32_t), sizeof(uint32_t));
	map_init(&c.files, sizeof(uint32_t), sizeof(uint32_t));
	map_init(&c.names, sizeof(uint32_t), sizeof(uint32_t));
	c.node_names = calloc(g.nodes.len + 1, sizeof(*c.node_names));
	rc = c.node_names ? print_all(&c) : -ENOMEM;
	for (size_t i = 0; c.node_names && i < g.nodes.len; i++)
		free(c.node_names[i]);
	free(c.node_names);
	map_deinit(&c.objfiles);
	map_deinit(&c.files);
	map_deinit(&c.names);
	return rc < 0 ? err_set(e, rc, "cannot print the call graph") : 0;
}
