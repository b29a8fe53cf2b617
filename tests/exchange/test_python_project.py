"""An exported project needs torch only, and does what the session does."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch

from netbuilder.data.schemas import describe
from netbuilder.document import edits
from netbuilder.document.files import read_document
from netbuilder.document.model import Group, Phase, Setting
from netbuilder.exchange.formats import Order, export
from netbuilder.exchange.python_project import MANIFEST
from netbuilder.foundation.job import Job
from netbuilder.foundation.problem import NetbuilderError
from netbuilder.foundation.resources import resource
from netbuilder.project import Project
from netbuilder.training import optimizers, schedules
from netbuilder.training.balance import PARAMETERS, find_balances
from netbuilder.training.checkpoints import load_checkpoint
from tests.builders import document, linear, node
from tests.exchange.plain_process import run_without_netbuilder


def export_python(document, folder, **order):
    return export(Order(document=document, format="python", target=folder, **order)).files


def template(key, **plan):
    found = key() if callable(key) else read_document(resource(f"templates/{key}.netb"))
    return replace(found, plan=replace(found.plan, **plan))


def test_exported_models_give_bit_equal_outputs(tmp_path):
    import torch

    inputs = torch.randn(7, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    expected = {}
    for key in ("digits-residual", "digits-rows-lstm"):
        project = Project(template(key))
        program, model = project.program(), project.build().eval()
        with torch.no_grad():
            expected[key] = model(image=inputs).numpy()
        export_python(project.document, tmp_path / key)
        assert (tmp_path / key / "model.py").read_text("utf-8") == program.source
        weights = {name: value.numpy() for name, value in model.state_dict().items()}
        np.savez(tmp_path / key / "exchange.npz", inputs=inputs.numpy(), **weights)
        (tmp_path / key / "name.txt").write_text(program.class_name)
    run_without_netbuilder(
        tmp_path,
        f"""
for folder in {[str(tmp_path / key) for key in expected]}:
    enter(folder)
    import model
    arrays = dict(np.load("exchange.npz"))
    inputs = torch.from_numpy(arrays.pop("inputs"))
    network = getattr(model, open("name.txt").read())().eval()
    network.load_state_dict({{name: torch.from_numpy(array) for name, array in arrays.items()}})
    with torch.no_grad():
        np.save("outputs.npy", network(image=inputs).numpy())
assert "netbuilder" not in sys.modules
""",
    )
    for key, outputs in expected.items():
        np.testing.assert_array_equal(np.load(tmp_path / key / "outputs.npy"), outputs)


def two_sources():
    """Two data nodes of different lengths, two losses and two phases; its title is a name that the script uses."""
    nodes = [
        node("moons", "data.moons", samples=300),
        node("blobs", "data.blobs", samples=100, centers=2),
        node("both", "concat"),
        linear("stem", 8),
        node("act", "tanh"),
        linear("one", 2),
        linear("two", 2),
        node("loss_one", "cross_entropy"),
        node("loss_two", "cross_entropy"),
    ]
    links = [
        ("moons.points", "both.a"),
        ("blobs.points", "both.b"),
        ("both.y", "stem.x"),
        ("stem.y", "act.x"),
        ("act.y", "one.x"),
        ("act.y", "two.x"),
        ("one.y", "loss_one.prediction"),
        ("two.y", "loss_two.prediction"),
        ("moons.label", "loss_one.target"),
        ("blobs.label", "loss_two.target"),
    ]
    schemas = {
        "moons": describe("data.moons", {"samples": 300}),
        "blobs": describe("data.blobs", {"samples": 100, "centers": 2}),
    }
    found = document(nodes, links, schemas, title="Path")
    first = Phase(name="first", losses=("loss_one",), groups=(Group(nodes=("stem", "one")),))
    second = Phase(name="second", losses=("loss_two",), groups=(Group(nodes=("two",)),), optimizer=Setting(key="sgd"))
    return replace(found, plan=replace(found.plan, phases=(first, second)))


def weighed_classes():
    """A cross entropy whose classes have weights."""
    found = template("breast-cancer", epochs=2)
    loss = next(node.id for node in found.graph.nodes.values() if node.type in PARAMETERS)
    (balance,) = find_balances(found, (loss,), "", Job())
    return edits.set_parameters(found, loss, balance.values)


CASES = {
    "weights of classes": (weighed_classes, {}),
    "two sources and two phases": (two_sources, {}),
    "adam and a schedule": ("digits-mlp", {}),
    "channels innermost": ("digits-residual", {}),
    "a target that is a number, dropout": ("diabetes", {}),
    "blocks in series, dropout in them": ("digits-transformer", {}),
    "clipped gradients": ("spiral", {"clip_norm": 0.05}),
    "parameter groups": (
        "spiral",
        {
            "phases": (
                Phase(
                    groups=(Group(nodes=("n00000002",), rate=0.1, weight_decay=0.5), Group()),
                    optimizer=Setting(key="sgd", values={"learning_rate": 0.5, "momentum": 0.9, "nesterov": True}),
                    schedule=Setting(key="one_cycle"),
                ),
            )
        },
    ),
    **{
        f"by {spec.key}": ("spiral", {"phases": (Phase(optimizer=Setting(key=spec.key)),)})
        for spec in optimizers.registry()
    },
    **{
        f"{spec.key} schedule": ("spiral", {"phases": (Phase(schedule=Setting(key=spec.key)),)})
        for spec in schedules.registry()
    },
    "a plateau that drops": (
        "spiral",
        {
            "epochs": 4,
            "phases": (Phase(schedule=Setting(key="plateau", values={"patience": 0, "threshold": 0.9})),),
        },
    ),
    "accumulation, clipped": ("spiral", {"accumulation": 3, "batch_size": 32, "clip_norm": 0.05}),
    "accumulation, several updates": ("spiral", {"accumulation": 2, "batch_size": 32, "phases": (Phase(updates=2),)}),
    "accumulation in two phases": (two_sources, {"accumulation": 2, "batch_size": 16}),
    "averaged weights": ("spiral", {"ema_decay": 0.9}),
    "averaged weights tell the plateau": (
        "spiral",
        {
            "epochs": 4,
            "ema_decay": 0.95,
            "phases": (Phase(schedule=Setting(key="plateau", values={"patience": 0, "threshold": 0.05})),),
        },
    ),
    "bfloat16": ("digits-transformer", {"precision": "bf16"}),
    "bfloat16, channels first": ("digits-residual", {"precision": "bf16", "memory_format": "contiguous"}),
    "float16 with a scaler": ("digits-residual", {"precision": "fp16"}),
    "float16, all at once": (
        "spiral",
        {"precision": "fp16", "clip_norm": 0.05, "accumulation": 3, "batch_size": 32, "ema_decay": 0.9, "threads": 1},
    ),
    "float16 in two phases": (two_sources, {"precision": "fp16"}),
    "several updates a step": ("breast-cancer", {"phases": (Phase(updates=2, optimizer=Setting(key="rmsprop")),)}),
}


def test_exported_loops_make_the_same_updates_as_the_session(tmp_path):
    """From equal weights the loss of every step is the same, to the last bit; and each loop runs by itself."""
    expected = {}
    for number, (name, (key, plan)) in enumerate(CASES.items()):
        project = Project(template(key, **{"epochs": 2, **plan}))
        assert project.check().is_sound, project.check().problems
        folder = tmp_path / str(number)
        export_python(project.document, folder)
        losses = expected[name] = []

        def watch(telemetry, losses=losses):
            if "loss/train" in telemetry.series:
                losses.extend(telemetry.series["loss/train"].values.tolist())

        project.train(folder=tmp_path / "runs" / str(number), on_telemetry=watch)
        np.savez(folder / "initial.npz", **{key: value.numpy() for key, value in project.build().state_dict().items()})
        (folder / "name.txt").write_text(project.program().class_name)
    out = run_without_netbuilder(
        tmp_path,
        f"""
import runpy
for folder in {[str(tmp_path / str(number)) for number in range(len(CASES))]}:
    enter(folder)
    import model, train
    network = getattr(model, open("name.txt").read())()
    network.load_state_dict({{name: torch.from_numpy(array) for name, array in np.load("initial.npz").items()}})
    json.dump(train.fit(network), open("history.json", "w"))
    sys.argv = ["train.py", "--epochs", "1"]
    runpy.run_path("train.py", run_name="__main__")
""",
    )
    for number, (name, losses) in enumerate(expected.items()):
        history = json.loads((tmp_path / str(number) / "history.json").read_text())
        assert len(history) >= 8
        assert history == losses, name
        assert (tmp_path / str(number) / "weights.pt").exists()
    assert out.count("epoch 1/1") == out.count("test  loss") == len(CASES)


def test_weights_to_start_from_go_along(tmp_path):
    """The script trains from them what the session trains, and asks them before it has."""
    import torch

    found = template("spiral", epochs=2)
    first = Project(found)
    first.save(tmp_path / "first.netb")
    first.train(epochs=1, folder=tmp_path / "first.runs" / "one")
    weights = torch.load(export_python(first.document, tmp_path / "one", run=tmp_path / "first.runs" / "one")[-1])
    safetensors.torch.save_file(weights, tmp_path / "weights.safetensors")
    project = Project(found)
    assert project.load_weights(tmp_path / "weights.safetensors").matched == len(weights)
    project.save(tmp_path / "second.netb")
    done = export(
        Order(document=project.document, format="python", target=tmp_path / "out", runs=tmp_path / "second.runs")
    )
    assert done.notes == ()
    names = {path.name for path in done.files}
    assert {"start.pt", "weights.pt"} < names
    for name in ("start.pt", "weights.pt"):
        held = torch.load(tmp_path / "out" / name, weights_only=True)
        assert held.keys() == weights.keys()
        assert all(torch.equal(held[key], weights[key]) for key in weights)
    losses = []

    def watch(telemetry):
        if "loss/train" in telemetry.series:
            losses.extend(telemetry.series["loss/train"].values.tolist())

    project.train(folder=tmp_path / "second.runs" / "two", on_telemetry=watch)
    out = run_without_netbuilder(
        tmp_path,
        f"""
enter({str(tmp_path / "out")!r})
import train
fit = train.fit
train.fit = lambda *given: print("losses", json.dumps(fit(*given)))
sys.argv = ["train.py"]
train.main()
""",
    )
    assert json.loads(next(line[7:] for line in out.splitlines() if line.startswith("losses"))) == losses


def test_an_imported_network_without_anything_to_train_has_its_weights(tmp_path):
    import torch

    import netbuilder

    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh()).eval()
    project = netbuilder.from_module(module, torch.randn(2, 3))
    project.save(tmp_path / "x.netb")
    order = Order(document=project.document, format="python", target=tmp_path / "out", runs=tmp_path / "x.runs")
    done = export(order)
    assert [path.name for path in done.files] == ["model.py", "predict.py", "preparation.json", "weights.pt"]
    assert done.notes == ()
    torch.save(torch.randn(5, 3), tmp_path / "rows.pt")
    command = [sys.executable, "predict.py", str(tmp_path / "rows.pt"), "--save", str(tmp_path / "answers.pt")]
    subprocess.run(command, cwd=tmp_path / "out", check=True, capture_output=True, timeout=100)
    (answers,) = torch.load(tmp_path / "answers.pt", weights_only=True).values()
    assert torch.equal(answers, module(torch.load(tmp_path / "rows.pt", weights_only=True)).detach())
    fresh = replace(project.document, plan=replace(project.document.plan, weights=None))
    (note,) = export(replace(order, document=fresh, target=tmp_path / "fresh")).notes
    assert note == "There are no weights in it yet, which predict.py reads from weights.pt."


def smooth():
    """Nothing that is drawn while it trains: two processes then do what one does."""
    found = template("spiral", accumulation=2, batch_size=25, clip_norm=0.05, ema_decay=0.9)
    return replace(found, plan=replace(found.plan, phases=(Phase(optimizer=Setting(key="sgd")),)))


def run_script(folder, *command):
    """Run `train.py`; returns what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [sys.executable, *command, "train.py", "--epochs", "2"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the name of the loopback device is Linux's")
@pytest.mark.parametrize("make", [smooth, two_sources])
def test_two_processes_of_torchrun_train_what_one_does(make, tmp_path):
    import torch

    export_python(make(), tmp_path, settings={"torchrun": True})
    alone = run_script(tmp_path)
    before = torch.load(tmp_path / "weights.pt", weights_only=True)
    together = run_script(tmp_path, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    after = torch.load(tmp_path / "weights.pt", weights_only=True)
    lines = [line for line in together.splitlines() if line.startswith(("epoch", "test"))]
    assert [line.split()[0] for line in lines] == ["epoch", "epoch", "test"], "one process speaks"
    numbers = [[float(each) for each in re.findall(r"\d\.\d{4}", text)] for text in (alone, together)]
    assert numbers[1] == pytest.approx(numbers[0], abs=0.002)
    assert all(torch.allclose(before[key], after[key], rtol=1e-3, atol=1e-4) for key in before)


@pytest.mark.parametrize("kind", ["float16, all at once", "two sources and two phases"])
def test_a_loop_for_torchrun_is_the_same_loop_without_it(kind, tmp_path):
    key, plan = CASES[kind]
    made = template(key, **{"epochs": 1, **plan})
    for name, settings in (("short", {}), ("long", {"torchrun": True})):
        export_python(made, tmp_path / name, settings=settings)
    out = run_without_netbuilder(
        tmp_path,
        f"""
for folder in {[str(tmp_path / name) for name in ("short", "long")]}:
    enter(folder)
    import model, train
    torch.manual_seed(0)
    network = getattr(model, {Project(made).program().class_name!r})()
    print("losses", json.dumps(train.fit(network)))
""",
    )
    short, long = (json.loads(line[7:]) for line in out.splitlines() if line.startswith("losses"))
    assert short == long
    short, long = ((tmp_path / name / "train.py").read_text("utf-8") for name in ("short", "long"))
    assert not any(word in short for word in ("torchrun", "dist", "RANK"))
    assert "dist.all_reduce" in long


def test_normalization_looks_at_all_rows_on_gpus_and_sums_are_refused(tmp_path):
    found = document(
        [node("moons", "data.moons"), linear("stem", 8), node("norm", "batch_norm1d"), node("loss", "cross_entropy")],
        [
            ("moons.points", "stem.x"),
            ("stem.y", "norm.x"),
            ("norm.y", "loss.prediction"),
            ("moons.label", "loss.target"),
        ],
        {"moons": describe("data.moons", {})},
        title="Normalized",
    )
    export_python(found, tmp_path / "out", settings={"torchrun": True})
    assert "nn.SyncBatchNorm.convert_sync_batchnorm(model)" in (tmp_path / "out" / "train.py").read_text("utf-8")
    summed = edits.set_parameters(found, "loss", {"reduction": "sum"})
    export_python(summed, tmp_path / "alone")
    with pytest.raises(NetbuilderError, match="adds up the losses"):
        export_python(summed, tmp_path / "refused", settings={"torchrun": True})
    assert not (tmp_path / "refused").exists()


def test_an_exported_loop_compiles_and_limits_threads_as_the_plan_says(tmp_path):
    export_python(template("digits-residual", compile=True, threads=2, memory_format="channels_last"), tmp_path)
    text = (tmp_path / "train.py").read_text("utf-8")
    assert "compiled_train_losses = torch.compile(train_losses, dynamic=False)" in text
    assert "loss = sum(compiled_train_losses(model, batch).values())" in text
    assert "losses = train_losses(model, batch)" in text, "evaluation stays as it is, as in the session"
    assert "torch.set_num_threads(2)" in text
    for accumulation, recorded in ((1, True), (2, False)):
        wish = template("digits-residual", compile=True, cuda_graphs=True, accumulation=accumulation)
        export_python(wish, tmp_path / f"graphs{accumulation}")
        graphs = (tmp_path / f"graphs{accumulation}" / "train.py").read_text("utf-8")
        assert ('mode="reduce-overhead"' in graphs) is recorded
    assert "    model.to(memory_format=torch.channels_last)\n" in text
    assert 'if DEVICE == "cpu"' not in text
    export_python(template("digits-residual", memory_format="contiguous"), tmp_path / "plain")
    plain = (tmp_path / "plain" / "train.py").read_text("utf-8")
    assert not any(word in plain for word in ("compile", "set_num_threads", "channels_last", "autocast", "DTYPE"))


def test_an_exported_regression_tells_errors_in_the_units_of_the_data(tmp_path):
    """The same numbers as the session's, although both train on a normalized target."""
    project = Project(template("diabetes", epochs=1))
    export_python(project.document, tmp_path / "out")
    test = project.train(folder=tmp_path / "run").test
    weights = load_checkpoint(tmp_path / "run" / "best.safetensors").tensors
    np.savez(tmp_path / "out" / "weights.npz", **{key: value.numpy() for key, value in weights.items()})
    out = run_without_netbuilder(
        tmp_path,
        f"""
enter({str(tmp_path / "out")!r})
import model, train
network = model.{project.program().class_name}()
network.load_state_dict({{name: torch.from_numpy(array) for name, array in np.load("weights.npz").items()}})
print(json.dumps(train.evaluate(network, train.load("test"))))
""",
    )
    found = json.loads(out.splitlines()[-1])
    assert test["mae"] > 10, "not in standard deviations"
    assert found == pytest.approx({name: test[name] for name in ("loss", "mae", "r2")}, rel=1e-4)


def test_the_data_are_the_prepared_parts(tmp_path):
    import torch

    export_python(template("spiral"), tmp_path)
    parts = torch.load(tmp_path / "data.pt", weights_only=True)
    assert list(parts) == ["train", "validation", "test"]
    assert parts["train"]["points"].shape == (700, 2)
    assert parts["test"]["label"].dtype == torch.int64


def test_a_network_without_a_loss_is_exported_without_a_loop(tmp_path):
    found = document(
        [node("entry", "input", dims=(4,), layout=""), linear("out", 3)], [("entry.y", "out.x")], title="Only a network"
    )
    files = export_python(found, tmp_path)
    assert [path.name for path in files] == ["model.py", "predict.py", "preparation.json"]


def test_a_document_with_errors_is_refused_and_nothing_is_written(tmp_path):
    broken = document([node("digits", "data.digits"), linear("out", 3)], [("digits.image", "out.x")])
    with pytest.raises(NetbuilderError):
        export_python(broken, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_replaces_its_own_files_only(tmp_path):
    found = template("spiral")
    first = export_python(found, tmp_path)
    assert export_python(found, tmp_path) == first
    (tmp_path / "train.py").write_text("my own changes", "utf-8")
    before = (tmp_path / "model.py").read_bytes()
    with pytest.raises(NetbuilderError, match="changed since"):
        export_python(template("digits-mlp"), tmp_path)
    assert (tmp_path / "train.py").read_text("utf-8") == "my own changes"
    assert (tmp_path / "model.py").read_bytes() == before


def test_foreign_files_are_never_replaced(tmp_path):
    (tmp_path / "model.py").write_text("somebody's", "utf-8")
    with pytest.raises(NetbuilderError, match="not from an export"):
        export_python(template("spiral"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.py"]


@pytest.mark.parametrize("manifest", ["", "[]", '{"model.py": 3}', '{"model.py": null}', "\x00"])
def test_a_damaged_manifest_protects_everything(tmp_path, manifest):
    found = template("spiral")
    export_python(found, tmp_path)
    (tmp_path / MANIFEST).write_text(manifest, "utf-8")
    with pytest.raises(NetbuilderError, match="not from an export"):
        export_python(found, tmp_path)


def test_foreign_files_are_replaced_when_that_was_asked_for(tmp_path):
    (tmp_path / "model.py").write_text("somebody's", "utf-8")
    export_python(template("spiral"), tmp_path, overwrite=True)
    assert "class Spiral" in (tmp_path / "model.py").read_text("utf-8")


def test_an_export_that_was_interrupted_can_be_repeated(tmp_path, monkeypatch):
    """Killed between two renames: each file is the old or the new one, and the next export knows both for its own."""
    export_python(template("spiral"), tmp_path)
    before = (tmp_path / "train.py").read_bytes()
    replace_ = os.replace

    def fail_at_train(source, target):
        if target.name == "train.py":
            raise KeyboardInterrupt
        replace_(source, target)

    monkeypatch.setattr("netbuilder.foundation.save.os.replace", fail_at_train)
    with pytest.raises(KeyboardInterrupt):
        export_python(template("digits-mlp"), tmp_path)
    monkeypatch.undo()
    assert (tmp_path / "train.py").read_bytes() == before
    assert "class DigitsStepByStep" in (tmp_path / "model.py").read_text("utf-8")
    export_python(template("digits-mlp"), tmp_path)
    assert not list(tmp_path.glob("*tmp*")) + list(tmp_path.glob(".*tmp*"))


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(NetbuilderError, match="cannot be made"):
        export_python(template("spiral"), tmp_path / "out")
