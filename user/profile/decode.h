/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Reading profile.proto, straight from the (decompressed) bytes into the flat arrays.
 *
 * Takes what google/pprof takes: gzip of one or several members or plain bytes, packed and unpacked
 * repeated fields, ids in any order, unknown fields. Refuses what it refuses, with its texts, and
 * adds the field and its byte in the decompressed profile. Numeric labels of 0 without a unit and
 * empty string labels are dropped, as there; an unknown mapping id means no mapping.
 *
 * Memory stays within a small multiple of the decompressed size, and that within STREAM_RATIO_MAX
 * times the input (stream.h).
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "profile/profile.h"

/**
 * Decode and validate. The caller owns *ret; it is untouched on failure. Errors: -EBADMSG for
 * anything that is wrong with the profile, -ENODATA for an empty one, -EFBIG for a decompression
 * bomb, -ENOMEM, or the errno of a failed read.
 */
int profile_decode(const void *data, size_t len, struct profile **ret, struct err *e);

/** As profile_decode(), of all that `fd` has to give. */
int profile_decode_fd(int fd, struct profile **ret, struct err *e);

/**
 * Look for everything that is wrong with the profile on `fd`: append a line for each problem to
 * `problems`, at most 100. 0 if it could be looked through (also if there are problems), or a
 * negative errno as above when it cannot be read to its end.
 */
int profile_check_fd(int fd, struct buf *problems, struct err *e);
