/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What standard output can show, if it is a terminal. */
#pragma once

#include "report/terminal.h"

/** Its width, and whether it takes colours: not if NO_COLOR or TERM=dumb say otherwise. */
struct terminal stdout_terminal(void);
