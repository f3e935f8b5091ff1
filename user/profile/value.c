// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "profile/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static const char *type_name(const struct profile *p, size_t i)
{
	return profile_str(p, p->sample_types.items[i].type);
}

static bool find_type(const struct profile *p, const char *name, const char *other, size_t *ret)
{
	for (size_t i = 0; i < p->sample_types.len; i++) {
		if (strcmp(type_name(p, i), name) == 0 || strcmp(type_name(p, i), other) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static int no_such_type(const struct profile *p, const char *name, struct err *e)
{
	struct buf list = { 0 };

	for (size_t i = 0; i < p->sample_types.len; i++)
		buf_printf(&list, "%s%s", i ? " " : "", type_name(p, i));
	int rc = err_plain(e, -EINVAL, "sample_index \"%s\" must be one of: [%s]", name,
			   list.data ? list.data : "");
	buf_deinit(&list);
	return rc;
}

int profile_value_by_name(const struct profile *p, const char *name, size_t *ret, struct err *e)
{
	size_t count = p->sample_types.len;

	if (count == 0)
		return err_plain(e, -EINVAL, "profile has no samples");
	if (!name || !name[0]) {
		const char *wanted = profile_str(p, p->default_sample_type);
		if (!wanted[0] || !find_type(p, wanted, wanted, ret))
			*ret = count - 1;
		return 0;
	}
	char *end;
	errno = 0;
	long number = strtol(name, &end, 10);
	if (*end == '\0' && errno == 0) {
		if (number < 0 || (size_t)number >= count)
			return err_plain(e, -EINVAL,
					 "sample_index %s is outside the range [0..%zu]", name,
					 count - 1);
		*ret = (size_t)number;
		return 0;
	}
	const char *other = strncmp(name, "inuse_", 6) == 0 ? name + 6 : name;
	return find_type(p, name, other, ret) ? 0 : no_such_type(p, name, e);
}

bool profile_is_base(const struct profile *p, size_t sample)
{
	size_t count;
	const struct profile_label *labels = profile_labels(p, sample, &count);

	for (size_t i = 0; i < count; i++) {
		if (labels[i].str &&
		    strcmp(profile_str(p, labels[i].key), PROFILE_BASE_LABEL) == 0 &&
		    strcmp(profile_str(p, labels[i].str), "true") == 0)
			return true;
	}
	return false;
}
