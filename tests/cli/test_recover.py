"""`netbuilder recover`: lists what was left, writes it to a new file, deletes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netbuilder import cli
from netbuilder.document.files import read_document, write_document
from netbuilder.document.journal.reading import find_journals
from netbuilder.document.journal.writer import JournalWriter
from netbuilder.document.sidecar import recovery_folder, sidecar
from netbuilder.foundation.preferences import Preferences
from tests.builders import tiny_cnn, tiny_mlp


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A project that a killed window has left edits of; another network was never saved."""
    path = tmp_path / "net.netb"
    write_document(path, tiny_mlp())
    Preferences().add_recent(path)
    stamp = (path, path.stat().st_mtime_ns, path.stat().st_size)
    for folder, name, of, document in (
        (sidecar(path), path.name, stamp, tiny_cnn()),
        (recovery_folder(), "untitled", None, tiny_mlp()),
    ):
        writer = JournalWriter((folder,), name, of, print)
        writer.record(document)
        writer.close(keep=True)
        assert writer.wait(10)
    return path


def test_what_was_left_is_listed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["recover", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["standing"], each["edits"]) for each in found] == [("unsaved", 1), ("same", 1)]
    assert found[1]["file"] == str(path)
    assert cli.main(["recover", str(path)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"net.netb: {len(tiny_cnn().graph.nodes)} nodes, 1 edit, the last at")
    assert "the file is as it was" in line


def test_it_is_written_to_a_new_file_only(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["recover", str(path), "-o", str(path)]) == 2
    assert read_document(path) == tiny_mlp()
    assert cli.main(["recover", str(path), "-o", str(tmp_path / "again.netb")]) == 0
    assert read_document(tmp_path / "again.netb") == tiny_cnn()
    assert len(find_journals(sidecar(path))) == 1, "nothing is deleted"


def test_nothing_and_damaged_things_are_told(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    assert cli.main(["recover", str(tmp_path / "other" / "net.netb")]) == 1
    assert "There is no unsaved work." in capsys.readouterr().out
    find_journals(sidecar(path))[0].files[0].write_text("damaged")
    assert cli.main(["recover", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "cannot be recovered" in out
    assert "ends too early" in err
    assert cli.main(["recover", str(path), "-o", str(tmp_path / "again.netb")]) == 2
    assert not (tmp_path / "again.netb").exists()
