"""The programs of the host (section "host" of the page)."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.golden.independent.encoding import digest_of_file
from tests.golden.independent.page import suffixes, words
from tests.golden.independent.sight import strings

__all__ = ["files_of", "interpreter", "words_of"]

_TOKEN = re.compile(r"[A-Za-z0-9_.+@%~/-]+")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def words_of(
    tool: Mapping[str, Any], requirements: Mapping[str, Any], inputs: Any, runner: str
) -> list[str]:
    """Return the words of a job.

    :param runner: of MPI; empty where the tool does not ask for it.
    """
    given = [*strings(_without_files(inputs)), *_binding_texts(tool["inputs"])]
    last = [
        *strings(requirements.get("InitialWorkDirRequirement")),
        *strings(requirements.get("EnvVarRequirement")),
        *given,
    ]
    text, is_known = _static(tool, last)
    program = text[0] if text and is_known else ""
    shell = "ShellCommandRequirement" in requirements
    name = program.rpartition("/")[2].lower()
    bare = re.sub(r"[\d.]+$", "", name)
    launchers = words("shells") | words("other launchers")
    is_read = shell or not is_known or "$" in program or not launchers.isdisjoint((name, bare))
    dull = words("keywords")
    if shell or program.rpartition("/")[2] in words("shells"):
        dull |= words("builtins")
    found = ["/bin/sh"] if shell else []
    found += [program] if program else []
    for item in text if is_read else text[1:]:
        found += _paths(item)
        found += [word for word in _names(item) if word not in dull] if is_read else []
    found += [runner] if runner else []
    return list(dict.fromkeys([*found, *([] if tool["baseCommand"] else given)]))


def _static(tool: Mapping[str, Any], last: Iterable[str]) -> tuple[list[str], bool]:
    """Return the static text of the command, and whether it begins with the program."""
    bindings = [a if isinstance(a, dict) else {"valueFrom": a} for a in tool["arguments"]]
    places = [binding.get("position", 0) for binding in bindings]
    is_known = bool(tool["baseCommand"]) or all(isinstance(place, int) for place in places)
    if all(isinstance(place, int) for place in places):
        bindings.sort(key=lambda binding: int(binding.get("position", 0)))
    pairs = [b.get(name) for b in bindings for name in ("prefix", "valueFrom")]
    return [*tool["baseCommand"], *(t for t in pairs if isinstance(t, str)), *last], is_known


def _without_files(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_files(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class") in ("File", "Directory"):
        return None
    return {name: _without_files(item) for name, item in value.items()}


def _binding_texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _binding_texts(item)]
    if not isinstance(value, dict):
        return []
    return [
        text
        for name, item in value.items()
        for text in (strings(item) if name == "inputBinding" else _binding_texts(item))
    ]


def _paths(text: str) -> list[str]:
    tokens = (t[t.find("/") :] if t.startswith("-") else t for t in _TOKEN.findall(text))
    return [path for path in (text, *tokens) if path.startswith("/") and len(path) > 1]


def _names(text: str) -> list[str]:
    found: list[str] = []
    for token in _TOKEN.findall(text):
        is_name = _NAME.fullmatch(token) and re.search("[A-Za-z_]", token)
        found += [token] if is_name else _paths(token)
    return found


def files_of(names: Iterable[str], path: str) -> dict[str, str]:
    """Return the digests of the files that words lead to."""
    found: dict[str, str] = {}
    for word in names:
        file = _file(word, path)
        if file is None:
            continue
        found[word] = digest_of_file(file)
        named = interpreter(file)
        behind = _file(named, path) if named else None
        if behind is not None:
            found[f"#!{named}"] = digest_of_file(behind)
    return found


def _file(word: str, path: str) -> Path | None:
    if word.startswith("/"):
        if word.startswith(("/proc/", "/sys/", "/dev/")):
            return None
        return _code(Path(word))
    if "/" in word or not word:
        return None
    for folder in path.split(":"):
        place = Path(folder, word)
        if folder.startswith("/") and _is_file(place) and os.access(place, os.X_OK):
            return _code(place)
    return None


def _code(path: Path) -> Path | None:
    if not _is_file(path):
        return None
    real = path.resolve()
    is_code = real.stat().st_mode & stat.S_IXUSR or real.suffix in suffixes()
    return real if is_code or interpreter(real) else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a text may be too long for a name
        return False


def interpreter(file: Path) -> str:
    """Return the program that a script names; empty for any other file."""
    start = file.read_bytes()[:512]
    if not start.startswith(b"#!"):
        return ""
    line = start[2:].partition(b"\n")[0].decode("utf-8", "surrogateescape").split(None, 1)
    if not line or line[0].rpartition("/")[2] != "env":
        return line[0] if line else ""
    behind = shlex.split(" ".join(line[1:]))
    return next((w for w in behind if not w.startswith("-") and "=" not in w), "")
