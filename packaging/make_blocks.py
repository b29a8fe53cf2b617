"""Write the shipped blocks: `python packaging/make_blocks.py`.

Each block is drawn here in a few lines (`packaging/drawn_blocks/`) and written to `resources/blocks`, with all blocks
that it is made of. A test compares the files with what this script makes, so that neither changes without the other.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from drawn_blocks import BLOCKS

from netbuilder.document.block_files import SUFFIX, dumps_block, gather
from netbuilder.document.layout import arrange
from netbuilder.document.model import Document, Layout, Place

FOLDER = Path(__file__).resolve().parent.parent / "resources" / "blocks"


def files() -> Mapping[str, str]:
    """Return the shipped files: name -> text."""
    places: dict[str, Place] = {}
    for block in BLOCKS:
        places |= arrange(block.graph, {})
    whole = Document(blocks={block.key: block for block in BLOCKS}, layout=Layout(places=places))
    return {f"{block.key}{SUFFIX}": dumps_block(gather(whole, block.key)) for block in BLOCKS}


def main() -> None:
    """Write all files, and remove those that are no longer made."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = files()
    for path in FOLDER.glob(f"*{SUFFIX}"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, "utf-8", newline="\n")
    print(f"{len(made)} blocks in {FOLDER}")


if __name__ == "__main__":
    main()
