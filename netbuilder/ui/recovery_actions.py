"""Recovery in the window: looks for what a killed program has left, offers it, and opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from netbuilder.foundation.problem import NetbuilderError, Problem

if TYPE_CHECKING:
    from netbuilder.document.recovery import Offer
    from netbuilder.ui.window import MainWindow

_TITLE = "Looking for unsaved work"


class RecoveryActions:
    """Offers to recover: at the start, when a file is opened that has something left beside it, and when asked."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._offered: set[str] = set()

    # What the actions call -----------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Show all that there is; say so when there is nothing."""
        self._search(self._known(), self._show_or_say)

    # What others call ----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Look at everything known, and offer what there is: for the start."""
        self._search(self._known(), self._show_some)

    def look_beside(self, path: Path) -> None:
        """Offer what was left beside a file that has just been opened; at the start, `look` will."""
        if self._window.isVisible():
            self._search((path,), partial(self._show_of, path))

    def recover(self, offer: Offer) -> None:
        """Open what a journal holds, and go on with a journal of its own before that one is deleted."""
        recovered = offer.recovered
        if recovered is None or not self._is_free(offer) or not self._window.files.may_leave():
            return
        from netbuilder.document.recovery import Standing

        file = offer.file
        goes_on = file is not None and offer.standing is Standing.SAME
        if goes_on and file is not None and self._window.workspace.file.lock.holder(file) is not None:
            goes_on = False
        self._window.workspace.open_recovered(recovered.document, file if goes_on else None, file)
        self._window.journal.replace(offer.leftover, recovered)
        self._window.show_network()
        self._window.workspace.message.emit(f"Recovered {offer.name}; it is not saved yet")

    # Inside --------------------------------------------------------------------------------------------------------

    def _known(self) -> tuple[Path, ...]:
        workspace = self._window.workspace
        recent = tuple(Path(file.path) for file in workspace.preferences.recent)
        return (*((workspace.path,) if workspace.path else ()), *recent)

    def _search(self, files: Iterable[Path], done: Callable[[list[Offer]], None]) -> None:
        def find(_: object) -> list[Offer]:
            from netbuilder.document.sidecar import has_journals

            if not has_journals(files):
                return []
            from netbuilder.document.recovery import find_offers

            return find_offers(files)

        self._window.background.run(_TITLE, find, done)

    def _show_or_say(self, offers: list[Offer]) -> None:
        if offers:
            self._show(offers)
            return
        message = "Nothing is left to recover: all that was edited is saved, or was discarded."
        self._window.show_problems("There is no unsaved work", (Problem(code="recovery.none", message=message),))

    def _show_some(self, offers: list[Offer]) -> None:
        """Show what was not offered before: who has answered "Later" is left alone until asking, or the next start."""
        new = [offer for offer in offers if offer.leftover.token not in self._offered]
        if new:
            self._show(new)

    def _show_of(self, path: Path, offers: list[Offer]) -> None:
        from netbuilder.document.sidecar import real

        self._show_some([offer for offer in offers if offer.file is not None and real(offer.file) == real(path)])

    def _show(self, offers: list[Offer]) -> None:
        from netbuilder.ui.recovery_dialog import RecoveryDialog

        self._offered |= {offer.leftover.token for offer in offers}
        dialog = RecoveryDialog(offers, self._window)
        dialog.recoverRequested.connect(self.recover)
        dialog.openRequested.connect(self._open)
        dialog.discardRequested.connect(self._discard)
        dialog.open()

    def _is_free(self, offer: Offer) -> bool:
        """Whether nobody has taken the journal meanwhile; says so otherwise."""
        if not offer.leftover.is_live:
            return True
        message = f"Another window is recovering {offer.name} already."
        self._window.show_problems("It cannot be recovered", (Problem(code="recovery.taken", message=message),))
        return False

    def _open(self, offer: Offer) -> None:
        if offer.file is not None and offer.file != self._window.workspace.path:
            self._window.files.open_path(offer.file)
        self._window.show_network()

    def _discard(self, offer: Offer) -> None:
        if self._is_free(offer):
            try:
                offer.leftover.discard()
            except NetbuilderError as error:
                self._window.show_problems("It cannot be deleted", error.problems)
