/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The labels of a sample, from its key. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/sample.h"
#include "profile/profile.h"
#include "session/session.h"

#define LABELS_MAX 4

/** Fill `to`, which has room for LABELS_MAX, by the bits of SESSION_LABEL_*; returns how many. */
size_t labels_make(struct profile *p, uint32_t labels, const struct sample_key *key,
		   struct profile_label *to);

/** Clear in a key what no profile with these labels tells: such samples become one. */
void labels_hide(uint32_t labels, struct sample_key *key);
