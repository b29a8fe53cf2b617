"""Other formats in the terminal: exports, imports, weights, pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netbuilder.cli.answers import (
    DONE,
    FAILED,
    UNUSABLE,
    Command,
    add_file,
    add_json,
    complain,
    labels_of,
    print_json,
    refuse_existing,
)
from netbuilder.foundation.parameter import Kind
from netbuilder.foundation.problem import NetbuilderError

if TYPE_CHECKING:
    from netbuilder.exchange.formats import Exported


def _export(asked: argparse.Namespace) -> int:
    from netbuilder.exchange.formats import FORMATS, Order, export
    from netbuilder.exchange.runs import find_run
    from netbuilder.project import Project, runs_folder

    project = Project.load(asked.file)
    try:
        problems = [problem for problem in project.refresh_schemas() if problem.is_error]
        if problems:
            raise NetbuilderError(problems)
        settings = {
            name: getattr(asked, name) for name in FORMATS[asked.to].by_name if getattr(asked, name) is not None
        }
        order = Order(
            document=project.document,
            format=asked.to,
            target=Path(asked.output),
            base=project.base,
            run=find_run(asked.run, project.path) if asked.run else None,
            runs=runs_folder(project.path),
            settings=settings,
            overwrite=asked.overwrite,
        )
        exported = export(order)
    except NetbuilderError as error:
        complain(error.problems, labels_of(project.document), Path(asked.file).name)
        return UNUSABLE
    if asked.json:
        print_json(_plain_export(asked.to, exported))
        return DONE
    for path in exported.files:
        print(f"Wrote {path}")
    print(f"Weights: {exported.origin}.")
    for note in exported.notes:
        print(note)
    return DONE


def _plain_export(format: str, exported: Exported) -> dict[str, Any]:
    origin = exported.origin
    return {
        "format": format,
        "files": [str(path) for path in exported.files],
        "run": str(origin.run) if origin.run else None,
        "epoch": origin.epoch,
        "weights": str(origin),
        "difference": exported.difference,
        "notes": list(exported.notes),
    }


def _import(asked: argparse.Namespace) -> int:
    from netbuilder.exchange.incoming.formats import import_file
    from netbuilder.project import Project

    path = Path(asked.output)
    refuse_existing(path)
    imported = import_file(asked.file)
    kept = imported.weights if asked.weights else {id: imported.weights[id] for id in imported.constants}
    Project(imported.document, weights=kept).save(path)
    print(imported.coverage.table())
    for note in imported.notes:
        print(f"Note: {note}")
    print(f"{imported.coverage.summary} Wrote {path}" + (" and its weights." if asked.weights else "."))
    return DONE


def _weights(asked: argparse.Namespace) -> int:
    from netbuilder.project import Project

    project = Project.load(asked.file)
    target = Path(asked.output or asked.file)
    if asked.output:
        refuse_existing(target)
    try:
        matches = project.load_weights(asked.source)
    except NetbuilderError as error:
        complain(error.problems, labels_of(project.document), Path(asked.file).name)
        return UNUSABLE
    print(matches.table())
    print(matches.summary)
    if not matches.matched:
        print("Nothing was changed.")
        return FAILED
    project.save(target)
    print(f"{target} starts from these weights now.")
    return DONE


def _render(asked: argparse.Namespace) -> int:
    from netbuilder.project import Project

    path = Path(asked.output)
    project = Project.load(asked.file)
    from netbuilder.ui.render import render_document

    render_document(project.document, path, asked.theme or "", asked.scale)
    print(f"Wrote {path}")
    return DONE


def _scale(text: str) -> float:
    number = float(text)
    if not 0.1 <= number <= 16:
        raise ValueError
    return number


_scale.__name__ = "scale from 0.1 to 16"  # what argparse calls it in its message


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    from netbuilder.exchange.formats import FORMATS

    add_file(parser)
    formats = "; ".join(f"{each.key}: {each.summary.rstrip('.')}" for each in FORMATS.values())
    parser.add_argument("--to", choices=tuple(FORMATS), default="python", help=formats)
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the file to write; for python, a folder")
    parser.add_argument(
        "--run",
        metavar="RUN",
        help="the run whose best weights are taken: its folder, or its name in FILE.runs; without it they are fresh",
    )
    for each in FORMATS.values():
        for parameter in each.parameters:
            if parameter.kind is Kind.BOOL:
                about = f"{each.key}: {parameter.help}"
                parser.add_argument(f"--{parameter.name}", action="store_true", default=None, help=about)
                continue
            help = f"{each.key}: {parameter.help} From {parameter.minimum} to {parameter.maximum}, {parameter.default} "
            parser.add_argument(f"--{parameter.name}", type=int, metavar="N", help=f"{help}by default")
    parser.add_argument("--overwrite", action="store_true", help="replace what lies there already")
    add_json(parser)


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a network (.pt2 or .onnx)")
    parser.add_argument("-o", "--output", metavar="PROJECT", required=True, help="the project to write (.netb)")
    parser.add_argument("--weights", action="store_true", help="start from the file's weights, kept beside the project")


def _weights_arguments(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument(
        "--from",
        dest="source",
        metavar="WEIGHTS",
        required=True,
        help="a safetensors file, or a state_dict that torch.save wrote (.pt)",
    )
    parser.add_argument("-o", "--output", metavar="PROJECT", help="the project to write, instead of FILE itself")


def _render_arguments(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    parser.add_argument("-o", "--output", metavar="PICTURE", required=True, help="a .png, .svg or .pdf file")
    parser.add_argument(
        "--theme", choices=("dark", "light", "print"), help="print is black on white, and what a .pdf gets by default"
    )
    parser.add_argument("--scale", type=_scale, default=2.0, metavar="X", help="of a .png; 2 by default")


COMMANDS: Final = {
    "export": Command(_export, "write a network as PyTorch code, ONNX, .pt2 or weights", _export_arguments),
    "weights": Command(_weights, "start a project from weights in a file, matched by name", _weights_arguments),
    "import": Command(_import, "make a project of a network in another format", _import_arguments),
    "render": Command(_render, "draw the network as a picture", _render_arguments),
}
