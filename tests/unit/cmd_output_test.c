// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cmd/output.h"

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[2][512];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void assert_holds(const char *name, const char *want)
{
	char got[64] = "";
	FILE *f = fopen(in_dir(name), "r");

	assert_non_null(f);
	size_t n = fread(got, 1, sizeof(got) - 1, f);
	fclose(f);
	assert_int_equal(n, strlen(want));
	assert_string_equal(got, want);
}

static size_t count_entries(void)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	size_t count = 0;

	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d));)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	return count;
}

static int enter(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/cmd_output_test.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int leave(void **state)
{
	(void)state;
	_cleanup_closedir_ DIR *d = opendir(dir);

	for (struct dirent *entry; d && (entry = readdir(d));)
		remove(in_dir(entry->d_name));
	return rmdir(dir);
}

static int commit(const char *name, const char *text, struct err *e)
{
	struct output o;
	int rc = output_open(in_dir(name), &o, e);

	if (rc < 0)
		return rc;
	rc = output_commit(&o, text, strlen(text), e);
	output_close(&o);
	return rc;
}

static void test_appears_only_when_complete(void **state)
{
	(void)state;
	struct output o;
	struct err e = { 0 };
	struct stat st;

	mode_t mask = umask(027);
	assert_int_equal(output_open(in_dir("new"), &o, &e), 0);
	assert_int_equal(access(in_dir("new"), F_OK), -1);
	assert_int_equal(output_commit(&o, "text", 4, &e), 0);
	assert_string_equal(o.path, in_dir("new"));
	output_close(&o);
	umask(mask);
	assert_holds("new", "text");
	assert_int_equal(stat(in_dir("new"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(count_entries(), 1);
}

static void test_replaces_as_a_whole(void **state)
{
	(void)state;
	struct output o;
	struct err e = { 0 };

	put("old", "a longer text than the new one");
	assert_int_equal(link(in_dir("old"), in_dir("other")), 0);
	assert_int_equal(output_open(in_dir("old"), &o, &e), 0);
	assert_holds("old", "a longer text than the new one");
	assert_int_equal(output_commit(&o, "new", 3, &e), 0);
	output_close(&o);
	assert_holds("old", "new");
	assert_holds("other", "a longer text than the new one");
	assert_int_equal(count_entries(), 2);
}

static void test_leaves_nothing_when_given_up(void **state)
{
	(void)state;
	struct output o;
	struct err e = { 0 };

	put("old", "old");
	assert_int_equal(output_open(in_dir("old"), &o, &e), 0);
	output_close(&o);
	assert_int_equal(output_open(in_dir("new"), &o, &e), 0);
	output_close(&o);
	assert_holds("old", "old");
	assert_int_equal(count_entries(), 1);
}

static void test_refuses_places(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int code;
		const char *message;
	} cases[] = {
		{ "link", -ELOOP, "is a symbolic link, which is not followed" },
		{ "dangling", -ELOOP, "is a symbolic link" },
		{ "dir", -EISDIR, "Is a directory" },
		{ "dir/", -EISDIR, "Is a directory" },
		{ "absent/file", -ENOENT, "No such file or directory" },
		{ "target/file", -ENOTDIR, "Not a directory" },
	};

	put("target", "target");
	assert_int_equal(mkdir(in_dir("dir"), 0755), 0);
	assert_int_equal(symlink("target", in_dir("link")), 0);
	assert_int_equal(symlink("nowhere", in_dir("dangling")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { 0 };

		if (commit(cases[i].name, "text", &e) != cases[i].code ||
		    !strstr(e.msg, cases[i].message) || !strstr(e.msg, cases[i].name))
			fail_msg("%s: %d '%s'", cases[i].name, e.code, e.msg);
	}
	assert_holds("target", "target");
	assert_int_equal(count_entries(), 4);

	struct output o;
	struct err e = { 0 };
	char endless[NAME_MAX + 64];
	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(output_open(endless, &o, &e), -ENAMETOOLONG);
	assert_int_equal(output_open("/dev/fd/999", &o, &e), -EBADF);
	assert_int_equal(output_open("/proc/no-file", &o, &e), -ENOENT);
}

/* A link that is put there during the capture is replaced, not followed. */
static void test_follows_no_late_link(void **state)
{
	(void)state;
	struct output o;
	struct err e = { 0 };
	struct stat st;

	put("target", "target");
	assert_int_equal(output_open(in_dir("late"), &o, &e), 0);
	assert_int_equal(symlink("target", in_dir("late")), 0);
	assert_int_equal(output_commit(&o, "text", 4, &e), 0);
	output_close(&o);
	assert_holds("target", "target");
	assert_int_equal(lstat(in_dir("late"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void test_numbers_a_series(void **state)
{
	(void)state;
	struct output a, b;
	struct output_series series;
	struct err e = { 0 };

	output_series_init(&series, "redis-server", "samples.cpu");
	put("pprof.redis-server.samples.cpu.001.pb.gz", "1");
	put("pprof.redis-server.samples.cpu.003.pb.gz", "3");
	/* Two captures at the same time do not take each other's number. */
	assert_int_equal(output_open_series(dir, &series, &a, &e), 0);
	assert_int_equal(output_open_series(dir, &series, &b, &e), 0);
	assert_int_equal(output_commit(&b, "2", 1, &e), 0);
	assert_int_equal(output_commit(&a, "4", 1, &e), 0);
	assert_string_equal(b.path, in_dir("pprof.redis-server.samples.cpu.002.pb.gz"));
	assert_string_equal(a.path, in_dir("pprof.redis-server.samples.cpu.004.pb.gz"));
	output_close(&a);
	output_close(&b);
	assert_holds("pprof.redis-server.samples.cpu.001.pb.gz", "1");
	assert_holds("pprof.redis-server.samples.cpu.002.pb.gz", "2");
	assert_holds("pprof.redis-server.samples.cpu.004.pb.gz", "4");
	assert_int_equal(count_entries(), 4);
}

static void test_names_of_a_series(void **state)
{
	(void)state;
	static const struct {
		const char *exe, *want;
	} cases[] = {
		{ "redis-server", "pprof.redis-server.samples.cpu." },
		{ "a/b c\n\x1b[m", "pprof.a_b_c__[m.samples.cpu." },
		{ "", "pprof..samples.cpu." },
		{ "\xc3\xa9", "pprof.\xc3\xa9.samples.cpu." },
	};
	struct output_series series;
	char endless[1000];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		output_series_init(&series, cases[i].exe, "samples.cpu");
		assert_string_equal(series.prefix, cases[i].want);
	}
	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	output_series_init(&series, endless, "samples.cpu");
	assert_int_equal(strlen(series.prefix), sizeof(series.prefix) - 1);
	assert_non_null(strstr(series.prefix, "a.samples.cpu."));
}

static void *read_fifo(void *path)
{
	char got[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, got, sizeof(got) - 1) < 0)
		return NULL;
	close(fd);
	return strdup(got);
}

static void test_writes_fifos_and_descriptors_in_place(void **state)
{
	(void)state;
	struct output o;
	struct err e = { 0 };
	pthread_t thread;
	void *got;

	/* The reader comes only after the capture has begun. */
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(output_open(in_dir("fifo"), &o, &e), 0);
	assert_int_equal(o.kind, OUTPUT_IN_PLACE);
	_cleanup_free_ char *fifo = strdup(in_dir("fifo"));
	assert_int_equal(pthread_create(&thread, NULL, read_fifo, fifo), 0);
	assert_int_equal(output_commit(&o, "text", 4, &e), 0);
	output_close(&o);
	pthread_join(thread, &got);
	assert_string_equal(got, "text");
	free(got);
	struct stat st;
	assert_int_equal(lstat(in_dir("fifo"), &st), 0);
	assert_true(S_ISFIFO(st.st_mode));

	char path[64];
	int fd = open(in_dir("redirected"), O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, "before ", 7), 7);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	assert_int_equal(output_open(path, &o, &e), 0);
	assert_int_equal(output_commit(&o, "text", 4, &e), 0);
	output_close(&o);
	assert_int_equal(write(fd, " after", 6), 6);
	close(fd);
	assert_holds("redirected", "before text after");

	fd = open(in_dir("redirected"), O_RDONLY);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(output_open(path, &o, &e), -EBADF);
	close(fd);
	assert_int_equal(output_open("/dev/null", &o, &e), 0);
	assert_int_equal(output_commit(&o, "text", 4, &e), 0);
	output_close(&o);
}

static void test_refuses_a_terminal(void **state)
{
	(void)state;
	struct output o;
	struct err e = { 0 };
	char name[64];

	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	if (terminal < 0 || grantpt(terminal) < 0 || unlockpt(terminal) < 0)
		skip();
	assert_int_equal(ptsname_r(terminal, name, sizeof(name)), 0);
	assert_int_equal(output_open(name, &o, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "is a terminal"));
	close(terminal);
}

static void test_tells_a_reader_that_has_gone(void **state)
{
	(void)state;
	struct output o;
	struct err e = { 0 };
	char path[64];
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
	assert_int_equal(output_open(path, &o, &e), 0);
	close(ends[0]);
	assert_int_equal(output_commit(&o, "text", 4, &e), -EPIPE);
	assert_non_null(strstr(e.msg, "whose reader has gone: Broken pipe"));
	output_close(&o);
	close(ends[1]);
	signal(SIGPIPE, SIG_DFL);
}

/* A write that fails half way: neither a half file nor a temporary one stays, the old one does. */
static void test_a_failed_write_changes_nothing(void **state)
{
	(void)state;
	struct output o;
	struct err e = { 0 };
	struct rlimit old, small;
	static const char text[2000];

	put("old", "old");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(output_open(in_dir("old"), &o, &e), 0);
	small = (struct rlimit){ 1000, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int rc = output_commit(&o, text, sizeof(text), &e);
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(rc, -EFBIG);
	output_close(&o);
	assert_holds("old", "old");
	assert_int_equal(count_entries(), 1);

	/* In place nothing can be taken back, but it is told. */
	assert_int_equal(output_open("/dev/full", &o, &e), 0);
	assert_int_equal(output_commit(&o, "text", 4, &e), -ENOSPC);
	assert_string_equal(e.msg, "cannot write to '/dev/full': No space left on device");
	output_close(&o);
}

static void test_a_full_disk_is_told_at_once_and_rescued_from(void **state)
{
	(void)state;
	struct output o;
	struct output_series series;
	struct err e = { 0 };
	_cleanup_free_ char *big = calloc(1, 1 << 20);
	char full[128], path[PATH_MAX];

	assert_int_equal(mkdir(in_dir("full"), 0755), 0);
	snprintf(full, sizeof(full), "%s", in_dir("full"));
	if (geteuid() != 0 || mount("none", full, "tmpfs", 0, "size=256k") < 0)
		skip();
	/* What fits in the reserve at first does not at last. */
	assert_int_equal(output_open(in_dir("full/file"), &o, &e), 0);
	assert_int_equal(output_commit(&o, big, 1 << 20, &e), -ENOSPC);
	output_close(&o);
	assert_int_equal(access(in_dir("full/file"), F_OK), -1);

	output_series_init(&series, "prog", "samples.cpu");
	const char *const dirs[] = { "/nowhere", full, dir, NULL };
	assert_int_equal(output_rescue(dirs, &series, big, 1 << 20, path, &e), 0);
	assert_string_equal(path, in_dir("pprof.prog.samples.cpu.001.pb.gz"));

	FILE *f = fopen(in_dir("full/filler"), "w");
	while (fwrite(big, 1, 4096, f) == 4096 && fflush(f) == 0)
		;
	fclose(f);
	assert_int_equal(output_open(in_dir("full/file"), &o, &e), -ENOSPC);
	assert_non_null(strstr(e.msg, "full/file': No space left on device"));
	const char *const nowhere[] = { "/nowhere", full, NULL };
	assert_int_equal(output_rescue(nowhere, &series, big, 1 << 20, path, &e), -ENOSPC);
	assert_int_equal(umount(full), 0);
	assert_int_equal(rmdir(full), 0);
}

/*
 * From here on O_TMPFILE fails as on NFS or FAT. The flags are the third argument of openat(2),
 * O_TMPFILE's own bit among them.
 */
static int forbid_unnamed_files(void)
{
	const uint32_t own_bit = O_TMPFILE & ~O_DIRECTORY;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, own_bit, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

#define MUST(holds)                                                                                \
	do {                                                                                       \
		if (!(holds))                                                                      \
			return __LINE__ & 0xff;                                                    \
	} while (0)

/* In a process of its own, which the filter stays with: 0, or the line that did not hold. */
static int use_named_files(void)
{
	struct output_series series;
	struct output o;
	struct err e = { 0 };

	MUST(forbid_unnamed_files() == 0);
	MUST(output_open(in_dir("old"), &o, &e) == 0 && o.temp[0] && count_entries() == 3);
	MUST(output_commit(&o, "new", 3, &e) == 0 && !o.temp[0] && count_entries() == 2);
	output_close(&o);
	MUST(output_open(in_dir("other"), &o, &e) == 0 && o.temp[0]);
	output_close(&o);
	MUST(count_entries() == 2);
	output_series_init(&series, "prog", "samples.cpu");
	MUST(output_open_series(dir, &series, &o, &e) == 0 && o.temp[0]);
	MUST(output_commit(&o, "2", 1, &e) == 0 && !o.temp[0] && count_entries() == 3);
	output_close(&o);
	return count_entries() == 3 ? 0 : __LINE__ & 0xff;
}

static void test_file_systems_without_unnamed_files(void **state)
{
	(void)state;
	int status;

	put("old", "old");
	put("pprof.prog.samples.cpu.001.pb.gz", "1");
	pid_t pid = fork();
	if (pid == 0)
		_exit(use_named_files());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_holds("old", "new");
	assert_holds("pprof.prog.samples.cpu.001.pb.gz", "1");
	assert_holds("pprof.prog.samples.cpu.002.pb.gz", "2");
}

static void test_belongs_to_the_user_of_sudo(void **state)
{
	(void)state;
	struct err e = { 0 };
	struct stat st;

	if (geteuid() != 0)
		skip();
	setenv("SUDO_UID", "1234", 1);
	setenv("SUDO_GID", "4321", 1);
	assert_int_equal(commit("file", "text", &e), 0);
	assert_int_equal(stat(in_dir("file"), &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 4321);
	setenv("SUDO_UID", "12x", 1);
	assert_int_equal(commit("file", "text", &e), 0);
	assert_int_equal(stat(in_dir("file"), &st), 0);
	assert_int_equal(st.st_uid, 0);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
}

int main(void)
{
#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, enter, leave)
	const struct CMUnitTest tests[] = {
		IN_DIR(test_appears_only_when_complete),
		IN_DIR(test_replaces_as_a_whole),
		IN_DIR(test_leaves_nothing_when_given_up),
		IN_DIR(test_refuses_places),
		IN_DIR(test_follows_no_late_link),
		IN_DIR(test_numbers_a_series),
		IN_DIR(test_names_of_a_series),
		IN_DIR(test_writes_fifos_and_descriptors_in_place),
		IN_DIR(test_refuses_a_terminal),
		IN_DIR(test_tells_a_reader_that_has_gone),
		IN_DIR(test_a_failed_write_changes_nothing),
		IN_DIR(test_a_full_disk_is_told_at_once_and_rescued_from),
		IN_DIR(test_file_systems_without_unnamed_files),
		IN_DIR(test_belongs_to_the_user_of_sudo),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
