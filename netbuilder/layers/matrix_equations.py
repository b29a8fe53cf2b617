"""Products of tensors, written as an equation of their axes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import known, torch_docs
from netbuilder.layers.spec import LayerSpec, Mismatch, Port, Types

_EQUATION = re.compile(r"([a-z]{1,8}),([a-z]{1,8})->([a-z]{1,8})")
"""What an equation may be; it is text that goes into code only as a constant."""


def _terms(equation: str) -> tuple[str, str, str] | None:
    found = _EQUATION.fullmatch(equation.replace(" ", ""))
    if found is None:
        return None
    first, second, result = found.groups()
    distinct = all(len(set(term)) == len(term) for term in (first, second, result))
    complete = set(result) <= {*first, *second}
    batch = first[0] == second[0] == result[0]
    return (first, second, result) if distinct and complete and batch else None


def _equation_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    terms = _terms(values["equation"])
    if terms is None:
        yield relations.expects(
            "a",
            'an equation such as "nij,njk->nik": a letter an axis, each once a term, the batch first in all three',
            repr(values["equation"])[:60],
            equation="nij,njk->nik",
        )
        return
    sizes = dict(zip(terms[0], inputs["a"].dims, strict=False))
    for port, term in zip(("a", "b"), terms[:2], strict=True):
        found = inputs[port]
        if found.rank != len(term):
            yield relations.expects(port, f"{len(term)} axes ({term})", found)
            return
    for letter, size in zip(terms[1], inputs["b"].dims, strict=True):
        if not relations.may_equal(sizes.get(letter), size):
            yield relations.expects("b", f"{sizes[letter]} entries on the axis {letter}", inputs["b"])
            return


def _equation_macs(values: Values, inputs: Types, outputs: Types) -> int:
    first, second, _ = _terms(values["equation"]) or ("", "", "")
    sizes = {**dict(zip(first, inputs["a"].dims, strict=False)), **dict(zip(second, inputs["b"].dims, strict=False))}
    total = 1
    for letter, size in sizes.items():
        total *= known(size) if letter != first[0] else 1
    return total


EINSUM = LayerSpec(
    key="einsum",
    title="Einsum",
    category="mathematics",
    summary="Any product of two inputs, written as an equation of axes.",
    help="Give each axis a letter: what both inputs share is multiplied, and letters that the result leaves out are "
    "summed over. nij,njk->nik is a product of matrices, nti,nsi->nts compares all steps of two sequences.",
    formula=r"y_{n,i,k} = \sum_j a_{n,i,j} b_{n,j,k}",
    reference=torch_docs("torch.einsum"),
    keywords=("einstein", "sum", "matrix product", "contraction", "tensor"),
    parameters=(
        Parameter(
            name="equation",
            title="Equation",
            kind=Kind.TEXT,
            default="nij,njk->nik",
            help="Letters for the axes of both inputs and of the result; the first letter of all three is the batch.",
        ),
    ),
    inputs=(Port(name="a"), Port(name="b")),
    call="torch.einsum(equation, a, b)",
    checks=(_equation_fits,),
    macs=_equation_macs,
    brief=lambda values: str(values["equation"])[:32],
)
