"""Printing: statements built as syntax trees become text that reads as if written by hand.

Each statement is printed by itself, so that blank lines, comments and wrapping are ours and the line of every node is
known. A text is accepted only when parsing it gives the very tree that was meant: nothing a user typed can have become
code on the way.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from netbuilder.compiler.template import CompilerError, same

WIDTH: Final = 100
"""Columns of the generated text."""

_NOTE: Final = 90

_DEEPEST: Final = 8
"""Columns before a statement of a method, for which all statements are wrapped."""


@dataclass(slots=True)
class Writer:
    """Collects lines.

    Attributes:
        lines: What was written so far.
        paths: One-based line -> node path.
        wrapped: Statements that were printed before, by identity: two texts that share statements share this.
    """

    lines: list[str] = field(default_factory=list)
    paths: dict[int, str] = field(default_factory=dict)
    wrapped: dict[ast.stmt, list[str]] = field(default_factory=dict)

    def text(self, text: str = "", indent: int = 0) -> None:
        """Write text as it is, line by line."""
        for line in text.split("\n"):
            self.lines.append(" " * indent + line if line else "")

    def comment(self, text: str, indent: int) -> None:
        """Write a user's words as one comment line; nothing when nothing printable is left."""
        words = harmless(text)
        if words:
            self.lines.append(" " * indent + f"# {words}")

    def statement(self, statement: ast.stmt, indent: int, path: str = "", remark: str = "") -> None:
        """Write one statement; of those that hold others, `for` only.

        Args:
            statement: What to write.
            indent: Columns before it.
            path: The node it is for.
            remark: A short comment of ours behind it.
        """
        if isinstance(statement, ast.For):
            self.lines.append(" " * indent + f"for {printed(statement.target)} in {printed(statement.iter)}:")
            if path:
                self.paths[len(self.lines)] = path
            for inner in statement.body:
                self.statement(inner, indent + 4, path)
            return
        lines = self.wrapped.get(statement)
        if lines is None:
            self.wrapped[statement] = lines = wrapped(statement, WIDTH - _DEEPEST)
        lines = [*lines]
        if remark and len(lines[-1]) + indent + len(remark) + 4 <= WIDTH:
            lines[-1] += f"  # {remark}"
        for line in lines:
            self.lines.append(" " * indent + line)
            if path:
                self.paths[len(self.lines)] = path

    def finish(self, tree: ast.Module) -> str:
        """Return the text.

        Raises:
            CompilerError: When parsing it does not give `tree`.
        """
        text = "\n".join(self.lines) + "\n"
        try:
            says_it = same(ast.parse(text), tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise CompilerError("the text that was written is no Python") from error
        if not says_it:
            raise CompilerError("the text that was written does not say what was meant")
        return text


def harmless(text: str) -> str:
    """Return a user's words as one short printable line that can end neither a comment nor a docstring."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _NOTE])
    line = " ".join(line.replace("\\", "/").replace('"', "'").split())
    return line if len(line) <= _NOTE else line[: _NOTE - 1] + "…"


def wrapped(statement: ast.stmt, width: int) -> list[str]:
    """Return a simple statement as lines of at most `width` columns, where calls, lists and dicts can be broken."""
    line = printed(statement)
    if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple) and len(statement.value.elts) > 1:
        line = "return " + ", ".join(printed(each) for each in statement.value.elts)
    if len(line) <= width and "\n" not in line:
        return [line]
    if isinstance(statement, ast.Assign):
        head = " = ".join(printed(target) for target in statement.targets) + " = "
        return _broken(statement.value, head, "", width)
    if isinstance(statement, ast.Return) and statement.value is not None:
        return _broken(statement.value, "return ", "", width)
    if isinstance(statement, ast.Expr):
        return _broken(statement.value, "", "", width)
    return [line]


def _broken(node: ast.expr, head: str, tail: str, width: int) -> list[str]:
    """Return an expression between `head` and `tail`, broken inside its brackets where it is too long."""
    line = head + printed(node) + tail
    if len(line) <= width:
        return [line]
    opened = _open(node)
    if opened is None:
        return [line]
    start, parts, end = opened
    together = " " * 4 + ", ".join(prefix + printed(part) for prefix, part in parts)
    if len(together) <= width:
        return [head + start, together, end + tail]
    lines = [head + start]
    for prefix, part in parts:
        lines += [" " * 4 + each for each in _broken(part, prefix, ",", width - 4)]
    return [*lines, end + tail]


def _open(node: ast.expr) -> tuple[str, Sequence[tuple[str, ast.expr]], str] | None:
    """Return an expression as its opening, its parts with what stands before each, and its closing bracket."""
    if isinstance(node, ast.Call):
        named = [(f"{each.arg}=" if each.arg else "**", each.value) for each in node.keywords]
        parts = [("", each) for each in node.args] + named
        return (printed(node.func) + "(", parts, ")") if parts else None
    if isinstance(node, ast.List) and node.elts:
        return "[", [("", each) for each in node.elts], "]"
    if isinstance(node, ast.Tuple) and len(node.elts) > 1:
        return "(", [("", each) for each in node.elts], ")"
    if isinstance(node, ast.Dict) and node.keys and None not in node.keys:
        return (
            "{",
            [(f"{printed(key)}: ", value) for key, value in zip(node.keys, node.values, strict=True) if key],
            "}",
        )
    return None


def printed(node: ast.AST) -> str:
    """Return a tree as text on one line, its strings in double quotes where they need no escapes."""
    text = ast.unparse(node)
    if "'" not in text:
        return text
    if '"' in text or "\\" in text:
        return _requoted(text)
    return text.replace("'", '"')  # with neither of them in it, each ' begins or ends a string


def _requoted(text: str) -> str:
    result, column = [], 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING and token.string[0] == "'" and not any(c in token.string for c in '"\\'):
            if token.start[0] != 1:
                return text
            result.append(text[column : token.start[1]] + f'"{token.string[1:-1]}"')
            column = token.end[1]
    return "".join(result) + text[column:]


def signature(name: str, arguments: Mapping[str, str], returns: str, width: int) -> list[str]:
    """Return a function's head: `arguments` are names with their annotations ("" for none)."""
    parts = [f"{argument}: {hint}" if hint else argument for argument, hint in arguments.items()]
    line = f"def {name}({', '.join(parts)}) -> {returns}:"
    if len(line) <= width:
        return [line]
    together = "    " + ", ".join(parts)
    if len(together) <= width:
        return [f"def {name}(", together, f") -> {returns}:"]
    return [f"def {name}(", *(f"    {part}," for part in parts), f") -> {returns}:"]


def function(name: str, arguments: Mapping[str, str], returns: str, body: Sequence[ast.stmt]) -> ast.FunctionDef:
    """Return the tree of a function whose head `signature` writes."""
    taken = [ast.arg(arg=argument, annotation=annotation(hint)) for argument, hint in arguments.items()]
    return ast.FunctionDef(
        name=name,
        args=ast.arguments(posonlyargs=[], args=taken, kwonlyargs=[], kw_defaults=[], defaults=[]),
        body=list(body),
        decorator_list=[],
        returns=annotation(returns),
    )


def annotation(hint: str) -> ast.expr | None:
    """Return one of our own annotations as a tree."""
    return ast.parse(hint, mode="eval").body if hint else None


def docstring(text: str) -> ast.stmt:
    """Return the tree of a docstring."""
    return ast.Expr(value=ast.Constant(value=text))
