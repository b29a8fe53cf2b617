"""Formulas in words."""

from __future__ import annotations

import re

from netbuilder.ui.formula.latex import (
    Accent,
    Fenced,
    Fraction,
    Item,
    Role,
    Root,
    Row,
    Script,
    Space,
    Symbol,
    Table,
    roles_of,
)


def spoken(item: Item) -> str:
    """Return a tree as one line of plain text: what a screen reader says, and what is copied."""
    match item:
        case Symbol():
            return item.text
        case Space():
            return " "
        case Row():
            return _said_in_row(item)
        case Script():
            below = f"_{_grouped(item.below)}" if item.below else ""
            above = f"^{_grouped(item.above)}" if item.above else ""
            return spoken(item.base) + below + above
        case Fraction():
            return f"{_grouped(item.above)}/{_grouped(item.below)}"
        case Root():
            return f"√{_grouped(item.body)}"
        case Accent():
            return f"{item.mark}({spoken(item.body)})"
        case Fenced():
            return f"{item.left}{spoken(item.body)}{item.right}"
        case Table():
            join = ", " if item.kind == "cases" else " "
            return "; ".join(join.join(map(spoken, cells)) for cells in item.rows)


def _said_in_row(row: Row) -> str:
    """Return what stands side by side, with blanks around the signs that join two things, and after functions."""
    said = ""
    for item, role in zip(row.items, roles_of(row.items), strict=True):
        text = spoken(item)
        said += f" {text} " if role in (Role.BINARY, Role.RELATION, Role.OPERATOR) else text
    return re.sub(r" {2,}", " ", said).replace("( ", "(").strip()


def _grouped(item: Item | None) -> str:
    text = spoken(item) if item else ""
    return text if len(text) < 2 or text.isalnum() else f"({text})"
