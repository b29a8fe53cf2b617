"""The data watch: looks at the files of the document's data nodes, on a thread, when they may have changed.

It looks when a document is opened, when another program had the user's attention, and when a data node is changed; it
never changes the document. What it finds, the analysis shows as problems at the nodes.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from netbuilder.document.identity import fresh_keys
from netbuilder.document.model import Document, Node
from netbuilder.foundation.job import Job
from netbuilder.training.readiness import Reading, nodes_to_read, read
from netbuilder.ui.panels.errands import Errand

PAUSE = 3.0
"""Seconds after a look before the window's becoming active makes another; with a problem in sight it always does."""

_CALM_MS = 150
"""How long to wait after a change for others, so that a scrubbed number is one look."""


class DataWatch(QObject):
    """Follows a document with looks at its data.

    Signals:
        changed: () `readings` are others.
        message: (str) something changed that needs no decision.
    """

    changed = Signal()
    message = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._base = Document(), Path()
        self._readings: dict[str, Reading] = {}
        self._asked: tuple[Reading, ...] = ()  # what the look under way is about
        self._last_look = -PAUSE
        self._job = Job()
        self._errand = Errand(self)
        self._errand.done.connect(self._take)
        self._timer = QTimer(self, singleShot=True, interval=_CALM_MS)
        self._timer.timeout.connect(self.look)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.connect(self._note_state)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What was found of the document's nodes as they are now."""
        return tuple(each for each in self._readings.values() if each.is_about(self._document, self._base))

    def follow(self, document: Document, base: Path) -> None:
        """Watch `document` from now on; what it shares with the last one is not looked at again.

        Args:
            document: What to watch.
            base: The folder that relative file names are relative to.
        """
        before, self._document = self._document, document
        is_same_around = base == self._base and document.schemas == before.schemas
        among = fresh_keys(before.graph.nodes, document.graph.nodes) if is_same_around else None
        nodes, self._base = nodes_to_read(document, among), base
        if not nodes:
            return
        asked = (each for each in self._asked if each.is_about(document, base))
        known = {each.node.id for each in (*self.readings, *asked)}
        if any(node.id not in known for node in nodes):
            self._timer.start()

    def look(self) -> None:
        """Look at all files now, behind the window's back."""
        self._timer.stop()
        self._job.cancel()
        document, base, job = self._document, self._base, Job("Looking at the data")
        nodes = nodes_to_read(document)
        if not nodes:
            return
        self._job, self._last_look = job, monotonic()
        self._asked = tuple(Reading(node=node, base=base, known=document.schemas.get(node.id)) for node in nodes)
        before = {each.node.id: each for each in self.readings}
        self._errand.run(lambda: _read_all(document, nodes, base, before, job))

    def _take(self, found: dict[str, Reading]) -> None:
        before, self._readings = self._readings, found
        self._asked, self._last_look = (), monotonic()
        if found == before:
            return
        self.changed.emit()
        for id, reading in found.items():
            earlier = before[id].schema if id in before and before[id].known == reading.known else reading.known
            if earlier is None or reading.schema is None or earlier.rows == reading.schema.rows:
                continue
            self.message.emit(f"{reading.node.label} has {reading.schema.rows:,} rows now; it had {earlier.rows:,}")

    def _note_state(self, state: Qt.ApplicationState) -> None:
        if state is not Qt.ApplicationState.ApplicationActive or self._asked:
            return
        if monotonic() - self._last_look >= PAUSE or any(each.problems for each in self._readings.values()):
            self.look()


def _read_all(
    document: Document, nodes: list[Node], base: Path, before: dict[str, Reading], job: Job
) -> dict[str, Reading]:
    found = {}
    for node in nodes:
        job.report(None, node.label)
        found[node.id] = read(document, node, base, before.get(node.id))
    return found
