// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

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

/* What the probes took of the targets' CPU time, which is not known of those that ended at once.
 * The cost is an estimate, and may come out above all that there was. */
static void format_overhead(struct buf *to, const struct session_stats *s)
{
	double cost_ns = s->heap->cost_ns, all_ns = (double)s->kernel_ns;

	if (s->kernel_ns == 0)
		buf_printf(to, ", heap probes cost this process %.2f s CPU", cost_ns / 1e9);
	else
		buf_printf(to, ", heap probes cost this process %.2f%% of its CPU",
			   cost_ns < all_ns ? 100 * cost_ns / all_ns : 100);
}

/* Bytes as pprof writes them. */
static void format_bytes(struct buf *to, double bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		unit++;
	}
	buf_printf(to, unit ? "%.2f %s" : "%.0f %s", bytes, units[unit]);
}

/* What is in use beside all that the targets have. */
static void format_resident(struct buf *to, const struct session_heap_stats *h)
{
	uint64_t live = session_heap_resident(h);
	const struct {
		uint64_t bytes;
		const char *what;
	} parts[] = {
		{ live, " live since attach" },
		{ h->resident.anonymous - live, " other anonymous" },
		{ h->resident.stacks, " thread stacks" },
		{ h->resident.file, " file-mapped" },
		{ h->resident.shared, " shared" },
	};

	buf_printf(to, ", RSS ");
	format_bytes(to, (double)proc_smaps_rss(&h->resident));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		buf_printf(to, i ? ", " : " (up to ");
		format_bytes(to, (double)parts[i].bytes);
		buf_printf(to, "%s", parts[i].what);
	}
	buf_printf(to, ")");
}

static void format_heap(struct buf *to, const struct session_stats *s)
{
	const struct session_heap_stats *h = s->heap;

	buf_printf(to, ", allocated ");
	format_bytes(to, h->alloc_bytes);
	buf_printf(to, " in %.0f objects, in use of that ", h->alloc_objects);
	format_bytes(to, h->inuse_bytes);
	buf_printf(to, " in %.0f", h->inuse_objects);
	if (proc_smaps_rss(&h->resident))
		format_resident(to, h);
	if (h->raised) {
		buf_printf(to, ", rate raised to ");
		format_bytes(to, (double)h->rate_bytes);
	}
	if (h->unprobed)
		buf_printf(to, ", %" PRIu64 " processes ended before they were probed",
			   h->unprobed);
	if (h->late)
		buf_printf(to, ", %" PRIu64 " programs were probed up to %.1f ms after they began",
			   h->late, (double)h->late_ns / 1e6);
	if (h->probe_errors)
		buf_printf(to, ", %" PRIu64 " files could not be probed (%s)", h->probe_errors,
			   h->probe_error);
	if (h->ended)
		buf_printf(to, ", probing ended after %u s since frees alone cost too much",
			   h->windows);
	else if (h->windows_on < h->windows)
		buf_printf(to, ", allocations probed in %u of %u s", h->windows_on, h->windows);
	format_overhead(to, s);
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
	if (s->heap) {
		format_heap(to, s);
		return to->error;
	}
	buf_printf(to, ", %.2f s CPU sampled", (double)s->sampled_ns / 1e9);
	if (s->kernel_ns)
		buf_printf(to, " (the kernel counts %.2f s)", (double)s->kernel_ns / 1e9);
	return to->error;
}

static void details_heap(struct buf *to, const struct session_stats *s)
{
	const struct session_heap_stats *h = s->heap;

	for (size_t i = 0; i < h->probes_len; i++) {
		const struct session_probe *p = &h->probes[i];
		buf_printf(to, "probe: %s%+" PRId64 " (%#" PRIx64 ") in %s: %s, %s; %s\n",
			   p->function, p->from_entry, p->offset, p->file,
			   p->emulated ? "emulated" : "single-stepped", p->what, p->why);
	}
	buf_printf(to,
		   "calls: %" PRIu64 " allocations and %" PRIu64 " frees seen by %s, %" PRIu64
		   " recorded; %.0f and %.0f ns each where nothing is recorded\n",
		   h->allocs, h->frees, h->link, h->sampled, h->alloc_ns, h->free_ns);
	if (h->exits)
		buf_printf(to,
			   "exits: %" PRIu64 " allocations by functions that may throw; %.0f ns "
			   "each on top\n",
			   h->exits, h->exit_ns);
	buf_printf(to,
		   "sampled: %" PRIu64 " live, %" PRIu64 " calls returned no memory, %" PRIu64
		   " made by an allocator itself\n",
		   h->live, h->failed, h->nested);
	if (h->untracked)
		buf_printf(to,
			   "in use: %" PRIu64 " sampled allocations are left out, since their "
			   "frees cannot be seen\n",
			   h->untracked);
	if (h->reused)
		buf_printf(to, "in use: %" PRIu64 " addresses came again without a free\n",
			   h->reused);
}

int summary_details(struct buf *to, const struct session_stats *s)
{
	if (s->heap)
		details_heap(to, s);
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
