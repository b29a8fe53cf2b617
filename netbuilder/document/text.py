"""Text: JSON that people can read and compare line by line, and that is read back strictly.

Objects are sorted by key, one entry a line; short lists of plain values and links stand on one line. Reading
refuses what is ambiguous: keys given twice, NaN and infinities, broken Unicode, too deep or too large values.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from netbuilder.foundation.limits import DOCUMENT_BYTES, DOCUMENT_MARKS, MEBIBYTE
from netbuilder.foundation.problem import NetbuilderError, Problem

_WIDTH: Final = 110
_BYTE: Final = re.compile(r"\(byte (\d+)\)")
_scalar = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_text = json.encoder.encode_basestring  # the same for text, at a fifth of the cost


def write_json(value: Any) -> str:
    """Return `value` as text that ends in a newline.

    Raises:
        ValueError: When it holds a number that is not finite, or something that JSON has no form for.
    """
    pieces: list[str] = []
    _write(value, "\n", pieces)
    text = "".join(pieces) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, pasted from somewhere: better a "?" there than no file
        text = text.encode(errors="replace").decode()
    return text


def _write(value: Any, newline: str, out: list[str]) -> None:
    """Append the pieces of `value` to `out`; a new line inside it begins with `newline`."""
    inner = newline + "  "
    if isinstance(value, dict) and value:
        separator = "{"
        for key in sorted(value):
            out.append(f"{separator}{inner}{_text(key)}: ")
            _write(value[key], inner, out)
            separator = ","
        out.append(newline + "}")
    elif isinstance(value, (list, tuple)) and value:
        line = _one_line(value)
        if line is not None:
            out.append(line)
            return
        separator = "["
        for item in value:
            out.append(separator + inner)
            _write(item, inner, out)
            separator = ","
        out.append(newline + "]")
    else:
        out.append(_text(value) if isinstance(value, str) else _scalar(value))


def _one_line(value: list[Any] | tuple[Any, ...]) -> str | None:
    """Return a short list of plain values, or of lists of them (a link), on one line."""
    for item in value:
        if isinstance(item, dict):
            return None
        if isinstance(item, (list, tuple)) and any(isinstance(each, (list, tuple, dict)) for each in item):
            return None
    line = _scalar(value)
    return line if len(line) <= _WIDTH else None


def read_json(data: bytes, name: str) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        data: UTF-8 text.
        name: What problems call the file.

    Raises:
        NetbuilderError: When it is too large, not JSON, not an object, ambiguous or nested absurdly deep.
    """
    check_size(data, name)
    short = short_name(name)
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        refuse_file("file.empty", f"{short} is empty: nothing was ever saved in it, or saving was interrupted.", name)
    try:
        msgspec.json.decode(data)  # strict about numbers, Unicode and form; says where
        value = json.loads(data, object_pairs_hook=_unambiguous)
    except RecursionError:
        refuse_file("file.deep", f"{short} is nested too deeply to be a project.", name)
    except (ValueError, msgspec.DecodeError) as error:
        line = data.count(b"\n") + 1 if _is_cut(data, error) else _line(data, str(error))
        refuse_file(
            "file.json", f"{short} is damaged or not a NetBuilder project: {_reason(error, data, line)}.", name, line
        )
    if not isinstance(value, dict):
        refuse_file("file.json", f"{short} is not a NetBuilder project: expected a JSON object.", name, 1)
    return value


def check_size(data: bytes, name: str) -> None:
    """Refuse a text that is too large to be read, before anything is made of it; nothing such is written either.

    Raises:
        NetbuilderError: Saying what the limit is.
    """
    short = short_name(name)
    if len(data) > DOCUMENT_BYTES:
        most, found = DOCUMENT_BYTES // MEBIBYTE, len(data) / MEBIBYTE
        refuse_file("file.large", f"{short} is too large: expected at most {most} MB, found {found:.1f} MB.", name)
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > DOCUMENT_MARKS:
        refuse_file("file.large", f"{short} holds far more values than a project: expected at most a million.", name)


def short_name(name: str) -> str:
    """Return what messages call a file: its name without the folders."""
    return Path(name).name or name


def refuse_file(code: str, message: str, name: str, line: int = 0) -> NoReturn:
    """Refuse a file.

    Raises:
        NetbuilderError: Always.
    """
    raise NetbuilderError(Problem(code=code, message=message, file=name, line=line))


class _DuplicateKey(ValueError):
    """A key stands twice in one object, so that its meaning depends on the reader."""


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise _DuplicateKey(f"the key {twice[:60]!r} is given twice in one object")
    return result


def _line(data: bytes, message: str) -> int:
    found = _BYTE.search(message)
    if found:
        return data.count(b"\n", 0, int(found[1])) + 1
    return 0


def _is_cut(data: bytes, error: Exception) -> bool:
    return "truncated" in str(error) and not data.rstrip().endswith(b"}")


def _reason(error: Exception, data: bytes, line: int) -> str:
    if isinstance(error, _DuplicateKey):
        return str(error)
    if _is_cut(data, error):
        return f"it ends too early, in line {line}"
    if isinstance(error, UnicodeDecodeError) or "utf-8" in str(error).lower() or "surrogate" in str(error).lower():
        return "it holds bytes that are not text (UTF-8)"
    place = f" in line {line}" if line else ""
    return f"it is not valid JSON{place} ({_BYTE.sub('', str(error)).strip()})"
