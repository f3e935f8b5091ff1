/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Columns of text, padded by characters, not bytes: units may be "µs". */
#pragma once

#include "report/report.h"

/** Print right-aligned in `width` characters, or more if it is longer. */
void pad_text(const char *text, int width, FILE *out);

/** How many characters a text is wide. */
int pad_width(const char *text);

/** Print a value in the report's unit, right-aligned. */
void pad_value(const struct report *r, int64_t value, int width, FILE *out);

/** Print what share of `total` a value is, 6 wide or more. */
void pad_share(int64_t value, int64_t total, FILE *out);

/** The five columns of a row of top and tree: flat, its share, the running share, cum, its share.
 */
void pad_weights(const struct report *r, int64_t flat, int64_t sum, int64_t cum, FILE *out);
