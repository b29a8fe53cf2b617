"""The formats in which a network leaves, each declared once: the terminal, the menu and the documentation follow.

Importing this module loads no torch; exporting does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from netbuilder.document.model import Document
from netbuilder.exchange.runs import Origin
from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.job import Job
from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.foundation.problem import NetbuilderError, Problem

if TYPE_CHECKING:
    from netbuilder.exchange.weighted import WeightedNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be exported, and where to; plain values, which can be sent to another process.

    Attributes:
        document: What the user drew, its schemas up to date.
        format: A key of `FORMATS`.
        target: The file, or the folder of a format without a suffix.
        base: The folder that the document's file names are relative to.
        run: The folder of the run whose weights are taken; None takes those that the plan starts from, or fresh ones.
        runs: The project's folder of runs, in which the weights to start from are.
        settings: The format's parameters by name; missing ones get their default.
        overwrite: Whether what lies there already may be replaced.
    """

    document: Document
    format: str
    target: Path
    base: Path = field(default_factory=Path)
    run: Path | None = None
    runs: Path = field(default_factory=Path)
    settings: Values = field(default_factory=dict)
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export has written.

    Attributes:
        files: In the order of their importance.
        origin: Where the weights come from.
        difference: The largest absolute difference between the file's outputs and the network's; None when the format
            is not one that runs, or outputs cannot be compared.
        notes: What the user should know, one sentence each.
    """

    files: tuple[Path, ...]
    origin: Origin
    difference: float | None = None
    notes: tuple[str, ...] = ()


Write = Callable[["WeightedNetwork", Order, Values, Job], Exported]
"""Writes a network: the order, and its settings resolved."""


@dataclass(frozen=True, kw_only=True)
class ExportFormat(Declaration):
    """One format.

    Attributes:
        suffix: How its files end, with the dot; "" when it is a folder.
        write: Writes it, all or nothing.
    """

    suffix: str
    write: Write


def export(order: Order, job: Job | None = None) -> Exported:
    """Write a network in a format, all or nothing.

    Args:
        order: What, how and where to.
        job: Told how far the work is; cancelling it stops the work, and nothing is written.

    Raises:
        NetbuilderError: When there is something in the document, the run, the format or the disk that prevents it;
            what was on the disk is as it was.
        Cancelled: When the job was cancelled.
    """
    job = job or Job(title="Exporting")
    form = find_format(order.format)
    settings = _settings(form, order.settings)
    if form.suffix:
        _check_file(order.target, overwrite=order.overwrite)
    job.report(0.02, "Building the network")
    import torch  # noqa: F401  # shapes wait for it

    from netbuilder.exchange.weighted import weigh

    return form.write(weigh(order.document, order.run, order.base, order.runs), order, settings, job)


def find_format(key: str) -> ExportFormat:
    """Return the format called `key`.

    Raises:
        NetbuilderError: When there is none.
    """
    if key not in FORMATS:
        message = f"There is no export format {key!r}: choose one of {', '.join(FORMATS)}."
        raise NetbuilderError(Problem(code="export.format", message=message, expected=", ".join(FORMATS), found=key))
    return FORMATS[key]


def _settings(form: ExportFormat, values: Values) -> Values:
    try:
        return form.resolve(values)
    except ValueError as error:
        raise NetbuilderError(Problem(code="export.setting", message=f"{error}.")) from error


def _check_file(path: Path, *, overwrite: bool) -> None:
    """Refuse a target before the work begins, where it is plain that it cannot be written."""
    if not path.parent.is_dir():
        message = f"{path.name} cannot be written: there is no folder {path.parent}. Make it, or choose another."
        raise NetbuilderError(Problem(code="save.folder", message=message, file=str(path)))
    if path.is_dir():
        message = f"{path} is a folder, and a file is to be written: choose another name."
        raise NetbuilderError(Problem(code="save.folder", message=message, file=str(path)))
    if path.exists() and not overwrite:
        message = f"{path} exists already, so it is not replaced: choose another name, or allow overwriting."
        raise NetbuilderError(Problem(code="export.exists", message=message, file=str(path)))


def _python(network: WeightedNetwork, order: Order, settings: Values, job: Job) -> Exported:
    from netbuilder.exchange.python_project import changed_data, write_python

    files = write_python(network, order.target, job, overwrite=order.overwrite, shared=settings["torchrun"])
    notes = changed_data(network)
    if network.origin.is_fresh:
        is_trained = order.target / "train.py" in files
        how = ": train.py makes weights.pt" if is_trained else ", which predict.py reads from weights.pt"
        notes = (f"There are no weights in it yet{how}.",)
    return Exported(files=files, origin=network.origin, notes=notes)


def _onnx(network: WeightedNetwork, order: Order, settings: Values, job: Job) -> Exported:
    from netbuilder.exchange.onnx_file import write_onnx

    agreement = write_onnx(network, order.target, job, settings["opset"])
    return Exported(
        files=(order.target,), origin=network.origin, difference=agreement.difference, notes=(str(agreement),)
    )


def _pt2(network: WeightedNetwork, order: Order, _settings: Values, job: Job) -> Exported:
    from netbuilder.exchange.pt2_file import write_pt2

    agreement = write_pt2(network, order.target, job)
    return Exported(
        files=(order.target,), origin=network.origin, difference=agreement.difference, notes=(str(agreement),)
    )


def _safetensors(network: WeightedNetwork, order: Order, _settings: Values, job: Job) -> Exported:
    from netbuilder.exchange.weights_file import write_weights

    job.report(0.5, f"Writing {order.target.name}")
    write_weights(network, order.target)
    return Exported(files=(order.target,), origin=network.origin)


FORMATS: Final = MappingProxyType(
    {
        each.key: each
        for each in (
            ExportFormat(
                key="python",
                title="Python project",
                summary="A folder with plain PyTorch: the module, a training loop, and a script that predicts.",
                help="model.py is the text of the code tab. train.py trains it on data.pt; predict.py asks it about "
                "new rows, pictures or tensors, which it prepares as for training. They need torch alone, and Pillow "
                "to read pictures.",
                suffix="",
                parameters=(
                    Parameter(
                        name="torchrun",
                        title="For torchrun",
                        kind=Kind.BOOL,
                        default=False,
                        help="Lets train.py run under torchrun too, where several processes share each batch. Its text "
                        "is longer by forty lines.",
                    ),
                ),
                write=_python,
            ),
            ExportFormat(
                key="onnx",
                title="ONNX",
                summary="One file for other programs: onnxruntime, browsers, phones, servers.",
                help="The network with its weights, for any batch size. It is checked, and compared with onnxruntime, "
                "before it is kept.",
                suffix=".onnx",
                parameters=(
                    Parameter(
                        name="opset",
                        title="Opset",
                        kind=Kind.INT,
                        default=20,
                        minimum=18,
                        maximum=23,
                        help="The version of ONNX's operators. Older programs need a lower one.",
                    ),
                ),
                write=_onnx,
            ),
            ExportFormat(
                key="pt2",
                title="PyTorch program (.pt2)",
                summary="One file that any process with PyTorch loads and runs, without the network's code.",
                help="Written by torch.export, for any batch size: torch.export.load(file).module() is the network, "
                "and is called with the fields as keywords.",
                suffix=".pt2",
                write=_pt2,
            ),
            ExportFormat(
                key="safetensors",
                title="Weights (.safetensors)",
                summary="The weights alone, under the names of the module's state_dict.",
                help="For model.py, or for any program that reads safetensors. The metadata say which node each tensor "
                "belongs to.",
                suffix=".safetensors",
                write=_safetensors,
            ),
        )
    }
)
"""Every format by its key, in the order of the menu."""
