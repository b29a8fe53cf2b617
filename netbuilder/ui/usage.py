"""Usage: which layers the user adds, and after which; what is offered first follows it.

Two small tables of counts among the preferences, on this machine only; plain JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

from netbuilder.foundation.preferences import Preferences

NAME = "usage"
"""What the preferences call the tables: {"added": {type: count}, "followed": {type: {type: count}}}."""

_MOST = 1000  # when a count comes to this, all of its table are halved: what was used lately counts more
_LARGEST = 300  # types in a table; the rarest go


class Usage:
    """Counts additions and links, and weighs types by them; written when the window closes, not while one works."""

    def __init__(self, preferences: Preferences) -> None:
        """Read the counts from where they are kept."""
        self._preferences = preferences
        kept = preferences.get(NAME)
        kept = kept if isinstance(kept, Mapping) else {}  # edited by hand: counted afresh
        followed = kept.get("followed")
        self._added = _counts(kept.get("added"))
        self._followed = {
            str(type): _counts(counts) for type, counts in (followed.items() if isinstance(followed, Mapping) else ())
        }

    def note_added(self, type: str) -> None:
        """Count a layer that was added."""
        _count(self._added, type)

    def note_followed(self, source: str, target: str) -> None:
        """Count a link from a layer of one type to one of another."""
        _count(self._followed.setdefault(source, {}), target)
        if len(self._followed) > _LARGEST:
            del self._followed[min(self._followed, key=lambda each: sum(self._followed[each].values()))]

    def follows(self, source: str, target: str) -> int:
        """Return how often a layer of one type was linked to one of another."""
        return self._followed.get(source, {}).get(target, 0)

    def weight(self, type: str, source: str = "", target: str = "") -> float:
        """Say how likely a type is wanted: 0 when it was never used, below 1 always.

        Args:
            type: What might be added.
            source: The type whose output it would take, if any.
            target: The type whose input it would feed, if any.
        """
        added = self._added.get(type, 0)
        linked = self.follows(source, type) if source else self.follows(type, target) if target else 0
        return 0.65 * linked / (linked + 2) + 0.3 * added / (added + 8)

    def save(self) -> None:
        """Write the counts."""
        followed = {type: dict(counts) for type, counts in self._followed.items()}
        self._preferences.set(NAME, {"added": dict(self._added), "followed": followed})


def _count(counts: dict[str, int], type: str) -> None:
    counts[type] = counts.get(type, 0) + 1
    if counts[type] >= _MOST:
        for each in list(counts):
            counts[each] //= 2
            if not counts[each]:
                del counts[each]
    if len(counts) > _LARGEST:
        del counts[min(counts, key=lambda each: (each == type, counts[each]))]


def _counts(kept: object) -> dict[str, int]:
    """Return the counts that a table among the preferences holds; what is none is left out."""
    if not isinstance(kept, Mapping):
        return {}
    found = {str(type): count for type, count in kept.items() if isinstance(count, int) and 0 < count < _MOST}
    return dict(sorted(found.items(), key=lambda pair: -pair[1])[:_LARGEST])
