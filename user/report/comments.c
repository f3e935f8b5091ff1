// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "report/report.h"

int report_print_comments(struct report *r, FILE *out, struct err *e)
{
	const struct profile *p = r->profile;

	(void)e;
	vec_for_each(c, &p->comments)
		fprintf(out, "%s\n", profile_str(p, *c));
	return 0;
}
