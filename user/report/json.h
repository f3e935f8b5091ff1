/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#pragma once

#include <stdio.h>

/** Print a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void json_string(const char *text, FILE *out);
