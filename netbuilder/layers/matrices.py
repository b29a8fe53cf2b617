"""Linear algebra: products of vectors, and what a square matrix has, sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import known, number, torch_docs, whole
from netbuilder.layers.spec import Check, LayerSpec, Mismatch, Port, Types


def _square(values: Values, inputs: Types) -> Iterator[Mismatch]:
    rows, columns = inputs["x"].dims[-2:]
    if not relations.may_equal(rows, columns):
        yield relations.expects("x", "as many rows as columns", inputs["x"])


_MATRIX = (Port(name="x", ranks=(3, 4), help="N × rows × columns."),)
_SAME_MATRIX = (Port(name="y", ranks=(3, 4)),)
_ONE_NUMBER = (Port(name="y", ranks=(1, 2)),)


def _matrix(
    key: str,
    title: str,
    call: str,
    summary: str,
    help: str,
    formula: str,
    page: str,
    *keywords: str,
    outputs: tuple[Port, ...] = _SAME_MATRIX,
    parameters: tuple[Parameter, ...] = (),
    checks: tuple[Check, ...] = (_square,),
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(page),
        keywords=("matrix", "linear algebra", *keywords),
        parameters=parameters,
        inputs=_MATRIX,
        outputs=outputs,
        call=call,
        checks=checks,
    )


MATRICES = (
    _matrix(
        "inverse",
        "Inverse",
        "torch.linalg.inv(x)",
        "The inverse of each square matrix.",
        "The matrix that undoes another. One without an inverse ends the training with an error, and one that almost "
        "has none gives huge numbers: add a little to the diagonal.",
        "x^{-1}",
        "torch.linalg.inv",
        "solve",
    ),
    _matrix(
        "pseudo_inverse",
        "PseudoInverse",
        "torch.linalg.pinv(x)",
        "The closest thing to an inverse, for every matrix.",
        "Solves equations that have too many or too few unknowns as well as can be (least squares). It is slower than "
        "the inverse, and works for matrices that are not square.",
        "x^+",
        "torch.linalg.pinv",
        "moore penrose",
        "least squares",
        checks=(),
    ),
    _matrix(
        "determinant",
        "Determinant",
        "torch.linalg.det(x)",
        "By how much each square matrix stretches space.",
        "One number a matrix: the volume of what becomes of a unit cube, negative where it is mirrored, 0 where it is "
        "flattened.",
        r"\det x",
        "torch.linalg.det",
        "volume",
        outputs=_ONE_NUMBER,
    ),
    _matrix(
        "log_determinant",
        "LogDeterminant",
        "torch.linalg.slogdet(x).logabsdet",
        "The logarithm of the size of the determinant.",
        "Normalizing flows add it up over their layers to know how much they stretch probability. Large matrices do "
        "not overflow it.",
        r"\ln |\det x|",
        "torch.linalg.slogdet",
        "flow",
        "volume",
        outputs=_ONE_NUMBER,
    ),
    _matrix(
        "trace",
        "Trace",
        "x.diagonal(dim1=-2, dim2=-1).sum(-1)",
        "The sum of the diagonal.",
        "Adds up what stands on the diagonal of each matrix: it is also the sum of its eigenvalues.",
        r"\sum_i x_{i,i}",
        "torch.trace",
        "diagonal",
        "sum",
        outputs=_ONE_NUMBER,
    ),
    _matrix(
        "matrix_exp",
        "MatrixExp",
        "torch.linalg.matrix_exp(x)",
        "The exponential of each square matrix.",
        "Of a speed of turning it makes a rotation: state spaces and rotations are learned with it. Large entries "
        "overflow.",
        r"\sum_{k=0}^{\infty} \frac{x^k}{k!}",
        "torch.linalg.matrix_exp",
        "exponential",
        "rotation",
    ),
    _matrix(
        "matrix_power",
        "MatrixPower",
        "torch.linalg.matrix_power(x, exponent)",
        "Each square matrix times itself, several times.",
        "Of the links of a graph it makes the paths of that many steps.",
        "x^k",
        "torch.linalg.matrix_power",
        "graph",
        "steps",
        parameters=(whole("exponent", "Exponent", 2, "How often it is multiplied by itself.", maximum=64),),
    ),
)


def _pair_of_vectors(
    key: str,
    title: str,
    call: str,
    summary: str,
    help: str,
    formula: str,
    page: str,
    *keywords: str,
    checks: tuple[Check, ...],
    output: tuple[int, ...],
    macs: Callable[[Values, Types, Types], int] | None = None,
    parameters: tuple[Parameter, ...] = (),
    ranks: tuple[int, ...] = (2, 3),
) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(page),
        keywords=("vector", "linear algebra", *keywords),
        parameters=parameters,
        inputs=(Port(name="a", ranks=ranks, help="Vectors on the last axis."), Port(name="b", ranks=ranks)),
        outputs=(Port(name="y", ranks=output),),
        call=call,
        checks=checks,
        macs=macs,
    )


def _same_but_last(values: Values, inputs: Types) -> Iterator[Mismatch]:
    a, b = inputs["a"], inputs["b"]
    if a.rank != b.rank or not all(map(relations.may_equal, a.dims[:-1], b.dims[:-1])):
        yield relations.expects("b", f"the axes of the first input but the last ({a})", b)


def _rows_match(values: Values, inputs: Types) -> Iterator[Mismatch]:
    a, b = inputs["a"], inputs["b"]
    if not relations.may_equal(a.dims[0], b.dims[0]) or not relations.may_equal(a.dims[-1], b.dims[-1]):
        yield relations.expects("b", f"the samples and the features of the first input ({a})", b)


def _three(values: Values, inputs: Types) -> Iterator[Mismatch]:
    size = inputs["a"].dims[-1]
    if size is not None and size != 3:
        yield relations.expects("a", "vectors of 3 numbers on the last axis", inputs["a"])


def _outer_macs(values: Values, inputs: Types, outputs: Types) -> int:
    steps = known(inputs["a"].dims[1]) if inputs["a"].rank == 3 else 1
    return steps * known(inputs["a"].dims[-1]) * known(inputs["b"].dims[-1])


def _distance_macs(values: Values, inputs: Types, outputs: Types) -> int:
    return known(inputs["a"].dims[1]) * known(inputs["b"].dims[1]) * known(inputs["a"].dims[2])


VECTORS = (
    _pair_of_vectors(
        "dot",
        "Dot",
        "(a * b).sum(-1)",
        "The dot product of two vectors: how far they agree.",
        "Multiplies two vectors number by number and adds up: large when they point the same way. Recommenders score "
        "a person and a film with it.",
        r"\sum_i a_i b_i",
        "torch.linalg.vecdot",
        "inner product",
        "similarity",
        checks=(relations.same_shape,),
        output=(1, 2),
    ),
    _pair_of_vectors(
        "outer",
        "Outer",
        "a.unsqueeze(-1) * b.unsqueeze(-2)",
        "All products of two vectors, as a matrix.",
        "Every number of the first times every number of the second: which pairs are strong together.",
        r"y_{i,j} = a_i b_j",
        "torch.outer",
        "product",
        "interaction",
        checks=(_same_but_last,),
        output=(3, 4),
        macs=_outer_macs,
    ),
    _pair_of_vectors(
        "cross",
        "Cross",
        "torch.linalg.cross(a, b, dim=-1)",
        "The vector that stands upright on two others.",
        "For vectors in space, of three numbers each: normals of surfaces, axes of rotation.",
        r"a \times b",
        "torch.linalg.cross",
        "product",
        "normal",
        "3d",
        checks=(relations.same_shape, _three),
        output=(2, 3),
    ),
    _pair_of_vectors(
        "cdist",
        "PairwiseDistances",
        "torch.cdist(a, b, p=power)",
        "The distance of every vector of one set to every one of another.",
        "Compares all rows of the first input with all rows of the second: nearest neighbours, prototypes and "
        "codebooks "
        "are found in the result.",
        r"y_{i,j} = \lVert a_i - b_j \rVert_p",
        "torch.cdist",
        "distance",
        "neighbours",
        "prototype",
        checks=(_rows_match,),
        output=(3,),
        macs=_distance_macs,
        parameters=(number("power", "Power", 2.0, "2 is the usual distance, 1 the sum of differences.", 1.0, 16.0),),
        ranks=(3,),
    ),
)

DIAGONAL = (
    LayerSpec(
        key="diagonal",
        title="Diagonal",
        category="mathematics",
        summary="Takes the diagonal of each matrix.",
        help="Keeps the entries whose row and column are equal, as a vector: of all comparisons of a batch with itself "
        "those of each thing with itself.",
        formula=r"y_i = x_{i,i}",
        reference=torch_docs("torch.diagonal"),
        keywords=("matrix", "diag", "extract"),
        inputs=_MATRIX,
        outputs=(Port(name="y", ranks=(2, 3)),),
        call="x.diagonal(dim1=-2, dim2=-1)",
    ),
    LayerSpec(
        key="diag_embed",
        title="DiagonalMatrix",
        category="mathematics",
        summary="Puts each vector on the diagonal of a matrix of zeros.",
        help="Makes of every vector a matrix that scales each direction by itself: variances become a covariance "
        "matrix.",
        formula=r"y_{i,i} = x_i",
        reference=torch_docs("torch.diag_embed"),
        keywords=("matrix", "diag", "covariance"),
        inputs=(Port(name="x", ranks=(2, 3)),),
        outputs=(Port(name="y", ranks=(3, 4)),),
        call="torch.diag_embed(x)",
    ),
)


def _triangle(key: str, title: str, where: str, gone: str, help: str) -> LayerSpec:
    return LayerSpec(
        key=key,
        title=title,
        category="mathematics",
        summary=f"Keeps the triangle {where} the diagonal of each matrix.",
        help=help,
        formula=f"y_{{i,j}} = \\begin{{cases}} 0 & \\text{{if }} {gone} \\\\ x_{{i,j}} & \\text{{else}} \\end{{cases}}",
        reference=torch_docs(f"torch.{key}"),
        keywords=("matrix", "triangle", "mask", "causal"),
        parameters=(
            whole("offset", "Diagonal", 0, "Which diagonal is the border: 1 lies above the main one.", -64, 64),
        ),
        inputs=_MATRIX,
        outputs=_SAME_MATRIX,
        call=f"torch.{key}(x, offset)",
        brief=lambda values: f"{values['offset']:+d}" if values["offset"] else "",
    )


TRIANGLES = (
    _triangle(
        "tril", "LowerTriangle", "below", "j > i + d", "Puts 0 above the diagonal. Of weights between positions it "
        "keeps those that look back: a position must not see what comes later.",
    ),
    _triangle(
        "triu", "UpperTriangle", "above", "j < i + d", "Puts 0 below the diagonal. Of a table of pairs, in which each "
        "stands twice, it keeps every pair once.",
    ),
)  # fmt: skip
