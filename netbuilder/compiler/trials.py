"""Trials: what a custom layer gives, found by running it in a process of its own.

Code that never ends, fills the memory or brings its process down leaves the window alone: the process is given a few
seconds, then it is gone and the next trial gets a new one. Questions and answers are lines of JSON; what the process
does stands in `custom_child`. The process lives until the program ends.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from netbuilder.compiler.facts import Facts
from netbuilder.compiler.wording import Trouble
from netbuilder.foundation.module_process import start_module
from netbuilder.foundation.preferences import config_folder
from netbuilder.layers.custom import code_of, settings
from netbuilder.layers.custom_code import parse_names
from netbuilder.layers.spec import Types
from netbuilder.layers.tensor import Size, TensorType

SECONDS: Final = 10.0
"""How long one trial may take."""

GRACE: Final = 5.0
"""How much longer a process is waited for that should have ended itself."""

KEPT: Final = 500
"""How many answers are kept; then all are dropped."""

CODE_FILE: Final = "<custom layer>"
"""What tracebacks call a text in the process."""

_LINE: Final = re.compile(rf'File "{CODE_FILE}", line (\d+)')

Answer = Mapping[str, Any]


def try_out(values: Mapping[str, Any], derived: Mapping[str, int], inputs: Types, may_wait: bool) -> Facts | None:
    """Return what a custom layer gives for these inputs.

    Args:
        values: Its resolved parameters; its code is trusted.
        derived: The sizes that its constructor takes from its input.
        inputs: The types of its linked inputs.
        may_wait: Whether to wait for the answer; else None is returned until it is there.
    """
    answer = TRIALS.ask(_question(values, derived, inputs), may_wait)
    return None if answer is None else _facts(answer, values, derived, inputs)


def _question(values: Mapping[str, Any], derived: Mapping[str, int], inputs: Types) -> str:
    code = code_of(values)
    assert code is not None, "what is no layer is an obstacle that was reported"
    question = {
        "home": str(config_folder()),
        "code": values["code"],
        "name": code.name,
        "is_class": code.is_class,
        "settings": {**derived, **settings(code, values)},
        "inputs": [[each.name, each.named, _plain_type(inputs.get(each.name))] for each in code.inputs],
        "outputs": [name for name, _ in parse_names(values["outputs"])] or ["y"],
    }
    return json.dumps(question)


def _plain_type(found: TensorType | None) -> Any:
    if found is None:
        return None
    dims = [[each.symbol, each.factor, each.offset] if isinstance(each, Size) else each for each in found.dims]
    return {"dims": dims, "dtype": found.dtype}


def _facts(answer: Answer, values: Mapping[str, Any], derived: Mapping[str, int], inputs: Types) -> Facts:
    if "error" in answer:
        line = int(answer.get("line", 0))
        given = ", ".join(str(found) for found in inputs.values())
        place = f", at line {line} of its code" if line else ""
        message = f"{answer['error']}{place}" + (f" (input: {given})" if given else "")
        names = answer.get("outputs")
        return Facts(
            troubles=(
                Trouble(
                    code=answer.get("code", "custom.failed"),
                    message=message,
                    parameter="outputs" if names else "code",
                    line=line,
                    set={"outputs": names} if names else {},
                ),
            )
        )
    types = {port: _type(found) for port, found in answer["types"].items()}
    weights = None
    if answer["weights"] is not None:
        from netbuilder.compiler.meta import Weights

        total, trainable, names = answer["weights"]
        weights = Weights(total, trainable if values["trainable"] else 0, tuple(names))
    return Facts(types, derived, weights, known=True)


def _type(found: Mapping[str, Any]) -> TensorType:
    dims = (Size(*each) if isinstance(each, list) else each for each in found["dims"])
    return TensorType(tuple(dims), found["dtype"])


@dataclass
class Trials:
    """The process, the questions that wait for it, and the answers it gave."""

    _answers: dict[str, Answer] = field(default_factory=dict)
    _waiting: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _works: bool = False
    _child: _Child | None = None

    def ask(self, question: str, may_wait: bool) -> Answer | None:
        """Return the answer to a question; None while it is not there, unless that may be waited for."""
        with self._changed:
            if question not in self._answers and question not in self._waiting:
                self._waiting.append(question)
            if self._waiting and not self._works:
                self._works = True
                threading.Thread(target=self._work, name="netbuilder-custom-trials", daemon=True).start()
            while may_wait and question not in self._answers:
                self._changed.wait()
            return self._answers.get(question)

    @property
    def is_idle(self) -> bool:
        """Whether no question waits for its answer."""
        with self._changed:
            return not self._works

    def close(self) -> None:
        """End the process, and with it the trial that is going on."""
        with self._changed:
            del self._waiting[1:]
            if self._works and self._child is not None:
                self._child.kill()
            self._changed.wait_for(lambda: not self._works, 1.0)
        self._drop()

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _work(self) -> None:
        """Answer what waits, one question after the other, until nothing does."""
        while True:
            with self._changed:
                if not self._waiting:
                    self._works = False
                    self._changed.notify_all()
                    return
                question = self._waiting[0]
            answer = self._answer(question)
            with self._changed:
                if len(self._answers) >= KEPT:
                    self._answers.clear()
                self._answers[question] = answer
                self._waiting.remove(question)
                self._changed.notify_all()

    def _answer(self, question: str) -> Answer:
        try:
            if self._child is None:
                self._child = _Child()
            answer = self._child.ask(question)
        except OSError as error:
            answer = {"error": f"cannot be tried, since no process can be started for it ({error})"}
        except Exception as error:  # a defect of ours, told where it is seen: whoever waits must get an answer
            answer = {"code": "custom.ended", "error": f"cannot be tried: {type(error).__name__}: {error}"}
        if answer.get("code") == "custom.ended":
            self._drop()
        return answer


class _Child:
    """The process."""

    def __init__(self) -> None:
        """Start it.

        Raises:
            OSError: When the system refuses.
        """
        self._started = start_module("netbuilder.compiler.custom_child", str(SECONDS), OMP_NUM_THREADS="1")
        self._process = self._started.process
        self._ready = False

    def ask(self, question: str) -> Answer:
        """Return the answer to a question, or why there is none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if not self._ready and not self._process.stdout.readline():
            return self._ended()
        self._ready = True
        timer = threading.Timer(SECONDS + GRACE, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(question.encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            timer.cancel()
            timer.join()
        try:
            answer = json.loads(line)
        except ValueError:
            return self._ended()
        return answer if isinstance(answer, dict) else self._ended()

    def kill(self) -> None:
        """End it in the middle of a trial; who waits for the answer gets one that says so."""
        self._process.kill()

    def close(self) -> None:
        """End it and forget it; it has nothing to lose."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone already
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._started.report.close()

    def _ended(self) -> Answer:
        """Return the answer that a process gave by ending."""
        self._process.wait()
        report = self._started.printed(1 << 20)
        found = _LINE.search(report)
        answer = {"code": "custom.ended", "line": int(found.group(1)) if found else 0}
        if not self._ready:
            words = " ".join(report.split())[-200:]
            return {**answer, "error": f"cannot be tried: its process ended with {self._process.returncode}: {words}"}
        if "Timeout (" in report:
            why = f"did not come to an end within {SECONDS:g} seconds while its shapes were found: look for a loop"
            return {**answer, "error": f"{why} that never ends"}
        why = f"brought down the process in which its shapes were found (exit code {self._process.returncode})"
        return {**answer, "error": why}


TRIALS: Final = Trials()
"""The one process for all documents."""

atexit.register(TRIALS.close)
