"""Usage: which layers the user adds, and after which; what is offered first follows it.

Two small tables of counts among the preferences, on this machine only; plain JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, QTimer

from netbuilder.foundation.preferences import Preferences

NAME = "usage"
"""What the preferences call the tables: {"added": {type: count}, "followed": {type: {type: count}}}."""

_MOST = 1000  # when a count comes to this, all of its table are halved: what was used lately counts more
_LARGEST = 300  # types in a table; the rarest go
_PATIENCE = 3000  # milliseconds until counts are written: never while the user waits for the layer


class Usage(QObject):
    """Counts additions and links, and weighs types by them."""

    def __init__(self, preferences: Preferences, parent: QObject | None = None) -> None:
        """Read the counts.

        Args:
            preferences: Where they are kept.
            parent: Qt's owner.
        """
        super().__init__(parent)
        self._preferences = preferences
        kept = preferences.get(NAME)
        kept = kept if isinstance(kept, Mapping) else {}  # edited by hand: counted afresh
        followed = kept.get("followed")
        self._added = _counts(kept.get("added"))
        self._followed = {
            str(type): _counts(counts) for type, counts in (followed.items() if isinstance(followed, Mapping) else ())
        }
        self._timer = QTimer(self, singleShot=True, interval=_PATIENCE)
        self._timer.timeout.connect(self.save)

    def note_added(self, type: str) -> None:
        """Count a layer that was added."""
        _count(self._added, type)
        self._timer.start()

    def note_followed(self, source: str, target: str) -> None:
        """Count a link from a layer of one type to one of another."""
        _count(self._followed.setdefault(source, {}), target)
        if len(self._followed) > _LARGEST:
            del self._followed[min(self._followed, key=lambda each: sum(self._followed[each].values()))]
        self._timer.start()

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
        self._timer.stop()
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
