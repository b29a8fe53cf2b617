"""The templates that ship with the program: projects in `resources/templates`, each with its picture and its mark."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netbuilder.document.files import read_document
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.resources import resource

STARTER = "digits-residual"
"""What the first run opens, and what is trained where there is no screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template, as its card and the terminal show it.

    Attributes:
        key: Its file's name without the ending.
        title: "Handwritten digits".
        subtitle: "Residual CNN · images".
        description: One line.
        category: The group it belongs to: "Images".
        mark: What it was measured to reach: "accuracy 99 %".
        time: How long that took, and on what: "4 s on CPU".
    """

    key: str
    title: str
    subtitle: str
    description: str
    category: str
    mark: str
    time: str

    @property
    def picture(self) -> Path:
        """The picture for its card."""
        return resource(f"templates/{self.key}.png")


def list_templates() -> tuple[Template, ...]:
    """Return all templates in the order in which they are offered."""
    entries: dict[str, dict[str, Any]] = json.loads(resource("templates/marks.json").read_text("utf-8"))
    names = [name for name in Template.__slots__ if name != "key"]
    return tuple(Template(key=key, **{name: entry[name] for name in names}) for key, entry in entries.items())


def open_template(key: str) -> Document:
    """Return a fresh document made from a template.

    Raises:
        NetbuilderError: When there is no such template.
    """
    known = [template.key for template in list_templates()]
    if key not in known:
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}."
        raise NetbuilderError(
            Problem(code="template.unknown", message=f"There is no template called {key!r}; {hint}", found=key)
        )
    return read_document(resource(f"templates/{key}.netb"))
