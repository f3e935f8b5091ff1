// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "probe/landings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE  (1u << 20)
#define BRANCH_MAX  6   /* bytes of a branch of 32 bits: 0f 8x and four */
#define SHORT_REACH 128 /* bytes that a jump of 8 bits spans */
#define SYNC_DISTANCE                                                                              \
	96 /* bytes in which disassembly finds the true instructions, see near_find() */
#define INSN_LEN_MAX 15

static int addresses_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The first of some ascending addresses that is not below `than`. */
static size_t lower_bound(const uint64_t *items, size_t len, uint64_t than)
{
	size_t low = 0;

	while (low < len) {
		size_t mid = low + (len - low) / 2;
		if (items[mid] < than)
			low = mid + 1;
		else
			len = mid;
	}
	return low;
}

/* Keep a branch's target if it is inside of a function's first bytes, but not its entry. */
static int target_take(struct landings *t, uint64_t target)
{
	size_t at = lower_bound(t->entries.items, t->entries.len, target);

	if (at == 0 || target - t->entries.items[at - 1] >= LANDINGS_REACH ||
	    (at < t->entries.len && t->entries.items[at] == target))
		return 0;
	return vec_push(&t->addresses, target);
}

/* Is what ends before `at` the opcode of a branch of 32 bits: call, jmp, or jcc? */
static bool opcode_before(const uint8_t *bytes, size_t at)
{
	return (bytes[at - 1] & 0xfe) == 0xe8 ||
	       (at >= 2 && bytes[at - 2] == 0x0f && (bytes[at - 1] & 0xf0) == 0x80);
}

/* The distance comes first, as few bytes in a hundred megabytes are one to where we look. */
static int bytes_scan(struct landings *t, const uint8_t *bytes, size_t len, uint64_t vaddr)
{
	uint64_t first = t->entries.items[0];
	uint64_t span = t->entries.items[t->entries.len - 1] + LANDINGS_REACH - first;
	int rc = 0;

	for (size_t at = 1; at + 4 <= len && rc == 0; at++) {
		int32_t distance;

		memcpy(&distance, bytes + at, 4);
		uint64_t target = vaddr + at + 4 + (uint64_t)(int64_t)distance;
		if (target - first < span && opcode_before(bytes, at))
			rc = target_take(t, target);
	}
	return rc;
}

/* All branches of 32 bits in a segment. Chunks overlap, so that each branch is whole in one. */
static int far_find(struct landings *t, struct code *code, const struct elf_segment *s)
{
	uint8_t *chunk = malloc(CHUNK_SIZE + BRANCH_MAX);
	int rc = chunk ? 0 : -ENOMEM;

	for (uint64_t at = 0; at < s->filesz && rc == 0; at += CHUNK_SIZE) {
		size_t len = code_bytes(code, s->vaddr + at, chunk, CHUNK_SIZE + BRANCH_MAX);
		if (len == 0)
			break;
		rc = bytes_scan(t, chunk, len, s->vaddr + at);
	}
	free(chunk);
	return rc;
}

/*
 * The branches around one function. Before its entry we do not know where instructions begin; but
 * one begins in any INSN_LEN_MAX bytes of code, so that one of as many attempts follows the true
 * ones, and the others soon fall in with it.
 */
static int near_find(struct landings *t, struct code *code, const struct elf_segment *s,
		     uint64_t entry)
{
	uint64_t back = SHORT_REACH + INSN_LEN_MAX + SYNC_DISTANCE;
	uint64_t start = entry - s->vaddr > back ? entry - back : s->vaddr;
	int rc = 0;

	for (uint64_t first = start; first <= start + INSN_LEN_MAX; first++) {
		/* The last attempt is the certain one. */
		uint64_t at = first < start + INSN_LEN_MAX ? first : entry;
		uint64_t end = at == entry ? entry + LANDINGS_REACH + SHORT_REACH : entry;
		struct insn in;

		for (; rc == 0 && at < end && code_insn(code, at, &in); at += in.len) {
			if (in.direct)
				rc = target_take(t, in.target);
		}
	}
	return rc;
}

static int segment_find(struct landings *t, struct code *code, const struct elf_segment *s)
{
	int rc = far_find(t, code, s);

	vec_for_each(entry, &t->entries) {
		if (rc == 0 && *entry >= s->vaddr && *entry - s->vaddr < s->filesz)
			rc = near_find(t, code, s, *entry);
	}
	return rc;
}

int landings_find(struct landings *t, struct elf_file *f, struct code *code, struct err *e)
{
	int rc = 0;

	if (t->entries.len == 0)
		return 0;
	qsort(t->entries.items, t->entries.len, sizeof(uint64_t), addresses_compare);
	vec_for_each(s, &f->segments) {
		if (s->executable && rc == 0)
			rc = segment_find(t, code, s);
	}
	if (rc < 0)
		return err_set(e, rc, "cannot search the code of '%s'", f->name);
	if (t->addresses.len)
		qsort(t->addresses.items, t->addresses.len, sizeof(uint64_t), addresses_compare);
	return 0;
}

void landings_deinit(struct landings *t)
{
	vec_deinit(&t->entries);
	vec_deinit(&t->addresses);
}

bool landings_within(const struct landings *t, uint64_t from, uint64_t to)
{
	size_t at = lower_bound(t->addresses.items, t->addresses.len, from);

	return at < t->addresses.len && t->addresses.items[at] <= to;
}
