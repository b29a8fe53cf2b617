"""Transplant: moves weights, statistics and what optimizers remember into an edited network, by node path.

What an edit left alone goes over bit for bit. What was widened or narrowed keeps what corresponds (`columns`,
`fitting`), so that the function stays where mathematics allows; what was put between other layers begins as if it were
not there (`insertion`). Everything else stays as it was drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor, nn

from netbuilder.compiler.flow import spec_of
from netbuilder.document.model import Document
from netbuilder.training.columns import Pair, axes_of
from netbuilder.training.fitting import Axis, fit, fit_state, is_same
from netbuilder.training.insertion import Insertion, begin, find_insertions
from netbuilder.training.provenance import Anatomy, Features, Labels, Numbering, places_of, trace

Name: TypeAlias = tuple[str, str]
"""A parameter: its node's path, and its name in the node's module."""

Memory: TypeAlias = Mapping[str, Tensor]
"""What an optimizer remembers of one parameter, by name."""


@dataclass(frozen=True, slots=True)
class Body:
    """A network as far as a transplant is concerned.

    Attributes:
        document: What it was made from.
        modules: Node path -> module, for every node with weights of its own.
    """

    document: Document
    modules: Mapping[str, nn.Module]


@dataclass(slots=True)
class Transplant:
    """What a transplant did.

    Attributes:
        kept: Paths of nodes whose tensors all went over as they were.
        resized: Paths of nodes that kept what corresponds.
        fresh: Paths of nodes whose weights are drawn anew, those that were put in between among them.
        gone: Paths of nodes that are no more.
        insertion: How those that were put in between begin.
        inexact: Path -> why what comes out of it is not what it was, in words that follow the node's name.
    """

    kept: tuple[str, ...] = ()
    resized: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    insertion: Insertion = field(default_factory=Insertion)
    inexact: dict[str, str] = field(default_factory=dict)
    _moves: dict[Name, tuple[tuple[Axis, ...], Tensor, Tensor]] = field(default_factory=dict)

    def fitted(self, name: Name, tensor: Tensor) -> Tensor:
        """Return what another tensor of the former size of a parameter that is not fresh becomes now."""
        axes, _, now = self._moves[name]
        return fit(tensor, now, axes)

    def is_fresh(self, name: Name) -> bool:
        """Whether a parameter was not there before."""
        return name not in self._moves

    def memory(self, name: Name, before: Memory) -> dict[str, Tensor]:
        """Return what an optimizer remembers of a parameter now; empty when it begins anew.

        Args:
            name: The parameter.
            before: What it remembered.
        """
        move = self._moves.get(name)
        if move is None:
            return {}
        axes, old, new = move
        fitted = {key: fit_state(key, tensor, old, new, axes) for key, tensor in before.items()}
        return {} if None in fitted.values() else {key: each for key, each in fitted.items() if each is not None}


@torch.no_grad()
def transplant(before: Body, after: Body) -> Transplant:
    """Move everything that can be moved into a freshly drawn network.

    Args:
        before: The network so far; it stays as it is.
        after: The edited network; its tensors are overwritten in place.
    """
    was, now = Anatomy.of(before.document), Anatomy.of(after.document)
    insertion = find_insertions(was, now, after.modules)
    done = Transplant(insertion=insertion, inexact=dict(insertion.inexact))
    reads = _Reads(was, now, frozenset(insertion.through))
    same: list[str] = []
    sized: list[str] = []
    fresh: list[str] = []
    for path, module in after.modules.items():
        old = before.modules.get(path)
        if old is None or not _is_alike(old, module):
            fresh += [path] if module.state_dict() else []
        else:
            (same if _move(done, path, old, module, reads.of(path)) else sized).append(path)
    done.kept, done.resized, done.fresh = tuple(same), tuple(sized), tuple(fresh)
    done.gone = tuple(path for path in before.modules if path not in after.modules)
    begin(insertion, after.modules)
    _tell_crossings(done, was, now, reads)
    return done


def _is_alike(was: nn.Module, module: nn.Module) -> bool:
    """Whether two modules have the same kind of tensors; classes of a network's own text are another in every text."""
    old, new = was.state_dict(), module.state_dict()
    shared = old.keys() & new.keys()
    return type(was).__qualname__ == type(module).__qualname__ and all(old[n].dim() == new[n].dim() for n in shared)


def _move(done: Transplant, path: str, was: nn.Module, module: nn.Module, read: Labels | None) -> bool:
    """Move one node's tensors; returns whether all of them went over as they were."""
    held, all_same = was.state_dict(), True
    for name, target in module.state_dict().items():
        if name not in held:  # a bias that was switched on, a second layer of an LSTM
            all_same = False
            continue
        axes = axes_of(was, module, Pair(name, held[name], target, read))
        target.copy_(fit(held[name], target, axes))
        done._moves[path, name] = axes, held[name], target
        all_same &= is_same(axes, held[name])
    return all_same and held.keys() == module.state_dict().keys()


class _Reads:
    """Which features the layers of both networks read."""

    def __init__(self, was: Anatomy, now: Anatomy, through: frozenset[str]) -> None:
        numbering = Numbering()
        self._was, self._now = was, now
        self._before, self._after = trace(was, numbering), trace(now, numbering, through)

    def of(self, path: str) -> Labels | None:
        """Return for each feature that a node reads now its place before; None where that is not known."""
        before, after = self.features(path)
        return None if before is None or after is None else places_of(before.labels, after.labels)

    def features(self, path: str) -> tuple[Features | None, Features | None]:
        """Return what a node's first input brought before, and what it brings now."""
        old, new = self._was.source(path), self._now.source(path)
        return self._before.get(old) if old else None, self._after.get(new) if new else None


_CROSSING = frozenset({"layer_norm", "group_norm", "rms_norm", "local_response_norm", "softmax", "log_softmax"})
"""Layers whose every value depends on all features, so that features that came or went change it."""


def _tell_crossings(done: Transplant, was: Anatomy, now: Anatomy, reads: _Reads) -> None:
    """Tell where a layer measures across features of which some are new or gone."""
    resized = set(done.resized)
    for path, node in now.graph.nodes.items():
        spec = spec_of(node)
        crosses = spec is not None and (spec.key in _CROSSING or spec.category == "attention")
        if not crosses or path not in was.graph.nodes:
            continue
        before, after = reads.features(path)
        if path in resized or (before and after and len(before.labels) != len(after.labels)):
            done.inexact[path] = "measures across all features, of which there are others now"
