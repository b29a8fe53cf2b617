"""Control of the run: what Train, Step, Profile, Pause and Stop mean for the document that is open."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from netbuilder.training.protocol import State
from netbuilder.ui.part import Part


class RunControl(Part):
    """Starts runs of the workspace's document where nothing prevents it, and leads the one in progress."""

    def train(self) -> None:
        """Start a run of the current document, or go on with a paused one. Waits for torch without blocking."""
        if self._workspace.state is State.PAUSED:
            self._workspace.trainer.resume()
        else:
            self._start()

    def branch(self, state: Path) -> None:
        """Start a run of the current document that goes on from a training's state in a file."""
        self._start(state=str(state))

    def may_train(self) -> bool:
        """Whether nothing prevents training; what does is raised as problems."""
        workspace = self._workspace
        workspace.analysis.settle()
        errors = tuple(problem for problem in workspace.problems if problem.is_error)
        if errors:
            workspace.problemsRaised.emit(errors)
            workspace.analysis.data.look()  # a file may have come back since
        return not errors

    def step(self, unit: str = "batch") -> None:
        """Do one batch (or go on to the end of the "epoch"), then pause; starts a run when there is none."""
        self._start(paused=True)
        if self._workspace.state.is_active:
            self._workspace.trainer.step(unit)

    def profile(self) -> None:
        """Measure what each node takes; starts a run that waits when there is none."""
        self._start(paused=True)
        if self._workspace.state.is_active:
            self._workspace.trainer.profile()

    def pause(self) -> None:
        """Pause after the current step."""
        self._workspace.trainer.pause()

    def stop(self) -> None:
        """Finish the current step, save, end the run."""
        self._workspace.trainer.stop()

    @property
    def is_stale(self) -> bool:
        """Whether the run in progress trains another network than the one shown: edits of it wait to be applied."""
        return bool(self._workspace.live_edits.waiting)

    def note_result(self) -> None:
        """Remember what the run that has just ended reached, for the start page."""
        ends = [event for event in self._workspace.events if event.kind == "end"]
        test = ends[-1].data.get("test") if ends else None
        if test:
            name, value = next(iter(test.items()))
            self._workspace.file.mark(f"{name} {value:.3g}")

    def watch(self, nodes: Iterable[str], sample: int = 0) -> None:
        """Choose which nodes, and which of the fixed samples, the run draws in full."""
        self._workspace.trainer.watch(tuple(nodes), sample)

    def watch_selection(self) -> None:
        """Let the run draw the selected nodes in full, if any are selected."""
        workspace = self._workspace
        if workspace.selection:
            self.watch(workspace.scopes.sources_of(workspace.selection), workspace.trainer.sample)

    def _start(self, *, paused: bool = False, state: str = "") -> None:
        """Start a run of the document, unless one is in progress or something prevents it."""
        workspace = self._workspace
        if not workspace.state.is_active and self.may_train():
            workspace.trainer.start(workspace.document, workspace.file.home, paused=paused, state=state)
            self.watch_selection()
