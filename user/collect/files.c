// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lib/regs_x86_64.h"
#include "proc/file.h"

#define VDSO_PATH "[vdso]"

struct inode_key {
	uint64_t inode, path_hash;
	uint32_t dev_major, dev_minor;
};

void code_files_init(struct code_files *f, struct unwind_tables *tables)
{
	*f = (struct code_files){ .tables = tables };
	map_init(&f->by_inode, sizeof(struct inode_key), sizeof(uint32_t));
	map_init(&f->by_content, sizeof(uint64_t), sizeof(uint32_t));
}

static void code_file_destroy(struct code_file *file)
{
	if (!file)
		return;
	if (file->fd >= 0)
		close(file->fd);
	vec_deinit(&file->segments);
	vec_deinit(&file->ranges);
	free(file->path);
	free(file->problem);
	free(file);
}

void code_files_deinit(struct code_files *f)
{
	vec_for_each(file, &f->items)
		code_file_destroy(*file);
	vec_deinit(&f->items);
	map_deinit(&f->by_inode);
	map_deinit(&f->by_content);
}

const struct code_file *code_files_at(const struct code_files *f, uint32_t number)
{
	if (number < UNWIND_FILE_FIRST || number - UNWIND_FILE_FIRST >= f->items.len)
		return NULL;
	return f->items.items[number - UNWIND_FILE_FIRST];
}

/* A new file with the next number; `fd` becomes its own. */
static struct code_file *code_file_create(struct code_files *f, const char *path, int fd)
{
	struct code_file *file = calloc(1, sizeof(*file));

	if (file)
		file->path = strdup(path);
	if (!file || !file->path || f->items.len >= UNWIND_FILE_LIMIT - UNWIND_FILE_FIRST ||
	    vec_push(&f->items, file) < 0) {
		if (fd >= 0)
			close(fd);
		if (file)
			free(file->path);
		free(file);
		return NULL;
	}
	file->number = UNWIND_FILE_FIRST + (uint32_t)f->items.len - 1;
	file->fd = fd;
	struct stat st = { 0 };
	if (fd >= 0 && fstat(fd, &st) == 0) {
		file->size = st.st_size;
		file->modified = st.st_mtim;
	}
	file->kind = CODE_FILE_OPAQUE;
	file->dir = UNWIND_DIR_NONE;
	return file;
}

static void code_file_problem(struct code_file *file, const struct err *e)
{
	free(file->problem);
	file->problem = strdup(e->msg);
}

/* What tells code apart: the build ID and where the executable segments are. 0 without a build ID.
 */
static uint64_t content_hash(const struct elf_file *elf)
{
	uint64_t hash = hash_bytes(elf->build_id, elf->build_id_len);

	if (elf->build_id_len == 0)
		return 0;
	vec_for_each(segment, &elf->segments) {
		if (!segment->executable)
			continue;
		uint64_t of[] = { hash, segment->vaddr, segment->memsz, segment->offset };
		hash = hash_bytes(of, sizeof(of));
	}
	return hash ? hash : 1;
}

/* Take over what frames and profiles need from the open file, and compile its rows. */
static void code_file_load(struct code_files *f, struct code_file *file, struct elf_file *elf)
{
	struct err e = { 0 };

	vec_for_each(segment, &elf->segments)
		if (segment->executable && vec_push(&file->segments, *segment) < 0)
			return;
	elf_file_build_id_hex(elf, file->build_id);
	file->kind = CODE_FILE_ELF;
	int rc = unwind_tables_add(f->tables, elf, &file->dir, &e);
	if (rc < 0) {
		file->dir = UNWIND_DIR_NONE;
		code_file_problem(file, &e);
	}
}

/* The file behind `fd` (taken over): one that has the same content, or a new one. */
static struct code_file *code_files_add(struct code_files *f, const char *path, int fd)
{
	struct elf_file *elf = NULL;
	struct err e = { 0 };
	int rc = elf_file_open_fd(fd, path, &elf, &e);

	if (rc < 0) {
		struct code_file *file = code_file_create(f, path, fd);
		if (file)
			code_file_problem(file, &e);
		return file;
	}
	uint64_t hash = content_hash(elf);
	uint32_t *same = hash ? map_put(&f->by_content, &hash, NULL) : NULL;
	struct code_file *file;
	struct code_file *known = same && *same ? f->items.items[*same - UNWIND_FILE_FIRST] : NULL;
	if (known && known->fd >= 0) {
		close(fd);
		file = known;
	} else {
		file = code_file_create(f, path, fd);
		if (file && same)
			*same = file->number;
		if (file)
			code_file_load(f, file, elf);
	}
	elf_file_close(elf);
	return file;
}

static size_t vdso_size(uint64_t at)
{
	struct proc_maps maps = { 0 };
	size_t size = 0;

	if (proc_maps_read(&maps, getpid(), NULL) == 0) {
		const struct proc_mapping *m = proc_maps_find(&maps, at);
		size = m ? m->end - m->start : 0;
	}
	proc_maps_deinit(&maps);
	return size;
}

/* The vDSO is the kernel's, so ours is everybody's. */
static struct code_file *code_files_vdso(struct code_files *f)
{
	if (f->vdso)
		return f->items.items[f->vdso - UNWIND_FILE_FIRST];
	struct code_file *file = code_file_create(f, VDSO_PATH, -1);
	if (!file)
		return NULL;
	f->vdso = file->number;
	struct elf_file *elf = NULL;
	struct err e = { 0 };
	uint64_t at = getauxval(AT_SYSINFO_EHDR);
	size_t size = at ? vdso_size(at) : 0;
	if (size == 0)
		err_plain(&e, -ENOENT, "no vDSO is mapped");
	else if (elf_file_open_memory((const void *)at, size, VDSO_PATH, &elf, &e) == 0)
		code_file_load(f, file, elf);
	elf_file_close(elf);
	if (file->kind != CODE_FILE_ELF) {
		code_file_problem(file, &e);
		return file;
	}
	file->kind = CODE_FILE_VDSO;
	file->image = (const void *)at;
	file->image_size = size;
	return file;
}

uint64_t code_file_bias(const struct code_file *file, const struct proc_mapping *m)
{
	vec_for_each(segment, &file->segments) {
		/* A mapping begins on the page on which its segment begins. */
		uint64_t first = segment->offset & ~4095ULL;
		if (m->pgoff >= first && m->pgoff < segment->offset + segment->filesz)
			return m->start - m->pgoff + segment->offset - segment->vaddr;
	}
	return m->start - m->pgoff;
}

bool code_file_returns_from_signal(const struct code_file *file, uint64_t vaddr)
{
	vec_for_each(s, &file->segments) {
		uint64_t code = 0;

		if (vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz)
			return pread(file->fd, &code, sizeof(code),
				     (off_t)(vaddr - s->vaddr + s->offset)) == sizeof(code) &&
			       code == UNWIND_SIGRETURN_WORD;
	}
	return false;
}

/* The executable segment that a mapping shows: its number, or 0 in files without. */
static uint32_t mapping_segment(const struct code_file *file, const struct proc_mapping *m)
{
	vec_for_each(segment, &file->segments)
		if (m->pgoff >= (segment->offset & ~4095ULL) &&
		    m->pgoff < segment->offset + segment->filesz)
			return (uint32_t)(segment - file->segments.items);
	return 0;
}

/* One range for each segment: that of the first process, which may map it in several pieces. */
static void code_file_range_add(struct code_file *file, const struct proc_mapping *m)
{
	struct code_range new = { m->start, m->end, m->pgoff, code_file_bias(file, m),
				  mapping_segment(file, m) };

	vec_for_each(range, &file->ranges) {
		if (range->segment != new.segment)
			continue;
		if (range->bias == new.bias &&new.start < range->start) {
			range->start = new.start;
			range->pgoff = new.pgoff;
		}
		if (range->bias == new.bias &&new.end > range->end)
			range->end = new.end;
		return;
	}
	vec_push(&file->ranges, new);
}

/* Whether the file was written over since it was compiled; what was sampled of it then has no
 * names. */
static bool code_file_overwritten(struct code_file *file)
{
	struct stat st;

	if (file->fd < 0 || fstat(file->fd, &st) < 0 ||
	    (st.st_size == file->size && st.st_mtim.tv_sec == file->modified.tv_sec &&
	     st.st_mtim.tv_nsec == file->modified.tv_nsec))
		return false;
	struct err e = { 0 };
	err_plain(&e, -ESTALE, "'%s' was written over while it was profiled", file->path);
	code_file_problem(file, &e);
	close(file->fd);
	file->fd = -1;
	file->kind = CODE_FILE_OPAQUE;
	return true;
}

static struct code_file *code_files_open(struct code_files *f, pid_t pid,
					 const struct proc_mapping *m)
{
	struct inode_key key = { m->inode, hash_bytes(m->path, strlen(m->path)), m->dev_major,
				 m->dev_minor };
	uint32_t *number = map_put(&f->by_inode, &key, NULL);
	if (!number)
		return NULL;
	struct code_file *known = *number ? f->items.items[*number - UNWIND_FILE_FIRST] : NULL;
	if (known && known->fd >= 0 && !code_file_overwritten(known))
		return known;
	/* One that could not be opened, because its process was gone, gets another chance. */
	struct err e = { 0 };
	int fd = -1;
	int rc = proc_file_open(pid, m, &fd, &e);
	if (rc < 0 && known)
		return known;
	struct code_file *file =
		rc < 0 ? code_file_create(f, m->path, -1) : code_files_add(f, m->path, fd);
	if (!file)
		return NULL;
	if (rc < 0)
		code_file_problem(file, &e);
	*number = file->number;
	return file;
}

struct code_file *code_files_get(struct code_files *f, pid_t pid, const struct proc_mapping *m)
{
	struct code_file *file = NULL;

	if (strcmp(m->path, VDSO_PATH) == 0)
		file = code_files_vdso(f);
	else if (proc_mapping_is_file(m))
		file = code_files_open(f, pid, m);
	if (!file)
		return NULL;
	if (file->pid == 0)
		file->pid = pid;
	code_file_range_add(file, m);
	return file;
}

int code_files_preload(struct code_files *f, const char *path, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_plain(e, -EINVAL, "'%s' is no regular file", path);
	struct inode_key key = { st.st_ino, hash_bytes(path, strlen(path)), major(st.st_dev),
				 minor(st.st_dev) };
	uint32_t *number = map_put(&f->by_inode, &key, NULL);
	if (number && *number)
		return 0;
	struct code_file *file = code_files_add(f, path, steal_fd(&fd));
	if (!number || !file)
		return err_set(e, -ENOMEM, "cannot load '%s'", path);
	*number = file->number;
	return 0;
}
