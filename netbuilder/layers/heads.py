"""Heads: features split into heads and put together again, and positions told by turning them."""

from __future__ import annotations

from collections.abc import Iterator

from netbuilder.foundation.parameter import Values
from netbuilder.layers import relations
from netbuilder.layers.attention import ATTENTION_PAPER, HEADS, SEQUENCE
from netbuilder.layers.settings import number, paper
from netbuilder.layers.spec import LayerSpec, Mismatch, Port, Rule, Types

_HEADED = Port(name="y", ranks=(4,), help="N × heads × positions × features of a head.")

SPLIT_HEADS = LayerSpec(
    key="split_heads",
    title="SplitHeads",
    category="attention",
    summary="Deals a sequence's features out to heads.",
    help="Cuts the features of every position into as many equal parts as there are heads, and makes the heads an axis "
    "of their own, so that attention works in each of them by itself. MergeHeads undoes it.",
    formula=r"y_{h,t,i} = x_{t,\,h d + i}, \quad d = F / H",
    reference=ATTENTION_PAPER,
    keywords=("multi-head", "attention", "reshape", "heads"),
    parameters=(HEADS,),
    inputs=(SEQUENCE,),
    outputs=(_HEADED,),
    call="x.unflatten(-1, (heads, -1)).transpose(1, 2)",
    checks=(relations.divides("heads", "features", axis=-1),),
    brief=lambda values: f"{values['heads']} heads",
)

MERGE_HEADS = LayerSpec(
    key="merge_heads",
    title="MergeHeads",
    category="attention",
    summary="Puts the heads' features together again.",
    help="Lays the features that the heads found side by side, a row a position: what SplitHeads cut apart is one "
    "sequence again.",
    formula=r"y_{t,\,h d + i} = x_{h,t,i}",
    reference=ATTENTION_PAPER,
    keywords=("multi-head", "attention", "reshape", "heads"),
    inputs=(Port(name="x", ranks=(4,), help="N × heads × positions × features of a head."),),
    outputs=(Port(name="y", ranks=(3,), layout="NTF"),),
    call="x.transpose(1, 2).flatten(2)",
)


def _even(values: Values, inputs: Types) -> Iterator[Mismatch]:
    features = inputs["x"].dims[-1]
    if isinstance(features, int) and features % 2:
        yield relations.expects("x", "an even number of features, since they are turned in pairs", inputs["x"])


_ROTARY = '''class RotaryPositions(nn.Module):
    """Turns pairs of features by an angle that grows with the position."""

    def __init__(self, features: int, base: float) -> None:
        super().__init__()
        rate = base ** (-torch.arange(0, features, 2) / features)
        self.register_buffer("rate", rate, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        steps = torch.arange(x.shape[-2], device=x.device, dtype=x.dtype)
        angle = steps.unsqueeze(1) * self.rate
        first, second = x.chunk(2, dim=-1)
        turned = (first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin())
        return torch.cat(turned, dim=-1)
'''

ROTARY_POSITIONS = LayerSpec(
    key="rotary_positions",
    title="RotaryPositions",
    category="attention",
    summary="Tells attention how far apart two positions are, by turning queries and keys.",
    help="Turns each pair of features by an angle that grows with the position, quickly for the first pairs and slowly "
    "for the last. The product of a turned query and a turned key then depends on their distance only, so that a "
    "network understands sequences longer than it was trained on better. Put it on queries and keys, not on values.",
    formula=r"\begin{pmatrix} y_i \\ y_{i+d/2} \end{pmatrix} = \begin{pmatrix} \cos t\theta_i & -\sin t\theta_i \\ "
    r"\sin t\theta_i & \cos t\theta_i \end{pmatrix} \begin{pmatrix} x_i \\ x_{i+d/2} \end{pmatrix}, \quad "
    r"\theta_i = b^{-2i/d}",
    reference=paper("RoFormer: Enhanced Transformer with Rotary Position Embedding (Su et al., 2021)", "2104.09864"),
    keywords=("rope", "rotary", "position", "llama", "order"),
    parameters=(
        number(
            "base",
            "Base",
            10_000.0,
            "How slowly the slowest pair turns: more suits longer sequences.",
            minimum=1.0,
            maximum=1e9,
            logarithmic=True,
            advanced=True,
        ),
    ),
    inputs=(Port(name="x", ranks=(3, 4), help="N × positions × features, or N × heads × positions × features."),),
    outputs=(Port(name="y", ranks=(3, 4)),),
    make="RotaryPositions(features, base)",
    derived={"features": ("x", -1)},
    checks=(_even,),
    shape=Rule.SAME,
    support=_ROTARY,
)
