// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "session/labels.h"

#include <stdio.h>

#include "profile/build.h"

static struct profile_label label_make(struct profile *p, const char *key, const char *value)
{
	return (struct profile_label){
		.key = profile_intern_cstr(p, key),
		.str = profile_intern_cstr(p, value),
	};
}

size_t labels_make(struct profile *p, uint32_t labels, const struct sample_key *key,
		   struct profile_label *to)
{
	char text[COMM_SIZE + 1];
	size_t n = 0;

	if (labels & SESSION_LABEL_PID) {
		snprintf(text, sizeof(text), "%u", key->tgid);
		to[n++] = label_make(p, "pid", text);
	}
	if (labels & SESSION_LABEL_TID) {
		snprintf(text, sizeof(text), "%u", key->tid);
		to[n++] = label_make(p, "tid", text);
	}
	if ((labels & SESSION_LABEL_THREAD) && key->comm[0]) {
		snprintf(text, sizeof(text), "%.*s", COMM_SIZE, key->comm);
		to[n++] = label_make(p, "thread", text);
	}
	if (labels & SESSION_LABEL_CPU) {
		snprintf(text, sizeof(text), "%u", key->cpu);
		to[n++] = label_make(p, "cpu", text);
	}
	return n;
}

void labels_hide(uint32_t labels, struct sample_key *key)
{
	key->end = key->user = 0;
	if (!(labels & SESSION_LABEL_PID))
		key->tgid = 0;
}
