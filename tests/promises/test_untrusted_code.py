"""A project from elsewhere is safe to open and look at: its Python runs nowhere before the user trusts it.

A child process with an audit hook opens a project full of hostile code and does everything that one does to a network
but train it. The hook sees what is executed, imported, opened and started.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from netbuilder.document.model import Document
from netbuilder.project import Project
from tests.builders import document, node

CHILD = """
import json, sys
from pathlib import Path

folder = Path(sys.argv[1])
seen = []

def mentions(code):
    inner = [each for each in code.co_consts if hasattr(each, "co_consts")]
    return "PWNED" in repr((code.co_names, code.co_consts)) or any(map(mentions, inner))

def watch(event, arguments):
    if event == "exec" and mentions(arguments[0]):
        seen.append("exec")
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect"):
        seen.append(event)
    elif event in ("open", "import") and "PWNED" in str(arguments[0]):
        seen.append(event)

sys.addaudithook(watch)
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

import netbuilder
from netbuilder import cli
from netbuilder.compiler.custom import untrusted
from netbuilder.document import clipboard, edits
from netbuilder.document.files import dumps, loads
from netbuilder.foundation import trust
from netbuilder.foundation.preferences import Preferences
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.project import Project
from netbuilder.ui.theme import controller
from netbuilder.ui.window import MainWindow
from netbuilder.ui.workspace import Workspace

application = QApplication([])
file = folder / "hostile.netb"
steps = []

def step(name, call):
    try:
        call()
    except NetbuilderError as error:
        steps.append(f"{name}: refused ({error.problems[0].code})")
    else:
        steps.append(name)

def terminal(*arguments):
    return lambda: steps.append(cli.main([str(each) for each in arguments]))

step("check", terminal("check", file))
step("render", terminal("render", file, "-o", folder / "x.png"))
step("export", terminal("export", file, "-o", folder / "exported"))
step("train", terminal("train", file, "--epochs", "1", "--run-dir", folder / "run"))
project = netbuilder.load(file)
step("build", project.build)
step("program", project.program)

controller().apply()
workspace = Workspace(Preferences())
window = MainWindow(workspace, controller())

def turn(times=20):
    for _ in range(times):
        application.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

def look():
    workspace.open(file)
    window.show()
    window.furnish()
    workspace.torch_loaded()
    turn()
    for id in workspace.document.graph.nodes:
        workspace.select((id,))
        turn(3)
    window.docks.show("problems")
    window.docks.show("code")
    turn()

def change():
    ids = list(workspace.document.graph.nodes)
    copied = clipboard.copy(workspace.document, ids)
    workspace.edit("Paste", lambda old: clipboard.paste(old, copied)[0])
    workspace.undo()
    workspace.redo()
    turn()
    workspace.save(folder / "again.netb")
    workspace.open(folder / "again.netb")
    turn()

step("look", look)
step("change", change)
step("round trip", lambda: loads(dumps(project.document)))
for path in [each.node for each in workspace.problems if each.actions]:
    workspace.reviewRequested.emit(path)
turn()
workspace.control.train()
turn()
window.close_now()
turn()
quiet = list(seen)
# The control: the same code, trusted, does what it is there for.
texts = untrusted(project.document)
trust.grant(texts)
project.check()
from netbuilder.compiler.callables import support_namespace
support_namespace(next(text for text in texts if text.startswith("class B")))
print(json.dumps({"quiet": quiet, "steps": steps, "texts": len(texts), "control": sorted(set(seen[len(quiet):]))}))
"""


def hostile(folder: Path) -> Document:
    """Return a network with hostile code wherever code can stand."""
    mark = folder / "PWNED"
    forward = "    def forward(self, x): return x\n"
    bodies = {
        "module": f"open({str(mark)!r}, 'a').write('module')\nclass A(nn.Module):\n{forward}",
        "class": f"class B(nn.Module):\n    open({str(mark)!r}, 'a').write('class')\n{forward}",
        "default": f"def c(x, y=open({str(mark)!r}, 'a').write('default')):\n    return x\n",
        "decorator": f"@open({str(mark)!r}, 'a').write\ndef d(x):\n    return x\n",
        "imported": "import PWNED\ndef e(x):\n    return PWNED.f(x)\n",
        "forward": f"import os\ndef g(x):\n    os.system('echo PWNED >> {mark}')\n    return x\n",
        "broken": f"open({str(mark)!r}, 'a').write('PWNED'",
    }
    layers = [node(name, "custom", f"layer_{name}", code=code) for name, code in bodies.items()]
    layers.append(node("arguments", "custom", arguments=f"beta=open({str(mark)!r}, 'a').write('PWNED')"))
    exits = [node(f"exit_{layer.id}", "output", f"result_{layer.id}") for layer in layers]
    links = [
        link for layer in layers for link in (("entry.y", f"{layer.id}.x"), (f"{layer.id}.y", f"exit_{layer.id}.x"))
    ]
    return document([node("entry", "input", dims=(8,)), *layers, *exits], links)


def test_untrusted_code_runs_nowhere(tmp_path: Path) -> None:
    Project(hostile(tmp_path)).save(tmp_path / "hostile.netb")
    (tmp_path / "PWNED.py").write_text("print('imported')\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, timeout=170, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["quiet"] == []
    assert found["texts"] == 7
    refused = [each for each in found["steps"] if "refused (custom.untrusted)" in str(each)]
    assert len(refused) == 2, found["steps"]
    assert {"look", "change", "round trip"} <= set(map(str, found["steps"]))
    assert {"exec", "open"} <= set(found["control"]), "the control: the hook sees what trusted code does"
    assert "subprocess.Popen" in found["control"], "trusted code is tried in a process of its own"
    assert (tmp_path / "PWNED").exists(), "the control: trusted code runs"
    assert (tmp_path / "x.png").exists()
