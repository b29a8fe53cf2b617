"""One layer on torch's meta device: shapes from torch, no memory and no arithmetic spent.

The batch size is a prime; multiples of it in the result are read back as N, 2N, ... A varying sequence length is run at
three lengths and read back as T, 2T-1, ... or "?" where it is no such expression. Imports torch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from netbuilder.compiler.callables import template_function
from netbuilder.compiler.formulas import Formulas
from netbuilder.compiler.template import INPUTS, Pattern, pattern, plain_values
from netbuilder.foundation.parameter import Values
from netbuilder.layers.spec import Dtype, LayerSpec, Rule, Types, names_in
from netbuilder.layers.tensor import BATCH, TIME, Dim, Size, TensorType

BATCHES: Final = (7919, 7907, 7901, 7883)
"""Primes that stand for N: the first is taken of which no number in sight is a multiple."""

LENGTHS: Final = (251, 257, 264)
"""What T is in the three runs: the third is even and divisible by three, where the others leave a rest, so that the sum
of what windows of a stride leave over is not taken for a slope."""

UNKNOWNS: Final = (127, 131, 138)
"""What an unknown size is in the three runs."""

MODULES: Final = 4_000
"""How many modules are kept; then all are dropped."""


WARM: Final = threading.Event()
"""Set after the first use of the meta device, which takes longer than all others."""


def warm_up() -> None:
    """Use the meta device for the first time; meant for a background thread after `import torch`."""
    try:
        with torch.device("meta"):
            layers = nn.Linear(4, 4), nn.Conv1d(1, 1, 1)
        with torch.inference_mode(), Formulas():
            layers[0](layers[1](torch.empty(2, 1, 4, device="meta")))
    finally:
        WARM.set()


class Refusal(Exception):
    """Torch refused the layer or its input; carries torch's text.

    Attributes:
        batch: The number that stood for N in it.
    """

    def __init__(self, text: str, batch: int) -> None:
        """Keep the text and the number that stood for N in it."""
        super().__init__(text)
        self.batch = batch


@dataclass(frozen=True, slots=True)
class Weights:
    """A layer's weights.

    Attributes:
        total: How many numbers they are.
        trainable: How many of them have gradients.
        names: The parameters' names within the layer, in order.
    """

    total: int
    trainable: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer to be run: its spec, resolved parameters, derived sizes and inputs."""

    spec: LayerSpec
    values: Values
    derived: Mapping[str, int]
    inputs: Types

    @property
    def runs(self) -> bool:
        """Whether its output types come from running it."""
        return self.spec.shape is Rule.META


def _meaning(layer: Layer, port: str, dtype: str) -> tuple[int, int]:
    """Return the classes and vocabulary of an output: those of the inputs, where the layer only moves values about."""
    (kind,) = (output.dtype for output in layer.spec.output_ports(layer.values) if output.name == port)
    known = {(type_.dtype, type_.classes, type_.vocabulary) for type_ in layer.inputs.values()}
    if kind is not Dtype.ANY or len(known) != 1:
        return 0, 0
    before, classes, vocabulary = known.pop()
    return (classes, vocabulary) if before == dtype else (0, 0)


class MetaRunner:
    """Runs layers without data.

    Attributes:
        runs: How many layers were run; tests count with it.
    """

    def __init__(self) -> None:
        """Start with no modules."""
        self.runs = 0
        self._modules: dict[tuple[Any, ...], nn.Module] = {}

    def run(self, layer: Layer) -> tuple[dict[str, TensorType], Weights | None]:
        """Construct a layer and, unless its types follow without torch, run it.

        Returns:
            Output port -> type ({} when its types follow without torch), and its weights if it is a module.

        Raises:
            Refusal: When torch raises.
        """
        self.runs += 1
        batch = _batch_for(layer)
        try:
            module = self._module(layer)
            types = self._types(layer, module, batch) if layer.runs else {}
        except Exception as error:  # whatever torch raises here is about what the user drew
            raise Refusal(str(error) or type(error).__name__, batch) from error
        return types, None if module is None else _weights(module, layer.values)

    def _module(self, layer: Layer) -> nn.Module | None:
        make = layer.spec.make_text(layer.values)
        if not make:
            return None
        key = (layer.spec.key, tuple(layer.values.items()), tuple(layer.derived.items()))
        module = self._modules.get(key)
        if module is None:
            if len(self._modules) >= MODULES:
                self._modules.clear()
            with torch.no_grad(), torch.device("meta"), Formulas():
                support = layer.spec.support_text(layer.values)
                module = _evaluate(make, support, {**plain_values(layer.spec, layer.values), **layer.derived})
            assert isinstance(module, nn.Module), f"{layer.spec.key}: make gives no module"
            self._modules[key] = module
        return module

    def _types(self, layer: Layer, module: nn.Module | None, batch: int) -> dict[str, TensorType]:
        dims = [dim for type_ in layer.inputs.values() for dim in type_.dims if not isinstance(dim, int)]
        unknown = None in dims
        varies = unknown or any(dim.symbol != BATCH.symbol for dim in dims if dim is not None)
        lengths = zip(LENGTHS, UNKNOWNS, strict=True) if varies else ((LENGTHS[0], UNKNOWNS[0]),)
        runs = [self._forward(layer, module, (batch, *sizes)) for sizes in lengths]
        types = {}
        for port, (_, dtype) in runs[0].items():
            shapes = [run[port][0] for run in runs]
            decoded = (_decode(sizes, batch, unknown) for sizes in zip(*shapes, strict=True))
            types[port] = TensorType(tuple(decoded), dtype, *_meaning(layer, port, dtype))
        return types

    def _forward(
        self, layer: Layer, module: nn.Module | None, sizes: tuple[int, int, int]
    ) -> dict[str, tuple[tuple[int, ...], str]]:
        spec, values = layer.spec, layer.values
        with torch.inference_mode(), Formulas():
            tensors = {port: _tensor(type_, sizes) for port, type_ in layer.inputs.items()}
            absent = dict.fromkeys(port.name for port in spec.input_ports(values))
            bindings = {**plain_values(spec, values), **layer.derived, **absent, **tensors}
            bindings |= {INPUTS: tuple(tensors.values()), "me": module}
            support = spec.support_text(values)
            result = _evaluate(spec.call_text(values), support, bindings)
            outputs = spec.output_ports(values)
            found = dict(_unpack(pattern(spec.target_text(values) or outputs[0].name), result))
            found |= {port: _evaluate(text, support, found) for port, text in spec.result_texts(values).items()}
        return {port.name: _shape(found[port.name]) for port in outputs}


def _evaluate(template: str, support: str, bindings: Mapping[str, Any]) -> Any:
    names = tuple(sorted(name for name in names_in(template) if name in bindings))
    return template_function(template, support, names)(*[bindings[name] for name in names])


def _weights(module: nn.Module, values: Values) -> Weights:
    named = dict(module.named_parameters())
    total = sum(weight.numel() for weight in named.values())
    trainable = sum(weight.numel() for weight in named.values() if weight.requires_grad)
    return Weights(total, trainable if values.get("trainable", True) else 0, tuple(named))


def _tensor(type_: TensorType, sizes: tuple[int, int, int]) -> torch.Tensor:
    return torch.empty([_number(dim, sizes) for dim in type_.dims], dtype=getattr(torch, type_.dtype), device="meta")


def _number(dim: Dim, sizes: tuple[int, int, int]) -> int:
    if isinstance(dim, int):
        return dim
    if dim is None:
        return sizes[2]
    return dim.factor * (sizes[0] if dim.symbol == BATCH.symbol else sizes[1]) + dim.offset


def _batch_for(layer: Layer) -> int:
    """Return a prime of which no size and no parameter in sight is a multiple."""
    numbers = [dim for type_ in layer.inputs.values() for dim in type_.dims if isinstance(dim, int)]
    for value in layer.values.values():
        numbers += [each for each in (value if isinstance(value, tuple) else (value,)) if type(each) is int]
    return next((batch for batch in BATCHES if not any(n and n % batch == 0 for n in numbers)), BATCHES[0])


def _decode(sizes: tuple[int, ...], batch: int, unknown: bool) -> Dim:
    """Read a size back from what it was in each run."""
    size = sizes[0]
    if len(set(sizes)) == 1:
        return Size(BATCH.symbol, size // batch) if size and size % batch == 0 else size
    if unknown:
        return TIME if sizes == LENGTHS else None
    factor, rest = divmod(sizes[1] - size, LENGTHS[1] - LENGTHS[0])
    offset = size - factor * LENGTHS[0]
    if rest or size % batch == 0 or sizes != tuple(factor * length + offset for length in LENGTHS):
        return None
    return Size(TIME.symbol, factor, offset)


def _unpack(target: Pattern, result: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(target, str):
        yield target, result
        return
    for part, item in zip(target, result, strict=True):
        yield from _unpack(part, item)


def _shape(result: Any) -> tuple[tuple[int, ...], str]:
    return tuple(result.shape), str(result.dtype).removeprefix("torch.")
