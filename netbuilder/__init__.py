"""NetBuilder: draw a neural network, train it, watch it learn; leave with clean PyTorch code.

`netbuilder.load("x.netb").build()` returns the `torch.nn.Module`. Importing this package loads neither torch nor Qt.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netbuilder.project import Project

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(path: str | Path) -> Project:
    """Open a project file.

    Args:
        path: A `.netb` file.

    Raises:
        NetbuilderError: When the file is missing, damaged or not a project.
    """
    from netbuilder.project import Project

    return Project.load(path)
