// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/report_options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/say.h"
#include "cmd/suggest.h"

enum kind {
	FLAG,
	STRING,
	NUMBER,    /* long */
	FRACTION,  /* double */
	LIVE,      /* an option of the capture, with a value */
	LIVE_FLAG, /* one without */
	LIST,      /* may be given several times */
	SORT,
	GRANULARITY,
	VALUE,   /* a flag that chooses sample_index: the option's constant */
	SORTED,  /* a flag that chooses the order */
	GRAINED, /* a flag that chooses the granularity */
	TRIM,
	/* Lines of the help alone. */
	PART,        /* the title of the options that follow */
	PART_LOADED, /* the same; not for verbs that take two files and nothing else */
	REMARK,
};

struct option {
	const char *name; /* NULL: a line of the help */
	enum kind kind;
	size_t offset; /* in struct report_args */
	const char *constant;
	const char *value; /* what it takes, in the help; "" for flags */
	const char *help;  /* NULL: not in the help */
};

#define OPTION(name, kind, field, value, help)                                                     \
	{                                                                                          \
		name, kind, offsetof(struct report_args, field), NULL, value, help                 \
	}
#define CHOICE(name, kind, constant, value, help)                                                  \
	{                                                                                          \
		name, kind, 0, constant, value, help                                               \
	}
#define LINE(kind, help)                                                                           \
	{                                                                                          \
		NULL, kind, 0, NULL, NULL, help                                                    \
	}

static const struct option options[] = {
	LINE(PART, "Which value"),
	OPTION("sample_index", STRING, options.sample_index, "TYPE",
	       "the value to report, by name or number"),
	OPTION("mean", FLAG, options.mean, "",
	       "divide values by the first value (samples, objects)"),
	OPTION("divide_by", FRACTION, options.divide_by, "F", "divide all values by F"),
	OPTION("unit", STRING, options.unit, "UNIT",
	       "the unit to print: ms, s, kB, MB, auto, minimum"),
	/* In pprof's order: of several the first is taken. */
	CHOICE("total_delay", VALUE, "delay", NULL, NULL),
	CHOICE("mean_delay", VALUE, "delay", NULL, NULL),
	CHOICE("contentions", VALUE, "contentions", NULL, NULL),
	CHOICE("inuse_space", VALUE, "inuse_space", NULL, NULL),
	CHOICE("inuse_objects", VALUE, "inuse_objects", NULL, NULL),
	CHOICE("alloc_space", VALUE, "alloc_space", NULL, NULL),
	CHOICE("alloc_objects", VALUE, "alloc_objects", NULL, NULL),
	LINE(REMARK, "-inuse_space, -inuse_objects, -alloc_space, -alloc_objects, -contentions,"),
	LINE(REMARK, "-total_delay, -mean_delay   the same as -sample_index=..."),

	LINE(PART, "Which samples and frames (RE: a regular expression)"),
	OPTION("focus", STRING, options.focus, "RE", "only samples with a matching frame"),
	OPTION("ignore", STRING, options.ignore, "RE", "no samples with a matching frame"),
	OPTION("show", STRING, options.show, "RE", "only matching frames"),
	OPTION("hide", STRING, options.hide, "RE", "no matching frames"),
	OPTION("show_from", STRING, options.show_from, "RE",
	       "cut off what is above the first match"),
	OPTION("prune_from", STRING, options.prune_from, "RE", "cut off what matching frames call"),
	OPTION("noinlines", FLAG, options.no_inlines, "", "charge inlined calls to their callers"),
	OPTION("all_frames", FLAG, options.all_frames, "", "ignore the profile's drop_frames"),
	OPTION("tagfocus", STRING, options.tag_focus, "T",
	       "only samples with a label: RE, key=RE, 32kb:64kb"),
	OPTION("tagignore", STRING, options.tag_ignore, "T", "no samples with such a label"),
	OPTION("tagshow", STRING, options.tag_show, "RE", "only labels with a matching key"),
	OPTION("taghide", STRING, options.tag_hide, "RE", "no labels with a matching key"),
	OPTION("tagroot", STRING, options.tag_root, "KEYS", "frames made of labels, at the root"),
	OPTION("tagleaf", STRING, options.tag_leaf, "KEYS", "frames made of labels, at the leaf"),

	LINE(PART, "How to show them"),
	CHOICE("cum", SORTED, "cum", "", "order by cumulative values: the same as -sort=cum"),
	CHOICE("flat", SORTED, "flat", "", "order by own values: the same as -sort=flat"),
	OPTION("sort", SORT, options.cum_sort, "BY", "flat or cum"),
	OPTION("nodecount", NUMBER, options.node_count, "N", "show at most N nodes; 0: all"),
	OPTION("nodefraction", FRACTION, options.node_fraction, "F",
	       "hide nodes below F*total (default 0.005)"),
	OPTION("edgefraction", FRACTION, options.edge_fraction, "F",
	       "hide edges below F*total (default 0.001)"),
	OPTION("trim", TRIM, options.no_trim, "", "-trim=false: show all nodes and edges"),
	OPTION("granularity", GRANULARITY, options.granularity, "G",
	       "functions, filefunctions, files, lines, addresses"),
	CHOICE("functions", GRAINED, "functions", NULL, NULL),
	CHOICE("filefunctions", GRAINED, "filefunctions", NULL, NULL),
	CHOICE("files", GRAINED, "files", NULL, NULL),
	CHOICE("lines", GRAINED, "lines", NULL, NULL),
	CHOICE("addresses", GRAINED, "addresses", NULL, NULL),
	LINE(REMARK, "-functions, -filefunctions, -files, -lines, -addresses   the same"),
	OPTION("showcolumns", FLAG, options.show_columns, "", "tell columns of a line apart"),
	OPTION("call_tree", FLAG, options.call_tree, "", "keep contexts apart (dot, callgrind)"),
	OPTION("relative_percentages", FLAG, options.relative_percentages, "",
	       "shares of what filters leave"),
	OPTION("drop_negative", FLAG, options.drop_negative, "",
	       "hide what is negative in a difference"),
	OPTION("compact_labels", FLAG, options.compact_labels, "", "a short header"),
	OPTION("source_path", STRING, options.source_path, "DIRS",
	       "where to look for sources (list)"),
	OPTION("trim_path", STRING, options.trim_path, "DIRS",
	       "prefixes to take from source names"),
	OPTION("text", FLAG, text_flame, "", "flame: draw in the terminal"),
	OPTION("inverted", FLAG, inverted, "", "flame: the root at the bottom"),
	OPTION("title", STRING, title, "TEXT", "flame: the title"),

	LINE(PART_LOADED, "What to compare with"),
	OPTION("base", LIST, base, "FILE", "subtract a profile; may be repeated"),
	OPTION("diff_base", LIST, base, "FILE", "the same, and shares are of its total"),
	OPTION("normalize", FLAG, normalize, "", "scale to the total of the base"),

	LINE(PART_LOADED, "A running process in the place of files"),
	{ "p", LIVE, 0, "-p", "PID[,PID]", "profile these processes now" },
	{ "a", LIVE_FLAG, 0, "-a", "", "all processes of this machine" },
	{ "d", LIVE, 0, "-d", "SECONDS", "for so long; without it until Ctrl-C" },
	{ "F", LIVE, 0, "-F", "HZ", "samples per second and CPU (default 100)" },
	{ "children", LIVE_FLAG, 0, "--children", "", "their descendants, too" },
	{ "user-only", LIVE_FLAG, 0, "--user-only", "", "no kernel frames" },
	{ "labels", LIVE, 0, "--labels", "LIST", "some of tid,thread,cpu,pid; size of a heap" },
	{ "rate", LIVE, 0, "--rate", "BYTES", "of the heap: a sample in so many bytes (512KiB)" },
	LINE(REMARK, "With -inuse_space and its like it is the heap that is profiled."),

	LINE(PART, "What to write"),
	OPTION("o", STRING, output, "FILE", "write to FILE"),
	OPTION("output", STRING, output, NULL, NULL),
	OPTION("add_comment", STRING, comment, "TEXT", "add a comment to the profile"),
	OPTION("help", FLAG, help, "", "this text"),
	OPTION("h", FLAG, help, NULL, NULL),
};

_Static_assert(ARRAY_SIZE(options) <= REPORT_OPTIONS_MAX, "report_args.chosen has room");

static const struct option *option_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const char *known = options[i].name;
		if (known && strlen(known) == len && memcmp(known, name, len) == 0)
			return &options[i];
	}
	return NULL;
}

static bool takes_value(const struct option *o)
{
	switch (o->kind) {
	case FLAG:
	case VALUE:
	case SORTED:
	case GRAINED:
	case TRIM:
	case LIVE_FLAG:
		return false;
	default:
		return true;
	}
}

static int bad_value(const struct option *o, const char *value, const char *want, struct err *e)
{
	return err_plain(e, -EINVAL, "option '-%s' takes %s, not '%s'", o->name, want, value);
}

static int parse_bool(const struct option *o, const char *value, bool *to, struct err *e)
{
	static const char *const words[][5] = { { "false", "f", "0", "no", "n" },
						{ "true", "t", "1", "yes", "y" } };

	for (size_t i = 0; i < ARRAY_SIZE(words[0]); i++) {
		for (int truth = 0; truth < 2; truth++) {
			if (strcasecmp(value, words[truth][i]) == 0) {
				*to = truth;
				return 0;
			}
		}
	}
	return bad_value(o, value, "true or false", e);
}

static int set_number(const struct option *o, const char *value, long *to, struct err *e)
{
	char *end;
	errno = 0;
	long v = strtol(value, &end, 10);
	if (end == value || *end || errno)
		return bad_value(o, value, "a whole number", e);
	*to = v;
	return 0;
}

static int set_fraction(const struct option *o, const char *value, double *to, struct err *e)
{
	char *end;
	double v = strtod(value, &end);
	if (end == value || *end || !isfinite(v))
		return bad_value(o, value, "a number", e);
	*to = v;
	return 0;
}

static int set_sort(const struct option *o, const char *value, struct report_args *a, struct err *e)
{
	if (strcmp(value, "cum") != 0 && strcmp(value, "flat") != 0)
		return bad_value(o, value, "cum or flat", e);
	a->options.cum_sort = strcmp(value, "cum") == 0;
	return 0;
}

static int set_granularity(const struct option *o, const char *value, struct report_args *a,
			   struct err *e)
{
	static const char *const names[] = {
		[GRANULARITY_FUNCTIONS] = "functions",
		[GRANULARITY_FILEFUNCTIONS] = "filefunctions",
		[GRANULARITY_FILES] = "files",
		[GRANULARITY_LINES] = "lines",
		[GRANULARITY_ADDRESSES] = "addresses",
	};

	for (size_t i = GRANULARITY_FUNCTIONS; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], value) == 0) {
			a->options.granularity = (enum report_granularity)i;
			return 0;
		}
	}
	return bad_value(o, value, "functions, filefunctions, files, lines or addresses", e);
}

static int add_base(const struct option *o, const char *value, struct report_args *a, struct err *e)
{
	bool diff = strcmp(o->name, "diff_base") == 0;

	if (!value[0])
		return 0;
	if (a->base.len > 0 && diff != a->diff_base)
		return err_plain(e, -EINVAL, "-base and -diff_base cannot both be given");
	a->diff_base = diff;
	return vec_push(&a->base, value) < 0 ? err_set(e, -ENOMEM, "cannot read the options") : 0;
}

/* Passed on to the capture: argv[0], the option, its value. */
static int add_live(const struct option *o, const char *value, struct report_args *a, struct err *e)
{
	const char *const words[] = { "cpu", o->constant, value };
	size_t count = o->kind == LIVE ? 3 : 2;

	for (size_t i = a->live.len > 0; i < count; i++) {
		if (vec_push(&a->live, (char *)words[i]) < 0)
			return err_set(e, -ENOMEM, "cannot read the options");
	}
	return 0;
}

/* Flags that stand for an option with a value, "-cum", "-lines", "-inuse_space": for later. */
static int note_choice(const struct option *o, const char *value, struct report_args *a,
		       struct err *e)
{
	return parse_bool(o, value, &a->chosen[o - options], e);
}

static void choose_value(const struct option *o, struct report_args *a)
{
	const char **value = &a->options.sample_index;

	if (*value && **value)
		say("multiple value selections, ignoring -%s", o->name);
	else
		*value = o->constant;
	a->options.mean |= strcmp(o->name, "mean_delay") == 0;
}

static int apply_choices(struct report_args *a, struct err *e)
{
	const struct option *chosen[2] = { NULL, NULL }; /* an order, a granularity */

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i], **before = &chosen[o->kind == GRAINED];
		if (!a->chosen[i])
			continue;
		if (o->kind == VALUE) {
			choose_value(o, a);
			continue;
		}
		if (*before)
			return err_plain(e, -EINVAL, "-%s and -%s cannot both be given",
					 (*before)->name, o->name);
		*before = o;
		int rc = o->kind == SORTED ? set_sort(o, o->constant, a, e)
					   : set_granularity(o, o->constant, a, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int option_set(const struct option *o, const char *value, struct report_args *a,
		      struct err *e)
{
	void *field = (char *)a + o->offset;
	bool on;
	int rc;

	switch (o->kind) {
	case FLAG:
		return parse_bool(o, value, field, e);
	case TRIM:
		rc = parse_bool(o, value, &on, e);
		if (rc == 0)
			a->options.no_trim = !on;
		return rc;
	case STRING:
		*(const char **)field = value;
		return 0;
	case NUMBER:
		return set_number(o, value, field, e);
	case FRACTION:
		return set_fraction(o, value, field, e);
	case LIST:
		return add_base(o, value, a, e);
	case LIVE:
	case LIVE_FLAG:
		return add_live(o, value, a, e);
	case SORT:
		return set_sort(o, value, a, e);
	case GRANULARITY:
		return set_granularity(o, value, a, e);
	default:
		return note_choice(o, value, a, e);
	}
}

static int refuse_option(const char *word, const char *name, size_t len, struct err *e)
{
	const char *names[ARRAY_SIZE(options)];
	char wanted[64];
	size_t count = 0;

	snprintf(wanted, sizeof(wanted), "%.*s", (int)len, name);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].name)
			names[count++] = options[i].name;
	const char *nearest = suggest_nearest(wanted, names, count);
	if (nearest)
		return err_plain(e, -EINVAL, "unknown option '%s': did you mean '-%s'?", word,
				 nearest);
	return err_plain(e, -EINVAL, "unknown option '%s' (--help lists them)", word);
}

static bool names_have(const char *const *names, const char *name)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

static int parse_option(struct report_args *a, const char *const *only, char **argv, int *i,
			struct err *e)
{
	const char *name = argv[*i] + (argv[*i][1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	const struct option *o = option_find(name, len);
	if (!o)
		return refuse_option(argv[*i], name, len, e);
	if (only && !names_have(only, o->name))
		return err_plain(e, -EINVAL, "'%s' has no option '-%s' (--help lists them)",
				 argv[0], o->name);
	if (name[len] == '=')
		return option_set(o, name + len + 1, a, e);
	if (!takes_value(o))
		return option_set(o, "true", a, e);
	if (!argv[*i + 1])
		return err_plain(e, -EINVAL, "option '-%s' needs a value", o->name);
	return option_set(o, argv[++*i], a, e);
}

int report_args_parse(struct report_args *a, const char *const *only, int argc, char **argv,
		      struct err *e)
{
	bool only_words = false;

	*a = (struct report_args){ .verb = argv[0], .options = REPORT_OPTIONS_DEFAULT };
	for (int i = 1; i < argc; i++) {
		int rc = 0;
		if (!only_words && strcmp(argv[i], "--") == 0)
			only_words = true;
		else if (!only_words && argv[i][0] == '-' && argv[i][1])
			rc = parse_option(a, only, argv, &i, e);
		else if (vec_push(&a->words, argv[i]) < 0)
			rc = err_set(e, -ENOMEM, "cannot read the options");
		if (rc < 0)
			return rc;
	}
	return apply_choices(a, e);
}

static void help_option(const struct option *o, FILE *out)
{
	int len = fprintf(out, "  -%s%s%s", o->name, o->value[0] ? " " : "", o->value);

	fprintf(out, "%*s%s\n", len < 28 ? 28 - len : 1, "", o->help);
}

static void help_options(bool loaded, FILE *out)
{
	bool shown = true;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];

		if (o->kind == PART || o->kind == PART_LOADED)
			shown = loaded || o->kind == PART;
		if (!shown || !o->help)
			continue;
		if (o->name)
			help_option(o, out);
		else
			fprintf(out, o->kind == REMARK ? "  %s\n" : "\n%s:\n", o->help);
	}
}

void report_args_help(const struct report_help *h, FILE *out)
{
	fprintf(out, "%s\n\nUsage: cprofbpf %s [OPTIONS] %s\n", h->about, h->verb, h->words);
	if (h->live_words)
		fprintf(out, "       cprofbpf %s [OPTIONS] %s\n", h->verb, h->live_words);
	fputs("\nThe options are those of go tool pprof, as -name=VALUE or -name VALUE, with one\n"
	      "dash or two, before files or after them.",
	      out);
	if (h->live_words)
		fputs(" Several files are added up; - is\nstandard input.", out);
	fputs("\n", out);
	help_options(h->live_words != NULL, out);
	fputs("\nExit status: 0 written, 1 failure, 2 wrong usage.\n", out);
}

void report_args_deinit(struct report_args *a)
{
	vec_deinit(&a->words);
	vec_deinit(&a->base);
	vec_deinit(&a->live);
}
