"""The standpoint: which graph the user looks at, and by way of which instance they came into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netbuilder.document.blocks import block_key, is_block
from netbuilder.document.model import ROOT, Document
from netbuilder.document.samples import PREFIX


@dataclass(frozen=True, slots=True)
class Standpoint:
    """Where the user stands.

    Attributes:
        scope: The graph that is shown: the main graph, or the key of a block's definition.
        prefix: What the node paths of what is shown begin with; "" in the main graph, `b1/0/` in a block that was
            entered through the instance b1.
        sample: The key of a definition that was entered without an instance; paths then lead into its sample.
    """

    scope: str = ROOT
    prefix: str = ""
    sample: str = ""

    def path(self, node: str) -> str:
        """Return the path of a node that is shown."""
        return self.prefix + node

    def inside(self, node: str, key: str) -> Standpoint:
        """Return the standpoint in an instance that is shown, in its first copy."""
        return Standpoint(key, f"{self.prefix}{node}/0/", self.sample)

    @classmethod
    def alone(cls, key: str) -> Standpoint:
        """Return the standpoint in a definition's sample."""
        return cls(key, PREFIX, key)

    @property
    def block(self) -> str:
        """The path of the copy that is shown, "" in the main graph."""
        return self.prefix.removesuffix("/")

    @property
    def door(self) -> str:
        """The id of the instance that leads here, in the graph above; "" in the main graph and in a sample."""
        return "" if self.prefix in ("", PREFIX) and (self.sample or not self.prefix) else self.prefix.split("/")[-3]

    def steps(self, document: Document) -> tuple[Standpoint, ...]:
        """Return the way from the main graph to here, as far as the document (still) has it."""
        way = [Standpoint()]
        parts = self.prefix.split("/")[:-1]
        if self.sample:
            if self.sample not in document.blocks:
                return tuple(way)
            way.append(Standpoint.alone(self.sample))
            parts = parts[2:]
        for id, number in _pairs(parts):
            node = document.scope(way[-1].scope).nodes.get(id)
            if node is None or not is_block(node) or block_key(node) not in document.blocks:
                break
            way.append(Standpoint(block_key(node), f"{way[-1].prefix}{id}/{number}/", self.sample))
        return tuple(way)


def _pairs(parts: list[str]) -> Iterator[tuple[str, str]]:
    yield from zip(parts[::2], parts[1::2], strict=False)


def standpoint_of(document: Document, path: str, at: Standpoint) -> tuple[Standpoint, str]:
    """Return the standpoint from which a node of the network is seen, and its id there.

    Args:
        document: The document.
        path: The node's path, in the network or in the sample that is in sight.
        at: Where the user stands.
    """
    outer, _, id = path.rpartition("/")
    sample = at.sample if path.startswith(PREFIX) else ""
    way = Standpoint("", f"{outer}/" if outer else "", sample).steps(document)
    if outer and way[-1].block != outer:  # not there any more: the last instance on the way that is
        parts = path.split("/")
        return way[-1], parts[2 * (len(way) - 1)]
    return way[-1], id


def shown_as(document: Document, path: str, at: Standpoint) -> str:
    """Return the node of the graph in sight that a path leads to or through, in whichever copy; "" for none.

    Args:
        document: The document.
        path: A node path of the network, or of the sample of the standpoint.
        at: Where the user stands.
    """
    parts, scope = path.split("/"), ROOT
    if at.sample and path.startswith(PREFIX):
        parts, scope = parts[2:], at.sample
    for id in parts[::2]:
        node = document.scope(scope).nodes.get(id)
        if node is None:
            return ""
        if scope == at.scope:
            return id
        if not is_block(node) or block_key(node) not in document.blocks:
            return ""
        scope = block_key(node)
    return ""
