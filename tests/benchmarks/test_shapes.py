"""How long shape inference takes after an edit: promised are 16 ms for 20 new layers and 10 ms among 1,000 known."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from netbuilder.compiler.cost import count_costs
from netbuilder.compiler.meta import warm_up
from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import Document
from tests.builders import DIGITS, chain, document, node
from tests.compiler.documents import long_chain, with_parameters

pytestmark = pytest.mark.benchmark

ROUNDS = 15


def twenty(filters: int) -> Document:
    """Return 20 layers, none of which was seen with another number of filters: each changes its successors' input."""
    kinds = (
        "conv2d",
        "batch_norm2d",
        "relu",
        "max_pool2d",
        "conv2d",
        "layer_norm",
        "gelu",
        "conv2d",
        "group_norm",
        "silu",
    )
    own = {
        "max_pool2d": {"kernel_size": (3, 3), "stride": (1, 1), "padding": (1, 1)},
        "group_norm": {"groups": 1},
    }
    body = [
        node(f"n{i}", kind, **({"filters": filters + i} if kind == "conv2d" else own.get(kind, {})))
        for i, kind in enumerate(kinds + kinds[:-2])
    ]
    body += [node("flat", "flatten"), node("fc", "linear", units=filters)]
    links = [("digits.image", "n0.x"), *chain(*body)]
    return document([node("digits", "data.digits"), *body], links, {"digits": DIGITS})


def milliseconds(action: Callable[[], object]) -> float:
    """Return the processor time of one call, which other programs on the machine do not lengthen."""
    start = time.process_time()
    action()
    return (time.process_time() - start) * 1e3


@pytest.fixture(autouse=True)
def ready() -> Iterator[None]:
    """Everything that is loaded once is loaded, and garbage is collected between edits, as in the window."""
    torch.set_num_threads(1)
    warm_up()
    ShapeInference().infer(twenty(3))
    gc.collect()
    gc.disable()
    yield
    gc.enable()


MEMORY = """
import psutil, torch
before = psutil.Process().memory_info().rss
from netbuilder.compiler.meta import warm_up
from netbuilder.compiler.program import write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.templates import STARTER, open_template
warm_up()
document = open_template(STARTER)
write_program(document, ShapeInference().infer(document))
print((psutil.Process().memory_info().rss - before) / 1e6)
"""


def test_memory_over_torch() -> None:
    """What the compiler adds to `import torch` leaves the window most of its 90 MB."""
    took = [
        float(subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    print(f"the starter's shapes and program: {statistics.median(took):.1f} MB over torch")
    assert statistics.median(took) <= 20


def test_twenty_new_layers_take_a_frame() -> None:
    inference = ShapeInference()
    took = []
    for index in range(ROUNDS):
        given = twenty(16 + 16 * index)
        runs = inference.runs
        took.append(milliseconds(lambda given=given: inference.infer(given)))
        assert inference.runs - runs >= 13, "the rest follows without torch"
    print(f"20 new layers: median {statistics.median(took):.1f} ms, worst {max(took):.1f} ms")
    assert statistics.median(took) <= 16


def test_an_edit_among_a_thousand_known_layers() -> None:
    inference = ShapeInference()
    given = long_chain(1000)
    inference.infer(given)
    edits = [with_parameters(given, "n500", filters=20 + index) for index in range(ROUNDS)]
    took = [milliseconds(lambda each=each: inference.infer(each)) for each in edits]
    print(f"edit among 1,000 layers: median {statistics.median(took):.1f} ms, worst {max(took):.1f} ms")
    assert statistics.median(took) <= 10


def test_the_code_tab_follows_an_edit_of_fifty_layers() -> None:
    given = long_chain(50)
    shapes = ShapeInference().infer(given)
    write_program(given, shapes)
    took = [milliseconds(lambda: write_program(given, shapes)) for _ in range(ROUNDS)]
    print(f"program of 50 layers: median {statistics.median(took):.1f} ms, worst {max(took):.1f} ms")
    assert statistics.median(took) <= 15


def test_everything_else_that_follows_an_edit_of_a_thousand_layers() -> None:
    given = long_chain(1000)
    shapes = ShapeInference().infer(given)
    find_problems(given, shapes)
    for name, action, limit in (
        ("problems", lambda: find_problems(given, shapes), 20),
        ("costs", lambda: count_costs(given, shapes), 20),
        ("program", lambda: write_program(given, shapes), 600),
    ):
        took = statistics.median(milliseconds(action) for _ in range(5))
        print(f"{name} of 1,000 layers: median {took:.1f} ms")
        assert took <= limit
