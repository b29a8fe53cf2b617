"""What each layer is tried with: defaults, limits of its parameters, odd sizes, other ranks and dtypes.

Cases are made from the declarations alone, so that a new layer has its cases as soon as it is declared. What the
layer's own relations refuse is no case: that they refuse rightly, other tests say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from netbuilder.foundation.parameter import Kind, Parameter
from netbuilder.layers.relations import check_all
from netbuilder.layers.spec import Dtype, LayerSpec
from tests.layers.samples import EXCEPTIONS, SAMPLES, Case, Sample, samples_of, values_of

FEASIBLE = 16
"""The largest number that is run with; beyond it layers only become slow and large."""

LESS: Mapping[str, int] = {"layers": 3, "heads": 4, "scale_factor": 4}
"""Parameters whose largest feasible value is smaller: the work grows with a power of them."""

LIST = 5
"""The same for each of several sizes: volumes grow with its third power."""

MADE_TO_MEASURE = frozenset({"view"})
"""Layers whose parameters fit one input only, the batch included, so that no relation can tell."""

UNEVEN: Mapping[str, tuple[int, ...]] = {
    "kernel_size": (3, 2, 4),
    "stride": (2, 1, 3),
    "padding_size": (1, 0, 1),
    "padding": (1, 0, 1),
    "output_padding": (1, 0, 1),
    "dilation": (2, 1, 1),
    "output_size": (3, 5, 2),
}
"""Parameter with one number an axis -> values that differ from axis to axis."""

ODD: Mapping[int, tuple[int, ...]] = {2: (7,), 3: (7, 11), 4: (8, 11, 7), 5: (8, 7, 5, 9)}
"""Rank -> one sample's sizes, none of which is even but the channels."""


@dataclass(frozen=True)
class Trial:
    """A layer with parameters and inputs.

    Attributes:
        name: What is special about it.
        values: All parameters.
        inputs: What enters each linked port.
        samples: The batch size.
    """

    name: str
    values: Mapping[str, Any]
    inputs: Mapping[str, Sample]
    samples: int = SAMPLES


def default_trial(spec: LayerSpec) -> Trial:
    """Return the layer as it is first drawn, or nearly so where its defaults need other inputs than it is given."""
    values = values_of(spec)
    return Trial("default", values, samples_of(spec, values))


def varying_trials(spec: LayerSpec) -> list[Trial]:
    """Return the layer with inputs of varying length, so far as it takes them."""
    return [trial for trial in _of_varying_length(spec) if _runs(spec, trial)]


def trials(spec: LayerSpec) -> list[Trial]:
    """Return everything that a layer is tried with at fixed sizes, its default first."""
    first = default_trial(spec)
    found = [first, replace(first, name="batch of 1", samples=1)]
    if spec.key in MADE_TO_MEASURE:
        return found
    for trial in (*_limits(spec), *_odd(spec), *_other_inputs(spec)):
        if _runs(spec, trial) and not any(_same(trial, other) for other in found):
            found.append(trial)
    return found


def _same(one: Trial, other: Trial) -> bool:
    return (one.values, one.inputs, one.samples) == (other.values, other.inputs, other.samples)


def _runs(spec: LayerSpec, trial: Trial) -> bool:
    return check_all(spec, trial.values, {name: sample.type for name, sample in trial.inputs.items()}) is None


def _limits(spec: LayerSpec) -> Iterator[Trial]:
    """Yield each parameter at its smallest and largest, each choice, each switch turned; the rest as by default."""
    for parameter in spec.parameters:
        for value in limits(parameter):
            values = values_of(spec, **{parameter.name: value})
            yield Trial(f"{parameter.name} = {value}", values, samples_of(spec, values))


def limits(parameter: Parameter) -> list[Any]:
    """Return a parameter's values that are worth a try beside its default: the feasible limits, or all choices."""
    if parameter.kind is Kind.CHOICE:
        found = [choice.value for choice in parameter.choices]
    elif parameter.kind is Kind.BOOL:
        found = [False, True]
    elif parameter.kind in (Kind.TEXT, Kind.CODE, Kind.FLOATS):  # lists of numbers must fit the classes
        found = []
    else:
        most = LIST if parameter.kind is Kind.INTS else LESS.get(parameter.name, FEASIBLE)
        low = -2 if parameter.minimum is None else parameter.minimum
        if parameter.name == "dims":
            low = max(low, 1)  # what has no entries, the layer behind it refuses
        high = 2 if parameter.maximum is None else min(parameter.maximum, most)
        if parameter.kind is Kind.INTS:
            length = parameter.length or max(1, len(parameter.default or (1,)))
            found = [(int(low),) * length, (int(high),) * length]
        else:
            found = [int(low), int(high)] if parameter.kind is Kind.INT else [float(low), float(high)]
    found = [value for value in found if value != parameter.default]
    return [*found, None] if parameter.optional and parameter.default is not None else found


def _odd(spec: LayerSpec) -> Iterator[Trial]:
    """Yield inputs of odd sizes, and with them parameters that differ from axis to axis."""
    uneven = {
        each.name: UNEVEN[each.name][: each.length]
        for each in spec.parameters
        if each.kind is Kind.INTS and each.length and each.length <= 3 and each.name in UNEVEN
    }
    for names in dict.fromkeys([(), *((name,) for name in uneven), tuple(uneven)]):
        chosen = {name: uneven[name] for name in names}
        explicit = {"padding": "explicit"} if "padding_size" in chosen else {}
        values = values_of(spec, **chosen, **explicit)
        inputs = samples_of(spec, values)
        yield Trial(f"uneven {' '.join(chosen)}", values, inputs)
        if spec.key not in EXCEPTIONS or not EXCEPTIONS[spec.key].inputs:
            odd = {port: replace(each, dims=_odd_dims(each), vocabulary=_fewer(each)) for port, each in inputs.items()}
            yield Trial(f"odd sizes, uneven {' '.join(chosen)}", values, odd)


def _fewer(sample: Sample) -> int:
    """Return a vocabulary of which every index is one of the classes of an odd number of scores."""
    return min(sample.vocabulary, 5)


def _odd_dims(sample: Sample) -> tuple[int, ...]:
    sizes = ODD.get(len(sample.dims) + 1, sample.dims)
    return tuple(odd if size > 1 else size for size, odd in zip(sample.dims, sizes, strict=True))


def _of_varying_length(spec: LayerSpec) -> Iterator[Trial]:
    """Yield sequences, signals and pictures one size of which varies: one axis after the other."""
    first = default_trial(spec)
    sizes = next((each.dims for each in first.inputs.values()), ())
    for axis in range(len(sizes)):
        inputs = {
            name: replace(each, dims=(*each.dims[:axis], -1, *each.dims[axis + 1 :]))
            if each.dims[axis : axis + 1] == sizes[axis : axis + 1]
            else each
            for name, each in first.inputs.items()
        }
        yield Trial(f"T on axis {axis + 1}", first.values, inputs)


def _other_inputs(spec: LayerSpec) -> Iterator[Trial]:
    """Yield other ranks and dtypes where the ports take several, and optional ports without a link."""
    first = default_trial(spec)
    ports = spec.input_ports(first.values)
    for rank in (2, 3, 4, 5):
        fixed = EXCEPTIONS.get(spec.key, Case()).inputs
        if not fixed and all(not port.ranks or rank in port.ranks or port.optional for port in ports):
            inputs = {
                name: replace(each, dims=ODD[rank], vocabulary=_fewer(each))
                if not port.ranks or rank in port.ranks
                else each
                for port, (name, each) in zip(ports, first.inputs.items(), strict=True)
            }
            yield Trial(f"{rank} axes", first.values, inputs)
    for dtype in ("int64", "bool"):
        taken = {Dtype.NUMBER, Dtype.ANY} if dtype == "int64" else {Dtype.ANY}
        if any(port.dtype in taken for port in ports):
            inputs = {
                name: replace(each, dtype=dtype, vocabulary=2 * (dtype == "int64")) if port.dtype in taken else each
                for port, (name, each) in zip(ports, first.inputs.items(), strict=True)
            }
            yield Trial(f"{dtype} values", first.values, inputs)
    needed = {port.name: first.inputs[port.name] for port in ports if not port.optional}
    yield Trial("without its optional inputs", first.values, needed)
