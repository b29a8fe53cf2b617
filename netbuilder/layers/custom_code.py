"""What a custom layer's text says, read from its syntax tree. Nothing here runs it.

A text holds imports and one class deriving from `nn.Module`, or one function. Its inputs are the arguments of `forward`
(of the function) that have no default, in order, and those whose default is None, which need no link. A constructor
that takes `in_features` or `in_channels` is given that size of the first input, so that nobody types it.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

SIZES: Final[Mapping[str, int]] = {"in_features": -1, "in_channels": 1}
"""Argument of a constructor -> the axis of the first input whose size it is given."""

MOST_PORTS: Final = 16

USUAL: Final[Mapping[str, str]] = {
    "torch": "import torch",
    "nn": "from torch import nn",
    "F": "import torch.nn.functional as F",
    "math": "import math",
    "Tensor": "from torch import Tensor",
}
"""What a text may name without importing it, and the only things that it may import under these names."""

_SAME: Final = {
    "import torch.nn as nn": USUAL["nn"],
    "from torch.nn import functional as F": USUAL["F"],
}
"""Other ways to write the usual imports."""

_TAKEN: Final = frozenset(
    {"me", "inputs", "outputs", "code", "arguments", "trainable", "model", "batch", "tap", "starts", "tapped_forward"}
    | SIZES.keys()
)
"""Names with a meaning in the text around it."""


class CodeError(Exception):
    """A text that is no layer.

    Attributes:
        line: One-based line of the text, 0 for the whole.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        """Carry what follows the node's label, and where."""
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the code.

    Attributes:
        name: The argument.
        optional: Whether it may be left unlinked: its default is None.
        named: Whether it is given by keyword.
    """

    name: str
    optional: bool = False
    named: bool = False

    def __str__(self) -> str:
        """Write it as the node's Inputs say it."""
        return self.name + ("?" if self.optional else "")


@dataclass(frozen=True, slots=True)
class Code:
    """A text that is a layer.

    Attributes:
        name: The class or the function.
        is_class: Which of both.
        inputs: What it takes, in order.
        settings: The arguments that the node gives a value, and whether they have a default: of the constructor, or
            those of the function that are no inputs.
        accepts_any: Whether it also takes settings that it does not name (`**kwargs`).
        outputs: Names for what it returns, where its last `return` is written as several values; else ().
        binds: Every name that the text binds, with the statement that does: equal names must be equal statements.
    """

    name: str
    is_class: bool
    inputs: tuple[Input, ...]
    settings: Mapping[str, bool]
    accepts_any: bool
    outputs: tuple[str, ...]
    binds: Mapping[str, str]

    @property
    def declared(self) -> str:
        """The inputs as the node's Inputs say them: "x, mask?"."""
        return ", ".join(map(str, self.inputs))


@lru_cache(maxsize=512)
def read(text: str) -> Code:
    """Return what a text says.

    Raises:
        CodeError: When it is no Python or no layer, with the line.
    """
    layer: ast.ClassDef | ast.FunctionDef | None = None
    binds: dict[str, str] = {}
    for statement in parse(text).body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            binds |= _imported(statement)
        elif isinstance(statement, (ast.ClassDef, ast.FunctionDef)) and layer is None:
            layer = statement
        elif not _is_text(statement):
            message = (
                "holds more than imports and one class or function: put helpers and constants inside it"
                f" (line {statement.lineno})"
            )
            raise CodeError(message, statement.lineno)
    if layer is None:
        raise CodeError("has no class deriving from nn.Module and no function in its code")
    _check_name(layer.name, "class" if isinstance(layer, ast.ClassDef) else "function", layer.lineno)
    if layer.name in binds:
        raise CodeError(f"imports something called {layer.name}, as it is called itself", layer.lineno)
    binds[layer.name] = text
    return _class(layer, binds) if isinstance(layer, ast.ClassDef) else _function(layer, binds)


def parse(text: str) -> ast.Module:
    """Return a text's syntax tree.

    Raises:
        CodeError: When it is no Python, with the line.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of doubtful escapes in strings: they are the user's, and do no harm
            return ast.parse(text)
    except SyntaxError as error:
        line = error.lineno or 0
        raise CodeError(f"has code that is no Python, at line {line}: {error.msg}", line) from None
    except (ValueError, RecursionError, MemoryError):
        raise CodeError("has code that cannot be read as Python") from None


def parse_names(text: str) -> tuple[tuple[str, bool], ...]:
    """Return the ports that a list such as "x, mask?" declares: name, and whether it may be left unlinked.

    What cannot be a name is left out, so that a damaged file still has a node to look at.
    """
    found: dict[str, bool] = {}
    for part in text[:4_000].replace(",", " ").split():
        name = part.removesuffix("?")
        if is_port(name) and name not in found and len(found) < MOST_PORTS:
            found[name] = part.endswith("?")
    return tuple(found.items())


def is_port(name: str) -> bool:
    """Whether a port can have this name."""
    plain = name.isascii() and name.isidentifier() and not keyword.iskeyword(name) and len(name) <= 64
    return plain and name not in USUAL and name not in ("me", "inputs", "self", "_")


def parse_arguments(text: str) -> dict[str, Any]:
    """Return the values that a list such as "features=16, beta=0.5" gives.

    Raises:
        CodeError: When it is no such list of plain values.
    """
    if not text.strip():
        return {}
    try:
        call = parse(f"f({text}\n)").body
    except CodeError:
        call = []
    written = call[0].value if len(call) == 1 and isinstance(call[0], ast.Expr) else None
    if not isinstance(written, ast.Call) or not isinstance(written.func, ast.Name) or written.args:
        raise CodeError('has arguments that are not written like "features=16, beta=0.5"')
    values: dict[str, Any] = {}
    for each in written.keywords:
        if each.arg is None or not each.arg.isascii():
            raise CodeError("has an argument without a name; write each as name=value")
        if each.arg in values:
            raise CodeError(f"has two values for its argument {each.arg}")
        values[each.arg] = _plain(each.arg, each.value)
    return values


def _plain(name: str, node: ast.expr) -> Any:
    try:
        value = _frozen(ast.literal_eval(node))
    except (ValueError, TypeError, RecursionError, MemoryError, OverflowError):
        raise CodeError(
            f"has an argument {name} that is no plain value: a number, a text, True, None, (1, 2)"
        ) from None
    return value


def _frozen(value: object) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_frozen, value))
    if type(value) is float and not math.isfinite(value):
        raise ValueError
    if type(value) is int and abs(value) >= 1 << 63:
        raise ValueError
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise ValueError


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _check_name(name: str, what: str, line: int) -> None:
    taken = hasattr(builtins, name) or name in USUAL or name in _TAKEN
    if taken or not name.isascii() or len(name) > 64 or name.startswith("__"):
        raise CodeError(f"has a {what} called {name[:64]!r}, a name with another meaning: choose another", line)


def _imported(statement: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Return the names that an import binds, each with its own statement."""
    module = statement.module or "" if isinstance(statement, ast.ImportFrom) else ""
    if isinstance(statement, ast.ImportFrom) and (statement.level or module == "__future__"):
        what = "from __future__" if module == "__future__" else "from the folder it lies in"
        raise CodeError(f"imports {what}, which a layer's code cannot do", statement.lineno)
    found = {}
    for alias in statement.names:
        bound = alias.asname or alias.name.partition(".")[0]
        written = ast.unparse(type(statement)(**{**_fields(statement), "names": [alias]}))
        if bound == "*":
            raise CodeError("imports everything (*) from a module: name what it needs", statement.lineno)
        if bound in USUAL and _SAME.get(written, written) != USUAL[bound]:
            raise CodeError(f"imports another thing as {bound}, which means “{USUAL[bound]}” here", statement.lineno)
        if bound not in USUAL:
            _check_name(bound, "thing imported", statement.lineno)
            found[bound] = written
    return found


def _fields(node: ast.AST) -> dict[str, Any]:
    return dict(ast.iter_fields(node))


def _class(layer: ast.ClassDef, binds: Mapping[str, str]) -> Code:
    if not layer.bases:
        raise CodeError(
            f"has a class that does not derive from nn.Module: write class {layer.name}(nn.Module)", layer.lineno
        )
    methods = {each.name: each for each in layer.body if isinstance(each, ast.FunctionDef)}
    forward = methods.get("forward")
    if forward is None:
        raise CodeError(f"has a class {layer.name} without a method forward(self, x)", layer.lineno)
    constructor = methods.get("__init__")
    settings = _settings(constructor) if constructor else {}
    accepts_any = constructor is not None and constructor.args.kwarg is not None
    return Code(layer.name, True, _inputs(forward, 1), settings, accepts_any, _outputs(forward), binds)


def _function(layer: ast.FunctionDef, binds: Mapping[str, str]) -> Code:
    inputs = _inputs(layer, 0)
    names = {each.name for each in inputs}
    if layer.name in names:
        raise CodeError(f"has a function and an input that are both called {layer.name}: rename one", layer.lineno)
    settings = {name: True for name, default in _arguments(layer) if default is not None and name not in names}
    return Code(layer.name, False, inputs, settings, layer.args.kwarg is not None, _outputs(layer), binds)


def _settings(constructor: ast.FunctionDef) -> dict[str, bool]:
    if constructor.args.posonlyargs[1:]:
        raise CodeError(
            "has a constructor with arguments before “/”, which cannot be given by name", constructor.lineno
        )
    return {name: default is not None for name, default in _arguments(constructor)[1:]}


def _inputs(function: ast.FunctionDef, first: int) -> tuple[Input, ...]:
    """Return the arguments that links fill: those without a default, and those whose default is None."""
    if function.args.vararg is not None:
        message = (
            f"takes any number of inputs (*{function.args.vararg.arg}): give each one a name (line {function.lineno})"
        )
        raise CodeError(message, function.lineno)
    named = {argument.arg for argument in function.args.kwonlyargs}
    found = []
    for name, default in _arguments(function)[first:]:
        optional = isinstance(default, ast.Constant) and default.value is None
        if default is not None and not optional:
            continue
        if not is_port(name):
            raise CodeError(
                f"has an input called {name!r}, a name with another meaning: choose another", function.lineno
            )
        found.append(Input(name, optional, optional or name in named))
    if len(found) > MOST_PORTS:
        raise CodeError(f"has {len(found)} inputs; a node has at most {MOST_PORTS}", function.lineno)
    return tuple(found)


def _arguments(function: ast.FunctionDef) -> list[tuple[str, ast.expr | None]]:
    """Return all arguments with their defaults (None where there is none)."""
    taken = function.args
    positional = [*taken.posonlyargs, *taken.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(taken.defaults))
    pairs = zip(positional, [*missing, *taken.defaults], strict=True)
    only_named = zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
    return [(argument.arg, default) for argument, default in (*pairs, *only_named)]


def _outputs(function: ast.FunctionDef) -> tuple[str, ...]:
    """Return names for several values where the last `return` of a function lists them."""
    last = max(_returns(function.body), key=lambda each: each.lineno, default=None)
    if last is None or not isinstance(last.value, ast.Tuple) or len(last.value.elts) < 2:
        return ()
    values = last.value.elts
    names = [each.id if isinstance(each, ast.Name) and is_port(each.id) else "" for each in values]
    if "" in names or len(set(names)) < len(names):
        names = [f"y{number}" for number in range(1, len(values) + 1)]
    return tuple(names)


def _returns(body: Iterable[ast.stmt]) -> Iterable[ast.Return]:
    """Yield a function's own returns, not those of functions inside it."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return):
            yield node
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))
