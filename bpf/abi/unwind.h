/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Unwind tables as BPF reads them and user space fills them.
 *
 *   mapping (per process, sorted by start)   file and load bias of a PC
 *     -> page directory (one flat array)     one entry for each 64 KiB of a file's text
 *       -> page block                        an index by 1 KiB, then the rows sorted by pc
 *         -> rule                            how to find the caller's frame; shared by all files
 *
 * Rows are written first, then the 8-byte directory entry that publishes them. What a mapping
 * refers to is not reused before an RCU grace period has passed since the last mapping that
 * referred to it was replaced.
 */
#pragma once

#include <linux/types.h>

/* ---- Rows ---------------------------------------------------------------------------------- */

#define UNWIND_PAGE_SHIFT  16
#define UNWIND_PAGE_SIZE   (1u << UNWIND_PAGE_SHIFT)
#define UNWIND_INDEX_SHIFT 10 /* one index entry per KiB */
#define UNWIND_INDEX_SIZE  (UNWIND_PAGE_SIZE >> UNWIND_INDEX_SHIFT)

/* One row covers the PCs from its own to the next row's, inside one 64 KiB page of a file. */
struct unwind_row {
	__u16 pc;   /* first byte covered, offset in the page */
	__u16 rule; /* index into the rule table; UNWIND_RULE_NONE: no CFI here */
};
_Static_assert(sizeof(struct unwind_row) == 4, "user space packs rows");

/*
 * A page block is UNWIND_INDEX_SLOTS row slots that hold the index, then the page's rows; row 0
 * starts at pc 0. index[k] is the row in force at the first byte of KiB k. A block never straddles
 * a chunk.
 */
#define UNWIND_INDEX_SLOTS (UNWIND_INDEX_SIZE * 2 / 4)

/* Rows live in segments of 16 chunks of 65,536 row slots: 4 MiB, the unit in which memory is taken.
 */
#define UNWIND_CHUNK_ROWS     65536u
#define UNWIND_SEGMENT_CHUNKS 16u
#define UNWIND_SEGMENT_ROWS   (UNWIND_CHUNK_ROWS * UNWIND_SEGMENT_CHUNKS)
#define UNWIND_SEGMENTS       64u /* 256 MiB of rows: the bound of the tables */

/* Where the rows of one 64 KiB page are. All zero: nothing is known of this page. */
struct unwind_page {
	__u32 block; /* row slot of the block, counted over all segments */
	__u32 rows;  /* 1 to 65,536 */
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct unwind_page) == 8, "a page is published by one store");

/* ---- Rules --------------------------------------------------------------------------------- */

#define UNWIND_RULES 65536u
#define UNWIND_RULE_NONE                                                                           \
	0                  /* no CFI covers this PC: frame pointers, or the end of what is known   \
			    */
#define UNWIND_RULE_ROOT 1 /* the outermost function: the stack is complete */
#define UNWIND_RULE_SIGNAL                                                                         \
	2 /* a signal trampoline: the interrupted registers are in the ucontext at rsp */
#define UNWIND_RULE_CLONE                                                                          \
	3 /* after clone's system call: a leaf with its return address at sp, a root in the child  \
	   */
#define UNWIND_RULES_FIXED 4

enum unwind_cfa {
	UNWIND_CFA_NONE, /* only in the fixed rules */
	UNWIND_CFA_SP,   /* sp + cfa_off */
	UNWIND_CFA_BP,   /* bp + cfa_off */
	UNWIND_CFA_REG,  /* regs[reg] + cfa_off; known in the leaf and in an interrupted frame only
			  */
	UNWIND_CFA_SP_MEM,    /* *(sp + cfa_off) + cfa_add */
	UNWIND_CFA_BP_MEM,    /* *(bp + cfa_off) + cfa_add */
	UNWIND_CFA_BP_SWITCH, /* bp + cfa_off, perhaps on another stack */
	UNWIND_CFA_PLT,       /* sp + 8 + ((pc & 15) >= reg ? 8 : 0): a lazy PLT's expression */
	UNWIND_CFA_EXPR,      /* any other expression: cfa_off is its number in user space's list */
};

enum unwind_bp {
	UNWIND_BP_SAME,  /* unchanged */
	UNWIND_BP_CFA,   /* saved at cfa + bp_off */
	UNWIND_BP_BP,    /* saved at bp + bp_off (functions that realign their stack) */
	UNWIND_BP_SP,    /* saved at sp + bp_off */
	UNWIND_BP_UNDEF, /* lost */
};

enum unwind_ra {
	UNWIND_RA_CFA,   /* saved at cfa + ra_off */
	UNWIND_RA_UNDEF, /* undefined: the outermost frame */
	UNWIND_RA_REG,   /* in regs[reg], in the leaf only */
};

struct unwind_rule {
	__u8 cfa; /* enum unwind_cfa */
	__u8 bp;  /* enum unwind_bp */
	__u8 ra;  /* enum unwind_ra */
	__u8 reg; /* DWARF number of the CFA's or return address's register, or the PLT's threshold
		   */
	__s32 cfa_off;
	__s32 bp_off;
	__s16 cfa_add;
	__s16 ra_off;
};
_Static_assert(sizeof(struct unwind_rule) == 16, "user space compares rules as bytes");

/* ---- Mappings ------------------------------------------------------------------------------ */

#define UNWIND_FILE_UNKNOWN 0u /* executable memory that is no file: JIT code */
#define UNWIND_FILE_FIRST   1u /* first number given to a file */
#define UNWIND_FILE_LIMIT                                                                          \
	0xff0000u                   /* numbers are below: the top byte 0xff marks plain addresses  \
				     */
#define UNWIND_DIR_NONE 0xffffffffu /* the file has no rows (no CFI, or the tables are full) */

/* One executable mapping of a process. */
struct unwind_mapping {
	__u64 start, end; /* addresses in the process, end exclusive */
	__u64 bias;       /* address in the process minus address in the file (p_vaddr) */
	__u32 file;       /* UNWIND_FILE_* or a file's number */
	__u32 dir;        /* dir + (vaddr >> 16), modulo 2^32, is the page's directory entry */
};
_Static_assert(sizeof(struct unwind_mapping) == 32, "no padding");

/* ---- Frames -------------------------------------------------------------------------------- */

/*
 * A frame is {file:24, offset:40}, the offset being the address in the file (p_vaddr space). Where
 * no file is known the top byte is 0xff: the other 56 bits are the address in the process. A kernel
 * frame is the kernel's address as it is; its bit 55 is set, which no user address has. The leaf's
 * address is exact, a user caller's is its return address - 1.
 */
#define UNWIND_FRAME_OFFSET_BITS 40
#define UNWIND_FRAME_OFFSET_MASK ((1ULL << UNWIND_FRAME_OFFSET_BITS) - 1)
#define UNWIND_FRAME_PLAIN       (0xffULL << 56)
#define UNWIND_FRAME_PLAIN_MASK  ((1ULL << 56) - 1)
#define UNWIND_FRAME_KERNEL      (0xffffULL << 48)

/* User frames; deeper stacks keep the leaf side. */
#define UNWIND_FRAMES_MAX 1024

/* Kernel frames in front of them: the kernel itself stops at 127 (kernel.perf_event_max_stack). */
#define UNWIND_KERNEL_FRAMES_MAX 128

/* ---- The walk ------------------------------------------------------------------------------ */

#define UNWIND_REGS   16 /* general registers by DWARF number */
#define UNWIND_REG_BX 3
#define UNWIND_REG_BP 6
#define UNWIND_REG_SP 7

/* Where a walk stands: the frame that is to be recorded and left next. */
struct unwind_state {
	__u64 pc; /* the exact address if `exact`, else the return address - 1 */
	__u64 sp, bp;
	__u32 exact;    /* the leaf, or a frame that a signal interrupted: all of regs[] is known */
	__u32 at_entry; /* the leaf, its return address still at sp */
	__u64 regs[UNWIND_REGS]; /* by DWARF number; meaningful only if `exact` */
};

/* How a walk ended. COMPLETE and TRUNCATED are ends; the others say why a stack is incomplete. */
enum unwind_end {
	UNWIND_END_COMPLETE,    /* the outermost frame: return address undefined, or a known root */
	UNWIND_END_TRUNCATED,   /* UNWIND_FRAMES_MAX frames, and more to come */
	UNWIND_END_NO_PROCESS,  /* the process's mappings are not known */
	UNWIND_END_NO_MAPPING,  /* the PC is in no executable mapping */
	UNWIND_END_NO_CFI,      /* no CFI, and no plausible frame pointer */
	UNWIND_END_BAD_READ,    /* stack memory could not be read */
	UNWIND_END_ZERO_RA,     /* a return address of zero */
	UNWIND_END_STUCK,       /* the CFA does not grow: a damaged or foreign stack */
	UNWIND_END_NO_REGISTER, /* the rule needs a register that is no longer known */
	UNWIND_END_EXPRESSION,  /* an expression that could not be evaluated */
	UNWIND_END_SHORT_COPY,  /* the copy of the stack was too short */
	UNWIND_END_32BIT,       /* 32-bit code */
	UNWIND_END_NO_REGS,     /* the registers in user mode could not be read */
	UNWIND_END_COUNT,
};
