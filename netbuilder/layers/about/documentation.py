"""What is said about a layer, once: the page `docs/layers.md` and the inspector both show it.

Everything comes from the layer's declaration: nothing is written here by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.layers.spec import SCALES, WEIGHTS, Dtype, LayerSpec, Port

_KINDS: Final[Mapping[Kind, str]] = {
    Kind.INT: "whole number",
    Kind.FLOAT: "number",
    Kind.BOOL: "yes or no",
    Kind.TEXT: "text",
    Kind.FLOATS: "numbers",
    Kind.INTS: "whole numbers",
    Kind.CODE: "Python code",
}

_DTYPES: Final[Mapping[Dtype, str]] = {
    Dtype.FLOAT: "numbers (float)",
    Dtype.INT: "whole numbers (int)",
    Dtype.BOOL: "true or false (bool)",
    Dtype.NUMBER: "numbers, whole or not",
    Dtype.ANY: "any values",
}


@dataclass(frozen=True, slots=True)
class PortText:
    """One port.

    Attributes:
        name: Its name.
        shape: Which shapes it takes or gives: "N × C × H × W", "2 to 4 axes", "any shape"; "" for an output whose
            shape follows from the inputs.
        values: Which values, and whether it may stay unconnected.
        help: What it is for; "" when its name says it.
    """

    name: str
    shape: str
    values: str
    help: str

    @property
    def facts(self) -> str:
        """What flows through it and what it is for, as one line."""
        facts = ", ".join(filter(None, (self.shape, self.values)))
        return f"{facts}. {self.help}" if self.help else facts


@dataclass(frozen=True, slots=True)
class ParameterText:
    """One parameter: what the form calls it, what the code calls it, what it accepts, its default, what it does."""

    title: str
    name: str
    accepted: str
    default: str
    help: str


@dataclass(frozen=True, slots=True)
class Documentation:
    """All that is said about a layer.

    Attributes:
        title: What the interface calls it.
        key: Its name in files.
        summary: One line.
        help: A paragraph.
        formula: What it computes, in LaTeX; "" for the layers that compute nothing.
        inputs: Its input ports.
        outputs: Its output ports.
        parameters: Its own parameters, without those that all layers with weights share.
        shared: Those: `WEIGHTS`, `SCALES` or ().
        code: How it is written in PyTorch; "" for input and output.
        keywords: Other names of it.
        reference: Where it comes from.
    """

    title: str
    key: str
    summary: str
    help: str
    formula: str
    inputs: tuple[PortText, ...]
    outputs: tuple[PortText, ...]
    parameters: tuple[ParameterText, ...]
    shared: tuple[Parameter, ...]
    code: str
    keywords: tuple[str, ...]
    reference: Reference | None


def document(spec: LayerSpec, values: Values | None = None) -> Documentation:
    """Return what is said about a layer.

    Args:
        spec: Its declaration.
        values: Resolved parameters, on which the ports may depend; None for a fresh one.
    """
    values = spec.defaults() if values is None else values
    shared = next((group for group in (WEIGHTS, SCALES) if spec.parameters[-len(group) :] == group), ())
    own = spec.parameters[: len(spec.parameters) - len(shared)]
    return Documentation(
        title=spec.title,
        key=spec.key,
        summary=spec.summary,
        help=spec.help,
        formula=spec.formula,
        inputs=tuple(_port(port, "any shape") for port in spec.input_ports(values)),
        outputs=tuple(_port(port, "") for port in spec.output_ports(values)),
        parameters=tuple(map(describe_parameter, own)),
        shared=shared,
        code=spec.make_text(values) or spec.call_text(values),
        keywords=spec.keywords,
        reference=spec.reference,
    )


def describe_parameter(parameter: Parameter) -> ParameterText:
    """Return what is said about a parameter."""
    return ParameterText(parameter.title, parameter.name, _accepted(parameter), _default(parameter), parameter.help)


def _port(port: Port, shape: str) -> PortText:
    if port.layout:
        shape = " × ".join(port.layout)
    elif port.ranks:
        shape = f"{_ranks(port.ranks)} {'axis' if port.ranks == (1,) else 'axes'}"
    values = _DTYPES[port.dtype] + (", may be left out" if port.optional else "")
    return PortText(port.name, shape, values, port.help)


def _ranks(ranks: tuple[int, ...]) -> str:
    low, high = min(ranks), max(ranks)
    if len(ranks) > 2 and len(ranks) == high - low + 1:
        return f"{low} to {high}"
    return " or ".join(map(str, ranks))


def _accepted(parameter: Parameter) -> str:
    if parameter.kind is Kind.CHOICE:
        return "one of " + ", ".join(choice.title for choice in parameter.choices)
    words = _KINDS[parameter.kind]
    if parameter.kind is Kind.INTS and parameter.length:
        words = f"{parameter.length} {words}" if parameter.length > 1 else "1 whole number"
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None:
        words += f" from {_shown(low)} to {_shown(high)}"
    elif low is not None:
        words += f" of at least {_shown(low)}"
    elif high is not None:
        words += f" of at most {_shown(high)}"
    return words + (f", or {parameter.none_title}" if parameter.optional else "")


def _shown(limit: float) -> str:
    return f"{int(limit):,}" if limit == int(limit) else f"{limit:g}"


def _default(parameter: Parameter) -> str:
    value: Any = parameter.default
    if value is None:
        return parameter.none_title
    if parameter.kind is Kind.CHOICE:
        return next(choice.title for choice in parameter.choices if choice.value == value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
