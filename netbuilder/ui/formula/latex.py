r"""The part of LaTeX that declarations write their formulas in, read into a tree.

`read_formula(r"\frac{1}{1 + e^{-x}}")` gives the tree that `ui.typesetting` lays out. Only what is listed here is
known, and anything else is an error: a formula never shows its own source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias


class Role(StrEnum):
    """What a symbol is in its row, from which the space around it follows."""

    ORDINARY = "ordinary"
    OPERATOR = "operator"  # sin, max, the sum sign
    BINARY = "binary"
    RELATION = "relation"
    OPEN = "open"
    CLOSE = "close"
    PUNCTUATION = "punctuation"


@dataclass(frozen=True, slots=True)
class Symbol:
    """Characters that stand together.

    Attributes:
        text: What is drawn.
        role: What it is in its row.
        italic: Whether it is slanted, as variables are.
        large: Whether it is a sign that is drawn larger than letters: a sum.
        limits: Whether what is below and above it stands under and over it: a sum, a maximum.
    """

    text: str
    role: Role = Role.ORDINARY
    italic: bool = False
    large: bool = False
    limits: bool = False


@dataclass(frozen=True, slots=True)
class Space:
    """Empty room, in widths of the letter M; a quad is where a line may end."""

    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """Things side by side."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """Something with what is written below and above it, smaller."""

    base: Item
    below: Item | None = None
    above: Item | None = None


@dataclass(frozen=True, slots=True)
class Fraction:
    """One thing over another."""

    above: Row
    below: Row


@dataclass(frozen=True, slots=True)
class Root:
    """A square root."""

    body: Row


@dataclass(frozen=True, slots=True)
class Accent:
    """Something under a mark: "hat", "bar", "tilde" or "overline"."""

    body: Row
    mark: str


@dataclass(frozen=True, slots=True)
class Fenced:
    """Something between brackets as tall as it; "" is no bracket."""

    left: str
    body: Row
    right: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells.

    Attributes:
        rows: The cells.
        kind: "cases" (behind a brace, with the conditions in the second column), "aligned" (at their first relation)
            or "matrix" (centred).
    """

    rows: tuple[tuple[Row, ...], ...]
    kind: str


Item: TypeAlias = Symbol | Space | Row | Script | Fraction | Root | Accent | Fenced | Table

_GREEK: Final[Mapping[str, str]] = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "eta": "η",
    "theta": "θ", "lambda": "λ", "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "ϕ",
    "omega": "ω", "ell": "ℓ",
}  # fmt: skip
_UPRIGHT: Final[Mapping[str, str]] = {
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Sigma": "Σ", "Phi": "Φ", "Omega": "Ω", "infty": "∞",
    "dots": "…", "ldots": "…", "cdots": "⋯", "neg": "¬", "top": "⊤", "prime": "′", "forall": "∀", "exists": "∃",
    "partial": "∂",
}  # fmt: skip
_BINARY: Final[Mapping[str, str]] = {
    "+": "+", "-": "−", "*": "∗", "cdot": "·", "times": "×", "odot": "⊙", "star": "⋆", "circ": "∘", "bmod": "mod",
    "land": "∧", "lor": "∨", "oplus": "⊕", "pm": "±",
}  # fmt: skip
_RELATIONS: Final[Mapping[str, str]] = {
    "=": "=", "<": "<", ">": ">", "le": "≤", "ge": "≥", "ne": "≠", "in": "∈", "sim": "∼", "approx": "≈", "to": "→",
    "leftarrow": "←", "mapsto": "↦", "mid": "∣",
}  # fmt: skip
_OPEN: Final[Mapping[str, str]] = {
    "(": "(", "[": "[", "{": "{", "lfloor": "⌊", "lceil": "⌈", "lVert": "‖", "lvert": "|",
}  # fmt: skip
_CLOSE: Final[Mapping[str, str]] = {
    ")": ")", "]": "]", "}": "}", "rfloor": "⌋", "rceil": "⌉", "rVert": "‖", "rvert": "|",
}  # fmt: skip
_FUNCTIONS: Final = frozenset({
    "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "exp", "ln", "log", "det", "arg",
})  # fmt: skip
_WITH_LIMITS: Final = frozenset({"max", "min"})
_LARGE: Final[Mapping[str, str]] = {"sum": "∑", "prod": "∏"}
_SPACES: Final[Mapping[str, float]] = {",": 1 / 6, ";": 5 / 18, " ": 0.25, "!": 0.0, "quad": 1.0, "qquad": 2.0}
_ACCENTS: Final = frozenset({"hat", "bar", "tilde", "overline"})
_TABLES: Final[Mapping[str, tuple[str, str]]] = {
    "cases": ("", ""), "aligned": ("", ""), "matrix": ("", ""), "pmatrix": ("(", ")"), "bmatrix": ("[", "]"),
}  # fmt: skip
"""Environments, and the brackets around them; that of cases belongs to the table."""
_TOKEN: Final = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
_END: Final = ""


class FormulaError(ValueError):
    """A formula that is not written in the LaTeX known here."""


def read_formula(text: str) -> Row:
    """Return a formula's tree.

    Args:
        text: LaTeX, without dollar signs.

    Raises:
        FormulaError: When a command is unknown, or a group is not closed.
    """
    reader = _Reader(text)
    row = reader.row()
    if reader.token != _END:
        raise reader.error(f"{reader.token} without a beginning")
    return row


class _Reader:
    """Reads LaTeX once, from left to right, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._place = 0

    @property
    def token(self) -> str:
        """The next token; "" at the end."""
        return self._tokens[self._place] if self._place < len(self._tokens) else _END

    def error(self, message: str) -> FormulaError:
        """Return what is to be raised."""
        return FormulaError(f"{message} in the formula {self._text!r}")

    def take(self) -> str:
        """Return the next token, and go on."""
        token = self.token
        self._place += 1
        return token

    def expect(self, token: str) -> None:
        """Go past `token`."""
        if self.take() != token:
            raise self.error(f"{token} is missing")

    def skip_blanks(self) -> None:
        """Go on to the next token that is not blank."""
        while self.token.isspace():
            self._place += 1

    def row(self) -> Row:
        """Return everything up to the end of the group, cell or text, which is not taken."""
        items: list[Item] = []
        self.skip_blanks()
        while self.token not in (_END, "}", r"\right", r"\end", "&", r"\\"):
            if self.token in ("_", "^", "'"):
                items.append(self._scripts(items.pop() if items else Row(())))
            else:
                items.append(self._item())
            self.skip_blanks()
        return Row(tuple(items))

    def _scripts(self, base: Item) -> Item:
        if self.token == "'":  # stands high enough by itself
            self.take()
            return Row((base, Symbol("′")))
        below: Item | None = None
        above: Item | None = None
        while self.token in ("_", "^"):
            mark = self.take()
            if mark == "_" and below is None:
                below = self._argument()
            elif mark == "^" and above is None:
                above = self._argument()
            else:
                raise self.error(f"two {mark} after one another")
            self.skip_blanks()
        return Script(base, below, above)

    def _argument(self) -> Row:
        self.skip_blanks()
        if self.token != "{":
            return Row((self._item(),))
        self.take()
        row = self.row()
        self.expect("}")
        return row

    def _words(self) -> str:
        """Return the characters of a group as they are."""
        self.skip_blanks()
        self.expect("{")
        words = ""
        while self.token not in ("}", _END):
            words += self.take()
        self.expect("}")
        return words

    def _item(self) -> Item:
        if self.token == "{":
            return self._argument()
        token = self.take()
        if token == _END:
            raise self.error("something is missing at the end")
        if token.startswith("\\"):
            return self._command(token[1:])
        symbol = _symbol(token)
        if symbol is not None:
            return symbol
        if token.isascii() and token.isalpha():
            return Symbol(token, italic=True)
        if token[0].isdigit() or token in "/|!.":
            return Symbol(token)
        if token in ",:":
            return Symbol(token, Role.PUNCTUATION)
        raise self.error(f"{token!r} has no meaning")

    def _command(self, name: str) -> Item:
        if name == "frac":
            return Fraction(self._argument(), self._argument())
        if name == "sqrt":
            return Root(self._argument())
        if name in _ACCENTS:
            return Accent(self._argument(), name)
        if name in ("text", "mathrm"):
            return Symbol(self._words())
        if name == "operatorname":
            return Symbol(self._words(), Role.OPERATOR)
        if name == "mathcal":
            return Symbol(self._words(), italic=True)
        if name == "left":
            return self._fenced()
        if name == "begin":
            return self._table()
        if name in _SPACES:
            return Space(_SPACES[name])
        symbol = _symbol(name)
        if symbol is None:
            raise self.error(f"\\{name} is not known")
        return symbol

    def _fenced(self) -> Fenced:
        left = self._fence()
        body = self.row()
        self.expect(r"\right")
        return Fenced(left, body, self._fence())

    def _fence(self) -> str:
        self.skip_blanks()
        token = self.take().removeprefix("\\")
        if token in (".", "|"):
            return "" if token == "." else token
        if token not in _OPEN and token not in _CLOSE:
            raise self.error(f"{token!r} is no bracket")
        return _OPEN.get(token) or _CLOSE[token]

    def _table(self) -> Item:
        kind = self._words()
        if kind not in _TABLES:
            raise self.error(f"the environment {kind} is not known")
        rows: list[tuple[Row, ...]] = []
        cells: list[Row] = []
        while True:
            cells.append(self.row())
            token = self.take()
            if token == "&":
                continue
            rows.append(tuple(cells))
            cells = []
            if token == r"\end":
                break
            if token != r"\\":
                raise self.error(f"the environment {kind} has no end")
        if self._words() != kind:
            raise self.error(f"another environment than {kind} ends")
        left, right = _TABLES[kind]
        table = Table(tuple(rows), "matrix" if left else kind)
        return Fenced(left, Row((table,)), right) if left else table


def _symbol(name: str) -> Symbol | None:
    """Return what a command's name, or a character with a role of its own, stands for."""
    for role, known in (
        (Role.BINARY, _BINARY),
        (Role.RELATION, _RELATIONS),
        (Role.OPEN, _OPEN),
        (Role.CLOSE, _CLOSE),
        (Role.ORDINARY, _UPRIGHT),
    ):
        if name in known:
            return Symbol(known[name], role)
    if name in _GREEK:
        return Symbol(_GREEK[name], italic=True)
    if name in _LARGE:
        return Symbol(_LARGE[name], Role.OPERATOR, large=True, limits=True)
    if name in _FUNCTIONS | _WITH_LIMITS:
        return Symbol(name, Role.OPERATOR, limits=name in _WITH_LIMITS)
    return None


_NO_OPERAND: Final = frozenset({Role.BINARY, Role.RELATION, Role.OPEN, Role.PUNCTUATION, Role.OPERATOR})


def _role(item: Item) -> Role:
    base = item.base if isinstance(item, Script) else item
    if isinstance(base, Row) and len(base.items) == 1:
        return _role(base.items[0])
    return base.role if isinstance(base, Symbol) else Role.ORDINARY


def roles_of(items: tuple[Item, ...]) -> list[Role]:
    """Return the items' roles; a minus that has nothing on its left to be taken from is a sign, not an operator."""
    roles: list[Role] = []
    before: Role | None = None
    for item in items:
        role = _role(item)
        if role is Role.BINARY and (before is None or before in _NO_OPERAND):
            role = Role.ORDINARY
        roles.append(role)
        if not isinstance(item, Space):
            before = role
    return roles
