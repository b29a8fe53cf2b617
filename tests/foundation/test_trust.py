"""Trust is given to a text, kept among the user's settings, and never assumed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netbuilder.foundation import trust
from netbuilder.foundation.problem import NetbuilderError

CODE = "def double(x):\n    return 2 * x\n"


def test_nothing_is_trusted_at_first(home: Path) -> None:
    assert not trust.is_trusted(CODE)
    assert not trust.is_trusted("")
    assert trust.count() == 0
    assert not home.exists(), "asking leaves no file"


def test_a_text_is_trusted_by_its_content(home: Path) -> None:
    trust.grant([CODE])
    assert trust.is_trusted(CODE)
    assert not trust.is_trusted(CODE + "\n")
    assert not trust.is_trusted(CODE.replace("2", "3"))
    assert CODE not in (home / trust.FILE).read_text("utf-8"), "the hash is kept, not the text"


def test_trust_lasts_and_is_seen_by_others(home: Path) -> None:
    trust.grant([CODE])
    kept = (home / trust.FILE).read_bytes()
    trust.grant(["another"])
    assert trust.is_trusted(CODE)
    (home / trust.FILE).write_bytes(kept)  # as another process would
    assert trust.is_trusted(CODE)
    assert not trust.is_trusted("another")


def test_trust_is_taken_back() -> None:
    trust.grant([CODE, "another"])
    assert trust.forget() == 2
    assert not trust.is_trusted(CODE)
    assert trust.forget() == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"sha256": 3}', b'{"sha256": ["%s"]}', b"\xff" * 100])
def test_a_damaged_list_trusts_nothing(home: Path, content: bytes) -> None:
    trust.grant([CODE])
    (home / trust.FILE).write_bytes(content)
    assert not trust.is_trusted(CODE)
    trust.grant([CODE])
    assert trust.is_trusted(CODE)


def test_a_huge_list_trusts_nothing(home: Path) -> None:
    trust.grant([CODE])
    file = home / trust.FILE
    file.write_bytes(file.read_bytes() + b" " * trust.BYTES)
    assert not trust.is_trusted(CODE)


def test_trust_that_cannot_be_kept_is_not_given(home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be", "utf-8")
    with pytest.raises(NetbuilderError) as caught:
        trust.grant([CODE])
    assert caught.value.problems[0].code == "trust.folder"
    assert not trust.is_trusted(CODE)
    os.unlink(home)
    trust.grant([CODE])
    assert trust.is_trusted(CODE)


def test_texts_that_are_no_unicode_have_a_hash() -> None:
    trust.grant(["\ud800"])
    assert trust.is_trusted("\ud800")
    assert not trust.is_trusted("\ud801")


def test_hidden_characters_are_shown() -> None:
    assert trust.visible("a\tb\nc é") == "a\tb\nc é"
    assert trust.visible("\x1b[2J\r\u202e\u200b\U000e0041") == r"\x1b[2J\x0d\u202e\u200b\U000e0041"
