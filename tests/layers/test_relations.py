"""What the relations say: in plain words, with the fix that mends it."""

from __future__ import annotations

from typing import Any

import pytest

from netbuilder.layers.catalog import catalog
from netbuilder.layers.relations import check_all, check_ports, divisible
from netbuilder.layers.spec import Mismatch
from netbuilder.layers.tensor import BATCH, TIME, Dim, Size, TensorType


def of(*dims: Dim, dtype: str = "float32", classes: int = 0, vocabulary: int = 0) -> TensorType:
    """Return a type with the batch axis before the given sizes."""
    return TensorType((BATCH, *dims), dtype, classes, vocabulary)


def first(key: str, values: dict[str, Any] | None = None, /, **inputs: TensorType) -> Mismatch | None:
    """Return what is wrong with these inputs of a layer."""
    spec = catalog()[key]
    return check_all(spec, spec.resolve(values or {}), inputs)


def wrong(key: str, values: dict[str, Any] | None = None, /, **inputs: TensorType) -> Mismatch:
    """Return what is wrong, which must be something; its fixes must be layers and parameters that exist."""
    found = first(key, values, **inputs)
    assert found is not None
    for layer, parameters in found.insert:
        spec = catalog()[layer]
        assert set(parameters) <= set(spec.by_name)
        spec.resolve(parameters)
    own = catalog()[key]
    assert {**own.resolve(found.set)} | dict(found.set) == own.resolve(found.set)
    return found


def test_linear_wants_rows() -> None:
    found = wrong("linear", x=of(32, 8, 8))
    assert found.message == "expects N × features, got N × 32 × 8 × 8"
    assert found.port == "x"
    assert found.insert[0] == ("flatten", {})


def test_linear_takes_sequences() -> None:
    assert first("linear", x=of(6, 8)) is None
    assert first("linear", x=of(TIME, 8)) is None


def test_linear_on_one_number_a_sample_wants_an_axis() -> None:
    assert wrong("linear", x=of()).insert == (("unsqueeze", {"axis": 1}),)


def test_whole_numbers_into_linear_want_an_embedding() -> None:
    tokens = wrong("linear", x=of(6, dtype="int64", vocabulary=30))
    assert tokens.message == "expects floating-point numbers, got whole numbers (int64)"
    assert [key for key, _ in tokens.insert] == ["embedding", "cast"]
    counts = wrong("linear", x=of(6, dtype="int64"))
    assert [key for key, _ in counts.insert] == ["cast", "embedding"]


def test_pixels_as_bytes_into_a_convolution_want_a_cast() -> None:
    assert wrong("conv2d", x=of(3, 8, 8, dtype="uint8")).insert == (("cast", {"dtype": "float32"}),)


def test_double_precision_meets_single_precision_weights() -> None:
    assert wrong("linear", x=of(6, dtype="float64")).insert == (("cast", {"dtype": "float32"}),)
    assert first("tanh", x=of(6, dtype="float64")) is None


def test_numbers_into_an_embedding_are_refused_and_can_be_cast() -> None:
    found = wrong("embedding", x=of(6))
    assert found.message == "expects whole numbers, got floating-point numbers (float32)"
    assert found.insert == (("cast", {"dtype": "int64"}),)
    assert first("embedding", {"tokens": 30}, x=of(6, dtype="int64")) is None
    assert wrong("one_hot", x=of()).insert == (("cast", {"dtype": "int64"}),)


def test_numbers_as_class_indices_can_be_cast_but_counts_are_not() -> None:
    found = wrong("cross_entropy", prediction=of(3), target=of())
    assert found.port == "target"
    assert found.insert == (("cast", {"dtype": "int64"}),)
    places = wrong("max_unpool2d", x=of(2, 4, 4), places=of(2, 4, 4))
    assert (places.port, places.insert) == ("places", ())


def test_a_column_for_each_class_becomes_indices() -> None:
    found = wrong("cross_entropy", prediction=of(3), target=of(3))
    assert found.insert[0] == ("argmax", {"axis": 1})
    whole = wrong("cross_entropy", prediction=of(3), target=of(3, dtype="int64"))
    assert whole.insert == (("argmax", {"axis": 1}),)


def test_embedding_needs_to_know_how_many_tokens() -> None:
    assert first("embedding", x=of(6, dtype="int64", vocabulary=30)) is None
    assert first("embedding", x=of(dtype="int64", classes=10)) is None
    assert first("embedding", {"tokens": 40}, x=of(6, dtype="int64")) is None
    assert "set Tokens" in wrong("embedding", x=of(6, dtype="int64")).message
    too_few = wrong("embedding", {"tokens": 20}, x=of(6, dtype="int64", vocabulary=30))
    assert too_few.set == {"tokens": None}


@pytest.mark.parametrize(
    ("found", "insert"),
    [
        (of(8, 8), ("unsqueeze", {"axis": 1})),
        (of(64), ("reshape", {"shape": (1, 8, 8)})),
        (of(3 * 16 * 16), ("reshape", {"shape": (3, 16, 16)})),
    ],
)
def test_convolution_wants_channels(found: TensorType, insert: tuple[str, dict[str, Any]]) -> None:
    mismatch = wrong("conv2d", x=found)
    assert mismatch.expected == "N × channels × height × width"
    assert mismatch.insert[0] == insert


def test_features_that_make_no_square_become_channels_of_one_pixel() -> None:
    assert wrong("conv2d", x=of(13)).insert == (("reshape", {"shape": (13, 1, 1)}),)
    assert wrong("conv3d", x=of(13)).insert == (("reshape", {"shape": (13, 1, 1, 1)}),)


def test_lstm_wants_a_sequence() -> None:
    rows = wrong("lstm", x=of(1, 8, 8))
    assert rows.message == "expects N × time × features, got N × 1 × 8 × 8"
    assert rows.insert[0] == ("squeeze", {"axis": 1})
    maps = wrong("lstm", x=of(32, 8, 8))
    assert maps.insert == (("image_to_sequence", {}), ("reshape", {"shape": (32, 64)}))
    assert wrong("lstm", x=of(8)).insert[0] == ("unsqueeze", {"axis": 2})


def test_kernel_is_no_larger_than_the_padded_input() -> None:
    assert first("conv2d", {"kernel_size": 9}, x=of(1, 8, 8)) is None
    valid = wrong("conv2d", {"kernel_size": (9, 3), "padding": "valid"}, x=of(1, 8, 8))
    assert valid.set == {"kernel_size": (8, 3)}
    assert first("conv2d", {"kernel_size": 9, "padding": "explicit", "padding_size": 1}, x=of(1, 8, 8)) is None
    assert first("max_pool2d", {"kernel_size": 4}, x=of(1, 4, 4)) is None
    assert wrong("max_pool2d", {"kernel_size": 4}, x=of(1, 4, 3)).set == {"kernel_size": (4, 3)}
    assert first("conv1d", {"padding": "valid"}, x=of(1, TIME)) is None


def test_same_padding_with_a_stride_wants_an_odd_kernel() -> None:
    assert first("conv2d", {"stride": 2}, x=of(1, 8, 8)) is None
    found = wrong("conv2d", {"kernel_size": 4, "stride": 2}, x=of(1, 8, 8))
    assert found.set["padding"] == "explicit"
    assert first("conv2d", {"kernel_size": 4, "stride": 2, **found.set}, x=of(1, 8, 8)) is None


def test_groups_divide_channels_and_filters() -> None:
    assert wrong("conv2d", {"groups": 4}, x=of(6, 8, 8)).set == {"groups": 2}
    assert wrong("conv2d", {"groups": 3, "filters": 32}, x=of(6, 8, 8)).set == {"filters": 33}
    assert wrong("group_norm", {"groups": 8}, x=of(12, 8, 8)).set == {"groups": 6}


def test_heads_divide_features() -> None:
    found = wrong("multihead_attention", {"heads": 4}, x=of(6, 10))
    assert found.set == {"heads": 2}
    assert found.message == "expects a number of features that 4 divides, got 10"


def test_add_never_broadcasts_over_samples() -> None:
    assert first("add", a=of(8), b=of(8)) is None
    assert first("multiply", a=of(8, 4, 4), b=of(8, 1, 1)) is None
    column = wrong("add", a=of(1), b=of())
    assert column.port == "b"
    assert column.insert == (("unsqueeze", {"axis": -1}),)
    assert wrong("add", a=of(8, 4, 4), b=of(6, 4, 4)).expected.endswith("(N × 8 × 4 × 4)")


def test_add_compares_all_of_many_inputs() -> None:
    values = {"inputs": 3}
    assert wrong("add", values, a=of(1), b=of(8), c=of(3)).port == "c"
    assert first("add", values, a=of(1), b=of(8), c=of(8)) is None


def test_concat_leaves_one_axis_free() -> None:
    assert first("concat", a=of(8, 4, 4), b=of(2, 4, 4)) is None
    assert first("concat", {"axis": -1}, a=of(8, 4, 4), b=of(8, 4, 1)) is None
    found = wrong("concat", a=of(8, 4, 4), b=of(2, 5, 4))
    assert "on every axis but 1" in found.message
    assert wrong("concat", {"axis": 0}, a=of(8), b=of(8)).set == {"axis": 1}
    assert wrong("concat", a=of(8), b=of(8, dtype="int64")).insert == (("cast", {"dtype": "float32"}),)


def test_classes_want_one_output_each() -> None:
    target = of(dtype="int64", classes=10)
    assert first("cross_entropy", prediction=of(10), target=target) is None
    assert first("cross_entropy", prediction=of(12), target=target) is None
    found = wrong("cross_entropy", prediction=of(8), target=target)
    assert "there are 10 classes but the prediction has 8 outputs" in found.message
    assert found.port == "prediction"


def test_class_scores_stand_on_axis_one() -> None:
    steps = wrong("cross_entropy", prediction=of(6, 30), target=of(6, dtype="int64"))
    assert steps.insert == (("transpose", {"first": 1, "second": 2}),)
    assert first("cross_entropy", prediction=of(30, 6), target=of(6, dtype="int64")) is None
    maps = wrong("cross_entropy", prediction=of(10, 8, 8), target=of(dtype="int64"))
    assert maps.insert == (("flatten", {}),)
    column = wrong("cross_entropy", prediction=of(10), target=of(1, dtype="int64"))
    assert (column.port, column.insert) == ("target", (("squeeze", {"axis": 1}),))


def test_class_targets_are_int64() -> None:
    assert wrong("cross_entropy", prediction=of(10), target=of(dtype="int32")).insert == (("cast", {"dtype": "int64"}),)
    assert wrong("cross_entropy", prediction=of(10), target=of()).port == "target"


@pytest.mark.parametrize("key", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "bce_with_logits"])
def test_regression_never_broadcasts(key: str) -> None:
    found = wrong(key, prediction=of(1), target=of())
    assert found.message == "expects a prediction of the target's shape (N), got N × 1"
    assert (found.port, found.insert) == ("prediction", (("squeeze", {"axis": 1}),))
    assert wrong(key, prediction=of(), target=of(1)).insert == (("squeeze", {"axis": 1}),)
    assert first(key, prediction=of(3), target=of(3)) is None


def test_reconstruction_of_pictures_wants_equal_shapes() -> None:
    found = wrong("mse_loss", prediction=of(64), target=of(1, 8, 8))
    assert (found.port, found.insert) == ("target", (("flatten", {}),))


def test_yes_or_no_has_two_classes() -> None:
    assert first("bce_with_logits", prediction=of(), target=of(dtype="int64", classes=2)) is None
    assert "3 classes" in wrong("bce_with_logits", prediction=of(), target=of(dtype="int64", classes=3)).message


def test_reshape_counts_the_numbers() -> None:
    assert first("reshape", {"shape": (1, 8, 8)}, x=of(64)) is None
    assert first("reshape", {"shape": (-1, 8)}, x=of(64)) is None
    assert wrong("reshape", {"shape": (1, 8, 7)}, x=of(64)).message == (
        "expects 56 numbers a sample for the shape 1×8×7, got 64 (N × 64)"
    )
    assert wrong("reshape", {"shape": (-1, -1)}, x=of(64)).port == "x"


def test_axes_exist_and_samples_stay_apart() -> None:
    assert wrong("softmax", {"axis": 3}, x=of(8)).message == "expects an axis from 1 to 1, got axis 3 of N × 8"
    assert wrong("softmax", x=of()).message == "expects at least one axis besides the samples, got N"
    assert wrong("flatten", x=of()).message == "expects at least 2 axes, got N"
    assert wrong("mean", {"axes": (0,)}, x=of(8)).message == "expects axis 1 or later, since axis 0 counts the samples"
    assert wrong("mean", {"axes": (1, -1)}, x=of(8)).set == {"axes": (-1,)}
    assert wrong("permute", x=of(8, 4, 4)).set == {"order": (3, 2, 1)}
    assert wrong("squeeze", {"axis": 1}, x=of(8, 1)).set == {"axis": 2}


def test_a_loss_is_no_input() -> None:
    assert wrong("linear", x=TensorType(())).insert == ()
    assert wrong("relu", x=TensorType(())).message == "expects something for each sample (N × …), got a single number"


def test_missing_inputs_are_not_a_mismatch() -> None:
    assert first("add", a=of(8)) is None
    assert list(check_ports(catalog()["add"], catalog()["add"].defaults(), {})) == []


def test_optional_inputs_are_checked_when_they_are_there() -> None:
    x = of(6, 8)
    assert first("multihead_attention", x=x) is None
    assert first("multihead_attention", x=x, mask=of(6, dtype="bool")) is None
    assert wrong("multihead_attention", x=x, mask=of(5, dtype="bool")).port == "mask"
    assert wrong("multihead_attention", x=x, mask=of(6)).port == "mask"


def test_attention_wants_as_many_heads_of_each_or_groups() -> None:
    layer = "scaled_dot_product_attention"
    query, few = of(4, 6, 8), of(2, 6, 8)
    assert first(layer, query=query, key=query, value=query) is None
    found = wrong(layer, query=query, key=few, value=few)
    assert (found.port, found.set) == ("key", {"grouped": True})
    assert first(layer, {"grouped": True}, query=query, key=few, value=few) is None
    assert wrong(layer, query=query, key=query, value=few).port == "value"
    three = of(3, 6, 8)
    assert wrong(layer, {"grouped": True}, query=query, key=three, value=three).set == {}


def test_a_mask_is_laid_over_the_products() -> None:
    layer = "scaled_dot_product_attention"
    query, other = of(4, 5, 8), of(4, 6, 8)
    for fits in (of(4, 5, 6), of(1, 5, 6), of(1, 1, 6), TensorType((5, 6)), TensorType((1, 6))):
        assert first(layer, query=query, key=other, value=other, mask=fits) is None
    for fits_not in (of(4, 5, 5), of(5, 6), of(6), TensorType((6, 5))):
        found = wrong(layer, query=query, key=other, value=other, mask=fits_not)
        assert found.port == "mask"
        assert "N × 4 × 5 × 6" in found.expected


@pytest.mark.parametrize("key", ["gather", "index_select"])
def test_indices_lie_in_their_axis(key: str) -> None:
    def indices(count: int) -> TensorType:
        table = (BATCH, 2) if key == "gather" else (2,)
        return TensorType(table, "int64", vocabulary=count)

    assert first(key, x=of(3), indices=indices(3)) is None
    assert wrong(key, x=of(3), indices=indices(4)).expected == "indices below 3"


def test_a_view_has_no_empty_axis() -> None:
    assert first("view", {"shape": (-1, 2)}, x=of(4)) is None
    assert wrong("view", {"shape": (1, 0, -1)}, x=of(4)).expected == "sizes of at least 1, or -1 (the rest)"


def test_only_a_size_of_one_is_expanded() -> None:
    like, table = of(3), TensorType((1, 4))
    assert first("expand_like", x=table, like=like) is None
    assert first("expand_like", {"sizes": (2, -1)}, x=table) is None
    assert wrong("expand_like", {"sizes": (6, -1)}, x=of(4)).expected == "a size of 1 where it becomes 6"
    assert wrong("expand_like", x=TensorType((5, 4)), like=like).expected == "a size of 1 where it becomes N"


def test_positions_need_a_length() -> None:
    assert first("positional_encoding", x=of(6, 8)) is None
    assert wrong("positional_encoding", x=of(TIME, 8)).set == {"length": 1000}
    assert wrong("positional_encoding", {"length": 4}, x=of(6, 8)).set == {"length": None}


def test_sizes_that_vary_are_divisible_only_when_always_so() -> None:
    assert divisible(8, 4)
    assert not divisible(6, 4)
    assert divisible(None, 4)
    assert not divisible(TIME, 2)
    assert divisible(Size("T", 4, -2), 2)
    assert not divisible(Size("T", 4, -1), 2)
    assert wrong("glu", {"axis": 1}, x=of(TIME, 8)).message.startswith("expects an even size")
