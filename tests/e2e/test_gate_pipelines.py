# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The pipelines of the README, run as they stand there, in a repository with a planted regression.

What a CI system does around them (checking out, variables, a machine that has sudo) is done here.
"""

import os
import re
import subprocess
import textwrap
import xml.etree.ElementTree

from harness import ROOT

# The repository's benchmark is the one of tests/targets, made slower or not; this is how it is built.
BENCH = """#define ROUNDS 100
#define %s
#include "gate_bench.c"
"""
MAKEFILE = """
bench: bench.c
	cc -O2 -g -fomit-frame-pointer -I%s bench.c -o bench
""" % os.path.join(ROOT, "tests/targets")
# What a noisy machine could hide is no matter here.
POLICY = '{ "resolution": "1000%", "min_share": "5%" }'
SLOWER = "RANK_PERCENT 200"
SAME = "RANK_PERCENT 100"


def readme_block(t, kind, about):
    """The only block of that kind in the README's part on the gate that has `about` in it."""
    with open(os.path.join(ROOT, "README.md")) as file:
        section = file.read().split("\n## A gate in CI\n")[1].split("\n## ")[0]
    found = [block for block in re.findall(r"```%s\n(.*?)```" % kind, section, re.S) if about in block]
    t.check(len(found) == 1, "%d blocks of %s are about '%s'", len(found), kind, about)
    return found[0]


def github_steps(workflow):
    """Names and scripts of its steps `run`."""
    return [(name, textwrap.dedent(script)) for name, script in
            re.findall(r"^      - name: (.*)\n        run: \|\n((?:          .*\n)+)", workflow, re.M)]


def gitlab_script(job):
    return re.findall(r"^    - (.*)$", job.split("\n  script:\n")[1].split("\n  allow_failure")[0], re.M)


class Repository:
    """A clone as a CI system checks it out, of an origin whose branch main is the base."""

    def __init__(self, t):
        self.t = t
        for name in ("bin", "root", "origin", "work"):
            os.mkdir(t.path(name))
        with open(t.path("bin/sudo"), "w") as file:
            file.write('#!/bin/sh\nexec "$@"\n')  # tests are run by root
        os.chmod(t.path("bin/sudo"), 0o755)
        path = [t.path("bin"), t.path("root/usr/local/bin"), os.environ["PATH"]]
        self.environment = dict(
            os.environ,
            PATH=":".join(path),
            DESTDIR=t.path("root"),  # make install
            HOME=t.dir,
            GIT_CONFIG_NOSYSTEM="1",
            GITHUB_BASE_REF="main",
            GITHUB_WORKSPACE=t.path("work/clone"),
            GITHUB_STEP_SUMMARY=t.path("summary.md"),
            CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main",
        )
        self.environment.pop("MAKEFLAGS", None)
        for key in ("user.name", "user.email"):
            self.shell("git config --global %s tester@example.com" % key)
        self.shell("git init -q -b main . && printf '%s\\n' bench gate cprofbpf '*.xml' '*.md' >.gitignore", "origin")
        with open(t.path("origin/.cprofbpf-gate.json"), "w") as file:
            file.write(POLICY)
        self.commit(SAME, "first", MAKEFILE)

    def shell(self, script, where="", status=0):
        """Run a step as runners do, and return what it says."""
        process = self.t.start(["bash", "-e", "-c", script], cwd=self.t.path(where), env=self.environment,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        out, _ = process.popen.communicate(timeout=150)
        self.t.check(process.popen.returncode == status, "exit status %s of\n%s\n%s", process.popen.returncode, script, out)
        return out

    def commit(self, define, subject, makefile=None):
        with open(self.t.path("origin/bench.c"), "w") as file:
            file.write(BENCH % define)
        if makefile:
            with open(self.t.path("origin/Makefile"), "w") as file:
                file.write(makefile)
        self.shell("git add . && git commit -q --allow-empty -m '%s'" % subject, "origin")

    def clone(self, branch):
        self.shell("git clone -q -b %s ../origin clone" % branch, "work")

    def propose(self, define):
        """A change on a branch, checked out."""
        self.shell("git checkout -q -b change", "origin")
        self.commit(define, "change")
        self.clone("change")

    def install(self):
        os.symlink(ROOT, self.t.path("work/clone/cprofbpf"))


def check_summary(t, path):
    with open(path) as file:
        t.check("rank" in file.read(), "the summary does not name rank")


def test_github(t):
    repository = Repository(t)
    repository.propose(SLOWER)
    repository.install()
    steps = github_steps(readme_block(t, "yaml", "runs-on"))
    t.check([name for name, _ in steps] == ["install", "build both sides", "gate"], "steps: %s", steps)
    for name, script in steps[:2]:
        repository.shell(script, "work/clone")
    t.check(os.path.exists(t.path("root/usr/local/share/man/man1/cprofbpf-gate.1")), "no manual page")
    out = repository.shell(steps[2][1], "work/clone", status=1)
    t.check(re.search(r"^::error .*rank", out, re.M), "no annotation: %s", out)
    check_summary(t, t.path("summary.md"))
    t.check(len(os.listdir(t.path("work/clone/gate"))) >= 6, "profiles to upload: %s", os.listdir(t.path("work/clone/gate")))


def test_gitlab(t):
    repository = Repository(t)
    repository.propose(SLOWER)
    os.symlink(os.path.join(ROOT, "build/cprofbpf"), t.path("bin/cprofbpf"))
    lines = gitlab_script(readme_block(t, "yaml", "script:"))
    t.check(len(lines) == 5 and lines[-1].startswith("cprofbpf gate "), "script: %s", lines)
    repository.shell("\n".join(lines[:-1]), "work/clone")
    repository.shell(lines[-1], "work/clone", status=1)
    failed = xml.etree.ElementTree.parse(t.path("work/clone/gate.xml")).findall(".//testcase[failure]")
    t.check(any("rank" in case.get("name") for case in failed), "JUnit: %s", [case.attrib for case in failed])
    check_summary(t, t.path("work/clone/gate.md"))


def test_bisect(t):
    """It finds the commit among those that are good, bad, and do not build."""
    repository = Repository(t)
    os.symlink(os.path.join(ROOT, "build/cprofbpf"), t.path("bin/cprofbpf"))
    repository.shell("git tag v1.0", "origin")
    repository.commit(SAME + " /* one */", "one")
    repository.commit(SLOWER, "the slow one")
    repository.commit(SLOWER + " /* two */", "broken", "bench:\n\tfalse\n")
    repository.commit(SLOWER + " /* three */", "three", MAKEFILE)
    repository.clone("main")
    out = repository.shell(readme_block(t, "sh", "git bisect"), "work/clone")
    first = re.search(r"^(\w{40}) is the first bad commit", out, re.M)
    t.check(first, "no commit was found: %s", out)
    subject = repository.shell("git log -1 --format=%%s %s" % first[1], "work/clone").strip()
    t.check(subject == "the slow one", "'%s' was found", subject)
