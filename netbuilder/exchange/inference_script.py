"""The text of an exported `predict.py`: it reads raw values, prepares them as for training, and asks the network.

What it must know of the data stands in `preparation.json`; nothing that a user typed stands in the text.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from typing import Any

from netbuilder.compiler.program import Program
from netbuilder.exchange.preparation_file import takes_pictures

_TAKEN = frozenset({"Path", "Tensor", "FOLDER", "PREPARATION", "Fields"})
"""Names of the script that a network's title may give its class as well."""

_HEAD = '''
    """Ask the network in model.py, with the weights in weights.pt.

    USAGE

    Values are given as the data has them: they are normalized here, as for training. WHERE
    NEEDS
    """

    import argparse
    IMPORTS
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from model import CLASS

    Fields = dict[str, Tensor]

    FOLDER = Path(__file__).resolve().parent
    PREPARATION = json.loads((FOLDER / "preparation.json").read_text(encoding="utf-8"))
'''

_NETWORK = '''
    def load_network() -> nn.Module:
        """Return the network with its weights, ready to be asked."""
        network = NAME()
        network.load_state_dict(torch.load(FOLDER / "weights.pt", map_location="cpu", weights_only=True))
        return network.eval()


    def prepare(fields: Fields) -> Fields:
        """Return raw values as the network takes them: normalized as for training."""
        prepared = {}
        for name, field in PREPARATION["inputs"].items():
            values = fields[name]
            if "mean" in field:
                mean, std = (torch.tensor(field[key], dtype=torch.float64) for key in ("mean", "std"))
                values = (values - mean) / std
            prepared[name] = values.to(getattr(torch, field["dtype"]))
        return prepared


    @torch.no_grad()
    def ask(network: nn.Module, fields: Fields) -> Fields:
        """Return the network's outputs for raw values, by name."""
        result = network(**prepare(fields))
        return dict(zip(PREPARATION["outputs"], result if isinstance(result, tuple) else (result,)))
'''

_ANSWERS = '''
    def explain(outputs: Fields) -> list[dict[str, object]]:
        """Return what the outputs say of each sample: classes with probabilities, or numbers in the data's units."""
        columns = {name: explain_output(PREPARATION["outputs"][name], values) for name, values in outputs.items()}
        return [dict(zip(columns, sample)) for sample in zip(*columns.values())]


    def explain_output(meaning: dict, values: Tensor) -> list[object]:
        """Return what one output says of each sample."""
        classes = meaning.get("classes", [])
        if meaning["kind"] == "binary" and values[0].numel() == 1:
            chances = torch.sigmoid(values.reshape(len(values), 1))
            probabilities = torch.cat([1 - chances, chances], dim=1)
        elif meaning["kind"] == "classes" and values.dim() == 2 and values.shape[1] == len(classes):
            probabilities = torch.softmax(values, dim=1)
        else:
            if "mean" in meaning:
                std, mean = (torch.tensor(meaning[key], dtype=torch.float64) for key in ("std", "mean"))
                values = (values.reshape(len(values), *std.shape) * std + mean).float()
            return [sample.item() if sample.numel() == 1 else sample.tolist() for sample in values]
        return [
            {"class": classes[int(row.argmax())], "probabilities": dict(zip(classes, row.tolist()))}
            for row in probabilities
        ]
'''

_TENSORS = '''
    def read_tensors(path: Path) -> Fields:
        """Read a file of torch.save: one tensor for the only field, or a dict of tensors by field; samples first."""
        found = torch.load(path, map_location="cpu", weights_only=True)
        names = list(PREPARATION["inputs"])
        if isinstance(found, Tensor) and len(names) == 1:
            found = {names[0]: found}
        if not isinstance(found, dict) or not all(isinstance(found.get(name), Tensor) for name in names):
            raise SystemExit(f"{path} must hold tensors called {', '.join(names)}.")
        for name in names:
            wanted, shape = PREPARATION["inputs"][name]["dims"], list(found[name].shape[1:])
            fits = len(shape) == len(wanted) and all(size in (-1, given) for size, given in zip(wanted, shape))
            if found[name].dim() == 0 or not fits:
                raise SystemExit(f"{name} in {path} has samples of the shape {shape}, and {wanted} is needed.")
        return {name: found[name] for name in names}
'''

_ROWS = '''
    def read_rows(path: Path) -> Fields:
        """Read a text table with a row for each sample; columns that the network does not need may be there too."""
        (name, field), *_ = PREPARATION["inputs"].items()
        table = field["table"]
        with path.open(newline="", encoding=table["encoding"]) as file:
            lines = [line for line in csv.reader(file, delimiter=table["delimiter"]) if line]
        first = 1
        if lines and (table["header"] or (table["header"] is None and not is_numbers(lines[0]))):
            first = 2
        places = find_places(path, table, lines)
        rows = []
        for number, line in enumerate(lines[first - 1 :], first):
            if len(line) <= max(places):
                raise SystemExit(f"{path}, line {number}: there are only {len(line)} values.")
            cells = zip(table["columns"], places)
            rows.append([x for column, at in cells for x in encode(column, line[at].strip(), f"{path}, line {number}")])
        if not rows:
            raise SystemExit(f"{path} has no rows.")
        return {name: torch.tensor(rows, dtype=torch.float32)}


    def find_places(path: Path, table: dict, lines: list[list[str]]) -> list[int]:
        """Return where the columns stand in each line: by their names, or by their order where there are none."""
        columns = table["columns"]
        if not table["header"]:
            is_whole = bool(lines) and len(lines[0]) == table["width"]
            return [column["place"] if is_whole else place for place, column in enumerate(columns)]
        names = [name.strip() or f"column_{place}" for place, name in enumerate(lines[0], 1)] if lines else []
        missing = [column["name"] for column in columns if column["name"] not in names]
        if missing:
            raise SystemExit(f"{path} has no column {missing[0]!r}; it needs " + ", ".join(c["name"] for c in columns))
        return [names.index(column["name"]) for column in columns]


    def is_numbers(line: list[str]) -> bool:
        """Return whether all values of a line are numbers."""
        try:
            return all(float(value) is not None for value in line)
        except ValueError:
            return False


    def encode(column: dict, text: str, place: str) -> list[float]:
        """Return the numbers that a value becomes."""
        is_missing = text.lower() in PREPARATION["missing"]
        if column["kind"] == "number":
            if is_missing and "fill" in column:
                return [column["fill"]]
            if "pattern" in column and re.fullmatch(column["pattern"], text):
                is_decimal = column["comma"] == "decimal"
                text = text.replace(".", "").replace(",", ".") if is_decimal else text.replace(",", "")
            try:
                return [float("" if is_missing else text)]
            except ValueError:
                raise SystemExit(f"{place}: {column['name']} needs a number, not {text!r}.") from None
        categories = column["categories"]
        if not (is_missing and (column["gap"] or column["kind"] == "index")) and text not in categories:
            raise SystemExit(f"{place}: {column['name']} is {text!r}, which was not in the training data.")
        index = len(categories) if is_missing else categories.index(text)
        if column["kind"] == "index":
            return [float(index)]
        return [float(index == other) for other in range(len(categories) + column["gap"])]
'''

_PICTURES = '''
    def read_picture(path: Path) -> Fields:
        """Read a picture, upright and resized; its pixels lie between 0 and 1."""
        from PIL import Image, ImageOps

        (name, field), *_ = PREPARATION["inputs"].items()
        channels, height, width = field["dims"]
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I;16"):  # converting would clip 16 bits to 8: take the upper ones
                upper = 0 if upright.mode == "I;16B" else 1
                upright = Image.frombytes("L", upright.size, upright.tobytes()[upper::2])
            colored = upright.convert("RGB" if channels == 3 else "L")
            picture = colored.resize((width, height), Image.Resampling.BILINEAR)
        pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).reshape(1, height, width, channels)
        return {name: pixels.permute(0, 3, 1, 2).float() / 255}
'''

_MAIN = '''
    def read(path: Path) -> Fields:
        """Return the raw values that a file holds."""
        READERS


    def main() -> None:
        """Read the files, ask the network, and print a line for each sample."""
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")
        parser.add_argument("--save", metavar="FILE.pt", type=Path, help="keep the outputs as tensors")
        arguments = parser.parse_args()
        if not (FOLDER / "weights.pt").exists():
            raise SystemExit("There are no weights yet: run train.py first.")
        network = load_network()
        kept: list[Fields] = []
        for path in arguments.files:
            try:
                fields = read(path)
            except OSError as error:
                raise SystemExit(f"{path} cannot be read: {error}") from error
            outputs = ask(network, fields)
            kept.append(outputs)
            for number, sample in enumerate(explain(outputs), 1):
                if arguments.json:
                    print(json.dumps({"file": str(path), "sample": number, "answer": sample}))
                else:
                    print(f"{path}:{number}", *(f"{name}={show(value)}" for name, value in sample.items()), sep="  ")
        if arguments.save:
            torch.save({name: torch.cat([each[name] for each in kept]) for name in kept[0]}, arguments.save)


    def show(value: object) -> str:
        """Return an answer on one short line."""
        if isinstance(value, dict):
            return f"{value['class']} ({value['probabilities'][value['class']]:.1%})"
        if isinstance(value, float):
            return f"{value:.6g}"
        text = str(value)
        return text if len(text) <= 200 else text[:200] + "... (use --save)"


    if __name__ == "__main__":
        main()
'''


def write_inference_script(program: Program, preparation: Mapping[str, Any]) -> str:
    """Return the text of `predict.py`.

    Args:
        program: The network.
        preparation: What `describe_preparation` returned.
    """
    inputs = list(preparation["inputs"].values())
    alone = inputs[0] if len(inputs) == 1 else {}
    rows, pictures = "table" in alone, bool(alone) and takes_pictures(alone)
    parts = [_NETWORK, _ANSWERS, _TENSORS]
    parts += [_ROWS] if rows else []
    parts += [_PICTURES] if pictures else []
    taken = program.class_name in _TAKEN
    head = _flush_left(_HEAD).replace("USAGE", _usage(alone, rows, pictures)).replace("WHERE", _origin())
    head = head.replace("NEEDS", f"Needs torch{', and Pillow to read pictures' if pictures else ' alone'}.")
    head = head.replace("IMPORTS", "\n".join(["import csv"] * rows + ["import json"] + ["import re"] * rows))
    head = head.replace("CLASS", f"{program.class_name} as Network" if taken else program.class_name)
    main = _MAIN.replace("READERS", _readers(rows, pictures))
    text = head + "".join(f"\n\n{_flush_left(part)}" for part in (*parts, main))
    text = text.replace("network = NAME()", f"network = {'Network' if taken else program.class_name}()")
    ast.parse(text)  # a slip of ours is found here, not on the user's machine
    return text


def _flush_left(text: str) -> str:
    return textwrap.dedent(text).strip("\n") + "\n"


def _origin() -> str:
    return "What that takes\nstands in preparation.json."


def _usage(alone: Mapping[str, Any], rows: bool, pictures: bool) -> str:
    lines = []
    if rows:
        named = alone["table"]["header"]
        lines.append(("python predict.py rows.csv", "a row a sample" + (", columns found by name" if named else "")))
    if pictures:
        lines.append(("python predict.py one.png other.jpg", "pictures of any size"))
    lines.append(("python predict.py tensors.pt", "a tensor, or a dict of tensors by field"))
    width = max(len(command) for command, _ in lines)
    return "\n".join(f"    {command:{width}}  # {what}" for command, what in lines)


def _readers(rows: bool, pictures: bool) -> str:
    others = "read_rows(path)" if rows else "read_picture(path)" if pictures else "read_tensors(path)"
    if others == "read_tensors(path)":
        return f"return {others}"
    return f'return read_tensors(path) if path.suffix in (".pt", ".pth") else {others}'
