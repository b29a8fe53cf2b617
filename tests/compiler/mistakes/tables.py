"""Linear layers and tables."""

from __future__ import annotations

from tests.compiler.mistakes.mistake import IMAGE, SEQUENCE, TOKENS, Mistake, T, values

LINEAR = (
    Mistake("images into Linear", "linear", {"x": IMAGE}, "Insert Flatten", "N × features, got N × 3 × 8 × 8"),
    Mistake("volumes into Linear", "linear", {"x": values(2, 4, 4, 4)}, "Insert Flatten"),
    Mistake("one number a sample into Linear", "linear", {"x": values()}, "Insert Unsqueeze (axis 1)"),
    Mistake("tokens into Linear", "linear", {"x": TOKENS}, "Insert Embedding", "whole numbers (int64)"),
    Mistake("counts into Linear", "linear", {"x": values(6, dtype="int64")}, "Insert Cast (float32)"),
    Mistake("yes and no into Linear", "linear", {"x": values(6, dtype="bool")}, "Insert Cast (float32)", "bool"),
    Mistake("double precision into Linear", "linear", {"x": values(6, dtype="float64")}, "Insert Cast (float32)"),
    Mistake("time last into Linear", "linear", {"x": values(8, T)}, "Insert Transpose (1 ↔ 2)", "N × 8 × T"),
    Mistake("one number a step into Linear", "linear", {"x": values(T)}, "Insert Unsqueeze (axis 2)", "N × T"),
    Mistake(
        "a flattened sequence into Linear",
        "linear",
        {"x": SEQUENCE},
        "Insert Mean (axis 1)",
        "expects a size along its last axis that does not vary, got N × 8T from flatten",
        before=(("flatten", {}),),
    ),
    Mistake(
        "a flattened sequence into Linear, with layers between",
        "linear",
        {"x": SEQUENCE},
        "Insert Mean (axis 1)",
        before=(("flatten", {}), ("relu", {}), ("dropout", {})),
    ),
    Mistake("images into Bilinear's second input", "bilinear", {"a": values(8), "b": IMAGE}, "Insert Flatten"),
)

TABLES = (
    Mistake(
        "numbers into Embedding",
        "embedding",
        {"x": values(6)},
        "Insert Cast (int64)",
        "floating-point numbers",
        {"tokens": 30},
    ),
    Mistake("unknown indices into Embedding", "embedding", {"x": values(6, dtype="int64")}, "Set Tokens to 1000"),
    Mistake(
        "too small a table",
        "embedding",
        {"x": TOKENS},
        "Set Tokens to “from the data”",
        "below 20 (Tokens)",
        {"tokens": 20},
    ),
    Mistake(
        "a padding index beyond the table",
        "embedding",
        {"x": TOKENS},
        "Set Padding index to “none”",
        settings={"padding_index": 40},
    ),
    Mistake("numbers into OneHot", "one_hot", {"x": values()}, "Insert Cast (int64)", settings={"classes": 5}),
    Mistake("numbers into EmbeddingBag", "embedding_bag", {"x": values(6)}, "Insert Cast (int64)", "", {"tokens": 30}),
)
