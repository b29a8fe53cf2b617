"""Paths: from a node path of the expansion back to the graphs that the user draws, and problems with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from netbuilder.document.blocks import block_key
from netbuilder.document.model import ROOT, Document
from netbuilder.foundation.problem import Fix, Problem

_NODES: Final = ("node", "other")
_PORTS: Final = ("target", "source")
"""The arguments of edits that hold node ids, or ports."""


def place(document: Document, path: str) -> tuple[str, str]:
    """Return the scope and the id of the node that a path leads to."""
    parts = path.split("/")
    scope = ROOT
    for id in parts[:-1:2]:
        node = document.scope(scope).nodes.get(id)
        if node is None or block_key(node) not in document.blocks:
            break
        scope = block_key(node)
    return scope, parts[-1]


def enclosing(path: str) -> Iterator[str]:
    """Yield the paths of the block nodes that a node is in, the outermost first."""
    parts = path.split("/")
    for end in range(1, len(parts), 2):
        yield "/".join(parts[:end])


def once(problems: Iterable[Problem], document: Document) -> tuple[Problem, ...]:
    """Return problems so that each is told once for all copies of a block, with fixes that change its definition.

    Args:
        problems: With node paths, in their fixes too.
        document: The document.
    """
    found: dict[object, Problem] = {}
    for problem in problems:
        if "/" in problem.node or any("/" in repr(fix.arguments) for fix in problem.fixes):
            key = (*place(document, problem.node), problem.code, problem.port, problem.field, problem.expected)
            fixes = tuple(filter(None, (_relocated(document, fix) for fix in problem.fixes)))
            found.setdefault(key, replace(problem, fixes=fixes))
        else:
            found[id(problem)] = problem
    return tuple(found.values())


def _relocated(document: Document, fix: Fix) -> Fix | None:
    """Return a fix with node paths as one of ids and their scope; None when they lie in different graphs."""
    arguments, scopes = dict(fix.arguments), set()

    def locate(path: str) -> str:
        scope, id = place(document, path)
        scopes.add(scope)
        return id

    for key in _NODES:
        if arguments.get(key):
            arguments[key] = locate(arguments[key])
    if "scope" in arguments:
        return fix
    for key in _PORTS:
        if key in arguments:
            arguments[key] = [locate(arguments[key][0]), *arguments[key][1:]]
    if "nodes" in arguments:
        arguments["nodes"] = [locate(path) for path in arguments["nodes"]]
    if len(scopes) > 1:
        return None
    scope = scopes.pop() if scopes else ROOT
    return replace(fix, arguments=arguments | ({"scope": scope} if scope else {}))
