"""The terminal: `netbuilder`, and everything the program does without a window."""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netbuilder import __version__
from netbuilder.foundation.parameter import Parameter
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.foundation.waiting import wait_passively

if TYPE_CHECKING:
    from netbuilder.document.model import Document
    from netbuilder.exchange.formats import Exported

DONE, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: all is well; the answer is "no"; what was asked for cannot be done; stopped by Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        arguments: What follows the program's name; None takes it from the system.
    """
    wait_passively()
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a sign shows "?", and nothing breaks off
            stream.reconfigure(errors="replace")
    try:
        return _dispatch(given)
    except NetbuilderError as error:
        _complain(error.problems)
        return UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has enough (`| head`). Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _dispatch(given: list[str]) -> int:
    parser = _parser()
    if given and (given[0] in COMMANDS or given[0].startswith("-")):
        asked = parser.parse_args(given)
        command: Callable[[argparse.Namespace], int] = asked.command
        return command(asked)
    if len(given) > 1 and not Path(given[0]).exists():
        parser.error(f"there is no command and no file called {given[0]}")
    if len(given) > 1:
        parser.error(f"one file at most, got {len(given)}: {' '.join(given)}")
    return _open_window(Path(given[0]) if given else None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netbuilder",
        usage="netbuilder [FILE]\n       netbuilder {" + ",".join(COMMANDS) + "} ...",
        description="Draw a neural network, train it, watch it learn. Without a command the window opens.",
    )
    parser.add_argument("--version", action="version", version=f"NetBuilder {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="", required=True, prog="netbuilder")
    for name, (command, help, add_arguments) in COMMANDS.items():
        inner = commands.add_parser(name, help=help, description=help[:1].upper() + help[1:] + ".")
        inner.set_defaults(command=command)
        add_arguments(inner)
    return parser


def _open_window(path: Path | None) -> int:
    if path is not None and not path.exists():
        raise NetbuilderError(
            Problem(
                code="file.missing",
                message=f"There is no file or folder {path}, nor a command of that name.",
                file=str(path),
            )
        )
    if not has_display():
        return _train_without_display(path)
    # From here on the window's own collector decides when: in the many imports to come it would find nothing.
    gc.disable()
    try:
        from netbuilder.ui.app import main as open_window

        return int(open_window(path))
    finally:
        gc.enable()


def has_display() -> bool:
    """Whether a window can be shown: always on Windows and macOS, elsewhere when a display server is named."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _train_without_display(path: Path | None) -> int:
    from netbuilder.project import Project
    from netbuilder.templates import STARTER

    project = Project.load(path) if path else Project.new(STARTER)
    what = path.name if path else f"the starter project ({project.document.about.title})"
    print(f"There is no display for a window, so {what} is trained here. Ctrl-C stops.")
    return _train_project(project, argparse.Namespace(epochs=None, device="cpu", seed=None, run_dir=None, json=False))


def _templates(asked: argparse.Namespace) -> int:
    from dataclasses import asdict

    from netbuilder.templates import list_templates

    found = list_templates()
    if asked.json:
        _print_json([asdict(template) for template in found])
        return DONE
    width = max(len(template.key) for template in found)
    for template in found:
        print(f"{template.key:{width}}  {template.title}: {template.subtitle}. {template.description}")
        print(f"{'':{width}}  {template.mark}, {template.time}")
    return DONE


def _new(asked: argparse.Namespace) -> int:
    from netbuilder.project import Project

    path = Path(asked.output)
    project = Project.new(asked.template)
    _refuse_existing(path)
    project.save(path)
    print(f"Wrote {path}")
    return DONE


def _layers(asked: argparse.Namespace) -> int:
    from netbuilder.foundation.declaration import CATEGORIES
    from netbuilder.layers.catalog import catalog

    if asked.json:
        _print_json([_layer(spec) for spec in catalog()])
        return DONE
    for category, title in CATEGORIES.items():
        specs = [spec for spec in catalog() if spec.category == category]
        if specs:
            print(title)
        for spec in specs:
            names = ", ".join(parameter.name for parameter in spec.parameters)
            print(f"  {spec.key:24} {spec.summary}" + (f"  [{names}]" if names else ""))
    return DONE


def _layer(spec: Any) -> dict[str, Any]:
    values = spec.defaults()
    sides = {"inputs": spec.input_ports(values), "outputs": spec.output_ports(values)}
    return {
        "key": spec.key,
        "title": spec.title,
        "category": spec.category,
        "summary": spec.summary,
        "ports": {
            side: [
                {"name": port.name, "dtype": str(port.dtype), "ranks": list(port.ranks), "optional": port.optional}
                for port in found
            ]
            for side, found in sides.items()
        },
        "parameters": [_parameter(parameter) for parameter in spec.parameters],
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    found = {
        "name": parameter.name,
        "title": parameter.title,
        "kind": str(parameter.kind),
        "default": parameter.default,
        "help": parameter.help,
    }
    if parameter.choices:
        found["choices"] = [choice.value for choice in parameter.choices]
    for name in ("minimum", "maximum"):
        if getattr(parameter, name) is not None:
            found[name] = getattr(parameter, name)
    return found


def _check(asked: argparse.Namespace) -> int:
    from netbuilder.console import costs_in_words, plain_costs
    from netbuilder.project import Project
    from netbuilder.training.footprint import measure

    checked = Project.load(asked.file).check()
    labels = _labels(checked.document)
    types = checked.shapes.types
    # Blocks get their types last: they are told where what is in them stands in the flow.
    flow = {id: rank for rank, id in enumerate(dict.fromkeys(port.node.partition("/")[0] for port in types))}
    outputs = (port for port in types if port.node in labels and port not in checked.document.graph.edges)
    shapes = {
        f"{labels[port.node]}.{port.port}": str(types[port])
        for port in sorted(outputs, key=lambda port: flow[port.node])
    }
    memory = measure(checked.document, checked.costs)
    if asked.json:
        problems = [_plain_problem(problem, labels) for problem in checked.problems]
        costs = plain_costs(checked.costs, memory, labels)
        _print_json({"file": str(asked.file), "shapes": shapes, "costs": costs, "problems": problems})
    else:
        width = max(map(len, shapes), default=0)
        for name, shape in shapes.items():
            print(f"{name:{width}}  {shape}")
        print(costs_in_words(checked.costs, memory))
        _complain(checked.problems, labels, Path(asked.file).name)
        if checked.is_sound:
            print("Nothing prevents training.")
    return DONE if checked.is_sound else FAILED


def _train(asked: argparse.Namespace) -> int:
    from netbuilder.project import Project

    return _train_project(Project.load(asked.file), asked)


def _train_project(project: Any, asked: argparse.Namespace) -> int:
    from netbuilder.console import JsonLines, ProgressBar

    labels = _labels(project.document)
    told: list[Problem] = []

    def complain(problems: Sequence[Problem]) -> None:
        """Say what was not said yet: what ends a training is an event of it first."""
        _complain([each for each in problems if each not in told], labels, project.path.name if project.path else "")
        told.extend(problems)

    display = JsonLines(complain) if asked.json else ProgressBar(complain)
    try:
        outcome = project.train(
            epochs=asked.epochs,
            device=asked.device,
            seed=asked.seed,
            folder=asked.run_dir,
            on_telemetry=display.watch,
        )
    except NetbuilderError as error:
        complain(error.problems)
        return UNUSABLE
    display.finish(outcome)
    return INTERRUPTED if outcome.reason == "stopped" else DONE


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
        _complain(error.problems, _labels(project.document), Path(asked.file).name)
        return UNUSABLE
    if asked.json:
        _print_json(_plain_export(asked.to, exported))
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


def _trust(asked: argparse.Namespace) -> int:
    from netbuilder.foundation import trust

    if asked.forget:
        count = trust.forget()
        print(f"Nothing is trusted any more ({count} {'text was' if count == 1 else 'texts were'}).")
        return DONE
    if asked.file is None:
        raise NetbuilderError(Problem(code="trust.file", message="Name the project whose code is to be looked at."))
    from netbuilder.compiler.custom import untrusted
    from netbuilder.project import Project

    texts = untrusted(Project.load(asked.file).document)
    if not texts:
        print(f"{asked.file} holds no Python that needs your trust.")
    agreed = []
    for text, labels in texts.items():
        _show_code(text, labels, trust.digest(text))
        if asked.yes or _agrees("Let this code run with your rights on this computer? [y/N] "):
            agreed.append(text)
    trust.grant(agreed)
    if texts:
        print(f"Trusted {len(agreed)} of {len(texts)}." if len(agreed) < len(texts) else "Trusted.")
    return DONE if len(agreed) == len(texts) else FAILED


def _show_code(text: str, labels: Sequence[str], digest: str) -> None:
    """Print a text of unknown origin, so that nothing in it can steer the terminal."""
    from netbuilder.foundation.trust import visible

    print(f"Python of the {'node' if len(labels) == 1 else 'nodes'} {', '.join(labels)} (SHA-256 {digest}):")
    print()
    for number, line in enumerate(text.split("\n"), 1):
        print(f"{number:4}  {visible(line)}")
    print()


def _agrees(question: str) -> bool:
    """Ask; no answer is a no."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _import(asked: argparse.Namespace) -> int:
    from netbuilder.exchange.incoming.formats import import_file
    from netbuilder.project import Project

    path = Path(asked.output)
    _refuse_existing(path)
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
        _refuse_existing(target)
    try:
        matches = project.load_weights(asked.source)
    except NetbuilderError as error:
        _complain(error.problems, _labels(project.document), Path(asked.file).name)
        return UNUSABLE
    print(matches.table())
    print(matches.summary)
    if not matches.matched:
        print("Nothing was changed.")
        return FAILED
    project.save(target)
    print(f"{target} starts from these weights now.")
    return DONE


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise NetbuilderError(
            Problem(code="file.exists", message=f"{path} exists already; nothing was changed.", file=str(path))
        )


def _render(asked: argparse.Namespace) -> int:
    from netbuilder.project import Project

    path = Path(asked.output)
    project = Project.load(asked.file)
    from netbuilder.ui.render import render_document

    render_document(project.document, path, asked.theme or "", asked.scale)
    print(f"Wrote {path}")
    return DONE


def _labels(document: Document) -> dict[str, str]:
    return {node.id: node.label for node in document.graph.nodes.values()}


def _print_json(value: Any) -> None:
    from netbuilder.console import finite

    print(json.dumps(finite(value), indent=1, ensure_ascii=False))


def _plain_problem(problem: Problem, labels: dict[str, str]) -> dict[str, Any]:
    found = {
        name: getattr(problem, name)
        for name in ("code", "message", "node", "port", "field", "file", "line", "expected", "found")
        if getattr(problem, name)
    }
    label = labels.get(problem.node)
    return {
        "severity": str(problem.severity),
        **found,
        **({"label": label} if label else {}),
        **({"fixes": [fix.title for fix in problem.fixes]} if problem.fixes else {}),
    }


def _complain(problems: Sequence[Problem], labels: dict[str, str] | None = None, file: str = "") -> None:
    """Say what is wrong on the error stream, each with its place."""
    for problem in problems:
        place = [file, (labels or {}).get(problem.node, problem.node)]
        words = ": ".join([str(problem.severity), *(part for part in place if part), problem.message])
        fixes = " or ".join(fix.title for fix in problem.fixes)
        if problem.action == "trust":
            fixes = f"look at it and trust it with `netbuilder trust {file or 'FILE'}`"
        print(words + (f" Fix: {fixes}." if fixes else ""), file=sys.stderr)


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise ValueError
    return number


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**32:
        raise ValueError
    return number


def _scale(text: str) -> float:
    number = float(text)
    if not 0.1 <= number <= 16:
        raise ValueError
    return number


_positive.__name__ = "number from 1 to 1,000,000"  # what argparse calls it in its message
_scale.__name__ = "scale from 0.1 to 16"
_seed.__name__ = "seed from 0 to 4,294,967,295"


def _json_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def _file_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a project (.netb)")


def _new_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("template", metavar="TEMPLATE", help="a key that `netbuilder templates` lists")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the project to write (.netb)")


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    _file_arguments(parser)
    _json_arguments(parser)


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    _file_arguments(parser)
    parser.add_argument("--epochs", type=_positive, metavar="N", help="instead of the project's")
    parser.add_argument("--device", default="cpu", metavar="D", help="cpu (default), cuda, cuda:1, mps")
    parser.add_argument("--seed", type=_seed, metavar="S", help="instead of the project's")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument(
        "--run-dir", metavar="DIR", help="where the run is kept; a new folder beside the file by default"
    )


def _trust_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="a project (.netb)")
    parser.add_argument("--yes", action="store_true", help="trust all code of the file without asking, for scripts")
    parser.add_argument("--forget", action="store_true", help="take all trust back, whatever file it was for")


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    from netbuilder.exchange.formats import FORMATS

    _file_arguments(parser)
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
            help = f"{each.key}: {parameter.help} From {parameter.minimum} to {parameter.maximum}, {parameter.default} "
            parser.add_argument(f"--{parameter.name}", type=int, metavar="N", help=f"{help}by default")
    parser.add_argument("--overwrite", action="store_true", help="replace what lies there already")
    _json_arguments(parser)


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a network (.pt2 or .onnx)")
    parser.add_argument("-o", "--output", metavar="PROJECT", required=True, help="the project to write (.netb)")
    parser.add_argument("--weights", action="store_true", help="start from the file's weights, kept beside the project")


def _weights_arguments(parser: argparse.ArgumentParser) -> None:
    _file_arguments(parser)
    parser.add_argument(
        "--from",
        dest="source",
        metavar="WEIGHTS",
        required=True,
        help="a safetensors file, or a state_dict that torch.save wrote (.pt)",
    )
    parser.add_argument("-o", "--output", metavar="PROJECT", help="the project to write, instead of FILE itself")


def _render_arguments(parser: argparse.ArgumentParser) -> None:
    _file_arguments(parser)
    parser.add_argument("-o", "--output", metavar="PICTURE", required=True, help="a .png, .svg or .pdf file")
    parser.add_argument(
        "--theme", choices=("dark", "light", "print"), help="print is black on white, and what a .pdf gets by default"
    )
    parser.add_argument("--scale", type=_scale, default=2.0, metavar="X", help="of a .png; 2 by default")


COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str, Callable[[argparse.ArgumentParser], None]]] = {
    "templates": (_templates, "list the templates", _json_arguments),
    "new": (_new, "begin a project from a template", _new_arguments),
    "layers": (_layers, "list the catalog of layers", _json_arguments),
    "check": (_check, "show shapes, costs and problems; exit 1 when there are errors", _check_arguments),
    "train": (_train, "train a project", _train_arguments),
    "trust": (_trust, "show the Python that a project holds, and let it run", _trust_arguments),
    "export": (_export, "write a network as PyTorch code, ONNX, .pt2 or weights", _export_arguments),
    "weights": (_weights, "start a project from weights in a file, matched by name", _weights_arguments),
    "import": (_import, "make a project of a network in another format", _import_arguments),
    "render": (_render, "draw the network as a picture", _render_arguments),
}
