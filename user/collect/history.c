// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/history.h"

#include <errno.h>
#include <string.h>

/* Between two folds; a process that maps more code than this in seconds is a generator of nonsense.
 */
#define RECORDS_MAX 8192

int mapping_list_copy(struct mapping_list *to, const struct mapping_list *from)
{
	to->len = 0;
	if (vec_reserve(to, from->len) < 0)
		return -ENOMEM;
	if (from->len)
		memcpy(to->items, from->items, from->len * sizeof(*from->items));
	to->len = from->len;
	return 0;
}

void mapping_list_put(struct mapping_list *list, const struct unwind_mapping *m)
{
	size_t at = 0, end;

	while (at < list->len && list->items[at].end <= m->start)
		at++;
	for (end = at; end < list->len && list->items[end].start < m->end; end++)
		;
	if (vec_reserve(list, list->len + 1) < 0)
		return;
	if (list->len > end)
		memmove(&list->items[at + 1], &list->items[end],
			(list->len - end) * sizeof(*list->items));
	list->items[at] = *m;
	list->len += 1 + at - end;
}

bool mapping_list_differs(const struct mapping_list *list, const struct unwind_mapping *m)
{
	vec_for_each(known, list)
		if (known->start < m->end && m->start < known->end &&
		    (known->file != m->file || known->bias != m->bias))
			return true;
	return false;
}

void history_deinit(struct history *h)
{
	vec_deinit(&h->base);
	vec_deinit(&h->records);
}

void history_clear(struct history *h)
{
	h->base.len = h->records.len = 0;
	h->base_ns = h->exec_ns = 0;
}

void history_rebase(struct history *h, const struct mapping_list *list, uint64_t time_ns)
{
	if (mapping_list_copy(&h->base, list) == 0)
		h->base_ns = time_ns;
}

void history_add(struct history *h, uint64_t time_ns, const struct unwind_mapping *m)
{
	if (h->records.len < RECORDS_MAX)
		vec_push(&h->records, (struct history_record){ time_ns, *m });
}

void history_exec(struct history *h, uint64_t time_ns)
{
	size_t kept = 0;

	/* Two programs at a time: the one before the last is forgotten. */
	vec_for_each(record, &h->records)
		if (record->time_ns >= h->exec_ns)
			h->records.items[kept++] = *record;
	h->records.len = kept;
	if (h->base_ns < h->exec_ns)
		h->base.len = 0;
	h->exec_ns = time_ns;
}

/* Apply the records of (since, until], oldest first, to *ret. */
static void records_apply(const struct history *h, uint64_t since, uint64_t until,
			  struct mapping_list *ret)
{
	vec_for_each(record, &h->records)
		if (record->time_ns > since && record->time_ns <= until)
			mapping_list_put(ret, &record->mapping);
}

void history_recall(const struct history *h, uint64_t time_ns, struct mapping_list *ret)
{
	uint64_t since = h->base_ns;

	ret->len = 0;
	if (time_ns >= h->exec_ns && h->base_ns < h->exec_ns)
		since = h->exec_ns;
	else if (mapping_list_copy(ret, &h->base) < 0)
		return;
	records_apply(h, since, time_ns, ret);
}

void history_fold(struct history *h, uint64_t time_ns)
{
	size_t kept = 0;

	if (time_ns <= h->base_ns)
		return;
	if (time_ns >= h->exec_ns && h->base_ns < h->exec_ns) {
		h->base.len = 0;
		h->base_ns = h->exec_ns;
	}
	records_apply(h, h->base_ns, time_ns, &h->base);
	h->base_ns = time_ns;
	vec_for_each(record, &h->records)
		if (record->time_ns > time_ns)
			h->records.items[kept++] = *record;
	h->records.len = kept;
}
