"""How two runs differ: their networks node by node, their settings, data and results. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netbuilder.document.diff import Difference, diff
from netbuilder.document.files import loads
from netbuilder.document.model import Document, Node
from netbuilder.foundation.job import Job
from netbuilder.training.run_store import RunStore
from netbuilder.training.run_values import Value, differing, keys_of, lower_is_better, title_of
from netbuilder.ui.panels.titles import node_title
from netbuilder.ui.run_reading import Curves, read_curves
from netbuilder.ui.run_rows import Row
from netbuilder.ui.run_table import shown

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True, slots=True)
class NodeDifference:
    """One node or link that differs.

    Attributes:
        what: `ADDED` (only the second has it), `REMOVED` or `CHANGED`.
        title: What it is: "Conv2d stem".
        detail: What changed: "filters 16 → 32".
        node: The node's id; "" for a link.
    """

    what: str
    title: str
    detail: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """One value of both runs.

    Attributes:
        title: What it is.
        first: The first run's, as it is shown.
        second: The second run's.
        better: Which result is better: 0 or 1; None where nothing can be said.
    """

    title: str
    first: str
    second: str
    better: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that differs between two runs.

    Attributes:
        rows: The runs.
        documents: What they trained.
        curves: Their curves.
        difference: Of the documents.
        nodes: The same, one by one.
        settings: Settings of the plan, data, versions and devices that differ.
        results: All results of either.
    """

    rows: tuple[Row, Row]
    documents: tuple[Document, Document]
    curves: tuple[Curves, Curves]
    difference: Difference
    nodes: tuple[NodeDifference, ...]
    settings: tuple[Pair, ...]
    results: tuple[Pair, ...]


def read_comparison(store: RunStore, first: Row, second: Row, _: Job) -> Comparison:
    """Read two runs, and compare them.

    Raises:
        NetbuilderError: When the store or a document in it cannot be read.
    """
    curves = (read_curves(store, first.id), read_curves(store, second.id))
    documents = (loads(curves[0].record.document), loads(curves[1].record.document))
    difference = diff(*documents)
    return Comparison(
        rows=(first, second),
        documents=documents,
        curves=curves,
        difference=difference,
        nodes=tuple(compare_networks(*documents, difference)),
        settings=tuple(compare_settings(first, second, documents)),
        results=tuple(compare_results(first, second)),
    )


def compare_networks(old: Document, new: Document, difference: Difference) -> Iterator[NodeDifference]:
    """Yield what is in one network and not in the other, and what changed; places do not count."""
    before, after = _nodes(old), _nodes(new)
    for id in sorted(difference.added, key=lambda id: after[id].label):
        yield NodeDifference(ADDED, _name(new, after[id]), "", id)
    for id in sorted(difference.removed, key=lambda id: before[id].label):
        yield NodeDifference(REMOVED, _name(old, before[id]), "", id)
    for id in sorted(difference.changed, key=lambda id: after[id].label):
        detail = "; ".join(_changes(before[id], after[id]))
        if detail:
            yield NodeDifference(CHANGED, _name(new, after[id]), detail, id)
    gone = difference.added | difference.removed
    for what, edges, nodes in (
        (ADDED, difference.edges_added, after),
        (REMOVED, difference.edges_removed, before),
    ):
        links = [(t, s) for t, s in edges if t.node not in gone and s.node not in gone]
        for target, source in sorted(links, key=lambda link: (nodes[link[0].node].label, link[0].port)):
            text = f"{nodes[source.node].label}.{source.port} → {nodes[target.node].label}.{target.port}"
            yield NodeDifference(what, "Link", text)


def _nodes(document: Document) -> dict[str, Node]:
    graphs = [document.graph, *(block.graph for block in document.blocks.values())]
    return {id: node for graph in graphs for id, node in graph.nodes.items()}


def _name(document: Document, node: Node) -> str:
    return f"{node_title(document, node)} {node.label}"


def _changes(old: Node, new: Node) -> Iterator[str]:
    if old.type != new.type:
        yield f"{old.type} → {new.type}"
    if old.label != new.label:
        yield f"was called {old.label}"
    for name in dict.fromkeys((*old.parameters, *new.parameters)):
        first, second = old.parameters.get(name), new.parameters.get(name)
        if first != second:
            yield f"{name} {_written(first)} → {_written(second)}"
    if old.bypassed != new.bypassed:
        yield "bypassed" if new.bypassed else "no longer bypassed"
    if old.tied_to != new.tied_to:
        yield "shares other weights"


def _written(value: Any) -> str:
    if isinstance(value, str) and ("\n" in value or len(value) > 60):
        return f"{len(value.splitlines())} lines of text"
    return "nothing" if value is None else str(value)


def compare_settings(first: Row, second: Row, documents: tuple[Document, Document]) -> Iterator[Pair]:
    """Yield settings that differ: of the plan, the device, the data, the versions."""
    values = (first.values, second.values)
    keys = [key for key in keys_of(values) if key.startswith("plan/") or key in ("seed", "device", "parameters")]
    for key in differing(values, keys):
        yield Pair(title_of(key), *_both(key, values))
    yield from _compare_data(first, second, documents)
    versions = (first.record.versions, second.record.versions)
    for name in _differing_keys(*versions):
        yield Pair(f"Version of {name}", versions[0].get(name, "–"), versions[1].get(name, "–"))


def _compare_data(first: Row, second: Row, documents: tuple[Document, Document]) -> Iterator[Pair]:
    for node in _differing_keys(first.record.content, second.record.content):
        labels = [document.graph.nodes[node].label for document in documents if node in document.graph.nodes]
        digests = [run.record.content.get(node, "")[:12] or "–" for run in (first, second)]
        yield Pair(f"Rows of {labels[0] if labels else node}", digests[0], digests[1])


def _differing_keys(first: Mapping[str, object], second: Mapping[str, object]) -> Iterable[str]:
    return [name for name in sorted({*first, *second}) if first.get(name) != second.get(name)]


def compare_results(first: Row, second: Row) -> Iterator[Pair]:
    """Yield all results of either run, and which is better."""
    values = (first.values, second.values)
    for key in keys_of(values):
        if key.startswith(("best/", "test/")) or key in ("epochs", "steps", "duration"):
            better = _better(key, first.values.get(key), second.values.get(key))
            yield Pair(title_of(key), *_both(key, values), better=better)


def _both(key: str, values: tuple[Mapping[str, Value], Mapping[str, Value]]) -> tuple[str, str]:
    return shown(key, values[0].get(key)) or "–", shown(key, values[1].get(key)) or "–"


def _better(key: str, first: Value, second: Value) -> int | None:
    if "/" not in key or not isinstance(first, (int, float)) or not isinstance(second, (int, float)):
        return None
    if first == second or first != first or second != second:
        return None
    return int((second < first) == lower_is_better(key))
