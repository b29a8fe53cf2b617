"""Facts: what a layer or a data node gives, whatever node it is, so far as it follows without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from netbuilder.compiler.wording import Trouble
from netbuilder.document.model import Field, Node, Schema
from netbuilder.layers.foreign import foreign_title, foreign_types
from netbuilder.layers.spec import LayerSpec, Rule, Types, names_in
from netbuilder.layers.tensor import BATCH, FLOATS, INTS, TIME, Dim, TensorType

if TYPE_CHECKING:
    from netbuilder.compiler.meta import Weights

_DTYPES: Final = FLOATS | INTS | {"bool"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a layer gives for resolved parameters and input types.

    Attributes:
        outputs: Output port -> type.
        derived: The sizes that its constructor takes from its input.
        weights: Its weights, when it is a module.
        troubles: Why its outputs are not known.
        known: Whether they are.
        lasting: Whether that stays so; not where it hangs on what the user trusts.
    """

    outputs: Types = field(default_factory=dict)
    derived: Mapping[str, int] = field(default_factory=dict)
    weights: Weights | None = None
    troubles: tuple[Trouble, ...] = ()
    known: bool = False
    lasting: bool = True


NOTHING: Final = Facts()


def fields_of(schema: Schema | None) -> Facts:
    """Return the types of a data node's fields."""
    if schema is None:
        return NOTHING
    outputs, troubles = {}, []
    for each in schema.fields:
        if each.dtype not in _DTYPES or any(size < -1 for size in each.dims):
            troubles.append(
                Trouble(
                    code="schema.field", message=f"has a field {each.name!r} of an unknown kind", found=each.dtype[:40]
                )
            )
        else:
            outputs[each.name] = field_type(each)
    return Facts(outputs, troubles=tuple(troubles), known=not troubles)


def foreign_facts(node: Node) -> Facts:
    """Return what a foreign operator gave when it was imported, and that nothing here computes it."""
    origin, reason = node.parameters.get("origin"), node.parameters.get("reason")
    words = str(reason)[:300] if reason else "has no layer that computes the same"
    trouble = Trouble(
        code="layer.foreign",
        message=f"is the operator {str(origin or foreign_title(node.type))[:80]}, which {words}; "
        "put layers in its place before the network can run",
        found=foreign_title(node.type),
    )
    return Facts(foreign_types(node.parameters), troubles=(trouble,))


def field_type(field: Field) -> TensorType:
    """Return the type of a field as batches of it come out of a data node: the first varying size is T."""
    dims: list[Dim] = [BATCH]
    for size in field.dims:
        dims.append(size if size >= 0 else None if TIME in dims else TIME)
    return TensorType(tuple(dims), field.dtype, len(field.classes), field.vocabulary)


def resolved(spec: LayerSpec, node: Node) -> dict[str, Any] | tuple[Trouble, ...]:
    """Return a node's parameters in canonical form, or what is wrong with each."""
    try:
        return spec.resolve(node.parameters)
    except ValueError:
        return tuple(_bad_values(spec, node))


def _bad_values(spec: LayerSpec, node: Node) -> Sequence[Trouble]:
    troubles = []
    for parameter in spec.parameters:
        try:
            parameter.normalize(node.parameters.get(parameter.name, parameter.default))
        except ValueError as error:
            troubles.append(
                Trouble(
                    code="parameter.value",
                    message=f"has a setting that does not work: {error}",
                    parameter=parameter.name,
                    expected=parameter.expected(),
                    found=repr(node.parameters.get(parameter.name))[:60],
                    set={parameter.name: parameter.default},
                )
            )
    return troubles


def missing_size(
    spec: LayerSpec, values: Mapping[str, Any], derived: Mapping[str, int], inputs: Types
) -> Trouble | None:
    """Return the trouble of a constructor that needs a number where the size varies or is not known."""
    sizes = spec.derived_sizes(values)
    for name in sorted(names_in(spec.make_text(values)) & sizes.keys() - derived.keys()):
        port, axis = sizes[name]
        if port not in inputs:
            continue
        if axis == "vocabulary":
            message = "needs to know how many distinct values its input has; give the data's field a vocabulary"
        else:
            where = "its last axis" if axis == -1 else f"axis {axis}"
            message = f"expects a size along {where} that does not vary, got {inputs[port]}"
        return Trouble(
            code="shape.varies", message=message, port=port, expected="a fixed size", found=str(inputs[port])
        )
    return None


def without_torch(spec: LayerSpec, values: Mapping[str, Any], inputs: Types) -> Types | None:
    """Return a layer's output types where they follow without torch."""
    if spec.shape is Rule.SAME:
        first = next(iter(inputs.values()))
        return {port.name: first for port in spec.output_ports(values)}
    if isinstance(spec.shape, Rule):
        return None
    return spec.shape(values, inputs)
