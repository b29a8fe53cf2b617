"""Going on with earlier runs in the window: the dialog, and the offer when a project was opened."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from netbuilder.foundation.problem import Problem
from netbuilder.ui.revisiting import Earlier, read_newest
from netbuilder.ui.ways_on import APART, CPU

if TYPE_CHECKING:
    from netbuilder.training.resumable import Resumable
    from netbuilder.ui.go_on_dialog import GoOnDialog
    from netbuilder.ui.window import MainWindow

DECLINED: Final = "declined_runs"
"""The preference that knows which interrupted runs are not to be offered again, the newest last."""

MOST_DECLINED: Final = 100


class GoOnActions:
    """Finds runs that left a state behind, and goes on with the one that the user picks; never by itself.

    Attributes:
        dialog: The one that is open, or was last.
    """

    dialog: GoOnDialog | None = None

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def show(self) -> None:
        """Show the runs that can go on."""
        self._find(self._show)

    def show_selected(self) -> None:
        """Show the runs that can go on, with the one that is selected in the table of runs picked."""
        selection = self._window.workspace.runs.selection
        self._find(partial(self._show, wish=selection[0] if selection else ""))

    def go_on_last(self) -> None:
        """Go on with the last run from where it was saved last, without asking anything."""
        self.go_on("", "")

    def go_on(self, run: str, how: str) -> None:
        """Go on with a run at once; one that has saved nothing begins anew, one that is done is asked about.

        Args:
            run: Its id; "" for this window's last run, or the project's newest.
            how: "" as before, "cpu" on the processor, "apart" in a process of its own.
        """
        workspace = self._window.workspace
        if workspace.state.is_active:
            return
        own = workspace.trainer.folder
        runs = workspace.runs.folder if run or own is None else own.parent
        wish = run or (own.name if own is not None else "")
        if how == APART:
            workspace.preferences.set("train_in", "process")
        elif how == CPU:
            self._window.toolbar.choose_device("cpu")
        home = workspace.file.home
        done, refused = partial(self._go_on, home), partial(self._begin_anew, wish)
        self._window.background.run("Reading the run", lambda _: _choose(runs, wish), done, refused)

    def _begin_anew(self, wish: str, problems: tuple[Problem, ...]) -> None:
        """Do what is left to do where a run cannot go on at once."""
        workspace = self._window.workspace
        code = problems[0].code
        if code == "state.missing" and not workspace.state.is_active:
            workspace.message.emit("The run had saved nothing yet: it begins anew")
            workspace.control.train()
        elif code == "resume.done":  # how many epochs more?
            self._find(partial(self._show, wish=wish))
        else:
            self._window.show_problems("The run cannot go on", problems)

    def offer(self) -> None:
        """Offer to go on with the newest run of the project that was just opened, if it was interrupted."""
        from netbuilder.project import runs_folder

        workspace = self._window.workspace
        path = workspace.path
        if path is not None and not workspace.state.is_active and runs_folder(path).is_dir():
            self._find(self._offer, lambda problems: None)  # who opens a project did not ask for its runs

    def _find(
        self,
        done: Callable[[Path | None, tuple[Resumable, ...]], None],
        refused: Callable[[tuple[Problem, ...]], None] | None = None,
    ) -> None:
        from netbuilder.project import runs_folder

        path = self._window.workspace.file.home
        runs = runs_folder(path)
        self._window.background.run(
            "Looking for runs that can go on", lambda _: _find(runs), partial(done, path), refused
        )

    def _show(self, path: Path | None, runs: tuple[Resumable, ...], wish: str = "") -> None:
        workspace = self._window.workspace
        if path != workspace.file.home:
            return
        wished = next((run for run in runs if run.record.id == wish), None)
        if wish and wished is None:
            message = f"The run {wish} cannot go on: it left no state behind, or goes on in another program."
            workspace.message.emit(message)
        self._open(runs, picked=wished)

    def _offer(self, path: Path | None, runs: tuple[Resumable, ...]) -> None:
        workspace = self._window.workspace
        if path != workspace.path or workspace.state.is_active or not self._window.isVisible():
            return
        newest = runs[0] if runs else None
        if newest is None or not newest.is_interrupted or _key(newest) in self._declined:
            return
        self._open(runs, interrupted=newest)
        assert self.dialog is not None
        self.dialog.rejected.connect(lambda: self._decline(newest))

    def _open(
        self, runs: tuple[Resumable, ...], interrupted: Resumable | None = None, picked: Resumable | None = None
    ) -> None:
        from netbuilder.ui.go_on_dialog import GoOnDialog

        self.dialog = GoOnDialog(self._window.workspace.name, runs, interrupted, self._window)
        if picked is not None:
            self.dialog.pick(picked)
        self.dialog.chosen.connect(self._read)
        self.dialog.open()

    @property
    def _declined(self) -> list[str]:
        known = self._window.workspace.preferences.get(DECLINED, [])
        return [each for each in known if isinstance(each, str)] if isinstance(known, list) else []

    def _decline(self, run: Resumable) -> None:
        self._window.workspace.preferences.set(DECLINED, [*self._declined, _key(run)][-MOST_DECLINED:])

    # Going on ------------------------------------------------------------------------------------------------------

    def _read(self, run: Resumable, more: int | None) -> None:
        """Read what the run trains and what it told so far, behind the window's back."""
        path = self._window.workspace.file.home
        self._window.background.run(
            f"Reading the run {run.name}", lambda _: read_newest(run, more), partial(self._go_on, path)
        )

    def _go_on(self, path: Path | None, earlier: Earlier) -> None:
        window, workspace = self._window, self._window.workspace
        if path != workspace.file.home or workspace.state.is_active:  # the user went elsewhere meanwhile
            return
        window.show_network()
        workspace.revisiting.start(earlier, path)


def _find(runs: Path) -> tuple[Resumable, ...]:
    from netbuilder.training.resumable import find_resumable

    return find_resumable(runs)


def _choose(runs: Path, wish: str) -> Earlier:
    from netbuilder.training.resumable import choose

    return read_newest(choose(runs, wish), None)


def _key(run: Resumable) -> str:
    return f"{run.folder}@{run.step}"
