"""Words: what shape inference and torch found wrong, turned into Problems with fixes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from netbuilder.document.model import ROOT, Node
from netbuilder.foundation.parameter import Parameter
from netbuilder.foundation.problem import Fix, Problem
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import Mismatch, Types, other_input


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong with a layer, without the names of nodes, so that it can be kept with equal layers.

    Attributes:
        code: The problem's code.
        message: What follows the node's label: "expects ..., got ...".
        port: The input it is about, or "".
        parameter: The parameter it is about, or "".
        expected: Short.
        found: Short.
        insert: Layers whose insertion before `port` would mend it.
        set: Parameter values that would mend it.
        against: Another input, whose value says what is expected; the message calls it `other_input(against)`.
        become: Layers that would do instead of this one.
        own: Whether what was found is a setting of the layer itself, not what came in.
        line: One-based line of the parameter's text that it is about, or 0.
        actions: What the interface can do about it; see `Problem.actions`.
    """

    code: str
    message: str
    port: str = ""
    parameter: str = ""
    expected: str = ""
    found: str = ""
    insert: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict)
    against: str = ""
    become: tuple[str, ...] = ()
    own: bool = False
    line: int = 0
    actions: tuple[str, ...] = ()


def trouble_of(mismatch: Mismatch) -> Trouble:
    """Return what a check found."""
    return Trouble(
        code="shape.mismatch",
        message=mismatch.message,
        port=mismatch.port,
        expected=mismatch.expected,
        found=mismatch.found,
        insert=mismatch.insert,
        set=mismatch.set,
        against=mismatch.against,
        become=mismatch.become,
        own=mismatch.own,
    )


def describe(
    trouble: Trouble, node: Node, source: Node | None, other: Node | None = None, scope: str = ROOT
) -> Problem:
    """Return a trouble as a problem of `node`.

    Args:
        trouble: What is wrong.
        node: Where.
        source: What feeds the port that it is about.
        other: What feeds the port that it is held against, where there is one.
        scope: The graph the node is in.
    """
    origin = f" from {source.label}" if source is not None and trouble.port and not trouble.own else ""
    fixes = (
        *(becoming(node, key, scope) for key in trouble.become),
        *_inserts(trouble, node, scope),
        *_settings(trouble.set, node, scope),
    )
    if trouble.code.startswith("tie."):
        arguments = {"node": node.id, "other": ""} | ({"scope": scope} if scope else {})
        fixes = (Fix(title="Give it weights of its own", edit="tie_weights", arguments=arguments),)
    message, expected = trouble.message, trouble.expected
    if other is not None:
        message, expected = (text.replace(other_input(trouble.against), other.label) for text in (message, expected))
    found, semicolon, advice = message.partition("; ")  # where it comes from stands before what to do
    return Problem(
        code=trouble.code,
        message=f"{node.label} {found}{origin}{semicolon}{advice}{_hint(fixes)}",
        node=node.id,
        port=trouble.port,
        field=trouble.parameter,
        line=trouble.line,
        actions=trouble.actions,
        expected=expected,
        found=trouble.found,
        fixes=fixes,
    )


def offering(problem: Problem, fixes: tuple[Fix, ...]) -> Problem:
    """Return a problem with other fixes, the first of which its message ends with unless it gives advice already."""
    message = problem.message.removesuffix(_hint(problem.fixes))
    return replace(problem, fixes=fixes, message=message if "; " in message else message + _hint(fixes))


def _hint(fixes: Sequence[Fix]) -> str:
    return f": {_lower(fixes[0].title)}" if fixes else ""


def insertion(node: str, port: str, key: str, parameters: Mapping[str, Any], scope: str = ROOT) -> Fix | None:
    """Return the fix that inserts a layer before an input port; None when the catalog has no such layer with an input.

    Args:
        node: The id of the node that the port belongs to.
        port: The input port.
        key: The layer's key.
        parameters: Those that are not at their defaults.
        scope: The graph the node is in.
    """
    spec = catalog().get(key)
    if spec is None:
        return None
    values = {**spec.defaults(), **parameters}
    inputs, outputs = spec.input_ports(values), spec.output_ports(values)
    if not inputs or not outputs:
        return None
    brief = spec.brief(values) if spec.brief is not None else ""
    shown = brief or ", ".join(_shown(value) for value in parameters.values())
    arguments = {
        "node": node,
        "port": port,
        "type": key,
        "parameters": values,
        "input": inputs[0].name,
        "output": outputs[0].name,
    }
    return Fix(
        title=f"Insert {spec.title}" + (f" ({shown})" if parameters else ""),
        edit="insert_layer",
        arguments=arguments | ({"scope": scope} if scope else {}),
    )


def setting(node: Node, values: Mapping[str, Any], scope: str = ROOT) -> Fix:
    """Return the fix that sets parameters of a node."""
    spec = catalog().get(node.type)
    words = " and ".join(_set_words(spec.by_name[name], value) if spec else name for name, value in values.items())
    arguments = {"node": node.id, "values": dict(values)} | ({"scope": scope} if scope else {})
    return Fix(title=f"Set {words}", edit="set_parameters", arguments=arguments)


def becoming(node: Node, key: str, scope: str = ROOT) -> Fix:
    """Return the fix that makes another layer of a node, whose ports are called the same."""
    spec = catalog()[key]
    is_default = node.label.rstrip("0123456789").rstrip("_") == node.type.rstrip("0123456789").rstrip("_")
    label = {"label": key} if is_default else {}  # a name that somebody gave stays
    arguments = {"node": node.id, "type": key, "parameters": spec.defaults(), **label}
    arguments |= {"scope": scope} if scope else {}
    return Fix(title=f"Use {spec.title} instead", edit="replace_type", arguments=arguments)


def _inserts(trouble: Trouble, node: Node, scope: str) -> Iterable[Fix]:
    fixes = (insertion(node.id, trouble.port, key, parameters, scope) for key, parameters in trouble.insert)
    return [fix for fix in fixes if fix is not None]


def _settings(values: Mapping[str, Any], node: Node, scope: str) -> Iterable[Fix]:
    return [setting(node, values, scope)] if values else []


def _set_words(parameter: Parameter, value: object) -> str:
    shown = f"“{parameter.none_title}”" if value is None else _shown(value)
    return f"{parameter.title} to {shown}"


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return " × ".join(map(str, value)) if isinstance(value, tuple) else str(value)


_NUMBER: Final = re.compile(r"\d{4,}")
_NOISE: Final = re.compile(
    r"^(The following operation failed[^\n]*|Exception raised from.*|Traceback .*)$", re.MULTILINE | re.DOTALL
)
_PLAIN: Final = (
    (re.compile(r"shape '(\[[^']*\])' is invalid for input of size (\S+)"), r"cannot arrange \2 numbers as \1"),
    (re.compile(r"mat1 and mat2 shapes cannot be multiplied \((\S+) and (\S+)\)"), r"cannot multiply \1 by \2"),
    (
        re.compile(r".*[Kk]ernel size can't be greater than actual input size.*"),
        "has a kernel larger than its padded input",
    ),
    (
        re.compile(r".*Output size is too small.*", re.DOTALL),
        "would give an empty output: its input is too small for its kernel and stride",
    ),
    (re.compile(r"Storage size calculation overflowed.*"), "would have more numbers than any memory holds"),
    (re.compile(r"num_channels must be divisible by num_groups"), "needs a number of groups that divides the channels"),
    (
        re.compile(r"index out of range in self"),
        "got a number that is negative or too large: each must be below the layer's number of tokens",
    ),
    (
        re.compile(r"Expected more than 1 value per channel when training"),
        "cannot normalize one value alone: use batches of at least 2",
    ),
    (re.compile(r"embed_dim must be divisible by num_heads"), "needs a number of heads that divides the features"),
)
_LENGTH: Final = 240


def fold(text: str, batch: int = 0) -> str:
    """Return torch's message as one short line of words, with N for the number that stood for the batch size.

    Args:
        text: What torch raised.
        batch: The number that stood for N; 0 when the numbers are real.
    """
    if batch:
        text = _NUMBER.sub(lambda match: _batches(match.group(), batch), text)
    line = " ".join(_NOISE.sub("", text).split())
    for expression, words in _PLAIN:
        match = expression.search(line)
        if match:
            return match.expand(words)
    return line if len(line) <= _LENGTH else line[: _LENGTH - 1] + "…"


def _batches(digits: str, batch: int) -> str:
    count, rest = divmod(int(digits), batch) if len(digits) < 20 else (0, 1)
    if rest or not count:
        return digits
    return "N" if count == 1 else f"{count}N"


def refused(text: str, batch: int, inputs: Types) -> Trouble:
    """Return the trouble that torch's refusal is."""
    folded = fold(text, batch)
    port = next(iter(inputs)) if len(inputs) == 1 else ""
    given = ", ".join(str(type_) for type_ in inputs.values())
    plain = folded != " ".join(text.split()) and any(
        folded.startswith(words) for words in ("cannot", "has", "would", "needs")
    )
    message = f"{folded} (input: {given})" if plain else f"does not work with the input {given}: {folded}"
    return Trouble(code="shape.torch", message=message, port=port, found=given)
