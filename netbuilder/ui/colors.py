"""Colour maps as tables of 256 colours: viridis for activations, a diverging one for weights and gradients.

numpy only; a table is an array (256, 3) of uint8, read-only. `colorize` looks values up, `qt_table` is what an
indexed `QImage` takes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.uint8]

# Viridis by Nathaniel J. Smith, Stefan van der Walt and Eric Firing (CC0).
_VIRIDIS = (
    "44015444025645045745055946075a46085c460a5d460b5e470d60470e6147106347116447136548146748166848176948186a481a6c"
    "481b6d481c6e481d6f481f70482071482173482374482475482576482677482878482979472a7a472c7a472d7b472e7c472f7d46307e"
    "46327e46337f463480453581453781453882443983443a83443b84433d84433e85423f85424086424186414287414487404588404688"
    "3f47883f48893e49893e4a893e4c8a3d4d8a3d4e8a3c4f8a3c508b3b518b3b528b3a538b3a548c39558c39568c38588c38598c375a8c"
    "375b8d365c8d365d8d355e8d355f8d34608d34618d33628d33638d32648e32658e31668e31678e31688e30698e306a8e2f6b8e2f6c8e"
    "2e6d8e2e6e8e2e6f8e2d708e2d718e2c718e2c728e2c738e2b748e2b758e2a768e2a778e2a788e29798e297a8e297b8e287c8e287d8e"
    "277e8e277f8e27808e26818e26828e26828e25838e25848e25858e24868e24878e23888e23898e238a8d228b8d228c8d228d8d218e8d"
    "218f8d21908d21918c20928c20928c20938c1f948c1f958b1f968b1f978b1f988b1f998a1f9a8a1e9b8a1e9c891e9d891f9e891f9f88"
    "1fa0881fa1881fa1871fa28720a38620a48621a58521a68522a78522a88423a98324aa8325ab8225ac8226ad8127ad8128ae8029af7f"
    "2ab07f2cb17e2db27d2eb37c2fb47c31b57b32b67a34b67935b77937b87838b9773aba763bbb753dbc743fbc7340bd7242be7144bf70"
    "46c06f48c16e4ac16d4cc26c4ec36b50c46a52c56954c56856c66758c7655ac8645cc8635ec96260ca6063cb5f65cb5e67cc5c69cd5b"
    "6ccd5a6ece5870cf5773d05675d05477d1537ad1517cd2507fd34e81d34d84d44b86d54989d5488bd6468ed64590d74393d74195d840"
    "98d83e9bd93c9dd93ba0da39a2da37a5db36a8db34aadc32addc30b0dd2fb2dd2db5de2bb8de29bade28bddf26c0df25c2df23c5e021"
    "c8e020cae11fcde11dd0e11cd2e21bd5e21ad8e219dae319dde318dfe318e2e418e5e419e7e419eae51aece51befe51cf1e51df4e61e"
    "f6e620f8e621fbe723fde725"
)

# Both run blue - neutral - orange, which colour-blind eyes tell apart; zero looks like the background, so that what
# is large stands out.
_DIVERGING_DARK = ("b5d6ff", "4a86ea", "1f242d", "dc7a2c", "ffd6a6")
_DIVERGING_LIGHT = ("0b3a8f", "5b94ea", "f4f5f7", "e58a3c", "8f3d00")


def _bytes(text: str) -> Table:
    return np.frombuffer(bytes.fromhex(text), dtype=np.uint8).reshape(-1, 3)


def _interpolate(anchors: tuple[str, ...]) -> Table:
    known = _bytes("".join(anchors)).astype(np.float64)
    at = np.linspace(0.0, 1.0, 256)
    channels = [np.interp(at, np.linspace(0.0, 1.0, len(known)), known[:, channel]) for channel in range(3)]
    table = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    table.setflags(write=False)
    return table


VIRIDIS: Table = _bytes("".join(_VIRIDIS))
"""From low (dark violet) to high (yellow)."""

DIVERGING_DARK: Table = _interpolate(_DIVERGING_DARK)
"""Negative blue, zero dark, positive orange: on the dark theme."""

DIVERGING_LIGHT: Table = _interpolate(_DIVERGING_LIGHT)
"""Negative blue, zero light, positive orange: on the light theme."""

GRAY: Table = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
"""Black to white: samples as they are."""
GRAY.setflags(write=False)


def diverging(dark: bool) -> Table:
    """Return the diverging table that suits the theme."""
    return DIVERGING_DARK if dark else DIVERGING_LIGHT


def indices(values: NDArray[np.floating], low: float, high: float) -> NDArray[np.uint8]:
    """Return each value's place in a table, `low` at 0 and `high` at 255; what is not finite is at 0.

    For a diverging table pass `-limit, limit`.
    """
    span = high - low
    scaled = (np.asarray(values, dtype=np.float64) - low) * (255.0 / span if span > 0 else 0.0)
    return np.rint(np.clip(np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0), 0.0, 255.0)).astype(np.uint8)


def colorize(values: NDArray[np.floating], low: float, high: float, table: Table = VIRIDIS) -> NDArray[np.uint8]:
    """Return the values as colours: the shape of `values` with a last axis of red, green, blue."""
    return table[indices(values, low, high)]


@cache
def _packed(data: bytes) -> tuple[int, ...]:
    table = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3).astype(np.uint32)
    return tuple(((0xFF << 24) | (table[:, 0] << 16) | (table[:, 1] << 8) | table[:, 2]).tolist())


def qt_table(table: Table) -> tuple[int, ...]:
    """Return a table as `0xffrrggbb` numbers, for `QImage.setColorTable` of an `Indexed8` image."""
    return _packed(table.tobytes())
