// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/gate_progress.h"

#include <inttypes.h>
#include <math.h>

#include "base/clock.h"

int gate_progress_estimate(const char *metric, const struct gate_look *look, struct buf *to)
{
	buf_printf(to, "%s ", metric);
	if (!isfinite(look->ratio))
		return buf_printf(to, "?");
	buf_printf(to, "%+.1f%%", 100 * (look->ratio - 1));
	if (isfinite(look->low) && isfinite(look->high))
		buf_printf(to, " [%+.1f%%, %+.1f%%]", 100 * (look->low - 1),
			   100 * (look->high - 1));
	return to->error;
}

int gate_progress_format(const struct gate_progress *p, const struct gate_runs *runs,
			 const struct gate_policy *policy, struct buf *to)
{
	buf_printf(to, "%" PRIu64 " of %" PRIu64 " rounds", p->round, p->rounds);
	vec_for_each(metric, &policy->metrics) {
		struct gate_look look;

		if (!metric->judged || gate_look(runs, policy, metric->name, 0, &look, NULL) < 0)
			continue;
		buf_printf(to, " | ");
		gate_progress_estimate(metric->name, &look, to);
	}
	if (p->left_ns)
		buf_printf(to, " | %.0f s left", (double)p->left_ns / NS_PER_SEC);
	return buf_printf(to, ", Ctrl-C ends");
}
