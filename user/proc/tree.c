// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "proc/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "proc/status.h"

static int pid_compare(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static void pid_list_cleanup(struct pid_list *list)
{
	vec_deinit(list);
}

static bool pid_contains(const pid_t *pids, size_t len, pid_t pid)
{
	for (size_t i = 0; i < len; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* The entries of a directory whose names are numbers, ascending. */
static int list_numbers(const char *path, struct pid_list *ret, struct err *e)
{
	ret->len = 0;
	_cleanup_closedir_ DIR *dir = opendir(path);
	if (!dir)
		return err_set(e, -errno, "cannot open '%s'", path);
	for (struct dirent *entry; (entry = readdir(dir));) {
		char *end;
		long number = strtol(entry->d_name, &end, 10);

		if (*end || number <= 0)
			continue;
		if (vec_push(ret, (pid_t)number) < 0)
			return err_set(e, -ENOMEM, "cannot list '%s'", path);
	}
	if (ret->len)
		qsort(ret->items, ret->len, sizeof(*ret->items), pid_compare);
	return 0;
}

int proc_list(struct pid_list *ret, struct err *e)
{
	return list_numbers("/proc", ret, e);
}

int proc_threads(pid_t pid, struct pid_list *ret, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	int rc = list_numbers(path, ret, e);
	return rc == -ENOENT ? err_plain(e, -ESRCH, "no process %d", pid) : rc;
}

/* Append to *ret those of `all` whose parent is `parent`, ended ones excepted. */
static int append_children(pid_t parent, const struct proc_status *all, size_t len,
			   const pid_t *given, size_t ngiven, struct pid_list *ret)
{
	for (size_t i = 0; i < len; i++) {
		pid_t pid = all[i].pid;

		if (all[i].ppid != parent || proc_status_is_zombie(&all[i]) ||
		    pid_contains(given, ngiven, pid) || pid_contains(ret->items, ret->len, pid))
			continue;
		if (vec_push(ret, pid) < 0)
			return -ENOMEM;
	}
	return 0;
}

int proc_descendants(const pid_t *pids, size_t npids, struct pid_list *ret, struct err *e)
{
	_cleanup_(pid_list_cleanup) struct pid_list everyone = { 0 };

	ret->len = 0;
	int rc = proc_list(&everyone, e);
	if (rc < 0)
		return rc;
	_cleanup_free_ struct proc_status *all = calloc(everyone.len + 1, sizeof(*all));
	if (!all)
		return err_set(e, -ENOMEM, "cannot list the processes");
	size_t len = 0;
	for (size_t i = 0; i < everyone.len; i++)
		if (proc_status_read(everyone.items[i], &all[len], NULL) == 0)
			len++;

	for (size_t i = 0; rc == 0 && i < npids; i++)
		rc = append_children(pids[i], all, len, pids, npids, ret);
	for (size_t i = 0; rc == 0 && i < ret->len; i++)
		rc = append_children(ret->items[i], all, len, pids, npids, ret);
	return rc < 0 ? err_set(e, rc, "cannot list the processes") : 0;
}
