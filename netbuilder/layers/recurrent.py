"""Recurrent layers: they read a sequence step by step and remember."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netbuilder.foundation.brief import in_words
from netbuilder.foundation.parameter import Parameter, Values
from netbuilder.layers.settings import brief_of, choice, flag, known, number, torch_docs, whole
from netbuilder.layers.spec import WEIGHTS, LayerSpec, Port, Types

_SEQUENCE = Port(name="x", ranks=(3,), layout="NTF", help="A sequence: one row of features a step.")
_OUTPUTS = (
    Port(name="sequence", ranks=(3,), layout="NTF", help="What it says at every step."),
    Port(name="state", ranks=(2,), layout="NF", help="Its memory after the last step: one vector for the sequence."),
)


def _parameters(*own: Parameter) -> tuple[Parameter, ...]:
    return (
        whole("units", "Units", 64, "How many numbers its memory holds."),
        whole("layers", "Layers", 1, "How many are stacked, each reading what the one below says.", maximum=64),
        flag("bidirectional", "Both directions", False, "A second one reads from the end; twice as many outputs."),
        number(
            "dropout",
            "Dropout",
            0.0,
            "The share of numbers dropped between stacked layers while training.",
            0.0,
            1.0,
            shown_when=lambda values: values["layers"] > 1,
        ),
        *own,
        flag("bias", "Bias", True, "Adds learned numbers in each step.", advanced=True),
        *WEIGHTS,
    )


def _make(name: str, gates: str = "") -> str:
    return (
        f"nn.{name}(in_features, units, num_layers=layers, {gates}bias=bias, batch_first=True, dropout=DROPOUT, "
        "bidirectional=bidirectional)"
    )


def _constructor(template: str, values: Values) -> str:
    """Leave dropout out where there is nothing between layers: torch warns of it."""
    return template.replace("DROPOUT", "dropout" if values["layers"] > 1 else "0.0")


def _state(values: Values) -> Mapping[str, str]:
    """Give the last layer's memory, of both directions side by side, with the batch first."""
    both = "torch.cat([hidden[-2], hidden[-1]], dim=1)"
    return {"state": both if values["bidirectional"] else "hidden[-1]"}


def _brief(values: Values) -> str:
    layers = f"{values['layers']} layers" if values["layers"] > 1 else ""
    ways = in_words(values, "bidirectional", "both directions" if values["bidirectional"] else "")
    return brief_of(f"{values['units']} units", layers, ways)


def _macs(gates: int) -> Callable[[Values, Types, Types], int]:
    def macs(values: Values, inputs: Types, outputs: Types) -> int:
        steps, features = known(inputs["x"].dims[1]), known(inputs["x"].dims[2])
        units, directions = values["units"], 2 if values["bidirectional"] else 1
        widths = [features, *[units * directions] * (values["layers"] - 1)]
        return sum(steps * directions * gates * units * (width + units) for width in widths)

    return macs


def _recurrent(
    key: str,
    gates: int,
    summary: str,
    help: str,
    formula: str,
    keywords: tuple[str, ...],
    target: str = "sequence, hidden",
    own: tuple[Parameter, ...] = (),
    extra: str = "",
) -> LayerSpec:
    name = key.upper()
    template = _make(name, extra)

    return LayerSpec(
        key=key,
        title=name,
        category="recurrent",
        summary=summary,
        help=help,
        formula=formula,
        reference=torch_docs(f"torch.nn.{name}"),
        keywords=("sequence", "time series", "text", "memory", "recurrent", *keywords),
        parameters=_parameters(*own),
        inputs=(_SEQUENCE,),
        outputs=_OUTPUTS,
        make=lambda values: _constructor(template, values),
        target=target,
        results=_state,
        derived={"in_features": ("x", -1)},
        weights=("weight_*",),
        macs=_macs(gates),
        brief=_brief,
    )


RECURRENT = (
    _recurrent(
        "rnn",
        1,
        "Reads a sequence with a simple memory.",
        "At each step it mixes the new input with its memory of the steps before. Simple and fast, "
        "but it forgets what lies more than about ten steps back; LSTM and GRU remember longer.",
        r"h_t = \tanh(W x_t + U h_{t-1} + b)",
        ("elman", "vanilla"),
        own=(
            choice(
                "nonlinearity",
                "Activation",
                (("tanh", "tanh", "Keeps the memory between -1 and 1."), ("relu", "ReLU", "May grow without bound.")),
                "What is applied at each step.",
            ),
        ),
        extra="nonlinearity=nonlinearity, ",
    ),
    _recurrent(
        "lstm",
        4,
        "Reads a sequence with a memory that lasts.",
        "Keeps a memory cell beside its output, and learned gates decide what is written, kept and read. "
        "It remembers over hundreds of steps. Take `sequence` to go on step by step, `state` for one vector for the "
        "whole sequence.",
        r"\begin{aligned} i_t &= \sigma(W_i x_t + U_i h_{t-1} + b_i) \\ f_t &= \sigma(W_f x_t + U_f h_{t-1} + b_f) \\ "
        r"g_t &= \tanh(W_g x_t + U_g h_{t-1} + b_g) \\ o_t &= \sigma(W_o x_t + U_o h_{t-1} + b_o) \\ "
        r"c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\ h_t &= o_t \odot \tanh c_t \end{aligned}",
        ("long short-term memory", "gates"),
        target="sequence, (hidden, _)",
    ),
    _recurrent(
        "gru",
        3,
        "Reads a sequence with a memory that lasts, more simply than an LSTM.",
        "Two learned gates decide how much of its memory is renewed at each step. "
        "It has a quarter fewer weights than an LSTM and is often as good. Take `sequence` to go on step by step, "
        "`state` for one vector for the whole sequence.",
        r"\begin{aligned} r_t &= \sigma(W_r x_t + U_r h_{t-1} + b_r) \\ z_t &= \sigma(W_z x_t + U_z h_{t-1} + b_z) \\ "
        r"u_t &= U_n h_{t-1} + c_n \\ n_t &= \tanh(W_n x_t + b_n + r_t \odot u_t) \\ "
        r"h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1} \end{aligned}",
        ("gated recurrent unit", "gates"),
    ),
)
