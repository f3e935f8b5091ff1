/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** What the tables made of any bytes must keep to, for the fuzzers of the unwind room. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "unwind/tables.h"
#include "unwind/walk.h"

#define CHECK_PAGES    (1u << 12)
#define CHECK_SEGMENTS 2
#define CHECK_WALKS    64 /* walked from so many rows */

static struct unwind_rule check_rules[UNWIND_RULES];
static struct unwind_page check_pages[CHECK_PAGES];
static struct unwind_row check_rows[CHECK_SEGMENTS][UNWIND_SEGMENT_ROWS];

static void *check_segment(void *ctx, uint32_t i)
{
	(void)ctx;
	return i < CHECK_SEGMENTS ? check_rows[i] : NULL;
}

/* Rows ascend from 0, their rules exist, and each is what a look-up at its address finds. */
static void check_page(const struct unwind_tables *t, uint32_t entry, uint32_t rules)
{
	struct unwind_page page = check_pages[entry];
	const struct unwind_row *rows = check_rows[page.block / UNWIND_SEGMENT_ROWS] +
					page.block % UNWIND_SEGMENT_ROWS + UNWIND_INDEX_SLOTS;
	uint32_t in_chunk = page.block % UNWIND_CHUNK_ROWS;
	struct unwind_rule rule;

	if (page.rows == 0 || in_chunk + UNWIND_INDEX_SLOTS + page.rows > UNWIND_CHUNK_ROWS ||
	    rows[0].pc != 0)
		abort();
	for (uint32_t i = 0; i < page.rows; i++) {
		uint32_t end = i + 1 < page.rows ? rows[i + 1].pc : UNWIND_PAGE_SIZE;

		if (rows[i].pc >= end || rows[i].rule >= rules ||
		    unwind_tables_rule(t, entry, rows[i].pc, &rule) != rows[i].rule ||
		    unwind_tables_rule(t, entry, end - 1, &rule) != rows[i].rule)
			abort();
	}
}

/* Walks over `data` as the stack end, however they end, and give frames of the one file. */
static void check_walk(const struct unwind_tables *t, uint32_t dir, uint64_t pc,
		       const uint8_t *data, size_t size)
{
	struct unwind_mapping mapping = { .end = UINT64_MAX,
					  .file = UNWIND_FILE_FIRST,
					  .dir = dir };
	struct walk_process p = { .tables = t,
				  .mappings = &mapping,
				  .mappings_len = 1,
				  .stack_addr = 0x7000,
				  .stack = data,
				  .stack_len = size };
	struct unwind_state state = { .pc = pc, .sp = 0x7000, .bp = 0x7010, .exact = 1 };
	uint64_t frames[32];
	size_t len = 0;

	for (int i = 0; i < UNWIND_REGS; i++)
		state.regs[i] = 0x7000 + 8 * (uint64_t)i;
	if (walk(&p, &state, frames, &len, 32) >= UNWIND_END_COUNT || len == 0)
		abort();
	for (size_t i = 0; i < len; i++)
		if (frames[i] >> UNWIND_FRAME_OFFSET_BITS != UNWIND_FILE_FIRST)
			abort();
}

/** Compile a file, check all of its rows, walk from some. `data` are bytes to take for a stack. */
static void check_file(struct elf_file *f, const uint8_t *data, size_t size)
{
	struct unwind_memory memory = { .rules = check_rules,
					.pages = check_pages,
					.pages_len = CHECK_PAGES,
					.segment = check_segment };
	struct unwind_tables_stats stats;
	struct unwind_tables *t;
	uint32_t dir;

	memset(check_pages, 0, sizeof(check_pages));
	if (unwind_tables_create(&memory, &t, NULL) < 0)
		return;
	int rc = unwind_tables_add(t, f, &dir, NULL);
	unwind_tables_stats(t, &stats);
	if (rc < 0 && stats.rows != 0)
		abort();
	for (uint32_t i = 0; rc == 0 && dir != UNWIND_DIR_NONE && i < stats.pages; i++) {
		if (check_pages[i].rows == 0 && i == 0)
			continue; /* left out, so that dir is not UNWIND_DIR_NONE */
		check_page(t, i, stats.rules);
	}
	for (uint32_t i = 0; rc == 0 && dir != UNWIND_DIR_NONE && i < CHECK_WALKS; i++) {
		uint64_t pc = (uint64_t)(i % stats.pages - dir) << UNWIND_PAGE_SHIFT;
		const struct unwind_row *rows = check_rows[0] + UNWIND_INDEX_SLOTS;

		if (i < stats.rows)
			check_walk(t, dir, (pc & 0xffffffffffff) + rows[i].pc, data, size);
	}
	unwind_tables_destroy(t);
}
