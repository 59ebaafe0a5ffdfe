"""By what two runs are the same: their command lines, and all that surrounds them.

Nothing here needs cwltool, which takes longer to import than a replay takes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cwl_memo.core.canonical import JSON

__all__ = ["CommandLine", "asked"]

_SESSION: Final = re.compile(
    r"_|SHLVL|OLDPWD|PWD|TERM|TERM_.*|COLORTERM|COLUMNS|LINES|SSH_.*|WINDOWID|WINDOWPATH|TMUX.*|STY"
    r"|PS[0-4]|PROMPT_COMMAND|LS_COLORS|LSCOLORS|VTE_VERSION|DBUS_SESSION_BUS_ADDRESS|HIST.*"
    r"|XDG_SESSION_.*|GPG_.*|INVOCATION_ID|JOURNAL_STREAM|MAKE.*|MFLAGS"
)
"""Environment variables that differ from terminal to terminal and reach no job."""

_PACKAGES: Final = ("cwl_memo", "cwltool", "cwl_utils", "schema_salad", "ruamel.yaml")
"""What runs a document: another version of any may run it differently."""

_BESIDE: Final = ("--memo-events", "--memo-workspaces")
_DESTINATIONS: Final = ("--outdir", "--memo-report", *_BESIDE)
_DESTINATION_VARIABLES: Final = ("CWL_MEMO_REPORT", "CWL_MEMO_EVENTS", "CWL_MEMO_WORKSPACES")

_TWO_WORDS: Final = frozenset(
    {
        *_DESTINATIONS, "--memo-store", "--memo-cache", "--memo-cache-behavior", "--memo-mode",
        "--memo-salt", "--memo-directories",
        "--memo-image", "--memo-host-tools", "--memo-network", "--memo-link", "--memo-max-size",
        "--memo-recheck", "--memo-max-age", "--memo-tag",
        "--tmpdir-prefix", "--tmp-outdir-prefix", "--preserve-environment", "--on-error",
        "--default-container", "--eval-timeout",
    }
)  # fmt: skip
"""Options with one value that may stand before those of :data:`_DESTINATIONS`."""

_ONE_WORD: Final = frozenset(
    {
        "--no-container", "--parallel", "--quiet", "--memo", "--memo-replay", "--singularity",
        "--podman", "--compute-checksum", "--no-compute-checksum", "--enable-dev", "--enable-ext",
        "--relax-path-checks", "--move-outputs", "--copy-outputs", "--no-warnings",
        "--preserve-entire-environment", "--disable-color", "--enable-color",
    }
)  # fmt: skip
"""The same without a value."""


@dataclass(frozen=True)
class CommandLine:
    """The words of a run, those apart that say where its outputs and what tells of it go.

    :param words: the others.
    :param outdir: where the outputs go; None where only cwltool's parser can tell.
    :param report: where the report goes; empty for nowhere.
    :param events: where events go; empty for nowhere.
    :param workspaces: where the working directories of jobs go; empty for nowhere.
    :param is_clear: whether nothing but cwltool's parser could tell more of the last two.
    """

    words: tuple[str, ...]
    outdir: str | None
    report: str
    events: str = ""
    workspaces: str = ""
    is_clear: bool = True

    @classmethod
    def of(cls, argv: Sequence[str], environ: Mapping[str, str]) -> CommandLine:
        """Divide the words of a run.

        Only options at the beginning are looked at, whose form is known: what follows the
        document belongs to the tool, which may have an input of any name.
        """
        report = environ.get("CWL_MEMO_REPORT", "")
        events, workspaces = (environ.get(name, "") for name in _DESTINATION_VARIABLES[1:])
        whole = cls(tuple(argv), None, report, events, workspaces)
        kept: list[str] = []
        said: dict[str, str] = {}
        place = 0
        while place < len(argv):
            name, is_joined, value = argv[place].partition("=")
            if name in _TWO_WORDS and (is_joined or place + 1 < len(argv)):
                end = place + (1 if is_joined else 2)
                if name in _DESTINATIONS:
                    said[name] = value if is_joined else argv[place + 1]
                else:
                    kept += argv[place:end]
                place = end
            elif argv[place] in _ONE_WORD:
                kept.append(argv[place])
                place += 1
            else:
                break
        rest = argv[place:]
        options = (*rest, *_default_options(environ))
        if any(word.startswith(("--o", "--memo-rep", *_BESIDE)) for word in options) or (
            "" in said.values()
        ):
            beside = any(word.startswith(_BESIDE) for word in (*argv, *options))
            return replace(whole, is_clear=not beside)
        return cls(
            (*kept, *rest),
            said.get("--outdir", "."),
            said.get("--memo-report", report),
            said.get("--memo-events", events),
            said.get("--memo-workspaces", workspaces),
        )


def asked(prog: str, line: CommandLine, environ: Mapping[str, str], settings: JSON) -> JSON:
    """Return all of a command line and its surroundings by which two runs are the same.

    The name of the manifest is made of it. It holds the whole environment but for what is
    known to reach no job.

    :param settings: by what the settings files are known to say the same.
    """
    words = (*line.words, *_default_options(environ))
    preserved = any(word.startswith("--pres") for word in words)
    umask = os.umask(0)
    os.umask(umask)
    return {
        "program": prog,
        "arguments": [os.fsencode(w).hex() if _is_odd(w) else w for w in line.words],
        "knows the output directory": line.outdir is not None,
        "settings": settings,
        "directory": os.fsencode(os.getcwd()).hex(),
        "environment": {
            os.fsencode(name).hex(): os.fsencode(value).hex()
            for name, value in environ.items()
            if preserved or not (name in _DESTINATION_VARIABLES or _SESSION.fullmatch(name))
        },
        "umask": umask,
        "user": [os.geteuid(), os.getegid(), sorted(os.getgroups())],
        "python": [sys.executable, sys.version],
        "machine": [os.cpu_count(), _memory(), *os.uname()],
        "runner": [_package(name) for name in _PACKAGES],
    }


def _default_options(environ: Mapping[str, str]) -> list[str]:
    return environ.get("CWLTOOL_OPTIONS", "").split(" ")


def _is_odd(word: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in word)


def _memory() -> int:
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES")
    return 0


def _package(name: str) -> JSON:
    """Return by what a package is known to be the same, without importing it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    files = []
    for folder in spec.submodule_search_locations or ():
        for place in (folder, *(os.path.join(folder, below) for below in _rooms(folder))):
            with contextlib.suppress(OSError), os.scandir(place) as items:
                for item in items:
                    if item.name.endswith((".py", ".so")):
                        found = item.stat()
                        files.append([item.path, found.st_size, found.st_mtime_ns])
    return sorted(files)


def _rooms(folder: str) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as items:
        return sorted(i.name for i in items if i.is_dir() and not i.name.startswith("_"))
    return []
