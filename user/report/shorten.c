// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/shorten.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "report/regex.h"

/* What a rule captures is what remains of a name; the first rule that matches is taken. */
static const char *const rules[] = {
	/* Go: all of the import path but its last element. */
	"^(?:[\\w\\-.]+/)+([^.]+\\..+)",
	/* Java: the package; the class has a capital. */
	"^(?:[a-z]\\w*\\.)*([A-Z][\\w$]*\\.(?:<init>|[a-z][\\w$]*(?:\\$\\d+)?))(?:\\(|$)",
	/* C++: namespaces before a class and its method. */
	"^(?:[_a-zA-Z]\\w*::)+(_*[A-Z]\\w*::~?[_a-zA-Z]\\w*(?:<.*>)?)",
};

/* A Go module's major version, which is no name. */
static const char version_rule[] = "^(.*?)/v(?:[2-9]|[1-9][0-9]+)([./].*)$";
static const char anonymous[] = "(anonymous namespace)::";

struct shortener {
	struct regex *version;
	struct regex *rules[ARRAY_SIZE(rules)];
};

int shortener_create(struct shortener **ret, struct err *e)
{
	struct shortener *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "cannot shorten names");
	int rc = regex_create(version_rule, "version", &s->version, e);
	for (size_t i = 0; i < ARRAY_SIZE(rules) && rc == 0; i++)
		rc = regex_create(rules[i], "name", &s->rules[i], e);
	if (rc < 0) {
		shortener_destroy(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void shortener_destroy(struct shortener *s)
{
	if (!s)
		return;
	regex_destroy(s->version);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		regex_destroy(s->rules[i]);
	free(s);
}

/* All captures of a match, one after the other; NULL and 0 if there is no match. */
static int join_captures(struct regex *re, const char *name, char **ret)
{
	struct regex_span spans[3];
	size_t count = regex_captures(re, name, strlen(name), spans, ARRAY_SIZE(spans));
	struct buf b = { 0 };

	*ret = NULL;
	if (count == 0)
		return 0;
	for (size_t i = 1; i < count; i++)
		buf_add(&b, name + spans[i].start, spans[i].len);
	*ret = b.data;
	return b.error;
}

char *shortener_apply(struct shortener *s, const char *name)
{
	if (strncmp(name, anonymous, strlen(anonymous)) == 0)
		name += strlen(anonymous);
	_cleanup_free_ char *unversioned = NULL;
	if (join_captures(s->version, name, &unversioned) < 0)
		return NULL;
	if (unversioned)
		name = unversioned;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		char *shortened;
		if (join_captures(s->rules[i], name, &shortened) < 0)
			return NULL;
		if (shortened)
			return shortened;
	}
	return strdup(name);
}
