// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "probe/code.h"

#include <capstone/capstone.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "probe/insn.h"

#define INSN_LEN_MAX 15
#define WINDOW_SIZE  4096
#define INSNS_MAX    400000 /* decoded for one file: the largest allocator seen takes 40,000 */

struct code {
	struct elf_file *file;
	csh capstone;
	cs_insn *decoded;
	struct map insns; /* address -> struct insn */
	uint64_t window_at;
	size_t window_len;
	uint8_t window[WINDOW_SIZE + INSN_LEN_MAX];
};

int code_create(struct elf_file *f, struct code **ret, struct err *e)
{
	struct code *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(e, -ENOMEM, "cannot disassemble '%s'", f->name);
	c->file = f;
	map_init(&c->insns, sizeof(uint64_t), sizeof(struct insn));
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &c->capstone) != CS_ERR_OK) {
		free(c);
		return err_set(e, -ENOMEM, "cannot disassemble '%s'", f->name);
	}
	cs_option(c->capstone, CS_OPT_DETAIL, CS_OPT_ON);
	c->decoded = cs_malloc(c->capstone);
	if (!c->decoded) {
		code_destroy(c);
		return err_set(e, -ENOMEM, "cannot disassemble '%s'", f->name);
	}
	*ret = c;
	return 0;
}

void code_destroy(struct code *c)
{
	if (!c)
		return;
	if (c->decoded)
		cs_free(c->decoded, 1);
	cs_close(&c->capstone);
	map_deinit(&c->insns);
	free(c);
}

size_t code_bytes(struct code *c, uint64_t vaddr, uint8_t *to, size_t max)
{
	vec_for_each(s, &c->file->segments) {
		if (!s->executable || vaddr < s->vaddr || vaddr - s->vaddr >= s->filesz)
			continue;
		uint64_t left = s->filesz - (vaddr - s->vaddr);
		size_t len = left < max ? left : max;
		return elf_file_read(c->file, vaddr, to, len) == 0 ? len : 0;
	}
	return 0;
}

/* The bytes at an address, through a window that follows the reader; how many, up to 15. */
static size_t window_bytes(struct code *c, uint64_t vaddr, const uint8_t **bytes)
{
	if (vaddr < c->window_at || vaddr - c->window_at >= WINDOW_SIZE ||
	    vaddr - c->window_at >= c->window_len) {
		c->window_at = vaddr;
		c->window_len = code_bytes(c, vaddr, c->window, sizeof(c->window));
	}
	*bytes = c->window + (vaddr - c->window_at);
	return c->window_len - (vaddr - c->window_at);
}

static enum reg reg_of(unsigned reg)
{
	static const uint16_t names[REG_COUNT][5] = {
		{ X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH },
		{ X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH },
		{ X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH },
		{ X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH },
		{ X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL, 0 },
		{ X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL, 0 },
		{ X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL, 0 },
		{ X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL, 0 },
		{ X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B, 0 },
		{ X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B, 0 },
		{ X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B, 0 },
		{ X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B, 0 },
		{ X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B, 0 },
		{ X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B, 0 },
		{ X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B, 0 },
		{ X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B, 0 },
	};

	for (enum reg r = 0; r < REG_COUNT && reg != X86_REG_INVALID; r++) {
		for (size_t i = 0; i < 5; i++) {
			if (names[r][i] == reg)
				return r;
		}
	}
	return REG_NONE;
}

static uint16_t reg_bit(unsigned reg)
{
	enum reg r = reg_of(reg);

	return r == REG_NONE ? 0 : (uint16_t)(1u << r);
}

static bool is_reg64(const cs_x86_op *op)
{
	return op->type == X86_OP_REG && op->size == 8 && reg_of(op->reg) != REG_NONE;
}

/* A value in the stack frame: displacement(%rsp), 64 bits. */
static bool is_slot(const cs_x86_op *op)
{
	return op->type == X86_OP_MEM && op->size == 8 && op->mem.base == X86_REG_RSP &&
	       op->mem.index == X86_REG_INVALID && op->mem.segment == X86_REG_INVALID;
}

/* Instructions whose first operand is only read, or none at all. */
static bool first_operand_read(unsigned id)
{
	switch (id) {
	case X86_INS_CMP:
	case X86_INS_TEST:
	case X86_INS_PUSH:
	case X86_INS_NOP:
	case X86_INS_ENDBR64:
	case X86_INS_BT:
	case X86_INS_MUL:
	case X86_INS_DIV:
	case X86_INS_IDIV:
	case X86_INS_CALL:
	case X86_INS_JMP:
	case X86_INS_PREFETCH:
	case X86_INS_PREFETCHNTA:
	case X86_INS_PREFETCHT0:
	case X86_INS_PREFETCHT1:
	case X86_INS_PREFETCHT2:
	case X86_INS_PREFETCHW:
		return true;
	default:
		return false;
	}
}

/* Instructions that change no condition. */
static bool flags_kept(unsigned id)
{
	switch (id) {
	case X86_INS_MOV:
	case X86_INS_MOVABS:
	case X86_INS_MOVZX:
	case X86_INS_MOVSX:
	case X86_INS_MOVSXD:
	case X86_INS_LEA:
	case X86_INS_PUSH:
	case X86_INS_POP:
	case X86_INS_NOP:
	case X86_INS_NOT:
	case X86_INS_ENDBR64:
	case X86_INS_CDQE:
	case X86_INS_CDQ:
	case X86_INS_CQO:
		return true;
	default:
		return false;
	}
}

/* Instructions of which it is sure that they write their first operand and capstone's implicit
 * registers, and nothing else; see also is_conditional(). */
static bool is_familiar(unsigned id)
{
	switch (id) {
	case X86_INS_CMP:
	case X86_INS_TEST:
	case X86_INS_BT:
	case X86_INS_XOR:
	case X86_INS_AND:
	case X86_INS_OR:
	case X86_INS_ADD:
	case X86_INS_ADC:
	case X86_INS_SUB:
	case X86_INS_SBB:
	case X86_INS_INC:
	case X86_INS_DEC:
	case X86_INS_NEG:
	case X86_INS_SHL:
	case X86_INS_SHR:
	case X86_INS_SAR:
	case X86_INS_ROL:
	case X86_INS_ROR:
	case X86_INS_MUL:
	case X86_INS_IMUL:
	case X86_INS_BSR:
	case X86_INS_BSF:
	case X86_INS_LZCNT:
	case X86_INS_TZCNT:
	case X86_INS_MOVQ:
	case X86_INS_MOVD:
	case X86_INS_MOVAPS:
	case X86_INS_MOVUPS:
	case X86_INS_MOVDQA:
	case X86_INS_MOVDQU:
	case X86_INS_PXOR:
	case X86_INS_XORPS:
		return true;
	default:
		return flags_kept(id);
	}
}

/* cmov and set, whose first operand is a general register or memory */
static bool is_conditional(const cs_x86 *x)
{
	return x->opcode[0] == 0x0f && (x->opcode[1] & 0xf0) == 0x40 + 0x50 * (x->op_count == 1);
}

/* Nobody but who sets errno writes these constants. */
static bool stores_errno(const cs_insn *in)
{
	const cs_x86_op *ops = in->detail->x86.operands;

	return in->id == X86_INS_MOV && ops[0].type == X86_OP_MEM && ops[0].size == 4 &&
	       ops[1].type == X86_OP_IMM && (ops[1].imm == ENOMEM || ops[1].imm == EINVAL);
}

/* Which registers and memory it writes. */
static void writes_fill(const cs_insn *in, struct insn *to)
{
	const cs_x86 *x = &in->detail->x86;
	const cs_x86_op *first = &x->operands[0];
	bool conditional = is_conditional(x);

	to->familiar = is_familiar(in->id) || conditional;
	to->keeps_flags = flags_kept(in->id) || conditional;
	for (size_t i = 0; i < in->detail->regs_write_count; i++)
		to->writes |= reg_bit(in->detail->regs_write[i]);
	to->fails = stores_errno(in);
	if (x->op_count == 0 || first_operand_read(in->id))
		return;
	if (first->type == X86_OP_REG)
		to->writes |= reg_bit(first->reg);
	else if (first->type == X86_OP_MEM)
		to->stores = first->mem.base != X86_REG_RSP;
}

/* The whole of a register: 32 bits are extended to 64. */
static bool sets_register(const cs_insn *in)
{
	const cs_x86_op *a = &in->detail->x86.operands[0], *b = &in->detail->x86.operands[1];

	if (in->detail->x86.op_count != 2 || a->type != X86_OP_REG || a->size < 4 ||
	    reg_of(a->reg) == REG_NONE)
		return false;
	if (in->id == X86_INS_XOR)
		return b->type == X86_OP_REG && b->reg == a->reg;
	return (in->id == X86_INS_MOV || in->id == X86_INS_MOVABS) && b->type == X86_OP_IMM;
}

static void effect_fill(const cs_insn *in, struct insn *to)
{
	const cs_x86 *x = &in->detail->x86;
	const cs_x86_op *a = &x->operands[0], *b = &x->operands[1];
	bool two = x->op_count == 2, to_rsp = is_reg64(a) && reg_of(a->reg) == REG_RSP;

	if (in->id == X86_INS_NOP || in->id == X86_INS_ENDBR64) {
		to->effect = EFFECT_NONE;
	} else if (sets_register(in)) {
		to->effect = EFFECT_SET;
		to->reg = reg_of(a->reg);
		to->value = b->type == X86_OP_IMM ? b->imm : 0;
	} else if (in->id == X86_INS_PUSH) {
		to->effect = EFFECT_PUSH;
		to->from = is_reg64(a) ? reg_of(a->reg) : REG_NONE;
		to->writes |= 1u << REG_RSP;
	} else if (in->id == X86_INS_POP && is_reg64(a)) {
		to->effect = EFFECT_POP;
		to->reg = reg_of(a->reg);
		to->writes |= 1u << REG_RSP;
	} else if (in->id == X86_INS_MOV && two && is_reg64(a) && is_reg64(b)) {
		to->effect = EFFECT_COPY;
		to->reg = reg_of(a->reg);
		to->from = reg_of(b->reg);
	} else if (in->id == X86_INS_MOV && two && is_slot(a) && is_reg64(b)) {
		to->effect = EFFECT_SAVE;
		to->from = reg_of(b->reg);
		to->value = a->mem.disp;
	} else if (in->id == X86_INS_MOV && two && is_reg64(a) && is_slot(b)) {
		to->effect = EFFECT_RESTORE;
		to->reg = reg_of(a->reg);
		to->value = b->mem.disp;
	} else if ((in->id == X86_INS_ADD || in->id == X86_INS_SUB) && two && to_rsp &&
		   b->type == X86_OP_IMM) {
		to->effect = EFFECT_ADJUST;
		to->value = in->id == X86_INS_ADD ? b->imm : -b->imm;
	} else if (in->id == X86_INS_TEST && two && is_reg64(a) && is_reg64(b) &&
		   a->reg == b->reg) {
		to->effect = EFFECT_TEST;
		to->from = reg_of(a->reg);
	} else if (in->id == X86_INS_CMP && two && is_reg64(a) && b->type == X86_OP_IMM) {
		to->effect = EFFECT_COMPARE;
		to->from = reg_of(a->reg);
		to->value = b->imm;
	}
}

/* A jump's or call's target: direct, or through a pointer at a fixed address. */
static void target_fill(const cs_insn *in, struct insn *to)
{
	const cs_x86_op *op = &in->detail->x86.operands[0];

	if (in->detail->x86.op_count != 1)
		return;
	if (op->type == X86_OP_IMM) {
		to->direct = true;
		to->target = (uint64_t)op->imm;
	} else if (op->type == X86_OP_MEM && op->mem.index == X86_REG_INVALID &&
		   op->mem.segment == X86_REG_INVALID &&
		   (op->mem.base == X86_REG_RIP || op->mem.base == X86_REG_INVALID)) {
		to->via_slot = true;
		to->target = (uint64_t)op->mem.disp;
		if (op->mem.base == X86_REG_RIP)
			to->target += in->address + in->size;
	}
}

static bool is_branch(const cs_insn *in)
{
	for (size_t i = 0; i < in->detail->groups_count; i++) {
		if (in->detail->groups[i] == CS_GRP_JUMP)
			return true;
	}
	return false;
}

static void flow_fill(const cs_insn *in, struct insn *to)
{
	const cs_x86 *x = &in->detail->x86;

	switch (in->id) {
	case X86_INS_CALL:
	case X86_INS_LCALL:
		to->flow = FLOW_CALL;
		break;
	case X86_INS_JMP:
	case X86_INS_LJMP:
		to->flow = FLOW_JUMP;
		break;
	case X86_INS_RET:
	case X86_INS_RETF:
	case X86_INS_RETFQ:
		to->flow = FLOW_RETURN;
		break;
	case X86_INS_UD0:
	case X86_INS_UD2:
	case X86_INS_UD2B:
	case X86_INS_INT3:
	case X86_INS_HLT:
		to->flow = FLOW_TRAP;
		break;
	case X86_INS_LOOP:
	case X86_INS_LOOPE:
	case X86_INS_LOOPNE:
	case X86_INS_JRCXZ:
	case X86_INS_JECXZ:
	case X86_INS_XBEGIN:
		to->flow = FLOW_JUMP_IF;
		to->condition = INSN_COUNTED;
		break;
	default:
		if (x->opcode[0] >= 0x70 && x->opcode[0] <= 0x7f)
			to->condition = x->opcode[0] & 0x0f;
		else
			to->condition = x->opcode[1] & 0x0f;
		to->flow = is_branch(in) ? FLOW_JUMP_IF : FLOW_NEXT;
	}
	if (to->flow != FLOW_NEXT)
		target_fill(in, to);
	if (to->flow == FLOW_JUMP_IF)
		to->keeps_flags = true;
}

bool code_insn(struct code *c, uint64_t vaddr, struct insn *ret)
{
	const struct insn *known = map_find(&c->insns, &vaddr);
	const uint8_t *bytes;

	if (known) {
		*ret = *known;
		return true;
	}
	size_t len = window_bytes(c, vaddr, &bytes);
	if (len == 0 || c->insns.len >= INSNS_MAX)
		return false;
	struct insn in = { .len = 1,
			   .flow = FLOW_TRAP,
			   .emulated = probe_insn_emulated(bytes, len) };
	uint64_t address = vaddr;
	if (cs_disasm_iter(c->capstone, &bytes, &len, &address, c->decoded)) {
		in.len = (uint8_t)c->decoded->size;
		writes_fill(c->decoded, &in);
		effect_fill(c->decoded, &in);
		flow_fill(c->decoded, &in);
	}
	struct insn *kept = map_put(&c->insns, &vaddr, NULL);
	if (!kept)
		return false;
	*kept = in;
	*ret = in;
	return true;
}
