"""Finding nodes and frames by what is written on them and in them: an index over all graphs of a document.

No Qt here. A node's words are kept while the node is the same value, so that following an edit costs what it touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netbuilder.document.expressions import is_expression, text_of
from netbuilder.document.model import ROOT, Document, Graph, Node, PortRef
from netbuilder.document.topology import flow
from netbuilder.layers.tensor import TensorType
from netbuilder.ui.canvas.faces import Declarations, node_title
from netbuilder.ui.standpoint import Standpoint

_APART = "\x1f"  # between the words of a node
_TIMES = re.compile(r"(?<=[\d?])\s*[x×*]\s*(?=[\d?])")
_EQUALS = re.compile(r"\s*=\s*")
_LONGEST = 400  # characters of a value: of a custom layer's code, its beginning


@dataclass(frozen=True, slots=True)
class Found:
    """A node or a frame that answers.

    Attributes:
        standpoint: From where it is seen.
        node: The node's id there; "" for a frame.
        block: The title of the block that it is in; "" in the main graph.
        frame: The frame's id; "" for a node.
    """

    standpoint: Standpoint
    node: str
    block: str = ""
    frame: str = ""


@dataclass(frozen=True, slots=True)
class _Entry:
    found: Found
    words: str


class Index:
    """What is written on the nodes of a document."""

    def __init__(self, declarations: Declarations) -> None:
        self._declarations = declarations
        self._entries: list[_Entry] = []
        self._words: dict[str, tuple[Node, str]] = {}

    def build(
        self,
        document: Document,
        standpoint_in: Callable[[str], Standpoint],
        types: Mapping[PortRef, TensorType],
    ) -> None:
        """Read a document.

        Args:
            document: What is searched.
            standpoint_in: Returns from where a scope is looked at.
            types: Port (by node path) -> the type on it, as far as known.
        """
        shapes = _shapes(types)
        words: dict[str, tuple[Node, str]] = {}
        entries: list[_Entry] = []
        for scope, title, graph in _scopes(document):
            at = standpoint_in(scope)
            for id in flow(graph):
                node = graph.nodes[id]
                known = self._words.get(id)
                text = known[1] if known is not None and known[0] is node else self._describe(node, document)
                words[id] = (node, text)
                entries.append(_Entry(Found(at, id, title), text + shapes.get(at.path(id), "")))
            for frame in document.layout.frames.values():
                if frame.scope == scope:
                    text = _joined((frame.title, frame.note, "frame"))
                    entries.append(_Entry(Found(at, "", title, frame.id), text))
        self._words, self._entries = words, entries

    def search(self, query: str) -> list[Found]:
        """Return what answers: the main graph's nodes in the order of the flow and its frames, then those in blocks.

        All words of the query must be found, in whatever order, in a node's name, type, note, shapes or parameters.
        `kernel_size=3` asks for a parameter's value, `64x8x8` for a shape.
        """
        query = _EQUALS.sub("=", _plain(query.strip()))
        if not query:
            return []
        whole, parts = _test(query), [_test(word) for word in query.split()]
        return [
            entry.found
            for entry in self._entries
            if whole(entry.words) or (len(parts) > 1 and all(part(entry.words) for part in parts))
        ]

    def _describe(self, node: Node, document: Document) -> str:
        declaration = self._declarations.get(node.type)
        words = [node.label, node_title(node, document, declaration), node.type, node.note]
        for name, value in node.parameters.items():
            parameter = declaration.by_name.get(name) if declaration is not None else None
            for text in _values(value):
                words.append(f"{name}={text}")
                if parameter is not None and parameter.title.casefold() != name:
                    words.append(f"{parameter.title}={text}")
        return _joined(words)


def _joined(words: Iterable[str]) -> str:
    return _APART + _APART.join(_plain(word) for word in words if word) + _APART


def _scopes(document: Document) -> Iterator[tuple[str, str, Graph]]:
    yield ROOT, "", document.graph
    for key, definition in document.blocks.items():
        yield key, definition.title, definition.graph


def _shapes(types: Mapping[PortRef, TensorType]) -> dict[str, str]:
    """Return the shapes on each node's ports as words, by the node's path."""
    found: dict[str, str] = {}
    known: dict[int, str] = {}  # layers in a row share their types' values; writing one out costs more than this
    for port, type in types.items():
        text = known.get(id(type))
        if text is None:
            text = known[id(type)] = _plain(type.short) + _APART
        found[port.node] = found.get(port.node, "") + text
    return found


def _values(value: Any) -> Iterator[str]:
    """Yield how one might type a parameter's value: 3x3 also as 3."""
    if is_expression(value):
        yield text_of(value)
    elif isinstance(value, (tuple, list)):
        parts = [next(_values(each), "") for each in value]
        yield "x".join(parts)
        if len(parts) > 1 and len(set(parts)) == 1:
            yield parts[0]
    elif isinstance(value, float):
        yield f"{value:g}"
    elif value is not None:
        yield str(value)[:_LONGEST]


def _plain(text: str) -> str:
    """Return a text as it is compared: small letters, sizes joined by x."""
    text = text.casefold()
    return _TIMES.sub("x", text) if "x" in text or "×" in text or "*" in text else text


def _test(word: str) -> Callable[[str], bool]:
    """Return what says whether a node's words hold one of the query."""
    name, equals, value = word.partition("=")
    if not equals:
        return lambda words: word in words
    # The value is meant as a whole, or 3 would find 32; of the name its beginning is enough.
    pattern = re.compile(f"{re.escape(name)}[^{_APART}=]*={re.escape(value)}{_APART if value else ''}")
    return lambda words: pattern.search(words) is not None
