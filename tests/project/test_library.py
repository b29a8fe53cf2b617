"""The library: saving, offering, renaming, deleting, and files that are not sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netbuilder.document import edits
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.library import Library, library_folder
from netbuilder.project import Vocabulary, declaration_for
from tests.compiler.blocks import staged


@pytest.fixture
def library(tmp_path: Path) -> Library:
    made = Library(tmp_path / "mine")
    made.refresh()
    return made


def test_the_folder_lies_in_the_home(home: Path) -> None:
    assert library_folder() == home / "blocks"


def test_a_saved_block_is_offered_with_all_that_it_needs(library: Library) -> None:
    path = library.save(staged(), "stage")
    assert path.name == "stage.netblock"
    entry = library.entries["library.stage"]
    assert entry.is_personal
    assert set(entry.file.blocks) == {"stage", "residual"}
    fresh = edits.add_definitions(Document(), entry.file.blocks, entry.file.layout)
    assert set(fresh.blocks) == {"stage", "residual"}
    assert next(iter(library.entries)) == "library.stage"


def test_a_second_one_of_the_title_lies_beside_the_first(library: Library) -> None:
    library.save(staged(), "stage")
    assert library.save(edits.set_block(staged(), "stage", description="Other"), "stage").name == "stage_2.netblock"
    assert {"library.stage", "library.stage_2"} <= library.entries.keys()


def test_renaming_and_deleting(library: Library) -> None:
    library.save(staged(), "stage")
    library.rename("library.stage", "Deep stage")
    assert library.entries["library.deep_stage"].definition.title == "Deep stage"
    assert "library.stage" not in library.entries
    with pytest.raises(NetbuilderError, match="needs a title"):
        library.rename("library.deep_stage", " ")
    library.delete("library.deep_stage")
    assert not any(entry.is_personal for entry in library.entries.values())
    with pytest.raises(NetbuilderError, match="not in your library any more"):
        library.delete("library.deep_stage")


def test_shipped_blocks_are_sound_and_stay(library: Library) -> None:
    shipped = [entry for entry in library.entries.values() if not entry.is_personal]
    assert len(shipped) >= 20
    assert library.problems == ()
    with pytest.raises(NetbuilderError):
        library.delete(shipped[0].key)
    assert shipped[0].path.exists()


def test_a_damaged_file_is_told_and_the_rest_is_offered(library: Library) -> None:
    library.save(staged(), "stage")
    (library.folder / "broken.netblock").write_bytes(b"{")
    (library.folder / "note.txt").write_text("no block")
    assert library.refresh()
    assert "library.stage" in library.entries
    (problem,) = library.problems
    assert "broken.netblock" in problem.message
    (library.folder / "broken.netblock").unlink()
    assert library.refresh()
    assert library.problems == ()
    assert not library.refresh()


def test_a_folder_that_cannot_be_written_is_told(library: Library, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("a file in the way")
    with pytest.raises(NetbuilderError, match="could not be made"):
        library.save(staged(), "stage")
    assert not library.refresh()


def test_the_vocabulary_follows_the_document(library: Library) -> None:
    document = Document()
    words = Vocabulary(lambda: document, library)
    assert "block.stage" not in words
    assert "conv2d" in words
    assert "shipped.residual" in words
    document = staged()
    spec = words["block.stage"]
    assert (spec.title, spec.category) == ("Stage", "block")
    assert spec.brief is not None  # type: ignore[attr-defined]
    assert [each.name for each in spec.parameters] == ["width", "depth", "repeat"]
    assert words["block.stage"] is spec
    assert declaration_for(document, "block.gone") is None
    library.save(document, "stage")
    assert "library.stage" not in list(words), "the project holds it already"
    document = replace(document, blocks={})
    assert "library.stage" in list(words)


def test_an_instance_says_what_is_set() -> None:
    spec = Vocabulary(staged)["block.residual"]
    values = spec.defaults() | {"filters": 64, "repeat": 3}
    assert spec.brief(values) == "filters 64 · rate 0.25 · ×3"  # type: ignore[attr-defined]
    assert [port.name for port in spec.inputs] == ["x"]  # type: ignore[attr-defined]
