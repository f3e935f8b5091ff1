// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/vec.h"
#include "sym/debuginfo.h"
#include "sym/demangle.h"
#include "sym/fdefunc.h"
#include "sym/gofunc.h"
#include "sym/symtab.h"

struct name {
	const char *name, *system_name;
};

struct symbols {
	char *basename;
	struct debugfile debug; /* fd -1: none */
	struct debuginfo *dwarf;
	struct symtab *symtab, *dynsym; /* any of the five may be NULL */
	struct gofunc *go;
	struct fdefunc *fdes;

	struct map by_function; /* const struct debuginfo_function * -> struct name */
	struct map by_start;    /* address of a function -> struct name, from the other sources */
	vec_of(char *) texts;   /* names made here */
	vec_of(struct symbols_frame) frames;
};

/* ---- Sources --------------------------------------------------------------------------------- */

/* A source that is missing or damaged is left out; only -ENOMEM is passed on. */
static int sources_open(struct symbols *s, struct elf_file *f, const struct debugfile_place *place)
{
	int dwarf = debuginfo_create(f, place, &s->dwarf, NULL);
	int symtab = symtab_create(f, SYMTAB_STATIC, &s->symtab, NULL);
	int dynsym = symtab_create(f, SYMTAB_DYNAMIC, &s->dynsym, NULL);
	int go = symtab < 0 ? gofunc_create(f, &s->go, NULL) : 0;
	int fdes = fdefunc_create(f, &s->fdes, NULL);

	if ((dwarf < 0 || symtab < 0) && debugfile_open(f, place, &s->debug, NULL) == 0) {
		if (dwarf < 0)
			dwarf = debuginfo_create(s->debug.elf, place, &s->dwarf, NULL);
		if (symtab < 0)
			symtab = symtab_create(s->debug.elf, SYMTAB_STATIC, &s->symtab, NULL);
	}
	if (dwarf == -ENOMEM || symtab == -ENOMEM || dynsym == -ENOMEM || go == -ENOMEM ||
	    fdes == -ENOMEM)
		return -ENOMEM;
	return 0;
}

int symbols_create(struct elf_file *f, const struct debugfile_place *place, struct symbols **ret,
		   struct err *e)
{
	const char *slash = strrchr(place->path, '/');
	struct symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "cannot read the symbols of '%s'", f->name);
	s->debug.fd = -1;
	map_init(&s->by_function, sizeof(void *), sizeof(struct name));
	map_init(&s->by_start, sizeof(uint64_t), sizeof(struct name));
	s->basename = strdup(slash ? slash + 1 : place->path);
	int rc = s->basename ? sources_open(s, f, place) : -ENOMEM;
	if (rc < 0) {
		symbols_destroy(s);
		return err_set(e, rc, "cannot read the symbols of '%s'", f->name);
	}
	*ret = s;
	return 0;
}

void symbols_destroy(struct symbols *s)
{
	if (!s)
		return;
	debuginfo_destroy(s->dwarf);
	symtab_destroy(s->symtab);
	symtab_destroy(s->dynsym);
	gofunc_destroy(s->go);
	fdefunc_destroy(s->fdes);
	debugfile_close(&s->debug);
	map_deinit(&s->by_function);
	map_deinit(&s->by_start);
	vec_for_each(text, &s->texts)
		free(*text);
	vec_deinit(&s->texts);
	vec_deinit(&s->frames);
	free(s->basename);
	free(s);
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* Keep a text as long as `s` lives; NULL in, or out of memory, is NULL out. */
static const char *text_keep(struct symbols *s, char *text)
{
	if (text && vec_push(&s->texts, text) < 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}

/* The name of a symbol; 0 or -ENOMEM. */
static int symbol_name(struct symbols *s, const char *symbol, size_t len, struct name *ret)
{
	ret->system_name = text_keep(s, strndup(symbol, len));
	if (!ret->system_name)
		return -ENOMEM;
	ret->name = text_keep(s, demangle(symbol, len));
	if (!ret->name)
		ret->name = ret->system_name;
	return 0;
}

static int fde_name(struct symbols *s, const struct fdefunc_function *f, struct name *ret)
{
	char *text;

	ret->name = f->name;
	if (!ret->name) {
		if (asprintf(&text, "[%s]+0x%" PRIx64, s->basename, f->start) < 0)
			return -ENOMEM;
		ret->name = text_keep(s, text);
	}
	ret->system_name = ret->name;
	return ret->name ? 0 : -ENOMEM;
}

/* What the sources other than DWARF say of an address. */
static enum symbols_source address_find(const struct symbols *s, uint64_t addr,
					struct symtab_symbol *symbol, struct fdefunc_function *fde)
{
	if (s->symtab && symtab_find(s->symtab, addr, symbol))
		return SYMBOLS_SYMTAB;
	if (s->dynsym && symtab_find(s->dynsym, addr, symbol))
		return SYMBOLS_DYNSYM;
	if (s->go && gofunc_find(s->go, addr, symbol))
		return SYMBOLS_GO;
	if (!s->fdes || !fdefunc_find(s->fdes, addr, fde))
		return SYMBOLS_NONE;
	if (s->symtab && symtab_find_start(s->symtab, fde->start, symbol))
		return SYMBOLS_SYMTAB;
	if (s->dynsym && symtab_find_start(s->dynsym, fde->start, symbol))
		return SYMBOLS_DYNSYM;
	return SYMBOLS_FDE;
}

static int address_name(struct symbols *s, uint64_t addr, struct name *ret,
			enum symbols_source *source)
{
	struct symtab_symbol symbol;
	struct fdefunc_function fde;
	bool added;

	*source = address_find(s, addr, &symbol, &fde);
	if (*source == SYMBOLS_NONE)
		return 0;
	uint64_t start = *source == SYMBOLS_FDE ? fde.start : symbol.start;
	struct name *known = map_put(&s->by_start, &start, &added);
	if (!known)
		return -ENOMEM;
	if (added) {
		int rc = *source == SYMBOLS_FDE
				 ? fde_name(s, &fde, known)
				 : symbol_name(s, symbol.name, symbol.name_len, known);
		if (rc < 0)
			return rc;
	}
	*ret = *known;
	return 0;
}

/*
 * GCC gives functions that are private to a file no linkage name. Where their own code, as opposed
 * to inlined copies of it, is among the addresses, the symbol there tells it; what compilers append
 * to clones (".constprop.0") is left off, for the function is the same.
 */
static int function_learn(struct symbols *s, const struct debuginfo_function *f, uint64_t addr)
{
	struct symtab_symbol symbol;

	if (f->linkage_name || !f->name || !s->symtab || !symtab_find(s->symtab, addr, &symbol) ||
	    !mangled(symbol.name))
		return 0;
	struct name *known = map_put(&s->by_function, &f, NULL);
	if (!known)
		return -ENOMEM;
	const char *clone = memchr(symbol.name, '.', symbol.name_len);
	if (known->name)
		return 0;
	return symbol_name(s, symbol.name, clone ? (size_t)(clone - symbol.name) : symbol.name_len,
			   known);
}

static int function_make_name(struct symbols *s, const struct debuginfo_function *f,
			      struct name *ret)
{
	char *text;

	if (f->linkage_name) {
		ret->system_name = f->linkage_name;
		ret->name = text_keep(s, demangle(f->linkage_name, strlen(f->linkage_name)));
		if (!ret->name)
			ret->name =
				f->name && !mangled(f->linkage_name) ? f->name : f->linkage_name;
		return 0;
	}
	ret->system_name = f->name;
	ret->name = f->name;
	if (f->scope[0]) {
		if (asprintf(&text, "%s%s", f->scope, f->name) < 0)
			return -ENOMEM;
		ret->name = text_keep(s, text);
	}
	return ret->name ? 0 : -ENOMEM;
}

/* The name of a function in DWARF that has one. */
static int function_name(struct symbols *s, const struct debuginfo_function *f, struct name *ret)
{
	struct name *known = map_put(&s->by_function, &f, NULL);

	if (!known)
		return -ENOMEM;
	if (!known->name) {
		int rc = function_make_name(s, f, known);
		if (rc < 0)
			return rc;
	}
	*ret = *known;
	return 0;
}

/* ---- Resolving ------------------------------------------------------------------------------- */

/* One batch: its addresses ascending and distinct, and what DWARF says of them. */
struct batch {
	uint64_t *addrs;
	struct debuginfo_range *ranges;
	struct symbols_result *results;
	size_t *starts; /* of each result in s->frames */
	size_t n;
	const struct debuginfo_frame *frames;
};

static int addr_compare(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return a < b ? -1 : a > b;
}

static void batch_deinit(struct batch *b)
{
	free(b->addrs);
	free(b->ranges);
	free(b->results);
	free(b->starts);
}

static int batch_init(struct batch *b, const uint64_t *addrs, size_t n)
{
	*b = (struct batch){
		.addrs = calloc(n, sizeof(*b->addrs)),
		.ranges = calloc(n, sizeof(*b->ranges)),
		.results = calloc(n, sizeof(*b->results)),
		.starts = calloc(n, sizeof(*b->starts)),
	};
	if (!b->addrs || !b->ranges || !b->results || !b->starts)
		return -ENOMEM;
	memcpy(b->addrs, addrs, n * sizeof(*addrs));
	qsort(b->addrs, n, sizeof(b->addrs[0]), addr_compare);
	for (size_t i = 0; i < n; i++) {
		if (b->n == 0 || b->addrs[i] != b->addrs[b->n - 1])
			b->addrs[b->n++] = b->addrs[i];
	}
	return 0;
}

/* The function whose code this is, as opposed to those inlined into it; NULL: DWARF has none. */
static const struct debuginfo_function *outermost(const struct batch *b, size_t i)
{
	const struct debuginfo_range *range = &b->ranges[i];

	return range->len ? b->frames[range->first + range->len - 1].function : NULL;
}

/* Name one frame of DWARF; where DWARF lacks the name, the other sources know that of the address.
 */
static int frame_add(struct symbols *s, struct batch *b, size_t i, const struct debuginfo_frame *f)
{
	enum symbols_source source = SYMBOLS_DWARF;
	struct name name = { 0 };
	int rc = f->function && (f->function->linkage_name || f->function->name)
			 ? function_name(s, f->function, &name)
			 : address_name(s, b->addrs[i], &name, &source);

	if (rc < 0 || !name.name)
		return rc;
	b->results[i].source = source;
	b->results[i].len++;
	return vec_push(&s->frames, (struct symbols_frame){
					    .name = name.name,
					    .system_name = name.system_name,
					    .file = f->file,
					    .line = f->line,
					    .start_line = f->function ? f->function->start_line : 0,
				    });
}

static int batch_name(struct symbols *s, struct batch *b)
{
	const struct debuginfo_frame unknown = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->n; i++) {
		if (outermost(b, i))
			rc = function_learn(s, outermost(b, i), b->addrs[i]);
	}
	for (size_t i = 0; rc == 0 && i < b->n; i++) {
		const struct debuginfo_range *range = &b->ranges[i];

		b->starts[i] = s->frames.len;
		for (size_t k = 0; rc == 0 && k < range->len; k++)
			rc = frame_add(s, b, i, &b->frames[range->first + k]);
		if (rc == 0 && range->len == 0)
			rc = frame_add(s, b, i, &unknown);
	}
	return rc;
}

static void batch_tell(const struct symbols *s, const struct batch *b, const uint64_t *addrs,
		       size_t n, struct symbols_result *results)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t *at =
			bsearch(&addrs[i], b->addrs, b->n, sizeof(addrs[0]), addr_compare);
		size_t k = (size_t)(at - b->addrs);

		results[i] = b->results[k];
		results[i].frames = results[i].len ? s->frames.items + b->starts[k] : NULL;
	}
}

int symbols_resolve(struct symbols *s, const uint64_t *addrs, size_t n,
		    struct symbols_result *results, struct err *e)
{
	struct batch b;

	if (n == 0)
		return 0;
	int rc = batch_init(&b, addrs, n);
	s->frames.len = 0;
	if (rc == 0 && s->dwarf)
		rc = debuginfo_resolve(s->dwarf, b.addrs, b.n, b.ranges, &b.frames);
	if (rc == 0)
		rc = batch_name(s, &b);
	if (rc == 0)
		batch_tell(s, &b, addrs, n, results);
	batch_deinit(&b);
	return rc < 0 ? err_set(e, rc, "cannot resolve the symbols of '%s'", s->basename) : 0;
}
