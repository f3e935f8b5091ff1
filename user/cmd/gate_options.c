// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/gate_options.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/suggest.h"
#include "gate/judge.h"

#define RUNS_DEFAULT   12
#define WARMUP_DEFAULT 1
#define RATE_MAX       (1ULL << 30)
#define TIME_MAX_S     31536000.0 /* a year */

enum kind {
	FLAG,
	STRING, /* once */
	SIDE,   /* files of a side; more may follow */
	COUNT,  /* uint64_t, within the row's bounds */
	TIME,
	PERCENT,
	PER,
	CPUS,
	SET,      /* of the policy; its key is the row's */
	SET_FLAG, /* one without a value: true */
};

struct option {
	const char *name;
	char letter;
	enum kind kind;
	bool of_commands; /* means nothing for profiles */
	size_t offset;    /* in struct gate_options */
	const char *key;
	uint64_t least, most;
};

#define FIELD(f) .offset = offsetof(struct gate_options, f)

static const struct option options[] = {
	{ "base", 0, SIDE, FIELD(patterns[GATE_BASE]) },
	{ "new", 0, SIDE, FIELD(patterns[GATE_NEW]) },
	{ "base-cmd", 0, STRING, FIELD(commands[GATE_BASE]) },
	{ "new-cmd", 0, STRING, FIELD(commands[GATE_NEW]) },
	{ "runs", 'n', COUNT, true, FIELD(runs), .least = 1, .most = GATE_RUNS_MAX },
	{ "warmup", 0, COUNT, true, FIELD(warmup), .most = GATE_RUNS_MAX },
	{ "metric", 0, SET, .key = "metrics" },
	{ "rate", 0, COUNT, true, FIELD(rate_bytes), .least = 1, .most = RATE_MAX },
	{ "pin", 0, CPUS, true, FIELD(cpus) },
	{ "time-limit", 0, TIME, true, FIELD(time_limit_ns) },
	{ "expect-same-output", 0, FLAG, true, FIELD(same_output) },
	{ "build", 0, STRING, FIELD(build) },
	{ "per", 0, PER, FIELD(per) },
	{ "per-file", 0, STRING, FIELD(per_file) },
	{ "aa", 0, FLAG, FIELD(self) },
	{ "power", 0, PERCENT, FIELD(power) },
	{ "policy", 0, STRING, FIELD(policy) },
	{ "alpha", 0, SET, .key = "alpha" },
	{ "total-floor", 0, SET, .key = "total_floor" },
	{ "relative-floor", 0, SET, .key = "relative_floor" },
	{ "absolute-floor", 0, SET, .key = "absolute_floor" },
	{ "min-share", 0, SET, .key = "min_share" },
	{ "resolution", 0, SET, .key = "resolution" },
	{ "min-samples", 0, SET, .key = "min_samples" },
	{ "function", 0, SET, .key = "functions" },
	{ "ignore", 0, SET, .key = "ignore" },
	{ "strict", 0, SET_FLAG, .key = "strict" },
	{ "seed", 0, SET, .key = "seed" },
	{ "bisect", 0, FLAG, FIELD(bisect) },
	{ "keep", 0, STRING, FIELD(keep) },
	{ "json", 0, STRING, FIELD(json) },
	{ "junit", 0, STRING, FIELD(junit) },
	{ "markdown", 0, STRING, FIELD(markdown) },
	{ "github", 0, FLAG, FIELD(github) },
	{ "svg", 0, STRING, FIELD(svg) },
	{ "all", 0, FLAG, FIELD(all) },
	{ "quiet", 'q', FLAG, FIELD(quiet) },
	{ "verbose", 'v', FLAG, FIELD(verbose) },
	{ "help", 'h', FLAG, FIELD(help) },
};

struct parser {
	struct gate_options *o;
	const struct option *side;    /* whose files words are now; NULL */
	const struct option *command; /* the first option given that is for commands; NULL */
	struct err *e;
};

const char *gate_side_name(enum gate_side side)
{
	return side == GATE_BASE ? "base" : "new";
}

const char *gate_option_name(size_t i)
{
	return i < ARRAY_SIZE(options) ? options[i].name : NULL;
}

static int bad_value(const struct parser *p, const struct option *o, const char *value,
		     const char *want)
{
	return err_plain(p->e, -EINVAL, "option '--%s' takes %s, not '%s'", o->name, want, value);
}

static bool parse_digits(const char *s, char **end, uint64_t *ret)
{
	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*ret = strtoull(s, end, 10);
	return errno == 0;
}

/* A number as people write one, in the C locale: no sign, no infinity. */
static bool parse_decimal(const char *s, char **end, double *ret)
{
	if ((*s < '0' || *s > '9') && *s != '.')
		return false;
	*ret = strtod(s, end);
	return *end != s && isfinite(*ret);
}

static int set_count(const struct parser *p, const struct option *o, const char *value)
{
	char want[64], *end;
	uint64_t n;

	snprintf(want, sizeof(want), "a number from %llu to %llu", (unsigned long long)o->least,
		 (unsigned long long)o->most);
	if (!parse_digits(value, &end, &n) || *end || n < o->least || n > o->most)
		return bad_value(p, o, value, want);
	*(uint64_t *)((char *)p->o + o->offset) = n;
	return 0;
}

static int set_time(const struct parser *p, const struct option *o, const char *value)
{
	double seconds;
	char *end;
	bool good = parse_decimal(value, &end, &seconds);

	if (good && *end && !end[1]) {
		seconds *= *end == 's' ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : NAN;
		end++;
	}
	if (!good || *end || !(seconds > 0 && seconds <= TIME_MAX_S))
		return bad_value(p, o, value, "a time as in 90, 90s, 15m, 1h");
	*(uint64_t *)((char *)p->o + o->offset) = (uint64_t)(seconds * NS_PER_SEC) + 1;
	return 0;
}

static int set_percent(const struct parser *p, const struct option *o, const char *value)
{
	double percent;
	char *end;

	if (!parse_decimal(value, &end, &percent) || strcmp(end, "%") != 0 || !(percent > 0) ||
	    percent > 1000)
		return bad_value(p, o, value, "a percentage as in 5%");
	*(double *)((char *)p->o + o->offset) = percent / 100;
	return 0;
}

/* Of both sides, or "BASE,NEW". */
static int set_per(const struct parser *p, const struct option *o, const char *value)
{
	double *per = (double *)((char *)p->o + o->offset);
	char *end;
	bool good = parse_decimal(value, &end, &per[GATE_BASE]);

	per[GATE_NEW] = per[GATE_BASE];
	if (good && *end == ',')
		good = parse_decimal(end + 1, &end, &per[GATE_NEW]);
	if (!good || *end || !(per[GATE_BASE] > 0) || !(per[GATE_NEW] > 0))
		return bad_value(p, o, value,
				 "the work of a run as in 1000, or of each side's as "
				 "in 1000,1200");
	return 0;
}

static int set_cpus(const struct parser *p, const struct option *o, const char *value)
{
	cpu_set_t *cpus = (cpu_set_t *)((char *)p->o + o->offset);
	const char *at = value;

	CPU_ZERO(cpus);
	for (;;) {
		uint64_t first, last;
		char *end;
		bool good = parse_digits(at, &end, &first);

		last = first;
		if (good && *end == '-')
			good = parse_digits(end + 1, &end, &last);
		if (!good || (*end && *end != ',') || last < first || last >= CPU_SETSIZE)
			return bad_value(p, o, value, "CPUs as in 1 or 0-3,6");
		for (uint64_t cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, cpus);
		if (*end == '\0')
			break;
		at = end + 1;
	}
	p->o->pin = true;
	return 0;
}

static int set_string(const struct parser *p, const struct option *o, const char *value)
{
	const char **to = (const char **)((char *)p->o + o->offset);

	if (!*value)
		return err_plain(p->e, -EINVAL, "option '--%s' has an empty value", o->name);
	if (*to)
		return err_plain(p->e, -EINVAL, "option '--%s' is given twice", o->name);
	*to = value;
	return 0;
}

static int add_pattern(const struct parser *p, const struct option *o, const char *value)
{
	enum gate_side side = o->offset == offsetof(struct gate_options, patterns[GATE_NEW]);

	return vec_push(&p->o->patterns[side], value) < 0
		       ? err_set(p->e, -ENOMEM, "cannot read the options")
		       : 0;
}

static int add_setting(const struct parser *p, const struct option *o, const char *value)
{
	struct gate_setting setting = { o->name, o->key, value };

	return vec_push(&p->o->settings, setting) < 0
		       ? err_set(p->e, -ENOMEM, "cannot read the options")
		       : 0;
}

static int option_set(struct parser *p, const struct option *o, const char *value)
{
	p->side = o->kind == SIDE ? o : NULL;
	if (o->of_commands && !p->command)
		p->command = o;
	switch (o->kind) {
	case FLAG:
		*(bool *)((char *)p->o + o->offset) = true;
		return 0;
	case STRING:
		return set_string(p, o, value);
	case SIDE:
		return add_pattern(p, o, value);
	case COUNT:
		return set_count(p, o, value);
	case TIME:
		return set_time(p, o, value);
	case PERCENT:
		return set_percent(p, o, value);
	case PER:
		return set_per(p, o, value);
	case CPUS:
		return set_cpus(p, o, value);
	case SET:
		return add_setting(p, o, value);
	default:
		return add_setting(p, o, "true");
	}
}

static const struct option *option_find(const char *word)
{
	bool is_long = word[1] == '-';
	size_t len = strcspn(word + 2, "=");

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];

		if (is_long ? strlen(o->name) == len && strncmp(o->name, word + 2, len) == 0
			    : o->letter && o->letter == word[1])
			return o;
	}
	return NULL;
}

static int refuse_option(const struct parser *p, const char *word)
{
	const char *names[ARRAY_SIZE(options)];
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		names[i] = options[i].name;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 1 + (word[1] == '-'), "="),
		 word + 1 + (word[1] == '-'));
	const char *nearest = suggest_nearest(name, names, ARRAY_SIZE(names));
	if (nearest)
		return err_plain(p->e, -EINVAL, "unknown option '%s': did you mean '--%s'?", word,
				 nearest);
	return err_plain(p->e, -EINVAL, "unknown option '%s' (gate --help lists them)", word);
}

/* The option at argv[*i], and its value, which may be the next word. */
static int parse_option(struct parser *p, char **argv, int *i)
{
	const char *word = argv[*i];
	const struct option *o = option_find(word);
	bool is_long = word[1] == '-';
	bool is_flag = o && (o->kind == FLAG || o->kind == SET_FLAG);

	if (!o || (!is_long && is_flag && word[2]))
		return refuse_option(p, word);
	const char *value = is_long ? strchr(word, '=') : word[2] ? word + 1 : NULL;
	if (is_flag && value)
		return err_plain(p->e, -EINVAL, "option '--%s' takes no value", o->name);
	if (value || is_flag)
		return option_set(p, o, value ? value + 1 : NULL);
	if (!argv[*i + 1])
		return err_plain(p->e, -EINVAL, "option '--%s' needs a value", o->name);
	return option_set(p, o, argv[++*i]);
}

static int check_sides(const struct parser *p)
{
	const struct gate_options *o = p->o;
	bool files = o->patterns[GATE_BASE].len || o->patterns[GATE_NEW].len;
	bool commands = o->commands[GATE_BASE] || o->commands[GATE_NEW];

	if (files && commands)
		return err_plain(p->e, -EINVAL,
				 "profiles and commands do not compare: give '--base' and '--new', "
				 "or '--base-cmd' and '--new-cmd'");
	if (!files && !commands)
		return err_plain(p->e, -EINVAL,
				 "nothing to judge: give '--base' and '--new', or '--base-cmd' and "
				 "'--new-cmd' (gate --help has examples)");
	for (int side = 0; side < GATE_SIDES; side++) {
		bool given = files ? o->patterns[side].len > 0 : o->commands[side] != NULL;
		const char *suffix = files ? "" : "-cmd";

		if (o->self && side == GATE_NEW && given)
			return err_plain(p->e, -EINVAL,
					 "'--aa' compares the base with itself: '--new%s' does not "
					 "go with it",
					 suffix);
		if (!given && !(o->self && side == GATE_NEW))
			return err_plain(p->e, -EINVAL, "there is no '--%s%s' to compare with",
					 gate_side_name(side), suffix);
	}
	if (files && p->command)
		return err_plain(p->e, -EINVAL,
				 "option '--%s' is for commands: profiles are what they are",
				 p->command->name);
	return 0;
}

static int check(const struct parser *p)
{
	const struct gate_options *o = p->o;
	const char *const files[] = { o->json, o->junit, o->markdown };
	int to_stdout = o->github;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		to_stdout += files[i] && strcmp(files[i], "-") == 0;
	if (to_stdout > 1)
		return err_plain(p->e, -EINVAL,
				 "only one of '--json', '--junit', '--markdown' and '--github' can "
				 "go to standard output");
	if (o->svg && strcmp(o->svg, "-") == 0)
		return err_plain(p->e, -EINVAL, "'--svg' needs the name of a file");
	if (o->per[GATE_BASE] > 0 && o->per_file)
		return err_plain(p->e, -EINVAL, "'--per' and '--per-file' exclude each other");
	if (o->quiet && o->verbose)
		return err_plain(p->e, -EINVAL, "'-q' and '-v' exclude each other");
	return check_sides(p);
}

int gate_options_parse(int argc, char **argv, struct gate_options *ret, struct err *e)
{
	struct parser p = { .o = ret, .e = e };

	*ret = (struct gate_options){
		.runs = RUNS_DEFAULT,
		.warmup = WARMUP_DEFAULT,
		.rate_bytes = 1,
	};
	/* Whatever else is wrong: git bisect must not take our failure for a bad commit. */
	for (int i = 1; i < argc; i++)
		ret->bisect |= strcmp(argv[i], "--bisect") == 0;
	for (int i = 1; i < argc && !ret->help; i++) {
		int rc;

		if (argv[i][0] == '-' && argv[i][1])
			rc = parse_option(&p, argv, &i);
		else if (p.side)
			rc = add_pattern(&p, p.side, argv[i]);
		else
			rc = err_plain(e, -EINVAL,
				       "unexpected '%s': profiles go behind '--base' or '--new'",
				       argv[i]);
		if (rc < 0)
			return rc;
	}
	return ret->help ? 0 : check(&p);
}

void gate_options_deinit(struct gate_options *o)
{
	for (int side = 0; side < GATE_SIDES; side++)
		vec_deinit(&o->patterns[side]);
	vec_deinit(&o->settings);
}

int gate_options_policy(const struct gate_options *o, struct gate_policy *policy, struct err *e)
{
	struct err absent = { 0 };
	int rc = o->policy ? gate_policy_load(policy, o->policy, e)
			   : gate_policy_load(policy, GATE_POLICY_FILE, &absent);

	if (rc < 0 && !o->policy && rc != -ENOENT)
		*e = absent;
	if (rc < 0 && (o->policy || rc != -ENOENT))
		return rc;
	vec_for_each(setting, &o->settings) {
		rc = gate_policy_set(policy, setting->key, setting->value, e);
		if (rc < 0)
			return err_prefix(e, "'--%s'", setting->option);
	}
	return 0;
}
