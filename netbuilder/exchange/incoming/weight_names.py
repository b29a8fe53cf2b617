"""Weights by name: which tensor of a file is which of a network's, by name and shape, and why others are not.

Imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from torch import Tensor

WRAPPERS: Final = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.")
"""What wrappers put before every name."""


MOST_PAIRS: Final = 1_000_000
"""Of how many pairs of names of one shape the similarity is counted."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one tensor, of the network or of the file.

    Attributes:
        name: Its name in the network; "" for one that only the file has.
        key: Its name in the file; "" for one that only the network has.
        shape: Its shape.
        reason: Why it does not match; "" when it does.
    """

    name: str
    key: str
    shape: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Matches:
    """The table of all tensors.

    Attributes:
        held: Node path -> name in the node's module -> tensor, for those that match.
        fates: The network's tensors in order, then what is left of the file's.
    """

    held: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    fates: tuple[Fate, ...] = ()

    @property
    def matched(self) -> int:
        """How many tensors match."""
        return sum(not fate.reason for fate in self.fates)

    @property
    def summary(self) -> str:
        """One sentence."""
        wanted = sum(bool(fate.name) for fate in self.fates)
        unused = sum(not fate.name for fate in self.fates)
        text = f"{self.matched} of the network's {wanted} tensors were in the file."
        return text + (f" {unused} of the file's were not used." if unused else "")

    def table(self) -> str:
        """Return the rows as lines of text in columns."""
        width = max((len(fate.name or fate.key) for fate in self.fates), default=6)
        lines = [f"{'tensor':{width}}  {'shape':16}  what became of it"]
        for fate in self.fates:
            shape = "×".join(map(str, fate.shape)) or "one number"
            lines.append(f"{fate.name or fate.key:{width}}  {shape:16}  {describe(fate)}")
        return "\n".join(lines)


def describe(fate: Fate) -> str:
    """Return what became of a tensor, in words."""
    if fate.reason:
        return fate.reason
    return "matched" if fate.key == fate.name else f"matched {fate.key}"


def match_weights(names: Mapping[str, tuple[str, str, tuple[int, ...]]], given: Mapping[str, Tensor]) -> Matches:
    """Match tensors by name and shape.

    A name matches when it is the same, or the same behind a wrapper's prefix. What is left matches when, of all tensors
    of that shape, the two are each other's most similar by far: they share more words in the same order than either
    does with any other ("encoder.layer.0.self.query.weight" and "layer.0.self_1.query.weight").

    Args:
        names: The network's tensors: name -> (node path, name in the node's module, shape).
        given: The file's tensors.
    """
    plain: dict[str, str] = {}
    for key in given:
        plain.setdefault(_unwrapped(key), key)
    free = dict.fromkeys(given)
    chosen: dict[str, str] = {}
    for name in names:
        key = name if name in given else plain.get(_unwrapped(name), "")
        if key in free:
            chosen[name] = key
            del free[key]
    for name, key in _similar([name for name in names if name not in chosen], names, list(free), given):
        chosen[name] = key
        del free[key]
    held: dict[str, dict[str, Tensor]] = {}
    fates = []
    for name, (path, own, shape) in names.items():
        key = chosen.get(name, "")
        reason = _mismatch(given, key, shape)
        fates.append(Fate(name, key, shape, reason))
        if not reason:
            held.setdefault(path, {})[own] = given[key]
    left = (Fate("", key, tuple(given[key].shape), "the network has nothing of this name and shape") for key in free)
    return Matches(held, (*fates, *left))


def _mismatch(given: Mapping[str, Tensor], key: str, shape: tuple[int, ...]) -> str:
    if not key:
        return "the file has nothing of this name and shape"
    found = tuple(given[key].shape)
    if found != shape:
        return f"the file's {key} has the shape {'×'.join(map(str, found)) or 'of one number'}"
    return ""


def _unwrapped(name: str) -> str:
    changed = True
    while changed:
        changed = False
        for prefix in WRAPPERS:
            if name.startswith(prefix):
                name, changed = name.removeprefix(prefix), True
    return name


def _similar(
    wanted: list[str],
    names: Mapping[str, tuple[str, str, tuple[int, ...]]],
    keys: list[str],
    given: Mapping[str, Tensor],
) -> Iterator[tuple[str, str]]:
    """Yield (name, key) of those that are each other's most similar, without a rival."""
    groups: dict[tuple[str, tuple[int, ...]], tuple[list[str], list[str]]] = {}
    for name in wanted:
        groups.setdefault((name.rpartition(".")[2], names[name][2]), ([], []))[0].append(name)
    for key in keys:
        groups.setdefault((key.rpartition(".")[2], tuple(given[key].shape)), ([], []))[1].append(key)
    for ours, theirs in groups.values():
        if len(ours) * len(theirs) > MOST_PAIRS:
            continue
        best = {name: _most_similar(name, theirs) for name in ours}
        back = {key: _most_similar(key, ours) for key in best.values() if key}
        yield from ((name, key) for name, key in best.items() if key and back[key] == name)


def _most_similar(name: str, others: Sequence[str]) -> str:
    """Return the name that is most similar; "" when several are, or none shares two words."""
    likeness = {each: similarity(name, each) for each in others}
    highest = max(likeness.values(), default=0.0)
    found = [each for each, value in likeness.items() if value == highest]
    return found[0] if len(found) == 1 and _common_words(name, found[0]) >= 2 else ""


def similarity(one: str, other: str) -> float:
    """Return how similar two names are, from 0 to 1: twice the words they share in one order, by those they have."""
    return 2 * _common_words(one, other) / (len(_words(one)) + len(_words(other)))


@lru_cache(maxsize=100_000)
def _words(name: str) -> tuple[str, ...]:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", _unwrapped(name))
    return tuple(re.split(r"[._]", apart.lower()))


def _common_words(one: str, other: str) -> int:
    """Return how many words two names share in the same order (their longest common subsequence)."""
    a, b = _words(one), _words(other)
    row = [0] * (len(b) + 1)
    for word in a:
        before = 0
        for index, each in enumerate(b, 1):
            kept = row[index]
            row[index] = before + 1 if word == each else max(row[index], row[index - 1])
            before = kept
    return row[-1]
