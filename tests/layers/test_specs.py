"""What every declaration in the catalog must have."""

from __future__ import annotations

import ast
import keyword
import subprocess
import sys
from collections.abc import Callable

from netbuilder.foundation.declaration import CATEGORIES
from netbuilder.foundation.parameter import Kind
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import INITIALIZERS, SCALES, WEIGHTS, Dtype, LayerSpec, Port, Rule, names_in
from netbuilder.layers.tensor import BATCH, TensorType
from tests.layers.samples import SAMPLES, samples_of, values_of


def every(test: Callable[[LayerSpec], None]) -> Callable[[], None]:
    """Run a test for every spec of the catalog, as one test: some thousand would spend their time on fixtures."""

    def run() -> None:
        for spec in catalog():
            try:
                test(spec)
            except Exception as error:
                raise AssertionError(f"{spec.key}: {error}") from error

    run.__name__ = test.__name__
    return run


REQUIRED = [
    "input",
    "output",
    "linear",
    "bilinear",
    "embedding",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "relu",
    "relu6",
    "leaky_relu",
    "prelu",
    "rrelu",
    "elu",
    "celu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "softmax",
    "log_softmax",
    "softmin",
    "glu",
    "hardtanh",
    "hardswish",
    "hardsigmoid",
    "hardshrink",
    "softshrink",
    "tanhshrink",
    "logsigmoid",
    "threshold",
    "batch_norm1d",
    "batch_norm2d",
    "batch_norm3d",
    "layer_norm",
    "group_norm",
    "instance_norm1d",
    "instance_norm2d",
    "instance_norm3d",
    "rms_norm",
    "local_response_norm",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "feature_alpha_dropout",
    "rnn",
    "lstm",
    "gru",
    "multihead_attention",
    "transformer_encoder_layer",
    "positional_encoding",
    "flatten",
    "reshape",
    "permute",
    "transpose",
    "squeeze",
    "unsqueeze",
    "concat",
    "stack",
    "add",
    "subtract",
    "multiply",
    "divide",
    "matmul",
    "mean",
    "sum",
    "max",
    "slice",
    "upsample",
    "pad",
    "identity",
    "scale",
    "cross_entropy",
    "bce_with_logits",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "nll_loss",
    "kl_divergence",
]


def test_catalog_has_what_was_promised() -> None:
    assert len(catalog()) >= 250
    assert [key for key in REQUIRED if key not in catalog()] == []


def test_catalog_is_made_once() -> None:
    assert catalog() is catalog()


def test_titles_are_unique() -> None:
    titles = [spec.title for spec in catalog()]
    assert sorted(set(titles)) == sorted(titles)


def test_importing_the_catalog_takes_neither_torch_nor_qt() -> None:
    code = (
        "import sys; from netbuilder.layers.catalog import catalog; catalog(); "
        "print([name for name in sys.modules if name.split('.')[0] in ('torch', 'PySide6', 'numpy')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@every
def test_explains_itself(spec: LayerSpec) -> None:
    assert spec.category in CATEGORIES
    assert spec.title
    assert spec.summary.endswith((".", "!"))
    assert len(spec.summary) <= 100
    assert len(spec.help) >= 60
    assert spec.help.endswith(".")
    assert spec.keywords or spec.key == "input"
    assert spec.formula or spec.key == "input"
    assert spec.reference is not None
    assert spec.reference.title
    assert spec.reference.url.startswith("https://")
    for parameter in spec.parameters:
        assert parameter.title
        assert parameter.help.endswith("."), parameter.name
        assert len(parameter.help) >= 15, parameter.name


@every
def test_keys_and_names_are_identifiers(spec: LayerSpec) -> None:
    values = spec.defaults()
    names = [spec.key, *(p.name for p in spec.parameters), *spec.derived_sizes(values)]
    names += [port.name for port in (*spec.input_ports(values), *spec.output_ports(values))]
    for name in names:
        assert name.isidentifier()
        assert name.isascii()
        assert name == name.lower()
        assert not keyword.iskeyword(name)


@every
def test_defaults_are_canonical(spec: LayerSpec) -> None:
    assert spec.resolve({}) == spec.defaults()
    for parameter in spec.parameters:
        normal = parameter.normalize(parameter.default)
        assert normal == parameter.default
        assert type(normal) is type(parameter.default)


@every
def test_names_mean_one_thing(spec: LayerSpec) -> None:
    """A name in a template is a parameter, a derived size, a port or a module, never two of them."""
    values = values_of(spec)
    ports = [port.name for port in spec.input_ports(values)]
    outputs = [port.name for port in spec.output_ports(values)]
    parameters = [parameter.name for parameter in spec.parameters]
    assert len(set(ports)) == len(ports)
    assert len(set(outputs)) == len(outputs)
    assert len(set(parameters)) == len(parameters)
    make, call = names_in(spec.make_text(values)), names_in(spec.call_text(values))
    inside = {"torch", "nn", "F", "math", "me", "inputs", *_classes(spec.support_text(values))}
    derived = spec.derived_sizes(values)
    assert make <= {*parameters, *derived, *inside} - {"me", "inputs"}
    assert call <= {*parameters, *derived, *ports, *inside}
    assert not set(ports) & ({*parameters, *derived} & call)
    assert not set(derived) & set(parameters) & (make | call)
    assert ("me" in call) == bool(spec.make_text(values))


def _classes(support: str) -> set[str]:
    return {node.name for node in ast.parse(support).body if isinstance(node, ast.ClassDef)}


@every
def test_every_parameter_is_used(spec: LayerSpec) -> None:
    """Each parameter makes a difference somewhere: in a template, a port, a type or the weights."""
    common = {"initializer", "trainable"}
    if spec.key == "input":
        return
    for parameter in spec.parameters:
        if parameter.name in common:
            continue
        read = set()
        for values in _other_values(spec, parameter.name):
            watched = _Watched(values)
            for text in (spec.make, spec.call, spec.target, spec.results, spec.inputs, spec.outputs, spec.support):
                if callable(text):
                    text(watched)
            read |= watched.read
            read |= names_in(spec.make_text(values)) | names_in(spec.call_text(values))
        assert parameter.name in read, parameter.name


class _Watched(dict):  # type: ignore[type-arg]
    """Values that remember which of them were asked for."""

    def __init__(self, values: dict[str, object]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.read.add(name)
        return super().__getitem__(name)


def _other_values(spec: LayerSpec, name: str) -> list[dict[str, object]]:
    """Return the defaults, and the defaults with each choice and switch turned, on which templates may depend."""
    found = [values_of(spec)]
    for parameter in spec.parameters:
        others = [choice.value for choice in parameter.choices]
        others += [True, False] if parameter.kind is Kind.BOOL else []
        others += [2] if parameter.kind is Kind.INT else []
        found += [values_of(spec, **{parameter.name: value}) for value in others]
    return found


@every
def test_forms_hide_and_show_without_error(spec: LayerSpec) -> None:
    for values in _other_values(spec, ""):
        for parameter in spec.parameters:
            assert parameter.shown_when is None or type(parameter.shown_when(values)) is bool
        if spec.brief is not None:
            assert type(spec.brief(values)) is str
            assert len(spec.brief(values)) <= 48


@every
def test_weights_come_with_their_settings(spec: LayerSpec) -> None:
    last = spec.parameters[-2:]
    assert bool(spec.weights) == (last in (WEIGHTS, SCALES))
    assert all(choice.value in INITIALIZERS for choice in (WEIGHTS[0].choices + SCALES[0].choices))


@every
def test_ports_say_what_they_mean(spec: LayerSpec) -> None:
    values = values_of(spec)
    for port in (*spec.input_ports(values), *spec.output_ports(values)):
        if port.layout and port.ranks:
            assert len(port.layout) in port.ranks
    if spec.is_loss:
        assert [port.name for port in spec.input_ports(values)][:2] == ["prediction", "target"]
        assert [port.name for port in spec.output_ports(values)] == ["loss"]
    else:
        assert spec.task is None


@every
def test_declared_outputs_match_the_rule(spec: LayerSpec) -> None:
    """A spec whose outputs are like its first input declares ports that allow it."""
    values = values_of(spec)
    if spec.shape is not Rule.SAME:
        return
    first = next(iter(samples_of(spec, values).values())).type
    for port in spec.output_ports(values):
        assert not port.ranks or first.rank in port.ranks
        assert port.dtype in (Dtype.ANY, Dtype.NUMBER) or (port.dtype is Dtype.FLOAT) == first.is_float


@every
def test_macs_are_whole_numbers_for_sizes_known_and_unknown(spec: LayerSpec) -> None:
    if spec.macs is None:
        return
    values = values_of(spec)
    types = {name: sample.type for name, sample in samples_of(spec, values).items()}
    unknown = {name: TensorType((BATCH, *[None] * (found.rank - 1)), found.dtype) for name, found in types.items()}
    outputs = {port.name: TensorType((BATCH, 4, 4, 4), "float32") for port in spec.output_ports(values)}
    for inputs in (types, unknown):
        count = spec.macs(values, inputs, outputs)
        assert type(count) is int
        assert count > 0


def test_derive_leaves_out_what_is_not_a_number() -> None:
    spec = catalog()["linear"]
    values = spec.defaults()
    assert spec.derive(values, {"x": TensorType((BATCH, 7))}) == {"in_features": 7}
    assert spec.derive(values, {"x": TensorType((BATCH, None))}) == {}
    assert spec.derive(values, {}) == {}


def test_derive_looks_up_only_what_the_templates_use() -> None:
    spec = catalog()["layer_norm"]
    found = TensorType((BATCH, 5, 7))
    assert spec.derive(spec.resolve({"axes": 1}), {"x": found}) == {"features": 7}
    assert spec.derive(spec.resolve({"axes": 2}), {"x": found}) == {"features": 7, "before": 5}


def test_derive_finds_the_vocabulary_or_the_classes() -> None:
    spec = catalog()["embedding"]
    values = spec.defaults()
    tokens = TensorType((BATCH, 9), "int64", vocabulary=30, classes=4)
    classes = TensorType((BATCH,), "int64", classes=4)
    assert spec.derive(values, {"x": tokens}) == {"vocabulary": 30}
    assert spec.derive(values, {"x": classes}) == {"vocabulary": 4}
    assert spec.derive(spec.resolve({"tokens": 50}), {"x": tokens}) == {}


def test_samples_fit_the_ports() -> None:
    assert SAMPLES > 1
    for spec in catalog():
        values = values_of(spec)
        for port in spec.input_ports(values):
            assert isinstance(port, Port)
            found = samples_of(spec, values)[port.name].type
            assert not port.ranks or found.rank in port.ranks, (spec.key, port.name)


def test_input_has_the_type_it_declares() -> None:
    spec = catalog()["input"]
    values = spec.resolve({"dims": (-1, 16), "dtype": "int64", "vocabulary": 100})
    assert callable(spec.shape)
    (found,) = spec.shape(values, {}).values()
    assert str(found) == "N × T × 16"
    assert (found.dtype, found.vocabulary) == ("int64", 100)
    assert spec.output_ports(values)[0].dtype is Dtype.INT
