"""Retention: what a layer's backward pass reads, and what training must therefore keep of every sample.

Measured on torch for CPUs; `tests/layers/test_retention.py` holds each entry against `saved_tensors_hooks`. A layer
that is named nowhere here keeps its inputs, which is what most do and a safe guess for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from netbuilder.foundation.parameter import Values
from netbuilder.layers.settings import known
from netbuilder.layers.spec import LayerSpec, Types
from netbuilder.layers.tensor import TensorType, itemsize, numbers_a_sample

Extra: TypeAlias = Callable[[Values, Types, Types], int]
"""Bytes for one sample from (parameters, input types, output types)."""


@dataclass(frozen=True, slots=True)
class Retained:
    """What a layer's backward pass reads besides its weights.

    Attributes:
        inputs: Input ports whose values are kept.
        outputs: Output ports whose values are kept.
        extra: Bytes for one sample that are neither: masks, places, normalized values, gates.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    extra: int = 0


def retained(spec: LayerSpec, values: Values, inputs: Types, outputs: Types) -> Retained:
    """Return what training keeps of a layer; a size that varies counts as 1.

    Args:
        spec: The layer's declaration.
        values: Its resolved parameters.
        inputs: The types of its linked inputs.
        outputs: The types of its outputs.
    """
    if spec.key in _NOTHING or spec.key in VIEWS:
        return Retained()
    if spec.category in _BY_WEIGHTS and values.get("trainable") is False:
        return Retained()  # the gradient of the input needs the weights alone
    extra = _EXTRA[spec.key](values, inputs, outputs) if spec.key in _EXTRA else 0
    if spec.key == "scaled_dot_product_attention" and _is_fused(inputs):
        return Retained(tuple(inputs), tuple(outputs), extra)
    if spec.key in _PORTS:
        ports = _PORTS[spec.key]
        return Retained(tuple(p for p in inputs if p in ports), tuple(p for p in outputs if p in ports), extra)
    if spec.key in _OUTPUT:
        return Retained((), tuple(outputs), extra)
    return Retained(tuple(inputs), tuple(outputs) if spec.key in _BOTH else (), extra)


def is_view(spec: LayerSpec, inputs: Types, outputs: Types) -> bool:
    """Whether a layer's outputs are its input's memory, seen otherwise."""
    if spec.key == "cast":
        return [each.dtype for each in inputs.values()] == [each.dtype for each in outputs.values()]
    return spec.key in VIEWS


VIEWS: Final = frozenset(
    """
    flatten reshape permute transpose squeeze unsqueeze image_to_sequence sequence_to_image identity slice
    select split diagonal unflatten windows cast input output view permute_axes expand_like split_heads
    """.split()  # noqa: SIM905 (one name a line would be a page)
)
"""Layers that change no number and copy none."""

_BY_WEIGHTS: Final = ("linear", "convolution")
"""Categories whose input is read only for the gradient of the weights."""

_NOTHING: Final = frozenset(
    """
    concat stack add subtract neg sign round floor scale ceil trunc frac is_nan is_inf is_finite flip roll
    repeat pad one_hot equal not_equal greater greater_equal less less_equal equal_scalar not_equal_scalar
    greater_scalar greater_equal_scalar less_scalar less_equal_scalar logical_and logical_or logical_xor
    logical_not trace diag_embed tril triu add_scalar subtract_from_scalar multiply_scalar divide_scalar
    remainder_scalar argmin any all count_nonzero diff argsort zero_pad1d zero_pad2d zero_pad3d constant_pad1d
    constant_pad2d constant_pad3d circular_pad1d circular_pad2d circular_pad3d adaptive_avg_pool1d
    adaptive_avg_pool2d adaptive_avg_pool3d global_avg_pool positional_encoding learned_positions class_token
    mean sum argmax cumsum gaussian_noise upsample pixel_shuffle pixel_unshuffle channel_shuffle unfold tile
    expand rot90 fold affine_grid add_coordinates random_normal random_uniform random_bernoulli constant
    learned_constant learned_bias quantize merge_heads rotary_positions
    """.split()  # noqa: SIM905 (one name a line would be a page)
)

_OUTPUT: Final = frozenset(
    """
    relu sigmoid tanh softmax log_softmax softmin exp sqrt reciprocal exp2 expm1 rsqrt tan inverse
    gumbel_softmax
    """.split()  # noqa: SIM905 (one name a line would be a page)
)

_BOTH: Final = frozenset(
    """
    pseudo_inverse determinant power_of_scalar pow hypot cdist prod norm cumprod log_cumsum_exp global_max_pool
    max min log_sum_exp std rnn_cell
    """.split()  # noqa: SIM905 (one name a line would be a page)
)

_OWN: Final = """
    tanhshrink squared_difference divide_into_scalar dropout alpha_dropout dropout1d dropout2d dropout3d
    feature_alpha_dropout drop_path sample_normal binary_sigmoid median multihead_attention
    transformer_encoder_layer transformer_decoder_layer transformer_encoder transformer_decoder transformer rnn
    gru pairwise_distance
    """.split()  # noqa: SIM905 (one name a line would be a page)
"""Layers that keep neither inputs nor outputs, but something of their own."""

_PORTS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(_OWN, ()),
    "where": ("condition",),
    "index_select": ("indices",),
    "masked_fill": ("where",),
    "lerp": ("weight",),
    "sort": ("indices",),
    "top_k": ("indices",),
    "lstm": ("sequence",),
    "scaled_dot_product_attention": ("value",),
    "cross_entropy": ("target",),
    "nll_loss": ("target",),
    **dict.fromkeys(("max_pool_places1d", "max_pool_places2d", "max_pool_places3d"), ("x", "places")),
    **dict.fromkeys(("max_unpool1d", "max_unpool2d", "max_unpool3d"), ("places",)),
}
"""Layers that keep some of their inputs and outputs, by name."""

_FLOAT: Final = itemsize("float32")
_INDEX: Final = itemsize("int64")


def _first(types: Types) -> TensorType:
    return next(iter(types.values()))


def _outputs(count: int, size: int = _FLOAT) -> Extra:
    """Return the extra of `count` numbers for each that comes out."""
    return lambda values, inputs, outputs: count * size * numbers_a_sample(_first(outputs))


def _inputs(count: int, size: int = _FLOAT) -> Extra:
    return lambda values, inputs, outputs: count * size * numbers_a_sample(_first(inputs))


def _channels(count: int) -> Extra:
    return lambda values, inputs, outputs: count * _FLOAT * known(_first(inputs).dims[1])


def _rows(count: int) -> Extra:
    """Return the extra of `count` numbers for each row of features."""
    return lambda values, inputs, outputs: count * _FLOAT * _steps(_first(inputs))


def _steps(found: TensorType) -> int:
    return numbers_a_sample(found) // max(known(found.dims[-1]), 1)


def _power_pool(values: Values, inputs: Types, outputs: Types) -> int:
    return _FLOAT * (numbers_a_sample(inputs["x"]) + 4 * numbers_a_sample(_first(outputs)))


def _similarity(values: Values, inputs: Types, outputs: Types) -> int:
    return _FLOAT * (2 * numbers_a_sample(inputs["a"]) + 4 * numbers_a_sample(_first(outputs)))


def _is_fused(inputs: Types) -> bool:
    """Whether torch computes attention in one kernel, which never holds all products: heads, and values as queries."""
    return inputs["query"].rank == 4 and inputs["query"].dims[-1] == inputs["value"].dims[-1]


def _dot_product(values: Values, inputs: Types, outputs: Types) -> int:
    query, key = inputs["query"], inputs["key"]
    rows: int = numbers_a_sample(query) // max(known(query.dims[-1]), 1)
    if _is_fused(inputs):
        return _FLOAT * rows  # the logarithm of each softmax's sum, from which the rest is computed again
    return _FLOAT * (numbers_a_sample(query) + numbers_a_sample(key) + rows * known(key.dims[-2]))


def _attention(values: Values, inputs: Types, outputs: Types) -> int:
    x, context = inputs["x"], inputs.get("context", inputs["x"])
    numbers: int = 3 * numbers_a_sample(x) + 2 * numbers_a_sample(context) + 2 * values["heads"] * known(x.dims[1])
    if values["dropout"] or values.get("give_weights"):
        numbers += 2 * values["heads"] * known(x.dims[1]) * known(context.dims[1])
    return _FLOAT * numbers


def _transformer_layer(values: Values, x: TensorType, attentions: int) -> int:
    """Return what a layer of a transformer keeps: its attentions, and the two linear layers behind them."""
    steps, drops = known(x.dims[1]), values["dropout"] > 0
    looks: int = (3 if drops else 0) * values["heads"] * steps * steps
    inner: int = (3 if drops else 2) * steps * values["feedforward"]
    return _FLOAT * (attentions * (9 * numbers_a_sample(x) + looks) + 3 * numbers_a_sample(x) + inner)


def _transformer(part: str) -> Extra:
    def extra(values: Values, inputs: Types, outputs: Types) -> int:
        encoders = values.get("encoder_layers", values.get("layers", 1)) if part != "decoder" else 0
        decoders = values.get("decoder_layers", values.get("layers", 1)) if part != "encoder" else 0
        source, target = _first(inputs), inputs.get("target", _first(inputs))
        return encoders * _transformer_layer(values, source, 1) + decoders * _transformer_layer(values, target, 2)

    return extra


def _recurrent(numbers: int) -> Extra:
    """Return the extra of a recurrent layer that keeps so many numbers for each unit and step, beside its input."""

    def extra(values: Values, inputs: Types, outputs: Types) -> int:
        x, directions = inputs["x"], 2 if values["bidirectional"] else 1
        units: int = values["units"] * directions
        layers: int = values["layers"]
        below = (layers - 1) * known(x.dims[1]) * units
        return _FLOAT * (numbers_a_sample(x) + below + layers * known(x.dims[1]) * units * numbers)

    return extra


def _units(count: int) -> Extra:
    return lambda values, inputs, outputs: count * _FLOAT * int(values["units"])


_EXTRA: Final[Mapping[str, Extra]] = {
    **dict.fromkeys(("logsigmoid", "softsign", "rrelu", "tanhshrink", "divide_into_scalar"), _outputs(1)),
    **dict.fromkeys(("squared_difference", "lerp", "dropout", "alpha_dropout"), _outputs(1)),
    **dict.fromkeys(("sample_normal", "binary_sigmoid"), _outputs(2)),
    **dict.fromkeys(("dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"), _channels(1)),
    "drop_path": lambda values, inputs, outputs: 1,
    "pairwise_distance": lambda values, inputs, outputs: (
        _FLOAT * (numbers_a_sample(inputs["a"]) + numbers_a_sample(_first(outputs)))
    ),
    "median": _outputs(1, _INDEX),
    **dict.fromkeys(("cummax", "cummin"), _outputs(1, _INDEX)),
    **dict.fromkeys((f"max_pool{axes}d" for axes in (1, 2, 3)), _outputs(1, _INDEX)),
    **dict.fromkeys((f"adaptive_max_pool{axes}d" for axes in (1, 2, 3)), _outputs(1, _INDEX)),
    **dict.fromkeys((f"fractional_max_pool{axes}d" for axes in (2, 3)), _outputs(1, _INDEX)),
    **dict.fromkeys((f"instance_norm{axes}d" for axes in (1, 2, 3)), _channels(2)),
    "layer_norm": _rows(2),
    "group_norm": lambda values, inputs, outputs: 2 * _FLOAT * values["groups"],
    "rms_norm": lambda values, inputs, outputs: _FLOAT * (numbers_a_sample(inputs["x"]) + _steps(inputs["x"])),
    "local_response_norm": _inputs(3),
    "determinant": _inputs(1),
    "log_determinant": _inputs(1),
    **dict.fromkeys((f"lp_pool{axes}d" for axes in (1, 2, 3)), _power_pool),
    "cosine_similarity": _similarity,
    "normalize": _rows(2),
    "scaled_dot_product_attention": _dot_product,
    "multihead_attention": _attention,
    "transformer_encoder_layer": lambda values, inputs, outputs: _transformer_layer(values, inputs["x"], 1),
    "transformer_decoder_layer": lambda values, inputs, outputs: _transformer_layer(values, inputs["x"], 2),
    "transformer_encoder": _transformer("encoder"),
    "transformer_decoder": _transformer("decoder"),
    "transformer": _transformer("both"),
    "rnn": _recurrent(1),
    "gru": _recurrent(7),
    "lstm": _recurrent(20),
    "rnn_cell": lambda values, inputs, outputs: 0,
    "lstm_cell": _units(5),
    "gru_cell": _units(6),
    "cross_entropy": lambda values, inputs, outputs: _FLOAT * numbers_a_sample(inputs["prediction"]),
}
"""What is kept beside inputs and outputs, where that is more than a few numbers."""
