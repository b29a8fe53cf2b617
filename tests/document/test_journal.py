"""The journal: it leads to the same document, ends at damage with what is good, refuses what is hostile, gives way."""

from __future__ import annotations

import os
import random
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from netbuilder.document import edits
from netbuilder.document.changes import ChangeError, Changes, Replay, changes
from netbuilder.document.files import document_of, dumps
from netbuilder.document.journal import generation as generations
from netbuilder.document.journal import reading
from netbuilder.document.journal import writer as writing
from netbuilder.document.journal.generation import Generation, generation_path
from netbuilder.document.journal.holding import is_live
from netbuilder.document.journal.lines import base_of, header_of
from netbuilder.document.journal.reading import Leftover, Recovered, find_journals, read_journal, recover
from netbuilder.document.journal.writer import JournalWriter
from netbuilder.document.model import Document, Place, PortRef
from netbuilder.document.records import plain_document
from netbuilder.foundation import limits
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import tiny_cnn, tiny_mlp
from tests.document.journal_child import states
from tests.document.strategies import documents
from tests.faults import on_own_disk

TOKEN = "0123abcd"


def session(count: int, seed: int = 7) -> list[Document]:
    return list(islice(states(seed), count))


def written(folder: Path, documents: list[Document], generation: int = 1) -> Path:
    """Write a journal of some documents without a thread."""
    folder.mkdir(exist_ok=True)
    path = generation_path(folder, "x.netb", TOKEN, generation)
    file = Generation(path, documents[0], header_of(None, 1.0), 1)
    for number, document in enumerate(documents[1:], 2):
        file.append(document, number)
    file.close()
    return path


# Changes -------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), documents())
def test_changes_lead_from_any_document_to_any_other(old: Document, new: Document) -> None:
    made = changes(old, new)
    if made is None:
        assert (old.extra, old.layout.extra, old.graph.extra) != (new.extra, new.layout.extra, new.graph.extra)
        return
    assert_leads(old, new, made)


def test_changes_of_a_session_lead_from_edit_to_edit() -> None:
    before = Document()
    for after in session(300):
        made = changes(before, after)
        assert made is not None
        assert_leads(before, after, made)
        before = after


def test_routes_of_links_are_put_changed_and_dropped() -> None:
    old = tiny_mlp()
    first, second, *_ = old.graph.edges
    steps: list[dict[PortRef, tuple[Place, ...]]] = [
        {first: (Place(1.5, 2.0),), second: (Place(3.0, 4.0), Place(5.0, 6.5))},
        {first: (Place(1.5, 3.0),)},
        {},
    ]
    for routes in steps:
        new = replace(old, layout=replace(old.layout, routes=routes))
        made = changes(old, new)
        assert made is not None
        assert_leads(old, new, made)
        old = new


def assert_leads(old: Document, new: Document, made: Changes) -> None:
    replay = Replay(msgspec.json.decode(msgspec.json.encode(plain_document(old))))
    replay.apply(msgspec.json.decode(msgspec.json.encode(made), type=Changes))
    found = document_of(replay.raw(), "a replay")
    assert found == new
    assert dumps(found) == dumps(new)
    assert list(found.graph.nodes) == list(new.graph.nodes)


def test_one_edit_of_a_large_document_is_a_short_line(tmp_path: Path) -> None:
    old = session(3_000, seed=3)[-1]
    node = next(iter(old.graph.nodes))
    made = changes(old, edits.set_parameters(old, node, {"features": 12_345}))
    assert len(msgspec.json.encode(made)) < 300


@pytest.mark.parametrize(
    "made",
    [
        Changes(inside={"nowhere": Changes().graph}),
        msgspec.convert({"blocks": {"put": {"b": 7}}}, Changes),
        msgspec.convert({"blocks": {"put": {"b": {"graph": {"nodes": [1]}}}}}, Changes),
        msgspec.convert({"blocks": {"put": {"b": {"graph": {"edges": [[["a"], ["b", "c"]]]}}}}}, Changes),
        msgspec.convert({"graph": {"nodes": {"put": [{"id": 7}]}}}, Changes),
        msgspec.convert({"graph": {"nodes": {"order": ["nobody"]}}}, Changes),
    ],
)
def test_changes_that_do_not_fit_are_refused(made: Changes) -> None:
    with pytest.raises(ChangeError):
        Replay(plain_document(tiny_mlp())).apply(made)


# Reading -------------------------------------------------------------------------------------------------------------


def test_a_journal_is_read_back(tmp_path: Path) -> None:
    made = session(120)
    found = read_journal(written(tmp_path, made))
    assert found.document == made[-1]
    assert dumps(found.document) == dumps(made[-1])
    assert found.is_whole
    assert found.edits <= 120


def test_what_changes_have_no_words_for_is_kept_whole(tmp_path: Path) -> None:
    """Keys of a newer program, and whatever a document will hold that changes do not know of."""
    old = tiny_mlp()
    made = [
        old,
        replace(old, extra={"later": 1}),
        replace(old, extra={"later": 1}, layout=replace(old.layout, extra={"later": (2,)})),
        replace(old, graph=replace(old.graph, extra={"later": "x"})),
    ]
    for number, document in enumerate(made[1:], 1):
        assert changes(made[number - 1], document) is None
        assert read_journal(written(tmp_path, made[: number + 1], number)).document == document


def flips(path: Path, count: int | None) -> list[int]:
    """Return where to damage a file: a byte in every 4 kB, or some of them."""
    chance = random.Random(1)
    places = [
        min(start + chance.randrange(4_096), path.stat().st_size - 1) for start in range(0, path.stat().st_size, 4_096)
    ]
    return places if count is None else chance.sample(places, min(count, len(places)))


def check_damage(folder: Path, count: int | None) -> None:
    made = session(900)
    path = written(folder, made)
    whole = path.read_bytes()
    texts = {dumps(document): number for number, document in enumerate(made, 1)}
    start = whole.index(b"\n", whole.index(b"\n") + 1)
    early = 0
    for place in flips(path, count):
        for damaged in (_flipped(whole, place), whole[:place]):
            path.write_bytes(damaged)
            try:
                found = read_journal(path)
            except NetbuilderError:
                assert place <= start
                continue
            assert dumps(found.document) in texts, f"damage at {place} invented a document"
            assert found.edits <= len(made)
            early += found.edits < len(made) - 1
    assert early, "damage must be noticed: else the check proves nothing"


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << (place % 8)]) + data[place + 1 :]


def test_damage_ends_the_reading_with_what_is_good(tmp_path: Path) -> None:
    check_damage(tmp_path, 20)


@pytest.mark.slow
def test_damage_anywhere_ends_the_reading_with_what_is_good(tmp_path: Path) -> None:
    check_damage(tmp_path, None)


def test_without_its_check_sum_a_flip_would_pass(tmp_path: Path) -> None:
    """The control: the lines alone do not tell."""
    path = written(tmp_path, session(40))
    lines = path.read_bytes().split(b"\n")
    content = lines[20][9:].replace(b'"time":1', b'"time":3')
    assert content != lines[20][9:]
    lines[20] = lines[20][:9] + content
    path.write_bytes(b"\n".join(lines))
    assert not read_journal(path).is_whole
    lines[20] = b"%08x %b" % (zlib.crc32(content), content)
    path.write_bytes(b"\n".join(lines))
    assert read_journal(path).is_whole


def test_a_damaged_generation_has_another_behind_it(tmp_path: Path) -> None:
    made = session(80)
    written(tmp_path, made[:40], 1)
    newest = written(tmp_path, made[39:], 2)
    (leftover,) = find_journals(tmp_path, "x.netb")
    assert recover(leftover).document == made[-1]
    newest.write_bytes(_flipped(newest.read_bytes(), 400))
    assert recover(leftover).document == made[39]


def line(value: object) -> bytes:
    content = msgspec.json.encode(value)
    return b"%08x %b\n" % (zlib.crc32(content), content)


HEADER = {"format": "netbuilder-journal", "version": 1, "began": 1.0, "edits": 1, "base": None}


def beginning(document: Document | None = None, **header: object) -> bytes:
    raw = plain_document(document or tiny_mlp())
    return line({**HEADER, **header}) + line({"number": 1, "time": 1.0, "edits": 1, "document": raw})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "journal.cut"),
        (b"\0" * 5_000, "journal.cut"),
        (b"no\njournal\n", "journal.format"),
        (line({"format": "netbuilder"}) * 3, "journal.format"),
        (beginning(version=2), "journal.newer"),
        (beginning(version="1"), "journal.newer"),
        (beginning(began=-1), "file.value"),
        (beginning(base={"path": 7, "modified": 0, "size": 0}), "file.value"),
        (line(HEADER) + line({"number": 1, "time": 1.0, "edits": 1}), "journal.damaged"),
        (line(HEADER) + line({"number": 2, "time": 1.0, "edits": 1, "document": {}}), "journal.damaged"),
        (line(HEADER) + line({"number": 1, "time": 1.0, "edits": 1, "document": {}}), "file.format"),
        (line(HEADER) + line({"number": 1, "time": 1.0, "edits": 1, "document": [1]}), "file.value"),
    ],
)
def test_what_is_no_journal_is_refused_in_words(content: bytes, code: str, tmp_path: Path) -> None:
    path = generation_path(tmp_path, "x.netb", TOKEN, 1)
    path.write_bytes(content)
    with pytest.raises(NetbuilderError) as caught:
        read_journal(path)
    assert caught.value.problems[0].code == code
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "entry",
    [
        {"number": 3, "changes": {"plan": {"epochs": 9}}},
        {"number": 2},
        {"number": 2, "changes": {}, "document": {}},
        {"number": 2, "document": {"format": "netbuilder", "version": 99}},
        {"number": 2, "changes": {"graph": {"nodes": {"order": ["nobody"]}}}},
        {"number": 2, "changes": {"graph": {"nodes": {"put": "x"}}}},
    ],
)
def test_a_line_that_does_not_fit_ends_the_reading(entry: dict[str, object], tmp_path: Path) -> None:
    path = generation_path(tmp_path, "x.netb", TOKEN, 1)
    after = line({"number": 3, "time": 2.0, "edits": 3, "changes": {"plan": {"epochs": 99}}})
    path.write_bytes(beginning() + line({"time": 2.0, "edits": 2, **entry}) + after)
    found = read_journal(path)
    assert found.document == tiny_mlp()
    assert not found.is_whole


def test_what_no_file_may_hold_is_refused(tmp_path: Path) -> None:
    path = generation_path(tmp_path, "x.netb", TOKEN, 1)
    bad = {"graph": {"nodes": {"put": [{"id": "n1", "type": "relu", "label": "Not A Label"}]}}}
    path.write_bytes(beginning() + line({"number": 2, "time": 2.0, "edits": 2, "changes": bad}))
    with pytest.raises(NetbuilderError, match="label"):
        read_journal(path)


def test_a_journal_may_be_so_large_and_no_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, session(10))
    for module in (reading, limits):
        monkeypatch.setattr(module, "JOURNAL_BYTES", path.stat().st_size)
    assert read_journal(path).is_whole
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(NetbuilderError, match="too large"):
        read_journal(path)


def test_only_journals_are_found(tmp_path: Path) -> None:
    written(tmp_path, session(2))
    for name in ("x.netb", "x.netb.0123abcd-0.journal", "x.netb.0123abcd-1.journal.bak", "y.netb.01234567-1.journal"):
        (tmp_path / name).write_text("")
    assert [each.name for each in find_journals(tmp_path, "x.netb")] == ["x.netb"]
    assert {each.name for each in find_journals(tmp_path)} == {"x.netb", "y.netb"}
    assert find_journals(tmp_path / "nowhere") == []


# Writing -------------------------------------------------------------------------------------------------------------


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


class Watched:
    """A writer, what it complained of, and the end of it."""

    def __init__(
        self,
        *folders: Path,
        stamp: tuple[Path, int, int] | None = None,
        replaced: tuple[Leftover, Recovered] | None = None,
    ):
        self.complaints: list[str] = []
        self.folders = folders
        self.writer = JournalWriter(folders, "x.netb", stamp, self.complaints.append, replaced)

    def end(self, keep: bool = True) -> None:
        self.writer.close(keep)
        assert self.writer.wait(10)

    def leftovers(self) -> list[Leftover]:
        return [leftover for folder in self.folders for leftover in find_journals(folder)]


def test_a_kept_journal_holds_the_last_edit_and_a_closed_one_is_gone(tmp_path: Path) -> None:
    made = session(50)
    watched = Watched(tmp_path / "a")
    for document in made:
        watched.writer.record(document)
    watched.end()
    (leftover,) = watched.leftovers()
    found = recover(leftover)
    assert (found.document, found.edits) == (made[-1], 50)
    again = Watched(tmp_path / "b")
    again.writer.record(made[0])
    until(again.leftovers)
    again.end(keep=False)
    assert not (tmp_path / "b").exists()


def test_a_journal_is_live_as_long_as_it_is_written(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.writer.record(tiny_mlp())
    until(watched.leftovers)
    (leftover,) = watched.leftovers()
    until(lambda: leftover.is_live)
    watched.end()
    assert not leftover.is_live
    assert not is_live(tmp_path / "nowhere")


def test_a_journal_names_the_file_it_began_from(tmp_path: Path) -> None:
    path = tmp_path / "x.netb"
    path.write_text(dumps(tiny_mlp()))
    status = path.stat()
    watched = Watched(tmp_path / "s", stamp=(path, status.st_mtime_ns, status.st_size))
    watched.writer.record(tiny_cnn())
    watched.end()
    base = recover(watched.leftovers()[0]).base
    assert base is not None
    assert base.is_on_disk()
    os.utime(path, (1, 1))
    assert base.is_on_disk()  # copied or moved about, it is still the same
    path.write_text(dumps(tiny_cnn()))
    assert not base.is_on_disk()
    assert not base_of(path, 5, 5).is_on_disk()
    path.unlink()
    assert not base.is_on_disk()


def test_a_recovered_journal_goes_once_the_next_one_is_on_the_disk(tmp_path: Path) -> None:
    written(tmp_path, session(5))
    (old,) = find_journals(tmp_path)
    watched = Watched(tmp_path, replaced=(old, recover(old)))
    assert old.files[0].exists()
    watched.writer.record(tiny_mlp())
    until(lambda: not old.files[0].exists())
    watched.end()
    found = recover(watched.leftovers()[0])
    assert (found.document, found.edits, found.began) == (tiny_mlp(), 5, 1.0)


def test_generations_follow_each_other_and_two_remain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "WORTHWHILE", 100)
    monkeypatch.setattr(writing, "IDLE", 0.0)
    monkeypatch.setattr(writing, "REST", 0.0)
    watched = Watched(tmp_path)
    made = session(400)
    for document in made:
        watched.writer.record(document)
        time.sleep(0.001)
    watched.end()
    (leftover,) = watched.leftovers()
    assert len(leftover.files) == 2
    assert int(leftover.files[0].stem.rpartition("-")[2]) > 2
    assert recover(leftover).document == made[-1]


def test_a_folder_that_refuses_gives_way_and_is_told_of_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    watched = Watched(tmp_path / "file" / "inside", tmp_path / "home")
    for document in session(20):
        watched.writer.record(document)
        time.sleep(0.002)
    watched.end()
    assert len(watched.complaints) == 1
    assert "in your own folder instead" in watched.complaints[0]
    assert recover(find_journals(tmp_path / "home")[0]).document == session(20)[-1]


def test_where_no_folder_takes_it_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "REST", 0.05)
    wall = tmp_path / "wall"
    wall.write_text("")
    watched = Watched(wall)
    watched.writer.record(tiny_mlp())
    until(lambda: watched.complaints)
    assert "save soon" in watched.complaints[0]
    wall.unlink()  # there is room again: it is tried without waiting for the next edit
    until(watched.leftovers)
    watched.end()
    assert recover(watched.leftovers()[0]).document == tiny_mlp()
    assert len(watched.complaints) == 1


FULL_DISK = """
import json, tempfile, time
from pathlib import Path
sys.path[:0] = [sys.argv[2]] if len(sys.argv) > 2 else []
from netbuilder.document import edits
from netbuilder.document.journal import writer as journal_writer
from netbuilder.document.files import dumps
from netbuilder.document.journal.reading import find_journals, recover
from netbuilder.document.model import Document, Node

home = Path(tempfile.mkdtemp())
disk = Path(sys.argv[1]) / ".netbuilder"
complaints = []
writer = journal_writer.JournalWriter((disk, home), "x.netb", None, complaints.append)
document = Document()
for number in range(60):
    document = edits.add_node(document, Node(id=f"n{number:08x}", type="relu", label="relu", note="x" * 9_000))
    writer.record(document)
    time.sleep(0.01)
writer.close(True)
assert writer.wait(10)
(leftover,) = find_journals(home)
beside = find_journals(disk)
good = [len(recover(each).document.graph.nodes) for each in beside]
print(json.dumps([recover(leftover).document == document, len(complaints), good]))
"""


def test_a_disk_that_fills_up_gives_way_in_the_middle_of_a_line() -> None:
    outcome = on_own_disk(FULL_DISK)
    assert outcome.status == 0, outcome.errors
    whole, complaints, beside = msgspec.json.decode(outcome.output)
    assert whole
    assert complaints == 1
    assert beside
    assert 5 < beside[0] < 60
