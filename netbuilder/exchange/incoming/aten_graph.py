"""From ATen to operations: an exported graph's calls become layers of the catalog, one by one. Imports torch.

Three kinds of values travel through the graph: what is computed from the inputs, what is learned, and what is worked
out here and now (`aten_values`). The tables of operators (`aten_layers`, `aten_tensors`) say which layer computes the
same; where none does, the operation stays opaque with its reason, never a wrong network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor

from netbuilder.exchange.incoming.aten_folding import OPERATORS, fold
from netbuilder.exchange.incoming.aten_values import Computed, Folded, Known, Learned, Pile, Unmapped
from netbuilder.exchange.incoming.exported_graph import ExportedGraph, Ref, SizeRef, Step
from netbuilder.exchange.incoming.operation import Computation, Entry, Operation, Scope
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.catalog import catalog
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


class Call:
    """One call, as its handler sees it."""

    def __init__(self, translator: Translator, step: Step, arguments: Mapping[str, Any]) -> None:
        """Prepare it.

        Args:
            translator: Where what it emits goes.
            step: What is called.
            arguments: Its arguments: `Known` values, sizes (`Dim`), plain values, and lists of them.
        """
        self.translator, self.step, self.arguments = translator, step, arguments

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument, or what stands for one that was left out."""
        return self.arguments.get(name, default)

    def type(self, name: str) -> TensorType:
        """Return the type of a tensor argument."""
        return self.translator.type_of(self.step.arguments[name], self.arguments[name])

    @property
    def result(self) -> TensorType:
        """The type of the first thing it gives."""
        found = self.translator.types.get(self.step.outputs[0])
        if found is None:
            raise Unmapped("gives something whose shape the file does not tell")
        return found

    def value(self, name: str, whole: bool = False) -> str:
        """Return the name of a tensor argument's value, which is made when it was only known until now.

        Args:
            name: The argument.
            whole: Whether a constant that is the same for all samples must be there once for each.
        """
        return self.translator.make(self.arguments[name], self.step, whole)

    def learned(self, name: str) -> Learned | None:
        """Return a weight; None when the call has none there.

        Raises:
            Unmapped: When it is computed.
        """
        value = self.arguments.get(name)
        if value is None or isinstance(value, Learned):
            return value
        if isinstance(value, Folded) and value.is_constant:
            reference = self.step.arguments[name]
            return Learned(reference.name if isinstance(reference, Ref) else name, value.one)
        raise Unmapped(f"takes its {name} from a computation")

    def number(self, name: str) -> float | int | None:
        """Return an argument as one number that stands everywhere in it; None when it is no such thing."""
        value = self.arguments.get(name)
        if isinstance(value, Folded):
            return value.number
        return value if type(value) in (int, float, bool) else None

    def emit(
        self,
        type: str,
        inputs: Mapping[str, str],
        parameters: Mapping[str, Any] | None = None,
        weights: Mapping[str, Learned | None] | None = None,
        outputs: Mapping[str, str] | None = None,
        label: str = "",
    ) -> None:
        """Add the layer that computes this call.

        Args:
            type: The layer's key.
            inputs: Port -> value.
            parameters: What differs from the layer's defaults.
            weights: Name in the layer's module -> weight; None is left out.
            outputs: Port -> value; the call's first output at port `y` when it is left out.
            label: What to call it.
        """
        self.translator.emit(self.step, type, inputs, parameters, weights, outputs, label)

    def fresh(self, hint: str, type: TensorType) -> str:
        """Return the name of a value between two layers that together compute this call."""
        return self.translator.fresh(f"{self.step.outputs[0]}.{hint}", type)

    def be(self, value: Known, output: int = 0) -> None:
        """Say that an output of this call is a value that is known already."""
        self.translator.known[self.step.outputs[output]] = value


Handler: TypeAlias = Callable[[Call], None]

HANDLERS: Final[dict[str, Handler]] = {}
"""Operator -> what maps it."""


def maps(*targets: str) -> Callable[[Handler], Handler]:
    """Register a handler for operators, named without "aten."."""

    def add(handler: Handler) -> Handler:
        for target in targets:
            assert f"aten.{target}" not in HANDLERS, target
            HANDLERS[f"aten.{target}"] = handler
        return handler

    return add


def register(targets: str | Iterable[str], handler: Callable[..., None], *arguments: Any) -> None:
    """Register a handler that takes more than the call for operators, named without "aten.".

    Args:
        targets: Names, apart by spaces or one by one.
        handler: Called with the call and the arguments.
        arguments: What it is given besides.
    """
    maps(*(targets.split() if isinstance(targets, str) else targets))(lambda call: handler(call, *arguments))


@dataclass(slots=True)
class _Use:
    """Where a weight is used first: what layer, and under which key it is shared."""

    type: str
    shares: str


def translate(graph: ExportedGraph, job: Job | None = None) -> Computation:
    """Return the operations that compute what an exported graph does.

    Args:
        graph: The graph.
        job: Is told the progress; stops the work when cancelled.

    Raises:
        NetbuilderError: When the inputs have no common first axis for the samples.
        Cancelled: When `job` was cancelled.
    """
    from netbuilder.exchange.incoming import aten_layers, aten_tensors  # noqa: F401  # they register their handlers

    return Translator(graph, job or Job()).translate()


class Translator:
    """Translates one graph.

    Attributes:
        known: Name -> what it stands for.
        types: Name -> its type, in N and T.
    """

    def __init__(self, graph: ExportedGraph, job: Job) -> None:
        """Get to know the graph's inputs and weights."""
        self.graph, self.job = graph, job
        self.operations: list[Operation] = []
        self.notes: list[str] = list(graph.notes)
        self.folded: Counter[str] = Counter()
        self.made: dict[tuple[str, bool], str] = {}
        self.uses: dict[str, _Use] = {}
        self.births: dict[int, tuple[Scope, ...]] = {}
        self.held: list[Folded] = []
        self.views: set[str] = set()
        self.count = 0
        self.symbols, self.samples = self._batch()
        self.types = {name: self._type(found) for name, found in graph.types.items()}
        self.known: dict[str, Known] = {}
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
        if any(first != firsts[0] for first in firsts) or firsts[0] is None:
            shown = ", ".join(f"{name}: {self.graph.types[value]}" for name, value in self.graph.entries)
            raise NetbuilderError(
                Problem(
                    code="import.batch",
                    message=f"The inputs have different first axes ({shown}); the first axis must count the samples.",
                    expected="one number of samples",
                    found=shown,
                )
            )
        symbols: dict[str, Size] = {}
        first = firsts[0]
        if isinstance(first, Size):
            symbols[first.symbol] = BATCH
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
        return Computation(
            title=self.graph.title,
            entries=entries,
            exits=tuple(exits),
            operations=tuple(self.operations),
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

    # -- emitting ------------------------------------------------------------------------------------------------------

    def fresh(self, hint: str, type: TensorType) -> str:
        """Return a new value's name."""
        self.count += 1
        name = f"{hint}.{self.count}"
        self.types[name] = type
        self.known[name] = Computed(name)
        return name

    def emit(
        self,
        step: Step,
        type: str,
        inputs: Mapping[str, str],
        parameters: Mapping[str, Any] | None = None,
        weights: Mapping[str, Learned | None] | None = None,
        outputs: Mapping[str, str] | None = None,
        label: str = "",
        scope: tuple[Scope, ...] | None = None,
    ) -> None:
        """Add an operation; see `Call.emit`."""
        held = {name: each for name, each in (weights or {}).items() if each is not None}
        learned = [each for each in held.values() if isinstance(each, Learned)]
        shares = "+".join(each.key for each in learned)
        self._note_sharing(type, shares, learned)
        outputs = {"y": step.outputs[0]} if outputs is None else outputs
        self.operations.append(
            Operation(
                type=type,
                origin=step.target,
                parameters=parameters or {},
                inputs=inputs,
                outputs=outputs,
                weights={name: each.tensor for name, each in held.items()},
                shares=shares,
                scope=step.scope if scope is None else scope,
                label=label or _label(type, learned, step),
            )
        )
        for name in outputs.values():
            if name in step.outputs:
                self.known[name] = Computed(name)

    def _note_sharing(self, type: str, shares: str, learned: Sequence[Learned]) -> None:
        for each in learned:
            if "|" in each.key:
                continue  # parts of one matrix are others than each other
            use = self.uses.setdefault(each.key, _Use(type, shares))
            if use.shares != shares:
                self.notes.append(
                    f"{each.key} served layers that cannot share weights here; each has a copy now, "
                    "and training changes them apart."
                )

    def make(self, value: Known, step: Step, whole: bool) -> str:
        """Return the name of a value, adding the node that gives it when it was only known until now.

        Args:
            value: What is wanted.
            step: Who wants it.
            whole: Whether a constant that is the same for all samples must be there once for each.

        Raises:
            Unmapped: When it cannot be given.
        """
        if isinstance(value, Computed):
            return value.name
        if isinstance(value, Learned):
            return self._make_learned(value, step)
        if isinstance(value, Folded):
            return self._make_folded(value, step, whole)
        raise Unmapped("reads states of several layers at once")

    def _make_learned(self, value: Learned, step: Step) -> str:
        key = (value.key, False)
        if key not in self.made:
            tensor = value.tensor.reshape(1) if value.tensor.ndim == 0 else value.tensor
            name = self.fresh(value.key, TensorType(tuple(tensor.shape)))
            own = Learned(value.key, tensor, value.module)
            given = {"dims": tuple(tensor.shape)}
            scope = tuple(each for each in step.scope if _holds(each.path, value.module))
            self.emit(step, "learned_tensor", {}, given, {"weight": own}, {"y": name}, scope=scope)
            self.made[key] = name
        return self.made[key]

    def _make_folded(self, value: Folded, step: Step, whole: bool) -> str:
        key = (str(id(value.one)), whole)
        if key in self.made:
            return self.made[key]
        self.held.append(value)  # so that its id stays its own
        tensor, axis = value.constant()
        scope = self.births.get(id(value.one), step.scope)
        if axis is not None and tensor.shape[axis] > 1:
            name = self._tiled(tensor, axis, step, scope)
        elif axis is not None and whole:
            name = self._expanded(tensor, axis, step, scope)
        else:
            name = self._fixed(tensor, step, scope)
        self.made[key] = name
        return name

    def _expanded(self, tensor: Tensor, axis: int, step: Step, scope: tuple[Scope, ...]) -> str:
        """Add a constant, and what repeats it for each sample along an axis of size 1."""
        once = self._fixed(tensor, step, scope)
        sizes = tuple(0 if index == axis else -1 for index in range(tensor.ndim))
        dims = tuple(BATCH if index == axis else size for index, size in enumerate(tensor.shape))
        name = self.fresh("expanded", TensorType(dims, self.types[once].dtype))
        inputs = {"x": once, "like": self.graph.entries[0][1]}
        self.emit(step, "expand_like", inputs, {"sizes": sizes}, None, {"y": name}, scope=scope)
        return name

    def _tiled(self, tensor: Tensor, axis: int, step: Step, scope: tuple[Scope, ...]) -> str:
        """Add a constant that has several entries for each sample, one sample's after the other."""
        if axis:
            raise Unmapped("repeats a constant for each sample on an axis that is not the first")
        every = self._expanded(tensor.unsqueeze(0), 0, step, scope)
        dims = (Size(BATCH.symbol, tensor.shape[0]), *tensor.shape[1:])
        name = self.fresh("tiled", TensorType(dims, self.types[every].dtype))
        self.emit(step, "view", {"x": every}, {"shape": (-1, *tensor.shape[1:])}, None, {"y": name}, scope=scope)
        return name

    def _fixed(self, tensor: Tensor, step: Step, scope: tuple[Scope, ...]) -> str:
        """Add the node that holds a constant."""
        tensor = tensor.reshape(1) if tensor.ndim == 0 else tensor
        dtype = "bool" if tensor.dtype is torch.bool else "float32" if tensor.is_floating_point() else "int64"
        tensor = tensor.to(getattr(torch, dtype)).contiguous()
        name = self.fresh("constant", TensorType(tuple(tensor.shape), dtype))
        values: dict[str, Any] = {"dims": tuple(tensor.shape), "dtype": dtype}
        row = _spacing(tensor)
        if row is not None:
            values |= {"start": row[0], "step": row[1]}
        weights = None if row is not None else {"value": tensor}
        self.operations.append(
            Operation(
                type="fixed_tensor",
                origin=step.target,
                parameters=values,
                outputs={"y": name},
                weights=weights or {},
                scope=scope,
                label="constant",
            )
        )
        return name


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


def _holds(path: str, module: str) -> bool:
    """Whether a module's path is that of a scope, or below it."""
    return module == path or module.startswith(f"{path}.")


def _spacing(tensor: Tensor) -> tuple[float, float] | None:
    """Return the first number and the distance of numbers that are equally spaced; None when they are not."""
    flat = tensor.flatten()
    if not flat.numel() or not torch.isfinite(flat.float()).all():
        return None
    start = float(flat[0])
    step = float(flat[1]) - start if flat.numel() > 1 and tensor.dtype is not torch.bool else 0.0
    again = (start + step * torch.arange(flat.numel())).to(tensor.dtype)
    return (start, step) if torch.equal(again, flat) else None


def _label(type: str, learned: Sequence[Learned], step: Step) -> str:
    """Return what to call a layer: as the attribute that held it, so far as that says anything."""
    modules = [each.module for each in learned if each.module]
    path = modules[0] if modules else ""
    if step.scope and step.scope[-1].kind == catalog()[type].title:
        path = step.scope[-1].path
    last = path.rpartition(".")[2]
    return last if last and not last.isdigit() else type
