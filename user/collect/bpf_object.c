// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "collect/bpf_object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/privilege.h"

int bpf_object_open_embedded(const char *name, const void *start, const void *end,
			     struct bpf_object **ret, struct err *e)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);
	size_t size = (size_t)((const char *)end - (const char *)start);
	struct bpf_object *object = bpf_object__open_mem(start, size, &opts);

	if (!object)
		return err_set(e, -errno, "cannot open the embedded BPF object '%s'", name);
	*ret = object;
	return 0;
}

/* Where a variable is in its section: its offset, or a negative errno. */
static int variable_offset(const struct btf *btf, const char *section, const char *name,
			   size_t size)
{
	int id = btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC);
	if (id < 0)
		return -ENOENT;
	const struct btf_type *type = btf__type_by_id(btf, (uint32_t)id);
	const struct btf_var_secinfo *var = btf_var_secinfos(type);
	for (unsigned int i = 0; i < btf_vlen(type); i++, var++) {
		const struct btf_type *t = btf__type_by_id(btf, var->type);
		if (strcmp(btf__name_by_offset(btf, t->name_off), name) == 0)
			return var->size == size ? (int)var->offset : -EINVAL;
	}
	return -ENOENT;
}

int bpf_object_set_constant(struct bpf_object *object, const char *name, const void *value,
			    size_t size, struct err *e)
{
	int offset = variable_offset(bpf_object__btf(object), ".rodata", name, size);
	if (offset < 0)
		return err_set(e, offset, "BPF constant '%s'", name);
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	size_t section_size = 0;
	const void *old = map ? bpf_map__initial_value(map, &section_size) : NULL;
	if (!old || (size_t)offset + size > section_size)
		return err_set(e, -EINVAL, "BPF constant '%s'", name);
	_cleanup_free_ char *bytes = malloc(section_size);
	if (!bytes)
		return err_set(e, -ENOMEM, "BPF constant '%s'", name);
	memcpy(bytes, old, section_size);
	memcpy(bytes + offset, value, size);
	int rc = bpf_map__set_initial_value(map, bytes, section_size);
	return rc < 0 ? err_set(e, rc, "BPF constant '%s'", name) : 0;
}

bool bpf_kernel_has_struct(const char *name)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	bool has = kernel && btf__find_by_name_kind(kernel, name, BTF_KIND_STRUCT) > 0;

	btf__free(kernel);
	return has;
}

/* What libbpf says first while it loads an object; its printing has no context of the caller's. */
static _Thread_local char complaint[160];

static int complaint_keep(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level != LIBBPF_WARN || complaint[0])
		return 0;
	vsnprintf(complaint, sizeof(complaint), fmt, ap);
	complaint[strcspn(complaint, "\n")] = '\0';
	return 0;
}

int bpf_object_load(struct bpf_object *object, struct err *e)
{
	struct privilege privilege;
	struct err why = { 0 };

	complaint[0] = '\0';
	libbpf_print_fn_t print = libbpf_set_print(complaint_keep);
	int rc = bpf_object__load(object);
	libbpf_set_print(print);
	if (rc == 0)
		return 0;
	privilege_read(&privilege);
	privilege_explain_bpf(&privilege, rc, &why);
	return err_plain(e, rc, "%s%s%s%s", why.msg, complaint[0] ? " (" : "", complaint,
			 complaint[0] ? ")" : "");
}

void *bpf_object_globals(struct bpf_object *object, size_t *size, struct err *e)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".bss");

	if (map)
		return bpf_array_mmap(bpf_map__fd(map), 1, bpf_map__value_size(map), size, e);
	err_set(e, -ENOENT, "BPF variables");
	return NULL;
}

void *bpf_object_variable(struct bpf_object *object, void *globals, const char *name, size_t size,
			  struct err *e)
{
	int offset = variable_offset(bpf_object__btf(object), ".bss", name, size);

	if (offset >= 0)
		return (char *)globals + offset;
	err_set(e, offset, "BPF variable '%s'", name);
	return NULL;
}

int bpf_object_set_entries(struct bpf_object *object, const char *name, uint32_t entries,
			   struct err *e)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	int rc = map ? bpf_map__set_max_entries(map, entries) : -ENOENT;

	return rc < 0 ? err_set(e, rc, "BPF map '%s'", name) : 0;
}

int bpf_object_map_fd(struct bpf_object *object, const char *map)
{
	return bpf_object__find_map_fd_by_name(object, map);
}

int bpf_object_program_fd(struct bpf_object *object, const char *program)
{
	struct bpf_program *found = bpf_object__find_program_by_name(object, program);

	return found ? bpf_program__fd(found) : -ENOENT;
}

void *bpf_array_mmap(int fd, size_t entries, size_t value_size, size_t *size, struct err *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (entries * ((value_size + 7) & ~(size_t)7) + page - 1) & ~(page - 1);
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED) {
		err_set(e, -errno, "cannot map a BPF array of %zu bytes", bytes);
		return NULL;
	}
	*size = bytes;
	return at;
}

uint32_t bpf_program_verified_insns(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) < 0 ? 0 : info.verified_insns;
}
