// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Any text as /proc/PID/maps: parsed or refused, and what is parsed keeps its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proc_maps m = { 0 };
	struct err e = { 0 };

	if (buf_add(&m.text, data, size) == 0 && proc_maps_parse(&m, &e) == 0) {
		uint64_t end = 0;

		vec_for_each(mapping, &m.mappings) {
			if (mapping->start < end || mapping->start >= mapping->end ||
			    mapping->path < m.text.data ||
			    mapping->path + strlen(mapping->path) > m.text.data + m.text.len ||
			    proc_maps_find(&m, mapping->start) != mapping)
				abort();
			end = mapping->end;
		}
	}
	proc_maps_deinit(&m);
	return 0;
}
