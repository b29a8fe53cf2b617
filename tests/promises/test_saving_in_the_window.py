"""Promise 4 in the window: a full or read-only disk is told, the document stays modified, the old file is whole, and
work goes on: the next edit works, and so does saving elsewhere.

The controls, a naive save that the same full disk and size limit destroy, stand in `tests/foundation/test_save.py`.
"""

import json

import pytest

from tests.faults import on_own_disk

WINDOW = """
import json, tempfile
from functools import partial
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["NETBUILDER_HOME"] = tempfile.mkdtemp()
from PySide6.QtWidgets import QApplication
from netbuilder.document import edits
from netbuilder.document.model import About, Node
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.ui.workspace import Workspace

application = QApplication([])
workspace = Workspace(Preferences())
disk = Path(sys.argv[1])
target = disk / "project.netb"
if not target.exists():
    workspace.edit("Title", partial(edits.set_about, about=About(title="old")))
    workspace.save(target)
workspace.open(target)
old = target.read_bytes()
for number in range(4):
    node = Node(id=f"n{number:08x}", type="relu", label="relu", note="x" * 90_000)
    workspace.edit("Add ReLU", lambda document, node=node: edits.add_node(document, node))
code = ""
try:
    workspace.save()
except NetbuilderError as error:
    code = error.problems[0].code
told = {"code": code, "modified": workspace.is_modified, "intact": target.read_bytes() == old}
told["left"] = [name for name in os.listdir(disk) if name not in ("project.netb", ".netbuilder")]
workspace.undo()
told["edits_go_on"] = len(workspace.document.graph.nodes) == 3
elsewhere = Path(tempfile.mkdtemp()) / "elsewhere.netb"
workspace.save(elsewhere)
told["saved_elsewhere"] = elsewhere.stat().st_size > 270_000 and not workspace.is_modified
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told() -> list[dict[str, object]]:
    outcome = on_own_disk(WINDOW, read_only_code=WINDOW)
    assert outcome.status == 0, outcome.errors
    return [json.loads(line) for line in outcome.output.splitlines()]


@pytest.mark.parametrize(("number", "code"), [(0, "save.full"), (1, "save.read_only")], ids=["full", "read-only"])
def test_a_failing_disk_loses_nothing(told: list[dict[str, object]], number: int, code: str) -> None:
    assert told[number] == {
        "code": code,
        "modified": True,
        "intact": True,
        "left": [],
        "edits_go_on": True,
        "saved_elsewhere": True,
    }
