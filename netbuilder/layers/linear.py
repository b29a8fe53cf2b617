"""Layers that multiply by a matrix, or look a row of one up."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.settings import choice, elements, flag, known, torch_docs, whole
from netbuilder.layers.spec import WEIGHTS, Dtype, LayerSpec, Mismatch, Port, Types
from netbuilder.layers.tensor import TensorType

_UNITS = whole("units", "Units", 64, "How many numbers it gives for each sample: its neurons.")
_BIAS = flag("bias", "Bias", True, "Adds a learned number to each unit.")


def _units(values: Values) -> str:
    return f"{values['units']} unit{'s' if values['units'] != 1 else ''}"


def _rows(values: Values) -> tuple[Port, ...]:
    if values["any_axes"]:
        return (Port(name="x", help="Features on the last axis."),)
    return (Port(name="x", ranks=(2, 3), layout="NF", help="One row of features a sample, or a step."),)


def _linear_outputs(values: Values) -> tuple[Port, ...]:
    return (Port(name="y"),) if values["any_axes"] else (Port(name="y", ranks=(2, 3), layout="NF"),)


def _linear_macs(values: Values, inputs: Types, outputs: Types) -> int:
    return elements(outputs["y"]) * known(inputs["x"].dims[-1])


LINEAR = LayerSpec(
    key="linear",
    title="Linear",
    category="linear",
    summary="Every output is a weighted sum of all inputs.",
    help="Each unit multiplies every input by a weight of its own and adds them up. It is the basic building block: "
    "between "
    "activations it lets the network mix features, and at the end it turns features into class scores or a prediction. "
    "On a sequence (N × time × features) the same weights serve every step.",
    formula=r"y = x W^{\top} + b",
    reference=torch_docs("torch.nn.Linear"),
    keywords=("dense", "fully connected", "affine", "fc", "mlp", "neurons"),
    parameters=(
        _UNITS,
        _BIAS,
        flag(
            "any_axes",
            "Any axes",
            False,
            "Takes values with any number of axes and works along the last, such as channels-last pictures.",
            advanced=True,
        ),
        *WEIGHTS,
    ),
    inputs=_rows,
    outputs=_linear_outputs,
    make="nn.Linear(in_features, units, bias=bias)",
    derived={"in_features": ("x", -1)},
    weights=("weight",),
    macs=_linear_macs,
    brief=_units,
)


def _bilinear_macs(values: Values, inputs: Types, outputs: Types) -> int:
    return elements(outputs["y"]) * known(inputs["a"].dims[-1]) * known(inputs["b"].dims[-1])


def _same_rows(values: Values, inputs: Types) -> Iterator[Mismatch]:
    a, b = inputs["a"], inputs["b"]
    if a.rank != b.rank or not all(map(relations.may_equal, a.dims[:-1], b.dims[:-1])):
        yield relations.expects("b", f"the axes of the first input but the last ({a})", b)


def _bilinear_types(values: Values, inputs: Types) -> Types:
    """Torch's meta device makes one step a unit: a minute for a million of them."""
    a, b = inputs["a"], inputs["b"]
    rows = (other if size is None else size for size, other in zip(a.dims[:-1], b.dims[:-1], strict=True))
    return {"y": TensorType((*rows, values["units"]))}


BILINEAR = LayerSpec(
    key="bilinear",
    title="Bilinear",
    category="linear",
    summary="Every output is a weighted sum of all products of two inputs.",
    help="Each unit multiplies every feature of the first input with every feature of the second and weighs the "
    "products. "
    "It says how two things fit together, such as a question and an answer. It has many weights: units × first × "
    "second.",
    formula=r"y_u = a^{\top} W_u b + c_u",
    reference=torch_docs("torch.nn.Bilinear"),
    keywords=("interaction", "product", "two inputs", "similarity"),
    parameters=(_UNITS, _BIAS, *WEIGHTS),
    inputs=(Port(name="a", ranks=(2, 3), layout="NF"), Port(name="b", ranks=(2, 3), layout="NF")),
    outputs=(Port(name="y", ranks=(2, 3), layout="NF"),),
    make="nn.Bilinear(first_features, second_features, units, bias=bias)",
    call="me(a, b)",
    shape=_bilinear_types,
    derived={"first_features": ("a", -1), "second_features": ("b", -1)},
    checks=(_same_rows,),
    weights=("weight",),
    macs=_bilinear_macs,
    brief=_units,
)


def _embedding_make(values: Values) -> str:
    count = "vocabulary" if values["tokens"] is None else "tokens"
    return f"nn.Embedding({count}, width, padding_idx=padding_index)"


_TOKENS = 1000
"""What is offered where the data do not say how many different indices there are: room for most categories."""


def _tokens_known(values: Values, inputs: Types) -> Iterator[Mismatch]:
    found = inputs["x"]
    known_count = found.vocabulary or found.classes
    if found.dtype not in ("int64", "int32"):
        yield relations.expects("x", "indices (int64)", found.dtype, ("cast", {"dtype": "int64"}))
    elif values["tokens"] is None and not known_count:
        yield Mismatch(
            port="x",
            message="needs to know how many different indices there are, and its input does not say; set Tokens",
            expected="a number of tokens",
            found="unknown",
            set={"tokens": _TOKENS},
        )
    elif values["tokens"] is not None and values["tokens"] < known_count:
        yield relations.expects(
            "x", f"indices below {values['tokens']} (Tokens)", f"{known_count} different ones", tokens=None
        )


def _padding_index_exists(values: Values, inputs: Types) -> Iterator[Mismatch]:
    rows = values["tokens"] or inputs["x"].vocabulary or inputs["x"].classes
    if values["padding_index"] is not None and values["padding_index"] >= rows:
        yield relations.settings_clash(
            "x", f"a padding index below {rows}", str(values["padding_index"]), padding_index=None
        )


EMBEDDING = LayerSpec(
    key="embedding",
    title="Embedding",
    category="linear",
    summary="A learned vector for each token, word or category.",
    help="Keeps a table with one learned vector for each index and looks the vectors up. It turns words, tokens or "
    "categories, "
    "whose numbers mean nothing by themselves, into features that a network can compute with. Things used alike end "
    "up with similar vectors.",
    formula=r"y_t = W_{x_t}",
    reference=torch_docs("torch.nn.Embedding"),
    keywords=("lookup", "word vectors", "tokens", "vocabulary", "text", "categories", "embed"),
    parameters=(
        whole("width", "Width", 64, "How many numbers describe each token."),
        whole(
            "tokens",
            "Tokens",
            None,
            "How many different indices there are. Automatic takes it from the data.",
            none_title="from the data",
        ),
        whole(
            "padding_index",
            "Padding index",
            None,
            "The index that fills up short sequences; its vector is never trained.",
            minimum=0,
            none_title="none",
            advanced=True,
        ),
        *WEIGHTS,
    ),
    inputs=(Port(name="x", dtype=Dtype.INT, help="Indices, such as N × time; each becomes a vector."),),
    outputs=(Port(name="y"),),
    make=_embedding_make,
    derived={"vocabulary": ("x", "vocabulary")},
    checks=(_tokens_known, _padding_index_exists),
    weights=("weight",),
    brief=lambda values: f"{values['width']} wide",
)


def _bag_make(values: Values) -> str:
    count = "vocabulary" if values["tokens"] is None else "tokens"
    return f"nn.EmbeddingBag({count}, width, mode=mode, padding_idx=padding_index)"


EMBEDDING_BAG = LayerSpec(
    key="embedding_bag",
    title="EmbeddingBag",
    category="linear",
    summary="One learned vector for a whole row of tokens: the mean of theirs.",
    help="Looks up the vectors of all tokens of a sample and blends them into one, whatever their order (a bag of "
    "words). Fast, and often enough to sort texts by topic. The padding index does not count.",
    formula=r"y = \frac{1}{T} \sum_t W_{x_t}",
    reference=torch_docs("torch.nn.EmbeddingBag"),
    keywords=("bag of words", "lookup", "tokens", "text", "fasttext"),
    parameters=(
        *(parameter for parameter in EMBEDDING.parameters if parameter not in WEIGHTS),
        choice(
            "mode",
            "Blend",
            (
                ("mean", "mean", "Long and short texts count alike."),
                ("sum", "sum", "More tokens make larger numbers."),
                ("max", "maximum", "The strongest token decides, feature by feature."),
            ),
            "How the vectors become one.",
        ),
        *WEIGHTS,
    ),
    inputs=(Port(name="x", dtype=Dtype.INT, ranks=(2,), layout="NT", help="Tokens: N × time."),),
    outputs=(Port(name="y", ranks=(2,), layout="NF"),),
    make=_bag_make,
    derived={"vocabulary": ("x", "vocabulary")},
    checks=(_tokens_known, _padding_index_exists),
    weights=("weight",),
    brief=lambda values: f"{values['width']} wide",
)
