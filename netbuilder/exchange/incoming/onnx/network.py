"""The network under construction: what is known of each value, and the operations so far.

A rule for an operator asks for its inputs as tensors or constants and emits layers. Each layer is tried with the same
checks that the document will meet, so that an operator which no layer fits becomes opaque instead of wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document.model import Document
from netbuilder.exchange.incoming.onnx.dtypes import DTYPES, as_torch, narrowed, shortest
from netbuilder.exchange.incoming.onnx.graph import Declared, OnnxGraph, OnnxNode, batch_names, fixed_batch, tensor_type
from netbuilder.exchange.incoming.onnx.samples import group_for_all, one_for_all
from netbuilder.exchange.incoming.onnx.scopes import Origin
from netbuilder.exchange.incoming.onnx.sizes import whole_numbers
from netbuilder.exchange.incoming.onnx.values import (
    Array,
    Constant,
    Fill,
    Sampled,
    Tensor,
    Unfit,
    Value,
    dims_of,
    type_of,
)
from netbuilder.exchange.incoming.operation import Operation
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec, Types
from netbuilder.layers.tensor import BATCH, Dim, TensorType

AUXILIARY: Final = "onnx.constant"
"""The origin of layers that give a constant."""


@dataclass(slots=True)
class Network:
    """One network under construction.

    Attributes:
        graph: What was read.
        operations: The layers so far, by the name of their first value.
        values: Name in the file -> what is known of it.
        node: The operator that is being looked at.
        origin: Where it came from.
        notes: Sentences for the user.
    """

    graph: OnnxGraph
    operations: dict[str, Operation] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    types: dict[str, TensorType] = field(default_factory=dict)
    node: OnnxNode = field(default_factory=lambda: OnnxNode(""))
    origin: Origin = field(default_factory=lambda: Origin((), ""))
    notes: list[str] = field(default_factory=list)
    samples: Tensor | None = None
    _givers: dict[str, str] = field(default_factory=dict)
    _readers: dict[str, list[str]] = field(default_factory=dict)
    _claims: Counter[str] = field(default_factory=Counter)
    _uses: Counter[str] = field(default_factory=Counter)
    _tables: dict[str, Tensor] = field(default_factory=dict)
    _inference: ShapeInference = field(default_factory=ShapeInference)
    _batches: frozenset[str] = frozenset()
    _inferred: Mapping[str, Declared] | None = None
    fixed: int = 0

    def __post_init__(self) -> None:
        """Count the uses of each value, and make torch ready to be asked."""
        self._inference.infer(Document())
        self._batches, self.fixed = batch_names(self.graph), fixed_batch(self.graph)
        self._uses.update(name for node in self.graph.nodes for name in node.inputs)
        self._uses.update(self.graph.outputs)

    # -- what an operator reads ------------------------------------------------------------------------------

    def value(self, place: int) -> Value | None:
        """Return what is known of an input; None when it is left out."""
        names = self.node.inputs
        return self.values[names[place]] if place < len(names) and names[place] else None

    def given(self, place: int) -> Value:
        """Return what is known of an input that must be there.

        Raises:
            Unfit: When it is left out.
        """
        value = self.value(place)
        if value is None:
            raise Unfit("lacks an input")
        return value

    def tensor(self, place: int) -> Tensor:
        """Return an input as a layer's value; a constant becomes a layer that gives it.

        Raises:
            Unfit: When it is left out, or is of a kind that no layer gives.
        """
        return self.as_tensor(self.given(place))

    def constant(self, place: int, what: str = "settings") -> Array:
        """Return an input's numbers.

        Args:
            place: Which input.
            what: What it is, for the reason.

        Raises:
            Unfit: When the network computes it.
        """
        value = self.value(place)
        if not isinstance(value, Constant):
            raise Unfit(f"has {what} that the network computes")
        return value.array

    def setting(self, place: int, name: str) -> Array | None:
        """Return a setting that newer versions pass as an input and older ones as an attribute; None where absent.

        Raises:
            Unfit: When the network computes it.
        """
        if self.value(place) is not None:
            return self.constant(place)
        found = self.node.attributes.get(name)
        return None if found is None else np.asarray(found)

    def whole(self, name: str, default: int) -> int:
        """Return an attribute that is a whole number."""
        return int(self.node.attributes.get(name, default))

    def decimal(self, name: str, default: float) -> float:
        """Return an attribute that is a number, as it was before it became 32 bits wide ("1e-5")."""
        return shortest(self.node.attributes.get(name, default))

    def text(self, name: str, default: str) -> str:
        """Return an attribute that is text."""
        return str(self.node.attributes.get(name, default))

    def ints(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return an attribute that is several whole numbers."""
        found = self.node.attributes.get(name, default)
        return tuple(int(each) for each in (found if isinstance(found, tuple) else (found,)))

    def axes(self, place: int = 1) -> tuple[int, ...] | None:
        """Return the axes that an operator names; None where it names none."""
        found = self.setting(place, "axes")
        return None if found is None else tuple(int(axis) for axis in np.ravel(found))

    def wants(self, place: int) -> bool:
        """Whether anything reads an output."""
        names = self.node.outputs
        return place < len(names) and self._uses[names[place]] > 0

    def only(self, *places: int) -> None:
        """Refuse an operator of which other outputs are read than these.

        Raises:
            Unfit: When another output is read.
        """
        for place, name in enumerate(self.node.outputs):
            if place not in places and self._uses[name]:
                raise Unfit(f"has an output ({name[:60]}) that no layer gives")

    # -- what becomes of it ----------------------------------------------------------------------------------

    def emit(
        self,
        key: str,
        inputs: Mapping[str, Tensor],
        parameters: Mapping[str, Any] | None = None,
        weights: Mapping[str, Array] | None = None,
        shares: str = "",
        label: str = "",
    ) -> Tensor:
        """Add a layer and return its first output.

        Args:
            key: Its spec.
            inputs: Port -> value.
            parameters: Values that differ from the spec's defaults.
            weights: Parameter or buffer name in its module -> numbers.
            shares: Layers with the same text here share their weights.
            label: What to call it, when not by where it came from.

        Raises:
            Unfit: When the layer does not take these inputs or settings.
        """
        return self.emit_all(key, inputs, parameters, weights, shares, label)[0]

    def emit_all(
        self,
        key: str,
        inputs: Mapping[str, Tensor],
        parameters: Mapping[str, Any] | None = None,
        weights: Mapping[str, Array] | None = None,
        shares: str = "",
        label: str = "",
    ) -> tuple[Tensor, ...]:
        """Add a layer and return all its outputs; see `emit`."""
        spec = catalog()[key]
        types = self.try_layer(spec, parameters or {}, {port: type_of(value) for port, value in inputs.items()})
        number = f"v{len(self.operations)}"
        outputs = {port: f"{number}.{port}" for port in types}
        self.operations[number] = Operation(
            type=key,
            origin="",
            parameters=parameters or {},
            inputs={port: value.name for port, value in inputs.items()},
            outputs=outputs,
            weights={name: as_torch(array) for name, array in (weights or {}).items()},
            shares=shares,
            scope=self.origin.scopes,
            label=label or self.origin.label,
        )
        for value in inputs.values():
            self._readers.setdefault(value.name, []).append(number)
        for port, name in outputs.items():
            self._givers[name] = number
            self.types[name] = types[port]
        return tuple(Tensor(name, types[port]) for port, name in outputs.items())

    def try_layer(self, spec: LayerSpec, parameters: Mapping[str, Any], inputs: Types) -> Types:
        """Return what a layer gives.

        Raises:
            Unfit: When it does not take these inputs or settings.
        """
        try:
            values = spec.resolve(parameters)
        except ValueError as error:
            raise Unfit(f"has settings that {spec.title} does not take: {error}") from error
        facts = self._inference.facts(spec, values, inputs, may_run=True, may_wait=True)
        if facts is None or not facts.known:
            trouble = facts.troubles[0].message if facts and facts.troubles else "lacks an input"
            raise Unfit(f"does not go with {spec.title}, which {trouble}"[:280])
        return facts.outputs

    def giver(self, tensor: Value | None, *types: str) -> Operation | None:
        """Return the layer that gives a value, when it is of one of these types."""
        if not isinstance(tensor, Tensor):
            return None
        operation = self.operations.get(self._givers.get(tensor.name, ""))
        return operation if operation is not None and operation.type in types else None

    def source(self, operation: Operation, port: str = "x") -> Tensor:
        """Return what a layer reads."""
        name = operation.inputs[port]
        return Tensor(name, self.types[name])

    def is_alone(self, tensor: Tensor) -> bool:
        """Whether the operator at hand is the only one that ever reads a value."""
        return self._claims[tensor.name] == 1 and all(map(self._is_dead, self._readers.get(tensor.name, ())))

    def _is_dead(self, number: str) -> bool:
        """Whether nothing reads what a layer gives, nor will."""
        return all(
            not self._claims[name] and all(map(self._is_dead, self._readers.get(name, ())))
            for name in self.operations[number].outputs.values()
        )

    def amend(
        self, tensor: Tensor, parameters: Mapping[str, Any], weights: Mapping[str, Array], shares: str = ""
    ) -> Tensor:
        """Change the layer that gives a value which nothing else has read, and return the value.

        Raises:
            Unfit: When the layer does not take the settings.
        """
        number = self._givers[tensor.name]
        before = self.operations[number]
        after = replace(
            before,
            parameters={**before.parameters, **parameters},
            weights={**before.weights, **{name: as_torch(array) for name, array in weights.items()}},
            shares=before.shares and shares and f"{before.shares} {shares}",
        )
        inputs = {port: self.types[name] for port, name in after.inputs.items()}
        self.try_layer(catalog()[after.type], after.parameters, inputs)
        self.operations[number] = after
        return tensor

    def bind(self, name: str, value: Value) -> None:
        """Say what is known of a name of the file."""
        self.values[name] = value
        if isinstance(value, Tensor):
            self._claims[value.name] += self._uses[name]

    def release(self) -> None:
        """Count the operator at hand as dealt with."""
        for name in self.node.inputs:
            value = self.values.get(name) if name else None
            if isinstance(value, Tensor):
                self._claims[value.name] -= 1

    def credit(self, first: int, values: Sequence[Value | None], origin: str) -> bool:
        """Count the operator at hand for the layer that does its work, if it made one; return whether it did.

        Args:
            first: How many layers there were before.
            values: What it gives.
            origin: What the coverage table calls it.
        """
        made = [f"v{number}" for number in range(first, len(self.operations))]
        made = [number for number in made if not self.operations[number].origin]
        if not made:
            return False
        givers = {self._givers.get(value.name, "") for value in values if isinstance(value, Tensor)}
        chosen = max(made, key=lambda number: (self._weight(number), number in givers))
        self.operations[chosen] = replace(self.operations[chosen], origin=origin)
        return True

    def _weight(self, number: str) -> int:
        """Return how much a layer does: one with weights more than one that computes, which does more than moving."""
        operation = self.operations[number]
        return 2 if operation.weights else int(catalog()[operation.type].category != "shape")

    # -- constants as layers ---------------------------------------------------------------------------------

    def as_tensor(self, value: Value) -> Tensor:
        """Return a value as a layer's; a constant becomes a layer that gives it.

        Raises:
            Unfit: When it is of a kind that no layer gives.
        """
        if isinstance(value, Tensor):
            return value
        if isinstance(value, Constant):
            return self._table(value)
        group = group_for_all(value) if isinstance(value, Sampled) else None
        if group is not None:
            repeated = self.expand(self._table(group), (BATCH, *group.array.shape[1:]))
            return self.emit("view", {"x": repeated}, {"shape": (-1, *group.array.shape[2:])})
        if isinstance(value, (Fill, Sampled)):
            return self.expand(self._table(one_for_all(value)), dims_of(value))
        raise Unfit("computes with sizes that vary")

    def _table(self, constant: Constant) -> Tensor:
        known = self._tables.get(constant.name)
        if constant.name and known is not None:
            return known
        kind = DTYPES.get(constant.array.dtype.kind)
        if kind is None:
            raise Unfit("reads values that are no numbers")
        label = constant.name.rpartition(".")[2].rpartition("/")[2] or "constant"
        dims = tuple(constant.array.shape)
        if constant.learned and kind == "float32":
            found = self.emit("learned_tensor", {}, {"dims": dims}, {"weight": constant.array}, label=label)
        else:
            array = constant.array.astype(kind)
            found = self.emit("fixed_tensor", {}, {"dims": dims, "dtype": kind}, {"value": array}, label=label)
        number = self._givers[found.name]
        self.operations[number] = replace(self.operations[number], origin=AUXILIARY)
        if constant.name:
            self._tables[constant.name] = found
        return found

    def expand(self, tensor: Tensor, dims: tuple[Dim, ...]) -> Tensor:
        """Return a value with its axes of size 1 repeated to a shape.

        Raises:
            Unfit: When an axis would become as long as a length that varies.
        """
        found = type_of(tensor).dims
        padded = (1,) * (len(dims) - len(found)) + found
        if tuple(dims) == tuple(found):
            return tensor
        sizes = [self._repeated(have, want) for have, want in zip(padded, dims, strict=True)]
        for place in range(len(dims) - len(found)):
            sizes[place] = 1 if sizes[place] == -1 else sizes[place]
        inputs = {"x": tensor}
        if 0 in sizes:
            if self.samples is None:
                raise Unfit("depends on a number of samples that nothing tells")
            inputs["like"] = self.samples
        return self.emit("expand_like", inputs, {"sizes": tuple(sizes)})

    def _repeated(self, have: Dim, want: Dim) -> int:
        if have == want or want == 1:
            return -1
        if have == 1 and isinstance(want, int):
            return want
        if have == 1 and want == BATCH:
            return 0
        raise Unfit(f"repeats something to {want}")

    # -- types -----------------------------------------------------------------------------------------------

    def declared(self, name: str) -> TensorType | None:
        """Return what the file says of a value's type, as the project has it; None when it says nothing."""
        said = self.graph.declared.get(name)
        if said is None or None in said.dims:
            if self._inferred is None:
                self._inferred = self.graph.inferred()
            said = self._inferred.get(name, said)
        return None if said is None else narrowed(tensor_type(said, self._batches, self.fixed))

    def shape(self, place: int) -> tuple[Dim, ...]:
        """Return the whole numbers that an input gives as a shape."""
        return whole_numbers(self.value(place))

    def dims(self, place: int) -> tuple[Dim, ...]:
        """Return the shape of an input."""
        return dims_of(self.given(place))

    def shared(self, *places: int) -> str:
        """Return the text by which layers that read the same initializers share their weights; "" for none."""
        names = []
        for place in places:
            value = self.value(place)
            if isinstance(value, Constant):
                names.append(value.name)
        return " ".join(names) if names and all(names) else ""
