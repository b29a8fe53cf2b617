"""Takes the pictures in `docs/`: the real window training the starter project, dark and light, and the start page.

Run it with the program's Python: `python packaging/take_screenshots.py [FOLDER]`. It draws on the screen that `DISPLAY`
names, or offscreen where there is none, and keeps its hands off the user's preferences.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QTimer

from netbuilder.document.model import Document
from netbuilder.templates import STARTER, list_templates, open_template
from netbuilder.training.protocol import PictureKind, State
from netbuilder.ui.app import Program, make_application

SIZE = (1600, 1000)
PATIENCE_MS = 180_000


def main() -> int:
    """Take them."""
    root = Path(__file__).resolve().parent.parent
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["NETBUILDER_HOME"] = home
        program = Program(make_application())
        try:
            take(program, folder)
        finally:
            finish(program)
    return 0


def take(program: Program, folder: Path) -> None:
    """Drive the window from picture to picture."""
    window, workspace, theme = program.window, program.workspace, program.theme
    theme.set_mode("dark")
    window.resize(*SIZE)
    starter = open_template(STARTER)
    # Long enough that it still trains when the last picture of it is taken.
    workspace.open_unsaved(replace(starter, plan=replace(starter.plan, epochs=60)))
    window.show()
    convolution = first_convolution(workspace.document)
    workspace.select((convolution,))
    window.actions_["train.train"].trigger()
    maps = (PictureKind.MAPS, convolution)
    wait(lambda: workspace.progress.epoch >= 4 and maps in workspace.pictures, "curves and activation maps")
    workspace.control.pause()
    wait(lambda: workspace.state is State.PAUSED, "the pause")
    workspace.control.train()
    wait(lambda: workspace.progress.epoch >= 6, "the training to go on")
    grab(program, folder / "main-window.png")
    theme.set_mode("light")
    grab(program, folder / "main-window-light.png")
    workspace.control.stop()
    wait(lambda: not workspace.state.is_active, "the end of the run")
    theme.set_mode("dark")
    window.show_start()
    grab(program, folder / "start-page.png")
    print(f"Took the window with {STARTER}, and the start page with {len(list_templates())} templates.")


def first_convolution(document: Document) -> str:
    """Return the id of the first convolution."""
    return next(id for id, node in document.graph.nodes.items() if node.type.startswith("conv"))


def grab(program: Program, path: Path) -> None:
    """Let the window settle and write its picture."""
    # The first one makes the canvas draw its faces in the new theme, a few at a time.
    program.window.grab()
    turn(1500)
    if not program.window.grab().save(str(path)):
        raise SystemExit(f"{path} could not be written")
    print(path)


def turn(milliseconds: int) -> None:
    """Let the program live for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait(condition: Callable[[], bool], what: str) -> None:
    """Let the program live until a condition holds."""
    for _ in range(PATIENCE_MS // 50):
        if condition():
            return
        turn(50)
    raise SystemExit(f"waited in vain for {what}")


def finish(program: Program) -> None:
    """Close the window without questions."""
    program.workspace.control.stop()
    program.workspace.trainer.wait(10)
    program.window.close_now()
    program.collector.stop()
    program.crashes.uninstall()


if __name__ == "__main__":
    sys.exit(main())
