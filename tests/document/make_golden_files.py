"""Write the golden corpus of this version: `python -m tests.document.make_golden_files`.

Run once for each released version, and never again for it: the corpus is what users have on their disks. What stands
there already is left as it is.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from netbuilder import __version__
from netbuilder.document import edits
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import Document, Frame, Group, Phase, Setting, StartWeights
from netbuilder.templates import list_templates, open_template
from tests.builders import tiny_cnn, tiny_mlp
from tests.compiler.blocks import staged

GOLDEN = Path(__file__).parent / "golden"


def documents() -> dict[str, Document]:
    """Return what the corpus of this version holds, by name."""
    found = {f"template-{each.key}": open_template(each.key) for each in list_templates()}
    found |= {
        "empty": Document(),
        "nested-blocks": staged(),
        "frames-and-notes": _framed(),
        "two-phases": _phased(),
        "from-a-newer-program": _newer(),
    }
    return found


def _framed() -> Document:
    document = tiny_cnn()
    for number, color in enumerate(("", "good", "validation")):
        frame = Frame(
            id=f"f{number}", title=f"Part {number}: é 層 🧠", color=color, x=-40.5, y=3e-7, note="# Why\n- so\n"
        )
        document = edits.add_frame(document, frame)
    return edits.set_note(document, "stem", 'He said "no" \\ twice.\n\tAnd left.')


def _phased() -> Document:
    slow = Group(nodes=("flat",), rate=0.1, weight_decay=0.01)
    schedule = Setting(key="cosine", values={"warmup": 5})
    phases = (Phase(name="first", groups=(Group(), slow), schedule=schedule), Phase(name="second", updates=2))
    weights = StartWeights(file="imported/weights.safetensors", sha256="0123456789abcdef" * 4)
    plan = replace(tiny_mlp().plan, phases=phases, clip_norm=0.5, patience=3, monitor="accuracy", weights=weights)
    return edits.set_plan(tiny_mlp(), plan)


def _newer() -> Document:
    """Return a document with layers and keys that this version does not know."""
    raw = json.loads(dumps(tiny_mlp()))
    raw["later"] = {"deep": [1, 1.5, None, True, "ü"]}
    raw["graph"]["nodes"][1].update(type="vendor.layer-x", parameters={"weird": [[], {}], "e": 1e300}, later=1)
    raw["layout"]["later"] = raw["plan"]["later"] = raw["about"]["later"] = "kept"
    return loads(json.dumps(raw))


def main() -> None:
    """Write what is not there yet."""
    folder = GOLDEN / __version__
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents().items():
        path = folder / f"{name}.netb"
        if not path.exists():
            path.write_bytes(dumps(document).encode())


if __name__ == "__main__":
    main()
