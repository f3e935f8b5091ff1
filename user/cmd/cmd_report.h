/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The verbs that read profiles; rows for main.c's table. */
#pragma once

#include "cmd/cmd.h"

/* One for each report; argv[0] tells which. */
int cmd_report(int argc, char **argv);

int cmd_diff(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_check(int argc, char **argv);
