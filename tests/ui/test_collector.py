"""The collector of the window's process leaves large documents alone."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import gc
from netbuilder.templates import STARTER, open_template
from netbuilder.ui.app import Program, make_application
from tests.benchmarks.large_networks import network

program = Program(make_application())
program.loader.start = lambda: None

def look():
    counts = [gc.get_freeze_count()]
    for document in (open_template(STARTER), network(500)):
        program.workspace.open_unsaved(document)
        counts.append(gc.get_freeze_count())
    print(counts)
    program.window.close_now()

program.window.furnished.connect(look)
program.run()
"""


def test_a_large_document_that_is_opened_is_spared() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    before, small, large = map(int, done.stdout.split("\n")[0].strip("[]").split(","))
    assert before == small, "what a small one takes is not worth it"
    assert large - small > 500, "a node is several objects"
