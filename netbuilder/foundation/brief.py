"""Briefs: the one line about its settings that a declaration writes on a node, and which setting stands where in it.

A brief is a plain function of the parameters ("32 · 3×3 · same"). To learn where each value stands in its text, the
function is called once more with values that leave a mark around themselves wherever they are written as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from netbuilder.foundation.parameter import Values

# Characters that Unicode leaves to private use: no font has them and nobody types them.
_BEGIN, _MIDDLE, _END = "\ue000", "\ue001", "\ue002"
_MARKED = re.compile(f"{_BEGIN}([^{_BEGIN}{_MIDDLE}{_END}]*){_MIDDLE}([^{_BEGIN}{_MIDDLE}{_END}]*){_END}")
_BOUND = 2  # characters between two elements of one value at most: "3×3", "1, 2"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a brief.

    Attributes:
        text: What is written.
        parameter: The name of the parameter whose value it is; "" for words between values.
    """

    text: str
    parameter: str = ""


class _Marks(dict[str, Any]):
    """Parameters whose values leave marks."""


class _MarkedInt(int):
    name: str

    def __format__(self, spec: str) -> str:
        return _mark(self.name, format(int(self), spec))

    def __str__(self) -> str:
        return format(self, "")

    __repr__ = __str__


class _MarkedFloat(float):
    name: str

    def __format__(self, spec: str) -> str:
        return _mark(self.name, format(float(self), spec))

    def __str__(self) -> str:
        return format(self, "")

    __repr__ = __str__


class _MarkedText(str):
    name: str

    def __format__(self, spec: str) -> str:
        return _mark(self.name, format(self[:], spec))

    def __str__(self) -> str:
        return format(self, "")


_KINDS: dict[type, Callable[[Any], Any]] = {int: _MarkedInt, float: _MarkedFloat, str: _MarkedText}


def in_words(values: Values, name: str, text: str) -> str:
    """Return words that a brief writes for a value instead of the value itself: "causal" for True.

    Args:
        values: What the brief was given.
        name: The parameter that the words are about.
        text: The words.
    """
    return _mark(name, text) if text and isinstance(values, _Marks) else text


def spans(brief: Callable[[Values], str], values: Values) -> tuple[Span, ...]:
    """Return a brief in pieces, with the parameter that each of them shows.

    Args:
        brief: A declaration's.
        values: Resolved parameters.

    Returns:
        Pieces whose texts together are exactly `brief(values)`.
    """
    plain = brief(values)
    marked = _Marks((name, _marked(name, value)) for name, value in values.items())
    found = tuple(_joined(_pieces(brief(marked))))
    # A text that holds such characters itself could pretend to be a mark.
    return found if "".join(span.text for span in found) == plain else (Span(plain),)


def _mark(name: str, text: str) -> str:
    return f"{_BEGIN}{name}{_MIDDLE}{text}{_END}"


def _marked(name: str, value: Any) -> Any:
    if type(value) is tuple:
        return tuple(_marked(name, element) for element in value)
    kind = _KINDS.get(type(value))
    if kind is None:
        return value
    marked = kind(value)
    marked.name = name
    return marked


def _pieces(text: str) -> Iterator[Span]:
    place = 0
    for match in _MARKED.finditer(text):
        if match.start() > place:
            yield Span(text[place : match.start()])
        yield Span(match[2], match[1])
        place = match.end()
    if place < len(text):
        yield Span(text[place:])


def _joined(pieces: Iterator[Span]) -> list[Span]:
    """Make one piece of the elements of one value: "3", "×", "3"."""
    found: list[Span] = []
    for piece in pieces:
        found.append(piece)
        if len(found) >= 3:
            first, between, last = found[-3:]
            if first.parameter and first.parameter == last.parameter and len(between.text) <= _BOUND:
                found[-3:] = [Span(first.text + between.text + last.text, first.parameter)]
    return found
