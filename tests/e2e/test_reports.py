# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the report verbs read and write: several files, broken ones, live processes, files that fill a disk."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys

from harness import ROOT, TOOL

PROFILES = os.path.join(ROOT, "tests/golden/profiles")


def profile(name):
    return os.path.join(PROFILES, name + ".pb.gz")


def test_unreadable_files_are_left_out(t):
    """As pprof does: those that can be read are reported, the others are told."""
    with open(t.path("junk"), "wb") as file:
        file.write(b"junk\n")
    result = t.run("raw", t.path("junk"), profile("demo"), t.path("absent"), profile("redis"))
    t.check_says(result, "junk': parsing profile: unrecognized profile format", "absent': No such file")
    t.check_says(result, "2 of 4 profiles could be read")
    t.check(result.out == t.run("raw", profile("demo"), profile("redis")).out, "not the sum of the others")

    alone = t.run("raw", t.path("absent"), profile("demo"))
    t.check(alone.out == t.run("raw", profile("demo")).out, "the only profile was changed")

    base = t.run("top", "-base", t.path("absent"), "-base", profile("redis"), profile("demo"))
    t.check_says(base, "1 of 2 profiles could be read")
    t.check(base.out == t.run("top", "-base", profile("redis"), profile("demo")).out, "another base")


def test_expressions_without_a_match(t):
    """Are told; one that matches some label is not, whichever comes last."""
    for option, text in (("-focus", "Focus"), ("-hide", "Hide"), ("-tagshow", "TagShow"), ("-taghide", "TagHide")):
        t.check_says(t.run("tags", option + "=nosuch", profile("redis")), text + " expression matched no samples")
    for key in ("thread", "tid"):
        for option in ("-tagshow", "-taghide"):
            result = t.run("tags", "%s=^%s$" % (option, key), profile("redis"))
            t.check(result.err == "", "%s=%s: %s", option, key, result.err)
    for verb in ("list", "peek"):
        result = t.run(verb, "nosuch", profile("redis"), status=1)
        t.check_says(result, "no matches found for regexp: nosuch")


def test_choices_that_compete(t):
    """The value of -sample_index is taken; of two orders or granularities neither is."""
    result = t.run("top", "-inuse_space", "-sample_index=alloc_space", profile("go_heap"))
    t.check_says(result, "multiple value selections, ignoring -inuse_space")
    t.check(b"Type: alloc_space" in result.out, "another value")
    result = t.run("top", "-inuse_space=false", "-alloc_space", profile("go_heap"))
    t.check(result.err == "" and b"Type: alloc_space" in result.out, "a flag that is off has a say: %s", result.err)
    for flags in (("-cum", "-flat"), ("-lines", "-files")):
        result = t.run("top", *flags, profile("demo"), status=2)
        t.check_says(result, "cannot both be given")


def test_no_readable_file(t):
    result = t.run("top", t.path("absent"), t.path("missing"), status=1)
    t.check_says(result, "absent': No such file", "missing': No such file", "none of the 2 profiles")
    t.check(result.out == b"", "something was printed")
    result = t.run("top", "-base", t.path("absent"), profile("demo"), status=1)
    t.check(result.out == b"", "reported without its base")


def test_older_formats(t):
    """Read from files and standard input; what is wrong in them is told by line."""
    with open(os.path.join(PROFILES, "heap_v2.heap"), "rb") as file:
        good = file.read()
    want = t.run("raw", os.path.join(PROFILES, "heap_v2.heap")).out
    t.check(b"inuse_space/bytes" in want, "no heap profile")
    for data in (good, gzip.compress(good)):
        with open(t.path("input"), "wb") as file:
            file.write(data)
        with open(t.path("input"), "rb") as file:
            t.check(t.run("raw", "-", stdin=file).out == want, "another one from standard input")
        t.run("convert", "-o", t.path("converted.pb.gz"), t.path("input"))
        t.check(t.run("top", t.path("converted.pb.gz")).out == t.run("top", t.path("input")).out, "convert differs")
    with open(t.path("broken"), "wb") as file:
        file.write(good.replace(b"20971520] @", b"20971520  @"))
    for verb in ("top", "convert"):
        result = t.run(verb, t.path("broken"), status=1)
        t.check_says(result, "broken': line 4: no sample of a heap profile")


def deep_stacks(t, samples):
    """A profile of distinct deep stacks, whose traces are many times larger than itself."""
    frames = ["function_with_a_long_name_%d" % i for i in range(1000)]
    with open(t.path("deep.folded"), "w") as file:
        for i in range(samples):
            file.write("%s 1\n" % ";".join(frames[(i * 7 + k) % 1000] for k in range(100 + i % 50)))
    t.run("convert", "-o", t.path("deep.pb.gz"), t.path("deep.folded"))
    return t.path("deep.pb.gz")


# The kernel counts what a process held before exec, too: the parent has to be a small one.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, ended, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(ended), usage.ru_maxrss, file=os.fdopen(3, "w"))
"""


def peak_kib(t, *argv, status=0, stdin=None):
    """Of a run whose messages are in the file "messages"."""
    measure = ["sh", "-c", 'exec 3>"$0"; exec "$@"', t.path("peak"), sys.executable, "-S", "-c", MEASURE]
    with open(t.path("messages"), "wb") as messages:
        subprocess.run(
            [*measure, TOOL, *argv], stdin=stdin, stdout=subprocess.DEVNULL, stderr=messages, check=True
        )
    with open(t.path("peak")) as file:
        ended, peak = map(int, file.read().split())
    t.check(ended == status, "%s: status %d", argv[0], ended)
    return peak


def test_bombs_and_broken_files(t):
    """128 MB in 128 kB, lengths that nothing has, and halves: an error in little memory, and no file."""
    with open(t.path("bomb"), "wb") as file:
        file.write(gzip.compress(bytes(1 << 27), 9))
    with open(profile("demo"), "rb") as file:
        whole = file.read()
    plain = gzip.decompress(whole)
    broken = {
        "bomb": "grow to more than",
        "half": r"parsing profile: unrecognized profile format \(profile.* at byte \d+: too much data",
        "half.gz": "unexpected EOF",
        "length": r"profile at byte \d+: too much data",
        "string": r"profile\.comment at byte \d+: there is no string 4611686018427387904",
    }
    for name, data in (
        ("half", plain[: len(plain) // 2]),
        ("half.gz", whole[: len(whole) // 2]),
        ("length", plain + b"\x12\xff\xff\xff\xff\x0f"),
        ("string", plain + b"\x68" + b"\x80" * 8 + b"\x40"),
    ):
        with open(t.path(name), "wb") as file:
            file.write(data)
    for name, says in broken.items():
        for verb in ("raw", "top", "flame", "merge"):
            peak = peak_kib(t, verb, "-o", t.path("out"), t.path(name), status=1)
            t.check(peak < 100000, "%s of %s took %d kB", verb, name, peak)
            with open(t.path("messages")) as file:
                text = file.read()
            t.check(re.search(says, text), "%s of %s: %s", verb, name, text)
            t.check(not os.path.exists(t.path("out")), "%s of %s left a file", verb, name)
    with open(t.path("bomb"), "rb") as file:
        peaks = peak_kib(t, "top", "-", status=1, stdin=file), peak_kib(t, "convert", "-o", t.path("out"), t.path("bomb"), status=1)
    t.check(max(peaks) < 150000, "standard input and convert took %s kB", peaks)


def test_large_report_is_not_kept_in_memory(t):
    path = deep_stacks(t, 20000)
    for verb in ("traces", "raw"):
        nowhere = peak_kib(t, verb, path)
        peak = peak_kib(t, verb, "-o", t.path("report"), path)
        size = os.path.getsize(t.path("report")) >> 10
        t.check(size > 8000, "%s: only %d kB", verb, size)
        t.check(peak < nowhere + size / 4, "%s of %d kB: %d kB, and %d for nothing", verb, size, peak, nowhere)
        with open(t.path("report"), "rb") as file:
            t.check(file.read() == t.run(verb, path).out, "%s: another report in a file", verb)


def test_report_that_fills_the_disk(t):
    """The old file stays, and nothing else is left."""
    path, disk = deep_stacks(t, 2000), t.path("disk")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    t.cleanups.append(lambda: subprocess.run(["umount", disk], check=True))
    with open(disk + "/old", "wb") as file:
        file.write(b"old")
    for name in ("new", "old"):
        result = t.run("traces", "-o", os.path.join(disk, name), path, status=1)
        t.check_says(result, "cannot write to '.*/%s': No space left" % name)
    t.check(os.listdir(disk) == ["old"], "left %s", os.listdir(disk))
    with open(disk + "/old", "rb") as file:
        t.check(file.read() == b"old", "the old file was touched")
    t.check_says(t.run("traces", "-o", "/dev/full", path, status=1), "No space left")


def hues(svg):
    return {int(hue) for hue in re.findall(r'fill="hsl\((\d+),', svg)}


def check_forms(t, name, main_frame, hue_least, hue_most):
    """What a capture writes by the name of the file; `name` makes a path of a suffix."""
    texts = {}
    for suffix in (".svg", ".folded", ".json", ".txt"):
        with open(name(suffix)) as file:
            texts[suffix] = file.read()
        t.check(main_frame in texts[suffix], "no %s in %s", main_frame, suffix)
    t.check(texts[".svg"].startswith("<svg ") and hues(texts[".svg"]), "no flame graph")
    t.check(all(hue_least <= hue <= hue_most for hue in hues(texts[".svg"])), "hues %s", hues(texts[".svg"]))
    t.check(re.fullmatch(r"(\S.* \d+\n)+", texts[".folded"]), "no collapsed stacks")
    t.check(json.loads(texts[".json"])["profiles"][0]["samples"], "no stacks for speedscope")
    t.check(re.search(r"flat  flat%   sum%", texts[".txt"]), "no table")


def test_capture_writes_reports(t):
    target = t.target("demo", 60)
    for suffix in (".svg", ".folded", ".json", ".txt"):
        t.run("-p", target.pid, "-d", 0.5, "-F", 200, "-o", t.path("cpu" + suffix))
    check_forms(t, lambda suffix: t.path("cpu" + suffix), "demo::", 0, 55)


def test_heap_capture_writes_reports(t):
    target = t.target("demo", 60)
    for suffix in (".svg", ".folded", ".json", ".txt"):
        t.run("allocs", "-p", target.pid, "-d", 1, "--rate", 4096, "-o", t.path("heap" + suffix))
    check_forms(t, lambda suffix: t.path("heap" + suffix), "demo::", 90, 150)


def test_reports_of_a_live_process(t):
    """Every verb takes -p in the place of a file; pictures need graphviz."""
    target = t.target("demo", 120)
    pictures = ["svg", "png", "pdf"] if shutil.which("dot") else []
    for verb in "top tree peek list traces raw tags comments dot callgrind collapsed speedscope proto topproto flame".split() + pictures:
        words = ["demo::"] if verb in ("peek", "list") else []
        result = t.run(verb, *words, "-p", target.pid, "-d", 0.4, "-F", 99, "--labels", "tid")
        t.check_says(result, r"\d+ samples in 0\.4\d* s, .*complete stacks")
        what = {"comments": b"# ", "tags": b" tid: Total ", "png": b"PNG", "pdf": b"%PDF"}
        what.update(dict.fromkeys(("proto", "topproto"), b"\x1f\x8b"))
        t.check(what.get(verb, b"demo::") in result.out, "%s shows another process", verb)


def test_heap_of_a_live_process(t):
    target = t.target("demo", 60)
    for option in ("-alloc_space", "-sample_index=alloc_objects", "-inuse_objects"):
        result = t.run("top", option, "-p", target.pid, "-d", 1, "-rate", 4096)
        value = option.replace("-sample_index=", "-")[1:]
        t.check(("Type: %s\n" % value).encode() in result.out, "not %s: %r", value, result.out[:300])
        t.check(value.startswith("inuse") or b"demo::" in result.out, "no function of the program")


def test_live_process_and_file(t):
    result = t.run("top", "-p", os.getpid(), profile("demo"), status=2)
    t.check_says(result, "either processes \\(-p, -a\\) or files, not both")
