r"""Formulas: the small part of LaTeX that declarations use, as rich text that a label can show.

`\frac{a}{b}` becomes a/b, `x_i^2` gets real sub- and superscripts, `\sum` its sign. What is not LaTeX passes as it
is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}_^&]|[^\\{}_^&]")
_SIGNS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "lambda": "λ",
    "mu": "μ", "pi": "π", "sigma": "σ", "Phi": "Φ", "sum": "∑", "star": "⋆", "cdot": "·", "dots": "…", "in": " ∈ ",
    "le": " ≤ ", "ge": " ≥ ", "ne": " ≠ ", "sim": " ~ ", "leftarrow": " ← ", "quad": "&nbsp;&nbsp;&nbsp;",
    "bmod": " mod ", "lVert": "‖", "rVert": "‖", "lfloor": "⌊", "rfloor": "⌋", ",": " ", "\\": "\n", "left": "",
    "right": "", "textstyle": "", "begin": "", "end": "",
}  # fmt: skip
_WORDS = frozenset({"text", "operatorname", "mathcal"})
_ACCENTS = {"hat": "\u0302", "bar": "\u0304"}


def formula_html(text: str) -> str:
    """Return a formula as rich text.

    Args:
        text: LaTeX, or plain mathematics.
    """
    cases = re.search(r"\\begin\{cases\}(.*?)\\end\{cases\}", text, re.DOTALL)
    if cases is None:
        return _tidy(_Reader(text).all())
    before = formula_html(text[: cases.start()])
    lines = [line.split("&") for line in cases.group(1).split(r"\\")]
    shown = [f"{formula_html(value)} &nbsp; <i>if</i> {formula_html(when)}" for value, when in lines]
    shown[-1] = shown[-1].replace("<i>if</i> else", "<i>else</i>")
    return "<br>".join([*filter(None, [before]), *shown])


class _Reader:
    """Reads LaTeX once, from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: Iterator[str] = iter(_TOKEN.findall(text))

    def all(self) -> str:
        """Return everything up to the end of the text or group."""
        parts = []
        for token in self._tokens:
            if token == "}":
                break
            parts.append(self._one(token))
        return "".join(parts)

    def _argument(self) -> str:
        token = next(self._tokens, "")
        while token.isspace():
            token = next(self._tokens, "")
        return self.all() if token == "{" else self._one(token) if token else ""

    def _one(self, token: str) -> str:
        if token == "{":
            return self.all()
        if token == "_":
            return f"<sub>{self._argument()}</sub>"
        if token == "^":
            return f"<sup>{self._argument()}</sup>"
        if not token.startswith("\\") or len(token) < 2:
            return escape(token.replace("-", "−"))
        return self._command(token[1:])

    def _command(self, name: str) -> str:
        if name == "frac":
            above, below = self._argument(), self._argument()
            return f"{_grouped(above)}/{_grouped(below)}"
        if name == "sqrt":
            inside = self._argument()
            return f"√{inside}" if len(inside) == 1 else f"√({inside})"
        if name in _WORDS:
            return self._argument()
        if name in _ACCENTS:
            return self._argument().strip() + _ACCENTS[name]
        if name == "overline":
            return f"mean({self._argument()})"
        return _SIGNS.get(name, name if len(name) > 1 else escape(name))


def _grouped(text: str) -> str:
    plain = re.sub(r"<su[bp]>.*?</su[bp]>", "", text)
    return f"({text})" if re.search(r"[ +−/·]", plain.strip()) else text


def _tidy(text: str) -> str:
    return re.sub(r" {2,}", " ", text).strip()
