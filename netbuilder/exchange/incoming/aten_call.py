"""Calls of ATen operators as their handlers see them, and the table of handlers. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from netbuilder.exchange.incoming.aten_values import Folded, Known, Learned, Unmapped
from netbuilder.exchange.incoming.exported_graph import Ref, Step
from netbuilder.layers.tensor import TensorType

if TYPE_CHECKING:
    from netbuilder.exchange.incoming.aten_graph import Translator


class Call:
    """One call, as its handler sees it."""

    def __init__(self, translator: Translator, step: Step, arguments: Mapping[str, Any]) -> None:
        """Prepare it.

        Args:
            translator: Where what it emits goes.
            step: What is called.
            arguments: Its arguments: `Known` values, sizes (`Dim`), plain values, and lists of them.
        """
        self.translator, self.step, self.arguments = translator, step, arguments

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument, or what stands for one that was left out."""
        return self.arguments.get(name, default)

    def type(self, name: str) -> TensorType:
        """Return the type of a tensor argument."""
        return self.translator.type_of(self.step.arguments[name], self.arguments[name])

    @property
    def result(self) -> TensorType:
        """The type of the first thing it gives."""
        found = self.translator.types.get(self.step.outputs[0])
        if found is None:
            raise Unmapped("gives something whose shape the file does not tell")
        return found

    def value(self, name: str, whole: bool = False) -> str:
        """Return the name of a tensor argument's value, which is made when it was only known until now.

        Args:
            name: The argument.
            whole: Whether a constant that is the same for all samples must be there once for each.
        """
        return self.translator.make(self.arguments[name], self.step, whole)

    def learned(self, name: str) -> Learned | None:
        """Return a weight; None when the call has none there.

        Raises:
            Unmapped: When it is computed.
        """
        value = self.arguments.get(name)
        if value is None or isinstance(value, Learned):
            return value
        if isinstance(value, Folded) and value.is_constant:
            reference = self.step.arguments[name]
            return Learned(reference.name if isinstance(reference, Ref) else name, value.one)
        raise Unmapped(f"takes its {name} from a computation")

    def number(self, name: str) -> float | int | None:
        """Return an argument as one number that stands everywhere in it; None when it is no such thing."""
        value = self.arguments.get(name)
        if isinstance(value, Folded):
            return value.number
        return value if type(value) in (int, float, bool) else None

    def emit(
        self,
        type: str,
        inputs: Mapping[str, str],
        parameters: Mapping[str, Any] | None = None,
        weights: Mapping[str, Learned | None] | None = None,
        outputs: Mapping[str, str] | None = None,
        label: str = "",
    ) -> None:
        """Add the layer that computes this call.

        Args:
            type: The layer's key.
            inputs: Port -> value.
            parameters: What differs from the layer's defaults.
            weights: Name in the layer's module -> weight; None is left out.
            outputs: Port -> value; the call's first output at port `y` when it is left out.
            label: What to call it.
        """
        self.translator.emit(self.step, type, inputs, parameters, weights, outputs, label)

    def fresh(self, hint: str, type: TensorType) -> str:
        """Return the name of a value between two layers that together compute this call."""
        return self.translator.fresh(f"{self.step.outputs[0]}.{hint}", type)

    def be(self, value: Known, output: int = 0) -> None:
        """Say that an output of this call is a value that is known already."""
        self.translator.known[self.step.outputs[output]] = value


Handler: TypeAlias = Callable[[Call], None]

HANDLERS: Final[dict[str, Handler]] = {}
"""Operator -> what maps it."""


def maps(*targets: str) -> Callable[[Handler], Handler]:
    """Register a handler for operators, named without "aten."."""

    def add(handler: Handler) -> Handler:
        for target in targets:
            assert f"aten.{target}" not in HANDLERS, target
            HANDLERS[f"aten.{target}"] = handler
        return handler

    return add


def register(targets: str | Iterable[str], handler: Callable[..., None], *arguments: Any) -> None:
    """Register a handler that takes more than the call for operators, named without "aten.".

    Args:
        targets: Names, apart by spaces or one by one.
        handler: Called with the call and the arguments.
        arguments: What it is given besides.
    """
    maps(*(targets.split() if isinstance(targets, str) else targets))(lambda call: handler(call, *arguments))
