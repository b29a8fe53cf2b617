"""Questions and answers: what to do with unsaved changes, problems that interrupt, About, the list of shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum, auto
from functools import partial
from html import escape
from pathlib import Path

import shiboken6
from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QMessageBox,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from netbuilder import __version__
from netbuilder.foundation.problem import Fix, Problem
from netbuilder.ui.action_table import ACTIONS, MENUS
from netbuilder.ui.dialog import Dialog

PROJECTS = {".netb": "NetBuilder projects"}
TABLES = "Tables (*.csv *.tsv *.parquet)"

_MOST_FIXES = 3


class Answer(Enum):
    """What the user chose."""

    YES = auto()
    NO = auto()
    CANCEL = auto()


def _message(parent: QWidget, text: str, detail: str) -> QMessageBox:
    """Return a message whose texts, which may quote a hostile file, are shown as they are."""
    box = QMessageBox(parent)
    box.setWindowTitle("NetBuilder")
    box.setIcon(QMessageBox.Icon.NoIcon)
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(f"<b>{escape(text)}</b>")
    box.setInformativeText(detail)
    for label in box.findChildren(QLabel, "qt_msgbox_label"):
        label.setWordWrap(True)  # names may be long
    for label in box.findChildren(QLabel, "qt_msgbox_informativelabel"):
        label.setTextFormat(Qt.TextFormat.PlainText)
    return box


def ask(parent: QWidget, text: str, detail: str, yes: str, no: str = "", cancel: str = "Cancel") -> Answer:
    """Ask a question whose buttons say what they do.

    Args:
        parent: The window.
        text: The question, as plain text: names in it may come from a file that anybody has written.
        detail: What follows from each answer, as plain text too.
        yes: The main button.
        no: Another way, or "" when there is none.
        cancel: The way back, which Escape takes, as does a window that is closed meanwhile; "" when `yes` is that way.
    """
    box = _message(parent, text, detail)
    first = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    first.setProperty("role", "primary")
    first.style().unpolish(first)  # a message box dresses its buttons as it takes them in
    first.style().polish(first)
    second = box.addButton(no, QMessageBox.ButtonRole.DestructiveRole) if no else None
    back = box.addButton(cancel, QMessageBox.ButtonRole.RejectRole) if cancel else first
    box.setDefaultButton(first)
    box.setEscapeButton(back)
    box.exec()
    if not shiboken6.isValid(box):  # the window was closed below the question, by the system or a signal
        return Answer.CANCEL
    clicked = box.clickedButton()
    if clicked is first:
        return Answer.YES
    return Answer.NO if second is not None and clicked is second else Answer.CANCEL


def ask_unsaved(parent: QWidget, name: str) -> Answer:
    """Ask whether to save (YES), to discard (NO) or to go back (CANCEL)."""
    return ask(parent, f"Save the changes to “{name}”?", "They are lost when they are not saved.", "Save", "Discard")


def ask_running(parent: QWidget) -> Answer:
    """Ask whether to stop the run and save it (YES), or to go on training (CANCEL)."""
    return ask(
        parent,
        "A run is in progress.",
        "Closing stops it after the current step; its curves and its best weights so far are kept.",
        "Stop and save",
        cancel="Keep training",
    )


def ask_overwrite_changed(parent: QWidget, path: Path) -> Answer:
    """Ask whether to save under another name (YES), or to overwrite a file that another program has changed (NO)."""
    return ask(
        parent,
        f"“{path.name}” was changed by another program.",
        "It is no longer what was opened here. Overwriting it loses those changes.",
        "Save under another name…",
        "Overwrite",
    )


def ask_reload(parent: QWidget, path: Path, is_modified: bool) -> bool:
    """Ask whether to take over what another program has written to the open file."""
    detail = "What you have changed here is not in it; undo brings it back after reloading." if is_modified else ""
    text = f"“{path.name}” was changed by another program."
    return (
        ask(parent, text, detail or "Undo leads back to what is open now.", "Reload", cancel="Keep mine") is Answer.YES
    )


def ask_discard(parent: QWidget, name: str) -> bool:
    """Ask whether to delete for good what could be recovered."""
    detail = f"What was not saved of “{name}” is deleted for good. A file on the disk stays as it is."
    return ask(parent, "Discard this unsaved work?", detail, "Keep it", "Discard", cancel="") is Answer.NO


def ask_version_instead(parent: QWidget, path: Path, why: str, when: str) -> bool:
    """Ask whether to open the newest readable version of a file that cannot be read."""
    detail = f"{why}\n\nThe version saved {when} is whole. It opens as a copy; the file stays as it is."
    return ask(parent, f"“{path.name}” cannot be opened.", detail, "Open that version") is Answer.YES


def ask_open_elsewhere(parent: QWidget, path: Path, who: str) -> Answer:
    """Ask whether to open a copy (YES) of a file that another window has open, or the file all the same (NO)."""
    return ask(
        parent,
        f"“{path.name}” is open in another window.",
        f"{who} A copy can be edited freely. When both save the file, the later one wins; "
        "what it replaces is kept among the earlier versions.",
        "Open a copy",
        "Open it all the same",
    )


def ask_overwrite_open(parent: QWidget, path: Path, who: str) -> Answer:
    """Ask whether to overwrite (NO) a file that another window has open."""
    return ask(
        parent,
        f"“{path.name}” is open in another window.",
        f"{who} What it holds now would be kept among its earlier versions.",
        "Keep it",
        "Overwrite it",
    )


def ask_replace(parent: QWidget, path: Path, follows: str = "Exporting replaces what it holds.") -> Answer:
    """Ask whether to replace a file that is there already."""
    return ask(parent, f"“{path.name}” exists already.", follows, "Replace")


Offer = tuple[str, str, Callable[[], object]]
"""A button of a message: its title, its tip, and what it does."""


def show_problems(
    parent: QWidget,
    title: str,
    problems: Iterable[Problem],
    mend: Callable[[Fix], object] | None = None,
    offers: Sequence[Offer] = (),
) -> None:
    """Say in a dialog what could not be done and why.

    Args:
        parent: The window.
        title: What could not be done.
        problems: Why.
        mend: Applies a fix; those of the problems then have a button each.
        offers: What else can be done about it, the most likely first.
    """
    told = tuple(problems)
    box = _message(parent, title, "\n\n".join(problem.message for problem in told))
    box.setEscapeButton(box.addButton(QMessageBox.StandardButton.Ok))
    if mend is not None:
        for fix in [fix for problem in told for fix in problem.fixes][:_MOST_FIXES]:
            button = box.addButton(fix.title, QMessageBox.ButtonRole.ActionRole)
            button.clicked.connect(partial(_mend, mend, fix))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for at, (text, tip, call) in enumerate(offers):
        button = box.addButton(text, QMessageBox.ButtonRole.ActionRole)
        button.setToolTip(tip)
        button.clicked.connect(lambda _=False, call=call: call())
        if at == 0:
            button.setProperty("role", "primary")
            button.style().unpolish(button)
            button.style().polish(button)
            box.setDefaultButton(button)
    box.open()


def _mend(mend: Callable[[Fix], object], fix: Fix, _checked: bool = False) -> None:
    """Apply a fix when its button is clicked."""
    mend(fix)


def choose_project(parent: QWidget, folder: Path) -> Path | None:
    """Ask for a project to open."""
    kinds = f"{_filters(PROJECTS)};;All files (*)"
    name, _ = QFileDialog.getOpenFileName(parent, "Open a project", str(folder), kinds)
    return Path(name) if name else None


def choose_data(parent: QWidget, folder: Path) -> Path | None:
    """Ask for a table, or for a folder of images."""
    answer = ask(
        parent,
        "What is your data?",
        "A table has a row a sample and a column to predict. A folder of images has one subfolder a class.",
        "A table (CSV, Parquet)…",
        "A folder of images…",
    )
    if answer is Answer.YES:
        name, _ = QFileDialog.getOpenFileName(parent, "Choose a table", str(folder), f"{TABLES};;All files (*)")
    elif answer is Answer.NO:
        name = QFileDialog.getExistingDirectory(parent, "Choose a folder of images", str(folder))
    else:
        name = ""
    return Path(name) if name else None


def choose_project_target(parent: QWidget, suggestion: Path) -> Path | None:
    """Ask where to save a project."""
    path = name_file(parent, "Save the project", suggestion, PROJECTS)
    follows = "Saving replaces what it holds, which is kept among its earlier versions."
    return path if path is not None and may_replace(parent, path, follows) else None


def choose_target(parent: QWidget, title: str, suggestion: Path, kinds: Mapping[str, str]) -> Path | None:
    """Ask where to export to, and whether a file that is there may be replaced.

    Args:
        parent: The window.
        title: What is exported.
        suggestion: Which file is proposed.
        kinds: Ending, with its dot -> what such files are called.
    """
    path = name_file(parent, title, suggestion, kinds)
    return path if path is not None and may_replace(parent, path) else None


def may_replace(parent: QWidget, path: Path, *follows: str) -> bool:
    """Ask whether a file may be replaced, where there is one."""
    return not path.is_file() or ask_replace(parent, path, *follows) is Answer.YES


def name_file(parent: QWidget, title: str, suggestion: Path, kinds: Mapping[str, str]) -> Path | None:
    """Ask for the name of a file to write; one that ends like none of its kinds gets the ending of the chosen one.

    The system's dialog could ask only about the name as it was typed, so whoever writes asks about replacing.
    """
    name, chosen = QFileDialog.getSaveFileName(
        parent, title, str(suggestion), _filters(kinds), "", QFileDialog.Option.DontConfirmOverwrite
    )
    if not name:
        return None
    ending = next((ending for ending in kinds if f"*{ending})" in chosen), next(iter(kinds)))
    return with_ending(Path(name), ending, kinds)


def with_ending(path: Path, ending: str, known: Collection[str] = ()) -> Path:
    """Return a path whose name ends as it must: "net.v2" becomes "net.v2.onnx".

    Args:
        path: What was typed.
        ending: With its dot.
        known: Other endings that are as good.
    """
    return path if path.suffix.lower() in (ending, *known) else path.with_name(path.name + ending)


def _filters(kinds: Mapping[str, str]) -> str:
    return ";;".join(f"{title} (*{ending})" for ending, title in kinds.items())


class AboutDialog(Dialog):
    """What this is and what it stands on."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("About NetBuilder")
        self.setMinimumWidth(480)
        heading = QLabel(f"NetBuilder {__version__}")
        heading.setProperty("role", "heading")
        text = QLabel(
            "Draw a neural network, train it, watch it learn; leave with clean PyTorch code.<br><br>"
            "NetBuilder is free software under the MIT licence. It stands on PyTorch (BSD), "
            f"Qt {qVersion()} for Python (LGPL 3), NumPy (BSD), NetworkX (BSD), scikit-learn (BSD), "
            "Polars (MIT), Pillow (MIT-CMU), msgspec (BSD), safetensors and TorchMetrics (Apache 2).<br><br>"
            "Qt is used as a library under the LGPL: it is installed as a package of its own, which you may replace "
            "with another version or your own build.<br><br>"
            "Nothing that you draw, load or train leaves this computer."
        )
        text.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        for widget in (heading, text, buttons):
            layout.addWidget(widget)


class ShortcutsDialog(Dialog):
    """Every action with its keys, from the table, the panels, and the canvas's gestures."""

    def __init__(self, parent: QWidget, gestures: Iterable[tuple[str, str]] = ()) -> None:
        from netbuilder.ui.panels import discover  # with the list, not with the window

        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        panels = discover()
        self.resize(620, 680)
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 12, 0)
        grid.setColumnStretch(0, 1)
        grid.setVerticalSpacing(6)
        grid.setHorizontalSpacing(24)
        for menu in MENUS:
            rows = [
                (_plain(spec.title), shown_keys(spec.shortcuts))
                for spec in ACTIONS
                if spec.menu.partition("/")[0] == menu and spec.shortcuts
            ]
            _add_section(grid, _plain(menu), rows)
        _add_section(grid, "Panels", [(spec.title, shown_keys((spec.shortcut,))) for spec in panels if spec.shortcut])
        _add_section(grid, "On the canvas", list(gestures))
        grid.setRowStretch(grid.rowCount(), 1)
        area = QScrollArea(widgetResizable=True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 12, 16)
        layout.addWidget(area)
        layout.addWidget(buttons)


def _add_section(grid: QGridLayout, title: str, rows: list[tuple[str, str]]) -> None:
    if not rows:
        return
    heading = QLabel(title.upper())
    heading.setProperty("role", "section")
    heading.setContentsMargins(0, 10, 0, 2)
    grid.addWidget(heading, grid.rowCount(), 0)
    for what, keys in rows:
        row = grid.rowCount()
        grid.addWidget(QLabel(what), row, 0)
        label = QLabel(keys)
        label.setProperty("role", "number")
        grid.addWidget(label, row, 1)


def shown_keys(shortcuts: Iterable[str]) -> str:
    """Return key sequences as this platform writes them."""
    portable, native = QKeySequence.SequenceFormat.PortableText, QKeySequence.SequenceFormat.NativeText
    return ", ".join(QKeySequence.fromString(keys, portable).toString(native) for keys in shortcuts)


def _plain(title: str) -> str:
    return title.replace("&", "").removesuffix("…")
