"""A program that edits with a journal and is killed; it forks once a kill, so that none waits for imports.

Each line of its input is a JSON order; a fork edits by the order's seed, and writes to its own pipe, before it hands an
edit to the journal, a line "number time". What the document is after so many edits can be found again from the seed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from netbuilder.document import edits
from netbuilder.document.files import dumps
from netbuilder.document.journal import generation as generations
from netbuilder.document.journal import writer as writing
from netbuilder.document.journal.writer import JournalWriter
from netbuilder.document.model import Definition, Document, Graph, Node, Place, PortRef

Record = Callable[[Document], None]


def states(seed: int) -> Iterator[Document]:
    """Yield the documents of one random session: adding, linking, changing, moving, deleting, blocks, undo."""
    chance = random.Random(seed)
    document = Document()
    past = [document]
    while True:
        if len(past) > 2 and chance.random() < 0.1:
            document = past.pop()
        else:
            past.append(document)
            document = _edited(document, chance)
        yield document


def _edited(document: Document, chance: random.Random) -> Document:
    nodes = list(document.graph.nodes)
    kind = chance.choice(("add", "add", "link", "set", "move", "delete", "frame", "block", "plan"))
    if kind == "add" or len(nodes) < 2:
        id = f"n{chance.getrandbits(32):08x}"
        node = Node(
            id=id, type="linear", label=f"linear_{len(nodes)}_{id}", parameters={"features": chance.randrange(99)}
        )
        return edits.add_node(document, node, Place(chance.random() * 1_000, chance.random() * 1_000))
    if kind == "link":
        source, target = chance.sample(nodes, 2)
        graph = document.graph
        links = {**graph.edges, PortRef(target, "x"): PortRef(source, "y")}
        return _with(document, graph=Graph(nodes=graph.nodes, edges=links))
    if kind == "set":
        return edits.set_parameters(document, chance.choice(nodes), {"features": chance.randrange(10_000)})
    if kind == "move":
        chosen = chance.sample(nodes, chance.randint(1, len(nodes)))
        return edits.move_nodes(document, {id: Place(chance.random() * 1_000, chance.random()) for id in chosen})
    if kind == "delete":
        return edits.remove_nodes(document, chance.sample(nodes, 1))
    if kind == "frame":
        frame = {"id": f"f{chance.getrandbits(32):08x}", "title": "é 層"}
        return edits.apply(document, "add_frame", {"frame": frame})
    if kind == "block":
        return _with_block(document, chance)
    return edits.change_plan(document, {"epochs": chance.randint(1, 99)})


def _with_block(document: Document, chance: random.Random) -> Document:
    key = f"block_{chance.randrange(3)}"
    graph = document.blocks[key].graph if key in document.blocks else Graph()
    id = f"n{chance.getrandbits(32):08x}"
    nodes = {**graph.nodes, id: Node(id=id, type="relu", label=f"relu_{id}")}
    block = Definition(key=key, title="A block", graph=Graph(nodes=nodes))
    return _with(document, blocks={**document.blocks, key: block})


def _with(document: Document, **changed: Any) -> Document:
    return replace(document, **changed)


# What stands in for the journal --------------------------------------------------------------------------------------


def journal(folder: Path) -> Record:
    """The real one."""
    return JournalWriter((folder,), "x.netb", None, sys.stderr.write).record


def restless(folder: Path) -> Record:
    """The real one, made to begin a new generation every moment, so that many kills meet one."""
    generations.WORTHWHILE = 2_000
    writing.IDLE, writing.REST = 0.0, 0.01
    return JournalWriter((folder,), "x.netb", None, sys.stderr.write).record


def in_place(folder: Path) -> Record:
    """A naive one: the whole document over the old one, each time. A kill meets it half written."""

    def record(document: Document) -> None:
        text = dumps(document)
        with open(folder / "x.json", "w", encoding="utf-8", buffering=1) as file:
            for line in text.splitlines(keepends=True):
                file.write(line)

    return record


def now_and_then(folder: Path) -> Record:
    """A naive one: an autosave every five seconds. A kill loses what came since."""
    saved = time.monotonic()

    def record(document: Document) -> None:
        nonlocal saved
        if time.monotonic() - saved >= 5:
            saved = time.monotonic()
            (folder / "x.json").write_text(dumps(document))

    return record


KINDS = {"journal": journal, "restless": restless, "in_place": in_place, "now_and_then": now_and_then}


def edit(seed: int, kind: str, folder: Path, log: int) -> None:
    """Edit until killed."""
    record = KINDS[kind](folder)
    chance = random.Random(~seed)
    for number, document in enumerate(states(seed), 1):
        os.write(log, b"%d %.6f\n" % (number, time.monotonic()))
        record(document)
        time.sleep(chance.choice((0, 0.001, 0.005, 0.02)))


def main() -> None:
    """Fork for each order to begin, and answer with the process id; kill for each order to kill, and answer when."""
    for line in sys.stdin:
        order = json.loads(line)
        if "kill" in order:
            at = time.monotonic()
            os.kill(order["kill"], signal.SIGKILL)
            os.waitpid(order["kill"], 0)
            print(at, flush=True)
            continue
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        child = os.fork()
        if child == 0:
            try:
                edit(order["seed"], order["kind"], Path(order["folder"]), log)
            finally:
                os._exit(1)
        os.close(log)
        print(child, flush=True)


if __name__ == "__main__":
    main()
