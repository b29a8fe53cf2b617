"""A process in which neither netbuilder nor anything that it needs besides torch can be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("netbuilder", "safetensors", "torchmetrics", "PySide6", "polars"):
            raise ModuleNotFoundError(f"{name} is not installed here")
sys.meta_path.insert(0, Blocker())
try:
    import netbuilder
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("the blocker does not block")
import os, json
import numpy as np
import torch
torch.set_num_threads(1)
def enter(folder):
    for name in ("model", "train", "predict"):
        sys.modules.pop(name, None)
    sys.path[:] = [folder, *[path for path in sys.path if path != entered[-1]]]
    entered.append(folder)
    os.chdir(folder)
entered = [""]
"""


def run_without_netbuilder(folder: Path, code: str) -> str:
    """Run code there and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", BLOCKER + code], cwd=folder, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
