// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/build.h"
#include "report/path.h"

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "cannot build the call graph");
}

/* The number of the first string of the same content. */
static uint32_t unique_string(struct profile *p, uint32_t string)
{
	size_t len = profile_str_len(p, string);

	return len ? profile_intern(p, profile_str(p, string), len) : 0;
}

static uint32_t mapping_file(struct profile *p, const struct profile_location *l)
{
	if (l->mapping == PROFILE_NONE)
		return 0;
	return unique_string(p, p->mappings.items[l->mapping].filename);
}

/* File names are compared in their shortest form. */
static uint32_t clean_file(struct profile *p, uint32_t string, const struct report *r)
{
	const struct report_options *o = &r->options;

	if (profile_str_len(p, string) == 0)
		return 0;
	const char *path = profile_str(p, string);
	if (r->kind != REPORT_TRACES)
		path = path_trim(path, o->trim_path, o->source_path);
	if (!path[0])
		return 0;
	_cleanup_free_ char *clean = path_clean(path);
	if (!clean) {
		p->build_error = -ENOMEM;
		return 0;
	}
	return profile_intern_cstr(p, clean);
}

/* Reports that go on to the binaries keep functions of several of them apart. */
static bool keeps_objfiles(const struct report *r)
{
	return r->kind == REPORT_LIST || r->kind == REPORT_CALLGRIND;
}

static struct graph_info frame_info(struct profile *p, const struct profile_location *l,
				    const struct profile_line *line, const struct report *r)
{
	struct graph_info info = { .address = l->address };

	if (!line) {
		info.objfile = mapping_file(p, l);
		return info;
	}
	struct profile_function f = p->functions.items[line->function];
	info.line = line->line;
	info.column = line->column;
	info.name = unique_string(p, f.name);
	info.file = clean_file(p, f.filename, r);
	if (keeps_objfiles(r) || info.name == 0) {
		info.objfile = mapping_file(p, l);
		info.start_line = f.start_line;
	}
	return info;
}

static int add_frame(struct graph *g, const struct graph_info *info)
{
	bool added;
	uint32_t *node = map_put(g->by_info, info, &added);
	if (!node)
		return -ENOMEM;
	if (added) {
		*node = (uint32_t)g->nodes.len;
		if (vec_push(&g->nodes, (struct graph_node){ .info = *info }) < 0)
			return -ENOMEM;
	}
	return vec_push(&g->frames, *node);
}

static int add_location(struct graph *g, const struct report *r, const struct profile_location *l)
{
	struct profile *p = r->profile;
	int rc = 0;

	if (l->line_count == 0) {
		struct graph_info info = frame_info(p, l, NULL, r);
		rc = add_frame(g, &info);
	}
	for (size_t i = 0; i < l->line_count && rc == 0; i++) {
		struct graph_info info = frame_info(p, l, &profile_lines(p, l)[i], r);
		rc = add_frame(g, &info);
	}
	return rc < 0 ? rc : vec_push(&g->frame_ends, g->frames.len);
}

int graph_init(struct graph *g, const struct report *r, struct err *e)
{
	struct profile *p = r->profile;
	struct map by_info;
	int rc = 0;

	*g = (struct graph){ .profile = p, .by_info = &by_info };
	map_init(&by_info, sizeof(struct graph_info), sizeof(uint32_t));
	for (size_t i = 0; i < p->locations.len && rc == 0; i++)
		rc = add_location(g, r, &p->locations.items[i]);
	map_deinit(&by_info);
	g->by_info = NULL;
	if (rc == 0)
		rc = profile_build_error(p);
	g->order = malloc((g->nodes.len + 1) * sizeof(*g->order));
	if (r->kind == REPORT_DOT && p->labels.len > 0) {
		g->tags = malloc(sizeof(*g->tags));
		if (g->tags)
			graph_tags_init(g->tags);
		else
			rc = -ENOMEM;
	}
	if (rc < 0 || !g->order) {
		graph_deinit(g);
		return no_memory(e);
	}
	return 0;
}

void graph_deinit(struct graph *g)
{
	vec_for_each(n, &g->nodes)
		free(n->name);
	vec_deinit(&g->nodes);
	vec_deinit(&g->edges);
	vec_deinit(&g->frames);
	vec_deinit(&g->frame_ends);
	free(g->order);
	free(g->adjacency);
	free(g->parents);
	free(g->functions);
	if (g->tags)
		graph_tags_deinit(g->tags);
	free(g->tags);
	*g = (struct graph){ 0 };
}

/* The edges while they are found: a hash table by their two ends. src is GRAPH_NONE in a free slot.
 */
struct edge_table {
	struct graph_edge *slots;
	size_t count, used; /* count is a power of two; a quarter at least is free */
};

static struct graph_edge *edge_find(const struct edge_table *t, uint32_t src, uint32_t dest)
{
	uint64_t key = ((uint64_t)src << 32 | dest) * 0x9e3779b97f4a7c15ULL;
	size_t i = (key >> 32) & (t->count - 1);

	while (t->slots[i].src != GRAPH_NONE &&
	       (t->slots[i].src != src || t->slots[i].dest != dest))
		i = (i + 1) & (t->count - 1);
	return &t->slots[i];
}

/* Make an array of the table, and give the memory of the free slots back. */
static void edge_table_pack(struct edge_table *t)
{
	size_t len = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (t->slots[i].src != GRAPH_NONE)
			t->slots[len++] = t->slots[i];
	}
	struct graph_edge *smaller = realloc(t->slots, (len + 1) * sizeof(*smaller));
	if (smaller)
		t->slots = smaller;
	t->count = len;
}

static int edge_table_grow(struct edge_table *t)
{
	struct edge_table grown = { .count = t->count ? t->count * 2 : 1024, .used = t->used };

	edge_table_pack(t);
	grown.slots = malloc(grown.count * sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < grown.count; i++)
		grown.slots[i].src = GRAPH_NONE;
	for (size_t i = 0; i < t->count; i++)
		*edge_find(&grown, t->slots[i].src, t->slots[i].dest) = t->slots[i];
	free(t->slots);
	*t = grown;
	return 0;
}

/* What changes with every frame of every sample, apart from the rest so that it stays cached. */
struct weight {
	int64_t cum, cum_div, flat, flat_div;
	uint32_t seen; /* the last sample that has the node, + 1 */
	bool kept;
};

struct builder {
	struct graph *g;
	struct weight *weights;
	struct edge_table edges;
	bool want_edges;
};

static int add_edge(struct builder *b, uint32_t src, uint32_t dest, uint32_t stamp, int64_t w,
		    int64_t dw, bool residual, bool inlined)
{
	struct graph_edge *s = edge_find(&b->edges, src, dest);

	if (s->src == GRAPH_NONE) {
		if ((b->edges.used + 1) * 4 > b->edges.count * 3) {
			if (edge_table_grow(&b->edges) < 0)
				return -ENOMEM;
			s = edge_find(&b->edges, src, dest);
		}
		b->edges.used++;
		*s = (struct graph_edge){ .src = src, .dest = dest, .inlined = inlined };
	} else if (s->seen == stamp) {
		return 0; /* counted for this sample */
	}
	s->seen = stamp;
	s->residual |= residual;
	s->inlined &= inlined;
	s->weight = report_add(s->weight, w);
	s->weight_div = report_add(s->weight_div, dw);
	return 0;
}

/* Walk a stack from its root; a node or an edge counts once however often the sample has it. */
static int add_sample(void *context, size_t sample, int64_t w, int64_t dw)
{
	struct builder *b = context;
	const struct graph *g = b->g;
	uint32_t stamp = (uint32_t)sample + 1, parent = GRAPH_NONE;
	bool residual = false;
	size_t depth;
	const uint32_t *stack = profile_stack(g->profile, sample, &depth);

	for (size_t i = depth; i-- > 0;) {
		size_t first = stack[i] ? g->frame_ends.items[stack[i] - 1] : 0;
		size_t end = g->frame_ends.items[stack[i]];
		for (size_t k = end; k-- > first;) {
			uint32_t node = g->frames.items[k];
			struct weight *n = &b->weights[node];
			if (!n->kept) {
				residual = true;
				continue;
			}
			if (n->seen != stamp) {
				n->seen = stamp;
				n->cum = report_add(n->cum, w);
				n->cum_div = report_add(n->cum_div, dw);
				if (g->tags && graph_tags_add(g->tags, node, w, dw, false) < 0)
					return -ENOMEM;
			}
			if (b->want_edges && parent != GRAPH_NONE && parent != node &&
			    add_edge(b, parent, node, stamp, w, dw, residual, k != end - 1) < 0)
				return -ENOMEM;
			parent = node;
			residual = false;
		}
	}
	if (parent != GRAPH_NONE && !residual) {
		struct weight *n = &b->weights[parent];
		n->flat = report_add(n->flat, w);
		n->flat_div = report_add(n->flat_div, dw);
		if (g->tags && graph_tags_add(g->tags, parent, w, dw, true) < 0)
			return -ENOMEM;
	}
	return 0;
}

int graph_add_samples(struct graph *g, const struct report *r,
		      int (*add)(void *context, size_t sample, int64_t w, int64_t dw),
		      void *context)
{
	struct graph_tags *tags = g->tags;

	if (tags)
		graph_tags_clear(tags);
	for (size_t i = 0; i < r->profile->sample_count; i++) {
		int64_t w = report_value(r, i), dw = report_divisor(r, i);
		if (w == 0 && dw == 0)
			continue;
		if ((tags && graph_tags_begin(tags, r, i) < 0) || add(context, i, w, dw) < 0)
			return -ENOMEM;
	}
	if (tags)
		graph_tags_end(tags);
	return 0;
}

bool graph_has(const struct graph_node *n, const struct report *r)
{
	int64_t w = n->flat ? n->flat : n->cum;

	return w > 0 || (w < 0 && !r->options.drop_negative);
}

static void take_nodes(struct builder *b, const struct report *r)
{
	struct graph *g = b->g;

	g->order_len = 0;
	for (size_t i = 0; i < g->nodes.len; i++) {
		struct graph_node *n = &g->nodes.items[i];
		const struct weight *w = &b->weights[i];
		n->flat = w->flat;
		n->flat_div = w->flat_div;
		n->cum = w->cum;
		n->cum_div = w->cum_div;
		if (graph_has(n, r))
			g->order[g->order_len++] = (uint32_t)i;
	}
}

int graph_link(struct graph *g)
{
	vec_for_each(n, &g->nodes)
		n->in_len = n->out_len = 0;
	vec_for_each(e, &g->edges) {
		g->nodes.items[e->src].out_len++;
		g->nodes.items[e->dest].in_len++;
	}
	free(g->adjacency);
	g->adjacency = malloc((g->edges.len * 2 + 1) * sizeof(*g->adjacency));
	if (!g->adjacency)
		return -ENOMEM;
	uint32_t *next = g->adjacency;
	vec_for_each(n, &g->nodes) {
		n->in = next;
		n->out = next + n->in_len;
		next = n->out + n->out_len;
		n->in_len = n->out_len = 0;
	}
	for (size_t i = 0; i < g->edges.len; i++) {
		struct graph_node *src = &g->nodes.items[g->edges.items[i].src];
		struct graph_node *dest = &g->nodes.items[g->edges.items[i].dest];
		src->out[src->out_len++] = (uint32_t)i;
		dest->in[dest->in_len++] = (uint32_t)i;
	}
	return 0;
}

static int take_edges(struct builder *b)
{
	struct graph *g = b->g;

	edge_table_pack(&b->edges);
	vec_deinit(&g->edges);
	g->edges.items = steal(b->edges.slots);
	g->edges.len = g->edges.cap = b->edges.count;
	return graph_link(g);
}

int graph_build(struct graph *g, const struct report *r, const bool *kept, bool edges,
		struct err *e)
{
	_cleanup_free_ struct weight *weights = calloc(g->nodes.len + 1, sizeof(*weights));
	struct builder b = { .g = g, .weights = weights, .want_edges = edges };

	if (!weights || edge_table_grow(&b.edges) < 0)
		return no_memory(e);
	for (size_t i = 0; i < g->nodes.len; i++)
		weights[i].kept = !kept || kept[i];
	int rc = graph_add_samples(g, r, add_sample, &b);
	take_nodes(&b, r);
	if (rc == 0)
		rc = take_edges(&b);
	free(b.edges.slots);
	return rc < 0 ? no_memory(e) : 0;
}

int64_t graph_total(const struct graph *g)
{
	int64_t total = 0;

	for (size_t i = 0; i < g->order_len; i++)
		total = report_add(total, graph_flat(&g->nodes.items[g->order[i]]));
	return total;
}
