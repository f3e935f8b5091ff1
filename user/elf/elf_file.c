// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "elf/elf_file.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"

#define MACHINE_NATIVE     EM_X86_64
#define PAGE_SIZE_FILE     4096u      /* granularity of file mappings */
#define NOTES_MAX          (1u << 20) /* bytes of notes searched for a build ID */
#define EH_FRAME_PTR_PCREL 0x1b       /* DW_EH_PE_pcrel | DW_EH_PE_sdata4 */

/* libelf's reason for the last failure; every damaged file ends up as -ENOEXEC. */
static int damaged(const struct elf_file *f, struct err *e)
{
	int code = elf_errno();

	return err_plain(e, -ENOEXEC, "'%s' is a damaged ELF file: %s", f->name,
			 code ? elf_errmsg(code) : "bytes are missing");
}

static bool segment_holds(const struct elf_segment *s, uint64_t vaddr)
{
	return vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz;
}

static int header_read(struct elf_file *f, struct err *e)
{
	GElf_Ehdr ehdr;
	size_t segments;

	if (elf_kind(f->elf) != ELF_K_ELF)
		return err_plain(e, -ENOEXEC, "'%s' is no ELF file", f->name);
	if (!gelf_getehdr(f->elf, &ehdr))
		return damaged(f, e);
	if (gelf_getclass(f->elf) == ELFCLASS32)
		return err_plain(e, -ENOEXEC, "'%s' is of 32 bits; only x86-64 is supported",
				 f->name);
	if (ehdr.e_ident[EI_DATA] != ELFDATA2LSB || ehdr.e_machine != MACHINE_NATIVE)
		return err_plain(e, -ENOEXEC, "'%s' is for another architecture", f->name);
	/* libelf quietly shortens a table that goes past the file's end. */
	if (elf_getphdrnum(f->elf, &segments) < 0 ||
	    (ehdr.e_phnum != PN_XNUM && segments != ehdr.e_phnum))
		return damaged(f, e);
	f->machine = ehdr.e_machine;
	f->type = ehdr.e_type;
	f->entry = ehdr.e_entry;
	return 0;
}

static int segments_read(struct elf_file *f, struct err *e)
{
	size_t n;

	if (elf_getphdrnum(f->elf, &n) < 0)
		return damaged(f, e);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(f->elf, (int)i, &p))
			return damaged(f, e);
		if (p.p_type != PT_LOAD)
			continue;
		if (p.p_vaddr + p.p_memsz < p.p_vaddr || p.p_offset + p.p_filesz < p.p_offset ||
		    p.p_filesz > p.p_memsz)
			return err_plain(e, -ENOEXEC,
					 "'%s' is a damaged ELF file: impossible segment", f->name);
		if (vec_push(&f->segments, (struct elf_segment){
						   .vaddr = p.p_vaddr,
						   .memsz = p.p_memsz,
						   .offset = p.p_offset,
						   .filesz = p.p_filesz,
						   .executable = p.p_flags & PF_X,
					   }) < 0)
			return err_set(e, -ENOMEM, "cannot read the segments of '%s'", f->name);
	}
	return 0;
}

/* Notes are {namesz, descsz, type} and both contents padded to 4 (gABI; 8 for some other notes). */
static bool notes_find_build_id(struct elf_file *f, struct cursor c)
{
	uint32_t namesz, descsz, type;
	struct cursor name, desc;

	while (cursor_u32(&c, &namesz) && cursor_u32(&c, &descsz) && cursor_u32(&c, &type) &&
	       cursor_sub(&c, namesz, &name) && cursor_skip(&c, -namesz & 3) &&
	       cursor_sub(&c, descsz, &desc)) {
		if (type == NT_GNU_BUILD_ID && namesz == 4 && memcmp(name.pos, "GNU", 4) == 0 &&
		    descsz > 0 && descsz <= ELF_BUILD_ID_MAX) {
			memcpy(f->build_id, desc.pos, descsz);
			f->build_id_len = descsz;
			return true;
		}
		if (!cursor_skip(&c, -descsz & 3))
			break;
	}
	return false;
}

/*
 * Sections first: a separate debug file keeps the program headers of its original, whose offsets
 * mean nothing in it. A file without a build ID, or with damaged notes, merely has none.
 */
static void build_id_read(struct elf_file *f)
{
	Elf_Scn *scn = NULL;
	size_t n;

	while ((scn = elf_nextscn(f->elf, scn))) {
		GElf_Shdr shdr;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_NOTE ||
		    shdr.sh_size > NOTES_MAX)
			continue;
		Elf_Data *data = elf_rawdata(scn, NULL);
		if (data && data->d_buf &&
		    notes_find_build_id(f, cursor_init(data->d_buf, data->d_size)))
			return;
	}
	if (elf_getphdrnum(f->elf, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(f->elf, (int)i, &p) || p.p_type != PT_NOTE ||
		    p.p_filesz > NOTES_MAX)
			continue;
		Elf_Data *data =
			elf_getdata_rawchunk(f->elf, (int64_t)p.p_offset, p.p_filesz, ELF_T_BYTE);
		if (data && data->d_buf &&
		    notes_find_build_id(f, cursor_init(data->d_buf, data->d_size)))
			return;
	}
}

/* Takes over `elf`. */
static int elf_file_create(Elf *elf, int fd, const char *name, struct elf_file **ret, struct err *e)
{
	struct elf_file *f = calloc(1, sizeof(*f));
	int rc;

	if (!f) {
		elf_end(elf);
		return err_set(e, -ENOMEM, "cannot open '%s'", name);
	}
	f->elf = elf;
	f->fd = fd;
	f->name = strdup(name);
	rc = f->name ? 0 : err_set(e, -ENOMEM, "cannot open '%s'", name);
	if (rc == 0)
		rc = header_read(f, e);
	if (rc == 0)
		rc = segments_read(f, e);
	if (rc < 0) {
		elf_file_close(f);
		return rc;
	}
	build_id_read(f);
	*ret = f;
	return 0;
}

int elf_file_open_fd(int fd, const char *name, struct elf_file **ret, struct err *e)
{
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return err_plain(e, -ENOEXEC, "cannot read '%s': %s", name, elf_errmsg(-1));
	return elf_file_create(elf, fd, name, ret, e);
}

int elf_file_open_memory(const void *image, size_t size, const char *name, struct elf_file **ret,
			 struct err *e)
{
	elf_version(EV_CURRENT);
	Elf *elf = elf_memory((char *)image, size); /* opened for reading: not written to */
	if (!elf)
		return err_plain(e, -ENOEXEC, "cannot read '%s': %s", name, elf_errmsg(-1));
	return elf_file_create(elf, -1, name, ret, e);
}

void elf_file_close(struct elf_file *f)
{
	if (!f)
		return;
	elf_end(f->elf);
	vec_deinit(&f->segments);
	free(f->name);
	free(f);
}

static int section_contents(struct elf_file *f, Elf_Scn *scn, const GElf_Shdr *shdr,
			    struct elf_range *ret, struct err *e)
{
	bool compressed = shdr->sh_flags & SHF_COMPRESSED;

	/* libelf refuses a size that no deflate stream of this length can reach. */
	if (compressed && elf_compress(scn, 0, 0) < 0)
		return damaged(f, e);
	Elf_Data *data = compressed ? elf_getdata(scn, NULL) : elf_rawdata(scn, NULL);
	if (!data || (data->d_size && !data->d_buf))
		return damaged(f, e);
	*ret = (struct elf_range){ shdr->sh_addr, data->d_buf, data->d_size };
	return 0;
}

int elf_file_section(struct elf_file *f, const char *name, struct elf_range *ret, struct err *e)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(f->elf, &names) < 0)
		return damaged(f, e);
	while ((scn = elf_nextscn(f->elf, scn))) {
		GElf_Shdr shdr;

		if (!gelf_getshdr(scn, &shdr))
			return damaged(f, e);
		const char *s = elf_strptr(f->elf, names, shdr.sh_name);
		if (s && strcmp(s, name) == 0 && shdr.sh_type != SHT_NOBITS)
			return section_contents(f, scn, &shdr, ret, e);
	}
	return err_plain(e, -ENOENT, "'%s' has no %s", f->name, name);
}

/* From .eh_frame_hdr, whose start is {version 1, pointer encoding, .., ..} and the pointer (LSB).
 */
static int eh_frame_by_header(struct elf_file *f, const GElf_Phdr *p, struct elf_range *ret,
			      struct err *e)
{
	uint8_t head[8];
	int32_t rel;

	if (elf_file_read(f, p->p_vaddr, head, sizeof(head)) < 0 || head[0] != 1 ||
	    head[1] != EH_FRAME_PTR_PCREL)
		return err_plain(e, -ENOENT, "'%s' has no usable .eh_frame_hdr", f->name);
	memcpy(&rel, head + 4, sizeof(rel));
	uint64_t vaddr = p->p_vaddr + 4 + (uint64_t)(int64_t)rel;
	vec_for_each(s, &f->segments) {
		if (!segment_holds(s, vaddr))
			continue;
		uint64_t skip = vaddr - s->vaddr;
		Elf_Data *data = elf_getdata_rawchunk(f->elf, (int64_t)(s->offset + skip),
						      s->filesz - skip, ELF_T_BYTE);
		if (!data || !data->d_buf)
			return damaged(f, e);
		*ret = (struct elf_range){ vaddr, data->d_buf, data->d_size };
		return 0;
	}
	return err_plain(e, -ENOEXEC, "'%s' is a damaged ELF file: its .eh_frame is in no segment",
			 f->name);
}

int elf_file_eh_frame(struct elf_file *f, struct elf_range *ret, struct err *e)
{
	size_t sections, n;

	if (elf_getshdrnum(f->elf, &sections) == 0 && sections > 0)
		return elf_file_section(f, ".eh_frame", ret, e);
	if (elf_getphdrnum(f->elf, &n) < 0)
		return damaged(f, e);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;

		if (gelf_getphdr(f->elf, (int)i, &p) && p.p_type == PT_GNU_EH_FRAME)
			return eh_frame_by_header(f, &p, ret, e);
	}
	return err_plain(e, -ENOENT, "'%s' has no .eh_frame", f->name);
}

static int file_read_at(struct elf_file *f, uint64_t offset, void *to, size_t size)
{
	size_t image_size;
	const char *image = f->fd < 0 ? elf_rawfile(f->elf, &image_size) : NULL;

	if (image) {
		if (offset > image_size || size > image_size - offset)
			return -ENOENT;
		memcpy(to, image + offset, size);
		return 0;
	}
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(f->fd, (char *)to + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ENOENT;
		done += (size_t)n;
	}
	return 0;
}

int elf_file_read(struct elf_file *f, uint64_t vaddr, void *to, size_t size)
{
	vec_for_each(s, &f->segments) {
		if (segment_holds(s, vaddr) && size <= s->filesz - (vaddr - s->vaddr))
			return file_read_at(f, s->offset + (vaddr - s->vaddr), to, size);
	}
	return -ENOENT;
}

const struct elf_segment *elf_file_segment_at(const struct elf_file *f, uint64_t pgoff)
{
	const struct elf_segment *found = NULL;

	for (size_t i = 0; i < f->segments.len; i++) {
		const struct elf_segment *s = &f->segments.items[i];
		uint64_t first = s->offset & ~(uint64_t)(PAGE_SIZE_FILE - 1);

		if (pgoff < first || pgoff >= s->offset + s->filesz)
			continue;
		if (s->executable)
			return s;
		if (!found)
			found = s;
	}
	return found;
}

void elf_file_build_id_hex(const struct elf_file *f, char *to)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < f->build_id_len; i++) {
		*to++ = digits[f->build_id[i] >> 4];
		*to++ = digits[f->build_id[i] & 15];
	}
	*to = '\0';
}
