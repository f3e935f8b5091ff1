// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "elf/elf_file.h"

static struct buf self_image; /* this test program */

static int setup(void **state)
{
	(void)state;
	return file_read_all("/proc/self/exe", &self_image, NULL);
}

static int teardown(void **state)
{
	(void)state;
	buf_deinit(&self_image);
	return 0;
}

/* A copy of this program that a case may damage; freed by the caller. */
static char *self_copy(void)
{
	char *copy = malloc(self_image.len);

	memcpy(copy, self_image.data, self_image.len);
	return copy;
}

static int note_build_id(struct dl_phdr_info *info, size_t size, void *to)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const char *at = (const char *)info->dlpi_addr + p->p_vaddr;
		const char *end = at + p->p_memsz;

		while (p->p_type == PT_NOTE && at < end) {
			const ElfW(Nhdr) *n = (const void *)at;

			if (n->n_type == NT_GNU_BUILD_ID)
				memcpy(to, at + sizeof(*n) + 4, n->n_descsz);
			at += sizeof(*n) + ((n->n_namesz + 3) & ~3u) + ((n->n_descsz + 3) & ~3u);
		}
	}
	return 1; /* the first object is this program */
}

static void test_reads_itself(void **state)
{
	(void)state;
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const Elf64_Ehdr *ehdr = (const void *)self_image.data;
	struct elf_file *f;
	struct elf_range text;
	struct err e = { 0 };
	uint8_t expected[20] = { 0 };
	char hex[2 * ELF_BUILD_ID_MAX + 1], bytes[64];

	assert_int_equal(elf_file_open_fd(fd, "self", &f, &e), 0);
	assert_int_equal(f->machine, EM_X86_64);
	assert_int_equal(f->type, ehdr->e_type);
	assert_int_equal(f->entry, ehdr->e_entry);
	assert_int_equal(f->build_id_len, 20);
	dl_iterate_phdr(note_build_id, expected);
	assert_memory_equal(f->build_id, expected, 20);
	elf_file_build_id_hex(f, hex);
	assert_int_equal(strlen(hex), 40);
	for (size_t i = 0; i < 20; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		assert_int_equal(byte, expected[i]);
	}

	assert_int_equal(elf_file_section(f, ".text", &text, &e), 0);
	assert_int_equal(elf_file_read(f, text.vaddr, bytes, sizeof(bytes)), 0);
	assert_memory_equal(bytes, text.data, sizeof(bytes));
	assert_int_equal(elf_file_read(f, 0x7fff00000000, bytes, 1), -ENOENT);
	assert_int_equal(elf_file_section(f, ".no_such", &text, &e), -ENOENT);
	assert_string_equal(e.msg, "'self' has no .no_such");
	assert_int_equal(elf_file_section(f, ".bss", &text, &e), -ENOENT);
	elf_file_close(f);
}

static void test_segment_at_prefers_code(void **state)
{
	(void)state;
	struct elf_file *f;

	assert_int_equal(elf_file_open_memory(self_image.data, self_image.len, "self", &f, NULL),
			 0);
	bool seen = false;
	vec_for_each(s, &f->segments) {
		if (!s->executable)
			continue;
		seen = true;
		assert_ptr_equal(elf_file_segment_at(f, s->offset & ~4095ULL), s);
		assert_ptr_equal(elf_file_segment_at(f, s->offset + s->filesz - 1), s);
	}
	assert_true(seen);
	assert_null(elf_file_segment_at(f, 1ULL << 40));
	elf_file_close(f);
}

/* Without section headers the tables are found by PT_GNU_EH_FRAME and are the same bytes. */
static void test_eh_frame_without_sections(void **state)
{
	(void)state;
	_cleanup_free_ char *image = self_copy();
	Elf64_Ehdr *ehdr = (void *)image;
	struct elf_file *whole, *bare;
	struct elf_range by_section, by_segment;
	struct err e = { 0 };

	ehdr->e_shoff = ehdr->e_shnum = ehdr->e_shstrndx = 0;
	assert_int_equal(elf_file_open_memory(self_image.data, self_image.len, "whole", &whole, &e),
			 0);
	assert_int_equal(elf_file_open_memory(image, self_image.len, "bare", &bare, &e), 0);
	assert_int_equal(elf_file_eh_frame(whole, &by_section, &e), 0);
	assert_int_equal(elf_file_eh_frame(bare, &by_segment, &e), 0);
	assert_int_equal(by_segment.vaddr, by_section.vaddr);
	assert_true(by_segment.size >= by_section.size);
	assert_memory_equal(by_segment.data, by_section.data, by_section.size);
	assert_int_equal(bare->build_id_len, 20);
	assert_memory_equal(bare->build_id, whole->build_id, 20);
	elf_file_close(whole);
	elf_file_close(bare);
}

static void test_vdso(void **state)
{
	(void)state;
	const Elf64_Ehdr *ehdr = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct elf_file *f;
	struct elf_range frames;

	assert_non_null(ehdr);
	size_t size = ehdr->e_shoff + ehdr->e_shnum * sizeof(Elf64_Shdr);
	assert_int_equal(elf_file_open_memory(ehdr, size, "[vdso]", &f, NULL), 0);
	assert_int_equal(elf_file_eh_frame(f, &frames, NULL), 0);
	assert_true(frames.size > 0);
	elf_file_close(f);
}

static void truncate_header(Elf64_Ehdr *ehdr, size_t *size)
{
	(void)ehdr;
	*size = 40;
}

static void no_magic(Elf64_Ehdr *ehdr, size_t *size)
{
	(void)size;
	ehdr->e_ident[EI_MAG0] = '#';
}

static void other_machine(Elf64_Ehdr *ehdr, size_t *size)
{
	(void)size;
	ehdr->e_machine = EM_AARCH64;
}

static void class_32(Elf64_Ehdr *ehdr, size_t *size)
{
	(void)size;
	ehdr->e_ident[EI_CLASS] = ELFCLASS32;
}

static void segments_past_the_end(Elf64_Ehdr *ehdr, size_t *size)
{
	ehdr->e_phoff = *size - 8;
}

static void segment_wraps(Elf64_Ehdr *ehdr, size_t *size)
{
	Elf64_Phdr *p = (void *)((char *)ehdr + ehdr->e_phoff);

	(void)size;
	while (p->p_type != PT_LOAD)
		p++;
	p->p_vaddr = UINT64_MAX;
}

static void empty(Elf64_Ehdr *ehdr, size_t *size)
{
	(void)ehdr;
	*size = 0;
}

static void test_refuses_damaged_files(void **state)
{
	(void)state;
	const struct {
		const char *name;
		void (*damage)(Elf64_Ehdr *ehdr, size_t *size);
		const char *message; /* what it says beside the name */
	} cases[] = {
		{ "empty", empty, "is no ELF file" },
		{ "truncated header", truncate_header, "cannot read" },
		{ "no magic", no_magic, "is no ELF file" },
		{ "another machine", other_machine, "is for another architecture" },
		{ "class 1", class_32, "is of 32 bits; only x86-64 is supported" },
		{ "segments past the end", segments_past_the_end, "is a damaged ELF file" },
		{ "segment wraps around", segment_wraps, "is a damaged ELF file" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *image = self_copy();
		size_t size = self_image.len;
		struct elf_file *f = NULL;
		struct err e = { 0 };

		print_message("%s\n", cases[i].name);
		cases[i].damage((void *)image, &size);
		assert_int_equal(elf_file_open_memory(image, size, cases[i].name, &f, &e),
				 -ENOEXEC);
		assert_null(f);
		assert_non_null(strstr(e.msg, cases[i].name));
		assert_non_null(strstr(e.msg, cases[i].message));
	}
}

/* Cut anywhere, a file is refused or its sections are, but nothing is read past the end. */
static void test_survives_truncation(void **state)
{
	(void)state;

	for (size_t size = 0; size < self_image.len; size += 997) {
		_cleanup_free_ char *image = malloc(size ? size : 1);
		struct elf_file *f;
		struct elf_range range;

		memcpy(image, self_image.data, size);
		if (elf_file_open_memory(image, size, "cut", &f, NULL) < 0)
			continue;
		if (elf_file_eh_frame(f, &range, NULL) == 0 && range.size)
			assert_true(range.data + range.size <= (uint8_t *)image + size ||
				    range.data < (uint8_t *)image);
		elf_file_close(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_itself),
		cmocka_unit_test(test_segment_at_prefers_code),
		cmocka_unit_test(test_eh_frame_without_sections),
		cmocka_unit_test(test_vdso),
		cmocka_unit_test(test_refuses_damaged_files),
		cmocka_unit_test(test_survives_truncation),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
