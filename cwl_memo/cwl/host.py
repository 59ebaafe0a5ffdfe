"""Finds the identity of the host's own programs, which a job without a container runs.

Two questions, asked apart: which words of a tool may name a program
(:func:`words_of_command`, which sees the document only), and what these words mean on this
machine (:func:`host_identity`). A word too many costs a digest, and a miss when an
unrelated program is upgraded; a word too few would be a wrong hit.

What is not seen: shared libraries, the packages of an interpreter, programs that a program
starts by itself, and the text of a script that is an input (that is keyed as an input).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

__all__ = [
    "LINE",
    "MANY_WORDS",
    "TOO_MANY_WORDS",
    "HostPrograms",
    "host_identity",
    "interpreter_of",
    "named_host",
    "program_of",
    "words_of_command",
    "words_of_text",
]

MANY_WORDS: Final = 500
"""From how many words on the folders of PATH are listed, in place of a look for each word."""

TOO_MANY_WORDS: Final = 5000
"""What so many words mean is not remembered."""

LINE: Final = 512
"""Bytes of a script in which it names its interpreter."""

_MOMENT: Final = 1.0
"""Seconds for which a program is taken to be what it was when it was last looked at."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Remembered:
    when: float
    identity: dict[str, str]
    files: dict[str, Any]


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SHELLS: Final = _set_of("sh bash dash ash zsh ksh mksh pdksh yash csh tcsh fish rbash busybox")

_LAUNCHERS: Final = _set_of(
    "env xargs nice ionice nohup timeout time parallel stdbuf setsid taskset numactl chrt "
    "prlimit setarch unshare chroot bwrap firejail sudo doas su runuser setpriv script "
    "unbuffer expect watch flock find make gmake ninja srun mpirun mpiexec orterun ssh "
    "strace ltrace valgrind perf catchsegv exec command conda mamba micromamba pixi uv "
    "poetry pipenv nix guix module singularity apptainer docker podman "
    # Interpreters, whose code may stand in the arguments.
    "python perl ruby rscript r julia node nodejs lua tclsh awk gawk mawk nawk php java "
    "pypy deno bun octave groovy scala"
)

_KEYWORDS: Final = _set_of(
    "if then else elif fi for foreach while until do done case esac in function select"
)

_BUILTINS: Final = _set_of(
    "alias bg break cd command continue declare echo eval exec exit export false fg getopts "
    "hash jobs kill let local popd printf pushd pwd read readonly return set shift source "
    "test times trap true type typeset ulimit umask unalias unset wait"
)

# CWL expressions need no parsing: what is in them falls into words like the rest.
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.+@%~/-]+")
_NAME: Final = re.compile(r"(?=.*[A-Za-z_])[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_VERSION: Final = re.compile(r"[\d.]+$")
_CODE: Final = _set_of(
    ".sh .bash .py .pyz .pl .pm .R .r .rb .jl .js .mjs .lua .tcl .awk .sed .php .jar .class .groovy"
)
_OTHER_WORLD: Final = ("/proc/", "/sys/", "/dev/")


def words_of_command(
    base_command: str | Sequence[str] | None, arguments: Iterable[Any] | None, *, shell: bool
) -> list[str]:
    """Return the words of a tool that may name a program or a file of the host.

    The first word of ``baseCommand``, always. All absolute paths in the static text of
    the command, which may be scripts (``python3 /opt/tools/x.py``). And where a shell or
    another launcher reads the command, each word that looks like the name of a program:
    of ``sh -c 'bwa mem … | samtools sort'`` both programs. A tool whose program comes from
    an input has none of these: its caller knows the value.

    :param base_command: the tool's ``baseCommand``.
    :param arguments: the tool's ``arguments``: strings, or bindings with ``valueFrom``.
    :param shell: whether ShellCommandRequirement is in force.
    :returns: words in the order of the document, each once.
    """
    argv = _argv(base_command, arguments)
    program = argv[0] if argv else ""
    words = ["/bin/sh"] if shell else []
    # The program of the command is run even if a shell has a builtin of its name.
    words += argv[:1]
    reader = PurePosixPath(program).name
    if shell or _is_launcher(reader) or "$" in program:
        dull = _KEYWORDS | _BUILTINS if shell or reader in _SHELLS else _KEYWORDS
        for text in argv:
            words += [*_paths(text), *(w for w in words_of_text(text) if w not in dull)]
    else:
        for text in argv[1:]:
            words += _paths(text)
    return list(dict.fromkeys(words))


def words_of_text(text: str) -> list[str]:
    """Return the words of a script that look like the name of a program or a path."""
    words: list[str] = []
    for token in _TOKEN.findall(text):
        words += [token] if _NAME.fullmatch(token) else _paths(token)
    return list(dict.fromkeys(words))


def _argv(base_command: str | Sequence[str] | None, arguments: Iterable[Any] | None) -> list[str]:
    """Return the static words of the command, the program first if that is known."""
    base = [base_command] if isinstance(base_command, str) else list(base_command or ())
    bindings = [a if isinstance(a, dict) else {"valueFrom": a} for a in arguments or ()]
    places = [binding.get("position") or 0 for binding in bindings]
    texts = [[b.get("prefix"), b.get("valueFrom")] for b in bindings]
    if all(isinstance(place, int) for place in places):
        texts = [texts[i] for i in sorted(range(len(texts)), key=places.__getitem__)]
    elif not base:
        base = ["$"]  # an expression decides which argument comes first
    return [*base, *(word for pair in texts for word in pair if isinstance(word, str))]


def _is_launcher(program: str) -> bool:
    name = program.lower()
    known = _SHELLS | _LAUNCHERS
    # python3.11 is python.
    return name in known or _VERSION.sub("", name) in known


def _paths(text: str) -> list[str]:
    """Return the absolute paths in a text: itself, for one may hold a space, and its parts."""
    tokens: list[str] = _TOKEN.findall(text)
    # -I/usr/include
    parts = [token[token.find("/") :] if token.startswith("-") else token for token in tokens]
    return [t for t in dict.fromkeys([text, *parts]) if t.startswith("/") and len(t) > 1]


def host_identity(
    words: Sequence[str],
    path: str,
    digest: Callable[[Path], str],
    found_at: dict[str, str] | None = None,
) -> dict[str, str]:
    """Return what words mean on this machine: the digests of the files they lead to.

    A name is looked up on ``path``, an absolute path is taken as it is, and links are
    followed, so that one program in two places is the same. A script brings along its
    interpreter, as ``#!python3`` or ``#!/bin/sh``. A word that leads to no regular file is
    left out: should it lead to one later, the identity is another. Relative paths lead
    into the workspace, whose files are keyed elsewhere.

    :param words: as :func:`words_of_command` returns them.
    :param path: the PATH that the job will see.
    :param digest: returns the digest of a file's content; may remember it.
    :param found_at: takes where each word leads to, as :func:`program_of` tells.
    """
    folders = _folders(path)
    names = _names_in(folders) if len(words) > MANY_WORDS else None
    found: dict[str, str] = {}
    seen = {} if found_at is None else found_at
    for word in words:
        is_nowhere = names is not None and "/" not in word and word.casefold() not in names
        file = None if is_nowhere else _file_of(word, folders)
        seen[word] = "" if file is None else str(file)
        if file is None or word in found:
            continue
        found[word] = _digest(file, digest)
        interpreter = _interpreter(file)
        if interpreter and f"#!{interpreter}" not in found:
            target = _file_of(interpreter, folders)
            seen[interpreter] = "" if target is None else str(target)
            if target is not None:
                found[f"#!{interpreter}"] = _digest(target, digest)
    return found


def _folders(path: str) -> str:
    # A relative folder would be one of the workspace, not one of ours.
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if folder.startswith("/"))


def _names_in(folders: str) -> set[str] | None:
    """Return the names of what stands in folders, case folded; None where one cannot be listed.

    A file system may find a file by its name in another case.
    """
    names: set[str] = set()
    for folder in folders.split(os.pathsep) if folders else ():
        try:
            names.update(name.casefold() for name in os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
    return names


def program_of(word: str, path: str) -> str:
    """Return the file that a word leads to, with links followed; empty if it is no program."""
    file = _file_of(word, _folders(path))
    return "" if file is None else str(file)


class HostPrograms:
    """What words mean on this machine, remembered for a moment.

    The jobs of a scatter use the same programs. What is remembered is forgotten when a job
    has been executed, which may have changed a program, and after :data:`_MOMENT`.

    :param told: told of each PATH, of where words lead on it, and of those that lead to
        what cannot be read; if anyone is.
    """

    def __init__(
        self, told: Callable[[str, dict[str, str], list[str]], None] | None = None
    ) -> None:
        self._told = told
        self._known: dict[tuple[tuple[str, ...], str], _Remembered] = {}

    def identity(
        self, words: Sequence[str], path: str, digest: Callable[[Path], tuple[str, _T]]
    ) -> tuple[dict[str, str], dict[str, _T]]:
        """Return what :func:`host_identity` does, and by what each file is known unchanged.

        :param digest: returns the digest of a file's content, and its stat identity.
        """
        asked = (tuple(words), path)
        known = self._known.get(asked)
        if known is None or time.monotonic() - known.when > _MOMENT:
            files: dict[str, _T] = {}

            def noted(file: Path) -> str:
                found, files[str(file)] = digest(file)
                return found

            # The time before the look: what changes in between is not missed for longer.
            when = time.monotonic()
            found_at: dict[str, str] = {}
            known = _Remembered(when, host_identity(words, path, noted, found_at), files)
            if len(words) <= TOO_MANY_WORDS:
                self._known[asked] = known
            if self._told is not None:
                # What may be run but not read shows no change of its content.
                unread = [w for w, seen in known.identity.items() if not seen.startswith("blake3:")]
                self._told(path, found_at, unread)
        return known.identity, known.files

    def forget(self) -> None:
        """Look at each program anew: a job was executed."""
        self._known.clear()


def named_host(words: Sequence[str]) -> dict[str, str]:
    """Return the identity of a tool's program by name, where the settings ask for no more."""
    return dict.fromkeys(words[:1], "name")


def _file_of(word: str, folders: str) -> Path | None:
    """Return the regular file that a word leads to, with links followed."""
    if "\0" in word:
        return None
    if word.startswith("/"):
        if word.startswith(_OTHER_WORLD):
            return None  # what the kernel says there is another thing each time
        place: str | None = word
    else:
        place = None if "/" in word or not folders else shutil.which(word, path=folders)
    if place is None:
        return None
    try:
        mode = os.stat(place).st_mode
        if not stat.S_ISREG(mode):
            return None
        real = Path(place).resolve(strict=True)
        # A path in the text of a script may be one that it writes to. Only code counts.
        is_code = mode & stat.S_IXUSR or real.suffix in _CODE or _interpreter(real)
        return real if is_code else None
    except (OSError, RuntimeError):  # before Python 3.13, a loop of links is a RuntimeError
        return None


def _digest(file: Path, digest: Callable[[Path], str]) -> str:
    """Return the digest of a file; of one that may be run but not read, what is seen of it."""
    try:
        return digest(file)
    except OSError:
        try:
            seen = file.stat()
        except OSError:
            return "gone"
        return f"unreadable:{seen.st_size}:{seen.st_mtime_ns}"


def _interpreter(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return interpreter_of(opened.read(LINE))
    except OSError:
        return ""


def interpreter_of(start: bytes) -> str:
    """Return the program that a script names in its first line; empty for other files.

    For ``#!/usr/bin/env python3`` that is ``python3``.

    :param start: the first :data:`LINE` bytes of the file.
    """
    if not start.startswith(b"#!"):
        return ""
    line = start[2:].split(b"\n", 1)[0].decode("utf-8", "surrogateescape").strip()
    program, *rest = line.split(None, 1) or [""]
    if PurePosixPath(program).name != "env":
        return program
    try:
        words = shlex.split(" ".join(rest))
    except ValueError:
        return ""
    # env -S FOO=1 python3 -u
    return next((word for word in words if not word.startswith("-") and "=" not in word), "")
