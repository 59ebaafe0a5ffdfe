"""The folder of a case: its files, and what is done to them between runs."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from .errors import CaseError
from .mount import Mounts

__all__ = ["World"]

JSON = Any


class World:
    """A case's folder.

    :param folder: new and empty; ``{{case}}`` in texts stands for it, ``{{marks}}`` for the
        file in which jobs leave their marks, ``{{search_path}}`` for the runner's ``PATH``.
    """

    def __init__(self, folder: Path, mounts: Mounts) -> None:
        self.folder = folder
        self.marks_file = folder / "marks"
        self.store = folder / "store"
        self.search_path = os.pathsep.join(
            [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        )
        self.mounts = mounts
        for name in ("home", "tmp", "logs"):
            (folder / name).mkdir(parents=True)

    # Marks ------------------------------------------------------------------------------

    def marks(self) -> Counter[str]:
        """Return how often each mark has been left until now."""
        try:
            return Counter(self.marks_file.read_text(encoding="utf-8").splitlines())
        except FileNotFoundError:
            return Counter()

    # Files ------------------------------------------------------------------------------

    def path(self, name: str) -> Path:
        """Return the path of something in the folder.

        :raises CaseError: if it would lie outside.
        """
        path = self.folder / name
        if self.folder not in (path.parent.resolve() / path.name).parents:
            raise CaseError(f"{name!r} lies outside the case's folder")
        return path

    def write(self, name: str, content: JSON) -> None:
        """Write a file: a text, or a value as JSON, which is YAML and so CWL."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text(content), encoding="utf-8")

    def text(self, content: JSON) -> str:
        """Return the text of a file's content."""
        if not isinstance(content, str):
            content = json.dumps(content, indent=1, ensure_ascii=False)
        # Names in JSON texts need no escape: the driver's folders have plain names.
        known = {
            "case": str(self.folder),
            "marks": str(self.marks_file),
            "search_path": self.search_path,
        }
        return re.sub(r"\{\{(case|marks|search_path)\}\}", lambda found: known[found[1]], content)
