// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/normalize.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

enum {
	ADDRESS_DIGITS = 6,    /* of a hexadecimal number that nobody wrote into a name */
	HASH_DIGITS = 9,       /* of a decimal one */
	RUST_HASH_DIGITS = 16, /* exactly */
	CRATE_DIGITS = 8,      /* of a crate's disambiguator, which is 64 bits less leading zeros */
};

static const char anonymous[] = "(anonymous namespace)";

/* ---- Suffixes ---- */

static int is_identifier(int c)
{
	return isalnum(c) || c == '_' || c == '$';
}

/*
 * What compilers put behind a dot to tell copies of a function apart, with a number behind another
 * dot. Without one, some of these are names that people give: Go has methods called T.clone.
 */
static const struct {
	const char *text;
	bool alone; /* also without a number */
} clones[] = {
	{ "part", false },   { "constprop", false },   { "isra", false },
	{ "cold", true },    { "lto_priv", false },    { "llvm", false },
	{ "__uniq", false }, { "localalias", true },   { "clone", false },
	{ "argprom", true }, { "argelim", true },      { "retelim", true },
	{ "warm", true },    { "specialized", false },
};

/* The length of ".clone", ".clone.N" or, of a static that got another name, ".N" if the name ends
 * with it, else 0. */
static size_t clone_length(const char *name, size_t len)
{
	size_t end = len;

	while (end > 0 && isdigit((unsigned char)name[end - 1]))
		end--;
	bool numbered = end < len && end > 1 && name[end - 1] == '.';
	end = numbered ? end - 1 : len;
	for (size_t i = 0; i < ARRAY_SIZE(clones); i++) {
		size_t n = strlen(clones[i].text);
		if ((numbered || clones[i].alone) && end > n + 1 && name[end - n - 1] == '.' &&
		    memcmp(name + end - n, clones[i].text, n) == 0)
			return len - (end - n - 1);
	}
	return numbered && is_identifier((unsigned char)name[end - 1]) ? len - end : 0;
}

/* The length of " [clone ...]" or " (.clone)" at the end, as demanglers write it, else 0. */
static size_t bracket_length(const char *name, size_t len)
{
	static const struct {
		const char *open;
		char close;
	} kinds[] = { { " [clone ", ']' }, { " (.", ')' } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i].open);
		if (len <= n || name[len - 1] != kinds[i].close)
			continue;
		for (size_t at = len - n; at-- > 0;) {
			if (name[at] == ' ' && memcmp(name + at, kinds[i].open, n) == 0)
				return len - at;
			if (name[at] == kinds[i].close)
				break;
		}
	}
	return 0;
}

/* The length of "@VERSION" or "@@VERSION" at the end, else 0. "@plt" is other code, not a version.
 */
static size_t version_length(const char *name, size_t len)
{
	size_t at = len;

	while (at > 0 && (isalnum((unsigned char)name[at - 1]) || strchr("._", name[at - 1])))
		at--;
	if (at < 2 || at == len || name[at - 1] != '@' || !isupper((unsigned char)name[at]))
		return 0;
	at--;
	return len - (name[at - 1] == '@' && at > 1 ? at - 1 : at);
}

static size_t without_suffixes(const char *name, size_t len)
{
	for (;;) {
		size_t gone = clone_length(name, len);
		if (!gone)
			gone = bracket_length(name, len);
		if (!gone)
			gone = version_length(name, len);
		if (!gone || gone >= len)
			return len;
		len -= gone;
	}
}

/* ---- What stands within a name ---- */

/* How many characters from `at` on are of a kind. */
static size_t span(const char *at, const char *end, int (*is)(int))
{
	const char *p = at;

	while (p < end && is((unsigned char)*p))
		p++;
	return (size_t)(p - at);
}

static int is_dotted(int c)
{
	return isalnum(c) || c == '_' || c == '.';
}

static bool starts(const char *at, const char *end, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(end - at) >= n && memcmp(at, text, n) == 0;
}

/* A piece of a name that is written differently: what it becomes, and its length, 0 if it is not.
 */
struct piece {
	const char *to;
	size_t len;
};

/* Fixed texts, those followed by a number that goes, and those with a character after it. */
static const struct {
	const char *text, *to;
	char after; /* 0: nothing */
	bool number;
} texts[] = {
	{ "{anonymous}", anonymous, 0, false },
	{ "`anonymous namespace'", anonymous, 0, false },
	{ "`anonymous-namespace'", anonymous, 0, false },
	{ "{{closure}}", "{closure}", 0, false },
	{ "$_", "$_", 0, true },
	{ "'lambda", "'lambda'", '\'', true },
	{ "'unnamed", "'unnamed'", '\'', true },
	{ "#", "", '}', true },
	{ ".gowrap", ".gowrap", 0, true },
	{ ".omp_outlined..", ".omp_outlined", 0, true },
};

static struct piece text_piece(const char *at, const char *end)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!starts(at, end, texts[i].text))
			continue;
		const char *p = at + strlen(texts[i].text);
		if (texts[i].number)
			p += span(p, end, isdigit);
		if (texts[i].after && (p == end || *p != texts[i].after))
			continue;
		/* "#2}": the brace stays. A quote is part of the text that replaces it. */
		p += texts[i].after == '\'';
		return (struct piece){ texts[i].to, (size_t)(p - at) };
	}
	return (struct piece){ NULL, 0 };
}

/* _GLOBAL__N_1, _GLOBAL__N__5f2e_3_file.cc_1a2b */
static struct piece anonymous_piece(const char *at, const char *end)
{
	static const char mangled[] = "_GLOBAL__N_";

	if (!starts(at, end, mangled))
		return (struct piece){ NULL, 0 };
	return (struct piece){ anonymous, span(at, end, is_dotted) };
}

/* ".func2.1" of Go; ".func" alone, or with other letters, is somebody's name. */
static struct piece closure_piece(const char *at, const char *end)
{
	const char *p = at + strlen(".func");

	if (!starts(at, end, ".func") || span(p, end, isdigit) == 0)
		return (struct piece){ NULL, 0 };
	p += span(p, end, isdigit);
	while (p < end && *p == '.' && span(p + 1, end, isdigit) > 0)
		p += 1 + span(p + 1, end, isdigit);
	if (p < end && *p != '.' && *p != '-')
		return (struct piece){ NULL, 0 };
	return (struct piece){ ".func", (size_t)(p - at) };
}

/* Rust's "::h0123456789abcdef", the same in a mangled name, and "core[5e1b2c3d4f5a6b7c]". */
static struct piece rust_piece(const char *name, const char *at, const char *end)
{
	const struct piece none = { NULL, 0 };

	if (starts(at, end, "::h") && span(at + 3, end, isxdigit) == RUST_HASH_DIGITS) {
		const char *p = at + 3 + RUST_HASH_DIGITS;
		return p == end || !is_identifier((unsigned char)*p)
			       ? (struct piece){ "", (size_t)(p - at) }
			       : none;
	}
	if (starts(at, end, "17h") && starts(name, end, "_ZN") &&
	    span(at + 3, end, isxdigit) >= RUST_HASH_DIGITS && at[3 + RUST_HASH_DIGITS] == 'E')
		return (struct piece){ "", 3 + RUST_HASH_DIGITS };
	if (*at == '[' && at > name && is_identifier((unsigned char)at[-1])) {
		size_t digits = span(at + 1, end, isxdigit);
		if (digits >= CRATE_DIGITS && digits <= 16 && at + 1 + digits < end &&
		    at[1 + digits] == ']')
			return (struct piece){ "", digits + 2 };
	}
	return none;
}

/* Offsets, addresses, and numbers among template arguments that can only be hashes. */
static struct piece number_piece(const char *name, const char *at, const char *end)
{
	const struct piece none = { NULL, 0 };

	if (starts(at, end, "+0x") && span(at + 3, end, isxdigit) > 0)
		return (struct piece){ "", 3 + span(at + 3, end, isxdigit) };
	if (!isdigit((unsigned char)*at) || (at > name && is_identifier((unsigned char)at[-1])))
		return none;
	bool argument = at > name && strchr("<,( )", at[-1]);
	if (starts(at, end, "0x")) {
		size_t digits = span(at + 2, end, isxdigit);
		const char *p = at + 2 + digits;
		if (digits < ADDRESS_DIGITS || (p < end && is_identifier((unsigned char)*p)))
			return none;
		return (struct piece){ argument && at[-1] != ' ' ? "#" : "[address]", digits + 2 };
	}
	size_t digits = span(at, end, isdigit), suffix = 0;
	while (at + digits + suffix < end && strchr("uUlL", at[digits + suffix]))
		suffix++;
	if (digits < HASH_DIGITS || !argument)
		return none;
	return (struct piece){ "#", digits + suffix };
}

static struct piece next_piece(const char *name, const char *at, const char *end)
{
	struct piece p = { NULL, 0 };

	/* Most characters begin nothing. */
	if (isdigit((unsigned char)*at) || *at == '+')
		p = number_piece(name, at, end);
	if (!p.len && (*at == ':' || *at == '1' || *at == '['))
		p = rust_piece(name, at, end);
	if (!p.len && *at == '_')
		p = anonymous_piece(at, end);
	if (!p.len && *at == '.')
		p = closure_piece(at, end);
	if (!p.len && strchr("{`$'#.", *at))
		p = text_piece(at, end);
	return p;
}

/* Whether anything above could apply; most names have nothing of it. */
static bool is_plain(const char *name)
{
	static const char special[256] = {
		['.'] = 1,  ['@'] = 1, ['#'] = 1, ['$'] = 1, ['`'] = 1,
		['\''] = 1, ['{'] = 1, ['['] = 1, ['+'] = 1,
	};

	for (const char *p = name; *p; p++) {
		if (special[(unsigned char)*p] ||
		    (*p == '_' && strncmp(p, "_GLOBAL_", strlen("_GLOBAL_")) == 0) ||
		    (*p == 'h' && isxdigit((unsigned char)p[1])) ||
		    (isdigit((unsigned char)*p) &&
		     (p == name || !is_identifier((unsigned char)p[-1]))))
			return false;
	}
	return true;
}

/* Rust's v0 mangling: "Cs2vB8LiTW1wV_4core" is a crate, with its disambiguator in base 62. */
static void add_rust_v0(struct buf *to, const char *name, const char *end)
{
	const char *from = name;

	for (const char *at = name; at < end; at++) {
		if (!starts(at, end, "Cs"))
			continue;
		const char *p = at + 2 + span(at + 2, end, isalnum);
		if (p + 1 >= end || *p != '_' || !isdigit((unsigned char)p[1]))
			continue;
		buf_add(to, from, (size_t)(at + 1 - from));
		from = p + 1;
		at = p;
	}
	buf_add(to, from, (size_t)(end - from));
}

static void add_pieces(struct buf *to, const char *name, const char *end)
{
	for (const char *at = name; at < end;) {
		struct piece p = next_piece(name, at, end);
		if (p.len) {
			buf_add(to, p.to, strlen(p.to));
			at += p.len;
			continue;
		}
		const char *plain = at++;
		while (at < end && (isalpha((unsigned char)*at)))
			at++;
		buf_add(to, plain, (size_t)(at - plain));
	}
}

int gate_normalize(const char *name, struct buf *to)
{
	bool rust_v0 = name[0] == '_' && name[1] == 'R';

	if (!rust_v0 && is_plain(name))
		return buf_add(to, name, strlen(name));
	size_t before = to->len;
	const char *end = name + without_suffixes(name, strlen(name));
	if (rust_v0)
		add_rust_v0(to, name, end);
	else
		add_pieces(to, name, end);
	if (to->len == before && *name)
		buf_add(to, name, strlen(name));
	return to->error;
}
