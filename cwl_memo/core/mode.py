"""Modes of files and directories: who may do what with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from cwl_memo.errors import FormatError

__all__ = ["USUAL", "Mode"]


@dataclass(frozen=True)
class Mode:
    """Who may do what with a file or a directory.

    Most files have what their makers' umask gives; they get what that of the next user gives.

    :param executable: whether its owner may execute it.
    :param exact: the permission bits, where they are not what the umask gave.
    """

    executable: bool = False
    exact: int | None = None

    @classmethod
    def of(cls, bits: int, umask: int) -> Mode:
        """Return the mode of a file with these permission bits, made under a umask."""
        bits &= 0o777
        executable = bool(bits & 0o100)
        usual = (0o777 if executable else 0o666) & ~umask
        return cls(executable, None if bits == usual else bits)

    @classmethod
    def of_directory(cls, bits: int, umask: int) -> Mode:
        """Return the mode of a directory with these permission bits, made under a umask."""
        bits &= 0o777
        return cls(exact=None if bits == 0o777 & ~umask else bits)

    @property
    def asked(self) -> int:
        """The bits to make a file with, from which the umask takes."""
        return 0o777 if self.executable else 0o666

    def to_json(self) -> dict[str, Any]:
        """Return the members that say so; none for a usual file."""
        data: dict[str, Any] = {}
        if self.executable:
            data["executable"] = True
        if self.exact is not None:
            data["mode"] = f"{self.exact:04o}"
        return data

    @classmethod
    def from_json(cls, data: Any, path: str) -> Mode:
        """Read it from the members of a file.

        :raises FormatError: if they are malformed.
        """
        if "executable" not in data and "mode" not in data:
            return USUAL
        executable = data.get("executable", False)
        if not isinstance(executable, bool):
            raise FormatError("not a boolean", f"{path}.executable")
        text = data.get("mode")
        if text is None:
            return cls(executable)
        if not isinstance(text, str) or not re.fullmatch("0[0-7]{3}", text):
            raise FormatError("no mode in octal", f"{path}.mode")
        return cls(executable, int(text, 8))


USUAL: Final = Mode()
"""The mode of a file that nobody executes, as the umask gives it."""
