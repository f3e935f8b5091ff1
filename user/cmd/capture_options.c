// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/capture_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/vec.h"
#include "cmd/suggest.h"
#include "collect/uprobe.h"
#include "probe/alloc_probes.h"

#define DURATION_MAX_S 31536000 /* a year */

enum {
	OPT_USER_ONLY = 256,
	OPT_CHILDREN,
	OPT_NO_CHILDREN,
	OPT_LABELS,
	OPT_NO_SYMBOLS,
	OPT_RATE,
	OPT_MAX_LIVE,
	OPT_ALLOCATOR,
	OPT_MAX_OVERHEAD,
	OPT_PROBES,
};

static const char short_options[] = "+:p:ad:F:o:qvh";

static const struct option long_options[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "all", no_argument, NULL, 'a' },
	{ "duration", required_argument, NULL, 'd' },
	{ "frequency", required_argument, NULL, 'F' },
	{ "output", required_argument, NULL, 'o' },
	{ "user-only", no_argument, NULL, OPT_USER_ONLY },
	{ "children", no_argument, NULL, OPT_CHILDREN },
	{ "no-children", no_argument, NULL, OPT_NO_CHILDREN },
	{ "labels", required_argument, NULL, OPT_LABELS },
	{ "no-symbols", no_argument, NULL, OPT_NO_SYMBOLS },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "max-live", required_argument, NULL, OPT_MAX_LIVE },
	{ "allocator", required_argument, NULL, OPT_ALLOCATOR },
	{ "max-overhead", required_argument, NULL, OPT_MAX_OVERHEAD },
	{ "probes", required_argument, NULL, OPT_PROBES },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* Options that not every kind of profile has. */
static const struct kind_option {
	int option;
	enum session_kind kind;
} kind_options[] = {
	{ 'a', SESSION_CPU },
	{ 'F', SESSION_CPU },
	{ OPT_USER_ONLY, SESSION_CPU },
	{ OPT_RATE, SESSION_HEAP },
	{ OPT_MAX_LIVE, SESSION_HEAP },
	{ OPT_ALLOCATOR, SESSION_HEAP },
	{ OPT_MAX_OVERHEAD, SESSION_HEAP },
	{ OPT_PROBES, SESSION_HEAP },
};

/* What was said about children, before it is known what is profiled. */
enum children {
	CHILDREN_UNSAID,
	CHILDREN_YES,
	CHILDREN_NO,
};

struct parser {
	struct capture_options *o;
	struct option options[ARRAY_SIZE(long_options)]; /* those of this kind */
	enum children children;
	struct err *e;
};

/* Digits only, all of [s, end), and at most `max`. */
static bool parse_number(const char *s, const char *end, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (s == end)
		return false;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return false;
		value = value * 10 + (uint64_t)(*s - '0');
		if (value > max)
			return false;
	}
	*ret = value;
	return true;
}

static int parse_pid(struct parser *p, const char *s, size_t len, const char *list)
{
	uint64_t pid;

	if (len == 0)
		return err_plain(p->e, -EINVAL,
				 "'%s' has an empty process ID: give numbers as in -p 123,456",
				 list);
	if (!parse_number(s, s + len, INT_MAX, &pid) || pid == 0)
		return err_plain(p->e, -EINVAL,
				 "'%.*s' is no process ID: give a number (pgrep NAME finds it)",
				 (int)len, s);
	vec_for_each(known, &p->o->pids)
		if (*known == (pid_t)pid)
			return 0;
	if (vec_push(&p->o->pids, (pid_t)pid) < 0)
		return err_set(p->e, -ENOMEM, "cannot keep the process IDs");
	return 0;
}

static int parse_pids(struct parser *p, const char *list)
{
	for (const char *item = list;;) {
		size_t len = strcspn(item, ",");
		int rc = parse_pid(p, item, len, list);

		if (rc < 0 || item[len] == '\0')
			return rc;
		item += len + 1;
	}
}

/* Seconds with a fraction down to a nanosecond; a dot whatever the locale. */
static int parse_duration(struct parser *p, const char *s)
{
	uint64_t seconds = 0, fraction = 0;
	const char *dot = strchr(s, '.'), *end = s + strlen(s);

	if ((dot == s && !dot[1]) ||
	    (dot != s && !parse_number(s, dot ? dot : end, UINT32_MAX, &seconds)))
		goto bad;
	if (dot) {
		uint64_t unit = NS_PER_SEC / 10;

		for (const char *digit = dot + 1; digit < end; digit++, unit /= 10) {
			if (*digit < '0' || *digit > '9')
				goto bad;
			fraction += (uint64_t)(*digit - '0') * unit;
		}
	}
	p->o->duration_ns = seconds * NS_PER_SEC + fraction;
	if (p->o->duration_ns == 0 || seconds > DURATION_MAX_S)
		return err_plain(p->e, -EINVAL,
				 "'%s' is no possible duration: above 0 s, and at most %d s", s,
				 DURATION_MAX_S);
	return 0;
bad:
	return err_plain(p->e, -EINVAL,
			 "'%s' is no number of seconds: give one as in -d 30 or -d 0.5", s);
}

static int parse_frequency(struct parser *p, const char *s)
{
	uint64_t hz;

	if (!parse_number(s, s + strlen(s), CAPTURE_HZ_MAX, &hz) || hz == 0)
		return err_plain(p->e, -EINVAL,
				 "'%s' is no frequency: give samples per second, 1 to %d", s,
				 CAPTURE_HZ_MAX);
	p->o->hz = (uint32_t)hz;
	return 0;
}

static int parse_labels(struct parser *p, const char *list)
{
	static const struct {
		const char *name;
		uint32_t label;
	} labels[] = {
		{ "tid", SESSION_LABEL_TID },   { "thread", SESSION_LABEL_THREAD },
		{ "cpu", SESSION_LABEL_CPU },   { "pid", SESSION_LABEL_PID },
		{ "size", SESSION_LABEL_SIZE },
	};
	size_t count = ARRAY_SIZE(labels) - (p->o->kind != SESSION_HEAP);

	for (;;) {
		size_t len = strcspn(list, ","), i;

		for (i = 0; i < count; i++)
			if (strlen(labels[i].name) == len && memcmp(list, labels[i].name, len) == 0)
				break;
		if (i == count)
			return err_plain(p->e, -EINVAL,
					 "'%.*s' is no label: there are tid, thread, cpu, pid%s",
					 (int)len, list, count > 4 ? ", size" : "");
		p->o->labels |= labels[i].label;
		if (list[len] == '\0')
			return 0;
		list += len + 1;
	}
}

/* A number of bytes: "1", "64k", "512KiB", "1MB"; units of 1024, as pprof has them. */
static int parse_rate(struct parser *p, const char *s)
{
	static const char units[] = "kmg";
	size_t digits = strspn(s, "0123456789");
	const char *unit = s + digits;
	uint64_t bytes = 0, scale = 1;
	bool good = parse_number(s, unit, CAPTURE_RATE_MAX, &bytes) && bytes;

	const char *prefix = *unit ? strchr(units, tolower((unsigned char)*unit)) : NULL;
	if (prefix) {
		scale <<= 10 * (prefix - units + 1);
		unit++;
		if (*unit == 'i')
			unit++;
	}
	if (*unit == 'b' || *unit == 'B')
		unit++;
	if (!good || *unit || bytes > CAPTURE_RATE_MAX / scale)
		return err_plain(
			p->e, -EINVAL,
			"'%s' is no sampling rate: give bytes as in --rate 512KiB, 1 (every "
			"call) to 1GiB",
			s);
	p->o->heap.rate_bytes = bytes * scale;
	return 0;
}

/* Percent, with or without the sign: "5", "2.5%". */
static int parse_overhead(struct parser *p, const char *s)
{
	uint64_t whole = 0, tenths = 0;
	const char *end = s + strlen(s);

	if (end > s && end[-1] == '%')
		end--;
	const char *dot = memchr(s, '.', (size_t)(end - s));
	bool good = parse_number(s, dot ? dot : end, 100, &whole);
	if (good && dot)
		good = parse_number(dot + 1, end, 9, &tenths) && end - dot == 2;
	if (!good || whole * 10 + tenths == 0 || whole * 10 + tenths > 1000)
		return err_plain(
			p->e, -EINVAL,
			"'%s' is no overhead: give percent as in --max-overhead 5 or 2.5%%", s);
	p->o->heap.max_overhead = (double)(whole * 10 + tenths) / 1000;
	return 0;
}

static int parse_max_live(struct parser *p, const char *s)
{
	uint64_t live;

	if (!parse_number(s, s + strlen(s), CAPTURE_MAX_LIVE_MAX, &live) ||
	    live < CAPTURE_MAX_LIVE_MIN)
		return err_plain(p->e, -EINVAL,
				 "'%s' is no bound of live allocations: give %d to %d", s,
				 CAPTURE_MAX_LIVE_MIN, CAPTURE_MAX_LIVE_MAX);
	p->o->heap.max_live = (uint32_t)live;
	return 0;
}

/* The words are kept: what they mean is the session's business. */
static int parse_allocators(struct parser *p, const char *s)
{
	unsigned set;

	p->o->heap.allocators = s;
	return allocators_parse(s, &set, p->e);
}

static int parse_probes(struct parser *p, const char *s)
{
	enum uprobe_kind kind;

	p->o->heap.probes = s;
	return uprobe_kind_parse(s, &kind, p->e);
}

static int parse_output(struct parser *p, const char *s)
{
	if (!*s)
		return err_plain(p->e, -EINVAL, "'-o' has an empty file name");
	if (p->o->output)
		return err_plain(p->e, -EINVAL, "'-o' is given twice");
	p->o->output = s;
	return 0;
}

static bool option_is_of(int option, enum session_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind_options); i++)
		if (kind_options[i].option == option)
			return kind_options[i].kind == kind;
	return true;
}

/* Abbreviations are of the options that there are: those of other kinds are left out. */
static void options_init(struct parser *p)
{
	size_t n = 0;

	for (const struct option *o = long_options; o->name; o++)
		if (option_is_of(o->val, p->o->kind))
			p->options[n++] = *o;
	p->options[n] = (struct option){ 0 };
}

static int refuse_kind(struct parser *p, const char *word)
{
	return err_plain(p->e, -EINVAL, "option '%s' is of %s only", word,
			 p->o->kind == SESSION_CPU ? "'heap' and 'allocs'" : "'cpu'");
}

static int parse_option(struct parser *p, int option, const char *arg)
{
	struct capture_options *o = p->o;

	switch (option) {
	case 'p':
		return parse_pids(p, arg);
	case 'd':
		return parse_duration(p, arg);
	case 'F':
		return parse_frequency(p, arg);
	case 'o':
		return parse_output(p, arg);
	case OPT_LABELS:
		return parse_labels(p, arg);
	case OPT_RATE:
		return parse_rate(p, arg);
	case OPT_MAX_LIVE:
		return parse_max_live(p, arg);
	case OPT_MAX_OVERHEAD:
		return parse_overhead(p, arg);
	case OPT_ALLOCATOR:
		return parse_allocators(p, arg);
	case OPT_PROBES:
		return parse_probes(p, arg);
	case 'a':
		o->all = true;
		break;
	case OPT_USER_ONLY:
		o->user_only = true;
		break;
	case OPT_NO_SYMBOLS:
		o->no_symbols = true;
		break;
	case OPT_CHILDREN:
		p->children = CHILDREN_YES;
		break;
	case OPT_NO_CHILDREN:
		p->children = CHILDREN_NO;
		break;
	case 'q':
		o->quiet = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case 'h':
		o->help = true;
		break;
	}
	return 0;
}

/* What getopt_long() made '?' or ':' of: `word` is the one it had just taken. */
static int refuse_option(struct parser *p, int option, const char *word)
{
	const char *names[ARRAY_SIZE(long_options)];
	size_t count = 0;
	char name[64];

	bool is_short = strncmp(word, "--", 2) != 0;

	if (option == ':' && is_short)
		return err_plain(p->e, -EINVAL, "option '-%c' needs a value", optopt);
	if (option == ':')
		return err_plain(p->e, -EINVAL, "option '%s' needs a value", word);
	if (is_short)
		return err_plain(p->e, -EINVAL, "unknown option '-%c' (--help lists them)", optopt);
	if (optopt)
		return err_plain(p->e, -EINVAL, "option '%s' takes no value", word);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (const struct option *o = long_options; o->name; o++)
		if (strcmp(o->name, name) == 0)
			return refuse_kind(p, word);
	for (const struct option *o = p->options; o->name; o++)
		names[count++] = o->name;
	const char *nearest = suggest_nearest(name, names, count);
	if (nearest)
		return err_plain(p->e, -EINVAL, "unknown option '%s': did you mean '--%s'?", word,
				 nearest);
	return err_plain(p->e, -EINVAL, "unknown option '%s' (--help lists them)", word);
}

/* Exactly one target, and options that go with it. */
static int check_targets(struct parser *p)
{
	struct capture_options *o = p->o;
	int targets = (o->pids.len > 0) + o->all + (o->command != NULL);

	if (targets == 0)
		return err_plain(p->e, -EINVAL,
				 "nothing to profile: give -p PID,%s or -- and a command "
				 "(--help has examples)",
				 o->kind == SESSION_CPU ? " -a," : "");
	if (targets > 1)
		return err_plain(p->e, -EINVAL,
				 "'-p', '-a' and a command exclude each other: give one of them");
	if (o->all && p->children != CHILDREN_UNSAID)
		return err_plain(p->e, -EINVAL,
				 "'-a' profiles every process: '--%schildren' does not go with it",
				 p->children == CHILDREN_NO ? "no-" : "");
	if (o->quiet && o->verbose)
		return err_plain(p->e, -EINVAL, "'-q' and '-v' exclude each other");
	/* What a command holds when it ends are its leaks. */
	o->heap.keep_ended = o->command != NULL;
	o->children = p->children == CHILDREN_YES || (o->command && p->children != CHILDREN_NO);
	return 0;
}

/* The words after the options: a command, if `dashes` came before it. */
static int parse_command(struct parser *p, int argc, char **argv, bool dashes)
{
	if (!dashes && optind < argc && p->o->pids.len && argv[optind][0] &&
	    strspn(argv[optind], "0123456789") == strlen(argv[optind]))
		return err_plain(p->e, -EINVAL,
				 "unexpected '%s': give several process IDs as in -p 123,456 "
				 "('pgrep -d, NAME' prints them so)",
				 argv[optind]);
	if (!dashes && optind < argc)
		return err_plain(p->e, -EINVAL,
				 "unexpected '%s': a command to profile goes after '--'",
				 argv[optind]);
	if (dashes && optind == argc)
		return err_plain(p->e, -EINVAL, "'--' without a command");
	if (dashes && !argv[optind][0])
		return err_plain(p->e, -EINVAL, "the command's name is empty");
	if (dashes)
		p->o->command = argv + optind;
	return check_targets(p);
}

int capture_options_parse(enum session_kind kind, int argc, char **argv,
			  struct capture_options *ret, struct err *e)
{
	struct parser p = { .o = ret, .e = e };

	*ret = (struct capture_options){
		.kind = kind,
		.hz = CAPTURE_HZ_DEFAULT,
		.heap = { .rate_bytes = CAPTURE_RATE_DEFAULT,
			  .max_live = CAPTURE_MAX_LIVE_DEFAULT },
	};
	options_init(&p);
	optind = 0; /* glibc: start over */
	opterr = 0;
	for (;;) {
		int before = optind ? optind : 1;

		optopt = 0;
		int option = getopt_long(argc, argv, short_options, p.options, NULL);
		if (option < 0)
			return parse_command(&p, argc, argv, optind > before);
		/* Of a cluster like -qx the word is not passed yet. */
		if (option == '?' || option == ':')
			return refuse_option(&p, option,
					     argv[optind > before ? optind - 1 : before]);
		if (!option_is_of(option, kind))
			return refuse_kind(&p, (char[]){ '-', (char)option, '\0' });
		int rc = parse_option(&p, option, optarg);
		if (rc < 0)
			return rc;
		if (ret->help)
			return 0;
	}
}

void capture_options_deinit(struct capture_options *o)
{
	vec_deinit(&o->pids);
}
