# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Targets and profilers in namespaces of their own, binaries elsewhere or nowhere."""

import os
import re
import shutil
import subprocess

from harness import TARGETS, TOOL

CHAIN = os.path.join(TARGETS, "chain-gcc-O2")


def check_names(t, profile, labels=None):
    t.check_complete(profile, 99, labels)
    total = profile.count(labels)
    named = sum(n for names, n in profile.stacks(labels) if {"level_two", "main"} <= set(names))
    t.check(total > 20 and named > 0.9 * total, "%d of %d samples have names", named, total)


def test_target_in_a_pid_namespace(t):
    """Seen from outside, by the PID that counts there."""
    t.start(["unshare", "-p", "-f", "--mount-proc", CHAIN, "60"], stdout=subprocess.DEVNULL)
    pid = find_process(t, "chain-gcc-O2")
    profile, _ = t.record("-p", pid, "-d", 1, "--labels", "pid,tid")
    t.check(profile.count({"pid": pid, "tid": pid}) == profile.count(), "labels are not the outer PID")
    check_names(t, profile)


def find_process(t, name):
    """The newest process of that executable that is a descendant of this one."""
    found = []

    def look():
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                exe = os.readlink("/proc/%s/exe" % pid)
                with open("/proc/%s/environ" % pid, "rb") as file:
                    mine = b"CPROFBPF_E2E=%d\0" % os.getpid() in file.read()
            except OSError:
                continue
            if mine and os.path.basename(exe.split(" (deleted)")[0]) == name:
                found.append(int(pid))
        return found

    t.wait_for("the target", look)
    return max(found)


def test_profiler_in_a_pid_namespace(t):
    """PIDs and TIDs are those of the namespace that cprofbpf runs in."""
    script = '"$1" 60 >&2 & "$2" -p $! -d 1 --labels pid,tid -o "$3"; echo $!'
    result = subprocess.run(
        ["unshare", "-p", "-f", "--mount-proc", "sh", "-c", script, "sh", CHAIN, TOOL, t.path()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    t.check(result.returncode == 0 and os.path.exists(t.path()), "%s", result.stderr)
    pid = int(result.stdout)
    t.check(pid < 100, "no namespace of its own: PID %d", pid)
    profile = t.profile()
    t.check(profile.count({"pid": pid, "tid": pid}) == profile.count() > 0, "labels are not the inner PID")
    check_names(t, profile)


def test_all_in_a_pid_namespace_is_its_own(t):
    """-a in a namespace: processes outside have no PID there and must not be mistaken for one."""
    outside = t.target("depth", 60, 60)
    script = '"$1" 60 >&2 & "$2" -a -d 1.5 --labels pid -o "$3"; echo $!'
    result = subprocess.run(
        ["unshare", "-p", "-f", "--mount-proc", "sh", "-c", script, "sh", CHAIN, TOOL, t.path()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    t.check(result.returncode == 0 and os.path.exists(t.path()), "%s", result.stderr)
    profile = t.profile()
    check_names(t, profile, {"pid": int(result.stdout)})
    t.check(profile.count({"pid": outside.pid}) == 0, "a PID of outside")


def make_root(t, program, name):
    """A root file system with one program, under another name, and its libraries."""
    root = t.path("root")
    os.makedirs(os.path.dirname(root + name))
    shutil.copy(program, root + name)
    libraries = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"(/\S+) \(0x", libraries):
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        shutil.copy(path, root + path)
    return root


def test_container_with_other_files_of_the_same_name(t):
    """The target's /usr/bin/env is not the host's; both exist."""
    root = make_root(t, CHAIN, "/usr/bin/env")
    t.start(["unshare", "-m", "chroot", root, "/usr/bin/env", "60"], stdout=subprocess.DEVNULL)
    pid = find_process(t, "env")
    profile, _ = t.record("-p", pid, "-d", 1)
    check_names(t, profile)


def test_container_with_a_deleted_binary(t):
    """In a mount and PID namespace, replaced by an update: read through map_files."""
    root = make_root(t, CHAIN, "/app/server")
    t.start(["unshare", "-m", "-p", "-f", "chroot", root, "/app/server", "60"], stdout=subprocess.DEVNULL)
    pid = find_process(t, "server")
    os.unlink(root + "/app/server")
    with open(root + "/app/server", "w") as file:
        file.write("something else")
    profile, _ = t.record("-p", pid, "-d", 1)
    check_names(t, profile)
    t.check(profile.mapping[0].filename.endswith("/app/server"), "%s", profile.mapping[0].filename)


def test_container_link_does_not_lead_out(t):
    """A target's link to /etc must be taken inside its root; the host's file is not what it runs."""
    root = make_root(t, CHAIN, "/app/real")
    os.symlink("/app/real", root + "/app/link")
    t.start(["unshare", "-m", "chroot", root, "/app/link", "60"], stdout=subprocess.DEVNULL)
    pid = find_process(t, "real")
    profile, _ = t.record("-p", pid, "-d", 1)
    check_names(t, profile)


def test_memory_file(t):
    """An executable that never was in a file system."""
    code = (
        "import os,sys; fd = os.memfd_create('ghost'); os.write(fd, open(sys.argv[1], 'rb').read());"
        "os.execve(fd, ['ghost', '60'], os.environ)"
    )
    t.target("/usr/bin/python3", "-c", code, CHAIN)
    pid = find_process(t, "memfd:ghost")
    profile, _ = t.record("-p", pid, "-d", 1)
    check_names(t, profile)
