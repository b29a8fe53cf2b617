"""Programs: a document as one text of PyTorch, the same that is shown, trained and exported.

Torch is imported when a program is written, not before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from netbuilder.compiler.custom import own_texts
from netbuilder.compiler.flow import trace
from netbuilder.compiler.problems import find_problems
from netbuilder.compiler.shapes import Shapes
from netbuilder.document.model import Document, PortRef
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.layers.spec import Task

TRAINING: Final = frozenset({"loss.missing", "data.missing", "input.unfed"})
"""Codes of errors that prevent training but not writing the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One loss of a phase.

    Attributes:
        node: The loss node's path.
        name: Its key in what the phase's function returns.
        phase: The phase's name.
        task: What it trains for, which picks the metrics.
        prediction: The name in `Program.outputs` of what it reads as its prediction, or "".
        target: The batch's key of what it reads as its target; "" when that is computed.
        classes: How many classes its target has, 0 when it has none.
    """

    node: str
    name: str
    phase: str
    task: Task | None
    prediction: str
    target: str
    classes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A network and its losses as text, and what stands where.

    Attributes:
        source: The whole module's text.
        class_name: The network's class.
        names: Node path -> attribute, for each layer with a module of its own; dotted for one in a block
            ("stage.0.conv", as `get_submodule` takes it).
        frozen: Paths of those whose weights training never changes.
        labels: Node path -> label, for messages.
        lines: One-based line of `source` -> node path.
        fields: The keyword arguments of `forward`, in order: keys of a batch.
        sources: Key of a batch -> the port of the data or input node that fills it; all that `forward` and losses read.
        outputs: Names of what `forward` returns, in order; one alone is returned as it is, several as a tuple.
        results: The same names -> the ports they come from.
        phases: Phase name -> its function's name in `source`.
        losses: All losses of all phases.
        tapped: The text of `tapped_forward(self, tap, ...)` and `starts(self)`, made from the same trees: the first
            calls `tap(node path, value)` after each assignment, of several outputs also for each that is read, by its
            port; the second yields each node path before making its module.
        tapped_lines: One-based line of `tapped` -> node path.
        support: Support texts in `source`, in its order -> how many lines of it stand before them. What of them is not
            the catalog's own must be trusted before anything of the program runs.
    """

    source: str
    class_name: str
    names: Mapping[str, str]
    frozen: frozenset[str]
    labels: Mapping[str, str]
    lines: Mapping[int, str]
    fields: tuple[str, ...]
    sources: Mapping[str, PortRef]
    outputs: tuple[str, ...]
    results: Mapping[str, PortRef]
    phases: Mapping[str, str]
    losses: tuple[Loss, ...]
    tapped: str
    tapped_lines: Mapping[int, str]
    support: Mapping[str, int]

    def line_of_code(self, line: int) -> int:
        """Return the line within a custom layer's text that a line of `source` is; 0 when it is in none."""
        inside = [text for text, before in self.support.items() if before < line <= before + text.count("\n") + 1]
        return line - self.support[inside[0]] if inside and inside[0] not in own_texts() else 0


def write_program(document: Document, shapes: Shapes) -> Program:
    """Write the main graph of a document as PyTorch.

    Args:
        document: What to write.
        shapes: Its shapes, with nothing pending.

    Raises:
        NetbuilderError: With the errors that are in the way.
    """
    document = shapes.expansion.drawn(document)
    flat = shapes.expansion.of(document).graph.nodes
    if shapes.pending:
        label = flat[min(shapes.pending & flat.keys())].label
        raise NetbuilderError(Problem(code="shape.pending", message=f"The shapes are not all known yet ({label})."))
    errors = [each for each in find_problems(document, shapes) if each.is_error and each.code not in TRAINING]
    if errors:
        raise NetbuilderError(errors)
    flow = trace(document)
    if not flow.outputs:
        message = "There is no layer to write yet: add one and link it."
        raise NetbuilderError(Problem(code="graph.empty", message=message))
    unknown = [id for id in flow.forward if id not in shapes.done]
    if unknown:
        message = f"The shapes at {document.graph.nodes[unknown[0]].label} are not known."
        raise NetbuilderError(Problem(code="shape.unknown", message=message, node=unknown[0]))
    from netbuilder.compiler.writing import Author

    return Author(document, shapes, flow).write()


def class_name(title: str) -> str:
    """Return a class name from a document's title: "Digits CNN" -> "DigitsCNN"; "Network" when it gives none."""
    words = re.findall(r"[A-Za-z0-9]+", title if title.isascii() else "")
    name = "".join(word[:1].upper() + word[1:] for word in words)
    fits = name[:1].isalpha() and len(name) <= 40 and name not in _TAKEN
    return name if fits else "Network"


_TAKEN: Final = frozenset(
    {"Tensor", "None", "True", "False", "F", "Exception", "Warning", "Ellipsis", "NotImplemented"}
)
