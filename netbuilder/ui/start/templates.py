"""The templates that ship with the program: projects in `resources/templates`, each with a picture and a mark."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from netbuilder.document.files import read_document
from netbuilder.document.model import Document
from netbuilder.foundation.resources import resource

STARTER = "digits-residual"
"""What the first run opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template as its card shows it.

    Attributes:
        key: Its file's name without the ending.
        title: "Handwritten digits".
        subtitle: "Residual CNN · images".
        description: One line.
        category: The chip it belongs to: "Images".
        picture: The picture's path.
        mark: What it was measured to reach: "99 %".
        time: How long that took: "20 s on CPU".
    """

    key: str
    title: str
    subtitle: str
    description: str
    category: str
    picture: str
    mark: str
    time: str


def read_templates() -> tuple[Template, ...]:
    """Return all templates in the order of `marks.json`."""
    entries: dict[str, dict[str, Any]] = json.loads(resource("templates/marks.json").read_text("utf-8"))
    return tuple(_template(key, entry) for key, entry in entries.items())


def read_template(key: str) -> Document:
    """Return a fresh copy of a template's document."""
    return read_document(resource(f"templates/{key}.netb"))


def _template(key: str, entry: dict[str, Any]) -> Template:
    return Template(
        key=key,
        title=entry["title"],
        subtitle=entry["subtitle"],
        description=entry["description"],
        category=entry["category"],
        picture=str(resource(f"templates/{key}.png")),
        mark=entry["mark"],
        time=entry["time"],
    )
