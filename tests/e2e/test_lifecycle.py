# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""How a capture ends: signals, exits, deaths of the target or the profiler, commands."""

import ctypes
import os
import signal
import subprocess
import time

from harness import TARGETS, TOOL, bpf_ids, waits

CHAIN = os.path.join(TARGETS, "chain-gcc-O2")
SHARES = os.path.join(TARGETS, "shares")


def test_interrupt_writes_the_profile(t):
    for number in (signal.SIGINT, signal.SIGTERM):
        target = t.target("chain-gcc-O2", 60)
        process = t.spawn("-p", target.pid, "-o", t.path(str(number)))
        t.wait_sampling(process)
        time.sleep(0.7)
        process.signal(number)
        result = t.finish(process, timeout=10)
        t.check(result.status == 0, "exit status %s", result.status)
        t.check(t.profile(t.path(str(number))).count() > 10, "too few samples")
        t.check(target.popen.poll() is None, "the target died")


def test_second_interrupt_gives_up(t):
    """The first one is busy writing into a FIFO that nobody reads."""
    target = t.target("chain-gcc-O2", 60)
    os.mkfifo(t.path("fifo"))
    reading = os.open(t.path("fifo"), os.O_RDONLY | os.O_NONBLOCK)
    hold = os.open(t.path("fifo"), os.O_WRONLY | os.O_NONBLOCK)
    while True:  # fill the pipe, so that the profile cannot be written
        try:
            os.write(hold, b"x" * 4096)
        except BlockingIOError:
            break
    process = t.spawn("-p", target.pid, "-o", t.path("fifo"))
    t.wait_sampling(process)
    time.sleep(0.3)
    process.signal(signal.SIGINT)
    time.sleep(1.5)
    t.check(process.popen.poll() is None, "ended before the FIFO was read")
    process.signal(signal.SIGINT)
    result = t.finish(process, timeout=5)
    t.check(result.status not in (0, None) and "killed by the test" not in result.err, "did not give up")
    os.close(reading)
    os.close(hold)


def test_target_exits(t):
    target = t.target("chain-gcc-O2", 4)
    started = time.monotonic()
    profile, _ = t.record("-p", target.pid, "-d", 60)
    t.check(time.monotonic() - started < 15, "went on after the target's end")
    t.check(profile.count() > 30, "%d samples", profile.count())
    t.check_complete(profile, 99)


def test_target_is_killed(t):
    """Killed in mid-work, at different moments; names are found although it is gone."""
    for after in (0.15, 0.4, 0.9):
        target = t.target("depth", 60, 60)
        process = t.spawn("-p", target.pid, "-F", 1000, "-o", t.path())
        t.wait_sampling(process)
        time.sleep(after)
        target.signal(signal.SIGKILL)
        target.wait()
        result = t.finish(process, timeout=20)
        t.check(result.status == 0, "exit status %s", result.status)
        profile = t.profile()
        t.check_complete(profile, 99)
        t.check(profile.cumulative("main") > 0.95 * profile.count(), "main is not known")


def test_one_of_two_targets_exits(t):
    short, long = t.target("chain-gcc-O2", 1), t.target("chain-clang-O2", 60)
    profile, _ = t.record("-p", "%d,%d" % (short.pid, long.pid), "-d", 3)
    t.check(profile.count({"pid": short.pid}) > 5, "the short one is missing")
    t.check(profile.count({"pid": long.pid}) > 50, "the long one is missing")


def test_target_that_sleeps(t):
    """No samples: said so, exit status 3, and a valid empty profile."""
    target = t.start(["sleep", "60"])
    result = t.run("-p", target.pid, "-d", 0.5, "-o", t.path(), status=3)
    t.check_says(result, r"no samples: the target used no CPU time")
    t.check(t.profile().count() == 0, "samples of a sleeper")


def test_command_that_ends_at_once(t):
    result = t.run("-F", 1, "-o", t.path(), "--", "true", status=3)
    t.check_says(result, r"'true' exited with status 0", r"no samples: the command used hardly any CPU time")


def test_report_of_a_stopped_process(t):
    """Without samples it says so, as a capture does, and why."""
    target = t.target("chain-gcc-O2", 60)
    target.signal(signal.SIGSTOP)
    result = t.run("top", "-p", target.pid, "-d", 0.5)
    t.check_says(result, r"\(chain-gcc-O2\) is stopped", r"no samples: the target used no CPU time")
    target.signal(signal.SIGCONT)


def test_profiler_in_a_user_namespace(t):
    """Its root has every capability, and none that counts."""
    target = t.target("chain-gcc-O2", 60)
    result = t.finish(t.spawn_argv(["unshare", "-U", "-r", TOOL, "-p", str(target.pid), "-d", "1"]))
    t.check(result.status == 1, "exit status %s", result.status)
    t.check_says(result, r"no permission to profile: in a user namespace")


def test_killed_profiler_leaves_nothing(t):
    target = t.target("chain-gcc-O2", 60)
    process = t.spawn("-p", target.pid, "-o", t.path())
    t.wait_sampling(process)
    held = bpf_ids(process.pid)
    t.check({kind for kind, _ in held} >= {"prog", "map"}, "no BPF objects seen: %s", held)
    process.signal(signal.SIGKILL)
    process.wait()
    t.wait_for("its BPF objects to go", lambda: not any(bpf_exists(*row) for row in held))
    t.check(not os.listdir(t.dir), "left %s", os.listdir(t.dir))
    time.sleep(0.2)
    t.check(target.popen.poll() is None, "the target died too")
    t.check("t" not in state(target.pid).lower(), "the target is stopped")


def bpf_exists(kind, number):
    """bpf(BPF_*_GET_FD_BY_ID): commands 13 (program), 14 (map), 30 (link)."""
    command = {"prog": 13, "map": 14, "link": 30}[kind]
    attr = (ctypes.c_uint32 * 4)(number)
    fd = ctypes.CDLL(None, use_errno=True).syscall(321, command, attr, 16)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


def state(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def test_command_from_its_first_instruction(t):
    profile, result = t.record("-F", 1000, "--", CHAIN, 1)
    t.check(result.out == b"ready\n", "the command's output is its own: %s", result.out)
    t.check(profile.cumulative("main") > 0.9 * profile.count(), "main is missing")
    t.check_complete(profile, 99.5)


def test_command_status_is_told(t):
    for script, pattern in (("exit 7", r"\b7\b"), ("kill -9 $$", r"SIGKILL|signal 9|Killed")):
        loop = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; "
        result = t.run("-o", t.path(), "--", "sh", "-c", loop + script)
        t.check_says(result, pattern)
        t.check(t.profile().count() > 0, "no samples")


def test_command_outlives_the_duration(t):
    """-d ends first: the profile is written, the command runs on."""
    process = t.spawn("-d", 1, "-o", t.path(), "--", SHARES, 4, stdout=subprocess.PIPE)
    t.check(process.wait(20) == 0, "exit status %s", process.popen.returncode)
    t.check(t.profile().count() > 20, "too few samples")
    left = process.popen.stdout.read()  # until the command, which holds the other end, exits
    t.check(b"share_half" in left, "the command did not run to its end: %s", left)


def test_interrupt_while_a_command_runs(t):
    """Ctrl-C reaches both, as on a terminal; the profile is written."""
    process = t.spawn("-o", t.path(), "--", CHAIN, 60)
    t.wait_sampling(process)
    time.sleep(0.7)
    os.killpg(process.pid, signal.SIGINT)
    result = t.finish(process, timeout=15)
    t.check(result.status == 0, "exit status %s", result.status)
    t.check(t.profile().count() > 5, "too few samples")


def test_attaches_with_priority(t):
    """On an overloaded machine it does not wait for its share to begin; nobody else is preferred."""
    target = t.target("chain-gcc-O2", 60)
    seen = set()
    # It takes a tenth of a second, in which this test may not get to look.
    for _ in range(10):
        process = t.spawn("-p", target.pid, "-d", 1, "-o", t.path())
        t.wait_for("its priority", lambda: seen.add(niceness(process.pid)) or -20 in seen or waits(process))
        t.wait_sampling(process)
        t.check(niceness(process.pid) == 0, "samples at niceness %d", niceness(process.pid))
        t.check(t.finish(process).status == 0, "failed")
        if -20 in seen:
            break
    t.check(-20 in seen, "attaches at niceness %s", seen)
    told = t.finish(t.spawn("-o", t.path(), "--", "nice")).out
    t.check(told == b"0\n", "the command runs at niceness %s", told)


def niceness(pid):
    with open("/proc/%d/stat" % pid) as file:
        return int(file.read().rsplit(")", 1)[1].split()[16])


def test_command_and_its_children(t):
    forks = os.path.join(TARGETS, "forks")
    profile, _ = t.record("-d", 2, "-F", 500, "--", forks, 2)
    t.check(profile.cumulative("child_work") > 40, "no children")
    profile, _ = t.record("-d", 2, "-F", 500, "--no-children", "--", forks, 2)
    t.check(profile.cumulative("child_work") == 0, "children")


def test_descendants_alive_and_later(t):
    """--children: a grandchild that lives already and one that comes later."""
    script = CHAIN + " 60 & sleep 1.5; " + os.path.join(TARGETS, "chain-clang-O2") + " 60"
    shell = t.start(["sh", "-c", script], stdout=subprocess.DEVNULL)
    t.wait_for("the first child", lambda: children(shell.pid))
    profile, _ = t.record("-p", shell.pid, "--children", "-d", 3.5, "-F", 200)
    files = {os.path.basename(m.filename) for m in profile.mapping}
    t.check({"chain-gcc-O2", "chain-clang-O2"} <= files, "mappings %s", files)
    t.check_complete(profile, 99)


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return file.read().split()


def test_two_profilers_at_once(t):
    target = t.target("chain-gcc-O2", 60)
    other = t.spawn("-p", target.pid, "-d", 2, "-o", t.path("other"))
    profile, _ = t.record("-p", target.pid, "-d", 2)
    t.check(t.finish(other).status == 0, "the other one failed")
    for found in (profile, t.profile(t.path("other"))):
        t.check_complete(found, 99.5)
        t.check(found.count() > 30, "%d samples", found.count())
