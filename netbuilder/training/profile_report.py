"""Profile reports: what each node of a network costs in time and memory, as it was measured. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from netbuilder.training.protocol import Event

KIND = "profile"
"""The kind of the event that carries a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProfile:
    """What a node took, for one batch.

    Attributes:
        forward: Seconds, the median of all passes.
        backward: Seconds, likewise; 0 where no gradient goes.
        output: Bytes of its outputs.
        kept: Bytes that it keeps for the backward pass; what several nodes need counts at the first of them.
    """

    forward: float = 0.0
    backward: float = 0.0
    output: int = 0
    kept: int = 0

    @property
    def seconds(self) -> float:
        """Forward and backward."""
        return self.forward + self.backward

    def __add__(self, other: NodeProfile) -> NodeProfile:
        return NodeProfile(
            forward=self.forward + other.forward,
            backward=self.backward + other.backward,
            output=self.output + other.output,
            kept=self.kept + other.kept,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileReport:
    """What a profile run measured.

    Attributes:
        nodes: Node path -> what it took, in the order of the forward pass.
        rows: Samples in the batch.
        passes: How many passes each time is the median of.
        seconds: What a whole pass forward and backward takes when nothing inside is measured, the median.
        device: Where, for people.
        step: The step after which it was measured.
    """

    nodes: Mapping[str, NodeProfile] = field(default_factory=dict)
    rows: int = 0
    passes: int = 0
    seconds: float = 0.0
    device: str = ""
    step: int = 0

    @property
    def total(self) -> NodeProfile:
        """The sum of all nodes."""
        return sum(self.nodes.values(), NodeProfile())

    def of(self, path: str) -> NodeProfile | None:
        """Return what a node took; of a block all that is in it; None for what was not measured.

        Args:
            path: The node's or the block's path.
        """
        if path in self.nodes:
            return self.nodes[path]
        inside = [each for node, each in self.nodes.items() if node.startswith(path + "/")]
        return sum(inside, NodeProfile()) if inside else None

    def share(self, node: NodeProfile) -> float:
        """Return a node's part of all nodes' time, 0 to 1."""
        total = self.total.seconds
        return node.seconds / total if total > 0 else 0.0

    def event(self) -> Event:
        """Return the event that tells of it."""
        nodes = {path: asdict(node) for path, node in self.nodes.items()}
        data = {"nodes": nodes} | {each.name: getattr(self, each.name) for each in fields(self)[1:]}
        top = max(self.nodes, key=lambda path: self.nodes[path].seconds, default="")
        share = f"; {self.share(self.nodes[top]):.0%} of it in one layer" if top else ""
        text = f"Profiled: a batch of {self.rows} takes {1000 * self.seconds:.3g} ms forward and backward{share}."
        return Event(kind=KIND, text=text, step=self.step, data=data)


def newest_report(events: Iterable[Event]) -> ProfileReport | None:
    """Return the last report that a run has told; None when it was not profiled."""
    found = [event for event in events if event.kind == KIND]
    return _report(found[-1].data) if found else None


def _report(data: Mapping[str, Any]) -> ProfileReport:
    nodes = {str(path): NodeProfile(**values) for path, values in data["nodes"].items()}
    return ProfileReport(nodes=nodes, **{each.name: data[each.name] for each in fields(ProfileReport)[1:]})
