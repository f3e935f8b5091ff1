// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "probe/insn.h"

/*
 * Left out on purpose: long NOPs (single-stepped before 6.18), 66 90 (refused before 6.2), branches
 * with a prefix (some are refused), and 41 90, an exchange of registers that is taken for a NOP.
 */
bool probe_insn_emulated(const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return false;
	switch (bytes[0]) {
	case 0x50 ... 0x57: /* push */
	case 0x90:          /* nop */
		return true;
	case 0x41: /* REX.B */
		return len >= 2 && bytes[1] >= 0x50 && bytes[1] <= 0x57;
	case 0x70 ... 0x7f: /* jcc rel8 */
	case 0xeb:          /* jmp rel8 */
		return len >= 2;
	case 0xe8: /* call rel32 */
	case 0xe9: /* jmp rel32 */
		return len >= 5;
	case 0x0f: /* jcc rel32 */
		return len >= 6 && bytes[1] >= 0x80 && bytes[1] <= 0x8f;
	default:
		return false;
	}
}
