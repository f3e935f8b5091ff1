/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Pictures by graphviz. */
#pragma once

#include <stdio.h>

#include "base/err.h"

/**
 * Have `dot` draw the graph `text`, in a format such as "svg", to `out`. -ENOENT, with what to
 * install, if there is no `dot`.
 */
int report_image_draw(const char *format, const char *text, size_t len, FILE *out, struct err *e);
