"""Problems: everything that is wrong or odd about a document, each at its node and with fixes where there are any."""

from __future__ import annotations

from netbuilder.compiler.shapes import Shapes
from netbuilder.document.model import Document
from netbuilder.foundation.problem import Problem


def find_problems(document: Document, shapes: Shapes) -> tuple[Problem, ...]:
    """Return all problems of the main graph, errors first.

    Args:
        document: What to look at.
        shapes: Its shapes, so far as they are known.
    """
    return shapes.problems
