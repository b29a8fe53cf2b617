"""Preferences: kept, canonical, and never fatal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from netbuilder.foundation import preferences as module
from netbuilder.foundation.preferences import FILE, PREFERENCES, RECENT, Preferences, config_folder
from netbuilder.foundation.problem import Severity
from netbuilder.foundation.save import atomic_save


def test_settings_are_declared_and_kept(tmp_path: Path) -> None:
    first = Preferences(tmp_path)
    assert first.values() == {parameter.name: parameter.default for parameter in PREFERENCES}
    first.set("theme", "dark")
    first.set("window", "AAAA/w==")
    second = Preferences(tmp_path)
    assert second.get("theme") == "dark"
    assert second.get("window") == "AAAA/w=="
    assert second.get("nothing") is None
    assert second.get("nothing", 3) == 3
    assert second.problem is None


def test_declared_settings_refuse_other_values(tmp_path: Path) -> None:
    preferences = Preferences(tmp_path)
    with pytest.raises(ValueError, match="Theme: expected one of"):
        preferences.set("theme", "pink")
    assert preferences.get("theme") == "system"


def test_a_setting_that_the_file_holds_wrongly_has_its_default(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"values": {"theme": 7, "later": true}}')
    preferences = Preferences(tmp_path)
    assert preferences.get("theme") == "system"
    assert preferences.get("later") is True
    preferences.set("theme", "light")
    assert json.loads((tmp_path / FILE).read_text())["values"]["later"] is True


def test_setting_what_is_set_writes_nothing(tmp_path: Path) -> None:
    preferences = Preferences(tmp_path)
    preferences.set("theme", "dark")
    os.unlink(tmp_path / FILE)
    preferences.set("theme", "dark")
    assert not (tmp_path / FILE).exists()


def test_nothing_is_written_before_something_is_set(tmp_path: Path) -> None:
    Preferences(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"values": []}',
        b'{"recent": [{"path": 3}]}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}" + b" " * module.BYTES,
        b'{"values": {"a": NaN}}',
    ],
)
def test_damaged_preferences_are_set_aside_and_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    preferences = Preferences(tmp_path)
    assert preferences.problem is not None
    assert preferences.problem.code == "preferences.damaged"
    assert preferences.problem.severity is Severity.WARNING
    assert (tmp_path / f"{FILE}.invalid").read_bytes() == content
    preferences.set("theme", "dark")
    assert Preferences(tmp_path).get("theme") == "dark"


def test_damaged_preferences_that_cannot_be_set_aside_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_text("{")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        preferences = Preferences(tmp_path)
    assert preferences.problem is not None
    assert f"kept in {FILE}" in preferences.problem.message
    assert (tmp_path / FILE).read_text() == "{"


def test_unreadable_preferences_are_told(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    preferences = Preferences(tmp_path)
    assert preferences.problem is not None
    assert preferences.problem.code == "preferences.unreadable"
    assert preferences.get("theme") == "system"


def test_preferences_that_cannot_be_written_are_told_and_hold_while_running(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    preferences = Preferences(tmp_path / "file" / "below")
    preferences.set("theme", "dark")
    assert preferences.get("theme") == "dark"
    assert preferences.problem is not None
    assert preferences.problem.code in ("preferences.save", "preferences.unreadable")


def test_a_failing_save_is_told_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preferences = Preferences(tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.setattr(module, "atomic_save", lambda path, data: atomic_save(folder, data))
    preferences.set("theme", "dark")
    assert preferences.problem is not None
    assert "could not be saved" in preferences.problem.message


def test_recent_files_are_in_order_without_doubles(tmp_path: Path) -> None:
    preferences = Preferences(tmp_path)
    preferences.add_recent(tmp_path / "a.netb", "accuracy 0.98")
    preferences.add_recent(tmp_path / "b.netb")
    preferences.add_recent(str(tmp_path / "a.netb"))
    again = Preferences(tmp_path).recent
    assert [Path(each.path).name for each in again] == ["a.netb", "b.netb"]
    assert [each.mark for each in again] == ["accuracy 0.98", ""]
    assert again[0].opened >= again[1].opened > 1.6e9
    preferences.add_recent(tmp_path / "a.netb", "")
    assert preferences.recent[0].mark == ""
    preferences.remove_recent(tmp_path / "a.netb")
    assert [Path(each.path).name for each in Preferences(tmp_path).recent] == ["b.netb"]
    for number in range(RECENT + 5):
        preferences.add_recent(tmp_path / f"{number}.netb")
    assert len(preferences.recent) == RECENT


def test_the_folder_is_the_user_s_or_the_environment_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETBUILDER_HOME", str(tmp_path))
    assert config_folder() == tmp_path
    assert Preferences().path == tmp_path / FILE
    monkeypatch.delenv("NETBUILDER_HOME")
    assert config_folder().name == "netbuilder"
