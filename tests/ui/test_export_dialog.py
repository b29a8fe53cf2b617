"""The Export menu: every format and the picture, from the action to the file or the reason why there is none."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from netbuilder.compiler.meta import warm_up
from netbuilder.document import edits
from netbuilder.exchange import child_process
from netbuilder.exchange.formats import FORMATS, Exported, Order, export
from netbuilder.foundation.job import Job
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.project import Project
from netbuilder.training.protocol import State
from netbuilder.ui import dialogs
from netbuilder.ui.action_table import BY_ID
from netbuilder.ui.dialogs import Answer
from netbuilder.ui.export_dialog import ExportDialog
from netbuilder.ui.picture_dialog import PictureDialog
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace
from tests.builders import tiny_mlp


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> MainWindow:
    import torch  # noqa: F401

    warm_up()
    Project(tiny_mlp()).save(tmp_path / "tiny.netb")
    window = MainWindow(Workspace(Preferences()), controller())
    qtbot.addWidget(window, before_close_func=lambda window: setattr(window, "_may_close", True))
    window.show()
    window.furnish()
    window.workspace.open(tmp_path / "tiny.netb")
    window.workspace.torch_loaded()
    window.show_network()
    return window


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """Exports on the thread in place of a child process; returns the orders."""
    orders: list[Order] = []

    def do(order: Order, job: Job) -> Exported:
        orders.append(order)
        return export(order, job)

    monkeypatch.setattr(child_process, "export_in_child", do)
    return orders


def ask_for(window: MainWindow, key: str) -> ExportDialog:
    window.actions_[f"export.{key}"].trigger()
    return window.findChildren(ExportDialog)[-1]


def outcome(qtbot: QtBot, dialog: ExportDialog) -> str:
    qtbot.waitUntil(lambda: dialog.outcome.isVisible(), timeout=60_000)
    return dialog.outcome.text()


def test_every_format_has_its_entry_in_the_menu() -> None:
    for key, form in FORMATS.items():
        spec = BY_ID[f"export.{key}"]
        assert spec.menu == "E&xport"
        assert spec.tip == form.summary
        assert spec.shortcuts


@pytest.mark.parametrize("key", list(FORMATS))
def test_a_dialog_writes_the_file_and_says_so(window: MainWindow, here: list[Order], qtbot: QtBot, key: str) -> None:
    dialog = ask_for(window, key)
    target = Path(dialog.target.text())
    assert target.name == ("tiny-python" if key == "python" else f"tiny{FORMATS[key].suffix}")
    assert dialog.weights.count() == 1
    dialog.go.click()
    assert dialog.leave.text() == "Cancel"
    text = outcome(qtbot, dialog)
    assert "fresh weights, drawn from seed 0" in text
    assert target.exists()
    assert dialog.outcome.property("role") == "good"
    assert dialog.show_folder.isVisible()
    assert ("largest difference" in text) == (key in ("onnx", "pt2"))
    assert here[0].base == target.parent
    dialog.reject()


def test_a_real_child_exports_and_the_progress_moves(window: MainWindow, qtbot: QtBot) -> None:
    dialog = ask_for(window, "safetensors")
    seen: set[str] = set()
    dialog.go.click()
    qtbot.waitUntil(lambda: seen.add(dialog.detail.text()) or dialog.outcome.isVisible(), timeout=60_000)
    assert "Loading PyTorch…" in seen
    assert Path(dialog.target.text()).exists()
    assert not window.background.is_busy
    dialog.reject()


def test_cancel_and_close_stop_the_work(window: MainWindow, qtbot: QtBot) -> None:
    dialog = ask_for(window, "onnx")
    target = Path(dialog.target.text())
    dialog.go.click()
    dialog.leave.click()
    assert outcome(qtbot, dialog) == "Cancelled; nothing was written."
    qtbot.waitUntil(lambda: not window.background.is_busy, timeout=30_000)
    dialog.go.click()
    dialog.reject()
    qtbot.waitUntil(lambda: not window.background.is_busy, timeout=30_000)
    assert not target.exists()


def test_the_last_runs_weights_are_the_first_choice(window: MainWindow, here: list[Order], qtbot: QtBot) -> None:
    path = window.workspace.path
    assert path
    Project.load(path).train(epochs=1, folder=path.with_suffix(".runs") / "one")
    dialog = ask_for(window, "safetensors")
    assert [dialog.weights.itemText(place) for place in range(dialog.weights.count())] == [
        "Best weights of the run one",
        "Fresh weights from seed 0",
    ]
    dialog.go.click()
    assert "the best weights of the run one (epoch 1)" in outcome(qtbot, dialog)
    dialog.reject()
    window.workspace.trainer.folder = path.with_suffix(".runs") / "one"
    assert ask_for(window, "onnx").weights.currentData() == path.with_suffix(".runs") / "one"


def test_problems_stay_in_the_dialog_and_their_node_is_shown(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(order: Order, job: Job) -> Exported:
        raise NetbuilderError(Problem(code="export.operator", message="hidden cannot <b>leave</b>.", node="hidden"))

    monkeypatch.setattr(child_process, "export_in_child", refuse)
    dialog = ask_for(window, "onnx")
    dialog.go.click()
    assert outcome(qtbot, dialog) == "hidden cannot <b>leave</b>."
    assert dialog.outcome.property("role") == "bad"
    assert window.workspace.selection == {"hidden"}
    assert dialog.go.isEnabled()


@pytest.mark.parametrize("answer", [Answer.YES, Answer.CANCEL])
def test_a_file_that_is_there_is_replaced_only_after_a_question(
    window: MainWindow, here: list[Order], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(dialogs, "ask_replace", lambda parent, path: asked.append(path) or answer)
    dialog = ask_for(window, "safetensors")
    Path(dialog.target.text()).write_text("mine")
    dialog.go.click()
    if answer is Answer.YES:
        outcome(qtbot, dialog)
    assert asked == [Path(dialog.target.text())]
    assert (Path(dialog.target.text()).read_bytes() == b"mine") == (answer is Answer.CANCEL)


def test_a_folder_with_foreign_files_is_asked_about(
    window: MainWindow, here: list[Order], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(dialogs, "ask_replace", lambda parent, path: asked.append(path) or Answer.YES)
    dialog = ask_for(window, "python")
    folder = Path(dialog.target.text())
    folder.mkdir()
    (folder / "model.py").write_text("mine")
    dialog.go.click()
    assert "Wrote model.py" in outcome(qtbot, dialog)
    assert asked == [folder / "model.py"]
    assert "class TinyMLP" in (folder / "model.py").read_text()


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
def test_a_picture_is_written_in_the_chosen_kind(window: MainWindow, suffix: str) -> None:
    window.actions_["export.picture"].trigger()
    dialog = window.findChildren(PictureDialog)[-1]
    dialog._edit("suffix", suffix, "")
    target = Path(dialog.target.text())
    assert target.name == f"tiny{suffix}"
    dialog.go.click()
    assert target.read_bytes()[:5] in (b"%PDF-", b"<?xml", b"\x89PNG\r")
    assert not dialog.isVisible()


def test_a_picture_that_cannot_be_written_says_why(window: MainWindow, tmp_path: Path) -> None:
    window.actions_["export.picture"].trigger()
    dialog = window.findChildren(PictureDialog)[-1]
    dialog.target.setText(str(tmp_path / "nowhere" / "x.pdf"))
    dialog.go.click()
    assert "the folder does not exist" in dialog.outcome.text()
    assert dialog.isVisible()
    dialog.reject()


def test_an_open_dialog_follows_the_document(
    window: MainWindow, here: list[Order], qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = ask_for(window, "safetensors")
    window.workspace.edit("Seed", partial(edits.change_plan, values={"seed": 7}))
    assert dialog.weights.currentText() == "Fresh weights from seed 7"
    path = window.workspace.path
    assert path
    Project.load(path).train(epochs=1, folder=path.with_suffix(".runs") / "one")
    window.workspace.stateChanged.emit(State.ENDED)
    assert dialog.weights.itemText(0) == "Best weights of the run one"
    assert dialog.weights.currentText() == "Fresh weights from seed 7", "what was picked stays picked"
    dialog.weights.setCurrentIndex(0)
    Project(tiny_mlp()).save(tmp_path / "other.netb")
    window.workspace.open(tmp_path / "other.netb")
    assert dialog.weights.currentText() == "Fresh weights from seed 0"
    assert dialog.target.text() == str(tmp_path / "other.safetensors")
    dialog.go.click()
    assert "Wrote other.safetensors" in outcome(qtbot, dialog)
    assert here[-1].run is None


def test_a_point_in_a_name_is_no_ending(window: MainWindow, here: list[Order], qtbot: QtBot, tmp_path: Path) -> None:
    dialog = ask_for(window, "safetensors")
    dialog.target.setText(str(tmp_path / "net.v2"))
    dialog.go.click()
    assert "Wrote net.v2.safetensors" in outcome(qtbot, dialog)
    window.actions_["export.picture"].trigger()
    picture = window.findChildren(PictureDialog)[-1]
    picture.target.setText(str(tmp_path / "net.v2"))
    picture._edit("suffix", ".svg", "")
    assert picture.target.text() == str(tmp_path / "net.v2.svg")
    picture._edit("suffix", ".png", "")
    assert picture.target.text() == str(tmp_path / "net.v2.png")
    picture.reject()


def test_a_picture_needs_a_name(window: MainWindow) -> None:
    window.actions_["export.picture"].trigger()
    dialog = window.findChildren(PictureDialog)[-1]
    dialog.target.clear()
    assert not dialog.go.isEnabled()
    dialog._edit("suffix", ".svg", "")
    assert dialog.target.text() == ""
    dialog.reject()


def test_browsing_asks_for_the_place_of_a_folder_that_is_not_there_yet(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = ask_for(window, "python")
    asked: list[str] = []

    def choose(_parent: object, _title: str, start: str) -> str:
        asked.append(start)
        return str(tmp_path)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", choose)
    dialog.target.setText(str(tmp_path / "missing" / "mine"))
    dialog.browse.click()
    assert dialog.target.text() == str(tmp_path / "mine")
    (tmp_path / "mine").mkdir()
    dialog.browse.click()
    assert asked == [str(tmp_path), str(tmp_path / "mine")]
    assert dialog.target.text() == str(tmp_path)
