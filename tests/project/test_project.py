"""The project without a window: open, check, build, train, and what stands in the way."""

import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

import netbuilder
from netbuilder.document import edits
from netbuilder.document.model import About, Setting
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.project import Project, declarations, describe, run_folder
from netbuilder.training.protocol import State
from tests.builders import document, linear, link, node

TABLE = "size,weight,kind\n" + "".join(f"{row},{(row * 7) % 13},{'ab'[row % 2]}\n" for row in range(60))


@pytest.fixture
def table_project(tmp_path):
    """A project whose data is a table beside it, its schema not yet known."""
    (tmp_path / "rows.csv").write_text(TABLE)
    nodes = [
        node("rows", "data.table", file="rows.csv"),
        linear("out", 2),
        node("loss", "cross_entropy"),
    ]
    links = [("rows.features", "out.x"), ("out.y", "loss.prediction"), ("rows.label", "loss.target")]
    project = Project(document(nodes, links, title="Rows"))
    project.save(tmp_path / "rows.netb")
    return Project.load(tmp_path / "rows.netb")


def test_importing_netbuilder_is_light():
    code = (
        "import sys, netbuilder; print(netbuilder.__version__, 'netbuilder.project' in sys.modules, 'numpy' in "
        "sys.modules)\n"
        "import netbuilder.project, netbuilder.cli, netbuilder.console, netbuilder.templates\n"
        "print([name for name in ('torch', 'PySide6', 'sklearn', 'polars', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{netbuilder.__version__} False False", "[]"]


def test_load_and_build_give_a_module(tmp_path):
    import torch

    Project.new("digits-residual").save(tmp_path / "x.netb")
    model = netbuilder.load(tmp_path / "x.netb").build()
    assert isinstance(model, torch.nn.Module)
    assert model(image=torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    again = netbuilder.load(tmp_path / "x.netb").build()
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


def test_one_look_up_for_sources_and_layers():
    assert describe("data.digits").title == "Digits"
    assert describe("conv2d").category == "convolution"
    assert describe("nonsense") is None
    assert all(key == item.key for key, item in declarations().items())


def test_saving_needs_a_name_and_keeps_the_document(tmp_path):
    project = Project.new("spiral")
    with pytest.raises(NetbuilderError, match="no file yet"):
        project.save()
    project.save(tmp_path / "a.netb")
    assert project.path == tmp_path / "a.netb"
    assert Project.load(tmp_path / "a.netb").document == project.document


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe", b'{"format": "netbuilder"}'])
def test_files_that_are_no_projects_are_refused(tmp_path, content):
    path = tmp_path / "x.netb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NetbuilderError) as caught:
        Project.load(path)
    assert "x.netb" in str(caught.value)


def test_schemas_are_found_where_they_are_missing_or_stale(table_project, tmp_path):
    checked = table_project.check()
    assert checked.is_sound, checked.problems
    assert table_project.document.schemas == {}, "checking changes nothing"
    assert table_project.refresh_schemas() == ()
    assert table_project.document.schemas["rows"].rows == 60
    before = table_project.document
    assert table_project.refresh_schemas() == ()
    assert table_project.document is before
    time.sleep(0.01)
    (tmp_path / "rows.csv").write_text(TABLE + "1,2,c\n" * 5)
    table_project.refresh_schemas()
    assert table_project.document.schemas["rows"].fields[1].classes == ("a", "b", "c")


def test_a_missing_file_is_a_problem_at_its_node(table_project, tmp_path):
    (tmp_path / "rows.csv").unlink()
    checked = table_project.check()
    assert not checked.is_sound
    problem = next(each for each in checked.problems if each.code == "data.missing_file")
    assert problem.node == "rows"
    assert "rows.csv" in problem.message
    with pytest.raises(NetbuilderError, match=r"rows\.csv"):
        table_project.train(folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_checking_finds_parts_without_rows_and_what_the_plan_cannot_use(table_project, tmp_path):
    (tmp_path / "rows.csv").write_text("\n".join(TABLE.splitlines()[:4]))
    codes = [(each.code, each.node) for each in table_project.check().problems if each.is_error]
    assert codes == [("data.split", "rows")]
    with pytest.raises(NetbuilderError, match="too few"):
        table_project.train(folder=tmp_path / "run")
    (tmp_path / "rows.csv").write_text(TABLE)
    assert table_project.check().is_sound
    phase = table_project.document.plan.phases[0]
    broken = (replace(phase, optimizer=Setting(key="none")), replace(phase, name="b", schedule=Setting(key="none")))
    plan = replace(table_project.document.plan, phases=broken)
    table_project.document = replace(table_project.document, plan=plan)
    assert {"plan.optimizer", "plan.schedule"} <= {each.code for each in table_project.check().problems}


def test_checking_finds_what_the_plan_names_and_is_gone_and_its_fix_makes_it_train(table_project, tmp_path):
    plan = table_project.document.plan
    phases = (*plan.phases, replace(plan.phases[0], name="b", losses=("gone",)))
    table_project.document = edits.set_plan(table_project.document, replace(plan, phases=phases))
    (problem,) = (each for each in table_project.check().problems if each.is_error)
    assert problem.code == "plan.no_loss"
    fix = problem.fixes[0]
    table_project.document = edits.apply(table_project.document, fix.edit, fix.arguments)
    assert table_project.check().is_sound
    assert table_project.train(epochs=1, folder=tmp_path / "run").reason == "finished"


def test_a_missing_file_of_data_that_nothing_uses_is_only_a_warning(table_project, tmp_path):
    spare = node("spare", "data.table", file="nowhere.csv")
    table_project.document = edits.add_node(table_project.document, spare)
    (problem,) = (each for each in table_project.check().problems if each.code == "data.missing_file")
    assert (problem.node, problem.is_error) == ("spare", False)
    assert table_project.train(epochs=1, folder=tmp_path / "run").reason == "finished"


def test_training_a_table_from_another_working_folder(table_project, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    outcome = table_project.train(epochs=1)
    assert outcome.reason == "finished"
    assert outcome.folder.parent == tmp_path / "rows.runs"
    assert (outcome.folder / "best.safetensors").is_file()


def test_runs_lie_beside_the_file_or_at_the_users_place(tmp_path, home):
    first = run_folder(tmp_path / "x.netb")
    assert first.parent == tmp_path / "x.runs"
    first.mkdir(parents=True)
    assert run_folder(tmp_path / "x.netb") != first
    assert home in run_folder(None).parents


def test_epochs_and_seed_replace_the_plans_without_changing_the_document(tmp_path):
    project = Project.new("spiral")
    before = project.document
    progress = []
    project.train(epochs=2, seed=5, folder=tmp_path / "a", on_telemetry=lambda news: progress.append(news.progress))
    assert project.document is before
    assert progress[-1].epochs == 2
    assert progress[-1].state is State.ENDED


def _losses(project, folder, **options):
    found = []

    def watch(telemetry):
        if "loss/train" in telemetry.series:
            found.extend(telemetry.series["loss/train"].values.tolist())

    project.train(epochs=2, folder=folder, on_telemetry=watch, **options)
    return found


def test_the_same_seed_gives_the_same_losses(tmp_path):
    first = _losses(Project.new("diabetes"), tmp_path / "a", seed=3)
    assert len(first) > 10
    assert first == _losses(Project.new("diabetes"), tmp_path / "b", seed=3)
    assert first != _losses(Project.new("diabetes"), tmp_path / "c", seed=4)


def test_a_watcher_that_fails_leaves_no_thread(tmp_path):
    def fail(telemetry):
        raise RuntimeError("the watcher failed")

    with pytest.raises(RuntimeError, match="the watcher failed"):
        Project.new("spiral").train(folder=tmp_path / "run", on_telemetry=fail)  # the fixture looks for threads


def test_an_interrupt_stops_cleanly_and_saves(tmp_path):
    """The signal comes at the worst moment: while a watcher is writing what is new."""
    interrupted, seen_whole = [], []
    before = signal.getsignal(signal.SIGINT)

    def write(telemetry):
        if telemetry.progress.state is State.RUNNING and not interrupted:
            interrupted.append(True)
            signal.raise_signal(signal.SIGINT)
            seen_whole.append(True)

    outcome = Project.new("spiral").train(epochs=100_000, folder=tmp_path / "run", on_telemetry=write)
    assert interrupted == seen_whole == [True]
    assert signal.getsignal(signal.SIGINT) is before
    assert outcome.reason == "stopped"
    assert (tmp_path / "run" / "last.safetensors").is_file()


def test_a_closed_terminal_stops_a_training_unless_it_is_told_not_to(tmp_path):
    before = signal.getsignal(signal.SIGHUP)
    found = []

    def watch(telemetry):
        found.append(signal.getsignal(signal.SIGHUP))

    try:
        for usual in (signal.SIG_DFL, signal.SIG_IGN):
            signal.signal(signal.SIGHUP, usual)
            Project.new("spiral").train(epochs=300, folder=tmp_path / str(usual.value), on_telemetry=watch)
            assert signal.getsignal(signal.SIGHUP) is usual
            assert len(found) > 1, "it ended before it was looked at"
            is_left_alone = all(each is usual for each in found[:-1])  # the last look is after the end
            assert is_left_alone is (usual is signal.SIG_IGN)
            found.clear()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_cannot_be_trained_says_why(tmp_path):
    with pytest.raises(NetbuilderError):
        Project().train(folder=tmp_path / "a")
    with pytest.raises(NetbuilderError, match="device"):
        Project.new("spiral").train(device="abacus", folder=tmp_path / "b")
    exploding = edits.set_optimizer(Project.new("diabetes").document, "sgd", {"learning_rate": 1e10})
    with pytest.raises(NetbuilderError):
        Project(exploding).train(folder=tmp_path / "c")


def test_problems_come_errors_first():
    found = Project.new("digits-mlp").document
    target, source = link("n00000001.image", "n00000006.prediction")
    graph = replace(found.graph, edges={**found.graph.edges, target: source})
    checked = Project(replace(found, graph=graph, about=About())).check()
    errors = [problem.is_error for problem in checked.problems]
    assert errors[0]
    assert errors == sorted(errors, reverse=True)
