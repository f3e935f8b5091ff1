/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Rows in the memory that BPF reads: page blocks in segments, as abi/unwind.h lays them out.
 */
#pragma once

#include <stdint.h>

#include "abi/unwind.h"
#include "base/vec.h"

/** Where blocks are written. */
struct row_store {
	void *(*segment)(void *ctx,
			 uint32_t i); /* the 4 MiB of segment i, NULL if there is no more */
	void *ctx;
	void *segments[UNWIND_SEGMENTS]; /* those already asked for */
	uint32_t used;                   /* row slots, gaps included */
};

/** Takes the rows of one file in ascending order and writes the blocks of its pages. */
struct page_writer {
	struct row_store *store;
	uint64_t page; /* the page whose rows are in `rows`: vaddr >> UNWIND_PAGE_SHIFT */
	uint16_t rule; /* in force at the end of `rows` */
	vec_of(struct unwind_row) rows;
	vec_of(struct unwind_page) pages; /* written, from the file's first page on */
	uint64_t rows_total;
	struct unwind_page bare; /* the block that pages without any CFI share */
};

/** Rows begin at the page of `vaddr`; until the first row, UNWIND_RULE_NONE is in force. */
void page_writer_init(struct page_writer *w, struct row_store *store, uint64_t vaddr);
void page_writer_deinit(struct page_writer *w);

/**
 * From `vaddr` on, `rule` is in force; not below the address of the last call (an equal one
 * replaces it). 0, -ENOSPC if the store is full, -ENOMEM.
 */
int page_writer_put(struct page_writer *w, uint64_t vaddr, uint16_t rule);

/** Write what is left, up to the page of `last` inclusive; w->pages is then complete. Errors as
 * page_writer_put(). */
int page_writer_finish(struct page_writer *w, uint64_t last);

/** The rule in force at `vaddr`, by the directory entry of its page, as BPF looks it up. */
uint16_t row_store_find(const struct row_store *store, struct unwind_page page, uint64_t vaddr);
