# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The checkers of `make lint` find what they are there to find."""

import os
import subprocess

from harness import ROOT

SPDX = "SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause"
MAKEFILE = """# %s
ROOMS := base elf collect
uses_abi :=
uses_lib := abi
uses_base :=
uses_elf := base
uses_collect := elf lib
libs_elf := libelf
libs_collect := libbpf
""" % SPDX

MANUAL = ".Dd May 1, 2026\n.Dt A 1\n.Os\n.Sh NAME\n.Nm a\n.Nd b\n.Sh DESCRIPTION\nText.\n"

# file, its text after the license line, what the checker says of it ("" for nothing)
ARROWS = [
    ("user/elf/a.c", '#include "base/err.h"\n#include <libelf.h>\n#include <stdio.h>', ""),
    ("user/collect/a.c", '#include "base/err.h"\n#include <bpf/bpf.h>\n#include "abi/a.h"', ""),
    ("bpf/lib/a.h", '#include "abi/a.h"\n#include <bpf/bpf_helpers.h>', ""),
    ("user/base/a.c", '#include "elf/elf.h"', "user/base/a.c:2: 'elf/elf.h': base may not include elf"),
    ("user/base/a.c", "\n  #  include <libelf.h>", "user/base/a.c:3: <libelf.h>: libelf is not among libs_base"),
    ("user/elf/a.c", "#include <bpf/libbpf.h>", "user/elf/a.c:2: <bpf/libbpf.h>: libbpf is not among libs_elf"),
    ("user/elf/a.c", "#include <linux/bpf.h>", "user/elf/a.c:2: <linux/bpf.h>: libbpf is not among libs_elf"),
    ("user/elf/a.c", '#include "err.h"', "user/elf/a.c:2: 'err.h' does not name its room"),
    ("user/elf/a.c", '#include "../base/err.h"', "user/elf/a.c:2: '../base/err.h' does not name its room"),
    ("user/elf/a.c", '#include "base/no.h"', "user/elf/a.c:2: 'base/no.h' does not exist"),
    ("bpf/cpu.bpf.c", '#include "base/err.h"', "bpf/cpu.bpf.c:2: 'base/err.h': bpf includes nothing of user space"),
    ("bpf/abi/b.h", '#include "lib/a.h"', "bpf/abi/b.h:2: 'lib/a.h': abi may not include lib"),
    ("user/other/a.c", "", "user/other: not among the Makefile's ROOMS"),
    ("bpf/other/a.h", "", "bpf/other: bpf has the rooms abi and lib alone"),
    ("notes.txt", "", "notes.txt: has no place at the top of the tree"),
    ("Makefile", MAKEFILE + "uses_base := collect", "Makefile: the arrows go round: base <- collect <- elf <- base"),
    ("Makefile", MAKEFILE + "libs_elf := libbpf", "Makefile: libs_elf: only collect talks to BPF"),
    ("Makefile", MAKEFILE + "uses_elf := cellar", "Makefile: uses_elf names 'cellar', which is no room"),
]

LINT = [
    ("a.c", "int a;\n", ""),
    ("a.c", "int  a;\n", "a.c:2:4: not as clang-format would have it"),
    ("a.c", "/* XX" "X: later */\n", "a.c:2: a note to self: /* XX" "X: later */"),
    ("a.c", "int a;\n" * 600, "a.c: 601 lines, 600 are the limit"),
    ("a.c", "int f(void)\n{\n" + "\tf();\n" * 59 + "}\n", "a.c:3: a function of 61 lines, 60 are the limit"),
    ("a.c", "int f(void)\n{\n" + "\tf();\n" * 58 + "}\n", ""),
    ("a.py", "def f(:\n", "a.py:2: invalid syntax"),
    ("a.1", MANUAL, ""),
    ("a.1", MANUAL + ".Xx\n", "a.1:10:2: ERROR: skipping unknown macro: .Xx"),
]


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w") as file:
        file.write(text)


def check_tool(t, tool, root, said):
    done = subprocess.run([os.path.join(ROOT, "tools", tool), root], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    t.check(not done.stderr, "%s: %s", tool, done.stderr)
    if said:
        t.check(done.returncode == 1 and said in lines, "%s says %s, not '%s'", tool, lines, said)
    else:
        t.check(done.returncode == 0 and not lines, "%s says %s", tool, lines)


def test_arrows(t):
    for number, (path, text, said) in enumerate(ARROWS):
        root = t.path(str(number))
        for name in ("user/base/err.h", "user/elf/elf.h", "user/collect/c.h", "bpf/abi/a.h", "bpf/lib/a.h"):
            write(root, name, "/* %s */\n" % SPDX)
        write(root, "Makefile", MAKEFILE)
        write(root, path, text if path == "Makefile" else "/* %s */\n%s\n" % (SPDX, text))
        check_tool(t, "arrows", root, said)


def test_lint(t):
    for number, (path, text, said) in enumerate(LINT):
        root = t.path(str(number))
        comment = {"py": "# %s\n", "1": '.\\" %s\n'}.get(path.rsplit(".", 1)[1], "/* %s */\n")
        write(root, path, comment % SPDX + text)
        check_tool(t, "lint", git(root), said)
    write(t.path("unlicensed"), "a.c", "int a;\n")
    check_tool(t, "lint", git(t.path("unlicensed")), "a.c: no license line on top")


def git(root):
    with open(os.path.join(ROOT, ".clang-format")) as file:
        write(root, ".clang-format", file.read())
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", "-C", root, *command], check=True, capture_output=True)
    return root
