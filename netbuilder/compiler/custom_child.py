"""The process in which custom layers are tried: `python -m netbuilder.compiler.custom_child SECONDS`.

It reads a question a line and writes an answer a line (see `trials`), and ends when nobody asks any more. A layer is
first built and run on torch's meta device, without memory and arithmetic. Code that looks at values cannot run there;
it is run on the processor with small sizes. Both are done twice, with other sizes, to tell N and T from numbers.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, Final

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from netbuilder.compiler.callables import MODULES
from netbuilder.compiler.module import execute
from netbuilder.compiler.trials import CODE_FILE
from netbuilder.compiler.wording import fold
from netbuilder.foundation.preferences import HOME
from netbuilder.foundation.problem import NetbuilderError

MEMORY: Final = 6 << 30
"""Bytes that the process may use, where the system can be told."""

Sizes = Mapping[str | None, int]
"""What N, T and an unknown size (None) are in one run."""

RUNS: Final[Sequence[Sizes]] = (
    {"N": 3, "T": 37, None: 41},
    {"N": 5, "T": 37, None: 41},
    {"N": 3, "T": 53, None: 59},
    {"N": 3, "T": 37, None: 41},
)
"""The sizes of each run: the second tells N, the third T; the last, on other numbers, what hangs on the values."""

Found = Sequence[tuple[tuple[int, ...], str]]
"""The shape and dtype of each output."""


class Mistake(Exception):
    """What the code gives is not what a layer gives.

    Attributes:
        outputs: The names of outputs that would fit, or "".
    """

    def __init__(self, message: str, outputs: str = "") -> None:
        super().__init__(message)
        self.outputs = outputs


def main() -> None:
    """Answer until the input ends."""
    seconds = float(sys.argv[1])
    questions, answers, report = _take_streams()
    faulthandler.enable(file=report)
    _limit_memory()
    torch.set_num_threads(1)
    # The first use of the meta device imports for seconds, which no trial should be blamed for.
    nn.functional.linear(torch.empty(2, 4, device="meta"), torch.empty(4, 4, device="meta"))
    _say(answers, {"ready": True})
    for line in questions:
        # Ends the process from outside of Python, whatever the code is doing; the report says at which line it was.
        faulthandler.dump_traceback_later(seconds, exit=True, file=report)
        answer = answer_to(json.loads(line))
        faulthandler.cancel_dump_traceback_later()
        _say(answers, answer)


def answer_to(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a layer gives, or why it gives nothing.

    Args:
        question: See `trials._question`.
    """
    os.environ[HOME] = question["home"]
    # Code that ends the program included: whatever is wrong, the run on the processor tells it.
    with contextlib.suppress(BaseException):
        return _measure(question, "meta")
    try:
        return _measure(question, "cpu")
    except NetbuilderError as error:
        return {"error": error.problems[0].message}
    except Mistake as error:
        return {"error": str(error), **({"outputs": error.outputs} if error.outputs else {})}
    except MemoryError:
        return {"error": "needs more memory than there is while its shapes are found"}
    except BaseException as error:
        return {"error": _told(error), "line": _line(error)}


def _measure(question: Mapping[str, Any], device: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {**MODULES, "Tensor": torch.Tensor, "__name__": "custom_layer"}
    torch.manual_seed(0)
    execute(question["code"], namespace, CODE_FILE, (question["code"],))
    thing = namespace[question["name"]]
    settings = {name: _tuples(value) for name, value in question["settings"].items()}
    weights = None
    if question["is_class"]:
        with torch.device(device):
            call = thing(**settings)
        settings = {}
        weights = _weights(question["name"], call)
    else:
        call = thing
    with torch.device(device):
        found = [_run(call, question, settings, sizes, device) for sizes in RUNS]
    names = question["outputs"]
    types = {name: _type([run[index] for run in found]) for index, name in enumerate(names)}
    return {"types": types, "weights": weights}


def _weights(name: str, module: object) -> list[Any]:
    if not isinstance(module, nn.Module):
        raise Mistake(f"has a class {name} that does not derive from nn.Module")
    named = dict(module.named_parameters())
    if any(isinstance(weight, UninitializedParameter) for weight in named.values()):
        raise Mistake("uses a lazy layer: let __init__ take in_features or in_channels, which is filled in for it")
    total = sum(weight.numel() for weight in named.values())
    return [total, sum(weight.numel() for weight in named.values() if weight.requires_grad), list(named)]


def _run(
    call: Callable[..., Any], question: Mapping[str, Any], settings: Mapping[str, Any], sizes: Sizes, device: str
) -> Found:
    positional, named = [], dict(settings)
    for name, is_named, type_ in question["inputs"]:
        if type_ is None:
            continue
        tensor = _tensor(type_, sizes, device)
        if is_named:
            named[name] = tensor
        else:
            positional.append(tensor)
    return _outputs(call(*positional, **named), question["outputs"])


def _tensor(type_: Mapping[str, Any], sizes: Sizes, device: str) -> torch.Tensor:
    shape = [_number(dim, sizes) for dim in type_["dims"]]
    dtype = getattr(torch, type_["dtype"])
    if device == "cpu" and dtype.is_floating_point:
        return torch.rand(shape, dtype=dtype)
    return torch.zeros(shape, dtype=dtype, device=device)


def _number(dim: Any, sizes: Sizes) -> int:
    if isinstance(dim, list):
        symbol, factor, offset = dim
        return int(factor * sizes[symbol] + offset)
    return sizes[None] if dim is None else int(dim)


def _outputs(result: object, names: Sequence[str]) -> Found:
    """Return the shape and dtype of each output, or say what is wrong with the result."""
    values = [result] if len(names) == 1 else result
    if not isinstance(values, (tuple, list)):
        raise Mistake(f"has {len(names)} outputs, but its code returns {_kind(result)}", "y")
    if len(names) == 1 and isinstance(result, (tuple, list)):
        wanted = ", ".join(f"y{number}" for number in range(1, len(result) + 1))
        raise Mistake(f"has one output, but its code returns {_kind(result)}", wanted)
    if len(values) != len(names):
        wanted = ", ".join(
            [*names, *(f"y{number}" for number in range(len(names) + 1, len(values) + 1))][: len(values)]
        )
        raise Mistake(f"has {len(names)} outputs, but its code returns {_kind(result)}", wanted)
    found = []
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, torch.Tensor):
            raise Mistake(f"returns {_kind(value)} as its output {name}, where a tensor is expected")
        found.append((tuple(value.shape), str(value.dtype).removeprefix("torch.")))
    return found


def _kind(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return "one tensor"
    if isinstance(value, (tuple, list)):
        return f"{len(value)} values"
    return "nothing" if value is None else f"a value of the type {type(value).__name__}"


def _type(runs: Sequence[tuple[tuple[int, ...], str]]) -> dict[str, Any]:
    """Return the type that a port's shapes in all runs have in common."""
    shapes = [shape for shape, _ in runs]
    if len({len(shape) for shape in shapes}) > 1 or len({dtype for _, dtype in runs}) > 1:
        raise Mistake("gives another number of axes or another type of numbers from run to run")
    return {"dims": [_dim(*sizes) for sizes in zip(*shapes, strict=True)], "dtype": runs[0][1]}


def _dim(first: int, more: int, longer: int, again: int) -> Any:
    """Read a size back: a number, `[symbol, factor, offset]`, or None where it is neither."""
    if first != again:
        return None
    by_batch, by_length = more - first, longer - first
    if not by_batch and not by_length:
        return first
    if by_batch and not by_length:
        factor, rest = divmod(by_batch, RUNS[1]["N"] - RUNS[0]["N"])
        return None if rest else ["N", factor, first - factor * RUNS[0]["N"]]
    factor, rest = divmod(by_length, RUNS[2]["T"] - RUNS[0]["T"])
    return None if by_batch or rest else ["T", factor, first - factor * RUNS[0]["T"]]


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _told(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "tried to end the program"
    text = fold(str(error))
    return f"failed while its shapes were found: {type(error).__name__}" + (f": {text}" if text else "")


def _line(error: BaseException) -> int:
    """Return the last line of the code that an error went through; 0 when it is in none."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == CODE_FILE]
    return lines[-1] or 0 if lines else 0


def _take_streams() -> tuple[BinaryIO, BinaryIO, BinaryIO]:
    """Take the three streams for ourselves: what the code reads and prints must not get among the answers."""
    questions, answers, report = os.dup(0), os.dup(1), os.dup(2)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    os.close(nothing)
    return os.fdopen(questions, "rb"), os.fdopen(answers, "wb"), os.fdopen(report, "wb", buffering=0)


def _limit_memory() -> None:
    """Make a process that takes all memory fail by itself."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows, or less is allowed already
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _say(answers: BinaryIO, answer: Mapping[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
