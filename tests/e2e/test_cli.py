# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The command line: exit codes, messages, options."""

import os
import re
import subprocess

from harness import ROOT, TARGETS, TOOL, go_pprof

ABSENT_PID = 4194303  # kernel.pid_max is at most 4194304: practically never in use

USAGE = [
    # name, arguments, what the message names
    ("nothing to profile", ["-d", "1"], r"-p|-a|--help"),
    ("unknown option", ["-p", "1", "--frobnicate"], r"frobnicate"),
    ("unknown short option", ["-p", "1", "-Z"], r"-Z|'Z'"),
    ("unknown verb", ["frobnicate"], r"'frobnicate'"),
    ("PID no number", ["-p", "12x"], r"'12x'"),
    ("PID zero", ["-p", "0"], r"'0'"),
    ("PID negative", ["-p", "-5"], r"-5"),
    ("PID list with a hole", ["-p", "1,,2"], r"1,,2|''"),
    ("PID beyond numbers", ["-p", "99999999999999999999"], r"'99999999999999999999'"),
    ("duration no number", ["-p", "1", "-d", "soon"], r"'soon'"),
    ("duration negative", ["-p", "1", "-d", "-1"], r"-1"),
    ("duration zero", ["-p", "1", "-d", "0"], r"'0'"),
    ("duration nan", ["-p", "1", "-d", "nan"], r"'nan'"),
    ("duration infinite", ["-p", "1", "-d", "inf"], r"'inf'"),
    ("duration with a tail", ["-p", "1", "-d", "1s"], r"'1s'"),
    ("rate no number", ["-p", "1", "-F", "often"], r"'often'"),
    ("rate zero", ["-p", "1", "-F", "0"], r"'0'"),
    ("rate too high", ["-p", "1", "-F", "10001"], r"'?10001'?.*10000"),
    ("option without its value", ["-p", "1", "-d"], r"-d"),
    ("unknown label", ["-p", "1", "--labels", "tid,colour"], r"'colour'"),
    ("PIDs and everything", ["-p", "1", "-a"], r"-a|-p"),
    ("PID and command", ["-p", "1", "--", "true"], r"-p|command|CMD"),
    ("no command after --", ["--"], r"command|CMD|--"),
    ("a table over a profile", ["top", "-o", "cpu.pb.gz", "cpu.pb.gz"], r"'top' does not write .pb.gz"),
    ("a table for a picture", ["peek", "x", "-o", "a.svg", "b"], r"'peek' does not write .svg files: 'flame'"),
    ("a picture of another form", ["svg", "-o", "a.png", "b"], r"'svg' does not write .png files: 'png'"),
    ("standard output is the command's too", ["-o", "-", "--", "true"], r"standard output|stdout|-o -"),
]


def test_usage_errors(t):
    """Exit status 2, and one line that quotes its subject."""
    wrong = []
    for name, arguments, pattern in USAGE:
        result = t.finish(t.spawn(*arguments))
        lines = [line for line in result.err.splitlines() if line.strip()]
        if result.status != 2:
            wrong.append("%s: exit status %s" % (name, result.status))
        elif not re.search(pattern, result.err):
            wrong.append("%s: /%s/ not in %s" % (name, pattern, lines))
        elif not 1 <= len(lines) <= 2 or result.out:
            wrong.append("%s: said %s %s" % (name, lines, result.out))
        if os.listdir(t.dir):
            wrong.append("%s: left %s" % (name, os.listdir(t.dir)))
    t.check(not wrong, "%s", "\n".join(wrong))


def test_help_and_version(t):
    result = t.run("--help")
    for word in (b"-p", b"-a", b"-d", b"-F", b"-o", b"--user-only", b"--children", b"--labels", b"top"):
        t.check(word in result.out, "--help does not name %s", word)
    t.check(b"cprofbpf -p" in result.out, "--help has no example")
    t.check(result.err == "", "--help speaks on standard error")
    version = t.run("--version")
    t.check(re.fullmatch(rb"cprofbpf \d+\.\d+\.\d+\S*\n", version.out), "%s", version.out)


REPORTS = ["top", "tree", "peek", "list", "traces", "raw", "tags", "comments", "dot", "svg", "png", "pdf", "callgrind"]
REPORTS += ["proto", "topproto", "collapsed", "speedscope", "flame"]
MANUAL = os.path.join(ROOT, "user", "cmd", "cprofbpf.1")


def test_help_of_every_verb(t):
    """Each verb that --help lists has a help of its own that fits a terminal and says how it exits."""
    listed = t.run("--help").out.decode().split("\nVerbs", 1)[1]
    verbs = re.findall(r"^  (\w+) ", listed, re.M)
    t.check(set(REPORTS) < set(verbs), "%s", verbs)
    for verb in verbs:
        text = t.run(verb, "--help").out.decode()
        t.check(t.run("help", verb).out.decode() == text, "help %s differs", verb)
        wide = [line for line in text.splitlines() if len(line) > 82]
        t.check(not wide, "%s: %s", verb, wide)
        for what in ("Usage: cprofbpf ", "Exit status:"):
            t.check(what in text, "%s --help lacks '%s'", verb, what)


def test_manual_names_verbs_and_options(t):
    """The page and the help name the same verbs, and the same options of captures."""
    page = subprocess.run(["mandoc", "-Tutf8", MANUAL], capture_output=True, text=True, check=True).stdout
    page = re.sub(".\b", "", page)
    listed = t.run("--help").out.decode().split("\nVerbs", 1)[1]
    missing = [v for v in re.findall(r"^  (\w+) ", listed, re.M) if v != "help" and not re.search(r"\b%s\b" % v, page)]
    t.check(not missing, "verbs that the page lacks: %s", missing)
    ours = r"^ {2,6}(?:-\w, )?--([\w-]+)"
    helps = "".join(t.run(verb, "--help").out.decode() for verb in ("cpu", "heap"))
    told, known = set(re.findall(r"^ +(?:-\w, )?--([\w-]+)", page, re.M)), set(re.findall(ours, helps, re.M))
    t.check(told == known, "the page has %s, the help has %s", sorted(told - known), sorted(known - told))


COMPLETIONS = [
    # words typed so far, some that are offered, some that are not
    (["he"], {"heap", "help"}, {"top"}),
    (["top", "-foc"], {"-focus"}, {"-ignore"}),
    (["heap", "--ra"], {"--rate"}, set()),
    (["--fr"], {"--frequency"}, {"--rate"}),
    (["-p", "1"], {"1"}, {"2"}),
    (["top", "cpu"], set(), {"cpu"}),
]


def test_completion(t):
    script = 'PATH=%s:$PATH; . %s; COMP_WORDS=(cprofbpf "$@"); COMP_CWORD=$#; _cprofbpf; echo "${COMPREPLY[@]}"'
    script %= (os.path.dirname(TOOL), os.path.join(ROOT, "user", "cmd", "cprofbpf.bash"))
    for words, offered, others in COMPLETIONS:
        done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True)
        found = set(done.stdout.split())
        t.check(not done.stderr and offered <= found and not others & found, "%s: %s%s", words, done.stderr, found)


def test_no_such_process(t):
    result = t.run("-p", ABSENT_PID, "-d", 1, status=1)
    t.check_says(result, r"no such process|no process", str(ABSENT_PID))
    t.check(len(result.err.splitlines()) == 1, "more than a line")
    t.check(not os.listdir(t.dir), "left %s", os.listdir(t.dir))


def test_kernel_thread(t):
    kernel = next((p for p in sorted(filter(str.isdigit, os.listdir("/proc")), key=int) if is_kernel(p)), None)
    t.check(kernel, "this machine shows no kernel thread")
    result = t.run("-p", kernel, "-d", 1, status=1)
    t.check_says(result, r"kernel thread", kernel)


def is_kernel(pid):
    try:
        with open("/proc/%s/stat" % pid) as file:
            return int(file.read().rsplit(")", 1)[1].split()[6]) & 0x00200000 != 0
    except OSError:
        return False


def test_command_that_cannot_be_started(t):
    for command, pattern in (("/no/such/program", "/no/such/program"), ("/etc/passwd", "/etc/passwd")):
        result = t.run("-d", 1, "--", command, status=1)
        t.check_says(result, pattern)
        t.check(not os.listdir(t.dir), "left %s", os.listdir(t.dir))


def test_unprivileged_names_the_capability(t):
    target = t.target("chain-gcc-O2", 60)
    result = t.finish(
        t.spawn_argv(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", TOOL]
            + ["-p", str(target.pid), "-d", "1", "-o", "/dev/null"]
        )
    )
    t.check(result.status == 1, "exit status %s", result.status)
    t.check_says(result, r"CAP_\w+|root|sudo")
    t.check(len(result.err.splitlines()) <= 2, "more than two lines")


def test_root_without_one_capability(t):
    """Each of the capabilities that matter, dropped alone, is named."""
    target = t.target("chain-gcc-O2", 60)
    for name in ("bpf", "perfmon"):
        result = t.finish(
            t.spawn_argv(
                ["setpriv", "--bounding-set=-%s,-sys_admin" % name, TOOL]
                + ["-p", str(target.pid), "-d", "1", "-o", "/dev/null"]
            )
        )
        t.check(result.status == 1, "without %s: exit status %s", name, result.status)
        t.check_says(result, "CAP_" + name.upper())


def test_two_capabilities_serve(t):
    """A plain user with CAP_BPF and CAP_PERFMON profiles a process of his own."""
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    user += ["--inh-caps=+bpf,+perfmon", "--ambient-caps=+bpf,+perfmon"]
    target = t.target("/usr/bin/setpriv", *user[1:], os.path.join(TARGETS, "chain-gcc-O2"), 60)
    with open(t.path(), "wb") as file:
        result = t.finish(t.spawn_argv([*user, TOOL, "-p", str(target.pid), "-d", "1", "-o", "-"], stdout=file))
    t.check(result.status == 0, "exit status %s", result.status)
    t.check_says(result, r"kernel functions have no names: CAP_SYSLOG is missing")
    t.check_complete(t.profile(), 99)


def test_no_sys_resource_is_no_error(t):
    target = t.target("chain-gcc-O2", 60)
    result = t.finish(
        t.spawn_argv(
            ["setpriv", "--bounding-set=-sys_resource", TOOL, "-p", str(target.pid), "-d", "1"]
            + ["-o", t.path()]
        )
    )
    t.check(result.status == 0, "exit status %s", result.status)
    t.profile()


def test_too_few_file_descriptors(t):
    target = t.target("chain-gcc-O2", 60)
    result = t.finish(
        t.spawn_argv(
            ["sh", "-c", 'ulimit -n 8; exec "$@"', "sh", TOOL, "-p", str(target.pid), "-d", "1"]
            + ["-o", t.path()]
        )
    )
    t.check(result.status == 1, "exit status %s", result.status)
    t.check_says(result, r"descriptors|open files|ulimit")
    t.check(not os.path.exists(t.path()), "a file was left")


def test_quiet(t):
    target = t.target("chain-gcc-O2", 60)
    result = t.run("-p", target.pid, "-d", 0.5, "-q", "-o", t.path())
    t.check(result.err == "" and result.out == b"", "-q is not quiet: %s", result.err)
    t.profile()


def test_summary_line(t):
    """Samples, duration, completeness, lost, sampled CPU beside the kernel's, the file."""
    target = t.target("chain-gcc-O2", 60)
    profile, result = t.record("-p", target.pid, "-d", 2)
    t.check_says(result, r"\b%d samples" % profile.count(), r"100(\.0+)?% complete", r"cpu\.pb\.gz")
    t.check(b"" == result.out, "standard output is for profiles")


def test_comments_tell_what_was_done(t):
    target = t.target("chain-gcc-O2", 60)
    profile, _ = t.record("-p", target.pid, "-d", 1)
    joined = "\n".join(profile.comment)
    for what in ("-p %d" % target.pid, os.uname().nodename, os.uname().release):
        t.check(what in joined, "no comment has '%s': %s", what, joined)


def test_labels(t):
    target = t.target("shares", 60, 2)
    profile, _ = t.record("-p", target.pid, "-d", 2, "-F", 500, "--labels", "tid,thread,cpu,pid")
    tids = set(os.listdir("/proc/%d/task" % target.pid))
    seen = [profile.labels(sample) for sample in profile.sample]
    t.check(all(set(row) <= {"tid", "thread", "cpu", "pid"} for row in seen), "%s", seen[:5])
    t.check({row["tid"] for row in seen} == tids, "threads %s, labels %s", tids, {row["tid"] for row in seen})
    t.check({row["thread"] for row in seen} == {"shares"}, "%s", {row["thread"] for row in seen})
    t.check({row["pid"] for row in seen} == {str(target.pid)}, "%s", {row["pid"] for row in seen})
    # A numeric 0 without a unit reads as no label: CPU 0 may have none.
    t.check({int(row.get("cpu", 0)) for row in seen} <= set(range(os.cpu_count())), "CPUs")
    for tid in tids:
        t.check(profile.count({"tid": tid}) > 40, "thread %s: %d samples", tid, profile.count({"tid": tid}))


def test_one_process_has_no_labels(t):
    target = t.target("chain-gcc-O2", 60)
    profile, _ = t.record("-p", target.pid, "-d", 0.5)
    t.check(not any(sample.label for sample in profile.sample), "labels that nobody asked for")


def test_user_only(t):
    target = t.target("shares", 60)
    profile, _ = t.record("-p", target.pid, "-d", 1, "-F", 500, "--user-only")
    names = {m.filename for m in profile.mapping}
    t.check("[kernel.kallsyms]" not in names, "kernel frames")
    t.check_complete(profile, 99)


def test_no_symbols(t):
    target = t.target("chain-gcc-O2", 60)
    profile, _ = t.record("-p", target.pid, "-d", 0.5, "--no-symbols")
    t.check(not profile.function, "%d functions", len(profile.function))
    t.check(all(not m.has_functions for m in profile.mapping), "has_functions")
    main = profile.mapping[0]
    t.check(main.filename.endswith("chain-gcc-O2") and main.build_id, "%s %s", main.filename, main.build_id)


def test_first_mapping_is_the_program_with_build_id(t):
    target = t.target("chain-gcc-O2", 60)
    profile, _ = t.record("-p", target.pid, "-d", 0.5)
    path = os.path.join(TARGETS, "chain-gcc-O2")
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True).stdout
    build_id = re.search(r"Build ID: (\w+)", notes)[1]
    t.check(profile.mapping[0].filename == path, "%s", profile.mapping[0].filename)
    t.check(profile.mapping[0].build_id == build_id, "%s", profile.mapping[0].build_id)


def test_every_process(t):
    """-a: all processes of the machine, the pid told by a label."""
    targets = [t.target("chain-gcc-O2", 60), t.target("depth", 60, 60)]
    profile, _ = t.record("-a", "-d", 2, "-F", 200)
    for target in targets:
        t.check(profile.count({"pid": target.pid}) > 20, "pid %d is missing", target.pid)


def test_default_name_is_pprofs(t):
    target = t.target("chain-gcc-O2", 60)
    for number in ("001", "002"):
        t.run("-p", target.pid, "-d", 0.3)
        t.profile(t.path("pprof.chain-gcc-O2.samples.cpu.%s.pb.gz" % number))
    os.unlink(t.path("pprof.chain-gcc-O2.samples.cpu.001.pb.gz"))
    t.run("-p", target.pid, "-d", 0.3)
    t.profile(t.path("pprof.chain-gcc-O2.samples.cpu.001.pb.gz"))


def test_verb_cpu_is_the_default(t):
    target = t.target("chain-gcc-O2", 60)
    t.run("cpu", "-p", target.pid, "-d", "0.4", "-o", t.path())
    profile = t.profile()
    t.check(0.3e9 < profile.duration_nanos < 1.5e9, "a duration of %d ns", profile.duration_nanos)


def test_top_agrees_with_go(t):
    target = t.target("demo", 60)
    t.run("-p", target.pid, "-d", 2, "-F", 500, "-o", t.path())
    t.profile()
    for options in ([], ["-cum"], ["-nodecount=5"]):
        ours = subprocess.run([TOOL, "top", *options, t.path()], capture_output=True, text=True)
        go = subprocess.run([go_pprof(), "-top", "-symbolize=none", *options, t.path()], capture_output=True, text=True)
        t.check(ours.returncode == 0, "top %s: %s", options, ours.stderr)
        rows = [text.stdout[text.stdout.index("Showing") :] for text in (ours, go)]
        t.check(rows[0] == rows[1], "top %s differs from go's:\n%s\n%s", options, rows[0], rows[1])


def test_top_of_what_is_no_profile(t):
    with open(t.path("text"), "w") as file:
        file.write("no profile\n")
    for path in (t.path("text"), t.path("absent"), "/dev/null"):
        result = t.run("top", path, status=1)
        t.check_says(result, re.escape(path))


def test_low_memlock_limit(t):
    target = t.target("chain-gcc-O2", 60)
    result = t.finish(
        t.spawn_argv(
            ["sh", "-c", 'ulimit -l 64; exec "$@"', "sh", TOOL, "-p", str(target.pid), "-d", "0.5"]
            + ["-o", t.path()]
        )
    )
    t.check(result.status == 0, "exit status %s", result.status)
