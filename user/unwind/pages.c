// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "unwind/pages.h"

#include <stdbool.h>
#include <string.h>

/* A block must fit a chunk. Code with a row for nearly every byte of 64 KiB does not exist. */
#define PAGE_ROWS_MAX (UNWIND_CHUNK_ROWS - UNWIND_INDEX_SLOTS)

/* Room for a block of `slots`, never across two chunks; NULL if the store is full. */
static struct unwind_row *block_alloc(struct row_store *s, uint32_t slots, uint32_t *block)
{
	uint32_t at = s->used;

	if (at % UNWIND_CHUNK_ROWS + slots > UNWIND_CHUNK_ROWS)
		at += UNWIND_CHUNK_ROWS - at % UNWIND_CHUNK_ROWS;
	uint32_t i = at / UNWIND_SEGMENT_ROWS;
	if (i >= UNWIND_SEGMENTS)
		return NULL;
	if (!s->segments[i])
		s->segments[i] = s->segment(s->ctx, i);
	if (!s->segments[i])
		return NULL;
	s->used = at + slots;
	*block = at;
	return (struct unwind_row *)s->segments[i] + at % UNWIND_SEGMENT_ROWS;
}

/* index[k] is the row in force at the first byte of KiB k. */
static void index_write(uint16_t *index, const struct unwind_row *rows, size_t n)
{
	size_t row = 0;

	for (uint32_t k = 0; k < UNWIND_INDEX_SIZE; k++) {
		while (row + 1 < n && rows[row + 1].pc <= k << UNWIND_INDEX_SHIFT)
			row++;
		index[k] = (uint16_t)row;
	}
}

static bool page_is_bare(const struct page_writer *w)
{
	return w->rows.len == 1 && w->rows.items[0].rule == UNWIND_RULE_NONE;
}

/* Write the block of the page under way and begin the next one with the rule in force. */
static int page_flush(struct page_writer *w)
{
	struct unwind_page page = w->bare;

	if (w->rows.len > PAGE_ROWS_MAX) {
		w->rows.len = PAGE_ROWS_MAX;
		w->rows.items[PAGE_ROWS_MAX - 1].rule = UNWIND_RULE_NONE;
	}
	if (!page_is_bare(w) || page.rows == 0) {
		uint32_t n = page.rows = (uint32_t)w->rows.len;
		struct unwind_row *to = block_alloc(w->store, UNWIND_INDEX_SLOTS + n, &page.block);

		if (!to)
			return -ENOSPC;
		index_write((uint16_t *)to, w->rows.items, n);
		memcpy(to + UNWIND_INDEX_SLOTS, w->rows.items, n * sizeof(*to));
		w->rows_total += n;
		if (page_is_bare(w))
			w->bare = page;
	}
	if (vec_push(&w->pages, page) < 0)
		return -ENOMEM;
	w->page++;
	w->rows.len = 0;
	return vec_push(&w->rows, (struct unwind_row){ 0, w->rule });
}

void page_writer_init(struct page_writer *w, struct row_store *store, uint64_t vaddr)
{
	*w = (struct page_writer){ .store = store, .page = vaddr >> UNWIND_PAGE_SHIFT };
}

void page_writer_deinit(struct page_writer *w)
{
	vec_deinit(&w->rows);
	vec_deinit(&w->pages);
}

int page_writer_put(struct page_writer *w, uint64_t vaddr, uint16_t rule)
{
	struct unwind_row row = { (uint16_t)vaddr, rule };
	int rc = 0;

	if (w->rows.len == 0)
		rc = vec_push(&w->rows, (struct unwind_row){ 0, UNWIND_RULE_NONE });
	while (rc == 0 && w->page < vaddr >> UNWIND_PAGE_SHIFT)
		rc = page_flush(w);
	if (rc < 0 || rule == w->rule)
		return rc;
	w->rule = rule;
	struct unwind_row *last = &w->rows.items[w->rows.len - 1];
	if (last->pc != row.pc)
		return vec_push(&w->rows, row);
	last->rule = rule;
	if (w->rows.len > 1 && last[-1].rule == rule)
		w->rows.len--;
	return 0;
}

int page_writer_finish(struct page_writer *w, uint64_t last)
{
	int rc = page_writer_put(w, last, w->rule);

	return rc < 0 ? rc : page_flush(w);
}

uint16_t row_store_find(const struct row_store *store, struct unwind_page page, uint64_t vaddr)
{
	uint32_t i = page.block / UNWIND_SEGMENT_ROWS, at = (uint16_t)vaddr;

	if (page.rows == 0 || i >= UNWIND_SEGMENTS || !store->segments[i])
		return UNWIND_RULE_NONE;
	const struct unwind_row *block =
		(const struct unwind_row *)store->segments[i] + page.block % UNWIND_SEGMENT_ROWS;
	const uint16_t *index = (const uint16_t *)block;
	uint32_t kib = at >> UNWIND_INDEX_SHIFT;
	uint32_t low = index[kib];
	uint32_t high = kib + 1 < UNWIND_INDEX_SIZE ? index[kib + 1] : page.rows - 1;

	block += UNWIND_INDEX_SLOTS;
	while (low < high) {
		uint32_t mid = low + (high - low + 1) / 2;
		if (block[mid].pc <= at)
			low = mid;
		else
			high = mid - 1;
	}
	return block[low].rule;
}
