// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "gate/brief.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char operator_word[] = "operator";

/* What a name is read into. */
struct brief {
	struct buf text;
	size_t word;       /* where the last word outside of brackets begins */
	size_t depth;      /* of brackets that are kept */
	bool has_operator; /* spaces behind it are its own: "operator unsigned long" */
	bool shortened;
	bool unclosed; /* a bracket is: what follows stays as it is */
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static char last_of(const struct brief *b)
{
	return b->text.len ? b->text.data[b->text.len - 1] : '\0';
}

/* The end of what the bracket at `at` opens; NULL: it is never closed. */
static const char *bracket_end(const char *at)
{
	size_t depth = 0;

	for (const char *p = at; *p; p++) {
		if (strchr("<([{", *p))
			depth++;
		/* The arrow of a member or of a function's type is no bracket. */
		else if (strchr(")]}", *p) || (*p == '>' && p[-1] != '-'))
			depth--;
		if (depth == 0)
			return p + 1;
	}
	return NULL;
}

/* The symbols of an operator: "operator()", "operator<", "operator[]". */
static const char *add_operator(struct brief *b, const char *at)
{
	size_t word = strlen(operator_word), symbols;

	buf_add(&b->text, at, word);
	at += word;
	b->has_operator = true;
	symbols = strncmp(at, "()", 2) == 0 ? 2 : strspn(at, "<>=!+-*/%^&|~[],");
	/* "operator+<char>" */
	if (symbols > 1 && at[symbols - 1] == '<' && strncmp(at, "<<", symbols) != 0)
		symbols--;
	buf_add(&b->text, at, symbols);
	at += symbols;
	/* "operator< <char>" */
	return symbols && at[0] == ' ' && at[1] == '<' ? at + 1 : at;
}

static bool starts_operator(const struct brief *b, const char *at)
{
	size_t word = strlen(operator_word);

	return strncmp(at, operator_word, word) == 0 && !is_word(at[word]) && !is_word(last_of(b));
}

/* Whether a bracket holds what is left out: it follows a name that it belongs to. */
static bool is_left_out(const struct brief *b, const char *at)
{
	char before = last_of(b);
	bool follows = is_word(before) || before == '}' || before == '>' || b->has_operator;

	if (*at == '[')
		return strncmp(at, "[abi:", 5) == 0;
	return follows && (*at == '<' || *at == '(') && before != ' ' && before != '.';
}

/* Whether qualifiers follow, as they do behind parameters. */
static bool ends_name(const struct brief *b, const char *at)
{
	static const char *const ends[] = { " const", " volatile", " &", " [clone" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strncmp(at, ends[i], strlen(ends[i])) == 0)
			return b->shortened;
	return false;
}

static void read_name(struct brief *b, const char *name)
{
	for (const char *at = name; *at;) {
		if (starts_operator(b, at)) {
			at = add_operator(b, at);
			continue;
		}
		bool left_out = !b->unclosed && is_left_out(b, at);
		const char *end = left_out ? bracket_end(at) : NULL;
		b->unclosed |= left_out && !end;
		if (end) {
			b->shortened = true;
			at = end;
			continue;
		}
		if (*at == ' ' && ends_name(b, at))
			return;
		buf_add(&b->text, at, 1);
		b->depth += strchr("<([{", *at) != NULL;
		b->depth -= b->depth > 0 && strchr(">)]}", *at);
		if (*at == ':')
			b->has_operator = false;
		if (*at == ' ' && !b->has_operator && b->depth == 0)
			b->word = b->text.len;
		at++;
	}
}

int brief_name(struct buf *to, const char *name)
{
	struct brief b = { 0 };

	read_name(&b, name);
	/* Templates alone show their return type. */
	size_t from = b.shortened && name[0] != '<' ? b.word : 0;
	if (b.text.error)
		to->error = b.text.error;
	else if (from < b.text.len)
		buf_add(to, b.text.data + from, b.text.len - from);
	else
		buf_add(to, name, strlen(name));
	buf_deinit(&b.text);
	return to->error;
}
