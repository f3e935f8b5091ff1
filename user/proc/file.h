/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The file behind a mapping of a process. */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "proc/maps.h"

/**
 * Open for reading the regular file that a mapping shows; *ret is the caller's to close.
 *
 * Tried in this order: /proc/PID/map_files, which also leads to deleted files and needs
 * CAP_CHECKPOINT_RESTORE (5.9) or CAP_SYS_ADMIN; the path under the root of the process, so that a
 * container's files are its own; the path under our root, which serves for a chroot and for a
 * process that has ended meanwhile. A file found by its path must be the mapped inode of the mapped
 * device, as far as the file system tells. Links are never followed out of the root that is
 * searched, and neither a FIFO nor a device is ever opened.
 *
 * -ENOENT: the mapping is no file, or none was found. -ESTALE: another file has its path now.
 * -EINVAL: no regular file. -EACCES: not permitted, the message names the capability. *ret is
 * untouched on failure.
 */
int proc_file_open(pid_t pid, const struct proc_mapping *m, int *ret, struct err *e);
