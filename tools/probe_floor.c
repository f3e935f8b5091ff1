// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * probe_floor KIND[+return] PID FILE: what no profiler of malloc and free by uprobes can cost less
 * than: empty BPF programs at the best places of both in FILE, as process PID has mapped it.
 *
 * KIND is session, multi or perf; +return adds an empty return probe on malloc (a session has it
 * already, and skips it). Prints "ready" once attached and stays until its standard input ends.
 */
#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "collect/uprobe.h"
#include "probe/alloc_probes.h"

/* The program that only returns `result`; a descriptor or a negative errno. */
static int program_load(enum uprobe_kind kind, int result, struct err *e)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = result },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type =
			    (enum bpf_attach_type)uprobe_expected_attach_type(kind));
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "probe_floor", "GPL", insns, ARRAY_SIZE(insns),
			       &opts);

	return fd < 0 ? err_set(e, fd, "cannot load an empty program") : fd;
}

struct floor {
	enum uprobe_kind kind;
	bool returns;
	pid_t pid;
	int file_fd;
	struct uprobe_links links;
};

static int floor_probe(struct floor *f, enum uprobe_kind kind, int result, bool is_return,
		       uint64_t offset, struct err *e)
{
	_cleanup_close_ int prog_fd = program_load(kind, result, e);

	if (prog_fd < 0)
		return prog_fd;
	return uprobe_attach(&f->links, kind, prog_fd, is_return, f->pid, f->file_fd, &offset, 1,
			     e);
}

static int floor_attach(struct floor *f, struct elf_file *elf, const struct alloc_probes *found,
			struct err *e)
{
	/* A session's program is for calls alone that may want their return. */
	enum uprobe_kind plain = f->kind == UPROBE_SESSION ? UPROBE_MULTI : f->kind;
	int attached = 0, rc = 0;

	vec_for_each(probe, &found->items) {
		bool is_malloc = strcmp(probe->name, "malloc") == 0;
		uint64_t entry = probe->offset - (probe->place - probe->entry);

		if (!is_malloc && strcmp(probe->name, "free") != 0)
			continue;
		rc = floor_probe(f, is_malloc ? f->kind : plain, is_malloc, false, probe->offset,
				 e);
		if (rc == 0 && is_malloc && f->returns)
			rc = floor_probe(f, plain, 0, true, entry, e);
		if (rc < 0)
			return rc;
		attached++;
	}
	if (attached != 2)
		return err_plain(e, -ENOENT, "'%s' has no malloc and free", elf->name);
	return 0;
}

static int parse(int argc, char **argv, struct floor *f, struct err *e)
{
	if (argc != 4)
		return err_plain(e, -EINVAL, "usage: probe_floor KIND[+return] PID FILE");
	char *plus = strchr(argv[1], '+');
	if (plus) {
		f->returns = strcmp(plus, "+return") == 0;
		*plus = '\0';
	}
	f->pid = (pid_t)atoi(argv[2]);
	return uprobe_kind_choose(argv[1], &f->kind, e);
}

static int run(int argc, char **argv, struct err *e)
{
	struct floor f = { 0 };
	struct elf_file *elf = NULL;
	struct alloc_probes found = { 0 };
	char byte;
	int rc = parse(argc, argv, &f, e);

	if (rc < 0)
		return rc;
	_cleanup_close_ int fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	f.file_fd = fd;
	rc = fd < 0 ? err_set(e, -errno, "cannot open '%s'", argv[3])
		    : elf_file_open_fd(fd, argv[3], &elf, e);
	if (rc == 0)
		rc = alloc_probes_find(elf, ALLOCATORS_ALL, &found, e);
	if (rc == 0)
		rc = floor_attach(&f, elf, &found, e);
	if (rc == 0) {
		printf("ready\n");
		fflush(stdout);
		while (read(STDIN_FILENO, &byte, 1) == 1)
			;
	}
	uprobe_detach(&f.links);
	alloc_probes_deinit(&found);
	elf_file_close(elf);
	return rc;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };

	if (run(argc, argv, &e) < 0) {
		fprintf(stderr, "probe_floor: %s\n", e.msg);
		return 1;
	}
	return 0;
}
