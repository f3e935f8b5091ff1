# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The flame graph in a browser: zoom, search, keyboard, from file://."""

import json
import os
import re
import shutil
import subprocess
import time

from harness import TOOL, Skipped

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden/profiles")
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "headless_shell"]


class Page:
    """A page of a headless Chromium, driven through its debugging pipe."""

    def __init__(self, path, home):
        browser = next((b for b in BROWSERS if shutil.which(b)), None)
        if browser is None:
            raise Skipped("no Chromium is installed")
        to_read, self.to = os.pipe()
        self.out, from_write = os.pipe()

        def connect():
            # The pipe is descriptors 3 and 4; move ours out of the way first.
            reader, writer = os.dup(to_read), os.dup(from_write)
            reader, writer = os.dup2(reader, 100), os.dup2(writer, 101)
            os.dup2(reader, 3)
            os.dup2(writer, 4)

        self.process = subprocess.Popen(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,900", "--remote-debugging-pipe",
             "--user-data-dir=" + home, "about:blank"],
            close_fds=False, preexec_fn=connect, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.buffer = b""
        self.number = 0
        self.session = None
        target = self.call("Target.createTarget", url="file://" + path)["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for _ in range(100):
            if self.eval("document.readyState") == "complete" and self.eval("!!document.querySelector('g.f')"):
                return
            time.sleep(0.1)
        raise AssertionError("the page did not load")

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.buffer:
                data = os.read(self.out, 1 << 16)
                if not data:
                    raise AssertionError("the browser has gone")
                self.buffer += data
            raw, self.buffer = self.buffer.split(b"\0", 1)
            answer = json.loads(raw)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError("%s: %s" % (method, answer["error"]))
                return answer["result"]

    def eval(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise AssertionError(str(result["exceptionDetails"])[:400])
        return result["result"].get("value")

    def click(self, name):
        """Click in the middle of the widest frame of that name."""
        x, y = self.eval(
            "(() => { const r = [...document.querySelectorAll('g.f')].filter(g => g.style.display !== 'none' && "
            "g.querySelector('title').textContent.split('\\n')[0] === %s).map(g => g.querySelector('rect')"
            ".getBoundingClientRect()).sort((a, b) => b.width - a.width)[0];"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()" % json.dumps(name))
        self.click_at(x, y)

    def click_at(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if len(key) == 1 and kind == "keyDown" else "")

    def widths(self):
        """The frames that are shown: name -> widest."""
        return self.eval(
            "(() => { const w = {}; for (const g of document.querySelectorAll('g.f')) {"
            " if (g.style.display === 'none') continue;"
            " const n = g.querySelector('title').textContent.split('\\n')[0];"
            " w[n] = Math.max(w[n] || 0, +g.querySelector('rect').getAttribute('width')); } return w; })()")

    def text(self, identity):
        return self.eval("document.getElementById('%s').textContent" % identity).strip()

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.out)


def is_full(width):
    return abs(width - 1200) < 0.1


def open_flame(t, *options):
    path = t.path("flame.svg")
    subprocess.run([TOOL, "flame", "-o", path, *options], check=True, cwd=GOLDEN)
    return Page(path, t.path("browser"))


def test_zoom_and_back(t):
    page = open_flame(t, "program.pb.gz")
    try:
        before = page.widths()
        t.check(before["all"] == 1200, "the root is not as wide as the picture")
        t.check(before["fib(unsigned int)"] < 600, "fib is too wide to begin with")
        page.click("fib(unsigned int)")
        zoomed = page.widths()
        for name in ("fib(unsigned int)", "main", "_start"):
            t.check(is_full(zoomed[name]), "%s is not as wide as the picture after a click", name)
        t.check("ns::Worker<int>::work(int)" not in zoomed, "what is beside it is still there")
        page.key("Backspace")
        t.check(page.widths() == before, "Backspace does not go back")
        page.click("main")
        page.key("Escape")
        t.check(page.widths() == before, "Escape does not reset")
    finally:
        page.close()


def test_search(t):
    page = open_flame(t, "program.pb.gz")
    try:
        page.key("/")
        for letter in "fib|push":
            page.key(letter)
        hits = page.eval("[...document.querySelectorAll('g.hit title')].map(e => e.textContent.split('\\n')[0])")
        t.check(hits and all("fib" in h or "push" in h for h in hits), "wrong frames are marked: %s" % hits)
        matched = page.text("matched")
        share = float(matched.split("%")[0].split()[-1])
        shown = page.widths()
        want = 100 * (shown["fib(unsigned int)"] + max(w for n, w in shown.items() if "push" in n)) / 1200
        t.check(abs(share - want) < 0.1, "the sum says %s, the frames %.2f%%" % (matched, want))
        page.key("[")
        t.check(page.eval("document.getElementById('search').classList.contains('bad')"), "a bad expression is no error")
    finally:
        page.close()


def test_keyboard_and_details(t):
    page = open_flame(t, "-inverted", "program.pb.gz")
    try:
        for _ in range(3):
            page.key("ArrowUp")
        details = page.text("details")
        t.check(details.startswith("ns::Worker<int>::work(int)"), "the arrows lead to %r" % details)
        t.check("910ms, 64.08%" in details, "the details tell no weight: %r" % details)
        page.key("Enter")
        t.check(is_full(page.widths()["ns::Worker<int>::work(int)"]), "Enter does not zoom")
    finally:
        page.close()


def test_strange_names_are_escaped(t):
    page = open_flame(t, "names.pb.gz")
    try:
        names = page.widths()
        for name in ("größe::berechnen", "函数", '"quoted\\name"', "std::map::operator[]"):
            t.check(name in names, "%r is not there: %s" % (name, sorted(names)))
    finally:
        page.close()


def svg_of(*options):
    return subprocess.run([TOOL, "flame", *options], check=True, cwd=GOLDEN, capture_output=True, text=True).stdout


def test_kinds_have_colours(t):
    """CPU warm, memory green, locks blue; a package has one colour; red and blue in a difference."""
    kinds = ((0, 55, "demo"), (0, 55, "go_goroutine"), (90, 150, "go_heap"), (90, 150, "go_allocs"),
             (195, 240, "go_mutex"), (195, 240, "go_block"))
    for least, most, name in kinds:
        svg = svg_of(name + ".pb.gz")
        hues = {int(hue) for hue in re.findall(r'fill="hsl\((\d+),', svg)}
        t.check(hues and least <= min(hues) and max(hues) <= most, "%s has the hues %s", name, sorted(hues))
        package = {m[1] for m in re.finditer(r'<title>demo::Parser::\w+.*\n.*fill="([^"]*)"', svg)}
        t.check(len(package) == (name == "demo"), "demo::Parser has %d colours in %s", len(package), name)
    svg = svg_of("-diff_base", "redis.pb.gz", "postgres.pb.gz")
    hues = set(re.findall(r'fill="hsl\((\d+),', svg))
    t.check(hues == {"5", "215"}, "a difference has the hues %s", hues)
    for value, base, hue in re.findall(r"\n([\d.]+)\w*, [^<]*, base ([\d.]+)\w*[^<]*</title>.*hsl\((\d+),", svg):
        if value == "0" or base == "0":
            t.check(hue == ("215" if value == "0" else "5"), "%s after %s is hsl(%s", value, base, hue)


def test_inlined_frames_are_marked(t):
    frames = re.findall(r'<g class="(f|f i)".*<title>(.*)\n([^<]*)</title>', svg_of("program.pb.gz"))
    marked = {name for kind, name, _ in frames if kind == "f i"}
    t.check(marked == {"std::vector&#60;int, std::allocator&#60;int&#62; &#62;::push_back(int&#38;&#38;)"}, "%s", marked)
    t.check(all(("inlined" in told) == (kind == "f i") for kind, _, told in frames), "the details do not say so")
    t.check("stroke-dasharray" in svg_of("program.pb.gz"), "they look like the others")


def test_root_is_seen_first(t):
    """At the top, or at the bottom, to which a picture that is higher than the window is moved."""
    for options in ((), ("-inverted",)):
        page = open_flame(t, *options, "demo.pb.gz")
        try:
            top, bottom, height, picture = page.eval(
                "(() => { const b = document.querySelector('g.f rect').getBoundingClientRect(); return [b.top, b.bottom,"
                " innerHeight, document.documentElement.getBoundingClientRect().height]; })()")
            t.check(picture > height, "the picture fits, which tests nothing")
            t.check(0 <= top and bottom <= height, "the root is at %d of %d", top, height)
        finally:
            page.close()


def test_text(t):
    """In a pipe, without colours, as wide as asked for by nobody."""
    text = subprocess.run([TOOL, "flame", "--text", "program.pb.gz"], check=True, cwd=GOLDEN, capture_output=True, text=True).stdout
    lines = text.split("\n")
    t.check("\033" not in text and lines[0].startswith("|all "), "begins with %r", lines[0])
    t.check(lines[3].startswith("|ns::Worker<int>::work(int)"), "the third row is %r", lines[3])
