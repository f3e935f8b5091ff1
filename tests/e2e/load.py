# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Real programs at work, for tests and for the bench: `with LOADS[name](owner) as load`.

`owner` has dir (an own temporary directory) and start(argv, **options), which returns a harness
Process. A load is at work when __enter__ returns, and ended by whoever owns `owner`'s processes.
"""

import contextlib
import glob
import os
import shutil
import socket
import subprocess
import time

from harness import TARGETS

ROOT = os.path.dirname(os.path.dirname(TARGETS))
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
SECONDS = 600  # a load ends by itself after that


class Load:
    """select: the arguments of cprofbpf that choose the program; pid: its (main) process."""

    def __init__(self, pid=None, children=False, command=None):
        self.pid, self.command = pid, command
        self.select = ["--", *command] if command else ["-p", str(pid)] + ["--children"] * children


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_port(port, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > deadline:
            raise TimeoutError("nothing listens on port %d" % port)
        time.sleep(0.05)


@contextlib.contextmanager
def redis(owner):
    port = str(free_port())
    options = ["--port", port, "--save", "", "--appendonly", "no", "--dir", owner.dir]
    server = owner.start(["redis-server", "--bind", "127.0.0.1", *options], **QUIET)
    wait_port(int(port))
    tests = "set,get,incr,lpush,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset"
    bench = ["redis-benchmark", "-p", port, "-q", "-l", "-n", "20000", "-c", "20", "-P", "4", "-t", tests]
    owner.start(bench, **QUIET)
    time.sleep(0.5)
    yield Load(server.pid)


@contextlib.contextmanager
def postgres(owner):
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    port = str(free_port())
    data = os.path.join(owner.dir, "postgres")
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def run(*argv):
        options = {"check": True, "cwd": "/", "stdin": subprocess.DEVNULL, **QUIET}
        subprocess.run([*as_user, programs + "/" + argv[0], *argv[1:]], **options)

    os.mkdir(data)
    shutil.chown(data, "postgres", "postgres")
    run("initdb", "-D", data + "/db", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
    options = ["-p", port, "-k", data, "-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"]
    server = owner.start([*as_user, programs + "/postgres", "-D", data + "/db", *options], cwd="/", **QUIET)
    wait_port(int(port))
    run("createdb", "-h", "127.0.0.1", "-p", port, "bench")
    run("pgbench", "-h", "127.0.0.1", "-p", port, "-i", "-s", "2", "-q", "bench")
    bench = ["-h", "127.0.0.1", "-p", port, "-c", "4", "-T", str(SECONDS), "bench"]
    owner.start([*as_user, programs + "/pgbench", *bench], cwd="/", **QUIET)
    time.sleep(0.5)
    yield Load(server.pid, children=True)


@contextlib.contextmanager
def nginx(owner):
    port = free_port()
    root = os.path.join(owner.dir, "nginx")
    os.makedirs(root + "/html")
    with open(root + "/html/index.html", "w") as file:
        file.write("<p>some words to compress, line %d</p>\n" * 200 % tuple(range(200)))
    temporary = "".join("%s_temp_path %s/%s;\n" % (p, root, p) for p in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(root + "/nginx.conf", "w") as file:
        file.write(
            "user root; daemon off; worker_processes 1; pid %s/pid; error_log /dev/null;\n"
            "events { worker_connections 256; }\n"
            "http { access_log %s/log; gzip on; gzip_min_length 100; %s\n"
            "server { listen 127.0.0.1:%d; root %s/html; location = /moved { return 301 /; } } }\n"
            % (root, root, temporary, port, root)
        )
    server = owner.start(["nginx", "-c", root + "/nginx.conf", "-p", root], **QUIET)
    wait_port(port)
    url = "http://127.0.0.1:%d/" % port
    wrk = ["wrk", "-t", "1", "-c", "20", "-d", str(SECONDS)]
    owner.start([*wrk, "-H", "Accept-Encoding: gzip", url], **QUIET)
    owner.start([*wrk, url + "absent"], **QUIET)
    time.sleep(0.5)
    yield Load(server.pid, children=True)


def started(argv, **options):
    """A load that is one program, run until it is ended."""

    @contextlib.contextmanager
    def load(owner):
        process = owner.start(argv(owner) if callable(argv) else argv, **{**QUIET, **options})
        time.sleep(0.5)
        yield Load(process.pid)

    return load


def commanded(argv):
    """A load that the profiler starts: a command that ends by itself."""

    @contextlib.contextmanager
    def load(owner):
        yield Load(command=argv(owner) if callable(argv) else argv)

    return load


PYTHON = """
import json, re, time
def tree(n): return {"k%d" % i: tree(n - 1) for i in range(3)} if n else list(range(5))
class Point:
    def __init__(self, x, y): self.x, self.y = x, y
    def __lt__(self, other): return (self.x, self.y) < (other.x, other.y)
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
end = time.time() + 600
while time.time() < end:
    text = json.dumps(tree(5))
    assert json.loads(text) == tree(5)
    words = re.findall(r"k(\\d)", text)
    sorted(Point(hash(w) % 17, i) for i, w in enumerate(words))
    fib(15)
    "".join(sorted(text)).encode().hex()
"""

PERL = r"""
my $end = time + 600;
sub fib { my $n = shift; $n < 2 ? $n : fib($n - 1) + fib($n - 2) }
while (time < $end) {
    my %h; $h{$_ % 97} .= join ",", map { $_ * 3 } 1 .. 5 for 1 .. 2000;
    my $s = join "", sort values %h; my $n = () = $s =~ /(\d+),(\d)5/g; fib(14);
}
"""

NODE = """
const end = Date.now() + 600000;
class Shape { area() { return 0; } }
class Box extends Shape { constructor(n) { super(); this.n = n; } area() { return this.n * this.n; } }
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
function words(n) { return Array.from({ length: n }, (_, i) => 'w' + (i * 7919) % 501); }
while (Date.now() < end) {
    const count = new Map();
    for (const w of words(3000)) count.set(w, (count.get(w) || 0) + new Box(w.length).area());
    JSON.parse(JSON.stringify([...count].sort((a, b) => b[1] - a[1])));
    'abc'.repeat(500).replace(/b(c)/g, (m, c) => c + m);
    fib(18);
}
"""

GO = """
package main

import ("sort"; "strings"; "sync"; "time")

func fib(n int) int { if n < 2 { return n }; return fib(n-1) + fib(n-2) }

func work(end time.Time) {
	for time.Now().Before(end) {
		words := strings.Fields(strings.Repeat("some words to sort and count ", 200))
		sort.Strings(words)
		count := map[string]int{}
		for _, w := range words { count[w] += len(w) }
		fib(18)
	}
}

func main() {
	var wg sync.WaitGroup
	for i := 0; i < 2; i++ { wg.Add(1); go func() { defer wg.Done(); work(time.Now().Add(600 * time.Second)) }() }
	wg.Wait()
}
"""

SQLITE = """
CREATE TABLE t(a INTEGER, b TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO t SELECT (i * 7919) % 1009, hex(i * 31) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
SELECT i, (SELECT count(*) || max(b) FROM t WHERE a % 7 = i % 7 AND b LIKE '%5' GROUP BY a ORDER BY b LIMIT 1) FROM n;
"""


def go_program(owner):
    source = os.path.join(owner.dir, "work.go")
    with open(source, "w") as file:
        file.write(GO)
    go = shutil.which("go") or "/usr/local/go/bin/go"
    binary = os.path.join(owner.dir, "work")
    subprocess.run([go, "build", "-o", binary, source], check=True, cwd=owner.dir, **QUIET)
    return [binary]


def compiler(program):
    source = os.path.join(ROOT, "tests/targets/templates.cc")
    return lambda owner: [program, "-std=c++17", "-O2", "-c", source, "-o", os.path.join(owner.dir, "out.o")]


LOADS = {
    "redis": redis,
    "postgres": postgres,
    "nginx": nginx,
    "python": started(["/usr/bin/python3", "-c", PYTHON]),
    "clang": commanded(compiler("clang++")),
    "target": started([TARGETS + "/depth", "60", str(SECONDS)]),
    "gcc": commanded(compiler("g++")),
    "perl": started(["/usr/bin/perl", "-e", PERL]),
    "gzip": started(["sh", "-c", "exec gzip -9 -c /dev/zero"]),
    "node": started(["node", "-e", NODE]),
    "go": started(go_program),
    "sqlite": started(["sqlite3", ":memory:", SQLITE]),
}
