"""Recurrent layers, attention, embeddings."""

from __future__ import annotations

from netbuilder.foundation.problem import Severity
from tests.compiler.mistakes.mistake import GRAY, IMAGE, SEQUENCE, TOKENS, Mistake, T, values

SEQUENCES = (
    Mistake(
        "gray pictures into LSTM", "lstm", {"x": GRAY}, "Insert Squeeze (axis 1)", "N × time × features, got N × 1"
    ),
    Mistake("colour pictures into LSTM", "lstm", {"x": IMAGE}, "Insert ImageToSequence"),
    Mistake("rows into GRU", "gru", {"x": values(8)}, "Insert Unsqueeze (axis 2)", "got N × 8"),
    Mistake("tokens into LSTM", "lstm", {"x": TOKENS}, "Insert Embedding", "whole numbers"),
    Mistake("features that vary into RNN", "rnn", {"x": values(8, T)}, "Insert Transpose (1 ↔ 2)"),
    Mistake(
        "a convolution's channels into LSTM",
        "lstm",
        {"x": values(8, 40)},
        "Insert Transpose (1 ↔ 2)",
        "N × channels × length",
        before=(("conv1d", {"filters": 4}), ("relu", {})),
        severity=Severity.WARNING,
    ),
    Mistake("images into attention", "multihead_attention", {"x": values(8, 4, 4)}, "Insert ImageToSequence"),
    Mistake(
        "heads that do not divide the features",
        "multihead_attention",
        {"x": values(6, 10)},
        "Set Heads to 2",
        "4 divides, got 10",
    ),
    Mistake("heads of an encoder", "transformer_encoder_layer", {"x": values(6, 9)}, "Set Heads to 3", "4 divides"),
    Mistake("tokens into an encoder", "transformer_encoder_layer", {"x": TOKENS}, "Insert Embedding"),
    Mistake(
        "a mask of numbers",
        "multihead_attention",
        {"x": values(6, 8), "mask": values(6)},
        "Insert Cast (bool)",
        "true or false",
    ),
    Mistake(
        "a context of other features",
        "transformer_decoder_layer",
        {"x": values(6, 8), "context": values(5, 12)},
        "Insert Linear (8 units)",
    ),
    Mistake("positions of a length that varies", "learned_positions", {"x": SEQUENCE}, "Set Longest sequence to 1000"),
    Mistake("rows into positions", "positional_encoding", {"x": values(8)}, "Insert Unsqueeze (axis 2)"),
)
