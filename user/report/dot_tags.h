/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The small boxes of labels at the nodes of a picture. Private to this room. */
#pragma once

#include "report/graph.h"

/**
 * Print the tags of a node that is drawn as N<id>: flat weights if it `calls` others, else
 * cumulative ones. 1 if there are any, 0 if not, or -ENOMEM.
 */
int dot_tags_print(const struct report *r, const struct graph *g, uint32_t node, uint32_t id,
		   bool calls, FILE *out);
