// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The library that dlopens loads, built twice: PLUGIN_TWO has other code and frames at the same
 * offsets, so that rows or names of the one used for the other show.
 */
#include "target.h"

void plugin_run(void);

#ifdef PLUGIN_TWO

TARGET_ROW void plugin_two_work(unsigned n)
{
	volatile char room[600];

	room[n & 511] = 1;
	target_spin(5000000);
	room[n & 255] += room[n & 511];
}

TARGET_ROW void plugin_two_outer(unsigned n)
{
	volatile char room[48];

	room[n & 31] = 0;
	plugin_two_work(n + (unsigned)room[n & 31]);
	TARGET_NO_TAIL_CALL();
}

void plugin_run(void)
{
	plugin_two_outer(7);
	TARGET_NO_TAIL_CALL();
}

#else

TARGET_ROW void plugin_one_work(void)
{
	target_spin(5000000);
}

void plugin_run(void)
{
	plugin_one_work();
	TARGET_NO_TAIL_CALL();
}

#endif
