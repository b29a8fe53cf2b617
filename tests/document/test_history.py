"""History: any number of edits and as many undos give the first document back, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from netbuilder.document import clipboard, edits
from netbuilder.document.files import dumps
from netbuilder.document.history import History
from netbuilder.document.model import About, Definition, Document, Node, Place
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import tiny_cnn, tiny_mlp

some = st.integers(0, 10**6)


class Editing(RuleBasedStateMachine):
    """A user who edits, undoes and redoes at random, beside a model that keeps every text."""

    @initialize(small=st.booleans())
    def open(self, small: bool) -> None:
        self.history = History(tiny_mlp() if small else tiny_cnn())
        self.texts = [dumps(self.history.document)]
        self.at = 0
        self.titles: list[str] = []
        self.fresh = 0

    @property
    def document(self) -> Document:
        return self.history.document

    def pick(self, number: int) -> str:
        nodes = list(self.document.graph.nodes) or ["none"]
        return nodes[number % len(nodes)]

    def do(self, name: str, **arguments: Any) -> None:
        """Apply a registered edit; one that is refused leaves everything as it was."""
        try:
            document = edits.apply(self.document, name, arguments)
        except NetbuilderError:
            return
        if document is not self.document:
            self.push(name, document)

    def push(self, title: str, document: Document) -> None:
        self.history.push(title, document)
        del self.texts[self.at + 1 :], self.titles[self.at :]
        self.texts.append(dumps(document))
        self.titles.append(title)
        self.at += 1

    @rule(number=some, scope=st.just(""))
    def add(self, number: int, scope: str) -> None:
        self.fresh += 1
        node = {"id": f"new{self.fresh}", "type": "relu", "label": "relu", "parameters": {"a": [number]}}
        self.do("add_node", node=node, place=[number, 0], scope=scope)

    @rule(numbers=st.lists(some, max_size=3))
    def remove(self, numbers: list[int]) -> None:
        self.do("remove_nodes", nodes=[self.pick(number) for number in numbers])

    @rule(number=some)
    def heal(self, number: int) -> None:
        self.do("remove_and_heal", nodes=[self.pick(number)])

    @rule(a=some, b=some, port=st.sampled_from(["x", "a", "prediction"]))
    def connect(self, a: int, b: int, port: str) -> None:
        self.do("connect", target=[self.pick(a), port], source=[self.pick(b), "y"])

    @rule(number=some)
    def disconnect(self, number: int) -> None:
        targets = sorted(self.document.graph.edges)
        if targets:
            self.do("disconnect", target=list(targets[number % len(targets)]))

    @rule(number=some)
    def insert(self, number: int) -> None:
        targets = sorted(self.document.graph.edges)
        if targets:
            node, port = targets[number % len(targets)]
            self.fresh += 1
            self.do("insert_layer", node=node, port=port, type="flatten", parameters={}, id=f"new{self.fresh}")

    @rule(number=some, value=st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2))
    def set(self, number: int, value: Any) -> None:
        self.do("set_parameters", node=self.pick(number), values={"units": value})

    @rule(number=some, label=st.text(max_size=8))
    def rename(self, number: int, label: str) -> None:
        self.do("rename", node=self.pick(number), label=label)

    @rule(number=some, note=st.text(st.characters(exclude_categories=("Cs",)), max_size=8))
    def note(self, number: int, note: str) -> None:
        self.do("set_note", node=self.pick(number), note=note)

    @rule(number=some, type=st.sampled_from(["relu", "tanh"]))
    def retype(self, number: int, type: str) -> None:
        self.do("replace_type", node=self.pick(number), type=type, parameters={}, inputs={"x": "x"})

    @rule(a=some, b=some)
    def tie(self, a: int, b: int) -> None:
        self.do("tie_weights", node=self.pick(a), other=self.pick(b))

    @rule(number=some, x=st.floats(-100, 100))
    def move(self, number: int, x: float) -> None:
        self.do("move_nodes", places={self.pick(number): [x, -x]})

    @rule(numbers=st.lists(some, max_size=3), keep=st.booleans())
    def duplicate(self, numbers: list[int], keep: bool) -> None:
        self.do("duplicate", nodes=[self.pick(number) for number in numbers], keep_inputs=keep)

    @rule(number=some)
    def paste(self, number: int) -> None:
        text = clipboard.copy(self.document, [self.pick(number)])
        self.push("paste", clipboard.paste(self.document, text, Place(1.0, 2.0))[0])

    @rule(number=some, title=st.text(st.characters(exclude_categories=("Cs",)), max_size=5))
    def frame(self, number: int, title: str) -> None:
        known = list(self.document.layout.frames)
        if known and number % 3 == 0:
            self.do("remove_frames", frames=[known[number % len(known)]])
        elif known and number % 3 == 1:
            self.do("change_frame", frame=known[number % len(known)], values={"title": title, "x": number})
        else:
            self.fresh += 1
            self.do("add_frame", frame={"id": f"f{self.fresh}", "title": title})

    @rule(epochs=st.integers(-1, 50))
    def plan(self, epochs: int) -> None:
        self.do("change_plan", values={"epochs": epochs})

    @rule(rate=st.floats(0, 1))
    def optimizer(self, rate: float) -> None:
        self.do("set_optimizer", key="sgd", values={"lr": rate})

    @rule(title=st.text(st.characters(exclude_categories=("Cs",)), max_size=5))
    def about(self, title: str) -> None:
        self.do("set_about", about={"title": title})

    @rule(steps=st.integers(1, 4))
    def undo(self, steps: int) -> None:
        for _ in range(steps):
            self.history.undo()
            self.at = max(0, self.at - 1)

    @rule(steps=st.integers(1, 4))
    def redo(self, steps: int) -> None:
        for _ in range(steps):
            self.history.redo()
            self.at = min(len(self.texts) - 1, self.at + 1)

    @invariant()
    def the_current_document_is_the_model_s(self) -> None:
        if hasattr(self, "history"):
            assert dumps(self.document) == self.texts[self.at]
            assert self.history.undo_title == (self.titles[self.at - 1] if self.at else "")
            assert self.history.redo_title == (self.titles[self.at] if self.at < len(self.titles) else "")

    def teardown(self) -> None:
        if hasattr(self, "history"):
            while self.history.can_undo:
                self.history.undo()
            assert dumps(self.document) == self.texts[0]
            assert self.history.is_clean
            for text in self.texts[1:]:
                assert dumps(self.history.redo()) == text
            assert not self.history.can_redo


lenient = {"deadline": None, "suppress_health_check": list(HealthCheck)}
TestEditing = pytest.mark.timeout(300)(Editing.TestCase)
TestEditing.settings = settings(max_examples=200, stateful_step_count=15, **lenient)


@pytest.mark.slow
@pytest.mark.timeout(7200)
class TestMuchEditing(Editing.TestCase):
    settings = settings(max_examples=20_000, stateful_step_count=25, **lenient)


def titled(title: str) -> Document:
    return Document(about=About(title=title))


def test_control_an_edit_that_mutates_is_caught() -> None:
    history = History(tiny_mlp())
    text = dumps(history.document)
    parameters = history.document.graph.nodes["hidden"].parameters
    parameters["units"] = 1  # type: ignore[index]
    history.push("Cheat", replace(history.document))
    assert dumps(history.undo()) != text


def test_successive_edits_with_one_key_become_one_entry() -> None:
    first, *others = (titled(str(number)) for number in range(4))
    history = History(first)
    history.push("Add", others[0])
    for document in others[1:]:
        history.push("Scrub", document, "units")
    assert history.undo() is others[0]
    assert history.redo_title == "Scrub"
    assert history.redo() is others[2]
    assert history.undo_title == "Scrub"


def test_a_sealed_gesture_merges_with_nothing() -> None:
    a, b, c, d = (titled(name) for name in "abcd")
    history = History(a)
    history.push("Scrub", b, "units")
    history.seal()
    history.push("Scrub", c, "units")
    assert history.undo() is b
    history.redo()
    history.push("Scrub", d, "units")  # after redo: a gesture of its own
    assert history.undo() is c


def test_a_gesture_that_comes_back_leaves_no_entry_and_what_could_be_redone() -> None:
    a, b, c = (titled(name) for name in "abc")
    history = History(a)
    history.push("Rename", b)
    history.undo()
    history.push("Scrub", c, "units")
    assert not history.redo_title
    history.push("Scrub", titled("a"), "units")
    assert history.document is a
    assert history.is_clean
    assert not history.can_undo
    assert history.redo() is b
    history.push("Scrub", c, "units")
    history.push("Scrub", a, "units")  # back to another document than the one it began with
    assert history.undo() is b


def test_other_keys_and_no_key_do_not_merge() -> None:
    a, b, c, d = (titled(name) for name in "abcd")
    history = History(a)
    history.push("Scrub", b, "units")
    history.push("Scrub", c, "rate")
    history.push("Scrub", d)
    assert [history.undo(), history.undo(), history.undo()] == [c, b, a]


def test_nothing_merges_across_the_saved_document() -> None:
    a, b, c = (titled(name) for name in "abc")
    history = History(a)
    history.push("Scrub", b, "units")
    history.mark_saved()
    history.push("Scrub", c, "units")
    assert not history.is_clean
    assert history.undo() is b
    assert history.is_clean


def test_pushing_the_current_document_does_nothing() -> None:
    a, b = titled("a"), titled("b")
    history = History(a)
    history.push("Edit", b)
    history.undo()
    history.push("Nothing", a)
    assert history.can_redo
    assert not history.can_undo


def test_a_new_edit_forgets_what_was_undone() -> None:
    a, b, c = (titled(name) for name in "abc")
    history = History(a)
    history.push("Edit", b)
    history.undo()
    history.push("Other", c)
    assert not history.can_redo
    assert history.redo() is c


def test_undo_and_redo_with_nothing_there_stay() -> None:
    a = titled("a")
    history = History(a)
    assert history.undo() is a
    assert history.redo() is a
    assert (history.undo_title, history.redo_title) == ("", "")


def test_the_saved_mark_follows_the_document_that_was_written() -> None:
    a, b, c = (titled(name) for name in "abc")
    history = History(a)
    assert history.is_clean
    history.push("Edit", b)
    history.push("Edit", c)  # edited on while b was being written
    history.mark_saved(b)
    assert not history.is_clean
    history.undo()
    assert history.is_clean
    history.mark_unsaved()
    assert not history.is_clean


def test_the_oldest_entries_are_forgotten() -> None:
    documents = [titled(str(number)) for number in range(10)]
    history = History(documents[0], entries=3)
    for document in documents[1:]:
        history.push("Edit", document)
    count = 0
    while history.can_undo:
        history.undo()
        count += 1
    assert count == 3
    assert history.document is documents[6]


def test_memory_is_bounded_by_what_entries_do_not_share() -> None:
    document = tiny_mlp()
    small, large = History(document, size=100_000), History(document, size=100_000)
    for number in range(30):
        small.push("Rename", replace(small.document, about=About(title=str(number))))
        nodes = {f"n{number}x{i}": Node(id=f"n{number}x{i}", type="relu", label="relu") for i in range(20)}
        graph = replace(large.document.graph, nodes={**large.document.graph.nodes, **nodes})
        large.push("Paste", replace(large.document, graph=graph))

    def depth(history: History) -> int:
        count = 0
        while history.can_undo:
            history.undo()
            count += 1
        return count

    assert depth(small) == 30
    assert 1 <= depth(large) < 6


def test_blocks_count_too() -> None:
    block = Definition(key="b", title="B", graph=tiny_mlp().graph)
    history = History(Document(blocks={"b": block}), size=3_000)
    for number in range(5):
        history.push("Edit", edits.set_note(history.document, "flat", str(number), scope="b"))
    count = 0
    while history.can_undo:
        history.undo()
        count += 1
    assert count < 3
