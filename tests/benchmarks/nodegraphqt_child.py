"""NodeGraphQt with a given graph, in a process of its own: how long it takes to make it, and to repaint it whole.

`python tests/benchmarks/nodegraphqt_child.py FILE ROUNDS`, with a Python that has NodeGraphQt. FILE is a JSON object
with `nodes`, a list of [number of inputs, x, y], and `links`, a list of [from node, to node, input]. It imports nothing
of ours, so that it can run in an environment of its own. Prints one JSON object as its last line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("QT_API", "pyside6")

from NodeGraphQt import BaseNode, NodeGraph
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

SIZE = (1600, 1000)


class Layer(BaseNode):
    """A node with one output."""

    __identifier__ = "benchmark"
    NODE_NAME = "Layer"

    def __init__(self) -> None:
        super().__init__()
        self.add_output("y")


def main(file: Path, rounds: int) -> None:
    """Make the graph, show all of it, repaint it."""
    asked = json.loads(file.read_text())
    application = QApplication.instance() or QApplication([])
    graph = NodeGraph()
    graph.set_acyclic(False)  # or every link looks for circles along all ways that lead to it: minutes
    graph.register_node(Layer)
    graph.widget.resize(*SIZE)
    graph.widget.show()
    application.processEvents()
    start, cpu = time.perf_counter(), time.thread_time()
    nodes = []
    for number, (inputs, x, y) in enumerate(asked["nodes"]):
        node = graph.create_node("benchmark.Layer", name=f"n{number}", pos=(x, y), selected=False, push_undo=False)
        for index in range(inputs):
            node.add_input(f"x{index}")
        nodes.append(node)
    for source, target, index in asked["links"]:
        nodes[target].input(index).connect_to(nodes[source].output(0), push_undo=False, emit_signal=False)
    application.processEvents()
    made = time.perf_counter() - start, time.thread_time() - cpu
    graph.clear_selection()
    graph.fit_to_selection()
    viewer = graph.viewer()
    application.processEvents()
    image = QImage(*SIZE, QImage.Format.Format_ARGB32_Premultiplied)
    times = []
    for _ in range(rounds + 1):
        start, cpu = time.perf_counter(), time.thread_time()
        painter = QPainter(image)
        viewer.render(painter)
        painter.end()
        times.append((1000 * (time.perf_counter() - start), 1000 * (time.thread_time() - cpu)))
    wall, used = zip(*times[1:], strict=True)
    print(
        json.dumps(
            {
                "create_ms": 1000 * made[0],
                "create_cpu_ms": 1000 * made[1],
                "repaint_ms": median(wall),
                "repaint_cpu_ms": median(used),
                "links": sum(len(port.connected_ports()) for node in nodes for port in node.input_ports()),
            }
        ),
        flush=True,
    )
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
