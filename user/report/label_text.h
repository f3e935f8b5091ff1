/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The labels of a sample as lines or lists of text. Private to this room. */
#pragma once

#include "base/buf.h"
#include "report/report.h"

/** Print string labels, then numeric ones, a line for each key: go tool pprof -traces. */
int label_text_lines(const struct report *r, size_t sample, FILE *out);

/** Print "key:[v] key:[v]" of string labels, then of numeric ones: go tool pprof -raw. */
int label_text_lists(const struct report *r, size_t sample, FILE *out);
