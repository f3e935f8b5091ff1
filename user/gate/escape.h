/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Texts of unknown origin, such as function names, as output formats take them. Private to this
 * room. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

enum escape {
	ESCAPE_JSON,     /* only made UTF-8: the JSON library does the rest */
	ESCAPE_TERMINAL, /* nothing has a meaning without control characters */
	ESCAPE_XML,      /* content and attributes in double quotes */
	ESCAPE_MARKDOWN, /* GitHub's and GitLab's: nothing is formatted, nobody is notified */
	ESCAPE_CODE,     /* within a code span in a cell of such a table */
	ESCAPE_COMMAND,  /* what a GitHub workflow command says */
	ESCAPE_PROPERTY, /* its properties' values */
};

/**
 * Append a text. Bytes that are no UTF-8 (RFC 3629) become U+FFFD each, and so do, except for JSON,
 * characters that move the cursor or change the direction of what follows. A text of more than
 * `most` characters (0: no limit, else at least 3) is cut to as many, "..." at its end included.
 * Returns to->error.
 */
int escape_add(struct buf *to, enum escape how, const char *text, size_t most);
