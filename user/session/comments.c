// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "session/comments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "profile/build.h"

/* "model name" of the first CPU in /proc/cpuinfo; "" if there is none. */
static void cpu_model(char *to, size_t size)
{
	struct buf text = { 0 };
	const char *key = "model name";
	char *line = NULL;

	*to = '\0';
	if (file_read_all("/proc/cpuinfo", &text, NULL) == 0)
		line = strstr(text.data, key);
	if (line) {
		line += strlen(key);
		line += strspn(line, "\t :");
		snprintf(to, size, "%.*s", (int)strcspn(line, "\n"), line);
	}
	buf_deinit(&text);
}

static void add(struct profile *p, struct buf *text)
{
	if (text->error == 0)
		profile_add_comment(p, text->data);
	text->len = 0;
}

static void machine_add(struct profile *p, struct buf *text)
{
	struct utsname name;
	char model[128];

	if (uname(&name) < 0)
		return;
	buf_printf(text, "# host: %s", name.nodename);
	add(p, text);
	buf_printf(text, "# kernel: %s %s %s", name.sysname, name.release, name.machine);
	add(p, text);
	cpu_model(model, sizeof(model));
	buf_printf(text, "# cpus: %ld %s", sysconf(_SC_NPROCESSORS_ONLN), model);
	add(p, text);
}

static void samples_add_comment(struct profile *p, struct buf *text,
				const struct session_stats *stats)
{
	buf_printf(text, "# samples: %lu, user %lu, complete %lu, truncated %lu, lost %lu",
		   stats->samples, stats->user_samples, stats->complete, stats->truncated,
		   stats->lost);
	add(p, text);
	for (size_t i = 0; i < stats->incomplete_len; i++) {
		const struct session_incomplete *row = &stats->incomplete[i];
		buf_printf(text, "incomplete: %lu %s in %s", row->samples, row->reason,
			   row->mapping);
		add(p, text);
	}
	for (size_t i = 0; i < stats->lost_by_len; i++) {
		buf_printf(text, "lost: %lu %s", stats->lost_by[i].samples,
			   stats->lost_by[i].reason);
		add(p, text);
	}
	if (stats->throttled) {
		buf_printf(text, "throttled: %lu ticks left out by the timer", stats->throttled);
		add(p, text);
	}
}

/* What the probes cost, and what they did not see. */
static void probes_add_comment(struct profile *p, struct buf *text,
			       const struct session_stats *stats)
{
	const struct session_heap_stats *h = stats->heap;

	buf_printf(text, "# heap: probes took %.3f s of the targets' %.2f s CPU", h->cost_ns / 1e9,
		   (double)stats->kernel_ns / 1e9);
	add(p, text);
	if (h->windows_on < h->windows) {
		buf_printf(text, "heap: allocations were probed in %u of %u s%s", h->windows_on,
			   h->windows, h->ended ? ", then frees alone cost too much" : "");
		add(p, text);
	}
	if (h->unprobed) {
		buf_printf(
			text,
			"heap: %lu processes ended before they were probed, or have no allocator "
			"that is known",
			h->unprobed);
		add(p, text);
	}
	if (h->late) {
		buf_printf(
			text,
			"heap: %lu programs were probed up to %.1f ms after they began: what they "
			"allocated before is missing",
			h->late, (double)h->late_ns / 1e6);
		add(p, text);
	}
	if (h->probe_errors) {
		buf_printf(text, "heap: %lu files could not be probed: %s", h->probe_errors,
			   h->probe_error);
		add(p, text);
	}
	if (h->untracked) {
		buf_printf(text,
			   "heap: %lu sampled allocations are never in use: their frees cannot "
			   "be seen",
			   h->untracked);
		add(p, text);
	}
}

static void heap_add_comment(struct profile *p, struct buf *text, const struct session_stats *stats)
{
	const struct session_heap_stats *h = stats->heap;

	buf_printf(text,
		   "# heap: in use is what was allocated since the profiler attached, %.1f s ago, "
		   "and still lives",
		   (double)stats->duration_ns / 1e9);
	add(p, text);
	buf_printf(text,
		   "# heap: %lu allocations and %lu frees seen by %s, sampling rate %lu bytes now, "
		   "doubled %u times",
		   h->allocs, h->frees, h->link, h->rate_bytes, h->raised);
	add(p, text);
	if (proc_smaps_rss(&h->resident)) {
		uint64_t live = session_heap_resident(h);

		buf_printf(text,
			   "# heap: RSS %lu bytes: %lu live since the profiler attached "
			   "(estimated), %lu other anonymous, %lu thread stacks, %lu file-mapped, "
			   "%lu shared",
			   proc_smaps_rss(&h->resident), live, h->resident.anonymous - live,
			   h->resident.stacks, h->resident.file, h->resident.shared);
		add(p, text);
	}
	probes_add_comment(p, text, stats);
}

static void names_add_comment(struct profile *p, struct buf *text,
			      const struct symbolize_stats *names)
{
	for (int i = 0; i < SYMBOLIZE_REASONS; i++) {
		if (names->unnamed[i] == 0)
			continue;
		buf_printf(text, "# unnamed: %lu addresses, %s", names->unnamed[i],
			   symbolize_reason_text((enum symbolize_reason)i));
		add(p, text);
	}
	if (names->kernel_err.code) {
		buf_printf(text, "kernel symbols: %s", names->kernel_err.msg);
		add(p, text);
	}
}

void comments_add(struct profile *p, const char *command_line, const struct session_stats *stats,
		  const struct symbolize_stats *names)
{
	struct buf text = { 0 };

	if (*command_line) {
		buf_printf(&text, "command: %s", command_line);
		add(p, &text);
	}
	buf_printf(&text, "# profiler: cprofbpf %s", CPROFBPF_VERSION);
	add(p, &text);
	machine_add(p, &text);
	samples_add_comment(p, &text, stats);
	if (stats->heap) {
		heap_add_comment(p, &text, stats);
	} else if (stats->kernel_ns) {
		buf_printf(&text, "# cpu: sampled %.2f s, kernel's count %.2f s",
			   (double)stats->sampled_ns / 1e9, (double)stats->kernel_ns / 1e9);
		add(p, &text);
	}
	names_add_comment(p, &text, names);
	buf_deinit(&text);
}
