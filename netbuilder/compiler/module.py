"""Text to running code: the only module of the program with `exec`, behind one gate.

The gate: of what a text is made of, everything that is not the program's own must be trusted by the user.

A program's text is executed as a module of its own, registered under its hash in `sys.modules` and `linecache`, so that
`inspect.getsource`, pickling and tracebacks work as for a file. Imports torch.
"""

from __future__ import annotations

import hashlib
import linecache
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import torch
from torch import Tensor, nn

from netbuilder.compiler.custom import TRUST, UNTRUSTED, WHY_UNTRUSTED, may_run
from netbuilder.compiler.program import Program, write_program
from netbuilder.compiler.shapes import ShapeInference
from netbuilder.compiler.wording import fold
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError, Problem

Losses = Callable[[nn.Module, Mapping[str, Tensor]], dict[str, Tensor]]
"""A phase's function: model and batch -> losses by name."""

Tap = Callable[[str, Tensor], None]
"""Called with a node path and the value that the node has just computed."""

_users: Final[Counter[str]] = Counter()
"""How many have loaded each registered module and not yet released it."""

_lock: Final = threading.Lock()
"""Held while modules are registered and released: by sessions on their threads, and by the window."""


@dataclass(frozen=True, slots=True)
class LoadedModule:
    """A program that was executed.

    Attributes:
        program: Where it came from.
        network_class: The network's class.
        losses: Phase name -> its function.
    """

    program: Program
    network_class: type[nn.Module]
    losses: Mapping[str, Losses]
    _tapped: Callable[..., Any]
    _starts: Callable[[Any], Iterator[str]]

    def new_network(self) -> nn.Module:
        """Return a network with fresh weights, drawn from torch's global generator."""
        return self.network_class()

    def tapped(self, model: nn.Module) -> Callable[..., Any]:
        """Return a forward that also shows every value: `tapped(model)(tap, image=batch)`.

        It computes what `model(image=batch)` does and calls `tap(node path, value)` after each node; after one with
        several outputs also `tap("<node path>.<port>", value)` for each of those that are read.

        Args:
            model: A network of this class.
        """
        return self._tapped.__get__(model)  # type: ignore[no-any-return]


def load_module(program: Program) -> LoadedModule:
    """Execute a program's text and register it, until each call has had its `release`.

    Args:
        program: Written by `write_program`.
    """
    with _lock:
        name = module_name(program)
        module = sys.modules.get(name) or _new_module(name, program)
        _users[name] += 1
    tapped = dict(vars(module))
    execute(program.tapped, tapped, _tapped_file(program), program.support)
    losses = {phase: getattr(module, function) for phase, function in program.phases.items()}
    return LoadedModule(
        program, getattr(module, program.class_name), losses, tapped["tapped_forward"], tapped["starts"]
    )


def _new_module(name: str, program: Program) -> ModuleType:
    module = ModuleType(name, "A network drawn with NetBuilder.")
    module.__file__ = f"<{name}>"
    _register(module.__file__, program.source)
    _register(_tapped_file(program), program.tapped)
    execute(program.source, vars(module), module.__file__, program.support)
    sys.modules[name] = module
    return module


def release(program: Program) -> None:
    """Unregister a program's module when nobody else has loaded the same text.

    What still uses it goes on working, but can be pickled no more.
    """
    name = module_name(program)
    with _lock:
        _users[name] -= 1
        if _users[name] > 0:
            return
        del _users[name]
        sys.modules.pop(name, None)
        linecache.cache.pop(f"<{name}>", None)
        linecache.cache.pop(_tapped_file(program), None)


def module_name(program: Program) -> str:
    """Return the name under which a program's module is registered: equal texts have equal names."""
    return "netbuilder_network_" + hashlib.sha256(program.source.encode()).hexdigest()[:16]


def _tapped_file(program: Program) -> str:
    return f"<{module_name(program)} tapped>"


def _register(file: str, text: str) -> None:
    """Let tracebacks and `inspect` find a text; an entry without a time of change is never evicted."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)


def execute(text: str, namespace: dict[str, Any], filename: str, support: Iterable[str]) -> None:
    """Execute a text of the program's own making, or one that the user trusts.

    Args:
        text: Python source, written by the compiler, declared in a layer spec, or a custom layer's.
        namespace: Where its names go.
        filename: What tracebacks call it.
        support: The support texts in it: all of it that may come from a file.

    Raises:
        NetbuilderError: When one of them is neither the catalog's own nor trusted; nothing has run then.
    """
    require_trust(support)
    exec(compile(text, filename, "exec"), namespace)


def require_trust(support: Iterable[str]) -> None:
    """Refuse support texts that are neither the catalog's own nor trusted by the user.

    Raises:
        NetbuilderError: With the problem.
    """
    if not all(may_run(text) for text in support):
        raise NetbuilderError(Problem(code=UNTRUSTED, message=f"The network {WHY_UNTRUSTED}.", actions=(TRUST,)))


def initialize(model: nn.Module, program: Program, seed: int) -> None:
    """Draw all weights anew, each node's from a generator of its own, and leave torch's global generator as it was.

    A node's weights depend on the seed and the node's path alone: adding a layer changes no other layer's.

    Args:
        model: A network of the program, on any device.
        program: Where it came from.
        seed: The run's seed.
    """
    shell = SimpleNamespace()
    loaded = load_module(program)
    try:
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            previous = ""
            for path in loaded._starts(shell):
                _adopt(model, shell, program.names.get(previous))
                torch.default_generator.manual_seed(zlib.crc32(f"{seed}:{path}".encode()))
                previous = path
            _adopt(model, shell, program.names.get(previous))
    finally:
        release(program)


@torch.no_grad()
def _adopt(model: nn.Module, shell: SimpleNamespace, attribute: str | None) -> None:
    """Copy the weights of the module just made into the model's, and drop it."""
    if attribute is None:
        return
    made = vars(shell).pop("module" if "." in attribute else attribute)
    fresh = made.state_dict()
    for key, value in model.get_submodule(attribute).state_dict().items():
        value.copy_(fresh[key])


def explain(error: BaseException, program: Program) -> Problem:
    """Return an error that was raised while a program ran as a problem of the node it was raised at.

    Args:
        error: What was raised, with its traceback.
        program: What was running.
    """
    files = {f"<{module_name(program)}>": program.lines, _tapped_file(program): program.tapped_lines}
    path, line, trace = "", 0, error.__traceback__
    while trace is not None:
        lines = files.get(trace.tb_frame.f_code.co_filename)
        if lines is not None:
            path = lines.get(trace.tb_lineno, path)
            line = program.line_of_code(trace.tb_lineno) if lines is program.lines else line
        trace = trace.tb_next
    label = program.labels.get(path, "The network")
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        message = f"{label} needs more memory than there is: try a smaller batch size or a smaller network"
        return Problem(code="run.memory", message=message, node=path)
    text = fold(str(error)) or type(error).__name__
    if line:
        message = f"{label} failed while running, at line {line} of its code: {type(error).__name__}: {text}"
        return Problem(code="custom.failed", message=message, node=path, field="code", line=line)
    return Problem(code="run.failed", message=f"{label} failed while running: {text}", node=path)


def build(document: Document) -> nn.Module:
    """Return a document's network, its weights drawn from the plan's seed.

    Args:
        document: What to build.

    Raises:
        NetbuilderError: With the errors that are in the way.
    """
    program = write_program(document, ShapeInference().infer(document))
    model = load_module(program).new_network()
    initialize(model, program, document.plan.seed)
    return model
