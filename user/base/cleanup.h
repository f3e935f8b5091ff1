/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/**
 * Scope-bound ownership: a variable declared with one of these attributes gives its resource back
 * when it leaves scope; steal() hands the resource on instead.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _cleanup_(fn)      __attribute__((cleanup(fn)))
#define _cleanup_free_     _cleanup_(cleanup_free)
#define _cleanup_close_    _cleanup_(cleanup_close)
#define _cleanup_fclose_   _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

/** Take the pointer out of an owning variable, leaving NULL. */
#define steal(p)                                                                                   \
	({                                                                                         \
		__typeof__(p) steal_taken = (p);                                                   \
		(p) = NULL;                                                                        \
		steal_taken;                                                                       \
	})

/** Take the descriptor out of an owning variable, leaving -1. */
static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
