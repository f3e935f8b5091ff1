/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** The maps behind abi/unwind.h, and the look-ups in them that the verifier checks once each. */
#pragma once

#include "abi/unwind.h"

#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>

/* User space fills these through mmap; sizes that depend on the machine are set before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_mapping);
} mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_page);
} pages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_RULES);
	__type(key, __u32);
	__type(value, struct unwind_rule);
} rules SEC(".maps");

struct unwind_chunk {
	struct unwind_row rows[UNWIND_CHUNK_ROWS];
};

/* Inner maps give sizes, not types: clang leaves their types out of the BTF. */
struct unwind_segment {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_SEGMENT_CHUNKS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct unwind_chunk));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UNWIND_SEGMENTS);
	__type(key, __u32);
	__array(values, struct unwind_segment);
} segments SEC(".maps");

/* A slice of the mappings holds at most 2^16 of them, the kernel's default vm.max_map_count: 17
 * halvings. */
#define MAPPING_HALVINGS 17

/* The index in `mappings` of the one that holds pc, searched in [first, first + count); -1 if there
 * is none. */
__noinline int mapping_search(__u32 first, __u32 count, __u64 pc)
{
	__u32 low = first, high = first + count; /* the answer is in [low, high) */
	struct unwind_mapping *m;

	for (int i = 0; i < MAPPING_HALVINGS && high - low > 1; i++) {
		__u32 mid = low + ((high - low) >> 1);
		m = bpf_map_lookup_elem(&mappings, &mid);
		if (!m)
			return -1;
		if (m->start <= pc)
			low = mid;
		else
			high = mid;
	}
	m = bpf_map_lookup_elem(&mappings, &low);
	return m && count && m->start <= pc && pc < m->end ? (int)low : -1;
}

/* A KiB of text has at most 1,024 rows: 10 halvings, and one for the row in force at its start. */
#define ROW_HALVINGS 11

/* The number of the rule in force at an address of a file; UNWIND_RULE_NONE where nothing is known.
 */
__noinline int rule_search(__u32 dir, __u64 vaddr)
{
	__u32 key = dir + (__u32)(vaddr >> UNWIND_PAGE_SHIFT);
	__u16 at = vaddr, low, high;

	if (dir == UNWIND_DIR_NONE)
		return UNWIND_RULE_NONE;
	struct unwind_page *page = bpf_map_lookup_elem(&pages, &key);
	if (!page || page->rows == 0)
		return UNWIND_RULE_NONE;
	__u32 block = page->block, rows = page->rows;
	key = block / UNWIND_SEGMENT_ROWS;
	void *segment = bpf_map_lookup_elem(&segments, &key);
	if (!segment)
		return UNWIND_RULE_NONE;
	key = block / UNWIND_CHUNK_ROWS % UNWIND_SEGMENT_CHUNKS;
	struct unwind_chunk *chunk = bpf_map_lookup_elem(segment, &key);
	if (!chunk)
		return UNWIND_RULE_NONE;
	block %= UNWIND_CHUNK_ROWS;
	/* Two index entries a row slot. */
	const __u16 *index = (const void *)chunk;
	__u32 kib = at >> UNWIND_INDEX_SHIFT;
	low = index[(block * 2 + kib) % (UNWIND_CHUNK_ROWS * 2)];
	high = kib + 1 < UNWIND_INDEX_SIZE ? index[(block * 2 + kib + 1) % (UNWIND_CHUNK_ROWS * 2)]
					   : rows - 1;
	block += UNWIND_INDEX_SLOTS;
	for (int i = 0; i < ROW_HALVINGS && low < high; i++) {
		__u16 mid = low + ((high - low + 1) >> 1);
		if (chunk->rows[(block + mid) % UNWIND_CHUNK_ROWS].pc <= at)
			low = mid;
		else
			high = mid - 1;
	}
	return chunk->rows[(block + low) % UNWIND_CHUNK_ROWS].rule;
}
