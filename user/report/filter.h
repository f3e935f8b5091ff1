/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What a report leaves out of a profile. Private to this room, except filter_uninteresting(). */
#pragma once

#include "base/buf.h"
#include "report/report.h"

/** The unit of each numeric label key: its first, else one guessed from the key. */
struct label_unit {
	uint32_t key, unit;
};
struct label_units {
	vec_of(struct label_unit) keys;
};

/** Find the units; says in `notes` where a key has several. The strings must be unified. */
int label_units_init(struct label_units *u, struct profile *p, struct buf *notes, struct err *e);
void label_units_deinit(struct label_units *u);

/** The unit of a numeric label's key, "" if no sample has it. */
const char *label_units_find(const struct label_units *u, const struct profile *p, uint32_t key);

/**
 * Demangle names that are not demangled yet, simplify those that look like C++ where the profile
 * gives no mangled ones, and drop names of binaries that are URLs, as pprof does.
 */
int filter_names(struct profile *p, struct err *e);

/** Drop the frames that the profile itself calls uninteresting: drop_frames, keep_frames. */
int filter_uninteresting(struct profile *p, struct err *e);

/** -tagroot, -tagleaf: make frames of labels. */
int filter_tag_frames(struct report *r, struct err *e);

/** -focus, -ignore, -hide, -show, -show_from, -prune_from. */
int filter_names_apply(struct report *r, struct err *e);
int filter_prune_from(struct report *r, struct err *e);

/** -tagfocus, -tagignore; then -tagshow, -taghide. */
int filter_tags(struct report *r, struct err *e);

/** Whether a sample's numeric label lies in a range such as "32kb", ":64kb", "4mb:". */
struct tag_range {
	double low, high; /* -INFINITY, INFINITY where open */
	char unit[64];
};
bool tag_range_parse(const char *text, struct tag_range *r);
bool tag_range_has(const struct tag_range *r, int64_t value, const char *unit);

/** Note that an option's expression matched nothing. */
void filter_note_unmatched(struct report *r, const char *option, const char *pattern, bool matched);
