// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool summary_complete(const struct session_stats *s, char to[SUMMARY_PERCENT_MAX])
{
	uint64_t all = s->user_samples + s->lost;

	to[0] = '\0';
	if (all == 0)
		return false;
	if (s->complete >= all) {
		snprintf(to, SUMMARY_PERCENT_MAX, "100%%");
		return true;
	}
	unsigned int hundredths = (unsigned int)((double)s->complete / (double)all * 10000);
	if (hundredths > 9999)
		hundredths = 9999;
	snprintf(to, SUMMARY_PERCENT_MAX, "%u.%02u%%", hundredths / 100, hundredths % 100);
	return true;
}

/* "2 no unwind information, 1 ..."; the rows of one reason are summed. */
static void format_reasons(struct buf *to, const struct session_stats *s)
{
	const char *separator = "";

	for (size_t i = 0; i < s->incomplete_len; i++) {
		const char *reason = s->incomplete[i].reason;
		uint64_t samples = 0;
		bool told = false;

		for (size_t j = 0; j < s->incomplete_len; j++) {
			if (strcmp(s->incomplete[j].reason, reason) != 0)
				continue;
			told |= j < i;
			samples += s->incomplete[j].samples;
		}
		if (told)
			continue;
		buf_printf(to, "%s%" PRIu64 " %s", separator, samples, reason);
		separator = ", ";
	}
}

static void format_lost(struct buf *to, const struct session_stats *s)
{
	buf_printf(to, ", %" PRIu64 " lost", s->lost);
	for (size_t i = 0; i < s->lost_by_len; i++)
		buf_printf(to, "%s%" PRIu64 " %s%s", i ? ", " : " (", s->lost_by[i].samples,
			   s->lost_by[i].reason, i + 1 == s->lost_by_len ? ")" : "");
}

int summary_format(struct buf *to, const struct session_stats *s)
{
	char complete[SUMMARY_PERCENT_MAX];

	buf_printf(to, "%" PRIu64 " samples in %.1f s", s->samples, (double)s->duration_ns / 1e9);
	if (summary_complete(s, complete))
		buf_printf(to, ", %s complete stacks", complete);
	if (s->truncated)
		buf_printf(to, ", %" PRIu64 " truncated", s->truncated);
	if (s->incomplete_len) {
		buf_printf(to, " (incomplete: ");
		format_reasons(to, s);
		buf_printf(to, ")");
	}
	format_lost(to, s);
	if (s->throttled)
		buf_printf(to, ", about %" PRIu64 " throttled", s->throttled);
	buf_printf(to, ", %.2f s CPU sampled", (double)s->sampled_ns / 1e9);
	if (s->kernel_ns)
		buf_printf(to, " (the kernel counts %.2f s)", (double)s->kernel_ns / 1e9);
	return to->error;
}

int summary_details(struct buf *to, const struct session_stats *s)
{
	for (size_t i = 0; i < s->incomplete_len; i++)
		buf_printf(to, "incomplete: %" PRIu64 " %s in %s\n", s->incomplete[i].samples,
			   s->incomplete[i].reason,
			   s->incomplete[i].mapping && s->incomplete[i].mapping[0]
				   ? s->incomplete[i].mapping
				   : "anonymous memory");
	if (s->truncated)
		buf_printf(to, "truncated: %" PRIu64 " deeper than the limit\n", s->truncated);
	for (size_t i = 0; i < s->lost_by_len; i++)
		buf_printf(to, "lost: %" PRIu64 " %s\n", s->lost_by[i].samples,
			   s->lost_by[i].reason);
	for (size_t i = 0; i < s->problems_len; i++)
		buf_printf(to, "file: %s\n", s->problems[i]);
	if (s->unfollowed)
		buf_printf(to,
			   "children: %" PRIu64 " records of forks, execs and exits were lost\n",
			   s->unfollowed);
	if (s->not_installed)
		buf_printf(to, "tables: no room for the mappings of a process, %" PRIu64 " times\n",
			   s->not_installed);
	buf_printf(to,
		   "unwinding: %" PRIu64 " rows of %u files, %" PRIu64
		   " walks finished outside the kernel\n",
		   s->unwind_rows, s->unwind_files, s->finished_walks);
	if (s->verified_insns)
		buf_printf(to, "kernel: %u verified instructions\n", s->verified_insns);
	return buf_printf(to, "profiler: %.3f s CPU, %.2f%% of one\n", (double)s->self_cpu_ns / 1e9,
			  s->duration_ns ? 100.0 * (double)s->self_cpu_ns / (double)s->duration_ns
					 : 0.0);
}
