"""Runs as files for other programs: what was recorded is what they read."""

from __future__ import annotations

import csv
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from netbuilder.exchange.event_files import crc32c, encode, record
from netbuilder.exchange.run_tables import read_series, run_rows, runs_csv, series_csv, write_tensorboard
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.protocol import Points
from tests.training.stored_runs import STARTED, record_of, store_of

NO_CLOCK = Points(np.empty(0, np.int64), np.empty(0))


def _crc(data: bytes) -> int:
    """CRC-32C as RFC 3720 defines it, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def _fields(data: bytes) -> dict[int, object]:
    """Read one protocol buffer message: field number -> value."""
    found: dict[int, object] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
            case 1:
                value, at = struct.unpack_from("<d", data, at)[0], at + 8
            case 5:
                value, at = struct.unpack_from("<f", data, at)[0], at + 4
            case 2:
                length, at = _varint(data, at)
                value, at = data[at : at + length], at + length
            case other:
                raise AssertionError(other)
        found[key >> 3] = value
    return found


def _read(data: bytes) -> list[dict[int, object]]:
    """Read an event file, checking each sum."""

    def mask(crc: int) -> int:
        return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF

    events = []
    while data:
        length, head = struct.unpack_from("<QI", data)
        assert head == mask(_crc(data[:8]))
        body = data[12 : 12 + length]
        assert struct.unpack_from("<I", data, 12 + length)[0] == mask(_crc(body))
        events.append(_fields(body))
        data = data[16 + length :]
    return events


def _scalars(events: list[dict[int, object]]) -> list[tuple[str, int, float, float]]:
    found = []
    for event in events[1:]:
        value = _fields(_fields(event[5])[1])
        found.append((value[1].decode(), event[2], value[2], event[1]))
    return found


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_checksum_is_that_of_rfc_3720(data, expected):
    assert crc32c(np.frombuffer(data, np.uint8)[None]).tolist() == [expected]


def test_a_record_as_the_first_one_of_every_event_file():
    data = record(b"\x09" + bytes(8) + b"\x1a\x0dbrain.Event:2")
    assert data[:8] == struct.pack("<Q", 24)
    assert _read(data) == [{1: 0.0, 3: b"brain.Event:2"}]


def test_events_hold_steps_of_every_length_and_special_numbers():
    steps = [0, 1, 127, 128, 16383, 16384, 2**21 - 1, 2**35, 2**62]
    values = [0.5, -1.0, float("nan"), float("inf"), 1e308, 3e-46, -0.0, 1.25, 7.0]
    series = {"loss/trän": Points(np.array(steps), np.array(values))}
    read = _scalars(_read(b"".join(encode(series, NO_CLOCK, 12.5))))
    assert [row[1] for row in read] == steps
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal([row[2] for row in read], np.array(values).astype(np.float32))
    assert {row[0] for row in read} == {"loss/trän"}
    assert {row[3] for row in read} == {12.5}


def test_times_follow_the_clock():
    clock = Points(np.array([0, 10]), np.array([0.0, 5.0]))
    read = _scalars(_read(b"".join(encode({"a": Points(np.array([0, 4, 10]), np.zeros(3))}, clock, 100.0))))
    assert [row[3] for row in read] == [100.0, 102.0, 105.0]


def test_a_long_series_is_complete():
    points = Points(np.arange(200_000), np.linspace(0, 1, 200_000))
    data = b"".join(encode({"s": points}, NO_CLOCK, 0.0))
    count, at = 0, 0
    while at < len(data):
        at += 16 + struct.unpack_from("<Q", data, at)[0]
        count += 1
    assert (count, at) == (200_001, len(data))


def test_every_run_is_a_folder_with_its_series(tmp_path):
    store = store_of(tmp_path / "x.runs", [record_of(tmp_path, name, number) for number, name in enumerate("ab")])
    store.mark("a", name="../../the best: 1")
    store.mark("b", name="../../the best: 1")
    files = write_tensorboard(store, store.list_runs(), tmp_path / "tb", Job("x"))
    assert all(file.is_relative_to(tmp_path / "tb") and file.parent.parent == tmp_path / "tb" for file in files)
    assert len({file.parent for file in files}) == 2
    assert f"events.out.tfevents.{int(STARTED)}.netbuilder" in {file.name for file in files}
    for run, file in zip(("b", "a"), files, strict=True):
        read = _scalars(_read(file.read_bytes()))
        for name, points in read_series(store, run).items():
            own = [(step, value) for tag, step, value, _ in read if tag == name]
            assert [step for step, _ in own] == points.steps.tolist()
            np.testing.assert_array_equal([value for _, value in own], points.values.astype(np.float32))


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    store = store_of(tmp_path / "x.runs", [record_of(tmp_path, "a")])
    (tmp_path / "tb").write_text("a file")
    with pytest.raises(NetbuilderError) as caught:
        write_tensorboard(store, store.list_runs(), tmp_path / "tb", Job("x"))
    assert caught.value.problems[0].code == "export.folder"


def test_tensorboard_reads_them(tmp_path):
    """Against the reference reader, where it is installed."""
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    store = store_of(tmp_path / "x.runs", [record_of(tmp_path, "a")])
    (file,) = write_tensorboard(store, store.list_runs(), tmp_path / "tb", Job("x"))
    read = loader.EventAccumulator(str(file.parent), size_guidance={loader.SCALARS: 0})
    read.Reload()
    for name, points in read_series(store, "a").items():
        scalars = read.Scalars(name)
        assert [each.step for each in scalars] == points.steps.tolist()
        np.testing.assert_array_equal([each.value for each in scalars], points.values.astype(np.float32))


def test_tables_are_read_back_as_they_were(tmp_path):
    store = store_of(tmp_path / "x.runs", [record_of(tmp_path, name, number) for number, name in enumerate("ab")])
    store.mark("a", name='a "quoted", name', notes="two\nlines")
    rows = run_rows(store, store.list_runs())
    read = list(csv.DictReader(io.StringIO(runs_csv(rows).decode())))
    assert [row["id"] for row in read] == ["b", "a"]
    assert (read[1]["name"], read[1]["notes"]) == ('a "quoted", name', "two\nlines")
    assert float(read[0]["best/loss"]) == rows[0]["best/loss"]
    assert read[0]["started"].endswith("Z")
    series = read_series(store, "a")
    table = list(csv.DictReader(io.StringIO(b"".join(series_csv(series)).decode())))
    assert [int(row["step"]) for row in table] == list(range(1, 41))
    assert [float(row["loss/train"]) for row in table] == series["loss/train"].values.tolist()
    assert [row["loss/validation"] != "" for row in table] == [step % 10 == 0 for step in range(1, 41)]
    assert b"".join(series_csv({})) == b"step\n"


def test_the_terminal_lists_exports_and_deletes(tmp_path, capsys):
    from netbuilder.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    file = tmp_path / "x.netb"
    assert run("runs", file)[0] == 2
    store = store_of(tmp_path / "x.runs", [record_of(tmp_path, name, number) for number, name in enumerate("ab")])
    store.mark("a", name="first\x1b[31m")
    code, out, _ = run("runs", file)
    assert code == 0
    assert out.splitlines()[0].split()[:4] == ["Name", "State", "Started", "Epochs"]
    assert "\x1b" not in out
    assert {row["id"] for row in json.loads(run("runs", file, "--json")[1])} == {"a", "b"}
    assert [row["id"] for row in json.loads(run("runs", tmp_path / "x.runs", "b", "--json")[1])] == ["b"]
    assert run("runs", file, "b", "--csv")[1].count("\n") == 2
    assert run("runs", file, "a", "--curves")[1].count("\n") == 41
    assert run("runs", file, "--curves")[0] == 2
    code, out, _ = run("runs", file, "--tensorboard", tmp_path / "tb")
    assert (code, len(out.splitlines())) == (0, 2)
    assert all(Path(line).is_file() for line in out.splitlines())
    assert run("runs", file, "--delete")[0] == 2
    code, _, err = run("runs", file, "zzz", "--delete")
    assert (code, "no run 'zzz'" in err) == (2, True)
    assert run("runs", file, "b", "--delete")[:2] == (0, "Deleted b (0.0 MB)\n")
    assert not (tmp_path / "x.runs" / "b").exists()
    assert [row["id"] for row in json.loads(run("runs", file, "--json")[1])] == ["a"]
    run("runs", file, "a", "--delete")
    assert "no runs yet" in run("runs", file)[1]
