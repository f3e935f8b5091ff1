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

static bool opcode_refused(uint8_t opcode)
{
	switch (opcode) {
	case 0x06 ... 0x07:
	case 0x0e:
	case 0x16 ... 0x17:
	case 0x1e ... 0x1f:
	case 0x27:
	case 0x2f:
	case 0x37:
	case 0x3f:
	case 0x60 ... 0x62: /* 62: EVEX */
	case 0x6c ... 0x6f: /* ins, outs */
	case 0x82:
	case 0x9a:
	case 0xcc ... 0xcf: /* int3, int, iret */
	case 0xd4 ... 0xd6:
	case 0xe4 ... 0xe7: /* in, out */
	case 0xea:
	case 0xec ... 0xef:
	case 0xf1:
	case 0xf4:          /* hlt */
	case 0xfa ... 0xfb: /* cli, sti */
		return true;
	default:
		return false;
	}
}

bool probe_insn_refused(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		switch (bytes[i]) {
		case 0x26: /* segments es, cs, ss, ds; lock */
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0xf0:
			return true;
		case 0x40 ... 0x4f: /* REX */
		case 0x64 ... 0x67: /* segments fs, gs; sizes */
		case 0xf2 ... 0xf3: /* repeat */
			break;
		default:
			return opcode_refused(bytes[i]);
		}
	}
	return true;
}
