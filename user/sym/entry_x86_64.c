// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "sym/entry.h"

#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"

/* Both instructions: a REX prefix, opcode, ModRM, and four bytes. */
#define INSN_LEN 7

static const uint8_t lea_rip_rdi[3] = { 0x48, 0x8d, 0x3d }; /* lea rel32(%rip),%rdi */
static const uint8_t mov_imm_rdi[3] = { 0x48, 0xc7, 0xc7 }; /* mov $imm32,%rdi */

uint64_t entry_main_x86_64(const uint8_t *code, size_t len, uint64_t vaddr)
{
	for (size_t i = 0; i + INSN_LEN <= len; i++) {
		struct cursor c = cursor_init(code + i + 3, 4);
		bool relative = memcmp(code + i, lea_rip_rdi, 3) == 0;
		uint32_t value;

		if ((relative || memcmp(code + i, mov_imm_rdi, 3) == 0) && cursor_u32(&c, &value)) {
			uint64_t extended = (uint64_t)(int64_t)(int32_t)value;
			return relative ? vaddr + i + INSN_LEN + extended : extended;
		}
	}
	return 0;
}
