"""Promises 2 and 4 for a whole project: `write_document` on disks that fail."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from netbuilder.document import edits
from netbuilder.document.files import dumps, read_document
from netbuilder.document.model import About
from netbuilder.foundation.save import sweep_temporaries
from tests.builders import tiny_mlp
from tests.faults import Injection, Subject, on_own_disk

SAVE = """
sys.path[:0] = [sys.argv[2]]
from dataclasses import replace
from netbuilder.document.files import read_document, write_document

document = read_document(sys.argv[1])
document = replace(document, about=replace(document.about, title="New"))

def save():
    write_document(sys.argv[1], document)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="strace is for Linux")
def test_a_project_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    home = tmp_path / "disk"
    home.mkdir()
    path = home / "project.netb"
    old = tiny_mlp()
    new = edits.set_about(old, About(title="New"))
    path.write_text(dumps(old))
    subject = Subject(SAVE, [str(path), str(Path(__file__).parents[2])], tmp_path)
    points = [point for point in subject.points() if point[0] in ("write", "fsync", "rename")]
    assert [name for name, _ in points] == ["write", "fsync", "rename", "fsync"]
    seen = set()
    for point in points:
        for action in ("signal=KILL", "error=ENOSPC"):
            path.write_text(dumps(old))
            outcome = subject.strike(Injection(*point, action))
            document = read_document(path)
            assert document in (old, new), f"{point} {action}: {outcome.errors}"
            assert outcome.status in (-9, 3)
            seen.add(document.about.title)
            sweep_temporaries(home)
            assert [each.name for each in home.iterdir()] == ["project.netb"]
    assert seen == {old.about.title, "New"}


ON_DISK = """
import json
from netbuilder.document import edits, files
from netbuilder.document.model import Node
from netbuilder.foundation.problem import NetbuilderError

path = sys.argv[1] + "/project.netb"
document = files.loads('{"format": "netbuilder", "version": 1, "about": {"title": "old"}}')
if not os.path.exists(path):
    files.write_document(path, document)
    for number in range(4):
        node = Node(id=f"n{number}", type="relu", label="relu", note="x" * 90_000)
        document = edits.add_node(document, node)
code = message = ""
try:
    files.write_document(path, document)
except NetbuilderError as error:
    code, message = error.problems[0].code, str(error)
intact = files.read_document(path).about.title == "old" and not files.read_document(path).graph.nodes
print(json.dumps([code, message, intact, os.listdir(sys.argv[1])]))
"""


def test_a_full_and_a_read_only_disk_keep_the_old_project() -> None:
    outcome = on_own_disk(ON_DISK, read_only_code=ON_DISK)
    assert outcome.status == 0, outcome.errors
    full, read_only = (json.loads(line) for line in outcome.output.splitlines())
    assert full[0] == "save.full"
    assert read_only[0] == "save.read_only"
    for _, message, intact, listing in (full, read_only):
        assert "project.netb could not be saved" in message
        assert "The file on the disk was left as it was." in message
        assert intact
        assert listing == ["project.netb"]
