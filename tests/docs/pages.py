"""The pages of the documentation, and the sessions printed in them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Step", "files_of", "pages", "run_session", "session_of", "shown_lines"]

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(
    r"(?:^<!-- session(?P<unchecked>: unchecked)? -->\n(?=```console\n))?"
    r'^```(?P<kind>\w*)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
_END = "<<<end of step>>>"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# What is another thing on each machine, or each time.
_PASSING = (
    (re.compile(r"\d{4}-\d\d-\d\d-\d{6}-[0-9a-f]{4,}"), "RUN"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "TIME"),
    (re.compile(r"\d+(?:\.\d)? s\b"), "SECONDS"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "KEY"),
    (re.compile(r"^\d{7}\b|(?<=\()\d{7}(?=\))|(?<=caches/)\d{7}\b"), "ID"),
    (re.compile(r"/\S+/"), "PATH/"),
    (re.compile(r"\s+"), " "),
)


@dataclass
class Step:
    """One command of a session, and what the page shows of its output."""

    command: str
    shown: list[str]
    checked: bool


def pages() -> list[Path]:
    """Return every page that is kept in the repository for people to read."""
    tops = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
    return [*tops, *sorted((ROOT / "docs").rglob("*.md"))]


def files_of(page: Path) -> dict[str, str]:
    """Return the files that a page tells its reader to make, by name."""
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return {match["title"]: match["text"] for match in found if match["title"]}


def session_of(page: Path) -> list[Step]:
    """Return the commands of the blocks that a page marks as its session."""
    steps: list[Step] = []
    for match in _FENCE.finditer(page.read_text(encoding="utf-8")):
        if not match[0].startswith("<!-- session"):
            continue
        for line in match["text"].splitlines():
            if line.startswith("$ "):
                steps.append(Step(line[2:], [], not match["unchecked"]))
            elif line != "…":
                steps[-1].shown.append(line)
    return steps


def shown_lines(text: str) -> list[str]:
    """Return the lines of an output, without what is another thing each time."""
    lines = _COLOUR.sub("", text).splitlines()
    for pattern, word in _PASSING:
        lines = [pattern.sub(word, line) for line in lines]
    return [line.strip() for line in lines]


def run_session(steps: list[Step], folder: Path, programs: Path) -> list[tuple[int, str]]:
    """Type the commands into one shell; return the exit code and the output of each.

    :param folder: where the user is.
    :param programs: an empty folder, for a cwl-memo and a python that are those under test.
    """
    python = shlex.quote(sys.executable)
    for name, words in (("cwl-memo", f"{python} -m cwl_memo"), ("python", python)):
        (programs / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    script = "".join(f"{step.command}\nprintf '\\n%s %s\\n' '{_END}' $?\n" for step in steps)
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    parts = re.split(rf"\n{_END} (\d+)\n", done.stdout)
    return [(int(code), text) for text, code in zip(parts[::2], parts[1::2], strict=False)]
