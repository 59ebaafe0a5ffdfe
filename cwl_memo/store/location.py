"""Where the local store stands when nobody names a place."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cwl_memo.errors import StoreUnavailableError

__all__ = [
    "STORE_VARIABLE",
    "cache_directory",
    "configuration_directory",
    "default_store_path",
    "named_store_path",
]

STORE_VARIABLE: Final = "CWL_MEMO_STORE"
"""The environment variable that names a store; an option on the command line wins."""

_PROGRAM: Final = "cwl-memo"
_IS_LINUX: Final = sys.platform == "linux"


def default_store_path(environ: Mapping[str, str]) -> Path:
    """Return ``$CWL_MEMO_STORE``, else ``$XDG_CACHE_HOME/cwl-memo``, else ``~/.cache/cwl-memo``.

    The same on every system: a store is found again by the path in the documentation.

    :raises StoreUnavailableError: if there is no home directory to fall back to.
    """
    named = environ.get(STORE_VARIABLE, "")
    if named:
        return named_store_path(named)
    cache = cache_directory(environ)
    return named_store_path("~/.cache/cwl-memo") if cache is None else cache / "cwl-memo"


def cache_directory(environ: Mapping[str, str]) -> Path | None:
    """Return where programs keep what they can make anew; None where no home is named.

    ``$XDG_CACHE_HOME``, else ``~/.cache``. A relative ``$XDG_CACHE_HOME`` does not count (XDG
    Base Directory Specification: "consider the path invalid and ignore it").
    """
    cache = environ.get("XDG_CACHE_HOME", "")
    if cache and Path(cache).is_absolute():
        return Path(cache)
    home = environ.get("HOME", "")
    return Path(home, ".cache") if home else None


def configuration_directory(environ: Mapping[str, str]) -> Path | None:
    """Return where the user's settings and keys are; None where no home is named."""
    if _IS_LINUX:
        # What platformdirs says there, without the time that it takes to import.
        folder = environ.get("XDG_CONFIG_HOME", "")
        if not os.path.isabs(folder):  # noqa: PTH117  (an empty text is none)
            home = environ.get("HOME", "")
            folder = f"{home}/.config" if home else ""
        return Path(folder, _PROGRAM) if folder else None
    from platformdirs import user_config_path

    return user_config_path(_PROGRAM, appauthor=False)


def named_store_path(text: str) -> Path:
    """Return the path that a user meant by ``text``, absolute, with ``~`` resolved.

    A shell leaves the ``~`` of ``--store=~/memo`` as it is.

    :raises StoreUnavailableError: if the home directory it names is not known.
    """
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise StoreUnavailableError(
            f"no home directory is known, so {text!r} cannot be found; "
            f"name a directory with --store or {STORE_VARIABLE}"
        ) from None
