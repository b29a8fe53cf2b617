"""Promise 1: `kill -9` at any moment loses at most two seconds of edits; what is recovered is a state that there was.

The controls are what programs do without a journal; the same kills must break them.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from netbuilder.document.files import dumps, read_document
from netbuilder.document.journal.reading import find_journals, recover
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError
from tests.document.journal_child import states

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 2.0
AT_ONCE = 10
ATTEMPTS = 10
"""Batches of kills of a naive writer, until one meets it; a slow machine spends most of its time elsewhere."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the sessions are forked")


class Killer:
    """Begins random sessions and kills them."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.document.journal_child"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _ask(self, order: dict[str, object]) -> str:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return self._server.stdout.readline()

    def begin(self, seed: int, kind: str, folder: Path) -> int:
        folder.mkdir()
        return int(self._ask({"seed": seed, "kind": kind, "folder": str(folder), "log": str(folder / "log")}))

    def kill(self, process: int) -> float:
        return float(self._ask({"kill": process}))

    def close(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(10)
        self._server.stdout.close()


@pytest.fixture
def killer() -> Iterator[Killer]:
    killer = Killer()
    yield killer
    killer.close()


@dataclass(frozen=True)
class Killed:
    seed: int
    folder: Path
    at: float


def kill_many(killer: Killer, kind: str, count: int, longest: float, folder: Path) -> Iterator[Killed]:
    """Begin sessions, some at a time, and kill each at a random moment of its life."""
    first = random.randrange(2**31)
    print(f"seeds from {first}")
    for batch in range(0, count, AT_ONCE):
        seeds = range(first + batch, first + min(batch + AT_ONCE, count))
        began = time.monotonic()
        lives = sorted((random.uniform(0, longest), seed) for seed in seeds)
        folders = {seed: folder / str(seed) for seed in seeds}
        processes = {seed: killer.begin(seed, kind, folders[seed]) for seed in seeds}
        for life, seed in lives:
            time.sleep(max(0.0, began + life - time.monotonic()))
            yield Killed(seed, folders[seed], killer.kill(processes[seed]))


def trouble_of(killed: Killed, found: Document | None, least: int) -> str:
    """Compare what was recovered with the model; returns what is wrong, or "".

    Args:
        killed: The session.
        found: What was recovered; None when nothing could be.
        least: How many edits it says to hold.
    """
    log = killed.folder / "log"
    times = [float(line.split()[1]) for line in log.read_text().splitlines()] if log.exists() else []
    if found is None:
        return "nothing can be read"
    # The last moment before the kill is not in the log, and some edits lead to an equal document.
    model = [Document(), *islice(states(killed.seed), len(times) + 1)]
    same = [number for number, state in enumerate(model) if number >= least and dumps(state) == dumps(found)]
    if not same or same[0] != least:
        return f"what is recovered is not the state after {least} edits"
    kept = least
    while kept + 1 < len(model) and model[kept + 1] == found:
        kept += 1
    lost = times[kept:]
    age = killed.at - lost[0] if lost else 0.0
    return f"{len(lost)} edits of the last {age:.1f} s are lost" if age > LIMIT else ""


def journal_trouble(killed: Killed) -> str:
    leftovers = find_journals(killed.folder)
    if not leftovers:
        return trouble_of(killed, Document(), 0)
    (leftover,) = leftovers
    assert not leftover.is_live
    try:
        recovered = recover(leftover)
    except NetbuilderError as error:
        return str(error)
    return trouble_of(killed, recovered.document, recovered.edits)


def file_trouble(killed: Killed) -> str:
    path = killed.folder / "x.json"
    if not path.exists():
        return trouble_of(killed, Document(), 0)
    try:
        found = read_document(path)
    except NetbuilderError as error:
        return str(error)
    numbers = [number for number, state in enumerate(islice(states(killed.seed), 4_000), 1) if state == found]
    return trouble_of(killed, found, numbers[0] if numbers else -1)


@pytest.mark.timeout(110)
def test_a_kill_loses_next_to_nothing(killer: Killer, tmp_path: Path) -> None:
    check(killer, 50, 2.4, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_a_thousand_kills_lose_next_to_nothing(killer: Killer, tmp_path: Path) -> None:
    check(killer, 1_000, 4.0, tmp_path)


def check(killer: Killer, count: int, longest: float, folder: Path) -> None:
    troubles = [
        (killed.seed, journal_trouble(killed)) for killed in kill_many(killer, "journal", count, longest, folder)
    ]
    assert len(troubles) == count
    assert [trouble for trouble in troubles if trouble[1]] == []


@pytest.mark.parametrize(
    ("kind", "longest", "expected"),
    [("in_place", 1.5, "ends too early|is empty|not the state"), ("now_and_then", 4.5, "are lost")],
)
def test_the_same_kills_break_naive_ways(
    killer: Killer, kind: str, longest: float, expected: str, tmp_path: Path
) -> None:
    troubles: list[str] = []
    for attempt in range(ATTEMPTS):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        troubles += [file_trouble(killed) for killed in kill_many(killer, kind, AT_ONCE, longest, folder)]
        if any(re.search(expected, trouble) for trouble in troubles):
            return
    pytest.fail(f"nothing broke: {troubles}")
