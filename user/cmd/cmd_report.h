/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The verbs that read profiles; rows for main.c's table. */
#pragma once

#include "cmd/cmd.h"

int cmd_top(int argc, char **argv);
