"""Problems: everything that is wrong or odd about a document, each at its node and with fixes where there are any.

What shape inference found comes first; then the links (`links`), what is missing (`omissions`), what the losses are
given (`objectives`) and axes that are taken for others (`layouts`).
"""

from __future__ import annotations

from dataclasses import replace

from netbuilder.compiler.custom import find_collisions
from netbuilder.compiler.layouts import check_layouts
from netbuilder.compiler.lengths import with_length_fixes
from netbuilder.compiler.links import LINK_CHECKS
from netbuilder.compiler.objectives import check_objectives, with_class_fixes
from netbuilder.compiler.omissions import OMISSION_CHECKS
from netbuilder.compiler.paths import once
from netbuilder.compiler.shapes import Shapes
from netbuilder.compiler.structure import Outline, Structure
from netbuilder.document.blocks import signature
from netbuilder.document.model import Document
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.foundation.steps import Steps, finish

_RANKS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.ADVICE: 2}


def find_problems(document: Document, shapes: Shapes, outline: Outline | None = None) -> tuple[Problem, ...]:
    """Return all problems of a document, errors first, then by node in document order.

    Args:
        document: What to look at.
        shapes: Its shapes, so far as they are known.
        outline: What followed the document so far, whose work is not done again; None works everything out.
    """
    return finish(find_problems_in_steps(document, shapes, outline or Outline()))


def find_problems_in_steps(document: Document, shapes: Shapes, outline: Outline) -> Steps[tuple[Problem, ...]]:
    """Return all problems of a document, as `find_problems` does; where its structure changed, in steps."""
    document = shapes.expansion.drawn(document)
    if not document.graph.nodes:
        message = (
            "There is nothing to train yet: drag a data source and layers onto the canvas, or start from a template."
        )
        return (Problem(code="graph.empty", message=message),)
    structure = outline.follow(document, shapes.expansion)
    yield from structure.prepare()
    found = yield from _find(document, structure, shapes)
    return once(found, document) if shapes.expansion.copies else found


def _find(drawn: Document, structure: Structure, shapes: Shapes) -> Steps[tuple[Problem, ...]]:
    document = shapes.expansion.of(drawn)
    links = yield from structure.remember_in_steps(_of_structure)
    yield
    layouts = tuple(check_layouts(document, shapes, structure))
    yield
    told = (with_class_fixes(document, shapes, each, structure) for each in shapes.problems)
    found = [
        *(with_length_fixes(document, shapes, each) for each in told),
        *links,
        *check_objectives(document, shapes, structure),
        *layouts,
        *find_collisions(document, structure.remember(_supported), _arguments(structure)),
    ]
    found = [each if not each.node or _is_used(each.node, structure) else _milder(each) for each in found]
    return tuple(sorted(found, key=lambda each: (_RANKS[each.severity], structure.position.get(each.node, -1))))


def _of_structure(structure: Structure) -> Steps[tuple[Problem, ...]]:
    found: list[Problem] = []
    for check in (*LINK_CHECKS, *OMISSION_CHECKS):
        yield
        found.extend(check(structure))
    return tuple(found)


def _supported(structure: Structure) -> tuple[str, ...]:
    """Return the nodes in use that bring text of their own into the program."""
    kinds, used = structure.kinds, structure.used
    return tuple(id for id, kind in kinds.items() if kind.spec is not None and kind.spec.support and id in used)


def _arguments(structure: Structure) -> set[str]:
    """Return the names that functions of the text have for their arguments."""
    found = set(structure.flow.entries.values())
    for block in structure.drawn.blocks.values():
        declared = signature(block)
        found |= {*declared.inputs, *(parameter.name for parameter in declared.parameters)}
    return found


def _is_used(path: str, structure: Structure) -> bool:
    """Whether the network would miss a node; of a block that could not be written out, all of it is missed."""
    if structure.is_open or path in structure.used:
        return True
    inside = "/" in path and path in structure.kinds
    return not inside and path.partition("/")[0] in structure.roots


def _milder(problem: Problem) -> Problem:
    """Return an error of a node that the network does without as a warning."""
    return replace(problem, severity=Severity.WARNING) if problem.is_error else problem
