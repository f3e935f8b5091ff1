// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "walkcheck_libdw.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct libdw_walker {
	Dwfl *dwfl;
	const struct stack_sample *sample;
	uint64_t *pcs;
	size_t len, max;
};

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	struct libdw_walker *w = arg;

	(void)dwfl;
	if (*thread_arg)
		return 0;
	*thread_arg = w;
	return w->sample->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	(void)dwfl, (void)tid;
	*thread_arg = arg;
	return true;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *to, void *arg)
{
	const struct stack_sample *s = ((struct libdw_walker *)arg)->sample;
	uint64_t at = addr - s->state.sp;

	(void)dwfl;
	if (at >= s->stack_len || s->stack_len - at < sizeof(*to))
		return false;
	memcpy(to, s->stack + at, sizeof(*to));
	return true;
}

static bool set_initial_registers(Dwfl_Thread *thread, void *thread_arg)
{
	const struct unwind_state *s = &((struct libdw_walker *)thread_arg)->sample->state;
	Dwarf_Word regs[UNWIND_REGS + 1];

	for (int i = 0; i < UNWIND_REGS; i++)
		regs[i] = s->regs[i];
	regs[UNWIND_REGS] = s->pc; /* the return address column is that of rip */
	return dwfl_thread_state_registers(thread, 0, UNWIND_REGS + 1, regs);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = memory_read,
	.set_initial_registers = set_initial_registers,
};

/* .eh_frame is in the files themselves; separate debug files would only take time. */
static int no_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
			const char *file_name, const char *debuglink, GElf_Word crc, char **to)
{
	(void)mod, (void)userdata, (void)name, (void)base, (void)file_name, (void)debuglink,
		(void)crc, (void)to;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = no_debuginfo,
};

int libdw_walker_create(pid_t pid, struct libdw_walker **ret, struct err *e)
{
	struct libdw_walker *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(e, -ENOMEM, "cannot walk by libdw");
	w->dwfl = dwfl_begin(&callbacks);
	if (!w->dwfl || dwfl_linux_proc_report(w->dwfl, pid) != 0 ||
	    dwfl_report_end(w->dwfl, NULL, NULL) != 0 ||
	    !dwfl_attach_state(w->dwfl, NULL, pid, &thread_callbacks, w)) {
		libdw_walker_destroy(w);
		return err_plain(e, -ESRCH, "cannot walk process %d by libdw: %s", pid,
				 dwfl_errmsg(-1));
	}
	*ret = w;
	return 0;
}

void libdw_walker_destroy(struct libdw_walker *w)
{
	if (!w)
		return;
	dwfl_end(w->dwfl);
	free(w);
}

static int frame_add(Dwfl_Frame *frame, void *arg)
{
	struct libdw_walker *w = arg;
	Dwarf_Addr pc;
	bool exact;

	if (!dwfl_frame_pc(frame, &pc, &exact))
		return DWARF_CB_ABORT;
	w->pcs[w->len++] = pc - !exact;
	return w->len < w->max ? DWARF_CB_OK : DWARF_CB_ABORT;
}

size_t libdw_walker_walk(struct libdw_walker *w, const struct stack_sample *sample, uint64_t *pcs,
			 size_t max)
{
	w->sample = sample;
	w->pcs = pcs;
	w->len = 0;
	w->max = max;
	dwfl_getthread_frames(w->dwfl, sample->tid, frame_add, w);
	return w->len;
}
