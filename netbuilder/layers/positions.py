"""Positions and tokens: what tells attention the order of a sequence, and a place to gather its meaning."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.attention import ATTENTION_PAPER, OUTPUT, SEQUENCE
from netbuilder.layers.settings import paper, whole
from netbuilder.layers.spec import SCALES, WEIGHTS, LayerSpec, Mismatch, Rule, Types

_LENGTH = whole(
    "length",
    "Longest sequence",
    None,
    "How many positions it knows. Automatic takes the length of its input.",
    maximum=100_000,
    none_title="the input's",
    advanced=True,
)


def _length_fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    steps, length = inputs["x"].dims[1], values["length"]
    if length is None and not isinstance(steps, int):
        yield Mismatch(
            port="x",
            message="needs a longest length, since the length of its input varies: set Longest sequence",
            expected="a longest length",
            found=str(inputs["x"]),
            set={"length": 1000},
        )
    elif length is not None and isinstance(steps, int) and steps > length:
        yield relations.expects("x", f"at most {length} positions", inputs["x"], length=None)


def _make(name: str, values: Values) -> str:
    return f"{name}({'steps' if values['length'] is None else 'length'}, features)"


_ENCODING = '''class PositionalEncoding(nn.Module):
    """Adds waves of different lengths to the features, so that each position looks different."""

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        position = torch.arange(length).unsqueeze(1)
        rate = torch.exp(torch.arange(0, features, 2) * (-math.log(10000.0) / features))
        table = torch.zeros(length, features)
        table[:, 0::2] = torch.sin(position * rate)
        table[:, 1::2] = torch.cos(position * rate)[:, : features // 2]
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table[: x.shape[1]]
'''

POSITIONAL_ENCODING = LayerSpec(
    key="positional_encoding",
    title="PositionalEncoding",
    category="attention",
    summary="Tells attention where each step stands, by adding waves.",
    help="Attention treats a sequence as a heap. This adds a fixed pattern of sines and cosines that is different for "
    "each position, "
    "so that order and distance can be seen. It has no weights. Put it behind the embedding.",
    formula=r"y_{t,2i} = x_{t,2i} + \sin(t / 10000^{2i/d}), \quad y_{t,2i+1} = x_{t,2i+1} + \cos(t / 10000^{2i/d})",
    reference=ATTENTION_PAPER,
    keywords=("position", "order", "sinusoidal", "transformer", "sine"),
    parameters=(_LENGTH,),
    inputs=(SEQUENCE,),
    outputs=(OUTPUT,),
    make=lambda values: _make("PositionalEncoding", values),
    derived={"steps": ("x", 1), "features": ("x", 2)},
    checks=(_length_fits,),
    shape=Rule.SAME,
    support=_ENCODING,
)

_LEARNED = '''class LearnedPositions(nn.Module):
    """Adds a learned vector to each position."""

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(length, features) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight[: x.shape[1]]
'''

LEARNED_POSITIONS = LayerSpec(
    key="learned_positions",
    title="LearnedPositions",
    category="attention",
    summary="Tells attention where each step stands, by adding learned vectors.",
    help="Adds to each position a vector of its own that is trained with the rest, as BERT, GPT-2 and vision "
    "transformers do. "
    "It knows no position beyond those it was trained on.",
    formula=r"y_t = x_t + W_t",
    reference=paper("BERT (Devlin et al., 2018)", "1810.04805"),
    keywords=("position", "order", "embedding", "transformer", "bert", "vit"),
    parameters=(_LENGTH, *WEIGHTS),
    inputs=(SEQUENCE,),
    outputs=(OUTPUT,),
    make=lambda values: _make("LearnedPositions", values),
    derived={"steps": ("x", 1), "features": ("x", 2)},
    checks=(_length_fits,),
    shape=Rule.SAME,
    weights=("weight",),
    support=_LEARNED,
)

_CLASS_TOKEN = '''class ClassToken(nn.Module):
    """Puts one learned step before a sequence."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 1, features) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.weight.expand(x.shape[0], -1, -1), x], dim=1)
'''

CLASS_TOKEN = LayerSpec(
    key="class_token",
    title="ClassToken",
    category="attention",
    summary="Puts one learned step before a sequence.",
    help="Adds a position that belongs to no input and can gather what the whole sequence means. "
    "After the transformer take it with Select (axis 1, index 0) and classify.",
    formula=r"y = [c, x_1, x_2, \dots]",
    reference=paper("An Image is Worth 16x16 Words (Dosovitskiy et al., 2020)", "2010.11929"),
    keywords=("cls", "token", "vit", "bert", "classify"),
    parameters=SCALES,
    inputs=(SEQUENCE,),
    outputs=(OUTPUT,),
    make="ClassToken(features)",
    derived={"features": ("x", 2)},
    weights=("weight",),
    support=_CLASS_TOKEN,
)
