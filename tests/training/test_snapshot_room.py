"""What the snapshots of a project's runs take together, and what gives way when there is too little room."""

from __future__ import annotations

from pathlib import Path

import pytest

from netbuilder import cli
from netbuilder.foundation.preferences import Preferences, SnapshotRoom
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.training.moments import Moment, Reason
from netbuilder.training.protocol import Start
from netbuilder.training.run_lock import held_run
from netbuilder.training.run_store import RunStore
from netbuilder.training.snapshot_files import path_of, snapshots_of
from netbuilder.training.snapshot_room import clear, make_room, make_room_for
from netbuilder.training.thread_host import ThreadHost
from tests.training.documents import Run, iris, planned, train

SIZE = 1000


def keep(run: Path, *moments: tuple[int, Reason]) -> None:
    """Put files where a run's snapshots lie; what they hold does not matter here."""
    for step, reason in moments:
        path = path_of(run, Moment(step, 0, reason))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * SIZE)


def steps(run: Path) -> list[int]:
    return [moment.step for moment in snapshots_of(run)]


@pytest.fixture
def runs(tmp_path) -> list[Path]:
    """Three short runs, the oldest first, with six snapshots each."""
    found = [tmp_path / name for name in ("a", "b", "c")]
    for run in found:
        train(planned(iris(), epochs=1), run)
        keep(run, (0, Reason.TIME), (1, Reason.TIME), (2, Reason.BEST), (4, Reason.CHANGE), (5, Reason.WISH))
        keep(run, (7, Reason.END))
    return found


def test_with_room_enough_nothing_goes(runs, tmp_path):
    assert make_room(RunStore.open(tmp_path), 18 * SIZE, "") == 18 * SIZE
    assert [len(steps(run)) for run in runs] == [6, 6, 6]


def test_the_oldest_runs_are_thinned_first(runs, tmp_path):
    assert make_room(RunStore.open(tmp_path), 15 * SIZE, "") == 15 * SIZE
    assert steps(runs[0]) == [0, 4, 5, 7], "its beginning, its end and what was kept on purpose"
    assert [len(steps(run)) for run in runs[1:]] == [5, 6]


def test_where_that_is_not_enough_only_what_was_kept_by_hand_stays(runs, tmp_path):
    assert make_room(RunStore.open(tmp_path), 10 * SIZE, "") == 9 * SIZE
    assert steps(runs[0]) == [5]
    assert [len(steps(run)) for run in runs[1:]] == [4, 4]
    assert make_room(RunStore.open(tmp_path), 0, "") == 3 * SIZE
    assert [steps(run) for run in runs] == [[5], [5], [5]]


def test_pinned_runs_and_those_in_progress_keep_theirs(runs, tmp_path):
    store = RunStore.open(tmp_path)
    store.mark("a", pinned=True)
    with held_run(runs[1]):
        assert make_room(store, 0, "") == 13 * SIZE
    assert [len(steps(run)) for run in runs] == [6, 6, 1]


def test_the_run_that_room_is_made_for_is_not_counted(runs, tmp_path):
    assert make_room(RunStore.open(tmp_path), 12 * SIZE, "c") == 12 * SIZE
    assert [len(steps(run)) for run in runs] == [6, 6, 6]


def test_a_run_has_what_the_others_leave(runs, tmp_path):
    told: list[NetbuilderError] = []
    assert make_room_for(tmp_path / "d", 4 * SIZE, 20 * SIZE, told.append) == 4 * SIZE
    assert sum(len(steps(run)) for run in runs) == 16
    assert make_room_for(tmp_path / "d", 40 * SIZE, 30 * SIZE, told.append) == 30 * SIZE
    assert make_room_for(tmp_path / "d", 5, None, told.append) == 5
    assert len(told) == 1
    assert told[0].problems[0].code == "snapshot.together", "what was kept by hand did not fit"


def test_a_new_run_thins_those_before_it(runs, tmp_path):
    run = Run(ThreadHost(), tmp_path / "d")
    made = planned(iris(), epochs=1)
    run.host.send(Start(document=made, folder=str(run.folder), snapshots=1 << 20, snapshots_together=1 << 20))
    run.finish()
    assert [steps(each) for each in runs] == [[5], [5], [5]]
    assert len(steps(tmp_path / "d")) >= 2
    assert [event.problems[0].code for event in run.of("problem")] == ["snapshot.together"]


def test_cleared_runs_have_no_snapshots_but_all_the_rest(runs, tmp_path):
    store = RunStore.open(tmp_path)
    before = {path.name for path in runs[0].iterdir()}
    with held_run(runs[1]):
        assert clear(store, ("a", "b")) == 6 * SIZE
    assert [len(steps(run)) for run in runs] == [0, 6, 6]
    assert {path.name for path in runs[0].iterdir()} == before


def test_the_terminal_clears_what_is_named_or_all_that_is_not_pinned(runs, tmp_path, capsys):
    RunStore.open(tmp_path).mark("a", pinned=True)
    assert cli.main(["runs", str(tmp_path), "--clear-snapshots"]) == 0
    assert [len(steps(run)) for run in runs] == [6, 0, 0]
    assert "b: removed" in capsys.readouterr().out
    assert cli.main(["runs", str(tmp_path), "a", "--clear-snapshots"]) == 0
    assert [len(steps(run)) for run in runs] == [0, 0, 0]


def test_files_that_cannot_be_removed_are_told(runs, tmp_path, monkeypatch):
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(NetbuilderError) as told:
        clear(RunStore.open(tmp_path), ("a",))
    assert told.value.problems[0].code == "snapshot.files"


def test_preferences_say_how_much_room_there_is(tmp_path):
    preferences = Preferences(tmp_path)
    assert preferences.snapshot_room == SnapshotRoom(256 << 20, 2048 << 20)
    preferences.set("project_snapshot_megabytes", None)
    preferences.set("snapshot_megabytes", 3)
    assert preferences.snapshot_room == SnapshotRoom(3 << 20, None)
