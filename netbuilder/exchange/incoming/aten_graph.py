"""From ATen to operations: an exported graph's calls become layers of the catalog, one by one. Imports torch.

Three kinds of values travel through the graph: what is computed from the inputs, what is learned, and what is worked
out here and now (`aten_values`). The tables of operators (`aten_layers`, `aten_tensors`) say which layer computes the
same; where none does, the operation stays opaque with its reason, never a wrong network.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import torch

import netbuilder.exchange.incoming
from netbuilder.exchange.incoming.aten_call import HANDLERS, Call
from netbuilder.exchange.incoming.aten_emitting import Emitter
from netbuilder.exchange.incoming.aten_folding import OPERATORS, fold
from netbuilder.exchange.incoming.aten_values import Computed, Folded, Known, Learned, Pile, Unmapped
from netbuilder.exchange.incoming.attention_modules import join_attention
from netbuilder.exchange.incoming.exported_graph import ExportedGraph, Ref, SizeRef, Step
from netbuilder.exchange.incoming.operation import Computation, Entry, Operation, alive
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.tensor import BATCH, TIME, Dim, Size, TensorType

WITHOUT_EFFECT: Final = frozenset(
    {
        "aten._assert_tensor_metadata.default",
        "aten._assert_async.msg",
        "aten._assert_scalar.default",
        "aten.sym_constrain_range_for_size.default",
        "aten.sym_size.int",
        "aten.sym_numel.default",
    }
)
"""Calls that only watch, or give sizes, which the file tells anyway."""

VIEWS: Final = frozenset(
    f"aten.{name}"
    for name in (
        "view.default",
        "reshape.default",
        "squeeze.dim",
        "squeeze.default",
        "unsqueeze.default",
        "permute.default",
        "transpose.int",
        "t.default",
        "numpy_T.default",
        "slice.Tensor",
        "select.int",
        "expand.default",
        "flatten.using_ints",
        "alias.default",
        "detach.default",
        "contiguous.default",
        "narrow.default",
        "unbind.int",
        "split.Tensor",
        "chunk.default",
    )
)
"""Operators whose results may share memory with what they read."""

TURNING: Final = frozenset(
    f"aten.{name}"
    for name in (
        "view.default",
        "reshape.default",
        "unsqueeze.default",
        "permute.default",
        "transpose.int",
        "t.default",
    )
)
"""Views of parameters that are taken over turned as they are."""

PARTING: Final = frozenset(f"aten.{name}" for name in ("split.Tensor", "split_with_sizes.default", "chunk.default"))
"""What takes parameters apart, such as the projections of attention that lie in one matrix."""

ALIASES: Final = frozenset(
    f"aten.{name}"
    for name in ("contiguous.default", "clone.default", "alias.default", "detach.default", "lift_fresh_copy.default")
) | {"netbuilder.alias"}

DTYPES: Final = {"int32": "int64", "int16": "int64", "int8": "int64", "uint8": "int64", "float64": "float32"}
"""Kinds of numbers that a project does not tell apart from the common one."""


def translate(graph: ExportedGraph, job: Job | None = None) -> Computation:
    """Return the operations that compute what an exported graph does.

    Args:
        graph: The graph.
        job: Is told the progress; stops the work when cancelled.

    Raises:
        NetbuilderError: When the inputs have no common first axis for the samples.
        Cancelled: When `job` was cancelled.
    """
    for module in pkgutil.iter_modules(netbuilder.exchange.incoming.__path__):
        if module.name.startswith("aten_"):  # the tables register their handlers
            importlib.import_module(f"netbuilder.exchange.incoming.{module.name}")
    return Translator(graph, job or Job()).translate()


class Translator(Emitter):
    """Translates one graph.

    Attributes:
        job: Is told the progress.
        folded: Origin -> how many were worked out.
    """

    def __init__(self, graph: ExportedGraph, job: Job) -> None:
        """Get to know the graph's inputs and weights."""
        super().__init__(graph)
        self.job = job
        self.folded: Counter[str] = Counter()
        self.views: set[str] = set()
        self.symbols, self.samples = self._batch()
        self.types = {name: self._type(found) for name, found in graph.types.items()}
        for name, weight in graph.weights.items():
            module = weight.name.rpartition(".")[0]
            learned = Learned(weight.name, weight.tensor, module)
            self.known[name] = learned if weight.learned else Folded(weight.tensor, weight.tensor)
        for _, name in graph.entries:
            self.known[name] = Computed(name)

    def _batch(self) -> tuple[dict[str, Size], int | None]:
        """Return what the graph's symbols stand for, and the fixed number of samples when it has one."""
        firsts: list[Dim] = []
        for name, value in self.graph.entries:
            found = self.graph.types.get(value)
            if found is None or not found.dims:
                raise NetbuilderError(
                    Problem(
                        code="import.batch",
                        message=f"The input {name} has no axis for the samples; every input needs one in front.",
                        expected="N × …",
                        found=str(found) if found else "unknown",
                    )
                )
            firsts.append(found.dims[0])
        vary = all(isinstance(first, Size) and (first.factor, first.offset) == (1, 0) for first in firsts)
        if not vary and any(first != firsts[0] or not isinstance(first, int) for first in firsts):
            shown = ", ".join(f"{name}: {self.graph.types[value]}" for name, value in self.graph.entries)
            raise NetbuilderError(
                Problem(
                    code="import.batch",
                    message=f"The inputs have different first axes ({shown}); the first axis must count the samples.",
                    expected="one number of samples",
                    found=shown,
                )
            )
        symbols: dict[str, Size] = {first.symbol: BATCH for first in firsts if isinstance(first, Size)}
        first = firsts[0]
        for _, value in self.graph.entries:
            for dim in self.graph.types[value].dims:
                if isinstance(dim, Size) and dim.symbol not in symbols and TIME not in symbols.values():
                    symbols[dim.symbol] = TIME
        if isinstance(first, int):
            self.notes.append(
                f"The file was made for exactly {first} samples; the project takes any number, so far as the "
                "operations allow."
            )
        return symbols, first if isinstance(first, int) else None

    def size(self, dim: Dim) -> Dim:
        """Return one of the graph's sizes in N and T; None when it is neither."""
        if not isinstance(dim, Size):
            return dim
        symbol = self.symbols.get(dim.symbol)
        return Size(symbol.symbol, dim.factor, dim.offset) if symbol else None

    def _type(self, found: TensorType) -> TensorType:
        return TensorType(tuple(self.size(dim) for dim in found.dims), DTYPES.get(found.dtype, found.dtype))

    def type_of(self, reference: Any, value: Any) -> TensorType:
        """Return the type of an argument."""
        if isinstance(value, (Learned, Folded)):
            tensor = value.tensor if isinstance(value, Learned) else value.one
            dtype = str(tensor.dtype).removeprefix("torch.")
            dims: tuple[Dim, ...] = tuple(tensor.shape)
            if isinstance(value, Folded) and value.one.shape != value.two.shape:
                dims = tuple(a if a == b else BATCH for a, b in zip(value.one.shape, value.two.shape, strict=True))
            return TensorType(dims, DTYPES.get(dtype, dtype))
        if isinstance(value, Computed) and value.name in self.types:
            return self.types[value.name]
        if isinstance(reference, Ref) and reference.name in self.types:
            return self.types[reference.name]
        raise Unmapped("takes something whose shape the file does not tell")

    # -- the walk ------------------------------------------------------------------------------------------------------

    def translate(self) -> Computation:
        """Translate every step."""
        entries = tuple(Entry(name=name, value=value, type=self._entry(value)) for name, value in self.graph.entries)
        for number, step in enumerate(self.graph.steps):
            if number % 32 == 0:
                self.job.report(0.4 + 0.1 * number / len(self.graph.steps), "translating operators")
            self._step(step)
        last = Step("netbuilder.exit", {}, ("exit",))
        exits = []
        for number, value in enumerate(self.graph.exits):
            name = "output" if len(self.graph.exits) == 1 else f"output_{number + 1}"
            exits.append((name, self.make(self._known(value), last, True)))
        values = [value for _, value in exits]
        operations = join_attention(alive(self.operations, values), self.types, values)
        return Computation(
            title=self.graph.title,
            entries=entries,
            exits=tuple(exits),
            operations=operations,
            types=self.types,
            folded=self.folded,
            notes=tuple(self.notes),
        )

    def _entry(self, value: str) -> TensorType:
        found = self.types[value]
        self.types[value] = entry = TensorType((BATCH, *found.dims[1:]), found.dtype)
        return entry

    def _known(self, name: str) -> Known:
        found = self.known.get(name)
        if found is None:
            raise Unmapped("reads something that nothing before it makes")
        return found

    def _step(self, step: Step) -> None:
        origin = step.target
        if origin in WITHOUT_EFFECT or origin.startswith(("_operator.", "math.")):
            return
        target, in_place = _functional(origin)
        if target == "aten.to.device":
            target = "aten.to.dtype_layout"  # devices do not matter here
        try:
            arguments = {name: self._resolve(value) for name, value in step.arguments.items()}
            if in_place:
                self._check_in_place(step)
            self._follow_batch(step)
            if self._fold(target, step, arguments):
                self.folded[origin] += 1
            else:
                handler = HANDLERS.get(target)
                if handler is None:
                    raise Unmapped("has no layer that computes the same")
                before = len(self.operations)
                handler(Call(self, step, arguments))
                if len(self.operations) == before:
                    self.folded[origin] += 1
        except Unmapped as reason:
            self._leave_opaque(step, str(reason))
        if target in VIEWS:
            self.views.update(step.outputs)
        if in_place and isinstance(changed := step.arguments.get("self"), Ref):
            self.known[changed.name] = self._known(step.outputs[0])

    def _check_in_place(self, step: Step) -> None:
        changed = step.arguments.get("self")
        if isinstance(changed, Ref) and changed.name in self.views:
            raise Unmapped("changes a part of another value in place")

    def _follow_batch(self, step: Step) -> None:
        """Where the file fixes the number of samples, take the first axis of what depends on inputs for them."""
        if self.samples is None:
            return
        reads = (each for value in step.arguments.values() for each in (value if isinstance(value, list) else [value]))
        known = (self.known.get(each.name) for each in reads if isinstance(each, Ref))
        if not any(isinstance(each, Computed) and self._has_samples(each.name) for each in known):
            return
        for name in step.outputs:
            found = self.types.get(name)
            if found is not None and found.dims and found.dims[0] == self.samples:
                self.types[name] = TensorType((BATCH, *found.dims[1:]), found.dtype)

    def _has_samples(self, name: str) -> bool:
        found = self.types.get(name)
        return found is not None and any(isinstance(dim, Size) for dim in found.dims)

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self._known(value.name)
        if isinstance(value, SizeRef):
            size = self.size(self.graph.sizes.get(value.name))
            if size is None:
                raise Unmapped("takes a size that is computed")
            return size
        if isinstance(value, list):
            return [self._resolve(each) for each in value]
        return value

    def _fold(self, target: str, step: Step, arguments: Mapping[str, Any]) -> bool:
        """Work a call out, when it depends on no input; whether that was possible."""
        first = arguments.get("self", arguments.get("input"))
        if target in ALIASES:
            self.known[step.outputs[0]] = first
            return True
        if target in TURNING | PARTING and isinstance(first, Learned):
            return self._turn(target, step, first, arguments)
        if target not in OPERATORS:
            return False
        tensors = [each for value in arguments.values() for each in _leaves(value)]
        if target.endswith("_like.default") or target.startswith("aten.new_"):
            arguments, tensors = self._only_shape(step, arguments, tensors)
        if any(isinstance(each, (Computed, Learned, Pile)) for each in tensors):
            return False
        results = fold(target, arguments)
        for name, result in zip(step.outputs, results, strict=False):
            self.known[name] = result
            self.births[id(result.one)] = step.scope
            self.held.append(result)
        return True

    def _only_shape(
        self, step: Step, arguments: Mapping[str, Any], tensors: list[Any]
    ) -> tuple[dict[str, Any], list[Any]]:
        """Put zeros in the place of a tensor of which only the shape and kind count."""
        found = dict(arguments)
        value = found.get("self")
        if isinstance(value, (Computed, Learned)):
            type = self.type_of(step.arguments["self"], value)
            dtype = getattr(torch, type.dtype)
            zeros = fold("aten.zeros.default", {"size": list(type.dims), "dtype": dtype})
            found["self"] = zeros[0]
        return found, [each for value in found.values() for each in _leaves(value)]

    def _turn(self, target: str, step: Step, value: Learned, arguments: Mapping[str, Any]) -> bool:
        given = {name: each for name, each in arguments.items() if name != "self"}
        if any(isinstance(each, Size) for item in given.values() for each in _leaves(item)):
            return False
        results = fold(target, {**given, "self": Folded(value.tensor, value.tensor)})
        words = ",".join(f"{name}={each}" for name, each in given.items())
        for number, (name, result) in enumerate(zip(step.outputs, results, strict=True)):
            same = result.one.shape == value.tensor.shape and target.endswith("view.default")
            key = value.key if same else f"{value.key}|{target}({words})[{number}]"
            self.known[name] = Learned(key, result.one.contiguous(), value.module)
        return True

    def _leave_opaque(self, step: Step, reason: str) -> None:
        inputs: dict[str, str] = {}
        settings: dict[str, Any] = {}
        for name, value in step.arguments.items():
            if isinstance(value, Ref) or (isinstance(value, list) and any(isinstance(each, Ref) for each in value)):
                parts = value if isinstance(value, list) else [value]
                for number, part in enumerate(parts):
                    known = self.known.get(part.name) if isinstance(part, Ref) else None
                    if known is not None:
                        port = name if len(parts) == 1 else f"{name}_{number + 1}"
                        inputs[port] = self._made_or_nothing(known, step)
            elif not isinstance(value, SizeRef):
                settings[name] = str(value) if isinstance(value, torch.dtype) else value
        inputs = {port: value for port, value in inputs.items() if value}
        outputs = {f"y{number or ''}": name for number, name in enumerate(step.outputs) if name}
        self.operations.append(
            Operation(
                origin=step.target,
                parameters=settings,
                inputs=inputs,
                outputs=outputs,
                scope=step.scope,
                label=step.target.split(".")[1] if "." in step.target else step.target,
                reason=reason,
            )
        )
        for name in outputs.values():
            self.known[name] = Computed(name)

    def _made_or_nothing(self, value: Known, step: Step) -> str:
        try:
            return self.make(value, step, False)
        except Unmapped:
            return ""


def _functional(target: str) -> tuple[str, bool]:
    """Return an operator's name without the underscore that says it works in place, and whether it had one."""
    head, _, overload = target.rpartition(".")
    if head.startswith("aten.") and head.endswith("_") and not head.endswith("__"):
        return f"{head[:-1]}.{overload}", True
    return target, False


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value
