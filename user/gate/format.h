/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Numbers as people read them. Private to this room. */
#pragma once

#define FORMAT_MAX 64

/** "1.23s", "12.5MB", "845": a mean, of a unit that profiles use. */
void format_value(char text[FORMAT_MAX], double value, const char *unit);

/** "+10.2%", "-0.25%", "x12.5", "new" where there was nothing, "?" if not known. */
void format_ratio(char text[FORMAT_MAX], double ratio);

/** "[+8.1%, +12.4%]", "" if not known. */
void format_interval(char text[FORMAT_MAX], double low, double high);

/** "5%", "0.5%" */
void format_percent(char text[FORMAT_MAX], double fraction);

/** "0.00016", "?" if not known. */
void format_p(char text[FORMAT_MAX], double p);
