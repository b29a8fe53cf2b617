"""Insertion: makes layers that were put between others begin as if they were not there, where mathematics allows.

A square linear layer or convolution begins as the identity, a residual branch with a last layer of zeros; an activation
that does nothing to what it is given (ReLU after ReLU) is exact by itself. What cannot be exact (a normalization
measures its batch) is left as it is drawn and told.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import nn

from netbuilder.compiler.flow import spec_of
from netbuilder.document.model import PortRef
from netbuilder.training.provenance import Anatomy

_POSITIVE: Final = frozenset(
    {"relu", "relu6", "sigmoid", "hardsigmoid", "softplus", "softmax", "abs", "square", "exp", "binary_sigmoid"}
)
"""Layers whose values are never below zero."""

_KEEPING_SIGN: Final = frozenset(
    {"relu", "identity", "flatten", "squeeze", "unsqueeze", "reshape", "global_avg_pool", "global_max_pool", "dropout"}
)
"""Layers that give nothing below zero where they are given nothing below zero; poolings beside."""

_ZERO_AT_ZERO: Final = frozenset(
    {"relu", "relu6", "selu", "tanh", "silu", "mish", "hardswish", "softsign", "tanhshrink", "gelu", "leaky_relu"}
    | {"elu", "celu", "softshrink", "hardshrink", "prelu", "identity", "flatten", "squeeze", "unsqueeze", "reshape"}
)
"""Layers that give zeros for zeros."""

_LINEAR: Final = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_DEEPEST: Final = 256


@dataclass(slots=True)
class Insertion:
    """What becomes of the layers that an edit has put between others.

    Attributes:
        identity: Paths of layers that begin as the identity.
        zero: Paths of layers that begin with zeros, so that their branch adds nothing.
        through: Paths of all new layers that hand on what the layers behind them were given before.
        inexact: Path -> why the values behind it are others than before.
    """

    identity: set[str] = field(default_factory=set)
    zero: set[str] = field(default_factory=set)
    through: set[str] = field(default_factory=set)
    inexact: dict[str, str] = field(default_factory=dict)

    def merge(self, other: Insertion) -> None:
        """Take in what another found."""
        self.identity |= other.identity
        self.zero |= other.zero
        self.through |= other.through
        self.inexact |= other.inexact


def find_insertions(before: Anatomy, after: Anatomy, modules: Mapping[str, nn.Module]) -> Insertion:
    """Find the layers that were put between others, and how each can begin.

    Args:
        before: The network before the edit.
        after: The network after it.
        modules: Node path -> module after it.
    """
    search = _Search(before, after, modules)
    found = Insertion()
    for path, links in after.inputs.items():
        if path in before.graph.nodes:
            for port, source in links:
                old = before.source(path, port)
                if old is not None and source != old and source.node not in before.graph.nodes:
                    found.merge(search.settle(source, old) or Insertion())
    return found


@torch.no_grad()
def begin(insertion: Insertion, modules: Mapping[str, nn.Module]) -> None:
    """Give inserted layers the weights that they begin with."""
    for path in insertion.identity:
        module = modules[path]
        assert isinstance(module.weight, torch.Tensor)
        if isinstance(module, nn.Linear):
            nn.init.eye_(module.weight)
        else:
            assert isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d))
            nn.init.dirac_(module.weight, module.groups)
        if module.bias is not None:
            module.bias.zero_()
    for path in insertion.zero:
        for parameter in modules[path].parameters():
            parameter.zero_()


@dataclass(frozen=True, slots=True)
class _Search:
    before: Anatomy
    after: Anatomy
    modules: Mapping[str, nn.Module]
    known: dict[tuple[PortRef, PortRef], Insertion | None] = field(default_factory=dict)

    def settle(self, port: PortRef, old: PortRef, depth: int = 0) -> Insertion | None:
        """Return how the value on `port` can begin as what `old` was; None where it does not come from there."""
        if (port, old) not in self.known:  # the branches of a sum have much in common
            self.known[port, old] = self._settle(port, old, depth)
        return copy.deepcopy(self.known[port, old])

    def _settle(self, port: PortRef, old: PortRef, depth: int) -> Insertion | None:
        node = self.after.graph.nodes[port.node]
        if node.id in self.before.graph.nodes:
            return Insertion() if port == old else None
        spec = spec_of(node)
        if spec is None or depth > _DEEPEST:
            return None
        if spec.key == "add":
            return self._settle_sum(node.id, old, depth)
        source = self.after.source(node.id)
        found = self.settle(source, old, depth + 1) if source is not None else None
        if found is None:
            return None
        found.through.add(node.id)
        if self._can_be_identity(node.id):
            found.identity.add(node.id)
        elif spec.key == "relu" and self._is_positive(old):
            pass
        elif spec.category == "regularization":
            found.inexact[node.id] = "leaves out some values while training"
        elif spec.key not in ("identity", "input", "output"):
            found.inexact[node.id] = _WHY.get(spec.category, "changes what it is given")
            if node.id in self.modules and not self._is_same_type(port, old):
                found.through.discard(node.id)
        return found

    def _settle_sum(self, path: str, old: PortRef, depth: int) -> Insertion | None:
        """Let one term of a sum be what was there before and all others be zero: the term that is nearest to it."""
        links, ways = self.after.inputs[path], []
        for number, (_, source) in enumerate(links):
            found = self.settle(source, old, depth + 1)
            if found is None:
                continue
            found.through.add(path)
            for other, (_, branch) in enumerate(links):
                silent = self._silence(branch, depth + 1) if other != number else set()
                if silent is None:
                    found.inexact[path] = "adds a branch that cannot begin with zeros"
                else:
                    found.zero |= silent
            found.identity -= found.zero
            ways.append(found)
        return min(ways, key=lambda way: (len(way.inexact), len(way.through)), default=None)

    def _silence(self, port: PortRef, depth: int) -> set[str] | None:
        """Return the layers whose zeros make the value on `port` zero; None where that cannot be."""
        node = self.after.graph.nodes[port.node]
        spec = spec_of(node)
        if node.id in self.before.graph.nodes or spec is None or depth > _DEEPEST:
            return None
        module = self.modules.get(node.id)
        if isinstance(module, _LINEAR) or (module is not None and spec.category == "normalization"):
            return {node.id} if any(True for _ in module.parameters()) else None
        source = self.after.source(node.id)
        passes = spec.key in _ZERO_AT_ZERO or spec.category in ("pooling", "regularization")
        return self._silence(source, depth + 1) if passes and source is not None else None

    def _can_be_identity(self, path: str) -> bool:
        module, source = self.modules.get(path), self.after.source(path)
        if not isinstance(module, _LINEAR) or source is None:
            return False
        given = next((type for port, type in self.after.types.items() if port.node == path and port.port == "y"), None)
        if given != self.after.types.get(source):
            return False
        if isinstance(module, nn.Linear):
            return module.in_features == module.out_features
        is_centred = all(size % 2 == 1 for size in module.kernel_size) and all(each == 1 for each in module.stride)
        return is_centred and module.in_channels == module.out_channels

    def _is_same_type(self, port: PortRef, old: PortRef) -> bool:
        return self.after.types.get(port) == self.before.types.get(old)

    def _is_positive(self, port: PortRef) -> bool:
        """Whether a value of the network before was never below zero."""
        node = self.before.graph.nodes[port.node]
        spec = spec_of(node)
        if spec is None or spec.key in _POSITIVE:
            return spec is not None
        source = self.before.source(node.id)
        keeps = spec.key in _KEEPING_SIGN or spec.category == "pooling"
        return keeps and source is not None and self._is_positive(source)


_WHY: Final[Mapping[str, str]] = {
    "normalization": "normalizes what it is given",
    "activation": "bends what it is given",
    "linear": "mixes what it is given, from fresh weights",
    "convolution": "mixes what it is given, from fresh weights",
    "recurrent": "mixes what it is given, from fresh weights",
    "attention": "mixes what it is given, from fresh weights",
}
