"""Answers: what a network's outputs mean to whoever asks it. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from netbuilder.compiler.program import Program
from netbuilder.document.model import Document, Field, PortRef
from netbuilder.layers.spec import Task
from netbuilder.training.targets import raw_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One output of a network.

    Attributes:
        output: Its name.
        task: What it was trained for; None when no loss with a task reads it.
        classes: The names of the classes that it tells apart, in order.
        target: The data field that says what it should have been; None when that is computed.
    """

    output: str
    task: Task | None = None
    classes: tuple[str, ...] = ()
    target: PortRef | None = None


def list_answers(document: Document, program: Program) -> tuple[Answer, ...]:
    """Return what each of a network's outputs means, in their order."""
    found: dict[str, Answer] = {}
    for loss in program.losses:
        if loss.prediction and loss.task is not None and loss.prediction not in found:
            key = loss.target or raw_target(document, program, loss.node)
            target = program.sources.get(key)
            field = find_field(document, target) if target else None
            found[loss.prediction] = Answer(
                output=loss.prediction, task=loss.task, classes=field.classes if field else (), target=target
            )
    return tuple(found.get(name, Answer(output=name)) for name in program.outputs)


def find_field(document: Document, port: PortRef) -> Field | None:
    """Return what the document says of a data node's field; None for another node's port."""
    schema = document.schemas.get(port.node)
    return next((field for field in schema.fields if field.name == port.port), None) if schema else None
