"""The recovery dialog: what was not saved when the program ended, what it looks like, and what to do with it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSignalBlocker, Qt, Signal, SignalInstance
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from netbuilder.document.recovery import Offer, Standing
from netbuilder.ui import dialogs
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.differences import describe_difference, describe_size
from netbuilder.ui.network_picture import NetworkPicture
from netbuilder.ui.panels.cards import ElidedLabel, label
from netbuilder.ui.text import ago, clock, counted

_NOTES = {
    Standing.CHANGED: "“{name}” has been written since then. It stays as it is: what is recovered opens as a copy.",
    Standing.MISSING: "“{name}” is no longer in its folder. What is recovered opens as a copy.",
}
_LIST = 230  # pixels
_CUT = "A part of the journal is damaged: what came after it is lost."


class RecoveryDialog(Dialog):
    """Offers one journal after the other; nothing is deleted that the user does not discard.

    Signals:
        recoverRequested: (Offer) open what it holds.
        openRequested: (Offer) open the file as it is on the disk.
        discardRequested: (Offer) delete the journal; agreed already.
    """

    recoverRequested = Signal(object)
    openRequested = Signal(object)
    discardRequested = Signal(object)

    def __init__(self, offers: Iterable[Offer], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Recover unsaved work")
        self.resize(880, 620)
        self._offers = list(offers)
        self.list = QListWidget()
        self.list.setFixedWidth(_LIST)
        self.list.setAccessibleName("What can be recovered")
        self.picture = NetworkPicture()
        self.heading, self.when = ElidedLabel("", "heading"), label("", "muted", wrap=True)
        self.difference, self.note = label("", wrap=True), label("", "bad", wrap=True)
        self.recover_button = QPushButton("Recover")
        self.recover_button.setProperty("role", "primary")
        self.recover_button.setDefault(True)
        self.open_button = QPushButton("Open the file as it is")
        self.discard_button = QPushButton("Discard…")
        self.later_button = QPushButton("Later")
        self._lay_out()
        self.list.currentRowChanged.connect(self._show)
        self.recover_button.clicked.connect(lambda: self._answer(self.recoverRequested))
        self.open_button.clicked.connect(lambda: self._answer(self.openRequested))
        self.discard_button.clicked.connect(self._discard)
        self.later_button.clicked.connect(self.reject)
        self._fill()
        (self.list if len(self._offers) > 1 else self.recover_button).setFocus()

    @property
    def offer(self) -> Offer:
        """What is shown."""
        return self._offers[max(self.list.currentRow(), 0)]

    def _lay_out(self) -> None:
        intro = label("NetBuilder ended before this was saved. Everything up to the last moment is here.", wrap=True)
        right = QVBoxLayout()
        right.setSpacing(6)
        for widget in (self.heading, self.when, self.difference, self.note):
            right.addWidget(widget)
        frame = QFrame()
        frame.setProperty("card", "true")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.picture)
        right.addSpacing(6)
        right.addWidget(frame, 1)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.list)
        middle.addLayout(right, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.discard_button)
        buttons.addStretch(1)
        for button in (self.later_button, self.open_button, self.recover_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addWidget(intro)
        column.addLayout(middle, 1)
        column.addLayout(buttons)

    def _fill(self) -> None:
        with QSignalBlocker(self.list):
            self.list.clear()
            for offer in self._offers:
                when = ago(offer.recovered.ended) if offer.recovered is not None else "damaged"
                name = self.list.fontMetrics().elidedText(offer.name, Qt.TextElideMode.ElideMiddle, _LIST - 24)
                item = QListWidgetItem(f"{name}\n{when}")
                item.setToolTip(str(offer.file or offer.name))
                self.list.addItem(item)
            self.list.setCurrentRow(0)
        self.list.setVisible(len(self._offers) > 1)
        self._show(0)

    def _show(self, row: int) -> None:
        offer = self._offers[row]
        recovered, name = offer.recovered, offer.name
        self.heading.setText(name)
        self.heading.setToolTip(str(offer.file or ""))
        self.recover_button.setEnabled(recovered is not None)
        self.open_button.setVisible(offer.file is not None and offer.on_disk is not None)
        self.picture.setVisible(recovered is not None)
        if recovered is None:
            self.when.setText("")
            self.difference.setText("It cannot be recovered.")
            self.note.setText("\n".join(problem.message for problem in offer.problems))
            self.note.show()
            return
        edits = counted(recovered.edits, "edit")
        self.when.setText(f"Last edit {clock(recovered.ended)}, {ago(recovered.ended)}; {edits} that no file holds")
        size = describe_size(recovered.document)
        if offer.on_disk is not None:
            size += f". Against the file: {describe_difference(offer.on_disk, recovered.document)}."
        self.difference.setText(size)
        notes = [_NOTES[offer.standing].format(name=name)] if offer.standing in _NOTES else []
        notes += [] if recovered.is_whole else [_CUT]
        self.note.setText(" ".join(notes))
        self.note.setVisible(bool(notes))
        self.recover_button.setText("Recover as a copy" if offer.standing in _NOTES else "Recover")
        self.picture.show_document(recovered.document)

    def _answer(self, signal: SignalInstance) -> None:
        offer = self.offer
        self.accept()
        signal.emit(offer)

    def _discard(self) -> None:
        offer = self.offer
        if not dialogs.ask_discard(self, offer.name):
            return
        self.discardRequested.emit(offer)
        self._offers.remove(offer)
        if self._offers:
            self._fill()
        else:
            self.accept()
