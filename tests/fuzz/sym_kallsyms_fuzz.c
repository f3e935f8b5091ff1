// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any text as /proc/kallsyms: loaded or refused, and lookups keep their promises. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "sym/kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t addrs[] = { 0, 1, 0x1000, 0xffffffff81000000, UINT64_MAX };
	_cleanup_close_ int fd = memfd_create("kallsyms", MFD_CLOEXEC);
	struct kallsyms_symbol s;
	struct kallsyms *k;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || fd_write_all(fd, data, size, NULL) < 0 || kallsyms_load(path, &k, NULL) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		if (kallsyms_find(k, addrs[i], &s) && (s.start > addrs[i] || !s.name[0]))
			abort();
	}
	kallsyms_destroy(k);
	return 0;
}
