"""Declarations and registries: the things a user can pick, each declared once and found by key.

A layer, a data source, an optimizer and a schedule are each a `Declaration` (or a subclass of it), held in a `Registry`
that finds them by walking a package's modules.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any, Generic, TypeVar

from netbuilder.foundation.parameter import Parameter, Values, defaults


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where a declaration's idea comes from: a paper or a documentation page."""

    title: str
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """Something that a user can pick and set.

    Attributes:
        key: The stable name in files (`conv2d`, `data.digits`, `adamw`).
        title: What the interface calls it ("Conv2d").
        category: The palette's group and the node's colour; see `CATEGORIES`.
        summary: One line for the palette's tooltip.
        help: A paragraph that a student understands ("What it does").
        formula: What it computes, as LaTeX or plain mathematics; "" when there is none.
        reference: The paper or page it comes from.
        keywords: Other names that a search should find.
        parameters: Its settings, in the order of the form.
    """

    key: str
    title: str
    category: str = ""
    summary: str = ""
    help: str = ""
    formula: str = ""
    reference: Reference | None = None
    keywords: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Parameter]:
        """The parameters by name."""
        return {parameter.name: parameter for parameter in self.parameters}

    def defaults(self) -> dict[str, Any]:
        """Return the value of every parameter of a fresh one."""
        return defaults(self.parameters)

    def resolve(self, values: Values) -> dict[str, Any]:
        """Return all parameters in canonical form: `values` where given, else the defaults.

        Names that are not declared are left out.

        Raises:
            ValueError: When a value is not accepted; the text names the parameter.
        """
        return {
            parameter.name: parameter.normalize(values[parameter.name])
            if parameter.name in values
            else parameter.default
            for parameter in self.parameters
        }


D = TypeVar("D", bound=Declaration)


@dataclass(frozen=True)
class Registry(Generic[D]):
    """Declarations of one kind, by key, in the order they were declared.

    Attributes:
        kind: The class of the declarations.
        entries: key -> declaration.
    """

    kind: type[D]
    entries: dict[str, D] = field(default_factory=dict)

    def add(self, declaration: D) -> None:
        """Add one.

        Raises:
            ValueError: When its key is taken by another.
        """
        known = self.entries.setdefault(declaration.key, declaration)
        if known is not declaration:
            raise ValueError(f"two {self.kind.__name__}s are called {declaration.key!r}")

    def discover(self, package: ModuleType) -> None:
        """Import every module of `package` and add each declaration that its module-level names hold."""
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for value in vars(module).values():
                for item in value if isinstance(value, tuple) else (value,):
                    if isinstance(item, self.kind):
                        self.add(item)

    def __getitem__(self, key: str) -> D:
        return self.entries[key]

    def get(self, key: str) -> D | None:
        """Return the declaration called `key`, or None."""
        return self.entries.get(key)

    def __contains__(self, key: object) -> bool:
        return key in self.entries

    def __iter__(self) -> Iterator[D]:
        return iter(self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)


CATEGORIES: Mapping[str, str] = {
    "data": "Data",
    "block": "Blocks",
    "convolution": "Convolution",
    "linear": "Linear",
    "activation": "Activation",
    "normalization": "Normalization",
    "pooling": "Pooling",
    "recurrent": "Recurrent",
    "attention": "Attention",
    "mathematics": "Mathematics",
    "shape": "Shape and merge",
    "regularization": "Regularization",
    "loss": "Loss",
    "output": "Input and output",
}
"""The palette's groups in their order: key -> title."""
