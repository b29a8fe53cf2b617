"""The custom layer: Python of the user's own as a node. Its text is part of the project; see `foundation.trust`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.layers.custom_code import SIZES, Code, CodeError, Input, parse_arguments, parse_names, read
from netbuilder.layers.settings import torch_docs
from netbuilder.layers.spec import WEIGHTS, Dtype, LayerSpec, Port

EXAMPLE: Final = '''\
class Swish(nn.Module):
    """y = x * sigmoid(beta * x), where beta is learned."""

    def __init__(self, beta=1.0):
        super().__init__()
        # A parameter is a weight: training changes it.
        self.beta = nn.Parameter(torch.tensor(float(beta)))

    def forward(self, x):
        return x * torch.sigmoid(self.beta * x)
'''
"""What a fresh node does; the only text that needs nobody's trust."""

_HEAD: Final = re.compile(r"^(?:class|def)[ \t]+([A-Za-z_][A-Za-z0-9_]{0,46})", re.MULTILINE)


def code_of(values: Values) -> Code | None:
    """Return what a node's text says; None when it is no layer."""
    try:
        return read(values["code"])
    except CodeError:
        return None


def applied(text: str, values: Values) -> dict[str, Any]:
    """Return the parameters that change when a text is applied to a node: the text, and the ports that follow from it.

    Args:
        text: The new text.
        values: The node's parameters.
    """
    changed: dict[str, Any] = {"code": text}
    code = code_of(changed)
    if code is not None:
        changed["inputs"] = code.declared
        if code.outputs and len(code.outputs) != len(_outputs(values)):
            changed["outputs"] = ", ".join(code.outputs)
    return changed


def settings(code: Code, values: Values) -> dict[str, Any]:
    """Return the values that the node gives to the code's settings.

    Raises:
        CodeError: When one is missing, or there is no such setting.
    """
    given = parse_arguments(values["arguments"])
    unknown = sorted(given.keys() - code.settings.keys())
    if unknown and not code.accepts_any:
        takes = ", ".join(code.settings) or "none"
        raise CodeError(f"has an argument {unknown[0]} that {code.name} does not take; it takes: {takes}")
    sized = SIZES.keys() if code.is_class else frozenset[str]()
    missing = [name for name, default in code.settings.items() if not default and name not in {*given, *sized}]
    if missing:
        raise CodeError(f'needs a value for {missing[0]}: write "{missing[0]}=…" as its arguments')
    return given


def sizes(values: Values) -> dict[str, tuple[str, int | Literal["vocabulary"]]]:
    """Return the constructor's arguments that are sizes of the first input: which port, which axis."""
    code = code_of(values)
    if code is None or not code.is_class or not code.inputs:
        return {}
    try:
        given = parse_arguments(values["arguments"])
    except CodeError:
        return {}
    first = code.inputs[0].name
    return {name: (first, axis) for name, axis in SIZES.items() if name in code.settings and name not in given}


def _inputs(values: Values) -> tuple[Port, ...]:
    return tuple(
        Port(name=name, dtype=Dtype.ANY, optional=optional) for name, optional in parse_names(values["inputs"])
    )


def _outputs(values: Values) -> tuple[Port, ...]:
    names = [name for name, _ in parse_names(values["outputs"])] or ["y"]
    return tuple(Port(name=name, dtype=Dtype.ANY) for name in names)


def _given(values: Values) -> list[str]:
    """Return the settings as keyword arguments in code; [] where they are not right, which is a problem of the node."""
    code = code_of(values)
    if code is None:
        return []
    try:
        given = [f"{name}={value!r}" for name, value in settings(code, values).items()]
        return [*(f"{name}={name}" for name in sizes(values)), *given]
    except CodeError:
        return []


def _make(values: Values) -> str:
    code = code_of(values)
    return f"{code.name}({', '.join(_given(values))})" if code is not None and code.is_class else ""


def _call(values: Values) -> str:
    code = code_of(values)
    if code is None:
        return "me(x)"
    taken = [_argument(each) for each in code.inputs]
    if code.is_class:
        return f"me({', '.join(taken)})"
    return f"{code.name}({', '.join([*taken, *_given(values)])})"


def _argument(taken: Input) -> str:
    return f"{taken.name}={taken.name}" if taken.named else taken.name


def optional_inputs(values: Values) -> Mapping[str, None]:
    """Return the arguments that are left out of the call while nothing is linked to them, with their default."""
    code = code_of(values)
    return {each.name: None for each in code.inputs if each.optional} if code is not None else {}


def _brief(values: Values) -> str:
    """Return the class's or function's name, found without parsing: a file may hold thousands of long texts."""
    found = _HEAD.search(values["code"][:20_000])
    return found.group(1) if found else ""


def _text(name: str, title: str, default: str, help: str, **more: Any) -> Parameter:
    return Parameter(name=name, title=title, kind=Kind.TEXT, default=default, help=help, **more)


CUSTOM = LayerSpec(
    key="custom",
    title="Custom layer (Python)",
    category="mathematics",
    summary="A layer that you write yourself in Python, as a class or a function.",
    help="Write a class that derives from nn.Module, or a function of tensors; torch, nn, F and math are there. Its "
    "inputs are the arguments of forward; one whose default is None needs no link. A constructor that takes "
    "in_features or in_channels is given that size of the first input. The code is kept in the project and is part of "
    "the network's PyTorch text. In a project from elsewhere it does not run until you have read and trusted it.",
    formula="y = f(x)",
    reference=torch_docs("torch.nn.Module"),
    keywords=("python", "code", "own", "script", "module", "function", "lambda", "class", "user-defined"),
    parameters=(
        Parameter(
            name="code",
            title="Code",
            kind=Kind.CODE,
            default=EXAMPLE,
            help="One class deriving from nn.Module, or one function. It counts once it is applied.",
        ),
        _text(
            "arguments",
            "Arguments",
            "",
            "Values for the constructor's own arguments, or for those of a function: beta=0.5, sizes=(3, 5).",
        ),
        _text(
            "outputs",
            "Outputs",
            "y",
            "Names of what it returns, in order: one name for a tensor, several for a tuple of tensors.",
        ),
        _text(
            "inputs",
            "Inputs",
            "x",
            "Names of its inputs, filled in from the code as it is applied; one with a question mark needs no link.",
            advanced=True,
        ),
        WEIGHTS[-1],
    ),
    inputs=_inputs,
    outputs=_outputs,
    make=_make,
    derived=sizes,
    call=_call,
    target=lambda values: ", ".join(port.name for port in _outputs(values)),
    support=lambda values: values["code"],
    brief=_brief,
)
