"""Promise 23: the files of every released version open, and nothing that is in them is lost or altered on saving.

`golden/VERSION` holds what that version wrote; see `make_golden_files`. A later program may write keys that a file does
not have yet; as long as it has none to add, the file is written byte for byte as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
def test_a_released_file_opens_and_nothing_is_lost_on_saving(path: Path) -> None:
    content = path.read_bytes()
    text = dumps(read_document(path))
    old, new = json.loads(content), json.loads(text)
    if old["version"] == VERSION:
        assert lost(old, new) == []
    if old == new:
        assert text.encode() == content
    assert dumps(loads(text)) == text


def lost(old: Any, new: Any, at: str = "$") -> list[str]:
    """Return where something of an old JSON value is gone or another in the new one; the new one may have more keys."""
    if type(old) is not type(new):
        return [at]
    if isinstance(old, dict):
        gone = [f"{at}.{key}" for key in old.keys() - new.keys()]
        return gone + [each for key in old.keys() & new.keys() for each in lost(old[key], new[key], f"{at}.{key}")]
    if isinstance(old, list) and len(old) == len(new):
        return [
            each for number, pair in enumerate(zip(old, new, strict=True)) for each in lost(*pair, f"{at}[{number}]")
        ]
    return [] if old == new else [at]


@pytest.mark.parametrize("spoil", [lambda raw: raw.pop("plan"), lambda raw: raw["graph"]["nodes"][0].update(label="z")])
def test_what_is_lost_is_noticed(spoil: Callable[[Any], object]) -> None:
    """The control."""
    raw, spoilt = (json.loads((GOLDEN / __version__ / "nested-blocks.netb").read_bytes()) for _ in range(2))
    spoil(spoilt)
    assert len(lost(raw, spoilt)) == 1


@pytest.mark.parametrize("path", FILES[:3], ids=lambda path: path.stem)
def test_the_file_of_a_newer_version_is_refused(path: Path) -> None:
    raw = json.loads(path.read_text("utf-8"))
    raw["version"] = VERSION + 1
    with pytest.raises(NetbuilderError) as caught:
        loads(json.dumps(raw))
    assert caught.value.problems[0].code == "file.newer"
    assert "Update NetBuilder" in str(caught.value)
