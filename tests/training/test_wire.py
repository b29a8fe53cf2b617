"""The wire: every value of the protocol arrives as it was sent, and nothing else arrives."""

from __future__ import annotations

import io
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from netbuilder.foundation.problem import Fix, Problem, Severity
from netbuilder.training import protocol, wire
from netbuilder.training.protocol import Event, Picture, PictureKind, Points, Progress, Start, State, Telemetry, Watch
from tests.training.documents import iris


def sent(value: object) -> object:
    stream = io.BytesIO()
    wire.write(stream, value)
    stream.seek(0)
    found = wire.read(stream)
    assert not stream.read(), "all of it was read"
    return found


def test_a_start_arrives_with_its_document():
    start = Start(document=iris(), folder="/somewhere/run", base="base", device="cuda:0", paused=True)
    assert sent(start) == start


@pytest.mark.parametrize(
    "command", [protocol.Pause(), protocol.Resume(), protocol.Step("epoch"), protocol.Stop(), Watch(), "close"]
)
def test_commands_arrive(command):
    assert sent(command) == command


def test_sets_stay_sets():
    watch = Watch(nodes=("a", "b/0/c"), sample=3, in_view=frozenset({"a", "é"}), gradient_flow=True)
    assert sent(watch) == watch


def test_telemetry_arrives_bit_for_bit():
    values = np.array([1.0, np.nan, -np.inf, 5e-324])
    points = Points(np.arange(4, dtype=np.int64), values)
    picture = Picture(kind=PictureKind.MAPS, node="n1", step=7, data=np.ones((2, 3, 4), np.float32), labels=("a",))
    empty = Picture(kind=PictureKind.BARS, node="n2", step=7, data=np.empty((0,), np.uint8))
    fix = Fix(
        title="Halve", edit="change_plan", arguments={"values": {"batch_size": 2, "list": [1, (2, 3)], "no": None}}
    )
    problem = Problem(code="x.y", message="Ünicode", severity=Severity.WARNING, fixes=(fix,))
    event = Event(kind="problem", text="…", step=3, data={"nan": float("nan"), 1: (2,)}, problems=(problem,))
    progress = Progress(state=State.PAUSED, step=3, rate=1.5, seconds_left=None)
    telemetry = Telemetry(progress=progress, series={"loss": points}, pictures=(picture, empty), events=(event,))
    found, flag = sent((telemetry, True))
    assert flag is True
    assert found.progress == progress
    assert found.progress.state is State.PAUSED
    assert found.series["loss"].values.tobytes() == values.tobytes()
    assert found.series["loss"].steps.dtype == np.int64
    (first, second), (arrived,) = found.pictures, found.events
    assert np.array_equal(first.data, picture.data)
    assert first.data.dtype == np.float32
    assert not first.data.flags.writeable
    assert second.data.shape == (0,)
    assert arrived.problems == (problem,)
    assert np.isnan(arrived.data["nan"])
    assert arrived.data[1] == (2,)


def test_all_commands_and_values_of_the_protocol_are_known():
    declared = {kind for kind in vars(protocol).values() if isinstance(kind, type) and is_dataclass(kind)}
    declared = {kind for kind in declared if kind.__module__ == protocol.__name__}
    assert declared <= set(wire._TYPES.values())
    assert all(fields(kind) is not None for kind in declared)


def test_what_has_no_place_is_refused_before_anything_is_written():
    stream = io.BytesIO()
    with pytest.raises(TypeError, match="object has no place on the wire"):
        wire.write(stream, Event(kind="log", text="", data={"x": object()}))
    assert not stream.getvalue()


def test_an_end_is_an_end_wherever_it_comes():
    stream = io.BytesIO()
    wire.write(stream, Watch(nodes=("a",)))
    whole = stream.getvalue()
    for length in range(len(whole)):
        with pytest.raises(EOFError):
            wire.read(io.BytesIO(whole[:length]))


@pytest.mark.parametrize(
    "text",
    [
        b"[",
        b'{"$":"Path","value":"/"}',
        b'{"$":"Stop","x":1}',
        b'{"no":1}',
        b'{"$":"array","dtype":"O","shape":[1]}',
        b'{"$":"array","dtype":"<f4","shape":[99999999999999999999]}',
        b'{"$":"array","dtype":"<f4","shape":[-1]}',
        b'{"$":["Stop"]}',
        b'{"$":"tuple","items":[{"$":"tuple"}]}',
        b'{"$":"document","text":"{}"}',
        b"\xff",
    ],
)
def test_what_is_no_message_is_refused(text):
    message = len(text).to_bytes(8, "little") + (8).to_bytes(8, "little") + text + bytes(8)
    with pytest.raises(wire.WireError):
        wire.read(io.BytesIO(message))


@pytest.mark.parametrize("sizes", [(2**63, 0), (0, 2**64 - 1), (2**40, 2**40)])
def test_a_message_as_large_as_no_message_is_refused_before_it_is_read(sizes):
    head = b"".join(size.to_bytes(8, "little") for size in sizes)
    with pytest.raises(wire.WireError):
        wire.read(io.BytesIO(head + bytes(100)))
