// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/report_image.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"

extern char **environ;

/* Start dot reading from one file and writing to another. */
static int start_dot(const char *format, int in, int out, pid_t *pid, struct err *e)
{
	char option[16];
	char *argv[] = { "dot", option, NULL };
	posix_spawn_file_actions_t actions;

	snprintf(option, sizeof(option), "-T%s", format);
	int rc = -posix_spawn_file_actions_init(&actions);
	if (rc < 0)
		return err_set(e, rc, "cannot start 'dot'");
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	rc = -posix_spawnp(pid, "dot", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc == -ENOENT)
		return err_plain(
			e, rc,
			"there is no 'dot' to draw the graph: install graphviz (apt install "
			"graphviz), or use 'flame', which needs nothing");
	return rc < 0 ? err_set(e, rc, "cannot start 'dot'") : 0;
}

/* Files, not pipes: neither side can block the other. */
static int draw(const char *format, const char *text, size_t len, FILE *graph, FILE *picture,
		struct err *e)
{
	pid_t pid;
	int status;

	if (fwrite(text, 1, len, graph) != len || fflush(graph) != 0)
		return err_set(e, -errno, "cannot write the graph for 'dot'");
	rewind(graph);
	int rc = start_dot(format, fileno(graph), fileno(picture), &pid, e);
	if (rc < 0)
		return rc;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_set(e, -errno, "cannot wait for 'dot'");
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_plain(e, -EIO, "'dot' could not draw the graph");
	return 0;
}

int report_image_draw(const char *format, const char *text, size_t len, FILE *out, struct err *e)
{
	_cleanup_fclose_ FILE *graph = tmpfile();
	_cleanup_fclose_ FILE *picture = tmpfile();
	_cleanup_(buf_deinit) struct buf b = { 0 };

	if (!graph || !picture)
		return err_set(e, -errno, "cannot make a temporary file");
	int rc = draw(format, text, len, graph, picture, e);
	if (rc == 0 && lseek(fileno(picture), 0, SEEK_SET) < 0)
		rc = err_set(e, -errno, "cannot read the picture");
	if (rc == 0)
		rc = fd_read_all(fileno(picture), &b, e);
	if (rc == 0)
		fwrite(b.data, 1, b.len, out);
	return rc;
}
