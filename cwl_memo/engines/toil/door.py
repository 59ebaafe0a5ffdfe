"""Every Toil name that cwl-memo uses, imported in one place; and whether it is a Toil we know.

``tests/engines/toil/test_door.py`` asserts what is used of each.
"""

from __future__ import annotations

import inspect
import re
from importlib import metadata
from typing import Any, Final

from cwl_memo.errors import UsageError

__all__ = [
    "TESTED",
    "TOIL",
    "FileID",
    "FileJobStore",
    "check_toil",
    "cwltoil",
    "is_tested",
    "toil_version",
]

TESTED: Final = ("9.6",)
"""The series of Toil that cwl-memo was tested with."""

TOIL: Final = "pip install 'cwl-memo[toil]'"
"""What installs the right one."""

try:
    from toil.cwl import cwltoil
    from toil.fileStores import FileID
    from toil.jobStores.fileJobStore import FileJobStore
except ImportError as error:
    raise UsageError(f"Toil cannot be imported ({error}); install it: {TOIL}") from error


def toil_version() -> str:
    """Return the version of the Toil that is installed."""
    return metadata.version("toil")


def is_tested() -> bool:
    """Tell whether cwl-memo was tested with the series of this Toil."""
    found = re.match(r"\d+\.\d+", toil_version())
    return found is not None and found.group() in TESTED


def check_toil() -> None:
    """See that the one name which is replaced is what it was in the versions tested.

    :raises UsageError: if it is not.
    """
    make: Any = getattr(cwltoil, "toil_make_tool", None)
    base: Any = getattr(cwltoil, "ToilCommandLineTool", None)
    good = callable(make) and isinstance(base, type) and _takes(make, 2)
    source = inspect.getsource(cwltoil.main) if good and callable(cwltoil.main) else ""
    if "construct_tool_object = toil_make_tool" not in source:
        series = ", ".join(TESTED)
        raise UsageError(
            f"Toil {toil_version()} makes its tools otherwise than those tested ({series}); "
            f"install one of these: {TOIL}"
        )


def _takes(function: Any, count: int) -> bool:
    return len(inspect.signature(function).parameters) == count
