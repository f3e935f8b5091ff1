# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Names of functions, wherever a program or its packager put what tells them."""

import os
import shutil
import subprocess

from harness import ROOT

CHAIN = os.path.join(ROOT, "tests", "targets", "chain.c")
GO = """package main
import ("fmt"; "time")
type Server struct { table map[string]int }
//go:noinline
func (s *Server) serve(n int) { for i := 0; i < n; i++ { s.table[fmt.Sprint(i % 100)]++ } }
func main() { println("ready"); s := &Server{map[string]int{}}; for e := time.Now().Add(time.Minute); time.Now().Before(e); { s.serve(1000) } }
"""


def build(t, name, *words):
    subprocess.run(["gcc", "-O2", *words, CHAIN, "-o", t.path(name)], cwd=t.dir, check=True)


def check_names(t, name):
    """The whole call chain is named."""
    target = t.target(t.path(name), 60)
    profile, _ = t.record("-p", target.pid, "-d", 0.6, "-F", 500)
    t.check_complete(profile, 99)
    named = sum(n for names, n in profile.stacks() if {"main", "level_two"} <= set(names))
    t.check(named > 0.9 * profile.count(), "%s: %d of %d samples are named", name, named, profile.count())
    target.end()


def test_stripped_go_program(t):
    """Built as for containers, without symbols and DWARF: the runtime's own table has the names."""
    with open(t.path("main.go"), "w") as file:
        file.write(GO)
    go = shutil.which("go") or "/usr/local/go/bin/go"
    command = [go, "build", "-ldflags=-s -w", "-o", "server", "main.go"]
    subprocess.run(command, cwd=t.dir, env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    target = t.start([t.path("server")], stderr=subprocess.DEVNULL)
    profile, _ = t.record("-p", target.pid, "-d", 2, "-F", 500)
    share = profile.cumulative("main.(*Server).serve") / profile.count()
    t.check(share > 0.7, "serve has %.2f of the samples", share)
    unnamed = profile.cumulative("[server]")
    t.check(unnamed == 0, "%d samples have a frame without a name", unnamed)


def test_forms_of_debug_information(t):
    """Compressed, split, of old and new versions, and none but .symtab."""
    forms = {
        "zlib": ["-g", "-gz=zlib"],
        "zlib-gnu": ["-g", "-gz=zlib-gnu"],
        "split": ["-g", "-gsplit-dwarf", "-gdwarf-5"],
        "dwarf-2": ["-gdwarf-2", "-gstrict-dwarf"],
        "dwarf-4": ["-gdwarf-4", "-fdebug-types-section"],
        "symtab": [],
    }
    for name, words in forms.items():
        build(t, name, *words)
        check_names(t, name)


def test_debug_files(t):
    """By debug link beside the program and in .debug, checked by its CRC where there is no build ID."""
    for name, words in (("id", []), ("no-id", ["-Wl,--build-id=none"])):
        build(t, name, "-g", *words)
        subprocess.run(["objcopy", "--only-keep-debug", name, name + ".debug"], cwd=t.dir, check=True)
        subprocess.run(["strip", name], cwd=t.dir, check=True)
        subprocess.run(["objcopy", "--add-gnu-debuglink=" + name + ".debug", name], cwd=t.dir, check=True)
        check_names(t, name)
        os.makedirs(t.path(".debug"), exist_ok=True)
        os.rename(t.path(name + ".debug"), t.path(".debug/" + name + ".debug"))
        check_names(t, name)
