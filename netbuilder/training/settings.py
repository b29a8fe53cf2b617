"""Settings: what a plan's choice of an optimizer or a schedule stands for."""

from __future__ import annotations

from typing import Any, TypeVar

from netbuilder.document.model import Setting
from netbuilder.foundation.declaration import Declaration, Registry
from netbuilder.foundation.problem import NetbuilderError, Problem

Spec = TypeVar("Spec", bound=Declaration)


def find_choice(known: Registry[Spec], setting: Setting, field: str) -> tuple[Spec, dict[str, Any]]:
    """Return the declaration that `setting` picks and its resolved values.

    Args:
        known: All there are to choose from.
        setting: The choice.
        field: The phase's field that it is the value of ("optimizer"), for problems.

    Raises:
        NetbuilderError: When there is no such declaration or a value is not accepted.
    """
    spec = known.get(setting.key)
    if spec is None:
        raise NetbuilderError(
            Problem(
                code=f"plan.{field}",
                field=field,
                message=f"This version knows no {field} called {setting.key!r}.",
                expected="one of " + ", ".join(each.key for each in known),
                found=setting.key,
            )
        )
    try:
        return spec, spec.resolve(setting.values)
    except ValueError as error:
        message = f"{spec.title}: {error}."
        raise NetbuilderError(Problem(code=f"plan.{field}.value", field=field, message=message)) from error
