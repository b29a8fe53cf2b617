"""Revival: a run whose process is of no more use goes on in another one, from the state that it saved last. No torch.

What fails once goes on by itself. What fails again soon after, for the same cause, would fail for ever: then people are
asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from netbuilder.training.protocol import Change, Command, Event, Pause, Resume, Start, Step, Tempo, Watch
from netbuilder.training.run_files import has_state

SOON: Final = 600.0
"""A cause that comes again within so many seconds is told, and the run is not revived."""

SLEEP: Final = 600.0
"""After so many seconds without a sign of the computer, what a GPU holds is not to be relied upon."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a process is of no more use.

    Attributes:
        key: What tells it from others: "device", "silence", "sleep", or how the process ended.
        text: For people: "its process ended: ...".
    """

    key: str
    text: str


DEVICE: Final = Cause("device", "its device reported a fault")
SILENCE: Final = Cause("silence", "its process no longer answered")
SLEPT: Final = Cause("sleep", "the computer slept, and a GPU may have forgotten what it held")


class Revival:
    """What is remembered of the run in progress, so that it can go on elsewhere."""

    def __init__(self) -> None:
        self._start: Start | None = None
        self._watch: Watch | None = None
        self._change: tuple[int, Change] | None = None  # the last one, until it is answered
        self._is_changed = False
        self._revived: dict[str, float] = {}

    @property
    def folder(self) -> str:
        """The run's folder; "" before the first run."""
        return self._start.folder if self._start is not None else ""

    @property
    def is_on_gpu(self) -> bool:
        """Whether the run keeps its network in a GPU's own memory."""
        return self._start is not None and self._start.device.startswith("cuda")

    @property
    def can_go_on(self) -> bool:
        """Whether the run has saved a state."""
        return self._start is not None and not self._start.revisit and has_state(Path(self._start.folder))

    def begin(self, start: Start) -> None:
        """Another run begins; what an earlier one met does not count for it."""
        self._start, self._change, self._is_changed = start, None, False
        self._revived.clear()

    def note(self, number: int, command: Command) -> None:
        """Note what the run is asked for."""
        assert self._start is not None, "a run is in progress"
        match command:
            case Watch():
                self._watch = command
            case Pause() | Step():
                self._start = replace(self._start, paused=True)
            case Resume():
                self._start = replace(self._start, paused=False)
            case Tempo(steps):
                self._start = replace(self._start, tempo=steps)
            case Change():
                self._change, self._is_changed = (number, command), True
            case _:  # of the moment, which is gone
                pass

    def hear(self, events: Iterable[Event]) -> None:
        """Note what the run answers."""
        for event in events:
            if self._change is not None and event.kind == "change" and event.data.get("command") == self._change[0]:
                self._change = None

    def allows(self, cause: Cause) -> bool:
        """Whether the run is to go on by itself: it can, and this is not what it was revived for a while ago."""
        last = self._revived.get(cause.key)
        return self.can_go_on and (last is None or time.monotonic() - last >= SOON)

    def is_again(self, cause: Cause) -> bool:
        """Whether the run was revived for the same cause before."""
        return cause.key in self._revived

    def commands(self, cause: Cause) -> tuple[Command, ...]:
        """Return what another process is to be told so that the run goes on; counts as a revival."""
        assert self._start is not None, "a run is in progress"
        self._revived[cause.key] = time.monotonic()
        start = replace(self._start, resume=True, state="", moment=None, recorded=self._is_changed, because=cause.text)
        watch = () if self._watch is None else (self._watch,)
        # Made already or not: a run that trains what is asked for has nothing to change.
        change = () if self._change is None else (self._change[1],)
        return (start, *watch, *change)
