"""Texts: statements put together into a module's text, with its imports, its class and its functions."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netbuilder.compiler import source
from netbuilder.compiler.source import Writer, docstring
from netbuilder.compiler.template import constant, name


@dataclass(frozen=True, slots=True)
class Item:
    """One statement.

    Attributes:
        statement: Its tree.
        path: The node it is for.
        remark: Our comment behind it.
        note: The user's comment before it.
        outputs: Of the last statement of a node with several outputs: those that are read -> their variables.
    """

    statement: ast.stmt
    path: str = ""
    remark: str = ""
    note: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassParts:
    """What the text of a class is made of.

    Attributes:
        name: The class's name.
        doc: Its docstring.
        settings: What its constructor takes, with annotations.
        constructor: The body of `__init__`.
        arguments: What `forward` takes.
        count: How many values it returns.
        forward: The body of `forward`.
    """

    name: str
    doc: str
    settings: Mapping[str, str]
    constructor: Sequence[Item]
    arguments: tuple[str, ...]
    count: int
    forward: Sequence[Item]

    @property
    def returns(self) -> str:
        """The annotation of what `forward` returns."""
        return "Tensor" if self.count == 1 else f"tuple[{', '.join(['Tensor'] * self.count)}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a module's text is made of.

    Attributes:
        title: The document's, for the docstring.
        support: Texts of support classes, with their trees.
        classes: The blocks' classes, each after those it uses, and the network's at the end.
        phases: The name and the body of each phase's function.
    """

    title: str
    support: Mapping[str, Sequence[ast.stmt]]
    classes: Sequence[ClassParts]
    phases: Sequence[tuple[str, Sequence[Item]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TappedParts:
    """What the text that looks inside is made of: the network as one function, without its blocks' classes.

    Attributes:
        arguments: What `forward` takes.
        returns: The annotation of what it returns.
        forward: Its body, all layers in order.
        starts: Node path -> the statements that make its module and draw its weights.
    """

    arguments: tuple[str, ...]
    returns: str
    forward: Sequence[Item]
    starts: Mapping[str, Sequence[ast.stmt]]


def module_text(parts: Parts, wrapped: dict[ast.stmt, list[str]]) -> tuple[str, dict[int, str]]:
    """Return the whole module's text, and line -> node path.

    Args:
        parts: What it is made of.
        wrapped: Filled with the lines of each statement, for `tapped_text`.
    """
    writer = Writer(wrapped=wrapped)
    title = source.harmless(parts.title) or "A network"
    head = title if title.endswith((".", "!", "?")) else f"{title}."
    writer.text(f'"""{head}"""')
    writer.text()
    body: list[ast.stmt] = [docstring(head)]
    for line in _imports(parts):
        writer.text(line)
        body += ast.parse(line).body
    for text, parsed in parts.support.items():
        writer.text("\n\n" + text.strip("\n"))
        body += parsed
    body += [_class_text(writer, each) for each in parts.classes]
    for function, items in parts.phases:
        writer.text("\n")
        arguments = {"model": "nn.Module", "batch": "dict[str, Tensor]"}
        doc = "Return the losses of one batch by name."
        body.append(_function_text(writer, 0, function, arguments, "dict[str, Tensor]", doc, items))
    return writer.finish(ast.Module(body=body, type_ignores=[])), writer.paths


def tapped_text(parts: TappedParts, wrapped: dict[ast.stmt, list[str]]) -> tuple[str, dict[int, str]]:
    """Return the text of the forward that shows each value and of the generator that makes modules one by one.

    Args:
        parts: What it is made of.
        wrapped: The lines of statements that `module_text` wrote.
    """
    items: list[Item] = []
    for index, item in enumerate(parts.forward):
        items.append(item)
        following = parts.forward[index + 1].path if index + 1 < len(parts.forward) else ""
        if item.path and following != item.path:
            shown = {item.path: _assigned(item.statement)}
            shown |= {f"{item.path}.{port}": name(variable) for port, variable in item.outputs.items()}
            for path, value in shown.items():
                call = ast.Call(func=name("tap"), args=[constant(path), value], keywords=[])
                items.append(Item(ast.Expr(value=call), item.path))
    starts: list[Item] = []
    for path, statements in parts.starts.items():
        starts.append(Item(ast.Expr(value=ast.Yield(value=constant(path)))))
        starts += [Item(each, path) for each in statements]
    starts = starts or [Item(ast.Expr(value=ast.YieldFrom(value=ast.Tuple(elts=[], ctx=ast.Load()))))]
    writer = Writer(wrapped=wrapped)
    hints = {"self": "", "tap": "", **dict.fromkeys(parts.arguments, "Tensor")}
    tapped = _function_text(writer, 0, "tapped_forward", hints, parts.returns, "", items)
    writer.text("\n")
    maker = _function_text(writer, 0, "starts", {"self": ""}, "object", "", starts)
    return writer.finish(ast.Module(body=[tapped, maker], type_ignores=[])), writer.paths


def _imports(parts: Parts) -> list[str]:
    items = [item for each in parts.classes for item in (*each.constructor, *each.forward)]
    items += [item for _, body in parts.phases for item in body]
    trees = [*(item.statement for item in items), *(each for body in parts.support.values() for each in body)]
    used = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    lines = ["import math", ""] if "math" in used else []
    lines += ["import torch"] if "torch" in used else []
    lines += ["import torch.nn.functional as F"] if "F" in used else []
    return [*lines, "from torch import Tensor, nn"]


def _class_text(writer: Writer, parts: ClassParts) -> ast.stmt:
    writer.text(f'\n\nclass {parts.name}(nn.Module):\n    """{parts.doc}"""\n')
    settings = {"self": "", **parts.settings}
    init = _function_text(writer, 4, "__init__", settings, "None", "", parts.constructor)
    writer.text()
    hints = {"self": "", **dict.fromkeys(parts.arguments, "Tensor")}
    call = _function_text(writer, 4, "forward", hints, parts.returns, "", parts.forward)
    base = ast.parse("nn.Module", mode="eval").body
    body = [docstring(parts.doc), init, call]
    return ast.ClassDef(name=parts.name, bases=[base], keywords=[], body=body, decorator_list=[])


def _function_text(
    writer: Writer,
    indent: int,
    function: str,
    arguments: Mapping[str, str],
    returns: str,
    doc: str,
    items: Sequence[Item],
) -> ast.stmt:
    """Write a function and return its tree."""
    for line in source.signature(function, arguments, returns, source.WIDTH - indent):
        writer.text(line, indent)
    if doc:
        writer.text(f'"""{doc}"""', indent + 4)
    for item in items:
        if item.note:
            writer.comment(item.note.strip().partition("\n")[0], indent + 4)
        writer.statement(item.statement, indent + 4, item.path, item.remark)
    body = [*([docstring(doc)] if doc else []), *(item.statement for item in items)]
    return source.function(function, arguments, returns, body)


def _assigned(statement: ast.stmt) -> ast.expr:
    """Return the first variable that a statement assigns, for reading."""
    assert isinstance(statement, ast.Assign)
    target = next(node for node in ast.walk(statement.targets[0]) if isinstance(node, ast.Name) and node.id != "_")
    return name(target.id)
