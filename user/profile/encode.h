/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Writing profile.proto. Equal profiles give equal bytes. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "profile/profile.h"

/** Append the profile to `out` as bare profile.proto. 0 or -ENOMEM. */
int profile_encode_raw(const struct profile *p, struct buf *out, struct err *e);

/** As profile_encode_raw(), compressed with gzip at its fastest level: a .pb.gz file. */
int profile_encode(const struct profile *p, struct buf *out, struct err *e);
