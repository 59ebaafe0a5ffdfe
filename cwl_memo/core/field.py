"""Fields of data that another program, another user or an attacker may have written."""

from __future__ import annotations

import math
from typing import Any, TypeVar, overload

from cwl_memo.errors import FormatError

__all__ = ["finite_float", "need"]

_T = TypeVar("_T")


@overload
def need(data: Any, name: str, kind: type[_T], path: str) -> _T: ...
@overload
def need(data: Any, name: str, kind: tuple[type, ...], path: str) -> Any: ...
def need(data: Any, name: str, kind: type | tuple[type, ...], path: str) -> Any:
    """Return a field of an object, if it is of a type.

    :param path: of the object, for the message; empty for the whole document.
    :raises FormatError: if there is no such field, it is of another type, or ``data`` is no
        object. A boolean is no number here.
    """
    if not isinstance(data, dict):
        raise FormatError("not an object", path)
    value = data.get(name)
    wrong_bool = isinstance(value, bool) and kind is not bool
    if name not in data or not isinstance(value, kind) or wrong_bool:
        raise FormatError("missing or of the wrong type", f"{path}.{name}" if path else name)
    return value


def finite_float(text: str) -> float:
    """Return a number of JSON, for ``parse_float``; one too large for a float is none.

    :raises ValueError: if it is too large, which ``json`` takes for infinite.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"number too large: {text[:40]}")
    return number
