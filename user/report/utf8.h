/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Characters of texts that should be UTF-8 (RFC 3629) but need not be. */
#pragma once

#include <stddef.h>
#include <stdio.h>

/** The length of the well-formed character at `text`, not at its end; 0 if there is none. */
size_t utf8_length(const char *text);

/** Print the next character of `*text` if it is UTF-8, else U+FFFD, and move on. */
void utf8_put(const char **text, FILE *out);

/**
 * How many characters are in `len` bytes, those that are no UTF-8 one each, as Go counts. A NUL has
 * to follow some time.
 */
size_t utf8_count(const char *text, size_t len);
