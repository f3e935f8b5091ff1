/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * What all formats say in the same words, not yet escaped, with brief names. Private to this room.
 * Functions append and return to->error.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "gate/judge.h"

/** The change that a row's state is about. */
static inline const struct gate_change *row_change(const struct gate_row *r)
{
	return r->by_cum ? &r->cum : &r->own;
}

/** Whether a row is worth reading: it changed, or may have. */
static inline bool row_tells(const struct gate_row *r)
{
	return r->state != GATE_SAME && r->state != GATE_IGNORED;
}

/**
 * Rows that tell are many where a large part of a program changed: so many, the first, are shown at
 * once.
 */
#define WORDS_ROWS_SHOWN 15

/** Whether a row tells of a function with all that it calls. */
static inline bool row_with_callees(const struct gate_row *r)
{
	return r->by_cum && row_tells(r) && r->state != GATE_CALLEES;
}

/** Whether a reason is worth reading: what could have gone unseen is none if something was seen. */
static inline bool reason_tells(const struct gate_metric *m, const struct gate_reason *r)
{
	return m->outcome == GATE_INCONCLUSIVE || r->kind != GATE_RESOLUTION;
}

/** NULL if there is none. */
const struct gate_row *words_culprit(const struct gate_metric *m);

/** "2.00s to 2.21s, +10.3% [+9.1%, +11.5%], p = 1.1e-05" */
int words_change(struct buf *to, const struct gate_change *c, const char *unit);

/**
 * A state of a metric's row or total in a table: gate_state_name(), but "unclear" instead of "same"
 * where there is no verdict. Static.
 */
const char *words_state(const struct gate_metric *m, enum gate_state s);

/** "src/parse.cc:42", "src/parse.cc", or nothing: where a function is. */
int words_place(struct buf *to, const struct gate_row *r);

/** "by main (93%), in log", or nothing: by whom most of a change came, and what it is in. */
int words_cause(struct buf *to, const struct gate_row *r);

/** "parse regressed: 1.00s to ... p = 0.0001, by main (100%)" */
int words_row(struct buf *to, const struct gate_row *r, const char *unit);

/** "the total regressed: 2.00s to ... p = 0.0001" */
int words_total(struct buf *to, const struct gate_metric *m);

/** "10 and 10 runs, 40000 and 44100 samples; 2 of 24 functions changed; ..." */
int words_runs(struct buf *to, const struct gate_metric *m);

/** What gate_selfcheck() and gate_power() found, each a sentence; they must have been asked. */
int words_self(struct buf *to, const struct gate_metric *m);
int words_power(struct buf *to, const struct gate_metric *m);

/** What only one side has is told of so many, the heaviest, unless all is wanted. */
#define WORDS_FOLDED_SHOWN 5

/** "only in the new runs: lex (1.2s), counted as parse's"; "nearly only", if seen in others too. */
int words_folded(struct buf *to, const struct gate_metric *m, const struct gate_folded *f);

/**
 * "machine: 2 CPUs, Example, Linux 6.1, host a" or, if they differ, "base machine: ...; new
 * machine: ..."; what is not known is left out.
 */
int words_machines(struct buf *to, const struct gate_verdict *v);
