"""Preferences: what the user set once for all projects, recent files, and where windows were.

One small JSON file in the platform's folder for settings, or in `$NETBUILDER_HOME`. A damaged one is set aside and
told of, never fatal.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import platformdirs

from netbuilder.foundation.limits import MEBIBYTE
from netbuilder.foundation.parameter import Choice, Kind, Parameter
from netbuilder.foundation.problem import NetbuilderError, Problem, Severity
from netbuilder.foundation.save import atomic_save, read_limited

HOME: Final = "NETBUILDER_HOME"
FILE: Final = "preferences.json"
RECENT: Final = 20
BYTES: Final = MEBIBYTE

PREFERENCES: Final[tuple[Parameter, ...]] = (
    Parameter(
        name="theme",
        title="Theme",
        kind=Kind.CHOICE,
        default="system",
        choices=(
            Choice(value="system", title="As the system"),
            Choice(value="dark", title="Dark"),
            Choice(value="light", title="Light"),
        ),
        help="Dark or light; the system's choice is followed as it changes.",
    ),
    Parameter(
        name="size",
        title="Size of everything",
        kind=Kind.CHOICE,
        default="100",
        choices=tuple(Choice(value=size, title=f"{size} %") for size in ("100", "125", "150", "175", "200")),
        help="How large text, buttons and plots are, for an audience or a fine screen. Holds from the next start.",
    ),
    Parameter(
        name="at_start",
        title="When it starts",
        kind=Kind.CHOICE,
        default="start_page",
        choices=(
            Choice(value="start_page", title="Show the start page"),
            Choice(value="last_project", title="Open the last project"),
        ),
        help="What to show when NetBuilder is started without a file.",
    ),
    Parameter(
        name="zoom_with_wheel",
        title="Zoom with the wheel",
        kind=Kind.BOOL,
        default=True,
        help="Whether the mouse wheel zooms the canvas. Off, it scrolls, and Ctrl with the wheel zooms.",
    ),
    Parameter(
        name="train_in",
        title="Train in",
        kind=Kind.CHOICE,
        default="thread",
        choices=(
            Choice(value="thread", title="This program"),
            Choice(value="process", title="A process of its own"),
        ),
        help=(
            "A process of its own keeps the window unharmed whatever happens to a run, such as a fault of the graphics"
            " driver or too little memory. It takes a few hundred megabytes more. Holds for the next run."
        ),
    ),
    Parameter(
        name="snap_guides",
        title="Snap guides",
        kind=Kind.BOOL,
        default=True,
        help="Whether nodes line up with others, and straighten links, while they are dragged.",
    ),
    Parameter(
        name="show_thumbnails",
        title="Live pictures on nodes",
        kind=Kind.BOOL,
        default=True,
        help="Whether nodes show their activations while training.",
    ),
    Parameter(
        name="show_minimap",
        title="Overview",
        kind=Kind.BOOL,
        default=True,
        help="Whether the canvas shows the whole network in its corner, where there is more than can be seen.",
    ),
    Parameter(
        name="show_dots",
        title="Grid dots",
        kind=Kind.BOOL,
        default=True,
        help="Whether the canvas shows the grid behind the network.",
    ),
    Parameter(
        name="snapshot_megabytes",
        title="Snapshots of a run",
        kind=Kind.INT,
        default=256,
        minimum=0,
        maximum=1_000_000,
        unit="MB",
        help="How much disk space the snapshots of one run may take, to look back at earlier moments. 0 keeps none.",
    ),
    Parameter(
        name="project_snapshot_megabytes",
        title="Snapshots of all runs",
        kind=Kind.INT,
        default=2048,
        minimum=0,
        maximum=100_000_000,
        optional=True,
        none_title="no limit",
        unit="MB",
        help=(
            "How much disk space the snapshots of a project's runs may take together. When a run begins, those of the"
            " oldest runs are thinned until there is room; pinned runs keep theirs."
        ),
    ),
    Parameter(
        name="reduce_motion",
        title="Reduce motion",
        kind=Kind.BOOL,
        default=False,
        help="Whether layers and the view jump to their new places instead of gliding there.",
    ),
    Parameter(
        name="show_dead_units",
        title="Dead units on nodes",
        kind=Kind.BOOL,
        default=True,
        help="Whether activations show how many of their units are 0, or saturated, for all samples while training.",
    ),
    Parameter(
        name="show_gradient_flow",
        title="Gradient flow on links",
        kind=Kind.BOOL,
        default=False,
        help="Whether links show how large the gradient is that flows back through them while training.",
    ),
    Parameter(
        name="show_profile",
        title="Measured times on nodes",
        kind=Kind.BOOL,
        default=True,
        help="Whether nodes show how long they took once the network was profiled (Train > Profile).",
    ),
)
"""What the preferences' form offers; other keys (window states) are kept by `get` and `set` alike."""

_DECLARED: Final = {parameter.name: parameter for parameter in PREFERENCES}


@dataclass(frozen=True, slots=True)
class RecentFile:
    """A project that was open.

    Attributes:
        path: Its absolute path.
        opened: When it was opened or saved last, in seconds since 1970.
        mark: What its last training reached, for the start page ("accuracy 0.98"), or "".
    """

    path: str
    opened: float
    mark: str = ""


class _File(msgspec.Struct):
    values: dict[str, Any] = {}
    recent: Annotated[list[RecentFile], msgspec.Meta(max_length=1_000)] = []


def config_folder() -> Path:
    """Return the folder for the program's own files: `$NETBUILDER_HOME` when set, else the platform's for settings."""
    home = os.environ.get(HOME)
    return Path(home) if home else platformdirs.user_config_path("netbuilder", appauthor=False)


@dataclass(frozen=True, slots=True)
class SnapshotRoom:
    """How many bytes snapshots may take.

    Attributes:
        run: Those of one run; 0 keeps none.
        together: Those of all runs of a project; None sets no limit.
    """

    run: int
    together: int | None


class Preferences:
    """The user's settings; each change is saved at once.

    Attributes:
        path: The file.
        problem: What was wrong with the file when it was read, or that it could not be written; None when all is well.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Read the preferences.

        Args:
            folder: Where the file lies; None takes `config_folder()`.
        """
        self.path = (folder if folder is not None else config_folder()) / FILE
        self.problem: Problem | None = None
        self._file = self._read()

    @property
    def snapshot_room(self) -> SnapshotRoom:
        """How much room the snapshots of runs have."""
        together = self.get("project_snapshot_megabytes")
        return SnapshotRoom(self.get("snapshot_megabytes") << 20, None if together is None else together << 20)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting: a declared one in canonical form, else what `set` put there, else `default`."""
        declared = _DECLARED.get(name)
        if declared is None:
            return self._file.values.get(name, default)
        try:
            return declared.normalize(self._file.values.get(name, declared.default))
        except ValueError:  # edited by hand, or by another version: the default serves
            return declared.default

    def set(self, name: str, value: Any) -> None:
        """Change a setting and save.

        Args:
            name: A declared name, or any other for plain JSON values (a window's state as base64 text).
            value: The new value.

        Raises:
            ValueError: When a declared setting does not accept the value.
        """
        declared = _DECLARED.get(name)
        value = declared.normalize(value) if declared is not None else value
        if name in self._file.values and self._file.values[name] == value:
            return
        self._file.values[name] = value
        self._save()

    def values(self) -> Mapping[str, Any]:
        """Return all declared settings by name."""
        return {name: self.get(name) for name in _DECLARED}

    @property
    def recent(self) -> tuple[RecentFile, ...]:
        """Recently opened projects, the latest first; some may no longer exist."""
        return tuple(self._file.recent)

    def add_recent(self, path: str | os.PathLike[str], mark: str | None = None) -> None:
        """Put a project at the top of the recent ones and save.

        Args:
            path: Its file.
            mark: What its training reached; None keeps what was noted.
        """
        absolute = os.path.abspath(path)
        old = next((each for each in self._file.recent if each.path == absolute), None)
        kept = old.mark if old is not None else ""
        new = RecentFile(absolute, time.time(), kept if mark is None else mark)
        self._file.recent = [new, *(each for each in self._file.recent if each.path != absolute)][:RECENT]
        self._save()

    def remove_recent(self, path: str | os.PathLike[str]) -> None:
        """Forget a project and save."""
        absolute = os.path.abspath(path)
        self._file.recent = [each for each in self._file.recent if each.path != absolute]
        self._save()

    def _read(self) -> _File:
        try:
            data = b"".join(read_limited(self.path, BYTES))
        except FileNotFoundError:
            return _File()
        except OSError as error:
            self._complain("preferences.unreadable", f"The preferences cannot be read ({error.strerror}).")
            return _File()
        try:
            if len(data) > BYTES:
                raise ValueError("it is too large")
            return msgspec.json.decode(data, type=_File)
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            self._set_aside(error)
            return _File()

    def _set_aside(self, error: Exception) -> None:
        aside = self.path.with_name(self.path.name + ".invalid")
        try:
            os.replace(self.path, aside)
        except OSError:  # nothing is lost: the file stays where it is until the next save replaces it
            aside = self.path
        self._complain(
            "preferences.damaged",
            f"The preferences were damaged ({error}) and begin afresh; the old ones are kept in {aside.name}.",
        )

    def _save(self) -> None:
        content = {"values": self._file.values, "recent": [asdict(each) for each in self._file.recent]}
        text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            atomic_save(self.path, text.encode())
        except NetbuilderError as error:
            self._complain("preferences.save", error.problems[0].message)
        except OSError as error:
            self._complain("preferences.save", f"The preferences could not be saved: {error.strerror}.")

    def _complain(self, code: str, message: str) -> None:
        self.problem = Problem(code=code, message=message, severity=Severity.WARNING, file=str(self.path))
