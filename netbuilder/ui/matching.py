"""How well words answer a search: for lists that are ranked while one types."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+")


def match(query: str, title: str, more: str = "") -> float:
    """Say how well a title answers a search, 0 for not at all.

    Each word of the query must be found: at the title's beginning best, then at the beginning of one of its words,
    then anywhere in it, then in what else is known, then as the initials of its words, at last as letters in order.

    Args:
        query: What was typed.
        title: The name.
        more: Other words that may answer: where it stands, what it does.
    """
    title, more = title.casefold(), more.casefold()
    total = 0.0
    for word in query.casefold().split():
        points = _match_word(word, title, more)
        if not points:
            return 0.0
        total += points
    return total


def _match_word(word: str, title: str, more: str) -> float:
    if title.startswith(word):
        return 10.0 + len(word) / max(len(title), 1)
    at = title.find(word)
    if at >= 0:
        return 8.0 if title[at - 1].isalnum() else 9.0
    initials = "".join(found[0] for found in _WORD.findall(title))
    if len(word) > 1 and initials.startswith(word):
        return 7.0
    if len(word) > 1 and word in more:
        return 4.0
    letters = iter(title)
    return 1.0 if len(word) > 2 and all(letter in letters for letter in word) else 0.0
