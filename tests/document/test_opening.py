"""Promise 7: opening a project never runs, imports, writes, spawns or connects, whatever is in it."""

from __future__ import annotations

import base64
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from netbuilder.document.files import dumps
from tests.builders import tiny_mlp
from tests.faults import watch


class Bomb:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("open('bomb', 'w')",))


PICKLE = pickle.dumps(Bomb())
NAMES = [
    "os.system",
    "subprocess:Popen",
    "__import__('os').system('touch bomb')",
    "torch.load",
    "builtins.eval",
    "antigravity",
    "this",
    "tests.document.test_opening.Bomb",
    "../../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "http://127.0.0.1:9/x",
    "\\\\server\\share\\x",
]
"""What loaders that resolve names have run, read or fetched: Keras' config.json, ONNX' external data, and more."""

KERAS = {
    "module": "os",
    "class_name": "system",
    "config": {"function": "touch bomb", "registered_name": "Lambda"},
    "registered_name": None,
    "__reduce__": ["os.system", ["touch bomb"]],
    "py/object": "subprocess.Popen",
    "!!python/object/apply:os.system": ["touch bomb"],
    "safe_mode": False,
}


def raw() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(dumps(tiny_mlp()))
    return value


def corpus() -> dict[str, bytes]:
    """Return hostile files by name."""
    files: dict[str, bytes] = {
        "pickle.netb": PICKLE,
        "yaml.netb": b"!!python/object/apply:os.system ['touch bomb']\n",
        "python.netb": b"import os; os.system('touch bomb')\n",
        "xml.netb": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
        "zip.netb": b"PK\x03\x04" + PICKLE,
        "torch.netb": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + PICKLE,
    }
    for number, name in enumerate(NAMES):
        value = raw()
        for node in value["graph"]["nodes"]:
            node["parameters"] = {"path": name, "code": name, "function": name, "__class__": name}
            node["note"] = name
        value["about"] = {"title": name, "template": name, "description": name}
        value["plan"]["monitor"] = name
        value["plan"]["phases"][0]["optimizer"]["values"] = {name: name}
        value["schemas"]["digits"]["fields"][0].update(dtype=name, layout=name, name=name)
        value["schemas"]["digits"]["source"] = name
        value.update({"import": name, "plugins": [name], "extends": name, "$ref": name, "weights": name})
        files[f"name{number}.netb"] = json.dumps(value).encode()
        typed = raw()
        typed["graph"]["nodes"][1]["type"] = name[:60]
        typed["plan"]["phases"][0]["optimizer"]["key"] = name[:60]
        files[f"type{number}.netb"] = json.dumps(typed).encode()
    for number, name in enumerate(["antigravity", "os.system", "torch.load", "custom.this"]):
        legal = raw()
        legal["graph"]["nodes"][1]["type"] = name  # legal as a key, unknown as a layer
        files[f"legal{number}.netb"] = json.dumps(legal).encode()
    keras = raw()
    keras["graph"]["nodes"][1].update(KERAS, parameters=KERAS)
    keras["extra"] = base64.b64encode(PICKLE).decode()
    files["keras.netb"] = json.dumps({**KERAS, **keras}).encode()
    return files


PREPARE = """
import json
from netbuilder.document import clipboard, files, topology
from netbuilder.foundation.problem import NetbuilderError

def touch(path):
    document = files.read_document(path)
    again = files.loads(files.dumps(document))
    text = clipboard.copy(document, list(document.graph.nodes))
    clipboard.paste(document, text)
    try:
        topology.order(document.graph)
    except NetbuilderError:
        pass
    return document == again

touch(sys.argv[1])
"""

SUBJECT = """
result = {"opened": [], "refused": []}
for path in sys.argv[2:]:
    try:
        assert touch(path)
        result["opened"].append(path)
    except NetbuilderError:
        result["refused"].append(path)
"""


@pytest.fixture
def hostile(tmp_path: Path) -> list[str]:
    """A harmless file, and the corpus after it."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "good.netb").write_text(dumps(tiny_mlp()))
    for name, data in corpus().items():
        (folder / name).write_bytes(data)
    (folder / "link.netb").symlink_to("/etc/passwd")
    os.link(folder / "pickle.netb", folder / "hard.netb")
    return [str(folder / "good.netb"), *sorted(str(path) for path in folder.iterdir())]


def test_opening_hostile_projects_does_nothing_but_read_them(hostile: list[str]) -> None:
    found = watch(PREPARE, SUBJECT, *hostile)
    assert len(found["result"]["opened"]) > len(NAMES)
    assert len(found["result"]["refused"]) > 6
    others = [(kind, what) for kind, what in found["events"] if kind != "read"]
    assert others == []
    assert {what for _, what in found["events"]} <= set(hostile)
    assert not Path("bomb").exists()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import pickle; pickle.loads(open(sys.argv[2], 'rb').read())", "run"),
        ("eval('1 + 1')", "run"),
        ("__import__('colorsys')", "run"),
        ("os.system('true')", "run"),
        ("import subprocess; subprocess.run(['true'])", "run"),
        ("open(sys.argv[1] + '.new', 'w')", "write"),
        ("os.rename(sys.argv[1], sys.argv[1] + '.new')", "write"),
        ("import socket; socket.socket().close()", "connect"),
    ],
)
def test_control_the_watch_sees_what_is_forbidden(tmp_path: Path, code: str, kind: str) -> None:
    victim, bomb = tmp_path / "victim", tmp_path / "bomb.pickle"
    victim.write_bytes(b"x")

    class Harmless:
        def __reduce__(self) -> tuple[Any, ...]:
            return (eval, ("1",))

    bomb.write_bytes(pickle.dumps(Harmless()))
    found = watch("import pickle, socket, subprocess", f"{code}\nresult = None", str(victim), str(bomb))
    assert kind in {event for event, _ in found["events"]}


def test_reading_a_project_needs_neither_torch_nor_qt(tmp_path: Path) -> None:
    (tmp_path / "a.netb").write_text(dumps(tiny_mlp()))
    loaded = "result = [name for name in ('torch', 'PySide6', 'networkx', 'numpy') if name in sys.modules]"
    code = (
        "from netbuilder.document import clipboard, edits, files, history, layout\nfiles.read_document(sys.argv[1])\n"
    )
    assert watch("import json", code + loaded, str(tmp_path / "a.netb"))["result"] == []
