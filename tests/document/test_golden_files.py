"""Promise 23: the files of every released version open, and what is written of them is what they are.

`golden/VERSION` holds what that version wrote; see `make_golden_files`. A version of the file format that changes what
is written keeps the old folders, which then must open, and migrate to what the folder of the new one holds.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netbuilder import __version__
from netbuilder.document.files import dumps, loads, read_document
from netbuilder.document.records import VERSION
from netbuilder.foundation.problem import NetbuilderError

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.rglob("*.netb"))


def test_there_is_a_corpus_of_this_version() -> None:
    names = {path.stem for path in FILES if path.parent.name == __version__}
    assert {"empty", "nested-blocks", "frames-and-notes", "two-phases", "from-a-newer-program"} <= names
    assert sum(name.startswith("template-") for name in names) >= 7


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_released_file_opens_and_is_written_as_it_is(path: Path) -> None:
    content = path.read_bytes()
    text = dumps(read_document(path))
    if json.loads(content)["version"] == VERSION:
        assert text.encode() == content
    assert dumps(loads(text)) == text


@pytest.mark.parametrize("path", FILES[:3], ids=lambda path: path.stem)
def test_the_file_of_a_newer_version_is_refused(path: Path) -> None:
    raw = json.loads(path.read_text("utf-8"))
    raw["version"] = VERSION + 1
    with pytest.raises(NetbuilderError) as caught:
        loads(json.dumps(raw))
    assert caught.value.problems[0].code == "file.newer"
    assert "Update NetBuilder" in str(caught.value)
