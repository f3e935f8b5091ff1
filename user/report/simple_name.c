// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * libiberty has no option to leave template arguments out, and taking them out of its tree would
 * leave parameters without what they stand for. So the tree gets marks around them, which come out
 * again in the text.
 */
#include "report/simple_name.h"

#include <libiberty/demangle.h>
#undef ARRAY_SIZE /* libiberty.h's, in favour of ours */
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/vec.h"

#define NAME_MAX_BYTES (64u << 10)
#define PRINTED_MAX    (1u << 20)

/*
 * For each reference to a template parameter libiberty has room, on the stack, for a copy of all
 * templates: 16 bytes each, four times what we count because it may count either twice.
 */
#define TEMPLATE_COPIES_MAX 4096

/* Bytes that no name has. */
#define MARK_OPEN  '\1'
#define MARK_CLOSE '\2'

struct tree {
	vec_of(struct demangle_component *) nodes; /* each once, however often it is shared */
	vec_of(struct demangle_component *) marks; /* ours */
	size_t templates, references;
};

static void tree_deinit(struct tree *t)
{
	vec_for_each(mark, &t->marks)
		free(*mark);
	vec_deinit(&t->marks);
	vec_deinit(&t->nodes);
}

/* d_printing is the printer's, and has to be zero when it starts. */
static int tree_add(struct tree *t, struct demangle_component *c)
{
	if (!c || c->d_printing)
		return 0;
	c->d_printing = 1;
	return vec_push(&t->nodes, c);
}

static int tree_add_children(struct tree *t, struct demangle_component *c)
{
	switch (c->type) {
	case DEMANGLE_COMPONENT_NAME:
	case DEMANGLE_COMPONENT_TEMPLATE_PARAM:
	case DEMANGLE_COMPONENT_FUNCTION_PARAM:
	case DEMANGLE_COMPONENT_SUB_STD:
	case DEMANGLE_COMPONENT_BUILTIN_TYPE:
	case DEMANGLE_COMPONENT_EXTENDED_BUILTIN_TYPE:
	case DEMANGLE_COMPONENT_OPERATOR:
	case DEMANGLE_COMPONENT_CHARACTER:
	case DEMANGLE_COMPONENT_NUMBER:
	case DEMANGLE_COMPONENT_UNNAMED_TYPE:
		return 0;
	case DEMANGLE_COMPONENT_CTOR:
		return tree_add(t, c->u.s_ctor.name);
	case DEMANGLE_COMPONENT_DTOR:
		return tree_add(t, c->u.s_dtor.name);
	case DEMANGLE_COMPONENT_EXTENDED_OPERATOR:
		return tree_add(t, c->u.s_extended_operator.name);
	case DEMANGLE_COMPONENT_FIXED_TYPE:
		return tree_add(t, c->u.s_fixed.length);
	case DEMANGLE_COMPONENT_LAMBDA:
	case DEMANGLE_COMPONENT_DEFAULT_ARG:
		return tree_add(t, c->u.s_unary_num.sub);
	default:
		if (tree_add(t, c->u.s_binary.left) < 0)
			return -ENOMEM;
		return tree_add(t, c->u.s_binary.right);
	}
}

static struct demangle_component *tree_mark(struct tree *t, enum demangle_component_type type)
{
	struct demangle_component *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->type = type;
	if (vec_push(&t->marks, c) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

/* name<a, b> becomes name OPEN <a, b, CLOSE>. */
static int mark_template(struct tree *t, struct demangle_component *c)
{
	static const char open[] = { MARK_OPEN }, close[] = { MARK_CLOSE };
	struct demangle_component **last = &c->u.s_binary.right;

	struct demangle_component *opening = tree_mark(t, DEMANGLE_COMPONENT_NAME);
	struct demangle_component *closing = tree_mark(t, DEMANGLE_COMPONENT_NAME);
	struct demangle_component *name = tree_mark(t, DEMANGLE_COMPONENT_COMPOUND_NAME);
	struct demangle_component *argument = tree_mark(t, DEMANGLE_COMPONENT_TEMPLATE_ARGLIST);
	if (!opening || !closing || !name || !argument)
		return -ENOMEM;
	cplus_demangle_fill_name(opening, open, 1);
	cplus_demangle_fill_name(closing, close, 1);
	name->u.s_binary.left = c->u.s_binary.left;
	name->u.s_binary.right = opening;
	argument->u.s_binary.left = closing;
	c->u.s_binary.left = name;
	while (*last)
		last = &(*last)->u.s_binary.right;
	*last = argument;
	return 0;
}

/* The const of a method, and the like. */
static bool is_qualifier(const struct demangle_component *c)
{
	return c && c->type >= DEMANGLE_COMPONENT_RESTRICT_THIS &&
	       c->type <= DEMANGLE_COMPONENT_RVALUE_REFERENCE_THIS;
}

/* The function around a local name keeps its brackets, empty. */
static void drop_parameters(struct demangle_component *function)
{
	if (!function || function->type != DEMANGLE_COMPONENT_TYPED_NAME)
		return;
	struct demangle_component *type = function->u.s_binary.right;
	while (is_qualifier(type))
		type = type->u.s_binary.left;
	if (type && type->type == DEMANGLE_COMPONENT_FUNCTION_TYPE)
		type->u.s_binary.right = NULL;
}

/* Constructors are called after the class that they are in, also inherited ones. */
static struct demangle_component *class_name(struct demangle_component *class)
{
	for (;;) {
		switch (class->type) {
		case DEMANGLE_COMPONENT_QUAL_NAME:
		case DEMANGLE_COMPONENT_LOCAL_NAME:
			class = class->u.s_binary.right;
			break;
		case DEMANGLE_COMPONENT_TEMPLATE:
		case DEMANGLE_COMPONENT_COMPOUND_NAME: /* a template with its marks */
			class = class->u.s_binary.left;
			break;
		case DEMANGLE_COMPONENT_NAME:
		case DEMANGLE_COMPONENT_UNNAMED_TYPE:
		case DEMANGLE_COMPONENT_LAMBDA:
			return class;
		default:
			return NULL;
		}
	}
}

static void rename_constructor(struct demangle_component *class, struct demangle_component *member)
{
	struct demangle_component *name = class_name(class);

	if (name && member->type == DEMANGLE_COMPONENT_CTOR)
		member->u.s_ctor.name = name;
	else if (name && member->type == DEMANGLE_COMPONENT_DTOR)
		member->u.s_dtor.name = name;
}

/* "std::basic_ostream<char, std::char_traits<char> >", as libiberty calls it before a constructor.
 */
static void drop_std_arguments(struct demangle_component *c)
{
	const char *open = memchr(c->u.s_string.string, '<', (size_t)c->u.s_string.len);

	if (open)
		c->u.s_string.len = (int)(open - c->u.s_string.string);
}

static int simplify_component(struct tree *t, struct demangle_component *c)
{
	struct demangle_component *left;

	switch (c->type) {
	case DEMANGLE_COMPONENT_SUB_STD:
		drop_std_arguments(c);
		return 0;
	case DEMANGLE_COMPONENT_QUAL_NAME:
		rename_constructor(c->u.s_binary.left, c->u.s_binary.right);
		return 0;
	case DEMANGLE_COMPONENT_LOCAL_NAME:
		drop_parameters(c->u.s_binary.left);
		return 0;
	case DEMANGLE_COMPONENT_TEMPLATE:
		t->templates++;
		return mark_template(t, c);
	case DEMANGLE_COMPONENT_REFERENCE:
	case DEMANGLE_COMPONENT_RVALUE_REFERENCE:
		left = c->u.s_binary.left;
		t->references += left && left->type == DEMANGLE_COMPONENT_TEMPLATE_PARAM;
		return 0;
	default:
		return 0;
	}
}

static int simplify_tree(struct tree *t, struct demangle_component *root)
{
	int rc = tree_add(t, root);

	for (size_t i = 0; i < t->nodes.len && rc == 0; i++)
		rc = tree_add_children(t, t->nodes.items[i]);
	for (size_t i = 0; i < t->nodes.len; i++) {
		t->nodes.items[i]->d_printing = 0;
		if (rc == 0)
			rc = simplify_component(t, t->nodes.items[i]);
	}
	return t->templates * t->references > TEMPLATE_COPIES_MAX ? -E2BIG : rc;
}

/* Text as it is printed. What is between marks is not kept, but has to end some time, too. */
struct output {
	struct buf text;
	size_t printed;
	unsigned depth;
	bool closing; /* the bracket that ends template arguments is to come */
	jmp_buf stop;
};

/* libiberty's printers take no for no answer; all their state is on the stack. */
static void output_add(const char *bytes, size_t len, void *opaque)
{
	struct output *out = opaque;

	out->printed += len;
	if (out->printed > PRINTED_MAX)
		longjmp(out->stop, 1);
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == MARK_OPEN)
			out->depth++;
		else if (bytes[i] == MARK_CLOSE)
			out->closing = true;
		else if (out->closing) {
			out->closing = false;
			out->depth--;
		} else if (out->depth == 0 && buf_add(&out->text, &bytes[i], 1) < 0)
			longjmp(out->stop, 1);
	}
}

static bool print_tree(struct output *out, struct demangle_component *root)
{
	if (setjmp(out->stop))
		return false;
	return cplus_demangle_print_callback(DMGL_PARAMS | DMGL_ANSI, root, output_add, out);
}

static bool print_rust(struct output *out, const char *mangled)
{
	if (setjmp(out->stop))
		return false;
	return rust_demangle_callback(mangled, DMGL_PARAMS | DMGL_ANSI, output_add, out);
}

/* The qualifiers of a function are parameters, too, and libiberty leaves some. */
static void drop_qualifiers(struct demangle_component *root)
{
	if (root->type != DEMANGLE_COMPONENT_LOCAL_NAME ||
	    root->u.s_binary.right->type != DEMANGLE_COMPONENT_DEFAULT_ARG)
		return;
	struct demangle_component **name = &root->u.s_binary.right->u.s_unary_num.sub;
	while (is_qualifier(*name))
		*name = (*name)->u.s_binary.left;
}

static bool print_cplusplus(struct output *out, const char *mangled, int options)
{
	_cleanup_(tree_deinit) struct tree t = { 0 };
	_cleanup_free_ void *memory = NULL;
	struct demangle_component *root = cplus_demangle_v3_components(mangled, options, &memory);

	if (!root)
		return false;
	drop_qualifiers(root);
	return simplify_tree(&t, root) == 0 && print_tree(out, root);
}

/* Constructors and destructors of globals, in the form of old compilers: "_GLOBAL__I__Z1av". */
static bool print_global(struct output *out, const char *mangled)
{
	const char *kind = mangled + strlen("_GLOBAL_");

	if (strlen(kind) < 4 || !strchr("._$", kind[0]) || !strchr("ID", kind[1]) || kind[2] != '_')
		return false;
	buf_printf(&out->text, "global %s keyed to ",
		   kind[1] == 'I' ? "constructors" : "destructors");
	if (strncmp(kind + 3, "_Z", 2) == 0)
		return print_cplusplus(out, kind + 3, DMGL_PARAMS | DMGL_ANSI);
	return buf_add(&out->text, kind, strlen(kind)) == 0;
}

/* "Vec<u8>" becomes "Vec<>"; "<T as Trait>" stays, as it does not follow a name. */
static void drop_generics(struct buf *text)
{
	size_t kept = 0, depth = 0;

	for (size_t i = 0; i < text->len; i++) {
		char c = text->data[i], before = i ? text->data[i - 1] : ' ';
		bool arrow = c == '>' && before == '-';
		bool binder = i >= 3 && memcmp(&text->data[i - 3], "for", 3) == 0;
		if (depth > 0 && c == '>' && !arrow)
			depth--;
		if (depth == 0)
			text->data[kept++] = c;
		if (c == '<' && (depth > 0 || (!binder && !strchr(" (<[&*", before))))
			depth++;
	}
	text->len = kept;
	text->data[kept] = '\0';
}

static bool simplify(struct output *out, const char *mangled)
{
	if (print_rust(out, mangled)) {
		if (strncmp(mangled, "_R", 2) == 0 && out->text.len)
			drop_generics(&out->text);
		return true;
	}
	out->text.len = 0;
	if (strncmp(mangled, "_GLOBAL_", 8) == 0)
		return print_global(out, mangled);
	return print_cplusplus(out, mangled, DMGL_ANSI);
}

char *simple_name(const char *mangled)
{
	struct output out = { 0 };

	if (strlen(mangled) > NAME_MAX_BYTES || strpbrk(mangled, "\1\2"))
		return NULL;
	if (simplify(&out, mangled) && out.text.len && !out.text.error)
		return out.text.data;
	buf_deinit(&out.text);
	return NULL;
}
