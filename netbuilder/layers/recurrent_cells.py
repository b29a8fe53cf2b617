"""Recurrent cells: one step of a recurrent network, with its memory on ports of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers import relations
from netbuilder.layers.settings import choice, flag, known, torch_docs, whole
from netbuilder.layers.spec import WEIGHTS, LayerSpec, Mismatch, Port, Types

_STEP = Port(name="x", ranks=(2,), layout="NF", help="The features of one step.")
_STATE = Port(name="state", ranks=(2,), layout="NF", optional=True, help="Its memory before this step; zeros if open.")
_HELP = (
    "It makes one step only: link its state to the next cell, or to one that shares its weights, to draw a loop "
    "unrolled, step by step, as decoders do. For whole sequences take {whole}."
)


def _fits(values: Values, inputs: Types) -> Iterator[Mismatch]:
    """The memory is as wide as the cell."""
    for name in ("state", "memory"):
        found = inputs.get(name)
        if found is None:
            continue
        if not relations.may_equal(found.dims[0], inputs["x"].dims[0]):
            yield relations.expects(name, f"as many samples as x ({inputs['x']})", found)
        elif isinstance(found.dims[1], int) and found.dims[1] != values["units"]:
            yield relations.expects(name, f"{values['units']} features (Units)", found, units=found.dims[1])


def _macs(gates: int) -> Callable[[Values, Types, Types], int]:
    def macs(values: Values, inputs: Types, outputs: Types) -> int:
        units: int = values["units"]
        return gates * units * (known(inputs["x"].dims[1]) + units)

    return macs


def _cell(
    key: str,
    title: str,
    gates: int,
    summary: str,
    help: str,
    formula: str,
    own: tuple[Parameter, ...] = (),
    extra: str = "",
) -> LayerSpec:
    long = key == "lstm_cell"
    memory = Port(name="memory", ranks=(2,), layout="NF", help="Its long memory.")
    state = Port(name="state", ranks=(2,), layout="NF", help="Its memory before this step.") if long else _STATE
    after = Port(name="y", ranks=(2,), layout="NF", help="What it says, which is its memory for the next step too.")
    return LayerSpec(
        key=key,
        title=title,
        category="recurrent",
        summary=summary,
        help=f"{help} {_HELP.format(whole=title.removesuffix('Cell'))}",
        formula=formula,
        reference=torch_docs(f"torch.nn.{title}"),
        keywords=("step", "cell", "memory", "recurrent", "unrolled", "decoder"),
        parameters=(
            whole("units", "Units", 64, "How many numbers its memory holds."),
            *own,
            flag("bias", "Bias", True, "Adds learned numbers in each step.", advanced=True),
            *WEIGHTS,
        ),
        inputs=(_STEP, state, memory) if long else (_STEP, state),
        outputs=(after, memory) if long else (after,),
        make=f"nn.{title}(in_features, units, bias=bias{extra})",
        call="me(x, (state, memory))" if long else "me(x, state)",
        target="y, memory" if long else "",
        derived={"in_features": ("x", -1)},
        checks=(_fits,),
        weights=("weight_*",),
        macs=_macs(gates),
        brief=lambda values: f"{values['units']} units",
    )


CELLS = (
    _cell(
        "rnn_cell",
        "RNNCell",
        1,
        "One step of a simple recurrent network.",
        "Mixes the new input with its memory of the steps before.",
        r"h' = \tanh(W x + U h + b)",
        own=(
            choice(
                "nonlinearity",
                "Activation",
                (("tanh", "tanh", "Keeps the memory between -1 and 1."), ("relu", "ReLU", "May grow without bound.")),
                "What is applied at the end.",
            ),
        ),
        extra=", nonlinearity=nonlinearity",
    ),
    _cell(
        "lstm_cell",
        "LSTMCell",
        4,
        "One step of an LSTM, with its two memories.",
        "Learned gates decide what is written into the long memory, what is kept and what is said.",
        r"\begin{aligned} i &= \sigma(W_i x + U_i h + b_i) \\ f &= \sigma(W_f x + U_f h + b_f) \\ "
        r"g &= \tanh(W_g x + U_g h + b_g) \\ o &= \sigma(W_o x + U_o h + b_o) \\ "
        r"c' &= f \odot c + i \odot g \\ h' &= o \odot \tanh c' \end{aligned}",
    ),
    _cell(
        "gru_cell",
        "GRUCell",
        3,
        "One step of a GRU.",
        "Two learned gates decide how much of its memory is renewed.",
        r"\begin{aligned} r &= \sigma(W_r x + U_r h + b_r) \\ z &= \sigma(W_z x + U_z h + b_z) \\ "
        r"u &= U_n h + c_n \\ n &= \tanh(W_n x + b_n + r \odot u) \\ h' &= (1 - z) \odot n + z \odot h \end{aligned}",
    ),
)
