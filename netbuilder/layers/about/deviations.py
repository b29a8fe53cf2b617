"""Where a fresh layer is set otherwise than torch's own default, and why; `docs/layers.md` shows it as a table.

The tests compare every default of the catalog with torch's signatures: what differs and is not named here fails them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Deviation:
    """One default.

    Attributes:
        layers: The keys of the layers.
        argument: Torch's name of it.
        torch: Torch's default, as text.
        here: What a fresh layer hands over.
        why: The reason.
    """

    layers: tuple[str, ...]
    argument: str
    torch: str
    here: str
    why: str


_BLOCKS = ("transformer_encoder_layer", "transformer_decoder_layer", "transformer_encoder", "transformer_decoder")
_BATCH = "Axis 0 is the batch, whose samples a layer must not mix."
_PAPER = "Torch's is the size of the paper's network; this one learns within minutes on a small machine."
_MATRIX = "The last two axes are the matrix, those before them the batch."
_CHANNELS = "A whole channel is much to lose: half of them at once makes training slow."

DEVIATIONS: Final = (
    Deviation(
        ("rnn", "lstm", "gru", "multihead_attention", *_BLOCKS, "transformer"),
        "batch_first",
        "False",
        "True",
        "The batch comes first everywhere here, as it does in all other layers of torch.",
    ),
    Deviation(("concat", "stack", "split", "add_coordinates"), "dim", "0", "1", _BATCH),
    Deviation(("flatten",), "start_dim", "0", "1", _BATCH),
    Deviation(("max", "min"), "dim", "[]", "-1", f"Torch reduces all axes. {_BATCH}"),
    Deviation(("roll",), "dims", "[]", "-1", f"Torch rolls through all axes. {_BATCH}"),
    Deviation(
        ("cosine_similarity", "normalize"),
        "dim",
        "1",
        "-1",
        "The same for a row of features; of a sequence the last axis is the features.",
    ),
    Deviation(("diagonal",), "dim1", "0", "-2", _MATRIX),
    Deviation(("diagonal",), "dim2", "1", "-1", _MATRIX),
    Deviation(("rot90",), "dims", "[0, 1]", "(-2, -1)", _MATRIX),
    Deviation(
        ("conv1d", "conv2d", "conv3d"),
        "padding",
        "0",
        "1",
        "Padding is `same`: the output is as large as the input, so that branches can be joined without arithmetic.",
    ),
    Deviation(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        "stride",
        "1",
        "2",
        "It is there to enlarge; with a stride of 1 it does not.",
    ),
    Deviation(
        ("unfold", "fold"),
        "stride",
        "1",
        "4",
        "As large as the window: patches side by side, as vision transformers cut them.",
    ),
    Deviation(("dropout1d", "dropout2d", "dropout3d"), "p", "0.5", "0.2", _CHANNELS),
    Deviation(
        ("alpha_dropout", "feature_alpha_dropout"), "p", "0.5", "0.1", "The paper that proposes it uses 0.05 to 0.1."
    ),
    Deviation((*_BLOCKS, "transformer"), "dim_feedforward", "2048", "256", _PAPER),
    Deviation(("transformer",), "nhead", "8", "4", _PAPER),
    Deviation(("transformer",), "num_encoder_layers", "6", "2", _PAPER),
    Deviation(("transformer",), "num_decoder_layers", "6", "2", _PAPER),
    Deviation(
        ("transformer_encoder",),
        "enable_nested_tensor",
        "True",
        "False",
        "A shortcut for padded batches in use, which cannot be exported.",
    ),
    Deviation(
        ("kl_divergence",),
        "reduction",
        "mean",
        "batchmean",
        "Torch's `mean` divides by the number of classes too, which is not the divergence; its page advises batchmean.",
    ),
    Deviation(
        ("ctc_loss",),
        "zero_infinity",
        "False",
        "True",
        "A target that is too long for its sequence counts nothing, instead of ending the training with infinity.",
    ),
    Deviation(
        ("max_pool_places1d", "max_pool_places2d", "max_pool_places3d"),
        "return_indices",
        "False",
        "True",
        "The places are what the layer is for; without them it is MaxPool.",
    ),
    Deviation(
        ("rms_norm",), "eps", "None", "1e-05", "Torch takes the dtype's smallest step, 1.2e-7, too little for half."
    ),
    Deviation(
        ("std", "var"),
        "correction",
        "None",
        "0",
        "Torch divides by one less than the count, to estimate what was sampled from; of one entry that is NaN.",
    ),
)
