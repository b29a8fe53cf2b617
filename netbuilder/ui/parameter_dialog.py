"""The dialog that declares a block's parameter: its name, what it holds, its range and its help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialogButtonBox, QVBoxLayout, QWidget

from netbuilder.document.blocks import parameter_from
from netbuilder.foundation.parameter import Choice, Kind, Parameter, Values
from netbuilder.ui.dialog import Dialog
from netbuilder.ui.form import Form
from netbuilder.ui.numbers import number_text, plain_value
from netbuilder.ui.panels.cards import label

_KINDS: Final = (
    Choice(value="int", title="Whole number", help="Filters, heads, layers."),
    Choice(value="float", title="Number", help="A rate, a ratio."),
    Choice(value="bool", title="Yes or no", help="A switch."),
    Choice(value="choice", title="One of several", help="A name among a few."),
    Choice(value="ints", title="Whole numbers", help="A size an axis."),
    Choice(value="text", title="Text", help="Any text."),
)


def _holds(*kinds: str) -> Any:
    def shown(values: Values) -> bool:
        return values["kind"] in kinds

    return shown


def _line(name: str, title: str, help: str, **options: Any) -> Parameter:
    return Parameter(name=name, title=title, kind=Kind.TEXT, default="", help=help, **options)


def _bound(name: str, title: str, help: str) -> Parameter:
    shown = _holds("int", "float", "ints")
    return Parameter(
        name=name,
        title=title,
        kind=Kind.FLOAT,
        default=None,
        help=help,
        optional=True,
        none_title="any",
        shown_when=shown,
    )


DECLARATION: Final = (
    _line("name", "Name", "What expressions call it, and its argument in the code: small letters, such as filters."),
    _line("title", "Title", "What the form calls it; empty takes the name."),
    Parameter(name="kind", title="Holds", kind=Kind.CHOICE, default="int", choices=_KINDS, help="What its values are."),
    _line("choices", "Choices", "The values, with commas between them.", shown_when=_holds("choice")),
    Parameter(
        name="length",
        title="How many",
        kind=Kind.INT,
        default=None,
        optional=True,
        none_title="any number",
        minimum=1,
        maximum=64,
        help="How many numbers it holds.",
        shown_when=_holds("ints"),
    ),
    _line("default", "Default", "The value of a fresh instance."),
    _bound("minimum", "Smallest", "The smallest value that is accepted."),
    _bound("maximum", "Largest", "The largest value that is accepted."),
    _line("help", "Help", "One or two sentences on what it does."),
)


class ParameterDialog(Dialog):
    """Declares a parameter.

    Signals:
        declared: (JSON object) the user confirmed a declaration that is in order.
    """

    declared = Signal(object)

    def __init__(self, raw: Mapping[str, Any] | None, parent: QWidget) -> None:
        """Show a declaration.

        Args:
            raw: The parameter as it is; None for a new one.
            parent: The window.
        """
        super().__init__(parent)
        self.setWindowTitle("New parameter" if raw is None else f"Parameter {raw.get('name', '')}")
        self._known = {str(each.get("value")): dict(each) for each in (raw or {}).get("choices", ())}
        self.form = Form(DECLARATION)
        self.form.set_values(_shown(raw or {"name": "", "kind": "int", "default": 8, "minimum": 1}))
        self.trouble = label("", "bad", wrap=True)
        self.trouble.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.confirm)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(label("Expressions inside the block may name it: filters * 4", "muted", wrap=True))
        column.addWidget(self.form)
        column.addWidget(self.trouble)
        column.addWidget(buttons)
        self.setMinimumWidth(380)

    def confirm(self) -> None:
        """Close with the declaration, or say what is wrong with it."""
        if not self.form.settle():
            return
        try:
            raw = _declared(self.form.values(), self._known)
            parameter_from(raw)
        except ValueError as error:
            text = str(error)
            self.trouble.setText(f"{text[:1].upper()}{text[1:]}.".replace("..", "."))
            self.trouble.show()
            return
        self.declared.emit(raw)
        self.accept()


def _shown(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a declaration as the form shows it."""
    default, kind = raw.get("default"), raw.get("kind", "int")
    return {
        "name": str(raw.get("name", "")),
        "title": str(raw.get("title", "")),
        "kind": kind,
        "choices": ", ".join(str(each.get("value", "")) for each in raw.get("choices", ())),
        "length": raw.get("length"),
        "default": str(default) if kind == Kind.CHOICE else _words(default),
        "minimum": raw.get("minimum"),
        "maximum": raw.get("maximum"),
        "help": str(raw.get("help", "")),
    }


def _words(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number_text(value) if isinstance(value, (int, float)) else str(value or "")


def _declared(values: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the declaration that the form says; a choice that was there before keeps its value and its title.

    Args:
        values: What the form says.
        known: The choices as they were, by how the form writes them.
    """
    kind = Kind(values["kind"])
    raw: dict[str, Any] = {"name": values["name"].strip(), "kind": kind.value}
    raw["title"] = values["title"].strip() or raw["name"].replace("_", " ").capitalize()
    for name in ("minimum", "maximum"):
        if values[name] is not None and kind in (Kind.INT, Kind.FLOAT, Kind.INTS):
            raw[name] = values[name]
    if kind is Kind.INTS and values["length"] is not None:
        raw["length"] = values["length"]
    if kind is Kind.CHOICE:
        words = [word.strip() for word in values["choices"].split(",") if word.strip()]
        raw["choices"] = [known.get(word, {"value": word, "title": word}) for word in words]
    plain = Parameter(name=raw["name"], title=raw["title"], kind=kind, default=None)
    default = values["default"].strip()
    is_known = kind is Kind.CHOICE and default in known
    raw["default"] = known[default]["value"] if is_known else plain_value(plain, default)
    raw["help"] = values["help"].strip()
    return raw
