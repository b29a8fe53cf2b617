"""Recovery in the terminal: what was not saved when the window ended."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netbuilder.cli.answers import DONE, FAILED, Command, add_json, complain, print_json, refuse_existing
from netbuilder.foundation.problem import NetbuilderError, Problem

if TYPE_CHECKING:
    from netbuilder.document.recovery import Offer

_STANDINGS: Final = {
    "UNSAVED": "it was never saved",
    "SAME": "the file is as it was before these edits",
    "CHANGED": "the file has been written since",
    "MISSING": "the file is gone",
}


def _recover(asked: argparse.Namespace) -> int:
    from netbuilder.document.files import write_document
    from netbuilder.document.recovery import find_offers
    from netbuilder.foundation.preferences import Preferences

    file = Path(asked.file).absolute() if asked.file else None
    offers = find_offers([file] if file else [Path(each.path) for each in Preferences().recent])
    if file is not None:
        offers = [offer for offer in offers if offer.file is not None and offer.file.resolve() == file.resolve()]
    if asked.output is None:
        _show(offers, asked.json)
        return DONE if offers else FAILED
    whole = [offer.recovered for offer in offers if offer.recovered is not None]
    if not whole:
        message = "There is no unsaved work that could be written to a file."
        raise NetbuilderError(Problem(code="recovery.none", message=message))
    output = Path(asked.output)
    refuse_existing(output)
    write_document(output, whole[0].document)
    print(f"Wrote the latest of it to {output}. Nothing was deleted: the next window offers it still.")
    return DONE


def _show(offers: Sequence[Offer], as_json: bool) -> None:
    if as_json:
        print_json([_plain(offer) for offer in offers])
        return
    for offer in offers:
        found = _plain(offer)
        if offer.recovered is None:
            print(f"{offer.name}: it cannot be recovered")
            complain(offer.problems)
        else:
            nodes, edits = _counted(found["nodes"], "node"), _counted(found["edits"], "edit")
            standing = _STANDINGS[offer.standing.name]
            print(f"{offer.name}: {nodes}, {edits}, the last at {found['last_edit']}; {standing}")
    if not offers:
        print("There is no unsaved work.")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _plain(offer: Offer) -> dict[str, Any]:
    found = {
        "name": offer.name,
        "file": str(offer.file) if offer.file else None,
        "standing": offer.standing.name.lower(),
        "journals": [str(path) for path in offer.leftover.files],
    }
    if offer.recovered is None:
        return {**found, "problems": [problem.message for problem in offer.problems]}
    document, recovered = offer.recovered.document, offer.recovered
    graphs = (document.graph, *(block.graph for block in document.blocks.values()))
    return {
        **found,
        "nodes": sum(len(graph.nodes) for graph in graphs),
        "edits": recovered.edits,
        "last_edit": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(recovered.ended)),
        "is_whole": recovered.is_whole,
    }


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="only what was left beside this project")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the latest of it to this file, which must be new")
    add_json(parser)


COMMANDS: Final = {"recover": Command(_recover, "list or write what was not saved when the window ended", _arguments)}
