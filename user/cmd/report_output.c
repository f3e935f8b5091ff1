// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/report_output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { BUFFER_SIZE = 256 * 1024 };

int report_output_open(struct report_output *o, const char *path, struct err *e)
{
	*o = (struct report_output){ 0 };
	if (!path || strcmp(path, "-") == 0) {
		o->file = stdout;
		setvbuf(stdout, NULL, _IOFBF, BUFFER_SIZE);
		return 0;
	}
	int rc = output_open(path, &o->output, e);
	if (rc < 0)
		return rc;
	o->to_output = true;
	rc = output_wait(&o->output, e);
	if (rc < 0)
		return rc;
	int fd = fcntl(o->output.fd, F_DUPFD_CLOEXEC, 3);
	o->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!o->file) {
		rc = output_fail(&o->output, -errno, e);
		cleanup_close(&fd);
		return rc;
	}
	setvbuf(o->file, NULL, _IOFBF, BUFFER_SIZE);
	return 0;
}

int report_output_commit(struct report_output *o, struct err *e)
{
	errno = 0;
	if (fflush(o->file) != 0 || ferror(o->file)) {
		int code = errno ? -errno : -EIO;
		return o->to_output ? output_fail(&o->output, code, e)
				    : err_set(e, code, "cannot write the report");
	}
	return o->to_output ? output_finish(&o->output, e) : 0;
}

void report_output_close(struct report_output *o)
{
	if (o->file && o->file != stdout)
		fclose(o->file);
	if (o->to_output)
		output_close(&o->output);
	*o = (struct report_output){ 0 };
}

int report_output_write(const char *path, const void *bytes, size_t len, struct err *e)
{
	_cleanup_(report_output_close) struct report_output out = { 0 };
	int rc = report_output_open(&out, path, e);

	if (rc < 0)
		return rc;
	fwrite(bytes, 1, len, out.file);
	return report_output_commit(&out, e);
}
