"""`LayerSpec`: the one declaration from which a layer's palette entry, ports, form, code, shapes, help and tests come.

Templates. `make` and `call` are Python expressions parsed once; in them a *name* stands for a node of the syntax tree:

* a parameter's name for its value as a constant (`kernel_size` -> `3` or `(3, 5)`);
* a derived name (see `derived`) for the size that shape inference found (`in_channels` -> `32`);
* an input port's name for the variable that holds its value; an unconnected optional port is `None`;
* `me` for `self.<label>`; `torch`, `nn`, `F`, `math` are the modules of the generated text;
* a call with the bare name of a multi-input port list is written `torch.cat([*inputs], dim=dim)`: `*inputs` is replaced by the
  variables of all connected input ports, in port order.

The compiler drops keyword arguments of `make` and `call` that equal the callee's own default, so a template names them all and the code stays
short. `target` unpacks what `call` returns: "y" (the default: the only output), or e.g. "sequence, (hidden, _)", its names being output ports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.parameter import Choice, Kind, Parameter, Values
from netbuilder.layers.tensor import TensorType

Types: TypeAlias = Mapping[str, TensorType]
"""Port name -> type."""


class Dtype(StrEnum):
    """The kinds of values that a port takes."""

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One input or output.

    Attributes:
        name: Its identifier (`x`, `prediction`).
        dtype: Which kinds of values it takes or gives.
        ranks: Accepted numbers of axes, the batch axis included; () accepts any.
        layout: The axes' meaning: "NCHW", "NCL", "NTF", "NF", "N"; "" when it does not matter.
        optional: Whether the layer works without it.
        help: What it is for.
    """

    name: str
    dtype: Dtype = Dtype.FLOAT
    ranks: tuple[int, ...] = ()
    layout: str = ""
    optional: bool = False
    help: str = ""


class Rule(StrEnum):
    """How the output types follow from the input types, where no formula is given."""

    SAME = "same"  # every output has the type of the first input
    META = "meta"  # run the layer once on torch's meta device
    FAKE = "fake"  # run it under FakeTensorMode: recurrent layers, which meta unrolls over time


ShapeFormula: TypeAlias = Callable[[Values, Types], Types]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """What a relation or a spec's own check found wrong, before torch was asked.

    Attributes:
        port: The input it is about.
        message: A sentence without the node's name: "expects N × features, got N × 32 × 8 × 8".
        expected: Short.
        found: Short.
        insert: Layer keys whose insertion before `port` would mend it, the most likely first, each with its parameters.
        set: Parameter values on this node that would mend it (name -> value), or {}.
    """

    port: str
    message: str
    expected: str = ""
    found: str = ""
    insert: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict)


Check: TypeAlias = Callable[[Values, Types], Iterable[Mismatch]]
"""A rule that looks at resolved parameters and input types; relations (`layers.relations`) are such functions."""


class Task(StrEnum):
    """What a loss trains for; picks the metrics and the checks of what feeds it."""

    CLASSIFICATION = "classification"  # target: class indices
    BINARY = "binary"  # target: 0 or 1, prediction: a logit
    REGRESSION = "regression"  # target: numbers


@dataclass(frozen=True, kw_only=True)
class LayerSpec(Declaration):
    """A layer type.

    Attributes:
        inputs: Its input ports, or a function of the resolved parameters giving them.
        outputs: Its output ports, likewise.
        make: The constructor's template ("" for a function without state), or a function of the parameters giving it.
        call: The template of its use in `forward`.
        target: How the result of `call` is unpacked into output ports; "" when there is one output.
        derived: Template name -> (input port, axis): sizes that shape inference knows and the user never types.
        shape: A `Rule`, or a formula.
        checks: What torch would accept wrongly or say badly: run before torch, in order, the first mismatch wins.
        weights: Attributes of the module to which the Initializer applies, e.g. ("weight",); with weights, `parameters`
            must end with `*WEIGHTS`.
        macs: Multiply-adds for one sample from (values, input types, output types); None means none worth counting.
        brief: One short line for the node's face from the parameters ("32 · 3×3 · same").
        support: Source text of a class that torch lacks, copied verbatim into the generated module when the spec is used.
        task: For losses: what it trains for; None otherwise.
    """

    inputs: tuple[Port, ...] | Callable[[Values], tuple[Port, ...]] = (Port(name="x"),)
    outputs: tuple[Port, ...] | Callable[[Values], tuple[Port, ...]] = (Port(name="y"),)
    make: str | Callable[[Values], str] = ""
    call: str | Callable[[Values], str] = "me(x)"
    target: str | Callable[[Values], str] = ""
    derived: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    shape: Rule | ShapeFormula = Rule.META
    checks: tuple[Check, ...] = ()
    weights: tuple[str, ...] = ()
    macs: Callable[[Values, Types, Types], int] | None = None
    brief: Callable[[Values], str] | None = None
    support: str = ""
    task: Task | None = None

    def input_ports(self, values: Values) -> tuple[Port, ...]:
        """Return the input ports for resolved parameters `values`."""
        return self.inputs(values) if callable(self.inputs) else self.inputs

    def output_ports(self, values: Values) -> tuple[Port, ...]:
        """Return the output ports for resolved parameters `values`."""
        return self.outputs(values) if callable(self.outputs) else self.outputs

    @property
    def is_loss(self) -> bool:
        """Whether it ends in a number to be made small."""
        return self.category == "loss"


INITIALIZERS: Mapping[str, tuple[str, str]] = {
    "default": ("PyTorch's default", ""),
    "xavier_uniform": ("Xavier (Glorot) uniform", "nn.init.xavier_uniform_(weight)"),
    "xavier_normal": ("Xavier (Glorot) normal", "nn.init.xavier_normal_(weight)"),
    "kaiming_uniform": ("He (Kaiming) uniform", "nn.init.kaiming_uniform_(weight, nonlinearity='relu')"),
    "kaiming_normal": ("He (Kaiming) normal", "nn.init.kaiming_normal_(weight, nonlinearity='relu')"),
    "orthogonal": ("Orthogonal", "nn.init.orthogonal_(weight)"),
    "normal": ("Normal, std 0.02", "nn.init.normal_(weight, std=0.02)"),
    "zeros": ("Zeros", "nn.init.zeros_(weight)"),
}
"""Initializer key -> (title, statement's template in which `weight` stands for the parameter)."""

WEIGHTS: tuple[Parameter, ...] = (
    Parameter(
        name="initializer",
        title="Initializer",
        kind=Kind.CHOICE,
        default="default",
        choices=tuple(Choice(value=key, title=title) for key, (title, _) in INITIALIZERS.items()),
        help="How the weights are drawn before training starts. He suits ReLU, Xavier suits tanh and sigmoid.",
    ),
    Parameter(
        name="trainable",
        title="Trainable",
        kind=Kind.BOOL,
        default=True,
        help="Whether training changes this layer's weights. Off freezes them; gradients still flow through.",
    ),
)
"""The two parameters that end the list of every layer with weights."""
