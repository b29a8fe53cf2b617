"""`LayerSpec`: the one declaration from which a layer's palette entry, ports, form, code, shapes, help and tests come.

Templates. `make`, `call` and `results` are Python expressions parsed once; in them a *name* stands for a node of the
syntax tree:

* a parameter's name for its value as a constant. An INTS parameter with a fixed `length` whose elements are all equal
  is written as one number (`kernel_size` -> `3`, else `(3, 5)`); one without a fixed length is always written as a
  tuple;
* a derived name (see `derived`) for the size that shape inference found (`in_channels` -> `32`);
* an input port's name for the variable that holds its value; an unconnected optional port is `None`;
* `me` for `self.<label>`; `torch`, `nn`, `F`, `math` are the modules of the generated text, and the name of the class
  in `support` stands for itself. An attribute or a keyword is no name: `padding=padding` names one parameter. Builtins
  do not occur;
* a call with the bare name of a multi-input port list is written `torch.cat([*inputs], dim=axis)`: `*inputs` is
  replaced by the variables of all connected input ports, in port order.

The compiler drops keyword arguments of `make` and `call` that equal the callee's own default, so a template names them
all and the code stays short. `target` unpacks what `call` returns: "y" (the default: the only output), or e.g.
"sequence, (hidden, _)", its names being output ports or locals that only `results` reads. `results` gives each output
port that `target` does not name, as an expression over the names in `target`: {"state": "hidden[-1]"} becomes the
statement `state = hidden[-1]` after the call. A statement for a port that nothing reads may be left out, and a name in
`target` that nothing reads is written `_`.

Derived sizes. `derived` maps a template name to (input port, axis); the axis "vocabulary" stands for how many distinct
indices the port's values distinguish (`TensorType.vocabulary`, else `classes`). Ask `LayerSpec.derive(values,
inputs)`, which looks up only the names that `make` and `call` use for these parameters, and leaves out what the types
do not tell as a number: a name it lacks is a Problem.

Boundaries. The `input` and `output` specs have an empty `call`: the compiler writes them as an argument of `forward`
and a returned value.

Weights. An entry of `weights` is a shell pattern ("weight", "weight_*", "self_attn.*weight") matched against the names
that the module's `named_parameters()` yields; one that matches nothing is no mistake (`affine=False`). A module whose
matches have fewer than two axes (normalization, PReLU) ends its parameters with `*SCALES`, which offers only
initializers that suit them; every other with `*WEIGHTS`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, Literal, TypeAlias

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
    NUMBER = "number"  # floating point or whole, not bool
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


Sizes: TypeAlias = Mapping[str, tuple[str, int | Literal["vocabulary"]]]
"""Template name -> the input port and the axis whose size it is, or how many values its indices distinguish."""

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
        against: Another input port, whose value says what is expected; the message calls it `other_input(against)`.
        become: Keys of layers that would do instead of this one, the most likely first.
        own: Whether what was found is a setting of the layer itself, not what came in.
    """

    port: str
    message: str
    expected: str = ""
    found: str = ""
    insert: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict)
    against: str = ""
    become: tuple[str, ...] = ()
    own: bool = False


def other_input(port: str) -> str:
    """Return what a message calls another input, until the compiler puts the name of the node that feeds it there."""
    return f"the input {port}"


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
        results: Output port -> expression over the names of `target`, for the ports that `target` does not name.
        derived: Template name -> (input port, axis or "vocabulary"): sizes that shape inference knows and the user
            never types; or a function of the parameters giving them.
        shape: A `Rule`, or a formula.
        checks: What torch would accept wrongly or say badly: run before torch, in order, the first mismatch wins.
        weights: Patterns of the parameter names to which the Initializer applies, e.g. ("weight",); with weights,
            `parameters` must end with `*WEIGHTS` or `*SCALES`.
        macs: Multiply-adds for one sample from (values, input types, output types), an unknown size counting as 1; None
            means none worth counting.
        brief: One short line for the node's face from the parameters ("32 · 3×3 · same"). Values written into it can be
            clicked there; words that stand for one are marked with `foundation.brief.in_words`.
        support: Source text of a class that torch lacks, copied verbatim into the generated module when the spec is
            used; it may name torch, nn, F, math and Tensor. A function of the parameters gives a text that the user
            wrote (`is_custom`), which runs only where she trusts it.
        task: For losses: what it trains for; None for a loss without metrics and for all other layers.
    """

    inputs: tuple[Port, ...] | Callable[[Values], tuple[Port, ...]] = (Port(name="x"),)
    outputs: tuple[Port, ...] | Callable[[Values], tuple[Port, ...]] = (Port(name="y"),)
    make: str | Callable[[Values], str] = ""
    call: str | Callable[[Values], str] = "me(x)"
    target: str | Callable[[Values], str] = ""
    results: Mapping[str, str] | Callable[[Values], Mapping[str, str]] = field(default_factory=dict)
    derived: Sizes | Callable[[Values], Sizes] = field(default_factory=dict)
    shape: Rule | ShapeFormula = Rule.META
    checks: tuple[Check, ...] = ()
    weights: tuple[str, ...] = ()
    macs: Callable[[Values, Types, Types], int] | None = None
    brief: Callable[[Values], str] | None = None
    support: str | Callable[[Values], str] = ""
    task: Task | None = None

    def input_ports(self, values: Values) -> tuple[Port, ...]:
        """Return the input ports for resolved parameters `values`."""
        return self.inputs(values) if callable(self.inputs) else self.inputs

    def output_ports(self, values: Values) -> tuple[Port, ...]:
        """Return the output ports for resolved parameters `values`."""
        return self.outputs(values) if callable(self.outputs) else self.outputs

    def make_text(self, values: Values) -> str:
        """Return the constructor's template for resolved parameters `values`; "" for a function without state."""
        return self.make(values) if callable(self.make) else self.make

    def call_text(self, values: Values) -> str:
        """Return the template of the use in `forward` for resolved parameters `values`."""
        return self.call(values) if callable(self.call) else self.call

    def target_text(self, values: Values) -> str:
        """Return how the call's result is unpacked for resolved parameters `values`; "" when there is one output."""
        return self.target(values) if callable(self.target) else self.target

    def result_texts(self, values: Values) -> Mapping[str, str]:
        """Return the expressions of the output ports that the target does not name."""
        return self.results(values) if callable(self.results) else self.results

    def support_text(self, values: Values) -> str:
        """Return the text that the templates need beside torch, for resolved parameters `values`; "" for none."""
        return self.support(values) if callable(self.support) else self.support

    def derived_sizes(self, values: Values) -> Sizes:
        """Return where derived sizes come from, for resolved parameters `values`."""
        return self.derived(values) if callable(self.derived) else self.derived

    def derive(self, values: Values, inputs: Types) -> dict[str, int]:
        """Return the derived sizes that the templates need, so far as the input types tell them as numbers.

        Args:
            values: Resolved parameters.
            inputs: The types of the connected input ports.
        """
        sizes = self.derived_sizes(values)
        if not sizes:
            return {}
        used = names_in(self.make_text(values)) | names_in(self.call_text(values))
        found = {name: _size(inputs.get(port), axis) for name, (port, axis) in sizes.items() if name in used}
        return {name: size for name, size in found.items() if size is not None}

    @property
    def is_custom(self) -> bool:
        """Whether its code is the user's own, kept in the project: it is only tried and run where it is trusted."""
        return callable(self.support)

    @property
    def is_loss(self) -> bool:
        """Whether it ends in a number to be made small."""
        return self.category == "loss"


@cache
def names_in(template: str) -> frozenset[str]:
    """Return the names that a template reads."""
    if not template:
        return frozenset()
    return frozenset(node.id for node in ast.walk(ast.parse(template, mode="eval")) if isinstance(node, ast.Name))


def _size(found: TensorType | None, axis: int | Literal["vocabulary"]) -> int | None:
    if found is None:
        return None
    if axis == "vocabulary":
        return found.vocabulary or found.classes or None
    if not -found.rank <= axis < found.rank:
        return None
    size = found.dims[axis]
    return size if isinstance(size, int) else None


INITIALIZERS: Mapping[str, tuple[str, str]] = {
    "default": ("Default", ""),
    "xavier_uniform": ("Xavier (Glorot) uniform", "nn.init.xavier_uniform_(weight)"),
    "xavier_normal": ("Xavier (Glorot) normal", "nn.init.xavier_normal_(weight)"),
    "kaiming_uniform": ("He (Kaiming) uniform", "nn.init.kaiming_uniform_(weight, nonlinearity='relu')"),
    "kaiming_normal": ("He (Kaiming) normal", "nn.init.kaiming_normal_(weight, nonlinearity='relu')"),
    "orthogonal": ("Orthogonal", "nn.init.orthogonal_(weight)"),
    "normal": ("Normal, std 0.02", "nn.init.normal_(weight, std=0.02)"),
    "zeros": ("Zeros", "nn.init.zeros_(weight)"),
    "ones": ("Ones", "nn.init.ones_(weight)"),
}
"""Initializer key -> (title, statement's template in which `weight` stands for the parameter)."""

_TRAINABLE = Parameter(
    name="trainable",
    title="Trainable",
    kind=Kind.BOOL,
    default=True,
    help="Whether training changes this layer's weights. Off freezes them; gradients still flow through.",
)


def _initializer(help: str, keys: Iterable[str]) -> Parameter:
    choices = tuple(Choice(value=key, title=INITIALIZERS[key][0]) for key in keys)
    return Parameter(
        name="initializer", title="Initializer", kind=Kind.CHOICE, default="default", choices=choices, help=help
    )


WEIGHTS: tuple[Parameter, ...] = (
    _initializer(
        "How the weights are drawn before training starts. He suits ReLU, Xavier suits tanh and sigmoid.",
        (key for key in INITIALIZERS if key != "ones"),
    ),
    _TRAINABLE,
)
"""The two parameters that end the list of every layer with weight matrices or kernels."""

SCALES: tuple[Parameter, ...] = (
    _initializer(
        "What the scale is before training starts. "
        "Zeros switch a residual branch off at first, so that a deep network starts shallow.",
        ("default", "ones", "zeros"),
    ),
    _TRAINABLE,
)
"""The same for layers whose weights are one scale a feature, which no matrix initializer fits."""
