"""Promise 24: nothing leaves the machine. Checking, training and exporting open no connection and start no program."""

import json
import subprocess
import sys

from netbuilder.project import Project
from tests.builders import document, linear, node

CHILD = """
import json, sys
WATCHED = (
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg",
    "urllib.Request", "http.client.connect", "ftplib.connect", "smtplib.connect", "webbrowser.open",
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pickle.find_class",
)
seen = []
sys.addaudithook(lambda event, arguments: seen.append(event) if event in WATCHED else None)
from netbuilder.cli import main

folder = sys.argv[1]
for arguments in (
    ["templates"],
    ["new", "digits-rows-lstm", "-o", f"{folder}/x.netb"],
    ["layers"],
    ["check", f"{folder}/x.netb"],
    ["train", f"{folder}/x.netb", "--epochs", "1", "--run-dir", f"{folder}/run"],
    ["export", f"{folder}/x.netb", "--to", "python", "-o", f"{folder}/exported"],
    ["export", f"{folder}/x.netb", "--to", "python", "-o", f"{folder}/trained", "--run", f"{folder}/run"],
    ["export", f"{folder}/x.netb", "--to", "safetensors", "-o", f"{folder}/x.safetensors"],
    ["check", f"{folder}/rows.netb"],
    ["train", f"{folder}/rows.netb", "--epochs", "1", "--run-dir", f"{folder}/run2"],
):
    code = main(arguments)
    assert code == 0, (arguments, code)
quiet = list(seen)
import socket
try:
    socket.create_connection(("127.0.0.1", 9), timeout=0.01)
except OSError:
    pass
print(json.dumps({"quiet": quiet, "control": seen[len(quiet):]}))
"""


def test_the_terminal_connects_to_nothing(tmp_path):
    (tmp_path / "rows.csv").write_text("size,kind\n" + "".join(f"{row},{'ab'[row % 2]}\n" for row in range(60)))
    nodes = [node("rows", "data.table", file="rows.csv"), linear("out", 2), node("loss", "cross_entropy")]
    links = [("rows.features", "out.x"), ("out.y", "loss.prediction"), ("rows.label", "loss.target")]
    Project(document(nodes, links)).save(tmp_path / "rows.netb")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, timeout=110, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["quiet"] == []
    assert "socket.connect" in found["control"], "the watch itself does not work"
    assert (tmp_path / "exported" / "model.py").exists()
