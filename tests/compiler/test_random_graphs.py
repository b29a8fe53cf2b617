"""Networks that are right compile, whatever their shape; their text gives the same again; undo gives them back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from torch import Tensor

from netbuilder.compiler.module import initialize, load_module, release
from netbuilder.compiler.program import Program, write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document import edits
from netbuilder.document.files import dumps, loads
from netbuilder.document.history import History
from netbuilder.document.model import ROOT, Document, Node, Place, PortRef, new_id
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.layers.catalog import catalog
from tests.compiler.random_graphs import networks
from tests.compiler.walk import concrete

SAMPLES = 3

RANDOM = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
FEW = settings(RANDOM, max_examples=40)
MANY = settings(RANDOM, max_examples=2000, derandomize=False)


def compiled(document: Document) -> Program:
    """Compile a network that has no mistake."""
    shapes = ShapeInference().infer(document)
    assert not shapes.problems, [problem.message for problem in shapes.problems]
    assert not shapes.pending
    return write_program(document, shapes)


def batch_for(document: Document, program: Program) -> dict[str, Tensor]:
    """Draw a batch for its inputs."""
    generator = torch.Generator().manual_seed(0)
    dims = {key: document.graph.nodes[port.node].parameters["dims"] for key, port in program.sources.items()}
    return {key: torch.randn((SAMPLES, *sizes), generator=generator) for key, sizes in dims.items()}


def results_of(model: torch.nn.Module, program: Program, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """Return what a network gives for a batch."""
    torch.manual_seed(1)
    found = model(**{name: batch[name] for name in program.fields})
    return found if isinstance(found, tuple) else (found,)


def check_network(document: Document) -> None:
    """Check that a network compiles, has the shapes that were inferred, and gives the same from its text alone."""
    shapes = ShapeInference().infer(document)
    assert not shapes.problems, [problem.message for problem in shapes.problems]
    program = write_program(document, shapes)
    loaded = load_module(program)
    try:
        model = loaded.new_network()
        initialize(model, program, 0)
        batch = batch_for(document, program)
        results = results_of(model, program, batch)
        for name, tensor in zip(program.outputs, results, strict=True):
            wanted = concrete(shapes.types[program.results[name]], SAMPLES)
            assert wanted == (tuple(tensor.shape), "float32")
        weights = sum(each.total for path, each in shapes.weights.items() if path in program.names)
        assert weights == sum(each.numel() for each in model.parameters())
        check_text(program, model, batch, results)
        total = sum((tensor.square().mean() for tensor in results if tensor.requires_grad), torch.zeros(()))
        if total.requires_grad:
            total.backward()  # type: ignore[no-untyped-call]
    finally:
        release(program)


def check_text(
    program: Program, model: torch.nn.Module, batch: Mapping[str, Tensor], results: tuple[Tensor, ...]
) -> None:
    """Check that the program's text, executed by itself with the same weights, gives the same bits."""
    namespace: dict[str, Any] = {"__name__": "exported"}
    exec(compile(program.source, "model.py", "exec"), namespace)
    alone = namespace[program.class_name]()
    alone.load_state_dict(model.state_dict())
    for one, other in zip(results, results_of(alone, program, batch), strict=True):
        assert torch.equal(one.nan_to_num(), other.nan_to_num())


@RANDOM
@given(networks())
def test_networks_compile_and_their_text_gives_the_same(document: Document) -> None:
    check_network(document)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@MANY
@given(networks(layers=25))
def test_many_large_networks_compile_and_their_text_gives_the_same(document: Document) -> None:
    check_network(document)


@FEW
@given(networks())
def test_networks_survive_their_file(document: Document) -> None:
    again = loads(dumps(document))
    assert again == document
    assert compiled(again).source == compiled(document).source


# -- undo ------------------------------------------------------------------------------------------------------


def an_edit(draw: DataObject, document: Document) -> Document:
    """Make an edit such as a user makes, in the main graph or within a block; it may break the network."""
    scope = draw.draw(st.sampled_from([ROOT, *document.blocks]), label="scope")
    graph = document.scope(scope)
    nodes = st.sampled_from(sorted(graph.nodes) or ["nnone"])
    kind = draw.draw(st.sampled_from(sorted(_EDITS)), label="edit")
    return _EDITS[kind](draw, document, scope, nodes)


def _add(draw: DataObject, document: Document, scope: str, nodes: Any) -> Document:
    spec = catalog()[draw.draw(st.sampled_from(["relu", "linear", "add", "lstm"]))]
    made = Node(id=new_id(), type=spec.key, label=spec.key, parameters=spec.defaults())
    return edits.add_node(document, made, Place(1.0, 2.0), scope=scope)


def _remove(draw: DataObject, document: Document, scope: str, nodes: Any) -> Document:
    change = draw.draw(st.sampled_from([edits.remove_nodes, edits.remove_and_heal]))
    return change(document, draw.draw(st.lists(nodes, max_size=3, unique=True)), scope=scope)


def _connect(draw: DataObject, document: Document, scope: str, nodes: Any) -> Document:
    port = draw.draw(st.sampled_from(["x", "a", "b"]))
    return edits.connect(document, PortRef(draw.draw(nodes), port), PortRef(draw.draw(nodes), "y"), scope=scope)


def _disconnect(draw: DataObject, document: Document, scope: str, nodes: Any) -> Document:
    links = sorted(document.scope(scope).edges, key=str)
    return edits.disconnect(document, draw.draw(st.sampled_from(links)), scope=scope) if links else document


def _set(draw: DataObject, document: Document, scope: str, nodes: Any) -> Document:
    values = draw.draw(st.sampled_from([{"units": 5}, {"repeat": 2}, {"units": {"=": "units + 1"}}, {"axis": -2}]))
    return edits.set_parameters(document, draw.draw(nodes), values, scope=scope)


def _rename(draw: DataObject, document: Document, scope: str, nodes: Any) -> Document:
    return edits.rename(document, draw.draw(nodes), draw.draw(st.sampled_from(["stem", "forward", "é"])), scope=scope)


def _tie(draw: DataObject, document: Document, scope: str, nodes: Any) -> Document:
    return edits.tie_weights(document, draw.draw(nodes), draw.draw(nodes), scope=scope)


def _duplicate(draw: DataObject, document: Document, scope: str, nodes: Any) -> Document:
    return edits.duplicate(document, draw.draw(st.lists(nodes, max_size=3, unique=True)), scope=scope)


_EDITS = {
    "add": _add,
    "remove": _remove,
    "connect": _connect,
    "disconnect": _disconnect,
    "set": _set,
    "rename": _rename,
    "tie": _tie,
    "duplicate": _duplicate,
}


@FEW
@given(networks(layers=6), st.data())
def test_undo_of_any_edits_gives_the_network_back(document: Document, data: DataObject) -> None:
    """The documents on the way back are the same objects, in the reverse order, and what they compile to is the same.

    Each document's text is written at once, so that an edit which changed a document that exists would be seen.
    """
    source = compiled(document).source
    history, seen = History(document), [(document, dumps(document))]
    for _ in range(data.draw(st.integers(1, 8), label="edits")):
        try:
            after = an_edit(data, history.document)
        except NetbuilderError:
            continue  # refused; nothing happens
        if after is not history.document:
            history.push("Edit", after)
            seen.append((after, dumps(after)))
    for before, text in reversed(seen[:-1]):
        assert history.undo() is before
        assert dumps(before) == text
    assert compiled(history.document).source == source
    for after, text in seen[1:]:
        assert history.redo() is after
        assert dumps(after) == text


def test_the_networks_are_of_many_kinds() -> None:
    """The control: without blocks, repeats, shared weights and branches the tests above would say little."""
    met: Counter[str] = Counter()

    @settings(RANDOM, max_examples=200)
    @given(networks())
    def count(document: Document) -> None:
        nodes = document.graph.nodes.values()
        inner = [node for block in document.blocks.values() for node in block.graph.nodes.values()]
        sources = Counter(document.graph.edges.values())
        met["branch"] += any(uses > 1 for uses in sources.values())
        met["block"] += any(node.type.startswith("block.") for node in nodes)
        met["nested"] += any(node.type.startswith("block.") for node in inner)
        met["repeat"] += any(node.parameters.get("repeat", 1) not in (1, None) for node in (*nodes, *inner))
        met["tied"] += any(node.tied_to and not node.type.startswith("block.") for node in nodes)
        met["tied block"] += any(node.tied_to and node.type.startswith("block.") for node in nodes)
        met["several outputs"] += any(node.type in ("split", "lstm", "gru", "rnn") for node in nodes)

    count()
    assert all(met[kind] >= 5 for kind in ("branch", "block", "nested", "repeat", "tied", "several outputs")), met
    assert met["tied block"] >= 2, met
