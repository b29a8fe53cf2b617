"""What stands in the way of training: the plan, the parts of the data, and files that changed behind the document."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from netbuilder.compiler.shapes import ShapeInference
from netbuilder.document import edits
from netbuilder.document.model import Document, Group, Phase, Plan, Setting
from netbuilder.foundation.problem import Problem, Severity
from netbuilder.training.readiness import Reading, apply_readings, nodes_to_read, read, review
from tests.builders import DIGITS, document, linear, node

TABLE = "size,weight,kind\n" + "".join(f"{row},{(row * 7) % 13},{'ab'[row % 2]}\n" for row in range(60))
LINKS = [("data.image", "flat.x"), ("flat.y", "out.x"), ("out.y", "loss.prediction"), ("data.label", "loss.target")]


def digits(plan: Plan | None = None) -> Document:
    nodes = [node("data", "data.digits"), node("flat", "flatten"), linear("out", 10), node("loss", "cross_entropy")]
    return replace(document(nodes, LINKS, {"data": DIGITS}), plan=plan or Plan())


def table(folder: Path, text: str = TABLE) -> Document:
    """Return a document that reads a table and knows what it yields."""
    (folder / "rows.csv").write_text(text)
    links = [("rows.features", "out.x"), ("out.y", "loss.prediction"), ("rows.label", "loss.target")]
    nodes = [node("rows", "data.table", file="rows.csv"), linear("out", 2), node("loss", "cross_entropy")]
    drawn = document(nodes, links)
    return mend(drawn, look(drawn, folder)[1][0])


def look(given: Document, folder: Path) -> tuple[Document, tuple[Problem, ...]]:
    return apply_readings(given, [read(given, each, folder) for each in nodes_to_read(given)])


def problems(given: Document) -> tuple[Problem, ...]:
    return review(given, ShapeInference().infer(given))


def rewrite(folder: Path, text: str) -> None:
    path = folder / "rows.csv"
    old = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(old + 10**9, old + 10**9))


def mend(given: Document, problem: Problem, index: int = 0) -> Document:
    return edits.apply(given, problem.fixes[index].edit, problem.fixes[index].arguments)


def test_a_sound_document_has_no_problems() -> None:
    assert problems(digits()) == ()


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (Plan(epochs=0), "plan.value"),
        (Plan(clip_norm=-1.0), "plan.value"),
        (Plan(phases=(Phase(optimizer=Setting(key="none")),)), "plan.optimizer"),
        (Plan(phases=(Phase(optimizer=Setting(key="sgd", values={"momentum": 7.0})),)), "plan.optimizer.value"),
        (Plan(phases=(Phase(schedule=Setting(key="none")),)), "plan.schedule"),
        (Plan(phases=(Phase(schedule=Setting(key="step", values={"drops": 0})),)), "plan.schedule.value"),
        (Plan(phases=(Phase(losses=("gone",)),)), "plan.no_loss"),
        (Plan(phases=(Phase(losses=("out",)),)), "plan.no_loss"),
        (Plan(phases=(Phase(groups=(Group(nodes=("gone",)),)),)), "plan.nothing_to_train"),
        (Plan(phases=(Phase(groups=()),)), "plan.nothing_to_train"),
    ],
)
def test_what_the_plan_gets_wrong_is_an_error_that_its_fix_mends(plan: Plan, code: str) -> None:
    given = digits(plan)
    found = problems(given)
    assert [(each.code, each.severity) for each in found] == [(code, Severity.ERROR)]
    assert problems(mend(given, found[0])) == ()


def test_the_fix_of_an_optimizer_s_value_keeps_the_optimizer_and_its_phase() -> None:
    phases = (Phase(name="a"), Phase(name="b", optimizer=Setting(key="sgd", values={"momentum": 7.0})))
    given = digits(Plan(phases=phases))
    mended = mend(given, problems(given)[0])
    assert [phase.optimizer.key for phase in mended.plan.phases] == ["adam", "sgd"]
    assert mended.plan.phases[0] == phases[0]


def test_names_of_what_is_gone_beside_what_is_there_are_warnings() -> None:
    groups = (Group(nodes=("out", "gone"), rate=2.0), Group(nodes=("gone",)), Group())
    given = digits(Plan(phases=(Phase(losses=("gone", "loss"), groups=groups),)))
    found = problems(given)
    assert [(each.code, each.severity) for each in found] == [
        ("plan.losses", Severity.WARNING),
        ("plan.nodes", Severity.WARNING),
    ]
    given = mend(given, found[0])
    given = mend(given, next(each for each in problems(given) if each.code == "plan.nodes"))
    assert problems(given) == ()
    assert given.plan.phases == (Phase(losses=("loss",), groups=(Group(nodes=("out",), rate=2.0), Group())),)


def test_a_phase_without_losses_can_go_or_train_for_all() -> None:
    phases = (Phase(name="a"), Phase(name="b", losses=("gone",)))
    given = digits(Plan(phases=phases))
    (found,) = problems(given)
    assert mend(given, found).plan.phases == phases[:1]
    assert mend(given, found, 1).plan.phases == (phases[0], Phase(name="b"))


def test_too_few_rows_are_found_without_dealing_millions(monkeypatch: pytest.MonkeyPatch) -> None:
    from netbuilder.data import splits

    dealt: list[int] = []
    monkeypatch.setattr(splits, "split_rows", lambda rows, **_: dealt.append(rows))
    few = replace(digits(), schemas={"data": replace(DIGITS, rows=3)})
    assert [(each.code, each.node) for each in problems(few)] == [("data.split", "data")]
    many = replace(digits(), schemas={"data": replace(DIGITS, rows=100_000_000)})
    assert problems(many) == ()
    assert dealt == []
    greedy = edits.set_parameters(many, "data", {"validation_percent": 60, "test_percent": 60})
    assert [each.code for each in problems(greedy)] == ["data.split"]


@pytest.mark.parametrize("part", ["validation_percent", "test_percent"])
def test_a_thousand_rows_are_enough_for_the_least_share_there_is(part: str) -> None:
    least = replace(digits(), schemas={"data": replace(DIGITS, rows=1000)})
    assert problems(edits.set_parameters(least, "data", {part: 1})) == ()


def test_a_document_that_knows_its_table_has_nothing_to_decide(tmp_path: Path) -> None:
    given = table(tmp_path)
    assert look(given, tmp_path) == (given, ())
    assert problems(given) == ()


def test_built_in_data_need_no_look() -> None:
    assert nodes_to_read(digits()) == []
    assert [each.id for each in nodes_to_read(replace(digits(), schemas={}))] == ["data"]


def test_data_that_were_never_read_are_offered(tmp_path: Path) -> None:
    given = replace(digits(), schemas={})
    _, noticed = look(given, tmp_path)
    found = review(given, ShapeInference().infer(given), noticed)
    assert [each.code for each in found if each.node == "data"] == ["data.schema"]
    assert problems(mend(given, found[0])) == ()


def test_a_file_that_is_gone_is_an_error_at_its_node_and_a_warning_where_it_is_not_used(tmp_path: Path) -> None:
    given = table(tmp_path)
    (tmp_path / "rows.csv").unlink()
    seen, noticed = look(given, tmp_path)
    shapes = ShapeInference().infer(given)
    assert seen is given
    found = review(seen, shapes, noticed)
    assert [(each.code, each.node, each.is_error) for each in found] == [("data.missing_file", "rows", True)]
    loose = replace(given, graph=replace(given.graph, edges={}))
    assert not any(each.is_error for each in review(loose, shapes, noticed) if each.code == "data.missing_file")


def test_a_file_that_goes_while_its_folder_is_looked_through_is_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netbuilder.data import schemas

    def vanish(*_: object, **__: object) -> str:
        raise FileNotFoundError(2, "No such file or directory", "a.png")

    given = table(tmp_path)
    monkeypatch.setattr(schemas, "fingerprint", vanish)
    _, (noticed,) = look(given, tmp_path)
    assert (noticed.code, noticed.node, noticed.file) == ("data.unreadable", "rows", "a.png")


def test_more_rows_are_taken_over_for_looking_only(tmp_path: Path) -> None:
    given = table(tmp_path)
    rewrite(tmp_path, TABLE + "1,2,a\n" * 5)
    seen, noticed = look(given, tmp_path)
    assert noticed == ()
    assert (given.schemas["rows"].rows, seen.schemas["rows"].rows) == (60, 65)
    rewrite(tmp_path, "\n".join(TABLE.splitlines()[:4]))
    seen, noticed = look(given, tmp_path)
    assert [each.code for each in review(seen, ShapeInference().infer(given), noticed)] == ["data.split"]


def test_other_fields_are_told_and_offered(tmp_path: Path) -> None:
    given = table(tmp_path)
    rewrite(tmp_path, TABLE + "1,2,c\n" * 5)
    seen, (noticed,) = look(given, tmp_path)
    assert seen is given
    assert (noticed.code, noticed.node) == ("data.changed", "rows")
    assert "label has 3 classes and had 2" in noticed.message
    mended = mend(given, noticed)
    assert mended.schemas["rows"].fields[1].classes == ("a", "b", "c")
    assert look(mended, tmp_path) == (mended, ())
    rewrite(tmp_path, "size,kind\n" + "".join(f"{row},{'ab'[row % 2]}\n" for row in range(60)))
    assert "features has the size 1 and had 2" in look(given, tmp_path)[1][0].message


def test_a_table_is_read_again_only_when_it_changed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netbuilder.training import readiness

    given = table(tmp_path)
    rewrite(tmp_path, TABLE + "1,2,a\n" * 5)
    first = read(given, given.graph.nodes["rows"], tmp_path)
    described: list[str] = []
    describe = readiness.schemas.describe
    monkeypatch.setattr(readiness.schemas, "describe", lambda *given: (described.append(given[0]), describe(*given))[1])
    assert read(given, given.graph.nodes["rows"], tmp_path, first) == first
    assert described == []
    rewrite(tmp_path, TABLE)
    assert read(given, given.graph.nodes["rows"], tmp_path, first).schema != first.schema
    assert described == ["data.table"]


def test_a_reading_is_about_one_state_of_a_node(tmp_path: Path) -> None:
    given = table(tmp_path)
    reading: Reading = read(given, given.graph.nodes["rows"], tmp_path)
    assert reading.is_about(given, tmp_path)
    assert reading.is_about(edits.set_parameters(given, "rows", {"validation_percent": 20}), tmp_path)
    assert not reading.is_about(given, tmp_path.parent)
    assert not reading.is_about(edits.set_parameters(given, "rows", {"file": "other.csv"}), tmp_path)
    assert not reading.is_about(edits.remove_nodes(given, ["rows"]), tmp_path)
    assert not reading.is_about(edits.set_schema(given, "rows", DIGITS), tmp_path)
