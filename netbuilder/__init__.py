"""NetBuilder: draw a neural network, train it, watch it learn; leave with clean PyTorch code.

`netbuilder.load("x.netb").build()` returns the `torch.nn.Module`. Importing this package loads neither torch nor Qt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from netbuilder.project import Project

__version__ = "0.1.0"
__all__ = ["__version__", "from_module", "load"]


def load(path: str | Path) -> Project:
    """Open a project file.

    Args:
        path: A `.netb` file.

    Raises:
        NetbuilderError: When the file is missing, damaged or not a project.
    """
    from netbuilder.project import Project

    return Project.load(path)


def from_module(module: Module, example_inputs: Tensor | Sequence[object] | Mapping[str, object]) -> Project:
    """Make a project of a PyTorch module: its graph, laid out, its blocks as the modules are nested, its weights.

    The module is traced in eval mode by `torch.export` and left as it was. What no layer computes becomes an opaque
    node that says so.

    Args:
        module: The module.
        example_inputs: One tensor, the positional arguments, or the keyword arguments of its `forward`. The first axis
            of each tensor counts the samples.

    Returns:
        A project that has no file yet; saving it writes the weights beside it.

    Raises:
        NetbuilderError: When the module cannot be traced, or its inputs have no axis for the samples.
    """
    from netbuilder.project import Project

    return Project.from_module(module, example_inputs)
