"""Text that others wrote, as it may be shown on a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""Return ``text`` with every character that a terminal would obey written as ``\x1b``.

    Names come from documents and from entries that others wrote; none of them may move
    the cursor, change colours or break a line.
    """
    return "".join(
        c if c == " " or unicodedata.category(c)[0] not in "CZ" else ascii(c)[1:-1] for c in text
    )
