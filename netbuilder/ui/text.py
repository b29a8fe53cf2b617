"""Numbers and times as people read them."""

from __future__ import annotations

import time


def grouped(number: float) -> str:
    """Return a whole number with its thousands grouped: 1,842."""
    return f"{number:,.0f}"


def compact(number: float) -> str:
    """Return a large number short: 18,432, but 0.63 M and 4.1 G."""
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e5, "M")):
        if number >= limit:
            scale = 1e6 if unit == "M" else limit
            return f"{number / scale:.3g} {unit}" if number / scale >= 1 else f"{number / scale:.2f} {unit}"
    return grouped(number)


def counted(number: int, noun: str) -> str:
    """Return "1 node", "7 nodes"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a span as 0:07, 12:30 or 1:02:05."""
    whole = max(0, round(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def speed(steps_a_second: float) -> str:
    """Return "1,842 steps/s", or "0.42 steps/s" for slow ones."""
    shown = grouped(steps_a_second) if steps_a_second >= 10 else f"{steps_a_second:.2g}"
    return f"{shown} steps/s"


def ago(then: float, now: float | None = None) -> str:
    """Return how long ago a `time.time()` was: "12 s ago", "3 min ago", "yesterday", "12 Nov"."""
    now = time.time() if now is None else now
    passed = max(0.0, now - then)
    if passed < 1:
        return "just now"
    if passed < 60:
        return f"{passed:.0f} s ago"
    if passed < 3600:
        return f"{passed // 60:.0f} min ago"
    if passed < 20 * 3600:
        return f"{passed // 3600:.0f} h ago"
    day, today = time.localtime(then), time.localtime(now)
    if passed < 2 * 86400 and (today.tm_yday - day.tm_yday) in (1, -364, -365):
        return "yesterday"
    if passed < 6 * 86400:
        return time.strftime("%A", day)
    return time.strftime("%d %b" if day.tm_year == today.tm_year else "%d %b %Y", day).lstrip("0")


def clock(then: float, now: float | None = None) -> str:
    """Return when a `time.time()` was: "14:03:22", "yesterday at 14:03", "12 Nov at 14:03"."""
    now = time.time() if now is None else now
    at, today = time.localtime(then), time.localtime(now)
    if at[:3] == today[:3]:
        return time.strftime("%H:%M:%S", at)
    if time.localtime(now - 86_400)[:3] == at[:3]:
        return time.strftime("yesterday at %H:%M", at)
    day = time.strftime("%d %b" if at.tm_year == today.tm_year else "%d %b %Y", at).lstrip("0")
    return day + time.strftime(" at %H:%M", at)


def file_size(size: int) -> str:
    """Return a file's size: "812 bytes", "14 kB", "3.2 MB", "1.5 GB"."""
    if size < 1_000:
        return counted(size, "byte")
    if size < 1e6:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
