// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "cmd/gate_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/vec.h"
#include "cmd/say.h"
#include "cmd/signals.h"
#include "proc/spawn.h"
#include "proc/tree.h"

/* At 100 Hz a function of 20% of two seconds has 40 samples, and a tenth more of it cannot be seen
 * among their noise. Prime, so that it does not lock onto timers. */
#define SAMPLE_HZ 1999

/* At rate 1 each allocation is a sample; past half of this the rate rises. 120 MB of kernel memory.
 */
#define MAX_LIVE      (1 << 20)

#define TAIL_LINES    10 /* of what a failing command wrote to standard error */
#define POLL_MS       20
#define GRACE_MS      2000 /* from SIGTERM to SIGKILL */
#define GRACE_STEP_MS 10

/* What the shell does more with a word than to pass it on. */
static const char shell_syntax[] = "|&;<>()$`\\\"'*?[]#~%!{}\n";

struct child {
	const struct gate_child_options *o;
	struct spawn spawn;
	struct session *session;
	vec_of(char *) argv;
	char *words;   /* that argv points into */
	char *program; /* that will be executed */
};

/* ---- The command --------------------------------------------------------------------------- */

static int words_push(struct child *c, char *word, struct err *e)
{
	return vec_push(&c->argv, word) < 0 ? err_set(e, -ENOMEM, "cannot start the command") : 0;
}

static int words_split(struct child *c, struct err *e)
{
	c->words = strdup(c->o->command);
	if (!c->words)
		return err_set(e, -ENOMEM, "cannot start the command");
	for (char *rest, *word = strtok_r(c->words, " \t", &rest); word;
	     word = strtok_r(NULL, " \t", &rest)) {
		int rc = words_push(c, word, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What is no program (cd, A=1, exec) is for the shell as well; it tells what does not exist. */
static int command_parse(struct child *c, struct err *e)
{
	static char shell[] = "/bin/sh", option[] = "-c";
	int rc = 0;

	if (c->o->command[strcspn(c->o->command, shell_syntax)] == '\0')
		rc = words_split(c, e);
	if (rc == 0 && c->argv.len > 0 && spawn_find(c->argv.items[0], &c->program, NULL) == 0)
		return words_push(c, NULL, e);
	char *const words[] = { shell, option, (char *)c->o->command, NULL };
	c->argv.len = 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(words); i++)
		rc = words_push(c, words[i], e);
	return rc;
}

/*
 * spawn_start() gives the child what we have: our standard descriptors are its for that moment, and
 * what signals_install() ignores is not ignored.
 */
static int child_start(struct child *c, const int files[3], struct err *e)
{
	static const int ignored[] = { SIGPIPE, SIGXFSZ };
	struct sigaction normal = { .sa_handler = SIG_DFL }, ours[ARRAY_SIZE(ignored)];
	int saved[3], rc = 0;

	fflush(NULL);
	for (int i = 0; i < 3; i++)
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
	if (saved[0] < 0 || saved[1] < 0 || saved[2] < 0)
		rc = err_set(e, -errno, "cannot start '%s'", c->o->command);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &normal, &ours[i]);
	for (int i = 0; rc == 0 && i < 3; i++)
		dup2(files[i], i);
	if (rc == 0)
		rc = spawn_start(c->argv.items, &c->spawn, e);
	for (int i = 0; i < 3; i++) {
		if (saved[i] < 0)
			continue;
		dup2(saved[i], i);
		close(saved[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &ours[i], NULL);
	return rc;
}

/* An unnamed file that children do not inherit. */
static FILE *output_create(void)
{
	FILE *file = tmpfile();

	if (file)
		fcntl(fileno(file), F_SETFD, FD_CLOEXEC);
	return file;
}

static int child_spawn(struct child *c, struct gate_child *ret, struct err *e)
{
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ret->out = output_create();
	ret->err = output_create();
	if (null < 0 || !ret->out || !ret->err)
		return err_set(e, -errno, "cannot make files for the output of '%s'",
			       c->o->command);
	int files[3] = { null, fileno(ret->out), fileno(ret->err) };
	int rc = command_parse(c, e);

	if (rc == 0)
		rc = child_start(c, files, e);
	if (rc == 0 && c->o->cpus &&
	    sched_setaffinity(c->spawn.pid, sizeof(*c->o->cpus), c->o->cpus) < 0)
		rc = err_set(e, -errno, "cannot pin '%s' to these CPUs", c->o->command);
	return rc;
}

/* ---- The run ------------------------------------------------------------------------------- */

static int session_start(struct child *c, struct err *e)
{
	struct session_options options = {
		.kind = c->o->kind,
		.pids = &c->spawn.pid,
		.npids = 1,
		.children = true,
		.hz = SAMPLE_HZ,
		.heap = { .rate_bytes = c->o->rate_bytes,
			  .max_live = MAX_LIVE,
			  .alloc_default = true,
			  .keep_ended = true },
		.preload = c->program,
		.command_line = c->o->command_line,
	};

	if (c->o->kind != SESSION_CPU)
		return session_open(&options, &c->session, e);
	c->session = *c->o->session;
	if (c->session)
		return session_retarget(c->session, &options, e);
	int rc = session_open(&options, &c->session, e);
	*c->o->session = c->session;
	return rc;
}

static int wait_some(struct child *c, uint64_t left_ns, struct err *e)
{
	int ms = left_ns > POLL_MS * 1000000ULL ? POLL_MS : (int)(left_ns / 1000000) + 1;

	if (c->session) {
		int rc = session_poll(c->session, ms, e);
		return rc < 0 ? rc : 0;
	}
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, c->spawn.pid, 0);
	poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, ms);
	return 0;
}

static int child_wait(struct child *c, struct err *e)
{
	while (spawn_poll(&c->spawn) == 0 && !signals_stop()) {
		uint64_t now_ns = clock_mono_ns(), left_ns = UINT64_MAX;

		if (c->o->deadline_ns) {
			if (now_ns >= c->o->deadline_ns)
				return err_plain(e, -ETIMEDOUT, "the time limit has passed");
			left_ns = c->o->deadline_ns - now_ns;
		}
		int rc = wait_some(c, left_ns, e);
		if (rc < 0)
			return rc;
	}
	/* Ctrl-C comes to the command as well: how it ended then says nothing about it. */
	return signals_stop() ? err_plain(e, -EINTR, "interrupted") : 0;
}

/* The CPU time of a zombie and of all that it has waited for; the zombie stays. */
static double child_cpu_seconds(pid_t pid)
{
	struct rusage usage;
	siginfo_t info;

	if (syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT, &usage) < 0)
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ---- Its end ------------------------------------------------------------------------------- */

/*
 * End all that descends from us, which is what commands have started and left: asked first, then
 * made to. Returns how many there were.
 */
static size_t descendants_end(void)
{
	struct pid_list list = { 0 };
	pid_t self = getpid();
	size_t found = 0;

	/* What sleeps in the kernel past SIGKILL is not waited for. */
	for (int ms = 0; ms < 2 * GRACE_MS; ms += GRACE_STEP_MS) {
		if (proc_descendants(&self, 1, &list, NULL) < 0 || list.len == 0)
			break;
		if (ms == 0)
			found = list.len;
		for (size_t i = 0; i < list.len && (ms == 0 || ms >= GRACE_MS); i++)
			kill(list.items[i], ms == 0 ? SIGTERM : SIGKILL);
		nanosleep(&(struct timespec){ .tv_nsec = GRACE_STEP_MS * 1000000L }, NULL);
	}
	vec_deinit(&list);
	return found;
}

static int child_collect(struct child *c, struct gate_child *ret, struct err *e)
{
	struct session_stats stats;

	if (!c->session || ret->status != 0)
		return 0;
	session_stats(c->session, &stats);
	ret->samples = stats.samples;
	ret->lost = stats.lost;
	ret->rate_bytes = stats.heap ? stats.heap->rate_bytes : 0;
	return session_rotate(c->session, &ret->profile, e);
}

static int child_run(struct child *c, struct gate_child *ret, struct err *e)
{
	int rc = child_spawn(c, ret, e);

	if (rc == 0 && c->o->profiled)
		rc = session_start(c, e);
	if (rc < 0)
		return rc;
	ret->start_ns = (int64_t)clock_real_ns();
	uint64_t start_ns = clock_mono_ns();
	rc = spawn_release(&c->spawn, e);
	if (rc < 0)
		return err_prefix(e, "'%s'", c->o->command), -ENOEXEC;
	rc = child_wait(c, e);
	if (c->session)
		session_stop(c->session);
	if (rc < 0)
		return rc;
	ret->duration_ns = clock_mono_ns() - start_ns;
	ret->status = c->spawn.status;
	ret->cpu_seconds = child_cpu_seconds(c->spawn.pid);
	return child_collect(c, ret, e);
}

int gate_child_run(const struct gate_child_options *o, struct gate_child *ret, struct err *e)
{
	struct child c = { .o = o, .spawn = { .fd = -1 } };

	*ret = (struct gate_child){ 0 };
	/* What outlives the command is ours then, and can be found. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	int rc = child_run(&c, ret, e);
	if (o->kind != SESSION_CPU)
		session_close(c.session);
	ret->left = descendants_end();
	spawn_deinit(&c.spawn);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	vec_deinit(&c.argv);
	free(c.words);
	free(c.program);
	return rc;
}

void gate_child_deinit(struct gate_child *c)
{
	profile_destroy(c->profile);
	if (c->out)
		fclose(c->out);
	if (c->err)
		fclose(c->err);
	*c = (struct gate_child){ 0 };
}

static void say_tail(FILE *file)
{
	_cleanup_(buf_deinit) struct buf text = { 0 };

	rewind(file);
	if (fd_read_all(fileno(file), &text, NULL) < 0 || text.len == 0)
		return;
	if (text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	const char *line = text.data + text.len;
	for (int lines = 0; line > text.data; line--)
		if (line[-1] == '\n' && ++lines == TAIL_LINES)
			break;
	while (*line) {
		size_t len = strcspn(line, "\n");
		say("| %.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

int gate_child_failed(const struct gate_child *c, const char *what, const char *command,
		      struct err *e)
{
	char status[128];

	say_tail(c->err);
	return err_plain(e, -ECHILD, "the %s command failed: '%s' %s", what, command,
			 spawn_describe(c->status, status, sizeof(status)));
}
