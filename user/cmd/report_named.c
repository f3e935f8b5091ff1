// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/report_named.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/encode.h"
#include "report/flame.h"

static int print_flame(struct report *r, FILE *out, struct err *e)
{
	struct flame_options o = { 0 };

	return flame_print_svg(r, &o, out, e);
}

struct form {
	const char *suffix;
	enum report_kind kind;
	int (*print)(struct report *r, FILE *out, struct err *e);
};

static const struct form forms[] = {
	{ ".svg", REPORT_FLAME, print_flame },
	{ ".folded", REPORT_FLAME, report_print_collapsed },
	{ ".json", REPORT_FLAME, report_print_speedscope },
	{ ".txt", REPORT_TEXT, report_print_text },
};

static const struct form *form_of(const char *path)
{
	size_t len = path ? strlen(path) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = strlen(forms[i].suffix);
		if (len > n && strcmp(path + len - n, forms[i].suffix) == 0)
			return &forms[i];
	}
	return NULL;
}

static int print_form(const struct form *f, struct profile *p, FILE *out, struct err *e)
{
	struct report_options o = REPORT_OPTIONS_DEFAULT;
	struct report r;
	int rc = report_init(&r, p, &o, f->kind, NULL, e);

	if (rc == 0) {
		rc = f->print(&r, out, e);
		report_deinit(&r);
	}
	return rc;
}

int report_named(struct profile *p, const char *path, struct buf *out, struct err *e)
{
	const struct form *f = form_of(path);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (!f)
		return profile_encode(p, out, e);
	FILE *file = open_memstream(&text, &len);
	if (!file)
		return err_set(e, -errno, "cannot make the report");
	int rc = print_form(f, p, file, e);
	if (fclose(file) != 0 && rc == 0)
		rc = err_set(e, -errno, "cannot make the report");
	if (rc == 0 && buf_add(out, text, len) < 0)
		rc = err_set(e, -ENOMEM, "cannot make the report");
	return rc;
}
