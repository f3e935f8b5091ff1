/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/** Small programs that tests build to look into. Include after cmocka.h. */
#pragma once

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "elf/elf_file.h"

/** The working directory, made by program_setup(). */
static char program_dir[64];

/** Run a shell command in the working directory; it must succeed. */
static inline void __attribute__((format(printf, 1, 2))) program_run(const char *format, ...)
{
	struct buf command = { 0 };
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_printf(&command, "cd %s && %s", program_dir, text);
	if (system(command.data) != 0)
		fail_msg("failed: %s", command.data);
	buf_deinit(&command);
}

/** What a shell command in the working directory prints. */
static inline void __attribute__((format(printf, 2, 3)))
program_output(struct buf *out, const char *format, ...)
{
	char text[4096], command[8192];
	va_list args;
	size_t n;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(command, sizeof(command), "cd %s && %s", program_dir, text);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	out->len = 0;
	while ((n = fread(text, 1, sizeof(text), pipe)) > 0)
		buf_add(out, text, n);
	assert_int_equal(pclose(pipe), 0);
	assert_int_equal(out->error, 0);
}

static inline void program_write(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", program_dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline int program_setup(void **state)
{
	(void)state;
	strcpy(program_dir, "/tmp/cprofbpf_sym_test.XXXXXX");
	return mkdtemp(program_dir) ? 0 : -1;
}

static inline int program_teardown(void **state)
{
	(void)state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", program_dir);
	return system(command);
}

/** A file in the working directory, open. */
struct program {
	struct elf_file *elf;
	int fd;
	char path[128];
};

static inline struct program program_open(const char *name)
{
	struct program p;

	snprintf(p.path, sizeof(p.path), "%s/%s", program_dir, name);
	p.fd = open(p.path, O_RDONLY | O_CLOEXEC);
	assert_true(p.fd >= 0);
	assert_int_equal(elf_file_open_fd(p.fd, p.path, &p.elf, NULL), 0);
	return p;
}

static inline void program_close(struct program *p)
{
	elf_file_close(p->elf);
	close(p->fd);
}

/** Address and size of a symbol, as binutils' nm tells them. */
static inline uint64_t program_symbol(const char *program, const char *symbol, uint64_t *size)
{
	struct buf out = { 0 };
	uint64_t addr, bytes = 0;
	char type;

	program_output(&out, "nm -S %s | grep -w '%s$'", program, symbol);
	if (sscanf(out.data, "%" SCNx64 " %" SCNx64, &addr, &bytes) != 2)
		assert_int_equal(sscanf(out.data, "%" SCNx64 " %c", &addr, &type), 2);
	buf_deinit(&out);
	if (size)
		*size = bytes;
	return addr;
}
