# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""One form for outputs that say the same.

google/pprof numbers the contexts of a call tree (-call_tree) as its maps happen to order them where
they weigh the same and have one name, so that two of its runs can differ in these numbers.
"""

import hashlib
import re

NODE = re.compile(r'^(N+\d+(?:_\d+)*) \[(.*)\]$')
EDGE = re.compile(r"^(N+\d+(?:_\d+)*) -> (N+\d+(?:_\d+)*) \[(.*)\]$")
ID = re.compile(r' id="\w+"')


def output(argv, text):
    """text: bytes, the output of a command line."""
    if argv[0] == "dot" and "-call_tree" in argv:
        return unnumbered_graph(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    if argv[0] == "callgrind" and "-call_tree" in argv:
        return re.sub(rb" \[\d+/(\d+)\]$", rb" [*/\1]", text, flags=re.M)
    if argv[0] in ("collapsed", "dot"):
        return b"".join(sorted(text.splitlines(True)))
    return text


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def refined(names, edges):
    """Names of nodes told apart by those of their neighbours."""
    around = {node: [] for node in names}
    for source, target, attributes in edges:
        around[source].append(("out", attributes, names[target]))
        around[target].append(("in", attributes, names[source]))
    return {node: digest(name, sorted(around[node])) for node, name in names.items()}


def unnumbered_graph(text):
    """The lines of a graph in which nodes are called by what they are and what they are connected with."""
    names, attributes_of, edges, lines = {}, {}, [], []
    for line in text.splitlines():
        node, edge = NODE.match(line), EDGE.match(line)
        if edge:
            edges.append(edge.groups())
        elif node:
            attributes_of[node[1]] = ID.sub("", node[2])
            names[node[1]] = digest(attributes_of[node[1]])
        else:
            lines.append(line)
    # A label of several lines hides its node.
    for source, target, _ in edges:
        names.setdefault(source, "")
        names.setdefault(target, "")
    kinds = 0
    while kinds < len(set(names.values())):
        kinds = len(set(names.values()))
        names = refined(names, edges)
    lines += ["%s [%s]" % (names[node], attributes) for node, attributes in attributes_of.items()]
    lines += ["%s -> %s [%s]" % (names[source], names[target], attributes) for source, target, attributes in edges]
    return "\n".join(sorted(lines)) + "\n"
