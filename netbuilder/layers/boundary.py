"""Input and output: where values enter and leave a network that is used without its data."""

from __future__ import annotations

from netbuilder.foundation.brief import in_words
from netbuilder.foundation.parameter import Values
from netbuilder.layers.settings import choice, sizes, times, torch_docs, whole
from netbuilder.layers.spec import Dtype, LayerSpec, Port, Types
from netbuilder.layers.tensor import BATCH, TIME, TensorType

LAYOUT_CHOICES = (
    ("", "any", "No particular meaning."),
    ("NF", "features", "N × features: a row of a table."),
    ("NCL", "channels, length", "N × channels × length: a signal."),
    ("NTF", "time, features", "N × time × features: a sequence."),
    ("NCHW", "channels, height, width", "N × channels × height × width: an image."),
    ("NCDHW", "channels, depth, height, width", "N × channels × depth × height × width: a volume or a film."),
    ("NT", "time", "N × time: tokens."),
    ("N", "one number", "N: one number a sample, such as a class index."),
)


def _input_type(values: Values, inputs: Types) -> Types:
    whole_numbers = values["dtype"] == "int64"
    return {
        "y": TensorType(
            (BATCH, *(TIME if size == -1 else size for size in values["dims"])),
            values["dtype"],
            vocabulary=values["vocabulary"] if whole_numbers else 0,
        )
    }


def _input_ports(values: Values) -> tuple[Port, ...]:
    dtype = {"int64": Dtype.INT, "bool": Dtype.BOOL}.get(values["dtype"], Dtype.FLOAT)
    return (Port(name="y", dtype=dtype, ranks=(len(values["dims"]) + 1,), layout=values["layout"]),)


INPUT = LayerSpec(
    key="input",
    title="Input",
    category="output",
    summary="Where values enter a network that has no data yet.",
    help="Stands for values that somebody will pass in, of the shape you say. Use it to design a network before there "
    "is data, "
    "to feed in noise or conditions, and as the entrance of a block. A data source needs none.",
    reference=torch_docs("torch.nn.Module"),
    keywords=("placeholder", "entrance", "argument", "x"),
    parameters=(
        sizes(
            "dims",
            "Shape",
            (1, 28, 28),
            "One sample's sizes, without the batch; -1 where the length varies. Empty for one number a sample.",
            minimum=-1,
        ),
        choice(
            "dtype",
            "Kind of values",
            (
                ("float32", "numbers", "32-bit floating point."),
                ("int64", "whole numbers", "Indices, tokens or class numbers."),
                ("bool", "true or false", "Masks."),
            ),
            "What the values are.",
        ),
        choice("layout", "Layout", LAYOUT_CHOICES, "What the axes mean.", advanced=True),
        whole(
            "vocabulary",
            "Tokens",
            0,
            "How many different indices there are; 0 when unknown.",
            minimum=0,
            shown_when=lambda values: values["dtype"] == "int64",
        ),
    ),
    inputs=(),
    outputs=_input_ports,
    call="",
    shape=_input_type,
    brief=lambda values: times(values["dims"]).replace("-1", "T") or in_words(values, "dims", "one number"),
)


def _nothing(values: Values, inputs: Types) -> Types:
    return {}


OUTPUT = LayerSpec(
    key="output",
    title="Output",
    category="output",
    summary="A result of the network, returned under this node's name.",
    help="Marks what the network gives to whoever uses it. Without one, the network returns whatever its losses take "
    "as their prediction. "
    "Use several for a network with several answers, and one for each exit of a block.",
    formula="y = x",
    reference=torch_docs("torch.nn.Module"),
    keywords=("result", "return", "exit", "prediction"),
    inputs=(Port(name="x", dtype=Dtype.ANY),),
    outputs=(),
    call="",
    shape=_nothing,
)
