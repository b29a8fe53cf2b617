"""Project files: they round-trip, keep what they do not know, and refuse what is wrong in plain words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from netbuilder.document import edits, files
from netbuilder.document.files import dumps, loads, read_document, write_document
from netbuilder.document.model import Document
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import tiny_cnn, tiny_mlp
from tests.document.refusals import changed, first, refusal
from tests.document.strategies import documents


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_documents_round_trip(document: Document) -> None:
    text = dumps(document)
    again = loads(text)
    assert again == document
    assert list(again.graph.nodes) == list(document.graph.nodes)
    assert list(again.layout.frames) == list(document.layout.frames)
    assert dumps(again) == text


def test_a_file_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "a.netb"
    write_document(path, tiny_cnn())
    assert read_document(path) == tiny_cnn()
    assert path.read_bytes() == dumps(tiny_cnn()).encode()


def test_a_file_is_sorted_and_one_edit_changes_few_lines() -> None:
    document = tiny_cnn()
    text = dumps(document)
    top = [line.split('"')[1] for line in text.splitlines() if line.startswith('  "')]
    assert top == sorted(top) == ["about", "blocks", "format", "graph", "layout", "plan", "schemas", "version"]
    assert '      [["digits", "image"], ["stem", "x"]],' in text.splitlines()
    other = dumps(edits.set_parameters(document, "stem", {"filters": 9}))
    pairs = zip(text.splitlines(), other.splitlines(), strict=True)
    assert [(a.strip(), b.strip()) for a, b in pairs if a != b] == [('"filters": 8,', '"filters": 9,')]


def test_what_a_newer_program_wrote_is_kept_at_every_level() -> None:
    raw = json.loads(dumps(edits.apply(tiny_mlp(), "add_frame", {"frame": {"id": "f1"}})))
    levels = [
        raw,
        raw["about"],
        raw["graph"],
        raw["graph"]["nodes"][0],
        raw["plan"],
        raw["plan"]["phases"][0],
        raw["plan"]["phases"][0]["optimizer"],
        raw["plan"]["phases"][0]["groups"][0],
        raw["schemas"]["digits"],
        raw["schemas"]["digits"]["fields"][0],
        raw["layout"],
        raw["layout"]["frames"][0],
    ]
    for number, level in enumerate(levels):
        level["new_in_9"] = [number, {"deep": None}]
    again = json.loads(dumps(loads(json.dumps(raw))))
    assert again == raw


def test_unknown_layers_round_trip_byte_for_byte() -> None:
    parameters = {
        "=": {"=": "filters*4"},
        "weird": [1, 1.0, True, None, "ü\u2028", [[]], {}],
        "huge": 10**40,
        "e": 1e300,
    }
    raw = json.loads(dumps(tiny_mlp()))
    raw["graph"]["nodes"][2].update(type="vendor.layer-x", parameters=parameters)
    text = dumps(loads(json.dumps(raw)))
    assert dumps(loads(text)) == text
    assert json.loads(text)["graph"]["nodes"][2]["parameters"] == parameters


def test_lists_become_tuples_in_the_document() -> None:
    text = changed(lambda raw: raw["graph"]["nodes"][1].update(parameters={"a": [1, [2]], "b": {"c": [3]}}))
    assert loads(text).graph.nodes["flat"].parameters == {"a": (1, (2,)), "b": {"c": (3,)}}


def test_missing_parts_take_their_defaults() -> None:
    assert loads('{"format": "netbuilder", "version": 1}') == Document()
    assert loads('{"format": "netbuilder", "version": 1, "plan": {"phases": [{}]}}') == Document()


def test_a_byte_order_mark_is_no_harm() -> None:
    assert loads(b"\xef\xbb\xbf" + dumps(tiny_mlp()).encode()) == tiny_mlp()


def test_half_a_character_does_not_prevent_saving(tmp_path: Path) -> None:
    document = edits.set_note(tiny_mlp(), "flat", "broken \ud800 emoji")
    write_document(tmp_path / "a.netb", document)
    assert read_document(tmp_path / "a.netb").graph.nodes["flat"].note == "broken ? emoji"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "file.empty", "is empty"),
        (" \n\n", "file.empty", "is empty"),
        ("[]", "file.json", "expected a JSON object"),
        ("{", "file.json", "ends too early"),
        ('{"a": 1,\n"b": }', "file.json", "in line 2"),
        ('{"a": NaN}', "file.json", "not valid JSON"),
        ('{"a": -Infinity}', "file.json", "not valid JSON"),
        ('{"a": 1e999}', "file.json", "not valid JSON"),
        ('{"a": "\\ud800"}', "file.json", "not valid JSON"),
        (b'{"a": "\xff\xfe"}', "file.json", "not text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "file.json", "damaged or not a NetBuilder project"),
        (b"PK\x03\x04" + bytes(100), "file.json", "damaged or not a NetBuilder project"),
        ('{"format": "netbuilder", "format": "x"}', "file.json", "'format' is given twice"),
        ("[" * 16_000_000, "file.large", "far more values"),
        ("{}," * 5_000_000, "file.large", "far more values"),
        ("[" * 200_000, "file.deep", "nested too deeply"),
        ('{"a":' * 200_000, "file.deep", "nested too deeply"),
        ('{"a": ' + "9" * 5_000 + "}", "file.json", "JSON"),
        ("{}", "file.format", "not a NetBuilder project"),
        ('{"format": "svg"}', "file.format", "not a NetBuilder project"),
        ('{"format": "netbuilder"}', "file.version", "does not say which version"),
        ('{"format": "netbuilder", "version": true}', "file.version", "does not say which version"),
        ('{"format": "netbuilder", "version": 0}', "file.version", "does not say which version"),
        ('{"format": "netbuilder", "version": 99}', "file.newer", "newer NetBuilder"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_project_is_refused_in_words(text: str | bytes, code: str, words: str) -> None:
    problem = refusal(text)
    assert problem.code == code
    assert words in problem.message


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda raw: first(raw).update(id="a b"), "file.value", "graph / nodes / 'digits' / id"),
        (lambda raw: first(raw).update(id="digits\n"), "file.value", "graph / nodes / 'digits' / id"),
        (lambda raw: first(raw).update(id="flat"), "file.id", "two nodes have the id 'flat'"),
        (lambda raw: first(raw).update(id="other"), "file.link", "no such node"),
        (lambda raw: first(raw).pop("type"), "file.value", "'digits'"),
        (lambda raw: first(raw).update(type=7), "file.value", "expected text, got a whole number"),
        (lambda raw: first(raw).update(label="My Conv"), "file.value", "graph / nodes"),
        (lambda raw: first(raw).update(label="forward"), "file.label", "'forward' cannot name a node"),
        (lambda raw: first(raw).update(parameters=[]), "file.value", "expected an object, got a list"),
        (lambda raw: first(raw).update(parameters={"a": "x" * 100_001}), "file.value", "at most 100,000 characters"),
        (lambda raw: raw["graph"]["edges"].append([["ghost", "y"], ["flat", "z"]]), "file.link", "no such node"),
        (lambda raw: raw["graph"]["edges"].append(raw["graph"]["edges"][0]), "file.link", "an input takes one"),
        (lambda raw: raw["graph"]["edges"].append([["flat", "y"]]), "file.value", "graph / edges"),
        (lambda raw: raw["layout"]["places"].update(flat=[1e300, 0]), "file.value", "layout / places"),
        (lambda raw: raw["layout"]["places"].update(flat=["1", 0]), "file.value", "expected a number, got text"),
        (lambda raw: raw["layout"].update(frames=[{"id": "f"}, {"id": "f"}]), "file.id", "two frames"),
        (lambda raw: raw["layout"].update(frames=[{"id": "f", "width": 0}]), "file.value", "'f' / width"),
        (lambda raw: raw["plan"].update(epochs=0), "file.value", "plan / epochs"),
        (lambda raw: raw["plan"].update(epochs=2.5), "file.value", "plan / epochs"),
        (lambda raw: raw["plan"].update(phases=[]), "file.value", "plan / phases"),
        (lambda raw: raw["schemas"]["digits"]["fields"][0].update(dims=[-7]), "file.value", "schemas / fields"),
        (lambda raw: raw.update(blocks={"b": {"title": "B", "graph": raw["graph"]}}), "file.id", "two nodes"),
        (lambda raw: raw.update(blocks={"b": {"title": "B"}}), "file.value", "blocks"),
        (lambda raw: raw.update(graph=None), "file.value", "expected an object, got null"),
    ],
)
def test_what_is_wrong_inside_is_refused_with_its_place(
    change: Callable[[dict[str, Any]], object], code: str, words: str
) -> None:
    problem = refusal(changed(change))
    assert problem.code == code
    assert words in problem.message


def test_older_versions_are_migrated_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_step(raw: dict[str, Any]) -> dict[str, Any]:
        return {**raw, "about": {"title": raw.pop("name")}}

    def second_step(raw: dict[str, Any]) -> dict[str, Any]:
        return {**raw, "about": {"title": raw["about"]["title"].upper()}}

    monkeypatch.setattr(files, "VERSION", 3)
    monkeypatch.setattr(files, "MIGRATIONS", {1: first_step, 2: second_step})
    assert loads('{"format": "netbuilder", "version": 1, "name": "old"}').about.title == "OLD"
    assert loads('{"format": "netbuilder", "version": 2, "about": {"title": "mid"}}').about.title == "MID"
    assert refusal('{"format": "netbuilder", "version": 1}').code == "file.version"


def test_every_older_version_has_a_migration() -> None:
    assert sorted(files.MIGRATIONS) == list(range(1, files.VERSION))


def test_a_newer_file_is_opened_for_looking_only_when_asked() -> None:
    text = changed(lambda raw: raw.update(version=99, hologram={"depth": 3}))
    assert refusal(text).code == "file.newer"
    document = loads(text, allow_newer=True)
    assert document.extra == {"hologram": {"depth": 3}}
    assert replace(document, extra={}) == tiny_mlp()


def test_unreadable_files_are_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NetbuilderError, match="there is no such file"):
        read_document(tmp_path / "gone.netb")
    with pytest.raises(NetbuilderError, match="is a folder"):
        read_document(tmp_path)
    with pytest.raises(NetbuilderError, match="could not be opened"):
        read_document("a\0b")
    (tmp_path / "a.netb").write_text(dumps(tiny_mlp()))
    for error, words in [
        (PermissionError(13, "Permission denied"), "you may not read it"),
        (OSError(5, "Input/output error"), "the disk reports an error"),
        (OSError(99, "Sulking"), "Sulking"),
    ]:

        def fail(*_: object, error: OSError = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(files, "read_limited", fail)
            with pytest.raises(NetbuilderError, match=words) as caught:
                read_document(tmp_path / "a.netb")
        assert caught.value.problems[0].code == "file.unreadable"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_is_refused_at_once_rather_than_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.netb")
    with pytest.raises(NetbuilderError, match="is a device"):
        read_document(tmp_path / "pipe.netb")
