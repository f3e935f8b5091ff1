/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * From a row of call frame information to the rule that the unwinding step follows.
 */
#pragma once

#include <stdint.h>

#include "abi/unwind.h"
#include "unwind/cfi_program.h"

/** What a row of CFI comes to. */
enum rule_kind {
	RULE_NONE,   /* it does not say where the return address is */
	RULE_SIGNAL, /* a signal trampoline: UNWIND_RULE_SIGNAL */
	RULE_PLAIN,  /* *rule says it all */
	RULE_EXPR,   /* *rule, and the CFA by the row's expression */
	RULE_OTHER,  /* *rule, but with a CFA, stack pointer or return address that no rule can
			express */
};

/**
 * Classify a row; `signal` is its CIE's flag. *rule is written for the last three kinds; with
 * RULE_EXPR and RULE_OTHER its cfa is UNWIND_CFA_EXPR and cfa_off is left to the caller. A frame
 * pointer that no rule can express is told as lost.
 */
enum rule_kind rule_classify(const struct cfi_row *row, bool signal, struct unwind_rule *rule);
