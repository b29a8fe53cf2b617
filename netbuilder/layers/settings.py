"""What the families share: short ways to declare parameters and references, to write values, to count sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from netbuilder.foundation.declaration import Reference
from netbuilder.foundation.parameter import Choice, Kind, Parameter, Values
from netbuilder.layers.spec import Dtype, Port
from netbuilder.layers.tensor import TensorType

LARGEST = 1_000_000
"""The largest size a parameter accepts: more is a slip of the finger, and torch would try to allocate it."""

LAYOUTS = {1: "NCL", 2: "NCHW", 3: "NCDHW"}
"""Spatial axes -> layout."""

Shown = Callable[[Values], bool]


def torch_docs(name: str) -> Reference:
    """Return the reference to PyTorch's page on `name`, e.g. "torch.nn.Conv2d"."""
    return Reference(title=name, url=f"https://docs.pytorch.org/docs/stable/generated/{name}.html")


def paper(title: str, arxiv: str) -> Reference:
    """Return the reference to a paper by its arXiv number."""
    return Reference(title=title, url=f"https://arxiv.org/abs/{arxiv}")


def whole(
    name: str, title: str, default: int | None, help: str, minimum: int = 1, maximum: int = LARGEST, **more: Any
) -> Parameter:
    """Declare a whole number; a default of None makes it optional."""
    more.setdefault("optional", default is None)
    return Parameter(
        name=name, title=title, kind=Kind.INT, default=default, help=help, minimum=minimum, maximum=maximum, **more
    )


def number(
    name: str,
    title: str,
    default: float,
    help: str,
    minimum: float | None = None,
    maximum: float | None = None,
    **more: Any,
) -> Parameter:
    """Declare a number."""
    return Parameter(
        name=name, title=title, kind=Kind.FLOAT, default=default, help=help, minimum=minimum, maximum=maximum, **more
    )


def flag(name: str, title: str, default: bool, help: str, **more: Any) -> Parameter:
    """Declare a yes or no."""
    return Parameter(name=name, title=title, kind=Kind.BOOL, default=default, help=help, **more)


def choice(name: str, title: str, options: Sequence[tuple[str, str, str]], help: str, **more: Any) -> Parameter:
    """Declare a choice among (value, title, help); the first is the default."""
    choices = tuple(Choice(value=value, title=label, help=text) for value, label, text in options)
    more.setdefault("default", options[0][0])
    return Parameter(name=name, title=title, kind=Kind.CHOICE, choices=choices, help=help, **more)


def sizes(
    name: str,
    title: str,
    default: tuple[int, ...] | None,
    help: str,
    length: int | None = None,
    minimum: int = 1,
    maximum: int = LARGEST,
    **more: Any,
) -> Parameter:
    """Declare several whole numbers: one an axis (`length`), or any number of them."""
    more.setdefault("optional", default is None)
    return Parameter(
        name=name,
        title=title,
        kind=Kind.INTS,
        default=default,
        help=help,
        length=length,
        minimum=minimum,
        maximum=maximum,
        **more,
    )


def axis(default: int, help: str, name: str = "axis", title: str = "Axis") -> Parameter:
    """Declare an axis: 0 is the batch, 1 what follows it, -1 the last."""
    return whole(name, title, default, help, minimum=-8, maximum=8)


def one_of(values: tuple[int, ...]) -> str:
    """Write sizes as code: one number when they are all equal, as people do."""
    return str(values[0]) if len(set(values)) == 1 else str(values)


def times(values: Sequence[int]) -> str:
    """Write sizes for people: "3×3"."""
    return "×".join(map(str, values))


def brief_of(*parts: str) -> str:
    """Join what is not empty for a node's face."""
    return " · ".join(str(part) for part in parts if part)


def known(size: object) -> int:
    """Return a size as a number, an unknown one as 1."""
    return size if isinstance(size, int) else 1


def elements(found: TensorType) -> int:
    """Return the number of elements of one sample, unknown sizes counting as 1."""
    return prod(known(dim) for dim in found.dims[1:])


LETTERS = "abcdefghijklmnop"
"""The input ports of layers with a variable number of inputs, in order."""

INPUTS = whole("inputs", "Inputs", 2, "How many inputs there are.", minimum=2, maximum=len(LETTERS))
"""The parameter of layers with a variable number of inputs."""


def many_inputs(dtype: Dtype) -> Callable[[Values], tuple[Port, ...]]:
    """Return the function that gives ports a, b, c, ... for the parameter `inputs`."""

    def ports(values: Values) -> tuple[Port, ...]:
        return tuple(Port(name=letter, dtype=dtype) for letter in LETTERS[: values["inputs"]])

    return ports
