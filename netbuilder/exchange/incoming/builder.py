"""Building: operations become a document with nodes, links and a layout, and weights by node path. Imports torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from torch import Tensor

from netbuilder.document.blocks import block_key, is_block
from netbuilder.document.layout import NODE_HEIGHT, NODE_WIDTH, arrange
from netbuilder.document.model import About, Document, Graph, Layout, Node, PortRef, new_id
from netbuilder.document.names import free_label
from netbuilder.document.values import freeze
from netbuilder.exchange.incoming.blocks import with_blocks
from netbuilder.exchange.incoming.coverage import Coverage, count_coverage
from netbuilder.exchange.incoming.operation import Computation, Entry, Operation, Scope, alive
from netbuilder.foundation.job import Job
from netbuilder.foundation.limits import EDGES, KEY_LENGTH, NODES
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.catalog import catalog
from netbuilder.layers.foreign import FOREIGN
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import Dim, TensorType

UNSUPPORTED: Final = "has no layer that computes the same"
"""Why most opaque operations are."""

CONSTANT: Final = "value"
"""The buffer of a FixedTensor."""

ENTRY_DTYPES: Final = frozenset({"float32", "int64", "bool"})
"""What an Input node gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import gives.

    Attributes:
        document: The network, laid out.
        weights: Node path -> parameter or buffer name in the node's module -> tensor.
        constants: Node paths whose tensors belong to the computation itself, learned weights or not.
        coverage: What became of each operator.
        notes: Sentences for the user.
    """

    document: Document
    weights: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    constants: frozenset[str] = frozenset()
    coverage: Coverage = field(default_factory=Coverage)
    notes: tuple[str, ...] = ()


def build_document(computation: Computation, job: Job | None = None, blocks: bool = True) -> Imported:
    """Return the document that computes what was read.

    Args:
        computation: What a front end read.
        job: Is told the progress; stops the work when cancelled.
        blocks: Whether modules of the original become blocks; else all layers stand in the main graph.

    Raises:
        NetbuilderError: When there are more operations than a document may hold.
        Cancelled: When `job` was cancelled.
    """
    return _Builder(computation, job or Job()).build(blocks)


class _Builder:
    """Builds one document."""

    def __init__(self, computation: Computation, job: Job) -> None:
        self.computation, self.job = computation, job
        self.nodes: dict[str, Node] = {}
        self.edges: dict[PortRef, PortRef] = {}
        self.sources: dict[str, PortRef] = {}
        self.labels: set[str] = set()
        self.numbers: dict[str, int] = {}
        self.weights: dict[str, dict[str, Tensor]] = {}
        self.scopes: dict[str, tuple[Scope, ...]] = {}
        self.owners: dict[str, str] = {}
        self.found: list[tuple[str, str, str]] = []
        self.notes = list(computation.notes)

    def build(self, blocks: bool) -> Imported:
        """Build everything."""
        operations = alive(self.computation.operations, [value for _, value in self.computation.exits])
        count = len(operations) + len(self.computation.entries) + len(self.computation.exits)
        links = sum(len(each.inputs) for each in operations)
        if count > NODES or links > EDGES:
            raise NetbuilderError(
                Problem(
                    code="import.large",
                    message=f"The network has {count:,} operations and {links:,} links; a project holds at most "
                    f"{NODES:,} nodes and {EDGES:,} links.",
                    expected=f"at most {NODES:,} nodes",
                    found=f"{count:,}",
                )
            )
        for entry in self.computation.entries:
            self._enter(entry)
        for number, operation in enumerate(operations):
            if number % 64 == 0:
                self.job.report(0.5 + 0.3 * number / len(operations), "building the graph")
            self._add(operation)
        for name, value in self.computation.exits:
            self._exit(name, value)
        document = Document(graph=Graph(nodes=self.nodes, edges=self.edges), about=About(title=self.computation.title))
        weights: Mapping[str, Mapping[str, Tensor]] = self.weights
        if blocks:
            self.job.report(0.82, "finding blocks")
            document, weights = with_blocks(document, weights, self.scopes)
        self.job.report(0.85, "arranging the graph")
        places = dict(arrange(document.graph, expected_sizes(document, document.graph), self.job))
        for block in document.blocks.values():
            places |= arrange(block.graph, expected_sizes(document, block.graph), self.job)
        return Imported(
            document=replace(document, layout=Layout(places=places)),
            weights=weights,
            constants=frozenset(path for path, held in weights.items() if held.keys() == {CONSTANT}),
            coverage=count_coverage(self.found, self.computation.folded),
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _node(self, type: str, label: str, parameters: Mapping[str, Any], tied_to: str = "") -> str:
        id = new_id()
        while id in self.nodes:
            id = new_id()
        label = free_label(self.labels, label, self.numbers)
        self.labels.add(label)
        self.nodes[id] = Node(id=id, type=type, label=label, parameters=parameters, tied_to=tied_to)
        return id

    def _enter(self, entry: Entry) -> None:
        dtype = entry.type.dtype
        if dtype not in ENTRY_DTYPES:
            shown = "int64" if "int" in dtype else "float32"
            self.notes.append(f"The input {entry.name} took {dtype}; the project's takes {shown}.")
            dtype = shown
        values = {
            "dims": tuple(_entry_size(dim) for dim in entry.type.dims[1:]),
            "dtype": dtype,
            "vocabulary": entry.type.vocabulary if dtype == "int64" else 0,
        }
        try:
            resolved = catalog()["input"].resolve(values)
        except ValueError as error:
            message = f"The input {entry.name} cannot be one of a project's: {error}."
            raise NetbuilderError(Problem(code="import.input", message=message)) from error
        id = self._node("input", entry.name or "input", resolved)
        self.sources[entry.value] = PortRef(id, "y")

    def _exit(self, name: str, value: str) -> None:
        id = self._node("output", name or "output", {})
        self.edges[PortRef(id, "x")] = self.sources[value]

    def _add(self, operation: Operation) -> None:
        resolved = resolve(operation)
        operation, spec = resolved
        if spec is None:
            type, values = FOREIGN + _key(operation.origin), foreign_values(operation, self.computation.types)
        else:
            type, values = operation.type, spec.resolve(operation.parameters)
        if operation.counts:
            reason = operation.reason if spec is None else ""
            names = (operation.origin, *operation.merges)
            self.found += [(origin, spec.title if spec else "", reason) for origin in names]
        owner = self._owner(operation, type, values) if spec is not None else ""
        label = operation.label or (operation.type or operation.origin.rpartition(".")[2])
        id = self._node(type, label, values, owner)
        if operation.shares and not owner and spec is not None:
            self.owners.setdefault(operation.shares, id)
        if operation.weights and not owner:
            self.weights[id] = dict(operation.weights)
        self.scopes[id] = operation.scope
        for port, value in operation.inputs.items():
            self.edges[PortRef(id, port)] = self.sources[value]
        for port, value in operation.outputs.items():
            self.sources[value] = PortRef(id, port)

    def _owner(self, operation: Operation, type: str, values: Mapping[str, Any]) -> str:
        """Return the id of the node whose weights an operation shares, or ""."""
        owner = self.nodes.get(self.owners.get(operation.shares, "")) if operation.shares else None
        if owner is None:
            return ""
        if owner.type == type and owner.parameters == values:
            return owner.id
        self.notes.append(
            f"{operation.label or operation.type} ({type}) and {owner.label} ({owner.type}) shared weights but are "
            "different kinds of layers; each has a copy now, and training changes them apart."
        )
        return ""


def expected_sizes(document: Document, graph: Graph) -> dict[str, tuple[float, float]]:
    """Return about how large each node is drawn: its title and label side by side, a line a port."""
    lines: dict[str, int] = {}
    for target in graph.edges:
        lines[target.node] = lines.get(target.node, 0) + 1
    found = {}
    for id, node in graph.nodes.items():
        block = document.blocks.get(block_key(node)) if is_block(node) else None
        spec = catalog().get(node.type)
        title = block.title if block else spec.title if spec else node.type
        width = min(max(NODE_WIDTH, 80.0 + 8.0 * (len(title) + len(node.label))), 360.0)
        found[id] = width, max(NODE_HEIGHT, 60.0 + 22.0 * lines.get(id, 0))
    return found


def resolve(operation: Operation) -> tuple[Operation, LayerSpec | None]:
    """Return an operation with its spec; opaque, with the reason, when no spec accepts its parameters."""
    spec = catalog().get(operation.type) if operation.type else None
    if spec is None:
        return replace(operation, type="", reason=operation.reason or UNSUPPORTED), None
    try:
        values = spec.resolve(operation.parameters)
        ports = {port.name for port in spec.input_ports(values)}
        unknown = operation.inputs.keys() - ports or operation.outputs.keys() - {
            port.name for port in spec.output_ports(values)
        }
    except ValueError as error:
        return replace(operation, type="", reason=f"has settings that {spec.title} does not take: {error}"), None
    assert not unknown, f"{operation.origin} names ports that {spec.key} lacks: {unknown}"
    return operation, spec


def foreign_values(operation: Operation, types: Mapping[str, TensorType]) -> dict[str, Any]:
    """Return an opaque node's parameters: its ports with what is known of them, its settings, and the reason."""
    outputs = tuple(
        {"name": port, **({"dims": _sizes(types[value]), "dtype": types[value].dtype} if value in types else {})}
        for port, value in operation.outputs.items()
    )
    settings = {name: value for name, value in operation.parameters.items() if _is_plain(value)}
    return {
        "origin": operation.origin,
        "reason": operation.reason,
        "inputs": tuple(operation.inputs),
        "outputs": outputs,
        "settings": {name: freeze(value) for name, value in settings.items()},
    }


def _is_plain(value: object) -> bool:
    try:
        freeze(value)
    except ValueError:
        return False
    return True


def _sizes(type: TensorType) -> tuple[str, ...]:
    return tuple("?" if dim is None else str(dim) for dim in type.dims)


def _entry_size(dim: Dim) -> int:
    return dim if isinstance(dim, int) else -1


def _key(origin: str) -> str:
    text = re.sub(r"[^A-Za-z0-9_.-]", "_", origin) or "operator"
    return text[: KEY_LENGTH - len(FOREIGN)]
