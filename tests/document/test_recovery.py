"""What killed programs have left, and how it stands to the files: nothing newer is ever taken for older."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netbuilder.document.files import dumps, write_document
from netbuilder.document.journal.reading import find_journals
from netbuilder.document.journal.writer import JournalWriter
from netbuilder.document.model import About, Document
from netbuilder.document.recovery import Standing, find_offers
from netbuilder.document.sidecar import recovery_folder, sidecar
from tests.builders import tiny_cnn, tiny_mlp


def edited(document: Document) -> Document:
    return replace(document, about=About(title="Edited"))


def leave(folder: Path, document: Document, path: Path | None = None, keep: bool = True) -> None:
    """Leave a journal as a killed program would."""
    stamp = (path, path.stat().st_mtime_ns, path.stat().st_size) if path else None
    writer = JournalWriter((folder,), path.name if path else "untitled", stamp, print)
    writer.record(document)
    writer.close(keep)
    assert writer.wait(10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "net.netb"
    path.parent.mkdir()
    write_document(path, tiny_mlp())
    return path


def test_what_goes_on_from_the_file(path: Path) -> None:
    leave(sidecar(path), edited(tiny_mlp()), path)
    (offer,) = find_offers([path, path])
    assert (offer.standing, offer.name, offer.file) == (Standing.SAME, "net.netb", path)
    assert offer.recovered is not None
    assert offer.recovered.document.about.title == "Edited"
    assert offer.on_disk == tiny_mlp()


def test_a_folder_that_has_moved_takes_its_journals_along(path: Path, tmp_path: Path) -> None:
    leave(sidecar(path), edited(tiny_mlp()), path)
    moved = path.parent.rename(tmp_path / "elsewhere") / path.name
    (offer,) = find_offers([moved])
    assert (offer.standing, offer.file) == (Standing.SAME, moved)


@pytest.mark.parametrize("kept_in", ["beside", "home"])
def test_a_file_that_was_written_since_is_newer(path: Path, kept_in: str) -> None:
    leave(sidecar(path) if kept_in == "beside" else recovery_folder(), edited(tiny_mlp()), path)
    write_document(path, tiny_cnn())
    (offer,) = find_offers([path])
    assert (offer.standing, offer.file) == (Standing.CHANGED, path)
    assert offer.on_disk == tiny_cnn()


def test_a_file_that_changed_before_the_first_edit_is_newer(path: Path) -> None:
    stamp = (path, path.stat().st_mtime_ns, path.stat().st_size)
    write_document(path, tiny_cnn())
    writer = JournalWriter((sidecar(path),), path.name, stamp, print)
    writer.record(edited(tiny_mlp()))
    writer.close(keep=True)
    assert writer.wait(10)
    (offer,) = find_offers([path])
    assert offer.standing is Standing.CHANGED


def test_a_file_that_is_gone(path: Path) -> None:
    leave(sidecar(path), edited(tiny_mlp()), path)
    path.unlink()
    (offer,) = find_offers([path])
    assert offer.standing is Standing.MISSING
    assert offer.on_disk is None


def test_several_crashes_make_a_list_with_the_latest_first(path: Path) -> None:
    leave(sidecar(path), edited(tiny_mlp()), path)
    leave(recovery_folder(), tiny_cnn())
    leave(sidecar(path), replace(tiny_mlp(), about=About(title="Edited again")), path)
    offers = find_offers([path])
    titles = [offer.recovered.document.about.title for offer in offers if offer.recovered]
    assert titles == ["Edited again", tiny_cnn().about.title, "Edited"]
    assert [offer.standing for offer in offers] == [Standing.SAME, Standing.UNSAVED, Standing.SAME]
    assert len(find_offers([path])) == 3, "looking deletes nothing"


def test_what_the_file_holds_already_is_no_offer(path: Path) -> None:
    leave(sidecar(path), edited(tiny_mlp()), path)
    write_document(path, edited(tiny_mlp()))  # saved, and killed before the journal was deleted
    leave(recovery_folder(), Document())
    assert find_offers([path]) == []
    assert find_journals(sidecar(path)) == find_journals(recovery_folder()) == []


def test_a_journal_in_use_is_no_offer(path: Path) -> None:
    writer = JournalWriter((sidecar(path),), path.name, None, print)
    writer.record(tiny_cnn())
    try:
        while not any(each.is_live for each in find_journals(sidecar(path))):
            pass
        assert find_offers([path]) == []
    finally:
        writer.close(keep=True)
        assert writer.wait(10)
    assert len(find_offers([path])) == 1


def test_a_damaged_journal_is_told_of_and_stays(path: Path) -> None:
    leave(sidecar(path), edited(tiny_mlp()), path)
    (leftover,) = find_journals(sidecar(path))
    leftover.files[0].write_bytes(b"\0" * 999)
    (offer,) = find_offers([path])
    assert offer.recovered is None
    assert "ends too early" in offer.problems[0].message
    assert leftover.files[0].exists()
    offer.leftover.discard()
    assert find_offers([path]) == []
    assert dumps(tiny_mlp()) == path.read_text()
