"""Drawing: what a block's few lines are written with."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from netbuilder.document.blocks import BLOCK, plain_parameter, signature
from netbuilder.document.model import Definition, Graph, Node, PortRef
from netbuilder.foundation.parameter import Choice, Kind, Parameter
from netbuilder.layers.catalog import catalog


def formula(text: str) -> dict[str, str]:
    """Return an expression of the block's parameters, as a parameter's value."""
    return {"=": text}


def whole(name: str, default: int, help: str, minimum: int = 1, maximum: int = 100_000) -> Parameter:
    """Declare a whole number."""
    return Parameter(
        name=name, title=_title(name), kind=Kind.INT, default=default, help=help, minimum=minimum, maximum=maximum
    )


def number(name: str, default: float, help: str, minimum: float = 0.0, maximum: float = 1e6) -> Parameter:
    """Declare a number."""
    return Parameter(
        name=name, title=_title(name), kind=Kind.FLOAT, default=default, help=help, minimum=minimum, maximum=maximum
    )


def flag(name: str, default: bool, help: str) -> Parameter:
    """Declare a yes or no."""
    return Parameter(name=name, title=_title(name), kind=Kind.BOOL, default=default, help=help)


def choice(name: str, options: Sequence[str], help: str) -> Parameter:
    """Declare a choice; the first is the default."""
    choices = tuple(Choice(value=option, title=option) for option in options)
    return Parameter(name=name, title=_title(name), kind=Kind.CHOICE, default=options[0], choices=choices, help=help)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


class Drawing:
    """One block while it is drawn. Values are ports; each call adds a node and returns its output port."""

    def __init__(self, key: str, title: str, description: str, reference: str, *parameters: Parameter) -> None:
        """Begin with nothing drawn."""
        self.key, self.title, self.description, self.reference = key, title, description, reference
        self.parameters = parameters
        self.nodes: dict[str, Node] = {}
        self.edges: dict[PortRef, PortRef] = {}

    def enter(self, label: str = "x", dims: tuple[int, ...] = (64,), dtype: str = "float32") -> PortRef:
        """Add an input port; `dims` are what is shown while nothing feeds it."""
        return self._add("input", label, {}, {"dims": dims, "dtype": dtype})

    def add(self, type: str, label: str, *sources: PortRef, **values: Any) -> PortRef:
        """Add a layer fed by `sources`, in the order of its input ports."""
        spec = catalog()[type]
        plain = {name: value for name, value in values.items() if not isinstance(value, dict)}
        ports = [port.name for port in spec.input_ports(spec.resolve(plain))]
        return self._add(type, label, dict(zip(ports, sources, strict=False)), values)

    def block(self, inner: Definition, label: str, *sources: PortRef, **values: Any) -> PortRef:
        """Add an instance of another block."""
        declared = signature(inner)
        resolved = {parameter.name: values.get(parameter.name, parameter.default) for parameter in declared.parameters}
        id = self._id(label)
        self.nodes[id] = Node(id=id, type=BLOCK + inner.key, label=label, parameters=resolved)
        for port, source in zip(declared.inputs, sources, strict=False):
            self.edges[PortRef(id, port)] = source
        return PortRef(id, next(iter(declared.outputs)))

    def leave(self, source: PortRef, label: str = "y") -> None:
        """Add an output port."""
        self._add("output", label, {"x": source}, {})

    def done(self) -> Definition:
        """Return the definition."""
        return Definition(
            key=self.key,
            title=self.title,
            description=self.description,
            reference=self.reference,
            parameters=tuple(map(plain_parameter, self.parameters)),
            graph=Graph(nodes=self.nodes, edges=self.edges),
        )

    def _add(self, type: str, label: str, linked: dict[str, PortRef], values: dict[str, Any]) -> PortRef:
        spec = catalog()[type]
        id = self._id(label)
        parameters = {**spec.defaults(), **values}
        self.nodes[id] = Node(id=id, type=type, label=label, parameters=parameters)
        for port, source in linked.items():
            self.edges[PortRef(id, port)] = source
        plain = {name: value for name, value in parameters.items() if not isinstance(value, dict)}
        outputs = spec.output_ports(spec.resolve(plain))
        return PortRef(id, outputs[0].name if outputs else "")

    def _id(self, label: str) -> str:
        """Return a node id that is the same each time the script runs."""
        assert all(node.label != label for node in self.nodes.values()), f"{self.key} has two nodes called {label}"
        return f"n{zlib.crc32(f'{self.key}/{label}'.encode()):08x}"
